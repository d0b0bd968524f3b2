# SPDX-License-Identifier: Apache-2.0
"""Sums in member order: widening, narrowing, and the lanes that add.

Oracles that are not ours: numpy's and ml_dtypes' conversions, and numpy's float32 added one by
one. The golden model judges all that these cannot say (saturation) and a part of the rest again.
NaNs are judged by docs/numerics.md.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from switchproof.ci import build
from switchproof.ci.build import BuildError
from switchproof.ci.filelists import needed
from switchproof.ci.paths import TESTS
from switchproof.ci.pytest_plugin import Program
from switchproof.ci.simulate import RunError
from switchproof.models.formats import FORMATS, FP32, Bits, Format, convert
from switchproof.models.layout import EType, RedOp
from switchproof.models.reduction import allreduce
from tests.reduction.stimulus import CLASSES, columns, count, cover

HERE = TESTS / "reduction"

#: Floats that hold a type.
FLOATS: dict[int, np.dtype[Any]] = {
    EType.FP32: np.dtype(np.float32),
    EType.BF16: np.dtype(ml_dtypes.bfloat16),
    EType.FP16: np.dtype(np.float16),
    EType.E4M3: np.dtype(ml_dtypes.float8_e4m3fn),
    EType.E5M2: np.dtype(ml_dtypes.float8_e5m2),
}
#: Types whose overflow may become the largest number.
SATURATING = (EType.E4M3, EType.E5M2)
SMALL = (EType.FP16, EType.E4M3, EType.E5M2)
ALL_TYPES = sum(1 << etype for etype in FLOATS)

#: Cycles, from the drawings in the sources: through widening and narrowing; between two flits of a
#: place (memory, its register, eleven of the adder, memory); from a read-out to its result.
WIDEN, NARROW, GAP, READ = 3, 6, 14, 9
#: Numbers and elements that the golden model judges besides: it is slower.
JUDGED = 100_000


# ------------------------------------------------------------------------------- conversions


def convert_spec(width: int) -> build.BuildSpec:
    """Return both conversions for elements of up to `width` bits, with a `main` of its own."""
    return build.BuildSpec(
        name=f"float_convert-{width}",
        toplevel="sp_float_convert_player",
        sources=(
            *needed("tests/reduction/sp_float_convert_player.sv"),
            HERE / "float_convert_main.cpp",
        ),
        include_dirs=(HERE.parent / "common",),
        parameters=(("WIDTH", width),),
        opt="-O2",
        vpi=False,
    )


def converted(
    program: Program,
    folder: Path,
    width: int,
    side: str,
    numbers: NDArray[np.uint32],
    kinds: NDArray[np.uint32],
) -> NDArray[np.uint32]:
    """Return what the RTL makes of numbers; `kinds` holds {saturate, type} of each."""
    np.stack([numbers, kinds], axis=1).tofile(folder / "numbers")
    program.run(
        convert_spec(width),
        [
            f"numbers={folder / 'numbers'}",
            f"results={folder / 'results'}",
            f"side={side}",
            f"latency={WIDEN if side == 'wide' else NARROW}",
        ],
    )
    return np.fromfile(folder / "results", np.uint32)


def fitting(width: int) -> list[EType]:
    """Return the types whose elements have at most `width` bits."""
    return [EType(etype) for etype in FLOATS if FORMATS[etype].width <= width]


def every_edge(etype: int) -> NDArray[np.uint32]:
    """Return FP32 patterns at which rounding to a type changes its mind: each number of the type,
    the midpoint to the next one, and what lies beside both; of FP32 the first of each exponent."""
    if etype == EType.FP32:
        return np.arange(512, dtype=np.uint32) << 23
    fmt = FORMATS[etype]
    finite = np.arange(fmt.largest + 1).astype(fmt.dtype).view(FLOATS[etype]).astype(np.float64)
    beyond = 2 * finite[-1] - finite[-2]
    middle = (finite + np.append(finite[1:], beyond)) / 2
    with np.errstate(over="ignore"):
        at = np.concatenate([finite, middle]).astype(np.float32).view(np.uint32).astype(np.int64)
    near = (at[:, None] + np.arange(-1, 2)).ravel()
    near = near[near >= 0].astype(np.uint32)
    return np.concatenate([near, near | np.uint32(1 << 31)])


def spread(rng: np.random.Generator, count: int) -> NDArray[np.uint32]:
    """Return FP32 patterns of all exponents, with fractions of long runs of equal bits and any."""
    exponent = rng.integers(0, 256, count) << 23
    bits = rng.integers(0, 1 << 23, count)
    runs = (bits & (-1 << rng.integers(0, 24, count))) ^ np.where(
        rng.integers(0, 2, count), (1 << 23) - 1, 0
    )
    fraction = np.where(rng.integers(0, 2, count), runs, bits)
    return (rng.integers(0, 2, count) << 31 | exponent | fraction).astype(np.uint32)


def narrowed(numbers: NDArray[np.float32], etype: int) -> Bits:
    """Return numbers as patterns of a type, by numpy or ml_dtypes, NaNs canonical."""
    fmt = FORMATS[etype]
    with np.errstate(all="ignore"):
        found = numbers.astype(FLOATS[etype])
    result: Bits = found.view(fmt.dtype).copy()
    result[np.isnan(found)] = fmt.nan
    return result


def check(
    got: Bits, wanted: Bits, numbers: NDArray[np.uint32], source: Format, target: Format
) -> None:
    """Fail with the first number that became another one than it must."""
    wrong = np.flatnonzero(got != wanted)
    if len(wrong):
        n = wrong[0]
        raise AssertionError(
            f"{len(wrong)} of {len(got)} are wrong: {source.name} "
            f"{int(numbers[n]):0{source.width // 4}x} is {target.name} "
            f"{int(wanted[n]):0{target.width // 4}x}, RTL {int(got[n]):0{target.width // 4}x}"
        )


@pytest.mark.parametrize("width", [8, 16, 32])
def test_widen(program: Program, tmp_path: Path, width: int) -> None:
    """Every pattern of each type that fits, and for FP32 what rounding and adding tells apart."""
    rng = np.random.default_rng(program.seed)
    parts = []
    for etype in fitting(width):
        fmt = FORMATS[etype]
        bits = np.arange(1 << fmt.width) if fmt.width < 32 else spread(rng, 200_000)
        above = rng.integers(0, 1 << width, len(bits)) >> fmt.width << fmt.width
        parts.append((etype, bits.astype(np.uint32), above.astype(np.uint32)))
    numbers = np.concatenate([bits | above for _, bits, above in parts])
    kinds = np.concatenate([np.full(len(bits), etype, np.uint32) for etype, bits, _ in parts])
    order = rng.permutation(len(numbers))
    got = np.empty_like(numbers)
    got[order] = converted(program, tmp_path, width, "wide", numbers[order], kinds[order])
    hits: dict[str, int] = {}
    for etype, bits, _ in parts:
        fmt = FORMATS[etype]
        values = bits.astype(fmt.dtype).view(FLOATS[etype]).astype(np.float32)
        wanted: Bits = values.view(np.uint32).copy()
        mine = got[kinds == etype].copy()
        # of a NaN nothing but that is promised
        wanted[np.isnan(values)] = FP32.nan
        mine[FP32.is_nan(mine)] = FP32.nan
        check(mine, wanted, bits, fmt, FP32)
        check(mine, convert(bits.astype(fmt.dtype), fmt, FP32), bits, fmt, FP32)
        count(hits, f"ordered.widen.{etype.name}.{width}".lower(), len(bits))
    keep(program, hits)


@pytest.mark.parametrize("width", [8, 16, 32])
def test_narrow(program: Program, tmp_path: Path, width: int) -> None:
    """Every number of each type, every midpoint and what lies beside them, all exponents of FP32
    with any fraction, with and without saturation."""
    rng = np.random.default_rng(program.seed)
    parts = []
    for etype in fitting(width):
        edges = every_edge(etype)
        parts.append((etype, np.concatenate([edges, spread(rng, 250_000)])))
    numbers = np.concatenate([bits for _, bits in parts])
    kinds = np.concatenate([np.full(len(bits), etype, np.uint32) for etype, bits in parts])
    saturate = rng.integers(0, 2, len(numbers)).astype(np.uint32)
    order = rng.permutation(len(numbers))
    got = np.empty_like(numbers)
    kinds_now = kinds | saturate << np.uint32(3)
    got[order] = converted(program, tmp_path, width, "narrow", numbers[order], kinds_now[order])
    hits: dict[str, int] = {}
    for etype, bits in parts:
        fmt = FORMATS[etype]
        here = kinds == etype
        mine, held = got[here], saturate[here] != 0
        assert not (mine >> np.uint32(fmt.width - 1) >> np.uint32(1)).any(), "bits above the type"
        mine = mine.astype(fmt.dtype)
        wanted = narrowed(bits.view(np.float32), etype)
        if etype in SATURATING:
            wanted[held] = convert(bits[held], FP32, fmt, saturate=True)
            count(
                hits, f"ordered.saturated.{etype.name}".lower(), int((held & at(fmt, mine)).sum())
            )
        check(mine, wanted, bits, FP32, fmt)
        some = rng.choice(len(bits), min(len(bits), JUDGED), replace=False)
        some = some[~(held[some] & (etype in SATURATING))]
        check(mine[some], convert(bits[some], FP32, fmt), bits[some], FP32, fmt)
        count(hits, f"ordered.narrow.{etype.name}.{width}".lower(), len(bits))
    keep(program, hits)


def at(fmt: Format, bits: Bits) -> NDArray[np.bool_]:
    """Return which patterns are the largest number, of either sign."""
    return np.asarray((bits & fmt.dtype.type(fmt.sign_bit - 1)) == fmt.largest)


def keep(program: Program, hits: dict[str, int]) -> None:
    """Note what was covered beside the run's results."""
    (program.results[-1].path / "functional.json").write_text(json.dumps(hits))


