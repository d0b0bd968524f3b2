# SPDX-License-Identifier: Apache-2.0
"""sp_uartbone on its line and its bus: commands of every kind, and each error made on purpose.

A script of bytes, levels and waits is written here together with what must follow from it: the
accesses on the bus in their order, the bytes of the answers, and how often each event happens.
sp_uartbone_player plays it; the log must say the same.
"""

from __future__ import annotations

import bisect
import dataclasses
import json
import os
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import Timer

from switchproof.ci.pytest_plugin import Sim

SOURCES = (
    "rtl/board/sp_uart_pkg.sv",
    "rtl/common/sp_fifo.sv",
    "rtl/board/sp_uart_rx.sv",
    "rtl/board/sp_uart_tx.sv",
    "rtl/board/sp_uart_bridge.sv",
    "rtl/board/sp_uartbone.sv",
    "tests/board/sp_uartbone_player.sv",
)

#: Clock and bits per second: a bit is 16 2/3, 8 (the least), 10 and 245/288 cycles.
SHAPES = {
    "board": (50_000_000, 3_000_000),
    "least": (24_000_000, 3_000_000),
    "odd": (10_000_000, 921_600),
}
TIMEOUT_US = 100
RX_DEPTH = 64
WORDS = 1 << 30
EVENTS = ("rx", "tx", "frame_error", "abort", "bad_command", "overflow", "bus_error")

SEND, LEVEL, ANSWERS, RESET = range(4)


@dataclasses.dataclass(frozen=True)
class Shape:
    """One build of the player."""

    clk_hz: int
    baud: int

    @property
    def bit(self) -> Fraction:
        """Cycles of a bit."""
        return Fraction(self.clk_hz, self.baud)

    @property
    def timeout(self) -> int:
        """Cycles of the time-out."""
        return self.clk_hz * TIMEOUT_US // 1_000_000


def start_word(index: int) -> int:
    """Return what a word of the player's memory holds at first."""
    return (index * 0x9E37_79B1 + 0x0123_4567) & 0xFFFF_FFFF


def response(address: int) -> int:
    """Return the response of the player's bus at a byte address."""
    return {0xE: 2, 0xF: 3}.get(address >> 12 & 15, 0)


