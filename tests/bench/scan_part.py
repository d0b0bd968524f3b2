# SPDX-License-Identifier: Apache-2.0
"""A block between registers of scan chains, on an ECP5-85, as what fpga.py calls a board."""

from __future__ import annotations

import concurrent.futures
import dataclasses
from pathlib import Path
from typing import Any

from switchproof.ci import boards, fpga, tools
from switchproof.ci.filelists import needed
from switchproof.models import profiles

#: What is asked of place and route where nothing else is.
CLOCK_MHZ = 100
#: A tenth of a part, as a port of a link is, is placed best by HeAP. --tmg-ripup is not for these:
#: where the wanted clock is out of reach the router tries every wire again for ever.
OPTIONS = ("--placer", "heap", "--router", "router1")


@dataclasses.dataclass(frozen=True)
class ScanPart(boards.Board):
    """A top with scan chains."""

    values: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def sources(self) -> tuple[Path, ...]:
        """The block and the scan chains around it."""
        return needed(*self.files)

    @property
    def parameters(self) -> dict[str, int]:
        """Parameters of the top."""
        return self.values

    @property
    def words(self) -> dict[str, str]:
        """Nothing tells which build this is."""
        return {}


def scan_part(
    name: str, about: str, top: Path, constraints: Path, values: dict[str, int],
    clock_mhz: int = CLOCK_MHZ,
) -> ScanPart:  # fmt: skip
    """Return a block as a part.

    ``top`` is the file of its top, a module of the same name; ``values`` are its parameters,
    ``clock_mhz`` what place and route is to reach.
    """
    return ScanPart(
        name=name, folder=top.parent, about=about, top=top.stem, files=(top,),
        constraints=constraints, config=profiles.get("board4"), family="ecp5",
        package="CABGA381", letters="SCAN", clock_mhz=clock_mhz, baud=0, clock_pin="clk_i",
        rx_pin="", tx_pin="", sizes={"85": "85k"}, values=values,
    )  # fmt: skip


def placed(flow: fpga.Flow, seeds: tuple[int, ...]) -> tuple[list[dict[str, Any]], float]:
    """Synthesize, place and route with each seed, as many at a time as there are processors; return
    the figures by ascending clock, and the seconds of all steps together."""
    flow.folder.mkdir(parents=True, exist_ok=True)
    seconds = fpga.synthesize(flow)
    fpga.prepare(flow)

    def place(seed: int) -> tuple[float, dict[str, Any]]:
        where = f"seed{seed}"
        return fpga.place(flow, seed, where), fpga.figures(flow, where)

    with concurrent.futures.ThreadPoolExecutor(tools.jobs()) as pool:
        runs = list(pool.map(place, seeds))
    seconds += sum(took for took, _ in runs)
    found = sorted((figures for _, figures in runs), key=lambda figures: figures["fmax_mhz"])
    return found, round(seconds, 1)
