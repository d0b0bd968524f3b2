# SPDX-License-Identifier: Apache-2.0
"""Registers of an endpoint: every setting at its output, rows that change as a whole, counters,
the interrupt, all against the golden model."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, Timer

from switchproof.ci import linting
from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim
from switchproof.models import csr
from switchproof.models.endpoint import registers as golden
from tests.csr.axi_lite import AxiLiteMaster

ROOT = Path(__file__).parents[2]
#: Regions, groups and planes of the blocks under test.
SHAPES = {"some": (5, 33, 3), "all": (16, 64, 32)}
#: What is only shown, by register: parameter, value.
SHOWN = {
    "flit_width": ("FLIT_W", 256), "data_width": ("DATA_W", 512), "tags": ("N_TAGS", 96),
    "commands": ("N_COMMANDS", 12),
}  # fmt: skip
#: The same of the end-to-end check, which one of the blocks is without.
CHECKS = {"some": 1, "all": 0}
#: The output that each setting is.
SETTINGS = {
    ("control", "seal"): "seal_o", ("control", "require"): "require_o",
    ("control", "shut"): "shut_o", ("source", "id"): "source_o",
    ("tag_timeout", "cycles"): "tag_timeout_o", ("reissue_delay", "cycles"): "reissue_delay_o",
    ("remember", "cycles"): "remember_o", ("collective_timeout", "cycles"): "collective_timeout_o",
    ("planes", "mask"): "planes_o", ("spare", "mask"): "spare_o", ("control", "least"): "least_o",
    ("loss_timeout", "cycles"): "loss_timeout_o", ("avoid_time", "cycles"): "avoid_time_o",
}  # fmt: skip
#: Bits of region_t by field, the first of the struct highest.
REGION_BITS = {
    "valid": 1, "strict": 1, "size_log2": 6, "window_log2": 6, "dst": 14, "base": 64, "offset": 57,
}  # fmt: skip
EVENTS = golden.events()


class Bench:
    """Clock, reset, bus, and the golden model."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.shape = SHAPES[os.environ["EP_SHAPE"]]
        self.random = random.Random(int(os.environ["SP_SEED"]))
        self.shown = {name: value for name, (_, value) in SHOWN.items()}
        self.shown["checks"] = CHECKS[os.environ["EP_SHAPE"]]
        self.model = golden.EndpointRegisters(*self.shape, **self.shown)
        self.bus = AxiLiteMaster(dut, dut.clk_i, int(os.environ["SP_SEED"]))
        self.hits: Counter[str] = Counter()
        #: Rows of the fetch table that were told to be written, and what they became.
        self.told: list[tuple[int, tuple[int, int, int]]] = []

    async def start(self) -> None:
        """Reset, and serve the bus."""
        self.bus.idle()
        self.dut.event_i.value = 0
        self.dut.plane_up_i.value = 0
        self.dut.rst_ni.value = 1
        await Timer(1, "ns")
        self.dut.rst_ni.value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 10, unit="ns").start())
        await ClockCycles(self.dut.clk_i, 3)
        self.dut.rst_ni.value = 1
        cocotb.start_soon(self.bus.run())

    async def read(self, address: int) -> int:
        """Read a word and compare it with the model; return it."""
        want = self.model.read(address)
        self._cover("read", address, want[1])
        got = await self.bus.read(address)
        assert got == want, f"read {self.name(address)}: got {got}, want {want}"
        return want[0]

    async def write(self, address: int, data: int, strobe: int = 0xF) -> int:
        """Write a word; compare the response, and all settings, with the model's; return it."""
        want = self.model.write(address, data, strobe)
        self._cover("write", address, want)
        got = await self.bus.write(address, data, strobe)
        what = f"write {self.name(address)} = {data:#x} strobe {strobe:#x}"
        assert got == want, f"{what}: got {got}, want {want}"
        self.check_settings()
        return want

    def check_settings(self) -> None:
        """Compare the outputs of single registers with the model."""
        for (name, field), pin in SETTINGS.items():
            want = self.model.map.decode(name, self.model.words[name])[field]
            assert int(getattr(self.dut, pin).value) == want, pin
        assert int(self.dut.irq_o.value) == self.model.irq

    def region(self, index: int) -> dict[str, int]:
        """Return a region as it is put out."""
        word, fields = int(self.dut.region_o[index].value), {}
        for name, width in reversed(REGION_BITS.items()):
            fields[name] = word & ((1 << width) - 1)
            word >>= width
        return dict(reversed(fields.items()))

    def fetch(self, index: int) -> tuple[int, int, int]:
        """Return a row of the fetch table as it is put out."""
        pins = (self.dut.fetch_valid_o, self.dut.fetch_base_o, self.dut.fetch_bytes_o)
        valid, base, size = (int(pin[index].value) for pin in pins)
        return valid, base, size

    def check_tables(self) -> None:
        """Compare all rows with the model."""
        regions, groups, _ = self.shape
        for index in range(regions):
            assert self.region(index) == self.model.region(index), f"region {index}"
        for index in range(groups):
            assert self.fetch(index) == self.model.fetch(index), f"fetch {index}"

    async def watch_fetches(self) -> None:
        """Note what is told of the fetch table, with the row as it is in that cycle."""
        while True:
            await FallingEdge(self.dut.clk_i)
            if self.dut.fetch_we_o.value:
                row = int(self.dut.fetch_row_o.value)
                self.told.append((row, self.fetch(row)))

    async def happen(self, *names: str) -> None:
        """Let events happen in the next cycle."""
        self.dut.event_i.value = sum(1 << EVENTS.index(name) for name in names)
        await ClockCycles(self.dut.clk_i, 1)
        self.model.count(names)

    async def quiet(self) -> None:
        """Let nothing happen any more, and all that did be counted."""
        await self.happen()
        await ClockCycles(self.dut.clk_i, 4)

    async def compare(self) -> None:
        """Compare all counters with what happened."""
        for name in EVENTS:
            self.hits[f"endpoint.csr.counted.{name}"] += await self.read(self.at(name))

    def at(self, name: str) -> int:
        """Return an address."""
        return self.model.map.address(name)

    def name(self, address: int) -> str:
        """Return what is at an address, for messages."""
        found = self.model.map.locate(address)
        return found[0].element(found[1]) if found else f"nothing at {address:#x}"

    def _cover(self, kind: str, address: int, response: int) -> None:
        found = self.model.map.locate(address)
        name = found[0].name if found else "nothing"
        answer = "okay" if response == csr.OKAY else "slverr"
        self.hits[f"endpoint.csr.{kind}.{name}.{answer}"] += 1

    def word(self, name: str) -> int:
        """Return a word for a register: a row that can be, or cannot by little, or anything."""
        choose = self.random
        if choose.random() < 0.2:
            return choose.getrandbits(32)
        if name == "region[].entry":
            return self.model.map.encode(
                name,
                valid=choose.random() < 0.8,
                strict=choose.randrange(2),
                size_log2=choose.choice((7, 8, 8, 12, 31, 32, 33, 63)),
                window_log2=choose.choice((7, 8, 8, 20, 56, 57, 57, 58)),
                dst=choose.getrandbits(14),
            )
        if name.startswith("region[].base"):
            # Multiples of what the sizes above are, or of half of it.
            return (1 << choose.choice((7, 8, 11, 12, 30, 31))) * choose.randrange(2)
        return choose.getrandbits(32)

    def address(self) -> int:
        """Return an address: of any register, also of rows that are not there, or of nothing."""
        if self.random.random() < 0.05:
            return self.random.randrange(1 << self.model.map.address_bits)
        names = list(self.model.map.registers.values())
        if self.random.random() < 0.6:
            names = [register for register in names if register.dims]
        register = self.random.choice(names)
        indices = []
        for dim in register.dims:
            there = self.model.there[dim.bound]
            few = self.random.randrange(min(there, 2))  # so that words of one row meet
            beyond = min(there, dim.count - 1)
            anywhere = self.random.randrange(dim.count)
            indices.append(self.random.choice((few, few, few, few, beyond, anywhere)))
        return int(register.addresses(*indices))

    def finish(self) -> None:
        """Write functional coverage."""
        path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
        path.write_text(json.dumps(dict(self.hits)))


