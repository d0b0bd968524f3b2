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
import numpy as np
from pyuvm import ConfigDB, uvm_sequence, uvm_test

from switchproof.models.crossbar import Switch
from switchproof.models.packet import Packets

from . import traffic as patterns
from .axi_lite import Registers
from .env import Batch, Environment, Settings, make_pipe
from .pipes import Pipe, Stalls
from .scoreboard import Checker, Mismatch

#: Counters of the model that the switch has under the same name, for each port.
PORT_COUNTERS = (
    "rx_packets", "rx_flits", "refused_version", "refused_op", "refused_len", "refused_dst",
    "dropped_responses",
)  # fmt: skip
ENGINE_COUNTERS = (
    "contributions", "results", "timeouts", "refused_type", "refused_not_member",
    "refused_duplicate", "refused_mismatch",
)  # fmt: skip


#: Cycles of silence after which a packet that is still expected is lost; longer than any stall.
PATIENCE = 5_000


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


class BaseTest(uvm_test):
    """Reset, tables, traffic, drain, checks. Derive and write :meth:`traffic`."""

    #: Stalls at all ports: a name of pipes.STALLS, or "random" for another one at every port.
    stalls = "random"
    #: Cycles after which a drain is given up, and of silence after which all is out.
    drain_timeout = 200_000
    quiet = 300

    def build_phase(self) -> None:
        self.settings = Settings.from_environment()
        self.config = self.settings.config
        self.rng = self.settings.rng()
        self.model = Switch(self.config)
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
            for dst, output in patterns.routes(self.config):
                await self.registers.write(f"fwd_all[{dst}]", valid=1, out=output)

    async def set_group(self, group: int, members: list[int]) -> None:
        """Make ports the members of a group, in the module and in the model."""
        mask = sum(1 << port for port in members)
        self.model.set_group(group, mask)
        for word in range(-(-self.config.ports // 32)):
            await self.registers.write(f"group[{group}][{word}]", mask >> 32 * word & 0xFFFFFFFF)

    def set_stalls(self, stalls: Stalls | str) -> None:
        """Set the stalls of all ports; "random" draws a profile for each."""
        if stalls != "random":
            self.pipe.stalls(stalls)
            return
        names = ("none", "light", "heavy", "slow_sink", "slow_source", "bursts")
        for port, name in enumerate(self.rng.choice(names, self.config.ports)):
            self.pipe.stalls(str(name), [port])

    async def traffic(self) -> None:
        """Send what this test is about."""
        raise NotImplementedError

    async def send(self, packets: patterns.Traffic) -> None:
        """Hand packets, one array a port, to the agents. Returns at once; they are sent later."""
        await TrafficSequence("traffic", packets, self.env).start()

    async def drain(self) -> None:
        """Wait until all is sent and nothing moves, then compare."""
        await self.pipe.drain(self.drain_timeout, self.quiet)
        self.checker.check(force=True)
        # Silence is no proof: a receiver that holds back for long makes it too.
        end = self.pipe.cycle + PATIENCE
        while self.checker.outstanding and self.pipe.cycle < end:
            await self.pipe.run(self.quiet)
            self.checker.check(force=True)

    async def finish(self) -> None:
        """Drain; nothing may remain; counters must agree; write the coverage."""
        await self.drain()
        self.checker.finish()
        self.env.scoreboard.check_pipe()
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

    async def check_counters(self) -> None:
        """Compare the module's counters with the model's and with what the pipe saw."""
        stats = self.pipe.stats()
        wrong = []
        for port in range(self.config.ports):
            expected = {name: int(self.model.counters[name][port]) for name in PORT_COUNTERS}
            expected["tx_packets"] = int(stats["packets_out"][port])
            expected["tx_flits"] = int(stats["flits_out"][port])
            wrong += await self._differing(f"port[{port}]", expected)
        for index, engine in enumerate(self.model.engines):
            expected = {name: engine.counters[name] for name in ENGINE_COUNTERS}
            wrong += await self._differing(f"engine[{index}]", expected)
        if wrong:
            raise Mismatch(
                f"{len(wrong)} counters differ (seed {self.settings.seed}): " + "; ".join(wrong[:8])
            )

    async def _differing(self, where: str, expected: dict[str, int]) -> list[str]:
        wrong = []
        for name, value in expected.items():
            got = await self.registers.read(f"{where}.{name}")
            if got != value & 0xFFFFFFFF:
                wrong.append(f"{where}.{name} is {got}, expected {value}")
        return wrong

    def spread(self, packets: patterns.Traffic, load: float) -> patterns.Traffic:
        """Let the packets of every port ask for a share of its rate from now on."""
        for rows in packets:
            if len(rows):
                patterns.spaced(self.rng, rows, load, self.pipe.cycle)
        return packets


def members_of(rng: np.random.Generator, ports: int, count: int) -> list[int]:
    """Return `count` ports drawn without order."""
    return sorted(int(port) for port in rng.permutation(ports)[:count])
