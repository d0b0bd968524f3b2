# SPDX-License-Identifier: Apache-2.0
"""Number formats as integers: no value here ever passes through a float.

A finite number is ``(-1)**sign * significand * 2**exponent`` with an integer significand, so that
subnormal numbers need no case of their own. Encoding rounds an unbounded integer times a power of
two to nearest, ties to even, once. docs/numerics.md is the specification.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .layout import EType

Bits = NDArray[np.unsignedinteger[Any]]
Ints = NDArray[np.int64]


class Kind(enum.Enum):
    """What a bit pattern stands for."""

    ZERO = "zero"
    SUBNORMAL = "subnormal"
    NORMAL = "normal"
    INF = "infinity"
    NAN = "nan"


@dataclasses.dataclass(frozen=True)
class Decoded:
    """Arrays of one shape; for infinities and NaNs `significand` and `exponent` mean nothing.

    sign: 0 or 1. exponent: of the lowest bit of the significand. significand: integer >= 0.
    """

    sign: Ints
    exponent: Ints
    significand: Ints
    inf: NDArray[np.bool_]
    nan: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Format:
    """A binary floating-point format of sign, exponent and fraction, highest bit first."""

    name: str
    exponent_bits: int
    fraction_bits: int
    bias: int
    #: The one NaN that results ever hold.
    nan: int
    #: Pattern of +infinity; None when the format has none.
    inf: int | None
    #: Pattern of the largest finite number.
    largest: int

    @property
    def width(self) -> int:
        """Bits of the format."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def dtype(self) -> np.dtype[Any]:
        """Unsigned numpy type, little-endian, that holds a bit pattern."""
        return np.dtype(f"<u{self.width // 8}")

    @property
    def sign_bit(self) -> int:
        """Pattern of -0."""
        return 1 << (self.width - 1)

    @property
    def precision(self) -> int:
        """Bits of a normal significand, with its hidden one."""
        return self.fraction_bits + 1

    @property
    def least_exponent(self) -> int:
        """Exponent of the smallest subnormal number: every finite number is a multiple of it."""
        return 1 - self.bias - self.fraction_bits

    @property
    def overflow(self) -> int:
        """Pattern without sign that a result too large takes: infinity, or NaN without one."""
        return self.nan if self.inf is None else self.inf

    # ------------------------------------------------------------------ one number

    def kind(self, bits: int) -> Kind:
        """Classify one bit pattern."""
        magnitude = bits & (self.sign_bit - 1)
        if magnitude == 0:
            return Kind.ZERO
        if magnitude > self.largest:
            return Kind.INF if magnitude == self.inf else Kind.NAN
        return Kind.SUBNORMAL if magnitude >> self.fraction_bits == 0 else Kind.NORMAL

    def decode(self, bits: int) -> tuple[int, int, int]:
        """Return (sign, exponent, significand) of one finite number.

        Raises ValueError for an infinity, a NaN or more bits than the format has.
        """
        if not 0 <= bits < 1 << self.width:
            raise ValueError(f"{self.name}: {bits:#x} is not a pattern of {self.width} bits")
        if self.kind(bits) in (Kind.INF, Kind.NAN):
            raise ValueError(f"{self.name}: {bits:#x} is no finite number")
        stored = bits >> self.fraction_bits & ((1 << self.exponent_bits) - 1)
        fraction = bits & ((1 << self.fraction_bits) - 1)
        hidden = 1 << self.fraction_bits if stored else 0
        return bits >> (self.width - 1), self.least_exponent + max(stored - 1, 0), fraction | hidden

    def encode(self, value: int, exponent: int = 0, saturate: bool = False) -> int:
        """Return the pattern nearest to ``value * 2**exponent``, ties to even, rounded once.

        `value` may be of any size. Zero is +0. A result beyond the largest number is infinity (NaN
        in a format without one), or the largest number when `saturate`.
        """
        if value == 0:
            return 0
        magnitude = abs(value)
        # Exponent of the last place that the result keeps; may be above or below `exponent`.
        place = max(exponent + magnitude.bit_length() - self.precision, self.least_exponent)
        dropped = place - exponent
        if dropped <= 0:
            significand = magnitude << -dropped
        else:
            significand, rest = divmod(magnitude, 1 << dropped)
            half = 1 << (dropped - 1)
            if rest > half or (rest == half and significand & 1):
                significand += 1
        # The hidden one carries into the exponent field, as does a significand rounded up to a
        # power of two, so that one addition makes the pattern.
        pattern = ((place - self.least_exponent) << self.fraction_bits) + significand
        if pattern > self.largest:
            pattern = self.largest if saturate else self.overflow
            if pattern == self.nan:
                return pattern
        return pattern | (self.sign_bit if value < 0 else 0)

    # ---------------------------------------------------------------- many numbers

    def patterns(self, bits: ArrayLike) -> Bits:
        """Return `bits` as an array of the format's dtype; ValueError for any other dtype."""
        array: Bits = np.asarray(bits)
        if array.dtype != self.dtype:
            raise ValueError(f"{self.name} patterns are {self.dtype}, not {array.dtype}")
        return array

    def is_nan(self, bits: ArrayLike) -> NDArray[np.bool_]:
        """Return which patterns are NaNs."""
        magnitude = self.patterns(bits) & self.dtype.type(self.sign_bit - 1)
        beyond = self.largest if self.inf is None else self.inf
        return np.asarray(magnitude > self.dtype.type(beyond))

    def is_inf(self, bits: ArrayLike) -> NDArray[np.bool_]:
        """Return which patterns are infinities."""
        magnitude = self.patterns(bits) & self.dtype.type(self.sign_bit - 1)
        if self.inf is None:
            return np.zeros(magnitude.shape, bool)
        return np.asarray(magnitude == self.dtype.type(self.inf))

    def decode_array(self, bits: ArrayLike) -> Decoded:
        """Return sign, exponent, significand and specials of every pattern."""
        patterns = self.patterns(bits)
        number = patterns.astype(np.int64)
        stored = number >> self.fraction_bits & ((1 << self.exponent_bits) - 1)
        fraction = number & ((1 << self.fraction_bits) - 1)
        hidden = (stored != 0).astype(np.int64) << self.fraction_bits
        return Decoded(
            sign=number >> (self.width - 1),
            exponent=np.maximum(stored - 1, 0) + self.least_exponent,
            significand=fraction | hidden,
            inf=self.is_inf(patterns),
            nan=self.is_nan(patterns),
        )

    def encode_array(self, value: Ints, exponent: Ints, saturate: bool = False) -> Bits:
        """Return :meth:`encode` of every pair; values within +-(2**63 - 1), as int64."""
        magnitude = np.abs(value)
        place = np.maximum(exponent + bit_length(magnitude) - self.precision, self.least_exponent)
        dropped = place - exponent
        kept = magnitude << np.clip(-dropped, 0, 63)
        # 63 places and more drop everything: 2**63 - 1 is below half of what would be the last.
        down = np.clip(dropped, 1, 63)
        rounded = magnitude >> down
        rest = magnitude - (rounded << down)
        half = np.int64(1) << (down - 1)
        rounded += (rest > half) | ((rest == half) & (rounded & 1 == 1))
        significand = np.where(dropped > 0, np.where(dropped > 63, 0, rounded), kept)
        pattern = ((place - self.least_exponent) << self.fraction_bits) + significand
        pattern = np.where(magnitude == 0, 0, pattern)
        sign = np.where(value < 0, self.sign_bit, 0)
        signed = pattern | sign
        beyond = pattern > self.largest
        if beyond.any():
            limit = self.largest if saturate else self.overflow
            signed = np.where(beyond, limit if limit == self.nan else limit | sign, signed)
        return signed.astype(self.dtype)


