# SPDX-License-Identifier: Apache-2.0
"""What `make exhaustive` rests on, and a thousandth of what it plays through Verilator.

Oracles: ml_dtypes' sums and numpy's comparisons, with the rules of docs/numerics.md for NaN and for
zeros; the golden model judges a part of the pairs besides.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from switchproof.ci import exhaustive, slices
from switchproof.ci.exhaustive import FLIT_W, LANES, Case, Lanes
from switchproof.ci.pytest_plugin import Program, seed_of
from switchproof.ci.variables import UserError
from switchproof.models.formats import BF16
from switchproof.models.layout import EType, RedOp
from switchproof.models.reduction import allreduce

DEFAULT = LANES[0]
NO_YOSYS = "Yosys is installed by make lint, formal, fpga and exhaustive only"
#: Of so many pairs one is played; a prime, so that all bits of a pattern change.
STRIDE = 1009
#: Pairs that the golden model judges besides: it is slower.
JUDGED = 50_000

Netlist = slices.Netlist


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Seed of a test that runs no simulation."""
    return seed_of(request.node)


def bf16_results(redop: RedOp, first: NDArray[np.uint16], second: NDArray[np.uint16]) -> Any:
    """Return what an operation makes of BF16 pairs, by ml_dtypes and numpy."""
    with np.errstate(all="ignore"):
        if redop == RedOp.SUM:
            total = first.view(ml_dtypes.bfloat16) + second.view(ml_dtypes.bfloat16)
            bits = total.view(np.uint16).copy()
            bits[np.isnan(total)] = BF16.nan
            return bits
        a, b = ((bits.astype(np.uint32) << 16).view(np.float32) for bits in (first, second))
        below = (a < b) | ((a == b) & np.signbit(a))
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    bits = np.where(below == (redop in (RedOp.MIN, RedOp.MINNUM)), first, second)
    if redop in (RedOp.MIN, RedOp.MAX):
        bits[nan_a | nan_b] = BF16.nan
        return bits
    bits = np.where(nan_a, second, np.where(nan_b, first, bits))
    bits[nan_a & nan_b] = BF16.nan
    return bits


