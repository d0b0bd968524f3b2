# SPDX-License-Identifier: Apache-2.0
"""Coverage files read, merged and judged; the test plan refuses a ghost."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from switchproof.ci import coverage, testplan
from switchproof.ci.coverage import Point, Waiver
from switchproof.ci.paths import TESTS


def raw(line: int, page: str, text: str, count: int, hier: str = "top.a", lines: str = "") -> str:
    """Return one line of a coverage.dat as Verilator writes it."""
    fields = {
        "f": "/w/rtl/common/x.sv",
        "l": line,
        "n": 3,
        "t": page,
        "page": f"v_{page}/x",
        "o": text,
        **({"S": lines} if lines else {}),
        "h": hier,
    }
    return "C '" + "".join(f"\1{k}\2{v}" for k, v in fields.items()) + f"' {count}\n"


DATA = (
    "# SystemC::Coverage-3\n"
    + raw(3, "line", "block", 12, lines="3-4")
    + raw(5, "line", "if", 0, lines="5-6,8")
    + raw(9, "branch", "else", 2, lines="9")
    + raw(10, "toggle", "a[0]:0->1", 4)
    + raw(10, "toggle", "a[0]:0->1", 3, hier="top.b")
    + raw(10, "toggle", "a[0]:1->0", 0)
    + raw(11, "expr", "(a==0) => 1", 0)
    + raw(12, "user", "cover", 1)
    + "C '\1f\2/usr/lib/other.sv\1l\0021\1page\2v_line/y\1o\2block' 5\n"
)


def points(*texts: str) -> dict[Point, int]:
    """Return the merged points of several coverage.dat."""
    return coverage.merge([coverage.parse(text) for text in texts], Path("/w"))


def test_points_are_read() -> None:
    found = {(p.kind, p.line, p.text): n for p, n in points(DATA).items()}
    assert found == {
        ("line", 3, "block"): 12,
        ("branch", 5, "if"): 0,
        ("branch", 9, "else"): 2,
        ("toggle", 10, "a[0]:0->1"): 7,  # two instances
        ("toggle", 10, "a[0]:1->0"): 0,
        ("expr", 11, "(a==0) => 1"): 0,
    }
    arm = next(p for p in points(DATA) if p.line == 5)
    assert arm.lines == (5, 6, 8)
    assert arm.file == "rtl/common/x.sv"


def test_runs_are_added_up() -> None:
    other = raw(5, "line", "if", 7, lines="5-6,8") + raw(20, "line", "block", 1)
    merged = {(p.kind, p.line): n for p, n in points(DATA, other, other).items()}
    assert merged["branch", 5] == 14
    assert merged["line", 20] == 2
    assert merged["line", 3] == 12


def test_scores_and_holes() -> None:
    (file,) = coverage.by_file(points(DATA), [])
    assert file.score() == {"line": (3, 6), "branch": (1, 2), "toggle": (1, 2), "expr": (0, 1)}
    result = coverage.summary([file], [], {"common": (1, 2)}, {}, ["common/p: missing"])
    assert result["line"] == 50.0
    assert result["functional"] == 50.0
    assert result["blocks"]["common"]["points"]["line"] == [3, 6]
    assert result["holes"][0] == "common/p: missing"
    assert "rtl/common/x.sv:6: line" in result["holes"]
    assert "rtl/common/x.sv:10: toggle a, 1" in result["holes"]


def test_waiver_takes_out_only_what_is_not_hit() -> None:
    waiver = Waiver("rtl/common/*", "*", "*", "a reason")
    (file,) = coverage.by_file(points(DATA), [waiver])
    assert file.score() == {"line": (3, 3), "branch": (1, 1), "toggle": (1, 1), "expr": (0, 0)}
    assert waiver.used == 3
    other = Waiver("rtl/common/*", "toggle", "b*", "a reason")
    (file,) = coverage.by_file(points(DATA), [other])
    assert not other.used


def test_waiver_without_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text('[[waiver]]\nfile = "rtl/*"\n')
    with pytest.raises(coverage.CoverageError, match="needs `file` and `reason`"):
        coverage.load_waivers(path)


def test_threshold_can_fail() -> None:
    figures = {"line": 94.99, "functional": 100.0, "blocks": {"common": {"line": 90.0}}}
    limits = {"all": {"line": 95.0, "functional": 100.0}, "common": {"line": 90, "toggle": 1}}
    assert coverage.below(figures, limits) == [
        "all: line coverage 94.99% is below 95%",
        "common: toggle coverage was not measured",
    ]


def test_percent_never_rounds_up_to_a_threshold() -> None:
    assert coverage.percent(94_999, 100_000) == 94.99
    assert coverage.percent(0, 0) == 100.0


def test_reduced_runs_give_the_same(tmp_path: Path) -> None:
    texts = [DATA, DATA.replace("' 12\n", "' 30\n"), raw(5, "line", "if", 7, lines="5-6,8")]
    runs = []
    for i, text in enumerate(texts):
        run = tmp_path / str(i)
        run.mkdir()
        (run / "coverage.dat").write_text(text)
        coverage.reduce(run / "coverage.dat", tmp_path)
        assert not (run / "coverage.dat").exists()
        runs.append(run)
    sums: dict[str, int] = {}
    for run in runs:
        keys = Path(json.loads((run / "coverage.json").read_text())["keys"]).read_text()
        import numpy as np

        for key, n in coverage.dict_of(keys.split("\n"), np.load(run / "coverage.npy")).items():
            sums[key] = sums.get(key, 0) + n
    assert coverage.merge([sums], Path("/w")) == points(*texts)
    assert len(list(tmp_path.glob("*.keys"))) == 2


def test_lcov_and_cobertura_say_the_same(tmp_path: Path) -> None:
    files = coverage.by_file(points(DATA), [])
    coverage.write_lcov(files, tmp_path / "x.info")
    info = (tmp_path / "x.info").read_text()
    assert "DA:3,12\n" in info
    assert "DA:8,0\n" in info
    assert "LF:6\nLH:3\n" in info
    assert "BRF:2\nBRH:1\n" in info
    coverage.write_cobertura(files, tmp_path / "x.xml")
    root = ElementTree.parse(tmp_path / "x.xml").getroot()
    assert root.get("line-rate") == "0.5000"
    hits = {line.get("number"): line.get("hits") for line in root.iter("line")}
    assert hits == {"3": "12", "4": "12", "5": "0", "6": "0", "8": "0", "9": "2"}


PLAN = """
[[point]]
name = "one"
stage = "V1"
about = "something"
tests = ["test_there"]
coverage = ["a.*"]
"""


def verdict(
    tmp_path: Path,
    plan: str = PLAN,
    status: str = "passed",
    hits: dict[str, int] | None = None,
) -> testplan.Verdict:
    """Return the verdict on the one point of a plan, after one test."""
    (tmp_path / "b").mkdir(exist_ok=True)
    (tmp_path / "b" / "testplan.toml").write_text(plan)
    tests = [{"block": "b", "function": "test_there", "status": status}]
    functional = {"b/test_there": {"a.x": 1} if hits is None else hits}
    (found,) = testplan.judge(testplan.load(tmp_path), tests, functional)
    return found


def test_plan_is_met(tmp_path: Path) -> None:
    found = verdict(tmp_path)
    assert not found.missing
    assert (found.hit, found.bins, found.runs) == (1, 1, 1)


def test_ghost_test_fails(tmp_path: Path) -> None:
    ghost = PLAN.replace('"test_there"', '"test_there", "test_ghost"')
    assert verdict(tmp_path, ghost).missing == ["test b/test_ghost does not exist or never ran"]


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_test_that_did_not_pass_fails(tmp_path: Path, status: str) -> None:
    assert status in verdict(tmp_path, status=status).missing[0]


def test_coverage_not_hit_fails(tmp_path: Path) -> None:
    assert verdict(tmp_path, hits={"a.x": 1, "a.y": 0}).missing == ["coverage not hit: a.y"]


def test_coverage_that_nobody_knows_fails(tmp_path: Path) -> None:
    assert "know no such name" in verdict(tmp_path, hits={"b.x": 1}).missing[0]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('coverage = ["a.*"]', "coverage = []", "no coverage and no `why`"),
        ('tests = ["test_there"]', "tests = []", "it lists no test"),
        ('tests = ["test_there"]', 'tests = ["test_t*"]', r"test_t\* is no name of a test"),
        ('stage = "V1"', 'stage = "V9"', "stage V9 is not one of"),
        ('about = "something"', "", "about is missing"),
        ('about = "something"', 'about = "x"\nextra = 1', "unknown field extra"),
    ],
)
def test_bad_plan_is_refused(tmp_path: Path, old: str, new: str, text: str) -> None:
    with pytest.raises(testplan.PlanError, match=text):
        verdict(tmp_path, PLAN.replace(old, new))


def test_listed_tests_are_there() -> None:
    """A test that a plan of ours lists is a function of its block: no run is needed to find out."""
    there: dict[str, set[str]] = {}
    for point in testplan.load(TESTS):
        for name in point.tests:
            block, _, function = name.rpartition("/")
            block = block or point.block
            if block not in there:
                texts = [path.read_text() for path in (TESTS / block).glob("test_*.py")]
                there[block] = set(re.findall(r"^def (test_\w+)", "\n".join(texts), re.MULTILINE))
            assert function in there[block], f"{point.block}: point {point.name} lists {name}"
