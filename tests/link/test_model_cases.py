# SPDX-License-Identifier: Apache-2.0
"""The hard cases of retry and credits, each made to happen on purpose between two models.

Every test asserts that its case has happened, not only that all went well afterwards.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable

import pytest

from switchproof.models.layout import NUM_VC
from switchproof.models.link import LinkConfig, Policy, Port, Sender, State
from switchproof.models.link_format import Packet, Trailer
from switchproof.tb.link.channel import Event, Faults
from switchproof.tb.link.partner import Partner, flits, packets
from tests.link.pair import SMALL, Pair

replace = dataclasses.replace


def lone(count: int, seed: int = 1, vc: int = 0) -> list[Packet]:
    """Return packets of one unit each, header and payload, without marks."""
    return packets(count, seed=seed, vcs=[vc], units=(1, 1), extensions=False, err=0)


def drops(*numbers: int) -> list[Event]:
    """Return events that lose data frames by their number."""
    return [Event("drop", "data", n) for n in numbers]


def spoiled(when: Callable[[Trailer], object], times: int = 1, bit: int = 100) -> Event:
    """Return an event that makes a bit of certain trailers wrong."""
    return Event("flip", "trailer", when=when, times=times, bits=(bit,))


def with_partner(cfg: LinkConfig = SMALL) -> tuple[Pair, Partner]:
    """Return a pair of which port 1 misbehaves, once told how."""
    partner = Partner(cfg)
    return Pair(ports=(Port(cfg), partner)), partner


# -------------------------------------------------------------------------------------- retry


@pytest.mark.parametrize("seq_w", [2, 3, 4])
def test_01_wrap_within_a_replay(seq_w: int) -> None:
    """The frames that are sent again go across the wrap of the sequence number."""
    cfg = replace(SMALL, seq_w=seq_w, frame_units=2)
    last = cfg.seqs - 1
    pair = Pair(cfg, script=drops(last))
    pair.send(0, lone(60))
    pair.finish()
    again = [s.trailer.seq for s in pair.trailers[0] if s.trailer.data and s.trailer.round == 1]
    assert again[0] == last and (0 in again[: cfg.window] or cfg.window == 1)
    assert pair.ports[0].counts["replay"] == 1


@pytest.mark.parametrize("seq_w", [2, 3, 5])
def test_window_lost_whole(seq_w: int) -> None:
    """All frames of a full window are lost: the control frame behind them shows it."""
    cfg = replace(SMALL, seq_w=seq_w, frame_units=2, replay_cycles=2000, dead_cycles=3000)
    pair = Pair(cfg, latency=40, script=drops(*range(cfg.window)))
    filled: list[int] = []
    pair.watch.append(lambda: filled.append(len(pair.ports[0].tx.frames)))
    pair.send(0, lone(60))
    pair.finish()
    assert max(filled[: filled.index(cfg.window) + 1]) == cfg.window
    assert pair.injected["drop"] == cfg.window
    assert pair.ports[0].counts["replay_timeout"] == 0, "not asked for"


def test_02_replay_buffer_full() -> None:
    """The replay buffer, not the window, holds the sender back, with replays while it is full."""
    cfg = replace(SMALL, seq_w=8, replay_beats=40, shared=400)
    pair = Pair(cfg, latency=30, script=[Event("drop", "data", n) for n in range(3, 40, 7)])
    full: list[int] = []

    def watch() -> None:
        tx = pair.ports[0].tx
        kept = sum(len(f.beats) + 1 for f in tx.frames)
        if any(tx.queue) and kept + cfg.longest > cfg.replay_beats:
            full.append(tx.again is not None)

    pair.watch.append(watch)
    pair.send(0, packets(100))
    pair.finish()
    assert full.count(True) > 20 and full.count(False) > 20


def test_03_nack_during_a_replay() -> None:
    """A loss within a replay is asked for while the replay runs, and starts another one."""
    # The first nack is lost, so that the timer starts a replay of many frames.
    first_nack = spoiled(lambda t: bool(t.nack))
    cfg = replace(SMALL, seq_w=6, shared=400, replay_beats=300)
    pair = Pair(cfg, script=drops(4), back=[first_nack])
    seen: list[bool] = []
    state = {"nacks": 0}

    def watch() -> None:
        tx = pair.ports[0].tx
        if pair.ports[0].counts["rx_nack"] > state["nacks"]:
            state["nacks"] += 1
            seen.append(tx.again is not None)

    pair.channels[0].script.append(spoiled(lambda t: t.data and t.round == 1 and t.seq == 5))
    pair.watch.append(watch)
    pair.send(0, packets(100))
    pair.finish()
    assert any(seen), "no nack came while a replay ran"
    assert pair.ports[0].counts["replay"] == 2
    assert pair.ports[0].counts["replay_timeout"] == 1


def test_nack_sent_within_a_replay() -> None:
    """A control frame between frames that are sent again bears the number of the next of them:
    nothing looks lost.
    """
    between = 0
    for number in range(8, 16):
        cfg = replace(SMALL, seq_w=6, replay_beats=300, replay_cycles=500)
        pair = Pair(cfg, latency=20, script=drops(6), back=drops(number))
        tx, counts, told = pair.ports[0].tx, pair.ports[0].counts, 0

        def watch(tx: Sender = tx, counts: Counter[str] = counts) -> None:
            nonlocal told, between
            between += counts["tx_control"] > told and tx.again is not None
            told = counts["tx_control"]

        pair.watch.append(watch)
        pair.send(0, packets(60))
        pair.send(1, packets(60, seed=2))
        pair.finish()
        assert counts["replay"] == pair.ports[1].counts["replay"] == 1, number
    assert between >= 2


@pytest.mark.parametrize("times", [2, 3])
def test_04_second_error_within_a_replay(times: int) -> None:
    """The same frame is lost again, when it is sent again."""
    pair = Pair(replace(SMALL, seq_w=6), script=[spoiled(lambda t: t.data and t.seq == 6, times)])
    pair.send(0, packets(60))
    pair.finish()
    assert pair.injected["flip"] == times
    assert pair.ports[0].counts["replay"] == times
    assert pair.ports[0].counts["replay_timeout"] == 0, "asked for, not timed out"


def test_nack_for_an_earlier_round() -> None:
    """The timer has begun the replay that a nack on its way asks for: there is no second one."""
    stale = 0
    for wait in range(50, 110, 4):
        pair = Pair(replace(SMALL, replay_cycles=wait), latency=20, script=drops(0))
        pair.send(0, lone(1))
        pair.finish()
        counts = pair.ports[0].counts
        assert counts["replay"] == counts["replay_timeout"] + counts["rx_nack"] - counts["nack_old"]
        stale += counts["nack_old"]
    assert stale > 3


def test_05_duplicate_ack() -> None:
    """The same acknowledgement again, while frames are unacknowledged, does nothing."""
    pair = Pair(latency=20, back=[Event("duplicate", "control", n) for n in range(30)])
    pair.up()
    seen: list[int] = []
    port = pair.ports[0]
    take = port.tx.take_ack

    def spy(ack: int) -> bool:
        if port.tx.frames and ack == port.tx.oldest:
            seen.append(ack)
            before = list(port.tx.frames)
            assert not take(ack) and list(port.tx.frames) == before
            return False
        return take(ack)

    port.tx.take_ack = spy  # type: ignore[method-assign]
    pair.send(0, packets(60))
    pair.finish()
    assert len(seen) > 5
    assert port.counts["replay"] == 0


@pytest.mark.parametrize("shift", [-9, -7, -1, 1, 2, 7])
def test_06_ack_outside_the_window(shift: int) -> None:
    """Acknowledgements of what was not sent yet, or long ago, are counted and ignored."""
    pair, partner = with_partner()
    pair.up()
    lies = 0

    def lie(trailer: Trailer) -> Trailer:
        nonlocal lies
        honest = (trailer.ack - pair.ports[0].tx.next) % SMALL.seqs == 0
        ready = not pair.ports[0].tx.frames and not pair.ports[0].tx.open
        if lies < 5 and honest and ready:
            lies += 1
            return replace(trailer, ack=(trailer.ack + shift) % SMALL.seqs)
        return trailer

    partner.trailer = lie
    for _ in range(10):
        pair.send(0, lone(3))
        pair.finish()
        pair.run(50)
    assert lies == 5
    assert pair.ports[0].counts["ack_bad"] == 5


def test_07_ack_and_nack_at_once() -> None:
    """One trailer frees frames and asks for the next."""
    cfg = replace(SMALL, frame_units=32, replay_beats=200, replay_cycles=300, shared=200)
    pair = Pair(cfg, latency=3)
    pair.up()
    both: list[int] = []
    port = pair.ports[0]
    nack = port.tx.take_nack
    state = {"acked": 0}

    def spy(heard: int) -> None:
        if port.tx.oldest != state["acked"]:
            both.append(port.tx.oldest)
        nack(heard)

    def watch() -> None:
        state["acked"] = port.tx.oldest

    port.tx.take_nack = spy  # type: ignore[method-assign]
    pair.watch.append(watch)
    pair.channels[0].script += drops(2, 5, 9, 12, 15)
    pair.send(1, packets(100))
    for _ in range(20):
        pair.send(0, lone(3))
        pair.run(6)
    pair.finish()
    assert both, "no trailer had both"


def test_08_lost_nack() -> None:
    """The one nack is lost: the timer recovers."""
    pair = Pair(script=drops(3), back=[spoiled(lambda t: bool(t.nack))])
    pair.send(0, packets(30))
    pair.finish()
    a, b = pair.ports
    assert b.counts["tx_nack"] >= 1 and pair.channels[1].injected["flip"] == 1
    assert a.counts["replay_timeout"] == 1 and a.counts["replay"] == 1


@pytest.mark.parametrize("how", ["drop", "flip"])
def test_09_last_frame_lost_then_idle(how: str) -> None:
    """Nothing follows the lost frame but control frames: their number shows it."""
    event = Event(how, "data", 0) if how == "drop" else spoiled(lambda t: bool(t.data))
    pair = Pair(replace(SMALL, replay_cycles=2000), script=[event])
    pair.up()
    begin = pair.now
    pair.send(0, lone(1))
    pair.finish()
    assert pair.ports[0].counts["replay_timeout"] == 0
    assert pair.ports[1].counts["tx_nack"] == 1
    assert pair.now - begin < SMALL.keepalive_cycles + 40


def test_10_timer_and_ack_in_one_cycle() -> None:
    """The timer runs out in the cycle in which the acknowledgement comes, or next to it."""
    gaps: set[int] = set()
    for wait in range(8, 24):
        pair = Pair(replace(SMALL, replay_cycles=wait, replay_limit=200)).up()
        port = pair.ports[0]
        freed_at = expired_at = -1

        def watch(pair: Pair = pair, port: Port = port) -> None:
            nonlocal freed_at, expired_at
            if expired_at < 0 and port.counts["replay_timeout"]:
                expired_at = pair.now
            if freed_at < 0 and port.tx.next == 1 and port.tx.oldest == 1 and not port.tx.open:
                freed_at = pair.now

        pair.watch.append(watch)
        pair.send(0, lone(1))
        pair.finish()
        pair.run(100)
        pair.check()
        if expired_at >= 0:
            gaps.add(freed_at - expired_at)
        else:
            gaps.add(-1)  # the acknowledgement came first
    assert {-1, 0, 1, 2} <= gaps or {-1, 1, 2} <= gaps, gaps


def test_11_control_frame_with_a_bad_crc() -> None:
    """It changes nothing: no acknowledgement, no credit, no replay."""
    pair = Pair(latency=4)
    pair.up()
    pair.run(100)
    port = pair.ports[1]

    def seen() -> tuple[object, ...]:
        return (port.rx.expected, port.rx.taken, port.tx.oldest, port.tx.freed, port.state)

    before = seen()
    pair.channels[0].script.append(spoiled(lambda t: not t.data, times=3, bit=30))
    pair.run(150)
    assert port.counts["rx_crc"] == 3 and seen() == before
    assert pair.ports[0].counts["rx_nack"] >= 1 and pair.ports[0].counts["replay"] == 0
    pair.send(0, packets(20))
    pair.finish()
    assert pair.ports[0].counts["replay"] == 0


def test_loss_after_a_bad_control_frame() -> None:
    """Asked for what it had already, the receiver asks again when something is missing in truth."""
    pair = Pair(replace(SMALL, replay_cycles=500), latency=4).up()
    pair.channels[0].script.append(spoiled(lambda t: not t.data))
    assert pair.run(200, lambda: pair.ports[0].counts["rx_nack"] == 1)
    pair.run(100)
    pair.channels[0].script += drops(0)
    pair.send(0, lone(30))
    pair.finish()
    assert pair.ports[1].counts["tx_nack"] == 2
    assert pair.ports[0].counts["replay"] == 1 and not pair.ports[0].counts["replay_timeout"]


@pytest.mark.parametrize("bit", range(13, 17))
def test_13_error_in_the_sequence_number_alone(bit: int) -> None:
    """A frame with another number than it had is not that other frame."""
    pair = Pair(script=[spoiled(lambda t: t.data and t.seq == 9, bit=bit)])
    pair.send(0, packets(40))
    pair.finish()
    assert pair.ports[1].counts["rx_crc"] == 1
    assert pair.ports[0].counts["replay"] == 1


@pytest.mark.parametrize("times", [20, 60])
def test_14_long_run_of_bad_frames(times: int) -> None:
    """Every frame is bad for a long while: no false delivery, then all goes on."""
    cfg = replace(SMALL, replay_limit=200, dead_cycles=20_000, age_cycles=100_000)
    pair = Pair(cfg)
    pair.up()
    start = len(pair.trailers[0])
    pair.channels[0].script.append(spoiled(lambda t: True, times=times))
    pair.send(0, packets(40))
    assert pair.run(20_000, lambda: pair.injected["flip"] == times)
    assert not any(pair.taken[1]) and pair.ports[1].rx.expected == 0
    assert len(pair.trailers[0]) - start == times
    pair.finish()


@pytest.mark.parametrize("number", range(2, 12))
def test_15_lost_frame_under_acks_of_others(number: int) -> None:
    """A frame vanishes without a trace while its sender's trailers keep acknowledging."""
    pair = Pair(script=drops(number))
    pair.send(0, packets(60))
    pair.send(1, packets(60, seed=2))
    expected: list[int] = []
    pair.watch.append(lambda: expected.append(pair.ports[1].rx.expected))
    pair.finish()
    assert pair.injected["drop"] == 1 and pair.ports[0].counts["replay"] >= 1
    assert pair.ports[1].counts["rx_ahead"] >= 1
    steps = {(b - a) % SMALL.seqs for a, b in itertools.pairwise(expected)}
    assert steps == {0, 1}, "a number was skipped"


