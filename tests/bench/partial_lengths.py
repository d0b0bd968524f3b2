# SPDX-License-Identifier: Apache-2.0
"""Partials of real gradients, through an engine: how long they are beside contributions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np

from switchproof.ci import build
from switchproof.ci.filelists import needed
from switchproof.ci.paths import ROOT
from switchproof.ci.simulate import Run, simulate
from switchproof.models.crossbar import PARTIAL
from switchproof.models.formats import Bits, element_dtype
from switchproof.models.layout import MAX_UNITS, UNIT_BYTES, EType, Op
from switchproof.models.reduction import allreduce
from switchproof.models.workloads import digits
from tests.reduction.test_engine import PLAYER, Play
from tests.reduction.test_partials import Bench, fields_of, opened

#: Members of the lower tier, one port more for its uplink, and members of the training.
MEMBERS, ALL = 4, 8
#: Steps of the training whose gradients are played, of as many as it has.
STEPS, TRAINED = (0, 30, 60, 89), 90
TYPES = (EType.FP32, EType.BF16)
SIZE = {
    "N_PORTS": MEMBERS + 1, "FLIT_W": 128, "N_CONTEXTS": 4, "N_GROUPS": 1, "LATENCY": 2,
    "TYPES": 3, "ORDERED": 0, "PARTIALS": 1,
}  # fmt: skip
HEADER = 16


def gradients(etype: int) -> list[Bits]:
    """Return the gradients of STEPS, each of shape (MEMBERS, parameters)."""
    run = digits.training(ALL, TRAINED, etype)
    found, now = [], next(run)
    for step in range(TRAINED):
        if step in STEPS:
            found.append(now[:MEMBERS].copy())
        if step + 1 < TRAINED:
            now = run.send(allreduce(now, etype))
    return found


@cocotb.test()
async def through_engine(dut: Any) -> None:
    """All slices of 256 bytes of all gradients; each packet that leaves is compared."""
    play = Play(np.random.default_rng(1), SIZE)
    play.group(0, (1 << SIZE["N_PORTS"]) - 1)
    length = MAX_UNITS * UNIT_BYTES
    seq = 0
    for etype in TYPES:
        per_packet = length // element_dtype(etype).itemsize
        for vectors in gradients(etype):
            for start in range(0, vectors.shape[1] - per_packet + 1, per_packet):
                for port in range(MEMBERS):
                    play.send(
                        port, vectors[port, start : start + per_packet], op=Op.REDUCE,
                        len=MAX_UNITS, coll_root=MEMBERS, coll_mode=PARTIAL, coll_etype=etype,
                        coll_seq=seq,
                    )  # fmt: skip
                seq += 1
    judge = await Bench(dut).run(play)
    sent = dict.fromkeys(TYPES, 0)
    asked = {etype: set[int]() for etype in TYPES}
    for _, one in opened(judge):
        get = fields_of(one)
        etype = EType(get["coll_etype"])
        sent[etype] += HEADER + UNIT_BYTES * get["len"]
        asked[etype].add(get["coll_seq"])
    found = {
        EType(etype).name.lower(): sent[etype] / (len(asked[etype]) * (HEADER + length))
        for etype in TYPES
    }
    (Path(os.environ["SP_RUN_DIR"]) / "lengths.json").write_text(json.dumps(found))


def figures() -> dict[str, float]:
    """Return bytes of a partial over bytes of a contribution, headers included."""
    made = build.build(
        build.BuildSpec(
            name="partial_lengths",
            toplevel="sp_engine_player",
            sources=(build.public("sp_engine_player"), *needed(PLAYER)),
            parameters=tuple(SIZE.items()),
        )
    )
    run = simulate(
        Run(
            name="bench/partial_lengths",
            build=made,
            toplevel="sp_engine_player",
            module=__name__,
            testcase="through_engine",
            seed=1,
            env={"SIZE": json.dumps(SIZE)},
            paths=(ROOT,),
            timeout=600,
        )
    )
    found = json.loads((run.path / "lengths.json").read_text())
    return {
        "partial_expansion": round(found["fp32"], 3),
        "partial_expansion_bf16": round(found["bf16"], 3),
    }
