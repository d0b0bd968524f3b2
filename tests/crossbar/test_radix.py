# SPDX-License-Identifier: Apache-2.0
"""Switches as large as a rack: what `make sim PORTS=64` and more runs.

Fewer tests than for small switches, since a cycle costs more: what grows with the radix is the
number of queues, of requests and of members of a group. The rest is the same text with another
parameter, and is tested where it is fast.
"""

from __future__ import annotations

import numpy as np
import pytest
import pyuvm

from switchproof.models.layout import Op, RedOp
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.bench import members_of

#: Those of a rack. The smallest is part of `make test`.
RACKS = [
    "rack64",
    pytest.param("rack72", marks=pytest.mark.long),
    pytest.param("upn512", marks=pytest.mark.long),
]
#: Seconds for the largest on a slow machine.
TIMEOUT = 1800.0


@pyuvm.test()
class RackUnicast(BaseTest):
    """Every pair again and again, all ports at high load for many cycles, nothing held back."""

    stalls = "none"
    cycles = 10_000
    load = 0.9
    #: What must come out of a port, on average, in each of those cycles.
    carried = 0.8

    async def traffic(self) -> None:
        parts: list[traffic.Traffic] = []
        # Some more than can leave in that time, so that no port runs out of packets.
        wanted, flits = 1.05 * self.load * self.cycles, 0.0
        while flits < wanted:
            parts.append(traffic.all_pairs(self.rng, self.config))
            flits += float(np.mean([rows["flits"].sum() for rows in parts[-1]]))
        before = self.pipe.stats()["flits_out"].astype(int)
        await self.send(self.spread(traffic.joined(*parts), self.load))
        await self.pipe.run(self.cycles)
        moved = self.pipe.stats()["flits_out"].astype(int) - before
        assert moved.all(), f"nothing came out of ports {np.flatnonzero(moved == 0)}"
        mean = float(moved.mean()) / self.cycles
        assert mean >= self.carried, f"an output carried {mean:.3f} flits a cycle"
        self.logger.info("%.3f flits a cycle and output, at least %d", mean, moved.min())


@pyuvm.test()
class RackAllReduce(BaseTest):
    """Groups of all ports and of half of them, each type with each operation, one behind another;
    ports stall at random. The engine takes a flit a cycle, so vectors are short."""

    async def traffic(self) -> None:
        ports = self.config.ports
        groups = {0: list(range(ports)), 1: members_of(self.rng, ports, ports // 2)}
        for group, members in groups.items():
            await self.set_group(group, members)
        self.set_stalls("light")
        kinds = [(e, r) for e in self.config.etypes for r in RedOp]
        for seq, (etype, redop) in enumerate(kinds):
            for group, members in groups.items():
                await self.send(
                    traffic.allreduce(
                        self.rng, self.config, 1, group=group, members=members, etype=etype,
                        redop=redop, op=Op.ALLREDUCE, lengths=(1, 4), first_seq=seq, poison=0.0,
                    )
                )  # fmt: skip


@pyuvm.test()
class RackMulticast(BaseTest):
    """Some ports multicast to all ports and to half of them, all ports to destinations in a member
    set, among unicasts; ports stall."""

    async def traffic(self) -> None:
        ports = self.config.ports
        for group, members in enumerate((range(ports), members_of(self.rng, ports, ports // 2))):
            await self.set_group(group, list(members))
        self.set_stalls("light")
        some = members_of(self.rng, ports, min(8, ports))
        await self.send(
            traffic.shuffled(
                self.rng,
                traffic.multicast(
                    self.rng, self.config, 4, groups=[0, 1], senders=some, lengths=(1, 4)
                ),
                traffic.sparse(self.rng, self.config, 2, lengths=(1, 4)),
                traffic.unicast(self.rng, self.config, 4),
            )
        )


@pyuvm.test()
class RackIncast(BaseTest):
    """All ports to one, and a hot spot among packets to all: what is not meant for it goes on."""

    #: Flits to the one port, about.
    flits = 3_000

    async def traffic(self) -> None:
        ports = self.config.ports
        each = max(1, self.flits // (8 * ports))
        target = int(self.rng.integers(0, ports))
        sources: set[int] = set()
        self.checker.listeners.append(
            lambda expected, got: sources.update(expected["tail"][got["port"] == target].tolist())
        )
        await self.send(traffic.incast(self.rng, self.config, each, target))
        await self.drain()
        # Every input has got through to the one output.
        self.env.subscriber.coverage.hit("rack.incast", sources >= set(range(ports)))
        await self.send(traffic.hotspot(self.rng, self.config, 8 * each, target, 1 / 8))


@pytest.mark.radix
@pytest.mark.parametrize("config", RACKS)
def test_rack_unicast(sim, config):
    sim.run(config=config, module=__name__, testcase="RackUnicast", timeout=TIMEOUT)


@pytest.mark.radix
@pytest.mark.parametrize("config", RACKS)
def test_rack_allreduce(sim, config):
    sim.run(config=config, module=__name__, testcase="RackAllReduce", timeout=TIMEOUT)


@pytest.mark.radix
@pytest.mark.parametrize("config", RACKS)
def test_rack_multicast(sim, config):
    sim.run(config=config, module=__name__, testcase="RackMulticast", timeout=TIMEOUT)


@pytest.mark.radix
@pytest.mark.parametrize("config", RACKS)
def test_rack_incast(sim, config):
    sim.run(config=config, module=__name__, testcase="RackIncast", timeout=TIMEOUT)