@cocotb.test()
async def register_walk(dut: Any) -> None:
    """Values after reset, bits that can be written and those that cannot, bytes, refusals."""
    bench = Bench(dut)
    bench.bus.stall = 0.2
    await bench.start()
    await ClockCycles(dut.clk_i, 2)
    bench.check_settings()
    bench.check_tables()
    there = set()
    for register in bench.model.map.registers.values():
        elements: list[tuple[int, ...]] = [()]
        for dim in register.dims:
            there |= {int(register.addresses(index)) for index in range(dim.count)}
            last = bench.model.there[dim.bound] - 1
            # The first that is not there is where a decoder goes wrong.
            elements = [(index,) for index in (0, 1, last, last + 1, dim.count - 1)]
            elements = [element for element in elements if element[0] < dim.count]
        there.add(register.address)
        for element in elements:
            address = int(register.addresses(*element))
            await bench.read(address)
            words = [(0xFFFF_FFFF, 0xF), (0, 0xF)]
            words += [(bench.random.getrandbits(32), bench.random.randrange(16)) for _ in range(6)]
            for word, strobe in words:
                await bench.write(address, word, strobe)
                await bench.read(address)
    bench.check_tables()
    for (name, _), pin in SETTINGS.items():
        for _ in range(8):
            await bench.write(bench.at(name), bench.random.getrandbits(32))
            bench.hits[f"endpoint.csr.set.{pin}"] += 1
    holes = set(range(0, 1 << bench.model.map.address_bits, 4)) - there
    for address in sorted(holes):
        await bench.read(address)
        await bench.write(address, 0xFFFF_FFFF)
    await bench.read(bench.at("bad_accesses"))
    for _ in range(20):
        dut.plane_up_i.value = up = bench.random.getrandbits(bench.shape[2])
        bench.model.words["status"] = up
        await ClockCycles(dut.clk_i, 1)
        await bench.read(bench.at("status"))
        bench.hits["endpoint.csr.status"] += 1
    # An access is answered by its low bits, whatever they are.
    await bench.write(bench.at("scratch") + 3, 0x1234_5678)
    await bench.read(bench.at("scratch") + 1)
    bench.finish()


