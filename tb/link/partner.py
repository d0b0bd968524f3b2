# SPDX-License-Identifier: Apache-2.0
"""A link partner that speaks the protocol by itself, honest or not, and what goes over a link."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np

from switchproof.models import packet
from switchproof.models.layout import NUM_VC, Op
from switchproof.models.link import Port, Receiver
from switchproof.models.link_format import (
    CONTROL,
    DATA,
    NULL_BLOCK,
    POISON_BLOCK,
    Beat,
    Block,
    Kind,
    Packet,
    Trailer,
    Train,
    flits_of,
    frame,
    from_rows,
)

#: Operations by virtual channel.
OPS = (
    (Op.READ, Op.WRITE, Op.ATOMIC), (Op.READ_RSP, Op.WRITE_RSP, Op.ERROR),
    (Op.ALLREDUCE, Op.REDUCE), (Op.MGT_READ, Op.MGT_WRITE),
)  # fmt: skip


class Partner(Port):
    """A port whose trailers and TRAIN blocks go through functions, while they are set."""

    trailer: Callable[[Trailer], Trailer] | None = None
    train: Callable[[Train], Train] | None = None

    def outgoing_trailer(self, trailer: Trailer) -> Trailer:
        return self.trailer(trailer) if self.trailer else trailer

    def outgoing_train(self, train: Train) -> Train:
        return self.train(train) if self.train else train


def packets(
    count: int,
    *,
    k: int = 1,
    seed: int = 1,
    vcs: Sequence[int] = range(NUM_VC),
    units: tuple[int, int] = (0, 16),
    extensions: bool = True,
    err: float = 0.05,
) -> list[Packet]:
    """Return random packets on some virtual channels, each marked with probability `err`."""
    rng = np.random.default_rng(seed)
    ops = [op for vc in vcs for op in OPS[vc]]
    rows = packet.random_packets(
        rng, count, flit_w=128 * k, ops=ops, lengths=units, extensions=extensions
    )
    rows["flags"] = rng.random(count) < err
    return from_rows(rows, k)


def flits(some: Sequence[Packet], k: int = 1) -> int:
    """Return the flits of packets."""
    return sum(flits_of(p.units[0], k) for p in some)


def random_frame(rng: random.Random, receiver: Receiver, epoch: int) -> list[Beat]:
    """Return a frame for a receiver that may be anything, mostly with a CRC that is right."""
    k, seqs = receiver.cfg.k, receiver.cfg.seqs
    pool: list[Block] = [
        NULL_BLOCK, POISON_BLOCK, (CONTROL, Kind.SKIP), (CONTROL, Kind.TRAIN), (CONTROL, 9)
    ]  # fmt: skip
    pool += [(DATA, 0)] * 6  # a READ, a header alone
    blocks: list[Block] = []
    for _ in range(rng.choice((0, 1, 1, 2, 5, 20))):
        blocks.append(
            rng.choice([*pool, (DATA, rng.getrandbits(128)), (DATA, rng.getrandbits(48))])
        )
    trailer = Trailer(
        data=rng.random() < 0.8,
        nack=rng.random() < 0.1,
        cont=(receiver.opened is not None) ^ (rng.random() < 0.2),
        round=rng.randrange(4),
        epoch=epoch ^ (rng.random() < 0.1),
        seq=(receiver.expected + rng.choice((0, 0, 0, 0, 1, -1, rng.randrange(seqs)))) % seqs,
        ack=rng.choice((0, 0, rng.randrange(1 << 13))),
        freed=tuple(rng.choice((0, 0, rng.randrange(1 << 14))) for _ in range(NUM_VC)),
        heard=rng.randrange(2),
    )
    beats = frame([blocks[n : n + k] for n in range(0, len(blocks), k)], trailer, k)
    if rng.random() < 0.1:
        mark, unit = beats[-1][-1]
        beats[-1] = (*beats[-1][:-1], (mark, unit ^ 1 << rng.randrange(4, 128)))
    return beats
