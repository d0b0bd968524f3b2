# SPDX-License-Identifier: Apache-2.0
"""The requester: loads and stores of an AXI client that is not ours become packets, and back."""

from __future__ import annotations

import os
from typing import Any

import cocotb
import pytest

from switchproof.ci.paths import RTL, TESTS
from switchproof.ci.pytest_plugin import Sim
from switchproof.models.endpoint import requests as model
from switchproof.models.endpoint.requests import Command, Kind
from switchproof.models.layout import AtomicOp
from tests.endpoint.requester_play import REGIONS, Entry, Play, gather

SOURCES = (
    *(
        RTL / "common" / f"{name}.sv"
        for name in ("sp_pkg", "sp_skid_buffer", "sp_stage", "sp_rr_arbiter")
    ),
    *(RTL / "endpoint" / f"{name}.sv" for name in ("sp_endpoint_pkg", "sp_requester_pkg")),
    RTL / "endpoint" / "sp_unit_memory.sv",
    *sorted(p for p in (RTL / "endpoint").glob("sp_requester*.sv") if not p.stem.endswith("_pkg")),
    TESTS / "endpoint" / "sp_requester_bench.sv",
)
NARROW = {"FLIT_W": 128, "DATA_W": 64, "N_TAGS": 8, "N_PLANES": 2}
WIDE = {"FLIT_W": 512, "DATA_W": 512, "N_TAGS": 16, "N_PLANES": 3}
RELAXED, STRICT, HIDDEN = (region.base for region in REGIONS)
NOWHERE = 0x7000_0000


async def worker(play: Play, base: int, rounds: int) -> None:
    """Write and read back within a page, several at a time, also to the same bytes."""
    rng = play.rng
    for _ in range(rounds):
        writes = []
        for _ in range(rng.randint(1, 3)):
            address = base + rng.randrange(4096)
            length = min(
                rng.choice([1, 7, 16, 64, 256, 700, rng.randint(1, 900)]), base + 4096 - address
            )
            size = rng.randint(0, play.bus.bit_length() - 1)
            if length > 300:
                size = max(size, 2)
            writes.append(play.write(address, rng.randbytes(length), size=size))
            lo = max(base, address - rng.randint(0, 40))
            hi = min(base + 4096, address + length + rng.randint(0, 40))
        await gather(*writes)
        size = max(rng.randint(0, play.bus.bit_length() - 1), 2 if hi - lo > 300 else 0)
        await gather(
            play.read(lo, hi - lo, size=size),
            play.read(base + rng.randrange(4000), rng.randint(1, 96)),
        )


def random_strobes(play: Play, share: float) -> None:
    """Let the client leave out strobes of some beats."""
    channel = play.axi.write_if.w_channel
    send = channel.send

    async def changed(beat: Any) -> None:
        if play.rng.random() < share:
            beat.wstrb &= play.rng.choice([0, play.rng.getrandbits(play.bus), ~1])
        await send(beat)

    channel.send = changed


def atomics(play: Play, count: int) -> None:
    """Queue commands of all kinds that the fabric knows."""
    rng = play.rng
    for k in range(count):
        wide = rng.random() < 0.5
        base = rng.choice([RELAXED, STRICT, HIDDEN + (1 << 25), NOWHERE])
        play.commands.append(
            Command(
                k % 16, base + 0x8000 + 8 * rng.randrange(64), rng.choice([AtomicOp.ADD, AtomicOp.SWAP, AtomicOp.CAS]),
                rng.getrandbits(64), rng.getrandbits(64), wide, rng.random() < 0.3,
            )
        )  # fmt: skip


#: Pages that workers have, and in no region.
PAGES = (RELAXED, RELAXED + 0x10_0000, STRICT, STRICT + 0x4_0000, HIDDEN + (1 << 25), NOWHERE)


async def work(play: Play, rounds: int, commands: int) -> None:
    """Let all workers do their rounds, and wait until all has ended."""
    atomics(play, commands)
    await gather(*(worker(play, page, rounds) for page in PAGES))
    await play.until(lambda: play.idle() and not play.answers)
    await play.cycles(5)


@cocotb.test()
async def traffic(dut: object) -> None:
    """Random loads, stores and atomics; everything is answered."""
    play = Play(dut)
    play.stall, play.gap = 0.3, 0.3
    await play.begin()
    random_strobes(play, 0.2)
    await work(play, int(os.environ["ROUNDS"]), 40)
    play.finish()


@cocotb.test()
async def errors(dut: object) -> None:
    """Whatever can happen to a request and its answer, among others."""
    play = Play(dut)
    play.stall, play.gap = 0.1, 0.1
    await play.begin(timeout=700)
    fates = (
        "lost", "unanswered", "error", "poison", "mark", "kind", "length", "beats", "alien",
        "twice", "late",
    )  # fmt: skip
    play.fate = lambda _: play.rng.choice(fates) if play.rng.random() < 0.3 else "okay"
    await work(play, int(os.environ["ROUNDS"]), 120)
    play.finish()


@cocotb.test()
async def planes(dut: object) -> None:
    """Planes go down and come up among everything; also all of them."""
    play = Play(dut)
    play.stall, play.gap = 0.2, 0.2
    await play.begin(delay=150)
    random_strobes(play, 0.1)
    running = True

    async def toggle() -> None:
        while running:
            await play.cycles(play.rng.randint(1, 500))
            up = [play.rng.random() < 0.6 for _ in range(play.planes)]
            if play.rng.random() < 0.7 and not any(up):
                up[play.rng.randrange(play.planes)] = True
            play.set_planes(up)
        play.set_planes([True] * play.planes)

    toggling = cocotb.start_soon(toggle())
    atomics(play, 60)
    await gather(*(worker(play, page, int(os.environ["ROUNDS"])) for page in PAGES))
    running = False
    await toggling
    await play.until(lambda: play.idle() and not play.answers)
    await play.cycles(5)
    play.finish()


def run(sim: Sim, testcase: str, parameters: dict[str, int], **env: object) -> None:
    """Build the bench and run a test."""
    sim.run_module(
        sources=SOURCES,
        toplevel="sp_requester_bench",
        parameters=parameters,
        module=__name__,
        testcase=testcase,
        env={name: str(value) for name, value in {**parameters, **env}.items()},
    )


BOTH = pytest.mark.parametrize("parameters", [NARROW, WIDE], ids=["narrow", "wide"])


@BOTH
def test_requester_traffic(sim: Sim, parameters: dict[str, int]) -> None:
    run(sim, "traffic", parameters, ROUNDS=4)


@BOTH
def test_requester_errors(sim: Sim, parameters: dict[str, int]) -> None:
    run(sim, "errors", parameters, ROUNDS=5)


@BOTH
def test_requester_planes(sim: Sim, parameters: dict[str, int]) -> None:
    run(sim, "planes", parameters, ROUNDS=5)