# ------------------------------------------------------------------- numbers of the small types


def _pattern(fmt: Format, sign: Any, magnitude: Any) -> Bits:
    return (np.asarray(sign) * fmt.sign_bit | np.asarray(magnitude)).astype(fmt.dtype)


def _any(rng: np.random.Generator, fmt: Format, shape: tuple[int, int]) -> Bits:
    return rng.integers(0, 1 << fmt.width, shape).astype(fmt.dtype)


def _finite(rng: np.random.Generator, fmt: Format, shape: tuple[int, int]) -> Bits:
    return _pattern(fmt, rng.integers(0, 2, shape), rng.integers(0, fmt.largest + 1, shape))


def _subnormal(rng: np.random.Generator, fmt: Format, shape: tuple[int, int]) -> Bits:
    """The two smallest binades and all that is below."""
    least = rng.integers(0, 3 << fmt.fraction_bits, shape)
    return _pattern(fmt, rng.integers(0, 2, shape), least)


def _top(rng: np.random.Generator, fmt: Format, shape: tuple[int, int]) -> Bits:
    """The largest binade, often of one sign: overflow, and back from it."""
    sign = np.where(rng.random(shape[1]) < 0.5, 0, rng.integers(0, 2, shape))
    return _pattern(fmt, sign, fmt.largest - rng.integers(0, 1 << fmt.fraction_bits, shape))


