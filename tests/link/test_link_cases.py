# SPDX-License-Identifier: Apache-2.0
"""The hard cases of retry and credits, each made to happen on purpose to a port of the RTL.

A case is counted only where it is seen to have happened, on the wires or in the port's events; all
packets must come all the same, counters and credits must be right (tb/link). Many cases share a
simulation; each begins with a reset. Cases of long runs and of other wires are in
test_rtl_cases.py, test_port.py and test_campaign.py.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Sequence

import pytest
import pyuvm

from switchproof.ci.pytest_plugin import Sim
from switchproof.models.layout import NUM_VC, Op
from switchproof.models.link import State, over
from switchproof.models.link_format import Packet, Trailer, payload_units
from switchproof.models.packet import FIELDS
from switchproof.tb.link.channel import Event, Faults
from switchproof.tb.link.env import LinkTest
from switchproof.tb.link.partner import flits, packets
from switchproof.tb.pipes import Stalls
from tests.link.link_duts import run_link

replace = dataclasses.replace
ALL_VCS = tuple(range(NUM_VC))


def lone(count: int, seed: int = 1, vc: int = 0) -> list[Packet]:
    """Return packets of one unit each, header and payload, without marks."""
    return packets(count, seed=seed, vcs=[vc], units=(1, 1), extensions=False, err=0)


def drops(*numbers: int) -> list[Event]:
    """Return events that lose data frames by their number."""
    return [Event("drop", "data", n) for n in numbers]


def spoiled(when: Callable[[Trailer], object], times: int = 1, bit: int = 100) -> Event:
    """Return an event that makes a bit of certain trailers wrong."""
    return Event("flip", "trailer", when=when, times=times, bits=(bit,))


def news(t: LinkTest, data: int) -> Callable[[Trailer], object]:
    """Return what says whether a trailer, of a data frame or not, frees what none before did."""

    def new(trailer: Trailer) -> bool:
        came = t.witness.came
        return trailer.data == data and bool(came) and trailer.freed != came[-1].trailer.freed

    return new


# -------------------------------------------------------------------------------------- retry


async def case_01_wrap_within_a_replay(t: LinkTest) -> bool:
    """The frames that are sent again go across the wrap of the sequence number."""
    last = 15
    await t.join(script=drops(last))
    await t.send(0, lone(120))
    await t.finish()
    again = [s.trailer.seq for s in t.witness.sent if s.again]
    assert t.events["replay"] == 1
    return again[0] == last and again[1] == 0


async def case_02_replay_memory_full(t: LinkTest) -> bool:
    """The replay memory, not the window, holds the sender back, in replays too; pointers wrap."""
    await t.join(latency=30, script=drops(*range(3, 60, 7)))
    longest = t.cfg.longest + 2
    full = {False: 0, True: 0}

    def watch() -> None:
        memory = t.witness.kept + longest > t.cfg.replay_beats
        if memory and t.witness.unacked < t.cfg.window and t.ring.waiting()[0]:
            full[t.witness.replaying] += 1

    t.wires.watch.append(watch)
    await t.send(0, packets(150, seed=t.seed, units=(10, 16)))
    await t.finish()
    beats = sum(len(s.trailer.freed) > 0 for s in t.witness.sent) * longest
    return min(full.values()) > 20 and beats > 4 * t.cfg.replay_beats


async def case_03_nack_during_a_replay(t: LinkTest) -> bool:
    """A loss within a replay is asked for while the replay runs, and starts another one."""
    # The first nack is lost, so that the timer starts a replay of many frames.
    await t.join(
        script=[*drops(4), spoiled(lambda tr: tr.data and tr.round == 1 and tr.seq == 5)],
        back=[spoiled(lambda tr: tr.nack)],
    )
    seen = {"nacked": 0, "while": 0}

    def watch() -> None:
        if t.events["nacked"] > seen["nacked"]:
            seen["nacked"] += 1
            seen["while"] += t.witness.replaying

    t.wires.watch.append(watch)
    await t.send(0, packets(80, seed=t.seed))
    await t.finish()
    assert t.events["replay_timeout"] == 1 and t.events["replay"] == 2, t.report()
    return seen["while"] > 0


async def case_04_second_error_within_a_replay(t: LinkTest) -> bool:
    """The same frame is bad again, when it is sent again, twice."""
    await t.join(script=[spoiled(lambda tr: tr.data and tr.seq == 6, times=3)])
    await t.send(0, packets(60, seed=t.seed))
    await t.finish()
    assert t.events["replay_timeout"] == 0 and t.events["replay"] == 3, "not asked for"
    return t.injected(0)["flip"] == 3 and t.told(1)["rx_crc"] == 3


async def case_05_duplicate_ack(t: LinkTest) -> bool:
    """The same acknowledgement again, while frames are unacknowledged, does nothing."""
    await t.join(latency=20, back=[Event("duplicate", "control", n) for n in range(60)])
    await t.send(0, packets(60, seed=t.seed))
    await t.finish()
    assert t.events["replay"] == t.events["ack_bad"] == 0
    return t.injected(1)["duplicate"] > 10 and t.witness.counts["ack_again"] > 10


async def case_06_ack_outside_the_window(t: LinkTest) -> bool:
    """Acknowledgements of what was not sent yet, or long ago, are counted and ignored."""
    await t.join()
    shifts = (-9, -7, -1, 1, 2, 7)
    left: list[int] = []

    def lie(trailer: Trailer) -> Trailer:
        shift = left.pop() if left else 0
        return replace(trailer, ack=(trailer.ack + shift) % t.cfg.seqs)

    for n, shift in enumerate(shifts):
        await t.send(0, lone(3, seed=n + 1))
        await t.finish()
        await t.lie(lie)
        left.append(shift)
        assert await t.run(200, lambda: not left)
        await t.lie()
        await t.run(30)
        assert t.events["ack_bad"] == n + 1 and t.up()
    assert t.events["replay"] == 0
    await t.send(0, packets(20))
    await t.finish()
    return t.events["ack_bad"] == len(shifts)


async def case_07_ack_and_nack_at_once(t: LinkTest) -> bool:
    """One trailer frees frames and asks for the next."""
    # Frames of one unit, good and bad ones close together, while frames of full length leave.
    bad = [Event("flip", "data", n) for n in range(2, 400, 5)]
    await t.join(latency=3, script=bad, replay_limit=20)
    t.ring.stalls(Stalls(gap=0.5, gap_longest=3), [0])
    await t.send(1, packets(150, seed=t.seed, units=(12, 16)))
    await t.send(0, packets(200, seed=t.seed, vcs=[0], units=(0, 0), extensions=False))
    await t.finish()
    t.ring.stalls("none")
    assert t.events["nacked"] > 0
    return t.witness.counts["ack_and_nack"] > 0


async def case_08_lost_nack(t: LinkTest) -> bool:
    """The one nack is lost: the timer recovers."""
    await t.join(script=drops(3), back=[spoiled(lambda tr: tr.nack)])
    await t.send(0, packets(30, seed=t.seed))
    await t.finish()
    assert t.events["replay_timeout"] == 1 and t.events["replay"] == 1
    return t.told(1)["tx_nack"] >= 1 and t.injected(1)["flip"] == 1


async def case_09_last_frame_lost_then_idle(t: LinkTest) -> bool:
    """Nothing follows the lost frame but control frames: their number shows it, no timer."""
    damaged = spoiled(lambda tr: tr.data and tr.seq == 1)
    await t.join(replay_cycles=5000, script=[*drops(0), damaged])
    for n in range(2):  # lost without a trace, and damaged
        begin = t.wires.now
        await t.send(0, lone(1, seed=n + 1))
        await t.until(t.delivered, 200)
        assert t.wires.now - begin < t.cfg.keepalive_cycles + 60
        await t.run(60)
    await t.finish()
    assert t.events["replay_timeout"] == 0 and t.events["replay"] == 2
    return t.told(1)["tx_nack"] == 2 and t.told(1)["rx_ahead"] >= 1


async def case_10_timer_and_ack_in_one_cycle(t: LinkTest) -> bool:
    """The timer runs out in the cycle in front of the acknowledgement, or would have in its own."""
    await t.join(latency=3, keepalive_cycles=400)
    timed_out = []
    for cycles in range(12, 56):
        t.set(replay_cycles=cycles)
        before = t.events["replay_timeout"]
        await t.send(0, lone(1, seed=cycles))
        await t.until(t.delivered, 400)
        await t.run(70)
        timed_out.append(t.events["replay_timeout"] > before)
    t.set(replay_cycles=t.cfg.replay_cycles)
    await t.finish()
    first = timed_out.index(False)
    assert first > 0 and not any(timed_out[first:]), timed_out
    return True


async def case_11_control_frame_with_a_bad_crc(t: LinkTest) -> bool:
    """It changes nothing: no acknowledgement, no credit, no replay."""
    await t.join()
    await t.run(100)
    taken = t.events["rx_frame"], t.events["replay"], len(t.witness.came)
    await t.happen(1, spoiled(lambda tr: not tr.data, times=3, bit=30))
    await t.until(lambda: t.events["rx_crc"] == 3, 400)
    await t.run(20)
    assert taken[:2] == (t.events["rx_frame"], t.events["replay"]) and t.up()
    assert t.events["tx_nack"] >= 1 and t.told(1)["replay"] == 0
    for side in (0, 1):
        await t.send(side, packets(20, seed=t.seed + side))
    await t.finish()
    return t.events["rx_crc"] == 3 and t.events["replay"] == 0


def end_to_end(units: Sequence[int]) -> int:
    """Return what a packet's source puts into its last unit: a digest of all the rest."""
    text = b"".join(unit.to_bytes(16, "little") for unit in units)
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")


