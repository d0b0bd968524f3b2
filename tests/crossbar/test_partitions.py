# SPDX-License-Identifier: Apache-2.0
"""Partitions: what crosses them is refused, what does not passes, and neither feels the other."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import pyuvm
from numpy.typing import NDArray

from switchproof.models import packet
from switchproof.models.crossbar import Switch
from switchproof.models.layout import EType, Op, RedOp
from switchproof.models.packet import Packets
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.env import Listener
from switchproof.tb.pipes import concatenate
from tests.crossbar.configs import DEV4P, DEV8_LONG

#: Operations that are answered when they are refused; contributions only go to engines.
REQUESTS = (Op.READ, Op.WRITE, Op.ATOMIC, Op.MGT_READ, Op.MGT_WRITE)


@pyuvm.test()
class Partitions(BaseTest):
    """Random partitions, some ports in several, one in none: every pair, and groups within and
    across, with true and false sources."""

    rounds = 3
    packets = 100

    async def traffic(self) -> None:
        config, ports = self.config, self.config.ports
        hit = self.env.subscriber.coverage.hit
        for turn in range(self.rounds):
            masks = [1 << int(b) for b in self.rng.integers(0, 2, ports)]
            masks[int(self.rng.integers(ports))] = 0b11
            if turn:
                masks[int(self.rng.integers(ports))] = 0
                masks = [mask << 14 * (turn - 1) for mask in masks]
            for port, mask in enumerate(masks):
                await self.set_partitions(port, mask)
                # Its own ID, in the bits that tell ports apart; the others are free.
                await self.set_source(port, port, (1 << (ports - 1).bit_length()) - 1)
            parts = [traffic.unicast(self.rng, config, self.packets)]
            for rows in parts[0]:
                false = self.rng.random(len(rows)) < 0.1
                answered = packet.op_vc(packet.get(rows, "op")) != 1
                src = packet.get(rows, "src")
                packet.set_fields(rows, src=np.where(false & answered, src ^ 1, src))
            for group in range(4):
                members = sorted(self.rng.permutation(ports)[: 2 + group % 2].tolist())
                apart = [masks[a] & masks[b] == 0 for a in members for b in members]
                # A group of which only some members may contribute waits for ever.
                alone = [not any(masks[a] & masks[b] for b in members if b != a) for a in members]
                if any(apart) and not all(alone):
                    continue
                await self.set_group(group, members)
                hit("partition.group." + ("across" if any(apart) else "within"))
                parts.append(
                    traffic.allreduce(
                        self.rng, config, 3, group=group, members=members, etype=EType.FP32,
                        redop=RedOp.SUM, first_seq=10 * turn,
                    )
                )  # fmt: skip
                await self.send(parts.pop())
                await self.drain()
            await self.send(parts[0])
            await self.drain()
            hit("partition.port_in_none", masks.count(0))
            hit("partition.port_in_two", masks.count(0b11 << 14 * max(turn - 1, 0)))


class Changing(Switch):
    """A switch whose tables change once while packets come in.

    Every input judges its packets in order, so that there is one packet from which on it goes by
    the new tables. Which one it is follows from what came out; when it may be is for the test.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.after: Switch | None = None
        self.seen: dict[tuple[int, int], tuple[int, int]] = {}
        self.judged: list[tuple[Packets, NDArray[np.bool_]]] = []

    def came(self, rows: Packets) -> None:
        """Note where packets came out: (input, tag) -> (output, status)."""
        f = packet.fields(rows, "op", "src", "tag", "status")
        answer = (f["op"] == Op.ERROR) | (f["op"] == Op.COLL_ERROR)
        inputs = np.where(answer, rows["port"], f["src"])
        status = np.where(answer, f["status"], 0)
        for key, tag, out, code in zip(inputs, f["tag"], rows["port"], status):
            self.seen[int(key), int(tag)] = int(out), int(code)

    def forward(self, in_port: Any, packets: Packets) -> tuple[Any, Packets, Any]:
        """As :meth:`Switch.forward`; by the new tables from the packet on that shows them."""
        if self.after is None:
            return super().forward(in_port, packets)
        ports = np.broadcast_to(np.asarray(in_port, np.int64), packets.shape)
        new = np.zeros(packets.shape, bool)
        probes = [copy.deepcopy(switch) for switch in (self, self.after)]
        outs = [Switch.forward(probe, ports, packets) for probe in probes]
        tags = packet.get(packets, "tag")
        for port in range(self.config.ports):
            here = np.flatnonzero(ports == port)
            differ = [
                k for k in here
                if outs[0][0][k] != outs[1][0][k] or outs[0][2][k] != outs[1][2][k]
            ]  # fmt: skip
            first = next(
                (k for k in differ
                 if self.seen.get((port, int(tags[k]))) == (outs[1][0][k], outs[1][2][k])),
                packets.shape[0],
            )  # fmt: skip
            new[here[here >= first]] = True
            told = np.array(differ, np.int64)
            self.judged.append((packets[told], new[told]))
        result = [
            np.zeros(packets.shape, np.int64),
            packets.copy(),
            np.zeros(packets.shape, np.int64),
        ]
        for chosen, forward in ((~new, super().forward), (new, self.after.forward)):
            for whole, part in zip(result, forward(ports[chosen], packets[chosen])):
                whole[chosen] = part
        return result[0], result[1], result[2]


