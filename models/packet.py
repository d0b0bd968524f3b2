# SPDX-License-Identifier: Apache-2.0
"""Packets as rows of a numpy structured array: made, read and changed a whole array at a time.

A header is two little-endian 64-bit words; every field is a shift and a mask of one of them, so
reading or writing a field of a million packets is a handful of numpy operations.

    >>> p = make(2, flit_w=128, op=Op.ALLREDUCE, dst=9, len=4, seq=[0, 1])
    >>> get(p, "seq").tolist(), p["flits"].tolist()
    ([0, 1], [4, 4])

Field names are those of :mod:`switchproof.models.layout`. The rules about operations
(:data:`KNOWN`, :data:`LEN_MIN`, :data:`LEN_MAX`) are stated here on their own, not read from the
SystemVerilog functions; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .layout import (
    EXT_SET,
    FIELDS,
    HDR_BYTES,
    ID_GROUP,
    MAX_EXT,
    MAX_MEMBERS,
    MAX_UNITS,
    MEMBER,
    NUM_OPS,
    UNIT_BYTES,
    VERSION,
    EType,
    Op,
    RedOp,
    Status,
    Vc,
)

#: Bytes of payload and extension units of the longest packet.
DATA_BYTES = (MAX_UNITS + MAX_EXT) * UNIT_BYTES

#: One packet on its way between numpy and a simulation or board; 384 bytes.
PACKET = np.dtype(
    {
        "names": [
            "not_before",  # cycle before which the source holds the packet
            "stamp",  # cycle at which the first beat was accepted or seen; filled by the pipe
            "stamp_last",  # the same for the last beat
            "flits",  # beats to send; num_flits(len, ext) unless the packet is malformed
            "flags",  # FLAG_*
            "port",  # external port
            "tail",  # spare
            "hdr",  # header, byte k is bits 8k+7:8k
            "data",  # payload units, then extension units, zero behind them
        ],
        "formats": ["<u8", "<u8", "<u8", "<u4", "<u4", "<u4", "<u4", (np.uint8, HDR_BYTES),
                    (np.uint8, DATA_BYTES)],
        "offsets": [0, 8, 16, 24, 28, 32, 36, 64, 64 + HDR_BYTES],
        "itemsize": 384,
    }
)  # fmt: skip

#: Columns of PACKET that `make` and `set_fields` take by name, beside the header fields.
COLUMNS = ("not_before", "stamp", "stamp_last", "flits", "flags", "port", "tail")

#: Bit of `flags`: the error mark on the last beat (late poison).
FLAG_ERR = 1

Packets = NDArray[np.void]


# ------------------------------------------------------------------ rules about operations

_HEADER_ONLY = (
    Op.READ, Op.WRITE_RSP, Op.ERROR, Op.FETCH, Op.COLL_ERROR, Op.BARRIER, Op.LOAD_REDUCE,
    Op.MGT_READ,
)  # fmt: skip
_ONE_OR_TWO = (Op.ATOMIC, Op.ATOMIC_RSP)
_ANY_LENGTH = (Op.RESULT, Op.MGT_WRITE, Op.MGT_RSP)


def _operation_tables() -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Return known, shortest and longest payload in units, each indexed by operation."""
    known = np.zeros(NUM_OPS, bool)
    low = np.ones(NUM_OPS, np.int64)
    high = np.full(NUM_OPS, MAX_UNITS, np.int64)
    known[[int(op) for op in Op]] = True
    for op in _HEADER_ONLY:
        low[op] = high[op] = 0
    for op in _ONE_OR_TWO:
        high[op] = 2
    for op in _ANY_LENGTH:
        low[op] = 0
    return known, low, high


#: Indexed by operation: whether it exists, and its shortest and longest payload in units.
KNOWN, LEN_MIN, LEN_MAX = _operation_tables()


def op_vc(op: ArrayLike) -> NDArray[np.int64]:
    """Return the virtual channel of each operation."""
    return np.asarray(op, np.int64) >> 4 & 3


def op_known(op: ArrayLike) -> NDArray[np.bool_]:
    """Return whether each operation exists."""
    return KNOWN[np.asarray(op, np.int64)]


def len_legal(op: ArrayLike, length: ArrayLike) -> NDArray[np.bool_]:
    """Return whether a payload of `length` units is possible for each (known) operation."""
    op, length = np.asarray(op, np.int64), np.asarray(length, np.int64)
    return np.asarray((length >= LEN_MIN[op]) & (length <= LEN_MAX[op]))


def op_class(op: int) -> str:
    """Return which class part the header of an operation has: ``mem``, ``coll`` or ``mgt``.

    An answer keeps the class part of what it answers, so for Op.ERROR this is a guess: ``mem``.
    """
    if op & 8:
        return "coll"
    return "mgt" if op >> 4 == Vc.MGT else "mem"


