# SPDX-License-Identifier: Apache-2.0
"""Packets as numpy rows: fields, lengths, payloads and the helpers around them."""

from __future__ import annotations

import numpy as np
import pytest

from switchproof.models import packet
from switchproof.models.layout import FIELDS, MAX_UNITS, Op
from switchproof.models.packet import FLAG_ERR, PACKET


def test_row_is_what_the_pipes_expect() -> None:
    offsets = {name: value[1] for name, value in (PACKET.fields or {}).items()}
    assert PACKET.itemsize == 384
    assert offsets == {
        "not_before": 0, "stamp": 8, "stamp_last": 16, "flits": 24, "flags": 28, "port": 32,
        "tail": 36, "hdr": 64, "data": 80,
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_field_holds_its_values_and_touches_no_other(name: str) -> None:
    field = FIELDS[name]
    rng = np.random.default_rng(field.offset)
    values = rng.integers(0, field.mask, 100, np.uint64, endpoint=True)
    values[:2] = 0, field.mask
    packets = np.zeros(100, PACKET)
    packets["hdr"] = rng.integers(0, 256, (100, 16), np.uint8)
    before = [packet.header_int(row) for row in packets]
    packet.set_fields(packets, **{name: values})
    assert packet.get(packets, name).tolist() == values.tolist()
    for row, old, value in zip(packets, before, values.tolist(), strict=True):
        cleared = old & ~(field.mask << field.offset)
        assert packet.header_int(row) == cleared | value << field.offset


def test_fields_of_a_single_row_are_set_in_place() -> None:
    packets = packet.make(3)
    packet.set_fields(packets[1], op=Op.WRITE, coll_seq=77, port=2)
    assert packet.get(packets, "op").tolist() == [0, 1, 0]
    assert packet.get(packets, "seq").tolist() == [0, 77, 0]
    assert packets["port"].tolist() == [0, 2, 0]


@pytest.mark.parametrize("value", [1 << 14, -1, [0, 1 << 20], 1.5])
def test_value_that_does_not_fit_is_named(value: object) -> None:
    with pytest.raises(ValueError, match="dst"):
        packet.make(2, dst=value)  # type: ignore[arg-type]


def test_unknown_field_lists_the_known() -> None:
    with pytest.raises(KeyError, match=r"'addr'.*mem_addr"):
        packet.make(1, addr=3)
    with pytest.raises(KeyError, match=r"'nope'.*coll_seq"):
        packet.get(packet.make(1), "nope")


@pytest.mark.parametrize("flit_w", [128, 256, 512])
def test_flits_hold_the_units(flit_w: int) -> None:
    for length in range(MAX_UNITS + 1):
        for ext in range(8):
            units = length + bin(ext).count("1")
            flits = int(packet.num_flits(length, ext, flit_w))
            assert flits * flit_w >= units * 128 > (flits - 1) * flit_w or units == 0 < flits == 1


@pytest.mark.parametrize("flit_w", [128, 256, 512])
def test_random_packets_are_legal_and_varied(flit_w: int) -> None:
    packets = packet.random_packets(np.random.default_rng(3), 5000, flit_w=flit_w, dst=7)
    op, length = packet.get(packets, "op"), packet.get(packets, "len")
    assert packet.op_known(op).all() and packet.len_legal(op, length).all()
    assert set(op.tolist()) == {int(known) for known in Op}
    assert set(length.tolist()) == set(range(MAX_UNITS + 1))
    ext = packet.get(packets, "ext")
    assert set(ext.tolist()) == set(range(8)) and (packet.get(packets, "dst") == 7).all()
    assert (packets["flits"] == packet.num_flits(length, ext, flit_w)).all()
    unused = np.arange(packet.DATA_BYTES) >= packet.used_bytes(packets)[:, None]
    assert not packets["data"][unused].any()
    assert packets["data"][~unused].mean() == pytest.approx(127.5, abs=1)


def test_random_packets_repeat_with_their_seed_and_keep_to_bounds() -> None:
    one, two = (
        packet.random_packets(
            np.random.default_rng(9), 100, flit_w=128, ops=[Op.WRITE], lengths=(3, 5),
            extensions=False,
        )
        for _ in range(2)
    )  # fmt: skip
    assert (one == two).all()
    assert set(packet.get(one, "len").tolist()) == {3, 4, 5}
    assert not packet.get(one, "ext").any()


@pytest.mark.parametrize("flit_w", [128, 256, 512])
def test_beats_there_and_back(flit_w: int) -> None:
    for row in packet.random_packets(np.random.default_rng(4), 200, flit_w=flit_w):
        copy = packet.make(1)[0]
        packet.set_header_int(copy, packet.header_int(row))
        packet.set_beats(copy, packet.beats(row, flit_w), flit_w)
        assert packet.same(np.array([row]), np.array([copy])).all()
        assert packet.beats(row, flit_w)[0] & 0xFF == row["data"][0]


def test_longest_packet_fits_the_row_at_every_width() -> None:
    # 19 units at 512 bits are five flits of 320 bytes: the last 16 bytes are padding.
    values = [(1 << 512) - 1] * packet.max_flits(512)
    row = packet.make(1)[0]
    packet.set_beats(row, values, 512)
    assert row["flits"] == 5 and row["data"].all()
    assert packet.beats(row, 512)[-1] == (1 << 384) - 1


def test_payload_is_a_view() -> None:
    values = np.arange(24, dtype="<f4").reshape(2, 12)
    packets = packet.make(2, flit_w=128, op=Op.WRITE, len=3, payload=values)
    assert (packet.payload(packets, "<f4", units=3) == values).all()
    packet.payload(packets, "<u2")[1, 0] = 0xBEEF
    assert packets["data"][1, :2].tolist() == [0xEF, 0xBE]
    with pytest.raises(ValueError, match="longer"):
        packet.set_payload(packets, np.zeros(305, np.uint8))


@pytest.mark.parametrize("change", ["header", "payload", "extension", "flits", "err"])
def test_same_sees_every_difference(change: str) -> None:
    one = packet.make(1, flit_w=128, op=Op.WRITE, len=2, ext=1)
    other = one.copy()
    other["data"][0, 48:] = 1  # behind the last unit
    other["flags"] = 2  # not the error mark
    assert packet.same(one, other).all()
    if change == "header":
        packet.set_fields(other, tag=1)
    elif change == "flits":
        other["flits"] += 1
    elif change == "err":
        other["flags"] |= FLAG_ERR
    else:
        other["data"][0, 31 if change == "payload" else 47] = 1
    assert not packet.same(one, other).any()


@pytest.mark.parametrize("ext", range(8))
def test_member_set_is_the_last_unit(ext: int) -> None:
    rng = np.random.default_rng(ext)
    rows = packet.random_packets(rng, 60, flit_w=256, op=Op.MCAST_WRITE, ext=ext, dst=0)
    if not ext & 4:
        assert (packet.member_sets(rows) == -1).all()
        with pytest.raises(ValueError, match="no member set"):
            packet.set_members(rows, [1])
        assert (packet.keep_members(rows.copy(), np.zeros((60, 8), bool)) == rows).all()
        return
    before = rows.copy()
    packet.set_members(rows, [5, -1, 0x3FFF])
    unit = bytes.fromhex("0580 0000 ffbf") + bytes(10)
    end = packet.used_bytes(rows)
    for row, old, stop in zip(rows, before, end.tolist(), strict=True):
        assert row["data"][stop - 16 : stop].tobytes() == unit
        assert (row["data"][: stop - 16] == old["data"][: stop - 16]).all()
        assert not row["data"][stop:].any() and row["flits"] == old["flits"]
    assert (packet.member_sets(rows) == [5, -1, 0x3FFF, -1, -1, -1, -1, -1]).all()
    keep = np.zeros((60, 8), bool)
    keep[::2, 2] = True
    packet.keep_members(rows, keep)
    assert (packet.member_sets(rows)[::2] == [-1, -1, 0x3FFF] + [-1] * 5).all()
    assert (packet.member_sets(rows)[1::2] == -1).all()
    assert rows["data"][1, end[1] - 16] == 5  # only `valid` was cleared


@pytest.mark.parametrize("members", [[1] * 9, [1 << 14], [-2]])
def test_impossible_member_sets_are_named(members: list[int]) -> None:
    with pytest.raises(ValueError, match="members are up to 8 IDs"):
        packet.set_members(packet.make(1, ext=4, len=1), members)


def test_describe_names_what_matters() -> None:
    text = packet.describe(
        packet.make(1, flit_w=128, op=Op.ALLREDUCE, src=3, dst=9, tag=5, len=4, seq=77, group=2,
                    flags=FLAG_ERR, poison=1)[0]
    )  # fmt: skip
    for part in ("ALLREDUCE 3->9", "tag 5", "len 4", "seq 77", "group 2", "poison", "err", "FP32"):
        assert part in text
    assert "op 0x04 0->0" in packet.describe(packet.make(1, op=4)[0])
    for row in packet.random_packets(np.random.default_rng(1), 300, flit_w=128):
        assert packet.describe(row)