def bit_length(numbers: Ints) -> Ints:
    """Return the bit length of every number >= 0, with shifts and comparisons only."""
    rest = numbers.copy()
    length = np.zeros_like(rest)
    for step in (32, 16, 8, 4, 2, 1):
        wide = rest >> step != 0
        length += np.where(wide, step, 0)
        rest = np.where(wide, rest >> step, rest)
    return length + rest


FP32 = Format("FP32", 8, 23, 127, nan=0x7FC00000, inf=0x7F800000, largest=0x7F7FFFFF)
BF16 = Format("BF16", 8, 7, 127, nan=0x7FC0, inf=0x7F80, largest=0x7F7F)
FP16 = Format("FP16", 5, 10, 15, nan=0x7E00, inf=0x7C00, largest=0x7BFF)
E4M3 = Format("E4M3", 4, 3, 7, nan=0x7F, inf=None, largest=0x7E)
E5M2 = Format("E5M2", 5, 2, 15, nan=0x7E, inf=0x7C, largest=0x7B)

#: Floating-point format of each element type.
FORMATS: dict[int, Format] = {
    EType.FP32: FP32,
    EType.BF16: BF16,
    EType.FP16: FP16,
    EType.E4M3: E4M3,
    EType.E5M2: E5M2,
}


def element_dtype(etype: int) -> np.dtype[Any]:
    """Return the unsigned numpy type that holds the patterns of an element type.

    Raises ValueError with the known types when there is no such type.
    """
    if etype == EType.INT32:
        return np.dtype("<u4")
    if etype not in FORMATS:
        raise ValueError(
            f"no element type {etype!r}; there are: {', '.join(e.name for e in EType)}"
        )
    return FORMATS[etype].dtype


def convert(bits: ArrayLike, source: Format, target: Format, saturate: bool = False) -> Bits:
    """Return patterns of `source` as the nearest patterns of `target`, ties to even.

    Infinities and signs of zeros stay where the target has them; every NaN becomes canonical.
    """
    patterns = source.patterns(bits)
    number = source.decode_array(patterns)
    negative = number.sign != 0
    signed = np.where(negative, -number.significand, number.significand)
    result = target.encode_array(signed, number.exponent, saturate)
    result[negative & (number.significand == 0)] = target.sign_bit
    result[number.inf] = target.overflow
    if target.inf is not None:
        result[number.inf & negative] = target.inf | target.sign_bit
    result[number.nan] = target.nan
    return result
