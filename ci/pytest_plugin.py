# SPDX-License-Identifier: Apache-2.0
"""What pytest needs to run simulations: the ``sim`` fixture, selection, seeds, repro lines.

A test is known as ``block/function[parameters]``, where the block is the folder below ``tests/``
(or ``examples/...``). The plugin is loaded by pyproject.toml, so plain ``pytest`` works too.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from switchproof.ci import build as builds
from switchproof.ci import harness_cache, variables
from switchproof.ci.paths import EXAMPLES, ROOT, RTL, TESTS
from switchproof.ci.simulate import FIGURES, Run, RunError, RunResult, run_program, simulate
from switchproof.models import profiles
from switchproof.tb.board import BoardError
from switchproof.tb.pipes import PipeError
from switchproof.tb.scoreboard import Mismatch
from switchproof.tb.uartbone import BridgeError

DEFAULT_DUT = "tb/duts/sp_switch_core.toml"
#: Optimisation of a test's module without a configuration; see BuildSpec.
TEST_OPT = builds.test_opt(0)
#: Coverage makes three times the C++. Without any optimisation its counters make a run twenty times
#: as slow, and that saves nothing to compile.
COVERAGE_OPT = "-O1"
#: Coverage is collected up to so many ports, and flits of WIDE bits, if a test says nothing; more
#: repeat the same code, and take minutes.
COVERAGE_PORTS = 4
#: Bits from which on a flit repeats the parts of a narrow one; tests whose design has no more to it
#: then go without coverage, which would triple the time to compile.
WIDE = 256
#: Folders of rtl/ whose coverage a test of the switch counts; others count one folder. Engines have
#: tests of their own: to count them here too would take three times as long to compile.
SWITCH_BLOCKS = ("common", "crossbar", "csr", "top")
#: Errors whose text says all; the way to them through our code helps nobody.
SHORT_ERRORS = (RunError, builds.BuildError, Mismatch, BoardError, BridgeError, PipeError)
#: What runs the tests of a mark, the first that a test has; all others are `make test`'s.
TARGETS = {
    "campaign": "regress SUITE=link",
    "long": "regress SUITE=test",
    "large": "test",
    "sim": "sim",
    "hil": "hil",
}
#: Key of the user property that carries what the report needs from worker to controller.
PROPERTY = "switchproof"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options; `make` sets them from its variables."""
    group = parser.getgroup("switchproof")
    group.addoption("--sp-test", default="", metavar="NAME", help="glob or part of block/test")
    group.addoption("--sp-seed", default="", metavar="N", help="this seed for every run")
    group.addoption("--sp-base-seed", type=int, default=1, help="what default seeds start from")
    group.addoption("--sp-profile", default="", help="run every test in this configuration")
    group.addoption("--sp-ports", default="", help="run every test with so many ports")
    group.addoption("--sp-waves", action="store_true", help="write traces")
    group.addoption("--sp-coverage", action="store_true", help="collect RTL coverage")
    group.addoption("--sp-target", default="sim", help="make target that a repro line names")
    group.addoption("--sp-board", default="virtual", help="virtual, or the port of a board")
    group.addoption("--sp-host", default="uart", help="uart: our host side, litex: LiteX's")


def pytest_configure(config: pytest.Config) -> None:
    """Turn illegal variables into one line."""
    try:
        option = config.option
        option.sp_override = variables.override(option.sp_profile, option.sp_ports)
        option.sp_fixed_seed = variables.seed(option.sp_seed) if option.sp_seed else None
    except variables.UserError as error:
        raise pytest.UsageError(str(error)) from None


def block_of(path: Path) -> str:
    """Return a test file's block: its folder below tests/, or examples/... ."""
    folder = path.resolve().parent
    for base, head in ((TESTS, ""), (EXAMPLES, "examples/")):
        if folder.is_relative_to(base):
            return (head + folder.relative_to(base).as_posix()).rstrip("/.") or "tests"
    return folder.name


def test_name(item: pytest.Item) -> str:
    """Return ``block/function[parameters]``."""
    return f"{block_of(item.path)}/{item.name}"


