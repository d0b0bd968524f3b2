# SPDX-License-Identifier: Apache-2.0
"""`make lint`: what three SystemVerilog front ends and two Python checkers say."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console

from switchproof.ci import build, evidence, filelists, ui
from switchproof.ci.paths import BUILD, ROOT, shown
from switchproof.models import profiles
from switchproof.tb import description as descriptions
from switchproof.tb.description import Description

#: Configuration that Yosys elaborates; its memories make large ones slow.
YOSYS_CONFIG = "board4"


@functools.cache
def switch() -> Description:
    """Return the description of the switch: its sources, and parameters of a configuration."""
    return descriptions.load(ROOT / "tb" / "duts" / "sp_switch_core.toml")


def verilator(config: profiles.Config) -> str:
    """Return what Verilator -Wall finds in the top, empty when nothing."""
    what = switch()
    spec = build.BuildSpec(
        name="lint",
        toplevel=what.module,
        sources=what.sources,
        include_dirs=what.include_dirs,
        parameters=tuple(what.values(config).items()),
    )
    try:
        build.lint(spec, wall=True)
    except build.BuildError as error:
        return str(error)
    return ""


def slang(config: profiles.Config) -> str:
    """Return slang's errors and warnings, empty when there are none."""
    import pyslang

    driver = pyslang.driver.Driver()
    driver.addStandardArgs()
    what = switch()
    # A cast to a width that a parameter gives is "useless" at one value of it: not a finding.
    words = ["slang", "--top", what.module, "-Wextra", "-Wno-useless-cast"]
    words += ["--error-limit", "40"]
    for name, value in what.values(config).items():
        words += ["-G", f"{name}={value}"]
    for folder in what.include_dirs:
        words += ["-I", str(folder)]
    words += [str(file) for file in what.sources]
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


def yosys(config: profiles.Config) -> str:
    """Return Yosys's errors while it elaborates the top, empty when there are none.

    Yosys exits the process on an error, so it gets a process of its own.
    """
    what = switch()
    script = ["read_slang", "--top", what.module]
    script += [f"-G {name}={value}" for name, value in what.values(config).items()]
    script += [f"-I {folder}" for folder in what.include_dirs] + [str(f) for f in what.sources]
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
    for config in profiles.load().values():
        checks.append((f"verilator -Wall {config.name}", functools.partial(verilator, config)))
    # slang reads the text the same way for each; the smallest and the largest suffice.
    for name in ("dev2", "rack64"):
        checks.append((f"slang {name}", functools.partial(slang, profiles.get(name))))
    small = profiles.get(YOSYS_CONFIG)
    checks.append((f"yosys {YOSYS_CONFIG}", functools.partial(yosys, small)))
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
