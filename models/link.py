# SPDX-License-Identifier: Apache-2.0
"""Golden model of the link layer, cycle by cycle: docs/link.md in Python.

:class:`Port` is one end of a link: packets in, packets out, and one tuple of K blocks a cycle each
way. It is made of a :class:`Sender` (frames, replay, credits taken), a :class:`Receiver` (frames
judged, packets put together, credits given), lanes, and the states of training. It is the model
that the RTL is compared with, and a link partner by itself: a misbehaving one overrides
:meth:`Port.outgoing_trailer` or :meth:`Port.outgoing_train`.

The model has no pipelines: what comes in a cycle counts for what leaves in it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from .layout import NUM_VC
from .link_format import (
    CONTROL,
    DATA,
    FREED_W,
    NULL_BLOCK,
    POISON_BLOCK,
    SEQ_FIELD,
    SKIP_BLOCK,
    VERSION,
    Beat,
    Block,
    Kind,
    Packet,
    Trailer,
    Train,
    between_frames,
    crc32_step,
    crc_holds,
    crc_start,
    damaged,
    flits_of,
    kind_of,
    payload_units,
    vc_of,
)

FREED_MASK = (1 << FREED_W) - 1

#: A block that a lane cannot mistake for a good one.
DAMAGE: Block = (0, 0)


class Policy(enum.Enum):
    """What happens to the user's packets in FLUSH, DOWN and TRAIN."""

    BLOCK = "block"
    DISCARD = "discard"
    BEST_EFFORT = "best_effort"


class State(enum.Enum):
    """State of a port."""

    DOWN = "down"
    TRAIN = "train"
    UP = "up"
    RETRAIN = "retrain"
    FLUSH = "flush"


@dataclasses.dataclass(frozen=True)
class LinkConfig:
    """One side's numbers, named as in docs/link.md. Raises ValueError for one that cannot be."""

    k: int = 1
    frame_units: int = 64
    seq_w: int = 13
    replay_beats: int = 5200
    replay_cycles: int = 5200
    replay_limit: int = 4
    retrain_limit: int = 4
    age_cycles: int = 1 << 20
    keepalive_cycles: int = 1000
    dead_cycles: int = 8000
    skip_beats: int = 1000
    reserved: tuple[int, ...] = (32,) * NUM_VC
    shared: int = 5200
    train_beats: int = 16
    lane_cycles: int = 64
    max_skew: int = 8
    policy: Policy = Policy.BLOCK
    hold_cycles: int = 1000

    def __post_init__(self) -> None:
        """Check every number against its bounds."""
        if self.k not in (1, 2, 4):
            raise ValueError(f"k = {self.k} is not 1, 2 or 4")
        if self.frame_units < self.k or self.frame_units % self.k:
            raise ValueError(f"frame_units = {self.frame_units} is not a multiple of {self.k}")
        if len(self.reserved) != NUM_VC or not all(0 <= r < 1 << 12 for r in self.reserved):
            raise ValueError(f"reserved = {self.reserved} is not {NUM_VC} numbers in 0..4095")
        bounds = {
            "seq_w": (2, SEQ_FIELD), "shared": (0, (1 << SEQ_FIELD) - 1),
            "replay_beats": (self.longest, 1 << 20), "replay_cycles": (1, 1 << 20),
            "replay_limit": (1, 255), "retrain_limit": (0, 255), "age_cycles": (1, 1 << 30),
            "keepalive_cycles": (1, 1 << 20), "dead_cycles": (2, 1 << 20),
            "skip_beats": (0, 1 << 20), "train_beats": (1, 1 << 16), "lane_cycles": (1, 1 << 20),
            "max_skew": (0, 1 << 10), "hold_cycles": (0, 1 << 30),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} = {getattr(self, name)} is not in {low}..{high}")

    @property
    def window(self) -> int:
        """Most frames unacknowledged."""
        return (1 << (self.seq_w - 1)) - 1

    @property
    def seqs(self) -> int:
        """Number of sequence numbers."""
        return 1 << self.seq_w

    @property
    def frame_beats(self) -> int:
        """Most beats of a frame in front of the trailer's."""
        return self.frame_units // self.k

    @property
    def longest(self) -> int:
        """Most beats of a frame; the one more is a POISON at K = 1."""
        return self.frame_beats + 1 + (self.k == 1)


