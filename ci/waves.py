# SPDX-License-Identifier: Apache-2.0
"""GTKWave save files that show the packet path first.

GTKWave finds a vector only by its name with its range, which the trace alone knows: so the save
file is made after the run, from the trace's own list of signals (VCD header or FST hierarchy).
"""

from __future__ import annotations

import contextlib
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

#: Ports of a vector of ports that are shown; the rest are one click away.
_MOST = 200
_FST_SCOPE, _FST_UPSCOPE, _FST_ATTR_BEGIN, _FST_ATTR_END = 254, 255, 252, 253
_FST_HIERARCHY_GZIP, _FST_HIERARCHY_LZ4, _FST_HIERARCHY_LZ4_TWICE = 4, 6, 7


def signals(trace: Path) -> list[str]:
    """Return the full names, with ranges, of all signals of a trace."""
    names = []
    # A run that was killed leaves a trace cut short: what can be read is shown.
    with contextlib.suppress(IndexError, ValueError, struct.error, zlib.error):
        for name in _vcd(trace) if trace.suffix == ".vcd" else _fst(trace):
            names.append(name)
    return names


def _vcd(trace: Path) -> Iterator[str]:
    scope: list[str] = []
    with trace.open(errors="replace") as handle:
        for line in handle:
            words = line.split()
            if not words:
                continue
            if words[0] == "$scope":
                scope.append(words[2])
            elif words[0] == "$upscope":
                scope.pop()
            elif words[0] == "$var":
                yield ".".join([*scope, "".join(words[4:-1])])
            elif words[0] == "$enddefinitions":
                return


def _fst(trace: Path) -> Iterator[str]:
    """Walk the blocks of an FST file to its hierarchy, unpack it and read that."""
    data = trace.read_bytes()
    at = 0
    while at + 9 <= len(data):
        kind, length = data[at], struct.unpack(">Q", data[at + 1 : at + 9])[0]
        if kind == _FST_HIERARCHY_GZIP:
            yield from _fst_hierarchy(zlib.decompress(data[at + 17 : at + 1 + length], wbits=31))
            return
        if kind == _FST_HIERARCHY_LZ4:
            yield from _fst_hierarchy(_lz4(data[at + 17 : at + 1 + length]))
            return
        if kind == _FST_HIERARCHY_LZ4_TWICE:
            yield from _fst_hierarchy(_lz4(_lz4(data[at + 25 : at + 1 + length])))
            return
        at += 1 + length


def _lz4(data: bytes) -> bytes:
    """Return what an LZ4 block holds: literals, then copies from what came before."""
    out = bytearray()
    at = 0

    def length(nibble: int) -> int:
        nonlocal at
        if nibble == 15:
            more = 255
            while more == 255:
                more = data[at]
                at += 1
                nibble += more
        return nibble

    while at < len(data):
        token = data[at]
        at += 1
        count = length(token >> 4)
        out += data[at : at + count]
        at += count
        if at >= len(data):
            break
        back = data[at] | data[at + 1] << 8
        at += 2
        count = length(token & 15) + 4
        if not 0 < back <= len(out):
            raise ValueError("a copy from outside of the block")
        start = len(out) - back
        # A copy may run into what it writes: repeat the stretch until it is long enough.
        chunk = out[start : start + count]
        while len(chunk) < count:
            chunk += chunk[: count - len(chunk)]
        out += chunk
    return bytes(out)


def _fst_hierarchy(data: bytes) -> Iterator[str]:
    scope: list[str] = []
    at = 0

    def string() -> str:
        nonlocal at
        end = data.index(0, at)
        text = data[at:end].decode(errors="replace")
        at = end + 1
        return text

    def number() -> None:
        nonlocal at
        while data[at] & 0x80:
            at += 1
        at += 1

    while at < len(data):
        tag = data[at]
        at += 1
        if tag == _FST_SCOPE:
            at += 1
            scope.append(string())
            string()
        elif tag == _FST_UPSCOPE:
            scope.pop()
        elif tag == _FST_ATTR_BEGIN:
            at += 2
            string()
            number()
        elif tag != _FST_ATTR_END:
            at += 1
            name = string()
            number()
            number()
            yield ".".join([*scope, name.replace(" ", "")])


def write_save_file(trace: Path, toplevel: str, first: tuple[str, ...]) -> Path:
    """Write the save file beside a trace: signals named in ``first`` (paths below the top)
    first, then the top's own. Returns its path."""
    names = signals(trace)
    by_base: dict[str, list[str]] = {}
    for name in names:
        by_base.setdefault(re.sub(r"\[[^.]*$", "", name), []).append(name)
    path = trace.with_suffix(".gtkw")
    head = f"TOP.{toplevel}"
    if head not in {name.rpartition(".")[0] for name in names}:
        head = toplevel
    lines = [f'[dumpfile] "{trace}"', "[sst_expanded] 1", f"[treeopen] {head}."]
    if first:
        lines += ["@200", "-packet path"]
    for name in first:
        lines += _shown(by_base.get(f"{head}.{name}", []))
    lines += ["@200", f"-{toplevel}"]
    own = [n for n in names if n.rpartition(".")[0] == head]
    lines += _shown(own[:_MOST])
    path.write_text("\n".join(lines) + "\n")
    return path


def _shown(names: list[str]) -> list[str]:
    """Return names as lines: hexadecimal for vectors, one bit as it is."""
    lines = []
    for name in names[:_MOST]:
        lines += ["@22" if re.search(r":\d+\]$", name) else "@28", name]
    return lines
