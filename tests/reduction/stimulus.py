# SPDX-License-Identifier: Apache-2.0
"""Numbers that try an exact accumulator: random, and made to hit what rounding gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from switchproof.models.formats import FORMATS
from switchproof.models.layout import EType, RedOp

Bits = NDArray[np.unsignedinteger[Any]]
Words = NDArray[np.uint32]

#: Patterns that have a meaning of their own, as FP32; their upper half is the BF16 pattern.
SPECIALS = np.array(
    [
        0x00000000, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F810000,
        0xFFFF0000, 0x00010000, 0x80010000, 0x007F0000, 0x807F0000, 0x00800000, 0x80800000,
        0x7F7F0000, 0xFF7F0000, 0x3F800000, 0xBF800000,
    ],
    np.uint32,
)  # fmt: skip


def _pack(sign: Any, exponent: Any, fraction: Any) -> Words:
    """Return FP32 patterns of biased exponents and 23-bit fractions."""
    out = (np.asarray(sign, np.int64) << 31) | (np.asarray(exponent, np.int64) << 23)
    return (out | np.asarray(fraction, np.int64)).astype(np.uint32)


def _random(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    return rng.integers(0, 1 << 32, shape, np.uint32)


def _window(rng: np.random.Generator, shape: tuple[int, int], least: int, span: int) -> Words:
    """Finite numbers whose exponents lie in a window that moves from column to column."""
    base = rng.integers(least, 255 - span + 1, shape[1])
    exponent = base + rng.integers(0, span, shape)
    return _pack(rng.integers(0, 2, shape), exponent, rng.integers(0, 1 << 23, shape))


def _narrow(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    return _window(rng, shape, 0, 8)


def _wide(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    return _window(rng, shape, 0, 60)


def _finite(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    return _window(rng, shape, 0, 255)


def _subnormal(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    return _window(rng, shape, 0, 3) & np.uint32(0x81FFFFFF)


def _powers(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    """Powers of two with both signs: long runs of ones, carries through many words."""
    return _pack(rng.integers(0, 2, shape), rng.integers(0, 255, shape), 0)


def _specials(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    return rng.choice(SPECIALS, shape)


def _rare(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    """One special pattern in a column of common numbers."""
    out = _narrow(rng, shape)
    out[rng.integers(0, shape[0], shape[1]), np.arange(shape[1])] = rng.choice(SPECIALS, shape[1])
    return out


def _zeros(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    """Zeros of both signs, in a third of the columns all -0."""
    out = _pack(rng.integers(0, 2, shape), 0, 0)
    out[:, rng.random(shape[1]) < 0.33] = 0x80000000
    return out


def _cancel(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    """Every number with its negative, and what is left over: nothing, or next to nothing."""
    out = _finite(rng, shape)
    half = shape[0] // 2
    out[half : 2 * half] = out[:half] ^ np.uint32(0x80000000)
    some = rng.random(shape[1]) < 0.5
    out[-1, some] = _pack(rng.integers(0, 2, shape[1]), 0, rng.integers(0, 4, shape[1]))[some]
    return out


def _ties(rng: np.random.Generator, shape: tuple[int, int], keep: int) -> Words:
    """A number, half of its last place, and a whisper that decides or does not.

    keep: fraction bits of the result (23 or 7).
    """
    members, n = shape
    sign = rng.integers(0, 2, n)
    exponent = rng.integers(keep + 3, 255, n)
    low = 23 - keep
    # often ...111, so that rounding up carries into the exponent
    fraction = rng.integers(0, 1 << keep, n) | np.where(rng.random(n) < 0.3, (1 << keep) - 1, 0)
    out = np.zeros(shape, np.uint32)
    out[0] = _pack(sign, exponent, fraction << low)
    if members > 1:
        other = np.where(rng.random(n) < 0.8, sign, 1 - sign)
        out[1] = _pack(other, exponent - keep - 1, 0)
    if members > 2:
        tiny = rng.integers(0, 40, n)
        whisper = _pack(rng.integers(0, 2, n), np.minimum(tiny, exponent - 1), 1 << 16)
        out[2] = np.where(rng.random(n) < 0.6, whisper, 0)
    if members > 3:
        # noise that cancels
        half = (members - 3) // 2
        noise = _finite(rng, (half, n))
        out[3 : 3 + half] = noise
        out[3 + half : 3 + 2 * half] = noise ^ np.uint32(0x80000000)
    return out


def _ties32(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    return _ties(rng, shape, 23)


def _ties16(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    return _ties(rng, shape, 7)


def _overflow(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    """The largest numbers: sums beyond the range, that come back, or that just round into it."""
    near = _pack(0, 254, 0x7FFFFF - rng.integers(0, 2, shape)) & np.uint32(0xFFFF0000)
    full = _pack(0, 254, 0x7FFFFF)
    half = _pack(0, rng.choice([230, 229, 246, 245], shape), 0)
    out = np.choose(rng.integers(0, 3, shape), [near, np.broadcast_to(full, shape), half])
    return (out | (rng.integers(0, 2, shape) << 31)).astype(np.uint32)


def _borders(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    """Numbers at the borders of 32-bit words, so that leading digits lie at their ends."""
    exponent = (
        32 * rng.integers(0, 8, shape) + rng.integers(-1, 3, shape) + rng.choice([0, 9], shape)
    )
    fraction = rng.choice([0, 0x7F0000, 0x7FFFFF, 1, 0x10000], shape)
    return _pack(rng.integers(0, 2, shape), np.clip(exponent, 0, 254), fraction)


def _equal(rng: np.random.Generator, shape: tuple[int, int]) -> Words:
    """The same number over and over: the carries of a word fill up."""
    one = _pack(rng.integers(0, 2, shape[1]), rng.integers(0, 255, shape[1]), 0x7FFFFF)
    return np.broadcast_to(one, shape).copy()


CLASSES: dict[str, Callable[[np.random.Generator, tuple[int, int]], Words]] = {
    "random": _random,
    "narrow": _narrow,
    "wide": _wide,
    "finite": _finite,
    "subnormal": _subnormal,
    "powers": _powers,
    "specials": _specials,
    "rare": _rare,
    "zeros": _zeros,
    "cancel": _cancel,
    "ties32": _ties32,
    "ties16": _ties16,
    "overflow": _overflow,
    "borders": _borders,
    "equal": _equal,
}


def columns(rng: np.random.Generator, name: str, members: int, n: int, etype: int) -> Bits:
    """Return patterns of shape (members, n) of a class, members shuffled within each column."""
    words = CLASSES[name](rng, (members, n))
    words = rng.permuted(words, axis=0)
    return (words >> 16).astype(np.uint16) if etype == EType.BF16 else words


def cover(hits: dict[str, int], bits: Bits, result: Bits, etype: int, redop: int) -> None:
    """Count what columns of contributions (members, n) and their results show, by name."""
    fmt = FORMATS[etype]
    number, total = fmt.decode_array(bits), fmt.decode_array(result)
    top = fmt.dtype.type(fmt.sign_bit)
    zero = (bits & ~top) == 0
    subnormal = (number.significand != 0) & (number.significand < (1 << fmt.fraction_bits))
    subnormal &= ~(number.inf | number.nan)
    finite = ~(number.inf | number.nan).any(0)
    plus = (number.inf & (number.sign == 0)).any(0)
    minus = (number.inf & (number.sign == 1)).any(0)
    nan = number.nan.any(0)
    small = (total.significand != 0) & (total.significand < (1 << fmt.fraction_bits))
    found = {
        "nan": nan,
        "nan_among_infinities": nan & (plus | minus),
        "plus_infinity": plus & ~minus & ~nan,
        "minus_infinity": minus & ~plus & ~nan,
        "both_infinities": plus & minus & ~nan,
        "all_minus_zero": (bits == top).all(0),
        "zeros_of_both_signs": zero.all(0) & (bits == top).any(0) & (bits == 0).any(0),
        "subnormal_contribution": subnormal.any(0) & finite,
        "subnormal_result": finite & ~total.inf & ~total.nan & small,
        "negative_result": finite & (total.sign == 1) & (total.significand != 0),
        "ordinary": finite & ~total.inf,
    }
    if redop == RedOp.SUM:
        found["overflow_to_plus_infinity"] = finite & total.inf & (total.sign == 0)
        found["overflow_to_minus_infinity"] = finite & total.inf & (total.sign == 1)
        found["cancelled_to_zero"] = finite & ~zero.all(0) & ((result & ~top) == 0)
    prefix = f"lane.{EType(etype).name}.{RedOp(redop).name}.".lower()
    for name, where in found.items():
        count(hits, prefix + name, int(where.sum()))


def count(hits: dict[str, int], name: str, times: int = 1) -> None:
    """Add to a coverage point; what was never hit has no entry."""
    if times:
        hits[name] = hits.get(name, 0) + times
