# SPDX-License-Identifier: Apache-2.0
"""File lists for those who bring their own flow, and a FuseSoC core file.

``rtl/switchproof.f`` holds the switch, ``rtl/link.f`` the links, ``rtl/endpoint.f`` the endpoint,
``rtl/rack.f`` chips and racks, ``rtl/board.f`` what a board image has around switch, links and
endpoints.
``python -m switchproof.ci.filelists`` writes them from what lies in rtl/; `make lint` and a test
say when they are stale. Packages come first, since the rest imports them.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from switchproof.ci.paths import ROOT, RTL

FILELIST = RTL / "switchproof.f"
BOARD_FILELIST = RTL / "board.f"
LINK_FILELIST = RTL / "link.f"
ENDPOINT_FILELIST = RTL / "endpoint.f"
RACK_FILELIST = RTL / "rack.f"
CORE = ROOT / "switchproof.core"
#: Folders that the switch does without; each has a list of its own, on top of another.
EXTRAS = {
    "board": BOARD_FILELIST, "link": LINK_FILELIST, "endpoint": ENDPOINT_FILELIST,
    "rack": RACK_FILELIST,
}  # fmt: skip
#: What each is on top of: a board may have links and endpoints, an endpoint has the links' check.
BELOW = {
    "board": ENDPOINT_FILELIST, "link": FILELIST, "endpoint": LINK_FILELIST,
    "rack": ENDPOINT_FILELIST,
}  # fmt: skip
MADE_BY = "made by `python -m switchproof.ci.filelists`: do not edit"


def sources(extra: str = "") -> list[Path]:
    """Return the files of the switch, or of a folder of EXTRAS: packages first, then by path."""

    def belongs(path: Path) -> bool:
        folder = path.relative_to(RTL).parts[0]
        return folder == extra if extra else folder not in EXTRAS

    files = filter(belongs, RTL.rglob("*.sv"))
    return sorted(files, key=lambda path: (not path.stem.endswith("_pkg"), path))


def needed(*roots: str | Path) -> tuple[Path, ...]:
    """Return what these are made of: files by the names in them, each behind what it uses.

    A root is a module or package of rtl/, or the path of a file, which may use what lies beside
    it too.
    """
    folders = {(ROOT / root).parent for root in roots if Path(root).suffix}
    named = {path.stem: path for folder in folders for path in folder.glob("*.sv")}
    named |= {path.stem: path for path in RTL.rglob("*.sv")}
    found: dict[Path, None] = {}
    seen: set[Path] = set()

    def visit(path: Path) -> None:
        if path in seen:
            return
        seen.add(path)
        for word in _names(path):
            if word in named:
                visit(named[word])
        found[path] = None

    for root in roots:
        visit(ROOT / root if Path(root).suffix else named[str(root)])
    return tuple(found)


@functools.cache
def _names(path: Path) -> tuple[str, ...]:
    code = re.sub(r"//.*", "", path.read_text())
    return tuple(dict.fromkeys(re.findall(r"\bsp_\w+", code)))


def expected() -> dict[Path, str]:
    """Return what each list must hold."""
    head = f"SPDX-License-Identifier: Apache-2.0\n# {MADE_BY}"
    begin = f"// {head.replace('#', '//')}\n"
    switch = begin + "".join(f"{p.relative_to(RTL).as_posix()}\n" for p in sources())
    extras = {
        path: f"{begin}-f {BELOW[name].name}\n"
        + "".join(f"{p.relative_to(RTL).as_posix()}\n" for p in sources(name))
        for name, path in EXTRAS.items()
    }

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
        f"{fileset('board', sources('board'))}"
        f"{fileset('link', sources('link'))}"
        f"{fileset('endpoint', sources('endpoint'))}"
        f"{fileset('rack', sources('rack'))}"
        "targets:\n"
        "  default:\n"
        "    filesets: [rtl]\n"
        "    toplevel: sp_switch_core\n"
        "  board:\n"
        "    filesets: [rtl, link, endpoint, board]\n"
        "    toplevel: sp_board\n"
        "  link:\n"
        "    filesets: [rtl, link]\n"
        "    toplevel: sp_link\n"
        "  endpoint:\n"
        "    filesets: [rtl, link, endpoint]\n"
        "    toplevel: sp_endpoint\n"
        "  rack:\n"
        "    filesets: [rtl, link, endpoint, rack]\n"
        "    toplevel: sp_supernode\n"
        "  lint:\n"
        "    filesets: [rtl]\n"
        "    toplevel: sp_switch_core\n"
        "    default_tool: verilator\n"
        "    tools:\n"
        "      verilator:\n"
        "        mode: lint-only\n"
    )
    return {FILELIST: switch, **extras, CORE: core}


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
