# SPDX-License-Identifier: Apache-2.0
"""Two links back to back: what goes in comes out at the other end, whatever the wire does."""

from __future__ import annotations

import json
import os

import cocotb
import pytest

from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import WIDE, Sim
from tests.link.link_play import (
    ALWAYS,
    UP,
    Packet,
    Play,
    header,
    random_packets,
)


def finish(play: Play) -> None:
    """Write what happened as functional coverage."""
    for side in (0, 1):
        for name, hits in play.events(side).items():
            play.hits[f"rtl.event.{name}"] += hits
        for name, hits in play.injected(side).items():
            play.hits[f"rtl.injected.{name}"] += hits
    (play.folder / "functional.json").write_text(json.dumps(play.hits))


@cocotb.test()
async def clean(dut: object) -> None:
    """A wire without errors: all comes, and nothing is sent twice."""
    play = Play(dut)
    count = int(os.environ["PACKETS"])
    idle = int(os.environ["IDLE"])
    packets = [random_packets(play.rng, count, idle=idle) for _ in range(2)]
    await play.begin(*packets, latency=int(os.environ["LATENCY"]), stall_p=40, no_room_p=40)
    await play.until(play.done, 400_000)
    await play.cycles(500)
    play.check()
    for side in (0, 1):
        events = play.events(side)
        assert set(events) <= {"tx_frame", "tx_control", "rx_frame"}, events
        assert play.state[side] == UP
    finish(play)


@cocotb.test()
async def errors(dut: object) -> None:
    """Every kind of error at once, in both directions."""
    play = Play(dut)
    count = int(os.environ["PACKETS"])
    packets = [random_packets(play.rng, count) for _ in range(2)]
    rate = ALWAYS // 1000
    await play.begin(
        *packets, latency=int(os.environ["LATENCY"]), stall_p=40, no_room_p=40, skip_beats=97,
        flip_p=rate, burst_p=rate, lose_p=rate, drop_p=10 * rate, twice_p=10 * rate,
        delay_p=rate, replay_limit=200, dead_cycles=20_000,
    )  # fmt: skip
    await play.until(play.done, 2_000_000, 1000)
    await play.cycles(2000)
    play.check()
    finish(play)


@cocotb.test()
async def latency(dut: object) -> None:
    """A lone packet of a header alone, and no cycle of wire: eight cycles."""
    play = Play(dut)
    alone = [Packet(header(1, 0, 0, 1), (), False, 300)]
    await play.begin(alone, [], latency=0)
    await play.until(lambda: play.word("beats", 1) == 1, 2000)
    await play.cycles(50)
    cycles = play.out_cycles(1)[0] - play.in_cycles(0)[0]
    assert cycles <= 8, f"{cycles} cycles"
    play.hits[f"rtl.latency.{cycles}"] += 1
    play.check()
    finish(play)


@cocotb.test()
async def rate(dut: object) -> None:
    """Packets of 256 bytes without a pause, both ways: the part of the line that is payload."""
    play = Play(dut)
    packets = [
        random_packets(play.rng, 500, longest=16, shortest=16, err=0, ext=0) for _ in range(2)
    ]
    await play.begin(*packets, latency=5)
    await play.until(play.done, 50_000)
    await play.cycles(300)
    play.check()
    cycles = play.out_cycles(1)
    share = 300 * 16 * 128 / ((cycles[400] - cycles[100]) * play.k * 130)
    play.hits[f"rtl.rate.{play.k}.{share:.3f}"] += 1
    assert share >= 0.91, f"{share:.4f} of the line is payload"
    finish(play)


def run_player(
    sim: Sim,
    module: str,
    testcase: str,
    width: int = 128,
    parameters: dict[str, int] | None = None,
    **env: object,
) -> None:
    """Build the player and run a test of a module."""
    sim.run_module(
        sources=needed("tests/link/sp_link_player.sv"),
        toplevel="sp_link_player",
        parameters={"FLIT_W": width, **(parameters or {})},
        module=module,
        testcase=testcase,
        env={"K": str(width // 128), **{name: str(value) for name, value in env.items()}},
        coverage=width < WIDE,
    )


MIDDLE = pytest.param(256, 7, marks=pytest.mark.long)


@pytest.mark.parametrize(("width", "wire"), [(128, 1), (128, 40), MIDDLE, (512, 20)])
def test_rtl_clean(sim: Sim, width: int, wire: int) -> None:
    run_player(
        sim, __name__, "clean", width, PACKETS=1500, IDLE=0 if wire == 1 else 10, LATENCY=wire
    )


@pytest.mark.parametrize(("width", "wire"), [(128, 1), (128, 20), MIDDLE, (512, 20)])
def test_rtl_errors(sim: Sim, width: int, wire: int) -> None:
    run_player(sim, __name__, "errors", width, PACKETS=1500, LATENCY=wire)


@pytest.mark.parametrize("width", [128, pytest.param(256, marks=pytest.mark.long), 512])
def test_rtl_rate(sim: Sim, width: int) -> None:
    run_player(sim, __name__, "rate", width)


@pytest.mark.parametrize("width", [128, pytest.param(256, marks=pytest.mark.long), 512])
def test_rtl_latency(sim: Sim, width: int) -> None:
    run_player(sim, __name__, "latency", width)
