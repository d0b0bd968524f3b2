# SPDX-License-Identifier: Apache-2.0
"""The test plan: tests/<block>/testplan.toml, and whether each point was really met.

A point is met when every test it lists exists, ran and passed, and every functional coverage name
it asks for was hit by one of those tests. A test that is listed and never runs is an error.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from switchproof.ci.paths import TESTS, shown

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

FIELDS = {"name", "stage", "about", "tests", "coverage", "why"}
STAGES = ("V1", "V2", "V3")


class PlanError(ValueError):
    """A test plan that does not say what it must; the text names file and point."""


@dataclasses.dataclass(frozen=True)
class Point:
    """One point of a plan: what must be shown, by which tests and coverage."""

    block: str
    name: str
    stage: str
    about: str
    tests: tuple[str, ...]
    coverage: tuple[str, ...]
    why: str = ""


@dataclasses.dataclass
class Verdict:
    """One point with what is missing from it and how many coverage names it hit."""

    point: Point
    missing: list[str]
    hit: int = 0
    bins: int = 0
    runs: int = 0


def load(folder: Path = TESTS) -> list[Point]:
    """Return the points of all plans below a folder. Raises PlanError."""
    points = []
    for path in sorted(folder.rglob("testplan.toml")):
        block = path.parent.relative_to(folder).as_posix()
        try:
            table = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise PlanError(f"{shown(path)}: {error}") from None
        names: set[str] = set()
        for entry in table.get("point", []):
            point = _point(path, block, entry)
            if point.name in names:
                raise PlanError(f"{shown(path)}: two points are named {point.name}")
            names.add(point.name)
            points.append(point)
    return points


def _point(path: Path, block: str, entry: Mapping[str, Any]) -> Point:
    name = entry.get("name", "?")
    where = f"{shown(path)}: point {name}"
    for field in ("name", "stage", "about", "tests", "coverage"):
        if field not in entry:
            raise PlanError(f"{where}: {field} is missing")
    for field in entry:
        if field not in FIELDS:
            raise PlanError(f"{where}: unknown field {field}")
    if entry["stage"] not in STAGES:
        raise PlanError(f"{where}: stage {entry['stage']} is not one of {', '.join(STAGES)}")
    if not entry["tests"]:
        raise PlanError(f"{where}: it lists no test")
    for test in entry["tests"]:
        if not re.fullmatch(r"(\w+/)*test_\w+", test):
            raise PlanError(f"{where}: {test} is no name of a test function")
    if not entry["coverage"] and not entry.get("why"):
        raise PlanError(f"{where}: no coverage and no `why`")
    return Point(
        block=block,
        name=name,
        stage=entry["stage"],
        about=entry["about"],
        tests=tuple(entry["tests"]),
        coverage=tuple(entry["coverage"]),
        why=entry.get("why", ""),
    )


def judge(
    points: Iterable[Point],
    tests: Iterable[Mapping[str, Any]],
    functional: Mapping[str, Mapping[str, int]],
) -> list[Verdict]:
    """Return a verdict for each point.

    ``tests`` are results with block, function, status; ``functional`` maps a test's function
    (``block/function``) to the hits its runs left. A name counts only when a listed test hit it.
    """
    by_function: dict[str, list[str]] = {}
    for test in tests:
        key = f"{test.get('block', '')}/{test.get('function', '')}"
        by_function.setdefault(key, []).append(test["status"])
    verdicts = []
    for point in points:
        verdict = Verdict(point, [])
        hits: dict[str, int] = {}
        for name in point.tests:
            # A test of another block is listed as block/function.
            key = name if "/" in name else f"{point.block}/{name}"
            states = by_function.get(key, [])
            verdict.runs += states.count("passed")
            if not states:
                verdict.missing.append(f"test {key} does not exist or never ran")
            elif "failed" in states:
                verdict.missing.append(f"test {key} failed")
            elif "passed" not in states:
                verdict.missing.append(f"test {key} was skipped")
            for bin_name, count in functional.get(key, {}).items():
                hits[bin_name] = hits.get(bin_name, 0) + count
        _judge_coverage(point, hits, verdict)
        verdicts.append(verdict)
    return verdicts


def _judge_coverage(point: Point, hits: Mapping[str, int], verdict: Verdict) -> None:
    for pattern in point.coverage:
        found = [name for name in hits if fnmatchcase(name, pattern)]
        cold = [name for name in found if hits[name] <= 0]
        verdict.bins += max(1, len(found))
        verdict.hit += len(found) - len(cold)
        if not found:
            verdict.missing.append(f"coverage {pattern}: its tests know no such name")
        elif cold:
            more = f" and {len(cold) - 4} more" if len(cold) > 4 else ""
            verdict.missing.append(f"coverage not hit: {', '.join(sorted(cold)[:4])}{more}")


def unlisted(points: Iterable[Point], tests: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return simulation tests that no plan lists: written, run, and proving nothing by name."""
    listed = {n if "/" in n else f"{p.block}/{n}" for p in points for n in p.tests}
    ran = {f"{test['block']}/{test['function']}" for test in tests if test.get("runs")}
    return sorted(ran - listed)
