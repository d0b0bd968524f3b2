# SPDX-License-Identifier: Apache-2.0
"""What goes over a link: blocks, trailers, TRAIN blocks and their checks (docs/link.md).

A block is ``(mark, unit)``: two numbers of 2 and 128 bits. A beat is a tuple of K blocks, and so is
what the K lanes carry in one cycle. The CRCs are polynomial division by tables of bytes; for many
frames at once there is :func:`crc32_frames`.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from .layout import FIELDS, HDR_BYTES, MAX_UNITS, NUM_VC, UNIT_BYTES
from .packet import DATA_BYTES, FLAG_ERR, PACKET, Packets

#: Marks of a block; every other one is damage.
DATA, CONTROL = 0b01, 0b10

Block = tuple[int, int]
Beat = tuple[Block, ...]

SEQ_FIELD = 13
FREED_W = 14
VERSION = 1


class Kind(enum.IntEnum):
    """Bits 3:0 of a control block."""

    NULL = 0
    TRAILER = 1
    TRAIN = 2
    SKIP = 3
    POISON = 4


NULL_BLOCK: Block = (CONTROL, Kind.NULL)
SKIP_BLOCK: Block = (CONTROL, Kind.SKIP)
POISON_BLOCK: Block = (CONTROL, Kind.POISON)


def kind_of(block: Block) -> Kind | None:
    """Return the kind of a control block; None for data and for damage."""
    mark, unit = block
    return Kind(unit & 15) if mark == CONTROL and unit & 15 <= Kind.POISON else None


def damaged(block: Block) -> bool:
    """Return whether mark or kind of a block cannot be."""
    return block[0] != DATA and kind_of(block) is None


def between_frames(beat: Sequence[Block]) -> bool:
    """Return whether a beat is all NULL or SKIP: it is as if it was not there."""
    return any(all(kind_of(block) == kind for block in beat) for kind in (Kind.NULL, Kind.SKIP))


# --------------------------------------------------------------------------------------- CRC

CRC32_POLY = 0x741B8CD7
CRC16_POLY = 0x3D65


def crc_table(poly: int, width: int) -> list[int]:
    """Return the remainders of all bytes shifted by `width` bits, divided by x^width + poly."""
    table = []
    for byte in range(256):
        rest = byte << (width - 8)
        for _ in range(8):
            rest <<= 1
            if rest >> width:
                rest ^= 1 << width | poly
        table.append(rest)
    return table


_TABLE32 = crc_table(CRC32_POLY, 32)
_TABLE16 = crc_table(CRC16_POLY, 16)
_ONES = 0xFFFF_FFFF


def crc32_step(crc: int, block: Block) -> int:
    """Return the running CRC-32 behind one more block: its control bit, then bits 127:0."""
    mark, unit = block
    top = crc >> 31 ^ (mark == CONTROL)
    crc = crc << 1 & _ONES ^ (CRC32_POLY if top else 0)
    for byte in unit.to_bytes(UNIT_BYTES, "big"):
        crc = (crc << 8 & _ONES) ^ _TABLE32[crc >> 24 ^ byte]
    return crc


def crc32(blocks: Iterable[Block]) -> int:
    """Return the CRC-32 of the blocks of a frame, the trailer having zeros for `crc`."""
    crc = _ONES
    for block in blocks:
        crc = crc32_step(crc, block)
    return crc ^ _ONES


def crc16(unit: int) -> int:
    """Return the CRC-16 of bits 111:0 of a TRAIN block."""
    crc = 0xFFFF
    for byte in (unit & (1 << 112) - 1).to_bytes(14, "big"):
        crc = (crc << 8 & 0xFFFF) ^ _TABLE16[crc >> 8 ^ byte]
    return crc ^ 0xFFFF


def crc32_frames(
    control: NDArray[np.bool_], units: NDArray[np.uint8], lengths: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Return the CRC-32 of many frames.

    control: (frames, blocks), which blocks are control blocks. units: (frames, blocks, 16), byte k
    being bits 8k+7:8k. lengths: (frames,), blocks of each frame; what lies behind is ignored.
    """
    table = np.array(_TABLE32, np.uint32)
    crc: NDArray[np.uint32] = np.full(len(control), _ONES, np.uint32)
    for b in range(control.shape[1]):
        top = (crc >> np.uint32(31)).astype(bool) ^ control[:, b]
        step = crc << np.uint32(1) ^ np.where(top, np.uint32(CRC32_POLY), np.uint32(0))
        for k in reversed(range(UNIT_BYTES)):
            step = step << np.uint32(8) ^ table[(step >> np.uint32(24)) ^ units[:, b, k]]
        crc = np.where(b < lengths, step, crc)
    return crc ^ np.uint32(_ONES)


