# SPDX-License-Identifier: Apache-2.0
"""How long switches as large as a rack take to build and how fast they run, packets checked."""

from __future__ import annotations

import json

from switchproof.ci import build, harness_cache
from switchproof.ci.paths import ROOT
from switchproof.ci.simulate import Run, simulate
from switchproof.models import profiles

#: What `make sim PORTS=` builds.
CONFIGS = ("rack64", "rack72", "upn512")
RINGS = ROOT / "tb" / "duts" / "sp_switch_core.toml"
#: Cycles measured in each of three stretches: some seconds.
CYCLES = {"dev16": 20_000, "rack64": 10_000, "rack72": 10_000, "upn512": 1_000}


def figures(name: str) -> dict[str, float]:
    """Build and run a named configuration; return its figures.

    build_s_n<ports>   seconds from the sources to the program, when it was made
    cps_n<ports>       cycles a second of processor time at load .9, the median of three stretches;
                       packets of random lengths, each checked against the golden model
    load_n<ports>      flits that left a port in a cycle meanwhile

    Raises BuildError or RunError.
    """
    config = profiles.get(name)
    made = build.build(harness_cache.spec(RINGS, config, opt=build.test_opt(config.ports)))
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
    for one in CONFIGS:
        print(json.dumps(figures(one)))
