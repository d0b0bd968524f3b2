# SPDX-License-Identifier: Apache-2.0
"""Partials: exact sums that go from one engine to another, and what must be the same to the bit.

The engine is played as in test_engine.py. What it sends as partials is decoded by the golden model,
which adds in Python integers; what it sends in a lower tier is played again into an upper one.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import Timer

from switchproof.ci.build import BuildError, BuildSpec, lint
from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim
from switchproof.models import packet, partial
from switchproof.models.crossbar import ORDERED, PARTIAL, SATURATE
from switchproof.models.formats import FORMATS, element_dtype
from switchproof.models.layout import ID_GROUP, EType, Op, RedOp, Status
from switchproof.models.packet import Packets
from switchproof.models.partial import Part
from switchproof.models.reduction import allreduce
from switchproof.models.workloads import digits
from tests.reduction.stimulus import Bits, classes, columns, count
from tests.reduction.test_engine import PLAYER, Context, Judge, Play, Sent

#: Units of a contribution that are tried.
UNITS = (1, 1, 2, 3, 7, 16)


# --------------------------------------------------------------------------- packets of a partial


def fields_of(one: Packets) -> dict[str, int]:
    """Return the header of a packet as plain numbers."""
    return {name: int(value[0]) for name, value in packet.fields(one).items()}


def part_of(one: Packets) -> Part:
    """Return what a packet of a partial holds."""
    get = fields_of(one)
    planes = get["coll_root"].bit_count()
    words = packet.payload(one, "<u4", get["len"])[0].reshape(-1, planes, partial.PORTION)
    return Part(get["tag"] & 63, get["coll_root"], words)


def header_fields(part: Part, units: int) -> dict[str, int]:
    """Return the fields that tell how a packet of a partial is made up."""
    return {"coll_root": part.planes, "len": part.units, "tag": (units - 1) << 6 | part.index}


def raw_tag(number: int, of: int, units: int) -> int:
    """Return the tag of a raw contribution of one of several members behind a port."""
    return (units - 1) << 6 | (of - 1) << 3 | number


def is_part(get: dict[str, int]) -> bool:
    """Return whether a packet is, by its bit, of a partial or one of several raw ones."""
    return bool(get["coll_mode"] & PARTIAL) and get["op"] == Op.ALLREDUCE


def passes(get: dict[str, int]) -> bool:
    """Return whether the result of a contribution goes to another tier."""
    return bool(get["coll_mode"] & PARTIAL) and get["op"] in (Op.REDUCE, Op.BARRIER)


def units_of(get: dict[str, int]) -> int:
    """Return the units of the contribution that a packet belongs to."""
    return (get["tag"] >> 6 & 15) + 1 if is_part(get) else get["len"]


def well_made(get: dict[str, int]) -> bool:
    """Return whether a packet with the bit can be."""
    units, planes = units_of(get), get["coll_root"]
    if get["tag"] >> 10:
        return False
    if not planes:
        number, last = get["tag"] & 7, get["tag"] >> 3 & 7
        return get["len"] == units and number <= last < partial.RAW
    if planes & 511 >= 1 << partial.NEEDED[EType(get["coll_etype"])]:
        return False
    portions, rest = divmod(get["len"], planes.bit_count())
    total = partial.portions(get["coll_etype"], units)
    return not rest and (get["tag"] & 63) + portions <= total


class PartialJudge(Judge):
    """Replays a log of an engine with partials. What a member has sent of its contribution is kept
    as packets; how far it is follows from them."""

    def __init__(self, play: Play) -> None:
        super().__init__(play)
        self.sent_of: dict[int, dict[int, list[Packets]]] = {}  # by context, by port

    def received(self, context: Context, port: int) -> list[Packets]:
        return self.sent_of.setdefault(id(context), {}).setdefault(port, [])

    def complete(self, packets: list[Packets]) -> bool:
        """Return whether these are all packets of a member's contribution."""
        if not packets:
            return False
        get = fields_of(packets[0])
        if not is_part(get):
            return True
        if get["coll_root"]:
            at = sum(len(part_of(one).words) for one in packets)
            return at == partial.portions(get["coll_etype"], units_of(get))
        last = fields_of(packets[-1])["tag"] >> 3 & 7
        return {fields_of(one)["tag"] & 7 for one in packets} == set(range(last + 1))

    def status(self, port: int, one: Packets) -> int:
        get = fields_of(one)
        if not (is_part(get) or passes(get)):
            return self.plain_status(port, one, get)
        ops = (RedOp.SUM,) if is_part(get) else tuple(RedOp)
        known = get["coll_etype"] in self.play.etypes and get["coll_redop"] in ops
        known = known and not get["coll_mode"] & ORDERED
        if get["ext"] or not (known or get["op"] == Op.BARRIER):
            return int(Status.TYPE)
        if is_part(get) and not well_made(get):
            return int(Status.LEN)
        return self.plain_status(port, one, get)

    def plain_status(self, port: int, one: Packets, get: dict[str, int]) -> int:
        key = self.key(one)
        context = self.open.get(key)
        if not (is_part(get) or passes(get) or context):
            return super().status(port, one)
        if get["op"] not in (Op.ALLREDUCE, Op.REDUCE, Op.BARRIER):
            return super().status(port, one)
        if not get["coll_mode"] & PARTIAL:
            alone = super().status(port, one)
            if alone in (Status.OP, Status.TYPE, Status.TIMEOUT, Status.NOT_MEMBER):
                return alone
        if port in self.past.get(key, (0, set()))[1]:
            return int(Status.TIMEOUT)
        group = get["coll_group"]
        row = self.rows[group] if group < self.play.groups else 0
        if passes(get):
            if not context and not row >> get["coll_root"] & 1:
                return int(Status.NOT_MEMBER)
            row &= ~(1 << get["coll_root"])
        row = context.members if context else row
        if not row >> port & 1:
            return int(Status.NOT_MEMBER)
        middle = is_part(get) and get["coll_root"] and get["tag"] & 63
        if context is None:
            return int(Status.MISMATCH if middle else Status.OK)
        before = self.received(context, port)
        if before and self.complete(before):
            return int(Status.DUPLICATE)
        if before:
            first = fields_of(before[0])
            alike = is_part(get) and bool(first["coll_root"]) == bool(get["coll_root"])
            if middle:
                if not alike or get["tag"] & 63 != sum(len(part_of(p).words) for p in before):
                    return int(Status.MISMATCH)
            elif (
                get["coll_root"]
                or not alike
                or get["tag"] & 7 in {fields_of(p)["tag"] & 7 for p in before}
            ):
                return int(Status.DUPLICATE)
        elif middle:
            return int(Status.MISMATCH)
        begun = fields_of(context.first)
        names = ("op", "coll_etype", "coll_redop")
        same = all(begun[name] == get[name] for name in names) and units_of(begun) == units_of(get)
        same = same and not (begun["coll_mode"] ^ get["coll_mode"]) & ~PARTIAL
        if not is_part(get) and not is_part(begun):
            same = same and begun["coll_root"] == get["coll_root"]
        elif not is_part(get) or not is_part(begun):
            other = get if is_part(begun) else begun
            same = same and other["coll_root"] == 0
        same = same and passes(begun) == passes(get)
        return int(Status.OK if same else Status.MISMATCH)

    def grant(self, cycle: int, port: int, taken: int, refused: int, status: int) -> None:
        one = self.queues[port][0]
        get, key = fields_of(one), self.key(one)
        want = self.status(port, one)
        if want != Status.OK:
            if is_part(get) or passes(get):
                self.hit(f"partial.refused.{Status(want).name.lower()}")
            super().grant(cycle, port, taken, refused, status)
            return
        if get["op"] == Op.LOAD_REDUCE:
            super().grant(cycle, port, taken, refused, status)
            return
        self.queues[port].pop(0)
        self.grants.append(cycle)
        assert (taken, refused, status) == (1, 0, Status.OK), f"cycle {cycle}: {want} {status}"
        if key not in self.open:
            row = self.rows[get["coll_group"]]
            if passes(get):
                row &= ~(1 << get["coll_root"])
            self.open[key] = Context(cycle, row, one)
        context = self.open[key]
        packets = self.received(context, port)
        packets.append(one)
        if len(packets) > 1:
            self.hit("partial.continued")
        if is_part(get):
            self.hit("partial.planes" if get["coll_root"] else "partial.raw")
        context.got[port] = one
        if not context.missing and all(
            self.complete(self.received(context, port)) for port in context.got
        ):
            del self.open[key]
            self.results.setdefault(key, []).extend(self.outcome(context, cycle))
            self.sent_of.pop(id(context))

    def outcome(self, context: Context, cycle: int) -> list[Sent]:
        """Return the packets that a complete reduction gives, by sums of integers."""
        begun = fields_of(context.first)
        if begun["op"] == Op.BARRIER or begun["coll_redop"] != RedOp.SUM:
            self.expected["R"] += 1
            sent = self.result(context, cycle)
            if passes(begun):
                # an ordinary result, for the root
                sent.mask = 1 << begun["coll_root"]
                one = packet.make(1)
                packet.set_header_int(one[0], sent.header)
                packet.set_fields(one, coll_mode=begun["coll_mode"])
                sent.header = packet.header_int(one[0])
                kind = Op.BARRIER if begun["op"] == Op.BARRIER else RedOp(begun["coll_redop"])
                self.hit(f"partial.passed.{kind.name.lower()}")
            return [sent]
        etype, units = begun["coll_etype"], units_of(begun)
        dtype = element_dtype(etype)
        n = 16 * units // dtype.itemsize
        total = partial.Sums([0] * n, [0] * n)
        everything = []
        kinds = set()
        for port in sorted(context.got):
            packets = self.received(context, port)
            everything += packets
            first = fields_of(packets[0])
            if is_part(first) and first["coll_root"]:
                total += partial.unpack([part_of(one) for one in packets], n)
                kinds.add("partial")
            else:
                bits = np.stack([packet.payload(one, dtype, units)[0] for one in packets])
                total += partial.exact(bits, etype)
                kinds.add("raw" if is_part(first) else "plain")
        self.hit("partial.mixed" if len(kinds) > 1 else f"partial.all_{kinds.pop()}")
        poison = any(packet.get(p, "poison")[0] or p["flags"][0] & 1 for p in everything)
        common = {n: begun[n] for n in begun if n.startswith("coll_") and n != "coll_rsvd"}
        common |= {"src": begun["dst"], "dst": ID_GROUP, "poison": int(poison)}
        if passes(begun):
            mask = 1 << begun["coll_root"]
            parts = partial.pack(total)
            self.expected["R"] += len(parts)
            self.cover(parts, etype, units)
            packets = []
            for part in parts:
                answer = packet.make(1, op=Op.RESULT, **common | header_fields(part, units))
                data = part.words.astype("<u4").tobytes()
                packets.append(Sent(cycle, mask, packet.header_int(answer[0]), data))
            return packets
        self.expected["R"] += 1
        if is_part(begun):
            common |= {"coll_root": 0, "coll_mode": begun["coll_mode"] & ~PARTIAL}
        answer = packet.make(1, op=Op.RESULT, len=units, **common)
        data = partial.result(total, etype, bool(begun["coll_mode"] & SATURATE)).tobytes()
        mask = 1 << begun["coll_root"] if begun["op"] == Op.REDUCE else context.members
        return [Sent(cycle, mask, packet.header_int(answer[0]), data)]

    def cover(self, parts: list[Part], etype: int, units: int) -> None:
        """Count what a partial that was sent shows."""
        self.hit(f"partial.sent.{EType(etype).name.lower()}")
        self.hit(f"partial.packets.{min(len(parts), 3)}")
        seen = (
            np.concatenate([part.words[:, -1].ravel() for part in parts if part.planes >> 9])
            if any(part.planes >> 9 for part in parts)
            else np.zeros(0, int)
        )
        for name, bit in (("nan", 1), ("pinf", 2), ("ninf", 4)):
            count(self.hits, f"engine.partial.seen.{name}", int((seen & bit).any()))
        count(self.hits, "engine.partial.seen.minus_zero", int((seen == 0).any()))
        for part in parts:
            count(self.hits, f"engine.partial.planes.{part.planes.bit_count()}")
            which = [k for k in range(9) if part.planes >> k & 1]
            if which and len(which) < which[-1] - which[0] + 1:
                self.hit("partial.gap")

    def expire(self, cycle: int, key: tuple[int, int, int], timeout: int) -> None:
        context = self.open[key]
        if any(not self.complete(self.received(context, p)) for p in context.got):
            self.hit("partial.cut_short")
        self.sent_of.pop(id(context), None)
        super().expire(cycle, key, timeout)
        begun, notice = fields_of(context.first), self.results[key][-1]
        one = packet.make(1)
        packet.set_header_int(one[0], notice.header)
        if is_part(begun):
            packet.set_fields(one, coll_root=0)
        if passes(begun):
            # who waits for a partial hears as well that it does not come
            packet.set_fields(one, coll_mode=begun["coll_mode"])
            notice.mask |= 1 << begun["coll_root"]
            self.hit("partial.timed_out")
        notice.header = packet.header_int(one[0])


