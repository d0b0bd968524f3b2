# SPDX-License-Identifier: Apache-2.0
"""A port of the RTL against the partner in Python: lanes that are late, die and come back."""

from __future__ import annotations

import itertools

import pyuvm

from switchproof.ci.pytest_plugin import Sim
from switchproof.models.link_format import CONTROL, DATA, Kind, Packet
from switchproof.tb.link.channel import Event, Faults
from tests.link.link_duts import run_link
from tests.link.test_partner import PartnerTest

ALL = (0, 1, 2, 3)
SKEW = ((2, 0, 1, 5), (0, 8, 3, 1))


@pyuvm.test()
class Lanes(PartnerTest):
    """Lanes as the page has them."""

    async def body(self) -> None:
        await self.latency()
        await self.degrade()
        await self.narrow()
        await self.inject()
        await self.unskewed()

    def lanes(self, name: str) -> tuple[int, ...]:
        """Return the lanes that the RTL says carry a direction."""
        mask = int(getattr(self.harness, f"{name}_lanes_o").value)
        return tuple(n for n in range(self.k) if mask >> n & 1)

    def agree(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the lanes there and back; both sides must mean the same."""
        assert self.lanes("tx") == self.partner.lanes_in, self.report()
        assert self.lanes("rx") == self.partner.lanes_out, self.report()
        return self.lanes("tx"), self.lanes("rx")

    async def lanes_do(self, action: str, there: tuple[int, ...], back: tuple[int, ...]) -> None:
        """Let lanes die or revive in the next cycle."""
        for side, lanes in enumerate((there, back)):
            now = self.wires.channels[side].now
            await self.happen(side, Event(action, "cycle", now + 1, lanes=lanes))

    async def latency(self) -> None:
        """A lone packet of a header alone, in and out: seven cycles, as without lanes. SKIP on
        time.
        """
        await self.join()
        seen: dict[str, list[int]] = {"leaves": [], "comes": [], "skip": []}

        def watch() -> None:
            mark, kind = self.wires.sent[0][0][0], self.wires.sent[0][0][1] & 15
            came = self.wires.came[0][0]
            now = self.ring.cycle
            seen["leaves"] += [now] * (mark == DATA)
            seen["comes"] += [now] * (came is not None and came[0] == DATA)
            seen["skip"] += [now] * (mark == CONTROL and kind == Kind.SKIP)

        self.wires.watch.append(watch)
        header = Packet((0x0123 << 64,))
        for side in (0, 1):
            await self.send(side, [header])
        await self.run(400)
        await self.finish()
        board = self.env.scoreboard
        inward = board.came[0][0] - seen["comes"][0]
        cycles = seen["leaves"][0] - board.went[0][0] + inward
        assert cycles == 7, f"{cycles} cycles"
        gaps = {later - one for one, later in itertools.pairwise(seen["skip"])}
        assert gaps == {self.cfg.skip_beats}, gaps
        self.hit("latency")

    async def degrade(self) -> None:
        """Lanes die under load, each way others, and come back at the next training."""
        await self.join(faults=Faults(ber=3e-6, skip=0.3), skew=SKEW, retrain_limit=20)
        await self.both(60)
        await self.finish()
        assert self.agree() == (ALL, ALL)
        await self.both(150, 1)
        await self.until(lambda: self.partner.counts["rx_packet"] > 80, 3000)
        load = self.ring.waiting()[0] > 0
        await self.lanes_do("die", (1,), (0, 2, 3))
        await self.finish(40_000)
        assert self.agree() == ((0, 2), (1,))
        await self.lanes_do("revive", (1,), (0, 2, 3))
        await self.lanes_do("die", (0,), ())
        await self.both(150, 2)
        await self.finish(40_000)
        assert self.agree() == ((1, 2), ALL)
        await self.lanes_do("revive", ALL, ALL)
        for side in (0, 1):
            now = self.wires.channels[side].now
            await self.happen(side, Event("flap", "cycle", now + 1, length=1000))
        await self.both(100, 3)
        await self.finish(60_000)
        assert self.agree() == (ALL, ALL)
        assert self.witness.changes["up_to_retrain"] >= 3
        assert self.events["flush"] == self.partner.counts["flush"] == 0, self.report()
        self.hit("degrade")
        self.hits["rtl.case.59_lane_degrade_under_load"] += bool(load)

    async def narrow(self) -> None:
        """All kinds of faults over two lanes there and one back."""
        rates = Faults(ber=1e-5, bursts=1e-5, drop=0.02, duplicate=0.02, truncate=0.02, delay=0.02,
                       skip=0.3)  # fmt: skip
        await self.join(
            faults=rates, latency=9, skew=SKEW, up=False, replay_limit=30, retrain_limit=30,
            replay_cycles=300, script=[Event("die", "cycle", 0, lanes=(0, 3))],
            back=[Event("die", "cycle", 0, lanes=(0, 1, 2))],
        )  # fmt: skip
        for seed in range(8):
            await self.both(80, seed)
            await self.finish(60_000)
            if self.events["replay"] > 2 and self.partner.counts["replay"] > 2:
                break
        assert self.agree() == ((1, 2), (3,))
        assert self.events["replay"] > 2 and self.partner.counts["replay"] > 2
        assert self.events["flush"] == 0
        self.hit("narrow")

    async def inject(self) -> None:
        """Wrong bits that leave the RTL on purpose: each block that matters is asked for again."""
        await self.join(judged=False, replay_limit=30)
        self.set(inject_rate=(1 << 32) // 100)
        await self.both(100)
        await self.finish()
        injected = int(self.harness.injected_o.value) & 0xFFFF_FFFF
        bad = self.partner.counts["rx_crc"] + self.partner.counts["rx_damaged"]
        assert 0 < bad <= injected and self.events["replay"] > 0, f"{bad} of {injected}"
        self.hit("inject")

    async def unskewed(self) -> None:
        """A lane that is too late lets nothing through, and loses nothing: both try again."""
        late = self.settings.what.parameters["MAX_SKEW"] + 1
        await self.join(
            skew=((0, 0, late, 0), (late, 0, 0, 0)), retrain_limit=100, judged=False, up=False
        )
        await self.both(20)
        await self.run(2500)
        assert not any(any(way.taken) for way in self.env.scoreboard.ways)
        assert self.events["retrain"] > 0 and self.partner.counts["up_to_retrain"] > 0
        # Without these lanes it goes on.
        await self.lanes_do("die", (2,), (0,))
        await self.finish(40_000)
        assert self.agree() == ((0, 1), (1, 2))
        self.hit("unskewed")


def test_port_partner(sim: Sim) -> None:
    """Lanes as the page has them: RTL and a peer made from it alone understand each other."""
    run_link(sim, __name__, "Lanes", 512)
