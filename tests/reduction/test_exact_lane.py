# SPDX-License-Identifier: Apache-2.0
"""The exact lanes against the golden model: every type and operation, every kind of number.

The simulated program accumulates one set while it reads out the other, in orders that bring
contributions to the same element back to back and 2, 3, 4 cycles apart.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import Timer
from numpy.typing import NDArray

from switchproof.ci.build import BuildError, BuildSpec, lint
from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import WIDE, Sim
from switchproof.models.formats import element_dtype
from switchproof.models.layout import EType, RedOp
from switchproof.models.reduction import allreduce
from tests.reduction.stimulus import Bits, classes, columns, count, cover

PLAYER = "tests/reduction/sp_lanes_player.sv"

#: Bits of the first two bytes of the half of a record that accumulates, and of the other half.
ACC, ACC_SET, FIRST = READ, READ_SET, READ_LAST = 1 << 15, 1 << 14, 1 << 13
#: Where sp_pkg::arith_t lies in both.
ARITH = 6
#: Types that lanes are built with by default, and all.
USUAL, ALL = (EType.FP32, EType.BF16), tuple(EType)
#: Types whose sums the saturate bit changes; the others must not care.
SATURATING = (EType.E4M3, EType.E5M2, EType.INT32)
#: Cycles of read-out of a flit, and from a set's last flit to its read-out.
PAIRS, DRAIN = 5, 3


class Program:
    """Commands, one a cycle, and the results that they must give."""

    def __init__(self, rng: np.random.Generator, flit_w: int, places: int) -> None:
        self.rng = rng
        self.flit_w = flit_w
        self.places = places
        self.expected: list[Bits] = []
        self.names: list[str] = []
        self.hits: dict[str, int] = {}
        self._control: list[NDArray[np.uint16]] = []
        self._acc_end = 0
        self._read_end = [0, 0]
        self._set = 0
        self._acc: list[tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint8]]] = []
        self._read: list[tuple[NDArray[np.int64], NDArray[np.uint16]]] = []

    def order(self, members: int) -> NDArray[np.int64]:
        """Return the places of the flits in the order of arrival, each place `members` times."""
        kind = self.rng.integers(0, 6)
        if kind == 5:
            return self.rng.permutation(np.repeat(np.arange(self.places), members))
        together = min(int(kind), self.places) or self.places
        blocks = [
            np.tile(np.arange(start, min(start + together, self.places)), members)
            for start in range(0, self.places, together)
        ]
        return np.concatenate(blocks)

    def add(self, etype: int, redop: int, bits: Bits, saturate: bool = False) -> None:
        """Accumulate patterns of shape (members, places, elements of a flit) and read them out."""
        members = bits.shape[0]
        here, other = self._set, 1 - self._set
        order = self.order(members)
        seen = np.zeros(self.places, np.int64)
        turn = np.empty(order.size, np.int64)
        for i, place in enumerate(order):
            turn[i] = seen[place]
            seen[place] += 1
        gaps = self.rng.random(order.size) < (0.3 if self.rng.random() < 0.3 else 0.0)
        begin = max(self._acc_end, self._read_end[here])
        cycle = begin + np.arange(order.size) + np.cumsum(gaps)
        flags = np.full(order.size, ACC | (here * ACC_SET), np.uint16)
        flags |= np.where(turn == 0, FIRST, 0).astype(np.uint16)
        arith = np.uint16((saturate << 6 | redop << 3 | etype) << ARITH)
        flags |= arith
        for distance in range(1, 6):
            same = order[distance:] == order[:-distance]
            near = same & (cycle[distance:] - cycle[:-distance] == distance)
            count(self.hits, f"lane.distance.{distance}", int(near.sum()))
        count(self.hits, f"lane.members.{members}")
        words = np.zeros((order.size, 4), np.uint16)
        words[:, 0] = flags
        words[:, 1] = order
        raw = np.ascontiguousarray(bits[turn, order]).view(np.uint8)
        self._acc.append((cycle, words, raw))
        self._acc_end = int(cycle[-1]) + 1

        start = max(self._acc_end - 1 + DRAIN, self._read_end[other])
        places = self.rng.permutation(self.places)
        when = start + PAIRS * np.arange(self.places)
        reads = np.zeros((self.places, 4), np.uint16)
        reads[:, 2] = READ | (here * READ_SET) | arith
        reads[-1, 2] |= READ_LAST
        reads[:, 3] = places
        self._read.append((when, reads))
        self._read_end[here] = int(when[-1]) + PAIRS + 1
        self._set = other

        flat = bits.reshape(members, -1)
        saturate = saturate and etype in SATURATING
        golden = allreduce(flat, etype, redop, saturate=saturate)
        plain = allreduce(flat, etype, redop) if saturate else golden
        cover(self.hits, flat, golden, plain, etype, redop)
        self.names.append(f"{EType(etype).name} {RedOp(redop).name}{' saturated' * saturate}")
        self.expected.append(golden.reshape(bits.shape[1:])[places])

    def commands(self) -> bytes:
        """Return the program as bytes."""
        length = max(self._acc_end, *self._read_end) + 1
        words = np.zeros((length, 4), np.uint16)
        data = np.zeros((length, self.flit_w // 8), np.uint8)
        for cycle, control, raw in self._acc:
            words[cycle] |= control
            data[cycle] = raw
        for cycle, control in self._read:
            words[cycle] |= control
        rows = [words.astype(">u2").view(np.uint8).reshape(length, 8), data[:, ::-1]]
        return np.concatenate(rows, 1).tobytes()


def parse(text: str, flit_w: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return results as bytes, shape (flits, bytes of a flit), and their `last` marks."""
    lines = text.split()
    last = np.array([line[0] == "1" for line in lines])
    raw = np.frombuffer(bytes.fromhex("".join(line[1:] for line in lines)), np.uint8)
    return raw.reshape(len(lines), flit_w // 8)[:, ::-1], last


async def play(dut: object, program: Program) -> None:
    """Run a program and compare every result."""
    folder = Path(os.environ["SP_RUN_DIR"])
    (folder / "commands.bin").write_bytes(program.commands())
    dut.rst_ni.value = 0  # type: ignore[attr-defined]
    Clock(dut.clk_i, 10, unit="ns").start()  # type: ignore[attr-defined]
    await Timer(35, "ns")
    dut.rst_ni.value = 1  # type: ignore[attr-defined]
    while not int(dut.done_o.value):  # type: ignore[attr-defined]
        await Timer(20_000, "ns")
    assert int(dut.late_o.value) == 0, "read-out was slower than promised"  # type: ignore[attr-defined]
    raw, last = parse((folder / "results.txt").read_text(), program.flit_w)
    assert len(raw) == sum(len(flits) for flits in program.expected)
    at = 0
    for number, golden in enumerate(program.expected):
        got = np.ascontiguousarray(raw[at : at + len(golden)]).view(golden.dtype)
        wrong = np.argwhere(got != golden)
        assert not wrong.size, (
            f"{len(wrong)} wrong in batch {number}, {program.names[number]}; "
            f"flit {wrong[0][0]}, element {wrong[0][1]}: "
            f"{got[tuple(wrong[0])]:x}, wanted {golden[tuple(wrong[0])]:x}"
        )
        marks = last[at : at + len(golden)]
        assert marks[-1] and not marks[:-1].any(), "`last` in the wrong place"
        at += len(golden)
    (folder / "functional.json").write_text(json.dumps(program.hits))


def members_of(rng: np.random.Generator) -> int:
    """Return a number of contributions: mostly few, now and then many."""
    return int(rng.choice([1, 2, 3, 4, 5, 8, 16, 33], p=[0.1, 0.2, 0.2, 0.1, 0.1, 0.2, 0.08, 0.02]))


def batch(program: Program, name: str, members: int, etype: int, redop: int) -> None:
    """Add a batch of a class; the saturate bit is there or not."""
    per_flit = program.flit_w // (8 * element_dtype(etype).itemsize)
    bits = columns(program.rng, name, members, program.places * per_flit, etype)
    saturate = bool(program.rng.integers(0, 2))
    program.add(etype, redop, bits.reshape(members, program.places, per_flit), saturate)


def types() -> tuple[EType, ...]:
    """Return the types that the lanes under test are built with."""
    return tuple(etype for etype in EType if int(os.environ["TYPES"]) >> etype & 1)


@cocotb.test()
async def every_class(dut: object) -> None:
    """Every class of numbers, type and operation."""
    rng = np.random.default_rng(int(os.environ["SP_SEED"]))
    program = Program(rng, int(os.environ["FLIT_W"]), int(os.environ["PLACES"]))
    rounds = int(os.environ["ROUNDS"])
    others = [RedOp.MIN, RedOp.MAX, RedOp.MINNUM, RedOp.MAXNUM]
    jobs = [
        (name, etype, redop)
        for etype in types()
        for name in classes(etype)
        for redop in [RedOp.SUM] * 4 + others
    ] * rounds
    for i in rng.permutation(len(jobs)):
        name, etype, redop = jobs[i]
        batch(program, name, members_of(rng), etype, redop)
    await play(dut, program)


@cocotb.test()
async def many_contributions(dut: object) -> None:
    """As many contributions as the deferred carries are made for."""
    rng = np.random.default_rng(int(os.environ["SP_SEED"]))
    program = Program(rng, int(os.environ["FLIT_W"]), int(os.environ["PLACES"]))
    members = int(os.environ["MEMBERS"])
    for etype in types():
        names = ("equal", "narrow", "overflow", "powers", "cancel", "finite")
        for name in ("int_equal", "int_ends", "int_edge") if etype == EType.INT32 else names:
            batch(program, name, members, etype, RedOp.SUM)
    await play(dut, program)


@pytest.mark.parametrize(
    ("flit_w", "elems", "rounds", "built"),
    [
        pytest.param(128, 64, 2, USUAL, marks=pytest.mark.sim),
        pytest.param(128, 8, 3, ALL, marks=pytest.mark.sim),
        (128, 1, 6, USUAL),
        pytest.param(256, 8, 6, ALL, marks=pytest.mark.long),
        (512, 16, 2, USUAL),
    ],
)
def test_every_class(
    sim: Sim, flit_w: int, elems: int, rounds: int, built: tuple[EType, ...]
) -> None:
    run(sim, "every_class", flit_w, elems, elems, rounds, built=built)


@pytest.mark.parametrize(
    ("members", "built"),
    [(2, USUAL), (5, (EType.FP16, EType.INT32)), (16, (EType.E5M2,)), (1024, USUAL),
     (1024, ALL)],
)  # fmt: skip
def test_many_contributions(sim: Sim, members: int, built: tuple[EType, ...]) -> None:
    # 1024 is what the lanes of test_every_class are made for: their builds are used again
    elems = 16 if members < 1024 else 64 if built == USUAL else 8
    run(sim, "many_contributions", 128, elems, min(elems, 16), 0, members, built)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"TYPES": 0}, "TYPES = 'b00000000 is no set of element types"),
        ({"TYPES": 0x40}, "TYPES = 'b01000000 is no set of element types"),
        ({"FLIT_W": 64}, "FLIT_W = 64 is not"),
        ({"ELEMS": 5000}, "ELEMS = 5000 is not in 1..4096"),
        ({"MEMBERS": 1}, "MEMBERS = 1 is not in 2..1024"),
    ],
    ids=["no_type", "unknown_type", "flit", "elems", "members"],
)
def test_lane_parameters(values: dict[str, int], text: str) -> None:
    """A parameter out of bounds stops elaboration with its name and the bound."""
    spec = BuildSpec(
        name="illegal",
        toplevel="sp_lanes_player",
        sources=needed(PLAYER),
        parameters=tuple(values.items()),
    )
    with pytest.raises(BuildError, match=re.escape(text)):
        lint(spec)


def run(
    sim: Sim,
    testcase: str,
    flit_w: int,
    elems: int,
    places: int,
    rounds: int,
    members: int = 1024,
    built: tuple[EType, ...] = USUAL,
) -> None:
    """Build the player and run a test of this file in the first `places` of its elements."""
    types = sum(1 << etype for etype in built)
    sim.run_module(
        sources=needed(PLAYER),
        toplevel="sp_lanes_player",
        parameters={"FLIT_W": flit_w, "ELEMS": elems, "MEMBERS": members, "TYPES": types},
        module=__name__,
        testcase=testcase,
        env={
            "FLIT_W": str(flit_w),
            "PLACES": str(places),
            "MEMBERS": str(members),
            "TYPES": str(types),
            "ROUNDS": str(rounds),
        },
        coverage=flit_w < WIDE,
    )
