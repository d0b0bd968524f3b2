# SPDX-License-Identifier: Apache-2.0
"""The golden reduction against arithmetic that we did not write.

Oracles: gmpy2's correctly rounded sum (MPFR) for sums of any number of contributions; numpy and
ml_dtypes for sums of two; apytypes' exact fixed-point sums. They are no oracles for the sign of
zero in minimum and maximum, nor for sign and payload of NaN: there docs/numerics.md decides, and
the tests below state its rules one by one.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from switchproof.models import formats
from switchproof.models.formats import BF16, E4M3, E5M2, FORMATS, FP16, FP32, Format, Kind
from switchproof.models.layout import EType, RedOp
from switchproof.models.reduction import SATURATING, allreduce, exact_sum, reduce

gmpy2 = pytest.importorskip("gmpy2")
ml_dtypes = pytest.importorskip("ml_dtypes")

#: The types that the engines have first, and those that the library is ready for.
FLOATS = [EType.FP32, EType.BF16, EType.FP16, EType.E4M3, EType.E5M2]
WIDE = [EType.FP32, EType.BF16]
NUMPY_TYPES: dict[int, Any] = {
    EType.FP32: np.float32,
    EType.BF16: ml_dtypes.bfloat16,
    EType.FP16: np.float16,
    EType.E4M3: ml_dtypes.float8_e4m3fn,
    EType.E5M2: ml_dtypes.float8_e5m2,
}

each_float = pytest.mark.parametrize("etype", FLOATS, ids=lambda e: e.name)
each_wide = pytest.mark.parametrize("etype", WIDE, ids=lambda e: e.name)


def specials(fmt: Format) -> np.ndarray:
    """Return both signs of every value at which something changes."""
    one = fmt.bias << fmt.fraction_bits
    least_normal = 1 << fmt.fraction_bits
    values = [0, 1, 2, least_normal - 1, least_normal, least_normal + 1, one - 1, one, one + 1]
    values += [fmt.largest - 1, fmt.largest, fmt.nan]
    if fmt.inf is not None:
        values += [fmt.inf, fmt.inf + 1, fmt.sign_bit - 1]  # Inf, signalling NaN, NaN of all ones
    values += [one + (fmt.precision << fmt.fraction_bits)]  # one is half of its last place
    return np.array([v | sign for sign in (0, fmt.sign_bit) for v in values], fmt.dtype)


def canonical(bits: np.ndarray, fmt: Format) -> np.ndarray:
    """Return the patterns with every NaN made the canonical one, as floats see it."""
    values = bits.view(NUMPY_TYPES[next(e for e, f in FORMATS.items() if f is fmt)])
    with np.errstate(all="ignore"):
        nan = np.isnan(values.astype(np.float64))
    return np.where(nan, fmt.nan, bits).astype(fmt.dtype)


def mpfr_sums(bits: np.ndarray, etype: int) -> np.ndarray:
    """Return MPFR's correctly rounded sum of each column of patterns; NaN made canonical."""
    fmt, numpy_type = FORMATS[etype], NUMPY_TYPES[etype]
    with np.errstate(all="ignore"):
        values = bits.view(numpy_type).astype(np.float64)
    top = fmt.largest >> fmt.fraction_bits
    context = gmpy2.context(
        precision=fmt.precision,
        emax=top - fmt.bias + 1,  # MPFR's significands lie in 0.5..1
        emin=fmt.least_exponent + 1,
        subnormalize=True,
        round=gmpy2.RoundToNearest,
    )
    sums = np.empty(bits.shape[1])
    with gmpy2.context(context):
        for column, row in enumerate(values.T.tolist()):
            sums[column] = float(gmpy2.fsum([gmpy2.mpfr(v, 53) for v in row]))
    with np.errstate(all="ignore"):
        packed = sums.astype(np.float32).astype(numpy_type)  # exact: already of that precision
        assert (packed.astype(np.float64) == sums)[np.isfinite(packed.astype(np.float64))].all()
    return canonical(packed.view(fmt.dtype), fmt)


