# SPDX-License-Identifier: Apache-2.0
"""`make fpga BOARD=`: from RTL to a bitstream with Yosys and nextpnr, and what it took.

Every step runs in a process of its own, since Yosys ends its process on an error. Files lie in
``build/fpga/<board>-<size>/``, figures in ``build/report/fpga/<board>.json``.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from switchproof.ci import boards, evidence, ui
from switchproof.ci.paths import BUILD, ROOT, shown
from switchproof.ci.tools import ToolError
from switchproof.ci.variables import UserError

#: Memories so small that a block of 18 kbit each would be wasted on them.
DISTRIBUTED = ("*.gen_lane[*].i_lane.gen_set[*].mem_*",)
#: Fuller than this a part is refused: place and route gets slow and its result a matter of luck.
FULL = 0.85
#: Cells that hold one or more 4-input tables, and how many.
COMB = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}


@dataclasses.dataclass(frozen=True)
class Flow:
    """One run: a board and a size of its part."""

    board: boards.Board
    size: str

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return BUILD / "fpga" / f"{self.board.name}-{self.size}"

    def script(self) -> list[str]:
        """Return Yosys's commands."""
        board = self.board
        read = ["read_slang", "--top", board.top, "--ignore-assertions"]
        read += [f"-G {name}={value}" for name, value in board.parameters.items()]
        read += [f"-G BUILD=32'h{boards.build_word():08x}"]
        # The simulation's models of the part's own cells tell their pins; Yosys knows the cells.
        models = sorted(boards.MODELS.glob("*.sv"))
        read += [f"--blackboxed-module {path.stem}" for path in models]
        read += [str(path) for path in (*board.sources, *models)]
        small = [f'setattr -set ram_style "distributed" m:{name}' for name in DISTRIBUTED]
        return [
            " ".join(read),
            "chformal -remove",
            *small,
            f"synth_{board.family} -nodsp -nowidelut -top {board.top} "
            f"-json {self.folder / 'netlist.json'}",
            f"tee -q -o {self.folder / 'cells.json'} stat -json",
        ]


def run_step(name: str, command: list[str], folder: Path) -> float:
    """Run a step; return its seconds. Raises ToolError with the errors in its log."""
    log = folder / f"{name}.log"
    begin = time.monotonic()
    with log.open("w") as handle:
        done = subprocess.run(
            command, stdout=handle, stderr=subprocess.STDOUT, cwd=ROOT, check=False
        )
    if done.returncode != 0:
        lines = log.read_text(errors="replace").splitlines()
        marked = [line for line in lines if re.search(r"error|fail", line, re.IGNORECASE)]
        text = "\n".join((marked or lines)[-20:])
        raise ToolError(f"{name} failed:\n{text}\nthe whole log: {shown(log)}")
    return time.monotonic() - begin


def synthesize(flow: Flow) -> float:
    """Make the netlist; return the seconds."""
    passes = "".join(f"y.run_pass({command!r}, d)\n" for command in flow.script())
    code = f"from pyosys import libyosys as y\nd = y.Design()\n{passes}"
    return run_step("yosys", [sys.executable, "-c", code], flow.folder)


def place(flow: Flow) -> float:
    """Place and route; return the seconds."""
    board = flow.board
    command = [str(Path(sys.executable).parent / f"yowasp-nextpnr-{board.family}")]
    command += [f"--{board.sizes[flow.size]}", "--package", board.package]
    command += ["--json", str(flow.folder / "netlist.json"), "--lpf", str(board.constraints)]
    command += ["--textcfg", str(flow.folder / "config.txt"), "--seed", "1"]
    command += ["--report", str(flow.folder / "report.json"), "--freq", str(board.clock_mhz)]
    return run_step("nextpnr", command, flow.folder)


def pack(flow: Flow) -> float:
    """Write the bitstream; return the seconds."""
    command = [str(Path(sys.executable).parent / "yowasp-ecppack"), "--compress"]
    command += [str(flow.folder / "config.txt"), str(flow.folder / f"{flow.board.name}.bit")]
    return run_step("ecppack", command, flow.folder)


def figures(flow: Flow) -> dict[str, Any]:
    """Return what place and route found: clock, cells in use and their share of the part."""
    report = json.loads((flow.folder / "report.json").read_text())
    clocks = {name: clock["achieved"] for name, clock in report["fmax"].items()}
    used = report["utilization"]
    names = {"comb": "TRELLIS_COMB", "ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"}
    found: dict[str, Any] = {"fmax_mhz": round(min(clocks.values()), 2)}
    for key, cell in names.items():
        found[key] = used[cell]["used"]
        found[f"{key}_share"] = round(used[cell]["used"] / used[cell]["available"], 4)
    found["critical_path"] = [
        f"{hop['from']['cell']} -> {hop['to']['cell']} {hop['delay']:.2f} ns"
        for path in report.get("critical_paths", [])[:1]
        for hop in path["path"]
    ]
    return found


def judge(found: dict[str, Any], flow: Flow) -> list[str]:
    """Return what is wrong with a result."""
    wrong = []
    if found["fmax_mhz"] < flow.board.clock_mhz:
        wrong.append(f"{found['fmax_mhz']} MHz is below the board's {flow.board.clock_mhz} MHz")
    for key in ("comb", "ff", "bram", "dsp"):
        if found[f"{key}_share"] > FULL:
            wrong.append(f"{key}: {found[f'{key}_share']:.0%} of the part is more than {FULL:.0%}")
    return wrong


def build(console: Console, name: str, size: str) -> int:
    """Make the bitstream of a board; return 1 when it is too slow or too full."""
    board = boards.get(name)
    size = size or next(iter(board.sizes))
    if size not in board.sizes:
        raise UserError(f"SIZE={size} is not one of: {', '.join(board.sizes)}")
    flow = Flow(board, size)
    flow.folder.mkdir(parents=True, exist_ok=True)
    seconds = {}
    for step in (synthesize, place, pack):
        ui.line(console, f"{step.__name__} {board.name} {size} ...")
        seconds[step.__name__] = round(step(flow), 1)
    found = figures(flow)
    bitstream = flow.folder / f"{board.name}.bit"
    found |= {
        "bitstream": shown(bitstream),
        "config": board.config.name,
        "size": size,
        "seconds": round(sum(seconds.values()), 1),
        "steps": seconds,
    }
    evidence.write(f"fpga/{board.name}", found)
    rows = [["clock", f"{found['fmax_mhz']} MHz", f"at least {board.clock_mhz} MHz"]]
    for key in ("comb", "ff", "bram", "dsp"):
        rows.append([key, f"{found[key]}", f"{found[f'{key}_share']:.0%} of the part"])
    rows += [[step, f"{taken} s", ""] for step, taken in seconds.items()]
    ui.table(console, f"{board.name} {size}, {board.config.name}", ("", "found", ""), rows)
    wrong = judge(found, flow)
    for line in wrong:
        ui.line(console, f"FAIL  {line}", "bold red")
    ui.line(console, f"bitstream: {shown(bitstream)}")
    return 1 if wrong else 0
