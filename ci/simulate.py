# SPDX-License-Identifier: Apache-2.0
"""One simulation: start it, wait for it, judge it, keep little of it when it passed."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path

from switchproof.ci import coverage, waves
from switchproof.ci.build import Build, trace_format
from switchproof.ci.paths import BYTECODE, ROOT, RUNS, shown

#: What a program without cocotb leaves of its figures.
FIGURES = "figures.json"
#: Lines of a failed run's log that are printed.
TAIL_LINES = 40
#: Bytes of a passed run's log that are kept.
PASS_LOG_BYTES = 20_000
#: What stays of a passed run; the rest (packet rings of many megabytes) goes.
KEPT = (".log", ".xml", ".json", ".npy", ".vcd", ".fst", ".gtkw")


class RunError(AssertionError):
    """A simulation that failed; the text says why and holds the end of its log."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One simulation to run. ``testcase`` is the name of a cocotb test in ``module``."""

    name: str
    build: Build
    toplevel: str
    module: str
    testcase: str
    seed: int
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    paths: tuple[Path, ...] = ()
    timeout: float = 300.0
    waves: bool = False
    coverage: bool = False
    wave_signals: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class RunResult:
    """A passed simulation: its folder (log, functional.json, coverage.dat, trace) and time."""

    path: Path
    seconds: float


def run_path(name: str, seed: int) -> Path:
    """Return the folder of a run."""
    return RUNS / (re.sub(r"[^\w.=+-]+", ".", name).strip(".") + f"-{seed}")


def simulate(run: Run) -> RunResult:
    """Run one simulation. Raises RunError when it does not pass, whatever the reason."""
    path = run_path(run.name, run.seed)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    trace = path / f"waves.{trace_format()}"
    command = [str(run.build.executable), f"+verilator+seed+{run.seed}", "+verilator+rand+reset+2"]
    command += run.args
    if run.coverage:
        command.append(f"+verilator+coverage+file+{path / 'coverage.dat'}")
    if run.waves:
        command += ["--trace", "--trace-file", str(trace)]
    begin = time.monotonic()
    code = _execute(command, path, {**_environment(run, path), **run.env}, run.timeout)
    seconds = time.monotonic() - begin
    if run.waves and trace.exists():
        waves.write_save_file(trace, run.toplevel, run.wave_signals)
    reason = _judge(path / "results.xml", run.testcase, code, run.timeout)
    if reason:
        raise RunError(f"{reason}\n{tail(path / 'sim.log')}\nthe whole log: {shown(path)}/sim.log")
    if run.coverage:
        coverage.reduce(path / "coverage.dat", run.build.path)
    _tidy(path)
    return RunResult(path, seconds)


def run_program(
    name: str, build: Build, seed: int, args: Sequence[str], timeout: float
) -> RunResult:
    """Run a build that has a `main` of its own, with ``seed=`` and ``args`` as arguments.

    The last line that it prints is JSON and is left as FIGURES. Raises RunError.
    """
    path = run_path(name, seed)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    command = [str(build.executable), f"seed={seed}", *args]
    begin = time.monotonic()
    code = _execute(command, path, os.environ, timeout)
    seconds = time.monotonic() - begin
    log = path / "sim.log"
    if code != 0:
        reason = _end(code, timeout)
        raise RunError(f"{reason}\n{tail(log)}\nthe whole log: {shown(log)}")
    lines = log.read_text(errors="replace").splitlines()
    (path / FIGURES).write_text(lines[-1] if lines else "")
    _tidy(path)
    return RunResult(path, seconds)


def _environment(run: Run, path: Path) -> dict[str, str]:
    """Return the environment that cocotb's library and our code inside the simulation read."""
    import cocotb_tools.config as cocotb
    import find_libpython

    libpython = find_libpython.find_libpython()
    if libpython is None:
        raise RunError("no shared libpython: install it (Debian: apt-get install libpython3-dev)")
    python_path = [str(ROOT), *(str(folder) for folder in run.paths), *sys.path]
    return {
        **os.environ,
        # Importing what is compiled already halves the time of a short run.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(BYTECODE),
        "PATH": os.environ.get("PATH", "") + os.pathsep + str(cocotb.libs_dir),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(part for part in python_path if part)),
        "PYGPI_PYTHON_BIN": sys.executable,
        "GPI_USERS": f"{libpython};{cocotb.pygpi_entry_point()}",
        "TOPLEVEL_LANG": "verilog",
        "COCOTB_TOPLEVEL": run.toplevel,
        "COCOTB_TEST_MODULES": run.module,
        "COCOTB_TEST_FILTER": rf"\.{re.escape(run.testcase)}(/|$)",
        "COCOTB_RESULTS_FILE": str(path / "results.xml"),
        "COCOTB_RANDOM_SEED": str(run.seed),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        # Numerical libraries would start a thread per processor in each parallel run.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "SP_SEED": str(run.seed),
        "SP_RUN_DIR": str(path),
        "SP_WAVES": "1" if run.waves else "0",
    }


def _execute(command: list[str], path: Path, env: Mapping[str, str], timeout: float) -> int | None:
    """Return the exit code, or None when the time ran out and all of it was killed."""
    with (path / "sim.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=path,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _judge(results: Path, testcase: str, code: int | None, timeout: float) -> str:
    """Return why a run failed, or an empty text. A test that never ran is a failure."""
    if code is None:
        return _end(code, timeout)
    cases = _testcases(results)
    ran = [case for case in cases if case.get("name", "").split("/")[0] == testcase]
    for case in ran:
        for kind in ("failure", "error"):
            found = case.find(kind)
            if found is not None:
                text = found.get("message") or found.get("error_msg") or ""
                return f"{case.get('name')}: {text.strip() or 'failed'}"
    if code < 0:
        return _end(code, timeout)
    if not ran:
        return f"the test {testcase!r} never ran"
    if all(case.find("skipped") is not None for case in ran):
        return f"the test {testcase!r} was skipped inside the simulation"
    if code != 0:
        return _end(code, timeout)
    return ""


def _end(code: int | None, timeout: float) -> str:
    """Return how a simulator ended that did not end well."""
    if code is None:
        return f"no end after {timeout:g} s: killed"
    if code < 0:
        return f"the simulator died of {signal.Signals(-code).name}"
    return f"the simulator ended with exit code {code}"


def _testcases(results: Path) -> list[ElementTree.Element]:
    try:
        return list(ElementTree.parse(results).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return []


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log, each bounded in length, without terminal colours."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - 400 * lines))
            text = handle.read().decode(errors="replace")
    except OSError:
        return "(no log)"
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return "\n".join(f"  | {line[:240]}" for line in text.splitlines()[-lines:])


def _tidy(path: Path) -> None:
    """Keep little of a passed run, so that passing logs do not fill the disk."""
    for entry in path.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.suffix not in KEPT:
            entry.unlink()
    log = path / "sim.log"
    size = log.stat().st_size
    if size > PASS_LOG_BYTES:
        with log.open("rb") as handle:
            head = handle.read(PASS_LOG_BYTES // 2)
            handle.seek(size - PASS_LOG_BYTES // 2)
            end = handle.read()
        log.write_bytes(head + b"\n[... passed: the middle was dropped ...]\n" + end)
