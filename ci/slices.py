# SPDX-License-Identifier: Apache-2.0
"""Bit-sliced simulation: RTL becomes C++ in which each bit of a signal is a vector of simulations.

Yosys turns a module with one clock into tables of up to three inputs and flip-flops;
:func:`netlist` reads them and :func:`cpp` writes one function that simulates a cycle. A word of W
bits holds the same bit of W independent simulations, so each operation advances all of them.

A pipeline rests in most of its stages. Flip-flops with the same enable are a *group*; what only
serves groups that no slice enables in a cycle is not computed in it. That is a rule about the
netlist, whatever the design: a word that is skipped is read by nobody in that cycle.

All flip-flops start at zero, those of memories too.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from switchproof.ci import tools
from switchproof.ci.paths import CI

#: Passes that leave `$lut`, `$_DFF_P_` and `$_DFFE_PP_` only.
PASSES = (
    "proc", "flatten", "opt_clean", "memory_map", "opt -full", "async2sync", "techmap", "opt -full",
    "dfflegalize -cell $_DFF_P_ x -cell $_DFFE_PP_ x", "opt_clean", "abc -lut 3", "opt_clean",
)  # fmt: skip
#: Statements of one C++ function, at most: compilers take more than linear time.
STATEMENTS = 1500
#: The compiler's optimisation; -O2 takes longer and gains nothing, -O0 is for short tests.
OPT = "-O1"
#: Group of what is computed in every cycle.
ALWAYS = -1

Bit = int | str  # a net's number, or "0" or "1"
Words = NDArray[np.uint32]


class SliceError(RuntimeError):
    """RTL that this translation cannot take; the text says what is in the way."""


@dataclasses.dataclass(frozen=True)
class Table:
    """A function of up to three nets: bit i of `table` for the inputs whose bits make i."""

    inputs: tuple[Bit, ...]
    table: int


@dataclasses.dataclass
class Netlist:
    """Tables by the net that they drive, flip-flops as {q: (d, enable)}, ports as nets by bit."""

    tables: dict[int, Table]
    flops: dict[int, tuple[Bit, Bit]]
    inputs: dict[str, list[Bit]]
    outputs: dict[str, list[Bit]]


def synthesize(
    sources: Iterable[Path], top: str, clock: str, parameters: Mapping[str, int], path: Path
) -> Netlist:
    """Return the netlist of a module, through Yosys, which writes it to `path`.

    Yosys ends its process on an error, so it gets one of its own. Raises SliceError.
    """
    values = "".join(f" -G {name}={value}" for name, value in parameters.items())
    passes = [f"read_slang --top {top}{values} {' '.join(map(str, sources))}"]
    passes += [f"hierarchy -top {top}", *PASSES, f"write_json {path}"]
    code = (
        f"from pyosys import libyosys as y\nd = y.Design()\nfor p in {passes!r}: y.run_pass(p, d)"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if found.returncode != 0:
        raise SliceError(f"Yosys does not take {top}: {(found.stdout + found.stderr)[-2000:]}")
    return netlist(json.loads(path.read_text())["modules"][top], clock)


def netlist(module: Mapping[str, Any], clock: str) -> Netlist:
    """Return the netlist of a module of Yosys' JSON. Raises SliceError for what it cannot mean."""
    ports = module["ports"]
    [clock_net] = ports[clock]["bits"]
    result = Netlist({}, {}, {}, {})
    for name, port in ports.items():
        if name != clock:
            side = result.inputs if port["direction"] == "input" else result.outputs
            side[name] = port["bits"]
    for name, cell in module["cells"].items():
        nets = cell["connections"]
        if cell["type"] == "$lut":
            inputs = tuple(nets["A"])
            table = int(cell["parameters"]["LUT"], 2) & ((1 << (1 << len(inputs))) - 1)
            [out] = nets["Y"]
            result.tables[out] = Table(inputs, table)
        elif cell["type"] in ("$_DFF_P_", "$_DFFE_PP_"):
            if nets["C"] != [clock_net]:
                raise SliceError(f"{name} has another clock than {clock}")
            [q], [d], [enable] = nets["Q"], nets["D"], nets.get("E", ["1"])
            result.flops[q] = (d, enable)
        else:
            raise SliceError(f"{name} is a {cell['type']}")
    _check(result)
    return result