async def case_12_alias(t: LinkTest) -> bool:
    """A wrong bit under a right CRC passes the link in silence: the end-to-end check catches it."""
    await t.join(back=[Event("alias", "data", 5, keep=2, bits=(67,))])
    given = []
    for one in packets(60, seed=t.seed, units=(8, 14), extensions=False, err=0):
        units = one.units[:-1]
        given.append(Packet((*units, end_to_end(units)) if len(one.units) > 2 else one.units))
    await t.send(1, given)
    await t.until(t.delivered)
    await t.rest()
    came = [one for vc in t.env.scoreboard.ways[1].taken for one in vc]
    caught = [
        one for one in came
        if len(one.units) > 2 and one.units[-1] != end_to_end(one.units[:-1])
    ]  # fmt: skip
    assert t.events["rx_crc"] == t.events["tx_nack"] == 0, "the link noticed"
    return t.injected(1)["alias"] == 1 and len(caught) == 1


async def case_13_error_in_the_sequence_number_alone(t: LinkTest) -> bool:
    """A frame with another number than it had is not that other frame."""

    def at(seq: int) -> Callable[[Trailer], object]:
        return lambda tr: tr.data and tr.seq == seq

    await t.join(back=[spoiled(at(2 + 3 * n), bit=13 + n) for n in range(4)])
    await t.send(1, packets(80, seed=t.seed))
    await t.finish()
    assert t.told(1)["replay"] >= 2 and t.told(1)["replay_timeout"] == 0
    return t.injected(1)["flip"] == 4 and t.events["rx_crc"] == 4


