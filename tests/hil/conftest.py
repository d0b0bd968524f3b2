# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the bring-up tests: the board, and benches on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from switchproof.ci import boards, harness_cache, pytest_plugin
from switchproof.tb.bench import Bench
from switchproof.tb.board import Board, BoardBench, on_board
from switchproof.tb.uartbone import UartBone


@pytest.fixture(scope="session")
def board(request: pytest.FixtureRequest) -> Iterator[Board]:
    """The board that BOARD= names; a virtual one is built and started for the session."""
    option = request.config.option
    about = boards.get(boards.VIRTUAL)
    if option.sp_board == "virtual":
        with boards.VirtualBoard(about, f"virtual-{os.getpid()}") as virtual:
            yield from _connected(about, virtual.port, option.sp_host, virtual=True)
    else:
        yield from _connected(about, option.sp_board, option.sp_host)


def _connected(
    about: boards.Board, port: str, host: str, *, virtual: bool = False
) -> Iterator[Board]:
    if host == "litex":
        with boards.litex_client(about, port) as bus:
            yield Board(bus, about.config)
        return
    with UartBone.open(port, about.baud, timeout=20.0 if virtual else 1.0) as bridge:
        if virtual:
            bridge.line.write_timeout = 120.0  # type: ignore[attr-defined]
        if not virtual:
            bridge.resync()
        board = Board(bridge, about.config)
        if virtual:
            # Its time passes more slowly than that of the host.
            cycles, begin = board.cycles(), time.monotonic()
            time.sleep(0.3)
            speed = (board.cycles() - cycles) / (time.monotonic() - begin)
            bridge.board_timeout *= 1.5 * about.clock_mhz * 1e6 / speed
        yield board


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
