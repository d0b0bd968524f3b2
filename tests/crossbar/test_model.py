# SPDX-License-Identifier: Apache-2.0
"""The golden switch against a second, slow one that follows the specification packet by packet."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest

from switchproof.models import packet, profiles
from switchproof.models.crossbar import (
    DROPPED,
    MULTICAST,
    Groups,
    Reduced,
    Reducer,
    Switch,
    path_index,
)
from switchproof.models.formats import element_dtype
from switchproof.models.layout import ID_GROUP, EType, Op, RedOp, Status
from switchproof.models.packet import FLAG_ERR, Packets, fields, get, make, set_fields
from switchproof.models.profiles import Config
from switchproof.models.reduction import allreduce

DEV4 = profiles.get("dev4")
DEV8 = profiles.get("dev8")


def keyed(packets: Packets) -> Counter[tuple[int, bytes, bytes, int, int]]:
    """Return packets as a multiset of what a receiver sees: port, header, data, flits, error."""
    packet.clear_unused(packets)
    return Counter(
        (int(p["port"]), p["hdr"].tobytes(), p["data"].tobytes(), int(p["flits"]), int(p["flags"]))
        for p in packets
    )


# -------------------------------------------------------------------------- the slow switch


class Slow:
    """Forwarding as docs/packet.md tells it, one packet at a time."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.routes: dict[tuple[int, int], tuple[int, int]] = {}
        self.partitions = [{0} for _ in range(config.ports)]
        self.sources: dict[int, str] = {}  # of a port: bits as text, "-" for any
        self.groups: dict[int, set[int]] = {}

    def forward(self, port: int, row: np.void) -> tuple[int, Packets, int]:
        one = np.array([row])
        f = {name: int(value[0]) for name, value in fields(one).items()}
        status = self.check(port, f, int(row["flits"]))
        if status == Status.OK and f["op"] == Op.MCAST_WRITE:
            if f["ext"] & 4:
                status = self.check_set(port, f, row)
            if status == Status.OK:
                return MULTICAST, one, status
        elif status == Status.OK:
            return self.output(port, f), one, status
        if f["op"] >> 4 == 1:
            return DROPPED, one, status
        answer = one.copy()
        answer["flags"], answer["flits"], answer["data"] = 0, 1, 0
        op = Op.COLL_ERROR if f["op"] >> 4 == 2 else Op.ERROR
        set_fields(answer, version=0, op=op, dst=f["src"], src=f["dst"], status=status,
                   len=0, ext=0, ecn=0, poison=0)  # fmt: skip
        return port, answer, status

    def output(self, port: int, f: dict[str, int]) -> int:
        out, paths = self.routes[port, f["dst"]]
        mixed = f["src"] ^ f["dst"]
        return out + ((mixed // 128) ^ (mixed % 128)) % 2**paths

    def check(self, port: int, f: dict[str, int], flits: int) -> int:
        try:
            op = Op(f["op"])
        except ValueError:
            op = None
        if f["version"] != 0:
            return int(Status.VERSION)
        if op is None or (op == Op.MCAST_WRITE and not self.config.mcast):
            return int(Status.OP)
        if op in (Op.READ, Op.WRITE_RSP, Op.ERROR, Op.COLL_ERROR, Op.MGT_READ) or (
            op in (Op.FETCH, Op.BARRIER, Op.LOAD_REDUCE)
        ):
            lengths = range(1)
        elif op in (Op.ATOMIC, Op.ATOMIC_RSP):
            lengths = range(1, 3)
        elif op in (Op.MGT_WRITE, Op.MGT_RSP, Op.RESULT):
            lengths = range(17)
        else:
            lengths = range(1, 17)
        if f["len"] not in lengths:
            return int(Status.LEN)
        if op == Op.MCAST_WRITE:
            if not f["ext"] & 4 and not self.groups.get(f["dst"]):
                return int(Status.DST)
        elif (port, f["dst"]) not in self.routes:
            return int(Status.DST)
        elif self.output(port, f) >= self.config.ports and op >> 4 != 2:
            return int(Status.OP)
        if op == Op.MCAST_WRITE:
            reached = set() if f["ext"] & 4 else self.groups[f["dst"]]
        else:
            out = self.output(port, f)
            reached = {out} if out < self.config.ports else self.groups.get(f["coll_group"], set())
        source = self.sources.get(port, "-" * 14)
        if not all(self.partitions[port] & self.partitions[other] for other in reached):
            return int(Status.PARTITION)
        if any(want not in ("-", bit) for want, bit in zip(source, f"{f['src']:014b}")):
            return int(Status.PARTITION)
        units = f["len"] + bin(f["ext"]).count("1")
        if flits != max(1, -(-units * 128 // self.config.flit_w)):
            return int(Status.LEN)
        return int(Status.OK)

    def members(self, f: dict[str, int], row: np.void) -> list[tuple[int, int]]:
        """Return (place of its valid bit in the data, ID) of each destination of a set."""
        data = int.from_bytes(row["data"].tobytes(), "little")
        last = (f["len"] + bin(f["ext"]).count("1") - 1) * 128
        entries = [(last + 16 * k + 15, data >> last + 16 * k) for k in range(8)]
        return [(bit, entry % 2**14) for bit, entry in entries if entry >> 15 & 1]

    def check_set(self, port: int, f: dict[str, int], row: np.void) -> int:
        members = self.members(f, row)
        for _, dst in members:
            if (port, dst) not in self.routes:
                return int(Status.DST)
            out = self.output(port, {**f, "dst": dst})
            if out >= self.config.ports:
                return int(Status.OP)
            if not self.partitions[port] & self.partitions[out]:
                return int(Status.PARTITION)
        return int(Status.OK if members else Status.DST)

    def copies(self, port: int, row: np.void) -> list[np.void]:
        """Return the copies of a multicast that was not refused, by output."""
        f = {name: int(value[0]) for name, value in fields(np.array([row])).items()}
        if not f["ext"] & 4:
            outs = {(out, 0) for out in self.groups[f["dst"]]}
        else:
            outs = set()
            for bit, dst in self.members(f, row):
                mine = self.output(port, {**f, "dst": dst})
                lost = sum(
                    1 << b
                    for b, other in self.members(f, row)
                    if self.output(port, {**f, "dst": other}) != mine
                )
                assert not lost >> bit & 1
                outs.add((mine, lost))
        made = []
        for out, lost in sorted(outs):
            copy = np.array([row])
            data = int.from_bytes(row["data"].tobytes(), "little") & ~lost
            copy["data"][0] = np.frombuffer(data.to_bytes(len(row["data"]), "little"), np.uint8)
            copy["port"], copy["tail"] = out, port
            made.append(copy[0])
        return made


def tables(
    config: Config, rng: np.random.Generator, share: float = 0.2, bound: float = 0.7
) -> tuple[Switch, Slow]:
    """Return both switches with the same random routes, some IDs without any.

    `share`: of the partitions that a port is in. `bound`: of the ports that are bound to sources.
    """
    switch, slow = Switch(config), Slow(config)
    outputs = config.ports + config.engines
    for port, dst in itertools.product(range(config.ports), range(config.ids)):
        if rng.random() < 0.2:
            continue
        paths = int(rng.integers(0, min(3, outputs.bit_length() - 1)))
        out = int(rng.integers(0, outputs - 2**paths + 1))
        switch.set_route(port, dst, out, paths)
        slow.routes[port, dst] = out, paths
    for group in range(config.groups // 2):
        slow.groups[group] = {p for p in range(config.ports) if rng.random() < 0.5}
        switch.set_group(group, sum(1 << port for port in slow.groups[group]))
    for port in range(config.ports):
        slow.partitions[port] = {p for p in range(16) if rng.random() < share}
        switch.set_partitions(port, sum(1 << p for p in slow.partitions[port]))
        if rng.random() < bound:
            slow.sources[port] = "".join(rng.choice(list("01------------"), 14))
            bits = slow.sources[port]
            switch.set_source(
                port,
                int(bits.replace("-", "0"), 2),
                int(bits.replace("0", "1").replace("-", "0"), 2),
            )
    return switch, slow


def faulty(rng: np.random.Generator, count: int, config: Config) -> Packets:
    """Return packets of which many have one fault or several."""
    packets = packet.random_packets(
        rng, count, flit_w=config.flit_w, dst=rng.integers(0, config.ids, count)
    )
    packets["flags"] = rng.integers(0, 2, count)
    # Random sets would name IDs that hardly ever have a route.
    with_set = np.flatnonzero(get(packets, "ext") & 4)
    members = rng.integers(0, config.ids, (len(with_set), 8))
    members[rng.random(members.shape) < rng.random((len(with_set), 1))] = -1
    packets[with_set] = packet.set_members(packets[with_set], members)

    def some(share: float = 0.08) -> np.ndarray:
        return np.flatnonzero(rng.random(count) < share)

    for name, low, high in (
        ("version", 1, 4), ("op", 0, 64), ("len", 0, 32), ("dst", config.ids, ID_GROUP + 1),
    ):  # fmt: skip
        for index in some():
            set_fields(packets[index], **{name: int(rng.integers(low, high))})
    packet.set_flits(packets, config.flit_w)
    packets["flits"][some()] += 1
    short = some()
    packets["flits"][short] = np.maximum(packets["flits"][short] - 1, 1)
    return packets


# ------------------------------------------------------------------------------- forwarding


@pytest.mark.parametrize("name", ["dev2", "dev4", "dev8", "dev16e16", "board4"])
def test_forwarding_is_that_of_the_slow_switch(name: str) -> None:
    config = profiles.get(name)
    rng = np.random.default_rng(1)
    switch, slow = tables(config, rng)
    packets = faulty(rng, 1500, config)
    ports = rng.integers(0, config.ports, 1500)
    before = packets.copy()
    out_ports, out_packets, reasons = switch.forward(ports, packets)
    assert (packets == before).all()
    seen = set()
    for index, (port, row) in enumerate(zip(ports.tolist(), packets, strict=True)):
        out, sent, status = slow.forward(port, row)
        assert (out_ports[index], reasons[index]) == (out, status), packet.describe(row)
        seen.add(status)
        if out != DROPPED:
            assert packet.same(out_packets[index : index + 1], sent).all(), packet.describe(row)
            assert out_packets["port"][index] == max(out, 0) and out_packets["tail"][index] == port
    assert seen == {
        Status.OK, Status.VERSION, Status.OP, Status.LEN, Status.DST, Status.PARTITION
    }  # fmt: skip

    counters = switch.counters
    assert counters["rx_packets"].tolist() == np.bincount(ports, minlength=config.ports).tolist()
    assert counters["rx_flits"].sum() == packets["flits"].sum()
    for port in range(config.ports):
        here = ports == port
        for status in (Status.VERSION, Status.OP, Status.LEN, Status.DST, Status.PARTITION):
            wanted = (reasons[here] == status).sum()
            assert counters[f"refused_{status.name.lower()}"][port] == wanted
        assert counters["dropped_responses"][port] == (out_ports[here] == DROPPED).sum()


@pytest.mark.parametrize("name", ["dev2", "dev4", "dev8", "dev16e16"])
def test_multicasts_are_those_of_the_slow_switch(name: str) -> None:
    config = profiles.get(name)
    rng = np.random.default_rng(3)
    switch, slow = tables(config, rng, share=0.4, bound=0.2)
    packets = faulty(rng, 3000, config)
    set_fields(packets, op=Op.MCAST_WRITE, len=rng.integers(1, 17, 3000))
    by_group = get(packets, "ext") & 4 == 0
    set_fields(packets, dst=np.where(by_group, rng.integers(0, config.groups + 2, 3000), 0))
    packet.set_flits(packets, config.flit_w)
    with_set = np.flatnonzero(~by_group)
    # One destination, up to two, or up to eight; most sets with many hold one without a route.
    members = rng.integers(0, config.ids, (len(with_set), 8))
    members[np.arange(8) >= rng.choice([0, 1, 2, 8], (len(with_set), 1))] = -1
    packets[with_set] = packet.set_members(packets[with_set], rng.permuted(members, axis=1))
    ports = rng.integers(0, config.ports, 3000)

    out_ports, out_packets, reasons = switch.forward(ports, packets)
    expected, fanouts, seen = [], set(), set()
    for index, (port, row) in enumerate(zip(ports.tolist(), packets, strict=True)):
        out, _, status = slow.forward(port, row)
        assert (out_ports[index], reasons[index]) == (out, status), packet.describe(row)
        seen.add((bool(by_group[index]), status))
        if out == MULTICAST:
            expected += slow.copies(port, row)
            fanouts.add(len(slow.copies(port, row)))
    copies, which = switch.copies(out_ports, out_packets)
    assert (get(copies, "tag") == get(packets, "tag")[which]).all()
    assert len(copies) == len(expected)
    for one, other in zip(copies, expected, strict=True):
        assert packet.same(np.array([one]), np.array([other])).all(), packet.describe(other)
        assert (one["port"], one["tail"]) == (other["port"], other["tail"])
    assert max(fanouts) >= min(config.ports, 4)
    assert {(True, Status.OK), (True, Status.DST), (False, Status.OK), (False, Status.DST)} <= seen
    assert (False, Status.OP) in seen  # an engine in the set
    assert config.ports == 2 or (True, Status.PARTITION) in seen
    assert config.ports == 2 or (False, Status.PARTITION) in seen
    assert switch.counters["mcast_packets"].sum() == (out_ports == MULTICAST).sum()
    wanted = np.bincount([row["port"] for row in expected], minlength=config.ports)
    assert switch.counters["mcast_copies"].tolist() == wanted.tolist()


def test_two_tiers_reach_each_destination_once() -> None:
    # Two leaves of two ports each, IDs 0..3, with two equal paths up; two spines.
    leaves, spines = [Switch(DEV4) for _ in range(2)], [Switch(DEV4) for _ in range(2)]
    for dst in range(4):
        for number, leaf in enumerate(leaves):
            if dst // 2 == number:
                leaf.set_route(None, dst, dst % 2)
            else:
                leaf.set_route(None, dst, 2, paths_log2=1)
        for spine in spines:
            spine.set_route(None, dst, dst // 2)
    rng = np.random.default_rng(5)
    rows = make(200, op=Op.MCAST_WRITE, ext=4, len=1, src=rng.integers(0, 128, 200), tag=range(200))
    members = rng.integers(-1, 4, (200, 8))
    members[:, 0] = np.maximum(members[:, 0], 0)
    packet.set_flits(packet.set_members(rows, members), DEV4.flit_w)

    came: list[tuple[int, int]] = []  # (destination, which packet)
    waiting = [(0, leaves, 0, rows)]  # tier of switches, which of them, its port, packets
    for _ in range(3):
        following = []
        for number, tier, port, packets in waiting:
            left = tier[number].deliver(port, packets)
            for out in range(4):
                chosen = left[left["port"] == out]
                if tier is spines and len(chosen):
                    following.append((out, leaves, 2 + number, chosen))
                elif out < 2:
                    came += [(2 * number + out, tag) for tag in get(chosen, "tag").tolist()]
                elif len(chosen):
                    following.append((out - 2, spines, number, chosen))
        waiting = following
    assert not waiting
    wanted = {(int(dst), tag) for tag in range(200) for dst in members[tag] if dst >= 0}
    assert sorted(came) == sorted(wanted)


def test_switch_without_multicast_refuses_it() -> None:
    switch = Switch(DEV4.replace(mcast=0))
    switch.set_group(0, 15)
    made = make(2, flit_w=DEV4.flit_w, op=Op.MCAST_WRITE, len=1, ext=[0, 4])
    ports, _, reasons = switch.forward(1, made)
    assert ports.tolist() == [1, 1] and reasons.tolist() == [Status.OP] * 2


def _one(**values: Any) -> tuple[int, Packets, int]:
    """Send one packet into port 2 of a small switch: IDs 0..3 are ports, 4 is the engine."""
    switch = Switch(DEV4)
    for dst in range(5):
        switch.set_route(None, dst, dst)
    switch.set_partitions(2, 0b110)
    switch.set_partitions(1, 0b010)
    switch.set_partitions(3, 0b001)
    switch.set_group(6, 0b0110)
    switch.set_group(7, 0b1110)
    switch.set_source(2, 9, 0b1101)
    defaults: dict[str, Any] = {
        "op": Op.WRITE, "src": 9, "dst": 1, "len": 4, "tag": 77, "group": 6
    }  # fmt: skip
    made = make(1, flit_w=DEV4.flit_w, **{**defaults, **values})
    ports, packets, reasons = switch.forward(2, made)
    return int(ports[0]), packets[0], int(reasons[0])


@pytest.mark.parametrize(
    ("values", "status"),
    [
        # each line passes the checks before its own and fails every one behind it
        ({"version": 1, "op": 4, "len": 31, "dst": 9, "flits": 9}, Status.VERSION),
        ({"op": 4, "len": 31, "dst": 9, "flits": 9}, Status.OP),
        ({"op": Op.WRITE, "len": 17, "dst": 9, "flits": 1}, Status.LEN),
        ({"op": Op.WRITE, "len": 0, "dst": 9, "flits": 9}, Status.LEN),
        ({"dst": 9, "flits": 9}, Status.DST),
        ({"dst": ID_GROUP, "flits": 9}, Status.DST),
        ({"dst": 4, "flits": 9}, Status.OP),
        ({"dst": 3, "flits": 9}, Status.PARTITION),
        ({"dst": 0, "flits": 9}, Status.PARTITION),
        ({"src": 8, "flits": 9}, Status.PARTITION),
        ({"op": Op.ALLREDUCE, "dst": 4, "group": 7, "flits": 9}, Status.PARTITION),
        ({"flits": 9}, Status.LEN),
        ({"flits": 1}, Status.LEN),
        ({"src": 11, "flits": 1}, Status.LEN),
        ({"op": Op.ALLREDUCE, "dst": 4, "group": 15, "flits": 1}, Status.LEN),
        ({"op": Op.ALLREDUCE, "dst": 4, "flits": 1}, Status.LEN),
        ({"op": Op.READ, "len": 0, "dst": 4}, Status.OP),
        ({"op": Op.MCAST_WRITE, "len": 0, "dst": 9, "flits": 9}, Status.LEN),
        ({"op": Op.MCAST_WRITE, "dst": 9, "flits": 9}, Status.DST),
        ({"op": Op.MCAST_WRITE, "dst": 9, "ext": 4, "flits": 9}, Status.LEN),
        ({"op": Op.MCAST_WRITE, "dst": 9, "ext": 4}, Status.DST),
    ],
)
def test_first_failing_check_gives_the_reason(values: dict[str, int], status: int) -> None:
    port, answer, reason = _one(**values)
    assert reason == status and port == 2
    f = {name: int(value[0]) for name, value in fields(np.array([answer])).items()}
    assert (
        f["status"] == status
        and f["dst"] == values.get("src", 9)
        and f["src"] == values.get("dst", 1)
    )
    assert f["tag"] == 77 and f["len"] == 0 and f["version"] == 0 and answer["flits"] == 1
    assert f["op"] == (Op.COLL_ERROR if values.get("op") == Op.ALLREDUCE else Op.ERROR)


def test_contributions_pass_to_engines_and_to_other_switches() -> None:
    assert _one(op=Op.ALLREDUCE, dst=4)[0] == 4
    assert _one(op=Op.REDUCE, dst=1)[0] == 1


@pytest.mark.parametrize("op", [Op.READ_RSP, Op.RESULT, Op.ERROR, Op.COLL_ERROR, 0b01_0110])
def test_refused_responses_are_dropped(op: int) -> None:
    length = 4 if op in (Op.READ_RSP, Op.RESULT) else 0
    port, _, reason = _one(op=op, len=length, dst=30)
    assert port == DROPPED and reason in (Status.DST, Status.OP)


def test_forwarded_packet_keeps_everything() -> None:
    rng = np.random.default_rng(2)
    ops = [op for op in Op if op != Op.MCAST_WRITE]
    packets = packet.random_packets(rng, 500, flit_w=DEV4.flit_w, ops=ops, dst=3)
    packets["flags"] = rng.integers(0, 2, 500)
    switch = Switch(DEV4)
    switch.set_route(None, 3, 0)
    ports, sent, reasons = switch.forward(1, packets)
    assert not ports.any() and not reasons.any() and packet.same(packets, sent).all()
    assert (sent["flags"] == packets["flags"]).all() and not sent["port"].any()


def test_error_mark_does_not_reach_the_answer() -> None:
    assert not _one(flags=FLAG_ERR, dst=9, poison=1)[1]["flags"]


def test_routes_are_per_port_and_can_go() -> None:
    switch = Switch(DEV4)
    switch.set_route(1, 5, 3)
    row = make(1, flit_w=DEV4.flit_w, op=Op.WRITE, dst=5, len=1)
    assert [int(switch.forward(port, row)[0][0]) for port in range(3)] == [0, 3, 2]
    switch.set_route(None, 5, 2)
    assert [int(switch.forward(port, row)[0][0]) for port in range(3)] == [2, 2, 2]
    switch.clear_route(0, 5)
    assert int(switch.forward(0, row)[2][0]) == Status.DST
    assert int(switch.forward(1, row)[2][0]) == Status.OK
    switch.clear_route(None, 5)
    assert int(switch.forward(1, row)[2][0]) == Status.DST


def test_equal_paths_are_all_used_and_kept_by_a_flow() -> None:
    src, dst = np.meshgrid(np.arange(0, 1 << 14, 61), np.arange(0, 1 << 14, 67))
    for log2 in range(8):
        index = path_index(src, dst, log2)
        shares = np.bincount(index.ravel(), minlength=1 << log2) / index.size
        assert shares.size == 1 << log2
        assert (shares > 0.5 / (1 << log2)).all() and (shares < 1.5 / (1 << log2)).all()
    assert path_index(0b0000001_0000000, 0, 7) == 1 and path_index(0, 0b0000101, 2) == 1
    assert path_index(0b1000000_1000001, 0, 7) == 1 and path_index(0x3FFF, 0, 7) == 0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda s: s.set_route(4, 0, 0), "port 4 is not in 0..3"),
        (lambda s: s.set_route(None, 16, 0), "ID 16 is not in 0..15"),
        (lambda s: s.set_route(None, 0, 5), "outputs 5..5 are not in 0..4"),
        (lambda s: s.set_route(None, 0, 2, 2), "outputs 2..5 are not in 0..4"),
        (lambda s: s.set_route(None, 0, 0, 8), "paths_log2 8 is not in 0..7"),
        (lambda s: s.clear_route(9, 0), "port 9"),
        (lambda s: s.set_group(16, 1), "group 16 is not in 0..15"),
        (lambda s: s.set_group(0, 16), "ports beyond 3"),
    ],
)
def test_impossible_table_entries_are_named(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call(Switch(DEV4))


# ------------------------------------------------------------------------------ the engine


class SlowReducer:
    """An engine as docs/packet.md tells it, one contribution at a time."""

    def __init__(self, config: Config, members: dict[int, set[int]]) -> None:
        self.config, self.members = config, members
        self.opener: dict[tuple[int, ...], dict[str, int]] = {}
        self.open: dict[tuple[int, ...], list[tuple[int, np.void]]] = {}
        self.sent: list[tuple[int, np.void]] = []
        self.results = self.loads = 0

    def contribute(self, port: int, row: np.void) -> int:
        f = {name: int(value[0]) for name, value in fields(np.array([row])).items()}
        key = f["coll_group"], f["coll_slice"], f["coll_seq"]
        names = ("op", "coll_etype", "coll_redop", "len", "coll_root")
        load = f["op"] == Op.LOAD_REDUCE
        members = self.members.get(f["coll_group"], set())
        status = Status.OK
        built_in = f["coll_etype"] <= 5 and f["coll_redop"] <= 4 and f["coll_mode"] < 4
        built_in = (built_in and not (load and f["coll_root"] > 15)) or f["op"] == Op.BARRIER
        if not built_in or f["ext"]:
            status = Status.TYPE
        elif port not in members or (f["op"] == Op.REDUCE and f["coll_root"] not in members):
            status = Status.NOT_MEMBER
        elif key in self.open:
            first = self.opener[key]
            if load or port in [other for other, _ in self.open[key]]:
                status = Status.DUPLICATE
            elif any(first[n] != f[n] for n in names) or (first["mode"] != f["coll_mode"] % 4):
                status = Status.MISMATCH
        if status != Status.OK:
            answer = np.array([row])
            answer["flags"], answer["flits"], answer["data"] = 0, 1, 0
            set_fields(answer, op=Op.COLL_ERROR, dst=f["src"], src=f["dst"], status=status,
                       len=0, ext=0, ecn=0, poison=0)  # fmt: skip
            self.sent.append((port, answer[0]))
            return int(status)
        if load:
            units = f["coll_root"] + 1
            self.loads += 1
            f |= {"op": Op.REDUCE, "coll_root": port, "len": units}
            fetch = make(1, flit_w=self.config.flit_w, op=Op.FETCH, dst=ID_GROUP, tag=units)
            self.open[key], self.opener[key] = [], f | {"mode": f["coll_mode"] % 4}
            self.sent += [(member, self.named(fetch, f)[0]) for member in members]
            return int(status)
        if key not in self.open:
            self.opener[key] = f | {"mode": f["coll_mode"] % 4}
        self.open.setdefault(key, []).append((port, row.copy()))
        if len(self.open[key]) == len(members):
            rows = [row for _, row in sorted(self.open.pop(key), key=lambda pair: pair[0])]
            self.finish(self.opener[key], rows, members)
        return int(status)

    def named(self, sent: Packets, f: dict[str, int]) -> Packets:
        for name in ("group", "slice", "seq", "etype", "redop", "root"):
            set_fields(sent, **{name: f[f"coll_{name}"]})
        set_fields(sent, src=f["dst"], mode=f["coll_mode"] % 4)
        return sent

    def finish(self, f: dict[str, int], rows: list[np.void], members: set[int]) -> None:
        units, mode = f["len"], f["coll_mode"]
        result = make(1, op=Op.RESULT, dst=ID_GROUP, len=units)
        if f["op"] != Op.BARRIER:
            dtype = element_dtype(f["coll_etype"])
            vectors = np.array([row["data"][: 16 * units].view(dtype) for row in rows])
            how = "ordered" if mode & 1 else "exact"
            total = allreduce(vectors, f["coll_etype"], f["coll_redop"], how, mode & 2 != 0)
            packet.set_payload(result, total)
        self.named(result, f)
        bad = [get(np.array([row]), "poison")[0] or row["flags"] & FLAG_ERR for row in rows]
        set_fields(result, poison=int(any(bad)))
        packet.set_flits(result, self.config.flit_w)
        ports = {f["coll_root"]} if f["op"] == Op.REDUCE else members
        self.results += 1
        self.sent += [(port, result[0]) for port in ports]

    def packets(self) -> Packets:
        sent = np.array([row for _, row in self.sent], packet.PACKET)
        sent["port"], sent["tail"] = [port for port, _ in self.sent], 0
        return sent


GROUPS = {0: {0, 1, 2, 3, 4, 5, 6, 7}, 1: {0, 5}, 2: {3}, 5: {1, 2, 6}}


def groups() -> Groups:
    """Return the group table of GROUPS for dev8."""
    table = Groups(DEV8)
    for group, members in GROUPS.items():
        table.set(group, sum(1 << port for port in members))
    return table


def contribution(port: int, **values: Any) -> Packets:
    """Return one contribution of ones, to group 5 if not said otherwise."""
    defaults: dict[str, Any] = {
        "op": Op.ALLREDUCE, "src": port, "dst": 20, "group": 5, "len": 2, "port": port,
        "payload": np.full(8, 1, "<f4"),
    }  # fmt: skip
    return make(1, flit_w=DEV8.flit_w, **{**defaults, **values})


def mixed(rng: np.random.Generator, count: int, fault: float) -> tuple[np.ndarray, Packets]:
    """Return contributions of overlapping reductions in random order, a share with faults."""
    rows = []
    for _ in range(count):
        group = int(rng.choice(list(GROUPS)))
        values: dict[str, Any] = {
            "op": rng.choice([Op.ALLREDUCE, Op.REDUCE, Op.ALLREDUCE, Op.REDUCE, Op.BARRIER]),
            "group": group,
            "slice": rng.integers(0, 3), "seq": rng.integers(0, 1 << 16),
            "etype": rng.integers(0, 6), "redop": rng.integers(0, 5),
            "root": rng.choice(list(GROUPS[group])), "len": rng.integers(1, 17), "ext": 0,
            "mode": rng.integers(0, 4),
        }  # fmt: skip
        if values["op"] == Op.BARRIER:
            values["len"] = 0
        rows.append(values)
    packets, ports = [], []
    for values in rows[: int(fault * count)]:
        if values["op"] == Op.REDUCE:
            asks = {"op": Op.LOAD_REDUCE, "len": 0, "root": values["len"] - 1, "poison": 0}
            packets.append(packet.random_packets(rng, 1, flit_w=DEV8.flit_w, **(values | asks)))
            ports.append(int(values["root"]))
    for values in rows:
        for port in GROUPS[values["group"]]:
            row = packet.random_packets(
                rng, 1, flit_w=DEV8.flit_w, src=port, port=port, ecn=0,
                dst=rng.integers(20, 24),  # several IDs may lead to one engine
                **{**values, "poison": rng.random() < 0.1},
            )  # fmt: skip
            row["flags"] = rng.random() < 0.1
            if rng.random() < fault:
                name = rng.choice(["etype", "redop", "mode", "ext", "root", "len", "op", "group"])
                high = {"op": 44, "len": 17, "ext": 8, "root": 10, "group": 70}.get(str(name), 8)
                low = {"op": 40, "len": 1}.get(str(name), 0)
                set_fields(row, **{str(name): rng.integers(low, high)})
                packet.set_flits(row, DEV8.flit_w)
            for _ in range(2 if rng.random() < fault else 1):
                packets.append(row)
                ports.append(port if rng.random() > fault / 4 else int(rng.integers(0, 8)))
    order = rng.permutation(len(ports))
    return np.array(ports)[order], np.concatenate(packets)[order]


@pytest.mark.parametrize("fault", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("batches", [1, 7])
def test_engine_is_the_slow_engine(fault: float, batches: int) -> None:
    rng = np.random.default_rng(int(100 * fault) + batches)
    ports, packets = mixed(rng, 150, fault)
    reducer, slow = Reducer(DEV8, groups()), SlowReducer(DEV8, GROUPS)
    sent, reasons = [], []
    for index in np.array_split(np.arange(len(ports)), batches):
        reduced = reducer.contribute(ports[index], packets[index])
        sent.append(reduced.expand())
        reasons += reduced.reasons.tolist()
    assert reasons == [slow.contribute(int(p), row) for p, row in zip(ports, packets, strict=True)]
    ours, theirs = keyed(np.concatenate(sent)), keyed(slow.packets())
    assert ours == theirs
    assert sorted(reducer.open_keys) == sorted(slow.open)
    counts = Counter(reasons)
    for status in (Status.TYPE, Status.NOT_MEMBER, Status.DUPLICATE, Status.MISMATCH):
        assert reducer.counters[f"refused_{status.name.lower()}"] == counts[status]
        assert fault < 0.1 or counts[status] > 0
    assert reducer.counters["contributions"] + slow.loads == counts[Status.OK]
    assert reducer.counters["results"] == slow.results
    if fault == 0:
        assert slow.results == 150 and not reducer.open_keys


def _send(reducer: Reducer, *contributions: Packets) -> Reduced:
    packets = np.concatenate(contributions)
    return reducer.contribute(packets["port"], packets)


def test_result_of_three() -> None:
    reduced = _send(Reducer(DEV8, groups()), *(contribution(p, seq=9, tag=p) for p in (6, 1, 2)))
    (result,) = reduced.results
    f = {name: int(value[0]) for name, value in fields(reduced.results).items()}
    assert (f["op"], f["src"], f["dst"], f["tag"]) == (Op.RESULT, 20, ID_GROUP, 0)
    assert (f["coll_group"], f["coll_seq"], f["len"], f["poison"], f["status"]) == (5, 9, 2, 0, 0)
    assert result["data"].view("<f4").tolist() == [3.0] * 8 + [0.0] * 68
    assert np.flatnonzero(reduced.masks[0]).tolist() == [1, 2, 6] and not reduced.answers.size


@pytest.mark.parametrize(
    ("values", "poison"), [({}, 0), ({"poison": 1}, 1), ({"flags": FLAG_ERR}, 1)]
)
def test_poison_of_one_poisons_the_result(values: dict[str, int], poison: int) -> None:
    reduced = _send(
        Reducer(DEV8, groups()), contribution(1), contribution(2, **values), contribution(6)
    )
    assert get(reduced.results, "poison").tolist() == [poison]
    assert not reduced.results["flags"].any()


def test_reduce_goes_to_its_root_alone() -> None:
    three = [contribution(port, op=Op.REDUCE, root=2) for port in (1, 2, 6)]
    reduced = _send(Reducer(DEV8, groups()), *three)
    assert reduced.expand()["port"].tolist() == [2]
    assert get(reduced.results, "op").tolist() == [Op.RESULT]


@pytest.mark.parametrize(
    "change",
    [{"op": Op.REDUCE, "root": 0}, {"etype": EType.BF16}, {"redop": RedOp.MIN}, {"len": 1},
     {"root": 1}],
)  # fmt: skip
def test_every_difference_is_a_mismatch(change: dict[str, int]) -> None:
    reducer = Reducer(DEV8, groups())
    first = {"root": 2, "op": Op.ALLREDUCE}
    if "op" in change:
        change = {"op": Op.REDUCE}
    reduced = _send(reducer, contribution(1, **first), contribution(2, **{**first, **change}))
    assert reduced.reasons.tolist() == [Status.OK, Status.MISMATCH]
    assert reduced.answers["port"].tolist() == [2]
    assert reducer.counters["refused_mismatch"] == 1 and len(reducer.open_keys) == 1
    # The refused member can still make it right.
    reduced = _send(reducer, contribution(6, **first), contribution(2, **first))
    assert len(reduced.results) == 1


@pytest.mark.parametrize("change", [{"seq": 1}, {"slice": 1}])
def test_other_keys_are_other_reductions(change: dict[str, int]) -> None:
    reducer = Reducer(DEV8, groups())
    reduced = _send(reducer, contribution(1), contribution(1, **change))
    assert not reduced.reasons.any() and len(reducer.open_keys) == 2


@pytest.mark.parametrize(
    ("port", "values", "status"),
    [
        (1, {"etype": 6}, Status.TYPE),
        (1, {"etype": 7}, Status.TYPE),
        (1, {"redop": 5}, Status.TYPE),
        (1, {"mode": 1}, Status.OK),
        (1, {"mode": 4}, Status.TYPE),
        (1, {"ext": 2}, Status.TYPE),
        (0, {"mode": 4}, Status.TYPE),  # not a member either: the type is looked at first
        (1, {"op": Op.BARRIER, "len": 0, "etype": 7, "mode": 4}, Status.OK),
        (1, {"op": Op.BARRIER, "len": 0, "ext": 1}, Status.TYPE),
        (1, {"op": Op.LOAD_REDUCE, "len": 0, "root": 16}, Status.TYPE),
        (0, {"op": Op.LOAD_REDUCE, "len": 0, "root": 15}, Status.NOT_MEMBER),
        (0, {}, Status.NOT_MEMBER),
        (1, {"group": 9}, Status.NOT_MEMBER),
        (1, {"group": 64}, Status.NOT_MEMBER),
        (1, {"group": 4095}, Status.NOT_MEMBER),
        (1, {"op": Op.REDUCE, "root": 3}, Status.NOT_MEMBER),
        (1, {"op": Op.REDUCE, "root": 1023}, Status.NOT_MEMBER),
        (1, {"op": Op.ALLREDUCE, "root": 1023}, Status.OK),
    ],
)
def test_refused_contributions(port: int, values: dict[str, int], status: int) -> None:
    reducer = Reducer(DEV8, groups())
    reduced = _send(reducer, contribution(port, src=33, tag=5, **values))
    assert reduced.reasons.tolist() == [status]
    assert len(reduced.answers) == (status != Status.OK) and not reduced.results.size
    for answer in reduced.answers:
        f = {name: int(value[0]) for name, value in fields(np.array([answer])).items()}
        assert answer["port"] == port and answer["flits"] == 1
        assert (f["op"], f["status"], f["dst"], f["src"], f["tag"], f["len"], f["ext"]) == (
            Op.COLL_ERROR, status, 33, 20, 5, 0, 0,
        )  # fmt: skip
    assert len(reducer.open_keys) == (status == Status.OK)


@pytest.mark.parametrize("values", [{"etype": e} for e in range(2, 6)] + [{"mode": 1}, {"mode": 3}])
def test_what_is_not_built_in_is_refused(values: dict[str, int]) -> None:
    small = DEV8.replace(types=3, ordered=0)
    assert _send(Reducer(small, groups()), contribution(1, **values)).reasons == [Status.TYPE]
    assert _send(Reducer(DEV8, groups()), contribution(1, **values)).reasons == [Status.OK]


def test_load_asks_all_members_and_answers_who_asked() -> None:
    reducer = Reducer(DEV8, groups())
    asked = _send(reducer, contribution(2, op=Op.LOAD_REDUCE, len=0, root=1, seq=7, tag=3))
    f = {name: int(value[0]) for name, value in fields(asked.results).items()}
    assert (f["op"], f["src"], f["dst"], f["tag"], f["len"]) == (Op.FETCH, 20, ID_GROUP, 2, 0)
    assert (f["coll_root"], f["coll_seq"], f["coll_group"]) == (2, 7, 5)
    assert asked.expand()["port"].tolist() == [1, 2, 6] and reducer.counters["results"] == 0
    again = _send(reducer, contribution(6, op=Op.LOAD_REDUCE, len=0, root=1, seq=7))
    assert again.reasons.tolist() == [Status.DUPLICATE]
    came = _send(reducer, *(contribution(p, op=Op.REDUCE, root=2, seq=7) for p in (6, 2, 1)))
    assert came.expand()["port"].tolist() == [2]
    assert came.results[0]["data"].view("<f4")[:8].tolist() == [3.0] * 8


def test_barrier_tells_all_that_all_have_come() -> None:
    reducer = Reducer(DEV8, groups())
    met = _send(reducer, *(contribution(p, op=Op.BARRIER, len=0) for p in (2, 6)))
    assert not met.results.size
    met = _send(reducer, contribution(1, op=Op.BARRIER, len=0))
    assert met.expand()["port"].tolist() == [1, 2, 6]
    assert get(met.results, "len").tolist() == [0] and met.results["flits"].tolist() == [1]


def test_order_of_members_counts_when_it_is_asked_for() -> None:
    one, tiny = np.full(8, 1, "<f4"), np.full(8, 2.0**-24, "<f4")
    for mode, wanted in ((0, 1 + 2.0**-23), (1, 1.0)):
        parts = [contribution(p, mode=mode, payload=one if p == 1 else tiny) for p in (6, 2, 1)]
        result = _send(Reducer(DEV8, groups()), *parts).results[0]
        assert result["data"].view("<f4")[:8].tolist() == [wanted] * 8


def test_who_waits_for_a_member_that_never_comes_is_late() -> None:
    reducer = Reducer(DEV8, groups())
    _send(reducer, contribution(6, mode=1), contribution(1, mode=1))
    expired = reducer.expire()
    assert expired.answers["port"].tolist() == [6]
    assert get(expired.answers, "status").tolist() == [Status.TIMEOUT]
    assert expired.expand()["port"].tolist() == [1, 2, 6, 6]
    assert reducer.counters["contributions"] == reducer.counters["refused_timeout"] == 1
    assert _send(reducer, contribution(6, mode=1)).reasons.tolist() == [Status.OK]


def test_duplicate_is_seen_before_mismatch_and_reuse_is_none() -> None:
    reducer = Reducer(DEV8, groups())
    reduced = _send(reducer, contribution(1), contribution(1, redop=RedOp.MAX))
    assert reduced.reasons.tolist() == [Status.OK, Status.DUPLICATE]
    reduced = _send(reducer, contribution(2), contribution(6), contribution(1), contribution(1))
    assert reduced.reasons.tolist() == [Status.OK, Status.OK, Status.OK, Status.DUPLICATE]
    assert len(reduced.results) == 1 and reducer.open_keys == [(5, 0, 0)]


def test_group_of_one_answers_at_once() -> None:
    reduced = _send(Reducer(DEV8, groups()), contribution(3, group=2))
    assert reduced.expand()["port"].tolist() == [3]


def test_time_out_tells_all_members() -> None:
    reducer = Reducer(DEV8, groups())
    _send(reducer, contribution(1, seq=3, tag=9, poison=1, ecn=1), contribution(0, group=1))
    with pytest.raises(KeyError):
        reducer.expire([(5, 0, 4)])
    expired = reducer.expire([(5, 0, 3)])
    f = {name: int(value[0]) for name, value in fields(expired.results).items()}
    assert (f["op"], f["status"], f["dst"], f["src"]) == (
        Op.COLL_ERROR, Status.TIMEOUT, ID_GROUP, 20,
    )  # fmt: skip
    assert (f["tag"], f["len"], f["poison"], f["ecn"], f["coll_seq"]) == (0, 0, 0, 0, 3)
    assert expired.expand()["port"].tolist() == [1, 2, 6] and expired.results["flits"][0] == 1
    assert reducer.expire().expand()["port"].tolist() == [0, 5]
    assert reducer.counters["timeouts"] == 2 and not reducer.open_keys
    # What comes late is refused, once; who had come begins anew.
    late = _send(reducer, contribution(2, seq=3), contribution(2, seq=3), contribution(1, seq=3))
    assert late.reasons.tolist() == [Status.TIMEOUT, Status.OK, Status.OK]
    assert reducer.open_keys == [(5, 0, 3)] and reducer.counters["refused_timeout"] == 1
    # Port 6 is still missed, until that is forgotten.
    reducer.forget()
    assert len(_send(reducer, contribution(6, seq=3)).results) == 1


@pytest.mark.parametrize("etype", [EType.FP32, EType.BF16], ids=lambda e: e.name)
@pytest.mark.parametrize("length", [1, 5, 16])
def test_bytes_behind_the_payload_do_not_come_back(etype: int, length: int) -> None:
    rng = np.random.default_rng(length)
    rows = packet.random_packets(
        rng, 3, flit_w=DEV8.flit_w, op=Op.ALLREDUCE, group=5, slice=0, seq=0, etype=etype,
        redop=RedOp.MAX, mode=0, root=0, len=length, ext=0, port=[1, 2, 6],
    )  # fmt: skip
    longer = rows.copy()
    set_fields(longer, seq=1, len=16)
    rows["data"][:, 16 * length :] = 0x55
    reducer = Reducer(DEV8, groups())
    for result in (_send(reducer, rows).results[0], _send(reducer, longer, rows).results[0]):
        assert not result["data"][16 * length :].any()


# ---------------------------------------------------------------------- the switch as a whole


def test_switch_delivers_unicasts_answers_and_results() -> None:
    config = profiles.get("dev16e16")
    rng = np.random.default_rng(3)
    switch = Switch(config)
    for dst in range(32):
        switch.set_route(None, dst, dst)
    for group in range(16):
        switch.set_group(group, 0xFF << (group & 8))
    unicast = packet.random_packets(
        rng, 400, flit_w=128, ops=[Op.READ, Op.WRITE], dst=rng.integers(0, 16, 400)
    )
    unicast["port"] = rng.integers(0, 16, 400)
    lost = packet.random_packets(rng, 50, flit_w=128, ops=[Op.READ], dst=40, port=3)
    values = rng.normal(size=(16, 8, 64)).astype("<f4")
    contributions = [
        make(8, flit_w=128, op=Op.ALLREDUCE, dst=16 + group, group=group, len=16,
             port=np.arange(8) + (group & 8), payload=values[group])
        for group in range(16)
    ]  # fmt: skip
    packets = rng.permutation(np.concatenate([unicast, lost, *contributions]))
    delivered = switch.deliver(packets["port"], packets)
    assert len(delivered) == 400 + 50 + 16 * 8
    results = delivered[get(delivered, "op") == Op.RESULT]
    for result in results:
        group = int(get(np.array([result]), "group")[0])
        assert group & 8 <= result["port"] < (group & 8) + 8
        wanted = allreduce(values[group].view("<u4"), EType.FP32)
        assert (result["data"][:256].view("<u4") == wanted).all()
    assert [engine.counters["results"] for engine in switch.engines] == [1] * 16
    assert (delivered["port"][get(delivered, "op") == Op.ERROR] == 3).all()
    assert switch.counters["tx_packets"].sum() == len(delivered)
    assert switch.counters["tx_flits"].sum() == delivered["flits"].sum()
    assert switch.counters["refused_dst"][3] == 50
    assert not switch.expire().size


def test_flows_stay_in_order() -> None:
    switch = Switch(DEV4)
    for dst in range(4):
        switch.set_route(None, dst, dst)
    rng = np.random.default_rng(4)
    packets = make(300, flit_w=DEV4.flit_w, op=Op.WRITE, len=1, dst=rng.integers(0, 4, 300),
                   src=rng.integers(0, 4, 300), mem_addr=np.arange(300))  # fmt: skip
    delivered = switch.deliver(get(packets, "src"), packets)
    for port, src in itertools.product(range(4), range(4)):
        flow = delivered[(delivered["port"] == port) & (get(delivered, "src") == src)]
        assert flow.size and (np.diff(get(flow, "mem_addr")) > 0).all()


def test_open_reductions_of_a_switch_expire() -> None:
    switch = Switch(DEV8)
    switch.set_route(None, 20, 8)
    switch.set_group(5, 0b1000110)
    assert not switch.deliver(1, contribution(1)).size
    assert switch.expire()["port"].tolist() == [1, 2, 6]
    assert switch.counters["tx_packets"].tolist() == [0, 1, 1, 0, 0, 0, 1, 0]
    assert not switch.expire().size