def check_sums(bits: np.ndarray, etype: int) -> None:
    """Compare the model with MPFR on every column, and show the first difference."""
    ours, theirs = allreduce(bits, etype), mpfr_sums(bits, etype)
    for column in np.flatnonzero(ours != theirs)[:1]:
        inputs = [hex(v) for v in bits[:, column].tolist()]
        pytest.fail(f"{inputs}: {int(ours[column]):#x}, MPFR says {int(theirs[column]):#x}")


def random_bits(rng: np.random.Generator, fmt: Format, shape: tuple[int, ...]) -> np.ndarray:
    """Return random patterns, every pattern as likely."""
    return rng.integers(0, 1 << fmt.width, shape).astype(fmt.dtype)


def near(rng: np.random.Generator, fmt: Format, shape: tuple[int, ...], spread: int) -> np.ndarray:
    """Return random finite numbers whose exponents lie within `spread` of each other."""
    top = min(spread, (fmt.largest >> fmt.fraction_bits) - 1)
    low = rng.integers(0, (fmt.largest >> fmt.fraction_bits) - top, (1, *shape[1:]))
    exponent = low + rng.integers(0, top, shape, endpoint=True)
    fraction = rng.integers(0, 1 << fmt.fraction_bits, shape)
    sign = rng.integers(0, 2, shape) << (fmt.width - 1)
    return (sign | exponent << fmt.fraction_bits | fraction).astype(fmt.dtype)


# ------------------------------------------------------------------------------------- formats


@each_float
def test_format_knows_its_special_patterns(etype: int) -> None:
    fmt, info = FORMATS[etype], ml_dtypes.finfo(NUMPY_TYPES[etype])
    value = np.array([fmt.largest, 1, fmt.nan], fmt.dtype).view(NUMPY_TYPES[etype])
    assert value[0] == info.max and value[1] == info.smallest_subnormal and np.isnan(value[2])
    if fmt.inf is not None:
        assert np.isposinf(np.array([fmt.inf], fmt.dtype).view(NUMPY_TYPES[etype]))
    canonical_nans = {"FP32": 0x7FC00000, "BF16": 0x7FC0, "FP16": 0x7E00, "E4M3": 0x7F}
    assert fmt.nan == canonical_nans.get(fmt.name, 0x7E)


@each_float
def test_decode_and_encode_are_inverse_and_agree_with_numpy(etype: int) -> None:
    fmt = FORMATS[etype]
    bits: Any = np.arange(1 << min(fmt.width, 16)).astype(fmt.dtype)
    if fmt.width > 16:
        bits = np.append(specials(fmt), random_bits(np.random.default_rng(1), fmt, (20000,)))
    with np.errstate(all="ignore"):
        value = bits.view(NUMPY_TYPES[etype]).astype(np.float64)
    number = fmt.decode_array(bits)
    assert (number.nan == np.isnan(value)).all() and (number.inf == np.isinf(value)).all()
    finite = np.isfinite(value)
    signed = np.where(number.sign == 1, -number.significand, number.significand)
    assert (np.ldexp(signed.astype(np.float64), number.exponent) == value)[finite].all()
    back = fmt.encode_array(signed, number.exponent)
    nonzero = finite & (value != 0)
    assert (back == bits)[nonzero].all() and not back[value == 0].any()
    for pattern, index in ((int(b), i) for i, b in enumerate(bits[::37].tolist())):
        i = 37 * index
        kind = fmt.kind(pattern)
        assert (kind is Kind.NAN) == number.nan[i] and (kind is Kind.INF) == number.inf[i]
        assert (kind is Kind.ZERO) == (value[i] == 0)
        if finite[i]:
            scalar = fmt.decode(pattern)
            assert scalar == (number.sign[i], number.exponent[i], number.significand[i])
            assert (kind is Kind.SUBNORMAL) == (0 < scalar[2] < 1 << fmt.fraction_bits)
        else:
            with pytest.raises(ValueError, match="no finite number"):
                fmt.decode(pattern)


