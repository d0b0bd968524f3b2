# SPDX-License-Identifier: Apache-2.0
"""Verilator builds, shared by all who need the same one.

A build lies in ``build/sim/<name>-<hash>/``; the hash covers the contents of all sources, the
flags and the tool versions, so that an edit makes a new build and a second test finds the first's.
A file lock makes parallel tests wait for one build instead of making two.

Verilator's run-time library takes longer to compile than a small design (17 s against 3 s), and is
the same for all: its objects are kept in ``build/sim/.runtime-<hash>/``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from switchproof.ci import tools
from switchproof.ci.paths import BUILD, CI, RTL, SIM_BUILDS, WAIVERS, shown, write_text

COVERAGE_ARGS = ("--coverage-line", "--coverage-toggle", "--coverage-expr", "--coverage-user")
#: Less generated C++ than this is compiled as one unit: loading Verilator's headers for each of
#: 25 files costs more than a second processor gains (44 s of processor time against 12 s).
ONE_UNIT_BYTES = 24_000_000
#: What coverage leaves out.
COVERAGE_CONFIG = CI / "coverage.vlt"
#: Files of an include folder that count as sources.
INCLUDED = (".sv", ".svh", ".v", ".vh", ".h", ".hpp", ".inc")
#: A build that nobody used for so long (seconds) goes when a newer of the same name is made.
KEEP_UNUSED = 24 * 3600
TAIL_LINES = 40
#: File of a build that says how long it took to make.
SECONDS = "seconds"


#: From so many ports on neither the code nor the queues of a cycle fit into caches.
OUT_OF_CACHE_FROM = 128


class BuildError(RuntimeError):
    """A design that does not elaborate or compile; the text holds the tool's errors."""


@dataclasses.dataclass(frozen=True)
class BuildSpec:
    """What to build. Sources hold SystemVerilog, .vlt and C++ files, in compile order.

    ``opt`` is the C++ optimisation of generated code: tests take :func:`test_opt`, a benchmark of
    a small switch more. ``vpi`` links cocotb's main and
    library; without it one of the C++ sources has ``main``. Parameters are those of the top module.
    Coverage is of the folders ``blocks`` of rtl/, of all if there are none: what is left out is
    not only less to compile, but again one function for all instances of a module.
    """

    name: str
    toplevel: str
    sources: tuple[Path, ...]
    include_dirs: tuple[Path, ...] = ()
    parameters: tuple[tuple[str, int | str], ...] = ()
    defines: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()
    vpi: bool = True
    coverage: bool = False
    blocks: tuple[str, ...] = ()
    waves: bool = False
    opt: str = "-O2"


@dataclasses.dataclass(frozen=True)
class Build:
    """A finished build: its folder, its executable, and the seconds that making it took."""

    path: Path
    executable: Path
    seconds: float


def test_opt(ports: int) -> str:
    """Return the optimisation of a test's design with so many ports.

    -O1 compiles a third faster than -O2, and the few seconds of a test run alike; -Os makes half
    the code of either.
    """
    return "-Os" if ports >= OUT_OF_CACHE_FROM else "-O1"


def public(toplevel: str) -> Path:
    """Return a .vlt that makes the top module's own signals, and no others, visible to cocotb."""
    path = BUILD / "harness" / f"public-{toplevel}.vlt"
    text = f'`verilator_config\npublic_flat_rw -module "{toplevel}" -var "*"\n'
    write_text(path, text)
    return path


def _coverage_config(blocks: tuple[str, ...]) -> list[Path]:
    """Return the .vlt files that say what coverage leaves out."""
    if not blocks:
        return [COVERAGE_CONFIG]
    others = sorted({folder.name for folder in RTL.iterdir() if folder.is_dir()} - set(blocks))
    text = "".join(f'coverage_off -file "*/rtl/{name}/*"\n' for name in others)
    path = BUILD / "harness" / f"coverage-{'-'.join(blocks)}.vlt"
    write_text(path, f"`verilator_config\n{text}")
    return [COVERAGE_CONFIG, path]


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock between processes for as long as the context lasts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def trace_format() -> str:
    """Return ``fst`` when its library is there, else ``vcd``."""
    return "fst" if tools.has_lz4() else "vcd"


