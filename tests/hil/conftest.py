# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the bring-up tests: the board, and benches on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from switchproof.ci import boards, evidence, fpga, harness_cache, pytest_plugin
from switchproof.tb.bench import Bench
from switchproof.tb.board import Board, BoardBench, on_board
from switchproof.tb.uartbone import UartBone

#: A board whose clock is so many times slower than it says is a simulated one.
SIMULATED = 2.0


@pytest.fixture(scope="module")
def board(request: pytest.FixtureRequest) -> Iterator[Board]:
    """The board that BOARD= names, after it said what it is; a simulated one is started.

    Without PROFILE= it has the configuration that a module names as its own, or the board's.
    It runs as fast as it can until it is ended, so not for longer than these tests need it.
    """
    option = request.config.option
    profile = pytest_plugin.profile_of(request.module, option)
    about = boards.get(boards.VIRTUAL, profile)
    kind = option.sp_board
    if kind in ("virtual", "netlist"):
        spec = fpga.netlist_spec(about) if kind == "netlist" else None
        with boards.VirtualBoard(about, f"{kind}-{os.getpid()}", spec) as simulated:
            yield from _connected(about, simulated.port, option.sp_host, boards.PATIENCE[kind])
    else:
        yield from _connected(about, kind, option.sp_host)


def _connected(about: boards.Board, port: str, host: str, patience: float = 0.0) -> Iterator[Board]:
    """Connect; ``patience``: seconds for an answer of a board that is known to be simulated."""
    if host == "litex":
        with boards.litex_client(about, port) as bus:
            yield _identified(Board(bus, about.config))
        return
    with UartBone.open(port, about.baud, timeout=patience or boards.ANSWER_SECONDS) as bridge:
        if not patience:
            bridge.resync()
        board = _identified(Board(bridge, about.config))
        cycles, begin = board.cycles(), time.monotonic()
        time.sleep(0.3)
        speed = (board.cycles() - cycles) / (time.monotonic() - begin)
        slow = about.clock_mhz * 1e6 / speed
        if slow > SIMULATED:
            # Its time passes more slowly than that of the host, and its line is as slow.
            bridge.board_timeout *= 1.5 * slow
            bridge.timeout = patience or boards.PATIENCE["virtual"]
            bridge.line.write_timeout = bridge.timeout  # type: ignore[attr-defined]
        yield board


def _identified(board: Board) -> Board:
    """Return a board that is what it should be; leave what it said for the report."""
    evidence.write("hil_board", board.identify())
    return board


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of the test."""
    return pytest_plugin.seed_of(request.node)


Run = Callable[..., BoardBench]


@pytest.fixture
def run(board: Board, seed: int) -> Run:
    """Run a test of the simulation on the board; class attributes may be changed by name."""
    what = harness_cache.switch()

    def run_test(test: type[Bench], **changes: Any) -> BoardBench:
        bench = on_board(test, **changes)(board, what, seed)
        assert bench.run() > 0, "nothing was compared"
        return bench

    return run_test
