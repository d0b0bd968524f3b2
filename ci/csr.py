# SPDX-License-Identifier: Apache-2.0
"""Generate all that comes from SystemRDL with PeakRDL: every block's registers.

``python -m switchproof.ci.csr`` writes the files that are committed: the AXI4-Lite decoder, a C
header and IP-XACT (IEEE 1685-2014) in ``generated/`` beside the description, the map for Python in
``models/`` and the tables of the page in ``docs/``; and HTML pages to ``build/report/registers/``,
which are not. ``--check`` writes nothing and says in one line which committed file is stale (exit
status 1).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "build" / "report" / "registers"
COMMAND = "python -m switchproof.ci.csr"


@dataclasses.dataclass(frozen=True)
class Source:
    """A description and what is made from it."""

    #: The SystemRDL file; its stem names the map.
    rdl: Path
    #: Module of the decoder; its package has ``_pkg`` behind the name.
    module: str
    #: The map that Python loads.
    map: Path
    #: The page with the tables.
    doc: Path
    #: What WAIVERS lacks for this description.
    waivers: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def generated(self) -> Path:
        """Folder of the decoder, the C header and IP-XACT."""
        return self.rdl.parent / "generated"

    @property
    def doc_begin(self) -> str:
        """The line of the page behind which the tables stand."""
        return f"<!-- made by `{COMMAND}` from {self.rdl.relative_to(ROOT)}: do not edit -->"


DOC_END = "<!-- end of what is made -->"
SWITCH = Source(
    ROOT / "rtl" / "csr" / "sp_switch.rdl",
    "sp_csr_regs",
    ROOT / "models" / "csr_map.json",
    ROOT / "docs" / "csr.md",
)
BOARD = Source(
    ROOT / "rtl" / "board" / "sp_board.rdl",
    "sp_board_regs",
    ROOT / "models" / "board_map.json",
    ROOT / "docs" / "board-registers.md",
    {"GENUNNAMED": "PeakRDL gives its loops over arrays no names"},
)
LINK = Source(
    ROOT / "rtl" / "link" / "sp_link.rdl",
    "sp_link_regs",
    ROOT / "models" / "link_map.json",
    ROOT / "docs" / "link-registers.md",
)
ENDPOINT = Source(
    ROOT / "rtl" / "endpoint" / "sp_endpoint.rdl",
    "sp_endpoint_regs",
    ROOT / "models" / "endpoint_map.json",
    ROOT / "docs" / "endpoint-registers.md",
)
UPLINK = Source(
    ROOT / "rtl" / "rack" / "sp_uplink.rdl",
    "sp_uplink_regs",
    ROOT / "models" / "uplink_map.json",
    ROOT / "docs" / "uplink-registers.md",
)
SOURCES = (SWITCH, BOARD, LINK, ENDPOINT, UPLINK)

#: Verilator warnings that PeakRDL's text gives, with the reason why each is harmless here.
WAIVERS = {
    "MULTIDRIVEN": "fields of one struct are driven by a process each",
    "UNUSEDSIGNAL": "PeakRDL keeps signals that only some maps use; awprot and arprot have no use",
    "CMPCONST": "the last region ends where the address space ends",
    "UNUSEDPARAM": "the package gives sizes that the wrapper has no use for",
}


class CsrError(RuntimeError):
    """The description cannot be turned into registers; the text says why."""


#: AXI4-Lite in front of the decoder. PeakRDL's own keeps two accesses under way and finds the next
#: command in the cycle in which it is decoded, which is a long path on an FPGA; here one access is
#: under way, and command and answer come from registers.
_AXI = """
// One access is under way at a time; its command and its answer are registers
logic axil_arvalid;
logic [@A@:0] axil_araddr;
logic axil_awvalid;
logic [@A@:0] axil_awaddr;
logic axil_wvalid;
logic [3:0] axil_wstrb;
logic axil_busy;
logic axil_prev_was_rd;
logic axil_err;
logic axil_start_rd;
logic axil_start_wr;
logic answer_err;

