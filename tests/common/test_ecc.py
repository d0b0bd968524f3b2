# SPDX-License-Identifier: Apache-2.0
"""The code of words in memories: RTL and model agree on every pattern of up to three wrong bits."""

from __future__ import annotations

import os
import random

import cocotb
import pytest
from cocotb.triggers import Timer

from switchproof.ci.filelists import needed
from switchproof.models import ecc


@cocotb.test()
async def agrees(dut) -> None:
    """Random words with 0 to 3 wrong bits, every single one among them."""
    rng = random.Random(int(os.environ["SP_SEED"]))
    width = len(dut.data_i)
    places = width + ecc.check_bits(width)
    assert len(dut.check_o) == ecc.check_bits(width)
    patterns = [[], *([n] for n in range(places))]
    patterns += [rng.sample(range(places), min(places, k)) for k in (2, 2, 3) for _ in range(100)]
    for wrong in patterns:
        word, mask = rng.getrandbits(width), sum(1 << n for n in wrong)
        dut.data_i.value, dut.wrong_i.value = word, mask
        await Timer(1, "ns")
        check = ecc.encode(word, width)
        assert int(dut.check_o.value) == check
        stored = (check << width | word) ^ mask
        expected = ecc.decode(stored & (1 << width) - 1, stored >> width, width)
        found = int(dut.data_o.value), bool(dut.corrected_o.value), bool(dut.failed_o.value)
        assert found == expected, (hex(word), wrong)
        if len(wrong) < 3:
            assert found[1:] == (len(wrong) == 1, len(wrong) == 2), (hex(word), wrong)


@pytest.mark.parametrize("width", [1, 26, 129])
def test_code(sim, width: int) -> None:
    sim.run_module(
        sources=needed("tests/common/data/sp_ecc_pair.sv"),
        toplevel="sp_ecc_pair", module=__name__, testcase="agrees",
        parameters={"WIDTH": width}, coverage=False,
    )  # fmt: skip


def test_width_out_of_range() -> None:
    from switchproof.ci import build

    spec = build.BuildSpec(
        name="ecc", toplevel="sp_ecc_pair", sources=needed("tests/common/data/sp_ecc_pair.sv"),
        parameters=(("WIDTH", 641),),
    )  # fmt: skip
    with pytest.raises(build.BuildError, match=r"WIDTH = 641 is not in 1\.\.640"):
        build.lint(spec)
