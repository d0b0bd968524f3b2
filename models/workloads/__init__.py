# SPDX-License-Identifier: Apache-2.0
"""Workloads: real computations whose collectives go through the switch or through a model of it.

Here is what they share: vectors cut into contributions, and results put together again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import packet
from ..formats import Bits, element_dtype
from ..layout import MAX_UNITS, UNIT_BYTES, Op, RedOp
from ..packet import Packets


def num_slices(elements: int, etype: int) -> int:
    """Return how many packets of 256 bytes a vector of `elements` takes."""
    return -(-elements * element_dtype(etype).itemsize // (MAX_UNITS * UNIT_BYTES))


def contributions(
    vectors: Bits,
    etype: int,
    *,
    flit_w: int,
    dst: ArrayLike,
    group: int = 0,
    seq: int = 0,
    redop: int = RedOp.SUM,
    op: int = Op.ALLREDUCE,
    root: int = 0,
    src: ArrayLike = 0,
    ports: ArrayLike | None = None,
) -> Packets:
    """Return the packets, shape (members, slices), that carry one vector of each member.

    vectors: patterns of shape (members, elements). Slice k holds elements of bytes 256k on; the
    last one is as short as units of 16 bytes allow, filled with zeros. `src`: one number or one
    per member. `ports`: port of each member for column `port`, 0.. by default. `dst`: the engine,
    one number or one per slice.
    """
    members, elements = vectors.shape
    dtype = element_dtype(etype)
    if vectors.dtype != dtype:
        raise ValueError(f"patterns are {dtype}, not {vectors.dtype}")
    slices = num_slices(elements, etype)
    size = elements * dtype.itemsize
    raw = np.zeros((members, slices * MAX_UNITS * UNIT_BYTES), np.uint8)
    raw[:, :size] = np.ascontiguousarray(vectors).view(np.uint8)
    length = np.full(slices, MAX_UNITS)
    length[-1] = -(-size // UNIT_BYTES) - (slices - 1) * MAX_UNITS

    packets = np.zeros((members, slices), packet.PACKET)
    packets["data"][..., : MAX_UNITS * UNIT_BYTES] = raw.reshape(members, slices, -1)
    packets["port"] = np.asarray(np.arange(members) if ports is None else ports)[:, None]
    packet.set_fields(
        packets, op=op, dst=dst, src=np.broadcast_to(src, members)[:, None], len=length,
        group=group, seq=seq, slice=np.arange(slices), etype=etype, redop=redop, root=root,
        tag=np.arange(slices) & 0xFFF,
    )  # fmt: skip
    return packet.set_flits(packets, flit_w)


def vector(results: Packets, etype: int, elements: int) -> NDArray[Any]:
    """Return the vector of `elements` patterns that the results of one reduction hold.

    results: one packet a slice, in any order. Raises ValueError, naming the slices, when one is
    missing or there twice.
    """
    slices = num_slices(elements, etype)
    index = packet.get(results, "slice")
    counts = np.bincount(index, minlength=slices)
    if counts.size > slices or (counts != 1).any():
        wrong = np.flatnonzero(counts != (np.arange(counts.size) < slices)).tolist()
        raise ValueError(f"{slices} slices are wanted once each; wrong are {wrong}")
    ordered = results["data"][np.argsort(index), : MAX_UNITS * UNIT_BYTES]
    flat: NDArray[Any] = ordered.reshape(-1).view(element_dtype(etype))
    return flat[:elements]
