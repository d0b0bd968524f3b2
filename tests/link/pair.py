# SPDX-License-Identifier: Apache-2.0
"""Two ports over two channels, users at both ends, and the scoreboard of a link."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from switchproof.models import packet
from switchproof.models.layout import NUM_VC, Op
from switchproof.models.link import LinkConfig, Port, Receiver, State, over
from switchproof.models.link_channel import Channel, Event, Faults, Wire
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
    Train,
    flits_of,
    frame,
    from_rows,
    kind_of,
)

#: Small numbers, so that counters wrap and timers run out within a test.
SMALL = LinkConfig(
    frame_units=8, seq_w=4, replay_beats=100, replay_cycles=80, replay_limit=3, retrain_limit=2,
    age_cycles=5000, keepalive_cycles=40, dead_cycles=300, skip_beats=50, reserved=(20,) * NUM_VC,
    shared=40, train_beats=4, lane_cycles=30,
)  # fmt: skip

#: The state machine of docs/link.md.
TRANSITIONS = {
    "down_to_train", "train_to_up", "train_to_down", "up_to_retrain", "up_to_flush",
    "retrain_to_up", "retrain_to_flush", "flush_to_down",
}  # fmt: skip

#: Operations by virtual channel.
OPS = (
    (Op.READ, Op.WRITE, Op.ATOMIC), (Op.READ_RSP, Op.WRITE_RSP, Op.ERROR),
    (Op.ALLREDUCE, Op.REDUCE), (Op.MGT_READ, Op.MGT_WRITE),
)  # fmt: skip


def packets(
    count: int,
    *,
    k: int = 1,
    seed: int = 1,
    vcs: Sequence[int] = range(NUM_VC),
    units: tuple[int, int] = (0, 16),
    extensions: bool = True,
    err: float = 0.05,
) -> list[Packet]:
    """Return random packets on some virtual channels, each marked with probability `err`."""
    rng = np.random.default_rng(seed)
    ops = [op for vc in vcs for op in OPS[vc]]
    rows = packet.random_packets(
        rng, count, flit_w=128 * k, ops=ops, lengths=units, extensions=extensions
    )
    rows["flags"] = rng.random(count) < err
    return from_rows(rows, k)


def flits(some: Sequence[Packet], k: int = 1) -> int:
    """Return the flits of packets."""
    return sum(flits_of(p.units[0], k) for p in some)


def random_frame(rng: random.Random, receiver: Receiver, epoch: int) -> list[Beat]:
    """Return a frame for a receiver that may be anything, mostly with a CRC that is right."""
    k, seqs = receiver.cfg.k, receiver.cfg.seqs
    pool: list[Block] = [
        NULL_BLOCK, POISON_BLOCK, (CONTROL, Kind.SKIP), (CONTROL, Kind.TRAIN), (CONTROL, 9)
    ]  # fmt: skip
    pool += [(DATA, 0)] * 6  # a READ, a header alone
    blocks: list[Block] = []
    for _ in range(rng.choice((0, 1, 1, 2, 5, 20))):
        blocks.append(
            rng.choice([*pool, (DATA, rng.getrandbits(128)), (DATA, rng.getrandbits(48))])
        )
    trailer = Trailer(
        data=rng.random() < 0.8,
        nack=rng.random() < 0.1,
        cont=(receiver.opened is not None) ^ (rng.random() < 0.2),
        round=rng.randrange(4),
        epoch=epoch ^ (rng.random() < 0.1),
        seq=(receiver.expected + rng.choice((0, 0, 0, 0, 1, -1, rng.randrange(seqs)))) % seqs,
        ack=rng.choice((0, 0, rng.randrange(1 << 13))),
        freed=tuple(rng.choice((0, 0, rng.randrange(1 << 14))) for _ in range(NUM_VC)),
        heard=rng.randrange(2),
    )
    beats = frame([blocks[n : n + k] for n in range(0, len(blocks), k)], trailer, k)
    if rng.random() < 0.1:
        mark, unit = beats[-1][-1]
        beats[-1] = (*beats[-1][:-1], (mark, unit ^ 1 << rng.randrange(4, 128)))
    return beats


class Partner(Port):
    """A port whose trailers and TRAIN blocks go through functions, while they are set."""

    trailer: Callable[[Trailer], Trailer] | None = None
    train: Callable[[Train], Train] | None = None

    def outgoing_trailer(self, trailer: Trailer) -> Trailer:
        return self.trailer(trailer) if self.trailer else trailer

    def outgoing_train(self, train: Train) -> Train:
        return self.train(train) if self.train else train


@dataclasses.dataclass
class Sent:
    """A trailer that a port sent."""

    cycle: int
    trailer: Trailer


class Pair:
    """Ports 0 and 1. Channel 0 leads from port 0 to port 1, channel 1 back.

    `stalled` has the (port, vc) whose user takes nothing. Every cycle it is checked that credits
    are conserved and buffers not exceeded; :meth:`check` compares what was sent and taken.
    """

    def __init__(
        self,
        cfg: LinkConfig = SMALL,
        *,
        ports: tuple[Port, Port] | None = None,
        latency: int = 5,
        faults: Faults | tuple[Faults, Faults] | None = None,
        script: Sequence[Event] = (),
        back: Sequence[Event] = (),
        skew: Sequence[int] = (),
        seed: int = 1,
    ) -> None:
        self.ports = list(ports or (Port(cfg), Port(cfg)))
        self.k = self.ports[0].cfg.k
        both = faults if isinstance(faults, tuple) else (faults, faults)
        self.channels = [
            Channel(self.k, latency=latency, skew=skew, faults=both[n], script=events,
                    seed=2 * seed + n)
            for n, events in enumerate((script, back))
        ]  # fmt: skip
        self.arrives: list[Wire] = [(None,) * self.k] * 2
        self.given: list[list[list[Packet]]] = [[[] for _ in range(NUM_VC)] for _ in range(2)]
        self.taken: list[list[list[Packet]]] = [[[] for _ in range(NUM_VC)] for _ in range(2)]
        self.trailers: list[list[Sent]] = [[], []]
        self.stalled: set[tuple[int, int]] = set()
        self.watch: list[Callable[[], None]] = []  # called before every cycle
        self.honest = True  # both partners keep to the specification
        self.now = 0

    @property
    def injected(self) -> Counter[str]:
        """Faults injected in both directions."""
        return self.channels[0].injected + self.channels[1].injected

    def send(self, port: int, some: Sequence[Packet]) -> None:
        """Give packets to a port."""
        self.ports[port].send(some)
        for one in some:
            self.given[port][one.vc].append(one)

    def cycle(self) -> None:
        """One cycle of everything."""
        for call in self.watch:
            call()
        sent = [port.cycle(self.arrives[n]) for n, port in enumerate(self.ports)]
        for n, beat in enumerate(sent):
            for block in beat:
                if kind_of(block) == Kind.TRAILER:
                    self.trailers[n].append(Sent(self.now, Trailer.unpack(block[1])))
            self.arrives[1 - n] = self.channels[n].cycle(beat)
        for n, port in enumerate(self.ports):
            for vc in range(NUM_VC):
                while (n, vc) not in self.stalled and (one := port.take(vc)):
                    self.taken[n][vc].append(one)
        if self.honest:
            self._credits()
        self.now += 1

    def run(self, cycles: int, until: Callable[[], bool] | None = None) -> bool:
        """Run; stop when `until` holds. Return whether it came to that."""
        for _ in range(cycles):
            if until and until():
                return True
            self.cycle()
        return until is None or until()

    def up(self, cycles: int = 500) -> Pair:
        """Run until both ports are up."""
        assert self.run(cycles, self.both_up), [p.state for p in self.ports]
        return self

    def both_up(self) -> bool:
        """Return whether both ports are up."""
        return all(port.state == State.UP for port in self.ports)

    def drained(self) -> bool:
        """Return whether all that was given has come and all is acknowledged and freed."""
        return self.both_up() and all(
            len(self.taken[1 - n][vc]) == len(self.given[n][vc])
            for n in range(2)
            for vc in range(NUM_VC)
        ) and not any(p.tx.frames or any(p.tx.used) for p in self.ports)  # fmt: skip

    def finish(self, cycles: int = 20_000) -> Pair:
        """Run until all is delivered, then check."""
        assert self.run(cycles, self.drained), self.report()
        self.check()
        return self

    # ---- the scoreboard

    def _credits(self) -> None:
        if not self.both_up():
            return
        for n, port in enumerate(self.ports):
            peer = self.ports[1 - n]
            if port.epoch != peer.epoch:
                continue
            used, held = port.tx.used, peer.rx.held
            assert over(used, peer.cfg.reserved) <= peer.cfg.shared, f"{n} sent beyond its room"
            for vc in range(NUM_VC):
                assert 0 <= held[vc] <= used[vc], f"port {n} vc {vc}: {held} held, {used} used"

    def check(self, *, lossless: bool = True) -> None:
        """Check the order and identity of all that came; `lossless`: and that all came.

        After a flush packets may be missing, and those with an error mark may have lost their end.
        """
        for n in range(2):
            for vc in range(NUM_VC):
                given, taken = self.given[n][vc], self.taken[1 - n][vc]
                if lossless:
                    assert taken == given, f"from port {n} on vc {vc}"
                else:
                    rest = iter(given)
                    for one in taken:
                        assert any(_same(one, other) for other in rest), "doubled or out of order"
        for port in self.ports:
            changes = {name for name in port.counts if "_to_" in name}
            assert changes <= TRANSITIONS, changes - TRANSITIONS

    def report(self) -> str:
        """Return where everything stands."""
        lines = [f"cycle {self.now}, injected {dict(self.injected)}"]
        for n, port in enumerate(self.ports):
            left = [len(self.given[n][v]) - len(self.taken[1 - n][v]) for v in range(NUM_VC)]
            lines.append(
                f"port {n}: {port.state}, {port.fault!r}, missing at the peer {left}, "
                f"used {port.tx.used}, {dict(port.counts)}"
            )
        return "\n".join(lines)


def _same(came: Packet, sent: Packet) -> bool:
    """Return whether a packet came as sent, or closed with zeros and a mark."""
    if came == sent:
        return True
    n = len(came.units)
    while n > 1 and came.units[n - 1] == 0:
        n -= 1
    return came.err and came.units[:n] == sent.units[:n] and len(came.units) == len(sent.units)
