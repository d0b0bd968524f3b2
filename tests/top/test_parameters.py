# SPDX-License-Identifier: Apache-2.0
"""Parameters of the switch: legal ones elaborate, illegal ones end in one line that names them."""

from __future__ import annotations

import pytest

from switchproof.ci import build, harness_cache
from switchproof.models import profiles


def elaborate(**changes: int) -> None:
    """Elaborate the switch with board4's parameters but for `changes`."""
    what = harness_cache.switch()
    values = {**what.values(profiles.get("board4")), **changes}
    build.lint(
        build.BuildSpec(
            name="elaborate",
            toplevel=what.module,
            sources=what.sources,
            include_dirs=what.include_dirs,
            parameters=tuple(values.items()),
        )
    )


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("N_PORTS", 1, "2..512"),
        ("FLIT_W", 64, "128, 256 or 512"),
        ("FLIT_W", 384, "128, 256 or 512"),
        ("ISLIP_ITERS", 0, "1..4"),
        ("ISLIP_ITERS", 5, "1..4"),
        ("CUT_THROUGH", 1, "not built with PIPELINED"),
        ("AUGMENT", 1, "PIPELINED"),
        ("VOQ_SHARED", 24, "PIPELINED"),
        ("VOQ_FLITS", 24, "power of two"),
        ("VOQ_FLITS", 16, "8 flits on the way: 27"),
        ("EGRESS_FLITS", 48, "power of two of 24 or more"),
        ("EGRESS_FLITS", 16, "power of two of 24 or more"),
        ("N_CONTEXTS", 3, "even number in 2..64"),
        ("N_CONTEXTS", 66, "2..64"),
        ("N_GROUPS", 0, "1..4096"),
        ("COUNTERS", 3, "0..2"),
        ("N_IDS", 1, "2..16384"),
        ("N_IDS", 16385, "2..16384"),
    ],
)
def test_illegal_parameter(name: str, value: int, bound: str) -> None:
    with pytest.raises(build.BuildError) as error:
        elaborate(**{name: value})
    lines = [line for line in str(error.value).splitlines() if f"{_local(name)} = {value}" in line]
    assert lines, f"no line names {name} = {value}:\n{error.value}"
    assert any(bound in line for line in lines), lines


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("ISLIP_ITERS", 0, "1..4"),
        ("ISLIP_ITERS", 5, "1..4"),
        ("AUGMENT", 3, "0..2"),
        ("VOQ_FLITS", 16, "6 flits on the way: 25"),
        ("VOQ_SHARED", 4097, "1..4096"),
        ("EGRESS_FLITS", 16, "power of two of 23 or more"),
    ],
)
def test_low_latency_form_has_its_own_bounds(name: str, value: int, bound: str) -> None:
    with pytest.raises(build.BuildError, match=bound):
        elaborate(PIPELINED=0, **{name: value})


def test_shared_queues_have_their_own_bound() -> None:
    """What is on the way counts twice."""
    with pytest.raises(build.BuildError, match=r"DEPTH = 16 does not hold .* 12 flits: 22"):
        elaborate(PIPELINED=0, VOQ_SHARED=24, FLIT_W=256, VOQ_FLITS=16)
    elaborate(PIPELINED=0, VOQ_SHARED=1, FLIT_W=256, VOQ_FLITS=32)


def test_shared_queues_are_not_cut_through() -> None:
    with pytest.raises(
        build.BuildError, match=r"CUT_THROUGH = 1 is not built with .* = 0, .* = 24"
    ):
        elaborate(PIPELINED=0, VOQ_SHARED=24, CUT_THROUGH=1, FLIT_W=256, VOQ_FLITS=32)


def _local(name: str) -> str:
    """Return the name by which the module that checks a parameter knows it."""
    return {"VOQ_FLITS": "DEPTH", "EGRESS_FLITS": "DEPTH", "ISLIP_ITERS": "ITERS"}.get(name, name)


@pytest.mark.parametrize("ports", [2, 3, 5, 16])
@pytest.mark.parametrize("engines", [0, 1, 2])
def test_legal_parameters(ports: int, engines: int) -> None:
    elaborate(N_PORTS=ports, N_ENGINES=engines)


@pytest.mark.parametrize(("ports", "engines", "slots"), [(2, 0, 1), (3, 0, 4), (5, 2, 2)])
def test_pipelined_multicasts(ports: int, engines: int, slots: int) -> None:
    elaborate(N_PORTS=ports, N_ENGINES=engines, ISLIP_ITERS=slots, MCAST=1)
