# SPDX-License-Identifier: Apache-2.0
"""RTL coverage: Verilator's coverage.dat read, reduced, merged, waived, and written for others.

A point is one thing that can be hit: an arm of code (line, branch), a direction of a bit
(toggle), a row of an expression's truth table (expr). Points of all configurations of one module
are merged by place in the source: hit in any of them is hit.

Numbers, in percent of points that no waiver takes out:

- line: source lines with code that ran
- branch: arms of if, case and ?: that were taken
- toggle: bits x directions
- expr: rows of conditions' truth tables
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from switchproof.ci.paths import CI, REPORT, ROOT, shown, write_text

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

KINDS = ("line", "branch", "toggle", "expr")
_LINE = re.compile(r"^C '(.*)' (\d+)$", re.MULTILINE)
_FIELD = re.compile(r"\x01([^\x02]*)\x02([^\x01]*)")
#: Comments of code points that are arms of a decision.
_ARMS = ("if", "else", "elsif", "case", "cond_then", "cond_else")


class CoverageError(ValueError):
    """A coverage or waiver file that cannot be read; the text says which and why."""


@dataclasses.dataclass(frozen=True, order=True)
class Point:
    """One thing to hit: where (path from the root, line, column), its kind, its text."""

    file: str
    line: int
    column: int
    kind: str
    text: str
    lines: tuple[int, ...] = ()


@dataclasses.dataclass
class Waiver:
    """Points that need not be hit, with the reason."""

    file: str
    kind: str
    match: str
    reason: str
    used: int = 0

    def covers(self, point: Point, source_line: str) -> bool:
        """Return whether a point, on a line of source, is waived."""
        return (
            fnmatchcase(point.file, self.file)
            and self.kind in ("*", point.kind)
            and (
                self.match == "*"
                or fnmatchcase(point.text, self.match)
                or fnmatchcase(source_line.strip(), self.match)
            )
        )


def parse(text: str) -> dict[str, int]:
    """Return the raw points of a coverage.dat with their counts; equal points are added up."""
    counts: dict[str, int] = {}
    for key, count in _LINE.findall(text):
        counts[key] = counts.get(key, 0) + int(count)
    return counts


def _line_numbers(text: str) -> Iterable[int]:
    """Return the lines of an ``S`` field such as ``12-14,17``."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first:
            yield from range(int(first), int(last or first) + 1)


def decode(key: str, root: Path = ROOT) -> Point | None:
    """Return the point of a raw key; None for one that is not below the root or not of a kind."""
    fields = dict(_FIELD.findall(key))
    page = fields.get("page", "").split("/")[0]
    path = Path(fields.get("f", ""))
    if not path.is_absolute():
        path = root / path
    if not path.is_relative_to(root):
        return None
    comment = fields.get("o", "")
    kind = {"v_toggle": "toggle", "v_expr": "expr"}.get(page)
    if page in ("v_line", "v_branch"):
        kind = "branch" if comment in _ARMS or page == "v_branch" else "line"
    if kind is None:
        return None
    lines: tuple[int, ...] = ()
    if kind in ("line", "branch"):
        lines = tuple(_line_numbers(fields.get("S", ""))) or (int(fields["l"]),)
    file = path.relative_to(root).as_posix()
    return Point(file, int(fields["l"]), int(fields.get("n", 0)), kind, comment, lines)


def merge(raw: Iterable[Mapping[str, int]], root: Path = ROOT) -> dict[Point, int]:
    """Return all points of several raw files, counts added up over runs and instances."""
    total: dict[str, int] = {}
    for counts in raw:
        for key, count in counts.items():
            total[key] = total.get(key, 0) + count
    points: dict[Point, int] = {}
    for key, count in total.items():
        point = decode(key, root)
        if point is not None:
            points[point] = points.get(point, 0) + count
    return points


