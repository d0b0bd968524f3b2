# SPDX-License-Identifier: Apache-2.0
"""What a test of a whole switch does, wherever the switch is: in a simulation or on a board.

A test says what is sent; the bench does the rest. In a simulation it is
:class:`switchproof.tb.base_test.BaseTest`, on a board :class:`switchproof.tb.board.BoardBench`; the
same ``traffic`` runs on both.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from switchproof.models.crossbar import Switch
from switchproof.models.layout import NUM_VC, SIZES
from switchproof.models.profiles import Config

from . import traffic as patterns
from .pipes import Pipe, Stalls
from .scoreboard import Checker, Mismatch, check_violations

#: Counters of the model that the switch has under the same name, for each port.
PORT_COUNTERS = (
    "rx_packets", "rx_flits", "refused_version", "refused_op", "refused_len", "refused_dst",
    "dropped_responses", "refused_partition",
)  # fmt: skip
#: Those of them that count refusals since another port is down.
OUTAGE_COUNTERS = ("refused_dst", "dropped_responses")
#: Those that the switch has for all ports together.
TOTALS = ("mcast_packets", "mcast_copies")
ENGINE_COUNTERS = (
    "contributions", "results", "timeouts", "refused_type", "refused_not_member",
    "refused_duplicate", "refused_mismatch", "refused_timeout",
)  # fmt: skip

#: Of more ports than this the counters of only so many, drawn at random, are read: a value takes
#: thirty cycles, and a cycle of a large switch milliseconds.
ALL_COUNTED, COUNTED = 128, 16

#: Cycles of silence after which a packet that is still expected is lost; longer than any stall, and
#: for each port what an engine needs for its contributions before it has a result.
PATIENCE, PATIENCE_PER_PORT = 5_000, 32


class RegisterAccess(Protocol):
    """Registers by name; a refused access raises."""

    async def write(self, register: str | int, word: int | None = None, **fields: int) -> None:
        """Write a word, or fields with zero in the others."""

    async def read(self, register: str | int) -> int:
        """Return a word."""
        raise NotImplementedError


class Bench:
    """A switch with traffic, golden model and checks around it."""

    #: Stalls at all ports: a name of pipes.STALLS, or "random" for another one at every port.
    stalls = "random"
    #: Cycles after which a drain is given up, and of silence after which all is out.
    drain_timeout = 200_000
    quiet = 300

    config: Config
    seed: int
    rng: np.random.Generator
    model: Switch
    pipe: Pipe

    @property
    def checker(self) -> Checker:
        """The scoreboard's checker."""
        raise NotImplementedError

    @property
    def registers(self) -> RegisterAccess:
        """The module's registers by name. RuntimeError when it has none."""
        raise NotImplementedError

    async def traffic(self) -> None:
        """Send what this test is about."""
        raise NotImplementedError

    async def send(self, packets: patterns.Traffic) -> None:
        """Hand over packets, one array a port. Returns at once; they are sent later."""
        raise NotImplementedError

    async def set_routes(self) -> None:
        """Give the switch routes to every port and engine."""
        for dst, output in patterns.routes(self.config):
            await self.registers.write(f"fwd_all[{dst}]", valid=1, out=output)

    async def set_group(self, group: int, members: list[int]) -> None:
        """Make ports the members of a group, in the module and in the model."""
        mask = sum(1 << port for port in members)
        self.model.set_group(group, mask)
        for word in range(-(-self.config.ports // 32)):
            await self.registers.write(f"group[{group}][{word}]", mask >> 32 * word & 0xFFFFFFFF)

    async def set_partitions(self, port: int, mask: int) -> None:
        """Put a port into the partitions of a mask, in the module and in the model."""
        self.model.set_partitions(port, mask)
        await self.registers.write(f"rights[{port}].partitions", mask)

    async def set_source(self, port: int, source: int, care: int) -> None:
        """Say which sources a port may name, in the module and in the model."""
        self.model.set_source(port, source, care)
        await self.registers.write(f"rights[{port}].source", id=source, care=care)

    def set_stalls(self, stalls: Stalls | str) -> None:
        """Set the stalls of all ports; "random" draws a profile for each."""
        if stalls != "random":
            self.pipe.stalls(stalls)
            return
        names = ("none", "light", "heavy", "slow_sink", "slow_source", "bursts")
        for port, name in enumerate(self.rng.choice(names, self.config.ports)):
            self.pipe.stalls(str(name), [port])

    async def drain(self) -> None:
        """Wait until all is sent and nothing moves, then compare."""
        await self.pipe.drain(self.drain_timeout, self.quiet)
        self.checker.check(force=True)
        # Silence is no proof: a receiver that holds back for long makes it too, and so does an
        # engine that adds up what many ports have sent.
        patience = PATIENCE + PATIENCE_PER_PORT * self.config.ports
        left, end = self.checker.outstanding, self.pipe.cycle + patience
        while left and self.pipe.cycle < end:
            await self.pipe.run(self.quiet)
            self.checker.check(force=True)
            if self.checker.outstanding < left:
                end = self.pipe.cycle + patience
            left = self.checker.outstanding

    async def settle(self) -> None:
        """Drain; nothing may remain, and no rule of the interface may have been broken."""
        await self.drain()
        self.checker.finish()
        check_violations(self.pipe, self.seed)

    async def check_counters(self) -> None:
        """Compare the module's counters with the model's and with what the pipe saw."""
        stats = self.pipe.stats()
        wrong = []
        # The model knows no outage: what ports count that were down, and which refusals others had
        # since one was, is for the test to check.
        outage = self.checker.was_down.any()
        names = [n for n in PORT_COUNTERS if not (outage and n in OUTAGE_COUNTERS)]
        ports = np.flatnonzero(~self.checker.was_down)
        if len(ports) > ALL_COUNTED:
            ports = np.sort(self.rng.choice(ports, COUNTED, replace=False))
        for port in ports:
            expected = {name: int(self.model.counters[name][port]) for name in names}
            expected["tx_packets"] = int(stats["packets_out"][port])
            expected["tx_flits"] = int(stats["flits_out"][port])
            wrong += await self._differing(f"port[{port}]", expected)
        if self.config.counters and not outage:
            # A channel takes many reads: two ports a test.
            for port in self.rng.permutation(self.config.ports)[:2]:
                wrong += await self.check_channels(int(port))
        if not outage:
            for name in TOTALS:
                total = int(self.model.counters[name].sum())
                got = await self.registers.read(name)
                if got != total & 0xFFFFFFFF:
                    wrong.append(f"{name} is {got}, expected {total}")
        for index, engine in enumerate(self.model.engines):
            expected = {name: engine.counters[name] for name in ENGINE_COUNTERS}
            wrong += await self._differing(f"engine[{index}]", expected)
        if wrong:
            raise Mismatch(
                f"{len(wrong)} counters differ (seed {self.seed}): " + "; ".join(wrong[:8])
            )

    async def check_channels(self, port: int) -> list[str]:
        """Compare the counters of one port by virtual channel; return what differs.

        Refusals, packets and flits are those of the model and the scoreboard; the stalls of all
        channels are those of the port; every packet that left is in one bin of the latencies.
        """
        wrong = []
        stalls = dict.fromkeys(("rx_stall_cycles", "tx_stall_cycles"), 0)
        for vc in range(NUM_VC):
            where = f"port_vc[{port}][{vc}]"
            expected = {n: int(v[port, vc]) for n, v in self.model.vc_counters.items()}
            expected["tx_packets"] = int(self.checker.packets[port, vc])
            expected["tx_flits"] = int(self.checker.flits[port, vc])
            wrong += await self._differing(where, expected)
            for name in stalls:
                stalls[name] += await self.registers.read(f"{where}.{name}")
            if self.config.counters > 1:
                bins = [
                    await self.registers.read(f"latency[{port}][{vc}][{b}]")
                    for b in range(SIZES["LATENCY_BINS"])
                ]
                if sum(bins) != expected["tx_packets"]:
                    wrong.append(
                        f"latency[{port}][{vc}] holds {sum(bins)} packets, "
                        f"{expected['tx_packets']} left"
                    )
        return wrong + await self._differing(f"port[{port}]", stalls)

    async def _differing(self, where: str, expected: dict[str, int]) -> list[str]:
        wrong = []
        for name, value in expected.items():
            got = await self.registers.read(f"{where}.{name}")
            if got != value & 0xFFFFFFFF:
                wrong.append(f"{where}.{name} is {got}, expected {value}")
        return wrong

    def spread(self, packets: patterns.Traffic, load: float) -> patterns.Traffic:
        """Let the packets of every port ask for a share of its rate from now on."""
        for rows in packets:
            if len(rows):
                patterns.spaced(self.rng, rows, load, self.pipe.cycle)
        return packets


def members_of(rng: np.random.Generator, ports: int, count: int) -> list[int]:
    """Return `count` ports drawn without order."""
    return sorted(int(port) for port in rng.permutation(ports)[:count])
