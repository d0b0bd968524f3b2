# SPDX-License-Identifier: Apache-2.0
"""The counter block alone: narrow counters, so that they wrap, at full rate."""

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


@cocotb.test()
async def count_wrap_clear(dut: Any) -> None:
    """Every value that is taken is the number of events modulo 2^W since the last clear."""
    n, width = (int(os.environ[key]) for key in ("COUNTERS", "WIDTH"))
    rng = random.Random(int(os.environ["SP_SEED"]))
    for name in ("clear_i", "ev_i", "take_i", "sel_i"):
        getattr(dut, name).value = 0
    cocotb.start_soon(Clock(dut.clk_i, 10, unit="ns").start())
    dut.rst_ni.value = 1
    await Timer(1, "ns")
    dut.rst_ni.value = 0
    await ClockCycles(dut.clk_i, 2)
    dut.rst_ni.value = 1
    counts = [0] * n
    coverage = dict.fromkeys(("csr.counter.wrap", "csr.counter.clear", "csr.counter.full_rate"), 0)
    everything = (1 << n) - 1
    due: tuple[int, int] | None = None
    coming = (0, False)  # events and clear of the cycle before: they count a cycle later
    for cycle in range((1 << width) * 3):
        if cycle % 64 == 0:
            rate = rng.choice(("full", "full", "full", "half", "rare", "one"))
        events = {
            "full": everything,
            "half": rng.getrandbits(n),
            "rare": rng.getrandbits(n) & rng.getrandbits(n) & rng.getrandbits(n),
            "one": 1 << (cycle // 64 % n),
        }[rate]
        # First without a clear until counters have wrapped, then with many.
        clear = cycle > 2 << width and rng.random() < 0.03
        select = rng.randrange(n)
        dut.ev_i.value = events
        dut.clear_i.value = int(clear)
        dut.sel_i.value = select
        dut.take_i.value = 1
        await RisingEdge(dut.clk_i)
        # What is read here is from before this edge: the value taken at the edge before.
        if due is not None:
            got, want = int(dut.value_o.value), due[1] % (1 << width)
            assert got == want, f"cycle {cycle}: counter {due[0]} is {got}, not {want}"
        due = (select, counts[select])
        counted, cleared = coming
        coming = (events, clear)
        if cleared:
            counts = [0] * n
            coverage["csr.counter.clear"] += 1
        for index in range(n):
            counts[index] += counted >> index & 1
        coverage["csr.counter.full_rate"] += events == everything
        coverage["csr.counter.wrap"] += due[1] > 0 and due[1] % (1 << width) == 0
    path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
    path.write_text(json.dumps(coverage))


@pytest.mark.parametrize(("counters", "width"), [(2, 8), (7, 10), (64, 9)])
def test_event_counters(sim: Any, counters: int, width: int) -> None:
    """See count_wrap_clear."""
    sim.run_module(
        sources=["rtl/csr/sp_event_counters.sv"],
        toplevel="sp_event_counters",
        module=Path(__file__).stem,
        testcase="count_wrap_clear",
        parameters={"N": counters, "W": width},
        env={"COUNTERS": str(counters), "WIDTH": str(width)},
    )
