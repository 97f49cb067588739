"""How are times of points written, and which points does a written time mean?"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rl_tsad.data.timestamps import Fail, read_times
from rl_tsad.types import Bool, Int64, Series

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns"))


def write_times(times: NDArray[Any]) -> NDArray[Any]:
    """Write times (T,): ISO 8601 in UTC, no finer than needed and never rounded; sample numbers as they are.

    Example:
        >>> write_times(np.array(["2024-01-01T00:00:00.5"], "datetime64[ns]")).tolist(), write_times(np.array([7]))
        (['2024-01-01T00:00:00.500Z'], array([7]))
    """
    if not np.issubdtype(times.dtype, np.datetime64):
        return np.asarray(times)
    ticks = times.astype("datetime64[ns]").astype(np.int64)
    unit: Any = next(name for size, name in _UNITS if not (ticks % size).any())
    return np.asarray(np.datetime_as_string(times.astype("datetime64[ns]"), unit=unit, timezone="UTC"))


def ticks_of(series: Series) -> Int64:
    """Times of a series (T,) as whole numbers: nanoseconds since 1970, or sample numbers."""
    return np.asarray(series.times.astype("datetime64[ns]") if series.has_clock else series.times).astype(np.int64)


def read_moments(cells: pd.Series[Any], series: Series, zone: str | None, fail: Fail) -> Int64:
    """Read times (N,) as where the series was ingested; a series without a clock is spoken of in sample numbers.

    Args:
        cells: texts.
        series: whose times are meant.
        zone: of times that carry none; that of the series when omitted.
        fail: raises with file and line.

    Returns:
        (N,) int64, comparable with :func:`ticks_of`.

    Raises:
        DataError: at the first cell that is no time, or a time of the other kind.
    """
    text = cells.str.strip()
    numeric = bool(text.str.fullmatch(_NUMBER).all())
    if not series.has_clock:
        numbers = pd.to_numeric(text, errors="coerce").to_numpy()
        wrong = np.flatnonzero(~(numbers == np.floor(numbers)))
        if len(wrong):
            fail(int(wrong[0]), f"a sample number, as {series.name!r} has no clock", "write it as `labels export` does")
        return numbers.astype(np.int64)
    if numeric:
        text = pd.to_numeric(text)
    times = read_times(text.mask(text == "") if not numeric else text, zone or series.timezone, fail)
    if not np.issubdtype(times.values.dtype, np.datetime64):
        fail(0, f"a time, as {series.name!r} has a clock", "write times such as 2024-01-31T13:45:00Z")
    return times.values.astype("datetime64[ns]").astype(np.int64)


def points_between(ticks: Int64, first: Int64, last: Int64) -> tuple[Int64, Int64]:
    """Find the points [low, high) of stretches whose first and last time both belong to them.

    A stretch of one moment means the nearest point, where that is not further than half a usual step.

    Args:
        ticks: (T,) of the series, increasing.
        first: (N,) of the stretches.
        last: (N,) not before the first one.

    Example:
        >>> ticks = np.array([0, 10, 20, 30])
        >>> [part.tolist() for part in points_between(ticks, np.array([10, 12, 12]), np.array([20, 12, 17]))]
        [[1, 1, 2], [3, 2, 2]]
    """
    low = np.searchsorted(ticks, first, side="left").astype(np.int64)
    high = np.searchsorted(ticks, last, side="right").astype(np.int64)
    moment = (first == last) & (low >= high)
    near, close = nearest(ticks, first)
    use = moment & close
    return np.where(use, near, low), np.where(use, near + 1, np.maximum(low, high))


def nearest(ticks: Int64, wanted: Int64) -> tuple[Int64, Bool]:
    """Find the nearest point to each moment (N,), and whether it is within half a usual step of the series."""
    after = np.clip(np.searchsorted(ticks, wanted), 0, len(ticks) - 1)
    before = np.maximum(after - 1, 0)
    point = np.where(np.abs(ticks[after] - wanted) <= np.abs(wanted - ticks[before]), after, before).astype(np.int64)
    half = int(np.median(np.diff(ticks))) // 2 if len(ticks) > 1 else 0
    return point, np.asarray(np.abs(ticks[point] - wanted) <= half, dtype=np.bool_)