def _check(net: Netlist) -> None:
    """Raise SliceError for nets that nobody drives, x, wide tables and loops."""
    known: set[Bit] = {"0", "1", *net.tables, *net.flops}
    known.update(bit for bits in net.inputs.values() for bit in bits)
    used = [bit for table in net.tables.values() for bit in table.inputs]
    used += [bit for pair in net.flops.values() for bit in pair]
    used += [bit for bits in net.outputs.values() for bit in bits]
    for bit in used:
        if bit not in known:
            raise SliceError(f"net {bit} has no value")
    for table in net.tables.values():
        if len(table.inputs) > 3:
            raise SliceError(f"a table has {len(table.inputs)} inputs")
    in_order(net, net.tables)


def in_order(net: Netlist, wanted: Iterable[Bit]) -> list[int]:
    """Return the tables that nets depend on, each behind those that it reads.

    Raises SliceError for a loop.
    """
    done: set[int] = set()
    open_: set[int] = set()
    order: list[int] = []
    for root in wanted:
        stack: list[tuple[Bit, bool]] = [(root, False)]
        while stack:
            bit, leave = stack.pop()
            if not isinstance(bit, int) or bit not in net.tables:
                continue
            if leave:
                open_.discard(bit)
                done.add(bit)
                order.append(bit)
            elif bit in open_:
                raise SliceError(f"net {bit} depends on itself")
            elif bit not in done:
                open_.add(bit)
                stack.append((bit, True))
                stack.extend((b, False) for b in net.tables[bit].inputs if b not in done)
    return order


# --------------------------------------------------------------------------------------- C++


@dataclasses.dataclass
class _Plan:
    """Groups of flip-flops by enable, tables by the set of groups that they serve."""

    enables: list[Bit]
    members: list[list[int]]
    segments: dict[frozenset[int], list[int]]


def _plan(net: Netlist) -> _Plan:
    groups: dict[Bit, list[int]] = {}
    for q, (_, enable) in net.flops.items():
        groups.setdefault(enable, []).append(q)
    free = groups.pop("1", [])
    groups.pop("0", None)  # they never change
    enables, members = list(groups), list(groups.values())

    serves: dict[int, set[int]] = {}

    def mark(bits: Iterable[Bit], group: int) -> None:
        for bit in bits:
            if isinstance(bit, int) and bit in net.tables:
                serves.setdefault(bit, set()).add(group)

    always = [bit for bits in net.outputs.values() for bit in bits] + enables
    always += [net.flops[q][0] for q in free]
    mark(always, ALWAYS)
    for group, flops in enumerate(members):
        mark((net.flops[q][0] for q in flops), group)
    # each table just before what first needs it: few values are alive at a time
    order = in_order(net, [*always, *(net.flops[q][0] for flops in members for q in flops)])
    for bit in reversed(order):
        for group in serves.get(bit, ()):
            mark(net.tables[bit].inputs, group)

    segments: dict[frozenset[int], list[int]] = {}
    for bit in order:
        key = frozenset([ALWAYS]) if ALWAYS in serves[bit] else frozenset(serves[bit])
        segments.setdefault(key, []).append(bit)
    enables.append("1")
    members.append(free)
    return _Plan(enables, members, segments)


def _commit_order(net: Netlist, plan: _Plan) -> tuple[list[int], set[int]]:
    """Return the groups such that who reads a group comes before it, and those where that cannot
    be: their new values wait until all have been computed."""
    timed = plan.members[:-1]  # what has no enable waits anyway
    group_of = {q: g for g, flops in enumerate(timed) for q in flops}
    reads: dict[int, set[int]] = {}
    for g, flops in enumerate(timed):
        bits = [net.flops[q][0] for q in flops]
        for bit in plan.segments.get(frozenset([g]), ()):
            bits += net.tables[bit].inputs
        reads[g] = {group_of[b] for b in bits if isinstance(b, int) and b in group_of}
    left = set(reads)
    order: list[int] = []
    late: set[int] = {g for g in reads if g in reads[g]}
    while left:
        read = {g for h in left for g in reads[h] - {h}}
        ready = sorted((left - read) or (left & late))
        if not ready:
            # break a loop where the fewest flip-flops wait
            ready = [min(left, key=lambda g: (len(plan.members[g]), g))]
            late.add(ready[0])
        elif not left - read:
            ready = ready[:1]
        order += ready
        left -= set(ready)
    return order, late


