# SPDX-License-Identifier: Apache-2.0
"""`make lint`: what three SystemVerilog front ends and two Python checkers say."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from switchproof.ci import boards, build, evidence, filelists, harness_cache, ui
from switchproof.ci.paths import BUILD, ROOT, shown
from switchproof.models import profiles
from switchproof.tb import description as descriptions

#: A port of a link with all features on.
FULL_LINK = {"FLIT_W": 512, "MAX_SKEW": 8, "CLOCK_DEPTH": 16, "INJECT": 1}
#: Verilator takes a minute and gigabytes for these, and slang, which elaborates each port too,
#: some seconds; what differs by the number of ports differs in rack64 and rack72 as well.
SLANG_ONLY = ("upn512", "red_bench")


@dataclasses.dataclass(frozen=True)
class Target:
    """A top module with its sources and parameters."""

    top: str
    sources: tuple[Path, ...]
    include_dirs: tuple[Path, ...]
    parameters: dict[str, int]


def switch_target(config: profiles.Config) -> Target:
    """Return the switch in a configuration."""
    what = harness_cache.switch()
    return Target(what.module, what.sources, what.include_dirs, what.values(config))


def board_target(name: str, profile: str = "") -> Target:
    """Return what a board has behind clock and pins, in its own configuration or a named one."""
    board = boards.get(name, profile)
    sources, includes = descriptions.read_filelist(filelists.BOARD_FILELIST)
    return Target("sp_board", tuple(sources), tuple(includes), board.parameters)


def link_target(top: str, **parameters: int) -> Target:
    """Return a link, or a port of one."""
    return _listed(filelists.LINK_FILELIST, top, parameters)


def endpoint_target(**parameters: int) -> Target:
    """Return an endpoint."""
    return _listed(filelists.ENDPOINT_FILELIST, "sp_endpoint", parameters)


def rack_target(top: str, **parameters: int) -> Target:
    """Return a chip, or a rack."""
    return _listed(filelists.RACK_FILELIST, top, parameters)


def _listed(filelist: Path, top: str, parameters: dict[str, int]) -> Target:
    sources, includes = descriptions.read_filelist(filelist)
    return Target(top, tuple(sources), tuple(includes), parameters)


def verilator(target: Target) -> str:
    """Return what Verilator -Wall finds in a top, empty when nothing."""
    spec = build.BuildSpec(
        name="lint",
        toplevel=target.top,
        sources=target.sources,
        include_dirs=target.include_dirs,
        parameters=tuple(target.parameters.items()),
    )
    try:
        build.lint(spec, wall=True)
    except build.BuildError as error:
        return str(error)
    return ""


def slang(target: Target) -> str:
    """Return slang's errors and warnings, empty when there are none."""
    import pyslang

    driver = pyslang.driver.Driver()
    driver.addStandardArgs()
    # A cast to a width that a parameter gives is "useless" at one value of it: not a finding.
    words = ["slang", "--top", target.top, "-Wextra", "-Wno-useless-cast"]
    words += ["--error-limit", "40"]
    for name, value in target.parameters.items():
        words += ["-G", f"{name}={value}"]
    for folder in target.include_dirs:
        words += ["-I", str(folder)]
    words += [str(file) for file in target.sources]
    ok = driver.parseCommandLine(" ".join(words)) and driver.processOptions()
    if not ok or not driver.parseAllSources():
        return "slang could not read the sources"
    compilation = driver.createCompilation()
    engine = driver.diagEngine
    client = pyslang.TextDiagnosticClient()
    engine.clearClients()
    engine.addClient(client)
    for diagnostic in compilation.getAllDiagnostics():
        engine.issue(diagnostic)
    return str(client.getString()) if engine.numErrors or engine.numWarnings else ""


