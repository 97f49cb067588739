"""What the command line shows: progress, tables, errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from rl_tsad.progress import Progress

_WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 140
_LEAST = 12
"""Letters that a line of a folded text has at least."""
console = Console(width=_WIDTH)
error_console = Console(stderr=True)


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Show one bar per stage; where the output is no terminal, one line per finished stage."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=error_console, disable=not error_console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)
            if done >= total and not error_console.is_terminal:
                error_console.print(f"{stage}: {done}/{total}", markup=False, highlight=False)

        try:
            yield show
        except KeyboardInterrupt:
            bars.stop()
            complain("Stopped. What was finished is kept; the same command goes on from there.")
            raise typer.Exit(130) from None


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a small table; numbers to the right.

    Where it does not fit, headers break between words and texts fold, that of the first column last; numbers and words
    of headers stay whole as long as the screen has room for them at all.
    """
    table = Table(title=title, title_justify="left", header_style="bold")
    lines = [[_cell(value) for value in row] for row in rows]
    natural, least = [], []
    for number, column in enumerate(columns):
        cells = [line[number] for line in lines]
        numeric = any(map(_is_number, cells)) and all(_is_number(cell) or cell == "-" for cell in cells)
        longest, word = max(map(cell_len, cells), default=0), max(map(cell_len, column.split()), default=0)
        natural.append(max(longest, cell_len(column)))
        least.append(max(word, longest if numeric else min(longest, _LEAST)))
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    widths = fitting(natural, least, console.width - 3 * len(columns) - 1)
    for column_of_table, width in zip(table.columns, widths, strict=True):
        column_of_table.width = width
    for line in lines:
        table.add_row(*line)
    console.print(table, markup=False)


def fitting(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Choose widths of columns: narrower ones where there is no room, the first column's last.

    Args:
        natural: widths at which nothing breaks.
        least: widths below which a column goes only where there is no other way.
        room: what they may have together.

    Example:
        >>> fitting([20, 10, 30], [12, 10, 12], 60), fitting([20, 10, 30], [12, 10, 12], 42)
        ([20, 10, 30], [20, 10, 12])
        >>> fitting([20, 10, 30], [12, 10, 12], 38), fitting([20, 10, 30], [12, 10, 12], 30)
        ([16, 10, 12], [10, 10, 10])
    """
    widths = list(natural)
    while sum(widths) > max(room, len(widths)):
        spare = [width - low for width, low in zip(widths, least, strict=True)]
        later = max(range(len(widths)), key=lambda at: (spare[at] > 0, at > 0 and spare[at] > 0, spare[at]))
        widest = max(range(len(widths)), key=widths.__getitem__)
        widths[later if spare[later] > 0 else widest] -= 1
    return widths


def say(text: str) -> None:
    """Print a line as it is: nothing in it is markup."""
    if text:
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def complain(text: str) -> None:
    """Print an error to standard error."""
    error_console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def _is_number(cell: str) -> bool:
    return cell.replace(".", "").replace("-", "").isdigit()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.3f}"
    return "-" if value is None else str(value)
