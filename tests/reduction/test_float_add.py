# SPDX-License-Identifier: Apache-2.0
"""The floating-point adder, pair by pair, against arithmetic that is not ours.

Oracles: the processor's for FP32, numpy's for FP16, ml_dtypes' for BF16 and E5M2, and for the rest
the golden model, which also judges what the others are asked. NaNs and zeros are judged by
docs/numerics.md.
"""

from __future__ import annotations

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from switchproof.ci import build
from switchproof.ci.build import BuildError
from switchproof.ci.filelists import needed
from switchproof.ci.paths import TESTS
from switchproof.ci.pytest_plugin import Program
from switchproof.models import formats
from switchproof.models.formats import Bits, Format
from switchproof.models.reduction import exact_sum

#: IEEE formats that no element type has, of a byte: every pair goes through quickly.
E3M4 = Format("E3M4", 3, 4, 3, nan=0x78, inf=0x70, largest=0x6F)
E4M3_IEEE = Format("E4M3_IEEE", 4, 3, 7, nan=0x7C, inf=0x78, largest=0x77)
#: Floats that compute in a format.
FLOATS = {
    "FP32": np.dtype(np.float32),
    "FP16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "E5M2": np.dtype(ml_dtypes.float8_e5m2),
}
#: Pairs that the golden model judges besides: it is slower.
JUDGED = 200_000


def spec(fmt: Format) -> build.BuildSpec:
    """Return the adder of a format, with a `main` of its own."""
    return build.BuildSpec(
        name=f"float_add-{fmt.name}",
        toplevel="sp_float_add",
        sources=(*needed("sp_float_add"), TESTS / "reduction" / "float_add_main.cpp"),
        include_dirs=(TESTS / "common",),
        parameters=(("EXP_W", fmt.exponent_bits), ("FRAC_W", fmt.fraction_bits)),
        opt="-O2",
        vpi=False,
    )


def latency(fmt: Format) -> int:
    """Cycles through the adder, from the drawing in its source: three, two shifts, add, round,
    and a step for each bit of a normalising shift, the last two in one."""
    return 7 + (fmt.fraction_bits + 4).bit_length() - 1


def boundaries(fmt: Format) -> Bits:
    """Return patterns at which something changes: all exponents, each with the fractions that
    carry, tie or cancel, of both signs."""
    fraction = fmt.fraction_bits
    ones = (1 << fraction) - 1
    kinds = {0, 1, 2, 3, ones, ones - 1, ones >> 1, 1 << fraction - 1, (1 << fraction - 1) + 1}
    kinds |= {1 << n for n in range(0, fraction, 3)}
    fractions = np.array(sorted(kinds), np.int64)
    magnitudes = (np.arange(1 << fmt.exponent_bits)[:, None] << fraction | fractions).ravel()
    return np.concatenate([magnitudes, magnitudes | fmt.sign_bit]).astype(np.uint32)


def close(rng: np.random.Generator, fmt: Format, count: int) -> NDArray[np.uint32]:
    """Return pairs whose exponents differ by what each shift can be and one more, with fractions of
    long runs of equal bits: cancellation, ties, sticky bits."""
    top = (1 << fmt.exponent_bits) - 1
    exponent = rng.integers(0, top + 1, count)
    other = np.clip(exponent + rng.integers(-fmt.precision - 4, fmt.precision + 5, count), 0, top)

    def fraction() -> NDArray[np.int64]:
        bits = rng.integers(0, 1 << fmt.fraction_bits, count)
        runs = bits & (-1 << rng.integers(0, fmt.fraction_bits + 1, count))
        flipped = runs ^ np.where(rng.integers(0, 2, count), (1 << fmt.fraction_bits) - 1, 0)
        return np.where(rng.integers(0, 3, count) == 0, bits, flipped)

    first, second = fraction(), fraction()
    same = rng.integers(0, 8, count) == 0
    second = np.where(same, first ^ rng.integers(0, 4, count), second)
    sign = rng.integers(0, 2, (2, count)) << fmt.width - 1
    pair = [
        sign[0] | exponent << fmt.fraction_bits | first,
        sign[1] | other << fmt.fraction_bits | second & ((1 << fmt.fraction_bits) - 1),
    ]
    return np.stack(pair, axis=1).astype(np.uint32)


