# SPDX-License-Identifier: Apache-2.0
"""Golden model of the crossbar in time: which beat is where in which cycle.

The switch of :mod:`switchproof.models.crossbar` says what leaves; this one says when, as
docs/crossbar.md ("Cycle by cycle") lays down for both forms. One model serves three uses:

* :class:`Islip`: the scheduler alone, request matrix by request matrix;
* :class:`Replay`: a recorded run, cycle by cycle, to compare with RTL;
* :func:`simulate`: random traffic at a load, to draw curves, up to radix 512.

    >>> from switchproof.models import profiles
    >>> dev8 = profiles.get("dev8")
    >>> curve = [simulate(dev8, load, cycles=20_000).mean for load in (0.5, 0.9)]
    >>> curve[0] < curve[1]
    True

The loops are compiled by numba where it is installed, the first time in a few seconds; without it
the same functions run as Python and give the same numbers, slowly.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import csr, packet
from . import scheduling_kernel as kernel
from . import scheduling_pipelined as pipelined
from .crossbar import DROPPED, Switch
from .layout import EXT_SET, Op, Status, Vc
from .packet import Packets
from .profiles import Config

#: Input or output that there is none of.
NONE = kernel.NONE
#: Rows of the histogram of delays; longer ones count in the last.
DELAYS = 1 << 16

#: What happens at a pool of shared flits: see scheduling_kernel.TOOK.
POOLED = ("took", "reserve_only", "used_up", "limited", "gave")

Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.uint8]

#: (rng, cycles) -> (cycles, ports): output of each packet that comes, NONE where none does.
Pattern = Callable[[np.random.Generator, int], NDArray[np.int64]]


def shape(
    config: Config, *, queues: str = "voq", scheduler: str = "islip", pause: int | None = None
) -> kernel.Shape | pipelined.Shape:
    """Return what the model needs of a configuration.

    `queues`: "voq", or "fifo" for one queue an input whose first packet alone may ask.
    `scheduler`: "islip" with the configuration's iterations and augmenting paths, or "maximum" for
    matchings of maximum size. `pause`: cycles for which a sender may pause in a packet that is cut
    through, 0 for any; that of a reset if None. Raises ValueError for other names, for one queue
    where packets are cut through, and for a pipelined configuration that is not what it is.
    """
    if queues not in ("voq", "fifo"):
        raise ValueError(f"queues = {queues!r} is neither 'voq' nor 'fifo'")
    if scheduler not in ("islip", "maximum"):
        raise ValueError(f"scheduler = {scheduler!r} is neither 'islip' nor 'maximum'")
    if queues == "fifo" and config.voq_shared:
        raise ValueError("queues = 'fifo' share nothing: voq_shared is not 0")
    if config.cut_through and queues == "fifo":
        raise ValueError("queues = 'fifo' has no form with cut-through")
    if config.pipelined:
        if queues != "voq" or scheduler != "islip":
            raise ValueError("a pipelined configuration has queues = 'voq' and its own scheduler")
        return pipelined.shape_of(
            config.ports, config.engines, config.iterations, config.voq_flits, config.egress_flits,
            config.max_flits, mcast=bool(config.mcast),
        )  # fmt: skip
    if pause is None:
        pause = csr.load().registers["cut_timeout"].fields[0].reset or 0
    return kernel.shape_of(
        config.ports, config.engines, config.iterations, config.augment, config.voq_flits,
        config.voq_shared, config.egress_flits, config.max_flits,
        mcast=bool(config.mcast), fifo=queues == "fifo", maximum=scheduler == "maximum",
        cut=bool(config.cut_through), pause=pause,
    )  # fmt: skip


def _kernel(config: Config) -> ModuleType:
    """Return the compiled functions of a configuration."""
    return pipelined if config.pipelined else kernel


# ------------------------------------------------------------------------------- the scheduler


class Islip:
    """The scheduler alone, as a reset leaves it: turns start from input and output 0."""

    def __init__(
        self, inputs: int, outputs: int, iterations: int, first_multicast: int | None = None
    ) -> None:
        """Inputs from `first_multicast` on (none if None) accept every grant."""
        self._iterations = iterations
        self._first_multicast = inputs if first_multicast is None else first_multicast
        self._inputs, self._outputs, self._work = kernel.matcher(inputs, outputs)

    def match(self, requests: ArrayLike) -> Numbers:
        """Match request matrices, one a cycle.

        `requests`: (cycles, inputs, outputs), not 0 where an input asks. Returns (cycles, outputs):
        the input of each output, or NONE.
        """
        asked = np.ascontiguousarray(requests, np.uint8)
        found = np.zeros((len(asked), len(self._outputs)), np.int32)
        kernel.matches(
            self._iterations, self._first_multicast, asked, self._inputs, self._outputs,
            self._work.asks, self._work.active, self._work.offered, found,
        )  # fmt: skip
        return found


# ------------------------------------------------------------------------------ recorded runs


@dataclasses.dataclass(frozen=True)
class Arrivals:
    """What the model needs of packets that come in at a port: a row of each, and of each multicast
    the ports that it has, (multicasts, ports); headers: (packets, 16), as the packets leave.
    """

    rows: kernel.Records
    fans: Flags
    headers: NDArray[np.uint8]


def arrivals(switch: Switch, port: int, packets: Packets) -> Arrivals:
    """Return what the model needs of packets that come in at a port, in this order.

    `switch` has the tables of the run; it counts the packets. Raises ValueError for member sets
    that rights refuse: whether that is known at once is not said.
    """
    header = packet.fields(packets, "op", "len", "ext", "src", "dst")
    flits = packet.num_flits(header["len"], header["ext"], switch.config.flit_w)
    as_announced = packets.copy()
    as_announced["flits"] = flits
    out, leaving, reasons = switch.forward(port, as_announced)
    multicast = (header["op"] == Op.MCAST_WRITE) & bool(switch.config.mcast)
    sparse = multicast & (header["ext"] & EXT_SET != 0)
    if (reasons[sparse] == Status.PARTITION).any():
        raise ValueError("a member set names a port beyond the rights of its sender")
    # What is wrong with a member set is known behind the last beat.
    late = sparse & ((reasons == Status.DST) | (reasons == Status.OP))
    rows = kernel.records(kernel.PACKET, len(packets))
    rows.input, rows.beats, rows.flits = port, packets["flits"], flits
    rows.vc, rows.good = packet.op_vc(header["op"]), (reasons == Status.OK) | late
    rows.out = np.maximum(out, 0)
    rows.fan, rows.walk, rows.bad = NONE, NONE, NONE
    members = packet.member_sets(packets[sparse])
    there = members >= 0
    outs = switch.lookup(port, header["src"][sparse][:, None], members)
    wrong = there & ((outs == DROPPED) | (outs >= switch.config.ports))
    rows.walk[sparse] = there.sum(axis=1)
    rows.bad[sparse] = np.where(wrong.any(1), np.cumsum(there, 1)[_first(wrong)] - 1, NONE)
    unicast = (out >= 0) & (out < switch.config.ports) & (reasons == Status.OK)
    rows.cut = bool(switch.config.cut_through) & unicast & (flits > 1) & (packets["flits"] > 1)
    rows.fan[multicast] = np.arange(int(multicast.sum()))
    fans = np.zeros((int(multicast.sum()), switch.config.ports), np.uint8)
    copies, which = switch.copies(out, leaving)
    fans[rows.fan[which], copies["port"]] = 1
    return Arrivals(rows, fans, switch.forward(port, packets)[1]["hdr"].copy())


def _first(marks: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Return the index of the first mark of each row."""
    return np.arange(len(marks)), marks.argmax(axis=1)


