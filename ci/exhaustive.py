# SPDX-License-Identifier: Apache-2.0
"""`make exhaustive`: every pair of numbers there is, through the lanes of the reduction engine.

The RTL is translated (ci/slices.py) so that one C++ program advances some hundred copies of it at
a time, and is played with all pairs of a type. What must come out is not asked of our golden model
but of the processor's floating-point unit, numpy and ml_dtypes
(tests/reduction/exhaustive_main.cpp); the golden model judges a sample of these answers. First of
all the translation is compared with Verilator's simulation of the same module, cycle by cycle.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from switchproof.ci import build, evidence, slices, tools, ui, variables
from switchproof.ci.filelists import needed
from switchproof.ci.paths import BUILD, TESTS, shown
from switchproof.models.formats import FORMATS
from switchproof.models.layout import EType, RedOp
from switchproof.models.reduction import allreduce

FOLDER = TESTS / "reduction"
WORK = BUILD / "exhaustive"
TOP = "sp_lanes_probe"
TOP_FILE = FOLDER / f"{TOP}.sv"
#: Bits of a flit for Verilator, all in reach, and of those that are in reach of the slices.
FLIT_W, USED_W = 128, 32
#: Operations with and without `saturate`: the bits of arith_t above the type.
HIGH = tuple(redop | saturate << 3 for redop in RedOp for saturate in (0, 1))
#: Pairs of a chunk, which one process plays: some seconds.
CHUNK = 1 << 26
#: Pairs of a case that the golden model judges, in blocks.
JUDGED, BLOCK = 1 << 16, 1 << 11
#: Runs and cycles of a run in which the translation is compared with Verilator: each run for
#: itself, and runs of which only data differ, as of pairs, so that what rests is not computed.
APART, TOGETHER = (256, 200), (16, 3000)
#: Seconds between lines of progress where there is no terminal.
QUIET = 30

Bits = NDArray[np.unsignedinteger[Any]]
Words = slices.Words


@dataclasses.dataclass(frozen=True)
class Case:
    """A type and an operation, all of whose pairs are played."""

    etype: EType
    redop: RedOp
    saturate: bool = False

    @property
    def op(self) -> str:
        """What the report calls the operation."""
        return self.redop.name + ("_SATURATE" if self.saturate else "")

    @property
    def name(self) -> str:
        """Name of the case, for TEST."""
        return f"{self.etype.name}/{self.op}"

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return 1 << 2 * FORMATS[self.etype].width

    @property
    def arith(self) -> int:
        """The pattern of sp_pkg::arith_t."""
        return self.saturate << 6 | self.redop << 3 | self.etype


@dataclasses.dataclass(frozen=True)
class Lanes:
    """A build of the lanes and what is played through it; `more` only where TEST names it."""

    name: str
    types: tuple[EType, ...]
    cases: tuple[Case, ...]
    more: tuple[Case, ...] = ()

    @property
    def all_cases(self) -> tuple[Case, ...]:
        """Every case that TEST can name."""
        return self.cases + self.more

    @property
    def parameters(self) -> tuple[tuple[str, int], ...]:
        """Parameters of sp_lanes_probe besides what is in reach."""
        return (("FLIT_W", FLIT_W), ("TYPES", sum(1 << etype for etype in self.types)))


def _cases(*types: EType, ops: Sequence[RedOp] = tuple(RedOp)) -> tuple[Case, ...]:
    plain = [Case(etype, redop) for etype in types for redop in ops]
    bytes_ = [etype for etype in types if FORMATS[etype].width == 8]
    return (*plain, *(Case(etype, RedOp.SUM, saturate=True) for etype in bytes_))


_NUMBERS = (RedOp.MINNUM, RedOp.MAXNUM)
_OTHERS = tuple(redop for redop in RedOp if redop not in _NUMBERS)

#: Every build and all its cases. What `all` does with NaN in MinNum and MaxNum of 16 bits takes ten
#: minutes more and is the same gates' work as in `default` and of bytes.
LANES = (
    Lanes("default", (EType.FP32, EType.BF16), _cases(EType.BF16)),
    Lanes(
        "all",
        tuple(EType),
        (*_cases(EType.E4M3, EType.E5M2), *_cases(EType.BF16, EType.FP16, ops=_OTHERS)),
        _cases(EType.BF16, EType.FP16, ops=_NUMBERS),
    ),
)


# -------------------------------------------------------------------------------------- oracle


def byte_results(case: Case) -> NDArray[np.uint8]:
    """Return the results of all pairs of a type of a byte, shape (256 * 256,), through ml_dtypes.

    The sum of two such numbers is exact in float64.
    """
    fmt = FORMATS[case.etype]
    kind = {EType.E4M3: ml_dtypes.float8_e4m3fn, EType.E5M2: ml_dtypes.float8_e5m2}[case.etype]
    patterns = np.arange(256, dtype=np.uint8)
    first, second = np.repeat(patterns, 256), np.tile(patterns, 256)
    a, b = (bits.view(kind).astype(np.float64) for bits in (first, second))
    with np.errstate(all="ignore"):
        if case.redop == RedOp.SUM:
            total = a + b
            if case.saturate:
                largest = float(ml_dtypes.finfo(kind).max)
                total = np.where(np.isfinite(total), np.clip(total, -largest, largest), total)
            result = total.astype(kind).view(np.uint8)
            return np.where(np.isnan(total) | np.isnan(result.view(kind)), fmt.nan, result).astype(
                np.uint8
            )
        below = (a < b) | ((a == b) & np.signbit(a))
    least = case.redop in (RedOp.MIN, RedOp.MINNUM)
    result = np.where(below == least, first, second)
    if case.redop in (RedOp.MIN, RedOp.MAX):
        return np.where(np.isnan(a) | np.isnan(b), fmt.nan, result).astype(np.uint8)
    result = np.where(np.isnan(a), second, np.where(np.isnan(b), first, result))
    return np.where(np.isnan(a) & np.isnan(b), fmt.nan, result).astype(np.uint8)


def half_numbers() -> NDArray[np.float32]:
    """Return the number of each FP16 pattern, by numpy."""
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


# ------------------------------------------------------------------------------------ programs


def spec(lanes: Lanes) -> build.BuildSpec:
    """Return Verilator's build of the lanes, all of a flit in reach."""
    return build.BuildSpec(
        name=f"lanes_probe-{lanes.name}",
        toplevel=TOP,
        sources=(*needed(TOP_FILE), FOLDER / "lanes_main.cpp"),
        include_dirs=(FOLDER.parent / "common",),
        parameters=(*lanes.parameters, ("USED_W", FLIT_W)),
        opt="-O2",
        vpi=False,
    )


