# SPDX-License-Identifier: Apache-2.0
"""Golden model of the switch: where every packet goes and what leaves, without time.

:class:`Switch` decides for whole arrays of packets which output each takes, or why it is refused
and how the answer looks. :class:`Reducer` is the function of one reduction engine: contributions
in, results and answers out. Both count under the names of the switch's registers.

What has no place here: cycles, queues, arbitration, and thus the order of packets of different
inputs. Where a result depends on which of several faulty contributions came first, the order of
the given array is taken as the order of arrival.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import packet
from .formats import element_dtype
from .layout import (
    EXT_SET,
    FIELDS,
    ID_GROUP,
    MAX_UNITS,
    NUM_VC,
    VERSION,
    EType,
    Op,
    RedOp,
    Status,
    Vc,
)
from .packet import FLAG_ERR, PACKET, Packets
from .profiles import Config
from .reduction import allreduce

#: Output of a packet that leaves nowhere: a refused response.
DROPPED = -1
#: Output of a multicast: :meth:`Switch.copies` tells which it has.
MULTICAST = -2

#: Partitions that a port can be in.
PARTITIONS = 16

#: Bits of `mode` of a contribution.
ORDERED, SATURATE, PARTIAL = 1, 2, 4

Ints = NDArray[np.int64]


def path_index(src: ArrayLike, dst: ArrayLike, paths_log2: ArrayLike) -> Ints:
    """Return which of its 2**paths_log2 equal paths the packets of a flow take.

    x = src xor dst, 14 bits; the index is the low bits of x[13:7] xor x[6:0].
    """
    mixed = np.asarray(src, np.int64) ^ np.asarray(dst, np.int64)
    mask = (np.int64(1) << np.asarray(paths_log2, np.int64)) - 1
    return np.asarray((mixed >> 7 ^ mixed & 0x7F) & mask)


class Groups:
    """Group table: which ports are members of each group; shared by a switch and its engines."""

    def __init__(self, config: Config) -> None:
        self.members = np.zeros((config.groups, config.ports), bool)

    def set(self, group: int, mask: int) -> None:
        """Make the ports whose bits are set in `mask` the members of a group; 0 removes it.

        Raises ValueError for a group or a port that does not exist.
        """
        groups, ports = self.members.shape
        if not 0 <= group < groups:
            raise ValueError(f"group {group} is not in 0..{groups - 1}")
        if not 0 <= mask < 1 << ports:
            raise ValueError(f"group {group}: mask {mask:#x} names ports beyond {ports - 1}")
        self.members[group] = [mask >> port & 1 for port in range(ports)]

    def sizes(self, groups: ArrayLike) -> Ints:
        """Return how many members each group has; none, where there is no such group."""
        number = np.asarray(groups, np.int64)
        there = number < self.members.shape[0]
        return np.where(there, self.members[np.where(there, number, 0)].sum(-1), 0)


# ------------------------------------------------------------------------------------ engine


@dataclasses.dataclass
class Reduced:
    """What an engine sends for a batch of contributions.

    results: PACKET rows, with one row of `masks` (results, ports) each, the ports that get it:
    results of reductions, and OP_FETCH to those from whom something is loaded.
    answers: PACKET rows to the one port in their column `port`.
    reasons: status of every contribution of the batch, in its order; Status.OK when taken.
    """

    results: Packets
    masks: NDArray[np.bool_]
    answers: Packets
    reasons: Ints

    def expand(self) -> Packets:
        """Return every packet once for each port that gets it, the port in column `port`."""
        rows, ports = np.nonzero(self.masks)
        copies = self.results[rows]
        copies["port"] = ports
        return np.concatenate([copies, self.answers])


@dataclasses.dataclass
class _Context:
    """An open reduction: the packet that opened it, and the contributions so far by port."""

    opener: np.void
    agreement: int
    rows: dict[int, np.void] = dataclasses.field(default_factory=dict)


def in_order(row: np.void) -> bool:
    """Return whether a contribution is added to others in the order of their members."""
    one = np.array([row], PACKET)
    get = {name: int(values[0]) for name, values in packet.fields(one).items()}
    rounds = get["coll_redop"] == RedOp.SUM and get["coll_etype"] != EType.INT32
    return bool(rounds and get["coll_mode"] & ORDERED and get["op"] != Op.BARRIER)


def _keys(header: dict[str, Ints]) -> Ints:
    """Return the name of each contribution's reduction as a number."""
    return np.asarray(header["group"] << 32 | header["slice"] << 16 | header["seq"])


