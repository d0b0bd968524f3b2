# SPDX-License-Identifier: Apache-2.0
"""How long switches as large as a rack take to build and how fast they run, packets checked.

``python -m tests.bench.racks [name ...]`` prints the figures of these configurations, of all by
default.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from switchproof.ci import build, harness_cache
from switchproof.ci.paths import ROOT
from switchproof.ci.simulate import Run, simulate
from switchproof.models import profiles, scheduling

#: What `make sim PORTS=` builds.
CONFIGS = ("rack64", "rack72", "upn512")
RINGS = ROOT / "tb" / "duts" / "sp_switch_core.toml"
#: Cycles measured in each of three stretches: some seconds.
CYCLES = {"dev16": 20_000, "rack64": 10_000, "rack72": 10_000, "upn512": 1_000}


def model_rate(name: str) -> int:
    """Return cycles a second of processor time of the golden model in time: packets of one flit at
    load .9, uniform, not checked."""
    config = profiles.get(name)
    scheduling.simulate(config, 0.9, cycles=1, warmup=0)  # compiles
    cycles = max(500, 500_000 // config.ports)
    begin = time.process_time()
    scheduling.simulate(config, 0.9, cycles=cycles, warmup=0)
    return round(cycles / (time.process_time() - begin))


def figures(name: str, say: Callable[[str], None] = lambda text: None) -> dict[str, float]:
    """Build and run a named configuration; return its figures.

    build_s_n<ports>   seconds from the sources to the program, when it was made
    cps_n<ports>       cycles a second of processor time at load .9, the median of three stretches;
                       packets of random lengths, each checked against the golden model
    load_n<ports>      flits that left a port in a cycle meanwhile

    Raises BuildError or RunError.
    """
    config = profiles.get(name)
    made = build.build(harness_cache.spec(RINGS, config, opt=build.test_opt(config.ports)))
    say(f"{name} is built, {made.seconds:.0f} s")
    found = simulate(
        Run(
            name=f"bench/rack[{name}]",
            build=made,
            toplevel="sp_harness",
            module="tests.bench.rates",
            testcase="RackRate",
            seed=1,
            env={
                **harness_cache.run_environment(RINGS, config),
                "SP_CYCLES": str(CYCLES[name]),
            },
            paths=(ROOT / "tests" / "bench",),
            timeout=1800,
        )
    )
    measured = json.loads((found.path / "rates.json").read_text())
    rates = sorted(cycles / seconds for cycles, seconds in measured["stretches"])
    return {
        f"build_s_n{config.ports}": made.seconds,
        f"cps_n{config.ports}": round(rates[len(rates) // 2]),
        f"load_n{config.ports}": round(measured["utilisation"], 3),
    }


if __name__ == "__main__":
    for one in sys.argv[1:] or CONFIGS:
        print(json.dumps(figures(one, print) | {f"model_cps_{one}": model_rate(one)}), flush=True)
