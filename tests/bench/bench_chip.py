# SPDX-License-Identifier: Apache-2.0
"""What a supernode of chips carries and how long that takes, from AXI bus to AXI bus.

All from RTL, every byte checked: endpoints, links and switches as `sp_supernode` joins them, with
check, wrong-bit injectors, multicasts, counters, check bits of memories, cut-through, all element
types. A memory answers in the cycle behind the address. Cycles are those of the one clock.

config, and its parameters  what the supernode is; figures of another width or size say so in their
                      names. times_* are registers of links and endpoints
load_latency_cycles   a lone load of 256 bytes: from the handshake of its address to its first beat,
                      wires not counted (one cycle each, four times through a link), the greatest
load_latency_nolink_cycles  the same with wires instead of links
store_rate_w<bits>    bytes of stores that are answered in a cycle, one endpoint at another over one
                      plane, bursts of 256 bytes without a pause, over what framing allows:
                      store_rate_bound_w<bits>, as a share of the bus, see bound()
load_rate_w<bits>     the same of loads, with the same bound
store_rate_both_w<bits>, load_rate_both_w<bits>  the same when both do it at each other, the slower
                      of both; the bound counts the answers or requests that go the same way
store_planes_w<bits>, load_planes_w<bits>  bytes over those of the bus, one endpoint at another over
                      all planes
ring_efficiency_n16   16 endpoints, AllReduce of 2 MiB of FP32 by stores around a ring, 2(N-1)/N
                      times the vector: cycles at line rate, a flit of payload in and out at each
                      endpoint, over those measured, as in bench_reduction; members add in no time,
                      and what lies between steps does not count; steps end in memory
inswitch_efficiency_n16  the same by the engines, from the doorbells to the last result in memory
*_efficiency_n16_bound   what framing allows of it, see bus_bound()
allreduce_over_ring_n16  cycles of the ring over those of the engines; bound: 2(N-1)/N
goodput_ber_1e-6      payload over line bits (130 a cycle and lane) over one plane, each endpoint
                      stores at the next one, each line bit wrong with 10^-6: _errors of them
goodput_no_errors     the same without wrong bits; goodput_bound: what framing allows
goodput_pairs_*       the same when endpoints store at each other in pairs
goodput_random_*      the same when all store at all
failover_cycles       all store, load and use atomics at all over all planes; a plane loses its
                      signal; until all that was under way then has been answered over another one:
                      the longest of failover_runs
failover_bound        age_cycles of a link, which tell that it is lost, reissue_delay, and then what
                      framing makes of n_tags loads and n_tags stores at each endpoint, sent again
failover_lost         stores and loads that were not answered, with an error or with wrong data
failover_unknown      atomics of failover_atomics that ended with ST_UNKNOWN
rejoin_lost           the same as failover_lost when the plane is back and used again
cps                   cycles a second, all store and load at all
build_s_<what>        seconds from the sources to the program, when it was made
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from switchproof.models.endpoint.collectives import Command, Kind
from tests.bench.chip_runs import (
    COUNTER,
    FROM,
    GROUP,
    REGION,
    TO,
    WINDOW_LOG2,
    Chip,
    Script,
    Times,
    built,
    nothing_wrong,
)

#: No configuration of the switch: figures are of supernodes.
CONFIG = None
NAME = "chip4"
CHIP = Chip()
#: With 8 engines in each of two planes: as many as members.
CHIP16 = CHIP.replace(n=16, n_engines=8)
WIDTHS = (128, 256, 512)
AT_LEAST = {
    **{f"{what}_rate_w{width}": 0.9 for what in ("store", "load") for width in WIDTHS},
    "ring_efficiency_n16": 0.9, "inswitch_efficiency_n16": 0.9,
}  # fmt: skip
AT_MOST = {"failover_lost": 0, "rejoin_lost": 0}
#: Payload units of 256 bytes; the header and the check are one each.
PAYLOAD, HEADER, CHECK = 16, 1, 1
#: Wires of a load: to the plane, on to the endpoint, and back.
WIRES = 4
VECTOR = 2 << 20
WARM, CYCLES = 2_000, 20_000
BER = 1e-6
#: Bits of a block on the line: a unit and its mark.
BLOCK_BITS = 130
SEEDS = (1, 2, 3, 4, 5)


def bound(chip: Chip, others: int = 0, check: int = CHECK) -> float:
    """Return the share of a plane's flits that payload of 256 bytes can have.

    A packet has units {header, payload, check} on a link, ceil((payload + check) / K) flits
    in a switch and on a bus, K units each. A frame has B = FRAME_UNITS / K beats and one with the
    trailer, which begins with up to K - 1 units; at most one flit ends in a beat. `others`: packets
    of a header and a check that go the same way for each of these, as answers to stores do.
    """
    k = chip.flit_w // 128
    flits = math.ceil((PAYLOAD + check) / k)
    units = HEADER + PAYLOAD + check + others * (HEADER + CHECK)
    ends = flits + others
    beats = chip.frame_units // k + 1
    slots = chip.frame_units + k - 1
    # Packets that a beat of the link carries, and a beat of the bus.
    link = min(slots / units, beats / ends) / beats
    per_beat = min(link, 1 / ends) if chip.links else 1 / ends
    return per_beat * PAYLOAD / k


def bus_bound(chip: Chip, check: int = CHECK) -> float:
    """Return the same over so many planes that a bus of flits is the limit."""
    k = chip.flit_w // 128
    flits = math.ceil((PAYLOAD + check) / k)
    return min(chip.n_planes * bound(chip, check=check), PAYLOAD / k / flits)


def one_plane(chip: Chip) -> Script:
    """Return a script that takes all planes but the first away."""
    script = Script(chip)
    lost = sum(chip.plane(plane) for plane in range(1, chip.n_planes))
    script.add(f"cut {lost:#x}")
    script.up(chip.plane(0))
    # Nothing is sent before reissue_delay is over.
    script.add(f"run {2 * script.times.reissue_delay}")
    return script


def stretch(script: Script, name: str, traffic: list[str], cycles: int = CYCLES) -> None:
    """Add traffic, its counts from WARM cycles on, and its end."""
    script.add(*traffic, f"run {WARM}", "open", f"run {cycles}", f"close {name}", "drain 20000")


def rates(chip: Chip) -> dict[str, Any]:
    """Return rates of stores and loads of a width."""
    script = one_plane(chip)
    for what in ("stores", "loads"):
        stretch(script, what, [f"{what} 0 2"])
        stretch(script, f"{what}_both", [f"{what} 0 2", f"{what} 1 1"])
    script.add("cut 0")
    script.up(chip.ways)
    for what in ("stores", "loads"):
        stretch(script, f"{what}_planes", [f"{what} 0 2"])
    found = nothing_wrong(script.run())
    width, limit, both = chip.flit_w, bound(chip), bound(chip, others=1)
    figures: dict[str, Any] = {}

    def share(name: str, who: list[int]) -> float:
        part = found[name]
        moved = part["stored" if name.startswith("stores") else "loaded"]
        return float(min(moved[e] for e in who) / (part["cycles"] * width / 8))

    for what in ("store", "load"):
        figures[f"{what}_rate_w{width}"] = round(share(f"{what}s", [0]) / limit, 4)
        figures[f"{what}_rate_bound_w{width}"] = round(limit, 4)
        figures[f"{what}_rate_both_w{width}"] = round(share(f"{what}s_both", [0, 1]) / both, 4)
        figures[f"{what}_rate_both_bound_w{width}"] = round(both, 4)
        figures[f"{what}_planes_w{width}"] = round(share(f"{what}s_planes", [0]), 4)
        figures[f"{what}_planes_bound_w{width}"] = round(bus_bound(chip), 4)
    return figures


def latency(chip: Chip) -> int:
    """Return the greatest cycles of a lone load, wires not counted."""
    script = one_plane(chip)
    script.add("lone latency 0 1 100", "drain 1000")
    found = nothing_wrong(script.run())
    return int(found["latency"]["most"]) - WIRES * chip.links


def goodput(chip: Chip) -> dict[str, Any]:
    """Return payload over line bits with and without wrong bits."""
    figures: dict[str, Any] = {}
    rate = round(BER * BLOCK_BITS * (chip.flit_w // 128) * 2**32)
    everyone = (1 << chip.n) - 1
    patterns: dict[str, Callable[[int], int]] = {
        "": lambda e: 1 << (e + 1) % chip.n,
        "pairs_": lambda e: 1 << (e ^ 1),
        "random_": lambda e: everyone,
    }
    for pattern, at in patterns.items():
        for name, injected, cycles in (("no_errors", 0, 20_000), ("ber_1e-6", rate, 150_000)):
            script = one_plane(chip)
            if injected:
                script.inject(injected)
            traffic = [f"stores {e} {at(e):#x}" for e in range(chip.n)]
            stretch(script, "all", traffic, cycles)
            for end in script.ends:
                script.read(f"bits{end}", "link", end, "injected_bits")
            found = nothing_wrong(script.run())
            line = found["all"]["cycles"] * BLOCK_BITS * (chip.flit_w // 128) * chip.n
            key = f"goodput_{pattern}{name}"
            figures[key] = round(8 * sum(found["all"]["stored"]) / line, 4)
            if injected:
                figures[f"{key}_errors"] = sum(found[f"bits{end}"] for end in script.ends)
    figures["goodput_bound"] = round(bound(chip, others=1) * 128 / BLOCK_BITS, 4)
    return figures


def everything(chip: Chip) -> list[str]:
    """Return lines that begin stores, loads and atomics of all at all."""
    everyone = (1 << chip.n) - 1
    lines = []
    for e in range(chip.n):
        addr = REGION + ((e + 1) % chip.n << WINDOW_LOG2) + COUNTER
        # {id, wide, quiet, kind, addr, operand, compare}: add one.
        word = (e << 6 | 1 << 5) << 192 | addr << 128 | 1 << 64
        lines += [f"stores {e} {everyone:#x}", f"loads {e} {everyone:#x}", f"atomic {e} {word:#x}"]
    return lines


def lost(found: dict[str, Any]) -> int:
    """Return what must not be, of a run in which atomics may be unknown."""
    return int(found["errors"] + found["wrong"] + found["strange"] + found["unanswered"])


def failover(chip: Chip) -> dict[str, Any]:
    """Return what the loss of a plane costs, and its return."""
    figures: dict[str, Any] = {"failover_cycles": 0, "failover_requests": 0, "failover_runs": 0}
    names = ("failover_lost", "failover_unknown", "failover_atomics", "rejoin_lost")
    sums = dict.fromkeys(names, 0)
    for seed in SEEDS:
        for plane in range(chip.n_planes):
            script = Script(chip)
            script.add(
                *everything(chip), f"run {WARM + 131 * seed}", "open",
                f"cut {chip.plane(plane):#x}", "settle failover 20000",
            )  # fmt: skip
            stay = [*script.lines, "close load", "drain 60000"]
            script.add("run 500", "cut 0")
            script.up(chip.ways)
            script.add("run 5000", "drain 60000")
            back = nothing_wrong(script.run(seed), but=("errors", "wrong", "unknown", "unanswered"))
            sums["rejoin_lost"] += lost(back)
            script.lines = stay
            found = script.run(seed)
            figures["failover_runs"] += 1
            figures["failover_cycles"] = max(figures["failover_cycles"], int(found["failover"]))
            figures["failover_requests"] += found["failover_requests"]
            sums["failover_lost"] += lost(found)
            sums["failover_unknown"] += found["unknown"]
            sums["failover_atomics"] += found["load"]["atomics"]
    times = Script(chip).times
    # A way carries the stores of its endpoint, the answers to others' loads, and as many headers.
    again = 2 * chip.n_tags * PAYLOAD * 128 // chip.flit_w / bound(chip, others=1)
    figures["failover_bound"] = round(times.age_cycles + times.reissue_delay + again)
    return figures | sums


def cycles_per_second(chip: Chip) -> int:
    """Return cycles a second under load."""
    script = Script(chip)
    stretch(script, "all", everything(chip))
    return round(nothing_wrong(script.run())["all"]["cps"])


def collectives(chip: Chip, vector: int = VECTOR, parts: int = 4) -> dict[str, Any]:
    """Return AllReduce in the switches and by a ring; `parts` commands of a member at once."""
    n, part = chip.n, vector // parts
    script = Script(chip)
    script.add(f"vectors {vector} 1")
    for e in range(n):
        for k in range(parts):
            command = Command(
                kind=Kind.ALLREDUCE, id=k, group=GROUP, seq=k + 1, dst=n, port=e,
                engines_log2=chip.n_engines.bit_length() - 1,
                round_log2=(chip.n_engines * chip.n_planes).bit_length() - 1,
                skew=e * chip.n_engines * chip.n_planes // n,
                source=FROM + k * part, to=TO + k * part, bytes=part,
            )  # fmt: skip
            script.add(f"collective {e} {command.word():#x}")
    script.add("collectives inswitch 2000000", "sums", f"ring ring {vector} 2000000")
    found = nothing_wrong(script.run())
    flits, steps = 8 * vector // chip.flit_w, 2 * (n - 1) / n
    inswitch, ring = int(found["inswitch"]), int(found["ring"])
    return {
        f"inswitch_cycles_n{n}": inswitch,
        f"ring_cycles_n{n}": ring,
        f"inswitch_efficiency_n{n}": round(flits / inswitch, 4),
        f"inswitch_efficiency_n{n}_bound": round(bus_bound(chip, check=0), 4),
        f"ring_efficiency_n{n}": round(steps * flits / ring, 4),
        f"ring_efficiency_n{n}_bound": round(bus_bound(chip), 4),
        f"allreduce_over_ring_n{n}": round(ring / inswitch, 4),
        f"allreduce_over_ring_n{n}_bound": steps,
    }


def say(text: str) -> None:
    """Show progress."""
    print(f"  {text}", flush=True)


def main() -> dict[str, Any]:
    """Measure everything."""
    figures: dict[str, Any] = {"config": NAME, **dataclasses.asdict(CHIP)}
    figures |= {f"times_{name}": value for name, value in dataclasses.asdict(Times()).items()}
    nolink = CHIP.replace(links=0)
    wide = {width: CHIP.replace(flit_w=width) for width in WIDTHS}
    builds = {**{f"w{width}": chip for width, chip in wide.items()}, "nolink": nolink}
    for name, chip in {**builds, "n16": CHIP16}.items():
        figures[f"build_s_{name}"] = built(chip).seconds
        say(f"{name} is built, {built(chip).seconds:.0f} s")
    figures["load_latency_cycles"] = latency(CHIP)
    figures["load_latency_nolink_cycles"] = latency(nolink)
    for chip in wide.values():
        figures |= rates(chip)
        say(f"rates of {chip.flit_w} bits are measured")
    figures |= goodput(CHIP)
    figures |= failover(CHIP)
    say("lost planes are measured")
    figures["cps"] = cycles_per_second(CHIP)
    figures |= collectives(CHIP16)
    return figures
