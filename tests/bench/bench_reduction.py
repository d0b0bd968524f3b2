# SPDX-License-Identifier: Apache-2.0
"""What reductions take, in cycles, and what sums are worth. All from RTL, each packet checked.

flits_per_cycle_m<members>_b<bytes>  flits of contributions that one engine takes in a cycle from
                      members that always have some, FP32 sums
bound_m<members>_b<bytes>  what is possible: min(1, m f / (5 f + 2)) for f flits a packet
latency_last_in_first_out_cycles  last beat of the last of 8 contributions of 256 bytes on a port,
                      to the first beat of the result on a port, nothing else under way
inswitch_efficiency_n<members>  AllReduce of 1 MiB of FP32, as many engines as members: cycles at
                      line rate, a flit in and a flit out at each member, over those measured
ring_efficiency_n<members>  the same by a ring through the same switch, 2(N-1)/N times the flits;
                      members add in no time, and what lies between steps does not count
allreduce_over_ring_n<members>  cycles of the ring over those of the engines; bound: 2(N-1)/N
exact_vs_fp32_wrong   of 1,000 stressed sums of 512 BF16 numbers, those that FP32 additions one
                      behind the other, rounded to BF16 at the end, get wrong
exact_wrong           those that the lanes get wrong. The judge of both is MPFR
partial_expansion     bytes of a partial, as an engine sends it to the tier above, over bytes of a
                      contribution, both with their headers: FP32 gradients of four members of the
                      training of digits, at four of its steps, in contributions of 256 bytes
partial_expansion_bf16  the same in BF16, whose elements are half as long
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from switchproof.ci import build, harness_cache
from switchproof.ci.paths import ROOT
from switchproof.ci.simulate import Run, simulate
from switchproof.models import partial
from switchproof.models.profiles import Config
from tests.bench import partial_lengths, stressed_sums
from tests.bench.collective_rates import MEMBERS, RINGS, UNITS, VECTOR

CONFIG = "red_bench"
AT_LEAST = {
    "flits_per_cycle_m8_b256": 0.98, "flits_per_cycle_m16_b256": 0.98,
    **{f"{way}_efficiency_n{n}": 0.95 for way in ("inswitch", "ring") for n in RINGS},
}  # fmt: skip
AT_MOST = {
    "exact_wrong": 0,
    # where raw contributions of the tier's members would be as long, by the rule of break-even
    "partial_expansion": partial.RAW_UP_TO[4] + 1,
    "partial_expansion_bf16": partial.RAW_UP_TO[2] + 1,
}

HERE = Path(__file__).resolve().parent
RING_PIPE = ROOT / "tb" / "duts" / "sp_switch_core.toml"


def main(config: Config) -> dict[str, Any]:
    """Measure and return the figures of the named configuration."""
    made = build.build(harness_cache.spec(RING_PIPE, config))
    found = simulate(
        Run(
            name="bench/collectives",
            build=made,
            toplevel="sp_harness",
            module="tests.bench.collective_rates",
            testcase="Collectives",
            seed=1,
            env=harness_cache.run_environment(RING_PIPE, config),
            paths=(HERE,),
            timeout=3600,
        )
    )
    measured: dict[str, float] = json.loads((found.path / "rates.json").read_text())
    figures: dict[str, Any] = {
        "what": f"{config.ports} ports of {config.flit_w} bits, {config.engines} engines of "
        f"{config.contexts} contexts, all element types: {config.types == 63}, "
        f"member order: {bool(config.ordered)}"
    }
    for members in MEMBERS:
        for units in UNITS:
            name = f"m{members}_b{16 * units}"
            flits = max(1, 128 * units // config.flit_w)
            figures[f"flits_per_cycle_{name}"] = round(measured[f"flits_per_cycle_{name}"], 4)
            figures[f"bound_{name}"] = round(min(1.0, members * flits / (5 * flits + 2)), 4)
    name = "latency_last_in_first_out_cycles"
    figures[name] = measured[name]
    flits = 8 * VECTOR // config.flit_w
    for n in RINGS:
        steps = 2 * (n - 1) / n
        ring, inswitch = measured[f"ring_cycles_n{n}"], measured[f"inswitch_cycles_n{n}"]
        figures[f"inswitch_cycles_n{n}"], figures[f"ring_cycles_n{n}"] = inswitch, ring
        figures[f"inswitch_efficiency_n{n}"] = round(flits / inswitch, 4)
        figures[f"ring_efficiency_n{n}"] = round(steps * flits / ring, 4)
        figures[f"allreduce_over_ring_n{n}"] = round(ring / inswitch, 4)
        figures[f"allreduce_over_ring_n{n}_bound"] = steps
    return figures | stressed_sums.figures() | partial_lengths.figures()
