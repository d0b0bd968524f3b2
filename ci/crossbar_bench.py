# SPDX-License-Identifier: Apache-2.0
"""Measuring the switch: sources and sinks in C++ around the whole of it, every packet checked.

Each run is a process of tests/bench/crossbar; crossbar_main.cpp says what a flow is, what a latency
and what is checked.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from switchproof.ci import build, harness_cache, tools
from switchproof.ci.paths import HARNESS, TESTS
from switchproof.models import csr
from switchproof.models.profiles import Config

FOLDER = TESTS / "bench" / "crossbar"
#: Load of a source that always has a packet.
SATURATED = 1e9


class WrongPacket(RuntimeError):
    """A packet was lost, repeated, out of order or wrong; the text says which and when."""


@dataclasses.dataclass(frozen=True)
class Flow:
    """Packets of `units` payload units from inputs to outputs on a VC, or ``*`` for random ones.

    `inputs` is a port, ``*`` for each, or ``m/r`` for those that are r modulo m; `output` a port,
    ``*`` for uniformly random ones, or ``all`` for multicasts to all ports. `load` is in flits a
    cycle of an input.
    """

    load: float
    inputs: str = "*"
    output: str = "*"
    vc: int | str = 0
    units: int = 0

    def __str__(self) -> str:
        return f"{self.inputs},{self.output},{self.vc},{self.load:.12g},{self.units}"


@dataclasses.dataclass(frozen=True)
class Run:
    """One measurement: packets that arrive in `cycles` cycles after `warm`.

    `lone`: one packet at a time in the whole switch; `obey`: sources look at the room masks.
    """

    config: Config
    flows: tuple[Flow, ...]
    cycles: int
    warm: int = 0
    seed: int = 1
    lone: bool = False
    obey: bool = False


def spec(config: Config, opt: str = "-O2") -> build.BuildSpec:
    """Return what to build: the switch of a configuration with its sources and sinks."""
    from switchproof.tb import harness

    what = harness_cache.switch()
    return build.BuildSpec(
        name=f"crossbar-bench-{config.name}",
        toplevel="sp_crossbar_bench",
        sources=(*what.sources, FOLDER / "sp_crossbar_bench.sv", FOLDER / "crossbar_main.cpp"),
        include_dirs=what.include_dirs,
        parameters=tuple(what.values(config).items()),
        args=harness.large_args(config.ports, what.sources, HARNESS),
        vpi=False,
        opt=opt,
    )


def arguments(run: Run) -> list[str]:
    """Return the words of a command line that ask for a run."""
    registers = csr.load()
    words: dict[str, int] = {
        "ports": run.config.ports, "width": run.config.flit_w, "seed": run.seed,
        "warm": run.warm, "cycles": run.cycles, "lone": int(run.lone), "obey": int(run.obey),
    }  # fmt: skip
    writes = {
        f"fwd_all[{port}]": registers.encode("fwd_all[0]", valid=1, out=port)
        for port in range(run.config.ports)
    }
    # Group 0: all ports.
    for word in range((run.config.ports + 31) // 32):
        ports = min(32, run.config.ports - 32 * word)
        writes[f"group[0][{word}]"] = 2**ports - 1
    return [
        *(f"{name}={value}" for name, value in words.items()),
        *(f"write={registers.address(name)}:{value}" for name, value in writes.items()),
        *(f"flow={flow}" for flow in run.flows),
    ]


def measure(executable: Path, run: Run) -> dict[str, Any]:
    """Return what a run found.

    ``flows`` holds for each flow its packets, mean, p99, least and most cycles from arrival to the
    first beat on the egress, and by_input its flits a cycle; ``by_output`` flits a cycle of each
    output; ``cps`` cycles a second. Raises WrongPacket when the switch did something wrong.
    """
    command = [str(executable), *arguments(run)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        # What the RTL's assertions say comes on the other stream.
        raise WrongPacket(f"{' '.join(command)}: {found.stderr.strip()} {found.stdout[-500:]}")
    figures: dict[str, Any] = json.loads(found.stdout)
    return figures


def measure_all(
    runs: Sequence[Run], say: Callable[[str], None] = lambda text: None
) -> dict[Run, dict[str, Any]]:
    """Return what each run found; as many at a time as there are processors, long ones first."""
    begin = time.monotonic()

    def make(config: Config) -> Path:
        made = build.build(spec(config), jobs=1)
        say(f"{config.name} is built, {made.seconds:.0f} s")
        return made.executable

    configs = {run.config.name: run.config for run in runs}
    with ThreadPoolExecutor(tools.jobs()) as pool:
        executables = dict(zip(configs, pool.map(make, configs.values())))
    order = sorted(runs, key=lambda r: -(r.warm + r.cycles) * r.config.ports**2)
    counted = threading.Lock()
    done = 0

    def one(run: Run) -> dict[str, Any]:
        nonlocal done
        found = measure(executables[run.config.name], run)
        with counted:
            done += 1
            if done % 10 == 0 or done == len(order):
                say(f"{done} of {len(order)} runs, {time.monotonic() - begin:.0f} s")
        return found

    with ThreadPoolExecutor(tools.jobs()) as pool:
        return dict(zip(order, pool.map(one, order)))
