# SPDX-License-Identifier: Apache-2.0
"""Golden model of sp_traffic_gen and sp_traffic_check: what is sent, and what a checker must say.

Everything works on whole arrays of packets (:data:`switchproof.models.packet.PACKET`). Random bits
come from powers of the shift register's matrix over GF(2), not from stepping it; the payload comes
from multiplications, where the RTL has wires.

    >>> sent = generate(Settings(ports=4, own=1, dst_mode=1, len_min=1, len_max=4), 8)
    >>> packet.get(sent, "dst").tolist()
    [1, 2, 3, 0, 1, 2, 3, 0]
    >>> state = judge(sent[packet.get(sent, "dst") == 2], ports=4, own=2, flit_w=128)
    >>> state.packets, state.errors["sequence"]
    (2, 0)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import packet
from .layout import MAX_UNITS, UNIT_BYTES, VERSION, Op
from .packet import FLAG_ERR, Packets

#: Bits 63:48 of the class part of every generated packet.
MARK = 0x01A5
#: Kinds of errors, in the order of their codes in ``first_kind``.
KINDS = ("sequence", "payload", "header", "length", "mark", "foreign")
#: Which kind names the first packet with an error, when it has several.
PRIORITY = ("foreign", "header", "mark", "length", "sequence", "payload")
#: Operations in the order of the bits of ``op_mask``.
OPS = (int(Op.WRITE), int(Op.READ_RSP), int(Op.MGT_WRITE))
#: Counters of errors stop here.
ERROR_LIMIT = 0xFFFF

_STEP = 20  # bits that come in a step
_DST_BITS, _LEN_BITS = 12, 8

U32 = np.uint32


@dataclasses.dataclass(frozen=True)
class Settings:
    """Inputs of a generator that say what it sends."""

    ports: int = 4
    own: int = 0
    dst_mode: int = 0
    dst: int = 0
    len_min: int = 1
    len_max: int = MAX_UNITS
    op_mask: int = 1
    seed: int = 1
    flit_w: int = 128


# ------------------------------------------------------------------------------- random bits


def _apply(columns: NDArray[np.uint32], states: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return matrix x state for every state; column k is what bit k alone gives."""
    out = np.zeros_like(states)
    for bit in range(32):
        out ^= np.where(states >> U32(bit) & U32(1), columns[bit], U32(0))
    return out


def _one_bit() -> NDArray[np.uint32]:
    """Return the matrix of s[n] = s[n-32] ^ s[n-30] ^ s[n-26] ^ s[n-25], newest bit lowest."""
    columns = np.array([1 << (k + 1) & 0xFFFF_FFFF for k in range(32)], U32)
    columns[[31, 29, 25, 24]] |= U32(1)
    return columns


def random_states(seed: int, own: int, count: int, ports: int) -> NDArray[np.uint32]:
    """Return the states of a generator's shift register at its first `count` draws."""
    power = _one_bit()
    step = np.array([1 << k for k in range(32)], U32)
    for bit in range(_STEP.bit_length()):
        if _STEP >> bit & 1:
            step = _apply(power, step)
        power = _apply(power, power)
    state = seed ^ 0x9E37_79B9 ^ own << 16
    states = np.array([state or 0xFFFF_FFFF], U32)
    # As many steps go by before the first draw as there are flows: four VCs to each port, the
    # ports rounded up to a power of two.
    for _ in range(4 << (ports - 1).bit_length()):
        states = _apply(step, states)
    # Each round appends what the states so far become after as many steps as there are of them.
    while len(states) < count:
        states = np.concatenate([states, _apply(step, states)])
        step = _apply(step, step)
    return states[:count]


# ------------------------------------------------------------------------------------ payload


def _rotl(words: NDArray[np.uint32], by: int) -> NDArray[np.uint32]:
    return words << U32(by) | words >> U32(32 - by) if by else words


def payload_words(
    seq: ArrayLike, src: ArrayLike, dst: ArrayLike, vc: ArrayLike, length: ArrayLike
) -> NDArray[np.uint32]:
    """Return the payload of packets, shape (packets, MAX_UNITS, 4), lowest word first.

    Units behind `length` are there too; callers cut them off.
    """
    seq = np.asarray(seq).astype(U32)[..., None]
    flow = np.asarray(
        np.asarray(dst, np.int64) & 1023
        | (np.asarray(src, np.int64) & 1023) << 10
        | np.asarray(vc, np.int64) << 25
        | np.asarray(length, np.int64) << 27
    ).astype(U32)[..., None]
    unit = np.arange(MAX_UNITS, dtype=U32)
    # Seven, and five, bits again and again.
    low = (seq & U32(0x7F)) * U32(0x0020_4081) | (seq & U32(7)) << U32(28)
    num = unit * U32(0x0210_8421) | (unit & U32(3)) << U32(30)
    words = [
        _rotl(seq, a) ^ _rotl(low, b) ^ _rotl(flow, c) ^ _rotl(num, d) ^ U32(constant)
        for a, b, c, d, constant in (
            (25, 30, 19, 18, 0x2545_F491),
            (12, 18, 11, 24, 0x94D0_49BB),
            (1, 3, 30, 25, 0x5A3C_6D91),
            (24, 31, 11, 16, 0xE817_FBD3),
        )
    ]
    return np.stack(words, -1)