@pyuvm.test()
class MidTraffic(BaseTest):
    """Rights and routes are written while packets stream: each packet goes by the old or by the new
    ones as a whole, by the new ones if it came after the write; reductions beside it go on."""

    stalls = "none"
    golden = Changing
    count = 400
    #: Cycles after which a packet that came in has been judged.
    judged_within = 40

    def end_of_elaboration_phase(self) -> None:
        for port in self.env.ports:
            port.monitor.received.connect(Listener("came", port, self.model.came))

    async def traffic(self) -> None:
        config, last = self.config, self.config.ports - 1
        await self.set_group(2, [0, 1])
        entry = config.ports + config.engines
        self.model.set_route(None, entry, last)
        await self.registers.write(f"fwd_all[{entry}]", valid=1, out=last)
        for turn, change in enumerate(
            [
                (f"rights[{last}].partitions", {"mask": 0b10}, lambda s: s.set_partitions(last, 2)),
                ("rights[0].partitions", {"mask": 0b11}, lambda s: s.set_partitions(0, 3)),
                (
                    f"rights[{last}].source",
                    {"id": 0, "care": 1},
                    lambda s: s.set_source(last, 0, 1),
                ),
                (
                    f"rights[{last}].source",
                    {"id": 1, "care": 1},
                    lambda s: s.set_source(last, 1, 1),
                ),
                (
                    f"fwd_all[{entry}]",
                    {"valid": 1, "out": 0},
                    lambda s: s.set_route(None, entry, 0),
                ),
                (f"rights[{last}].partitions", {"mask": 3}, lambda s: s.set_partitions(last, 3)),
            ]
        ):
            # Ports 0 and 1, whose reductions go on, share a partition all the time.
            await self.change(turn, *change)

    async def change(self, turn: int, register: str, fields: dict[str, int], apply: Any) -> None:
        """Write a register in the middle of traffic and check from when on it counted."""
        config, entry = self.config, self.config.ports + self.config.engines
        packets = traffic.unicast(self.rng, config, self.count, ops=REQUESTS)
        for rows in packets:
            away = self.rng.random(len(rows)) < 0.2
            dst = np.where(away, entry, packet.get(rows, "dst"))
            packet.set_fields(rows, tag=np.arange(len(rows)), dst=dst)
        reductions = traffic.allreduce(
            self.rng, config, 20, group=2, members=[0, 1], etype=EType.FP32, redop=RedOp.SUM,
            first_seq=100 * turn,
        )  # fmt: skip
        for rows in reductions:
            packet.set_fields(rows, tag=4095)
        self.model.seen.clear()
        self.model.judged.clear()
        after = copy.deepcopy(self.model)
        # The tables are its own; what is counted and what engines hold is that of one switch.
        for name in ("counters", "vc_counters", "engines", "groups"):
            setattr(after, name, getattr(self.model, name))
        apply(after)
        self.model.after = after
        await self.send(traffic.shuffled(self.rng, packets, reductions))
        await self.pipe.run(self.count)
        begin = self.pipe.cycle
        await self.registers.write(register, **fields)
        end = self.pipe.cycle
        await self.drain()
        rows = concatenate([part for part, _ in self.model.judged])
        new = np.concatenate([flags for _, flags in self.model.judged])
        assert new[rows["stamp"] > end].all(), "a packet came after the write, and went by the old"
        early = rows["stamp_last"] + self.judged_within < begin
        assert not new[early].any(), "a packet was judged before the write, and went by the new"
        assert new.any() and not new.all(), "the write did not come in the middle"
        apply(self.model)
        self.model.after = None
        self.env.subscriber.coverage.hit(f"partition.mid_traffic.{register.split('[')[0]}")


