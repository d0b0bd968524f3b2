# SPDX-License-Identifier: Apache-2.0
"""A switch chip through its links does what the switch does, whatever the wires do."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
import pyuvm

from switchproof.models import csr, profiles
from switchproof.tb import traffic
from switchproof.tb.axi_lite import Registers
from switchproof.tb.base_test import BaseTest
from tests.crossbar.test_collectives import AllReduceAmongUnicast
from tests.crossbar.test_unicast import RandomUnicast

DUT = "tests/rack/sp_chip_bench.toml"
CONFIG = profiles.get("dev4c").replace(cut_through=0, counters=0, ecc=0, voq_flits=32)
#: Registers of the ends of links: of the chip, and the far ones.
ENDS = (0x400_0000, 0x800_0000)
STRIDE = 0x100
DECERR = 3
#: Of 2^32 cycles so many have a wrong bit: one in 500.
ERRORS = 1 << 23


class Linked(BaseTest):
    """Brings the links up before all else."""

    errors = 0
    cuts = 0
    #: Cycles that are not those after reset.
    times: ClassVar[dict[str, int]] = {}

    async def bring_up(self) -> None:
        self.harness.cut_i.value = 0
        await super().bring_up()
        agent = self.env.register_agent
        assert agent is not None
        link_map = csr.load("link_map")
        self.ends = [
            [Registers(agent.master, link_map, base + STRIDE * p) for p in range(self.config.ports)]
            for base in ENDS
        ]
        for end in (*self.ends[0], *self.ends[1]):
            await end.write("inject_rate", self.errors)
            await end.write("inject_seed", int(self.rng.integers(1, 1 << 32)))
            await end.write("command", load=1)
            for name, value in self.times.items():
                await end.write(name, value)
            await end.write("control", enable=1)
        await self.links_up()

    async def links_up(self) -> None:
        """Wait until all links are up."""
        for _ in range(100):
            if int(self.harness.up_o.value) == (1 << self.config.ports) - 1:
                return
            await self.pipe.run(50)
        raise AssertionError(f"links up: {int(self.harness.up_o.value):b}")

    async def finish(self) -> None:
        await super().finish()
        replays = sum([await end.read("llr_tx_replay") for end in (*self.ends[0], *self.ends[1])])
        assert (replays > 0) == (self.errors > 0) or self.cuts, f"{replays} replays"
        await self.nowhere()
        path = self.settings.folder / "functional.json"
        hits = {
            "chip.linked": self.checker.compared,
            "chip.replays": replays,
            "chip.cuts": self.cuts,
        }
        path.write_text(json.dumps({**json.loads(path.read_text()), **hits}))

    async def nowhere(self) -> None:
        """Behind the last link of the chip, and of the others, there is nothing."""
        assert self.env.register_agent is not None
        master = self.env.register_agent.master
        for base in ENDS:
            beyond = base + STRIDE * self.config.ports
            assert await master.write(beyond, 1) == DECERR
            assert await master.read(beyond) == (0, DECERR)


@pyuvm.test()
class Unicast(Linked, RandomUnicast):
    """Every pair and random packets; the wires are clean."""

    packets = 120


@pyuvm.test()
class UnicastWithErrors(Linked, RandomUnicast):
    """The same with wrong bits on all wires: nothing shows."""

    packets = 120
    errors = ERRORS


@pyuvm.test()
class ReductionsWithErrors(Linked, AllReduceAmongUnicast):
    """AllReduce among other packets, with wrong bits on all wires."""

    errors = ERRORS


@pyuvm.test()
class PortCut(Linked):
    """The wires of an idle port are cut and mended: the others go on, and it comes back."""

    times: ClassVar[dict[str, int]] = {
        "keepalive_cycles": 100, "dead_cycles": 500, "age_cycles": 3000,
    }  # fmt: skip

    async def traffic(self) -> None:
        for _ in range(2):
            port = int(self.rng.integers(self.config.ports))
            self.harness.cut_i.value = 1 << port
            others = [p for p in range(self.config.ports) if p != port]
            packets = traffic.unicast(
                self.rng,
                self.config,
                120,
                outputs=self.rng.choice(others, (self.config.ports, 120)),
            )
            await self.send([rows if p in others else rows[:0] for p, rows in enumerate(packets)])
            await self.drain()
            for _ in range(100):
                if not int(self.harness.up_o.value) >> port & 1:
                    break
                await self.pipe.run(100)
            else:
                raise AssertionError(f"the link of port {port} does not go down")
            self.harness.cut_i.value = 0
            self.cuts += 1
            await self.links_up()
            await self.send(traffic.unicast(self.rng, self.config, 60))
            await self.drain()


@pytest.mark.sim
@pytest.mark.parametrize(
    "testcase", ["Unicast", "UnicastWithErrors", "ReductionsWithErrors", "PortCut"]
)
def test_switch_chip(sim: Any, testcase: str) -> None:
    sim.run(config=CONFIG, dut=DUT, module=__name__, testcase=testcase, fixed=True)
