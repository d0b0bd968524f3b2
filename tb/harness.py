# SPDX-License-Identifier: Apache-2.0
"""Writes the top module of a simulation: the module under test, clock, reset and pipe.

Python sees the variables of ``sp_harness`` and nothing of the module under test:

=================== ====================================================================
``clk``             made here, period 2 time units; starts at 0
``rst``             1 from the start; driven by Python, high means reset
``pipe_en``         ring pipe: 1 opens it (``pipes.bin`` must be there)
``wake``            ring pipe: changes when Python is to look
``s_axis_<p>_*``    signal pipe: one ingress port (tvalid tready tdata hdr err tlast vc_room)
``m_axis_<p>_*``    signal pipe: one egress port
``csr_*``           AXI4-Lite, when the module has registers
other names         further inputs and outputs that the description lists
=================== ====================================================================
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from switchproof.models import packet
from switchproof.models.layout import NUM_VC, SIZES
from switchproof.models.profiles import Config

from . import description as descriptions
from . import ring_layout
from .description import REGISTER_SIGNALS, Description, Stream

#: From so many ports on loops over them stay loops in C++, and they share what C++ they can.
LOOPS_FROM = 24

HDR_W: int = SIZES["HDR_W"]
TOPLEVEL = "sp_harness"
PIPE_CPP = Path(__file__).parent / "dpi" / "pipe_dpi.cpp"
#: The files that decide what a harness holds, beside the description and its sources.
GENERATORS = (
    Path(__file__), Path(descriptions.__file__), Path(ring_layout.__file__), PIPE_CPP,
    Path(packet.__file__),
)  # fmt: skip
#: Widths of AXI4-Lite signals; the address width is the description's.
_REGISTER_W = {
    "awprot": 3, "arprot": 3, "wdata": 32, "rdata": 32, "wstrb": 4, "bresp": 2, "rresp": 2,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Harness:
    """What a simulator needs to build a module under test with its harness."""

    sources: list[Path]
    include_dirs: list[Path]
    toplevel: str
    vlt: Path
    parameters: dict[str, int]
    verilator_args: list[str]


def generate(description: Path, config: Config, out: Path) -> Harness:
    """Write the harness of one module and configuration into the folder `out`.

    `sources` holds the module's files and the harness, in order; `vlt` opens the harness's
    variables to VPI; `verilator_args` holds the C++ sources and what they need. Files are
    rewritten only when they change. Raises DescriptionError.
    """
    what = descriptions.load(description)
    out.mkdir(parents=True, exist_ok=True)
    text, public = _Writer(what, config).write()
    harness = out / f"{TOPLEVEL}.sv"
    vlt = out / f"{TOPLEVEL}.vlt"
    _write(harness, text)
    _write(vlt, _vlt(public))
    args = ["--timing", "-Wno-TIMESCALEMOD", "--no-public-flat-rw", *what.verilator_args]
    if what.pipe == "rings":
        _write(out / "pipe_layout.h", ring_layout.c_header())
        args += [str(PIPE_CPP), "-CFLAGS", f"-I{out.resolve()}"]
    return Harness(
        sources=[*what.sources, harness],
        include_dirs=list(what.include_dirs),
        toplevel=TOPLEVEL,
        vlt=vlt,
        parameters={},
        verilator_args=args,
    )


def large_args(ports: int, sources: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """Return what tells Verilator how to build a switch of so many ports; one file is in `folder`.

    Loops that are unrolled are twice as fast while there are few ports; the C++ for many takes
    minutes to compile and does not fit into a processor's caches. For the same reason the ports of
    a large switch share the functions of each module that is marked no_inline_module, instead of
    having 512 copies of them. Verilator merges functions that are equal, so nothing of the place of
    an instance may get into them: inputs stay variables, if they are public (not the clock: it
    would be as many clocks), functions stay functions, and no temporary variables get numbers.
    """
    if ports < LOOPS_FROM:
        return ()
    lines = ["`verilator_config"]
    for text in (path.read_text() for path in sources if path.suffix == ".sv"):
        if "verilator no_inline_module" in text:
            name, header = re.findall(r"^module (\w+)(.*?^\);$)", text, re.MULTILINE | re.DOTALL)[0]
            inputs = re.findall(
                r"^\s*input\s.*?([A-Za-z_]\w*)\s*(?:\[[^\]]+\]\s*)*,?$", header, re.MULTILINE
            )
            lines += [
                f'public_flat_rd -module "{name}" -var "{pin}"'
                for pin in inputs
                if pin not in ("clk_i", "rst_ni")
            ]
    # Vectors of more words are copied by a call.
    loops = ("--unroll-count", "4", "--unroll-stmts", "500", "--expand-limit", "8")
    if len(lines) == 1:
        return loops
    shared = "\n".join(lines) + "\n"
    vlt = folder / f"shared-{hashlib.sha256(shared.encode()).hexdigest()[:12]}.vlt"
    folder.mkdir(parents=True, exist_ok=True)
    _write(vlt, shared)
    # Verilator 5.48 loses `array[i] <= f(x)` where f is not inlined, in the step named "life".
    off = ("dfg", "inline-funcs", "inline-funcs-eager", "life")
    return *loops, *(f"-fno-{step}" for step in off), str(vlt)


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        # At once, for others who read it.
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_text(text)
        new.replace(path)


def _vlt(public: list[str]) -> str:
    lines = ["`verilator_config"]
    lines += [f'public_flat_rw -module "{TOPLEVEL}" -var "{name}"' for name in public]
    return "\n".join(lines) + "\n"


class _Writer:
    """Collects declarations and connections of one harness."""

    def __init__(self, what: Description, config: Config) -> None:
        self.what = what
        self.ports = config.ports
        self.data_w = config.flit_w
        self.values = what.values(config)
        self.probes = what.probed(config)
        # A vector has a bit at least.
        self.probe_w = max(1, sum(bits for _, bits in self.probes))
        self.public: list[str] = ["clk", "rst"]
        self.body: list[str] = []
        self.pins: list[tuple[str, str]] = []

    def write(self) -> tuple[str, list[str]]:
        """Return the text of the module and the names that VPI may touch."""
        what = self.what
        self.pins.append((what.clock, "clk"))
        self.pins.append((what.reset, "!rst" if what.reset_active_low else "rst"))
        self._streams()
        self.body.append("  bit [N-1:0] link_down;  // moved by the ring pipe")
        if what.link_down:
            self.pins.append((what.link_down, "link_down"))
        if what.pipe == "rings":
            self._rings()
        else:
            self._signals()
        self._registers()
        self._further()
        parameters = ",\n".join(f"    .{name}({value})" for name, value in self.values.items())
        pins = ",\n".join(f"    .{name}({net})" for name, net in self.pins)
        lines = [
            "// SPDX-License-Identifier: Apache-2.0",
            f"// Made by switchproof.tb.harness from {what.path.name}; do not edit.",
            *self._imports(),
            f"module {TOPLEVEL};",
            f"  localparam int unsigned N = {self.ports}, W = {self.data_w}, U = {what.tuser_w};",
            f"  localparam int unsigned V = {NUM_VC};",
            "  bit clk = 1'b0;",
            "  always #1 clk = !clk;",
            "  bit rst = 1'b1;",
            *self.body,
            f"  {what.module} #(\n{parameters}\n  ) dut (\n{pins}\n  );",
            "endmodule",
        ]
        return "\n".join(lines) + "\n", self.public

    def _imports(self) -> list[str]:
        if self.what.pipe != "rings":
            return []
        return [
            'import "DPI-C" function chandle sp_pipe_open(input int ports, input int data_w,',
            "    input int tuser_w, input int probe_w);",
            'import "DPI-C" function void sp_pipe_close(input chandle pipe);',
            'import "DPI-C" function bit sp_pipe_step(input chandle pipe, input bit reset,',
            f"    input bit [{self.ports - 1}:0] s_ready, input bit "
            f"[{self.ports * NUM_VC - 1}:0] s_room,",
            f"    input bit [{self.ports - 1}:0] m_valid, input bit [{self.ports - 1}:0] m_last,",
            f"    input bit [{self.ports * self.data_w - 1}:0] m_data,",
            f"    input bit [{self.ports * self.what.tuser_w - 1}:0] m_user,",
            f"    input bit [{self.probe_w - 1}:0] probes,",
            f"    output bit [{self.ports - 1}:0] s_valid, output bit [{self.ports - 1}:0] s_last,",
            f"    output bit [{self.ports * self.data_w - 1}:0] s_data,",
            f"    output bit [{self.ports * self.what.tuser_w - 1}:0] s_user,",
            f"    output bit [{self.ports - 1}:0] m_ready,",
            f"    output bit [{self.ports * NUM_VC - 1}:0] m_room,",
            f"    output bit [{self.ports - 1}:0] down);",
        ]

    def _streams(self) -> None:
        """Declare one vector for each signal of all ports, and connect them."""
        widths = {"tvalid": "", "tready": "", "tdata": "[W-1:0]", "tuser": "[U-1:0]", "tlast": ""}
        for side, stream in (("s", self.what.ingress), ("m", self.what.egress)):
            for signal, width in widths.items():
                # `bit`, not `logic`, where the pipe drives: defined from the start.
                kind = "bit" if (signal == "tready") == (side == "m") else "logic"
                self.body.append(f"  {kind} [N-1:0]{width} {side}_{signal};")
                self._connect(stream, getattr(stream, signal), f"{side}_{signal}")
            kind = "bit" if side == "m" else "logic"
            self.body.append(f"  {kind} [N-1:0][V-1:0] {side}_room;")
            if stream.vc_room:
                self._connect(stream, stream.vc_room, f"{side}_room")
            elif side == "s":
                self.body.append("  assign s_room = '1;")

    def _connect(self, stream: Stream, name: str, net: str) -> None:
        if stream.single:
            for port in range(self.ports):
                self.pins.append((name.replace("{p}", str(port)), f"{net}[{port}]"))
        else:
            self.pins.append((name, net))

    def _rings(self) -> None:
        """The ring pipe: sampled before the edge, driven by NBA after it, so free of races."""
        self.public += ["pipe_en", "wake"]
        shown = ", ".join(f"{bits}'(dut.{signal})" for signal, bits in reversed(self.probes))
        self.body.append(f"""
  bit [{self.probe_w - 1}:0] probes;
  assign probes = {f"{{{shown}}}" if shown else "'0"};""")
        self.body.append("""
  bit pipe_en = 1'b0;
  bit wake = 1'b0;
  bit pipe_open = 1'b0;
  chandle pipe;
  bit [N-1:0] next_valid, next_last, next_ready;
  bit [N*W-1:0] next_data;
  bit [N*U-1:0] next_user;
  bit [N*V-1:0] next_room;
  bit [N-1:0] next_down;
  always_ff @(posedge clk) begin
    if (pipe_en && !pipe_open) pipe = sp_pipe_open(N, W, U, $bits(probes));
    if (!pipe_en && pipe_open) sp_pipe_close(pipe);
    pipe_open = pipe_en;
    if (pipe_open) begin
      if (sp_pipe_step(pipe, rst, s_tready, s_room, m_tvalid, m_tlast, m_tdata, m_tuser,
                       probes, next_valid, next_last, next_data, next_user, next_ready,
                       next_room, next_down)) begin
        wake <= !wake;
      end
      s_tvalid <= next_valid;
      s_tlast  <= next_last;
      s_tdata  <= next_data;
      s_tuser  <= next_user;
      m_tready <= next_ready;
      m_room   <= next_room;
      link_down <= next_down;
    end
  end
