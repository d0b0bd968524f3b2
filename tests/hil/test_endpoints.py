# SPDX-License-Identifier: Apache-2.0
"""Endpoints of a board: loads, stores and atomics of the host through switch and link.

What is in a memory is read past its endpoint, through the windows, and held against bytes that
the test keeps by itself. A command of the host unit is one AXI access at its endpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from switchproof.models.endpoint.memory import operate
from switchproof.models.layout import AtomicOp, Status
from switchproof.tb.board import LINK_UP, Board, EndpointPort, Registers

#: The configuration of these tests, where PROFILE= names none.
PROFILE = "board2e"
pytestmark = [pytest.mark.hil, pytest.mark.endpoints, pytest.mark.short]
#: Bytes of a memory, and of a window of the relaxed region; those of the strict one are as twice as
#: large, so that half of it is in no memory.
SIZE = 4096
RELAXED, STRICT = 1 << 32, 2 << 32
#: Cycles until an access whose answer is lost ends.
TIMEOUT = 30_000
OKAY, SLVERR, DECERR = 0, 2, 3
#: Counters of what went wrong.
BAD = (
    "late_answers", "malformed_answers", "tag_timeouts", "reissued", "decode_errors",
    "slave_errors", "atomics_replayed", "atomics_unknown", "broken_requests", "refused_requests",
    "memory_errors", "collective_errors", "unknown_results", "broken_checks", "planes_dropped",
    "planes_closed", "planes_stray", "planes_down",
)  # fmt: skip
#: Seconds for what happens by itself.
PATIENCE = 60


def at(dst: int, address: int, base: int = RELAXED) -> int:
    """Return where an accelerator's memory lies in the address map of all endpoints."""
    return base + dst * (SIZE if base == RELAXED else 2 * SIZE) + address


def set_up(board: Board) -> list[EndpointPort]:
    """Reset the board, route between endpoints, program them; return them."""
    board.reset()
    for dst in range(board.config.ports):
        board.switch.write(f"fwd_all[{dst}]", valid=1, out=dst)
    for number, endpoint in enumerate(board.endpoints):
        regs = endpoint.registers
        regs.write("source", number)
        check = regs.read("checks")
        regs.write("control", seal=check, require=check)
        regs.write("tag_timeout", TIMEOUT)
        regs.write("reissue_delay", 300)
        regs.write("remember", 2 * TIMEOUT)
        for region, base in enumerate((RELAXED, STRICT)):
            window = (SIZE << region).bit_length() - 1
            regs.write(f"region[{region}].base_high", base >> 32)
            # Four destinations, of which two are nobody's.
            regs.write(
                f"region[{region}].entry", valid=1, strict=region, window_log2=window,
                size_log2=window + 2,
            )  # fmt: skip
    until(lambda: all(e.up() for e in board.endpoints), "endpoints see the switch")
    return board.endpoints


def until(done: Callable[[], bool], what: str) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"


def wrong(endpoint: EndpointPort) -> dict[str, int]:
    """Return the counters of an endpoint that tell of something wrong, and are not zero."""
    return {name: count for name, count in endpoint.registers.read_all(BAD).items() if count}


def fill(rng: np.random.Generator, endpoint: EndpointPort, address: int, size: int) -> bytearray:
    """Write random bytes into a memory; return them."""
    data = bytearray(rng.bytes(size))
    endpoint.write_memory(address, bytes(data))
    return data


# ------------------------------------------------------------------------------------ the tests


