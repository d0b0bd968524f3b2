# SPDX-License-Identifier: Apache-2.0
"""The golden models without any simulator: an AllReduce as a switch with exact sums does it.

    python examples/models_as_library.py

Eight members reduce a vector, first by the arithmetic alone, then as packets through the model of
the whole switch; then two of them make mistakes and get their answers.
"""

from __future__ import annotations

import numpy as np

from switchproof.models import packet, profiles
from switchproof.models.crossbar import Switch
from switchproof.models.layout import EType, Op, RedOp, Status
from switchproof.models.reduction import allreduce
from switchproof.models.workloads import contributions, vector

MEMBERS, ELEMENTS, ENGINE = 8, 10_000, 20


def main() -> None:
    """Run the example; prints what happens."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(MEMBERS, ELEMENTS)).astype(np.float32)

    # Arithmetic: patterns in, patterns out.
    exact = allreduce(values.view(np.uint32), EType.FP32)
    running = values[0]
    for row in values[1:]:
        running = running + row
    differ = (running.view(np.uint32) != exact).mean()
    print(f"a running FP32 sum of {MEMBERS} differs from the exact one in {differ:.0%} of elements")

    # The same as packets through the switch of a named configuration.
    config = profiles.get("dev8")
    switch = Switch(config)
    switch.set_route(None, ENGINE, config.ports)  # outputs behind the ports are the engines
    switch.set_group(0, (1 << MEMBERS) - 1)
    sent = contributions(values.view(np.uint32), EType.FP32, flit_w=config.flit_w, dst=ENGINE)
    arrivals = rng.permutation(sent.reshape(-1))  # any order gives the same bits
    received = switch.deliver(arrivals["port"], arrivals)
    for member in range(MEMBERS):
        result = vector(received[received["port"] == member], EType.FP32, ELEMENTS)
        assert (result == exact).all()
    print(f"{arrivals.size} contributions in, {received.size} results out, equal to the bit")
    print("  " + packet.describe(received[0]))

    # Mistakes are answered, and harm nobody else.
    unknown = packet.make(1, flit_w=config.flit_w, op=Op.READ, src=1, dst=99, tag=7)
    stranger = sent[0, :1].copy()
    packet.set_fields(stranger, group=5, redop=RedOp.MAX)
    for mistake, status in ((unknown, Status.DST), (stranger, Status.NOT_MEMBER)):
        (answer,) = switch.deliver(1, mistake)
        assert packet.get(np.array([answer]), "status")[0] == status
        print("  " + packet.describe(answer))


if __name__ == "__main__":
    main()
