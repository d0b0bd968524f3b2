# SPDX-License-Identifier: Apache-2.0
"""Packets that the ingress refuses: each reason is answered and counted, and traffic goes on."""

from __future__ import annotations

import pytest
import pyuvm

from switchproof.models import packet
from switchproof.models.layout import Op, Status
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from tests.crossbar.configs import DEV4C_LONG, DEV4P, DEV4S_LONG


@pyuvm.test()
class BadPackets(BaseTest):
    """Every reason alone, then all among good packets; at last a good round."""

    #: Packets a port in each of these rounds.
    alone, mixed, good = 20, 200, 50

    async def traffic(self) -> None:
        for reason in (Status.VERSION, Status.OP, Status.LEN, Status.DST):
            await self.send(traffic.with_bad(self.rng, self.config, self.alone, 1.0, [reason]))
            await self.drain()
        await self.send(traffic.with_bad(self.rng, self.config, self.mixed))
        await self.send(traffic.unicast(self.rng, self.config, self.good))


@pyuvm.test()
class RefusedResponses(BaseTest):
    """A response that cannot go on is dropped and counted, never answered."""

    async def traffic(self) -> None:
        first = self.config.ports + self.config.engines
        packets = traffic.unicast(self.rng, self.config, 100, ops=[Op.READ_RSP, Op.WRITE_RSP])
        for rows in packets:
            bad = self.rng.random(len(rows)) < 0.3
            packet.set_fields(
                rows, dst=packet.get(rows, "dst") + first * bad
            )  # beyond the last routed ID
        await self.send(packets)


@pyuvm.test()
class NotForEngines(BaseTest):
    """Only contributions may go to an engine."""

    async def traffic(self) -> None:
        packets = traffic.unicast(self.rng, self.config, 100, ops=traffic.PORT_OPS)
        for rows in packets:
            chosen = self.rng.random(len(rows)) < 0.3
            dst = packet.get(rows, "dst")
            dst[chosen] = self.config.ports
            packet.set_fields(rows, dst=dst)
        await self.send(packets)


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev2", "dev4", DEV4C_LONG, "dev8", DEV4P, DEV4S_LONG])
def test_bad_packets(sim, config):
    sim.run(config=config, module=__name__, testcase="BadPackets")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4C_LONG, DEV4P])
def test_refused_responses(sim, config):
    sim.run(config=config, module=__name__, testcase="RefusedResponses")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P])
def test_not_for_engines(sim, config):
    sim.run(config=config, module=__name__, testcase="NotForEngines")
