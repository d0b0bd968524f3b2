# SPDX-License-Identifier: Apache-2.0
"""Clock and area of a port of a link at 128 bits on an ECP5-85, placed and routed.

fmax_mhz                      the slower of both clocks
fmax_core_mhz, fmax_rx_mhz    the core clock, the receive clock
comb, ff, bram                as `make fpga` finds them, scan chains included
critical_path                 the slowest path of the slower clock, one line a hop
config, parameters, options   the configuration, its values, what nextpnr was told

The port has all its features: lanes, clock crossing, injector. It lies between registers of scan
chains. PROFILE= names another configuration of a link than link_ecp5. Wants pyosys and nextpnr,
which `make bench BENCH=link_fpga` installs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from switchproof.ci import fpga
from switchproof.ci.variables import choice
from switchproof.models import profiles
from tests.bench.scan_part import OPTIONS, placed, scan_part

#: No configuration of the switch: the link alone.
CONFIG = None
HERE = Path(__file__).resolve().parent / "link"
#: A link between boards: memories of a block RAM's depth, short counters.
USUAL = "link_ecp5"
LINK = profiles.link(choice("PROFILE", os.environ.get("PROFILE") or USUAL, profiles.load_links()))
PART = scan_part(
    name=LINK.name,
    about="one port of a link",
    top=HERE / "sp_link_scan.sv",
    constraints=HERE / "scan.lpf",
    values=LINK.parameters,
)
SEED = 1


def clocks(flow: fpga.Flow) -> dict[str, float]:
    """Return what each clock reaches, in MHz."""
    found = json.loads((flow.folder / f"seed{SEED}" / "report.json").read_text())["fmax"]
    return {
        "fmax_rx_mhz" if "rx_clk_i" in name else "fmax_core_mhz": round(clock["achieved"], 2)
        for name, clock in found.items()
    }


def main() -> dict[str, Any]:
    """Synthesize, place and route."""
    flow = fpga.Flow(PART, PART.usual_size, OPTIONS)
    (found,), seconds = placed(flow, (SEED,))
    return {
        "config": LINK.name,
        "parameters": LINK.parameters,
        "options": " ".join(OPTIONS),
        **found,
        **clocks(flow),
        "seconds": seconds,
    }
