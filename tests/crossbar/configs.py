# SPDX-License-Identifier: Apache-2.0
"""Configurations whose builds take too long for `make sim`, or whose runs do for `make test`."""

from __future__ import annotations

import pytest

#: dev8 shows the same; `make regress` and the benches have this one.
DEV16 = pytest.param("dev16", marks=(pytest.mark.large, pytest.mark.long))
DEV4P = pytest.param("dev4p", marks=pytest.mark.large)
#: The smallest pipelined form: one slot, and no way past the buffers of an egress.
BOARD4 = pytest.param("board4", marks=pytest.mark.long)
DEV4A = pytest.param("dev4a", marks=pytest.mark.large)
#: What is shared by queues shows in test_timing; the rest is as in dev4.
DEV4S_LONG = pytest.param("dev4s", marks=pytest.mark.long)
#: Where four ports show the same in a quarter of the time.
DEV8_LONG = pytest.param("dev8", marks=pytest.mark.long)
#: Packets that are cut through, where test_cut_through.py shows the most of it in `make test`.
DEV4C_LONG = pytest.param("dev4c", marks=pytest.mark.long)
#: The pipelined form where its multicasts show the same in tests that are run.
DEV4P_LONG = pytest.param("dev4p", marks=pytest.mark.long)
