# SPDX-License-Identifier: Apache-2.0
"""A pair of linked ends as a board has it: traffic through it, and what its registers count.

The bench counts the events of both ends by itself; every register must say the same.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Timer

from switchproof.ci.build import BuildError, BuildSpec, lint
from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim
from switchproof.models import csr
from tests.csr.axi_lite import AxiLiteMaster
from tests.link.link_play import DOWN, EVENTS, UP
from tests.link.test_link_csr import counted

TRAIN = 1
ALWAYS = 1 << 32


class Bench:
    """Clock, reset and the registers of both ends."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.map = csr.load("link_map")
        self.bus = AxiLiteMaster(dut, dut.clk_i, int(os.environ["SP_SEED"]))
        self.hits: Counter[str] = Counter()

    async def start(self) -> None:
        """Reset; both ends are down, with their settings after reset."""
        dut = self.dut
        self.bus.idle()
        for name in ("end_i", "run_i", "odd_i", "stall_p_i"):
            getattr(dut, name).value = 0
        dut.core_rst_ni.value = 1
        dut.rst_ni.value = 0
        cocotb.start_soon(Clock(dut.clk_i, 10, unit="ns").start())
        await Timer(35, "ns")
        dut.rst_ni.value = 1
        await ClockCycles(dut.clk_i, 2)
        cocotb.start_soon(self.bus.run())

    async def write(self, end: int, name: str, **fields: int) -> None:
        """Write a register of an end."""
        self.dut.end_i.value = end
        word = self.map.encode(name, **fields)
        assert await self.bus.write(self.map.address(name), word) == csr.OKAY

    async def both(self, name: str, **fields: int) -> None:
        """Write a register of both ends."""
        for end in (0, 1):
            await self.write(end, name, **fields)

    async def read(self, end: int, name: str) -> int:
        """Return a register of an end."""
        self.dut.end_i.value = end
        word, response = await self.bus.read(self.map.address(name))
        assert response == csr.OKAY
        return word

    async def fields(self, end: int, name: str) -> dict[str, int]:
        """Return the fields of a register of an end."""
        return self.map.decode(name, await self.read(end, name))

    async def until(self, state: int, other: int, cycles: int = 20_000) -> None:
        """Wait until end 0 is in a state and end 1 in another."""
        found: list[int] = []
        for _ in range(cycles // 50):
            found = [(await self.fields(end, "status"))["state"] for end in (0, 1)]
            if found == [state, other]:
                return
            await ClockCycles(self.dut.clk_i, 50)
        raise AssertionError(f"states {found}, not {state} and {other}, after {cycles} cycles")

    def words(self, name: str) -> list[int]:
        """Return an output of both ends."""
        word = int(getattr(self.dut, f"{name}_o").value)
        return [word & 0xFFFF_FFFF, word >> 32]

    def event(self, end: int, name: str) -> int:
        """Return how often the bench saw an event."""
        words = int(self.dut.events_o.value)
        return words >> 32 * (end * len(EVENTS) + EVENTS.index(name)) & 0xFFFF_FFFF

    async def arrive(self) -> None:
        """Stop the sources, wait until all packets have come, check them."""
        self.dut.run_i.value = 0
        await self.wait(lambda: self.words("came") == self.words("sent")[::-1], "all came")
        assert self.words("wrong") == [0, 0]

    async def wait(self, done: Callable[[], bool], what: str, cycles: int = 60_000) -> None:
        """Wait for something that the bench shows."""
        for _ in range(cycles // 50):
            await ClockCycles(self.dut.clk_i, 50)
            if done():
                return
        raise AssertionError(f"not within {cycles} cycles: {what}")

    async def compare(self) -> None:
        """Compare every counter of both ends with what the bench saw.

        The ends are disabled: events that go on would count between the two.
        """
        await self.both("control")
        await self.until(DOWN, DOWN)
        await ClockCycles(self.dut.clk_i, 50)
        for end in (0, 1):
            for event, name in counted().items():
                found, seen = await self.read(end, name), self.event(end, event)
                assert found == seen, f"end {end}: {name} is {found}, {event} happened {seen} times"
                self.hits[f"board.link.{event}"] += seen
            assert await self.read(end, "lost_packets") == self.words("lost")[end]
            assert await self.read(end, "injected_bits") == self.words("injected")[end]
            self.hits["board.link.lost_packets"] += self.words("lost")[end]
            self.hits["board.link.injected_bits"] += self.words("injected")[end]

    def finish(self, case: str) -> None:
        """Write functional coverage."""
        self.hits[f"board.link.case.{case}"] += 1
        path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
        path.write_text(json.dumps({name: hits for name, hits in self.hits.items() if hits}))


@cocotb.test()
async def traffic(dut: Any) -> None:
    """Packets both ways, some of a wrong length, then wrong bits, a cable pulled, an end down: each
    arrives once and in order while the link is up, and all that happened is counted."""
    bench = Bench(dut)
    await bench.start()
    for end in (0, 1):
        status = await bench.fields(end, "status")
        assert status["state"] == DOWN and status["rx_lanes"] == 0
    await bench.both("control", enable=1)
    await bench.until(UP, UP)
    dut.run_i.value, dut.stall_p_i.value, dut.odd_i.value = 3, 30, 1
    await ClockCycles(dut.clk_i, 4000)
    await bench.arrive()
    for end, peer in ((0, 1), (1, 0)):
        sent = bench.words("sent")[end]
        assert sent > 100
        # Numbers 9, 41, 73, ... had a beat more than their header says.
        assert bench.words("marked")[peer] == bench.event(end, "length") == (sent + 22) // 32
        assert bench.event(end, "replay") == 0
    dut.odd_i.value = 0
    # Wrong bits; limits that chance does not reach.
    await bench.both("limits", train_beats=8, replay=255, retrain=255)
    await bench.both("replay_cycles", cycles=500)
    for end in (0, 1):
        await bench.write(end, "inject_seed", value=int(os.environ["SP_SEED"]) + end & 0xFFFFFFFF)
        await bench.write(end, "command", load=1)
    await bench.both("inject_rate", value=ALWAYS // 200)
    dut.run_i.value = 3
    await ClockCycles(dut.clk_i, 12_000)
    await bench.both("inject_rate", value=0)
    for _ in range(5):
        await bench.write(0, "command", shot=1)
    await bench.arrive()
    for end in (0, 1):
        assert 30 < bench.words("injected")[end] < 120
        assert bench.event(end, "replay") > 10
    # The cable that leaves end 1 is pulled, and put back.
    await bench.both("dead_cycles", cycles=1000)
    dut.run_i.value = 3
    await bench.write(1, "control", enable=1, silent=15)
    await bench.wait(lambda: bench.event(0, "retrain") > 0, "end 0 retrains")
    assert (await bench.fields(0, "left"))["dead"] == 1
    await bench.write(1, "control", enable=1)
    await bench.until(UP, UP)
    await bench.arrive()
    assert bench.event(0, "flush") == bench.event(1, "flush") == 0
    # End 0 is disabled while packets fly, and hears of none that it came: what is lost is told.
    dut.run_i.value = 3
    await bench.write(1, "age_cycles", cycles=3000)
    await bench.write(1, "control", enable=1, silent=15)
    await ClockCycles(dut.clk_i, 300)
    await bench.write(0, "control", enable=0)
    await bench.write(1, "control", enable=1)
    await bench.until(DOWN, TRAIN, 40_000)
    dut.run_i.value = 0
    left = await bench.fields(0, "left")
    assert left["disabled"] == 1 and left["to"] == 2
    left = await bench.fields(1, "left")
    assert left["disabled"] == 0 and left["to"] == 2
    assert bench.words("lost")[0] > 0, "packets were under way"
    for end, peer in ((0, 1), (1, 0)):
        missing = bench.words("sent")[end] - bench.words("came")[peer]
        # Beside those in frames there may be one that was only partly in.
        assert 0 <= missing <= bench.words("lost")[end] + 1
    await bench.compare()
    bench.finish("traffic")


@cocotb.test()
async def resets(dut: Any) -> None:
    """The link is reset while packets fly: settings and counters stay, and it trains again."""
    bench = Bench(dut)
    await bench.start()
    await bench.both("replay_cycles", cycles=777)
    await bench.both("control", enable=1)
    await bench.until(UP, UP)
    await bench.write(0, "command", shot=1)
    await bench.wait(lambda: bench.words("injected")[0] == 1, "a wrong bit")
    frames = [await bench.read(end, "llr_tx_ctl") for end in (0, 1)]
    dut.core_rst_ni.value = 0
    await ClockCycles(dut.clk_i, 20)
    assert [(await bench.fields(end, "status"))["state"] for end in (0, 1)] == [DOWN, DOWN]
    dut.core_rst_ni.value = 1
    await bench.until(UP, UP)
    dut.run_i.value = 3
    await ClockCycles(dut.clk_i, 2000)
    await bench.arrive()
    for end in (0, 1):
        assert await bench.read(end, "replay_cycles") == 777
        assert await bench.read(end, "link_up") == 2
        assert await bench.read(end, "llr_tx_ctl") > frames[end]
        assert await bench.read(end, "injected_bits") == 1 - end
    bench.finish("resets")


def run(sim: Sim, testcase: str) -> None:
    """Build the pair and run a test of this file."""
    sim.run_module(
        sources=needed("tests/board/sp_board_link_bench.sv"),
        toplevel="sp_board_link_bench",
        module=__name__,
        testcase=testcase,
    )  # fmt: skip


def test_board_link_traffic(sim: Sim) -> None:
    """See traffic."""
    run(sim, "traffic")


def test_board_link_resets(sim: Sim) -> None:
    """See resets."""
    run(sim, "resets")


@pytest.mark.parametrize(
    ("module", "name", "value", "bound"),
    [
        ("sp_board", "N_LINKS", 5, "0..4"),
        ("sp_board", "N_ENDPOINTS", 5, "0..4"),
        ("sp_link_csr", "K", 3, "1, 2 or 4"),
        ("sp_link_credit", "USED_W", 6, "7..14"),
        ("sp_link_crc", "FOLD_AT", 106, "a multiple"),
    ],
)
def test_links_parameters(module: str, name: str, value: int, bound: str) -> None:
    """A parameter out of bounds stops elaboration with its name and the bound."""
    spec = BuildSpec(
        name="illegal",
        toplevel=module,
        sources=needed(module),
        parameters=((name, value),),
    )
    with pytest.raises(BuildError, match=f"{module}: {name} = {value} is not (in )?{bound}"):
        lint(spec)
