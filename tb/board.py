# SPDX-License-Identifier: Apache-2.0
"""A board as the suite sees it: registers by name, a pipe of packets, and the bench around them.

Nothing here knows whether the board is real: a :class:`Bus` reads and writes words, over the UART
(:class:`switchproof.tb.uartbone.UartBone`) or through LiteX's server (:class:`LitexBus`).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from switchproof.models import csr, link_format, packet
from switchproof.models.crossbar import Switch
from switchproof.models.csr import CsrMap
from switchproof.models.layout import MAX_EXT, MAX_UNITS, UNIT_BYTES
from switchproof.models.packet import FLAG_ERR, PACKET, Packets
from switchproof.models.profiles import Config

from . import traffic as patterns
from .bench import Bench
from .description import Description
from .pipes import STATS, Pipe, PipeError, Stalls, Violation, concatenate
from .scoreboard import Checker, check_violations

#: Where the board's own registers begin; the switch's begin at 0.
BOARD_BASE = 0x4000000
#: Where the registers of the ends of links begin, and how far apart they are.
LINK_BASE = 0x4040000
LINK_STRIDE = 0x1000
#: The same of endpoints.
ENDPOINT_BASE = 0x4080000
ENDPOINT_STRIDE = 0x1000
#: What the register `magic` of a board shows.
MAGIC = 0x53504244
#: What that of an end of a link shows.
LINK_MAGIC = 0x53504C4B
#: What that of an endpoint shows.
ENDPOINT_MAGIC = 0x53504550
#: The major version of the maps of board, link and endpoint that this software fits.
MAJOR = 1
#: The state of a link that carries packets.
LINK_UP = 2
#: Words in a window of a packet memory, or of an endpoint's memory.
WINDOW_WORDS = 256
#: Bits of a descriptor's first word.
_BEATS, _ERR, _CUT = 0x1F, 1 << 8, 1 << 9


class BoardError(RuntimeError):
    """The board does not answer, or is not what it should be; the text says what to look at."""


class Bus(Protocol):
    """Words of 32 bits at byte addresses. Errors are raised as the bus's own exception."""

    def read(self, addr: int, count: int = 1, fixed: bool = False) -> list[int]:
        """Read `count` words from `addr` on, or all from `addr` itself."""
        raise NotImplementedError

    def write(self, addr: int, words: Sequence[int], fixed: bool = False) -> None:
        """Write words from `addr` on, or all to `addr` itself."""

    def read_many(self, addrs: Sequence[int]) -> list[int]:
        """Read one word at each address."""
        raise NotImplementedError


