# SPDX-License-Identifier: Apache-2.0
"""The requester: loads and stores of an AXI client that is not ours become packets, and back."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from typing import Any

import cocotb
import pytest

from switchproof.ci import build
from switchproof.ci.build import BuildError
from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim
from switchproof.models.endpoint import requests as model
from switchproof.models.endpoint.requests import Burst, Command, Kind
from switchproof.models.layout import AtomicOp
from tests.endpoint.requester_play import REGIONS, Avoided, Entry, Play, gather

NARROW = {"FLIT_W": 128, "DATA_W": 64, "N_TAGS": 8, "N_PLANES": 2}
WIDE = {"FLIT_W": 512, "DATA_W": 512, "N_TAGS": 16, "N_PLANES": 3}
RELAXED, STRICT, HIDDEN, TINY = (region.base for region in REGIONS)
NOWHERE = 0x7000_0000


async def worker(play: Play, base: int, rounds: int) -> None:
    """Write and read back within a page, several at a time, also to the same bytes."""
    rng = play.rng
    for _ in range(rounds):
        writes = []
        for _ in range(rng.randint(1, 3)):
            address = base + rng.randrange(4096)
            length = min(
                rng.choice([1, 7, 16, 64, 256, 700, rng.randint(1, 900)]), base + 4096 - address
            )
            size = rng.randint(0, play.bus.bit_length() - 1)
            if length > 300:
                size = max(size, 2)
            writes.append(play.write(address, rng.randbytes(length), size=size))
            lo = max(base, address - rng.randint(0, 40))
            hi = min(base + 4096, address + length + rng.randint(0, 40))
        await gather(*writes)
        size = max(rng.randint(0, play.bus.bit_length() - 1), 2 if hi - lo > 300 else 0)
        await gather(
            play.read(lo, hi - lo, size=size),
            play.read(base + rng.randrange(4000), rng.randint(1, 96)),
        )


def random_strobes(play: Play, share: float) -> None:
    """Let the client leave out strobes of some beats."""
    channel = play.axi.write_if.w_channel
    send = channel.send

    async def changed(beat: Any) -> None:
        if play.rng.random() < share:
            beat.wstrb &= play.rng.choice([0, play.rng.getrandbits(play.bus), ~1])
        await send(beat)

    channel.send = changed


def atomics(play: Play, count: int) -> None:
    """Queue commands of all kinds that the fabric knows."""
    rng = play.rng
    for k in range(count):
        wide = rng.random() < 0.5
        base = rng.choice([RELAXED, STRICT, HIDDEN + (1 << 25), NOWHERE])
        address = base + 0x8000 + 8 * rng.randrange(64)
        kind = rng.choice([AtomicOp.ADD, AtomicOp.SWAP, AtomicOp.CAS])
        operands = rng.getrandbits(64), rng.getrandbits(64)
        play.commands.append(Command(k % 16, address, kind, *operands, wide, rng.random() < 0.3))


#: Pages that workers have, and in no region.
PAGES = (RELAXED, RELAXED + 0x10_0000, STRICT, STRICT + 0x4_0000, HIDDEN + (1 << 25), NOWHERE)


async def work(play: Play, rounds: int, commands: int) -> None:
    """Let all workers do their rounds, and wait until all has ended."""
    atomics(play, commands)
    await gather(*(worker(play, page, rounds) for page in PAGES))
    await play.until(lambda: play.idle() and not play.answers)
    await play.cycles(5)


@cocotb.test()
async def traffic(dut: object) -> None:
    """Random loads, stores and atomics; everything is answered."""
    play = Play(dut)
    play.stall, play.gap = 0.3, 0.3
    await play.begin()
    random_strobes(play, 0.04)
    await work(play, int(os.environ["ROUNDS"]), 40)
    play.finish()


@cocotb.test()
async def errors(dut: object) -> None:
    """Whatever can happen to a request and its answer, among others."""
    play = Play(dut)
    play.stall, play.gap = 0.1, 0.1
    await play.begin(timeout=700)
    fates = (
        "lost", "unanswered", "error", "poison", "mark", "kind", "length", "beats", "twice",
        "late", "alien", "alien", "alien", "alien",
    )  # fmt: skip
    play.fate = lambda _: play.rng.choice(fates) if play.rng.random() < 0.3 else "okay"
    await work(play, int(os.environ["ROUNDS"]), 120)
    play.finish()


@cocotb.test()
async def links(dut: object) -> None:
    """One destination after the other is not reached by a plane for a while: nobody notices. What
    was on its way there is refused or lost without a word."""
    play = Play(dut)
    play.stall, play.gap = 0.2, 0.2
    await play.begin(delay=80, loss=400, avoid=1500)
    play.choose(spare=0, least=bool(int(os.environ["LEAST"])))
    random_strobes(play, 0.04)
    running = True

    async def vandal() -> None:
        while running:
            await play.cycles(play.rng.randint(1, 200))
            flying = [
                entry
                for line in play.lines.values()
                for entry in line[-4 * play.tags :]
                if play.under_way(entry)
            ]
            if not flying:
                continue
            # Each kind as often, however many of it there are.
            kind = play.rng.choice(sorted({entry.ask.kind for entry in flying}))
            way = play.rng.choice([entry for entry in flying if entry.ask.kind == kind])
            dst, plane = way.ask.dst, way.plane
            play.set_link(dst, plane, up=False)
            await play.cycles(play.rng.randint(1, 900))
            play.set_link(dst, plane, up=True)
            # A second one must not hit what is tried again just now.
            await play.cycles(900)

    async def command() -> None:
        while running:
            atomics(play, 3)
            await play.cycles(play.rng.randint(1, 120))

    side = [cocotb.start_soon(task()) for task in (vandal, command)]
    await gather(*(worker(play, page, int(os.environ["ROUNDS"])) for page in PAGES))
    running = False
    for task in side:
        await task
    await settle(play)
    play.finish()
    for line in play.lines.values():
        for entry in line:
            assert entry.ask.resp is not None or (
                entry.verdict is not None and entry.verdict.resp == model.OKAY
            ), f"not hidden: {entry}"


@cocotb.test()
async def planes(dut: object) -> None:
    """Planes go down and come up among everything, also all of them, and what they are chosen by
    changes."""
    play = Play(dut)
    play.stall, play.gap = 0.2, 0.2
    await play.begin(delay=150)
    random_strobes(play, 0.04)
    running = True

    async def toggle() -> None:
        count = 0
        while running:
            await play.cycles(play.rng.randint(1, 300))
            up = [play.rng.random() < 0.6 for _ in range(play.planes)]
            if count != 1 and not any(up):
                up[play.rng.randrange(play.planes)] = True
            play.set_planes(up if count != 1 else [False] * play.planes)
            if play.rng.random() < 0.3:
                play.choose(spare=play.rng.getrandbits(play.planes), least=play.rng.random() < 0.5)
            count += 1
        await play.cycles(2)  # what is shorter than a cycle is never seen
        play.set_planes([True] * play.planes)

    async def command() -> None:
        while running:
            atomics(play, 3)
            await play.cycles(play.rng.randint(1, 60))

    side = [cocotb.start_soon(task()) for task in (toggle, command)]
    await gather(*(worker(play, page, int(os.environ["ROUNDS"])) for page in PAGES))
    running = False
    for task in side:
        await task
    await play.until(lambda: play.idle() and not play.answers)
    await play.cycles(5)
    play.finish()


async def settle(play: Play) -> None:
    """Wait until all has ended and no answer is under way."""
    await play.until(lambda: play.idle() and not play.answers and not play.outgoing)
    await play.cycles(5)


def sent(play: Play, kind: Kind) -> list[tuple[int, int]]:
    """Return (destination, address) of all requests of a kind that were sent, and forget them."""
    entries = [entry for entry in play.lines[kind] if entry.sends and entry not in play.seen]
    play.seen |= set(entries)
    return [(entry.ask.dst, entry.ask.addr) for entry in entries]


async def boundaries(play: Play) -> None:
    """Around boundaries of 256 bytes, and out of a region: requests by hand."""
    first = REGIONS[0].dst
    for address, length, blocks in (
        (0xFF, 1, [0xF0]), (0xFF, 2, [0xF0, 0x100]), (0x100, 256, [0x100]), (0x1, 256, [0, 0x100]),
        (0xF0, 272, [0xF0, 0x100]), (0xFF, 258, [0xF0, 0x100, 0x200]), (0xFFF, 2, [0xFF0, 0x1000]),
    ):  # fmt: skip
        assert await play.write(RELAXED + address, play.rng.randbytes(length)) == model.OKAY
        stores = sent(play, Kind.STORE)
        # What has holes and more than 8 units takes two.
        assert {(dst, place // 256) for dst, place in stores} == {(first, b // 256) for b in blocks}
        assert stores[0] == (first, blocks[0])
        assert (await play.read(RELAXED + address, length))[0] == model.OKAY
        assert sent(play, Kind.LOAD) == [(first, block) for block in blocks]
    # Two windows, to the last destination and to the first one again, then nothing.
    assert await play.write(TINY, play.rng.randbytes(1024)) == model.DECERR
    assert sent(play, Kind.STORE) == [((1 << 14) - 1, 0x4200), (0, 0x4200)]
    assert (await play.read(TINY + 256, 512))[0] == model.DECERR
    assert sent(play, Kind.LOAD) == [(0, 0x4200)]
    play.hits["case.boundaries"] += 1


async def refusals(play: Play) -> None:
    """Bursts that are refused as a whole: nothing is sent, all data is taken."""
    before = play.expected["request"]
    data = play.rng.randbytes(4 * play.bus)
    for burst in (0, 2):
        assert await play.write(RELAXED, data, burst=burst) == model.SLVERR
        assert (await play.read(RELAXED, len(data), burst=burst))[0] == model.SLVERR
    changes = [("burst", 3), ("size", play.bus.bit_length())]
    for name, value in changes:
        for interface, prefix in ((play.axi.write_if, "aw"), (play.axi.read_if, "ar")):
            channel = getattr(interface, f"{prefix}_channel")
            send = channel.send

            async def changed(
                address: Any, send: Any = send, name: str = prefix + name, value: int = value
            ) -> None:
                setattr(address, name, value)
                await send(address)

            channel.send = changed
            if prefix == "aw":
                assert await play.write(RELAXED, data) == model.SLVERR
            else:
                assert (await play.read(RELAXED, len(data)))[0] == model.SLVERR
            channel.send = send
    assert play.expected["request"] == before
    # FIXED of one beat is INCR of one.
    assert await play.write(RELAXED, data[: play.bus], burst=0) == model.OKAY
    assert (await play.read(RELAXED, play.bus, burst=0))[0] == model.OKAY
    play.hits["case.refusals"] += 1


async def nothing_written(play: Play) -> None:
    """All strobes low: OKAY, and nothing is sent; in the middle of a burst, too."""
    channel = play.axi.write_if.w_channel
    send = channel.send
    beats = 0

    async def low(beat: Any) -> None:
        nonlocal beats
        beats += 1
        if whole or 256 < beats * play.bus <= 512:
            beat.wstrb = 0
        await send(beat)

    channel.send = low
    before = play.expected["request"]
    whole = True
    assert await play.write(RELAXED, bytes(1024)) == model.OKAY
    assert play.expected["request"] == before
    beats, whole = 0, False
    sent(play, Kind.STORE)
    assert await play.write(RELAXED, play.rng.randbytes(1024)) == model.OKAY
    assert [place // 256 for _, place in sent(play, Kind.STORE)] == [0, 2, 3]
    channel.send = send
    await play.read(RELAXED, 1024)
    play.hits["case.nothing_written"] += 1


async def answers_drain(play: Play) -> None:
    """A client that takes no read data: all answers come in, and stores go on; the other way
    round for responses."""
    reads = play.axi.read_if.r_channel
    reads.pause = True
    ended = play.next_end[Kind.LOAD]
    before = play.expected["answer"]
    loading = [cocotb.start_soon(play.read(RELAXED + 256 * k, 256)) for k in range(play.tags + 4)]
    await play.until(lambda: play.expected["answer"] == before + play.tags)
    for _ in range(play.tags + 2):
        assert await play.write(STRICT, play.rng.randbytes(256)) == model.OKAY
    atomics(play, play.tags + 2)
    await play.until(lambda: play.next_end[Kind.ATOMIC] == len(play.lines[Kind.ATOMIC]))
    assert play.next_end[Kind.LOAD] == ended
    assert not any(task.done() for task in loading)
    reads.pause = False
    for task in loading:
        await task
    responses = play.axi.write_if.b_channel
    responses.pause = True
    storing = [
        cocotb.start_soon(play.write(RELAXED + 256 * k, play.rng.randbytes(256)))
        for k in range(play.tags + 4)
    ]
    await play.cycles(200)
    for k in range(play.tags + 2):
        assert (await play.read(STRICT + 256 * k, 256))[0] == model.OKAY
    assert not any(task.done() for task in storing)
    responses.pause = False
    for task in storing:
        await task
    play.hits["case.answers_drain"] += 1


async def late_answers(play: Play) -> None:
    """An answer comes after its time, when the place is used again: dropped, and told."""
    play.hits["case.late_answers"] += 1
    # All other answers come soon, so that none of the strict stores, which go one by one, is late.
    before = play.latency, play.answer_delay
    play.latency = play.answer_delay = (1, 5)
    for kind in (Kind.LOAD, Kind.STORE):
        await late_answer(play, kind)
    play.latency, play.answer_delay = before


async def late_answer(play: Play, kind: Kind) -> None:
    """See late_answers."""

    async def access(address: int) -> int:
        if kind is Kind.STORE:
            return await play.write(address, play.rng.randbytes(256))
        return (await play.read(address, 256))[0]

    before = play.expected["late"]
    fates = iter(["late"])
    play.fate = lambda _: next(fates, "okay")
    assert await access(RELAXED) == model.SLVERR
    number = len(play.lines[kind]) - 1
    while play.expected["late"] == before:
        await gather(*(access(STRICT + 256 * k) for k in range(play.tags)))
    assert play.lines[kind][number].over
    assert len(play.lines[kind]) > number + play.tags, "its place was not used again"
    assert play.expected["late"] == before + 1
    play.fate = lambda _: "okay"


async def no_plane(play: Play) -> None:
    """No plane is up: what comes waits and ends with its time; when one is up all is well."""
    play.set_planes([False] * play.planes)
    await play.cycles(3)
    requests = play.expected["request"]
    atomics(play, 3)
    ends = await gather(
        play.write(RELAXED, bytes(700)), play.read(RELAXED, 700), play.write(STRICT, bytes(1))
    )
    assert (ends[0], ends[1][0], ends[2]) == (model.SLVERR,) * 3
    assert play.expected["request"] == requests
    play.set_planes([True] + [False] * (play.planes - 1))
    assert await play.write(RELAXED, play.rng.randbytes(700)) == model.OKAY
    assert (await play.read(RELAXED, 700))[0] == model.OKAY
    play.set_planes([True] * play.planes)
    play.hits["case.no_plane"] += 1


async def long_wait(play: Play) -> None:
    """While what a plane had waits for its repetition, all ends with its time nevertheless."""
    play.dut.reissue_delay.value = 100_000
    play.fate = lambda _: "lost"
    count = play.next_send[Kind.STORE]
    storing = cocotb.start_soon(play.write(RELAXED, bytes(16)))
    await play.until(lambda: play.next_send[Kind.STORE] > count)
    plane = play.lines[Kind.STORE][-1].plane
    play.set_planes([p != plane for p in range(play.planes)])
    await play.cycles(3)
    began = play.cycle
    atomics(play, play.tags + 2)
    ends = await gather(play.read(RELAXED, 700), play.write(RELAXED, bytes(700)), storing)
    assert (ends[0][0], ends[1], ends[2]) == (model.SLVERR,) * 3
    assert play.cycle - began < play.timeout + play.tags + 200
    await play.until(play.idle)
    # Those for which there was no room grow old from when there was some.
    assert play.cycle - began < 2 * (play.timeout + play.tags) + 300
    play.dut.reissue_delay.value = play.delay
    play.fate = lambda _: "okay"
    play.set_planes([True] * play.planes)
    assert await play.write(RELAXED, play.rng.randbytes(700)) == model.OKAY
    play.hits["case.long_wait"] += 1


async def nothing_taken(play: Play) -> None:
    """While planes are up and take nothing all ends with its time, what is half sent included; the
    rest of that has an error mark. Then all is as before."""

    def store(length: int) -> Awaitable[object]:
        return play.write(RELAXED, play.rng.randbytes(length))

    def load(length: int) -> Awaitable[object]:
        return play.read(RELAXED, length)

    stall, play.fate = play.stall, lambda _: "okay"
    for kind in (Kind.STORE, Kind.LOAD, Kind.ATOMIC):
        await play.cycles(20)
        play.stall = 1
        await play.cycles(3)
        began, name = play.cycle, f"sent.void.{kind.name.lower()}"
        void = play.hits[name]
        tasks = []
        if kind is Kind.ATOMIC:
            command = Command(3, RELAXED, AtomicOp.ADD, 1, 0, False, False)
            play.commands.extend([command] * 2)
        else:
            tasks = [cocotb.start_soon(store(700) if kind is Kind.STORE else load(700))]
        await play.cycles(100)
        tasks += [cocotb.start_soon(load(40)), cocotb.start_soon(store(40))]
        atomics(play, 2)
        for task in tasks:
            ended = await task
            assert (ended[0] if isinstance(ended, tuple) else ended) == model.SLVERR
        await play.until(play.idle)
        assert play.cycle - began < 2 * play.timeout + 200
        play.stall = stall
        await play.until(lambda name=name, void=void: play.hits[name] > void)  # type: ignore[misc]
        await play.cycles(200)
        assert await play.write(RELAXED, play.rng.randbytes(700)) == model.OKAY
        assert (await play.read(RELAXED, 700))[0] == model.OKAY
    play.hits["case.nothing_taken"] += 1


async def order(play: Play) -> None:
    """Two stores to one block; the answer to the first is lost with its plane, that to the second
    came. Both must be sent again, or the older one would win. Then the other way round: a plane
    that comes back must not be taken before what is under way is answered."""
    fates = iter(["unanswered", "okay"])
    play.fate = lambda _: next(fates, "okay")
    block = RELAXED + 0x500
    young = play.rng.randbytes(64)
    again = play.hits["again.store"]
    writing = [
        cocotb.start_soon(play.write(block, bytes(64))),
        cocotb.start_soon(play.write(block, young)),
    ]
    answers = play.expected["answer"]
    await play.until(lambda: play.expected["answer"] == answers + 1)
    plane = play.lines[Kind.STORE][-1].plane
    play.set_planes([p != plane for p in range(play.planes)])
    for task in writing:
        assert await task == model.OKAY
    assert play.hits["again.store"] == again + 2
    assert bytes(play.peek(block + k) for k in range(64)) == young
    # A slow answer over the new plane; meanwhile the old one comes back.
    play.answer_delay = (200, 200)
    count = len(play.lines[Kind.STORE])
    first = cocotb.start_soon(play.write(block, bytes(64)))
    await play.until(lambda: play.next_send[Kind.STORE] > count)
    play.set_planes([True] * play.planes)
    began = play.cycle
    second = cocotb.start_soon(play.write(block, young))
    assert await first == model.OKAY
    assert await second == model.OKAY
    assert (play.lines[Kind.STORE][-1].sent or 0) > began + 150
    assert play.lines[Kind.STORE][-1].plane != play.lines[Kind.STORE][-2].plane
    assert bytes(play.peek(block + k) for k in range(64)) == young
    play.answer_delay = (1, 40)
    play.hits["case.order"] += 1


def by_plane(play: Play, entries: list[Entry]) -> list[int]:
    """Return how many of these requests went by each plane."""
    return [sum(entry.plane == p for entry in entries) for p in range(play.planes)]


def other_fates(play: Play, fates: dict[int, str]) -> None:
    """Let a fate hit all requests that come by a plane."""
    play.fate = lambda entry: fates.get(entry.plane, "okay")


async def accesses(play: Play, base: int) -> list[tuple[Kind, int]]:
    """Store, load and let an atomic be done; return kind and response of each."""
    done = play.next_end[Kind.ATOMIC]
    store = await play.write(base + 0x40, play.rng.randbytes(16))
    load = await play.read(base + 0x40, 16)
    play.commands.append(Command(3, base + 0x48, AtomicOp.ADD, 5, wide=True))
    await play.until(lambda: play.next_end[Kind.ATOMIC] > done)
    atomic = play.lines[Kind.ATOMIC][-1]
    if atomic.verdict and atomic.verdict.resp == model.OKAY:
        play.spoilt |= set(range(base + 0x48, base + 0x50))
    return [
        (Kind.STORE, store),
        (Kind.LOAD, load[0]),
        (Kind.ATOMIC, atomic.verdict.resp if atomic.verdict else model.SLVERR),
    ]


async def forgotten(play: Play) -> None:
    """Wait until no plane is avoided any more."""
    await play.cycles(play.avoid + 10)
    play.avoided = [Avoided()]


async def detours(play: Play) -> None:
    """A plane does not reach a destination: another one is tried, and taken from then on, until the
    time to avoid the first one is over. The reason decides, and each plane is tried once."""
    usual = model.plane(model.loads(Burst(0, RELAXED, 1, 0), REGIONS, 8)[0], play.up)
    assert usual is not None
    for fate in ("refused", "broken", "mark"):
        other_fates(play, {usual: fate})
        before = play.expected["detour"]
        assert {resp for _, resp in await accesses(play, RELAXED)} == {model.OKAY}
        assert play.expected["detour"] == before + 1, "the plane is not avoided"
        await forgotten(play)
        assert (await play.read(RELAXED, 16))[0] == model.OKAY
        assert play.expected["detour"] == before + 2, "the plane is avoided for ever"
        await forgotten(play)
        play.hits[f"case.detour.{fate}"] += 1
    # What another plane would not do better.
    for fate in ("poison", "kind"):
        other_fates(play, {usual: fate})
        before = play.expected["request"]
        assert {resp for _, resp in await accesses(play, RELAXED)} == {model.SLVERR}
        assert play.expected["request"] == before + 3
    # No plane is better: each is tried once.
    play.fate = lambda _: "refused"
    for base in (RELAXED, STRICT):
        for _ in range(2):
            before = play.expected["request"]
            assert {resp for _, resp in await accesses(play, base)} == {model.DECERR}
            assert play.expected["request"] == before + 3 * play.planes
    for line in play.lines.values():
        assert line[-1].tries == play.planes - 1
    # Nothing is tried if nothing is avoided.
    play.dut.avoid_time.value, avoid, play.avoid = 0, play.avoid, 0
    await play.cycles(5)
    before = play.expected["request"]
    assert {resp for _, resp in await accesses(play, RELAXED)} == {model.DECERR}
    assert play.expected["request"] == before + 3
    play.dut.avoid_time.value = play.avoid = avoid
    play.fate = lambda _: "okay"
    await forgotten(play)
    play.hits["case.detours"] += 1


async def lost_answers(play: Play) -> None:
    """No answer comes by a plane: after a while another one is tried, for all that waits there."""
    play.dut.loss_timeout.value = play.loss = 150
    for fate in ("lost", "unanswered"):
        usual = model.plane(model.loads(Burst(0, RELAXED, 1, 0), REGIONS, 8)[0], play.up)
        assert usual is not None
        other_fates(play, {usual: fate})
        began, before = play.cycle, play.hits["overdue"]
        block = [play.write(RELAXED + 16 * k, play.rng.randbytes(16)) for k in range(4)]
        assert await gather(*block) == [model.OKAY] * 4
        assert play.hits["overdue"] == before + 1
        assert play.loss + play.delay < play.cycle - began < play.timeout
        assert {resp for _, resp in await accesses(play, RELAXED)} == {model.OKAY}
        assert play.hits["overdue"] == before + 1, "the plane is not avoided"
        await forgotten(play)
    play.dut.loss_timeout.value = play.loss = 0
    play.fate = lambda _: "okay"
    play.hits["case.lost_answers"] += 1


async def tag_again(play: Play) -> None:
    """An answer is late by a whole round of numbers: who has its number now, with all else the same
    but the address, gets its own."""
    round_of = 1 << model.NUM_BITS
    fates = iter(["kept"])
    play.fate = lambda _: next(fates, "okay")
    line = play.lines[Kind.LOAD]
    first = len(line)
    assert (await play.read(STRICT + 0x800, 16))[0] == model.SLVERR
    assert len(play.kept) == 1
    page = 4096
    while len(line) + page // 256 <= first + round_of:
        assert (await play.read(STRICT, page, size=play.bus.bit_length() - 1))[0] == model.OKAY
    while len(line) < first + round_of:
        assert (await play.read(STRICT, 16))[0] == model.OKAY
    play.answer_delay = (100, 100)
    unknown, late = play.expected["unknown"], play.expected["late"]
    load = cocotb.start_soon(play.read(STRICT + 0x400, 16))
    await play.until(lambda: play.next_send[Kind.LOAD] == first + round_of + 1)
    play.later(1, play.kept.pop())
    assert (await load)[0] == model.OKAY
    assert (play.expected["unknown"], play.expected["late"]) == (unknown + 1, late)
    play.answer_delay = (1, 40)
    play.fate = lambda _: "okay"
    play.hits["case.tag_again"] += 1


async def detour_order(play: Play) -> None:
    """Two stores to one block; the first is refused, the second is executed, as the way is mended
    between them. Both must be sent again. Of two strict stores the second waits for the first."""
    young = play.rng.randbytes(64)
    for base, sends in ((RELAXED + 0x700, 2), (STRICT + 0x700, 1)):
        count = len(play.lines[Kind.STORE])
        fates = iter(["refused"])
        play.fate = lambda _, fates=fates: next(fates, "okay")  # type: ignore[misc]
        play.answer_delay = (60, 60)
        place = base + (0 if sends == 2 else 0x100)
        ends = await gather(play.write(base, bytes(64)), play.write(place, young))
        assert ends == [model.OKAY] * 2
        old, new = play.lines[Kind.STORE][count:]
        assert (old.sends, new.sends) == (2, sends)
        assert (old.sent or 0) < (new.sent or 0)
        assert sends == 2 or (new.sent or 0) > old.answered, "the second may be seen first"
        assert bytes(play.peek(place + k) for k in range(64)) == young
        await forgotten(play)
    play.answer_delay = (1, 40)
    play.fate = lambda _: "okay"
    play.hits["case.detour_order"] += 1


async def least_loaded(play: Play) -> None:
    """Blocks that would all take one plane, and a plane that is busy: those that have fewer
    requests on the way are taken. Strict requests take that of their address."""
    asks = [model.loads(Burst(0, RELAXED + 256 * k, 1, 0), REGIONS, 8)[0] for k in range(4096)]
    unequal = [256 * k for k, ask in enumerate(asks) if model.plane(ask, play.up) == 0]
    unequal = play.rng.sample(unequal, 16 * play.planes)
    for least in (False, True):
        play.choose(spare=0, least=least)
        await play.cycles(5)
        play.answer_delay = (40, 60)
        count = len(play.lines[Kind.LOAD])
        await gather(*(play.read(RELAXED + place, 16) for place in unequal))
        shares = by_plane(play, play.lines[Kind.LOAD][count:])
        if least:
            assert min(shares) >= 10, shares
        else:
            assert shares[1:] == [0] * (play.planes - 1)
    count = len(play.lines[Kind.LOAD])
    await gather(*(play.read(STRICT + place % (1 << 18), 16) for place in unequal))
    assert max(by_plane(play, play.lines[Kind.LOAD][count:])) == len(unequal)
    # A plane that is busy with others is left alone.
    play.answer_delay = (300, 300)
    count = play.next_send[Kind.LOAD]
    strict = [cocotb.start_soon(play.read(STRICT + 256 * k, 16)) for k in range(6)]
    await play.until(lambda: play.next_send[Kind.LOAD] == count + 6)
    busy = play.lines[Kind.LOAD][-1].plane
    count = len(play.lines[Kind.STORE])
    await gather(*(play.write(RELAXED + place, bytes(16)) for place in unequal[:6]))
    assert by_plane(play, play.lines[Kind.STORE][count:])[busy] == 0
    for task in strict:
        await task
    play.answer_delay = (1, 40)
    play.choose(spare=0, least=False)
    await play.cycles(5)
    play.hits["case.least_loaded"] += 1


async def spare(play: Play) -> None:
    """A spare plane carries nothing until another is down, or avoided for the destination; then
    what goes there, and nothing when that is back."""

    async def carried() -> list[int]:
        count = len(play.lines[Kind.LOAD])
        await gather(*(play.read(RELAXED + 256 * k, 16) for k in range(8 * play.planes)))
        return by_plane(play, play.lines[Kind.LOAD][count:])

    last = play.planes - 1
    play.choose(spare=1 << last, least=False)
    await play.cycles(5)
    assert (await carried())[last] == 0
    play.set_planes([p != 0 for p in range(play.planes)])
    found = await carried()
    assert found[0] == 0 and found[last] > 0
    play.set_planes([True] * play.planes)
    assert (await carried())[last] == 0
    play.set_link(REGIONS[0].dst, 0, up=False)
    assert (await play.read(RELAXED, 4096))[0] == model.OKAY
    found = await carried()
    assert found[0] == 0 and found[last] > 0
    play.set_link(REGIONS[0].dst, 0, up=True)
    await forgotten(play)
    assert (await carried())[last] == 0
    play.choose(spare=0, least=False)
    await play.cycles(5)
    play.hits["case.spare"] += 1


@cocotb.test()
async def other_ways(dut: object) -> None:
    """Cases of planes that are tried, chosen by their load, or spare, one after the other."""
    play = Play(dut)
    await play.begin(timeout=2000, delay=100, avoid=600)
    for case in (detours, lost_answers, tag_again, detour_order, least_loaded, spare):
        await case(play)
        await settle(play)
    play.finish()


@cocotb.test()
async def cases(dut: object) -> None:
    """Cases that are made on purpose, one after the other."""
    play = Play(dut)
    await play.begin(timeout=600, delay=100)
    for case in (
        boundaries, refusals, nothing_written, answers_drain, late_answers, no_plane, long_wait,
        nothing_taken, order,
    ):  # fmt: skip
        await case(play)
        await settle(play)
    play.finish()


@cocotb.test()
async def rate(dut: object) -> None:
    """Bursts of 4 KB without a pause: a flit in nearly every cycle."""
    play = Play(dut)
    play.latency = play.answer_delay = (1, 1)
    await play.begin()
    pages = [RELAXED + 4096 * k for k in range(4)]
    await gather(*(play.write(page, play.rng.randbytes(4096)) for page in pages))
    shares = {"stores": share(play.flits_out)}
    play.read_beats.clear()
    await gather(*(play.read(page, 4096) for page in pages))
    shares["loads"] = share(play.read_beats)
    for name, value in shares.items():
        play.hits[f"rate.{name}.{value:.3f}"] += 1
    await settle(play)
    play.finish()
    assert min(shares.values()) >= 0.95, shares


def share(cycles: list[int]) -> float:
    """Return the part of all cycles that are in the list, without its first and last tenth."""
    part = cycles[len(cycles) // 10 : -(len(cycles) // 10)]
    return (len(part) - 1) / (part[-1] - part[0])


def run(sim: Sim, testcase: str, parameters: dict[str, int], **env: object) -> None:
    """Build the bench and run a test."""
    sim.run_module(
        sources=needed("tests/endpoint/sp_requester_bench.sv"),
        toplevel="sp_requester_bench",
        parameters=parameters,
        module=__name__,
        testcase=testcase,
        env={name: str(value) for name, value in {**parameters, **env}.items()},
    )


BOTH = pytest.mark.parametrize("parameters", [NARROW, WIDE], ids=["narrow", "wide"])


@BOTH
def test_requester_traffic(sim: Sim, parameters: dict[str, int]) -> None:
    run(sim, "traffic", parameters, ROUNDS=4)


@BOTH
def test_requester_errors(sim: Sim, parameters: dict[str, int]) -> None:
    run(sim, "errors", parameters, ROUNDS=5)


@BOTH
def test_requester_planes(sim: Sim, parameters: dict[str, int]) -> None:
    run(sim, "planes", parameters, ROUNDS=5)


@BOTH
def test_requester_links(sim: Sim, parameters: dict[str, int]) -> None:
    run(sim, "links", parameters, ROUNDS=20, LEAST=int(parameters is WIDE))


@BOTH
def test_requester_other_ways(sim: Sim, parameters: dict[str, int]) -> None:
    run(sim, "other_ways", parameters)


@BOTH
def test_requester_cases(sim: Sim, parameters: dict[str, int]) -> None:
    run(sim, "cases", parameters)


def test_requester_rate(sim: Sim) -> None:
    run(sim, "rate", WIDE)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("FLIT_W", 384, r"FLIT_W = 384 is not 128, 256 or 512"),
        ("FLIT_W", 1024, r"FLIT_W = 1024 is not 128, 256 or 512"),
        ("DATA_W", 32, r"DATA_W = 32 is not 64, 128, 256 or 512"),
        ("DATA_W", 256, r"DATA_W = 256 is not .*at most FLIT_W = 128"),
        ("AXI_ID_W", 17, r"AXI_ID_W = 17 is not in 1\.\.16"),
        ("N_TAGS", 2, r"N_TAGS = 2 is not a power of two in 4\.\.256"),
        ("N_TAGS", 24, r"N_TAGS = 24 is not a power of two in 4\.\.256"),
        ("N_TAGS", 512, r"N_TAGS = 512 is not a power of two in 4\.\.256"),
        ("N_REGIONS", 65, r"N_REGIONS = 65 is not in 1\.\.64"),
        ("N_PLANES", 9, r"N_PLANES = 9 is not in 1\.\.8"),
    ],
)
def test_requester_parameters(name: str, value: int, message: str) -> None:
    """An illegal parameter ends elaboration with a line that names it and its bound."""
    with pytest.raises(BuildError, match=message):
        build.lint(
            build.BuildSpec(
                name="elaborate",
                toplevel="sp_requester",
                sources=needed("sp_requester"),
                parameters=((name, value),),
            )
        )
