# SPDX-License-Identifier: Apache-2.0
"""The RTL against a link partner in Python that knows docs/link.md only, honest or not.

The partner is the golden model; nothing of the RTL but its ports is looked at.
"""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import pyuvm

from switchproof.ci.pytest_plugin import Sim
from switchproof.models.layout import NUM_VC
from switchproof.models.link import Receiver, State
from switchproof.models.link_format import NULL_BLOCK, Beat, Trailer
from switchproof.tb.link.channel import Event, Faults
from switchproof.tb.link.env import LinkTest
from switchproof.tb.link.partner import flits, packets, random_frame
from tests.link.link_duts import run_link

replace = dataclasses.replace


class PartnerTest(LinkTest):
    """A test that leaves what happened as functional coverage."""

    def hit(self, name: str) -> None:
        """Count a part of a test that is done, and the events of the RTL in it."""
        self.hits[f"partner.{name}"] += 1
        for event, count in self.events.items():
            self.hits[f"partner.rtl.{event}"] += count


@pyuvm.test()
class Honest(PartnerTest):
    """Both keep to the page: without faults, with faults of every kind, with a dead wire."""

    async def body(self) -> None:
        await self.quiet()
        await self.faults()
        await self.retrain()

    def hit(self, name: str) -> None:
        super().hit(name if self.peer == "model" else f"rtl_and_rtl.{name}")

    async def quiet(self) -> None:
        """No faults: all comes, nothing twice, and both count the same."""
        await self.join()
        self.ring.stalls("light")
        await self.both(150)
        await self.finish()
        mine, its = self.told(1), self.events
        assert mine["rx_frame"] == its["tx_frame"] and its["rx_frame"] == mine["tx_frame"]
        for name in ("replay", "tx_nack", "rx_crc", "rx_damaged", "rx_malformed", "ack_bad",
                     "freed_bad", "retrain", "flush"):  # fmt: skip
            assert mine[name] == its[name] == 0, name
        self.hit("quiet")

    async def faults(self) -> None:
        """Every kind of fault, both ways."""
        rates = Faults(ber=1e-5, bursts=1e-5, drop=0.02, duplicate=0.02, truncate=0.02, delay=0.02,
                       skip=0.3, flap=1e-4)  # fmt: skip
        await self.join(faults=rates, latency=12, replay_limit=30, retrain_limit=30)
        for seed in range(10):
            await self.both(200, seed)
            await self.finish(80_000)
            if min(self.told(side)["replay"] for side in (0, 1)) > 2:
                break
        assert min(self.told(side)["replay"] for side in (0, 1)) > 2
        assert self.events["flush"] == 0
        self.hit("faults")

    async def retrain(self) -> None:
        """The wire is noise for longer than DEAD_CYCLES, in mid-traffic: nothing is lost."""
        await self.join()
        await self.both(200)
        way = self.env.scoreboard.ways[0]
        await self.until(lambda: sum(map(len, way.taken)) > 40, 2000)
        for side in (0, 1):
            now = self.wires.channels[side].now
            await self.happen(side, Event("flap", "cycle", now + 1, length=900))
        await self.finish(60_000)
        assert self.witness.changes["up_to_retrain"] and self.witness.changes["retrain_to_up"]
        assert self.told(0)["flush"] == self.told(1)["flush"] == 0
        self.hit("retrain")


