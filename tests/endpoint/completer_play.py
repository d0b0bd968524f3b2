# SPDX-License-Identifier: Apache-2.0
"""Requests into sp_completer_player, answers out of it, and a memory on its AXI port."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections import Counter, defaultdict, deque
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer
from cocotbext.axi import AxiBus, AxiRam

from switchproof.models import packet
from switchproof.models.endpoint.memory import BLOCK, Completer, Memory, atomic_field, atomic_unit
from switchproof.models.layout import EXT_STROBE, UNIT_BYTES, AtomicOp, Op, Status

#: completer_event_t from bit 0 on.
EVENTS = ("load", "store", "atomic", "replayed", "unknown", "broken", "refused", "memory")
SLVERR, DECERR = 2, 3
RAM_BYTES = 1 << 16


@dataclasses.dataclass
class Burst:
    """An AXI burst on its way."""

    id: int
    address: int
    beats: int
    due: int
    late: bool  # the memory is read with the beat, or written with the response
    data: list[np.ndarray] = dataclasses.field(default_factory=list)


class AxiMemory:
    """An AXI memory of our own: ideal, or with random stalls and orders; bad pieces answer with an
    error. It checks what AXI4 and docs/endpoint.md ask of bursts."""

    def __init__(self, dut: Any, rng: np.random.Generator, *, ideal: bool, latency: int) -> None:
        self.dut, self.rng, self.ideal, self.latency = dut, rng, ideal, latency
        self.bytes = len(dut.m_axi_wdata) // 8
        self.memory = Memory()
        self.cycle = 0
        self.reads: list[Burst] = []
        self.bursts: deque[Burst] = deque()  # write bursts whose data are not all there
        self.beats: deque[tuple[int, int, bool]] = deque()  # data of bursts that have not come
        self.writes: list[Burst] = []
        self.ready = {"ar": False, "aw": False, "w": False}
        self.waiting: dict[str, tuple[int, ...]] = {}
        self.in_burst = False
        self.valid = {"r": False, "b": False}
        self.most_writes = 0
        for name in ("arready", "awready", "wready", "rvalid", "bvalid"):
            self._drive(name, 0)

    def _drive(self, name: str, value: int) -> None:
        getattr(self.dut, f"m_axi_{name}").value = value

    def _get(self, name: str) -> int:
        return int(getattr(self.dut, f"m_axi_{name}").value)

    def _offered(self, channel: str, names: tuple[str, ...]) -> tuple[int, ...] | None:
        """Return what a channel offers if it is taken at this edge."""
        came = None
        if self._get(f"{channel}valid"):
            came = tuple(self._get(channel + name) for name in names)
        if channel in self.waiting:
            assert came == self.waiting[channel], f"{channel}: what waited has changed"
        self.waiting.pop(channel, None)
        if came is not None and not self.ready[channel]:
            self.waiting[channel] = came
            return None
        return came

    def _burst(self, channel: str, busy: list[Burst]) -> Burst | None:
        names = ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos")
        came = self._offered(channel, names)
        if came is None:
            return None
        number, address, length = came[0], came[1], came[2] + 1
        assert came[3:] == (self.bytes.bit_length() - 1, 1, 0, 2, 2, 0), came
        assert address % self.bytes == 0 and address >> 57 == 0
        assert address % BLOCK + length * self.bytes <= BLOCK
        assert number not in [burst.id for burst in busy], f"{channel}: ID {number} is under way"
        due = self.cycle + self.latency
        if not self.ideal:
            due += int(self.rng.integers(0, 30))
        late = bool(self.rng.integers(0, 2))
        return Burst(number, address, length, due, late)

    def _lucky(self) -> bool:
        return self.ideal or bool(self.rng.random() < 0.6)

    def step(self) -> None:
        """Do what follows a rising edge."""
        self.cycle += 1
        read = self._burst("ar", self.reads)
        if read:
            self.reads.append(read)
            if not read.late:
                read.data = [self._beat(read, i) for i in range(read.beats)]
        write = self._burst("aw", [*self.writes, *self.bursts])
        if write:
            self.bursts.append(write)
        self.most_writes = max(self.most_writes, len(self.writes) + len(self.bursts))
        self._take_data()
        for channel in self.ready:
            self.ready[channel] = self._lucky()
            self._drive(f"{channel}ready", self.ready[channel])
        self._give_read()
        self._give_response()

    def _beat(self, burst: Burst, index: int) -> np.ndarray:
        return self.memory.read(burst.address + index * self.bytes, self.bytes)

    def _take_data(self) -> None:
        if self.in_burst:
            assert self._get("wvalid"), "data of a burst wait for something"
        beat = self._offered("w", ("data", "strb", "last"))
        if beat is not None:
            self.beats.append((beat[0], beat[1], bool(beat[2])))
            self.in_burst = not beat[2]
        while self.bursts and any(last for _, _, last in self.beats):
            burst = self.bursts.popleft()
            taken = [self.beats.popleft() for _ in range(burst.beats)]
            assert [last for _, _, last in taken] == [False] * (burst.beats - 1) + [True]
            both = self.bytes + self.bytes // 8
            burst.data = [
                np.frombuffer((strobes << 8 * self.bytes | data).to_bytes(both, "little"), np.uint8)
                for data, strobes, _ in taken
            ]
            if not burst.late:
                self._store(burst)
            self.writes.append(burst)

    def _store(self, burst: Burst) -> None:
        for i, both in enumerate(burst.data):
            strobes = np.unpackbits(both[self.bytes :], bitorder="little").astype(bool)
            if strobes.any():
                self.memory.write(burst.address + i * self.bytes, both[: self.bytes], strobes)

    def _fault(self, failed: bool) -> int:
        return int(self.rng.choice((SLVERR, DECERR))) if failed else 0

    def _pick(self, bursts: list[Burst]) -> Burst | None:
        due = [burst for burst in bursts if burst.due <= self.cycle]
        if not due or not self._lucky():
            return None
        return due[0] if self.ideal else due[int(self.rng.integers(len(due)))]

    def _give_read(self) -> None:
        assert self._get("rready") and self._get("bready")
        burst = self._pick(self.reads)
        self._drive("rvalid", burst is not None)
        if burst is None:
            return
        if burst.late:  # read beat by beat: `data` counts what was sent
            index = len(burst.data)
            burst.data.append(self._beat(burst, index))
            data, last = burst.data[-1], index == burst.beats - 1
        else:
            index = burst.beats - len(burst.data)
            data, last = burst.data.pop(0), index == burst.beats - 1
        failed = self.memory.fails(burst.address + index * self.bytes, self.bytes)
        self._drive("rid", burst.id)
        self._drive("rdata", int.from_bytes(data.tobytes(), "little"))
        self._drive("rresp", self._fault(failed))
        self._drive("rlast", last)
        if last:
            self.reads.remove(burst)

    def _give_response(self) -> None:
        burst = self._pick(self.writes)
        self._drive("bvalid", burst is not None)
        if burst is None:
            return
        if burst.late:
            self._store(burst)
        failed = self.memory.fails(burst.address, burst.beats * self.bytes)
        self._drive("bid", burst.id)
        self._drive("bresp", self._fault(failed))
        self.writes.remove(burst)


@dataclasses.dataclass
class Request:
    """A packet, the plane by which it comes, cycles before it and between its beats."""

    row: np.void
    plane: int = 0
    gap: int = 0
    pause: float = 0.0  # part of cycles in which no beat comes


@dataclasses.dataclass
class Answer:
    """A packet that came out, in which cycle its first beat was offered, its last one taken."""

    row: np.void
    plane: int
    cycle: int
    last: int


class Play:
    """Drives sp_completer_player and compares it with the model."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = np.random.default_rng(int(os.environ["SP_SEED"]))
        self.flit_w = len(dut.req_tdata_i)
        self.folder = Path(os.environ["SP_RUN_DIR"])
        self.source = 77
        self.n_atomics = int(os.environ["N_ATOMICS"])
        self.model = Completer(self.source, self.flit_w, self.n_atomics, 0)
        self.hits: Counter[str] = Counter()
        self.cycle = 0
        self.answer_rate = 1.0  # part of cycles in which an answer may leave
        self.waiting: deque[Request] = deque()
        self.sent: list[Request] = []  # in the order of arrival
        self.taken: list[int] = []  # the cycle of the last beat of each
        self.answers: list[Answer] = []
        self.events: Counter[str] = Counter()
        self.axi: AxiMemory | None = None
        self.ram: AxiRam | None = None
        self.compared = 0

    async def begin(self, *, ram: bool = False, ideal: bool = False, latency: int = 4) -> None:
        """Reset, with AxiRam or with a memory of our own."""
        dut = self.dut
        for name in ("req_tvalid_i", "rsp_tready_i", "remember_i"):
            getattr(dut, name).value = 0
        dut.source_i.value = self.source
        dut.rst_ni.value = 1
        await Timer(1, "ns")
        dut.rst_ni.value = 0
        cocotb.start_soon(Clock(dut.clk_i, 10, unit="ns").start())
        if ram:
            for name in ("cocotb.sp_completer_player.m_axi", "cocotb.sp_completer_player"):
                logging.getLogger(name).setLevel(logging.WARNING)
            bus = AxiBus.from_prefix(dut, "m_axi")
            self.ram = AxiRam(bus, dut.clk_i, dut.rst_ni, reset_active_level=False, size=RAM_BYTES)
            write, read = self.ram.write_if, self.ram.read_if
            for channel, part in (
                (write.aw_channel, 0.3), (write.w_channel, 0.3), (write.b_channel, 0.5),
                (read.ar_channel, 0.3), (read.r_channel, 0.3),
            ):  # fmt: skip
                channel.set_pause_generator(self._stalls(part))
        else:
            self.axi = AxiMemory(dut, self.rng, ideal=ideal, latency=latency)
        await ClockCycles(dut.clk_i, 3)
        dut.rst_ni.value = 1
        cocotb.start_soon(self._run())
        await ClockCycles(dut.clk_i, 2)

    def _stalls(self, part: float) -> Any:
        rng = np.random.default_rng(self.rng.integers(1 << 32))
        while True:
            yield bool(rng.random() < part)

    async def _run(self) -> None:
        dut = self.dut
        edge = RisingEdge(dut.clk_i)
        beats: deque[tuple[int, int, bool]] = deque()
        offered = False
        gap = 0
        came: list[int] = []  # beats of the answer that is coming
        first = 0
        ready = False
        before: int | None = None  # what waited for its ready
        keys = self.flit_w
        while True:
            await edge
            self.cycle += 1
            # What is read here is from before this edge.
            if offered and int(dut.req_tready_o.value):
                offered = False
                beats.popleft()
                if not beats:
                    self.taken.append(self.cycle)
                    self.sent.append(self.waiting.popleft())
            if not beats and self.waiting:
                beats = self._beats(self.waiting[0])
                gap = self.waiting[0].gap
            if not offered:
                offered = bool(beats) and gap <= 0 and self.rng.random() >= self.waiting[0].pause
                gap -= 1
                dut.req_tvalid_i.value = int(offered)
                data, user, last = beats[0] if offered else (self._noise(), (1 << 129) - 1, True)
                dut.req_tdata_i.value = data
                dut.req_tuser_i.value = user
                dut.req_tlast_i.value = int(last)
                dut.req_plane_i.value = self.waiting[0].plane if offered else 3
            if int(dut.rsp_tvalid_o.value):
                beat = int(dut.rsp_beat_o.value)
                assert before in (None, beat), "an answer that waited has changed"
                if not came:
                    first = self.cycle if before is None else first
                before = beat
                if ready:
                    before = None
                    came.append(beat)
                    assert beat >> (keys + 128) & 1 == 0, "error mark"
                    assert beat >> (keys + 130) == came[0] >> (keys + 130), "the plane changed"
                    if beat >> (keys + 129) & 1:
                        self.answers.append(self._answer(came, first))
                        came = []
            else:
                assert before is None, "an answer that waited is gone"
                assert not came, "a gap in an answer"
            ready = bool(self.rng.random() < self.answer_rate)
            dut.rsp_tready_i.value = int(ready)
            happened = int(dut.event_o.value)
            for i, name in enumerate(EVENTS):
                self.events[name] += happened >> i & 1
            if self.axi:
                self.axi.step()

    def _noise(self) -> int:
        return int.from_bytes(self.rng.bytes(self.flit_w // 8), "little")

    def _beats(self, request: Request) -> deque[tuple[int, int, bool]]:
        header = packet.header_int(request.row)
        mark = int(request.row["flags"]) & packet.FLAG_ERR
        data = packet.beats(request.row, self.flit_w)
        out: deque[tuple[int, int, bool]] = deque()
        for i, flit in enumerate(data):
            last = i == len(data) - 1
            # What must not be looked at would hurt.
            user = (header if i == 0 else ~header & (1 << 128) - 1) | (mark if last else 1) << 128
            out.append((flit, user, last))
        return out

    def _answer(self, came: list[int], first: int) -> Answer:
        row = np.zeros(1, packet.PACKET)[0]
        packet.set_header_int(row, came[0] >> self.flit_w & (1 << 128) - 1)
        packet.set_beats(row, [beat & (1 << self.flit_w) - 1 for beat in came], self.flit_w)
        return Answer(row, came[0] >> (self.flit_w + 130), first, self.cycle)

    def put(self, row: np.void, **how: Any) -> None:
        """Send a packet when those before it have gone."""
        self.waiting.append(Request(row, **how))

    async def cycles(self, count: int) -> None:
        """Let time pass."""
        await ClockCycles(self.dut.clk_i, count)

    async def answered(self, limit: int = 20_000) -> None:
        """Wait for all answers."""
        for _ in range(limit // 10):
            if not self.waiting and len(self.answers) >= len(self.sent):
                break
            await self.cycles(10)
        assert not self.waiting, f"{len(self.waiting)} requests were not taken"
        assert len(self.answers) >= len(self.sent), "answers are missing"
        await self.cycles(20)
        assert len(self.answers) == len(self.sent), "an answer too many"

    def check(self) -> list[np.void]:
        """Execute what is new in the model, compare all; return the answers in that order."""
        now = self.cycle
        came: dict[tuple[int, ...], deque[int]] = defaultdict(deque)
        for i in range(self.compared, len(self.answers)):
            answer = self.answers[i]
            came[(answer.plane, *_names(answer.row, "dst", "tag"))].append(i)
        latest: dict[int, int] = {}
        rows = []
        wrong = []
        for request in self.sent[self.compared :]:
            before = self._location(request.row)
            expected, event = self.model.execute(request.row, now)
            self.hits[f"completer.{event}"] += 1
            if event == "atomic":
                self._count_atomic(request.row, before)
            self.events[event] -= 1
            key = (request.plane, *_names(request.row, "src", "tag"))
            if not came[key]:
                wrong.append(f"no answer: {packet.describe(request.row)}")
                continue
            index = came[key].popleft()
            got = self.answers[index].row
            rows.append(got)
            if not packet.same(np.array([expected]), np.array([got]))[0]:
                wrong.append(f"request  {packet.describe(request.row)}, by plane {request.plane}")
                wrong.append(f"expected {packet.describe(expected)}, {expected['data'][:32]}")
                wrong.append(f"came     {packet.describe(got)}, {got['data'][:32]}")
            clean = packet.clear_unused(np.array([got]))[0]
            assert (clean["data"] == got["data"]).all(), "bytes of another leave behind an answer"
            block = _names(request.row, "mem_addr")[0] // BLOCK
            if latest.get(block, -1) > index:
                wrong.append(f"answers of block {block:#x} have changed places")
            latest[block] = index
        self.compared = len(self.answers)
        assert not wrong, "\n".join(wrong[:12])
        assert not any(self.events.values()), f"events: {self.events}"
        self._compare_memory()
        return rows

    def _location(self, row: np.void) -> int:
        """Return what the model holds where an atomic goes."""
        address, wide = _names(row, "mem_addr", "mem_wide")
        size = 8 if wide else 4
        aligned = address // size * size
        return int.from_bytes(self.model.memory.read(aligned, size).tobytes(), "little")

    def _count_atomic(self, row: np.void, before: int) -> None:
        kind, wide = _names(row, "mem_arg", "mem_wide")
        self.hits["completer.quiet"] += atomic_field(row["data"][:16].tobytes(), "quiet")
        self.hits[f"completer.{AtomicOp(kind).name.lower()}.{64 if wide else 32}"] += 1
        if kind == AtomicOp.CAS:
            compare = int.from_bytes(row["data"][16 : 24 if wide else 20].tobytes(), "little")
            self.hits[f"completer.cas.{'swapped' if before == compare else 'kept'}"] += 1

    def _compare_memory(self) -> None:
        expected = self.model.memory.blocks()
        if self.ram is not None:
            for address, block in expected.items():
                assert self.ram.read(address % RAM_BYTES, BLOCK) == block, f"block {address:#x}"
            return
        assert self.axi is not None
        found = self.axi.memory.blocks()
        empty = bytes(BLOCK)
        for address in sorted(expected.keys() | found.keys()):
            if found.get(address, empty) != expected.get(address, empty):
                raise AssertionError(f"block {address:#x} differs")

    def finish(self) -> None:
        """Write what happened as functional coverage."""
        (self.folder / "functional.json").write_text(json.dumps(self.hits))


def _names(row: np.void, *names: str) -> tuple[int, ...]:
    one = np.array([row], packet.PACKET)
    return tuple(int(packet.get(one, name)[0]) for name in names)


# ---------------------------------------------------------------------------------- packets


def load(flit_w: int, address: int, units: int, **fields: int) -> np.void:
    """Return a load."""
    fields = {"op": int(Op.READ), **fields}
    return packet.make(1, flit_w=flit_w, mem_addr=address, mem_arg=units - 1, **fields)[0]


def store(
    flit_w: int, address: int, data: bytes, strobes: int | None = None, **fields: int
) -> np.void:
    """Return a store; `strobes` has a bit for each byte."""
    ext = fields.pop("ext", 0)
    if strobes is not None:
        ext |= EXT_STROBE
        data += strobes.to_bytes(UNIT_BYTES, "little")
    units = len(data) // UNIT_BYTES - (strobes is not None)
    fields = {"op": int(Op.WRITE), "len": units, **fields}
    return packet.make(
        1, flit_w=flit_w, mem_addr=address, ext=ext, payload=np.frombuffer(data, np.uint8), **fields
    )[0]


def atomic(
    flit_w: int, address: int, kind: int, operand: int, *, compare: int = 0, epoch: int = 0,
    retry: bool = False, quiet: bool = False, wide: bool = True, **fields: int,
) -> np.void:  # fmt: skip
    """Return an atomic."""
    data = atomic_unit(operand, epoch, retry=retry, quiet=quiet)
    if kind == AtomicOp.CAS:
        data += compare.to_bytes(UNIT_BYTES, "little")
    fields = {"len": len(data) // UNIT_BYTES, **fields}
    return packet.make(
        1, flit_w=flit_w, op=Op.ATOMIC, mem_addr=address, mem_arg=kind, mem_wide=int(wide),
        payload=np.frombuffer(data, np.uint8), **fields,
    )[0]  # fmt: skip


def status(row: np.void) -> int:
    """Return the status of an answer."""
    return _names(row, "status")[0]


def old(row: np.void) -> int:
    """Return the old value in the answer to an atomic."""
    assert _names(row, "op")[0] == Op.ATOMIC_RSP, packet.describe(row)
    assert status(row) == Status.OK
    return int.from_bytes(row["data"][:8].tobytes(), "little")