# ------------------------------------------------------------------------------------- the play


def new_play(seed: int = 0) -> Play:
    """Return an empty play of this run's size and seed."""
    rng = np.random.default_rng([int(os.environ["SP_SEED"]), seed])
    return Play(rng, json.loads(os.environ["SIZE"]))


class Bench:
    """Runs plays one behind the other, each from reset, and gathers coverage."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.hits: dict[str, int] = {}
        self.running = False

    async def run(self, play: Play, timeout: int = 0, rest: int = 0, stall: int = 0) -> Judge:
        """Play from reset until everything has left the engine, and judge the log."""
        dut, folder = self.dut, Path(os.environ["SP_RUN_DIR"])
        play.write(folder)
        dut.rst_ni.value = 0
        dut.timeout_i.value = timeout
        dut.rest_i.value = rest
        dut.stall_i.value = stall
        if not self.running:
            Clock(dut.clk_i, 10, unit="ns").start()
            self.running = True
        await Timer(35, "ns")
        dut.rst_ni.value = 1
        await Timer(25, "ns")
        limit = 400 * sum(map(len, play.queues)) * 17 + 20 * timeout + 10_000
        while not int(dut.done_o.value):
            await Timer(5_000, "ns")
            assert int(dut.cycle_o.value) < limit, f"not done after {limit} cycles: stuck"
        judge = PartialJudge(play)
        judge.read((folder / "log.txt").read_text())
        for name, times in judge.hits.items():
            count(self.hits, name, times)
        self.save()
        return judge

    def save(self) -> None:
        """Write functional coverage."""
        path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
        path.write_text(json.dumps(self.hits))


def some_columns(rng: np.random.Generator, members: int, n: int, etype: int) -> Bits:
    """Return contributions of a class. Half of them in the order of their numbers, so that what
    cancels lies in different tiers, and what overflows in one comes back in another."""
    names = classes(etype)
    data = columns(rng, str(rng.choice(names)), members, n, etype)
    if rng.random() < 0.3:
        # each portion of another kind, so that neighbours go into different packets
        others = [columns(rng, name, members, n, etype) for name in names]
        for at in range(0, n, partial.PORTION):
            portion = slice(at, at + partial.PORTION)
            data[:, portion] = others[int(rng.integers(0, len(names)))][:, portion]
    if rng.random() < 0.5:
        if etype == EType.INT32:
            rank = data.view("<i4").astype(np.int64)
        else:
            top = FORMATS[etype].sign_bit
            rank = data.astype(np.int64)
            rank = np.where(rank >= top, top - rank, rank)
        data = np.take_along_axis(data, np.argsort(rank, 0), 0)
    return data


def split(rng: np.random.Generator, members: int) -> list[list[int]]:
    """Return members in any order as two tiers or more."""
    order = (
        [int(m) for m in rng.permutation(members)] if rng.random() < 0.5 else list(range(members))
    )
    tiers = int(rng.integers(2, min(members, 6) + 1))
    cuts = sorted(int(c) for c in rng.choice(np.arange(1, members), tiers - 1, replace=False))
    return [order[a:b] for a, b in itertools.pairwise([0, *cuts, members])]


@cocotb.test()
async def two_tiers(dut: Any) -> None:
    """Members in any number of lower tiers: what the upper engine returns is what one engine
    returns that has all of them, and what the golden model says."""
    bench = Bench(dut)
    lower, upper, one_tier = (new_play(k) for k in range(3))
    rng, ports = lower.rng, lower.ports
    lower.window = upper.window = one_tier.window = 1
    jobs: list[tuple[list[list[int]], dict[str, int], Bits]] = []
    total = int(os.environ["COUNT"])
    for number in range(total):
        members = int(rng.integers(2 if number else ports, ports + 1))
        etype = lower.etypes[number % len(lower.etypes)]
        units = int(rng.choice(UNITS))
        data = some_columns(rng, members, 16 * units // element_dtype(etype).itemsize, etype)
        common = {
            "coll_etype": etype, "coll_seq": number, "len": units, "coll_group": number,
            "coll_mode": int(rng.choice([0, SATURATE])),
        }  # fmt: skip
        jobs.append((split(rng, members), common, data))

    # one tier
    for number, (_, common, data) in enumerate(jobs):
        one_tier.group(number, (1 << len(data)) - 1)
        for port, numbers in enumerate(data):
            one_tier.send(port, numbers, tail=number, **common)
    # lower tiers, one behind the other in one engine: a group each, and an uplink
    row = 0
    wanted: dict[tuple[int, int], int] = {}
    for number, (tiers, common, data) in enumerate(jobs):
        for t, tier in enumerate(tiers):
            if len(tier) < ports and rng.random() < 0.8:
                lines = [int(p) for p in rng.permutation(ports)[: len(tier) + 1]]
                lower.group(row % lower.groups, sum(1 << p for p in lines), 0)
                own = common | {"coll_group": row, "coll_slice": t, "op": Op.REDUCE}
                own |= {"coll_root": lines[-1], "coll_mode": common["coll_mode"] | PARTIAL}
                for m, port in zip(tier, lines, strict=False):
                    lower.send(port, data[m], tail=row, **own)
                wanted[number, t] = row
                row += 1
    assert row <= lower.groups, f"{row} groups"
    below = await bench.run(lower, rest=int(rng.choice([0, 60])), stall=int(rng.choice([0, 120])))
    found: dict[tuple[int, int], list[Packets]] = {}
    for sent in below.sent:
        one = packet.make(1)
        packet.set_header_int(one[0], sent.header)
        get = fields_of(one)
        packet.set_payload(one, np.frombuffer(sent.data, np.uint8)[: 16 * get["len"]])
        found.setdefault((get["coll_seq"], get["coll_slice"]), []).append(one)
    assert set(found) == set(wanted)
    # (1): what left the RTL holds exactly the sum, whichever packets there are
    for (number, t), packets in found.items():
        tiers, common, data = jobs[number]
        got = partial.unpack([part_of(one) for one in packets], data.shape[1])
        assert got == partial.exact(data[tiers[t]], common["coll_etype"])
    # the upper tier: the packets as they came, raw contributions, or plain ones
    for number, (tiers, common, data) in enumerate(jobs):
        lines = [int(p) for p in rng.permutation(ports)[: len(tiers)]]
        upper.group(number, sum(1 << p for p in lines))
        for t, (tier, port) in enumerate(zip(tiers, lines, strict=True)):
            raw = common | {"coll_mode": common["coll_mode"] | PARTIAL}
            if (number, t) in found:
                for one in found[number, t]:
                    get = fields_of(one)
                    keep = {name: get[name] for name in get if name.startswith("coll_")}
                    keep |= {"coll_group": number, "coll_slice": 0}
                    upper.send(port, packet.payload(one)[0], tail=number, tag=get["tag"],
                               len=get["len"], **keep)  # fmt: skip
            elif len(tier) <= partial.RAW and (len(tier) > 1 or rng.random() < 0.5):
                for k in rng.permutation(len(tier)):
                    tag = raw_tag(int(k), len(tier), common["len"])
                    upper.send(port, data[tier[int(k)]], tail=number, tag=tag, **raw)
            elif len(tier) == 1:
                upper.send(port, data[tier[0]], tail=number, **common)
            else:
                # too many for raw contributions, and none of it through the RTL
                for part in partial.tier(data[tier], common["coll_etype"]):
                    fields = raw | header_fields(part, common["len"])
                    upper.send(port, part.words.ravel(), tail=number, **fields)
    above = await bench.run(upper, rest=int(rng.choice([0, 60])), stall=int(rng.choice([0, 120])))
    alone = await bench.run(one_tier)
    # (2): to the bit
    results = [
        {fields_of(one)["coll_seq"]: sent.data for sent, one in opened(judge)}
        for judge in (above, alone)
    ]
    assert results[0] == results[1], "two tiers give other bits than one"
    for number, (tiers, common, data) in enumerate(jobs):
        saturate = bool(common["coll_mode"] & SATURATE)
        golden = allreduce(data, common["coll_etype"], saturate=saturate)
        assert results[0][number][: golden.nbytes] == golden.tobytes()
        name = EType(common["coll_etype"]).name.lower()
        count(bench.hits, f"engine.partial.two_tiers.{name}")
        came_back(bench.hits, tiers, data, common["coll_etype"])
    bench.save()


def opened(judge: Judge) -> list[tuple[Sent, Packets]]:
    """Return what left an engine with its header as a packet."""
    out = []
    for sent in judge.sent:
        one = packet.make(1)
        packet.set_header_int(one[0], sent.header)
        out.append((sent, one))
    return out


def came_back(hits: dict[str, int], tiers: list[list[int]], data: Bits, etype: int) -> None:
    """Count sums that exceed the range in a tier and are finite in the end."""
    if etype == EType.INT32:
        return
    fmt = FORMATS[etype]
    finite = ~(fmt.is_nan(data) | fmt.is_inf(data)).any(0)
    top = fmt.dtype.type(fmt.sign_bit - 1)
    ended = (allreduce(data, etype) & top) <= fmt.largest
    for tier in tiers:
        beyond = (allreduce(data[tier], etype) & top) > fmt.largest
        count(hits, "engine.partial.came_back", int((finite & ended & beyond).any()))


@cocotb.test()
async def bad_partials(dut: Any) -> None:
    """What no packet of a partial can be is refused, and changes no sum."""
    bench, play = Bench(dut), new_play()
    full = (1 << play.ports) - 1
    play.group(0, full)
    play.group(1, full & ~1)
    at = 50

    def later(port: int, data: Bits | None = None, **fields: Any) -> None:
        nonlocal at
        at += 60
        values = {"coll_mode": PARTIAL, "coll_root": 1, "len": 1} | fields
        play.send(port, data, not_before=at, **{"tag": 0} | values)

    # not what has partials
    for fields in (
        {"coll_redop": RedOp.MAX}, {"coll_redop": RedOp.MINNUM}, {"coll_mode": PARTIAL | ORDERED},
        {"coll_etype": 6}, {"ext": 1}, {"op": Op.LOAD_REDUCE, "len": 0},
        {"op": Op.REDUCE, "coll_redop": 5}, {"op": Op.REDUCE, "coll_mode": PARTIAL | ORDERED},
        {"op": Op.REDUCE, "coll_redop": RedOp.MAX, "coll_mode": PARTIAL | ORDERED},
        {"op": Op.BARRIER, "len": 0, "ext": 1},
    ):  # fmt: skip
        later(0, **fields)
    # malformed
    for fields in (
        {"tag": 1}, {"tag": 1 << 10}, {"tag": 1 << 11}, {"len": 2}, {"coll_root": 3},
        {"coll_root": 1023, "len": 16}, {"coll_root": 7, "len": 16, "tag": 15 << 6},
        {"coll_etype": EType.BF16, "tag": 2}, {"coll_etype": EType.BF16, "len": 3, "tag": 0},
        {"coll_etype": EType.FP16, "coll_root": 4}, {"coll_etype": EType.E4M3, "coll_root": 256},
        {"coll_etype": EType.INT32, "coll_root": 4}, {"coll_etype": EType.E5M2, "tag": 4},
        {"coll_root": 0, "len": 2}, {"coll_root": 0, "tag": 1}, {"coll_root": 0, "tag": 6 << 3},
        {"coll_root": 0, "tag": 1 << 10}, {"coll_root": 0, "tag": 2 | 1 << 3},
    ):  # fmt: skip
        later(0, **fields)
    # not a member, root or uplink; the uplink does not contribute
    later(0, coll_group=1)
    later(0, coll_group=3)
    later(1, coll_group=1, op=Op.REDUCE, coll_root=0)
    later(1, coll_group=0, op=Op.REDUCE, coll_root=play.ports)
    later(1, coll_group=0, op=Op.REDUCE, coll_root=1)
    later(1, coll_group=0, op=Op.REDUCE, coll_root=1, coll_redop=RedOp.MIN)
    later(1, coll_group=0, op=Op.BARRIER, coll_root=1, len=0)
    later(1, coll_group=0, op=Op.BARRIER, coll_root=play.ports, len=0)
    # the middle of a partial without its beginning, when none is open and when one is
    two = {"tag": 1 << 6, "coll_seq": 7}
    later(0, **two | {"tag": 1 << 6 | 1})
    first = np.arange(1, 5, dtype=np.uint32)
    later(0, first, **two)
    later(1, **two | {"tag": 1 << 6 | 1})
    for fields in (
        {}, {"coll_root": 0, "len": 2}, {"coll_mode": 0, "coll_root": 0, "len": 2},   # again
        {"tag": 1 << 6 | 1, "coll_etype": EType.BF16}, {"tag": 3 << 6 | 2},          # no: 1 is next
        {"tag": 1 << 6 | 1, "coll_mode": PARTIAL | SATURATE},
    ):  # fmt: skip
        later(0, first, **two | fields)
    later(1, np.ones(8, np.uint32), **two | {"coll_mode": 0, "coll_root": 0, "len": 2})
    later(1, **two | {"coll_mode": 0, "coll_root": 0, "len": 2})
    # raw, of two behind a port: the second, again, then the first
    for number in (1, 1, 0):
        tag = raw_tag(number, 2, 2)
        later(2, np.arange(8, dtype=np.uint32), **two | {"tag": tag, "coll_root": 0, "len": 2})
        if number:
            later(2, **two | {"tag": 1 << 6 | 1})
    later(2, **two | {"tag": raw_tag(1, 2, 2), "coll_root": 0, "len": 2})
    later(0, first, **two | {"tag": 1 << 6 | 1})
    later(0, first, **two | {"tag": 1 << 6 | 1})
    for port in range(3, play.ports):
        later(port, np.ones(8, np.uint32), **two | {"coll_mode": 0, "coll_root": 0, "len": 2})
    judge = await bench.run(play)
    for status in ("type", "len", "not_member", "duplicate", "mismatch"):
        assert judge.hits[f"engine.partial.refused.{status}"] > 0
    assert judge.expected["R"] == 1


@cocotb.test()
async def cut_short(dut: Any) -> None:
    """A partial stops in the middle, or a member of a lower tier does not come: the time-out ends
    it, the rest is refused, and the same name works again."""
    bench, play = Bench(dut), new_play()
    full = (1 << play.ports) - 1
    play.group(0, full)
    last = play.ports - 1
    common = {"coll_seq": 1, "coll_mode": PARTIAL}
    data = play.rng.integers(0, 1 << 32, 4 * 4).astype(np.uint32)
    # portions 0 and 1 of 4 come, the others too late
    play.send(0, data, tag=3 << 6, coll_root=3, **common | {"len": 4})
    for port in range(1, play.ports):
        play.send(port, data, **common | {"len": 4, "coll_mode": 0})
    play.send(0, data, tag=3 << 6 | 2, coll_root=3, not_before=1500, **common | {"len": 4})
    # a tier without one of its members; the uplink is the last port
    up = {"op": Op.REDUCE, "coll_root": last, "len": 2, "coll_mode": PARTIAL, "coll_seq": 2}
    for port in range(1, last):
        play.send(port, data, not_before=100, **up)
    play.send(0, data, not_before=1700, **up)
    for port in range(last):
        play.send(port, data, not_before=6000, **up)
    for portion in (0, 2):
        play.send(
            0, data, tag=3 << 6 | portion, coll_root=3, not_before=6000, **common | {"len": 4}
        )
    for port in range(1, play.ports):
        play.send(port, data, not_before=6000, **common | {"len": 4, "coll_mode": 0})
    judge = await bench.run(play, timeout=1000)
    assert judge.hits["engine.timed_out"] == 2
    assert judge.hits["engine.partial.cut_short"] == 1
    assert judge.hits["engine.partial.timed_out"] == 1
    assert judge.hits["engine.partial.refused.mismatch"] == 1


@cocotb.test()
async def mixed_traffic(dut: Any) -> None:
    """Partials between results, barriers and refusals, with members that pause in the middle of
    theirs, and slow receivers: nothing gets into another's way."""
    bench, play = Bench(dut), new_play()
    rng, ports = play.rng, play.ports
    full = (1 << ports) - 1
    play.group(0, full)
    play.window = play.contexts
    last = ports - 1
    for number in range(int(os.environ["COUNT"])):
        kind = int(rng.integers(0, 8))
        etype = int(rng.choice(play.etypes))
        units = int(rng.choice(UNITS))
        n = 16 * units // element_dtype(etype).itemsize
        tail = max(0, number + 1 - play.window)
        common: dict[str, Any] = {"coll_etype": etype, "coll_seq": number, "tail": tail}
        common |= {"len": units, "coll_mode": int(rng.choice([0, SATURATE]))}
        data = some_columns(rng, ports, n, etype)
        if kind == 0:
            redop = int(rng.choice(list(RedOp)))
            for port in range(ports):
                play.send(port, data[port], **common | {"coll_redop": redop})
        elif kind == 1:
            for port in range(ports):
                play.send(port, **common | {"len": 0, "op": Op.BARRIER})
        elif kind in (2, 3):
            own = common | {"op": Op.REDUCE, "coll_root": last}
            own["coll_mode"] |= PARTIAL
            for port in range(last):
                play.send(port, data[port], **own)
        elif kind in (6, 7):
            # what needs no partial
            own = common | {"op": Op.REDUCE, "coll_root": last}
            own["coll_mode"] |= PARTIAL
            if kind == 7:
                own |= {"op": Op.BARRIER, "len": 0}
            else:
                own["coll_redop"] = int(rng.integers(1, len(RedOp)))
            for port in range(last):
                play.send(port, *([data[port]] if kind == 6 else []), **own)
        else:
            for port in range(ports):
                if rng.random() < 0.3:
                    play.send(port, data[port], **common)
                    continue
                own = common | {"coll_mode": common["coll_mode"] | PARTIAL}
                if rng.random() < 0.3:
                    of = int(rng.integers(1, partial.RAW + 1))
                    for k in rng.permutation(of):
                        play.send(port, data[int(k) % ports], tag=raw_tag(int(k), of, units), **own)
                    continue
                tier = rng.permutation(ports)[: int(rng.integers(1, ports + 1))]
                for part in partial.tier(data[tier], etype):
                    play.send(port, part.words.ravel(), **own | header_fields(part, units))
    for queue in play.queues:
        pause = 0
        for one in queue:
            pause += int(rng.choice([0, 100], p=[0.9, 0.1]))
            one["not_before"] = pause
            one["flags"] = rng.random() < 0.03
            packet.set_fields(one, poison=int(rng.random() < 0.03))
    rest, stall = int(rng.choice([0, 60])), int(rng.choice([0, 60, 200]))
    judge = await bench.run(play, rest=rest, stall=stall)
    for name in ("mixed", "passed.barrier"):
        assert judge.hits[f"engine.partial.{name}"] > 0


