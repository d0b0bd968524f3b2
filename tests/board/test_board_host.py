# SPDX-License-Identifier: Apache-2.0
"""What the host says of a board that is not what it should be, and how packets become words."""

from __future__ import annotations

import asyncio
import os
import pty
from collections.abc import Sequence

import numpy as np
import pytest

from switchproof.ci import boards, harness_cache
from switchproof.ci.variables import UserError
from switchproof.models import csr, packet, profiles
from switchproof.models.layout import Op
from switchproof.tb.board import (
    BOARD_BASE,
    ENDPOINT_BASE,
    ENDPOINT_MAGIC,
    LINK_BASE,
    LINK_MAGIC,
    MAGIC,
    Board,
    BoardError,
    BoardPipe,
    through_link,
)

CONFIG = profiles.get("board4")
SWITCH = {
    "ports": CONFIG.ports, "flit_width": CONFIG.flit_w, "iterations": CONFIG.iterations,
    "engines": CONFIG.engines, "contexts": CONFIG.contexts, "groups": CONFIG.groups,
    "ids": CONFIG.ids, "voq_flits": CONFIG.voq_flits, "egress_flits": CONFIG.egress_flits,
}  # fmt: skip


class FakeBoard:
    """A bus with a board behind it that sends every packet back to the port it came from."""

    def __init__(self) -> None:
        self.words = {BOARD_BASE + csr.load("board_map").address("magic"): MAGIC}
        self.set("version", 1 << 16)
        self.set("memory_rows", 512)
        for port in range(CONFIG.ports):
            self.set(f"port[{port}].status", 2)
        for name, value in SWITCH.items():
            self.words[csr.address(name)] = value
        self.memory: list[list[int]] = [[] for _ in range(CONFIG.ports)]
        self.cycles = 0

    def set(self, name: str, value: int) -> None:
        self.words[BOARD_BASE + csr.load("board_map").address(name)] = value

    def _find(self, addr: int) -> tuple[str, int]:
        found = csr.load("board_map").locate(addr - BOARD_BASE) if addr >= BOARD_BASE else None
        return (found[0].name, found[1][0] if found[1] else 0) if found else ("", 0)

    def read(self, addr: int, count: int = 1, fixed: bool = False) -> list[int]:
        name, port = self._find(addr)
        if name == "rx[].word[]":
            words, self.memory[port] = self.memory[port][:count], self.memory[port][count:]
            return words
        return [self._one(addr + 4 * k) for k in range(count)]

    def _one(self, addr: int) -> int:
        name, port = self._find(addr)
        if name == "cycles":
            self.cycles += 1000
            return self.cycles
        if name == "port[].rx_level":
            return len(self.memory[port]) // 4
        if name == "port[].tx_free":
            return 512
        return self.words.get(addr, 0)

    def write(self, addr: int, words: Sequence[int], fixed: bool = False) -> None:
        name, port = self._find(addr)
        if name == "tx[].word[]":
            assert len(words) <= 256, "more than the window holds"
            self.memory[port] += list(words)

    def read_many(self, addrs: Sequence[int]) -> list[int]:
        return [self._one(addr) for addr in addrs]


def test_identifies() -> None:
    assert Board(FakeBoard(), CONFIG).identify()["flit_width"] == 128


def test_another_device_is_told() -> None:
    fake = FakeBoard()
    fake.set("magic", 0)
    with pytest.raises(BoardError, match="no Switchproof board: magic is 0x00000000"):
        Board(fake, CONFIG).identify()


def test_another_release_is_told() -> None:
    fake = FakeBoard()
    fake.set("version", 2 << 16)
    with pytest.raises(BoardError, match="register map 2, this software fits 1"):
        Board(fake, CONFIG).identify()


def test_another_configuration_is_told() -> None:
    fake = FakeBoard()
    fake.words[csr.address("voq_flits")] = 64
    with pytest.raises(BoardError, match="voq_flits is 64, not 32"):
        Board(fake, CONFIG).identify()


@pytest.mark.parametrize(
    ("name", "ends", "said"),
    [
        ("board4", 2, "not 0 links, as board4 says: magic of end 0 is 0x53504c4b"),
        ("board4l", 0, "not 1 links, as board4l says: magic of end 0 is 0x00000000"),
        ("board4l", 4, "not 1 links, as board4l says: magic of end 2 is 0x53504c4b"),
        ("board4l", 2, ""),
    ],
)
def test_another_number_of_links_is_told(name: str, ends: int, said: str) -> None:
    fake = FakeBoard()
    for end in range(ends):
        fake.words[LINK_BASE + 0x1000 * end] = LINK_MAGIC
        fake.words[LINK_BASE + 0x1000 * end + 4] = 1 << 16
    board = Board(fake, profiles.get(name))
    if said:
        with pytest.raises(BoardError, match=said):
            board.identify()
    else:
        assert board.identify()["flit_width"] == 128


