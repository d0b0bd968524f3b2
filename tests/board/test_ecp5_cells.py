# SPDX-License-Identifier: Apache-2.0
"""The models of ECP5 cells that netlists are simulated with, against those that Yosys brings.

Equal for all inputs and states, shown by SAT. Yosys has no model of the block memory.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from switchproof.ci import fpga

PORTS = {
    "LUT4": ("A, B, C, D", "Z"),
    "CCU2C": ("CIN, A0, B0, C0, D0, A1, B1, C1, D1", "S0, S1, COUT"),
    "TRELLIS_FF": ("CLK, LSR, CE, DI", "Q"),
    "TRELLIS_DPR16X4": ("[3:0] DI, [3:0] WAD, WRE, WCK, [3:0] RAD", "[3:0] DO"),
}
FF = {"GSR": "DISABLED", "CLKMUX": "CLK", "LSRMUX": "LSR", "CEMUX": "CE", "REGSET": "RESET"}
SUM = {"INIT0": "16'h96AA", "INIT1": "16'h5A3C", "INJECT1_0": "NO", "INJECT1_1": "NO"}
CELLS: list[tuple[str, dict[str, str]]] = [
    ("LUT4", {"INIT": "16'hCA3E"}),
    ("LUT4", {"INIT": "16'h8001"}),
    ("CCU2C", SUM),
    ("CCU2C", SUM | {"INIT0": "16'hFACE", "INJECT1_0": "YES"}),
    ("CCU2C", SUM | {"INIT1": "16'h1B2D", "INJECT1_1": "YES"}),
    ("TRELLIS_FF", FF),
    ("TRELLIS_FF", FF | {"REGSET": "SET", "CEMUX": "1"}),
    ("TRELLIS_FF", FF | {"CEMUX": "INV", "LSRMUX": "INV"}),
    ("TRELLIS_FF", FF | {"SRMODE": "ASYNC", "REGSET": "SET"}),
    ("TRELLIS_DPR16X4", {"INITVAL": "64'h0123456789ABCDEF"}),
]


def wrapper(cell: str, parameters: dict[str, str]) -> str:
    """Return a module `top` that is one cell with these parameters."""
    inputs, outputs = PORTS[cell]
    names = [word.split()[-1] for word in f"{inputs}, {outputs}".split(", ")]
    ports = [f"input {word}" for word in inputs.split(", ")]
    ports += [f"output {word}" for word in outputs.split(", ")]
    values = [
        f".{k}({v if chr(39) in v else chr(34) + v + chr(34)})" for k, v in parameters.items()
    ]
    given = f"#({', '.join(values)}) " if values else ""
    pins = ", ".join(f".{name}({name})" for name in names)
    return f"module top({', '.join(ports)});\n  {cell} {given}cell_({pins});\nendmodule\n"


FINISH = ["hierarchy -top top", "proc", "flatten", "memory_map", "clk2fflogic", "opt_clean"]


def compare(gold: list[str], gate: list[str], how: str) -> str:
    """Return what Yosys prints while it compares what two lists of commands make of `top`.

    The last line is its exit code, 0 if they are equal; ``how`` are options of the proof.
    """
    commands = [
        *gold, *FINISH, "design -stash gold", *gate, *FINISH, "design -stash gate",
        "design -copy-from gold -as gold top", "design -copy-from gate -as gate top",
        "miter -equiv -flatten gold gate miter", "hierarchy -top miter",
        f"sat -verify -prove trigger 0 -tempinduct {how} -seq 1 miter",
    ]  # fmt: skip
    code = "from pyosys import libyosys as y\nd = y.Design()\n"
    code += "".join(f"y.run_pass({command!r}, d)\n" for command in commands)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}\nexit {done.returncode}"


#: Of a memory only one word shows at a time, so that no induction holds: written, then read.
MEMORY = "-tempinduct-baseonly -maxsteps 9"


def prove(folder: Path, cell: str, parameters: dict[str, str], model: Path) -> str:
    """Compare a model with Yosys's own; see :func:`compare`."""
    top = folder / "top.v"
    top.write_text(wrapper(cell, parameters))
    theirs = ["read_verilog +/ecp5/common_sim.vh +/ecp5/ccu2c_sim.vh", f"read_verilog {top}"]
    ours = [f"read_slang --top top {model} {top}"]
    return compare(theirs, ours, MEMORY if "DPR" in cell else "")


@pytest.mark.parametrize(("cell", "parameters"), CELLS)
def test_cells_are_those_of_yosys(tmp_path: Path, cell: str, parameters: dict[str, str]) -> None:
    """Both models do the same, whatever comes."""
    pytest.importorskip("pyosys", reason="Yosys is installed by make lint, formal and fpga only")
    said = prove(tmp_path, cell, parameters, fpga.NETLIST_MODELS / f"{cell}.sv")
    assert said.endswith("exit 0"), said[-3000:]


