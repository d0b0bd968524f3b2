# SPDX-License-Identifier: Apache-2.0
"""The reduction engine between a scheduler that grants at random and a receiver that stalls.

The simulation logs every grant, time-out and flit that leaves. The judge replays the grants in
their order with a model of contexts and compares every answer, every result bit and every event.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import Timer

from switchproof.ci.build import BuildError
from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import WIDE, Sim
from switchproof.models import packet
from switchproof.models.crossbar import ORDERED, PARTIAL, SATURATE, in_order
from switchproof.models.formats import element_dtype
from switchproof.models.layout import ID_GROUP, MAX_UNITS, EType, Op, RedOp, Status
from switchproof.models.packet import Packets
from switchproof.models.reduction import allreduce
from tests.reduction.stimulus import Bits, classes, columns, count

PLAYER = "tests/reduction/sp_engine_player.sv"

OPS = tuple(RedOp)
ENGINE_ID = 40
#: What an engine is asked: contributions, and to load.
KINDS = (Op.ALLREDUCE, Op.REDUCE, Op.BARRIER, Op.LOAD_REDUCE)


# ----------------------------------------------------------------------------------- stimulus


class Play:
    """What is played: a queue of packets for each port, and rows of the group table."""

    def __init__(self, rng: np.random.Generator, size: dict[str, int]) -> None:
        self.rng = rng
        self.ports = size["N_PORTS"]
        self.flit_w = size["FLIT_W"]
        self.groups = size["N_GROUPS"]
        self.contexts = size["N_CONTEXTS"]
        self.latency = size["LATENCY"]
        self.etypes = [e for e in EType if size["TYPES"] >> e & 1]
        self.ordered = bool(size["ORDERED"])
        #: Cycles in which a pipelined engine waits for a grant that may be on its way.
        self.steps = 6 * size.get("PIPELINED", 0)
        self.queues: list[list[Packets]] = [[] for _ in range(self.ports)]
        self.rows: list[tuple[int, int, int]] = []
        self.seq = 0
        #: Reductions that may be unfinished at a time; 0: members run ahead as they can.
        self.window = 0

    def group(self, row: int, members: int, cycle: int = 0) -> None:
        """Write a row of the table, at a cycle; rows must come in the order of cycles."""
        self.rows.append((cycle, row, members))

    def random_members(self, least: int = 1) -> int:
        """Return a mask of at least so many ports."""
        count = int(self.rng.integers(least, self.ports + 1))
        return sum(1 << int(p) for p in self.rng.permutation(self.ports)[:count])

    def send(self, port: int, data: Bits | None = None, **fields: Any) -> None:
        """Queue one packet; header fields have defaults."""
        values = {
            "op": Op.ALLREDUCE, "src": port, "dst": ENGINE_ID, "len": 1,
            "tag": int(self.rng.integers(0, 1 << 12)), "coll_group": 0, "ecn": 0,
        } | fields  # fmt: skip
        one = packet.make(1, flit_w=self.flit_w, port=port, payload=data, **values)
        self.queues[port].append(one)

    def reduction(
        self,
        group: int,
        members: int,
        *,
        units: int | None = None,
        etype: int | None = None,
        redop: int | None = None,
        name: str | None = None,
        absent: int = 0,
        **fields: Any,
    ) -> int:
        """Queue a contribution of every member that is not in `absent`; return the sequence."""
        rng = self.rng
        units = int(rng.integers(1, 17)) if units is None else units
        etype = int(rng.choice(self.etypes)) if etype is None else etype
        redop = int(rng.choice([RedOp.SUM, *OPS])) if redop is None else redop
        ports = [p for p in range(self.ports) if members >> p & 1]
        n = 16 * units // element_dtype(etype).itemsize
        data = values(rng, name, len(ports), n, etype)
        seq = fields.pop("coll_seq", self.seq & 0xFFFF)
        self.seq += 1
        if self.window:
            fields["tail"] = max(0, self.seq - self.window)
        common = {
            "len": units, "coll_etype": etype, "coll_redop": redop, "coll_group": group,
            "coll_seq": seq,
        } | fields  # fmt: skip
        for port, numbers in zip(ports, data, strict=True):
            if not absent >> port & 1:
                self.send(port, None if common.get("op") == Op.BARRIER else numbers, **common)
        return int(seq)

    def write(self, folder: Path) -> None:
        """Write what sp_engine_player reads; packets wait for the first rows to be written."""
        ready = 4 + sum(cycle == 0 for cycle, _, _ in self.rows)
        for port, queue in enumerate(self.queues):
            with (folder / f"port{port}.bin").open("wb") as file:
                for one in queue:
                    row = one[0]
                    head = packet.header_int(row)
                    words = np.zeros(4 + packet.max_flits(self.flit_w) * self.flit_w // 64, ">u8")
                    words[0] = max(ready, int(row["not_before"])) | int(row["tail"]) << 40
                    words[1:3] = head >> 64, head & (1 << 64) - 1
                    words[3] = 2 * int(row["flits"]) + (int(row["flags"]) & packet.FLAG_ERR)
                    data = row["data"].view("<u8")
                    words[4 : 4 + len(data)] = data[: len(words) - 4]
                    file.write(words.tobytes())
        rows = np.array(self.rows, ">u8").reshape(-1, 3)
        (folder / "groups.bin").write_bytes(rows.tobytes())


def values(rng: np.random.Generator, name: str | None, members: int, n: int, etype: int) -> Bits:
    """Return patterns of shape (members, n) of a class, or of any that the type has."""
    names = classes(etype)
    return columns(rng, str(rng.choice(names)) if name is None else name, members, n, etype)


# ---------------------------------------------------------------------------------- the judge


@dataclasses.dataclass
class Context:
    """An open reduction of the model."""

    opened: int
    members: int
    first: Packets  # that which opened it, made a contribution if it was none
    got: dict[int, Packets] = dataclasses.field(default_factory=dict)

    @property
    def missing(self) -> set[int]:
        """Members that have not contributed."""
        return {p for p in range(self.members.bit_length()) if self.members >> p & 1} - {*self.got}


@dataclasses.dataclass
class Sent:
    """A packet that left the engine."""

    cycle: int
    mask: int
    header: int
    data: bytes


class Judge:
    """Replays a log. Any difference raises AssertionError."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.rows = [0] * play.groups
        self.open: dict[tuple[int, int, int], Context] = {}
        self.queues = [list(queue) for queue in play.queues]
        self.answers: list[Sent] = []
        self.results: dict[tuple[int, int, int], list[Sent]] = {}
        self.sent: list[Sent] = []
        self.hits: dict[str, int] = {}
        self.counts = {"R": 0, "T": 0}
        self.expected = {"R": 0, "T": 0}
        self.grants: list[int] = []
        #: Reductions given up, that are remembered: when they began, and who did not come.
        self.past: dict[tuple[int, int, int], tuple[int, set[int]]] = {}

    def hit(self, name: str) -> None:
        count(self.hits, f"engine.{name}")

    @staticmethod
    def key(one: Packets) -> tuple[int, int, int]:
        return tuple(  # type: ignore[return-value]
            int(packet.get(one, f"coll_{name}")[0]) for name in ("seq", "slice", "group")
        )

    def status(self, port: int, one: Packets) -> int:
        """Return the status that a contribution must get now."""
        get = {k: int(v[0]) for k, v in packet.fields(one).items()}
        if get["op"] not in KINDS:
            return int(Status.OP)
        known = get["coll_etype"] in self.play.etypes and get["coll_redop"] in OPS
        known = known and not get["coll_mode"] & (
            PARTIAL if self.play.ordered else PARTIAL | ORDERED
        )
        load = get["op"] == Op.LOAD_REDUCE
        known = known and not (load and get["coll_root"] >= MAX_UNITS)
        if get["ext"] or not (known or get["op"] == Op.BARRIER):
            return int(Status.TYPE)
        if not load and port in self.past.get(self.key(one), (0, set()))[1]:
            return int(Status.TIMEOUT)
        context = self.open.get(self.key(one))
        group = get["coll_group"]
        row = context.members if context else self.rows[group] if group < self.play.groups else 0
        if not row >> port & 1:
            return int(Status.NOT_MEMBER)
        if get["op"] == Op.REDUCE and not row >> get["coll_root"] & 1:
            return int(Status.NOT_MEMBER)
        if context is None:
            return int(Status.OK)
        if load or port in context.got:
            return int(Status.DUPLICATE)
        names = ("op", "coll_etype", "coll_redop", "len", "coll_root")
        same = all(packet.get(context.first, n)[0] == packet.get(one, n)[0] for n in names)
        modes = packet.get(context.first, "coll_mode")[0] ^ packet.get(one, "coll_mode")[0]
        same = same and not modes & ~PARTIAL
        return int(Status.OK) if same else int(Status.MISMATCH)

    def result(self, context: Context, cycle: int) -> Sent:
        """Return the packet that a complete reduction gives."""
        first = context.first
        get = {k: int(v[0]) for k, v in packet.fields(first).items()}
        etype, mode = get["coll_etype"], get["coll_mode"]
        parts = [context.got[port] for port in sorted(context.got)]
        poison = any(packet.get(p, "poison")[0] or p["flags"][0] & 1 for p in parts)
        answer = packet.make(
            1, op=Op.RESULT, src=get["dst"], dst=ID_GROUP, len=get["len"], poison=int(poison),
            **{n: get[n] for n in get if n.startswith("coll_") and n != "coll_rsvd"},
        )  # fmt: skip
        packet.set_fields(answer, coll_mode=mode & ~PARTIAL)
        mask = 1 << get["coll_root"] if get["op"] == Op.REDUCE else context.members
        self.hit(Op(get["op"]).name.lower())
        self.hit(f"members.{bin(context.members).count('1')}")
        if poison:
            self.hit("poison")
        if get["op"] == Op.BARRIER:
            return Sent(cycle, mask, packet.header_int(answer[0]), b"")
        self.hit(f"units.{get['len']}")
        kind = f"{EType(etype).name}.{RedOp(get['coll_redop']).name}".lower()
        self.hit(kind)
        if in_order(context.first[0]):
            self.hit(f"{kind}.ordered")
        data = np.stack([packet.payload(p, element_dtype(etype), get["len"])[0] for p in parts])
        how = "ordered" if mode & ORDERED else "exact"
        total = allreduce(data, etype, get["coll_redop"], how, bool(mode & SATURATE))
        return Sent(cycle, mask, packet.header_int(answer[0]), total.tobytes())

    def load(self, cycle: int, port: int, one: Packets) -> None:
        """Open the reduction that a load asks for; its members are asked to contribute."""
        get = {k: int(v[0]) for k, v in packet.fields(one).items()}
        units = get["coll_root"] + 1
        fields = {n: get[n] for n in get if n.startswith("coll_") and n != "coll_rsvd"}
        fetch = packet.make(
            1, op=Op.FETCH, src=get["dst"], dst=ID_GROUP, tag=units, **fields | {"coll_root": port}
        )
        row = self.rows[get["coll_group"]]
        self.answers.append(Sent(cycle, row, packet.header_int(fetch[0]), b""))
        first = one.copy()
        packet.set_fields(first, op=Op.REDUCE, coll_root=port, len=units)
        self.open[self.key(one)] = Context(cycle, row, first)
        self.hit("load_reduce")

    def announce(self, cycle: int, port: int) -> None:
        """A contribution that waits for members before it has a context opened."""
        one = self.queues[port][0]
        assert self.status(port, one) == Status.OK and in_order(one[0])
        key = self.key(one)
        assert key not in self.open, f"cycle {cycle}: port {port} has a context already"
        row = self.rows[int(packet.get(one, "coll_group")[0])]
        self.open[key] = Context(cycle, row, one)
        assert min(self.open[key].missing) < port
        self.hit("announced")

    def forget(self, cycle: int, key: tuple[int, int, int], timeout: int) -> None:
        """A reduction that was given up is not remembered any more."""
        opened, _ = self.past.pop(key)
        if timeout < 0:
            assert timeout == -1, f"cycle {cycle}: {key} forgotten although there were others"
            self.hit("forgotten_for_another")
        else:
            bound = 2 * timeout + self.play.contexts + self.play.ports + 3 + self.play.steps
            assert timeout == 0 or 2 * timeout < cycle - opened <= bound
            self.hit("forgotten_in_time")

    def grant(self, cycle: int, port: int, taken: int, refused: int, status: int) -> None:
        one = self.queues[port].pop(0)
        self.grants.append(cycle)
        want = self.status(port, one)
        assert status == want, f"cycle {cycle}: {packet.describe(one[0])}: {status}, not {want}"
        load = int(packet.get(one, "op")[0]) == Op.LOAD_REDUCE
        assert taken == (want == Status.OK and not load) and refused == (want != Status.OK)
        if want != Status.OK:
            self.hit(f"refused.{Status(want).name.lower()}")
            answer = packet.error_answer(one, want)
            self.answers.append(Sent(cycle, 1 << port, packet.header_int(answer[0]), b""))
            if want == Status.TIMEOUT:
                self.past[self.key(one)][1].discard(port)
            return
        if load:
            self.load(cycle, port, one)
            return
        key = self.key(one)
        if key in self.results and key not in self.open:
            self.hit("name_used_again")
        if key not in self.open:
            group = int(packet.get(one, "coll_group")[0])
            self.open[key] = Context(cycle, self.rows[group], one)
            self.hit(f"open_contexts.{len(self.open)}")
        context = self.open[key]
        if in_order(one[0]):
            assert port == min(context.missing), f"cycle {cycle}: port {port} out of turn"
        context.got[port] = one
        if len(context.got) == bin(context.members).count("1"):
            del self.open[key]
            self.results.setdefault(key, []).append(self.result(context, cycle))
            self.expected["R"] += 1

    def expire(self, cycle: int, key: tuple[int, int, int], timeout: int) -> None:
        context = self.open.pop(key)
        age = cycle - context.opened
        bound = timeout + self.play.contexts + self.play.ports + 2 + self.play.steps
        assert timeout < age <= bound, f"given up after {age} cycles, time-out {timeout}"
        get = {k: int(v[0]) for k, v in packet.fields(context.first).items()}
        notice = packet.make(
            1, op=Op.COLL_ERROR, src=get["dst"], dst=ID_GROUP, status=Status.TIMEOUT,
            **{n: get[n] for n in get if n.startswith("coll_") and n != "coll_rsvd"},
        )  # fmt: skip
        sent = Sent(cycle, context.members, packet.header_int(notice[0]), b"")
        packet.set_fields(notice, coll_mode=get["coll_mode"] & ~PARTIAL)
        sent.header = packet.header_int(notice[0])
        self.results.setdefault(key, []).append(sent)
        self.past[key] = context.opened, context.missing
        self.expected["T"] += 1
        self.hit("timed_out")

    def leave(self, sent: Sent) -> None:
        """Match a packet that left with the answer or result that it must be."""
        one = packet.make(1)
        packet.set_header_int(one[0], sent.header)
        if packet.get(one, "dst")[0] == ID_GROUP and packet.get(one, "op")[0] != Op.FETCH:
            queue = self.results.get(self.key(one), [])
        else:
            queue = self.answers
        assert queue, f"cycle {sent.cycle}: nobody asked for {packet.describe(one[0])}"
        want = queue.pop(0)
        model = packet.make(1)
        packet.set_header_int(model[0], want.header)
        texts = packet.describe(one[0]), packet.describe(model[0])
        assert sent.header == want.header, f"cycle {sent.cycle}: {texts[0]}, not {texts[1]}"
        assert sent.mask == want.mask, f"to {sent.mask:b}, not {want.mask:b}: {texts[0]}"
        assert sent.cycle > want.cycle
        assert sent.data[: len(want.data)] == want.data, f"wrong data in {texts[0]}"
        step = self.play.flit_w // 8
        assert len(sent.data) == max(step, -(-len(want.data) // step) * step)
        if not want.data:
            assert not any(sent.data)
        self.sent.append(sent)

    def read(self, text: str) -> None:
        """Replay the whole log."""
        part: Sent | None = None
        for line in text.splitlines():
            kind, *words = line.split()
            assert kind != "E", line
            if kind == "G":
                self.grant(*map(int, words))
            elif kind == "W":
                self.rows[int(words[1])] = int(words[2], 16) & (1 << self.play.ports) - 1
            elif kind == "A":
                self.announce(*map(int, words))
            elif kind == "V":
                cycle, *key, timeout = map(int, words)
                self.forget(cycle, (key[0], key[1], key[2]), timeout)
            elif kind == "X":
                cycle, *key, timeout = map(int, words)
                self.expire(cycle, (key[0], key[1], key[2]), timeout)
            elif kind == "O":
                cycle, first, last = map(int, words[:3])
                mask, header = int(words[3], 16), int(words[4], 16)
                if first:
                    assert part is None, "first flit inside a packet"
                    part = Sent(cycle, mask, header, b"")
                assert part is not None, "a packet without its first flit"
                assert (mask, header) == (part.mask, part.header), "header or mask not stable"
                part.data += bytes.fromhex(words[5])[::-1]
                if last:
                    self.leave(part)
                    part = None
            else:
                self.counts[kind] += 1
        assert part is None
        assert not any(self.queues), "a packet was never granted"
        assert not self.open and not self.answers and not any(self.results.values())
        assert self.counts == self.expected, f"events {self.counts}, not {self.expected}"


async def run_play(dut: Any, play: Play, timeout: int = 0, rest: int = 0, stall: int = 0) -> Judge:
    """Run until everything has left the engine, judge the log, write functional coverage."""
    folder = Path(os.environ["SP_RUN_DIR"])
    play.write(folder)
    dut.rst_ni.value = 0
    dut.timeout_i.value = timeout
    dut.rest_i.value = rest
    dut.stall_i.value = stall
    Clock(dut.clk_i, 10, unit="ns").start()
    await Timer(35, "ns")
    dut.rst_ni.value = 1
    packets = sum(map(len, play.queues))
    limit = 40 * packets * (1 + packet.max_flits(play.flit_w)) + 20 * timeout + 10_000
    while not int(dut.done_o.value):
        await Timer(10_000, "ns")
        assert int(dut.cycle_o.value) < limit, f"not done after {limit} cycles: stuck"
    judge = Judge(play)
    judge.read((folder / "log.txt").read_text())
    save(judge)
    return judge


def save(judge: Judge) -> None:
    """Write functional coverage."""
    path = Path(os.environ["SP_RUN_DIR"]) / "functional.json"
    path.write_text(json.dumps(judge.hits))


def new_play() -> Play:
    """Return an empty play of this run's size and seed."""
    return Play(np.random.default_rng(int(os.environ["SP_SEED"])), json.loads(os.environ["SIZE"]))


# -------------------------------------------------------------------------------- cocotb tests


@cocotb.test()
async def good_traffic(dut: Any) -> None:
    """Groups of any members, all lengths, types and operations, as many in flight as contexts."""
    play = new_play()
    play.window = play.contexts
    rng = play.rng
    rows = [play.random_members() for _ in range(play.groups)]
    rows[0] = (1 << play.ports) - 1
    for row, members in enumerate(rows):
        play.group(row, members)
    for _ in range(int(os.environ["COUNT"])):
        group = int(rng.integers(0, play.groups)) if rng.random() < 0.5 else 0
        roots = [p for p in range(play.ports) if rows[group] >> p & 1]
        fields: dict[str, Any] = {"coll_slice": int(rng.integers(0, 1 << 16))}
        if rng.random() < 0.4:
            fields |= {"op": Op.REDUCE, "coll_root": int(rng.choice(roots))}
        elif rng.random() < 0.1:
            fields |= {"op": Op.BARRIER, "len": 0}
        mode = SATURATE if rng.random() < 0.3 else 0
        fields["coll_mode"] = mode | (ORDERED if play.ordered and rng.random() < 0.4 else 0)
        if rng.random() < 0.5:
            fields["units"] = 1
        play.reduction(group, rows[group], **fields)
    for queue in play.queues:
        for one in queue:
            one["flags"] = rng.random() < 0.05
            packet.set_fields(one, poison=int(rng.random() < 0.05))
            one["not_before"] = 0 if rng.random() < 0.9 else int(rng.integers(0, 3000))
    await run_play(dut, play, 0, int(rng.choice([0, 40, 128])), int(rng.choice([0, 60, 160])))


@cocotb.test()
async def any_order(dut: Any) -> None:
    """The same vectors, given to other members and coming in other orders: the same bits."""
    play = new_play()
    rng = play.rng
    play.group(0, (1 << play.ports) - 1)
    runs, wanted = 16, 0
    for etype in play.etypes:
        n = 256 // element_dtype(etype).itemsize
        data = values(rng, None, play.ports, n, etype)
        for _ in range(runs):
            for port, numbers in enumerate(rng.permutation(data)):
                play.send(port, numbers, len=16, coll_etype=etype, coll_seq=wanted)
            wanted += 1
    late = rng.integers(0, 400, play.ports)
    for port, queue in enumerate(play.queues):
        for k, one in enumerate(queue):
            one["not_before"] = int(late[port]) + 80 * k + int(rng.integers(0, 80))
    judge = await run_play(dut, play, rest=20)
    assert len(judge.sent) == wanted
    found: dict[int, set[bytes]] = {}
    for sent in judge.sent:
        one = packet.make(1)
        packet.set_header_int(one[0], sent.header)
        found.setdefault(int(packet.get(one, "coll_seq")[0]) // runs, set()).add(sent.data)
    assert [len(data) for data in found.values()] == [1] * len(play.etypes)
    count(judge.hits, "engine.any_order", wanted)
    save(judge)


@cocotb.test()
async def running_ahead(dut: Any) -> None:
    """One group whose members run as far ahead of each other as the contexts let them."""
    play = new_play()
    rng = play.rng
    full = (1 << play.ports) - 1
    play.group(0, full)
    for _ in range(int(os.environ["COUNT"])):
        play.reduction(0, full, units=int(rng.choice([1, 1, 3, 16])), coll_slice=5)
    for port, queue in enumerate(play.queues):
        late = 0 if port else 1500  # long enough for the others to take every context
        for one in queue:
            late += int(rng.choice([0, 400], p=[0.95, 0.05]))
            one["not_before"] = late
    judge = await run_play(dut, play, 0, 30, 30)
    assert judge.hits[f"engine.open_contexts.{play.contexts}"] > 0


@cocotb.test()
async def slow_receiver(dut: Any) -> None:
    """Results and answers leave much slower than they come: queues fill, nothing is lost."""
    play = new_play()
    full = (1 << play.ports) - 1
    play.group(0, full)
    for _ in range(int(os.environ["COUNT"])):
        play.reduction(0, full, units=16)
        for port in range(play.ports):
            play.send(port, coll_mode=PARTIAL)
    judge = await run_play(dut, play, stall=243)
    count(judge.hits, "engine.slow_receiver")
    save(judge)


@cocotb.test()
async def bad_traffic(dut: Any) -> None:
    """Every refusal, between good reductions, with time-outs for what stays incomplete."""
    play = new_play()
    rng = play.rng
    full = (1 << play.ports) - 1
    for row in range(play.groups):
        play.group(row, full if row < 2 else 0 if row == 2 else play.random_members(2))
    for _ in range(int(os.environ["COUNT"])):
        group = int(rng.integers(0, 2))
        bad = int(rng.integers(0, play.ports))
        kind = str(rng.choice(list(FAULTS)))
        units = int(rng.choice([1, 2, 16]))
        if kind == "none":
            play.reduction(group, full, units=units)
        elif kind == "absent":
            play.reduction(group, full, units=units, absent=1 << bad)
        elif kind == "duplicate":
            seq = play.reduction(group, full, units=units, etype=EType.FP32, redop=RedOp.SUM)
            play.send(bad, len=units, coll_group=group, coll_seq=seq)
        elif kind == "unknown_group":
            seq = play.seq & 0xFFFF
            play.send(bad, len=units, coll_seq=seq, coll_group=int(rng.choice([2, 999, 4095])))
        else:
            # one packet in front of a good reduction, from a member of it
            seq = play.seq & 0xFFFF
            common = {"coll_group": group, "coll_seq": seq, "len": units}
            play.send(bad, **(common | FAULTS[kind]))
            play.reduction(group, full, units=units, etype=EType.FP32, redop=RedOp.SUM)
    await run_play(dut, play, int(rng.choice([300, 900])), int(rng.choice([0, 60])), 60)


FAULTS: dict[str, dict[str, Any]] = {
    "none": {},
    "absent": {},
    "duplicate": {},
    "unknown_group": {},
    "etype": {"coll_etype": 6},
    "etype_none": {"coll_etype": 7},
    "redop": {"coll_redop": 5},
    "mode": {"coll_mode": PARTIAL},
    "ext": {"ext": 5},
    "operation": {"op": Op.WRITE},
    "root": {"op": Op.REDUCE, "coll_root": 1023},
    "mismatch_etype": {"coll_etype": EType.BF16},
    "mismatch_redop": {"coll_redop": RedOp.MAX},
    "mismatch_len": {"len": 3},
    "mismatch_root": {"coll_root": 1},
    "mismatch_op": {"op": Op.REDUCE, "coll_root": 0},
    "mismatch_mode": {"coll_mode": SATURATE},
}


@cocotb.test()
async def every_refusal(dut: Any) -> None:
    """Each reason to refuse, alone, with a context open where the reason needs one."""
    play = new_play()
    full = (1 << play.ports) - 1
    play.group(0, full)
    play.group(1, full & ~1)
    play.group(2, 0)
    at = 50

    def later(port: int, **fields: Any) -> None:
        nonlocal at
        at += 60
        play.send(port, not_before=at, **fields)

    for fault in ("etype", "etype_none", "redop", "mode", "ext", "operation"):
        later(0, **FAULTS[fault])
    later(0, op=Op.BARRIER, len=0, ext=1)
    later(0, op=Op.LOAD_REDUCE, len=0, coll_root=MAX_UNITS)
    later(0, coll_group=1)
    later(0, coll_group=2)
    later(0, coll_group=play.groups)
    later(0, coll_group=4095)
    later(1, coll_group=1, op=Op.REDUCE, coll_root=0)
    later(1, op=Op.REDUCE, coll_root=play.ports)
    later(1, op=Op.REDUCE, coll_root=1023)
    # an open context: member 0 is in, member 1 tries everything, then does it right
    later(0, coll_seq=7)
    for name, fields in FAULTS.items():
        if name.startswith("mismatch"):
            later(1, **({"coll_seq": 7} | fields))
    later(0, coll_seq=7)
    later(0, coll_seq=7, coll_etype=EType.BF16)  # a duplicate first of all
    for port in range(1, play.ports):
        later(port, coll_seq=7)
    # after the result the same sequence number opens a new context, which times out
    later(0, coll_seq=7)
    at += 4500
    later(1, coll_seq=7, coll_etype=EType.BF16)  # late first of all
    judge = await run_play(dut, play, timeout=4000)
    for status in ("op", "type", "not_member", "duplicate", "mismatch", "timeout"):
        assert judge.hits[f"engine.refused.{status}"] > 0
    assert judge.hits["engine.timed_out"] == 1


@cocotb.test()
async def not_built(dut: Any) -> None:
    """Types and the order of members that an engine was not built with are refused."""
    play = new_play()
    play.group(0, (1 << play.ports) - 1)
    absent = [etype for etype in EType if etype not in play.etypes]
    for etype in absent:
        play.send(0, coll_etype=etype)
    play.send(0, coll_mode=ORDERED)
    play.send(0, op=Op.LOAD_REDUCE, len=0, coll_mode=ORDERED)
    judge = await run_play(dut, play)
    assert absent and judge.hits["engine.refused.type"] == len(absent) + 2


@cocotb.test()
async def contexts_exhausted(dut: Any) -> None:
    """More reductions begun than contexts: what completes an open one, or is refused, passes."""
    play = new_play()
    full = (1 << play.ports) - 1
    play.group(0, full)
    n = play.contexts
    # members 0 and 1 begin in different orders and further apart than there are contexts
    for seq in range(2 * n):
        play.send(0, len=2, coll_seq=seq)
    play.send(0, coll_seq=99, coll_etype=7)
    for port in range(1, play.ports):
        # refused while every context is taken; nothing behind it comes if it waits for one
        play.send(port, coll_seq=99, coll_mode=4, not_before=200)
        for seq in reversed(range(n)):
            play.send(port, len=2, coll_seq=seq, not_before=300)
        for seq in range(n, 2 * n):
            play.send(port, len=2, coll_seq=seq, not_before=300)
    judge = await run_play(dut, play)
    assert judge.hits[f"engine.open_contexts.{n}"] > 0
    assert judge.expected["R"] == 2 * n


@cocotb.test()
async def missing_member(dut: Any) -> None:
    """A member never comes: all get a notice, contexts are free again, late ones time out too."""
    play = new_play()
    full = (1 << play.ports) - 1
    play.group(0, full)
    for _ in range(3):
        play.reduction(0, full, units=4, absent=2)
    for seq in range(3):
        play.send(1, len=4, coll_seq=seq, not_before=2500)
    for seq in range(4):  # the same numbers again, complete
        play.reduction(0, full, units=4, coll_seq=seq)
    for port, queue in enumerate(play.queues):
        for one in queue[3:]:
            one["not_before"] = 6000 if port != 1 else max(2500, int(one["not_before"][0]))
        if port == 1:
            for one in queue[3:]:
                one["not_before"] = 6000
    judge = await run_play(dut, play, timeout=1000)
    assert judge.hits["engine.timed_out"] == 6
    assert judge.expected["R"] == 4
    count(judge.hits, "engine.much_later", 3)
    save(judge)


@cocotb.test()
async def late_member(dut: Any) -> None:
    """Members come after their reduction was given up: refused once each, and remembered for so
    long as it took, or until all contexts are wanted; then they begin anew."""
    play = new_play()
    full = (1 << play.ports) - 1
    play.group(0, full)
    for seq in range(2):
        play.reduction(0, full, units=3, absent=0b110, coll_seq=seq)
    at = 1500
    for port in (1, 2):
        for seq in range(2):
            play.send(port, len=3, coll_seq=seq, not_before=at)
        # another time it is as new, with those that had come before
        play.send(port, len=3, coll_seq=0, not_before=1700)
    for port in (0, *range(3, play.ports)):
        play.send(port, len=3, coll_seq=0, not_before=1700)
    # two that are missed at the end: of one the context is needed by others, of one it is not
    for seq in range(5, 7):
        for port in range(1, play.ports):
            play.send(port, coll_seq=seq, not_before=3000)
    for seq in range(10, 10 + play.contexts):
        for port in range(play.ports):
            play.send(port, coll_seq=seq, not_before=4100 + 30 * port)
    for seq in (5, 6):
        play.send(0, coll_seq=seq, not_before=4500)
    judge = await run_play(dut, play, timeout=1000)
    assert judge.hits["engine.refused.timeout"] >= 4
    assert judge.hits["engine.forgotten_in_time"] > 0
    assert judge.hits["engine.forgotten_for_another"] > 0
    count(judge.hits, "engine.late_contribution", judge.hits["engine.refused.timeout"])
    save(judge)


@cocotb.test()
async def member_order(dut: Any) -> None:
    """Sums in member order, of packets of every length and of groups that overlap, members at any
    pace: each addition waits for the one before it, and several reductions share the adders."""
    play = new_play()
    play.window = play.contexts
    rng = play.rng
    rows = [0b11, *(play.random_members(2) for _ in range(play.groups - 1))]
    for row, members in enumerate(rows):
        play.group(row, members)
    floats = [e for e in play.etypes if e != EType.INT32]
    for _ in range(int(os.environ["COUNT"])):
        group = int(rng.integers(0, play.groups))
        play.reduction(
            group, rows[group], units=int(rng.choice([1, 2, 3, 16])), redop=RedOp.SUM,
            etype=int(rng.choice(floats)),
            coll_mode=ORDERED if rng.random() < 0.8 else 0,
        )  # fmt: skip
    late = rng.random(play.ports) < 0.5
    for port, queue in enumerate(play.queues):
        for one in queue:
            one["not_before"] = int(rng.integers(0, 200)) if late[port] else 0
    # Lone flits of two members: a context is free again while their sums are still on their way.
    play.window = 0
    for _ in range(40):
        play.reduction(0, rows[0], units=1, etype=floats[0], redop=RedOp.SUM, coll_mode=ORDERED)
    judge = await run_play(dut, play, 0, int(rng.choice([0, 100])), int(rng.choice([0, 100])))
    assert judge.hits["engine.announced"] > 0


@cocotb.test()
async def first_member_missing(dut: Any) -> None:
    """In member order the first never comes: all hear of it in time, and who waits is let go."""
    play = new_play()
    full = (1 << play.ports) - 1
    play.group(0, full)
    for seq in range(play.contexts):
        play.reduction(0, full, units=2, etype=EType.FP32, redop=RedOp.SUM, absent=1,
                       coll_mode=ORDERED, coll_seq=seq)  # fmt: skip
    for seq in range(2):
        play.reduction(0, full, units=2, coll_seq=100 + seq)
    for queue in play.queues:
        for one in queue[-2:]:
            one["not_before"] = 4000
    judge = await run_play(dut, play, timeout=500)
    assert judge.hits["engine.timed_out"] >= play.contexts
    assert judge.expected["R"] == 2
    count(judge.hits, "engine.first_missing")
    save(judge)


@cocotb.test()
async def loads(dut: Any) -> None:
    """A member asks, all contribute, it gets the result. Some ask twice, or are no members."""
    play = new_play()
    rng = play.rng
    rows = [(1 << play.ports) - 1, play.random_members(2)]
    for row, members in enumerate(rows):
        play.group(row, members)
    outside = [p for p in range(play.ports) if not rows[1] >> p & 1]
    at = 50
    for seq in range(int(os.environ["COUNT"])):
        group = seq % 2
        ports = [p for p in range(play.ports) if rows[group] >> p & 1]
        asks, units = int(rng.choice(ports)), int(rng.integers(1, 17))
        etype = int(rng.choice(play.etypes))
        common: dict[str, Any] = {
            "coll_group": group, "coll_seq": seq, "coll_etype": etype,
            "coll_redop": int(rng.choice(OPS)),
            "coll_mode": ORDERED if play.ordered and rng.random() < 0.3 else 0,
        }  # fmt: skip
        load = common | {"op": Op.LOAD_REDUCE, "len": 0, "coll_root": units - 1}
        play.send(asks, not_before=at, **load)
        if rng.random() < 0.3:
            play.send(int(rng.choice(ports)), not_before=at + 20, **load)
        if group and outside:
            play.send(outside[0], not_before=at + 20, **load)
        n = 16 * units // element_dtype(etype).itemsize
        for port, numbers in zip(ports, values(rng, None, len(ports), n, etype), strict=True):
            play.send(port, numbers, not_before=at + 60, op=Op.REDUCE, len=units,
                      **common | {"coll_root": asks})  # fmt: skip
        at += int(rng.choice([5, 40, 200]))
    # a load that comes when all have contributed waits for more in vain
    rest, stall = int(rng.choice([0, 60])), int(rng.choice([0, 160]))
    judge = await run_play(dut, play, 2000, rest, stall)
    assert judge.hits["engine.load_reduce"] > 0 and judge.expected["R"] > 0


@cocotb.test()
async def groups_rewritten(dut: Any) -> None:
    """Rows change under traffic: an open context keeps its members, new ones get the new row."""
    play = new_play()
    rng = play.rng
    for cycle in range(0, 6000, 25):
        play.group(int(rng.integers(0, play.groups)), play.random_members(), cycle)
    for _ in range(int(os.environ["COUNT"])):
        play.reduction(int(rng.integers(0, play.groups)), play.random_members(), units=2)
    for queue in play.queues:
        for one in queue:
            one["not_before"] = int(rng.integers(0, 40)) * 100
    for queue in play.queues:
        queue.sort(key=lambda one: int(one["not_before"][0]))
    await run_play(dut, play, timeout=400, stall=30)


@cocotb.test()
async def throughput(dut: Any) -> None:
    """Saturated members: flits taken per cycle against the bound of docs/reduction.md."""
    play = new_play()
    units = int(os.environ["UNITS"])
    full = (1 << play.ports) - 1
    play.group(0, full)
    for _ in range(int(os.environ["COUNT"])):
        play.reduction(0, full, units=units, etype=EType.BF16, redop=RedOp.SUM, name="narrow")
    judge = await run_play(dut, play)
    flits = -(-128 * units // play.flit_w)
    # the first and last reductions fill and drain the pipeline
    cut = len(judge.grants) // 4
    cycles = judge.grants[-cut] - judge.grants[cut]
    got = flits * (len(judge.grants) - 2 * cut) / cycles
    bound = min(1.0, play.ports * flits / (5 * flits + 2))
    dut._log.info("%d members of %d units: %.3f flits a cycle, bound %.3f", play.ports, units, got,
                  bound)  # fmt: skip
    assert got > 0.98 * bound, f"{got:.3f} flits a cycle, the bound is {bound:.3f}"
    count(judge.hits, "engine.at_bound")
    save(judge)


# -------------------------------------------------------------------------------- pytest side

#: Ports, flit width, contexts, groups, latency, element types, sums in member order.
Size = tuple[int, int, int, int, int, int, int]
BASE, ALL = (3, 0), (63, 1)
#: For what needs no sweep.
SMALL: Size = (4, 128, 4, 8, 2, *ALL)
#: Throughput with 4, 8 and 16 members shares builds with the sweep; two members have their own.
NARROW: list[Size] = [SMALL, (8, 128, 8, 16, 2, *BASE), (16, 128, 8, 64, 5, *BASE)]
TWO: Size = (2, 128, 8, 16, 2, *BASE)
SIZES = [
    pytest.param(SMALL, id="4x128", marks=pytest.mark.sim),
    pytest.param((2, 512, 2, 4, 3, *BASE), id="2x512"),
    pytest.param((3, 256, 6, 5, 4, 3, 1), id="3x256"),
    pytest.param(NARROW[1], id="8x128"),
    pytest.param(NARROW[2], id="16x128"),
    pytest.param((5, 512, 4, 3, 2, *ALL), id="5x512", marks=pytest.mark.long),
]


def run(sim: Sim, testcase: str, size: Size, **env: int) -> None:
    """Build the player in a size and run a test of this file."""
    names = ("N_PORTS", "FLIT_W", "N_CONTEXTS", "N_GROUPS", "LATENCY", "TYPES", "ORDERED")
    parameters = dict(zip(names, size, strict=True))
    sim.run_module(
        sources=needed(PLAYER),
        toplevel="sp_engine_player",
        parameters=parameters,
        module=__name__,
        testcase=testcase,
        env={"SIZE": json.dumps(parameters)} | {k: str(v) for k, v in env.items()},
        coverage=parameters["FLIT_W"] < WIDE,
    )


@pytest.mark.parametrize("size", SIZES)
def test_good_traffic(sim: Sim, size: Size) -> None:
    run(sim, "good_traffic", size, COUNT=150)


@pytest.mark.sim
def test_any_order(sim: Sim) -> None:
    run(sim, "any_order", SMALL)


@pytest.mark.parametrize("size", SIZES)
def test_running_ahead(sim: Sim, size: Size) -> None:
    run(sim, "running_ahead", size, COUNT=60)


@pytest.mark.sim
def test_slow_receiver(sim: Sim) -> None:
    run(sim, "slow_receiver", SMALL, COUNT=12)


@pytest.mark.parametrize("size", SIZES)
def test_bad_traffic(sim: Sim, size: Size) -> None:
    run(sim, "bad_traffic", size, COUNT=100)


@pytest.mark.sim
def test_every_refusal(sim: Sim) -> None:
    run(sim, "every_refusal", SMALL)


def test_not_built(sim: Sim) -> None:
    run(sim, "not_built", NARROW[1])


@pytest.mark.parametrize("size", SIZES)
def test_contexts_exhausted(sim: Sim, size: Size) -> None:
    run(sim, "contexts_exhausted", size)


@pytest.mark.sim
def test_missing_member(sim: Sim) -> None:
    run(sim, "missing_member", SMALL)


@pytest.mark.sim
def test_late_member(sim: Sim) -> None:
    run(sim, "late_member", SMALL)


@pytest.mark.parametrize("size", [p for p in SIZES if p.values[0][-1]])
def test_member_order(sim: Sim, size: Size) -> None:
    run(sim, "member_order", size, COUNT=120)


@pytest.mark.sim
def test_first_member_missing(sim: Sim) -> None:
    run(sim, "first_member_missing", SMALL)


@pytest.mark.parametrize("size", SIZES)
def test_loads(sim: Sim, size: Size) -> None:
    run(sim, "loads", size, COUNT=50)


@pytest.mark.sim
def test_groups_rewritten(sim: Sim) -> None:
    run(sim, "groups_rewritten", SMALL, COUNT=60)


@pytest.mark.parametrize("units", [1, 4, 16])
@pytest.mark.parametrize(
    "size",
    [pytest.param(TWO, marks=pytest.mark.long), *NARROW],
    ids=["2", "4", "8", "16"],
)
def test_throughput(sim: Sim, size: Size, units: int) -> None:
    run(sim, "throughput", size, UNITS=units, COUNT=40)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("N_PORTS", 1),
        ("N_CONTEXTS", 3),
        ("N_CONTEXTS", 66),
        ("FLIT_W", 64),
        ("N_GROUPS", 0),
        ("TYPES", 0),
        ("TYPES", 64),
    ],
)
def test_illegal_parameter(name: str, value: int) -> None:
    """A parameter out of bounds stops elaboration with its name and the bound."""
    from switchproof.ci.build import BuildSpec, lint

    spec = BuildSpec(
        name="illegal",
        toplevel="sp_reduction_engine",
        sources=needed("sp_reduction_engine"),
        parameters=((name, value),),
    )
    with pytest.raises(BuildError, match=f"{name} = {value} (is not|names no)"):
        lint(spec)
