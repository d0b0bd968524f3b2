# SPDX-License-Identifier: Apache-2.0
"""Which defects a campaign makes: a sequence that a seed fixes, spread over blocks and operators.

Number n of a seed is the same defect however many are asked for, so that one can be made again.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from switchproof.ci.mutate import points, rewrite, survivors
from switchproof.ci.mutate.design import Design
from switchproof.ci.mutate.rewrite import Mutant

#: Blocks: files below rtl/, and how many of ten defects are made there.
BLOCKS: dict[str, tuple[tuple[str, ...], int]] = {
    "crossbar": (("crossbar/*.sv",), 4),
    "adder": (("reduction/sp_exact_*.sv",), 3),
    "engine": (("reduction/sp_reduction_engine.sv",), 3),
}


@dataclasses.dataclass(frozen=True)
class Chosen:
    """The defects of a campaign and how many were passed over, by the reason's first word."""

    mutants: list[Mutant]
    dropped: dict[int, str]
    universe: int


def universe(design: Design, blocks: Mapping[str, Sequence[Path]]) -> dict[str, list[points.Point]]:
    """Return all defects that can be made, by block."""
    return {
        block: [point for path in paths for point in points.find(design, path)]
        for block, paths in blocks.items()
    }


def files(rtl: Path, sources: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the sources of each block."""
    known = set(sources)
    return {
        block: sorted(known & {path for pattern in patterns for path in rtl.glob(pattern)})
        for block, (patterns, _) in BLOCKS.items()
    }


def sequence(
    design: Design,
    table: Mapping[str, Sequence[points.Point]],
    weights: Mapping[str, int],
    seed: int,
) -> Iterator[tuple[str, points.Point]]:
    """Yield all defects, blocks in turn by weight, operators of a block in turn.

    The order comes from hashes of the defects' own texts, so that an edit of the RTL moves few.
    """
    streams = {block: _ranked(design, found, seed) for block, found in table.items()}
    credit = dict.fromkeys(streams, 0)
    while streams:
        for block in streams:
            credit[block] += weights[block]
        block = max(streams, key=lambda name: credit[name])
        credit[block] -= sum(weights[name] for name in streams)
        point = next(streams[block], None)
        if point is None:
            del streams[block]
            continue
        yield block, point


def _ranked(design: Design, found: Sequence[points.Point], seed: int) -> Iterator[points.Point]:
    groups: dict[str, list[tuple[bytes, points.Point]]] = {}
    seen: Counter[survivors.Key] = Counter()
    for point in found:
        key = survivors.key(design, point)
        seen[key] += 1
        rank = _hash(f"{seed} {key} {point.operator} {seen[key]}")
        groups.setdefault(point.operator, []).append((rank, point))
    for group in groups.values():
        group.sort(key=lambda ranked: ranked[0])
    order = sorted(groups, key=lambda operator: _hash(f"{seed} {operator}"))
    for turn in range(max(map(len, groups.values()), default=0)):
        for operator in order:
            if turn < len(groups[operator]):
                yield groups[operator][turn][1]


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def choose(
    design: Design,
    table: Mapping[str, Sequence[points.Point]],
    weights: Mapping[str, int],
    seed: int,
    count: int,
    top: str,
    parameters: Mapping[str, int | str],
    folder: Path,
) -> Chosen:
    """Return the first ``count`` defects of a seed that are legal and change something."""
    stream = enumerate(sequence(design, table, weights, seed), 1)
    kept: list[Mutant] = []
    dropped: dict[int, str] = {}
    while len(kept) < count:
        fresh = [
            Mutant(number, block, point)
            for _, (number, (block, point)) in zip(range(count - len(kept)), stream)
        ]
        if not fresh:
            break
        bad = rewrite.check(design, fresh, top, parameters, folder)
        dropped.update(bad)
        kept += [mutant for mutant in fresh if mutant.id not in bad]
    return Chosen(kept, dropped, sum(len(found) for found in table.values()))
