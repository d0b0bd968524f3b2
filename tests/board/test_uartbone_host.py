# SPDX-License-Identifier: Apache-2.0
"""The host's side of the bridge against a small board in Python, healthy and not."""

from __future__ import annotations

import random
import sys
import types
from collections import Counter
from typing import Any

import pytest

from switchproof.tb import uartbone
from switchproof.tb.uartbone import BridgeError, UartBone


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the host side a clock of its own."""
    clock = Clock()
    monkeypatch.setattr(uartbone, "time", clock)
    return clock


class FakeBoard:
    """A board as slow as it may be: it obeys what follows a read only when somebody takes answers.

    ``limit`` bytes are answered in all, then it is dead. ``writes`` are the pieces that came.
    """

    def __init__(self, clock: Clock, limit: int = 1 << 40) -> None:
        self.clock = clock
        self.limit = limit
        self.memory: dict[int, int] = {}
        self.fifo: list[int] = []
        self.queue = bytearray()
        self.out = bytearray()
        self.writes: list[bytes] = []
        self.commands: Counter[int] = Counter()
        self.most = 0
        self.piece = 1 << 20
        self.last_byte = 0.0

    @property
    def in_waiting(self) -> int:
        return len(self.out)

    def write(self, data: bytes) -> int:
        data = data[: self.piece]
        if self.clock.now - self.last_byte > 0.04:
            self.queue.clear()  # gives up what it is in the middle of
        self.last_byte = self.clock.now
        self.writes.append(data)
        self.queue += data
        while not self.out and self.step():
            pass
        self.most = max(self.most, len(self.queue))
        return len(data)

    def read(self, size: int) -> bytes:
        while len(self.out) < size and self.step():
            pass
        size = min(size, self.limit, 7)  # a port gives what it has
        got = bytes(self.out[:size])
        del self.out[:size]
        self.limit -= len(got)
        if not got:
            self.clock.now += uartbone.POLL
        return got

    def step(self) -> bool:
        """Obey one command; return whether there was one."""
        if len(self.queue) < 6:
            return False
        code, count = self.queue[0], self.queue[1] or 256
        word = int.from_bytes(self.queue[2:6], "big")
        size = 6 + (4 * count if code in (1, 3) else 0)
        if len(self.queue) < size:
            return False
        data = self.queue[6:size]
        del self.queue[:size]
        self.commands[code] += 1
        for i in range(count):
            at = word + (i if code < 3 else 0)
            if code in (1, 3):
                value = int.from_bytes(data[4 * i : 4 * i + 4], "big")
                self.memory[at] = value
                if code == 3:
                    self.fifo.append(value)
            else:
                value = self.fifo.pop(0) if code == 4 else self.memory.get(at, at)
                self.out += value.to_bytes(4, "big")
        return True


@pytest.fixture
def board(clock: Clock) -> FakeBoard:
    return FakeBoard(clock)


def test_host_words(board: FakeBoard) -> None:
    """What is written is read, by single words, bursts and many."""
    host = UartBone(board)
    rng = random.Random(1)
    want: dict[int, int] = {}
    for count in (1, 2, 255, 256, 257, 700):
        address = 4 * rng.randrange(1 << 20)
        words = [rng.getrandbits(32) for _ in range(count)]
        host.write(address, words)
        want.update({address + 4 * i: word for i, word in enumerate(words)})
        assert host.read(address, count) == words
    host.write(0x100, 7)
    assert host.read(0x100) == [7]
    some = rng.sample(sorted(want), 200)
    assert host.read_many(some) == [want[address] for address in some]
    host.write_many([(4 * i, i ^ 0x55) for i in range(50)])
    assert host.read(0, 50) == [i ^ 0x55 for i in range(50)]
    assert host.read_many([]) == [] and host.read(0, 0) == []
    host.write(0, [])
    assert host.stale_bytes == 0


def test_host_fixed(board: FakeBoard) -> None:
    """A fixed address: all words go through it, in order."""
    host = UartBone(board)
    words = list(range(1000, 1600))
    host.write(0x40, words, fixed=True)
    assert host.read(0x40, 600, fixed=True) == words
    assert board.commands == {3: 3, 4: 3}
    assert set(board.memory) == {0x10}


def test_host_encoding(board: FakeBoard) -> None:
    """The bytes of each command, spelled out."""
    host = UartBone(board)
    host.write(0x1234_5678, [0xA1B2_C3D4, 5])
    host.write(0xFFFF_FFFC, 1, fixed=True)
    host.read(0x1234_5678, 256)
    host.read(0x10, 1)
    assert [w.hex() for w in board.writes] == [
        "0102048d159ea1b2c3d400000005",
        "03013fffffff00000001",
        "0200048d159e",
        "020100000004",
    ]


def test_host_one_piece(board: FakeBoard) -> None:
    """A long write is one write to the operating system; a short count of it is gone on with."""
    host = UartBone(board)
    host.write(0, list(range(1000)))
    host.write_many([(4 * i, i) for i in range(100)])
    assert [len(w) for w in board.writes] == [4000 + 4 * 6, 1000]
    board.piece = 100
    host.write(0x4000, list(range(77)))
    assert host.read(0x4000, 77) == list(range(77))


@pytest.mark.parametrize("window", [6, 64, 600])
def test_host_window(board: FakeBoard, window: int) -> None:
    """Commands whose answers are outstanding never fill more than the window; it is made use of."""
    host = UartBone(board, window=window)
    assert host.read_many(range(0, 4000, 4)) == list(range(1000))
    assert window - 6 - 5 <= board.most <= window
    assert len(board.writes) <= 1000 * 6 / max(6, window // 2 - 6) + 2
    # Answers that take longer than their commands: only what the board is sure to keep.
    board.most = 0
    assert host.read(0, 256 * 30) == list(range(256 * 30))
    window = min(window, uartbone.RX_DEPTH)
    assert window - 6 - 5 <= board.most <= window


def test_host_dead_board(clock: Clock, board: FakeBoard) -> None:
    """A board that does not answer: an error in time that says what to check."""
    board.limit = 0
    host = UartBone(board, where="/dev/ttyX at 9600 baud", timeout=0.5)
    with pytest.raises(BridgeError) as error:
        host.read(0x80)
    text = str(error.value)
    assert "\n" not in text
    for word in ("/dev/ttyX at 9600 baud", "0x00000080", "0.5 s", "port", "baud rate", "power"):
        assert word in text
    assert clock.now < 1


def test_host_answer_stops(clock: Clock, board: FakeBoard) -> None:
    """An answer that stops in the middle says so; the next access finds the board again."""
    host = UartBone(board)
    board.limit = 13
    with pytest.raises(BridgeError, match="stopped after 13 of 40 bytes"):
        host.read(0, 10)
    board.limit = 1 << 40
    before = clock.now
    # The rest of the answer comes late, and is dropped.
    assert board.out
    assert host.read(0x20, 3) == [8, 9, 10]
    assert host.stale_bytes == 27
    assert clock.now - before > 0.04


def test_host_resync(clock: Clock, board: FakeBoard) -> None:
    """The board is in mid-command, by a host that died: resync gets it out."""
    board.write(bytes([1, 3, 0, 0]))
    board.out += b"rubbish"
    host = UartBone(board)
    host.resync()
    assert host.stale_bytes == 7
    host.write(0, 9)
    assert host.read(0) == [9]
    assert board.memory == {0: 9}


def test_host_stale_bytes(board: FakeBoard) -> None:
    """Bytes that came without being asked for are no answer."""
    board.out += b"abc"
    host = UartBone(board)
    assert host.read(4) == [1]
    assert host.stale_bytes == 3


class Babbler:
    """A line on which something sends all the time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @property
    def in_waiting(self) -> int:
        # Now and then all that came was read.
        return int(self.clock.now * 1e4) % 3

    def read(self, size: int) -> bytes:
        self.clock.now += 0.00013
        return bytes(size)

    def write(self, data: bytes) -> int:
        return len(data)