def test_16_retries_exhausted() -> None:
    """The wire dies in mid-traffic: both flush, open packets are closed, all is counted."""
    pair = Pair(script=[Event("die", "cycle", 300, lanes=(0,))])
    pair.send(0, packets(200, units=(12, 16), err=0))
    pair.run(9000)
    for port in pair.ports:
        assert port.counts["flush"] >= 1 and port.state == State.TRAIN, pair.report()
    a, b = pair.ports
    assert a.counts["retrain"] >= 1 and a.fault in ("too old", "peer starts anew")
    assert b.counts["rx_closed"] == 1, "no packet was in the middle"
    assert a.counts["flushed"] >= 1
    taken = [p for vc in pair.taken[1] for p in vc]
    assert taken[0] and sum(p.err for p in taken) == 1
    pair.check(lossless=False)
    # Repaired: what was not lost with the flush comes, since the policy is BLOCK.
    pair.channels[0].script.append(Event("revive", "cycle", pair.now + 1, lanes=(0,)))
    pair.run(9000, lambda: not any(pair.ports[0].tx.queue))
    pair.run(500)
    pair.check(lossless=False)
    came = sum(len(vc) for vc in pair.taken[1])
    assert 200 - a.counts["flushed"] <= came <= 201


@pytest.mark.parametrize("starts", ["retrain", "anew"])
def test_17_old_frames_after_a_new_training(starts: str) -> None:
    """Frames of before arrive, whole, after the training: they are of another epoch."""
    old = [Event("delay", "data", n, later=40) for n in range(2, 8)]
    pair = Pair(replace(SMALL, seq_w=8), script=old, back=[
        Event("delay", "control", n, later=12) for n in range(8, 14)])  # fmt: skip
    pair.send(0, packets(30))
    pair.run(120)
    pair.channels[1].script.append(Event("flap", "cycle", pair.now, length=320))
    if starts == "anew":
        pair.ports[1].enable = False
        pair.run(20)
        pair.ports[1].enable = True
    pair.run(700)
    pair.send(0, packets(100, seed=3))
    pair.run(8000, pair.drained)
    counts = pair.ports[0].counts + pair.ports[1].counts
    assert counts["rx_epoch"] >= 4
    assert counts["retrain_to_up"] >= 2 if starts == "retrain" else counts["train_to_up"] == 4
    pair.check(lossless=starts == "retrain")


