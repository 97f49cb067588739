"""What becomes of missing values: interpolated, left out with their row, refused, or kept as a gap?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rl_tsad.data.understanding import Found, ReadOptions, cell_error
from rl_tsad.errors import DataError
from rl_tsad.types import Bool, Float64

LONGEST_FILL = 10
"""Rows without any value that are still interpolated; longer stretches stay gaps."""


def settle_missing(found: Found, options: ReadOptions) -> Found:
    """Leave no missing value, by the policy of the options; infinities and overflows count as missing.

    Raises:
        DataError: when a value is missing and may not be, or a channel has none at all.

    Example:
        >>> from pathlib import Path
        >>> rows = np.arange(3)
        >>> found = Found(Path("a"), "CSV", "a", np.array([[1.0], [np.inf], [5.0]]), rows, ("x",), None, rows, str)
        >>> settle_missing(found, ReadOptions()).values.ravel().tolist()
        [1.0, 3.0, 5.0]
    """
    if found.values.dtype == np.float32 and bool(np.isfinite(found.values).all()):
        return found
    values = np.array(found.values, dtype=np.float64)
    values[~(np.abs(values) <= np.finfo(np.float32).max)] = np.nan
    found = replace(found, values=values)
    missing = np.isnan(values)
    if not missing.any():
        return found
    if options.nan == "refuse":
        raise _missing(found, missing)
    if options.nan == "drop":
        return _without(found, np.asarray(missing.any(axis=1)), "rows with a missing value left out")
    return _interpolate(
        _without(found, _long_runs(np.asarray(missing.all(axis=1))), "rows without any value left as gaps")
    )


def _without(found: Found, out: Bool, what: str) -> Found:
    if out.all():
        raise DataError(
            f"{found.path.name}: expected rows with values, got only missing ones; check the columns or the delimiter"
        )
    return found.take(~out).note(f"{int(out.sum())} {what}") if out.any() else found


def _long_runs(empty: Bool) -> Bool:
    """Mark the runs of empty rows (T,) that are longer than ``LONGEST_FILL`` or stand at an end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], empty.astype(np.int8), [0]])))
    starts, stops = edges[::2], edges[1::2]
    keep_out = (stops - starts > LONGEST_FILL) | (starts == 0) | (stops == len(empty))
    marks = np.zeros(len(empty) + 1, dtype=np.int64)
    np.add.at(marks, starts[keep_out], 1)
    np.add.at(marks, stops[keep_out], -1)
    return np.cumsum(marks[:-1]) > 0


def _interpolate(found: Found) -> Found:
    values: Float64 = np.array(found.values, dtype=np.float64)
    missing = np.isnan(values)
    clock = (found.times - found.times[0]).astype(np.int64).astype(np.float64)
    for channel in np.flatnonzero(missing.any(axis=0)):
        known = ~missing[:, channel]
        if not known.any():
            raise DataError(
                f"{found.path.name}, column {found.channels[channel]!r}: expected numbers, got missing values only; "
                "leave the column out (name the value columns)"
            )
        values[~known, channel] = np.interp(clock[~known], clock[known], values[known, channel])
    return replace(found, values=values, filled=found.filled + int(missing.sum()))


def _missing(found: Found, missing: Bool) -> DataError:
    row, channel = (int(i) for i in np.argwhere(missing)[0])
    return cell_error(
        found.place(int(found.rows[row])),
        found.channels[channel],
        expected="a number",
        got="",
        advice="fill it in, or read with --nan interpolate or --nan drop",
    )
