# SPDX-License-Identifier: Apache-2.0
"""How far a long simulation is: told through a file in its run folder, shown by the runner."""

from __future__ import annotations

import json
import os
from pathlib import Path

FILE_NAME = "progress.json"


class Reporter:
    """Call it with the steps done so far and a few words."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._path = Path(os.environ["SP_RUN_DIR"]) / FILE_NAME

    def __call__(self, done: int, text: str = "") -> None:
        state = {"what": self._what, "done": done, "total": self._total, "text": text}
        # Whole or not at all: somebody may be reading.
        spare = self._path.with_suffix(".new")
        spare.write_text(json.dumps(state))
        spare.replace(self._path)
