# SPDX-License-Identifier: Apache-2.0
"""Traffic generator and checker against their model, alone, back to back and around the switch."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import Timer

from switchproof.ci.filelists import needed
from switchproof.ci.pytest_plugin import Sim
from switchproof.models import board_traffic as model
from switchproof.models import csr, packet
from switchproof.models.board_traffic import KINDS, Settings, State
from switchproof.models.packet import Packets

PERIOD = 10
#: Registers of a board: those of its port 0 are what a reader reads.
BOARD = csr.load("board_map")


class PortWords:
    """Registers of a port by name, from words that were read."""

    def __init__(self, value: int, ports: int) -> None:
        self.value = value
        self.ports = ports

    def __call__(self, name: str, index: int = 0) -> int:
        """Return a word; `index` counts on from it."""
        first = BOARD.address("port[0].mode")
        at = (BOARD.address(f"port[0].{name}") - first) // 4 + index
        return self.value >> 32 * at & 0xFFFF_FFFF

    def fields(self, name: str) -> dict[str, int]:
        """Return the fields of a word."""
        return BOARD.decode(f"port[0].{name}", self(name))

    def unit(self, name: str) -> int:
        """Return four words as one number."""
        return sum(self(f"{name}[{k}]") << 32 * k for k in range(4))

    def state(self) -> dict[str, Any]:
        """Return what a checker says, named as in the model's State."""
        latency = self.fields("latency")
        names = {kind: f"error_{kind}" for kind in KINDS} | {"foreign": "foreign"}
        return {
            "packets": self("packets"),
            "flits": self("flits"),
            "errors": {kind: self(names[kind]) for kind in KINDS},
            "source": tuple(self("from[0]", k) for k in range(self.ports)),
            "latency_min": latency["least"],
            "latency_max": latency["most"],
            "latency_sum": self("latency_sum_high") << 32 | self("latency_sum_low"),
            "signature": self("signature"),
        }


async def read_again(rounds: Any) -> None:
    """Wait until every word has been read anew from now on."""
    mask = 0xFFFF_FFFF
    begin = int(rounds.value) & mask
    for _ in range(200):
        await Timer(50 * PERIOD, "ns")
        if (int(rounds.value) - begin) & mask >= 2:
            return
    raise AssertionError("words are not read")


# ------------------------------------------------------------------------------------- player


