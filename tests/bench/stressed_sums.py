# SPDX-License-Identifier: Apache-2.0
"""Sums of many BF16 numbers that partly cancel: what the exact lanes make of them, and what a
running FP32 sum does."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
import gmpy2
import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from switchproof.ci import build
from switchproof.ci.filelists import needed
from switchproof.ci.paths import ROOT
from switchproof.ci.simulate import Run, simulate
from switchproof.models.layout import EType, RedOp
from switchproof.models.reduction import allreduce
from tests.reduction.test_exact_lane import PLAYER, Program, play

SUMS, TERMS = 1000, 512
FLIT_W, PLACES = 128, 25
BF16 = np.dtype(ml_dtypes.bfloat16)


def drawn(seed: int) -> NDArray[np.uint16]:
    """Return patterns of shape (TERMS, SUMS), in any order: three quarters cancel, within
    30 binades, the rest stays within the lower 10 of them."""
    rng = np.random.default_rng(seed)
    pairs = 3 * TERMS // 8
    exponent = rng.integers(105, 115, (TERMS, SUMS))
    exponent[:pairs] = rng.integers(105, 135, (pairs, SUMS))
    bits = rng.integers(0, 2, exponent.shape) << 15 | exponent << 7
    bits |= rng.integers(0, 1 << 7, exponent.shape)
    bits[pairs : 2 * pairs] = bits[:pairs] ^ 0x8000
    return rng.permuted(bits, axis=0).astype(np.uint16)


def mpfr(bits: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the correctly rounded sum of each column, by MPFR."""
    context = gmpy2.context(precision=8)  # far from both ends of the exponents
    values = bits.view(BF16).astype(np.float64)
    with gmpy2.context(context):
        sums = [
            float(gmpy2.fsum([gmpy2.mpfr(v, 53) for v in column])) for column in values.T.tolist()
        ]
    return np.array(sums, np.float64).astype(np.float32).astype(BF16).view(np.uint16)


def fp32(bits: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return FP32 additions one behind the other, rounded to BF16 at the end."""
    total = np.zeros(bits.shape[1], np.float32)
    for row in bits.view(BF16):
        total = total + row.astype(np.float32)
    return np.asarray(total, np.float32).astype(BF16).view(np.uint16)


@cocotb.test()
async def through_lanes(dut: object) -> None:
    """All sums through the lanes, each compared with the golden model."""
    bits = drawn(1)
    program = Program(np.random.default_rng(1), FLIT_W, PLACES)
    for part in np.split(bits, SUMS // (PLACES * 8), axis=1):
        program.add(EType.BF16, RedOp.SUM, part.reshape(TERMS, PLACES, 8))
    await play(dut, program)
    golden = allreduce(bits, EType.BF16)
    judge = mpfr(bits)
    figures = {
        "exact_vs_fp32_wrong": int((fp32(bits) != judge).sum()),
        "exact_wrong": int((golden != judge).sum()),
    }
    (Path(os.environ["SP_RUN_DIR"]) / "sums.json").write_text(json.dumps(figures))


def figures() -> dict[str, int]:
    """Return how many sums were wrong, of SUMS: what the lanes gave is what the model gives, or
    the run fails."""
    made = build.build(
        build.BuildSpec(
            name="stressed_sums",
            toplevel="sp_lanes_player",
            sources=(build.public("sp_lanes_player"), *needed(PLAYER)),
            parameters=(("FLIT_W", FLIT_W), ("ELEMS", 32), ("MEMBERS", TERMS), ("TYPES", 3)),
        )
    )
    run = simulate(
        Run(
            name="bench/stressed_sums",
            build=made,
            toplevel="sp_lanes_player",
            module=__name__,
            testcase="through_lanes",
            seed=1,
            env={},
            paths=(ROOT,),
            timeout=600,
        )
    )
    found: dict[str, int] = json.loads((run.path / "sums.json").read_text())
    return found
