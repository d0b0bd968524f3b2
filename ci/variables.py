# SPDX-License-Identifier: Apache-2.0
"""The user's variables (TEST SEED SEEDS WAVES PORTS PROFILE JOBS ...) and their legal values."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from switchproof.ci import tools
from switchproof.models import profiles

#: Verilator's +verilator+seed+ takes these; 0 would mean "a new one each time".
MAX_SEED = 2**31 - 1
#: What the switch is made for; see models/profiles.
MAX_PORTS = profiles.BOUNDS["ports"][1]
#: Configurations that PORTS chooses among: everyday ones, and those of whole racks.
SIZES = re.compile(r"dev\d+|rack\d+|upn\d+")


class UserError(ValueError):
    """A variable with an illegal value; the text is one line that lists the legal ones."""


def whole_number(name: str, text: str, low: int, high: int) -> int:
    """Return a variable's number. Raises UserError with the bounds."""
    try:
        value = int(text, 0)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise UserError(f"{name}={text} is not a whole number in {low}..{high}")
    return value


def seed(text: str) -> int:
    """Return SEED's number."""
    return whole_number("SEED", text, 1, MAX_SEED)


def seeds(text: str) -> int:
    """Return SEEDS's number of seeds."""
    return whole_number("SEEDS", text, 1, 10_000)


def job_count(text: str) -> int:
    """Return JOBS's number; empty means one per processor."""
    return whole_number("JOBS", text, 1, 256) if text else tools.jobs()


def flag(name: str, text: str) -> bool:
    """Return whether a 0/1 variable is on; empty means off."""
    if text not in ("", "0", "1"):
        raise UserError(f"{name}={text} is not 0 or 1")
    return text == "1"


def choice(name: str, text: str, valid: Iterable[str]) -> str:
    """Return a variable's value when it is one of the valid ones."""
    valid = list(valid)
    if text not in valid:
        near = difflib.get_close_matches(text, valid, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise UserError(f"{name}={text} is not one of: {', '.join(valid) or 'none yet'}{hint}")
    return text


def ports(text: str) -> int:
    """Return PORTS's number of ports."""
    return whole_number("PORTS", text, profiles.BOUNDS["ports"][0], MAX_PORTS)


def override(profile: str, port_text: str) -> str | None:
    """Return the name of the configuration that PROFILE and PORTS ask for; None if neither does.

    PORTS alone takes the smallest configuration of SIZES with room for the ports, as
    ``dev8-ports5`` when none has just as many.
    """
    table = profiles.load()
    if profile:
        choice("PROFILE", profile, table)
    if not port_text:
        return profile or None
    count = ports(port_text)
    if profile:
        return table[profile].replace(ports=count).name
    sizes = sorted((c for n, c in table.items() if SIZES.fullmatch(n)), key=_port_count)
    return next(c for c in sizes if c.ports >= count).replace(ports=count).name


def _port_count(config: profiles.Config) -> int:
    return config.ports


def resolve_config(name: str) -> profiles.Config:
    """Return a configuration by name; ``dev8-ports5`` is dev8 with five ports.

    Raises profiles.ConfigError, whose text lists the names.
    """
    base, *changes = name.split("-")
    config = profiles.get(base)
    for change in changes:
        match = re.fullmatch(r"([a-z_]+?)(\d+)", change)
        if match is None or match[1] not in profiles.BOUNDS:
            raise profiles.ConfigError(f"no configuration {name!r}: {change!r} changes no number")
        config = config.replace(**{match[1]: int(match[2])})
    return config


def default_seed(test: str, base: int = 1) -> int:
    """Return the seed of a test when SEED is not given: a stable hash of its name and the base."""
    digest = hashlib.sha256(f"{base}:{test}".encode()).digest()
    return int.from_bytes(digest[:4], "little") % MAX_SEED + 1


def matches(pattern: str, name: str) -> bool:
    """Return whether TEST's pattern, a glob or a part of the name, selects a test.

    Square brackets stand for themselves, since every parametrized test's name has them.
    """
    if pattern in name:
        return True
    literal = pattern.replace("[", "\0").replace("]", "[]]").replace("\0", "[[]")
    return fnmatchcase(name, literal)


def no_such_test(pattern: str, names: Iterable[str], limit: int = 12) -> UserError:
    """Return the error for a TEST that selects nothing: the nearest names and how to see all."""
    functions = sorted({name.split("[")[0] for name in names})
    near = difflib.get_close_matches(pattern, functions, n=limit, cutoff=0.5)
    listed = near or functions[:limit]
    rest = len(functions) - len(listed)
    more = f" and {rest} more" if rest > 0 else ""
    return UserError(f"TEST={pattern} selects no test; there are: {', '.join(listed)}{more}")