@pyuvm.test()
class Flood(BaseTest):
    """Two partitions: what one of them does takes nothing from the flows of the other.

    The other flows are measured alone, beside a flood, and beside the same flood with all ports in
    one partition, where it takes from them: that is how the measurement is known to see it.
    """

    stalls = "none"
    warm, window = 400, 3000
    count = 1200

    def end_of_elaboration_phase(self) -> None:
        self.came: list[Packets] = []
        for port in self.env.ports:
            port.monitor.received.connect(Listener("came", port, self.came.append))

    async def traffic(self) -> None:
        config, half = self.config, self.config.ports // 2
        victims = np.arange(half, config.ports)
        for port in victims:
            await self.set_partitions(int(port), 0b10)
        quiet = [packet.make(0) for _ in range(half)]
        alone = await self.measure(quiet)
        # To a port of their own, and to those of the others.
        flood = traffic.hotspot(self.rng, config, self.count, 0, 0.3)[:half]
        beside = await self.measure(flood)
        assert self.model.counters["refused_partition"][:half].min() > self.count // 10
        for port in victims:
            await self.set_partitions(int(port), 0b01)
        together = await self.measure(flood)
        self.logger.info(
            "flits a port and cycle of a partition: %.4f alone, %.4f beside a flood, %.4f in one "
            "partition with it", alone, beside, together,
        )  # fmt: skip
        assert beside >= 0.99 * alone
        assert together < 0.9 * alone
        self.env.subscriber.coverage.hit("partition.flooded")

    async def measure(self, others: traffic.Traffic) -> float:
        """Return the flits a port and cycle that come out of the upper ports from each other."""
        config, half = self.config, self.config.ports // 2
        victims = np.arange(half, config.ports)
        to = np.r_[np.zeros(half, int), np.roll(victims, 1)]
        mine = traffic.unicast(self.rng, config, self.count, outputs=to, lengths=(4, 16))
        self.came.clear()
        await self.send([*(rows.copy() for rows in others), *mine[half:]])
        begin = self.pipe.cycle + self.warm
        await self.pipe.run(self.warm + self.window + 200)
        await self.drain()
        rows = concatenate(self.came)
        inside = (rows["stamp"] >= begin) & (rows["stamp"] < begin + self.window)
        # Answers to refused packets carry the ID of the port that they could not reach.
        answers = np.isin(packet.get(rows, "op"), (Op.ERROR, Op.COLL_ERROR))
        inside &= (rows["port"] >= half) & (packet.get(rows, "src") >= half) & ~answers
        return float(rows["flits"][inside].sum() / self.window / len(victims))


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", "dev8", DEV4P])
def test_partitions(sim, config):
    sim.run(config=config, module=__name__, testcase="Partitions")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P])
def test_mid_traffic(sim, config):
    sim.run(config=config, module=__name__, testcase="MidTraffic")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV8_LONG, DEV4P])
def test_flood(sim, config):
    sim.run(config=config, module=__name__, testcase="Flood")
