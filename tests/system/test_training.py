# SPDX-License-Identifier: Apache-2.0
"""The main job: members train a classifier of digits, every AllReduce done by the RTL.

Each step cuts the members' gradients into contributions, sends them through the switch with random
stalls on all ports, and trains on with what came back. At every step the results are held against
the golden model bit for bit, twice: packet by packet in the scoreboard, and as whole vectors
here. At the end the same training on the golden model alone must hold the same weights.
"""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import pyuvm

from switchproof.ci import build, evidence
from switchproof.ci.paths import REPORT
from switchproof.models.formats import Bits
from switchproof.models.layout import EType, Op
from switchproof.models.packet import Packets, get
from switchproof.models.reduction import allreduce
from switchproof.models.workloads import contributions, digits, vector
from switchproof.tb import progress
from switchproof.tb.base_test import BaseTest
from switchproof.tb.env import Listener
from switchproof.tb.pipes import concatenate

STEPS = 90
GROUP = 1


@pyuvm.test()
class Training(BaseTest):
    """All ports are members; the engine is the first."""

    quiet = 120

    def end_of_elaboration_phase(self) -> None:
        self.results: list[list[Packets]] = [[] for _ in range(self.config.ports)]
        for agent, rows in zip(self.env.ports, self.results):
            agent.monitor.received.connect(Listener("results", agent, rows.append))

    async def traffic(self) -> None:
        etype = EType[os.environ["SP_ETYPE"]]
        members = self.config.ports
        await self.set_group(GROUP, list(range(members)))
        show = progress.Reporter("training", STEPS)

        def report(step: int, steps: int, loss: float, accuracy: float | None) -> None:
            text = f"{etype.name} loss {loss:.3f}"
            show(step, text if accuracy is None else f"{text}, held-out {accuracy:.1%}")

        run = digits.training(members, STEPS, etype, seed=1, progress=report)
        exact = 0
        try:
            gradients = next(run)
            while True:
                total = await self.allreduce(gradients, etype, exact)
                expected = allreduce(gradients, etype)
                assert total.tobytes() == expected.tobytes(), f"step {exact}: sums differ"
                exact += 1
                gradients = run.send(total)
        except StopIteration as stop:
            result: digits.TrainingResult = stop.value
        alone = digits.train(members=members, steps=STEPS, etype=etype, seed=1)
        found = {
            "loss": result.loss,
            "accuracy": [list(point) for point in result.accuracy],
            "heldout": result.held_out_accuracy,
            "bit_exact_steps": exact,
            "weights_equal": result.sha256 == alone.sha256,
            "weights_sha256": result.sha256,
            "members": members,
            "cycles": self.pipe.cycle,
        }
        (self.settings.folder / "training.json").write_text(json.dumps(found))

    async def allreduce(self, gradients: Bits, etype: int, step: int) -> Bits:
        """Return the sum of the gradients, shape (members, elements), done by the switch."""
        packets = contributions(
            gradients,
            etype,
            flit_w=self.config.flit_w,
            dst=self.config.ports,
            group=GROUP,
            seq=step,
            src=np.arange(len(gradients)),
        )
        await self.send(list(packets))
        await self.drain()
        sums = []
        for rows in self.results:
            received = concatenate(rows)
            rows.clear()
            assert (get(received, "op") == Op.RESULT).all(), "something that is no result came"
            sums.append(vector(received, etype, gradients.shape[1]))
        for port, other in enumerate(sums[1:], 1):
            assert other.tobytes() == sums[0].tobytes(), f"step {step}: port {port} got another sum"
        return sums[0]


@pytest.mark.sim
@pytest.mark.parametrize("etype", ["fp32", "bf16"])
def test_training(sim, etype: str) -> None:
    run = sim.run(
        config="dev8",
        module=__name__,
        testcase="Training",
        env={"SP_ETYPE": etype.upper()},
        coverage=False,  # long, and what it covers others cover
    )
    found = json.loads((run.path / "training.json").read_text())
    with build.lock(REPORT / ".training.lock"):
        evidence.write("training", {**(evidence.read("training") or {}), etype: found})
    assert found["bit_exact_steps"] == STEPS
    assert found["weights_equal"], "the golden model alone ends with other weights"
    assert found["heldout"] >= 0.90
