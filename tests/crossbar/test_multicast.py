# SPDX-License-Identifier: Apache-2.0
"""Multicasts from ports, by group table and by member set, alone and among all other traffic."""

from __future__ import annotations

import numpy as np
import pytest
import pyuvm

from switchproof.models import packet
from switchproof.models.layout import EXT_SET, ID_GROUP, MAX_MEMBERS, EType, Op, RedOp
from switchproof.models.packet import Packets, get
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.bench import members_of
from switchproof.tb.env import Listener
from switchproof.tb.pipes import Stalls, concatenate
from tests.crossbar.configs import DEV4P, DEV4P_LONG, DEV4S_LONG, DEV8_LONG, DEV16

#: A sink that takes nothing for as long as it lasts.
CLOSED = Stalls(ready=1 - 2**-32)


class MulticastTest(BaseTest):
    """Helpers; keeps what came out of every port."""

    def end_of_elaboration_phase(self) -> None:
        self.came: list[Packets] = []
        for port in self.env.ports:
            port.monitor.received.connect(Listener("came", port, self.came.append))

    def hit(self, name: str, count: int = 1) -> None:
        """Count a case of multicast."""
        self.env.subscriber.coverage.hit(f"multicast.{name}", count)

    def nothing(self) -> traffic.Traffic:
        """Return no packets for any port."""
        return [packet.make(0) for _ in range(self.config.ports)]

    def write(self, port: int, count: int, op: int = Op.WRITE, **fields: object) -> Packets:
        """Return longest writes from a port, numbered by their tags."""
        return packet.make(
            count, flit_w=self.config.flit_w, op=op, src=port, len=16, tag=np.arange(count),
            **fields,
        )  # fmt: skip

    async def fill(self, ports: list[int]) -> None:
        """Close some ports and fill their egress buffers of requests."""
        sender = next(p for p in range(self.config.ports) if p not in ports)
        count = self.config.egress_flits // self.config.max_flits + 1
        filling = self.nothing()
        filling[sender] = concatenate([self.write(sender, count, dst=port) for port in ports])
        for port in ports:
            self.pipe.stalls(CLOSED, [port])
        await self.send(filling)
        await self.pipe.run(40 * count * len(ports))

    def copies(self, port: int) -> Packets:
        """Return the copies of multicasts that a port has got since the last call of `forget`."""
        came = concatenate([packet.make(0), *self.came])
        return came[(came["port"] == port) & (get(came, "op") == Op.MCAST_WRITE)]


