# SPDX-License-Identifier: Apache-2.0
"""Golden model of the requester: docs/endpoint.md in Python, by sets of bytes.

A burst is the bytes that its beats name; a block of 256 bytes is those of them that lie in it. From
these follow the packets (:func:`loads`, :func:`stores`, :func:`atomic`), what the bus hears
(:func:`read_beats`, :func:`write_response`), and what an answer means (:func:`judge`). Nothing here
goes beat by beat through a block, and nothing knows a simulator.

    >>> region = Region(base=0, size_log2=20, window_log2=20, dst=5)
    >>> burst = Burst(id=1, addr=0xF8, beats=2, size=4)
    >>> [(hex(ask.addr), ask.arg + 1) for ask in loads(burst, [region], 16)]
    [('0xf0', 1), ('0x100', 1)]
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence

from ..layout import (
    ATOMIC,
    EXT_STROBE,
    FIELDS,
    STROBE_UNITS,
    UNIT_BYTES,
    VERSION,
    AtomicOp,
    Op,
    Status,
)

BLOCK = 256
ADDR_BITS = FIELDS["mem_addr"].width
NUM_BITS = FIELDS["tag"].width - 2
OKAY, SLVERR, DECERR = 0, 2, 3
FIXED, INCR = 0, 1


class Kind(enum.IntEnum):
    """Kinds of requests: the upper bits of a tag."""

    LOAD = 0
    STORE = 1
    ATOMIC = 2


@dataclasses.dataclass(frozen=True)
class Region:
    """Region of the address map."""

    base: int
    size_log2: int
    window_log2: int
    dst: int
    offset: int = 0
    strict: bool = False


@dataclasses.dataclass(frozen=True)
class Burst:
    """An AXI burst: `beats` of 2^`size` bytes."""

    id: int
    addr: int
    beats: int
    size: int
    burst: int = INCR


@dataclasses.dataclass(frozen=True)
class Command:
    """An atomic."""

    id: int
    addr: int
    kind: int
    operand: int
    compare: int = 0
    wide: bool = False
    quiet: bool = False


@dataclasses.dataclass(frozen=True)
class Ask:
    """A request: what is sent, or the response that the endpoint gives itself (`resp`)."""

    kind: Kind
    resp: int | None = None
    dst: int = 0
    addr: int = 0
    arg: int = 0
    wide: bool = False
    quiet: bool = False
    relaxed: bool = False
    #: Payload in units of 16 bytes.
    units: tuple[int, ...] = ()
    strobes: int | None = None
    #: First byte of each beat on the bus, of loads.
    beats: tuple[int, ...] = ()
    last: bool = True

    @property
    def op(self) -> int:
        """Operation of the packet."""
        return int({Kind.LOAD: Op.READ, Kind.STORE: Op.WRITE, Kind.ATOMIC: Op.ATOMIC}[self.kind])

    def header(self, number: int, source: int) -> int:
        """Return the header of the packet, 128 bits."""
        return make_header(
            version=VERSION,
            op=self.op,
            dst=self.dst,
            src=source,
            tag=self.kind << NUM_BITS | number % (1 << NUM_BITS),
            len=len(self.units),
            ext=0 if self.strobes is None else EXT_STROBE,
            mem_addr=self.addr,
            mem_arg=self.arg,
            mem_wide=int(self.wide),
            mem_relaxed=int(self.relaxed),
        )

    def all_units(self) -> list[int]:
        """Return payload and strobes."""
        return [*self.units, *([] if self.strobes is None else [self.strobes])]


def make_header(**values: int) -> int:
    """Return a header with these fields, the others zero."""
    header = 0
    for name, value in values.items():
        field = FIELDS[name]
        if not 0 <= value <= field.mask:
            raise ValueError(f"{name} = {value:#x} has more than {field.width} bits")
        header |= value << field.offset
    return header


def header_field(header: int, name: str) -> int:
    """Return a field of a header of 128 bits."""
    field = FIELDS[name]
    return header >> field.offset & field.mask


def locate(regions: Sequence[Region], address: int) -> tuple[int, int, bool] | None:
    """Return (destination, address there, strict), None if the address is in no region."""
    for region in regions:
        within = address - region.base
        if 0 <= within < 1 << region.size_log2:
            window, rest = divmod(within, 1 << region.window_log2)
            place = (region.offset + rest) % (1 << ADDR_BITS)
            return (region.dst + window) % (1 << FIELDS["dst"].width), place, region.strict
    return None


def refused(burst: Burst, bus_bytes: int) -> bool:
    """Whether a burst is answered with SLVERR as a whole."""
    incr = burst.burst == INCR or (burst.burst == FIXED and burst.beats == 1)
    return not incr or 1 << burst.size > bus_bytes


def beat_bytes(burst: Burst) -> list[range]:
    """Return the addresses of the bytes of each beat."""
    size = 1 << burst.size
    begin = burst.addr - burst.addr % size
    return [
        range(max(burst.addr, begin + k * size), begin + (k + 1) * size) for k in range(burst.beats)
    ]


def loads(burst: Burst, regions: Sequence[Region], bus_bytes: int) -> list[Ask]:
    """Return the requests of a read burst, one a block."""
    beats = beat_bytes(burst)
    if refused(burst, bus_bytes):
        return [Ask(Kind.LOAD, SLVERR, beats=tuple(beat.start for beat in beats))]
    everything = sorted(set().union(*beats))
    asks = []
    for block in sorted({byte // BLOCK for byte in everything}):
        units = {byte // UNIT_BYTES for byte in everything if byte // BLOCK == block}
        starts = tuple(beat.start for beat in beats if beat.start // BLOCK == block)
        asks.append(
            _place(
                Ask(Kind.LOAD, arg=max(units) - min(units), beats=starts, last=False),
                regions,
                min(units) * UNIT_BYTES,
            )
        )
    asks[-1] = dataclasses.replace(asks[-1], last=True)
    return asks


def stores(
    burst: Burst, written: Sequence[Mapping[int, int]], regions: Sequence[Region], bus_bytes: int
) -> list[Ask]:
    """Return the requests of a write burst. `written`: {address: byte} of each beat; of fewer
    beats those of the blocks that have all of theirs."""
    if refused(burst, bus_bytes):
        return [Ask(Kind.STORE, SLVERR)] if len(written) == burst.beats else []
    named = [beat.start // BLOCK for beat in beat_bytes(burst)]
    values: dict[int, int] = {}
    for beat in written:
        values.update(beat)
    asks: list[Ask] = []
    for block in sorted(set(named[: len(written)]) - set(named[len(written) :])):
        mine = {byte: value for byte, value in values.items() if byte // BLOCK == block}
        if locate(regions, block * BLOCK) is None:
            asks.append(Ask(Kind.STORE, DECERR, last=False))
        elif not mine:
            asks.append(Ask(Kind.STORE, OKAY, last=False))
        else:
            asks += [_store(run, regions) for run in _runs(mine)]
    if len(written) == burst.beats:
        asks[-1] = dataclasses.replace(asks[-1], last=True)
    return asks


def _whole(written: Mapping[int, int]) -> bool:
    """Whether every byte from the first to the last unit is written."""
    first, last = min(written) // UNIT_BYTES, max(written) // UNIT_BYTES
    return len(written) == (last - first + 1) * UNIT_BYTES


def _runs(written: Mapping[int, int]) -> list[Mapping[int, int]]:
    """Return the bytes of a block as one packet, or two where strobes do not reach."""
    border = (min(written) // UNIT_BYTES + STROBE_UNITS) * UNIT_BYTES
    if _whole(written) or max(written) < border:
        return [written]
    low = {byte: value for byte, value in written.items() if byte < border}
    return [low, {byte: value for byte, value in written.items() if byte >= border}]


def _store(written: Mapping[int, int], regions: Sequence[Region]) -> Ask:
    first, last = min(written) // UNIT_BYTES, max(written) // UNIT_BYTES
    raw = bytes(written.get(byte, 0) for byte in range(first * UNIT_BYTES, (last + 1) * UNIT_BYTES))
    units = tuple(
        int.from_bytes(raw[k : k + UNIT_BYTES], "little") for k in range(0, len(raw), UNIT_BYTES)
    )
    strobes = None if _whole(written) else sum(1 << b - first * UNIT_BYTES for b in written)
    ask = Ask(Kind.STORE, units=units, strobes=strobes, last=False)
    return _place(ask, regions, first * UNIT_BYTES)


def _place(ask: Ask, regions: Sequence[Region], address: int) -> Ask:
    """Return a request with its destination, or the DECERR of an address in no region."""
    found = locate(regions, address)
    if found is None:
        return dataclasses.replace(ask, resp=DECERR, units=(), strobes=None)
    dst, place, strict = found
    return dataclasses.replace(ask, dst=dst, addr=place, relaxed=not strict)


def atomic(command: Command, epoch: int, regions: Sequence[Region]) -> Ask:
    """Return the request of a command, the `epoch`-th."""
    mask = (1 << (64 if command.wide else 32)) - 1
    fields = {
        "operand": command.operand & mask,
        "epoch": epoch % (ATOMIC["epoch"].mask + 1),
        "quiet": int(command.quiet),
    }
    units = [sum(value << ATOMIC[name].offset for name, value in fields.items())]
    if command.kind == AtomicOp.CAS:
        units.append(command.compare & mask)
    ask = Ask(
        Kind.ATOMIC, arg=command.kind, wide=command.wide, quiet=command.quiet, units=tuple(units)
    )
    return _place(ask, regions, command.addr)


def repeated(ask: Ask) -> Ask:
    """Return a request as it is sent again."""
    if ask.kind is not Kind.ATOMIC:
        return ask
    first = ask.units[0] | 1 << ATOMIC["retry"].offset
    return dataclasses.replace(ask, units=(first, *ask.units[1:]))


def plane(ask: Ask, up: Sequence[bool]) -> int | None:
    """Return the plane of a request, None if none is up."""
    there = [p for p, is_up in enumerate(up) if is_up]
    if not there:
        return None
    name = ask.dst << ADDR_BITS - 8 | (ask.addr // BLOCK if ask.relaxed else 0)
    folded = 0
    for byte in name.to_bytes(8, "little"):
        folded ^= byte
    spread = int(f"{folded:08b}"[::-1], 2)
    return there[spread * len(there) // 256]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What an answer means: a response, a status, data in units."""

    resp: int
    status: int
    units: tuple[int, ...] = ()
    malformed: bool = False


