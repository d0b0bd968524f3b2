# SPDX-License-Identifier: Apache-2.0
"""How things look on a terminal, and as plain lines where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text


def console() -> Console:
    """Return the console; without a terminal lines are never wrapped, so that they can be read."""
    made = Console(highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made = Console(highlight=False, width=200)
    return made


def table(
    out: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Print an aligned table: the first column to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    made = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for i, column in enumerate(columns):
        numeric = bool(cells) and all(_is_number(row[i]) for row in cells)
        made.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        made.add_row(*(Text(cell) for cell in row))
    out.print(made)


def _is_number(cell: str) -> bool:
    return not cell or cell[0].isdigit() or (cell[0] in "-." and len(cell) > 1)


def number(value: float) -> str:
    """Return a figure with grouped thousands or four significant digits."""
    if float(value).is_integer() or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def line(out: Console, text: str, style: str = "") -> None:
    """Print one line as it is: no markup, no wrapping, so that it can be copied."""
    out.print(Text(text, style=style), soft_wrap=True)