def over(used: Sequence[int], reserved: Sequence[int]) -> int:
    """Return how much of the shared pool is in use."""
    return sum(max(0, u - r) for u, r in zip(used, reserved, strict=True))


# ------------------------------------------------------------------------------------- sender


@dataclasses.dataclass
class Frame:
    """A data frame in the replay buffer: whole beats, and the blocks in front of the trailer."""

    seq: int
    cont: int = 0
    beats: list[Beat] = dataclasses.field(default_factory=list)
    tail: tuple[Block, ...] = ()
    crc: int = dataclasses.field(default_factory=crc_start)
    packets: set[int] = dataclasses.field(default_factory=set)

    def append(self, blocks: Beat) -> None:
        """Add blocks to the frame's CRC."""
        for block in blocks:
            self.crc = crc32_step(self.crc, block)


@dataclasses.dataclass(frozen=True)
class Piece:
    """A block of the packet that is being sent."""

    block: Block
    header: bool
    ends_flit: bool
    packet: int


class Sender:
    """Packets to frames, kept until they are acknowledged; credits; replay.

    `queue`: the user's packets, one queue a VC, each with a number that grows in the order given.
    """

    def __init__(
        self, cfg: LinkConfig, counts: Counter[str], outgoing: Callable[[Trailer], Trailer]
    ) -> None:
        self.cfg, self.counts, self.outgoing = cfg, counts, outgoing
        self.queue: list[deque[tuple[int, Packet]]] = [deque() for _ in range(NUM_VC)]
        self.reserved: tuple[int, ...] = (0,) * NUM_VC  # told by the peer
        self.shared = 0
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self.pieces: deque[Piece] = deque()  # of the packet that is being sent
        self.open: Frame | None = None
        self.frames: deque[Frame] = deque()  # unacknowledged
        self.resent: Iterator[Beat] | None = None  # of the frame that is being sent again
        self.next = 0
        self.again: int | None = None  # frame that is sent again next
        self.replay_due = False
        self.round = 0
        self.sent = [0] * NUM_VC
        self.freed = [0] * NUM_VC
        self.replays = 0  # without progress
        self.waited = 0  # cycles of the oldest frame, for REPLAY_CYCLES
        self.retrain = False  # REPLAY_LIMIT is exceeded

    # ---- what the port asks

    @property
    def oldest(self) -> int:
        """The oldest unacknowledged number."""
        return self.frames[0].seq if self.frames else self._closed

    @property
    def _closed(self) -> int:
        return self.open.seq if self.open else self.next

    @property
    def used(self) -> list[int]:
        """Flits of each VC that count against the peer's room."""
        return [s - f for s, f in zip(self.sent, self.freed, strict=True)]

    @property
    def unfinished(self) -> set[int]:
        """Numbers of the packets that were begun and are not wholly acknowledged."""
        frames = [*self.frames, self.open] if self.open else self.frames
        return {n for f in frames for n in f.packets} | {piece.packet for piece in self.pieces}

    def room(self, vc: int, flits: int) -> bool:
        """Return whether a packet of that many flits may begin."""
        used = self.used
        used[vc] += flits
        return over(used, self.reserved) <= self.shared

    # ---- acknowledgements

    def take_ack(self, ack: int) -> bool:
        """Free all frames before `ack`; return whether any was."""
        freed = (ack - self.oldest) % self.cfg.seqs
        if freed > len(self.frames):
            self.counts["ack_bad"] += 1
            return False
        for _ in range(freed):
            gone = self.frames.popleft()
            if self.again == gone.seq:
                self.again = self.oldest if self.frames else None
        if freed:
            self.waited = self.replays = 0
            self.replay_due = self.replay_due and bool(self.frames)
        return freed > 0

    def take_freed(self, freed: Sequence[int]) -> None:
        """Take the peer's cumulative counts."""
        used, bad = self.used, False
        for vc, total in enumerate(freed):
            delta = (total - self.freed[vc]) & FREED_MASK
            if delta > used[vc]:
                bad = True
            else:
                self.freed[vc] += delta
        self.counts["freed_bad"] += bad

    def take_nack(self, heard: int) -> None:
        """Start a replay, unless the one asked for runs already."""
        self.counts["rx_nack"] += 1
        if not self.frames:
            return
        if heard != self.round & 1:
            self.counts["nack_old"] += 1
        else:
            self.replay_due = True

    def resume(self, ack: int) -> bool:
        """Go on after a retraining with the number that the peer expects."""
        self.retrain = False
        progress = self.take_ack(ack)
        self.replays = self.waited = 0
        if self.frames:
            self._replay()
        return progress

    def interrupt(self) -> None:
        """Close the open frame in the replay buffer: the link leaves UP to come back."""
        self.resent, self.again, self.replay_due = None, None, False
        if self.open is None:
            return
        if self.pieces and self.pieces[0].block == POISON_BLOCK:
            self.pieces.popleft()
            self._keep((POISON_BLOCK,) if self.cfg.k > 1 else (), whole=self.cfg.k == 1)
        else:
            self._keep(())

    def _keep(self, tail: tuple[Block, ...], *, whole: bool = False) -> None:
        """Close the open frame with these blocks in front of the trailer."""
        assert self.open is not None
        if whole:
            self.open.beats.append((POISON_BLOCK,))
            self.open.append((POISON_BLOCK,))
        self.open.tail = tail + (NULL_BLOCK,) * (self.cfg.k - 1 - len(tail))
        self.open.append(self.open.tail)
        self.frames.append(self.open)
        self.open = None

    # ---- one beat

    def beat(self, report: Receiver, epoch: int, keepalive: bool) -> Beat:
        """Return the next beat of a link that is up. `report`: what the trailer has to say."""
        if self.resent is None and self.open is None and not report.nack_due:
            if self.replay_due:
                self._start_replay()
            if self.again is not None:
                self.resent = self._resend(report, epoch)
            elif self._may_open():
                self.open = Frame(self.next, cont=int(not self.pieces[0].header))
                self.next = (self.next + 1) % self.cfg.seqs
        if self.resent is not None:
            return next(self.resent)
        if self.open is not None:
            return self._pack(report, epoch)
        if report.nack_due or report.owes or keepalive:
            self.counts["tx_control"] += 1
            seq = self.next if self.again is None else self.again
            empty = (NULL_BLOCK,) * (self.cfg.k - 1)
            crc = Frame(0)
            crc.append(empty)
            return (*empty, self._trailer(report, epoch, Trailer(seq=seq), crc.crc))
        return (NULL_BLOCK,) * self.cfg.k

    def tick(self) -> None:
        """Let one cycle pass."""
        self.waited = self.waited + 1 if self.frames else 0
        if self.waited >= self.cfg.replay_cycles and not self.replay_due:
            self.counts["replay_timeout"] += 1
            self.replay_due = True

    def _start_replay(self) -> None:
        self.replay_due = False
        self.replays += 1
        self.waited = 0
        if self.replays > self.cfg.replay_limit:
            self.retrain = True
            return
        self._replay()

    def _replay(self) -> None:
        self.counts["replay"] += 1
        self.round = (self.round + 1) & 3
        self.again = self.oldest

    def _resend(self, report: Receiver, epoch: int) -> Iterator[Beat]:
        """Send one frame again and step to the next."""
        frame = next(f for f in self.frames if f.seq == self.again)
        self.counts["tx_again"] += 1
        yield from frame.beats
        bare = Trailer(data=1, cont=frame.cont, seq=frame.seq)
        block = self._trailer(report, epoch, bare, frame.crc)
        if self.frames and self.frames[0] is frame:
            self.waited = 0
        if self.again == frame.seq:
            self.again = (frame.seq + 1) % self.cfg.seqs
            if self.again == self.next:
                self.again = None
        self.resent = None
        yield (*frame.tail, block)

    def _may_open(self) -> bool:
        """Return whether there is something to send in a new frame, and a place to keep it."""
        kept = sum(len(f.beats) + 1 for f in self.frames)
        return (
            len(self.frames) < self.cfg.window
            and kept + self.cfg.longest <= self.cfg.replay_beats
            and self._ready()
        )

    def _ready(self) -> bool:
        """Return whether there is a next piece; begin the packet that waits longest and may."""
        if self.pieces:
            return True
        heads = [q[0] for q in self.queue if q]
        may = [h for h in heads if self.room(h[1].vc, flits_of(h[1].units[0], self.cfg.k))]
        if not may:
            return False
        number, packet = min(may)
        self.queue[packet.vc].popleft()
        self.counts["tx_packet"] += 1
        self.sent[packet.vc] += flits_of(packet.units[0], self.cfg.k)
        last = len(packet.units) - 1
        for n, unit in enumerate(packet.units):
            ends = n == last or (n > 0 and n % self.cfg.k == 0)
            self.pieces.append(Piece((DATA, unit), n == 0, ends, number))
        if packet.err:
            self.pieces.append(Piece(POISON_BLOCK, False, False, number))
        return True

    def _pack(self, report: Receiver, epoch: int) -> Beat:
        """Fill a beat of the open frame; close the frame if it is full, asked for or at the end."""
        assert self.open is not None
        cfg, frame = self.cfg, self.open
        closing = report.nack_due or self.replay_due or len(frame.beats) >= cfg.frame_beats
        if cfg.k == 1 and self.pieces and self.pieces[0].block == POISON_BLOCK:
            closing = False
        places = cfg.k - closing
        blocks: list[Block] = []
        ended = full = False
        while len(blocks) < places and self._ready():
            piece = self.pieces[0]
            poisoned = len(self.pieces) > 1 and self.pieces[1].block == POISON_BLOCK
            full = piece.ends_flit and ended
            if full or (closing and poisoned and len(blocks) == places - 1):
                break
            # A POISON that begins a beat changes a flit of the beat before: as if one more ended.
            ended |= piece.ends_flit or (piece.block == POISON_BLOCK and not blocks)
            frame.packets.add(piece.packet)
            blocks.append(self.pieces.popleft().block)
        if closing or (len(blocks) < cfg.k and not full):
            self._keep(tuple(blocks))
            if len(self.frames) == 1:
                self.waited = 0
            self.counts["tx_frame"] += 1
            bare = Trailer(data=1, cont=frame.cont, seq=frame.seq)
            return (*frame.tail, self._trailer(report, epoch, bare, frame.crc))
        beat = (*blocks, *[NULL_BLOCK] * (cfg.k - len(blocks)))
        frame.beats.append(beat)
        frame.append(beat)
        return beat

    def _trailer(self, report: Receiver, epoch: int, bare: Trailer, crc: int) -> Block:
        """Return the trailer with what the receiver has to say."""
        trailer = dataclasses.replace(
            bare,
            nack=int(report.nack_due),
            round=self.round,
            epoch=epoch,
            ack=report.expected,
            freed=tuple(total & FREED_MASK for total in report.freed),
            heard=report.heard & 1,
        )
        self.counts["tx_nack"] += report.nack_due
        report.told()
        return self.outgoing(trailer).block(crc)