async def case_14_long_run_of_bad_frames(t: LinkTest) -> bool:
    """Every frame is bad for a long while: no false delivery, then all goes on."""
    await t.join(replay_limit=200, dead_cycles=20_000, age_cycles=100_000)
    await t.happen(1, spoiled(lambda tr: True, times=60))
    await t.send(1, packets(40, seed=t.seed))
    await t.until(lambda: t.injected(1)["flip"] == 60)
    assert not any(t.env.scoreboard.ways[1].taken) and t.events["rx_frame"] == 0
    await t.finish()
    return t.events["rx_crc"] == 60 and t.witness.changes["up_to_retrain"] == 0


async def case_15_lost_frame_under_acks_of_others(t: LinkTest) -> bool:
    """A frame vanishes without a trace while its sender's trailers keep acknowledging."""
    await t.join(latency=20, back=drops(3))
    for side in (0, 1):
        await t.send(side, packets(60, seed=t.seed + side))
    await t.finish()
    # What came behind the lost frame, up to its repetition, acknowledged more and more.
    data = [s.trailer for s in t.witness.came if s.trailer.data]
    last = next(n for n, tr in enumerate(data) if tr.seq == 2)
    again = next(n for n, tr in enumerate(data) if tr.seq == 3)
    acks = {tr.ack for tr in data[last + 1 : again]}
    assert t.told(1)["replay"] == 1
    return t.events["rx_ahead"] > 0 and len(acks) > 1


