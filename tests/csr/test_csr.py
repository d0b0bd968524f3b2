# SPDX-License-Identifier: Apache-2.0
"""The registers over AXI4-Lite against the golden model, in configurations of every kind."""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, Timer

sys.path.insert(0, str(Path(__file__).parent))
from axi_lite import AxiLiteMaster

from switchproof.ci.filelists import needed
from switchproof.models import csr
from switchproof.models.profiles import Config

BUILD = 0x1234_5678

#: ports, engines, contexts, groups, ids, counters; ECC and cut-through where latencies are counted
SHAPES = {
    "p2e0": (2, 0, 2, 1, 2, 0),
    "p4e1": (4, 1, 4, 16, 16, 2),
    "p33e3": (33, 3, 6, 100, 77, 1),
    "p64e16": (64, 16, 64, 32, 256, 2),
    "p96e1": (96, 1, 2, 4, 4, 0),
}


def shape_config(name: str) -> Config:
    """Return the configuration of a shape."""
    ports, engines, contexts, groups, ids, counters = SHAPES[name]
    return Config(
        name=name,
        ports=ports,
        flit_w=128 if counters == 2 else 256,
        iterations=2,
        voq_flits=32,
        egress_flits=64,
        engines=engines,
        contexts=contexts,
        groups=groups,
        ids=ids,
        counters=counters,
        ecc=counters // 2,
        cut_through=counters // 2,
        voq_shared=0 if counters == 2 else 24,
        types=63 if counters else 3,
        ordered=counters // 2,
        partials=counters // 2,
    )


# ------------------------------------------------------------------------------- in the simulator

PORT_EVENTS = {
    "port[].rx_packets": "ev_rx_packet_i",
    "port[].rx_flits": "ev_rx_beat_i",
    "port[].tx_packets": "ev_tx_packet_i",
    "port[].tx_flits": "ev_tx_beat_i",
    "port[].rx_stall_cycles": "ev_rx_stall_i",
    "port[].tx_stall_cycles": "ev_tx_stall_i",
    "port[].dropped_responses": "ev_dropped_i",
    "port[].rx_discarded": "ev_rx_discarded_i",
    "port[].tx_dropped": "ev_tx_dropped_i",
    "port[].ecc_corrected": "ev_corrected_i",
    "port[].ecc_failed": "ev_failed_i",
    "mcast_packets": "ev_mcast_i",  # these of all ports
    "mcast_copies": "ev_copy_i",
}
#: Counters of refusals by status.
PORT_REFUSALS = {
    1: "port[].refused_version",
    2: "port[].refused_op",
    3: "port[].refused_len",
    4: "port[].refused_dst",
    10: "port[].refused_partition",
}
ENGINE_EVENTS = {
    "engine[].contributions": "ev_contribution_i",
    "engine[].results": "ev_result_i",
    "engine[].timeouts": "ev_timeout_i",
    "engine[].ecc_corrected": "ev_eng_corrected_i",
    "engine[].ecc_failed": "ev_eng_failed_i",
}
ENGINE_REFUSALS = {
    6: "engine[].refused_type",
    5: "engine[].refused_not_member",
    8: "engine[].refused_duplicate",
    7: "engine[].refused_mismatch",
    9: "engine[].refused_timeout",
    3: "engine[].refused_len",  # with partials
}


#: What sets a bit of `irq_status`.
INTERRUPTS = {
    "port_down": ("link_down_i",),
    "packet_lost": ("ev_dropped_i", "ev_rx_discarded_i", "ev_tx_dropped_i"),
    "refused": ("ev_refused_i",),
    "ecc_corrected": ("ev_corrected_i", "ev_eng_corrected_i"),
    "ecc_failed": ("ev_failed_i", "ev_eng_failed_i"),
    "reduction_timeout": ("ev_timeout_i",),
    "contribution_refused": ("ev_eng_refused_i",),
}