# ----------------------------------------------------------------------------------- receiver


@dataclasses.dataclass
class Opened:
    """A packet of which not all has come."""

    units: list[int]

    @property
    def missing(self) -> int:
        """Units that are still to come."""
        return 1 + payload_units(self.units[0]) - len(self.units)


@dataclasses.dataclass
class Parsed:
    """What the blocks of a frame are: whole packets, the packet left open, flits of each VC."""

    packets: list[Packet]
    opened: Opened | None
    flits: list[int]


def parse(beats: Iterable[Beat], opened: Opened | None, k: int) -> Parsed | None:
    """Return the packets of a frame that follows on `opened`; None if it breaks a rule."""
    done = Parsed([], Opened(list(opened.units)) if opened else None, [0] * NUM_VC)
    fresh = False  # the block before was the last unit of a packet
    for beat in beats:
        ended = 0
        here = False  # the unit before lies in this beat
        for block in beat:
            if block[0] == CONTROL:
                if kind_of(block) == Kind.POISON:
                    if not fresh:
                        return None
                    done.packets[-1] = Packet(done.packets[-1].units, True)
                    ended += not here
                    fresh = False
                continue  # NULL and the trailer
            if done.opened is None:
                done.opened = Opened([])
            done.opened.units.append(block[1])
            now = done.opened
            whole = now.missing == 0
            payload = len(now.units) - 1
            if whole or (payload > 0 and payload % k == 0):
                ended += 1
                done.flits[vc_of(now.units[0])] += 1
            fresh = here = whole
            if whole:
                done.packets.append(Packet(tuple(now.units)))
                done.opened = None
        if ended > 1:
            return None
    return done


