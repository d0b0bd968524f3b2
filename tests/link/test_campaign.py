# SPDX-License-Identifier: Apache-2.0
"""Faults by the hundred thousand between two links: generator, wires and checkers run in C++.

The long tests are `make regress SUITE=link`; the short ones are the same program with less to do.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from switchproof.ci import link_campaign
from switchproof.ci.pytest_plugin import Program

#: Flits of one run, and runs of each width: together more than 10^8 flits.
LONG_FLITS, LONG_RUNS = 5_000_000, 8
SHORT_FLITS = 100_000
#: Kinds of faults that a short run is sure to have.
COMMON = ("flip", "lose", "drop", "twice", "truncate", "delay", "skip", "gap", "wait", "stall")


def run(program: Program, k: int, part: str, **args: int) -> dict[str, Any]:
    """Run a part of the campaign and leave its counts as functional coverage."""
    words = [f"part={part}", *(f"{name}={value}" for name, value in args.items())]
    found = program.run(link_campaign.spec(k), words, timeout=1500)
    hits = {
        f"campaign.{part}.{group}.{name}": count
        for group in ("events", "injected")
        for name, count in found[group].items()
    }
    (program.results[-1].path / "functional.json").write_text(json.dumps(hits))
    return found


def exactly_once(found: dict[str, Any], flits: int) -> None:
    """Check what a campaign found."""
    wrong = {name: found[name] for name in link_campaign.WRONG if found[name]}
    assert not wrong and found["flits"] >= flits, f"{wrong}, {found['flits']} flits"
    assert not found["events"]["flush"], "the link went down"


@pytest.mark.parametrize("k", [1, 4])
def test_campaign_short(program: Program, k: int) -> None:
    found = run(program, k, "campaign", flits=SHORT_FLITS, episode=3000)
    exactly_once(found, SHORT_FLITS)
    missing = [kind for kind in COMMON if not found["injected"][kind]]
    assert not missing, f"never happened: {missing}"


@pytest.mark.campaign
@pytest.mark.parametrize("shard", range(LONG_RUNS))
@pytest.mark.parametrize("k", [4, 2, 1])
def test_campaign(program: Program, k: int, shard: int) -> None:
    found = run(program, k, "campaign", flits=LONG_FLITS)
    exactly_once(found, LONG_FLITS)
    few = {kind: count for kind, count in found["injected"].items() if count < 50}
    assert not few, f"too rarely: {few}"
