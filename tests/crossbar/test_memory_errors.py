# SPDX-License-Identifier: Apache-2.0
"""Wrong bits in packet memories: one is mended, two mark their packet, both are counted."""

from __future__ import annotations

import itertools

import pytest
import pyuvm

from switchproof.models.layout import EType, RedOp
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.pipes import HELD
from tests.crossbar.configs import DEV4C_LONG, DEV4P, DEV4S_LONG


@pyuvm.test()
class MemoryErrors(BaseTest):
    """Errors into the memory of each side, in payload and header, among random unicast."""

    stalls = "none"

    async def inject(self, port: int, *, egress: int, header: int, count: int) -> None:
        """Turn bits of what the memory keeps next wrong."""
        self.checker.may_be_damaged += count == 2
        await self.registers.write(
            "ecc_inject", go=1, port=port, egress=egress, header=header, count=count
        )

    async def traffic(self) -> None:
        config, rng = self.config, self.rng
        self.expected = {1: 0, 2: 0}
        kinds = list(itertools.product((0, 1), (0, 1), (1, 2)))
        for _ in range(3):
            for egress, header, count in kinds:
                port = int(rng.integers(config.ports))
                await self.inject(port, egress=egress, header=header, count=count)
                self.expected[count] += 1
                if egress:
                    # A flit is kept only while another is before it.
                    self.pipe.stalls(HELD, [port])
                    await self.send(traffic.incast(rng, config, 6, port))
                    await self.pipe.run(200)
                    self.pipe.stalls("none", [port])
                else:
                    await self.send(traffic.unicast(rng, config, 10))
                await self.drain()
                name = f"{'egress' if egress else 'voq'}.{'header' if header else 'payload'}"
                self.env.subscriber.coverage.hit(f"ecc.{name}.{count}")
        await self.contributions()

    async def contributions(self) -> None:
        """The same on the way to an engine: its result is right, or poisoned for all."""
        config, rng = self.config, self.rng
        members = list(range(config.ports))
        await self.set_group(1, members)
        for seq, count in enumerate((1, 2)):
            await self.inject(int(rng.integers(config.ports)), egress=0, header=0, count=count)
            # Each member gets a result that differs.
            self.checker.may_be_damaged += (count == 2) * (config.ports - 1)
            await self.send(
                traffic.allreduce(
                    rng, config, 1, group=1, members=members, etype=EType.FP32, redop=RedOp.SUM,
                    first_seq=seq, poison=0.0, special=0.0,
                )
            )  # fmt: skip
            await self.drain()
            self.env.subscriber.coverage.hit(f"ecc.engine.{count}")

    async def check_counters(self) -> None:
        await super().check_counters()
        ports = range(self.config.ports)
        for count, name in ((1, "ecc_corrected"), (2, "ecc_failed")):
            found = [await self.registers.read(f"port[{port}].{name}") for port in ports]
            assert sum(found) == self.expected[count], (name, found)
            assert await self.registers.read(f"engine[0].{name}") == 1
        assert self.checker.damaged == self.expected[2] + self.config.ports


@pyuvm.test()
class NoErrors(BaseTest):
    """Without injection nothing is ever mended: the code of every flit is right on every way."""

    async def traffic(self) -> None:
        config, rng = self.config, self.rng
        # Marked headers have another code.
        await self.registers.write("ecn_threshold", egress=4, voq=4)
        self.checker.marks = True
        parts = [traffic.unicast(rng, config, 200)]
        if config.mcast:
            # So have sets from which an output takes destinations.
            parts.append(traffic.sparse(rng, config, 60))
        await self.send(traffic.shuffled(rng, *parts))

    async def check_counters(self) -> None:
        for port in range(self.config.ports):
            for name in ("ecc_corrected", "ecc_failed"):
                assert await self.registers.read(f"port[{port}].{name}") == 0
        marked = [
            await self.registers.read(f"port_vc[{port}][{vc}].{where}_marked")
            for port in range(self.config.ports) for vc in range(4) for where in ("voq", "egress")
        ]  # fmt: skip
        assert sum(marked) > 0


@pytest.mark.sim
@pytest.mark.parametrize("config", ["dev4", DEV4C_LONG, DEV4P, DEV4S_LONG])
def test_memory_errors(sim, config):
    sim.run(config=config, module=__name__, testcase="MemoryErrors")


@pytest.mark.parametrize("config", ["dev2", DEV4C_LONG, DEV4P])
def test_no_errors(sim, config):
    sim.run(config=config, module=__name__, testcase="NoErrors")
