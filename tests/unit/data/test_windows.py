from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_tsad.config import WindowConfig
from rl_tsad.data.windows import find_gaps, make_windows, to_points, window_truth
from rl_tsad.errors import DataError
from rl_tsad.types import Series, spans_of

cuts = st.tuples(st.integers(2, 12), st.integers(1, 12), st.integers(0, 80)).filter(lambda cut: cut[1] <= cut[0])


def series_of(points: int, truth: list[int] | None = None, times: list[int] | None = None) -> Series:
    values = np.arange(points, dtype=np.float32)[:, None]
    clock = np.array(times if times is not None else range(points), dtype=np.int64)
    return Series("s", values, clock, ("x",), None if truth is None else np.array(truth, np.int8))


@given(cuts)
def test_every_point_is_decided_by_exactly_one_window(cut: tuple[int, int, int]) -> None:
    length, stride, more = cut
    series = series_of(length + more)
    windows = make_windows(series, WindowConfig(length=length, stride=stride))
    counts = np.zeros(series.length, dtype=int)
    for low, high in spans_of(windows, series.length):
        counts[low:high] += 1
    assert (counts == 1).all()


@given(cuts, st.data())
def test_points_get_the_value_of_their_window(cut: tuple[int, int, int], data: st.DataObject) -> None:
    length, stride, more = cut
    series = series_of(length + more)
    windows = make_windows(series, WindowConfig(length=length, stride=stride))
    low = data.draw(st.integers(0, len(windows)))
    run = windows.between(low, data.draw(st.integers(low, len(windows))))
    points = to_points(run, np.arange(len(run), dtype=np.float32), series.length)
    for value, (start, stop) in enumerate(spans_of(run, series.length)):
        assert (points[start:stop] == value).all()
    decided = sum(stop - start for start, stop in spans_of(run, series.length).tolist())
    assert int(np.isnan(points).sum()) == series.length - decided


@given(cuts, st.data())
def test_a_window_is_anomalous_when_a_point_of_its_span_is(cut: tuple[int, int, int], data: st.DataObject) -> None:
    length, stride, more = cut
    truth = data.draw(st.lists(st.integers(0, 1), min_size=length + more, max_size=length + more))
    series = series_of(length + more, truth)
    windows = make_windows(series, WindowConfig(length=length, stride=stride))
    expected = [max(truth[low:high]) for low, high in spans_of(windows, series.length)]
    assert window_truth(series, windows).tolist() == expected


@given(st.lists(st.integers(1, 200), min_size=2, max_size=60), st.floats(1.5, 20))
def test_gaps_are_the_long_steps(steps: list[int], factor: float) -> None:
    times = np.concatenate([[0], np.cumsum(steps)])
    expected = [i + 1 for i, step in enumerate(steps) if step > factor * float(np.median(steps))]
    assert find_gaps(times, factor=factor).tolist() == expected
    instants = times.astype("datetime64[s]").astype("datetime64[ns]")
    assert find_gaps(instants, factor=factor).tolist() == expected


@given(st.lists(st.sampled_from([1, 1, 1, 1, 100]), min_size=12, max_size=60))
def test_windows_that_cross_a_gap_say_so(steps: list[int]) -> None:
    times = [0, *np.cumsum(steps).tolist()]
    series = series_of(len(times), times=times)
    windows = make_windows(series, WindowConfig(length=4, stride=2))
    longest = [int(np.diff(times[start : start + 4]).max()) for start in windows.starts]
    limit = 10 * float(np.median(steps))
    assert windows.crosses_gap.tolist() == [step > limit for step in longest]


def test_windows_are_views_over_a_memory_mapped_file(tmp_path: Path) -> None:
    np.save(tmp_path / "values.npy", np.zeros((10_000, 8), np.float32))
    values = np.load(tmp_path / "values.npy", mmap_mode="r")
    series = Series("s", values, np.arange(10_000), tuple("abcdefgh"))
    windows = make_windows(series, WindowConfig(length=64, stride=1))
    assert len(windows) == 9_937
    assert np.shares_memory(windows.values, values)


def test_points_of_integers_and_rows() -> None:
    windows = make_windows(series_of(12), WindowConfig(length=4, stride=4)).between(1, 2)
    assert to_points(windows, np.array([1], np.int8), 12).tolist() == [-1] * 4 + [1] * 4 + [-1] * 4
    assert to_points(windows, np.array([[1.0, 2.0]]), 12)[5].tolist() == [1.0, 2.0]


def test_mismatches_are_refused() -> None:
    series = series_of(12)
    windows = make_windows(series, WindowConfig(length=4, stride=4))
    with pytest.raises(DataError, match="expected known anomalies"):
        window_truth(series, windows)
    with pytest.raises(DataError, match="expected 3 values"):
        to_points(windows, np.zeros(2), 12)
    with pytest.raises(DataError, match="expected at least 64 points"):
        make_windows(series, WindowConfig())
    with pytest.raises(DataError, match="expected windows of series 't'"):
        window_truth(Series("t", series.values, series.times, ("x",)), windows)