def addressed(header: int, source: int) -> bool:
    """Whether a packet can be an answer to a request of this source at all."""
    return (
        header_field(header, "version") == VERSION
        and header_field(header, "dst") == source
        and not header_field(header, "op") & 8
        and header_field(header, "tag") >> NUM_BITS < len(Kind)
    )


def answers(ask: Ask, header: int) -> bool:
    """Whether an answer belongs to a request: it keeps the class part and comes from there."""
    return header_field(header, "src") == ask.dst and all(
        header_field(header, f"mem_{name}") == getattr(ask, name)
        for name in ("addr", "arg", "wide", "relaxed")
    )


def judge(
    ask: Ask, header: int, units: Sequence[int], flits: int, flit_w: int, err: bool
) -> Verdict:
    """Return what an answer that belongs to a request means. `units`: all that came, `flits` of
    them, so that a stream of a wrong length is known."""
    op, length = header_field(header, "op"), header_field(header, "len")
    status = header_field(header, "status")
    wanted = {
        Kind.LOAD: (Op.READ_RSP, ask.arg + 1),
        Kind.STORE: (Op.WRITE_RSP, 0),
        Kind.ATOMIC: (Op.WRITE_RSP, 0) if ask.quiet else (Op.ATOMIC_RSP, 1),
    }[ask.kind]
    if op == Op.ERROR:
        fits = length == 0 and status != Status.OK
    else:
        fits = (op, length) == wanted
    extensions = header_field(header, "ext").bit_count()
    fits = fits and flits == max(1, -(-(length + extensions) * 128 // flit_w))
    if not fits or err or header_field(header, "poison"):
        return Verdict(SLVERR, int(Status.UNKNOWN), malformed=not fits)
    if status == Status.OK:
        return Verdict(OKAY, status, tuple(units[:length]))
    gone = status in (Status.DST, Status.NOT_MEMBER, Status.PARTITION)
    return Verdict(DECERR if gone else SLVERR, status)


def read_beats(ask: Ask, verdict: Verdict, size: int, bus_bytes: int) -> list[dict[int, int]]:
    """Return {lane: byte} of each beat of read data that a load gives; what is not in it may be
    anything. With an error all lanes are zero."""
    if verdict.resp != OKAY:
        return [dict.fromkeys(range(bus_bytes), 0) for _ in ask.beats]
    raw = b"".join(unit.to_bytes(UNIT_BYTES, "little") for unit in verdict.units)
    result = []
    for start in ask.beats:
        end = start - start % (1 << size) + (1 << size)
        result.append(
            {byte % bus_bytes: raw[byte % BLOCK - ask.addr % BLOCK] for byte in range(start, end)}
        )
    return result


def write_response(responses: Sequence[int]) -> int:
    """Return the response to a burst from those of its requests."""
    return max(responses)
