# SPDX-License-Identifier: Apache-2.0
"""When signals are read and written, decided in one place.

Right after a rising edge a register reads its old value when cocotb drives the clock, and its new
one when the clock is made in HDL. So nothing is read there::

    clk   __/~~\\__/~~\\__/~~
              ^  ^  ^
              |  |  drive: values written here count from the next edge on
              |  sample: what the next rising edge will see
              drive

Values are written after a rising edge and read at the falling edge, when everything that follows
from them has settled. Between the two nobody writes, so what is read is what the flip-flops take
at the next rising edge, wherever the clock comes from and whatever the simulator.
"""

from __future__ import annotations

from typing import Any

from cocotb.triggers import FallingEdge, RisingEdge


async def drive_point(clock: Any) -> None:
    """Wait for the next rising edge: write now, read nothing."""
    await RisingEdge(clock)


async def sample_point(clock: Any) -> None:
    """Wait until values are those that the next rising edge takes: read now, write nothing."""
    await FallingEdge(clock)
