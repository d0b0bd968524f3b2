# SPDX-License-Identifier: Apache-2.0
"""Golden model of sp_collective (docs/endpoint.md): what a command sends, and what comes of it.

A command is split into its slices, all at once; packets are made of slices and memory. Whatever a
switch sends back is given to a :class:`Book`, which keeps what has to be in memory and what each
command has to report. There is no time here: who calls says what is lost.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from switchproof.models import packet
from switchproof.models.layout import (
    EXT_SET,
    MAX_UNITS,
    UNIT_BYTES,
    EType,
    Op,
    RedOp,
    Status,
)
from switchproof.models.packet import FLAG_ERR, PACKET, Packets

#: Bytes of a slice.
SLICE_BYTES = MAX_UNITS * UNIT_BYTES
#: Most bytes of a vector.
MAX_BYTES = 1 << 24

Bytes = NDArray[np.uint8]


class Kind(enum.IntEnum):
    """What a command does: collective_e."""

    ALLREDUCE = 0
    REDUCE = 1
    BARRIER = 2
    LOAD_REDUCE = 3
    MCAST_STORE = 4


#: Operation of the packets of a kind.
OPS = {
    Kind.ALLREDUCE: Op.ALLREDUCE,
    Kind.REDUCE: Op.REDUCE,
    Kind.BARRIER: Op.BARRIER,
    Kind.LOAD_REDUCE: Op.LOAD_REDUCE,
    Kind.MCAST_STORE: Op.MCAST_WRITE,
}

#: Fields of collective_t with their bits, the highest first, but for the members.
COMMAND_FIELDS = (
    ("id", 8), ("kind", 3), ("group", 12), ("slice", 16), ("seq", 16), ("etype", 3), ("redop", 3),
    ("mode", 3), ("dst", 14), ("engines_log2", 3), ("round_log2", 4), ("skew", 16),
    ("root", 10), ("scatter", 1), ("root_log2", 4), ("port", 10),
    ("source", 64), ("to", 64), ("bytes", 25), ("remote", 57), ("sparse", 1), ("answers", 11),
)  # fmt: skip
#: Fields of collective_result_t with their bits, the highest first.
RESULT_FIELDS = (("id", 8), ("status", 4), ("timeout", 1), ("poisoned", 1), ("slice", 16))
#: Fields of collective_event_t, the highest bit first.
EVENTS = (
    "sent", "fetched", "result", "answer", "failed", "late", "timeout", "plane_down", "memory",
    "fetch_dropped", "fetch_refused",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Command:
    """A command: the fields of collective_t; `source` is its `from`."""

    kind: int
    id: int = 0
    group: int = 0
    slice: int = 0
    seq: int = 0
    etype: int = EType.FP32
    redop: int = RedOp.SUM
    mode: int = 0
    dst: int = 0
    engines_log2: int = 0
    round_log2: int = 0
    skew: int = 0
    root: int = 0
    scatter: int = 0
    root_log2: int = 0
    port: int = 0
    source: int = 0
    to: int = 0
    bytes: int = 0
    remote: int = 0
    sparse: int = 0
    answers: int = 0
    members: tuple[int, ...] = ()

    def word(self) -> int:
        """Return the command as the bits of collective_t."""
        word = 0
        for name, bits in COMMAND_FIELDS:
            value = int(getattr(self, name))
            assert 0 <= value < 1 << bits, f"{name} = {value}"
            word = word << bits | value
        entries = [1 << 15 | member for member in self.members]
        return word << 128 | sum(entry << 16 * k for k, entry in enumerate(entries))

    def refused(self) -> Status:
        """Return why the command is not begun at all; Status.OK if it is."""
        if self.kind not in list(Kind):
            return Status.OP
        if self.kind == Kind.BARRIER:
            return Status.OK
        if not 0 < self.bytes <= MAX_BYTES or (self.kind == Kind.MCAST_STORE and self.bytes % 16):
            return Status.LEN
        return Status.OK


@dataclasses.dataclass(frozen=True)
class Slices:
    """The slices of a command, in order: arrays of shape (slices,).

    number: its number; plane: -1 if there is none; dst: engine, or what the header has for a
    store; bytes: of the vector, 1 to 256, 0 for a barrier; units: ceil(bytes / 16);
    root: port of a Reduce; expects: whether an answer is to come.
    """

    number: NDArray[np.int64]
    plane: NDArray[np.int64]
    dst: NDArray[np.int64]
    bytes: NDArray[np.int64]
    units: NDArray[np.int64]
    root: NDArray[np.int64]
    expects: NDArray[np.bool_]


def split(command: Command, planes: int) -> Slices:
    """Split a command's vector as the hardware does; `planes` is the mask of planes in use.

    All members that give the same first slice, engines and planes get the same.
    """
    length = 0 if command.kind == Kind.BARRIER else command.bytes
    ends = [*range(SLICE_BYTES, length, SLICE_BYTES), length]
    offset = np.arange(len(ends))
    size = np.diff(np.array([0, *ends]))
    number = (command.slice + offset) % (1 << 16)
    ids = np.array([p for p in range(64) if planes >> p & 1], np.int64)
    if ids.size:
        plane, turn = ids[number % ids.size], number // ids.size
    else:
        plane, turn = np.full(offset.shape, -1), np.zeros_like(number)
    store = command.kind == Kind.MCAST_STORE
    dst = command.dst + (0 if store else turn % (1 << command.engines_log2))
    root = command.root + (
        number >> command.root_log2 if command.scatter else np.zeros_like(number)
    )
    root %= 1 << 10
    expects = np.full(offset.shape, True)
    if command.kind == Kind.REDUCE:
        expects = root == command.port
    elif store:
        expects[:] = command.answers > 0
    return Slices(
        number, plane, np.broadcast_to(dst, offset.shape) % (1 << 14), size, -(-size // UNIT_BYTES),
        root, expects,
    )  # fmt: skip


def order(command: Command) -> list[int]:
    """Return in which order the slices of a command are begun, as offsets from its first one."""
    count = len(split(command, 1).number)
    size = 1 << command.round_log2
    rounds = [list(range(first, first + size)) for first in range(0, count, size)]
    turn = command.skew % size
    return [k for each in rounds for k in each[turn:] + each[:turn] if k < count]


def packets(
    command: Command, planes: int, memory: Bytes, base: int, src: int, flit_w: int
) -> Packets:
    """Return the packet of each slice, in order, their plane in `port`; tags are left at zero.

    `memory`: bytes from the address `base` on. What lies behind the vector in its last unit goes
    along.
    """
    slices = split(command, planes)
    count = len(slices.number)
    loads = command.kind in (Kind.ALLREDUCE, Kind.REDUCE, Kind.MCAST_STORE)
    rows = np.zeros(count, PACKET)
    length = slices.units if loads else np.zeros(count, np.int64)
    packet.set_fields(
        rows, version=0, op=OPS[Kind(command.kind)], src=src, dst=slices.dst, len=length
    )
    if command.kind == Kind.MCAST_STORE:
        packet.set_fields(
            rows,
            mem_addr=command.remote + SLICE_BYTES * np.arange(count),
            ext=EXT_SET * command.sparse,
        )
    else:
        packet.set_fields(
            rows, group=command.group, slice=slices.number, seq=command.seq, etype=command.etype,
            redop=command.redop, mode=command.mode,
        )  # fmt: skip
    if command.kind == Kind.REDUCE:
        packet.set_fields(rows, root=slices.root)
    if command.kind == Kind.LOAD_REDUCE:
        packet.set_fields(rows, root=slices.units - 1)
    for k in np.flatnonzero(length):
        at = command.source - base + SLICE_BYTES * int(k)
        size = UNIT_BYTES * int(length[k])
        rows["data"][k, :size] = memory[at : at + size]
    if command.kind == Kind.MCAST_STORE and command.sparse:
        packet.set_members(rows, list(command.members))
    rows["port"] = slices.plane.astype(np.uint32)
    return packet.set_flits(rows, flit_w)


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the fetch table."""

    base: int
    bytes: int