def test_host_babble(clock: Clock) -> None:
    """A line that never falls silent is an error, not a hang."""
    host = UartBone(Babbler(clock))
    with pytest.raises(BridgeError, match="without being asked"):
        host.resync()
    assert clock.now < 10


@pytest.mark.parametrize(
    ("method", "access"),
    [
        ("read", lambda host: host.read(0)),
        ("write", lambda host: host.read(0)),
        ("write", lambda host: host.write(0, 1)),
        ("in_waiting", lambda host: host.read(0)),
        ("in_waiting", lambda host: host.write(0, 1)),
        ("in_waiting", lambda host: host.resync()),
    ],
)
def test_host_port_gone(
    board: FakeBoard, monkeypatch: pytest.MonkeyPatch, method: str, access: Any
) -> None:
    """A cable that is pulled becomes one clear line."""

    def gone(*_: Any) -> int:
        raise OSError("device disconnected")

    host = UartBone(board, where="COM7")
    monkeypatch.setattr(FakeBoard, method, property(gone) if method == "in_waiting" else gone)
    with pytest.raises(BridgeError, match=r"COM7.*device disconnected.*cable"):
        access(host)


@pytest.mark.parametrize(
    "call",
    [
        lambda host: host.read(2),
        lambda host: host.read(-4),
        lambda host: host.read(1 << 32),
        lambda host: host.read(0xFFFF_FFFC, 2),
        lambda host: host.read(0, -1),
        lambda host: host.write(0, 1 << 32),
        lambda host: host.write(0, [-1]),
        lambda host: host.write(1, 0),
        lambda host: host.read_many([0, 3]),
        lambda host: host.write_many([(0, 1), (3, 1)]),
        lambda host: UartBone(host.line, window=5),
    ],
)
def test_host_bad_arguments(board: FakeBoard, call: Any) -> None:
    """What cannot be sent is refused before anything is."""
    with pytest.raises(ValueError):
        call(UartBone(board))
    assert board.writes == []


