# SPDX-License-Identifier: Apache-2.0
"""The scoreboard of a link itself: it is content with the model, and sees each thing that is wrong.

The end that is watched is the model here, whole or broken in one place.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from switchproof.models.layout import NUM_VC
from switchproof.models.link import LinkConfig, Port, State
from switchproof.models.link_format import DATA, Beat, Block, Packet, crc_start
from switchproof.tb.link.channel import Event, Faults
from switchproof.tb.link.partner import Partner, packets
from switchproof.tb.link.scoreboard import Ordered
from switchproof.tb.link.witness import Witness
from switchproof.tb.scoreboard import Mismatch
from tests.link.pair import SMALL, Pair

replace = dataclasses.replace
WIDER = replace(SMALL, train_beats=8, replay_limit=20)


class Watched:
    """Stands in front of a port and tells a witness what it sees, as of RTL with registers."""

    def __init__(self, port: Port, change: Callable[[Beat], Beat] | None = None) -> None:
        self.port, self.change = port, change
        self.witness = Witness(port.cfg, "the port")
        self.sent: Sequence[Block | None] = (None,) * port.cfg.k
        self.state = State.DOWN
        self.lie: Callable[[list[str]], list[str]] | None = None
        self.whole = port.cycle
        port.cycle = self.cycle  # type: ignore[method-assign]

    def cycle(self, blocks: Sequence[Block | None]) -> Beat:
        """One cycle of the port."""
        before = Counter(self.port.counts)
        sent = self.whole(blocks)
        if self.change:
            sent = self.change(sent)
        events = [n for n, count in self.port.counts.items() for _ in range(count - before[n])]
        if "rx_nack" in events and "nack_old" not in events:
            events.append("nacked")
        if self.lie:
            events = self.lie(events)
        state, self.state = self.state, self.port.state
        self.witness.cycle(self.sent, blocks, state, events, enable=self.port.enable)
        self.sent = sent
        return sent


def watched(
    cfg: LinkConfig = WIDER, *, change: Callable[[Beat], Beat] | None = None, **wires: object
) -> tuple[Pair, Watched]:
    """Return a pair whose port 0 is watched."""
    pair = Pair(ports=(Partner(cfg), Port(cfg)), **wires)  # type: ignore[arg-type]
    return pair, Watched(pair.ports[0], change)


def traffic(pair: Pair, count: int = 60) -> None:
    """Give both ports packets."""
    for side in (0, 1):
        pair.send(side, packets(count, k=pair.k, seed=side + 1))


RATES = Faults(ber=1e-5, bursts=1e-5, drop=0.02, duplicate=0.02, truncate=0.02, delay=0.02,
               skip=0.2, flap=1e-4)  # fmt: skip


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("faults", [None, RATES])
def test_content_with_the_model(k: int, faults: Faults | None) -> None:
    """No false alarm, whatever the wires do, over retrainings too."""
    pair, end = watched(replace(WIDER, k=k), faults=faults, seed=k)
    for _ in range(3):
        traffic(pair)
        pair.finish()
        if faults:
            for channel in pair.channels:
                channel.script.append(Event("flap", "cycle", pair.now + 5, length=400))
            pair.run(800)
    pair.up(2000)
    pair.finish()
    assert pair.run(400, lambda: end.witness.quiet)
    end.witness.check()
    end.witness.at_rest()
    assert bool(faults) == (end.witness.changes["up_to_retrain"] > 0)


# ----------------------------------------------------------------------- what must be found


def complains(pair: Pair, about: str, cycles: int = 4000) -> None:
    """Run until the witness complains about something, which it must."""
    with pytest.raises(Mismatch, match=about):
        pair.run(cycles)
        pytest.fail("nothing was found")


def test_a_wrong_crc_is_found() -> None:
    beats = 0

    def change(beat: Beat) -> Beat:
        nonlocal beats
        beats += beat[0][0] == DATA
        return ((DATA, beat[0][1] ^ 1),) if beats == 50 and beat[0][0] == DATA else beat

    pair, _ = watched(change=change)
    traffic(pair)
    complains(pair, "not good: rx_crc")


def test_another_frame_in_a_replay_is_found() -> None:
    pair, _ = watched(script=[Event("drop", "data", 3)])
    tx = pair.ports[0].tx

    done = False

    def spoil() -> None:
        nonlocal done
        if tx.replay_due and not done:
            done = True
            frame = tx.frames[-1]
            frame.beats[-1] = ((DATA, frame.beats[-1][0][1] ^ 1),)
            frame.crc = crc_start()
            for beat in (*frame.beats, frame.tail):
                frame.append(beat)

    pair.watch.append(spoil)
    traffic(pair)
    complains(pair, "otherwise than when it was new")


def test_too_many_flits_are_found() -> None:
    pair, _ = watched()
    pair.honest = False
    pair.ports[0].tx.room = lambda vc, flits: True  # type: ignore[method-assign]
    pair.stalled = {(1, vc) for vc in range(NUM_VC)}
    traffic(pair)
    complains(pair, "uses")


def test_too_many_frames_are_found() -> None:
    """A sender with more numbers than it tells."""
    pair, end = watched(replace(WIDER, replay_beats=400, shared=400), latency=60)
    end.witness.cfg = replace(end.witness.cfg, seq_w=4)
    type_of = type("Wide", (LinkConfig,), {"window": property(lambda self: 10)})
    wide = type_of(**dataclasses.asdict(pair.ports[0].cfg))
    pair.ports[0].tx.cfg = wide
    traffic(pair)
    complains(pair, "frames unacknowledged")


def test_a_state_without_a_cause_is_found() -> None:
    for state, about in (
        (State.DOWN, "goes from up to"),
        (State.RETRAIN, "up to retrain without a cause"),
        (State.FLUSH, "up to flush without a cause"),
    ):
        pair, _ = watched()
        pair.honest = False
        pair.stalled = {(0, vc) for vc in range(NUM_VC)}  # so that it stays in FLUSH
        traffic(pair)
        pair.run(100)
        pair.ports[0]._go(state)
        complains(pair, about)


def test_up_without_an_echo_is_found() -> None:
    pair, _ = watched()
    port = pair.ports[0]
    port._trained = lambda: port.peer is not None  # type: ignore[method-assign]
    complains(pair, "train to up without a cause")


def test_a_wrong_number_behind_a_training_is_found() -> None:
    """An end that says in training that it has more than came."""
    pair, _ = watched()
    traffic(pair, 5)
    pair.finish()
    partner = pair.ports[0]
    assert isinstance(partner, Partner)
    partner.train = lambda t: replace(t, ack=(t.ack + 1) % SMALL.seqs)
    for channel in pair.channels:
        channel.script.append(Event("flap", "cycle", pair.now + 1, length=400))
    complains(pair, "comes next, not")


@pytest.mark.parametrize(
    "event", ["tx_frame", "tx_control", "rx_frame", "replay", "rx_crc", "freed_bad"]
)
@pytest.mark.parametrize("more", [False, True])
def test_wrong_counters_are_found(event: str, more: bool) -> None:
    """An event that is told once too often, or once too seldom."""
    script = [Event("flip", "data", n) for n in (3, 9)]
    late = [Event("delay", "data", n, later=5) for n in range(4, 40, 9)]
    pair, end = watched(back=[*script, *late], script=[Event("drop", "data", 6)])
    done = False

    def lie(events: list[str]) -> list[str]:
        nonlocal done
        if done or event not in events:
            return events
        done = True
        if more:
            return [*events, event]
        events.remove(event)
        return events

    end.lie = lie
    traffic(pair, 150)
    pair.finish()
    assert done, "it did not happen"
    assert pair.run(400, lambda: end.witness.quiet)
    with pytest.raises(Mismatch, match=event):
        end.witness.check()


def test_credit_that_is_kept_is_found() -> None:
    """An end that tells one flit less than it has freed."""
    pair, end = watched()
    port = pair.ports[0]
    assert isinstance(port, Partner)
    port.trailer = lambda t: replace(t, freed=(max(0, t.freed[0] - 1), *t.freed[1:]))
    traffic(pair)
    pair.run(3000)
    with pytest.raises(Mismatch, match="freed"):
        end.witness.at_rest()


@pytest.mark.parametrize("wrong", ["lost", "twice", "order", "bit", "mark"])
def test_wrong_packets_are_found(wrong: str) -> None:
    """What does not come as it was sent."""
    some = packets(10, vcs=[0], err=0)
    came = list(some)
    if wrong == "lost":
        came.pop(4)
    elif wrong == "twice":
        came.insert(4, came[3])
    elif wrong == "order":
        came[3], came[4] = came[4], came[3]
    else:
        units = (came[3].units[0] ^ (wrong == "bit"), *came[3].units[1:])
        came[3] = Packet(units, wrong == "mark")
    way = Ordered("this way")
    way.give(some)
    way.take(came)
    with pytest.raises(Mismatch, match="this way, VC 0"):
        way.check()
    if wrong in ("lost", "mark"):  # told, or cut
        assert way.check(lossless=False) == (wrong == "mark")
    else:
        with pytest.raises(Mismatch, match="doubled or out of order"):
            way.check(lossless=False)