@pytest.mark.parametrize(
    ("cell", "parameters", "right", "wrong"),
    [
        ("LUT4", {"INIT": "16'hCA3E"}, "{D, C, B, A}", "{D, C, A, B}"),
        ("CCU2C", SUM, "sum1 ? carry : gen1", "sum1 ? carry : gen0"),
        ("TRELLIS_FF", FF, "if (lsr) Q", "if (lsr && enable) Q"),
        ("TRELLIS_DPR16X4", {"INITVAL": "64'h0"}, "mem[WAD] <=", "mem[RAD] <="),
    ],
)
def test_a_wrong_cell_is_noticed(
    tmp_path: Path, cell: str, parameters: dict[str, str], right: str, wrong: str
) -> None:
    """A model with one defect is told apart."""
    pytest.importorskip("pyosys", reason="Yosys is installed by make lint, formal and fpga only")
    text = (fpga.NETLIST_MODELS / f"{cell}.sv").read_text()
    assert right in text
    broken = tmp_path / f"{cell}.sv"
    broken.write_text(text.replace(right, wrong))
    assert not prove(tmp_path, cell, parameters, broken).endswith("exit 0")


def prove_map(folder: Path, width: int, mapping: Path) -> str:
    """Compare a memory of 2^width words with its mapped form; see :func:`compare`."""
    names = (("WAD", "write"), ("RAD", "read"))
    pins = ", ".join(f".{pin}({{{4 - width}'b0, {name}}})" for pin, name in names)
    top = folder / "top.v"
    top.write_text(
        f"module top(input [3:0] DI, input [{width - 1}:0] write, read, input WRE, WCK,"
        " output [3:0] DO);\n"
        f"  TRELLIS_DPR16X4 cell_(.DI(DI), .WRE(WRE), .WCK(WCK), .DO(DO), {pins});\nendmodule\n"
    )
    models = "read_verilog +/ecp5/common_sim.vh"
    mapped = [
        f"read_verilog {top}", f"techmap -map {mapping}", "opt_clean",
        "select -assert-count 1 top/t:TRELLIS_DPR16X4", models,
    ]  # fmt: skip
    return compare([models, f"read_verilog {top}"], mapped, MEMORY)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_mapped_memories_hold_the_same(tmp_path: Path, width: int) -> None:
    """A memory of fewer than 16 words is the same without constants in its address."""
    pytest.importorskip("pyosys", reason="Yosys is installed by make lint, formal and fpga only")
    said = prove_map(tmp_path, width, fpga.MAPS / "ecp5.v")
    assert said.endswith("exit 0"), said[-3000:]
    assert "sp_small_memory for cells of type TRELLIS_DPR16X4" in said


def test_a_wrong_map_is_noticed(tmp_path: Path) -> None:
    """Words that share a place are told."""
    pytest.importorskip("pyosys", reason="Yosys is installed by make lint, formal and fpga only")
    text = (fpga.MAPS / "ecp5.v").read_text()
    right = "Idle[0] ? RAD[Used] : RAD[0]"
    assert right in text
    (tmp_path / "map.v").write_text(text.replace(right, "Idle[0] ? RAD[Used] : RAD[1]"))
    assert not prove_map(tmp_path, 3, tmp_path / "map.v").endswith("exit 0")


SHORT = """
module top(input [{m}:0] a, b, input signed [{m}:0] c, d, output [{m}:0] sum, less, more,
           output below, under, same);
  assign sum = a + b, less = a - b, more = a + 1'd1, below = a < b, under = c <= d, same = a > d;
endmodule
"""


def prove_short(folder: Path, width: int, mapping: Path) -> str:
    """Compare sums and comparisons with their mapped form; see :func:`compare`."""
    top = folder / "top.v"
    top.write_text(SHORT.format(m=width - 1))
    read = [f"read_verilog {top}", "proc", "opt", "alumacc", "opt"]
    mapped = [*read, f"techmap -map {mapping}", "select -assert-none t:$alu"]
    return compare(read, mapped, "")


@pytest.mark.parametrize("width", [1, 3, 7])
def test_short_adders_add(tmp_path: Path, width: int) -> None:
    """Adders made of tables do what those with a carry chain do."""
    pytest.importorskip("pyosys", reason="Yosys is installed by make lint, formal and fpga only")
    said = prove_short(tmp_path, width, fpga.SMALL_ALU)
    assert said.endswith("exit 0"), said[-3000:]
    assert width == 1 or "sp_small_alu for cells of type $alu" in said


def test_a_wrong_short_adder_is_noticed(tmp_path: Path) -> None:
    """A carry that is lost is told, and so is an adder that is left."""
    pytest.importorskip("pyosys", reason="Yosys is installed by make lint, formal and fpga only")
    text = fpga.SMALL_ALU.read_text()
    broken = tmp_path / "map.v"
    for right, wrong in (("(a[i] | b[i]) & carry[i]", "a[i] & carry[i]"), ("Most = 7", "Most = 6")):
        assert right in text
        broken.write_text(text.replace(right, wrong))
        assert not prove_short(tmp_path, 7, broken).endswith("exit 0")
