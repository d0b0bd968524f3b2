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
import math
import os
import random
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge, Timer
from cocotb.utils import get_sim_time

from switchproof.ci import build
from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim
from switchproof.tb import uartbone

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

    def write(
        self, address: int, words: list[int], fixed: bool = False, top: int = 0, **how: Any
    ) -> None:
        """Write words."""
        data = b"".join(word.to_bytes(4, "big") for word in words)
        self.send(self.head(3 if fixed else 1, len(words), address, top) + data, **how)
        for i, word in enumerate(words):
            self.did_write((address // 4 + (not fixed) * i) % WORDS * 4, word)
        self.hit("write", len(words), fixed)

    def read(
        self, address: int, count: int = 1, fixed: bool = False, top: int = 0, **how: Any
    ) -> None:
        """Read words; does not wait for them."""
        if not self.waiting:
            self.waiting = 1
        self.send(self.head(4 if fixed else 2, count, address, top), **how)
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


async def play(dut: Any, script: Script, stall: int = 0, only_end: bool = False) -> Log:
    """Run a script and compare everything with what must follow from it.

    With ``only_end`` anything may happen before it, and events are not counted.
    """
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
    answer, _ = log.answer(script.shape.bit)
    if only_end:
        log.accesses = log.accesses[-len(script.accesses) :]
        answer = answer[-len(script.answer) :]
    for i, (got, want) in enumerate(zip(log.accesses, script.accesses)):
        assert got == want, f"access {i} in cycle {log.access_cycles[i]}: {got}, wanted {want}"
    assert len(log.accesses) == len(script.accesses), "accesses too many or too few"
    assert answer == bytes(script.answer)
    if only_end:
        save(script.hits)
        return log
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
        sources=needed("tests/board/sp_uartbone_player.sv"),
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
    # The longest of each kind where a bit is short, one of them elsewhere.
    kinds = [(write, fixed) for write in (0, 1) for fixed in (0, 1)]
    most = kinds if shape.bit == 8 else [rng.choice(kinds)]
    longest = dict(zip(rng.sample(range(turns), len(most)), most))
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
        top = rng.randrange(4)
        if write:
            words = [rng.getrandbits(32) for _ in range(count)]
            script.write(4 * word, words, bool(fixed), top, rate=rate)
        else:
            script.read(4 * word, count, bool(fixed), top, rate=rate)
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


@pytest.mark.parametrize(("shape", "turns"), [("board", 50), ("least", 100), ("odd", 50)])
def test_uartbone_random(sim: Sim, shape: str, turns: int) -> None:
    """Accesses, answers and events are those of the commands."""
    run(sim, "random_commands", shape, {"TURNS": str(turns)})


# ------------------------------------------------------------------------------------ recovery


@cocotb.test()
async def time_out(dut: Any) -> None:
    """A host stops after each byte of a command: whole words are written, the rest is forgotten."""
    script, rng = begin()
    for code, size in ((1, 14), (3, 14), (2, 6), (4, 6)):
        for stop in range(1, size):
            words = [rng.getrandbits(32) for _ in range(2)]
            address = 4 * rng.randrange(900)
            data = script.head(code, 2, address) + b"".join(w.to_bytes(4, "big") for w in words)
            script.send(data[:stop])
            if stop >= 10:
                script.did_write(address, words[0])
            script.events["abort"] += 1
            script.silence()
            if rng.random() < 0.3:  # it goes on too late: what comes is no command
                script.send(b"\xff" * 3)
                script.events["bad_command"] += 3
            script.works("time_out", stop)
    # Just in time is in time: the time-out counts from the last byte, not from the first.
    data = script.head(1, 1, 64) + b"abcd"
    for byte in data:
        script.send(bytes([byte]))
        script.cycles(script.shape.timeout - 12 * script.shape.bit)
    script.did_write(64, int.from_bytes(b"abcd", "big"))
    script.works("time_out", 99)
    await play(dut, script)


def test_uartbone_time_out(sim: Sim) -> None:
    """A command that stops in the middle is given up."""
    run(sim, "time_out")


@cocotb.test()
async def noise(dut: Any) -> None:
    """Stray bytes, glitches on an idle line, and one odd sample in every bit."""
    script, rng = begin()
    bit = script.shape.bit
    strays = [byte for byte in range(256) if not 1 <= byte <= 4]
    rng.shuffle(strays)
    for k in range(0, len(strays), 42):
        script.send(bytes(strays[k : k + 42]))
        script.events["bad_command"] += len(strays[k : k + 42])
        script.works("noise", k)
    # Low for less than half a bit.
    for length in range(1, math.ceil(bit / 2)):
        script.cycles(length, level=0)
        script.bits(rng.randint(2, 20))
        script.works("glitch", length)
    # One wrong cycle in each bit of a command.
    script.hits["bridge.recovery.odd_sample"] += 1
    place = Fraction(0)
    for byte in script.head(2, 2, 256):
        for level in (0, *(byte >> k & 1 for k in range(8)), 1):
            cycles = int(place + bit) - int(place)
            place += bit
            at = rng.randint(2, cycles - 3)
            script.cycles(at, level)
            script.cycles(1, 1 - level)
            script.cycles(cycles - at - 1, level)
    script.events["rx"] += 6
    script.did_read(256)
    script.did_read(260)
    script.works("noise", 0)
    await play(dut, script)


@pytest.mark.parametrize("shape", ["board", "least"])
def test_uartbone_noise(sim: Sim, shape: str) -> None:
    """Noise is ignored and counted."""
    run(sim, "noise", shape)


@cocotb.test()
async def framing(dut: Any) -> None:
    """A stop bit is low in each byte of a command; breaks; what follows is not obeyed."""
    script, rng = begin()
    for bad in range(14):
        words = [rng.getrandbits(32) for _ in range(2)]
        address = 4 * rng.randrange(900)
        data = script.head(1, 2, address) + b"".join(w.to_bytes(4, "big") for w in words)
        script.send(data[:bad])
        script.noise(data[bad : bad + 1], stop=0)
        script.events["frame_error"] += 1
        script.events["abort"] += bad > 0
        if bad >= 10:
            script.did_write(address, words[0])
        # The rest, and a whole command, back to back or after too short a silence.
        script.bits(rng.choice((0, 1, 18)))
        script.noise(data[bad + 1 :])
        script.bits(rng.choice((0, 1, 10)))  # the last nine bits may be ones, as good as idle
        script.noise(script.head(1, 1, address) + bytes(4))
        script.bits(21)
        script.works("frame_error", bad)
    for length in (10, 11, 100, 1000):
        if length == 100:  # a break in the middle of a command
            script.send(script.head(2, 1, 0)[:4])
            script.events["abort"] += 1
        script.bits(length, level=0)
        script.events["frame_error"] += 1
        script.bits(21)
        script.works("break", length)
    # An answer that leaves is not touched; commands before the error are obeyed.
    script.read(0, 20)
    script.write(400, [1, 2])
    script.read(400)
    script.noise(b"\x01", stop=0)
    script.events["frame_error"] += 1
    script.bits(21)
    script.works("answer_goes_on", 1)
    await play(dut, script)


@pytest.mark.parametrize("shape", ["board", "least"])
def test_uartbone_framing(sim: Sim, shape: str) -> None:
    """After a framing error nothing is obeyed until the line has been idle."""
    run(sim, "framing", shape)


def commands(script: Script, rng: random.Random, count: int) -> bytes:
    """Return bytes of commands as a host sends them that looks for its board."""
    data = b""
    for _ in range(count):
        data += script.head(rng.choice((1, 3)), 2, 4 * rng.randrange(1 << 20)) + rng.randbytes(8)
        data += script.head(rng.choice((2, 4)), rng.randint(1, 8), 4 * rng.randrange(1 << 20))
    return data


@cocotb.test()
async def wrong_baud_slow(dut: Any) -> None:
    """A host that is too slow, by two or more, gets nothing done at all."""
    script, rng = begin()
    for baud in (1_500_000, 1_000_000, 921_600, 460_800, 230_400, 115_200):
        script.noise(commands(script, rng, 8 if baud > 900_000 else 1), Fraction(baud, 3_000_000))
        script.silence()
        script.works("slow_host", baud)
    script.hits["bridge.recovery.slow_host"] += 1
    # Which wrong bytes it makes depends on what it says.
    log = await play_accesses(dut, script)
    assert len(log.events["frame_error"]) > 20
    assert not log.events["overflow"] and not log.events["bus_error"]


async def play_accesses(dut: Any, script: Script) -> Log:
    """Play, and compare accesses and answers, but not events."""
    before = Counter(script.events)
    log = await play(dut, script, only_end=True)
    assert len(Log.read(Path(os.environ["SP_RUN_DIR"]) / "log.txt").accesses) == len(
        script.accesses
    )
    assert len(log.events["tx"]) == before["tx"]
    return log


def test_uartbone_slow_host(sim: Sim) -> None:
    """Too low a baud rate does no harm."""
    run(sim, "wrong_baud_slow")


@cocotb.test()
async def wrong_baud_fast(dut: Any) -> None:
    """Whatever a host that is too fast made the bridge do, afterwards it works."""
    script, rng = begin()
    rates = [rng.choice((3_500_000, 4_000_000)), rng.choice((6_000_000, 12_000_000))]
    for baud in rates:
        script.noise(commands(script, rng, 20), Fraction(baud, 3_000_000))
    script.silence()
    script.bits(256 * 4 * 10)  # the longest answer that it may have asked for
    script.works("fast_host", 0)
    # A wait counts answers, and it may be more of them.
    script.records[-1] = (LEVEL | 1 << 8, int(200 * script.shape.bit * 65536))
    await play(dut, script, only_end=True)


def test_uartbone_fast_host(sim: Sim) -> None:
    """Too high a baud rate does no lasting harm."""
    run(sim, "wrong_baud_fast")


@cocotb.test()
async def wrong_baud_near(dut: Any) -> None:
    """A host that is too slow by a third may read, but never writes."""
    script, rng = begin()
    for baud in (1_600_000, 1_700_000, 1_800_000, 1_900_000):
        script.noise(commands(script, rng, 15), Fraction(baud, 3_000_000))
        script.silence()
    script.bits(256 * 4 * 10)  # the longest answer that it may have asked for
    script.works("near_host", 0)
    script.records[-1] = (LEVEL | 1 << 8, int(200 * script.shape.bit * 65536))
    await play(dut, script, only_end=True)
    log = Log.read(Path(os.environ["SP_RUN_DIR"]) / "log.txt")
    assert [row for row in log.accesses if row[0] == "W"] == [
        row for row in script.accesses if row[0] == "W"
    ]


def test_uartbone_near_host(sim: Sim) -> None:
    """A baud rate that is wrong by less than two."""
    run(sim, "wrong_baud_near")


@cocotb.test()
async def overflow(dut: Any) -> None:
    """More bytes come than are kept while an answer leaves: nothing wrong is obeyed."""
    script, rng = begin()
    for fill, extra in ((RX_DEPTH, 0), (RX_DEPTH, 1), (RX_DEPTH, 60), (RX_DEPTH, 200)):
        script.read(4 * rng.randrange(800), 200)
        data = b""
        while len(data) < fill + extra:
            address, word = 4 * rng.randrange(900), rng.getrandbits(32)
            if len(data) + 10 <= fill:
                script.did_write(address, word)
            data += script.head(1, 1, address) + word.to_bytes(4, "big")
        data = data[: fill + extra]
        script.noise(data)
        script.events["rx"] += fill + (extra > 0)
        script.events["overflow"] += extra > 0
        script.events["abort"] += 1  # of the last that was kept
        script.wait()
        if extra:
            script.bits(25)  # by the mark: long before the time-out
        else:
            script.silence()
        script.works("overflow", extra)
    # Lost bytes again and again while the buffer is still full.
    script.read(0, 256)
    script.noise(bytes([255]) * RX_DEPTH)
    for _ in range(4):
        script.noise(script.head(1, 1, 0) + b"lost")
        script.bits(25)
    script.events["rx"] += RX_DEPTH + 4
    script.events["overflow"] += 4
    script.events["bad_command"] += RX_DEPTH
    script.wait()
    script.bits(25)
    script.works("overflow", 5)
    await play(dut, script)


def test_uartbone_overflow(sim: Sim) -> None:
    """A host that sends too much at once loses whole commands, not parts."""
    run(sim, "overflow")


@cocotb.test()
async def reset_in_command(dut: Any) -> None:
    """Reset in the middle of commands: they are gone, the line must be idle first."""
    script, rng = begin()
    for stop in (1, 5, 8, 12, 14):
        words = [rng.getrandbits(32) for _ in range(3)]
        data = script.head(1, 3, 512) + b"".join(w.to_bytes(4, "big") for w in words)
        script.send(data[:stop])
        for i, word in enumerate(words[: max(0, stop - 6) // 4]):
            script.did_write(512 + 4 * i, word)
        script.bits(2)
        script.records.append((RESET, 65536 * rng.randint(1, 5)))
        script.noise(data[stop:])  # a host that does not know goes on
        script.bits(21)
        script.works("reset", stop)
    await play(dut, script)


def test_uartbone_reset(sim: Sim) -> None:
    """Reset in mid-command."""
    run(sim, "reset_in_command")


# -------------------------------------------------------------------------------------- timing


@cocotb.test()
async def mistuned(dut: Any) -> None:
    """Long commands without a pause from a host that is 3% too slow or too fast."""
    script, rng = begin()
    for rate in (0.97, 1.03, 0.985, 1.015):
        script.write(0, [rng.getrandbits(32) for _ in range(40)], rate=rate)
        script.write(0, [0, 0xFFFF_FFFF, 0x5555_5555, 0xAAAA_AAAA], rate=rate)
        script.read(0, 8, rate=rate)
        script.wait()
        script.hits["bridge.mistuned"] += 1
    await play(dut, script)


@pytest.mark.parametrize("shape", list(SHAPES))
def test_uartbone_mistuned(sim: Sim, shape: str) -> None:
    """Three percent of difference are no error."""
    run(sim, "mistuned", shape)


@cocotb.test()
async def line_rate(dut: Any) -> None:
    """Answers leave at exactly the line's rate; reads one behind the other need no waiting."""
    script, _ = begin()
    bit = script.shape.bit
    script.read(0, 256)
    script.wait()
    singles = 100
    for k in range(singles):
        script.read(4 * k)
    script.wait()
    script.hits["bridge.line_rate"] += 1
    log = await play(dut, script)
    _, begins = log.answer(bit)
    for n, cycle in enumerate(begins[:1024]):
        assert abs(cycle - begins[0] - 10 * n * bit) <= 1, f"byte {n} begins in cycle {cycle}"
    for cycle, _ in log.edges:
        if cycle < begins[1023] + 10 * bit:
            late = (cycle - begins[0]) / bit
            assert abs(late - round(late)) * bit <= 1, f"an edge in cycle {cycle}"
    # From the end of the command's last stop bit to the start bit of the answer.
    turnaround = begins[0] - log.sent[5]
    # The command ends in the middle of its stop bit, for all that the bridge knows.
    assert -bit / 2 < turnaround <= 14 - bit / 2, turnaround
    span = log.sent[5 + 6 * singles] - log.sent[5] - (log.sent[6] - log.sent[5])
    share = 60 * bit * singles / (span + 10 * bit)
    assert share > 0.99
    last = begins[-4] - log.sent[-1]
    assert last <= 14 - bit / 2, "the last answer waited for others"
    dut._log.info("turnaround %d cycles, reads at %.4f of the line", turnaround, float(share))


@pytest.mark.parametrize("shape", list(SHAPES))
def test_uartbone_line_rate(sim: Sim, shape: str) -> None:
    """Bit times, turnaround and throughput."""
    run(sim, "line_rate", shape)


# --------------------------------------------------------------------------- the host's side


class LiveLine:
    """The line of a running simulation as a serial port for a thread; time is simulated time."""

    def __init__(self, dut: Any, shape: Shape) -> None:
        self.dut = dut
        self.bit = float(shape.bit) * 10_000  # picoseconds
        self.came = bytearray()

    async def receive(self) -> None:
        """Receive bytes for ever."""
        while True:
            await FallingEdge(self.dut.tx_o)
            begin, byte = get_sim_time("ps"), 0
            for k in range(1, 10):
                await Timer(round(begin + (k + 0.5) * self.bit - get_sim_time("ps")), "ps")
                byte |= int(self.dut.tx_o.value) << (k - 1)
            assert byte >> 8, "no stop bit"
            self.came.append(byte & 255)

    async def _send(self, data: bytes) -> None:
        place = float(get_sim_time("ps"))
        for byte in data:
            for k in range(10):
                self.dut.live_rx_i.value = (byte << 1 | 1 << 9) >> k & 1
                place += self.bit
                await Timer(round(place - get_sim_time("ps")), "ps")

    async def _receive(self, size: int) -> bytes:
        for _ in range(100):
            if len(self.came) >= size:
                break
            await Timer(round(20 * self.bit), "ps")
        got = bytes(self.came[:size])
        del self.came[:size]
        return got

    @property
    def in_waiting(self) -> int:
        """Bytes that came."""
        return len(self.came)

    def read(self, size: int) -> bytes:
        """Return what comes within 2,000 bits, called from a thread."""
        return resume(self._receive)(size)

    def write(self, data: bytes) -> int:
        """Send, called from a thread."""
        resume(self._send)(data)
        return len(data)

    def sleep(self, seconds: float) -> None:
        """Wait, called from a thread."""

        async def wait() -> None:
            await Timer(round(seconds * 1e12), "ps")

        resume(wait)()

    def monotonic(self) -> float:
        """Return simulated seconds."""
        return float(get_sim_time("ps")) * 1e-12


@cocotb.test()
async def host_side(dut: Any) -> None:
    """The host's side drives the bridge itself: accesses, a host that died, a dead board."""
    clk_hz, baud = SHAPES[os.environ["SHAPE"]]
    rng = random.Random(int(os.environ["SP_SEED"]))
    line = LiveLine(dut, Shape(clk_hz, baud))
    dut.rst_ni.value = 0
    dut.stall_i.value = 100
    dut.seed_i.value = 5
    dut.live_i.value = 1
    dut.live_rx_i.value = 1
    Clock(dut.clk_i, 10, unit="ns").start()
    await Timer(35, "ns")
    dut.rst_ni.value = 1
    await Timer(10, "us")
    cocotb.start_soon(line.receive())
    uartbone.time = line  # type: ignore[assignment]
    uartbone.POLL = 0.0005
    hits: Counter[str] = Counter()

    def work() -> None:
        # The simulated clock is 100 MHz whatever CLK_HZ says.
        timeout = TIMEOUT_US * 1e-6 * clk_hz / 100e6
        host = uartbone.UartBone(line, timeout=0.002, board_timeout=timeout)
        words = [rng.getrandbits(32) for _ in range(300)]
        host.write(0x40, words)
        assert host.read(0x40, 300) == words
        addresses = [4 * rng.randrange(16, 316) for _ in range(60)]
        assert host.read_many(addresses) == [words[a // 4 - 16] for a in addresses]
        host.write_many([(4 * i, i) for i in range(20)])
        assert host.read(0, 20) == list(range(20))
        host.write(0x80, [1, 2, 3], fixed=True)
        assert host.read(0x80, 5, fixed=True) == [3] * 5
        assert host.read(0xE000, 2) == [0xFFFF_1FFF, 0xFFFF_1FFB]  # the bus refuses
        hits["bridge.host.accesses"] += 1
        # Another host died in mid-command; this one asks for more than it gets.
        line.write(uartbone.head(0, 200, write=True) + bytes(99))
        with pytest.raises(uartbone.BridgeError, match="no answer"):
            host.read(0)
        assert host.read(0x1A0) == [words[88]]
        line.write(b"\x01\x02\x03")
        host.resync()
        assert host.read(0x1A4) == [words[89]]
        assert host.stale_bytes == 0
        hits["bridge.host.resync"] += 1

    await bridge(work)()
    save(hits)


def test_uartbone_host_side(sim: Sim) -> None:
    """tb/uartbone.py and the bridge understand each other."""
    run(sim, "host_side")


# ---------------------------------------------------------------------------------- parameters


def elaborate(**changes: int) -> None:
    """Elaborate sp_uartbone with the board's parameters but for ``changes``."""
    build.lint(
        build.BuildSpec(
            name="elaborate-uartbone",
            toplevel="sp_uartbone",
            sources=needed("sp_uartbone"),
            parameters=tuple(changes.items()),
        ),
        wall=True,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"CLK_HZ": 24_000_000},
        {"CLK_HZ": 12_000_000, "BAUD": 115_200, "TIMEOUT_US": 1_000_000},
        {"CLK_HZ": 250_000_000, "BAUD": 1_000_003},
        {"CLK_HZ": 25_000_000, "BAUD": 1_000_000, "TIMEOUT_US": 20, "RX_DEPTH": 3},
        {"RX_DEPTH": 1000},
    ],
)
def test_uartbone_parameters(changes: dict[str, int]) -> None:
    """Legal parameters elaborate without a warning."""
    elaborate(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"CLK_HZ": 23_999_999}, "BAUD = 3000000 is not in 1..2999999"),
        ({"BAUD": 6_250_001}, "BAUD = 6250001 is not in 1..6250000"),
        ({"BAUD": 0}, "BAUD = 0 is not in 1..6250000"),
        ({"BAUD": 9_600, "TIMEOUT_US": 2_000}, "TIMEOUT_US = 2000 is not two frames or more"),
        ({"TIMEOUT_US": 0}, "TIMEOUT_US = 0 is not two frames or more"),
        ({"TIMEOUT_US": 43_000_000}, "or not below 2^31 cycles"),
        ({"RX_DEPTH": 2}, "RX_DEPTH = 2 is not 3 or more"),
    ],
)
def test_uartbone_illegal_parameters(changes: dict[str, int], words: str) -> None:
    """Illegal ones end in a line that names them."""
    with pytest.raises(build.BuildError, match=re.escape(words)):
        elaborate(**changes)
