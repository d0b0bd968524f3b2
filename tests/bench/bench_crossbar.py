# SPDX-License-Identifier: Apache-2.0
"""What the crossbar does to traffic: queueing, throughput, fairness, isolation. All from RTL.

config_<name>         what the switch is; <name> of a figure's runs stands in its name:
                      n<ports>, i<iterations>, a<rounds of augmenting paths>;
                      p or _p: pipelined; or a rack whose simulation is measured
q_*_l<load>           queueing delay in cycles at a load of so many percent, single-flit packets:
                      mean from arrival at an unbounded source queue to the first beat on the
                      egress, less zero_load of the same configuration; mean of SEEDS, _sd is the
                      standard deviation of one seed's value
q_n16_vcs_l90         single-flit packets of random VCs
q_n16_mix_l90         half of the packets of a header alone, half of 256 bytes, .90 of flits
p99_*                 what one packet in a hundred exceeds, zero load included
zero_load_cycles      a lone packet of one flit, any input to any output: the greatest
zero_load_256B_cycles the same of 256 bytes, stored whole before it goes on
accept_*              departures of a port and cycle at offered load 1.0, in 10^6 cycles after 10^6
accept_n16_fifo_model the same of one FIFO an input instead of VOQs, in the golden model; theory
                      says 0.586 for many ports
multicast_rate        flits of a port and cycle when every input always has multicasts of 256 bytes
                      to all ports
multicast_mixed       the same when half of the flits that leave are unicasts to random ports
jain_incast           Jain's index of the flits of the inputs, all of which send to one output;
                      the lowest of: headers alone, 256 bytes, each input a mix of both
jain_incast_unequal   odd inputs send 256 bytes, even ones headers alone
hotspot_isolation     throughput of a flow while others congest an output, over that alone; the
                      lower of: half of the inputs congest it and the other half send to outputs of
                      their own; all congest it, and one input has a flow of another VC besides
build_s_*, cps_*      see racks.py
model_cps_n512        cycles a second of the golden model in time, not checked; see racks.py
tables_n8_*           the scheduler alone with 8 ports: 4-input tables
levels_n8_*           those on its longest way, one behind another

The arrivals at each input are Bernoulli, destinations uniform over all ports, the own one included.
Every packet is checked for destination, order in its flow and each bit, and at the end of each run
all that were sent have come. Where runs of several seeds warm up and how long they measure: CASES.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from typing import Any

from switchproof.ci.crossbar_bench import FOLDER, SATURATED, Flow, Run, measure_all
from switchproof.ci.filelists import needed
from switchproof.models import profiles, scheduling
from switchproof.models.layout import NUM_VC
from switchproof.models.profiles import Config
from tests.bench import racks

CONFIG = "xbar_bench"
AT_LEAST = {
    "accept_n16_i4": 0.993,
    "multicast_rate": 0.95,
    "jain_incast": 0.99,
    "hotspot_isolation": 0.98,
}
AT_MOST = {
    "zero_load_cycles": 4, "q_n16_i4_l90": 10.3, "q_n16_i4_l95": 26, "q_n16_i1_l80": 47,
    "q_n64_i4_l90": 10, "zero_load_cycles_p": 6, "q_n16_i4_l90_p": 13, "q_n16_i4_l95_p": 28,
}  # fmt: skip
SEEDS = (1, 2, 3, 4, 5)
#: Switches whose simulation is measured.
RACKS = ("dev16", *racks.CONFIGS)
LOADS = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
#: Payload units of a packet of 256 bytes.
FULL = 16
#: Mean latency of the peer, less its zero load of 5 cycles, by iterations and at LOADS.
PEER_ZERO_LOAD = 5
PEER = {
    1: (5.06, 5.30, 6.30, 9.44, 26.10, 49.49, 71.90, 120.6, 251.5),
    2: (5.06, 5.26, 5.72, 6.18, 7.07, 9.66, 14.62, 29.5, 59.3),
    4: (5.06, 5.26, 5.71, 6.17, 6.98, 8.78, 10.67, 14.84, 29.60),
}
PEER_MAXIMUM = (5.06, 5.24, 5.60, 5.89, 6.33, 7.15, 7.93, 9.53, 14.4)


def single(load: float) -> tuple[Flow, ...]:
    """Return packets of one flit to uniformly random ports."""
    return (Flow(load),)


def mixed(load: float) -> tuple[Flow, ...]:
    """Return as many headers alone as packets of 256 bytes, 128 bits a flit."""
    return Flow(load / (1 + FULL)), Flow(load * FULL / (1 + FULL), units=FULL)


def jain(shares: list[float]) -> float:
    """Return Jain's index of fairness: 1 when all have the same."""
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


def about(config: Config) -> str:
    """Return what a configuration is, in words."""
    words = [
        f"{config.ports} ports of {config.flit_w} bits", f"{NUM_VC} VCs",
        f"iterations: {config.iterations}", f"engines: {config.engines}",
        f"VOQs of {config.voq_flits} flits", f"egress buffers of {config.egress_flits}",
    ]  # fmt: skip
    if config.mcast:
        words.append("multicasts")
    if config.augment:
        words.append(f"rounds of augmenting paths: {config.augment}")
    if config.pipelined:
        words.append("pipelined")
    return ", ".join(words)