@cocotb.test()
async def anything(dut: Any) -> None:
    """Headers that could be of partials, and payloads without sense, to few names: whatever is
    refused changes nothing, whatever is taken counts, and the time-out ends the rest."""
    bench, play = Bench(dut), new_play()
    rng, ports = play.rng, play.ports
    for row in range(play.groups):
        play.group(row, 0b11 if row < 2 else 0b111 if row == 2 else play.random_members(2))
    at = np.zeros(ports, np.int64)
    for _ in range(int(os.environ["COUNT"])):
        port, seq = int(rng.choice([0, 0, 1, 1, 2, 3])), int(rng.integers(0, 3))
        # mostly what others of this name are
        alike = rng.random() < 0.9
        etype = int(rng.choice(play.etypes)) if not alike else (EType.FP32, EType.E4M3)[seq % 2]
        units = int(rng.choice([1, 2, 16])) if not alike else 1 + seq // 2
        words = rng.integers(0, 1 << 32, (16, 4)).astype(np.uint32)
        planes = int(rng.choice([0, 0, 1, 2, 3, 3, 1 << 8, 511, 512, 513, rng.integers(1, 1024)]))
        index = int(rng.choice([0, 0, 0, 1, 1, 2, 3]))
        if rng.random() < 0.85:
            index %= partial.portions(etype, units)
            if etype == EType.E4M3:
                planes &= 0b1000000011
        fields: dict[str, Any] = {
            "coll_root": planes, "len": max(1, planes.bit_count()), "coll_etype": etype,
            "tag": (units - 1) << 6 | index, "coll_seq": seq,
            "coll_mode": PARTIAL, "coll_group": int(rng.choice([0, 0, 0, 1, 2, 5])),
        }  # fmt: skip
        if rng.random() < 0.3 and planes.bit_count() <= 8:
            fields["len"] = 2 * planes.bit_count() or 2
        if not planes:
            of = int(rng.integers(1, 3))
            fields |= {"len": units, "tag": raw_tag(int(rng.integers(0, of)), of, units)}
        kind = rng.random()
        if kind < 0.1:
            fields |= {"coll_mode": 0, "len": units, "coll_root": 0}
        elif kind < 0.15:
            fields |= {"op": Op.REDUCE, "coll_root": int(rng.integers(0, ports)), "len": units}
        elif kind < 0.2:
            fields["tag"] = int(rng.integers(0, 1 << 12))
        if planes >> 9 and fields["coll_mode"] and fields.get("op") is None:
            # what was seen, as it can be
            many = planes.bit_count()
            words[many - 1 :: many] = 8 | rng.choice([0, 0, 1, 2, 4], words[many - 1 :: many].shape)
        at[port] += int(rng.choice([10, 40, 400], p=[0.6, 0.35, 0.05]))
        play.send(port, words.ravel(), not_before=int(at[port]), **fields)
    judge = await bench.run(play, timeout=600, rest=30)
    assert judge.expected["R"] > 0


