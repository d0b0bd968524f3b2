# SPDX-License-Identifier: Apache-2.0
"""Unicast traffic through a switch, and through the plain example crossbar: the same tests."""

from __future__ import annotations

import numpy as np
import pytest
import pyuvm

from switchproof.models import packet
from switchproof.models.layout import MAX_UNITS, UNIT_BYTES, Op
from switchproof.models.packet import Packets
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.env import Listener
from tests.crossbar.configs import BOARD4, DEV4A, DEV4C_LONG, DEV4P, DEV4S_LONG, DEV16

SWITCH = "tb/duts/sp_switch_core.toml"
SWITCH_SIGNALS = "tb/duts/sp_switch_core_signals.toml"
SWITCH_PLAIN = "tb/duts/sp_switch_core_plain.toml"
PLAIN = "examples/axis_crossbar/dut.toml"
PLAIN_SIGNALS = "examples/axis_crossbar/dut_signals.toml"


@pyuvm.test()
class RandomUnicast(BaseTest):
    """Every pair, then uniformly random packets at several loads."""

    packets = 300

    async def traffic(self) -> None:
        await self.send(traffic.all_pairs(self.rng, self.config, 2))
        for load in (1.0, 0.4):
            packets = traffic.unicast(self.rng, self.config, self.packets)
            await self.send(self.spread(packets, load))
            await self.drain()
            self.set_stalls("random")
        # Receivers that are slow at every port, until every input has a full queue.
        self.set_stalls("slow_sink")
        await self.send(traffic.unicast(self.rng, self.config, self.packets))


@pyuvm.test()
class ShortRandomUnicast(RandomUnicast):
    """The same, small enough for the signal pipe."""

    packets = 20


@pyuvm.test()
class Incast(BaseTest):
    """All ports to one, each in turn, and a hot spot among random packets."""

    async def traffic(self) -> None:
        for target in self.rng.permutation(self.config.ports)[:4]:
            await self.send(traffic.incast(self.rng, self.config, 60, int(target)))
            await self.send(traffic.hotspot(self.rng, self.config, 60, int(target)))


@pyuvm.test()
class Permutation(BaseTest):
    """Each port to one of its own: without stalls nothing may slow it down."""

    stalls = "none"

    async def traffic(self) -> None:
        for _ in range(3):
            await self.send(traffic.permutation(self.rng, self.config, 100))
            await self.drain()


@pyuvm.test()
class EqualPaths(BaseTest):
    """IDs with 1, 2 and 4 equal paths: source and destination choose, a flow keeps its order."""

    async def traffic(self) -> None:
        config = self.config
        first = config.ports + config.engines
        ids = np.arange(first, min(first + 12, config.ids))
        for dst in ids:
            paths_log2 = int(self.rng.integers(0, min(3, config.ports.bit_length())))
            out = int(self.rng.integers(0, config.ports - (1 << paths_log2) + 1))
            self.model.set_route(None, int(dst), out, paths_log2)
            await self.registers.write(f"fwd_all[{dst}]", valid=1, out=out, paths_log2=paths_log2)
            self.env.subscriber.coverage.hit(f"paths.{1 << paths_log2}")
        # All bits of the IDs count; the IDs of sources are those of ports elsewhere.
        sources = self.rng.permutation(1 << 14)[: config.ports]
        packets = traffic.unicast(self.rng, config, 250)
        for port, rows in enumerate(packets):
            dst = self.rng.choice(ids, len(rows))
            packet.set_fields(rows, src=int(sources[port]), dst=dst)
        await self.send(packets)


@pyuvm.test()
class Latency(BaseTest):
    """Lone packets of every length: cycles from the first beat in to the first beat out."""

    stalls = "none"

    def end_of_elaboration_phase(self) -> None:
        self.went: list[Packets] = []
        self.came: list[Packets] = []
        for port in self.env.ports:
            port.monitor.sent.connect(Listener("went", port, self.went.append))
            port.monitor.received.connect(Listener("came", port, self.came.append))

    async def traffic(self) -> None:
        config = self.config
        # docs/crossbar.md: a packet is stored whole, and then takes so long.
        zero_load = 4 if not config.pipelined else 6 if config.iterations > 1 else 10
        for flits in range(1, MAX_UNITS * UNIT_BYTES // config.flit_bytes + 1):
            src, dst = self.rng.integers(0, config.ports, 2)
            rows = [packet.make(0, flit_w=config.flit_w) for _ in range(config.ports)]
            rows[src] = packet.make(
                1, flit_w=config.flit_w, op=Op.WRITE, src=src, dst=dst,
                len=flits * config.flit_bytes // 16,
            )  # fmt: skip
            await self.send(rows)
            await self.drain()
            came, went = self.came[-1], self.went[-1]
            waited = int(came["stamp"][0]) - int(went["stamp"][0])
            assert waited == zero_load + flits - 1, f"{flits} flits took {waited} cycles"


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P, BOARD4])
def test_latency(sim, config):
    sim.run(config=config, module=__name__, testcase="Latency")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8"])
def test_equal_paths(sim, config):
    sim.run(config=config, module=__name__, testcase="EqualPaths", dut=SWITCH)


@pytest.mark.sim
@pytest.mark.parametrize(
    "config", ["dev2", "dev4", DEV4C_LONG, "dev8", DEV16, DEV4P, BOARD4, DEV4A, DEV4S_LONG]
)
def test_random_unicast(sim, config):
    sim.run(config=config, module=__name__, testcase="RandomUnicast", dut=SWITCH)


@pytest.mark.long  # test_plain_crossbar_signals shows the same of a design that builds faster
@pytest.mark.parametrize("config", ["dev4"])
def test_random_unicast_signals(sim, config):
    sim.run(config=config, module=__name__, testcase="ShortRandomUnicast", dut=SWITCH_SIGNALS)


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev2", "dev4", DEV4C_LONG, DEV16, DEV4P, DEV4S_LONG])
def test_incast(sim, config):
    sim.run(config=config, module=__name__, testcase="Incast", dut=SWITCH)


@pytest.mark.parametrize("testcase", ["RandomUnicast", "Incast"])
def test_plain_stream(sim, testcase):
    """Senders that do not look at the room of a VC are held by tready."""
    # The same switch as in the other tests, so its coverage is theirs.
    sim.run(config="dev4", module=__name__, testcase=testcase, dut=SWITCH_PLAIN, coverage=False)


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4C_LONG, "dev8", DEV4P, BOARD4])
def test_permutation(sim, config):
    sim.run(config=config, module=__name__, testcase="Permutation", dut=SWITCH)


@pytest.mark.sim
@pytest.mark.parametrize("testcase", ["RandomUnicast", "Incast", "Permutation"])
@pytest.mark.parametrize("config", ["dev2", "dev4"])
def test_plain_crossbar(sim, config, testcase):
    sim.run(config=config, module=__name__, testcase=testcase, dut=PLAIN)


@pytest.mark.parametrize("config", ["dev4"])
def test_plain_crossbar_signals(sim, config):
    sim.run(config=config, module=__name__, testcase="ShortRandomUnicast", dut=PLAIN_SIGNALS)
