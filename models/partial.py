# SPDX-License-Identifier: Apache-2.0
"""Golden model of partials: exact sums of one tier that another tier goes on adding to.

docs/numerics.md says what a partial is, docs/reduction.md how it is cut into packets. A sum is a
Python integer of any size; words come from it by division, as the one balanced way to write it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .formats import FORMATS, Bits, element_dtype
from .layout import MAX_UNITS, EType

#: Exponent of the unit of a sum.
UNIT = {
    EType.FP32: -150, EType.BF16: -150, EType.FP16: -38, EType.E5M2: -38, EType.E4M3: -30,
    EType.INT32: 0,
}  # fmt: skip
#: Words of a sum, and what follows them as one more plane: what was seen.
WORDS = 9
SEEN = 9
#: Words that a type needs.
NEEDED = {etype: WORDS if UNIT[etype] == -150 else 2 for etype in EType}
#: Elements of a portion.
PORTION = 4
#: Bits of what was seen.
NAN, PINF, NINF, OTHER = 1, 2, 4, 8
#: Members behind a port that may contribute raw.
RAW = 6
#: Members of a lower tier for which raw contributions are not longer than a partial of real
#: gradients, about, by bytes of an element: they do without an engine.
RAW_UP_TO = {4: 2, 2: 4, 1: 6}


@dataclasses.dataclass(frozen=True)
class Sums:
    """Exact sums of the elements of a contribution, and what was seen of each."""

    value: list[int]
    seen: list[int]

    def __add__(self, other: Sums) -> Sums:
        """Return what both have seen together."""
        return Sums(
            [a + b for a, b in zip(self.value, other.value, strict=True)],
            [a | b for a, b in zip(self.seen, other.seen, strict=True)],
        )


@dataclasses.dataclass(frozen=True)
class Part:
    """A packet of a partial. planes: bit k is word k, bit 9 what was seen. words: all of them, of
    shape (portions, planes, 4)."""

    index: int
    planes: int
    words: NDArray[np.uint32]

    @property
    def units(self) -> int:
        """Units of payload."""
        return int(self.words.shape[0] * self.words.shape[1])


def exact(contributions: Bits, etype: int) -> Sums:
    """Return the exact sums of each column of patterns, shape (members, elements)."""
    if contributions.dtype != element_dtype(etype):
        raise ValueError(f"{EType(etype).name} wants {element_dtype(etype)}")
    members, elements = contributions.shape
    value, seen = [0] * elements, [0] * elements
    if etype == EType.INT32:
        numbers = contributions.view("<i4")
        return Sums([sum(int(n) for n in column) for column in numbers.T], [OTHER] * elements)
    fmt = FORMATS[etype]
    number = fmt.decode_array(contributions)
    for m in range(members):
        for e in range(elements):
            if number.nan[m, e]:
                seen[e] |= NAN
            elif number.inf[m, e]:
                seen[e] |= NINF if number.sign[m, e] else PINF
            else:
                size = (
                    int(number.significand[m, e]) << int(number.exponent[m, e]) - UNIT[EType(etype)]
                )
                value[e] += -size if number.sign[m, e] else size
            if int(contributions[m, e]) != fmt.sign_bit:
                seen[e] |= OTHER
    return Sums(value, seen)


def result(sums: Sums, etype: int, saturate: bool = False) -> Bits:
    """Return what the members receive: the sums, rounded once."""
    dtype = element_dtype(etype)
    if etype == EType.INT32:
        low, high = -(1 << 31), (1 << 31) - 1
        values = [min(max(v, low), high) if saturate else v for v in sums.value]
        return np.array([v & 0xFFFFFFFF for v in values], dtype)
    fmt, out = FORMATS[etype], []
    saturate = saturate and etype in (EType.E4M3, EType.E5M2)
    for value, seen in zip(sums.value, sums.seen, strict=True):
        infinite = seen & (PINF | NINF)
        # E4M3 has no infinity: nobody has seen one, and who says so has no number
        if seen & NAN or infinite == PINF | NINF or (infinite and fmt.inf is None):
            out.append(fmt.nan)
        elif infinite:
            out.append(fmt.overflow | (fmt.sign_bit if seen & NINF else 0))
        elif value == 0:
            out.append(0 if seen & OTHER else fmt.sign_bit)
        else:
            out.append(fmt.encode(value, UNIT[EType(etype)], saturate))
    return np.array(out, dtype)


# --------------------------------------------------------------------------------- packets


def balanced(value: int) -> list[int]:
    """Return the nine words of a sum, each in -2**31..2**31 - 1.

    Raises ValueError for a sum that needs more.
    """
    words = []
    for _ in range(WORDS):
        word = (value + (1 << 31)) % (1 << 32) - (1 << 31)
        words.append(word)
        value = (value - word) >> 32
    if value:
        raise ValueError("a sum of more than nine words")
    return words


def portions(etype: int, units: int) -> int:
    """Return the portions of a contribution of so many units."""
    return 16 * units // element_dtype(etype).itemsize // PORTION


def pack(sums: Sums, longest: int = MAX_UNITS) -> list[Part]:
    """Return the packets of a partial, each as long as it can be."""
    table = np.array([[w & 0xFFFFFFFF for w in balanced(v)] for v in sums.value], np.uint32)
    seen = np.array(sums.seen, np.uint32)
    table = np.concatenate([table, seen[:, None]], 1).reshape(-1, PORTION, WORDS + 1)
    table = table.transpose(0, 2, 1)  # portion, plane, element
    masks = []
    for portion in table:
        mask = sum(1 << k for k in range(WORDS) if portion[k].any())
        mask |= (portion[SEEN] != OTHER).any() << SEEN
        masks.append(int(mask) or 1)
    parts = []
    start = 0
    while start < len(masks):
        end, planes = start, 0
        while end < len(masks):
            union = planes | masks[end]
            if union.bit_count() * (end + 1 - start) > longest:
                break
            end, planes = end + 1, union
        which = [k for k in range(WORDS + 1) if planes >> k & 1]
        parts.append(Part(start, planes, table[start:end, which]))
        start = end
    return parts


def unpack(parts: Sequence[Part], elements: int) -> Sums:
    """Return the sums of a partial of so many elements; ValueError if the packets are not one."""
    value, seen = [0] * elements, [OTHER] * elements
    at = 0
    for part in parts:
        if part.index != at:
            raise ValueError(f"portion {part.index}, not {at}")
        which = [k for k in range(WORDS + 1) if part.planes >> k & 1]
        if not which or part.words.shape[1:] != (len(which), PORTION):
            raise ValueError(f"planes {part.planes:b} of shape {part.words.shape}")
        for portion in part.words:
            for plane, words in zip(which, portion, strict=True):
                for k, word in enumerate(words):
                    place = PORTION * at + k
                    if place >= elements:
                        raise ValueError("more portions than the contribution has")
                    if plane == SEEN:
                        seen[place] = int(word)
                    else:
                        value[place] += (int(word) - ((int(word) >> 31) << 32)) << 32 * plane
            at += 1
    if PORTION * at != elements:
        raise ValueError(f"{at} portions, not {elements // PORTION}")
    return Sums(value, seen)


def length(parts: Iterable[Part], header: int = 16) -> int:
    """Return the bytes of packets, headers included."""
    return sum(header + 16 * part.units for part in parts)


def tier(contributions: Bits, etype: int) -> list[Part]:
    """Return the partial of a tier, of patterns of shape (members, elements)."""
    return pack(exact(contributions, etype))


def over(tiers: Iterable[list[Part]], etype: int, elements: int, saturate: bool = False) -> Any:
    """Return what all members of all tiers receive, patterns of shape (elements,)."""
    total = Sums([0] * elements, [0] * elements)
    for parts in tiers:
        total = total + unpack(parts, elements)
    return result(total, etype, saturate)
