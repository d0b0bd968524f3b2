# SPDX-License-Identifier: Apache-2.0
"""Words of the link: fields, CRCs against a bit-serial loop, and what they find."""

from __future__ import annotations

import dataclasses
import random
import re
from pathlib import Path

import numpy as np
import pytest

from switchproof.ci.paths import ROOT
from switchproof.models import packet
from switchproof.models.layout import MAX_EXT, MAX_UNITS, Op
from switchproof.models.link import LinkConfig
from switchproof.models.link_format import (
    CONTROL,
    CRC16_POLY,
    CRC32_POLY,
    DATA,
    NULL_BLOCK,
    Block,
    Kind,
    Packet,
    Trailer,
    Train,
    crc16,
    crc32,
    crc32_frames,
    crc32_step,
    crc_holds,
    crc_start,
    damaged,
    flits_of,
    frame,
    from_rows,
    kind_of,
    payload_units,
    to_rows,
)
from switchproof.tb.link.partner import packets

LINK_MD = Path(ROOT) / "docs/link.md"


def serial_crc(bits: list[int], poly: int, width: int) -> int:
    """Return a CRC bit by bit: initial value all ones, inverted at the end."""
    state = [1] * width
    taps = [poly >> n & 1 for n in reversed(range(width))]
    for bit in bits:
        feedback = state[0] ^ bit
        state = [*state[1:], 0]
        state = [s ^ (feedback & tap) for s, tap in zip(state, taps, strict=True)]
    return sum((1 - s) << (width - 1 - n) for n, s in enumerate(state))


def block_bits(block: Block) -> list[int]:
    """Return the 129 bits that the CRC-32 sees of a block."""
    return [int(block[0] == CONTROL), *(block[1] >> n & 1 for n in reversed(range(128)))]


def random_blocks(rng: random.Random, count: int) -> list[Block]:
    """Return blocks of both kinds."""
    return [(rng.choice((DATA, CONTROL)), rng.getrandbits(128)) for _ in range(count)]


def test_crc32_is_the_bit_serial_one() -> None:
    rng = random.Random(1)
    for count in (1, 2, 5, 68):
        blocks = random_blocks(rng, count)
        bits = [bit for block in blocks for bit in block_bits(block)]
        assert crc32(blocks) == serial_crc(bits, CRC32_POLY, 32)


def test_crc16_is_the_bit_serial_one() -> None:
    rng = random.Random(2)
    for _ in range(20):
        unit = rng.getrandbits(128)
        assert crc16(unit) == serial_crc([unit >> n & 1 for n in reversed(range(112))],
                                         CRC16_POLY, 16)  # fmt: skip


def test_known_vectors() -> None:
    """CRCs that a compatible peer can compare with; the page has them."""
    empty, lone = crc32([(CONTROL, int(Kind.TRAILER))]), Packet((0x0123456789ABCDEF,))
    (beat, last) = frame([[(DATA, lone.units[0])]], Trailer(data=1, seq=5, epoch=3), 1)
    train = Train(nonce=1, good=1, shared=40, reserved=(20,) * 4, seqw=4).block()[1]
    assert beat[0] == (DATA, lone.units[0])
    text = LINK_MD.read_text()
    for value in (empty, last[0][1], train):
        assert f"{value:#x}" in text, f"docs/link.md has no vector {value:#x}"


def test_crc32_of_many_frames() -> None:
    rng = np.random.default_rng(3)
    lengths = rng.integers(1, 69, 50)
    control = rng.random((50, 68)) < 0.2
    units = rng.integers(0, 256, (50, 68, 16), np.uint8)
    crcs = crc32_frames(control, units, lengths)
    for n, length in enumerate(lengths):
        blocks = [
            (CONTROL if c else DATA, int.from_bytes(u.tobytes(), "little"))
            for c, u in zip(control[n, :length], units[n, :length], strict=True)
        ]
        assert crc32(blocks) == crcs[n]


# ------------------------------------------------------------------------- what the CRCs find


