# SPDX-License-Identifier: Apache-2.0
"""Generated harnesses, one folder for each content, so that parallel tests share them."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from switchproof.ci.build import OUT_OF_CACHE_FROM, BuildSpec, lock
from switchproof.ci.paths import HARNESS, ROOT
from switchproof.models.profiles import Config

if TYPE_CHECKING:
    from switchproof.tb.description import Description
    from switchproof.tb.harness import Harness

#: What makes glibc (others ignore it) take memory in large pages: one heap instead of many pieces.
LARGE_PAGES = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432"


@functools.cache
def switch() -> Description:
    """Return the description of the switch: its sources, and parameters of a configuration."""
    from switchproof.tb import description

    return description.load(ROOT / "tb" / "duts" / "sp_switch_core.toml")


def get(description: Path, config: Config) -> Harness:
    """Return the harness of a module and configuration, generated now or found."""
    from switchproof.tb import harness

    digest = hashlib.sha256(repr(config).encode())
    # Not all of tb/: a change of a sequence must not make every build stale.
    generators = [*harness.GENERATORS, *(ROOT / "models").glob("*.json")]
    # A description may have a base description, and file lists name what it is made of.
    lists = [*(ROOT / "rtl").rglob("*.f"), *description.parent.glob("*.f")]
    bases = [*(ROOT / "tb" / "duts").glob("*.toml"), *description.parent.glob("*.toml")]
    for path in sorted({*generators, *lists, *bases, description}):
        digest.update(str(path).encode() + b"\0" + path.read_bytes())
    name = f"{description.stem}-{config.name}-{digest.hexdigest()[:12]}"
    folder = HARNESS / name
    stored = folder / "harness.pickle"
    with lock(HARNESS / f".{name}.lock"):
        if not stored.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = harness.generate(description, config, folder)
            stored.write_bytes(pickle.dumps(made))
        return pickle.loads(stored.read_bytes())


def spec(
    description: Path,
    config: Config,
    *,
    coverage: bool = False,
    waves: bool = False,
    opt: str = "-O2",
) -> BuildSpec:
    """Return what to build for a module in its harness; see BuildSpec for the options."""
    from switchproof.tb.harness import large_args

    harness = get(description, config)
    return BuildSpec(
        name=f"{description.stem}-{config.name}",
        toplevel=harness.toplevel,
        sources=(*([harness.vlt] if harness.vlt else []), *harness.sources),
        include_dirs=tuple(harness.include_dirs),
        parameters=tuple(harness.parameters.items()),
        args=(*harness.verilator_args, *large_args(config.ports, harness.sources, HARNESS)),
        coverage=coverage,
        waves=waves,
        opt=opt,
    )


def run_environment(description: Path, config: Config) -> dict[str, str]:
    """Return what tells a simulation which module and configuration it is.

    Queues of many ports take gigabytes and are touched all over in every cycle: in large pages.
    """
    environment = {"SP_CONFIG": json.dumps(dataclasses.asdict(config)), "SP_DUT": str(description)}
    if config.ports >= OUT_OF_CACHE_FROM:
        environment["GLIBC_TUNABLES"] = LARGE_PAGES
    return environment


def wave_signals(description: Path) -> tuple[str, ...]:
    """Return the paths, below the harness, of the signals that a trace shows first."""
    from switchproof.tb import description as descriptions

    return tuple(f"dut.{name}" for name in descriptions.load(description).waves)
