# SPDX-License-Identifier: Apache-2.0
"""What a link must deliver: each packet once, in order within its VC; no simulator in it."""

from __future__ import annotations

from collections.abc import Sequence

from switchproof.models.layout import NUM_VC
from switchproof.models.link_format import Packet
from switchproof.tb.scoreboard import Mismatch


class Ordered:
    """The packets of one direction, by VC: given, and taken at the other end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.given: list[list[Packet]] = [[] for _ in range(NUM_VC)]
        self.taken: list[list[Packet]] = [[] for _ in range(NUM_VC)]

    def give(self, some: Sequence[Packet]) -> None:
        """Note packets that go in."""
        for one in some:
            self.given[one.vc].append(one)

    def take(self, some: Sequence[Packet]) -> None:
        """Note packets that came out."""
        for one in some:
            self.taken[one.vc].append(one)

    @property
    def missing(self) -> list[int]:
        """How many of each VC have not come."""
        return [len(g) - len(t) for g, t in zip(self.given, self.taken, strict=True)]

    def check(self, *, lossless: bool = True) -> int:
        """Check order and identity of all that came; `lossless`: and that all came.

        Behind a flush packets may be missing, and those with an error mark may have lost their
        end. Returns how many were cut so. Raises Mismatch.
        """
        cut = 0
        for vc in range(NUM_VC):
            given, taken = self.given[vc], self.taken[vc]
            if lossless and taken != given:
                self._complain(vc, given, taken)
            rest = iter(given)
            for one in () if lossless else taken:
                found = next((other for other in rest if same(one, other)), None)
                if found is None:
                    raise Mismatch(f"{self.name}, VC {vc}: doubled or out of order: {one}")
                cut += found != one
        return cut

    def _complain(self, vc: int, given: Sequence[Packet], taken: Sequence[Packet]) -> None:
        at = next((n for n, (g, t) in enumerate(zip(given, taken, strict=False)) if g != t), None)
        where = f"{self.name}, VC {vc}"
        if at is None:
            raise Mismatch(f"{where}: {len(taken)} packets of {len(given)} came")
        raise Mismatch(f"{where}, packet {at}:\n{taken[at]}\ninstead of\n{given[at]}")


def same(came: Packet, sent: Packet) -> bool:
    """Return whether a packet came as sent, or closed with zeros and a mark."""
    if came == sent:
        return True
    n = len(came.units)
    while n > 1 and came.units[n - 1] == 0:
        n -= 1
    return came.err and came.units[:n] == sent.units[:n] and len(came.units) == len(sent.units)
