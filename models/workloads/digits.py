# SPDX-License-Identifier: Apache-2.0
"""Data-parallel training of a classifier of handwritten digits, its AllReduce left to the caller.

Every member computes the gradient of its share of a batch; the sum of the gradients comes back
from outside, from the golden model or from hardware, as bit patterns. The members thus hold the
same weights, and two runs whose sums are equal to the bit end with weights equal to the bit:
nothing here uses a BLAS or threads, whose order of summation could change between runs.

The data is the set of 1,797 images of 8x8 pixels that scikit-learn ships (UCI ML hand-written
digits); every fifth image is held out.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import BF16, FORMATS, FP32, Bits, convert
from ..layout import EType
from ..reduction import allreduce as model_allreduce

Floats = NDArray[np.float32]

PIXELS, HIDDEN, CLASSES = 64, 32, 10
#: Shapes of weights and biases, in the order in which they lie in the vector.
SHAPES = ((PIXELS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
#: Elements of the weight vector, and of each gradient.
PARAMETERS = sum(int(np.prod(shape)) for shape in SHAPES)
#: Images of one member's share of a batch.
SHARE = 16
LEARNING_RATE = np.float32(0.1)
MOMENTUM = np.float32(0.9)

#: Called after each step with (step, steps, loss, held-out accuracy or None).
Progress = Callable[[int, int, float, "float | None"], None]
#: A training: yields gradients (members, PARAMETERS) as patterns, wants their sum sent back.
Training = Generator[Bits, Bits, "TrainingResult"]


@dataclasses.dataclass
class TrainingResult:
    """What a training ended with.

    loss: mean cross-entropy of the batch, in nats, before each step. accuracy: (step, share of
    held-out images that are right), each `evaluate_every` steps and at the end. weights: float32,
    shape (PARAMETERS,).
    """

    etype: int
    members: int
    seed: int
    loss: list[float]
    accuracy: list[tuple[int, float]]
    weights: Floats

    @property
    def steps(self) -> int:
        """Steps, each with one AllReduce."""
        return len(self.loss)

    @property
    def held_out_accuracy(self) -> float:
        """Share of held-out images that the final weights get right."""
        return self.accuracy[-1][1]

    @property
    def sha256(self) -> str:
        """Digest of the bytes of the final weights: equal exactly when the weights are."""
        return hashlib.sha256(self.weights.astype("<f4").tobytes()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Digits:
    """Images, shape (images, PIXELS), float32 in 0..1, and their labels, split in two."""

    images: Floats
    labels: NDArray[np.int64]
    held_out_images: Floats
    held_out_labels: NDArray[np.int64]


def load() -> Digits:
    """Return the data; RuntimeError when scikit-learn is not installed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise RuntimeError("scikit-learn is not installed: pip install scikit-learn") from None
    data: Any = load_digits()
    images = (data.data / 16).astype(np.float32)
    labels = data.target.astype(np.int64)
    held_out = np.arange(len(labels)) % 5 == 4
    return Digits(images[~held_out], labels[~held_out], images[held_out], labels[held_out])


# ----------------------------------------------------------------------------------- training


def training(
    members: int = 8,
    steps: int = 90,
    etype: int = EType.FP32,
    seed: int = 1,
    progress: Progress | None = None,
    evaluate_every: int = 10,
) -> Training:
    """Return a training that leaves every AllReduce to who drives it.

        gradients = next(run)              # (members, PARAMETERS) patterns of `etype`
        gradients = run.send(total)        # again and again; total: (PARAMETERS,) patterns

    until StopIteration, whose `value` is the TrainingResult. :func:`train` is the plain loop.
    """
    if etype not in (EType.FP32, EType.BF16):
        raise ValueError(f"gradients are FP32 or BF16, not {etype!r}")
    if members < 1 or steps < 1:
        raise ValueError(f"members {members} and steps {steps} must be at least 1")
    data = load()
    rng = np.random.default_rng(seed)
    weights = _initial_weights(rng)
    velocity = np.zeros_like(weights)
    result = TrainingResult(etype, members, seed, [], [], weights)
    order: NDArray[np.int64] = np.zeros(0, np.int64)

    for step in range(steps):
        if order.size < members * SHARE:
            order = np.concatenate([order, rng.permutation(len(data.labels))])
        batch, order = order[: members * SHARE], order[members * SHARE :]
        losses, gradients = [], np.empty((members, PARAMETERS), FORMATS[etype].dtype)
        for member, share in enumerate(batch.reshape(members, SHARE)):
            loss, gradient = loss_and_gradient(weights, data.images[share], data.labels[share])
            losses.append(loss)
            gradients[member] = to_patterns(gradient, etype)

        total = yield gradients
        if total.shape != (PARAMETERS,) or total.dtype != gradients.dtype:
            raise ValueError(
                f"the sum of gradients wants shape ({PARAMETERS},) of {gradients.dtype}, "
                f"not {total.shape} of {total.dtype}"
            )
        velocity = MOMENTUM * velocity + from_patterns(total, etype) / np.float32(members)
        weights = weights - LEARNING_RATE * velocity

        result.loss.append(float(np.mean(losses)))
        last = step + 1 == steps
        accuracy = None
        if last or (step + 1) % evaluate_every == 0:
            accuracy = evaluate(weights, data)
            result.accuracy.append((step + 1, accuracy))
        if progress is not None:
            progress(step + 1, steps, result.loss[-1], accuracy)
    result.weights = weights
    return result