def netlist(lanes: Lanes, folder: Path) -> slices.Netlist:
    """Return the lanes as a netlist. Raises slices.SliceError."""
    values = {**dict(lanes.parameters), "USED_W": USED_W}
    sources = needed(TOP_FILE)
    return slices.synthesize(sources, TOP, "clk_i", values, folder / "netlist.json")


def stimulus(rng: np.random.Generator, lanes: Lanes, runs: int, cycles: int) -> dict[str, Words]:
    """Return random inputs, shape (cycles, runs), each run its own.

    Nothing keeps to the rules of the lanes' caller, so that all that the control can do is seen.
    Numbers are mostly near each other, so that sums cancel, round and overflow.
    """
    shape = (cycles, runs)

    def often(share: float) -> Words:
        return (rng.random(shape) < share).astype(np.uint32)

    def arith() -> Words:
        some = rng.choice([etype | high << 3 for etype in lanes.types for high in HIGH], shape)
        # for some cycles the same: a result is of the type that its contributions had
        held = np.where(rng.random(shape) < 0.1, np.arange(cycles)[:, None], 0)
        return np.take_along_axis(some, np.maximum.accumulate(held, axis=0), 0).astype(np.uint32)

    kind = arith()
    data = rng.integers(0, 1 << 32, shape, np.uint32)
    runs_of_bits = data & np.uint32(0xFFFFFFFF) << rng.integers(0, 32, shape, np.uint32)
    near = runs_of_bits & np.uint32(0x83FF83FF) | rng.choice(
        np.array([0, 0x3F803F80, 0x7F807F80, 0x7F007F00, 0x00800080], np.uint32), shape
    )
    data = np.where(rng.random(shape) < 0.3, data, near).astype(np.uint32)
    reset = 1 - often(0.003)
    reset[:2] = 0
    return {
        "rst_ni": reset,
        "acc_valid_i": often(0.6),
        "acc_set_i": often(0.5),
        "acc_elem_i": often(0.3),
        "acc_first_i": often(0.3),
        "acc_arith_i": kind,
        "acc_data_i": data,
        "ro_valid_i": often(0.8),
        "ro_set_i": often(0.5),
        "ro_elem_i": often(0.3),
        "ro_arith_i": kind,
        "ro_last_i": often(0.5),
    }