class Bench:
    """Clock, reset, bus, and copies of the tables as ingresses and engines would keep them."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.config = shape_config(os.environ["CSR_SHAPE"])
        seed = int(os.environ["SP_SEED"])
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.model = csr.CsrModel(self.config, BUILD)
        self.bus = AxiLiteMaster(dut, dut.clk_i, seed)
        for values in self.model.counters.values():
            if values.ndim > 1:  # counted beside the ports: any value will do
                values[:] = self.numpy.integers(0, 1 << 32, values.shape, np.uint32)
        self.coverage: Counter[str] = Counter()
        # What reset leaves in a memory is anything: the sweep has to clear the copies too.
        self.fwd = np.full((self.config.ports, self.config.ids), 0xDEAD, np.uint32)
        self.groups = [-1] * self.config.groups
        self.group_writes = 0
        # Who may send to whom, as the ingresses keep it: all to all after reset.
        self.shares = np.ones((self.config.ports, self.config.ports), bool)
        self.sent_again: list[int] = []  # groups since the last row

    async def start(self) -> None:
        """Start the clock, reset, and serve the bus."""
        self.bus.idle()
        for name in (*PORT_EVENTS.values(), *ENGINE_EVENTS.values()):
            getattr(self.dut, name).value = 0
        self.dut.link_down_i.value = 0
        self.dut.ev_refused_i.value = 0
        self.dut.ev_eng_refused_i.value = 0
        for p in range(self.config.ports):
            self.dut.ev_refused_status_i[p].value = 0
        for e in range(max(1, self.config.engines)):
            self.dut.ev_eng_status_i[e].value = 0
            self.dut.contexts_used_i[e].value = 0
        self.dut.rst_ni.value = 1
        await Timer(1, "ns")
        self.dut.rst_ni.value = 0
        # Before the reset the registers hold anything: no clock yet.
        cocotb.start_soon(Clock(self.dut.clk_i, 10, unit="ns").start())
        await ClockCycles(self.dut.clk_i, 3)
        self.dut.rst_ni.value = 1
        cocotb.start_soon(self.bus.run())
        cocotb.start_soon(self._watch_tables())
        cocotb.start_soon(self._serve_stats())

    async def _watch_tables(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(dut.clk_i)
            if not dut.rst_ni.value:
                self.shares[:] = True
                continue
            ports = int(dut.fwd_we_o.value)
            if ports:
                word = csr.encode(
                    "fwd[0][0]",
                    valid=int(dut.fwd_valid_o.value),
                    paths_log2=int(dut.fwd_paths_log2_o.value),
                    out=int(dut.fwd_out_o.value),
                )
                if not word >> 31:
                    word = 0
                row = [bool(ports >> p & 1) for p in range(self.config.ports)]
                self.fwd[np.array(row), int(dut.fwd_addr_o.value)] = word
            if dut.row_we_o.value:
                port, row = int(dut.row_port_o.value), int(dut.row_o.value)
                self.shares[port] = [bool(row >> p & 1) for p in range(self.config.ports)]
                self.shares[:, port] = self.shares[port]
                self.sent_again = []
            if dut.grp_we_o.value:
                self.group_writes += 1
                self.sent_again.append(int(dut.grp_addr_o.value))
                self.groups[int(dut.grp_addr_o.value)] = int(dut.grp_mask_o.value)

    async def _serve_stats(self) -> None:
        """Answer for the counters of the ports by channel: with what the model has."""
        dut = self.dut
        registers = [n for n in self.model.counters if n.startswith("port_vc[][].")]
        while True:
            await RisingEdge(dut.clk_i)
            asked = int(dut.stat_take_o.value)
            # What is not asked for must not be shown.
            answers = [self.random.getrandbits(32)] * self.config.ports
            if asked:
                port = asked.bit_length() - 1
                assert asked == 1 << port
                select = int(dut.stat_sel_o.value)
                latency, vc, index = select >> 6, select >> 4 & 3, select & 15
                name = "latency[][][]" if latency else registers[index]
                where = (port, vc, index) if latency else (port, vc)
                answers[port] = int(self.model.counters[name][where])
            for port, value in enumerate(answers):
                dut.stat_value_i[port].value = value

    def check_tables(self) -> None:
        """Compare the copies of the tables with the model."""
        np.testing.assert_array_equal(self.fwd, self.model.fwd)
        assert self.groups == self.model.groups
        masks = [word & 0xFFFF for word in self.model.partitions]
        assert self.shares.tolist() == [[one & other != 0 for other in masks] for one in masks]
        sources = [csr.decode("rights[0].source", word) for word in self.model.sources]
        for port, want in enumerate(sources):
            got = int(self.dut.source_o[port].value)
            assert (got >> 14, got & 0x3FFF) == (want["care"], want["id"])

    async def read(self, address: int) -> None:
        """Read one word and compare it with the model."""
        want = self.model.read(address)
        got = await self.bus.read(address)
        self._cover("read", address, want[1])
        assert got == want, f"read {self.name(address)}: got {got}, want {want}"

    async def write(self, address: int, data: int, strobe: int = 0xF) -> None:
        """Write one word and compare the response with the model's."""
        want = self.model.write(address, data, strobe)
        got = await self.bus.write(address, data, strobe)
        self._cover("write", address, want)
        assert got == want, (
            f"write {self.name(address)} = {data:#x} strobe {strobe:#x}: got {got}, want {want}"
        )
        if self.bus.stall == 0.0:
            assert int(self.dut.timeout_o.value) == self.model.timeout
            assert int(self.dut.pause_o.value) == self.model.cut_timeout

    def name(self, address: int) -> str:
        """Return what is at an address, for messages."""
        found = self.model.map.locate(address)
        return found[0].element(found[1]) if found else f"nothing at {address:#x}"

    def _cover(self, kind: str, address: int, resp: int) -> None:
        found = self.model.map.locate(address)
        name = found[0].name if found else "nothing"
        self.coverage[f"csr.{kind}.{name}.{'okay' if resp == csr.OKAY else 'slverr'}"] += 1

    def address(self, beyond: float = 0.2) -> int:
        """Return an address: of any register, some of it beyond the configuration or the map."""
        if self.random.random() < 0.05:
            return self.random.randrange(1 << self.model.map.address_bits)
        register = self.random.choice(list(self.model.map.registers.values()))
        indices = []
        for dim in register.dims:
            there = dim.present(self.config)
            if (self.random.random() < beyond and there < dim.count) or not there:
                # The first that is not there is where a decoder goes wrong.
                indices.append(self.random.choice((there, self.random.randrange(there, dim.count))))
            else:
                indices.append(self.random.choice((0, there - 1, self.random.randrange(there))))
        address = int(register.addresses(*indices))
        if self.random.random() < 0.03:
            address += 64  # behind a register: often a hole
        return address % (1 << self.model.map.address_bits)

    def data(self, address: int) -> int:
        """Return data for a write to an address, mostly legal."""
        found = self.model.map.locate(address)
        word = self.random.getrandbits(32)
        if found is None or self.random.random() < 0.15:
            return word
        config = self.config
        outputs = config.ports + config.engines
        if found[0].name in ("fwd[][]", "fwd_all[]"):
            paths = self.random.choice((0, 0, 1, 2, 3, 7))
            top = outputs - (1 << paths)
            out = max(0, self.random.choice((0, top, top + 1, self.random.randrange(outputs))))
            kept = word & 0x7FF8_FC00  # bits without a meaning are ignored
            valid = self.random.random() < 0.9
            return kept | csr.encode("fwd[0][0]", valid=valid, paths_log2=paths, out=out & 1023)
        if found[0].name == "group[][]" and 32 * found[1][1] < config.ports:
            bits = min(32, config.ports - 32 * found[1][1])
            return word & ((1 << bits) - 1)
        if found[0].name == "control":
            return word & ~1  # counters are cleared where a test wants it
        return word

    def finish(self) -> None:
        """Write functional coverage."""
        self.coverage.update({f"csr.wait.{k}": n for k, n in self.bus.coverage.items()})
        path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
        path.write_text(json.dumps(dict(self.coverage), indent=1))


