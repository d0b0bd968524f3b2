# SPDX-License-Identifier: Apache-2.0
"""The commands behind the make targets. Each takes a console and returns an exit code."""

from __future__ import annotations

import importlib.util
import math
import os
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from switchproof.ci import (
    boards,
    evidence,
    link_campaign,
    linting,
    session,
    testplan,
    ui,
    variables,
)
from switchproof.ci import coverage as cov
from switchproof.ci import fpga as flow
from switchproof.ci import report as reporting
from switchproof.ci.build import trace_format
from switchproof.ci.paths import REPORT, RUNS, TESTS, shown
from switchproof.ci.simulate import run_path

HELP = (
    ("make sim", "set everything up and run the default regression"),
    ("make test", "run all tests, with coverage; what CI runs"),
    ("make coverage", "the same, then the coverage table, thresholds and holes"),
    ("make hil BOARD=", "run the bring-up tests on a board: virtual, netlist, or its port"),
    ("make fpga BOARD=", "from RTL to a bitstream, with clock and area (SIZE=: a smaller part)"),
    ("make board", "start the virtual board, to play with by hand"),
    ("make regress SEEDS=n", "the default regression with n seeds (SUITE=test: all, long too)"),
    ("make regress SUITE=link", "10^8 flits through links whose wires err in every way"),
    ("make lint", "Verilator -Wall, slang, Yosys, ruff, mypy"),
    ("make formal", "prove the properties, and that each proof can fail"),
    ("make mutate", "make small defects in the RTL and see whether tests notice"),
    ("make exhaustive", "add and compare every pair of 8- and 16-bit numbers in the RTL"),
    ("make bench BENCH=name", "measure; see tests/bench/"),
    ("make layout", "generate models/layout.json from the packet package"),
    ("make csr", "generate registers from SystemRDL"),
    ("make clean", "remove what was built (not .venv)"),
)
VARIABLES = (
    ("TEST=", "a part of block/test[parameters], or a glob of all of it"),
    ("SEED=", "this seed for every run (1..2147483647)"),
    ("SEEDS=", "how many seeds `make regress` runs"),
    ("WAVES=1", "write a trace and a GTKWave save file into the run's folder"),
    ("PROFILE=", "run every test, or make the board, in this configuration"),
    ("PORTS=", f"run every test with so many ports (2..{variables.MAX_PORTS})"),
    ("BOARD=", "for `make hil`: virtual (default), netlist, or the port of a board"),
    ("HOST=", "uart, or litex: LiteX's server and client talk to the board"),
    ("JOBS=", "parallel tests (default: one per processor)"),
    ("PYTHON=", "the Python that makes .venv (default: python3)"),
)


def show_help(console: Console) -> int:
    """Print targets and variables."""
    ui.table(console, "Targets", ("", "what it does"), HELP)
    ui.table(console, "Variables", ("", "what it sets"), VARIABLES)
    return 0


