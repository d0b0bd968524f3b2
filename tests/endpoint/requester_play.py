# SPDX-License-Identifier: Apache-2.0
"""A requester between an AXI client that is not ours and a fabric in Python.

:class:`Play` watches every handshake. What comes in on the bus becomes requests in the model; each
packet that leaves must be the next one of its kind, on a plane that order allows; what the bus
hears must be what the answers say. The fabric executes requests, in order within a plane, and
answers them after random delays; :attr:`Play.fate` says what else happens to one, and
:meth:`Play.set_link` whether a destination is reached by a plane.
"""

from __future__ import annotations

import dataclasses
import heapq
import json
import os
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, Timer
from cocotbext.axi import AxiBus, AxiMaster

from switchproof.models.endpoint import requests as model
from switchproof.models.endpoint.requests import Ask, Burst, Command, Kind, Region, Verdict
from switchproof.models.layout import ATOMIC, EXT_STROBE, VERSION, AtomicOp, Op, Status

SOURCE = 77
UNIT_MASK = (1 << 128) - 1
#: Cycles by which what is seen on the pins may differ from what the requester counts.
SLACK = 12
#: Regions of all tests: relaxed, strict, one that the first hides in part, one of two windows of a
#: block each; the rest is nowhere.
REGIONS = (
    Region(0x1000_0000, 24, 20, dst=300),
    Region(0x2000_0000, 22, 18, dst=20, offset=0x12_3456_7800, strict=True),
    Region(0x1000_0000, 28, 57, dst=9, offset=(1 << 57) - (1 << 26)),
    Region(0x3000_0000, 9, 8, dst=(1 << 14) - 1, offset=0x4200),
)
EVENTS = ("request", "reissue", "detour", "answer", "late", "unknown", "malformed")
KIND_EVENTS = ("timeout", "decerr", "slverr")


@dataclasses.dataclass(eq=False)
class Entry:
    """A request, with what has happened to it."""

    ask: Ask
    number: int
    made: int
    burst: Burst | None = None
    command: Command | None = None
    sent: int | None = None
    #: Cycle from which on it may have been chosen for sending.
    earliest: int = 0
    plane: int = 0
    sends: int = 0
    verdict: Verdict | None = None
    answered: int = 0
    #: Cycle in which it was sent again.
    again: int = 0
    #: It ended without an answer; nobody waits any more.
    over: bool = False
    #: Its answer sends it over another plane, which has not been done yet.
    bounced: bool = False
    tries: int = 0


@dataclasses.dataclass(frozen=True)
class Choice:
    """What planes are chosen by."""

    up: tuple[bool, ...]
    spare: int = 0
    least: bool = False


@dataclasses.dataclass(frozen=True)
class Avoided:
    """Planes to avoid by row of destinations, as they can be; since when there are any."""

    rows: tuple[tuple[int, frozenset[int]], ...] = ()
    since: int = 0

    def row(self, dst: int) -> frozenset[int]:
        """Return the planes to avoid for a destination."""
        return dict(self.rows).get(model.avoid_row(dst), frozenset())

    def blamed(self, dst: int, plane: int, up: Iterable[bool], cycle: int) -> Avoided:
        """Return what it becomes if a destination is not reached by a plane."""
        planes = self.row(dst) | {plane}
        if all(p in planes for p, is_up in enumerate(up) if is_up):
            planes = frozenset({plane})
        rows = {**dict(self.rows), model.avoid_row(dst): planes}
        return Avoided(tuple(sorted(rows.items())), self.since if self.rows else cycle)


@dataclasses.dataclass
class Packet:
    """A packet of the fabric."""

    header: int
    units: list[int]
    err: bool = False
    flits: int | None = None
    plane: int = 0
    entry: Entry | None = None
    #: Cycle in which it was sent.
    at: int = 0


