# SPDX-License-Identifier: Apache-2.0
"""Compares what came out with what the golden model says, byte for byte, whole arrays at a time.

:class:`Checker` knows no simulator. Packets that a port has finished sending go through the
model; what comes out must be the model's packets, for every flow in the model's order:

* forwarded packets: a flow is (input, output, virtual channel, multicast or not). The input is
  known by the packet's source ID, so one source ID must not be used by two inputs of a flow;
* error answers: (port, source ID of the answer);
* results and errors of reductions: (port, group, slice, seq), since reductions overtake.

When a packet meets a long queue is a matter of time, which the model has not: where a test allows
marks, a packet that came may have `ecn` set that left without; they are counted.

Nothing may be lost, nothing may come that was not expected, and at the end no flow may wait.

A port may be down for a while (:meth:`Checker.down`): of what goes to it then anything may be
missing, or be answered as without a route, and a packet that was half in may be answered as one
of a wrong length; :attr:`Checker.missed`, :attr:`Checker.refused` and :attr:`Checker.cut` count
them. All else is held to the rule above.

With cut-through (docs/crossbar.md) a packet that turns out bad may leave, marked, before its last
beat has come in: it is kept until what was sent is known. One whose sender goes down or pauses for
too long comes marked and filled with zeros; it is held against what the sender sent anew, or later.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from switchproof.models import packet
from switchproof.models.crossbar import MULTICAST, Switch
from switchproof.models.layout import FIELDS, NUM_VC, Op, Status
from switchproof.models.packet import FLAG_ERR, PACKET, Packets
from switchproof.models.profiles import Config

from .pipes import Pipe, concatenate, pick

#: Mismatches that a message shows.
SHOWN = 3
#: 64-bit words of a row that must agree: flits and flags; header and data.
_COUNTS, _HEAD = 3, 8

Matched = Callable[[Packets, Packets], None]


class Mismatch(AssertionError):
    """What came out is not what was expected; the text shows the first few."""


class TestbenchError(RuntimeError):
    """The traffic cannot be checked; the text says why."""

    __test__ = False


class Checker:
    """Scoreboard of one switch. All rows carry in ``port`` the port they belong to."""

    def __init__(self, config: Config, model: Switch, seed: int, batch: int = 2048) -> None:
        """`batch`: packets that :meth:`received` collects before they are compared."""
        self.config = config
        self.model = model
        self.seed = seed
        self.batch = batch
        self.compared = 0
        #: Packets and flits that came, and marks that were allowed, by port and channel.
        self.packets = np.zeros((config.ports, NUM_VC), np.int64)
        self.flits = np.zeros((config.ports, NUM_VC), np.int64)
        self.marked = np.zeros((config.ports, NUM_VC), np.int64)
        #: The switch marks packets: `ecn` may be set, but not in an answer to a refused packet.
        self.marks = False
        #: Called with the expected and the received rows that agreed.
        self.listeners: list[Matched] = []
        self._sent: list[Packets] = []
        self._came: list[Packets] = []
        self._waiting = 0
        self._expected: Packets = np.zeros(0, PACKET)
        self._keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self._owner: NDArray[np.int16] | None = None
        #: Packets that never came to a port that was down, by port.
        self.missed = np.zeros(config.ports, np.int64)
        #: Answers that a port got, up again, to packets that were half in.
        self.cut = 0
        #: Packets that were answered since their port was down.
        self.refused = 0
        #: Packets that may come with an error mark and wrong bits, and how many did.
        self.may_be_damaged = 0
        self.damaged = 0
        #: Ports that were down for a while.
        self.was_down = np.zeros(config.ports, bool)
        self._down = np.zeros(config.ports, bool)
        self._up_since = np.full(config.ports, -1, np.int64)
        self._shut = np.zeros(config.ports, bool)
        self._optional: NDArray[np.bool_] = np.zeros(0, bool)
        self._missing: Packets = np.zeros(0, PACKET)
        #: Packets that came marked, of which nothing had been sent as a whole.
        self._early: list[Packets] = []
        #: Packets whose sender went down half-way, and what such senders sent.
        self._short: list[Packets] = []
        self._halves: list[Packets] = []

    def down(self, port: int) -> None:
        """Say that a port is down from now on: after the pipe was read."""
        self.check(force=True)
        self._down[port] = self.was_down[port] = True
        self._optional |= self._expected["port"] == port

    def up(self, port: int, cycle: int) -> None:
        """Say that it is up again: what begins behind this cycle must come."""
        self.check(force=True)
        self._down[port] = False
        self._up_since[port] = cycle

    def may_lose(self, port: int, may: bool = True) -> None:
        """Say that what a port sends may be discarded from now on, or no more."""
        self.check(force=True)
        self.was_down[port] = True
        self._shut[port] = may

    def sent(self, packets: Packets) -> None:
        """Take packets whose last beat an input accepted. `data` behind their units is zero."""
        if len(packets):
            self._sent.append(packets)

    def received(self, packets: Packets) -> None:
        """Take packets that came out of an output."""
        if len(packets):
            self._came.append(packets)
            self._waiting += len(packets)
            where = packets["port"].astype(np.int64), packet.op_vc(packet.get(packets, "op"))
            np.add.at(self.packets, where, 1)
            np.add.at(self.flits, where, packets["flits"])

    def expect(self, packets: Packets, began: NDArray[np.int64] | None = None) -> None:
        """Expect packets; those that no sent packet is the reason of, such as time-outs, have no
        cycle in which they `began` to be sent.
        """
        if len(packets):
            self._expected = concatenate([self._expected, packets])
            self._keys = np.concatenate([self._keys, flow_key(packets)])
            port = packets["port"]
            may_miss: NDArray[np.bool_] = self._down[port] | self._shut[packets["tail"]]
            if began is not None:
                may_miss |= began <= self._up_since[port]
            self._optional = np.concatenate([self._optional, may_miss])

    def check(self, force: bool = False) -> None:
        """Compare, when a batch is there or `force`. Raises Mismatch or TestbenchError."""
        if not force and self._waiting < self.batch:
            return
        self._predict()
        if not self._came and not self._early:
            return
        came = concatenate([*self._early, *self._came])
        self._came, self._early, self._waiting = [], [], 0
        if self.was_down.any():
            came = self._without_cut(came)
            self._skip_missing(came)
        if len(came):
            self._match(came)

    @property
    def outstanding(self) -> int:
        """Packets that are expected and have not come, as of the last check."""
        return int((~self._optional).sum())

    def finish(self) -> None:
        """Compare what is left; nothing may remain."""
        self.check(force=True)
        if self._early:
            none = np.zeros(0, PACKET)
            self._complain(none, none, concatenate(self._early))
        self._check_short()
        self._miss(self._optional)
        if len(self._expected):
            rows = self._expected
            raise Mismatch(
                f"{len(rows)} packets never came out (seed {self.seed}); the first:\n"
                + "\n".join(f"  expected {packet.describe(row)}" for row in rows[:SHOWN])
            )

    # ------------------------------------------------------------------------- prediction

    def _predict(self) -> None:
        """Put what the sent packets become behind the expected ones."""
        if not self._sent:
            return
        sent = concatenate(self._sent)
        self._sent = []
        if self.config.cut_through and self.was_down.any():
            self._halves.append(pick(sent, self.was_down[sent["port"]]))
        out, rows, _ = self.model.forward(sent["port"], sent)
        external = (out >= 0) & (out < self.config.ports)
        forwarded = rows if external.all() else pick(rows, external)
        began = sent["stamp"][external].astype(np.int64)
        if (out == MULTICAST).any():
            copies, which = self.model.copies(out, rows)
            forwarded = concatenate([forwarded, copies])
            began = np.concatenate([began, sent["stamp"][which].astype(np.int64)])
        self._own(forwarded)
        self.expect(forwarded, began)
        for index, engine in enumerate(self.model.engines):
            chosen = np.flatnonzero(out == self.config.ports + index)
            if len(chosen):
                # Several inputs feed one reduction: the order of arrival counts.
                chosen = chosen[np.argsort(sent["stamp_last"][chosen], kind="stable")]
                contributions = pick(rows, chosen)
                reduced = engine.contribute(contributions["tail"], contributions)
                self.expect(reduced.expand())

    def _own(self, rows: Packets) -> None:
        """Make sure that a flow's source ID tells its input."""
        if self._owner is None:
            self._owner = np.full((self.config.ports * 8, FIELDS["src"].mask + 1), -1, np.int16)
        op = packet.get(rows, "op")
        answer = (op == Op.ERROR) | (op == Op.COLL_ERROR)
        flow = rows["port"].astype(np.int64) * 8 + packet.op_vc(op) * 2 + answer
        where = flow, packet.get(rows, "src")
        inputs = rows["tail"].astype(np.int16)
        before = self._owner[where]
        self._owner[where] = inputs
        wrong = ((before >= 0) & (before != inputs)) | (self._owner[where] != inputs)
        if wrong.any():
            row = rows[np.flatnonzero(wrong)[0]]
            raise TestbenchError(
                f"a source ID is used by two inputs of one output and channel, so that their "
                f"order cannot be checked: {packet.describe(row)}, from input {int(row['tail'])}"
            )

    # --------------------------------------------------------------------------- matching

    def _match(self, came: Packets) -> None:
        """Compare the n-th packet of every flow with the n-th that is expected there."""
        keys = flow_key(came)
        order_e, id_e = _ordinals(self._keys)
        order_c, id_c = _ordinals(keys)
        flows = np.unique(np.concatenate([self._keys, keys]))
        # (flow, ordinal) as one number, ascending along both orders.
        scale = np.int64(max(len(keys), len(self._keys)) + 1)
        place_e = np.searchsorted(flows, self._keys[order_e]) * scale + id_e
        place_c = np.searchsorted(flows, keys[order_c]) * scale + id_c
        at = np.searchsorted(place_e, place_c)
        found = at < len(place_e)
        found[found] = place_e[at[found]] == place_c[found]
        mine, theirs = order_e[at[found]], order_c[found]
        expected, got = pick(self._expected, mine), pick(came, theirs)
        if self.marks:
            self._allow_marks(expected, got)
        equal = _equal(expected, got)
        if self.may_be_damaged:
            equal |= self._damaged(expected, got, ~equal)
        if self.config.cut_through:
            early = ~found & (came["flags"][order_c] & FLAG_ERR != 0)
            if early.any():
                self._early.append(pick(came, np.sort(order_c[early])))
                found |= early
        if not (equal.all() and found.all()):
            self._complain(expected[~equal], got[~equal], came[order_c[~found]])
        self.compared += len(got)
        keep = np.ones(len(self._expected), bool)
        keep[mine] = False
        self._keep(keep)
        for listener in self.listeners:
            listener(expected, got)

    def _allow_marks(self, expected: Packets, got: Packets) -> None:
        """Count the marks that packets got on their way, and set them in what is expected."""
        op = packet.get(expected, "op")
        new = (packet.get(got, "ecn") == 1) & (packet.get(expected, "ecn") == 0)
        new &= (op != Op.ERROR) & (op != Op.COLL_ERROR)
        where = expected["port"].astype(np.int64), packet.op_vc(op)
        np.add.at(self.marked, where, new)
        packet.set_fields(expected, ecn=packet.get(expected, "ecn") | new)

    def _keep(self, keep: NDArray[np.bool_]) -> None:
        """Expect only these any more."""
        self._expected, self._keys = pick(self._expected, keep), self._keys[keep]
        self._optional = self._optional[keep]

    def _damaged(
        self, expected: Packets, got: Packets, differ: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return which packets differ as those do in which a memory had two wrong bits.

        They are marked, behind an engine poisoned, and whole; the tag or the payload is wrong.
        """
        marked = (got["flags"] & FLAG_ERR != 0) | (packet.get(got, "poison") == 1)
        same = expected.copy()
        for field in ("tag", "poison"):
            packet.set_fields(same, **{field: packet.get(got, field)})
        allowed = differ & marked & (got["flits"] == expected["flits"])
        allowed &= (same["hdr"] == got["hdr"]).all(axis=1)
        allowed[np.flatnonzero(allowed)[self.may_be_damaged :]] = False
        self.may_be_damaged -= int(allowed.sum())
        self.damaged += int(allowed.sum())
        return allowed

    # ----------------------------------------------------------------------- ports that are down

    def _miss(self, rows: NDArray[np.bool_]) -> None:
        """Do not expect some packets any more, since their port was down."""
        gone = pick(self._expected, rows)
        self.missed += np.bincount(gone["port"], minlength=self.config.ports)
        self._missing = concatenate([self._missing, gone])
        self._keep(~rows)

    def _without_cut(self, came: Packets) -> Packets:
        """Return what came without answers to packets whose port went down half-way."""
        header = packet.fields(came, "op", "status")
        answer = (header["op"] == Op.ERROR) | (header["op"] == Op.COLL_ERROR)
        cut = answer & (header["status"] == Status.LEN) & self.was_down[came["port"]]
        # Good packets get none; a test that sends such of a wrong length expects its answers.
        cut &= ~np.isin(flow_key(came), self._keys)
        self.cut += int(cut.sum())
        for index in np.flatnonzero(answer & (header["status"] == Status.DST)):
            cut[index] |= self._refused(came[index])
        if self.config.cut_through:
            short = (came["flags"] & FLAG_ERR != 0) & ~self._whole(came)
            self._short.append(pick(came, short))
            self.cut += int(short.sum())
            cut |= short
        return came if not cut.any() else pick(came, ~cut)

    def _whole(self, came: Packets) -> NDArray[np.bool_]:
        """Return which packets are expected as they came, of those that are marked."""
        whole = np.zeros(len(came), bool)
        keys = flow_key(came)
        for index in np.flatnonzero(came["flags"] & FLAG_ERR):
            there = pick(self._expected, self._keys == keys[index])
            whole[index] = _equal(there, np.repeat(came[index : index + 1], len(there))).any()
        return whole

    def _check_short(self) -> None:
        """Compare packets that were cut short with what their senders sent: header and length must
        be those of one, the payload up to a flit, and zeros behind it.
        """
        if not self._short:
            return
        sent = concatenate([np.zeros(0, PACKET), *self._halves])
        size = self.config.flit_bytes
        for row in concatenate(self._short):
            same = (sent["hdr"] == row["hdr"]).all(axis=1)
            filled = np.flatnonzero(row["data"])
            came = size * (int(filled[-1]) // size + 1) if len(filled) else 0
            same &= (sent["data"][:, :came] == row["data"][:came]).all(axis=1)
            same &= (
                packet.num_flits(
                    packet.get(sent, "len"), packet.get(sent, "ext"), self.config.flit_w
                )
                == row["flits"]
            )
            if not same.any():
                none = np.zeros(0, PACKET)
                self._complain(none, none, np.array([row], PACKET))

    def _refused(self, answer: np.void) -> bool:
        """Do not expect a packet any more that was refused since its port was down.

        Its answer tells it: class part and tag stay, source and destination change places.
        """
        one = np.array([answer], PACKET)

        def asked(rows: Packets) -> NDArray[np.int64]:
            there = packet.words(rows)[:, 1] == packet.words(one)[0, 1]
            for field, back in (("src", "dst"), ("dst", "src"), ("tag", "tag")):
                there &= packet.get(rows, field) == packet.get(one, back)[0]
            return np.flatnonzero(there)[:1]

        found = asked(self._expected)
        if len(found):
            self._keep(np.arange(len(self._expected)) != found)
        else:
            # A later packet of its flow may have come before the answer.
            found = asked(self._missing)
            if not len(found):
                return False
            self.missed[self._missing["port"][found]] -= 1
            self._missing = pick(self._missing, np.arange(len(self._missing)) != found)
        self.refused += 1
        return True

    def _skip_missing(self, came: Packets) -> None:
        """Give up optional packets that a later one of their flow has overtaken."""
        keys = flow_key(came)
        missing = np.zeros(len(self._expected), bool)
        for flow in np.unique(self._keys[self._optional]):
            there = np.flatnonzero(self._keys == flow)
            at = 0
            for row in pick(came, keys == flow):
                same = _equal(
                    pick(self._expected, there[at:]),
                    np.repeat(np.array([row], PACKET), len(there) - at),
                )
                if not same.any():
                    break  # not the flow's: `_match` says so
                next_ = at + int(np.flatnonzero(same)[0])
                missing[there[at:next_]] = self._optional[there[at:next_]]
                at = next_ + 1
        self._miss(missing)

    def _complain(self, expected: Packets, got: Packets, extra: Packets) -> None:
        lines = []
        # Behind the first wrong packet of a flow all others are likely to be wrong: one a flow.
        order = np.argsort(got["stamp"], kind="stable")
        first = order[np.sort(np.unique(flow_key(expected[order]), return_index=True)[1])][:SHOWN]
        for one, other in zip(expected[first], got[first]):
            lines += [
                f"cycle {int(other['stamp'])}, port {int(other['port'])}, from input "
                f"{int(one['tail'])}: the packet is not the next one of its flow",
                f"  expected {packet.describe(one)}",
                f"  came     {packet.describe(other)}",
                f"  {self._difference(one, other)}",
            ]
        for row in extra[np.argsort(extra["stamp"], kind="stable")[: SHOWN - len(first)]]:
            lines += [
                f"cycle {int(row['stamp'])}, port {int(row['port'])}: a packet that nobody expects",
                f"  came     {packet.describe(row)}",
                f"  {self._elsewhere(row)}",
            ]
        raise Mismatch(
            f"{len(got)} packets differ and {len(extra)} were not expected (seed {self.seed}):\n"
            + "\n".join(lines)
        )

    def _difference(self, expected: np.void, got: np.void) -> str:
        """Say what differs, or which later packet of the flow this is."""
        same = self._find(got)
        if len(same):
            flow = self._keys == flow_key(np.array([got], PACKET))[0]
            if flow[same[0]]:
                skipped = int(flow[: same[0]].sum() - flow[: self._at(expected)].sum())
                if skipped < 0:
                    return f"it was expected {-skipped} packets before: doubled or late"
                return f"it is {skipped} packets early: others before it are lost or late"
        parts = []
        one, other = (np.array([row], PACKET) for row in (expected, got))
        for name in ("flits", "flags"):
            if one[name][0] != other[name][0]:
                parts.append(f"{name} {one[name][0]} != {other[name][0]}")
        if (one["hdr"] != other["hdr"]).any():
            header_1, header_2 = packet.header_int(expected), packet.header_int(got)
            names = [
                f.name
                for name, f in FIELDS.items()
                if name == f.name and (header_1 ^ header_2) >> f.offset & f.mask
                and f.part in ("common", packet.op_class(int(packet.get(one, "op")[0])))
            ]  # fmt: skip
            parts.append("header: " + ", ".join(names))
        at = np.flatnonzero(one["data"][0] != other["data"][0])
        if len(at):
            k = int(at[0])
            parts.append(
                f"{len(at)} bytes of payload, the first at {k}: "
                f"{one['data'][0, k]:#04x} != {other['data'][0, k]:#04x}"
            )
        return "differs in " + "; ".join(parts)

    def _at(self, row: np.void) -> int:
        found = self._find(row)
        return int(found[0]) if len(found) else 0

    def _find(self, row: np.void) -> NDArray[np.int64]:
        """Return where the expected packets hold one like this, at any port."""
        one = np.array([row], PACKET)
        return np.flatnonzero(_equal(self._expected, np.repeat(one, len(self._expected))))

    def _elsewhere(self, row: np.void) -> str:
        found = self._find(row)
        if len(found):
            return f"it was expected at port {int(self._expected['port'][found[0]])}"
        return "no packet like it is expected anywhere: made up, changed or doubled"


def check_violations(pipe: Pipe, seed: int) -> None:
    """Raise Mismatch when the streams of a pipe broke their protocol."""
    if pipe.violation_count:
        lines = [f"  {violation}" for violation in pipe.violations()[:SHOWN]]
        raise Mismatch(
            f"{pipe.violation_count} breaches of the stream protocol (seed {seed}):\n"
            + "\n".join(lines)
        )


def flow_key(packets: Packets) -> NDArray[np.int64]:
    """Return for each packet a number that names its flow; see the head of this module."""
    op = packet.get(packets, "op")
    key = packets["port"].astype(np.int64) << 52 | packet.op_vc(op) << 50
    key |= packet.get(packets, "src")
    key |= (op == Op.MCAST_WRITE).astype(np.int64) << 47
    special = (op == Op.ERROR) | (op == Op.RESULT) | (op == Op.COLL_ERROR)
    if not special.any():
        return key
    key |= (op == Op.ERROR).astype(np.int64) << 48
    coll = np.flatnonzero(special & (op != Op.ERROR))
    if len(coll):
        f = packet.fields(packets[coll], "group", "slice", "seq", "status", "op")
        # 12 + 16 + 16 bits, and the status: errors of one reduction have no order among them.
        name = f["group"] << 36 | f["slice"] << 20 | f["seq"] << 4 | f["status"]
        key[coll] = packets["port"][coll].astype(np.int64) << 52 | 3 << 50 | name
        error = f["op"] == Op.COLL_ERROR
        key[coll] |= error.astype(np.int64) << 48
        key[coll] |= np.int64(1) << 49
    return key


def _as_words(packets: Packets) -> NDArray[np.uint64]:
    """Return rows as a view of 64-bit words, shape (packets, 48)."""
    return (
        np.ascontiguousarray(packets, PACKET)
        .view("<u8")
        .reshape(len(packets), PACKET.itemsize // 8)
    )


def _equal(one: Packets, other: Packets) -> NDArray[np.bool_]:
    """Return for each pair whether flits, flags, header and all data agree."""
    a, b = _as_words(one), _as_words(other)
    counts: NDArray[np.bool_] = a[:, _COUNTS] == b[:, _COUNTS]
    return counts & (a[:, _HEAD:] == b[:, _HEAD:]).all(axis=1)


def _ordinals(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a stable order by key, and along it how many equal keys came before each."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(keys) else np.zeros(0, bool)
    index = np.arange(len(keys))
    starts = np.maximum.accumulate(np.where(first, index, 0)) if len(keys) else index
    return order, index - starts
