# SPDX-License-Identifier: Apache-2.0
"""Two tiers of switches do what one switch of all their ports would do."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
import pyuvm

from switchproof.models import csr, fabric, packet, profiles
from switchproof.models.fabric import Entry
from switchproof.models.layout import Op
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest

DUT, PLAIN = "tests/rack/sp_two_tier.toml", "tests/rack/sp_two_tier_plain.toml"
LEAVES, DOWN, SPINES = 4, 2, 2
#: With uplinks between the tiers, which let all pass that is no reduction's.
CONFIG = profiles.get("dev4c").replace(
    ports=LEAVES * DOWN, engines=1, mcast=0, cut_through=0, counters=0, partials=1
)
#: Registers of a switch begin a multiple of this behind those of the first.
CHIP = 1 << 26


class TwoTierTest(BaseTest):
    """The model is one switch of eight ports; the tables are those of the fabric."""

    fabric = fabric.two_tier(LEAVES, DOWN, SPINES)

    async def write(self, chip: int, name: str, **fields: int) -> None:
        """Write a register of a switch."""
        assert self.env.register_agent is not None
        address = chip * CHIP + csr.address(name)
        response = await self.env.register_agent.master.write(address, csr.encode(name, **fields))
        assert response == csr.OKAY, f"switch {chip}: {name} answers {response}"

    async def read(self, chip: int, name: str) -> int:
        """Read a register of a switch."""
        assert self.env.register_agent is not None
        word, response = await self.env.register_agent.master.read(chip * CHIP + csr.address(name))
        assert response == csr.OKAY, f"switch {chip}: {name} answers {response}"
        return word

    async def bring_up(self) -> None:
        self.harness.up_down_i.value = 0
        await super().bring_up()
        for chip, table in enumerate(self.fabric.tables):
            for dst, entry in table.items():
                await self.write(chip, f"fwd_all[{dst}]", valid=1, **dataclasses.asdict(entry))
        self.sent = Counter[fabric.Place]()

    async def send(self, packets: traffic.Traffic) -> None:
        for rows in packets:
            src, dst = packet.get(rows, "src"), packet.get(rows, "dst")
            for pair in zip(src.tolist(), dst.tolist()):
                if pair[1] < self.config.ports:
                    self.sent.update(self.fabric.path(*pair))
        await super().send(packets)

    async def check_counters(self) -> None:
        """Each packet went by the channels that the tables and the hash say."""
        hits = {}
        for (chip, port), count in sorted(self.sent.items()):
            if (chip, port) in self.fabric.wires:
                got = await self.read(chip, f"port[{port}].tx_packets")
                assert got == count, f"switch {chip} sent {got} packets by port {port}, not {count}"
                hits[f"two_tier.{'up' if chip < LEAVES else 'down'}.{chip}.{port}"] = count
        self.hits = hits

    async def finish(self) -> None:
        await super().finish()
        path = self.settings.folder / "functional.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **self.hits}))


@pyuvm.test()
class RandomUnicast(TwoTierTest):
    """Every pair, then random packets; an incast; full rate."""

    async def traffic(self) -> None:
        await self.send(traffic.all_pairs(self.rng, self.config, 4))
        for load in (1.0, 0.4):
            packets = traffic.unicast(self.rng, self.config, 250)
            await self.send(self.spread(packets, load))
            await self.drain()
            self.set_stalls("random")
        await self.send(traffic.incast(self.rng, self.config, 60, target=3))


@pyuvm.test()
class NothingWaitsForEver(TwoTierTest):
    """Requests and responses of full length between all, receivers that stop for long: all come."""

    async def traffic(self) -> None:
        self.set_stalls("bursts")
        ops = [Op.WRITE, Op.READ_RSP, Op.MGT_WRITE]
        for _ in range(3):
            await self.send(traffic.unicast(self.rng, self.config, 150, ops=ops, lengths=(12, 16)))
        await self.drain()


@pyuvm.test()
class Refused(TwoTierTest):
    """What has no route is answered by the leaf that it comes to."""

    async def traffic(self) -> None:
        packets = traffic.unicast(self.rng, self.config, 120)
        for rows in packets:
            lost = self.rng.random(len(rows)) < 0.2
            nowhere = self.config.ids - 1
            packet.set_fields(rows, dst=np.where(lost, nowhere, packet.get(rows, "dst")))
        await self.send(packets)


@pytest.mark.sim
@pytest.mark.parametrize("testcase", ["RandomUnicast", "NothingWaitsForEver", "Refused"])
def test_two_tier(sim: Any, testcase: str) -> None:
    sim.run(config=CONFIG, dut=DUT, module=__name__, testcase=testcase, fixed=True, coverage=True)


@pytest.mark.long
def test_two_tier_plain(sim: Any) -> None:
    """Without engines there is nothing between leaves and spines."""
    config = CONFIG.replace(engines=0, partials=0)
    sim.run(config=config, dut=PLAIN, module=__name__, testcase="RandomUnicast", fixed=True,
            coverage=False)  # fmt: skip


@pytest.mark.parametrize("shape", [(2, 1, 1), (4, 2, 2), (3, 5, 4), (16, 8, 8)])
def test_no_circle(shape: tuple[int, int, int]) -> None:
    """Nothing can wait in a circle with these tables, and all is reached over three channels."""
    two = fabric.two_tier(*shape)
    assert two.circle() is None
    for src in range(len(two.external)):
        for dst in range(0, len(two.external), 3):
            path = two.path(src, dst)
            assert path[-1] == two.external[dst] and len(path) in (1, 3)


def test_circle_is_found() -> None:
    """A leaf that sends down-going packets up again closes a circle; so does a ring of switches."""
    two = fabric.two_tier(2, 2, 2)
    tables = list(two.tables)
    # The spine sends 0 to the wrong leaf, whose table leads up again.
    tables[2] = {**tables[2], 0: Entry(1)}
    wrong = dataclasses.replace(two, tables=tuple(tables))
    circle = wrong.circle()
    assert circle is not None
    for place, following in zip(circle, circle[1:] + circle[:1]):
        assert wrong.wires[place][0] == following[0]
    with pytest.raises(ValueError, match="circle"):
        for src in (2, 3):
            wrong.path(src, 0)
    # Three switches in a ring, one accelerator each: port 0 its own, 1 onward, 2 back.
    wires = {}
    for s in range(3):
        wires[s, 1] = ((s + 1) % 3, 2)
        wires[(s + 1) % 3, 2] = (s, 1)
    onward = tuple({d: Entry(0 if d == s else 1) for d in range(3)} for s in range(3))
    ring = fabric.Fabric((3,) * 3, wires, tuple((s, 0) for s in range(3)), onward)
    assert ring.circle() is not None
    assert ring.path(0, 2) == [(0, 1), (1, 1), (2, 0)]


def test_unreachable() -> None:
    two = fabric.two_tier(2, 1, 1)
    tables = ({0: Entry(0)}, *two.tables[1:])
    with pytest.raises(ValueError, match="no entry for 1"):
        dataclasses.replace(two, tables=tables).path(0, 1)
    with pytest.raises(ValueError, match="power of two"):
        fabric.two_tier(2, 1, 3)
