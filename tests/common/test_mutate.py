# SPDX-License-Identifier: Apache-2.0
"""Defects: each kind is legal, changes what it should when chosen, and nothing when it is not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from switchproof.ci import build as builds
from switchproof.ci.mutate import campaign, choose, design, points, rewrite, survivors
from switchproof.ci.mutate.rewrite import Mutant
from switchproof.ci.paths import BUILD, ROOT, RTL
from switchproof.ci.simulate import Run, RunError

DATA = ROOT / "tests" / "common" / "data"
TINY = DATA / "sp_mutants.sv"
FOLDER = BUILD / "mutate" / "test"

PAIR = """\
// SPDX-License-Identifier: Apache-2.0
module sp_mutants_pair (
    input logic clk_i, rst_ni, valid_i,
    input logic [7:0] a_i, b_i,
    input logic [1:0] op_i,
    output logic differ_o
);
  logic [7:0] y0, y1;
  logic [31:0] w0, w1;
  logic [15:0] q0, q1;
  sp_mutants i_changed (.*, .y_o(y0), .wide_o(w0), .q_o(q0));
  sp_mutants_twin i_twin (.*, .y_o(y1), .wide_o(w1), .q_o(q1));
  assign differ_o = y0 != y1 || w0 != w1 || q0 != q1;
endmodule
"""

#: The one defect of the tiny module that changes nothing: the case assigns in all its items.
SAME = [("y_o = '0;", "'1")]


@pytest.fixture(scope="module")
def tiny() -> design.Design:
    return design.Design([TINY], "sp_mutants")


@pytest.fixture(scope="module")
def mutants(tiny: design.Design) -> list[Mutant]:
    """Return all defects of the tiny module that are legal."""
    found = [Mutant(n, "tiny", p) for n, p in enumerate(points.find(tiny, TINY), 1)]
    bad = rewrite.check(tiny, found, "sp_mutants", None, FOLDER / "check")
    assert not [why for why in bad.values() if why.startswith("illegal")], bad
    return [mutant for mutant in found if mutant.id not in bad]


@pytest.fixture(scope="module")
def pair(tiny: design.Design, mutants: list[Mutant]) -> Path:
    """Build the module with all its defects beside a twin without; return the executable."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = {
        "sp_mutant_pkg.sv": rewrite.PACKAGE_TEXT,
        "sp_mutants.sv": rewrite.merge(tiny.texts[TINY], mutants),
        "sp_mutants_twin.sv": TINY.read_text().replace("sp_mutants", "sp_mutants_twin"),
        "sp_mutants_pair.sv": PAIR,
    }
    for name, text in texts.items():
        (FOLDER / name).write_text(text)
    spec = builds.BuildSpec(
        name="sp_mutants_pair",
        toplevel="sp_mutants_pair",
        sources=(*(FOLDER / name for name in texts), DATA / "mutants_main.cpp"),
        vpi=False,
    )
    return builds.build(spec).executable


def differs(executable: Path, number: int) -> int:
    """Return the cycles in which a defect shows."""
    command = [executable, f"+mutant={number}"] if number else [executable]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_all_operators_are_there(mutants: list[Mutant]) -> None:
    operators = {mutant.point.operator for mutant in mutants}
    assert operators == {
        "arithmetic", "bitwise", "case", "condition", "constant", "index", "logical", "lost",
        "negation", "relational", "reset", "shift", "slice", "stuck", "term",
    }  # fmt: skip


def test_nothing_changes_without_a_choice(pair: Path, mutants: list[Mutant]) -> None:
    assert differs(pair, 0) == 0
    assert differs(pair, mutants[-1].id + 1) == 0


def test_each_defect_shows(pair: Path, tiny: design.Design, mutants: list[Mutant]) -> None:
    silent = [m for m in mutants if not differs(pair, m.id)]
    names = [(survivors.key(tiny, m.point).line, m.point.after) for m in silent]
    assert names == SAME


def test_what_is_constant_stays(tiny: design.Design) -> None:
    """Parameters, dimensions, loop headers, constant functions, the reset's test, assertions."""
    text = TINY.read_text()
    changed = {text.count("\n", 0, p.start) for p in points.find(tiny, TINY)}
    lines = text.splitlines()
    for number in changed:
        line = lines[number]
        assert "localparam" not in line and "typedef" not in line, line
        assert "$clog2" not in line and "assert" not in line and "!rst_ni" not in line, line
        assert "for (" not in line, line