def _variable(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


#: Lines of each failure that the closing list repeats: CI keeps only the end of what we print.
REASON_LINES = 3
#: What `make sim` and `make test` run, as pytest's marks.
DEFAULT_SUITE = "sim and not large"
#: The same for more ports than MANY_PORTS, which are slow to build and to run.
RACK_SUITE = "radix"
MANY_PORTS = 32
ALL_BUT_BOARDS = "(not hil or short) and not campaign"
USUAL = f"{ALL_BUT_BOARDS} and not long"


def _selection(target: str, *, mark: str = "", coverage: bool = False) -> session.Selection:
    return session.Selection(
        target=target,
        mark=mark,
        test=_variable("TEST"),
        seed=_variable("SEED"),
        profile=_variable("PROFILE"),
        ports=_variable("PORTS"),
        waves=variables.flag("WAVES", _variable("WAVES")),
        coverage=coverage,
        jobs=variables.job_count(_variable("JOBS")),
    )


def sim_suite() -> str:
    """Return the marks of what `make sim` runs in the configuration that was asked for."""
    asked = variables.override(_variable("PROFILE"), _variable("PORTS"))
    many = asked is not None and variables.resolve_config(asked).ports > MANY_PORTS
    return RACK_SUITE if many else DEFAULT_SUITE


def sim(console: Console) -> int:
    """Run the default regression; with as many ports as a rack has, tests made for that."""
    selection = _selection("sim", mark=sim_suite())
    outcome = session.run(selection, console)
    return _finish(console, selection, outcome, "sim")


def test(console: Console) -> int:
    """Run all tests but long ones with coverage, judge the test plan, write all evidence."""
    selection = _selection(
        "test", mark=USUAL, coverage=not variables.flag("WAVES", _variable("WAVES"))
    )
    outcome = session.run(selection, console)
    return _finish(console, selection, outcome, "test")


def hil(console: Console) -> int:
    """Run the bring-up tests on a board: BOARD=virtual, netlist, or its port."""
    board = _variable("BOARD", "virtual")
    # A netlist runs at a hundredth of the speed, so it is asked for the most telling tests.
    mark = "hil and netlist" if board == "netlist" else "hil"
    about = boards.get(boards.VIRTUAL, _variable("PROFILE"), _variable("SIZE"))
    if not about.config.links:
        mark += " and not links"
    # Where an endpoint is, there is no generator, and nothing through which packets come and go.
    mark += " and not traffic" if about.config.endpoints else " and not endpoints"
    if not about.config.engines:
        mark += " and not engine"
    selection = _selection("hil", mark=mark)
    selection.profile = about.config.name if about.variant else ""
    selection.board = board
    selection.host = variables.choice("HOST", _variable("HOST", "uart"), ("uart", "litex"))
    if board == "netlist":
        flow.netlist_spec(about)
    elif board != "virtual" and not Path(board).exists():
        raise variables.UserError(
            f"BOARD={board} is neither virtual, nor netlist, nor a port that is there, such as "
            "/dev/ttyUSB0"
        )
    if board not in ("virtual", "netlist"):
        boards.look(about, board)
        selection.jobs = 1  # one board, one test at a time; simulated ones are as many as jobs
    evidence.write("hil_bit_errors", [])
    outcome = session.run(selection, console)
    rows = evidence.read("hil_bit_errors")
    if rows:
        ui.table(console, "bit errors", reporting.BIT_ERRORS, reporting.bit_error_rows(rows))
    return _finish(console, selection, outcome, "hil", board=board, host=selection.host)


def fpga(console: Console) -> int:
    """Make the bitstream of BOARD= for a part of SIZE=."""
    size = _variable("SIZE")
    board = boards.get(_variable("BOARD", boards.VIRTUAL), _variable("PROFILE"), size)
    code = flow.implement(console, board, size or board.usual_size)
    reporting.write()
    ui.line(console, f"report: {_report_path()}")
    return code


def board(console: Console) -> int:
    """Start the virtual board and leave it running until Ctrl-C."""
    about = boards.get(boards.VIRTUAL, _variable("PROFILE"), _variable("SIZE"))
    with boards.VirtualBoard(about) as virtual:
        ui.line(console, f"the virtual {about.name}: {virtual.port} at {about.baud} baud")
        ui.line(console, "its UART speaks LiteX's UARTBone; docs/board.md tells what to try")
        ui.line(console, f"  make hil BOARD={virtual.port}")
        ui.line(console, "Ctrl-C ends it")
        virtual.wait()
    return 0


def coverage(console: Console) -> int:
    """Run all tests, then show coverage, holes and what is below its threshold."""
    code = test(console)
    return coverage_table(console, holes=30) or code


def coverage_table(console: Console, holes: int = 0) -> int:
    """Show the coverage that the last `make test` left; exit code 1 below a threshold."""
    result = evidence.read("coverage")
    if result is None:
        raise variables.UserError("there is no coverage yet: run make test")
    kinds = (*cov.KINDS, "functional")

    def row(name: str, figures: dict[str, Any]) -> list[str]:
        return [name, *(f"{figures[k]:.2f}" if k in figures else "" for k in kinds)]

    rows = [row(name, block) for name, block in result["blocks"].items()]
    rows.append(row("all", result))
    ui.table(console, "Coverage, %", ("block", *kinds), rows)
    for hole in result["holes"][:holes]:
        ui.line(console, f"  not hit: {hole}", "yellow")
    if holes and len(result["holes"]) > holes:
        ui.line(console, f"  and {len(result['holes']) - holes} more in {_report_path()}")
    low = cov.below(result, cov.thresholds())
    for line in low:
        ui.line(console, f"FAIL  {line}", "bold red")
    return 1 if low else 0


def count(console: Console) -> int:
    """Print the plain line that closes a CI run, of the last `make test`."""
    result = evidence.read("test")
    if result is None:
        raise variables.UserError("there are no results yet: run make test")
    skipped = f", {result['skipped']} skipped" if result["skipped"] else ""
    ui.line(console, f"{result['passed']} passed, {result['failed']} failed{skipped}")
    return 1 if result["failed"] or not result["passed"] else 0


#: Suites of `make regress`: pytest's marks, and how many seeds unless SEEDS says.
SUITES = {"sim": (DEFAULT_SUITE, "3"), "test": (ALL_BUT_BOARDS, "3"), "link": ("campaign", "1")}


def regress(console: Console) -> int:
    """Run a suite under several seeds: base seeds 1..SEEDS give every test its own."""
    suite = variables.choice("SUITE", _variable("SUITE", "sim"), SUITES)
    mark, usual = SUITES[suite]
    count = variables.seeds(_variable("SEEDS", usual))
    # The campaign runs nowhere else, so that a failure is run again here, with its seed.
    if _variable("SEED") and (suite != "link" or count > 1):
        raise variables.UserError("SEED fixes one seed: use SEEDS=n with make regress")
    tests: list[dict[str, Any]] = []
    begin = time.monotonic()
    for base in range(1, count + 1):
        console.print(f"[bold]seed {base} of {count}[/]")
        selection = _selection(suite, mark=mark)
        selection.base_seed = base
        tests += session.run(selection, console).tests
    outcome = session.Outcome(tests, time.monotonic() - begin)
    if suite != "link":
        return _finish(console, _selection(suite), outcome, f"regress/{suite}", seeds=count)
    found = link_campaign.merged(outcome.tests)
    code = _finish(console, _selection(suite), outcome, "regress/link", seeds=count, **found)
    lacks = link_campaign.short_of(found) if _selection(suite).complete else []
    for line in lacks:
        ui.line(console, f"FAIL  the campaign: {line}", "bold red")
    return 1 if lacks else code


def _finish(
    console: Console,
    selection: session.Selection,
    outcome: session.Outcome,
    name: str,
    **more: Any,
) -> int:
    """Judge the plan, write evidence and report, print the closing table."""
    runs = {test["name"]: [Path(run) for run in test.get("runs", [])] for test in outcome.tests}
    verdicts = testplan.judge(testplan.load(), outcome.tests, _functional(outcome.tests, runs))
    # A partial run or the default regression alone cannot meet the whole plan.
    binding = selection.complete and name == "test"
    missing = [f"{v.point.block}/{v.point.name}: {m}" for v in verdicts for m in v.missing]
    if not outcome.tests:
        missing.insert(0, "no test was found")
    public = [{k: v for k, v in test.items() if k != "runs"} for test in outcome.tests]
    plan = [
        {
            "block": v.point.block,
            "name": v.point.name,
            "stage": v.point.stage,
            "about": v.point.about,
            "tests": list(v.point.tests),
            "runs": v.runs,
            "hit": v.hit,
            "bins": v.bins,
            "missing": v.missing,
        }
        for v in verdicts
    ]
    narrowed = {k: getattr(selection, k) for k in ("test", "seed", "profile", "ports")}
    data = evidence.results(
        public,
        outcome.seconds,
        suite=name,
        plan=plan,
        selection={k: v for k, v in narrowed.items() if v},
        **more,
    )
    evidence.write(name, data)
    evidence.write_junit(data, name)
    if selection.coverage:
        _write_coverage(verdicts, [run for folders in runs.values() for run in folders], missing)
    path = reporting.write()
    _closing(console, data, missing if binding or not outcome.tests else [], path)
    return 1 if data["failed"] or not outcome.tests or (binding and missing) else 0


def _functional(
    tests: list[dict[str, Any]], runs: dict[str, list[Path]]
) -> dict[str, dict[str, int]]:
    """Return block/function to the functional coverage of all its runs."""
    folders: dict[str, list[Path]] = {}
    for test in tests:
        if test["status"] == "passed":
            key = f"{test.get('block')}/{test.get('function')}"
            folders.setdefault(key, []).extend(runs[test["name"]])
    return {key: cov.functional(paths) for key, paths in folders.items()}


def _write_coverage(verdicts: list[testplan.Verdict], runs: list[Path], missing: list[str]) -> None:
    met: dict[str, tuple[int, int]] = {}
    for verdict in verdicts:
        hit, total = met.get(verdict.point.block, (0, 0))
        met[verdict.point.block] = (hit + (not verdict.missing), total + 1)
    waivers = cov.load_waivers()
    files = cov.by_file(cov.collect(runs), waivers)
    notes = [*missing]
    notes += [f"waiver that takes out nothing: {w.file} {w.match}" for w in waivers if not w.used]
    evidence.write("coverage", cov.summary(files, waivers, met, cov.functional(runs), notes))
    cov.write_lcov(files)
    cov.write_cobertura(files)
    reporting.write_sources(files)


def _report_path() -> str:
    return shown(REPORT / "index.html")


def _closing(console: Console, data: dict[str, Any], missing: list[str], path: Path) -> None:
    blocks: dict[str, dict[str, float]] = {}
    for test in data["tests"]:
        row = blocks.setdefault(test["name"].partition("/")[0], {})
        row[test["status"]] = row.get(test["status"], 0) + 1
        row["seconds"] = row.get("seconds", 0) + test["seconds"]
    columns = ("passed", "failed", "skipped")
    rows = [
        [name, *(f"{row.get(c, 0):.0f}" for c in columns), f"{row['seconds']:.1f}"]
        for name, row in sorted(blocks.items())
    ]
    total = [str(data[c]) for c in columns]
    rows.append(["all", *total, f"{sum(t['seconds'] for t in data['tests']):.1f}"])
    console.print()
    ui.table(console, "", ("block", *columns, "seconds"), rows)
    for line in missing:
        ui.line(console, f"test plan: {line}", "bold red")
    _show_waves(console, data)
    failed = [test for test in data["tests"] if test["status"] == "failed"]
    if failed:
        ui.line(console, "failed; to run one again:", "bold red")
        for test in failed:
            ui.line(console, f"  {test['repro']}")
            for line in _reason(test.get("message", "")):
                ui.line(console, f"      {line}", "dim")
    met = sum(not point["missing"] for point in data["plan"])
    if data["plan"]:
        ui.line(console, f"test plan: {met} of {len(data['plan'])} points met")
    ui.line(console, f"report: {shown(path)}   ({data['seconds']:.0f} s)")


def _reason(message: str) -> list[str]:
    """Return the lines of a failure that say what was wrong: pytest marks them, else the first.

    Before them a worker says who it is.
    """
    lines = [line.rstrip() for line in message.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return (marked or [line for line in lines if not line.startswith("[gw")])[:REASON_LINES]


def _show_waves(console: Console, data: dict[str, Any]) -> None:
    """Say where the traces of this session are."""
    if not variables.flag("WAVES", _variable("WAVES")):
        return
    if trace_format() == "vcd":
        ui.line(console, "traces are VCD; FST needs lz4.h (Debian: apt-get install liblz4-dev)")
    for test in data["tests"]:
        if test["seed"] is not None:
            name = run_path(test["name"], test["seed"]).name.rpartition("-")[0]
            # A test with several runs numbers them from the second on.
            for pattern in (f"{name}-{test['seed']}", f"{name}.[0-9]*-{test['seed']}"):
                for path in sorted(RUNS.glob(f"{pattern}/*.gtkw")):
                    ui.line(console, f"waves: gtkwave {shown(path)}")


def lint(console: Console) -> int:
    """Run all linters; each shows what it found."""
    return linting.run(console)


def bench(console: Console) -> int:
    """Run one benchmark, tests/bench/bench_<area>.py, and write bench/<area>.json."""
    areas = {path.stem.removeprefix("bench_"): path for path in TESTS.glob("bench/bench_*.py")}
    area = variables.choice("BENCH", _variable("BENCH", "sim"), sorted(areas))
    spec = importlib.util.spec_from_file_location(f"switchproof_bench_{area}", areas[area])
    if spec is None or spec.loader is None:
        raise variables.UserError(f"{shown(areas[area])} cannot be read")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    wanted = getattr(module, "CONFIG", "dev16")
    figures: dict[str, Any]
    if wanted is None:
        figures = module.main()
    else:
        override = variables.override(_variable("PROFILE"), _variable("PORTS"))
        figures = {"config": override or wanted}
        figures |= module.main(variables.resolve_config(figures["config"]))
    path = evidence.write(f"bench/{area}", figures)
    least: dict[str, float] = getattr(module, "AT_LEAST", {})
    most: dict[str, float] = getattr(module, "AT_MOST", {})
    targets = {key: f"at least {value:g}" for key, value in least.items()}
    targets |= {key: f"at most {value:g}" for key, value in most.items()}
    # Curves and paths are for the report.
    rows = [
        [key, ui.number(value) if not isinstance(value, str) else value, targets.get(key, "")]
        for key, value in figures.items()
        if isinstance(value, (int, float, str)) and key != "config"
    ]
    ui.table(console, f"bench {area}, {figures['config']}", ("metric", "value", "wanted"), rows)
    missed = [key for key, limit in least.items() if figures.get(key, -math.inf) < limit]
    missed += [key for key, limit in most.items() if figures.get(key, math.inf) > limit]
    for key in missed:
        ui.line(console, f"FAIL  {key} is not {targets[key]}", "bold red")
    reporting.write()
    ui.line(console, f"figures: {shown(path)}   report: {_report_path()}")
    return 1 if missed else 0


def report(console: Console) -> int:
    """Write the report anew from the evidence that is there."""
    ui.line(console, f"report: {shown(reporting.write())}")
    return 0
