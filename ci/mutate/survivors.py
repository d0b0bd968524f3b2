# SPDX-License-Identifier: Apache-2.0
"""What is known of defects that no test notices: ci/mutate_survivors.toml.

An entry names a defect by its text and the line it is in, not by a number, so that it stays true
while code moves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from switchproof.ci.mutate.design import Design
from switchproof.ci.mutate.points import Point
from switchproof.ci.mutate.rewrite import one_line
from switchproof.ci.paths import ROOT, shown

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

FILE = ROOT / "ci" / "mutate_survivors.toml"
#: What an entry may say of a defect.
STATUS = {
    "equivalent": "no input can tell it from the original",
    "unspecified": "it changes what the specification leaves open",
    "performance": "only time or room is lost, and what must not be is not",
    "redundant": "what it breaks is there twice",
    "uncovered": "no test of the default regression looks there yet",
}


class SurvivorsError(RuntimeError):
    """The file cannot be read, or an entry lacks something."""


@dataclasses.dataclass(frozen=True)
class Key:
    """A defect, independent of where in its file it stands."""

    file: str
    line: str
    before: str
    after: str


@dataclasses.dataclass(frozen=True)
class Survivor:
    """An explained defect."""

    key: Key
    status: str
    reason: str


def key(design: Design, point: Point) -> Key:
    """Return the key of a defect."""
    text = design.texts[point.path]
    begin = text.rfind("\n", 0, point.start) + 1
    end = text.find("\n", point.start)
    return Key(
        shown(point.path),
        one_line(text[begin : end if end >= 0 else len(text)]),
        one_line(text[point.start : point.end]),
        one_line(point.after),
    )


def load(path: Path = FILE) -> dict[Key, Survivor]:
    """Return all entries. Raises SurvivorsError that names what is wrong."""
    if not path.exists():
        return {}
    try:
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SurvivorsError(f"{shown(path)}: {error}") from None
    found: dict[Key, Survivor] = {}
    for number, entry in enumerate(table.get("survivor", []), 1):
        where = f"{shown(path)}: survivor {number}"
        missing = {"file", "line", "before", "after", "status", "reason"} - set(entry)
        if missing:
            raise SurvivorsError(f"{where} lacks {', '.join(sorted(missing))}")
        if entry["status"] not in STATUS:
            raise SurvivorsError(f"{where}: status is not one of {', '.join(STATUS)}")
        if not entry["reason"].strip():
            raise SurvivorsError(f"{where} gives no reason")
        made = Key(entry["file"], entry["line"], entry["before"], entry["after"])
        if made in found:
            raise SurvivorsError(f"{where} is there twice")
        found[made] = Survivor(made, entry["status"], " ".join(entry["reason"].split()))
    return found


def stale(known: Iterable[Survivor], possible: Iterable[Key]) -> list[Survivor]:
    """Return entries that no defect that can be made has: the code has changed."""
    there = set(possible)
    return [entry for entry in known if entry.key not in there]
