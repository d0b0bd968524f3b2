# SPDX-License-Identifier: Apache-2.0
"""The code of words in memories (docs/crossbar.md, "Errors in memories"), as a syndrome table.

Words are integers, bit 0 first. The check bits follow from linearity: those of a word are the XOR
of the columns of its ones.
"""

from __future__ import annotations

import itertools
from functools import cache


def columns(width: int) -> list[int]:
    """Return the columns of the data bits: numbers with an odd count of ones, three or more."""
    odd = (n for n in itertools.count(7) if n.bit_count() % 2 and n.bit_count() > 1)
    return list(itertools.islice(odd, width))


def check_bits(width: int) -> int:
    """Return how many check bits a word of `width` bits has."""
    return max(columns(width)).bit_length()


def encode(word: int, width: int) -> int:
    """Return the check bits of a word."""
    check = 0
    for n, column in enumerate(columns(width)):
        if word >> n & 1:
            check ^= column
    return check


@cache
def _places(width: int) -> dict[int, int]:
    """Return which bit of {check, data} is wrong, by syndrome."""
    places = {column: n for n, column in enumerate(columns(width))}
    return places | {1 << r: width + r for r in range(check_bits(width))}


def decode(word: int, check: int, width: int) -> tuple[int, bool, bool]:
    """Return the word as mended, whether a bit was corrected, whether it cannot be mended."""
    syndrome = encode(word, width) ^ check
    if not syndrome:
        return word, False, False
    place = _places(width).get(syndrome)
    if place is None:
        return word, False, True
    return (word ^ 1 << place if place < width else word), True, False
