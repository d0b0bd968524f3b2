# SPDX-License-Identifier: Apache-2.0
"""AllReduce and Reduce through the whole switch, with unicast around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pyuvm

from switchproof.models import packet
from switchproof.models.crossbar import ORDERED, PARTIAL, SATURATE
from switchproof.models.layout import EType, Op, RedOp
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.bench import members_of
from tests.crossbar.configs import DEV4A, DEV4P, DEV4S_LONG, DEV16


@pyuvm.test()
class AllReduce(BaseTest):
    """Each type with each operation, back to back, in groups of all sizes; random arrival."""

    #: Reductions of all kinds together, at least, and of each.
    total, least = 480, 8

    async def traffic(self) -> None:
        ports = self.config.ports
        groups = {0: list(range(ports))}
        for group in range(1, min(4, self.config.groups)):
            groups[group] = members_of(self.rng, ports, int(self.rng.integers(2, ports + 1)))
        for group, members in groups.items():
            await self.set_group(group, members)
        seq = dict.fromkeys(groups, 0)
        last = 0
        count = max(self.least, self.total // (2 * len(self.config.etypes) * len(RedOp)))
        for etype in self.config.etypes:
            for redop in RedOp:
                for op in (Op.ALLREDUCE, Op.REDUCE):
                    group = int(self.rng.choice(list(groups)))
                    if group != last:
                        # More reductions of overlapping groups than contexts could block.
                        await self.drain()
                    last = group
                    packets = traffic.allreduce(
                        self.rng, self.config, count, group=group, members=groups[group],
                        etype=etype, redop=redop, op=op, mode=self.mode(), first_seq=seq[group],
                    )  # fmt: skip
                    seq[group] += count
                    await self.send(packets)
            await self.drain()
            self.set_stalls("random")

    def mode(self) -> int:
        """Return mode bits, of those that the engines have."""
        choices = [0, SATURATE] + self.config.ordered * [ORDERED, ORDERED | SATURATE]
        return int(self.rng.choice(choices))


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
                        etype=int(self.rng.choice(self.config.etypes)),
                        redop=int(self.rng.choice(list(RedOp))), first_seq=seq[group],
                        mode=int(self.config.ordered and self.rng.random() < 0.5),
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


@pyuvm.test()
class BadContributions(BaseTest):
    """Each reason for which an engine refuses, among good reductions and unicast; then a member
    that never comes, and one that comes too late."""

    timeout = 5000
    others = 20
    #: The last member comes while it is still known that it was missing; else when that is
    #: forgotten, which is what a host behind a slow line can be sure of.
    late = True

    async def traffic(self) -> None:
        ports = self.config.ports
        self.members = list(range(1, ports))
        self.seq = 0
        await self.set_group(1, self.members)
        for bad in (
            {"etype": 6}, {"redop": 5}, {"mode": PARTIAL}, {"group": 2},
            {"group": self.config.groups}, {"op": Op.REDUCE, "root": 0},
        ):  # fmt: skip
            first, others = self.reduction(), self.reduction()
            for rows in first:
                packet.set_fields(rows, **bad)
            other = traffic.unicast(self.rng, self.config, self.others, ops=traffic.PORT_OPS)
            await self.send(traffic.shuffled(self.rng, first, others, other))
        await self.drain()
        await self.stranger()
        await self.twice()
        for other in ({"redop": RedOp.MAX}, {"etype": EType.BF16}, {"op": Op.REDUCE, "root": 1}):
            await self.unlike(**other)
        await self.missing()

    def reduction(self) -> traffic.Traffic:
        """Return a sum of group 1 under a name that was not used before."""
        self.seq += 1
        return traffic.allreduce(
            self.rng, self.config, 1, group=1, members=self.members, etype=EType.FP32,
            redop=RedOp.SUM, first_seq=self.seq,
        )  # fmt: skip

    async def only(self, packets: traffic.Traffic, *ports: int) -> None:
        """Send what some ports have, and wait until the engine has it."""
        await self.send([rows if p in ports else rows[:0] for p, rows in enumerate(packets)])
        await self.drain()

    async def stranger(self) -> None:
        """A port that is no member contributes to an open reduction."""
        packets = self.reduction()
        await self.only(packets, self.members[0])
        foreign = packets[self.members[0]].copy()
        packet.set_fields(foreign, src=0)
        await self.only([foreign, *packets[1:]], 0)
        await self.only(packets, *self.members[1:])

    async def twice(self) -> None:
        """A member contributes a second time before the others have."""
        packets = self.reduction()
        await self.only(packets, self.members[0])
        await self.only(packets, self.members[0])
        await self.only(packets, *self.members[1:])

    async def unlike(self, **fields: int) -> None:
        """A member wants something else than the first; its better self completes."""
        packets = self.reduction()
        await self.only(packets, self.members[0])
        unlike = [rows.copy() for rows in packets]
        packet.set_fields(unlike[self.members[1]], **fields)
        await self.only(unlike, self.members[1])
        await self.only(packets, *self.members[1:])

    async def missing(self) -> None:
        """The last member does not come: errors to all. It comes late: refused, once; the next time
        it begins anew, alone, so there are errors again.

        The context is free again: as many reductions as there are contexts follow.
        """
        self.set_stalls("none")
        await self.registers.write("reduction_timeout", self.timeout)
        packets = self.reduction()
        others, last = self.members[:-1], self.members[-1]
        await self.only(packets, *others)
        await self.time_out()
        if self.late:
            await self.only(packets, last)
        else:
            await self.pipe.run(self.timeout + 2 * self.config.contexts)
            self.model.engines[0].forget()
        await self.only(packets, last)
        await self.time_out()
        await self.registers.write("reduction_timeout", 0)
        parts = [self.reduction() for _ in range(self.config.contexts)]
        await self.send(traffic.joined(*parts))

    async def time_out(self) -> None:
        """What is open is given up: by the model now, by the switch soon."""
        self.checker.expect(self.model.engines[0].expire().expand())
        await self.pipe.run(self.timeout + 2 * self.config.contexts)
        await self.drain()


@pyuvm.test()
class Programs(BaseTest):
    """What programs make of contributions: a barrier, a ReduceScatter whose slices have owners, a
    barrier, and loads that bring one member what all of them hold, reduced."""

    slices = 24

    async def traffic(self) -> None:
        self.group = 1
        ports = self.config.ports
        self.members = members_of(self.rng, ports, int(self.rng.integers(2, ports + 1)))
        await self.set_group(self.group, self.members)
        self.set_stalls("random")
        await self.send(self.contributions(1, 0, op=Op.BARRIER, lengths=(0, 0)))
        await self.drain()
        owners = np.resize(self.members, self.slices)
        scattered = self.contributions(self.slices, 1, op=Op.REDUCE)
        for rows in scattered:
            if len(rows):
                packet.set_fields(rows, slice=np.arange(self.slices), root=owners)
        await self.send(scattered)
        await self.send(self.contributions(1, 100, op=Op.BARRIER, lengths=(0, 0)))
        await self.drain()
        for seq in range(200, 206):
            await self.load(seq)

    async def load(self, seq: int) -> None:
        """A member asks; when the others have heard of it they contribute, in any order."""
        asks = int(self.rng.choice(self.members))
        answers = self.contributions(1, seq, op=Op.REDUCE)
        for rows in answers:
            if len(rows):
                packet.set_fields(rows, root=asks)
        asked = answers[asks].copy()
        units = packet.get(asked, "len") - 1
        packet.set_fields(asked, op=Op.LOAD_REDUCE, root=units, len=0, poison=0)
        asked["flags"] = 0
        packet.set_flits(packet.clear_unused(asked), self.config.flit_w)
        await self.send([asked if p == asks else rows[:0] for p, rows in enumerate(answers)])
        await self.drain()
        await self.send(answers)
        await self.drain()

    def contributions(self, count: int, seq: int, **fields: Any) -> traffic.Traffic:
        """Return contributions of all members to so many reductions."""
        return traffic.allreduce(
            self.rng, self.config, count, group=self.group, members=self.members,
            etype=int(self.rng.choice(self.config.etypes)),
            redop=int(self.rng.choice(list(RedOp))), first_seq=seq, **fields,
        )  # fmt: skip


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev2", "dev4", "dev8", DEV16, DEV4P, DEV4A, DEV4S_LONG])
def test_allreduce(sim, config):
    sim.run(config=config, module=__name__, testcase="AllReduce")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8", DEV4P])
def test_overlapping_groups(sim, config):
    sim.run(config=config, module=__name__, testcase="OverlappingGroups")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8", DEV4P])
def test_allreduce_among_unicast(sim, config):
    sim.run(config=config, module=__name__, testcase="AllReduceAmongUnicast")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8", DEV4P])
def test_programs(sim, config):
    sim.run(config=config, module=__name__, testcase="Programs")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8", DEV4P])
def test_bad_contributions(sim, config):
    sim.run(config=config, module=__name__, testcase="BadContributions")