@cocotb.test()
async def register_walk(dut: Any) -> None:
    """Each register by name: value after reset, what a write does, what is not there."""
    bench = Bench(dut)
    await bench.start()
    # The first accesses come while the tables are swept, and wait for it.
    for name in ("fwd_all[0]", "group[0][0]", "port[0].rx_flits"):
        await bench.read(csr.address(name))
    for register in bench.model.map.registers.values():
        spans = [dim.present(bench.config) for dim in register.dims]
        ranges = [sorted({0, 1, there // 2, there - 1} & set(range(there))) for there in spans]
        elements = [()]
        for choices in ranges:
            elements = [(*element, i) for element in elements for i in choices]
        for element in elements:
            address = int(register.addresses(*element))
            await bench.read(address)
            for word in (0xFFFF_FFFF, 0x8000_0001, 0):
                if register.name == "control":
                    continue
                await bench.write(address, word)
                await bench.read(address)
            if register.writable:
                await bench.write(address, bench.data(address))
            if register.writable and register.dims and element == elements[-1]:
                for strobe in range(15):
                    await bench.write(address, 0, strobe)
                    bench.coverage["csr.partial_strobe"] += 1
                await bench.read(address)
        for place, (dim, there) in enumerate(zip(register.dims, spans)):
            for index in {there, (there + dim.count) // 2, dim.count - 1} - set(range(there)):
                if index < dim.count:
                    beyond = [0] * len(spans)
                    beyond[place] = index
                    await bench.read(int(register.addresses(*beyond)))
                    await bench.write(int(register.addresses(*beyond)), 0x8000_0000)
    for hole in (0x3C, 0x90, 0xFFFC, 0x3_1000, 0x8_0000, 0x1FF_FFFC):
        assert bench.model.map.locate(hole) is None
        await bench.read(hole)
        await bench.write(hole, 0xFFFF_FFFF)
    await bench.read(csr.address("bad_accesses"))
    for address in bench.model.map.registers["port[].rx_packets"].addresses(
        np.arange(bench.config.ports)
    ):
        await bench.read(int(address))
    bench.check_tables()
    bench.finish()


@cocotb.test()
async def random_accesses(dut: Any) -> None:
    """Any access after any other: answers, tables and time-out stay those of the model."""
    bench = Bench(dut)
    await bench.start()
    for turn in range(1500):
        if turn % 300 == 0:
            bench.bus.stall = bench.random.choice((0.0, 0.3, 0.7))
        address = bench.address()
        if bench.random.random() < 0.45:
            await bench.read(address)
            continue
        strobe = 0xF if bench.random.random() < 0.9 else bench.random.randrange(16)
        if strobe != 0xF:
            bench.coverage["csr.partial_strobe"] += 1
        await bench.write(address, bench.data(address), strobe)
        # A write has reached the tables before its answer is given.
        if turn % 25 == 0:
            bench.check_tables()
    bench.check_tables()
    await bench.read(csr.address("bad_accesses"))
    # Reset empties the tables, whatever they held.
    dut.rst_ni.value = 0
    await ClockCycles(dut.clk_i, 2)
    dut.rst_ni.value = 1
    bench.model = csr.CsrModel(bench.config, BUILD)
    for _ in range(100):
        await bench.read(bench.address())
    bench.check_tables()
    bench.finish()


@cocotb.test()
async def group_rows(dut: Any) -> None:
    """A group changes in one step, with its last word; half of it is never seen."""
    bench = Bench(dut)
    await bench.start()
    config = bench.config
    last = (config.ports - 1) // 32
    while (await bench.bus.read(csr.address("status")))[0] != 1:
        pass
    for _ in range(80):
        group, other = (bench.random.randrange(config.groups) for _ in range(2))
        before, writes = bench.model.groups[group], bench.group_writes
        for word in bench.random.sample(range(last), bench.random.randint(0, last)):
            await bench.write(csr.address(f"group[{group}][{word}]"), bench.random.getrandbits(32))
            if other != group and bench.random.random() < 0.2:
                # A word of another group: those that wait are forgotten.
                foreign = bench.random.randrange(last)
                await bench.write(csr.address(f"group[{other}][{foreign}]"), 0xFFFF_FFFF)
                bench.coverage["csr.group.interrupted"] += 1
            assert bench.groups[group] == before
            assert bench.group_writes == writes
        address = csr.address(f"group[{group}][{last}]")
        await bench.write(address, bench.data(address))
        bench.check_tables()
        for word in range(last + 1):
            await bench.read(csr.address(f"group[{group}][{word}]"))
        bench.coverage["csr.group.committed"] += 1
    bench.finish()


@cocotb.test()
async def partitions(dut: Any) -> None:
    """Who shares a partition with whom reaches the ingresses, and then every group once more."""
    bench = Bench(dut)
    await bench.start()
    config = bench.config
    for group in range(config.groups):
        last = csr.address(f"group[{group}][{(config.ports - 1) // 32}]")
        await bench.write(last, bench.data(last))
    apart = False
    for _ in range(60):
        port = bench.random.randrange(config.ports)
        mask = bench.random.choice((0, 1, 2, 1 << 15, 3, bench.random.getrandbits(16)))
        await bench.write(csr.address(f"rights[{port}].partitions"), mask | 0xABC0_0000)
        bench.check_tables()
        assert bench.sent_again == list(range(config.groups))
        if bench.random.random() < 0.3:
            await bench.write(csr.address(f"rights[{port}].source"), bench.random.getrandbits(32))
        apart |= not bench.shares.all() and bool(bench.shares.any())
        for name in ("partitions", "source"):
            await bench.read(csr.address(f"rights[{port}].{name}"))
    assert apart
    bench.coverage["csr.partitions.apart"] += 1
    bench.finish()


@cocotb.test()
async def ports_touched(dut: Any) -> None:
    """A port is shut by its bit alone; an injection reaches one memory of one port, once."""
    bench = Bench(dut)
    await bench.start()
    ports = range(bench.config.ports)
    shut = 0
    for _ in range(20):
        port = bench.random.choice(ports)
        word = bench.random.getrandbits(32)
        await bench.write(csr.address(f"rights[{port}].partitions"), word)
        shut = shut & ~(1 << port) | (word >> 31) << port
        assert int(dut.shut_o.value) == shut
    memories = {"voq": dut.voq_inject_o, "egress": dut.egress_inject_o}
    armed: list[tuple[str, int, int]] = []

    async def watch() -> None:
        while True:
            await FallingEdge(dut.clk_i)
            for name, memory in memories.items():
                for port in ports:
                    value = int(memory[port].value)
                    if value >> 3:
                        armed.append((name, port, value & 7))

    watcher = cocotb.start_soon(watch())
    for _ in range(12):
        fields = {
            "go": bench.random.randrange(2), "egress": bench.random.randrange(2),
            "count": bench.random.randrange(4), "header": bench.random.randrange(2),
            "port": bench.random.randrange(len(ports) + 1),
        }  # fmt: skip
        armed.clear()
        await bench.write(csr.address("ecc_inject"), csr.encode("ecc_inject", **fields))
        await Timer(100, "ns")
        there = fields["go"] and fields["port"] < len(ports)
        memory = "egress" if fields["egress"] else "voq"
        what = fields["header"] << 2 | fields["count"]
        assert armed == ([(memory, fields["port"], what)] if there else [])
        bench.coverage["csr.inject"] += len(armed)
    watcher.cancel()
    bench.finish()


@cocotb.test()
async def counters(dut: Any) -> None:
    """Random events, a clear among them: every counter is what numpy counts."""
    bench = Bench(dut)
    await bench.start()
    config, model = bench.config, bench.model
    cycles = 1200
    chances = bench.numpy.choice((0.02, 0.3, 0.95, 1.0), size=(len(PORT_EVENTS) + 2))
    port = {
        name: bench.numpy.random((cycles, config.ports)) < chance
        for name, chance in zip([*PORT_EVENTS, "refused"], chances)
    }
    port_status = bench.numpy.choice(list(PORT_REFUSALS), (cycles, config.ports))
    engines = max(1, config.engines)
    engine = {
        name: bench.numpy.random((cycles, engines)) < bench.numpy.choice((0.05, 0.5, 1.0))
        for name in [*ENGINE_EVENTS, "refused"]
    }
    # the reasons that are counted, and one that none counts
    engine_status = bench.numpy.choice([*ENGINE_REFUSALS, 2], (cycles, engines))
    used = bench.numpy.integers(0, config.contexts, (cycles, engines))
    used[cycles // 3, :] = config.contexts  # the highest, before the clear
    # Tells in which cycle the clear came.
    port["port[].rx_flits"][:, 0] = True
    # The clear comes from the bus while events come in.
    while (await bench.bus.read(csr.address("status")))[0] != 1:
        pass
    powers = [1 << i for i in range(max(config.ports, engines))]

    def word(bits: np.ndarray) -> int:
        return sum(power for power, bit in zip(powers, bits) if bit)

    clear = None
    for cycle in range(cycles):
        for name, signal in PORT_EVENTS.items():
            getattr(dut, signal).value = word(port[name][cycle])
        for name, signal in ENGINE_EVENTS.items():
            getattr(dut, signal).value = word(engine[name][cycle])
        dut.ev_refused_i.value = word(port["refused"][cycle])
        dut.ev_eng_refused_i.value = word(engine["refused"][cycle])
        for p in range(config.ports):
            dut.ev_refused_status_i[p].value = int(port_status[cycle, p])
        for e in range(engines):
            dut.ev_eng_status_i[e].value = int(engine_status[cycle, e])
            dut.contexts_used_i[e].value = int(used[cycle, e])
        if cycle == cycles // 2:
            assert bench.model.write(csr.address("control"), 1) == csr.OKAY
            clear = bench.bus.start_write(csr.address("control"), 1)
        await RisingEdge(dut.clk_i)
    for signal in (*PORT_EVENTS.values(), *ENGINE_EVENTS.values()):
        getattr(dut, signal).value = 0
    dut.ev_refused_i.value = 0
    dut.ev_eng_refused_i.value = 0
    assert clear is not None and clear.resp == csr.OKAY
    since, _ = await bench.bus.read(csr.address("port[0].rx_flits"))
    assert cycles // 4 < since < cycles // 2, f"clear came {since} cycles before the end"
    for name in PORT_EVENTS:
        if config.ecc or "ecc" not in name:  # without check bits a port has no such counters
            model.count(name, port[name][-since:].sum(axis=0))
    for status, name in PORT_REFUSALS.items():
        model.count(name, (port["refused"] & (port_status == status))[-since:].sum(axis=0))
    if config.engines:
        for name in ENGINE_EVENTS:
            model.count(name, engine[name][-since:].sum(axis=0))
        for status, name in ENGINE_REFUSALS.items():
            if status == 3 and not bench.config.partials:
                continue
            model.count(name, (engine["refused"] & (engine_status == status))[-since:].sum(axis=0))
        for row in used[-since:]:
            model.use_contexts(row)
    for name in model.totals:
        await bench.read(csr.address(name))
    for name, values in model.counters.items():
        if values.ndim > 1:
            continue  # counted beside the ports
        for index in range(len(values)):
            await bench.read(csr.address(name.replace("[]", f"[{index}]")))
        if len(values) and values.max() > 0:
            bench.coverage[f"csr.counted.{name}"] += int(values.sum())
    for e in range(config.engines):
        await bench.read(csr.address(f"engine[{e}].contexts_used"))
    # A clear without events: all zero, the contexts that are open stay the highest.
    await bench.write(csr.address("control"), 1)
    await bench.write(csr.address("control"), 0)
    for name in model.totals:
        await bench.read(csr.address(name))
    for name, values in model.counters.items():
        for index in range(len(values) if values.ndim == 1 else 0):
            await bench.read(csr.address(name.replace("[]", f"[{index}]")))
    bench.finish()


@cocotb.test()
async def interrupts(dut: Any) -> None:
    """Each thing that happens, at any port and engine, raises the line if it is asked for."""
    bench = Bench(dut)
    dut.link_down_i.value = 1  # from the begin: it did not go down
    await bench.start()
    config, model = bench.config, bench.model
    status, mask = csr.address("irq_status"), csr.address("irq_mask")
    while (await bench.bus.read(csr.address("status")))[0] != 1:
        pass
    every = sum(field.mask for field in model.map.registers["irq_mask"].fields)

    async def check() -> None:
        await bench.read(status)
        assert bool(dut.irq_o.value) == model.irq

    async def raised(name: str) -> None:
        """It has happened: seen, heard if asked for, and cleared by itself alone."""
        model.happen(name)
        bit = csr.encode("irq_status", **{name: 1})
        await check()
        for word in (every & ~bit, bit):
            await bench.write(mask, word)
            await check()
            assert bool(dut.irq_o.value) == (word == bit)
        for word in (every & ~bit, bit):
            await bench.write(status, word)
            await check()
        assert not model.irq
        bench.coverage[f"csr.irq.{name}"] += 1

    await check()
    for name, signals in INTERRUPTS.items():
        for signal in signals:
            handle = getattr(dut, signal)
            width = config.engines if "eng" in signal or "timeout" in signal else config.ports
            for index in sorted({0, bench.random.randrange(max(1, width)), width - 1}):
                if not 0 <= index < width:
                    continue
                handle.value = 0
                await ClockCycles(dut.clk_i, 3)
                handle.value = 1 << index
                await ClockCycles(dut.clk_i, 1)
                if signal != "link_down_i":  # a port that stays down went down once
                    handle.value = 0
                await ClockCycles(dut.clk_i, 3)
                await raised(name)
                handle.value = 0
    await bench.read(0x3C)
    await raised("bad_access")
    # What happens while it is cleared is not lost, and no clear of counters takes it away.
    dut.ev_refused_i.value = 1
    model.happen("refused")
    await bench.write(status, every)
    dut.ev_refused_i.value = 0
    model.happen("refused")
    await check()
    await bench.write(csr.address("control"), 1)
    await check()
    bench.finish()


@cocotb.test()
async def both_channels(dut: Any) -> None:
    """Reads and writes at once, as many under way as the bus takes, stalls on all channels."""
    bench = Bench(dut)
    await bench.start()
    config = bench.config
    bench.bus.stall = 0.4
    reads: list[tuple[Any, tuple[int, int]]] = []
    writes: list[tuple[Any, int]] = []
    # Writes go to the upper half of the IDs, reads to what no write changes.
    upper = range(config.ids // 2, config.ids)
    still = ["magic", "version", "build", "ports", "ids", "port[0].rx_flits", "fwd[0][0]"]
    bad = 0
    for _ in range(400):
        if bench.random.random() < 0.5:
            dst = bench.random.choice(upper)
            port = bench.random.randrange(config.ports)
            where = csr.address(f"fwd[{port}][{dst}]")
            data = bench.data(where)
            writes.append((bench.bus.start_write(where, data), bench.model.write(where, data)))
            bad += writes[-1][1] != csr.OKAY
        else:
            where = csr.address(bench.random.choice(still))
            if bench.random.random() < 0.1:
                where = 0x3C
            reads.append((bench.bus.start_read(where), bench.model.read(where)))
            bad += reads[-1][1][1] != csr.OKAY
    for access, want in writes:
        await access.done.wait()
        assert access.resp == want
    for access, answer in reads:
        await access.done.wait()
        assert (access.data, access.resp) == answer
    assert (await bench.bus.read(csr.address("bad_accesses"))) == (bad, csr.OKAY)
    bench.check_tables()
    # Nobody is starved: one access gets through while a crowd of the other kind waits.
    bench.bus.stall = 0.0
    where = csr.address("scratch")
    crowd = [bench.bus.start_read(where) for _ in range(60)]
    lone = bench.bus.start_write(where, 1)
    await lone.done.wait()
    assert sum(access.done.is_set() for access in crowd) < 10
    await crowd[-1].done.wait()
    crowd = [bench.bus.start_write(where, 1) for _ in range(60)]
    lone = bench.bus.start_read(where)
    await lone.done.wait()
    assert sum(access.done.is_set() for access in crowd) < 10
    await crowd[-1].done.wait()
    bench.coverage["csr.crowd"] += 2
    for dst in upper:
        for port in range(min(config.ports, 4)):
            await bench.read(csr.address(f"fwd[{port}][{dst}]"))
    bench.finish()


# ------------------------------------------------------------------------------------- in pytest


def run(sim: Any, shape: str, testcase: str) -> None:
    """Build the registers in a shape and run a cocotb test of this file."""
    config = shape_config(shape)
    sim.run_module(
        sources=needed("sp_csr"),
        toplevel="sp_csr",
        module=Path(__file__).stem,
        testcase=testcase,
        parameters={
            "N_PORTS": config.ports,
            "FLIT_W": config.flit_w,
            "ISLIP_ITERS": config.iterations,
            "VOQ_FLITS": config.voq_flits,
            "EGRESS_FLITS": config.egress_flits,
            "N_ENGINES": config.engines,
            "N_CONTEXTS": config.contexts,
            "N_GROUPS": config.groups,
            "N_IDS": config.ids,
            "MCAST": config.mcast,
            "COUNTERS": config.counters,
            "ECC": config.ecc,
            "CUT_THROUGH": config.cut_through,
            "VOQ_SHARED": config.voq_shared,
            "TYPES": config.types,
            "ORDERED": config.ordered,
            "PARTIALS": config.partials,
            "BUILD": BUILD,
        },
        env={"CSR_SHAPE": shape},
    )


SOME = [pytest.param("p4e1", marks=pytest.mark.sim), "p2e0", "p33e3", "p64e16"]


@pytest.mark.parametrize("shape", SOME)
def test_register_walk(sim: Any, shape: str) -> None:
    """See register_walk."""
    run(sim, shape, "register_walk")


@pytest.mark.parametrize("shape", SOME)
def test_random_accesses(sim: Any, shape: str) -> None:
    """See random_accesses."""
    run(sim, shape, "random_accesses")


@pytest.mark.parametrize("shape", ["p4e1", "p33e3"])
def test_ports_touched(sim: Any, shape: str) -> None:
    run(sim, shape, "ports_touched")


@pytest.mark.parametrize("shape", ["p4e1", "p33e3", "p96e1"])
def test_partitions(sim: Any, shape: str) -> None:
    run(sim, shape, "partitions")


@pytest.mark.parametrize("shape", ["p4e1", "p33e3", "p64e16", "p96e1"])
def test_group_rows(sim: Any, shape: str) -> None:
    """See group_rows."""
    run(sim, shape, "group_rows")


@pytest.mark.parametrize("shape", SOME)
def test_counters(sim: Any, shape: str) -> None:
    """See counters."""
    run(sim, shape, "counters")


@pytest.mark.parametrize("shape", SOME)
def test_both_channels(sim: Any, shape: str) -> None:
    """See both_channels."""
    run(sim, shape, "both_channels")


@pytest.mark.parametrize("shape", SOME)
def test_interrupts(sim: Any, shape: str) -> None:
    """See interrupts."""
    run(sim, shape, "interrupts")
