# SPDX-License-Identifier: Apache-2.0
"""The runner on a tiny module: a pass, each way to fail, an elaboration error."""

from __future__ import annotations

import json
import os

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from switchproof.ci.build import BuildError
from switchproof.ci.pytest_plugin import Sim
from switchproof.ci.simulate import RunError

SOURCES = ["tests/common/data/sp_tiny.sv"]


@cocotb.test()
async def counts(dut: object) -> None:
    """Count and leave functional coverage behind."""
    dut.rst_ni.value = 0  # type: ignore[attr-defined]
    dut.a_i.value = 1  # type: ignore[attr-defined]
    Clock(dut.clk_i, 10).start()  # type: ignore[attr-defined]
    for _ in range(2):
        await RisingEdge(dut.clk_i)  # type: ignore[attr-defined]
    dut.rst_ni.value = 1  # type: ignore[attr-defined]
    for _ in range(10):
        await RisingEdge(dut.clk_i)  # type: ignore[attr-defined]
    assert int(dut.q_o.value) == 9, int(dut.q_o.value)  # type: ignore[attr-defined]
    with open(os.environ["SP_RUN_DIR"] + "/functional.json", "w") as handle:
        json.dump({"tiny.counted": 10}, handle)


@cocotb.test()
async def fails(dut: object) -> None:
    """Fail on purpose."""
    raise AssertionError("the reason to be shown")


@cocotb.test()
async def hangs(dut: object) -> None:
    """Never end."""
    while True:
        pass


@cocotb.test()
async def dies(dut: object) -> None:
    """Take the simulator down."""
    os.abort()


def run(sim: Sim, testcase: str, **options: float) -> None:
    """Run one cocotb test of this file."""
    sim.run_module(
        sources=SOURCES, toplevel="sp_tiny", module=__name__, testcase=testcase, **options
    )


def test_passes(sim: Sim) -> None:
    run(sim, "counts")
    run(sim, "counts")
    assert len(sim.results) == 2
    assert sim.results[0].path != sim.results[1].path
    assert json.loads((sim.results[0].path / "functional.json").read_text())["tiny.counted"] == 10


def test_failure_is_shown(sim: Sim) -> None:
    with pytest.raises(RunError, match="the reason to be shown"):
        run(sim, "fails")


def test_hang_is_killed(sim: Sim) -> None:
    with pytest.raises(RunError, match="no end after 4 s"):
        run(sim, "hangs", timeout=4)


def test_crash_is_a_failure(sim: Sim) -> None:
    with pytest.raises(RunError, match="SIGABRT"):
        run(sim, "dies")


def test_absent_test_is_a_failure(sim: Sim) -> None:
    with pytest.raises(RunError, match="'ghost' never ran"):
        run(sim, "ghost")


def test_bad_parameter_is_named(sim: Sim) -> None:
    with pytest.raises(BuildError, match=r"sp_tiny: WIDTH = 1 is not in 2\.\.64"):
        sim.run_module(
            sources=SOURCES,
            toplevel="sp_tiny",
            module=__name__,
            testcase="counts",
            parameters={"WIDTH": 1},
        )