class LitexBus:
    """LiteX's client, ``RemoteClient``, as a bus; a litex_server has the port."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, addr: int, count: int = 1, fixed: bool = False) -> list[int]:
        """Read words; the server reads at most 255 at once."""
        words: list[int] = []
        while count:
            size = min(count, 128)
            words += self._client.read(addr, size, "fixed" if fixed else "incr")
            addr, count = addr + (0 if fixed else 4 * size), count - size
        return words

    def write(self, addr: int, words: Sequence[int], fixed: bool = False) -> None:
        """Write words; the client knows no writes to a fixed address but one by one."""
        if fixed:
            for word in words:
                self._client.write(addr, [int(word)])
            return
        for at in range(0, len(words), 128):
            self._client.write(addr + 4 * at, [int(word) for word in words[at : at + 128]])

    def read_many(self, addrs: Sequence[int]) -> list[int]:
        """Read one word at each address."""
        return [int(self._client.read(addr)) for addr in addrs]


class Registers:
    """Registers of one map by name, over a bus. Plain calls."""

    def __init__(self, bus: Bus, table: CsrMap, base: int = 0) -> None:
        self.bus = bus
        self.map = table
        self.base = base

    def address(self, register: str | int) -> int:
        """Return the byte address on the bus."""
        return self.base + (register if isinstance(register, int) else self.map.address(register))

    def read(self, register: str | int) -> int:
        """Return a word."""
        return self.bus.read(self.address(register))[0]

    def read_all(self, registers: Iterable[str]) -> dict[str, int]:
        """Return several words by name, read at once."""
        names = list(registers)
        return dict(zip(names, self.bus.read_many([self.address(name) for name in names])))

    def fields(self, register: str) -> dict[str, int]:
        """Read a register; return its fields."""
        return self.map.decode(register, self.read(register))

    def write(self, register: str | int, word: int | None = None, **fields: int) -> None:
        """Write a word, or fields with zero in the others."""
        if word is None:
            word = self.map.encode(str(register), **fields)
        self.bus.write(self.address(register), [word])


class Board:
    """A board that answers."""

    def __init__(self, bus: Bus, config: Config) -> None:
        """`config`: the named configuration that its switch should have.

        BoardError when what answers is no board of ours, or another one.
        """
        self.bus = bus
        self.config = config
        self.registers = Registers(bus, csr.load("board_map"), BOARD_BASE)
        self.switch = Registers(bus, csr.load())
        #: Ends of each link: that at the port, that at the switch.
        self.links = [(self._end(2 * n), self._end(2 * n + 1)) for n in range(config.links)]
        #: Endpoints, by port.
        self.endpoints = [EndpointPort(self, n) for n in range(config.endpoints)]

    def _end(self, number: int) -> Registers:
        return Registers(self.bus, csr.load("link_map"), LINK_BASE + LINK_STRIDE * number)

    def _units(self, what: str, number: int, magic: int, at: Callable[[int], Registers]) -> None:
        """Check that there are so many units of a kind, and no more."""
        # Behind the last one that there should be nothing answers, and that reads as zero.
        for n in range(number + 1):
            want = magic if n < number else 0
            unit = at(n)
            found = unit.read("magic")
            if found != want or (found and unit.fields("version")["major"] != MAJOR):
                raise BoardError(
                    f"the board has not {getattr(self.config, what)} {what}, as "
                    f"{self.config.name} says: magic of {'end' if what == 'links' else 'endpoint'} "
                    f"{n} is {found:#010x}; load the bitstream of this configuration"
                )

    def endpoint_registers(self, number: int) -> Registers:
        """Return the registers of an endpoint, whether it is there or not."""
        base = ENDPOINT_BASE + ENDPOINT_STRIDE * number
        return Registers(self.bus, csr.load("endpoint_map"), base)

    def identify(self) -> dict[str, int]:
        """Check that this is our board with the configuration; return what its registers say."""
        regs = self.registers
        magic = regs.read("magic")
        if magic != MAGIC:
            raise BoardError(
                f"what answers is no Switchproof board: magic is {magic:#010x}, not {MAGIC:#010x}; "
                "is the bitstream loaded, and is this the right port?"
            )
        found = regs.read_all(
            ("version", "build", "board", "clock_hz", "baud", "ports", "memory_rows")
        )
        major = found["version"] >> 16
        if major != MAJOR:
            raise BoardError(
                f"the board has register map {major}, this software fits {MAJOR}: "
                "load a bitstream of the same release"
            )
        shown = {
            "ports": self.config.ports, "flit_width": self.config.flit_w,
            "iterations": self.config.iterations, "engines": self.config.engines,
            "contexts": self.config.contexts, "groups": self.config.groups,
            "ids": self.config.ids, "voq_flits": self.config.voq_flits,
            "egress_flits": self.config.egress_flits,
        }  # fmt: skip
        got = self.switch.read_all(shown)
        wrong = [f"{n} is {got[n]}, not {want}" for n, want in shown.items() if got[n] != want]
        if wrong:
            raise BoardError(
                f"the board's switch is not {self.config.name}: {'; '.join(wrong)}; "
                "load the bitstream of this configuration"
            )
        self._units("links", 2 * self.config.links, LINK_MAGIC, self._end)
        self._units("endpoints", self.config.endpoints, ENDPOINT_MAGIC, self.endpoint_registers)
        return found | got | {"links": len(self.links), "endpoints": len(self.endpoints)}

    def reset(self) -> None:
        """Bring switch, generators, checkers, packet memories and endpoints to the state after
        power-up, and links up. Memories of endpoints keep what they hold."""
        control = self.registers
        control.write("control", reset=1)
        for link in self.links:
            for side in link:
                link_as_after_reset(side)
        control.write("control", 0)
        for port in range(self.config.endpoints, self.config.ports):
            control.write(f"port[{port}].mode", 0)
        end = time.monotonic() + 5
        while not self.switch.fields("status")["ready"]:
            if time.monotonic() > end:
                raise BoardError("the switch does not come out of reset")
        for link in self.links:
            for side in link:
                side.write("control", enable=1)
        for number, link in enumerate(self.links):
            while not all(side.fields("status")["state"] == LINK_UP for side in link):
                if time.monotonic() > end:
                    raise BoardError(f"link {number} does not come up")

    def cycles(self) -> int:
        """Return the cycles of the board's clock since power-up."""
        low, high = self.bus.read_many(
            [self.registers.address("cycles"), self.registers.address("cycles_high")]
        )
        return high << 32 | low


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command of the host unit ended: ``port[].host.status`` and the result."""

    resp: int
    status: int
    decerr: int
    timeout: int
    result: int


class EndpointPort:
    """An endpoint of a board: its registers, its memory, and commands of its host unit."""

    def __init__(self, board: Board, port: int) -> None:
        self.board = board
        self.port = port
        #: Registers of the endpoint.
        self.registers = board.endpoint_registers(port)

    def address(self, register: str) -> int:
        """Return the byte address of a register of the host unit."""
        return self.board.registers.address(f"port[{self.port}].host.{register}")

    def write(self, register: str, *words: int) -> None:
        """Write a register of the host unit, and those behind it."""
        self.board.bus.write(self.address(register), words)

    def read(self, register: str) -> int:
        """Return a register of the host unit."""
        return self.board.bus.read(self.address(register))[0]

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes of the memory, past the endpoint; whole words of four."""
        words = np.frombuffer(data, "<u4").tolist()
        self.write("window", address)
        window = self.board.registers.address(f"tx[{self.port}].word[0]")
        for at in range(0, len(words), WINDOW_WORDS):
            self.board.bus.write(window, words[at : at + WINDOW_WORDS])

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes of the memory, past the endpoint; whole words of four."""
        self.write("window", address)
        window = self.board.registers.address(f"rx[{self.port}].word[0]")
        words: list[int] = []
        while len(words) < size // 4:
            words += self.board.bus.read(window, min(WINDOW_WORDS, size // 4 - len(words)))
        return np.array(words, "<u4").tobytes()

    def begin_move(self, op: str, local: int, size: int, address: int) -> None:
        """Begin to ``store`` bytes of the memory at an address, or to ``load`` them from there."""
        self.write("local", local, size, *_halves(address))
        self.begin(op=OPS[op])

    def begin_word(
        self, op: str, address: int, value: int = 0, compare: int = 0, **fields: int
    ) -> None:
        """Begin to store or load a word, or an ``atomic``: registers from the address on."""
        if op != "atomic":
            fields["word"] = 1
        table = self.board.registers.map
        command = table.encode("port[0].host.command", op=OPS[op], **fields)
        self.write("address_low", *_halves(address), *_halves(value), *_halves(compare), command)

    def begin(self, **fields: int) -> None:
        """Write the command register."""
        self.board.registers.write(f"port[{self.port}].host.command", **fields)

    def busy(self) -> bool:
        """Return whether a command is at work."""
        return bool(self.read("status") & 1)

    def up(self) -> bool:
        """Return whether the way to the switch carries packets."""
        return bool(self.read("status") & 2)

    def end(self, patience: float = 60.0) -> Ended:
        """Wait until the command has ended; BoardError after so many seconds."""
        end = time.monotonic() + patience
        while True:
            word, low, high = self.board.bus.read(self.address("status"), 3)
            found = self.board.registers.map.decode("port[0].host.status", word)
            if not found["busy"]:
                values = {name: found[name] for name in ("resp", "status", "decerr", "timeout")}
                return Ended(**values, result=high << 32 | low)
            if time.monotonic() > end:
                raise BoardError(f"the command at port {self.port} does not end")

    def move(self, op: str, local: int, size: int, address: int) -> int:
        """Store or load bytes; return the AXI response."""
        self.begin_move(op, local, size, address)
        return self.end().resp

    def word(self, op: str, address: int, value: int = 0, **fields: int) -> Ended:
        """Store or load a word, or execute an atomic."""
        self.begin_word(op, address, value, **fields)
        return self.end()


#: What a command of the host unit does.
OPS = {"store": 0, "load": 1, "atomic": 2}


def _halves(word: int) -> tuple[int, int]:
    return word & 0xFFFFFFFF, word >> 32


def link_as_after_reset(end: Registers) -> None:
    """Give an end of a link, which stays down, the settings that it has after power-up."""
    end.write("control", 0)
    words = {}
    for register in end.map.registers.values():
        if register.readable and register.writable and register.name not in ("control", "scratch"):
            words[register.address] = sum(f.reset << f.lsb for f in register.fields if f.reset)
    first = min(words)
    # They lie side by side, so that one burst writes them.
    end.bus.write(end.address(first), [words[first + 4 * n] for n in range(len(words))])
    end.write("command", clear=1)


class BoardPipe(Pipe):
    """The pipe's backend on a board: packets go through its packet memories.

    Stalls are those that a slow host makes; the named ones of a simulation do nothing. Stamps
    of sent packets are zero: nobody saw them go in. What is in a packet memory counts as sent.
    """

    def __init__(self, board: Board, what: Description, seed: int) -> None:
        super().__init__(what, board.config, seed)
        self.board = board
        self._queue: list[list[Packets]] = [[] for _ in range(self.ports)]
        self._stats = np.zeros(self.ports, STATS)
        self._violations: list[Violation] = []
        self._moved = False
        self._lanes = self.config.flit_bytes // 4
        self._rows = board.registers.read("memory_rows")
        self._begin = board.cycles()

    @property
    def cycle(self) -> int:
        return self.board.cycles() - self._begin

    async def open(self) -> None:
        """Nothing to do: the board is there."""

    def send(self, port: int, packets: Packets) -> None:
        if (packets["flits"] == 0).any():
            raise ValueError("a packet of no flits cannot be sent")
        if int(packets["flits"].max(initial=0)) + 2 > self._rows:
            raise ValueError("a packet is longer than the board's packet memory")
        if len(packets):
            self._queue[port].append(packets)

    def pump(self) -> None:
        """Write what there is room for, read what came, tell the listeners."""
        names = [f"port[{p}].{what}" for p in range(self.ports) for what in ("tx_free", "rx_level")]
        state = self.board.registers.read_all(names)
        self._moved = False
        for port in range(self.ports):
            self._write(port, state[f"port[{port}].tx_free"])
            level = state[f"port[{port}].rx_level"]
            if level:
                self._read(port, level)
        self._told()

    def _write(self, port: int, free: int) -> None:
        words: list[NDArray[np.uint32]] = []
        queue = self._queue[port]
        while queue:
            rows = queue[0]["flits"].astype(np.int64) + 2
            count = int(np.searchsorted(np.cumsum(rows), free, side="right"))
            if not count:
                break
            packets = queue[0][:count]
            words += [self._encode(row) for row in packets]
            free -= int(rows[:count].sum())
            sent = packets.copy()
            sent["port"] = port
            sent["stamp"] = sent["stamp_last"] = 0
            self._sent[port].append(sent)
            self._stats["packets_in"][port] += count
            self._stats["flits_in"][port] += int(packets["flits"].sum())
            if count == len(queue[0]):
                queue.pop(0)
            else:
                queue[0] = queue[0][count:]
        if words:
            self._moved = True
            window = self.board.registers.address(f"tx[{port}].word[0]")
            stream = np.concatenate(words).tolist()
            for at in range(0, len(stream), WINDOW_WORDS):
                self.board.bus.write(window, stream[at : at + WINDOW_WORDS])

    def _encode(self, row: np.void) -> NDArray[np.uint32]:
        """Return the words of a packet as the memory of packets to send takes them."""
        beats = int(row["flits"])
        words = np.zeros((2 + beats, self._lanes), "<u4")
        words[0, 0] = beats | (_ERR if row["flags"] & FLAG_ERR else 0)
        words[1, :4] = np.frombuffer(row["hdr"].tobytes(), "<u4")
        data = np.frombuffer(row["data"].tobytes(), "<u4")[: beats * self._lanes]
        words[2:].reshape(-1)[: len(data)] = data
        return words.reshape(-1)

    def _read(self, port: int, level: int) -> None:
        """Read `level` rows of whole packets and take them apart."""
        window = self.board.registers.address(f"rx[{port}].word[0]")
        count = level * self._lanes
        words: list[int] = []
        while len(words) < count:
            words += self.board.bus.read(window, min(WINDOW_WORDS, count - len(words)))
        rows = np.array(words, "<u4").reshape(level, self._lanes)
        packets = []
        at = 0
        while at < level:
            packet_, used = self._decode(port, rows[at:])
            packets.append(packet_)
            at += used
        self._moved = True
        self._received[port].append(concatenate(packets))

    def _decode(self, port: int, rows: NDArray[np.uint32]) -> tuple[Packets, int]:
        """Return the packet at the head of the rows, and how many rows it takes."""
        word = int(rows[0, 0])
        beats = word & _BEATS
        if beats + 2 > len(rows):
            raise PipeError(f"the board's memory at port {port} holds no whole packet: {word:#x}")
        one = np.zeros(1, PACKET)
        one["port"], one["flits"] = port, beats
        one["flags"] = FLAG_ERR if word & _ERR else 0
        one["stamp"], one["stamp_last"] = int(rows[0, 1]), int(rows[0, 2])
        one["hdr"][0] = np.frombuffer(rows[1, :4].tobytes(), one["hdr"].dtype)
        length, ext = packet.get(one, "len"), packet.get(one, "ext")
        units = int(packet.num_units(length, ext)[0])
        expected = int(packet.num_flits(length, ext, self.config.flit_w)[0])
        # What lies behind the announced units is filler.
        data = rows[2 : 2 + beats].tobytes()[: min(16 * units, 16 * (MAX_UNITS + MAX_EXT))]
        one["data"][0, : len(data)] = np.frombuffer(data, np.uint8)
        if word & _CUT or beats != expected:
            kind = "too_long" if word & _CUT else "length"
            self._violations.append(Violation(int(rows[0, 1]), port, kind, expected, beats))
        self._stats["packets_out"][port] += 1
        self._stats["flits_out"][port] += beats
        return one, beats + 2

    def _idle(self) -> bool:
        """Whether nothing waits in the board's memories to be sent."""
        names = [f"port[{port}].status" for port in range(self.ports)]
        table = self.board.registers.map
        state = self.board.registers.read_all(names)
        return all(table.decode(name, word)["idle"] for name, word in state.items())

    async def run(self, cycles: int) -> None:
        end = self.cycle + cycles
        self.pump()
        while self.cycle < end:
            self.pump()

    async def drain(self, timeout: int = 100_000, quiet: int = 200) -> None:
        # A packet over the host's line takes thousands of cycles: time counts from its last one.
        silent = self.cycle
        end = silent + timeout
        while True:
            self.pump()
            now = self.cycle
            if self._moved or any(self._queue):
                silent, end = now, now + timeout
            elif now - silent >= quiet and self._idle():
                self.pump()
                if not self._moved:
                    return
            if now > end:
                raise self._late(timeout)

    def stalls(self, stalls: Stalls | str, ports: list[int] | None = None) -> None:
        self._named(stalls)

    def stats(self) -> NDArray[Any]:
        return self._stats.copy()

    def violations(self) -> list[Violation]:
        return list(self._violations)

    @property
    def violation_count(self) -> int:
        return len(self._violations)

    def waiting(self) -> NDArray[np.int64]:
        return np.array([sum(len(rows) for rows in queue) for queue in self._queue], np.int64)