class Receiver:
    """Frames judged; packets of good ones put together and kept until the user takes them.

    For the port's own trailers: `expected`, `freed`, `heard`, `nack_due`, and `owes` (a trailer
    should go out).
    """

    def __init__(self, cfg: LinkConfig, counts: Counter[str]) -> None:
        self.cfg, self.counts = cfg, counts
        self.buffer: list[deque[Packet]] = [deque() for _ in range(NUM_VC)]
        self.opened: Opened | None = None
        self.crc = crc_start()
        self.restart()

    def restart(self) -> None:
        """Begin anew. The buffer must be empty, or what it holds no longer counts."""
        self.expected = 0
        self.taken = [0] * NUM_VC  # flits that came, since training
        self.freed = [0] * NUM_VC
        self.heard = 0
        self.overflow = False
        self.resume()

    def resume(self) -> None:
        """Begin behind a training."""
        self.nacked: int | None = None  # the round for which a nack was sent
        self.nack_due = self.owes = False
        self._next_frame()

    def told(self) -> None:
        """Note that a trailer has said everything."""
        self.nack_due = self.owes = False

    @property
    def held(self) -> list[int]:
        """Flits of each VC in the buffer."""
        return [t - f for t, f in zip(self.taken, self.freed, strict=True)]

    # ---- one beat

    def beat(self, beat: Beat, epoch: int) -> Trailer | None:
        """Take a beat of a link that is up; return the trailer of a good frame that it ends."""
        if between_frames(beat):
            return None
        ends = kind_of(beat[-1]) == Kind.TRAILER
        wrong = any(
            damaged(b) or kind_of(b) in (Kind.SKIP, Kind.TRAIN, Kind.TRAILER) for b in beat[:-1]
        )
        wrong |= damaged(beat[-1]) or kind_of(beat[-1]) in (Kind.SKIP, Kind.TRAIN)
        self.bad |= wrong
        self.beats.append(beat)
        for block in beat[: len(beat) - ends]:
            self.crc = crc32_step(self.crc, block)
        if not ends:
            return None
        good = self._judge(beat[-1][1], epoch)
        self._next_frame()
        return good

    def _next_frame(self) -> None:
        self.beats: list[Beat] = []
        self.crc = crc_start()
        self.bad = False

    def _judge(self, unit: int, epoch: int) -> Trailer | None:
        """Return the trailer that ends the frame if it is good, and act on it."""
        if self.bad or not crc_holds(self.crc, unit):
            self.counts["rx_damaged" if self.bad else "rx_crc"] += 1
            self._ask()
            return None
        trailer = Trailer.unpack(unit)
        if trailer.epoch != epoch:
            self.counts["rx_epoch"] += 1
            return None
        has_units = any(b[0] == DATA or b == POISON_BLOCK for t in self.beats for b in t)
        ahead = (trailer.seq - self.expected) % self.cfg.seqs
        parsed = None
        if trailer.data and not ahead and trailer.cont == (self.opened is not None):
            parsed = parse(self.beats, self.opened, self.cfg.k)
        if has_units != bool(trailer.data) or (trailer.data and not ahead and parsed is None):
            self.counts["rx_malformed"] += 1
            self._ask()
            return None
        self.heard = trailer.round
        if ahead == 0:
            self.nacked, self.nack_due = None, False
            if parsed:
                self._accept(parsed)
        elif ahead < self.cfg.seqs // 2:
            self.counts["rx_ahead"] += 1
            self._ask()
        elif trailer.data:
            self.counts["rx_duplicate"] += 1
            self.owes = True
        return trailer

    def _ask(self) -> None:
        """Ask for what is missing, once for each round heard."""
        if self.nacked != self.heard:
            self.nacked, self.nack_due = self.heard, True

    def _accept(self, parsed: Parsed) -> None:
        self.counts["rx_frame"] += 1
        self.expected = (self.expected + 1) % self.cfg.seqs
        self.owes = True
        self.taken = [t + f for t, f in zip(self.taken, parsed.flits, strict=True)]
        if over(self.held, self.cfg.reserved) > self.cfg.shared:
            self.counts["rx_over"] += 1
            self.overflow = True
            return
        self.opened = parsed.opened
        for packet in parsed.packets:
            self.buffer[packet.vc].append(packet)
            self.counts["rx_packet"] += 1

    # ---- the user's side

    def take(self, vc: int) -> Packet | None:
        """Return the next packet of a VC and free its flits; None if there is none."""
        if not self.buffer[vc]:
            return None
        packet = self.buffer[vc].popleft()
        self.freed[vc] += flits_of(packet.units[0], self.cfg.k)
        self.owes = True
        return packet

    def flush(self) -> None:
        """Close the open packet with zeros and an error mark."""
        if self.opened:
            units = (*self.opened.units, *[0] * self.opened.missing)
            self.buffer[vc_of(units[0])].append(Packet(units, True))
            self.counts["rx_closed"] += 1
        self.opened = None