@dataclasses.dataclass(frozen=True)
class Stimulus:
    """What others drive in some cycles; the first index of all is the cycle.

    s_valid, m_ready (ports): 1 or 0. m_room (ports): bit v for VC v. want (engines, ports): heads
    that an engine would take. res_valid, res_last (engines), res_mask (engines, ports): results.
    """

    s_valid: Flags
    m_ready: Flags
    m_room: Flags
    want: Flags
    res_valid: Flags
    res_last: Flags
    res_mask: Flags


@dataclasses.dataclass(frozen=True)
class Shown:
    """What the crossbar shows in the same cycles.

    s_ready, m_valid (ports): 1 or 0. s_room (ports): bit v for VC v. grant (engines): the input
    whose head an engine is given, or NONE. left: packets whose last beat left: `port`, cycles
    `first` and `last` of their beats, counted from the first cycle after reset, and `packet`: the
    number of the packet, those of port 0 first, or -2 - n for the n-th result. kept: cycles in
    which a pair that had waited too long was kept free. longer: cycles by which phases lasted
    longer, since a sender paused. pooled: what happened at the pools of shared flits, by name.
    """

    s_ready: Flags
    s_room: Flags
    m_valid: Flags
    grant: Numbers
    left: kernel.Records
    kept: int
    longer: int
    pooled: dict[str, int]