@pyuvm.test()
class Multicast(MulticastTest):
    """Groups of every size and sets of every size, from every port, in all lengths; then both among
    unicasts."""

    count = 60

    async def traffic(self) -> None:
        ports = self.config.ports
        groups = {}
        for size in range(1, min(ports, self.config.groups) + 1):
            groups[size - 1] = members_of(self.rng, ports, size)
            await self.set_group(size - 1, groups[size - 1])
        for stalls in ("none", "random", "heavy"):
            self.set_stalls(stalls)
            for group, members in groups.items():
                packets = traffic.multicast(
                    self.rng, self.config, max(self.count // ports, 4), groups=[group]
                )
                await self.send(packets)
                self.hit(f"fanout.{len(members)}")
                self.hit("sender_is_member", len(members))
                self.hit("sender_is_none", ports - len(members))
            for size in range(1, MAX_MEMBERS + 1):
                packets = traffic.sparse(
                    self.rng, self.config, max(self.count // ports, 4), fanout=(size, size)
                )
                await self.send(packets)
                self.count_sets(packets)
            await self.drain()
            mixed = traffic.shuffled(
                self.rng,
                traffic.multicast(self.rng, self.config, self.count, groups=list(groups)),
                traffic.sparse(self.rng, self.config, self.count),
                traffic.unicast(self.rng, self.config, self.count),
            )
            await self.send(mixed)
            await self.drain()

    def count_sets(self, packets: traffic.Traffic) -> None:
        """Count member sets by how many destinations they have that differ."""
        for rows in packets:
            for members in packet.member_sets(rows):
                members = members[members >= 0]
                self.hit(f"sparse.{len(set(members))}")
                self.hit("equal_destinations", len(members) > len(set(members)))


@pyuvm.test()
class HeldBack(MulticastTest):
    """A member holds back: the others have their copies, it gets its own when it can."""

    stalls = "none"

    async def traffic(self) -> None:
        ports = self.config.ports
        await self.set_group(1, list(range(ports)))
        for slow in range(ports):
            others = [port for port in range(ports) if port != slow]
            sender = int(self.rng.choice(others))
            for by_set in (False, True):
                await self.fill([slow])
                self.came.clear()
                rows = self.nothing()
                if by_set:
                    rows[sender] = self.write(
                        sender, 1, Op.MCAST_WRITE, ext=EXT_SET, dst=int(self.rng.integers(ID_GROUP))
                    )
                    others = others[: MAX_MEMBERS - 1]
                    packet.set_members(rows[sender], [*others, slow])
                else:
                    rows[sender] = self.write(sender, 1, Op.MCAST_WRITE, dst=1)
                # Behind it, to the port that is held back: by itself it holds back nobody.
                rows[sender] = concatenate([rows[sender], self.write(sender, 1, dst=others[0])])
                await self.send(rows)
                await self.pipe.run(20 * self.config.max_flits)
                for port in others:
                    assert len(self.copies(port)) == 1, f"port {port} waits for port {slow}"
                assert not len(self.copies(slow)), f"port {slow} took a packet"
                unicast = concatenate(self.came)
                assert (get(unicast, "op") == Op.WRITE).sum() == 1, "a unicast waits behind it"
                self.pipe.stalls("none", [slow])
                await self.drain()
                assert len(self.copies(slow)) == 1, f"port {slow} never got its copy"
                self.hit("held_back")


@pyuvm.test()
class QueueFull(MulticastTest):
    """A member holds back until the queue of multicasts is full: other channels of the same input
    go on, as its sender sees that it has no room for requests."""

    stalls = "none"

    async def traffic(self) -> None:
        ports = self.config.ports
        await self.set_group(1, list(range(ports)))
        for slow in range(min(ports, 4)):
            sender = other = (slow + 1) % ports
            await self.fill([slow])
            self.came.clear()
            rows = self.nothing()
            flits = int(self.write(0, 1)["flits"][0])
            count = 2 * self.config.voq_flits // flits + 2
            rows[sender] = self.write(sender, count, Op.MCAST_WRITE, dst=1)
            await self.send(rows)
            await self.pipe.run((count + 20) * self.config.max_flits)
            assert self.pipe.waiting()[sender], "the queue was not full"
            rows[sender] = concatenate(
                [self.write(sender, 5, op, dst=other) for op in (Op.READ_RSP, Op.MGT_WRITE)]
            )
            await self.send(rows)
            await self.pipe.run(20 * self.config.max_flits)
            ops = get(concatenate(self.came), "op")
            assert (ops == Op.READ_RSP).sum() == 5, "responses wait for multicasts"
            assert (ops == Op.MGT_WRITE).sum() == 5, "management waits for multicasts"
            self.hit("queue_full")
            self.pipe.stalls("none", [slow])
            await self.drain()


@pyuvm.test()
class Hasty(MulticastTest):
    """Senders that look at tready alone fill the queue of multicasts to its last flit: nothing is
    lost when their receivers take it."""

    stalls = "none"

    async def traffic(self) -> None:
        config = self.config
        await self.set_group(0, list(range(config.ports)))
        self.pipe.options(hasty=True)
        for flits in range(1, config.max_flits - 1):
            count = 2 * (config.voq_flits + config.egress_flits) // flits
            rows = [
                packet.make(
                    count, flit_w=config.flit_w, op=Op.MCAST_WRITE, src=port, dst=0,
                    len=min(flits * config.flit_bytes // 16, 16), tag=np.arange(count),
                )
                for port in range(config.ports)
            ]  # fmt: skip
            self.pipe.stalls(CLOSED)
            await self.send(rows)
            await self.pipe.run(2 * config.ports * (config.voq_flits + config.egress_flits))
            assert self.pipe.waiting().all(), "a queue was not full"
            self.pipe.stalls("none")
            await self.drain()
            self.hit("queue_full", config.ports)


@pyuvm.test()
class GroupChanges(MulticastTest):
    """A group changes while a multicast to it comes in: it goes to those who were members when its
    first beat was taken, to all of them and to nobody else."""

    stalls = "none"

    async def traffic(self) -> None:
        ports = self.config.ports
        everyone = list(range(ports))
        for after in ([], [0], everyone[1:]):
            before = everyone[: max(1, ports // 2)]
            await self.set_group(1, before)
            # A beat now and then, so that the registers are faster.
            self.pipe.stalls(Stalls(gap=0.9, gap_longest=200), [1])
            rows = self.nothing()
            rows[1] = self.write(1, 1, Op.MCAST_WRITE, dst=1)
            begin, whole = int(self.pipe.stats()["flits_in"][1]), int(rows[1]["flits"][0])
            await self.send(rows)
            while int(self.pipe.stats()["flits_in"][1]) == begin:
                await self.pipe.run(1)
            mask = sum(1 << port for port in after)
            for word in range(-(-ports // 32)):
                await self.registers.write(f"group[1][{word}]", mask >> 32 * word & 0xFFFFFFFF)
            if int(self.pipe.stats()["flits_in"][1]) - begin < whole:
                self.hit("group_changed")
            await self.drain()  # the model has the old group still
            self.model.set_group(1, mask)
        assert self.env.subscriber.coverage.hits["multicast.group_changed"]


@pyuvm.test()
class OppositeOrders(MulticastTest):
    """Two multicasts whose outputs get them in opposite orders: no lock, every copy comes."""

    stalls = "none"
    rounds = 12

    async def traffic(self) -> None:
        ports = self.config.ports
        everyone = list(range(ports))
        await self.set_group(0, everyone)
        for stalls in ("none", "slow_sink", "heavy", "bursts"):
            self.set_stalls(stalls)
            for _ in range(self.rounds):
                one, other = members_of(self.rng, ports, 2)
                await self.set_group(1, [one, other])
                packets = traffic.multicast(self.rng, self.config, 12, groups=[0, 1])
                await self.send(packets)
                await self.drain()
                if ports > 1:
                    self.hit("opposite_orders", self.crossed(one, other))
                self.came.clear()
        assert self.env.subscriber.coverage.hits["multicast.opposite_orders"]

    def crossed(self, one: int, other: int) -> int:
        """Return how many pairs of multicasts came to two ports in opposite orders."""
        order = []
        for port in (one, other):
            rows = self.copies(port)
            names = np.stack([get(rows, n) for n in ("src", "tag", "mem_addr")], axis=1)
            order.append({tuple(name): at for at, name in enumerate(names.tolist())})
        both = [name for name in order[0] if name in order[1]]
        place = np.array([[order[k][name] for name in both] for k in range(2)])
        earlier = place[:, :, None] < place[:, None, :]
        return int((earlier[0] & ~earlier[1] & ~np.eye(len(both), dtype=bool)).sum())


@pyuvm.test()
class OneOutput(MulticastTest):
    """Unicasts, multicasts, results and error answers meet at one output after the other."""

    count = 40

    async def traffic(self) -> None:
        ports = self.config.ports
        everyone = list(range(ports))
        await self.set_group(0, everyone)
        seq = 0
        for target in self.rng.permutation(ports)[:4].tolist():
            await self.set_group(1, [target])
            await self.set_group(2, sorted({target, (target + 1) % ports}))
            reductions = traffic.allreduce(
                self.rng, self.config, self.count, group=0, members=everyone, etype=EType.FP32,
                redop=RedOp.SUM, op=Op.REDUCE, first_seq=seq,
            )  # fmt: skip
            for rows in reductions:
                packet.set_fields(rows, root=target)
            seq += self.count
            sparse = traffic.sparse(self.rng, self.config, self.count)
            for rows in sparse:
                members = packet.member_sets(rows)
                members[:, 3] = target
                packet.set_members(rows, members)
            await self.send(
                traffic.shuffled(
                    self.rng,
                    reductions,
                    traffic.multicast(self.rng, self.config, self.count, groups=[1, 2]),
                    sparse,
                    traffic.unicast(
                        self.rng, self.config, self.count, ops=traffic.PORT_OPS,
                        outputs=np.full(ports, target),
                    ),
                )
            )  # fmt: skip
            await self.drain()
            came = concatenate(self.came)
            ops = set(get(came[came["port"] == target], "op").tolist())
            assert {Op.MCAST_WRITE, Op.RESULT, Op.WRITE} <= ops
            self.hit("with_unicast_and_reduction")
            self.came.clear()


@pyuvm.test()
class Refused(MulticastTest):
    """What cannot go to all goes to none: one answer, counted, and traffic goes on."""

    alone = 12

    async def traffic(self) -> None:
        config = self.config
        everyone = list(range(config.ports))
        await self.set_group(0, everyone)
        await self.set_group(1, everyone)
        await self.set_group(1, [])
        for name in ("empty_group", "empty_set", "no_route", "engine"):
            bad = self.bad(name)
            await self.send(bad)
            self.hit(name, sum(len(rows) for rows in bad))
            await self.drain()
            assert not len(concatenate([self.copies(port) for port in everyone])), name
        good = [
            traffic.multicast(self.rng, config, 40, groups=[0]),
            traffic.sparse(self.rng, config, 40),
            traffic.unicast(self.rng, config, 40),
        ]
        beats = traffic.multicast(self.rng, config, self.alone, groups=[0])
        for rows in beats:  # too many beats, or too few
            shift = self.rng.integers(1, config.max_flits, len(rows)).astype(np.uint32)
            rows["flits"] = 1 + (rows["flits"] - 1 + shift) % config.max_flits
        bad = [self.bad(name) for name in ("empty_group", "empty_set", "no_route", "engine")]
        await self.send(traffic.shuffled(self.rng, *good, beats, *bad))

    def bad(self, name: str) -> traffic.Traffic:
        """Return multicasts of every port that are refused for one reason."""
        config, count = self.config, self.alone
        if name == "empty_group":
            groups = [1, config.groups, ID_GROUP]
            return traffic.multicast(self.rng, config, count, groups=groups)
        packets = traffic.sparse(self.rng, config, count)
        last = min(config.ports + config.engines, config.ids)
        for rows in packets:
            members = packet.member_sets(rows)
            place = self.rng.integers(0, MAX_MEMBERS, count)
            if name == "empty_set":
                members[:] = -1
            elif name == "no_route":
                members[np.arange(count), place] = self.rng.integers(last, ID_GROUP, count)
            else:
                members[np.arange(count), place] = config.ports
            packet.set_members(rows, members)
        return packets


@pyuvm.test()
class Apart(MulticastTest):
    """Multicasts within a partition pass; one with a member of another is refused as a whole."""

    count = 40

    async def traffic(self) -> None:
        ports = self.config.ports
        masks = [1 << port % 2 for port in range(ports)]
        masks[0] = 0b11
        for port, mask in enumerate(masks):
            await self.set_partitions(port, mask)
        for group in range(4):
            members = members_of(self.rng, ports, int(self.rng.integers(1, 3)))
            await self.set_group(group, members)
        await self.set_group(4, [port for port in range(ports) if masks[port] & 1])
        await self.send(traffic.multicast(self.rng, self.config, self.count, groups=range(5)))
        await self.send(traffic.sparse(self.rng, self.config, self.count, fanout=(1, 3)))
        await self.drain()
        copies = concatenate([self.copies(port) for port in range(ports)])
        by_set = packet.get(copies, "ext") & EXT_SET != 0
        refused = int(self.model.counters["refused_partition"].sum())
        assert by_set.any() and not by_set.all() and refused
        for row in copies:
            assert masks[int(get(np.array([row]), "src")[0])] & masks[int(row["port"])]
        self.hit("within_partition", len(copies))
        self.hit("across_partitions", refused)


@pyuvm.test()
class FullLoad(MulticastTest):
    """Every port multicasts to all, alone and with as many unicasts: no output may be idle."""

    stalls = "none"
    cycles = 1200

    def wanted(self, flits: int, unicasts: int) -> float:
        """Return the egress utilisation that is asked for."""
        if self.config.pipelined:
            # What is docs/crossbar.md's: a few cycles between two multicasts of an input, and up to
            # four behind a packet of a few flits.
            return {1: (0.95, 0.7), 3: (0.65, 0.6)}.get(flits, (0.95, 0.8))[unicasts != 0]
        # With unicasts of several flits the queues hold few.
        return 0.8 if unicasts and flits > 1 else 0.95

    async def traffic(self) -> None:
        await self.set_group(0, list(range(self.config.ports)))
        for flits in (1, 3, self.config.max_flits - 3):
            for unicasts in (0, self.config.ports):
                rate = await self.rate(flits, unicasts)
                self.logger.info("%s flits, %s unicasts: %.3f", flits, unicasts, rate)
                wanted = self.wanted(flits, unicasts)
                assert rate >= wanted, f"{flits} flits, {unicasts} unicasts a multicast: {rate:.3f}"
                self.hit("mixed_load" if unicasts else "full_load")

    async def rate(self, flits: int, unicasts: int) -> float:
        """Return the egress utilisation while every port has a multicast to all and for each of
        them as many unicasts as there are ports; packets of `flits` flits."""
        ports, config = self.config.ports, self.config
        rows = self.nothing()
        # A multicast and its unicasts keep every output busy for so many cycles.
        count = self.cycles * (1 + unicasts) // ((ports + unicasts) * flits) + 10
        for port in range(ports):
            multicast = self.rng.permutation(np.arange(count) % (1 + unicasts) == 0)
            rows[port] = packet.make(
                count, flit_w=config.flit_w, src=port, len=flits * config.flit_bytes // 16,
                op=np.where(multicast, int(Op.MCAST_WRITE), int(Op.WRITE)),
                dst=np.where(multicast, 0, self.rng.integers(0, ports, count)), tag=port,
            )  # fmt: skip
        await self.send(rows)
        await self.pipe.run(self.cycles // 4)  # queues fill
        before, begin = self.pipe.stats()["flits_out"].sum(), self.pipe.cycle
        while self.pipe.waiting().min() > 10:
            await self.pipe.run(20)
        moved = self.pipe.stats()["flits_out"].sum() - before
        cycles = self.pipe.cycle - begin
        assert cycles >= self.cycles // 4, f"only {cycles} cycles of full load"
        await self.drain()
        return float(moved / cycles / ports)


@pyuvm.test()
class Lone(MulticastTest):
    """Lone multicasts of every length, by group and by set: cycles from the first beat in to the
    first beat out, at every member."""

    stalls = "none"

    def end_of_elaboration_phase(self) -> None:
        super().end_of_elaboration_phase()
        self.went: list[Packets] = []
        for port in self.env.ports:
            port.monitor.sent.connect(Listener("went", port, self.went.append))

    async def traffic(self) -> None:
        config = self.config
        await self.set_group(0, list(range(config.ports)))
        for flits in range(1, config.max_flits):
            for members in (0, *range(1, min(config.ports, MAX_MEMBERS) + 1)):
                units = min(flits * config.flit_bytes // 16 - (members != 0), 16)
                if not units:
                    continue
                src = int(self.rng.integers(config.ports))
                rows = self.nothing()
                rows[src] = packet.make(
                    1, flit_w=config.flit_w, op=Op.MCAST_WRITE, src=src, dst=0, len=units,
                    ext=EXT_SET if members else 0,
                )  # fmt: skip
                if members:
                    packet.set_members(rows[src], [*range(members)])
                self.came.clear()
                await self.send(rows)
                await self.drain()
                came, whole = concatenate(self.came), int(rows[src]["flits"][0])
                waits = came["stamp"].astype(np.int64) - int(self.went[-1]["stamp"][0])
                assert len(waits) == (members or config.ports)
                assert (waits == self.cycles(whole, members)).all(), (
                    f"{whole} flits, {members} in a set took {waits.tolist()} cycles"
                )
                self.hit("lone")

    def cycles(self, flits: int, members: int) -> int:
        """Return what docs/crossbar.md says: it is stored whole, and its destinations looked up."""
        if self.config.pipelined:
            buffered = 4 * (self.config.iterations == 1)
            return flits + 9 + buffered + (members and members + 1)
        return flits + 3 + (members and members - 1)


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev2", "dev4", "dev8", DEV16, DEV4P, DEV4S_LONG])
def test_multicast(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="Multicast")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev2", "dev4", DEV4P, DEV8_LONG])
def test_held_back(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="HeldBack")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev2", "dev4", DEV4P_LONG, DEV8_LONG])
def test_opposite_orders(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="OppositeOrders")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P_LONG, DEV8_LONG])
def test_one_output(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="OneOutput")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P_LONG, DEV8_LONG])
def test_refused(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="Refused")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P, DEV8_LONG])
def test_full_load(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="FullLoad")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P_LONG, DEV8_LONG])
def test_queue_full(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="QueueFull")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P])
def test_hasty_multicasts(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="Hasty")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev2", "dev4", DEV4P_LONG])
def test_group_changes(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="GroupChanges")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P])
def test_apart(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="Apart")


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4P])
def test_lone(sim, config: str) -> None:
    sim.run(config=config, module=__name__, testcase="Lone")