def _expected(packets: Packets) -> NDArray[np.uint32]:
    """Return the payload that the headers of packets ask for, shape (packets, MAX_UNITS, 4)."""
    f = packet.fields(packets, "src", "dst", "op", "len")
    return payload_words(sequence(packets), f["src"], f["dst"], packet.op_vc(f["op"]), f["len"])


def sequence(packets: Packets) -> NDArray[np.int64]:
    """Return the sequence numbers in the headers."""
    return (packet.words(packets)[..., 1] & np.uint64(0xFFFF_FFFF)).astype(np.int64)


def stamps(packets: Packets) -> NDArray[np.int64]:
    """Return the times in the headers."""
    return (packet.words(packets)[..., 1] >> np.uint64(32) & np.uint64(0xFFFF)).astype(np.int64)


# ---------------------------------------------------------------------------------- generator


def generate(settings: Settings, count: int) -> Packets:
    """Return the first `count` packets that a generator draws, in that order, their stamps 0.

    Packets of one VC leave in this order; those of different VCs may pass each other.
    """
    s = settings
    ops = [op for bit, op in enumerate(OPS) if (s.op_mask or 1) >> bit & 1]
    index = np.arange(count, dtype=np.int64)
    states = random_states(s.seed, s.own, count, s.ports).astype(np.int64)
    fraction = states >> _LEN_BITS & (1 << _DST_BITS) - 1
    dst: NDArray[np.int64]
    if s.dst_mode == 0:
        dst = np.full(count, s.dst, np.int64)
    elif s.dst_mode == 1:
        dst = (s.own + index // len(ops)) % s.ports
    elif s.dst_mode == 2:
        dst = fraction * s.ports >> _DST_BITS
    else:
        others = np.delete(np.arange(s.ports), s.own)
        dst = others[fraction * (s.ports - 1) >> _DST_BITS]
    size = states & (1 << _LEN_BITS) - 1
    length = s.len_min + (size * (s.len_max - s.len_min + 1) >> _LEN_BITS)
    op = np.array(ops, np.int64)[index % len(ops)]
    seq = occurrence(dst << 6 | op)
    return make(
        seq=seq, src=np.full(count, s.own), dst=dst, op=op, length=length, flit_w=s.flit_w,
        port=s.own,
    )  # fmt: skip


def make(
    *,
    seq: NDArray[np.int64],
    src: NDArray[np.int64],
    dst: NDArray[np.int64],
    op: NDArray[np.int64],
    length: NDArray[np.int64],
    flit_w: int,
    stamp: ArrayLike = 0,
    port: ArrayLike = 0,
) -> Packets:
    """Return packets as generators send them, one for each element of the arrays."""
    packets = packet.make(
        len(seq), op=op, src=src, dst=dst, len=length, tag=seq & 0xFFF, port=port
    )  # fmt: skip
    high = np.uint64(MARK << 48) | np.asarray(stamp).astype(np.uint64) << np.uint64(32)
    packet.words(packets)[..., 1] = high | seq.astype(np.uint64)
    packet.set_payload(packets, _expected(packets).astype("<u4").reshape(len(seq), -1))
    packet.clear_unused(packets)
    return packet.set_flits(packets, flit_w)


def occurrence(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each element how many before it have the same key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(keys) else order
    run = np.zeros(len(keys), np.int64)
    run[begins] = begins
    out = np.empty(len(keys), np.int64)
    out[order] = np.arange(len(keys)) - np.maximum.accumulate(run)
    return out


# ------------------------------------------------------------------------------------ checker


@dataclasses.dataclass(frozen=True)
class First:
    """The first packet with an error: its index among those judged, and what is kept of it.

    ``wrong`` is a number of 128 bits, the XOR of the unit that came and the one expected; ``due``
    is the sequence number expected. They say nothing when the kind is header or foreign.
    """

    index: int
    kind: str
    header: int
    beat: int
    wrong: int
    due: int


@dataclasses.dataclass(frozen=True)
class State:
    """Outputs of a checker."""

    packets: int
    flits: int
    errors: Mapping[str, int]
    source: tuple[int, ...]
    latency_min: int
    latency_max: int
    latency_sum: int
    signature: int
    first: First | None


def judge(packets: Packets, *, ports: int, own: int, flit_w: int) -> State:
    """Return what a checker says after packets, in the order in which they came.

    Column `stamp` is the time at which the first beat was taken; only its low 16 bits matter.
    Packets of no more than 19 units are judged right whatever their header announces; a longer one
    is at least known to be wrong.
    """
    units = flit_w // (8 * UNIT_BYTES)
    f = packet.fields(packets)
    seq, flits = sequence(packets), packets["flits"].astype(np.int64)
    made = np.isin(f["op"], OPS)
    mark = packet.words(packets)[..., 1] >> np.uint64(48) != np.uint64(MARK)
    foreign = mark | packet.op_known(f["op"]) & ~made
    header = (
        ~made | (f["version"] != VERSION) | (f["dst"] != own) | (f["src"] >= ports)
        | (f["tag"] != (seq & 0xFFF)) | (f["status"] != 0) | (f["ext"] != 0)
    ) & ~foreign  # fmt: skip
    ours = ~foreign & ~header

    due = _due(f["src"] << 2 | packet.op_vc(f["op"]), seq, ours)
    length = f["len"]
    bad_length = ours & (
        (length == 0) | (length > MAX_UNITS) | (flits != packet.num_flits(length, 0, flit_w))
    )
    bad_mark = ours & ((packets["flags"] & FLAG_ERR != 0) | (f["poison"] != 0))
    came = packets["data"][..., : MAX_UNITS * UNIT_BYTES].view("<u4").reshape(-1, MAX_UNITS, 4)
    want = _expected(packets)
    unit = np.arange(MAX_UNITS)
    counted = unit < np.minimum(length, flits * units)[:, None]
    differs = counted & (came != want).any(-1)
    errors = {
        "sequence": ours & (seq != due),
        "payload": ours & differs.any(-1) & ~bad_length & ~bad_mark,
        "header": header,
        "length": bad_length,
        "mark": bad_mark,
        "foreign": foreign,
    }

    fold: NDArray[np.uint32] = np.zeros(len(packets), U32)
    words = np.where(counted, np.bitwise_xor.reduce(came, -1), U32(0))
    for beat in range(int(flits.max(initial=0))):
        new = _rotl(fold, 5)
        for lane in range(units if beat * units < MAX_UNITS else 0):
            new ^= _rotl(words[:, beat * units + lane], 8 * lane)
        fold = np.where(beat < flits, new, fold)
    latency = (packets["stamp"].astype(np.int64) - stamps(packets) & 0xFFFF)[ours]
    return State(
        packets=len(packets),
        flits=int(flits.sum()),
        errors={kind: min(int(errors[kind].sum()), ERROR_LIMIT) for kind in KINDS},
        source=tuple(np.bincount(f["src"][ours], minlength=ports)[:ports].tolist()),
        latency_min=int(latency.min(initial=0xFFFF)),
        latency_max=int(latency.max(initial=0)),
        latency_sum=int(latency.sum()) & (1 << 48) - 1,
        signature=int(fold[ours].sum(dtype=U32)),
        first=_first(packets, errors, due, differs, came, want, units),
    )


def _due(
    flow: NDArray[np.int64], seq: NDArray[np.int64], ours: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the sequence number expected of each packet: one more than the last of its flow."""
    due = np.zeros(len(seq), np.int64)
    at = np.flatnonzero(ours)
    order = at[np.argsort(flow[at], kind="stable")]
    follows = flow[order[1:]] == flow[order[:-1]]
    due[order[1:][follows]] = (seq[order[:-1]] + 1 & 0xFFFF_FFFF)[follows]
    return due


def _first(
    packets: Packets,
    errors: Mapping[str, NDArray[np.bool_]],
    due: NDArray[np.int64],
    differs: NDArray[np.bool_],
    came: NDArray[np.uint32],
    want: NDArray[np.uint32],
    units: int,
) -> First | None:
    bad = np.flatnonzero(np.logical_or.reduce(list(errors.values())))
    if not len(bad):
        return None
    i = int(bad[0])
    kind = next(kind for kind in PRIORITY if errors[kind][i])
    last = int(packets["flits"][i]) - 1
    unit = int(np.argmax(differs[i])) if differs[i].any() else last * units
    if errors["sequence"][i] and not differs[i, :units].any():
        unit = 0
    wrong = (came[i, unit] ^ want[i, unit]).tobytes() if unit < MAX_UNITS else b""
    return First(
        index=i,
        kind=kind,
        header=packet.header_int(packets[i]),
        beat=0 if errors["sequence"][i] else unit // units,
        wrong=int.from_bytes(wrong, "little"),
        due=int(due[i]),
    )
