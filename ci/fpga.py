# SPDX-License-Identifier: Apache-2.0
"""`make fpga BOARD=`: from RTL to a bitstream with Yosys and nextpnr, and what it took.

Every step runs in a process of its own, since Yosys ends its process on an error. Files lie in
``build/fpga/<board>-<size>/``, figures in ``build/report/fpga/<board>.json`` (with ``-<profile>``
behind the name if it is not the board's own): `fmax_mhz`, cells in
use and their share of the part, `critical_path` (one line a hop), `seconds` by step.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from switchproof.ci import boards, build, evidence, floorplan, ui
from switchproof.ci.paths import BUILD, ROOT, RTL, shown
from switchproof.ci.tools import ToolError
from switchproof.ci.variables import UserError

#: Models of cells that only a netlist has. Yosys's own simulate at a seventh of their speed.
NETLIST_MODELS = boards.MODELS / "netlist"
#: The module of the build word. Maps put it in.
WORD = RTL / "common/sp_build_word.sv"
#: Holds what synthesis makes of cells: one map for each family of parts, and SMALL_ALU for all.
MAPS = boards.FPGA / "map"
#: Adders too short for a carry chain.
SMALL_ALU = MAPS / "small_alu.v"
#: Multipliers are few and small, and lie far away; a comparison with a constant is a few tables;
#: multiplexers behind tables save none of them in what is mostly registers, and tie them together.
SYNTHESIS = "-nodsp -cmp2softlogic -nowidelut"
#: Fuller than this a part is refused: place and route gets slow and its result a matter of luck.
FULL = 0.85
#: What a part has, by the names in the evidence: nextpnr's cell and a word for people.
RESOURCES = {
    "comb": ("TRELLIS_COMB", "4-input tables"),
    "ff": ("TRELLIS_FF", "flip-flops"),
    "bram": (floorplan.MEMORY, "memories of 18 kbit"),
    "dsp": ("MULT18X18D", "multipliers"),
}


#: Seconds between looks at a step that runs.
LOOK = 5.0
#: Rounds of the router without fewer wires that are wanted twice, until it is given up. Images that
#: route take some 40 to 80 rounds in all.
PATIENCE = 40


#: Placer and router. In the board image HeAP needs half as much wire again, and router1 rips up
#: nearly as many nets as it routes. A wire once found stays, however long it is, unless the router
#: is to try again what is too slow.
PLACE_AND_ROUTE = ("--placer", "static", "--router", "router2", "--tmg-ripup")


@dataclasses.dataclass(frozen=True)
class Flow:
    """One run: a board, a size of its part, and what nextpnr is told."""

    board: boards.Board
    size: str
    options: tuple[str, ...] = PLACE_AND_ROUTE

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return BUILD / "fpga" / f"{self.board.name}-{self.size}{self.board.variant}"

    @property
    def netlist(self) -> Path:
        """What synthesis leaves, as Verilog, for simulation."""
        return self.folder / "netlist.v"

    @property
    def made_from(self) -> Path:
        """Holds the fingerprint of what the netlist was made from."""
        return self.folder / "made_from"

    @property
    def map(self) -> Path:
        """What is done to the netlists of its family of parts."""
        return MAPS / f"{self.board.family}.v"

    def fingerprint(self) -> str:
        """Return the hash of all that decides what the netlist is, but for the build word."""
        digest = hashlib.sha256(repr(sorted(self.board.parameters.items())).encode())
        maps = (self.map, SMALL_ALU)
        for path in (*self.board.sources, *boards.cell_models(), *maps, Path(__file__)):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def script(self) -> list[str]:
        """Return Yosys's commands."""
        board = self.board
        read = ["read_slang", "--top", board.top, "--ignore-assertions"]
        read += [f"-G {name}={value}" for name, value in board.parameters.items()]
        read += [f"-G {name}={value}" for name, value in board.words.items()]
        # The simulation's models of the part's own cells tell their pins; Yosys knows the cells.
        models = boards.cell_models()
        read += [f"--blackboxed-module {path.stem}" for path in (*models, WORD)]
        read += [str(path) for path in (*board.sources, *models)]
        return [
            " ".join(read),
            # With parameters that Yosys can tell.
            f"read_verilog -sv -lib {WORD}",
            "chformal -remove",
            # A register that is declared with `keep` is not merged with its equals.
            "setattr -set keep 1 a:keep %ci t:$*dff* %i",
            f"synth_{board.family} {SYNTHESIS} -top {board.top} -run begin:map_gates",
            f"techmap -map {SMALL_ALU}",
            f"synth_{board.family} {SYNTHESIS} -top {board.top} -run map_gates:",
            f"techmap -map {self.map}",
            "opt_clean",
            f"write_json {self.folder / 'netlist.json'}",
            # A simulator takes a bus for one thing, and bits that follow from others for a loop.
            "splitnets",
            f"write_verilog -noattr {self.netlist}",
        ]


