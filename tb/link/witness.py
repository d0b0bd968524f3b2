# SPDX-License-Identifier: Apache-2.0
"""Judges one end of a link by what passes on its wires, as docs/link.md has it.

A :class:`Witness` looks at blocks that leave and come, and at the state that the end says it is
in; of the RTL it knows nothing. It holds against the page:

- what leaves: CRC, contents, numbers, epoch, window, credits, and that a frame which is sent again
  is the same frame;
- each change of state, and its cause;
- counters: how often each event must have been told.

An end may need up to LATE cycles to act on what came. So all is judged when it is that old, in the
order in which it passed. Of what came in the last LATE cycles before an end left UP nobody can say
whether it was taken: up to the next training it waits, and then the `ack` that the end told
decides. Counters may differ by as many frames.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from switchproof.models.layout import NUM_VC
from switchproof.models.link import FREED_MASK, LaneReceiver, LinkConfig, Receiver, State, over
from switchproof.models.link import chosen as carrying
from switchproof.models.link_format import (
    CONTROL,
    POISON_BLOCK,
    VERSION,
    Beat,
    Block,
    Kind,
    Trailer,
    Train,
    between_frames,
    kind_of,
)
from switchproof.tb.scoreboard import Mismatch

#: The state machine of docs/link.md.
TRANSITIONS = {
    "down_to_train", "train_to_up", "train_to_down", "up_to_retrain", "up_to_flush",
    "retrain_to_up", "retrain_to_flush", "flush_to_down",
}  # fmt: skip
#: Events that must have been told as often as the wires say.
COUNTED = (
    "tx_frame", "tx_again", "tx_control", "tx_nack", "replay", "ack_bad", "freed_bad", "rx_frame",
    "rx_duplicate", "rx_ahead", "rx_damaged", "rx_crc", "rx_malformed", "rx_epoch",
)  # fmt: skip
#: Cycles in which an end must have acted on what came.
LATE = 10
#: A receiver with room for all: whether there was room is judged by the credits of the sender.
ROOM = 8191


@dataclasses.dataclass(frozen=True)
class Seen:
    """A trailer that passed: when, whether its frame was new, and what it said."""

    cycle: int
    trailer: Trailer
    again: bool = False


class Passed(NamedTuple):
    """What passed in a cycle: beats that came and left, and the number of the next new frame."""

    cycle: int
    came: Beat | None
    left: Beat | None
    next: int


class Line:
    """One direction of a link: its last TRAIN block, and the beats of its frames."""

    def __init__(self, cfg: LinkConfig) -> None:
        self.k = cfg.k
        self.lanes = LaneReceiver(cfg)
        self.train: Train | None = None
        self.answers = 0  # TRAIN blocks since the nonce changed that echo the peer's

    def cycle(self, blocks: Sequence[Block | None], good: int, peer: int | None) -> Beat | None:
        """Take what lanes carry. `good`: those that the other end hears; `peer`: its nonce."""
        for lane, block in enumerate(blocks):
            if block is None:
                continue
            maybe = block[0] == CONTROL and block[1] & 15 == Kind.TRAIN
            train = Train.of(block, lane) if maybe else None
            if train:
                if self.train is None or self.train.nonce != train.nonce:
                    self.answers = 0
                self.answers += bool(train.seen and train.echo == peer and lane == 0)
                self.train = train
                self.lanes.part = []
            self.lanes.block(lane, block, train=train is not None)
        return self.lanes.beat(carrying(good, self.k))


class Witness:
    """Watches one end of a link. :meth:`cycle` and :meth:`check` raise Mismatch."""

    def __init__(self, cfg: LinkConfig, name: str, *, honest: bool = True) -> None:
        """`honest`: the peer keeps to the page, so that its credits can be believed."""
        self.cfg, self.name, self.honest = cfg, name, honest
        self.now = -1
        self.out, self.into = Line(cfg), Line(cfg)
        self.counts: Counter[str] = Counter()  # events as they must be
        self.told: Counter[str] = Counter()  # events as they were told
        self.changes: Counter[str] = Counter()
        self.doubt = 0  # frames of which nobody can say whether they counted
        self.sent: list[Seen] = []  # trailers that left
        self.came: list[Seen] = []  # good ones that came
        self.state = State.DOWN
        self.epoch = 0
        self.reserved: tuple[int, ...] = (0,) * NUM_VC  # as the peer told it
        self.shared = 0
        roomy = dataclasses.replace(cfg, shared=ROOM)
        self.hears = Receiver(roomy, Counter())  # of what comes
        self.says = Receiver(roomy, Counter())  # of what leaves, as an ideal peer hears it
        self._passed: deque[Passed] = deque()
        self._unsure: list[Passed] = []
        self._frame: list[Beat] = []
        self._frames: dict[int, tuple[object, ...]] = {}  # number to contents, unacknowledged
        self._enabled = self._disabled = -LATE  # the last cycle in which it was
        self._fits = self._anew = self._fresh = -10 * LATE
        self._entered = self._last_event = self._bad_before = 0
        self._good = 0
        self._progress = 0
        self._rounds = 0  # since progress
        self._retrains = 0  # without progress
        self._round = 0
        self._restart()

    def _restart(self) -> None:
        self.hears.restart()
        self.says.restart()
        self.hears.opened = self.says.opened = None
        self.next = self.oldest = 0  # number of the next new frame; oldest unacknowledged
        self.freed = [0] * NUM_VC  # as the peer told it
        self._frames.clear()
        self._round = self._rounds = self._retrains = 0
        self._settle()

    def _settle(self) -> None:
        for receiver in (self.hears, self.says):
            for vc in range(NUM_VC):
                while receiver.take(vc):
                    pass

    # ---- what others may ask

    @property
    def quiet(self) -> bool:
        """Whether all that events were told of has passed and is judged."""
        return self.now - self._last_event > LATE and not self._passed

    @property
    def unacked(self) -> int:
        """Frames that left and are not acknowledged."""
        return (self.next - self.oldest) % self.cfg.seqs

    @property
    def used(self) -> list[int]:
        """Flits of each VC, in whole frames that left, which the peer has not told free."""
        return [t - f for t, f in zip(self.says.taken, self.freed, strict=True)]

    @property
    def kept(self) -> int:
        """Beats of frames that left and are not acknowledged."""
        return sum(len(contents) - 1 for contents in self._frames.values())

    @property
    def replaying(self) -> bool:
        """Whether what leaves is sent again."""
        if not self.sent or not self.sent[-1].again:
            return False
        return (self.sent[-1].trailer.seq + 1) % self.cfg.seqs != self.next

    # ---- one cycle

    def cycle(
        self,
        sent: Sequence[Block | None],
        came: Sequence[Block | None],
        state: State,
        events: Sequence[str],
        *,
        enable: bool,
    ) -> None:
        """Take what left and came in a cycle, state and events of it."""
        self.now += 1
        if events:
            self.told.update(events)
            self._last_event = self.now
        if enable:
            self._enabled = self.now
        else:
            self._disabled = self.now
        out, into = self.out.train, self.into.train
        good, nonce = (into.good if into else 0), (into.nonce if into else None)
        left = self.out.cycle(sent, good, nonce)
        arrived = self.into.cycle(came, out.good if out else 0, out.nonce if out else None)
        if any(b and b[0] == CONTROL and b[1] & 15 == Kind.TRAIN for b in came):
            self._trained()
        if state != self.state:
            self._change(state)
        if state != State.UP or (arrived and between_frames(arrived)):
            arrived = None
        if not self.speaks or (left and between_frames(left)):
            left = None
        if left:
            self._number(left)
        if arrived or left:
            self._passed.append(Passed(self.now, arrived, left, self.next))
        while self._passed and self.now - self._passed[0].cycle >= LATE:
            one = self._passed.popleft()
            if one.came:
                self._hear(one)
            if one.left:
                self._say(one)
        if self.unacked == 0 and state != State.RETRAIN:
            self._progress = self.now

    @property
    def speaks(self) -> bool:
        """Whether frames may leave: in UP, and the rest of one in RETRAIN."""
        return self.state in (State.UP, State.RETRAIN)

    # ---- what comes

    def _hear(self, one: Passed) -> None:
        """Judge a beat that came."""
        assert one.came
        trailer = self.hears.beat(one.came, self.epoch)
        self._settle()
        if trailer is None:
            return
        self.hears.told()
        self.came.append(Seen(one.cycle, trailer))
        self._good = one.cycle
        window = (one.next - self.oldest) % self.cfg.seqs
        gone = (trailer.ack - self.oldest) % self.cfg.seqs
        if gone > window:
            self.counts["ack_bad"] += 1
        elif gone:
            self._acknowledge(trailer.ack, one.cycle)
        elif not window:
            self._retrains = 0
        else:
            self.counts["ack_again"] += 1
        if gone <= window and trailer.nack:
            self.counts["nacks"] += 1
            self.counts["ack_and_nack"] += 0 < gone < window
        self._free(trailer.freed)

    def _acknowledge(self, ack: int, cycle: int) -> None:
        while self.oldest != ack:
            self._frames.pop(self.oldest, None)
            self.oldest = (self.oldest + 1) % self.cfg.seqs
        self._progress = cycle
        self._rounds = self._retrains = 0

    def _free(self, freed: Sequence[int]) -> None:
        bad = False
        for vc, total in enumerate(freed):
            delta = (total - self.freed[vc]) & FREED_MASK
            if delta > self.used[vc]:
                bad = True
            else:
                self.freed[vc] += delta
        self.counts["freed_bad"] += bad

    # ---- what leaves

    def _number(self, beat: Beat) -> None:
        """Note the number of a frame that ends."""
        if kind_of(beat[-1]) != Kind.TRAILER:
            return
        trailer = Trailer.unpack(beat[-1][1])
        again = bool(trailer.data) and trailer.seq != self.next
        self.sent.append(Seen(self.now, trailer, again))
        if trailer.data and not again:
            self.next = (self.next + 1) % self.cfg.seqs
        self.counts["tx_nack"] += trailer.nack
        if not trailer.data:
            self.counts["tx_control"] += 1
        else:
            self.counts["tx_again" if again else "tx_frame"] += 1
        rounds = (trailer.round - self._round) & 3
        self.counts["replay"] += rounds
        self._rounds += rounds
        self._round = trailer.round

    def _say(self, one: Passed) -> None:
        """Hold a beat that left against the page."""
        assert one.left
        cycle, beat = one.cycle, one.left
        says, before = self.says, Counter(self.says.counts)
        self._frame.append(beat)
        trailer = says.beat(beat, self.epoch)
        if kind_of(beat[-1]) != Kind.TRAILER:
            return
        frame, self._frame = self._frame, []
        wrong = [n for n in says.counts if n.startswith("rx_") and says.counts[n] > before[n]]
        wrong = [n for n in wrong if n not in ("rx_frame", "rx_duplicate", "rx_packet")]
        if trailer is None or wrong:
            self._fail(cycle, f"sends a frame that is not good: {', '.join(wrong)}")
        assert trailer is not None
        if not trailer.data:
            return
        contents = (trailer.cont, *frame[:-1], frame[-1][:-1])
        if says.counts["rx_frame"] > before["rx_frame"]:
            self._frames[trailer.seq] = contents
            window = (one.next - self.oldest) % self.cfg.seqs
            if window > self.cfg.window:
                self._fail(cycle, f"has {window} frames unacknowledged")
            if self.honest and over(self.used, self.reserved) > self.shared:
                self._fail(cycle, f"uses {self.used}, more than {self.reserved}, {self.shared}")
        elif self._frames.get(trailer.seq, contents) != contents:
            self._fail(cycle, f"sends frame {trailer.seq} otherwise than when it was new")
        else:
            self.counts["poison_again"] += POISON_BLOCK in itertools.chain(*frame)
        self._settle()

    # ---- states

    def _trained(self) -> None:
        """Look at a TRAIN block that came."""
        into, out, cfg = self.into.train, self.out.train, self.cfg
        if into is None:
            return
        if out and (
            into.seen and into.echo == out.nonce and into.resume == out.resume
            and (into.seqw, into.version) == (cfg.seq_w, VERSION)
            and into.width == cfg.k.bit_length() - 1
        ):  # fmt: skip
            self._fits = self.now
        if self.state in (State.UP, State.RETRAIN):
            if (into.nonce + (out.nonce if out else 0)) & 15 != self.epoch and into.resume:
                self._fresh = self.now
            elif not into.resume and (self.state == State.RETRAIN or self._other(into)):
                self._anew = self.now

    def _other(self, into: Train) -> bool:
        """Return whether a block is of another training than this epoch's."""
        return self.out.train is None or (into.nonce + self.out.train.nonce) & 15 != self.epoch

    def _change(self, state: State) -> None:
        """Judge a change of state and its cause."""
        old, self.state = self.state, state
        entered, self._entered = self._entered, self.now
        name = f"{old.value}_to_{state.value}"
        self.changes[name] += 1
        if name not in TRANSITIONS:
            self._fail(self.now, f"goes from {old.value} to {state.value}")
        if not self._caused(old, state, entered):
            self._fail(self.now, f"goes from {old.value} to {state.value} without a cause")
        if old == State.UP:
            # What left stays; what came waits.
            self._unsure = [one for one in self._passed if one.came]
            left = [one._replace(came=None) for one in self._passed if one.left]
            self._passed = deque(left)
            self.doubt += sum(kind_of(one.came[-1]) == Kind.TRAILER
                              for one in self._unsure if one.came)  # fmt: skip
            if self._good <= entered:
                # Lanes that were never aligned: what was damaged in which way nobody can say.
                self.doubt += self._bad() - self._bad_before
        if state == State.FLUSH:
            self.doubt += 2  # frames that were cut on their way to the wire
        if state == State.RETRAIN:
            self._retrains += 1
            self._rounds = 0
        if state != State.UP:
            return
        assert self.out.train and self.into.train
        self.epoch = (self.out.train.nonce + self.into.train.nonce) & 15
        self.reserved, self.shared = self.into.train.reserved, self.into.train.shared
        self._good = self.now
        self._bad_before = self._bad()
        if old == State.TRAIN:
            self._passed.clear()
            self._frame = []
            self._unsure = []
            self._restart()
            return
        self._catch_up(self.out.train.ack)
        self.hears.resume()
        while self._passed:
            self._say(self._passed.popleft())
        self._frame = []
        self.says.resume()
        gone = (self.into.train.ack - self.oldest) % self.cfg.seqs
        if 0 < gone <= self.unacked:
            self._acknowledge(self.into.train.ack, self.now)
        self._rounds = 0

    def _bad(self) -> int:
        """Return how many frames that came were not good."""
        return self.hears.counts["rx_damaged"] + self.hears.counts["rx_crc"]

    def _catch_up(self, ack: int) -> None:
        """Judge what came last before a training, up to what the end says it has."""
        for one in self._unsure:
            if self.hears.expected == ack:
                break
            self._hear(one)
        self._unsure = []
        if self.hears.expected != ack:
            self._fail(self.now, f"says that {ack} comes next, not {self.hears.expected}")

    def _caused(self, old: State, new: State, entered: int) -> bool:
        """Return whether the page has a reason to leave a state that was entered in a cycle."""
        cfg, lately = self.cfg, self.now - 2 * LATE
        tired = (
            self.now - self._good >= cfg.dead_cycles - LATE
            or self._rounds >= cfg.replay_limit
            or self._fresh >= lately
        )
        if new == State.TRAIN:
            return self._enabled >= lately
        if new == State.DOWN:
            return old == State.FLUSH or self._disabled >= lately
        if new == State.UP:
            return self._fits > entered and self.out.answers >= cfg.train_beats - 2
        if new == State.RETRAIN:
            return tired
        return (
            self._disabled >= lately
            or self._anew >= lately
            or self.now - self._progress >= cfg.age_cycles - 2 * LATE
            or self.told["rx_over"] > 0
            or (tired and self._retrains >= cfg.retrain_limit)
        )

    def _fail(self, cycle: int, what: str) -> None:
        raise Mismatch(f"cycle {cycle}: {self.name} {what}")

    # ---- counters

    def check(self) -> None:
        """Compare counters, while :attr:`quiet`."""
        for name in COUNTED[COUNTED.index("rx_frame") :]:
            self.counts[name] = self.hears.counts[name]
        wrong = [
            f"{name} {self.told[name]}, not {self.counts[name]}"
            for name in COUNTED
            if abs(self.told[name] - self.counts[name]) > self.doubt
        ]
        changes = self.changes
        exact = {
            "retrain": changes["up_to_retrain"],
            "flush": changes["up_to_flush"] + changes["retrain_to_flush"],
        }
        wrong += [f"{name} {self.told[name]}, not {n}" for name, n in exact.items()
                  if self.told[name] != n]  # fmt: skip
        nacks = self.told["nacked"] + self.told["nack_old"]
        if abs(nacks - self.counts["nacks"]) > self.doubt:
            wrong.append(f"nacked and nack_old {nacks}, not {self.counts['nacks']}")
        causes = self.told["replay_timeout"] + self.told["nacked"] + exact["retrain"]
        if self.told["replay"] > causes:
            wrong.append("more replays than causes")
        if wrong:
            raise Mismatch(f"counters of {self.name}: {'; '.join(wrong)} (in doubt {self.doubt})")

    def at_rest(self, taken: Mapping[int, int] | None = None) -> None:
        """Check that nothing is under way. `taken`: flits of each VC that the user has got."""
        if self.unacked or any(self.used):
            raise Mismatch(f"{self.name}: {self.unacked} frames unacknowledged, used {self.used}")
        last = self.sent[-1].trailer
        if last.ack != self.hears.expected:
            raise Mismatch(f"{self.name} acknowledges {last.ack}, not {self.hears.expected}")
        for vc, flits in enumerate(self.hears.taken):
            if last.freed[vc] != flits & FREED_MASK or (taken and taken[vc] != flits):
                raise Mismatch(f"{self.name}: {flits} flits came on VC {vc}, {last.freed} freed")
