# SPDX-License-Identifier: Apache-2.0
"""Registers of the switch by name, and a golden model of how they behave.

Names, addresses and fields come from ``csr_map.json``, which is made from
``rtl/csr/sp_switch.rdl``; docs/csr.md explains them. Addresses are byte addresses, words are 32
bits.

>>> address("port[3].rx_packets")
65728
>>> decode("fwd[0][5]", 0x8001_0002)
{'out': 2, 'paths_log2': 1, 'valid': 1}
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from switchproof.models.layout import NUM_VC, SIZES
from switchproof.models.profiles import Config

MODELS = Path(__file__).parent

#: AXI4 responses.
OKAY = 0
SLVERR = 2

MASK32 = 0xFFFF_FFFF


#: How the names of counters begin.
COUNTED = ("port[].", "port_vc[][].", "latency[][][]", "engine[].")


class CsrError(ValueError):
    """A register, index or field that does not exist; the text says which."""


@dataclasses.dataclass(frozen=True)
class Field:
    """Bits ``lsb + width - 1 : lsb`` of a register; ``reset`` is None when hardware gives it."""

    name: str
    lsb: int
    width: int
    access: str
    reset: int | None
    about: str

    @property
    def mask(self) -> int:
        """The bits of the field within its word."""
        return ((1 << self.width) - 1) << self.lsb


@dataclasses.dataclass(frozen=True)
class Dim:
    """One dimension of an array of registers; ``bound`` names what of it a switch has."""

    bound: str
    count: int
    stride: int

    def present(self, config: Config) -> int:
        """Return how many of the elements a configuration has."""
        if self.bound == "port_words":
            return (config.ports + 31) // 32
        if self.bound == "vcs":
            return NUM_VC
        if self.bound == "latency_bins":
            return SIZES["LATENCY_BINS"]
        return int(getattr(config, self.bound))


@dataclasses.dataclass(frozen=True)
class Register:
    """A register or an array of registers, named with an empty ``[]`` for each dimension."""

    name: str
    address: int
    dims: tuple[Dim, ...]
    about: str
    fields: tuple[Field, ...]

    @property
    def readable(self) -> bool:
        """Whether software may read it."""
        return any("r" in field.access for field in self.fields)

    @property
    def writable(self) -> bool:
        """Whether software may write it."""
        return any("w" in field.access for field in self.fields)

    def field(self, name: str) -> Field:
        """Return a field by name; CsrError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        names = ", ".join(field.name for field in self.fields)
        raise CsrError(f"register {self.name} has no field {name!r}; it has: {names}")

    def addresses(self, *indices: ArrayLike) -> NDArray[np.int64]:
        """Return the addresses of elements: one array of indices a dimension, broadcast.

        CsrError when an index is beyond the map (which may hold more than a switch has).
        """
        if len(indices) != len(self.dims):
            raise CsrError(f"register {self.name} takes {len(self.dims)} indices")
        total = np.asarray(self.address, dtype=np.int64)
        for index, dim in zip(indices, self.dims):
            values = np.asarray(index, dtype=np.int64)
            if values.size and (values.min() < 0 or values.max() >= dim.count):
                raise CsrError(f"register {self.name}: index not in 0..{dim.count - 1}")
            total = total + values * dim.stride
        return total

    def element(self, indices: tuple[int, ...]) -> str:
        """Return the name of one element."""
        name = self.name
        for index in indices:
            name = name.replace("[]", f"[{index}]", 1)
        return name


