# SPDX-License-Identifier: Apache-2.0
"""The host's side of the board bridge: registers over a UART (docs/board-bridge.md).

Works over anything with pyserial's ``read``, ``write`` and ``in_waiting``; pyserial itself is only
needed by :meth:`UartBone.open`. The protocol has no acknowledge: a read answers, a write does not,
and what the bus refused is counted by the board.
"""

from __future__ import annotations

import contextlib
import importlib
import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol

#: First byte of a command, by (write, fixed address).
CODES = {(True, False): 1, (False, False): 2, (True, True): 3, (False, True): 4}
#: Words of the longest command.
MAX_WORDS = 256
#: Bytes of a command before its data.
HEAD = 6
#: Bytes that the board keeps while an answer leaves (RX_DEPTH of sp_uartbone).
RX_DEPTH = 64
#: Seconds of silence after which the board gives a command up (TIMEOUT_US of sp_uartbone).
BOARD_TIMEOUT = 0.04
#: Seconds that one read of the line may block.
POLL = 0.05


class BridgeError(RuntimeError):
    """The board cannot be reached; the text says what to check."""


class Line(Protocol):
    """What is used of a serial port; ``read`` returns less than asked for when time is up."""

    @property
    def in_waiting(self) -> int:
        """Bytes that have come and were not read."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, after a while also none."""

    def write(self, data: bytes, /) -> int | None:
        """Send bytes."""