def _agreement(header: dict[str, Ints]) -> Ints:
    """Return a number for each contribution of what those of one reduction must share."""
    number = header["op"] << 2 | header["mode"] & ~PARTIAL
    for name, bits in (("etype", 3), ("redop", 3), ("len", 5), ("root", 10)):
        number = number << bits | header[name]
    return np.asarray(number)


def _by_member(context: _Context) -> Packets:
    """Return the contributions of a reduction in the order of their ports."""
    return np.array([context.rows[port] for port in sorted(context.rows)], PACKET)


class Reducer:
    """One reduction engine: collects the contributions of a key and answers them together.

    A contribution is checked in the order type, lateness, membership, duplicate, mismatch.
    Contributions of one key {group, slice, seq} must agree in operation, type, redop, mode, length
    and root. The number of contexts of the hardware limits when, not what, it answers: it is not
    here. A group must not change while one of its reductions is open.

    A reduction that was given up (:meth:`expire`) is remembered: the first contribution of each
    member that it lacked is late. The hardware forgets in time, the model when told to forget.
    """

    def __init__(self, config: Config, groups: Groups | None = None) -> None:
        self.config = config
        self.groups = Groups(config) if groups is None else groups
        self._open: dict[int, _Context] = {}
        self._late: dict[int, set[int]] = {}  # by key, the ports that did not come
        self.counters: dict[str, int] = dict.fromkeys(
            (
                "contributions",
                "results",
                "timeouts",
                "refused_type",
                "refused_not_member",
                "refused_duplicate",
                "refused_mismatch",
                "refused_timeout",
            ),
            0,
        )

    @property
    def open_keys(self) -> list[tuple[int, int, int]]:
        """(group, slice, seq) of every reduction that waits for members, oldest first."""
        return [(key >> 32, key >> 16 & 0xFFFF, key & 0xFFFF) for key in self._open]

    def contribute(self, in_ports: ArrayLike, packets: Packets) -> Reduced:
        """Take contributions that arrived, in this order, at the ports `in_ports`.

        `in_ports` is one number or one per packet.
        """
        ports = np.broadcast_to(np.asarray(in_ports, np.int64), packets.shape)
        header = packet.fields(
            packets, "op", "len", "ext", "group", "slice", "seq", "etype", "redop", "mode", "root"
        )
        reasons = np.full(packets.shape, int(Status.OK), np.int64)
        reasons[self._not_member(header, ports)] = Status.NOT_MEMBER
        bad = self._bad_type(header)
        if self._late:
            key = _keys(header)
            for index in np.flatnonzero(~bad & (header["op"] != Op.LOAD_REDUCE)):
                missing = self._late.get(int(key[index]), set())
                if int(ports[index]) in missing:
                    missing.discard(int(ports[index]))
                    reasons[index] = Status.TIMEOUT
        reasons[bad] = Status.TYPE

        rows, masks = self._collect(packets, ports, header, reasons)
        refused = reasons != Status.OK
        answers = packet.error_answer(packets[refused], reasons[refused], self.config.flit_w)
        answers["port"] = ports[refused]
        self._count(reasons, header["op"])
        return Reduced(rows, masks, answers, reasons)

    def expire(self, keys: Iterable[tuple[int, int, int]] | None = None) -> Reduced:
        """Close reductions that wait too long, all or those of `keys`; KeyError when not open."""
        if keys is None:
            keys = self.open_keys
        numbers = [g << 32 | s << 16 | q for g, s, q in keys]
        closed = [self._open.pop(number) for number in numbers]
        self.counters["timeouts"] += len(closed)
        openers = np.array([context.opener for context in closed], PACKET)
        errors = self._to_group(openers, Op.COLL_ERROR, Status.TIMEOUT)
        masks = self.groups.members[packet.get(openers, "group")]

        # In member order who came stands in its queue until all before it have come: it is late.
        early: list[np.void] = []
        ports: list[int] = []
        for number, context in zip(numbers, closed, strict=True):
            missing = set(np.flatnonzero(self.groups.members[number >> 32]).tolist())
            missing -= context.rows.keys()
            waits = sorted(p for p in context.rows if missing and p > min(missing))
            if waits and in_order(context.opener):
                early += [context.rows[port] for port in waits]
                ports += waits
            self._late[number] = missing
        self.counters["contributions"] -= len(early)
        self.counters["refused_timeout"] += len(early)
        answers = packet.error_answer(
            np.array(early, PACKET), np.full(len(early), int(Status.TIMEOUT)), self.config.flit_w
        )
        answers["port"] = ports
        return Reduced(errors, masks, answers, np.zeros(0, np.int64))

    def forget(self) -> None:
        """Let contributions to reductions that were given up begin new ones."""
        self._late.clear()

    # ---------------------------------------------------------------------------- checks

    def _bad_type(self, header: dict[str, Ints]) -> NDArray[np.bool_]:
        refused = PARTIAL if self.config.ordered else PARTIAL | ORDERED
        bad = ~np.isin(header["etype"], self.config.etypes)
        bad |= ~np.isin(header["redop"], list(RedOp))
        bad |= (header["mode"] & refused) != 0
        bad |= (header["op"] == Op.LOAD_REDUCE) & (header["root"] >= MAX_UNITS)
        return np.asarray(bad & (header["op"] != Op.BARRIER) | (header["ext"] != 0))

    def _not_member(self, header: dict[str, Ints], ports: Ints) -> NDArray[np.bool_]:
        members = self.groups.members
        exists = header["group"] < members.shape[0]
        group = np.where(exists, header["group"], 0)
        there = header["root"] < members.shape[1]
        rooted = there & members[group, np.where(there, header["root"], 0)]
        rooted |= header["op"] != Op.REDUCE
        return ~(exists & members[group, ports] & rooted)

    # ------------------------------------------------------------------------ collecting

    def _collect(
        self, packets: Packets, ports: Ints, header: dict[str, Ints], reasons: Ints
    ) -> tuple[Packets, NDArray[np.bool_]]:
        """Sort contributions into reductions; return the results that are complete, with masks.

        Refusals are entered in `reasons`. Keys whose contributions are all there and in order, the
        bulk, are handled as arrays; the others one contribution at a time.
        """
        taken = np.flatnonzero(reasons == Status.OK)
        if not taken.size:
            return np.zeros(0, PACKET), np.zeros((0, self.config.ports), bool)
        key = _keys(header)
        agreement = _agreement(header)

        order = taken[np.lexsort((ports[taken], key[taken]))]
        starts = np.flatnonzero(np.diff(key[order], prepend=-1))
        counts = np.diff(starts, append=order.size)
        members = self.groups.members[header["group"][order[starts]]].sum(1)

        # Contributions are sorted by port within a key: equal neighbours are duplicates.
        again = np.diff(ports[order], prepend=-1) == 0
        again[starts] = False
        alike = np.minimum.reduceat(agreement[order], starts) == np.maximum.reduceat(
            agreement[order], starts
        )
        whole = (counts == members) & alike & ~np.logical_or.reduceat(again, starts)
        whole &= header["op"][order[starts]] != Op.LOAD_REDUCE
        if self._open:
            whole &= ~np.isin(key[order[starts]], list(self._open))

        finished: list[tuple[Packets, Packets]] = []  # (openers, contributions by member)
        fetches: list[np.void] = []
        for size in np.unique(counts[whole]):
            same_size = starts[whole & (counts == size)]
            rows = order[same_size[:, None] + np.arange(size)]
            finished.append((packets[rows.min(1)], packets[rows]))
        for index in np.sort(order[np.repeat(~whole, counts)]):
            if header["op"][index] == Op.LOAD_REDUCE:
                self._load(packets[index], int(ports[index]), int(key[index]), reasons,
                           int(index), fetches)  # fmt: skip
                continue
            done = self._one(packets[index], int(ports[index]), int(key[index]),
                             int(agreement[index]), reasons, int(index))  # fmt: skip
            if done is not None:
                finished.append((np.array([done.opener], PACKET), _by_member(done)[None]))
        results, masks = self._results(finished)
        self.counters["results"] += len(results)
        if not fetches:
            return results, masks
        asked = np.array(fetches, PACKET)
        called = self.groups.members[packet.get(asked, "group")]
        return np.concatenate([results, asked]), np.concatenate([masks, called])

    def _load(
        self, row: np.void, port: int, key: int, reasons: Ints, index: int, fetches: list[np.void]
    ) -> None:
        """Take a request to load: open its reduction, add what goes to all members."""
        if key in self._open:
            reasons[index] = Status.DUPLICATE
            return
        asked = np.array([row], PACKET)
        units = packet.get(asked, "root") + 1
        packet.set_fields(asked, op=Op.REDUCE, root=port, len=units)
        names = ("op", "etype", "redop", "mode", "len", "root")
        agreement = int(_agreement(packet.fields(asked, *names))[0])
        self._open[key] = _Context(asked[0].copy(), agreement)
        fetch = self._to_group(asked, Op.FETCH, Status.OK)
        packet.set_fields(fetch, tag=units)
        fetches.append(fetch[0])

    def _one(
        self, row: np.void, port: int, key: int, agreement: int, reasons: Ints, index: int
    ) -> _Context | None:
        """Take one contribution; return its whole reduction when it completes it."""
        context = self._open.get(key)
        if context is None:
            context = self._open[key] = _Context(row.copy(), agreement)
        if port in context.rows:
            reasons[index] = Status.DUPLICATE
            return None
        if agreement != context.agreement:
            reasons[index] = Status.MISMATCH
            return None
        context.rows[port] = row.copy()
        if len(context.rows) < self.groups.members[key >> 32].sum():
            return None
        return self._open.pop(key)

    # --------------------------------------------------------------------------- results

    def _results(
        self, finished: list[tuple[Packets, Packets]]
    ) -> tuple[Packets, NDArray[np.bool_]]:
        """Return the result packets of complete reductions and the ports that get them."""
        batches: list[Packets] = []
        by_size: dict[int, list[tuple[Packets, Packets]]] = {}
        for openers, rows in finished:
            by_size.setdefault(rows.shape[1], []).append((openers, rows))
        for sized in by_size.values():
            openers = np.concatenate([pair[0] for pair in sized])
            rows = np.concatenate([pair[1] for pair in sized])
            f = packet.fields(openers, "op", "etype", "redop", "mode")
            kind = (f["op"] == Op.BARRIER) << 9 | f["mode"] << 6 | f["etype"] << 3 | f["redop"]
            for value in np.unique(kind):
                chosen = kind == value
                batches.append(self._reduce(openers[chosen], rows[chosen]))
        results = np.concatenate(batches) if batches else np.zeros(0, PACKET)
        masks = self.groups.members[packet.get(results, "group")]
        single = packet.get(results, "tail") == Op.REDUCE
        masks[single] = False
        masks[single, packet.get(results, "root")[single]] = True
        results["tail"] = 0
        return results, masks

    def _reduce(self, openers: Packets, rows: Packets) -> Packets:
        """Return results of reductions of one size and kind; `tail` holds the operation."""
        kind = packet.fields(openers[:1], "op", "etype", "redop", "mode")
        op, etype, redop, mode = (int(values[0]) for values in kind.values())
        results = self._to_group(openers, Op.RESULT, Status.OK)
        late = (rows["flags"] & FLAG_ERR != 0).any(1)
        length = packet.get(openers, "len")
        packet.set_fields(results, len=length, poison=packet.get(rows, "poison").any(1) | late)
        results["tail"] = packet.get(openers, "op")
        if op == Op.BARRIER:
            return packet.set_flits(results, self.config.flit_w)
        units = int(length.max(initial=0))
        elements: Any = packet.payload(rows, element_dtype(etype), units)
        stacked = np.moveaxis(elements, 1, 0).reshape(rows.shape[1], -1)
        packet.payload(results, element_dtype(etype), units)[:] = allreduce(
            stacked, etype, redop, "ordered" if mode & ORDERED else "exact", bool(mode & SATURATE)
        ).reshape(len(results), -1)
        packet.clear_unused(results)
        return packet.set_flits(results, self.config.flit_w)

    def _to_group(self, openers: Packets, op: int, status: int) -> Packets:
        """Return header-only packets from the engine to the group of each opening contribution."""
        made = np.zeros(openers.shape, PACKET)
        header = packet.words(made)
        header[..., 1] = packet.words(openers)[..., 1]
        packet.set_fields(
            made,
            version=VERSION,
            coll_rsvd=0,
            mode=packet.get(openers, "mode") & ~PARTIAL,
            op=op,
            dst=ID_GROUP,
            src=packet.get(openers, "dst"),
            status=status,
        )
        return packet.set_flits(made, self.config.flit_w)

    def _count(self, reasons: Ints, op: Ints) -> None:
        taken = (reasons == Status.OK) & (op != Op.LOAD_REDUCE)
        self.counters["contributions"] += int(taken.sum())
        for status in (
            Status.TYPE, Status.NOT_MEMBER, Status.DUPLICATE, Status.MISMATCH, Status.TIMEOUT,
        ):  # fmt: skip
            self.counters[f"refused_{status.name.lower()}"] += int((reasons == status).sum())


