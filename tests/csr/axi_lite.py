# SPDX-License-Identifier: Apache-2.0
"""An AXI4-Lite master on signals for the tests of the registers: five channels, random stalls."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter, deque
from typing import Any

from cocotb.triggers import Event, RisingEdge
from cocotb_bus.drivers import BusDriver


@dataclasses.dataclass
class Access:
    """One access; ``data`` and ``resp`` of a read are there once ``done`` is set."""

    write: bool
    address: int
    data: int = 0
    strobe: int = 0xF
    resp: int = -1
    done: Event = dataclasses.field(default_factory=Event)


class AxiLiteMaster(BusDriver):
    """Drives ``<name>_awvalid_i`` and so on; one process serves the five channels.

    ``stall`` is the chance, a cycle and a channel, that a valid or a ready is held back. Answers
    that change or vanish while they wait for ready are an error. ``coverage`` counts, by channel,
    the beats that had to wait for the other side.
    """

    _signals = [  # noqa: RUF012 (cocotb-bus wants a list of the class)
        *("awvalid_i", "awready_o", "awaddr_i", "awprot_i"),
        *("wvalid_i", "wready_o", "wdata_i", "wstrb_i"),
        *("bvalid_o", "bready_i", "bresp_o"),
        *("arvalid_i", "arready_o", "araddr_i", "arprot_i"),
        *("rvalid_o", "rready_i", "rdata_o", "rresp_o"),
    ]

    def __init__(self, dut: Any, clock: Any, seed: int, stall: float = 0.0) -> None:
        super().__init__(dut, "csr", clock)
        self.stall = stall
        self.coverage: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._queue: dict[str, deque[Access]] = {c: deque() for c in ("aw", "w", "b", "ar", "r")}

    def idle(self) -> None:
        """Drive every output of the master to its idle value."""
        for name in ("awvalid_i", "wvalid_i", "arvalid_i", "bready_i", "rready_i"):
            getattr(self.bus, name).value = 0
        for name in ("awaddr_i", "awprot_i", "wdata_i", "wstrb_i", "araddr_i", "arprot_i"):
            getattr(self.bus, name).value = 0

    async def run(self) -> None:
        """Serve the channels for ever; start it with cocotb.start_soon after reset."""
        bus = self.bus
        valid = {"aw": False, "w": False, "ar": False}
        ready = {"b": False, "r": False}
        held: dict[str, Any] = {"b": None, "r": None}
        while True:
            await RisingEdge(self.clock)
            # Everything that is read here is the value from before the edge.
            for channel in ("aw", "w", "ar"):
                if not valid[channel]:
                    continue
                if getattr(bus, f"{channel}ready_o").value:
                    valid[channel] = False
                    getattr(bus, f"{channel}valid_i").value = 0
                    self._queue[channel].popleft()
                else:
                    self.coverage[channel] += 1
            for channel in ("b", "r"):
                seen = None
                if getattr(bus, f"{channel}valid_o").value:
                    seen = (int(getattr(bus, f"{channel}resp_o").value),)
                    if channel == "r":
                        seen += (int(bus.rdata_o.value),)
                assert held[channel] is None or seen == held[channel], f"{channel}: answer changed"
                held[channel] = seen
                if seen is None:
                    continue
                assert self._queue[channel], f"{channel}: an answer that nobody asked for"
                if not ready[channel]:
                    self.coverage[channel] += 1
                    continue
                held[channel] = None
                access = self._queue[channel].popleft()
                access.resp = seen[0]
                if channel == "r":
                    access.data = seen[1]
                access.done.set()
            for channel in ("aw", "w", "ar"):
                if valid[channel] or not self._queue[channel] or self._held_back():
                    continue
                access = self._queue[channel][0]
                valid[channel] = True
                getattr(bus, f"{channel}valid_i").value = 1
                if channel == "w":
                    bus.wdata_i.value = access.data
                    bus.wstrb_i.value = access.strobe
                else:
                    getattr(bus, f"{channel}addr_i").value = access.address
                    getattr(bus, f"{channel}prot_i").value = self._random.randrange(8)
            for channel in ("b", "r"):
                ready[channel] = not self._held_back()
                getattr(bus, f"{channel}ready_i").value = int(ready[channel])

    def _held_back(self) -> bool:
        return self._random.random() < self.stall

    def start_read(self, address: int) -> Access:
        """Ask for a read; wait for its ``done``."""
        access = Access(False, address)
        self._queue["ar"].append(access)
        self._queue["r"].append(access)
        return access

    def start_write(self, address: int, data: int, strobe: int = 0xF) -> Access:
        """Ask for a write; wait for its ``done``."""
        access = Access(True, address, data, strobe)
        for channel in ("aw", "w", "b"):
            self._queue[channel].append(access)
        return access

    async def read(self, address: int) -> tuple[int, int]:
        """Read a word; return data and response."""
        access = self.start_read(address)
        await access.done.wait()
        return access.data, access.resp

    async def write(self, address: int, data: int, strobe: int = 0xF) -> int:
        """Write a word; return the response."""
        access = self.start_write(address, data, strobe)
        await access.done.wait()
        return access.resp