# -------------------------------------------------------------------------------------- lanes


def chosen(good: int, k: int) -> tuple[int, ...]:
    """Return the lanes that carry a direction whose receiver hears the lanes of a mask."""
    lanes = [lane for lane in range(k) if good >> lane & 1]
    return tuple(lanes[: 4 if len(lanes) >= 4 else 2 if len(lanes) >= 2 else len(lanes)])


class LaneReceiver:
    """Blocks of K lanes to beats: SKIP dropped, lanes aligned, beats found again."""

    def __init__(self, cfg: LinkConfig) -> None:
        self.cfg = cfg
        self.restart()

    def restart(self) -> None:
        """Begin a training."""
        self.trained = [False] * self.cfg.k  # has carried TRAIN
        self.started = [False] * self.cfg.k  # carries frames
        self.fifo: list[deque[Block]] = [deque() for _ in range(self.cfg.k)]
        self.part: list[Block] = []

    def block(self, lane: int, block: Block, *, train: bool) -> None:
        """Take the block of one lane; `train`: it is a valid TRAIN block."""
        if train:
            # What looked like the begin of frames before was none.
            self.trained[lane], self.started[lane] = True, False
            self.fifo[lane].clear()
        if train or not self.trained[lane]:
            return
        if not self.started[lane] and not damaged(block):
            self.started[lane] = kind_of(block) not in (Kind.TRAIN, Kind.SKIP)
        if self.started[lane]:
            self.fifo[lane].append(block)
            if len(self.fifo[lane]) > self.cfg.max_skew + 1:
                self.fifo[lane].popleft()

    def beat(self, lanes: Sequence[int]) -> Beat | None:
        """Return the beat that is complete, if one is."""
        if not lanes or not all(self.fifo[lane] for lane in lanes):
            return None
        blocks = [self.fifo[lane].popleft() for lane in lanes]
        if all(kind_of(b) == Kind.SKIP for b in blocks):
            return None
        self.part += blocks
        k = self.cfg.k
        if kind_of(self.part[-1]) == Kind.TRAILER and len(self.part) < k:
            # Shifted by a damaged SKIP: the frame is lost, its end is not.
            self.part = [DAMAGE] * (k - len(self.part)) + self.part
        if len(self.part) < k:
            return None
        beat, self.part = tuple(self.part), []
        return beat