class Script:
    """Records for the player, and what must follow from them.

    ``waiting`` counts the bytes sent since the first answer that was not waited for.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.records: list[tuple[int, int]] = []
        self.accesses: list[tuple[Any, ...]] = []
        self.answer = bytearray()
        self.events: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.memory = {i: start_word(i) for i in range(1024)}
        self.waiting = 0
        self.bits(25)  # after reset the line must be idle first

    # ------------------------------------------------------------------------------ the line

    def cycles(self, cycles: float | Fraction, level: int = 1) -> None:
        """Hold the line for so many cycles."""
        self.records.append((LEVEL | level << 8, int(cycles * 65536)))

    def bits(self, bits: float | Fraction, level: int = 1) -> None:
        """Hold the line for so many bit times."""
        self.cycles(Fraction(bits) * self.shape.bit, level)

    def noise(self, data: bytes, rate: float | Fraction = 1, stop: int = 1) -> None:
        """Send bytes of which nothing follows by itself; ``rate`` is in units of the right one."""
        span = int(self.shape.bit * 65536 / Fraction(rate))
        self.records += [(SEND | byte << 8 | stop << 16, span) for byte in data]
        self.waiting += len(data)

    def send(self, data: bytes, rate: float | Fraction = 1) -> None:
        """Send bytes that arrive."""
        self.noise(data, rate)
        self.events["rx"] += len(data)

    def wait(self) -> None:
        """Wait for all answers."""
        self.records.append((ANSWERS, len(self.answer)))
        self.waiting = 0

    def silence(self) -> None:
        """Let the time-out pass."""
        self.cycles(self.shape.timeout + 12 * self.shape.bit)

    # -------------------------------------------------------------------------- what follows

    def did_write(self, address: int, word: int) -> None:
        """Expect a write."""
        resp = response(address)
        self.accesses.append(("W", address, word, 15, resp))
        if resp:
            self.events["bus_error"] += 1
        else:
            self.memory[address >> 2 & 1023] = word

    def did_read(self, address: int) -> None:
        """Expect a read and its answer."""
        resp = response(address)
        self.accesses.append(("R", address, resp))
        self.events["bus_error"] += bool(resp)
        word = ~address & 0xFFFF_FFFF if resp else self.memory[address >> 2 & 1023]
        self.answer += word.to_bytes(4, "big")
        self.events["tx"] += 4

    # ------------------------------------------------------------------------------ commands

    @staticmethod
    def head(code: int, count: int, address: int, top: int = 0) -> bytes:
        """Return the first six bytes of a command; ``top`` are the bits that no address has."""
        return bytes([code, count & 255]) + (address // 4 + (top << 30)).to_bytes(4, "big")

    def write(self, address: int, words: list[int], fixed: bool = False, **how: Any) -> None:
        """Write words."""
        data = b"".join(word.to_bytes(4, "big") for word in words)
        self.send(self.head(3 if fixed else 1, len(words), address) + data, **how)
        for i, word in enumerate(words):
            self.did_write((address // 4 + (not fixed) * i) % WORDS * 4, word)
        self.hit("write", len(words), fixed)

    def read(self, address: int, count: int = 1, fixed: bool = False, **how: Any) -> None:
        """Read words; does not wait for them."""
        if not self.waiting:
            self.waiting = 1
        self.send(self.head(4 if fixed else 2, count, address), **how)
        for i in range(count):
            self.did_read((address // 4 + (not fixed) * i) % WORDS * 4)
        self.hit("read", count, fixed)

    def hit(self, kind: str, count: int, fixed: bool) -> None:
        """Count functional coverage."""
        size = {1: "one", 256: "most"}.get(count, "some")
        self.hits[f"bridge.{kind}.{'fixed' if fixed else 'incr'}.{size}"] += 1

    def works(self, what: str, seed: int) -> None:
        """Show that commands work now: write, read back, and wait."""
        rng = random.Random(seed)
        address = 4 * rng.randrange(900)
        self.write(address, [rng.getrandbits(32) for _ in range(3)])
        self.read(address, 3)
        self.wait()
        self.hits[f"bridge.recovery.{what}"] += 1


@dataclasses.dataclass
class Log:
    """What the player saw; cycles in the last place of each row."""

    accesses: list[tuple[Any, ...]]
    access_cycles: list[int]
    events: dict[str, list[int]]
    edges: list[tuple[int, int]]
    sent: list[int]

    @classmethod
    def read(cls, path: Path) -> Log:
        """Parse log.txt."""
        log = cls([], [], {name: [] for name in EVENTS}, [], [])
        for line in path.read_text().splitlines():
            kind, cycle, *rest = line.split()
            if kind == "W":
                address, word, strobe, resp = rest
                row = (kind, int(address, 16), int(word, 16), int(strobe, 16), int(resp))
                log.accesses.append(row)
                log.access_cycles.append(int(cycle))
            elif kind == "R":
                log.accesses.append((kind, int(rest[0], 16), int(rest[1])))
                log.access_cycles.append(int(cycle))
            elif kind == "E":
                log.events[rest[0]].append(int(cycle))
            elif kind == "T":
                log.edges.append((int(cycle), int(rest[0])))
            else:
                log.sent.append(int(cycle))
        return log

    def answer(self, bit: Fraction) -> tuple[bytes, list[int]]:
        """Return the bytes of the line back and the cycle in which each begins."""
        times = [cycle for cycle, _ in self.edges]
        data, begins = bytearray(), []
        free = Fraction(0)  # from here on a falling edge begins a byte
        for cycle, level in self.edges:
            if level or cycle < free:
                continue
            looks = [cycle + (k + Fraction(1, 2)) * bit for k in range(10)]
            found = [self.edges[bisect.bisect_right(times, look) - 1][1] for look in looks]
            assert found[0] == 0 and found[9] == 1, f"no frame in cycle {cycle}: {found}"
            data.append(sum(value << k for k, value in enumerate(found[1:9])))
            begins.append(cycle)
            free = looks[9]
        return bytes(data), begins


async def play(dut: Any, script: Script, stall: int = 0) -> Log:
    """Run a script and compare everything with what must follow from it."""
    folder = Path(os.environ["SP_RUN_DIR"])
    rows = np.zeros((len(script.records), 3), ">u8")
    rows[:, :2] = script.records
    (folder / "script.bin").write_bytes(rows.tobytes())
    dut.rst_ni.value = 0
    dut.stall_i.value = stall
    dut.seed_i.value = int(os.environ["SP_SEED"]) & 0xFFFF_FFFF
    dut.live_i.value = 0
    Clock(dut.clk_i, 10, unit="ns").start()
    await Timer(35, "ns")
    dut.rst_ni.value = 1
    limit = float(script.shape.bit) * (8000 + 12 * len(script.answer))
    limit += sum(s * (10 if k & 255 == SEND else 1) for k, s in script.records) / 65536
    while not int(dut.done_o.value):
        await Timer(20_000, "ns")
        assert int(dut.cycle_o.value) < limit, f"not done after {limit} cycles: stuck"
    log = Log.read(folder / "log.txt")
    for i, (got, want) in enumerate(zip(log.accesses, script.accesses)):
        assert got == want, f"access {i} in cycle {log.access_cycles[i]}: {got}, wanted {want}"
    assert len(log.accesses) == len(script.accesses)
    answer, _ = log.answer(script.shape.bit)
    assert answer == bytes(script.answer)
    got_events = {name: len(cycles) for name, cycles in log.events.items()}
    assert got_events == {name: script.events[name] for name in EVENTS}
    script.hits.update({f"bridge.event.{name}": n for name, n in got_events.items()})
    save(script.hits)
    return log


def save(hits: dict[str, int]) -> None:
    """Write functional coverage."""
    path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
    path.write_text(json.dumps({name: n for name, n in hits.items() if n}))


def begin() -> tuple[Script, random.Random]:
    """Return an empty script for the shape of this build, and random numbers of this run."""
    clk_hz, baud = SHAPES[os.environ["SHAPE"]]
    return Script(Shape(clk_hz, baud)), random.Random(int(os.environ["SP_SEED"]))


def run(sim: Sim, testcase: str, shape: str = "board", env: dict[str, str] | None = None) -> None:
    """Build the player and run a test of this file."""
    clk_hz, baud = SHAPES[shape]
    sim.run_module(
        sources=SOURCES,
        toplevel="sp_uartbone_player",
        parameters={
            "CLK_HZ": clk_hz,
            "BAUD": baud,
            "TIMEOUT_US": TIMEOUT_US,
            "RX_DEPTH": RX_DEPTH,
        },
        module=__name__,
        testcase=testcase,
        env={"SHAPE": shape, **(env or {})},
    )


# ----------------------------------------------------------------------------- random commands


@cocotb.test()
async def random_commands(dut: Any) -> None:
    """Commands of all four kinds in any order, back to back or with pauses, right or mistuned."""
    script, rng = begin()
    shape = script.shape
    turns = int(os.environ["TURNS"])
    most = [(write, fixed) for write in (0, 1) for fixed in (0, 1)] if turns > 50 else []
    longest = {rng.randrange(turns): kind for kind in most}
    for turn in range(turns):
        write, fixed = longest.get(turn, (rng.randrange(2), rng.randrange(2)))
        count = rng.choice((1, 1, rng.randint(2, 9), rng.randint(2, 30)))
        count = 256 if turn in longest else count
        word = rng.choice((rng.getrandbits(30), rng.getrandbits(10), -rng.randint(1, 9) % WORDS))
        size = 6 + 4 * count * write
        if script.waiting and (script.waiting + size > RX_DEPTH or rng.random() < 0.4):
            script.wait()
        elif script.waiting:
            script.hits["bridge.pipelined"] += 1
        rate = rng.choice((1, 1, rng.uniform(0.97, 1.03)))
        if write:
            words = [rng.getrandbits(32) for _ in range(count)]
            script.write(4 * word, words, bool(fixed), rate=rate)
        else:
            script.read(4 * word, count, bool(fixed), rate=rate)
        if rng.random() < 0.3:  # pauses inside of commands too: the last bytes move behind one
            at = rng.randint(1, size)
            tail = script.records[-at:]
            del script.records[-at:]
            # The time-out counts from the end of a byte to the end of the next.
            longest_pause = shape.timeout - 12 * shape.bit
            script.cycles(rng.choice((rng.uniform(0, 3) * shape.bit, longest_pause)))
            script.records += tail
            script.hits["bridge.pause"] += 1
        else:
            script.hits["bridge.back_to_back"] += 1
    script.wait()
    await play(dut, script, rng.choice((0, 128, 240)))


@pytest.mark.parametrize(("shape", "turns"), [("board", 100), ("least", 100), ("odd", 50)])
def test_uartbone_random(sim: Sim, shape: str, turns: int) -> None:
    """Accesses, answers and events are those of the commands."""
    run(sim, "random_commands", shape, {"TURNS": str(turns)})
