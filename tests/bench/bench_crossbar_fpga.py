# SPDX-License-Identifier: Apache-2.0
"""Clock and area of the pipelined crossbar, 8 ports of 128 bits, on an ECP5-85, placed and routed.

fmax_mhz                      median of the seeds
fmax_least_mhz, fmax_most_mhz  of them
comb, ff, bram                as `make fpga` finds them, scan chain included
critical_path                 the slowest path of the median seed, one line a hop
config, parameters, options   the configuration, its values, what nextpnr was told

The crossbar has its queues, VCs and scheduler, no engine, and lies between registers of a scan
chain. Wants pyosys and nextpnr, which `make bench BENCH=crossbar_fpga` installs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from switchproof.ci import fpga, harness_cache
from switchproof.models.profiles import Config
from tests.bench.scan_part import placed, scan_part

CONFIG = "xbar_ecp5"
HERE = Path(__file__).resolve().parent / "crossbar"
#: Parameters of the switch that its crossbar has too.
WANTED = (
    "N_PORTS", "FLIT_W", "ISLIP_ITERS", "VOQ_FLITS", "EGRESS_FLITS", "N_IDS", "N_GROUPS",
)  # fmt: skip
SEEDS = (1, 2, 3, 4, 5)
#: As for the board image, and not as for the small parts of other benches: more than half of the
#: part is in use, where HeAP needs more wire and router1 slows down and never ends. --tmg-ripup is
#: left out, as the wanted clock is out of reach.
OPTIONS = ("--placer", "static", "--router", "router2")


def main(config: Config) -> dict[str, Any]:
    """Synthesize once, place and route with each seed."""
    values = harness_cache.switch().values(config)
    part = scan_part(
        name=config.name,
        about="the pipelined crossbar",
        top=HERE / "sp_crossbar_scan.sv",
        constraints=HERE / "scan.lpf",
        values={name: values[name] for name in WANTED},
    )
    flow = fpga.Flow(part, part.usual_size, OPTIONS)
    found, seconds = placed(flow, SEEDS)
    return {
        "parameters": part.parameters,
        "options": " ".join(OPTIONS),
        **found[len(found) // 2],
        "fmax_least_mhz": found[0]["fmax_mhz"],
        "fmax_most_mhz": found[-1]["fmax_mhz"],
        "seconds": seconds,
    }
