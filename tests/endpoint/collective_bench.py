# SPDX-License-Identifier: Apache-2.0
"""sp_collective in a simulation: its signals, the accelerator's memory, and the switch."""

from __future__ import annotations

import dataclasses
import heapq
import json
import os
from collections import Counter, deque
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from switchproof.models import packet, profiles
from switchproof.models.crossbar import Reducer
from switchproof.models.endpoint.collectives import (
    EVENTS,
    RESULT_FIELDS,
    SLICE_BYTES,
    Book,
    Command,
    Kind,
    Row,
    fetched,
    order,
    packets,
)
from switchproof.models.layout import EXT_SET, ID_GROUP, UNIT_BYTES, Op, Status
from switchproof.models.packet import FLAG_ERR, PACKET, Packets

#: Where the memory lies, and its bytes.
BASE = 0x0000_7A51_0000_0000
SIZE = 1 << 19
#: ID of the endpoint, its port, and the ports of its groups.
SOURCE, PORT, PORTS = 0x155, 2, 4
#: First ID of the engines.
ENGINE = 0x2A00
#: Response of the memory that says error.
SLVERR = 2
HDR = (1 << 128) - 1
TAG = 0xFFF << 36
#: Column `tail` of an answer to a store: which slice it is for, or one of these.
NOBODY, TOLD = (1 << 32) - 1, (1 << 32) - 2


@dataclasses.dataclass
class Speed:
    """How memory and switch behave: chances a cycle that a ready or a valid is held back."""

    hold: float = 0.0
    delay: tuple[int, int] = (1, 2)  # cycles to an answer of the memory, bounds
    answer: tuple[int, int] = (0, 20)  # cycles to an answer of the switch, bounds
    full: bool = False  # the memory takes no write addresses


@dataclasses.dataclass
class Fates:
    """Chances of what becomes of a slice in the switch."""

    error: float = 0.0
    lost: float = 0.0
    poison: float = 0.0
    mark: float = 0.0
    length: float = 0.0
    again: float = 0.0

    def draw(self, rng: np.random.Generator) -> str:
        """Return one of the names, or "good"."""
        at = rng.random()
        for name, chance in dataclasses.asdict(self).items():
            at -= chance
            if at < 0:
                return str(name)
        return "good"