@each_float
@pytest.mark.parametrize("saturate", [False, True])
def test_encoding_rounds_as_mpfr(etype: int, saturate: bool) -> None:
    fmt = FORMATS[etype]
    rng = np.random.default_rng(2)
    lengths = rng.integers(1, 64, 20000)
    value = rng.integers(1 << 62, (1 << 63) - 1, lengths.size) >> (63 - lengths)
    # Half of them at or next to a tie, where rounding is decided.
    drop = lengths - fmt.precision
    tie = (value >> drop.clip(1) << drop.clip(1)) + (1 << (drop.clip(1) - 1))
    tie += rng.integers(-1, 2, tie.size)
    value = np.where((drop > 1) & (rng.random(tie.size) < 0.5), tie, value)
    value *= rng.choice([-1, 1], value.size)
    top = fmt.largest.bit_length() - fmt.fraction_bits
    exponent = rng.integers(-(1 << top) - 80, (1 << top) + 10, value.size)
    ours = fmt.encode_array(value, exponent, saturate)
    context = gmpy2.context(
        precision=fmt.precision, emax=fmt.least_exponent + (1 << 12),
        emin=fmt.least_exponent + 1, subnormalize=True,
    )  # fmt: skip
    exactly = gmpy2.context(precision=64)
    largest = float(np.array([fmt.largest], fmt.dtype).view(NUMPY_TYPES[etype])[0])
    for v, e, got in zip(value.tolist(), exponent.tolist(), ours.tolist(), strict=True):
        wide = gmpy2.mpfr(v, 64)
        with exactly:
            wide = gmpy2.mul_2exp(wide, e) if e >= 0 else gmpy2.div_2exp(wide, -e)
        rounded = context.plus(wide)
        assert fmt.encode(v, e, saturate) == got
        if abs(rounded) > largest:
            wanted = fmt.largest if saturate else fmt.overflow
            if wanted != fmt.nan and v < 0:
                wanted |= fmt.sign_bit
            assert got == wanted
        else:
            with np.errstate(all="ignore"):
                packed = np.array([float(rounded)], np.float32).astype(NUMPY_TYPES[etype])
            assert got == packed.view(fmt.dtype)[0], (v, e)


def test_encoding_of_unbounded_integers() -> None:
    huge = (1 << 400) + (1 << 376)  # one and half a last place: a tie, to even
    assert FP32.encode(huge, -400) == 0x3F800000
    assert FP32.encode(huge + 1, -400) == 0x3F800001
    assert FP32.encode(-huge - 1, -400) == 0xBF800001
    assert FP32.encode(3, -151) == 1 and FP32.encode(1, -150) == 0 and FP32.encode(3, -150) == 2
    assert FP32.encode(1, 5000) == FP32.inf and FP32.encode(0, 5000) == 0
    assert FP32.encode_array(np.array([0]), np.array([5000]))[0] == 0


@pytest.mark.parametrize(
    ("source", "target"),
    [(FP32, BF16), (BF16, FP32), (FP32, FP16), (FP16, E5M2), (BF16, E4M3), (E4M3, FP16)],
    ids=lambda f: f.name,
)
def test_conversion_is_that_of_ml_dtypes(source: Format, target: Format) -> None:
    types = {fmt.name: NUMPY_TYPES[etype] for etype, fmt in FORMATS.items()}
    bits = np.append(specials(source), random_bits(np.random.default_rng(3), source, (30000,)))
    with np.errstate(all="ignore"):
        theirs = bits.view(types[source.name]).astype(types[target.name]).view(target.dtype)
    assert (formats.convert(bits, source, target) == canonical(theirs, target)).all()


@each_float
def test_bit_patterns_of_another_type_are_refused(etype: int) -> None:
    with pytest.raises(ValueError, match="patterns are"):
        FORMATS[etype].decode_array(np.zeros(3, np.float32))


