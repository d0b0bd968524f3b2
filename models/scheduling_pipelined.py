# SPDX-License-Identifier: Apache-2.0
"""One clock cycle of the pipelined crossbar, compiled; see :mod:`switchproof.models.scheduling`.

The rules are those of docs/crossbar.md, "Cycle by cycle", "Pipelined". As in
:mod:`switchproof.models.scheduling_kernel` nothing is a bit vector, a pipeline register or an
address: a slot is known by the cycle in which it starts, what is promised by the cycle up to which
it is, what is read by its first and last cycle, a queue by what happened to it and when.

A cycle is :func:`match`, :func:`accept`, :func:`grant`, :func:`close`, :func:`take_turns`,
:func:`show`, :func:`read`, :func:`inject`, :func:`egress` and :func:`ingress`, in this order. Each
reads what is in cycle ``t`` and leaves what is in ``t + 1``; the order matters where one reads what
another changes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .scheduling_kernel import (
    FIRST,
    LAST,
    LINED,
    NONE,
    OUT_FLITS,
    RED,
    REQ,
    RSP,
    VCS,
    Flags,
    Ints,
    Numbers,
    Records,
    compiled,
    inner,
    records,
)

#: Cycles by which the scheduler sees the room of an egress later than the egress knows it.
ROOM_LATE = 1
#: Cycles from a first beat, or a refusal, to the first in which its room counts; from a flit that
#: is read. Of the queue of multicasts it is one number.
TAKEN_LATE, READ_LATE, FAN_LATE = 3, 3, 2
#: Cycles in which a beat finds no room at once before it is told what there is.
IN_VAIN = 3
#: Free flits with which a packet of one flit has room at once; a longest one has so many besides.
SINGLE_ROOM, LONG_ROOM, FAN_SINGLE_ROOM, FAN_LONG_ROOM = 3, 2, 2, 1
#: Flits that may be on the way to a queue, or to an egress buffer, while its room is looked at.
INGRESS_SLACK, EGRESS_SLACK = 8, 5
#: Beats that an input holds, packets that an injector does.
BEATS, PLACES = 2, 2
#: Cycles from the start of a pass over a multicast in its queue to that in which it may ask.
FED = 3
#: The scheduler knows lengths of packets up to this one.
TOLD_LENGTHS = 4
#: Cycles from the end of a packet promised before to the next start: so many, and two a slot.
TURN_STEPS = 10
#: Places of the ring of slots: those that are matched, the one that starts, the one that enters.
RING = 8
#: Cycles from the first beat in to the first beat out of a packet of one flit, nothing in its way.
ZERO_LOAD, NOT_PASSED = 6, 4

#: An input: ports, injectors of engines, those of ports for their multicasts.
INPUT = np.dtype(
    [
        ("from_", "i8"),  # a packet is read in the cycles from this one on
        ("to", "i8"),  # up to this one
        ("out", "i4"),  # ports: from the queue of this output
        ("vc", "i4"),  # and this VC
        ("accept_turn", "i4", 2),  # by even and odd cycles: output that comes first
        ("due", "i4"),  # output whose turn it is
        ("forced", "i4"),  # the pair waited in its last phase, and waits still
        ("only", "i4"),  # output that alone it may ask for, or NONE: any
        # Within a cycle:
        ("wishes", "i4"),  # it has something for its due output
        ("end", "i8"),  # last cycle in which it is known to read, or NONE
        ("best", "i4"),  # offer in turn, or NONE
        ("best_at", "i4"),  # its distance
    ]
)

#: What comes in at a port.
PORT = np.dtype(
    [
        ("held", "i4"),  # beats that have come and are not done
        # Of a source in front of it, with `load`:
        ("line", "i4", 4),  # packets that it offers or has offered, a ring
        ("offers", "i4"),  # place behind the last of them
        ("offers_left", "i4"),  # beats of this one that have not been taken
        ("lined", "i4"),  # place of the first one of which no beat has been looked at
        ("packet", "i4"),  # packet whose beat is looked at next, or NONE
        ("seen", "i4"),  # beats of it that are done
        ("settling", "i4"),  # the last beat of a refused packet waits for its answer's place
        ("waited", "i4"),  # cycles in which this beat has found no room
        ("found", "i4"),  # it has room
        ("walks", "i4"),  # cycles in which destinations are still looked up
        ("walked", "i4"),  # they have been
        ("queues", "i4"),  # packet that is queued in this cycle, or NONE
        ("fresh", "i4"),  # output for which it was found to be the first one, or NONE
        ("tight", "i4", VCS),  # queues seen to have no room for a longest packet
        # Flits taken by a packet that is written in a cycle, or below 0 given back: by cycle.
        ("took_out", "i4", 4),
        ("took_vc", "i4", 4),
        ("took", "i4", 4),
        ("read_out", "i4", 4),  # queue that is read in a cycle, or NONE
        ("read_vc", "i4", 4),
        # The queue of multicasts.
        ("fan_free", "i4"),  # flits that are seen to be free
        ("fan_change", "i4", 4),  # by so much they change by what happens in a cycle
        ("fan_first", "i4"),  # packet at its head, or NONE
        ("fan_last", "i4"),
        ("fed_from", "i8"),  # a packet is read to the injector in the cycles behind this one
        ("fed_to", "i8"),  # up to this one
    ]
)

#: An output; those behind the ports are engines.
OUTPUT = np.dtype(
    [
        ("from_", "i8"),  # cycle in which its last packet started
        ("to", "i8"),  # and last cycle in which it is read
        ("by", "i4"),  # from this input
        ("grant_turn", "i4", 2),  # by even and odd cycles: input that comes first
        ("kept", "i4"),  # free for an overdue input alone
        ("match", "i4"),  # within a cycle: input whose packet starts, or NONE
        # Of ports.
        ("room", "i4", (4, VCS)),  # by cycle: a longest packet may be sent here
        ("started", "i4", 2),  # by even and odd cycles: packet that started, or NONE
        ("started_flits", "i4", 2),
        ("comes", "i4"),  # packet that arrives
        ("comes_left", "i4"),  # flits of it that have not
        ("writes", "i4"),  # a flit is written into the buffer
        ("writes_vc", "i4"),
        ("writes_packet", "i4"),  # it is the first one of this packet, or NONE
        ("writes_flits", "i4"),
        ("level", "i4", VCS),  # flits in the buffer
        ("lined_first", "i4", VCS),  # place of the oldest packet in the buffer
        ("lined_count", "i4", VCS),
        ("shown", "i4"),  # VC whose packet begins next, or NONE
        ("send_turn", "i4"),  # VC that comes first
        ("serves", "i4"),  # packet that is sent, or NONE
        ("serves_vc", "i4"),
        ("serves_left", "i4"),  # flits of it that are not in the last stage or on the way there
        ("reading", "i4"),  # a flit is on its way from the buffer to the last stage
        ("stage", "i4", OUT_FLITS + 1),  # packets of the flits in the last stage or on the way
        ("marks", "i4", OUT_FLITS + 1),  # FIRST, LAST
        ("stage_first", "i4"),
        ("stage_count", "i4"),  # without the one on the way
        ("began", "i8"),  # cycle in which the first beat of the packet on the port left
        ("idle", "i4"),  # nothing is here and all VCs have room
    ]
)

#: Queues of a port for an output, one for each VC, and what is shown of them.
PAIR = np.dtype(
    [
        ("first", "i4", VCS),  # packet at the head, or NONE
        ("last", "i4", VCS),
        ("count", "i4", VCS),  # packets that are there
        ("total", "i4"),  # of all VCs
        ("shown", "i4"),  # VC whose packet starts with a match, or NONE
        ("turn", "i4"),  # VC that comes first
        ("told", "i4"),  # packets that the scheduler knows of, up to 3
        ("told_length", "i4"),  # flits of the next one, up to TOLD_LENGTHS; 0: none is shown
        ("length", "i4", VCS),  # flits of the next packet, as far as that is known
        ("flits", "i4", VCS),  # in the queue: taken by packets that are written, and not read
        ("free", "i4", VCS),  # that are seen to be free
        ("reads_at", "i4", VCS),  # place of the next flit that is read
        ("writes_at", "i4", VCS),  # of the next packet
    ]
)

#: An injector.
INJECTOR = np.dtype(
    [
        ("packet", "i4", PLACES),
        ("flits", "i4", PLACES),
        ("since", "i8", PLACES),  # cycle from which it may be sent
        ("sends", "i4"),  # place that is sent
        ("fills", "i4"),  # place that is filled
        ("filled", "i4"),  # results: flits in it
        ("count", "i4"),  # packets that are whole, or on the way
    ]
)


class Shape(NamedTuple):
    """What does not change."""

    ports: int
    engines: int
    slots: int
    voq_flits: int
    egress_flits: int
    longest: int  # flits of the longest packet
    phase: int  # cycles in which a pair is due, a power of two
    mcast: int  # 1: inputs have a queue for multicasts
    passes: int  # 1: flits pass by the buffers of an egress


class State(NamedTuple):
    """i: input, j: output, v: VC, k: injector of input ports + k; slots by their cycle mod RING."""

    #: [0] cycle since reset, [1] results that have come, [2] packets that have left, [3] cycles in
    #: which a pair was kept free, [5] 1: in this round pairs take turns for multicasts, [6] cycle
    #: of the phase; the others stay 0
    numbers: Ints
    pooled: Ints  # as in scheduling_kernel, all 0: queues share nothing
    inputs: Records  # i
    ports: Records  # i
    outputs: Records  # j
    pairs: Records  # i, j
    noted: Numbers  # i, j, v, place: length of the packet that was last written behind this place
    lined: Records  # j, v, n: packets in the buffer, a ring
    injectors: Records  # k
    copies: Flags  # k, place, j: outputs that lack the packet
    asks: Flags  # k, j: those of the packet at the head that have room
    fans: Flags  # row, j: ports of a multicast
    waited: Flags  # i, j: the pair waited to the end of its phase
    promised: Ints  # i, j: something is promised to the pair up to this cycle
    closed_in: Flags  # slot, i
    closed_out: Flags  # slot, j
    granted: Numbers  # slot, j: input of the last grant, or NONE
    distance: Numbers  # slot, j: of this input from the turn
    matched: Numbers  # slot, j: input of the match, or NONE
    offered: Flags  # slot, i: it is offered something in this cycle
    accepted: Numbers  # slot, j: input that accepts in this cycle, or NONE


def shape_of(
    ports: int,
    engines: int,
    slots: int,
    voq_flits: int,
    egress_flits: int,
    longest: int,
    *,
    mcast: bool = False,
) -> Shape:
    """Return the shape of a crossbar."""
    phase = 1 << (longest + TURN_STEPS + 2 * slots - 1).bit_length()
    return Shape(
        ports, engines, slots, voq_flits, egress_flits, longest, phase, int(mcast), int(slots > 1)
    )


def state(c: Shape) -> State:
    """Return what is there behind a reset."""
    n, n_out = c.ports, c.ports + c.engines
    n_in = n_out + (n if c.mcast else 0)
    injected = max(n_in - n, 1)
    inputs, ports, outputs = records(INPUT, n_in), records(PORT, n), records(OUTPUT, n_out)
    inputs.from_, inputs.to, inputs.only, inputs.best = -2, -2, NONE, NONE
    inputs.due = np.arange(n_in) % n_out
    ports.packet, ports.queues, ports.fan_first, ports.read_out = NONE, NONE, NONE, NONE
    ports.fresh = NONE
    ports.fan_free, ports.fed_from, ports.fed_to = c.voq_flits, -1, -1
    outputs.from_, outputs.to, outputs.match = -2, -2, NONE
    outputs.started, outputs.serves, outputs.shown = NONE, NONE, NONE
    outputs.writes_packet = NONE
    pairs = records(PAIR, n, n_out)
    pairs.first, pairs.shown, pairs.free, pairs.length = NONE, NONE, c.voq_flits, 1

    def none(count: int) -> Numbers:
        return np.full((RING, count), NONE, np.int32)

    def flags(*size: int) -> Flags:
        return np.zeros(size, np.uint8)

    return State(
        np.zeros(8, np.int64),
        np.zeros(5, np.int64),
        inputs,
        ports,
        outputs,
        pairs,
        np.ones((n, n_out, VCS, c.voq_flits), np.int32),
        records(LINED, n, VCS, c.egress_flits),
        records(INJECTOR, injected),
        flags(injected, PLACES, n),
        flags(injected, n),
        flags(1, n),
        flags(n_in, n_out),
        np.full((n_in, n_out), NONE, np.int64),
        flags(RING, n_in),
        flags(RING, n_out),
        none(n_out),
        none(n_out),
        none(n_out),
        flags(RING, n_in),
        none(n_out),
    )


# ------------------------------------------------------------------------------------ scheduler


@inner
def has_room(s: State, j: int, v: int) -> bool:
    """Whether port j is seen to take a longest packet of a VC."""
    return s.outputs[j].room[(s.numbers[0] - ROOM_LATE) & 3, v] != 0


@inner
def may_start(c: Shape, s: State, want: Flags, i: int, j: int, v: int) -> bool:
    """Whether output j lets a packet of a VC of port i start."""
    if j < c.ports:
        return has_room(s, j, v)
    return v == RED and want[j - c.ports, i] != 0


@inner
def match(c: Shape, s: State) -> None:
    """Find what injectors ask for, and which matches of the slot of this cycle start a packet."""
    t = s.numbers[0]
    n = c.ports
    for k in range(len(s.inputs) - n):
        injector = s.injectors[k]
        vc = RSP if k < c.engines else REQ
        there = injector.count > 0 and injector.since[injector.sends] <= t
        for j in range(n):
            lacks = there and s.copies[k, injector.sends, j] != 0
            s.asks[k, j] = 1 if lacks and has_room(s, j, vc) else 0
    for j in range(len(s.outputs)):
        b = s.outputs[j]
        i = s.matched[t % RING, j]
        b.match = NONE
        if i == NONE or t <= b.to or t <= s.inputs[i].to:
            continue
        if j >= n and b.from_ == t - 1:
            continue
        if i < n:
            there = s.pairs[i, j].shown != NONE
        else:
            there = j < n and s.asks[i - n, j] != 0
        if there:
            b.match = i


@inner
def told_length(c: Shape, s: State, i: int, j: int) -> int:
    """Return how many flits the next packet of a pair has, as far as the scheduler knows it."""
    n = c.ports
    if i < n:
        return s.pairs[i, j].told_length
    k = i - n
    if j >= n or s.asks[k, j] == 0:
        return 0
    flits = s.injectors[k].flits[s.injectors[k].sends]
    if k < c.engines:
        return TOLD_LENGTHS if flits > 1 else 1
    return min(flits, TOLD_LENGTHS)


@inner
def accept(c: Shape, s: State) -> None:
    """Let inputs accept the grants of the cycle before."""
    t = s.numbers[0]
    n, n_in, n_out = c.ports, len(s.inputs), len(s.outputs)
    parity = t & 1
    for slot in range(t + 1, t + c.slots + 1):
        at = slot % RING
        for i in range(n):
            s.offered[at, i] = 0
        for j in range(n_out):
            s.accepted[at, j] = NONE
            i = s.granted[at, j]
            if i == NONE or s.closed_in[at, i] != 0 or s.closed_out[at, j] != 0:
                continue
            s.promised[i, j] = max(s.promised[i, j], t + 1)
            if i >= n:
                s.accepted[at, j] = i
                continue
            s.offered[at, i] = 1
            a = s.inputs[i]
            distance = (j - a.accept_turn[parity]) % n_out
            if a.best == NONE or distance < a.best_at:
                a.best = j
                a.best_at = distance
        for i in range(n):
            a = s.inputs[i]
            if a.best != NONE:
                s.accepted[at, a.best] = i
                a.best = NONE
    # Turns move for the first grant of a slot.
    at = (t + c.slots) % RING
    for j in range(n_out):
        i = s.accepted[at, j]
        if i != NONE:
            s.outputs[j].grant_turn[1 - parity] = (i + 1) % n_in
            if i < n:
                s.inputs[i].accept_turn[parity] = (j + 1) % n_out


@inner
def ask(c: Shape, s: State, i: int, j: int, told: int, fresh: bool) -> None:
    """Let input i ask for output j, and output j grant to it if it is nearest to the turn."""
    t = s.numbers[0]
    a = s.inputs[i]
    if a.only != j if a.only != NONE else s.outputs[j].kept != 0:
        return
    promised = t <= s.promised[i, j]
    everywhere = told >= 3 if promised else told >= 2 and c.slots > 1
    once = told > 0 and not promised
    distance = (i - s.outputs[j].grant_turn[t & 1]) % len(s.inputs)
    for slot in range(t + 2, t + c.slots + 2):
        at = slot % RING
        if s.closed_in[at, i] != 0 or s.closed_out[at, j] != 0:
            continue
        if i < c.ports and slot <= t + c.slots and s.offered[at, i] != 0:
            continue
        asks = everywhere or once or (fresh and slot == t + 2)
        if asks and (s.granted[at, j] == NONE or distance < s.distance[at, j]):
            s.granted[at, j] = i
            s.distance[at, j] = distance
        once = False


@inner
def grant(c: Shape, s: State) -> None:
    """Let outputs grant coming slots to those that ask."""
    t = s.numbers[0]
    n, n_in, n_out = c.ports, len(s.inputs), len(s.outputs)
    for slot in range(t + 2, t + c.slots + 2):
        for j in range(n_out):
            s.granted[slot % RING, j] = NONE
    for i in range(n):
        fresh_out = s.ports[i].fresh
        for j in range(n_out):
            told = s.pairs[i, j].told
            if told > 0 or j == fresh_out:
                ask(c, s, i, j, told, j == fresh_out)
    for i in range(n, n_in):
        for j in range(n):
            if s.asks[i - n, j] != 0:
                ask(c, s, i, j, 1, False)


@inner
def close(c: Shape, s: State) -> None:
    """Close slots to who is known to be busy then."""
    t = s.numbers[0]
    n, n_in, n_out = c.ports, len(s.inputs), len(s.outputs)
    # The slot that enters.
    at = (t + c.slots + 2) % RING
    for i in range(n_in):
        s.closed_in[at, i] = 0
    for j in range(n_out):
        s.closed_out[at, j] = 0
        s.granted[at, j] = NONE
        s.matched[at, j] = NONE
    # By matches.
    for r in range(t, t + c.slots):
        for j in range(n_out):
            i = s.matched[r % RING, j]
            if i == NONE:
                continue
            flits = told_length(c, s, i, j)
            if flits < 2:
                continue
            for slot in range(max(r + 1, t + 2), t + c.slots + 2):
                if flits == TOLD_LENGTHS or slot < r + flits:
                    s.closed_in[slot % RING, i] = 1
                    s.closed_out[slot % RING, j] = 1
    # By what is read.
    for i in range(n_in):
        a = s.inputs[i]
        a.end = a.to if a.from_ < t and t <= a.to else NONE
        for slot in range(t + 2, min(a.end, t + c.slots + 2) + 1):
            s.closed_in[slot % RING, i] = 1
    for j in range(n_out):
        b = s.outputs[j]
        if b.from_ < t and t <= b.to:
            for slot in range(t + 2, min(s.inputs[b.by].end, t + c.slots + 2) + 1):
                s.closed_out[slot % RING, j] = 1
    # By what has just been accepted.
    for slot in range(t + 1, t + c.slots + 1):
        at = slot % RING
        for j in range(n_out):
            i = s.accepted[at, j]
            if i != NONE:
                s.matched[at, j] = i
                s.promised[i, j] = max(s.promised[i, j], slot + 1)
                s.closed_out[at, j] = 1
                if i < n:
                    s.closed_in[at, i] = 1


@inner
def take_turns(c: Shape, s: State) -> None:
    """Keep both sides free for pairs that have waited too long."""
    n, n_in, n_out = c.ports, len(s.inputs), len(s.outputs)
    casts = s.numbers[5] != 0
    for j in range(n_out):
        s.outputs[j].kept = 0
    any_overdue = False
    for i in range(n_in):
        a = s.inputs[i]
        if i < n:
            wishes = not casts and s.pairs[i, a.due].told > 0
        else:
            wishes = (casts or i < n_out) and a.due < n and s.asks[i - n, a.due] != 0
        a.wishes = 1 if wishes else 0
        a.only = NONE
        if a.forced != 0 and wishes:
            a.only = a.due
            s.outputs[a.due].kept = 1
            any_overdue = True
    s.numbers[3] += 1 if any_overdue else 0

    tick = s.numbers[6]
    for i in range(n_in):
        a = s.inputs[i]
        served = s.outputs[a.due].match == i
        if served:
            a.forced = 0
        if tick == 0:
            due = s.waited[i, a.due] != 0 and not served and not (i < n and casts)
            a.forced = 1 if due else 0
    for j in range(n_out):
        if s.outputs[j].match != NONE:
            s.waited[s.outputs[j].match, j] = 0
    s.numbers[6] = (tick + 1) % c.phase
    if tick == c.phase - 1:
        if c.mcast != 0 and s.inputs[0].due == n_out - 1:
            s.numbers[5] = 1 - s.numbers[5]
        for i in range(n_in):
            a = s.inputs[i]
            a.forced = 0
            if a.wishes != 0 and s.outputs[a.due].match != i:
                s.waited[i, a.due] = 1
            a.due = (a.due + 1) % n_out


# -------------------------------------------------------------------------------------- queues


@inner
def show(c: Shape, s: State, want: Flags) -> None:
    """Choose what pairs show and are told in the next cycle."""
    for i in range(c.ports):
        for j in range(len(s.outputs)):
            pair = s.pairs[i, j]
            if pair.total == 0 and pair.shown == NONE:
                pair.told = 0
                pair.told_length = 0
                continue
            u = pair.shown
            pair.told_length = min(pair.length[u], TOLD_LENGTHS) if u != NONE else 0
            starts = s.outputs[j].match == i
            if starts:
                pair.turn = (u + 1) % VCS
            pair.shown = NONE
            told, best = 0, VCS
            for v in range(VCS):
                count = pair.count[v]
                if count == 0 or not may_start(c, s, want, i, j, v):
                    continue
                told += count
                distance = (v - pair.turn) % VCS
                if count > (1 if starts and v == u else 0) and distance < best:
                    best = distance
                    pair.shown = v
            pair.told = min(told, 3)
            if starts:
                start(s, i, j, u)


@inner
def start(s: State, i: int, j: int, v: int) -> None:
    """Take the packet that starts out of its queue; its flits are read later."""
    s.inputs[i].out = j
    s.inputs[i].vc = v
    pair = s.pairs[i, j]
    s.outputs[j].started[s.numbers[0] & 1] = pair.first[v]
    pair.count[v] -= 1
    pair.total -= 1


@inner
def enqueue(s: State, p: Records, i: int, q: int) -> None:
    """Line up a packet that is queued."""
    p[q].behind = NONE
    a = s.ports[i]
    if p[q].fan != NONE:
        if a.fan_first == NONE:
            a.fan_first = q
        else:
            p[a.fan_last].behind = q
        a.fan_last = q
        return
    pair = s.pairs[i, p[q].out]
    v = p[q].vc
    if pair.first[v] == NONE:
        pair.first[v] = q
    else:
        p[pair.last[v]].behind = q
    pair.last[v] = q
    pair.count[v] += 1
    pair.total += 1


@inner
def read(c: Shape, s: State, p: Records) -> None:
    """Start what is matched, read and write flits of the queues of ports."""
    t = s.numbers[0]
    for j in range(len(s.outputs)):
        b = s.outputs[j]
        i = b.match
        if i == NONE:
            b.started[t & 1] = NONE
            continue
        if i < c.ports:
            q = b.started[t & 1]
            flits = p[q].flits
            s.pairs[i, j].first[s.inputs[i].vc] = p[q].behind
        else:
            k = i - c.ports
            place = s.injectors[k].sends
            b.started[t & 1] = s.injectors[k].packet[place]
            flits = s.injectors[k].flits[place]
            s.copies[k, place, j] = 0
        b.started_flits[t & 1] = flits
        b.from_ = t
        b.to = t + flits - 1
        b.by = i
        s.inputs[i].from_ = t
        s.inputs[i].to = t + flits - 1
    for i in range(c.ports):
        a, reader = s.ports[i], s.inputs[i]
        a.read_out[t & 3] = NONE
        if t <= reader.to:
            pair = s.pairs[i, reader.out]
            v = reader.vc
            place = pair.reads_at[v]
            pair.length[v] = s.noted[i, reader.out, v, place] if t == reader.to else 1
            pair.reads_at[v] = (place + 1) % c.voq_flits
            pair.flits[v] -= 1
            a.read_out[t & 3] = reader.out
            a.read_vc[t & 3] = v
        flits = a.took[t & 3]
        if flits != 0:
            v = a.took_vc[t & 3]
            pair = s.pairs[i, a.took_out[t & 3]]
            if flits > 0:
                if pair.flits[v] == 0:
                    pair.length[v] = flits
                place = (pair.writes_at[v] - 1) % c.voq_flits
                s.noted[i, a.took_out[t & 3], v, place] = flits
            pair.flits[v] += flits
            pair.writes_at[v] = (pair.writes_at[v] + flits) % c.voq_flits


# ----------------------------------------------------------------------------------- injectors


@inner
def feed(s: State, p: Records, i: int, k: int) -> None:
    """Read the queue of multicasts of port i to its injector k."""
    t = s.numbers[0]
    a = s.ports[i]
    injector = s.injectors[k]
    a.fan_change[t & 3] = 0
    if a.fed_from < t and t <= a.fed_to:
        a.fan_change[t & 3] = 1
    if a.fan_first == NONE or t < a.fed_to or injector.count == PLACES:
        return
    q = a.fan_first
    a.fan_first = p[q].behind
    a.fed_from = t
    a.fed_to = t + p[q].flits
    place = injector.fills
    injector.packet[place] = q
    injector.flits[place] = p[q].flits
    injector.since[place] = t + FED
    injector.fills = PLACES - 1 - place
    injector.count += 1
    for j in range(s.fans.shape[1]):
        s.copies[k, place, j] = s.fans[p[q].fan, j]


@inner
def fill(c: Shape, s: State, e: int, last: bool, mask: Flags) -> None:
    """Take a flit of a result; the packets have the numbers -2, -3, ... in their order."""
    injector = s.injectors[e]
    place = injector.fills
    if injector.filled == 0:
        for j in range(c.ports):
            s.copies[e, place, j] = mask[j]
    injector.filled += 1
    if last:
        injector.flits[place] = injector.filled
        injector.packet[place] = NONE - 1 - s.numbers[1]
        injector.since[place] = s.numbers[0] + 1
        s.numbers[1] += 1
        injector.filled = 0
        injector.fills = PLACES - 1 - place
        injector.count += 1


@inner
def inject(c: Shape, s: State, p: Records, valid: Flags, last: Flags, mask: Flags) -> None:
    """Take what engines send and what queues of multicasts have; free what all have got.

    ``valid[e]``, ``last[e]``, ``mask[e, j]``: see scheduling_kernel.inject.
    """
    t = s.numbers[0]
    n = c.ports
    for k in range(len(s.inputs) - n):
        injector, reader = s.injectors[k], s.inputs[n + k]
        leaves = False
        if t == reader.to:
            leaves = True
            for j in range(n):
                leaves = leaves and s.copies[k, injector.sends, j] == 0
        if k >= c.engines:
            feed(s, p, k - c.engines, k)
        elif valid[k] != 0 and injector.count != PLACES:
            fill(c, s, k, last[k] != 0, mask[k])
        if leaves:
            injector.sends = PLACES - 1 - injector.sends
            injector.count -= 1


# ------------------------------------------------------------------------------------- egress


@inner
def show_vc(s: State, j: int, begins: bool, may: int) -> None:
    """Choose the VC that the buffers of an output show in the next cycle."""
    b = s.outputs[j]
    u = b.shown
    if begins:
        b.send_turn = (u + 1) % VCS
    b.shown = NONE
    best = VCS
    for v in range(VCS):
        distance = (v - b.send_turn) % VCS
        there = b.lined_count[v] > (1 if begins and v == u else 0)
        if there and (may >> v) & 1 != 0 and distance < best:
            b.shown = v
            best = distance


@inner
def serve(c: Shape, s: State, j: int, v: int, passes: bool, first: bool) -> None:
    """Send the next flit of a VC to the last stage, from its buffer or by it."""
    b = s.outputs[j]
    mark = 0
    if first:
        mark = FIRST
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
    behind = (b.stage_first + b.stage_count + b.reading) % (OUT_FLITS + 1)
    b.serves_left -= 1
    b.stage[behind] = b.serves
    if b.serves_left == 0:
        mark |= LAST
        b.serves = NONE
    b.marks[behind] = mark
    if not passes:
        b.level[v] -= 1


@inner
def leave(s: State, j: int, left: Records) -> None:
    """Take the flit that is on a port away."""
    b = s.outputs[j]
    at = b.stage_first
    if b.marks[at] & FIRST != 0:
        b.began = s.numbers[0]
    if b.marks[at] & LAST != 0:
        row = left[s.numbers[2]]
        row.port = j
        row.packet = b.stage[at]
        row.first = b.began
        row.last = s.numbers[0]
        s.numbers[2] += 1
    b.stage_first = (at + 1) % (OUT_FLITS + 1)
    b.stage_count -= 1


@inner
def egress(
    c: Shape, s: State, p: Records, ready: Flags, may: Flags, valid: Flags, left: Records
) -> None:
    """Buffers and ports of all outputs; see scheduling_kernel.egress."""
    t = s.numbers[0]
    for j in range(c.ports):
        b = s.outputs[j]
        q = b.started[(t - 1) & 1]
        starts = q != NONE
        if starts:
            b.comes = q
            b.comes_left = b.started_flits[(t - 1) & 1]
        arrives = b.comes_left > 0
        valid[j] = 0
        calm = True
        for v in range(VCS):
            enough = c.egress_flits - b.level[v] >= c.longest + EGRESS_SLACK
            b.room[(t + 1) & 3, v] = 1 if enough else 0
            calm = calm and enough
        if not arrives and b.idle != 0:
            continue
        come_vc = p[b.comes].vc if b.comes >= 0 else RSP

        goes = False
        if b.stage_count > 0:
            valid[j] = 1
            goes = ready[j] != 0
        space = b.stage_count + b.reading < OUT_FLITS
        sends = b.serves != NONE
        v = b.serves_vc if sends else b.shown
        reads = space and v != NONE
        if reads:
            reads = b.level[v] > 0 if sends else (may[j] >> v) & 1 != 0
        passes = c.passes != 0 and arrives and space and b.reading == 0 and b.writes == 0
        passes = passes and b.level[come_vc] == 0
        if sends:
            passes = passes and come_vc == b.serves_vc
        else:
            passes = passes and starts and b.shown == NONE and (may[j] >> come_vc) & 1 != 0

        show_vc(s, j, reads and not sends, may[j])
        if arrives:
            b.comes_left -= 1
        if reads or passes:
            serve(c, s, j, come_vc if passes else v, passes, not sends)
        if b.writes != 0:
            u = b.writes_vc
            b.level[u] += 1
            if b.writes_packet != NONE:
                at = (b.lined_first[u] + b.lined_count[u]) % c.egress_flits
                s.lined[j, u, at].packet = b.writes_packet
                s.lined[j, u, at].flits = b.writes_flits
                b.lined_count[u] += 1
        b.writes = 1 if arrives and not passes else 0
        b.writes_vc = come_vc
        b.writes_packet = b.comes if starts else NONE
        b.writes_flits = b.comes_left + 1
        landed = b.reading != 0 or passes
        b.reading = 1 if reads else 0
        if goes:
            leave(s, j, left)
        if landed:
            b.stage_count += 1

        for u in range(VCS):
            calm = calm and b.level[u] == 0
        calm = calm and b.stage_count == 0 and b.reading == 0 and b.serves == NONE
        calm = calm and b.writes == 0 and b.shown == NONE
        b.idle = 1 if calm and b.comes_left == 0 else 0


# ------------------------------------------------------------------------------------- ingress


@inner
def see(c: Shape, s: State, i: int, j: int, v: int, flits: int) -> None:
    """See that flits of a queue are free, or taken (less than none)."""
    enough = c.longest + INGRESS_SLACK
    pair = s.pairs[i, j]
    before = pair.free[v] >= enough
    pair.free[v] += flits
    after = pair.free[v] >= enough
    if before and not after:
        s.ports[i].tight[v] += 1
    elif after and not before:
        s.ports[i].tight[v] -= 1


@inner
def look(c: Shape, s: State, p: Records, want: Flags, i: int) -> None:
    """Look at the oldest beat that an input holds."""
    t = s.numbers[0]
    a = s.ports[i]
    q = p[a.packet]
    seen = a.seen + 1  # beats of the packet with this one
    good = q.good != 0
    last = seen == q.beats
    whole = good and seen == q.flits
    settles = a.settling != 0
    sparse = q.walk != NONE
    walks = last and whole and sparse and not settles and a.walked == 0
    bad = sparse and a.walked != 0 and (q.walk == 0 or q.bad != NONE)
    refused = last and (not whole or bad)
    fan = q.fan != NONE and not settles
    j, v, flits, needs = q.out, q.vc, q.flits, good and seen == 1
    if settles:
        j, v, flits, needs = i, RSP, 1, q.vc != RSP

    found = a.found != 0
    free = a.fan_free if fan else s.pairs[i, j].free[v]
    if q.flits == 1 or settles:
        found = found or free >= (FAN_SINGLE_ROOM if fan else SINGLE_ROOM)
    else:
        found = found or free >= c.longest + (FAN_LONG_ROOM if fan else LONG_ROOM)
    taken = (found or not needs) and (settles or not (refused or walks))
    in_vain = needs and not taken and (settles or not refused)
    a.waited = min(a.waited + 1, IN_VAIN) if in_vain else 0
    a.found = 1 if a.waited == IN_VAIN and free >= flits else 0
    a.settling = 1 if (refused or settles) and not taken else 0

    if a.walks > 0:
        a.walks -= 1
        a.walked = 1 if a.walks == 0 else 0
    elif walks:
        a.walks = max(q.walk, 1) if q.bad == NONE else q.bad + 1
    change = 0
    if taken and needs:
        change = flits
    elif refused and not settles and good and seen > 1:
        change = -flits
    if fan:
        a.fan_change[t & 3] -= change
    elif change != 0:
        a.took_out[(t + 1) & 3] = j
        a.took_vc[(t + 1) & 3] = v
        a.took[(t + 1) & 3] = change
    if not taken:
        return
    a.held -= 1
    a.seen = seen
    if last:
        if settles and needs:
            q.out = i
            q.vc = RSP
            q.flits = 1
            q.fan = NONE
        if needs or not settles:
            a.queues = a.packet
            j, v = q.out, q.vc
            alone = q.fan == NONE and s.pairs[i, j].total == 0 and s.outputs[j].match != i
            if alone and may_start(c, s, want, i, j, v):
                a.fresh = j
        a.walked = 0
        a.packet = NONE
        a.seen = 0


@inner
def ingress(
    c: Shape, s: State, p: Records, want: Flags, valid: Flags, ready: Flags, room: Flags
) -> None:
    """Checks and queues of all inputs; ends the cycle. See scheduling_kernel.ingress.

    ``inputs[i].packet`` must be there if a beat is held.
    """
    t = s.numbers[0]
    for i in range(c.ports):
        a = s.ports[i]
        if a.queues != NONE:
            enqueue(s, p, i, a.queues)
            a.queues = NONE
        a.fresh = NONE
        # What happened, as it is seen now.
        was = (t - TAKEN_LATE + 1) & 3  # the cycle in which it was written
        if t >= TAKEN_LATE and a.took[was] != 0:
            see(c, s, i, a.took_out[was], a.took_vc[was], -a.took[was])
        was = (t - READ_LATE) & 3
        if t >= READ_LATE and a.read_out[was] != NONE:
            see(c, s, i, a.read_out[was], a.read_vc[was], 1)
        if t >= FAN_LATE:
            a.fan_free += a.fan_change[(t - FAN_LATE) & 3]
        a.took[(t + 1) & 3] = 0
        ready[i] = 1 if a.held < BEATS and a.walks == 0 else 0
        bits = 0
        for v in range(VCS):
            enough = a.tight[v] == 0
            if v == REQ and c.mcast != 0:
                enough = enough and a.fan_free >= c.longest + INGRESS_SLACK
            bits |= (1 if enough else 0) << v
        room[i] = bits
        comes = valid[i] != 0 and ready[i] != 0
        if a.held > 0:
            look(c, s, p, want, i)
        if comes:
            a.held += 1
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
    grants: Numbers,
    left: Records,
) -> None:
    """Run as many cycles as the stimulus has rows; see scheduling_kernel.replay."""
    for t in range(s_valid.shape[0]):
        for i in range(c.ports):
            if s.ports[i].packet == NONE and s.ports[i].held > 0 and upcoming[i] < end[i]:
                s.ports[i].packet = upcoming[i]
                upcoming[i] += 1
        match(c, s)
        accept(c, s)
        grant(c, s)
        close(c, s)
        take_turns(c, s)
        show(c, s, want[t])
        read(c, s, p)
        inject(c, s, p, res_valid[t], res_last[t], res_mask[t])
        for e in range(c.engines):
            grants[t, e] = s.outputs[c.ports + e].match
        egress(c, s, p, m_ready[t], m_room[t], m_valid[t], left)
        ingress(c, s, p, want[t], s_valid[t], s_ready[t], s_room[t])


@inner
def come(
    p: Records, source: Any, row: int, now: int, i: int, out: int, flits: int, vc: int
) -> None:
    """Let a packet come to the source of input i."""
    q = p[row]
    q.born = now
    q.input = i
    q.out = out
    q.vc = vc
    q.flits = flits
    q.beats = flits
    q.good = 1
    q.behind = NONE
    q.fan = NONE
    q.walk = NONE
    q.bad = NONE
    if source.first[vc] == NONE:
        source.first[vc] = row
    else:
        p[source.last[vc]].behind = row
    source.last[vc] = row


@inner
def offer(p: Records, source: Any) -> int:
    """Return the packet that a source offers next, or NONE: VCs that have room take turns."""
    for k in range(1, VCS + 1):
        u = (source.turn + k) % VCS
        row = source.first[u]
        if row != NONE and (source.room >> u) & 1 != 0:
            source.first[u] = p[row].behind
            source.turn = u
            return row
    return NONE


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
    """Run as many cycles as `dst` has rows; see scheduling_kernel.load."""
    nothing = np.zeros(1, np.uint8)
    nobody = np.zeros((1, c.ports), np.uint8)
    ready = np.ones(c.ports, np.uint8)
    may = np.full(c.ports, (1 << VCS) - 1, np.uint8)
    valid = np.zeros(c.ports, np.uint8)
    s_ready = np.zeros(c.ports, np.uint8)
    s_room = np.zeros(c.ports, np.uint8)
    m_valid = np.zeros(c.ports, np.uint8)
    alone = ZERO_LOAD + (0 if c.passes != 0 else NOT_PASSED) - 1
    for t in range(dst.shape[0]):
        if n_spare[0] < c.ports:
            return t
        now = s.numbers[0]
        for i in range(c.ports):
            source, a = sources[i], s.ports[i]
            if dst[t, i] != NONE:
                n_spare[0] -= 1
                come(p, source, spare[n_spare[0]], now, i, dst[t, i], flits[t, i], vc[t, i])
            if a.packet == NONE and a.held > 0:
                a.packet = a.line[a.lined & 3]
                a.lined += 1
            if a.offers_left == 0:
                row = offer(p, source)
                if row != NONE:
                    a.line[a.offers & 3] = row
                    a.offers += 1
                    a.offers_left = p[row].beats
            valid[i] = 1 if a.offers_left > 0 else 0
        match(c, s)
        accept(c, s)
        grant(c, s)
        close(c, s)
        take_turns(c, s)
        show(c, s, nobody)
        read(c, s, p)
        inject(c, s, p, nothing, nothing, nobody)
        s.numbers[2] = 0
        egress(c, s, p, ready, may, m_valid, left)
        ingress(c, s, p, nobody, valid, s_ready, s_room)
        for i in range(c.ports):
            sources[i].room = s_room[i]
            if valid[i] != 0 and s_ready[i] != 0:
                s.ports[i].offers_left -= 1
        for k in range(s.numbers[2]):
            row = left[k].packet
            q = p[row]
            if now >= measure_from:
                carried[q.input, left[k].port] += q.flits
            if q.born >= measure_from:
                delay = left[k].first - q.born - q.flits - alone
                delays[min(delay, len(delays) - 1)] += 1
            spare[n_spare[0]] = row
            n_spare[0] += 1
    return dst.shape[0]
