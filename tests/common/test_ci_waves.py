# SPDX-License-Identifier: Apache-2.0
"""Save files name signals as GTKWave knows them, from VCD and from FST."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from switchproof.ci import waves

VCD = """$timescale 1ps $end
$scope module $rootio $end
$var wire 1 # clk_i $end
$upscope $end
$scope module harness $end
$var wire 1 # clk_i $end
$scope module dut $end
$var wire 8 $ data_o [7:0] $end
$var wire 4 % lane[0] [3:0] $end
$var wire 4 & lane[1] [3:0] $end
$upscope $end
$upscope $end
$enddefinitions $end
#0
"""
NAMES = [
    "$rootio.clk_i",
    "harness.clk_i",
    "harness.dut.data_o[7:0]",
    "harness.dut.lane[0][3:0]",
    "harness.dut.lane[1][3:0]",
]


def hierarchy() -> bytes:
    """Return the same signals as FST's hierarchy."""

    def scope(name: str) -> bytes:
        return b"\xfe\x00" + name.encode() + b"\0\0"

    def var(name: str, width: int) -> bytes:
        return b"\x10\x00" + name.encode() + b"\0" + bytes([width, 0])

    attribute = b"\xfc\x00\x00name\0\x81\x01"
    return (
        scope("$rootio")
        + var("clk_i", 1)
        + b"\xff"
        + scope("harness")
        + attribute
        + var("clk_i", 1)
        + scope("dut")
        + var("data_o [7:0]", 8)
        + var("lane[0] [3:0]", 4)
        + var("lane[1] [3:0]", 4)
        + b"\xff\xff\xfd"
    )


def lz4(text: bytes) -> bytes:
    """Return text as an LZ4 block: literals, then ten copies of the last byte."""
    size = len(text)
    extra = size - 15
    return bytes([0xF0 | 6]) + bytes([255] * (extra // 255) + [extra % 255]) + text + b"\x01\x00"


def fst(kind: int, payload: bytes, head: int) -> bytes:
    """Return an FST file of a header block and a hierarchy block."""
    block = bytes(head) + payload
    return (
        b"\x00" + struct.pack(">Q", 329) + bytes(321)
        + bytes([kind]) + struct.pack(">Q", len(block) + 8) + block
    )  # fmt: skip


def test_vcd(tmp_path: Path) -> None:
    (tmp_path / "waves.vcd").write_text(VCD)
    assert waves.signals(tmp_path / "waves.vcd") == NAMES


@pytest.mark.parametrize(
    ("kind", "payload", "head"),
    [
        (4, gzip.compress(hierarchy()), 8),
        (6, lz4(hierarchy()), 8),
        (7, lz4(lz4(hierarchy()))[:-2], 16),
    ],
    ids=["gzip", "lz4", "lz4twice"],
)
def test_fst(tmp_path: Path, kind: int, payload: bytes, head: int) -> None:
    (tmp_path / "waves.fst").write_bytes(fst(kind, payload, head))
    assert waves.signals(tmp_path / "waves.fst")[:5] == NAMES


def test_a_trace_cut_short_is_no_error(tmp_path: Path) -> None:
    whole = fst(6, lz4(hierarchy()), 8)
    (tmp_path / "waves.fst").write_bytes(whole[:-20])
    waves.signals(tmp_path / "waves.fst")
    (tmp_path / "bad.fst").write_bytes(fst(6, b"\x06\x00\x00", 8))
    assert waves.signals(tmp_path / "bad.fst") == []


def test_packet_path_comes_first(tmp_path: Path) -> None:
    trace = tmp_path / "waves.vcd"
    trace.write_text(VCD)
    text = waves.write_save_file(trace, "harness", ("dut.lane", "dut.data_o", "dut.ghost"))
    lines = text.read_text().splitlines()
    assert lines[lines.index("-packet path") + 1 :] == [
        "@22",
        "harness.dut.lane[0][3:0]",
        "@22",
        "harness.dut.lane[1][3:0]",
        "@22",
        "harness.dut.data_o[7:0]",
        "@200",
        "-harness",
        "@28",
        "harness.clk_i",
    ]