def reduce(data: Path, build: Path) -> None:
    """Replace a run's coverage.dat by its counts; the points are kept once for each build.

    A large switch has 10^5 points: 20 MB of text a run, 0.4 MB of numbers.
    """
    found = _LINE.findall(data.read_text())
    keys = "\n".join(key for key, _ in found)
    digest = hashlib.sha256(keys.encode()).hexdigest()[:12]
    store = build / f"coverage-{digest}.keys"
    if not store.exists():
        write_text(store, keys)
    counts = np.array([min(int(count), 2**32 - 1) for _, count in found], dtype=np.uint32)
    np.save(data.parent / "coverage.npy", counts)
    (data.parent / "coverage.json").write_text(json.dumps({"keys": str(store)}))
    data.unlink()


def collect(runs: Iterable[Path]) -> dict[Point, int]:
    """Return the merged points of runs that ``reduce`` left."""
    sums: dict[str, Any] = {}
    for run in runs:
        pointer = run / "coverage.json"
        if pointer.exists():
            store = json.loads(pointer.read_text())["keys"]
            counts = np.load(run / "coverage.npy").astype(np.uint64)
            sums[store] = sums[store] + counts if store in sums else counts
    raw = (dict_of(Path(store).read_text().split("\n"), counts) for store, counts in sums.items())
    return merge(raw)


def dict_of(keys: list[str], counts: Any) -> dict[str, int]:
    """Return key to count; equal keys (instances of one module) are added up."""
    result: dict[str, int] = {}
    for key, count in zip(keys, counts.tolist()):
        result[key] = result.get(key, 0) + count
    return result


def functional(runs: Iterable[Path]) -> dict[str, int]:
    """Return the functional coverage of runs, added up: name to hits, 0 when declared only."""
    total: dict[str, int] = {}
    for run in runs:
        path = run / "functional.json"
        if path.exists():
            for name, hits in json.loads(path.read_text()).items():
                total[name] = total.get(name, 0) + int(hits)
    return total


def load_waivers(path: Path = CI / "waivers.toml") -> list[Waiver]:
    """Return the waivers. Raises CoverageError for one without a reason."""
    if not path.exists():
        return []
    waivers = []
    for entry in tomllib.loads(path.read_text()).get("waiver", []):
        if not entry.get("reason") or not entry.get("file"):
            raise CoverageError(f"{shown(path)}: a waiver needs `file` and `reason`: {entry}")
        kind = entry.get("kind", "*")
        if kind not in (*KINDS, "*"):
            raise CoverageError(f"{shown(path)}: kind {kind} is not one of {', '.join(KINDS)}")
        waivers.append(Waiver(entry["file"], kind, entry.get("match", "*"), entry["reason"]))
    return waivers


@dataclasses.dataclass
class FileCoverage:
    """One source file: per kind the points with counts; waived points are apart."""

    file: str
    points: dict[Point, int]
    waived: dict[Point, int]

    def lines(self) -> dict[int, int]:
        """Return lines with code and how often each ran (the most of the points on it).

        An arm's lines belong to the arm: a line is hit when any point that has it was hit.
        """
        count: dict[int, int] = {}
        waived: set[int] = {n for p in self.waived for n in p.lines}
        for point, hits in self.points.items():
            for number in point.lines:
                if number not in waived:
                    count[number] = max(count.get(number, 0), hits)
        return count

    def score(self) -> dict[str, tuple[int, int]]:
        """Return for each kind how many points were hit, of how many."""
        lines = self.lines()
        result = {"line": (sum(hits > 0 for hits in lines.values()), len(lines))}
        for kind in KINDS[1:]:
            hits = [count for point, count in self.points.items() if point.kind == kind]
            result[kind] = (sum(count > 0 for count in hits), len(hits))
        return result


