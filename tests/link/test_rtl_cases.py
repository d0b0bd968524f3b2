# SPDX-License-Identifier: Apache-2.0
"""Cases of many cycles between two links; those made on purpose are in test_link_cases.py."""

from __future__ import annotations

import functools

import cocotb
import pytest

from switchproof.ci.pytest_plugin import Sim
from tests.link.link_play import (
    ALWAYS,
    BEST_EFFORT,
    DISCARD,
    DOWN,
    FLUSH,
    RETRAIN,
    TRAIN,
    UP,
    Packet,
    Play,
    header,
    in_order,
    random_packets,
)
from tests.link.test_rtl import finish, run_player


@cocotb.test()
async def flap(dut: object) -> None:
    """The wire is cut again and again in mid-traffic: retraining, and nothing is lost."""
    play = Play(dut)
    packets = [random_packets(play.rng, 600) for _ in range(2)]
    await play.begin(*packets, latency=11, retrain_limit=100)
    for i in range(6):
        await play.cycles(300 + int(play.rng.integers(0, 100)))
        play.set(cut=1 + i % 3)
        await play.cycles(1500)
        play.set(cut=0)
        await play.until(lambda: play.state == (UP, UP), 20_000)
    await play.until(play.done, 100_000)
    await play.cycles(500)
    play.check()
    for side in (0, 1):
        assert RETRAIN in play.states(side) and FLUSH not in play.states(side)
    play.hits["rtl.case.flap"] += 1
    finish(play)


def flushed(play: Play, before: list[int]) -> bool:
    """Return whether both sides were flushed again."""
    return all(play.event("flush", side) > before[side] for side in (0, 1))


@cocotb.test()
async def exhausted(dut: object) -> None:
    """One way is cut for good: replays, retraining, FLUSH, and up again when it is mended."""
    play = Play(dut)
    packets = [random_packets(play.rng, 1000, shortest=8) for _ in range(2)]
    await play.begin(*packets, latency=11, age_cycles=10_000, retrain_limit=2, replay_limit=2)
    for _ in range(5):
        await play.cycles(700 + int(play.rng.integers(0, 100)))
        before = [play.event("flush", side) for side in (0, 1)]
        play.set(cut=2)  # towards the side that gives much credit
        await play.until(functools.partial(flushed, play, before), 60_000, 500)
        play.set(cut=0)
        await play.until(lambda: play.state == (UP, UP), 60_000)
    await play.until(lambda: int(play.dut.played_o.value) == 3, 100_000)
    await play.cycles(3000)
    for side in (0, 1):
        got = play.got(1 - side)
        cut = in_order(packets[side], got)
        dropped = play.event("dropped", side)
        lost = play.word("lost", side)
        assert len(got) - cut + lost + dropped >= len(packets[side])
        assert packets[side][-1].hdr in {p.hdr for p in got}, "the last packet did not come"
        play.hits["rtl.case.16_cut_packet"] += cut
    assert play.hits["rtl.case.16_cut_packet"], "no packet was cut"
    play.hits["rtl.case.16_retries_exhausted"] += play.event("flush", 0)
    finish(play)


@cocotb.test()
async def one_side_anew(dut: object) -> None:
    """One side goes down and comes back alone; the other follows through FLUSH."""
    play = Play(dut)
    packets = [random_packets(play.rng, 500, idle=2) for _ in range(2)]
    await play.begin(*packets, latency=30)
    for side in (0, 1):
        await play.cycles(1500)
        play.set(enable=3 & ~(1 << side))
        await play.cycles(20 if side else 3000)
        play.set(enable=3)
        await play.until(lambda: play.state == (UP, UP), 30_000)
    await play.until(lambda: int(play.dut.played_o.value) == 3, 100_000)
    await play.cycles(3000)
    for side in (0, 1):
        in_order(packets[side], play.got(1 - side))
        assert play.states(side).count(FLUSH) >= 2 and play.state[side] == UP
        assert packets[side][-1].hdr in {p.hdr for p in play.got(1 - side)}
    play.hits["rtl.case.19_one_side_alone"] += 1
    finish(play)


@cocotb.test()
async def policies(dut: object) -> None:
    """What the user sends to a link that is down waits, is dropped, or first waits."""
    play = Play(dut)
    packets = [random_packets(play.rng, 40, idle=20) for _ in range(2)]
    await play.begin(*packets, enable=0, policy=DISCARD << 2, latency=5)
    await play.cycles(2500)
    assert play.state == (DOWN, DOWN)
    assert play.event("dropped", 1) == len(packets[1]) and not play.event("dropped", 0)
    assert int(play.dut.played_o.value) == 2
    play.set(policy=BEST_EFFORT, hold_cycles=3000)
    await play.cycles(400)
    assert not play.event("dropped", 0)
    await play.cycles(2500)
    assert play.event("dropped", 0) == len(packets[0])
    assert not play.got(0) and not play.got(1)
    play.hits["rtl.case.policies"] += 1
    finish(play)