@cocotb.test()
async def random_accesses(dut: Any) -> None:
    """Any access after any other, and events: answers, settings and rows stay the model's."""
    bench = Bench(dut)
    await bench.start()
    for turn in range(1500):
        if turn % 300 == 0:
            bench.bus.stall = bench.random.choice((0.0, 0.3, 0.7))
        if turn % 10 == 0:
            await bench.happen(*(name for name in EVENTS if bench.random.random() < 0.05))
            await bench.quiet()
            bench.check_settings()
        address = bench.address()
        if bench.random.random() < 0.35:
            await bench.read(address)
            continue
        found = bench.model.map.locate(address)
        strobe = 0xF if bench.random.random() < 0.95 else bench.random.randrange(16)
        await bench.write(address, bench.word(found[0].name if found else ""), strobe)
        if turn % 25 == 0:
            bench.check_tables()
    bench.check_tables()
    dut.rst_ni.value = 0
    await ClockCycles(dut.clk_i, 2)
    dut.rst_ni.value = 1
    bench.model = golden.EndpointRegisters(*bench.shape, **bench.shown)
    await ClockCycles(dut.clk_i, 2)
    bench.check_settings()
    bench.check_tables()
    for _ in range(100):
        await bench.read(bench.address())
    # What a check is switched on with is there with the check.
    await bench.write(bench.at("control"), 0xFFFF_FFFF)
    seal, require = int(dut.seal_o.value), int(dut.require_o.value)
    assert seal == require == await bench.read(bench.at("checks"))
    bench.hits[f"endpoint.csr.checks.{seal}"] += 1
    bench.finish()