class Replay:
    """A crossbar that gets what another one got."""

    def __init__(
        self, config: Config, sent: list[list[Arrivals]], pause: int | None = None
    ) -> None:
        """`sent`: :func:`arrivals` of each port, all of the run in any number of parts. `pause`:
        see :func:`shape`.
        """
        self._form: Any = shape(config, pause=pause)
        self._kernel: Any = _kernel(config)
        parts = [part for port in sent for part in port]
        self._table = np.concatenate([part.rows for part in parts]).view(np.recarray)
        cast = np.flatnonzero(self._table.fan != NONE)
        self._table.fan[cast] = np.arange(len(cast))
        nobody: Flags = np.zeros((1, config.ports), np.uint8)
        fans = np.concatenate([nobody[:0], *(part.fans for part in parts), nobody])
        self._state = self._kernel.state(self._form)._replace(fans=fans)
        counts = np.array([sum(len(part.rows) for part in port) for port in sent])
        self._end: Numbers = np.cumsum(counts).astype(np.int32)
        self._upcoming: Numbers = (np.cumsum(counts) - counts).astype(np.int32)

    def run(self, given: Stimulus) -> Shown:
        """Return what the crossbar shows in the next cycles."""
        cycles, ports = given.s_valid.shape
        engines = self._form.engines

        def flags(*size: int) -> Flags:
            return np.zeros((cycles, *size), np.uint8)

        shown = Shown(
            flags(ports), flags(ports), flags(ports), np.zeros((cycles, engines), np.int32),
            kernel.records(kernel.LEFT, cycles * ports), 0, 0, {},
        )  # fmt: skip
        self._state.numbers[[2, 3, 7]] = 0
        self._state.pooled[:] = 0
        self._kernel.replay(
            self._form, self._state, self._table, self._upcoming, self._end, given.s_valid,
            given.m_ready, given.m_room, given.want, given.res_valid, given.res_last,
            given.res_mask, shown.s_ready, shown.s_room, shown.m_valid, shown.grant, shown.left,
        )  # fmt: skip
        left, kept, longer = (int(number) for number in self._state.numbers[[2, 3, 7]])
        pooled = dict(zip(POOLED, self._state.pooled.tolist()))
        return dataclasses.replace(
            shown, left=shown.left[:left].copy(), kept=kept, longer=longer, pooled=pooled
        )


# ------------------------------------------------------------------------------ random traffic


@dataclasses.dataclass(frozen=True)
class LoadResult:
    """What a switch did at a load. Delays in cycles, measured from the cycle in which the source
    has a packet to its first beat out, over that of an idle switch (flits + 3; cut through: 4;
    pipelined: flits + 5, with one slot flits + 9).

    delays: packets by delay, DELAYS rows. carried: (inputs, outputs) flits that left.
    """

    load: float
    cycles: int
    seconds: float
    delays: Ints
    carried: Ints

    @property
    def packets(self) -> int:
        """Packets whose delay was measured."""
        return int(self.delays.sum())

    @property
    def mean(self) -> float:
        """Mean queueing delay."""
        return float(self.delays @ np.arange(len(self.delays)) / max(self.packets, 1))

    def percentile(self, percent: float) -> int:
        """Return the least delay that `percent` of the packets do not exceed."""
        return int(np.searchsorted(np.cumsum(self.delays), percent / 100 * self.packets))

    @property
    def accepted(self) -> float:
        """Flits that left, a port and cycle."""
        return float(self.carried.sum() / (self.cycles * self.carried.shape[0]))

    @property
    def cycles_per_second(self) -> float:
        """Speed of the model, warm-up included."""
        return self.cycles / self.seconds


def uniform(ports: int, load: float) -> Pattern:
    """Return the pattern of Bernoulli arrivals to uniformly drawn outputs.

    `load`: packets a port and cycle.
    """

    def draw(rng: np.random.Generator, cycles: int) -> NDArray[np.int64]:
        to = rng.integers(0, ports, (cycles, ports))
        return np.where(rng.random((cycles, ports)) < load, to, NONE)

    return draw


def bursts(mean: float) -> Callable[[int, float], Pattern]:
    """Return patterns of bursts: a packet in every cycle to one random output, then silence.

    `mean`: packets of a burst, 1 or more; they and the silences are distributed geometrically.
    """
    if mean < 1:
        raise ValueError(f"bursts of {mean} packets on average are below 1")

    def pattern(ports: int, load: float) -> Pattern:
        silence = mean * (1 - load) / load if load else np.inf

        def line(rng: np.random.Generator, cycles: int) -> NDArray[np.int64]:
            parts: list[NDArray[np.int64]] = []
            # Geometric ends do not know how long a burst has lasted: any cycle may be the first.
            talks, left = rng.random() < load, cycles
            while left > 0:
                count = 16 + 2 * int(left / (mean + silence))
                on = rng.geometric(1 / mean, count)
                off = rng.geometric(1 / (silence + 1), count) - 1
                if talks:
                    off[0] = 0
                outputs = rng.integers(0, ports, count)
                values = np.stack([np.full(count, NONE), outputs], axis=1)
                parts.append(np.repeat(values.ravel(), np.stack([off, on], axis=1).ravel()))
                talks, left = False, left - len(parts[-1])
            return np.concatenate(parts)[:cycles]

        def draw(rng: np.random.Generator, cycles: int) -> NDArray[np.int64]:
            if not load:
                return np.full((cycles, ports), NONE)
            return np.stack([line(rng, cycles) for _ in range(ports)], axis=1)

        return draw

    return pattern


