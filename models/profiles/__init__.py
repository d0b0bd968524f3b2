# SPDX-License-Identifier: Apache-2.0
"""Named configurations of the switch, read from ``configs.toml``."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIG_FILE = Path(__file__).with_name("configs.toml")

#: Smallest and largest legal value of each number; the RTL checks the same at elaboration.
BOUNDS: dict[str, tuple[int, int]] = {
    "ports": (2, 512),
    "flit_w": (128, 512),
    "iterations": (1, 4),
    "voq_flits": (8, 4096),
    "egress_flits": (16, 4096),
    "engines": (0, 512),
    "contexts": (2, 64),
    "groups": (1, 4096),
    "ids": (2, 16384),
    "pipelined": (0, 1),
    "links": (0, 4),
}


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
    links: int = 0
    about: str = ""

    def __post_init__(self) -> None:
        for field, (low, high) in BOUNDS.items():
            value = getattr(self, field)
            if not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(
                    f"configuration {self.name}: {field} = {value!r} is not in {low}..{high}"
                )
        for field in ("flit_w", "voq_flits", "egress_flits"):
            value = getattr(self, field)
            if value & (value - 1):
                raise ConfigError(
                    f"configuration {self.name}: {field} = {value} is no power of two"
                )
        if self.links > self.ports:
            raise ConfigError(
                f"configuration {self.name}: links = {self.links} is more than ports = {self.ports}"
            )
        if self.contexts % 2:
            raise ConfigError(f"configuration {self.name}: contexts = {self.contexts} is odd")
        on_the_way = {"voq_flits": (6, 12), "egress_flits": (4, 8)}
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
        """Flits of the longest packet: 256 bytes and three extension units."""
        units = self.flit_bytes // 16
        return (16 + 3 + units - 1) // units

    def replace(self, **changes: Any) -> Config:
        """Return a copy with other values, named after what was changed."""
        changed = {k: v for k, v in changes.items() if getattr(self, k) != v}
        suffix = "".join(f"-{k}{v}" for k, v in sorted(changed.items()))
        return dataclasses.replace(self, name=self.name + suffix, **changed)


def load(path: Path = CONFIG_FILE) -> dict[str, Config]:
    """Return every named configuration of the file, in its order."""
    tables = tomllib.loads(path.read_text())
    configs: dict[str, Config] = {}
    for name, table in tables.items():
        values = dict(table)
        base = values.pop("base", None)
        if base is not None:
            values = {**tables[base], **values}
        try:
            configs[name] = Config(name=name, **values)
        except TypeError as error:
            raise ConfigError(f"configuration {name}: {error}") from None
    return configs


def get(name: str) -> Config:
    """Return one named configuration; ConfigError lists the names when there is none."""
    configs = load()
    if name not in configs:
        raise ConfigError(f"no configuration {name!r}; there are: {', '.join(configs)}")
    return configs[name]