def syndromes(poly: int, width: int, length: int) -> list[int]:
    """Return what one wrong bit does to the remainder, from the last bit of `length` on."""
    rest, out = 1, []
    for _ in range(length):
        out.append(rest)
        rest <<= 1
        if rest >> width:
            rest ^= 1 << width | poly
    return out


def first_of_weight_four(poly: int, width: int, length: int) -> int:
    """Return the shortest length with four wrong bits that cancel out; beyond `length`: 0.

    Shifted to the end of the frame, one of the four has the syndrome 1; so for each pair of
    others their sum with 1 must be no syndrome.
    """
    syn = syndromes(poly, width, length)
    assert len(set(syn)) == length, "two wrong bits cancel out"
    values = np.array(syn, np.uint64)
    place = {value: n for n, value in enumerate(syn)}
    maybe = np.zeros(1 << 24, bool)
    maybe[values & np.uint64(0xFFFFFF)] = True
    shortest = 0
    for n in range(2, length):
        sums = values[1:n] ^ values[n] ^ np.uint64(1)
        for value in sums[maybe[sums & np.uint64(0xFFFFFF)]].tolist():
            last = max(n, place.get(value, 0))
            if value in place and place[value] not in (0, n):
                shortest = min(shortest or last + 1, last + 1)
        if shortest and n >= shortest:
            break
    return shortest


def divides(poly: int, width: int) -> bool:
    """Return whether x + 1 divides the polynomial: then every codeword has even weight."""
    return (1 << width | poly).bit_count() % 2 == 0


def test_any_five_wrong_bits_of_a_frame_are_found() -> None:
    """One, three and five by parity; two and four by search, which ends where the page says.

    The order of bits does not matter: `crc` in the middle of the trailer stands for the last bits.
    """
    assert divides(CRC32_POLY, 32)
    length = first_of_weight_four(CRC32_POLY, 32, 16_500) - 1
    assert length == 16_392
    text = LINK_MD.read_text()
    assert f"Up to {length:,} bits" in text
    longest = 129 * max(LinkConfig(k=k).longest * k for k in (1, 2, 4))
    assert longest <= length and f"the longest frame has {longest:,}" in text


def test_any_five_wrong_bits_of_training_are_found() -> None:
    assert divides(CRC16_POLY, 16)
    assert first_of_weight_four(CRC16_POLY, 16, 128) == 0


def test_the_search_finds_what_there_is() -> None:
    """A polynomial that is known to be weaker: x^16+x^12+x^5+1 has codewords of weight 4."""
    assert 0 < first_of_weight_four(0x1021, 16, 128) <= 128


def rank(rows: list[int]) -> int:
    """Return the rank of vectors of bits."""
    basis: list[int] = []
    for row in rows:
        for other in basis:
            row = min(row, row ^ other)
        if row:
            basis.append(row)
    return len(basis)


@pytest.mark.parametrize("length", [23, 24, 32])
def test_bursts(length: int) -> None:
    """Where bursts of a length could be missed: none of 23 bits, longer ones only at `crc`."""
    syn = syndromes(CRC32_POLY, 32, 400 + 32)[32:]
    # In the order of the wire, the field's own bits being the remainder's.
    order = [1 << (n - 96) if 96 <= n <= 127 else syn[n] for n in reversed(range(400))]
    field = range(400 - 128, 400 - 96)
    for first in range(400 - length + 1):
        touched = [n in field for n in range(first, first + length)]
        within = all(touched) or not any(touched)
        full = rank(order[first : first + length]) == length
        assert full or (length > 23 and not within)


def test_a_wrong_bit_is_found_wherever_it_is() -> None:
    rng = random.Random(4)
    beats = frame([[(DATA, rng.getrandbits(128))]], Trailer(data=1), 1)
    for n in range(2):
        for bit in range(128):
            blocks = [beats[0][0], beats[1][0]]
            blocks[n] = (blocks[n][0], blocks[n][1] ^ 1 << bit)
            assert not crc_holds(crc32_step(crc_start(), blocks[0]), blocks[1][1])


