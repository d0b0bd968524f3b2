# SPDX-License-Identifier: Apache-2.0
"""A supernode through buses of clients that are not ours: memory is memory, whatever fails."""

from __future__ import annotations

import json
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotbext.axi import AxiResp

from switchproof.ci.filelists import sources
from switchproof.models.endpoint.memory import Call, linearizable
from switchproof.models.layout import AtomicOp
from tests.rack.rack_play import (
    BLOCK,
    ENDPOINTS,
    PLANES,
    RAM_BYTES,
    RELAXED,
    STRICT,
    Rack,
)

#: Bytes that each endpoint owns in each memory; the rest is for atomics and collectives.
OWN = 4096


def end(rack: Rack) -> None:
    """Write what was seen."""
    (rack.folder / "functional.json").write_text(json.dumps(rack.hits))


class Client:
    """Random loads and stores of one endpoint to places that only it writes, against a model."""

    def __init__(self, rack: Rack, endpoint: int) -> None:
        self.rack, self.endpoint = rack, endpoint
        self.rng = np.random.default_rng(rack.rng.integers(1 << 62))
        self.model = np.zeros((ENDPOINTS, OWN), np.uint8)

    def place(self) -> tuple[int, int, int, int]:
        """Return a destination, an offset, a length and the address."""
        dst = int(self.rng.integers(ENDPOINTS))
        length = int(self.rng.choice([1, 4, 8, 64, 256, int(self.rng.integers(1, 700))]))
        start = int(self.rng.integers(0, OWN - length))
        base = RELAXED if self.rng.random() < 0.7 else STRICT
        return dst, start, length, base + RAM_BYTES * dst + OWN * self.endpoint + start

    async def run(self, count: int) -> None:
        """Store and load; what a load brings is what was stored last."""
        master = self.rack.masters[self.endpoint]
        for _ in range(count):
            dst, start, length, address = self.place()
            size = int(self.rng.integers(0, 5))
            if self.rng.random() < 0.5:
                data = self.rng.integers(0, 256, length, np.uint8)
                # Several stores to one block at once: they take effect in their order.
                first = master.init_write(address, bytes(length), size=size)
                last = master.init_write(address, data.tobytes(), size=size)
                self.model[dst, start : start + length] = data
                await first.wait()
                await last.wait()
                for event in (first, last):
                    assert event.data.resp == AxiResp.OKAY, event.data
                self.rack.hits["memory.stores"] += 2
            else:
                read = await master.read(address, length, size=size)
                assert read.resp == AxiResp.OKAY, read
                want = self.model[dst, start : start + length].tobytes()
                assert bytes(read.data) == want, (
                    f"endpoint {self.endpoint} at {address:#x}: {bytes(read.data).hex()} "
                    f"instead of {want.hex()}"
                )
                self.rack.hits["memory.loads"] += 1
            self.rack.hits[f"memory.pair.{self.endpoint}.{dst}"] += 1
            if start % BLOCK + length > BLOCK:
                self.rack.hits["memory.crossing"] += 1

    def check(self) -> None:
        """The memories hold what the model does."""
        for dst in range(ENDPOINTS):
            got = self.rack.rams[dst].read(OWN * self.endpoint, OWN)
            assert bytes(got) == self.model[dst].tobytes(), f"memory {dst} of {self.endpoint}"


async def together(coroutines: list[Any]) -> None:
    """Run all at once until all have ended."""
    for task in [cocotb.start_soon(one) for one in coroutines]:
        await task


async def memory(rack: Rack, count: int) -> None:
    """All endpoints load and store at once."""
    clients = [Client(rack, e) for e in range(ENDPOINTS)]
    await together([client.run(count) for client in clients])
    for client in clients:
        client.check()