# ---------------------------------------------------------------------------- control blocks

Fields = dict[str, tuple[int, int]]
T = TypeVar("T", bound="_Control")


@dataclasses.dataclass(frozen=True)
class _Control:
    """A control block with fields; `LAYOUT` has lowest bit and width of each."""

    LAYOUT: ClassVar[Fields]
    KIND: ClassVar[Kind]

    def pack(self) -> int:
        """Return the unit. Raises ValueError for a value that does not fit its field."""
        unit = int(self.KIND)
        for name, (offset, width) in self.LAYOUT.items():
            value = getattr(self, name)
            values = value if isinstance(value, tuple) else (value,)
            for k, v in enumerate(values):
                if not 0 <= v < 1 << width:
                    raise ValueError(f"{name} = {v} does not fit {width} bits")
                unit |= v << (offset + k * width)
        return unit

    @classmethod
    def unpack(cls: type[T], unit: int) -> T:
        """Return the fields of a unit."""
        values: dict[str, int | tuple[int, ...]] = {}
        for name, (offset, width) in cls.LAYOUT.items():
            mask = (1 << width) - 1
            if name in ("freed", "reserved"):
                values[name] = tuple(unit >> (offset + v * width) & mask for v in range(NUM_VC))
            else:
                values[name] = unit >> offset & mask
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class Trailer(_Control):
    """The trailer of a frame."""

    KIND = Kind.TRAILER
    LAYOUT = {  # noqa: RUF012
        "data": (4, 1), "nack": (5, 1), "cont": (6, 1), "round": (7, 2), "epoch": (9, 4),
        "seq": (13, SEQ_FIELD), "ack": (26, SEQ_FIELD), "freed": (39, FREED_W), "heard": (95, 1),
        "crc": (96, 32),
    }  # fmt: skip

    data: int = 0
    nack: int = 0
    cont: int = 0
    round: int = 0
    epoch: int = 0
    seq: int = 0
    ack: int = 0
    freed: tuple[int, ...] = (0,) * NUM_VC
    heard: int = 0
    crc: int = 0

    def block(self, running: int) -> Block:
        """Return the block with its CRC; `running` is the CRC's state behind the other blocks."""
        bare = (CONTROL, dataclasses.replace(self, crc=0).pack())
        return CONTROL, bare[1] | (crc32_step(running, bare) ^ _ONES) << 96


def crc_start() -> int:
    """Return the CRC-32's state in front of a frame."""
    return _ONES


def crc_holds(running: int, trailer: int) -> bool:
    """Return whether a trailer unit has the CRC of its frame, whose other blocks gave `running`."""
    bare = trailer & (1 << 96) - 1
    return crc32_step(running, (CONTROL, bare)) ^ _ONES == trailer >> 96


