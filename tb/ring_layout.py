# SPDX-License-Identifier: Apache-2.0
"""The memory that numpy and the ring pipe share, described once.

The file ``pipes.bin`` of a run holds a CONTROL block, one PORT block a port, VIOLATIONS records
and the rings. :func:`c_header` writes the same structures for the C++ side, so that a change
here needs no second hand.
"""

from __future__ import annotations

import numpy as np

from switchproof.models import packet
from switchproof.models.layout import FIELDS, NUM_VC

MAGIC = 0x3145_5049_5057_5331
#: Violations that are kept; later ones are only counted.
MAX_VIOLATIONS = 64

#: What can be wrong on a stream, in the order of the codes.
VIOLATIONS = (
    "none",
    "tvalid_dropped",  # tvalid fell before tready
    "unstable",  # tdata, tuser or tlast changed while tvalid waited for tready
    "length",  # tlast came on another beat than the header announces
    "too_long",  # no tlast on the beat that would be the longest packet's last
    "no_room",  # a packet started on a virtual channel without vc_room
    "in_reset",  # tvalid during reset
    "while_down",  # tvalid at a port whose link is down
)

#: Bits of `wake_on` and `woke`: why the pipe wakes Python.
WAKE_TIME, WAKE_LOW, WAKE_HIGH, WAKE_IDLE, WAKE_VIOLATION = 1, 2, 4, 8, 16


def _struct(fields: list[tuple[str, str] | tuple[str, str, int]], size: int) -> np.dtype:
    """Return a packed dtype of a fixed size, 8-byte fields first."""
    padded = list(fields)
    used = np.dtype(fields).itemsize
    if used > size:
        raise ValueError(f"{used} bytes do not fit in {size}")
    if used < size:
        padded.append(("rsvd", "<u1", size - used))
    return np.dtype(padded)


CONTROL = _struct(
    [
        ("magic", "<u8"),
        ("cycle", "<u8"),  # rising edges seen since the pipe was opened
        ("wake_at", "<u8"),  # wake at this cycle
        ("quiet_since", "<u8"),  # cycle of the last sign of life
        ("seed", "<u8"),
        ("violations", "<u8"),  # how many
        ("rings_at", "<u8"),  # byte offset of the first ring
        ("ports", "<u4"),
        ("flit_bytes", "<u4"),
        ("tuser_w", "<u4"),
        ("header_lsb", "<u4"),
        ("error_bit", "<u4"),
        ("vcs", "<u4"),  # rings an ingress port has: NUM_VC with vc_room, else 1
        ("ring_rows", "<u4"),  # packets in a ring, a power of two
        ("room_late", "<u4"),  # packets that may start after vc_room was withdrawn
        ("len_lsb", "<u4"),
        ("len_w", "<u4"),
        ("ext_lsb", "<u4"),
        ("ext_w", "<u4"),
        ("vc_lsb", "<u4"),
        ("check_length", "<u4"),  # 0: tlast may come anywhere
        ("armed", "<u4"),  # Python waits; cleared by the wake
        ("wake_on", "<u4"),
        ("woke", "<u4"),  # reasons of the last wake
        ("low_rows", "<u4"),  # an ingress ring below this is low
        ("high_rows", "<u4"),  # an egress ring from this on is high
        ("quiet_cycles", "<u4"),  # cycles without sign of life that are idle
        ("open", "<u4"),  # set by the C++ side
        ("junk", "<u4"),  # drive what must be ignored with what would hurt
        ("record", "<u4"),  # append every cycle to record.bin
        ("probe_w", "<u4"),  # bits that the harness shows of the inside
        ("hasty", "<u4"),  # senders do not look at vc_room
    ],
    256,
)


PORT = _struct(
    [
        ("in_head", "<u4", NUM_VC),  # rows written by Python; counts up for ever, modulo 2^32
        ("in_tail", "<u4", NUM_VC),  # rows whose last beat was accepted
        ("out_head", "<u4"),  # rows whose last beat was seen
        ("out_tail", "<u4"),  # rows read by Python
        ("more", "<u4", NUM_VC),  # Python holds packets that did not fit: wake when low
        # Random stalls: one starts with probability p / 2^32 a cycle and lasts 1..longest cycles.
        ("gap_p", "<u4"),
        ("gap_longest", "<u4"),
        ("ready_p", "<u4"),
        ("ready_longest", "<u4"),
        ("room_p", "<u4"),
        ("room_longest", "<u4"),
        ("flits_in", "<u8"),
        ("flits_out", "<u8"),
        ("packets_in", "<u8"),
        ("packets_out", "<u8"),
        ("empty", "<u8"),  # cycles without a packet that is due
        ("gap", "<u8"),  # cycles of random gaps at the source
        ("no_room", "<u8"),  # cycles in which due packets waited for vc_room
        ("blocked", "<u8"),  # cycles of tvalid without tready at the ingress
        ("stalled", "<u8"),  # cycles of tvalid without tready at the egress
        ("host_full", "<u8"),  # cycles in which the egress ring was full
        ("down", "<u4"),  # the link of the port carries nothing
    ],
    256,
)