# ------------------------------------------------------------------------------------ switch


class Switch:
    """The switch: forwarding tables, checks at the ingress, engines behind them.

    Outputs are numbered as in the forwarding tables: external ports 0..ports-1, engine e at
    ports + e. After construction, as after reset, nothing has a route, no group exists, all ports
    are in partition 0 and may name any source.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.outputs = config.ports + config.engines
        self.groups = Groups(config)
        self.engines = [Reducer(config, self.groups) for _ in range(config.engines)]
        self._valid = np.zeros((config.ports, config.ids), bool)
        self._out = np.zeros((config.ports, config.ids), np.int64)
        self._paths_log2 = np.zeros((config.ports, config.ids), np.int64)
        self._partitions = np.zeros((config.ports, PARTITIONS), np.int64)
        self._partitions[:, 0] = 1
        self._source = np.zeros((config.ports, 2), np.int64)  # (ID, bits that count)
        #: By external port, under the names of the registers.
        self.counters: dict[str, Ints] = {
            name: np.zeros(config.ports, np.int64)
            for name in (
                "rx_packets",
                "rx_flits",
                "tx_packets",
                "tx_flits",
                "refused_version",
                "refused_op",
                "refused_len",
                "refused_dst",
                "dropped_responses",
                "refused_partition",
                "mcast_packets",
                "mcast_copies",
            )
        }
        #: By external port and virtual channel, likewise.
        self.vc_counters: dict[str, Ints] = {
            name: np.zeros((config.ports, NUM_VC), np.int64)
            for name in self.counters
            if name.startswith(("rx_", "refused_"))
        }

    # --------------------------------------------------------------------------- tables

    def set_route(self, port: int | None, dst: int, out: int, paths_log2: int = 0) -> None:
        """Route ID `dst` to output `out`, or to one of 2**paths_log2 outputs from `out` on.

        `port` is the input whose table is meant, None for all. Raises ValueError when an ID, port
        or output does not exist.
        """
        self._check_entry(port, dst)
        if not 0 <= paths_log2 <= 7:
            raise ValueError(f"paths_log2 {paths_log2} is not in 0..7")
        if not 0 <= out <= self.outputs - (1 << paths_log2):
            raise ValueError(
                f"outputs {out}..{out + (1 << paths_log2) - 1} are not in 0..{self.outputs - 1}"
            )
        where = slice(None) if port is None else port
        self._valid[where, dst] = True
        self._out[where, dst] = out
        self._paths_log2[where, dst] = paths_log2

    def clear_route(self, port: int | None, dst: int) -> None:
        """Take the route of ID `dst` away, at one input or at all."""
        self._check_entry(port, dst)
        self._valid[slice(None) if port is None else port, dst] = False

    def set_group(self, group: int, mask: int) -> None:
        """Make the ports of `mask` the members of a group (:meth:`Groups.set`)."""
        self.groups.set(group, mask)

    def set_partitions(self, port: int, mask: int) -> None:
        """Put a port into the partitions whose bits are set in `mask`, and out of all others.

        Raises ValueError for a port or partition that does not exist.
        """
        self._check_port(port)
        if not 0 <= mask < 1 << PARTITIONS:
            raise ValueError(f"mask {mask:#x} names partitions beyond {PARTITIONS - 1}")
        self._partitions[port] = [mask >> partition & 1 for partition in range(PARTITIONS)]

    def set_source(self, port: int, source: int, care: int) -> None:
        """Let a port name as source only what equals `source` in the bits that `care` sets.

        Raises ValueError for a port or ID that does not exist.
        """
        self._check_port(port)
        if not (0 <= source <= FIELDS["src"].mask and 0 <= care <= FIELDS["src"].mask):
            raise ValueError(f"source {source:#x} or care {care:#x} is not an ID")
        self._source[port] = source, care

    def _check_port(self, port: int) -> None:
        if not 0 <= port < self.config.ports:
            raise ValueError(f"port {port} is not in 0..{self.config.ports - 1}")

    def _check_entry(self, port: int | None, dst: int) -> None:
        if port is not None:
            self._check_port(port)
        if not 0 <= dst < self.config.ids:
            raise ValueError(f"ID {dst} is not in 0..{self.config.ids - 1}")

    # ----------------------------------------------------------------------- forwarding

    def lookup(self, in_ports: ArrayLike, src: ArrayLike, dst: ArrayLike) -> Ints:
        """Return the output that each input's table gives, DROPPED where there is no route."""
        ids = np.asarray(dst, np.int64)
        known = (ids >= 0) & (ids < self.config.ids)
        entry = np.asarray(in_ports, np.int64), np.where(known, ids, 0)
        out = self._out[entry] + path_index(src, ids, self._paths_log2[entry])
        return np.where(known & self._valid[entry], out, DROPPED)

    def forward(self, in_port: ArrayLike, packets: Packets) -> tuple[Ints, Packets, Ints]:
        """Return what becomes of packets that arrive at `in_port` (one number or one per packet).

        Returns (out_ports, out_packets, reasons), one of each for every packet: the output
        (external port, ports + engine, DROPPED or MULTICAST), the packet as it leaves there (the
        error answer where it was refused) and the status, Status.OK where it went on as it came:
        one that is cut through and has a wrong length goes on too, marked. Column `port`
        of the packet is the output (0 for MULTICAST), `tail` the port of arrival. Counters of the
        receive side count.
        """
        ports = np.broadcast_to(np.asarray(in_port, np.int64), packets.shape)
        header = packet.fields(packets, "version", "op", "len", "ext", "src", "dst", "group")
        out = self.lookup(ports, header["src"], header["dst"])
        multicast = (header["op"] == Op.MCAST_WRITE) & bool(self.config.mcast)
        sparse = multicast & (header["ext"] & EXT_SET != 0)
        out[multicast] = MULTICAST
        out[multicast & ~sparse & (self.groups.sizes(header["dst"]) == 0)] = DROPPED
        reduction = packet.op_vc(header["op"]) == Vc.RED
        flits = packet.num_flits(header["len"], header["ext"], self.config.flit_w)
        # The first check that fails gives the reason, so they are written from the last one on.
        reasons = np.full(packets.shape, int(Status.OK), np.int64)
        if sparse.any():
            reasons[sparse] = self._set_reasons(ports[sparse], packets[sparse])
        reasons[packets["flits"] != flits] = Status.LEN
        reasons[self._foreign(ports, out, header)] = Status.PARTITION
        reasons[(out >= self.config.ports) & ~reduction] = Status.OP
        reasons[out == DROPPED] = Status.DST
        reasons[~packet.len_legal(header["op"], header["len"])] = Status.LEN
        reasons[~packet.op_known(header["op"])] = Status.OP
        if not self.config.mcast:
            reasons[header["op"] == Op.MCAST_WRITE] = Status.OP
        reasons[header["version"] != VERSION] = Status.VERSION

        # What is only found when a packet has begun to leave is no reason for an answer.
        late = self._cut(packets, flits, out, reasons)
        refused = (reasons != Status.OK) & ~late
        dropped = refused & (packet.op_vc(header["op"]) == Vc.RSP)
        out_packets = packets.copy()
        out_packets[late] = self._spoilt(packets[late], flits[late])
        out_packets[refused] = packet.error_answer(
            packets[refused], reasons[refused], self.config.flit_w
        )
        out_ports = np.where(refused, ports, out)
        out_ports[dropped] = DROPPED
        for column in ("not_before", "stamp", "stamp_last"):
            out_packets[column] = 0
        out_packets["flags"] &= FLAG_ERR
        out_packets["port"] = np.maximum(out_ports, 0)
        out_packets["tail"] = ports

        vc = packet.op_vc(header["op"])
        self._receive("rx_packets", ports, vc)
        self._receive("rx_flits", ports, vc, packets["flits"])
        for status in (Status.VERSION, Status.OP, Status.LEN, Status.DST, Status.PARTITION):
            name = f"refused_{status.name.lower()}"
            self._receive(name, ports[reasons == status], vc[reasons == status])
        self._add("dropped_responses", ports[dropped])
        self._add("mcast_packets", ports[out_ports == MULTICAST])
        return out_ports, out_packets, reasons

    def _cut(self, packets: Packets, flits: Ints, out: Ints, reasons: Ints) -> NDArray[np.bool_]:
        """Return which packets are cut through and have a wrong length: unicasts to ports whose
        second beat has yet to come when the first has passed all checks.

        `flits`: what they announce.
        """
        if not self.config.cut_through:
            return np.zeros(packets.shape, bool)
        unicast = (out >= 0) & (out < self.config.ports)
        passed = unicast & (flits > 1) & (packets["flits"] > 1) & (reasons == Status.LEN)
        return passed & packet.len_legal(packet.get(packets, "op"), packet.get(packets, "len"))

    def _spoilt(self, packets: Packets, flits: Ints) -> Packets:
        """Return packets of a wrong length as they leave that are cut through.

        They have as many flits as their header says, and the error mark. Of a packet that is too
        short the last beat, from which it is known, is zero, and all that did not come.
        """
        made = packets.copy()
        short = packets["flits"] < flits
        whole = np.where(short, packets["flits"].astype(np.int64) - 1, flits)
        units = np.arange(packets["data"].shape[1]) // self.config.flit_bytes
        made["data"][units >= whole[:, None]] = 0
        made["flits"] = flits
        made["flags"] |= FLAG_ERR
        return made

    def _set_reasons(self, ports: Ints, packets: Packets) -> Ints:
        """Return the status of each member set: of the first of its destinations that fails."""
        members = packet.member_sets(packets)
        outs = self.lookup(ports[:, None], packet.get(packets, "src")[:, None], members)
        status = np.where(outs >= self.config.ports, int(Status.OP), int(Status.OK))
        status[outs == DROPPED] = Status.DST
        external = (outs >= 0) & (outs < self.config.ports)
        apart = self._common()[ports[:, None], np.where(external, outs, 0)] == 0
        status[external & apart] = Status.PARTITION
        status[members < 0] = Status.OK
        first = np.take_along_axis(status, (status != Status.OK).argmax(1)[:, None], axis=1)[:, 0]
        return np.where((members < 0).all(1), int(Status.DST), first)

    def copies(self, out_ports: Ints, out_packets: Packets) -> tuple[Packets, Ints]:
        """Return the copies of the multicasts among what :meth:`forward` returned, and for each
        which of the packets it is a copy of.

        One for each output of each, in the order of the packets; column `port` is the output. A
        member set keeps the destinations of its output only. Counts them.
        """
        multicasts = np.flatnonzero(out_ports == MULTICAST)
        rows = out_packets[multicasts]
        sparse = packet.get(rows, "ext") & EXT_SET != 0
        reached = np.zeros((len(rows), self.config.ports), bool)
        reached[~sparse] = self.groups.members[packet.get(rows, "dst")[~sparse]]
        members = packet.member_sets(rows)
        inputs = rows["tail"].astype(np.int64)[:, None]
        outs = self.lookup(inputs, packet.get(rows, "src")[:, None], members)
        outs[members < 0] = DROPPED
        for member in range(members.shape[1]):
            chosen = np.flatnonzero(outs[:, member] != DROPPED)
            reached[chosen, outs[chosen, member]] = True
        which, ports = np.nonzero(reached)
        made = rows[which]
        made["port"] = ports
        self._add("mcast_copies", ports)
        return packet.keep_members(made, outs[which] == ports[:, None]), multicasts[which]

    def _foreign(self, ports: Ints, out: Ints, header: dict[str, Ints]) -> NDArray[np.bool_]:
        """Return whether a packet crosses partitions, or names a source that is not its port's.

        A group that does not exist has no members: its contributions are left to the engine. Of a
        member set the destinations are looked at elsewhere.
        """
        common = self._common()
        source, care = self._source[ports].T
        foreign = (header["src"] ^ source) & care != 0
        external = (out >= 0) & (out < self.config.ports)
        foreign[external] |= common[ports[external], out[external]] == 0
        exists = (out >= self.config.ports) & (header["group"] < len(self.groups.members))
        members = self.groups.members[header["group"][exists]]
        foreign[exists] |= (members & (common[ports[exists]] == 0)).any(1)
        by_group = (out == MULTICAST) & (header["ext"] & EXT_SET == 0)
        members = self.groups.members[header["dst"][by_group]]
        foreign[by_group] |= (members & (common[ports[by_group]] == 0)).any(1)
        return foreign

    def _common(self) -> Ints:
        """Return how many partitions each port shares with each."""
        return np.asarray(self._partitions @ self._partitions.T)

    def deliver(self, in_port: ArrayLike, packets: Packets) -> Packets:
        """Return every packet that leaves an external port for packets that arrive.

        Forwarded packets, copies of multicasts, answers, and what the engines send, the latter once
        for each port that gets it. Column `port` is the port of departure; there is no order
        between packets but that those of one (input, output, VC) stay in order that are all
        multicasts, or all not. All counters count.
        """
        out_ports, out_packets, _ = self.forward(in_port, packets)
        external = (out_ports >= 0) & (out_ports < self.config.ports)
        batches = [out_packets[external], self.copies(out_ports, out_packets)[0]]
        for index, engine in enumerate(self.engines):
            to_engine = out_packets[out_ports == self.config.ports + index]
            if to_engine.size:
                batches.append(engine.contribute(to_engine["tail"], to_engine).expand())
        return self._send(np.concatenate(batches))

    def expire(self) -> Packets:
        """Close every open reduction as its time-out does; return what leaves, by port."""
        batches = [engine.expire().expand() for engine in self.engines if engine.open_keys]
        return self._send(np.concatenate([np.zeros(0, PACKET), *batches]))

    def _send(self, packets: Packets) -> Packets:
        self._add("tx_packets", packets["port"])
        self._add("tx_flits", packets["port"], packets["flits"])
        packets["tail"] = 0
        return packets

    def _receive(
        self, counter: str, ports: Ints, vc: Ints, amounts: NDArray[Any] | None = None
    ) -> None:
        self._add(counter, ports, amounts)
        np.add.at(self.vc_counters[counter], (ports, vc), 1 if amounts is None else amounts)

    def _add(self, counter: str, ports: NDArray[Any], amounts: NDArray[Any] | None = None) -> None:
        counts = np.bincount(ports.astype(np.int64), weights=amounts, minlength=self.config.ports)
        self.counters[counter] += counts.astype(np.int64)