def test_no_such_type() -> None:
    with pytest.raises(ValueError, match="FP32, BF16, FP16"):
        formats.element_dtype(7)


# ---------------------------------------------------------------------------------------- sums


@each_float
@pytest.mark.parametrize("count", [1, 2, 3])
def test_sums_of_specials(etype: int, count: int) -> None:
    check_sums(np.array(list(itertools.product(specials(FORMATS[etype]), repeat=count))).T, etype)


@each_float
@pytest.mark.parametrize("members", [1, 2, 5, 8, 16])
def test_sums_of_random_patterns(etype: int, members: int) -> None:
    rng = np.random.default_rng(members)
    check_sums(random_bits(rng, FORMATS[etype], (members, 1500)), etype)


@each_float
@pytest.mark.parametrize("spread", [0, 2, 8, 24, 40, 60, 254])
def test_sums_of_near_and_far(etype: int, spread: int) -> None:
    rng = np.random.default_rng(spread)
    check_sums(near(rng, FORMATS[etype], (8, 1500), spread), etype)


@each_wide
@pytest.mark.parametrize("members", [64, 512])
def test_sums_of_many(etype: int, members: int) -> None:
    fmt = FORMATS[etype]
    rng = np.random.default_rng(members)
    same_sign = near(rng, fmt, (members, 60), 3) & fmt.dtype.type(fmt.sign_bit - 1)
    for bits in (
        same_sign,
        near(rng, fmt, (members, 60), 30),
        random_bits(rng, fmt, (members, 60)),
    ):
        check_sums(bits, etype)


@each_float
def test_sums_of_subnormals(etype: int) -> None:
    fmt = FORMATS[etype]
    rng = np.random.default_rng(5)
    tiny = rng.integers(0, 2 << fmt.fraction_bits, (8, 3000))
    signs = rng.integers(0, 2, (8, 3000)) << (fmt.width - 1)
    check_sums((tiny | signs).astype(fmt.dtype), etype)


@each_float
def test_cancellation_leaves_what_is_small(etype: int) -> None:
    """Large numbers cancel in pairs; a few small ones are all that is left."""
    fmt = FORMATS[etype]
    rng = np.random.default_rng(6)
    large = near(rng, fmt, (3, 2000), 200)
    small = random_bits(rng, fmt, (2, 2000)) & fmt.dtype.type(
        fmt.sign_bit | (2 << fmt.fraction_bits) - 1
    )
    bits = np.concatenate([large, large ^ fmt.dtype.type(fmt.sign_bit), small])
    check_sums(rng.permuted(bits, axis=0), etype)
    nonzero = (small & fmt.dtype.type(fmt.sign_bit - 1) != 0).any(0)
    with_zeros = np.concatenate([bits, np.zeros_like(small), small ^ small])
    assert (allreduce(with_zeros, etype) == allreduce(small, etype))[nonzero].all()


@each_float
def test_ties_are_broken_by_what_is_far_below(etype: int) -> None:
    """Half a last place and the smallest number of either sign: up, even, down."""
    fmt = FORMATS[etype]
    rng = np.random.default_rng(7)
    exponents = rng.integers(fmt.precision + 1, fmt.largest >> fmt.fraction_bits, 2000)
    value = exponents << fmt.fraction_bits | rng.integers(0, 1 << fmt.fraction_bits, 2000)
    half = exponents - fmt.precision << fmt.fraction_bits
    rows = []
    for tiny in (0, 1, fmt.sign_bit | 1):
        rows.append(np.array([value, half, np.full(2000, tiny)]).astype(fmt.dtype))
        check_sums(rows[-1], etype)
    even, up, down = (allreduce(bits, etype) for bits in rows)
    in_range = value < fmt.largest
    assert (down == value)[in_range].all() and (up == value + 1)[in_range].all()
    assert (even == value + (value & 1))[in_range].all()


