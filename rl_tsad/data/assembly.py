"""How do found columns become a series: time order, repeated times, missing values, name?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rl_tsad.config import WindowConfig
from rl_tsad.data.missing import settle_missing
from rl_tsad.data.understanding import Found, Reading, ReadOptions, Understanding, cell_error
from rl_tsad.data.windows import find_gaps
from rl_tsad.errors import DataError, listed
from rl_tsad.types import Series

_PREVIEW_GAP = 10.0
_MILLISECOND = 1_000_000


def assemble(found: Found, options: ReadOptions) -> Reading:
    """Settle order, repetitions and missing values, and build the series.

    Raises:
        DataError: when nothing is left, a time comes twice, or a value is missing and may not be.

    Example:
        >>> from pathlib import Path
        >>> values, times = np.array([[1.0], [np.nan], [3.0]]), np.arange(3)
        >>> found = Found(Path("a.csv"), "CSV", "a", values, times, ("x",), None, times, lambda row: f"line {row + 2}")
        >>> assemble(found, ReadOptions()).series.values.ravel().tolist()
        [1.0, 2.0, 3.0]
    """
    if len(found.values) == 0:
        raise DataError(f"{found.path.name}: expected at least one data row, got none; check that the file is complete")
    settled = settle_missing(_in_order(found, options), options)
    name = series_name(options.name or found.name)
    values = np.ascontiguousarray(settled.values, dtype=np.float32)
    stated = np.isin(found.channels, found.exogenous) if found.exogenous else None
    series = Series(name, values, settled.times, found.channels, settled.truth, found.timezone, stated)
    return Reading(series, _understand(series, settled, dropped=len(found.values) - series.length))


def series_name(name: str) -> str:
    """Make a name that can stand in a window key and as a folder's name.

    Raises:
        DataError: when the name is empty, hidden, too long or would lead out of a folder.

    Example:
        >>> series_name("pump 3:a")
        'pump 3-a'
    """
    plain = name.strip().replace(":", "-")
    if not plain or len(plain) > 150 or plain.startswith(".") or any(c in "/\\" or ord(c) < 32 for c in plain):
        raise DataError(
            f"expected a series name of 1 to 150 characters without '/', '\\' or a leading dot, got {name!r}; "
            "choose another with --name"
        )
    return plain


def _in_order(found: Found, options: ReadOptions) -> Found:
    if options.repeated == "shift":
        return _shifted(found)
    ticks = found.times.astype(np.int64)
    backward = int((np.diff(ticks) < 0).sum())
    if backward:
        found = found.take(np.argsort(ticks, kind="stable"))
        found = found.note(f"times ran backward {backward} times; the rows were sorted by time")
    again = np.flatnonzero(np.diff(found.times.astype(np.int64)) == 0) + 1
    if len(again) == 0:
        return found
    if options.repeated == "refuse":
        raise _repeated(found, int(again[0]))
    return found.take(np.setdiff1d(np.arange(len(found.times)), again)).note(f"{len(again)} repeated times left out")


def _shifted(found: Found) -> Found:
    """Keep every row in the file's order; a time that does not advance becomes a millisecond after the one before."""
    ticks = found.times.astype(np.int64)
    least = (_MILLISECOND if found.times.dtype.kind == "M" else 1) * np.arange(len(ticks), dtype=np.int64)
    if (np.diff(ticks) > 0).all():
        return found
    moved = np.maximum.accumulate(ticks - least) + least
    found = replace(found, times=moved.astype(found.times.dtype))
    return found.note(
        f"{int((moved != ticks).sum())} times did not advance; each was set a millisecond after the one before"
    )


def _repeated(found: Found, row: int) -> DataError:
    earlier = found.place(int(found.rows[row - 1])).rsplit(", ", 1)[-1]
    return cell_error(
        found.place(int(found.rows[row])),
        found.time_column or "time",
        expected="a time of its own",
        got=show_time(found.times, row, found.timezone),
        advice=f"{earlier} has the same time; leave one out, or read with --repeated first or --repeated shift",
    )


def _understand(series: Series, found: Found, *, dropped: int) -> Understanding:
    steps = np.diff(series.times).astype(np.int64)
    step = float(np.median(steps)) if len(steps) else 0.0
    return Understanding(
        path=found.path,
        format=found.format,
        name=series.name,
        rows=series.length,
        channels=series.channels,
        time_column=found.time_column,
        label_column=found.label_column,
        delimiter=found.delimiter,
        timezone=series.timezone,
        first=show_time(series.times, 0, series.timezone),
        last=show_time(series.times, -1, series.timezone),
        median_step=step / 1e9 if series.has_clock else step,
        gaps=len(find_gaps(series.times, factor=_PREVIEW_GAP)),
        filled=found.filled,
        dropped=dropped,
        anomalies=0 if series.truth is None else int(series.truth.sum()),
        notes=(*found.notes, *_warnings(series)),
        train_points=found.train_points,
        decimal=found.decimal,
    )


def _warnings(series: Series) -> Iterator[str]:
    """Say what makes a series of little use: columns that never change, too few points."""
    still = np.flatnonzero((series.values == series.values[:1]).all(axis=0)) if series.length > 1 else ()
    if len(still):
        yield f"constant, so nothing to learn from: {listed([repr(series.channels[i]) for i in still])}"
    least = WindowConfig().length
    if series.length < least:
        yield f"only {series.length} points: training needs at least one window ({least} points unless set otherwise)"


def show_time(times: NDArray[Any], row: int, zone: str | None) -> str:
    """Write one time as its file would: ISO in the source's zone, or the sample number.

    Example:
        >>> show_time(np.array(["2024-01-01T00:00"], "datetime64[ns]"), 0, "+02:00")
        '2024-01-01T02:00:00+02:00'
    """
    if times.dtype.kind != "M":
        return str(int(times[row]))
    stamp = pd.Timestamp(times[row])
    return stamp.isoformat() if zone is None else stamp.tz_localize("UTC").tz_convert(zone).isoformat()