@dataclasses.dataclass(frozen=True)
class Train(_Control):
    """A TRAIN block; its CRC is added by :meth:`block` and checked by :meth:`of`."""

    KIND = Kind.TRAIN
    LAYOUT = {  # noqa: RUF012
        "lane": (4, 2), "good": (6, 4), "seen": (10, 1), "resume": (11, 1), "nonce": (12, 8),
        "echo": (20, 8), "ack": (28, SEQ_FIELD), "shared": (41, SEQ_FIELD), "reserved": (54, 12),
        "width": (102, 2), "seqw": (104, 4), "version": (108, 4),
    }  # fmt: skip

    lane: int = 0
    good: int = 0
    seen: int = 0
    resume: int = 0
    nonce: int = 0
    echo: int = 0
    ack: int = 0
    shared: int = 0
    reserved: tuple[int, ...] = (0,) * NUM_VC
    width: int = 0
    seqw: int = 0
    version: int = VERSION

    def block(self) -> Block:
        """Return the block with its CRC."""
        unit = self.pack()
        return CONTROL, unit | crc16(unit) << 112

    @classmethod
    def of(cls, block: Block, lane: int) -> Train | None:
        """Return the TRAIN block that came on a lane, None if it is another or not valid."""
        unit = block[1]
        if kind_of(block) != Kind.TRAIN or unit >> 112 != crc16(unit) or unit >> 4 & 3 != lane:
            return None
        return cls.unpack(unit)


def frame(beats: Sequence[Sequence[Block]], trailer: Trailer, k: int) -> list[Beat]:
    """Return the beats of a frame: whole beats, then up to K-1 blocks in front of the trailer.

    The last of `beats` may be short: then the trailer stands in it, otherwise in a beat of its own.
    """
    full = [tuple(beat) for beat in beats if len(beat) == k]
    short = list(beats[-1]) if beats and len(beats[-1]) < k else []
    last = [*short, *[NULL_BLOCK] * (k - 1 - len(short))]
    running = crc_start()
    for beat in full:
        if not between_frames(beat):
            for block in beat:
                running = crc32_step(running, block)
    for block in last:
        running = crc32_step(running, block)
    return [*full, (*last, trailer.block(running))]


# ----------------------------------------------------------------------------------- packets


class Packet(NamedTuple):
    """A packet as the link sees it: its units, header first, and the error mark."""

    units: tuple[int, ...]
    err: bool = False

    @property
    def vc(self) -> int:
        """Virtual channel."""
        return vc_of(self.units[0])


def vc_of(header: int) -> int:
    """Return the virtual channel of a header."""
    return header >> FIELDS["op"].offset + 4 & 3


def payload_units(header: int) -> int:
    """Return the units that follow a header, as the link counts them."""
    length, ext = FIELDS["len"], FIELDS["ext"]
    extensions = (header >> ext.offset & ext.mask).bit_count()
    return min(header >> length.offset & length.mask, MAX_UNITS) + extensions


def flits_of(header: int, k: int) -> int:
    """Return the flits of a packet at K units in a beat."""
    return max(1, -(-payload_units(header) // k))


def from_rows(rows: Packets, k: int) -> list[Packet]:
    """Return packets from rows of PACKET; one with other beats than its header says gets a mark."""
    packets = []
    for row in rows:
        header = int.from_bytes(row["hdr"].tobytes(), "little")
        raw, count, given = row["data"].tobytes(), payload_units(header), int(row["flits"])
        units = [
            int.from_bytes(raw[UNIT_BYTES * n : UNIT_BYTES * (n + 1)], "little")
            if n < given * k else 0
            for n in range(count)
        ]  # fmt: skip
        wrong = given != flits_of(header, k)
        packets.append(Packet((header, *units), bool(row["flags"] & FLAG_ERR) or wrong))
    return packets


def to_rows(packets: Sequence[Packet], k: int) -> Packets:
    """Return rows of PACKET, with header, data, flits and error mark."""
    rows = np.zeros(len(packets), PACKET)
    for row, packet in zip(rows, packets, strict=True):
        raw = b"".join(unit.to_bytes(UNIT_BYTES, "little") for unit in packet.units)
        row["hdr"] = np.frombuffer(raw[:HDR_BYTES], np.uint8)
        row["data"] = np.frombuffer(raw[HDR_BYTES:].ljust(DATA_BYTES, b"\0"), np.uint8)
        row["flits"] = flits_of(packet.units[0], k)
        row["flags"] = FLAG_ERR if packet.err else 0
    return rows
