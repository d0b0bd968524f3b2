# SPDX-License-Identifier: Apache-2.0
"""Reductions over two tiers give the bits that one switch gives, and nothing waits for ever."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import pyuvm

from switchproof.ci.build import BuildError, BuildSpec, lint
from switchproof.ci.filelists import needed
from switchproof.models import csr, packet, partial
from switchproof.models.crossbar import ORDERED, PARTIAL
from switchproof.models.formats import element_dtype
from switchproof.models.layout import ID_GROUP, MAX_UNITS, EType, Op, RedOp
from switchproof.models.tiers import TieredSwitch
from switchproof.tb import traffic
from tests.rack.test_two_tier import CHIP, CONFIG, DOWN, DUT, LEAVES, SPINES, TwoTierTest
from tests.reduction.stimulus import classes, columns

PORTS = LEAVES * DOWN
#: IDs: of the leaf's own engine, and of the engine of each spine.
LEAF_ENGINE, SPINE_ENGINE = PORTS, PORTS + 1
#: Cycles after which a leaf and a spine give up.
LOWER, UPPER = 2500, 6000
UPLINK = csr.load("uplink_map")


@dataclasses.dataclass
class Group:
    """A group: its number, members, and the spine whose engine has its results."""

    number: int
    members: list[int]

    @property
    def spine(self) -> int:
        return self.number % SPINES

    @property
    def engine(self) -> int:
        return SPINE_ENGINE + self.spine

    def behind(self, leaf: int) -> list[int]:
        """The members behind a leaf."""
        return [port for port in self.members if port // DOWN == leaf]


class Tiers(TwoTierTest):
    """Groups over the leaves; the model is one engine with all members."""

    golden = TieredSwitch

    @property
    def tiers(self) -> Any:
        """The model of the engines."""
        return self.model.engines[0]

    async def uplink(self, leaf: int, spine: int, name: str, **fields: int) -> int:
        """Write a register of an uplink, or read it if no field is given."""
        assert self.env.register_agent is not None
        master = self.env.register_agent.master
        address = (LEAVES + SPINES + leaf * SPINES + spine) * CHIP + UPLINK.address(name)
        if fields:
            response = await master.write(address, UPLINK.encode(name, **fields))
            assert response == csr.OKAY, f"uplink {leaf} {spine}: {name} answers {response}"
            return 0
        word, response = await master.read(address)
        assert response == csr.OKAY, f"uplink {leaf} {spine}: {name} answers {response}"
        return word

    async def bring_up(self) -> None:
        await super().bring_up()
        self.hits_of: dict[str, int] = {}
        #: Refusals that a test provokes.
        self.refused: dict[str, int] = {}
        #: Accesses that an uplink refused, by its number.
        self.bad = [0] * (LEAVES * SPINES)
        self.seq = 0
        self.tiers.down = DOWN
        for leaf in range(LEAVES):
            await self.write(leaf, f"fwd_all[{LEAF_ENGINE}]", valid=1, out=DOWN + SPINES)
            await self.write(leaf, "reduction_timeout", cycles=LOWER)
            for spine in range(SPINES):
                await self.write(leaf, f"fwd_all[{SPINE_ENGINE + spine}]", valid=1,
                                 out=DOWN + spine)  # fmt: skip
                await self.uplink(leaf, spine, "base", id=leaf * DOWN)
        for spine in range(SPINES):
            await self.write(
                LEAVES + spine, f"fwd_all[{SPINE_ENGINE + spine}]", valid=1, out=LEAVES
            )
            await self.write(LEAVES + spine, "reduction_timeout", cycles=UPPER)
            self.model.set_route(None, SPINE_ENGINE + spine, PORTS)

    async def group(self, number: int, members: list[int]) -> Group:
        """Set a group up: rows of leaves, spine and uplinks."""
        group = Group(number, sorted(members))
        self.model.set_group(number, sum(1 << port for port in members))
        self.tiers.upper[number] = group.engine
        leaves = [leaf for leaf in range(LEAVES) if group.behind(leaf)]
        await self.write(LEAVES + group.spine, f"group[{number}][0]",
                         members=sum(1 << leaf for leaf in leaves))  # fmt: skip
        for leaf in leaves:
            local = sum(1 << port % DOWN for port in group.behind(leaf))
            await self.write(leaf, f"group[{number}][0]", members=local | 1 << DOWN + group.spine)
            await self.uplink(leaf, group.spine, f"row[{number}].up", valid=1, dst=group.engine)
            await self.uplink(leaf, group.spine, f"row[{number}].down", mask=local)
        return group

    def hit(self, name: str) -> None:
        """Count a coverage point."""
        self.hits_of[f"tiers.{name}"] = self.hits_of.get(f"tiers.{name}", 0) + 1

    def reduction(
        self, group: Group, redop: int | None = RedOp.SUM, etype: int = EType.FP32,
        units: int | None = None, raw: float = 0.0, mode: int = 0,
    ) -> traffic.Traffic:  # fmt: skip
        """Return contributions of all members under a new name; no `redop`: a barrier.

        `raw`: share of the leaves whose members send sums to the engine above themselves.
        """
        rng = self.rng
        self.seq += 1
        if units is None:
            units = int(rng.choice([1, 2, 5, MAX_UNITS]))
        common: dict[str, Any] = {
            "group": group.number, "slice": int(rng.integers(0, 1 << 16)), "seq": self.seq,
            "etype": etype, "redop": redop or 0, "flit_w": self.config.flit_w,
        }  # fmt: skip
        what = "barrier" if redop is None else f"{EType(etype).name}.{RedOp(redop).name}".lower()
        self.hit(what)
        n = 16 * units // element_dtype(etype).itemsize
        name = str(rng.choice(classes(etype)))
        data = columns(rng, name, len(group.members), n, etype)
        poison = rng.random() < 0.1
        packets = [packet.make(0) for _ in range(PORTS)]
        for leaf in range(LEAVES):
            behind = group.behind(leaf)
            alone = redop == RedOp.SUM and rng.random() < raw
            for k, port in enumerate(behind):
                fields = dict(common, src=port)
                if redop is None:
                    fields |= {"op": Op.BARRIER, "len": 0, "dst": LEAF_ENGINE}
                elif alone:
                    fields |= {"op": Op.ALLREDUCE, "len": units, "dst": group.engine}
                    fields |= {"tag": (units - 1) << 6 | (len(behind) - 1) << 3 | k}
                else:
                    fields |= {"op": Op.REDUCE, "len": units, "dst": LEAF_ENGINE}
                fields["root"] = 0 if alone else DOWN + group.spine
                fields["mode"] = mode | PARTIAL
                if alone and len(behind) == 1 and rng.random() < 0.5:
                    # the only one behind its port: a contribution like any other
                    fields |= {"mode": mode, "tag": 0}
                    self.hit("plain")
                else:
                    self.hit("raw" if alone else "passed")
                bits = data[group.members.index(port)] if redop is not None else data[0][:0]
                packets[port] = packet.make(1, payload=bits, **fields)
                packet.set_fields(packets[port], poison=int(poison and rng.random() < 0.3))
        return packets

    async def check_counters(self) -> None:
        """What went up and came down is what engines and members saw."""
        engines = ("results", "timeouts", "refused_type", "refused_len", "contexts_used")
        counted = {
            name: [await self.read(chip, f"engine[0].{name}") for chip in range(LEAVES + SPINES)]
            for name in engines
        }
        links = [(leaf, spine) for leaf in range(LEAVES) for spine in range(SPINES)]
        names = ("raised", "copies", "given_up", "lost", "bad_accesses")
        up = {name: [await self.uplink(*link, name) for link in links] for name in names}
        assert counted["contexts_used"] == [0] * (LEAVES + SPINES), "contexts are still in use"
        for leaf in range(LEAVES):
            mine = slice(leaf * SPINES, (leaf + 1) * SPINES)
            assert sum(up["raised"][mine]) == counted["results"][leaf]
            assert sum(up["given_up"][mine]) == counted["timeouts"][leaf]
        assert sum(up["copies"]) == self.tiers.copies
        assert sum(up["given_up"]) == self.tiers.given_up
        assert up["lost"] == [0] * len(links)
        assert up["bad_accesses"] == self.bad
        for name in ("refused_type", "refused_len"):
            assert sum(counted[name]) == self.refused.get(name, 0)
            if self.refused.get(name):
                self.hit(name)
        self.hits = self.hits_of


@pyuvm.test()
class SameBits(Tiers):
    """Sums of FP32 and BF16 that are hard to round, minima, maxima and barriers, of groups of all
    shapes, in leaves with and without an engine, while all send to all: the bits of one engine."""

    async def traffic(self) -> None:
        groups = [await self.group(0, list(range(PORTS))), await self.group(1, list(range(PORTS)))]
        for number in range(2, 6):
            many = int(self.rng.integers(2, PORTS + 1))
            members = [int(p) for p in self.rng.permutation(PORTS)[:many]]
            groups.append(await self.group(number, members))
        kinds: list[tuple[int | None, int]] = [
            (redop, etype) for redop in RedOp for etype in (EType.FP32, EType.BF16)
        ]
        kinds += [(RedOp.SUM, EType.FP32), (RedOp.SUM, EType.BF16)] * 8 + [(None, 0)] * 2
        self.rng.shuffle(kinds)
        # No more at a time than there are contexts, so that none waits for another.
        for at in range(0, len(kinds), self.config.contexts):
            parts = [
                self.reduction(
                    groups[int(self.rng.integers(0, len(groups)))],
                    None if redop is None else int(redop), int(etype), raw=0.3,
                )
                for redop, etype in kinds[at : at + self.config.contexts]
            ]  # fmt: skip
            # Random opcodes, contributions to ports among them.
            other = traffic.unicast(self.rng, self.config, 25)
            await self.send(traffic.shuffled(self.rng, *parts, other))
            await self.drain()
            self.set_stalls("random")


@pyuvm.test()
class Missing(Tiers):
    """A member that comes late, one that never comes, a leaf that comes when all was given up, and
    what is refused: every member hears of it, and the next reduction works."""

    async def traffic(self) -> None:
        self.set_stalls("none")  # when an error comes is part of the test
        group = await self.group(3, list(range(PORTS)))
        for redop in (RedOp.SUM, RedOp.MAX, None):
            await self.late(group, redop)
            await self.missing(group, redop)
            await self.leaf_too_late(group, redop)
            await self.works(group)
        await self.wrong(group)
        await self.works(group)

    async def only(self, packets: traffic.Traffic, *ports: int) -> None:
        """Send what some ports have, and wait until nothing moves."""
        await self.send([rows if p in ports else rows[:0] for p, rows in enumerate(packets)])
        await self.pipe.run(200)
        await self.pipe.drain(self.drain_timeout, 50)
        self.checker.check(force=True)

    async def works(self, group: Group) -> None:
        """As many reductions as there are contexts."""
        parts = [self.reduction(group) for _ in range(self.config.contexts)]
        await self.send(traffic.joined(*parts))
        await self.drain()
        assert not self.checker.outstanding

    def one_leaf(self) -> tuple[list[int], list[int]]:
        """Return the ports of a leaf, and all others."""
        leaf = int(self.rng.integers(0, LEAVES))
        ports = list(range(leaf * DOWN, (leaf + 1) * DOWN))
        return ports, [port for port in range(PORTS) if port not in ports]

    async def late(self, group: Group, redop: int | None) -> None:
        """One member is late, but in time."""
        packets = self.reduction(group, redop)
        (last, *same), others = self.one_leaf()
        await self.only(packets, *same, *others)
        await self.pipe.run(LOWER // 2)
        await self.only(packets, last)
        await self.drain()
        assert not self.checker.outstanding
        self.hit("late")

    async def missing(self, group: Group, redop: int | None) -> None:
        """One member does not come: its leaf gives up, then the spine; it comes too late."""
        packets = self.reduction(group, redop)
        (last, *same), others = self.one_leaf()
        await self.only(packets, *same, *others)
        errors = self.tiers.expire().expand()
        below = packet.get(errors, "dst") == ID_GROUP
        # those beside it hear of it, the others not yet
        self.checker.expect(errors[below])
        await self.pipe.run(LOWER)
        self.checker.check(force=True)
        assert not self.checker.outstanding and below.sum() == DOWN
        await self.only(packets, last)
        assert not self.checker.outstanding
        self.checker.expect(errors[~below])
        await self.pipe.run(UPPER)
        await self.drain()
        assert not self.checker.outstanding
        self.hit("missing")
        self.tiers.forget()

    async def leaf_too_late(self, group: Group, redop: int | None) -> None:
        """All members of a leaf come when the spine has given up."""
        packets = self.reduction(group, redop, units=1)
        leaf, others = self.one_leaf()
        await self.only(packets, *others)
        self.checker.expect(self.tiers.expire().expand())
        await self.pipe.run(UPPER + 200)
        self.checker.check(force=True)
        assert not self.checker.outstanding
        await self.only(packets, *leaf)
        await self.drain()
        assert not self.checker.outstanding
        self.hit("leaf_too_late")
        self.tiers.forget()

    async def wrong(self, group: Group) -> None:
        """Sums in member order have no partials; a raw contribution that cannot be."""
        await self.send(self.reduction(group, mode=ORDERED))
        packets = self.reduction(group, raw=1.0)
        for rows in packets:
            packet.set_fields(rows, tag=packet.get(rows, "tag") | partial.RAW << 3)
        await self.send(packets)
        await self.drain()
        self.refused = {"refused_type": PORTS, "refused_len": PORTS}
        await self.bad_accesses(group)

    async def bad_accesses(self, group: Group) -> None:
        """Rows read as they were written; one that is not there and members that are not are
        refused, and change nothing."""
        assert self.env.register_agent is not None
        master = self.env.register_agent.master
        base = (LEAVES + SPINES + group.spine) * CHIP
        row = UPLINK.address(f"row[{group.number}].up")
        for address in (UPLINK.address(f"row[{self.config.groups}].up"), row + 4):
            assert await master.write(base + address, 1 << DOWN | 1 << 31) == csr.SLVERR
        word = UPLINK.encode("row[0].up", valid=1, dst=group.engine)
        assert await master.read(base + row) == (word, csr.OKAY)
        assert await master.read(base + row + 4) == ((1 << DOWN) - 1, csr.OKAY)
        assert await master.read(base + UPLINK.address("magic")) == (0x53505550, csr.OKAY)
        self.bad[group.spine] = 2


@pyuvm.test()
class Waiting(Tiers):
    """Contributions of a leaf fill all buffers up to an engine without a context for them: what
    else goes up by that link does not wait for them."""

    async def traffic(self) -> None:
        for chip in range(LEAVES + SPINES):
            await self.write(chip, "reduction_timeout", cycles=0)
        # One of each leaf, in one order: the engine goes on as soon as the others come.
        group = await self.group(0, [leaf * DOWN for leaf in range(LEAVES)])
        first, *others = group.members
        packets = traffic.joined(
            *(self.reduction(group, raw=1.0, units=MAX_UNITS) for _ in range(6 * CONFIG.contexts))
        )
        await self.send([rows if p == first else rows[:0] for p, rows in enumerate(packets)])
        await self.pipe.run(1500)
        used = [await self.read(LEAVES, f"engine[0].{n}") for n in ("contexts_used", "results")]
        assert used == [self.config.contexts, 0]
        self.checker.check(force=True)
        here = list(range(DOWN))
        other = traffic.unicast(self.rng, self.config, 40, ops=traffic.PORT_OPS)
        await self.send([rows if p in here else rows[:0] for p, rows in enumerate(other)])
        await self.pipe.run(4000)
        self.checker.check(force=True)
        came = self.checker.compared
        assert came == 40 * len(here), f"{came} packets have passed those that wait"
        self.hit("waiting")
        await self.send([rows if p in others else rows[:0] for p, rows in enumerate(packets)])
        await self.drain()


@pytest.mark.sim
@pytest.mark.parametrize("testcase", ["SameBits", "Missing", "Waiting"])
def test_two_tier_reduction(sim: Any, testcase: str) -> None:
    # The build is that of test_two_tier.
    sim.run(config=CONFIG, dut=DUT, module=__name__, testcase=testcase, fixed=True, coverage=True)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"N_DOWN": 33}, "N_DOWN = 33 is not in 1..32"),
        ({"N_GROUPS": 4097}, "N_GROUPS = 4097 is not in 1..4096"),
        ({"UP_FLITS": 32}, "DEPTH = 32 is not a power of two of 50 or more"),
    ],
)
def test_uplink_parameters(parameters: dict[str, int], text: str) -> None:
    """What an uplink is not made for stops elaboration with its name and the bound."""
    spec = BuildSpec(
        name="illegal",
        toplevel="sp_uplink",
        sources=needed("sp_uplink"),
        parameters=tuple(parameters.items()),
    )
    with pytest.raises(BuildError, match=text):
        lint(spec)
