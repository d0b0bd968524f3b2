# SPDX-License-Identifier: Apache-2.0
"""The executing half of an endpoint: every answer and the memory behind it against the model."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from typing import Any

import cocotb
import numpy as np
import pytest

from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import WIDE, Sim
from switchproof.models import packet
from switchproof.models.endpoint.memory import (
    BLOCK,
    PIECE,
    Call,
    atomic_field,
    linearizable,
    operate,
)
from switchproof.models.layout import EXT_CHECK, EXT_SET, AtomicOp, Op, Status
from tests.endpoint.completer_play import (
    RAM_BYTES,
    Play,
    atomic,
    load,
    old,
    status,
    store,
)

KINDS = [int(kind) for kind in AtomicOp]
WORD = (1 << 64) - 1


# --------------------------------------------------------------------------- random requests


class Traffic:
    """Random requests of several sources over few blocks."""

    def __init__(self, play: Play, blocks: int) -> None:
        self.play, self.rng, self.flit_w = play, play.rng, play.flit_w
        # Different in the bits that AxiRam looks at, and in those that it does not.
        places = self.rng.permutation(RAM_BYTES // BLOCK)[:blocks]
        high = self.rng.integers(0, 1 << 41, blocks)
        self.blocks = [int(h) << 16 | int(p) * BLOCK for h, p in zip(high, places)]
        self.tags = itertools.cycle(range(4096))
        self.atomics: list[tuple[np.void, int]] = []

    def draw(self, high: int) -> int:
        """Return a number below `high`."""
        return int(self.rng.integers(high))

    def request(self) -> tuple[np.void, int]:
        """Return a packet and its plane."""
        kind = self.rng.choice(
            ["load", "store", "atomic", "again", "many", "bad"], p=[0.3, 0.3, 0.2, 0.07, 0.05, 0.08]
        )
        plane = self.draw(4)
        base = self.blocks[self.draw(len(self.blocks))]
        ids = {
            "src": self.draw(4) * 5 + 1,
            "dst": self.play.source,
            "tag": next(self.tags),
            "rsvd": self.draw(4),
            "ecn": self.draw(2),
            "status": self.draw(16),
            "relaxed": self.draw(2),
            "mem_rsvd": self.draw(2),
        }
        if kind == "again" and self.atomics:
            row, plane = self.atomics[-1 - self.draw(min(6, len(self.atomics)))]
            return self._again(row), plane
        if kind in ("atomic", "again"):
            row = self._atomic(base, ids)
            self.atomics.append((row, plane))
            return row, plane
        first = self.draw(16)
        units = 1 + self.draw(16 - first)
        if self.rng.random() < 0.2:
            first, units = 0, 16
        if kind == "load":
            ids["ext"] = self.draw(8) if self.draw(8) == 0 else 0
            return load(self.flit_w, base + 16 * first, units, **ids), plane
        if kind == "many":
            ids.update(op=int(Op.MCAST_WRITE), dst=self.draw(1 << 14))
        strobes = None
        if units <= 8 and self.draw(2):
            strobes = int.from_bytes(self.rng.bytes(16), "little")
        ids["ext"] = (EXT_CHECK if self.draw(2) else 0) | (EXT_SET if kind == "many" else 0)
        data = self.rng.bytes(16 * units)
        row = store(self.flit_w, base + 16 * first, data, strobes, **ids)
        self._behind(row)
        if kind == "bad":
            self._spoil(row)
        return row, plane

    def _behind(self, row: np.void) -> None:
        """Fill what lies behind payload and strobes with what would hurt."""
        strobe = int(packet.get(np.array([row]), "ext")[0]) & 1
        end = 16 * (int(packet.get(np.array([row]), "len")[0]) + strobe)
        row["data"][end:] = self.rng.integers(0, 256, packet.DATA_BYTES - end, np.uint8)

    def _atomic(self, base: int, ids: dict[str, int]) -> np.void:
        wide = bool(self.draw(2))
        address = base + (8 * self.draw(32) if wide else 4 * self.draw(64))
        if self.draw(2):
            address = base + 8  # often the same place, so that values meet
        small = bool(self.draw(2))
        value, compare = (
            self.draw(3) if small else int.from_bytes(self.rng.bytes(8), "little") for _ in range(2)
        )
        return atomic(
            self.flit_w, address, KINDS[self.draw(len(KINDS))], value, compare=compare,
            epoch=self.draw(1 << 16), quiet=self.draw(4) == 0, wide=wide, **ids,
        )  # fmt: skip

    def _again(self, row: np.void) -> np.void:
        one = np.array([row], packet.PACKET)
        first = row["data"][:16].tobytes()
        names = ("mem_addr", "mem_arg", "mem_wide", "src", "dst", "tag", "rsvd")
        head = {name: int(packet.get(one, name)[0]) for name in names}
        return atomic(
            self.flit_w, head.pop("mem_addr"), head.pop("mem_arg"), atomic_field(first, "operand"),
            compare=int.from_bytes(row["data"][16:24].tobytes(), "little"), retry=True,
            epoch=atomic_field(first, "epoch"), quiet=self.draw(2) == 0,
            wide=bool(head.pop("mem_wide")), **head,
        )  # fmt: skip

    def _spoil(self, row: np.void) -> None:
        """Make a request one that must not be executed, mostly."""
        one = np.array([row], packet.PACKET)
        how = self.draw(9)
        if how == 0:
            row["flags"] |= packet.FLAG_ERR
        elif how == 1:
            row["flits"] = 1 + self.draw(40)
        else:
            changes: list[dict[str, int]] = [
                {"poison": 1},
                {"version": 1 + self.draw(3)},
                {"op": 4 + self.draw(12)},
                {"len": self.draw(32)},
                {"mem_addr": int(packet.get(one, "mem_addr")[0]) + 1 + self.draw(200)},
                {"op": int(Op.ATOMIC), "mem_arg": 10 + self.draw(6)},
                {"op": int(Op.ATOMIC), "mem_arg": self.draw(10)},
            ]
            packet.set_fields(one, **changes[how - 2])
            row["hdr"] = one[0]["hdr"]


@cocotb.test()
async def random_requests(dut: Any) -> None:
    """Loads, stores, atomics and what is none, with random gaps, stalls and answers held."""
    play = Play(dut)
    ram = os.environ["MEMORY"] == "ram"
    await play.begin(ram=ram)
    traffic = Traffic(play, 6)
    if not ram:
        bad = {traffic.blocks[0] + PIECE, traffic.blocks[1] + 3 * PIECE}
        play.model.memory.bad |= bad
        play.axi.memory.bad |= bad  # type: ignore[union-attr]
    rounds = int(os.environ["ROUNDS"])
    for number in range(rounds):
        play.answer_rate = (1.0, 0.5, 0.1)[number % 3]
        for _ in range(60):
            row, plane = traffic.request()
            play.put(
                row, plane=plane, gap=traffic.draw(20) if number % 4 == 3 else 0,
                pause=(0.0, 0.3)[number % 2],
            )  # fmt: skip
        await play.answered(40_000)
        play.check()
    play.hits[f"completer.on.{'ram' if ram else 'faulty'}"] += 1
    play.finish()


@cocotb.test()
async def contended_atomics(dut: Any) -> None:
    """Sources that each wait for their answer beat on one word: there is an order that explains
    what each of them saw."""
    play = Play(dut)
    await play.begin()
    width = play.flit_w
    place = 0x1234_5600 + 24
    calls: list[tuple[int, int, int, int, int, bool]] = []
    for number in range(150):
        kind = int(play.rng.choice([AtomicOp.ADD, AtomicOp.SWAP, AtomicOp.CAS, AtomicOp.UMAX]))
        operand, compare = int(play.rng.integers(4)), int(play.rng.integers(4))
        quiet = bool(play.rng.random() < 0.1)
        row = atomic(
            width, place, kind, operand, compare=compare, quiet=quiet, epoch=number,
            src=number % 7, dst=play.source, tag=number,
        )  # fmt: skip
        calls.append((number % 7, number, kind, operand, compare, quiet))
        play.put(row, gap=int(play.rng.integers(3)))
    await play.answered()
    play.check()
    history = _history(play, calls)
    last = int.from_bytes(play.axi.memory.read(place, 8).tobytes(), "little")  # type: ignore[union-attr]
    why = linearizable(history, 0, last)
    assert not why, why
    play.hits["completer.linearizable"] += len(history)
    play.finish()


def _history(play: Play, calls: list[tuple[int, int, int, int, int, bool]]) -> list[Call]:
    """Return the calls as their sources saw them, by cycles of arrival and answer."""
    answers = {int(packet.get(np.array([a.row]), "tag")[0]): a for a in play.answers}
    history = []
    for (source, tag, kind, operand, compare, quiet), begin in zip(calls, play.taken):
        answer = answers[tag]
        value = None if quiet else old(answer.row)
        history.append(Call(source, begin, answer.cycle, kind, operand, compare, value))
    return history


# -------------------------------------------------------------------------------- one by one


async def _one(play: Play, row: np.void) -> np.void:
    """Send a request, wait for its answer, compare it with the model; return it."""
    play.put(row, plane=int(play.rng.integers(4)))
    await play.answered()
    return play.check()[0]


@cocotb.test()
async def once(dut: Any) -> None:
    """An atomic is executed at most once; what nobody knows is said so."""
    play = Play(dut)
    await play.begin()
    width, remember = play.flit_w, 3000
    play.model.remember = remember
    dut.remember_i.value = remember
    ids = {"src": 5, "dst": play.source}

    def add(number: int, *, retry: bool = False, address: int = 0x400, **more: int) -> np.void:
        epoch = more.pop("epoch", 9)
        return atomic(
            width, address, AtomicOp.ADD, 10 + number, retry=retry, epoch=epoch,
            **{**ids, "tag": number, **more},
        )  # fmt: skip

    # Sent twice: answered twice, executed once.
    first = await _one(play, add(0))
    again = await _one(play, add(0, retry=True))
    assert old(first) == old(again) == 0
    assert play.hits["completer.atomic"] == 1 and play.hits["completer.replayed"] == 1
    # One that is sent again at once waits for the first to be done.
    play.put(add(1))
    play.put(add(1, retry=True))
    play.put(load(width, 0x400, 1, **ids, tag=99))
    await play.answered()
    one, two, seen = play.check()
    assert old(one) == old(two) == 10
    assert int.from_bytes(seen["data"][:8].tobytes(), "little") == 21
    # Every part of the name counts: another tag, epoch or source is another atomic.
    for other in ({"tag": 7}, {"epoch": 8}, {"src": 6}):
        before = play.hits["completer.atomic"]
        await _one(play, add(0, retry=True, **other))
        assert play.hits["completer.atomic"] == before + 1, other
    # One whose first sending came broken was not executed.
    broken = add(2)
    broken["flags"] |= packet.FLAG_ERR
    assert status(await _one(play, broken)) == Status.BROKEN
    assert status(await _one(play, add(2, retry=True))) == Status.OK
    # The same name again, not as a repetition: it is a new atomic, and its answer counts now.
    swap: dict[str, Any] = {"epoch": 1, "tag": 50, **ids}
    for value in (0x55, 0xAA):
        await _one(play, atomic(width, 0x500, AtomicOp.SWAP, value, **swap))
    await _one(play, atomic(width, 0x500, AtomicOp.SWAP, 0x11, **swap))
    repeated = atomic(width, 0x500, AtomicOp.SWAP, 0x11, retry=True, **swap)
    assert old(await _one(play, repeated)) == 0xAA
    # So many others that the first is pushed out: nobody knows.
    start = play.cycle
    for number in range(100, 100 + play.n_atomics):
        await _one(play, add(number, address=0x800 + 8 * (number % 32)))
    assert play.cycle - start < remember - 200, "remember is too short for this test"
    value = play.model.memory.read(0x400, 8).tobytes()
    assert status(await _one(play, add(1, retry=True))) == Status.UNKNOWN
    assert play.model.memory.read(0x400, 8).tobytes() == value
    # What is still there is answered from the table.
    assert status(await _one(play, add(100, retry=True, address=0x800 + 32))) == Status.OK
    # Long after, one that is not there has not been executed.
    await play.cycles(remember + 100)
    before = play.hits["completer.atomic"]
    assert status(await _one(play, add(1, retry=True))) == Status.OK
    assert play.hits["completer.atomic"] == before + 1
    # Old entries are replaced without a loss that counts.
    await play.cycles(remember + 100)
    for number in range(200, 200 + play.n_atomics - 1):
        await _one(play, add(number))
    assert status(await _one(play, add(300, retry=True))) == Status.OK
    assert play.hits["completer.unknown"] == 1
    # A comparison looks at all bits of its width, and at no others.
    await _one(play, store(width, 0x600, (1 << 32 | 5).to_bytes(16, "little"), tag=400, **ids))
    for tag, wide, compare, left in (
        (401, True, 5, 5), (402, False, 1 << 40 | 5, 6), (403, True, 1 << 32 | 6, 6),
    ):  # fmt: skip
        await _one(play, atomic(
            width, 0x600, AtomicOp.CAS, 6, compare=compare, wide=wide, tag=tag, **ids
        ))  # fmt: skip
        assert play.model.memory.read(0x600, 1)[0] == left, tag
    play.hits["completer.once"] += 1
    play.finish()


@cocotb.test()
async def refused(dut: Any) -> None:
    """What must not be executed is answered with its reason and touches nothing."""
    play = Play(dut)
    await play.begin()
    width = play.flit_w
    ids = {"src": 5, "dst": play.source}
    data = bytes(range(256))
    poisoned = store(width, 0x300, data, poison=1, **ids)
    marked = store(width, 0x300, data, **ids)
    marked["flags"] |= packet.FLAG_ERR
    late = load(width, 0x300, 1, **ids)
    late["flags"] |= packet.FLAG_ERR
    short, long = store(width, 0x300, data, **ids), store(width, 0x300, data[:128], **ids)
    short["flits"] -= 1
    long["flits"] += 32  # as many beats, modulo 32
    cases = {
        "poison": (poisoned, Status.BROKEN),
        "mark": (marked, Status.BROKEN),
        "mark_load": (late, Status.BROKEN),
        "version": (store(width, 0x300, data, version=1, **ids), Status.VERSION),
        "op": (store(width, 0x300, data, op=5, **ids), Status.OP),
        "coll_op": (store(width, 0x300, data, op=11, **ids), Status.OP),
        "store_crosses": (store(width, 0x310, data, **ids), Status.LEN),
        "load_crosses": (load(width, 0x3F0, 2, **ids), Status.LEN),
        "store_unaligned": (store(width, 0x301, data[:16], **ids), Status.LEN),
        "load_unaligned": (load(width, 0x308, 1, **ids), Status.LEN),
        "empty_store": (store(width, 0x300, b"", **ids), Status.LEN),
        "load_with_payload": (store(width, 0x300, data[:16], op=int(Op.READ), **ids), Status.LEN),
        "strobes_of_nine": (store(width, 0x300, data[:144], 5, **ids), Status.LEN),
        "too_short": (short, Status.LEN),
        "too_long": (long, Status.LEN),
        "kind": (atomic(width, 0x300, 10, 1, **ids), Status.OP),
        "wide_unaligned": (atomic(width, 0x304, 0, 1, **ids), Status.LEN),
        "narrow_unaligned": (atomic(width, 0x302, 0, 1, wide=False, **ids), Status.LEN),
        "cas_alone": (atomic(width, 0x300, 9, 1, len=1, flits=1, **ids), Status.LEN),
        "add_of_two": (atomic(width, 0x300, 0, 1, len=2, **ids), Status.LEN),
    }
    await _one(play, store(width, 0x300, data[::-1], tag=4000, **ids))
    for tag, (name, (row, reason)) in enumerate(cases.items()):
        one = packet.set_fields(np.array([row]), tag=tag)
        got = await _one(play, one[0])
        assert status(got) == reason, f"{name}: {packet.describe(got)}"
        play.hits[f"completer.refused.{name}"] += 1
    # As far as a request may go.
    for tag, row in enumerate((
        store(width, 0x300, data, tag=100, **ids), load(width, 0x3F0, 1, tag=101, **ids),
        store(width, 0x380, data[:128], (1 << 128) - 1, tag=102, **ids),
        atomic(width, 0x3F8, 0, 1, tag=103, **ids),
        atomic(width, 0x3FC, 0, 1, wide=False, tag=104, **ids),
    )):  # fmt: skip
        assert status(await _one(play, row)) == Status.OK, tag
    play.finish()


@cocotb.test()
async def stores(dut: Any) -> None:
    """Strobes at each place and length, stores at many, a load behind a store of its block."""
    play = Play(dut)
    await play.begin()
    width = play.flit_w
    ids = {"src": 5, "dst": play.source}
    tag = itertools.count()
    for units in range(1, 17):
        for first in (0, 1, 2, 3, 5, 16 - units):
            if first + units > 16:
                continue
            strobes = int.from_bytes(play.rng.bytes(16), "little") if units <= 8 else None
            data = play.rng.bytes(16 * units)
            play.put(store(width, 0x7F00 + 16 * first, data, strobes, tag=next(tag), **ids))
            play.put(load(width, 0x7F00, 16, tag=next(tag), **ids))
            play.hits["completer.strobes"] += strobes is not None
            play.hits["completer.load_behind_store"] += 1
    # A store at many answers with the ID of this endpoint, whatever it was sent to.
    members = packet.make(
        1, flit_w=width, op=Op.MCAST_WRITE, len=3, ext=EXT_SET, mem_addr=0x7F20, dst=3, src=9,
        tag=next(tag), payload=np.frombuffer(play.rng.bytes(48), np.uint8),
    )  # fmt: skip
    packet.set_members(members, [play.source, 4, 4])
    play.put(members[0])
    play.put(store(width, 0x7F10, play.rng.bytes(16), op=int(Op.MCAST_WRITE), src=9, tag=next(tag)))
    broken = store(width, 0x7F10, bytes(16), op=int(Op.MCAST_WRITE), src=9, dst=1, tag=next(tag))
    broken["flags"] |= packet.FLAG_ERR
    play.put(broken)
    play.put(load(width, 0x7F00, 16, tag=next(tag), **ids))
    await play.answered()
    rows = play.check()
    for row in rows[-4:-1]:
        assert int(packet.get(np.array([row]), "src")[0]) == play.source
    play.hits["completer.members"] += 1
    play.finish()


@cocotb.test()
async def held(dut: Any) -> None:
    """While no answer can leave, requests stop being taken; then all goes on."""
    play = Play(dut)
    await play.begin()
    width = play.flit_w
    play.answer_rate = 0.0
    await play.cycles(2)
    for number in range(64):
        address = 0x1000 * (number % 8)
        ids = {"src": 1, "dst": play.source, "tag": number, "relaxed": 1}
        play.put(
            load(width, address, 16, **ids) if number % 2
            else store(width, address, play.rng.bytes(256), **ids)
        )  # fmt: skip
    await play.cycles(2000)
    slots = int(os.environ["N_ACTIVE"])
    assert not play.answers
    # One more if the answer that waits is out of its slot.
    assert len(play.sent) in (slots, slots + 1), f"{len(play.sent)} requests were taken"
    play.answer_rate = 1.0
    await play.answered()
    play.check()
    play.hits["completer.held"] += 1
    play.finish()


@cocotb.test()
async def strict(dut: Any) -> None:
    """Stores and atomics that are not relaxed change memory one after the other, by source."""
    play = Play(dut)
    await play.begin(latency=20)
    assert play.axi
    tag = itertools.count()
    for name, sources, relaxed in (("strict", 1, 0), ("sources", 3, 0), ("relaxed", 1, 1)):
        play.axi.most_writes = 0
        for number in range(24):
            ids = {
                "src": number % sources, "dst": play.source, "tag": next(tag), "relaxed": relaxed,
            }  # fmt: skip
            address = 0x300 * number
            if number % 4 == 3:
                play.put(atomic(play.flit_w, address, 0, 1, **ids))
            elif number % 4 == 2:
                play.put(load(play.flit_w, address, 1, **ids))
            else:
                play.put(store(play.flit_w, address, play.rng.bytes(64), **ids))
        await play.answered()
        play.check()
        assert (play.axi.most_writes == 1) == (name == "strict"), (name, play.axi.most_writes)
        assert play.axi.most_writes <= sources or relaxed, (name, play.axi.most_writes)
        play.hits[f"completer.order.{name}"] += 1
    play.finish()


@cocotb.test()
async def rate(dut: Any) -> None:
    """Stores, then loads, of 256 bytes on a memory that never stalls: flits a cycle."""
    play = Play(dut)
    await play.begin(ideal=True, latency=2)
    width = play.flit_w
    flits = 8 * BLOCK // width
    count = 60
    ids = {"src": 1, "dst": play.source, "relaxed": 1}
    for number in range(count):
        play.put(store(width, 0x100 * number, play.rng.bytes(256), tag=number, **ids))
    await play.answered()
    store_rate = (count - 10) * flits / (play.taken[-1] - play.taken[9])
    for number in range(count):
        play.put(load(width, 0x100 * number, 16, tag=100 + number, **ids))
    await play.answered()
    loads = [answer.last for answer in play.answers[count:]]
    load_rate = (count - 10) * flits / (loads[-1] - loads[9])
    play.check()
    print(f"stores {store_rate:.3f}, loads {load_rate:.3f} flits a cycle")
    bus = min(1.0, len(dut.m_axi_wdata) / width)
    assert store_rate >= 0.95 * bus and load_rate >= 0.95 * bus, (store_rate, load_rate)
    play.hits["completer.rate"] += 1
    play.finish()


# ------------------------------------------------------------------------------------ to run


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Parameters of a completer."""

    flit_w: int
    data_w: int
    active: int
    atomics: int = 16

    def __str__(self) -> str:
        return f"{self.flit_w}-{self.data_w}-{self.active}"