async def case_17_old_frames_after_a_new_training(t: LinkTest) -> bool:
    """Frames of before, with their acknowledgements, come whole behind the training."""
    epochs = 0
    for anew in (False, True):
        await t.join(
            script=[Event("delay", "data", n, later=40) for n in range(2, 6)],
            back=[Event("delay", "control", n, later=40) for n in range(4, 10)],
        )
        await t.send(0, packets(30, seed=t.seed))
        await t.run(120)
        if anew and t.wires.partner:
            await t.anew()
        elif anew:
            t.enable(1)
            await t.run(30)
            t.enable(3)
        else:
            await t.happen(1, Event("flap", "cycle", t.wires.channels[1].now + 1, length=500))
        if not (anew and t.wires.partner):
            await t.until(lambda: not t.up(), 1000)
            await t.until(t.up, 3000)
        await t.send(0, packets(100, seed=t.seed + 3))
        await (t.finish_with_loss() if anew else t.finish())
        epochs += t.events["rx_epoch"] + t.told(1)["rx_epoch"] > 0
    return epochs == 2


async def case_18_wrong_echo(t: LinkTest) -> bool:
    """A peer that echoes another nonce, or says what is not: no link until it is right."""
    wrong = 0
    for field in ("echo", "resume", "seen"):
        await t.join(up=False)
        await t.lie(train=lambda tr, f=field: replace(tr, **{f: getattr(tr, f) ^ 1}))
        await t.send(0, packets(10, seed=t.seed))
        await t.run(800)
        heard, said = t.witness.into.train, t.witness.out.train
        assert t.wires.states[0] == State.TRAIN and heard and said
        wrong += heard.echo != said.nonce or bool(heard.resume) or not heard.seen
        await t.lie()
        await t.finish()
    return wrong == 3


async def case_21_frozen_ack(t: LinkTest) -> bool:
    """An acknowledgement that stays, in good frames: retries, retrainings, flush; then all is
    well again.
    """
    await t.join(age_cycles=1 << 20)
    await t.lie(lambda tr: replace(tr, ack=0), lambda tr: replace(tr, ack=0))
    await t.send(0, packets(4, seed=t.seed))
    await t.until(lambda: t.events["flush"], 20_000)
    limit = t.cfg.replay_limit * (t.cfg.retrain_limit + 1)
    assert t.events["retrain"] == t.cfg.retrain_limit
    assert t.events["replay"] == limit + t.cfg.retrain_limit, "the one after a retraining too"
    good = t.events["rx_frame"], t.told(1)["rx_duplicate"]
    await t.lie()
    await t.until(t.up, 5000)
    await t.send(0, packets(40, seed=t.seed + 1))
    await t.finish_with_loss()
    return good[1] > 0


async def case_22_poison_in_a_replay(t: LinkTest) -> bool:
    """Error marks of packets that are sent again come once, on the same packets."""
    await t.join(script=drops(2, 9, 14))
    await t.send(0, packets(80, k=t.k, seed=t.seed, err=0.5))
    await t.finish()
    marked = sum(p.err for vc in t.env.scoreboard.ways[0].taken for p in vc)
    assert t.events["replay"] >= 2 and marked > 10
    return t.witness.counts["poison_again"] > 3