@pytest.mark.parametrize("redop", list(RedOp), ids=lambda redop: redop.name)
def test_sampled_pairs(program: Program, tmp_path: Path, redop: RedOp) -> None:
    """One of 1009 BF16 pairs, evenly, from a seeded first one on, in every lane of a flit."""
    rng = np.random.default_rng(program.seed)
    number = np.arange(int(rng.integers(0, STRIDE)), 1 << 32, STRIDE, np.int64)
    lanes = FLIT_W // 16
    number = number[: len(number) // lanes * lanes]
    first, second = (number >> 16).astype(np.uint16), (number & 0xFFFF).astype(np.uint16)
    pairs = np.stack([first.reshape(-1, lanes), second.reshape(-1, lanes)], 1)
    pairs.tofile(tmp_path / "pairs")
    files = [f"{name}={tmp_path / name}" for name in ("pairs", "results")]
    arith = Case(EType.BF16, redop).arith
    figures = program.run(exhaustive.spec(DEFAULT), [*files, f"arith={arith}"])
    assert figures["steps"] * lanes == len(number)
    got = np.fromfile(tmp_path / "results", np.uint16)
    check(redop, first, second, got, bf16_results(redop, first, second))
    some = rng.choice(len(number), JUDGED, replace=False)
    golden = allreduce(np.stack([first[some], second[some]]), EType.BF16, redop)
    check(redop, first[some], second[some], got[some], golden)
    (program.results[-1].path / "functional.json").write_text(
        json.dumps({f"pairs.BF16.{redop.name}": len(number)})
    )


def check(redop: RedOp, first: Any, second: Any, got: Any, wanted: Any) -> None:
    """Fail with the first result that is not what it must be."""
    wrong = np.flatnonzero(got != wanted)
    if len(wrong):
        k = wrong[0]
        raise AssertionError(
            f"{len(wrong)} of {len(got)} results are wrong: {redop.name} of BF16 {first[k]:04x} "
            f"and {second[k]:04x} is {wanted[k]:04x}, RTL {got[k]:04x}"
        )


# ----------------------------------------------------------------------------- the translation


def random_netlist(rng: np.random.Generator) -> Netlist:
    """Return tables and flip-flops that read each other in every way that there is: groups that
    follow or feed each other or share tables, enables that data make, constants."""
    a, b = list(range(2, 10)), list(range(10, 16))
    flops = list(range(16, 16 + int(rng.integers(30, 80))))
    outputs = {f"q{k}": [*flops[k : k + 32]] for k in range(0, len(flops), 32)}
    net = Netlist({}, {}, {"a": [*a], "b": [*b]}, {"y": [], **outputs})
    known: list[slices.Bit] = ["0", "1", *a, *b, *flops]
    # tables read mostly what is near them, so that not everything serves everything
    for out in range(100, 100 + int(rng.integers(100, 250))):
        near = len(known) - int(rng.integers(1, 60))
        choice = [int(rng.integers(2, len(known))), *(near + rng.integers(-3, 1, 2))]
        inputs = tuple(known[max(int(k), 0)] for k in choice[: int(rng.integers(1, 4))])
        # what mixes keeps more alive than any function does
        table = int(rng.choice([rng.integers(0, 256), 0x96, 0x96, 0x69, 0xCA]))
        net.tables[out] = slices.Table(inputs, table & ((1 << (1 << len(inputs))) - 1))
        known.append(out)
    enables: list[slices.Bit] = ["1", *b, flops[0], *range(100, 103)]
    for q in flops:
        d = known[int(rng.integers(2, len(known)))]
        net.flops[q] = (d, enables[int(rng.integers(0, len(enables)))])
    net.outputs["y"] = [known[int(k)] for k in rng.integers(0, len(known), 3)]
    return net


def evaluate(net: Netlist, stimulus: dict[str, slices.Words]) -> dict[str, slices.Words]:
    """Return what a netlist gives: every net in every cycle, one after the other."""
    cycles, width = stimulus["a"].shape
    state: dict[slices.Bit, Any] = {q: np.zeros(width, bool) for q in net.flops}
    outputs = {name: np.zeros((cycles, width), np.uint32) for name in net.outputs}
    for t in range(cycles):
        value = {**state, "0": np.zeros(width, bool), "1": np.ones(width, bool)}
        for name, bits in net.inputs.items():
            value |= {bit: (stimulus[name][t] >> k & 1).astype(bool) for k, bit in enumerate(bits)}
        for out in sorted(net.tables):
            table = net.tables[out]
            index = sum(value[bit].astype(int) << k for k, bit in enumerate(table.inputs))
            value[out] = (table.table >> index & 1).astype(bool)
        for name, bits in net.outputs.items():
            for k, bit in enumerate(bits):
                outputs[name][t] |= value[bit].astype(np.uint32) << k
        state = {q: np.where(value[e], value[d], state[q]) for q, (d, e) in net.flops.items()}
    return outputs


def test_slices_are_the_netlist(tmp_path: Path, seed: int, monkeypatch: Any) -> None:
    """Generated C++ does what tables and flip-flops say, in slices that differ."""
    rng = np.random.default_rng(seed)
    for statements in (1500, 7, 30):
        # functions that are split do the same
        monkeypatch.setattr(slices, "STATEMENTS", statements)
        net = random_netlist(rng)
        # few slices: groups are often at rest in all of them
        stimulus = {
            "a": rng.integers(0, 256, (500, 2), np.uint32),
            "b": rng.integers(0, 64, (500, 2), np.uint32)
            & rng.integers(0, 64, (500, 2), np.uint32),
        }
        want = evaluate(net, stimulus)
        got = slices.simulate(net, stimulus, tmp_path, "-O0")
        for name in net.outputs:
            assert np.array_equal(got[name], want[name]), name


def cells(**more: Any) -> dict[str, Any]:
    """Return a module of Yosys' JSON: a table and a flip-flop, and what is to be added."""
    module: dict[str, Any] = {
        "ports": {
            "clk": {"direction": "input", "bits": [2]},
            "a": {"direction": "input", "bits": [3]},
            "q": {"direction": "output", "bits": [5]},
        },
        "cells": {
            "t": {
                "type": "$lut",
                "parameters": {"LUT": "01"},
                "connections": {"A": [3], "Y": [4]},
            },
            "f": {"type": "$_DFF_P_", "connections": {"C": [2], "D": [4], "Q": [5]}},
        },
    }
    for name, cell in more.items():
        module["cells"][name] = cell
    return module


def test_netlist_is_read() -> None:
    assert slices.netlist(cells(), "clk") == Netlist(
        {4: slices.Table((3,), 1)}, {5: (4, "1")}, {"a": [3]}, {"q": [5]}
    )


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ({"type": "$_DLATCH_P_", "connections": {}}, r"x is a \$_DLATCH_P_"),
        (
            {"type": "$_DFF_P_", "connections": {"C": [3], "D": [4], "Q": [6]}},
            "x has another clock than clk",
        ),
        (
            {"type": "$_DFF_P_", "connections": {"C": [2], "D": ["x"], "Q": [6]}},
            "net x has no value",
        ),
        (
            {
                "type": "$lut",
                "parameters": {"LUT": "0110"},
                "connections": {"A": [6, 3], "Y": [6]},
            },
            "net 6 depends on itself",
        ),
    ],
)
def test_netlist_is_refused(cell: dict[str, Any], message: str) -> None:
    """What has no meaning in slices ends the translation."""
    with pytest.raises(slices.SliceError, match=message):
        slices.netlist(cells(x=cell), "clk")


