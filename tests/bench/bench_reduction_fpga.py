# SPDX-License-Identifier: Apache-2.0
"""Clock and area of the reduction block's parts on an ECP5-85, placed and routed.

fp32_add_mhz, fp32_add_comb, fp32_add_ff    the FP32 adder: median of the seeds by clock
fp32_add_least_mhz, fp32_add_most_mhz       of the seeds
fp32_add_latency                            cycles from two numbers to their sum
fp32_add_path                               the slowest path of the median, one line a hop
config, parameters, options                 what it is, its values, what nextpnr was told

The adder lies between registers of a scan chain, whose multiplexers count too. Wants pyosys and
nextpnr, which `make bench BENCH=reduction_fpga` installs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from switchproof.ci import fpga
from switchproof.ci.paths import RTL
from switchproof.models.formats import FP32
from tests.bench.scan_part import OPTIONS, placed, scan_part
from tests.reduction.test_float_add import latency

#: No configuration of the switch: parts of an engine.
CONFIG = None
HERE = Path(__file__).resolve().parent / "reduction"
CLOCK_MHZ = 150
SEEDS = (1, 2, 3, 4, 5)


def main() -> dict[str, Any]:
    """Synthesize once, place and route with each seed."""
    part = scan_part(
        name="float_add",
        about="the floating-point adder",
        top=HERE / "sp_float_add_scan.sv",
        constraints=HERE / "scan.lpf",
        design=(RTL / "reduction" / "sp_float_pkg.sv", RTL / "reduction" / "sp_float_add.sv"),
        values={"EXP_W": FP32.exponent_bits, "FRAC_W": FP32.fraction_bits},
        clock_mhz=CLOCK_MHZ,
    )
    found, seconds = placed(fpga.Flow(part, part.usual_size, OPTIONS), SEEDS)
    median = found[len(found) // 2]
    return {
        "config": part.name,
        "parameters": part.parameters,
        "options": " ".join(OPTIONS),
        "fp32_add_mhz": median["fmax_mhz"],
        "fp32_add_least_mhz": found[0]["fmax_mhz"],
        "fp32_add_most_mhz": found[-1]["fmax_mhz"],
        "fp32_add_comb": median["comb"],
        "fp32_add_ff": median["ff"],
        "fp32_add_latency": latency(FP32),
        "fp32_add_path": median["critical_path"],
        "seconds": seconds,
    }
