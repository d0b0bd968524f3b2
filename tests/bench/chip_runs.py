# SPDX-License-Identifier: Apache-2.0
"""Supernodes to measure: what to build, how it is brought up, and one run of it.

A run is a process of tests/bench/chip, whose chip_main.cpp says what a script may ask for and what
is checked.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Iterable
from functools import cache
from typing import Any

from switchproof.ci import build
from switchproof.ci.filelists import needed
from switchproof.ci.paths import HARNESS, TESTS
from switchproof.models import csr
from switchproof.tb import harness

FOLDER = TESTS / "bench" / "chip"
#: Where the address map begins, and log2 of the bytes of an endpoint in it, as in chip_main.cpp.
REGION, WINDOW_LOG2 = 1 << 32, 23
#: Vectors of collectives in a memory, their results, and a counter for atomics.
FROM, TO, COUNTER = 2 << 20, 4 << 20, 6 << 20
#: Group of all endpoints.
GROUP = 1
UNIT = 1 << 26


@dataclasses.dataclass(frozen=True)
class Chip:
    """A supernode: parameters of tests/bench/chip/sp_chip_traffic.sv, by the names there."""

    n: int = 4
    n_planes: int = 2
    links: int = 1
    flit_w: int = 128
    n_engines: int = 1
    n_contexts: int = 8
    n_tags: int = 64
    n_active: int = 16
    n_commands: int = 4
    window: int = 16
    n_ids: int = 32
    req_flits: int = 64
    islip_iters: int = 2
    voq_flits: int = 64
    egress_flits: int = 64
    counters: int = 2
    ecc: int = 1
    cut_through: int = 1
    types: int = 63
    ordered: int = 1
    frame_units: int = 32
    replay_beats: int = 256
    reserved: int = 32
    shared: int = 128

    def replace(self, **changes: int) -> Chip:
        """Return another one that differs in these."""
        return dataclasses.replace(self, **changes)

    @property
    def ways(self) -> int:
        """All ways between endpoints and planes, a bit each."""
        return (1 << self.n * self.n_planes) - 1

    def plane(self, plane: int) -> int:
        """Return the ways of a plane."""
        return sum(1 << (e * self.n_planes + plane) for e in range(self.n))


@dataclasses.dataclass(frozen=True)
class Times:
    """Cycles that registers of links and endpoints are given; docs/endpoint-registers.md."""

    replay_cycles: int = 400
    keepalive_cycles: int = 100
    dead_cycles: int = 300
    age_cycles: int = 1000
    reissue_delay: int = 300
    #: Both ends of a way seldom notice in the same cycle that it is lost, or back.
    loss_timeout: int = 10_000
    tag_timeout: int = 50_000
    avoid_time: int = 60_000


def parameters(chip: Chip) -> dict[str, int]:
    """Return the parameters of the top module."""
    return {name.upper(): value for name, value in dataclasses.asdict(chip).items()}


@cache
def built(chip: Chip) -> build.Build:
    """Return the program of a supernode, made now or found."""
    name = f"chip-n{chip.n}-p{chip.n_planes}-w{chip.flit_w}-l{chip.links}"
    rtl = needed("tests/bench/chip/sp_chip_traffic.sv")
    return build.build(
        build.BuildSpec(
            name=name,
            toplevel="sp_chip_traffic",
            sources=(*rtl, FOLDER / "chip_main.cpp"),
            parameters=tuple(parameters(chip).items()),
            args=harness.large_args(chip.n * chip.n_planes, rtl, HARNESS),
            vpi=False,
            opt="-O1",
        )
    )


class Script:
    """Lines for chip_main.cpp; begins by bringing the supernode up."""

    def __init__(self, chip: Chip, times: Times | None = None) -> None:
        self.chip, self.times = chip, times or Times()
        self.lines: list[str] = []
        self._maps = {name: csr.load(f"{name}_map") for name in ("csr", "endpoint", "link")}
        self._bring_up()

    def add(self, *lines: str) -> None:
        """Add lines as they are."""
        self.lines += lines

    def write(
        self, kind: str, unit: int, name: str, value: int | None = None, **field: int
    ) -> None:
        """Write a register of a unit: its whole word, or fields of it."""
        registers = self._maps[kind]
        word = registers.encode(name, **field) if value is None else value
        self.lines.append(f"w {UNIT * unit + registers.address(name):#x} {word:#x}")

    def read(self, says: str, kind: str, unit: int, name: str) -> None:
        """Read a register of a unit."""
        self.lines.append(f"r {says} {UNIT * unit + self._maps[kind].address(name):#x}")

    def endpoint(self, endpoint: int) -> int:
        """Return the unit of an endpoint's registers."""
        return self.chip.n_planes + endpoint

    @property
    def ends(self) -> range:
        """Units of the ends of links."""
        first = self.chip.n_planes + self.chip.n
        return range(first, first + 2 * self.chip.n * self.chip.n_planes * self.chip.links)

    def _bring_up(self) -> None:
        chip, times = self.chip, self.times
        for end in self.ends:
            for name in ("replay_cycles", "keepalive_cycles", "dead_cycles", "age_cycles"):
                self.write("link", end, name, getattr(times, name))
            self.write("link", end, "control", enable=1)
        for plane in range(chip.n_planes):
            for dst in range(chip.n + chip.n_engines):
                self.write("csr", plane, f"fwd_all[{dst}]", valid=1, out=dst)
            self.write("csr", plane, f"group[{GROUP}][0]", (1 << chip.n) - 1)
            self.write("csr", plane, "reduction_timeout", 20_000)
        for e in range(chip.n):
            unit = self.endpoint(e)
            self.write("endpoint", unit, "source", e)
            self.write("endpoint", unit, "control", seal=1, require=1)
            self.write("endpoint", unit, "region[0].base_high", REGION >> 32)
            size_log2 = WINDOW_LOG2 + (chip.n - 1).bit_length()
            self.write(
                "endpoint", unit, "region[0].entry", valid=1, size_log2=size_log2,
                window_log2=WINDOW_LOG2,
            )  # fmt: skip
            for name in ("reissue_delay", "loss_timeout", "tag_timeout", "avoid_time"):
                self.write("endpoint", unit, name, getattr(times, name))
        self.up(chip.ways)

    def up(self, ways: int) -> None:
        """Wait until just these ways are up, and the switches have seen it."""
        self.add(f"up {ways:#x} 10000", "run 20")

    def inject(self, rate: int) -> None:
        """Let so many of 2^32 cycles have a wrong bit, at all ends of links."""
        for end in self.ends:
            self.write("link", end, "inject_rate", rate)
            self.write("link", end, "inject_seed", 0x1234_5678 * (end + 1) & 0xFFFF_FFFF)
            self.write("link", end, "command", load=1)

    def run(self, seed: int = 1) -> dict[str, Any]:
        """Run the script and return what it found; RuntimeError when it cannot go on."""
        chip = self.chip
        command = [
            str(built(chip).executable), f"endpoints={chip.n}", f"planes={chip.n_planes}",
            f"width={chip.flit_w}", f"seed={seed}",
        ]  # fmt: skip
        text = "\n".join(self.lines) + "\n"
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()} {done.stdout[-500:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def nothing_wrong(found: dict[str, Any], but: Iterable[str] = ()) -> dict[str, Any]:
    """Return what was found; RuntimeError when something is wrong or has no answer."""
    for name in ("errors", "wrong", "strange", "unknown", "unanswered"):
        if found[name] and name not in but:
            raise RuntimeError(f"{name}: {found[name]}, in {found}")
    return found
