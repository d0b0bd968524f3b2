# SPDX-License-Identifier: Apache-2.0
"""Read the packet layout out of ``rtl/common/sp_pkg.sv`` into ``models/layout.json``.

The SystemVerilog package is the one source of the packet layout. pyslang elaborates it, so that
offsets, widths and enumeration values are the compiler's and not a second reading of the text.
The tables of docs/packet.md are made from the same data.

    python -m switchproof.ci.layout            write models/layout.json and the tables of the guide
    python -m switchproof.ci.layout --check    write nothing; exit 1 when either is stale
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rtl" / "common" / "sp_pkg.sv"
LAYOUT = ROOT / "models" / "layout.json"
GUIDE = ROOT / "docs" / "packet.md"

#: Tables of docs/packet.md: marker name to the title of its name column.
CLASSES = ("common", "mem", "coll", "mgt")
#: Structures of the payload, offsets from their own first bit: a destination of a member set, the
#: first unit of an atomic.
STRUCTS = {"member": "member_t", "atomic": "atomic_t"}
ENUMS = ("vc_e", "op_e", "status_e", "etype_e", "redop_e", "atomic_e")


class LayoutError(RuntimeError):
    """The package could not be read; the text is one line that says why."""


def read_package(path: Path = PACKAGE) -> dict[str, Any]:
    """Return the layout that the SystemVerilog package describes.

    ``sizes``: every localparam. ``enums``: width, values and comments. ``header``: the fields of
    the common part and of each class part, lowest bit first, with offsets in the 128-bit header.
    ``member``, ``atomic``: the fields of a structure of the payload, with offsets within it.
    Raises LayoutError when the package does not compile or pyslang is missing.
    """
    try:
        from pyslang import SourceManager, ast, syntax
    except ImportError:
        raise LayoutError("pyslang is not installed: pip install pyslang") from None
    if not path.is_file():
        raise LayoutError(f"{path}: no such file")

    text = path.read_text()
    # A manager of its own: the default one refuses to see a path twice in a process.
    manager = SourceManager()
    tree = syntax.SyntaxTree.fromText(text, manager, path.name, str(path))
    compilation = ast.Compilation()
    compilation.addSyntaxTree(tree)
    errors = [d for d in compilation.getAllDiagnostics() if d.isError()]
    if errors:
        line = manager.getLineNumber(errors[0].location)
        raise LayoutError(f"{path}:{line}: does not compile: {errors[0].code}")
    package: Any = compilation.getPackage("sp_pkg")
    if package is None:
        raise LayoutError(f"{path}: holds no package sp_pkg")

    lines = text.splitlines()

    def about(symbol: Any) -> str:
        """Return the comment that ends the line on which a symbol is declared."""
        line = lines[manager.getLineNumber(symbol.location) - 1]
        return line.split("//", 1)[1].strip() if "//" in line else ""

    def struct_fields(name: str, base: int) -> list[dict[str, Any]]:
        struct = package.find(name).canonicalType
        fields = [
            {
                "name": field.name,
                "offset": base + field.bitOffset,
                "width": field.type.canonicalType.bitWidth,
                "about": about(field),
            }
            for field in struct
        ]
        return sorted(fields, key=lambda field: field["offset"])

    sizes: dict[str, int] = {}
    enums: dict[str, Any] = {}
    for member in package:
        if member.kind == ast.SymbolKind.Parameter:
            sizes[member.name] = int(member.value.value)
        elif member.kind == ast.SymbolKind.TypeAlias and member.canonicalType.isEnum:
            enum_type = member.canonicalType
            values = list(enum_type)
            enums[member.name] = {
                "width": enum_type.bitWidth,
                "values": {value.name: int(value.value.value) for value in values},
                "about": {value.name: about(value) for value in values},
            }

    common = struct_fields("hdr_t", 0)
    (union,) = [field for field in common if field["name"] == "cls"]
    common.remove(union)
    header = {"common": common}
    for member in package.find("class_u").canonicalType:
        # Every class part fills the union, so its fields lie at the offset of the union.
        type_name = member.type.name
        header[member.name] = struct_fields(type_name, union["offset"])
    return {
        "source": "rtl/common/sp_pkg.sv, read by switchproof.ci.layout",
        "class_offset": union["offset"],
        "class_width": union["width"],
        "sizes": sizes,
        "enums": enums,
        "header": header,
        **{name: struct_fields(struct, 0) for name, struct in STRUCTS.items()},
    }


def render(layout: dict[str, Any]) -> str:
    """Return the text of models/layout.json: the same bytes for the same layout."""
    return json.dumps(layout, indent=1) + "\n"


def field_table(fields: list[dict[str, Any]]) -> str:
    """Return the Markdown table of the fields of a struct, highest bit first."""
    rows = ["| bits | width | field | |", "|---|---|---|---|"]
    for field in reversed(fields):
        low, width = field["offset"], field["width"]
        bits = f"{low + width - 1}:{low}" if width > 1 else f"{low}"
        rows.append(f"| {bits} | {width} | `{field['name']}` | {field['about']} |")
    return "\n".join(rows)


def enum_table(layout: dict[str, Any], name: str) -> str:
    """Return the Markdown table of one enumeration, in its order in the package."""
    enum = layout["enums"][name]
    rows = ["| value | name | |", "|---|---|---|"]
    for member, value in enum["values"].items():
        bits = f"{value:0{enum['width']}b}" if name == "op_e" else f"{value}"
        rows.append(f"| {bits} | `{member}` | {enum['about'][member]} |")
    return "\n".join(rows)


def fill_guide(text: str, layout: dict[str, Any]) -> str:
    """Return the guide with the text between each pair of layout markers made anew.

    A marker pair is ``<!-- layout: NAME -->`` ... ``<!-- end -->``. Raises LayoutError when a
    table has no place in the guide or a marker names nothing.
    """
    tables = {part: field_table(layout["header"][part]) for part in CLASSES}
    tables |= {name: field_table(layout[name]) for name in STRUCTS}
    tables.update({name: enum_table(layout, name) for name in ENUMS})
    seen: set[str] = set()

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in tables:
            raise LayoutError(f"docs/packet.md: marker {name!r} names no table")
        seen.add(name)
        return f"<!-- layout: {name} -->\n{tables[name]}\n<!-- end -->"

    filled = re.sub(r"<!-- layout: (\w+) -->\n.*?<!-- end -->", replace, text, flags=re.DOTALL)
    missing = sorted(set(tables) - seen)
    if missing:
        raise LayoutError(f"docs/packet.md has no place for: {', '.join(missing)}")
    return filled


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="switchproof.ci.layout", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a file is stale")
    options = parser.parse_args(arguments)
    try:
        layout = read_package()
        wanted = {LAYOUT: render(layout)}
        if GUIDE.is_file():
            wanted[GUIDE] = fill_guide(GUIDE.read_text(), layout)
    except LayoutError as error:
        print(f"layout: {error}", file=sys.stderr)
        return 1
    stale = [
        path for path, text in wanted.items() if not path.is_file() or path.read_text() != text
    ]
    if options.check:
        if stale:
            names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
            print(
                f"layout: {names} is not what rtl/common/sp_pkg.sv says; "
                "run python -m switchproof.ci.layout",
                file=sys.stderr,
            )
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path])
        print(f"layout: wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