def cpp(net: Netlist) -> str:
    """Return C++ with `struct Slices`: vectors `in`, `out` and `cycle()`, which gives the outputs
    that go with the inputs and then the clock's edge. It is included where sliced.h is."""
    plan = _plan(net)
    free = len(plan.members) - 1
    order, late = _commit_order(net, plan)
    text = ["// Generated by ci/slices.py.", "struct Slices {"]
    place: dict[Bit, str] = {"0": "V{}", "1": "ones()"}
    for side, ports in (("in", net.inputs), ("out", net.outputs)):
        at = 0
        for name, bits in ports.items():
            text.append(f"    static constexpr int {name} = {at}, {name}_w = {len(bits)};")
            if side == "in":
                place.update({bit: f"in[{at + k}]" for k, bit in enumerate(bits)})
            at += len(bits)
        text.append(f"    V {side}[{max(at, 1)}]{{}};")
    base: dict[int, int] = {}
    count = 0
    for g in range(len(plan.members)):
        base[g] = count
        for q in plan.members[g]:
            place[q] = f"q[{count}]"
            count += 1
    for q in net.flops:
        place.setdefault(q, "V{}")
    text.append(f"    V q[{max(count, 1)}]{{}}, next[{max(count, 1)}]{{}};")

    home = {bit: key for key, bits in plan.segments.items() for bit in bits}
    shared = _shared(net, plan, home)
    for number, bit in enumerate(sorted(shared)):
        place[bit] = f"w[{number}]"
    text.append(f"    V w[{max(len(shared), 1)}]{{}};")
    text.append(f"    bool on[{len(plan.members)}]{{}};")

    body: list[str] = []
    always = frozenset([ALWAYS])
    for key in sorted(plan.segments, key=lambda k: (k != always, -len(k), sorted(k))):
        if key == always:
            tail = [
                f"next[{base[free] + i}] = {{{net.flops[q][0]}}};"
                for i, q in enumerate(plan.members[free])
            ]
            tail += [
                f"out[{k}] = {{{bit}}};"
                for k, bit in enumerate(b for bits in net.outputs.values() for b in bits)
            ]
            _function(text, body, net, place, "always", "", plan.segments[key], tail)
            body += [
                f"on[{g}] = any({place[enable]});" for g, enable in enumerate(plan.enables[:-1])
            ]
        elif len(key) > 1:
            guard = " || ".join(f"on[{g}]" for g in sorted(key))
            name = f"for_{len(text)}"
            _function(text, body, net, place, name, guard, plan.segments[key], [])
    for g in order:
        target = "next" if g in late else "q"
        enable = plan.enables[g]
        tail = [
            f"{target}[{base[g] + i}] = pick({{{enable}}}, {{{net.flops[q][0]}}}, {place[q]});"
            for i, q in enumerate(plan.members[g])
        ]
        tables = plan.segments.get(frozenset([g]), [])
        _function(text, body, net, place, f"group_{g}", f"on[{g}]", tables, tail)
    for g in sorted(late | {free}):
        if plan.members[g]:
            guard = "" if g == free else f"if (on[{g}]) "
            body.append(
                f"{guard}std::memcpy(q + {base[g]}, next + {base[g]}, "
                f"sizeof(V) * {len(plan.members[g])});"
            )
    text += ["    void cycle() {", *(f"        {line}" for line in body), "    }", "};"]
    return "\n".join(text) + "\n"


def _shared(net: Netlist, plan: _Plan, home: Mapping[int, frozenset[int]]) -> set[int]:
    """Return the tables that are read outside of their segment, or drive an enable."""
    shared = {bit for bit in plan.enables if isinstance(bit, int) and bit in net.tables}
    for bit, key in home.items():
        shared |= {
            b for b in net.tables[bit].inputs if isinstance(b, int) and home.get(b, key) != key
        }
    for g, flops in enumerate(plan.members):
        key = frozenset([g if g < len(plan.members) - 1 else ALWAYS])
        for q in flops:
            d = net.flops[q][0]
            if isinstance(d, int) and home.get(d, key) != key:
                shared.add(d)
    return shared


