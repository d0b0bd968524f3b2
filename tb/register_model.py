# SPDX-License-Identifier: Apache-2.0
"""A map of registers as pyuvm's register model, for whoever plugs in sequences of their own.

The front door of pyuvm 5.0 is whole: fields, mirrors, `read`, `write`, `update` and `mirror` with a
check. Its back doors, memories, coverage and predictor are not, and nothing here needs them: the
map predicts from each access that went through it. Our own tests go by name (axi_lite.Registers),
which costs a tenth; both see the same map (models/csr.py).
"""

from __future__ import annotations

import itertools
from typing import Any

from pyuvm import (
    uvm_access_e,
    uvm_driver,
    uvm_endianness_e,
    uvm_reg,
    uvm_reg_adapter,
    uvm_reg_block,
    uvm_reg_bus_op,
    uvm_reg_field,
    uvm_sequence_item,
    uvm_sequencer,
    uvm_status_e,
)

from switchproof.models.csr import OKAY, CsrMap, Register
from switchproof.models.profiles import Config

from .axi_lite import AxiLiteMaster

#: Access of our maps, and what UVM calls it.
POLICIES = {"r": "RO", "w": "WO", "rw": "RW", "rw1c": "W1C"}


class Word(uvm_sequence_item):
    """One access of a word; data of a read and the response (AXI4) are filled in."""

    def __init__(self, name: str, write: bool, address: int, data: int) -> None:
        super().__init__(name)
        self.write = write
        self.address = address
        self.data = data
        self.response = OKAY


class WordDriver(uvm_driver):
    """Carries words over AXI4-Lite; `master` is set by who builds it."""

    master: AxiLiteMaster

    async def run_phase(self) -> None:
        while True:
            word = await self.seq_item_port.get_next_item()
            if word.write:
                word.response = await self.master.write(word.address, word.data)
            else:
                word.data, word.response = await self.master.read(word.address)
            self.seq_item_port.item_done()


class WordAdapter(uvm_reg_adapter):
    """Between register operations and words. A response that is not OKAY is UVM_NOT_OK."""

    def reg2bus(self, rw: uvm_reg_bus_op) -> Word:
        return Word("word", rw.kind == uvm_access_e.UVM_WRITE, rw.addr, rw.data)

    def bus2reg(self, bus_item: Any, rw: uvm_reg_bus_op) -> None:
        rw.data = bus_item.data
        good = bus_item.response == OKAY
        rw.status = uvm_status_e.UVM_IS_OK if good else uvm_status_e.UVM_NOT_OK


def _register(block: uvm_reg_block, about: Register, name: str) -> uvm_reg:
    """Return a register with its fields; what hardware gives is volatile."""
    register = uvm_reg(name, 32)
    register.configure(block)
    for field in about.fields:
        part = uvm_reg_field(field.name)
        part.configure(
            register, field.width, field.lsb, POLICIES[field.access],
            field.access in ("r", "rw1c"),
            field.reset or 0, field.reset is not None, False, False,
        )  # fmt: skip
    return register


def register_model(
    table: CsrMap, config: Config, sequencer: uvm_sequencer, base: int = 0, name: str = "registers"
) -> uvm_reg_block:
    """Return the model of all registers that a configuration has, locked and reset.

    Registers are named as everywhere, ``port[3].rx_flits``; `base` is the byte address of the map,
    `sequencer` that of a WordDriver.
    """
    block = uvm_reg_block(name)
    words = block.create_map("words", base, 4, uvm_endianness_e.UVM_LITTLE_ENDIAN, True)
    block.set_default_map(words)
    for about in table.registers.values():
        rights = {(True, True): "RW", (True, False): "RO", (False, True): "WO"}
        for indices in itertools.product(*(range(dim.present(config)) for dim in about.dims)):
            register = _register(block, about, about.element(indices))
            offset = int(about.addresses(*indices))
            words.add_reg(register, offset, rights[about.readable, about.writable])
    words.set_sequencer(sequencer, WordAdapter("adapter"))
    words.set_auto_predict(True)
    block.lock_model()
    block.reset("HARD")
    return block
