# SPDX-License-Identifier: Apache-2.0
"""Wrong variables give one line with the valid values, and seeds are stable."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from _pytest.mark.expression import Expression

from switchproof.ci import commands, variables
from switchproof.ci.commands import ALL_BUT_BOARDS, DEFAULT_SUITE, USUAL
from switchproof.ci.paths import ROOT
from switchproof.ci.pytest_plugin import target_of
from switchproof.ci.variables import UserError
from switchproof.models import profiles


@pytest.mark.parametrize("text", ["zz", "0", "-1", "2147483648", "1.5"])
def test_bad_seed(text: str) -> None:
    with pytest.raises(UserError, match=r"is not a whole number in 1\.\.2147483647"):
        variables.seed(text)


@pytest.mark.parametrize("text", ["1", "513", "many"])
def test_bad_ports(text: str) -> None:
    with pytest.raises(UserError, match=r"PORTS=.* is not a whole number in 2\.\.512"):
        variables.override("", text)


def test_bad_profile_lists_all_and_the_nearest() -> None:
    with pytest.raises(UserError) as error:
        variables.override("dev5", "")
    text = str(error.value)
    assert "\n" not in text
    assert all(name in text for name in profiles.load())
    assert "did you mean dev" in text


def test_ports_find_a_configuration() -> None:
    assert variables.override("", "") is None
    assert variables.override("", "4") == "dev4"
    five = variables.resolve_config(str(variables.override("", "5")))
    assert (five.ports, five.flit_w) == (5, profiles.get("dev8").flit_w)
    wide = variables.resolve_config(str(variables.override("dev2", "3")))
    assert (wide.ports, wide.flit_w) == (3, profiles.get("dev2").flit_w)
    assert [variables.override("", text) for text in ("64", "72", "512")] == [
        "rack64", "rack72", "upn512",
    ]  # fmt: skip
    between = variables.resolve_config(str(variables.override("", "100")))
    assert (between.ports, between.voq_flits) == (100, profiles.get("upn512").voq_flits)


@pytest.mark.parametrize(
    ("asked", "suite"),
    [
        ({}, commands.DEFAULT_SUITE),
        ({"PORTS": "16"}, commands.DEFAULT_SUITE),
        ({"PORTS": "64"}, commands.RACK_SUITE),
        ({"PROFILE": "upn512"}, commands.RACK_SUITE),
        ({"PROFILE": "upn512", "PORTS": "8"}, commands.DEFAULT_SUITE),
    ],
)
def test_many_ports_have_tests_of_their_own(monkeypatch, asked, suite) -> None:
    for name in ("PORTS", "PROFILE"):
        monkeypatch.setenv(name, asked.get(name, ""))
    assert commands.sim_suite() == suite


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"pipelined": 1, "augment": 1}, "augment = 1 is not 0, as pipelined asks for"),
        ({"pipelined": 1, "cut_through": 1}, "cut_through = 1 is not built with pipelined"),
        ({"pipelined": 1, "voq_shared": 8}, "voq_shared = 8 is not 0, as pipelined asks for"),
        ({"cut_through": 1, "voq_shared": 8}, "voq_shared = 8 is not 0, as cut_through asks for"),
        ({"partials": 1, "flit_w": 256}, "partials = 1 with flit_w = 256"),
        ({"partials": 1, "flit_w": 128, "voq_flits": 64, "ports": 129}, "and ports = 129"),
    ],
)
def test_forms_that_are_not_built_are_named(changes: dict[str, int], text: str) -> None:
    plain = profiles.get("dev4").replace(mcast=0)
    with pytest.raises(profiles.ConfigError, match=text):
        plain.replace(**changes)


def test_resolve_refuses_what_is_no_number() -> None:
    with pytest.raises(profiles.ConfigError, match="changes no number"):
        variables.resolve_config("dev4-colour3")


def test_pattern_is_part_or_glob() -> None:
    name = "crossbar/test_random_unicast[dev4]"
    for pattern in ("random", name, "crossbar/*", "*[dev4]", "crossbar/test_r?ndom*"):
        assert variables.matches(pattern, name), pattern
    for pattern in ("dev16", "*[dev2]", "crossbar/test_random_unicast[d]"):
        assert not variables.matches(pattern, name), pattern


def test_seeds_are_stable_and_differ() -> None:
    # Pinned: a change here would make every repro line of the past wrong.
    assert variables.default_seed("crossbar/test_random_unicast[dev4]") == 516792829
    seeds = {variables.default_seed("a/test_b", base) for base in range(1, 50)}
    assert len(seeds) == 49
    assert all(1 <= seed <= variables.MAX_SEED for seed in seeds)


@pytest.mark.parametrize(
    ("command", "settings", "line"),
    [
        ("sim", {"PORTS": "1"}, "PORTS=1 is not a whole number in 2..512"),
        ("sim", {"SEED": "x"}, "SEED=x is not a whole number in 1..2147483647"),
        ("test", {"PROFILE": "nope"}, "PROFILE=nope is not one of: "),
        ("test", {"WAVES": "yes"}, "WAVES=yes is not 0 or 1"),
        ("test", {"JOBS": "0"}, "JOBS=0 is not a whole number in 1..256"),
        ("test", {"TEST": "no_such_thing"}, "TEST=no_such_thing selects no test; there are: "),
        ("bench", {"BENCH": "nope"}, "BENCH=nope is not one of: "),
        ("regress", {"SUITE": "nope"}, "SUITE=nope is not one of: sim, test"),
        ("regress", {"SEEDS": "0"}, "SEEDS=0 is not a whole number in 1..10000"),
        ("nonsense", {}, "no command nonsense; there are: "),
    ],
    # Without ids of their own the names of these tests would hold what TEST= must not find.
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)
def test_command_says_one_line(command: str, settings: dict[str, str], line: str) -> None:
    names = ("TEST", "SEED", "SEEDS", "PORTS", "PROFILE", "WAVES", "JOBS", "BENCH", "SUITE")
    clean = {k: v for k, v in os.environ.items() if k not in names}
    result = subprocess.run(
        [sys.executable, "-m", "switchproof.ci", command],
        env={**clean, **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr.startswith(f"switchproof: {line}")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("option", "name"), [("--sp-profile=dev8", "dev8"), ("--sp-ports=5", "dev8-ports5")]
)
def test_override_replaces_every_configuration(option: str, name: str) -> None:
    """Tests with one parameter and with several run once in the configuration asked for."""
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", option]
    done = subprocess.run(
        [*command, "tests/crossbar/test_fairness.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = {line.split("::")[1] for line in done.stdout.splitlines() if "::" in line}
    assert found == {
        f"test_equal_shares[{name}]",
        f"test_multicast_out_of_step[{name}]",
        f"test_out_of_step[{name}-2]",
        f"test_out_of_step[{name}-3]",
    }


@pytest.mark.parametrize(
    ("marks", "target", "selects"),
    [
        (set(), "test", USUAL),
        ({"sim"}, "sim", DEFAULT_SUITE),
        ({"sim", "large"}, "test", USUAL),
        ({"sim", "long"}, "regress SUITE=test", ALL_BUT_BOARDS),
    ],
)
def test_rerun_line_names_a_target_that_runs_the_test(
    marks: set[str], target: str, selects: str
) -> None:
    assert target_of(marks) == target
    assert Expression.compile(selects).evaluate(lambda name, **_: name in marks)