@pytest.mark.parametrize("wrong", ["echo", "resume", "seen"])
def test_18_wrong_echo(wrong: str) -> None:
    """A peer that echoes another nonce, or says what is not: no link until it is right."""
    pair, partner = with_partner()
    partner.train = lambda t: replace(t, **{wrong: getattr(t, wrong) ^ 1})
    pair.send(0, packets(10))
    pair.run(2000)
    assert pair.ports[0].state == State.TRAIN and not any(pair.taken[1])
    partner.train = None
    pair.finish()


def test_19_one_side_alone() -> None:
    """One side trains for itself; one side starts anew in the middle of traffic."""
    pair = Pair()
    pair.ports[1].enable = False
    pair.send(0, packets(200))
    pair.run(2000)
    assert [p.state for p in pair.ports] == [State.TRAIN, State.DOWN]
    pair.ports[1].enable = True
    pair.up()
    pair.run(100)
    before = sum(len(vc) for vc in pair.taken[1])
    # Port 1 is reset: its nonce and all else begin again.
    pair.ports[1] = Port(SMALL)
    pair.run(9000, lambda: not any(pair.ports[0].tx.queue) and not pair.ports[0].tx.frames)
    pair.run(200)
    a, b = pair.ports
    assert a.counts["up_to_flush"] + a.counts["retrain_to_flush"] == 1
    assert b.counts["train_to_up"] == 1 and a.fault == "peer starts anew"
    assert a.counts["flushed"] >= 1
    assert sum(len(vc) for vc in pair.taken[1]) > before + 50
    pair.check(lossless=False)


