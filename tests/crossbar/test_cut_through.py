# SPDX-License-Identifier: Apache-2.0
"""Cut-through: packets leave while they come in, and with the error mark if they turn out bad."""

from __future__ import annotations

import numpy as np
import pytest
import pyuvm

from switchproof.models import packet
from switchproof.models.layout import EType, Op, RedOp
from switchproof.models.packet import FLAG_ERR, Packets
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.env import Listener
from switchproof.tb.pipes import HELD, Stalls, concatenate, pick

CONFIG = "dev4c"
#: A source that sends nothing more.
STOPPED = Stalls(gap=1 - 2**-31)


class Watched(BaseTest):
    """Keeps what goes in and what comes out."""

    def end_of_elaboration_phase(self) -> None:
        self.went: list[Packets] = []
        self.came: list[Packets] = []
        for port in self.env.ports:
            port.monitor.sent.connect(Listener("went", port, self.went.append))
            port.monitor.received.connect(Listener("came", port, self.came.append))

    def nothing(self) -> traffic.Traffic:
        """Return no packets, for each port."""
        return [packet.make(0, flit_w=self.config.flit_w) for _ in range(self.config.ports)]

    def writes(self, count: int, src: int, dst: int, units: int) -> Packets:
        """Return write requests with random payload."""
        rows = packet.make(
            count, flit_w=self.config.flit_w, op=Op.WRITE, src=src, dst=dst, len=units,
            tag=np.arange(count) & 0xFFF,
        )  # fmt: skip
        rows["data"][:, : units * 16] = self.rng.integers(1, 256, (count, units * 16))
        return rows


@pyuvm.test()
class CutLatency(Watched):
    """On an idle switch the first beat leaves four cycles after it came, whatever the length, and
    every other one four cycles after its own."""

    stalls = "none"

    async def traffic(self) -> None:
        rows = self.nothing()
        start, longest = self.pipe.cycle + 100, 16
        for units in range(1, longest + 1):
            src, dst = (int(port) for port in self.rng.integers(0, self.config.ports, 2))
            row = self.writes(1, src, dst, units)
            row["not_before"] = start + 50 * units
            rows[src] = concatenate([rows[src], row])
        await self.send(rows)
        await self.drain()
        came, went = concatenate(self.came), concatenate(self.went)
        came, went = (rows[np.argsort(rows["stamp"])] for rows in (came, went))
        assert packet.get(went, "len").tolist() == list(range(1, longest + 1))
        for stamp in ("stamp", "stamp_last"):
            waited = came[stamp].astype(np.int64) - went[stamp].astype(np.int64)
            assert (waited == 4).all(), f"{stamp}, by length: {waited.tolist()} cycles"
        self.env.subscriber.coverage.hit("cut.latency", longest)


@pyuvm.test()
class CutEverything(Watched):
    """Unicasts of every kind, packets that turn out bad, multicasts and reductions at once, while
    senders and receivers pause."""

    rounds = 3

    async def traffic(self) -> None:
        config, rng = self.config, self.rng
        members = list(range(config.ports))
        await self.set_group(0, members)
        for stalls in ("slow_source", "heavy", "bursts")[: self.rounds]:
            self.set_stalls(stalls)
            rows = traffic.with_bad(rng, config, 150)
            await self.send(self.spread(rows, 0.8))
            await self.send(traffic.multicast(rng, config, 20, groups=[0]))
            await self.send(traffic.sparse(rng, config, 20))
            await self.send(
                traffic.allreduce(
                    rng, config, 20, group=0, members=members, etype=EType.FP32, redop=RedOp.MAX,
                )
            )  # fmt: skip
            await self.drain()
        came = concatenate(self.came)
        span = came["stamp_last"].astype(np.int64) - came["stamp"].astype(np.int64) + 1
        coverage = self.env.subscriber.coverage
        coverage.hit("cut.gaps", int((span > came["flits"]).sum()))
        coverage.hit("cut.spoilt", int((came["flags"] & FLAG_ERR != 0).sum()))