async def case_23_flap_in_mid_packet(t: LinkTest) -> bool:
    """All is noise for a while, both ways: nothing is lost, with and without training."""
    opened = 0
    for length in (60, 800):
        await t.join()
        for side in (0, 1):
            await t.send(side, packets(40, seed=t.seed + side, units=(14, 16)))
        await t.until(lambda: t.witness.hears.opened and t.witness.hears.expected, 500)
        for side in (0, 1):
            now = t.wires.channels[side].now
            await t.happen(side, Event("flap", "cycle", now + 1, length=length))
        opened += t.witness.hears.opened is not None
        await t.finish()
        assert t.events["flush"] == 0
        assert bool(t.witness.changes["up_to_retrain"]) == (length > t.cfg.dead_cycles)
    return opened == 2


async def case_24_replay_while_credits_are_exhausted(t: LinkTest) -> bool:
    """No room is left for anything new; what was sent is sent again all the same."""
    await t.join()
    t.hold(1, ALL_VCS)
    t.set(rude=1)
    some = packets(150, seed=t.seed, units=(16, 16), extensions=False, err=0)
    given = [one for one in some if flits([one]) == 16]
    need = 16
    reserved, shared = t.cfg.reserved, t.cfg.shared

    def exhausted() -> bool:
        used = t.witness.used
        more = ([u + need * (v == w) for w, u in enumerate(used)] for v in ALL_VCS)
        return all(over(one, reserved) > shared for one in more)

    # The last acknowledgements before are lost, so that the timer starts a replay.
    late = sum(reserved) + shared - 3 * need

    def silent(_: Trailer) -> bool:
        return sum(t.witness.used) > late and not t.events["replay"]

    await t.happen(1, spoiled(silent, times=100))
    seen = {"replays": 0}

    def watch() -> None:
        seen["replays"] += t.witness.replaying and exhausted()

    t.wires.watch.append(watch)
    await t.send(0, given)
    await t.run(1500)
    assert exhausted() and t.up() and not t.witness.unacked, t.report()
    t.hold(1, ())
    await t.finish()
    return seen["replays"] > 5


# ------------------------------------------------------------------------------------ credits


async def case_25_lost_update(t: LinkTest) -> bool:
    """Trailers with new freed counts are lost: the next one makes it good."""
    await t.join()
    await t.happen(1, Event("drop", "trailer", when=news(t, data=0), times=12))
    await t.send(0, packets(100, seed=t.seed))
    await t.finish()
    assert t.events["freed_bad"] == 0
    return t.injected(1)["drop"] == 12


async def case_26_shared_pool_is_the_same_at_both_ends(t: LinkTest) -> bool:
    """Through losses, and with flits that stay: at rest the sender's use is what is held."""
    await t.join(faults=Faults(drop=0.05, truncate=0.05, ber=1e-5))
    pooled = 0
    for stall in range(4):
        t.hold(1, ((stall + 1) % NUM_VC, stall))
        await t.send(0, packets(60, seed=t.seed + stall))
        frames = -1
        while frames != t.events["tx_frame"] or t.witness.unacked:
            frames = t.events["tx_frame"]
            await t.run(250)
        if t.wires.partner:
            held = t.partner.rx.held
        else:
            other = t.wires.witnesses[1]
            freed = other.sent[-1].trailer.freed
            held = [n - f for n, f in zip(other.hears.taken, freed, strict=True)]
        assert t.witness.used == held, f"{t.witness.used} used, {held} held"
        pooled += over(held, t.cfg.reserved)
    t.hold(1, ())
    await t.finish()
    return pooled > 20 and sum(t.injected(0).values()) > 5


async def case_28_credits_of_a_bad_frame(t: LinkTest) -> bool:
    """Data frames whose trailers also free room are bad: room is told again."""
    await t.join(replay_limit=30)
    await t.happen(1, spoiled(news(t, data=1), times=12))
    for side in (0, 1):
        await t.send(side, packets(100, seed=t.seed + side))
    await t.finish()
    return t.injected(1)["flip"] == 12 and t.events["freed_bad"] == 0


