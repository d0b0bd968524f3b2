# SPDX-License-Identifier: Apache-2.0
"""How fast the simulation is, as ratios in one run.

raw_cps       the design clocked from C++, traffic made on chip, no testbench
raw_cps_e16   the same with 16 engines
pipe_cps      rings, every packet checked against the golden model
signal_cps    the same through cocotb handles
naive_cps     a coroutine and separate handles for each port and side, nothing checked

All carry packets of 256 bytes to uniformly random ports at full load. Rates are cycles a second,
the median of the stretches measured; runs of raw, pipe and naive take turns, so that a machine
that slows down slows all.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

from switchproof.ci import build, harness_cache
from switchproof.ci.paths import ROOT
from switchproof.ci.simulate import Run, simulate
from switchproof.models import csr, profiles
from switchproof.models.profiles import Config

CONFIG = "dev16"
AT_LEAST = {"port_utilisation": 0.8, "pipe_over_raw": 0.5, "pipe_over_naive": 40}

HERE = Path(__file__).resolve().parent
RINGS = ROOT / "tb" / "duts" / "sp_switch_core.toml"
SIGNALS = ROOT / "tb" / "duts" / "sp_switch_core_signals.toml"
ROUNDS = 5
RAW_CYCLES, PIPE_CYCLES, SIGNAL_CYCLES, NAIVE_CYCLES = 200_000, 40_000, 400, 1_000


def raw_build(config: Config) -> Path:
    """Return the executable that clocks the bare design."""
    what = harness_cache.switch()
    names = ("traffic_gen.sv", "raw_bench.sv", "raw_main.cpp")
    spec = build.BuildSpec(
        name=f"raw-{config.name}",
        toplevel="raw_bench",
        sources=(*what.sources, *(HERE / "raw" / name for name in names)),
        include_dirs=what.include_dirs,
        parameters=tuple(what.values(config).items()),
        vpi=False,
    )
    return build.build(spec).executable


def raw(executable: Path, config: Config) -> dict[str, float]:
    """Return cps and the lowest utilisation of a port, of one run."""
    registers = csr.load()
    first, second = (registers.address(f"fwd_all[{dst}]") for dst in (0, 1))
    command = [executable, RAW_CYCLES, hex(first), second - first, config.ports]
    found = subprocess.run([str(word) for word in command], capture_output=True, check=True)
    figures: dict[str, float] = json.loads(found.stdout)
    return figures


def cocotb_run(what: Path, config: Config, testcase: str, cycles: int) -> dict[str, Any]:
    """Return what a test of rates.py measured."""
    made = build.build(harness_cache.spec(what, config))
    found = simulate(
        Run(
            name=f"bench/{testcase}[{what.stem}]",
            build=made,
            toplevel="sp_harness",
            module="tests.bench.rates",
            testcase=testcase,
            seed=1,
            env={**harness_cache.run_environment(what, config), "SP_CYCLES": str(cycles)},
            paths=(HERE,),
            timeout=900,
        )
    )
    figures: dict[str, Any] = json.loads((found.path / "rates.json").read_text())
    return figures


def rate(stretches: list[tuple[int, float]]) -> float:
    """Return the median of cycles a second."""
    return statistics.median(cycles / seconds for cycles, seconds in stretches)


def _ratio(some: list[float], others: list[float]) -> float:
    """Return the median ratio of neighbours: of two rates of the same round."""
    return statistics.median(a / b for a, b in zip(some, others, strict=True))


def main(config: Config) -> dict[str, Any]:
    """Measure and return the figures of the named configuration."""
    bare = raw_build(config)
    raws, pipes, naives = [], [], []
    for _ in range(ROUNDS):
        raws.append(raw(bare, config))
        pipes.append(cocotb_run(RINGS, config, "CheckedRate", PIPE_CYCLES))
        naives.append(cocotb_run(SIGNALS, config, "naive", NAIVE_CYCLES))
    signal = cocotb_run(SIGNALS, config, "CheckedRate", SIGNAL_CYCLES)
    many = profiles.get("dev16e16") if config.name == "dev16" else config.replace(engines=16)
    sixteen = raw(raw_build(many), many)

    raw_rates = [run["cps"] for run in raws]
    pipe_rates = [rate(run["stretches"]) for run in pipes]
    naive_rates = [rate(run["stretches"]) for run in naives]
    pipe_cps = statistics.median(pipe_rates)
    utilisation = min(*(r["utilisation"] for r in raws), *(p["utilisation"] for p in pipes))
    return {
        "config": config.name,
        "raw_cps": statistics.median(raw_rates),
        "pipe_cps": pipe_cps,
        "signal_cps": rate(signal["stretches"]),
        "naive_cps": statistics.median(naive_rates),
        "raw_cps_e16": sixteen["cps"],
        "pipe_over_raw": _ratio(pipe_rates, raw_rates),
        "pipe_over_naive": _ratio(pipe_rates, naive_rates),
        "port_utilisation": utilisation,
        "checked_flits_per_s": pipe_cps * config.ports * utilisation,
    }
