# SPDX-License-Identifier: Apache-2.0
"""The pyuvm environment: agents around a pipe and registers, scoreboard, coverage.

::

    sequence -> sequencer -> driver -> Pipe -> module -> Pipe -> monitor -> Scoreboard -> Coverage
                                        \\-------------- sent ----^

A transaction is an array of packets, so that pyuvm's cost per item is paid per batch; no Python
runs per flit. Nothing here names a signal or a module.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from pyuvm import (
    ConfigDB,
    uvm_agent,
    uvm_analysis_export,
    uvm_analysis_port,
    uvm_component,
    uvm_driver,
    uvm_env,
    uvm_sequence_item,
    uvm_sequencer,
)

from switchproof.models import csr
from switchproof.models.crossbar import Switch
from switchproof.models.layout import Op, RedOp, Vc
from switchproof.models.packet import Packets, get, op_vc
from switchproof.models.profiles import Config

from . import description as descriptions
from .axi_lite import Access, AxiLiteMaster, AxiLiteMonitor, Registers
from .coverage import Coverage
from .description import Description
from .pipes import Pipe, RingPipe
from .scoreboard import Checker, check_violations


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the runner tells a simulation through the environment."""

    what: Description
    config: Config
    seed: int
    folder: Path

    @classmethod
    def from_environment(cls) -> Settings:
        """Read SP_DUT, SP_CONFIG, SP_SEED and SP_RUN_DIR."""
        what = descriptions.load(os.environ["SP_DUT"])
        config = Config(**json.loads(os.environ["SP_CONFIG"]))
        if "reduction" not in what.features:
            config = config.replace(engines=0)
        return cls(what, config, int(os.environ["SP_SEED"]), Path(os.environ["SP_RUN_DIR"]))

    def rng(self, stream: int = 0) -> np.random.Generator:
        """Return a generator of random numbers that follows from the seed."""
        return np.random.default_rng([self.seed, stream])


def make_pipe(harness: Any, settings: Settings, ring_rows: int = 256) -> Pipe:
    """Return the pipe that the description asks for."""
    if settings.what.pipe == "rings":
        return RingPipe(
            harness, settings.what, settings.config, settings.seed, settings.folder, ring_rows
        )
    from .signal_pipe import SignalPipe

    return SignalPipe(harness, settings.what, settings.config, settings.seed)


class Batch(uvm_sequence_item):
    """Packets for one port, in order."""

    def __init__(self, name: str, packets: Packets) -> None:
        super().__init__(name)
        self.packets = packets


class PortDriver(uvm_driver):
    """Hands batches of one port to the pipe."""

    def build_phase(self) -> None:
        self.pipe: Pipe = ConfigDB().get(self, "", "PIPE")
        self.port: int = ConfigDB().get(self, "", "PORT")

    async def run_phase(self) -> None:
        while True:
            batch = await self.seq_item_port.get_next_item()
            self.pipe.send(self.port, batch.packets)
            self.seq_item_port.item_done()


class PortMonitor(uvm_component):
    """Publishes what one port has sent and received."""

    def build_phase(self) -> None:
        self.pipe: Pipe = ConfigDB().get(self, "", "PIPE")
        self.port: int = ConfigDB().get(self, "", "PORT")
        self.sent = uvm_analysis_port("sent", self)
        self.received = uvm_analysis_port("received", self)

    def look(self) -> None:
        """Take what the pipe has."""
        for packets, port in (
            (self.pipe.sent(self.port), self.sent),
            (self.pipe.received(self.port), self.received),
        ):
            if len(packets):
                port.write(packets)


class PortAgent(uvm_agent):
    """Sequencer, driver and monitor of one port, both directions."""

    def __init__(self, name: str, parent: uvm_component, port: int) -> None:
        self.port = port
        super().__init__(name, parent)

    def build_phase(self) -> None:
        ConfigDB().set(self, "*", "PORT", self.port)
        self.sequencer = uvm_sequencer("sequencer", self)
        self.driver = PortDriver("driver", self)
        self.monitor = PortMonitor("monitor", self)

    def connect_phase(self) -> None:
        self.driver.seq_item_port.connect(self.sequencer.seq_item_export)


class RegisterAgent(uvm_agent):
    """AXI4-Lite driver and monitor; registers by name when the description names a map."""

    def build_phase(self) -> None:
        harness = ConfigDB().get(self, "", "HARNESS")
        self.accesses = uvm_analysis_port("accesses", self)
        self.master = AxiLiteMaster(harness, "csr", harness.clk)
        self.monitor = AxiLiteMonitor(self.master, self._seen)
        self.registers = Registers(self.master, csr.load())

    def _seen(self, access: Access) -> None:
        self.accesses.write(access)


class Listener(uvm_analysis_export):
    """An analysis export that calls a function."""

    def __init__(self, name: str, parent: uvm_component, function: Any) -> None:
        super().__init__(name, parent)
        self._function = function

    def write(self, datum: Any) -> None:
        self._function(datum)


class Scoreboard(uvm_component):
    """Checks every packet; see :class:`switchproof.tb.scoreboard.Checker`."""

    def build_phase(self) -> None:
        settings: Settings = ConfigDB().get(self, "", "SETTINGS")
        self.model: Switch = ConfigDB().get(self, "", "MODEL")
        self.pipe: Pipe = ConfigDB().get(self, "", "PIPE")
        self.checker = Checker(settings.config, self.model, settings.seed)
        self.sent = Listener("sent", self, self.checker.sent)
        self.received = Listener("received", self, self.checker.received)


class CoverageSubscriber(uvm_component):
    """Counts what was checked; writes functional.json."""

    def build_phase(self) -> None:
        self.settings: Settings = ConfigDB().get(self, "", "SETTINGS")
        self.coverage = Coverage(self.settings.what, self.settings.config)
        self.ports = self.settings.config.ports

    def contributions(self, packets: Packets) -> None:
        """Look for contributions to engines among sent packets."""
        if "reduction" not in self.settings.what.features:
            return
        op = get(packets, "op")
        at_engine = op_vc(op) == Vc.RED
        if not at_engine.any():
            return
        at_engine &= get(packets, "dst") >= self.ports
        computed = np.isin(get(packets, "etype"), self.settings.config.etypes)
        at_engine &= computed & (get(packets, "redop") < len(RedOp)) | (op == Op.BARRIER)
        if at_engine.any():
            self.coverage.contributed(packets[at_engine])


class Environment(uvm_env):
    """Everything around one module under test."""

    def build_phase(self) -> None:
        self.settings: Settings = ConfigDB().get(self, "", "SETTINGS")
        self.pipe: Pipe = ConfigDB().get(self, "", "PIPE")
        self.ports = [
            PortAgent(f"port_{port}", self, port) for port in range(self.settings.config.ports)
        ]
        self.scoreboard = Scoreboard("scoreboard", self)
        self.subscriber = CoverageSubscriber("coverage", self)
        self.register_agent = (
            RegisterAgent("registers", self) if self.settings.what.registers else None
        )

    def connect_phase(self) -> None:
        contributions = Listener("contributions", self.subscriber, self.subscriber.contributions)
        for agent in self.ports:
            agent.monitor.sent.connect(self.scoreboard.sent)
            agent.monitor.sent.connect(contributions)
            agent.monitor.received.connect(self.scoreboard.received)
        self.scoreboard.checker.listeners.append(self.subscriber.coverage.matched)
        self.pipe.listeners.append(self._look)

    def _look(self, _: Pipe) -> None:
        for agent in self.ports:
            agent.monitor.look()
        check_violations(self.pipe, self.settings.seed)
        self.scoreboard.checker.check()
