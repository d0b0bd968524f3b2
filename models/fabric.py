# SPDX-License-Identifier: Apache-2.0
"""Switches joined by links: where tables lead, and whether packets can wait in a circle.

A *channel* is a port of a switch by which packets leave it, with the buffers at both ends of its
link. A packet holds at most one channel and waits for the next, of the same virtual channel; so if
no circle of "waits for" exists among channels, some packet can always go on, and all arrive (Dally
and Seitz, 1987). Who waits for whom follows from the tables alone::

    >>> fabric = two_tier(leaves=4, down=2, spines=2)
    >>> fabric.circle() is None
    True
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping

from .crossbar import path_index

#: A port of a switch: (switch, port).
Place = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Entry:
    """Forwarding entry: the first of 2^paths_log2 outputs that lead to an ID."""

    out: int
    paths_log2: int = 0

    @property
    def outputs(self) -> range:
        """The outputs that a packet may take."""
        return range(self.out, self.out + (1 << self.paths_log2))


@dataclasses.dataclass(frozen=True)
class Fabric:
    """Switches, the wires between them, and their tables.

    ``ports``: of each switch. ``wires``: port to port, both ways. ``external``: the port of each
    accelerator. ``tables``: of each switch, destination to entry, the same at all its inputs.
    """

    ports: tuple[int, ...]
    wires: Mapping[Place, Place]
    external: tuple[Place, ...]
    tables: tuple[Mapping[int, Entry], ...]

    def path(self, src: int, dst: int) -> list[Place]:
        """Return the channels from one accelerator to another, in order.

        ValueError if a table has no entry or the packet goes in a circle.
        """
        switch, _ = self.external[src]
        taken: list[Place] = []
        while True:
            entry = self.tables[switch].get(dst)
            if entry is None:
                raise ValueError(f"switch {switch} has no entry for {dst}")
            channel = (switch, entry.out + int(path_index(src, dst, entry.paths_log2)))
            if channel in taken:
                raise ValueError(f"{src} to {dst} goes in a circle: {[*taken, channel]}")
            taken.append(channel)
            if channel not in self.wires:
                return taken
            switch, _ = self.wires[channel]

    def waits(self) -> dict[Place, set[Place]]:
        """Return which channels a packet in a channel may wait for, over all destinations.

        Every path that an entry allows counts, whatever the hash makes of it.
        """
        edges: dict[Place, set[Place]] = {}
        for dst in range(len(self.external)):
            # Switches that packets for this destination can reach, and by which channel.
            todo: deque[tuple[Place | None, int]] = deque(
                (None, switch) for switch in {switch for switch, _ in self.external}
            )
            seen = set(todo)
            while todo:
                held, switch = todo.popleft()
                entry = self.tables[switch].get(dst)
                for out in entry.outputs if entry else ():
                    channel = (switch, out)
                    edges.setdefault(channel, set())
                    if held is not None:
                        edges[held].add(channel)
                    if channel in self.wires:
                        step = (channel, self.wires[channel][0])
                        if step not in seen:
                            seen.add(step)
                            todo.append(step)
        return edges

    def circle(self) -> list[Place] | None:
        """Return channels of which each can wait for the next and the last for the first, or None.

        None is a proof: the channels can be numbered so that packets only wait for higher ones.
        """
        edges = self.waits()
        left = {channel: set(after) for channel, after in edges.items()}
        before: dict[Place, set[Place]] = {}
        for channel, after in edges.items():
            for other in after:
                before.setdefault(other, set()).add(channel)
        free = deque(channel for channel, after in left.items() if not after)
        while free:
            gone = free.popleft()
            del left[gone]
            for channel in before.get(gone, ()):
                left[channel].discard(gone)
                if not left[channel]:
                    free.append(channel)
        if not left:
            return None
        # What is left waits for something that is left: walk until a channel comes again.
        walk = [min(left)]
        while True:
            following = min(left[walk[-1]])
            if following in walk:
                return walk[walk.index(following) :]
            walk.append(following)


def two_tier(leaves: int, down: int, spines: int) -> Fabric:
    """Return the fabric of ``sp_two_tier``: up to any spine, and down again.

    `down`: accelerators of a leaf. `spines`: a power of two, so that all of them are equal paths.
    """
    if spines & (spines - 1) or spines < 1:
        raise ValueError(f"spines = {spines} is not a power of two")
    wires = dict(_both(((leaf, down + s), (leaves + s, leaf)) for leaf in range(leaves)
                       for s in range(spines)))  # fmt: skip
    ids = range(leaves * down)
    up = Entry(down, spines.bit_length() - 1)
    tables: list[Mapping[int, Entry]] = [
        {dst: Entry(dst % down) if dst // down == leaf else up for dst in ids}
        for leaf in range(leaves)
    ]
    tables += [{dst: Entry(dst // down) for dst in ids}] * spines
    return Fabric(
        ports=(down + spines,) * leaves + (leaves,) * spines,
        wires=wires,
        external=tuple((dst // down, dst % down) for dst in ids),
        tables=tuple(tables),
    )


def _both(pairs: Iterable[tuple[Place, Place]]) -> Iterable[tuple[Place, Place]]:
    for one, other in pairs:
        yield one, other
        yield other, one