def _round(rng: np.random.Generator, fmt: Format, shape: tuple[int, int]) -> Bits:
    """A number, and half of its last place, or less, and less: the last rounding is often a tie."""
    first = rng.integers(fmt.precision + 1 << fmt.fraction_bits, fmt.largest + 1, shape)
    down = np.arange(shape[0])[:, None] * rng.integers(1, 3, shape[1]) + fmt.fraction_bits
    power = np.maximum((first[0] >> fmt.fraction_bits) - down, 0) << fmt.fraction_bits
    return _pattern(
        fmt, rng.integers(0, 2, shape), np.where(down == fmt.fraction_bits, first, power)
    )


def _cancel(rng: np.random.Generator, fmt: Format, shape: tuple[int, int]) -> Bits:
    """Numbers with their negatives, and what the roundings between them leave."""
    out = _finite(rng, fmt, shape)
    half = shape[0] // 2
    out[half : 2 * half] = out[:half] ^ fmt.dtype.type(fmt.sign_bit)
    return out


def _zeros(rng: np.random.Generator, fmt: Format, shape: tuple[int, int]) -> Bits:
    out = _pattern(fmt, rng.integers(0, 2, shape), 0)
    out[:, rng.random(shape[1]) < 0.33] = fmt.sign_bit
    return out