class Player:
    """Drives sp_traffic_player and reads its log."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        size = json.loads(os.environ["SIZE"])
        self.ports: int = size["N_PORTS"]
        self.flit_w: int = size["FLIT_W"]
        self.rng = np.random.default_rng(int(os.environ["SP_SEED"]))
        self.folder = Path(os.environ["SP_RUN_DIR"])
        self.hits: Counter[str] = Counter()

    def settings(self, **values: int) -> Settings:
        """Return settings of this size."""
        return Settings(ports=self.ports, flit_w=self.flit_w, **values)

    def set(self, **values: int) -> None:
        """Drive inputs, named without their _i."""
        for name, value in values.items():
            getattr(self.dut, f"{name}_i").value = value

    async def start(self, beats: Packets | None = None, **values: int) -> None:
        """Reset, with the inputs given and the others zero; `beats` are played if there are any."""
        if beats is not None:
            self.write(beats)
        else:
            (self.folder / "beats.bin").write_bytes(b"")
        names = ("own", "check_own", "file", "run", "count", "dst_mode", "dst", "len_min",
                 "len_max", "op_mask", "gap", "seed", "tight", "no_room_p", "clear", "stall_p",
                 "now")  # fmt: skip
        self.set(**dict.fromkeys(names, 0) | {"file": int(beats is not None)} | values)
        self.dut.rst_ni.value = 0
        Clock(self.dut.clk_i, PERIOD, unit="ns").start()
        await Timer(3 * PERIOD + 5, "ns")
        self.dut.rst_ni.value = 1
        await Timer(PERIOD, "ns")

    async def cycles(self, count: int) -> None:
        """Wait."""
        await Timer(count * PERIOD, "ns")

    async def until(self, signal: str, limit: int) -> None:
        """Wait until an output is high, and a little longer."""
        begin = int(self.dut.cycle_o.value)
        while not int(getattr(self.dut, signal).value):
            await self.cycles(50)
            assert int(self.dut.cycle_o.value) - begin < limit, f"{signal} after {limit} cycles"
        await self.cycles(10)

    async def make(self, settings: Settings, count: int, limit: int = 0) -> None:
        """Begin a run with settings and wait for its end."""
        s = settings
        self.set(own=s.own, dst_mode=s.dst_mode, dst=s.dst, len_min=s.len_min, len_max=s.len_max,
                 op_mask=s.op_mask, seed=s.seed, count=count, run=1)  # fmt: skip
        await self.cycles(2)
        await self.until("done_o", limit or 40 * 17 * count + 5000)

    def write(self, packets: Packets) -> None:
        """Write what is played; column `tail` is idle cycles before each beat."""
        words = []
        for row in packets:
            header = packet.header_int(row)
            data = row["data"].view("<u8")
            step = self.flit_w // 64
            flits = int(row["flits"])
            padded = np.zeros(max(flits * step, len(data)), np.uint64)
            padded[: len(data)] = data
            for beat in range(flits):
                last = beat == flits - 1
                err = int(last and row["flags"] & packet.FLAG_ERR)
                # Behind the first beat the header is no one's business.
                high, low = (header >> 64, header & (1 << 64) - 1) if beat == 0 else (0, 0)
                words += [int(row["tail"]), err << 1 | last, high, low]
                words += padded[beat * step : (beat + 1) * step].tolist()
        (self.folder / "beats.bin").write_bytes(np.array(words, ">u8").tobytes())

    def log(self) -> Packets:
        """Return the packets that the checker took; `stamp` is the time of their first beat,
        `stamp_last` the cycle of their last, `not_before` that of their first."""
        rows: list[tuple[Any, ...]] = []
        part: list[tuple[int, int, int, str, str]] = []
        for line in (self.folder / "log.txt").read_text().splitlines():
            kind, *texts = line.split()
            assert kind == "B", line
            part.append((int(texts[0]), int(texts[1]), int(texts[2]), texts[3], texts[4]))
            if part[-1][2]:
                head = part[0]
                data = b"".join(bytes.fromhex(beat[4])[::-1] for beat in part)
                rows.append((head[0], head[1], part[-1][0], len(part), int(part[-1][3][0]),
                             bytes.fromhex(head[3][1:])[::-1], data))  # fmt: skip
                part = []
        packets = np.zeros(len(rows), packet.PACKET)
        for out, (first, now, last, flits, err, header, data) in zip(packets, rows, strict=True):
            out["not_before"], out["stamp"], out["stamp_last"] = first, now, last
            out["flits"], out["flags"] = flits, err
            out["hdr"] = np.frombuffer(header, np.uint8)
            out["data"][: len(data)] = np.frombuffer(data[: packet.DATA_BYTES], np.uint8)
        return packets

    async def words(self) -> PortWords:
        """Return what a host reads now."""
        await read_again(self.dut.rounds_o)
        return PortWords(int(self.dut.words_o.value), self.ports)

    async def compare(self, packets: Packets, own: int) -> State:
        """Compare the checker's outputs with the model's."""
        want = model.judge(packets, ports=self.ports, own=own, flit_w=self.flit_w)
        words = await self.words()
        for name, value in words.state().items():
            assert value == getattr(want, name), f"{name}: {value}, not {getattr(want, name)}"
        first = words.fields("first_error")
        assert bool(first["valid"]) == (want.first is not None), "first error kept or not"
        if want.first is not None:
            assert KINDS[first["kind"]] == want.first.kind
            assert words.unit("first_header") == want.first.header
            if want.first.kind in ("sequence", "payload", "mark"):
                assert first["beat"] == want.first.beat
                assert words.unit("first_wrong") == want.first.wrong
            if want.first.kind == "sequence":
                assert words("first_due") == want.first.due
        for kind, count in want.errors.items():
            self.hits[f"traffic.error.{kind}"] += count
        return want

    def finish(self) -> None:
        """Write functional coverage."""
        (self.folder / "functional.json").write_text(json.dumps(self.hits))


def same_traffic(got: Packets, sent: Packets) -> None:
    """Assert that packets are those of the model: all of them, each VC in its order."""
    assert len(got) == len(sent), f"{len(got)} packets, not {len(sent)}"
    plain = got.copy()
    packet.words(plain)[..., 1] &= np.uint64(0xFFFF_0000_FFFF_FFFF)
    for vc in range(4):
        ours = plain[packet.op_vc(packet.get(plain, "op")) == vc]
        model_ = sent[packet.op_vc(packet.get(sent, "op")) == vc]
        assert len(ours) == len(model_), f"VC {vc}: {len(ours)} packets, not {len(model_)}"
        for name in ("hdr", "flits", "flags", "data"):
            differs = ours[name] != model_[name]
            wrong = np.flatnonzero(differs.any(-1) if differs.ndim > 1 else differs)
            assert not len(wrong), (
                f"{name} of packet {wrong[0]} of VC {vc}: {packet.describe(ours[wrong[0]])}, "
                f"not {packet.describe(model_[wrong[0]])}"
            )


# -------------------------------------------------------------------------------- cocotb tests


@cocotb.test()
async def against_model(dut: Any) -> None:
    """Every mode of destinations, lengths, operations, gaps, stalls and rooms: bit for bit."""
    player = Player(dut)
    rng = player.rng
    mode = int(os.environ["MODE"])
    least = int(rng.integers(1, 17))
    settings = player.settings(
        own=int(rng.integers(0, player.ports)),
        dst_mode=mode,
        dst=int(rng.integers(0, player.ports)),
        len_min=least,
        len_max=int(rng.integers(least, 17)),
        op_mask=int(rng.integers(1, 8)),
        seed=int(rng.integers(0, 1 << 32)),
    )
    own = int(rng.integers(0, player.ports))
    await player.start(
        check_own=own, stall_p=int(rng.choice([0, 60, 200])), gap=int(rng.choice([0, 0, 3])),
        tight=15, no_room_p=int(rng.choice([0, 128])), now=int(rng.integers(0, 1 << 16)),
        seed=settings.seed,
    )  # fmt: skip
    count = int(os.environ["COUNT"])
    await player.make(settings, count)
    got = player.log()
    same_traffic(got, model.generate(settings, count))
    words = await player.words()
    assert words("sent_packets") == count
    assert words("sent_flits") == int(got["flits"].sum())
    await player.compare(got, own)
    player.hits[f"traffic.mode.{mode}"] += 1
    for dst in np.unique(packet.get(got, "dst")):
        player.hits[f"traffic.dst.{int(dst)}"] += 1
    for length in np.unique(packet.get(got, "len")):
        player.hits[f"traffic.length.{int(length)}"] += 1
    player.finish()


@cocotb.test()
async def full_rate(dut: Any) -> None:
    """A beat in every cycle when nothing holds it; with a gap, exactly so many idle cycles."""
    player = Player(dut)
    own = int(player.rng.integers(0, player.ports))
    seed = int(player.rng.integers(0, 1 << 32))
    begin = 0
    await player.start(check_own=own)
    for mask, low, high, gap in ((1, 1, 1, 0), (1, 16, 16, 0), (7, 1, 16, 0), (5, 1, 2, 0),
                                 (7, 1, 1, 1), (2, 1, 5, 2), (7, 2, 3, 9)):  # fmt: skip
        settings = player.settings(
            own=own, dst=own, len_min=low, len_max=high, op_mask=mask, seed=seed
        )
        player.set(clear=1, gap=gap)
        await player.cycles(4)
        player.set(clear=0)
        await player.cycles(4)
        asked = int(dut.cycle_o.value)
        await player.make(settings, 200)
        whole = player.log()
        got = whole[begin:]
        begin = len(whole)
        await player.compare(got, own)
        first, last = got["not_before"].astype(np.int64), got["stamp_last"].astype(np.int64)
        assert first[0] == asked + (4 << (player.ports - 1).bit_length()) + 6
        assert (last - first == got["flits"] - 1).all(), "an idle cycle inside a packet"
        assert (first[1:] - last[:-1] == 1 + gap).all(), f"not {gap} idle cycles between packets"
        state = (await player.words()).state()
        assert not any(state["errors"].values())
        # Back to back: a beat is taken in the cycle in which it is offered.
        assert (state["latency_min"], state["latency_max"]) == (0, 0)
        player.set(run=0)
        await player.cycles(5)
        player.hits["traffic.full_rate" if gap == 0 else "traffic.gap"] += 1
    player.finish()


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """Generator to checker with stalls and without room at times: no error, times as they are."""
    player = Player(dut)
    rng = player.rng
    own = int(rng.integers(0, player.ports))
    settings = player.settings(own=own, dst=own, op_mask=7, seed=int(rng.integers(0, 1 << 32)))
    await player.start(check_own=own, stall_p=100, tight=15, no_room_p=100, seed=settings.seed)
    await player.make(settings, 600)
    got = player.log()
    same_traffic(got, model.generate(settings, 600))
    state = await player.compare(got, own)
    assert not any(state.errors.values()) and state.source[own] == 600
    assert state.latency_max > 0, "the stalls held nothing"
    player.hits["traffic.stalled"] += 1
    # Not one order for all: channels passed each other, yet the sum is that of the model's order.
    sent = model.generate(settings, 600)
    op = packet.get(got, "op")
    assert (op != packet.get(sent, "op")).any(), "no channel passed another"
    want = model.judge(sent, ports=player.ports, own=own, flit_w=player.flit_w)
    assert want.signature == state.signature
    player.finish()


@cocotb.test()
async def stop_and_go(dut: Any) -> None:
    """A run that is stopped ends with a whole packet; the next begins anew, in its first state."""
    player = Player(dut)
    rng = player.rng
    own = int(rng.integers(0, player.ports))
    settings = player.settings(own=own, dst_mode=2, op_mask=7, seed=int(rng.integers(0, 1 << 32)))
    await player.start(check_own=own, stall_p=128, seed=settings.seed)
    begin = 0
    for turn in range(12):
        s = settings
        player.set(own=s.own, dst_mode=s.dst_mode, len_min=s.len_min, len_max=s.len_max,
                   op_mask=s.op_mask, count=0 if turn % 2 else 1000, run=1)  # fmt: skip
        await player.cycles(int(rng.integers(12, 400)))
        # In some turns it rises again at once, while the last packet is still on its way.
        player.set(run=0)
        await player.cycles(1 if turn % 3 == 0 else 100)
        if turn % 3:
            assert int(dut.done_o.value)
            whole = player.log()
            got = whole[begin:]
            begin = len(whole)
            # what came since the last look: one run, or the end of one and another
            seq = packet.get(got, "tag")
            flow = packet.get(got, "dst") << 2 | packet.op_vc(packet.get(got, "op"))
            starts = sum(int(seq[flow == one].min()) == 0 for one in np.unique(flow))
            assert starts == len(np.unique(flow)), "a flow did not begin at 0"
            assert (
                got["flits"] == packet.num_flits(packet.get(got, "len"), 0, player.flit_w)
            ).all()
            words = await player.words()
            sent = words("sent_packets")
            last = got[len(got) - sent :]
            for vc in (0, 1, 3):
                mine = last[packet.op_vc(packet.get(last, "op")) == vc]
                ours = model.generate(settings, 3 * len(last) + 50)
                ours = ours[packet.op_vc(packet.get(ours, "op")) == vc][: len(mine)]
                assert (packet.get(mine, "dst") == packet.get(ours, "dst")).all()
                assert (mine["data"] == ours["data"]).all()
            assert words("sent_flits") == int(last["flits"].sum())
        else:
            player.hits["traffic.run_again_at_once"] += 1
        player.hits["traffic.stopped"] += 1
    player.finish()


@cocotb.test()
async def channel_held(dut: Any) -> None:
    """A VC without room for ever: without an end the others go on; with one they wait for it."""
    player = Player(dut)
    own = 1
    await player.start(check_own=own, tight=1, no_room_p=255)
    await player.cycles(500)  # by then the VC has lost its room, but for one cycle in 256
    s = player.settings(own=own, dst=own, len_min=2, len_max=2, op_mask=7, seed=5)
    player.set(own=own, dst=own, len_min=2, len_max=2, op_mask=7, seed=5, count=0, run=1)
    await player.cycles(1000)
    got = player.log()
    vc = packet.op_vc(packet.get(got, "op"))
    assert got["flits"].sum() > 950 and (vc == 0).sum() < 100, f"{len(got)} packets"
    player.set(run=0)
    await player.cycles(10)
    before = len(got)
    player.set(count=300, run=1, clear=1)
    await player.cycles(2)
    player.set(clear=0)
    await player.until("done_o", 300_000)
    got = player.log()[-300:]
    vc = packet.op_vc(packet.get(got, "op"))
    assert [(vc == v).sum() for v in (0, 1, 3)] == [100, 100, 100], "shares are not equal"
    lead = np.cumsum(vc == 1) - np.cumsum(vc == 0)
    assert 2 <= lead.max() <= 8, f"a channel was {lead.max()} packets ahead"
    same_traffic(got, model.generate(s, 300))
    assert len(player.log()) >= before
    player.hits["traffic.channel_held"] += 1
    player.finish()


# --------------------------------------------------------------------------------- the checker


def good_traffic(player: Player, own: int, count: int) -> Packets:
    """Return right packets from all sources to one port, mixed, each flow in its order."""
    parts = []
    for source in range(player.ports):
        settings = player.settings(
            own=source, dst=own, op_mask=7, seed=int(player.rng.integers(0, 1 << 32))
        )
        parts.append(model.generate(settings, count))
    mixed = np.concatenate(parts)
    order = player.rng.permutation(np.repeat(np.arange(player.ports), count))
    mixed = mixed[order * count + model.occurrence(order)]
    mixed["stamp"] = 0
    return mixed


def set_header(row: Packets, **fields: int) -> None:
    packet.set_fields(row, **fields)


def fault(player: Player, name: str, packets: Packets) -> tuple[Packets, str]:
    """Put one fault into good packets; return what is to be played and the kind of error."""
    rng = player.rng
    flit_w = player.flit_w
    # In the middle of flows, and of more than one flit, so that everything can be wrong.
    flow = packet.get(packets, "src") << 2 | packet.op_vc(packet.get(packets, "op"))
    length = packet.get(packets, "len")
    seq = model.sequence(packets)
    inner = (seq > 0) & (seq < [seq[flow == f].max() for f in flow]) & (packets["flits"] >= 2)
    at = int(rng.choice(np.flatnonzero(inner)))
    extra = packets[at : at + 1].copy()
    units = int(length[at])
    data = packets["data"][at][: 16 * units].reshape(units, 16)

    def insert() -> Packets:
        return np.concatenate([packets[:at], extra, packets[at:]])

    if name == "lost":
        return np.delete(packets, at), "sequence"
    if name == "doubled":
        return insert(), "sequence"
    if name == "bit":
        data[rng.integers(0, units), rng.integers(0, 16)] ^= 1 << rng.integers(0, 8)
        return packets, "payload"
    if name == "units_swapped":
        data[[0, units - 1]] = data[[units - 1, 0]]
        return packets, "payload"
    if name == "bytes_swapped":
        data[-1, [3, 9]] = data[-1, [9, 3]]
        assert data[-1, 3] != data[-1, 9]
        return packets, "payload"
    if name == "shifted":
        unit = int(rng.integers(0, units))
        value = int.from_bytes(data[unit].tobytes(), "little") << 1 & (1 << 128) - 1
        data[unit] = np.frombuffer(value.to_bytes(16, "little"), np.uint8)
        return packets, "payload"
    if name == "unit_stuck":
        data[units - 1] = data[units - 2]
        return packets, "payload"
    if name == "other_payload":
        other = np.flatnonzero((length == units) & (np.arange(len(length)) != at))
        packets["data"][at] = packets["data"][int(rng.choice(other))]
        return packets, "payload"
    if name == "len_field":
        # In wide flits the number of beats may still be right; then the payload is not.
        new = units - 1 if rng.random() < 0.5 or units == 16 else units + 1
        set_header(packets[at : at + 1], len=new)
        same = packet.num_flits(new, 0, flit_w) == packets["flits"][at]
        return packets, "payload" if same else "length"
    if name == "len_0":
        set_header(packets[at : at + 1], len=0)
        packets["flits"][at] = 1
        return packets, "length"
    if name == "len_17":
        set_header(packets[at : at + 1], len=17)
        packets["flits"][at] = packet.num_flits(17, 0, flit_w)
        return packets, "length"
    if name == "cut":
        packets["flits"][at] -= 1
        return packets, "length"
    if name == "longer":
        packets["flits"][at] += 1
        return packets, "length"
    if name == "much_longer":
        packets["flits"][at] += 40
        return packets, "length"
    if name == "longer_by_32":  # as many as a counter of five bits forgets
        packets["flits"][at] += 32
        return packets, "length"
    if name == "marked":
        packets["flags"][at] |= packet.FLAG_ERR
        return packets, "mark"
    if name == "marked_and_wrong":
        packets["flags"][at] |= packet.FLAG_ERR
        data[0] ^= 0xFF
        return packets, "mark"
    if name == "poison":
        set_header(packets[at : at + 1], poison=1)
        return packets, "mark"
    if name == "foreign":
        extra = packet.random_packets(rng, 1, flit_w=flit_w)
        return insert(), "foreign"
    if name == "error_answer":
        extra = packet.error_answer(extra, 4, flit_w)
        return insert(), "foreign"
    if name == "foreign_write":
        extra = packet.make(1, op=model.OPS[0], len=4, dst=0, src=0, mem_addr=64, flit_w=flit_w)
        return insert(), "foreign"
    fields = {
        "wrong_port": {"dst": int(packet.get(packets, "dst")[0]) ^ 1},
        "far_port": {"dst": int(packet.get(packets, "dst")[0]) | 1 << 13},
        "unknown_op": {"op": 0x3F},
        "source": {"src": player.ports},
        "far_source": {"src": 1 << 13},
        "version": {"version": 2},
        "tag": {"tag": int(packet.get(extra, "tag")[0]) ^ 1 << int(rng.integers(0, 12))},
        "status": {"status": 8},
    }
    set_header(extra, **fields[name])
    if name == "unknown_op":
        extra["flits"] = 1
    return insert(), "header"


#: Every fault that `fault` knows; each is one error of one kind.
FAULTS = (
    "lost", "doubled", "bit", "units_swapped", "bytes_swapped", "shifted", "unit_stuck",
    "other_payload", "len_field", "len_0", "len_17", "cut", "longer", "much_longer",
    "longer_by_32", "marked", "marked_and_wrong", "poison", "foreign", "error_answer",
    "foreign_write", "wrong_port", "far_port", "unknown_op", "source", "far_source", "version",
    "tag", "status",
)  # fmt: skip


async def play(player: Player, segments: list[Packets], own: int, **values: int) -> list[State]:
    """Play segments of packets, each into a cleared checker; compare each with the model."""
    for segment in segments:
        segment["tail"][0] = 4000  # time to look and to clear
    await player.start(np.concatenate(segments), check_own=own, **values)
    states = []
    begin = 0
    for segment in segments:
        for _ in range(40 * int(segment["flits"].sum()) + 8000):
            if int(player.dut.packets_o.value) == len(segment):
                break
            await player.cycles(100)
        got = player.log()[begin : begin + len(segment)]
        begin += len(segment)
        states.append(await player.compare(got, own))
        player.set(clear=1)
        await player.cycles(2)
        player.set(clear=0)
        await player.cycles(2)
    return states


@cocotb.test()
async def each_fault(dut: Any) -> None:
    """Each fault once in good traffic: exactly one error, of its kind, and that one is kept."""
    player = Player(dut)
    own = int(player.rng.integers(0, player.ports))
    segments, kinds = [good_traffic(player, own, 12)], [""]
    for name in FAULTS:
        count = max(16, 48 // player.ports)
        packets, kind = fault(player, name, good_traffic(player, own, count))
        segments.append(packets)
        kinds.append(kind)
    states = await play(player, segments, own, stall_p=20, seed=3)
    for name, kind, state in zip(("none", *FAULTS), kinds, states, strict=True):
        wrong = {k: n for k, n in state.errors.items() if n}
        assert wrong == ({kind: 1} if kind else {}), f"{name}: {wrong}"
        assert (state.first.kind if state.first else "") == kind
        player.hits[f"traffic.fault.{name}"] += 1
    player.finish()


@cocotb.test()
async def many_faults(dut: Any) -> None:
    """Faults upon faults, orders changed, packets changed at random: all counters as the model."""
    player = Player(dut)
    rng = player.rng
    own = int(rng.integers(0, player.ports))
    segments = []
    for _ in range(8):
        packets = good_traffic(player, own, 30)
        for name in rng.choice(FAULTS, 6):
            packets, _ = fault(player, str(name), packets)
        for _ in range(5):
            i, j = rng.integers(0, len(packets), 2)
            packets[[i, j]] = packets[[j, i]]
        for i in rng.integers(0, len(packets), 5):
            packets["hdr"][i][rng.integers(0, 16)] ^= 1 << rng.integers(0, 8)
        segments.append(packets)
    await play(player, segments, own, stall_p=int(rng.choice([0, 90])), seed=9)
    player.finish()


@cocotb.test()
async def cleared_in_a_packet(dut: Any) -> None:
    """A clear while a packet comes: that packet counts no more, the next ones as if first."""
    player = Player(dut)
    own = 0
    packets = model.generate(player.settings(own=1, dst=own, len_min=16, seed=4), 2)
    fresh = model.generate(player.settings(own=1, dst=own, seed=5, op_mask=7), 50)
    packets["tail"][1] = 30  # idle cycles before each beat
    both = np.concatenate([packets, fresh])
    await player.start(both, check_own=own)
    while int(player.dut.flits_o.value) < int(packets["flits"][0]) + 1:
        await player.cycles(1)
    await player.cycles(10)
    player.set(clear=1)
    await player.cycles(1)
    player.set(clear=0)
    await player.until("played_o", 20_000)
    state = await player.compare(player.log()[2:], own)
    assert state.packets == 50 and not any(state.errors.values())
    player.hits["traffic.cleared_in_a_packet"] += 1
    player.finish()


@cocotb.test()
async def limits(dut: Any) -> None:
    """Counters of errors stop at their greatest value."""
    player = Player(dut)
    await player.start(check_own=0)
    settings = player.settings(own=1, dst=1, len_min=1, len_max=1, op_mask=7, seed=2)
    await player.make(settings, 66_000, 200_000)
    state = await player.compare(player.log(), 0)
    assert state.errors["header"] == model.ERROR_LIMIT and state.packets == 66_000
    player.hits["traffic.limit"] += 1
    player.finish()


# ----------------------------------------------------------------------------------- the switch


@cocotb.test()
async def around_switch(dut: Any) -> None:
    """Generators through the switch to checkers, all at random: no error, counts and signatures
    equal, whatever the stalls."""
    from switchproof.models import csr

    size = json.loads(os.environ["SIZE"])
    ports, flit_w = size["N_PORTS"], size["FLIT_W"]
    rng = np.random.default_rng(int(os.environ["SP_SEED"]))
    hits: Counter[str] = Counter()
    for name in ("awvalid", "awaddr", "awprot", "wvalid", "wdata", "wstrb", "bready", "arvalid",
                 "araddr", "arprot", "rready"):  # fmt: skip
        getattr(dut, f"csr_{name}_i").value = 0
    for name in ("run", "count", "dst_mode", "dst", "len_min", "len_max", "op_mask", "gap", "seed",
                 "clear", "stall_p"):  # fmt: skip
        getattr(dut, f"{name}_i").value = 0
    dut.rst_ni.value = 0
    Clock(dut.clk_i, PERIOD, unit="ns").start()
    await Timer(3 * PERIOD + 5, "ns")
    dut.rst_ni.value = 1

    async def write(address: int, data: int) -> None:
        dut.csr_awaddr_i.value, dut.csr_wdata_i.value, dut.csr_wstrb_i.value = address, data, 15
        dut.csr_awvalid_i.value = dut.csr_wvalid_i.value = dut.csr_bready_i.value = 1
        for _ in range(1000):
            # Between edges: what is seen here is what the next edge takes.
            taken = [name for name in ("aw", "w") if int(getattr(dut, f"csr_{name}ready_o").value)]
            answered = int(dut.csr_bvalid_o.value)
            await Timer(PERIOD, "ns")
            for name in taken:
                getattr(dut, f"csr_{name}valid_i").value = 0
            if answered:
                dut.csr_bready_i.value = 0
                return
        raise AssertionError("a write to a register was not answered")

    for port in range(ports):
        for dst in range(ports):
            await write(
                csr.address(f"fwd[{port}][{dst}]"), csr.encode("fwd[0][0]", valid=1, out=dst)
            )

    def packed(values: list[int], bits: int) -> int:
        return sum(value << bits * i for i, value in enumerate(values))

    async def look() -> list[PortWords]:
        """Return what a host reads at each port now."""
        await read_again(dut.rounds_o)  # all are read in step
        size = 32 * (0x24 + ports)
        value = int(dut.words_o.value)
        return [PortWords(value >> size * p & (1 << size) - 1, ports) for p in range(ports)]

    async def one_run(settings: list[Settings], count: int, stalls: list[int]) -> list[State]:
        dut.clear_i.value = 1
        dut.run_i.value = 0
        await Timer(10 * PERIOD, "ns")
        dut.clear_i.value = 0
        for name, bits in (("dst_mode", 2), ("dst", (ports - 1).bit_length()), ("len_min", 5),
                           ("len_max", 5), ("op_mask", 3)):  # fmt: skip
            value = packed([int(getattr(s, name)) for s in settings], bits)
            getattr(dut, f"{name}_i").value = value
        gaps = [int(rng.choice([0, 0, 0, 7])) for _ in range(ports)]
        dut.gap_i.value = packed(gaps, 16)
        dut.stall_p_i.value = packed(stalls, 8)
        dut.seed_i.value, dut.count_i.value = settings[0].seed, count
        await Timer(4 * PERIOD, "ns")
        dut.run_i.value = (1 << ports) - 1
        sent = [model.generate(s, count) for s in settings]
        for _ in range(4000):
            await Timer(100 * PERIOD, "ns")
            words = await look() if int(dut.done_o.value) == (1 << ports) - 1 else []
            if sum(here("packets") for here in words) >= count * ports:
                break
        words = await look()
        assert [here("sent_packets") for here in words] == [count] * ports
        assert [here("sent_flits") for here in words] == [int(s["flits"].sum()) for s in sent]
        everything = np.concatenate(sent)
        states = []
        for port in range(ports):
            here = everything[packet.get(everything, "dst") == port]
            want = model.judge(here, ports=ports, own=port, flit_w=flit_w)
            got = words[port].state()
            assert not any(got["errors"].values()), f"port {port}"
            for name in ("source", "packets", "flits", "signature"):
                assert got[name] == getattr(want, name), f"{name} of port {port}"
            if len(here):
                # Four cycles through the switch, and the packet is stored whole.
                assert 4 <= got["latency_min"] <= got["latency_max"]
            states.append(want)
        return states

    for turn in range(int(os.environ["TURNS"])):
        seed = int(rng.integers(0, 1 << 32))
        mode = turn % 4
        incast = int(rng.integers(0, ports))
        settings = []
        for port in range(ports):
            least = int(rng.integers(1, 17)) if turn else 1
            settings.append(
                Settings(ports=ports, own=port, flit_w=flit_w, seed=seed, dst_mode=mode, dst=incast,
                         len_min=least, len_max=int(rng.integers(least, 17)),
                         op_mask=int(rng.integers(1, 8)) if turn else 7)
            )  # fmt: skip
        count = 150
        stalls = [int(rng.choice([0, 30, 150])) for _ in range(ports)]
        once = await one_run(settings, count, stalls)
        again = await one_run(settings, count, [100] * ports)
        assert [s.signature for s in once] == [s.signature for s in again]
        for state in once:
            for source, number in enumerate(state.source):
                hits[f"traffic.through.{source}"] += number
        hits[f"traffic.switch_mode.{mode}"] += 1
    Path(os.environ["SP_RUN_DIR"], "functional.json").write_text(json.dumps(hits))


# ----------------------------------------------------------------------------- model by itself


def test_payload_is_one_to_one() -> None:
    """Any change of sequence number, flow, length or unit changes the unit; no two wires agree."""
    columns = []
    inputs = [("seq", 1 << k) for k in range(32)]
    inputs += [(name, 1 << k) for name in ("src", "dst") for k in range(10)]
    inputs += [("vc", 1), ("vc", 2)] + [("length", 1 << k) for k in range(5)]
    zero = {"seq": [0], "src": [0], "dst": [0], "vc": [0], "length": [0]}
    base = model.payload_words(**zero)[0]
    for name, value in inputs:
        columns.append((model.payload_words(**(zero | {name: [value]}))[0, 0] ^ base[0]).tobytes())
    columns += [(base[1 << k] ^ base[0]).tobytes() for k in range(4)]
    numbers = [int.from_bytes(column, "little") for column in columns]
    # XOR of any of these columns is what a change of these inputs does: none may be zero.
    basis: list[int] = []
    for number in numbers:
        for b in basis:
            number = min(number, number ^ b)
        assert number, "some change of the inputs leaves the unit as it was"
        basis.append(number)
    matrix = np.array([[n >> bit & 1 for n in numbers] for bit in range(128)])
    assert len(np.unique(matrix, axis=0)) == 128, "two wires carry the same"
    assert matrix[:, :7].any(1).all(), "a wire does not move in a short run"


def test_random_bits_have_full_period() -> None:
    """The shift register returns to where it began after 2^32 - 1 steps and not before."""
    matrix = model._one_bit()
    identity = np.array([1 << k for k in range(32)], np.uint32)

    def power(exponent: int) -> np.ndarray[Any, Any]:
        out, square = identity, matrix
        while exponent:
            if exponent & 1:
                out = model._apply(square, out)
            square = model._apply(square, square)
            exponent >>= 1
        return out

    assert (power((1 << 32) - 1) == identity).all()
    for prime in (3, 5, 17, 257, 65537):
        assert (power(((1 << 32) - 1) // prime) != identity).any()


def test_draws_are_uniform() -> None:
    """Destinations and lengths of a long run: each about as often as the others."""
    for mode, mean in ((2, 10_000), (3, 13_333)):
        sent = model.generate(Settings(ports=4, own=2, dst_mode=mode, len_max=4, seed=11), 40_000)
        counts = np.bincount(packet.get(sent, "dst"), minlength=4)
        if mode == 3:
            assert counts[2] == 0
            counts = np.delete(counts, 2)
        assert (np.abs(counts - mean) < 0.05 * mean).all(), counts
        lengths = np.bincount(packet.get(sent, "len"))[1:]
        assert (np.abs(lengths - 10_000) < 500).all() and len(lengths) == 4, lengths


# -------------------------------------------------------------------------------- pytest side

#: ports, flit width
SIZES = [
    pytest.param((4, 128), id="4x128", marks=pytest.mark.sim),
    pytest.param((3, 256), id="3x256"),
    pytest.param((16, 512), id="16x512", marks=pytest.mark.long),
]
SMALL = (4, 128)
Size = tuple[int, int]


def run(sim: Sim, testcase: str, size: Size, **env: int) -> None:
    """Build the player in a size and run a test of this file."""
    parameters = dict(zip(("N_PORTS", "FLIT_W"), size, strict=True))
    sim.run_module(
        sources=needed("tests/board/sp_traffic_player.sv"),
        toplevel="sp_traffic_player",
        parameters=parameters,
        module=__name__,
        testcase=testcase,
        env={"SIZE": json.dumps(parameters)} | {k: str(v) for k, v in env.items()},
    )


@pytest.mark.parametrize("mode", range(4))
@pytest.mark.parametrize("size", SIZES)
def test_against_model(sim: Sim, size: Size, mode: int) -> None:
    run(sim, "against_model", size, MODE=mode, COUNT=400)


@pytest.mark.parametrize("size", SIZES)
def test_full_rate(sim: Sim, size: Size) -> None:
    run(sim, "full_rate", size)


@pytest.mark.parametrize("size", SIZES)
def test_back_to_back(sim: Sim, size: Size) -> None:
    run(sim, "back_to_back", size)


@pytest.mark.sim
def test_stop_and_go(sim: Sim) -> None:
    run(sim, "stop_and_go", SMALL)


@pytest.mark.sim
def test_channel_held(sim: Sim) -> None:
    run(sim, "channel_held", SMALL)


@pytest.mark.parametrize("size", SIZES)
def test_each_fault(sim: Sim, size: Size) -> None:
    run(sim, "each_fault", size)


@pytest.mark.parametrize("size", SIZES)
def test_many_faults(sim: Sim, size: Size) -> None:
    run(sim, "many_faults", size)


@pytest.mark.sim
def test_cleared_in_a_packet(sim: Sim) -> None:
    run(sim, "cleared_in_a_packet", SMALL)


def test_limits(sim: Sim) -> None:
    run(sim, "limits", SMALL)


@pytest.mark.parametrize("size", [pytest.param((4, 128), id="4x128", marks=pytest.mark.sim)])
def test_around_switch(sim: Sim, size: Size) -> None:
    parameters = dict(zip(("N_PORTS", "FLIT_W"), size, strict=True))
    sim.run_module(
        sources=needed("tests/board/sp_traffic_switch.sv"),
        toplevel="sp_traffic_switch",
        parameters=parameters,
        module=__name__,
        testcase="around_switch",
        env={"SIZE": json.dumps(parameters), "TURNS": "8"},
    )


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (module, name, value)
        for module in ("sp_traffic_gen", "sp_traffic_check", "sp_traffic_state")
        for name, value in (("N_PORTS", 1), ("N_PORTS", 65), ("FLIT_W", 64))
        if (module, name) != ("sp_traffic_state", "FLIT_W")
    ],
)
def test_traffic_parameters(module: str, name: str, value: int) -> None:
    """A parameter out of bounds stops elaboration with its name and the bound."""
    from switchproof.ci.build import BuildError, BuildSpec, lint

    spec = BuildSpec(
        name="illegal",
        toplevel=module,
        sources=needed(module),
        parameters=((name, value),),
    )
    with pytest.raises(BuildError, match=f"{name} = {value} is not"):
        lint(spec)