def yosys(target: Target) -> str:
    """Return Yosys's errors while it elaborates a top, empty when there are none.

    Yosys exits the process on an error, so it gets a process of its own.
    """
    script = ["read_slang", "--top", target.top]
    script += [f"-G {name}={value}" for name, value in target.parameters.items()]
    script += [f"-I {folder}" for folder in target.include_dirs]
    script += [str(file) for file in target.sources]
    code = (
        "from pyosys import libyosys as y\n"
        "d = y.Design()\n"
        f"y.run_pass({' '.join(script)!r}, d)\n"
        "y.run_pass('proc', d)\n"
        "y.run_pass('check -assert', d)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if found.returncode == 0:
        return ""
    lines = [line for line in (found.stdout + found.stderr).splitlines() if line.strip()]
    marked = [line for line in lines if re.search(r"error|warning|assert", line, re.IGNORECASE)]
    return "\n".join((marked or lines)[-40:])


def _tool(*words: str) -> Callable[[], str]:
    def run() -> str:
        env = {**os.environ, "MYPYPATH": str(BUILD / "python"), "NO_COLOR": "1"}
        found = subprocess.run(
            [sys.executable, "-m", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=env,
        )
        return (found.stdout + found.stderr).strip() if found.returncode else ""

    return run


def stale_lists() -> str:
    """Return which file lists do not say what lies in rtl/."""
    return "\n".join(
        f"{shown(path)} is stale: run .venv/bin/python -m switchproof.ci.filelists"
        for path in filelists.stale()
    )


def run(console: Console) -> int:
    """Run all checks, print a table; return 1 when one found something."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("file lists", stale_lists),
        ("ruff check", _tool("ruff", "check")),
        ("ruff format", _tool("ruff", "format", "--check")),
        ("mypy", _tool("mypy", "--no-error-summary", "-p", "switchproof")),
    ]
    targets = {c.name: switch_target(c) for c in profiles.load().values()}
    links = {f"link{flit_w}": link_target("sp_link", FLIT_W=flit_w) for flit_w in (128, 256, 512)}
    links |= {f"port{flit_w}": link_target("sp_link_port", FLIT_W=flit_w) for flit_w in (128, 256)}
    links["port512"] = link_target("sp_link_port", **FULL_LINK)
    links["port_plain"] = link_target("sp_link_port", FLIT_W=512, CLOCK_DEPTH=0, INJECT=0)
    targets |= {name: board_target(name) for name in boards.names()} | links
    targets["ulx3s_links"] = board_target("ulx3s", "board4l")
    targets["ulx3s_endpoints"] = board_target("ulx3s", "board2e")
    targets["endpoint"] = endpoint_target()
    targets["endpoint512"] = endpoint_target(FLIT_W=512, DATA_W=64, N_PLANES=1, N_REGIONS=1)
    targets["endpoint_unchecked"] = endpoint_target(CHECK=0)
    targets["switch_chip"] = rack_target("sp_switch_chip")
    targets["two_tier"] = rack_target("sp_two_tier", PARTIALS=1)
    targets["supernode"] = rack_target("sp_supernode", LINKS=1)
    for name, target in targets.items():
        if name in SLANG_ONLY:
            continue
        checks.append((f"verilator -Wall {name}", functools.partial(verilator, target)))
    # slang reads the text the same way for each; the smallest and the largest suffice, and those
    # with all that an engine can have, in both forms.
    for name in (
        "dev2",
        "upn512",
        *boards.names(),
        "ulx3s_links",
        "ulx3s_endpoints",
        "link512",
        "port512",
        "dev8",
        "dev4p",
        "endpoint",
        "endpoint512",
        "two_tier",
        "supernode",
    ):
        checks.append((f"slang {name}", functools.partial(slang, targets[name])))
    synthesized = ("link128", "link512", "port512", "dev8", "endpoint", "endpoint512", "supernode")
    for name in (*boards.names(), "ulx3s_links", "ulx3s_endpoints", *synthesized):
        checks.append((f"yosys {name}", functools.partial(yosys, targets[name])))
    rows = []
    results: list[dict[str, Any]] = []
    for name, check in checks:
        begin = time.monotonic()
        text = check()
        seconds = time.monotonic() - begin
        rows.append((name, "FAIL" if text else "clean", f"{seconds:.1f}"))
        results.append(
            {
                "name": f"lint/{name}",
                "seed": None,
                "status": "failed" if text else "passed",
                "seconds": round(seconds, 2),
                "repro": "make lint",
            }
        )
        if text:
            ui.line(console, f"{name}:", "bold red")
            for line in text.splitlines()[:80]:
                ui.line(console, f"  {line}")
    ui.table(console, "lint", ("check", "result", "seconds"), rows)
    failed = any(row[1] == "FAIL" for row in rows)
    total = sum(result["seconds"] for result in results)
    evidence.write("lint", evidence.results(results, total))
    return 1 if failed else 0
