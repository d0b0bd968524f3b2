# SPDX-License-Identifier: Apache-2.0
"""The scoreboard without a simulation: right traffic passes, each kind of damage is told."""

from __future__ import annotations

import numpy as np
import pytest

from switchproof.models import packet, profiles
from switchproof.models.crossbar import Switch
from switchproof.models.layout import Op
from switchproof.tb import traffic
from switchproof.tb.coverage import SPECIALS, classify
from switchproof.tb.pipes import concatenate, pick
from switchproof.tb.scoreboard import Checker, Mismatch, TestbenchError

CONFIG = profiles.get("dev8")
WHERE = 700


@pytest.fixture
def flow():
    """Return a checker and unicast packets as they were sent and as they must come out."""
    rng = np.random.default_rng(3)
    model = Switch(CONFIG)
    traffic.program(model, CONFIG)
    sent = concatenate(traffic.unicast(rng, CONFIG, 300, ops=traffic.PORT_OPS))
    sent["port"] = np.repeat(np.arange(CONFIG.ports), 300)
    sent["stamp"] = sent["stamp_last"] = rng.permutation(len(sent))
    sent = pick(sent, np.argsort(sent["stamp"]))
    got = sent.copy()
    got["port"] = packet.get(sent, "dst")
    return Checker(CONFIG, model, 1), sent, got


def run(checker, sent, got, batch=333):
    for k in range(0, len(sent), batch):
        checker.sent(sent[k : k + batch])
        checker.received(got[k : k + batch])
        checker.check(force=True)
    checker.finish()


def lose(rows):
    return np.delete(rows, WHERE)


def double(rows):
    return concatenate([rows[: WHERE + 1], rows[WHERE:]])


def swap(rows):
    """Exchange two packets of one flow."""
    key = (rows["port"] == 3) & (packet.get(rows, "src") == 5)
    key &= packet.op_vc(packet.get(rows, "op")) == 0
    first, second = np.flatnonzero(key)[:2]
    rows[[first, second]] = rows[[second, first]]
    return rows


def flip(rows):
    long = np.flatnonzero(packet.get(rows, "len") == 16)[10]
    rows["data"][long, 200] ^= 16
    return rows


def header(rows):
    packet.set_fields(rows[WHERE : WHERE + 1], tag=packet.get(rows[WHERE : WHERE + 1], "tag") ^ 1)
    return rows


def mark(rows):
    rows["flags"][WHERE] ^= packet.FLAG_ERR
    return rows


def elsewhere(rows):
    rows["port"][WHERE] = (rows["port"][WHERE] + 1) % CONFIG.ports
    return rows


def invent(rows):
    extra = rows[WHERE : WHERE + 1].copy()
    packet.set_fields(extra, src=4000)
    return concatenate([rows[:WHERE], extra, rows[WHERE:]])


def test_right(flow):
    checker, sent, got = flow
    run(checker, sent, got)
    assert checker.compared == len(sent)


@pytest.mark.parametrize(
    "damage, says",
    [
        (lose, "lost or late"),
        (double, "doubled or late|nobody expects"),
        (swap, "packets early|doubled or late|not the next one of its flow"),
        (flip, "1 bytes of payload, the first at 200"),
        (header, "header: tag"),
        (mark, "flags"),
        (elsewhere, "nobody expects|not the next one"),
        (invent, "made up, changed or doubled"),
    ],
)
def test_damage(flow, damage, says):
    checker, sent, got = flow
    with pytest.raises(Mismatch, match=says) as error:
        run(checker, sent, damage(got.copy()))
    assert "seed 1" in str(error.value)
    assert len(str(error.value).splitlines()) < 20


def test_lost_at_the_end(flow):
    checker, sent, got = flow
    with pytest.raises(Mismatch, match="1 packets never came out"):
        run(checker, sent, got[:-1])


def test_shared_source(flow):
    """Two inputs with one source ID cannot be told apart: refused, not passed."""
    checker, sent, got = flow
    packet.set_fields(sent, src=0)
    packet.set_fields(got, src=0)
    with pytest.raises(TestbenchError, match="two inputs"):
        run(checker, sent, got)


def test_reductions():
    """Results are checked per member; a wrong bit in one member's copy is told."""
    rng = np.random.default_rng(4)

    def checker():
        model = Switch(CONFIG)
        traffic.program(model, CONFIG)
        model.set_group(2, 0b10110)
        return Checker(CONFIG, model, 1)

    sent = traffic.allreduce(rng, CONFIG, 50, group=2, members=[1, 2, 4], etype=0, redop=0)
    for port, rows in enumerate(sent):
        rows["port"] = port
        rows["stamp_last"] = 10 * np.arange(len(rows)) + port
    rows = concatenate(sent)
    twin = checker()
    twin.sent(rows)
    twin.check(force=True)
    results = twin._expected.copy()
    assert len(results) == 150 and (packet.get(results, "op") == Op.RESULT).all()

    one = checker()
    run(one, rows, results[rng.permutation(150)], batch=150)
    results["data"][77, 3] ^= 1
    with pytest.raises(Mismatch, match="first at 3"):
        run(checker(), rows, results, batch=150)


def test_classes():
    """Every class of FP32 and BF16 values is told by its bits."""
    fp32 = [0, 1 << 31, 1, 0x80000001, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F7FFFFF, 0xFF7FFFFF,
            0x3F800000, 0xBF800000]  # fmt: skip
    assert classify(np.array(fp32, np.uint32), 0).tolist() == list(range(len(SPECIALS)))
    bf16 = [bits >> 16 for bits in fp32]
    bf16[2:4] = [1, 0x8001]
    assert classify(np.array(bf16, np.uint16), 1).tolist() == list(range(len(SPECIALS)))


def test_rows_are_whole():
    """Joining and picking keep the row of 384 bytes, which numpy's own functions do not."""
    rows = packet.make(4, dst=[1, 2, 3, 4], flit_w=128)
    for made in (concatenate([rows[:1], rows[1:]]), pick(rows, np.array([0, 1, 2, 3]))):
        assert made.dtype == packet.PACKET and made.dtype.itemsize == 384
        assert packet.same(made, rows).all()