def _common_args(spec: BuildSpec) -> list[str]:
    args = ["--top-module", spec.toplevel, "--assert", "--timescale", "1ns/1ps"]
    args += [f"-I{folder}" for folder in spec.include_dirs]
    args += [f"-G{name}={value}" for name, value in spec.parameters]
    args += [f"-D{name}={value}" if value else f"-D{name}" for name, value in spec.defines]
    return args


def _verilator_args(spec: BuildSpec) -> list[str]:
    args = ["--cc", "--exe", "--prefix", "Vtop", "-o", "sim", *_common_args(spec)]
    args += ["--x-assign", "unique", "--x-initial", "unique"]
    if spec.vpi:
        import cocotb_tools.config as cocotb

        libs = cocotb.libs_dir
        args += ["--vpi", "--no-public-flat-rw"]
        args += ["-LDFLAGS", f"-Wl,-rpath,{libs} -L{libs} -lcocotbvpi_verilator"]
        args.append(str(cocotb.share_dir / "lib" / "verilator" / "verilator.cpp"))
    if spec.coverage:
        args += [*COVERAGE_ARGS, *map(str, _coverage_config(spec.blocks))]
    if spec.waves:
        args += ["--trace-fst" if trace_format() == "fst" else "--trace-vcd", "--trace-structs"]
    args += spec.args
    if WAIVERS.exists():
        args.append(str(WAIVERS))
    args += [str(source) for source in spec.sources]
    return args


def fingerprint(spec: BuildSpec) -> str:
    """Return the hash of all that decides what a build holds."""
    digest = hashlib.sha256()
    tool = tools.verilator()
    digest.update(repr((spec, tool.version, str(tool.root), tools.compiler_version())).encode())
    if spec.waves:
        digest.update(trace_format().encode())
    files = list(spec.sources)
    folders = {folder for folder in spec.include_dirs if folder.is_dir()}
    # C++ sources include headers beside them.
    folders |= {source.parent for source in spec.sources if source.suffix in (".cpp", ".cc")}
    for folder in sorted(folders):
        files += sorted(path for path in folder.iterdir() if path.suffix in INCLUDED)
    for path in [*files, WAIVERS, *(_coverage_config(spec.blocks) if spec.coverage else [])]:
        if path.exists():
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def lint(spec: BuildSpec, *, wall: bool = False) -> None:
    """Elaborate only. Raises BuildError with Verilator's text, which includes ``$fatal``'s.

    ``wall`` turns all warnings on; a warning that no waiver names is an error.
    """
    tool = tools.verilator()
    sources = [path for path in spec.sources if path.suffix not in (".cpp", ".cc", ".c")]
    command = [*tool.command, "--lint-only", *(["-Wall"] if wall else []), *_common_args(spec)]
    command += [*spec.args, *([str(WAIVERS)] if WAIVERS.exists() else []), *map(str, sources)]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, env=tool.environment()
    )
    if result.returncode != 0:
        raise BuildError(_errors(result.stdout + result.stderr))


def build(spec: BuildSpec, jobs: int | None = None) -> Build:
    """Return the build of a spec, made now or found. Raises BuildError with the tool's errors."""
    if any(character.isspace() for character in str(SIM_BUILDS)):
        raise BuildError(f"make cannot build in a path with spaces: {SIM_BUILDS}")
    path = SIM_BUILDS / f"{spec.name}-{fingerprint(spec)}"
    executable = path / "sim"
    if executable.exists():
        os.utime(executable)
        return Build(path, executable, _seconds(path))
    with lock(SIM_BUILDS / f".{path.name}.lock"):
        if not executable.exists():
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
            _make(spec, path, jobs or tools.jobs())
            _prune(spec.name, path)
        return Build(path, executable, _seconds(path))


def _seconds(path: Path) -> float:
    """Return what making a build took; 0 for one that was made before this was noted."""
    noted = path / SECONDS
    return float(noted.read_text()) if noted.exists() else 0.0


