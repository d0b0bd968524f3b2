# SPDX-License-Identifier: Apache-2.0
"""Two ports and lanes between them: lanes that are late, die and come back, and two clocks."""

from __future__ import annotations

import functools
import os

import cocotb
import pytest

from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim
from tests.link.link_play import ALWAYS, RETRAIN, UP, random_packets
from tests.link.port_play import ALL_LANES, PortPlay, packed

#: Cycles by which lanes may be apart.
MAX_SKEW = 8
#: Words between the clocks.
DEPTH = 16


def packed_masks(first: int, second: int) -> int:
    """Return masks of lanes of both sides."""
    return first & ALL_LANES | (second & ALL_LANES) << 4


@cocotb.test()
async def widths(dut: object) -> None:
    """Lanes that were never there: x4, x2 or x1 each way, all skewed; all comes, at that rate."""
    play = PortPlay(dut)
    # Lanes of 0 that work, of 1 that work, and which of them carry.
    cases = [
        (0b1111, 0b1111, 0b1111, 0b1111), (0b1101, 0b1110, 0b0101, 0b0110),
        (0b1000, 0b1010, 0b1000, 0b1010), (0b0100, 0b0001, 0b0100, 0b0001),
    ]  # fmt: skip
    for first, second, *carry in cases:
        packets = [
            random_packets(play.rng, 250, longest=16, shortest=16, err=0, ext=0) for _ in range(2)
        ]
        skew = [[int(n) for n in play.rng.integers(0, 9, 4)] for _ in range(2)]
        await play.begin(
            *packets, latency=5, dead=packed_masks(~first, ~second), skew=packed(*skew, width=8)
        )
        await play.until(play.done, 60_000, 200)
        await play.cycles(300)
        play.check()
        for side, mask in enumerate(carry):
            assert play.lanes(side, tx=True) == play.lanes(1 - side, tx=False) == mask
            lanes = mask.bit_count()
            cycles = play.out_cycles(1 - side)
            share = 150 * 16 * 128 / ((cycles[200] - cycles[50]) * lanes * 130)
            assert 0.9 <= share <= 1, f"{share:.4f} of {lanes} lanes is payload"
            play.hits[f"port.lanes.{lanes}"] += 1
        for side in (0, 1):
            assert not set(play.events(side)) & {"replay", "rx_damaged", "rx_crc"}
    play.finish("widths")


@cocotb.test()
async def narrow_errors(dut: object) -> None:
    """Wrong bits and lost cycles on lanes that are few: the place within a beat is found again."""
    play = PortPlay(dut)
    for dead in (0b0110, 0b0111):
        packets = [random_packets(play.rng, 200) for _ in range(2)]
        await play.begin(
            *packets, latency=9, dead=packed_masks(dead, dead), skip_beats=29, stall_p=20,
            flip_p=ALWAYS // 1000, replay_limit=200, dead_cycles=20_000,
        )  # fmt: skip
        while not play.done():
            await play.cycles(int(play.rng.integers(100, 400)))
            play.set(silent=packed_masks(ALL_LANES, ALL_LANES))
            await play.cycles(1)
            play.set(silent=0)
            assert play.cycle < 400_000, play.summary()
        await play.cycles(2000)
        play.check()
        assert play.slips("shifted") > 3
        assert play.event("replay", 0) > 3 and play.event("replay", 1) > 3
        assert not play.event("retrain", 0) and not play.event("retrain", 1)
    play.finish("narrow_errors")


@cocotb.test()
async def skew(dut: object) -> None:
    """Each lane as late as it may be; a cycle more and nothing comes; mended, all does."""
    play = PortPlay(dut)
    most = MAX_SKEW
    for lane in range(play.k):
        late = [most * (n == lane) for n in range(play.k)]
        early = [most - n for n in late]
        packets = [random_packets(play.rng, 60) for _ in range(2)]
        await play.begin(*packets, latency=3, skew=packed(late, early, width=8))
        await play.until(play.done, 20_000)
        await play.cycles(200)
        play.check()
        assert not play.event("retrain", 0) and not play.event("retrain", 1)
        play.hits["port.skew.most"] += 1
    packets = [random_packets(play.rng, 60) for _ in range(2)]
    await play.begin(
        *packets, latency=3, skew=packed([0, most + 1, 0, 0], [0] * 4, width=8), retrain_limit=200
    )
    await play.cycles(6000)
    assert play.event("rx_frame", 1) == 0 and play.event("retrain", 1) > 2
    play.set(skew=packed([0, most, 0, 0], [0] * 4, width=8))
    await play.until(play.done, 20_000)
    await play.cycles(200)
    play.check()
    assert play.event("flush", 0) == play.event("flush", 1) == 0
    play.hits["port.skew.too_much"] += 1
    play.finish("skew")


