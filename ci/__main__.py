# SPDX-License-Identifier: Apache-2.0
"""What the Makefile's targets call: ``python -m switchproof.ci COMMAND``.

Variables (TEST SEED SEEDS WAVES PORTS PROFILE JOBS BENCH SUITE) come from the environment. The exit
code is 0 when all is well, 1 when a check failed, 2 when the user asked for what does not exist.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable

from rich.console import Console

from switchproof.ci import commands, ui
from switchproof.ci.build import BuildError
from switchproof.ci.coverage import CoverageError
from switchproof.ci.testplan import PlanError
from switchproof.ci.tools import ToolError
from switchproof.ci.variables import UserError
from switchproof.models.profiles import ConfigError

COMMANDS: dict[str, Callable[[Console], int]] = {
    "help": commands.show_help,
    "sim": commands.sim,
    "test": commands.test,
    "coverage": commands.coverage,
    "hil": commands.hil,
    "board": commands.board,
    "fpga": commands.fpga,
    "coverage-table": commands.coverage_table,
    "count": commands.count,
    "regress": commands.regress,
    "lint": commands.lint,
    "bench": commands.bench,
    "report": commands.report,
}
#: Targets whose modules have a ``main(argv) -> int`` of their own.
MODULES = {name: name for name in ("formal", "mutate", "exhaustive", "layout", "csr")}


def main(argv: list[str]) -> int:
    """Run one command; return its exit code."""
    console = ui.console()
    name = argv[0] if argv else "help"
    try:
        if name in MODULES:
            module = importlib.import_module(f"switchproof.ci.{MODULES[name]}")
            return int(module.main(argv[1:]) or 0)
        if name not in COMMANDS:
            raise UserError(f"no command {name}; there are: {', '.join([*COMMANDS, *MODULES])}")
        return COMMANDS[name](console)
    except (UserError, ConfigError) as error:
        return _complain(error, 2)
    except (BuildError, CoverageError, PlanError, ToolError) as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)


def _complain(error: object, code: int) -> int:
    sys.stdout.flush()
    print(f"switchproof: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    # Tests start processes that write into the same places; a closed pipe (| head) is no error.
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
