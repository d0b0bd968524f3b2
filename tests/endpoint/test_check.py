# SPDX-License-Identifier: Apache-2.0
"""The end-to-end check: added, looked at and taken off as the model says, whatever the length."""

from __future__ import annotations

import json
import zlib

import cocotb
import numpy as np
import pytest

from switchproof.models import packet, profiles
from switchproof.models.endpoint import check
from switchproof.models.layout import EXT_CHECK, EXT_SET, FIELDS, MAX_UNITS, UNIT_BYTES, Op
from switchproof.models.packet import FLAG_ERR
from switchproof.tb.env import Settings, make_pipe
from switchproof.tb.pipes import STALLS

BENCH = "tests/endpoint/sp_seal_bench.toml"
SEAL, UNSEAL, BOTH, REQUIRED, NONE = STREAMS = range(5)
#: Packets of a port in a simulation.
COUNT = 1500
#: Header bits that the check covers and that say nothing of the length.
COVERED = [
    bit
    for field in FIELDS.values()
    if field.name not in ("ecn", "poison", "ext", "len", "op", "version")
    for bit in range(field.offset, field.offset + field.width)
]


def drawn(rng: np.random.Generator, count: int, flit_w: int, sealed: bool) -> packet.Packets:
    """Return packets of all kinds, with the error mark now and then; with a check or without."""
    rows = packet.random_packets(rng, count, flit_w=flit_w)
    ext = packet.get(rows, "ext") & ~EXT_CHECK
    packet.set_flits(packet.clear_unused(packet.set_fields(rows, ext=ext)), flit_w)
    rows["flags"] = FLAG_ERR * (rng.random(count) < 0.05)
    return check.seal(rows, flit_w) if sealed else rows


def damaged(rng: np.random.Generator, rows: packet.Packets) -> packet.Packets:
    """Return the packets, half of them with a wrong bit that the check covers, or in the check."""
    rows = rows.copy()
    for row in (rows[at] for at in np.flatnonzero(rng.random(len(rows)) < 0.5)):
        units = int(packet.num_units(*(packet.get(row, name) for name in ("len", "ext"))))
        units -= int(packet.get(row, "ext") & EXT_SET != 0)
        bit = int(rng.integers(0, 128 * (units + 1)))
        if bit < 128:
            bit = int(rng.choice(COVERED))
            row["hdr"][bit // 8] ^= 1 << bit % 8
        else:
            row["data"][bit // 8 - 16] ^= 1 << bit % 8
    return rows


@cocotb.test()
async def streams(dut) -> None:
    """Random packets through all five streams, with and without stalls."""
    settings = Settings.from_environment()
    rng, flit_w = settings.rng(), settings.config.flit_w
    pipe = make_pipe(dut, settings)
    dut.rst.value = 1
    await pipe.open()
    await pipe.run(4)
    dut.rst.value = 0
    some = drawn(rng, COUNT, flit_w, True), drawn(rng, COUNT, flit_w, False)
    mixed = np.where(rng.random(COUNT) < 0.7, *some)
    hits = {}
    for port, rows in enumerate(
        (
            np.concatenate([drawn(rng, COUNT - 50, flit_w, False), some[0][:50]]),
            damaged(rng, mixed), drawn(rng, COUNT, flit_w, False), damaged(rng, mixed), mixed,
        )
    ):  # fmt: skip
        pipe.stalls(str(rng.choice(list(STALLS))), [port])
        pipe.send(port, rows)
    await pipe.drain()
    sent = [pipe.sent(port) for port in STREAMS]
    broken = [np.zeros(COUNT, bool) for _ in STREAMS]
    expected = list(sent)
    expected[SEAL] = check.seal(sent[SEAL], flit_w)
    for port in (UNSEAL, REQUIRED):
        expected[port], broken[port] = check.unseal(sent[port], flit_w, port == REQUIRED)
    broken[NONE] = packet.get(sent[NONE], "ext") & EXT_CHECK != 0
    expected[NONE] = sent[NONE].copy()
    expected[NONE]["flags"][broken[NONE]] |= FLAG_ERR
    for port in STREAMS:
        got = pipe.received(port)
        assert len(got) == COUNT, f"stream {port}: {len(got)} packets of {COUNT}"
        wrong = np.flatnonzero(~packet.same(expected[port], got))

        assert not wrong.size, (
            f"stream {port}, packet {wrong[0]}: {packet.describe(got[wrong[0]])}\n"
            f"instead of {packet.describe(expected[port][wrong[0]])}"
        )
        assert int(dut.broken_o.value) >> 16 * port & 0xFFFF == broken[port].sum()
        for units in np.unique(packet.num_units(*(packet.get(got, n) for n in ("len", "ext")))):
            hits[f"check.units.{units}"] = hits.get(f"check.units.{units}", 0) + 1
    hits["check.broken"] = int(broken[UNSEAL].sum())
    hits["check.missing"] = int((broken[REQUIRED] & ~broken[UNSEAL]).sum())
    hits["check.marked"] = int(broken[NONE].sum())
    assert int(dut.astray_o.value) == 0
    assert pipe.violation_count == 0, pipe.violations()[0]
    (settings.folder / "functional.json").write_text(json.dumps(hits))


@pytest.mark.sim
@pytest.mark.parametrize("flit_w", [128, pytest.param(256, marks=pytest.mark.long), 512])
def test_check(sim, flit_w: int) -> None:
    config = profiles.get("dev4").replace(flit_w=flit_w, ports=len(STREAMS))
    sim.run(config=config, dut=BENCH, module=__name__, testcase="streams", fixed=True)


def test_crc_of_zlib() -> None:
    """The byte-wise CRC is that of zlib for zlib's polynomial, bits and bytes turned round."""
    table = check._TABLE
    try:
        check._TABLE = np.array(check.crc_table(0x04C11DB7, 32), np.uint32)
        rows = packet.random_packets(np.random.default_rng(1), 50, flit_w=128, extensions=False)
        packet.set_fields(rows, ecn=0, poison=0, ext=EXT_CHECK)
        for row, found in zip(rows, check.crc(rows), strict=True):
            data = row["data"][: UNIT_BYTES * int(packet.get(row, "len"))].reshape(-1, UNIT_BYTES)
            message = np.concatenate([row["hdr"][None], data])[:, ::-1]
            turned = zlib.crc32(np.packbits(np.unpackbits(message), bitorder="little").tobytes())
            assert f"{turned:032b}"[::-1] == f"{found:032b}"
    finally:
        check._TABLE = table


def test_every_length() -> None:
    """What was sealed comes back, of every length, with every extension."""
    rng = np.random.default_rng(2)
    for ext in (0, 1, 4, 5):
        rows = packet.random_packets(rng, MAX_UNITS + 1, flit_w=256, op=Op.RESULT)
        packet.set_fields(rows, op=Op.WRITE, len=np.arange(MAX_UNITS + 1), ext=ext)
        packet.set_flits(packet.clear_unused(rows), 256)
        sealed = check.seal(rows, 256)
        assert (packet.get(sealed, "ext") == ext | EXT_CHECK).all()
        back, broken = check.unseal(sealed, 256, require=True)
        assert packet.same(rows, back).all() and not broken.any()