assign csr_arready_o = !axil_arvalid;
assign csr_awready_o = !axil_awvalid;
assign csr_wready_o = !axil_wvalid;
assign csr_bresp_o = {axil_err, 1'b0};
assign csr_rresp_o = {axil_err, 1'b0};

// Reads and writes take turns when both wait
assign axil_start_rd = !axil_busy && axil_arvalid
                     && !(axil_prev_was_rd && axil_awvalid && axil_wvalid);
assign axil_start_wr = !axil_busy && axil_awvalid && axil_wvalid && !axil_start_rd;

// Refusals of external regions, beside those of this decoder
assign answer_err = external_err_i | (cpuif_rd_ack & cpuif_rd_err) | (cpuif_wr_ack & cpuif_wr_err);

always_ff @(posedge clk or negedge arst_n) begin
    if(~arst_n) begin
        axil_arvalid <= '0;
        axil_araddr <= '0;
        axil_awvalid <= '0;
        axil_awaddr <= '0;
        axil_wvalid <= '0;
        axil_wstrb <= '0;
        axil_busy <= '0;
        axil_prev_was_rd <= '0;
        axil_err <= '0;
        cpuif_req <= '0;
        cpuif_req_is_wr <= '0;
        cpuif_addr <= '0;
        cpuif_wr_data <= '0;
        csr_bvalid_o <= '0;
        csr_rvalid_o <= '0;
        csr_rdata_o <= '0;
        bad_access_o <= '0;
    end else begin
        if(csr_arvalid_i && csr_arready_o) begin
            axil_arvalid <= '1;
            axil_araddr <= csr_araddr_i;
        end
        if(csr_awvalid_i && csr_awready_o) begin
            axil_awvalid <= '1;
            axil_awaddr <= csr_awaddr_i;
        end
        if(csr_wvalid_i && csr_wready_o) begin
            axil_wvalid <= '1;
            axil_wstrb <= csr_wstrb_i;
            cpuif_wr_data <= csr_wdata_i;
        end

        cpuif_req <= axil_start_rd | axil_start_wr;
        if(axil_start_rd) begin
            axil_busy <= '1;
            axil_arvalid <= '0;
            axil_prev_was_rd <= '1;
            cpuif_req_is_wr <= '0;
            cpuif_addr <= {axil_araddr[@A@:2], 2'b0};
        end else if(axil_start_wr) begin
            axil_busy <= '1;
            axil_awvalid <= '0;
            axil_prev_was_rd <= '0;
            cpuif_req_is_wr <= '1;
            cpuif_addr <= {axil_awaddr[@A@:2], 2'b0};
        end

        bad_access_o <= answer_err;
        if(cpuif_rd_ack || cpuif_wr_ack) begin
            axil_err <= answer_err;
            csr_rvalid_o <= cpuif_rd_ack;
            csr_bvalid_o <= cpuif_wr_ack;
            csr_rdata_o <= cpuif_rd_data;
            if(cpuif_wr_ack) axil_wvalid <= '0;
        end else if((csr_rvalid_o && csr_rready_i) || (csr_bvalid_o && csr_bready_i)) begin
            csr_rvalid_o <= '0;
            csr_bvalid_o <= '0;
            axil_busy <= '0;
        end
    end
end

always_comb begin
    for(int i=0; i<4; i++) begin
        cpuif_wr_biten[i*8 +: 8] = {8{axil_wstrb[i]}};
    end
end
"""


def _cpuif() -> type:
    """Return a flat AXI4-Lite interface with PeakRDL's ports under our names and two more ports.

    PeakRDL lets an external region acknowledge but not refuse. ``external_err_i`` comes with the
    acknowledgement and makes the answer SLVERR; ``bad_access_o`` pulses for each SLVERR answer.
    """
    from peakrdl_regblock.cpuif.axi4lite import AXI4Lite_Cpuif_flattened

    outputs = {"awready", "wready", "bvalid", "bresp", "arready", "rvalid", "rdata", "rresp"}

    class Cpuif(AXI4Lite_Cpuif_flattened):
        def signal(self, name: str) -> str:
            return f"csr_{name}_{'o' if name in outputs else 'i'}"

        @property
        def port_declaration(self) -> str:
            return (
                super().port_declaration
                + ",\ninput wire external_err_i,\noutput logic bad_access_o"
            )

        def get_implementation(self) -> str:
            if self.data_width != 32:
                raise CsrError(f"words of {self.data_width} bits, not 32")
            return _AXI.strip("\n").replace("@A@", str(self.addr_width - 1))

    return Cpuif


def _elaborate(rdl: Path) -> Any:
    """Compile a SystemRDL file; return its top address map node."""
    from peakrdl_regblock.udps import ALL_UDPS
    from systemrdl import RDLCompileError, RDLCompiler

    compiler = RDLCompiler()
    for udp in ALL_UDPS:
        compiler.register_udp(udp)
    try:
        compiler.compile_file(str(rdl), incl_search_paths=[str(SWITCH.rdl.parent)])
        return compiler.elaborate().top
    except RDLCompileError as error:
        raise CsrError(f"{rdl}: {error}") from None


def _text(value: str | None) -> str:
    """Return a description as one line."""
    return " ".join((value or "").split())


def _access(field: Any) -> str:
    """Return r, w or rw, and rw1c where a written 1 clears."""
    onwrite = field.get_property("onwrite")
    one_clears = onwrite is not None and onwrite.name == "woclr"
    return str(field.get_property("sw").name) + ("1c" if one_clears else "")


def _registers(top: Any) -> Iterator[dict[str, Any]]:
    """Yield a description of each register; arrays are one register with dimensions."""
    from systemrdl.node import FieldNode, RegNode

    def walk(node: Any, name: str, dims: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for child in node.children(unroll=False):
            if isinstance(child, FieldNode):
                continue
            child_dims = list(dims)
            part = child.inst_name
            if child.is_array:
                bounds = child.get_property("bound").split(",")
                strides = [child.array_stride]
                for count in reversed(child.array_dimensions[1:]):
                    strides.insert(0, strides[0] * count)
                for count, stride, bound in zip(
                    child.array_dimensions, strides, bounds, strict=True
                ):
                    child_dims.append({"bound": bound, "count": count, "stride": stride})
                    part += "[]"
            if not isinstance(child, RegNode) and child.get_property("unnamed", default=False):
                path = name
            else:
                path = f"{name}.{part}" if name else part
            if isinstance(child, RegNode):
                yield {
                    "name": path,
                    "address": child.raw_absolute_address,
                    "dims": child_dims,
                    "about": _text(child.get_property("desc")),
                    "fields": [
                        {
                            "name": field.inst_name,
                            "lsb": field.low,
                            "width": field.width,
                            "access": _access(field),
                            "reset": field.get_property("reset"),
                            "about": _text(field.get_property("desc")),
                        }
                        for field in child.fields()
                    ],
                }
            else:
                yield from walk(child, path, child_dims)

    yield from walk(top, "", [])


def _map(source: Source, top: Any) -> dict[str, Any]:
    """Return what the map for Python holds."""
    return {
        "name": top.inst_name,
        "from": source.rdl.relative_to(ROOT).as_posix(),
        "address_bits": (top.size - 1).bit_length(),
        "registers": sorted(_registers(top), key=lambda register: register["address"]),
    }


def _ored(text: str) -> str:
    """Return a decoder whose answers are ORed instead of each overruling those before it.

    An address is that of one register at most, so the answer is the same. But a chain of choices
    as long as the map is, slow and large on an FPGA, becomes a tree.
    """
    return re.sub(r"(readback_data_var(?:\[[\d:]+\])?) = (?!'0;)", r"\1 |= ", text)


def _bytewise(text: str) -> str:
    """Return a decoder that writes the bytes of a field whose strobes are set.

    PeakRDL mixes old and new bits, a table for each bit of all registers on an FPGA; a byte that is
    written or not has an enable instead.
    """

    def bytes_of(found: re.Match[str]) -> str:
        high, low = int(found["high"]), int(found["low"])
        parts = []
        for first in range(low - low % 8, high + 1, 8):
            begin, end = max(first, low), min(first + 7, high)
            parts.append(
                f"{found['indent']}if(decoded_wr_biten[{begin}]) "
                f"next_c[{end - low}:{begin - low}] = decoded_wr_data[{end}:{begin}];"
            )
        return "\n".join(parts)

    return re.sub(
        r"(?m)^(?P<indent> +)next_c = \((?P<old>[^()]+) & ~decoded_wr_biten\[(?P<high>\d+):"
        r"(?P<low>\d+)\]\) \| \(decoded_wr_data\[(?P=high):(?P=low)\] & "
        r"decoded_wr_biten\[(?P=high):(?P=low)\]\);$",
        bytes_of,
        text,
    )


def _after_begin(text: str) -> str:
    """Return a decoder whose assertions say nothing of time 0, when registers may hold anything."""
    return text.replace("assert(!external_", "assert($time == 0 || !external_")


def _aligned(text: str, registers: list[dict[str, Any]]) -> str:
    """Return a decoder that knows an external region by the upper bits of an address.

    PeakRDL compares with both ends of the region; every region here begins at a multiple of its
    size, rounded up to a power of two. What lies behind its end, the region refuses itself.
    """

    def match(found: re.Match[str]) -> str:
        name, width = found["name"], int(found["width"])
        base, last = int(found["base"], 16), int(found["last"], 16)
        low = last.bit_length()
        behind = range(base + last + 1, base + (1 << low))
        if base % (1 << low) or any(register["address"] in behind for register in registers):
            raise CsrError(f"the region at {base:#x} is not alone in {1 << low:#x} bytes")
        return f"({name}[{width - 1}:{low}] == {width - low}'h{base >> low:x})"

    number = r"(?P=width)'h"
    return re.sub(
        rf"\((?P<name>\w+) >= (?P<width>\d+)'h(?P<base>[0-9a-f]+)\) &&? "
        rf"\((?P=name) <= {number}(?P=base) \+ {number}(?P<last>[0-9a-f]+)\)",
        match,
        text,
    )


def _rtl(source: Source, top: Any) -> dict[str, str]:
    """Return the generated SystemVerilog by file name."""
    from peakrdl_regblock import RegblockExporter

    with tempfile.TemporaryDirectory() as folder:
        RegblockExporter().export(
            top,
            folder,
            cpuif_cls=_cpuif(),
            module_name=source.module,
            package_name=f"{source.module}_pkg",
            reuse_hwif_typedefs=False,
            default_reset_activelow=True,
            default_reset_async=True,
            err_if_bad_addr=True,
            err_if_bad_rw=True,
        )
        registers = list(_registers(top))
        texts = {
            path.name: _aligned(_after_begin(_bytewise(_ored(path.read_text()))), registers)
            for path in sorted(Path(folder).glob("*.sv"))
        }
    head = f"// SPDX-License-Identifier: Apache-2.0\n//\n// Made by `{COMMAND}`: do not edit.\n"
    waivers = {**WAIVERS, **source.waivers}
    off = "".join(f"// {why}\n/* verilator lint_off {rule} */\n" for rule, why in waivers.items())
    on = "".join(f"/* verilator lint_on {rule} */\n" for rule in waivers)
    return {name: f"{head}{off}\n{text.rstrip()}\n{on}" for name, text in texts.items()}


def _header(top: Any) -> str:
    """Return the C header."""
    from peakrdl_cheader.exporter import CHeaderExporter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{top.inst_name}.h"
        CHeaderExporter().export(top, str(path), reuse_typedefs=False)
        text = path.read_text()
    return f"// SPDX-License-Identifier: Apache-2.0\n// Made by `{COMMAND}`: do not edit.\n{text}"


def _ipxact(top: Any, registers: list[dict[str, Any]]) -> str:
    """Return the registers as IP-XACT; their version is that of the map."""
    from peakrdl_ipxact import IPXACTExporter, Standard

    fields = next(r["fields"] for r in registers if r["name"] == "version")
    version = {field["name"]: field["reset"] for field in fields}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{top.inst_name}.xml"
        IPXACTExporter(
            vendor="switchproof",
            library="switchproof",
            version=f"{version['major']}.{version['minor']}",
            standard=Standard.IEEE_1685_2014,
        ).export(top, str(path))
        head, body = path.read_text().split("\n", 1)
    # What XML is must be its first line.
    mark = f"<!-- SPDX-License-Identifier: Apache-2.0; made by `{COMMAND}`: do not edit -->"
    return f"{head}\n{mark}\n{body.rstrip()}\n"


def _way(register: dict[str, Any]) -> str:
    """Return what software may do with a register: r, w or rw."""
    return "".join(a for a in "rw" if any(a in f["access"] for f in register["fields"]))


def _tables(registers: list[dict[str, Any]]) -> str:
    """Return the Markdown tables of the registers and of their fields."""
    lines = ["| address | register | | what it is |", "|---|---|---|---|"]
    fields = ["| field | bits | | after reset | what it is |", "|---|---|---|---|---|"]
    for register in registers:
        address = f"`{register['address']:07x}`"
        for dim, letter in zip(register["dims"], "ijk"):
            address += f" + {letter}·`{dim['stride']:x}`"
        name = register["name"]
        for dim in register["dims"]:
            name = name.replace("[]", f"[{dim['bound']}]", 1)
        lines.append(f"| {address} | `{name}` | {_way(register)} | {register['about']} |")
        for field in register["fields"]:
            if len(register["fields"]) == 1 and not field["about"]:
                continue
            bits = f"{field['lsb'] + field['width'] - 1}:{field['lsb']}"
            if field["width"] == 1:
                bits = f"{field['lsb']}"
            reset = "" if field["reset"] is None else f"{field['reset']:#x}"
            fields.append(
                f"| `{register['name']}` `{field['name']}` | {bits} | {field['access']} "
                f"| {reset} | {field['about']} |"
            )
    return "\n".join([*lines, "", *fields])


def _doc(source: Source, registers: list[dict[str, Any]]) -> str:
    """Return the page with its generated part renewed."""
    old = source.doc.read_text()
    if old.count(source.doc_begin) != 1 or old.count(DOC_END) != 1:
        raise CsrError(f"{source.doc}: wants one '{source.doc_begin}' and one '{DOC_END}'")
    head, rest = old.split(source.doc_begin)
    tail = rest.split(DOC_END)[1]
    return f"{head}{source.doc_begin}\n\n{_tables(registers)}\n\n{DOC_END}{tail}"


def outputs(source: Source = SWITCH, rdl: Path | None = None) -> dict[Path, str]:
    """Return every committed file that comes from a description: path to wanted text.

    ``rdl`` is read instead of the source's own description.
    """
    top = _elaborate(source.rdl if rdl is None else rdl)
    table = _map(source, top)
    texts = {source.generated / name: text for name, text in _rtl(source, top).items()}
    texts[source.generated / f"{top.inst_name}.h"] = _header(top)
    texts[source.generated / f"{top.inst_name}.xml"] = _ipxact(top, table["registers"])
    texts[source.map] = json.dumps(table, indent=1) + "\n"
    texts[source.doc] = _doc(source, table["registers"])
    return texts


def stale(texts: dict[Path, str]) -> list[Path]:
    """Return the paths whose file is not what it should be."""
    return [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]


def html(folder: Path = HTML) -> None:
    """Write the HTML pages of the registers."""
    from peakrdl_html import HTMLExporter

    folder.mkdir(parents=True, exist_ok=True)
    tops = [_elaborate(source.rdl) for source in SOURCES]
    HTMLExporter().export(tops, str(folder), skip_not_present=False)


def main(argv: list[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    options = parser.parse_args(argv)
    try:
        texts = {path: text for source in SOURCES for path, text in outputs(source).items()}
    except CsrError as error:
        say(str(error))
        return 2
    old = stale(texts)
    if options.check:
        if old:
            names = ", ".join(path.relative_to(ROOT).as_posix() for path in old)
            say(f"stale against their SystemRDL: {names}; run `{COMMAND}`")
        return 1 if old else 0
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path])
        say(f"wrote {path.relative_to(ROOT)}")
    html()
    say(f"registers as HTML: {HTML.relative_to(ROOT) / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