# pytest collects functions named test_*; this one is an ordinary helper of a plugin.
test_name.__test__ = False  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Replace a test's configurations by the one that PROFILE or PORTS asks for."""
    wanted = metafunc.config.option.sp_override
    if wanted is None or "config" not in metafunc.fixturenames:
        return
    marks = metafunc.definition.own_markers
    for i, mark in enumerate(marks):
        if mark.name != "parametrize":
            continue
        names = mark.args[0]
        names = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
        if "config" not in names:
            continue
        where = names.index("config")
        rows: list[tuple[Any, ...]] = []
        for value in mark.args[1]:
            if hasattr(value, "values"):  # pytest.param(...)
                value = value.values if len(names) > 1 else value.values[0]
            row = list(value) if len(names) > 1 else [value]
            row[where] = wanted
            if tuple(row) not in rows:
                rows.append(tuple(row))
        values = rows if len(names) > 1 else [row[0] for row in rows]
        marks[i] = pytest.mark.parametrize(",".join(names), values).mark


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what TEST selects; refuse two tests of one name, since seeds and plans go by name."""
    names: dict[str, pytest.Item] = {}
    for item in items:
        name = test_name(item)
        if name in names:
            raise pytest.UsageError(
                f"two tests are named {name}: {names[name].path} and {item.path}"
            )
        names[name] = item
    config.stash[ALL_NAMES] = list(names)
    pattern = config.option.sp_test
    if not pattern:
        return
    kept = [item for name, item in names.items() if variables.matches(pattern, name)]
    if not kept:
        raise pytest.UsageError(str(variables.no_such_test(pattern, names)))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


ALL_NAMES = pytest.StashKey[list[str]]()


#: The seed of a test that has one.
SEED = pytest.StashKey[int]()


def seed_of(item: pytest.Item) -> int:
    """Return the seed of a test, and note that it has one."""
    option = item.config.option
    seed: int = option.sp_fixed_seed or variables.default_seed(test_name(item), option.sp_base_seed)
    item.stash[SEED] = seed
    return seed


class Sim:
    """The ``sim`` fixture: builds a design, runs a cocotb test in it, fails as that test fails."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        option = request.config.option
        self.name = test_name(request.node)
        self.seed = seed_of(request.node)
        self.waves: bool = option.sp_waves
        self.coverage: bool = option.sp_coverage
        self.results: list[RunResult] = []
        self._override: str | None = option.sp_override
        self._folder = request.path.parent
        self._count = 0

    def run(
        self,
        *,
        config: str | profiles.Config,
        module: str,
        testcase: str,
        dut: str | Path = DEFAULT_DUT,
        env: Mapping[str, str] | None = None,
        timeout: float = 300.0,
        coverage: bool | None = None,
        fixed: bool = False,
    ) -> RunResult:
        """Run a cocotb test on a module that a description file binds to the environment.

        ``dut`` is relative to the working tree; a long run may refuse RTL coverage with
        ``coverage=False``, a wide one insist with ``True``, a module that has no other
        configuration refuse PROFILE and PORTS with ``fixed=True``. Raises RunError or BuildError.
        """
        if self._override is not None and not fixed:
            config = self._override
        if isinstance(config, str):
            config = variables.resolve_config(config)
        description = ROOT / dut
        opt = builds.test_opt(config.ports)
        spec = harness_cache.spec(description, config, waves=self.waves, opt=opt)
        if coverage is None:
            coverage = config.ports <= COVERAGE_PORTS and config.flit_w <= WIDE
        if self.coverage and coverage:
            switch = str(dut) == DEFAULT_DUT
            spec = _with_coverage(spec, SWITCH_BLOCKS if switch else self._own_blocks())
        extra = {**harness_cache.run_environment(description, config), **(env or {})}
        signals = harness_cache.wave_signals(description)
        return self._simulate(spec, module, testcase, extra, timeout, signals)

    def run_module(
        self,
        *,
        sources: Iterable[str | Path],
        toplevel: str,
        module: str,
        testcase: str,
        parameters: Mapping[str, int | str] | None = None,
        include_dirs: Iterable[str | Path] = (),
        args: Iterable[str] = (),
        env: Mapping[str, str] | None = None,
        timeout: float = 300.0,
        coverage: bool = True,
    ) -> RunResult:
        """Run a cocotb test straight on one module, whose signals are all visible.

        ``sources`` (SystemVerilog, C++, .vlt) are relative to the working tree and in compile
        order; ``coverage=False`` as for ``run``. Raises RunError or BuildError.
        """
        tail = "-".join(f"{key}{value}" for key, value in (parameters or {}).items())
        spec = builds.BuildSpec(
            name=f"{toplevel}-{tail}"[:80].rstrip("-").replace('"', ""),
            toplevel=toplevel,
            sources=(builds.public(toplevel), *(ROOT / source for source in sources)),
            include_dirs=tuple(ROOT / folder for folder in include_dirs),
            parameters=tuple((parameters or {}).items()),
            args=tuple(args),
            waves=self.waves,
            opt=TEST_OPT,
        )
        if self.coverage and coverage:
            spec = _with_coverage(spec, self._own_blocks())
        return self._simulate(spec, module, testcase, dict(env or {}), timeout, ())

    def _own_blocks(self) -> tuple[str, ...]:
        """Return the folders of rtl/ that this test is about; none: all."""
        block = self._folder.name
        return (block,) if (RTL / block).is_dir() else ()

    def _simulate(
        self,
        spec: builds.BuildSpec,
        module: str,
        testcase: str,
        env: dict[str, str],
        timeout: float,
        signals: tuple[str, ...],
    ) -> RunResult:
        built = builds.build(spec, _build_jobs())
        self._count += 1
        suffix = f".{self._count}" if self._count > 1 else ""
        result = simulate(
            Run(
                name=self.name + suffix,
                build=built,
                toplevel=spec.toplevel,
                module=module,
                testcase=testcase,
                seed=self.seed,
                env=env,
                paths=(self._folder,),
                timeout=timeout,
                waves=self.waves,
                coverage=spec.coverage,
                wave_signals=signals,
            )
        )
        self.results.append(result)
        return result