def test_a_wrong_bit_in_a_mark_is_damage() -> None:
    for mark in (DATA, CONTROL):
        for bit in (1, 2):
            assert damaged((mark ^ bit, 0))
    assert all(damaged((CONTROL, kind)) for kind in range(len(Kind), 16))
    assert kind_of((DATA, Kind.TRAILER)) is None and not damaged((DATA, 0))


# ---------------------------------------------------------------------------------- the words


@pytest.mark.parametrize(
    ("block", "title"), [(Trailer, "The trailer:"), (Train, "TRAIN blocks are sent")]
)
def test_fields_are_those_of_the_page(block: type[Trailer] | type[Train], title: str) -> None:
    table = LINK_MD.read_text().split(title)[1].split("\n\n")[1]
    rows = re.findall(r"^\| (?:(\d+):)?(\d+) \| (\w+) \|", table, re.MULTILINE)
    page = {name: (int(low), int(high or low)) for high, low, name in rows}
    mine = {"kind": (0, 3)}
    for name, (offset, width) in block.LAYOUT.items():
        copies = 4 if name in ("freed", "reserved") else 1
        mine[name] = (offset, offset + copies * width - 1)
    if block is Train:
        mine["crc"] = (112, 127)
    assert page == mine


def test_fields_are_kept() -> None:
    rng = random.Random(5)
    for kind in (Trailer, Train):
        values = {
            name: tuple(rng.randrange(1 << width) for _ in range(4))
            if name in ("freed", "reserved") else rng.randrange(1 << width)
            for name, (_, width) in kind.LAYOUT.items()
        }  # fmt: skip
        word = kind(**values)  # type: ignore[arg-type]
        assert kind.unpack(word.pack()) == word
    with pytest.raises(ValueError, match="seq"):
        dataclasses.replace(Trailer(), seq=1 << 13).pack()


def test_train_blocks_are_taken_only_whole_and_on_their_lane() -> None:
    block = Train(lane=2, nonce=7, good=15).block()
    assert Train.of(block, 2) == Train(lane=2, nonce=7, good=15)
    assert Train.of(block, 1) is None and Train.of(NULL_BLOCK, 2) is None
    assert all(Train.of((block[0], block[1] ^ 1 << bit), 2) is None for bit in range(128))


# -------------------------------------------------------------------------------- the packets


@pytest.mark.parametrize("k", [1, 2, 4])
def test_rows_and_back(k: int) -> None:
    rng = np.random.default_rng(6)
    rows = packet.random_packets(rng, 200, flit_w=128 * k)
    rows["flags"] = rng.integers(0, 2, 200)
    there = from_rows(rows, k)
    assert packet.same(to_rows(there, k), rows).all()
    assert [flits_of(p.units[0], k) for p in there] == rows["flits"].tolist()
    assert [p.vc for p in there] == packet.op_vc(packet.get(rows, "op")).tolist()


def test_a_stream_of_another_length_is_mended_and_marked() -> None:
    rows = packet.make(3, flit_w=128, op=Op.WRITE, len=3, payload=np.arange(1, 49, dtype=np.uint8))
    rows["flits"] = 1, 3, 5
    short, right, long = from_rows(rows, 1)
    assert short.err and short.units[1] and short.units[2:] == (0, 0)
    assert long == Packet(right.units, True) and not right.err
    longest = packet.make(1, len=31, ext=7, flits=MAX_UNITS + MAX_EXT)
    assert payload_units(packet.header_int(longest[0])) == MAX_UNITS + MAX_EXT
    assert len(packets(50)) == 50


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k": 3}, "k = 3 is not 1, 2 or 4"),
        ({"k": 4, "frame_units": 6}, "frame_units = 6 is not a multiple of 4"),
        ({"seq_w": 14}, "seq_w = 14 is not in 2..13"),
        ({"shared": 8192}, "shared = 8192 is not in 0..8191"),
        ({"reserved": (1, 2, 3)}, "is not 4 numbers"),
        ({"replay_beats": 65}, "replay_beats = 65 is not in 66.."),
        ({"replay_limit": 0}, "replay_limit = 0"),
    ],
)
def test_a_number_that_cannot_be_is_named(changes: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LinkConfig(**changes)  # type: ignore[arg-type]