def test_21_frozen_ack() -> None:
    """Good frames with an acknowledgement that stays where it is: retries, retrainings, flush."""
    pair, partner = with_partner(replace(SMALL, age_cycles=1 << 20))
    pair.up()
    pair.honest = False
    partner.trailer = lambda t: replace(t, ack=0)
    partner.train = lambda t: replace(t, ack=0)
    pair.send(0, packets(20))
    assert pair.run(9000, lambda: pair.ports[0].counts["flush"] > 0), pair.report()
    a = pair.ports[0]
    # Each retraining is followed by a replay that does not count against the limit.
    limit = SMALL.replay_limit * (SMALL.retrain_limit + 1)
    assert a.counts["replay"] == limit + SMALL.retrain_limit
    assert a.counts["retrain"] == SMALL.retrain_limit
    assert a.fault == "replays without progress; retrainings without progress"
    assert pair.ports[1].counts["rx_duplicate"] > 0
    assert a.counts["flushed"] >= 1
    pair.check(lossless=False)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_22_poison_in_a_replay(k: int) -> None:
    """Error marks of packets that are sent again come once, on the same packets."""
    cfg = replace(SMALL, k=k, seq_w=6)
    pair = Pair(cfg, script=drops(2, 9, 14))
    pair.send(0, packets(60, k=k, err=0.5))
    pair.finish()
    assert pair.ports[0].counts["replay"] >= 2
    assert sum(p.err for vc in pair.taken[1] for p in vc) > 10


