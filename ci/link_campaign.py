# SPDX-License-Identifier: Apache-2.0
"""The fault campaign of the link: what to build, and one set of figures out of many runs.

Each run is a process of tests/link/campaign, whose `main` is two links, the wires between them and
their users. `make regress SUITE=link` runs the tests of tests/link/test_campaign.py that are marked
`campaign`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from switchproof.ci import build
from switchproof.ci.filelists import needed
from switchproof.ci.paths import TESTS
from switchproof.ci.simulate import FIGURES
from switchproof.models import profiles

FOLDER = TESTS / "link" / "campaign"
#: What both ends are in the campaign, by blocks of a beat.
CONFIGS: dict[int, profiles.Link] = {k: profiles.link(f"faults{k}") for k in (1, 2, 4)}
#: The configuration of the measurements.
LINK5US = profiles.link("link5us")
#: Of a whole campaign: flits, and faults of each kind.
FLITS, FAULTS = 100_000_000, 1_000
#: Figures of which the greatest counts, not the sum.
GREATEST = ("longest_recovery", "receiver_states")
#: What must never be.
WRONG = ("lost", "duplicated", "reordered", "corrupted")


def spec(link: profiles.Link) -> build.BuildSpec:
    """Return what to build: two ends of one configuration, wires and users."""
    return build.BuildSpec(
        name=f"link-campaign-{link.name}",
        toplevel="sp_campaign_end",
        sources=(*needed(FOLDER / "sp_campaign_end.sv"), FOLDER / "campaign_main.cpp"),
        parameters=tuple(link.parameters.items()),
        vpi=False,
    )


def rate_arguments(link: profiles.Link, wire: int, cycles: int) -> dict[str, int]:
    """Return what `part=rate` is asked for: timers follow a wire of so many cycles each way."""
    return {
        "cycles": cycles,
        "wire": wire,
        # There and back, two longest frames, and what both ends need.
        "replay_cycles": 2 * wire + 2 * link.frame_beats + 40,
        "keepalive_cycles": 1_000,
        "dead_cycles": 20_000 + 10 * wire,
        "replay_limit": 255,
        "skip_beats": 0,
    }


def merged(tests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums over all runs of a session: of the campaign, of flushes, of the fuzz."""
    parts: dict[str, dict[str, Any]] = {}
    for test in tests:
        for folder in test.get("runs", []):
            found = json.loads((Path(folder) / FIGURES).read_text())
            part = parts.setdefault(found["part"], {"runs": 0, "k": [], "run_seeds": []})
            part["runs"] += 1
            if found["k"] not in part["k"]:
                part["k"] = sorted([*part["k"], found["k"]])
            part["run_seeds"].append(found["seed"])
            for key, value in found.items():
                if isinstance(value, dict):
                    sums = part.setdefault(key, {})
                    for name, count in value.items():
                        sums[name] = sums.get(name, 0) + count
                elif key in GREATEST:
                    part[key] = max(part.get(key, 0), value)
                elif key not in ("part", "k", "seed", "seconds"):
                    part[key] = part.get(key, 0) + value
    main = parts.pop("campaign", {})
    return {**main, "parts": parts, "configs": {str(k): CONFIGS[k].parameters for k in CONFIGS}}


def short_of(found: Mapping[str, Any]) -> list[str]:
    """Return what a whole campaign lacks: flits, faults of a kind, or that nothing was wrong."""
    lines = [f"{found[name]} {name}" for name in WRONG if found.get(name)]
    if found.get("flits", 0) < FLITS:
        lines.append(f"{found.get('flits', 0):,} flits, not {FLITS:,}")
    injected = found.get("injected", {})
    lines += [f"{n} of {kind}, not {FAULTS:,}" for kind, n in injected.items() if n < FAULTS]
    return lines
