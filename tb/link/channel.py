# SPDX-License-Identifier: Apache-2.0
"""A wire that damages, loses, repeats and delays, one direction of a link.

:class:`Channel` takes what the K lanes carry in each cycle and returns what arrives. What it does
to it comes from :class:`Faults` (rates, from a seed) and from a script of :class:`Event` (this at
that place); each injected event is counted by kind in ``injected``.

A frame is what lies behind a cycle with a trailer up to the next such cycle, NULL and SKIP not
counted; data frames and control frames (a trailer alone) are numbered apart, in the order sent.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

from switchproof.models.link_format import (
    NULL_BLOCK,
    Beat,
    Block,
    Kind,
    Trailer,
    crc32,
    kind_of,
)

#: What lanes carry in one cycle; None: no signal.
Wire = tuple[Block | None, ...]

BLOCK_BITS = 130


@dataclasses.dataclass(frozen=True)
class Faults:
    """How often what happens; rates are probabilities per bit, frame or cycle.

    ber: a wrong bit, per bit. bursts: a burst, per bit, of `burst_bits` bits of a block, first and
    last of them wrong and half of the others, cut at the block's end. drop, duplicate, truncate,
    delay: per frame; a frame comes again or late behind at most `later` others. skip: a SKIP is
    dropped or sent twice, per SKIP. flap: all lanes carry noise for up to `flap_cycles`, per cycle.
    spoil_train: a TRAIN block gets a wrong bit, per block.
    """

    ber: float = 0.0
    bursts: float = 0.0
    burst_bits: int = 32
    drop: float = 0.0
    duplicate: float = 0.0
    truncate: float = 0.0
    delay: float = 0.0
    later: int = 3
    skip: float = 0.0
    flap: float = 0.0
    flap_cycles: int = 40
    spoil_train: float = 0.0


@dataclasses.dataclass
class Event:
    """One thing that happens, once, or `times` times.

    action: ``drop``, ``duplicate``, ``truncate`` (`keep` cycles stay, and the trailer), ``delay``
    (`later` frames go in front; for duplicate too), ``flip`` (`bits` of the block on `lane`, in
    cycle `keep` of the frame; 128 and 129 are the mark) or ``alias`` (the same, and the trailer's
    CRC is made right again); of a ``data`` or ``control`` frame `at`, of a ``trailer`` for which
    `when` holds (flip, or drop of a control frame), or, in ``cycle`` `at`: ``flap`` (`length`
    cycles of noise), ``die`` and ``revive`` (the lanes of `lanes`).
    """

    action: str
    place: str
    at: int = -1
    keep: int = 0
    later: int = 0
    lane: int = 0
    bits: tuple[int, ...] = (0,)
    when: Callable[[Trailer], object] | None = None
    times: int = 1
    length: int = 0
    lanes: tuple[int, ...] = ()


class Channel:
    """One direction of a link over K lanes.

    latency: cycles from :meth:`cycle` to :meth:`cycle`, at least 1. skew: cycles by which each
    lane is later than that.
    """

    def __init__(
        self,
        k: int = 1,
        *,
        latency: int = 1,
        skew: Sequence[int] = (),
        faults: Faults | None = None,
        script: Iterable[Event] = (),
        seed: int = 1,
    ) -> None:
        if latency < 1:
            raise ValueError(f"latency = {latency} is not 1 or more")
        self.k, self.latency = k, latency
        self.faults = faults or Faults()
        self.script = list(script)
        self.rng = random.Random(seed)
        self.injected: Counter[str] = Counter()
        self.now = -1
        self.dead: set[int] = set()
        self.noise_until = -1
        skew = [*skew, *[0] * (k - len(skew))]
        self._lanes: list[deque[Block | None]] = [deque([None] * (n + latency)) for n in skew]
        self._stream: deque[Beat] = deque()  # cycles that wait for the lanes, more than they carry
        self._frame: list[Beat] | None = None  # frame that passes
        self._fate: Event | None = None
        self._place = 0  # cycles of it that have passed
        self._late: list[tuple[int, list[Beat]]] = []  # frames to come, behind how many others
        self._numbers: Counter[str] = Counter()
        self._next_error = self._gap(self.faults.ber)
        self._next_burst = self._gap(self.faults.bursts)

    def cycle(self, sent: Beat) -> Wire:
        """Take what is sent in a cycle and return what arrives in it."""
        self.now += 1
        for event in self._due("cycle", self.now):
            self._do(event)
        if self.faults.flap and self.rng.random() < self.faults.flap:
            self._flap(self.rng.randint(1, self.faults.flap_cycles))
        self._frames(sent)
        # What frames repeated or late have added is made good where nothing is sent.
        while len(self._stream) > 1 and all(kind_of(b) == Kind.NULL for b in self._stream[0]):
            self._stream.popleft()
        # A SKIP that was lost leaves a cycle in which nothing comes.
        beat = self._errors(list(self._stream.popleft())) if self._stream else [None] * self.k
        arrived = []
        for lane, block in enumerate(beat):
            self._lanes[lane].append(block)
            arrived.append(self._lanes[lane].popleft())
        return tuple(arrived)

    # ---- frames

    def _frames(self, sent: Beat) -> None:
        """Put a cycle into the stream, or what becomes of it."""
        if all(kind_of(b) == Kind.TRAIN for b in sent):
            self._frame = None
        kinds = {kind_of(b) for b in sent}
        if kinds == {Kind.SKIP}:
            if self._happens(self.faults.skip):
                double = self.rng.random() < 0.5
                self.injected["skip_twice" if double else "skip_lost"] += 1
                self._stream.extend([sent] * (2 * double))
            else:
                self._stream.append(sent)
            return
        if kinds == {Kind.NULL} or Kind.TRAIN in kinds:
            self._stream.append(sent)
            return
        if self._frame is None:
            control = kinds <= {Kind.NULL, Kind.TRAILER}
            self._frame, self._place = [], 0
            self._fate = self._choose("control" if control else "data")
        self._frame.append(sent)
        ends = Kind.TRAILER in kinds
        self._stream.append(self._changed(sent, ends))
        self._place += 1
        if ends:
            self._end_of_frame(self._frame)

    def _choose(self, place: str) -> Event | None:
        """Return what happens to the frame that begins."""
        number = self._numbers[place]
        self._numbers[place] += 1
        for event in self._due(place, number):
            self.injected[event.action] += 1
            return event
        for action in ("drop", "duplicate", "truncate", "delay"):
            if self._happens(getattr(self.faults, action)):
                self.injected[action] += 1
                later = self.rng.randint(action == "delay", self.faults.later)
                return Event(action, place, keep=self.rng.randint(0, 20), later=later)
        return None

    def _changed(self, sent: Beat, ends: bool) -> Beat:
        fate, nothing = self._fate, (NULL_BLOCK,) * self.k
        if ends:
            sent = self._trailer(sent)
        if fate is None or fate.action == "duplicate":
            return sent
        if fate.action in ("drop", "delay"):
            return nothing
        if fate.action == "truncate":
            if self._place < fate.keep and not ends:
                return sent
            last = [b if kind_of(b) == Kind.TRAILER else NULL_BLOCK for b in sent]
            return tuple(last) if ends else nothing
        if fate.action in ("flip", "alias") and self._place == fate.keep:
            return _flipped(sent, fate.lane, fate.bits)
        if fate.action == "alias" and ends:
            return self._mended(sent, fate)
        return sent

    def _mended(self, sent: Beat, fate: Event) -> Beat:
        """Return the end of a frame with the CRC that fits to what was changed in it."""
        assert self._frame is not None
        crcs = []
        for lie in (False, True):
            beats = list(self._frame)
            if lie:
                beats[fate.keep] = _flipped(beats[fate.keep], fate.lane, fate.bits)
            crcs.append(crc32(block for beat in beats for block in beat))
        lane = next(n for n, b in enumerate(sent) if kind_of(b) == Kind.TRAILER)
        change = crcs[0] ^ crcs[1]
        return _flipped(sent, lane, [96 + bit for bit in range(32) if change >> bit & 1])

    def _trailer(self, sent: Beat) -> Beat:
        """Flip bits of a trailer for which a condition of the script holds."""
        lane = next(n for n, b in enumerate(sent) if kind_of(b) == Kind.TRAILER)
        trailer = Trailer.unpack(sent[lane][1])
        for event in self.script:
            if event.place == "trailer" and event.times and event.when and event.when(trailer):
                event.times -= 1
                self.injected[event.action] += 1
                if event.action == "drop" and not trailer.data:
                    return (NULL_BLOCK,) * self.k
                sent = _flipped(sent, lane, event.bits)
        return sent

    def _end_of_frame(self, frame: list[Beat]) -> None:
        fate, self._frame = self._fate, None
        if fate and fate.action in ("duplicate", "delay"):
            self._late.append((fate.later + 1, frame))
        late = [(behind - 1, frame) for behind, frame in self._late]
        for behind, old in late:
            if behind <= 0:
                self._stream.extend(old)
        self._late = [(behind, old) for behind, old in late if behind > 0]

    # ---- bits and lanes

    def _errors(self, blocks: list[Block]) -> list[Block]:
        bits = BLOCK_BITS * self.k
        while self._next_error < bits:
            lane, bit = divmod(self._next_error, BLOCK_BITS)
            blocks[lane] = _flip(blocks[lane], 1 << bit)
            self.injected["bit_error"] += 1
            self._next_error += 1 + self._gap(self.faults.ber)
        self._next_error -= bits
        while self._next_burst < bits:
            lane, bit = divmod(self._next_burst, BLOCK_BITS)
            length = self.faults.burst_bits
            pattern = self.rng.getrandbits(length) | 1 | 1 << (length - 1)
            blocks[lane] = _flip(blocks[lane], (pattern << bit) & (1 << BLOCK_BITS) - 1)
            self.injected["burst"] += 1
            self._next_burst += 1 + self._gap(self.faults.bursts)
        self._next_burst -= bits
        for lane, block in enumerate(blocks):
            if kind_of(block) == Kind.TRAIN and self._happens(self.faults.spoil_train):
                self.injected["spoil_train"] += 1
                blocks[lane] = _flip(block, 1 << self.rng.randrange(BLOCK_BITS))
            if lane in self.dead or self.now <= self.noise_until:
                blocks[lane] = (self.rng.getrandbits(2), self.rng.getrandbits(128))
        return blocks

    def _flap(self, cycles: int) -> None:
        self.injected["flap"] += 1
        self.noise_until = self.now + cycles - 1

    def _do(self, event: Event) -> None:
        if event.action == "flap":
            self._flap(event.length)
        elif event.action == "die":
            self.injected["lane_dead"] += len(event.lanes)
            self.dead |= set(event.lanes)
        elif event.action == "revive":
            self.dead -= set(event.lanes)
        else:
            raise ValueError(f"{event.action} cannot happen in a cycle")

    # ---- chance

    def _due(self, place: str, number: int) -> list[Event]:
        due = [e for e in self.script if e.place == place and e.at <= number < e.at + e.times]
        return due if place != "trailer" else []

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self.rng.random() < rate

    def _gap(self, rate: float) -> int:
        """Return after how many bits the next one is wrong."""
        return int(self.rng.expovariate(rate)) if rate > 0 else 1 << 62


def _flip(block: Block, pattern: int) -> Block:
    """Return a block with the bits of a pattern of 130 wrong, the mark on top."""
    return block[0] ^ pattern >> 128, block[1] ^ pattern & (1 << 128) - 1


def _flipped(sent: Beat, lane: int, bits: Sequence[int]) -> Beat:
    """Return what lanes carry with bits of one block wrong."""
    pattern = 0
    for bit in bits:
        pattern ^= 1 << bit
    return (*sent[:lane], _flip(sent[lane], pattern), *sent[lane + 1 :])
