# SPDX-License-Identifier: Apache-2.0
"""A supernode in a simulation, with cocotbext-axi at the buses of its endpoints."""

from __future__ import annotations

import logging
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiBus, AxiMaster, AxiRam

from switchproof.models import csr
from switchproof.models.endpoint.collectives import RESULT_FIELDS, Command
from switchproof.tb.axi_lite import AxiLiteMaster, Registers

#: Endpoints and planes of the bench.
ENDPOINTS, PLANES = 4, 2
#: Bytes of an endpoint's memory, and of its window in the address map.
RAM_BYTES = 1 << 16
#: Where the relaxed and the strict region begin; nothing is between them.
RELAXED, STRICT = 1 << 32, 2 << 32
UNIT = 1 << 26
BLOCK = 256
#: Fields of a command and its result, and of that of a collective, highest first.
COMMAND = {"id": 4, "wide": 1, "quiet": 1, "kind": 4, "addr": 64, "operand": 64, "compare": 64}
RESULT = {"id": 4, "decerr": 1, "timeout": 1, "status": 4, "old": 64}
COLLECTIVE_RESULT = dict(RESULT_FIELDS)


def pack(layout: dict[str, int], **values: int) -> int:
    """Return a word of fields; those that are not named are zero."""
    word = 0
    for name, width in layout.items():
        value = values.pop(name, 0)
        assert 0 <= value < 1 << width, f"{name} = {value}"
        word = word << width | value
    assert not values, f"no fields: {values}"
    return word


def unpack(layout: dict[str, int], word: int) -> dict[str, int]:
    """Return the fields of a word."""
    values = {}
    for name, width in reversed(layout.items()):
        values[name] = word & ((1 << width) - 1)
        word >>= width
    return values