class Program:
    """The ``program`` fixture: builds what has a `main` of its own and runs it, without traces.

    No RTL coverage either: such a program runs long.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.name = test_name(request.node)
        self.seed = seed_of(request.node)
        self.results: list[RunResult] = []

    def run(
        self, spec: builds.BuildSpec, args: Iterable[str], timeout: float = 300.0
    ) -> dict[str, Any]:
        """Build, run, and return the figures that it prints. Raises RunError or BuildError."""
        built = builds.build(spec, _build_jobs())
        suffix = f".{len(self.results) + 1}" if self.results else ""
        result = run_program(self.name + suffix, built, self.seed, list(args), timeout)
        self.results.append(result)
        figures: dict[str, Any] = json.loads((result.path / FIGURES).read_text())
        return figures


def _with_coverage(spec: builds.BuildSpec, blocks: tuple[str, ...]) -> builds.BuildSpec:
    """Return a build with coverage of those folders of rtl/, if it holds RTL of ours."""
    if not any(source.is_relative_to(RTL) for source in spec.sources):
        return spec
    return dataclasses.replace(spec, coverage=True, blocks=blocks, opt=COVERAGE_OPT)


def _build_jobs() -> int:
    """Return the processors for one build: all of them, since other workers wait or simulate."""
    return builds.tools.jobs()


@pytest.fixture
def sim(request: pytest.FixtureRequest) -> Sim:
    """Build and run simulations; see Sim."""
    fixture = Sim(request)
    request.node.stash[SIM] = fixture
    return fixture


@pytest.fixture
def program(request: pytest.FixtureRequest) -> Program:
    """Build and run programs; see Program."""
    fixture = Program(request)
    request.node.stash[SIM] = fixture
    return fixture


SIM = pytest.StashKey[Sim | Program]()


def target_of(marks: Collection[str]) -> str:
    """Return the make target that runs a test with these marks."""
    return next((target for mark, target in TARGETS.items() if mark in marks), "test")


def profile_of(module: Any, option: Any) -> str:
    """Return the configuration that PROFILE= names, or a module of bring-up tests as its own."""
    return option.sp_profile or getattr(module, "PROFILE", "")


def repro_line(
    name: str, seed: int | None, option: Any, target: str, *, waves: bool, profile: str = ""
) -> str:
    """Return the line that reruns one test with its seed, in a configuration of its own."""
    words = [f"make {target}", f"TEST={shlex.quote(name)}"]
    if target == "hil":
        words.append(f"BOARD={option.sp_board}")
        if option.sp_host != "uart":
            words.append(f"HOST={option.sp_host}")
    if seed is not None:
        words.append(f"SEED={seed}")
    if option.sp_profile or profile:
        words.append(f"PROFILE={option.sp_profile or profile}")
    if option.sp_ports:
        words.append(f"PORTS={option.sp_ports}")
    if seed is not None and waves:
        words.append("WAVES=1")
    return " ".join(words)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Put name, seed, repro line and run folders on the report; shorten what a run's error says."""
    report = yield
    sim_fixture = item.stash.get(SIM, None)
    seed = item.stash.get(SEED, None)
    option = item.config.option
    name = test_name(item)
    target = target_of({mark.name for mark in item.iter_markers()})
    own = profile_of(item.module, option) if target == "hil" else ""  # type: ignore[attr-defined]
    waves = isinstance(sim_fixture, Sim)
    repro = repro_line(name, seed, option, target, waves=waves, profile=own)
    info = {
        "name": name,
        "block": block_of(item.path),
        "function": getattr(item, "originalname", item.name),
        "seed": seed,
        "repro": repro,
        "runs": [str(result.path) for result in sim_fixture.results] if sim_fixture else [],
    }
    report.user_properties.append((PROPERTY, info))
    if report.failed and call.excinfo is not None:
        if call.excinfo.errisinstance(SHORT_ERRORS):
            report.longrepr = str(call.excinfo.value)
        report.sections.append(("to run it again", repro))
    return report
