# SPDX-License-Identifier: Apache-2.0
"""pyuvm's register model on a whole switch: what it mirrors is what the registers hold."""

from __future__ import annotations

import pytest
import pyuvm
from pyuvm import uvm_reg, uvm_reg_block, uvm_sequence, uvm_status_e

from switchproof.models import csr
from switchproof.tb.base_test import BaseTest

GOOD, BAD = uvm_status_e.UVM_IS_OK, uvm_status_e.UVM_NOT_OK
#: Registers that anything may be written to.
FREE = ("scratch", "reduction_timeout", "ecn_threshold", "cut_timeout")


class Walk(uvm_sequence):
    """Reads every register, writes those that can be, and reads them all again."""

    def __init__(self, test: BaseTest, model: uvm_reg_block) -> None:
        super().__init__("walk")
        self.test = test
        self.model = model
        self.compared = 0

    def value(self, name: str) -> int:
        """Return a word that the register takes whole."""
        config, rng = self.test.config, self.test.rng
        register, _ = csr.load().find(name)
        if name.startswith("group"):
            return int(rng.integers(1 << config.ports))
        if name.startswith("fwd"):
            out = int(rng.integers(config.ports + config.engines))
            return csr.encode(name, out=out, valid=1)
        return int(rng.integers(1 << 32)) & sum(field.mask for field in register.fields)

    async def compare(self, register: uvm_reg) -> None:
        """Read a register; what hardware does not change is as the model says."""
        expected = register.get_mirrored_value()
        status, word = await register.read()
        assert status == GOOD, register.get_name()
        for field in register.get_fields():
            if field.is_volatile():
                continue
            mask = (1 << field.get_n_bits()) - 1
            got, wanted = (value >> field.get_lsb_pos() & mask for value in (word, expected))
            name = f"{register.get_name()}.{field.get_name()}"
            assert got == wanted, f"{name}: {got:#x}, the model says {wanted:#x}"
            self.compared += 1

    async def body(self) -> None:
        words = self.model.get_default_map()
        registers = {register.get_name(): register for register in self.model.get_registers()}
        readable = [r for r in registers.values() if r.get_rights(words) != "WO"]
        # Routes are written to by all tests before they begin; a write of `fwd_all` goes on to all.
        routes = [r for name, r in registers.items() if name.startswith("fwd[")]
        others = [r for r in readable if not r.get_name().startswith("fwd")]
        for register in others:
            await self.compare(register)
        writable = [
            r
            for r in (*others, *routes)
            if r.get_rights(words) == "RW" and (r.get_name() in FREE or "[" in r.get_name())
        ]
        for register in writable:
            assert await register.write(self.value(register.get_name())) == GOOD
        for register in writable:
            await self.compare(register)
        # Fields by name, and only what has been asked for.
        threshold = registers["ecn_threshold"]
        threshold.get_field_by_name("voq").set(5)
        threshold.get_field_by_name("egress").set(9)
        assert threshold.needs_update() and await threshold.update() == GOOD
        await self.compare(threshold)
        assert csr.decode("ecn_threshold", threshold.get_mirrored_value()) == {
            "voq": 5, "egress": 9,
        }  # fmt: skip
        # An access that the hardware refuses changes no mirror.
        route = routes[0]
        before = route.get_mirrored_value()
        assert await route.write(csr.encode(route.get_name(), out=1023, valid=1)) == BAD
        assert route.get_mirrored_value() == before
        await self.compare(route)


@pyuvm.test()
class RegisterModel(BaseTest):
    """The sequence, started as a user would."""

    async def traffic(self) -> None:
        harness, registers = self.harness, self.registers
        assert not harness.irq_o.value
        agent = self.env.register_agent
        assert agent is not None
        walk = Walk(self, agent.model(self.config))
        await walk.start(agent.sequencer)
        assert walk.compared > 100
        # All counters are as the model of the switch has them; what was refused is one access.
        assert await registers.read("bad_accesses") == 1
        assert await registers.fields("irq_status") == {
            name: int(name == "bad_access") for name in csr.decode("irq_status", 0)
        }
        await registers.write("irq_mask", bad_access=1)
        assert harness.irq_o.value
        await registers.write("irq_status", bad_access=1)
        assert not harness.irq_o.value
        await registers.write("control", clear=1)
        self.env.subscriber.coverage.hit("registers.model", walk.compared)


@pytest.mark.parametrize("config", ["dev2"])
def test_register_model(sim, config):
    sim.run(config=config, module=__name__, testcase="RegisterModel")