NARROW, FULL = Sizes(128, 64, 4), Sizes(512, 512, 8)
MORE = (Sizes(128, 128, 2), Sizes(256, 64, 16), Sizes(256, 256, 5), Sizes(512, 128, 8))
BOTH = pytest.mark.parametrize(
    "sizes", [NARROW, FULL, *(pytest.param(s, marks=pytest.mark.long) for s in MORE)], ids=str
)


def run(sim: Sim, testcase: str, sizes: Sizes, **env: object) -> None:
    """Build the player and run a test of this module."""
    sim.run_module(
        sources=needed("tests/endpoint/sp_completer_player.sv"),
        toplevel="sp_completer_player",
        parameters={
            "FLIT_W": sizes.flit_w, "DATA_W": sizes.data_w, "N_ACTIVE": sizes.active,
            "N_ATOMICS": sizes.atomics,
        },
        module=__name__,
        testcase=testcase,
        env={
            "N_ACTIVE": str(sizes.active), "N_ATOMICS": str(sizes.atomics),
            **{name: str(value) for name, value in env.items()},
        },
        coverage=sizes.flit_w < WIDE,
    )  # fmt: skip


@BOTH
@pytest.mark.parametrize("memory", ["ram", "faulty"])
def test_completer_random(sim: Sim, sizes: Sizes, memory: str) -> None:
    # AxiRam takes several times as long for a cycle.
    run(sim, "random_requests", sizes, MEMORY=memory, ROUNDS=4 if memory == "ram" else 10)


