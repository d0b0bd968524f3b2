# SPDX-License-Identifier: Apache-2.0
"""Golden model of the reductions: bit patterns in, the specified bit pattern out.

The rules are those of docs/numerics.md. The method shares nothing with hardware accumulators: the
contributions of an element are aligned to the least exponent among them and added as integers, in
int64 where the spread of exponents leaves room for every sum, otherwise as Python integers of
unbounded size; then the sum is rounded, once. No float is involved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .formats import FORMATS, FP32, Bits, Decoded, Format, Ints, convert, element_dtype
from .layout import EType, RedOp

#: How a sum is made.
MODES = ("exact", "ordered")

#: Types for which overflow can be made to give the largest number.
SATURATING = (EType.INT32, EType.E4M3, EType.E5M2)

#: Elements that are worked on at a time, so that the intermediate arrays stay in the cache.
_CHUNK = 8192

#: Bits of a sum that int64 holds without its sign.
_ROOM = 62


def allreduce(
    contributions: Bits,
    etype: int,
    redop: int = RedOp.SUM,
    mode: str = "exact",
    saturate: bool = False,
) -> Bits:
    """Return what every member of a group receives for its contribution.

    contributions: patterns of shape (members, elements), of the unsigned dtype of the element
    type, members in ascending order. The result has shape (elements,). `mode` is "exact" (one
    rounding) or "ordered" (sums in FP32, a rounding at each member); for INT32 and for minima and
    maxima both are the same. `saturate` is the mode bit: for INT32, E4M3 and E5M2 overflow becomes
    the largest number instead of wrapping, infinity or NaN; for the other types it changes nothing.

    Raises ValueError for a wrong shape, dtype, type, operation or mode.
    """
    array: Bits = np.asarray(contributions)
    if array.ndim != 2 or array.shape[0] == 0:
        raise ValueError(f"contributions want shape (members, elements), not {array.shape}")
    if array.dtype != element_dtype(etype):
        raise ValueError(f"{EType(etype).name} wants {element_dtype(etype)}, not {array.dtype}")
    if mode not in MODES:
        raise ValueError(f"no mode {mode!r}; there are: {', '.join(MODES)}")
    if redop not in list(RedOp):
        raise ValueError(f"no operation {redop!r}; there are: {', '.join(r.name for r in RedOp)}")

    saturate = saturate and etype in SATURATING
    result = np.empty(array.shape[1], array.dtype)
    for start in range(0, array.shape[1], _CHUNK):
        part = array[:, start : start + _CHUNK]
        if etype == EType.INT32:
            reduced = _int32(part, redop, saturate)
        elif redop == RedOp.SUM and mode == "ordered":
            reduced = ordered_sum(part, FORMATS[etype], saturate)
        elif redop == RedOp.SUM:
            reduced = exact_sum(part, FORMATS[etype], saturate)
        else:
            reduced = _extreme(part, FORMATS[etype], redop)
        result[start : start + _CHUNK] = reduced
    return result


def reduce(contributions: Bits, etype: int, redop: int = RedOp.SUM, mode: str = "exact") -> Bits:
    """Return what the root of a Reduce receives: the same value as :func:`allreduce`."""
    return allreduce(contributions, etype, redop, mode)


# ------------------------------------------------------------------------------------- sum


def exact_sum(bits: Bits, fmt: Format, saturate: bool = False, room: int = _ROOM) -> Bits:
    """Return the correctly rounded sum of each column of patterns, shape (members, elements).

    `room` bits are taken to fit an int64 sum; 0 sends every column the unbounded way, which tests
    use to compare the two.
    """
    number = fmt.decode_array(bits)
    finite = ~(number.inf | number.nan)
    nonzero = finite & (number.significand != 0)

    # Zeros take no part in the alignment: they would spread it to the least exponent there is.
    top = number.exponent.max() + 1
    least = np.where(nonzero, number.exponent, top).min(0)
    shift = np.where(nonzero, number.exponent - least, 0)
    headroom = int(bits.shape[0]).bit_length() + fmt.precision
    narrow = shift.max(0) + headroom <= room
    least = np.where(nonzero.any(0), least, fmt.least_exponent)

    signed = np.where(number.sign != 0, -number.significand, number.significand)
    sums = (signed << np.where(narrow, shift, 0)).sum(0)
    result = fmt.encode_array(np.where(narrow, sums, 0), least, saturate)
    if not narrow.all():
        wide = np.flatnonzero(~narrow)
        result[wide] = _sum_unbounded(signed[:, wide], shift[:, wide], least[wide], fmt, saturate)

    negative_zero = (bits == fmt.dtype.type(fmt.sign_bit)).all(0)
    result[negative_zero] = fmt.sign_bit
    return _special_sums(result, number, fmt)


def ordered_sum(bits: Bits, fmt: Format, saturate: bool = False) -> Bits:
    """Return the sum of each column of patterns, shape (members, elements), from the first member
    on: FP32 numbers, added and rounded one by one; the last is rounded to the format."""
    numbers = convert(bits, fmt, FP32)
    total = numbers[0]
    for number in numbers[1:]:
        total = exact_sum(np.stack([total, number]), FP32)
    return convert(total, FP32, fmt, saturate)


def _sum_unbounded(signed: Ints, shift: Ints, least: Ints, fmt: Format, saturate: bool) -> Bits:
    """Return rounded sums of ``signed << shift``, at exponent `least`, in Python integers."""
    aligned: NDArray[Any] = signed.astype(object) << shift.astype(object)
    sums = aligned.sum(0)
    return np.array(
        [fmt.encode(int(s), int(e), saturate) for s, e in zip(sums, least, strict=True)], fmt.dtype
    )


def _special_sums(result: Bits, number: Decoded, fmt: Format) -> Bits:
    """Put in infinities and NaNs, in place: they decide the sum whatever else was added."""
    if number.inf.any():
        plus = (number.inf & (number.sign == 0)).any(0)
        minus = (number.inf & (number.sign != 0)).any(0)
        result[plus] = fmt.overflow
        result[minus] = fmt.overflow | fmt.sign_bit
        result[plus & minus] = fmt.nan
    if number.nan.any():
        result[number.nan.any(0)] = fmt.nan
    return result


# ------------------------------------------------------------------------------- min and max


def _extreme(bits: Bits, fmt: Format, redop: int) -> Bits:
    """Return minimum, maximum, minimumNumber or maximumNumber of each column of patterns."""
    nan = fmt.is_nan(bits)
    number = bits.astype(np.int64)
    magnitude = number & (fmt.sign_bit - 1)
    # Signs and magnitudes on one line of integers, with -0 at -1 just below +0 at 0.
    rank = np.where(number >= fmt.sign_bit, -1 - magnitude, magnitude)
    smallest = redop in (RedOp.MIN, RedOp.MINNUM)
    beyond = np.int64(fmt.sign_bit if smallest else -1 - fmt.sign_bit)
    rank = np.where(nan, beyond, rank)
    best = rank.min(0) if smallest else rank.max(0)
    result = np.where(best < 0, (-1 - best) | fmt.sign_bit, best)
    absorbed = nan.any(0) if redop in (RedOp.MIN, RedOp.MAX) else nan.all(0)
    return np.where(absorbed, fmt.nan, result).astype(fmt.dtype)


# ------------------------------------------------------------------------------------ INT32


def _int32(bits: Bits, redop: int, saturate: bool) -> Bits:
    """Return the reduction of each column of two's complement numbers of 32 bits."""
    number = bits.astype("<u4").view("<i4").astype(np.int64)
    if redop == RedOp.SUM:
        total = number.sum(0)
        if saturate:
            total = np.clip(total, -(1 << 31), (1 << 31) - 1)
    elif redop in (RedOp.MIN, RedOp.MINNUM):
        total = number.min(0)
    else:
        total = number.max(0)
    return (total & 0xFFFFFFFF).astype("<u4")
