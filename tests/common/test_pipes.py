# SPDX-License-Identifier: Apache-2.0
"""The pipes themselves: equal backends, reproducible stalls, every breach of protocol seen."""

from __future__ import annotations

import hashlib
import json
import os

import cocotb
import numpy as np
import pytest
import pyuvm
from cocotb.clock import Clock

from switchproof.ci.simulate import RunError
from switchproof.models import packet
from switchproof.models.layout import Op
from switchproof.tb import traffic
from switchproof.tb.base_test import BaseTest
from switchproof.tb.env import Settings, make_pipe
from switchproof.tb.pipes import STALLS, PipeError, Stalls, concatenate
from switchproof.tb.sampling import drive_point, sample_point

RINGS = "tests/common/faulty_stream.toml"
SIGNALS = "tests/common/faulty_stream_signals.toml"
CROSSBAR = "examples/axis_crossbar/dut.toml"
CROSSBAR_SIGNALS = "examples/axis_crossbar/dut_signals.toml"

#: Faults of faulty_stream.sv by the tag that asks for them.
FAULTS = (
    "clean", "tvalid_dropped", "unstable", "short", "endless", "no_room", "in_reset", "lost",
    "flipped", "header", "mark",
)  # fmt: skip
#: What the pipe must call each fault that breaks the protocol.
KINDS = {
    "tvalid_dropped": "tvalid_dropped",
    "unstable": "unstable",
    "short": "length",
    "endless": "too_long",
    "no_room": "no_room",
    "in_reset": "in_reset",
}


def straight(rng, config, count, fault="clean", share=0.2):
    """Return long packets from each port to itself, a share of them with a fault."""
    packets = traffic.unicast(
        rng, config, count, outputs=np.arange(config.ports), ops=[Op.WRITE, Op.READ_RSP],
        lengths=(16, 16), extensions=False,
    )  # fmt: skip
    for rows in packets:
        packet.set_fields(rows, tag=np.where(rng.random(count) < share, FAULTS.index(fault), 0))
    return packets


async def opened(settings):
    """Return an open pipe behind reset."""
    pipe = make_pipe(cocotb.top, settings)
    cocotb.top.rst.value = 1
    await pipe.open()
    await pipe.run(4)
    cocotb.top.rst.value = 0
    await pipe.run(2)
    return pipe


@cocotb.test()
async def record(_):
    """Random traffic with stalls; write down all that the pipe tells."""
    settings = Settings.from_environment()
    rng = settings.rng() if "SP_FIXED" not in os.environ else np.random.default_rng(7)
    pipe = await opened(settings)
    for port, name in enumerate(rng.choice(list(STALLS), pipe.ports)):
        pipe.stalls(str(name), [port])
    config = settings.config
    for port, rows in enumerate(traffic.unicast(rng, config, 40)):
        traffic.spaced(rng, rows[20:], 0.5, pipe.cycle)
        pipe.send(port, rows)
    await pipe.run(100)
    await pipe.drain(quiet=500)
    sent = concatenate([pipe.sent(port) for port in range(pipe.ports)])
    got = concatenate([pipe.received(port) for port in range(pipe.ports)])
    assert len(sent) == len(got) == 40 * pipe.ports
    stats = pipe.stats()
    write(
        settings, sent=digest(sent), received=digest(got), stats=digest(stats), cycle=pipe.cycle,
        stalled=int(stats["stalled"].sum()), gaps=int(stats["gap"].sum()),
    )  # fmt: skip


@cocotb.test()
async def breach(_):
    """Send packets with one fault; write down the violations."""
    settings = Settings.from_environment()
    fault = os.environ["SP_FAULT"]
    rng = settings.rng()
    pipe = await opened(settings)
    pipe.stalls(Stalls(0.1, 4, 0.3, 4, 0.2, 30))
    for port, rows in enumerate(straight(rng, settings.config, 40, fault)):
        pipe.send(port, rows)
    await pipe.drain(quiet=500)
    if fault == "in_reset":
        cocotb.top.rst.value = 1
        await pipe.run(5)
    write(
        settings, count=pipe.violation_count, found=[str(v) for v in pipe.violations()],
        kinds=sorted({v.kind for v in pipe.violations()}),
    )  # fmt: skip


@cocotb.test()
async def stuck(_):
    """A receiver that takes nothing: the drain gives up and says where packets wait."""
    settings = Settings.from_environment()
    pipe = await opened(settings)
    pipe.stalls(Stalls(ready=0.999999, ready_longest=1000), [0])
    for port, rows in enumerate(straight(settings.rng(), settings.config, 30)):
        pipe.send(port, rows)
    try:
        await pipe.drain(timeout=2000)
    except PipeError as error:
        assert "ingress ports: 0:" in str(error), error
        assert pipe.waiting()[0] > 0 and not pipe.waiting()[1:].any()
    else:
        raise AssertionError("the drain ended with packets waiting")


