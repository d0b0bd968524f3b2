# SPDX-License-Identifier: Apache-2.0
"""Nobody starves, and everybody gets the same share.

iSLIP alone would let a request starve when its input and its output are never free in the same
cycle: port 0 streams to itself, port 1 to itself, packets of two flits, out of step; a packet
from 0 to 1, unicast or multicast, then waits for ever. The crossbar lets pairs take turns; the
bound is in docs/crossbar.md.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import pyuvm

from switchproof.models import packet
from switchproof.models.layout import Op, Vc
from switchproof.models.packet import Packets, get
from switchproof.tb.base_test import BaseTest
from switchproof.tb.env import Listener
from switchproof.tb.pipes import concatenate
from tests.crossbar.configs import DEV4A, DEV4C_LONG, DEV4P


@pyuvm.test()
class OutOfStep(BaseTest):
    """Two streams that keep both sides of a third one busy in turns."""

    stalls = "none"
    crossings = 24
    #: What is to cross: a unicast to port 1, or a multicast to group 1, whose member port 1 is.
    op = Op.WRITE

    def end_of_elaboration_phase(self) -> None:
        self.came: list[Packets] = []
        self.went: list[Packets] = []
        self.env.ports[1].monitor.received.connect(Listener("came", self.env, self.came.append))
        self.env.ports[0].monitor.sent.connect(Listener("went", self.env, self.went.append))

    def bound(self) -> int:
        """Cycles from a lone packet's last beat in to its first beat out; docs/crossbar.md."""
        outputs = self.config.ports + self.config.engines
        pipelined = (2 * self.config.iterations + 10, 6)
        steps, latency = pipelined if self.config.pipelined else (4, 4)
        phase = 1 << (self.config.max_flits + steps - 1).bit_length()
        rounds = 1 + self.config.mcast
        return 2 * (rounds * outputs + 1) * phase + self.config.max_flits + latency

    def stream(self, port: int, flits: int | np.ndarray, dst: np.ndarray) -> Packets:
        """Return write packets of `flits` flits from a port, without pause."""
        return packet.make(
            len(dst), flit_w=self.config.flit_w, op=Op.WRITE, src=port, dst=dst,
            len=flits * self.config.flit_bytes // 16, tag=np.arange(len(dst)) & 0xFFF,
        )  # fmt: skip

    async def traffic(self) -> None:
        flits = int(os.environ["SP_FLITS"])
        # The bound is that of the packet at the head of a queue: none may wait behind another.
        every = self.bound() // flits + 2
        count = self.crossings * every
        turn = np.arange(count) % every
        for lag in range(1, flits):
            crossing = turn == every - 1
            rows = [packet.make(0, flit_w=self.config.flit_w) for _ in range(self.config.ports)]
            # Some packets of port 1 go to 0 first, so that at input 0 a queue stays, and it goes on
            # while the packet that is to cross comes in.
            rows[1] = self.stream(
                1, np.where(turn == every // 2, lag, flits), np.where(np.arange(count) < 6, 0, 1)
            )
            rows[0] = self.stream(0, flits, np.where(crossing, 1, 0))
            packet.set_fields(rows[0], op=np.where(crossing, self.op, Op.WRITE))
            # Both streams are in step when a packet has crossed; a shorter one puts them out of it.
            rows[0]["not_before"] = rows[1]["not_before"] = self.pipe.cycle + 20
            await self.send(rows)
            await self.drain()
            self.check_waits(int(crossing.sum()))

    def check_waits(self, count: int) -> None:
        """Compare what each packet from 0 to 1 waited with the bound."""
        came, went = concatenate(self.came), concatenate(self.went)
        self.came.clear()
        self.went.clear()
        came = came[get(came, "src") == 0]
        went = went[get(went, "dst") == 1]
        assert len(came) == len(went) == count
        waits = came["stamp"].astype(np.int64) - went["stamp_last"].astype(np.int64)
        worst = int(waits.max())
        assert worst <= self.bound(), f"a packet waited {worst} cycles; bound {self.bound()}"
        coverage = self.env.subscriber.coverage
        coverage.hit("fairness.out_of_step", count)
        # Not by itself: only because its turn came.
        kept_apart = int((waits > self.bound() // 4).sum())
        coverage.hit(f"fairness.kept_apart.{self.op.name.lower()}", kept_apart)


@pyuvm.test()
class MulticastOutOfStep(OutOfStep):
    """The same with a multicast between the two streams."""

    op = Op.MCAST_WRITE

    async def traffic(self) -> None:
        await self.set_group(1, [1])
        await super().traffic()


@pyuvm.test()
class EqualShares(BaseTest):
    """Every channel of every input always has a packet for output 0: each gets the same share."""

    stalls = "none"
    count = 120
    #: Share of the fair number by which one may be off.
    tolerance = 0.1
    ops = (Op.WRITE, Op.READ_RSP, Op.ALLREDUCE, Op.MGT_WRITE)

    def end_of_elaboration_phase(self) -> None:
        self.came: list[Packets] = []
        self.env.ports[0].monitor.received.connect(Listener("came", self.env, self.came.append))

    async def traffic(self) -> None:
        ports, flit_w = self.config.ports, self.config.flit_w
        await self.send(
            [
                packet.make(
                    self.count * len(self.ops), flit_w=flit_w, op=np.tile(self.ops, self.count),
                    src=port, dst=0, len=8,
                )
                for port in range(ports)
            ]
        )  # fmt: skip
        await self.drain()
        # While all still have packets: the first half, without the start.
        came = concatenate(self.came)
        came = came[len(came) // 20 : len(came) // 2]
        shares = np.zeros((ports, len(self.ops)), int)
        np.add.at(shares, (get(came, "src"), packet.op_vc(get(came, "op"))), 1)
        fair = len(came) / shares.size
        assert np.abs(shares - fair).max() <= self.tolerance * fair + 1, (
            f"packets by input and channel, {fair:.0f} would be fair:\n{shares}"
        )
        for vc in Vc:
            self.env.subscriber.coverage.hit(f"fairness.shares.{vc.name.lower()}")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4C_LONG, "dev8", DEV4P, DEV4A])
def test_equal_shares(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="EqualShares")


@pytest.mark.sim
@pytest.mark.parametrize("flits", [2, 3])
@pytest.mark.parametrize("config", ["dev2", "dev4", DEV4C_LONG, DEV4P, DEV4A])
def test_out_of_step(sim, config: str, flits: int) -> None:
    sim.run(config=config, module=__name__, testcase="OutOfStep", env={"SP_FLITS": str(flits)})


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P])
def test_multicast_out_of_step(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="MulticastOutOfStep", env={"SP_FLITS": "3"})
