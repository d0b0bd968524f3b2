# SPDX-License-Identifier: Apache-2.0
"""Pipes carry whole packets between numpy and a module under test.

A test sees :class:`Pipe` and does not know which backend it talks to:

* :class:`RingPipe` here: rings shared with the simulator, no Python per flit;
* ``SignalPipe`` in :mod:`switchproof.tb.signal_pipe`: cocotb handles, for looking closely.

Both make the same stalls from the same seed and stamp the same cycles: equal sends give equal
receives, to the byte.
"""

from __future__ import annotations

import abc
import dataclasses
import mmap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from switchproof.models.layout import FIELDS, NUM_VC
from switchproof.models.packet import PACKET, Packets, words
from switchproof.models.profiles import Config

from . import ring_layout
from .description import Description
from .sampling import drive_point

#: Counters of :meth:`Pipe.stats`, per port.
COUNTERS = (
    "flits_in", "flits_out", "packets_in", "packets_out", "empty", "gap", "no_room", "blocked",
    "stalled", "host_full",
)  # fmt: skip
STATS = np.dtype([(name, "<u8") for name in COUNTERS])

_ROW = np.dtype(f"V{PACKET.itemsize}")


class PipeError(RuntimeError):
    """The pipe could not do what was asked; the text says what stands still."""


@dataclasses.dataclass(frozen=True)
class Stalls:
    """Random stalls of a port. Each kind starts with a probability per cycle in which none is on,
    and lasts 1..longest cycles.

    gap: the source holds its next beat back. ready: the sink takes nothing. room: the sink gives
    a virtual channel no room for another packet.
    """

    gap: float = 0.0
    gap_longest: int = 1
    ready: float = 0.0
    ready_longest: int = 1
    room: float = 0.0
    room_longest: int = 1

    def numbers(self) -> dict[str, int]:
        """Return the fields of ring_layout.PORT: probabilities as fractions of 2^32."""
        values = {}
        for kind in ("gap", "ready", "room"):
            p, longest = getattr(self, kind), getattr(self, f"{kind}_longest")
            if not 0 <= p < 1:
                raise ValueError(f"stalls: {kind} = {p} is not a probability below 1")
            if longest < 1:
                raise ValueError(f"stalls: {kind}_longest = {longest} is below 1")
            values[f"{kind}_p"] = int(p * 2**32)
            values[f"{kind}_longest"] = longest
        return values


#: A sink that takes nothing, for as long as a test runs.
HELD = Stalls(ready=1 - 2**-31)

#: Named stalls.
STALLS: dict[str, Stalls] = {
    "none": Stalls(),
    "light": Stalls(0.05, 3, 0.05, 3, 0.02, 8),
    "heavy": Stalls(0.3, 6, 0.3, 6, 0.1, 20),
    "slow_sink": Stalls(0.0, 1, 0.5, 8, 0.1, 40),
    "slow_source": Stalls(0.5, 8, 0.0, 1, 0.0, 1),
    "bursts": Stalls(0.01, 200, 0.01, 200, 0.005, 400),
}


@dataclasses.dataclass(frozen=True)
class Violation:
    """A breach of the stream protocol by the module under test."""

    cycle: int
    port: int
    kind: str
    expected: int
    seen: int

    def __str__(self) -> str:
        text = f"cycle {self.cycle}, egress port {self.port}: {self.kind}"
        if self.kind == "length":
            return f"{text}: {self.expected} beats announced, {self.seen} came"
        return f"{text} (expected {self.expected}, seen {self.seen})"