def expected(fmt: Format, pairs: NDArray[np.uint32]) -> Bits:
    """Return the sums by the format's oracle, NaNs canonical."""
    bits = pairs.astype(fmt.dtype)
    if fmt.name not in FLOATS:
        return exact_sum(np.ascontiguousarray(bits.T), fmt)
    numbers = bits.view(FLOATS[fmt.name])
    with np.errstate(all="ignore"):
        total = numbers[:, 0] + numbers[:, 1]
    result: Bits = total.view(fmt.dtype).copy()
    result[np.isnan(total)] = fmt.nan
    return result


def drawn(rng: np.random.Generator, fmt: Format, count: int) -> NDArray[np.uint32]:
    """Return all pairs of a format of a byte or less, else some of each kind."""
    if fmt.width <= 8:
        every = np.arange(1 << fmt.width, dtype=np.uint32)
        return np.stack(np.meshgrid(every, every), axis=-1).reshape(-1, 2)
    edges = boundaries(fmt)
    return np.concatenate(
        [
            rng.choice(edges, (count // 4, 2)),
            close(rng, fmt, count // 2),
            rng.integers(0, 1 << fmt.width, (count // 4, 2), np.uint32),
        ]
    )


@pytest.mark.parametrize(
    ("fmt", "count"),
    [
        (E3M4, 0),
        (E4M3_IEEE, 0),
        (formats.E5M2, 0),
        (formats.FP16, 500_000),
        (formats.BF16, 500_000),
        (formats.FP32, 4_000_000),
        pytest.param(formats.FP32, 40_000_000, marks=pytest.mark.long),
    ],
    ids=lambda value: value.name if isinstance(value, Format) else str(value),
)
def test_float_add(program: Program, tmp_path: Path, fmt: Format, count: int) -> None:
    """Every pair, or boundaries, cancellations and random ones."""
    rng = np.random.default_rng(program.seed)
    pairs = drawn(rng, fmt, count)
    pairs.tofile(tmp_path / "pairs")
    program.run(
        spec(fmt),
        [
            f"pairs={tmp_path / 'pairs'}",
            f"sums={tmp_path / 'sums'}",
            f"latency={latency(fmt)}",
        ],
    )
    got = np.fromfile(tmp_path / "sums", np.uint32)
    check(fmt, pairs, got, expected(fmt, pairs))
    some = rng.choice(len(pairs), min(len(pairs), JUDGED), replace=False)
    columns = np.ascontiguousarray(pairs[some].astype(fmt.dtype).T)
    check(fmt, pairs[some], got[some], exact_sum(columns, fmt))
    (program.results[-1].path / "functional.json").write_text(
        json.dumps({f"float_add.{fmt.name}": len(pairs)})
    )


def check(fmt: Format, pairs: NDArray[np.uint32], got: Bits, wanted: Bits) -> None:
    """Fail with the first sum that is not what it must be."""
    wrong = np.flatnonzero(got != wanted)
    if len(wrong):
        a, b = (int(bits) for bits in pairs[wrong[0]])
        digits = fmt.width // 4
        raise AssertionError(
            f"{len(wrong)} of {len(got)} sums are wrong: {fmt.name} {a:0{digits}x} + "
            f"{b:0{digits}x} = {int(wanted[wrong[0]]):0{digits}x}, "
            f"RTL {int(got[wrong[0]]):0{digits}x}"
        )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("EXP_W", 2, r"EXP_W = 2 is not in 3\.\.8"),
        ("EXP_W", 9, r"EXP_W = 9 is not in 3\.\.8"),
        ("FRAC_W", 1, r"FRAC_W = 1 is not in 2\.\.23"),
        ("FRAC_W", 24, r"FRAC_W = 24 is not in 2\.\.23"),
    ],
)
def test_float_add_parameters(name: str, value: int, message: str) -> None:
    """An illegal parameter ends elaboration with a line that names it and its bound."""
    with pytest.raises(BuildError, match=message):
        build.lint(
            build.BuildSpec(
                name="elaborate",
                toplevel="sp_float_add",
                sources=(*needed("sp_float_add"), TESTS / "reduction" / "float_add_main.cpp"),
                parameters=((name, value),),
            )
        )
