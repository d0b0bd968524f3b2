# SPDX-License-Identifier: Apache-2.0
"""Packets for sp_link_player and what must become of them, and the player's inputs by name."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import Timer

from switchproof.ci.paths import RTL
from switchproof.tb.link.env import event_names

DOWN, TRAIN, UP, RETRAIN, FLUSH = range(5)
BLOCK, DISCARD, BEST_EFFORT = range(3)
#: What the wire does at random, in the order of the player's counts.
KINDS = ("flip", "burst", "lose", "drop", "twice", "delay", "cut")
EVENTS = event_names(RTL / "link" / "sp_link_pkg.sv")
NS = 10
ALWAYS = 1 << 32


@dataclasses.dataclass(frozen=True)
class Packet:
    """A packet as the user gives it or gets it. ``units`` are integers of 128 bits."""

    hdr: int
    units: tuple[int, ...]
    err: bool = False
    idle: int = 0
    beats: int | None = None

    @property
    def vc(self) -> int:
        """Virtual channel."""
        return self.hdr >> 6 & 3

    @property
    def length(self) -> int:
        """Units behind the header, as the header says."""
        return min(self.hdr >> 48 & 31, 16) + (self.hdr >> 59 & 7).bit_count()

    def flits(self, k: int) -> int:
        """Return the beats of the stream that the header announces."""
        return max(1, -(-self.length // k))


def header(vc: int, length: int, ext: int = 0, serial: int = 0) -> int:
    """Return a header."""
    return vc << 6 | length << 48 | ext << 59 | serial << 64 | (serial & 0x3FFF) << 22


def random_packets(
    rng: np.random.Generator,
    count: int,
    *,
    longest: int = 16,
    shortest: int = 0,
    idle: int = 0,
    err: float = 0.05,
    ext: float = 0.2,
    vcs: Iterable[int] = range(4),
) -> list[Packet]:
    """Return packets of random lengths, each with a serial number in its header."""
    packets = []
    channels = list(vcs)
    for serial in range(count):
        length = int(rng.integers(shortest, longest + 1))
        flags = int(rng.integers(0, 8)) if rng.random() < ext else 0
        hdr = header(int(rng.choice(channels)), length, flags, serial)
        raw = rng.bytes(16 * (length + flags.bit_count()))
        units = tuple(int.from_bytes(raw[i : i + 16], "little") for i in range(0, len(raw), 16))
        gap = int(rng.integers(0, idle + 1)) if idle else 0
        packets.append(Packet(hdr, units, bool(rng.random() < err), gap))
    return packets


def records(packets: Iterable[Packet], k: int) -> bytes:
    """Return the player's records of packets."""
    out = bytearray()
    for packet in packets:
        beats = packet.beats or packet.flits(k)
        units = list(packet.units) + [0] * (beats * k)
        for beat in range(beats):
            last = beat == beats - 1
            words = [packet.idle if beat == 0 else 0, (packet.err and last) << 1 | last]
            words += [packet.hdr >> 64, packet.hdr & (1 << 64) - 1]
            for unit in units[beat * k : beat * k + k]:
                words += [unit & (1 << 64) - 1, unit >> 64]
            out += b"".join(word.to_bytes(8, "big") for word in words)
    return bytes(out)


def arrived(text: str, k: int) -> tuple[list[Packet], list[int]]:
    """Return packets and the cycle of each one's first beat, out of a log."""
    packets: list[Packet] = []
    cycles: list[int] = []
    hdr, units, fresh = 0, [], True
    for line in text.splitlines():
        word = line.split()
        if word[0] != "B":
            continue
        user, data = int(word[3], 16), int(word[4], 16)
        if fresh:
            hdr, units = user & (1 << 128) - 1, []
            cycles.append(int(word[1]))
        units += [data >> 128 * i & (1 << 128) - 1 for i in range(k)]
        fresh = word[2] == "1"
        if fresh:
            packet = Packet(hdr, (), bool(user >> 128))
            assert len(units) == k * packet.flits(k), f"{len(units)} units for header {hdr:032x}"
            packets.append(dataclasses.replace(packet, units=tuple(units[: packet.length])))
    assert fresh, "the stream ends in the middle of a packet"
    return packets, cycles


def bare(packets: Iterable[Packet]) -> list[Packet]:
    """Return packets without what only their source knows."""
    return [dataclasses.replace(p, idle=0, beats=None) for p in packets]


def same(sent: Iterable[Packet], got: Iterable[Packet]) -> None:
    """Check that packets came once and in order within each VC."""
    sent, got = bare(sent), list(got)
    for vc in range(4):
        want = [p for p in sent if p.vc == vc]
        have = [p for p in got if p.vc == vc]
        for i, (a, b) in enumerate(zip(want, have, strict=False)):
            assert a == b, f"VC {vc}, packet {i}:\n{b}\ninstead of\n{a}"
        assert len(want) == len(have), f"VC {vc}: {len(have)} packets of {len(want)}"


def in_order(sent: Iterable[Packet], got: Iterable[Packet]) -> int:
    """Check packets that came through a link that went down; return how many were cut.

    Within a VC each came at most once and in order; one that was cut holds zeros from
    somewhere on and has the error mark.
    """
    cut = 0
    left: dict[int, list[Packet]] = {vc: [p for p in bare(sent) if p.vc == vc] for vc in range(4)}
    for packet in got:
        queue = left[packet.vc]
        while queue and queue[0].hdr != packet.hdr:
            queue.pop(0)
        assert queue, f"a packet that was not sent, or not after the last: {packet}"
        want = queue.pop(0)
        if packet == want:
            continue
        assert packet.err, f"without error mark:\n{packet}\ninstead of\n{want}"
        differ = [
            i for i, (a, b) in enumerate(zip(packet.units, want.units, strict=True)) if a != b
        ]
        assert all(unit == 0 for unit in packet.units[differ[0] :] if differ), packet
        cut += 1
    return cut


