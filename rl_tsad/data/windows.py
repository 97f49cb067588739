"""How is a series cut, what is true inside a window, and how do window values become point values again?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.config import WindowConfig
from rl_tsad.errors import DataError
from rl_tsad.types import UNKNOWN, Int8, Int64, Series, Windows, slide, spans_of


def find_gaps(times: NDArray[Any], *, factor: float) -> Int64:
    """Find where the recording paused.

    Args:
        times: (T,) datetime64 or int64, increasing.
        factor: a step longer than this many median steps is a gap.

    Returns:
        (G,) int64 indices i, increasing, such that a gap lies between the points i-1 and i.

    Example:
        >>> find_gaps(np.array([0, 1, 2, 30, 31]), factor=10).tolist()
        [3]
    """
    if len(times) < 3:
        return np.empty(0, dtype=np.int64)
    steps = np.diff(times).astype(np.int64)
    return np.flatnonzero(steps > factor * np.median(steps)).astype(np.int64) + 1


def make_windows(series: Series, config: WindowConfig) -> Windows:
    """Cut a series into windows (a view, no copy) and mark those that cross a recording gap.

    Raises:
        DataError: when the series is shorter than one window.

    Example:
        >>> s = Series("a", np.zeros((8, 1), np.float32), np.array([0, 1, 2, 3, 99, 100, 101, 102]), ("x",))
        >>> make_windows(s, WindowConfig(length=4, stride=2)).crosses_gap.tolist()
        [False, True, False]
    """
    gaps = find_gaps(series.times, factor=config.gap_factor)
    return slide(series, length=config.length, stride=config.stride, gaps=gaps)


def window_truth(series: Series, windows: Windows) -> Int8:
    """Say which windows hold a known anomaly inside the span that they decide.

    Only the simulated analyst, the evaluation and whoever wrote the anomalies may call this.

    Args:
        series: with truth.
        windows: of this series; all of them or a contiguous run.

    Returns:
        (N,) int8, 1 where any point of the span is anomalous.

    Raises:
        DataError: when the series has no truth or the windows are another series'.

    Example:
        >>> truth = np.array([0, 0, 0, 0, 0, 1, 0, 0], np.int8)
        >>> s = Series("a", np.zeros((8, 1), np.float32), np.arange(8), ("x",), truth)
        >>> window_truth(s, make_windows(s, WindowConfig(length=4, stride=2))).tolist()
        [0, 1, 0]
    """
    if series.name != windows.series:
        raise DataError(
            f"expected windows of series {series.name!r}, got those of {windows.series!r}; pair them by name"
        )
    if series.truth is None:
        raise DataError(
            f"series {series.name!r}: expected known anomalies, got none; read a file with a label column (--label)"
        )
    before = np.concatenate([[0], np.cumsum(series.truth != 0)])
    spans = spans_of(windows, series.length)
    return (before[spans[:, 1]] > before[spans[:, 0]]).astype(np.int8)


def to_points(windows: Windows, values: NDArray[Any], series_length: int) -> NDArray[Any]:
    """Give every point the value of the window that decides it.

    Args:
        windows: all windows of one series, or a contiguous run of them.
        values: (N,) or (N, K), one value (or row) a window.
        series_length: T.

    Returns:
        (T,) or (T, K) of the values' dtype. A point that no window decides gets NaN (floats), -1 (integers) or False.

    Raises:
        DataError: when there is not one value a window.

    Example:
        >>> s = Series("a", np.zeros((8, 1), np.float32), np.arange(8), ("x",))
        >>> to_points(make_windows(s, WindowConfig(length=4, stride=2)), np.array([7, 8, 9]), 8).tolist()
        [7, 7, 7, 7, 8, 8, 9, 9]
    """
    if len(values) != len(windows):
        raise DataError(f"expected {len(windows)} values, one a window, got {len(values)}; join by key first (rows_of)")
    points = np.full((series_length, *values.shape[1:]), _undecided(values.dtype), dtype=values.dtype)
    if len(windows):
        spans = spans_of(windows, series_length)
        points[spans[0, 0] : spans[-1, 1]] = np.repeat(values, spans[:, 1] - spans[:, 0], axis=0)
    return points


def _undecided(dtype: np.dtype[Any]) -> float | int | bool:
    if dtype.kind == "f":
        return float("nan")
    return UNKNOWN if dtype.kind == "i" else False