def num_units(length: ArrayLike, ext: ArrayLike) -> NDArray[np.int64]:
    """Return the units that follow the header: payload and flagged extensions."""
    ext = np.asarray(ext, np.int64)
    return np.asarray(length, np.int64) + (ext & 1) + (ext >> 1 & 1) + (ext >> 2 & 1)


def num_flits(length: ArrayLike, ext: ArrayLike, flit_w: int) -> NDArray[np.int64]:
    """Return the flits of packets of `length` payload units and extension flags `ext`.

    `flit_w` is in bits. A packet without units is one flit.
    """
    unit_per_flit = flit_w // (8 * UNIT_BYTES)
    return np.maximum(-(-num_units(length, ext) // unit_per_flit), 1)


def max_flits(flit_w: int) -> int:
    """Return the flits of the longest packet."""
    return int(num_flits(MAX_UNITS, (1 << MAX_EXT) - 1, flit_w))


# ------------------------------------------------------------------------- reading, writing


def words(packets: Packets) -> NDArray[np.uint64]:
    """Return the headers as a view of shape (..., 2), little-endian 64-bit words, low first."""
    return packets["hdr"].view("<u8")


def get(packets: Packets, name: str) -> NDArray[np.int64]:
    """Return one header field or column of every packet, as int64.

    Raises KeyError with the valid names when there is no such field.
    """
    if name in COLUMNS:
        return packets[name].astype(np.int64)
    field = _field(name)
    word = words(packets)[..., field.word]
    return ((word >> np.uint64(field.shift)) & np.uint64(field.mask)).astype(np.int64)


def fields(packets: Packets, *names: str) -> dict[str, NDArray[np.int64]]:
    """Return several header fields by name; every common and class field when none is named."""
    if not names:
        names = tuple(dict.fromkeys(field.name for field in FIELDS.values()))
    return {name: get(packets, name) for name in names}


def set_fields(packets: Packets, **values: ArrayLike) -> Packets:
    """Set header fields or columns in place and return the same array.

    A value is one number or one per packet. Raises KeyError for a name that does not exist and
    ValueError, naming field and bound, for a value that does not fit.
    """
    header = words(packets)
    for name, value in values.items():
        if name in COLUMNS:
            packets[name] = value
            continue
        field = _field(name)
        numbers = np.asarray(value)
        if numbers.dtype.kind not in "iub":
            raise ValueError(f"{name} wants whole numbers: {value!r}")
        if numbers.size and (int(numbers.min()) < 0 or int(numbers.max()) > field.mask):
            raise ValueError(f"{name} is not in 0..{field.mask}: {value!r}")
        word = header[..., field.word]
        word &= np.uint64(~(field.mask << field.shift) & (1 << 64) - 1)
        word |= numbers.astype(np.uint64) << np.uint64(field.shift)
    return packets


def make(
    count: int, *, flit_w: int | None = None, payload: ArrayLike | None = None, **values: ArrayLike
) -> Packets:
    """Return `count` packets, zero but for the given header fields and columns.

    `payload`: an array of shape (elements,) or (count, elements) of any dtype whose bytes go to
    the head of `data`. With `flit_w` (bits) the column `flits` follows from len and ext, unless
    it is given.
    """
    packets = np.zeros(count, PACKET)
    set_fields(packets, version=VERSION)
    set_fields(packets, **values)
    if payload is not None:
        set_payload(packets, payload)
    if flit_w is not None and "flits" not in values:
        set_flits(packets, flit_w)
    return packets


def set_flits(packets: Packets, flit_w: int) -> Packets:
    """Set `flits` to what len and ext ask for, in place, and return the same array."""
    packets["flits"] = num_flits(get(packets, "len"), get(packets, "ext"), flit_w)
    return packets


def set_payload(packets: Packets, payload: ArrayLike) -> Packets:
    """Copy the bytes of `payload` ((elements,) or (packets, elements)) to the head of `data`."""
    values = np.ascontiguousarray(payload)
    raw = values.view(np.uint8).reshape(*values.shape[:-1], -1)
    if raw.shape[-1] > DATA_BYTES:
        raise ValueError(f"payload of {raw.shape[-1]} bytes is longer than {DATA_BYTES}")
    packets["data"][..., : raw.shape[-1]] = raw
    return packets


def payload(
    packets: Packets, dtype: DTypeLike = np.uint8, units: int | None = None
) -> NDArray[Any]:
    """Return `data` as a writable view of elements of `dtype`, shape (..., elements).

    `units` cuts the view behind that many 16-byte units.
    """
    end = DATA_BYTES if units is None else units * UNIT_BYTES
    return packets["data"][..., :end].view(dtype)


def member_sets(packets: Packets) -> NDArray[np.int64]:
    """Return the destinations in the last unit of each packet, -1 where there is none.

    Shape (packets, 8), in the order of the set. Packets without a set have none.
    """
    entries = _set_unit(packets)
    ids = (entries >> MEMBER["id"].offset & MEMBER["id"].mask).astype(np.int64)
    there = (entries >> MEMBER["valid"].offset & 1).astype(bool)
    return np.where(there & _has_set(packets)[:, None], ids, -1)


def set_members(packets: Packets, members: ArrayLike) -> Packets:
    """Make the last unit of each packet a member set, in place, and return the same array.

    `members`: destination IDs, shape (n,) or (packets, n) with n up to 8; -1 for none. `ext` must
    say that there is a set and `len` be final, as both tell where it lies. ValueError otherwise.
    """
    ids = np.asarray(members, np.int64)
    if ids.shape[-1] > MAX_MEMBERS or ids.min(initial=-1) < -1 or ids.max(initial=0) > ID_GROUP:
        raise ValueError(f"members are up to {MAX_MEMBERS} IDs of -1..{ID_GROUP}: {members!r}")
    if not _has_set(packets).all():
        raise ValueError("a packet has no member set: bit 2 of ext is clear")
    entries = np.zeros((len(packets), MAX_MEMBERS), np.int64)
    entries[:, : ids.shape[-1]] = np.where(
        ids < 0, 0, ids << MEMBER["id"].offset | 1 << MEMBER["valid"].offset
    )
    return _put_set_unit(packets, entries)


def keep_members(packets: Packets, keep: ArrayLike) -> Packets:
    """Clear `valid` of the destinations that are not to be kept, in place; return the array.

    `keep`: shape (packets, 8). Packets without a set stay as they are.
    """
    gone = (~np.asarray(keep, bool)).astype(np.int64) << MEMBER["valid"].offset
    chosen = np.flatnonzero(_has_set(packets))
    if chosen.size:
        rows = packets[chosen]
        packets[chosen] = _put_set_unit(rows, _set_unit(rows) & ~gone[chosen])
    return packets


def _has_set(packets: Packets) -> NDArray[np.bool_]:
    return get(packets, "ext") & EXT_SET != 0


def _set_place(packets: Packets) -> NDArray[np.int64]:
    """Return where the bytes of the last unit of each packet lie in `data`."""
    first = np.maximum(used_bytes(packets) - UNIT_BYTES, 0)
    # Of lengths that cannot be the set lies nowhere; such packets are refused.
    return np.minimum(first, DATA_BYTES - UNIT_BYTES)[:, None] + np.arange(UNIT_BYTES)


def _set_unit(packets: Packets) -> NDArray[np.int64]:
    raw = np.take_along_axis(packets["data"], _set_place(packets), axis=1)
    return np.ascontiguousarray(raw).view("<u2").astype(np.int64)


def _put_set_unit(packets: Packets, entries: NDArray[np.int64]) -> Packets:
    raw = np.ascontiguousarray(entries.astype("<u2")).view(np.uint8)
    np.put_along_axis(packets["data"], _set_place(packets), raw, axis=1)
    return packets


def used_bytes(packets: Packets) -> NDArray[np.int64]:
    """Return how many bytes of `data` each packet uses, by its len and ext."""
    return UNIT_BYTES * num_units(get(packets, "len"), get(packets, "ext"))


def clear_unused(packets: Packets) -> Packets:
    """Zero `data` behind the units that len and ext announce, in place."""
    packets["data"][np.arange(DATA_BYTES) >= used_bytes(packets)[..., None]] = 0
    return packets


# ---------------------------------------------------------------------------- one packet


def header_int(packet: np.void) -> int:
    """Return the header of one packet as a number of 128 bits."""
    return int.from_bytes(packet["hdr"].tobytes(), "little")


def set_header_int(packet: np.void, header: int) -> None:
    """Set the header of one packet (a row of an array, in place) from a number of 128 bits."""
    packet["hdr"] = np.frombuffer(header.to_bytes(HDR_BYTES, "little"), np.uint8)


def beats(packet: np.void, flit_w: int) -> list[int]:
    """Return the tdata of each of the packet's `flits` beats as numbers of `flit_w` bits."""
    step = flit_w // 8
    raw = packet["data"].tobytes()
    return [
        int.from_bytes(raw[k * step : (k + 1) * step], "little")
        for k in range(int(packet["flits"]))
    ]


def set_beats(packet: np.void, flits: Iterable[int], flit_w: int) -> None:
    """Fill `data` and `flits` of one packet (a row, in place) from the tdata of its beats."""
    values = list(flits)
    raw = b"".join(value.to_bytes(flit_w // 8, "little") for value in values)
    packet["flits"] = len(values)
    packet["data"] = np.frombuffer(raw[:DATA_BYTES].ljust(DATA_BYTES, b"\0"), np.uint8)


def describe(packet: np.void) -> str:
    """Return one packet as a line of text: operation, route, length and class part."""
    row = np.array([packet], PACKET)
    values = {name: int(value[0]) for name, value in fields(row).items()}
    op = values["op"]
    name = Op(op).name if op_known(op) else f"op {op:#04x}"
    parts = [f"{name} {values['src']}->{values['dst']} tag {values['tag']} len {values['len']}"]
    if values["version"] != VERSION:
        parts.append(f"version {values['version']}")
    if values["status"]:
        parts.append(f"status {_name(Status, values['status'])}")
    parts += [f"{flag} {values[flag]}" for flag in ("ext", "ecn", "poison", "rsvd") if values[flag]]
    kind = op_class(op)
    if kind == "coll":
        parts.append(
            f"group {values['coll_group']} slice {values['coll_slice']} seq {values['coll_seq']} "
            f"root {values['coll_root']} {_name(RedOp, values['coll_redop'])} "
            f"{_name(EType, values['coll_etype'])} mode {values['coll_mode']}"
        )
    elif kind == "mgt":
        parts.append(f"addr {values['mgt_addr']:#x} data {values['mgt_data']:#x}")
    else:
        parts.append(f"addr {values['mem_addr']:#x} arg {values['mem_arg']}")
    if int(packet["flags"]) & FLAG_ERR:
        parts.append("err")
    return f"port {int(packet['port'])}: " + ", ".join(parts) + f", {int(packet['flits'])} flits"


# ---------------------------------------------------------------------------- many packets


def error_answer(refused: Packets, status: ArrayLike, flit_w: int | None = None) -> Packets:
    """Return the header-only answers to refused packets, from `port` to the same port.

    The class part, tag and reserved bits stay; source and destination change places. With
    `flit_w` the column `flits` is set (to one).
    """
    old = fields(refused, "op", "src", "dst")
    answers = np.zeros(refused.shape, PACKET)
    answers["hdr"] = refused["hdr"]
    answers["port"] = refused["port"]
    op = np.where(op_vc(old["op"]) == Vc.RED, int(Op.COLL_ERROR), int(Op.ERROR))
    set_fields(
        answers, version=VERSION, op=op, src=old["dst"], dst=old["src"], status=status,
        len=0, ext=0, ecn=0, poison=0,
    )  # fmt: skip
    return answers if flit_w is None else set_flits(answers, flit_w)


def same(one: Packets, other: Packets) -> NDArray[np.bool_]:
    """Return for each pair whether header, flits, error mark and the units in use are equal."""
    flags = (one["flags"] ^ other["flags"]) & FLAG_ERR
    equal = (one["hdr"] == other["hdr"]).all(-1) & (one["flits"] == other["flits"]) & (flags == 0)
    used = np.arange(DATA_BYTES) < used_bytes(one)[..., None]
    return equal & ((one["data"] == other["data"]) | ~used).all(-1)


def random_packets(
    rng: np.random.Generator,
    count: int,
    *,
    flit_w: int,
    ops: Iterable[int] = tuple(Op),
    lengths: tuple[int, int] = (0, MAX_UNITS),
    extensions: bool = True,
    **values: ArrayLike,
) -> Packets:
    """Return `count` legal packets with random headers and payloads.

    `ops`: the operations to draw from. `lengths`: bounds in units, met where the operation allows
    them. `extensions`: draw extension flags, else none. `values`: header fields or columns that
    are set instead of drawn; dst is drawn from all IDs but the group's, so it is normally given.
    """
    packets = np.zeros(count, PACKET)
    packets["hdr"] = rng.integers(0, 256, (count, HDR_BYTES), np.uint8)
    packets["data"] = rng.integers(0, 256, (count, DATA_BYTES), np.uint8)
    op = rng.choice(np.array([int(o) for o in ops], np.int64), count)
    if "op" in values:
        op = np.broadcast_to(np.asarray(values["op"], np.int64), (count,))
    low = np.clip(lengths[0], LEN_MIN[op], LEN_MAX[op])
    high = np.clip(lengths[1], LEN_MIN[op], LEN_MAX[op])
    drawn: Mapping[str, ArrayLike] = {
        "version": VERSION,
        "op": op,
        "len": rng.integers(low, high, endpoint=True),
        "ext": rng.integers(0, 1 << MAX_EXT, count) if extensions else 0,
        "dst": rng.integers(0, ID_GROUP, count),
    }
    set_fields(packets, **{**drawn, **values})
    clear_unused(packets)
    return packets if "flits" in values else set_flits(packets, flit_w)


def _field(name: str) -> Any:
    try:
        return FIELDS[name]
    except KeyError:
        raise KeyError(f"no packet field {name!r}; there are: {', '.join(FIELDS)}") from None


def _name(enumeration: Any, value: int) -> str:
    try:
        return str(enumeration(value).name)
    except ValueError:
        return str(value)
