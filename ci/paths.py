# SPDX-License-Identifier: Apache-2.0
"""Where things lie in the working tree."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RTL = ROOT / "rtl"
TESTS = ROOT / "tests"
EXAMPLES = ROOT / "examples"
CI = ROOT / "ci"
BUILD = ROOT / "build"
SIM_BUILDS = BUILD / "sim"
RUNS = BUILD / "runs"
HARNESS = BUILD / "harness"
BYTECODE = BUILD / "bytecode"
REPORT = BUILD / "report"

#: Verilator's waivers, each with its reason; used by builds and by lint alike.
WAIVERS = CI / "verilator_waivers.vlt"


def shown(path: Path | str) -> str:
    """Return a path as a user reads it: relative to the working tree when it lies inside."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def write_text(path: Path, text: str) -> None:
    """Write a file that other processes may write or read meanwhile: one of them wins.

    A file that is there with this text stays as it is, with its time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        spare = path.with_name(f".{path.name}.{os.getpid()}")
        spare.write_text(text)
        spare.replace(path)
