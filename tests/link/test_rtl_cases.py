# SPDX-License-Identifier: Apache-2.0
"""The hard cases of retry, credits and states, each made to happen between two links."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence

import cocotb
import pytest

from switchproof.ci.pytest_plugin import Sim
from tests.link.link_play import (
    ACK_BIT,
    ALIAS,
    ALWAYS,
    BEST_EFFORT,
    CLOSE,
    CONT_BIT,
    CONTROL_FRAME,
    DATA_BIT,
    DATA_FRAME,
    DELAY,
    DISCARD,
    DOWN,
    DROP,
    EPOCH_BIT,
    FIRST,
    FLUSH,
    FORGE,
    FREED_BIT,
    MARK,
    NACK_FRAME,
    RETRAIN,
    SEQ_BIT,
    TRAIN,
    TWICE,
    UP,
    Packet,
    Play,
    header,
    in_order,
    random_packets,
)
from tests.link.test_rtl import finish, run_player

#: name: lines of the script (side, class of frame, number, action, argument), events of
#: (receiver, sender) that must follow. Side 0 sends, side 1 receives.
SCRIPTS: dict[str, tuple[Sequence[tuple[int, int, int, int, int]], set[str], set[str]]] = {
    "lost": ([(0, DATA_FRAME, 3, DROP, 0)], {"rx_ahead", "tx_nack"}, {"nacked", "replay"}),
    "damaged": ([(0, DATA_FRAME, 3, FIRST, 9)], {"rx_crc", "tx_nack"}, {"nacked", "replay"}),
    "sequence_field": ([(0, DATA_FRAME, 3, CLOSE, SEQ_BIT)], {"rx_crc"}, {"nacked"}),
    "mark": ([(0, DATA_FRAME, 3, MARK, 0)], {"rx_crc", "tx_nack"}, {"nacked"}),
    "kind": ([(0, DATA_FRAME, 3, CLOSE, 3)], {"rx_damaged", "tx_nack"}, {"nacked"}),
    "twice": ([(0, DATA_FRAME, 3, TWICE, 0)], {"rx_duplicate"}, set()),
    "late": ([(0, DATA_FRAME, 3, DELAY, 700)], set(), {"replay_timeout", "replay"}),
    "error_in_replay": (
        [(0, DATA_FRAME, 3, DROP, 0), *((0, DATA_FRAME, n, FIRST, 5) for n in range(9, 14))],
        {"rx_ahead", "rx_crc"},
        {"nacked", "replay", "tx_again"},
    ),
    "nack_lost": (
        [(0, DATA_FRAME, 3, DROP, 0), (1, NACK_FRAME, 0, DROP, 0)],
        {"rx_ahead", "tx_nack"},
        {"replay_timeout", "replay"},
    ),
    "control_damaged": ([(0, CONTROL_FRAME, 2, CLOSE, 50)], {"rx_crc", "tx_nack"}, set()),
    "ack_future": ([(1, CONTROL_FRAME, 4, FORGE, ACK_BIT + 2)], set(), {"ack_bad"}),
    "freed_wrong": ([(1, CONTROL_FRAME, 4, FORGE, FREED_BIT + 13)], set(), {"freed_bad"}),
    "epoch": ([(0, DATA_FRAME, 3, FORGE, EPOCH_BIT)], {"rx_epoch", "rx_ahead"}, {"nacked"}),
    "data_bit": ([(0, DATA_FRAME, 3, FORGE, DATA_BIT)], {"rx_malformed"}, {"nacked"}),
    "cont_bit": ([(0, DATA_FRAME, 3, FORGE, CONT_BIT)], {"rx_malformed"}, {"nacked"}),
    "number_ahead": ([(0, DATA_FRAME, 3, FORGE, SEQ_BIT + 2)], {"rx_ahead"}, {"nacked"}),
}


@cocotb.test()
async def scripted(dut: object) -> None:
    """One thing happens to one frame; everything comes all the same."""
    name = os.environ["SCRIPT"]
    script, at_receiver, at_sender = SCRIPTS[name]
    play = Play(dut)
    packets = random_packets(play.rng, 60, idle=40)
    await play.begin(packets, [], script, latency=5)
    await play.until(play.done, 50_000)
    await play.cycles(1000)
    play.check()
    assert play.injected(0)["script"] + play.injected(1)["script"] == len(script)
    missing = (at_receiver - set(play.events(1))) | (at_sender - set(play.events(0)))
    assert not missing, f"{missing} did not happen: {play.summary()}"
    assert play.states(0) == play.states(1) == [TRAIN, UP]
    play.hits[f"rtl.case.{name}"] += 1
    finish(play)


@cocotb.test()
async def last_lost(dut: object) -> None:
    """The only frame is lost; the number in a control frame shows it, no timer."""
    play = Play(dut)
    await play.begin(
        random_packets(play.rng, 1, longest=5), [], [(0, DATA_FRAME, 0, DROP, 0)],
        latency=5, replay_cycles=100_000,
    )  # fmt: skip
    await play.until(play.done, 2000)
    await play.cycles(100)
    play.check()
    assert play.event("rx_ahead", 1) and play.event("nacked", 0)
    play.hits["rtl.case.last_lost"] += 1
    finish(play)


def end_to_end(hdr: int, units: Sequence[int]) -> int:
    """Return what a packet's source puts into its end-to-end unit: a digest of all the rest."""
    text = b"".join(word.to_bytes(16, "little") for word in (hdr, *units))
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")