def _rare(rng: np.random.Generator, fmt: Format, shape: tuple[int, int]) -> Bits:
    """One special pattern in a column of common numbers."""
    out = _finite(rng, fmt, shape)
    ones = (1 << fmt.width - 1) - 1
    special = [0, 1, fmt.overflow, ones, ones - 1, fmt.largest]
    where = rng.integers(0, shape[0], shape[1]), np.arange(shape[1])
    out[where] = _pattern(fmt, rng.integers(0, 2, shape[1]), rng.choice(special, shape[1]))
    return out


SMALL_CLASSES: dict[str, Callable[[np.random.Generator, Format, tuple[int, int]], Bits]] = {
    "any": _any,
    "finite": _finite,
    "subnormal": _subnormal,
    "top": _top,
    "round": _round,
    "cancel": _cancel,
    "zeros": _zeros,
    "rare": _rare,
}


# ------------------------------------------------------------------------------------ the lanes


@dataclasses.dataclass
class Job:
    """A place's life: flits of all members, shape (members, elements of a flit), and its sums."""

    etype: int
    saturate: bool
    bits: Bits
    sums: Bits
    first: int = 0  # contributions made
    last_cycle: int = -GAP


def numpy_sums(bits: Bits, etype: int) -> Bits:
    """Return sums of columns by float32 additions, one after the other, and a cast."""
    numbers = bits.view(FLOATS[etype]).astype(np.float32)
    total = numbers[0]
    with np.errstate(all="ignore"):
        for number in numbers[1:]:
            total = total + number
    return narrowed(total, etype)


