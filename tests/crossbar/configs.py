# SPDX-License-Identifier: Apache-2.0
"""Configurations whose builds take too long for `make sim`, or whose runs do for `make test`."""

from __future__ import annotations

import pytest

DEV16 = pytest.param("dev16", marks=pytest.mark.large)
DEV4P = pytest.param("dev4p", marks=pytest.mark.large)
#: The smallest pipelined form: one slot, and no way past the buffers of an egress.
BOARD4 = pytest.param("board4", marks=pytest.mark.long)
DEV4A = pytest.param("dev4a", marks=pytest.mark.large)
#: Where four ports show the same in a quarter of the time.
DEV8_LONG = pytest.param("dev8", marks=pytest.mark.long)
