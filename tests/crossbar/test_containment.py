# SPDX-License-Identifier: Apache-2.0
"""One port goes down and comes up again while the others run: only its own packets are touched."""

from __future__ import annotations

import numpy as np
import pytest
import pyuvm

from switchproof.models import packet
from switchproof.models.layout import EType, RedOp
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.pipes import HELD, concatenate, pick
from tests.crossbar.configs import DEV4C_LONG, DEV4P, DEV4S_LONG


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
        self.checker.up(port, self.pipe.cycle)
        self.pipe.link(port, up=True)

    async def settle(self) -> None:
        await super().settle()
        dropped, cut = int(self.checker.missed.sum()), self.checker.cut
        assert dropped, "no packet was on its way to a port that went down"
        self.env.subscriber.coverage.hit("outage.dropped", dropped)
        self.env.subscriber.coverage.hit("outage.cut", cut)
        if self.config.cut_through:
            self.env.subscriber.coverage.hit("cut.link_down", cut)


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
        self.dead = int(rng.integers(config.ports))
        await self.send(traffic.unicast(rng, config, 30))
        await self.drain()
        # Its receiver takes nothing, so that all queues to it are full when it goes down.
        self.pipe.stalls(HELD, [self.dead])
        packets = traffic.incast(rng, config, 4 * config.voq_flits, self.dead)
        packets[self.dead] = packets[self.dead][:0]
        await self.send(packets)
        await self.pipe.run(10 * config.voq_flits)
        await self.fail(self.dead)
        await self.drain()
        begin, came = self.pipe.cycle, []
        self.checker.listeners.append(lambda _, rows: came.append(rows))
        # Each port to the one behind it in some order: somebody sends to the dead one.
        order = rng.permutation(config.ports)
        behind = np.empty_like(order)
        behind[order] = np.roll(order, 1)
        packets = traffic.unicast(rng, config, 200, outputs=behind)
        packets[self.dead] = packets[self.dead][:0]
        await self.send(packets)
        await self.drain()
        # A flit a cycle at all ports but the one that gets answers between its packets.
        to_dead = [len(rows) > 0 and packet.get(rows, "dst")[0] == self.dead for rows in packets]
        flits = [int(rows["flits"].sum()) for rows in packets]
        rows = concatenate(came)
        others = pick(rows, rows["port"] != to_dead.index(True))
        assert int(others["stamp_last"].max()) - begin <= max(flits) + 50
        self.pipe.stalls("none", [self.dead])
        await self.mend(self.dead)
        await self.send(traffic.unicast(rng, config, 30))

    async def check_counters(self) -> None:
        """What did not come to the dead port was dropped, or refused with or without an answer."""
        await super().check_counters()
        ports = range(self.config.ports)
        count = {
            name: [await self.registers.read(f"port[{port}].{name}") for port in ports]
            for name in ("tx_dropped", "rx_discarded", "refused_dst", "dropped_responses")
        }
        silent = sum(count["dropped_responses"])
        assert self.checker.refused > 0 and silent > 0
        assert sum(count["refused_dst"]) == self.checker.refused + silent
        assert count["tx_dropped"][self.dead] == self.checker.missed[self.dead] - silent > 0
        assert sum(count["tx_dropped"]) == count["tx_dropped"][self.dead]
        assert sum(count["rx_discarded"]) == 0


@pyuvm.test()
class ShutPort(Outages):
    """A register shuts a port whose partner goes on sending, in mid-packet: whole packets pass when
    it is open again, and what was discarded is counted."""

    async def traffic(self) -> None:
        config, rng = self.config, self.rng
        shut = int(rng.integers(config.ports))
        self.checker.may_lose(shut)
        for _ in range(4):
            packets = [rows[:0] for rows in traffic.unicast(rng, config, 1)]
            rows = traffic.unicast(rng, config, 80)[shut]
            packets[shut] = rows[packet.get(rows, "dst") != shut]
            await self.send(packets)
            for _ in range(3):
                await self.pipe.run(int(rng.integers(20, 60)))
                await self.registers.write(f"rights[{shut}].partitions", shut=1, mask=1)
                await self.pipe.run(int(rng.integers(1, 40)))
                await self.registers.write(f"rights[{shut}].partitions", shut=0, mask=1)
            await self.drain()
            self.set_stalls("random")
        self.checker.may_lose(shut, False)
        await self.send(traffic.unicast(rng, config, 30))
        await self.drain()
        self.shut = shut

    async def check_counters(self) -> None:
        """Nothing else is missing than what was discarded."""
        await super().check_counters()
        discarded = await self.registers.read(f"port[{self.shut}].rx_discarded")
        assert 0 < discarded == self.checker.missed.sum()


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


@pyuvm.test()
class MulticastMemberFlaps(Outages):
    """A member goes down in mid fan-out and comes up again: multicasts go on to all others, and
    what is sent to it later reaches it."""

    async def traffic(self) -> None:
        config, rng = self.config, self.rng
        members = list(range(config.ports))
        await self.set_group(1, members)
        for _ in range(4):
            down = int(rng.integers(config.ports))
            packets = traffic.shuffled(
                rng, traffic.multicast(rng, config, 20, groups=[1]), traffic.sparse(rng, config, 20)
            )
            await self.send(packets)
            for _ in range(3):
                await self.pipe.run(int(rng.integers(20, 150)))
                await self.fail(down)
                await self.pipe.run(int(rng.choice([1, 5, 60])))
                await self.mend(down)
            await self.drain()
            self.set_stalls("random")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev4c", "dev8", DEV4P, DEV4S_LONG])
def test_port_flaps(sim, config):
    sim.run(config=config, module=__name__, testcase="PortFlaps")


@pytest.mark.parametrize("config", ["dev4", DEV4C_LONG, DEV4P])
def test_dead_port(sim, config):
    sim.run(config=config, module=__name__, testcase="DeadPort")


@pytest.mark.parametrize("config", ["dev4", DEV4C_LONG, DEV4P])
def test_shut_port(sim, config):
    sim.run(config=config, module=__name__, testcase="ShutPort")


@pytest.mark.parametrize("config", ["dev4", DEV4C_LONG, DEV4P])
def test_member_goes_down(sim, config):
    sim.run(config=config, module=__name__, testcase="MemberGoesDown")


@pytest.mark.parametrize("config", ["dev4", DEV4C_LONG, DEV4P])
def test_multicast_member_flaps(sim, config):
    sim.run(config=config, module=__name__, testcase="MulticastMemberFlaps")
