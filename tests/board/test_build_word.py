# SPDX-License-Identifier: Apache-2.0
"""The build word in netlists of FPGAs: it is there, and two netlists differ in it alone."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from switchproof.ci import fpga
from tests.bench.scan_part import scan_part

HERE = Path(__file__).resolve().parent
WORDS = (0x0000_0001, 0x584B_ED23)
TABLE = re.compile(r"INIT\(16'h(0000|ffff)\)\n  \) \\\S*g_bit\[(\d+)\]\.bit_table ")


def netlist(word: int) -> str:
    """Return the netlist of a register that reads a build word bit by bit."""
    part = scan_part(
        "word", "reads the build word", HERE / "sp_word_reader.sv", HERE / "none.lpf",
        (fpga.WORD,), {"BUILD": word},
    )  # fmt: skip
    flow = fpga.Flow(part, "85")
    flow.folder.mkdir(parents=True, exist_ok=True)
    fpga.synthesize(flow)
    return flow.netlist.read_text()


@pytest.mark.skipif(importlib.util.find_spec("pyosys") is None, reason="pyosys is not there")
def test_netlists_differ_in_the_word_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bit of the word is a table of one value; all else is the same."""
    monkeypatch.setattr(fpga, "BUILD", tmp_path)
    texts = [netlist(word) for word in WORDS]
    for text, word in zip(texts, WORDS):
        bits = {int(bit): value == "ffff" for value, bit in TABLE.findall(text)}
        assert bits == {bit: bool(word >> bit & 1) for bit in range(32)}
    first, second = (TABLE.sub("", text) for text in texts)
    assert first == second
