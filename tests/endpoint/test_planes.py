# SPDX-License-Identifier: Apache-2.0
"""Between an endpoint and its planes: whole, in order, to whom it is for, whatever a plane does."""

from __future__ import annotations

import json
from typing import Any

import cocotb
import numpy as np
import pytest

from switchproof.models import packet, profiles
from switchproof.models.layout import Op, Vc
from switchproof.models.packet import FLAG_ERR, Packets
from switchproof.tb.env import Settings, make_pipe
from switchproof.tb.pipes import HELD, STALLS, Pipe

BENCH = "tests/endpoint/sp_planes_bench.toml"
PLANES = 3
REQUESTS, ANSWERS, COLLECTIVES, NOBODY = range(4)
DROPPED, CLOSED, STRAY = range(3)


def sinks(rows: Packets) -> Any:
    """Return which stream each packet must come out of."""
    op = packet.get(rows, "op")
    vc = packet.op_vc(op)
    many = (op & 8 != 0) | (packet.get(rows, "tag") >> 10 == 3)
    answers = np.where(many, COLLECTIVES, ANSWERS)
    return np.select([vc == Vc.REQ, vc == Vc.RSP], [REQUESTS, answers], NOBODY)


def keys(rows: Packets) -> list[bytes]:
    """Return what tells packets apart: their headers, which are random."""
    return [row["hdr"].tobytes() for row in rows]


class Bench:
    """The bench in a simulation."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.settings = Settings.from_environment()
        self.rng = self.settings.rng()
        self.pipe: Pipe = make_pipe(dut, self.settings)
        self.hits: dict[str, int] = {}

    async def begin(self) -> None:
        """Reset."""
        self.dut.rst.value = 1
        self.dut.down_i.value = 0
        await self.pipe.open()
        await self.pipe.run(4)
        self.dut.rst.value = 0

    def drawn(self, count: int, **how: Any) -> Packets:
        """Return random packets; some have the error mark."""
        rows = packet.random_packets(self.rng, count, flit_w=self.settings.config.flit_w, **how)
        rows["flags"] = FLAG_ERR * (self.rng.random(count) < 0.05)
        return rows

    def count(self, what: int) -> int:
        """Return how often something happened."""
        return int(self.dut.count_o.value) >> 16 * what & 0xFFFF

    def end(self) -> None:
        """Check what holds always, and write the coverage."""
        assert int(self.dut.astray_o.value) == 0, "a packet was told to be of another plane"
        assert self.pipe.violation_count == 0, self.pipe.violations()[0]
        for name, what in (("dropped", DROPPED), ("closed", CLOSED), ("stray", STRAY)):
            self.hits[f"planes.{name}"] = self.count(what)
        (self.settings.folder / "functional.json").write_text(json.dumps(self.hits))

    def judge(self, lost: frozenset[int] = frozenset()) -> tuple[int, int]:
        """Check what came since the last time against what was sent.

        Packets of the planes `lost` may be missing, or closed: error mark, zeros from somewhere
        on. Returns how many were.
        """
        sent = [self.pipe.sent(port) for port in range(3)]
        got = [self.pipe.received(port) for port in range(3)]
        place = [{key: at for at, key in enumerate(keys(rows))} for rows in got]
        missing = closed = 0
        for rows in sent:
            newest: dict[tuple[int, int], int] = {}
            planes = packet.get(rows, "tag") % PLANES
            for row, key, sink, plane in zip(rows, keys(rows), sinks(rows), planes):
                if sink == NOBODY:
                    continue
                at = place[sink].pop(key, None)
                if at is None:
                    assert plane in lost, f"lost: {packet.describe(row)}"
                    missing += 1
                    continue
                came = got[sink][at]
                # The flow of a source to a sink by a plane keeps its order.
                flow = (int(sink), int(plane))
                assert at > newest.get(flow, -1), f"overtaken: {packet.describe(row)}"
                newest[flow] = at
                if packet.same(row[None], came[None])[0]:
                    self.hits[f"planes.{('requests', 'answers', 'collectives')[sink]}"] = 1
                    continue
                assert plane in lost and came["flags"] & FLAG_ERR, packet.describe(came)
                differ = np.flatnonzero(came["data"] != row["data"])
                if differ.size:
                    assert not came["data"][differ[0] :].any(), "closed with more than zeros"
                closed += 1
        assert not any(place), f"not sent: {[len(left) for left in place]}"
        return missing, closed


@cocotb.test()
async def random_streams(dut: Any) -> None:
    """All kinds of packets by all planes, with stalls of all kinds; then the requests are held."""
    bench = Bench(dut)
    await bench.begin()
    stray = 0
    for _ in range(4):
        for port in range(3):
            bench.pipe.stalls(str(bench.rng.choice(list(STALLS))), [port])
            rows = bench.drawn(250)
            stray += int((sinks(rows) == NOBODY).sum())
            bench.pipe.send(port, rows)
        await bench.pipe.drain()
        assert bench.judge() == (0, 0)
    assert bench.count(STRAY) == stray
    # Requests that nobody takes hold up no answer.
    bench.pipe.stalls("none")
    bench.pipe.stalls(HELD, [REQUESTS])
    bench.pipe.send(REQUESTS, bench.drawn(200, ops=[Op.READ, Op.WRITE]))
    bench.pipe.send(ANSWERS, bench.drawn(200, ops=[Op.READ_RSP, Op.WRITE_RSP, Op.RESULT]))
    await bench.pipe.run(4000)
    assert sum(len(bench.pipe.sent(port)) for port in (ANSWERS,)) == 200
    came = sum(len(bench.pipe.received(port)) for port in (ANSWERS, COLLECTIVES))
    assert came == 200, f"{came} answers of 200 came while requests were held"
    bench.hits["planes.held"] = 1
    bench.end()


@cocotb.test()
async def planes_fail(dut: Any) -> None:
    """Planes go down in the middle of packets and come up again; those that are up lose nothing."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(25):
        down = int(bench.rng.integers(1, 1 << PLANES))
        for port in range(3):
            bench.pipe.stalls(str(bench.rng.choice(["none", "light", "heavy"])), [port])
            bench.pipe.send(port, bench.drawn(60))
        await bench.pipe.run(int(bench.rng.integers(20, 150)))
        dut.down_i.value = down
        await bench.pipe.run(int(bench.rng.integers(1, 60)))
        dut.down_i.value = 0 if bench.rng.random() < 0.5 else down
        await bench.pipe.drain()
        bench.judge(frozenset(p for p in range(PLANES) if down >> p & 1))
        dut.down_i.value = 0
        bench.pipe.send(ANSWERS, bench.drawn(30))
        await bench.pipe.drain()
        assert bench.judge() == (0, 0), "a plane that is up again does not carry everything"
    bench.end()


@pytest.mark.sim
@pytest.mark.parametrize("testcase", ["random_streams", "planes_fail"])
@pytest.mark.parametrize("flit_w", [128, pytest.param(512, marks=pytest.mark.long)])
def test_planes(sim: Any, flit_w: int, testcase: str) -> None:
    config = profiles.get("dev4").replace(flit_w=flit_w, ports=3)
    sim.run(config=config, dut=BENCH, module=__name__, testcase=testcase, fixed=True)
