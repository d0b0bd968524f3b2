# SPDX-License-Identifier: Apache-2.0
"""What a link carries and how long that takes, RTL to RTL; all figures in cycles and shares.

config                    what each end is; the same for all figures
efficiency_256B_w<bits>   payload over line bits, packets of 256 bytes without a pause both ways:
                          headers, trailers, marks (2 bits in 130) and control frames are counted
latency_idle_w<bits>      a lone packet of a header alone, wire not counted; latency_idle_cycles is
                          the greatest of them
latency_loaded_cycles     mean from arrival to the first beat at the other end, wire not counted,
                          packets of 256 bytes that arrive at random, both ways, at 0.8 of the
                          line; latency_loaded_p99 is what one in a hundred exceeds
goodput_2pct              20 cycles of wire each way, each frame (control frames too) lost with 2%:
                          payload over that of the same links without losses
goodput_2pct_loss         the share of frames that was lost then
goodput_2pct_gbn_bound    what go-back-N can reach there, see gbn_bound
goodput_2pct_damaged      the same when the frames come with a wrong bit instead of not at all
goodput_500m_1e-4         2,500 cycles each way (500 m, 5 us there and back, at 1 GHz), p = 0.01%
rate_500m                 payload there without losses over that with a short wire
goodput_x2_over_x4        waits for the lanes
cps                       cycles a second of both ends, wires and users, 128 bits

128 bits a beat where no width is named. Timers follow the wire as in docs/link.md, "Numbers".
"""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from switchproof.ci import build, link_campaign

#: No configuration of the switch: figures are of the link alone.
CONFIG = None
LINK = link_campaign.LINK5US
AT_LEAST = {
    "efficiency_256B_w128": 0.91, "efficiency_256B_w256": 0.91, "efficiency_256B_w512": 0.91,
    "goodput_2pct": 0.95, "goodput_500m_1e-4": 0.99, "rate_500m": 0.99,
}  # fmt: skip
SHORT_WIRE, LONG_WIRE = 20, 2_500
SEED = 1
#: Shape of packets: 256 bytes, or a header alone.
FULL, HEADER = 4, 2


@cache
def executable(k: int) -> Path:
    """Return two ends of K blocks a beat with their wires and users."""
    return build.build(link_campaign.spec(LINK.replace(flit_w=128 * k))).executable


def measure(k: int = 1, cycles: int = 200_000, wire: int = SHORT_WIRE, **args: Any) -> Any:
    """Run the two ends for so many cycles and return what they found."""
    link = LINK.replace(flit_w=128 * k)
    words = {"seed": SEED, **link_campaign.rate_arguments(link, wire, cycles), **args}
    command = [str(executable(k)), "part=rate", *(f"{n}={value}" for n, value in words.items())]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(f"{' '.join(command)}: {found.stderr}")
    return json.loads(found.stdout)


def gbn_bound(loss: float, wire: int, k: int = 1) -> float:
    """Return the goodput that go-back-N can reach, over that without losses.

    A frame takes T = FRAME_UNITS / K + 1 beats. When it is lost, the trailer of the next one shows
    it, T later; the sender knows after a round trip of R = 2 wire cycles, and ideally the replay
    begins at once: a loss costs W = 2 T + R beats, its own T counted. Each sending is lost with
    probability p, so that a frame takes T + W p / (1 - p) on average, and goodput is

        1 / (1 + (2 + R / T) p / (1 - p)).
    """
    frame = LINK.frame_units // k + 1
    return 1 / (1 + (2 + 2 * wire / frame) * loss / (1 - loss))


def main() -> dict[str, Any]:
    """Measure everything."""
    figures: dict[str, Any] = {
        "config": LINK.name,
        **{key.lower(): v for key, v in LINK.parameters.items()},
    }
    for k in (1, 2, 4):
        figures[f"efficiency_256B_w{128 * k}"] = measure(k)["payload_share"]
    idle = {
        k: measure(k, 30_000, wire=0, shape=HEADER, load=0.002)["latency_least"] for k in (1, 2, 4)
    }
    figures |= {f"latency_idle_w{128 * k}": cycles for k, cycles in idle.items()}
    figures["latency_idle_cycles"] = max(idle.values())

    loads = {load: measure(load=load) for load in (0.1, 0.2, 0.4, 0.6, 0.8, 0.9)}
    figures["latency_loaded_cycles"] = loads[0.8]["latency_mean"]
    figures["latency_loaded_p99"] = loads[0.8]["latency_p99"]

    full = measure(cycles=1_000_000)
    lossy = {p: measure(cycles=1_000_000, drop=p) for p in (0.002, 0.005, 0.01, 0.03)}
    lossy[0.02] = measure(cycles=6_000_000, drop=0.02)
    lossy = dict(sorted(lossy.items()))

    def goodput(found: Any, lossless: Any = full) -> float:
        return round(found["payload_share"] / lossless["payload_share"], 4)

    damaged = measure(cycles=1_000_000, damage=0.02)
    figures["goodput_2pct"] = goodput(lossy[0.02])
    figures["goodput_2pct_loss"] = round(lossy[0.02]["frames_lost"] / lossy[0.02]["frames"], 5)
    figures["goodput_2pct_gbn_bound"] = round(gbn_bound(0.02, SHORT_WIRE), 4)
    figures["goodput_2pct_damaged"] = goodput(damaged)

    long = measure(cycles=200_000, wire=LONG_WIRE)
    rare = measure(cycles=8_000_000, wire=LONG_WIRE, drop=1e-4)
    figures["rate_500m"] = goodput(long)
    figures["goodput_500m_1e-4"] = goodput(rare, long)
    figures["goodput_500m_1e-4_losses"] = rare["frames_lost"]
    figures["goodput_500m_1e-4_gbn_bound"] = round(gbn_bound(1e-4, LONG_WIRE), 4)
    figures["cps"] = full["cps"]
    figures["plots"] = {
        "Goodput of a link, 20 cycles of wire": {
            "below": "frames lost, per mille",
            "curves": {
                "measured": [[0, 1.0], *([1000 * p, goodput(f)] for p, f in lossy.items())],
                "bound": [[1000 * p, gbn_bound(p, SHORT_WIRE)] for p in (0.0, *lossy)],
            },
        },
        "Cycles through a link, wire not counted": {
            "below": "load, %",
            "curves": {
                "mean": [[100 * load, found["latency_mean"]] for load, found in loads.items()],
                "p99": [[100 * load, found["latency_p99"]] for load, found in loads.items()],
            },
        },
    }
    return figures
