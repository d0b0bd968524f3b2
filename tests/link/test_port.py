# SPDX-License-Identifier: Apache-2.0
"""Two ports with lanes between them: lanes that are late, that die and come back, and two clocks."""

from __future__ import annotations

import os

import cocotb
import pytest

from switchproof.ci.pytest_plugin import Sim
from tests.link.link_play import RETRAIN, UP, Packet, header, random_packets
from tests.link.port_play import ALL_LANES, PLAYER_SOURCES, PortPlay, packed

#: Bits of 32 as a share.
ALWAYS = 1 << 32


@cocotb.test()
async def latency(dut: object) -> None:
    """A lone packet of a header alone, no cycle of wire, one clock: as without lanes."""
    play = PortPlay(dut)
    alone = [Packet(header(1, 0, 0, 1), (), False, 300)]
    await play.begin(alone, [], latency=0)
    await play.until(lambda: play.word("beats", 1) == 1, 2000)
    await play.cycles(50)
    cycles = play.out_cycles(1)[0] - play.in_cycles(0)[0]
    assert cycles <= int(os.environ["MOST"]), f"{cycles} cycles"
    play.hits[f"port.latency.{play.k}.{cycles}"] += 1
    play.check()
    play.finish("latency")


def run_port(
    sim: Sim, testcase: str, width: int = 512, depth: int = 16, ppm: int = 200, **env: object
) -> None:
    """Build the player of ports and run a test of this file."""
    sim.run_module(
        sources=PLAYER_SOURCES,
        toplevel="sp_link_port_player",
        parameters={"FLIT_W": width, "CLOCK_DEPTH": depth},
        module=__name__,
        testcase=testcase,
        env={"K": str(width // 128), "PPM": str(ppm), **{n: str(v) for n, v in env.items()}},
    )


@pytest.mark.parametrize(("width", "most"), [(128, 8), (256, 8), (512, 7)])
def test_port_latency(sim: Sim, width: int, most: int) -> None:
    """Lanes at full width cost no cycle: as many as sp_link alone."""
    run_port(sim, "latency", width, depth=0, ppm=0, MOST=most)