class Play:
    """See the module. `fate(entry)` returns a word for what happens to a request; see execute()."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.flit_w = int(os.environ["FLIT_W"])
        self.bus = int(os.environ["DATA_W"]) // 8
        self.tags = int(os.environ["N_TAGS"])
        self.planes = int(os.environ["N_PLANES"])
        self.rng = random.Random(int(os.environ["SP_SEED"]))
        self.regions = list(REGIONS)
        self.cycle = 0
        self.timeout = 0
        self.delay = 0
        self.hits: Counter[str] = Counter()
        #: Events that the requester must tell.
        self.expected: Counter[str] = Counter()
        self.fate: Callable[[Entry], str] = lambda _: "okay"
        self.latency = (1, 30)
        self.answer_delay = (1, 40)
        self.stall = 0.0
        self.gap = 0.0
        self.lines: dict[Kind, list[Entry]] = {kind: [] for kind in Kind}
        self.next_send = dict.fromkeys(Kind, 0)
        self.next_end = dict.fromkeys(Kind, 0)
        self.end_cycles: dict[Kind, list[int]] = {kind: [] for kind in Kind}
        self.beat = 0  # of the oldest load, on R
        self.epochs = 0
        self.aws: deque[Burst] = deque()
        self.ws: deque[tuple[int, int]] = deque()
        self.bursts = 0
        #: Bytes of the burst whose data comes, beat by beat, and how many requests it has made.
        self.lanes: list[dict[int, int]] = []
        self.made = 0
        self.unanswered: deque[tuple[int, list[int]]] = deque()
        self.up = [True] * self.planes
        self.choices: list[tuple[int, Choice]] = []
        self.loss = self.avoid = 0
        #: What the table of planes to avoid can be, and what it could be until which cycle.
        self.avoided = [Avoided()]
        self.avoided_before: deque[tuple[int, list[Avoided]]] = deque(maxlen=64)
        #: Cycles in which a plane did not reach a row of destinations.
        self.blames: dict[tuple[int, int], list[int]] = {}
        self.bounces = 0
        #: Packets that may leave after their time, as nothing left for as long.
        self.stalled = 0
        #: Answers that the test lets come.
        self.kept: list[Packet] = []
        #: Ways that are broken: (destination, plane), since when.
        self.broken: dict[tuple[int, int], int] = {}
        #: An answer that came when its request ends with its time, or has just done so.
        self.undecided: tuple[Entry, Packet] | None = None
        #: What a way had when it broke can be lost without a word.
        self.silent = True
        self.downs = [-1] * self.planes
        self.history: list[list[int]] = [[] for _ in range(self.planes)]
        self.incoming: list[tuple[int, int, int, int, int, int]] = []
        self.ends: deque[int] = deque([0, 0, 0], maxlen=3)
        self.queues: list[deque[tuple[int, Packet]]] = [deque() for _ in range(self.planes)]
        self.due = [0] * self.planes
        self.answers: list[tuple[int, int, Packet]] = []
        self.sequence = 0
        self.outgoing: deque[tuple[int, int, int]] = deque()
        self.arriving: list[int] = []
        self.packet: Packet | None = None
        self.memory: dict[tuple[int, int], bytearray] = {}
        self.executed: dict[tuple[int, int], Packet] = {}
        self.reference: dict[int, tuple[int, int]] = {}
        self.spoilt: set[int] = set()
        self.commands: deque[Command] = deque()
        self.results: list[tuple[int, int]] = []
        self.command: Command | None = None
        self.flits_out: list[int] = []
        self.read_beats: list[int] = []
        self.offer = False
        self.take_results = True
        #: Requests that a test has looked at.
        self.seen: set[Entry] = set()

    # ------------------------------------------------------------------------------ beginning

    async def begin(self, timeout: int = 0, delay: int = 0, loss: int = 0, avoid: int = 0) -> None:
        """Reset, and start client and watch."""
        dut = self.dut
        self.timeout, self.delay = timeout, delay
        self.loss, self.avoid = loss, avoid
        dut.tag_timeout.value = timeout
        dut.reissue_delay.value = delay
        dut.loss_timeout.value = loss
        dut.avoid_time.value = avoid
        dut.spare.value = dut.least.value = 0
        dut.source.value = SOURCE
        dut.regions.value = pack_regions(self.regions)
        for name in ("cmd_valid", "cmd", "res_ready", "req_tready", "rsp_tvalid", "rsp_tdata"):
            getattr(dut, name).value = 0
        dut.rsp_tuser.value = 0
        dut.rsp_tlast.value = 0
        dut.plane_up.value = (1 << self.planes) - 1
        dut.rst_ni.value = 1
        self.axi = AxiMaster(AxiBus.from_prefix(dut, "s_axi"), dut.clk_i)
        for channel in (
            self.axi.write_if.aw_channel, self.axi.write_if.w_channel,
            self.axi.write_if.b_channel, self.axi.read_if.ar_channel, self.axi.read_if.r_channel,
        ):  # fmt: skip
            channel.log.setLevel("WARNING")
        self.axi.write_if.log.setLevel("WARNING")
        self.axi.read_if.log.setLevel("WARNING")
        await Timer(1, "ns")
        dut.rst_ni.value = 0
        cocotb.start_soon(Clock(dut.clk_i, 10, unit="ns").start())
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        self.choices = [(0, Choice((False,) * self.planes)), (0, Choice(tuple(self.up)))]
        self.watch = cocotb.start_soon(self._watch())

    async def cycles(self, count: int) -> None:
        """Let cycles pass."""
        for _ in range(count):
            await RisingEdge(self.dut.clk_i)

    async def until(self, condition: Callable[[], bool], limit: int = 20_000) -> None:
        """Wait until something holds."""
        for _ in range(limit):
            if condition():
                return
            await RisingEdge(self.dut.clk_i)
        oldest = [
            line[self.next_end[kind]]
            for kind, line in self.lines.items()
            if self.next_end[kind] < len(line)
        ]
        raise AssertionError(f"not reached in {limit} cycles; {self.state()}; {oldest}")

    def state(self) -> str:
        """Return where everything is, for messages."""
        return ", ".join(
            f"{kind.name}: {len(line)} made, {self.next_send[kind]} sent, "
            f"{self.next_end[kind]} ended"
            for kind, line in self.lines.items()
        )

    def idle(self) -> bool:
        """Whether all that came has ended."""
        return (
            not self.aws
            and not self.commands
            and self.command is None
            and all(self.next_end[kind] == len(self.lines[kind]) for kind in Kind)
        )

    def finish(self, *, coverage: bool = True) -> None:
        """Check that nothing is left, and write functional coverage."""
        assert self.idle(), self.state()
        assert not self.incoming
        assert not self.answers
        told = {
            name.removeprefix("event."): hits
            for name, hits in self.hits.items()
            if name.startswith("event.") and hits
        }
        assert told == {k: n for k, n in self.expected.items() if n}, f"{told}, {self.expected}"
        if coverage:
            path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
            path.write_text(json.dumps({f"requester.{k}": n for k, n in self.hits.items()}))

    # --------------------------------------------------------------------------------- cycles

    async def _watch(self) -> None:
        dut, clock = self.dut, self.dut.clk_i
        while True:
            await RisingEdge(clock)
            self._drive()
            await FallingEdge(clock)
            self.cycle += 1
            hands = int(dut.hands.value)
            assert not hands & 256, "an answer had to wait"
            if hands:
                self._see(hands)
            events = int(dut.events.value)
            if self.undecided:
                (entry, packet), self.undecided = self.undecided, None
                if events >> 9 + len(EVENTS) - 1 - EVENTS.index("late") & 1:
                    self.expected["late"] += 1
                else:
                    self._answered(entry, packet)
            if self.arriving:
                self._arrived()
            if events:
                self._count(events)
            self._fabric()

    def _drive(self) -> None:
        dut, rng = self.dut, self.rng
        ready = rng.random() >= self.stall
        if ready != self.offer:
            dut.req_tready.value = int(ready)
            self.offer = ready
        dut.res_ready.value = int(self.take_results)
        if self.command is None and self.commands:
            self.command = self.commands.popleft()
            dut.cmd.value = pack_command(self.command)
            dut.cmd_valid.value = 1
        elif self.command is None:
            dut.cmd_valid.value = 0
        if self.outgoing and rng.random() >= self.gap:
            data, user, last = self.outgoing.popleft()
            dut.rsp_tvalid.value = 1
            dut.rsp_tdata.value = data
            dut.rsp_tuser.value = user
            dut.rsp_tlast.value = last
            self.arriving = [last]
        else:
            dut.rsp_tvalid.value = 0
            # What must not be looked at would hurt.
            dut.rsp_tlast.value = 1
            self.arriving = []

    def _see(self, hands: int) -> None:
        dut = self.dut
        if hands & 1:
            self._address_read(
                Burst(
                    int(dut.s_axi_arid.value), int(dut.s_axi_araddr.value),
                    int(dut.s_axi_arlen.value) + 1, int(dut.s_axi_arsize.value),
                    int(dut.s_axi_arburst.value),
                )
            )  # fmt: skip
        if hands & 2:
            self.aws.append(
                Burst(
                    int(dut.s_axi_awid.value), int(dut.s_axi_awaddr.value),
                    int(dut.s_axi_awlen.value) + 1, int(dut.s_axi_awsize.value),
                    int(dut.s_axi_awburst.value),
                )
            )  # fmt: skip
        if hands & 4:
            self.ws.append((int(dut.s_axi_wdata.value), int(dut.s_axi_wstrb.value)))
        while self.aws and self.ws:
            self._beat(self.aws[0], *self.ws.popleft())
        if hands & 128:
            assert self.command is not None
            self._commanded(self.command)
            self.command = None
        if hands & 32:
            self._request()
        if hands & 16:
            self._read_beat()
        if hands & 8:
            self._response()
        if hands & 64:
            self._result()

    def _count(self, events: int) -> None:
        if events >> 9 + len(EVENTS) - 1 - EVENTS.index("detour") & 1:
            if self.bounces:
                self.bounces -= 1
            else:
                self._overdue()
        for k, name in enumerate(reversed(EVENTS)):
            self.hits[f"event.{name}"] += events >> 9 + k & 1
        for k, name in enumerate(reversed(KIND_EVENTS)):
            for kind in Kind:
                self.hits[f"event.{name}.{kind.name.lower()}"] += events >> 3 * k + kind & 1

    # ------------------------------------------------------------------------------ what is asked

    def _make(self, asks: Iterable[Ask], burst: Burst | None = None) -> list[Entry]:
        entries = []
        for ask in asks:
            line = self.lines[ask.kind]
            line.append(Entry(ask, len(line), self.cycle, burst))
            entries.append(line[-1])
        return entries

    def _address_read(self, burst: Burst) -> None:
        asks = model.loads(burst, self.regions, self.bus)
        self._make(asks, burst)
        self.hits[f"load.blocks.{min(len(asks), 4)}"] += 1
        self.hits[f"load.size.{burst.size}"] += 1

    def _beat(self, burst: Burst, data: int, strobes: int) -> None:
        """A beat of the oldest burst of stores came."""
        named = model.beat_bytes(burst)[len(self.lanes)]
        word = named.start - named.start % self.bus
        lanes = [lane for lane in range(self.bus) if strobes >> lane & 1]
        self.lanes.append({word + lane: data >> 8 * lane & 255 for lane in lanes})
        asks = model.stores(burst, self.lanes, self.regions, self.bus)
        for ask in asks[self.made :]:
            whole = (
                "nothing" if ask.resp is not None else "whole" if ask.strobes is None else "holes"
            )
            self.hits[f"store.{whole}"] += 1
        self._make(asks[self.made :], burst)
        self.made = len(asks)
        if len(self.lanes) < burst.beats:
            return
        self.bursts += 1
        if not model.refused(burst, self.bus):
            for beat in self.lanes:
                for byte, value in beat.items():
                    self.reference[byte] = (value, self.bursts)
                    self.spoilt.discard(byte)
        self.unanswered.append((self.bursts, [byte for beat in self.lanes for byte in beat]))
        self.hits[f"store.requests.{min(len(asks), 4)}"] += 1
        self.hits[f"store.size.{burst.size}"] += 1
        self.aws.popleft()
        self.lanes, self.made = [], 0

    def _commanded(self, command: Command) -> None:
        entry = self._make([model.atomic(command, self.epochs, self.regions)])[0]
        entry.command = command
        self.epochs += 1
        self.hits[f"atomic.{AtomicOp(command.kind).name}"] += 1

    # ------------------------------------------------------------------------------ what is sent

    def _request(self) -> None:
        dut = self.dut
        last = int(dut.req_tlast.value)
        user = int(dut.req_tuser.value)
        self.incoming.append((int(dut.req_tdata.value), user, int(dut.req_plane.value), 0, 0, 0))
        if self.flits_out and 0 < self.timeout - SLACK <= self.cycle - self.flits_out[-1]:
            self.stalled = 2
        self.flits_out.append(self.cycle)
        if not last:
            return
        beats, self.incoming = self.incoming, []
        header, plane = beats[0][1] & UNIT_MASK, beats[0][2]
        assert all(beat[2] == plane for beat in beats), "the plane changes within a packet"
        void = bool(user >> 128)
        units = [
            beat[0] >> 128 * j & UNIT_MASK for beat in beats for j in range(self.flit_w // 128)
        ]
        tag = model.header_field(header, "tag")
        assert tag >> model.NUM_BITS < len(Kind), f"tag {tag:#x}"
        kind = Kind(tag >> model.NUM_BITS)
        entry = self._entry(kind, tag)
        assert entry is not None, f"a request with tag {tag:#x} that nobody made"
        ask = entry.ask
        self._after_a_stall(entry, void)
        if entry.sends == 0:
            self._in_order(kind, entry)
        else:
            way = model.avoid_row(ask.dst), entry.plane
            downs = [
                cycle
                for cycle in (*self.history[entry.plane], *self.blames.get(way, ()))
                if cycle >= entry.earliest
            ]
            assert downs, f"sent again without need: {entry}"
            down = min(downs)
            if entry.verdict is None and not entry.bounced:
                assert self.cycle - down >= self.delay, f"sent again too early: {entry}"
            assert not entry.over
            if entry.verdict is not None:
                older = self.lines[kind][max(0, entry.number - self.tags) : entry.number]
                assert kind is Kind.STORE, f"answered and sent again: {entry}"
                assert any(other.again > down for other in older), f"answered: {entry}"
                self.hits["again.answered"] += 1
            ask = model.repeated(ask)
            entry.verdict, entry.again, entry.bounced = None, self.cycle, False
            self.hits[f"again.{kind.name.lower()}"] += 1
            self.expected["reissue"] += 1
        expected = ask.all_units()
        assert header == ask.header(entry.number, SOURCE), (
            f"header {header:#034x}, expected {ask.header(entry.number, SOURCE):#034x}: {entry}"
        )
        flits = max(1, -(-len(expected) * 128 // self.flit_w))
        assert len(beats) == flits, f"{len(beats)} flits instead of {flits}: {entry}"
        assert void or units == expected + [0] * (len(units) - len(expected)), (
            f"payload {[hex(u) for u in units]}, expected {[hex(u) for u in expected]}"
        )
        self._right_plane(ask, plane)
        self._no_overtaking(entry, plane)
        if void:
            self.ends.append(self.cycle)
            self.expected["request"] += 1
            self.hits[f"sent.void.{kind.name.lower()}"] += 1
            return
        entry.sent, entry.plane, entry.sends = self.cycle, plane, entry.sends + 1
        entry.earliest = self.ends[0] - 4
        self.ends.append(self.cycle)
        self.expected["request"] += 1
        self.hits[f"plane.{plane}"] += 1
        if ask.strobes is not None or len(expected) == 16:
            self.hits[f"sent.{'strobes' if ask.strobes is not None else 'full'}"] += 1
        packet = Packet(header, expected, plane=plane, entry=entry, at=self.cycle)
        low, high = self.latency
        due = max(self.due[plane], self.cycle + self.rng.randint(low, high))
        if not self.up[plane]:
            due = self.cycle + 1
        self.due[plane] = due
        self.queues[plane].append((due, packet))

    def _entry(self, kind: Kind, tag: int) -> Entry | None:
        """Return the last request with this number."""
        line = self.lines[kind]
        mask = (1 << model.NUM_BITS) - 1
        number = len(line) - 1 - ((len(line) - 1 - tag) & mask)
        return line[number] if 0 <= number < len(line) else None

    def _after_a_stall(self, entry: Entry, void: bool) -> None:
        """What has ended leaves only if nothing left meanwhile: one request that was offered, and
        one that was taken to be the next. Its error mark says that its time ran out in between."""
        assert self.stalled or not (entry.over or void), f"sent after its end: {entry}"
        assert self._expired(entry) or not void, f"an error mark: {entry}"
        self.stalled = max(0, self.stalled - 1)

    def _in_order(self, kind: Kind, entry: Entry) -> None:
        """Requests of a kind leave in the order in which they came."""
        line = self.lines[kind]
        while self.next_send[kind] < entry.number:
            skipped = line[self.next_send[kind]]
            if skipped.ask.resp is None:
                assert self._expired(skipped), f"{entry} overtakes {skipped}"
                skipped.over = True
                self.hits["skipped"] += 1
            self.next_send[kind] += 1
        assert entry.ask.resp is None, f"sent in vain: {entry}"
        self.next_send[kind] = entry.number + 1

    def _expired(self, entry: Entry) -> bool:
        return self.timeout > 0 and self._age(entry) >= self.timeout - SLACK

    def _age(self, entry: Entry) -> int:
        """Return how long ago a request was made: there was room for it once an older one ended."""
        return self.cycle - self._made_at(entry)

    def _made_at(self, entry: Entry) -> int:
        kind, before = entry.ask.kind, entry.number - self.tags
        ends = self.end_cycles[kind]
        if kind is not Kind.LOAD:
            # Its end is seen only when the whole burst ends.
            while len(ends) <= before:
                older = self.lines[kind][len(ends)]
                if older.ask.resp is None and older.verdict is None and not self._expired(older):
                    break
                ended = older.made if older.ask.resp is not None else older.answered
                if older.ask.resp is None and older.verdict is None:
                    ended = self._made_at(older) + self.timeout
                ends.append(max([ended, *ends[-1:]]))
        if before < 0:
            return entry.made
        return max(entry.made, ends[before] if before < len(ends) else self.cycle)

    def _right_plane(self, ask: Ask, plane: int) -> None:
        """The plane is that of the model for what there was to choose by when it was chosen."""
        since = self.ends[0] - 4
        choices = [
            choice
            for (_, choice), (until, _) in zip(
                self.choices, [*self.choices[1:], (self.cycle, Choice(()))], strict=True
            )
            if until >= since
        ]

        def right(avoided: Avoided) -> bool:
            row = avoided.row(ask.dst)
            return any(
                plane in model.allowed(choice.up, row, choice.spare)
                if choice.least and ask.relaxed
                else plane == model.plane(ask, choice.up, row, choice.spare)
                for choice in choices
            )

        self._forget()
        fits = [avoided for avoided in self.avoided if right(avoided)]
        now = self.avoided
        before = [older for until, older in self.avoided_before if until + 3 >= since]
        if not before:
            self.avoided = fits
        fits += [avoided for older in before for avoided in older if right(avoided)]
        assert fits, f"plane {plane}, expected by {choices}, {now}: {ask}"

    def _forget(self) -> None:
        """Planes that are avoided may be forgotten by now: when they are cannot be seen."""
        if Avoided() not in self.avoided and any(
            self.cycle - avoided.since >= self.avoid for avoided in self.avoided
        ):
            self.avoided = [*self.avoided, Avoided()]

    def under_way(self, other: Entry) -> bool:
        """Whether a request may still take effect: it is not answered, and not known to be lost."""
        way = model.avoid_row(other.ask.dst), other.plane
        return (
            other.sent is not None
            and other.verdict is None
            and not other.over
            and not other.bounced
            and not self._expired(other)
            and self.downs[other.plane] < other.earliest
            and not any(cycle >= other.earliest for cycle in self.blames.get(way, ()))
        )

    def _no_overtaking(self, entry: Entry, plane: int) -> None:
        """No request to the same block is on the way over another plane, and of strict stores no
        other one at all."""
        ask = entry.ask
        for line in self.lines.values():
            for other in line[-4 * self.tags :]:
                if other is entry or not self.under_way(other):
                    continue
                if (
                    other.plane != plane
                    and other.ask.dst == ask.dst
                    and (not ask.relaxed or other.ask.addr // 256 == ask.addr // 256)
                ):
                    raise AssertionError(f"{entry} takes plane {plane} while {other} is under way")
                strict = not ask.relaxed and not other.ask.relaxed
                assert not (strict and ask.kind is other.ask.kind is Kind.STORE), (
                    f"{entry} may be seen before {other}"
                )

    def _blame(self, dst: int, plane: int) -> None:
        """A plane did not reach a destination."""
        self.expected["detour"] += 1
        self.blames.setdefault((model.avoid_row(dst), plane), []).append(self.cycle)
        self._forget()
        self.avoided_before.append((self.cycle, self.avoided))
        blamed = [avoided.blamed(dst, plane, self.up, self.cycle) for avoided in self.avoided]
        self.avoided = list(dict.fromkeys(blamed))

    def _overdue(self) -> None:
        """An answer is taken for lost: it must be late enough."""
        late = [
            entry
            for line in self.lines.values()
            for entry in line[-4 * self.tags :]
            if self.loss and self.under_way(entry) and self.cycle - entry.earliest >= self.loss
        ]
        assert late, "an answer is taken for lost"
        oldest = min(late, key=lambda entry: entry.sent or 0)
        oldest.tries += 1
        self.hits["overdue"] += 1
        self._blame(oldest.ask.dst, oldest.plane)

    # -------------------------------------------------------------------------------- the fabric

    def _fabric(self) -> None:
        for plane, queue in enumerate(self.queues):
            while queue and queue[0][0] <= self.cycle:
                packet = queue.popleft()[1]
                if not self.up[plane] and self.rng.random() < 0.5:
                    self.hits["lost.request"] += 1
                    continue
                self._execute(packet)
        if not self.outgoing and self.answers and self.answers[0][0] <= self.cycle:
            self._send(heapq.heappop(self.answers)[2])

    def set_planes(self, up: list[bool]) -> None:
        """Change which planes are up. What one has that goes down arrives soon or is lost."""
        for plane, (was, now) in enumerate(zip(self.up, up, strict=True)):
            if was and not now:
                self.downs[plane] = self.cycle
                self.history[plane].append(self.cycle)
                self.queues[plane] = deque(
                    (min(due, self.cycle + 30), packet) for due, packet in self.queues[plane]
                )
                kept = []
                for due, number, packet in self.answers:
                    if packet.plane == plane and self.rng.random() < 0.5:
                        self.hits["lost.answer"] += 1
                        continue
                    soon = min(due, self.cycle + 30) if packet.plane == plane else due
                    kept.append((soon, number, packet))
                self.answers = kept
                heapq.heapify(self.answers)
            if now and not was:
                self.due[plane] = self.cycle
        self.up = list(up)
        self._choose(up=tuple(up))
        self.dut.plane_up.value = sum(1 << p for p, is_up in enumerate(up) if is_up)
        self.hits[f"planes.{sum(up)}"] += 1

    def _choose(self, **changes: Any) -> None:
        self.choices.append((self.cycle, dataclasses.replace(self.choices[-1][1], **changes)))

    def choose(self, *, spare: int, least: bool) -> None:
        """Change what planes are chosen by."""
        self._choose(spare=spare, least=least)
        self.dut.spare.value = spare
        self.dut.least.value = int(least)

    def set_link(self, dst: int, plane: int, up: bool) -> None:
        """Let a destination be reached by a plane or not. What is on its way when that ends is
        refused, or lost, or its answer is."""
        if up:
            del self.broken[dst, plane]
            return
        self.broken[dst, plane] = self.cycle
        for due, number, packet in list(self.answers):
            entry = packet.entry
            if self.silent and entry and (entry.ask.dst, packet.plane) == (dst, plane):
                self.answers.remove((due, number, packet))
                self.hits["way.answer"] += 1
        heapq.heapify(self.answers)

    def block(self, dst: int, number: int) -> bytearray:
        """Return 256 bytes of memory of a destination; what nobody wrote is made of its address."""
        key = (dst, number)
        if key not in self.memory:
            self.memory[key] = bytearray(random.Random(dst << 60 ^ number).randbytes(256))
        return self.memory[key]

    def peek(self, address: int) -> int:
        """Return the byte of memory behind an address on the bus."""
        found = model.locate(self.regions, address)
        assert found is not None
        return self.block(found[0], found[1] // 256)[found[1] % 256]

    def _execute(self, packet: Packet) -> None:
        """Execute a request and answer it; fates:

        okay; lost (never arrives), unanswered (executed), error (answered with a random status),
        refused, broken (not executed, ST_DST or ST_BROKEN),
        poison, mark, kind, length, beats (answers that are wrong), alien (an answer to something
        else comes first), twice (a second answer), late (after its time), kept (when the test lets
        it).
        """
        entry = packet.entry
        assert entry is not None
        broken = self.broken.get((entry.ask.dst, packet.plane))
        if broken is None:
            fate = self.fate(entry)
        elif self.silent and packet.at <= broken:
            fate = self.rng.choice(["lost", "unanswered", "refused"])
        else:
            fate = "refused"
        self.hits[f"fate.{fate}"] += 1
        if fate == "lost":
            return
        get = model.header_field
        header = packet.header
        common = {
            "version": VERSION,
            "src": get(header, "dst"),
            "dst": SOURCE,
            "tag": get(header, "tag"),
        }
        common |= {
            f"mem_{name}": get(header, f"mem_{name}") for name in ("addr", "arg", "wide", "relaxed")
        }
        units: list[int] = []
        status = 0
        if fate == "error":
            status = self.rng.choice([s for s in Status if s != Status.OK])
            op = Op.ERROR
            # An atomic that is answered with an error is not executed; of stores nobody knows.
            if entry.ask.kind is Kind.STORE and self.rng.random() < 0.5:
                self._do(packet)
        elif fate in ("refused", "broken"):
            op, status = Op.ERROR, Status.DST if fate == "refused" else Status.BROKEN
        else:
            op, units = self._do(packet)
        if fate == "unanswered":
            return
        length, flits, err, poison = len(units), None, False, 0
        if fate == "poison":
            poison = 1
        elif fate == "mark":
            err = True
        elif fate == "kind":
            op = self.rng.choice([Op.ATOMIC_RSP if op != Op.ATOMIC_RSP else Op.READ_RSP, Op.ERROR])
            status = 0
        elif fate == "length":
            length = length % 16 + 1
            units = [self.rng.getrandbits(128) for _ in range(length)]
        elif fate == "beats":
            right = max(1, -(-length * 128 // self.flit_w))
            flits = right + self.rng.choice([1, 2, 32] if right == 1 else [-1, 1, 32])
        reply = model.make_header(
            op=op, len=length, status=status, poison=poison, ecn=self.rng.getrandbits(1), **common
        )
        answer = Packet(reply, units, err, flits, packet.plane, entry)
        low, high = self.answer_delay
        delay = self.rng.randint(low, high)
        if fate == "kept":
            self.kept.append(answer)
            return
        if fate == "late":
            delay = self.timeout + self.tags + 60
        if fate == "alien":
            wrong = self.rng.choice(
                ["src", "dst", "mem_addr", "mem_arg", "version", "kind", "coll"]
            )
            changed = dict(common)
            if wrong == "kind":
                changed["tag"] |= 3 << model.NUM_BITS
            elif wrong != "coll":
                changed[wrong] ^= 1 << self.rng.randrange(4 if wrong == "mem_arg" else 2)
            self.hits[f"alien.{wrong}"] += 1
            alien_op = Op.RESULT if wrong == "coll" else op
            self.later(
                delay - 1 if delay > 1 else 1,
                Packet(model.make_header(op=alien_op, len=length, **changed), units),
            )
            delay += 40
        self.later(delay, answer)
        if fate == "twice":
            self.later(delay, dataclasses.replace(answer))

    def later(self, delay: int, packet: Packet) -> None:
        """Let an answer come after so many cycles."""
        self.sequence += 1
        heapq.heappush(self.answers, (self.cycle + delay, self.sequence, packet))

    def _do(self, packet: Packet) -> tuple[int, list[int]]:
        """Execute a request; return operation and payload of its answer."""
        get = model.header_field
        header, units = packet.header, packet.units
        place = get(header, "mem_addr")
        memory = self.block(get(header, "dst"), place // 256)
        start = place % 256
        if get(header, "op") == Op.READ:
            end = start + 16 * (get(header, "mem_arg") + 1)
            assert end <= 256, "a load crosses a boundary"
            raw = bytes(memory[start:end])
            return int(Op.READ_RSP), [
                int.from_bytes(raw[k : k + 16], "little") for k in range(0, len(raw), 16)
            ]
        if get(header, "op") == Op.WRITE:
            length = get(header, "len")
            assert start + 16 * length <= 256, "a store crosses a boundary"
            strobes = units[length] if get(header, "ext") & EXT_STROBE else -1
            for byte in range(16 * length):
                if strobes >> byte & 1:
                    memory[start + byte] = units[byte // 16] >> 8 * (byte % 16) & 255
            return int(Op.WRITE_RSP), []
        first = {name: units[0] >> f.offset & f.mask for name, f in ATOMIC.items()}
        key = (get(header, "tag"), first["epoch"])
        if not (first["retry"] and key in self.executed):
            assert key not in self.executed, "an atomic is executed twice"
            size = 8 if get(header, "mem_wide") else 4
            old = int.from_bytes(memory[start : start + size], "little")
            new = {
                AtomicOp.ADD: old + first["operand"],
                AtomicOp.SWAP: first["operand"],
                AtomicOp.CAS: first["operand"] if units[-1] == old else old,
            }[AtomicOp(get(header, "mem_arg"))]
            memory[start : start + size] = (new % (1 << 8 * size)).to_bytes(size, "little")
            self.executed[key] = Packet(0, [] if first["quiet"] else [old])
        else:
            self.hits["atomic.known"] += 1
        answer = self.executed[key].units
        return int(Op.ATOMIC_RSP if answer else Op.WRITE_RSP), list(answer)

    def _send(self, packet: Packet) -> None:
        per_flit = self.flit_w // 128
        flits = packet.flits or max(1, -(-len(packet.units) // per_flit))
        units = packet.units + [self.rng.getrandbits(128) for _ in range(flits * per_flit)]
        for k in range(flits):
            data = sum(unit << 128 * j for j, unit in enumerate(units[per_flit * k :][:per_flit]))
            last = k == flits - 1
            header = packet.header if k == 0 else packet.header ^ UNIT_MASK
            mark = packet.err if last else 1
            self.outgoing.append((data, mark << 128 | header, int(last)))
        self.packet = dataclasses.replace(packet, flits=flits, units=units)

    def _arrived(self) -> None:
        if not self.arriving[0]:
            return
        packet, self.packet = self.packet, None
        assert packet is not None
        assert packet.flits is not None
        if not model.addressed(packet.header, SOURCE):
            self.expected["unknown"] += 1
            return
        tag = model.header_field(packet.header, "tag")
        entry = self._entry(Kind(tag >> model.NUM_BITS), tag)
        if (
            entry is None
            or entry.sent is None
            or entry.verdict is not None
            or entry.over
            or entry.bounced
            or (self.timeout and self._age(entry) >= self.timeout + self.tags + SLACK)
        ):
            self.expected["late"] += 1
        elif self.timeout and self._age(entry) >= self.timeout - SLACK:
            self.undecided = entry, packet
        else:
            self._answered(entry, packet)

    def _answered(self, entry: Entry, packet: Packet) -> None:
        """Take what came for the answer to a request, if it is one."""
        if not model.answers(entry.ask, packet.header):
            self.expected["unknown"] += 1
            return
        assert packet.flits is not None
        verdict = model.judge(
            entry.ask, packet.header, packet.units, packet.flits, self.flit_w, packet.err
        )
        self.expected["malformed"] += verdict.malformed
        again = model.worth_another(verdict, err=packet.err)
        if self.avoid and again and entry.tries < sum(self.up) - 1:
            entry.bounced = True
            entry.tries += 1
            self.bounces += 1
            self.hits[f"bounced.{entry.ask.kind.name.lower()}"] += 1
            self._blame(entry.ask.dst, entry.plane)
            return
        entry.verdict, entry.answered = verdict, self.cycle
        self.expected["answer"] += 1

    # -------------------------------------------------------------------------- what the bus hears

    def _end(self, entry: Entry) -> Verdict:
        """Return how a request ended, now that it must have."""
        if entry.ask.resp is not None:
            return Verdict(entry.ask.resp, int(Status.DST))
        if entry.verdict is not None:
            return entry.verdict
        assert self._expired(entry), f"ended without an answer: {entry}"
        entry.over = True
        return Verdict(model.SLVERR, int(Status.UNKNOWN if entry.sends else Status.TIMEOUT))

    def _ended(self, entry: Entry, verdict: Verdict) -> None:
        """Count what a request ended with."""
        kind = entry.ask.kind.name.lower()
        if entry.ask.kind is Kind.LOAD:
            self.end_cycles[Kind.LOAD].append(self.cycle)
        if entry.over:
            self.expected[f"timeout.{kind}"] += 1
            self.hits[f"timeout.{'sent' if entry.sends else 'unsent'}.{kind}"] += 1
        if verdict.resp != model.OKAY:
            name = "decerr" if verdict.resp == model.DECERR else "slverr"
            self.expected[f"{name}.{kind}"] += 1

    def _read_beat(self) -> None:
        dut = self.dut
        self.read_beats.append(self.cycle)
        line = self.lines[Kind.LOAD]
        assert self.next_end[Kind.LOAD] < len(line), "read data that nobody asked for"
        entry = line[self.next_end[Kind.LOAD]]
        assert entry.burst is not None
        verdict = self._end(entry)
        beats = model.read_beats(entry.ask, verdict, entry.burst.size, self.bus)
        data = int(dut.s_axi_rdata.value)
        for lane, value in beats[self.beat].items():
            got = data >> 8 * lane & 255
            assert got == value, (
                f"byte {lane} of beat {self.beat} is {got:#x}, not {value:#x}: {entry}"
            )
        assert int(dut.s_axi_rresp.value) == verdict.resp, f"{verdict}: {entry}"
        assert int(dut.s_axi_rid.value) == entry.burst.id
        self.beat += 1
        last = self.beat == len(beats)
        assert bool(int(dut.s_axi_rlast.value)) == (last and entry.ask.last), f"rlast: {entry}"
        if last:
            self.beat = 0
            self.next_end[Kind.LOAD] += 1
            self._ended(entry, verdict)
            self.hits[f"rresp.{verdict.resp}"] += 1

    def _response(self) -> None:
        line = self.lines[Kind.STORE]
        responses = []
        while True:
            assert self.next_end[Kind.STORE] < len(line), "a response that nobody asked for"
            entry = line[self.next_end[Kind.STORE]]
            self.next_end[Kind.STORE] += 1
            verdict = self._end(entry)
            self._ended(entry, verdict)
            responses.append(verdict.resp)
            if entry.ask.last:
                break
        assert entry.burst is not None
        expected = model.write_response(responses)
        got = int(self.dut.s_axi_bresp.value)
        assert got == expected, f"bresp {got}, expected {expected}: {entry}"
        assert int(self.dut.s_axi_bid.value) == entry.burst.id
        self.hits[f"bresp.{got}"] += 1
        number, written = self.unanswered.popleft()
        if expected != model.OKAY:
            self.spoilt |= {b for b in written if self.reference.get(b, (0, 0))[1] == number}

    def _result(self) -> None:
        entry = self.lines[Kind.ATOMIC][self.next_end[Kind.ATOMIC]]
        self.next_end[Kind.ATOMIC] += 1
        command = entry.command
        assert command is not None
        verdict = self._end(entry)
        self._ended(entry, verdict)
        old = verdict.units[0] if verdict.units else 0
        timeout = entry.ask.resp is None and entry.verdict is None
        decerr = entry.ask.resp is not None
        got = int(self.dut.res.value)
        # Which requests were taken for sending and have not left is known to the requester only.
        if timeout and not entry.sends and self.hits["event.request"] > self.expected["request"]:
            verdict = dataclasses.replace(verdict, status=got >> 64 & 15)
            assert verdict.status in (Status.TIMEOUT, Status.UNKNOWN)
        expected = old & ((1 << (64 if command.wide else 32)) - 1) if not command.quiet else 0
        word = command.id << 70 | decerr << 69 | timeout << 68 | verdict.status << 64
        if command.quiet and verdict.resp == model.OKAY:
            got &= ~((1 << 64) - 1)  # there is no old value
        assert got == word | expected, f"result {got:#x}, expected {word | expected:#x}: {entry}"
        self.results.append((command.id, got))
        self.hits[f"result.{verdict.status}"] += 1

    # ------------------------------------------------------------------------------------ client

    async def write(self, address: int, data: bytes, **how: Any) -> int:
        """Write by the client; return the worst response."""
        response = await self.axi.write(address, data, **how)
        return int(response.resp)

    async def read(self, address: int, length: int, **how: Any) -> tuple[int, bytes]:
        """Read by the client; compare with what was written, unless there was an error."""
        response = await self.axi.read(address, length, **how)
        if int(response.resp) == model.OKAY:
            for k, value in enumerate(response.data):
                byte = address + k
                if byte in self.reference and byte not in self.spoilt:
                    wanted = self.reference[byte][0]
                    assert value == wanted, f"{byte:#x} holds {value:#x}, written was {wanted:#x}"
                    self.hits["compared"] += 1
        return int(response.resp), bytes(response.data)


def pack_regions(regions: Iterable[Region], count: int = 4) -> int:
    """Return an address map as bits; places that are left over are not valid."""
    word = 0
    for k, region in enumerate(regions):
        assert k < count
        bits = 1
        for value, width in (
            (int(region.strict), 1), (region.size_log2, 6), (region.window_log2, 6),
            (region.dst, 14), (region.base, 64), (region.offset, 57),
        ):  # fmt: skip
            bits = bits << width | value
        word |= bits << 149 * k
    return word


def pack_command(command: Command) -> int:
    """Return a command as bits."""
    word = 0
    for value, width in (
        (command.id, 4), (int(command.wide), 1), (int(command.quiet), 1), (command.kind, 4),
        (command.addr, 64), (command.operand, 64), (command.compare, 64),
    ):  # fmt: skip
        word = word << width | value
    return word


async def gather(*tasks: Awaitable[Any]) -> list[Any]:
    """Run coroutines side by side and return what they return."""
    started = [cocotb.start_soon(task) for task in tasks]
    return [await task for task in started]
