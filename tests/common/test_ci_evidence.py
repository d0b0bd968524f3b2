# SPDX-License-Identifier: Apache-2.0
"""Evidence files, and what the closing list says of a failure."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from switchproof.ci import commands, evidence


def _write_often(folder: Path, number: int) -> None:
    evidence.REPORT = folder
    for _ in range(300):
        evidence.write("same", {"number": number})


def test_processes_write_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of one session leave the same evidence at the same time, as two boards do."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.starmap(_write_often, [(tmp_path, number) for number in range(3)])
    monkeypatch.setattr(evidence, "REPORT", tmp_path)
    assert evidence.read("same")["number"] in range(3)
    assert [path.name for path in tmp_path.iterdir()] == ["same.json"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("    assert a == b\nE   assert 1 == 2\nE    +  where 1\n\nx.py:3: AssertionError",
         ["assert 1 == 2", "+  where 1"]),
        ("[gw0] linux\none\n\ntwo\nthree\nfour", ["one", "two", "three"]),
        ("", []),
    ],
)  # fmt: skip
def test_reason_of_a_failure(message: str, reason: list[str]) -> None:
    assert commands._reason(message) == reason
