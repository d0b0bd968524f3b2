# SPDX-License-Identifier: Apache-2.0
"""What a link carries and how long that takes, RTL to RTL; all figures in cycles and shares.

Each end is sp_link_port with all features: lanes, a receive clock of its own, the injector.

config                    what each end is; the same for all figures
efficiency_256B_w<bits>   payload over line bits, packets of 256 bytes without a pause both ways:
                          headers, trailers, marks (2 bits in 130) and control frames are counted
crossing_cycles           from the wire to the link, measured on every trailer: lanes and clocks;
                          the same for each width
latency_idle_w<bits>      a lone packet of a header alone, wire and crossing not counted;
                          latency_idle_cycles is the greatest of them
latency_loaded_cycles     mean from arrival to the first beat at the other end, wire and crossing
                          not counted, packets of 256 bytes that arrive at random, both ways, at 0.8
                          of the line; latency_loaded_p99 is what one in a hundred exceeds
goodput_2pct              20 cycles of wire each way, each frame (control frames too) lost with 2%:
                          payload over that of the same links without losses; mean of several seeds
goodput_2pct_sd           the standard deviation of one seed's value, goodput_2pct_seeds of them
goodput_2pct_loss         the share of frames that was lost then
goodput_2pct_gbn_bound    what go-back-N can reach there, see gbn_bound
goodput_2pct_gbn_crossing the same with the crossing as a part of the wire
goodput_2pct_damaged      goodput when the frames come with a wrong bit instead of not at all
goodput_500m_1e-4         2,500 cycles each way (500 m, 5 us there and back, at 1 GHz), p = 0.01%,
                          with _sd and _seeds, _losses in all and _gbn_bound
rate_500m                 payload there without losses over that with a short wire
goodput_x2_over_x4        payload after two of four lanes died under load, over that before
cps                       cycles a second of both ends, wires and users, 128 bits

128 bits a beat where no width is named. Timers follow the wire as in docs/link.md, "Numbers".
"""

from __future__ import annotations

import json
import statistics
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
    "goodput_x2_over_x4": 0.48,
}  # fmt: skip
SHORT_WIRE, LONG_WIRE = 20, 2_500
#: The first is that of all figures of one run.
SEEDS = (1, 2, 3, 4, 5)
#: Shape of packets: 256 bytes, or a header alone.
FULL, HEADER = 4, 2
#: Lanes 2 and 3 of four.
UPPER_LANES = 0b1100


@cache
def executable(k: int) -> Path:
    """Return two ends of K blocks a beat with their wires and users."""
    return build.build(link_campaign.spec(LINK.replace(flit_w=128 * k))).executable


def measure(k: int = 1, cycles: int = 200_000, wire: int = SHORT_WIRE, **args: Any) -> Any:
    """Run the two ends for so many cycles and return what they found."""
    link = LINK.replace(flit_w=128 * k)
    words = {"seed": SEEDS[0], **link_campaign.rate_arguments(link, wire, cycles), **args}
    command = [str(executable(k)), "part=rate", *(f"{n}={value}" for n, value in words.items())]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(f"{' '.join(command)}: {found.stderr}")
    return json.loads(found.stdout)


def gbn_bound(loss: float, wire: float, k: int = 1) -> float:
    """Return the goodput that go-back-N can reach, over that without losses.

    A frame takes T = FRAME_UNITS / K + 1 beats. When it is lost, the trailer of the next one shows
    it, T later; the sender knows after a round trip of R = 2 wire cycles, and ideally the replay
    begins at once: a loss costs W = 2 T + R beats, its own T counted. Each sending is lost with
    probability p, so that a frame takes T + W p / (1 - p) on average, and goodput is

        1 / (1 + (2 + R / T) p / (1 - p)).

    That frames behind a lost one are lost too costs nothing more, nor does a lost acknowledgement,
    since the next one says the same. Left out is what a link cannot help: a NACK that is lost (its
    frame is, with p) costs what is left of REPLAY_CYCLES, and frames that end early, for a NACK or
    a replay, are further chances to lose one.
    """
    frame = LINK.frame_units // k + 1
    return 1 / (1 + (2 + 2 * wire / frame) * loss / (1 - loss))