def carries(play: PortPlay, mask: int) -> bool:
    """Return whether both are up and side 0 sends over the lanes of a mask."""
    return play.lanes(0, tx=True) == mask and play.state == (UP, UP)


def beyond(play: PortPlay, beats: int) -> bool:
    """Return whether more than so many beats came out at side 1."""
    return play.word("beats", 1) > beats


@cocotb.test()
async def dying(dut: object) -> None:
    """Lanes die under load and come back at the next training; nothing is lost."""
    play = PortPlay(dut)
    packets = [random_packets(play.rng, 3000) for _ in range(2)]
    await play.begin(
        *packets, latency=6, skew=packed([2, 0, 1, 5], [0, 8, 3, 3], width=8), stall_p=10,
        retrain_limit=20,
    )  # fmt: skip
    await play.until(lambda: play.word("beats", 1) > 200, 20_000)
    assert play.lanes(0, tx=True) == ALL_LANES
    # Lanes of side 0 that are dead, and those that carry then.
    for dead, carry in ((0b0010, 0b0101), (0b1011, 0b0100), (0b0001, 0b0110), (0, ALL_LANES)):
        before = play.event("retrain", 0) + play.event("retrain", 1)
        # What dies is found by itself; what is there again is found in the next training.
        play.set(dead=packed_masks(dead, 0))
        if not play.lanes(0, tx=True) & dead:
            play.set(silent=packed_masks(ALL_LANES, 0))
            await play.until(lambda: RETRAIN in play.state, 5000, 10)
            play.set(silent=0)
        await play.until(functools.partial(carries, play, carry), 20_000)
        assert play.lanes(1, tx=False) == carry and play.lanes(1, tx=True) == ALL_LANES
        assert play.event("retrain", 0) + play.event("retrain", 1) > before
        came = play.word("beats", 1)
        await play.until(functools.partial(beyond, play, came + 100), 20_000)
        assert int(play.dut.played_o.value) == 0, "under load"
    await play.until(play.done, 100_000, 500)
    await play.cycles(1000)
    play.check()
    assert play.event("flush", 0) == play.event("flush", 1) == 0
    play.finish("dying")


@cocotb.test()
async def flapping(dut: object) -> None:
    """Lanes are noise, or silent, for a while, again and again, in mid-traffic."""
    play = PortPlay(dut)
    packets = [random_packets(play.rng, 1500) for _ in range(2)]
    await play.begin(*packets, latency=6, retrain_limit=200, age_cycles=1_000_000)
    for _ in range(30):
        await play.cycles(int(play.rng.integers(50, 600)))
        masks = packed_masks(*(int(n) for n in play.rng.integers(0, 16, 2)))
        play.set(**{"dead" if play.rng.random() < 0.6 else "silent": masks})
        await play.cycles(int(play.rng.choice((3, 30, 300, 3000))))
        play.set(dead=0, silent=0)
    await play.until(play.done, 200_000, 500)
    await play.cycles(1000)
    play.check()
    assert play.event("retrain", 0) + play.event("retrain", 1) > 3
    assert play.event("flush", 0) == play.event("flush", 1) == 0
    play.finish("flapping")


@cocotb.test()
async def clocks(dut: object) -> None:
    """Clocks apart, for longer than the memory would hold if no SKIP were dropped."""
    play = PortPlay(dut)
    ppm = abs(float(os.environ["PPM"]))
    cycles = int(DEPTH * 1e6 / ppm)
    count = cycles // 20
    packets = [random_packets(play.rng, count, idle=8) for _ in range(2)]
    await play.begin(*packets, latency=4, skip_beats=1000, dead=packed_masks(0b1010, 0))
    await play.cycles(cycles)
    await play.until(play.done, 100_000, 500)
    await play.cycles(500)
    play.check()
    for side in (0, 1):
        assert set(play.events(side)) <= {"tx_frame", "tx_control", "rx_frame"}, play.summary()
    # One side's words are too many, by the difference of the clocks, and none of them is lost.
    dropped, drift = play.slips("dropped"), play.cycle * ppm / 1e6
    assert play.slips("overflow") == 0
    assert drift - DEPTH <= dropped <= drift + DEPTH, f"{dropped} dropped, {drift:.1f} cycles apart"
    play.hits[f"port.clocks.{'slower' if float(os.environ['PPM']) > 0 else 'faster'}"] += 1
    play.finish("clocks")