""")

    def _signals(self) -> None:
        """Give each port variables of its own, named as cocotb-bus likes them."""
        what, h = self.what, self.what.header_lsb
        driven = {"s": ("tvalid", "tlast", "tdata", "hdr", "err"), "m": ("tready", "vc_room")}
        widths = {"tdata": "[W-1:0] ", "hdr": f"[{HDR_W - 1}:0] ", "vc_room": "[V-1:0] "}
        for p in range(self.ports):
            for side in "sm":
                for signal in ("tvalid", "tready", "tdata", "hdr", "err", "tlast", "vc_room"):
                    name = f"{side}_axis_{p}_{signal}"
                    self.public.append(name)
                    kind = "bit" if signal in driven[side] else "logic"
                    self.body.append(f"  {kind} {widths.get(signal, '')}{name};")
            s, m = f"s_axis_{p}_", f"m_axis_{p}_"
            self.body += [
                f"  assign s_tvalid[{p}] = {s}tvalid, s_tlast[{p}] = {s}tlast;",
                f"  assign s_tdata[{p}] = {s}tdata;",
                f"  always_comb begin s_tuser[{p}] = '0;",
                f"    s_tuser[{p}][{h}+:{HDR_W}] = {s}hdr; s_tuser[{p}][{what.error_bit}] = {s}err;"
                " end",
                f"  assign {s}tready = s_tready[{p}], {s}vc_room = s_room[{p}];",
                f"  assign {m}tvalid = m_tvalid[{p}], {m}tlast = m_tlast[{p}];",
                f"  assign {m}tdata = m_tdata[{p}], {m}hdr = m_tuser[{p}][{h}+:{HDR_W}];",
                f"  assign {m}err = m_tuser[{p}][{what.error_bit}];",
                f"  assign m_tready[{p}] = {m}tready, m_room[{p}] = {m}vc_room;",
            ]

    def _registers(self) -> None:
        for signal, driven_by_dut in REGISTER_SIGNALS.items():
            if signal not in self.what.registers:
                continue
            width = _REGISTER_W.get(signal, 1)
            if signal.endswith("addr"):
                width = self.what.register_addr_w
            kind = "logic" if driven_by_dut else "bit"
            span = f"[{width - 1}:0] " if width > 1 else ""
            self.body.append(f"  {kind} {span}csr_{signal};")
            self.public.append(f"csr_{signal}")
            self.pins.append((self.what.registers[signal], f"csr_{signal}"))

    def _further(self) -> None:
        """Give further inputs and outputs variables of their own names."""
        for ports, kind in ((self.what.inputs, "bit"), (self.what.outputs, "logic")):
            for name, bits in ports.items():
                self.body.append(f"  {kind} [({bits})-1:0] {name};")
                self.public.append(name)
                self.pins.append((name, name))
