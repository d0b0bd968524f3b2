# SPDX-License-Identifier: Apache-2.0
"""One clock cycle of the crossbar, compiled: what :mod:`switchproof.models.scheduling` runs.

The rules are those of docs/crossbar.md, "Cycle by cycle". Nothing here is a bit vector or a
memory address: packets are rows of a table and stand in linked lists, turns are distances from
the one whose turn it is, a side that is busy is the cycle in which it is free again. State is
arrays of records, one record an input, output, queue or engine. Plain loops over them, so that
numba compiles it; without numba the same text runs as Python, some hundred times slower.

A cycle is :func:`match`, :func:`inject`, :func:`egress` and :func:`ingress`, in this order. Each
reads what the registers hold in cycle ``t`` and leaves what they hold in ``t + 1``; the order
matters where one reads what another changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from .layout import NUM_VC, Vc

_Function = TypeVar("_Function", bound=Callable[..., Any])

try:
    import numba

    #: Whether numba compiles the loops.
    COMPILED = True

    def compiled(function: _Function) -> _Function:
        """Compile a function; the result is kept on disk for the next process."""
        return numba.njit(cache=True)(function)  # type: ignore[return-value]

    def inner(function: _Function) -> _Function:
        """Compile a function that compiled ones call, and nobody else: in half the time."""
        options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "no_rewrites": True}
        return numba.njit(cache=True, error_model="numpy", **options)(function)  # type: ignore

except ImportError:  # pragma: no cover - the environment of the tests has numba
    COMPILED = False

    def compiled(function: _Function) -> _Function:
        """Leave a function as it is."""
        return function

    inner = compiled


Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.uint8]
#: Records of one of the types below.
Records = Any

VCS = int(NUM_VC)
REQ, RSP, RED = int(Vc.REQ), int(Vc.RSP), int(Vc.RED)
NONE = -1
#: Flits that may be on the way to a queue or to an egress buffer while its room is looked at; if
#: queues share a pool those on the way count twice, as the queue grows and the pool shrinks.
INGRESS_SLACK, EGRESS_SLACK = 6, 4
#: What happened at pools, rows of State.pooled: packets that took flits of it; that took of their
#: queue's own while it had less than they need; cycles in which a first beat waited as the pool had
#: too little left, or though it had enough; packets that gave flits back to it.
TOOK, RESERVE_ONLY, USED_UP, LIMITED, GAVE = range(5)
#: Cycles from the end of a packet to the next start, for the length of a phase.
TURN_STEPS = 4
#: Flits behind the buffers of an egress, and packets of an injector.
OUT_FLITS, SLOTS = 3, 2
#: What an input reads: a unicast, a multicast for some ports, or for the last that lack it.
VOQ, PASS, FINAL = 0, 1, 2
#: Marks of a flit in the last stage of an egress.
FIRST, LAST = 1, 2
#: Cycles from the first beat in to the first beat out of a packet of one flit, nothing in its way.
ZERO_LOAD = 4
#: Later than any cycle: the end of a packet that is still coming.
LATER = 1 << 62

#: A packet. A queue is a list of them through `behind`.
PACKET = np.dtype(
    [
        ("born", "i8"),  # cycle from which its source has it; of no matter to the switch
        ("input", "i4"),
        ("out", "i4"),  # output; its own port's once it has become an answer
        ("vc", "i4"),
        ("flits", "i4"),  # in the queue
        ("beats", "i4"),  # that come in; other than `flits`: it is refused
        ("good", "i4"),  # its header passes the checks
        ("behind", "i4"),  # next packet of its queue
        ("fan", "i4"),  # multicast: row of its ports in State.fans; else NONE
        ("walk", "i4"),  # its destinations are looked up behind it, so many; else NONE
        ("bad", "i4"),  # the first of them that is bad, from 0 on; else NONE
        ("cut", "i4"),  # 1: it may leave while it comes, unless `beats` is 1
        ("came", "i4"),  # flits of it that are in the queue, if so
    ]
)

#: An input; those behind the ports are the injectors.
INPUT = np.dtype(
    [
        ("read_from", "i8"),  # a queue is read in the cycles behind this one
        ("read_to", "i8"),  # up to this one, in which the next packet may start
        ("read_out", "i4"),
        ("read_vc", "i4"),
        ("read_kind", "i4"),  # VOQ, PASS or FINAL
        ("held", "i4"),  # a beat waits in the skid buffer
        ("settling", "i4"),  # the last beat of a refused packet waits for its answer's place
        ("packet", "i4"),  # packet whose beat is looked at next, or NONE
        ("seen", "i4"),  # beats of it that are done
        ("walked", "i4"),  # destinations of it that have been looked up
        ("pause", "i8"),  # cycles for which its sender may still pause; 0: no limit
        ("fills", "i4"),  # it is bad: what it lacks is filled, a flit a cycle
        ("streams", "i4"),  # packet that is read while it comes, or NONE
        ("stream_left", "i4"),  # flits of it that have not been read
        ("tight", "i4", VCS),  # queues without room for a longest packet
        ("roomy", "i4", VCS),  # there was none a cycle ago
        ("accept_turn", "i4"),  # output that comes first
        ("vc_turn", "i4"),  # VC that comes first
        ("due", "i4"),  # output whose turn it is
        ("forced", "i4"),  # the pair waited in its last phase, and waits still
        ("pool", "i4"),  # free flits of the pool that its queues share
        ("recount", "i4"),  # the room of its queues has changed since `scarce` was counted
        ("scarce", "i4", VCS),  # queues without room for a longest packet, with a pool
        ("fan_free", "i4"),  # flits of the queue of multicasts that nothing has taken
        ("fan_first", "i4"),  # packet at its head, or NONE
        ("fan_last", "i4"),
        # Within a cycle:
        ("waits", "i4"),  # the next flit of `streams` has not come
        ("reads_out", "i4"),  # queue that is read, or NONE
        ("reads_vc", "i4"),
        ("reads_fan", "i4"),  # a multicast is read for the last time: its place becomes free
        ("casts", "i4"),  # matched with a multicast
        ("casts_shown", "i4"),  # State.casts is not all 0
        ("overdue", "i4"),  # its due output is kept free for it
        ("taken", "i4"),  # matched
        ("offer", "i4"),  # best grant, or NONE
        ("offer_at", "i4"),  # its distance
        ("moves_to", "i4"),  # output that it could have instead, or NONE
    ]
)

#: An output; those behind the ports are engines.
OUTPUT = np.dtype(
    [
        ("taken_to", "i8"),  # cycle in which it may be matched again
        ("began", "i8"),  # cycle in which the first beat of the packet on the port left
        ("grant_turn", "i4"),  # input that comes first
        ("yields", "i4"),  # its last packet was a multicast, and no unicast has asked since
        ("askers", "i4"),  # inputs with a packet for it
        ("started", "i4", 4),  # [t mod 4] packet that was started in cycle t, or NONE
        ("started_flits", "i4", 4),
        ("started_streams", "i4", 4),  # it had not come as a whole
        ("streams", "i4"),  # so had the packet that arrives not
        ("feeds", "i4"),  # in this case: a flit of it is read, or was in the cycle before
        ("room", "i4", VCS),  # a longest packet may be sent here
        ("comes", "i4"),  # packet that arrives
        ("comes_left", "i4"),  # flits of it that have not
        ("level", "i4", VCS),  # flits in the buffer
        ("lined_first", "i4", VCS),  # place of the oldest packet in the buffer
        ("lined_count", "i4", VCS),
        ("serves", "i4"),  # packet that is sent, or NONE
        ("serves_vc", "i4"),
        ("serves_left", "i4"),  # flits of it that are not in the last stage or on the way there
        ("send_turn", "i4"),  # VC that comes first
        ("reading", "i4"),  # a flit is on its way from the buffer to the last stage
        ("stage", "i4", OUT_FLITS + 1),  # packets of the flits in the last stage or on the way
        ("marks", "i4", OUT_FLITS + 1),  # FIRST, LAST
        ("stage_first", "i4"),
        ("stage_count", "i4"),  # without the one on the way
        ("idle", "i4"),  # nothing is here and all VCs have room
        # Within a cycle:
        ("waits", "i4"),  # a flit that has not come is waited for
        ("asks", "i4"),  # requests
        ("match", "i4"),  # input matched, or NONE
        ("at_once", "i4"),  # the same, in the first iteration
        ("cast", "i4"),  # multicast input matched, or NONE
        ("kept", "i4"),  # free for an overdue input alone
        ("search", "i4"),
    ]
)

#: Queues of an input for an output, one for each VC, and their turn together.
PAIR = np.dtype(
    [
        ("first", "i4", VCS),  # packet at the head, or NONE
        ("last", "i4", VCS),
        ("waiting", "i2", VCS),  # packets that may ask
        ("free", "i2", VCS),  # flits of its own that nothing has taken; below 0: of the pool it has
        ("count", "i4"),  # packets of all VCs that may ask
        ("place", "i2"),  # where the input stands among the askers of the output, or NONE
        ("waited", "i2", 2),  # the pair waited to the end of its phase: unicast, multicast
    ]
)

#: An engine's injector.
ENGINE = np.dtype(
    [
        ("flits", "i4", SLOTS),
        ("packet", "i4", SLOTS),
        ("sends", "i4"),  # slot that is sent
        ("fills", "i4"),  # slot that is filled
        ("filled", "i4"),  # flits in it
        ("whole", "i4"),  # packets that are whole
        # Within a cycle:
        ("head", "i4"),  # slot of the packet that may start
        ("leaves", "i4"),  # the packet that is sent is done
    ]
)

#: A packet in an egress buffer.
LINED = np.dtype([("packet", "i4"), ("flits", "i4")])

#: What stands in front of an input: packets that have come and not been offered, without end.
SOURCE = np.dtype(
    [
        ("first", "i4", VCS),
        ("last", "i4", VCS),
        ("turn", "i4"),  # VC that was served last
        ("room", "i4"),  # bit v: the input had room in the last cycle
    ]
)

#: A packet whose last beat has left: port, number, cycles of first and last beat.
LEFT = np.dtype([("first", "i8"), ("last", "i8"), ("port", "i4"), ("packet", "i4")])


class Shape(NamedTuple):
    """What does not change: numbers of a configuration, and how the model departs from it."""

    ports: int
    engines: int
    iterations: int
    augment: int  # rounds of augmenting paths
    voq_flits: int
    shared: int  # flits of the pool of an input
    egress_flits: int
    longest: int  # flits of the longest packet
    phase: int  # cycles in which a pair is due, a power of two
    mcast: int  # 1: inputs have a queue for multicasts
    fifo: int  # 1: one queue an input, whose first packet alone may ask
    maximum: int  # 1: iSLIP's matching is augmented to one of maximum size
    cut: int  # 1: packets are cut through
    pause: int  # cycles for which a sender may pause in one then; 0: any


class Work(NamedTuple):
    """Requests and room to match them; holds nothing from one cycle to the next."""

    asks: Numbers  # j, k: inputs whose request stands
    active: Numbers  # outputs that still look for an input
    offered: Numbers  # inputs with a grant
    trail: Numbers  # [depth, 3] input, output and next request of a search


class State(NamedTuple):
    """Registers and queues. i: input, j: output, v: VC, e: engine; injector e is input ports+e."""

    #: [0] cycle since reset, [1] results that have come, [2] packets that have left, [3] cycles in
    #: which a pair was kept free, [4] input whose multicast comes first, [5] 1: in this round pairs
    #: take turns for multicasts, [6] cycle of the phase,
    #: [7] cycles by which phases were longer since a sender paused
    numbers: Ints
    inputs: Records  # i
    outputs: Records  # j
    pairs: Records  # i, j
    askers: Numbers  # j, k: inputs with a packet for j, in no order
    lined: Records  # j, v, k: packets in the buffer, a ring
    engines: Records  # e
    copies: Numbers  # e, slot, j: outputs that lack the packet
    lacks: Numbers  # i, j: outputs that lack the multicast at the head of an input
    casts: Numbers  # i, j: those of them that have room
    fans: Flags  # row, j: ports of a multicast
    pooled: Ints  # TOOK and so on: how often that happened
    asks: Numbers  # as in Work
    active: Numbers
    offered: Numbers
    trail: Numbers


def records(dtype: np.dtype[Any], *size: int) -> Records:
    """Return records of zeros, whose fields are attributes."""
    return np.zeros(size, dtype).view(np.recarray)


def shape_of(
    ports: int,
    engines: int,
    iterations: int,
    augment: int,
    voq_flits: int,
    shared: int,
    egress_flits: int,
    longest: int,
    *,
    mcast: bool = False,
    fifo: bool = False,
    maximum: bool = False,
    cut: bool = False,
    pause: int = 0,
) -> Shape:
    """Return the shape of a crossbar."""
    phase = 1 << (longest + TURN_STEPS - 1).bit_length()
    return Shape(
        ports, engines, iterations, augment, voq_flits, shared, egress_flits, longest, phase,
        int(mcast), int(fifo), int(maximum), int(cut), pause,
    )  # fmt: skip


def matcher(n_in: int, n_out: int) -> tuple[Records, Records, Work]:
    """Return inputs, outputs and requests as a reset leaves them."""
    inputs, outputs = records(INPUT, n_in), records(OUTPUT, n_out)
    inputs.packet, inputs.offer, inputs.reads_out, inputs.streams = NONE, NONE, NONE, NONE
    inputs.read_from, inputs.read_to, inputs.roomy = -1, -1, 1
    inputs.due = np.arange(n_in)
    outputs.match, outputs.started, outputs.serves = NONE, NONE, NONE
    outputs.taken_to = -1
    return inputs, outputs, Work(
        np.zeros((n_out, n_in), np.int32), np.zeros(n_out, np.int32), np.zeros(n_in, np.int32),
        np.zeros((n_in + 2, 3), np.int32),
    )  # fmt: skip


def state(shape: Shape) -> State:
    """Return the registers as a reset leaves them."""
    n, engines = shape.ports, max(shape.engines, 1)
    total = shape.ports + shape.engines
    inputs, outputs, work = matcher(total, total)
    pairs = records(PAIR, total, total)
    pairs.place, pairs.first, pairs.free = NONE, NONE, shape.voq_flits
    inputs.pool = shape.shared
    inputs.fan_free, inputs.fan_first = shape.voq_flits, NONE
    return State(
        np.zeros(8, np.int64),
        inputs,
        outputs,
        pairs,
        np.zeros((total, n), np.int32),
        records(LINED, n, VCS, shape.egress_flits),
        records(ENGINE, engines),
        np.zeros((engines, SLOTS, total), np.int32),
        np.zeros((n, n), np.int32),
        np.zeros((total, n), np.int32),
        np.zeros((1, n), np.uint8),
        np.zeros(5, np.int64),
        *work,
    )


# ------------------------------------------------------------------------------------- iSLIP


@inner
def islip(
    iterations: int,
    first_multicast: int,
    inputs: Records,
    outputs: Records,
    asks: Numbers,
    active: Numbers,
    offered: Numbers,
) -> None:
    """Match the requests: ``outputs[j].asks`` of them in ``asks[j]``.

    Leaves the matches in ``outputs[j].match`` and moves the turns. Inputs from `first_multicast`
    on accept every grant.
    """
    n_in, n_out = len(inputs), len(outputs)
    n_active = 0
    for j in range(n_out):
        outputs[j].match = NONE
        outputs[j].at_once = NONE
        if outputs[j].asks > 0:
            active[n_active] = j
            n_active += 1
    for i in range(n_in):
        inputs[i].taken = 0
    for iteration in range(iterations):
        # Grant: each output that has none the nearest input from the one whose turn it is.
        n_offered = 0
        kept = 0
        for a in range(n_active):
            j = active[a]
            best, best_at = NONE, n_in
            turn = outputs[j].grant_turn
            for k in range(outputs[j].asks):
                i = asks[j, k]
                at = i - turn
                if at < 0:
                    at += n_in
                if at < best_at and inputs[i].taken == 0:
                    best, best_at = i, at
            if best == NONE:
                continue  # all who ask are matched: nothing will come of it
            if best >= first_multicast:
                outputs[j].match = best
                if iteration == 0:
                    outputs[j].at_once = best
                continue
            active[kept] = j
            kept += 1
            at = j - inputs[best].accept_turn
            if at < 0:
                at += n_out
            if inputs[best].offer == NONE:
                offered[n_offered] = best
                n_offered += 1
            elif at > inputs[best].offer_at:
                continue
            inputs[best].offer = j
            inputs[best].offer_at = at
        # Accept: each input the nearest of its grants.
        for k in range(n_offered):
            i = offered[k]
            j = inputs[i].offer
            inputs[i].offer = NONE
            inputs[i].taken = 1
            outputs[j].match = i
            if iteration == 0:
                outputs[j].at_once = i
        n_active = 0
        for a in range(kept):
            if outputs[active[a]].match == NONE:
                active[n_active] = active[a]
                n_active += 1
        if n_active == 0:
            break
    # Turns move for what the first iteration matched.
    for j in range(n_out):
        i = outputs[j].at_once
        if i != NONE:
            outputs[j].grant_turn = i + 1 if i + 1 < n_in else 0
            if i < first_multicast:
                inputs[i].accept_turn = j + 1 if j + 1 < n_out else 0


@inner
def nearest(turn: int, count: int, one: int, other: int) -> bool:
    """Whether `one` of `count` is nearer to the one in turn than `other`, which may be NONE."""
    return other == NONE or (one - turn) % count < (other - turn) % count


@inner
def augment(
    rounds: int, first_multicast: int, t: int, inputs: Records, outputs: Records, asks: Numbers
) -> None:
    """Add matches by paths of three steps: an input without an output takes that of another, which
    moves to an output that is free. The turns of all are the cycle.

    What multicast inputs have stays theirs.
    """
    n_in, n_out = len(inputs), len(outputs)
    turn_in, turn_out = t % n_in, t % n_out
    for i in range(n_in):
        inputs[i].offer = NONE  # the output it has
    for j in range(n_out):
        i = outputs[j].match
        if i != NONE:
            inputs[i].offer = j
    for _ in range(rounds):
        # Outputs that inputs without one ask for.
        for j in range(n_out):
            outputs[j].search = 0
            for k in range(outputs[j].asks):
                i = asks[j, k]
                if i < first_multicast and inputs[i].offer == NONE:
                    outputs[j].search = 1
        for i in range(n_in):
            inputs[i].moves_to = NONE
            inputs[i].offer_at = NONE  # the output that it takes over
        # A free output offers itself to an input whose own output is asked for so.
        for j in range(n_out):
            if outputs[j].match != NONE:
                continue
            mover = NONE
            for k in range(outputs[j].asks):
                i = asks[j, k]
                has = inputs[i].offer
                movable = i < first_multicast and has != NONE and outputs[has].search == 1
                if movable and nearest(turn_in, n_in, i, mover):
                    mover = i
            if mover != NONE and nearest(turn_out, n_out, j, inputs[mover].moves_to):
                inputs[mover].moves_to = j
        # An output whose input can move goes to one of those that ask; each of them takes one.
        for j in range(n_out):
            has = outputs[j].match
            if has == NONE or has >= first_multicast or inputs[has].moves_to == NONE:
                continue
            taker = NONE
            for k in range(outputs[j].asks):
                i = asks[j, k]
                free = i < first_multicast and inputs[i].offer == NONE
                if free and nearest(turn_in, n_in, i, taker):
                    taker = i
            if taker != NONE and nearest(turn_out, n_out, j, inputs[taker].offer_at):
                inputs[taker].offer_at = j
        for i in range(first_multicast):
            j = inputs[i].offer_at
            if j == NONE:
                continue
            mover = outputs[j].match
            to = inputs[mover].moves_to
            outputs[j].match = i
            inputs[i].offer = j
            outputs[to].match = mover
            inputs[mover].offer = to
    for i in range(n_in):
        inputs[i].offer = NONE


@inner
def maximise(
    first_multicast: int, inputs: Records, outputs: Records, asks: Numbers, trail: Numbers
) -> None:
    """Lengthen the matching to maximum size: from each output without an input, search for an
    alternating path to an input without an output (Kuhn's algorithm).

    What multicast inputs have stays theirs.
    """
    for j in range(len(outputs)):
        outputs[j].search = NONE
        if outputs[j].match != NONE:
            inputs[outputs[j].match].offer = j
    for root in range(len(outputs)):
        if outputs[root].match != NONE:
            continue
        depth = 0
        trail[0, 1] = root
        trail[0, 2] = 0
        outputs[root].search = root
        while depth >= 0:
            j = trail[depth, 1]
            if trail[depth, 2] == outputs[j].asks:
                depth -= 1
                continue
            i = asks[j, trail[depth, 2]]
            trail[depth, 2] += 1
            if i >= first_multicast:
                continue
            trail[depth, 0] = i
            if inputs[i].taken == 0:
                inputs[i].taken = 1
                for d in range(depth + 1):
                    outputs[trail[d, 1]].match = trail[d, 0]
                    inputs[trail[d, 0]].offer = trail[d, 1]
                break
            other = inputs[i].offer
            if outputs[other].search != root:
                outputs[other].search = root
                depth += 1
                trail[depth, 1] = other
                trail[depth, 2] = 0
    for i in range(len(inputs)):
        inputs[i].offer = NONE


# ---------------------------------------------------------------------- requests and matches


@inner
def asks_vc(c: Shape, s: State, want: Flags, i: int, j: int, v: int) -> bool:
    """Whether input i has a packet of a VC that output j can take now; sides may be busy."""
    if s.pairs[i, j].waiting[v] == 0:
        return False
    if j < c.ports:
        return s.outputs[j].room[v] != 0
    # An engine takes contributions that it wants; of a queue that is read it sees no head.
    if v != RED or want[j - c.ports, i] == 0:
        return False
    return not (s.inputs[i].reads_out == j and s.inputs[i].reads_vc == v)


@inner
def wishes(c: Shape, s: State, want: Flags, i: int, j: int) -> bool:
    """Whether input i has a unicast that output j can take now; sides may be busy."""
    found = False
    for v in range(VCS):
        found = found or asks_vc(c, s, want, i, j, v)
    return found


@inner
def wishes_due(c: Shape, s: State, want: Flags, i: int) -> bool:
    """Whether input i has something for its due output of the kind that is due; see wishes."""
    j = s.inputs[i].due
    if i >= c.ports or s.numbers[5] != 0:
        return j < c.ports and s.casts[i, j] != 0
    return wishes(c, s, want, i, j)


@inner
def show(s: State, i: int, j: int, v: int) -> None:
    """Let input i ask output j for one packet of a VC more."""
    pair = s.pairs[i, j]
    pair.waiting[v] += 1
    pair.count += 1
    if pair.count == 1:
        pair.place = s.outputs[j].askers
        s.askers[j, pair.place] = i
        s.outputs[j].askers += 1


@inner
def hide(s: State, i: int, j: int, v: int) -> None:
    """Let input i ask output j for one packet of a VC less."""
    pair = s.pairs[i, j]
    pair.waiting[v] -= 1
    pair.count -= 1
    if pair.count == 0:
        s.outputs[j].askers -= 1
        moved = s.askers[j, s.outputs[j].askers]
        s.askers[j, pair.place] = moved
        s.pairs[moved, j].place = pair.place
        pair.place = NONE


@inner
def head(s: State, p: Records, i: int) -> None:
    """Let input i ask for the ports of the multicast that has come to the head."""
    for j in range(s.fans.shape[1]):
        s.lacks[i, j] = s.fans[p[s.inputs[i].fan_first].fan, j]


@inner
def enqueue(c: Shape, s: State, p: Records, i: int, q: int) -> None:
    """Line up a packet that has become whole."""
    j, v = p[q].out, p[q].vc
    p[q].behind = NONE
    if p[q].fan != NONE:
        a = s.inputs[i]
        if a.fan_first == NONE:
            a.fan_first = q
            head(s, p, i)
        else:
            p[a.fan_last].behind = q
        a.fan_last = q
        return
    queue, u = s.pairs[i, j], v
    if c.fifo != 0:
        queue, u = s.pairs[i, 0], 0
    alone = queue.first[u] == NONE
    if alone:
        queue.first[u] = q
    else:
        p[queue.last[u]].behind = q
    queue.last[u] = q
    if alone or c.fifo == 0:
        show(s, i, j, v)


@inner
def start(c: Shape, s: State, p: Records, want: Flags, i: int, j: int) -> None:
    """Start a packet of input i to output j: the VCs that can go take turns."""
    t = s.numbers[0]
    a, b = s.inputs[i], s.outputs[j]
    v, at = NONE, VCS
    for u in range(VCS):
        distance = (u - a.vc_turn) % VCS
        if distance < at and asks_vc(c, s, want, i, j, u):
            v, at = u, distance
    a.vc_turn = (v + 1) % VCS
    queue, u = s.pairs[i, j], v
    if c.fifo != 0:
        queue, u = s.pairs[i, 0], 0
    q = queue.first[u]
    behind = p[q].behind
    queue.first[u] = behind
    hide(s, i, j, v)
    if c.fifo != 0 and behind != NONE:
        show(s, i, p[behind].out, p[behind].vc)
    a.read_out = j
    a.read_vc = v
    a.read_kind = VOQ
    a.read_from = t
    a.read_to = t + p[q].flits
    b.taken_to = t + p[q].flits
    b.started[t & 3] = q
    b.started_flits[t & 3] = p[q].flits
    b.started_streams[t & 3] = 0
    if p[q].cut != 0 and p[q].came < p[q].flits:
        a.streams = q
        a.stream_left = p[q].flits
        a.read_to = LATER
        b.taken_to = LATER
        b.started_streams[t & 3] = 1


@inner
def stream(s: State, p: Records, i: int) -> None:
    """Read the next flit of the packet that input i reads while it comes, if it is there."""
    t = s.numbers[0]
    a = s.inputs[i]
    q = p[a.streams]
    b = s.outputs[a.read_out]
    if q.came <= q.flits - a.stream_left:
        a.waits = 1
        b.waits = 1
        return
    b.feeds |= 2
    a.stream_left -= 1
    if a.stream_left == 0:
        a.streams = NONE
        a.read_to = t
        b.taken_to = t


@inner
def cast(c: Shape, s: State, p: Records, i: int) -> None:
    """Start a pass over the multicast at the head of input i, for the outputs matched with it."""
    t = s.numbers[0]
    a = s.inputs[i]
    flits, q, engine = 0, NONE, i - c.ports
    if engine < 0:
        q = a.fan_first
        flits = p[q].flits
    else:
        q = s.engines[engine].packet[s.engines[engine].head]
        flits = s.engines[engine].flits[s.engines[engine].head]
    lacking = 0
    for j in range(c.ports):
        b = s.outputs[j]
        if b.match == i:
            b.taken_to = t + flits
            b.started[t & 3] = q
            b.started_flits[t & 3] = flits
            b.started_streams[t & 3] = 0
            if engine < 0:
                s.lacks[i, j] = 0
            else:
                s.copies[engine, s.engines[engine].head, j] = 0
        if engine < 0:
            lacking += s.lacks[i, j]
    a.read_from = t
    a.read_to = t + flits
    a.read_kind = PASS
    if engine < 0 and lacking == 0:
        a.read_kind = FINAL
        a.fan_first = p[q].behind
        if a.fan_first != NONE:
            head(s, p, i)


@inner
def match_multicasts(c: Shape, s: State, any_overdue: bool) -> None:
    """Match multicasts, of ports and engines: all outputs in one order of inputs.

    Leaves ``outputs[j].match`` and ``inputs[i].casts`` of what is matched. Requests of unicasts
    must be there.
    """
    t = s.numbers[0]
    n, total = c.ports, c.ports + c.engines
    for j in range(total):
        b = s.outputs[j]
        b.match = NONE
        # 1: it takes a multicast; 2: an earlier one has asked, or it leaves unicasts the way.
        b.search = 2 if b.yields != 0 and b.asks > 0 else 1
        if b.asks > 0:
            b.yields = 0
    turn = s.numbers[4]
    first, lacks = NONE, False
    for k in range(total):
        i = (turn + k) % total
        a = s.inputs[i]
        a.casts = 0
        if t < a.read_to or (i < n and a.fan_first == NONE):
            continue
        if a.overdue != 0 and i < n and s.numbers[5] == 0:
            continue
        asked, got = 0, 0
        for j in range(n):
            b = s.outputs[j]
            if s.casts[i, j] == 0 or t < b.taken_to:
                continue
            if any_overdue and (a.due != j if a.overdue != 0 else b.kept != 0):
                continue
            asked += 1
            if b.search == 1:
                b.match = i
                b.yields = 1
                got += 1
            b.search = 2
        if got > 0:
            if first == NONE and not lacks:
                s.numbers[4] = i + 1 if i + 1 < total else 0
            first = i
            a.casts = 1
        if got < asked and not lacks:
            s.numbers[4] = i
            lacks = True


@inner
def match(c: Shape, s: State, p: Records, want: Flags) -> None:
    """Requests, matches, turns of pairs; starts what is matched.

    ``want[e, i]``: engine e takes the head of input i.
    """
    t = s.numbers[0]
    n, total = c.ports, c.ports + c.engines
    inputs, outputs = s.inputs, s.outputs

    # What is read, and what multicasts lack. While the packet at the head of an injector leaves,
    # the one behind it is shown.
    for i in range(n):
        a = inputs[i]
        reads = a.read_from < t and t <= a.read_to
        a.waits = 0
        if a.streams != NONE and reads:
            stream(s, p, i)
            reads = a.waits == 0
        a.reads_out = a.read_out if reads and a.read_kind == VOQ else NONE
        a.reads_vc = a.read_vc
        a.reads_fan = 1 if reads and a.read_kind == FINAL else 0
        if a.fan_first != NONE:
            for j in range(n):
                s.casts[i, j] = s.lacks[i, j] if outputs[j].room[REQ] != 0 else 0
        elif a.casts_shown != 0:
            for j in range(n):
                s.casts[i, j] = 0
        a.casts_shown = 1 if a.fan_first != NONE else 0
    for e in range(c.engines):
        engine = s.engines[e]
        slot, left = engine.sends, engine.whole
        engine.leaves = 0
        if t == inputs[n + e].read_to:
            lacking = 0
            for j in range(n):
                lacking += s.copies[e, slot, j]
            if lacking == 0:
                engine.leaves = 1
                slot, left = SLOTS - 1 - slot, left - 1
        engine.head = slot
        for j in range(n):
            asks = left > 0 and s.copies[e, slot, j] != 0 and outputs[j].room[RSP] != 0
            s.casts[n + e, j] = 1 if asks else 0

    # Pairs that have waited too long.
    any_overdue = False
    for i in range(total):
        a = inputs[i]
        a.overdue = 0
        paused = a.waits != 0 or outputs[a.due].waits != 0
        if a.forced != 0 and not paused and wishes_due(c, s, want, i):
            a.overdue = 1
            outputs[a.due].kept = 1
            any_overdue = True
    s.numbers[3] += 1 if any_overdue else 0

    # Requests of idle inputs to free outputs. Of an input that is overdue for a multicast nothing
    # else is seen.
    for j in range(total):
        b = outputs[j]
        asking = 0
        open_ = j < n  # all VCs have room: who has a packet asks, whatever its VC
        for v in range(VCS):
            open_ = open_ and b.room[v] != 0
        if t >= b.taken_to:
            for k in range(b.askers):
                i = s.askers[j, k]
                a = inputs[i]
                if t < a.read_to or (a.overdue != 0 and s.numbers[5] != 0):
                    continue
                if any_overdue and (a.due != j if a.overdue != 0 else b.kept != 0):
                    continue
                if open_ or wishes(c, s, want, i, j):
                    s.asks[j, asking] = i
                    asking += 1
        b.asks = asking

    # Multicasts first, then what they leave.
    casting = False
    if c.mcast != 0 or c.engines != 0:
        match_multicasts(c, s, any_overdue)
        for j in range(total):
            b = outputs[j]
            casting = casting or b.match != NONE
        if casting:
            for j in range(total):
                b = outputs[j]
                asking = 0
                for k in range(b.asks):
                    if b.match == NONE and inputs[s.asks[j, k]].casts == 0:
                        s.asks[j, asking] = s.asks[j, k]
                        asking += 1
                b.asks = asking
                b.cast = b.match
    islip(c.iterations, n, inputs[:n], outputs, s.asks, s.active, s.offered)
    if c.augment != 0:
        augment(c.augment, n, t, inputs[:n], outputs, s.asks)
    if c.maximum != 0:
        maximise(n, inputs[:n], outputs, s.asks, s.trail)
    if casting:
        for j in range(total):
            if outputs[j].cast != NONE:
                outputs[j].match = outputs[j].cast

    # Turns of pairs.
    due_casts = s.numbers[5]
    for j in range(total):
        outputs[j].kept = 0
        i = outputs[j].match
        if i != NONE:
            kind = inputs[i].casts if i < n else 0
            s.pairs[i, j].waited[kind] = 0
            if inputs[i].due == j and (i >= n or kind == due_casts):
                inputs[i].forced = 0
    tick = s.numbers[6]
    ends = tick == c.phase - 1
    if c.cut != 0:
        for i in range(total):
            a = inputs[i]
            if ends and a.forced != 0 and a.waits == 0 and wishes_due(c, s, want, i):
                ends = False
            outputs[i].waits = 0
    if ends:
        s.numbers[6] = 0
    elif tick != c.phase - 1:
        s.numbers[6] = tick + 1
    else:
        s.numbers[7] += 1
    if tick == 0:
        for i in range(total):
            kind = due_casts if i < n else 0
            inputs[i].forced = s.pairs[i, inputs[i].due].waited[kind]
    elif ends:
        if c.mcast != 0 and inputs[0].due == total - 1:
            s.numbers[5] = 1 - due_casts
        for i in range(total):
            a = inputs[i]
            j = a.due
            kind = due_casts if i < n else 0
            served = outputs[j].match == i and (i >= n or a.casts == due_casts)
            a.forced = 0
            wants = j < n and s.casts[i, j] != 0
            if i < n and due_casts == 0:
                wants = wishes(c, s, want, i, j)
            if wants and not served:
                s.pairs[i, j].waited[kind] = 1
            a.due = j + 1 if j + 1 < total else 0

    # What is matched starts.
    for j in range(total):
        i = outputs[j].match
        if i == NONE:
            outputs[j].started[t & 3] = NONE
        elif i < n and inputs[i].casts == 0:
            start(c, s, p, want, i, j)
    if casting:
        for i in range(total):
            if inputs[i].casts != 0:
                cast(c, s, p, i)


@inner
def inject(c: Shape, s: State, valid: Flags, last: Flags, mask: Flags) -> None:
    """Take what engines send (``valid[e]``, ``last[e]``, ``mask[e, j]``); free what has left.

    The packets of injectors have the numbers -2, -3, ... in the order in which they became whole.
    """
    for e in range(c.engines):
        engine = s.engines[e]
        taken = valid[e] != 0 and engine.whole != SLOTS
        if taken:
            slot = engine.fills
            if engine.filled == 0:
                for j in range(c.ports):
                    s.copies[e, slot, j] = mask[e, j]
            engine.filled += 1
            if last[e] != 0:
                engine.flits[slot] = engine.filled
                engine.packet[slot] = NONE - 1 - s.numbers[1]
                s.numbers[1] += 1
                engine.filled = 0
                engine.fills = SLOTS - 1 - slot
                engine.whole += 1
        if engine.leaves != 0:
            engine.sends = SLOTS - 1 - engine.sends
            engine.whole -= 1


# ------------------------------------------------------------------------------------- egress


@inner
def egress(
    c: Shape, s: State, p: Records, ready: Flags, may: Flags, valid: Flags, left: Records
) -> None:
    """Buffers and ports of all outputs.

    ``ready[j]``: the receiver takes a beat; ``may[j]``: bit v: it lets a packet of VC v start.
    Leaves in ``valid[j]`` whether a beat is offered, and adds packets whose last beat goes to
    `left`.
    """
    t = s.numbers[0]
    for j in range(c.ports):
        b = s.outputs[j]
        q = b.started[(t + 2) & 3]
        starts = q != NONE
        if starts:
            b.comes = q
            b.comes_left = b.started_flits[(t + 2) & 3]
            b.streams = b.started_streams[(t + 2) & 3]
        arrives = b.comes_left > 0 and (b.streams == 0 or b.feeds & 1 != 0)
        b.feeds >>= 1
        valid[j] = 0
        if not arrives and b.idle != 0:
            continue
        come_vc = RSP
        if b.comes >= 0:
            come_vc = p[b.comes].vc

        # What is on the port.
        goes = False
        if b.stage_count > 0:
            valid[j] = 1
            goes = ready[j] != 0
        # Whose flit is next: VCs take turns packet by packet.
        v = NONE
        starts_one = b.serves == NONE
        if not starts_one:
            v = b.serves_vc
        else:
            at = VCS
            for u in range(VCS):
                here = b.level[u] > 0 or (starts and come_vc == u)
                distance = (u - b.send_turn) % VCS
                if here and (may[j] >> u) & 1 != 0 and distance < at:
                    v, at = u, distance
        reads = False
        passes = False
        if v != NONE and b.stage_count + b.reading < OUT_FLITS:
            reads = b.level[v] > 0
            passes = not reads and b.reading == 0 and arrives and come_vc == v

        calm = True
        for u in range(VCS):
            enough = c.egress_flits - b.level[u] >= c.longest + EGRESS_SLACK
            b.room[u] = 1 if enough else 0
            calm = calm and enough

        if arrives:
            b.comes_left -= 1
            if not passes:
                if starts:
                    at = (b.lined_first[come_vc] + b.lined_count[come_vc]) % c.egress_flits
                    s.lined[j, come_vc, at].packet = b.comes
                    s.lined[j, come_vc, at].flits = b.comes_left + 1
                    b.lined_count[come_vc] += 1
                b.level[come_vc] += 1
        behind = (b.stage_first + b.stage_count + b.reading) % (OUT_FLITS + 1)
        landed = b.reading != 0 or passes
        if reads or passes:
            mark = 0
            if starts_one:
                mark = FIRST
                b.send_turn = (v + 1) % VCS
                b.serves_vc = v
                if passes:
                    b.serves = b.comes
                    b.serves_left = b.comes_left + 1
                else:
                    at = b.lined_first[v]
                    b.serves = s.lined[j, v, at].packet
                    b.serves_left = s.lined[j, v, at].flits
                    b.lined_first[v] = (at + 1) % c.egress_flits
                    b.lined_count[v] -= 1
            b.serves_left -= 1
            b.stage[behind] = b.serves
            if b.serves_left == 0:
                mark |= LAST
                b.serves = NONE
            b.marks[behind] = mark
            if reads:
                b.level[v] -= 1
        b.reading = 1 if reads else 0
        if goes:
            at = b.stage_first
            if b.marks[at] & FIRST != 0:
                b.began = t
            if b.marks[at] & LAST != 0:
                row = left[s.numbers[2]]
                row.port = j
                row.packet = b.stage[at]
                row.first = b.began
                row.last = t
                s.numbers[2] += 1
            b.stage_first = (at + 1) % (OUT_FLITS + 1)
            b.stage_count -= 1
        if landed:
            b.stage_count += 1

        for u in range(VCS):
            calm = calm and b.level[u] == 0
        calm = calm and b.stage_count == 0 and b.reading == 0 and b.serves == NONE
        b.idle = 1 if calm and b.comes_left == 0 else 0


# ------------------------------------------------------------------------------------- ingress


@inner
def take_room(c: Shape, s: State, i: int, j: int, v: int, flits: int) -> None:
    """Take flits of a queue, or give them back (less than none)."""
    if c.shared != 0:
        queue = s.pairs[i, j]
        held = max(0, -queue.free[v])
        queue.free[v] -= flits
        s.inputs[i].pool += held - max(0, -queue.free[v])
        s.inputs[i].recount = 1
        return
    enough = c.longest + INGRESS_SLACK
    if c.fifo != 0:
        j, v = 0, 0
    queue = s.pairs[i, j]
    before = queue.free[v] >= enough
    queue.free[v] -= flits
    after = queue.free[v] >= enough
    if before and not after:
        s.inputs[i].tight[v] += 1
    elif after and not before:
        s.inputs[i].tight[v] -= 1


@inner
def count_scarce(c: Shape, s: State, i: int) -> None:
    """Count the queues of an input that lack room for a longest packet, with a pool."""
    a = s.inputs[i]
    enough = c.longest + 2 * INGRESS_SLACK - a.pool
    for v in range(VCS):
        scarce = 0
        for j in range(c.ports + c.engines):
            scarce += 1 if s.pairs[i, j].free[v] < enough else 0
        a.scarce[v] = scarce
    a.recount = 0


@inner
def note_pool(s: State, i: int, free: int, flits: int, found: bool) -> None:
    """Note how a packet that needs flits of a queue stands to the pool."""
    pool = s.inputs[i].pool
    if not found:
        lacks = flits - max(free, 0)
        s.pooled[LIMITED if lacks <= pool else USED_UP] += 1
    elif flits > free:
        s.pooled[TOOK] += 1
    elif flits > pool:
        s.pooled[RESERVE_ONLY] += 1


@inner
def take_fan(c: Shape, s: State, i: int, flits: int) -> None:
    """Take flits of the queue of multicasts, or give them back (less than none)."""
    a = s.inputs[i]
    enough = c.longest + INGRESS_SLACK
    before = a.fan_free >= enough
    a.fan_free -= flits
    after = a.fan_free >= enough
    if before and not after:
        a.tight[REQ] += 1
    elif after and not before:
        a.tight[REQ] -= 1


@inner
def look_cut(c: Shape, s: State, p: Records, i: int) -> None:
    """Look at the next beat of a packet on input i that may leave while it comes."""
    a = s.inputs[i]
    q = p[a.packet]
    last = a.seen + 1 == q.beats
    a.held = 1
    if a.seen == 0:
        if s.pairs[i, q.out].free[q.vc] < q.flits:
            return
        take_room(c, s, i, q.out, q.vc, q.flits)
        a.pause = c.pause
        q.came = 1
        enqueue(c, s, p, i, a.packet)
    elif q.came < q.flits:
        if last and q.came + 1 < q.flits:
            a.fills = 1
            return
        q.came += 1
    a.held = 0
    a.seen += 1
    if last:
        a.packet = NONE
        a.seen = 0


@inner
def wait(p: Records, a: Any) -> None:
    """Let a cycle pass in which no beat comes to an input in a packet that may have left."""
    q = p[a.packet]
    if q.cut == 0 or a.seen == 0 or q.came == q.flits:
        return
    if a.pause == 1:
        a.fills = 1
    if a.pause > 0:
        a.pause -= 1


@inner
def look(c: Shape, s: State, p: Records, i: int) -> None:
    """Look at the next beat of the packet that is on input i."""
    a = s.inputs[i]
    q = p[a.packet]
    if q.cut != 0 and q.beats > 1:
        look_cut(c, s, p, i)
        return
    seen = a.seen + 1  # beats of the packet with this one
    good = q.good != 0
    last = seen == q.beats
    refused = last and not (good and seen == q.flits)
    settles = a.settling != 0
    # Behind the last beat destinations are looked up, one a cycle, the last one with the beat.
    walks = False
    if last and not refused and not settles and q.walk != NONE:
        refused = q.walk == 0 or q.bad == a.walked
        walks = not refused and a.walked < q.walk - 1
        a.walked += 1 if walks else 0
    j, v, flits, needs = q.out, q.vc, q.flits, good and seen == 1
    fan = q.fan != NONE
    if settles:
        needs = v != RSP
        fan = False
        j, v, flits = i, RSP, 1
    found = True
    if needs and fan:
        found = a.fan_free >= flits
    elif needs:
        free = s.pairs[i, 0].free[0] if c.fifo != 0 else s.pairs[i, j].free[v]
        # A queue may hold its own flits and as many more as are free in the pool.
        found = free + a.pool >= flits
        if c.shared != 0:
            note_pool(s, i, free, flits, found)
    taken = found and (settles or not (refused or walks))
    a.held = 0 if taken else 1
    a.settling = 1 if (refused or settles) and not taken else 0
    if not taken:
        if refused and not settles and good and seen > 1:
            if fan:
                take_fan(c, s, i, -flits)
            else:
                if s.pairs[i, j].free[v] < 0:
                    s.pooled[GAVE] += 1
                take_room(c, s, i, j, v, -flits)
        return
    if needs and fan:
        take_fan(c, s, i, flits)
    elif needs:
        take_room(c, s, i, j, v, flits)
    a.seen = seen
    if last:
        a.walked = 0
        if settles and needs:
            q.out = j
            q.vc = v
            q.flits = flits
            q.fan = NONE
        if needs or not settles:
            enqueue(c, s, p, i, a.packet)
        a.packet = NONE
        a.seen = 0


@inner
def ingress(c: Shape, s: State, p: Records, valid: Flags, ready: Flags, room: Flags) -> None:
    """Checks and queues of all inputs; ends the cycle.

    ``valid[i]``: a beat is offered. Leaves in ``ready[i]`` whether it is taken and in ``room[i]``
    bit v: a longest packet of VC v can be taken. When the last beat of a packet is done,
    ``inputs[i].packet`` is NONE.
    """
    for i in range(c.ports):
        a = s.inputs[i]
        ready[i] = 1 - a.held
        bits = 0
        if a.recount != 0:
            count_scarce(c, s, i)
        for v in range(VCS):
            bits |= a.roomy[v] << v
            a.roomy[v] = 1 if a.tight[v] == 0 and a.scarce[v] == 0 else 0
        room[i] = bits
        if a.fills != 0:
            q = p[a.packet]
            q.came += 1
            a.fills = 1 if q.came < q.flits else 0
            if valid[i] != 0:
                a.held = 1
        elif a.packet != NONE and (a.held != 0 or valid[i] != 0):
            look(c, s, p, i)
        elif a.packet != NONE:
            wait(p, a)
        if a.reads_out != NONE:
            take_room(c, s, i, a.reads_out, a.reads_vc, -1)
        if a.reads_fan != 0:
            take_fan(c, s, i, -1)
    s.numbers[0] += 1


# ----------------------------------------------------------------------------- runs of cycles


@compiled
def replay(
    c: Shape,
    s: State,
    p: Records,
    upcoming: Numbers,
    end: Numbers,
    s_valid: Flags,
    m_ready: Flags,
    m_room: Flags,
    want: Flags,
    res_valid: Flags,
    res_last: Flags,
    res_mask: Flags,
    s_ready: Flags,
    s_room: Flags,
    m_valid: Flags,
    grant: Numbers,
    left: Records,
) -> None:
    """Run as many cycles as the stimulus has rows, the first index of all from `s_valid` on.

    Input i sends the packets ``upcoming[i]`` to ``end[i]`` of the table. The last five are filled:
    what the ports show, which input each engine is matched with, or NONE, and what has left.
    """
    for t in range(s_valid.shape[0]):
        for i in range(c.ports):
            if s.inputs[i].packet == NONE and upcoming[i] < end[i]:
                s.inputs[i].packet = upcoming[i]
                upcoming[i] += 1
        match(c, s, p, want[t])
        for e in range(c.engines):
            grant[t, e] = s.outputs[c.ports + e].match
        inject(c, s, res_valid[t], res_last[t], res_mask[t])
        egress(c, s, p, m_ready[t], m_room[t], m_valid[t], left)
        ingress(c, s, p, s_valid[t], s_ready[t], s_room[t])


@compiled
def load(
    c: Shape,
    s: State,
    p: Records,
    sources: Records,
    spare: Numbers,
    n_spare: Numbers,
    dst: Numbers,
    flits: Numbers,
    vc: Numbers,
    left: Records,
    measure_from: int,
    delays: Ints,
    carried: Ints,
) -> int:
    """Run as many cycles as `dst` has rows, with receivers that take all.

    ``dst[t, i]``: output of the packet that comes to the source of input i in this cycle, or NONE;
    `flits`, `vc` of it. ``spare[:n_spare[0]]``: rows of the table that are free. From cycle
    `measure_from` on, ``delays[d]`` counts packets that waited d cycles longer than on an idle
    switch (the last row: or longer) and ``carried[i, j]`` flits that left. Stops early when the
    table is full; returns how many cycles were run.
    """
    want = np.zeros((1, c.ports), np.uint8)
    ready = np.ones(c.ports, np.uint8)
    may = np.full(c.ports, (1 << VCS) - 1, np.uint8)
    valid = np.zeros(c.ports, np.uint8)
    s_ready = np.zeros(c.ports, np.uint8)
    s_room = np.zeros(c.ports, np.uint8)
    m_valid = np.zeros(c.ports, np.uint8)
    for t in range(dst.shape[0]):
        if n_spare[0] < c.ports:
            return t
        now = s.numbers[0]
        for i in range(c.ports):
            source = sources[i]
            if dst[t, i] != NONE:
                n_spare[0] -= 1
                row = spare[n_spare[0]]
                q = p[row]
                u = vc[t, i]
                q.born = now
                q.input = i
                q.out = dst[t, i]
                q.vc = u
                q.flits = flits[t, i]
                q.beats = flits[t, i]
                q.good = 1
                q.behind = NONE
                q.fan = NONE
                q.walk = NONE
                q.cut = 1 if c.cut != 0 and q.flits > 1 else 0
                q.came = 0
                if source.first[u] == NONE:
                    source.first[u] = row
                else:
                    p[source.last[u]].behind = row
                source.last[u] = row
            if s.inputs[i].packet == NONE:
                # VCs that have room take turns.
                for k in range(1, VCS + 1):
                    u = (source.turn + k) % VCS
                    row = source.first[u]
                    if row != NONE and (source.room >> u) & 1 != 0:
                        source.first[u] = p[row].behind
                        source.turn = u
                        s.inputs[i].packet = row
                        break
            valid[i] = 1 if s.inputs[i].packet != NONE else 0
        match(c, s, p, want)
        s.numbers[2] = 0
        egress(c, s, p, ready, may, m_valid, left)
        ingress(c, s, p, valid, s_ready, s_room)
        for i in range(c.ports):
            sources[i].room = s_room[i]
        for k in range(s.numbers[2]):
            row = left[k].packet
            q = p[row]
            if now >= measure_from:
                carried[q.input, left[k].port] += q.flits
            if q.born >= measure_from:
                alone = ZERO_LOAD if q.cut != 0 else q.flits + ZERO_LOAD - 1
                delay = left[k].first - q.born - alone
                delays[min(delay, len(delays) - 1)] += 1
            spare[n_spare[0]] = row
            n_spare[0] += 1
    return dst.shape[0]


@compiled
def matches(
    iterations: int,
    first_multicast: int,
    requests: Flags,
    inputs: Records,
    outputs: Records,
    asks: Numbers,
    active: Numbers,
    offered: Numbers,
    found: Numbers,
) -> None:
    """Match ``requests[t, i, j]`` cycle after cycle; leaves in ``found[t, j]`` an input or NONE."""
    for t in range(requests.shape[0]):
        for j in range(requests.shape[2]):
            asking = 0
            for i in range(requests.shape[1]):
                if requests[t, i, j] != 0:
                    asks[j, asking] = i
                    asking += 1
            outputs[j].asks = asking
        islip(iterations, first_multicast, inputs, outputs, asks, active, offered)
        for j in range(requests.shape[2]):
            found[t, j] = outputs[j].match