def fetched(
    fetch: np.void, table: dict[int, Row], memory: Bytes, base: int, src: int, flit_w: int
) -> Packets | None:
    """Return the contribution that answers an OP_FETCH, over its plane; None if there is none."""
    asked = np.array([fetch], PACKET)
    f = {name: int(value[0]) for name, value in packet.fields(asked).items()}
    row, size = table.get(f["coll_group"]), UNIT_BYTES * f["tag"]
    first = SLICE_BYTES * f["coll_slice"]
    if row is None or not 0 < f["tag"] <= MAX_UNITS or first + size > row.bytes // 16 * 16:
        return None
    made = np.zeros(1, PACKET)
    packet.words(made)[..., 1] = packet.words(asked)[..., 1]
    packet.set_fields(
        made, version=0, op=Op.REDUCE, src=src, dst=f["src"], len=f["tag"], coll_rsvd=0
    )
    at = row.base - base + first
    made["data"][0, :size] = memory[at : at + size]
    made["port"] = fetch["port"]
    return packet.set_flits(made, flit_w)


@dataclasses.dataclass
class _Work:
    """A command at work: what each slice waits for, and what went wrong, by offset."""

    command: Command
    slices: Slices
    waits: dict[int, int]  # answers that are to come
    status: dict[int, Status] = dataclasses.field(default_factory=dict)
    timeout: bool = False
    poisoned: bool = False

    def wrong(self, offset: int, status: int) -> None:
        """Note what went wrong first with a slice."""
        self.status.setdefault(offset, Status(status))