@each_float
def test_overflow_is_judged_on_the_sum(etype: int) -> None:
    fmt = FORMATS[etype]
    largest, minus = fmt.largest, fmt.sign_bit
    half = ((largest >> fmt.fraction_bits) - fmt.precision) << fmt.fraction_bits

    def total(*patterns: int) -> int:
        return int(allreduce(np.array([patterns], fmt.dtype).T, etype)[0])

    def limit(*patterns: int) -> int:
        return int(allreduce(np.array([patterns], fmt.dtype).T, etype, saturate=True)[0])

    assert total(largest, largest, largest | minus) == largest
    assert total(largest, largest) == fmt.overflow
    if etype in SATURATING:
        assert limit(largest, largest) == largest
        assert limit(largest | minus, largest | minus) == largest | minus
    else:
        assert limit(largest, largest) == fmt.overflow  # the bit says nothing for these types
    if fmt.inf is not None:
        assert total(largest | minus, largest | minus) == fmt.inf | minus
        assert total(largest, half) == fmt.inf  # half a last place: a tie, to even, is beyond
        assert total(largest, half - 1) == largest
        assert total(largest, half, 1 | minus) == largest
        assert total(largest, fmt.inf | minus) == fmt.inf | minus
    else:
        # E4M3's largest number has an even last place: 448 + 16 goes back to 448.
        assert total(fmt.encode(448), fmt.encode(16)) == largest
        assert total(fmt.encode(448), fmt.encode(16), 1) == fmt.nan
        assert total(largest | minus, largest | minus) == fmt.nan


@each_float
def test_sums_of_two_are_those_of_ml_dtypes(etype: int) -> None:
    """Every pair of the small formats, many of the others; numpy's FP32 is the processor's."""
    fmt = FORMATS[etype]
    if fmt.width == 8:
        pairs = np.meshgrid(np.arange(256), np.arange(256))
        bits = np.array(pairs).reshape(2, -1).astype(fmt.dtype)
    else:
        rng = np.random.default_rng(8)
        bits = np.concatenate(
            [random_bits(rng, fmt, (2, 50000)), near(rng, fmt, (2, 100000), 26)], axis=1
        )
    one, two = bits.view(NUMPY_TYPES[etype])
    with np.errstate(all="ignore"):
        theirs = (one + two).view(fmt.dtype)
    assert (allreduce(bits, etype) == canonical(theirs, fmt)).all()


@each_wide
def test_sums_are_those_of_apytypes(etype: int) -> None:
    """Exact fixed-point sums of 290 bits, rounded by apytypes' own conversion."""
    apytypes = pytest.importorskip("apytypes")
    fmt = FORMATS[etype]
    shape = {"exp_bits": fmt.exponent_bits, "man_bits": fmt.fraction_bits}
    rng = np.random.default_rng(9)
    bits = np.concatenate([near(rng, fmt, (5, 300), 40), near(rng, fmt, (5, 300), 254)], axis=1)
    ours = allreduce(bits, etype)
    for column, pattern in zip(bits.T.tolist(), ours.tolist(), strict=True):
        numbers = [
            apytypes.APyFixed.from_number(
                apytypes.APyFloat.from_bits(b, **shape), int_bits=132, frac_bits=149
            )
            for b in column
        ]
        total = sum(numbers[1:], numbers[0])
        assert apytypes.APyFloat.from_number(total, **shape).to_bits() == pattern


@each_float
def test_fast_and_unbounded_ways_agree(etype: int) -> None:
    fmt = FORMATS[etype]
    rng = np.random.default_rng(10)
    for spread in (1, 20, 40, 254):
        bits = np.concatenate(
            [near(rng, fmt, (9, 500), spread), random_bits(rng, fmt, (9, 500))], 1
        )
        sums = [exact_sum(bits, fmt, room=room) for room in (0, 30, 45, 62)]
        assert all((s == sums[0]).all() for s in sums[1:])


