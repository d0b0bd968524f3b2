# SPDX-License-Identifier: Apache-2.0
"""File lists for those who bring their own flow: ``rtl/switchproof.f`` and ``switchproof.core``.

``python -m switchproof.ci.filelists`` writes them from what lies in rtl/; `make lint` and a test
say when they are stale. Packages come first, since the rest imports them.
"""

from __future__ import annotations

from pathlib import Path

from switchproof.ci.paths import ROOT, RTL

FILELIST = RTL / "switchproof.f"
CORE = ROOT / "switchproof.core"
MADE_BY = "made by `python -m switchproof.ci.filelists`: do not edit"


def sources() -> list[Path]:
    """Return all RTL files, packages first, then by path."""
    return sorted(RTL.rglob("*.sv"), key=lambda path: (not path.stem.endswith("_pkg"), path))


def expected() -> dict[Path, str]:
    """Return what each list must hold."""
    files = sources()
    head = f"SPDX-License-Identifier: Apache-2.0\n# {MADE_BY}"
    lines = [path.relative_to(RTL).as_posix() for path in files]
    filelist = f"// {head.replace('#', '//')}\n" + "".join(f"{line}\n" for line in lines)
    listed = "".join(f"      - {path.relative_to(ROOT).as_posix()}\n" for path in files)
    core = (
        "CAPI=2:\n"
        f"# {head}\n"
        "name: switchproof:switch:sp_switch_core:0.1.0\n"
        "description: Scale-up switch with in-network reduction\n"
        "filesets:\n"
        "  rtl:\n"
        "    file_type: systemVerilogSource\n"
        "    files:\n"
        f"{listed}"
        "targets:\n"
        "  default:\n"
        "    filesets: [rtl]\n"
        "    toplevel: sp_switch_core\n"
        "  lint:\n"
        "    filesets: [rtl]\n"
        "    toplevel: sp_switch_core\n"
        "    default_tool: verilator\n"
        "    tools:\n"
        "      verilator:\n"
        "        mode: lint-only\n"
    )
    return {FILELIST: filelist, CORE: core}


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
