# SPDX-License-Identifier: Apache-2.0
"""Functional coverage: plain counters by name, filled a whole array of packets at a time.

Only packets that the scoreboard found right count. Every point that a configuration can reach is
declared, so that one that was never hit shows as zero. Names are those of the test plans.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from switchproof.models import packet
from switchproof.models.crossbar import ORDERED
from switchproof.models.formats import FORMATS, element_dtype
from switchproof.models.layout import MAX_EXT, MAX_MEMBERS, MAX_UNITS, EType, Op, RedOp, Status, Vc
from switchproof.models.packet import FLAG_ERR, Packets
from switchproof.models.profiles import Config

from .description import Description
from .pipes import Pipe

#: Classes of element values that reductions treat in their own way.
SPECIALS = (
    "pos_zero", "neg_zero", "pos_subnormal", "neg_subnormal", "pos_inf", "neg_inf", "nan",
    "pos_largest", "neg_largest", "pos_normal", "neg_normal",
)  # fmt: skip
#: Those that a type has not.
_NOT_THERE = {
    EType.INT32: {"neg_zero", "pos_subnormal", "neg_subnormal", "pos_inf", "neg_inf", "nan"},
    EType.E4M3: {"pos_inf", "neg_inf"},
}
#: What members ask engines for.
_COLLECTIVES = (Op.ALLREDUCE, Op.REDUCE, Op.BARRIER, Op.LOAD_REDUCE)
#: Reasons for which a packet is refused at the ingress, and for which an engine refuses it.
_INGRESS_REASONS = (Status.VERSION, Status.OP, Status.LEN, Status.DST, Status.PARTITION)
_ENGINE_REASONS = (
    Status.NOT_MEMBER, Status.TYPE, Status.MISMATCH, Status.DUPLICATE, Status.TIMEOUT,
)  # fmt: skip


_ANSWERS = (Op.ERROR, Op.COLL_ERROR)

#: Cases of multicast that tests report when they have seen them.
MULTICAST_CASES = (
    "sender_is_member", "sender_is_none", "equal_destinations", "held_back", "opposite_orders",
    "with_unicast_and_reduction", "full_load", "mixed_load", "queue_full", "group_changed",
    "within_partition", "across_partitions", "lone",
    "empty_group", "empty_set", "no_route", "engine",
)  # fmt: skip


class Coverage:
    """Hits of named points."""

    def __init__(self, what: Description, config: Config) -> None:
        self.what = what
        self.config = config
        self.hits: dict[str, int] = {}
        ports = range(config.ports)
        self._pair = self.declare(f"unicast.pair.{i}.{j}" for i in ports for j in ports)
        made: tuple[Any, ...] = () if "error_answers" in what.features else _ANSWERS
        if "multicast" in what.features and config.mcast:
            self._copy = self.declare(f"multicast.pair.{i}.{j}" for i in ports for j in ports)
            self.declare(f"multicast.fanout.{n + 1}" for n in ports)
            self.declare(f"multicast.sparse.{n + 1}" for n in range(min(MAX_MEMBERS, config.ports)))
            self.declare(f"multicast.{name}" for name in MULTICAST_CASES)
        else:
            made += (Op.MCAST_WRITE,)
        self._op = {
            int(op): self.declare([f"op.{op.name.lower()}"])[0] for op in Op if op not in made
        }
        self._length = self.declare(f"length.{n}" for n in range(MAX_UNITS + 1))
        self._ext = self.declare(f"ext.{n}" for n in range(1 << MAX_EXT))
        self._vc = self.declare(f"vc.{vc.name.lower()}" for vc in Vc)
        self.declare(["mark.err", "mark.poison", "mark.ecn"])
        self.declare(f"stalled.egress.{p}" for p in ports)
        held = "full" if what.vcs else "stalled"
        self.declare(f"{held}.ingress.{p}" for p in ports)
        if "error_answers" in what.features:
            self.declare(f"refused.{s.name.lower()}" for s in _INGRESS_REASONS)
        if "reduction" in what.features and config.engines:
            self.declare(f"refused.{s.name.lower()}" for s in _ENGINE_REASONS)
            self.declare(f"collective.{op.name.lower()}" for op in _COLLECTIVES)
            for etype in config.etypes:
                there = [s for s in SPECIALS if s not in _NOT_THERE.get(etype, ())]
                for redop in RedOp:
                    self.declare(f"{_kind(etype, redop)}.{special}" for special in there)
            if config.ordered:
                self.declare(f"ordered.{e.name.lower()}" for e in config.etypes if e in FORMATS)

    def declare(self, names: Iterable[str]) -> list[str]:
        """Make points that are not hit yet; return their names."""
        declared = list(names)
        for name in declared:
            self.hits.setdefault(name, 0)
        return declared

    def hit(self, name: str, count: int = 1) -> None:
        """Count a point."""
        if count:
            self.hits[name] = self.hits.get(name, 0) + int(count)

    def _many(self, names: list[str], index: NDArray[np.int64]) -> None:
        counts = np.bincount(index, minlength=len(names))
        for at in np.flatnonzero(counts):
            self.hit(names[at], counts[at])

    def matched(self, expected: Packets, got: Packets) -> None:
        """Count packets that came out right. Column `tail` of `expected` is the input."""
        f = packet.fields(got, "op", "len", "ext", "status", "poison", "ecn")
        op = f["op"]
        made = (op == Op.RESULT) | (op == Op.COLL_ERROR) | (op == Op.ERROR)
        sent = ~made
        copy = op == Op.MCAST_WRITE
        pair = expected["tail"].astype(np.int64) * self.config.ports + got["port"]
        self._many(self._pair, pair[sent & ~copy])
        if copy.any():
            self._many(self._copy, pair[copy])
        counts = np.bincount(op, minlength=64)
        for value in np.flatnonzero(counts):
            if int(value) in self._op:
                self.hit(self._op[int(value)], counts[value])
        self._many(self._length, f["len"][sent])
        self._many(self._ext, f["ext"][sent])
        self._many(self._vc, packet.op_vc(op))
        self.hit("mark.err", np.count_nonzero(got["flags"] & FLAG_ERR))
        self.hit("mark.poison", np.count_nonzero(f["poison"]))
        self.hit("mark.ecn", np.count_nonzero(f["ecn"]))
        refused = (op == Op.ERROR) | (op == Op.COLL_ERROR)
        counts = np.bincount(f["status"][refused], minlength=16)
        for reason in (*_INGRESS_REASONS, *_ENGINE_REASONS):
            name = f"refused.{reason.name.lower()}"
            if name in self.hits:
                self.hit(name, counts[reason])

    def contributed(self, rows: Packets) -> None:
        """Count contributions that engines took: operations, and the values that met them."""
        f = packet.fields(rows, "op", "etype", "redop", "mode", "len")
        for op in _COLLECTIVES:
            self.hit(f"collective.{op.name.lower()}", np.count_nonzero(f["op"] == op))
        rows = rows[~np.isin(f["op"], (Op.BARRIER, Op.LOAD_REDUCE))]
        f = packet.fields(rows, "etype", "redop", "mode", "len")
        in_order = (f["redop"] == RedOp.SUM) & (f["mode"] & ORDERED != 0)
        for etype in FORMATS:
            self.hit(f"ordered.{EType(etype).name.lower()}",
                     np.count_nonzero(in_order & (f["etype"] == etype)))  # fmt: skip
        kind = f["etype"] << 3 | f["redop"]
        for value in np.unique(kind):
            chosen = kind == value
            etype, redop = int(value) >> 3, int(value) & 7
            name = _kind(etype, redop)
            bits = 8 * element_dtype(etype).itemsize
            elements = packet.payload(rows[chosen], f"<u{bits // 8}")
            used = np.arange(elements.shape[1]) < (f["len"][chosen] * 128 // bits)[:, None]
            self._many(
                [f"{name}.{special}" for special in SPECIALS],
                classify(elements[used], etype),
            )

    def stalled(self, pipe: Pipe) -> None:
        """Count the cycles in which ports were held."""
        stats = pipe.stats()
        for port in range(self.config.ports):
            self.hit(f"stalled.egress.{port}", stats["stalled"][port])
            # Who looks at the room of a channel waits for that and is hardly ever held by tready.
            if self.what.vcs:
                self.hit(f"full.ingress.{port}", stats["no_room"][port])
            else:
                self.hit(f"stalled.ingress.{port}", stats["blocked"][port])

    def write(self, path: Path) -> None:
        """Write the hits as JSON: {point: hits}."""
        path.write_text(json.dumps(self.hits, indent=0, sort_keys=True) + "\n")


def _kind(etype: int, redop: int) -> str:
    """Return the name of an element type with an operation, ``reduce.fp32.sum``."""
    return f"reduce.{EType(etype).name.lower()}.{RedOp(redop).name.lower()}"


def classify(elements: NDArray[Any], etype: int) -> NDArray[np.int64]:
    """Return for each element (as unsigned bits) the index of its class in SPECIALS."""
    if etype == EType.INT32:
        number = elements.astype("<u4").view("<i4").astype(np.int64)
        index = np.full(number.shape, SPECIALS.index("pos_normal"))
        index[(number == (1 << 31) - 1) | (number == -(1 << 31))] = SPECIALS.index("pos_largest")
        index[number == 0] = SPECIALS.index("pos_zero")
        return np.asarray(index + (number < 0))
    fmt = FORMATS[etype]
    bits = elements.astype(np.int64)
    sign, magnitude = bits >> fmt.width - 1, bits & fmt.sign_bit - 1
    index = np.full(bits.shape, SPECIALS.index("pos_normal"))
    index[magnitude == fmt.largest] = SPECIALS.index("pos_largest")
    index[magnitude >> fmt.fraction_bits == 0] = SPECIALS.index("pos_subnormal")
    index[magnitude == 0] = SPECIALS.index("pos_zero")
    index[magnitude > fmt.largest] = SPECIALS.index("pos_inf")
    index += sign
    index[fmt.is_nan(elements.astype(fmt.dtype))] = SPECIALS.index("nan")
    return index
