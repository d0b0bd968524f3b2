# SPDX-License-Identifier: Apache-2.0
"""Registers of a link alone: every setting reaches its port, every counter counts its event."""

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
from cocotb.triggers import ClockCycles, Timer

from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim
from switchproof.models import csr
from tests.csr.axi_lite import AxiLiteMaster
from tests.link.link_play import EVENTS

#: Lanes of the block under test, and what its port would have.
LANES = 2
SHOWN = {
    "lanes": LANES, "frame_units": 32, "seq_width": 9, "replay_beats": 64, "shared_flits": 77,
    "reserved_flits": 40,
}  # fmt: skip
#: The input of the port that each setting is, and the bits of it.
SETTINGS = {
    ("control", "enable"): "enable_o", ("control", "policy"): "policy_o",
    ("hold_cycles", "cycles"): "hold_cycles_o", ("lane_cycles", "cycles"): "lane_cycles_o",
    ("skip_beats", "cycles"): "skip_beats_o", ("replay_cycles", "cycles"): "replay_cycles_o",
    ("keepalive_cycles", "cycles"): "keepalive_cycles_o",
    ("dead_cycles", "cycles"): "dead_cycles_o", ("age_cycles", "cycles"): "age_cycles_o",
    ("limits", "train_beats"): "train_beats_o", ("limits", "replay"): "replay_limit_o",
    ("limits", "retrain"): "retrain_limit_o", ("inject_rate", "value"): "inject_rate_o",
    ("inject_seed", "value"): "inject_seed_o",
}  # fmt: skip
#: Inputs that are an event by themselves.
PULSES = {
    "clock_dropped": "ev_dropped_i", "clock_overflow": "ev_overflow_i",
    "lanes_shifted": "ev_shifted_i",
}  # fmt: skip
#: Counters of neither kind, in the order of the map.
OTHERS = ("link_up", "lost_packets", "injected_bits")
UP, RETRAIN = 2, 3


def counted() -> dict[str, str]:
    """Return the counter of each event of events_t: the one whose description begins with it."""
    found = {}
    for name, register in csr.load("link_map").registers.items():
        match = re.match(r"`(\w+)`: ", register.about)
        if match and match[1] in EVENTS:
            found[match[1]] = name
    return found


