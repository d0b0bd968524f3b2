# SPDX-License-Identifier: Apache-2.0
"""The program that `make bench BENCH=crossbar` measures with, on a small switch.

It ends with an error when a packet is lost, repeated, out of order or wrong, so each run is a test
of the switch too; what is asserted here is what the pages promise and theory says.
"""

from __future__ import annotations

import json
from typing import Any

from switchproof.ci import crossbar_bench
from switchproof.ci.crossbar_bench import SATURATED, Flow, Run
from switchproof.ci.pytest_plugin import Program
from switchproof.models import profiles

CONFIG = profiles.get("dev4a")


def run(program: Program, point: str, run: Run) -> Any:
    """Run and return what was found; leaves packets as functional coverage."""
    found = program.run(crossbar_bench.spec(CONFIG, opt="-O1"), crossbar_bench.arguments(run))
    hits = {f"performance.{point}": found["received"]}
    (program.results[-1].path / "functional.json").write_text(json.dumps(hits))
    return found


def test_lone_packets(program: Program) -> None:
    """A lone packet of L flits is on the egress L + 3 cycles after its first beat came."""
    for units, flits in ((0, 1), (2, 1), (16, 8)):
        asked = Run(CONFIG, (Flow(0, units=units),), 4_000, seed=program.seed, lone=True)
        flow = run(program, "lone", asked)["flows"][0]
        assert flow["packets"] > 50
        assert (flow["least"], flow["most"]) == (flits + 3, flits + 3)


def test_throughput(program: Program) -> None:
    """All traffic that can be carried is: uniform at .9, and permutations at full rate."""
    asked = Run(CONFIG, (Flow(0.9),), 30_000, 2_000, program.seed)
    found = run(program, "uniform", asked)
    assert found["backlog"] < 1_000
    own = tuple(Flow(SATURATED, str(i), str((i + 1) % 4)) for i in range(4))
    found = run(program, "permutation", Run(CONFIG, own, 10_000, 500, program.seed))
    assert min(found["by_output"]) == 1.0


def test_fair_shares(program: Program) -> None:
    """Four inputs that always send to one output share it in equal parts, whatever the lengths."""
    flows = (Flow(SATURATED, output="2"), Flow(SATURATED, output="2", units=16))
    for some in (flows[:1], flows[1:]):
        found = run(program, "incast", Run(CONFIG, some, 8_000, 1_000, program.seed))
        assert found["by_output"][2] == 1.0
        shares = found["flows"][0]["by_input"]
        assert max(shares) - min(shares) <= 8 / 8_000 + 1e-9