@each_wide
def test_fast_way_has_room_for_the_largest_sum(etype: int) -> None:
    """Spreads of exponents about the limit of int64, all significands full, all of one sign."""
    fmt = FORMATS[etype]
    for members in (2, 8, 64, 512):
        for spread in range(62 - fmt.precision - members.bit_length() - 2, 62 - fmt.precision + 1):
            row = np.full((members, 1), (100 + spread + 1 << fmt.fraction_bits) - 1)
            row[-1] = (101 << fmt.fraction_bits) - 1
            bits = row.astype(fmt.dtype)
            assert exact_sum(bits, fmt)[0] == exact_sum(bits, fmt, room=0)[0]


@each_float
@pytest.mark.parametrize("redop", list(RedOp), ids=lambda r: r.name)
def test_order_of_members_does_not_matter(etype: int, redop: int) -> None:
    fmt = FORMATS[etype]
    rng = np.random.default_rng(11)
    bits = np.concatenate(
        [random_bits(rng, fmt, (6, 400)), near(rng, fmt, (6, 400), 30),
         rng.choice(specials(fmt), (6, 400))], axis=1,
    )  # fmt: skip
    wanted = allreduce(bits, etype, redop)
    for _ in range(5):
        assert (allreduce(rng.permuted(bits, axis=0), etype, redop) == wanted).all()


@each_float
@pytest.mark.parametrize("members", [1, 2, 5, 17])
def test_ordered_sums_are_the_processors(etype: int, members: int) -> None:
    """FP32 sums from the first member on, rounded to the type at the end by ml_dtypes."""
    fmt = FORMATS[etype]
    rng = np.random.default_rng(members)
    bits = np.concatenate(
        [random_bits(rng, fmt, (members, 20000)), near(rng, fmt, (members, 20000), 26),
         rng.choice(specials(fmt), (members, 5000))], axis=1,
    )  # fmt: skip
    with np.errstate(all="ignore"):
        values = bits.view(NUMPY_TYPES[etype]).astype(np.float32)
        total = values[0]
        for row in values[1:]:
            total = total + row
        theirs = total.astype(NUMPY_TYPES[etype]).view(fmt.dtype)
    assert (allreduce(bits, etype, mode="ordered") == canonical(theirs, fmt)).all()


def test_ordered_sums_depend_on_the_order() -> None:
    large, one = FP32.encode(1 << 24), FP32.encode(1)
    up = np.array([[one], [one], [large]], "<u4")
    assert allreduce(up, EType.FP32, mode="ordered") == FP32.encode((1 << 24) + 2)
    assert allreduce(up[::-1], EType.FP32, mode="ordered") == large
    assert allreduce(up[::-1], EType.FP32) == FP32.encode((1 << 24) + 2)


@pytest.mark.parametrize("etype", [EType.E4M3, EType.E5M2], ids=lambda e: e.name)
def test_ordered_sums_overflow_only_at_the_end(etype: int) -> None:
    fmt = FORMATS[etype]
    bits = np.array([[fmt.largest], [fmt.largest], [fmt.largest | fmt.sign_bit]], fmt.dtype)
    assert allreduce(bits, etype, mode="ordered") == fmt.largest
    assert allreduce(bits[:2], etype, mode="ordered") == fmt.overflow
    assert allreduce(bits[:2], etype, mode="ordered", saturate=True) == fmt.largest


@pytest.mark.parametrize("etype", [*FLOATS, EType.INT32], ids=lambda e: e.name)
def test_extremes_and_integers_know_no_order(etype: int) -> None:
    bits = np.random.default_rng(5).integers(0, 256, (4, 1000)).astype(np.uint8)
    bits = bits.view(formats.element_dtype(etype))
    redops = list(RedOp) if etype == EType.INT32 else [op for op in RedOp if op != RedOp.SUM]
    for redop in redops:
        exact = allreduce(bits, etype, redop)
        assert (allreduce(bits, etype, redop, mode="ordered") == exact).all()


