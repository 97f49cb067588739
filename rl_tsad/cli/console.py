"""What the command line shows: progress, tables, errors."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from rl_tsad.progress import Progress

_WIDTH = None if sys.stdout.isatty() else 140
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
    """Print a small table; numbers to the right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    lines = [[_cell(value) for value in row] for row in rows]
    for number, column in enumerate(columns):
        numeric = bool(lines) and all(line[number].replace(".", "").replace("-", "").isdigit() for line in lines)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=number == 0)
    for line in lines:
        table.add_row(*line)
    console.print(table, markup=False)


def say(text: str) -> None:
    """Print a line as it is: nothing in it is markup."""
    if text:
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def complain(text: str) -> None:
    """Print an error to standard error."""
    error_console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.3f}"
    return "-" if value is None else str(value)