#: Inputs of the player, unless a test says otherwise.
DEFAULTS: dict[str, int] = {
    "enable": 3, "run": 3, "policy": 0, "hold_cycles": 200, "train_beats": 8,
    "skip_beats": 0, "replay_cycles": 400, "keepalive_cycles": 100, "dead_cycles": 1000,
    "age_cycles": 100_000, "replay_limit": 8, "retrain_limit": 4, "latency": 1, "cut": 0,
    "flip_p": 0, "burst_p": 0, "lose_p": 0, "drop_p": 0, "twice_p": 0, "delay_p": 0,
    "polite": 1, "stall_p": 0, "no_room_p": 0, "held": 0,
}  # fmt: skip


class Play:
    """The player in a simulation. Inputs are attributes' names without ``_i``."""

    defaults = DEFAULTS

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.k = int(os.environ["K"])
        self.rng = np.random.default_rng(int(os.environ["SP_SEED"]))
        self.folder = Path(os.environ["SP_RUN_DIR"])
        self.sent: tuple[list[Packet], list[Packet]] = ([], [])
        self.hits: Counter[str] = Counter()

    def set(self, **inputs: int) -> None:
        """Set inputs."""
        for name, value in inputs.items():
            getattr(self.dut, f"{name}_i").value = value

    async def begin(
        self,
        first: list[Packet],
        second: list[Packet],
        **inputs: int,
    ) -> None:
        """Reset and start."""
        self.sent = (first, second)
        for side, packets in enumerate(self.sent):
            (self.folder / f"beats_{side}.bin").write_bytes(records(packets, self.k))
        self.set(**{**self.defaults, **inputs})
        self.dut.rst_ni.value = 0
        self.clocks()
        await Timer(3 * NS + 5, "ns")
        self.dut.rst_ni.value = 1

    def clocks(self) -> None:
        """Start the clock."""
        Clock(self.dut.clk_i, NS, unit="ns").start()

    async def until(self, done: Callable[[], bool], cycles: int = 100_000, step: int = 50) -> None:
        """Wait for something, at most so many cycles."""
        begin = self.cycle
        while not done():
            assert self.cycle - begin < cycles, f"not after {cycles} cycles: {self.summary()}"
            await Timer(step * NS, "ns")

    async def cycles(self, count: int) -> None:
        """Wait."""
        await Timer(count * NS, "ns")

    @property
    def cycle(self) -> int:
        """Cycle."""
        return int(self.dut.cycle_o.value)

    @property
    def state(self) -> tuple[int, int]:
        """States of both sides."""
        value = int(self.dut.state_o.value)
        return value & 7, value >> 3

    def event(self, name: str, side: int) -> int:
        """Return how often an event happened."""
        words = int(self.dut.events_o.value)
        return words >> 32 * (side * len(EVENTS) + EVENTS.index(name)) & 0xFFFF_FFFF

    def events(self, side: int) -> dict[str, int]:
        """Return all that happened."""
        return {name: self.event(name, side) for name in EVENTS if self.event(name, side)}

    def word(self, name: str, side: int) -> int:
        """Return a side's word of an output."""
        return int(getattr(self.dut, f"{name}_o").value) >> 32 * side & 0xFFFF_FFFF

    def injected(self, side: int) -> dict[str, int]:
        """Return what the wire from a side did."""
        words = int(self.dut.injected_o.value)
        at = side * len(KINDS)
        return {kind: words >> 32 * (at + i) & 0xFFFF_FFFF for i, kind in enumerate(KINDS)}

    def done(self) -> bool:
        """Return whether every flit that was sent has come out."""
        flits = [sum(p.flits(self.k) for p in packets) for packets in self.sent]
        return all(self.word("beats", 1 - side) >= flits[side] for side in (0, 1))

    def got(self, side: int) -> list[Packet]:
        """Return the packets that came out at a side."""
        return arrived((self.folder / f"out_{side}.txt").read_text(), self.k)[0]

    def states(self, side: int) -> list[int]:
        """Return the states that a side went through."""
        text = (self.folder / f"out_{side}.txt").read_text()
        return [int(line.split()[2]) for line in text.splitlines() if line.startswith("S")]

    def out_cycles(self, side: int) -> list[int]:
        """Return the cycle of the first beat of each packet that came out at a side."""
        return arrived((self.folder / f"out_{side}.txt").read_text(), self.k)[1]

    def in_cycles(self, side: int) -> list[int]:
        """Return the cycle in which each packet was offered at a side."""
        text = (self.folder / f"out_{side}.txt").read_text()
        return [int(line.split()[1]) for line in text.splitlines() if line.startswith("I")]

    def check(self) -> None:
        """Check that all that was sent came, once and in order, on both ways."""
        for side in (0, 1):
            same(self.sent[side], self.got(1 - side))

    def summary(self) -> str:
        """Return where both sides stand."""
        return f"states {self.state}, " + ", ".join(
            f"side {s}: {self.word('beats', s)} beats out, {self.events(s)}" for s in (0, 1)
        )
