from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_tsad.data.missing import LONGEST_FILL, settle_missing
from rl_tsad.data.readers import ReadOptions, read_path
from rl_tsad.data.understanding import Found
from rl_tsad.errors import DataError

TEXT = "time,x,y\n2024-01-01,1,1\n2024-01-02,,2\n2024-01-04,4,3\n"


def found(values: list[list[float]]) -> Found:
    rows = np.arange(len(values))
    channels = tuple(f"c{i}" for i in range(len(values[0])))
    array = np.array(values, dtype=np.float64)
    return Found(Path("a.csv"), "CSV", "a", array, rows, channels, None, rows, lambda row: f"a.csv, line {row + 2}")


def write(folder: Path, text: str) -> Path:
    path = folder / "a.csv"
    path.write_text(text)
    return path


def test_interpolation_is_linear_in_time_and_counted(tmp_path: Path) -> None:
    reading = next(read_path(write(tmp_path, TEXT)))
    assert reading.series.values[:, 0].tolist() == [1, 2, 4]
    assert reading.understanding.filled == 1


def test_rows_may_be_dropped(tmp_path: Path) -> None:
    reading = next(read_path(write(tmp_path, TEXT), ReadOptions(nan="drop")))
    assert reading.series.values.tolist() == [[1, 1], [4, 3]]
    assert reading.understanding.dropped == 1


def test_missing_values_may_be_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv, line 3, column 'x': expected a number, got an empty cell; "):
        next(read_path(write(tmp_path, TEXT), ReadOptions(nan="refuse")))


def test_long_stretches_without_any_value_stay_gaps() -> None:
    values = [[1.0]] + [[np.nan]] * (LONGEST_FILL + 1) + [[2.0]]
    assert settle_missing(found(values), ReadOptions()).times.tolist() == [0, LONGEST_FILL + 2]


def test_infinities_and_overflows_count_as_missing() -> None:
    settled = settle_missing(found([[1.0], [np.inf], [1e39], [4.0]]), ReadOptions())
    assert settled.values.ravel().tolist() == pytest.approx([1, 2, 3, 4])


def test_a_channel_without_any_value_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="column 'c1': expected numbers, got missing values only"):
        settle_missing(found([[1.0, np.nan], [2.0, np.nan]]), ReadOptions())


@given(st.lists(st.lists(st.none() | st.floats(-100, 100), min_size=2, max_size=2), min_size=1, max_size=60))
def test_nothing_missing_is_left_and_nothing_known_is_changed(cells: list[list[float | None]]) -> None:
    values = [[np.nan if cell is None else cell for cell in row] for row in cells]
    known = np.array(values, dtype=np.float64)
    if np.isnan(known).all(axis=0).any():
        with pytest.raises(DataError):
            settle_missing(found(values), ReadOptions())
        return
    settled = settle_missing(found(values), ReadOptions())
    assert np.isfinite(settled.values).all()
    before = known[settled.rows]
    assert np.array_equal(settled.values[~np.isnan(before)], before[~np.isnan(before)])
    assert settled.values.max() <= np.nanmax(known)
    assert settled.values.min() >= np.nanmin(known)
