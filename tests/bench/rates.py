# SPDX-License-Identifier: Apache-2.0
"""How many clock cycles a second each way of driving the switch gives; cocotb side.

Each test writes ``rates.json`` into the folder of its run: cycles and seconds of every measured
stretch, and the lowest utilisation of a port. Traffic is made before the clock of the measurement
starts; the ring and signal pipes check every packet while it runs.
"""

from __future__ import annotations

import json
import os
import time

import cocotb
import numpy as np
import pyuvm
from cocotb.triggers import RisingEdge

from switchproof.models import packet
from switchproof.models.layout import Op
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.env import Settings


def full_load(rng, config, flits):
    """Return the longest payloads to uniformly drawn outputs, about `flits` flits a port."""
    each = max(1, flits * config.flit_bytes // 256)
    return traffic.unicast(
        rng, config, each, ops=[Op.WRITE, Op.READ_RSP], lengths=(16, 16), extensions=False,
        errors=0.0,
    )  # fmt: skip


def write(settings, stretches, **values):
    (settings.folder / "rates.json").write_text(json.dumps({"stretches": stretches, **values}))


@pyuvm.test()
class CheckedRate(BaseTest):
    """Both pipes: checked traffic at full load."""

    stalls = "none"

    async def traffic(self):
        cycles, stretches = int(os.environ["SP_CYCLES"]), []
        lowest = 1.0
        # More than can leave, so that no port runs out while the time is taken.
        await self.send(full_load(self.rng, self.config, 5 * cycles))
        await self.pipe.run(cycles // 4)
        for _ in range(3):
            flits = self.pipe.stats()["flits_out"].astype(int)
            begin = time.perf_counter()
            await self.pipe.run(cycles)
            self.checker.check(force=True)
            stretches.append((cycles, time.perf_counter() - begin))
            moved = self.pipe.stats()["flits_out"].astype(int) - flits
            lowest = min(lowest, float(moved.min()) / cycles)
        write(self.settings, stretches, utilisation=lowest, packets=self.checker.compared)


@pyuvm.test()
class RackRate(BaseTest):
    """As many ports as a rack has: packets of every kind and length to all, load .9; seconds are
    those of the processor."""

    stalls = "none"

    async def traffic(self):
        cycles, stretches = int(os.environ["SP_CYCLES"]), []
        # A packet has six to seven flits on average: more than can leave, so no port runs out.
        packets = traffic.unicast(self.rng, self.config, 4 * cycles // 6)
        await self.send(self.spread(packets, 0.9))
        await self.pipe.run(max(cycles // 4, 500))
        before, first = self.pipe.stats()["flits_out"].astype(int), self.pipe.cycle
        for _ in range(3):
            begin = time.process_time()
            await self.pipe.run(cycles)
            self.checker.check(force=True)
            stretches.append((cycles, time.process_time() - begin))
        moved = self.pipe.stats()["flits_out"].astype(int) - before
        carried = float(moved.mean()) / (self.pipe.cycle - first)
        write(self.settings, stretches, utilisation=carried, packets=self.checker.compared)


@cocotb.test()
async def naive(dut):
    """What most cocotb testbenches do: a coroutine and separate handles for each port and side.

    Drives and collects flits without any check; nothing of ours but the numbers to send.
    """
    settings = Settings.from_environment()
    config = settings.config
    cycles = int(os.environ["SP_CYCLES"])
    clock = dut.clk
    seen = np.zeros(config.ports, int)

    async def source(port, rows):
        valid, data = (getattr(dut, f"s_axis_{port}_{n}") for n in ("tvalid", "tdata"))
        header, last = (getattr(dut, f"s_axis_{port}_{n}") for n in ("hdr", "tlast"))
        ready = getattr(dut, f"s_axis_{port}_tready")
        for row in rows:
            beats = packet.beats(row, config.flit_w)
            header.value = packet.header_int(row)
            for k, beat in enumerate(beats):
                valid.value = 1
                data.value = beat
                last.value = int(k == len(beats) - 1)
                await RisingEdge(clock)
                while not ready.value:
                    await RisingEdge(clock)
        valid.value = 0

    async def sink(port):
        valid, data = (getattr(dut, f"m_axis_{port}_{n}") for n in ("tvalid", "tdata"))
        last = getattr(dut, f"m_axis_{port}_tlast")
        getattr(dut, f"m_axis_{port}_tready").value = 1
        getattr(dut, f"m_axis_{port}_vc_room").value = 15
        beats = []
        while True:
            await RisingEdge(clock)
            if valid.value:
                beats.append(int(data.value))
                seen[port] += 1
                if last.value:
                    beats.clear()

    dut.rst.value = 1
    for _ in range(4):
        await RisingEdge(clock)
    dut.rst.value = 0
    if settings.what.routing == "table":
        from switchproof.models import csr
        from switchproof.tb.axi_lite import AxiLiteMaster, Registers

        registers = Registers(AxiLiteMaster(dut, "csr", clock), csr.load())
        for dst, output in traffic.routes(config):
            await registers.write(f"fwd_all[{dst}]", valid=1, out=output)
    packets = full_load(settings.rng(), config, 5 * cycles)
    for port in range(config.ports):
        cocotb.start_soon(sink(port))
        cocotb.start_soon(source(port, packets[port]))
    stretches = []
    for _ in range(3):
        begin = time.perf_counter()
        for _ in range(cycles):
            await RisingEdge(clock)
        stretches.append((cycles, time.perf_counter() - begin))
    assert seen.all()
    write(settings, stretches, utilisation=float(seen.min()) / (3 * cycles))