class Bench:
    """Clock, reset, bus, and what the registers must show by now."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.map = csr.load("link_map")
        self.random = random.Random(int(os.environ["SP_SEED"]))
        self.bus = AxiLiteMaster(dut, dut.clk_i, int(os.environ["SP_SEED"]), stall=0.2)
        self.bad = 0
        self.counts: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.words = {
            name: sum((field.reset or 0) << field.lsb for field in register.fields)
            for name, register in self.map.registers.items()
        }
        self.words |= SHOWN
        self.counters = [*counted().values(), *PULSES, *OTHERS]

    async def start(self) -> None:
        """Reset, and serve the bus."""
        self.bus.idle()
        for name in ("events_i", "state_i", "unfit_i", "rx_lanes_i", "tx_lanes_i", "ev_injected_i",
                     "lost_packets_i", *PULSES.values()):  # fmt: skip
            getattr(self.dut, name).value = 0
        self.dut.rst_ni.value = 1
        await Timer(1, "ns")
        self.dut.rst_ni.value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 10, unit="ns").start())
        await ClockCycles(self.dut.clk_i, 3)
        self.dut.rst_ni.value = 1
        cocotb.start_soon(self.bus.run())

    async def read(self, name: str) -> int:
        """Return a register that can be read."""
        word, response = await self.bus.read(self.map.address(name))
        assert response == csr.OKAY, name
        return word

    async def write(self, name: str, word: int) -> None:
        """Write a register that can be written."""
        assert await self.bus.write(self.map.address(name), word) == csr.OKAY, name

    async def refused(self, address: int, *, write: bool) -> None:
        """Check that an access is refused and counted."""
        if write:
            assert await self.bus.write(address, 0xFFFF_FFFF) == csr.SLVERR, f"{address:#x}"
        else:
            assert await self.bus.read(address) == (0, csr.SLVERR), f"{address:#x}"
        self.bad += 1
        assert await self.read("bad_accesses") == self.bad
        self.hits["link.csr.refused"] += 1

    async def pulse(self, *events: str, lost: int = 0) -> None:
        """Let events happen in the same cycle, the next one."""
        self.dut.events_i.value = sum(1 << EVENTS.index(e) for e in events if e in EVENTS)
        self.dut.lost_packets_i.value = lost
        for name, pin in PULSES.items():
            getattr(self.dut, pin).value = int(name in events)
        await ClockCycles(self.dut.clk_i, 1)
        names = counted()
        self.counts.update(names.get(event, event) for event in events)
        if "flush" in events:
            self.counts["lost_packets"] += lost

    async def quiet(self) -> None:
        """Let nothing happen any more, and all that did be counted."""
        await self.pulse()
        await ClockCycles(self.dut.clk_i, 4)

    async def compare(self) -> None:
        """Compare all counters with what happened."""
        for name in self.counters:
            found = await self.read(name)
            assert found == self.counts[name], f"{name}: {found}, not {self.counts[name]}"
            self.hits[f"link.csr.read.{name}"] += 1

    def finish(self) -> None:
        """Write functional coverage."""
        path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
        path.write_text(json.dumps(dict(self.hits)))


@cocotb.test()
async def register_walk(dut: Any) -> None:
    """Values after reset, bits that can be written and those that cannot, bytes, refusals."""
    bench = Bench(dut)
    await bench.start()
    mask = (1 << bench.map.address_bits) - 1
    there = {register.address for register in bench.map.registers.values()}
    for name, register in bench.map.registers.items():
        if register.readable:
            wanted = bench.bad if name == "bad_accesses" else bench.words[name]
            assert await bench.read(name) == wanted, name
        else:
            await bench.refused(register.address, write=False)
        if not register.writable:
            await bench.refused(register.address, write=True)
            continue
        kept = sum(f.mask for f in register.fields if f.access == "rw")
        for _ in range(8):
            word, strobe = bench.random.getrandbits(32), bench.random.randrange(16)
            bits = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
            assert await bench.bus.write(register.address, word, strobe) == csr.OKAY
            bench.words[name] = (bench.words[name] & ~bits | word & bits) & kept
            if register.readable:
                assert await bench.read(name) == bench.words[name], name
            for (owner, field), pin in SETTINGS.items():
                if owner == name:
                    value = bench.map.decode(name, bench.words[name])[field]
                    if name == "skip_beats" and value == 1:
                        value = 2
                    assert int(getattr(dut, pin).value) == value, pin
                    bench.hits[f"link.csr.set.{pin}"] += 1
            if name == "control":
                silent = bench.map.decode(name, bench.words[name])["silent"]
                assert int(dut.silent_o.value) == silent % (1 << LANES)
                bench.hits["link.csr.set.silent_o"] += 1
            if name == "command":
                # `clear` was among the bits, or was not.
                bench.bad = await bench.read("bad_accesses")
    for address in set(range(0, mask, 4)) - there:
        for write in (False, True):
            await bench.refused(address, write=write)
    await bench.write("skip_beats", 1)
    assert int(dut.skip_beats_o.value) == 2, "no room for anything but SKIP"
    bench.finish()


@cocotb.test()
async def counters(dut: Any) -> None:
    """Each event alone, then all at once at random, changes the counter that it names, only."""
    bench = Bench(dut)
    await bench.start()
    names = counted()
    assert sorted(names) == sorted(EVENTS), "a counter for each event"
    assert len(set(names.values())) == len(EVENTS)
    for number, event in enumerate((*EVENTS, *PULSES), start=1):
        for _ in range(number):
            await bench.pulse(event)
        await bench.quiet()
        assert await bench.read(names.get(event, event)) == number, event
    await bench.compare()
    for _ in range(3000):
        await bench.pulse(*(e for e in (*EVENTS, *PULSES) if bench.random.random() < 0.4))
    await bench.quiet()
    await bench.compare()
    # Packets that are lost, even if more than cycles pass until the next are.
    for lost in (1, 0, 700, 3, 40):
        await bench.pulse("flush", lost=lost)
    await bench.quiet()
    await ClockCycles(dut.clk_i, 800)
    await bench.pulse("dead", lost=99)  # no flush
    await bench.quiet()
    await bench.compare()
    # Wrong bits, one or none a cycle.
    for _ in range(800):
        hit = bench.random.randrange(2)
        bench.counts["injected_bits"] += hit
        dut.ev_injected_i.value = hit
        await ClockCycles(dut.clk_i, 1)
    dut.ev_injected_i.value = 0
    await ClockCycles(dut.clk_i, 1)
    # Into UP, and nowhere else.
    for _ in range(300):
        before = int(dut.state_i.value)
        state = bench.random.randrange(5)
        bench.counts["link_up"] += state == UP != before
        dut.state_i.value = state
        await ClockCycles(dut.clk_i, 1)
    await bench.quiet()
    await bench.compare()
    # All go to zero, what is still to be counted too.
    await bench.pulse("flush", lost=5000)
    await bench.quiet()
    await bench.write("command", bench.map.encode("command", clear=1))
    bench.counts.clear()
    await bench.compare()
    assert await bench.read("bad_accesses") == 0
    bench.hits["link.csr.clear"] += 1
    bench.finish()


@cocotb.test()
async def ends(dut: Any) -> None:
    """A counter at its end stays there; it is put before it from outside, as that takes long."""
    bench = Bench(dut)
    await bench.start()
    low = len(dut.i_counters.low_q)
    count = len(bench.counters)
    await ClockCycles(dut.clk_i, 3)  # reset has cleared them
    dut.i_counters.begun_q.value = (1 << count) - 1
    for index in range(count):
        dut.i_counters.high_mem[index].value = (1 << (32 - low)) - 1
    await ClockCycles(dut.clk_i, 2)
    everything = (*EVENTS, *PULSES)
    for _ in range((1 << low) - 4):
        await bench.pulse(*everything)
    await bench.quiet()
    names = [counted().get(event, event) for event in everything]
    for name in names:
        assert await bench.read(name) == 0xFFFF_FFFC, name
    for _ in range(500):
        await bench.pulse(*everything)
    await bench.quiet()
    for name in names:
        assert await bench.read(name) == 0xFFFF_FFFF, name
        bench.hits["link.csr.end"] += 1
    bench.finish()


@cocotb.test()
async def state(dut: Any) -> None:
    """What the port shows is what is read; commands are pulses; why the link left UP."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(30):
        shown = {
            "state": bench.random.randrange(5), "rx_lanes": bench.random.randrange(1 << LANES),
            "tx_lanes": bench.random.randrange(1 << LANES),
            **{f"unfit_{n}": bench.random.randrange(2) for n in ("width", "seq", "version")},
        }  # fmt: skip
        dut.state_i.value = shown["state"]
        dut.rx_lanes_i.value, dut.tx_lanes_i.value = shown["rx_lanes"], shown["tx_lanes"]
        dut.unfit_i.value = (
            shown["unfit_width"] | shown["unfit_seq"] << 1 | shown["unfit_version"] << 2
        )
        await ClockCycles(dut.clk_i, 2)
        assert bench.map.decode("status", await bench.read("status")) == shown
        bench.hits["link.csr.status"] += 1
    # A command lasts one cycle, and is none of the others.
    for name in ("shot", "load"):
        pins = {"shot": dut.inject_shot_o, "load": dut.inject_load_o}
        access = bench.bus.start_write(
            bench.map.address("command"), bench.map.encode("command", **{name: 1})
        )
        high: Counter[str] = Counter()
        for _ in range(60):
            await ClockCycles(dut.clk_i, 1)
            high.update(pin for pin, signal in pins.items() if signal.value)
        assert access.done.is_set() and high == {name: 1}
        bench.hits[f"link.csr.{name}"] += 1
    causes = {"dead": "dead", "aged": "aged", "peer": "peer", "over": "rx_over"}
    assert await bench.read("left") == 0
    for enable in (1, 0):
        await bench.write("control", bench.map.encode("control", enable=enable))
        for to, event in ((1, "retrain"), (2, "flush")):
            for _ in range(6):
                chosen = [cause for cause in causes if bench.random.random() < 0.4]
                told = [causes[cause] for cause in chosen]
                if event == "flush":  # it is told a cycle after its cause
                    await bench.pulse(*told)
                    told = bench.random.sample(list(causes.values()), 2)
                await bench.pulse(event, *told)
                await bench.pulse(*bench.random.sample(list(causes.values()), 2))
                await bench.quiet()
                wanted = {name: int(name in chosen) for name in causes}
                wanted |= {"to": to, "disabled": 1 - enable}
                assert bench.map.decode("left", await bench.read("left")) == wanted
                bench.hits[f"link.csr.left.{event}"] += 1
    await bench.write("command", bench.map.encode("command", clear=1))
    assert await bench.read("left") == 0
    bench.finish()