async def case_29_a_flit_that_is_sent_again(t: LinkTest) -> bool:
    """It takes no credit twice and frees none twice."""
    await t.join(faults=Faults(drop=0.1, duplicate=0.1), replay_limit=30)
    given = packets(150, seed=t.seed)
    await t.send(0, given)
    await t.finish(40_000)
    assert sum(t.witness.says.taken) == sum(t.witness.freed) == flits(given)
    return t.events["tx_again"] > 20 and t.told(1)["rx_duplicate"] > 5


async def case_30_update_overtaken_by_a_replay(t: LinkTest) -> bool:
    """A frame comes late, with counts older than those of its copy in the replay."""
    await t.join(back=[Event("delay", "data", n, later=5) for n in range(4, 40, 9)])
    for side in (0, 1):
        await t.send(side, packets(150, seed=t.seed + side))
    await t.finish()
    assert t.told(1)["replay"] > 0
    return t.events["freed_bad"] > 0


async def case_31_room_of_a_flit_less_or_more(t: LinkTest) -> bool:
    """A packet of 7 flits, and room for 6, 7 or 8, all of one kind."""
    some = packets(40, seed=t.seed, vcs=[0], units=(7, 7), extensions=False)
    given = [one for one in some if flits([one]) == 7][:6]
    blocked = 0
    for size in (6, 7, 8):
        for shared in (False, True):
            room = {"reserved": (size * (not shared),) * NUM_VC, "shared": size * shared}
            await t.join(partner=room)
            t.set(rude=1)
            await t.send(0, given)
            if size < 7:
                await t.run(400)
                assert t.events["tx_frame"] == 0 and t.up()
                blocked += 1
                await t.anew()
            await t.finish()
    return blocked == 2


async def case_32_no_credit_at_all(t: LinkTest) -> bool:
    """A peer without room: the link is up and carries nothing that way, until there is some."""
    await t.join(partner={"reserved": (0,) * NUM_VC, "shared": 0})
    for side in (0, 1):
        await t.send(side, packets(20, seed=t.seed + side))
    await t.run(1500)
    assert t.up() and t.env.scoreboard.ways[1].missing == [0] * NUM_VC
    nothing = t.events["tx_frame"] == t.events["retrain"] == 0
    await t.anew()
    await t.finish()
    return nothing


async def case_33_credit_of_the_wrong_vc(t: LinkTest) -> bool:
    """Counts of one VC come under the name of another.

    An idle VC cannot use so many: counted and ignored. A busy one can, and then sends more than
    there is room for: the receiver notices and the link is flushed.
    """

    def swap(trailer: Trailer) -> Trailer:
        freed = trailer.freed
        return replace(trailer, freed=(0, freed[0] + freed[1], *freed[2:]))

    await t.join(honest=False)
    await t.lie(swap)
    await t.send(0, packets(12, seed=t.seed, vcs=[0], units=(6, 6), err=0))
    await t.run(800)
    ignored = t.events["freed_bad"] > 0 and t.witness.used[0] > 10 and t.up()
    await t.lie()
    await t.finish()
    await t.join(honest=False, partner={"shared": 0})
    t.set(rude=1)
    await t.lie(swap)
    t.hold(1, [1])
    await t.send(0, packets(60, seed=t.seed, vcs=[0, 1], units=(6, 6), err=0))
    await t.until(lambda: t.partner.counts["rx_over"], 3000)
    await t.lie()
    t.hold(1, ())
    await t.until(lambda: t.events["flush"] and t.up(), 5000)
    await t.finish_with_loss()
    return ignored and t.partner.counts["rx_over"] == 1


