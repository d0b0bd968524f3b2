# SPDX-License-Identifier: Apache-2.0
"""The memory behind an endpoint, and what requests do to it: docs/endpoint.md, "Execution".

:class:`Completer` executes requests one after the other, in the order given, and returns their
answers. A completer that overlaps requests of different blocks gives the same answers and leaves
the same memory. :func:`linearizable` tells whether what several sources saw of one location can
have come from atomics that were executed one after the other.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from switchproof.models import packet
from switchproof.models.layout import (
    ATOMIC,
    EXT_STROBE,
    MAX_UNITS,
    STROBE_UNITS,
    UNIT_BYTES,
    VERSION,
    AtomicOp,
    Op,
    Status,
)

#: Bytes that no packet crosses a boundary of.
BLOCK = UNIT_BYTES * MAX_UNITS
#: Bytes of the pieces in which a memory may be broken.
PIECE = 64


class Memory:
    """Bytes by address, zero until written; any of 2^57. ``bad`` holds addresses of pieces of
    PIECE bytes that answer with an error and keep what they hold."""

    def __init__(self) -> None:
        self._blocks: dict[int, NDArray[np.uint8]] = {}
        self.bad: set[int] = set()

    def fails(self, address: int, size: int) -> bool:
        """Return whether an access of `size` bytes meets a bad piece."""
        return any(piece in self.bad for piece in _pieces(address, size))

    def read(self, address: int, size: int) -> NDArray[np.uint8]:
        """Return `size` bytes, which must lie in one block."""
        offset = _within(address, size)
        block = self._blocks.get(address - offset)
        if block is None:
            return np.zeros(size, np.uint8)
        return block[offset : offset + size].copy()

    def write(
        self, address: int, data: NDArray[np.uint8], strobes: NDArray[np.bool_] | None = None
    ) -> None:
        """Write bytes that lie in one block, those alone whose strobe is set."""
        offset = _within(address, len(data))
        where = np.ones(len(data), bool) if strobes is None else strobes.copy()
        for i in range(len(data)):
            where[i] &= (address + i) // PIECE * PIECE not in self.bad
        block = self._blocks.setdefault(address - offset, np.zeros(BLOCK, np.uint8))
        block[offset : offset + len(data)][where] = data[where]

    def blocks(self) -> dict[int, bytes]:
        """Return what was written, by address of its block."""
        return {address: block.tobytes() for address, block in sorted(self._blocks.items())}


def _within(address: int, size: int) -> int:
    offset = address % BLOCK
    if offset + size > BLOCK:
        raise ValueError(f"{size} bytes at {address:#x} cross a boundary of {BLOCK}")
    return offset


def _pieces(address: int, size: int) -> range:
    return range(address // PIECE * PIECE, address + size, PIECE)


def operate(kind: int, old: int, operand: int, compare: int, bits: int) -> int:
    """Return what an atomic of `bits` bits puts into memory that holds `old`."""
    modulus = 1 << bits
    old, operand, compare = old % modulus, operand % modulus, compare % modulus

    def signed(value: int) -> int:
        return value - modulus if 2 * value >= modulus else value

    results: dict[int, Callable[[], int]] = {
        AtomicOp.ADD: lambda: (old + operand) % modulus,
        AtomicOp.MIN: lambda: min(old, operand, key=signed),
        AtomicOp.MAX: lambda: max(old, operand, key=signed),
        AtomicOp.UMIN: lambda: min(old, operand),
        AtomicOp.UMAX: lambda: max(old, operand),
        AtomicOp.AND: lambda: old & operand,
        AtomicOp.OR: lambda: old | operand,
        AtomicOp.XOR: lambda: old ^ operand,
        AtomicOp.SWAP: lambda: operand,
        AtomicOp.CAS: lambda: operand if old == compare else old,
    }
    return results[kind]()


def atomic_unit(operand: int, epoch: int = 0, *, retry: bool = False, quiet: bool = False) -> bytes:
    """Return the first unit of an atomic."""
    values = {"operand": operand, "epoch": epoch, "retry": int(retry), "quiet": int(quiet)}
    unit = sum((value & ATOMIC[name].mask) << ATOMIC[name].offset for name, value in values.items())
    return unit.to_bytes(UNIT_BYTES, "little")


def atomic_field(unit: bytes, name: str) -> int:
    """Return a field of the first unit of an atomic."""
    return int.from_bytes(unit, "little") >> ATOMIC[name].offset & ATOMIC[name].mask


@dataclasses.dataclass(frozen=True)
class _Kept:
    """An atomic that was executed: {src, tag, epoch}, when, and its answer."""

    key: tuple[int, int, int]
    when: float
    status: int
    old: int


class Completer:
    """What a completer does with requests. ``flit_w`` in bits, ``remember`` in cycles.

    Atomics are remembered in the order of their execution. Where requests overlap that order is
    not known from outside; a test that repeats atomics leaves room for it.
    """

    def __init__(self, source: int, flit_w: int, n_atomics: int, remember: float) -> None:
        self.memory = Memory()
        self.source = source
        self.flit_w = flit_w
        self.n_atomics = n_atomics
        self.remember = remember
        self._kept: list[_Kept] = []  # the oldest first; of equal keys the last one counts
        self._lost = -math.inf

    def execute(self, request: np.void, now: float = 0.0) -> tuple[np.void, str]:
        """Execute a request (a row of packets) that comes in cycle `now`.

        Returns the answer, a row too, and the name of its event in ``completer_event_t``.
        """
        row = np.array([request], packet.PACKET)
        head = {name: int(value[0]) for name, value in packet.fields(row).items()}
        status = self._check(request, head)
        data = b""
        event = {Status.BROKEN: "broken"}.get(status, "refused")
        if status == Status.OK:
            if head["op"] == Op.ATOMIC:
                status, data, event = self._atomic(request, head, now)
            elif head["op"] == Op.READ:
                size = UNIT_BYTES * (head["mem_arg"] + 1)
                data, event = self.memory.read(head["mem_addr"], size).tobytes(), "load"
                if self.memory.fails(head["mem_addr"], size):
                    status, data = Status.MEMORY, b""
            else:
                size, event = UNIT_BYTES * head["len"], "store"
                written = np.frombuffer(request["data"][:size].tobytes(), np.uint8)
                self.memory.write(head["mem_addr"], written, _strobes(request, head))
                if self.memory.fails(head["mem_addr"], size):
                    status = Status.MEMORY
        if status == Status.MEMORY:
            event = "memory"
        return self._answer(row, head, status, data), event

    def _check(self, request: np.void, head: dict[str, int]) -> int:
        """Return why a request is refused, Status.OK if it is not."""
        op, address, units = head["op"], head["mem_addr"], head["len"]
        if head["version"] != VERSION:
            return int(Status.VERSION)
        if head["poison"] or int(request["flags"]) & packet.FLAG_ERR:
            return int(Status.BROKEN)
        if op not in (Op.READ, Op.WRITE, Op.MCAST_WRITE, Op.ATOMIC):
            return int(Status.OP)
        if op == Op.ATOMIC and head["mem_arg"] not in set(AtomicOp):
            return int(Status.OP)
        beats = int(packet.num_flits(units, head["ext"], self.flit_w))
        wrong = not bool(packet.len_legal(op, units)) or int(request["flits"]) != beats
        if op == Op.ATOMIC:
            wrong |= units != (2 if head["mem_arg"] == AtomicOp.CAS else 1)
            wrong |= address % (8 if head["mem_wide"] else 4) != 0
        else:
            wanted = head["mem_arg"] + 1 if op == Op.READ else units
            wrong |= address % UNIT_BYTES != 0
            wrong |= address % BLOCK // UNIT_BYTES + wanted > MAX_UNITS
            wrong |= op != Op.READ and bool(head["ext"] & EXT_STROBE) and units > STROBE_UNITS
        return int(Status.LEN if wrong else Status.OK)

    def _atomic(self, request: np.void, head: dict[str, int], now: float) -> tuple[int, bytes, str]:
        """Return status, payload of the answer and event of an atomic that may be executed."""
        first = request["data"][:UNIT_BYTES].tobytes()
        second = request["data"][UNIT_BYTES : 2 * UNIT_BYTES].tobytes()
        key = (head["src"], head["tag"], atomic_field(first, "epoch"))
        event = "atomic"
        kept = None
        if atomic_field(first, "retry"):
            kept = next((one for one in reversed(self._kept) if one.key == key), None)
            event = "replayed"
            if kept is None and now - self._lost < self.remember:
                return int(Status.UNKNOWN), b"", "unknown"
        if kept is None:
            event = "atomic"
            status, old = self._run(head, atomic_field(first, "operand"), second)
            kept = _Kept(key, now, status, old)
            self._kept.append(kept)
            if len(self._kept) > self.n_atomics:
                self._lost = self._kept.pop(0).when
        if kept.status != Status.OK or atomic_field(first, "quiet"):
            return kept.status, b"", event
        return kept.status, kept.old.to_bytes(UNIT_BYTES, "little"), event

    def _run(self, head: dict[str, int], operand: int, second: bytes) -> tuple[int, int]:
        """Execute an atomic; return its status and what was in memory."""
        size = 8 if head["mem_wide"] else 4
        address = head["mem_addr"]
        if self.memory.fails(address, size):
            return int(Status.MEMORY), 0
        old = int.from_bytes(self.memory.read(address, size).tobytes(), "little")
        compare = int.from_bytes(second, "little")
        new = operate(head["mem_arg"], old, operand, compare, 8 * size)
        self.memory.write(address, np.frombuffer(new.to_bytes(size, "little"), np.uint8))
        return int(Status.OK), old

    def _answer(
        self, row: packet.Packets, head: dict[str, int], status: int, data: bytes
    ) -> np.void:
        answer = packet.error_answer(row, status)
        if head["op"] == Op.MCAST_WRITE:
            packet.set_fields(answer, src=self.source)
        if status == Status.OK:
            op = Op.WRITE_RSP
            if data:
                op = Op.READ_RSP if head["op"] == Op.READ else Op.ATOMIC_RSP
            packet.set_fields(answer, op=op, len=len(data) // UNIT_BYTES)
            packet.set_payload(answer, np.frombuffer(data, np.uint8))
        packet.set_flits(answer, self.flit_w)
        return answer[0]


def _strobes(request: np.void, head: dict[str, int]) -> NDArray[np.bool_] | None:
    """Return which bytes of the payload a store writes."""
    if not head["ext"] & EXT_STROBE:
        return None
    size = UNIT_BYTES * head["len"]
    unit = request["data"][size : size + UNIT_BYTES]
    return np.unpackbits(unit, bitorder="little")[:size].astype(bool)


# ------------------------------------------------------------------- one location, many sources


@dataclasses.dataclass(frozen=True)
class Call:
    """An atomic on a location as its source saw it, in any unit of time.

    ``end`` is infinite if no answer came; ``old`` is None if it is not known; ``sure`` is False
    if it may not have been executed (ST_UNKNOWN, time-out). Calls of one source take effect in the
    order of ``begin``.
    """

    source: int
    begin: float
    end: float
    kind: int
    operand: int
    compare: int = 0
    old: int | None = None
    sure: bool = True

    def __str__(self) -> str:
        name = AtomicOp(self.kind).name
        compare = f" if {self.compare:#x}" if self.kind == AtomicOp.CAS else ""
        return (
            f"source {self.source}, {self.begin:g}-{self.end:g}: {name} {self.operand:#x}{compare}"
            f", old {'?' if self.old is None else hex(self.old)}"
        )


def linearizable(
    history: Iterable[Call], first: int = 0, last: int | None = None, bits: int = 64
) -> str:
    """Return "" if the calls can have been executed one after the other, else why not.

    In such an order a call that ended before another began comes before it, calls of a source
    keep their order, each finds what it says it found, and the location holds `first` before and,
    if given, `last` behind them. The search tries calls in each order that these rules leave and
    remembers {calls done, value}, so its time depends on how many calls overlap, not on how many
    there are.
    """
    calls = sorted(history, key=lambda call: (call.begin, call.end))
    before = _predecessors(calls)
    everything = sum(1 << i for i, call in enumerate(calls) if call.sure)
    seen: set[tuple[int, int]] = set()
    stack = [(0, first)]
    best = (0, first)
    while stack:
        state = stack.pop()
        if state in seen:
            continue
        seen.add(state)
        done, value = state
        if done.bit_count() > best[0].bit_count():
            best = state
        if everything & ~done == 0 and last in (None, value):
            return ""
        stack += reversed(_next(calls, before, done, value, bits))
    return _diagnosis(calls, before, best, last, everything)


def _predecessors(calls: Sequence[Call]) -> list[int]:
    """Return for each call the set (bits) of those that come before it."""
    before = []
    for i, call in enumerate(calls):
        # Sorted by begin: of its own source, all in front of it.
        mask = 0
        for j, other in enumerate(calls):
            if other.end < call.begin or (j < i and other.source == call.source):
                mask |= 1 << j
        before.append(mask)
    return before


def _next(
    calls: Sequence[Call], before: Sequence[int], done: int, value: int, bits: int
) -> list[tuple[int, int]]:
    """Return what can be reached from a state with one more call."""
    states = []
    ready = [i for i in range(len(calls)) if not done >> i & 1 and before[i] & ~done == 0]
    for i in ready:
        call = calls[i]
        if call.old is None or call.old == value:
            new = operate(call.kind, value, call.operand, call.compare, bits)
            states.append((done | 1 << i, new))
        if not call.sure:
            states.append((done | 1 << i, value))  # it was not executed
    return states


def _diagnosis(
    calls: Sequence[Call], before: Sequence[int], best: tuple[int, int], last: int | None,
    everything: int,
) -> str:  # fmt: skip
    done, value = best
    head = f"{done.bit_count()} of {len(calls)} calls have an order, behind which is {value:#x}"
    if everything & ~done == 0:
        return f"{head}; at the end was {last:#x}" if last is not None else head
    ready = [i for i in range(len(calls)) if not done >> i & 1 and before[i] & ~done == 0]
    return "\n".join([f"{head}; none of these found it:", *(f"  {calls[i]}" for i in ready[:8])])