def netlist_spec(board: boards.Board) -> build.BuildSpec:
    """Return what to build for the netlist of a board, which `make fpga` has left.

    Raises UserError when there is none, or one of other sources.
    """
    flow = Flow(board, board.usual_size)
    command = f"make fpga BOARD={board.name}"
    if board.variant:
        command += f" PROFILE={board.config.name}"
    if not flow.netlist.exists() or not flow.made_from.exists():
        raise UserError(f"there is no {shown(flow.netlist)}: run {command}")
    if flow.made_from.read_text() != flow.fingerprint():
        raise UserError(f"{shown(flow.netlist)} is of other sources: run {command} again")
    cells = (*boards.cell_models(), *sorted(NETLIST_MODELS.glob("*.sv")))
    virtual = boards.virtual_spec(board)
    return dataclasses.replace(
        virtual,
        name=f"netlist-{board.name}{board.variant}",
        sources=(*cells, flow.netlist, boards.VIRTUAL_MAIN),
        parameters=(),
        args=(*virtual.args, "-Wno-lint", "-Wno-style"),
        opt="-O1",
    )


def local(path: Path) -> str:
    """Return a path as tools in WebAssembly can open it: they have a `/tmp` of their own."""
    return os.path.relpath(path, ROOT)


class Unrouted(ToolError):
    """The router finds no way for some wires."""


