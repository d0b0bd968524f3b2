# SPDX-License-Identifier: Apache-2.0
"""File lists for those who bring their own flow, and a FuseSoC core file.

``rtl/switchproof.f`` holds the switch, ``rtl/board.f`` what a board image has around it.
``python -m switchproof.ci.filelists`` writes them from what lies in rtl/; `make lint` and a test
say when they are stale. Packages come first, since the rest imports them.
"""

from __future__ import annotations

from pathlib import Path

from switchproof.ci.paths import ROOT, RTL

FILELIST = RTL / "switchproof.f"
BOARD_FILELIST = RTL / "board.f"
CORE = ROOT / "switchproof.core"
#: Folder of what only a board image has.
BOARD = RTL / "board"
MADE_BY = "made by `python -m switchproof.ci.filelists`: do not edit"


def sources(*, board: bool = False) -> list[Path]:
    """Return the RTL files of the switch, or of a board, packages first, then by path."""
    files = [path for path in RTL.rglob("*.sv") if path.is_relative_to(BOARD) == board]
    return sorted(files, key=lambda path: (not path.stem.endswith("_pkg"), path))


def expected() -> dict[Path, str]:
    """Return what each list must hold."""
    head = f"SPDX-License-Identifier: Apache-2.0\n# {MADE_BY}"
    begin = f"// {head.replace('#', '//')}\n"
    switch = begin + "".join(f"{p.relative_to(RTL).as_posix()}\n" for p in sources())
    board = f"{begin}-f {FILELIST.name}\n"
    board += "".join(f"{p.relative_to(RTL).as_posix()}\n" for p in sources(board=True))

    def fileset(name: str, files: list[Path]) -> str:
        listed = "".join(f"      - {path.relative_to(ROOT).as_posix()}\n" for path in files)
        return f"  {name}:\n    file_type: systemVerilogSource\n    files:\n{listed}"

    core = (
        "CAPI=2:\n"
        f"# {head}\n"
        "name: switchproof:switch:sp_switch_core:0.1.0\n"
        "description: Scale-up switch with in-network reduction\n"
        "filesets:\n"
        f"{fileset('rtl', sources())}"
        f"{fileset('board', sources(board=True))}"
        "targets:\n"
        "  default:\n"
        "    filesets: [rtl]\n"
        "    toplevel: sp_switch_core\n"
        "  board:\n"
        "    filesets: [rtl, board]\n"
        "    toplevel: sp_board\n"
        "  lint:\n"
        "    filesets: [rtl]\n"
        "    toplevel: sp_switch_core\n"
        "    default_tool: verilator\n"
        "    tools:\n"
        "      verilator:\n"
        "        mode: lint-only\n"
    )
    return {FILELIST: switch, BOARD_FILELIST: board, CORE: core}


def stale() -> list[Path]:
    """Return the lists that do not hold what they must."""
    return [p for p, text in expected().items() if not p.exists() or p.read_text() != text]


def main() -> int:
    """Write the lists."""
    for path, text in expected().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    main()