OUTPUTS = ("ro_ready_o", "ro_done_o", "res_valid_o", "res_last_o", "res_data_o")


def verilated(executable: Path, inputs: Mapping[str, Words], folder: Path) -> dict[str, Words]:
    """Return the outputs of Verilator's build for inputs of shape (cycles, runs)."""
    cycles, runs = inputs["rst_ni"].shape
    words = np.stack([word.T for word in inputs.values()], -1)
    words.astype("<u4").tofile(folder / "stimulus.words")
    arguments = [f"{k}={folder / k}.words" for k in ("stimulus", "outputs")]
    subprocess.run([executable, *arguments, f"cycles={cycles}"], capture_output=True, check=True)
    raw = np.fromfile(folder / "outputs.words", "<u4").reshape(runs, cycles, len(OUTPUTS))
    return {name: raw[:, :, k].T for k, name in enumerate(OUTPUTS)}


def difference(
    rng: np.random.Generator, lanes: Lanes, net: slices.Netlist, folder: Path, opt: str = slices.OPT
) -> str:
    """Compare netlist and Verilator, APART and TOGETHER; return the first difference, or ""."""
    built = build.build(spec(lanes))
    for runs, cycles in (APART, TOGETHER):
        inputs = stimulus(rng, lanes, runs, cycles)
        inputs = {name: inputs[name] for name in net.inputs}
        if (runs, cycles) == TOGETHER:
            for name in inputs.keys() - {"acc_data_i"}:
                inputs[name][:] = inputs[name][:, :1]
        want = verilated(built.executable, inputs, folder)
        got = slices.simulate(net, inputs, folder, opt)
        wrong = np.any([got[name] != want[name] for name in OUTPUTS], axis=0)
        if wrong.any():
            return _first_difference(wrong, got, want)
    return ""


def _first_difference(
    wrong: NDArray[np.bool_], got: Mapping[str, Words], want: Mapping[str, Words]
) -> str:
    """Return where outputs differ first."""
    cycle, run = (int(k) for k in np.argwhere(wrong)[0])
    lines = [f"{name} {got[name][cycle, run]:x} != {want[name][cycle, run]:x}" for name in OUTPUTS]
    return f"{wrong.sum()} cycles differ, first cycle {cycle} of run {run}: {', '.join(lines)}"