class Pipe(abc.ABC):
    """Packets in and out of all ports of one module under test.

    Rows of PACKET are copied in and out. ``sent`` and ``received`` rows carry in ``stamp`` and
    ``stamp_last`` the cycle of their first and last beat, in ``port`` the port. Cycle 0 is the
    first rising clock edge after :meth:`open`.
    """

    def __init__(self, what: Description, config: Config, seed: int) -> None:
        self.what = what
        self.config = config
        self.seed = seed
        self.ports = config.ports
        #: Called whenever packets may have moved, with this pipe; set by monitors.
        self.listeners: list[Callable[[Pipe], None]] = []
        self._sent: list[list[Packets]] = [[] for _ in range(self.ports)]
        self._received: list[list[Packets]] = [[] for _ in range(self.ports)]

    @property
    @abc.abstractmethod
    def cycle(self) -> int:
        """Rising edges since the pipe was opened."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Connect to the simulation. Before the end of reset."""

    @abc.abstractmethod
    def send(self, port: int, packets: Packets) -> None:
        """Queue packets for an ingress port, in this order per virtual channel."""

    @abc.abstractmethod
    async def run(self, cycles: int) -> None:
        """Let `cycles` clock cycles pass."""

    @abc.abstractmethod
    async def drain(self, timeout: int = 100_000, quiet: int = 200) -> None:
        """Run until everything is sent and nothing has moved for `quiet` cycles.

        Raises PipeError after `timeout` cycles, naming the ports that still hold packets.
        """

    @abc.abstractmethod
    def stalls(self, stalls: Stalls | str, ports: list[int] | None = None) -> None:
        """Set the random stalls of some ports (all); a name of STALLS will do."""

    @abc.abstractmethod
    def stats(self) -> NDArray[Any]:
        """Return COUNTERS of every port: a structured array of shape (ports,)."""

    @abc.abstractmethod
    def violations(self) -> list[Violation]:
        """Return the first breaches of protocol; see also :attr:`violation_count`."""

    @property
    @abc.abstractmethod
    def violation_count(self) -> int:
        """How many breaches of protocol there were."""

    @abc.abstractmethod
    def waiting(self) -> NDArray[np.int64]:
        """Return how many packets each ingress port has not finished sending."""

    def link(self, port: int, up: bool) -> None:
        """Take the link of a port down, or up again, from this cycle on.

        While it is down nothing moves at the port. A packet that was half in is sent anew when it
        is up again, one that was half out has never come. Raises PipeError when the module or the
        backend has no such thing.
        """
        raise PipeError(f"{self.what.module}: links cannot be taken down here")

    def sent(self, port: int) -> Packets:
        """Return the packets that ingress `port` has finished since the last call, in order."""
        return _take(self._sent[port])

    def received(self, port: int) -> Packets:
        """Return the packets that came out of egress `port` since the last call, in order."""
        return _take(self._received[port])

    def utilisation(self) -> NDArray[np.float64]:
        """Return the share of cycles in which each egress port passed a flit."""
        return np.asarray(self.stats()["flits_out"] / max(self.cycle, 1))

    def _told(self) -> None:
        for listener in self.listeners:
            listener(self)

    def _named(self, stalls: Stalls | str) -> Stalls:
        if isinstance(stalls, Stalls):
            return stalls
        if stalls not in STALLS:
            raise ValueError(f"no stalls {stalls!r}; there are: {', '.join(STALLS)}")
        return STALLS[stalls]

    def _late(self, timeout: int) -> PipeError:
        waiting = self.waiting()
        held = ", ".join(f"{p}: {n}" for p, n in enumerate(waiting) if n)
        return PipeError(
            f"not quiet after {timeout} cycles, at cycle {self.cycle}; packets waiting at ingress "
            f"ports: {held or 'none'}"
        )


