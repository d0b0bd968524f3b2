# SPDX-License-Identifier: Apache-2.0
"""The pyuvm environment of a link, and the test that tests of a link derive from.

::

    PortAgent 0 == pipe == port of the RTL <-- wires --> port of the RTL == pipe == PortAgent 1
         |                       |           (channels)      or a Partner                |
         |                    Witness             |           Witness                    |
         '---------------------> Scoreboard <-----+--------------------------------------'
                                             WireAgent: events of the wires, lies of the partner

Packets go in and out in batches, by the agents and the pipe of every other test; wires are Python,
cycle by cycle, and meant for cases that are made on purpose. Faults by the million are the
campaign's (tests/link/campaign). What stands at end 1, RTL or model, makes no difference to a
sequence.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Event as Signal
from pyuvm import (
    ConfigDB,
    uvm_agent,
    uvm_component,
    uvm_driver,
    uvm_env,
    uvm_sequence,
    uvm_sequence_item,
    uvm_sequencer,
    uvm_test,
)

from switchproof.models.layout import NUM_VC
from switchproof.models.link import LinkConfig, Policy, State
from switchproof.models.link_format import (
    Beat,
    Block,
    Packet,
    Trailer,
    Train,
    from_rows,
    to_rows,
)
from switchproof.models.packet import Packets
from switchproof.tb.description import Description
from switchproof.tb.env import Batch, Listener, PortAgent, Settings, make_pipe
from switchproof.tb.pipes import RingPipe
from switchproof.tb.sampling import drive_point, sample_point
from switchproof.tb.scoreboard import Mismatch, check_violations

from .channel import Channel, Event, Faults, Wire
from .partner import Partner, packets
from .scoreboard import Ordered
from .witness import Witness

STATES = (State.DOWN, State.TRAIN, State.UP, State.RETRAIN, State.FLUSH)
#: Timers and limits that both sides of the RTL have as inputs, under the names of LinkConfig.
TIMERS = (
    "hold_cycles", "train_beats", "lane_cycles", "skip_beats", "replay_cycles", "keepalive_cycles",
    "dead_cycles", "age_cycles", "replay_limit", "retrain_limit",
)  # fmt: skip
POLICIES = (Policy.BLOCK, Policy.DISCARD, Policy.BEST_EFFORT)
UNIT = (1 << 128) - 1
#: Cycles between two looks at the pipe.
PUMP = 16


def config_of(what: Description, k: int, **others: Any) -> LinkConfig:
    """Return the numbers that a description gives both ports, and others by name."""
    told: dict[str, Any] = {name.lower(): value for name, value in what.parameters.items()}
    del told["flit_w"]
    told["reserved"] = (told["reserved"],) * NUM_VC
    return LinkConfig(k=k, **{**told, **others})


def event_names(package: Path) -> tuple[str, ...]:
    """Return the fields of events_t in a package of the RTL, the lowest bit first."""
    body = re.search(r"typedef struct packed \{([^}]*)\} events_t;", package.read_text())
    assert body, f"{package} has no events_t"
    return tuple(reversed(re.findall(r"^\s*logic (\w+);", body[1], re.MULTILINE)))


class LinkPipe:
    """Packets in and out of both ends: of the ring pipe, or of the partner at end 1."""

    def __init__(self, ring: RingPipe, k: int) -> None:
        self.ring, self.k = ring, k
        self.partner: Partner | None = None
        self.stalled: set[int] = set()  # VCs whose packets the partner's user leaves
        self._given: list[Packets] = []

    def send(self, port: int, rows: Packets) -> None:
        """Queue packets for an end."""
        if port == 1 and self.partner:
            self.partner.send(from_rows(rows, self.k))
            self._given.append(rows)
        else:
            self.ring.send(port, rows)

    def sent(self, port: int) -> Packets:
        """Return the packets that an end has taken since the last call."""
        if port == 1 and self.partner:
            return self._given.pop() if self._given else to_rows([], self.k)
        return self.ring.sent(port)

    def received(self, port: int) -> Packets:
        """Return the packets that came out of an end since the last call."""
        if port == 0 or not self.partner:
            return self.ring.received(port)
        came: list[Packet] = []
        for vc in range(NUM_VC):
            while vc not in self.stalled and (one := self.partner.take(vc)):
                came.append(one)
        return to_rows(came, self.k)


# -------------------------------------------------------------------------------------- wires


class Happening(uvm_sequence_item):
    """Something that is to happen to the wires, or that the partner is to say from now on."""

    def __init__(self, name: str, act: Callable[[Wires], None]) -> None:
        super().__init__(name)
        self.act = act


class Happen(uvm_sequence):
    """Events of the wire that leads from a side, as told in their order."""

    def __init__(self, side: int, *events: Event) -> None:
        super().__init__("happen")
        self.side, self.events = side, events

    async def body(self) -> None:
        def act(wires: Wires) -> None:
            wires.channels[self.side].script.extend(self.events)

        item = Happening("events", act)
        await self.start_item(item)
        await self.finish_item(item)


class Lie(uvm_sequence):
    """What the partner makes of its trailers and TRAIN blocks from now on; nothing: the truth."""

    def __init__(
        self,
        trailer: Callable[[Trailer], Trailer] | None = None,
        train: Callable[[Train], Train] | None = None,
    ) -> None:
        super().__init__("lie")
        self.trailer, self.train = trailer, train

    async def body(self) -> None:
        def act(wires: Wires) -> None:
            if wires.partner is None:
                raise RuntimeError("only a partner in Python lies")
            wires.partner.trailer, wires.partner.train = self.trailer, self.train

        item = Happening("lie", act)
        await self.start_item(item)
        await self.finish_item(item)


class WireDriver(uvm_driver):
    """Lets happen what sequences ask for."""

    def build_phase(self) -> None:
        self.wires: Wires = ConfigDB().get(self, "", "WIRES")

    async def run_phase(self) -> None:
        while True:
            item = await self.seq_item_port.get_next_item()
            item.act(self.wires)
            self.seq_item_port.item_done()


class WireAgent(uvm_agent):
    """Sequencer and driver of what is between the ends; its monitors are the witnesses."""

    def build_phase(self) -> None:
        self.sequencer = uvm_sequencer("sequencer", self)
        self.driver = WireDriver("driver", self)

    def connect_phase(self) -> None:
        self.driver.seq_item_port.connect(self.sequencer.seq_item_export)


class Wires:
    """Both channels, what stands at their ends, and a witness at each end that is RTL.

    Channel 0 leads from side 0 to side 1, channel 1 back. :meth:`join` begins anew.
    """

    def __init__(self, harness: Any, pipe: LinkPipe, names: Sequence[str]) -> None:
        """`names`: events as the ends have them, the lowest bit first."""
        self.harness, self.pipe, self.names = harness, pipe, names
        self.k = pipe.k
        self.now = 0
        self.partner: Partner | None = None
        #: What the partner is replaced by, to say whatever it likes.
        self.speak: Callable[[Wire], Sequence[Block]] | None = None
        self.channels: list[Channel] = []
        self.witnesses: list[Witness] = []
        self.watch: list[Callable[[], None]] = []  # called in every cycle
        self.looks: Callable[[], None] = lambda: None  # monitors look at the pipe
        self.failed: BaseException | None = None
        #: Inputs of the ends that change at the next clock edge.
        self.inputs: dict[str, int] = {}
        self.enabled = 0
        self._arrives: list[Wire] = []
        self._until: Callable[[], object] | None = None
        self._deadline = 0
        self._waiter: Signal | None = None

    def join(
        self,
        cfg: LinkConfig,
        partner: Partner | None,
        channels: Sequence[Channel],
        *,
        honest: bool = True,
        judged: bool = True,
    ) -> None:
        """Begin anew, with a partner at side 1 or the RTL. `honest`: so is the partner;
        `judged`: what passes keeps to the page enough for witnesses."""
        self.partner = self.pipe.partner = partner
        self.pipe.stalled = set()
        self.channels = list(channels)
        self.speak = None
        self.watch = []
        self.ends = 1 if partner else 2
        self.judged = judged
        self.witnesses = [Witness(cfg, f"side {n}", honest=honest) for n in range(self.ends)]
        self.states = [State.DOWN] * 2
        self.events: list[Counter[str]] = [Counter(), Counter()]
        self._arrives = [(None,) * self.k] * 2
        #: By side that is RTL: what left and came in this cycle.
        self.sent: list[Beat] = []
        self.came: list[Wire] = []

    async def wait(self, cycles: int, until: Callable[[], object] | None = None) -> bool:
        """Let cycles pass until something holds; return whether it came to that."""
        self._until, self._deadline = until, self.now + cycles
        self._waiter = Signal()
        await self._waiter.wait()
        self._waiter = None
        if self.failed:
            raise self.failed
        return until is None or bool(until())

    async def run(self) -> None:
        """Carry blocks for ever."""
        while True:
            try:
                await self._cycle()
                done = self.now >= self._deadline or bool(self._until and self._until())
            except Exception as error:  # told to the test that waits
                self.failed, done = error, True
            if self._waiter and done:
                self._waiter.set()
                if self.failed:
                    return

    async def _cycle(self) -> None:
        harness, k = self.harness, self.k
        self.now += 1
        await drive_point(harness.clk)
        for name, value in self.inputs.items():
            getattr(harness, f"{name}_i").value = value
        self.enabled = self.inputs.get("enable", self.enabled)
        self.inputs.clear()
        if not self.channels:  # reset
            await sample_point(harness.clk)
            return
        valid = word = 0
        for n, block in enumerate(b for side in self._arrives for b in side):
            if block is not None:
                valid |= 1 << n
                word |= (block[0] << 128 | block[1]) << 130 * n
        harness.rx_valid_i.value, harness.rx_i.value = valid, word
        await sample_point(harness.clk)
        sent_word, status = int(harness.tx_o.value), int(harness.status_o.value)
        self.came = came = self._arrives
        self.sent = sent = [
            tuple(
                (sent_word >> 130 * n + 128 & 3, sent_word >> 130 * n & UNIT)
                for n in range(side * k, side * k + k)
            )
            for side in range(self.ends)
        ]
        half = len(self.names) + 3
        for side, witness in enumerate(self.witnesses):
            mine = status >> half * side & (1 << half) - 1
            events = () if not mine & (1 << len(self.names)) - 1 else tuple(
                name for n, name in enumerate(self.names) if mine >> n & 1
            )  # fmt: skip
            self.states[side] = STATES[mine >> len(self.names)]
            self.events[side].update(events)
            if self.judged:
                enable = bool(self.enabled >> side & 1)
                witness.cycle(sent[side], came[side], self.states[side], events, enable=enable)
        if self.partner:
            at_partner = self.channels[0].cycle(sent[0])
            spoken = (self.speak or self.partner.cycle)(at_partner)
            self.states[1] = self.partner.state
            self._arrives = [self.channels[1].cycle(tuple(spoken)), (None,) * k]
        else:
            self._arrives = [self.channels[1].cycle(sent[1]), self.channels[0].cycle(sent[0])]
        for call in self.watch:
            call()
        if self.now % PUMP == 0:
            self.pipe.ring.pump()
            self.looks()


# -------------------------------------------------------------------------------- environment


class LinkScoreboard(uvm_component):
    """Exactly once and in order, both ways; what witnesses say of the ends they check by cycle."""

    def build_phase(self) -> None:
        self.k: int = ConfigDB().get(self, "", "PIPE").k
        self.restart()

    def restart(self) -> None:
        """Forget all packets."""
        self.ways = [Ordered("from side 0"), Ordered("from side 1")]
        #: By side: cycles of the pipe in which packets went in, and came out.
        self.went: tuple[list[int], list[int]] = ([], [])
        self.came: tuple[list[int], list[int]] = ([], [])

    def sent(self, side: int) -> Listener:
        """Return what takes packets that went in at a side."""

        def take(rows: Packets) -> None:
            self.ways[side].give(from_rows(rows, self.k))
            self.went[side].extend(rows["stamp"])

        return Listener(f"sent_{side}", self, take)

    def received(self, side: int) -> Listener:
        """Return what takes packets that came out at a side."""

        def take(rows: Packets) -> None:
            self.ways[1 - side].take(from_rows(rows, self.k))
            self.came[side].extend(rows["stamp"])

        return Listener(f"received_{side}", self, take)


class LinkEnvironment(uvm_env):
    """Agents of both ends and of the wires, and the scoreboard."""

    def build_phase(self) -> None:
        self.ports = [PortAgent(f"port_{side}", self, side) for side in (0, 1)]
        self.wires = WireAgent("wires", self)
        self.scoreboard = LinkScoreboard("scoreboard", self)

    def connect_phase(self) -> None:
        for side, agent in enumerate(self.ports):
            agent.monitor.sent.connect(self.scoreboard.sent(side))
            agent.monitor.received.connect(self.scoreboard.received(side))

    def look(self) -> None:
        """Let the monitors look."""
        for agent in self.ports:
            agent.monitor.look()


class Send(uvm_sequence):
    """Packets for one end."""

    def __init__(self, packets: Sequence[Packet], k: int) -> None:
        super().__init__("send")
        self.rows = to_rows(packets, k)

    async def body(self) -> None:
        batch = Batch("batch", self.rows)
        await self.start_item(batch)
        await self.finish_item(batch)


class Traffic(uvm_sequence):
    """Packets for both ends at once."""

    def __init__(self, packets: Sequence[Sequence[Packet]], env: LinkEnvironment) -> None:
        super().__init__("traffic")
        self.packets, self.env = packets, env

    async def body(self) -> None:
        for agent, some in zip(self.env.ports, self.packets, strict=True):
            await Send(some, self.env.scoreboard.k).start(agent.sequencer)


class LinkTest(uvm_test):
    """Two ends that are joined, as often as a test likes. Derive and write :meth:`body`.

    ``LINK_PEER`` says what stands at side 1: ``rtl`` or ``model``.
    """

    async def body(self) -> None:
        """What this test is about."""
        raise NotImplementedError

    def build_phase(self) -> None:
        self.settings = Settings.from_environment()
        self.seed = self.settings.seed & 0xFFFF
        self.k = self.settings.config.flit_w // 128
        self.peer = os.environ.get("LINK_PEER", "model")
        self.rng = random.Random(self.seed)
        self.hits: Counter[str] = Counter()
        self.harness: Any = cocotb.top
        ring = make_pipe(self.harness, self.settings)
        assert isinstance(ring, RingPipe)
        self.ring = ring
        self.pipe = LinkPipe(ring, self.k)
        package = next(p for p in self.settings.what.sources if p.name == "sp_link_pkg.sv")
        self.wires = Wires(self.harness, self.pipe, event_names(package))
        for name, value in (("PIPE", self.pipe), ("WIRES", self.wires)):
            ConfigDB().set(None, "*", name, value)
        self.env = LinkEnvironment("env", self)

    async def run_phase(self) -> None:
        self.raise_objection()
        gc.freeze()
        self.harness.rst.value = 1
        await self.ring.open()
        self.wires.looks = self.env.look
        cocotb.start_soon(self.wires.run())
        await self.body()
        (self.settings.folder / "functional.json").write_text(json.dumps(self.hits))
        self.drop_objection()

    # ---- one link

    async def join(
        self,
        *,
        latency: int = 5,
        faults: Faults | None = None,
        script: Iterable[Event] = (),
        back: Iterable[Event] = (),
        skew: tuple[Sequence[int], Sequence[int]] = ((), ()),
        partner: dict[str, Any] | None = None,
        honest: bool = True,
        judged: bool = True,
        up: bool = True,
        **numbers: Any,
    ) -> None:
        """Reset all and join the ends by new wires; `numbers`: timers of both, by name.

        partner: what the partner has otherwise. script, back: events of the wires from side 0 and
        from side 1. up: wait until the link is up.
        """
        self.cfg = config_of(self.settings.what, self.k, **{**DEFAULTS, **numbers})
        self.harness.rst.value = 1
        self.wires.channels = []
        self.set(**{name: getattr(self.cfg, name) for name in TIMERS})
        self.set(policy=5 * POLICIES.index(self.cfg.policy), held=0, rude=0, inject_rate=0)
        model = self.peer == "model"
        self.enable(1 if model else 3)
        await self.wires.wait(4)
        made = Partner(dataclasses.replace(self.cfg, **(partner or {}))) if model else None
        channels = [
            Channel(self.k, latency=latency, faults=faults, skew=skew[n], script=events,
                    seed=2 * self.seed + n)
            for n, events in enumerate((script, back))
        ]  # fmt: skip
        self.env.scoreboard.restart()
        self.expected: list[list[int]] = [[0] * NUM_VC, [0] * NUM_VC]
        self.left_behind = 0  # packets that a partner had when another took its place
        self.wires.join(self.cfg, made, channels, honest=honest, judged=judged)
        self.harness.rst.value = 0
        if up:
            await self.until(self.up, 1000)

    def set(self, **inputs: int) -> None:
        """Set inputs of the ends by their names, from the next cycle on."""
        self.wires.inputs |= inputs

    def enable(self, mask: int) -> None:
        """Enable sides of the RTL."""
        self.set(enable=mask)

    def hold(self, side: int, vcs: Iterable[int]) -> None:
        """Let the user of a side take no packets of some VCs, from now on."""
        if side == 1 and self.wires.partner:
            self.pipe.stalled = set(vcs)
        else:
            self.set(held=sum(1 << vc for vc in vcs) << NUM_VC * side)

    @property
    def partner(self) -> Partner:
        """The partner at side 1."""
        assert self.wires.partner, "the peer is RTL"
        return self.wires.partner

    @property
    def witness(self) -> Witness:
        """The witness of side 0."""
        return self.wires.witnesses[0]

    @property
    def events(self) -> Counter[str]:
        """Events of side 0."""
        return self.wires.events[0]

    def told(self, side: int) -> Counter[str]:
        """Return events of a side, RTL or model."""
        return self.partner.counts if side and self.wires.partner else self.wires.events[side]

    def injected(self, side: int) -> Counter[str]:
        """Return what the wire from a side did."""
        return self.wires.channels[side].injected

    async def send(self, side: int, packets: Sequence[Packet]) -> None:
        """Give packets to a side."""
        self._expect(side, packets)
        await Send(packets, self.k).start(self.env.ports[side].sequencer)

    def _expect(self, side: int, packets: Sequence[Packet]) -> None:
        for one in packets:
            self.expected[side][one.vc] += 1

    async def happen(self, side: int, *events: Event) -> None:
        """Let something happen on the wire from a side."""
        await Happen(side, *events).start(self.env.wires.sequencer)

    async def lie(
        self,
        trailer: Callable[[Trailer], Trailer] | None = None,
        train: Callable[[Train], Train] | None = None,
    ) -> None:
        """Let the partner say something else from now on; nothing: the truth."""
        await Lie(trailer, train).start(self.env.wires.sequencer)

    async def run(self, cycles: int, until: Callable[[], object] | None = None) -> bool:
        """Let cycles pass; return whether it came to what `until` says."""
        return await self.wires.wait(cycles, until)

    async def until(self, what: Callable[[], object], cycles: int = 20_000) -> None:
        """Wait for something that must come. Raises Mismatch."""
        if not await self.wires.wait(cycles, what):
            raise Mismatch(f"not after {cycles} cycles: {self.report()}")

    async def both(self, count: int, seed: int = 0) -> None:
        """Give random packets to both sides."""
        some = [packets(count, k=self.k, seed=self.seed + 2 * seed + n) for n in (0, 1)]
        for side, given in enumerate(some):
            self._expect(side, given)
        await Traffic(some, self.env).start()

    def up(self) -> bool:
        """Return whether both sides are up."""
        return self.wires.states == [State.UP, State.UP]

    def delivered(self) -> bool:
        """Return whether all has come."""
        return all(
            [len(vc) for vc in self.env.scoreboard.ways[n].taken] == self.expected[n]
            for n in range(2)
        )

    async def finish(self, cycles: int = 20_000) -> None:
        """Wait until all has come; then nothing may be left over anywhere."""
        await self.until(lambda: self.delivered() and self.up(), cycles)
        await self.rest()
        for way in self.env.scoreboard.ways:
            way.check()
        for witness in self.wires.witnesses:
            if self.wires.judged and not witness.changes["up_to_flush"]:
                witness.at_rest()

    async def rest(self) -> None:
        """Let all settle; then counters must be right, and streams were."""
        await self.run(self.cfg.keepalive_cycles + 60)
        if self.wires.judged:
            await self.until(lambda: all(one.quiet for one in self.wires.witnesses), 1000)
        check_violations(self.ring, self.settings.seed)
        for witness in self.wires.witnesses:
            if self.wires.judged:
                witness.check()

    async def anew(self, **others: Any) -> None:
        """Let the partner begin anew, with other numbers; until the link is up again."""
        old = self.partner
        new = Partner(dataclasses.replace(self.cfg, **others))
        new.nonce = old.nonce + 1
        self.left_behind += old.numbered - old.counts["tx_packet"] + len(old.tx.unfinished)
        self.wires.partner = self.pipe.partner = new
        await self.until(lambda: self.wires.states[0] != State.UP, 500)
        await self.until(self.up, 3000)

    async def finish_with_loss(self, cycles: int = 20_000) -> None:
        """Wait until all that is left has come: what is missing must have been told."""
        await self.until(
            lambda: self.up() and not self.ring.waiting().any() and not self.witness.unacked, cycles
        )
        await self.rest()
        for side, way in enumerate(self.env.scoreboard.ways):
            cut = way.check(lossless=False)
            missing = sum(way.missing) + cut
            told = self.told(side)["dropped"]
            if side == 1 and self.wires.partner:
                told += self.partner.counts["flushed"] + self.left_behind
            else:
                told += int(self.harness.lost_o.value) >> 32 * side & 0xFFFF_FFFF
            if missing > told:
                raise Mismatch(f"{way.name}: {missing} packets missing, {told} told lost")

    def report(self) -> str:
        """Return where everything stands."""
        ways = self.env.scoreboard.ways
        text = [f"cycle {self.wires.now}, states {[s.value for s in self.wires.states]}"]
        for side in range(2):
            came = [len(vc) for vc in ways[side].taken]
            text.append(
                f"from side {side} {came} of {self.expected[side]} came; wire "
                f"{dict(self.injected(side))}; side {side} told {dict(self.told(side))}"
            )
        if self.wires.partner:
            text.append(f"partner: {self.partner.fault!r}, used {self.partner.tx.used}")
        text.append(f"side 0 used {self.witness.used}, unacknowledged {self.witness.unacked}")
        return "\n".join(text)


#: Timers of a test that names none: small, so that they run out within it.
DEFAULTS: dict[str, Any] = {
    "replay_cycles": 120, "replay_limit": 3, "retrain_limit": 2, "age_cycles": 6000,
    "keepalive_cycles": 40, "dead_cycles": 400, "skip_beats": 50, "train_beats": 8,
    "lane_cycles": 30, "hold_cycles": 200,
}  # fmt: skip
