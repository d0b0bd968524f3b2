# SPDX-License-Identifier: Apache-2.0
"""A port of the RTL against the partner in Python: lanes that are late, die and come back."""

from __future__ import annotations

import itertools
from typing import Any

import cocotb
import pytest

from switchproof.ci.pytest_plugin import Sim
from switchproof.models.link_channel import Event, Faults
from switchproof.models.link_format import CONTROL, DATA, Kind, Packet
from tests.link.pair import packets
from tests.link.port_play import PORT_SOURCES
from tests.link.test_partner import CFG, TIMERS, Duel

ALL = (0, 1, 2, 3)
SKEW = ((2, 0, 1, 5), (0, 8, 3, 1))


class PortDuel(Duel):
    """The port, whose lanes can be late one by one, and its partner."""

    timers = (*TIMERS, "lane_cycles")
    idle = (
        *Duel.idle, "rx_clk", "inject_rate", "inject_load", "inject_seed", "inject_shot",
    )  # fmt: skip
    high = ("enable",)

    def _valid(self) -> int:
        return sum((block is not None) << n for n, block in enumerate(self.arrives))

    def lanes(self, name: str) -> tuple[int, ...]:
        """Return the lanes that the RTL says carry a direction."""
        mask = int(getattr(self.dut, f"{name}_lanes_o").value)
        return tuple(n for n in range(self.k) if mask >> n & 1)

    def agree(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the lanes there and back; both sides must mean the same."""
        assert self.lanes("tx") == self.port.lanes_in, self.report()
        assert self.lanes("rx") == self.port.lanes_out, self.report()
        return self.lanes("tx"), self.lanes("rx")

    def traffic(self, count: int, seed: int) -> None:
        """Give packets to both."""
        self.send(packets(count, k=self.k, seed=self.seed + seed), rtl=True)
        self.send(packets(count, k=self.k, seed=self.seed + seed + 1), rtl=False)


def happen(duel: PortDuel, action: str, there: tuple[int, ...], back: tuple[int, ...]) -> None:
    """Let lanes die or revive in the next cycle."""
    for channel, lanes in ((duel.there, there), (duel.back, back)):
        channel.script.append(Event(action, "cycle", channel.now + 1, lanes=lanes))


@cocotb.test()
async def latency(dut: Any) -> None:
    """A lone packet of a header alone, in and out: seven cycles, as without lanes. SKIP on time."""
    duel = PortDuel(dut)
    await duel.begin()
    assert await duel.run(500, duel.up)
    header = Packet((0x0123 << 64,))
    duel.send([header], rtl=True)
    duel.send([header], rtl=False)
    seen: dict[str, list[int]] = {name: [] for name in ("in", "leaves", "comes", "out", "skip")}
    for _ in range(1500):
        shown = duel.arrives
        await duel.cycle()
        marks, units = int(dut.tx_mark_o.value), int(dut.tx_unit_o.value)
        happens = {
            "in": int(dut.s_tvalid_i.value),
            "leaves": marks & 3 == DATA,
            "comes": shown[0] is not None and shown[0][0] == DATA,
            "out": int(dut.m_tvalid_o.value),
            "skip": marks & 3 == CONTROL and units & 15 == Kind.SKIP,
        }
        for name, now in happens.items():
            if now:
                seen[name].append(duel.now)
    await duel.finish()
    begin = {name: cycles[0] for name, cycles in seen.items()}
    cycles = begin["leaves"] - begin["in"] + begin["out"] - begin["comes"]
    assert cycles == 7, f"{cycles} cycles"
    gaps = {later - one for one, later in itertools.pairwise(seen["skip"])}
    assert gaps == {CFG.skip_beats}, gaps
    duel.save("latency")


@cocotb.test()
async def degrade(dut: Any) -> None:
    """Lanes die under load, each way others, and come back at the next training."""
    duel = PortDuel(dut, faults=Faults(ber=3e-6, skip=0.3), skew=SKEW)
    await duel.begin()
    duel.traffic(60, 0)
    await duel.finish()
    assert duel.agree() == (ALL, ALL)
    duel.traffic(150, 2)
    assert await duel.run(3000, lambda: duel.port.counts["rx_packet"] > 80)
    happen(duel, "die", (1,), (0, 2, 3))
    await duel.finish(40_000)
    assert duel.agree() == ((0, 2), (1,))
    happen(duel, "revive", (1,), (0, 2, 3))
    happen(duel, "die", (0,), ())
    duel.traffic(150, 4)
    await duel.finish(40_000)
    assert duel.agree() == ((1, 2), ALL)
    happen(duel, "revive", ALL, ALL)
    for channel in (duel.there, duel.back):
        channel.script.append(Event("flap", "cycle", channel.now + 1, length=2000))
    duel.traffic(100, 6)
    await duel.finish(60_000)
    assert duel.agree() == (ALL, ALL)
    assert duel.states["up_to_retrain"] >= 3
    assert duel.events["flush"] == duel.port.counts["flush"] == 0, duel.report()
    duel.save("degrade")


@cocotb.test()
async def narrow(dut: Any) -> None:
    """All kinds of faults over two lanes there and one back."""
    rates = Faults(ber=1e-5, bursts=1e-5, drop=0.02, duplicate=0.02, truncate=0.02, delay=0.02,
                   skip=0.3)  # fmt: skip
    duel = PortDuel(dut, faults=rates, latency=9, skew=SKEW)
    happen(duel, "die", (0, 3), (0, 1, 2))
    await duel.begin()
    dut.inject_rate_i.value = (1 << 32) // 300
    for seed in range(8):
        duel.traffic(100, 2 * seed)
        await duel.finish(60_000)
        if duel.events["replay"] > 2 and duel.port.counts["replay"] > 2:
            break
    assert duel.agree() == ((1, 2), (3,))
    assert duel.events["replay"] > 2 and duel.port.counts["replay"] > 2
    assert duel.events["flush"] == 0 and int(dut.injected_o.value) > 0
    duel.save("narrow")


@cocotb.test()
async def unskewed(dut: Any) -> None:
    """A lane that is too late lets nothing through, and loses nothing: both try again and again."""
    duel = PortDuel(dut, skew=((0, 0, CFG.max_skew + 1, 0), (CFG.max_skew + 1, 0, 0, 0)))
    await duel.begin()
    duel.traffic(20, 0)
    await duel.run(2500)
    assert not any(any(vc) for side in duel.came for vc in side)
    assert duel.states["up_to_retrain"] > 0 and duel.port.counts["up_to_retrain"] > 0
    # Without these lanes it goes on.
    happen(duel, "die", (2,), (0,))
    await duel.finish(40_000)
    assert duel.agree() == ((0, 1), (1, 2))
    duel.save("unskewed")


@pytest.mark.parametrize("testcase", ["latency", "degrade", "narrow", "unskewed"])
def test_port_partner(sim: Sim, testcase: str) -> None:
    """Lanes as the page has them: RTL and a peer made from it alone understand each other."""
    sim.run_module(
        sources=(*PORT_SOURCES, "tests/link/sp_link_port_bench.sv"),
        toplevel="sp_link_port_bench",
        parameters={
            "FLIT_W": 512,
            "SEQ_W": CFG.seq_w,
            "REPLAY_BEATS": CFG.replay_beats,
            "INJECT": 1,
        },
        module=__name__,
        testcase=testcase,
        env={"K": "4"},
    )
