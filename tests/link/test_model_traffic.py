# SPDX-License-Identifier: Apache-2.0
"""Two models of a link under random faults of every kind: exactly once, in order, credits kept."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import pytest

from switchproof.models.layout import NUM_VC
from switchproof.models.link import DAMAGE, LaneReceiver, LinkConfig, Receiver, State, chosen, parse
from switchproof.models.link_format import (
    CONTROL,
    DATA,
    NULL_BLOCK,
    POISON_BLOCK,
    Beat,
    Block,
    Kind,
    Packet,
    Trailer,
    flits_of,
    frame,
    kind_of,
)
from switchproof.tb.link.channel import Channel, Event, Faults
from switchproof.tb.link.partner import packets, random_frame
from tests.link.pair import SMALL, Pair

replace = dataclasses.replace

#: Longer than SMALL where faults come one upon the other.
ROUGH = replace(SMALL, replay_limit=100, dead_cycles=3000, age_cycles=1 << 20, seq_w=6)

#: Each kind of fault alone, and the counters that show it.
KINDS = {
    "bit_error": Faults(ber=5e-5),
    "burst": Faults(bursts=2e-5),
    "drop": Faults(drop=0.03),
    "duplicate": Faults(duplicate=0.03),
    "truncate": Faults(truncate=0.03),
    "delay": Faults(delay=0.03),
    "skip_lost": Faults(skip=0.5),
    "skip_twice": Faults(skip=0.5),
    "flap": Faults(flap=1e-3),
}
ALL = Faults(ber=5e-6, bursts=5e-6, drop=0.01, duplicate=0.01, truncate=0.01, delay=0.01, skip=0.3,
             flap=2e-4)  # fmt: skip


def both_ways(pair: Pair, count: int, seed: int) -> Pair:
    """Send packets of every kind in both directions and wait for all of them."""
    pair.send(0, packets(count, k=pair.k, seed=seed))
    pair.send(1, packets(count, k=pair.k, seed=seed + 1))
    return pair.finish(200_000)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_quiet_wire(k: int) -> None:
    """Without faults nothing is sent twice, and a wire full of packets carries what it can."""
    cfg = replace(ROUGH, k=k, frame_units=64, replay_beats=200, seq_w=8, replay_cycles=400,
                  shared=200, skip_beats=1000)  # fmt: skip
    pair = Pair(cfg).up()
    begin = pair.now
    stores = packets(700, k=k, vcs=[1, 2], units=(16, 16), extensions=False, err=0)
    given = [p for p in stores if len(p.units) == 17]
    pair.send(0, given)
    pair.finish()
    counts = pair.ports[0].counts
    assert counts["replay"] == pair.ports[1].counts["tx_nack"] == 0
    share = 16 * 128 * len(given) / (130 * k * (pair.now - begin))
    assert share > 0.9, "payload on the line, marks counted"


def test_latency_of_a_lone_packet() -> None:
    """It leaves in the cycle in which it is given, its trailer in the next."""
    pair = Pair(latency=1).up()
    pair.run(SMALL.keepalive_cycles)
    begin = pair.now
    pair.send(0, packets(1, units=(0, 0), extensions=False, err=0))
    pair.run(20, lambda: any(pair.taken[1]))
    assert pair.now - begin <= 4


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("kind", list(KINDS))
def test_one_kind_of_fault(kind: str, k: int) -> None:
    """Each kind of fault alone, at every width."""
    pair = Pair(replace(ROUGH, k=k), faults=KINDS[kind], seed=k)
    for seed in range(6):
        both_ways(pair, 100, seed=seed)
        if pair.injected[kind] >= 20:
            break
    assert pair.injected[kind] >= (3 if kind == "flap" else 10)


@pytest.mark.parametrize("latency", [1, 3, 17, 150])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_all_faults_at_once(k: int, latency: int) -> None:
    """All kinds together, over short and long wires."""
    cfg = replace(ROUGH, k=k, replay_limit=20, retrain_limit=20, replay_cycles=2 * latency + 60,
                  replay_beats=2 * latency + 100)  # fmt: skip
    pair = Pair(cfg, faults=ALL, latency=latency, seed=latency)
    both_ways(pair, 250, seed=latency)
    assert len(pair.injected) >= 5


@pytest.mark.parametrize("seed", range(4))
def test_slow_users(seed: int) -> None:
    """Users that take now and then, with little room and errors."""
    cfg = replace(ROUGH, reserved=(19, 19, 20, 0), shared=21)
    pair = Pair(cfg, faults=ALL, seed=seed)
    rng = random.Random(seed)

    def watch() -> None:
        if pair.now % 40 == 0:
            pair.stalled = {
                (n, vc) for n in range(2) for vc in range(NUM_VC) if rng.random() < 0.7
            }  # fmt: skip

    pair.watch.append(watch)
    both_ways(pair, 150, seed=seed)


def test_5000_cycles_of_wire() -> None:
    """The longest wire with the numbers that the page gives for it."""
    cfg = LinkConfig(replay_cycles=10_600, replay_beats=10_600, dead_cycles=12_000)
    pair = Pair(cfg, latency=5000, script=[Event("drop", "data", 30)])
    pair.send(0, packets(900))
    pair.finish(120_000)
    assert pair.injected["drop"] == pair.ports[0].counts["replay"] == 1
    assert pair.ports[0].counts["tx_again"] > 30, "a round trip full of frames"


def test_misbehaving_wire_in_training() -> None:
    """TRAIN blocks with wrong bits: training takes longer and comes to the same."""
    pair = Pair(replace(SMALL, k=4), faults=Faults(spoil_train=0.6, ber=1e-4))
    pair.up(3000)
    both_ways(Pair(replace(SMALL, k=4), faults=Faults(spoil_train=0.6)), 50, 1)
    assert pair.injected["spoil_train"] > 10


# -------------------------------------------------------------------------------------- lanes


@pytest.mark.parametrize("skew", [(0, 1), (3, 0), (8, 0), (0, 8)])
def test_skew(skew: tuple[int, ...]) -> None:
    """Lanes that come later than others, up to MAX_SKEW, are aligned."""
    pair = Pair(replace(ROUGH, k=2), skew=skew, faults=Faults(ber=1e-5, skip=0.2))
    both_ways(pair, 100, 1)
    assert all(port.lanes_in == (0, 1) for port in pair.ports)


def test_more_skew_than_allowed() -> None:
    """Beyond MAX_SKEW no good frame comes: the link does not carry, and says so."""
    pair = Pair(replace(SMALL, k=2), skew=(0, SMALL.max_skew + 3))
    pair.send(0, packets(10, k=2))
    pair.run(5000)
    assert not any(pair.taken[1])
    assert any(p.fault.startswith("no good frame") for p in pair.ports)


@pytest.mark.parametrize(
    ("dead", "width"),
    [((0,), 2), ((3,), 2), ((1, 2), 2), ((0, 1, 2), 1), ((1, 2, 3), 1), ((0, 2, 3), 1)],
)
def test_lanes_die_under_load(dead: tuple[int, ...], width: int) -> None:
    """x4 goes down to x2 or x1 in the direction concerned, without a loss, and goes on."""
    cfg = replace(SMALL, k=4, replay_cycles=200, dead_cycles=400, age_cycles=20_000)
    pair = Pair(cfg, script=[Event("die", "cycle", 200, lanes=dead)], skew=(2, 0, 1, 5))
    pair.send(0, packets(300, k=4))
    pair.send(1, packets(100, k=4, seed=2))
    pair.finish(60_000)
    left = chosen(15 & ~sum(1 << lane for lane in dead), 4)
    assert pair.ports[1].lanes_in == pair.ports[0].lanes_out == left and len(left) == width
    assert pair.ports[0].lanes_in == (0, 1, 2, 3), "the other direction is whole"
    assert pair.ports[0].counts["flush"] == 0 and pair.ports[0].counts["retrain"] >= 1


@pytest.mark.parametrize("width", [1, 2])
def test_few_lanes_with_faults(width: int) -> None:
    """Beats that are spread over cycles are found again after any damage."""
    script = [Event("die", "cycle", 0, lanes=tuple(range(width, 4)))]
    cfg = replace(ROUGH, k=4, replay_cycles=300)
    pair = Pair(cfg, script=script, back=script, faults=replace(ALL, skip=0.5, flap=0))
    both_ways(pair, 150, 3)
    assert pair.injected["skip_lost"] > 3 and pair.injected["bit_error"] > 3
    assert all(len(port.lanes_in) == width for port in pair.ports)


def test_beats_are_found_again() -> None:
    """A damaged SKIP shifts the beats of a narrow link; behind the next trailer they are right."""
    rng = random.Random(5)
    lanes = LaneReceiver(replace(SMALL, k=4))
    one, two = (
        frame([[(DATA, rng.getrandbits(128)) for _ in range(4)]] * 2, Trailer(seq=n), 4)
        for n in range(2)
    )
    cycles = [beat[n : n + 2] for part in (one, two) for beat in part for n in (0, 2)]
    cycles.insert(2, (DAMAGE, DAMAGE))
    for lane in range(2):
        lanes.block(lane, (CONTROL, Kind.TRAIN), train=True)
    beats = []
    for cycle in cycles:
        for lane, block in enumerate(cycle):
            lanes.block(lane, block, train=False)
        beats.append(lanes.beat((0, 1)))
    came = [beat for beat in beats if beat]
    assert came[0] == one[0] and came[1] != one[1], "shifted"
    assert came[-3:] == two, "not found again"


def test_back_to_training() -> None:
    """A damaged TRAIN block that looks like NULL starts no lane: the next one puts it back."""
    lanes = LaneReceiver(replace(SMALL, k=2))
    train: Block = (CONTROL, Kind.TRAIN)
    for cycle in ((train, train), (NULL_BLOCK, train), (train, train)):
        for lane, block in enumerate(cycle):
            lanes.block(lane, block, train=block == train)
        assert lanes.beat((0, 1)) is None
    rng = random.Random(6)
    sent = [tuple((DATA, rng.getrandbits(128)) for _ in range(2)) for _ in range(20)]
    came = []
    for beat in sent:
        for lane, block in enumerate(beat):
            lanes.block(lane, block, train=False)
        came.append(lanes.beat((0, 1)))
    assert came == sent


def test_goodput_with_half_the_lanes() -> None:
    """Two lanes of four carry half as much."""
    cycles = []
    for script in ([], [Event("die", "cycle", 0, lanes=(1, 3))]):
        cfg = replace(ROUGH, k=4, frame_units=64, replay_cycles=400, shared=400, seq_w=8)
        pair = Pair(cfg, script=script).up()
        pair.send(0, packets(300, k=4, units=(16, 16), err=0))
        begin = pair.now
        pair.finish()
        cycles.append(pair.now - begin)
    assert 1.9 < cycles[1] / cycles[0] < 2.1


# -------------------------------------------------------------- frames that break the rules


#: Counters of frames that are not good.
REJECTED = ("rx_malformed", "rx_epoch", "rx_damaged", "rx_crc")


@pytest.mark.parametrize("k", [1, 2, 4])
def test_right_crc_and_wrong_contents(k: int) -> None:
    """Any frame is judged: what is not good changes nothing, what is delivered is a packet."""
    rng = random.Random(k)
    counts: Counter[str] = Counter()
    cfg = replace(SMALL, k=k, shared=8000)
    receiver = Receiver(cfg, counts)
    for _ in range(6000):
        before = (receiver.expected, list(receiver.taken), receiver.opened, receiver.heard)
        rejected = sum(counts[name] for name in REJECTED)
        good = None
        for beat in random_frame(rng, receiver, 2):
            good = receiver.beat(beat, 2) or good
        after = (receiver.expected, list(receiver.taken), receiver.opened, receiver.heard)
        now = sum(counts[name] for name in REJECTED)
        assert (good is None) == (now > rejected) and (good is not None or after == before)
        assert (after[0] - before[0]) % 16 <= 1
        for vc in range(NUM_VC):
            while packet := receiver.take(vc):
                assert packet.vc == vc and len(packet.units) - 1 <= 19
                assert flits_of(packet.units[0], k) <= receiver.taken[vc]
        assert not receiver.overflow
    for name in ("rx_malformed", "rx_epoch", "rx_damaged", "rx_ahead", "rx_duplicate"):
        assert counts[name] > 20, name
    assert counts["rx_packet"] > 100


def test_rules_of_contents_one_by_one() -> None:
    """Each rule that a good frame keeps, broken alone."""
    lone: Block = (DATA, 0)  # a READ: a header alone
    write: Block = (DATA, 1 << 2 | 2 << 48)  # a WRITE of two units
    nothing = NULL_BLOCK
    assert parse([(lone,)], None, 1) and parse([(lone,), (POISON_BLOCK,)], None, 1)
    assert parse([(POISON_BLOCK,)], None, 1) is None, "POISON behind nothing"
    assert parse([(write,), (POISON_BLOCK,)], None, 1) is None, "POISON in mid-packet"
    assert parse([(lone,), (POISON_BLOCK,), (POISON_BLOCK,)], None, 1) is None, "twice"
    assert parse([(lone, lone)], None, 2) is None, "two flits end in a beat"
    assert parse([(lone, nothing), (lone, nothing)], None, 2)
    assert parse([(nothing, lone), (POISON_BLOCK, lone)], None, 2) is None, "mark and end"
    assert parse([(lone, POISON_BLOCK), (nothing, lone), (POISON_BLOCK, nothing)], None, 2)
    assert parse([(write, (DATA, 5), (DATA, 6), lone)], None, 4) is None, "two of two packets"
    done = parse([(write, (DATA, 5), (DATA, 6), write)], None, 4)
    assert done and done.packets == [Packet((write[1], 5, 6))] and done.opened
    for trailer, beats in (
        (Trailer(data=1), []),
        (Trailer(data=0), [[lone]]),
        (Trailer(data=1, cont=1), [[lone]]),
    ):
        counts: Counter[str] = Counter()
        receiver = Receiver(SMALL, counts)
        assert not any(receiver.beat(beat, 0) for beat in frame(beats, trailer, 1))
        assert counts["rx_malformed"] == 1 and receiver.nack_due


@pytest.mark.parametrize("k", [1, 4])
def test_noise_of_every_kind(k: int) -> None:
    """A port that is up hears noise, blocks of all kinds and whole frames: nothing is delivered."""
    rng = random.Random(k)
    pair = Pair(replace(SMALL, k=k)).up()
    port, heard = pair.ports[0], 0
    for _ in range(20_000):
        wire = tuple(
            rng.choice([
                (rng.getrandbits(2), rng.getrandbits(128)), NULL_BLOCK, (DATA, 0), (DATA, 1),
                (CONTROL, rng.getrandbits(124) << 4 | rng.randrange(5)), None,
            ])
            for _ in range(k)
        )  # fmt: skip
        port.cycle(wire)
        heard += port.state == State.UP
        assert not any(port.rx.buffer)
    assert heard > 200 and port.counts["retrain"] >= 1
    assert port.counts["rx_damaged"] + port.counts["rx_crc"] > 5
    # The true peer comes back: both have noticed by now that the other was away.
    pair.run(3000)
    both_ways(pair, 50, 1)


# ------------------------------------------------------------------------------- the channel


def test_channel_delays_and_counts() -> None:
    """What goes in comes out `latency` cycles later, unchanged when there are no faults."""
    rng = random.Random(1)
    channel = Channel(2, latency=7, skew=(0, 3))
    sent = [tuple((DATA, rng.getrandbits(128)) for _ in range(2)) for _ in range(100)]
    came = [channel.cycle(beat) for beat in sent]
    assert [wire[0] for wire in came[7:]] == [beat[0] for beat in sent[:-7]]
    assert [wire[1] for wire in came[10:]] == [beat[1] for beat in sent[:-10]]
    assert not channel.injected
    with pytest.raises(ValueError, match="latency"):
        Channel(latency=0)


@pytest.mark.parametrize("rate", [1e-4, 1e-2])
def test_channel_makes_the_errors_it_counts(rate: float) -> None:
    """Wrong bits come at the rate asked for, and as many as are counted."""
    channel = Channel(4, faults=Faults(ber=rate), seed=3)
    zeros: Beat = ((0, 0),) * 4
    wrong, cycles = 0, 2000
    for _ in range(cycles + 1):
        for block in channel.cycle(zeros):
            if block:
                wrong += (block[0] << 128 | block[1]).bit_count()
    made = channel.injected["bit_error"]
    assert 0 <= made - wrong <= 30  # the last cycle is still on its way
    assert abs(made / (cycles * 4 * 130 * rate) - 1) < 0.3


def test_channel_is_made_by_its_seed() -> None:
    """The same seed, the same faults; another, others."""
    runs = []
    for seed in (1, 1, 2):
        pair = Pair(ROUGH, faults=ALL, seed=seed)
        both_ways(pair, 60, 1)
        runs.append((pair.now, pair.injected))
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("action", ["drop", "duplicate", "truncate", "delay", "flip"])
def test_channel_does_what_the_script_says(action: str) -> None:
    """The third frame, and no other, meets its fate."""
    event = Event(action, "data", 2, keep=1, later=1, bits=(5, 129))
    channel, rng = Channel(script=[event]), random.Random(2)
    frames = [
        frame([[(DATA, rng.getrandbits(128))] for _ in range(3)], Trailer(data=1, seq=n), 1)
        for n in range(6)
    ]
    stream = [beat for one in frames for beat in one] + [(NULL_BLOCK,)] * 12
    came = [wire[0] for wire in map(channel.cycle, stream) if wire[0]]
    blocks = [block for block in came if kind_of(block) != Kind.NULL]
    plain = [[beat[0] for beat in one] for one in frames]
    third = plain[2]
    wanted = {
        "drop": [*plain[:2], *plain[3:]],
        "duplicate": [*plain[:4], third, *plain[4:]],
        "truncate": [*plain[:2], [third[0], third[3]], *plain[3:]],
        "delay": [*plain[:2], plain[3], third, *plain[4:]],
        "flip": [*plain[:2], [third[0], (third[1][0] ^ 2, third[1][1] ^ 32), *third[2:]],
                 *plain[3:]],
    }[action]  # fmt: skip
    assert blocks == [block for one in wanted for block in one]
    assert channel.injected == {action: 1}
