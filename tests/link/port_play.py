# SPDX-License-Identifier: Apache-2.0
"""The player of ports with lanes and two clocks (sp_link_port_player), and its inputs by name."""

from __future__ import annotations

import json
import os

from cocotb.clock import Clock

from tests.link.link_play import DEFAULTS, NS, Play

#: Inputs of sp_link_player that this player has too.
SHARED = (
    "enable", "run", "train_beats", "skip_beats", "replay_cycles", "keepalive_cycles",
    "dead_cycles", "age_cycles", "replay_limit", "retrain_limit", "latency", "flip_p", "stall_p",
)  # fmt: skip
#: What happens between the clocks and to beats, in the order of the player's counts.
SLIPS = ("dropped", "overflow", "shifted")
ALL_LANES = 15
#: Inputs, unless a test says otherwise.
PORT_DEFAULTS: dict[str, int] = {
    **{name: DEFAULTS[name] for name in SHARED},
    "lane_cycles": 60, "skip_beats": 200, "skew": 0, "dead": 0, "silent": 0, "inject_rate": 0,
    "inject_load": 0, "inject_seed": 0, "inject_shot": 0,
}  # fmt: skip


def packed(*sides: list[int], width: int) -> int:
    """Return what is given for each side and lane as one number."""
    lanes = [value for side in sides for value in (*side, 0, 0, 0, 0)[:4]]
    return sum(value << width * n for n, value in enumerate(lanes))


class PortPlay(Play):
    """Two ports in a simulation; PPM: by how much the clock of side 1 is slower."""

    defaults = PORT_DEFAULTS
    running = False

    def clocks(self) -> None:
        """Start both clocks, apart by PPM."""
        if self.running:
            return
        self.running = True
        other = round(1000 * NS * (1 + float(os.environ.get("PPM", "0")) / 1e6))
        Clock(self.dut.clk_i, 1000 * NS, unit="ps").start()
        Clock(self.dut.clk_1_i, other + other % 2, unit="ps").start()

    def lanes(self, side: int, *, tx: bool) -> int:
        """Return the mask of lanes on which beats leave a side, or come to it."""
        value = int((self.dut.tx_lanes_o if tx else self.dut.rx_lanes_o).value)
        return value >> 4 * side & ALL_LANES

    def slips(self, name: str) -> int:
        """Return how often it happened, at both sides."""
        words = int(self.dut.slips_o.value)
        at = SLIPS.index(name)
        return sum(words >> 32 * (3 * side + at) & 0xFFFF_FFFF for side in (0, 1))

    def finish(self, case: str) -> None:
        """Write what happened as functional coverage."""
        self.hits[f"port.case.{case}"] += 1
        for name in SLIPS:
            self.hits[f"port.event.{name}"] += self.slips(name)
        for side in (0, 1):
            for name, hits in self.events(side).items():
                self.hits[f"port.event.{name}"] += hits
        (self.folder / "functional.json").write_text(json.dumps(self.hits))
