# SPDX-License-Identifier: Apache-2.0
"""Counters by virtual channel, latencies, levels, and marks of packets that met a long queue."""

from __future__ import annotations

import numpy as np
import pytest
import pyuvm
from numpy.typing import NDArray

from switchproof.models import packet
from switchproof.models.layout import NUM_VC, SIZES, Op, Status
from switchproof.models.packet import Packets
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.env import Listener
from switchproof.tb.pipes import HELD, concatenate
from tests.crossbar.configs import DEV4P, DEV4S_LONG

BINS = SIZES["LATENCY_BINS"]
#: Flits behind the egress buffer: on the port, and on the way to it.
BEHIND = 4


class Timed(BaseTest):
    """Keeps what went in and came out, with the times."""

    def end_of_elaboration_phase(self) -> None:
        self.went: list[Packets] = []
        self.came: list[Packets] = []
        for port in self.env.ports:
            port.monitor.sent.connect(Listener("went", port, self.went.append))
            port.monitor.received.connect(Listener("came", port, self.came.append))

    def waits(self) -> tuple[Packets, NDArray[np.int64]]:
        """Return what came, and of each its cycles from first beat in to first beat out.

        The tag names a packet among those of its source.
        """
        went, came = concatenate(self.went), concatenate(self.came)
        self.went.clear()
        self.came.clear()
        key_in, key_out = (
            packet.get(rows, "src") << 12 | packet.get(rows, "tag") for rows in (went, came)
        )
        order = np.argsort(key_in)
        assert np.diff(key_in[order]).min() > 0, "a tag was used twice"
        first = order[np.searchsorted(key_in[order], key_out)]
        return came, came["stamp"].astype(np.int64) - went["stamp"][first].astype(np.int64)

    async def by_channel(self, name: str) -> NDArray[np.int64]:
        """Return one register of every port and channel."""
        return np.array([
            [await self.registers.read(f"port_vc[{port}][{vc}].{name}") for vc in range(NUM_VC)]
            for port in range(self.config.ports)
        ])  # fmt: skip

    def tagged(self, packets: traffic.Traffic) -> traffic.Traffic:
        """Give the packets of every port tags of their own."""
        for rows in packets:
            packet.set_fields(rows, tag=np.arange(len(rows)) & 0xFFF)
        return packets


