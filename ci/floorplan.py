# SPDX-License-Identifier: Apache-2.0
"""Where block memories lie in a part: as a file says, or where their wires get shortest.

Left to itself nextpnr's static placer moves memories into their few places one by one at its end,
wherever their logic is. In a part where most are in use, half of all wires belong to them then.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from switchproof.ci.paths import shown
from switchproof.ci.variables import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: The cell of a block memory.
MEMORY = "DP16KD"
#: A wire to more cells than this does not get shorter by where one of them is.
MANY = 40
#: Column, row and kind of a place, as nextpnr writes it.
PLACE = re.compile(r"X(\d+)/Y(\d+)/(.+)")


def read(path: Path) -> tuple[str, dict[str, str]]:
    """Return the size of part that a floorplan is for, and the place of each cell that it names.

    Raises UserError, which names what is wrong with the file.
    """
    try:
        table = tomllib.loads(path.read_text())
        size, prefix = table["size"], table["prefix"]
        columns, cells, rows = table["columns"], table["cells"], table["rows"]
    except KeyError as error:
        raise UserError(f"{shown(path)}: there is no {error.args[0]}") from None
    places: dict[str, str] = {}
    for row, text in rows.items():
        words = text.split()
        if len(words) != len(columns):
            raise UserError(f"{shown(path)}: row {row} has {len(words)} places, not {len(columns)}")
        for n, word in enumerate(words):
            if word == ".":
                continue
            try:
                cell = prefix + cells[word[0]].format(*word[1:])
            except (KeyError, IndexError):
                raise UserError(
                    f"{shown(path)}: row {row}: {word} is not as [cells] says"
                ) from None
            if cell in places:
                raise UserError(f"{shown(path)}: row {row}: {word} has a place already")
            places[cell] = f"X{columns[n]}/Y{row}/EBR{n % 4}"
    return size, places


def settle(cells: dict[str, Any], available: int) -> dict[str, str]:
    """Return the place of each block memory that makes its wires to the logic around it shortest.

    ``cells`` are those of a placed netlist (`nextpnr --write`); ``available`` is how many block
    memories the part has. Among all ways to give each a place of its own this is the one with the
    least sum of horizontal and vertical distances, by the Hungarian method; of a wire to n cells
    each counts an n-th. No place is given that is not known: those in use, and all where their rows
    and columns cross when these are as many as the part has.
    """
    found = {
        name: PLACE.fullmatch(cell["attributes"].get("NEXTPNR_BEL", ""))
        for name, cell in cells.items()
    }
    at = {name: (int(place[1]), int(place[2])) for name, place in found.items() if place}
    memories = [name for name in at if cells[name]["type"] == MEMORY]
    ends: dict[int | str, list[str]] = defaultdict(list)  # tables and registers on each wire
    for name in at:
        if cells[name]["type"] == MEMORY:
            continue
        for bits in cells[name]["connections"].values():
            for bit in bits:
                if isinstance(bit, int):  # a string is a constant
                    ends[bit].append(name)
    sites = {at[name]: cells[name]["attributes"]["NEXTPNR_BEL"] for name in memories}
    kinds = {x: bel.rsplit("/", 1)[1] for (x, _), bel in sites.items()}
    rows = {y for _, y in sites}
    if len(kinds) * len(rows) == available:
        sites = {(x, y): f"X{x}/Y{y}/{kind}" for x, kind in kinds.items() for y in rows}
    grid = np.array(list(sites), float).reshape(-1, 1, 2)
    cost = np.zeros((len(memories), len(sites)))
    for row, name in enumerate(memories):
        near, weights = [], []
        for bits in cells[name]["connections"].values():
            for bit in bits:
                others = ends.get(bit, ())
                if 0 < len(others) <= MANY:
                    near += [at[end] for end in others]
                    weights += [1 / len(others)] * len(others)
        if near:
            distance = np.abs(grid - np.array(near, float)).sum(2)
            cost[row] = distance @ np.array(weights)
    chosen = list(sites.values())
    return {memories[i]: chosen[j] for i, j in zip(*linear_sum_assignment(cost), strict=True)}
