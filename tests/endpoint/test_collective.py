# SPDX-License-Identifier: Apache-2.0
"""The unit that takes part in collectives: packets, memory and reports, as the model says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from collective_bench import BASE, ENGINE, PORT, SIZE, Bench, Fates, Speed

from switchproof.ci.filelists import needed
from switchproof.models import packet
from switchproof.models.endpoint.collectives import SLICE_BYTES, Command, Kind, Row, split
from switchproof.models.layout import EType, Op, RedOp, Status
from switchproof.models.packet import PACKET, Packets

#: Fetches: as many as all commands and other members can ask for at once.
SHAPES: dict[str, dict[str, int]] = {
    "small": {
        "FLIT_W": 128, "DATA_W": 128, "N_COMMANDS": 4, "WINDOW": 8,
        "N_GROUPS": 8, "N_PLANES": 3, "FETCHES": 40,
    },
    "wide": {
        "FLIT_W": 512, "DATA_W": 64, "N_COMMANDS": 4, "WINDOW": 2,
        "N_GROUPS": 4, "N_PLANES": 1, "FETCHES": 16, "READS": 3, "RESULTS": 2, "WRITES": 2,
    },
}  # fmt: skip
#: A group of all ports, fetched from.
GROUP = 1


class Places:
    """Hands out parts of the memory that do not overlap."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.free = list(rng.permutation(SIZE // 4096))

    def take(self, size: int) -> int:
        """Return an address with so many bytes, at most 4096, for it alone."""
        assert size <= 4096
        return BASE + 4096 * int(self.free.pop())