@pytest.mark.parametrize("length", [30, 200, 400, 900])
def test_23_flap_in_mid_packet(length: int) -> None:
    """All is noise for a while, in both directions: nothing is lost, with or without training."""
    pair = Pair()
    pair.up()
    pair.send(0, packets(80, units=(14, 16)))
    pair.send(1, packets(80, seed=2))
    pair.run(60, lambda: pair.ports[1].rx.opened is not None)
    assert pair.ports[1].rx.opened, "not in the middle of a packet"
    for channel in pair.channels:
        channel.script.append(Event("flap", "cycle", pair.now, length=length))
    pair.finish()
    retrains = pair.ports[0].counts["retrain"]
    assert retrains >= 1 if length > SMALL.dead_cycles else pair.injected["flap"] == 2
    assert pair.ports[0].counts["flush"] == 0


def test_24_replay_while_credits_are_exhausted() -> None:
    """No room is left for anything new; what was sent is sent again all the same."""
    pair = Pair(replace(SMALL, seq_w=8, replay_beats=400))
    pair.stalled = {(1, vc) for vc in range(NUM_VC)}
    given = packets(60, units=(6, 16))
    room = sum(SMALL.reserved) + SMALL.shared
    pair.up()
    pair.channels[0].script.append(spoiled(lambda t: t.data and t.seq >= 16, times=2))
    pair.send(0, given)
    exhausted: list[bool] = []

    def watch() -> None:
        tx = pair.ports[0].tx
        full = not any(tx.room(q[0][1].vc, flits([q[0][1]])) for q in tx.queue if q)
        exhausted.append(full and not tx.pieces and tx.again is not None)

    pair.watch.append(watch)
    pair.run(600)
    a, b = pair.ports
    assert not a.tx.frames and a.counts["replay"] >= 1
    assert any(exhausted), "credits were not exhausted while the replay ran"
    assert sum(a.tx.used) == sum(b.rx.held) > room - 4 * 19
    pair.stalled.clear()
    pair.finish()