def run_step(name: str, command: list[str], folder: Path) -> float:
    """Run a step; return its seconds. Raises ToolError with the errors in its log, and Unrouted
    where a router would go on for ever."""
    log = folder / f"{name}.log"
    begin = time.monotonic()
    with log.open("w") as handle:
        running = subprocess.Popen(command, stdout=handle, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            while True:
                try:
                    running.wait(LOOK)
                    break
                except subprocess.TimeoutExpired:
                    if left := wires_left(log.read_text(errors="replace")):
                        raise Unrouted(
                            f"{name}: {left} wires are wanted twice, no fewer in {PATIENCE} rounds "
                            f"of the router\nthe whole log: {shown(log)}"
                        ) from None
        finally:
            running.kill()
            running.wait()
    if running.returncode != 0:
        lines = log.read_text(errors="replace").splitlines()
        marked = [line for line in lines if line.startswith("ERROR")]
        text = "\n".join((marked or lines)[-20:])
        raise ToolError(f"{name} failed:\n{text}\nthe whole log: {shown(log)}")
    return time.monotonic() - begin


def wires_left(log: str) -> int:
    """Return how many wires router2 wants twice if they have not become fewer for PATIENCE rounds
    of its log, else 0."""
    rounds = [int(found) for found in re.findall(r"iter=\d+ wires=\d+ overused=(\d+)", log)]
    return min(rounds) if rounds and len(rounds) - rounds.index(min(rounds)) > PATIENCE else 0


def synthesize(flow: Flow) -> float:
    """Make the netlist; return the seconds."""
    passes = "".join(f"y.run_pass({command!r}, d)\n" for command in flow.script())
    flow.made_from.unlink(missing_ok=True)
    made_from = flow.fingerprint()
    code = f"from pyosys import libyosys as y\nd = y.Design()\n{passes}"
    seconds = run_step("yosys", [sys.executable, "-c", code], flow.folder)
    flow.made_from.write_text(made_from)
    return seconds


#: Settings of nextpnr's router, which it takes from the netlist. Those it has by itself let wires
#: share until late and look only close to the straight way: in a part so full they never part.
ROUTER = {
    "bbMargin/x": "12",
    "bbMargin/y": "12",
    "biasCostFactor": "0.05",
    "estimateWeight": "0.8",
    "initCurrCongWeight": "5",
    "currCongWeightMult": "2",
}


def prepare(flow: Flow) -> bool:
    """Write into the netlist what the router is to do, and the places of its board's floorplan.

    Returns whether there is a floorplan for it. Raises UserError when a cell of the floorplan is
    not there, or one of its kind is not in it.
    """
    netlist = flow.folder / "netlist.json"
    design = json.loads(netlist.read_text())
    top = design["modules"][flow.board.top]
    top["settings"] = {f"router2/{name}": value for name, value in ROUTER.items()}
    path = flow.board.folder / "floorplan.toml"
    size, places = floorplan.read(path) if path.exists() else ("", {})
    planned = size == flow.size and not flow.board.variant
    if planned:
        cells = top["cells"]
        there = {name for name, cell in cells.items() if cell["type"] == floorplan.MEMORY}
        for cell in sorted(there ^ set(places)):
            what = "has no place in it" if cell in there else "is not in the netlist"
            raise UserError(f"{shown(path)}: {cell} {what}")
        lay_out(top, places)
    netlist.write_text(json.dumps(design))
    return planned


def lay_out(top: dict[str, Any], places: dict[str, str]) -> None:
    """Give cells of a netlist their places."""
    for cell, place in places.items():
        top["cells"][cell]["attributes"]["BEL"] = place


def settle(flow: Flow) -> float:
    """Place a netlist once, and its block memories where that makes their wires short.

    Returns the seconds.
    """
    placed, netlist = flow.folder / "placed.json", flow.folder / "netlist.json"
    options = ["--no-route", "--write", local(placed)]
    seconds = run_step("settle", [*command(flow, SEEDS[0]), *options], flow.folder)
    # The only module, whatever the board's is called.
    (top,) = json.loads(placed.read_text())["modules"].values()
    log = (flow.folder / "settle.log").read_text()
    used = re.search(rf"{floorplan.MEMORY}: *\d+/ *(\d+)", log)
    places = floorplan.settle(top["cells"], int(used[1]) if used else 0)
    design = json.loads(netlist.read_text())
    lay_out(design["modules"][flow.board.top], places)
    netlist.write_text(json.dumps(design))
    return seconds


#: Seeds of place and route, tried in turn until all wires have a way and the clock is met: where a
#: cell comes to lie is in part chance, and so are some MHz.
SEEDS = (1, 2, 3)


def command(flow: Flow, seed: int) -> list[str]:
    """Return nextpnr's command, but for what it is to leave."""
    board = flow.board
    words = [str(Path(sys.executable).parent / f"yowasp-nextpnr-{board.family}")]
    words += [f"--{board.sizes[flow.size]}", "--package", board.package]
    words += ["--json", local(flow.folder / "netlist.json"), "--lpf", local(board.constraints)]
    words += ["--seed", str(seed), "--freq", str(board.clock_mhz), *flow.options]
    # A clock that is too slow is judged with the figures, not an error of the tool.
    return [*words, "--timing-allow-fail"]


def place(flow: Flow, seed: int = SEEDS[0], where: str = "") -> float:
    """Place and route a netlist that is prepared; return the seconds.

    `where` names a folder in the flow's for the results, so that several can be under way.
    """
    folder = flow.folder / where
    folder.mkdir(exist_ok=True)
    results = ["--textcfg", local(folder / "config.txt")]
    results += ["--report", local(folder / "report.json")]
    return run_step("nextpnr", [*command(flow, seed), *results], folder)


def place_in_time(flow: Flow) -> float:
    """Place and route with one seed after the other until the clock is met; return the seconds.

    Block memories lie as the board's floorplan says, or where they settle. Raises Unrouted when no
    seed finds a way for all wires.
    """
    begin = time.monotonic()
    if not prepare(flow):
        settle(flow)
    failures = []
    for seed in SEEDS:
        try:
            place(flow, seed)
        except Unrouted as error:
            failures.append(error)
            continue
        if figures(flow)["fmax_mhz"] >= flow.board.clock_mhz:
            break
    if len(failures) == len(SEEDS):
        raise failures[-1]
    return time.monotonic() - begin


def pack(flow: Flow) -> float:
    """Write the bitstream; return the seconds."""
    command = [str(Path(sys.executable).parent / "yowasp-ecppack"), "--compress"]
    command += [local(flow.folder / "config.txt"), local(flow.folder / f"{flow.board.name}.bit")]
    return run_step("ecppack", command, flow.folder)


def figures(flow: Flow, where: str = "") -> dict[str, Any]:
    """Return what place and route found: clock, cells in use and their share of the part."""
    report = json.loads((flow.folder / where / "report.json").read_text())
    clocks = {name: clock["achieved"] for name, clock in report["fmax"].items()}
    used = report["utilization"]
    found: dict[str, Any] = {"fmax_mhz": round(min(clocks.values()), 2)}
    for key, (cell, _) in RESOURCES.items():
        found[key] = used[cell]["used"]
        found[f"{key}_share"] = round(used[cell]["used"] / used[cell]["available"], 4)
    # Of the slowest clock; those between clocks have none.
    slowest = min(clocks, key=lambda name: clocks[name])
    paths = [
        path
        for path in report.get("critical_paths", [])
        if all(path[end].split()[-1] == slowest for end in ("from", "to"))
    ]
    found["critical_path"] = [
        f"{hop['from']['cell']} -> {hop['to']['cell']} {hop['delay']:.2f} ns"
        for path in paths[:1]
        for hop in path["path"]
    ]
    return found


def judge(found: dict[str, Any], board: boards.Board) -> list[str]:
    """Return what is wrong with a result."""
    wrong = []
    if found["fmax_mhz"] < board.clock_mhz:
        wrong.append(f"{found['fmax_mhz']} MHz is below the board's {board.clock_mhz} MHz")
    for key, (_, what) in RESOURCES.items():
        if found[f"{key}_share"] >= FULL:
            wrong.append(f"{what}: {found[f'{key}_share']:.1%} of the part, not under {FULL:.0%}")
    return wrong


def implement(console: Console, board: boards.Board, size: str) -> int:
    """Make the bitstream of a board for a part of `size`; return 1 when too slow or too full.

    Raises ToolError with what a tool said when it does not get that far.
    """
    flow = Flow(board, size)
    flow.folder.mkdir(parents=True, exist_ok=True)
    seconds = {}
    for name, step in (("synthesize", synthesize), ("place", place_in_time), ("pack", pack)):
        with console.status(f"{name} {board.name} {size}"):
            seconds[name] = round(step(flow), 1)
        ui.line(console, f"{name:<12} {seconds[name]:8.1f} s")
    bitstream = flow.folder / f"{board.name}.bit"
    found = figures(flow) | {
        "board": board.name,
        "size": size,
        "config": board.config.name,
        "clock_mhz": board.clock_mhz,
        "bitstream": shown(bitstream),
        "seconds": round(sum(seconds.values()), 1),
        "steps": seconds,
    }
    wrong = judge(found, board)
    evidence.write(f"fpga/{board.name}{board.variant}", found | {"wrong": wrong})
    rows = [["clock", f"{found['fmax_mhz']} MHz", f"at least {board.clock_mhz} MHz"]]
    for key, what in RESOURCES.items():
        share = f"{100 * found[f'{key}_share']:.1f}% of the part"
        rows.append([what[1], ui.number(found[key]), share])
    ui.table(console, f"{board.name} {size}, {board.config.name}", ("", "found", ""), rows)
    for line in wrong:
        ui.line(console, f"FAIL  {line}", "bold red")
    ui.line(console, f"bitstream: {shown(bitstream)}")
    return 1 if wrong else 0
