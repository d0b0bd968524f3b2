# SPDX-License-Identifier: Apache-2.0
"""Counters in a memory: one event a cycle, among clears; every value is what a list counts."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer

from switchproof.ci.filelists import needed

#: Cycles from an event to the value that has it.
AGE = 2


@cocotb.test()
async def count_and_clear(dut: Any) -> None:
    """Events of runs, so that one counter counts in cycle after cycle, and clears in the middle."""
    n = int(os.environ["COUNTERS"])
    rng = random.Random(int(os.environ["SP_SEED"]))
    for name in ("clear_i", "ev_i", "at_i", "sel_i"):
        getattr(dut, name).value = 0
    dut.rst_ni.value = 1
    await Timer(1, "ns")
    dut.rst_ni.value = 0
    cocotb.start_soon(Clock(dut.clk_i, 10, unit="ns").start())
    await ClockCycles(dut.clk_i, 2)
    dut.rst_ni.value = 1
    counts = [0] * n
    past = [list(counts) for _ in range(AGE)]
    coverage = dict.fromkeys(("csr.memory.clear_and_event", "csr.memory.in_a_row"), 0)
    at = last = 0
    for cycle in range(4000):
        event, clear = rng.random() < 0.7, rng.random() < 0.01
        if rng.random() < 0.3:
            at = rng.randrange(n)
        select = rng.randrange(n)
        dut.ev_i.value = int(event)
        dut.at_i.value = at
        dut.clear_i.value = int(clear)
        dut.sel_i.value = select
        await RisingEdge(dut.clk_i)
        got = int(dut.value_o.value)
        assert got == past[0][select], f"cycle {cycle}: counter {select} is {got}"
        if clear:
            counts = [0] * n
        counts[at] += event
        past = [*past[1:], list(counts)]
        coverage["csr.memory.clear_and_event"] += event and clear
        coverage["csr.memory.in_a_row"] += event and last == at
        last = at if event else -1
    path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
    path.write_text(json.dumps(coverage))


@pytest.mark.parametrize("counters", [4, 64])
def test_event_memory(sim: Any, counters: int) -> None:
    """See count_and_clear."""
    sim.run_module(
        sources=needed("sp_event_memory"),
        toplevel="sp_event_memory",
        module=Path(__file__).stem,
        testcase="count_and_clear",
        parameters={"N": counters},
        env={"COUNTERS": str(counters)},
    )
