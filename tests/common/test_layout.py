# SPDX-License-Identifier: Apache-2.0
"""The layout file, the guide and the models' rules say what the SystemVerilog package says."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from switchproof.ci import layout as generator
from switchproof.models import layout, packet
from switchproof.models.layout import FIELDS, LAYOUT, Op

pyslang = pytest.importorskip("pyslang")

HEADERS = [0, (1 << 128) - 1] + [
    int.from_bytes(np.random.default_rng(seed).bytes(16), "little") for seed in range(30)
]


@pytest.fixture(scope="module")
def sv() -> Any:
    """Return a function that evaluates a SystemVerilog expression or statement to a number."""
    from pyslang import ast

    session = ast.ScriptSession()
    session.eval(generator.PACKAGE.read_text())

    def evaluate(text: str) -> int | None:
        value: Any = session.eval(text).value
        return None if value is None else int(value)

    return evaluate


# ------------------------------------------------------------------------ the generated files


def test_layout_file_is_fresh() -> None:
    assert generator.main(["--check"]) == 0


def test_layout_file_is_deterministic() -> None:
    texts = {generator.render(generator.read_package()) for _ in range(2)}
    assert texts == {generator.LAYOUT.read_text()}


@pytest.mark.parametrize(
    ("find", "put"),
    [
        ("logic [TAG_W-1:0]   tag;", "logic [TAG_W-2:0] tag; logic spare;"),
        ("ST_TIMEOUT    = 4'd9", "ST_TIMEOUT    = 4'd15"),
        ("UNIT_BYTES = 16", "UNIT_BYTES = 32"),
    ],
)
def test_change_of_the_package_is_noticed(
    find: str, put: str, tmp_path: Any, monkeypatch: Any, capsys: Any
) -> None:
    text = generator.PACKAGE.read_text()
    assert find in text
    changed = tmp_path / "sp_pkg.sv"
    changed.write_text(text.replace(find, put))
    read = generator.read_package
    monkeypatch.setattr(generator, "read_package", lambda: read(changed))
    assert generator.main(["--check"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "models/layout.json" in line and "python -m switchproof.ci.layout" in line


def test_broken_package_is_one_line(tmp_path: Any, monkeypatch: Any, capsys: Any) -> None:
    broken = tmp_path / "sp_pkg.sv"
    broken.write_text(generator.PACKAGE.read_text().replace("OP_READ        =", "OP_READ x ="))
    read = generator.read_package
    monkeypatch.setattr(generator, "read_package", lambda: read(broken))
    assert generator.main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"sp_pkg\.sv:\d+: does not compile", line)


def _tables() -> dict[str, list[list[str]]]:
    """Return the rows of each table of docs/packet.md by the name of its marker."""
    text = generator.GUIDE.read_text()
    tables = {}
    for name, body in re.findall(r"<!-- layout: (\w+) -->\n(.*?)<!-- end -->", text, re.DOTALL):
        rows = [line.strip("|").split("|") for line in body.splitlines() if line.startswith("|")]
        tables[name] = [[cell.strip(" `") for cell in row] for row in rows[2:]]
    return tables


@pytest.mark.parametrize("part", ["common", "mem", "coll", "mgt"])
def test_guide_has_every_field(part: str) -> None:
    described = {}
    for bits, width, name, _ in _tables()[part]:
        high, _, low = bits.partition(":")
        described[name] = (int(low or high), int(width))
        assert int(high) - int(low or high) + 1 == int(width)
    wanted = {f["name"]: (f["offset"], f["width"]) for f in LAYOUT["header"][part]}
    assert described == wanted


def test_guide_has_every_field_of_a_member() -> None:
    rows = _tables()["member"]
    described = {name: (int(bits.split(":")[-1]), int(width)) for bits, width, name, _ in rows}
    assert described == {f.name: (f.offset, f.width) for f in layout.MEMBER.values()}
    assert sum(f.width for f in layout.MEMBER.values()) * layout.MAX_MEMBERS == 128


@pytest.mark.parametrize("name", ["vc_e", "op_e", "status_e", "etype_e", "redop_e"])
def test_guide_has_every_code(name: str) -> None:
    base = 2 if name == "op_e" else 10
    described = {member: int(value, base) for value, member, _ in _tables()[name]}
    assert described == LAYOUT["enums"][name]["values"]


# --------------------------------------------------------------------------------- the layout


@pytest.mark.parametrize("part", ["mem", "coll", "mgt"])
def test_fields_fill_the_header_once(part: str) -> None:
    covered = [0] * layout.SIZES["HDR_W"]
    for field in (f for f in {id(f): f for f in FIELDS.values()}.values()):
        if field.part in ("common", part):
            for bit in range(field.offset, field.offset + field.width):
                covered[bit] += 1
    assert covered == [1] * 128


def test_layout_file_has_no_stray_keys() -> None:
    keys = ["source", "class_offset", "class_width", "sizes", "enums", "header", "member", "atomic"]
    assert list(json.loads(generator.LAYOUT.read_text())) == keys


def test_every_field_reads_as_in_systemverilog(sv: Any) -> None:
    sv("sp_pkg::hdr_t h;")
    packets = packet.make(len(HEADERS))
    for row, header in zip(packets, HEADERS, strict=True):
        packet.set_header_int(row, header)
        assert packet.header_int(row) == header
    for name, values in packet.fields(packets).items():
        field = FIELDS[name]
        path = name if field.part == "common" else f"cls.{name.replace('_', '.', 1)}"
        for header, value in zip(HEADERS, values, strict=True):
            sv(f"h = 128'h{header:x};")
            assert sv(f"h.{path}") == value, name


# ----------------------------------------------------------------- rules stated on both sides


def test_operations_are_those_of_the_package(sv: Any) -> None:
    for op in range(64):
        assert bool(sv(f"sp_pkg::op_known(6'd{op})")) == packet.op_known(op), op
        assert sv(f"sp_pkg::op_vc(6'd{op})") == packet.op_vc(op), op


def test_lengths_are_those_of_the_package(sv: Any) -> None:
    wrong = [
        (op, length)
        for op in range(64)
        for length in range(32)
        if bool(sv(f"sp_pkg::len_legal(6'd{op}, 5'd{length})")) != packet.len_legal(op, length)
    ]
    assert not [(op, length) for op, length in wrong if packet.op_known(op)]


@pytest.mark.parametrize("flit_w", [128, 256, 512])
def test_flits_are_those_of_the_package(sv: Any, flit_w: int) -> None:
    for length in range(17):
        for ext in range(8):
            call = f"sp_pkg::num_flits(5'd{length}, 3'd{ext}, {flit_w // 128})"
            assert sv(call) == packet.num_flits(length, ext, flit_w), (length, ext)
    assert sv(f"sp_pkg::max_flits({flit_w})") == packet.max_flits(flit_w)


def test_answers_are_those_of_the_package(sv: Any) -> None:
    refused = packet.make(len(HEADERS), port=3)
    for row, header in zip(refused, HEADERS, strict=True):
        packet.set_header_int(row, header)
    packet.set_fields(refused[:4], op=[Op.ALLREDUCE, Op.REDUCE, Op.MGT_WRITE, 0b10_1111])
    status = np.arange(len(HEADERS)) % 10
    answers = packet.error_answer(refused, status, 128)
    for before, after, code in zip(refused, answers, status, strict=True):
        call = f"sp_pkg::error_answer(128'h{packet.header_int(before):x}, 4'd{code})"
        assert packet.header_int(after) == sv(call)
    assert (answers["flits"] == 1).all() and (answers["port"] == 3).all()
    assert not answers["data"].any()