@pytest.mark.parametrize(
    ("name", "there", "said"),
    [
        ("board4", 1, "not 0 endpoints, as board4 says: magic of endpoint 0 is 0x53504550"),
        ("board2e", 1, "not 2 endpoints, as board2e says: magic of endpoint 1 is 0x00000000"),
        ("board2e", 3, "not 2 endpoints, as board2e says: magic of endpoint 2 is 0x53504550"),
        ("board2e", 2, ""),
    ],
)
def test_another_number_of_endpoints_is_told(name: str, there: int, said: str) -> None:
    fake = FakeBoard()
    config = profiles.get(name)
    for register in ("ports", "engines", "contexts"):
        fake.words[csr.address(register)] = getattr(config, register)
    for end in range(2 * config.links):
        fake.words[LINK_BASE + 0x1000 * end] = LINK_MAGIC
        fake.words[LINK_BASE + 0x1000 * end + 4] = 1 << 16
    for endpoint in range(there):
        fake.words[ENDPOINT_BASE + 0x1000 * endpoint] = ENDPOINT_MAGIC
        fake.words[ENDPOINT_BASE + 0x1000 * endpoint + 4] = 1 << 16
    board = Board(fake, config)
    if said:
        with pytest.raises(BoardError, match=said):
            board.identify()
    else:
        assert board.identify()["endpoints"] == 2


@pytest.mark.parametrize("what", ["links", "endpoints"])
def test_more_than_ports_is_told(what: str) -> None:
    with pytest.raises(profiles.ConfigError, match=f"{what} = 3 is more than ports = 2"):
        profiles.get("board2").replace(**{what: 3})


def test_a_link_mends_lengths() -> None:
    """Of what enters a link the switch gets the header's length, and a mark if that is another."""
    rows = packet.make(3, flit_w=128, op=Op.WRITE, len=2, payload=np.arange(1, 33, dtype=np.uint8))
    rows["flits"], rows["stamp"], rows["port"] = (1, 2, 5), (7, 8, 9), 3
    out = through_link(rows, CONFIG)
    assert out["flits"].tolist() == [2, 2, 2]
    assert out["flags"].tolist() == [1, 0, 1]
    assert out["stamp"].tolist() == [7, 8, 9] and out["port"].tolist() == [3, 3, 3]
    assert (out["hdr"] == rows["hdr"]).all()
    assert not out["data"][0, 16:32].any() and (out["data"][1:, :32] == rows["data"][1:, :32]).all()


@pytest.mark.parametrize(
    ("silent", "said"), [(True, "no answer to a read of 0x04000000"), (False, "cannot open")]
)
def test_a_dead_port_is_told_once(silent: bool, said: str) -> None:
    """Nobody waits for a suite of failures to learn that there is no board."""
    ends = pty.openpty()
    try:
        with pytest.raises(UserError, match=said):
            boards.look(boards.get(boards.VIRTUAL), os.ttyname(ends[1]) if silent else os.devnull)
    finally:
        for end in ends:
            os.close(end)


def test_packets_come_back_as_they_went() -> None:
    """Descriptor, header, payload and error mark survive the way through words."""
    what = harness_cache.switch()
    pipe = BoardPipe(Board(FakeBoard(), CONFIG), what, seed=1)
    rng = np.random.default_rng(1)
    rows = packet.random_packets(
        rng, 40, flit_w=128, ops=[Op.WRITE, Op.READ], lengths=(0, 16), extensions=True, src=2, dst=2
    )
    rows["flags"] = rng.integers(0, 2, len(rows))
    pipe.send(2, rows)
    asyncio.run(pipe.drain())
    assert pipe.violation_count == 0
    came = pipe.received(2)
    for column in ("flits", "flags", "hdr", "data"):
        assert (came[column] == rows[column]).all(), column
    assert (came["port"] == 2).all()


def test_a_wrong_length_is_a_violation() -> None:
    """The stream of a packet whose beats are not those of its header is noticed."""
    what = harness_cache.switch()
    pipe = BoardPipe(Board(FakeBoard(), CONFIG), what, seed=1)
    rows = packet.make(1, flit_w=128, op=Op.WRITE, src=0, dst=0, len=4)
    rows["flits"] = 3
    pipe.send(0, rows)
    asyncio.run(pipe.drain())
    assert [str(violation.kind) for violation in pipe.violations()] == ["length"]