@each_wide
def test_naive_float_sums_differ(etype: int) -> None:
    """The sum that hardware without care makes is another one: the comparison has teeth."""
    fmt = FORMATS[etype]
    bits = near(np.random.default_rng(12), fmt, (16, 1000), 6)
    values = bits.view(NUMPY_TYPES[etype])
    running = values[0]
    with np.errstate(over="ignore"):
        for row in values[1:]:
            running = running + row
    assert 0.3 < (running.view(fmt.dtype) != allreduce(bits, etype)).mean() < 1


# ------------------------------------------- our own rules, where no oracle is to be trusted


@each_float
def test_zero_of_a_sum(etype: int) -> None:
    fmt = FORMATS[etype]
    plus, minus, one = 0, fmt.sign_bit, fmt.bias << fmt.fraction_bits
    cases = {
        (minus,): minus,
        (minus, minus, minus): minus,
        (minus, plus): plus,
        (plus, minus): plus,
        (plus, plus): plus,
        (one, one | minus): plus,
        (one | minus, one): plus,
        (one, one | minus, minus): plus,
        (1, 1 | minus): plus,
    }
    for contributions, result in cases.items():
        bits = np.array([contributions], fmt.dtype).T
        assert allreduce(bits, etype)[0] == result, contributions


@each_float
def test_nan_is_canonical(etype: int) -> None:
    fmt = FORMATS[etype]
    everything = np.arange(1 << fmt.width) if fmt.width <= 16 else specials(fmt)
    nans = everything.astype(fmt.dtype)[fmt.is_nan(everything.astype(fmt.dtype))]
    assert len(nans) >= 2
    ones = np.full_like(nans, fmt.bias << fmt.fraction_bits)
    for redop in RedOp:
        assert (allreduce(nans[None], etype, redop) == fmt.nan).all()
        assert (allreduce(np.array([nans, nans[::-1]]), etype, redop) == fmt.nan).all()
    for redop in (RedOp.SUM, RedOp.MIN, RedOp.MAX):
        assert (allreduce(np.array([ones, nans]), etype, redop) == fmt.nan).all()
    for redop in (RedOp.MINNUM, RedOp.MAXNUM):
        assert (allreduce(np.array([ones, nans]), etype, redop) == ones).all()


@pytest.mark.parametrize("etype", [e for e in FLOATS if e != EType.E4M3], ids=lambda e: e.name)
def test_infinities_of_a_sum(etype: int) -> None:
    fmt = FORMATS[etype]
    assert fmt.inf is not None
    plus, minus = fmt.inf, fmt.inf | fmt.sign_bit
    for contributions, result in {
        (plus, plus): plus, (minus, minus): minus, (plus, minus): fmt.nan, (minus, plus): fmt.nan,
        (plus, fmt.largest | fmt.sign_bit): plus, (minus, fmt.largest): minus,
        (plus, minus, 1): fmt.nan, (plus, fmt.nan): fmt.nan, (plus,): plus, (minus,): minus,
    }.items():  # fmt: skip
        assert allreduce(np.array([contributions], fmt.dtype).T, etype)[0] == result


@each_float
def test_minimum_and_maximum_of_zeros(etype: int) -> None:
    fmt = FORMATS[etype]
    both = np.array([[0, fmt.sign_bit], [fmt.sign_bit, 0]], fmt.dtype)
    for redop in (RedOp.MIN, RedOp.MINNUM):
        assert (allreduce(both, etype, redop) == fmt.sign_bit).all()
    for redop in (RedOp.MAX, RedOp.MAXNUM):
        assert (allreduce(both, etype, redop) == 0).all()


