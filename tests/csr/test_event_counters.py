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

from switchproof.ci.filelists import needed

#: Bits at whose end some counters stop.
STOP = 8
#: Cycles from the one whose count is shown to the one in which it is.
AGE = 3


@cocotb.test()
async def count_wrap_clear(dut: Any) -> None:
    """Every value that is taken is the number of events modulo 2^W since the last clear, or the end
    at which the counter stops."""
    n, width, stops = (int(os.environ[key]) for key in ("COUNTERS", "WIDTH", "STOPS"))
    rng = random.Random(int(os.environ["SP_SEED"]))
    for name in ("clear_i", "ev_i", "take_i", "sel_i"):
        getattr(dut, name).value = 0
    dut.rst_ni.value = 1
    await Timer(1, "ns")
    dut.rst_ni.value = 0
    cocotb.start_soon(Clock(dut.clk_i, 10, unit="ns").start())
    await ClockCycles(dut.clk_i, 2)
    dut.rst_ni.value = 1
    counts = [0] * n
    points = ("wrap", "stop", "clear", "full_rate", "asked_again_at_once")
    coverage = dict.fromkeys((f"csr.counter.{point}" for point in points), 0)
    everything = (1 << n) - 1
    past: list[list[int]] = []  # counts of the cycles behind
    coming = (0, False)  # events and clear of the cycle before: they count a cycle later
    asked: int | None = None  # the counter whose value is waited for
    waited = 0  # cycles since it was asked for, or since it came
    for cycle in range((1 << width) * 6):
        if cycle % 64 == 0:
            rate = rng.choice(("full", "full", "full", "half", "rare", "one"))
        events = {
            "full": everything,
            "half": rng.getrandbits(n),
            "rare": rng.getrandbits(n) & rng.getrandbits(n) & rng.getrandbits(n),
            "one": 1 << (cycle // 64 % n),
        }[rate]
        # First without a clear until counters have wrapped, then with some.
        clear = cycle > 2 << width and rng.random() < 0.01
        take = asked is None and rng.random() < (0.9 if cycle // 512 % 2 else 0.02)
        select = rng.randrange(n)
        dut.ev_i.value = events
        dut.clear_i.value = int(clear)
        dut.sel_i.value = select
        dut.take_i.value = int(take)
        await RisingEdge(dut.clk_i)
        # What is read here is from before this edge.
        past = [*past[-AGE:], list(counts)]
        if int(dut.done_o.value):
            assert asked is not None, f"cycle {cycle}: a value that was not asked for"
            stop = bool(stops >> asked & 1)
            count = past[0][asked]
            want = min(count, (1 << STOP) - 1) if stop else count % (1 << width)
            got = int(dut.value_o.value)
            assert got == want, f"cycle {cycle}: counter {asked} is {got}, not {want}"
            coverage["csr.counter.wrap"] += not stop and count >= 1 << width
            coverage["csr.counter.stop"] += stop and count >= 1 << width
            asked, waited = None, -1
        if take:
            coverage["csr.counter.asked_again_at_once"] += waited == 0
            asked, waited = select, 0
        else:
            waited += 1
        assert asked is None or waited <= 21, f"cycle {cycle}: no value after {waited} cycles"
        counted, cleared = coming
        coming = (events, clear)
        if cleared:
            counts = [0] * n
            coverage["csr.counter.clear"] += 1
        for index in range(n):
            counts[index] += counted >> index & 1
        coverage["csr.counter.full_rate"] += events == everything
    path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
    path.write_text(json.dumps(coverage))


@pytest.mark.parametrize(
    ("counters", "width", "stops"),
    [(2, 9, 0), (14, 10, 0), (32, 9, 0x0110_0061), (56, 9, 0)],
)
def test_event_counters(sim: Any, counters: int, width: int, stops: int) -> None:
    """See count_wrap_clear. 14 and 56 are the most that come by in time for their low bits."""
    sim.run_module(
        sources=needed("sp_event_counters"),
        toplevel="sp_event_counters",
        module=Path(__file__).stem,
        testcase="count_wrap_clear",
        parameters={"N": counters, "W": width, "STOPS": stops, "STOP_W": STOP},
        env={"COUNTERS": str(counters), "WIDTH": str(width), "STOPS": str(stops)},
    )
