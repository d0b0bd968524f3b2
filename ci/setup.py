# SPDX-License-Identifier: Apache-2.0
"""Set-up that needs nobody: check the machine, make ``.venv``, install the pinned packages.

Only the standard library is used, and nothing newer than Python 3.8, so that an old interpreter
gets a clear line instead of a syntax error. A second run finds its stamp and touches no network.

Usage: ``python3 ci/setup.py [GROUP ...]`` where a group is a ``ci/requirements-GROUP.txt``;
the base group (``ci/requirements.txt``) is always installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from typing import NoReturn

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
LOG = os.path.join(ROOT, "build", "setup.log")
MIN_PYTHON = (3, 10)
PACKAGES = ("models", "tb", "ci")
CXX_PROBE = "#include <coroutine>\n#include <string>\n#include <thread>\nint main() {}\n"


def missing_tools(version: tuple[int, ...] | None = None) -> list[str]:
    """Return one line for each thing that this machine lacks; empty when all is there."""
    lines = []
    version = version or sys.version_info[:3]
    if tuple(version[:2]) < MIN_PYTHON:
        lines.append(
            "Python 3.10 or newer is needed and this is {}: install one "
            "(Debian: apt-get install python3) and run: make PYTHON=/path/to/python3".format(
                ".".join(str(part) for part in version[:3])
            )
        )
    elif not _has_module("venv") or not _has_module("ensurepip"):
        lines.append(
            "this Python has no venv or ensurepip: install them "
            "(Debian: apt-get install python3-venv)"
        )
    cxx = os.environ.get("CXX")
    if cxx and not shutil.which(cxx.split()[0]):
        lines.append("CXX={} is not a program on PATH: unset CXX or correct it".format(cxx))
    elif not cxx and not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        lines.append("no C++ compiler was found: install one (Debian: apt-get install g++)")
    for tool in ("make", "perl"):
        if not shutil.which(tool):
            lines.append("{0} was not found: install it (Debian: apt-get install {0})".format(tool))
    return lines


def _has_module(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def compiler() -> str:
    """Return the C++ compiler's command: CXX, else the first of c++, g++, clang++."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["c++", "g++", "clang++"]
    return next(name for name in names if shutil.which(name.split()[0]))