@pytest.mark.parametrize("testcase", ["register_walk", "counters", "ends", "state"])
def test_link_csr(sim: Sim, testcase: str) -> None:
    """See the tests above."""
    sim.run_module(
        sources=("tests/link/sp_link_csr.vlt", *needed("sp_link_csr")),
        toplevel="sp_link_csr",
        parameters={
            "K": LANES, "FRAME_UNITS": SHOWN["frame_units"], "SEQ_W": SHOWN["seq_width"],
            "REPLAY_BEATS": SHOWN["replay_beats"], "SHARED": SHOWN["shared_flits"],
            "RESERVED": "48'h01302801f00c",
        },
        module=__name__,
        testcase=testcase,
    )  # fmt: skip


def test_reset_values() -> None:
    """Timers after reset let a link of 5 us live: numbers of docs/link.md, each above the one that
    it waits for."""
    fields = {
        (name, field.name): field.reset or 0
        for name, register in csr.load("link_map").registers.items()
        for field in register.fields
    }
    round_trip = 5000
    replay = fields["replay_cycles", "cycles"]
    assert replay > round_trip
    assert fields["dead_cycles", "cycles"] > 4 * fields["keepalive_cycles", "cycles"]
    assert fields["dead_cycles", "cycles"] > replay
    tries = fields["limits", "retrain"] * (fields["limits", "replay"] * replay + 2 * round_trip)
    assert fields["age_cycles", "cycles"] > tries
    assert 0 < fields["skip_beats", "cycles"] < 5000
    assert fields["control", "enable"] == fields["inject_rate", "value"] == 0