def jobs_of(
    rng: np.random.Generator, etype: int, flits: int, flit_w: int, hits: dict[str, int]
) -> list[Job]:
    """Return `flits` places of each class of a type, of 1 to 16 members."""
    fmt = FORMATS[etype]
    per_flit = flit_w // fmt.width
    made = []
    for kind in SMALL_CLASSES if etype in SMALL else CLASSES:
        for members in rng.permutation(16)[:3] + 1:
            n = flits // 3 * per_flit
            if etype in SMALL:
                bits = SMALL_CLASSES[kind](rng, fmt, (members, n))
                bits = rng.permuted(bits, axis=0)
            else:
                bits = columns(rng, kind, members, n, etype)
            saturate = bool(rng.integers(0, 2))
            held = saturate and etype in SATURATING
            sums = numpy_sums(bits, etype)
            judged = slice(0, n if held else min(n, 6 * per_flit))
            golden = allreduce(bits[:, judged], etype, RedOp.SUM, "ordered", held)
            if held:
                sums = golden
            check(golden, sums[judged], sums[judged], fmt, fmt)
            found: dict[str, int] = {}
            cover(found, bits, sums, sums, etype, RedOp.SUM)
            for point, times in found.items():
                count(hits, point.replace("lane.", "ordered."), times)
            count(hits, f"ordered.members.{members}")
            exact = allreduce(bits[:, judged], etype, RedOp.SUM, "exact", held)
            name = EType(etype).name.lower()
            count(hits, f"ordered.{name}.sum.differs_from_exact", int((exact != golden).sum()))
            finite = ~(fmt.is_nan(bits) | fmt.is_inf(bits)).any(0)
            if held:
                count(hits, f"ordered.{name}.sum.largest", int((finite & at(fmt, sums)).sum()))
            elif fmt.inf is None:
                overflow = finite & fmt.is_nan(sums)
                count(hits, f"ordered.{name}.sum.overflow_to_nan", int(overflow.sum()))
            for flit in range(flits // 3):
                at_flit = slice(flit * per_flit, (flit + 1) * per_flit)
                made.append(Job(etype, saturate, bits[:, at_flit], sums[at_flit]))
    return made


class Player:
    """Makes a program of jobs: which flit comes and which is read out in each cycle."""

    def __init__(self, rng: np.random.Generator, flit_w: int, places: int) -> None:
        self.rng = rng
        self.flit_w = flit_w
        self.places = places
        self.records: list[NDArray[np.uint32]] = []
        self.expected: list[tuple[int, bool, Bits]] = []
        self.hits: dict[str, int] = {}

    def play(self, jobs: list[Job], used: int, idle: float) -> None:
        """Add the cycles of jobs that use `used` places; of the cycles a share of `idle` rests."""
        rng = self.rng
        waiting = list(reversed(jobs))
        free = [int(place) for place in rng.permutation(self.places)[:used]]
        open_: dict[int, Job] = {}
        full: dict[int, Job] = {}
        read_before = False
        while waiting or open_ or full:
            now = len(self.records)
            record = np.zeros(3 + self.flit_w // 32, np.uint32)
            read = [place for place, job in full.items() if now - job.last_cycle >= GAP]
            reads = bool(read) and rng.random() >= idle
            if reads:
                place = read[0]
                job = full.pop(place)
                free.append(place)
                last = bool(rng.integers(0, 2))
                record[0] |= 4 | last << 3 | job.etype << 8 | job.saturate << 13
                record[2] = place
                self.expected.append((now + READ, last, job.sums))
                count(self.hits, "ordered.read_at_gap", int(now - job.last_cycle == GAP))
                count(self.hits, "ordered.read_in_a_row", int(read_before))
            read_before = reads
            ready = [place for place, job in open_.items() if now - job.last_cycle >= GAP]
            if rng.random() >= idle and (ready or (free and waiting)):
                # who may come for as long as it may, else a new one, now and then the other way
                if ready and (not (free and waiting) or rng.random() < 0.8):
                    place = ready[0]
                    at_gap = now - open_[place].last_cycle == GAP
                    count(self.hits, "ordered.at_gap", int(at_gap))
                else:
                    place = free.pop()
                    open_[place] = waiting.pop()
                    again = reads and place == record[2]
                    count(self.hits, "ordered.begins_while_read", int(again))
                job = open_.pop(place)
                record[0] |= 1 | (job.first == 0) << 1 | job.etype << 4 | job.saturate << 12
                record[1] = place
                record[3:] = np.ascontiguousarray(job.bits[job.first]).view(np.uint32)
                job.first += 1
                job.last_cycle = now
                (full if job.first == len(job.bits) else open_)[place] = job
                count(self.hits, "ordered.both", int(reads))
            self.records.append(record)

    def run(self, program: Program, folder: Path, types: int) -> None:
        """Play what was made and hold every result, and its cycle, against what it must be."""
        drain = [np.zeros(3 + self.flit_w // 32, np.uint32)] * (READ + 1)
        np.stack(self.records + drain).tofile(folder / "commands")
        program.run(
            lanes_spec(self.flit_w, self.places, types),
            [f"commands={folder / 'commands'}", f"results={folder / 'results'}"],
        )
        got = np.fromfile(folder / "results", np.uint32).reshape(-1, 2 + self.flit_w // 32)
        assert len(got) == len(self.expected), "a result too few or too many"
        for result, (cycle, last, sums) in zip(got, self.expected, strict=True):
            assert result[0] == cycle, f"a result in cycle {result[0]} instead of {cycle}"
            assert result[1] == last, f"`last` is wrong in cycle {cycle}"
            flit = np.ascontiguousarray(result[2:]).view(sums.dtype)
            wrong = np.flatnonzero(flit != sums)
            assert not len(wrong), (
                f"cycle {cycle}, element {wrong[0]} of {len(sums)} ({sums.dtype}): "
                f"{flit[wrong[0]]:x}, wanted {sums[wrong[0]]:x}"
            )


def lanes_spec(flit_w: int, places: int, types: int) -> build.BuildSpec:
    """Return lanes with some types, with a `main` of their own."""
    return build.BuildSpec(
        name=f"ordered_lanes-{flit_w}-{places}-{types:02x}",
        toplevel="sp_ordered_lanes",
        sources=(*needed("sp_ordered_lanes"), HERE / "ordered_lanes_main.cpp"),
        include_dirs=(HERE.parent / "common",),
        parameters=(("FLIT_W", flit_w), ("ELEMS", places), ("TYPES", f"8'h{types:02x}")),
        opt="-O1",
        vpi=False,
    )


@pytest.mark.parametrize(
    ("flit_w", "places", "types", "flits"),
    [
        (128, 40, ALL_TYPES, 150),
        (256, 20, 1 << EType.FP32 | 1 << EType.BF16, 30),
        (128, 16, 1 << EType.E4M3, 30),
        pytest.param(512, 64, ALL_TYPES | 1 << EType.INT32, 300, marks=pytest.mark.long),
    ],
)
def test_ordered_lanes(
    program: Program, tmp_path: Path, flit_w: int, places: int, types: int, flits: int
) -> None:
    """Every type and class of numbers, 1 to 16 members: line rate, one place alone, gaps."""
    rng = np.random.default_rng(program.seed)
    player = Player(rng, flit_w, places)
    jobs = [
        job
        for etype in FLOATS
        if types >> etype & 1
        for job in jobs_of(rng, etype, flits, flit_w, player.hits)
    ]
    jobs = [jobs[n] for n in rng.permutation(len(jobs))]
    shares = [(places, 0.0), (GAP, 0.0), (GAP + 2, 0.2), (1, 0.0)]
    sizes = np.array([len(jobs) * 6 // 10, len(jobs) * 2 // 10, len(jobs) * 15 // 100])
    bounds = [0, *np.cumsum(sizes), len(jobs)]
    for (used, idle), start, end in zip(shares, bounds[:-1], bounds[1:], strict=True):
        player.play(jobs[start:end], used, idle)
    player.run(program, tmp_path, types)
    keep(program, player.hits)


@pytest.mark.parametrize(
    ("flags", "places", "cycles", "message"),
    [
        ((3, 1), (5, 5), GAP - 1, "a_gap"),
        ((3, 4), (5, 5), GAP - 1, "a_read"),
        ((3 | 2 << 4, 0), (5, 5), GAP, "a_type"),
        ((3, 1 | 4), (5, 5), GAP, ""),
        ((3, 1 | 4), (5, 6), 1, ""),
    ],
)
def test_ordered_gap(
    program: Program,
    tmp_path: Path,
    flags: tuple[int, int],
    places: tuple[int, int],
    cycles: int,
    message: str,
) -> None:
    """A second flit or a read-out of a place in less than the gap, or a type that is not there,
    stops the simulation; at the gap, or of another place, nothing does."""
    records = np.zeros((cycles + 2, 3 + 8), np.uint32)
    records[[0, cycles], 0] = flags
    records[[0, cycles], 1] = places
    records[[0, cycles], 2] = places
    records.tofile(tmp_path / "commands")
    spec = lanes_spec(256, 20, 1 << EType.FP32 | 1 << EType.BF16)
    args = [f"commands={tmp_path / 'commands'}", f"results={tmp_path / 'results'}"]
    if message:
        with pytest.raises(RunError, match=message):
            program.run(spec, args)
    else:
        program.run(spec, args)


@pytest.mark.parametrize(
    ("top", "name", "value", "message"),
    [
        ("sp_ordered_lanes", "FLIT_W", 64, "FLIT_W = 64 is not 128, 256 or 512"),
        ("sp_ordered_lanes", "ELEMS", 0, r"ELEMS = 0 is not in 1\.\.4096"),
        ("sp_ordered_lanes", "ELEMS", 4097, r"ELEMS = 4097 is not in 1\.\.4096"),
        ("sp_ordered_lanes", "TYPES", "8'h20", "TYPES = 00100000 has no floating-point type"),
        ("sp_float_widen", "WIDTH", 24, "WIDTH = 24 is not 8, 16 or 32"),
        ("sp_float_widen", "WIDTH", 8, "TYPES = 00000011 has no floating-point type of 8 bits"),
        ("sp_float_narrow", "WIDTH", 24, "WIDTH = 24 is not 8, 16 or 32"),
        ("sp_float_narrow", "WIDTH", 8, "TYPES = 00000011 has no floating-point type of 8 bits"),
    ],
)
def test_ordered_parameters(top: str, name: str, value: int | str, message: str) -> None:
    """An illegal parameter ends elaboration with a line that names it and its bound."""
    with pytest.raises(BuildError, match=message):
        build.lint(
            build.BuildSpec(
                name="elaborate", toplevel=top, sources=needed(top), parameters=((name, value),)
            )
        )
