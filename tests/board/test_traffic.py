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

from switchproof.ci.pytest_plugin import Sim
from switchproof.models import board_traffic as model
from switchproof.models import packet
from switchproof.models.board_traffic import KINDS, Settings, State
from switchproof.models.packet import Packets

SOURCES = [
    "rtl/common/sp_pkg.sv",
    "rtl/board/sp_traffic_pkg.sv",
    "rtl/common/sp_rr_arbiter.sv",
    "rtl/board/sp_traffic_gen.sv",
    "rtl/board/sp_traffic_check.sv",
    "tests/board/sp_traffic_player.sv",
]
PERIOD = 10


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

    def state(self) -> dict[str, Any]:
        """Return the outputs of the checker, named as in the model's State."""
        dut = self.dut
        latency = int(dut.latency_o.value)
        errors, source = int(dut.errors_o.value), int(dut.from_o.value)
        return {
            "packets": int(dut.packets_o.value),
            "flits": int(dut.flits_o.value),
            "errors": {kind: errors >> 32 * k & 0xFFFF_FFFF for k, kind in enumerate(KINDS)},
            "source": tuple(source >> 32 * p & 0xFFFF_FFFF for p in range(self.ports)),
            "latency_min": latency & 0xFFFF,
            "latency_max": latency >> 16 & 0xFFFF,
            "latency_sum": latency >> 32,
            "signature": int(dut.signature_o.value),
        }

    def compare(self, packets: Packets, own: int) -> State:
        """Compare the checker's outputs with the model's."""
        want = model.judge(packets, ports=self.ports, own=own, flit_w=self.flit_w)
        got = self.state()
        for name, value in got.items():
            assert value == getattr(want, name), f"{name}: {value}, not {getattr(want, name)}"
        first, words = int(self.dut.first_o.value), int(self.dut.first_words_o.value)
        assert bool(first >> 8) == (want.first is not None), "first error kept or not"
        if want.first is not None:
            mask = (1 << 128) - 1
            assert KINDS[first >> 5 & 7] == want.first.kind
            assert words & mask == want.first.header
            if want.first.kind in ("sequence", "payload", "mark"):
                assert first & 31 == want.first.beat
                assert words >> 128 & mask == want.first.expected
                assert words >> 256 == want.first.seen
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
    assert int(dut.sent_packets_o.value) == count
    assert int(dut.sent_flits_o.value) == int(got["flits"].sum())
    player.compare(got, own)
    player.hits[f"traffic.mode.{mode}"] += 1
    for dst in np.unique(packet.get(got, "dst")):
        player.hits[f"traffic.dst.{int(dst)}"] += 1
    for length in np.unique(packet.get(got, "len")):
        player.hits[f"traffic.length.{int(length)}"] += 1
    player.finish()


# -------------------------------------------------------------------------------- pytest side

#: ports, flit width
SIZES = [
    pytest.param((4, 128), id="4x128", marks=pytest.mark.sim),
    pytest.param((3, 256), id="3x256"),
    pytest.param((16, 512), id="16x512"),
]
SMALL = (4, 128)
Size = tuple[int, int]


def run(sim: Sim, testcase: str, size: Size, **env: int) -> None:
    """Build the player in a size and run a test of this file."""
    parameters = dict(zip(("N_PORTS", "FLIT_W"), size, strict=True))
    sim.run_module(
        sources=SOURCES,
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