@cocotb.test()
async def pace(dut: Any) -> None:
    """Saturated members: cycles from a partial of 256 bytes to the next, as docs/reduction.md has
    them. Sums of FP32 numbers near one with a last bit set need two planes, the others one."""
    bench, play = Bench(dut), new_play()
    full = (1 << play.ports) - 1
    play.group(0, full)
    last = play.ports - 1
    for number in range(int(os.environ["COUNT"])):
        for port in range(last):
            etype = int(os.environ["ETYPE"])
            unit = {EType.FP32: 0x3F800001, EType.BF16: 0x3F81, EType.E5M2: 0x79}[EType(etype)]
            data = np.full(256 // element_dtype(etype).itemsize, unit, element_dtype(etype))
            play.send(port, data, op=Op.REDUCE, len=16, coll_root=last, coll_mode=PARTIAL,
                      coll_etype=etype, coll_seq=number)  # fmt: skip
    judge = await bench.run(play)
    starts = [sent.cycle for sent, one in opened(judge) if not fields_of(one)["tag"] & 63]
    steady = np.diff(starts)[2:]
    planes = {fields_of(one)["coll_root"].bit_count() for _, one in opened(judge)}
    assert planes == {2 if etype == EType.FP32 else 1}
    bound = int(os.environ["BOUND"])
    assert steady.max() <= bound, f"{steady.max()} cycles a partial, not {bound}"
    bench.hits["engine.partial.at_pace"] = 1
    bench.save()


# --------------------------------------------------------------------------------- pytest side

#: Ports, contexts, groups, cycles from grant to flit, element types, sums in member order.
Size = tuple[int, int, int, int, int, int]
WIDE_SIZE: Size = (16, 4, 128, 2, 63, 0)
SMALL: Size = (4, 4, 8, 2, 63, 1)
PIPELINED: Size = (4, 4, 128, 6, 11, 0)
USUAL: Size = (5, 2, 128, 4, 3, 0)


def run(
    sim: Sim, testcase: str, size: Size, pipelined: int = 0, module: str = __name__, **env: int
) -> None:
    """Build the player with partials in a size and run a test of a file."""
    names = ("N_PORTS", "N_CONTEXTS", "N_GROUPS", "LATENCY", "TYPES", "ORDERED")
    parameters = dict(zip(names, size, strict=True)) | {
        "FLIT_W": 128, "PARTIALS": 1, "PIPELINED": pipelined,
    }  # fmt: skip
    sim.run_module(
        sources=needed(PLAYER),
        toplevel="sp_engine_player",
        parameters=parameters,
        module=module,
        testcase=testcase,
        env={"SIZE": json.dumps(parameters)} | {k: str(v) for k, v in env.items()},
    )


@pytest.mark.parametrize(
    ("size", "pipelined"),
    [
        pytest.param(WIDE_SIZE, 0, id="16"),
        pytest.param(PIPELINED, 1, id="4_pipelined"),
        pytest.param(USUAL, 0, id="5", marks=pytest.mark.long),
    ],
)
def test_two_tiers(sim: Sim, size: Size, pipelined: int) -> None:
    run(sim, "two_tiers", size, pipelined, COUNT=30)


@pytest.mark.sim
def test_bad_partials(sim: Sim) -> None:
    run(sim, "bad_partials", SMALL)


def test_cut_short(sim: Sim) -> None:
    run(sim, "cut_short", SMALL)


@pytest.mark.sim
def test_mixed_traffic(sim: Sim) -> None:
    run(sim, "mixed_traffic", SMALL, COUNT=60)


def test_mixed_pipelined(sim: Sim) -> None:
    run(sim, "mixed_traffic", PIPELINED, 1, COUNT=60)


def test_anything_pipelined(sim: Sim) -> None:
    run(sim, "anything", PIPELINED, 1, COUNT=1500)


def test_anything(sim: Sim) -> None:
    run(sim, "anything", SMALL, COUNT=1500)


@pytest.mark.parametrize(
    ("etype", "bound"), [(EType.FP32, 188), (EType.BF16, 204), (EType.E5M2, 250)], ids=str
)
def test_pace(sim: Sim, etype: EType, bound: int) -> None:
    run(sim, "pace", SMALL, COUNT=12, ETYPE=etype, BOUND=bound)


@pytest.mark.parametrize(
    ("size", "pipelined"), [(SMALL, 0), (PIPELINED, 1)], ids=["one_step", "pipelined"]
)
@pytest.mark.parametrize("testcase", ["good_traffic", "late_member", "loads", "running_ahead"])
def test_without_partials(sim: Sim, size: Size, pipelined: int, testcase: str) -> None:
    """With partials built in, all else is as it is without."""
    run(sim, testcase, size, pipelined, module="tests.reduction.test_engine", COUNT=60)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("FLIT_W", 256, "PARTIALS with FLIT_W = 256, which is not 128"),
        ("N_PORTS", 129, "PARTIALS with N_PORTS = 129, which is more than 128"),
    ],
)
def test_partial_parameters(name: str, value: int, text: str) -> None:
    """What partials are not made for stops elaboration with its name and the bound."""
    spec = BuildSpec(
        name="illegal",
        toplevel="sp_reduction_engine",
        sources=needed("sp_reduction_engine"),
        parameters=(("PARTIALS", 1), (name, value)),
    )
    with pytest.raises(BuildError, match=text):
        lint(spec)