@pyuvm.test()
class TurnsBad(Watched):
    """Every number of beats to every announced length, to an output that is free and to one that is
    not, so that the packet turns out bad after it has begun to leave, and before."""

    stalls = "none"

    async def traffic(self) -> None:
        config, coverage = self.config, self.env.subscriber.coverage
        longest = config.max_flits
        for held in (False, True):
            target = int(self.rng.integers(config.ports))
            source = (target + 1) % config.ports
            if held:
                self.pipe.stalls(HELD, [target])
                rows = self.nothing()
                other = (target + 2) % config.ports
                rows[other] = self.writes(config.egress_flits // 16 + 1, other, target, 16)
                await self.send(rows)
                await self.pipe.run(200)
            announced, beats = np.mgrid[1:17, 1 : longest + 1].reshape(2, -1)
            order = self.rng.permutation(len(beats))
            rows = self.nothing()
            rows[source] = self.writes(len(beats), source, target, 16)
            packet.set_fields(rows[source], len=announced[order])
            rows[source]["flits"] = beats[order]
            # Behind what comes and what is announced there is nothing.
            limit = np.maximum(announced[order], beats[order]) * config.flit_bytes
            behind = np.arange(rows[source]["data"].shape[1]) >= limit[:, None]
            rows[source]["data"][behind] = 0
            await self.send(rows)
            if held:
                await self.pipe.run(400)
                self.pipe.stalls("none", [target])
            await self.drain()
        came = concatenate(self.came)
        spoilt = pick(came, came["flags"] & FLAG_ERR != 0)
        units = packet.get(spoilt, "len")
        for length in range(2, 17):
            assert int((units == length).sum()) == 2 * (longest - 2), length
            coverage.hit("cut.bad", int((units == length).sum()))
        answers = packet.get(came, "op") == Op.ERROR
        assert int(answers.sum()) == 2 * (longest - 1 + 15), int(answers.sum())
        coverage.hit("cut.answered", int(answers.sum()))

    async def check_counters(self) -> None:
        """The check bits of flits that the ingress made, and of marks, are right."""
        await super().check_counters()
        for port in range(self.config.ports):
            for name in ("ecc_corrected", "ecc_failed"):
                assert await self.registers.read(f"port[{port}].{name}") == 0
        self.env.subscriber.coverage.hit("cut.check_bits")


@pyuvm.test()
class SenderStops(Watched):
    """A sender that stops in mid-packet holds its output no longer than it may; what it sends of
    the packet later is discarded, and its next one passes."""

    stalls = "none"
    pause = 60

    async def traffic(self) -> None:
        config, coverage = self.config, self.env.subscriber.coverage
        await self.registers.write("cut_timeout", cycles=self.pause)
        self.source = int(self.rng.integers(config.ports))
        target = (self.source + 1) % config.ports
        other = (self.source + 2) % config.ports
        self.checker.may_lose(self.source)
        times = 4
        for _ in range(times):
            self.came.clear()
            rows = self.nothing()
            rows[self.source] = self.writes(1, self.source, target, 16)
            await self.send(rows)
            # The rings are filled before the first beat leaves; so the number of beats is as it is.
            begin = int(self.pipe.stats()["flits_in"][self.source])
            while int(self.pipe.stats()["flits_in"][self.source]) - begin < 1:
                await self.pipe.run(1)
            await self.pipe.run(int(self.rng.integers(0, 8)))
            self.pipe.stalls(STOPPED, [self.source])
            stopped = self.pipe.cycle
            assert 0 < int(self.pipe.stats()["flits_in"][self.source]) - begin < 16
            rows = self.nothing()
            rows[other] = self.writes(4, other, target, 8)
            await self.send(rows)
            await self.pipe.run(4 * self.pause)
            came = concatenate(self.came)
            assert len(came) == 5, f"{len(came)} packets left while the sender stood still"
            spoilt = pick(came, packet.get(came, "src") == self.source)
            assert spoilt["flags"][0] & FLAG_ERR and spoilt["flits"][0] == 16
            # 16 flits of it, and as many of the cycles of `run` as the switch did not see.
            late = int(spoilt["stamp_last"][0]) - stopped - self.pause
            assert -2 <= late <= 16 + 4, late
            coverage.hit("cut.timeout")
            self.pipe.stalls("none", [self.source])
            await self.drain()
        self.stopped = times
        # Zero: it may pause for ever.
        await self.registers.write("cut_timeout", cycles=0)
        self.checker.may_lose(self.source, False)
        rows = self.nothing()
        rows[self.source] = self.writes(2, self.source, target, 16)
        await self.send(rows)
        await self.pipe.run(12)
        self.pipe.stalls(STOPPED, [self.source])
        await self.pipe.run(3000)
        self.pipe.stalls("none", [self.source])
        await self.drain()

    async def check_counters(self) -> None:
        """Each was counted, as one of a wrong length."""
        await super().check_counters()
        refused = await self.registers.read(f"port[{self.source}].refused_len")
        assert refused == self.stopped


@pyuvm.test()
class GoesDown(Watched):
    """The link of a sender goes down behind each of its beats, also when only the last one is
    missing: what has left is filled and marked, and the packet comes whole when it is sent anew."""

    stalls = "none"

    async def traffic(self) -> None:
        config, coverage = self.config, self.env.subscriber.coverage
        source = int(self.rng.integers(config.ports))
        target = (source + 1) % config.ports
        missing = set()
        for flits in (2, 3, 5):
            for delay in range(flits):
                rows = self.nothing()
                rows[source] = self.writes(1, source, target, flits * config.flit_bytes // 16)
                begin = int(self.pipe.stats()["flits_in"][source])
                await self.send(rows)
                while (came := int(self.pipe.stats()["flits_in"][source]) - begin) == 0:
                    await self.pipe.run(1)
                for _ in range(delay):
                    await self.pipe.run(1)
                self.pipe.stalls(STOPPED, [source])
                await self.pipe.run(4)
                came = int(self.pipe.stats()["flits_in"][source]) - begin
                if came < flits:
                    missing.add(flits - came)
                before = self.checker.cut
                self.checker.down(source)
                self.pipe.link(source, up=False)
                await self.pipe.run(20)
                self.pipe.stalls("none", [source])
                await self.pipe.run(1)
                self.checker.up(source, self.pipe.cycle)
                self.pipe.link(source, up=True)
                await self.drain()
                self.checker.check(force=True)
                assert self.checker.cut - before == (came < flits), (flits, came)
        assert {1, 2} <= missing, missing
        for count in missing:
            coverage.hit("cut.link_down", count)


@pytest.mark.sim
def test_cut_latency(sim) -> None:
    sim.run(config=CONFIG, module=__name__, testcase="CutLatency")


@pytest.mark.long  # test_every_cycle[dev4c-6000-60] shows the most of it
def test_everything(sim) -> None:
    sim.run(config=CONFIG, module=__name__, testcase="CutEverything")


@pytest.mark.sim
def test_turns_bad(sim) -> None:
    sim.run(config=CONFIG, module=__name__, testcase="TurnsBad")


def test_sender_stops(sim) -> None:
    sim.run(config=CONFIG, module=__name__, testcase="SenderStops")


def test_goes_down(sim) -> None:
    sim.run(config=CONFIG, module=__name__, testcase="GoesDown")