@BOTH
def test_completer_contended(sim: Sim, sizes: Sizes) -> None:
    run(sim, "contended_atomics", sizes)


@BOTH
@pytest.mark.parametrize("case", ["once", "refused", "stores", "held", "strict"])
def test_completer_cases(sim: Sim, sizes: Sizes, case: str) -> None:
    run(sim, case, sizes)


@pytest.mark.parametrize(
    "sizes", [FULL, *(pytest.param(s, marks=pytest.mark.long) for s in MORE[1:])], ids=str
)
def test_completer_rate(sim: Sim, sizes: Sizes) -> None:
    run(sim, "rate", sizes)


# ------------------------------------------------------------------------------ the model alone


def _true_history(rng: np.random.Generator, count: int) -> tuple[list[Call], int]:
    """Return calls of five sources that overlap, in an order that exists, and the last value."""
    value = 0
    calls = []
    free = [0.0] * 5  # when the source may begin its next call
    for number in range(count):
        source = number % 5
        kind = int(rng.choice([AtomicOp.ADD, AtomicOp.SWAP, AtomicOp.CAS]))
        operand, compare = int(rng.integers(1, 4)), int(rng.integers(4))
        seen: int | None = value
        sure = bool(rng.random() >= 0.05)
        if sure or rng.random() < 0.5:
            value = operate(kind, value, operand, compare, 64)
        if not sure or rng.random() < 0.1:
            seen = None
        # It takes effect at `number`, begins before and ends behind.
        begin = max(number - 6 * float(rng.random()), free[source])
        end = number + 4 * float(rng.random()) if sure else math.inf
        free[source] = end if sure else number
        calls.append(Call(source, begin, end, kind, operand, compare, seen, sure))
    return calls, value