@cocotb.test()
async def full_rate(_):
    """Without stalls the pipe leaves no cycle unused, and `not_before` is kept."""
    settings = Settings.from_environment()
    pipe = await opened(settings)
    start = pipe.cycle
    packets = straight(settings.rng(), settings.config, 600)
    for port, rows in enumerate(packets):
        pipe.send(port, rows)
    await pipe.drain()
    for port, rows in enumerate(packets):
        sent = pipe.sent(port)
        assert len(sent) == 600
        busy = int(sent["stamp_last"][-1]) - int(sent["stamp"][0]) + 1
        assert busy == rows["flits"].sum(), f"port {port}: {busy} cycles"
        assert int(sent["stamp"][0]) - start <= 2
    later = straight(settings.rng(), settings.config, 20)
    for port, rows in enumerate(later):
        rows["not_before"] = pipe.cycle + 50 * np.arange(1, 21)
        pipe.send(port, rows)
        later[port] = rows
    await pipe.drain(quiet=500)
    for port, rows in enumerate(later):
        assert (pipe.sent(port)["stamp"] == rows["not_before"]).all()


@pyuvm.test()
class FaultyTraffic(BaseTest):
    """Traffic of which the environment must notice what SP_FAULT asks for."""

    async def traffic(self):
        await self.send(straight(self.rng, self.config, 60, os.environ["SP_FAULT"], 0.05))


@cocotb.test()
async def sampling(dut):
    """The helper reads what the next edge takes, and what is written counts from it on."""
    own = os.environ["SP_CLOCK"] == "own"
    if not own:
        Clock(dut.clk_i, 2, "step").start()
    clock = dut.clk_o if own else dut.clk_i
    await drive_point(clock)
    first = None  # a clock input that starts at 1 makes an edge of its own
    for k in range(1, 40):
        dut.d_i.value = 3 * k
        await sample_point(clock)
        count, q, total = (int(s.value) for s in (dut.count_o, dut.q_o, dut.sum_o))
        first = count if first is None else first
        assert count == first + k - 1, (count, first, k)
        assert k == 1 or q == 3 * (k - 1), (q, k)
        assert total == (3 * k + q) & 255
        await drive_point(clock)


def digest(rows):
    # Field by field: the holes of a row hold anything.
    data = b"".join(np.ascontiguousarray(rows[name]).tobytes() for name in rows.dtype.names)
    return hashlib.sha256(data).hexdigest()


def write(settings, **values):
    (settings.folder / "pipe.json").write_text(json.dumps(values))


def told(result):
    return json.loads((result.path / "pipe.json").read_text())


# ------------------------------------------------------------------------------------ pytest


@pytest.mark.sim
@pytest.mark.parametrize("rings, signals", [(RINGS, SIGNALS), (CROSSBAR, CROSSBAR_SIGNALS)])
def test_backends_agree(sim, rings, signals):
    """Same seed, same stalls: both backends see the same bytes in the same cycles."""
    one = told(sim.run(config="dev2", module=__name__, testcase="record", dut=rings))
    other = told(sim.run(config="dev2", module=__name__, testcase="record", dut=signals))
    assert one == other
    assert one["stalled"] > 0 and one["gaps"] > 0


def test_seed_decides(sim):
    """The same seed gives the same run; another one other stalls for the same packets."""

    def run(seed):
        env = {"SP_FIXED": "1", "SP_SEED": str(seed)}
        return told(
            sim.run(config="dev2", module=__name__, testcase="record", dut=CROSSBAR, env=env)
        )

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.parametrize("fault", KINDS)
@pytest.mark.sim
def test_breach_is_seen(sim, fault):
    env = {"SP_FAULT": fault}
    found = told(sim.run(config="dev2", module=__name__, testcase="breach", dut=RINGS, env=env))
    assert found["count"] > 0
    assert KINDS[fault] in found["kinds"]
    other = told(sim.run(config="dev2", module=__name__, testcase="breach", dut=SIGNALS, env=env))
    assert other == found


def test_clean_is_clean(sim):
    env = {"SP_FAULT": "clean"}
    for dut in (RINGS, SIGNALS):
        found = told(sim.run(config="dev2", module=__name__, testcase="breach", dut=dut, env=env))
        assert found["count"] == 0, found


@pytest.mark.parametrize(
    "fault, says",
    [
        ("lost", "lost or late|never came out"),
        ("flipped", "bytes of payload"),
        ("header", "header: "),
        ("mark", "flags"),
        ("unstable", "unstable"),
        ("short", "length"),
    ],
)
def test_environment_fails(sim, fault, says):
    """A fault in the module fails a test of the environment, and the message tells which."""
    with pytest.raises(RunError, match=says):
        sim.run(
            config="dev2", module=__name__, testcase="FaultyTraffic", dut=RINGS,
            env={"SP_FAULT": fault},
        )  # fmt: skip


def test_environment_passes(sim):
    """The same traffic without a fault passes."""
    sim.run(
        config="dev2", module=__name__, testcase="FaultyTraffic", dut=RINGS,
        env={"SP_FAULT": "clean"},
    )  # fmt: skip


@pytest.mark.parametrize("dut", [RINGS, SIGNALS])
def test_stuck(sim, dut):
    sim.run(config="dev2", module=__name__, testcase="stuck", dut=dut)


def test_full_rate(sim):
    sim.run(config="dev2", module=__name__, testcase="full_rate", dut=RINGS)


@pytest.mark.parametrize("clock", ["own", "given"])
def test_sampling(sim, clock):
    sim.run_module(
        sources=["tests/common/sampling_probe.sv"], toplevel="sampling_probe", module=__name__,
        testcase="sampling", parameters={"OWN_CLOCK": int(clock == "own")}, args=["--timing"],
        env={"SP_CLOCK": clock},
    )  # fmt: skip
