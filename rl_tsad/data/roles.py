"""Which column is the time, which the label, and which are the values?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rl_tsad.data.columns import Table
from rl_tsad.data.numerals import read_numerals
from rl_tsad.data.timestamps import looks_like_times
from rl_tsad.data.understanding import ReadOptions
from rl_tsad.errors import DataError

_TIMES = ("timestamp", "datetime", "time", "date", "ts", "timeutc", "utc", "utctime", "epoch", "unixtime", "unix")
_LABELS = (
    *("label", "labels", "anomaly", "isanomaly", "anomalous", "anomalylabel", "isanomalous", "truth", "groundtruth"),
    *("outlier", "isoutlier", "normalattack", "attack", "gt"),
)
_COUNTERS = ("index", "unnamed", "", "row", "rownumber", "id", "unnamed0", "column1")
_SAMPLE = 10_000
"""Cells by which text is told from numbers."""


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


def join_date_and_time(frame: pd.DataFrame) -> pd.DataFrame:
    """Make one column of a date and a time of day, as data loggers write them.

    Example:
        >>> frame = pd.DataFrame({"Date": ["2024-01-01"], "Time": ["12:30"], "flow": [1.0]})
        >>> join_date_and_time(frame).to_dict("list")
        {'Date Time': ['2024-01-01 12:30'], 'flow': [1.0]}
    """
    by_name = {plain(str(name)): name for name in reversed(frame.columns)}
    date, time = by_name.get("date"), by_name.get("time")
    if (
        date is None
        or time is None
        or not all(pd.api.types.is_string_dtype(frame[name].dtype) for name in (date, time))
    ):
        return frame
    if not frame[time].head(50).astype(str).str.match(r"\s*\d{1,2}:\d{2}").all():
        return frame
    joined = frame.drop(columns=[time])
    joined[date] = frame[date].str.strip() + " " + frame[time].str.strip()
    return joined.rename(columns={date: f"{date} {time}"})


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
        left_out = _not_a_value(table, name, has_label=taken[1] is not None)
        if left_out:
            notes.append(f"column {name!r} left out: {left_out}")
        else:
            values.append(name)
    return tuple(values), tuple(notes)


def _not_a_value(table: Table, name: str, *, has_label: bool) -> str:
    cells = table.frame[name]
    if has_label and plain(name) == "changepoint":
        return "a second kind of label"
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return "another time"
    if cells.isna().all():
        return "empty"
    if not pd.api.types.is_numeric_dtype(cells.dtype):
        return _text(cells.dropna(), table.decimal)
    numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    counts = plain(name) in _COUNTERS and np.array_equal(numbers, numbers[0] + np.arange(len(numbers)))
    return "a row counter" if counts else ""


def _text(cells: pd.Series[Any], decimal: str) -> str:
    """Say that a column is text; one that is half numbers or more is not, so that its wrong cell is an error."""
    some = cells.iloc[:: max(len(cells) // _SAMPLE, 1)]
    wrong = read_numerals(some, decimal).wrong
    return f"text such as {str(some.iloc[wrong[0]])[:30]!r}" if len(wrong) > 0.5 * len(some) else ""


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(repr(str(name)) for name in frame.columns[:12]) + (" ..." if frame.shape[1] > 12 else "")