def test_linearizable_accepts_what_was() -> None:
    """A history that was made by executing calls one after the other has an order."""
    rng = np.random.default_rng(3)
    for _ in range(30):
        calls, value = _true_history(rng, 60)
        assert linearizable(calls, 0, value) == ""


def test_linearizable_finds_what_cannot_be() -> None:
    """Lost and doubled additions, a stale value, an order against time or source are found."""
    add, swap = int(AtomicOp.ADD), int(AtomicOp.SWAP)

    def calls(*olds: int | None) -> list[Call]:
        return [Call(i, i, i + 0.5, add, 1, 0, value) for i, value in enumerate(olds)]

    assert linearizable(calls(0, 1, 2), 0, 3) == ""
    assert linearizable(calls(0, 1, 1), 0) != ""  # one was lost
    assert linearizable(calls(0, 1, 2), 0, 4) != ""  # one was executed twice
    assert linearizable(calls(0, 2, 1), 0, 3) != ""  # against time
    assert linearizable(calls(0, None, 2), 0, 3) == ""
    assert linearizable(calls(0, None, 1), 0, 2) != ""
    together = [Call(0, 0, 9, add, 1, 0, 1), Call(1, 0, 9, add, 1, 0, 0)]
    assert linearizable(together, 0, 2) == ""
    one_source = [dataclasses.replace(call, source=0) for call in together]
    assert linearizable(one_source, 0, 2) != ""  # against the order of the source
    unsure = Call(2, 0, math.inf, swap, 7, sure=False)
    assert linearizable([*calls(0, 1), unsure], 0, 2) == ""
    assert linearizable([*calls(0, 1), unsure], 0, 7) == ""
    assert linearizable([*calls(0, 7), unsure], 0, 8) == ""
    assert linearizable([*calls(0, 7), dataclasses.replace(unsure, begin=1.7)], 0) != ""
    # 32 bits wrap.
    assert linearizable([Call(0, 0, 1, add, 1, 0, (1 << 32) - 1)], (1 << 32) - 1, 0, 32) == ""
