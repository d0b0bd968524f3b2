# SPDX-License-Identifier: Apache-2.0
"""The model in time by itself: against figures that others published, and against theory."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from switchproof.models import profiles, scheduling
from switchproof.models.profiles import Config
from switchproof.models.scheduling import NONE, simulate

DEEP16 = profiles.get("dev16").replace(voq_flits=256, engines=0)

#: Queueing delay of BookSim 2 (https://github.com/booksim/booksim2), one 16x16 input-queued switch
#: with VOQs, single-flit packets, uniform Bernoulli arrivals, by (iterations, load).
PUBLISHED = {(1, 0.5): 1.30, (1, 0.7): 21.10, (2, 0.8): 4.66, (4, 0.8): 3.78, (4, 0.9): 9.84}
#: The same with matchings of maximum size.
PUBLISHED_MAXIMUM = {0.8: 2.15, 0.9: 4.53}


def delay(config: Config, load: float, **choices: str) -> float:
    """Return the mean queueing delay over some seeds."""
    runs = [
        simulate(config, load, cycles=40_000, warmup=10_000, seed=seed, **choices).mean
        for seed in range(1, 4)
    ]
    return float(np.mean(runs))


@pytest.mark.parametrize(("iterations", "load"), PUBLISHED)
def test_published_delay(iterations: int, load: float) -> None:
    """Two implementations of one algorithm wait equally long."""
    found = delay(DEEP16.replace(iterations=iterations), load)
    assert found == pytest.approx(PUBLISHED[iterations, load], rel=0.12)


@pytest.mark.parametrize("load", PUBLISHED_MAXIMUM)
def test_maximum_size(load: float) -> None:
    """The mark: no scheduler of this kind waits less."""
    found = delay(DEEP16, load, scheduler="maximum")
    assert found == pytest.approx(PUBLISHED_MAXIMUM[load], rel=0.12)
    assert found < delay(DEEP16, load)


def test_head_of_line() -> None:
    """One FIFO an input: 2 - sqrt(2) for many ports, somewhat more for 16 (Karol et al., 1987)."""
    fifo = simulate(DEEP16, 1.0, cycles=30_000, queues="fifo").accepted
    voq = simulate(DEEP16, 1.0, cycles=30_000).accepted
    assert 0.586 < fifo < 0.62
    assert voq > 0.98


@pytest.mark.parametrize("cut", [0, 1])
@pytest.mark.parametrize("flits", [1, 3, 16])
def test_nothing_in_the_way(flits: int, cut: int) -> None:
    """At next to no load a packet takes what docs/crossbar.md states, whatever its length."""
    config = DEEP16.replace(cut_through=cut)
    run = simulate(config, 0.001 * flits, cycles=20_000, flits=flits)
    assert run.packets > 100
    assert run.percentile(50) == 0 and run.mean < 0.5


@pytest.mark.parametrize("flits", [1, 16])
def test_cut_through_under_load(flits: int) -> None:
    """Where all is full it makes no difference whether a packet is stored first: of one flit not in
    any cycle, of several as much is carried, and what waits waits no longer.
    """
    stored, cut = (
        [
            simulate(DEEP16.replace(cut_through=on), load, cycles=20_000, warmup=5_000, flits=flits)
            for load in (0.9, 1.0)
        ]
        for on in (0, 1)
    )
    if flits == 1:
        assert all((a.carried == b.carried).all() for a, b in zip(stored, cut))
    assert cut[1].accepted > stored[1].accepted - 0.003
    # Measured from the first beat: stored, a packet takes flits - 1 cycles more before it waits.
    assert cut[0].mean < stored[0].mean + flits - 1 or flits == 1


def test_all_that_comes_leaves() -> None:
    """Flits that leave are those that come, in packets of every length and at radix 64."""
    config = DEEP16.replace(ports=64, ids=64)
    run = simulate(config, 0.8, cycles=3_000, flits={1: 0.5, 9: 0.3, 17: 0.2})
    assert run.accepted == pytest.approx(0.8, abs=0.02)
    assert (run.carried.sum(axis=0) > 0).all() and (run.carried.sum(axis=1) > 0).all()


def test_bursts() -> None:
    """Bursts are as long, and the load is what was asked for; at load 0 nothing comes."""
    rng = np.random.default_rng(5)
    to = scheduling.bursts(8)(4, 0.6)(rng, 100_000)
    assert to.shape == (100_000, 4) and set(np.unique(to)) == {NONE, 0, 1, 2, 3}
    assert (to != NONE).mean() == pytest.approx(0.6, abs=0.02)
    # One burst in four goes where the one before went, and some follow without silence.
    ends = (to[1:] != to[:-1]) & (to[:-1] != NONE)
    assert 8 < (to != NONE).sum() / ends.sum() < 9
    assert (scheduling.bursts(8)(4, 0.0)(rng, 10) == NONE).all()
    assert (scheduling.bursts(1)(4, 1.0)(rng, 10) != NONE).all()
    with pytest.raises(ValueError, match=r"bursts of 0\.5"):
        scheduling.bursts(0.5)


def test_shared_buffer() -> None:
    """A pool does for bursts what queues eight times as deep do; without it they jam."""
    small = DEEP16.replace(voq_flits=32)

    def run(config: Config) -> scheduling.LoadResult:
        return simulate(config, 0.7, cycles=10_000, warmup=5_000, pattern=scheduling.bursts(16))

    deep, shallow, shared = run(DEEP16), run(small), run(small.replace(voq_shared=512))
    assert shared.mean == pytest.approx(deep.mean, rel=0.02)
    assert shallow.mean > 10 * deep.mean and shallow.accepted < 0.6


def test_nearest_from_the_turn() -> None:
    """A small case by hand: turns move behind what the first iteration matched."""
    all_ask = np.ones((1, 3, 3), np.uint8)
    scheduler = scheduling.Islip(3, 3, 1)
    # All outputs grant input 0, which takes output 0; then their turns part.
    assert scheduler.match(all_ask).tolist() == [[0, NONE, NONE]]
    assert scheduler.match(all_ask).tolist() == [[1, 0, NONE]]
    assert scheduler.match(all_ask).tolist() == [[2, 1, 0]]
    assert scheduling.Islip(3, 3, 3).match(all_ask).tolist() == [[0, 1, 2]]
    # A multicast input takes all that it is granted, and those are no others'.
    assert scheduling.Islip(3, 3, 3, first_multicast=0).match(all_ask).tolist() == [[0, 0, 0]]


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
from switchproof.models import profiles, scheduling, scheduling_kernel
assert not scheduling_kernel.COMPILED
for name in ("dev4", "dev4p"):
    config = profiles.get(name).replace(engines=0)
    run = scheduling.simulate(config, 0.9, cycles=150, warmup=50, flits={1: 0.5, 4: 0.5})
    print(run.delays.nonzero()[0].tolist(), run.delays.sum(), run.carried.tolist())
"""