def test_endpoint_registers(board: Board) -> None:
    """What an endpoint is; every bit of its scratch register; what is refused is counted."""
    assert board.identify()["endpoints"] == board.config.endpoints >= 2
    set_up(board)
    board.registers.write("control", clear=1)
    refused = seen = 0
    for number, endpoint in enumerate(board.endpoints):
        regs = endpoint.registers
        shown = {
            "flit_width": board.config.flit_w,
            "data_width": 64,
            "plane_count": 1,
            "source": number,
        }
        assert regs.read_all(shown) == shown
        for bit in range(32):
            for word in (1 << bit, ~(1 << bit) & 0xFFFFFFFF):
                regs.write("scratch", word)
                assert regs.read("scratch") == word
        # Not there in the endpoint, behind it, and what can only be read.
        regs.write("command", clear=1)
        hole = next(a for a in range(0x7C, 0, -4) if regs.map.locate(a) is None)
        for address in (hole, 0x7FC):
            regs.write(address, 1)
            assert regs.read(address) == 0
        regs.write("requests", 1)
        assert regs.read("bad_accesses") == 5
        assert regs.read(0x800) == 0
        refused += 6
        # The host unit: none of the registers of a generator, nothing behind the last one, and
        # commands that cannot be done.
        base = f"port[{number}].mode"
        for address in (0x00, 0x9C, 0xD8):
            where = board.registers.map.address(base) + address
            board.registers.write(where, 1)
            assert board.registers.read(where) == 0
        endpoint.write("status", 1)
        assert endpoint.read("memory_bytes") == SIZE
        cannot = (
            (0, 0, at(0, 0)), (4, 8, at(0, 0)), (SIZE - 8, 16, at(0, 0)), (0, 2049, at(0, 0)),
            (1, 2048, at(0, 1)), (0, 16, at(0, SIZE - 8)),
        )  # fmt: skip
        for local, size, address in cannot:
            endpoint.begin_move("store", local, size, address)
            assert not endpoint.busy()
        endpoint.begin(op=3)
        assert not endpoint.busy()
        refused += 6 + 1 + len(cannot) + 1
        seen += 6 + 1 + len(cannot) + 1
    behind = board.endpoints[0].registers.base + 0x1000 * len(board.endpoints)
    assert board.bus.read(behind) == [0]
    assert board.registers.read("bus_errors") == refused + 1
    assert board.registers.read("bad_accesses") == seen
    assert all(wrong(endpoint) == {} for endpoint in board.endpoints)


def test_endpoint_reset(board: Board, seed: int) -> None:
    """In reset all of an endpoint is refused, but answered; its memory stays, the rest does not."""
    rng = np.random.default_rng(seed)
    endpoint = set_up(board)[0]
    kept = fill(rng, endpoint, 64, 64)
    endpoint.write("address_low", 0x1234)
    board.registers.write("control", reset=1, clear=1)
    assert endpoint.registers.read("magic") == 0
    endpoint.registers.write("scratch", 1)
    assert endpoint.read("memory_bytes") == 0
    endpoint.write("window", 4)
    window = board.registers.address("tx[0].word[0]")
    board.bus.write(window, [0])
    assert board.bus.read(board.registers.address("rx[0].word[0]")) == [0]
    assert board.registers.read("bus_errors") == 6
    board.reset()
    assert endpoint.registers.read("source") == endpoint.read("address_low") == 0
    assert endpoint.read_memory(64, 64) == kept


def test_memory_windows(board: Board, seed: int) -> None:
    """Words of a memory in order, whatever their address in the window, up to its end."""
    rng = np.random.default_rng(seed)
    set_up(board)
    board.registers.write("control", clear=1)
    for endpoint in board.endpoints:
        # A word at each power of two, and the last ones.
        places = [0, *(1 << n for n in range(2, SIZE.bit_length() - 1)), SIZE - 4]
        written = [rng.bytes(4) for _ in places]
        for address, word in zip(places, written):
            endpoint.write_memory(address, word)
        assert [endpoint.read_memory(address, 4) for address in places] == written
        # The window moves on, over its end too, and what is behind the memory is refused.
        last = rng.bytes(8)
        endpoint.write_memory(SIZE - 8, last + b"abcd")
        assert endpoint.read("window") == SIZE
        assert endpoint.read_memory(SIZE - 8, 12) == last + bytes(4)
    assert board.registers.read("bad_accesses") == 2 * len(board.endpoints)