def simulate(
    config: Config,
    load: float,
    *,
    cycles: int,
    warmup: int | None = None,
    seed: int = 1,
    flits: int | Mapping[int, float] = 1,
    pattern: Callable[[int, float], Pattern] = uniform,
    vc: int = Vc.REQ,
    queues: str = "voq",
    scheduler: str = "islip",
) -> LoadResult:
    """Return what the switch does with random traffic.

    `load`: flits offered a port and cycle. `cycles`: measured ones, after `warmup` (as many if
    None). `flits`: length of packets, or {length: share}. `pattern`: called with the number of
    ports and packets a port and cycle. `queues`, `scheduler`: see :func:`shape`. Sources keep what
    the switch does not take; receivers take all. Raises ValueError for what cannot be.
    """
    lengths = {flits: 1.0} if isinstance(flits, int) else dict(flits)
    if not lengths or min(lengths) < 1 or max(lengths) > config.max_flits:
        raise ValueError(f"flits: {flits} is not in 1..{config.max_flits}")
    shares = np.array(list(lengths.values()), np.float64)
    if (shares < 0).any() or not np.isclose(shares.sum(), 1):
        raise ValueError(f"flits: the shares {list(lengths.values())} do not add up to 1")
    mean_flits = float(np.dot(list(lengths), shares))
    if not 0 <= load <= 1:
        raise ValueError(f"load {load} is not in 0..1")
    if cycles < 1 or (warmup is not None and warmup < 0):
        raise ValueError(f"cycles = {cycles} is below 1 or warmup = {warmup} below 0")
    form = shape(config.replace(engines=0), queues=queues, scheduler=scheduler)
    draw = pattern(config.ports, load / mean_flits)

    def new() -> _Load:
        return _Load(form, draw, np.array(list(lengths), np.int32), shares, int(vc), seed)

    new().run(1, 0)  # compiles
    run = new()
    before = cycles if warmup is None else warmup
    begin = time.perf_counter()
    run.run(before + cycles, before)
    seconds = (time.perf_counter() - begin) * cycles / (before + cycles)
    return LoadResult(load, cycles, seconds, run.delays, run.carried)


class _Load:
    """A switch with sources; the table of packets grows with what waits."""

    def __init__(
        self,
        form: kernel.Shape | pipelined.Shape,
        draw: Pattern,
        lengths: Numbers,
        shares: NDArray[np.float64],
        vc: int,
        seed: int,
    ) -> None:
        ports, rows = form.ports, 4 * form.ports
        self._form: Any = form
        self._kernel: Any = pipelined if isinstance(form, pipelined.Shape) else kernel
        self._draw, self._lengths, self._shares, self._vc = draw, lengths, shares, vc
        self._rng = np.random.default_rng(seed)
        self._state = self._kernel.state(form)
        self._table = kernel.records(kernel.PACKET, rows)
        self._left = kernel.records(kernel.LEFT, ports)
        self._sources = kernel.records(kernel.SOURCE, ports)
        self._sources.first, self._sources.room = NONE, (1 << kernel.VCS) - 1
        self._spare: Numbers = np.arange(rows, dtype=np.int32)
        self._n_spare: Numbers = np.full(1, rows, np.int32)
        self.delays: Ints = np.zeros(DELAYS, np.int64)
        self.carried: Ints = np.zeros((ports, ports), np.int64)

    def run(self, cycles: int, measure_from: int) -> None:
        """Run cycles; measure from this one on."""
        ports = self._form.ports
        at_once = max(1, min(1 << 16, (1 << 20) // ports))
        while cycles:
            count = min(cycles, at_once)
            to = self._draw(self._rng, count).astype(np.int32)
            flits = self._rng.choice(self._lengths, (count, ports), p=self._shares)
            vc = np.full((count, ports), self._vc, np.int32)
            done = 0
            while done < count:
                done += self._kernel.load(
                    self._form, self._state, self._table, self._sources, self._spare,
                    self._n_spare, to[done:], flits[done:], vc[done:], self._left, measure_from,
                    self.delays, self.carried,
                )  # fmt: skip
                if done < count:
                    self._grow()
            cycles -= count

    def _grow(self) -> None:
        """Double the table of packets."""
        rows, free = len(self._table), int(self._n_spare[0])
        table = kernel.records(kernel.PACKET, 2 * rows)
        table[:rows] = self._table
        self._table = table
        spare = np.zeros(2 * rows, np.int32)
        spare[:free] = self._spare[:free]
        spare[free : free + rows] = np.arange(rows, 2 * rows)
        self._spare = spare
        self._n_spare[0] += rows