class Bench:
    """Everything around the module. ``hits`` is the functional coverage."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.flit_w = int(os.environ["FLIT_W"])
        self.data_w = int(os.environ["DATA_W"])
        self.planes = int(os.environ["N_PLANES"])
        self.commands = int(os.environ["N_COMMANDS"])
        self.window = int(os.environ["WINDOW"])
        self.rng = np.random.default_rng(int(os.environ["SP_SEED"]))
        self.config = profiles.get("dev4").replace(
            flit_w=self.flit_w, ports=PORTS, types=63, ordered=1
        )
        self.hits: Counter[str] = Counter()
        self.memory = self.rng.integers(0, 256, SIZE, np.uint8)
        self.book = Book(self.memory.copy(), BASE, self.flit_w)
        self.bad: set[int] = set()  # offsets of blocks that give errors
        self.speed = Speed()
        self.fates = Fates()
        self.mask = self.up = (1 << self.planes) - 1
        self.cycle = 0
        self.events: Counter[str] = Counter()
        self.flits_out = 0
        self.first_out = self.last_out = -1
        self.taken_in = self.sent = 0
        self.first_w = self.last_w = -1
        self.beats_w = 0
        self._next = 0
        self._todo: deque[Command] = deque()
        self.reports: list[dict[str, int]] = []
        self._expected: dict[tuple[int, int], tuple[int, int, np.void]] = {}
        self._fetches: dict[int, np.void] = {}
        self._order: dict[int, list[int]] = {}  # slices that must be sent next, by command
        self._out: list[int] = []
        self.engines: dict[tuple[int, int], Reducer] = {}
        self.table: dict[int, Row] = {}
        self.to_send: list[
            tuple[int, int, np.void]
        ] = []  # (cycle, number, packet) for the endpoint
        self._number = 0
        self._in: deque[tuple[int, int, int, int]] = deque()  # beats: data, user, last, plane
        self.lost: dict[int, list[np.void]] = {}  # what comes late, by command
        self.stored: list[tuple[np.void, Any]] = []  # packets of stores, with (command, offset)
        self.others: list[np.void] = []  # results for other ports
        self.force_in = False  # packets come whatever the speed
        self.flood = False  # contributions to fetches are not looked at
        self.by_hand = False  # a test answers by itself
        self.seen: list[np.void] = []  # packets of commands that came out, if by_hand

    # ------------------------------------------------------------------------------- the clock

    async def begin(self) -> None:
        """Start clock and reset."""
        dut = self.dut
        for name in (
            "cmd_valid_i", "cmd_i", "res_ready_i", "row_we_i", "row_group_i", "row_i",
            "col_tready_i", "in_tvalid_i", "in_tdata_i", "in_tuser_i", "in_tlast_i", "in_plane_i",
            "m_axi_awready_i", "m_axi_wready_i", "m_axi_bvalid_i", "m_axi_bid_i", "m_axi_bresp_i",
            "m_axi_arready_i", "m_axi_rvalid_i", "m_axi_rid_i", "m_axi_rdata_i", "m_axi_rresp_i",
            "m_axi_rlast_i", "timeout_i",
        ):  # fmt: skip
            getattr(dut, name).value = 0
        dut.source_i.value = SOURCE
        self.choose(self.mask, self.up)
        dut.rst_ni.value = 0
        Clock(dut.clk_i, 2, unit="step").start()
        for _ in range(4):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        assert int(dut.m_axi_rready_o.value) and int(dut.m_axi_bready_o.value)
        assert int(dut.m_axi_arsize_o.value) == int(dut.m_axi_awsize_o.value)
        assert 8 << int(dut.m_axi_arsize_o.value) == self.data_w
        assert int(dut.m_axi_arburst_o.value) == int(dut.m_axi_awburst_o.value) == 1
        cocotb.start_soon(self._run())

    def choose(self, mask: int, up: int) -> None:
        """Set the planes that are used, and those that are up."""
        self.mask, self.up = mask, up
        self.dut.planes_i.value = mask
        self.dut.plane_up_i.value = up

    async def cycles(self, count: int) -> None:
        """Wait."""
        for _ in range(count):
            await RisingEdge(self.dut.clk_i)

    def _ready(self) -> int:
        return int(self.speed.hold == 0.0 or self.rng.random() >= self.speed.hold)

    async def _run(self) -> None:
        dut = self.dut
        edge = RisingEdge(dut.clk_i)
        aw_ready = w_ready = ar_ready = col_ready = res_ready = 0
        cmd_valid = in_valid = r_valid = b_valid = False
        ar: deque[tuple[int, int]] = deque()  # (cycle, offset), by beat
        aws: deque[tuple[int, int]] = deque()  # (offset, beats)
        b: deque[tuple[int, int]] = deque()  # (cycle, response)
        w_done: deque[list[tuple[int, int]]] = deque()
        w_now: list[tuple[int, int]] = []
        held: dict[str, Any] = {}
        step = self.data_w // 8

        def stable(name: str, ready: int, *signals: Any) -> Any:
            """Return the values, which may not change while they wait."""
            values = tuple(int(signal.value) for signal in signals)
            assert held.get(name, values) == values, f"{name}: changed while it was offered"
            if ready:
                held.pop(name, None)
            else:
                held[name] = values
            return values

        while True:
            await edge
            self.cycle += 1
            event = int(dut.event_o.value)
            if event:
                for k, name in enumerate(reversed(EVENTS)):
                    if event >> k & 1:
                        self.events[name] += 1
            # Commands and their results.
            if cmd_valid and dut.cmd_ready_o.value:
                command = self._todo.popleft()
                self._begun(command)
                cmd_valid = False
                dut.cmd_valid_i.value = 0
            if not cmd_valid and self._todo and self._ready():
                cmd_valid = True
                dut.cmd_valid_i.value = 1
                dut.cmd_i.value = self._todo[0].word()
            if dut.res_valid_o.value:
                (word,) = stable("res", res_ready, dut.res_o)
                if res_ready:
                    self._ended(word)
            ready = self._ready()
            if ready != res_ready:
                dut.res_ready_i.value = res_ready = ready
            # The memory: read.
            if dut.m_axi_arvalid_o.value:
                if ar_ready:
                    addr, beats, ident = stable(
                        "ar", 1, dut.m_axi_araddr_o, dut.m_axi_arlen_o, dut.m_axi_arid_o
                    )
                    self._burst(addr, beats, ident)
                    due = self.cycle + int(self.rng.integers(*self.speed.delay))
                    due = max(due, ar[-1][0]) if ar else due
                    last = addr - BASE + step * beats
                    ar.extend((due, at) for at in range(addr - BASE, last + step, step))
                    ar[-1] = (due, ar[-1][1] | 1 << 60)
                else:
                    stable("ar", 0, dut.m_axi_araddr_o, dut.m_axi_arlen_o, dut.m_axi_arid_o)
            else:
                assert "ar" not in held
            ready = self._ready()
            if ready != ar_ready:
                dut.m_axi_arready_i.value = ar_ready = ready
            if ar and ar[0][0] <= self.cycle and self._ready():
                _, at = ar.popleft()
                last, at = at >> 60, at & (1 << 60) - 1
                dut.m_axi_rvalid_i.value = 1
                dut.m_axi_rlast_i.value = last
                word = self.memory[at : at + step].tobytes()
                dut.m_axi_rdata_i.value = int.from_bytes(word, "little")
                dut.m_axi_rresp_i.value = SLVERR if at & -SLICE_BYTES in self.bad else 0
                r_valid = True
            elif r_valid:
                dut.m_axi_rvalid_i.value = 0
                r_valid = False
            # The memory: write.
            if dut.m_axi_awvalid_o.value:
                values = stable(
                    "aw", aw_ready, dut.m_axi_awaddr_o, dut.m_axi_awlen_o, dut.m_axi_awid_o
                )
                if aw_ready:
                    self._burst(*values)
                    aws.append((values[0] - BASE, values[1] + 1))
            else:
                assert "aw" not in held
            if dut.m_axi_wvalid_o.value:
                if w_ready:
                    data, strobes, last = stable(
                        "w", 1, dut.m_axi_wdata_o, dut.m_axi_wstrb_o, dut.m_axi_wlast_o
                    )
                    w_now.append((data, strobes))
                    self.beats_w += 1
                    self.last_w = self.cycle
                    self.first_w = self.cycle if self.first_w < 0 else self.first_w
                    if last:
                        w_done.append(w_now)
                        w_now = []
                else:
                    stable("w", 0, dut.m_axi_wdata_o, dut.m_axi_wstrb_o, dut.m_axi_wlast_o)
            else:
                assert "w" not in held
            if aws and w_done:
                (at, beats), data_beats = aws.popleft(), w_done.popleft()
                assert len(data_beats) == beats, f"{len(data_beats)} beats of {beats}"
                due = self.cycle + int(self.rng.integers(*self.speed.delay))
                if at in self.bad:
                    b.append((due, SLVERR))
                else:
                    b.append((due, 0))
                    self._write(at, data_beats)
            for name in ("aw", "w"):
                ready = 0 if name == "aw" and self.speed.full else self._ready()
                if name == "aw" and ready != aw_ready:
                    dut.m_axi_awready_i.value = aw_ready = ready
                elif name == "w" and ready != w_ready:
                    dut.m_axi_wready_i.value = w_ready = ready
            if b and b[0][0] <= self.cycle:
                dut.m_axi_bvalid_i.value = 1
                dut.m_axi_bresp_i.value = b.popleft()[1]
                b_valid = True
            elif b_valid:
                dut.m_axi_bvalid_i.value = 0
                b_valid = False
            # Packets out.
            if dut.col_tvalid_o.value:
                if col_ready:
                    data, user, last, plane = stable(
                        "col", 1, dut.col_tdata_o, dut.col_tuser_o, dut.col_tlast_o, dut.col_plane_o
                    )
                    self._out.append(data)
                    self.flits_out += 1
                    self.last_out = self.cycle
                    self.first_out = self.cycle if self.first_out < 0 else self.first_out
                    if last:
                        self._came(user, plane)
                else:
                    stable(
                        "col", 0, dut.col_tdata_o, dut.col_tuser_o, dut.col_tlast_o, dut.col_plane_o
                    )
            else:
                assert "col" not in held
                assert not self._out or not col_ready, "a gap inside a packet"
            ready = self._ready()
            if ready != col_ready:
                dut.col_tready_i.value = col_ready = ready
            # Packets in.
            if in_valid and dut.in_tready_o.value:
                in_valid = False
                self.taken_in += 1
                dut.in_tvalid_i.value = 0
            while self.to_send and self.to_send[0][0] <= self.cycle:
                self._sending(heapq.heappop(self.to_send)[2])
            if not in_valid and self._in and (self.force_in or self._ready()):
                data, user, last, plane = self._in.popleft()
                dut.in_tvalid_i.value = 1
                dut.in_tdata_i.value = data
                dut.in_tuser_i.value = user
                dut.in_tlast_i.value = last
                dut.in_plane_i.value = plane
                in_valid = True

    def _burst(self, addr: int, length: int, ident: int) -> None:
        assert ident == 0 and addr % SLICE_BYTES == 0, f"burst at {addr:#x}"
        assert (length + 1) * self.data_w <= 8 * SLICE_BYTES, f"{length + 1} beats"
        assert 0 <= addr - BASE < SIZE, f"{addr:#x} is outside of the memory"

    def _write(self, at: int, beats: list[tuple[int, int]]) -> None:
        step = self.data_w // 8
        for k, (data, strobes) in enumerate(beats):
            word = np.frombuffer(data.to_bytes(step, "little"), np.uint8)
            chosen = np.array([strobes >> j & 1 for j in range(step)], bool)
            self.memory[at + k * step : at + (k + 1) * step][chosen] = word[chosen]

    # --------------------------------------------------------------------------------- commands

    def command(self, kind: int, **values: Any) -> Command:
        """Give a command with an `id` of its own; returns it."""
        made = Command(kind=kind, id=self._next % 256, port=PORT, **values)
        self._next += 1
        self._todo.append(made)
        return made

    def _begun(self, command: Command) -> None:
        self.book.begin(command, self.mask, self.up)
        if command.refused() != Status.OK:
            self.hits[f"collective.refused.{command.refused().name}"] += 1
            return
        rows = packets(command, self.mask, self.book.memory, BASE, SOURCE, self.flit_w)
        loads = command.kind in (Kind.ALLREDUCE, Kind.REDUCE, Kind.MCAST_STORE)
        for k, row in enumerate(rows):
            plane = int(row["port"].astype(np.int32))
            if plane < 0 or not self.up >> plane & 1:
                continue
            at = command.source - BASE + SLICE_BYTES * k
            if loads and at in self.bad:
                packet.set_fields(rows[k : k + 1], poison=1)
                self.book.unread(command.id, k)
            key = packet.header_int(row), plane
            assert key not in self._expected, "two packets are alike: the test is at fault"
            self._expected[key] = command.id, k, rows[k].copy()
        there = {k for ident, k, _ in self._expected.values() if ident == command.id}
        self._order[command.id] = [k for k in order(command) if k in there]
        self.hits[f"collective.{Kind(command.kind).name}"] += 1

    def _ended(self, word: int) -> None:
        report = {}
        for name, bits in reversed(RESULT_FIELDS):
            report[name] = word & (1 << bits) - 1
            word >>= bits
        left = [key for key, value in self._expected.items() if value[0] == report["id"]]
        # What waits for its plane and for nothing else counts as sent.
        waiting = bool(self.dut.col_tvalid_o.value)
        assert len(left) <= waiting, (
            f"command {report['id']} ended with {len(left)} packets not sent"
        )
        wanted = self.book.end(report["id"])
        for name, value in wanted.items():
            # Where nothing failed the slice means nothing.
            if name != "slice" or wanted["status"]:
                assert report[name] == value, f"{name}: {report} instead of {wanted}"
        self.reports.append(report)
        self.hits[f"collective.status.{Status(report['status']).name}"] += 1
        if report["timeout"]:
            self.hits["collective.timeout"] += 1
        if report["poisoned"]:
            self.hits["collective.poisoned"] += 1
        for row in self.lost.pop(report["id"], []):
            self.send(row)  # late

    async def drain(self, limit: int = 40_000) -> None:
        """Wait until all commands have ended and all that was sent to the endpoint has come."""
        for _ in range(limit):
            if not (self._todo or self.book.work or self.to_send or self._in or self._fetches):
                break
            await RisingEdge(self.dut.clk_i)
        else:
            raise AssertionError(
                f"still there: {len(self._todo)} commands to give, {list(self.book.work)} at work, "
                f"{len(self.to_send)} packets to come, {len(self._fetches)} fetches"
            )
        await self.cycles(30)

    def check(self) -> None:
        """Compare memory and events with the model."""
        wrong = np.flatnonzero(self.memory != self.book.memory)
        assert not wrong.size, f"{wrong.size} bytes of memory differ from {wrong[0]:#x} on"
        assert not self._expected, f"{len(self._expected)} packets were not sent"
        assert self.events["sent"] == self.sent
        waited = self.hits["collective.timeout"] > 0
        assert (self.events["timeout"] > 0) == waited, f"{self.events['timeout']} time-outs"
        for name, count in self.book.counts.items():
            if name in ("sent", "timeout"):
                continue  # by the packets that came; how many slices end at once nobody knows
            assert self.events[name] == count, f"{name}: {self.events[name]} instead of {count}"

    def finish(self) -> None:
        """Check, and write the coverage."""
        self.check()
        for name in EVENTS:
            self.hits[f"collective.event.{name}"] += self.events[name]
        (Path(os.environ["SP_RUN_DIR"]) / "functional.json").write_text(json.dumps(self.hits))

    # -------------------------------------------------------------------------------- the switch

    def _came(self, user: int, plane: int) -> None:
        """Check a packet that came out, and let the switch have it."""
        row = np.zeros(1, PACKET)
        packet.set_header_int(row[0], user & HDR)
        assert not user >> 128, "error mark on a packet out"
        packet.set_beats(row[0], self._out, self.flit_w)
        self._out = []
        header = user & HDR
        op = int(packet.get(row, "op")[0])
        if self.flood:
            return
        if header in self._fetches:
            wanted = self._fetches.pop(header)
            assert plane == wanted["port"], f"by plane {plane}: {packet.describe(row[0])}"
            self._same(row, wanted)
            self.book.counts["fetched"] += 1
            self._contributed(row, plane, None)
            return
        if op == Op.MCAST_WRITE:
            assert header >> 46 & 3 == 3, "the tag of a store does not begin with two ones"
            header &= ~TAG
        key = header, plane
        assert key in self._expected, f"not expected, plane {plane}: {packet.describe(row[0])}"
        ident, offset, wanted = self._expected.pop(key)
        assert self._order[ident].pop(0) == offset, "slices are not begun in their order"
        if op == Op.MCAST_WRITE:
            row_tag = packet.get(row, "tag")
            one = np.array([wanted], PACKET)
            packet.set_fields(one, tag=row_tag)
            wanted = one[0]
        self._same(row, wanted)
        self.sent += 1
        if self.by_hand:
            self.seen.append(row[0].copy())
            self.stored.append((row[0].copy(), (ident, offset)))
        elif op == Op.MCAST_WRITE:
            self._stored(row, ident, offset)
        else:
            self._contributed(row, plane, (ident, offset))

    def _same(self, row: Packets, wanted: np.void) -> None:
        one = np.array([wanted], PACKET)
        assert packet.same(one, row)[0], (
            f"{packet.describe(row[0])}\ninstead of {packet.describe(wanted)}"
        )
        self.hits[f"collective.units.{int(packet.get(row, 'len')[0])}"] += 1

    def engine(self, plane: int, ident: int) -> Reducer:
        """Return an engine of a plane; all ports are members of all groups."""
        key = plane, ident
        if key not in self.engines:
            self.engines[key] = Reducer(self.config)
            for group in range(self.config.groups):
                self.engines[key].groups.set(group, (1 << PORTS) - 1)
        return self.engines[key]

    def contributions(self, row: Packets, poison: bool = False) -> tuple[list[int], Packets]:
        """Return what all members contribute beside our `row`, and their ports."""
        ports = [PORT, *(port for port in range(PORTS) if port != PORT)]
        rows = np.repeat(row, len(ports))
        rows["data"][1:] = self.rng.integers(0, 256, rows["data"][1:].shape, np.uint8)
        packet.set_fields(rows[1:], src=0x300, poison=0)
        if poison:
            which = int(self.rng.integers(1, len(ports)))
            if self.rng.random() < 0.5:
                packet.set_fields(rows[which : which + 1], poison=1)
            else:
                rows["flags"][which] = FLAG_ERR
        return ports, packet.clear_unused(rows)

    def _contributed(self, row: Packets, plane: int, whose: tuple[int, int] | None) -> None:
        """An engine takes a contribution, and those of the other members, or a request to load."""
        engine = self.engine(plane, int(packet.get(row, "dst")[0]))
        op = int(packet.get(row, "op")[0])
        fate = self.fates.draw(self.rng) if whose else "good"
        if op == Op.LOAD_REDUCE:
            fate = fate if fate in ("lost", "error") else "good"
            if fate == "good":
                self._deliver(engine.contribute(PORT, row).expand(), plane)
                return
        waits = whose is not None and self._waits(*whose) > 0
        if not waits:
            fate = "good"
        if fate == "error":
            status = int(self.rng.choice([s for s in Status if s != Status.OK]))
            answer = packet.error_answer(row, [status], self.flit_w)
            self.send(answer[0], plane)
            return
        if op == Op.LOAD_REDUCE:
            results = np.zeros(1, PACKET)
            units = int(packet.get(row, "root")[0]) + 1
            results["hdr"] = row["hdr"]
            packet.set_fields(results, op=Op.RESULT, len=units, dst=ID_GROUP)
            packet.set_flits(results, self.flit_w)
        else:
            results = engine.contribute(*self.contributions(row, fate == "poison")).expand()
            assert set(packet.get(results, "op")) == {int(Op.RESULT)}, "the engine refuses"
        if fate == "lost":
            ours = results[results["port"] == PORT] if op != Op.LOAD_REDUCE else results
            assert whose is not None
            self.book.lost(*whose)
            ours["port"] = plane
            self.lost.setdefault(whose[0], []).extend(ours)
            return
        ours = results[results["port"] == PORT]
        if fate == "mark":
            ours["flags"] |= FLAG_ERR
        if fate == "length":
            kind = int(self.rng.integers(0, 3))
            if kind == 0:  # of another length
                packet.set_fields(ours, len=(packet.get(ours, "len") - 1) % 17)
                packet.set_flits(ours, self.flit_w)
            elif kind == 1 and (ours["flits"] > 1).all():  # a beat is missing
                ours["flits"] -= 1
            else:  # a beat too many
                ours["flits"] += 1
        if fate == "again":
            ours = np.concatenate([ours, ours])
        self._deliver(ours, plane, in_order=fate == "again")
        self.others.extend(results[results["port"] != PORT])

    def _waits(self, ident: int, offset: int) -> int:
        """Return for how many answers a slice waits; its command may have ended."""
        work = self.book.work.get(ident)
        return 0 if work is None else work.waits.get(offset, 0)

    def _deliver(self, rows: Packets, plane: int, in_order: bool = False) -> None:
        low, high = self.speed.answer
        at = self.cycle + int(self.rng.integers(low, high + 1))
        for row in rows:
            if int(row["port"]) != PORT:
                continue
            one = np.array([row], PACKET)
            if packet.get(one, "op")[0] == Op.FETCH:
                one["port"] = plane
                self.fetch(one[0], at)
            else:
                self.send(row, plane, at)
            at += 0 if in_order else int(self.rng.integers(low, high + 1))

    def _stored(self, row: Packets, ident: int, offset: int) -> None:
        """Destinations answer a store."""
        waits = self._waits(ident, offset)
        plane = self.rng.integers(0, self.planes)
        if not waits:
            return
        fate = self.fates.draw(self.rng)
        bad = int(packet.get(row, "poison")[0])
        for k in range(waits):
            answer = packet.error_answer(row, [0], self.flit_w)
            packet.set_fields(answer, op=Op.WRITE_RSP)
            if bad or (fate == "error" and k == waits // 2):
                status = Status.BROKEN if bad else int(self.rng.choice([11, 12, 13]))
                answer = packet.error_answer(row, [status], self.flit_w)
            if fate == "length":  # the switch refuses it
                status = int(self.rng.choice([Status.VERSION, Status.DST, Status.PARTITION]))
                answer = packet.error_answer(row, [status], self.flit_w)
                self._answer(ident, offset, answer, int(plane))
                self.hits["collective.store.refused"] += 1
                return
            if fate in ("poison", "mark") and k == 0:
                packet.set_fields(answer, poison=int(fate == "poison"))
                answer["flags"] = FLAG_ERR * (fate == "mark")
            if fate == "lost" and k == waits - 1:
                self.book.lost(ident, offset)
                answer["port"] = plane
                self.lost.setdefault(ident, []).extend(answer)
                return
            # Lost ones are told to the book last: those before it must have come.
            self._answer(ident, offset, answer, int(plane), now=fate == "lost")
        self.hits[f"collective.store.answers.{waits}"] += 1

    def _answer(self, ident: int, offset: int, row: Packets, plane: int, now: bool = False) -> None:
        if now:
            self.book.answered(ident, offset, row[0])
            self._push(row[0], plane, self.cycle, TOLD)
            return
        at = self.cycle + int(self.rng.integers(self.speed.answer[0], self.speed.answer[1] + 1))
        self._push(row[0], plane, at, ident << 17 | offset)

    def send(self, row: np.void, plane: int | None = None, at: int | None = None) -> None:
        """Send a packet to the endpoint: at a cycle, or now. The book learns when it goes."""
        self._push(
            row, int(row["port"]) if plane is None else plane, self.cycle if at is None else at
        )

    def _push(self, row: np.void, plane: int, at: int, tail: int = NOBODY) -> None:
        made = row.copy()
        made["port"] = plane
        made["tail"] = tail
        heapq.heappush(self.to_send, (at, self._number, made))
        self._number += 1

    def _sending(self, row: np.void) -> None:
        """Put the beats of a packet into the queue, and tell the book."""
        one = np.array([row], PACKET)
        op = int(packet.get(one, "op")[0])
        tail = int(row["tail"])
        if op in (Op.RESULT, Op.COLL_ERROR):
            self.book.reduced(row, self.bad)
        elif op != Op.FETCH:
            if tail == NOBODY:
                self.book.counts["late"] += 1
            elif tail != TOLD:
                self.book.answered(tail >> 17, tail & 0x1FFFF, row)
        header = packet.header_int(row)
        beats = packet.beats(row, self.flit_w)
        for k, data in enumerate(beats):
            last = k == len(beats) - 1
            mark = int(last and int(row["flags"]) & FLAG_ERR != 0)
            user = header if k == 0 else int(self.rng.integers(0, 1 << 62))
            self._in.append((data, mark << 128 | user, int(last), int(row["port"])))

    def fetch(self, row: np.void, at: int | None = None) -> None:
        """Send a fetch; its contribution, if there is one, must come."""
        answer = fetched(row, self.table, self.book.memory, BASE, SOURCE, self.flit_w)
        if answer is None:
            self.book.counts["fetch_refused"] += 1
        else:
            f = {
                name: int(v[0])
                for name, v in packet.fields(np.array([row]), "group", "slice").items()
            }
            block = self.table[f["group"]].base - BASE + SLICE_BYTES * f["slice"]
            if block in self.bad:
                packet.set_fields(answer, poison=1)
                self.book.counts["memory"] += 1
            header = packet.header_int(answer[0])
            assert header not in self._fetches
            self._fetches[header] = answer[0]
        self.send(row, None, at)

    async def set_row(self, group: int, row: Row | None) -> None:
        """Write a row of the fetch table."""
        dut = self.dut
        word = 0 if row is None else (1 << 64 | row.base) << 25 | row.bytes
        dut.row_we_i.value = 1
        dut.row_group_i.value = group
        dut.row_i.value = word
        await RisingEdge(dut.clk_i)
        dut.row_we_i.value = 0
        await RisingEdge(dut.clk_i)
        self.table.pop(group, None)
        if row is not None:
            self.table[group] = row


__all__ = ["BASE", "ENGINE", "EXT_SET", "PORT", "SIZE", "UNIT_BYTES", "Bench", "Fates", "Speed"]