def test_host_open(monkeypatch: pytest.MonkeyPatch, board: FakeBoard) -> None:
    """Opening: no pyserial, no port, and a port; pyserial is not needed for any of it."""
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(BridgeError, match="pip install pyserial"):
        UartBone.open("/dev/none")
    serial, tools, ports = (types.ModuleType(n) for n in ("serial", "tools", "list_ports"))
    opened: dict[str, Any] = {}

    def serial_for_url(port: str, **how: Any) -> FakeBoard:
        opened.update(port=port, **how)
        if port == "/dev/none":
            raise OSError(2, "could not open port /dev/none: no such file\nand more")
        return board

    serial.serial_for_url = serial_for_url  # type: ignore[attr-defined]
    ports.comports = list  # type: ignore[attr-defined]
    for name, module in (("", serial), (".tools", tools), (".tools.list_ports", ports)):
        monkeypatch.setitem(sys.modules, f"serial{name}", module)
    with pytest.raises(BridgeError) as error:
        UartBone.open("/dev/none")
    assert "no such file" in str(error.value) and "no serial port here" in str(error.value)
    assert "\n" not in str(error.value)
    port = types.SimpleNamespace(device="/dev/ttyUSB0", description="ULX3S")
    ports.comports = lambda: [port]  # type: ignore[attr-defined]
    with pytest.raises(BridgeError, match=r"ports here: /dev/ttyUSB0 \(ULX3S\)"):
        UartBone.open("/dev/none", 115_200)
    with UartBone.open("/dev/ttyUSB0", 1_000_000, timeout=3) as host:
        assert host.read(8) == [2]
        assert host.where == "/dev/ttyUSB0 at 1000000 baud" and host.timeout == 3
    assert opened["port"] == "/dev/ttyUSB0" and opened["baudrate"] == 1_000_000
