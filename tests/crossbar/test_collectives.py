# SPDX-License-Identifier: Apache-2.0
"""AllReduce and Reduce through the whole switch, with unicast around them."""

from __future__ import annotations

import pytest
import pyuvm

from switchproof.models.crossbar import ENGINE_ETYPES, ENGINE_REDOPS
from switchproof.models.layout import Op
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest, members_of


@pyuvm.test()
class AllReduce(BaseTest):
    """Each type with each operation, back to back, in groups of all sizes; random arrival."""

    count = 40

    async def traffic(self) -> None:
        ports = self.config.ports
        groups = {0: list(range(ports))}
        for group in range(1, min(4, self.config.groups)):
            groups[group] = members_of(self.rng, ports, int(self.rng.integers(2, ports + 1)))
        for group, members in groups.items():
            await self.set_group(group, members)
        seq = dict.fromkeys(groups, 0)
        last = 0
        for etype in ENGINE_ETYPES:
            for redop in ENGINE_REDOPS:
                for op in (Op.ALLREDUCE, Op.REDUCE):
                    group = int(self.rng.choice(list(groups)))
                    if group != last:
                        # More reductions of overlapping groups than contexts could block.
                        await self.drain()
                    last = group
                    packets = traffic.allreduce(
                        self.rng, self.config, self.count, group=group, members=groups[group],
                        etype=etype, redop=redop, op=op, first_seq=seq[group],
                    )  # fmt: skip
                    seq[group] += self.count
                    await self.send(packets)
            await self.drain()
            self.set_stalls("random")


@pyuvm.test()
class OverlappingGroups(BaseTest):
    """As many reductions as there are contexts, of groups that overlap, each member in an order of
    its own: nothing may block."""

    rounds = 25

    async def traffic(self) -> None:
        ports = self.config.ports
        groups = {}
        for group in range(min(6, self.config.groups)):
            groups[group] = members_of(self.rng, ports, int(self.rng.integers(2, ports + 1)))
            await self.set_group(group, groups[group])
        seq = dict.fromkeys(groups, 0)
        for _ in range(self.rounds):
            parts = []
            for _ in range(self.config.contexts):
                group = int(self.rng.choice(list(groups)))
                parts.append(
                    traffic.allreduce(
                        self.rng, self.config, 1, group=group, members=groups[group],
                        etype=int(self.rng.choice(ENGINE_ETYPES)),
                        redop=int(self.rng.choice(ENGINE_REDOPS)), first_seq=seq[group],
                    )
                )  # fmt: skip
                seq[group] += 1
            await self.send(traffic.shuffled(self.rng, *parts))
            await self.drain()


@pyuvm.test()
class AllReduceAmongUnicast(BaseTest):
    """Reductions while requests and responses cross every port."""

    async def traffic(self) -> None:
        members = list(range(self.config.ports))
        await self.set_group(3, members)
        reductions = traffic.allreduce(
            self.rng, self.config, 60, group=3, members=members, etype=0, redop=0
        )
        other = traffic.unicast(self.rng, self.config, 150, ops=traffic.PORT_OPS)
        await self.send(traffic.shuffled(self.rng, reductions, other))


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev2", "dev4", "dev8", "dev16"])
def test_allreduce(sim, config):
    sim.run(config=config, module=__name__, testcase="AllReduce")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8"])
def test_overlapping_groups(sim, config):
    sim.run(config=config, module=__name__, testcase="OverlappingGroups")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8"])
def test_allreduce_among_unicast(sim, config):
    sim.run(config=config, module=__name__, testcase="AllReduceAmongUnicast")
