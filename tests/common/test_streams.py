# SPDX-License-Identifier: Apache-2.0
"""Registers and FIFOs of streams: what goes in comes out, in order, when it should."""

from __future__ import annotations

import cocotb
import numpy as np
import pytest

from switchproof.models import packet, profiles
from switchproof.tb.env import Settings, make_pipe
from switchproof.tb.pipes import STALLS

BENCH = "tests/common/sp_streams_bench.toml"
#: Cycles that each stream takes: register, skid buffer, FIFO, skid buffer and FIFO and register.
CYCLES = (1, 0, 1, 2)
#: Packets of a stream.
COUNT = 1000


@cocotb.test()
async def streams(dut: object) -> None:
    """Random packets, with every kind of stall, and then with none: a beat in each cycle."""
    settings = Settings.from_environment()
    rng, flit_w = settings.rng(), settings.config.flit_w
    pipe = make_pipe(dut, settings)
    dut.rst.value = 1  # type: ignore[attr-defined]
    await pipe.open()
    await pipe.run(4)
    dut.rst.value = 0  # type: ignore[attr-defined]
    for stalls in (*STALLS, "none"):
        pipe.stalls(stalls)
        await pipe.run(500)  # what is left of the stalls before
        for port in range(len(CYCLES)):
            pipe.send(port, packet.random_packets(rng, COUNT, flit_w=flit_w))
        await pipe.drain()
    for port, cycles in enumerate(CYCLES):
        sent, got = pipe.sent(port), pipe.received(port)
        assert len(got) == len(sent) == COUNT * (len(STALLS) + 1), f"stream {port}: {len(got)}"
        wrong = np.flatnonzero(~packet.same(sent, got))
        assert not wrong.size, (
            f"stream {port}, packet {wrong[0]}: {packet.describe(got[wrong[0]])}\n"
            f"instead of {packet.describe(sent[wrong[0]])}"
        )
        took = got["stamp"].astype(np.int64) - sent["stamp"]
        assert took.min() == cycles, f"stream {port}: a beat took {took.min()} cycles"
        # Without stalls nothing waits.
        free = got[-COUNT:]
        assert (took[-COUNT:] == cycles).all(), f"stream {port}: up to {took[-COUNT:].max()} cycles"
        span = int(free["stamp_last"][-1] - free["stamp"][0]) + 1
        assert span == free["flits"].sum(), f"stream {port}: {span} cycles"
    assert pipe.violation_count == 0, pipe.violations()[0]


@pytest.mark.sim
def test_streams(sim) -> None:
    config = profiles.get("dev4").replace(ports=len(CYCLES))
    sim.run(config=config, dut=BENCH, module=__name__, testcase="streams", fixed=True)