def by_file(points: Mapping[Point, int], waivers: list[Waiver]) -> list[FileCoverage]:
    """Return the files below rtl/, with waived points taken out."""
    files: dict[str, FileCoverage] = {}
    sources: dict[str, list[str]] = {}
    for point, count in sorted(points.items()):
        if not point.file.startswith("rtl/"):
            continue
        file = files.setdefault(point.file, FileCoverage(point.file, {}, {}))
        if point.file not in sources:
            path = ROOT / point.file
            sources[point.file] = path.read_text().splitlines() if path.exists() else []
        text = sources[point.file]
        line = text[point.line - 1] if 0 < point.line <= len(text) else ""
        waiver = next((w for w in waivers if w.covers(point, line)), None)
        if waiver is not None and count == 0:
            waiver.used += 1
            file.waived[point] = count
        else:
            file.points[point] = count
    return list(files.values())


def block_of(file: str) -> str:
    """Return the block of a source file: its folder below rtl/."""
    parts = file.split("/")
    return parts[1] if len(parts) > 2 else "rtl"


def percent(hit: int, total: int) -> float:
    """Return a percentage with two digits; nothing to hit is 100."""
    return 100.0 if total == 0 else int(10_000 * hit / total) / 100


def summary(
    files: list[FileCoverage],
    waivers: list[Waiver],
    points_met: Mapping[str, tuple[int, int]],
    functional_hits: Mapping[str, int],
    missing: list[str],
) -> dict[str, Any]:
    """Return coverage.json: totals, blocks, holes.

    ``points_met`` maps a block to its plan's points (met, all); functional is their percentage.
    """
    blocks: dict[str, dict[str, tuple[int, int]]] = {}
    for file in files:
        block = blocks.setdefault(block_of(file.file), {})
        for kind, (hit, total) in file.score().items():
            before = block.get(kind, (0, 0))
            block[kind] = (before[0] + hit, before[1] + total)
    for name, met in points_met.items():
        blocks.setdefault(name, {})["functional"] = met
    result: dict[str, Any] = {}
    for kind in (*KINDS, "functional"):
        pairs = [block[kind] for block in blocks.values() if kind in block]
        result[kind] = percent(sum(p[0] for p in pairs), sum(p[1] for p in pairs))
    result["blocks"] = {
        name: {
            **{kind: percent(*pair) for kind, pair in block.items()},
            "points": {kind: list(pair) for kind, pair in block.items()},
        }
        for name, block in sorted(blocks.items())
    }
    result["waived"] = sum(len(file.waived) for file in files)
    result["waivers"] = [dataclasses.asdict(waiver) for waiver in waivers]
    result["holes"] = [*missing, *_holes(files)]
    result["functional_hits"] = dict(sorted(functional_hits.items()))
    return result


def _holes(files: list[FileCoverage]) -> list[str]:
    """Return one line for each place that was not hit; toggles only as a count for each signal."""
    holes = []
    for file in files:
        for number, count in sorted(file.lines().items()):
            if count == 0:
                holes.append(f"{file.file}:{number}: line")
        toggles: dict[tuple[int, str], int] = {}
        for point, count in file.points.items():
            if count:
                continue
            if point.kind == "branch":
                holes.append(f"{file.file}:{point.line}: branch {point.text}")
            elif point.kind == "expr":
                holes.append(f"{file.file}:{point.line}: expr {point.text}")
            elif point.kind == "toggle":
                signal = re.sub(r"[\[:].*", "", point.text)
                toggles[point.line, signal] = toggles.get((point.line, signal), 0) + 1
        holes += [f"{file.file}:{n}: toggle {s}, {c}" for (n, s), c in sorted(toggles.items())]
    return holes


def thresholds(path: Path = CI / "thresholds.toml") -> dict[str, dict[str, float]]:
    """Return the least percentages: ``{"all": {kind: %}, block: {kind: %}}``."""
    return tomllib.loads(path.read_text()).get("coverage", {})


