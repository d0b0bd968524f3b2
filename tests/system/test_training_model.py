# SPDX-License-Identifier: Apache-2.0
"""Training of digits on the golden models: it learns, and it depends on nothing but the sums."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from switchproof.models import packet, profiles
from switchproof.models.crossbar import Switch
from switchproof.models.formats import Bits
from switchproof.models.layout import EType, Op, RedOp
from switchproof.models.reduction import allreduce
from switchproof.models.workloads import contributions, digits, num_slices, vector

pytest.importorskip("sklearn")

each_type = pytest.mark.parametrize("etype", [EType.FP32, EType.BF16], ids=lambda e: e.name)
MEMBERS, ENGINE = 8, 20


def through_the_switch(config_name: str) -> Any:
    """Return an allreduce whose packets go through the golden model of the whole switch."""
    config = profiles.get(config_name)
    switch = Switch(config)
    switch.set_route(None, ENGINE, config.ports)
    switch.set_group(3, (1 << MEMBERS) - 1)
    calls = 0

    def reduce(gradients: Bits, etype: int) -> Bits:
        nonlocal calls
        packets = contributions(
            gradients, etype, flit_w=config.flit_w, dst=ENGINE, group=3, seq=calls
        ).reshape(-1)
        calls += 1
        delivered = switch.deliver(packets["port"], packets)
        received = [
            vector(delivered[delivered["port"] == member], etype, gradients.shape[1])
            for member in range(MEMBERS)
        ]
        for other in received[1:]:
            assert (other == received[0]).all()
        return received[0]

    return reduce


@each_type
def test_training_learns(etype: int) -> None:
    steps = []
    result = digits.train(etype=etype, progress=lambda *values: steps.append(values))
    assert result.held_out_accuracy >= 0.94
    assert result.loss[0] > 2 and np.mean(result.loss[-10:]) < 0.3
    assert [step for step, _ in result.accuracy] == list(range(10, 91, 10))
    assert [s[:2] for s in steps] == [(n, 90) for n in range(1, 91)]
    assert [s[2] for s in steps] == result.loss and result.steps == 90
    assert steps[-1][3] == result.held_out_accuracy and steps[0][3] is None
    assert result.weights.shape == (digits.PARAMETERS,) and result.weights.dtype == np.float32


@pytest.mark.parametrize("seed", [2, 3, 4])
@each_type
def test_other_seeds_learn_as_well(etype: int, seed: int) -> None:
    assert digits.train(etype=etype, seed=seed).held_out_accuracy >= 0.93


@each_type
@pytest.mark.parametrize("config", ["dev8", "dev16"])
def test_switch_gives_the_same_weights(etype: int, config: str) -> None:
    plain = digits.train(etype=etype, steps=12)
    routed = digits.train(through_the_switch(config), etype=etype, steps=12)
    assert routed.sha256 == plain.sha256
    assert (routed.weights.view("<u4") == plain.weights.view("<u4")).all()
    assert routed.loss == plain.loss and routed.accuracy == plain.accuracy


@each_type
def test_one_wrong_bit_shows(etype: int) -> None:
    """In one element of one step, in the middle of its fraction."""
    calls = 0

    def wrong(gradients: Bits, etype: int) -> Bits:
        nonlocal calls
        calls += 1
        total = allreduce(gradients, etype)
        if calls == 3:
            total[-1] ^= 1 << (12 if etype == EType.FP32 else 3)
        return total

    plain = digits.train(etype=etype, steps=6)
    assert digits.train(wrong, etype=etype, steps=6).sha256 != plain.sha256


@each_type
def test_missing_member_shows(etype: int) -> None:
    plain = digits.train(etype=etype, steps=3)
    without = digits.train(lambda g, e: allreduce(g[:7], e), etype=etype, steps=3)
    assert without.sha256 != plain.sha256


def test_sum_in_floats_gives_other_weights() -> None:
    def floats(gradients: Bits, etype: int) -> Bits:
        total = gradients[0].view("<f4").copy()
        for row in gradients[1:]:
            total = total + row.view("<f4")
        return total.view("<u4")

    assert digits.train(floats, steps=6).sha256 != digits.train(steps=6).sha256


@pytest.mark.parametrize("members", [1, 2, 16])
def test_any_number_of_members(members: int) -> None:
    result = digits.train(members=members, steps=30)
    assert result.members == members and result.loss[-1] < result.loss[0]


def test_generator_hands_out_gradients_and_takes_sums() -> None:
    run = digits.training(members=4, steps=2, etype=EType.BF16)
    gradients = next(run)
    assert gradients.shape == (4, digits.PARAMETERS) and gradients.dtype == np.dtype("<u2")
    assert not (gradients[0] == gradients[1]).all()
    gradients = run.send(allreduce(gradients, EType.BF16))
    with pytest.raises(StopIteration) as stop:
        run.send(allreduce(gradients, EType.BF16))
    assert stop.value.value.sha256 == digits.train(members=4, steps=2, etype=EType.BF16).sha256


@pytest.mark.parametrize("reply", [np.zeros(3, "<u4"), np.zeros(digits.PARAMETERS, "<u2")])
def test_wrong_sum_is_named(reply: Bits) -> None:
    run = digits.training()
    next(run)
    with pytest.raises(ValueError, match=r"wants shape \(2410,\) of uint32"):
        run.send(reply)


@pytest.mark.parametrize("arguments", [{"etype": EType.FP16}, {"members": 0}, {"steps": 0}])
def test_impossible_training_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be at least|FP32 or BF16"):
        digits.train(**arguments)


def test_gradient_is_the_slope_of_the_loss() -> None:
    data = digits.load()
    rng = np.random.default_rng(1)
    weights: Any = digits._initial_weights(rng).astype(np.float64)
    images: Any = data.images[:16].astype(np.float64)
    labels = data.labels[:16]
    _, gradient = digits.loss_and_gradient(weights, images, labels)
    for index in rng.choice(digits.PARAMETERS, 60, replace=False):
        step = np.zeros_like(weights)
        step[index] = 1e-5
        above, _ = digits.loss_and_gradient(weights + step, images, labels)
        below, _ = digits.loss_and_gradient(weights - step, images, labels)
        assert gradient[index] == pytest.approx((above - below) / 2e-5, abs=1e-6)


# ------------------------------------------------------------------------- vectors to packets


@each_type
@pytest.mark.parametrize("elements", [1, 8, 64, 65, 128, 129, 2410])
@pytest.mark.parametrize("flit_w", [128, 512])
def test_vectors_there_and_back(etype: int, elements: int, flit_w: int) -> None:
    rng = np.random.default_rng(elements)
    dtype = np.dtype("<u4") if etype == EType.FP32 else np.dtype("<u2")
    vectors: Any = rng.integers(0, 1 << 8 * dtype.itemsize, (3, elements)).astype(dtype)
    packets = contributions(
        vectors, etype, flit_w=flit_w, dst=9, group=2, seq=5, src=[4, 5, 6], redop=RedOp.MAX
    )
    slices = num_slices(elements, etype)
    assert packets.shape == (3, slices)
    size = packet.get(packets, "len")[0]
    assert (size[:-1] == 16).all() and 0 <= size.sum() * 16 - elements * dtype.itemsize < 16
    assert packet.get(packets, "src")[:, 0].tolist() == [4, 5, 6]
    assert packets["port"][:, 0].tolist() == [0, 1, 2]
    assert (packets["flits"] == packet.num_flits(packet.get(packets, "len"), 0, flit_w)).all()
    named = packet.fields(packets, "op", "dst", "group", "seq", "redop", "etype", "root", "mode")
    wanted = (Op.ALLREDUCE, 9, 2, 5, RedOp.MAX, etype, 0, 0)
    assert tuple(np.unique(values).item() for values in named.values()) == wanted
    for member in range(3):
        back = vector(rng.permutation(packets[member]), etype, elements)
        assert (back == vectors[member]).all()


def test_missing_and_repeated_slices_are_named() -> None:
    packets = contributions(np.zeros((1, 200), "<u4"), EType.FP32, flit_w=128, dst=9)[0]
    with pytest.raises(ValueError, match=r"4 slices.*\[2\]"):
        vector(packets[[0, 1, 3]], EType.FP32, 200)
    with pytest.raises(ValueError, match=r"\[1\]"):
        vector(packets[[0, 1, 1, 2, 3]], EType.FP32, 200)
    with pytest.raises(ValueError, match=r"\[3\]"):
        vector(packets, EType.FP32, 190)
    with pytest.raises(ValueError, match="uint16, not uint32"):
        contributions(np.zeros((1, 200), "<u4"), EType.BF16, flit_w=128, dst=9)


def test_example_of_the_library_runs(capsys: Any) -> None:
    example = Path(__file__).parents[2] / "examples" / "models_as_library.py"
    runpy.run_path(str(example), run_name="__main__")
    text = capsys.readouterr().out
    assert "equal to the bit" in text and "status DST" in text and "status NOT_MEMBER" in text
