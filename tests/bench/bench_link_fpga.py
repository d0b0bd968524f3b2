# SPDX-License-Identifier: Apache-2.0
"""Clock and area of one end of a link at 128 bits on an ECP5-85, placed and routed.

fmax_mhz, comb, ff, bram   as `make fpga` finds them, of the link between registers of a scan chain
critical_path              the slowest path, one line a hop

Parameters are those of sp_link's own defaults. Wants pyosys and nextpnr, which `make bench
BENCH=link_fpga` installs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from switchproof.ci import boards, fpga, link_campaign
from switchproof.models import profiles

#: No configuration of the switch: the link alone.
CONFIG = None
HERE = Path(__file__).resolve().parent / "link"
CLOCK_MHZ = 100


class LinkPart(boards.Board):
    """One end of a link as what fpga.py calls a board."""

    @property
    def sources(self) -> tuple[Path, ...]:
        """The link and the scan chain around it."""
        return (*link_campaign.sources(), *self.files)

    @property
    def parameters(self) -> dict[str, int]:
        """Parameters of the top."""
        return {"FLIT_W": 128}

    @property
    def words(self) -> dict[str, str]:
        """Nothing tells which build this is."""
        return {}


PART = LinkPart(
    name="link", folder=HERE, about="one end of a link", top="sp_link_scan",
    files=(HERE / "sp_link_scan.sv",), constraints=HERE / "scan.lpf",
    config=profiles.get("board4"), family="ecp5", package="CABGA381", letters="LINK",
    clock_mhz=CLOCK_MHZ, baud=0, clock_pin="clk_i", rx_pin="", tx_pin="", sizes={"85": "85k"},
)  # fmt: skip


def main() -> dict[str, Any]:
    """Synthesize, place and route."""
    flow = fpga.Flow(PART, PART.usual_size)
    flow.folder.mkdir(parents=True, exist_ok=True)
    seconds = fpga.synthesize(flow) + fpga.place(flow)
    return {
        "config": "sp_link, 128 bits, its own defaults",
        **fpga.figures(flow),
        "seconds": round(seconds, 1),
    }
