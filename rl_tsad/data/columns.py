"""How do the cells of one column become times, numbers or labels?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rl_tsad.data.numerals import Numbers, read_numerals
from rl_tsad.data.timestamps import Times, read_times
from rl_tsad.data.understanding import Place, ReadOptions, cell_error
from rl_tsad.types import Int8

TRUE_WORDS = ("1", "1.0", "true", "t", "yes", "anomaly", "anomalous", "abnormal", "attack", "outlier")
FALSE_WORDS = ("0", "0.0", "false", "f", "no", "normal", "ok")


@dataclass(frozen=True)
class Table:
    """A file's columns before they are understood.

    Attributes:
        frame: T rows; numeric columns as numbers, others as text or datetimes.
        place: says where a row stands in the file.
        name: the file's name.
        decimal: the file's decimal sign, ``.`` or ``,``.
    """

    frame: pd.DataFrame
    place: Place
    name: str
    decimal: str = "."


def read_clock(table: Table, column: str | None, options: ReadOptions) -> Times:
    """Read the time column; sample numbers where there is none."""
    if column is None:
        return Times(np.arange(len(table.frame), dtype=np.int64), None, ("no time column: points are numbered",))
    cells = table.frame[column]

    def fail(row: int, expected: str, advice: str) -> Any:
        got = "" if pd.isna(cells.iloc[row]) else str(cells.iloc[row])
        raise cell_error(table.place(row), column, expected=expected, got=got, advice=advice)

    return read_times(cells, options.timezone or _zone_in_name(column), fail)


def read_numbers(table: Table, column: str) -> Numbers:
    """Read one value column, NaN where a cell is missing.

    Raises:
        DataError: at the first cell that is no number.

    Example:
        >>> read_numbers(Table(pd.DataFrame({"flow": [True, False]}), str, "a.csv"), "flow").values.tolist()
        [1.0, 0.0]
    """
    cells = table.frame[column]
    numbers = read_numerals(cells, table.decimal)
    if len(numbers.wrong):
        row = int(numbers.wrong[0])
        raise cell_error(
            table.place(row),
            column,
            expected="a number",
            got=str(cells.iloc[row]),
            advice="correct the cell, leave it empty, or choose other value columns",
        )
    return numbers


def read_labels(table: Table, column: str) -> Int8:
    """Read a label column: 0/1, true/false, normal/anomaly in any case.

    Raises:
        DataError: at the first cell that is neither.

    Example:
        >>> read_labels(Table(pd.DataFrame({"label": ["Normal", "Attack"]}), str, "a.csv"), "label").tolist()
        [0, 1]
    """
    codes, distinct = pd.factorize(table.frame[column], use_na_sentinel=False)
    words = [str(each).strip().lower() for each in distinct]
    meaning = np.array([1 if word in TRUE_WORDS else 0 if word in FALSE_WORDS else -1 for word in words], dtype=np.int8)
    truth: Int8 = meaning[codes]
    wrong = np.flatnonzero(truth < 0)
    if len(wrong):
        row = int(wrong[0])
        got = table.frame[column].iloc[row]
        raise cell_error(
            table.place(row),
            column,
            expected="0 or 1 (or false/true, normal/anomaly)",
            got="" if pd.isna(got) else str(got),
            advice="correct the cell or name another label column",
        )
    return truth


def _zone_in_name(column: str) -> str | None:
    found = re.search(r"[(\[]\s*(UTC|[A-Z][A-Za-z]+/[A-Za-z_]+)\s*[)\]]", column)
    return found.group(1) if found else None