def _make(spec: BuildSpec, path: Path, jobs: int) -> None:
    begin = time.monotonic()
    tool = tools.verilator()
    objects = path / "obj"
    log = path / "build.log"
    _run([*tool.command, "-Mdir", str(objects), *_verilator_args(spec)], path, log)
    make = ["make", "--no-print-directory", "-C", str(objects), "-f", "Vtop.mk"]
    make += [*tool.make_variables(), f"OPT_FAST={spec.opt}", f"OPT_GLOBAL={_RUNTIME_OPT}"]
    # Where loops stay loops, what is left is wires in functions of some 10,000 lines: apart.
    size = sum(source.stat().st_size for source in objects.glob("*.cpp"))
    if size < ONE_UNIT_BYTES and "--unroll-count" not in spec.args:
        make.append("VM_PARALLEL_BUILDS=0")
    _seed_runtime(objects, make, log, jobs)
    _run([*make, f"-j{jobs}"], path, log)
    (path / SECONDS).write_text(f"{time.monotonic() - begin:.1f}\n")
    (objects / "sim").replace(path / "sim")
    shutil.rmtree(objects)


#: Optimisation of Verilator's run-time library; -Os compiles a third faster than -O2 and the
#: difference does not show, since a cycle is spent in generated code.
_RUNTIME_OPT = "-Os"


def _seed_runtime(objects: Path, make: list[str], log: Path, jobs: int) -> None:
    """Put the run-time library's objects into a build, compiling them only the first time."""
    classes = (objects / "Vtop_classes.mk").read_text().replace("\\\n", " ")
    values = dict(re.findall(r"^(VM_\w+)\s*\+?=(.*)$", classes, re.MULTILINE))
    makefile = (objects / "Vtop.mk").read_text().replace("\\\n", " ")
    flags = re.findall(r"^VM_USER_CFLAGS\s*=(.*)$", makefile, re.MULTILINE)
    names = f"{values.get('VM_GLOBAL_FAST', '')} {values.get('VM_GLOBAL_SLOW', '')}".split()
    switches = {k: v.strip() for k, v in values.items() if v.strip() in ("0", "1")}
    switches.pop("VM_PARALLEL_BUILDS", None)
    tool = tools.verilator()
    key = repr((sorted(switches.items()), flags, tool.version, str(tool.root), _RUNTIME_OPT))
    digest = hashlib.sha256((key + tools.compiler_version()).encode()).hexdigest()[:12]
    stash = SIM_BUILDS / f".runtime-{digest}"
    with lock(SIM_BUILDS / f".runtime-{digest}.lock"):
        stash.mkdir(exist_ok=True)
        absent = [name for name in names if not (stash / f"{name}.o").exists()]
        if absent:
            _run([*make, f"-j{jobs}", *(f"{name}.o" for name in absent)], objects, log)
            for name in absent:
                shutil.copyfile(objects / f"{name}.o", stash / f"{name}.tmp")
                (stash / f"{name}.tmp").replace(stash / f"{name}.o")
    for name in names:
        # A plain copy is newer than the makefile, so that make takes it as it is.
        shutil.copyfile(stash / f"{name}.o", objects / f"{name}.o")


def _run(command: list[str], cwd: Path, log: Path) -> None:
    with log.open("a") as handle:
        handle.write("$ " + " ".join(command) + "\n")
        handle.flush()
        result = subprocess.run(
            command,
            cwd=cwd,
            stdout=handle,
            stderr=subprocess.STDOUT,
            check=False,
            env=tools.verilator().environment(),
        )
    if result.returncode != 0:
        text = log.read_text(errors="replace").rsplit("\n$ ", 1)[-1]
        raise BuildError(f"{_errors(text)}\nthe whole log: {shown(log)}")


def _errors(text: str) -> str:
    """Return the lines with errors, else the end, of a tool's output; bounded."""
    lines = text.splitlines()
    marks = re.compile(r"%(Error|Warning)|error:|undefined ref")
    marked = [i for i, line in enumerate(lines) if marks.search(line)]
    if not marked:
        return "\n".join(lines[-TAIL_LINES:])
    keep = sorted({j for i in marked for j in range(i, min(i + 4, len(lines)))})
    return "\n".join(lines[i] for i in keep[:TAIL_LINES])


def _prune(name: str, keep: Path) -> None:
    """Remove builds of the same name that nobody used for long."""
    limit = time.time() - KEEP_UNUSED
    for path in SIM_BUILDS.glob(f"{name}-{'[0-9a-f]' * 16}"):
        executable = path / "sim"
        if path != keep and executable.exists() and executable.stat().st_mtime < limit:
            shutil.rmtree(path, ignore_errors=True)