async def case_35_vc_taken_away_under_traffic(t: LinkTest) -> bool:
    """The receiver comes back without room for one VC: that one waits, the others go on."""
    await t.join()
    await t.send(0, packets(200, seed=t.seed))
    await t.until(lambda: t.told(1)["rx_packet"] > 40, 2000)
    before = list(map(len, t.env.scoreboard.ways[0].taken))
    under_way = bool(t.ring.waiting()[0])
    await t.anew(reserved=(32, 32, 0, 32), shared=0)
    count = t.told(1)["rx_packet"]
    await t.until(lambda: t.told(1)["rx_packet"] > count + 60, 8000)
    await t.run(500)
    taken = list(map(len, t.env.scoreboard.ways[0].taken))
    assert t.witness.says.taken[2] == 0 and t.up(), "what it has no room for was sent"
    others = all(taken[v] > before[v] for v in (0, 1, 3))
    await t.anew()
    await t.finish_with_loss()
    return under_way and others and len(t.env.scoreboard.ways[0].taken[2]) > taken[2]


# --------------------------------------------------------------------------- training, contents


async def case_training_unfit(t: LinkTest) -> bool:
    """A peer with another width, SEQ_W or version: the link stays down and says which; disabled
    meanwhile, it goes back to DOWN.
    """
    names = {"width": 1, "seqw": 2, "version": 4}
    said = []
    for name in names:
        await t.join(up=False)
        await t.lie(train=lambda tr, n=name: replace(tr, **{n: getattr(tr, n) ^ 1}))
        await t.send(0, packets(10, seed=t.seed))
        await t.run(500)
        assert t.wires.states[0] == State.TRAIN
        said.append(int(t.harness.unfit_o.value) & 7)
        t.enable(0)
        await t.until(lambda: t.wires.states[0] == State.DOWN, 20)
        t.enable(1)
        await t.lie()
        await t.finish()
    return said == list(names.values())


async def case_61_malformed_packets(t: LinkTest) -> bool:
    """Unknown operations, versions and IDs, lengths that cannot be: carried unchanged."""
    t.ring.options(check_length=False)
    await t.join()
    for side in (0, 1):
        given = []
        for _ in range(80):
            header = t.rng.getrandbits(128)
            units = [t.rng.getrandbits(128) for _ in range(payload_units(header))]
            given.append(Packet((header, *units), t.rng.random() < 0.1))
        await t.send(side, given)
    await t.finish()
    t.ring.options(check_length=True)
    came = [p.units[0] for vc in t.env.scoreboard.ways[0].taken for p in vc]
    field = {n: [h >> FIELDS[n].offset & FIELDS[n].mask for h in came] for n in ("op", "len")}
    unknown = [op for op in field["op"] if op not in set(Op)]
    return len(unknown) > 5 and max(field["len"]) > 16


CASES = {
    name.removeprefix("case_"): case
    for name, case in sorted(globals().items())
    if name.startswith("case_")
}
NUMBERED = [name for name in CASES if name[:2].isdigit()]
#: Cases in which side 1 misbehaves, or has other numbers.
PARTNER = ("06", "18", "21", "31", "32", "33", "35")
#: Name of a simulation: what stands at side 1, and the cases.
GROUPS = {
    "partner": ("model", [n for n in CASES if n not in NUMBERED or n[:2] in PARTNER]),
    "retry": ("rtl", [n for n in NUMBERED if n[:2] not in PARTNER and int(n[:2]) < 20]),
    "credits": ("rtl", [n for n in NUMBERED if n[:2] not in PARTNER and int(n[:2]) >= 20]),
    "both": ("model", [n for n in NUMBERED if n[:2] in ("03", "17", "25", "26", "30")]),
}


@pyuvm.test()
class Cases(LinkTest):
    """The cases of a group, one after the other. A case that fails is named, with its seed."""

    async def body(self) -> None:
        for name in os.environ["CASES"].split(","):
            begin = self.wires.now
            try:
                happened = await CASES[name](self)
            except Exception as error:
                raise AssertionError(f"case {name}: {error}") from error
            self.logger.info("case %s: %s cycles", name, self.wires.now - begin)
            assert happened, f"case {name} did not happen: {self.report()}"
            self.hits[f"rtl.case.{name}"] += 1


@pytest.mark.parametrize("group", list(GROUPS))
def test_link_cases(sim: Sim, group: str) -> None:
    """Cases that share a simulation."""
    peer, cases = GROUPS[group]
    run_link(sim, __name__, "Cases", LINK_PEER=peer, CASES=",".join(cases))