@pyuvm.test()
class Channels(BaseTest):
    """Good and bad packets of all channels, among stalls: every counter of every channel."""

    async def traffic(self) -> None:
        hit = self.env.subscriber.coverage.hit
        for port in range(self.config.ports // 2):
            await self.set_partitions(port, 0b10)
        first = self.config.ports + self.config.engines
        packets = traffic.with_bad(self.rng, self.config, 150)
        for rows in packets:
            # Responses too: they are dropped.
            lost = self.rng.random(len(rows)) < 0.1
            packet.set_fields(rows, dst=np.where(lost, first, packet.get(rows, "dst")))
        await self.send(packets)
        await self.drain()
        for again in range(2):
            wrong = []
            for port in range(self.config.ports):
                wrong += await self.check_channels(port)
            assert not wrong, "; ".join(wrong[:8])
            if again:
                break
            for name, counts in self.model.vc_counters.items():
                hit(f"counters.vc.{name}", int(counts.sum()))
            for name in ("rx_stall_cycles", "tx_stall_cycles", "voq_high", "egress_high"):
                total = 0
                for vc in range(NUM_VC):
                    value = await self.registers.read(f"port_vc[0][{vc}].{name}")
                    total += value
                    most = {"voq_high": self.config.voq_flits + self.config.voq_shared,
                            "egress_high": self.config.egress_flits}.get(name, value)  # fmt: skip
                    assert value <= most
                hit(f"counters.vc.{name}", total)
            # A clear, and everything once more.
            await self.registers.write("control", clear=1)
            for table in (self.model.counters, self.model.vc_counters):
                for values in table.values():
                    values[:] = 0
            self.checker.packets[:] = 0
            self.checker.flits[:] = 0
            assert not any([
                await self.registers.read(f"port_vc[0][{vc}].{name}")
                for vc in range(NUM_VC) for name in ("voq_high", "egress_high", "rx_flits")
            ])  # fmt: skip
            await self.send(traffic.with_bad(self.rng, self.config, 20))
            await self.drain()
        hit("counters.vc.cleared")

    async def check_counters(self) -> None:
        """Those of the ports were cleared in the middle: the pipe counted on."""


@pyuvm.test()
class Latencies(Timed):
    """The histogram of every port and channel is that of the stamps: lone packets, then load and
    receivers that stall."""

    stalls = "none"

    async def traffic(self) -> None:
        expected = np.zeros((self.config.ports, NUM_VC, BINS), np.int64)
        await self.set_group(0, list(range(self.config.ports)))
        for stalls, count, load in (("none", 20, 0.05), ("none", 150, 1.0), ("slow_sink", 60, 1.0)):
            self.set_stalls(stalls)
            kinds = [traffic.unicast(self.rng, self.config, count)]
            if self.config.mcast:
                kinds.append(traffic.multicast(self.rng, self.config, count // 10, groups=[0]))
            packets = self.tagged(traffic.shuffled(self.rng, *kinds))
            await self.send(self.spread(packets, load))
            await self.drain()
            came, waits = self.waits()
            bins = np.minimum(np.floor(np.log2(waits)).astype(np.int64), BINS - 1)
            where = came["port"].astype(np.int64), packet.op_vc(packet.get(came, "op")), bins
            np.add.at(expected, where, 1)
            got = np.array([
                await self.registers.read(f"latency[{port}][{vc}][{b}]")
                for port in range(self.config.ports) for vc in range(NUM_VC) for b in range(BINS)
            ]).reshape(expected.shape)  # fmt: skip
            assert (got == expected).all(), (
                f"{stalls}: bins of all ports and channels {got.sum((0, 1))}, "
                f"stamps say {expected.sum((0, 1))}"
            )
        for b in np.flatnonzero(expected.sum((0, 1))):
            self.env.subscriber.coverage.hit(f"counters.latency.{b}", int(expected[..., b].sum()))


@pyuvm.test()
class LongLatency(Timed):
    """A receiver holds for longer than the last bin but one reaches: the last bin has it."""

    stalls = "none"
    drain_timeout = 400_000

    async def traffic(self) -> None:
        rows = [packet.make(0) for _ in range(self.config.ports)]
        rows[0] = packet.make(1, flit_w=self.config.flit_w, op=Op.WRITE, src=0, dst=1, len=1)
        for cycles in (1 << BINS - 1, 1 << BINS):
            self.pipe.stalls(HELD, [1])
            await self.send([part.copy() for part in rows])
            await self.pipe.run(cycles + 10)
            self.pipe.stalls("none")
            await self.drain()
        assert await self.registers.read(f"latency[1][0][{BINS - 1}]") == 2
        self.env.subscriber.coverage.hit("counters.latency.last", 2)


@pyuvm.test()
class Marks(Timed):
    """Queues that are short mark nothing, queues that are long mark all that comes, and what is
    counted is what left."""

    stalls = "none"
    count = 24

    def burst(self, op: Op = Op.WRITE) -> traffic.Traffic:
        """Return writes of port 1 to port 0, or to a group of which it is the member."""
        rows = [packet.make(0) for _ in range(self.config.ports)]
        rows[1] = packet.make(
            self.count, flit_w=self.config.flit_w, op=op, src=1, dst=0, len=4,
            tag=np.arange(self.count),
        )  # fmt: skip
        return rows

    async def marks(self, packets: traffic.Traffic, hold: bool) -> NDArray[np.int64]:
        """Send; return `ecn` of the packets that came, in order of their tags."""
        if hold:
            self.pipe.stalls(HELD, [0])
            await self.send(packets)
            await self.pipe.run(400)
            self.pipe.stalls("none")
        else:
            await self.send(self.spread(packets, 0.1))
        await self.drain()
        came = concatenate(self.came)
        self.came.clear()
        return packet.get(came, "ecn")[np.argsort(packet.get(came, "tag"), kind="stable")]

    async def traffic(self) -> None:
        config, hit = self.config, self.env.subscriber.coverage.hit
        flits = int(self.burst()[1]["flits"][0])
        # Off after reset, though all queues fill.
        assert not (await self.marks(self.burst(), hold=True)).any()
        self.checker.marks = True
        # The buffer of the egress: it holds what came, but for what is behind it.
        limit = 8
        await self.registers.write("ecn_threshold", egress=limit, voq=0)
        ecn = await self.marks(self.burst(), hold=True)
        before = flits * np.arange(self.count)  # flits that came before
        fits = before < config.egress_flits // 2  # these are in the buffer at once
        assert not ecn[before < limit].any(), "marked by a buffer that was short"
        assert ecn[fits & (before >= limit + BEHIND)].all(), "not marked by a buffer that was long"
        assert (fits & (before >= limit + BEHIND)).any()
        assert not (await self.marks(self.burst(), hold=False)).any(), "marked by an empty buffer"
        await self.check_marks("egress")
        # The VOQ, or the queue of multicasts: it fills when the egress has no more room; from then
        # on all are marked.
        await self.registers.write("ecn_threshold", egress=0, voq=limit)
        await self.set_group(0, [0])
        for op in (Op.WRITE, Op.MCAST_WRITE)[: 1 + config.mcast]:
            ecn = await self.marks(self.burst(op), hold=True)
            assert ecn.any() and not ecn[before < limit].any()
            # Those that came while nothing left: a longest packet and 12 flits are kept free.
            stored = before < config.voq_flits - config.max_flits - 12 + config.egress_flits // 2
            first = int(np.argmax(ecn))
            assert ecn[first : int(stored.sum())].all(), "not marked by a queue that grew"
            ecn = await self.marks(self.burst(op), hold=False)
            assert not ecn.any(), "marked by an empty queue"
        await self.check_marks("voq")
        # A mark that came stays and is not counted; answers have none.
        await self.registers.write("ecn_threshold", egress=1, voq=1)
        counted = self.checker.marked.sum()
        marked = self.burst()
        packet.set_fields(marked[1], ecn=1)
        assert (await self.marks(marked, hold=True)).all()
        assert self.checker.marked.sum() == counted
        refused = self.burst()
        packet.set_fields(refused[1], dst=config.ids)
        refused[0], refused[1] = refused[1], refused[0]
        packet.set_fields(refused[0], src=0, ecn=np.arange(self.count) & 1)
        assert not (await self.marks(refused, hold=True)).any()
        assert self.model.counters[f"refused_{Status.DST.name.lower()}"][0] == self.count
        hit("ecn.answers_have_none", self.count)
        # All at once, with bad packets: what is counted is what left.
        await self.registers.write("ecn_threshold", egress=6, voq=6)
        self.set_stalls("random")
        await self.send(traffic.with_bad(self.rng, config, 150, 0.2))
        await self.drain()
        await self.check_marks("both")

    async def check_marks(self, where: str) -> None:
        """Compare the counters of marks with the marks of what left."""
        voq = (await self.by_channel("voq_marked")).sum(0)
        egress = await self.by_channel("egress_marked")
        marked = self.checker.marked
        assert (voq + egress.sum(0) == marked.sum(0)).all(), (
            f"{voq} + {egress.sum(0)} marks by channel counted, {marked.sum(0)} left"
        )
        assert (egress <= marked).all()
        self.env.subscriber.coverage.hit(f"ecn.{where}", int(marked.sum()))


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8", DEV4P, DEV4S_LONG])
def test_channels(sim, config):
    sim.run(config=config, module=__name__, testcase="Channels")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev2", "dev4", DEV4P, DEV4S_LONG])
def test_latencies(sim, config):
    sim.run(config=config, module=__name__, testcase="Latencies")


@pytest.mark.parametrize("config", ["dev2"])
def test_long_latency(sim, config):
    sim.run(config=config, module=__name__, testcase="LongLatency")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P, DEV4S_LONG])
def test_marks(sim, config):
    sim.run(config=config, module=__name__, testcase="Marks")
