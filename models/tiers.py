# SPDX-License-Identifier: Apache-2.0
"""Golden model of reductions over two tiers of switches: what the members see of them.

Whatever happens between leaves and spines, the result is that of one engine that has all members
(docs/numerics.md, Partials): so here it is one, and no sum is cut in pieces. What two tiers show
besides is where a packet comes from, and who hears of a member that does not come.

What it does not tell: refusals of an engine above but those of malformed partials and of a whole
leaf that comes too late.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import packet, partial
from .crossbar import ORDERED, PARTIAL, Groups, Reduced, Reducer, Switch
from .formats import element_dtype
from .layout import ID_GROUP, Op, RedOp, Status
from .packet import PACKET, Packets
from .profiles import Config

#: Operations of contributions that can be for another tier, or come from one.
TIERED = (Op.ALLREDUCE, Op.REDUCE, Op.BARRIER)


class TierReducer(Reducer):
    """The engines of leaves and spines together, as one."""

    def __init__(self, config: Config, groups: Groups) -> None:
        super().__init__(config, groups)
        #: Accelerators of a leaf: port p is one of leaf p // down.
        self.down = config.ports
        #: By group, ID of its engine above.
        self.upper: dict[int, int] = {}
        #: Packets that come down for members: results, and errors of engines above.
        self.copies = 0
        #: Reductions that an engine of a leaf gives up.
        self.given_up = 0
        self._came: dict[int, dict[int, np.void]] = {}  # by key and port, as they came
        self._gone: dict[int, dict[int, dict[int, np.void]]] = {}  # leaves that the spine gave up

    def contribute(self, in_ports: ArrayLike, packets: Packets) -> Reduced:
        """Take contributions to engines of leaves and spines, in the order in which they came."""
        ports = np.broadcast_to(np.asarray(in_ports, np.int64), packets.shape)
        get = packet.fields(packets, "op", "mode", "group", "slice", "seq", "dst")
        keys = get["group"] << 32 | get["slice"] << 16 | get["seq"]
        tiered = (get["mode"] & PARTIAL != 0) & np.isin(get["op"], TIERED)
        reasons = np.full(packets.shape, int(Status.OK), np.int64)
        reasons[tiered & (get["mode"] & ORDERED != 0) & (get["op"] != Op.BARRIER)] = Status.TYPE
        for index in np.flatnonzero(tiered & (get["op"] == Op.ALLREDUCE) & (reasons == Status.OK)):
            if not _raw(packets[index : index + 1]):
                reasons[index] = Status.LEN
        late: list[Packets] = []
        among: list[int] = []
        for index in np.flatnonzero(reasons == Status.OK).tolist():
            port = int(ports[index])
            leaf = self._gone.get(int(keys[index]), {}).get(port // self.down)
            if leaf is None:
                among.append(index)
                continue
            leaf[port] = packets[index]
            late.append(self._refused_above(int(keys[index]), port // self.down))

        taken = np.array(among, np.int64)
        alone = packets[taken]
        two = tiered[taken]
        packet.set_fields(
            alone,
            op=np.where(two & (get["op"][taken] == Op.REDUCE), Op.ALLREDUCE, get["op"][taken]),
            mode=np.where(two, get["mode"][taken] & ~PARTIAL, get["mode"][taken]),
            root=np.where(two, 0, packet.get(alone, "root")),
            dst=np.array([self.upper[group] for group in get["group"][taken].tolist()], np.int64),
        )
        reduced = super().contribute(ports[taken], alone)
        reasons[taken] = reduced.reasons
        for index in taken[reduced.reasons == Status.OK].tolist():
            self._came.setdefault(int(keys[index]), {})[int(ports[index])] = packets[index].copy()
        self._came = {key: rows for key, rows in self._came.items() if key in self._open}

        bad = reasons != Status.OK
        answers = packet.error_answer(packets[bad], reasons[bad], self.config.flit_w)
        answers["port"] = ports[bad]
        results, masks = self._to_each(reduced.results, reduced.masks)
        return Reduced(results, masks, np.concatenate([answers, *late]), reasons)

    def expire(self, keys: Iterable[tuple[int, int, int]] | None = None) -> Reduced:
        """Close reductions: first leaves that lack a member, then the spine of the others."""
        chosen = self.open_keys if keys is None else list(keys)
        numbers = [g << 32 | s << 16 | q for g, s, q in chosen]
        came = [self._came.pop(number) for number in numbers]
        above = super().expire(chosen)
        results: list[Packets] = []
        masks: list[NDArray[np.bool_]] = [np.zeros((0, self.config.ports), bool)]
        for row, mask, number, rows in zip(above.results, above.masks, numbers, came, strict=True):
            members = np.flatnonzero(mask)
            up, silent = False, []
            for leaf in np.unique(members // self.down).tolist():
                behind = members[members // self.down == leaf]
                here = [rows[int(port)] for port in behind if int(port) in rows]
                first = np.array(here[:1], PACKET)
                if not here:
                    silent.append(leaf)
                elif packet.get(first, "op")[0] == Op.ALLREDUCE or len(here) == len(behind):
                    up = True
                else:
                    notice = self._to_group(first, Op.COLL_ERROR, Status.TIMEOUT)
                    packet.set_fields(notice, mode=packet.get(first, "mode"))
                    results.append(notice)
                    masks.append(np.isin(np.arange(self.config.ports), behind)[None])
                    self.given_up += 1
            for leaf in silent:
                # its members are late above, not in the leaf
                self._late[number] -= set(range(leaf * self.down, (leaf + 1) * self.down))
                if up:
                    self._gone.setdefault(number, {})[leaf] = {}
            if up:
                each, mask_each = self._to_each(np.array([row], PACKET), mask[None])
                results.append(each)
                masks.append(mask_each)
        none = np.zeros(0, PACKET)
        return Reduced(
            np.concatenate([none, *results]), np.concatenate(masks), none, np.zeros(0, np.int64)
        )

    def forget(self) -> None:
        super().forget()
        self._gone.clear()

    def _to_each(
        self, rows: Packets, masks: NDArray[np.bool_]
    ) -> tuple[Packets, NDArray[np.bool_]]:
        """Return what comes down: a copy for each member, to its ID."""
        which, ports = np.nonzero(masks)
        copies = packet.set_fields(rows[which], dst=ports)
        self.copies += len(copies)
        return copies, np.eye(self.config.ports, dtype=bool)[ports]

    def _refused_above(self, key: int, leaf: int) -> Packets:
        """Return what the members of a leaf hear whose partial comes when all was given up."""
        rows = self._gone[key][leaf]
        behind = np.flatnonzero(self.groups.members[key >> 32])
        behind = behind[behind // self.down == leaf]
        if len(rows) < len(behind):
            return np.zeros(0, PACKET)
        del self._gone[key][leaf]
        first = np.array([next(iter(rows.values()))], PACKET)
        get = {name: int(values[0]) for name, values in packet.fields(first).items()}
        up = packet.set_fields(
            first, op=Op.ALLREDUCE, src=ID_GROUP, dst=self.upper[key >> 32], poison=0
        )
        if get["op"] == Op.BARRIER or get["coll_redop"] != RedOp.SUM:
            op = Op.BARRIER if get["op"] == Op.BARRIER else Op.ALLREDUCE
            packet.set_fields(up, op=op, mode=get["coll_mode"] & ~PARTIAL, root=0, tag=0)
        else:
            etype, units = get["coll_etype"], get["len"]
            came = np.array(list(rows.values()), PACKET)
            data: Any = packet.payload(came, element_dtype(etype), units)
            parts = partial.tier(data, etype)
            up = np.repeat(up, len(parts))
            packet.set_fields(
                up,
                root=[part.planes for part in parts],
                tag=[(units - 1) << 6 | part.index for part in parts],
            )
        # what follows a packet that is too late belongs to nothing
        status = np.full(len(up), int(Status.MISMATCH))
        status[0] = Status.TIMEOUT
        answers = np.repeat(packet.error_answer(up, status, self.config.flit_w), len(behind))
        answers["port"] = np.tile(behind, len(up))
        packet.set_fields(answers, dst=answers["port"].astype(np.int64))
        self.copies += len(answers)
        return answers


class TieredSwitch(Switch):
    """A fabric of leaves and spines as one switch, whose one engine is all engines."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.tiers = TierReducer(config, self.groups)
        self.engines = [self.tiers]


def _raw(one: Packets) -> bool:
    """Return whether a raw contribution of one of several members can be."""
    get = {name: int(values[0]) for name, values in packet.fields(one).items()}
    number, last, units = get["tag"] & 7, get["tag"] >> 3 & 7, (get["tag"] >> 6 & 15) + 1
    return (
        not get["coll_root"]
        and get["tag"] < 1 << 10
        and get["len"] == units
        and (number <= last < partial.RAW)
    )