def test_stores_and_loads(board: Board, seed: int) -> None:
    """Bursts of any bytes over boundaries of 256, from each endpoint to each, and back."""
    rng = np.random.default_rng(seed)
    endpoints = set_up(board)
    # What is moved lies behind what the others reach: around boundaries, `size` bytes each.
    first, size = 256 - 64, 512
    memory = [fill(rng, endpoint, first, 2 * size) for endpoint in endpoints]
    done = 0
    for source, endpoint in enumerate(endpoints):
        for dst in range(len(endpoints)):
            # One byte, a beat, some bytes, and three blocks but for some bytes.
            for count in (1, 8, int(rng.integers(2, 40)), size - int(rng.integers(8))):
                there = int(rng.integers(size - count + 1))
                lanes = there % 8
                here = size + 8 * int(rng.integers((size - count - lanes) // 8 + 1)) + lanes
                base = RELAXED if rng.integers(2) else STRICT
                op = "load" if rng.integers(2) else "store"
                assert endpoint.move(op, first + here, count, at(dst, first + there, base)) == OKAY
                if op == "store":
                    memory[dst][there : there + count] = memory[source][here : here + count]
                else:
                    memory[source][here : here + count] = memory[dst][there : there + count]
                done += 1
    for endpoint, expected in zip(endpoints, memory):
        assert endpoint.read_memory(first, 2 * size) == expected
        assert wrong(endpoint) == {}
    counts = [e.registers.read_all(("requests", "answers", "loads", "stores")) for e in endpoints]
    total = {name: sum(count[name] for count in counts) for name in counts[0]}
    assert total["requests"] == total["answers"] == total["loads"] + total["stores"] >= done


def test_words(board: Board, seed: int) -> None:
    """Words of 32 and 64 bits at every address of a bus word: bytes keep their lanes."""
    rng = np.random.default_rng(seed)
    endpoints = set_up(board)
    for source, dst in ((0, 1), (1, 0)):
        expected = fill(rng, endpoints[dst], 240, 32)
        for wide, size in ((0, 4), (1, 8)):
            for offset in range(8):
                address = 240 + 8 + offset
                aligned, skipped = address - address % size, address % size
                value = int.from_bytes(rng.bytes(8), "little")
                word = value.to_bytes(8, "little")[skipped:size]
                found = endpoints[source].word("store", at(dst, address), value, wide=wide)
                assert found.resp == OKAY
                expected[aligned + skipped - 240 : aligned + size - 240] = word
                found = endpoints[source].word("load", at(dst, address), wide=wide)
                assert found.resp == OKAY
                assert found.result.to_bytes(8, "little")[skipped:size] == word
        assert endpoints[dst].read_memory(240, 32) == expected
    assert all(wrong(endpoint) == {} for endpoint in endpoints)


def test_atomics(board: Board, seed: int) -> None:
    """Every kind in both widths, from both sides of the link, against the golden model."""
    rng = np.random.default_rng(seed)
    endpoints = set_up(board)
    for source, dst in ((0, 1), (1, 0)):
        # Values that are often equal and of either sign, or nothing of it would be seen.
        expected = bytearray(rng.choice([0, 1, 0x7F, 0x80, 0xFF], 64).astype(np.uint8).tobytes())
        endpoints[dst].write_memory(0, bytes(expected))
        for kind in AtomicOp:
            for wide, size in ((0, 4), (1, 8)):
                address = size * int(rng.integers(64 // size))
                old = int.from_bytes(expected[address : address + size], "little")
                operand = int.from_bytes(rng.bytes(size), "little")
                compare = old if rng.integers(2) else old ^ 1 << int(rng.integers(8 * size))
                quiet = int(rng.integers(4) == 0)
                found = endpoints[source].word(
                    "atomic", at(dst, address), operand, compare=compare, kind=int(kind),
                    wide=wide, quiet=quiet,
                )  # fmt: skip
                assert (found.status, found.decerr, found.timeout) == (Status.OK, 0, 0)
                assert found.result == (0 if quiet else old), kind.name
                new = operate(int(kind), old, operand, compare, 8 * size)
                expected[address : address + size] = new.to_bytes(size, "little")
        assert endpoints[dst].read_memory(0, 64) == expected
        assert endpoints[dst].registers.read("atomics") == 2 * len(AtomicOp)
    assert all(wrong(endpoint) == {} for endpoint in endpoints)


def test_refused_accesses(board: Board, seed: int) -> None:
    """Each error that a program can meet: its response or status, and who counts it."""
    rng = np.random.default_rng(seed)
    endpoints = set_up(board)
    asking, asked = endpoints
    kept = fill(rng, asked, 0, 32)

    def counted(**expected: int) -> None:
        """Assert which counters went up at both endpoints since the last call."""
        there = {"memory_errors", "refused_requests"}
        assert wrong(asking) == {n: v for n, v in expected.items() if n not in there}
        assert wrong(asked) == {n: v for n, v in expected.items() if n in there}
        for endpoint in endpoints:
            endpoint.registers.write("command", clear=1)

    # In no region: nothing is sent.
    assert asking.move("load", 0, 16, 3 << 32) == DECERR
    assert asking.word("store", 3 << 32).resp == DECERR
    found = asking.word("atomic", 3 << 32)
    assert (found.status, found.decerr) == (Status.DST, 1)
    assert asking.registers.read("requests") == 0
    counted(decode_errors=3)
    # A destination that nobody has.
    assert asking.word("load", at(2, 0)).resp == DECERR
    assert asking.word("store", at(3, 0)).resp == DECERR
    assert asking.word("atomic", at(2, 0)).status == Status.DST
    counted(decode_errors=3)
    # Behind the memory.
    assert asking.move("load", 0, 16, at(1, SIZE, STRICT)) == SLVERR
    assert asking.word("store", at(1, SIZE, STRICT)).resp == SLVERR
    assert asking.word("atomic", at(1, SIZE, STRICT)).status == Status.MEMORY
    counted(slave_errors=3, memory_errors=3)
    # Atomics that are none.
    assert asking.word("atomic", at(1, 4), wide=1).status == Status.LEN
    assert asking.word("atomic", at(1, 0), kind=15).status == Status.OP
    counted(slave_errors=2, refused_requests=2)
    # Another partition: what is behind the link is not for the others.
    board.switch.write("rights[0].partitions", mask=2)
    board.switch.write("control", clear=1)
    for endpoint, dst in ((asking, 1), (asked, 0)):
        assert endpoint.word("load", at(dst, 0)).resp == DECERR
        assert endpoint.word("store", at(dst, 0), 1).resp == DECERR
        assert endpoint.word("atomic", at(dst, 0), 1).status == Status.PARTITION
    assert [board.switch.read(f"port[{p}].refused_partition") for p in (0, 1)] == [3, 3]
    for endpoint in endpoints:
        assert wrong(endpoint) == {"decode_errors": 3}
    # All is as it was, and goes on.
    board.switch.write("rights[0].partitions", mask=1)
    assert asked.read_memory(0, 32) == kept
    assert asking.word("load", at(1, 8), wide=1).result.to_bytes(8, "little") == kept[8:16]


def both(link: tuple[Registers, Registers], state: int) -> bool:
    """Return whether both ends of a link are in a state."""
    return all(end.fields("status")["state"] == state for end in link)


def cycles_of(board: Board, endpoint: EndpointPort) -> int:
    """Return the cycles until a command ends, or a little more."""
    begin = board.cycles()
    until(lambda: not endpoint.busy(), "the command ends")
    return board.cycles() - begin


@pytest.mark.parametrize("way", [0, 1])
def test_unplugged_for_a_moment(board: Board, seed: int, way: int) -> None:
    """The cable, one way or the other, is out for longer than an access waits, but shorter than the
    link waits: the access ends with its time-out, and what it asked for is done once, later.
    """
    rng = np.random.default_rng(seed)
    endpoints = set_up(board)
    link = board.links[0]
    for end in link:
        end.write("limits", train_beats=8, replay=8, retrain=255)
        end.write("age_cycles", 0xFFFFFF)
        end.write("dead_cycles", 2_000)
    kept = [fill(rng, endpoint, 0, 32) for endpoint in endpoints]
    late = 0
    link[way].write("control", enable=1, silent=15)
    until(lambda: link[1 - way].read("link_dead") > 0, "nothing is heard")
    for source, endpoint in enumerate(endpoints):
        dst = 1 - source
        operand = int(rng.integers(1, 1 << 31))
        endpoint.begin_word("load", at(dst, 24), wide=1)
        assert cycles_of(board, endpoint) >= TIMEOUT // 2
        assert endpoint.end().resp == SLVERR
        endpoint.begin_word("atomic", at(dst, 0), operand, wide=1)
        until(lambda e=endpoint: not e.busy(), "the atomic ends")
        found = endpoint.end()
        assert (found.status, found.timeout) == (Status.UNKNOWN, 1)
        assert wrong(endpoint) == {"tag_timeouts": 2, "slave_errors": 2}
        old = int.from_bytes(kept[dst][:8], "little")
        kept[dst][:8] = ((old + operand) % (1 << 64)).to_bytes(8, "little")
        late += 2
    # Its own memory an endpoint reaches through the switch: only port 0 is cut off.
    assert endpoints[1].word("load", at(1, 8), wide=1).result.to_bytes(8, "little") == kept[1][8:16]
    link[way].write("control", enable=1)
    until(lambda: both(link, LINK_UP), "up again")
    until(
        lambda: sum(e.registers.read("late_answers") for e in endpoints) == late,
        "the answers come, too late",
    )
    for dst, endpoint in enumerate(endpoints):
        assert endpoint.read_memory(0, 32) == kept[dst]
        assert endpoint.registers.read("atomics") == 1
        found = endpoints[1 - dst].word("load", at(dst, 0), wide=1)
        assert (found.resp, found.result.to_bytes(8, "little")) == (OKAY, kept[dst][:8])
        assert wrong(endpoint) == {"tag_timeouts": 2, "slave_errors": 2, "late_answers": 2}
    for end in link:
        assert end.read("lost_packets") == end.read("link_flush") == 0


@pytest.mark.parametrize("way", [0, 1])
def test_unplugged_and_replugged(board: Board, seed: int, way: int) -> None:
    """The cable is out until the link is down: accesses over it end with an error, each in its way,
    nothing hangs, others go on; when it is in again all is as before.
    """
    rng = np.random.default_rng(seed)
    endpoints = set_up(board)
    near, far = endpoints
    link = board.links[0]
    for end in link:
        end.write("keepalive_cycles", 200)
        end.write("age_cycles", 4_000)
        end.write("dead_cycles", 1_000)
    kept = [fill(rng, endpoint, 0, 32) for endpoint in endpoints]
    for _ in range(2):
        for endpoint in endpoints:
            endpoint.registers.write("command", clear=1)
        link[way].write("control", enable=1, silent=15)
        until(lambda: not any(both((end, end), LINK_UP) for end in link), "both ends leave UP")
        until(lambda: not near.up(), "the endpoint sees it")
        # Who is cut off has no plane: what it asks for ends with its time, never sent.
        near.begin_word("store", at(1, 0), 1)
        assert cycles_of(board, near) >= TIMEOUT // 2
        assert near.end().resp == SLVERR
        near.begin_move("load", 0, 32, at(1, 0))
        until(lambda: not near.busy(), "the load ends")
        assert near.end().resp == SLVERR
        near.begin_word("atomic", at(1, 0), 1)
        until(lambda: not near.busy(), "the atomic ends")
        found = near.end()
        assert (found.status, found.timeout) == (Status.TIMEOUT, 1)
        assert near.registers.read("requests") == 0
        assert wrong(near) == {"tag_timeouts": 3, "slave_errors": 3, "planes_down": 1}
        # The others learn at once, of the switch, that nobody is there.
        assert far.word("load", at(0, 0)).resp == DECERR
        assert far.word("store", at(0, 0), 1).resp == DECERR
        assert far.word("atomic", at(0, 0), 1).status == Status.DST
        assert wrong(far) == {"decode_errors": 3}
        assert far.word("load", at(1, 8), wide=1).result.to_bytes(8, "little") == kept[1][8:16]
        # In again.
        link[way].write("control", enable=1)
        until(lambda: both(link, LINK_UP), "up again")
        until(near.up, "the endpoint sees it")
        for source, dst in ((0, 1), (1, 0)):
            old = int.from_bytes(kept[dst][16:24], "little")
            found = endpoints[source].word("atomic", at(dst, 16), 1, wide=1)
            assert (found.status, found.result) == (Status.OK, old)
            kept[dst][16:24] = ((old + 1) % (1 << 64)).to_bytes(8, "little")
            assert endpoints[dst].read_memory(0, 32) == kept[dst]
            assert endpoints[dst].registers.read("atomics") == 1
    for name in ("atomics_replayed", "atomics_unknown", "late_answers"):
        assert all(endpoint.registers.read(name) == 0 for endpoint in endpoints)


def test_random_mix(board: Board, seed: int) -> None:
    """Loads, stores and atomics of all endpoints, each in a part of every memory of its own, at the
    same time; every result, and all bytes in the end.
    """
    rng = np.random.default_rng(seed)
    endpoints = set_up(board)
    # Around a boundary; endpoint n works in bytes 64n on, and keeps what it moves behind these.
    first, size, share = 256 - 64, 64 * (len(endpoints) + 1), 64
    memory = [fill(rng, endpoint, first, size) for endpoint in endpoints]
    for _ in range(20):
        begun = []
        for source, endpoint in enumerate(endpoints):
            dst = int(rng.integers(len(endpoints)))
            base = RELAXED if rng.integers(2) else STRICT
            there = share * source + 8 * int(rng.integers(share // 8))
            whole = bytes(memory[dst][there : there + 8])
            wide = int(rng.integers(2))
            part = slice(there, there + (8 if wide else 4))
            want = None
            what = int(rng.integers(4))
            if what == 0:
                value = int.from_bytes(rng.bytes(8), "little")
                endpoint.begin_word("store", at(dst, first + there, base), value, wide=wide)
                memory[dst][part] = value.to_bytes(8, "little")[: 8 if wide else 4]
            elif what == 1:
                endpoint.begin_word("load", at(dst, first + there, base), wide=wide)
                want = int.from_bytes(whole if wide else whole[:4], "little")
            elif what == 2:
                kind = int(rng.integers(len(AtomicOp)))
                value, compare = (int.from_bytes(rng.bytes(8), "little") for _ in range(2))
                want = int.from_bytes(memory[dst][part], "little")
                endpoint.begin_word(
                    "atomic", at(dst, first + there, base), value, compare, kind=kind, wide=wide
                )
                bits = 64 if wide else 32
                new = operate(kind, want, value, compare, bits)
                memory[dst][part] = new.to_bytes(bits // 8, "little")
            else:
                own = size - share + 8 * int(rng.integers(share // 8)) + int(rng.integers(8))
                there += own % 8
                count = int(rng.integers(1, 1 + min(size - own, share * (source + 1) - there)))
                endpoint.begin_move("load", first + own, count, at(dst, first + there, base))
                memory[source][own : own + count] = memory[dst][there : there + count]
            begun.append((endpoint, what, want))
        for endpoint, what, want in begun:
            found = endpoint.end()
            assert (found.resp, found.status) == (OKAY, Status.OK)
            assert want is None or found.result == want, what
    for endpoint, expected in zip(endpoints, memory):
        assert endpoint.read_memory(first, size) == expected
        assert wrong(endpoint) == {}
