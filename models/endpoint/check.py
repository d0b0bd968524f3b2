# SPDX-License-Identifier: Apache-2.0
"""The end-to-end check of packets (docs/endpoint.md): put behind a payload, and taken off again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from switchproof.models import packet
from switchproof.models.layout import EXT_CHECK, EXT_STROBE, UNIT_BYTES, Op
from switchproof.models.link_format import CRC32_POLY, crc_table
from switchproof.models.packet import FLAG_ERR, Packets

_TABLE = np.array(crc_table(CRC32_POLY, 32), np.uint32)


def _units(packets: Packets) -> NDArray[np.int64]:
    """Return the units of each packet that the check covers."""
    f = packet.fields(packets, "len", "ext")
    return np.asarray(f["len"] + (f["ext"] & EXT_STROBE != 0))


def crc(packets: Packets) -> NDArray[np.uint32]:
    """Return the CRC-32 of each packet, byte by byte from the highest of the header on."""
    sent = packets.copy()
    ext = packet.get(sent, "ext") | EXT_CHECK
    packet.set_fields(sent, ecn=0, poison=0, ext=ext)
    found: NDArray[np.uint32] = np.full(len(sent), 0xFFFF_FFFF, np.uint32)
    units = _units(sent)
    columns = [(sent["hdr"], -1)] + [
        (sent["data"][:, UNIT_BYTES * u : UNIT_BYTES * (u + 1)], u) for u in range(units.max() + 1)
    ]
    for data, unit in columns:
        there = unit < units
        for k in reversed(range(UNIT_BYTES)):
            step = found << np.uint32(8) ^ _TABLE[(found >> np.uint32(24)) ^ data[:, k]]
            found = np.where(there, step, found)
    return ~found


def seal(packets: Packets, flit_w: int) -> Packets:
    """Return the packets with a check; collectives, and those that have one, as they are."""
    sealed = packets.copy()
    f = packet.fields(packets, "ext", "op")
    todo = (f["ext"] & EXT_CHECK == 0) & (f["op"] & 8 == 0)
    sums, units = crc(packets), _units(packets)
    for row in np.flatnonzero(todo):
        at = UNIT_BYTES * int(units[row])
        check = np.zeros(UNIT_BYTES, np.uint8)
        check[:4] = np.frombuffer(int(sums[row]).to_bytes(4, "little"), np.uint8)
        data = packets["data"][row]
        sealed["data"][row] = np.concatenate([data[:at], check, data[at:]])[: len(data)]
    packet.set_fields(sealed, ext=f["ext"] | EXT_CHECK * todo)
    return packet.set_flits(sealed, flit_w)


def unseal(
    packets: Packets, flit_w: int, require: bool = False
) -> tuple[Packets, NDArray[np.bool_]]:
    """Return the packets without their check, and which of them are broken: they have the mark.

    Broken are those with a wrong check and, with `require`, those without one; collectives and
    Op.ERROR need none.
    """
    f = packet.fields(packets, "ext", "op")
    has = f["ext"] & EXT_CHECK != 0
    sums, units = crc(packets), _units(packets)
    broken = np.full(len(packets), require) & ~has & (f["op"] & 8 == 0) & (f["op"] != Op.ERROR)
    bare = packets.copy()
    for row in np.flatnonzero(has):
        at = UNIT_BYTES * int(units[row])
        data = packets["data"][row]
        check = int.from_bytes(data[at : at + UNIT_BYTES].tobytes(), "little")
        broken[row] = check != int(sums[row])
        bare["data"][row] = np.concatenate(
            [data[:at], data[at + UNIT_BYTES :], np.zeros(UNIT_BYTES, np.uint8)]
        )
    packet.set_fields(bare, ext=f["ext"] & ~EXT_CHECK)
    bare["flags"] |= FLAG_ERR * broken.astype(bare["flags"].dtype)
    return packet.set_flits(packet.clear_unused(bare), flit_w), broken