@each_float
@pytest.mark.parametrize("count", [2, 3])
def test_minimum_and_maximum_of_specials_and_random(etype: int, count: int) -> None:
    """By value as numpy's, wherever values differ; NaN propagates or is passed over."""
    fmt = FORMATS[etype]
    rng = np.random.default_rng(13)
    bits = np.array(list(itertools.product(specials(fmt), repeat=count))).T
    bits = np.concatenate([bits, random_bits(rng, fmt, (count, 5000))], axis=1)
    with np.errstate(all="ignore"):
        value = bits.view(NUMPY_TYPES[etype]).astype(np.float64)
        wanted = {
            RedOp.MIN: value.min(0), RedOp.MAX: value.max(0),
            RedOp.MINNUM: np.fmin.reduce(value), RedOp.MAXNUM: np.fmax.reduce(value),
        }  # fmt: skip
        for redop, theirs in wanted.items():
            result = allreduce(bits, etype, redop)
            ours = result.view(NUMPY_TYPES[etype]).astype(np.float64)
            assert np.array_equal(ours, theirs, equal_nan=True)
            # The result is one of the contributions, or the canonical NaN.
            assert ((bits == result).any(0) | (result == fmt.nan)).all()


def test_minimum_of_every_bf16_with_specials() -> None:
    every = np.arange(1 << 16).astype("<u2")
    for special in specials(BF16):
        pair = np.array([every, np.full_like(every, special)])
        with np.errstate(all="ignore"):
            values = pair.view(ml_dtypes.bfloat16).astype(np.float32)
        low = allreduce(pair, EType.BF16, RedOp.MIN).view(ml_dtypes.bfloat16).astype(np.float32)
        assert np.array_equal(low, values.min(0), equal_nan=True)


# -------------------------------------------------------------------------------------- INT32


@pytest.mark.parametrize("members", [1, 2, 8, 512])
def test_int32(members: int) -> None:
    rng = np.random.default_rng(14)
    values = rng.integers(-(1 << 31), 1 << 31, (members, 500))
    values[:, :6] = [-(1 << 31), (1 << 31) - 1, 0, -1, 1, 1 << 30]
    bits = values.astype("<i4").view("<u4")
    total = values.sum(0)
    wrapped = allreduce(bits, EType.INT32).view("<i4")
    assert ((wrapped - total) % (1 << 32) == 0).all()
    held = allreduce(bits, EType.INT32, saturate=True).view("<i4")
    assert (held == np.clip(total, -(1 << 31), (1 << 31) - 1)).all()
    for redop, wanted in ((RedOp.MIN, values.min(0)), (RedOp.MAX, values.max(0))):
        assert (allreduce(bits, EType.INT32, redop).view("<i4") == wanted).all()


# ---------------------------------------------------------------------------------- interface


def test_reduce_is_allreduce_at_one_place() -> None:
    bits = near(np.random.default_rng(15), FP32, (4, 100), 10)
    assert (reduce(bits, EType.FP32) == allreduce(bits, EType.FP32)).all()


def test_long_vectors_are_worked_on_in_pieces() -> None:
    bits = near(np.random.default_rng(16), BF16, (3, 20001), 10)
    parts = [allreduce(bits[:, s : s + 7], EType.BF16) for s in range(0, 20001, 7)]
    assert (allreduce(bits, EType.BF16) == np.concatenate(parts)).all()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((np.zeros(4, "<u4"), EType.FP32), "members, elements"),
        ((np.zeros((0, 4), "<u4"), EType.FP32), "members, elements"),
        ((np.zeros((2, 4), "<u2"), EType.FP32), "uint32, not uint16"),
        ((np.zeros((2, 4), "<f4"), EType.FP32), "uint32, not float32"),
        ((np.zeros((2, 4), "<u4"), 6), "no element type"),
        ((np.zeros((2, 4), "<u4"), EType.FP32, 5), "no operation 5.*SUM, MIN"),
        ((np.zeros((2, 4), "<u4"), EType.FP32, RedOp.SUM, "pairwise"), "no mode 'pairwise'"),
    ],
)
def test_wrong_use_is_named(arguments: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        allreduce(*arguments)


def test_element_types_have_their_formats() -> None:
    assert {e: f.name for e, f in FORMATS.items()} == {e: e.name for e in FLOATS}
    assert (E4M3.width, E5M2.width, FP16.width, BF16.width, FP32.width) == (8, 8, 16, 16, 32)