@cocotb.test()
async def loads_and_stores(dut: Any) -> None:
    """Random traffic of all; then addresses where nothing is."""
    rack = Rack(dut)
    await rack.begin()
    await memory(rack, 60)
    master = rack.masters[1]
    assert (await master.read(STRICT - 4096, 16)).resp == AxiResp.DECERR
    assert (await master.write(STRICT - 4096, b"nothing")).resp == AxiResp.DECERR
    rack.hits["memory.decerr"] += await rack.count("decode_errors")
    assert rack.hits["memory.decerr"] == 2
    for name in ("late_answers", "malformed_answers", "tag_timeouts", "broken_checks", "reissued"):
        assert await rack.count(name) == 0, name
    end(rack)


@cocotb.test()
async def planes_fail(dut: Any) -> None:
    """Planes are lost and come back, one at a time, under traffic: nobody notices."""
    rack = Rack(dut)
    await rack.begin()
    running = True

    async def vandal() -> None:
        while running:
            plane = int(rack.rng.integers(PLANES))
            dut.cut_i.value = sum(1 << (e * PLANES + plane) for e in range(ENDPOINTS))
            await rack.cycles(int(rack.rng.integers(50, 800)))
            dut.cut_i.value = 0
            await rack.cycles(int(rack.rng.integers(600, 1500)))
            rack.hits["planes.cut"] += 1

    task = cocotb.start_soon(vandal())
    await memory(rack, 60)
    running = False
    await task
    rack.hits["planes.reissued"] += await rack.count("reissued")
    rack.hits["planes.down"] += await rack.count("planes_down")
    assert rack.hits["planes.reissued"] > 0
    assert await rack.count("tag_timeouts") == 0
    end(rack)


async def atomics(rack: Rack, count: int) -> None:
    """All endpoints add to one counter, and swap another; both histories are possible ones."""
    address = RELAXED + RAM_BYTES * 2 + 0xF000
    calls: list[list[Call]] = [[], []]

    async def run(endpoint: int) -> None:
        rng = np.random.default_rng(rack.rng.integers(1 << 62))
        for n in range(count):
            which = int(rng.integers(2))
            kind, operand = AtomicOp.ADD, int(rng.integers(1, 1 << 62))
            if which:
                kind, operand = AtomicOp.SWAP, endpoint << 32 | n + 1
            begin = now()
            result = await rack.command(
                endpoint,
                wide=1,
                kind=int(kind),
                addr=address + 8 * which,
                operand=operand,
                id=n & 15,
            )
            assert result["id"] == n & 15 and not result["timeout"] and not result["decerr"]
            rack.hits["atomics.done"] += 1
            sure = result["status"] == 0
            if not sure:
                assert result["status"] == 13, result
                rack.hits["atomics.unknown"] += 1
            calls[which].append(
                Call(
                    source=endpoint,
                    kind=int(kind),
                    operand=operand,
                    begin=begin,
                    end=now(),
                    old=result["old"] if sure else None,
                    sure=sure,
                )
            )

    def now() -> int:
        return int(cocotb.utils.get_sim_time("step"))

    await together([run(e) for e in range(ENDPOINTS)])
    for which in (0, 1):
        last = int.from_bytes(rack.rams[2].read(0xF000 + 8 * which, 8), "little")
        why = linearizable(calls[which], last=last)
        assert not why, why


@cocotb.test()
async def atomics_of_all(dut: Any) -> None:
    """Atomics of all endpoints at one place, planes as they are; then with planes that fail."""
    rack = Rack(dut)
    await rack.begin()
    await atomics(rack, 15)
    assert rack.hits["atomics.unknown"] == 0
    end(rack)


SIZE = {"N": ENDPOINTS, "N_PLANES": PLANES, "LINKS": 0}
FILES = [*sources(), *sources("link"), *sources("endpoint"), *sources("rack")]


@pytest.mark.sim
@pytest.mark.parametrize("testcase", ["loads_and_stores", "planes_fail", "atomics_of_all"])
def test_supernode(sim: Any, testcase: str) -> None:
    sim.run_module(
        sources=[*FILES, "tests/rack/sp_supernode_bench.sv"],
        toplevel="sp_supernode_bench",
        parameters=SIZE,
        module=__name__,
        testcase=testcase,
        coverage=False,
    )