def below(result: Mapping[str, Any], limits: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return one line for each figure below its threshold."""
    lines = []
    for scope, kinds in limits.items():
        figures = result if scope == "all" else result["blocks"].get(scope, {})
        for kind, least in kinds.items():
            if kind not in figures:
                lines.append(f"{scope}: {kind} coverage was not measured")
            elif figures[kind] < least:
                lines.append(f"{scope}: {kind} coverage {figures[kind]:g}% is below {least:g}%")
    return lines


def write_lcov(files: list[FileCoverage], path: Path = REPORT / "coverage.info") -> None:
    """Write lines and branches as LCOV's .info."""
    out = []
    for file in files:
        out += ["TN:", f"SF:{ROOT / file.file}"]
        arms = sorted((p, c) for p, c in file.points.items() if p.kind == "branch")
        seen: dict[int, int] = {}
        for point, count in arms:
            index = seen[point.line] = seen.get(point.line, -1) + 1
            out.append(f"BRDA:{point.line},0,{index},{count}")
        out += [f"BRF:{len(arms)}", f"BRH:{sum(count > 0 for _, count in arms)}"]
        lines = sorted(file.lines().items())
        out += [f"DA:{number},{count}" for number, count in lines]
        out += [f"LF:{len(lines)}", f"LH:{sum(count > 0 for _, count in lines)}", "end_of_record"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(out) + "\n")


def write_cobertura(files: list[FileCoverage], path: Path = REPORT / "cobertura.xml") -> None:
    """Write lines and branches as Cobertura's XML: a package for each block."""

    def rate(pairs: Iterable[tuple[int, int]]) -> str:
        hit, total = (sum(column) for column in zip((0, 0), *pairs))
        return f"{hit / total if total else 1:.4f}"

    scores = {file.file: file.score() for file in files}
    root = ElementTree.Element(
        "coverage",
        {
            "line-rate": rate(s["line"] for s in scores.values()),
            "branch-rate": rate(s["branch"] for s in scores.values()),
            "lines-covered": str(sum(s["line"][0] for s in scores.values())),
            "lines-valid": str(sum(s["line"][1] for s in scores.values())),
            "branches-covered": str(sum(s["branch"][0] for s in scores.values())),
            "branches-valid": str(sum(s["branch"][1] for s in scores.values())),
            "complexity": "0",
            "version": "1",
            "timestamp": str(int(time.time())),
        },
    )
    ElementTree.SubElement(ElementTree.SubElement(root, "sources"), "source").text = str(ROOT)
    packages = ElementTree.SubElement(root, "packages")
    for block in sorted({block_of(file.file) for file in files}):
        inside = [file for file in files if block_of(file.file) == block]
        package = ElementTree.SubElement(
            packages,
            "package",
            {
                "name": block,
                "line-rate": rate(scores[file.file]["line"] for file in inside),
                "branch-rate": rate(scores[file.file]["branch"] for file in inside),
                "complexity": "0",
            },
        )
        classes = ElementTree.SubElement(package, "classes")
        for file in inside:
            _cobertura_class(classes, file, scores[file.file], rate)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _cobertura_class(
    classes: ElementTree.Element, file: FileCoverage, score: Any, rate: Any
) -> None:
    element = ElementTree.SubElement(
        classes,
        "class",
        {
            "name": Path(file.file).stem,
            "filename": file.file,
            "line-rate": rate([score["line"]]),
            "branch-rate": rate([score["branch"]]),
            "complexity": "0",
        },
    )
    ElementTree.SubElement(element, "methods")
    lines = ElementTree.SubElement(element, "lines")
    arms: dict[int, list[int]] = {}
    for point, count in file.points.items():
        if point.kind == "branch":
            arms.setdefault(point.line, []).append(count)
    for number, count in sorted(file.lines().items()):
        line = ElementTree.SubElement(lines, "line", number=str(number), hits=str(count))
        taken = arms.get(number)
        if taken:
            hit = sum(arm > 0 for arm in taken)
            line.set("branch", "true")
            line.set("condition-coverage", f"{100 * hit // len(taken)}% ({hit}/{len(taken)})")
        else:
            line.set("branch", "false")