def test_without_numba() -> None:
    """The same functions as plain Python: the same numbers."""
    plain = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMBA], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout.splitlines()  # fmt: skip
    for name, line in zip(("dev4", "dev4p"), plain, strict=True):
        config = profiles.get(name).replace(engines=0)
        run = simulate(config, 0.9, cycles=150, warmup=50, flits={1: 0.5, 4: 0.5})
        ours = f"{run.delays.nonzero()[0].tolist()} {run.delays.sum()} {run.carried.tolist()}"
        assert line == ours and run.packets > 50


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"load": 1.5}, "load 1.5"),
        ({"load": 0.5, "cycles": 0}, "cycles = 0"),
        ({"load": 0.5, "flits": 99}, "flits: 99"),
        ({"load": 0.5, "flits": {1: 0.5}}, "shares"),
        ({"load": 0.5, "queues": "lifo"}, "queues = 'lifo'"),
        ({"load": 0.5, "scheduler": "best"}, "scheduler = 'best'"),
    ],
)
def test_refused(choices: dict, says: str) -> None:
    """What cannot be simulated is refused in one line."""
    with pytest.raises(ValueError, match=says):
        simulate(DEEP16, **{"cycles": 10, **choices})


def test_fifo_shares_nothing() -> None:
    """One queue an input has nobody to share with."""
    with pytest.raises(ValueError, match="share nothing"):
        simulate(DEEP16.replace(voq_shared=8), 0.5, cycles=10, queues="fifo")


def test_one_queue_is_not_cut_through() -> None:
    """A form that nobody has built, and nobody needs for comparison."""
    with pytest.raises(ValueError, match="queues = 'fifo' has no form"):
        simulate(profiles.get("dev4c"), 0.5, cycles=10, queues="fifo")


@pytest.mark.parametrize("slots", [1, 4])
@pytest.mark.parametrize("flits", [1, 9])
def test_pipelined_nothing_in_the_way(flits: int, slots: int) -> None:
    """The same for the pipelined form, which takes two cycles more, with one slot six."""
    config = profiles.get("dev4p").replace(iterations=slots, engines=0)
    run = simulate(config, 0.001 * flits, cycles=10_000, flits=flits)
    assert run.packets > 20
    assert run.percentile(50) == 0 and run.mean < 0.5


def test_pipelined_measured_delay() -> None:
    """The mean that `make bench BENCH=crossbar` finds in RTL, docs/crossbar.md; the model of the
    form in one step would have waited a fifth less."""
    run = simulate(DEEP16.replace(pipelined=1), 0.9, cycles=15_000, warmup=5_000)
    assert run.mean == pytest.approx(12.1, rel=0.08)
    assert run.accepted == pytest.approx(0.9, abs=0.01)


def test_pipelined_is_what_it_is() -> None:
    """Nobody has built a pipelined form with another scheduler or other queues."""
    for choice in ({"queues": "fifo"}, {"scheduler": "maximum"}):
        with pytest.raises(ValueError, match="pipelined"):
            simulate(profiles.get("dev4p"), 0.5, cycles=10, **choice)