@cocotb.test()
async def lengths(dut: object) -> None:
    """Streams longer or shorter than their headers: cut or filled, and marked."""
    play = Play(dut)
    packets = []
    want = []
    for serial in range(200):
        length = int(play.rng.integers(0, 32))
        hdr = header(int(play.rng.integers(0, 4)), length, int(play.rng.integers(0, 8)), serial)
        packet = Packet(hdr, ())
        beats = max(1, packet.flits(play.k) + int(play.rng.integers(-3, 4)))
        units = tuple(int(u) + 1 for u in play.rng.integers(0, 1 << 60, packet.length + 4 * play.k))
        packets.append(Packet(hdr, units, False, 0, beats))
        wrong = beats != packet.flits(play.k)
        have = units[: beats * play.k] + (0,) * packet.length
        want.append(Packet(hdr, have[: packet.length], wrong))
    await play.begin(packets, [], latency=5)
    await play.until(lambda: int(play.dut.played_o.value) == 3, 20_000)
    await play.cycles(1000)
    play.sent = (want, [])
    play.check()
    assert play.event("length", 0) == sum(p.err for p in want)
    play.hits["rtl.case.lengths"] += play.event("length", 0)
    finish(play)


@cocotb.test()
async def stalled_vc(dut: object) -> None:
    """A VC whose user takes nothing fills the pool; the other VCs go on, at a polite source."""
    play = Play(dut)
    held = random_packets(play.rng, 15, longest=16, shortest=16, vcs=[2], err=0)
    others = random_packets(play.rng, 300, vcs=[0, 1, 3])
    # Five of 16 to 19 flits leave less than a longest packet of 32 + 64; the sixth must wait.
    await play.begin([], [*held[:5], *others, *held[5:]], latency=5, held=4)
    flits = sum(p.flits(play.k) for p in others)
    await play.until(lambda: play.word("beats", 0) >= flits, 10_000)
    await play.cycles(1000)
    assert play.word("beats", 0) == flits and not int(play.dut.played_o.value) & 2
    play.set(held=0)
    await play.until(play.done, 20_000)
    await play.cycles(100)
    play.check()
    play.hits["rtl.case.34_one_stalled_vc"] += 1
    finish(play)


@cocotb.test()
async def tight(dut: object) -> None:
    """No pool, hardly credit for a longest packet, errors on both ways: no credit is lost."""
    play = Play(dut)
    packets = [random_packets(play.rng, 500) for _ in range(2)]
    rate = ALWAYS // 300
    await play.begin(
        *packets, polite=0, latency=7, flip_p=rate, drop_p=rate, twice_p=rate, stall_p=100,
        no_room_p=100, replay_limit=100,
    )  # fmt: skip
    await play.until(play.done, 500_000, 500)
    await play.cycles(1000)
    play.check()
    assert play.states(0) == [TRAIN, UP]
    play.hits["rtl.case.tight"] += 1
    finish(play)


@cocotb.test()
async def counters_wrap(dut: object) -> None:
    """More flits of one VC than its counts can hold, and numbers that wrap hundreds of times."""
    play = Play(dut)
    packets = [random_packets(play.rng, 1500, shortest=10, vcs=[side]) for side in range(2)]
    assert sum(p.flits(play.k) for p in packets[0]) > 1 << 14
    await play.begin(*packets, latency=3, drop_p=ALWAYS // 200, twice_p=ALWAYS // 200)
    await play.until(play.done, 500_000, 1000)
    await play.cycles(1000)
    play.check()
    play.hits["rtl.case.27_counters_wrap"] += 1
    finish(play)


#: Side 1 has no pool, and of each VC so much credit that it just shows room for a longest packet.
SMALL = {
    "SEQ_W": 4, "REPLAY_BEATS": 256, "RESERVED": 32, "SHARED": 64, "RESERVED_1": 28, "SHARED_1": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        "flap",
        "exhausted",
        "one_side_anew",
        "policies",
        "lengths",
        "stalled_vc",
        "tight",
        "counters_wrap",
    ],
)
def test_rtl_case(sim: Sim, case: str) -> None:
    run_player(sim, __name__, case, parameters=SMALL)