def head(address: int, count: int, *, write: bool, fixed: bool = False) -> bytes:
    """Return the six bytes that begin a command of 1..256 words at a byte address."""
    return struct.pack(">BBI", CODES[write, fixed], count % MAX_WORDS, address // 4)


class UartBone:
    """Reads and writes 32-bit words at byte addresses.

    ``timeout``: seconds without a byte after which an answer is given up.
    ``board_timeout``: seconds after which the board gives up a command, for :meth:`resync`.
    ``window``: bytes of commands whose answers may be outstanding. More than RX_DEPTH is used for
    reads of one word only: their answers are shorter than their commands, so the board keeps up
    with any number of them. It pays where an exchange takes long, as on USB.
    ``where``: what to call the line in messages.

    After a BridgeError the next access begins with :meth:`resync`.
    """

    def __init__(
        self,
        line: Line,
        *,
        timeout: float = 1.0,
        board_timeout: float = BOARD_TIMEOUT,
        window: int = RX_DEPTH,
        where: str = "the board",
    ) -> None:
        if window < HEAD:
            raise ValueError(f"window = {window} bytes is less than one command of {HEAD}")
        self.line = line
        self.timeout = timeout
        self.board_timeout = board_timeout
        self.window = window
        self.where = where
        #: Bytes that came without being asked for, and were dropped.
        self.stale_bytes = 0
        self._broken = False

    @classmethod
    def open(cls, port: str, baud: int = 3_000_000, **options: Any) -> UartBone:
        """Open a port by name or pyserial URL; ``options`` as for the class."""
        try:
            serial = importlib.import_module("serial")
        except ImportError:
            raise BridgeError("pyserial is not installed: python -m pip install pyserial") from None
        try:
            line = serial.serial_for_url(port, baudrate=baud, timeout=POLL, write_timeout=5.0)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BridgeError(f"cannot open {port}: {reason}; {_ports()}") from None
        # FTDI chips hold bytes back for 16 ms otherwise; other ports do not know the mode.
        with contextlib.suppress(AttributeError, OSError, ValueError, NotImplementedError):
            line.set_low_latency_mode(True)
        options.setdefault("where", f"{port} at {baud} baud")
        return cls(line, **options)

    def close(self) -> None:
        """Close the line, if it can be closed."""
        close = getattr(self.line, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> UartBone:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------ accesses

    def read(self, address: int, count: int = 1, fixed: bool = False) -> list[int]:
        """Return ``count`` words from ``address`` on, or all from that one address if ``fixed``.

        Raises BridgeError when no answer comes, ValueError for what is no address.
        """
        parts = _parts(address, count, fixed)
        return self._ask([(head(a, n, write=False, fixed=fixed), n) for a, _, n in parts])

    def read_many(self, addresses: Iterable[int]) -> list[int]:
        """Return one word from each address, in order, without waiting for one before the next."""
        asked = []
        for address in addresses:
            _check(address, 1)
            asked.append((head(address, 1, write=False), 1))
        return self._ask(asked)

    def write(self, address: int, words: int | Sequence[int], fixed: bool = False) -> None:
        """Write a word or words from ``address`` on, or all to that one address if ``fixed``.

        All goes to the line in one piece. Returns when the line has taken it: a read behind it
        shows that it is done. Raises ValueError for what is no word or no address.
        """
        if not hasattr(words, "__len__"):
            words = (words,)
        data = _pack(words)  # type: ignore[arg-type]
        self._send(
            b"".join(
                head(a, n, write=True, fixed=fixed) + data[4 * i : 4 * (i + n)]
                for a, i, n in _parts(address, len(data) // 4, fixed)
            )
        )

    def write_many(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Write one word to each address, in order, in one piece."""
        sent = []
        for address, word in pairs:
            _check(address, 1)
            sent.append(head(address, 1, write=True) + _pack((word,)))
        self._send(b"".join(sent))

    def resync(self) -> None:
        """Wait until the board has given up what it may be in the middle of; drop what it says.

        Raises BridgeError when the line does not fall silent.
        """
        try:
            _sleep(1.25 * self.board_timeout)
            # Between the bytes of an answer there is no pause: what is silent this long is done.
            quiet = max(POLL, self.board_timeout / 8)
            end = time.monotonic() + max(5.0, 4 * quiet)
            since = time.monotonic()
            while time.monotonic() - since < quiet:
                if self._drop():
                    since = time.monotonic()
                if time.monotonic() > end:
                    raise BridgeError(
                        f"{self.where} sends without being asked, and does not stop: is it the "
                        "right port, and the right baud rate?"
                    )
                _sleep(quiet / 8)
        except OSError as error:
            raise self._gone(error) from error
        self._broken = False

    # ------------------------------------------------------------------------------- the line

    def _drop(self) -> int:
        """Drop what has come; return how many bytes."""
        dropped = 0
        while waiting := self.line.in_waiting:
            got = len(self.line.read(waiting))
            dropped += got
            if not got:
                break
        self.stale_bytes += dropped
        return dropped

    def _ready(self) -> None:
        """Begin an access: nothing of an earlier one may be left."""
        if self._broken:
            self.resync()
        else:
            self._drop()

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            taken = self.line.write(bytes(view))
            view = view[len(view) if taken is None else taken :]

    def _send(self, data: bytes) -> None:
        if not data:
            return
        try:
            self._ready()
            self._put(data)
        except OSError as error:
            raise self._gone(error) from error

    def _ask(self, asked: Sequence[tuple[bytes, int]]) -> list[int]:
        """Send commands that read, a window of them ahead; return all words."""
        if not asked:
            return []
        answer = bytearray()
        sent: deque[tuple[bytes, int]] = deque()
        ahead = 0
        window = self.window
        if any(count > 1 for _, count in asked):
            window = min(window, RX_DEPTH)
        rest: Iterator[tuple[bytes, int]] = iter(asked)
        following = next(rest, None)
        try:
            self._ready()
            while sent or following:
                # Refill in larger pieces: a write to the operating system costs more than bytes.
                if ahead <= window // 2:
                    piece = []
                    while following and ahead + HEAD <= window:
                        piece.append(following[0])
                        sent.append(following)
                        ahead += HEAD
                        following = next(rest, None)
                    if piece:
                        self._put(b"".join(piece))
                command, count = sent.popleft()
                answer += self._get(4 * count, command)
                ahead -= HEAD
        except OSError as error:
            raise self._gone(error) from error
        return list(struct.unpack(f">{len(answer) // 4}I", answer))

    def _get(self, size: int, command: bytes) -> bytes:
        """Return the answer to a command."""
        got = bytearray()
        last = time.monotonic()
        while len(got) < size:
            piece = self.line.read(size - len(got))
            now = time.monotonic()
            if piece:
                got += piece
                last = now
            elif now - last >= self.timeout:
                self._broken = True
                address = 4 * struct.unpack(">I", command[2:6])[0]
                what = (
                    f"the answer to a read of {address:#010x} stopped after {len(got)} of {size} "
                    "bytes"
                    if got
                    else f"no answer to a read of {address:#010x}"
                )
                raise BridgeError(
                    f"{self.where}: {what} within {self.timeout:g} s. Is this the board's port, is "
                    "the baud rate that of its bitstream, has it power and is its bitstream loaded?"
                )
        return bytes(got)

    def _gone(self, error: OSError) -> BridgeError:
        self._broken = True
        reason = str(error) or type(error).__name__
        return BridgeError(
            f"{self.where}: the port fails ({reason}). Is the cable plugged in, and does no other "
            "program use the port?"
        )


def _sleep(seconds: float) -> None:
    if seconds > 0:
        time.sleep(seconds)


def _check(address: int, count: int) -> None:
    """Raise ValueError unless ``count`` words are at this byte address."""
    if address % 4 or address < 0 or address + 4 * count > 1 << 32:
        raise ValueError(f"{count} words at {address:#x}: not word addresses of 32 bits")


def _parts(address: int, count: int, fixed: bool) -> list[tuple[int, int, int]]:
    """Return (address, first word, words) of each command of a long access."""
    if count < 0:
        raise ValueError(f"{count} words")
    _check(address, 1 if fixed else count)
    return [
        (address if fixed else address + 4 * i, i, min(MAX_WORDS, count - i))
        for i in range(0, count, MAX_WORDS)
    ]


def _pack(words: Sequence[int]) -> bytes:
    try:
        return struct.pack(f">{len(words)}I", *words)
    except struct.error:
        raise ValueError("a word is not an integer in 0..2**32-1") from None


def _ports() -> str:
    """Return which serial ports there are."""
    try:
        listed = importlib.import_module("serial.tools.list_ports").comports()
    except (ImportError, OSError, AttributeError):
        listed = []
    names = ", ".join(f"{port.device} ({port.description})" for port in listed)
    return f"ports here: {names}" if names else "there is no serial port here: is the cable in?"