class Record:
    """What the ports, and the probes of the description, showed cycle by cycle.

    Columns are unpacked when asked for, some cycles at a time: a long record stays small.
    """

    def __init__(self, rows: NDArray[np.void], ports: int, probes: list[tuple[str, int]]) -> None:
        self.ports = ports
        self.reset: NDArray[np.bool_] = rows["reset"][:, 0] != 0
        self._rows = rows
        self._at: dict[str, tuple[int, int]] = {}
        at = 0
        for signal, bits in probes:
            self._at[signal] = at, bits
            at += bits

    def __len__(self) -> int:
        return len(self._rows)

    def port(self, name: str, cycles: slice) -> NDArray[np.uint8]:
        """Return s_valid, s_ready, m_valid or m_ready: (cycles, ports)."""
        return self._bits(name, cycles, self.ports)

    def rooms(self, name: str, cycles: slice) -> NDArray[np.uint8]:
        """Return s_room or m_room: (cycles, ports), bit v for VC v."""
        bits = self._bits(name, cycles, self.ports * NUM_VC).reshape(-1, self.ports, NUM_VC)
        return np.packbits(bits, axis=2, bitorder="little")[:, :, 0]

    def probe(self, signal: str, cycles: slice) -> NDArray[np.uint8]:
        """Return the bits of one signal inside the module: (cycles, bits). KeyError: no such."""
        at, bits = self._at[signal]
        return self._bits("probes", cycles, at + bits)[:, at:]

    def _bits(self, name: str, cycles: slice, count: int) -> NDArray[np.uint8]:
        words = np.ascontiguousarray(self._rows[name][cycles])
        return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little", count=count)


