# SPDX-License-Identifier: Apache-2.0
"""What reductions take through the whole switch, in cycles; cocotb side of bench_reduction.py.

All packets are checked against the golden model. Writes ``rates.json`` into the folder of its run.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyuvm

from switchproof.models import packet
from switchproof.models.formats import Bits
from switchproof.models.layout import MAX_UNITS, EType, Op, RedOp
from switchproof.models.packet import Packets
from switchproof.models.workloads import contributions, num_slices, vector
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.env import Listener
from switchproof.tb.pipes import concatenate

#: Members and units of the rates of one engine.
MEMBERS, UNITS = (2, 4, 8, 16), (1, 4, 16)
#: Reductions of a rate: enough that the middle half is steady.
COUNT = 240
#: Bytes of the vector of an AllReduce, FP32.
VECTOR = 1 << 20
#: Members of an AllReduce.
RINGS = (8, 16)


@pyuvm.test()
class Collectives(BaseTest):
    """Rates of one engine, latency of one reduction, AllReduce in the switch and by a ring."""

    stalls = "none"

    def end_of_elaboration_phase(self) -> None:
        self.came: list[list[Packets]] = [[] for _ in range(self.config.ports)]
        self.left: list[list[Packets]] = [[] for _ in range(self.config.ports)]
        for agent in self.env.ports:
            agent.monitor.received.connect(Listener("came", agent, self.came[agent.port].append))
            agent.monitor.sent.connect(Listener("left", agent, self.left[agent.port].append))

    async def traffic(self) -> None:
        figures: dict[str, Any] = {}
        self.seq = 0
        for group, members in enumerate(MEMBERS):
            await self.set_group(group, list(range(members)))
        for group, members in enumerate(MEMBERS):
            for units in UNITS:
                name = f"m{members}_b{16 * units}"
                figures[f"flits_per_cycle_{name}"] = await self.rate(group, members, units)
        figures["latency_last_in_first_out_cycles"] = await self.latency(MEMBERS.index(8), 8)
        for members in RINGS:
            figures[f"inswitch_cycles_n{members}"] = await self.inswitch(members)
            figures[f"ring_cycles_n{members}"] = await self.ring(members)
        (self.settings.folder / "rates.json").write_text(json.dumps(figures))

    async def exchange(self, packets: traffic.Traffic) -> list[Packets]:
        """Send packets and return what each port got, in the order in which it came."""
        for rows in (*self.came, *self.left):
            rows.clear()
        await self.send(packets)
        await self.drain()
        return [concatenate(rows) if rows else packet.make(0) for rows in self.came]

    async def rate(self, group: int, members: int, units: int) -> float:
        """Return the flits of contributions that one engine takes in a cycle from members that
        always have some."""
        packets = traffic.allreduce(
            self.rng, self.config, COUNT, group=group, members=range(members), etype=EType.FP32,
            redop=RedOp.SUM, lengths=(units, units), first_seq=self.seq, poison=0.0,
        )  # fmt: skip
        self.seq += COUNT
        ends = (await self.exchange(packets))[0]["stamp"].astype(np.int64)
        middle = ends[COUNT // 4 : -COUNT // 4]
        flits = packet.num_flits(units, 0, self.config.flit_w)
        return float(members * flits * (len(middle) - 1) / (middle[-1] - middle[0]))

    async def latency(self, group: int, members: int) -> int:
        """Return the cycles from the last beat of the last contribution, of 256 bytes, on a port to
        the first beat of its result on a port."""
        packets = traffic.allreduce(
            self.rng, self.config, 1, group=group, members=range(members), etype=EType.FP32,
            redop=RedOp.SUM, lengths=(MAX_UNITS, MAX_UNITS), first_seq=self.seq, poison=0.0,
        )  # fmt: skip
        self.seq += 1
        last = packets[members - 1]
        await self.exchange(
            [rows if p < members - 1 else last[:0] for p, rows in enumerate(packets)]
        )
        got = await self.exchange(
            [last if p == members - 1 else last[:0] for p in range(self.ports)]
        )
        return int(got[0]["stamp"][0]) - int(self.left[members - 1][0]["stamp_last"][0])

    @property
    def ports(self) -> int:
        """External ports."""
        return self.config.ports

    def gradients(self, members: int) -> Bits:
        """Return a vector of FP32 patterns of each member."""
        values = self.rng.normal(size=(members, VECTOR // 4)).astype("<f4")
        patterns: Bits = values.view("<u4")
        return patterns

    async def inswitch(self, members: int) -> int:
        """Return the cycles from the first beat sent to the last one that has come of an AllReduce
        by as many engines as members, slices in turn."""
        vectors = self.gradients(members)
        slices = num_slices(vectors.shape[1], EType.FP32)
        packets = contributions(
            vectors, EType.FP32, flit_w=self.config.flit_w, group=MEMBERS.index(members),
            dst=self.ports + np.arange(slices) % members, seq=self.seq,
            src=np.arange(members),
        )  # fmt: skip
        self.seq += 1
        # Each begins a round of slices with another engine, so that all engines have work at once;
        # of an engine's slices the order is the same for all members.
        turns = np.arange(slices).reshape(-1, members)
        packets = np.stack([rows[np.roll(turns, -p, 1).ravel()] for p, rows in enumerate(packets)])
        rows = [*packets, *(packet.make(0) for _ in range(self.ports - members))]
        got = await self.exchange(rows)
        sums = [vector(got[p], EType.FP32, vectors.shape[1]) for p in range(members)]
        assert all((one == sums[0]).all() for one in sums)
        return self.between(range(members))

    async def ring(self, members: int) -> int:
        """Return the cycles of an AllReduce by writes in a ring through the same switch: 2(N-1)
        steps of 1/N of the vector each; a step begins when the one before it has come. Members add
        what they get in no time; cycles between steps do not count."""
        vectors = self.gradients(members).view("<f4").copy().reshape(members, members, -1)
        cycles = 0
        for step in range(2 * (members - 1)):
            part = [(p - step) % members for p in range(members)]
            packets = [
                self.write(p, (p + 1) % members, vectors[p, part[p]]) for p in range(members)
            ]
            got = await self.exchange(
                [*packets, *(packet.make(0) for _ in range(self.ports - members))]
            )
            cycles += self.between(range(members))
            for p in range(members):
                k = part[(p - 1) % members]
                came = got[p]["data"][:, : 16 * MAX_UNITS].reshape(-1).view("<f4")
                vectors[p, k] = vectors[p, k] + came if step < members - 1 else came
        assert all((vectors[p] == vectors[0]).all() for p in range(members))
        return cycles

    def write(self, src: int, dst: int, values: Any) -> Packets:
        """Return writes of 256 bytes that carry FP32 numbers."""
        payload = values.reshape(-1, 4 * MAX_UNITS)
        return packet.make(
            len(payload), flit_w=self.config.flit_w, op=Op.WRITE, src=src, dst=dst, len=MAX_UNITS,
            tag=np.arange(len(payload)) & 0xFFF, mem_addr=256 * np.arange(len(payload)),
            payload=payload,
        )  # fmt: skip

    def between(self, ports: range) -> int:
        """Return the cycles from the first beat that ports sent to the last that came to them, both
        included."""
        first = min(int(self.left[p][0]["stamp"].min()) for p in ports)
        last = max(int(rows["stamp_last"].max()) for p in ports for rows in self.came[p])
        return last - first + 1
