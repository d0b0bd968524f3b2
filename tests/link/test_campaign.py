# SPDX-License-Identifier: Apache-2.0
"""Faults by the hundred thousand between two links: generator, wires and checkers run in C++.

The long tests are `make regress SUITE=link`; the short ones are the same program with less to do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from switchproof.ci import evidence, link_campaign
from switchproof.ci.pytest_plugin import Program
from switchproof.ci.simulate import FIGURES

#: Flits of one run, and (blocks of a beat, run): together more than 10^8 flits. The wide ones take
#: longest and begin.
LONG_FLITS = 5_000_000
LONG_RUNS = [(k, run) for k, runs in ((4, 4), (2, 6), (1, 12)) for run in range(runs)]
SHORT_FLITS = 100_000
#: Cycles of fuzz of each width.
LONG_CYCLES, SHORT_CYCLES = 3_500_000, 50_000
#: Kinds of faults that a short run is sure to have.
COMMON = ("flip", "lose", "drop", "twice", "truncate", "delay", "skip", "gap", "inject", "stall")


def run(program: Program, k: int, part: str, **args: int) -> dict[str, Any]:
    """Run a part of the campaign and leave its counts as functional coverage."""
    words = [f"part={part}", *(f"{name}={value}" for name, value in args.items())]
    found = program.run(link_campaign.spec(link_campaign.CONFIGS[k]), words, timeout=1500)
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


def accounted(found: dict[str, Any]) -> None:
    """Check what flushes left: packets may be missing, but not in silence."""
    wrong = {name: found[name] for name in ("duplicated", "reordered", "corrupted") if found[name]}
    assert not wrong, wrong
    assert found["events"]["flush"] and found["cut"], "no flush, or none that cut a packet"
    assert 0 < found["lost"] <= found["lost_told"]


def nothing_false(found: dict[str, Any], k: int) -> None:
    """Check that a fuzz went everywhere; whether what came was right it has checked itself."""
    # A beat of one block has no other place for a trailer or a SKIP, and no second end.
    cannot = {"trailer_place", "skip_place", "two_ends"} if k == 1 else set()
    cold = {name for name, count in found["breaches"].items() if not count} - cannot
    cold |= {name for name, count in found["reached"].items() if not count}
    assert not cold, f"never: {cold}"
    verdicts = ("frame", "duplicate", "ahead", "damaged", "crc", "malformed", "epoch", "over")
    never = [name for name in verdicts if not found["events"][f"rx_{name}"]]
    assert not never, f"no frame was called {never}"


@pytest.mark.parametrize("k", [1, 4])
def test_campaign_short(program: Program, k: int) -> None:
    found = run(program, k, "campaign", flits=SHORT_FLITS, episode=3000)
    exactly_once(found, SHORT_FLITS)
    missing = [kind for kind in COMMON if not found["injected"][kind]]
    assert not missing, f"never happened: {missing}"


def test_flushes_short(program: Program) -> None:
    accounted(run(program, 1, "flush", flits=20_000))


@pytest.mark.parametrize("k", [1, 4])
def test_fuzz_short(program: Program, k: int) -> None:
    nothing_false(run(program, k, "fuzz", cycles=SHORT_CYCLES, episode=2000), k)


def test_figures_of_runs_are_added(tmp_path: Path) -> None:
    """Counts are added, the greatest stays the greatest, and the evidence takes all of it."""
    runs = []
    for seed in (1, 2):
        found = {
            "part": "campaign", "k": seed, "seed": seed, "seconds": 1.0, "flits": 60_000_000,
            "lost": 0, "injected": {"drop": 600, "cut": 1000 * seed}, "longest_recovery": seed,
        }  # fmt: skip
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / FIGURES).write_text(json.dumps(found))
        runs.append(str(folder))
    merged = link_campaign.merged([{"runs": runs[:1]}, {"runs": runs[1:]}, {"name": "failed"}])
    data = evidence.results([], 1.0, seeds=1, suite="regress/link", **merged)
    assert data["flits"] == 120_000_000 and data["injected"] == {"drop": 1200, "cut": 3000}
    assert data["k"] == [1, 2] and data["runs"] == 2 and data["longest_recovery"] == 2
    assert link_campaign.short_of(data) == []
    data["injected"]["drop"], data["lost"], data["flits"] = 999, 1, 99_999_999
    assert len(link_campaign.short_of(data)) == 3


def test_longest_round_trip(program: Program) -> None:
    """500 m, 5 us there and back at 1 GHz: at least 99% of what a short wire carries."""
    link, share = link_campaign.LINK5US, {}
    for wire in (20, 2_500):
        asked = link_campaign.rate_arguments(link, wire, 40_000)
        words = ["part=rate", *(f"{name}={value}" for name, value in asked.items())]
        found = program.run(link_campaign.spec(link), words)
        share[wire] = found["payload_share"]
    assert share[20] >= 0.91 and share[2_500] >= 0.99 * share[20], share


def test_an_absent_frame_is_asked_for_at_once(program: Program) -> None:
    """A frame that does not come costs itself and a round trip, not the one behind it too."""
    link, wire, cycles = link_campaign.LINK5US, 20, 300_000
    asked = link_campaign.rate_arguments(link, wire, cycles)
    found = []
    for share in ("0", "0.02"):
        words = [
            "part=rate",
            f"drop={share}",
            *(f"{name}={value}" for name, value in asked.items()),
        ]
        found.append(program.run(link_campaign.spec(link), words))
    frame = link.frame_units + 1
    lost = (1 - found[1]["payload_share"] / found[0]["payload_share"]) * 2 * cycles
    assert found[1]["frames_lost"] > 50
    assert frame + 2 * wire < lost / found[1]["frames_lost"] < 2 * frame, found


@pytest.mark.campaign
@pytest.mark.parametrize(("k", "shard"), LONG_RUNS)
def test_campaign(program: Program, k: int, shard: int) -> None:
    found = run(program, k, "campaign", flits=LONG_FLITS)
    exactly_once(found, LONG_FLITS)
    assert k == 1 or found["narrow_episodes"], "never over fewer lanes"


@pytest.mark.campaign
@pytest.mark.parametrize("k", [4, 2, 1])
def test_flushes(program: Program, k: int) -> None:
    accounted(run(program, k, "flush", flits=500_000))


@pytest.mark.campaign
@pytest.mark.parametrize("k", [4, 2, 1])
def test_fuzz(program: Program, k: int) -> None:
    found = run(program, k, "fuzz", cycles=LONG_CYCLES)
    nothing_false(found, k)
    assert found["wrong_fields_cycles"] * 2 >= found["fuzz_cycles"]
