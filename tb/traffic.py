# SPDX-License-Identifier: Apache-2.0
"""Traffic as arrays: what each port is to send. Knows no simulator.

Every function returns a list with one array of packets a port. Port p sends with source ID p;
destination ID p is port p and ID ``ports + e`` is engine e (:func:`routes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from switchproof.models import packet
from switchproof.models.crossbar import Switch
from switchproof.models.formats import FORMATS, Bits, element_dtype
from switchproof.models.layout import (
    EXT_SET,
    ID_GROUP,
    MAX_MEMBERS,
    MAX_UNITS,
    EType,
    Op,
    Status,
    Vc,
)
from switchproof.models.packet import FLAG_ERR, Packets
from switchproof.models.profiles import Config

from .pipes import concatenate

#: Operations that go from port to port; OP_ERROR is left to the switch, so that its answers have
#: flows of their own.
UNICAST_OPS = tuple(op for op in Op if op not in (Op.ERROR, Op.COLL_ERROR, Op.MCAST_WRITE))
#: The same without contributions, for engines would take them nowhere but at an engine.
PORT_OPS = tuple(op for op in UNICAST_OPS if packet.op_vc(op) != Vc.RED)

Traffic = list[Packets]


def routes(config: Config) -> list[tuple[int, int]]:
    """Return (destination ID, output) of every port and engine."""
    count = min(config.ports + config.engines, config.ids)
    return [(output, output) for output in range(count)]


def spaced(rng: np.random.Generator, packets: Packets, load: float, start: int = 0) -> Packets:
    """Set `not_before` so that the packets ask for the share `load` of a port, at random times.

    `start` is the cycle at which they begin. Changes the array and returns it.
    """
    if not 0 < load <= 1:
        raise ValueError(f"load {load} is not in 0..1")
    flits = packets["flits"].astype(np.float64)
    pauses = rng.exponential(1.0, len(packets)) * flits.mean() * (1 / load - 1)
    begin = np.cumsum(flits + pauses) - flits
    packets["not_before"] = start + begin.astype(np.uint64)
    return packets


def unicast(
    rng: np.random.Generator,
    config: Config,
    count: int,
    *,
    outputs: ArrayLike | None = None,
    ops: Iterable[int] = UNICAST_OPS,
    lengths: tuple[int, int] = (0, MAX_UNITS),
    extensions: bool = True,
    errors: float = 0.05,
) -> Traffic:
    """Return `count` legal packets a port with random headers and payloads.

    `outputs`: destination ports: None for uniformly drawn ones, else of shape (ports,) for one
    each or (ports, count). `errors`: share of packets with the error mark on the last beat.
    """
    ports = config.ports
    if outputs is None:
        to: NDArray[np.int64] = rng.integers(0, ports, (ports, count))
    else:
        given = np.asarray(outputs, np.int64)
        to = np.broadcast_to(given[:, None] if given.ndim == 1 else given, (ports, count))
    traffic = []
    for port in range(ports):
        rows = packet.random_packets(
            rng, count, flit_w=config.flit_w, ops=ops, lengths=lengths, extensions=extensions,
            src=port, dst=to[port],
        )  # fmt: skip
        rows["flags"] = np.where(rng.random(count) < errors, FLAG_ERR, 0)
        traffic.append(rows)
    return traffic


def incast(rng: np.random.Generator, config: Config, count: int, target: int = 0) -> Traffic:
    """Return packets of all ports to one."""
    return unicast(rng, config, count, outputs=np.full(config.ports, target))


def permutation(rng: np.random.Generator, config: Config, count: int) -> Traffic:
    """Return packets of each port to another one that no other port sends to."""
    return unicast(rng, config, count, outputs=rng.permutation(config.ports))


def hotspot(
    rng: np.random.Generator, config: Config, count: int, target: int = 0, share: float = 0.5
) -> Traffic:
    """Return packets to all ports, with a share of them to one."""
    to = rng.integers(0, config.ports, (config.ports, count))
    to[rng.random(to.shape) < share] = target
    return unicast(rng, config, count, outputs=to)


def all_pairs(rng: np.random.Generator, config: Config, rounds: int = 1) -> Traffic:
    """Return packets from every port to every port, `rounds` each, in random order."""
    each = np.tile(np.arange(config.ports), rounds)
    outputs = np.array([rng.permutation(each) for _ in range(config.ports)])
    return unicast(rng, config, len(each), outputs=outputs)


# ---------------------------------------------------------------------------------- multicast


def multicast(
    rng: np.random.Generator,
    config: Config,
    count: int,
    *,
    groups: ArrayLike,
    senders: Iterable[int] | None = None,
    lengths: tuple[int, int] = (1, MAX_UNITS),
    extensions: bool = True,
    errors: float = 0.05,
) -> Traffic:
    """Return `count` multicasts by group table of each of the `senders` (None: of every port).

    `groups`: numbers of groups to draw from.
    """
    return _multicasts(
        rng, config, count, senders, errors, lengths=lengths,
        ext=lambda: rng.integers(0, EXT_SET, count) if extensions else 0,
        dst=lambda: rng.choice(np.asarray(groups, np.int64), count),
    )  # fmt: skip


def sparse(
    rng: np.random.Generator,
    config: Config,
    count: int,
    *,
    fanout: tuple[int, int] = (1, MAX_MEMBERS),
    senders: Iterable[int] | None = None,
    lengths: tuple[int, int] = (1, MAX_UNITS),
    extensions: bool = True,
    errors: float = 0.05,
) -> Traffic:
    """Return `count` multicasts by member set of each of the `senders` (None: of every port).

    `fanout`: bounds of the number of destinations, drawn from all ports, so that some are equal;
    where in the set they stand is drawn too.
    """
    traffic = _multicasts(
        rng, config, count, senders, errors, lengths=lengths,
        ext=lambda: EXT_SET | (rng.integers(0, EXT_SET, count) if extensions else 0),
        dst=lambda: rng.integers(0, ID_GROUP, count),
    )  # fmt: skip
    for rows in traffic:
        shape = (len(rows), MAX_MEMBERS)
        place = rng.permuted(np.broadcast_to(np.arange(MAX_MEMBERS), shape), axis=1)
        chosen = place < rng.integers(fanout[0], fanout[1], (len(rows), 1), endpoint=True)
        packet.set_members(rows, np.where(chosen, rng.integers(0, config.ports, shape), -1))
    return traffic


def _multicasts(
    rng: np.random.Generator,
    config: Config,
    count: int,
    senders: Iterable[int] | None,
    errors: float,
    *,
    lengths: tuple[int, int],
    ext: Callable[[], ArrayLike],
    dst: Callable[[], ArrayLike],
) -> Traffic:
    traffic = [packet.make(0) for _ in range(config.ports)]
    for port in range(config.ports) if senders is None else senders:
        rows = packet.random_packets(
            rng, count, flit_w=config.flit_w, op=Op.MCAST_WRITE, lengths=lengths, src=port,
            ext=ext(), dst=dst(),
        )  # fmt: skip
        rows["flags"] = np.where(rng.random(count) < errors, FLAG_ERR, 0)
        traffic[port] = rows
    return traffic


# -------------------------------------------------------------------------------- bad packets


def bad(rng: np.random.Generator, config: Config, rows: Packets, reason: Status) -> Packets:
    """Make good packets bad for one reason, in place, and return them."""
    count = len(rows)
    if reason == Status.VERSION:
        packet.set_fields(rows, version=rng.integers(1, 4, count))
    elif reason == Status.OP:
        unknown = np.flatnonzero(~packet.KNOWN)
        # Not a response: refused responses are dropped, and then nothing could be compared.
        unknown = unknown[packet.op_vc(unknown) != Vc.RSP]
        packet.set_fields(rows, op=rng.choice(unknown, count))
    elif reason == Status.LEN:
        # Half of them a length that the operation cannot have, half a number of beats that the
        # length does not have.
        longest = config.max_flits
        impossible = rng.random(count) < 0.5
        length = np.where(impossible, rng.integers(17, 32, count), rng.integers(1, 17, count))
        packet.set_fields(rows, op=Op.WRITE, len=length, ext=0)
        packet.set_flits(rows, config.flit_w)
        shift = rng.integers(1, longest, count).astype(np.uint32)
        wrong = 1 + (rows["flits"] - 1 + shift) % longest
        rows["flits"] = np.where(impossible, np.minimum(rows["flits"], longest), wrong)
    elif reason == Status.DST:
        first = min(config.ports + config.engines, config.ids)
        packet.set_fields(rows, dst=rng.integers(first, ID_GROUP, count))
    else:
        raise ValueError(f"no bad packet for {reason!r}")
    return rows


def with_bad(
    rng: np.random.Generator,
    config: Config,
    count: int,
    share: float = 0.3,
    reasons: Sequence[Status] = (Status.VERSION, Status.OP, Status.LEN, Status.DST),
) -> Traffic:
    """Return good packets of every port with bad ones among them."""
    traffic = unicast(rng, config, count)
    for rows in traffic:
        kind = rng.integers(0, len(reasons), count)
        chosen = rng.random(count) < share
        for index, reason in enumerate(reasons):
            which = np.flatnonzero(chosen & (kind == index))
            rows[which] = bad(rng, config, rows[which], reason)
    return traffic


# -------------------------------------------------------------------------------- collectives


def elements(
    rng: np.random.Generator, shape: tuple[int, ...], etype: int, special: float = 0.2
) -> Bits:
    """Return random elements of a type: any bit pattern, or with `special` one that is special."""
    dtype = element_dtype(etype)
    values: Bits = rng.integers(0, 1 << 8 * dtype.itemsize, shape, dtype)
    at = rng.random(shape) < special
    if etype == EType.INT32:
        ends = np.array([0, 1, -1, 2, (1 << 31) - 1, -(1 << 31)], "<i4").view(dtype)
        values[at] = rng.choice(ends, int(at.sum()))
        return values
    fmt = FORMATS[etype]
    frac, ones = fmt.fraction_bits, (1 << fmt.fraction_bits) - 1
    beyond = fmt.nan if fmt.inf is None else fmt.inf
    table = [0, 1, beyond, fmt.largest, fmt.nan, ones, 1 << frac, fmt.bias << frac]
    choices = np.array([v | s for v in table for s in (0, fmt.sign_bit)], dtype)
    values[at] = rng.choice(choices, int(at.sum()))
    # Moderate numbers, so that sums stay finite and cancel, in a third of the others.
    mild = ~at & (rng.random(shape) < 0.34)
    spread = min(7, fmt.bias // 2)
    exponent = rng.integers(fmt.bias - spread, fmt.bias + spread, int(mild.sum())).astype(dtype)
    values[mild] = values[mild] & dtype.type(fmt.sign_bit | ones) | exponent << dtype.type(frac)
    return values


def allreduce(
    rng: np.random.Generator,
    config: Config,
    count: int,
    *,
    group: int,
    members: Sequence[int],
    etype: int,
    redop: int,
    engine: int = 0,
    op: int = Op.ALLREDUCE,
    mode: int = 0,
    lengths: tuple[int, int] = (1, MAX_UNITS),
    first_seq: int = 0,
    special: float = 0.2,
    poison: float = 0.02,
) -> Traffic:
    """Return `count` reductions of one group: a contribution each of every member.

    All members send them in the same order, as they must: contexts are few. `special`: share of
    special element values. `poison`: share of contributions that are poisoned or marked late.
    """
    length = rng.integers(lengths[0], lengths[1], count, endpoint=True)
    root = rng.choice(np.asarray(members), count) if op == Op.REDUCE else np.zeros(count, int)
    slice_ = rng.integers(0, 1 << 16, count)
    width = np.dtype(element_dtype(etype)).itemsize
    traffic = [packet.make(0) for _ in range(config.ports)]
    for port in members:
        rows = packet.make(
            count, op=op, src=port, dst=config.ports + engine, len=length, group=group,
            slice=slice_, seq=(first_seq + np.arange(count)) & 0xFFFF, root=root, etype=etype,
            redop=redop, mode=mode, tag=rng.integers(0, 4096, count), flit_w=config.flit_w,
            payload=elements(rng, (count, MAX_UNITS * 16 // width), etype, special),
        )  # fmt: skip
        marks = rng.random(count) < poison
        packet.set_fields(rows, poison=marks & (rng.random(count) < 0.5))
        rows["flags"] = np.where(marks & (rng.random(count) < 0.5), FLAG_ERR, 0)
        traffic[port] = packet.clear_unused(rows)
    return traffic


def joined(*parts: Traffic) -> Traffic:
    """Return several traffics one behind the other at every port."""
    return [concatenate(rows) for rows in zip(*parts)]


def shuffled(rng: np.random.Generator, *parts: Traffic) -> Traffic:
    """Return several traffics mixed at every port; each keeps its own order."""
    mixed = []
    for rows in zip(*parts):
        source = rng.permutation(np.repeat(np.arange(len(rows)), [len(r) for r in rows]))
        whole = concatenate(rows)
        first = np.cumsum([0, *(len(r) for r in rows)])[:-1]
        index = np.empty(len(whole), np.int64)
        for k in range(len(rows)):
            where = np.flatnonzero(source == k)
            index[where] = first[k] + np.arange(len(where))
        mixed.append(whole[index])
    return mixed


def program(model: Switch, config: Config) -> None:
    """Give a golden model the routes of :func:`routes`."""
    for dst, output in routes(config):
        model.set_route(None, dst, output)
