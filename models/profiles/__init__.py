# SPDX-License-Identifier: Apache-2.0
"""Named configurations: of the switch, ``configs.toml``, and of a link, ``links.toml``."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, TypeVar

from switchproof.models.layout import EType

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIG_FILE = Path(__file__).with_name("configs.toml")
LINK_FILE = Path(__file__).with_name("links.toml")

#: Smallest and largest legal value of each number; the RTL checks the same at elaboration.
BOUNDS: dict[str, tuple[int, int]] = {
    "ports": (2, 512),
    "flit_w": (128, 512),
    "iterations": (1, 4),
    "voq_flits": (8, 4096),
    "voq_shared": (0, 4096),
    "egress_flits": (16, 4096),
    "engines": (0, 512),
    "contexts": (2, 64),
    "groups": (1, 4096),
    "ids": (2, 16384),
    "pipelined": (0, 1),
    "mcast": (0, 1),
    "augment": (0, 2),
    "links": (0, 4),
    "endpoints": (0, 4),
    "checks": (0, 1),
    "counters": (0, 2),
    "ecc": (0, 1),
    "cut_through": (0, 1),
    "types": (1, 63),
    "ordered": (0, 1),
    "partials": (0, 1),
}

#: The same of a link.
LINK_BOUNDS: dict[str, tuple[int, int]] = {
    "flit_w": (128, 512),
    "frame_units": (2, 120),
    "seq_w": (3, 13),
    "replay_beats": (8, 65536),
    "reserved": (0, 4095),
    "shared": (0, 8191),
    "max_skew": (0, 255),
    "clock_depth": (0, 1024),
    "inject": (0, 1),
}
#: Units of the longest packet: 256 bytes and three extension units.
LONGEST_UNITS = 16 + 3
#: Bits of a count of flits; a receive buffer of more could not be counted.
COUNT_W = 14


class ConfigError(ValueError):
    """A configuration that does not exist or holds an illegal value; the text says which."""


@dataclasses.dataclass(frozen=True)
class Config:
    """One configuration; widths in bits, depths in flits. Numbers are checked against BOUNDS."""

    name: str
    ports: int
    flit_w: int
    iterations: int
    voq_flits: int
    egress_flits: int
    engines: int
    contexts: int
    groups: int
    ids: int
    pipelined: int = 0
    mcast: int = 0
    augment: int = 0
    voq_shared: int = 0
    links: int = 0
    endpoints: int = 0
    checks: int = 1
    counters: int = 0
    ecc: int = 0
    cut_through: int = 0
    types: int = 3
    ordered: int = 0
    partials: int = 0
    about: str = ""

    def __post_init__(self) -> None:
        _bounded(self, BOUNDS)
        _powers_of_two(self, "flit_w", "voq_flits", "egress_flits")
        for field in ("links", "endpoints"):
            if getattr(self, field) > self.ports:
                raise ConfigError(
                    f"configuration {self.name}: {field} = {getattr(self, field)} is more than "
                    f"ports = {self.ports}"
                )
        if self.pipelined and self.cut_through:
            raise ConfigError(
                f"configuration {self.name}: cut_through = 1 is not built with pipelined"
            )
        if self.pipelined and self.augment:
            raise ConfigError(
                f"configuration {self.name}: augment = {self.augment} is not 0, as pipelined asks "
                "for"
            )
        if self.pipelined and self.voq_shared:
            raise ConfigError(
                f"configuration {self.name}: voq_shared = {self.voq_shared} is not 0, as pipelined "
                "asks for"
            )
        if self.cut_through and self.voq_shared:
            raise ConfigError(
                f"configuration {self.name}: voq_shared = {self.voq_shared} is not 0, as "
                "cut_through asks for"
            )
        if self.partials and (self.flit_w != 128 or self.ports > 128):
            raise ConfigError(
                f"configuration {self.name}: partials = 1 with flit_w = {self.flit_w} and ports = "
                f"{self.ports}, which are not 128 and at most 128"
            )
        if self.contexts % 2:
            raise ConfigError(f"configuration {self.name}: contexts = {self.contexts} is odd")
        # In front of a shared memory what is on the way counts twice.
        on_the_way = {"voq_flits": (12 if self.voq_shared else 6, 8), "egress_flits": (4, 5)}
        for field, choices in on_the_way.items():
            more = choices[self.pipelined]
            if getattr(self, field) < self.max_flits + more:
                raise ConfigError(
                    f"configuration {self.name}: {field} = {getattr(self, field)} is below "
                    f"{self.max_flits + more}: the longest packet of {self.max_flits} flits and "
                    f"{more} on the way"
                )

    @property
    def flit_bytes(self) -> int:
        """Bytes of a flit."""
        return self.flit_w // 8

    @property
    def max_flits(self) -> int:
        """Flits of the longest packet."""
        units = self.flit_bytes // 16
        return (LONGEST_UNITS + units - 1) // units

    @property
    def etypes(self) -> tuple[EType, ...]:
        """Element types that the engines have."""
        return tuple(etype for etype in EType if self.types >> etype & 1)

    @property
    def counted_ports(self) -> int:
        """Ports that count by virtual channel."""
        return self.ports if self.counters > 0 else 0

    @property
    def timed_ports(self) -> int:
        """Ports that count latencies."""
        return self.ports if self.counters > 1 else 0

    def replace(self, **changes: Any) -> Config:
        """Return a copy with other values, named after what was changed."""
        return _replaced(self, changes)


@dataclasses.dataclass(frozen=True)
class Link:
    """Parameters of sp_link_port: ``flit_w`` in bits, ``reserved`` (of each VC) and ``shared`` in
    flits, ``max_skew`` in cycles. Numbers are checked against LINK_BOUNDS and each other.
    """

    name: str
    flit_w: int
    frame_units: int
    seq_w: int
    replay_beats: int
    reserved: int
    shared: int
    max_skew: int = 8
    clock_depth: int = 16
    inject: int = 1
    about: str = ""

    def __post_init__(self) -> None:
        _bounded(self, LINK_BOUNDS)
        _powers_of_two(self, "flit_w", "replay_beats", "clock_depth")

        def wrong(field: str, why: str) -> ConfigError:
            return ConfigError(f"configuration {self.name}: {field} = {getattr(self, field)} {why}")

        if self.frame_units % self.lanes or self.frame_units < 2 * self.lanes:
            raise wrong("frame_units", f"is no multiple of {self.lanes} of two beats or more")
        if self.replay_beats < 2 * self.frame_beats:
            raise wrong("replay_beats", f"is below two longest frames, {2 * self.frame_beats}")
        if 0 < self.clock_depth < 16:
            raise wrong("clock_depth", "is neither 0 nor 16 or more")
        if self.reserved + self.shared < self.max_flits:
            raise wrong("shared", f"and R(v) hold no longest packet of {self.max_flits} flits")
        if 4 * self.reserved + self.shared >= 2**COUNT_W:
            raise wrong("shared", f"and four times R(v) are not below {2**COUNT_W} flits")

    @property
    def lanes(self) -> int:
        """K: lanes, and blocks of a beat."""
        return self.flit_w // 128

    @property
    def frame_beats(self) -> int:
        """Beats of the longest frame, with POISON and trailer."""
        return self.frame_units // self.lanes + 2

    @property
    def max_flits(self) -> int:
        """Flits of the longest packet."""
        return (LONGEST_UNITS + self.lanes - 1) // self.lanes

    @property
    def parameters(self) -> dict[str, int]:
        """Parameters by the names of the RTL; RESERVED is that of each VC."""
        return {field.upper(): getattr(self, field) for field in LINK_BOUNDS}

    def replace(self, **changes: Any) -> Link:
        """Return a copy with other values, named after what was changed."""
        return _replaced(self, changes)


_Named = TypeVar("_Named", Config, Link)


def _bounded(config: Config | Link, bounds: dict[str, tuple[int, int]]) -> None:
    for field, (low, high) in bounds.items():
        value = getattr(config, field)
        if not isinstance(value, int) or not low <= value <= high:
            raise ConfigError(
                f"configuration {config.name}: {field} = {value!r} is not in {low}..{high}"
            )


def _powers_of_two(config: Config | Link, *fields: str) -> None:
    for field in fields:
        value = getattr(config, field)
        if value & (value - 1):
            raise ConfigError(f"configuration {config.name}: {field} = {value} is no power of two")


def _replaced(config: _Named, changes: dict[str, Any]) -> _Named:
    changed = {k: v for k, v in changes.items() if getattr(config, k) != v}
    suffix = "".join(f"-{k}{v}" for k, v in sorted(changed.items()))
    return dataclasses.replace(config, name=config.name + suffix, **changed)


def _load(kind: type[_Named], path: Path) -> dict[str, _Named]:
    tables = tomllib.loads(path.read_text())
    configs: dict[str, _Named] = {}
    for name, table in tables.items():
        values = dict(table)
        base = values.pop("base", None)
        if base is not None:
            if base not in tables:
                raise ConfigError(f"configuration {name}: its base {base!r} does not exist")
            values = {**tables[base], **values}
        try:
            configs[name] = kind(name=name, **values)
        except TypeError as error:
            raise ConfigError(f"configuration {name}: {error}") from None
    return configs


def _one(configs: dict[str, _Named], name: str, what: str) -> _Named:
    if name not in configs:
        raise ConfigError(f"no {what} {name!r}; there are: {', '.join(configs)}")
    return configs[name]


def load(path: Path = CONFIG_FILE) -> dict[str, Config]:
    """Return every named configuration of the file, in its order."""
    return _load(Config, path)


def get(name: str) -> Config:
    """Return one named configuration; ConfigError lists the names when there is none."""
    return _one(load(), name, "configuration")


def load_links(path: Path = LINK_FILE) -> dict[str, Link]:
    """Return every named configuration of a link, in the order of the file."""
    return _load(Link, path)


def link(name: str) -> Link:
    """Return one configuration of a link; ConfigError lists the names when there is none."""
    return _one(load_links(), name, "configuration of a link")
