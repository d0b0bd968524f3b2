# SPDX-License-Identifier: Apache-2.0
"""A supernode through buses of clients that are not ours: memory is memory, whatever fails."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotbext.axi import AxiResp

from switchproof.ci.filelists import needed
from switchproof.ci.paths import ROOT
from switchproof.models.endpoint.collectives import Kind
from switchproof.models.endpoint.memory import Call, linearizable
from switchproof.models.formats import element_dtype
from switchproof.models.layout import AtomicOp, EType, RedOp
from switchproof.models.reduction import allreduce
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


async def together(coroutines: list[Any]) -> list[Any]:
    """Run all at once until all have ended; return what they return."""
    return [await task for task in [cocotb.start_soon(one) for one in coroutines]]


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


async def while_planes_fail(rack: Rack, work: Any) -> None:
    """Do some work while one plane after the other is lost and comes back."""
    running = True

    async def vandal() -> None:
        while running:
            plane = int(rack.rng.integers(PLANES))
            rack.dut.cut_i.value = sum(1 << (e * PLANES + plane) for e in range(ENDPOINTS))
            await rack.cycles(int(rack.rng.integers(50, 800)))
            rack.dut.cut_i.value = 0
            await rack.cycles(int(rack.rng.integers(600, 1500)))
            rack.hits["planes.cut"] += 1

    task = cocotb.start_soon(vandal())
    await work
    running = False
    await task


@cocotb.test()
async def planes_fail(dut: Any) -> None:
    """Planes are lost and come back, one at a time, under traffic: nobody notices."""
    rack = Rack(dut)
    await rack.begin()
    await while_planes_fail(rack, memory(rack, 60))
    rack.hits["planes.reissued"] += await rack.count("reissued")
    rack.hits["planes.down"] += await rack.count("planes_down")
    assert rack.hits["planes.reissued"] > 0
    assert await rack.count("tag_timeouts") == 0
    end(rack)


async def while_links_fail(rack: Rack, work: Any, down: int, up: int) -> None:
    """Do some work while one link between an endpoint and a plane after the other is cut, the first
    for `down` cycles, the others for up to as many; then all are left for `up` cycles at least, so
    that what is tried again by another plane does not meet the next cut."""
    running = True

    async def vandal() -> None:
        length = down
        while running:
            rack.dut.cut_i.value = 1 << int(rack.rng.integers(ENDPOINTS * PLANES))
            await rack.cycles(length)
            length = int(rack.rng.integers(50, down))
            rack.dut.cut_i.value = 0
            await rack.all_up()
            await rack.cycles(int(rack.rng.integers(up, 2 * up)))
            rack.hits["links.cut"] += 1

    task = cocotb.start_soon(vandal())
    await work
    running = False
    await task


async def used(rack: Rack, plane: int) -> list[int]:
    """Return how many packets each port of a plane has sent."""
    return [await rack.switches[plane].read(f"port[{e}].tx_packets") for e in range(ENDPOINTS)]


async def all_planes_carry(rack: Rack) -> None:
    """Traffic of all goes over all ports of all planes."""
    before = [await used(rack, plane) for plane in range(PLANES)]
    for ram in rack.rams:
        ram.write(0, bytes(OWN * ENDPOINTS))
    await memory(rack, 15)
    for plane in range(PLANES):
        for was, is_now in zip(before[plane], await used(rack, plane), strict=True):
            assert is_now > was + 5, f"plane {plane} is not used again"
    rack.hits["links.used_again"] += 1


async def links_are_hidden(rack: Rack, rounds: int, down: int, up: int, avoid: int) -> None:
    """Cut links among loads, stores and atomics of all: no wrong data, no error, nothing lost; in
    the end all planes are used again."""
    await while_links_fail(
        rack, together([memory(rack, rounds), atomics(rack, rounds // 2)]), down, up
    )
    rack.hits["links.detours"] += await rack.count("detours")
    assert rack.hits["links.detours"] > 0
    for name in ("tag_timeouts", "decode_errors", "slave_errors", "malformed_answers"):
        assert await rack.count(name) == 0, name
    await rack.cycles(avoid)
    # Who has not been busy since then finds no plane to avoid any more.
    before = await rack.count("detours")
    await all_planes_carry(rack)
    assert await rack.count("detours") == before
    end(rack)


@cocotb.test()
async def links_fail(dut: Any) -> None:
    """One endpoint's way to one plane is lost and comes back, under traffic of all: the others try
    another plane."""
    rack = Rack(dut)
    await rack.begin(loss_timeout=1200, avoid_time=4000)
    for endpoint in rack.endpoints[::2]:
        await endpoint.write("control", seal=1, require=1, least=1)
    await links_are_hidden(rack, 60, down=1500, up=2500, avoid=4100)


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
    for ram in rack.rams:
        ram.write(0xF000, bytes(16))
    await while_planes_fail(rack, atomics(rack, 60))
    rack.hits["atomics.replayed"] += await rack.count("atomics_replayed")
    end(rack)


# ---------------------------------------------------------------------------------- collectives

#: Where vectors to contribute and results lie in each memory.
GIVEN, FOUND = 0x8000, 0xA000


class Vectors:
    """Vectors of all endpoints in their memories."""

    def __init__(self, rack: Rack, elements: int, etype: int) -> None:
        self.rack, self.etype = rack, etype
        dtype = element_dtype(etype)
        shape = (ENDPOINTS, elements)
        if etype == EType.INT32:
            self.bits = rack.rng.integers(0, 1 << 32, shape, np.uint32).astype(dtype)
        else:
            self.bits = rack.rng.normal(size=shape).astype(np.float32).view(dtype)
        for ram, row in zip(rack.rams, self.bits):
            ram.write(GIVEN, row.tobytes())
            ram.write(FOUND, bytes(row.nbytes))

    @property
    def bytes(self) -> int:
        """Bytes of a vector."""
        return self.bits[0].nbytes

    def found(self, endpoint: int) -> np.ndarray:
        """Return what lies where results are wanted."""
        return np.frombuffer(
            bytes(self.rack.rams[endpoint].read(FOUND, self.bytes)), self.bits.dtype
        )

    def sums(self) -> np.ndarray:
        """Return what the golden model makes of the vectors."""
        return allreduce(self.bits, self.etype)


async def of_all(rack: Rack, name: str, members: Any = range(ENDPOINTS), **fields: Any) -> None:
    """Let members take part in a collective, beginning at random times; none may fail."""

    async def one(endpoint: int) -> None:
        await rack.cycles(int(rack.rng.integers(0, 200)))
        result = await rack.collective(endpoint, **fields)
        assert result["status"] == result["timeout"] == result["poisoned"] == 0, result
        rack.hits[f"collective.{name}"] += 1

    await together([one(endpoint) for endpoint in members])


async def programs(rack: Rack) -> None:
    """In-switch AllReduce and ReduceScatter, Barrier, Broadcast, AllGather, load-reduce; a ring."""
    vectors = Vectors(rack, 600, EType.FP32)
    sums = vectors.sums()
    where = {"source": GIVEN, "to": FOUND, "bytes": vectors.bytes}
    await of_all(rack, "allreduce", kind=Kind.ALLREDUCE, seq=1, **where)
    for e in range(ENDPOINTS):
        assert (vectors.found(e) == sums).all(), f"AllReduce at {e}"

    # Each root has two slices of 256 bytes.
    vectors = Vectors(rack, 2 * 64 * ENDPOINTS, EType.FP32)
    sums = vectors.sums()
    where["bytes"] = vectors.bytes
    await of_all(
        rack, "reduce_scatter", kind=Kind.REDUCE, seq=2, scatter=1, root=0, root_log2=1, **where
    )
    for e in range(ENDPOINTS):
        own = slice(128 * e, 128 * (e + 1))
        assert (vectors.found(e)[own] == sums[own]).all(), f"ReduceScatter at {e}"

    late = int(rack.rng.integers(ENDPOINTS))
    left: list[int] = []

    async def barrier(endpoint: int) -> None:
        if endpoint == late:
            await rack.cycles(2000)
            assert not left, "a barrier opens before all have come"
        await of_all(rack, "barrier", [endpoint], kind=Kind.BARRIER, seq=3)
        left.append(endpoint)

    await together([barrier(e) for e in range(ENDPOINTS)])

    # AllGather: each stores its vector at all, one behind the other; a broadcast is one of these.
    vectors = Vectors(rack, 128, EType.FP32)
    for e in range(ENDPOINTS):
        await of_all(
            rack, "allgather", [e], kind=Kind.MCAST_STORE, dst=1, source=GIVEN, bytes=vectors.bytes,
            remote=FOUND + e * vectors.bytes, answers=ENDPOINTS,
        )  # fmt: skip
    for ram in rack.rams:
        assert bytes(ram.read(FOUND, vectors.bits.nbytes)) == vectors.bits.tobytes(), "AllGather"

    vectors = Vectors(rack, 256, EType.FP32)
    for endpoint in rack.endpoints:
        await endpoint.write("fetch[1].base_low", GIVEN)
        await endpoint.write("fetch[1].bytes", vectors.bytes)
        await endpoint.write("fetch[1].entry", valid=1)
    await of_all(
        rack, "load_reduce", [2], kind=Kind.LOAD_REDUCE, seq=4, to=FOUND, bytes=vectors.bytes
    )
    assert (vectors.found(2) == vectors.sums()).all(), "load-reduce"


async def ring(rack: Rack) -> None:
    """AllReduce by loads and stores alone, around a ring: what programs do without the engines."""
    vectors = Vectors(rack, 64 * ENDPOINTS, EType.INT32)
    held = vectors.bits.copy()
    chunk = vectors.bytes // ENDPOINTS

    async def step(endpoint: int, part: int) -> None:
        part %= ENDPOINTS
        data = held[endpoint, 64 * part : 64 * (part + 1)].tobytes()
        address = RELAXED + RAM_BYTES * ((endpoint + 1) % ENDPOINTS) + FOUND + chunk * part
        assert (await rack.masters[endpoint].write(address, data)).resp == AxiResp.OKAY

    for phase in range(2):
        for n in range(ENDPOINTS - 1):
            await together([step(e, e - n + phase) for e in range(ENDPOINTS)])
            for e in range(ENDPOINTS):
                part = (e - 1 - n + phase) % ENDPOINTS
                own = slice(64 * part, 64 * (part + 1))
                came = vectors.found(e)[own]
                held[e, own] = came if phase else held[e, own] + came
    for e in range(ENDPOINTS):
        assert (held[e] == vectors.sums()).all(), f"ring at {e}"
    rack.hits["collective.ring"] += 1


@cocotb.test()
async def collectives(dut: Any) -> None:
    """Collectives as programs, among loads and stores of all."""
    rack = Rack(dut)
    await rack.begin()
    others = cocotb.start_soon(memory(rack, 25))
    await programs(rack)
    await ring(rack)
    await others
    assert await rack.count("collective_errors") == await rack.count("unknown_results") == 0
    end(rack)


#: Of 2^32 cycles so many have a wrong bit: one in 1,000.
ERRORS = 1 << 22


def page_examples() -> list[str]:
    """Return the Python blocks of docs/chip.md, in order."""
    return re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs" / "chip.md").read_text(), re.M | re.S
    )


@cocotb.test()
async def worked_examples(dut: Any) -> None:
    """What docs/chip.md shows, as it stands there, one block after the other."""
    rack = Rack(dut)
    await rack.begin()
    names: dict[str, Any] = {
        "rack": rack, "masters": rack.masters, "rams": rack.rams, "endpoints": rack.endpoints,
        "together": together, "np": np, "AtomicOp": AtomicOp, "AxiResp": AxiResp, "EType": EType,
        "Kind": Kind, "RedOp": RedOp,
    }  # fmt: skip
    for block in page_examples():
        code = compile(block, "docs/chip.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, names)
        if running is not None:  # a block without an await has run by now
            await running
        rack.hits["examples.blocks"] += 1
    end(rack)


@cocotb.test()
async def linked(dut: Any) -> None:
    """Links between endpoints and planes, with wrong bits on all wires: all of the above."""
    rack = Rack(dut, links=True)
    await rack.begin()
    for link in rack.ends:
        await link.write("inject_rate", ERRORS)
        await link.write("inject_seed", int(rack.rng.integers(1, 1 << 32)))
        await link.write("command", load=1)
    others = cocotb.start_soon(memory(rack, 25))
    await programs(rack)
    await ring(rack)
    await atomics(rack, 8)
    await others
    rack.hits["linked.replays"] += sum([await end.read("llr_tx_replay") for end in rack.ends])
    assert rack.hits["linked.replays"] > 0
    for name in ("tag_timeouts", "reissued", "atomics_unknown", "collective_errors"):
        assert await rack.count(name) == 0, name
    end(rack)


@cocotb.test()
async def linked_fail(dut: Any) -> None:
    """The wires of one link after the other are cut and mended: only its ends find it."""
    rack = Rack(dut, links=True)
    await rack.begin(loss_timeout=8000, reissue_delay=4000, avoid_time=20_000)
    await links_are_hidden(rack, 120, down=4000, up=16_000, avoid=20_100)


BENCH = "tests/rack/sp_supernode_bench.sv"


@pytest.mark.sim
@pytest.mark.parametrize(
    "testcase",
    [
        "loads_and_stores",
        "planes_fail",
        "links_fail",
        "atomics_of_all",
        "collectives",
        "worked_examples",
    ],
)
def test_supernode(sim: Any, testcase: str) -> None:
    run(sim, testcase, links=0)


@pytest.mark.sim
@pytest.mark.large
@pytest.mark.long  # its build; test_switch_chip.py has links with errors in `make test`
@pytest.mark.parametrize("testcase", ["linked", "linked_fail"])
def test_linked_supernode(sim: Any, testcase: str) -> None:
    run(sim, testcase, links=1)


def run(sim: Any, testcase: str, links: int) -> None:
    """Run a test on the bench."""
    sim.run_module(
        sources=needed(BENCH),
        toplevel="sp_supernode_bench",
        parameters={"N": ENDPOINTS, "N_PLANES": PLANES, "LINKS": links},
        module=__name__,
        testcase=testcase,
    )
