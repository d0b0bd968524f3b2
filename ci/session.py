# SPDX-License-Identifier: Apache-2.0
"""One pytest session: select, run in parallel, show progress, collect what the report needs."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from switchproof.ci import pytest_plugin, variables
from switchproof.ci.paths import ROOT, RUNS
from switchproof.tb import progress

#: Lines of one failure that are printed; the run's log has the rest.
FAILURE_LINES = 60


@dataclasses.dataclass
class Selection:
    """What to run and how; the values of the user's variables, checked."""

    target: str
    mark: str = ""
    test: str = ""
    seed: str = ""
    base_seed: int = 1
    profile: str = ""
    ports: str = ""
    waves: bool = False
    coverage: bool = False
    jobs: int = 1
    paths: tuple[str, ...] = ()
    board: str = ""
    host: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing narrows the run, so that the test plan must be met."""
        return not (self.test or self.profile or self.ports or self.paths)

    def arguments(self) -> list[str]:
        """Return pytest's arguments."""
        args = ["-p", "no:terminal", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
        args += [f"--sp-target={self.target}", f"--sp-base-seed={self.base_seed}"]
        for name in ("test", "seed", "profile", "ports", "board", "host"):
            value = getattr(self, name)
            if value:
                args.append(f"--sp-{name}={value}")
        args += ["--sp-waves"] * self.waves + ["--sp-coverage"] * self.coverage
        if self.mark:
            args += ["-m", self.mark]
        return args + [str(ROOT / path) for path in self.paths]


@dataclasses.dataclass
class Outcome:
    """All tests of a session with their results, and the time it took (seconds)."""

    tests: list[dict[str, Any]]
    seconds: float

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The failed tests."""
        return [test for test in self.tests if test["status"] == "failed"]


class _Collector:
    """Remembers names and errors of a collection."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.selected = 0
        self.errors: list[str] = []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Iterator[None]:
        # The pattern is matched here, not by the plugin: a wrong one must become one line.
        pattern, config.option.sp_test = config.option.sp_test, ""
        result = yield
        self.names = [pytest_plugin.test_name(item) for item in items]
        self.selected = sum(variables.matches(pattern, name) for name in self.names)
        return result

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(f"{report.nodeid}: {report.longreprtext}")


class _Progress:
    """Shows tests as they finish: a bar on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console, what: str) -> None:
        self.console = console
        self.tests: dict[str, dict[str, Any]] = {}
        self.total = 0
        self.done = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(what, total=None)

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Show the bar for as long as the context lasts."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(done,), daemon=True)
        with self._bar:
            if self.console.is_terminal:
                watcher.start()
            yield
            done.set()

    def _watch(self, done: threading.Event) -> None:
        """Show how far long simulations are, from the files that they leave in their folders."""
        begin = time.time()
        tasks: dict[Path, Any] = {}
        while not done.wait(0.5):
            for path in RUNS.glob(f"*/{progress.FILE_NAME}"):
                try:
                    if path.stat().st_mtime < begin:
                        continue
                    state = json.loads(path.read_text())
                except (OSError, ValueError):
                    continue  # it was cleaned up, or is of another version
                what = f"  {state['what']}: {state['text']}"
                if path not in tasks:
                    tasks[path] = self._bar.add_task(what, total=state["total"])
                finished = state["done"] >= state["total"]
                self._bar.update(
                    tasks[path], description=what, completed=state["done"], visible=not finished
                )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learn how many tests there are when this process runs them itself."""
        if session.items:
            self._set_total(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Learn how many tests there are from a worker."""
        self._set_total(len(ids))

    def _set_total(self, total: int) -> None:
        self.total = total
        self._bar.update(self._task, total=total)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a test file that cannot be read as a failed test."""
        if report.failed and report.nodeid not in self.tests:
            self._add(
                {
                    "name": f"collect/{report.nodeid}",
                    "seed": None,
                    "status": "failed",
                    "seconds": 0.0,
                    "repro": f".venv/bin/python -m pytest {report.nodeid}",
                    "message": report.longreprtext,
                }
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather a test's phases; show it when the last is done."""
        properties: dict[str, Any] = dict(report.user_properties)
        info = properties.get(pytest_plugin.PROPERTY)
        if info is None:
            # A crashed worker: xdist makes this report itself.
            info = {"name": report.nodeid, "seed": None, "runs": [], "repro": "make test"}
            report.when = "teardown"
        test = self.tests.setdefault(
            info["name"], {**info, "status": "passed", "seconds": 0.0, "message": ""}
        )
        test["runs"] = info["runs"]
        test["seconds"] = round(test["seconds"] + report.duration, 3)
        if report.failed:
            test["status"] = "failed"
            test["message"] += report.longreprtext
        elif report.skipped and test["status"] == "passed":
            test["status"] = "skipped"
            longrepr = report.longrepr
            test["message"] = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)
        if report.when == "teardown":
            self._show(test)

    def _add(self, test: dict[str, Any]) -> None:
        self.tests[test["name"]] = test
        self._show(test)

    def _show(self, test: dict[str, Any]) -> None:
        self.done += 1
        self._bar.update(self._task, completed=self.done)
        word, style = {
            "passed": ("pass", "green"),
            "failed": ("FAIL", "bold red"),
            "skipped": ("skip", "yellow"),
        }[test["status"]]
        width = len(str(self.total))
        self.console.print(
            f"[dim]{self.done:>{width}}/{self.total}[/] [{style}]{word}[/] "
            f"{test['seconds']:7.1f} s  {escape(test['name'])}",
            soft_wrap=True,
        )
        if test["status"] == "failed":
            lines = test["message"].rstrip().splitlines()
            if len(lines) > FAILURE_LINES:
                lines = ["[...]", *lines[-FAILURE_LINES:]]
            for line in [*lines, "to run it again: " + test["repro"]]:
                self.console.print("    " + line, markup=False, highlight=False, soft_wrap=True)


def check(selection: Selection) -> int:
    """Check what the user asked for before anything runs; return how many tests it selects.

    Raises UserError. Only a TEST needs the tests' names, so that only then they are collected.
    """
    variables.override(selection.profile, selection.ports)
    if selection.seed:
        variables.seed(selection.seed)
    if not selection.test:
        return -1
    collector = _Collector()
    _pytest([*selection.arguments(), "--collect-only"], collector)
    if not collector.selected and not collector.errors:
        raise variables.no_such_test(selection.test, collector.names)
    return collector.selected


def run(selection: Selection, console: Console) -> Outcome:
    """Run the selected tests. Raises UserError for a selection that is wrong."""
    begin = time.monotonic()
    selected = check(selection)
    jobs = selection.jobs if selected < 0 else max(1, min(selection.jobs, selected))
    arguments = selection.arguments()
    if jobs > 1:
        arguments += [f"--numprocesses={jobs}", "--dist=load", "--maxschedchunk=1"]
    progress = _Progress(console, selection.target)
    with progress.showing():
        code = _pytest(arguments, progress)
    outcome = Outcome(list(progress.tests.values()), time.monotonic() - begin)
    if code not in (0, 1) and not outcome.failed:
        # Interrupted, an internal error, or a worker that could not start: never a pass.
        outcome.tests.append(
            {
                "name": "pytest/session",
                "seed": None,
                "status": "failed",
                "seconds": 0.0,
                "repro": ".venv/bin/python -m pytest " + " ".join(selection.arguments()[4:]),
                "message": f"pytest ended with code {int(code)}",
            }
        )
    return outcome


def _pytest(arguments: list[str], plugin: object) -> int:
    """Run pytest in this process, in the root, whatever folder the user is in."""
    here = os.getcwd()
    os.chdir(ROOT)
    sys.stdout.flush()
    try:
        return int(pytest.main(arguments, plugins=[plugin]))
    finally:
        os.chdir(here)