class _Access:
    """Registers as coroutines, for tests that run in a simulation as well."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers

    async def write(self, register: str | int, word: int | None = None, **fields: int) -> None:
        self._registers.write(register, word, **fields)

    async def read(self, register: str | int) -> int:
        return self._registers.read(register)


def through_link(packets: Packets, config: Config) -> Packets:
    """Return packets as they come out of a link: those of a wrong length are mended and marked."""
    lanes = config.flit_bytes // UNIT_BYTES
    mended = link_format.to_rows(link_format.from_rows(packets, lanes), lanes)
    for column in ("not_before", "stamp", "stamp_last", "port", "tail"):
        mended[column] = packets[column]
    return mended


class BoardBench(Bench):
    """The bench of one test on a board."""

    def __init__(self, board: Board, what: Description, seed: int) -> None:
        self.board = board
        self.config = board.config
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self.model = Switch(self.config)
        board.reset()
        board.switch.write("control", clear=1)
        self.pipe: BoardPipe = BoardPipe(board, what, seed)
        self._registers = _Access(board.switch)
        self._checker = Checker(self.config, self.model, seed, batch=1)
        self.pipe.listeners.append(self._look)

    @property
    def checker(self) -> Checker:
        return self._checker

    @property
    def registers(self) -> _Access:
        return self._registers

    async def send(self, packets: patterns.Traffic) -> None:
        for port, rows in enumerate(packets):
            self.pipe.send(port, rows)

    def _look(self, _: Pipe) -> None:
        for port in range(self.config.ports):
            sent = self.pipe.sent(port)
            self._checker.sent(
                through_link(sent, self.config) if port < self.config.links else sent
            )
            self._checker.received(self.pipe.received(port))
        check_violations(self.pipe, self.seed)
        self._checker.check()

    def run(self) -> int:
        """Run :meth:`traffic` and all checks; return how many packets were compared."""
        routine = self._whole()
        try:
            routine.send(None)
        except StopIteration:
            return self._checker.compared
        routine.close()
        raise BoardError("a test for a board waits for something that only a simulation has")

    async def _whole(self) -> None:
        patterns.program(self.model, self.config)
        await self.set_routes()
        self.set_stalls(self.stalls)
        await self.traffic()
        await self.settle()
        await self.check_counters()


def on_board(test: type[Bench], **changes: Any) -> type[BoardBench]:
    """Return a test of the simulation as a bench for a board: the same traffic and helpers.

    ``changes`` replaces class attributes, such as how many packets there are.
    """
    own: dict[str, Any] = {}
    for base in reversed(test.__mro__):
        # From the suite's own classes on it is about where the switch is, not what is sent.
        if base is not object and not base.__module__.startswith(("switchproof.tb", "pyuvm")):
            own |= {name: value for name, value in vars(base).items() if name[:2] != "__"}
    return type(f"{test.__name__}OnBoard", (BoardBench,), own | changes)