VIOLATION = np.dtype(
    [("cycle", "<u8"), ("port", "<u4"), ("kind", "<u4"), ("expected", "<u4"), ("seen", "<u4")]
)


def file_size(ports: int, vcs: int, ring_rows: int) -> tuple[int, int]:
    """Return (offset of the first ring, bytes of the file).

    Behind the records: for each port its `vcs` ingress rings, then its egress ring.
    """
    head = CONTROL.itemsize + ports * PORT.itemsize + MAX_VIOLATIONS * VIOLATION.itemsize
    rings_at = -(-head // 4096) * 4096
    return rings_at, rings_at + ports * (vcs + 1) * ring_rows * packet.PACKET.itemsize


def record_dtype(ports: int, probe_w: int) -> np.dtype:
    """Return one cycle of ``record.bin``: little-endian bits, those of port 0 first."""
    one, each = -(-ports // 32), -(-ports * NUM_VC // 32)
    return np.dtype(
        [
            ("reset", "<u4", 1),
            ("s_valid", "<u4", one),
            ("s_ready", "<u4", one),
            ("m_valid", "<u4", one),
            ("m_ready", "<u4", one),
            ("s_room", "<u4", each),
            ("m_room", "<u4", each),
            ("probes", "<u4", -(-probe_w // 32)),
        ]
    )


def header_layout() -> dict[str, int]:
    """Return the control fields that tell the pipe where the header has length and channel."""
    length, ext, op = FIELDS["len"], FIELDS["ext"], FIELDS["op"]
    return {
        "len_lsb": length.offset,
        "len_w": length.width,
        "ext_lsb": ext.offset,
        "ext_w": ext.width,
        "vc_lsb": op.offset + op.width - 2,
    }


def c_header() -> str:
    """Return the structures as a C++ header."""
    parts = [
        "// SPDX-License-Identifier: Apache-2.0",
        "// Made by switchproof.tb.ring_layout; do not edit.",
        "#pragma once",
        "#include <cstddef>",
        "#include <cstdint>",
        f"constexpr uint64_t kMagic = {MAGIC:#x}ull;",
        f"constexpr unsigned kMaxVcs = {NUM_VC};",
        f"constexpr unsigned kMaxViolations = {MAX_VIOLATIONS};",
        f"constexpr unsigned kWakeTime = {WAKE_TIME}, kWakeLow = {WAKE_LOW}, "
        f"kWakeHigh = {WAKE_HIGH}, kWakeIdle = {WAKE_IDLE}, kWakeViolation = {WAKE_VIOLATION};",
        "enum Kind : uint32_t { " + ", ".join(f"k_{name}" for name in VIOLATIONS) + " };",
        *(
            _c_struct(name, dtype)
            for name, dtype in (
                ("Control", CONTROL),
                ("PortBlock", PORT),
                ("Violation", VIOLATION),
                ("Packet", packet.PACKET),
            )
        ),
    ]
    return "\n".join(parts) + "\n"


def _c_struct(name: str, dtype: np.dtype) -> str:
    """Return one dtype as a C++ struct; holes become filler members, offsets are asserted."""
    types = {("u", 1): "uint8_t", ("u", 4): "uint32_t", ("u", 8): "uint64_t"}
    lines, checks, at = [f"struct {name} {{"], [], 0
    assert dtype.names is not None and dtype.fields is not None
    for member in dtype.names:
        kind, offset = dtype.fields[member][:2]
        base, shape = kind.subdtype if kind.subdtype else (kind, ())
        if offset > at:
            lines.append(f"  uint8_t hole_{at}[{offset - at}];")
        array = f"[{shape[0]}]" if shape else ""
        lines.append(f"  {types[base.kind, base.itemsize]} {member}{array};")
        checks.append(f"static_assert(offsetof({name}, {member}) == {offset});")
        at = offset + kind.itemsize
    if dtype.itemsize > at:
        lines.append(f"  uint8_t hole_{at}[{dtype.itemsize - at}];")
    lines += ["};", *checks, f"static_assert(sizeof({name}) == {dtype.itemsize});"]
    return "\n".join(lines)
