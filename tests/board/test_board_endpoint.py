# SPDX-License-Identifier: Apache-2.0
"""An endpoint of a board whose packets come back to itself: its host unit and its windows.

The host moves bytes within the memory by stores and loads through the endpoint, and looks at words
past it at the same time. The test keeps the bytes by itself.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer

from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim
from switchproof.models import csr
from switchproof.models.endpoint.memory import operate
from switchproof.models.layout import AtomicOp, Status
from tests.csr.axi_lite import AxiLiteMaster

SIZE = 1024
#: Bytes of a destination in the address map: behind the first comes another, which is the same.
WINDOW = 2048
#: Where the memory lies in the endpoint's address map; behind it is none.
BASE = 1 << 40
OKAY, SLVERR, DECERR = 0, 2, 3
STORE, LOAD, ATOMIC, NONE = range(4)
TIMEOUT = 3000


class Bench:
    """Clock, resets, the endpoint's registers, and the ports of the host."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = np.random.default_rng(int(os.environ["SP_SEED"]))
        self.map, self.board = csr.load("endpoint_map"), csr.load("board_map")
        self.bus = AxiLiteMaster(dut, dut.clk_i, int(os.environ["SP_SEED"]))
        self.hits: Counter[str] = Counter()

    def draw(self, high: int) -> int:
        """Return a number below `high`."""
        return int(self.rng.integers(high))

    async def start(self) -> None:
        """Reset, and program the endpoint."""
        dut = self.dut
        self.bus.idle()
        for name in ("push", "pop", "write", "read", "word", "data"):
            getattr(dut, f"{name}_i").value = 0
        dut.take_i.value = dut.up_i.value = 1
        dut.sealed_i.value = 0
        dut.core_up_i.value = dut.core_rst_ni.value = dut.rst_ni.value = 0
        cocotb.start_soon(Clock(dut.clk_i, 10, unit="ns").start())
        await Timer(35, "ns")
        dut.rst_ni.value = 1
        await self.reset(False)
        cocotb.start_soon(self.bus.run())
        await self.program()

    async def reset(self, held: bool) -> None:
        """Hold all but what answers the host in reset, or release it."""
        self.dut.core_rst_ni.value = self.dut.core_up_i.value = int(not held)
        await ClockCycles(self.dut.clk_i, 3)

    async def program(self) -> None:
        """Write the endpoint's registers."""
        await self.csr("source", id=5)
        await self.csr("tag_timeout", cycles=TIMEOUT)
        await self.csr("reissue_delay", cycles=100)
        await self.csr("region[0].base_high", bits=BASE >> 32)
        await self.csr("region[0].entry", valid=1, dst=5, window_log2=11, size_log2=12)

    async def csr(self, name: str, **fields: int) -> None:
        """Write a register of the endpoint."""
        word = self.map.encode(name, **fields)
        assert await self.bus.write(self.map.address(name), word) == csr.OKAY

    async def counter(self, name: str) -> int:
        """Return a register of the endpoint."""
        word, response = await self.bus.read(self.map.address(name))
        assert response == csr.OKAY
        return word

    def number(self, name: str) -> int:
        """Return the number of a word of the host unit."""
        return self.board.address(f"port[0].host.{name}") // 4 % 64

    async def answer(self) -> int:
        """Wait for the answer of a register; return whether it was refused."""
        await RisingEdge(self.dut.clk_i)
        self.dut.write_i.value = self.dut.read_i.value = 0
        await RisingEdge(self.dut.clk_i)
        assert int(self.dut.done_o.value)
        return int(self.dut.err_o.value)

    async def write(self, name: str | int, data: int) -> int:
        """Write a word of the host unit; return whether it was refused."""
        dut = self.dut
        dut.word_i.value = name if isinstance(name, int) else self.number(name)
        dut.data_i.value, dut.write_i.value = data, 1
        return await self.answer()

    async def read(self, name: str | int, refused: int = 0) -> int:
        """Return a word of the host unit."""
        self.dut.word_i.value = name if isinstance(name, int) else self.number(name)
        self.dut.read_i.value = 1
        assert await self.answer() == refused
        return int(self.dut.data_o.value)

    async def push(self, data: int) -> int:
        """Write the next word of the memory; return whether there was one."""
        dut = self.dut
        dut.data_i.value, dut.push_i.value = data, 1
        await RisingEdge(dut.clk_i)
        full = int(dut.full_o.value)
        dut.push_i.value = 0
        await RisingEdge(dut.clk_i)
        return 1 - full

    async def pop(self) -> int | None:
        """Return the next word of the memory, if there is one."""
        dut = self.dut
        dut.pop_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.pop_i.value = 0
        for _ in range(400):
            await RisingEdge(dut.clk_i)
            if int(dut.pop_ack_o.value):
                return None if int(dut.pop_err_o.value) else int(dut.pop_word_o.value)
        raise AssertionError("no answer to a read of the memory")

    async def fill(self, address: int, data: bytes) -> None:
        """Write bytes through the window."""
        await self.write("window", address)
        for at in range(0, len(data), 4):
            assert await self.push(int.from_bytes(data[at : at + 4], "little"))

    async def dump(self, address: int, size: int) -> bytes:
        """Return bytes through the window."""
        await self.write("window", address)
        words = [await self.pop() for _ in range(size // 4)]
        return b"".join((word or 0).to_bytes(4, "little") for word in words)

    async def begin(self, op: int, **fields: int) -> int:
        """Begin a command; return whether it was refused."""
        return await self.write(
            "command", self.board.encode("port[0].host.command", op=op, **fields)
        )

    async def address(self, address: int, operand: int = 0, compare: int = 0) -> None:
        """Write address and operands."""
        for name, value in (("address", address), ("operand", operand), ("compare", compare)):
            await self.write(f"{name}_low", value & 0xFFFFFFFF)
            await self.write(f"{name}_high", value >> 32)

    async def move(self, op: int, here: int, size: int, there: int) -> int:
        """Begin a move; return whether it was refused."""
        await self.write("local", here)
        await self.write("bytes", size)
        await self.address(BASE + there)
        return await self.begin(op)

    async def end(self, cycles: int = 20_000) -> dict[str, int]:
        """Wait until the command has ended; return its status and result."""
        for _ in range(cycles // 4):
            found = self.board.decode("port[0].host.status", await self.read("status"))
            if not found["busy"]:
                low, high = await self.read("result_low"), await self.read("result_high")
                return found | {"result": high << 32 | low}
        raise AssertionError(f"the command does not end within {cycles} cycles")

    def finish(self, case: str) -> None:
        """Write functional coverage."""
        self.hits[f"board.endpoint.case.{case}"] += 1
        path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
        path.write_text(json.dumps(dict(self.hits)))


@cocotb.test()
async def moves(dut: Any) -> None:
    """Bytes are moved while the host looks at words, and while the way is slow."""
    bench = Bench(dut)
    await bench.start()
    memory = bytearray(bench.rng.bytes(SIZE))
    await bench.fill(0, bytes(memory))

    async def slow() -> None:
        while True:
            dut.take_i.value = bench.draw(3) > 0
            await RisingEdge(dut.clk_i)

    task = cocotb.start_soon(slow())
    for _ in range(40):
        # Own bytes are in the lower half, those of the others in the upper.
        size = 1 + bench.draw(200 if bench.draw(3) else 12)
        there = 512 + bench.draw(512 - size)
        here = 8 * bench.draw((504 - size) // 8) + there % 8
        op = STORE if bench.draw(2) else LOAD
        assert not await bench.move(op, here, size, there)
        assert await bench.write("bytes", 0) and await bench.begin(op)
        bench.hits["board.endpoint.busy"] += 1
        before = bytes(memory)
        if op == STORE:
            memory[there : there + size] = memory[here : here + size]
        else:
            memory[here : here + size] = memory[there : there + size]
        # Meanwhile what is written to other words stays, whatever is going on: first as fast as can
        # be, since beats come one after the other; and a word is what it was or what it will be.
        target = there if op == STORE else here
        other = (here + size + 15) // 8 * 8 % 448
        if bench.draw(2) and (other + 64 < here or other >= here + size + 8):
            words = bench.rng.bytes(64)
            await ClockCycles(dut.clk_i, bench.draw(120))
            await bench.fill(other, words)
            memory[other : other + 64] = words
            bench.hits["board.endpoint.push_meanwhile"] += 1
        for _ in range(6):
            at = target // 4 * 4 + 4 * bench.draw((size + 3) // 4)
            if at < SIZE:
                await bench.write("window", at)
                word = await bench.pop()
                now = int.from_bytes(memory[at : at + 4], "little")
                assert word in (int.from_bytes(before[at : at + 4], "little"), now)
        assert (await bench.end())["resp"] == OKAY
        bench.hits[f"board.endpoint.{'store' if op == STORE else 'load'}"] += 1
    task.cancel()
    dut.take_i.value = 1
    assert await bench.dump(0, SIZE) == memory
    bench.finish("moves")


@cocotb.test()
async def words(dut: Any) -> None:
    """Words and atomics at every address of a beat; every register; what is refused."""
    bench = Bench(dut)
    await bench.start()
    memory = bytearray(bench.rng.bytes(64))
    await bench.fill(0, bytes(memory))
    for wide, size in ((0, 4), (1, 8)):
        for offset in range(8):
            address, skipped = 16 + offset, (16 + offset) % size
            value = int.from_bytes(bench.rng.bytes(8), "little")
            await bench.address(BASE + address, value)
            assert not await bench.begin(STORE, word=1, wide=wide)
            assert (await bench.end())["resp"] == OKAY
            word = value.to_bytes(8, "little")[skipped:size]
            memory[address : address + size - skipped] = word
            assert not await bench.begin(LOAD, word=1, wide=wide)
            found = await bench.end()
            assert found["resp"] == OKAY
            assert found["result"].to_bytes(8, "little")[skipped:size] == word
    for kind in AtomicOp:
        wide, quiet = bench.draw(2), bench.draw(2)
        size = 8 if wide else 4
        address = size * bench.draw(64 // size)
        old = int.from_bytes(memory[address : address + size], "little")
        operand = int.from_bytes(bench.rng.bytes(8), "little")
        compare = old if bench.draw(2) else operand
        await bench.address(BASE + address, operand, compare)
        assert not await bench.begin(ATOMIC, kind=int(kind), wide=wide, quiet=quiet)
        found = await bench.end()
        assert (found["status"], found["result"]) == (Status.OK, 0 if quiet else old)
        new = operate(int(kind), old, operand, compare, 8 * size)
        memory[address : address + size] = new.to_bytes(size, "little")
    assert await bench.dump(0, 64) == memory
    # Errors: no memory there; no region.
    await bench.address(BASE + SIZE)
    await bench.begin(LOAD, word=1)
    assert (await bench.end())["resp"] == SLVERR
    # The worst counts, wherever it comes; bytes of beats with an error stay as they are.
    for first, good in ((SIZE - 16, slice(0, 16)), (WINDOW - 16, slice(16, 32))):
        await bench.fill(512, memory[:32])
        await bench.fill(SIZE - 16, memory[48:])
        await bench.move(LOAD, 512, 32, first)
        assert (await bench.end())["resp"] == SLVERR
        expected = bytearray(memory[:32])
        expected[good] = memory[48:] if first < SIZE else memory[:16]
        assert await bench.dump(512, 32) == expected
    await bench.address(7)
    await bench.begin(ATOMIC)
    found = await bench.end()
    assert (found["decerr"], found["status"]) == (1, Status.DST)
    await bench.begin(STORE, word=1)
    assert (await bench.end())["resp"] == DECERR
    # A check that nobody here can look at: requests are not executed; their answers have one too.
    await bench.csr("control", seal=1, require=1)
    assert await bench.counter("control") == await bench.counter("checks") == 0
    await bench.csr("command", clear=1)
    await bench.address(BASE + 8, 1)
    dut.sealed_i.value = 1
    for op, fields in ((STORE, {"word": 1}), (ATOMIC, {}), (LOAD, {"word": 1})):
        assert not await bench.begin(op, **fields)
        found = await bench.end()
        assert found["status"] == Status.UNKNOWN if op == ATOMIC else found["resp"] == SLVERR
        bench.hits["board.endpoint.sealed"] += 1
    dut.sealed_i.value = 0
    counted = [await bench.counter(f"broken_{what}") for what in ("requests", "checks")]
    assert counted == [3, 6] and await bench.dump(0, 64) == memory
    # Without collectives there is no row of what switches may fetch.
    assert await bench.counter("groups") == await bench.counter("commands") == 0
    row = bench.map.address("fetch[0].entry")
    assert await bench.bus.write(row, 1) == csr.SLVERR
    assert await bench.bus.read(row) == (0, csr.SLVERR)
    # Every register keeps its bits, and no others can be written.
    for name, bits in (
        ("window", 0x7FC), ("local", 0x3FF), ("bytes", 0xFFF), ("address_low", 0xFFFFFFFF),
        ("address_high", 0xFFFFFFFF), ("operand_low", 0xFFFFFFFF), ("operand_high", 0xFFFFFFFF),
        ("compare_low", 0xFFFFFFFF), ("compare_high", 0xFFFFFFFF),
    ):  # fmt: skip
        for word in (0x5A5A5A5A, 0xA5A5A5A5):
            assert not await bench.write(name, word)
            assert await bench.read(name) == word & bits
    assert await bench.read("memory_bytes") == SIZE
    for word in (0, 0x27, 0x36, 0x3F):
        assert await bench.write(word, 0) and await bench.read(word, refused=1) == 0
    for name in ("memory_bytes", "status", "result_low", "result_high"):
        assert await bench.write(name, 0)
    # Moves that cannot be: no bytes, other lanes, over the end of the memory, of a page, too many.
    await bench.write("bytes", 0)
    for here, size, there in ((0, 0, 0), (1, 4, 2), (1016, 9, 0), (0, 16, 4088), (7, 2042, 7)):
        assert await bench.move(STORE, here, size, there)
        assert not await bench.read("status") & 1
    assert await bench.begin(NONE)
    # The last word, and what is behind it.
    await bench.write("window", SIZE - 4)
    assert await bench.push(1) and not await bench.push(2)
    assert await bench.pop() is None
    await bench.write("window", SIZE - 4)
    assert await bench.pop() == 1 and await bench.pop() is None
    bench.finish("words")


@cocotb.test()
async def lost(dut: Any) -> None:
    """The way is lost, the endpoint is shut, all is reset: nothing that the host asks for waits."""
    bench = Bench(dut)
    await bench.start()
    memory = bench.rng.bytes(64)
    await bench.fill(0, memory)
    await bench.csr("irq_mask", tag_timeout=1)
    assert await bench.read("status") == 2 and not int(dut.irq_o.value)
    dut.up_i.value = 0
    await ClockCycles(dut.clk_i, 4)
    assert await bench.move(LOAD, 0, 64, 0) == 0
    found = await bench.end()
    assert (found["resp"], found["up"]) == (SLVERR, 0)
    await bench.begin(ATOMIC)
    found = await bench.end()
    assert (found["status"], found["timeout"]) == (Status.TIMEOUT, 1)
    assert await bench.counter("tag_timeouts") == 2 and int(dut.irq_o.value)
    assert await bench.dump(0, 64) == memory
    dut.up_i.value = 1
    await ClockCycles(dut.clk_i, 200)
    await bench.begin(LOAD)
    assert (await bench.end())["resp"] == OKAY
    # What is shut takes nothing, until it is open again.
    await bench.csr("control", shut=1)
    for op in (LOAD, STORE, ATOMIC):
        await bench.csr("control", shut=1)
        assert not await bench.begin(op)
        await ClockCycles(dut.clk_i, 2 * TIMEOUT)
        assert await bench.read("status") & 1
        for name in ("local", "bytes", "address_low", "compare_high"):
            assert await bench.write(name, 8)
        assert await bench.begin(LOAD)
        assert await bench.dump(0, 16) == memory[:16]
        await bench.csr("control", shut=0)
        assert (await bench.end())["resp"] == OKAY
    memory = await bench.dump(0, 64)
    # Reset in the middle of a command.
    await bench.csr("control", shut=1)
    await bench.begin(LOAD)
    await bench.reset(True)
    assert await bench.read("status", refused=1) == 0
    assert await bench.write("window", 4) == 1
    await bench.reset(False)
    assert await bench.read("status") == 2 and await bench.read("address_high") == 0
    assert await bench.dump(0, 64) == memory
    await bench.program()
    await bench.move(STORE, 0, 32, 32)
    assert (await bench.end())["resp"] == OKAY
    assert await bench.dump(0, 64) == memory[:32] * 2
    bench.finish("lost")


def run(sim: Sim, testcase: str) -> None:
    """Build the endpoint and run a test of this file."""
    sim.run_module(
        sources=("tests/board/sp_board_endpoint_bench.vlt",
                 *needed("tests/board/sp_board_endpoint_bench.sv")),
        toplevel="sp_board_endpoint_bench",
        module=__name__,
        testcase=testcase,
    )  # fmt: skip


def test_board_endpoint_moves(sim: Sim) -> None:
    """See moves."""
    run(sim, "moves")


def test_board_endpoint_words(sim: Sim) -> None:
    """See words."""
    run(sim, "words")


def test_board_endpoint_lost(sim: Sim) -> None:
    """See lost."""
    run(sim, "lost")
