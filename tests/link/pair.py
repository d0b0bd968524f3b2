# SPDX-License-Identifier: Apache-2.0
"""Two models of a port over two channels, users at both ends, and what holds in each cycle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from switchproof.models.layout import NUM_VC
from switchproof.models.link import LinkConfig, Port, State, over
from switchproof.models.link_format import Kind, Packet, Trailer, kind_of
from switchproof.tb.link.channel import Channel, Event, Faults, Wire
from switchproof.tb.link.scoreboard import Ordered
from switchproof.tb.link.witness import TRANSITIONS, Seen

#: Small numbers, so that counters wrap and timers run out within a test.
SMALL = LinkConfig(
    frame_units=8, seq_w=4, replay_beats=100, replay_cycles=80, replay_limit=3, retrain_limit=2,
    age_cycles=5000, keepalive_cycles=40, dead_cycles=300, skip_beats=50, reserved=(20,) * NUM_VC,
    shared=40, train_beats=4, lane_cycles=30,
)  # fmt: skip


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
        self.ways = [Ordered("from port 0"), Ordered("from port 1")]
        self.trailers: list[list[Seen]] = [[], []]
        self.stalled: set[tuple[int, int]] = set()
        self.watch: list[Callable[[], None]] = []  # called before every cycle
        self.honest = True  # both partners keep to the specification
        self.now = 0

    @property
    def given(self) -> list[list[list[Packet]]]:
        """Packets given to each port, by VC."""
        return [way.given for way in self.ways]

    @property
    def taken(self) -> list[list[list[Packet]]]:
        """Packets taken from each port, by VC."""
        return [way.taken for way in reversed(self.ways)]

    @property
    def injected(self) -> Counter[str]:
        """Faults injected in both directions."""
        return self.channels[0].injected + self.channels[1].injected

    def send(self, port: int, some: Sequence[Packet]) -> None:
        """Give packets to a port."""
        self.ports[port].send(some)
        self.ways[port].give(some)

    def cycle(self) -> None:
        """One cycle of everything."""
        for call in self.watch:
            call()
        sent = [port.cycle(self.arrives[n]) for n, port in enumerate(self.ports)]
        for n, beat in enumerate(sent):
            for block in beat:
                if kind_of(block) == Kind.TRAILER:
                    self.trailers[n].append(Seen(self.now, Trailer.unpack(block[1])))
            self.arrives[1 - n] = self.channels[n].cycle(beat)
        for n, port in enumerate(self.ports):
            for vc in range(NUM_VC):
                while (n, vc) not in self.stalled and (one := port.take(vc)):
                    self.ways[1 - n].take([one])
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
        return (
            self.both_up()
            and not any(any(way.missing) for way in self.ways)
            and not any(p.tx.frames or any(p.tx.used) for p in self.ports)
        )

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
        for way in self.ways:
            way.check(lossless=lossless)
        for port in self.ports:
            changes = {name for name in port.counts if "_to_" in name}
            assert changes <= TRANSITIONS, changes - TRANSITIONS

    def report(self) -> str:
        """Return where everything stands."""
        lines = [f"cycle {self.now}, injected {dict(self.injected)}"]
        for n, (port, way) in enumerate(zip(self.ports, self.ways, strict=True)):
            lines.append(
                f"port {n}: {port.state}, {port.fault!r}, missing at the peer {way.missing}, "
                f"used {port.tx.used}, {dict(port.counts)}"
            )
        return "\n".join(lines)