# ---------------------------------------------------------------------------------- the model


@pytest.mark.parametrize("etype", list(EType), ids=lambda e: e.name)
def test_partial_model(etype: EType) -> None:
    """Through the packets of tiers every sum is what the model of reductions makes at once."""
    rng = np.random.default_rng(etype)
    for name in classes(etype):
        data = columns(rng, name, 7, 64, etype)
        for saturate in (False, True):
            golden = allreduce(data, etype, saturate=saturate)
            tiers = [partial.tier(data[:3], etype), partial.tier(data[3:], etype)]
            assert (partial.over(tiers, etype, 64, saturate) == golden).all(), name
        for parts in tiers:
            assert all(1 <= part.units <= 16 for part in parts)
            ends = [part.index + len(part.words) for part in parts]
            assert [part.index for part in parts] == [0, *ends[:-1]]
            # as long as they can be: the next portion would have needed too many planes
            for part, after in itertools.pairwise(parts):
                has = [k for k in range(10) if after.planes >> k & 1]
                used = {
                    k
                    for k, words in zip(has, after.words[0], strict=True)
                    if (words != (partial.OTHER if k == partial.SEEN else 0)).any()
                }
                needs = part.planes | (sum(1 << k for k in used) or 1)
                assert (len(part.words) + 1) * needs.bit_count() > 16


