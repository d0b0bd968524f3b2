# SPDX-License-Identifier: Apache-2.0
"""How a test runs two ports of a link in the pyuvm environment (sp_link_bench)."""

from __future__ import annotations

from switchproof.ci.pytest_plugin import Sim
from switchproof.models.profiles import Config

DUT = "tests/link/sp_link_bench.toml"


def run_link(sim: Sim, module: str, testcase: str, width: int = 128, **env: str) -> None:
    """Build two ports of a width and run a test of a module."""
    config = Config(
        name=f"link{width}", ports=2, flit_w=width, iterations=1, voq_flits=64, egress_flits=64,
        engines=0, contexts=2, groups=1, ids=2,
    )  # fmt: skip
    # With coverage at every width: a wide link packs, a narrow one does not.
    sim.run(
        config=config, dut=DUT, module=module, testcase=testcase, env=env, coverage=True, fixed=True
    )  # fmt: skip