def logic(iterations: int, augment: int, ports: int = 8) -> tuple[int, int]:
    """Return the 4-input tables of the scheduler alone and how many of them lie on its longest way.

    Yosys and ABC, without carry chains and before placement: a ratio, not a clock.
    """
    sources = needed(FOLDER / "sp_matching.sv")
    values = {"N": ports, "ITERS": iterations, "AUGMENT": augment}
    passes = [
        "read_slang --top sp_matching "
        + " ".join([*(f"-G {name}={value}" for name, value in values.items()), *map(str, sources)]),
        "hierarchy -top sp_matching", "proc", "flatten", "opt -full", "techmap", "opt -full",
        "dfflegalize -cell $_DFF_PN?_ x", "abc -lut 4", "opt_clean",
        "tee -q -o /dev/stdout stat -json", "tee -q -o /dev/stdout ltp -noff",
    ]  # fmt: skip
    code = (
        f"from pyosys import libyosys as y\nd = y.Design()\nfor p in {passes!r}: y.run_pass(p, d)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    tables = re.search(r'"\$lut": (\d+)', found.stdout)
    levels = re.search(r"length=(\d+)", found.stdout)
    if tables is None or levels is None:
        raise RuntimeError(f"Yosys counted nothing: {found.stdout[-1000:]}")
    return int(tables[1]), int(levels[1])


def say(text: str) -> None:
    """Show progress."""
    print(f"  {text}", flush=True)


def main(config: Config) -> dict[str, Any]:
    """Measure everything of the named configuration and its variants."""
    by_iterations = {n: config.replace(iterations=n) for n in (1, 2, 4)}
    large = config.replace(ports=64)
    beyond = config.replace(iterations=3, augment=1)
    configs = {f"n{config.ports}_i{n}": c for n, c in by_iterations.items()}
    configs["n16_i3a1"] = beyond
    configs["p"] = pipelined = config.replace(pipelined=1)
    configs["n64_i4"] = large

    # Queueing: name, configuration, flows, warm-up, cycles.
    cases: dict[str, tuple[Config, tuple[Flow, ...], int, int]] = {
        "n16_i4_l90": (by_iterations[4], single(0.9), 20_000, 200_000),
        "n16_i4_l95": (by_iterations[4], single(0.95), 40_000, 400_000),
        "n16_i3a1_l90": (beyond, single(0.9), 20_000, 200_000),
        "n16_i3a1_l95": (beyond, single(0.95), 40_000, 200_000),
        "n16_i4_l90_p": (pipelined, single(0.9), 20_000, 200_000),
        "n16_i4_l95_p": (pipelined, single(0.95), 40_000, 400_000),
        "n16_i1_l80": (by_iterations[1], single(0.8), 40_000, 400_000),
        "n64_i4_l90": (large, single(0.9), 5_000, 20_000),
        "n16_vcs_l90": (config, (Flow(0.9, vc="*"),), 20_000, 200_000),
        "n16_mix_l90": (by_iterations[4], mixed(0.9), 50_000, 500_000),
    }
    queued = {
        name: [Run(c, flows, cycles, warm, seed) for seed in SEEDS]
        for name, (c, flows, warm, cycles) in cases.items()
    }
    alone = {c.name: Run(c, single(0), 40_000, lone=True) for c in configs.values()}
    alone_full = Run(config, (Flow(0, units=FULL),), 40_000, lone=True)
    accept = {
        name: [Run(configs[name], single(1.0), 1_000_000, 1_000_000, seed) for seed in SEEDS]
        for name in ("n16_i4", "n16_i3a1")
    }
    lines = {**{str(n): c for n, c in by_iterations.items()}, "3 and augmenting": beyond}
    curves = {
        name: [Run(c, single(load), 300_000 if load > 0.8 else 60_000, 20_000) for load in LOADS]
        for name, c in lines.items()
    }

    def incast(*flows: Flow) -> Run:
        return Run(config, flows, 100_000, 5_000)

    always = Flow(SATURATED, output="0")
    always_full = Flow(SATURATED, output="0", units=FULL)
    incasts = [incast(always), incast(always_full), incast(always, always_full)]
    unequal = incast(Flow(SATURATED, "2/0", "0"), Flow(SATURATED, "2/1", "0", units=FULL))

    # A multicast comes in once and leaves as often as there are ports.
    half = 0.5 / config.ports
    multicasts = {
        "multicast_rate": (Flow(SATURATED, output="all", units=FULL),),
        "multicast_mixed": (Flow(half, output="all", units=FULL), Flow(0.5, units=FULL)),
    }
    spread = {name: Run(config, flows, 30_000, 10_000) for name, flows in multicasts.items()}

    def victims(*flows: Flow) -> tuple[Run, Run]:
        # The first flow with the others, and without.
        return tuple(Run(config, part, 50_000, 5_000, obey=True) for part in (flows, flows[:1]))

    # An input that sends to the hot output too has 1/16 of a cycle less for others.
    hot = [
        victims(Flow(SATURATED, "1", "1", units=FULL), Flow(SATURATED, "2/0", "0", units=FULL)),
        victims(Flow(0.9, "1", "1", vc=1, units=FULL), always_full),
        victims(Flow(0.9, "1", "1", vc=1), always_full),
    ]
    runs = [
        *(run for each in queued.values() for run in each), *alone.values(), alone_full,
        *(run for each in accept.values() for run in each),
        *(run for curve in curves.values() for run in curve), *incasts, unequal,
        *(run for pair in hot for run in pair), *spread.values(),
    ]  # fmt: skip
    found = measure_all(list(dict.fromkeys(runs)), say)

    def delay(run: Run) -> float:
        """Return mean latency less that of lone packets, over all flows of a run."""
        packets = cycles = 0.0
        for flow, measured in zip(run.flows, found[run]["flows"]):
            lone = alone_full if flow.units else alone[run.config.name]
            packets += measured["packets"]
            cycles += measured["packets"] * (measured["mean"] - found[lone]["flows"][0]["mean"])
        return cycles / packets

    def throughput(run: Run) -> float:
        return float(sum(found[run]["flows"][0]["by_input"]))

    def fairness(run: Run) -> float:
        by_flow = [flow["by_input"] for flow in found[run]["flows"]]
        return jain([sum(shares) for shares in zip(*by_flow)])

    figures: dict[str, Any] = {f"config_{name}": about(c) for name, c in configs.items()}
    for name, c in configs.items():
        key = "zero_load_cycles" if c == config else f"zero_load_cycles_{name}"
        figures[key] = found[alone[c.name]]["flows"][0]["most"]
    figures["zero_load_256B_cycles"] = found[alone_full]["flows"][0]["most"]
    for name, each in queued.items():
        delays = [delay(run) for run in each]
        figures[f"q_{name}"] = round(statistics.mean(delays), 2)
        figures[f"q_{name}_sd"] = round(statistics.stdev(delays), 3)
    figures["p99_n16_i4_l90"] = round(
        statistics.mean(found[run]["flows"][0]["p99"] for run in queued["n16_i4_l90"]), 1
    )
    for name, each in accept.items():
        accepted = [statistics.mean(found[run]["by_output"]) for run in each]
        figures[f"accept_{name}"] = round(statistics.mean(accepted), 4)
        figures[f"accept_{name}_sd"] = round(statistics.stdev(accepted), 5)
    figures["accept_n16_fifo_model"] = round(
        scheduling.simulate(config, 1.0, cycles=100_000, queues="fifo").accepted, 4
    )
    for name, run in spread.items():
        figures[name] = round(statistics.mean(found[run]["by_output"]), 4)
    figures["jain_incast"] = round(min(fairness(run) for run in incasts), 4)
    figures["jain_incast_unequal"] = round(fairness(unequal), 4)
    figures["hotspot_isolation"] = round(
        min(throughput(run) / throughput(without) for run, without in hot), 4
    )
    for name, shape in (("i1", (1, 0)), ("i4", (4, 0)), ("i3a1", (3, 1))):
        figures[f"tables_n8_{name}"], figures[f"levels_n8_{name}"] = logic(*shape)
    for name in RACKS:
        say(f"{name}, built and measured as `make sim` does")
        figures[f"config_{name}"] = about(profiles.get(name))
        figures |= racks.figures(name, say)
    figures["model_cps_n512"] = racks.model_rate("upn512")
    figures["seeds"] = len(SEEDS)
    figures["packets"] = sum(one["received"] for one in found.values())

    def curve(values: Any) -> list[list[float]]:
        return [[100 * load, round(value, 3)] for load, value in zip(LOADS, values)]

    peer = {n: curve(mean - PEER_ZERO_LOAD for mean in means) for n, means in PEER.items()}
    mean = {n: curve(delay(run) for run in line) for n, line in curves.items()}
    p99 = {n: curve(found[run]["flows"][0]["p99"] for run in line) for n, line in curves.items()}
    figures["plots"] = {
        "Queueing delay, cycles, up to 4 iterations": {
            "below": "load, %",
            "curves": {
                "2": mean["2"], "2, peer": peer[2], "4": mean["4"], "4, peer": peer[4],
                "3 and augmenting": mean["3 and augmenting"],
                "maximum matching, peer": curve(m - PEER_ZERO_LOAD for m in PEER_MAXIMUM),
            },
        },
        "Queueing delay, cycles, 1 iteration": {
            "below": "load, %", "curves": {"1": mean["1"], "1, peer": peer[1]},
        },
        "Latency that 1% exceed, cycles": {
            "below": "load, %", "curves": {name: line for name, line in p99.items() if name != "1"},
        },
    }  # fmt: skip
    return figures
