# SPDX-License-Identifier: Apache-2.0
"""How fast a host is at the registers of a board, in the board's own time.

reads_per_s          single words, each read by a command of its own
reads_share          the same as a share of what the line allows
write_kb_per_s       payload of long writes
write_share          the same as a share of what the line allows
virtual_clock_mhz    clock of the virtual board, in the host's time

The line carries baud / 10 bytes a second each way. A read of a word takes six bytes to the board,
a byte of a write takes one. Time is the board's `cycles` at its clock, so that the figures are
those of a real board whose line never waits for the host.
"""

from __future__ import annotations

import os
import time

from switchproof.ci import boards
from switchproof.models.profiles import Config
from switchproof.tb.board import WINDOW_WORDS, Board
from switchproof.tb.uartbone import HEAD, UartBone

CONFIG = "board4"
AT_LEAST = {"reads_share": 0.8, "write_share": 0.8}
READS, WRITES = 2_000, 40


def main(config: Config) -> dict[str, float]:
    """Measure on a virtual board."""
    about = boards.get(boards.VIRTUAL)
    line, patience = about.baud / 10, boards.PATIENCE["virtual"]
    with (
        boards.VirtualBoard(about, f"bench-{os.getpid()}") as virtual,
        # More commands on their way than the board keeps: single reads may.
        UartBone.open(virtual.port, about.baud, timeout=patience, window=600) as bridge,
    ):
        bridge.line.write_timeout = patience  # type: ignore[attr-defined]
        board = Board(bridge, config)
        board.identify()
        scratch = board.registers.address("scratch")

        def seconds(since: int) -> float:
            return (board.cycles() - since) / (about.clock_mhz * 1e6)

        clock, begin = time.monotonic(), board.cycles()
        first = begin
        bridge.read_many([scratch] * READS)
        reads = READS / seconds(begin)
        words = list(range(WINDOW_WORDS))
        begin = board.cycles()
        for _ in range(WRITES):
            bridge.write(scratch, words, fixed=True)
        written = 4 * WINDOW_WORDS * WRITES / seconds(begin)
        if board.registers.read("scratch") != words[-1]:
            raise RuntimeError("the last word of a long write is not there")
        speed = (board.cycles() - first) / (time.monotonic() - clock)
    return {
        "reads_per_s": round(reads),
        "reads_share": round(reads / (line / HEAD), 3),
        "write_kb_per_s": round(written / 1000, 1),
        "write_share": round(written / line, 3),
        "virtual_clock_mhz": round(speed / 1e6, 3),
    }