def merged(text: str, *found: points.Point) -> str:
    """Return a text with defects numbered from 1, without the line that turns warnings off."""
    numbered = [Mutant(n, "", point) for n, point in enumerate(found, 1)]
    return rewrite.merge(text, numbered).removeprefix(rewrite._LINT)


def test_defects_nest() -> None:
    text = "assign y = a && !b;"
    path = Path("x.sv")
    outer = points.Point(path, 11, 18, "logical", "a || !b")
    inner = points.Point(path, 16, 18, "negation", "(b)")
    again = points.Point(path, 11, 18, "stuck", "'0")
    assert merged(text, inner, outer, again) == (
        "assign y = ((sp_mutant_pkg::id == 3) ? ('0) : (((sp_mutant_pkg::id == 2) ? (a || !b) : "
        "(a && ((sp_mutant_pkg::id == 1) ? ((b)) : (!b))))));"
    )


def test_lines_keep_their_numbers() -> None:
    text = "if (a)  // why\n  b <= c  // what\n       + d;\n"
    start = text.index("b <=")
    lost = points.Point(Path("x.sv"), start, len(text) - 1, "lost", "b <= c  // what\n  + e;", True)
    assert merged(text, lost) == (
        "if (a)  // why\n  begin if (sp_mutant_pkg::id == 1) begin b <= c + e; end else "
        "b <= c  // what\n       + d; end\n"
    )


def test_overlap_is_refused() -> None:
    path = Path("x.sv")
    with pytest.raises(ValueError, match="overlap"):
        merged("abcdef", points.Point(path, 0, 3, "x", "y"), points.Point(path, 2, 5, "x", "y"))


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("'0", ["'1"]),
        ("1'b1", ["1'b0"]),
        ("3'd7", ["3'd6"]),
        ("8'hff", ["8'hfe"]),
        ("2'b01", ["2'b10", "2'b0"]),
        ("4", ["5", "3"]),
        ("0", ["1"]),
        ("4'bxx10", []),
    ],
)
def test_neighbours_of_literals(text: str, others: list[str]) -> None:
    assert points.other_literals(text) == others


def test_wider_defect_is_passed_over(tmp_path: Path) -> None:
    """A defect that is wider than what it replaces would change the original as well."""
    source = tmp_path / "m.sv"
    text = (
        "module m (input logic [3:0] a, output logic [7:0] y);\n"
        "  assign y = {4'd0, a};\nendmodule\n"
    )
    source.write_text(text)
    found = design.Design([source], "m")
    start = text.index("a}")
    wide = Mutant(1, "", points.Point(source, start, start + 1, "x", "8'd255"))
    assert "width" in rewrite.check(found, [wide], "m", None, tmp_path)[1]


def test_illegal_defect_is_blamed(tmp_path: Path) -> None:
    source = tmp_path / "m.sv"
    text = "module m (input logic a, output logic y);\n  assign y = a;\nendmodule\n"
    source.write_text(text)
    found = design.Design([source], "m")
    start = text.index("a;")
    good = Mutant(1, "", points.Point(source, start, start + 1, "x", "!a"))
    bad = Mutant(2, "", points.Point(source, start, start + 1, "x", "nothing_there"))
    same = Mutant(3, "", points.Point(source, start, start + 1, "x", "a"))
    why = rewrite.check(found, [good, bad, same], "m", None, tmp_path)
    assert list(why) == [2]
    assert why[2].startswith("illegal")


def test_same_constant_is_equivalent(tmp_path: Path) -> None:
    source = tmp_path / "m.sv"
    text = "module m (output logic [3:0] y);\n  assign y = 4'd2 + 4'd2;\nendmodule\n"
    source.write_text(text)
    found = design.Design([source], "m")
    start = text.index("4'd2 +")
    same = Mutant(1, "", points.Point(source, start, start + 11, "x", "4'd8 >> 1"))
    assert rewrite.check(found, [same], "m", None, tmp_path)[1].startswith("equivalent")


def test_a_seed_fixes_the_sequence(tiny: design.Design) -> None:
    table = {"a": points.find(tiny, TINY)[:40], "b": points.find(tiny, TINY)[40:60]}
    weights = {"a": 3, "b": 1}
    first = list(choose.sequence(tiny, table, weights, 7))
    assert first == list(choose.sequence(tiny, table, weights, 7))
    assert first != list(choose.sequence(tiny, table, weights, 8))
    assert len(first) == len(set(first)) == 60
    assert [block for block, _ in first[:8]].count("b") == 2
    # One defect less brings in one other and leaves the rest.
    fewer = {"a": [p for p in table["a"] if p != first[0][1]], "b": table["b"]}
    others = list(choose.sequence(tiny, fewer, weights, 7))
    assert len({p for _, p in first[:20]} - {p for _, p in others[:20]}) <= 2