@cocotb.test()
async def rows(dut: Any) -> None:
    """A row changes in one cycle, with its last word: nothing else of it is ever seen."""
    bench = Bench(dut)
    await bench.start()
    seen: set[Any] = set()
    watched: tuple[str, int] = ("region[]", 0)

    def shown() -> Any:
        table, index = watched
        return tuple(bench.region(index).items()) if table == "region[]" else bench.fetch(index)

    def wanted() -> Any:
        table, index = watched
        if table == "region[]":
            return tuple(bench.model.region(index).items())
        return bench.model.fetch(index)

    async def watch() -> None:
        while True:
            await FallingEdge(dut.clk_i)
            seen.add(shown())

    cocotb.start_soon(watch())
    cocotb.start_soon(bench.watch_fetches())
    count = dict(zip(golden.ROWS, bench.shape[:2], strict=True))
    fetches = []
    for _ in range(120):
        table = bench.random.choice(list(golden.ROWS))
        watched = (table, bench.random.randrange(count[table]))
        before = wanted()
        seen.clear()
        await ClockCycles(dut.clk_i, 2)
        *words, last = golden.ROWS[table]
        row = f"{table[:-2]}[{watched[1]}]"
        for word in bench.random.sample(words, bench.random.randint(0, len(words))):
            await bench.write(bench.at(f"{row}.{word}"), bench.word(f"{table}.{word}"))
            await bench.read(bench.at(f"{row}.{word}"))  # not what waits
            if bench.random.random() < 0.15:
                # A word of another row, of either table: those that wait are forgotten.
                other = bench.random.choice(list(golden.ROWS))
                index = bench.random.randrange(count[other])
                if (other, index) == watched:
                    continue
                await bench.write(
                    bench.at(f"{other[:-2]}[{index}].base_low"), bench.random.getrandbits(32)
                )
                bench.hits["endpoint.csr.row.interrupted"] += 1
            elif bench.random.random() < 0.1:
                # A refused write changes nothing that waits.
                await bench.write(bench.at(f"{row}.{last}"), 0, 7)
        assert seen == {before}
        for _ in range(3):
            word = bench.word(f"{table}.{last}")
            if await bench.write(bench.at(f"{row}.{last}"), word) == csr.OKAY:
                if table == "fetch[]":
                    fetches.append((watched[1], bench.model.fetch(watched[1])))
                bench.hits[f"endpoint.csr.row.{table[:-2]}"] += 1
                break
            bench.hits["endpoint.csr.row.unfit"] += 1
        await ClockCycles(dut.clk_i, 1)
        assert seen | {before} == {before, wanted()}
        assert shown() == wanted()
        for word in golden.ROWS[table]:
            await bench.read(bench.at(f"{row}.{word}"))
    bench.check_tables()
    assert bench.told == fetches
    bench.finish()


@cocotb.test()
async def counters(dut: Any) -> None:
    """Each event alone, then all at once at random, counts as what it is named, and stops."""
    bench = Bench(dut)
    await bench.start()
    for number, name in enumerate(EVENTS, start=1):
        for _ in range(number):
            await bench.happen(name)
        await bench.quiet()
        assert await bench.read(bench.at(name)) == number
    await bench.compare()
    for _ in range(1500):
        await bench.happen(*(name for name in EVENTS if bench.random.random() < 0.4))
    await bench.quiet()
    await bench.compare()
    await bench.read(bench.at("irq_status"))
    await bench.read(0x7C)
    assert await bench.read(bench.at("bad_accesses")) == 1
    await bench.write(bench.at("command"), 1)
    assert not any(bench.model.counters.values())
    await bench.compare()
    assert await bench.read(bench.at("bad_accesses")) == 0
    assert await bench.read(bench.at("irq_status")) != 0
    bench.hits["endpoint.csr.clear"] += 1
    # To their end; they are put before it from outside, as that takes long.
    low = len(dut.i_counters.low_q)
    dut.i_counters.begun_q.value = (1 << len(EVENTS)) - 1
    for index in range(len(EVENTS)):
        dut.i_counters.high_mem[index].value = (1 << (32 - low)) - 1
    await ClockCycles(dut.clk_i, 2)
    bench.model.counters = dict.fromkeys(EVENTS, (1 << 32) - (1 << low))
    for cycles in ((1 << low) - 4, 500):
        for _ in range(cycles):
            await bench.happen(*EVENTS)
        await bench.quiet()
        await bench.compare()
    assert set(bench.model.counters.values()) == {0xFFFF_FFFF}
    bench.hits["endpoint.csr.end"] += 1
    bench.finish()


