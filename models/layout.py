# SPDX-License-Identifier: Apache-2.0
"""The packet layout as Python sees it: fields, enumerations and sizes from ``layout.json``.

``layout.json`` is made from rtl/common/sp_pkg.sv by ``python -m switchproof.ci.layout``; no offset
or code is written a second time here.

Names: a field of the common part has its own name (``op``, ``dst``); a field of a class part has
the name of its class in front (``coll_seq``, ``mem_addr``), and also its bare name where that is
not ambiguous (``seq``, ``arg``; not ``addr``, ``rsvd`` or ``data``).
"""

from __future__ import annotations

import dataclasses
import enum
import json
from pathlib import Path
from typing import Any

LAYOUT_FILE = Path(__file__).with_name("layout.json")


@dataclasses.dataclass(frozen=True)
class Field:
    """One header field; ``offset`` counts from bit 0 of the 128-bit header."""

    name: str
    part: str
    offset: int
    width: int
    about: str

    @property
    def word(self) -> int:
        """Which of the two little-endian 64-bit words of the header holds the field."""
        return self.offset // 64

    @property
    def shift(self) -> int:
        """Position of the field in its word."""
        return self.offset % 64

    @property
    def mask(self) -> int:
        """Largest value of the field."""
        return (1 << self.width) - 1


def _load() -> dict[str, Any]:
    layout: dict[str, Any] = json.loads(LAYOUT_FILE.read_text())
    return layout


def _enumeration(title: str, name: str, prefix: str) -> Any:
    """Return an IntEnum of one enumeration of the package, its members without the prefix."""
    values = {k.removeprefix(prefix): v for k, v in LAYOUT["enums"][name]["values"].items()}
    # Any: a type checker cannot know members that come from a file.
    int_enum: Any = enum.IntEnum
    return int_enum(title, values, module=__name__)


def _fields() -> dict[str, Field]:
    """Return every field under each of its names."""
    named: dict[str, list[Field]] = {}
    for part, rows in LAYOUT["header"].items():
        for row in rows:
            name = row["name"] if part == "common" else f"{part}_{row['name']}"
            field = Field(name, part, row["offset"], row["width"], row["about"])
            if field.shift + field.width > 64:
                raise ValueError(f"layout: field {name} crosses a 64-bit word")
            named.setdefault(name, []).append(field)
            if part != "common" and row["name"] not in ("data",):
                named.setdefault(row["name"], []).append(field)
    # A bare name that several parts have is ambiguous, unless the common part is one of them.
    return {
        name: found[0]
        for name, found in named.items()
        if len(found) == 1 or found[0].part == "common"
    }


def _structure(part: str) -> dict[str, Field]:
    """Return the fields of a structure of the payload by name."""
    return {
        row["name"]: Field(row["name"], part, row["offset"], row["width"], row["about"])
        for row in LAYOUT[part]
    }


#: The whole of layout.json.
LAYOUT: dict[str, Any] = _load()
#: Every localparam of the package.
SIZES: dict[str, int] = LAYOUT["sizes"]
#: Every header field under each of its names.
FIELDS: dict[str, Field] = _fields()
#: Fields of a destination of a member set; ``offset`` counts within its 16 bits.
MEMBER: dict[str, Field] = _structure("member")
#: Fields of the first unit of an atomic; ``offset`` counts within its 128 bits.
ATOMIC: dict[str, Field] = _structure("atomic")

#: Operations, virtual channels, statuses, element types, reduction and atomic operations: IntEnums
#: whose members have the names of the package without their prefix (``Op.ALLREDUCE``).
Op: Any = _enumeration("Op", "op_e", "OP_")
Vc: Any = _enumeration("Vc", "vc_e", "VC_")
Status: Any = _enumeration("Status", "status_e", "ST_")
EType: Any = _enumeration("EType", "etype_e", "ET_")
RedOp: Any = _enumeration("RedOp", "redop_e", "RO_")
AtomicOp: Any = _enumeration("AtomicOp", "atomic_e", "AO_")

HDR_BYTES: int = SIZES["HDR_W"] // 8
UNIT_BYTES: int = SIZES["UNIT_BYTES"]
MAX_UNITS: int = SIZES["MAX_UNITS"]
MAX_EXT: int = SIZES["MAX_EXT"]
MAX_MEMBERS: int = SIZES["MAX_MEMBERS"]
EXT_STROBE: int = 1 << SIZES["EXT_STROBE"]
EXT_CHECK: int = 1 << SIZES["EXT_CHECK"]
EXT_SET: int = 1 << SIZES["EXT_SET"]
STROBE_UNITS: int = SIZES["STROBE_UNITS"]
VERSION: int = SIZES["VERSION"]
NUM_VC: int = SIZES["NUM_VC"]
ID_GROUP: int = SIZES["ID_GROUP"]
NUM_OPS: int = 1 << LAYOUT["enums"]["op_e"]["width"]
NUM_LENS: int = 1 << SIZES["LEN_W"]