def over_seeds(seeds: tuple[int, ...], **args: Any) -> list[Any]:
    """Return what was found with each seed."""
    return [measure(seed=seed, **args) for seed in seeds]


def main() -> dict[str, Any]:
    """Measure everything."""
    figures: dict[str, Any] = {
        "config": LINK.name, **{key.lower(): v for key, v in LINK.parameters.items()}
    }  # fmt: skip
    for k in (1, 2, 4):
        figures[f"efficiency_256B_w{128 * k}"] = measure(k)["payload_share"]
    idle = {k: measure(k, 30_000, wire=0, shape=HEADER, load=0.002) for k in (1, 2, 4)}
    crossing = idle[1]["crossing"]
    if any(found["crossing"] != crossing for found in idle.values()):
        raise RuntimeError(f"the way from clock to clock differs: {idle}")
    figures["crossing_cycles"] = crossing
    least = {k: found["latency_least"] - crossing for k, found in idle.items()}
    figures |= {f"latency_idle_w{128 * k}": cycles for k, cycles in least.items()}
    figures["latency_idle_cycles"] = max(least.values())

    loads = {load: measure(load=load) for load in (0.1, 0.2, 0.4, 0.6, 0.8, 0.9)}
    means = {load: round(found["latency_mean"] - crossing, 2) for load, found in loads.items()}
    p99 = {load: found["latency_p99"] - crossing for load, found in loads.items()}
    figures["latency_loaded_cycles"], figures["latency_loaded_p99"] = means[0.8], p99[0.8]

    full = measure(cycles=1_000_000)
    long = measure(cycles=200_000, wire=LONG_WIRE)

    def goodput(found: Any, lossless: Any = full) -> float:
        return round(found["payload_share"] / lossless["payload_share"], 4)

    lossy = {p: goodput(measure(cycles=1_000_000, drop=p)) for p in (0.002, 0.005, 0.01, 0.03)}
    often = over_seeds(SEEDS, cycles=3_000_000, drop=0.02)
    seldom = over_seeds(SEEDS, cycles=4_000_000, wire=LONG_WIRE, drop=1e-4)
    runs = {"2pct": (often, full), "500m_1e-4": (seldom, long)}
    for name, (found, lossless) in runs.items():
        values = [goodput(one, lossless) for one in found]
        figures[f"goodput_{name}"] = round(statistics.mean(values), 4)
        figures[f"goodput_{name}_sd"] = round(statistics.stdev(values), 5)
        figures[f"goodput_{name}_seeds"] = len(values)
    lossy = dict(sorted({**lossy, 0.02: figures["goodput_2pct"]}.items()))
    lost, frames = (sum(one[key] for one in often) for key in ("frames_lost", "frames"))
    figures["goodput_2pct_loss"] = round(lost / frames, 5)
    figures["goodput_2pct_gbn_bound"] = round(gbn_bound(0.02, SHORT_WIRE), 4)
    figures["goodput_2pct_gbn_crossing"] = round(gbn_bound(0.02, SHORT_WIRE + crossing), 4)
    figures["goodput_2pct_damaged"] = goodput(measure(cycles=1_000_000, damage=0.02))
    figures["goodput_500m_1e-4_losses"] = sum(one["frames_lost"] for one in seldom)
    figures["goodput_500m_1e-4_gbn_bound"] = round(gbn_bound(1e-4, LONG_WIRE), 4)
    figures["rate_500m"] = goodput(long)
    narrow = measure(4, lanes_dead=UPPER_LANES)
    figures["goodput_x2_over_x4"] = round(
        narrow["payload_share_after"] / narrow["payload_share"], 4
    )
    figures["cps"] = full["cps"]
    figures["plots"] = {
        "Goodput of a link, 20 cycles of wire": {
            "below": "frames lost, per mille",
            "curves": {
                "measured": [[0, 1.0], *([1000 * p, share] for p, share in lossy.items())],
                "bound": [[1000 * p, gbn_bound(p, SHORT_WIRE)] for p in (0.0, *lossy)],
            },
        },
        "Cycles through a link, wire not counted": {
            "below": "load, %",
            "curves": {
                "mean": [[100 * load, cycles] for load, cycles in means.items()],
                "p99": [[100 * load, cycles] for load, cycles in p99.items()],
            },
        },
    }
    return figures