def _function(
    text: list[str],
    body: list[str],
    net: Netlist,
    place: dict[Bit, str],
    name: str,
    guard: str,
    tables: list[int],
    tail: list[str],
) -> None:
    """Add a function (or several) that computes tables and then statements in which {n} is a net,
    and its calls."""
    parts: list[list[str]] = [[]]
    local: dict[Bit, str] = {bit: f"t{bit}" for bit in tables if bit not in place}
    if len(tables) + len(tail) > STATEMENTS:
        # values that cross from one function to the next are kept
        text.append(f"    V {name}_k[{max(len(local), 1)}];")
        local = {bit: f"{name}_k[{i}]" for i, bit in enumerate(local)}
    where = {**place, **local}
    for out in tables:
        table = net.tables[out]
        words = [where[b] for b in reversed(table.inputs)]
        value = f"lut<{len(words)}, {table.table}>({', '.join(words)})"
        declare = "" if "[" in where[out] else "const V "
        parts[-1].append(f"{declare}{where[out]} = {value};")
        if len(parts[-1]) >= STATEMENTS:
            parts.append([])
    for statement in tail:
        head, *rest = statement.split("{")
        for piece in rest:
            bit, _, after = piece.partition("}")
            head += where[bit if bit in ("0", "1") else int(bit)] + after
        parts[-1].append(head)
        if len(parts[-1]) >= STATEMENTS:
            parts.append([])
    for number, part in enumerate(parts):
        if not part:
            continue
        text.append(f"    __attribute__((noinline)) void {name}_{number}() {{")
        text += [f"        {line}" for line in part]
        text.append("    }")
        body.append(f"{f'if ({guard}) ' if guard else ''}{name}_{number}();")


# ----------------------------------------------------------------------------------- programs


def compile_program(
    net: Netlist, main: Path, folder: Path, include: Iterable[Path] = (), opt: str = OPT
) -> Path:
    """Return a program made of the netlist, as slices.inc, and a C++ source that includes it.

    Raises SliceError with the compiler's text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "slices.inc").write_text(cpp(net))
    program = folder / main.stem
    flags = ["-std=gnu++20", opt, "-Wall", "-Wextra", *native()]
    flags += [f"-I{path}" for path in (folder, CI, *include)]
    command = [*tools.compiler().split(), *flags, "-o", str(program), str(main)]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode != 0:
        raise SliceError(f"{main.name} does not compile: {found.stderr[-2000:]}")
    return program


@functools.cache
def native() -> tuple[str, ...]:
    """Return the compiler's flag for all that this processor can do, if it has one."""
    command = [*tools.compiler().split(), "-march=native", "-E", "-x", "c++", "-"]
    found = subprocess.run(command, input="", capture_output=True, text=True)
    return ("-march=native",) if found.returncode == 0 else ()


def simulate(
    net: Netlist, stimulus: Mapping[str, Words], folder: Path, opt: str = OPT
) -> dict[str, Words]:
    """Return the outputs of a netlist, before each clock edge, for what its inputs are.

    Arrays have shape (cycles, slices); slices beyond those that the processor has are another run.
    """
    program = compile_program(net, CI / "sliced_main.cpp", folder, opt=opt)
    width = int(subprocess.run([program], capture_output=True, text=True, check=True).stdout)
    cycles, slices = next(iter(stimulus.values())).shape
    parts: list[dict[str, Words]] = []
    for start in range(0, slices, width):
        used = min(width, slices - start)
        planes = []
        for name, bits in net.inputs.items():
            word = stimulus[name][:, start : start + used]
            # slices to spare do what the last one does: they wake no group that it leaves at rest
            word = np.pad(word, ((0, 0), (0, width - used)), mode="edge")
            planes += [
                np.packbits((word >> k & 1).astype(np.uint8), axis=1, bitorder="little")
                for k in range(len(bits))
            ]
        np.stack(planes, 1).tofile(folder / "stimulus")
        files = [f"stimulus={folder / 'stimulus'}", f"outputs={folder / 'outputs'}"]
        subprocess.run([program, *files], capture_output=True, check=True)
        raw = np.fromfile(folder / "outputs", np.uint8).reshape(cycles, -1, width // 8)
        rows = np.unpackbits(raw, axis=2, count=used, bitorder="little")
        part: dict[str, Words] = {n: np.zeros((cycles, used), np.uint32) for n in net.outputs}
        at = 0
        for name, bits in net.outputs.items():
            for k in range(len(bits)):
                part[name] |= rows[:, at + k].astype(np.uint32) << np.uint32(k)
            at += len(bits)
        parts.append(part)
    return {name: np.concatenate([p[name] for p in parts], 1) for name in net.outputs}
