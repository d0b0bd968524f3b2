# SPDX-License-Identifier: Apache-2.0
"""Many defects in one set of sources, of which a number chosen at run time picks one or none.

An expression E with a defect E' becomes ``((sp_mutant_pkg::id == 17) ? (E') : (E))``; a statement
becomes an if and its else. A ?: takes the width of its wider side and is signed only if both are,
so that E stays what it was as long as E' is no wider and no less signed: that is checked by
elaborating the result and comparing types. The number is a variable of a package, read from
``+mutant=17`` before the first event of the simulation, and 0, no defect, without it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from switchproof.ci.mutate.design import Design, DesignError
from switchproof.ci.mutate.points import Point

PACKAGE = "sp_mutant_pkg"
PACKAGE_TEXT = """\
// SPDX-License-Identifier: Apache-2.0
//
// Which defect is there: the number of +mutant=, 0 for none. Written by ci/mutate.

package sp_mutant_pkg;

  function automatic int chosen();
    int number;
    if ($value$plusargs("mutant=%d", number) == 0) number = 0;
    return number;
  endfunction

  int id = chosen();

endpackage
"""
#: Warnings that the text as it was does not have: defects read bits that do not exist, leave
#: signals without a reader, and the choice between a number and a wider one has unequal sides.
_LINT = (
    "/* verilator lint_off WIDTH */ /* verilator lint_off SELRANGE */ "
    "/* verilator lint_off UNUSED */ /* verilator lint_off CMPCONST */ "
    "/* verilator lint_off UNSIGNED */ "
)


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A numbered defect."""

    id: int
    block: str
    point: Point


def one_line(text: str) -> str:
    """Return code without comments and line breaks."""
    return " ".join(re.sub(r"//[^\n]*", "", text).split())


def merge(text: str, mutants: Iterable[Mutant]) -> str:
    """Return the text of a file with all its mutants in it; lines keep their numbers."""
    ordered = sorted(mutants, key=lambda m: (m.point.start, -m.point.end, m.id))
    return _LINT + _render(text, 0, len(text), ordered)


def _render(text: str, start: int, end: int, mutants: Sequence[Mutant]) -> str:
    parts: list[str] = []
    at = start
    rest = list(mutants)
    while rest:
        first = rest[0].point
        same = [m for m in rest if (m.point.start, m.point.end) == (first.start, first.end)]
        inner = [m for m in rest if m not in same and m.point.start < first.end]
        if any(m.point.end > first.end for m in inner):
            raise ValueError(f"defects overlap at {first.path}:{first.start}")
        parts.append(text[at : first.start])
        body = _render(text, first.start, first.end, inner)
        for mutant in same:
            chosen = f"{PACKAGE}::id == {mutant.id}"
            after = one_line(mutant.point.after)
            if mutant.point.statement:
                body = f"begin if ({chosen}) begin {after} end else {body} end"
            else:
                body = f"(({chosen}) ? ({after}) : ({body}))"
        parts.append(body)
        at = first.end
        rest = rest[len(same) + len(inner) :]
    return "".join(parts) + text[at:end]


def sources(design: Design, mutants: Iterable[Mutant]) -> dict[Path, str]:
    """Return the new text of each file that has mutants."""
    files: dict[Path, list[Mutant]] = {}
    for mutant in mutants:
        files.setdefault(mutant.point.path, []).append(mutant)
    return {path: merge(design.texts[path], here) for path, here in files.items()}


def check(
    design: Design,
    mutants: Sequence[Mutant],
    top: str,
    parameters: Mapping[str, int | str] | None,
    folder: Path,
) -> dict[int, str]:
    """Return why mutants cannot be used, by number; an empty dictionary when all can.

    Raises DesignError when the sources do not elaborate and no single mutant is to blame.
    """
    try:
        merged = _elaborate(design, mutants, top, parameters, folder)
    except DesignError as error:
        if len(mutants) == 1:
            return {mutants[0].id: f"illegal: {error}"}
        blamed: dict[int, str] = {}
        half = len(mutants) // 2
        for part in (mutants[:half], mutants[half:]):
            blamed.update(check(design, part, top, parameters, folder))
        if not blamed:
            raise
        return blamed
    bad: dict[int, str] = {}
    for mutant in mutants:
        point = mutant.point
        if point.statement:
            continue
        choice = merged.choices.get(mutant.id)
        before = design.facts.get((point.path, point.start, point.end))
        if choice is None or before is None:
            bad[mutant.id] = "not in the elaborated design"
        elif choice.seen != before.seen:
            bad[mutant.id] = f"changes width and sign from {before.seen} to {choice.seen}"
        elif choice.same:
            bad[mutant.id] = "equivalent: both are the same constant"
    return bad


def _elaborate(
    design: Design,
    mutants: Sequence[Mutant],
    top: str,
    parameters: Mapping[str, int | str] | None,
    folder: Path,
) -> Design:
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / f"{PACKAGE}.sv"
    package.write_text(PACKAGE_TEXT)
    texts = {**design.texts, package: PACKAGE_TEXT, **sources(design, mutants)}
    return Design(texts, top, parameters, texts)