@cocotb.test()
async def interrupts(dut: Any) -> None:
    """An event sets the bit that names it; the mask; a bit is cleared alone, or stays."""
    bench = Bench(dut)
    await bench.start()
    status, mask = bench.at("irq_status"), bench.at("irq_mask")
    bits = [field.mask for field in bench.model.map.registers["irq_status"].fields]
    for name in EVENTS:
        await bench.happen(name)
        await bench.quiet()
        await bench.read(status)
        assert not dut.irq_o.value
        for bit in bits:
            await bench.write(mask, bit)
            bench.hits[f"endpoint.csr.irq.{name}"] += bench.model.irq
        await bench.write(mask, 0)
        await bench.write(status, 0xFFFF_FFFF)
        assert await bench.read(status) == 0
    for _ in range(80):
        await bench.happen(*(name for name in EVENTS if bench.random.random() < 0.2))
        await bench.quiet()
        bench.check_settings()
        await bench.write(mask, bench.random.getrandbits(32))
        await bench.write(
            status, bench.random.getrandbits(32), bench.random.choice((15, 15, 1, 14))
        )
        await bench.read(status)
        await bench.read(mask)
    # One that happens in the cycle of its clearing, or behind it, is not lost; one before it is
    # cleared. The cycle is seen at another bit, which is set all along.
    bits_by_name = list(golden.INTERRUPTS)
    others = dict(zip(bits_by_name, bits_by_name[1:] + bits_by_name[:1], strict=True))
    for bit, names in golden.INTERRUPTS.items():
        name = bench.random.choice(names)
        for when in range(12):
            await bench.write(mask, bench.model.map.encode("irq_mask", **{others[bit]: 1}))
            await bench.write(status, 0xFFFF_FFFF)
            await bench.happen(golden.INTERRUPTS[others[bit]][0])
            await bench.quiet()
            await FallingEdge(dut.clk_i)
            access, cleared = bench.bus.start_write(status, 0xFFFF_FFFF), -1
            for cycle in range(25):
                dut.event_i.value = (cycle == when) << EVENTS.index(name)
                await FallingEdge(dut.clk_i)
                if cleared < 0 and not dut.irq_o.value:
                    cleared = cycle
            assert access.done.is_set() and access.resp == csr.OKAY and cleared >= 0
            bench.model.write(status, 0xFFFF_FFFF)
            bench.model.counters[name] += 1
            if when >= cleared:
                bench.model.words["irq_status"] |= bench.model.map.encode("irq_status", **{bit: 1})
            await bench.read(status)
            bench.hits["endpoint.csr.irq.both"] += when == cleared
            bench.hits["endpoint.csr.irq.before"] += when < cleared
    bench.finish()


@pytest.mark.parametrize(
    ("shape", "testcase"),
    [
        *(("some", name) for name in
          ("register_walk", "random_accesses", "rows", "counters", "interrupts")),
        ("all", "random_accesses"),
    ],
)  # fmt: skip
def test_endpoint_csr(sim: Sim, shape: str, testcase: str) -> None:
    """See the tests above."""
    names = ("N_REGIONS", "N_GROUPS", "N_PLANES")
    sim.run_module(
        sources=("tests/link/sp_link_csr.vlt", *needed("sp_endpoint_csr")),
        toplevel="sp_endpoint_csr",
        parameters={
            **dict(zip(names, SHAPES[shape], strict=True)),
            **dict(SHOWN.values()),
            "CHECK": CHECKS[shape],
        },
        module=__name__,
        testcase=testcase,
        env={"EP_SHAPE": shape},
    )


def test_events() -> None:
    """The package has the events in the order of the counters; so the founder wires by name."""
    text = (ROOT / "rtl/endpoint/sp_endpoint_event_pkg.sv").read_text()
    found = re.findall(r"EV_(\w+)\s*= 5'd(\d+)", text)
    assert [(name.lower(), int(place)) for name, place in found] == [
        (name, place) for place, name in enumerate(EVENTS)
    ]
    assert f"N_EVENTS = {len(EVENTS)};" in text


def test_reset_values() -> None:
    """Times after reset nest: numbers of docs/endpoint-registers.md and of the links."""
    times = golden.EndpointRegisters(1, 1, 1).words
    link = {
        (name, field.name): field.reset or 0
        for name, register in csr.load("link_map").registers.items()
        for field in register.fields
    }
    replays = link["limits", "replay"] * link["replay_cycles", "cycles"]
    assert times["loss_timeout"] > replays
    assert times["tag_timeout"] > times["loss_timeout"] + times["reissue_delay"] + replays
    assert times["avoid_time"] > times["tag_timeout"]
    assert times["collective_timeout"] > times["tag_timeout"]
    assert times["remember"] > times["tag_timeout"] + times["reissue_delay"]
    assert times["irq_mask"] == times["control"] == 0


def elaborate(**parameters: int) -> str:
    """Return what slang finds in sp_endpoint_csr with these parameters."""
    top = "sp_endpoint_csr"
    return linting.slang(linting.Target(top, needed(top), (), parameters))


@pytest.mark.parametrize(("name", "most"), [("N_REGIONS", 16), ("N_GROUPS", 64), ("N_PLANES", 32)])
def test_endpoint_csr_parameters(name: str, most: int) -> None:
    """An illegal parameter is an elaboration error that names it and its bounds."""
    least = 0 if name == "N_GROUPS" else 1
    for value in (least - 1, most + 1):
        text = elaborate(**{name: value})
        assert f"sp_endpoint_csr: {name} = {value % 2**32} is not in {least}..{most}" in text
    for value in (least, most):
        assert not elaborate(**{name: value})