class Rack:
    """The bench: reset, registers, and for each endpoint a master, a memory and two doorbells."""

    def __init__(self, dut: Any, *, links: bool = False) -> None:
        logging.getLogger("cocotb").setLevel(logging.WARNING)
        self.dut, self.links = dut, links
        self.rng = np.random.default_rng(int(os.environ["SP_SEED"]))
        self.folder = Path(os.environ["SP_RUN_DIR"])
        self.hits: Counter[str] = Counter()
        dut.rst_ni.value = 0
        dut.cut_i.value = 0
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            getattr(dut, f"csr_{name}").value = 0
        for e in range(ENDPOINTS):
            scope = dut[f"g_ep[{e}]"]
            for name in ("cmd_valid", "res_ready", "col_cmd_valid", "col_res_ready"):
                getattr(scope, name).value = 0
            for name in ("s_axi_awvalid", "s_axi_wvalid", "s_axi_arvalid"):
                getattr(scope, name).value = 0
        Clock(dut.clk_i, 2, unit="ns").start()
        reset = {"reset": dut.rst_ni, "reset_active_level": False}
        self.masters, self.rams = [], []
        for e in range(ENDPOINTS):
            scope = dut[f"g_ep[{e}]"]
            bus = AxiBus.from_prefix(scope, "s_axi")
            self.masters.append(AxiMaster(bus, dut.clk_i, **reset))
            ram = AxiRam(AxiBus.from_prefix(scope, "m_axi"), dut.clk_i, **reset, size=RAM_BYTES)
            AxiRam(AxiBus.from_prefix(scope, "c_axi"), dut.clk_i, **reset, mem=ram.mem)
            self.rams.append(ram)
        self.bus = AxiLiteMaster(dut, "csr", dut.clk_i)
        switch, endpoint, link = (csr.load(f"{name}_map") for name in ("csr", "endpoint", "link"))
        at = [UNIT * unit for unit in range(PLANES + ENDPOINTS * (1 + 2 * PLANES))]
        self.switches = [Registers(self.bus, switch, base) for base in at[:PLANES]]
        self.endpoints = [
            Registers(self.bus, endpoint, base) for base in at[PLANES : PLANES + ENDPOINTS]
        ]
        self.ends = [Registers(self.bus, link, base) for base in at[PLANES + ENDPOINTS :]]

    async def cycles(self, count: int) -> None:
        """Let cycles pass."""
        for _ in range(count):
            await RisingEdge(self.dut.clk_i)

    async def begin(self, **settings: int) -> None:
        """Reset; routes, groups, address maps; `settings` are registers of all endpoints."""
        await self.cycles(5)
        self.dut.rst_ni.value = 1
        await self.cycles(5)
        if self.links:
            for end in self.ends:
                await end.write("keepalive_cycles", 100)
                await end.write("dead_cycles", 500)
                await end.write("age_cycles", 3000)
                await end.write("control", enable=1)
        for switch in self.switches:
            for dst in range(ENDPOINTS + 1):
                await switch.write(f"fwd_all[{dst}]", valid=1, out=dst)
            await switch.write("group[1][0]", (1 << ENDPOINTS) - 1)
            await switch.write("reduction_timeout", 20_000)
        size = (RAM_BYTES * ENDPOINTS - 1).bit_length()
        window = RAM_BYTES.bit_length() - 1
        for e, endpoint in enumerate(self.endpoints):
            await endpoint.write("source", e)
            await endpoint.write("control", seal=1, require=1)
            for r, base in enumerate((RELAXED, STRICT)):
                await endpoint.write(f"region[{r}].base_high", base >> 32)
                await endpoint.write(
                    f"region[{r}].entry", valid=1, strict=r, size_log2=size, window_log2=window
                )
            for name, value in {"reissue_delay": 300, **settings}.items():
                await endpoint.write(name, value)
        await self.all_up()

    async def all_up(self) -> None:
        """Wait until all planes are up at all endpoints, and the switches have seen it."""
        for _ in range(100):
            if int(self.dut.up_o.value) == (1 << ENDPOINTS * PLANES) - 1:
                await self.cycles(10)
                return
            await self.cycles(50)
        raise AssertionError(f"up: {int(self.dut.up_o.value):b}")

    async def command(self, endpoint: int, **fields: int) -> dict[str, int]:
        """Ring the doorbell of an atomic, and wait for its result."""
        scope = self.dut[f"g_ep[{endpoint}]"]
        return await self._ring(
            (scope.cmd_valid, scope.cmd_ready, scope.cmd), pack(COMMAND, **fields),
            (scope.res_valid, scope.res_ready, scope.res), RESULT,
        )  # fmt: skip

    async def collective(self, endpoint: int, **fields: Any) -> dict[str, int]:
        """Ring the doorbell of a collective, and wait for its result."""
        scope = self.dut[f"g_ep[{endpoint}]"]
        command = Command(**{"port": endpoint, "dst": ENDPOINTS, "group": 1, **fields})
        return await self._ring(
            (scope.col_cmd_valid, scope.col_cmd_ready, scope.col_cmd), command.word(),
            (scope.col_res_valid, scope.col_res_ready, scope.col_res), COLLECTIVE_RESULT,
        )  # fmt: skip

    async def _ring(
        self, ask: tuple[Any, ...], word: int, answer: tuple[Any, ...], layout: dict[str, int]
    ) -> dict[str, int]:
        valid, ready, data = ask
        data.value, valid.value = word, 1
        await self._until(ready)
        valid.value = 0
        valid, ready, data = answer
        ready.value = 1
        await self._until(valid)
        found = unpack(layout, int(data.value))
        ready.value = 0
        return found

    async def _until(self, signal: Any) -> None:
        for _ in range(200_000):
            await RisingEdge(self.dut.clk_i)
            if int(signal.value):
                return
        raise AssertionError(f"{signal._path} does not come")

    async def count(self, name: str) -> int:
        """Return the sum of a counter over all endpoints."""
        return sum([await endpoint.read(name) for endpoint in self.endpoints])