class CsrMap:
    """All registers, by name and by address."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.address_bits = int(table["address_bits"])
        self.registers: dict[str, Register] = {}
        for row in table["registers"]:
            register = Register(
                name=row["name"],
                address=row["address"],
                dims=tuple(Dim(**dim) for dim in row["dims"]),
                about=row["about"],
                fields=tuple(Field(**field) for field in row["fields"]),
            )
            self.registers[register.name] = register
        # Registers that lie within one another (those of a port) share their outermost stride.
        self._blocks: list[tuple[int, int, list[Register]]] = []
        for register in sorted(self.registers.values(), key=lambda r: r.address):
            dims = register.dims
            size = dims[0].count * dims[0].stride if dims else 4
            if self._blocks and register.address < self._blocks[-1][1]:
                self._blocks[-1][2].append(register)
            else:
                self._blocks.append((register.address, register.address + size, [register]))
        self._starts = [start for start, _, _ in self._blocks]

    def find(self, name: str) -> tuple[Register, tuple[int, ...]]:
        """Return the register of a name such as ``fwd[0][5]``, and its indices."""
        bare = re.sub(r"\[\d+\]", "[]", name)
        if bare not in self.registers:
            raise CsrError(f"no register {name!r}; there are: {', '.join(self.registers)}")
        return self.registers[bare], tuple(int(text) for text in re.findall(r"\[(\d+)\]", name))

    def address(self, name: str) -> int:
        """Return the byte address of a name such as ``port[3].rx_packets``."""
        register, indices = self.find(name)
        return int(register.addresses(*indices))

    def locate(self, address: int) -> tuple[Register, tuple[int, ...]] | None:
        """Return the register and indices at a word's address; None where there is none."""
        address &= ~3
        place = bisect.bisect_right(self._starts, address) - 1
        if place < 0 or address >= self._blocks[place][1]:
            return None
        for register in self._blocks[place][2]:
            rest = address - register.address
            indices = []
            for dim in register.dims:
                indices.append(rest // dim.stride)
                rest %= dim.stride
            if rest == 0:
                return register, tuple(indices)
        return None

    def encode(self, name: str, **values: int) -> int:
        """Return the word of a register with these fields, others zero."""
        register, _ = self.find(name)
        word = 0
        for key, value in values.items():
            field = register.field(key)
            if not 0 <= value < 1 << field.width:
                raise CsrError(f"register {name}: {key} = {value} has more than {field.width} bits")
            word |= value << field.lsb
        return word

    def decode(self, name: str, word: int) -> dict[str, int]:
        """Return the fields of a register's word."""
        register, _ = self.find(name)
        return {f.name: (word & f.mask) >> f.lsb for f in register.fields}


@functools.cache
def load(name: str = "csr_map") -> CsrMap:
    """Return a map: ``csr_map``, ``board_map``, ``link_map`` or ``endpoint_map``."""
    return CsrMap(json.loads((MODELS / f"{name}.json").read_text()))


def address(name: str) -> int:
    """Return the byte address of a name such as ``port[3].rx_packets``."""
    return load().address(name)


def encode(name: str, **values: int) -> int:
    """Return the word of a register with these fields, others zero."""
    return load().encode(name, **values)


def decode(name: str, word: int) -> dict[str, int]:
    """Return the fields of a register's word."""
    return load().decode(name, word)


class CsrModel:
    """What the registers of a switch answer: the golden model of ``sp_csr``.

    ``read`` and ``write`` are bus accesses; ``count``, ``clear`` and ``contexts`` are what happens
    in the hardware. ``counters`` maps ``port[].x``, ``port_vc[][].x``, ``latency[][][]`` and
    ``engine[].x`` to one value an element;
    ``fwd`` is (ports, ids), ``groups`` is (groups,) of Python integers, bit p for port p;
    ``partitions`` and ``sources`` are the words of each port's rights.
    """

    def __init__(self, config: Config, build: int = 0) -> None:
        self.map = load()
        self.config = config
        self.scratch = 0
        self.timeout = 0
        self.ecn_threshold = 0
        self.cut_timeout = self.map.registers["cut_timeout"].fields[0].reset or 0
        self.bad_accesses = 0
        #: Of all ports: multicasts that came in, copies that went out.
        self.totals = {"mcast_packets": 0, "mcast_copies": 0}
        self.fwd = np.zeros((config.ports, config.ids), np.uint32)
        self.groups = [0] * config.groups
        self.partitions = [1] * config.ports
        self.sources = [0] * config.ports
        self._waiting: dict[int, int] = {}
        self._waiting_group = -1
        self.contexts = np.zeros(config.engines, np.uint32)
        self.counters = {
            name: np.zeros([dim.present(config) for dim in register.dims], np.uint32)
            for name, register in self.map.registers.items()
            if name.startswith(COUNTED) and not name.endswith("_used")
        }
        self._fixed = {
            "magic": self.map.registers["magic"].fields[0].reset or 0,
            "version": sum((f.reset or 0) << f.lsb for f in self.map.registers["version"].fields),
            "build": build,
            "status": 1,
            "ports": config.ports,
            "flit_width": config.flit_w,
            "vcs": NUM_VC,
            "iterations": config.iterations,
            "engines": config.engines,
            "contexts": config.contexts,
            "groups": config.groups,
            "ids": config.ids,
            "voq_flits": config.voq_flits,
            "egress_flits": config.egress_flits,
            "counters": config.counters,
            "ecc": config.ecc,
            "multicast": config.mcast,
            "cut_through": config.cut_through,
            "voq_shared": config.voq_shared,
            "types": config.types,
            "ordered": config.ordered,
        }

    # ---------------------------------------------------------------------------- the hardware

    def count(self, name: str, events: ArrayLike) -> None:
        """Add events, one number an element, to counters such as ``port[].rx_flits``."""
        if name in self.totals:
            self.totals[name] += int(np.asarray(events).sum())
            return
        self.counters[name] += np.asarray(events).astype(np.uint32)

    def use_contexts(self, used: ArrayLike) -> None:
        """Say how many contexts of each engine are open."""
        self.contexts[:] = np.asarray(used)
        high = self.counters["engine[].contexts_high"]
        np.maximum(high, self.contexts, out=high)

    def clear(self) -> None:
        """Do what a write of one to ``control.clear`` does."""
        for values in self.counters.values():
            values[:] = 0
        self.counters["engine[].contexts_high"][:] = self.contexts
        self.totals = dict.fromkeys(self.totals, 0)
        self.bad_accesses = 0

    # --------------------------------------------------------------------------------- the bus

    def _refuse(self) -> int:
        self.bad_accesses = (self.bad_accesses + 1) & MASK32
        return SLVERR

    def _there(self, address: int) -> tuple[Register, tuple[int, ...]] | None:
        """Return the register at an address, None if this switch does not have it."""
        found = self.map.locate(address)
        if found is None:
            return None
        register, indices = found
        if any(i >= dim.present(self.config) for i, dim in zip(indices, register.dims)):
            return None
        return found

    def read(self, address: int) -> tuple[int, int]:
        """Read a word; return data and response. The data of SLVERR is zero."""
        found = self._there(address)
        if found is None or not found[0].readable:
            return 0, self._refuse()
        register, index = found
        name = register.name
        if name in self._fixed:
            return self._fixed[name], OKAY
        if name in self.totals:
            return self.totals[name] & MASK32, OKAY
        if name == "engine[].contexts_used":
            return int(self.contexts[index[0]]), OKAY
        if name in self.counters:
            return int(self.counters[name][index]), OKAY
        if name == "group[][]":
            return (self.groups[index[0]] >> (32 * index[1])) & MASK32, OKAY
        if name == "rights[].partitions":
            return self.partitions[index[0]], OKAY
        if name == "rights[].source":
            return self.sources[index[0]], OKAY
        if name == "fwd[][]":
            return int(self.fwd[index]), OKAY
        if name == "fwd_all[]":
            return int(self.fwd[0, index[0]]), OKAY
        values = {
            "scratch": self.scratch,
            "reduction_timeout": self.timeout,
            "ecn_threshold": self.ecn_threshold,
            "cut_timeout": self.cut_timeout,
            "bad_accesses": self.bad_accesses,
        }
        return values[name], OKAY

    def write(self, address: int, data: int, strobe: int = 0xF) -> int:
        """Write a word with byte strobes; return the response."""
        found = self._there(address)
        if found is None or not found[0].writable:
            return self._refuse()
        register, index = found
        bits = sum(0xFF << (8 * byte) for byte in range(4) if strobe >> byte & 1)
        if register.name == "scratch":
            self.scratch = (self.scratch & ~bits) | (data & bits)
        elif register.name == "reduction_timeout":
            self.timeout = (self.timeout & ~bits) | (data & bits)
        elif register.name == "ecn_threshold":
            bits &= sum(field.mask for field in register.fields)
            self.ecn_threshold = (self.ecn_threshold & ~bits) | (data & bits)
        elif register.name == "cut_timeout":
            bits &= sum(field.mask for field in register.fields)
            self.cut_timeout = (self.cut_timeout & ~bits) | (data & bits)
        elif register.name == "ecc_inject":
            pass  # nothing that can be read
        elif register.name == "control":
            if self.map.decode("control", data & bits)["clear"]:
                self.clear()
        elif strobe != 0xF:
            return self._refuse()
        elif register.name == "rights[].partitions":
            self.partitions[index[0]] = data & sum(field.mask for field in register.fields)
        elif register.name == "rights[].source":
            self.sources[index[0]] = data & sum(field.mask for field in register.fields)
        elif register.name == "group[][]":
            return self._write_group(index[0], index[1], data)
        else:
            return self._write_fwd(slice(None) if len(index) == 1 else index[0], index[-1], data)
        return OKAY

    def _write_fwd(self, ports: int | slice, dst: int, data: int) -> int:
        entry = self.map.decode("fwd[0][0]", data)
        if not entry["valid"]:
            self.fwd[ports, dst] = 0
            return OKAY
        if entry["out"] + (1 << entry["paths_log2"]) > self.config.ports + self.config.engines:
            return self._refuse()
        self.fwd[ports, dst] = self.map.encode("fwd[0][0]", **entry)
        return OKAY

    def _write_group(self, group: int, word: int, data: int) -> int:
        last = (self.config.ports - 1) // 32
        if word == last and data >> (self.config.ports - 32 * last):
            return self._refuse()
        if group != self._waiting_group:
            self._waiting, self._waiting_group = {}, group
        self._waiting[word] = data
        if word == last:
            members = self.groups[group]
            for place, value in self._waiting.items():
                members = (members & ~(MASK32 << (32 * place))) | (value << (32 * place))
            self.groups[group] = members
            self._waiting = {}
        return OKAY