def test_lanes_in_slices(tmp_path: Path, seed: int) -> None:
    """The translated lanes do what Verilator simulates; with one bit of one table turned they do
    not, and `make exhaustive` names a pair that shows it."""
    pytest.importorskip("pyosys", reason=NO_YOSYS)
    rng = np.random.default_rng(seed)
    net = exhaustive.netlist(DEFAULT, tmp_path)
    assert not exhaustive.difference(rng, DEFAULT, net, tmp_path, "-O0")
    # the sign of the result of element 0
    sign = net.outputs["res_data_o"][15]
    assert isinstance(sign, int)
    broken = copy.deepcopy(net)
    table = net.tables[sign]
    broken.tables[sign] = slices.Table(table.inputs, ~table.table & 0xFF)
    player = exhaustive.player(DEFAULT, broken, tmp_path, "-O0")
    found = player.play(Case(EType.BF16, RedOp.SUM), 0, 1 << 12)
    assert found["mismatches"] == found["pairs"] == 1 << 12
    assert found["first"] == [0, 0, 0, 0x8000, 0]


# ------------------------------------------------------------------------ oracle and report


@pytest.mark.parametrize(
    "case",
    [case for lanes in LANES for case in lanes.cases if case.etype in (EType.E4M3, EType.E5M2)],
    ids=lambda case: case.name,
)
def test_byte_results(case: Case) -> None:
    """For types of a byte, ml_dtypes and the golden model agree about every pair."""
    number = np.arange(1 << 16)
    columns = np.stack([number >> 8, number & 0xFF]).astype(np.uint8)
    golden = allreduce(columns, case.etype, case.redop, saturate=case.saturate)
    assert np.array_equal(exhaustive.byte_results(case), golden)


def test_report_counts_pairs_once() -> None:
    case = Case(EType.BF16, RedOp.MIN)
    other = Case(EType.E4M3, RedOp.SUM, saturate=True)
    found = {
        ("default", case): {"pairs": 100, "mismatches": 0, "seconds": 1.0},
        ("all", case): {"pairs": 100, "mismatches": 3, "seconds": 2.0, "first": "..."},
        ("all", other): {"pairs": 10, "mismatches": 0, "seconds": 0.5},
    }
    data = exhaustive.report(found, 9.0)
    assert (data["pairs"], data["mismatches"], data["played"]) == (110, 3, 210)
    assert data["by_type"] == {
        "BF16": {"MIN": {"pairs": 100, "mismatches": 3, "seconds": 3.0, "first": "..."}},
        "E4M3": {"SUM_SATURATE": {"pairs": 10, "mismatches": 0, "seconds": 0.5}},
    }
    assert data["by_lanes"]["default"]["BF16"]["MIN"]["mismatches"] == 0


def test_cases_are_chosen() -> None:
    every: list[tuple[Lanes, list[Case]]] = exhaustive.chosen("")
    assert [(lanes, tuple(cases)) for lanes, cases in every] == [(x, x.cases) for x in LANES]
    sums = exhaustive.chosen("*/BF16/SUM")
    assert [(lanes.name, [c.name for c in cases]) for lanes, cases in sums] == [
        ("default", ["BF16/SUM"]),
        ("all", ["BF16/SUM"]),
    ]
    numbers = exhaustive.chosen("all/FP16/M*NUM")
    assert [[c.name for c in cases] for _, cases in numbers] == [["FP16/MINNUM", "FP16/MAXNUM"]]
    with pytest.raises(UserError, match="selects no test"):
        exhaustive.chosen("FP32")
