# SPDX-License-Identifier: Apache-2.0
"""The model of the crossbar in time against RTL: every port in every cycle.

The pipe records what it drives and what the ports show. The model gets what was driven, and must
show the same: `tready` and `vc_room` of every input, `tvalid` of every output, the grants to every
engine, and which packet has its first and last beat where and when.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pytest
import pyuvm
from numpy.typing import NDArray

from switchproof.models import packet, profiles, scheduling
from switchproof.models.crossbar import Switch
from switchproof.models.layout import EType, Op, RedOp, Status
from switchproof.models.packet import Packets
from switchproof.models.profiles import Config
from switchproof.models.scheduling import Arrivals, Replay, Shown, Stimulus
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.bench import members_of
from switchproof.tb.env import Listener
from switchproof.tb.pipes import Record, RingPipe, Stalls

#: What is kept of a packet that came out.
CAME = np.dtype([("hdr", "V16"), ("stamp", "<u8"), ("stamp_last", "<u8")])
#: Cycles that are compared at once.
CHUNK = 1 << 16
#: The pipelined form with as many ports as the largest everyday switch, without what keeps no time.
DEV16P = profiles.get("dev16").replace(pipelined=1, counters=0, ecc=0)


@pyuvm.test()
class EveryCycle(BaseTest):
    """Unicast, incast, refused packets and reductions, in front of receivers of every kind."""

    #: Cycles for which a sender may pause in a packet that is cut through; None: as after reset.
    pause: int | None = None

    def end_of_elaboration_phase(self) -> None:
        ports = self.config.ports
        #: Packets that a port sends in a round.
        self.count = int(os.environ["SP_PACKETS"])
        self.routed = Switch(self.config)
        traffic.program(self.routed, self.config)
        self.went: list[list[Arrivals]] = [[] for _ in range(ports)]
        self.came: list[list[NDArray]] = [[] for _ in range(ports)]
        for port, agent in enumerate(self.env.ports):
            agent.monitor.sent.connect(Listener("went", agent, self.keep_sent(port)))
            agent.monitor.received.connect(Listener("came", agent, self.keep_received(port)))

    def keep_sent(self, port: int):
        def keep(rows: Packets) -> None:
            self.went[port].append(scheduling.arrivals(self.routed, port, rows))

        return keep

    def keep_received(self, port: int):
        def keep(rows: Packets) -> None:
            kept = np.zeros(len(rows), CAME)
            kept["hdr"] = _opaque(rows["hdr"])
            kept["stamp"], kept["stamp_last"] = rows["stamp"], rows["stamp_last"]
            self.came[port].append(kept)

        return keep

    async def bring_up(self) -> None:
        assert isinstance(self.pipe, RingPipe)
        self.pipe.record(True)
        await super().bring_up()

    async def traffic(self) -> None:
        rng, config = self.rng, self.config
        cycles = int(os.environ["SP_CYCLES"])
        round_ = 0
        members: list[int] = []
        while self.pipe.cycle < cycles:
            if round_ % 8 == 0 and config.engines:
                # A group changes when nothing is open. One group at a time: contexts are few.
                await self.drain()
                members = members_of(rng, config.ports, int(rng.integers(2, config.ports + 1)))
                await self.set_group(0, members)
                self.routed.set_group(0, sum(1 << port for port in members))
            self.set_stalls("random" if round_ % 3 == 2 else "none")
            load = float(rng.choice([0.3, 0.7, 0.95, 1.0]))
            if (config.voq_shared or config.pipelined) and round_ % 2 == 1:
                await self.crowd(traffic.UNICAST_OPS if round_ % 4 == 1 else [Op.WRITE])
            await self.send(self.spread(self.packets(round_), load))
            if config.engines:
                await self.send(
                    traffic.allreduce(
                        rng, config, self.count // 3, group=0, members=members, etype=EType.FP32,
                        redop=RedOp.MAX, engine=round_ // 8 % config.engines,
                    )
                )  # fmt: skip
            if config.mcast:
                count = self.count // 6
                await self.send(traffic.multicast(rng, config, count, groups=[0]))
                sparse = traffic.sparse(rng, config, count)
                for port in sparse:
                    # Some name an engine or nobody.
                    some = np.flatnonzero(rng.random(len(port)) < 0.1)
                    sets = packet.member_sets(port[some])
                    sets[:, rng.integers(8)] = rng.choice([config.ports, config.ids - 1], len(some))
                    port[some] = packet.set_members(port[some], sets)
                await self.send(sparse)
            if round_ % 8 == 7:
                await self.out_of_step()
                if self.config.cut_through:
                    await self.stops()
            # The next round begins before all of this one has been sent.
            while self.pipe.waiting().max() > self.count // 4:
                await self.pipe.run(100)
            round_ += 1
        await self.drain()
        coverage = self.env.subscriber.coverage
        self.pipe.record(False)
        await self.pipe.run(2)
        compared = self.compare(self.pipe.recorded())
        coverage.hit("timing.cycles", compared)
        if self.config.pipelined:
            coverage.hit("timing.pipelined", compared)
        coverage.hit("timing.kept", self.kept)
        for event, count in self.pooled.items():
            coverage.hit(f"timing.pool.{event}", count)
        if self.config.cut_through:
            coverage.hit("timing.cut_through", compared)
            coverage.hit("timing.longer", self.longer)
        for kind in self.seen:
            coverage.hit(f"timing.{kind}", self.seen[kind])

    async def out_of_step(self) -> None:
        """Let two streams keep both sides of a third one busy in turns, as in test_fairness.py.

        Only so a pair waits for a whole round of turns.
        """
        await self.drain()
        self.set_stalls("none")
        count, flits = 400, 2
        for lag in range(flits):
            rows = [packet.make(0, flit_w=self.config.flit_w) for _ in range(self.config.ports)]
            number = np.arange(count)
            crossing = np.where(number % 50 == 49, 1, 0)
            for port, dst in ((0, crossing), (1, np.where(number < 6, 0, 1))):
                rows[port] = packet.make(
                    count, flit_w=self.config.flit_w, op=Op.WRITE, src=port, dst=dst,
                    len=flits * self.config.flit_bytes // 16,
                )  # fmt: skip
                rows[port]["not_before"] = self.pipe.cycle + 20 + lag * port
            await self.send(rows)
            await self.drain()

    async def crowd(self, ops: Iterable[int]) -> None:
        """Let queues to two slow ports use up what they have, and the pools of their inputs.

        Senders that look at the room would never come to that. Some packets turn out to be of a
        wrong length when they have taken a part of it.
        """
        rng, config = self.rng, self.config
        # All there is comes out of two slow ports: many ports need not have many packets each.
        count = min(self.count, 800 // config.ports)
        await self.drain()
        slow = members_of(rng, config.ports, 2)
        self.set_stalls("none")
        self.pipe.stalls("heavy", slow)
        self.pipe.options(hasty=True)
        to = rng.integers(0, config.ports, (config.ports, 2 * count))
        to = np.where(rng.random(to.shape) < 0.8, rng.choice(slow, to.shape), to)
        rows = traffic.unicast(rng, config, 2 * count, outputs=to, ops=ops)
        for port in rows:
            some = np.flatnonzero(rng.random(len(port)) < 0.2)
            port[some] = traffic.bad(rng, config, port[some], Status.LEN)
        await self.send(rows)
        if config.pipelined and config.mcast:
            await self.send(traffic.multicast(rng, config, count, groups=[0]))
        await self.drain()
        self.pipe.options(hasty=False)

    async def stops(self) -> None:
        """Let a sender pause in mid-packet for longer than a round of turns, while others want its
        output and theirs: so a phase lasts longer.
        """
        await self.drain()
        self.set_stalls("none")
        rows = [packet.make(0, flit_w=self.config.flit_w) for _ in range(self.config.ports)]
        rows[1] = packet.make(
            4, flit_w=self.config.flit_w, op=Op.WRITE, src=1, dst=1, len=16,
            tag=self.rng.integers(4096),
        )  # fmt: skip
        await self.send(rows)
        await self.pipe.run(int(self.rng.integers(20, 40)))
        self.pipe.stalls(Stalls(gap=1 - 2**-31), [1])
        await self.send(self.spread(self.packets(1), 0.3))
        await self.pipe.run(900)
        self.pipe.stalls("none", [1])
        await self.drain()

    def packets(self, round_: int) -> traffic.Traffic:
        """Return the packets of a round."""
        rng, config = self.rng, self.config
        kind = round_ % 5
        if kind == 0:
            return traffic.unicast(rng, config, self.count, lengths=(0, 1), extensions=False)
        if kind == 1:
            return traffic.unicast(rng, config, self.count)
        if kind == 2:
            return traffic.hotspot(rng, config, self.count, int(rng.integers(config.ports)))
        if kind == 3:
            rows = traffic.unicast(rng, config, self.count)
            for port in rows:
                for reason in (Status.VERSION, Status.OP, Status.LEN, Status.DST):
                    some = np.flatnonzero(rng.random(len(port)) < 0.05)
                    port[some] = traffic.bad(rng, config, port[some], reason)
            return rows
        return traffic.incast(rng, config, self.count // 4, int(rng.integers(config.ports)))

    # ----------------------------------------------------------------------------- comparison

    def compare(self, record: Record) -> int:
        """Compare everything recorded since reset with the model; return the number of cycles."""
        begin = int(np.flatnonzero(record.reset)[-1]) + 1
        replay = Replay(self.config, self.went, self.pause)
        left, self.kept, self.longer = [], 0, 0
        self.pooled = dict.fromkeys(scheduling.POOLED, 0) if self.config.voq_shared else {}
        for first in range(begin, len(record), CHUNK):
            cycles = slice(first, min(first + CHUNK, len(record)))
            shown = replay.run(stimulus(record, self.config.engines, cycles))
            same(record, shown, self.config.engines, cycles, self.seed)
            left.append(shown.left)
            self.kept += shown.kept
            for event in self.pooled:
                self.pooled[event] += shown.pooled[event]
            self.longer += shown.longer
        self.same_packets(np.concatenate(left), begin)
        return len(record) - begin

    def same_packets(self, left: NDArray, begin: int) -> None:
        """Compare which packet left when."""
        parts = [part for port in self.went for part in port]
        headers = np.concatenate([_opaque(part.headers) for part in parts])
        sent = np.concatenate([part.rows for part in parts])
        known = left["packet"][left["packet"] >= 0]
        self.seen = {
            "unicast": int((sent["fan"][known] == scheduling.NONE).sum()),
            "multicast": int((sent["fan"][known] != scheduling.NONE).sum()),
            "walk": int((sent["walk"][known] > 1).sum()),
            "answer": int((sent["good"][known] == 0).sum()),
            "result": int((left["packet"] < 0).sum()),
        }
        for port, rows in enumerate(self.came):
            came = np.concatenate(rows)
            ours = left[left["port"] == port]
            assert len(ours) == len(came), f"port {port}: {len(came)} packets, model {len(ours)}"
            for name, stamp in (("first", "stamp"), ("last", "stamp_last")):
                wrong = np.flatnonzero(ours[name] + begin != came[stamp])
                assert not len(wrong), (
                    f"port {port}, packet {wrong[0]}: {name} beat in cycle "
                    f"{came[stamp][wrong[0]]}, model {ours[name][wrong[0]] + begin}"
                )
            known = ours["packet"] >= 0
            other = headers[ours["packet"][known]] != came["hdr"][known]
            assert not other.any(), f"port {port}: another packet than the model's left"


@pyuvm.test()
class EveryCyclePauses(EveryCycle):
    """The same where senders pause for longer than they may. When one does is a matter of time,
    which the golden model of contents has not: any packet may be cut short."""

    pause = 9

    async def bring_up(self) -> None:
        await super().bring_up()
        await self.registers.write("cut_timeout", cycles=self.pause)

    async def traffic(self) -> None:
        for port in range(self.config.ports):
            self.checker.may_lose(port)
        await super().traffic()
        self.env.subscriber.coverage.hit("timing.cut_short", self.checker.cut)


def _opaque(headers: NDArray[np.uint8]) -> NDArray:
    return np.ascontiguousarray(headers).view("V16")[:, 0]


def stimulus(record: Record, engines: int, cycles: slice) -> Stimulus:
    """Return what was driven in some cycles."""
    count, ports = cycles.stop - cycles.start, record.ports

    def probe(name: str, bits: int) -> NDArray[np.uint8]:
        parts = [record.probe(f"{name}[{e}]", cycles) for e in range(engines)]
        return np.stack(parts, axis=1) if parts else np.zeros((count, 0, bits), np.uint8)

    return Stimulus(
        s_valid=record.port("s_valid", cycles),
        m_ready=record.port("m_ready", cycles),
        m_room=record.rooms("m_room", cycles),
        want=probe("want", ports),
        res_valid=probe("res_valid", 1)[:, :, 0],
        res_last=probe("res_last", 1)[:, :, 0],
        res_mask=probe("res_mask", ports),
    )


def same(record: Record, shown: Shown, engines: int, cycles: slice, seed: int) -> None:
    """Fail at the first cycle in which the RTL showed something else than the model."""
    columns = {
        "s_ready": (record.port("s_ready", cycles), shown.s_ready),
        "s_room": (record.rooms("s_room", cycles), shown.s_room),
        "m_valid": (record.port("m_valid", cycles), shown.m_valid),
    }
    for e in range(engines):
        number = record.probe(f"grant_port[{e}]", cycles) @ (1 << np.arange(10))
        granted = record.probe(f"grant[{e}]", cycles)[:, 0] != 0
        rtl = np.where(granted, number, scheduling.NONE)[:, None]
        columns[f"grant[{e}]"] = rtl, shown.grant[:, e : e + 1]
    found = []
    for name, (rtl, model) in columns.items():
        wrong = np.argwhere(rtl != model)
        if len(wrong):
            at, port = wrong[0]
            found.append((at, f"{name}[{port}] is {rtl[at, port]}, model {model[at, port]}"))
    if found:
        at, what = min(found)
        raise AssertionError(f"cycle {cycles.start + at}: {what} (seed {seed})")


@pytest.mark.parametrize(
    ("config", "cycles", "packets"),
    [
        ("dev4", 30_000, 60),
        pytest.param("dev4a", 30_000, 60, marks=pytest.mark.large),
        pytest.param("dev4s", 30_000, 60, marks=pytest.mark.long),
        ("dev4c", 6_000, 60),
        pytest.param("dev4c", 60_000, 60, marks=pytest.mark.long),
        ("dev8", 30_000, 60),
        pytest.param("dev4p", 6_000, 60, marks=pytest.mark.large),
        pytest.param("dev4p", 60_000, 60, marks=pytest.mark.long),
        pytest.param("board4", 60_000, 60, marks=pytest.mark.long),
        pytest.param("dev16", 1_000_000, 400, marks=pytest.mark.long),
        pytest.param(DEV16P, 1_000_000, 400, marks=pytest.mark.long, id="dev16p"),
    ],
)
def test_every_cycle(sim, config: str | Config, cycles: int, packets: int) -> None:
    """`packets`: those that a port sends in a round."""
    env = {"SP_CYCLES": str(cycles), "SP_PACKETS": str(packets)}
    sim.run(config=config, module=__name__, testcase="EveryCycle", env=env, timeout=3600)


@pytest.mark.long  # test_cut_through.py shows senders that stop in less time
def test_every_cycle_pauses(sim) -> None:
    env = {"SP_CYCLES": "60000", "SP_PACKETS": "60"}
    sim.run(config="dev4c", module=__name__, testcase="EveryCyclePauses", env=env)