# ------------------------------------------------------------------------------------ credits


def test_25_lost_update() -> None:
    """Trailers with freed counts are lost: the next one makes it good."""
    pair = Pair(back=[Event("drop", "control", n) for n in range(5, 60, 2)])
    pair.send(0, packets(100))
    pair.finish()
    assert pair.channels[1].injected["drop"] > 10
    assert pair.ports[0].counts["freed_bad"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_26_shared_pool_is_the_same_at_both_ends(seed: int) -> None:
    """Through losses, the sender's idea of the pool is never less than the receiver's; at rest
    they are equal, also with flits that stay.
    """
    cfg = replace(SMALL, reserved=(5, 9, 20, 0), shared=60)
    faults = Faults(drop=0.05, truncate=0.05, ber=1e-5)
    pair = Pair(cfg, faults=faults, seed=seed)
    pair.send(0, packets(150, seed=seed))
    pooled = 0
    for stall in range(6):
        pair.stalled = {(1, stall % NUM_VC), (1, (stall + 1) % NUM_VC)}
        pair.run(250)
        used, held = pair.ports[0].tx.used, pair.ports[1].rx.held
        pooled += sum(max(0, h - r) for h, r in zip(held, cfg.reserved, strict=True))
        assert all(u >= h for u, h in zip(used, held, strict=True))
    assert pooled > 20, "the pool was not used"
    pair.run(3000, lambda: not pair.ports[0].tx.frames)
    pair.run(300)
    assert pair.ports[0].tx.used == pair.ports[1].rx.held and any(pair.ports[1].rx.held)
    pair.stalled.clear()
    pair.finish()
    assert sum(pair.injected[kind] for kind in ("drop", "truncate", "bit_error")) > 5


def test_27_freed_counts_wrap() -> None:
    """More flits of a VC than the counts have numbers, with losses around the wrap."""
    faults = Faults(drop=0.02)
    cfg = replace(SMALL, frame_units=64, replay_beats=400, replay_cycles=400, dead_cycles=2000)
    pair = Pair(cfg, faults=faults, latency=2)
    given = packets(1000, vcs=[2], units=(16, 16), err=0)
    assert flits(given) > 1 << 14
    pair.send(0, given)
    pair.finish(60_000)
    assert pair.ports[0].tx.freed[2] == flits(given) > 1 << 14
    wrapped = [s.trailer.freed[2] for s in pair.trailers[1]]
    assert wrapped[-1] == flits(given) % (1 << 14)
    assert pair.ports[0].counts["freed_bad"] == 0


def test_28_credits_of_a_bad_frame() -> None:
    """Data frames whose trailers also free room are bad: room is told again."""
    pair = Pair(back=[spoiled(lambda t: t.data and any(t.freed), times=12)])
    pair.send(0, packets(100))
    pair.send(1, packets(100, seed=2))
    pair.finish()
    assert pair.injected["flip"] == 12


def test_29_a_flit_that_is_sent_again() -> None:
    """It takes no credit twice and frees none twice."""
    pair = Pair(faults=Faults(drop=0.1, duplicate=0.1))
    given = packets(150)
    pair.send(0, given)
    pair.finish(60_000)
    a, b = pair.ports
    assert a.counts["tx_again"] > 20 and b.counts["rx_duplicate"] > 5
    assert sum(a.tx.sent) == sum(b.rx.taken) == sum(b.rx.freed) == sum(a.tx.freed) == flits(given)


def test_30_update_overtaken_by_a_replay() -> None:
    """A frame comes late, with counts older than those of its copy in the replay."""
    late = [Event("delay", "data", n, later=5) for n in range(4, 40, 9)]
    pair = Pair(back=late)
    pair.send(0, packets(150))
    pair.send(1, packets(150, seed=2))
    pair.finish()
    assert pair.ports[0].counts["freed_bad"] > 0, "no old count came"
    assert pair.ports[1].counts["replay"] > 0


@pytest.mark.parametrize("room", ["reserved", "shared"])
@pytest.mark.parametrize("size", [6, 7, 8])
def test_31_room_of_a_flit_less_or_more(room: str, size: int) -> None:
    """A packet of 7 flits, and room for 6, 7 or 8, all of one kind."""
    reserved = (size,) * NUM_VC if room == "reserved" else (0,) * NUM_VC
    cfg = replace(SMALL, reserved=reserved, shared=size if room == "shared" else 0)
    pair = Pair(cfg).up()
    given = [p for p in packets(60, vcs=[0], units=(7, 7)) if flits([p]) == 7]
    assert given
    pair.send(0, given)
    if size < 7:
        pair.run(500)
        assert not any(pair.taken[1]) and pair.both_up()
    else:
        pair.finish()


def test_32_no_credit_at_all() -> None:
    """A receiver without room: the link is up and carries nothing that way."""
    none = replace(SMALL, reserved=(0,) * NUM_VC, shared=0)
    pair = Pair(ports=(Port(SMALL), Port(none)))
    pair.send(0, packets(20))
    pair.send(1, packets(40, seed=2))
    pair.run(3000)
    assert pair.both_up() and not any(pair.taken[1])
    assert pair.taken[0] == pair.given[1]
    assert pair.ports[0].counts["tx_frame"] == 0 and pair.ports[0].counts["retrain"] == 0


@pytest.mark.parametrize("busy", [False, True])
def test_33_credit_of_the_wrong_vc(busy: bool) -> None:
    """Counts of one VC come under the name of another.

    An idle VC cannot use so many: counted and ignored. A busy one can, and then sends more than
    there is room for: the receiver notices and the link is flushed.
    """
    pair, partner = with_partner(replace(SMALL, shared=0))
    pair.up()
    pair.honest = False
    partner.trailer = lambda t: replace(t, freed=(0, t.freed[0] + t.freed[1], *t.freed[2:]))
    pair.stalled = {(1, 1)} if busy else set()
    pair.send(0, packets(60, vcs=[0, 1] if busy else [0], units=(6, 6), err=0))
    pair.run(1500)
    if busy:
        assert partner.counts["rx_over"] == 1 and partner.fault == "buffer overrun"
        assert partner.counts["flush"] == 1
    else:
        assert pair.ports[0].counts["freed_bad"] > 0
        assert pair.ports[0].tx.used[0] > 10 and pair.both_up()
        assert all(u >= 0 for u in pair.ports[0].tx.used)
    pair.check(lossless=False)


@pytest.mark.parametrize("vc", range(NUM_VC))
def test_34_one_stalled_vc(vc: int) -> None:
    """It takes the whole pool; the others go on with what is their own."""
    pair = Pair()
    pair.stalled = {(1, vc)}
    pair.send(0, packets(200))
    others = [v for v in range(NUM_VC) if v != vc]
    pair.run(9000, lambda: all(len(pair.taken[1][v]) == len(pair.given[0][v]) for v in others))
    assert all(pair.taken[1][v] == pair.given[0][v] for v in others)
    pool = pair.ports[1].rx.held[vc] - SMALL.reserved[vc]
    assert 0 <= SMALL.shared - pool < 20, "the pool was not exhausted"
    pair.stalled.clear()
    pair.finish()


def test_35_vc_taken_away_under_traffic() -> None:
    """The receiver comes back without room for one VC: that one waits, the others go on."""
    pair = Pair()
    pair.send(0, packets(200))
    pair.run(250)
    less = replace(SMALL, reserved=(20, 20, 0, 20), shared=0)
    pair.ports[1] = Port(less)
    waiting = [0, 1, 3]
    pair.run(9000, lambda: not any(pair.ports[0].tx.queue[v] for v in waiting))
    pair.run(300)
    tx = pair.ports[0].tx
    assert pair.both_up() and len(tx.queue[2]) > 10 and tx.sent[2] == 0
    assert not any(tx.queue[v] for v in waiting)
    pair.check(lossless=False)


@pytest.mark.parametrize("field", ["cont", "data"])
def test_wrong_contents_for_ever(field: str) -> None:
    """Frames whose CRC is right and that break a rule, again and again: the link is flushed."""
    pair, partner = with_partner()
    pair.up()

    def lie(trailer: Trailer) -> Trailer:
        return replace(trailer, **{field: 1 - getattr(trailer, field)}) if trailer.data else trailer

    partner.trailer = lie
    pair.send(1, packets(10))
    assert pair.run(9000, lambda: partner.counts["flush"] > 0), pair.report()
    limit = SMALL.replay_limit * (SMALL.retrain_limit + 1) + SMALL.retrain_limit
    assert pair.ports[0].counts["rx_malformed"] > 3 and partner.counts["replay"] == limit
    assert partner.counts["retrain"] == SMALL.retrain_limit
    assert not any(pair.taken[0])


def test_credits_never_returned() -> None:
    """A partner that frees nothing: the link is up, carries what there was room for, and waits."""
    pair, partner = with_partner()
    partner.trailer = lambda t: replace(t, freed=(0,) * NUM_VC)
    pair.send(0, packets(200))
    pair.run(4000)
    used = pair.ports[0].tx.used
    room = sum(SMALL.reserved) + SMALL.shared
    assert pair.both_up() and room - 5 * 19 < sum(used) <= room
    assert pair.ports[0].counts["retrain"] == 0
    pair.check(lossless=False)


# ------------------------------------------------------------------------------- user's policy


@pytest.mark.parametrize("policy", list(Policy))
def test_policies_while_down(policy: Policy) -> None:
    """What the user sends while the link is down waits, is dropped, or first one and then that."""
    cfg = replace(SMALL, policy=policy, hold_cycles=400)
    pair = Pair(cfg).up()
    for port in pair.ports:
        port.enable = False
    pair.run(10)
    a = pair.ports[0]
    assert a.state == State.DOWN
    a.send(packets(20))
    pair.run(300)
    waiting = 0 if policy == Policy.DISCARD else 20
    assert sum(len(q) for q in a.tx.queue) == waiting
    pair.run(200)
    waiting = 20 if policy == Policy.BLOCK else 0
    assert sum(len(q) for q in a.tx.queue) == waiting
    assert a.counts["dropped"] == 20 - waiting


def test_resume_from_where_the_peer_is() -> None:
    """What came, and was not acknowledged because the way back was broken, is not sent again."""
    cfg = replace(SMALL, replay_cycles=2000)
    pair = Pair(cfg).up()
    pair.channels[1].script.append(Event("flap", "cycle", pair.now, length=400))
    pair.send(0, packets(20))
    pair.finish()
    a, b = pair.ports
    assert a.counts["retrain_to_up"] == 1 and a.counts["flush"] == 0
    assert b.counts["rx_duplicate"] == 0, "frames that had come were sent again"


def test_user_waits_in_retrain_whatever_the_policy() -> None:
    """A retraining loses nothing, also with DISCARD."""
    pair = Pair(replace(SMALL, policy=Policy.DISCARD)).up()
    pair.send(0, packets(100))
    pair.run(50)
    for channel in pair.channels:
        channel.script.append(Event("flap", "cycle", pair.now, length=400))
    pair.finish()
    assert pair.ports[0].counts["up_to_retrain"] == 1


def test_flush_waits_for_the_user() -> None:
    """Room is told anew only when the user has taken what came before."""
    pair = Pair().up()
    pair.stalled = {(1, vc) for vc in range(NUM_VC)}
    pair.send(0, packets(20, err=0))
    pair.run(200)
    held = len([p for q in pair.ports[1].rx.buffer for p in q])
    pair.ports[1].enable = False
    pair.run(5)
    pair.ports[1].enable = True
    pair.run(2000)
    assert pair.ports[1].state == State.FLUSH and held > 3
    pair.stalled.clear()
    pair.up()
    pair.check(lossless=False)


@pytest.mark.parametrize(
    ("other", "why"), [({"seq_w": 5}, "seqw"), ({"k": 1}, ""), ({"version": 2}, "version")]
)
def test_peer_that_does_not_fit(other: dict[str, int], why: str) -> None:
    """The link stays down and says why."""
    pair, partner = with_partner()
    changes = {"seqw" if name == "seq_w" else name: v for name, v in other.items() if name != "k"}
    partner.train = lambda t: replace(t, **changes)
    pair.run(500)
    assert pair.ports[0].mismatch == why
    assert (pair.ports[0].state == State.UP) == (why == "")
