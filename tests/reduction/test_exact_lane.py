# SPDX-License-Identifier: Apache-2.0
"""The exact lanes against the golden model: sums, minima and maxima of every kind of number.

The simulated program accumulates one set while it reads out the other, in orders that bring
contributions to the same element back to back and 2, 3, 4 cycles apart.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import Timer
from numpy.typing import NDArray

from switchproof.ci.pytest_plugin import WIDE, Sim
from switchproof.models.formats import element_dtype
from switchproof.models.layout import EType, RedOp
from switchproof.models.reduction import allreduce
from tests.reduction.stimulus import CLASSES, Bits, columns, count, cover

SOURCES = [
    "rtl/common/sp_pkg.sv",
    "rtl/reduction/sp_exact_lane.sv",
    "rtl/reduction/sp_exact_lanes.sv",
    "tests/reduction/sp_lanes_player.sv",
]

#: Bits of the first two bytes of a record (sp_lanes_player.sv).
ACC, ACC_SET, FIRST, CMP, MAX, BF16 = (1 << bit for bit in range(15, 9, -1))
READ, READ_SET, READ_CMP, READ_BF16, READ_LAST = (1 << bit for bit in range(9, 4, -1))
#: Cycles of read-out of a flit, and from a set's last flit to its read-out.
PAIRS, DRAIN = 5, 3

Batch = tuple[int, int, Bits]  # type, operation, patterns (members, places, elements of a flit)


class Program:
    """Commands, one a cycle, and the results that they must give."""

    def __init__(self, rng: np.random.Generator, flit_w: int, places: int) -> None:
        self.rng = rng
        self.flit_w = flit_w
        self.places = places
        self.expected: list[Bits] = []
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

    def add(self, etype: int, redop: int, bits: Bits) -> None:
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
        flags |= (redop != RedOp.SUM) * CMP + (redop == RedOp.MAX) * MAX
        flags |= (etype == EType.BF16) * BF16
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
        reads[:, 0] = READ | (here * READ_SET) | (redop != RedOp.SUM) * READ_CMP
        reads[:, 0] |= (etype == EType.BF16) * READ_BF16
        reads[-1, 0] |= READ_LAST
        reads[:, 2] = places
        self._read.append((when, reads))
        self._read_end[here] = int(when[-1]) + PAIRS + 1
        self._set = other

        flat = bits.reshape(members, -1)
        golden = allreduce(flat, etype, redop)
        cover(self.hits, flat, golden, etype, redop)
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
            f"{len(wrong)} wrong in batch {number}; flit {wrong[0][0]}, element {wrong[0][1]}: "
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
    """Add a batch of a class."""
    per_flit = program.flit_w // (8 * element_dtype(etype).itemsize)
    bits = columns(program.rng, name, members, program.places * per_flit, etype)
    program.add(etype, redop, bits.reshape(members, program.places, per_flit))


@cocotb.test()
async def every_class(dut: object) -> None:
    """Every class of numbers, type and operation."""
    rng = np.random.default_rng(int(os.environ["SP_SEED"]))
    program = Program(rng, int(os.environ["FLIT_W"]), int(os.environ["PLACES"]))
    rounds = int(os.environ["ROUNDS"])
    jobs = [
        (name, etype, redop)
        for name in CLASSES
        for etype in (EType.FP32, EType.BF16)
        for redop in [RedOp.SUM] * 4 + [RedOp.MIN, RedOp.MAX]
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
    for name in ("equal", "narrow", "overflow", "powers", "cancel", "finite"):
        for etype in (EType.FP32, EType.BF16):
            batch(program, name, members, etype, RedOp.SUM)
    await play(dut, program)


@pytest.mark.parametrize(
    ("flit_w", "elems", "rounds"),
    [
        pytest.param(128, 64, 2, marks=pytest.mark.sim),
        (128, 1, 8),
        pytest.param(256, 8, 6, marks=pytest.mark.long),
        (512, 16, 3),
    ],
)
def test_every_class(sim: Sim, flit_w: int, elems: int, rounds: int) -> None:
    run(sim, "every_class", flit_w, elems, elems, rounds)


@pytest.mark.parametrize("members", [2, 5, 16, 1024])
def test_many_contributions(sim: Sim, members: int) -> None:
    # 1024 is what the lanes of test_every_class are made for: their build is used again
    run(sim, "many_contributions", 128, 64 if members == 1024 else 16, 16, 0, members)


def run(
    sim: Sim,
    testcase: str,
    flit_w: int,
    elems: int,
    places: int,
    rounds: int,
    members: int = 1024,
) -> None:
    """Build the player and run a test of this file in the first `places` of its elements."""
    sim.run_module(
        sources=SOURCES,
        toplevel="sp_lanes_player",
        parameters={"FLIT_W": flit_w, "ELEMS": elems, "MEMBERS": members},
        module=__name__,
        testcase=testcase,
        env={
            "FLIT_W": str(flit_w),
            "PLACES": str(places),
            "MEMBERS": str(members),
            "ROUNDS": str(rounds),
        },
        coverage=flit_w < WIDE,
    )