def test_partial_words() -> None:
    """Words are balanced, one way for each sum, and a sum of more than nine is named."""
    rng = np.random.default_rng(1)
    for bits in range(1, 286):
        value = int.from_bytes(rng.bytes(36), "little") >> (288 - bits)
        for number in (value, -value, 1 << bits, -(1 << bits)):
            words = partial.balanced(number)
            assert all(-(1 << 31) <= word < 1 << 31 for word in words)
            assert sum(word << 32 * k for k, word in enumerate(words)) == number
    with pytest.raises(ValueError, match="more than nine words"):
        partial.balanced(1 << 288)


def test_partial_packets_are_checked() -> None:
    """Packets that are no partial are named by the model."""
    data = np.arange(32, dtype="<u4").reshape(2, 16) << 20
    parts = partial.tier(data, EType.FP32)
    assert partial.unpack(parts, 16) == partial.exact(data, EType.FP32)
    for wrong in (parts[:-1], parts[1:], [*parts, parts[-1]]):
        with pytest.raises(ValueError, match="portion"):
            partial.unpack(wrong, 16)
    with pytest.raises(ValueError, match="planes"):
        partial.unpack([Part(0, 3, parts[0].words[:, :1])], 16)


def test_break_even() -> None:
    """Of real gradients a partial is shorter than raw contributions for one member more than the
    rule says, at every step of the training that is looked at."""
    pytest.importorskip("sklearn")
    for etype in (EType.FP32, EType.BF16):
        size = element_dtype(etype).itemsize
        members = partial.RAW_UP_TO[size] + 1
        training = digits.training(8, 2, etype)
        gradients = next(training)
        for total in (allreduce(gradients, etype), None):
            lengths = [
                partial.length(partial.tier(gradients[:members, at : at + 256 // size], etype))
                for at in range(0, gradients.shape[1] - 255, 256 // size)
            ]
            assert sum(lengths) < members * 272 * len(lengths)
            if total is not None:
                gradients = training.send(total)
