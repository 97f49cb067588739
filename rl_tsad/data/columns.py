"""Which column is the time, which the label, and which are the values?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rl_tsad.data.timestamps import Times, looks_like_times, read_times
from rl_tsad.data.understanding import Place, ReadOptions, cell_error
from rl_tsad.errors import DataError
from rl_tsad.types import Float64, Int8

_TIMES = ("timestamp", "datetime", "time", "date", "ts", "timeutc", "utc", "utctime", "epoch", "unixtime", "unix")
_LABELS = (
    *("label", "labels", "anomaly", "isanomaly", "anomalous", "anomalylabel", "isanomalous", "truth", "groundtruth"),
    *("outlier", "isoutlier", "normalattack", "attack", "gt"),
)
_COUNTERS = ("index", "unnamed", "", "row", "rownumber", "id", "unnamed0", "column1")
_TRUE = ("1", "1.0", "true", "t", "yes", "anomaly", "anomalous", "abnormal", "attack", "outlier")
_FALSE = ("0", "0.0", "false", "f", "no", "normal", "ok")


@dataclass(frozen=True)
class Table:
    """A file's columns before they are understood.

    Attributes:
        frame: T rows; numeric columns as numbers, others as text or datetimes.
        place: says where a row stands in the file.
        name: the file's name.
    """

    frame: pd.DataFrame
    place: Place
    name: str


@dataclass(frozen=True)
class Roles:
    """What each column is for."""

    time: str | None
    label: str | None
    values: tuple[str, ...]
    notes: tuple[str, ...] = ()


def plain(name: str) -> str:
    """Reduce a column name to what matters for recognising it.

    Example:
        >>> plain("Is_Anomaly"), plain("Time (UTC)")
        ('isanomaly', 'timeutc')
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_roles(table: Table, options: ReadOptions) -> Roles:
    """Decide what each column is for: as the options say, else by name, else by content.

    Raises:
        DataError: when a named column is absent or no value column is left.

    Example:
        >>> frame = pd.DataFrame({"ts": ["2024-01-01", "2024-01-02"], "flow": [1.0, 2.0], "Label": [0, 1]})
        >>> find_roles(Table(frame, str, "a.csv"), ReadOptions())
        Roles(time='ts', label='Label', values=('flow',), notes=())
    """
    named = (options.time, options.label, *options.values)
    for column in named:
        if column is not None and column not in table.frame:
            raise DataError(
                f"{table.name}: expected a column {column!r}, got {_listed(table.frame)}; choose one of these"
            )
    time = options.time or _time_column(table.frame, taken=named)
    label = options.label or _label_column(table.frame, taken=(time, *named))
    if options.values:
        return Roles(time, label, options.values)
    values, notes = _value_columns(table, taken=(time, label))
    if not values:
        raise DataError(
            f"{table.name}: expected at least one column of numbers, got {_listed(table.frame)}; "
            "check the delimiter (--delimiter) or name the value columns"
        )
    return Roles(time, label, values, notes)


def read_clock(table: Table, column: str | None, options: ReadOptions) -> Times:
    """Read the time column; sample numbers where there is none."""
    if column is None:
        return Times(np.arange(len(table.frame), dtype=np.int64), None, ("no time column: points are numbered",))
    cells = table.frame[column]

    def fail(row: int, expected: str, advice: str) -> Any:
        got = "" if pd.isna(cells.iloc[row]) else str(cells.iloc[row])
        raise cell_error(table.place(row), column, expected=expected, got=got, advice=advice)

    return read_times(cells, options.timezone or _zone_in_name(column), fail)


def read_numbers(table: Table, column: str) -> Float64:
    """Read one value column, NaN where a cell is missing.

    Raises:
        DataError: at the first cell that is no number.

    Example:
        >>> read_numbers(Table(pd.DataFrame({"flow": [True, False]}), str, "a.csv"), "flow").tolist()
        [1.0, 0.0]
    """
    cells = table.frame[column]
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(np.isnan(numbers) & cells.notna().to_numpy())
    if len(wrong):
        row = int(wrong[0])
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
    meaning = np.array([1 if word in _TRUE else 0 if word in _FALSE else -1 for word in words], dtype=np.int8)
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


def _time_column(frame: pd.DataFrame, taken: tuple[str | None, ...]) -> str | None:
    free = [name for name in frame.columns if name not in taken]
    for wanted in _TIMES:
        for name in free:
            if plain(name) == wanted or plain(name.split("(")[0].split("[")[0]) == wanted:
                return name
    for name in free:
        if re.search(r"time|date", name.lower()) and looks_like_times(frame[name]):
            return name
    texts = [name for name in free if not pd.api.types.is_numeric_dtype(frame[name].dtype)]
    guesses = [*texts, *free[:1]]
    return next((name for name in guesses if looks_like_times(frame[name])), None)


def _label_column(frame: pd.DataFrame, taken: tuple[str | None, ...]) -> str | None:
    free = [name for name in frame.columns if name not in taken]
    return next((name for wanted in _LABELS for name in free if plain(name) == wanted), None)


def _value_columns(table: Table, taken: tuple[str | None, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    values, notes = [], []
    for name in (name for name in table.frame.columns if name not in taken):
        left_out = _not_a_value(table.frame, name, has_label=taken[1] is not None)
        if left_out:
            notes.append(f"column {name!r} left out: {left_out}")
        else:
            values.append(name)
    return tuple(values), tuple(notes)


def _not_a_value(frame: pd.DataFrame, name: str, *, has_label: bool) -> str:
    cells = frame[name]
    if has_label and plain(name) == "changepoint":
        return "a second kind of label"
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return "another time"
    if cells.isna().all():
        return "empty"
    if not pd.api.types.is_numeric_dtype(cells.dtype):
        share = pd.to_numeric(cells.dropna(), errors="coerce").notna().mean()
        return "text" if share < 0.5 else ""
    counts = plain(name) in _COUNTERS and np.array_equal(
        np.diff(cells.to_numpy(dtype=np.float64)), np.ones(len(cells) - 1)
    )
    return "a row counter" if counts else ""


def _zone_in_name(column: str) -> str | None:
    found = re.search(r"[(\[]\s*(UTC|[A-Z][A-Za-z]+/[A-Za-z_]+)\s*[)\]]", column)
    return found.group(1) if found else None


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(repr(str(name)) for name in frame.columns[:12]) + (" ..." if frame.shape[1] > 12 else "")
