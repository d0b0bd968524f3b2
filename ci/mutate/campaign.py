# SPDX-License-Identifier: Apache-2.0
"""Runs of the simulation tests on sources with defects: which test notices which defect.

The tests are those of `make sim`. Each is collected by pytest as always, but its build takes the
sources with defects and its simulation is only noted down. Then the noted simulations are run:
first without a defect, when all must pass, then once for each defect until one fails.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from switchproof.ci import pytest_plugin
from switchproof.ci.build import Build, BuildSpec, build
from switchproof.ci.mutate.rewrite import Mutant
from switchproof.ci.paths import ROOT, TESTS
from switchproof.ci.simulate import Run, RunError, RunResult, run_path, simulate
from switchproof.models import profiles

#: Configurations to build: each costs a minute, and larger ones more than a campaign takes.
CONFIGS = ("dev4",)
#: Part of the name of builds that hold the same module behind a slower pipe.
SLOW_PIPE = "_signals-"
#: Folders of tests that go through the mutated blocks.
FOLDERS = ("crossbar", "reduction", "top", "system")
#: A run without a defect that takes longer (seconds) is left out.
SLOW = 40.0
#: A run with a defect may take so much longer than one without, and so many seconds more.
PATIENCE, GRACE = 5.0, 10.0


class CampaignError(RuntimeError):
    """A campaign that cannot be run; the text says why."""


@dataclasses.dataclass
class Recorded:
    """A simulation that a test makes: whose, of what, how long without a defect (seconds)."""

    test: str
    run: Run
    sources: frozenset[Path] = frozenset()
    seconds: float = 0.0
    kills: dict[str, int] = dataclasses.field(default_factory=dict)
    runs: dict[str, int] = dataclasses.field(default_factory=dict)

    def worth(self, block: str) -> float:
        """Return how much sooner than others this is to be tried on a block's defects."""
        kills, runs = self.kills.get(block, 0), self.runs.get(block, 0)
        return (kills + 1.0) / (runs + 2.0) / (self.seconds + 0.5)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What became of a defect. ``test`` noticed it, or is empty; ``how`` says in what way."""

    mutant: Mutant
    killed: bool
    test: str
    how: str
    seconds: float


class _Recorder:
    """A pytest plugin that keeps tests which simulate and notes down what they would run."""

    def __init__(self, overlay: Mapping[Path, Path], package: Path, folder: Path) -> None:
        self.overlay = overlay
        self.package = package
        self.folder = folder
        self.noted: list[Recorded] = []
        self.errors: list[str] = []
        self._test = ""
        self._sources: frozenset[Path] = frozenset()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        kept = []
        for item in items:
            call = getattr(item, "callspec", None)
            size = call.params.get("config", CONFIGS[0]) if call is not None else CONFIGS[0]
            if "sim" in getattr(item, "fixturenames", ()) and size in CONFIGS:
                kept.append(item)
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(f"{report.nodeid}: {report.longreprtext.strip().splitlines()[-1]}")

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._test = pytest_plugin.test_name(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        """Keep why a test failed before it could say what it would run."""
        if call.excinfo is not None and not call.excinfo.errisinstance(
            (_SkipError, pytest.skip.Exception)
        ):
            noted = any(record.test == self._test for record in self.noted)
            if not noted:
                self.errors.append(f"{self._test}: {call.excinfo.exconly()}")
        return (yield)

    def build(self, spec: BuildSpec, jobs: int | None = None) -> Build:
        """Build with defects in place of the sources that have them."""
        sources = tuple(self.overlay.get(path, path) for path in spec.sources)
        config = spec.name.rpartition("-")[2]
        other = config in profiles.load() and config not in CONFIGS
        if sources == spec.sources or other or SLOW_PIPE in spec.name:
            raise _SkipError
        self._sources = frozenset(spec.sources)
        return build(dataclasses.replace(spec, sources=(self.package, *sources)), jobs)

    def simulate(self, run: Run) -> RunResult:
        """Note a simulation; nothing runs."""
        self.noted.append(Recorded(self._test, run, self._sources))
        return RunResult(self.folder, 0.0)


class _SkipError(Exception):
    """Ends a test that is not for us."""


def record(
    overlay: Mapping[Path, Path], package: Path, *, test: str, seed: int | None
) -> list[Recorded]:
    """Collect the default regression's simulations, built with the overlaid sources.

    ``overlay`` maps a source to what stands in for it. Raises CampaignError when something does
    not build or nothing is found.
    """
    arguments = ["-p", "no:terminal", "-p", "no:cacheprovider", f"--rootdir={ROOT}", "-m", "sim"]
    arguments += [f"--sp-test={test}"] * bool(test) + [f"--sp-seed={seed}"] * (seed is not None)
    arguments += [str(TESTS / name) for name in FOLDERS if (TESTS / name).is_dir()]
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        recorder = _Recorder(overlay, package, Path(folder))
        os.chdir(ROOT)
        try:
            with (
                mock.patch.object(pytest_plugin.builds, "build", recorder.build),
                mock.patch.object(pytest_plugin, "simulate", recorder.simulate),
            ):
                pytest.main(arguments, plugins=[recorder])
        finally:
            os.chdir(here)
    if recorder.errors:
        raise CampaignError(recorder.errors[0])
    if not recorder.noted:
        raise CampaignError("no simulation of the default regression uses the sources with defects")
    return recorder.noted


def attempt(noted: Recorded, number: int, *, timeout: float, keep: bool = False) -> str:
    """Run one simulation with a defect (0: none); return how it failed, or an empty text."""
    name = f"mutant{number}/{noted.test}"
    run = dataclasses.replace(
        noted.run,
        name=name,
        args=(f"+mutant={number}",),
        timeout=timeout,
    )
    try:
        simulate(run)
    except RunError as error:
        return str(error).splitlines()[0]
    finally:
        if not keep:
            shutil.rmtree(run_path(name, run.seed), ignore_errors=True)
    return ""


def baseline(
    noted: Sequence[Recorded], jobs: int, show: Callable[[Recorded, str], None]
) -> tuple[list[Recorded], list[str]]:
    """Run everything without a defect; return what passed fast enough, and what failed and why.

    A test that fails anyway can tell no defect from none. Raises CampaignError when none is left.
    """

    def one(item: Recorded) -> tuple[Recorded, str]:
        begin = time.monotonic()
        how = attempt(item, 0, timeout=item.run.timeout)
        item.seconds = time.monotonic() - begin
        return item, how

    failed: dict[str, str] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(one, item) for item in noted]):
            item, how = future.result()
            show(item, how)
            if how:
                failed[item.test] = how
    kept = [item for item in noted if item.seconds <= SLOW and item.test not in failed]
    if not kept:
        raise CampaignError("no test passes without a defect: run make sim")
    return kept, [f"{test}: {how}" for test, how in sorted(failed.items())]


def run(
    mutants: Sequence[Mutant],
    tests: Sequence[Recorded],
    jobs: int,
    show: Callable[[Verdict], None],
    *,
    keep: bool = False,
) -> list[Verdict]:
    """Run tests on each defect until one fails; return the verdicts in the order of mutants."""
    guard = threading.Lock()

    def one(mutant: Mutant) -> Verdict:
        begin = time.monotonic()
        rest = [item for item in tests if mutant.point.path in item.sources]
        while rest:
            with guard:
                item = max(rest, key=lambda t: (t.worth(mutant.block), t.test))
            rest.remove(item)
            how = attempt(item, mutant.id, timeout=PATIENCE * item.seconds + GRACE, keep=keep)
            with guard:
                item.runs[mutant.block] = item.runs.get(mutant.block, 0) + 1
                item.kills[mutant.block] = item.kills.get(mutant.block, 0) + bool(how)
            if how:
                return Verdict(mutant, True, item.test, how, time.monotonic() - begin)
        return Verdict(mutant, False, "", "", time.monotonic() - begin)

    found: dict[int, Verdict] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(one, mutant) for mutant in mutants]):
            verdict = future.result()
            found[verdict.mutant.id] = verdict
            show(verdict)
    return [found[mutant.id] for mutant in mutants]


def tally(verdicts: Sequence[Verdict], equivalent: set[int]) -> dict[str, Any]:
    """Return counts and the score: noticed, in per cent of the defects that are none in name only.

    A defect that is said to be equivalent and was noticed counts as noticed.
    """
    killed = sum(verdict.killed for verdict in verdicts)
    same = sum(not v.killed and v.mutant.id in equivalent for v in verdicts)
    real = len(verdicts) - same
    return {
        "mutants": len(verdicts),
        "killed": killed,
        "equivalent": same,
        "score": round(100.0 * killed / real, 2) if real else 0.0,
    }
