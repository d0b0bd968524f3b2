# SPDX-License-Identifier: Apache-2.0
"""The first ten tests of a board, in the order in which one brings it up.

Packets of the host go through the packet memories and are held against the golden model, by the
same tests as in a simulation; full-rate traffic is made and checked on the board.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from switchproof.ci import boards
from switchproof.models import board_traffic, packet
from switchproof.models.layout import EType, RedOp
from switchproof.tb import traffic
from switchproof.tb.bench import members_of
from switchproof.tb.board import Board
from switchproof.tb.pipes import concatenate, pick
from tests.crossbar.test_bad_packets import BadPackets
from tests.crossbar.test_collectives import AllReduce, BadContributions
from tests.crossbar.test_unicast import RandomUnicast

pytestmark = pytest.mark.hil
#: Error counters of a checker.
ERRORS = (
    "error_sequence", "error_payload", "error_header", "error_length", "error_mark", "foreign",
)  # fmt: skip
#: Seconds in which a run of generators must end.
PATIENCE = 60


# ------------------------------------------------------------------------- generators, checkers


def set_up(
    board: Board, seed: int, count: int, *, stall: int = 0, **pattern: int
) -> list[board_traffic.State]:
    """Reset the board and give every port a generator and a checker.

    Returns what the golden model says that each port's checker must see of it all; nothing for an
    endless ``count`` of 0.
    """
    board.reset()
    ports = board.config.ports
    for dst in range(ports + board.config.engines):
        board.switch.write(f"fwd_all[{dst}]", valid=1, out=dst)
    regs = board.registers
    values = {"dst_mode": 1, "dst": 0, "ops": 7, "len_min": 1, "len_max": 16} | pattern
    sent = []
    for port in range(ports):
        own_seed = seed + port & 0xFFFFFFFF
        regs.write(f"port[{port}].pattern", **values)
        regs.write(f"port[{port}].count", count)
        regs.write(f"port[{port}].pace", stall=stall)
        regs.write(f"port[{port}].seed", own_seed)
        regs.write(f"port[{port}].mode", source=1, sink=1, enable=1)
        settings = board_traffic.Settings(
            ports=ports, own=port, dst_mode=values["dst_mode"], dst=values["dst"],
            len_min=values["len_min"], len_max=values["len_max"], op_mask=values["ops"],
            seed=own_seed, flit_w=board.config.flit_w,
        )  # fmt: skip
        if count:
            sent.append(board_traffic.generate(settings, count))
    regs.write("control", clear=1)
    board.switch.write("control", clear=1)
    if not count:
        return []
    whole = concatenate(sent)
    dst = packet.get(whole, "dst")
    return [
        board_traffic.judge(
            pick(whole, dst == port), ports=ports, own=port, flit_w=board.config.flit_w
        )
        for port in range(ports)
    ]


def finish(board: Board) -> dict[str, np.ndarray]:
    """Wait until all generators are done and all packets are in; return counters by port."""
    ports = range(board.config.ports)
    end = time.monotonic() + PATIENCE
    while True:
        sent = counters(board, "sent_packets").sum()
        done = [board.registers.fields(f"port[{port}].status")["done"] for port in ports]
        if all(done) and counters(board, "packets").sum() == sent:
            break
        assert time.monotonic() < end, (
            f"{sent} packets sent, {counters(board, 'packets').sum()} came; generators done: {done}"
        )
    board.registers.write("control", 0)
    names = ("sent_packets", "sent_flits", "packets", "flits", "signature", *ERRORS)
    return {name: counters(board, name) for name in names}


def counters(board: Board, name: str) -> np.ndarray:
    """Return a register of all ports."""
    words = board.registers.read_all(f"port[{port}].{name}" for port in range(board.config.ports))
    return np.array(list(words.values()), np.int64)


def clean(board: Board, found: dict[str, np.ndarray], expected: list[board_traffic.State]) -> None:
    """Assert that every checker saw what the golden model says, and nothing wrong."""
    ports = range(board.config.ports)
    for port in ports:
        wrong = {name: int(found[name][port]) for name in ERRORS if found[name][port]}
        first = board.registers.fields(f"port[{port}].first_error") if wrong else {}
        assert not wrong, f"port {port}: {wrong}, the first: {first}"
    assert found["packets"].tolist() == [state.packets for state in expected]
    assert found["flits"].tolist() == [state.flits for state in expected]
    assert found["signature"].tolist() == [state.signature for state in expected]
    for port in ports:
        names = [f"port[{port}].from[{source}]" for source in ports]
        assert tuple(board.registers.read_all(names).values()) == expected[port].source


# ------------------------------------------------------------------------------------ the tests


@pytest.mark.netlist
@pytest.mark.short
def test_identify(board: Board) -> None:
    """It is our board, with the configuration, clock and line that its description says."""
    about = boards.get(boards.VIRTUAL, board.config.name)
    found = board.identify()
    assert found["board"].to_bytes(4, "big").decode() == about.letters
    assert found["clock_hz"] == about.clock_mhz * 1_000_000
    assert found["baud"] == about.baud
    before = board.cycles()
    assert board.cycles() > before, "the clock stands"


@pytest.mark.netlist
@pytest.mark.short
def test_register_walk(board: Board, seed: int) -> None:
    """Every bit of a register both ways, every table row, and what is refused is counted."""
    board.reset()
    for registers in (board.registers, board.switch):
        for bit in range(32):
            for word in (1 << bit, ~(1 << bit) & 0xFFFFFFFF):
                registers.write("scratch", word)
                assert registers.read("scratch") == word
    rng = np.random.default_rng(seed)
    config = board.config
    names = [f"fwd[{p}][{i}]" for p in range(config.ports) for i in range(config.ids)]
    names += [f"group[{group}][0]" for group in range(config.groups)]
    names += [f"rights[{p}].partitions" for p in range(config.ports)]
    wanted = {}
    for name in names:
        fields = {"members": int(rng.integers(1 << config.ports))}
        if name.startswith("fwd"):
            fields = {"valid": 1, "out": int(rng.integers(config.ports + config.engines))}
        elif name.startswith("rights"):
            fields = {"mask": int(rng.integers(1 << 16))}
        wanted[name] = board.switch.map.encode(name, **fields)
        board.switch.write(name, wanted[name])
    assert board.switch.read_all(names) == wanted
    # A register that is not there, in both maps, and an address in neither.
    board.registers.write("control", clear=1)
    board.switch.write("control", clear=1)
    for address in (0x3C, 0x4000000 + 0x48, 0x8000000):
        board.bus.write(address, [1])
        assert board.bus.read(address) == [0]
    assert board.registers.read("bus_errors") == 6
    assert board.registers.read("bad_accesses") == 2
    assert board.switch.read("bad_accesses") == 2
    board.reset()


@pytest.mark.traffic
def test_all_pairs(board: Board, seed: int) -> None:
    """Every port to every port at full rate, all channels and lengths."""
    expected = set_up(board, seed, 2000)
    board.registers.write("control", run=1)
    clean(board, finish(board), expected)
    for port in range(board.config.ports):
        assert board.registers.fields(f"port[{port}].latency")["least"] >= 4


@pytest.mark.traffic
def test_incast(board: Board, seed: int) -> None:
    """All ports to one: nothing is lost, and nothing comes out of the others."""
    expected = set_up(board, seed, 400, dst_mode=0, dst=1)
    board.registers.write("control", run=1)
    found = finish(board)
    clean(board, found, expected)
    ports = board.config.ports
    assert found["packets"].tolist() == [400 * ports if port == 1 else 0 for port in range(ports)]


@pytest.mark.traffic
def test_host_packets(run) -> None:
    """Random packets of the host between all ports, every byte against the golden model."""
    run(RandomUnicast, packets=6)


@pytest.mark.short
@pytest.mark.traffic
def test_bad_packets(run) -> None:
    """Bad packets are answered and counted, and traffic goes on."""
    run(BadPackets, alone=2, mixed=6, good=2)


class ShortAllReduce(AllReduce):
    """One reduction of each kind."""

    total, least = 0, 1


@pytest.mark.engine
@pytest.mark.traffic
@pytest.mark.netlist
@pytest.mark.short
def test_allreduce(run) -> None:
    """Sum, Min and Max in FP32 and BF16 over data of the host, bit for bit, to all members."""
    run(ShortAllReduce)


class Multicast(AllReduce):
    """A result to groups of 2, of 3, ... and of all ports."""

    async def traffic(self) -> None:
        self.copies = np.zeros(self.config.ports, int)
        for group, size in enumerate(range(2, self.config.ports + 1)):
            members = members_of(self.rng, self.config.ports, size)
            self.copies[members] += 1
            await self.set_group(group, members)
            await self.send(
                traffic.allreduce(
                    self.rng, self.config, 1, group=group, members=members,
                    etype=EType.FP32, redop=RedOp.SUM,
                )
            )  # fmt: skip
            await self.drain()


@pytest.mark.engine
@pytest.mark.traffic
def test_multicast(run) -> None:
    """One copy of a result to each member of its group, and none to the others."""
    bench = run(Multicast)
    assert bench.pipe.stats()["packets_out"].tolist() == bench.copies.tolist()


@pytest.mark.engine
@pytest.mark.traffic
def test_refused_contributions(board: Board, run) -> None:
    """What an engine refuses; a member that never comes."""
    if board.config.ports < 3:
        pytest.skip("two members and a stranger are three ports")
    run(BadContributions, timeout=200_000, others=1, late=False)


@pytest.mark.traffic
def test_reset_in_mid_traffic(board: Board, seed: int, run) -> None:
    """The switch is reset while packets fly; afterwards it is as after power-up."""
    set_up(board, seed, 0)
    board.registers.write("control", run=1)
    assert counters(board, "packets").sum() > 0
    board.registers.write("control", run=1, reset=1)
    board.bus.write(board.switch.address("scratch"), [1])  # refused: the switch is in reset
    board.registers.write("control", 0)
    board.reset()
    assert board.switch.read("scratch") == 0
    assert counters(board, "packets").sum() == 0
    assert board.switch.read("port[0].rx_packets") == 0
    run(RandomUnicast, packets=1)


@pytest.mark.traffic
def test_soak(board: Board, seed: int) -> None:
    """Long random traffic with receivers that hold back."""
    expected = set_up(board, seed, 20_000, dst_mode=2, stall=40)
    board.registers.write("control", run=1)
    clean(board, finish(board), expected)


def test_bridge_recovers(board: Board) -> None:
    """A host that stops in mid-command does no harm to the next one."""
    if not hasattr(board.bus, "resync"):
        pytest.skip("LiteX's client sends whole commands only")
    board.registers.write("control", clear=1)
    board.registers.write("scratch", 0x12345678)
    board.bus.line.write(bytes([1, 1, 4]))
    board.bus.resync()
    assert board.registers.read("scratch") == 0x12345678
    assert board.registers.read("aborts") == 1