def check_compiler() -> str | None:
    """Return one line when the compiler has no C++20, else None."""
    command = compiler()
    probe = subprocess.run(
        command.split() + ["-std=gnu++20", "-fsyntax-only", "-x", "c++", "-"],
        input=CXX_PROBE.encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if probe.returncode == 0:
        return None
    return (
        "{} does not compile C++20: install a newer one (Debian: apt-get install g++; "
        "GCC 10 or Clang 14 at least) or name one with CXX=".format(command)
    )


def requirements(group: str) -> str:
    """Return the path of a group's requirements file."""
    name = "requirements.txt" if group == "base" else "requirements-{}.txt".format(group)
    return os.path.join(ROOT, "ci", name)


def fingerprint(group: str) -> str:
    """Return the hash that a finished set-up of this group leaves as its stamp."""
    digest = hashlib.sha256()
    with open(requirements(group), "rb") as handle:
        digest.update(handle.read())
    digest.update(repr((sys.version, os.path.realpath(sys.executable), ROOT)).encode())
    return digest.hexdigest()


def stamp_path(group: str) -> str:
    """Return where a group's stamp lies."""
    return os.path.join(VENV, "stamp-" + group)


def is_done(group: str) -> bool:
    """Return whether the stamp of a group is there and fits."""
    try:
        with open(stamp_path(group)) as handle:
            return handle.read() == fingerprint(group) and os.path.exists(VENV_PYTHON)
    except OSError:
        return False


def link_packages() -> None:
    """Make ``build/python/switchproof/{models,tb,ci}``, the importable names of the folders."""
    folder = os.path.join(ROOT, "build", "python", "switchproof")
    os.makedirs(folder, exist_ok=True)
    for name in PACKAGES:
        link = os.path.join(folder, name)
        target = os.path.join(ROOT, name)
        if os.path.islink(link) and os.readlink(link) == target:
            continue
        # Another process may do the same at this moment: replace in one step.
        spare = "{}.{}".format(link, os.getpid())
        os.symlink(target, spare)
        os.replace(spare, link)


def _run(command: list[str], what: str) -> None:
    """Run a command into the log; on failure print one line and the end of the log, and exit."""
    with open(LOG, "a") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if code != 0:
        with open(LOG, errors="replace") as log:
            tail = log.read().splitlines()[-15:]
        sys.stderr.write("\n".join(tail) + "\n")
        fail(["{} failed (the whole log: {})".format(what, os.path.relpath(LOG))])


def fail(lines: list[str]) -> NoReturn:
    """Print each line with the same head and leave with exit code 1."""
    for line in lines:
        sys.stderr.write("switchproof: " + line + "\n")
    sys.exit(1)


def make_venv() -> None:
    """Make ``.venv`` unless one of this very Python is there, and let it find our packages."""
    marker = os.path.join(VENV, "made-with")
    wanted = "{}\n{}\n{}\n".format(sys.version, os.path.realpath(sys.executable), ROOT)
    fits = False
    if os.path.exists(VENV_PYTHON) and os.path.exists(marker):
        with open(marker) as handle:
            fits = handle.read() == wanted
    if not fits:
        shutil.rmtree(VENV, ignore_errors=True)
        _run([sys.executable, "-m", "venv", VENV], "python3 -m venv")
        with open(marker, "w") as handle:
            handle.write(wanted)
    library = os.path.join(VENV, "lib", "python{}.{}".format(*sys.version_info[:2]))
    with open(os.path.join(library, "site-packages", "switchproof.pth"), "w") as handle:
        handle.write(os.path.join(ROOT, "build", "python") + "\n")


def check_libpython() -> None:
    """Exit with one line when there is no shared libpython, which cocotb loads."""
    probe = "import find_libpython as f, sys; sys.exit(f.find_libpython() is None)"
    if subprocess.run([VENV_PYTHON, "-c", probe], check=False).returncode != 0:
        version = "{}.{}".format(*sys.version_info[:2])
        fail(
            [
                "no shared libpython{0} was found, which cocotb needs: install it "
                "(Debian: apt-get install libpython{0}; pyenv: build with "
                "PYTHON_CONFIGURE_OPTS=--enable-shared)".format(version)
            ]
        )


def install(group: str) -> None:
    """Install a group's pinned packages and leave its stamp."""
    begin = time.time()
    what = {
        "base": "simulation, tests and reports",
        "extra": "synthesis and proof",
        "fpga": "place and route",
        "litex": "LiteX's host side",
    }
    sys.stderr.write(
        "switchproof: installing the packages for {} into .venv (once) ... ".format(
            what.get(group, group)
        )
    )
    sys.stderr.flush()
    command = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "-r", requirements(group)]
    _run(command, "\npip install")
    if group == "base":
        check_libpython()
    with open(stamp_path(group), "w") as handle:
        handle.write(fingerprint(group))
    sys.stderr.write("{:.0f} s\n".format(time.time() - begin))


def main(groups: list[str]) -> None:
    """Set up the base group and the groups named; exits 1 with clear lines when it cannot."""
    lines = missing_tools()
    if lines:
        fail(lines)
    for group in groups:
        if not os.path.exists(requirements(group)):
            fail(["there is no package group {!r}".format(group)])
    link_packages()
    wanted = ["base"] + [group for group in groups if group != "base"]
    if all(is_done(group) for group in wanted):
        return
    import fcntl  # not on every platform that gets this far with a clear line above

    with open(os.path.join(ROOT, "build", "setup.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = check_compiler()
        if line:
            fail([line])
        for group in wanted:
            if not is_done(group):
                make_venv()
                install(group)


if __name__ == "__main__":
    main(sys.argv[1:])