@dataclasses.dataclass(frozen=True)
class Player:
    """A program that plays pairs of cases through a build of the lanes, which `lanes` names."""

    lanes: str
    program: Path
    folder: Path

    def arguments(self, case: Case, start: int, end: int) -> list[str]:
        """Return the words for a range of pairs."""
        words = [f"etype={int(case.etype)}", f"redop={int(case.redop)}"]
        words += [f"saturate={int(case.saturate)}", f"from={start}", f"end={end}"]
        if case.etype != EType.BF16:
            words.append(f"table={self.table(case)}")
        return words

    def table(self, case: Case) -> Path:
        """Return the file that tells the program what it does not compute itself."""
        return self.folder / f"{case.name.replace('/', '_')}.table"

    def play(self, case: Case, start: int, end: int) -> dict[str, Any]:
        """Return what the program found in a range of pairs. Raises slices.SliceError."""
        begin = time.monotonic()
        found = subprocess.run(
            [self.program, *self.arguments(case, start, end)],
            capture_output=True,
            text=True,
        )
        if found.returncode != 0:
            raise slices.SliceError(f"{case.name}: {found.stderr[-500:] or found.returncode}")
        result: dict[str, Any] = json.loads(found.stdout)
        return result | {"seconds": time.monotonic() - begin}

    def oracle(self, case: Case, start: int, end: int) -> Bits:
        """Return what the program expects of a range of pairs."""
        path = self.folder / "oracle"
        arguments = self.arguments(case, start, end)
        subprocess.run([self.program, *arguments, f"dump={path}"], check=True)
        fmt = FORMATS[case.etype]
        words = np.fromfile(path, "<u2")
        return (words & ((1 << fmt.width) - 1)).astype(fmt.dtype)


def player(lanes: Lanes, net: slices.Netlist, folder: Path, opt: str = slices.OPT) -> Player:
    """Return the program that plays pairs through the netlist of a build, and its tables."""
    program = slices.compile_program(net, FOLDER / "exhaustive_main.cpp", folder, (FOLDER,), opt)
    made = Player(lanes.name, program, folder)
    for case in lanes.all_cases:
        if FORMATS[case.etype].width == 8:
            byte_results(case).tofile(made.table(case))
        elif case.etype == EType.FP16:
            half_numbers().tofile(made.table(case))
    return made