class RingPipe(Pipe):
    """The fast backend: rings that tb/dpi/pipe_dpi.cpp fills and empties once a clock."""

    def __init__(
        self,
        harness: Any,
        what: Description,
        config: Config,
        seed: int,
        folder: Path,
        ring_rows: int = 256,
    ) -> None:
        """`harness` is cocotb's handle of sp_harness; `ring_rows` a power of two."""
        super().__init__(what, config, seed)
        if ring_rows < 4 or ring_rows & (ring_rows - 1):
            raise ValueError(f"ring_rows = {ring_rows} is no power of two from 4 on")
        self._harness = harness
        self._rows = ring_rows
        self._vcs = NUM_VC if what.vcs else 1
        self._path = folder / "pipes.bin"
        rings_at, size = ring_layout.file_size(self.ports, self._vcs, ring_rows)
        with open(self._path, "w+b") as file:
            file.truncate(size)
            self._map = mmap.mmap(file.fileno(), size)
        head = ring_layout.CONTROL.itemsize
        self._ctl = np.frombuffer(self._map, ring_layout.CONTROL, 1)[0:1]
        self._port = np.frombuffer(self._map, ring_layout.PORT, self.ports, head)
        head += self._port.nbytes
        self._found = np.frombuffer(
            self._map, ring_layout.VIOLATION, ring_layout.MAX_VIOLATIONS, head
        )
        rings = np.frombuffer(
            self._map, PACKET, self.ports * (self._vcs + 1) * ring_rows, rings_at
        ).reshape(self.ports, self._vcs + 1, ring_rows)
        self._in, self._out = rings[:, :-1], rings[:, -1]
        # Indices count up modulo 2^32 like those of the C++ side.
        self._taken = np.zeros((self.ports, self._vcs), np.uint32)
        self._queue: dict[tuple[int, int], list[Packets]] = {}
        ctl = self._control
        ctl("magic", ring_layout.MAGIC)
        ctl("seed", seed)
        ctl("rings_at", rings_at)
        ctl("ports", self.ports)
        ctl("flit_bytes", config.flit_bytes)
        ctl("tuser_w", what.tuser_w)
        ctl("header_lsb", what.header_lsb)
        ctl("error_bit", what.error_bit)
        ctl("vcs", self._vcs)
        ctl("ring_rows", ring_rows)
        ctl("room_late", what.vc_room_late)
        ctl("check_length", 1)
        ctl("junk", 1)
        self._probes = what.probed(config)
        ctl("probe_w", max(1, sum(bits for _, bits in self._probes)))
        ctl("low_rows", 2)
        ctl("high_rows", ring_rows - 1)
        for name, value in ring_layout.header_layout().items():
            ctl(name, value)
        self.stalls("none")

    def _control(self, name: str, value: int | None = None) -> int:
        if value is not None:
            self._ctl[name][0] = value
        return int(self._ctl[name][0])

    @property
    def cycle(self) -> int:
        return self._control("cycle")

    async def open(self) -> None:
        clock = self._harness.clk
        if self._harness.pipe_en.value:  # left open by an earlier test of the same simulation
            self._harness.pipe_en.value = 0
            await drive_point(clock)
        self._harness.pipe_en.value = 1
        await drive_point(clock)
        if not self._control("open"):
            raise PipeError("the harness did not open the pipe at a clock edge")
        self._path.unlink()

    def options(
        self,
        *,
        check_length: bool | None = None,
        junk: bool | None = None,
        hasty: bool | None = None,
    ) -> None:
        """Switch checks and habits: `check_length`: tlast must come where the header says;
        `junk`: what the module must ignore is driven with what would hurt; `hasty`: senders do not
        look at vc_room, and tready alone holds them."""
        if check_length is not None:
            self._control("check_length", check_length)
        if junk is not None:
            self._control("junk", junk)
        if hasty is not None:
            self._control("hasty", hasty)

    def record(self, on: bool) -> None:
        """Begin, or end with the next cycle, to keep what every port shows in every cycle."""
        self._control("record", on)

    def recorded(self) -> Record:
        """Return what was recorded. It may be asked for when a cycle has passed since the end."""
        dtype = ring_layout.record_dtype(self.ports, self._control("probe_w"))
        path = self._path.with_name("record.bin")
        return Record(np.fromfile(path, dtype) if path.exists() else np.zeros(0, dtype),
                      self.ports, self._probes)  # fmt: skip

    def sent(self, port: int) -> Packets:
        packets = super().sent(port)
        if self._vcs == 1:
            return packets
        return pick(packets, np.argsort(packets["stamp_last"], kind="stable"))

    def send(self, port: int, packets: Packets) -> None:
        if not len(packets):
            return
        if self._vcs == 1:
            self._enqueue(port, 0, packets)
        else:
            op = FIELDS["op"]
            shift = np.uint64(op.offset + op.width - 2)
            channel = (words(packets)[:, 0] >> shift).astype(np.uint8) & (NUM_VC - 1)
            for vc in np.flatnonzero(np.bincount(channel, minlength=NUM_VC)):
                self._enqueue(port, int(vc), packets[channel == vc])

    def _enqueue(self, port: int, vc: int, packets: Packets) -> None:
        if (packets["flits"] == 0).any():
            raise ValueError("a packet of no flits cannot be sent")
        self._queue.setdefault((port, vc), []).append(packets)
        self._fill(port, vc)

    def _fill(self, port: int, vc: int) -> None:
        """Move what fits from the queue into the ring."""
        queue = self._queue[port, vc]
        block = self._port[port]
        head = int(block["in_head"][vc])
        free = self._rows - ((head - int(self._taken[port, vc])) & 0xFFFFFFFF)
        ring = self._in[port, vc]
        while queue and free:
            packets = queue[0]
            count = min(len(packets), free, self._rows - head % self._rows)
            at = head % self._rows
            ring[at : at + count].view(_ROW)[:] = _rows(packets[:count])
            ring[at : at + count]["port"] = port
            head = (head + count) & 0xFFFFFFFF
            free -= count
            if count == len(packets):
                queue.pop(0)
            else:
                queue[0] = packets[count:]
        block["in_head"][vc] = head
        block["more"][vc] = bool(queue)
        if not queue:
            del self._queue[port, vc]

    def pump(self) -> None:
        """Take what came out and what was sent, refill the rings, tell the listeners."""
        block = self._port
        vcs = self._vcs
        done = block["in_tail"][:, :vcs] - self._taken
        for port in np.flatnonzero(done.any(axis=1)):
            parts = []
            for vc in np.flatnonzero(done[port]):
                first, count = int(self._taken[port, vc]), int(done[port, vc])
                parts += self._slices(self._in[port, vc], first, count)
            self._sent[port].append(_copy(parts))
        self._taken += done
        for port, vc in list(self._queue):
            self._fill(port, vc)
        came = block["out_head"] - block["out_tail"]
        for port in np.flatnonzero(came):
            first, count = int(block["out_tail"][port]), int(came[port])
            self._received[port].append(_copy(self._slices(self._out[port], first, count)))
        block["out_tail"] += came
        self._told()

    def _slices(self, ring: Packets, first: int, count: int) -> list[Packets]:
        """Return views of `count` rows from index `first` on: one array, or two at the wrap."""
        at = first % self._rows
        end = at + count
        if end <= self._rows:
            return [ring[at:end]]
        return [ring[at:], ring[: end - self._rows]]

    async def _until(self, wake_at: int, wake_on: int, quiet: int = 0) -> int:
        """Sleep until the C++ side has one of the reasons; return which."""
        self._control("wake_at", wake_at)
        self._control("wake_on", wake_on)
        self._control("quiet_cycles", quiet)
        self._control("armed", 1)
        await self._harness.wake.value_change
        return self._control("woke")

    async def run(self, cycles: int) -> None:
        end = self.cycle + cycles
        reasons = ring_layout.WAKE_TIME | ring_layout.WAKE_LOW | ring_layout.WAKE_HIGH
        self.pump()
        while self.cycle < end:
            await self._until(end, reasons)
            self.pump()

    async def drain(self, timeout: int = 100_000, quiet: int = 200) -> None:
        end = self.cycle + timeout
        reasons = (
            ring_layout.WAKE_TIME
            | ring_layout.WAKE_LOW
            | ring_layout.WAKE_HIGH
            | ring_layout.WAKE_IDLE
        )
        self._control("quiet_since", self.cycle)
        while True:
            self.pump()
            woke = await self._until(end, reasons, quiet)
            if woke & ring_layout.WAKE_IDLE and not self._queue:
                self.pump()
                return
            if self.cycle >= end:
                self.pump()
                raise self._late(timeout)

    def stalls(self, stalls: Stalls | str, ports: list[int] | None = None) -> None:
        rows = slice(None) if ports is None else ports
        for name, value in self._named(stalls).numbers().items():
            self._port[name][rows] = value

    def link(self, port: int, up: bool) -> None:
        if not self.what.link_down:
            super().link(port, up)
        self._port["down"][port] = not up
        # The module and the C++ side see it from the same edge on.
        self._harness.link_down.value = sum(1 << int(p) for p in np.flatnonzero(self._port["down"]))

    def stats(self) -> NDArray[Any]:
        stats = np.zeros(self.ports, STATS)
        for name in COUNTERS:
            stats[name] = self._port[name]
        return stats

    def violations(self) -> list[Violation]:
        return [
            Violation(
                int(row["cycle"]),
                int(row["port"]),
                ring_layout.VIOLATIONS[int(row["kind"])],
                int(row["expected"]),
                int(row["seen"]),
            )
            for row in self._found[: self.violation_count]
        ]

    @property
    def violation_count(self) -> int:
        return self._control("violations")

    def waiting(self) -> NDArray[np.int64]:
        vcs = self._vcs
        held = (self._port["in_head"][:, :vcs] - self._port["in_tail"][:, :vcs]).astype(np.int64)
        counts = held.sum(axis=1)
        for (port, _), queue in self._queue.items():
            counts[port] += sum(len(packets) for packets in queue)
        return counts


def concatenate(parts: Sequence[Packets]) -> Packets:
    """Return the packets of several arrays as one array of PACKET.

    numpy's own function would drop the holes of the row, and copy field by field.
    """
    if len(parts) == 1 and parts[0].dtype == PACKET:
        return parts[0]
    return _copy(parts)


def pick(packets: Packets, index: NDArray[Any]) -> Packets:
    """Return packets[index] with whole rows copied at once, which numpy does not do by itself."""
    return _rows(packets)[index].view(PACKET)


def _rows(packets: Packets) -> NDArray[np.void]:
    """Return packets as rows of bytes without fields; copied only when they do not lie in line."""
    return np.ascontiguousarray(packets, PACKET).view(_ROW)


def _copy(parts: Sequence[Packets]) -> Packets:
    """Return a new array with the packets of all parts."""
    rows = [_rows(part) for part in parts if len(part)]
    return np.concatenate(rows).view(PACKET) if rows else np.zeros(0, PACKET)


def _take(parts: list[Packets]) -> Packets:
    """Return the arrays of a list as one and empty the list."""
    packets = concatenate(parts)
    parts.clear()
    return packets