def drawn(bench: Bench, places: Places, kind: int, seq: int, **values: Any) -> Command:
    """Give a random command of a kind."""
    rng = bench.rng
    size = int(rng.choice([rng.integers(1, 4097), rng.integers(1, 257), 4096, 256]))
    if kind == Kind.MCAST_STORE:
        size = max(size // 16, 1) * 16
    count = -(-size // SLICE_BYTES)
    source = places.take(size)
    first = int(rng.choice([0, rng.integers(0, 1 << 16), (1 << 16) - 2]))
    how: dict[str, Any] = {
        "group": int(rng.integers(2, 4)),
        "seq": seq,
        "slice": first,
        "bytes": size,
        "source": source,
        "to": source if rng.random() < 0.5 else places.take(size),
        "etype": int(rng.choice(list(EType))),
        "redop": int(rng.choice(list(RedOp))),
        "mode": int(rng.integers(0, 4)),
        "dst": ENGINE + int(rng.integers(0, 100)),
        "engines_log2": int(rng.integers(0, 5)),
        "round_log2": int(rng.choice([0, 0, 1, 2, 3, 4, 6])),
        "skew": int(rng.integers(0, 1 << 16)),
        "root": int(rng.integers(0, 4)),
    }
    if kind == Kind.REDUCE and rng.random() < 0.5:
        how |= {"slice": int(rng.integers(0, 16 - count + 1)), "scatter": 1, "root": 0}
        how["root_log2"] = int(rng.integers(2, 5))
    if kind == Kind.LOAD_REDUCE:
        # What we hold ourselves of what we ask for.
        how |= {"group": GROUP, "slice": int(rng.integers(0, 16 - count + 1))}
    if kind == Kind.MCAST_STORE:
        members = tuple(int(m) for m in rng.integers(0, 1 << 14, int(rng.integers(1, 9))))
        sparse = int(rng.random() < 0.5)
        how |= {
            "sparse": sparse,
            "members": members,
            "answers": len(members) if sparse else int(rng.choice([0, 1, 3, 20])),
            "remote": SLICE_BYTES * int(rng.integers(0, 1 << 40)),
        }
    return bench.command(kind, **(how | values))


def asked(bench: Bench, number: int, units: int, group: int, **values: Any) -> Packets:
    """Return another member's request to load a slice, as it comes to the engine."""
    row = np.zeros(1, PACKET)
    packet.set_fields(
        row, op=Op.LOAD_REDUCE, src=0x300, dst=ENGINE, group=group, slice=number, root=units - 1,
        **{"etype": EType.INT32, **values},
    )  # fmt: skip
    return packet.set_flits(row, bench.flit_w)


def member(bench: Bench, number: int, units: int, seq: int) -> None:
    """Let another member ask for a slice of the table: a fetch comes to us."""
    plane = int(bench.rng.integers(0, bench.planes))
    engine = bench.engine(plane, ENGINE)
    rows = engine.contribute(1, asked(bench, number, units, GROUP, seq=seq)).expand()
    for row in rows[rows["port"] == PORT]:
        row["port"] = plane
        bench.fetch(row)


async def begun(dut: Any) -> tuple[Bench, Places]:
    """Reset; a vector of 16 slices is there to be fetched."""
    bench = Bench(dut)
    places = Places(bench.rng)
    await bench.begin()
    await bench.cycles(3)
    await bench.set_row(GROUP, Row(places.take(4096), 4096))
    return bench, places


@cocotb.test()
async def random_commands(dut: Any) -> None:
    """All kinds at once, with answers in any order, late, wrong, twice and missing; planes down."""
    bench, places = await begun(dut)
    seq = 0
    speeds = [
        Speed(), Speed(0.3, (1, 30), (0, 300)), Speed(0.05, (20, 60), (0, 60)), Speed(0.0, (1, 5)),
    ]  # fmt: skip
    every = Fates(0.05, 0.02, 0.04, 0.04, 0.04, 0.05)
    bench.dut.timeout_i.value = 2500
    for turn in range(10):
        everything = (1 << bench.planes) - 1
        mask = int(bench.rng.integers(1, everything + 1))
        bench.choose(mask, everything)
        if turn == 3:
            bench.choose(mask, 0)
        elif turn == 4:
            bench.choose(everything, everything ^ int(bench.rng.integers(0, everything + 1)))
        elif turn == 5:
            bench.choose(0, everything)
        await bench.cycles(4)
        bench.speed = speeds[turn % len(speeds)]
        bench.fates = Fates() if turn == 0 else every
        bench.bad = set()
        kinds = list(Kind) + list(bench.rng.choice(list(Kind), 7))
        made = []
        for kind in bench.rng.permutation(kinds):
            made.append(drawn(bench, places, int(kind), seq))
            seq += 1
        if turn in (2, 6):
            blocks = [c.source - BASE for c in made[::3]] + [c.to - BASE for c in made[1::3]]
            bench.bad = {block + SLICE_BYTES * int(bench.rng.integers(0, 3)) for block in blocks}
        for _ in range(6):
            await bench.cycles(int(bench.rng.integers(1, 200)))
            member(bench, int(bench.rng.integers(0, 16)), int(bench.rng.integers(1, 17)), seq)
            seq += 1
        await bench.drain()
        bench.check()
        places = Places(bench.rng)
        places.free = [at for at in places.free if BASE + 4096 * at != bench.table[GROUP].base]
    for plane, ident in bench.engines:
        counters = bench.engines[plane, ident].counters
        assert not any(v for k, v in counters.items() if k.startswith("refused")), counters
    bench.finish()


def hdr(bench: Bench, op: int, **values: Any) -> np.void:
    """Return a packet without payload, or with random payload."""
    row = np.zeros(1, PACKET)
    row["data"] = bench.rng.integers(0, 256, row["data"].shape, np.uint8)
    packet.set_fields(row, op=op, **values)
    return packet.set_flits(packet.clear_unused(row), bench.flit_w)[0]


async def until(bench: Bench, what: Any, limit: int = 4000) -> None:
    """Wait until `what()` is true."""
    for _ in range(limit):
        if what():
            return
        await bench.cycles(1)
    raise AssertionError("it does not happen")


@cocotb.test()
async def directed(dut: Any) -> None:
    """One thing after the other."""
    bench, places = await begun(dut)

    # A barrier: a header out, a header in.
    bench.command(Kind.BARRIER, group=3, seq=7, slice=9, dst=ENGINE)
    await bench.drain()
    assert bench.reports[-1]["status"] == Status.OK and bench.sent == 1

    # AllReduce of vectors that end in the middle of a unit; what lies behind stays as it is.
    for size in (1, 15, 17, 255, 257, 1000, 3841):
        drawn(bench, places, Kind.ALLREDUCE, size, bytes=size, slice=40)
    await bench.drain()
    bench.check()

    # Results for which the memory is not ready wait, and those behind them outside.
    bench.speed = Speed(full=True)
    for k in range(bench.commands):
        drawn(bench, places, Kind.ALLREDUCE, 3000 + k, bytes=4096, slice=0, round_log2=0)
    await bench.cycles(800)
    assert bench._in, "everything was taken"
    bench.speed = Speed()
    await bench.drain()
    bench.check()
    # The same with results of which many have room; then the memory owes many answers.
    bench.speed = Speed(full=True)
    for k in range(bench.commands):
        drawn(bench, places, Kind.ALLREDUCE, 3100 + k, bytes=16, slice=0, round_log2=0)
    await bench.cycles(200)
    bench.speed = Speed(delay=(60, 80))
    await bench.drain()
    bench.speed = Speed()
    bench.check()
    bench.hits["collective.memory_full"] += 1

    # ReduceScatter: two slices for each port; ours are written, no others.
    before = bench.memory.copy()
    to = places.take(2048)
    drawn(
        bench, places, Kind.REDUCE, 2000, bytes=2048, to=to, slice=0, scatter=1, root=0, root_log2=1
    )
    await bench.drain()
    bench.check()
    changed = np.flatnonzero((before != bench.memory).reshape(-1, SLICE_BYTES).any(1))
    first = (to - BASE) // SLICE_BYTES
    assert changed.tolist() == [first + 2 * PORT, first + 2 * PORT + 1]
    bench.hits["collective.scatter"] += 1

    # A store at five, answers in between others, and an error among them.
    bench.by_hand = True
    members = (1, 2, 3, 500, 16382)
    size = 272
    store = drawn(
        bench,
        places,
        Kind.MCAST_STORE,
        0,
        bytes=size,
        sparse=1,
        members=members,
        answers=5,
        round_log2=0,
    )
    await until(bench, lambda: len(bench.stored) == 2)
    (one, of_one), (two, of_two) = bench.stored
    order = [(one, of_one), (two, of_two)] * 5
    for k, (row, (ident, offset)) in enumerate(order):
        ok = packet.error_answer(np.array([row], PACKET), [0], bench.flit_w)
        packet.set_fields(ok, op=Op.WRITE_RSP)
        bad = packet.error_answer(np.array([row], PACKET), [Status.MEMORY], bench.flit_w)
        assert not bench.reports[-1]["status"], "a store ended before all answers came"
        bench._answer(ident, offset, bad if k == 3 else ok, 0)
        await bench.cycles(30)
    await bench.drain()
    assert bench.reports[-1] == {
        "id": store.id, "status": Status.MEMORY, "timeout": 0, "poisoned": 0,
        "slice": (store.slice + 1) % (1 << 16),
    }  # fmt: skip
    # One that a switch refuses ends at once; answers that nobody waits for are dropped.
    bench.stored.clear()
    bench.seen.clear()
    drawn(bench, places, Kind.MCAST_STORE, 0, bytes=256, sparse=0, answers=9, round_log2=0)
    await until(bench, lambda: len(bench.stored) == 1)
    row, (ident, offset) = bench.stored[0]
    answer = packet.error_answer(np.array([row], PACKET), [Status.PARTITION], bench.flit_w)
    bench.speed.answer = (0, 0)
    bench._answer(ident, offset, answer, 0)
    bench.send(answer[0], 0)  # right behind it
    bench.hits["collective.store.refused"] += 1
    await bench.drain()
    assert bench.reports[-1]["status"] == Status.PARTITION
    bench.send(answer[0], 0)
    await bench.cycles(40)
    bench.check()
    # Nor does an answer to it find the next store, whose packet is in the same place.
    bench.stored.clear()
    drawn(bench, places, Kind.MCAST_STORE, 0, bytes=256, sparse=0, answers=1, round_log2=0)
    await until(bench, lambda: len(bench.stored) == 1)
    row, (ident, offset) = bench.stored[0]
    ok = packet.error_answer(np.array([row], PACKET), [0], bench.flit_w)
    packet.set_fields(ok, op=Op.WRITE_RSP)
    old = ok.copy()
    packet.set_fields(old, tag=packet.get(answer, "tag"))
    bench.send(old[0], 0)
    await bench.cycles(40)
    bench._answer(ident, offset, ok, 0)
    await bench.drain()
    bench.check()
    bench.speed = Speed()
    bench.hits["collective.store.late"] += 1
    bench.by_hand = False

    # Commands that make no sense.
    for bad in (
        Command(kind=5), Command(kind=7, bytes=9), Command(kind=Kind.ALLREDUCE),
        Command(kind=Kind.REDUCE, bytes=(1 << 24) + 1), Command(kind=Kind.MCAST_STORE, bytes=100),
        Command(kind=Kind.LOAD_REDUCE),
    ):  # fmt: skip
        bench.command(bad.kind, bytes=bad.bytes)
    await bench.drain()

    # What nobody waits for: results, errors, answers.
    group = {"group": 3, "seq": 7, "slice": 9}
    for row in (
        hdr(bench, Op.RESULT, len=3, **group), hdr(bench, Op.COLL_ERROR, status=9, **group),
        hdr(bench, Op.WRITE_RSP, tag=0x800), hdr(bench, Op.ERROR, tag=0xFFF, status=4),
    ):  # fmt: skip
        bench.send(row, 0)
    await bench.drain()
    bench.check()

    # Names that differ in one part only do not find a command that waits.
    bench.by_hand = True
    waiting = drawn(bench, places, Kind.ALLREDUCE, 77, bytes=512, group=2, slice=30)
    await until(bench, lambda: len(bench.seen) >= 2)
    right = {"group": 2, "seq": 77, "slice": 30, "len": 16}
    for name, wrong in (("group", 3), ("seq", 78), ("slice", 29), ("slice", 32)):
        bench.send(hdr(bench, Op.RESULT, **{**right, name: wrong}), 0)
    await bench.cycles(120)
    bench.send(hdr(bench, Op.RESULT, **{**right, "slice": 31}), 0)
    bench.send(hdr(bench, Op.RESULT, **right), 0)
    await bench.drain()
    assert bench.reports[-1]["id"] == waiting.id and bench.reports[-1]["status"] == Status.OK
    bench.check()
    # A result that does not end in time takes no more room than one that does.
    bench.seen.clear()
    drawn(bench, places, Kind.ALLREDUCE, 79, bytes=256, group=2, slice=30, round_log2=0)
    await until(bench, lambda: bool(bench.seen))
    endless = hdr(bench, Op.RESULT, len=16, group=2, slice=30, seq=79)
    endless["flits"] = 150
    bench.send(endless, 0)
    await bench.drain()
    assert bench.reports[-1]["status"] == Status.LEN
    bench.check()
    bench.by_hand = False
    bench.hits["collective.names"] += 1

    # Load-reduce: we ask, and contribute ourselves what the table says.
    rows = bench.table[GROUP]
    bench.speed = Speed(answer=(0, 100))
    load = drawn(bench, places, Kind.LOAD_REDUCE, 90, bytes=4096 - 16, slice=0)
    await bench.drain()
    assert bench.reports[-1]["id"] == load.id and bench.reports[-1]["status"] == Status.OK
    # Others ask; within the table, at its end, and beyond.
    member(bench, 15, 16, 91)
    await bench.drain()
    bench.check()
    await bench.set_row(GROUP, Row(rows.base, 256 * 3 + 47))
    for seq, (number, units) in enumerate(((2, 16), (3, 2), (3, 3), (4, 1), (65535, 1))):
        member(bench, number, units, 100 + seq)
    await bench.drain()
    await bench.set_row(GROUP, None)
    member(bench, 0, 1, 110)
    wrong = {"slice": 0, "seq": 1, "src": ENGINE}
    bench.fetch(hdr(bench, Op.FETCH, group=4095, tag=1, **wrong))
    await bench.drain()
    await bench.set_row(GROUP, Row(rows.base, 4096))
    bench.fetch(hdr(bench, Op.FETCH, group=GROUP + 2048, tag=1, **wrong))
    for tag in (0, 17, 0x801):
        bench.fetch(hdr(bench, Op.FETCH, group=GROUP, tag=tag, **wrong))
    await bench.drain()
    bench.check()
    assert bench.events["fetch_refused"] == 9
    bench.hits["collective.member"] += 1

    # More fetches than there are places for, while nothing leaves: the rest is dropped, and what
    # comes behind is taken.
    places_left = bench.events["fetched"]
    bench.speed = Speed(hold=1.0)
    await bench.cycles(5)
    bench.speed = Speed(hold=1.0)
    late = bench.book.counts["late"]
    flood = 80
    for seq in range(flood):
        made = hdr(bench, Op.FETCH, group=GROUP, tag=1, slice=seq % 16, seq=seq, src=ENGINE)
        bench._sending(made)
    bench._sending(hdr(bench, Op.RESULT, len=16, **group))
    dut.in_tvalid_i.value = 0
    bench.force_in = True
    await until(bench, lambda: not bench._in)
    await bench.cycles(20)
    assert bench.events["late"] == late + 1, "what comes waits for what is to be sent"
    dropped = bench.events["fetch_dropped"]
    assert 0 < dropped < flood
    bench.force_in = False
    bench.flood = True
    bench.speed = Speed()
    await until(bench, lambda: bench.events["fetched"] == places_left + flood - dropped)
    await bench.cycles(100)
    assert bench.events["fetched"] == places_left + flood - dropped
    bench.book.counts["fetch_dropped"] = dropped
    bench.book.counts["fetched"] = bench.events["fetched"]
    bench.hits["collective.fetches_held"] += 1
    bench.finish()


@cocotb.test()
async def throughput(dut: Any) -> None:
    """Contributions leave, and results are written, at a flit a cycle."""
    bench, _ = await begun(dut)
    big = SIZE // 2  # the upper half; nothing else is there
    size = 40 * SLICE_BYTES
    bench.speed = Speed(answer=(10, 10))
    bench.command(
        Kind.ALLREDUCE, group=2, seq=1, bytes=size, source=BASE + big, to=BASE + big,
        dst=ENGINE, engines_log2=2,
    )  # fmt: skip
    await bench.drain()
    flits = size * 8 // bench.flit_w
    assert bench.flits_out == flits
    out = flits / (bench.last_out - bench.first_out + 1)
    written = bench.beats_w / (bench.last_w - bench.first_w + 1)
    assert out >= 0.95, f"{out:.3f} flits a cycle leave"
    assert written >= 0.95, f"{written:.3f} beats a cycle are written"
    bench.hits["collective.rate_out"] = int(1000 * out)
    bench.hits["collective.rate_written"] = int(1000 * written)
    bench.finish()


CASES = [
    ("small", "random_commands"), ("small", "directed"), ("small", "throughput"),
    ("wide", "random_commands"), ("wide", "directed"),
]  # fmt: skip


@pytest.mark.sim
@pytest.mark.parametrize(("shape", "testcase"), CASES)
def test_collective(sim: Any, shape: str, testcase: str) -> None:
    parameters = SHAPES[shape]
    sim.run_module(
        sources=needed("sp_collective"),
        toplevel="sp_collective",
        module=__name__,
        testcase=testcase,
        parameters=parameters,
        env={name: str(value) for name, value in parameters.items()},
        coverage=shape == "small",
    )


def test_split_spreads() -> None:
    """Every engine of every plane gets its share of a long vector, on any number of planes."""
    for planes in (0b1, 0b11, 0b1010, 0b111, 0b10111, 0b111111, 0xFF):
        for engines_log2 in (0, 1, 3):
            pairs = bin(planes).count("1") << engines_log2
            command = Command(
                kind=Kind.ALLREDUCE, bytes=SLICE_BYTES * pairs * 5, slice=17,
                engines_log2=engines_log2, dst=100,
            )  # fmt: skip
            slices = split(command, planes)
            ways, counts = np.unique(
                np.stack([slices.plane, slices.dst]), axis=1, return_counts=True
            )
            assert ways.shape[1] == pairs and (counts == 5).all()
            assert set(ways[0]) == {p for p in range(8) if planes >> p & 1}
            assert set(ways[1]) == set(range(100, 100 + (1 << engines_log2)))


def test_split_ends() -> None:
    """The last slice has the rest; a barrier is one slice without bytes."""
    for size in (1, 16, 17, 255, 256, 257, 4096, 4097):
        slices = split(Command(kind=Kind.ALLREDUCE, bytes=size), 1)
        assert slices.bytes.sum() == size and (slices.bytes[:-1] == SLICE_BYTES).all()
        assert (slices.units == (slices.bytes + 15) // 16).all()
    assert split(Command(kind=Kind.BARRIER, bytes=999), 1).bytes.tolist() == [0]


def test_reciprocals() -> None:
    """The hardware's division by a reciprocal is exact for every slice and number of planes."""
    numbers = np.arange(1 << 16)
    for count in range(1, 65):
        reciprocal = -(-(1 << 22) // count)
        assert (numbers * reciprocal >> 22 == numbers // count).all()