def test_blocks_of_the_rtl_have_defects() -> None:
    found = choose.files(RTL, sorted(RTL.rglob("*.sv")))
    assert set(found) == set(choose.BLOCKS)
    assert all(found.values())


def entry(**changes: str) -> str:
    table = {
        "file": "f.sv", "line": "x", "before": "a", "after": "b", "status": "equivalent",
        "reason": "so",
    }  # fmt: skip
    return "[[survivor]]\n" + "".join(f'{k} = "{v}"\n' for k, v in {**table, **changes}.items())


def test_survivors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(entry() + entry(after="c", status="uncovered"))
    found = survivors.load(path)
    assert [s.status for s in found.values()] == ["equivalent", "uncovered"]
    assert len(survivors.stale(found.values(), list(found)[:1])) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (entry(status="fine"), "status is not one of"),
        (entry(reason=" "), "gives no reason"),
        (entry() + entry(), "is there twice"),
        ("[[survivor]]\nfile = 'x'\n", "lacks"),
        ("[[", "Invalid|Expected"),
    ],
)
def test_wrong_survivors_are_named(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(survivors.SurvivorsError, match=why):
        survivors.load(path)


def test_survivors_of_the_repository_are_sound() -> None:
    assert all(s.reason for s in survivors.load().values())


def test_score_leaves_equivalents_out(mutants: list[Mutant]) -> None:
    def verdict(n: int, killed: bool) -> campaign.Verdict:
        return campaign.Verdict(mutants[n], killed, "t" * killed, "", 1.0)

    verdicts = [verdict(0, True), verdict(1, True), verdict(2, False), verdict(3, False)]
    same = {mutants[1].id, mutants[2].id}
    assert campaign.tally(verdicts, same) == {
        "mutants": 4, "killed": 2, "equivalent": 1, "score": 66.67,
    }  # fmt: skip


def recorded(name: str, *sources: Path, timeout: float = 60.0) -> campaign.Recorded:
    """Return a noted simulation that is never really run."""
    run = Run(
        name=name,
        build=builds.Build(Path(), Path(), 0.0),
        toplevel="m",
        module="m",
        testcase="t",
        seed=1,
        timeout=timeout,
    )
    return campaign.Recorded(name, run, frozenset(sources))


def test_campaign(mutants: list[Mutant], monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that notices ends a defect; one whose model lacks the file is not run."""
    tried: list[tuple[str, int]] = []

    def attempt(item: campaign.Recorded, number: int, *, timeout: float, keep: bool = False) -> str:
        tried.append((item.test, number))
        notices = item.test == "b" and number == mutants[0].id
        return "noticed" if notices else ""

    monkeypatch.setattr(campaign, "attempt", attempt)
    tests = [recorded("a", TINY), recorded("b", TINY), recorded("c", Path("other.sv"))]
    found = campaign.run(mutants[:2], tests, 1, lambda verdict: None)
    assert [(v.killed, v.test) for v in found] == [(True, "b"), (False, "")]
    assert {number for test, number in tried if test == "a"} >= {mutants[1].id}
    assert not [test for test, _ in tried if test == "c"]


def test_what_fails_anyway_judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt(item: campaign.Recorded, number: int, *, timeout: float, keep: bool = False) -> str:
        assert number == 0
        return "broken" if item.test == "b" else ""

    monkeypatch.setattr(campaign, "attempt", attempt)
    kept, failed = campaign.baseline([recorded("a"), recorded("b")], 1, lambda item, how: None)
    assert [item.test for item in kept] == ["a"]
    assert failed == ["b: broken"]
    with pytest.raises(campaign.CampaignError, match="no test passes"):
        campaign.baseline([recorded("b")], 1, lambda item, how: None)


def test_a_run_gets_its_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator is started with the number, in a folder of its own, which goes afterwards."""
    seen: list[Run] = []

    def simulate(run: Run) -> None:
        seen.append(run)
        raise RunError("two lines\nof text")

    monkeypatch.setattr(campaign, "simulate", simulate)
    assert campaign.attempt(recorded("x/test_y[dev4]"), 17, timeout=3.0) == "two lines"
    assert seen[0].args == ("+mutant=17",)
    assert seen[0].name == "mutant17/x/test_y[dev4]"
    assert seen[0].timeout == 3.0
