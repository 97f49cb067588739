"""How does a CSV file of labels become columns of text, and where do its rows stand?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from rl_tsad.data.annotations.stretches import read_answers
from rl_tsad.data.columns import Table
from rl_tsad.data.csv_form import line_of, sniff
from rl_tsad.data.timestamps import Fail
from rl_tsad.data.understanding import Place, cell_error
from rl_tsad.errors import DataError
from rl_tsad.types import Int8, Int64


def load_texts(path: Path, wanted: Mapping[str, Sequence[str]], optional: Iterable[str] = ()) -> Table:
    r"""Read some columns of a CSV file as they are written, in UTF-8 or Latin-1, whatever the delimiter.

    Args:
        path: the file.
        wanted: for each column its names in lower case; the first that the file has counts.
        optional: columns that may be missing; they are absent from the table then.

    Raises:
        DataError: when a column is missing, or the file is no table.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name, "a.csv")
        >>> _ = path.write_text("Start;Stop\n1;2\n")
        >>> load_texts(path, {"start": ["start"], "end": ["end", "stop"]}).frame.to_dict("list")
        {'start': ['1'], 'end': ['2']}
        >>> folder.cleanup()
    """
    form = sniff(path)
    lower = {name.strip().lower(): name for name in reversed(form.columns)}
    names = {column: next((lower[name] for name in those if name in lower), None) for column, those in wanted.items()}
    missing = [column for column, name in names.items() if name is None and column not in set(optional)]
    if missing:
        raise DataError(
            f"{path.name}, line 1: expected the columns {', '.join(missing)}, got {', '.join(form.columns)}; see "
            "`rl-tsad labels import --help` for the formats"
        )
    there = {name: column for column, name in names.items() if name is not None}
    try:
        frame = pd.read_csv(
            path,
            sep=form.delimiter,
            encoding=form.encoding,
            header=None,
            names=list(form.columns),
            usecols=list(there),
            skiprows=form.skip,
            dtype=str,
            keep_default_na=False,
        )
    except pd.errors.EmptyDataError:
        frame = pd.DataFrame(columns=list(there), dtype=str)
    except (pd.errors.ParserError, UnicodeDecodeError, ValueError) as error:
        raise DataError(
            f"{path.name}: expected CSV, got text that cannot be cut into rows ({error}); mend it"
        ) from error
    place: Place = lambda row: f"{path.name}, line {line_of(path, form, row)}"  # noqa: E731
    return Table(frame.rename(columns=there).fillna(""), place, path.name)


def failing(place: Place, column: str, cells: pd.Series[Any], rows: Int64) -> Fail:
    """Make the complaint about a cell of some rows (N,) of a file."""

    def fail(row: int, expected: str, advice: str) -> NoReturn:
        raise cell_error(place(int(rows[row])), column, expected=expected, got=str(cells.iloc[row]), advice=advice)

    return fail


def read_label_column(table: Table, anomalous: Iterable[str]) -> Int8:
    """Read the column ``label`` of a table (see :func:`rl_tsad.data.annotations.stretches.read_answers`)."""
    cells = table.frame["label"]
    return read_answers(cells, anomalous, failing(table.place, "label", cells, np.arange(len(cells), dtype=np.int64)))


def groups_of(column: pd.Series[Any]) -> list[tuple[str, Int64]]:
    """List the distinct texts of a column (N,) in the order they come, each with its rows.

    Example:
        >>> [(name, rows.tolist()) for name, rows in groups_of(pd.Series(["a", "b", "a"]))]
        [('a', [0, 2]), ('b', [1])]
    """
    codes, names = pd.factorize(column)
    order = np.argsort(codes, kind="stable").astype(np.int64)
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    return (
        [(str(name), rows) for name, rows in zip(names, np.split(order, ends[:-1]), strict=True)] if len(names) else []
    )
