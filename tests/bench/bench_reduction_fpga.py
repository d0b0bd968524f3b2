# SPDX-License-Identifier: Apache-2.0
"""Clock and area of the reduction block's parts on an ECP5-85, placed and routed.

fp32_add_*          the FP32 adder
exact_lane_*        one lane for FP32 and BF16 with the control that lanes share: 1024 members, 8
                    contexts of 16 flits in block memories
  *_mhz, *_comb, *_ff           median of the seeds by clock
  *_bram                        block memories, where there are some
  *_least_mhz, *_most_mhz       of the seeds
  *_path                        the slowest path of the median, one line a hop
fp32_add_latency    cycles from two numbers to their sum
exact_lane_all_*    the same lane for all types: comb, ff and bram of the netlist's first placement
config, parameters, options     what they are, their values, what nextpnr was told

The parts lie between registers of a scan chain, whose multiplexers count too. Wants pyosys and
nextpnr, which `make bench BENCH=reduction_fpga` installs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from switchproof.ci import fpga
from switchproof.models.formats import FP32
from switchproof.models.layout import EType
from tests.bench.scan_part import OPTIONS, ScanPart, placed, scan_part
from tests.reduction.test_float_add import latency

#: No configuration of the switch: parts of an engine.
CONFIG = None
HERE = Path(__file__).resolve().parent / "reduction"
SEEDS = (1, 2, 3, 4, 5)

ADDER = scan_part(
    name="float_add",
    about="the floating-point adder",
    top=HERE / "sp_float_add_scan.sv",
    constraints=HERE / "scan.lpf",
    values={"EXP_W": FP32.exponent_bits, "FRAC_W": FP32.fraction_bits},
    clock_mhz=150,
)


def lane(name: str, *types: EType) -> ScanPart:
    """Return a lane with some types."""
    return scan_part(
        name=name,
        about="an exact lane",
        top=HERE / "sp_exact_lane_scan.sv",
        constraints=HERE / "lane.lpf",
        values={"ELEMS": 4 * 16, "MEMBERS": 1024, "TYPES": sum(1 << etype for etype in types)},
        clock_mhz=120,
    )


LANE = lane("exact_lane", EType.FP32, EType.BF16)
FULL_LANE = lane("exact_lane_all", *EType)


def figures(prefix: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what was found with the seeds, by ascending clock, under the names of a part."""
    median = found[len(found) // 2]
    return {
        f"{prefix}_mhz": median["fmax_mhz"],
        f"{prefix}_least_mhz": found[0]["fmax_mhz"],
        f"{prefix}_most_mhz": found[-1]["fmax_mhz"],
        f"{prefix}_comb": median["comb"],
        f"{prefix}_ff": median["ff"],
        f"{prefix}_bram": median["bram"],
        f"{prefix}_path": median["critical_path"],
    }


def main() -> dict[str, Any]:
    """Synthesize each part once, place and route with each seed."""
    result: dict[str, Any] = {
        "config": ", ".join(part.name for part in (ADDER, LANE)),
        "parameters": {part.name: part.parameters for part in (ADDER, LANE)},
        "options": " ".join(OPTIONS),
        "fp32_add_latency": latency(FP32),
        "seconds": 0.0,
    }
    for prefix, part, seeds in (
        ("fp32_add", ADDER, SEEDS),
        ("exact_lane", LANE, SEEDS),
        ("exact_lane_all", FULL_LANE, SEEDS[:1]),
    ):
        found, seconds = placed(fpga.Flow(part, part.usual_size, OPTIONS), seeds)
        result |= figures(prefix, found)
        result["seconds"] += seconds
    return result