@cocotb.test()
async def alias(dut: object) -> None:
    """A wrong bit under a right CRC passes the link in silence: the end-to-end check catches it."""
    play = Play(dut)
    packets = []
    for packet in random_packets(play.rng, 12, idle=40, ext=0, err=0):
        hdr = packet.hdr | 2 << 59
        units = (*packet.units, end_to_end(hdr, packet.units))
        packets.append(dataclasses.replace(packet, hdr=hdr, units=units))
    await play.begin(packets, [], [(0, DATA_FRAME, 5, ALIAS, 67)], latency=5)
    await play.until(play.done, 5000)
    await play.cycles(100)
    got = play.got(1)
    assert sorted(p.hdr for p in got) != sorted(p.hdr for p in packets), "no bit was changed"
    assert set(play.events(1)) <= {"tx_control", "rx_frame"}, "the link noticed"
    caught = [p for p in got if end_to_end(p.hdr, p.units[:-1]) != p.units[-1]]
    assert len(caught) == 1 and len(got) == len(packets)
    play.hits["rtl.case.alias"] += len(caught)
    finish(play)


@cocotb.test()
async def bad_run(dut: object) -> None:
    """Thousands of cycles in which no block is whole; then the link goes on, nothing is lost."""
    play = Play(dut)
    packets = [random_packets(play.rng, 300) for _ in range(2)]
    await play.begin(*packets, latency=5, replay_limit=200, dead_cycles=20_000)
    await play.cycles(600)
    play.set(burst_p=ALWAYS - 1)
    await play.cycles(5000)
    play.set(burst_p=0)
    await play.until(play.done, 50_000)
    await play.cycles(500)
    play.check()
    assert play.states(0) == [TRAIN, UP]
    play.hits["rtl.case.bad_run"] += 1
    finish(play)


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


@cocotb.test()
async def exhausted(dut: object) -> None:
    """One way is cut for good: replays, retraining, FLUSH, and up again when it is mended."""
    play = Play(dut)
    packets = [random_packets(play.rng, 400, shortest=8) for _ in range(2)]
    await play.begin(*packets, latency=11, age_cycles=10_000, retrain_limit=2, replay_limit=2)
    await play.cycles(700)
    play.set(cut=1)
    await play.until(lambda: FLUSH in play.states(0) and FLUSH in play.states(1), 60_000, 500)
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
        play.hits["rtl.case.cut_packet"] += cut
    assert play.hits["rtl.case.cut_packet"], "no packet was cut"
    play.hits["rtl.case.exhausted"] += play.event("flush", 0)
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
    play.hits["rtl.case.one_side_anew"] += 1
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
    await play.begin([*held[:5], *others, *held[5:]], [], latency=5, held=4 << 4)
    flits = sum(p.flits(play.k) for p in others)
    await play.until(lambda: play.word("beats", 1) >= flits, 10_000)
    await play.cycles(1000)
    assert play.word("beats", 1) == flits and not int(play.dut.played_o.value) & 1
    play.set(held=0)
    await play.until(play.done, 20_000)
    await play.cycles(100)
    play.check()
    play.hits["rtl.case.stalled_vc"] += 1
    finish(play)


@cocotb.test()
async def tight(dut: object) -> None:
    """Credit for one longest packet and no pool, errors on both ways: no credit is lost."""
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
async def unfit(dut: object) -> None:
    """Sides with sequence numbers of different widths stay down and say why."""
    play = Play(dut)
    await play.begin(random_packets(play.rng, 3), [], latency=5)
    await play.cycles(3000)
    assert play.state == (TRAIN, TRAIN) and int(play.dut.unfit_o.value) == 0b010_010
    play.hits["rtl.case.unfit"] += 1
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
    play.hits["rtl.case.counters_wrap"] += 1
    finish(play)


SMALL = {"SEQ_W": 4, "REPLAY_BEATS": 256, "RESERVED": 32, "SHARED": 64}


@pytest.mark.parametrize("script", list(SCRIPTS))
def test_rtl_scripted(sim: Sim, script: str) -> None:
    run_player(sim, __name__, "scripted", parameters=SMALL, SCRIPT=script)


@pytest.mark.parametrize(
    "case",
    [
        "last_lost",
        "alias",
        "bad_run",
        "flap",
        "exhausted",
        "one_side_anew",
        "policies",
        "lengths",
        "stalled_vc",
        "counters_wrap",
    ],
)
def test_rtl_case(sim: Sim, case: str) -> None:
    run_player(sim, __name__, case, parameters=SMALL)


def test_rtl_tight(sim: Sim) -> None:
    run_player(sim, __name__, "tight", parameters={**SMALL, "RESERVED": 19, "SHARED": 0})


def test_rtl_unfit(sim: Sim) -> None:
    run_player(sim, __name__, "unfit", parameters={**SMALL, "SEQ_W_1": 5})
