# SPDX-License-Identifier: Apache-2.0
"""The flow to a bitstream without its tools: what it asks of them, and what it makes of answers."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from switchproof.ci import boards, floorplan, fpga
from switchproof.ci.paths import ROOT
from switchproof.ci.tools import ToolError
from switchproof.ci.variables import UserError

ULX3S = boards.get("ulx3s")


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fpga.Flow:
    """A flow whose files lie in a folder of the test."""
    monkeypatch.setattr(fpga, "BUILD", tmp_path)
    made = fpga.Flow(ULX3S, "85")
    made.folder.mkdir(parents=True)
    return made


def answer(flow: fpga.Flow, mhz: float, comb: int) -> None:
    """Leave what nextpnr would."""
    paths = [
        {"from": f"posedge {begin}", "to": f"posedge {end}",
         "path": [{"from": {"cell": begin}, "to": {"cell": end}, "delay": 1.25}]}
        for begin, end in (("other", "clk"), ("other", "other"), ("clk", "clk"))
    ]  # fmt: skip
    used = {cell: {"used": 0, "available": 100} for cell, _ in fpga.RESOURCES.values()}
    used["TRELLIS_COMB"] = {"used": comb, "available": 83640}
    report: dict[str, Any] = {
        "fmax": {"clk": {"achieved": mhz}, "other": {"achieved": 200.0}},
        "utilization": used,
        "critical_paths": paths,
    }
    (flow.folder / "report.json").write_text(json.dumps(report))


def test_figures(flow: fpga.Flow) -> None:
    """The slowest clock counts, and shares are of what the part has."""
    answer(flow, 51.5, 41820)
    found = fpga.figures(flow)
    assert found["fmax_mhz"] == 51.5
    assert found["comb"] == 41820 and found["comb_share"] == 0.5
    assert found["critical_path"] == ["clk -> clk 1.25 ns"]
    assert fpga.judge(found, ULX3S) == []


@pytest.mark.parametrize(
    ("mhz", "comb", "said"), [(49.99, 100, "49.99 MHz"), (60.0, 71_100, "85.0%")]
)
def test_too_slow_and_too_full_are_errors(
    flow: fpga.Flow, mhz: float, comb: int, said: str
) -> None:
    """A missed clock or a full part is said, and makes the command fail."""
    answer(flow, mhz, comb)
    wrong = fpga.judge(fpga.figures(flow), ULX3S)
    assert len(wrong) == 1 and said in wrong[0]


@pytest.mark.parametrize(
    ("reached", "tried"),
    [
        ((53.0, 60.0, 60.0), [1]), ((49.0, 51.0, 60.0), [1, 2]), ((49.0, 48.0, 47.0), [1, 2, 3]),
        ((0.0, 51.0, 60.0), [1, 2]), ((49.0, 0.0, 0.0), [1, 2, 3]),
    ],
)  # fmt: skip
def test_another_seed_is_tried_when_the_clock_is_missed(
    flow: fpga.Flow, monkeypatch: pytest.MonkeyPatch, reached: tuple[float, ...], tried: list[int]
) -> None:
    """A run that is fast enough is the last one, and what is judged is the last run in which all
    wires had a way."""
    seeds: list[int] = []

    def place(flow: fpga.Flow, seed: int) -> float:
        seeds.append(seed)
        if not reached[seed - 1]:
            raise fpga.Unrouted("7 wires are wanted twice")
        answer(flow, reached[seed - 1], 100)
        return 10.0

    monkeypatch.setattr(fpga, "place", place)
    monkeypatch.setattr(fpga, "prepare", lambda flow: True)
    fpga.place_in_time(flow)
    assert seeds == tried
    last = [reached[seed - 1] for seed in tried if reached[seed - 1]][-1]
    assert fpga.figures(flow)["fmax_mhz"] == last
    reached = (0.0,) * 3
    with pytest.raises(fpga.Unrouted, match="7 wires"):
        fpga.place_in_time(flow)


def test_a_router_that_goes_on_for_ever_is_stopped(
    flow: fpga.Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the wires that are wanted twice have not become fewer for PATIENCE rounds, and no
    sooner; the process is gone."""

    def rounds(*overused: int) -> str:
        return "".join(
            f"Info:     iter={n} wires=9 overused={left} overuse=9 tmgfail=0 archfail=NA\n"
            for n, left in enumerate(overused)
        )

    stays = (900, 50, *[60, 50] * (fpga.PATIENCE // 2))
    assert fpga.wires_left("") == fpga.wires_left(rounds(*stays[:-1])) == 0
    assert fpga.wires_left(rounds(*stays, 49)) == 0
    assert fpga.wires_left(rounds(*stays, 61)) == 50
    assert fpga.wires_left(rounds(*stays, 0)) == 0
    monkeypatch.setattr(fpga, "LOOK", 0.2)
    code = f"import time; print({rounds(*stays, 61)!r}, flush=True); time.sleep(600)"
    begin = time.monotonic()
    with pytest.raises(fpga.Unrouted, match=r"(?s)50 wires are wanted twice.*nextpnr\.log"):
        fpga.run_step("nextpnr", [sys.executable, "-c", code], flow.folder)
    assert time.monotonic() - begin < 300


def test_the_design_is_that_of_the_simulation(flow: fpga.Flow) -> None:
    """Synthesis reads the sources and parameters of the virtual board."""
    spec = boards.virtual_spec(ULX3S)
    read = flow.script()[0].split()
    sources = [word for word in read if word.endswith(".sv")]
    assert sources == [str(path) for path in spec.sources if path.suffix == ".sv"]
    for name, value in spec.parameters:
        assert f"{name}={value}" in read


def test_a_smaller_part_gets_what_fits_it() -> None:
    """SIZE= chooses a configuration, PROFILE= overrules it, and what is not there is told."""
    assert ULX3S.config.name == "board4" and boards.get("ulx3s", size="85") == ULX3S
    assert boards.get("ulx3s", size="45").config.ports == 2
    assert boards.get("ulx3s", size="12").config.engines == 0
    assert boards.get("ulx3s", "board4l", "45").config.name == "board4l"
    with pytest.raises(UserError, match="SIZE=13 is not one of: 85, 45, 25, 12"):
        boards.get("ulx3s", size="13")


def test_another_configuration_has_files_of_its_own(
    flow: fpga.Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROFILE= names parameters and folder; the floorplan is for the board's own configuration."""
    other = fpga.Flow(boards.get("ulx3s", "board4l"), "85")
    assert ULX3S.parameters["N_LINKS"] == 0 and other.board.parameters["N_LINKS"] == 1
    endpoints = boards.get("ulx3s", "board2e").parameters
    assert ULX3S.parameters["N_ENDPOINTS"] == 0 and ULX3S.parameters["CHECK"] == 1
    assert endpoints["N_ENDPOINTS"] == 2 and endpoints["CHECK"] == 0
    assert other.folder.name == "ulx3s-85-board4l" and flow.folder.name == "ulx3s-85"
    assert boards.virtual_spec(other.board).name != boards.virtual_spec(ULX3S).name
    other.folder.mkdir(parents=True)
    netlist = {"modules": {ULX3S.top: {"cells": {"m": {"type": "DP16KD", "attributes": {}}}}}}
    (other.folder / "netlist.json").write_text(json.dumps(netlist))
    fpga.prepare(other)
    with pytest.raises(UserError, match="run make fpga BOARD=ulx3s PROFILE=board4l"):
        fpga.netlist_spec(other.board)


def test_a_failing_step_says_what_it_said(flow: fpga.Flow) -> None:
    """The lines with errors, and where the log is."""
    code = "print('hello'); print('ERROR: no such cell'); raise SystemExit(3)"
    with pytest.raises(ToolError, match=r"(?s)yosys failed.*no such cell.*yosys\.log"):
        fpga.run_step("yosys", [sys.executable, "-c", code], flow.folder)


def test_a_netlist_of_other_sources_is_refused(flow: fpga.Flow) -> None:
    """BOARD=netlist simulates what the sources here became, or says what to do."""
    with pytest.raises(UserError, match="run make fpga BOARD=ulx3s"):
        fpga.netlist_spec(ULX3S)
    flow.netlist.write_text("module ulx3s; endmodule")
    flow.made_from.write_text("0")
    with pytest.raises(UserError, match="other sources"):
        fpga.netlist_spec(ULX3S)
    flow.made_from.write_text(flow.fingerprint())
    assert flow.netlist in fpga.netlist_spec(ULX3S).sources


FLOORPLAN = """
size = "85"
prefix = "top."
columns = [4, 6, 8, 10, 13]
[cells]
a = "port[{0}].mem.{1}"
[rows]
22 = ". a00 a01 . ."
46 = "a10 . . . a11"
"""


def test_floorplan(flow: fpga.Flow, tmp_path: Path) -> None:
    """Each memory gets its place; one that is missing on either side is named."""
    other = fpga.Flow(dataclasses.replace(ULX3S, folder=tmp_path), "85")
    (tmp_path / "floorplan.toml").write_text(FLOORPLAN)
    names = ["top.port[0].mem.0", "top.port[0].mem.1", "top.port[1].mem.0", "top.port[1].mem.1"]

    def laid_out(memories: list[str]) -> dict[str, str]:
        cells: dict[str, Any] = {name: {"type": "DP16KD", "attributes": {}} for name in memories}
        cells["gate"] = {"type": "LUT4", "attributes": {}}
        netlist = {"modules": {ULX3S.top: {"cells": cells}}}
        (flow.folder / "netlist.json").write_text(json.dumps(netlist))
        fpga.prepare(other)
        found = json.loads((flow.folder / "netlist.json").read_text())
        after = found["modules"][ULX3S.top]["cells"]
        settings = found["modules"][ULX3S.top]["settings"]
        assert settings == {f"router2/{name}": value for name, value in fpga.ROUTER.items()}
        return {name: cell["attributes"].get("BEL", "") for name, cell in after.items()}

    assert laid_out(names) == {
        "top.port[0].mem.0": "X6/Y22/EBR1",
        "top.port[0].mem.1": "X8/Y22/EBR2",
        "top.port[1].mem.0": "X4/Y46/EBR0",
        "top.port[1].mem.1": "X13/Y46/EBR0",
        "gate": "",
    }
    with pytest.raises(UserError, match=r"port\[1\]\.mem\.1 is not in the netlist"):
        laid_out(names[:-1])
    with pytest.raises(UserError, match="other has no place in it"):
        laid_out([*names, "other"])


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("a01", "a00", "row 22: a00 has a place already"),
        ("a01", "b01", "row 22: b01 is not as"),
        ("a01", "a0", "row 22: a0 is not as"),
        ('size = "85"', "", "there is no size"),
        ("a01 .", "a01", "row 22 has 4 places, not 5"),
    ],
)
def test_a_wrong_floorplan_is_named(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    """What is wrong, and where."""
    path = tmp_path / "floorplan.toml"
    path.write_text(FLOORPLAN.replace(right, wrong, 1))
    with pytest.raises(UserError, match=said):
        floorplan.read(path)


@pytest.mark.parametrize(
    ("target", "variables", "said"),
    [
        ("fpga", {"BOARD": "ulx3"}, "did you mean ulx3s"),
        ("fpga", {"BOARD": "ulx3s", "PROFILE": "board5"}, "did you mean board4"),
        ("fpga", {"BOARD": "ulx3s", "SIZE": "86"}, "SIZE=86 is not one of: 85, 45, 25, 12"),
        ("hil", {"BOARD": "/dev/nowhere"}, "/dev/nowhere is neither virtual"),
        ("hil", {"HOST": "litx"}, "did you mean litex"),
    ],
)
def test_mistyped_variables(target: str, variables: dict[str, str], said: str) -> None:
    """One line that says what there is, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "switchproof.ci", target],
        env=os.environ | variables, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_memories_settle_at_their_logic() -> None:
    """All of them at once: what is best for one by itself would be dear for the others."""
    cells: dict[str, Any] = {}
    numbers = iter(range(2, 1000))

    def cell(name: str, kind: str, place: str, *wires: int | str) -> None:
        pins = {f"P{k}": [wire] for k, wire in enumerate(wires)}
        attributes = {"NEXTPNR_BEL": place}
        cells[name] = {"type": kind, "attributes": attributes, "connections": pins}

    def memory(name: str, place: str, *logic: tuple[int, int]) -> None:
        """Add a memory with a wire to a table at each of these places."""
        wires = [next(numbers) for _ in logic]
        cell(name, floorplan.MEMORY, place, *wires, "0")
        for wire, (x, y) in zip(wires, logic, strict=True):
            cell(f"{name}.{wire}", "TRELLIS_COMB", f"X{x}/Y{y}/SLICEA.LUT0", wire)

    # Both want the lower left place; b, with two wires, more than a, which has one.
    memory("a", "X4/Y22/EBR0", (4, 22))
    memory("b", "X13/Y46/EBR1", (4, 22), (4, 24))
    assert floorplan.settle(cells, 8) == {"a": "X13/Y46/EBR1", "b": "X4/Y22/EBR0"}
    # Where rows and columns cross there are places too, if that makes as many as the part has.
    assert floorplan.settle(cells, 4) == {"a": "X13/Y22/EBR1", "b": "X4/Y22/EBR0"}
    # A wire to nearly everywhere says nothing.
    wire = next(numbers)
    cells["a"]["connections"]["Q"] = [wire]
    for n in range(floorplan.MANY + 1):
        cell(f"far{n}", "TRELLIS_COMB", f"X4/Y{46 + n}/SLICEA.LUT1", wire)
    assert floorplan.settle(cells, 4) == {"a": "X13/Y22/EBR1", "b": "X4/Y22/EBR0"}
    # One to three tables counts as much as one to one.
    cells.clear()
    memory("c", "X13/Y46/EBR1", (4, 22), (4, 22))
    memory("d", "X4/Y22/EBR0")
    wire = next(numbers)
    cells["c"]["connections"]["Q"] = [wire]
    for n in range(3):
        cell(f"far{n}", "TRELLIS_COMB", "X13/Y46/SLICEA.LUT0", wire)
    assert floorplan.settle(cells, 8) == {"c": "X4/Y22/EBR0", "d": "X13/Y46/EBR1"}


def test_a_board_without_floorplan_is_placed_twice(
    flow: fpga.Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First to see where its memories should lie; the board's own configuration once."""
    other = fpga.Flow(boards.get("ulx3s", "board4l"), "85")
    other.folder.mkdir(parents=True)
    cells = {"m": {"type": floorplan.MEMORY, "attributes": {}, "connections": {}}}
    netlist = {"modules": {ULX3S.top: {"cells": cells}}}
    (other.folder / "netlist.json").write_text(json.dumps(netlist))
    ran = []

    def run_step(name: str, command: list[str], folder: Path) -> float:
        ran.append(name)
        if name == "settle":
            cells["m"]["attributes"] = {"NEXTPNR_BEL": "X4/Y22/EBR0"}
            (folder / "placed.json").write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
            (folder / "settle.log").write_text("Info:  DP16KD:     1/    208     0%")
        return 1.0

    monkeypatch.setattr(fpga, "run_step", run_step)
    monkeypatch.setattr(fpga, "figures", lambda flow: {"fmax_mhz": 99})
    fpga.place_in_time(other)
    assert ran == ["settle", "nextpnr"]
    found = json.loads((other.folder / "netlist.json").read_text())
    assert found["modules"][ULX3S.top]["cells"]["m"]["attributes"]["BEL"] == "X4/Y22/EBR0"