# --------------------------------------------------------------------------------------- port


class Port:
    """One end of a link.

    `counts` has a counter for every event (those of sp_link_pkg::events_t under their names) and
    every change of state. `fault` is the reason for which the link was last
    retrained or flushed.
    """

    def __init__(self, cfg: LinkConfig, *, enable: bool = True) -> None:
        self.cfg, self.enable = cfg, enable
        self.counts: Counter[str] = Counter()
        self.tx = Sender(cfg, self.counts, self.outgoing_trailer)
        self.rx = Receiver(cfg, self.counts)
        self.lanes_rx = LaneReceiver(cfg)
        self._state = State.DOWN
        self.fault = ""
        self.mismatch = ""  # why a peer does not fit
        self.nonce = 0
        self.peer: Train | None = None
        self.good = 0
        self.epoch = 0
        self.numbered = 0
        self.down_cycles = 0
        self.since_trailer = self.since_good = self.since_progress = self.since_skip = 0
        self.retrains = 0  # without progress
        self._to_send: deque[Block] = deque()
        self._enter_training_state()

    @property
    def state(self) -> State:
        """The state; every change is counted as ``<from>_to_<to>``."""
        return self._state

    def _go(self, state: State) -> None:
        self.counts[f"{self._state.value}_to_{state.value}"] += 1
        self._state = state

    # ---- hooks of a misbehaving partner

    def outgoing_trailer(self, trailer: Trailer) -> Trailer:
        """Return what is sent instead of a trailer."""
        return trailer

    def outgoing_train(self, train: Train) -> Train:
        """Return what is sent instead of a TRAIN block."""
        return train

    # ---- the user's side

    def send(self, packets: Iterable[Packet]) -> None:
        """Give packets to send, in this order for each VC."""
        for packet in packets:
            self.tx.queue[packet.vc].append((self.numbered, packet))
            self.numbered += 1

    def take(self, vc: int) -> Packet | None:
        """Return the next packet that came on a VC, if there is one."""
        return self.rx.take(vc)

    # ---- one cycle

    def cycle(self, blocks: Sequence[Block | None]) -> Beat:
        """Take what the lanes carry (None: no signal) and return what they carry next."""
        self._receive(blocks)
        self._states()
        return self._transmit()

    def _receive(self, blocks: Sequence[Block | None]) -> None:
        for lane, block in enumerate(blocks):
            if block is None:
                continue
            train = Train.of(block, lane)
            if train:
                self._take_train(train, lane)
            self.lanes_rx.block(lane, block, train=train is not None)
        beat = self.lanes_rx.beat(self.lanes_in) if self._settled else None
        self.since_good += 1
        if beat is None or self.state != State.UP:
            return
        trailer = self.rx.beat(beat, self.epoch)
        if trailer is None:
            return
        self.since_good = 0
        progress = self.tx.take_ack(trailer.ack)
        self.tx.take_freed(trailer.freed)
        if trailer.nack:
            self.tx.take_nack(trailer.heard)
        if progress or not self.tx.frames:
            self.since_progress = self.retrains = 0

    # ---- training

    def _enter_training_state(self) -> None:
        self.peer, self.good = None, 0
        self.first_train = 0  # cycles since the first valid TRAIN block of the peer's nonce
        self.echoed = 0  # beats sent with the peer's nonce as echo
        self.lanes_rx.restart()
        self._to_send.clear()

    def _take_train(self, train: Train, lane: int) -> None:
        if self.state in (State.DOWN, State.FLUSH):
            return
        if self.state == State.UP:
            if self.peer and train.nonce == self.peer.nonce:
                return  # the peer is not up yet
            self.counts["peer"] += 1
            if not train.resume:
                self._flush("peer starts anew")
                return
            self._retrain("peer retrains")
        if self.state not in (State.TRAIN, State.RETRAIN):
            return
        if self.state == State.RETRAIN and not train.resume:
            self._flush("peer starts anew")
            return
        if self.peer is None or self.peer.nonce != train.nonce:
            self.good = self.first_train = self.echoed = 0
        self.peer = train
        if not self._settled:
            self.good |= 1 << lane

    @property
    def _settled(self) -> bool:
        """Whether `good` stays as it is in this training."""
        return self.good == (1 << self.cfg.k) - 1 or self.first_train >= self.cfg.lane_cycles

    @property
    def lanes_in(self) -> tuple[int, ...]:
        """Lanes that carry what comes."""
        return chosen(self.good, self.cfg.k)

    @property
    def lanes_out(self) -> tuple[int, ...]:
        """Lanes that carry what leaves."""
        return chosen(self.peer.good if self.peer else 0, self.cfg.k)

    def _train(self) -> Train:
        """Return the TRAIN block of lane 0."""
        seen = self.peer is not None and self._settled
        return Train(
            good=self.good,
            seen=int(seen),
            resume=int(self.state == State.RETRAIN),
            nonce=self.nonce,
            echo=self.peer.nonce if self.peer and seen else 0,
            ack=self.rx.expected if self.state == State.RETRAIN else 0,
            shared=self.cfg.shared,
            reserved=self.cfg.reserved,
            width=self.cfg.k.bit_length() - 1,
            seqw=self.cfg.seq_w,
        )

    def _fits(self, peer: Train) -> bool:
        mine = {"version": VERSION, "width": self.cfg.k.bit_length() - 1, "seqw": self.cfg.seq_w}
        wrong = [name for name, value in mine.items() if getattr(peer, name) != value]
        self.mismatch = ", ".join(wrong)
        return not wrong

    def _trained(self) -> bool:
        """Return whether the handshake is complete."""
        peer = self.peer
        return bool(
            peer
            and self._fits(peer)
            and peer.seen
            and self.lanes_out
            and peer.echo == self.nonce
            and peer.resume == (self.state == State.RETRAIN)
            and self.echoed >= self.cfg.train_beats
        )

    # ---- states

    def _states(self) -> None:
        cfg = self.cfg
        self.since_trailer += 1
        self.since_progress += 1
        self.down_cycles = 0 if self.state in (State.UP, State.RETRAIN) else self.down_cycles + 1
        if self.state == State.UP:
            self.tx.tick()
            if not self.tx.frames:
                self.since_progress = 0
            if self.rx.overflow:
                self._flush("buffer overrun")
            elif self.since_good >= cfg.dead_cycles:
                self.counts["dead"] += 1
                self._retrain("no good frame")
            elif self.tx.retrain:
                self._retrain("replays without progress")
        if self.state in (State.UP, State.RETRAIN):
            if not self.enable:
                self._flush("disabled")
            elif self.since_progress >= cfg.age_cycles:
                self.counts["aged"] += 1
                self._flush("too old")
        if self.state == State.DOWN and self.enable:
            self._start_training(State.TRAIN)
        elif (self.state == State.TRAIN and not self.enable) or (
            self.state == State.FLUSH and not any(self.rx.buffer)
        ):
            self._go(State.DOWN)
        elif self.state in (State.TRAIN, State.RETRAIN):
            self.first_train += self.good != 0
            if self._trained():
                self._up()
        if self.state in (State.FLUSH, State.DOWN, State.TRAIN):
            self._discard()

    def _start_training(self, state: State) -> None:
        self._go(state)
        self.nonce = (self.nonce + 1) & 0xFF
        self.counts["training"] += 1
        self._enter_training_state()

    def _up(self) -> None:
        assert self.peer is not None
        if self.state == State.RETRAIN:
            self.rx.resume()
            if self.tx.resume(self.peer.ack):
                self.since_progress = self.retrains = 0
        else:
            self.tx.restart()
            self.rx.restart()
            self.retrains = 0
        self.tx.reserved, self.tx.shared = self.peer.reserved, self.peer.shared
        self.epoch = (self.nonce + self.peer.nonce) & 15
        self._go(State.UP)
        self.since_good = 0
        self.since_trailer = self.cfg.keepalive_cycles  # the first trailer at once

    def _retrain(self, why: str) -> None:
        if self.retrains >= self.cfg.retrain_limit:
            self._flush(f"{why}; retrainings without progress")
            return
        self.fault = why
        self.retrains += 1
        self.counts["retrain"] += 1
        self.tx.interrupt()
        self._start_training(State.RETRAIN)

    def _flush(self, why: str) -> None:
        self.fault = why
        self.counts["flush"] += 1
        self.counts["flushed"] += len(self.tx.unfinished)
        self.tx.restart()
        self.rx.flush()
        self._go(State.FLUSH)
        self._enter_training_state()

    def _discard(self) -> None:
        """Drop the user's packets where the policy says so."""
        hold = {Policy.DISCARD: 0, Policy.BEST_EFFORT: self.cfg.hold_cycles}
        if self.down_cycles >= hold.get(self.cfg.policy, self.down_cycles + 1):
            for queue in self.tx.queue:
                self.counts["dropped"] += len(queue)
                queue.clear()

    # ---- what leaves

    def _transmit(self) -> Beat:
        k = self.cfg.k
        self.since_skip += 1
        if self.state in (State.DOWN, State.FLUSH):
            return (NULL_BLOCK,) * k
        if self.cfg.skip_beats and self.since_skip >= self.cfg.skip_beats and not self._to_send:
            self.since_skip = 0
            return (SKIP_BLOCK,) * k
        if self.state in (State.TRAIN, State.RETRAIN):
            train = self._train()
            self.echoed += train.seen
            sent = self.outgoing_train(train)
            return tuple(dataclasses.replace(sent, lane=lane).block() for lane in range(k))
        if not self._to_send:
            keepalive = self.since_trailer >= self.cfg.keepalive_cycles
            beat = self.tx.beat(self.rx, self.epoch, keepalive)
            if kind_of(beat[-1]) == Kind.TRAILER:
                self.since_trailer = 0
            self._to_send.extend(beat)
        wire = [NULL_BLOCK] * k
        for lane in self.lanes_out:
            wire[lane] = self._to_send.popleft()
        return tuple(wire)
