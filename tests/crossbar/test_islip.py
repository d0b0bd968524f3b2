# SPDX-License-Identifier: Apache-2.0
"""The scheduler alone: the matches of sp_islip in every cycle, against the model's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from switchproof.ci import build
from switchproof.ci.filelists import needed
from switchproof.ci.paths import TESTS
from switchproof.ci.pytest_plugin import Program
from switchproof.models import scheduling

#: Cycles that are compared at once.
CHUNK = 100_000


def spec(inputs: int, outputs: int, iterations: int, first_multicast: int) -> build.BuildSpec:
    """Return what to build: the scheduler and what plays requests into it."""
    parameters = {
        "N_IN": inputs, "N_OUT": outputs, "ITERS": iterations, "FIRST_MCAST": first_multicast,
    }  # fmt: skip
    return build.BuildSpec(
        name=f"islip-{inputs}x{outputs}-{iterations}-{first_multicast}",
        toplevel="sp_islip",
        sources=(*needed("sp_islip"), TESTS / "crossbar" / "islip_main.cpp"),
        include_dirs=(TESTS / "common",),
        parameters=tuple(parameters.items()),
        vpi=False,
    )


def drawn(rng: np.random.Generator, cycles: int, inputs: int, outputs: int) -> NDArray[np.uint32]:
    """Return rows of requests, (cycles, inputs): runs of sparse, dense and full matrices."""
    shape = cycles, inputs
    bits = [rng.integers(0, 1 << outputs, shape, np.uint32) for _ in range(4)]
    kinds = [
        bits[0] & bits[1] & bits[2] & bits[3],
        bits[0] & bits[1],
        bits[2],
        bits[1] | bits[3],
        np.full(shape, (1 << outputs) - 1, np.uint32),
    ]
    kind = np.repeat(rng.integers(0, len(kinds), -(-cycles // 50)), 50)[:cycles]
    return np.choose(kind[:, None], kinds).astype(np.uint32)


def unpacked(words: NDArray[np.uint32], bits: int) -> NDArray[np.uint8]:
    """Return the bits of words as a further axis."""
    each = np.ascontiguousarray(words)[..., None].view(np.uint8)
    return np.unpackbits(each, axis=-1, bitorder="little", count=bits)


@pytest.mark.parametrize(
    ("inputs", "outputs", "iterations", "first_multicast", "cycles"),
    [
        (5, 5, 1, 4, 100_000),
        (5, 7, 2, 5, 100_000),
        (32, 32, 3, 16, 100_000),
        (17, 17, 4, 16, 1_000_000),
    ],
)
def test_matches(
    program: Program, tmp_path: Path, inputs: int, outputs: int, iterations: int,
    first_multicast: int, cycles: int,
) -> None:  # fmt: skip
    """Request matrices of every density; at the shape of dev16 a million of them."""
    rng = np.random.default_rng(program.seed)
    rows = drawn(rng, cycles, inputs, outputs)
    rows.tofile(tmp_path / "requests")
    program.run(
        spec(inputs, outputs, iterations, first_multicast),
        [f"requests={tmp_path / 'requests'}", f"matches={tmp_path / 'matches'}",
         f"inputs={inputs}", f"outputs={outputs}", f"cycles={cycles}"],
    )  # fmt: skip
    got = np.fromfile(tmp_path / "matches", np.uint32).reshape(cycles, outputs)
    scheduler = scheduling.Islip(inputs, outputs, iterations, first_multicast)
    matched = 0
    for first in range(0, cycles, CHUNK):
        some = slice(first, first + CHUNK)
        expected = scheduler.match(unpacked(rows[some], outputs))
        onehot = np.where(expected == scheduling.NONE, 0, 1 << expected.clip(0)).astype(np.uint32)
        wrong = np.argwhere(onehot != got[some])
        if len(wrong):
            at, j = wrong[0]
            raise AssertionError(
                f"cycle {first + at}, output {j}: RTL {got[first + at, j]:#x}, "
                f"model {onehot[at, j]:#x}"
            )
        matched += int((expected != scheduling.NONE).sum())
    hits = {f"islip.iterations.{iterations}": cycles, "islip.matches": matched}
    (program.results[-1].path / "functional.json").write_text(json.dumps(hits))
