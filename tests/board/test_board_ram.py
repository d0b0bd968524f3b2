# SPDX-License-Identifier: Apache-2.0
"""The memory of an endpoint on a board: two AXI4 ports and the host's words, at the same time.

A read must show a value that its word held between the cycle in which it was asked for and the one
in which it came. Every value that is written is another one, so that an old one is seen as such.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter, deque
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer

from switchproof.ci.build import BuildError, BuildSpec, lint
from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim

#: Bytes of the memory, of a beat; beats of it.
SIZE, LANES = 256, 8
ROWS = SIZE // LANES
OKAY, DECERR = 0, 3
CYCLES = 4000
#: Bits of each input by port.
WIDTHS = {
    "awid": 4, "awaddr": 64, "awvalid": 1, "wdata": 64, "wstrb": 8, "wlast": 1, "wvalid": 1,
    "bready": 1, "arid": 4, "araddr": 64, "arlen": 8, "arvalid": 1, "rready": 1,
}  # fmt: skip


@dataclasses.dataclass
class Burst:
    """A burst that a port asks for."""

    id: int
    address: int
    beats: int
    begin: int = -1
    done: int = 0

    @property
    def there(self) -> bool:
        """Whether it lies in the memory."""
        return self.address < SIZE

    @property
    def row(self) -> int:
        """The row of the next beat."""
        return self.address % SIZE // LANES + self.done


class Port:
    """What a port asks for and waits for; each channel is idle, or offers something."""

    def __init__(self) -> None:
        self.inputs = dict.fromkeys(WIDTHS, 0)
        self.write: Burst | None = None
        self.read: Burst | None = None
        #: What was offered to it and not taken, by channel.
        self.held: dict[str, tuple[int, ...]] = {}


class Play:
    """The bench."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = np.random.default_rng(int(os.environ["SP_SEED"]))
        self.hits: Counter[str] = Counter()
        self.cycle = 0
        self.number = 0
        #: Values of each word with the cycle from which on it had them.
        self.history: list[deque[tuple[int, int]]] = [deque([(0, 0)]) for _ in range(ROWS)]
        self.ports = [Port(), Port()]
        self.host = {"write": 0, "write_row": 0, "write_data": 0, "write_strb": 0}
        self.host |= {"read": 0, "read_row": 0}
        self.asked = -1
        self.since = 0

    def draw(self, high: int) -> int:
        """Return a number below `high`."""
        return int(self.rng.integers(high))

    def fresh(self) -> int:
        """Return a beat that was never written: each of its bytes changes often."""
        self.number += 1
        return int.from_bytes(self.rng.bytes(4), "little") << 32 | self.number

    def drive(self) -> None:
        """Give all inputs to the module."""
        for name, width in WIDTHS.items():
            value = sum(port.inputs[name] << n * width for n, port in enumerate(self.ports))
            getattr(self.dut, f"{name}_i").value = value
        for name, value in self.host.items():
            getattr(self.dut, f"{name}_i").value = value

    def get(self, name: str) -> int:
        """Return an output."""
        return int(getattr(self.dut, f"{name}_o").value)

    def put(self, row: int, data: int, strobe: int) -> None:
        """Write bytes of a word, from the next cycle on."""
        lanes = sum(0xFF << 8 * k for k in range(LANES) if strobe >> k & 1)
        old = self.history[row][-1][1]
        self.history[row].append((self.cycle + 1, old & ~lanes | data & lanes))
        while len(self.history[row]) > 200:
            self.history[row].popleft()

    def shown(self, row: int, begin: int) -> set[int]:
        """Return the values that a word had from a cycle on."""
        found = set()
        for (since, value), (until, _) in zip(
            self.history[row], [*list(self.history[row])[1:], (self.cycle + 1, 0)]
        ):
            if until > begin and since <= self.cycle:
                found.add(value)
        return found

    def offered(self, number: int, channel: str, names: tuple[str, ...]) -> bool:
        """Return whether a port is offered something; what it did not take must still be there."""
        port = self.ports[number]
        valid = bool(self.get(f"{channel}valid") >> number & 1)
        now = tuple(self.get(channel + name) for name in names)
        if channel in port.held:
            assert valid and port.held[channel] == now, f"{channel}: what waited has changed"
        port.held.pop(channel, None)
        if valid and not port.inputs[f"{channel}ready"]:
            port.held[channel] = now
        return valid

    def burst(self) -> Burst:
        """Return a burst within the memory or outside of it."""
        row = self.draw(ROWS)
        beats = 1 + self.draw(min(ROWS - row, 8))
        high = 0 if self.draw(8) else SIZE << self.draw(50)
        return Burst(self.draw(16), high + row * LANES, beats)

    def writes(self, number: int, port: Port) -> None:
        """Do what follows an edge at the channels of writes."""
        i, burst = port.inputs, port.write
        if i["awvalid"] and self.get("awready") >> number & 1:
            i["awvalid"] = 0
        if burst and i["wvalid"] and self.get("wready") >> number & 1:
            assert not i["awvalid"], "data before their address"
            assert not self.host["write"], "a beat is taken beside a word of the host"
            if burst.there:
                self.put(burst.row, i["wdata"], i["wstrb"])
            burst.done += 1
            i["wvalid"] = 0
        if self.offered(number, "b", ("id", "resp")):
            assert burst and burst.done == burst.beats and not i["wvalid"]
            if i["bready"]:
                assert self.get("bid") == burst.id
                assert self.get("bresp") == (OKAY if burst.there else DECERR)
                self.hits[f"ram.write.{'there' if burst.there else 'outside'}"] += 1
                port.write = burst = None
        if burst is None and self.cycle < CYCLES and self.draw(3) == 0:
            port.write = burst = self.burst()
            i |= {"awvalid": 1, "awid": burst.id, "awaddr": burst.address}
        if burst and not i["wvalid"] and burst.done < burst.beats and self.draw(3):
            strobe = 0xFF if self.draw(2) else self.draw(256)
            i |= {"wvalid": 1, "wdata": self.fresh(), "wstrb": strobe}
            i["wlast"] = int(burst.done == burst.beats - 1)
        i["bready"] = int(self.draw(3) > 0)

    def reads(self, number: int, port: Port) -> None:
        """Do what follows an edge at the channels of reads."""
        i, burst = port.inputs, port.read
        if i["arvalid"] and self.get("arready") >> number & 1:
            assert burst
            burst.begin, i["arvalid"] = self.cycle, 0
        if self.offered(number, "r", ("id", "data", "resp", "last")):
            assert burst and burst.begin >= 0
            if i["rready"]:
                data = self.get("rdata")
                assert self.get("rid") == burst.id
                assert self.get("rresp") == (OKAY if burst.there else DECERR)
                allowed = self.shown(burst.row, burst.begin) if burst.there else {0}
                assert data in allowed, f"{data:#x} at row {burst.row} in cycle {self.cycle}"
                burst.done += 1
                assert self.get("rlast") == (burst.done == burst.beats)
                if burst.done == burst.beats:
                    self.hits[f"ram.read.{'there' if burst.there else 'outside'}"] += 1
                    port.read = burst = None
            else:
                self.hits["ram.read.waits"] += 1
        if burst is None and self.cycle < CYCLES and self.draw(3) == 0:
            port.read = burst = self.burst()
            i |= {"arvalid": 1, "arid": burst.id, "araddr": burst.address}
            i["arlen"] = burst.beats - 1
        i["rready"] = int(self.draw(3) > 0)

    def words(self) -> None:
        """Do what follows an edge at the host's port."""
        host = self.host
        if self.asked >= 0:
            allowed = self.shown(self.asked, self.since)
            assert self.get("read_data") in allowed, f"row {self.asked} in cycle {self.cycle}"
            self.hits["ram.host.read"] += 1
        self.asked = -1
        if host["write"]:
            self.put(host["write_row"], host["write_data"], host["write_strb"])
            self.hits["ram.host.write"] += 1
        if host["read"]:
            if self.get("read_ready"):
                # It is there in the next cycle.
                self.asked, self.since = host["read_row"], self.cycle
                host["read"] = 0
            else:
                clash = host["write"] and host["write_row"] == host["read_row"]
                self.hits[f"ram.host.{'same_word' if clash else 'waits'}"] += 1
        host["write"] = int(self.draw(4) == 0)
        host |= {"write_row": self.draw(ROWS), "write_data": self.fresh()}
        host["write_strb"] = 0xFF if self.draw(2) else self.draw(256)
        if not host["read"] and self.draw(4) == 0:
            host |= {"read": 1, "read_row": self.draw(ROWS)}
        if host["read"] and host["write"] and self.draw(4) == 0:
            host["write_row"] = host["read_row"]

    async def run(self) -> None:
        """Reset, zero the memory, then let all go on at the same time."""
        dut = self.dut
        dut.rst_ni.value = 0
        self.drive()
        cocotb.start_soon(Clock(dut.clk_i, 10, unit="ns").start())
        await Timer(35, "ns")
        dut.rst_ni.value = 1
        self.host["write"], self.host["write_strb"] = 1, 0xFF
        for row in range(ROWS):
            self.host["write_row"] = row
            self.drive()
            await RisingEdge(dut.clk_i)
        self.host["write"] = 0
        self.drive()
        for _ in range(CYCLES + 500):
            await RisingEdge(dut.clk_i)
            self.cycle += 1
            # What the host writes overrules a beat, so it is looked at before it changes.
            for number, port in enumerate(self.ports):
                self.writes(number, port)
            for number, port in enumerate(self.ports):
                self.reads(number, port)
            self.words()
            self.drive()
        assert not any(port.read or port.write for port in self.ports), "a burst was not answered"
        path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
        path.write_text(json.dumps(dict(self.hits)))


@cocotb.test()
async def play(dut: Any) -> None:
    """Everything at random."""
    await Play(dut).run()


def test_board_ram(sim: Sim) -> None:
    """See play."""
    sim.run_module(
        sources=needed("sp_board_ram"),
        toplevel="sp_board_ram",
        module=__name__,
        testcase="play",
        parameters={"BYTES": SIZE, "AXI_ID_W": 4},
    )  # fmt: skip


@pytest.mark.parametrize("module", ["sp_board_ram", "sp_board_endpoint"])
def test_board_memory_parameters(module: str) -> None:
    """Bytes that are no power of two stop elaboration with the parameter's name."""
    spec = BuildSpec(
        name="illegal",
        toplevel=module,
        sources=needed(module),
        parameters=(("BYTES", 768),),
    )
    with pytest.raises(BuildError, match=f"{module}: BYTES = 768 is not a power of two"):
        lint(spec)
