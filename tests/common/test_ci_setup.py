# SPDX-License-Identifier: Apache-2.0
"""Set-up on a machine that lacks something: one clear line for each thing, exit code 1."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from switchproof.ci import filelists, setup
from switchproof.ci.paths import ROOT

TOOLS = ("make", "perl", "c++", "g++", "clang++")


def run_setup(path: Path) -> subprocess.CompletedProcess[str]:
    """Run ci/setup.py with a PATH of one folder."""
    return subprocess.run(
        [sys.executable, str(ROOT / "ci" / "setup.py")],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("absent", "package"),
    [(("make",), "make"), (("perl",), "perl"), (("c++", "g++", "clang++"), "g++")],
)
def test_a_missing_tool_is_named(tmp_path: Path, absent: tuple[str, ...], package: str) -> None:
    for tool in set(TOOLS) - set(absent):
        found = shutil.which(tool)
        if found:
            (tmp_path / tool).symlink_to(found)
    result = run_setup(tmp_path)
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("switchproof: ")
    assert f"apt-get install {package})" in lines[0]


def test_all_missing_tools_are_named_at_once(tmp_path: Path) -> None:
    result = run_setup(tmp_path)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 3
    assert "Traceback" not in result.stderr


def test_an_old_python_is_told_so() -> None:
    lines = setup.missing_tools((3, 8, 1))
    assert len(lines) == 1
    assert "Python 3.10 or newer is needed and this is 3.8.1" in lines[0]
    assert not setup.missing_tools((3, 10, 0))


def test_an_old_python_can_read_the_file() -> None:
    import ast

    ast.parse((ROOT / "ci" / "setup.py").read_text(), feature_version=(3, 8))


def test_a_compiler_without_cxx20_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert setup.check_compiler() is None
    fake = tmp_path / "old-c++"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CXX", str(fake))
    assert "does not compile C++20" in str(setup.check_compiler())


def test_requirements_are_pinned() -> None:
    for group in ("base", "extra"):
        for line in Path(setup.requirements(group)).read_text().splitlines():
            if line and not line.startswith("#"):
                assert "==" in line.split(";")[0], line


def test_file_lists_name_all_rtl() -> None:
    assert not [path.name for path in filelists.stale()]


def test_package_folders_are_all_declared() -> None:
    """`pip install .` must bring every folder with Python in it."""
    if sys.version_info < (3, 11):
        pytest.skip("tomllib came with 3.11")
    import tomllib

    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for name in ("models", "tb", "ci"):
        folders = {path.parent for path in (ROOT / name).rglob("*.py")}
        for folder in folders:
            dotted = "switchproof." + folder.relative_to(ROOT).as_posix().replace("/", ".")
            assert dotted in table["packages"], dotted


def test_files_needed(tmp_path: Path) -> None:
    """A file comes behind what it uses, beside it or in rtl/; what a comment names is not used."""
    texts = {
        "sp_top": "module sp_top; import sp_own_pkg::*; sp_part part (); endmodule",
        "sp_part": "module sp_part; // not sp_other\n sp_rr_arbiter first (); endmodule",
        "sp_own_pkg": "package sp_own_pkg; endpackage",
        "sp_other": "module sp_other; endmodule",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.sv").write_text(text)
    found = [path.stem for path in filelists.needed(tmp_path / "sp_top.sv")]
    assert found == ["sp_own_pkg", "sp_rr_arbiter", "sp_part", "sp_top"]
