# SPDX-License-Identifier: Apache-2.0
"""AXI4-Lite through the harness's ``csr_*`` variables: a driver, a monitor, registers by name."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any

from cocotb.triggers import Event
from cocotb_bus.drivers import BusDriver
from cocotb_bus.monitors import BusMonitor

from switchproof.models.csr import OKAY, CsrMap

from .sampling import drive_point, sample_point

#: Cycles in which an access is answered; after reset it waits until the tables are swept, a cycle
#: for each of at most 16,384 rows.
PATIENCE = 20_000


class RegisterError(RuntimeError):
    """An access that was not answered, or not as it should be; the text says which."""


@dataclasses.dataclass(frozen=True)
class Access:
    """One access to a register as seen on the bus. ``response`` is the AXI4 code."""

    write: bool
    address: int
    data: int
    strobe: int
    response: int


class AxiLiteMaster(BusDriver):
    """Reads and writes words, one access at a time."""

    _signals = (
        "awvalid", "awready", "awaddr", "wvalid", "wready", "wdata", "wstrb", "bvalid", "bready",
        "bresp", "arvalid", "arready", "araddr", "rvalid", "rready", "rdata", "rresp",
    )  # fmt: skip
    _optional_signals = ("awprot", "arprot")

    def __init__(self, entity: Any, name: str, clock: Any, timeout: int = PATIENCE) -> None:
        """`timeout`: clock cycles after which an access that is not answered is an error."""
        super().__init__(entity, name, clock)
        self.timeout = timeout
        #: Set while an access is on its way, so that a monitor need not look when none is.
        self.active = Event()

    async def write(self, address: int, data: int, strobe: int = 0xF) -> int:
        """Write a word; return the response."""
        bus = self.bus
        self.active.set()
        await drive_point(self.clock)
        bus.awaddr.value, bus.wdata.value, bus.wstrb.value = address, data, strobe
        bus.awvalid.value = bus.wvalid.value = bus.bready.value = 1
        open_channels = {"aw", "w", "b"}
        response = OKAY
        for _ in range(self.timeout):
            await sample_point(self.clock)
            done = {c for c in open_channels if self._moves(c)}
            if "b" in done:
                response = int(bus.bresp.value)
            await drive_point(self.clock)
            self._close(done)
            open_channels -= done
            if not open_channels:
                self.active.clear()
                return response
        raise RegisterError(f"write to {address:#x}: no answer in {self.timeout} cycles")

    async def read(self, address: int) -> tuple[int, int]:
        """Read a word; return data and response."""
        bus = self.bus
        self.active.set()
        await drive_point(self.clock)
        bus.araddr.value = address
        bus.arvalid.value = bus.rready.value = 1
        open_channels = {"ar", "r"}
        data, response = 0, OKAY
        for _ in range(self.timeout):
            await sample_point(self.clock)
            done = {c for c in open_channels if self._moves(c)}
            if "r" in done:
                data, response = int(bus.rdata.value), int(bus.rresp.value)
            await drive_point(self.clock)
            self._close(done)
            open_channels -= done
            if not open_channels:
                self.active.clear()
                return data, response
        raise RegisterError(f"read of {address:#x}: no answer in {self.timeout} cycles")

    def _moves(self, channel: str) -> bool:
        valid, ready = getattr(self.bus, f"{channel}valid"), getattr(self.bus, f"{channel}ready")
        return bool(valid.value) and bool(ready.value)

    def _close(self, channels: set[str]) -> None:
        for channel in channels:
            side = "ready" if channel in ("b", "r") else "valid"
            getattr(self.bus, channel + side).value = 0


class AxiLiteMonitor(BusMonitor):
    """Sees every access of a master; calls back with an Access when it is answered.

    It sleeps while the master has nothing on its way: a look at every cycle of a long simulation
    would cost more than the simulation.
    """

    _signals = AxiLiteMaster._signals

    def __init__(self, master: AxiLiteMaster, callback: Callable[[Access], None]) -> None:
        self.active = master.active
        super().__init__(master.entity, master.name, master.clock, callback=callback)

    async def _monitor_recv(self) -> None:
        addresses: dict[str, deque[int]] = {"aw": deque(), "w": deque(), "ar": deque()}
        bus = self.bus
        while True:
            await self.active.wait()
            await sample_point(self.clock)
            if bus.awvalid.value and bus.awready.value:
                addresses["aw"].append(int(bus.awaddr.value))
            if bus.wvalid.value and bus.wready.value:
                addresses["w"].append(int(bus.wdata.value) << 4 | int(bus.wstrb.value))
            if bus.arvalid.value and bus.arready.value:
                addresses["ar"].append(int(bus.araddr.value))
            if bus.bvalid.value and bus.bready.value:
                word = addresses["w"].popleft()
                address = addresses["aw"].popleft()
                self._recv(Access(True, address, word >> 4, word & 15, int(bus.bresp.value)))
            if bus.rvalid.value and bus.rready.value:
                data, response = int(bus.rdata.value), int(bus.rresp.value)
                self._recv(Access(False, addresses["ar"].popleft(), data, 15, response))


class Registers:
    """Registers by name over a master. A name is that of the register map: ``port[3].rx_flits``.

    `base`: address of the first register of the map.
    """

    def __init__(self, master: AxiLiteMaster, register_map: CsrMap, base: int = 0) -> None:
        self.master = master
        self.map = register_map
        self.base = base

    async def write(self, register: str | int, word: int | None = None, **fields: int) -> None:
        """Write a word, or fields with zero in the others. RegisterError when refused."""
        address = self._address(register)
        if word is None:
            word = self.map.encode(str(register), **fields)
        response = await self.master.write(address, word)
        if response != OKAY:
            raise RegisterError(f"write of {word:#x} to {register}: response {response}")

    async def read(self, register: str | int) -> int:
        """Read a word. RegisterError when refused."""
        data, response = await self.master.read(self._address(register))
        if response != OKAY:
            raise RegisterError(f"read of {register}: response {response}")
        return data

    async def fields(self, register: str) -> dict[str, int]:
        """Read a register; return its fields."""
        return self.map.decode(register, await self.read(register))

    def _address(self, register: str | int) -> int:
        return self.base + (register if isinstance(register, int) else self.map.address(register))
