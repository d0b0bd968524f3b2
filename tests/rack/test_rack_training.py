# SPDX-License-Identifier: Apache-2.0
"""The main job once more, by endpoints: gradients lie in their memories, and a doorbell sums them.

Each member's endpoint reads its gradient through AXI, sends it in slices over both planes, and
writes the sum beside it. The weights must be those of the golden model alone, to the bit.
"""

from __future__ import annotations

import os
from typing import Any

import cocotb
import numpy as np
import pytest

from switchproof.ci.filelists import needed
from switchproof.models.endpoint.collectives import Kind
from switchproof.models.formats import Bits
from switchproof.models.layout import EType
from switchproof.models.reduction import allreduce
from switchproof.models.workloads import digits
from switchproof.tb import progress
from tests.rack.rack_play import ENDPOINTS, PLANES, Rack
from tests.rack.test_supernode import BENCH, end, together

#: Where gradients and their sums lie in each memory: FP32 takes 9,640 bytes.
GIVEN, FOUND = 0x4000, 0x8000


async def summed(rack: Rack, gradients: Bits, etype: int, step: int) -> Bits:
    """Return the sum of gradients, shape (members, elements), which the endpoints have made."""
    for ram, row in zip(rack.rams, gradients):
        ram.write(GIVEN, row.tobytes())
        ram.write(FOUND, bytes(row.nbytes))

    async def member(endpoint: int) -> None:
        await rack.cycles(int(rack.rng.integers(0, 50)))
        result = await rack.collective(
            endpoint, kind=Kind.ALLREDUCE, etype=etype, seq=step, source=GIVEN, to=FOUND,
            bytes=gradients[0].nbytes,
        )  # fmt: skip
        assert result["status"] == result["timeout"] == result["poisoned"] == 0, result

    await together([member(endpoint) for endpoint in range(ENDPOINTS)])
    sums = [
        np.frombuffer(bytes(ram.read(FOUND, gradients[0].nbytes)), gradients.dtype)
        for ram in rack.rams
    ]
    for endpoint, other in enumerate(sums):
        assert other.tobytes() == sums[0].tobytes(), f"step {step}: endpoint {endpoint} differs"
    return sums[0].copy()


@cocotb.test()
async def training(dut: Any) -> None:
    """All endpoints are members."""
    rack = Rack(dut, links=bool(int(os.environ["SP_LINKS"])))
    etype = EType[os.environ["SP_ETYPE"]]
    steps = int(os.environ["SP_STEPS"])
    await rack.begin()
    show = progress.Reporter("training of a supernode", steps)
    run = digits.training(
        ENDPOINTS, steps, etype, seed=1,
        progress=lambda step, _, loss, __: show(step, f"{etype.name} loss {loss:.3f}"),
    )  # fmt: skip
    step = 0
    try:
        gradients = next(run)
        while True:
            total = await summed(rack, gradients, etype, step)
            assert total.tobytes() == allreduce(gradients, etype).tobytes(), f"step {step}"
            step += 1
            gradients = run.send(total)
    except StopIteration as stop:
        result: digits.TrainingResult = stop.value
    alone = digits.train(members=ENDPOINTS, steps=steps, etype=etype, seed=1)
    assert result.sha256 == alone.sha256, "the golden model alone ends with other weights"
    rack.hits[f"training.{etype.name.lower()}"] += step
    assert await rack.count("collective_errors") == 0
    end(rack)


def run(sim: Any, etype: str, links: int, steps: int) -> None:
    """Train on the bench of test_supernode.py."""
    sim.run_module(
        sources=needed(BENCH),
        toplevel="sp_supernode_bench",
        parameters={"N": ENDPOINTS, "N_PLANES": PLANES, "LINKS": links},
        module=__name__,
        testcase="training",
        env={"SP_ETYPE": etype.upper(), "SP_LINKS": str(links), "SP_STEPS": str(steps)},
        timeout=900,
    )


@pytest.mark.sim
def test_rack_training(sim: Any) -> None:
    run(sim, "fp32", links=0, steps=25)


@pytest.mark.long
@pytest.mark.parametrize("etype", ["fp32", "bf16"])
def test_linked_training(sim: Any, etype: str) -> None:
    run(sim, etype, links=1, steps=90)
