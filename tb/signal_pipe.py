# SPDX-License-Identifier: Apache-2.0
"""The signal pipe: the same packets through cocotb handles, one coroutine a port and side.

Slow, for looking closely, and free of anything that only one simulator has. It follows
tb/dpi/pipe_dpi.cpp cycle by cycle: the same seed gives the same stalls and the same stamps.
The module's harness is made for it with ``pipe = "signals"`` in the description file.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Event
from cocotb_bus.drivers import BusDriver
from cocotb_bus.monitors import BusMonitor
from numpy.typing import NDArray

from switchproof.models import packet
from switchproof.models.layout import FIELDS, NUM_VC
from switchproof.models.packet import PACKET, Packets
from switchproof.models.profiles import Config

from .description import Description
from .pipes import STATS, Pipe, Stalls, Violation
from .ring_layout import MAX_VIOLATIONS
from .sampling import drive_point, sample_point

_MASK = (1 << 64) - 1


class Random:
    """xorshift64*, as in pipe_dpi.cpp."""

    def __init__(self, seed: int, stream: int) -> None:
        z = (seed * 0x9E3779B97F4A7C15 + (stream + 1) * 0xD1342543DE82EF95) & _MASK
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
        self.state = z ^ z >> 31 | 1

    def next(self) -> int:
        """Return the next 64 bits."""
        x = self.state
        x ^= x >> 12
        x ^= x << 25 & _MASK
        self.state = x = x ^ x >> 27
        return x * 0x2545F4914F6CDD1D & _MASK


class Stall:
    """A random stall, as in pipe_dpi.cpp."""

    def __init__(self, seed: int, stream: int) -> None:
        self.random = Random(seed, stream)
        self.left = 0

    def busy(self, p: int, longest: int) -> bool:
        """Return whether a stall is on in this cycle."""
        if self.left:
            self.left -= 1
            return True
        if p == 0:
            return False
        draw = self.random.next()
        if draw >> 32 >= p:
            return False
        self.left = (draw & 0xFFFFFFFF) * longest >> 32
        return True


class _Source(BusDriver):
    """Drives one ingress port. All of its traffic goes through :meth:`edge`, once a cycle."""

    _signals = ("tvalid", "tready", "tdata", "hdr", "err", "tlast", "vc_room")

    def __init__(self, pipe: SignalPipe, port: int, harness: Any) -> None:
        super().__init__(harness, f"s_axis_{port}", harness.clk, case_insensitive=False)
        self.pipe, self.port = pipe, port
        self.queues: list[deque[np.void]] = [deque() for _ in range(pipe.vcs)]
        self.gap = Stall(pipe.seed, port * 8)
        self.packet: np.void | None = None
        self.beat = self.vc = 0
        self.valid = False
        self.ready, self.room = False, 0

    def sample(self) -> None:
        """Read what the next edge takes."""
        self.ready, self.room = bool(self.bus.tready.value), int(self.bus.vc_room.value)

    def reset(self) -> None:
        """Offer nothing and begin the packet again that was on its way."""
        self.packet, self.valid = None, False
        self.bus.tvalid.value = 0

    def edge(self, cycle: int) -> None:
        """Do what a rising edge does."""
        stats, stalls = self.pipe.counts[self.port], self.pipe.numbers[self.port]
        if self.valid and not self.step(cycle, stats):
            return
        if self.packet is None and not self.pick(cycle, stats):
            self.idle()
        elif self.gap.busy(stalls["gap_p"], stalls["gap_longest"]):
            self.pipe.life = True
            stats["gap"] += 1
            self.idle()
        else:
            self.present()

    def step(self, cycle: int, stats: np.void) -> bool:
        """Go to the next beat if this one was taken."""
        self.pipe.life = True
        if not self.ready:
            stats["blocked"] += 1
            return False
        assert self.packet is not None
        stats["flits_in"] += 1
        if self.beat == 0:
            self.packet["stamp"] = cycle
        self.beat += 1
        if self.beat == self.packet["flits"]:
            self.packet["stamp_last"] = cycle
            self.pipe.done(self.port, self.queues[self.vc].popleft())
            self.packet = None
            stats["packets_in"] += 1
        return True

    def pick(self, cycle: int, stats: np.void) -> bool:
        """Take the next packet that is due and has room, virtual channels in turn."""
        waits = False
        vcs = len(self.queues)
        for k in range(1, vcs + 1):
            vc = (self.vc + k) % vcs
            if not self.queues[vc]:
                continue
            self.pipe.life = True
            if self.queues[vc][0]["not_before"] > cycle + 1:
                continue
            if vcs > 1 and not self.room >> vc & 1:
                waits = True
                continue
            self.packet, self.beat, self.vc = self.queues[vc][0], 0, vc
            return True
        stats["no_room" if waits else "empty"] += 1
        return False

    def idle(self) -> None:
        """Offer nothing. What does not count is driven with what would hurt."""
        if self.valid and self.pipe.junk:
            self.bus.tlast.value = 1
            self.bus.err.value = 1
        self.valid = False
        self.bus.tvalid.value = 0

    def present(self) -> None:
        """Offer the next beat."""
        row = self.packet
        assert row is not None
        size = self.pipe.config.flit_bytes
        last = self.beat + 1 >= row["flits"]
        data = row["data"][self.beat * size : (self.beat + 1) * size]
        self.bus.tdata.value = int.from_bytes(data.tobytes(), "little")
        header = packet.header_int(row)
        if self.beat == 0:
            self.bus.hdr.value = header
        elif self.beat == 1 and self.pipe.junk:
            self.bus.hdr.value = ~header & (1 << 128) - 1
        self.bus.err.value = int(row["flags"] & 1) if last else int(self.pipe.junk)
        self.bus.tlast.value = int(last)
        self.bus.tvalid.value = 1
        self.valid = True


class _Ready(BusDriver):
    """Drives tready and vc_room of one egress port."""

    _signals = ("tready", "vc_room")

    def __init__(self, pipe: SignalPipe, port: int, harness: Any) -> None:
        super().__init__(harness, f"m_axis_{port}", harness.clk, case_insensitive=False)
        self.pipe, self.port = pipe, port
        self.stall = Stall(pipe.seed, port * 8 + 1)
        self.room_stall = [Stall(pipe.seed, port * 8 + 2 + v) for v in range(NUM_VC)]
        self.ready, self.room = False, 0
        self.room_late = [0] * NUM_VC  # packets started since a channel lost its room

    def reset(self) -> None:
        """Take nothing."""
        self.ready, self.room = False, 0
        self.bus.tready.value = 0
        self.bus.vc_room.value = 0

    def edge(self) -> None:
        """Decide what the next cycle offers."""
        stalls = self.pipe.numbers[self.port]
        self.ready = not self.stall.busy(stalls["ready_p"], stalls["ready_longest"])
        room = 0
        for v in range(NUM_VC):
            if not self.room_stall[v].busy(stalls["room_p"], stalls["room_longest"]):
                room |= 1 << v
                self.room_late[v] = 0
        self.room = room
        self.bus.tready.value = int(self.ready)
        self.bus.vc_room.value = room


class _Sink(BusMonitor):
    """Puts packets of one egress port together and checks the stream."""

    _signals = ("tvalid", "tdata", "hdr", "err", "tlast")

    def __init__(self, pipe: SignalPipe, port: int, harness: Any, ready: _Ready) -> None:
        self.pipe, self.port, self.ready = pipe, port, ready
        self.beats: list[int] = []
        self.row = np.zeros(1, PACKET)
        self.now: dict[str, int] = {}
        self.held: dict[str, int] | None = None
        super().__init__(harness, f"m_axis_{port}", harness.clk, case_insensitive=False)

    async def _monitor_recv(self) -> None:
        """Nothing of its own: SignalPipe calls sample and edge of all ports in order."""

    def sample(self) -> None:
        """Read what the next edge takes. The rest counts only with tvalid."""
        self.now = {"tvalid": int(self.bus.tvalid.value)}
        if self.now["tvalid"]:
            for name in ("tlast", "err", "hdr", "tdata"):
                self.now[name] = int(getattr(self.bus, name).value)

    def reset(self) -> None:
        """Forget the packet that was on its way."""
        if self.pipe.in_reset >= 2 and self.now["tvalid"]:
            self.pipe.violate("in_reset", self.port, 0, 1)
        self.beats, self.held = [], None

    def edge(self, cycle: int) -> None:
        """Do what a rising edge does."""
        valid = self.now["tvalid"]
        if self.held is not None and self.now != self.held:
            kind = "unstable" if valid else "tvalid_dropped"
            expected, seen = (0, len(self.beats)) if valid else (1, 0)
            self.pipe.violate(kind, self.port, expected, seen)
        if valid:
            self.pipe.life = True
            if not self.beats and self.held is None and self.pipe.vcs > 1:
                self.check_room()
            if self.ready.ready:
                self.take(cycle)
            else:
                self.pipe.counts[self.port]["stalled"] += 1
        if not valid or self.ready.ready:
            self.held = None
        elif self.held is None:
            self.held = self.now

    def check_room(self) -> None:
        """After a channel lost its room only packets on the way may start on it."""
        op = FIELDS["op"]
        vc = self.now["hdr"] >> op.offset + op.width - 2 & 3
        if not self.ready.room >> vc & 1:
            self.ready.room_late[vc] += 1
            if self.ready.room_late[vc] > self.pipe.what.vc_room_late:
                self.pipe.violate("no_room", self.port, self.pipe.what.vc_room_late, vc)

    def take(self, cycle: int) -> None:
        """Take a beat, and at the last one the packet."""
        pipe, row, now = self.pipe, self.row[0], self.now
        pipe.counts[self.port]["flits_out"] += 1
        if not self.beats:
            packet.set_header_int(row, now["hdr"])
            row["not_before"] = row["tail"] = 0
            row["stamp"], row["port"] = cycle, self.port
        self.beats.append(now["tdata"])
        expected = int(packet.num_flits(packet.get(self.row, "len"), packet.get(self.row, "ext"),
                                        pipe.config.flit_w)[0])  # fmt: skip
        last = bool(now["tlast"])
        longest = -(-packet.DATA_BYTES // pipe.config.flit_bytes)
        if not last and len(self.beats) >= longest and pipe.check_length:
            pipe.violate("too_long", self.port, longest, len(self.beats))
            last = True
        elif last and len(self.beats) != expected and pipe.check_length:
            pipe.violate("length", self.port, expected, len(self.beats))
        if not last:
            return
        packet.set_beats(row, self.beats, pipe.config.flit_w)
        packet.clear_unused(self.row)
        row["flags"], row["stamp_last"] = now["err"], cycle
        self.beats = []
        pipe.counts[self.port]["packets_out"] += 1
        self._recv(self.row.copy())


class SignalPipe(Pipe):
    """Packets through signals. Same interface, stalls and stamps as RingPipe."""

    def __init__(self, harness: Any, what: Description, config: Config, seed: int) -> None:
        super().__init__(what, config, seed)
        self.clock, self.rst = harness.clk, harness.rst
        self.vcs = NUM_VC if what.vcs else 1
        self.junk = self.check_length = True
        self.life = False
        self.in_reset = 0
        self.counts = np.zeros(self.ports, STATS)
        self.numbers = [Stalls().numbers() for _ in range(self.ports)]
        self._cycle = 0
        self._ticked = Event()
        self._quiet_since = 0
        self._violations: list[Violation] = []
        self._violation_count = 0
        self._sources = [_Source(self, p, harness) for p in range(self.ports)]
        self._readies = [_Ready(self, p, harness) for p in range(self.ports)]
        self._sinks = [_Sink(self, p, harness, self._readies[p]) for p in range(self.ports)]
        for sink in self._sinks:
            sink.add_callback(self._received[sink.port].append)

    @property
    def cycle(self) -> int:
        return self._cycle

    async def open(self) -> None:
        cocotb.start_soon(self._clocked())
        await self._one()

    def options(self, *, check_length: bool | None = None, junk: bool | None = None) -> None:
        if check_length is not None:
            self.check_length = check_length
        if junk is not None:
            self.junk = junk

    async def _clocked(self) -> None:
        """Each cycle: read everything, then let every port do its edge."""
        reset = True  # the first edge comes before the first sample point
        while True:
            await drive_point(self.clock)
            self.life = reset
            for source, ready, sink in zip(self._sources, self._readies, self._sinks):
                if reset:
                    source.reset()
                    sink.reset()
                    ready.reset()
                else:
                    source.edge(self._cycle)
                    sink.edge(self._cycle)
                    ready.edge()
            self.in_reset = self.in_reset + 1 if reset else 0
            if self.life:
                self._quiet_since = self._cycle
            self._cycle += 1
            self._ticked.set()
            await sample_point(self.clock)
            reset = bool(self.rst.value)
            for source, sink in zip(self._sources, self._sinks):
                source.sample()
                sink.sample()

    def violate(self, kind: str, port: int, expected: int, seen: int) -> None:
        """Note a breach of protocol."""
        self._violation_count += 1
        if self._violation_count <= MAX_VIOLATIONS:
            self._violations.append(Violation(self._cycle, port, kind, expected, seen))

    def done(self, port: int, row: np.void) -> None:
        """Note a packet that is sent."""
        self._sent[port].append(np.array([row], PACKET))

    def send(self, port: int, packets: Packets) -> None:
        if (packets["flits"] == 0).any():
            raise ValueError("a packet of no flits cannot be sent")
        rows = packets.copy()
        rows["port"] = port
        channels = packet.op_vc(packet.get(rows, "op")) if self.vcs > 1 else np.zeros(len(rows))
        for row, vc in zip(rows, channels):
            self._sources[port].queues[int(vc)].append(row)

    async def run(self, cycles: int) -> None:
        end = self._cycle + cycles
        while self._cycle < end:
            await self._one()
        self._told()

    async def _one(self) -> None:
        """Wait until `_clocked` has done one more edge."""
        self._ticked.clear()
        await self._ticked.wait()

    async def drain(self, timeout: int = 100_000, quiet: int = 200) -> None:
        end = self._cycle + timeout
        self._quiet_since = self._cycle
        while self._cycle - self._quiet_since <= quiet:
            await self._one()
            if self._cycle >= end:
                raise self._late(timeout)
        self._told()

    def stalls(self, stalls: Stalls | str, ports: list[int] | None = None) -> None:
        for port in range(self.ports) if ports is None else ports:
            self.numbers[port] = self._named(stalls).numbers()

    def stats(self) -> NDArray[Any]:
        return self.counts.copy()

    def violations(self) -> list[Violation]:
        return list(self._violations)

    @property
    def violation_count(self) -> int:
        return self._violation_count

    def waiting(self) -> NDArray[np.int64]:
        return np.array([sum(map(len, s.queues)) for s in self._sources], np.int64)