def train(
    allreduce: Callable[[Bits, int], Bits] = model_allreduce,
    members: int = 8,
    steps: int = 90,
    etype: int = EType.FP32,
    seed: int = 1,
    progress: Progress | None = None,
    evaluate_every: int = 10,
) -> TrainingResult:
    """Train with an `allreduce(gradients, etype)` that is a plain function; return the result."""
    run = training(members, steps, etype, seed, progress, evaluate_every)
    try:
        gradients = next(run)
        while True:
            gradients = run.send(allreduce(gradients, etype))
    except StopIteration as stop:
        result: TrainingResult = stop.value
        return result


# -------------------------------------------------------------------------------- the network


def unpack(weights: Floats) -> list[Floats]:
    """Return the weight vector as views of the shapes of SHAPES."""
    parts, start = [], 0
    for shape in SHAPES:
        size = int(np.prod(shape))
        parts.append(weights[start : start + size].reshape(shape))
        start += size
    return parts


def _matmul(a: Floats, b: Floats) -> Floats:
    # einsum without optimisation never calls a BLAS.
    product: Floats = np.einsum("ij,jk->ik", a, b, optimize=False)
    return product


def _initial_weights(rng: np.random.Generator) -> Floats:
    """Return He-normal weights and zero biases."""
    parts = [
        rng.normal(size=shape).astype(np.float32) * np.sqrt(np.float32(2 / shape[0]))
        if len(shape) == 2
        else np.zeros(shape, np.float32)
        for shape in SHAPES
    ]
    return np.concatenate([part.ravel() for part in parts])


def _forward(weights: Floats, images: Floats) -> tuple[Floats, Floats]:
    """Return activations of the hidden layer and log-probabilities of the classes."""
    w1, b1, w2, b2 = unpack(weights)
    hidden = np.maximum(_matmul(images, w1) + b1, np.float32(0))
    logits = _matmul(hidden, w2) + b2
    logits = logits - logits.max(1, keepdims=True)
    return hidden, logits - np.log(np.exp(logits).sum(1, keepdims=True))


def loss_and_gradient(
    weights: Floats, images: Floats, labels: NDArray[np.int64]
) -> tuple[float, Floats]:
    """Return the mean cross-entropy of some images, in nats, and its gradient (PARAMETERS,)."""
    hidden, log_p = _forward(weights, images)
    count = np.arange(len(labels))
    loss = float(-log_p[count, labels].mean())
    slope = np.exp(log_p)
    slope[count, labels] -= np.float32(1)
    slope /= np.float32(len(labels))
    w2 = unpack(weights)[2]
    back = _matmul(slope, w2.T) * (hidden > 0)
    parts = (_matmul(images.T, back), back.sum(0), _matmul(hidden.T, slope), slope.sum(0))
    return loss, np.concatenate([part.ravel() for part in parts])


def evaluate(weights: Floats, data: Digits) -> float:
    """Return the share of the held-out images that the weights get right."""
    _, log_p = _forward(weights, data.held_out_images)
    return float((log_p.argmax(1) == data.held_out_labels).mean())


# ------------------------------------------------------------------------------------ patterns


def to_patterns(values: Floats, etype: int) -> Bits:
    """Return float32 values as patterns of FP32, or rounded to BF16."""
    bits: Bits = np.ascontiguousarray(values, "<f4").view("<u4")
    return bits if etype == EType.FP32 else convert(bits, FP32, BF16)


def from_patterns(bits: Bits, etype: int) -> Floats:
    """Return patterns of FP32 or BF16 as float32 values, without rounding."""
    exact = bits if etype == EType.FP32 else convert(bits, BF16, FP32)
    values: Floats = np.ascontiguousarray(exact, "<u4").view("<f4")
    return values
