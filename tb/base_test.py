# SPDX-License-Identifier: Apache-2.0
"""The test that all tests of a whole switch derive from, and the sequences they run.

A test says what is sent; the base does the rest::

    @pyuvm.test()
    class RandomUnicast(BaseTest):
        async def traffic(self):
            await self.send(traffic.unicast(self.rng, self.config, 200))
"""

from __future__ import annotations

import gc
import os
from typing import Any

import cocotb
from pyuvm import ConfigDB, uvm_sequence, uvm_test

from switchproof.models.crossbar import Switch
from switchproof.models.packet import Packets

from . import traffic as patterns
from .axi_lite import Registers
from .bench import Bench
from .env import Batch, Environment, Settings, make_pipe
from .pipes import Pipe
from .scoreboard import Checker


class PortSequence(uvm_sequence):
    """Sends an array of packets from one port."""

    def __init__(self, name: str, packets: Packets) -> None:
        super().__init__(name)
        self.packets = packets

    async def body(self) -> None:
        batch = Batch("batch", self.packets)
        await self.start_item(batch)
        await self.finish_item(batch)


class TrafficSequence(uvm_sequence):
    """Sends from all ports at once; one array of packets a port."""

    def __init__(self, name: str, packets: patterns.Traffic, env: Environment) -> None:
        super().__init__(name)
        self.packets = packets
        self.env = env

    async def body(self) -> None:
        for agent, rows in zip(self.env.ports, self.packets):
            if len(rows):
                await PortSequence(f"port_{agent.port}", rows).start(agent.sequencer)


class BaseTest(Bench, uvm_test):
    """Reset, tables, traffic, drain, checks. Derive and write :meth:`traffic`."""

    #: The golden model; a test may bring its own kind of it.
    golden: type[Switch] = Switch

    def build_phase(self) -> None:
        self.settings = Settings.from_environment()
        self.config = self.settings.config
        self.seed = self.settings.seed
        self.rng = self.settings.rng()
        self.model = self.golden(self.config)
        self.harness: Any = cocotb.top
        self.pipe: Pipe = make_pipe(self.harness, self.settings)
        for name, value in (
            ("SETTINGS", self.settings),
            ("MODEL", self.model),
            ("HARNESS", self.harness),
            ("PIPE", self.pipe),
        ):
            ConfigDB().set(None, "*", name, value)
        self.env = Environment("env", self)

    @property
    def registers(self) -> Registers:
        """The module's registers by name."""
        if self.env.register_agent is None:
            raise RuntimeError(f"{self.settings.what.module} has no registers")
        return self.env.register_agent.registers

    @property
    def checker(self) -> Checker:
        """The scoreboard's checker."""
        return self.env.scoreboard.checker

    async def run_phase(self) -> None:
        self.raise_objection()
        # All that is imported stays to the end: collections need not look through it again.
        gc.freeze()
        await self.bring_up()
        self.set_stalls(self.stalls)
        await self.traffic()
        await self.finish()
        self.drop_objection()

    async def bring_up(self) -> None:
        """Reset the module and give it, and the model, routes to every port and engine."""
        self.harness.rst.value = 1
        await self.pipe.open()
        await self.pipe.run(4)
        self.harness.rst.value = 0
        await self.pipe.run(4)
        patterns.program(self.model, self.config)
        if self.settings.what.routing == "table":
            await self.set_routes()

    async def send(self, packets: patterns.Traffic) -> None:
        """Hand packets, one array a port, to the agents. Returns at once; they are sent later."""
        await TrafficSequence("traffic", packets, self.env).start()

    async def finish(self) -> None:
        """Settle; counters must agree; write the coverage."""
        await self.settle()
        if self.env.register_agent is not None:
            await self.check_counters()
        coverage = self.env.subscriber.coverage
        coverage.stalled(self.pipe)
        coverage.write(self.settings.folder / "functional.json")
        stats = self.pipe.stats()
        self.logger.info(
            "%s packets checked in %s cycles, %s flits, seed %s",
            self.checker.compared, self.pipe.cycle, int(stats["flits_out"].sum()),
            os.environ["SP_SEED"],
        )  # fmt: skip
