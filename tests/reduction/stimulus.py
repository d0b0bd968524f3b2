# SPDX-License-Identifier: Apache-2.0
"""Numbers that try an exact accumulator: random, and made to hit what rounding gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from switchproof.models.formats import FORMATS, Format
from switchproof.models.layout import EType, RedOp

Bits = NDArray[np.unsignedinteger[Any]]
Ints = NDArray[np.int64]
Shape = tuple[int, int]

#: Every bit of a fraction. Classes give 23 bits, of which a format keeps the upper ones.
FULL = 0x7FFFFF


def specials(fmt: Format) -> Ints:
    """Return the patterns that have a meaning of their own."""
    hidden = 1 << fmt.fraction_bits
    above = fmt.largest + 1  # +infinity, or NaN
    found = [0, 1, hidden - 1, hidden, fmt.largest, fmt.bias << fmt.fraction_bits]
    found += [above, fmt.nan, min(above + 1, fmt.sign_bit - 1), fmt.sign_bit - 1]
    return np.array(found + [pattern | fmt.sign_bit for pattern in found], np.int64)


def _last(fmt: Format) -> int:
    """Return the largest exponent field of a finite number."""
    return fmt.largest >> fmt.fraction_bits


def _pack(fmt: Format, sign: Any, exponent: Any, fraction: Any) -> Ints:
    """Return patterns of exponent fields and 23-bit fractions."""
    out = (np.asarray(sign, np.int64) << (fmt.width - 1)) | (
        np.asarray(exponent, np.int64) << fmt.fraction_bits
    )
    return np.asarray(out | (np.asarray(fraction, np.int64) >> (23 - fmt.fraction_bits)))


def _random(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    return rng.integers(0, 1 << fmt.width, shape)


def _window(rng: np.random.Generator, shape: Shape, fmt: Format, span: int) -> Ints:
    """Finite numbers whose exponents lie in a window that moves from column to column."""
    span = min(span, _last(fmt) + 1)
    exponent = rng.integers(0, _last(fmt) - span + 2, shape[1]) + rng.integers(0, span, shape)
    return _pack(fmt, rng.integers(0, 2, shape), exponent, rng.integers(0, FULL + 1, shape))


def _narrow(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    return _window(rng, shape, fmt, 8)


def _wide(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    return _window(rng, shape, fmt, 60)


def _finite(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    return _window(rng, shape, fmt, 255)


def _subnormal(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """Subnormal numbers and the smallest normal ones."""
    exponent = rng.integers(0, rng.integers(1, 4, shape[1]), shape)
    return _pack(fmt, rng.integers(0, 2, shape), exponent, rng.integers(0, FULL + 1, shape))


def _powers(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """Powers of two with both signs: long runs of ones, carries through many words."""
    return _pack(fmt, rng.integers(0, 2, shape), rng.integers(0, _last(fmt) + 1, shape), 0)


def _specials(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    return rng.choice(specials(fmt), shape)


def _rare(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """One special pattern in a column of common numbers."""
    out = _narrow(rng, shape, fmt)
    some = rng.choice(specials(fmt), shape[1])
    out[rng.integers(0, shape[0], shape[1]), np.arange(shape[1])] = some
    return out


def _nans(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """NaNs of every kind, in most columns with some numbers between them."""
    top = fmt.sign_bit - 1
    least = fmt.largest + (1 if fmt.inf is None else 2)
    nan = rng.integers(least, top + 1, shape) | rng.integers(0, 2, shape) << (fmt.width - 1)
    share = rng.choice([0.0, 0.1, 0.5], shape[1])
    return np.where(rng.random(shape) < share, _finite(rng, shape, fmt), nan)


def _infinities(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """Infinities of one or of both signs, in most columns with some numbers between them."""
    sign = np.where(rng.random(shape[1]) < 0.5, rng.integers(0, 2, shape[1]), -1)
    sign = np.where(sign < 0, rng.integers(0, 2, shape), sign)
    share = rng.choice([0.0, 0.5, 0.8], shape[1])
    out = sign << (fmt.width - 1) | (fmt.largest + 1)
    return np.where(rng.random(shape) < share, _finite(rng, shape, fmt), out)


def _zeros(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """Zeros of both signs, in a third of the columns all -0."""
    out = _pack(fmt, rng.integers(0, 2, shape), 0, 0)
    out[:, rng.random(shape[1]) < 0.33] = fmt.sign_bit
    return out


def _cancel(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """Every number with its negative, and what is left over: nothing, or next to nothing."""
    out = _finite(rng, shape, fmt)
    half = shape[0] // 2
    out[half : 2 * half] = out[:half] ^ fmt.sign_bit
    some = rng.random(shape[1]) < 0.5
    tiny = _pack(fmt, rng.integers(0, 2, shape[1]), 0, 0) | rng.integers(0, 4, shape[1])
    out[-1, some] = tiny[some]
    return out


def _ties(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """A number, half of its last place, and a whisper that decides or does not."""
    members, n = shape
    keep = fmt.fraction_bits
    sign = rng.integers(0, 2, n)
    exponent = rng.integers(keep + 3, _last(fmt) + 1, n)
    # often ...111, so that rounding up carries into the exponent
    fraction = rng.integers(0, 1 << keep, n) | np.where(rng.random(n) < 0.3, (1 << keep) - 1, 0)
    out = np.zeros(shape, np.int64)
    out[0] = _pack(fmt, sign, exponent, fraction << (23 - keep))
    if members > 1:
        other = np.where(rng.random(n) < 0.8, sign, 1 - sign)
        out[1] = _pack(fmt, other, exponent - keep - 1, 0)
    if members > 2:
        tiny = np.minimum(rng.integers(0, 40, n), exponent - 1)
        whisper = _pack(fmt, rng.integers(0, 2, n), tiny, 1 << 16)
        whisper |= rng.integers(0, 2, n)
        out[2] = np.where(rng.random(n) < 0.6, whisper, 0)
    if members > 3:
        # noise that cancels
        half = (members - 3) // 2
        noise = _finite(rng, (half, n), fmt)
        out[3 : 3 + half] = noise
        out[3 + half : 3 + 2 * half] = noise ^ fmt.sign_bit
    return out


def _overflow(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """The largest numbers: sums beyond the range, that come back, or that just round into it."""
    near = fmt.largest - rng.integers(0, 2, shape)
    half = _pack(fmt, 0, _last(fmt) - fmt.fraction_bits - rng.integers(1, 3, shape), 0)
    out = np.where(rng.random(shape) < 0.6, near, half)
    return out | (rng.integers(0, 2, shape) << (fmt.width - 1))


def _borders(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """Numbers at the borders of 32-bit words, so that leading digits lie at their ends."""
    exponent = (
        32 * rng.integers(0, 8, shape) + rng.integers(-1, 3, shape) + rng.choice([0, 9], shape)
    )
    fraction = rng.choice([0, 0x7F0000, FULL, 1, 0x10000], shape)
    return _pack(fmt, rng.integers(0, 2, shape), np.clip(exponent, 0, _last(fmt)), fraction)


def _equal(rng: np.random.Generator, shape: Shape, fmt: Format) -> Ints:
    """The same number over and over: the carries of a word fill up."""
    exponent = rng.integers(0, _last(fmt) + 1, shape[1])
    one = np.minimum(_pack(fmt, 0, exponent, FULL), fmt.largest)
    one |= rng.integers(0, 2, shape[1]) << (fmt.width - 1)
    return np.broadcast_to(one, shape).copy()


CLASSES: dict[str, Callable[[np.random.Generator, Shape, Format], Ints]] = {
    "random": _random,
    "narrow": _narrow,
    "wide": _wide,
    "finite": _finite,
    "subnormal": _subnormal,
    "powers": _powers,
    "specials": _specials,
    "rare": _rare,
    "infinities": _infinities,
    "nans": _nans,
    "zeros": _zeros,
    "cancel": _cancel,
    "ties": _ties,
    "overflow": _overflow,
    "borders": _borders,
    "equal": _equal,
}

#: Least and greatest integer.
LEAST, MOST = -(1 << 31), (1 << 31) - 1


def _int_random(rng: np.random.Generator, shape: Shape) -> Ints:
    return rng.integers(LEAST, MOST + 1, shape)


def _int_small(rng: np.random.Generator, shape: Shape) -> Ints:
    return rng.integers(-2, 3, shape)


def _int_ends(rng: np.random.Generator, shape: Shape) -> Ints:
    """Where the sign changes: at zero and at both ends."""
    return rng.choice([LEAST, LEAST + 1, -1, 0, 1, MOST - 1, MOST], shape)


def _int_scaled(rng: np.random.Generator, shape: Shape) -> Ints:
    """Numbers of all sizes."""
    return rng.integers(LEAST, MOST + 1, shape) >> rng.integers(0, 32, shape)


def _int_edge(rng: np.random.Generator, shape: Shape) -> Ints:
    """Sums at the ends of the range: just in it, or just beyond."""
    members, n = shape
    end = rng.choice([LEAST - 1, LEAST, MOST, MOST + 1], n)
    out = np.broadcast_to(end // members, shape).copy()
    out[0] += end % members
    noise = rng.integers(-(1 << 29), 1 << 29, (members // 2, n))
    out[: 2 * len(noise) : 2] += noise
    out[1 : 2 * len(noise) : 2] -= noise
    return np.clip(out, LEAST, MOST)


def _int_equal(rng: np.random.Generator, shape: Shape) -> Ints:
    """The same number over and over: the carries of the word fill up."""
    return np.broadcast_to(rng.choice([LEAST, MOST, -1, 1], shape[1]), shape).copy()


INT_CLASSES: dict[str, Callable[[np.random.Generator, Shape], Ints]] = {
    "int_random": _int_random,
    "int_small": _int_small,
    "int_ends": _int_ends,
    "int_scaled": _int_scaled,
    "int_edge": _int_edge,
    "int_equal": _int_equal,
}


def classes(etype: int) -> list[str]:
    """Return the names of the classes of a type."""
    return list(INT_CLASSES if etype == EType.INT32 else CLASSES)


def columns(rng: np.random.Generator, name: str, members: int, n: int, etype: int) -> Bits:
    """Return patterns of shape (members, n) of a class, members shuffled within each column."""
    if etype == EType.INT32:
        words = INT_CLASSES[name](rng, (members, n)) & 0xFFFFFFFF
        return rng.permuted(words, axis=0).astype("<u4")
    fmt = FORMATS[etype]
    words = CLASSES[name](rng, (members, n), fmt)
    return rng.permuted(words, axis=0).astype(fmt.dtype)


def cover(
    hits: dict[str, int], bits: Bits, result: Bits, plain: Bits, etype: int, redop: int
) -> None:
    """Count what columns of contributions (members, n) and their results show, by name.

    `plain` are the results without the saturate bit.
    """
    if etype == EType.INT32:
        found = _found_int(bits, result, redop)
        clamped = result.view("<i4") < 0
    else:
        found = _found(bits, plain, FORMATS[etype], redop)
        clamped = result >= FORMATS[etype].sign_bit
    if redop == RedOp.SUM:
        found["clamped_above"] = (result != plain) & ~clamped
        found["clamped_below"] = (result != plain) & clamped
    prefix = f"lane.{EType(etype).name}.{RedOp(redop).name}.".lower()
    for name, where in found.items():
        count(hits, prefix + name, int(where.sum()))


def _found_int(bits: Bits, result: Bits, redop: int) -> dict[str, NDArray[np.bool_]]:
    """Return by name which columns of integers show what."""
    number = bits.view("<i4").astype(np.int64)
    total, exact = result.view("<i4").astype(np.int64), number.sum(0)
    found = {
        "negative_result": total < 0,
        "least_result": total == LEAST,
        "both_signs": (number < 0).any(0) & (number >= 0).any(0),
        "ordinary": (number >= 0).all(0) & (total == number.max(0)),
    }
    if redop == RedOp.SUM:
        found["ordinary"] = total == exact
        found["wrapped"] = (total != exact) & (total != LEAST) & (total != MOST)
        found["just_beyond"] = (exact == MOST + 1) | (exact == LEAST - 1)
    return found


def _found(bits: Bits, plain: Bits, fmt: Format, redop: int) -> dict[str, NDArray[np.bool_]]:
    """Return by name which columns of numbers show what."""
    number, total = fmt.decode_array(bits), fmt.decode_array(plain)
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
        "ordinary": finite & ~total.inf & ~total.nan,
    }
    if redop == RedOp.SUM:
        found["overflow_to_plus_infinity"] = finite & total.inf & (total.sign == 0)
        found["overflow_to_minus_infinity"] = finite & total.inf & (total.sign == 1)
        found["overflow_to_nan"] = finite & total.nan
        found["cancelled_to_zero"] = finite & ~zero.all(0) & ((plain & ~top) == 0)
    if redop in (RedOp.MINNUM, RedOp.MAXNUM):
        found["nan_passed_over"] = nan & ~total.nan
        found["all_nan"] = number.nan.all(0)
    return found


def count(hits: dict[str, int], name: str, times: int = 1) -> None:
    """Add to a coverage point; what was never hit has no entry."""
    if times:
        hits[name] = hits.get(name, 0) + times