def blocks(rng: np.random.Generator, case: Case) -> list[int]:
    """Return the first pairs of blocks for the golden model: all there are of bytes, else zeros
    of all signs, and a third each of any numbers, of close ones and of opposite ones, half of the
    first numbers tiny."""
    if case.pairs <= JUDGED:
        return list(range(0, case.pairs, BLOCK))
    fmt = FORMATS[case.etype]
    count = JUDGED // BLOCK
    first = rng.integers(0, 1 << fmt.width, count)
    first[::2] &= fmt.sign_bit | ((1 << (fmt.width - 6)) - 1)
    other = rng.integers(0, 1 << fmt.width, count)
    second = np.choose(np.arange(count) % 3, (other, first, first ^ fmt.sign_bit))
    first[:4], second[:4] = fmt.sign_bit * np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
    return [int(n) // BLOCK * BLOCK for n in first << fmt.width | second]


def misjudged(rng: np.random.Generator, play: Player, case: Case) -> str:
    """Let the golden model judge a sample of the oracle's answers; return the first it does not
    share, or ""."""
    fmt = FORMATS[case.etype]
    for start in blocks(rng, case):
        pairs = np.arange(start, start + BLOCK)
        first, second = pairs >> fmt.width, pairs & ((1 << fmt.width) - 1)
        columns = np.stack([first, second]).astype(fmt.dtype)
        want = allreduce(columns, case.etype, case.redop, saturate=case.saturate)
        got = play.oracle(case, start, start + BLOCK)
        wrong = np.flatnonzero(got != want)
        if len(wrong):
            k = int(wrong[0])
            return _pair(case, int(first[k]), int(second[k]), int(got[k]), int(want[k]))
    return ""


def _pair(case: Case, a: int, b: int, got: int, wanted: int) -> str:
    """Return a pair with what came and what should have come, in hex."""
    digits = FORMATS[case.etype].width // 4
    return (
        f"{case.name} of {a:0{digits}x} and {b:0{digits}x} gives {got:0{digits}x}, "
        f"not {wanted:0{digits}x}"
    )


# ------------------------------------------------------------------------------------ campaign


class Meter:
    """Progress: a bar on a terminal, a line now and then where there is none."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.total = total
        self.done = self.wrong = 0
        self.begin = self.said = time.monotonic()
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.line = self.bar.add_task("exhaustive", total=total)

    def advance(self, pairs: int, wrong: int, case: str) -> None:
        """Count pairs that have been played and those of them that went wrong."""
        self.done += pairs
        self.wrong += wrong
        now = time.monotonic()
        rate = self.done / max(now - self.begin, 1e-3)
        text = f"{case}: {rate / 1e6:.0f} million pairs a second, {self.wrong:,} wrong"
        self.bar.update(self.line, advance=pairs, description=text)
        if not self.console.is_terminal and (now - self.said > QUIET or self.done == self.total):
            left = (self.total - self.done) / rate
            ui.line(self.console, f"{100 * self.done / self.total:5.1f}% {text}, {left:.0f} s left")
            self.said = now


def campaign(
    work: Sequence[tuple[Player, Case]], jobs: int, console: Console
) -> dict[tuple[str, Case], dict[str, Any]]:
    """Play all pairs, `jobs` processes at a time; return figures by build and case."""
    chunks = [
        (play, case, start, min(start + CHUNK, case.pairs))
        for play, case in work
        for start in range(0, case.pairs, CHUNK)
    ]
    found: dict[tuple[str, Case], dict[str, Any]] = {
        (play.lanes, case): {"pairs": 0, "mismatches": 0, "seconds": 0.0} for play, case in work
    }
    firsts: dict[tuple[str, Case], tuple[int, list[int]]] = {}
    meter = Meter(console, sum(end - start for _, _, start, end in chunks))
    with meter.bar, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(p.play, case, a, b): (p, case, a) for p, case, a, b in chunks}
        try:
            for future in concurrent.futures.as_completed(waiting):
                play, case, start = waiting[future]
                key = (play.lanes, case)
                result = future.result()
                for name in ("pairs", "mismatches", "seconds"):
                    found[key][name] += result[name]
                if result["mismatches"]:
                    first = (start, result["first"])
                    firsts[key] = min(firsts.get(key, first), first)
                name = f"{play.lanes}/{case.name}"
                meter.advance(result["pairs"], result["mismatches"], name)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for (lanes, case), (_, (a, b, element, got, wanted)) in firsts.items():
        text = f"{_pair(case, a, b, got, wanted)}, element {element} of lanes `{lanes}`"
        found[lanes, case]["first"] = text
    return found


def report(
    found: Mapping[tuple[str, Case], Mapping[str, Any]], seconds: float, selection: str = ""
) -> dict[str, Any]:
    """Return exhaustive.json: figures by build, and by type and operation.

    There a pair counts once, whichever builds it was played through, and a mismatch each time.
    `seconds` of an operation are those of its processes. `selection` is TEST: not every pair then.
    """
    by_type: dict[str, dict[str, Any]] = {}
    by_lanes: dict[str, dict[str, dict[str, Any]]] = {}
    for (lanes, case), figures in found.items():
        here = {**figures, "seconds": round(figures["seconds"], 1)}
        by_lanes.setdefault(lanes, {}).setdefault(case.etype.name, {})[case.op] = here
        all_ = by_type.setdefault(case.etype.name, {}).setdefault(
            case.op, {"pairs": 0, "mismatches": 0, "seconds": 0.0}
        )
        all_["pairs"] = max(all_["pairs"], here["pairs"])
        all_["mismatches"] += here["mismatches"]
        all_["seconds"] = round(all_["seconds"] + here["seconds"], 1)
        if "first" in here:
            all_.setdefault("first", here["first"])
    ops = [figures for etype in by_type.values() for figures in etype.values()]
    return {
        "pairs": sum(figures["pairs"] for figures in ops),
        "mismatches": sum(figures["mismatches"] for figures in ops),
        "by_type": by_type,
        "by_lanes": by_lanes,
        "selection": selection,
        "played": sum(figures["pairs"] for figures in found.values()),
        "seconds": round(seconds, 1),
        "tools": tools.versions(),
        "commit": tools.commit(),
    }


def chosen(pattern: str) -> list[tuple[Lanes, list[Case]]]:
    """Return the builds and cases that TEST selects. Raises UserError for none."""
    names = {(x, case): f"{x.name}/{case.name}" for x in LANES for case in x.all_cases}
    picked = [
        (lanes, case)
        for (lanes, case), name in names.items()
        if (variables.matches(pattern, name) if pattern else case in lanes.cases)
    ]
    if not picked:
        raise variables.no_such_test(pattern, list(names.values()))
    cases = {lanes: [case for which, case in picked if which == lanes] for lanes in LANES}
    return [(lanes, some) for lanes, some in cases.items() if some]


def prepare(
    lanes: Lanes, cases: Sequence[Case], rng: np.random.Generator, console: Console
) -> Player:
    """Return the player of a build, after its translation and its oracle have been judged.

    Raises slices.SliceError when either is wrong.
    """
    folder = WORK / lanes.name
    ui.line(console, f"{lanes.name}: RTL to gates, gates to C++")
    net = netlist(lanes, folder)
    text = difference(rng, lanes, net, folder)
    cycles = APART[0] * APART[1] + TOGETHER[0] * TOGETHER[1]
    if text:
        raise slices.SliceError(
            f"{lanes.name}: the slices are not what Verilator simulates: {text}"
        )
    ui.line(
        console,
        f"{lanes.name}: {len(net.tables):,} tables and {len(net.flops):,} flip-flops do what "
        f"Verilator simulates, in {cycles:,} cycles",
    )
    play = player(lanes, net, folder)
    for case in cases:
        text = misjudged(rng, play, case)
        if text:
            raise slices.SliceError(f"the oracle is not what the golden model is: {text}")
    ui.line(console, f"{lanes.name}: oracle and golden model agree in {JUDGED:,} pairs a case")
    return play


def main(argv: Sequence[str] = ()) -> int:
    """Play all pairs of the cases that TEST selects; return 1 when a result is wrong."""
    console = ui.console()
    jobs = variables.job_count(os.environ.get("JOBS", ""))
    rng = np.random.default_rng(variables.seed(os.environ.get("SEED", "") or "1"))
    selection = os.environ.get("TEST", "")
    picked = chosen(selection)
    begin = time.monotonic()
    try:
        work = []
        for lanes, cases in picked:
            play = prepare(lanes, cases, rng, console)
            work += [(play, case) for case in cases]
        found = campaign(work, jobs, console)
    except slices.SliceError as error:
        raise tools.ToolError(str(error)) from error
    data = report(found, time.monotonic() - begin, selection)
    path = evidence.write("exhaustive", data)
    rows = [
        (
            lanes,
            case.name,
            f"{figures['pairs']:,}",
            figures["mismatches"],
            f"{figures['seconds']:.0f}",
        )
        for (lanes, case), figures in found.items()
    ]
    ui.table(console, "every pair", ("lanes", "case", "pairs", "mismatches", "seconds"), rows)
    for figures in found.values():
        if "first" in figures:
            ui.line(console, f"FAIL  {figures['first']}", "bold red")
    ui.line(
        console,
        f"{data['pairs']:,} pairs, {data['mismatches']:,} mismatches in {data['seconds']:.0f} s; "
        f"{shown(path)}",
        "red" if data["mismatches"] else "green",
    )
    return 1 if data["mismatches"] else 0