@cocotb.test()
async def overflow(dut: object) -> None:
    """Without SKIP clocks that are apart lose words: it is told, and what was lost comes again."""
    play = PortPlay(dut)
    packets = [random_packets(play.rng, 1500) for _ in range(2)]
    await play.begin(*packets, latency=4, skip_beats=0)
    await play.until(play.done, 100_000, 500)
    await play.cycles(500)
    play.check()
    assert play.slips("overflow") > 0 and play.event("replay", 0) + play.event("replay", 1) > 0
    play.finish("overflow")


@cocotb.test()
async def inject(dut: object) -> None:
    """Each wrong bit of a busy link is a frame that is not good at the other side."""
    play = PortPlay(dut)
    packets = [random_packets(play.rng, 4000, longest=16, shortest=16, err=0), []]
    await play.begin(*packets, latency=4, skip_beats=0)
    await play.until(lambda: play.word("beats", 1) > 50, 20_000)
    shots = 25
    for _ in range(shots):
        play.set(inject_shot=1)
        await play.cycles(10)
        play.set(inject_shot=0)
        await play.cycles(250 + int(play.rng.integers(0, 20)))
    assert int(play.dut.played_o.value) == 2, "side 0 still sends"
    bad = play.event("rx_damaged", 1) + play.event("rx_crc", 1)
    assert play.word("injected", 0) == bad == shots, f"{bad} of {play.word('injected', 0)}"
    assert play.word("injected", 1) == 0
    await play.until(play.done, 100_000, 500)
    play.check()
    play.hits["port.inject.shot"] += shots
    # At a rate: both ways, and a new seed in between.
    packets = [random_packets(play.rng, 800) for _ in range(2)]
    seeds = packed([int(play.rng.integers(1, ALWAYS))], width=32)
    await play.begin(
        *packets, latency=4, inject_rate=ALWAYS // 150, inject_seed=seeds, replay_limit=200,
        dead_cycles=20_000,
    )  # fmt: skip
    play.set(inject_load=3)
    await play.cycles(10)
    play.set(inject_load=0)
    await play.until(play.done, 100_000, 500)
    for side in (0, 1):
        share = play.word("injected", side) / play.cycle
        assert 0.7 / 150 < share < 1.4 / 150, f"{share}"
        assert play.event("rx_damaged", side) + play.event("rx_crc", side) > 5
    play.check()
    play.hits["port.inject.rate"] += 1
    play.finish("inject")


def run_port(
    sim: Sim, testcase: str, width: int = 512, depth: int = DEPTH, ppm: int = 200, **env: object
) -> None:
    """Build the player of ports and run a test of this file."""
    sim.run_module(
        sources=needed("tests/link/sp_link_port_player.sv"),
        toplevel="sp_link_port_player",
        parameters={"FLIT_W": width, "CLOCK_DEPTH": depth, "MAX_SKEW": MAX_SKEW},
        module=__name__,
        testcase=testcase,
        coverage=False,  # many cycles; lanes are covered in test_port_partner.py
        env={"K": str(width // 128), **{n: str(v) for n, v in {"PPM": ppm, **env}.items()}},
    )


@pytest.mark.parametrize(
    "testcase", ["widths", "narrow_errors", "skew", "dying", "flapping", "inject"]
)
def test_port_lanes(sim: Sim, testcase: str) -> None:
    """Four lanes, with all features on."""
    run_port(sim, testcase)


@pytest.mark.parametrize("ppm", [200, -200])
def test_port_clocks(sim: Sim, ppm: int) -> None:
    """Clocks as far apart as they may be."""
    run_port(sim, "clocks", ppm=ppm)


def test_port_overflow(sim: Sim) -> None:
    """Clocks that are apart, and no SKIP."""
    run_port(sim, "overflow", ppm=3000)
