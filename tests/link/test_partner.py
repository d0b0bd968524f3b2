# SPDX-License-Identifier: Apache-2.0
"""The RTL against a link partner in Python that knows docs/link.md only.

The partner is the golden model, honest or not; between the two are its channels. Nothing of the
RTL but its ports is looked at.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import Timer

from switchproof.ci.pytest_plugin import Sim
from switchproof.models.layout import NUM_VC
from switchproof.models.link import LinkConfig, Receiver, State
from switchproof.models.link_channel import Channel, Event, Faults, Wire
from switchproof.models.link_format import (
    NULL_BLOCK,
    Beat,
    Packet,
    flits_of,
    payload_units,
)
from switchproof.tb.sampling import drive_point, sample_point
from tests.link.link_play import EVENTS, SOURCES
from tests.link.pair import Partner, packets, random_frame

replace = dataclasses.replace
STATES = (State.DOWN, State.TRAIN, State.UP, State.RETRAIN, State.FLUSH)

#: What both sides go by.
CFG = LinkConfig(
    frame_units=64, seq_w=8, replay_beats=512, replay_cycles=400, replay_limit=4, retrain_limit=2,
    age_cycles=20_000, keepalive_cycles=100, dead_cycles=1500, skip_beats=200,
    reserved=(32,) * NUM_VC, shared=128, train_beats=8,
)  # fmt: skip
TIMERS = (
    "hold_cycles", "train_beats", "skip_beats", "replay_cycles", "keepalive_cycles", "dead_cycles",
    "age_cycles", "replay_limit", "retrain_limit",
)  # fmt: skip


class Duel:
    """The RTL and its partner, cycle by cycle, and users at both ends."""

    timers = TIMERS
    idle = (
        "policy", "s_tvalid", "s_tdata", "s_tuser", "s_tlast", "rx_valid", "rx_mark", "rx_unit",
    )  # fmt: skip
    high = ("enable", "tx_ready")

    def __init__(
        self,
        dut: Any,
        *,
        faults: Faults | None = None,
        latency: int = 5,
        skew: tuple[Sequence[int], Sequence[int]] = ((), ()),
    ) -> None:
        self.dut = dut
        self.k = int(os.environ["K"])
        self.seed = int(os.environ["SP_SEED"]) & 0xFFFF
        self.rng = random.Random(self.seed)
        self.port = Partner(replace(CFG, k=self.k))
        self.there, self.back = (
            Channel(self.k, latency=latency, faults=faults, skew=skew[n], seed=2 * self.seed + n)
            for n in range(2)
        )
        self.arrives: Wire = (None,) * self.k  # at the RTL
        self.queue: list[list[Packet]] = [[] for _ in range(NUM_VC)]
        self.beats: list[tuple[int, int, bool]] = []  # of the packet that goes into the RTL
        self.got: list[int] = []  # units of the packet that comes out
        self.sent: list[list[list[Packet]]] = [[[] for _ in range(NUM_VC)] for _ in range(2)]
        self.came: list[list[list[Packet]]] = [[[] for _ in range(NUM_VC)] for _ in range(2)]
        self.room = 0
        self.state = State.DOWN
        self.states: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.now = 0

    async def begin(self) -> None:
        """Reset."""
        dut = self.dut
        for name in self.timers:
            getattr(dut, f"{name}_i").value = getattr(CFG, name)
        for name in self.idle:
            getattr(dut, f"{name}_i").value = 0
        for name in self.high:
            getattr(dut, f"{name}_i").value = 1
        dut.m_tready_i.value, dut.m_vc_room_i.value = 1, 15
        dut.rst_ni.value = 0
        Clock(dut.clk_i, 10, unit="ns").start()
        await Timer(32, "ns")
        dut.rst_ni.value = 1

    def send(self, some: list[Packet], *, rtl: bool) -> None:
        """Give packets to the RTL or to the partner."""
        for one in some:
            self.sent[0 if rtl else 1][one.vc].append(one)
            if rtl:
                self.queue[one.vc].append(one)
        if not rtl:
            self.port.send(some)

    async def cycle(self) -> None:
        """One cycle of everything."""
        dut, k = self.dut, self.k
        await drive_point(dut.clk_i)
        dut.rx_valid_i.value = self._valid()
        blocks = [block or (0, 0) for block in self.arrives]
        dut.rx_mark_i.value = sum(b[0] << 2 * n for n, b in enumerate(blocks))
        dut.rx_unit_i.value = sum(b[1] << 128 * n for n, b in enumerate(blocks))
        if not self.beats:
            self._next_packet()
        dut.s_tvalid_i.value = bool(self.beats)
        if self.beats:
            dut.s_tdata_i.value, dut.s_tuser_i.value, dut.s_tlast_i.value = self.beats[0]
        ready = self.rng.random() < 0.9
        dut.m_tready_i.value = ready
        await sample_point(dut.clk_i)
        if self.beats and int(dut.s_tready_o.value):
            self.beats.pop(0)
        self.room = int(dut.s_vc_room_o.value)
        if ready and int(dut.m_tvalid_o.value):
            self._take()
        marks, units = int(dut.tx_mark_o.value), int(dut.tx_unit_o.value)
        beat = tuple(
            (marks >> 2 * n & 3, units >> 128 * n & (1 << 128) - 1) for n in range(k)
        )  # fmt: skip
        self._watch()
        self.arrives = self.back.cycle(self.port.cycle(self.there.cycle(beat)))
        for vc in range(NUM_VC):
            while one := self.port.take(vc):
                self.came[0][vc].append(one)
        self.now += 1

    def _valid(self) -> int:
        """Return what the RTL is told of which blocks come: all or none."""
        return int(self.arrives[0] is not None)

    def _next_packet(self) -> None:
        may = [vc for vc in range(NUM_VC) if self.queue[vc] and self.room >> vc & 1]
        if not may or self.rng.random() < 0.1:
            return
        one = self.queue[self.rng.choice(may)].pop(0)
        payload, k = one.units[1:], self.k
        flits = flits_of(one.units[0], k)
        for n in range(flits):
            data = sum(u << 128 * i for i, u in enumerate(payload[n * k : n * k + k]))
            last = n == flits - 1
            self.beats.append((data, one.units[0] | (one.err and last) << 128, last))

    def _take(self) -> None:
        dut = self.dut
        data, user = int(dut.m_tdata_o.value), int(dut.m_tuser_o.value)
        if not self.got:
            self.got = [user & (1 << 128) - 1]
        self.got += [data >> 128 * n & (1 << 128) - 1 for n in range(self.k)]
        if int(dut.m_tlast_o.value):
            header = self.got[0]
            count = len(self.got) - 1
            assert count == self.k * flits_of(header, self.k), f"{count} units of {header:032x}"
            one = Packet(tuple(self.got[: 1 + payload_units(header)]), bool(user >> 128))
            self.came[1][one.vc].append(one)
            self.got = []

    def _watch(self) -> None:
        state = STATES[int(self.dut.state_o.value)]
        if state != self.state:
            self.states[f"{self.state.value}_to_{state.value}"] += 1
        self.state = state
        word = int(self.dut.events_o.value)
        if word:
            self.events.update(name for n, name in enumerate(EVENTS) if word >> n & 1)

    async def run(self, cycles: int, until: Callable[[], bool] | None = None) -> bool:
        """Run; return whether it came to what `until` says."""
        for _ in range(cycles):
            if until and until():
                return True
            await self.cycle()
        return until is None or until()

    def up(self) -> bool:
        """Return whether both are up."""
        return self.state == self.port.state == State.UP

    def done(self) -> bool:
        """Return whether all has come."""
        return self.up() and all(
            len(self.came[n][vc]) == len(self.sent[n][vc]) for n in range(2) for vc in range(NUM_VC)
        )

    async def finish(self, cycles: int = 40_000) -> None:
        """Run until all has come, and check that it is what was sent."""
        assert await self.run(cycles, self.done), self.report()
        assert self.came == self.sent

    def save(self, name: str) -> None:
        """Write functional coverage."""
        hits = {f"partner.{name}": 1}
        hits |= {f"partner.rtl.{event}": n for event, n in self.events.items()}
        (Path(os.environ["SP_RUN_DIR"]) / "functional.json").write_text(json.dumps(hits))

    def report(self) -> str:
        """Return where everything stands."""
        left = [
            [len(self.sent[n][v]) - len(self.came[n][v]) for v in range(NUM_VC)] for n in range(2)
        ]
        return (
            f"cycle {self.now}: RTL {self.state}, {dict(self.events)}; partner {self.port.state} "
            f"{self.port.fault!r} {dict(self.port.counts)}; missing {left}"
        )


# -------------------------------------------------------------------------------------- honest


@cocotb.test()
async def quiet(dut: Any) -> None:
    """No faults: all comes, nothing twice, and both count the same."""
    duel = Duel(dut)
    await duel.begin()
    duel.send(packets(150, k=duel.k, seed=duel.seed), rtl=True)
    duel.send(packets(150, k=duel.k, seed=duel.seed + 1), rtl=False)
    await duel.finish()
    await duel.run(200)
    mine, its = duel.port.counts, duel.events
    assert mine["rx_frame"] == its["tx_frame"] and its["rx_frame"] == mine["tx_frame"]
    for name in ("replay", "tx_nack", "rx_crc", "rx_damaged", "rx_malformed", "ack_bad",
                 "freed_bad", "retrain", "flush"):  # fmt: skip
        assert mine[name] == its[name] == 0, name
    # All room is free again, as the RTL tells it.
    assert not any(duel.port.tx.used), duel.port.tx.used
    duel.save("quiet")


@cocotb.test()
async def faults(dut: Any) -> None:
    """Every kind of fault, both ways."""
    rates = Faults(ber=1e-5, bursts=1e-5, drop=0.02, duplicate=0.02, truncate=0.02, delay=0.02,
                   skip=0.3, flap=1e-4)  # fmt: skip
    duel = Duel(dut, faults=rates, latency=12)
    await duel.begin()
    for seed in range(10):
        duel.send(packets(300, k=duel.k, seed=duel.seed + seed), rtl=True)
        duel.send(packets(300, k=duel.k, seed=duel.seed + seed + 1), rtl=False)
        await duel.finish(80_000)
        if duel.events["replay"] > 2 and duel.port.counts["replay"] > 2:
            break
    assert duel.events["replay"] > 2 and duel.port.counts["replay"] > 2
    assert duel.events["flush"] == 0
    duel.save("faults")


@cocotb.test()
async def retrain(dut: Any) -> None:
    """The wire is noise for longer than DEAD_CYCLES, in mid-traffic: nothing is lost."""
    duel = Duel(dut)
    await duel.begin()
    duel.send(packets(200, k=duel.k, seed=duel.seed), rtl=True)
    duel.send(packets(200, k=duel.k, seed=duel.seed + 1), rtl=False)
    assert await duel.run(2000, lambda: duel.port.counts["rx_packet"] > 40)
    for channel in (duel.there, duel.back):
        channel.script.append(Event("flap", "cycle", channel.now + 1, length=2000))
    await duel.finish(60_000)
    assert duel.states["up_to_retrain"] and duel.port.counts["up_to_retrain"]
    assert duel.states["retrain_to_up"] and duel.events["flush"] == 0
    duel.save("retrain")


# ------------------------------------------------------------------------------------ dishonest


@cocotb.test()
async def any_frame(dut: Any) -> None:
    """Frames that may be anything: RTL and model judge each alike and deliver the same."""
    duel = Duel(dut)
    await duel.begin()
    assert await duel.run(500, duel.up)
    duel.events.clear()
    port, idle = duel.port, (NULL_BLOCK,) * duel.k
    model = Receiver(port.cfg, Counter())
    stream: list[Beat] = []
    pause = False

    def speak(_: object) -> Beat:
        """Return what the partner sends: nothing of its own."""
        if not stream and pause:
            return idle
        if not stream:
            stream.extend([*random_frame(duel.rng, model, port.epoch), *[idle] * 12])
            for beat in stream:
                model.beat(beat, port.epoch)
            for vc in range(NUM_VC):
                while one := model.take(vc):
                    duel.sent[1][vc].append(one)
        return stream.pop(0)

    port.cycle = speak  # type: ignore[method-assign]
    frames = ("rx_frame", "rx_duplicate", "rx_ahead", "rx_malformed", "rx_epoch", "rx_damaged",
              "rx_crc")  # fmt: skip
    for _ in range(60):
        pause = False
        await duel.run(400)
        pause = True
        await duel.run(len(stream) + 60)
        told = {name: (model.counts[name], duel.events[name]) for name in frames}
        assert all(mine == its for mine, its in told.values()), str(told)
        assert duel.came[1] == duel.sent[1]
    assert duel.state == State.UP and sum(len(vc) for vc in duel.came[1]) > 10
    assert all(duel.events[name] > 10 for name in frames), duel.events
    duel.save("any_frame")


@cocotb.test()
async def lies(dut: Any) -> None:
    """One lie after the other, and what the RTL makes of it."""
    duel = Duel(dut)
    port, seqs = duel.port, CFG.seqs
    # A wrong echo: it stays in training.
    port.train = lambda t: replace(t, echo=t.echo ^ 1)
    await duel.begin()
    await duel.run(1000)
    assert duel.state == State.TRAIN
    port.train = None
    # The partner is up and hears no frame: DEAD_CYCLES, retraining, and anew.
    assert await duel.run(4000, duel.up), duel.report()
    # Acknowledgements of what was not sent, and of long ago: ignored.
    for shift in (1, 5, -3):
        before = duel.events["ack_bad"]
        port.trailer = lambda t, n=shift: replace(t, ack=(t.ack + n) % seqs)  # type: ignore[misc]
        await duel.run(350)
        port.trailer = None
        assert duel.events["ack_bad"] > before and duel.state == State.UP
    # Freed flits that were never sent: ignored.
    port.trailer = lambda t: replace(t, freed=tuple(f + 1 for f in t.freed))
    await duel.run(300)
    port.trailer = None
    assert duel.events["freed_bad"] > 0
    duel.send(packets(40, k=duel.k, seed=duel.seed), rtl=True)
    duel.send(packets(40, k=duel.k, seed=duel.seed + 1), rtl=False)
    await duel.finish()
    # Contents that break a rule for a while, with right CRCs: asked for again.
    port.trailer = lambda t: replace(t, cont=1 - t.cont) if t.data else t
    duel.send(packets(5, k=duel.k, seed=duel.seed + 2), rtl=False)
    await duel.run(300)
    port.trailer = None
    assert duel.events["rx_malformed"] > 0 and duel.state == State.UP
    await duel.finish()
    duel.save("lies")


@cocotb.test()
async def frozen_ack(dut: Any) -> None:
    """An acknowledgement that stays: retries, retrainings, flush; then all is well again."""
    duel = Duel(dut)
    port = duel.port
    await duel.begin()
    assert await duel.run(500, duel.up)
    port.trailer = lambda t: replace(t, ack=0)
    port.train = lambda t: replace(t, ack=0)
    duel.send(packets(4, k=duel.k, seed=duel.seed), rtl=True)
    assert await duel.run(20_000, lambda: duel.events["flush"] > 0), duel.report()
    assert duel.events["retrain"] == CFG.retrain_limit
    limit = CFG.replay_limit * (CFG.retrain_limit + 1)
    assert duel.events["replay"] == limit + CFG.retrain_limit, "the replay after a retraining too"
    port.trailer = port.train = None
    assert await duel.run(5000, duel.up), duel.report()
    duel.sent, duel.came = ([[[] for _ in range(NUM_VC)] for _ in range(2)] for _ in range(2))
    duel.queue = [[] for _ in range(NUM_VC)]
    duel.send(packets(40, k=duel.k, seed=duel.seed), rtl=True)
    await duel.finish()
    duel.save("frozen_ack")


@cocotb.test()
async def no_credit(dut: Any) -> None:
    """Credits that never come back: the RTL sends what there is room for, waits, and stays up."""
    duel = Duel(dut)
    await duel.begin()
    duel.port.trailer = lambda t: replace(t, freed=(0,) * NUM_VC)
    duel.send(packets(200, k=duel.k, seed=duel.seed), rtl=True)
    await duel.run(6000)
    came = [one for vc in duel.came[0] for one in vc]
    flits = sum(flits_of(one.units[0], duel.k) for one in came)
    room = sum(CFG.reserved) + CFG.shared
    assert room // 2 < flits <= room, f"{flits} of {room}"
    assert duel.up() and duel.events["flush"] == duel.events["retrain"] == 0
    assert not duel.port.rx.overflow
    duel.save("no_credit")


# -------------------------------------------------------------------------------------- pytest


def run(sim: Sim, testcase: str, width: int) -> None:
    """Build a link and run a test of this file."""
    sim.run_module(
        sources=(*SOURCES[:-1], "tests/link/sp_link_bench.sv"),
        toplevel="sp_link_bench",
        parameters={"FLIT_W": width, "SEQ_W": CFG.seq_w, "REPLAY_BEATS": CFG.replay_beats},
        module=__name__,
        testcase=testcase,
        env={"K": str(width // 128)},
    )


#: What `make test` runs; the rest is of `make regress SUITE=test`.
USUAL = {("quiet", 128), ("faults", 128), ("retrain", 128), ("faults", 512)}


@pytest.mark.parametrize(
    ("testcase", "width"),
    [
        pytest.param(*case, marks=[] if case in USUAL else pytest.mark.long)
        for case in itertools.product(("quiet", "faults", "retrain"), (128, 256, 512))
    ],
)
def test_partner(sim: Sim, testcase: str, width: int) -> None:
    """The RTL and a peer that was made from the specification alone understand each other."""
    run(sim, testcase, width)


@pytest.mark.parametrize("width", [128, pytest.param(256, marks=pytest.mark.long), 512])
def test_any_frame(sim: Sim, width: int) -> None:
    """Malformed frames with right CRCs, frames of other numbers and epochs, damage of all kinds."""
    run(sim, "any_frame", width)


@pytest.mark.parametrize("testcase", ["lies", "frozen_ack", "no_credit"])
def test_bad_partner(sim: Sim, testcase: str) -> None:
    """A peer that lies is ignored, asked again or flushed, as the page says."""
    run(sim, testcase, 128)
