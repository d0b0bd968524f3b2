# SPDX-License-Identifier: Apache-2.0
"""One port goes down and comes up again while the others run: only its own packets are touched."""

from __future__ import annotations

import pytest
import pyuvm

from switchproof.models.layout import EType, RedOp
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from tests.crossbar.configs import DEV4P


class Outages(BaseTest):
    """Ports whose links go down and up. What the checker does not excuse must be as ever."""

    async def fail(self, port: int) -> None:
        """Take the link of a port down."""
        await self.pipe.run(1)
        self.checker.down(port)
        self.pipe.link(port, up=False)

    async def mend(self, port: int) -> None:
        """Bring it up again."""
        await self.pipe.run(1)
        self.checker.up(port)
        self.pipe.link(port, up=True)

    async def settle(self) -> None:
        await super().settle()
        dropped, cut = int(self.checker.missed.sum()), self.checker.cut
        assert dropped, "no packet was on its way to a port that went down"
        self.env.subscriber.coverage.hit("outage.dropped", dropped)
        self.env.subscriber.coverage.hit("outage.cut", cut)


@pyuvm.test()
class PortFlaps(Outages):
    """One port after the other, in the middle of random unicast, for short and for long; when it is
    up again packets to it and from it must pass."""

    async def traffic(self) -> None:
        config, rng = self.config, self.rng
        for _ in range(3):
            for port in rng.permutation(config.ports)[:4]:
                await self.send(self.spread(traffic.unicast(rng, config, 60), 0.7))
                for _ in range(4):
                    await self.pipe.run(int(rng.integers(1, 60)))
                    await self.fail(int(port))
                    await self.pipe.run(int(rng.choice([1, 2, 5, 40, 300])))
                    await self.mend(int(port))
            await self.drain()
            self.set_stalls("random")


@pyuvm.test()
class DeadPort(Outages):
    """A port that does not come back: what goes to it is dropped, all others run at full rate."""

    stalls = "none"

    async def traffic(self) -> None:
        config, rng = self.config, self.rng
        dead = int(rng.integers(config.ports))
        await self.send(traffic.unicast(rng, config, 30))
        await self.drain()
        await self.fail(dead)
        # More to the dead port than all queues hold.
        packets = traffic.incast(rng, config, 4 * config.voq_flits, dead)
        packets[dead] = packets[dead][:0]
        await self.send(packets)
        await self.drain()
        begin = self.pipe.cycle
        packets = traffic.permutation(rng, config, 200)
        packets[dead] = packets[dead][:0]
        await self.send(packets)
        await self.drain()
        # A flit a cycle, the longest of them to the end, and the silence after it.
        longest = max(int(rows["flits"].sum()) for rows in packets)
        assert self.pipe.cycle - begin <= longest + self.quiet + 50
        await self.mend(dead)
        await self.send(traffic.unicast(rng, config, 30))


@pyuvm.test()
class MemberGoesDown(Outages):
    """Results go on to all members of a group but the one that is down."""

    async def traffic(self) -> None:
        config, rng = self.config, self.rng
        members = list(range(config.ports))
        await self.set_group(1, members)
        down = int(rng.integers(config.ports))
        for first in range(0, 60, 10):
            packets = traffic.allreduce(
                rng, config, 10, group=1, members=members, etype=EType.FP32, redop=RedOp.SUM,
                first_seq=first,
            )  # fmt: skip
            # The member that goes down has sent all it has; the others take their time.
            await self.send([rows if p == down else rows[:0] for p, rows in enumerate(packets)])
            await self.pipe.run(200)
            packets[down] = packets[down][:0]
            await self.send(self.spread(packets, 0.3))
            await self.pipe.run(int(rng.integers(1, 400)))
            await self.fail(down)
            await self.drain()
            await self.mend(down)


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8", DEV4P])
def test_port_flaps(sim, config):
    sim.run(config=config, module=__name__, testcase="PortFlaps")


def test_dead_port(sim):
    sim.run(config="dev4", module=__name__, testcase="DeadPort")


@pytest.mark.parametrize("config", ["dev4", DEV4P])
def test_member_goes_down(sim, config):
    sim.run(config=config, module=__name__, testcase="MemberGoesDown")