class Book:
    """Commands at work, the memory that they write to, and what is to be reported."""

    def __init__(self, memory: Bytes, base: int, flit_w: int) -> None:
        self.memory = memory
        self.flit_w = flit_w
        self.base = base
        self.work: dict[int, _Work] = {}
        self.counts: dict[str, int] = dict.fromkeys(EVENTS, 0)

    def begin(self, command: Command, planes: int, up: int) -> None:
        """Begin a command; its `id` must be free. Slices whose plane is down fail."""
        assert command.id not in self.work
        slices = split(command, planes) if command.refused() == Status.OK else None
        if slices is None:
            empty = np.zeros(0, np.int64)
            slices = Slices(empty, empty, empty, empty, empty, empty, empty.astype(bool))
        each = command.answers if command.kind == Kind.MCAST_STORE else 1
        work = _Work(command, slices, {})
        for k, plane in enumerate(slices.plane):
            if plane < 0 or not up >> int(plane) & 1:
                work.wrong(k, Status.DST)
                self.counts["plane_down"] += 1
            elif slices.expects[k]:
                work.waits[k] = each
        self.work[command.id] = work

    def unread(self, ident: int, offset: int) -> None:
        """Note that the memory did not give the contribution of a slice: it went as poison."""
        self.work[ident].wrong(offset, Status.MEMORY)
        self.counts["memory"] += 1

    def lost(self, ident: int, offset: int) -> None:
        """Note that a slice hears nothing any more."""
        work = self.work[ident]
        del work.waits[offset]
        work.wrong(offset, Status.TIMEOUT)
        work.timeout = True

    def reduced(self, row: np.void, unwritable: Iterable[int] = ()) -> bool:
        """Take an OP_RESULT or OP_COLL_ERROR; return whether a command waited for it.

        `unwritable`: offsets into the memory of blocks of 256 bytes that give errors.
        """
        one = np.array([row], PACKET)
        f = {name: int(value[0]) for name, value in packet.fields(one).items()}
        found = self._find(f)
        if found is None:
            self.counts["late"] += 1
            return False
        work, offset = found
        del work.waits[offset]
        self.counts["result"] += 1
        flits = int(packet.num_flits(f["len"], 0, self.flit_w))
        spoilt = bool(f["poison"] or int(row["flags"]) & FLAG_ERR)
        if f["op"] == Op.COLL_ERROR:
            self._failed(work, offset, f["status"] or Status.BROKEN)
        elif spoilt:
            work.poisoned = True
            self._failed(work, offset, Status.BROKEN)
        elif f["len"] != work.slices.units[offset] or f["ext"] or int(row["flits"]) != flits:
            self._failed(work, offset, Status.LEN)
        elif f["len"]:
            at = work.command.to - self.base + SLICE_BYTES * offset
            if at in set(unwritable):
                work.wrong(offset, Status.MEMORY)
                self.counts["memory"] += 1
            else:
                size = int(work.slices.bytes[offset])
                self.memory[at : at + size] = row["data"][:size]
        return True

    def answered(self, ident: int, offset: int, row: np.void) -> bool:
        """Take an answer to a store; return whether the slice waited for it."""
        work = self.work.get(ident)
        if work is None or offset not in work.waits:
            self.counts["late"] += 1
            return False
        self.counts["answer"] += 1
        one = np.array([row], PACKET)
        status = int(packet.get(one, "status")[0])
        work.waits[offset] -= 1
        if packet.get(one, "op")[0] == Op.ERROR:
            self._failed(work, offset, status or Status.BROKEN)
            # A switch refuses for all destinations; these themselves answer one by one.
            if 0 < status < Status.BROKEN:
                work.waits[offset] = 0
        elif packet.get(one, "poison")[0] or int(row["flags"]) & FLAG_ERR:
            work.poisoned = True
            self._failed(work, offset, Status.BROKEN)
        if not work.waits[offset]:
            del work.waits[offset]
        return True

    def end(self, ident: int) -> dict[str, Any]:
        """Return what a command reports: the fields of collective_result_t."""
        work = self.work.pop(ident)
        assert not work.waits, f"command {ident} ended while slices {sorted(work.waits)} wait"
        command = work.command
        bad = command.refused()
        first = min(work.status, default=None)
        status = bad if first is None else work.status[first]
        return {
            "id": ident,
            "status": int(status),
            "timeout": int(work.timeout),
            "poisoned": int(work.poisoned),
            "slice": (command.slice + (first or 0)) % (1 << 16),
        }

    def _failed(self, work: _Work, offset: int, status: int) -> None:
        work.wrong(offset, status)
        self.counts["failed"] += 1

    def _find(self, f: dict[str, int]) -> tuple[_Work, int] | None:
        for work in self.work.values():
            command = work.command
            if command.kind == Kind.MCAST_STORE:
                continue
            if (command.group, command.seq) != (f["coll_group"], f["coll_seq"]):
                continue
            where = np.flatnonzero(work.slices.number == f["coll_slice"])
            if where.size and int(where[0]) in work.waits:
                return work, int(where[0])
        return None