@pyuvm.test()
class AnyFrame(PartnerTest):
    """Frames that may be anything: RTL and model judge each alike and deliver the same."""

    async def body(self) -> None:
        await self.join(judged=False, age_cycles=1 << 20, dead_cycles=20_000)
        self.events.clear()
        port, idle = self.partner, (NULL_BLOCK,) * self.k
        model = Receiver(port.cfg, Counter())
        way = self.env.scoreboard.ways[1]
        stream: list[Beat] = []
        pause = False

        def speak(_: object) -> Beat:
            """Return what the partner sends: nothing of its own."""
            if not stream and pause:
                return idle
            if not stream:
                stream.extend([*random_frame(self.rng, model, port.epoch), *[idle] * 12])
                for beat in stream:
                    model.beat(beat, port.epoch)
                for vc in range(NUM_VC):
                    while one := model.take(vc):
                        way.give([one])
            return stream.pop(0)

        self.wires.speak = speak
        frames = ("rx_frame", "rx_duplicate", "rx_ahead", "rx_malformed", "rx_epoch", "rx_damaged",
                  "rx_crc")  # fmt: skip
        for _ in range(40):
            pause = False
            await self.run(400)
            pause = True
            await self.run(len(stream) + 80)
            told = {name: (model.counts[name], self.events[name]) for name in frames}
            assert all(mine == its for mine, its in told.values()), str(told)
            way.check()
        assert self.wires.states[0] == State.UP and sum(map(len, way.taken)) > 10
        assert all(self.events[name] > 10 for name in frames), self.events
        self.hit("any_frame")


@pyuvm.test()
class Bad(PartnerTest):
    """A peer that lies is ignored, asked again or flushed, as the page says."""

    async def body(self) -> None:
        await self.lies()
        await self.no_credit()

    async def lies(self) -> None:
        """One lie after the other, and what the RTL makes of it."""
        await self.join(dead_cycles=1500, replay_cycles=400, replay_limit=40)
        # Acknowledgements of what was not sent, and of long ago: ignored.
        for shift in (1, 5, -3):
            before = self.events["ack_bad"]
            await self.lie(lambda t, n=shift: replace(t, ack=(t.ack + n) % self.cfg.seqs))
            await self.run(350)
            await self.lie()
            assert self.events["ack_bad"] > before and self.up()
        # Freed flits that were never sent: ignored.
        await self.lie(lambda t: replace(t, freed=tuple(f + 1 for f in t.freed)))
        await self.run(300)
        await self.lie()
        assert self.events["freed_bad"] > 0
        await self.both(40)
        await self.finish()

        # Contents that break a rule for a while, with right CRCs: asked for again.
        def other(trailer: Trailer) -> Trailer:
            return replace(trailer, cont=1 - trailer.cont) if trailer.data else trailer

        await self.lie(other)
        await self.send(1, packets(5, k=self.k, seed=self.seed + 2))
        await self.run(300)
        await self.lie()
        assert self.events["rx_malformed"] > 0 and self.up()
        await self.finish()
        self.hit("lies")

    async def no_credit(self) -> None:
        """Credits that never come back: it sends what there is room for, waits, and stays up."""
        await self.join()
        await self.lie(lambda t: replace(t, freed=(0,) * NUM_VC))
        await self.send(0, packets(200, k=self.k, seed=self.seed))
        await self.run(3000)
        came = [one for vc in self.env.scoreboard.ways[0].taken for one in vc]
        room = sum(self.cfg.reserved) + self.cfg.shared
        assert room // 2 < flits(came, self.k) <= room, f"{flits(came, self.k)} of {room}"
        assert self.up() and self.events["flush"] == self.events["retrain"] == 0
        assert not self.partner.rx.overflow
        # With the truth all is well at once.
        await self.lie()
        await self.finish()
        self.hit("no_credit")


@pytest.mark.parametrize("width", [128, pytest.param(256, marks=pytest.mark.long), 512])
def test_partner(sim: Sim, width: int) -> None:
    """The RTL and a peer that was made from the specification alone understand each other."""
    run_link(sim, __name__, "Honest", width)


def test_pair(sim: Sim) -> None:
    """The same between two ports of the RTL, with a witness at each."""
    run_link(sim, __name__, "Honest", LINK_PEER="rtl")


@pytest.mark.parametrize("width", [128, pytest.param(256, marks=pytest.mark.long), 512])
def test_any_frame(sim: Sim, width: int) -> None:
    """Malformed frames with right CRCs, frames of other numbers and epochs, damage of all kinds."""
    run_link(sim, __name__, "AnyFrame", width)


def test_bad_partner(sim: Sim) -> None:
    """A peer that lies is ignored, asked again or flushed, as the page says."""
    run_link(sim, __name__, "Bad")
