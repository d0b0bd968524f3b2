# SPDX-License-Identifier: Apache-2.0
"""What the registers of an endpoint answer: the golden model of ``sp_endpoint_csr``.

Names, addresses and fields come from ``endpoint_map.json``, which is made from
``rtl/endpoint/sp_endpoint.rdl``; docs/endpoint-registers.md explains them. The model keeps words,
row by row as the host writes them; fields are cut out of them only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from switchproof.models import csr

#: The event of each bit of ``irq_status``, by its counter.
INTERRUPTS = {
    "tag_timeout": ("tag_timeouts",),
    "atomic_unknown": ("atomics_unknown",),
    "broken_check": ("broken_checks",),
    "plane_down": ("planes_down",),
    "collective_failed": ("collective_errors", "collective_timeouts"),
    "memory_error": ("memory_errors",),
}
#: Words of a row of each table, in their order; the last changes the row.
ROWS = {
    "region[]": ("base_low", "base_high", "offset_low", "offset_high", "entry"),
    "fetch[]": ("base_low", "base_high", "bytes", "entry"),
}
#: Where the counters lie, bytes.
COUNTERS_FROM, COUNTERS_TO = 0x80, 0x100


def events() -> tuple[str, ...]:
    """Return the names of the events, in the order of the bits of ``event_i``."""
    found = [
        register
        for register in csr.load("endpoint_map").registers.values()
        if COUNTERS_FROM <= register.address < COUNTERS_TO
    ]
    return tuple(r.name for r in sorted(found, key=lambda register: register.address))


class EndpointRegisters:
    """Registers of an endpoint with so many regions, groups and planes.

    ``read`` and ``write`` are bus accesses; ``count`` is what happens in a cycle. ``shown`` are the
    parameters that are only shown, by register. ``words`` holds single registers by name, ``rows``
    the words of each row of a table, ``counters`` the events so far.
    """

    def __init__(self, regions: int, groups: int, planes: int, **shown: int) -> None:
        self.map = csr.load("endpoint_map")
        self.there = {"regions": regions, "groups": groups}
        self.all_planes = (1 << planes) - 1
        self.words = {
            name: sum((field.reset or 0) << field.lsb for field in register.fields)
            for name, register in self.map.registers.items()
            if not register.dims
        }
        self.words |= {"regions": regions, "groups": groups, "plane_count": planes, **shown}
        self.words["planes"] &= self.all_planes
        self.counters = dict.fromkeys(events(), 0)
        self.rows = {
            table: [dict.fromkeys(words, 0) for _ in range(count)]
            for (table, words), count in zip(ROWS.items(), (regions, groups), strict=True)
        }
        self._waiting: dict[str, int] = {}
        self._waiting_row: tuple[str, int] = ("", 0)

    # ---------------------------------------------------------------------------- the hardware

    def count(self, happened: Iterable[str]) -> None:
        """Let these events happen in a cycle."""
        happened = tuple(happened)
        for name in happened:
            self.counters[name] = min(self.counters[name] + 1, csr.MASK32)
        for bit, names in INTERRUPTS.items():
            if any(name in happened for name in names):
                self.words["irq_status"] |= self.map.encode("irq_status", **{bit: 1})

    def clear(self) -> None:
        """Do what a write of one to ``command.clear`` does."""
        self.counters = dict.fromkeys(self.counters, 0)
        self.words["bad_accesses"] = 0

    @property
    def irq(self) -> int:
        """The interrupt line."""
        return int(self.words["irq_status"] & self.words["irq_mask"] != 0)

    def region(self, index: int) -> dict[str, int]:
        """Return a region by the fields of ``region_t``, and in that order."""
        row = self.rows["region[]"][index]
        entry = self.map.decode("region[].entry", row["entry"])
        return {
            "valid": entry["valid"],
            "strict": entry["strict"],
            "size_log2": entry["size_log2"],
            "window_log2": entry["window_log2"],
            "dst": entry["dst"],
            "base": row["base_high"] << 32 | row["base_low"],
            "offset": row["offset_high"] << 32 | row["offset_low"],
        }

    def fetch(self, index: int) -> tuple[int, int, int]:
        """Return {valid, first address, bytes} of a row of the fetch table."""
        row = self.rows["fetch[]"][index]
        return row["entry"], row["base_high"] << 32 | row["base_low"], row["bytes"]

    # --------------------------------------------------------------------------------- the bus

    def _refuse(self) -> int:
        self.words["bad_accesses"] = (self.words["bad_accesses"] + 1) & csr.MASK32
        return csr.SLVERR

    def _find(self, address: int) -> tuple[csr.Register, tuple[int, ...]] | None:
        """Return the register at an address, None if this endpoint does not have it."""
        found = self.map.locate(address)
        if found is None:
            return None
        register, indices = found
        if any(i >= self.there[d.bound] for i, d in zip(indices, register.dims, strict=True)):
            return None
        return found

    def read(self, address: int) -> tuple[int, int]:
        """Read a word; return data and response. The data of SLVERR is zero."""
        found = self._find(address)
        if found is None or not found[0].readable:
            return 0, self._refuse()
        register, indices = found
        if register.dims:
            table, word = register.name.split(".")
            return self.rows[table][indices[0]][word], csr.OKAY
        if register.name in self.counters:
            return self.counters[register.name], csr.OKAY
        return self.words[register.name], csr.OKAY

    def write(self, address: int, data: int, strobe: int = 0xF) -> int:
        """Write a word with byte strobes; return the response."""
        found = self._find(address)
        if found is None or not found[0].writable:
            return self._refuse()
        register, indices = found
        bits = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
        bits &= sum(field.mask for field in register.fields)
        name = register.name
        if register.dims:
            table, word = name.split(".")
            if strobe != 0xF:
                return self._refuse()
            return self._write_row(table, indices[0], word, data & bits)
        if name == "command":
            if data & bits:
                self.clear()
        elif name == "irq_status":
            self.words[name] &= ~(data & bits)
        else:
            self.words[name] = self.words[name] & ~bits | data & bits
        for name in ("planes", "spare"):
            self.words[name] &= self.all_planes
        if not self.words["checks"]:
            self.words["control"] &= ~self.map.encode("control", seal=1, require=1)
        return csr.OKAY

    def _write_row(self, table: str, index: int, word: str, data: int) -> int:
        """Write a word of a row: it waits, or is the last and changes the row."""
        waiting = self._waiting if self._waiting_row == (table, index) else {}
        if word != ROWS[table][-1]:
            self._waiting, self._waiting_row = {**waiting, word: data}, (table, index)
            return csr.OKAY
        row = {**self.rows[table][index], **waiting, word: data}
        if table == "region[]" and not self._fits(row):
            return self._refuse()
        self.rows[table][index] = row
        self._waiting = {}
        return csr.OKAY

    def _fits(self, row: dict[str, int]) -> bool:
        """Return whether a region does not count, or can be."""
        entry = self.map.decode("region[].entry", row["entry"])
        base = row["base_high"] << 32 | row["base_low"]
        return not entry["valid"] or (
            entry["size_log2"] >= 8
            and 8 <= entry["window_log2"] <= 57
            and base % 2 ** entry["size_log2"] == 0
        )
