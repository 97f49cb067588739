from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from db import series
from db.records import NewSeries, SeriesRecord
from rl_tsad.errors import DataError
from rl_tsad.services.points import pauses_of, view
from rl_tsad.services.workspace import Workspace, create_workspace, write_series
from rl_tsad.types import Series


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with create_workspace(tmp_path / "w") as opened:
        yield opened


def keep(ws: Workspace, values: np.ndarray, times: np.ndarray | None = None) -> SeriesRecord:
    values = values.astype(np.float32)
    names = tuple(f"c{n}" for n in range(values.shape[1]))
    recorded = Series("pump", values, np.arange(len(values)) if times is None else times, names)
    with ws.store.begin() as session:
        record = series.add(session, NewSeries("pump", digest="abc", rows=len(values), channels=names))
    write_series(ws.root / record.path, recorded)
    return record


def test_few_points_are_all_there(ws: Workspace) -> None:
    record = keep(ws, np.arange(20.0).reshape(10, 2))
    seen = view(ws, record, 2, 8, width=50)
    assert seen.index[1].tolist() == [2, 3, 4, 5, 6, 7]
    assert seen.values[1].tolist() == [5, 7, 9, 11, 13, 15]


def test_a_single_spike_in_many_points_is_kept(ws: Workspace) -> None:
    values = np.random.default_rng(0).normal(size=(200_000, 2))
    values[123_456, 1] = 50
    record = keep(ws, values)
    seen = view(ws, record, 0, 200_000, width=400)
    assert 123_456 in seen.index[1]
    assert len(seen.index[0]) == 400
    assert np.all(np.diff(seen.index[0]) > 0)
    assert seen.values[1].max() == 50


def test_many_channels_have_the_width_each(ws: Workspace) -> None:
    record = keep(ws, np.random.default_rng(0).normal(size=(3_000, 64)))
    assert [len(index) for index in view(ws, record, 0, 3_000, width=100).index] == [100] * 64


def test_a_pause_of_the_clock_breaks_the_line_and_both_its_sides_are_drawn(ws: Workspace) -> None:
    times = np.arange(5_000)
    times[3_000:] += 500
    record = keep(ws, np.ones((5_000, 1)), times)
    seen = view(ws, record, 0, 5_000, width=50)
    (gap,) = np.flatnonzero(np.isnan(seen.values[0]))
    assert seen.index[0][gap - 1 : gap + 2].tolist() == [2_999, 3_000, 3_000]
    assert pauses_of(ws, record).tolist() == [2_999]
    assert not np.isnan(view(ws, record, 3_000, 5_000, width=50).values[0]).any()


def test_of_very_many_pauses_the_longest_are_kept(ws: Workspace) -> None:
    times = np.arange(4_000) + np.cumsum(np.arange(4_000) % 10 == 9) * 50
    times[2_000:] += 10_000
    seen = view(ws, keep(ws, np.ones((4_000, 1)), times), 0, 4_000, width=40)
    assert np.isnan(seen.values[0]).sum() == 10
    assert 2_000 in seen.index[0][np.isnan(seen.values[0])]


def test_missing_values_break_the_line_where_they_are_wider_than_a_point(ws: Workspace) -> None:
    values = np.sin(np.arange(10_000.0))[:, None]
    values[4_000:4_500] = np.nan
    values[100] = values[9_000:] = np.nan
    record = keep(ws, values)
    seen = view(ws, record, 0, 10_000, width=100)
    gaps = np.flatnonzero(np.isnan(seen.values[0]))
    assert [seen.index[0][gap - 1 : gap + 2].tolist() for gap in gaps] == [[3_999, 4_000, 4_500]]
    near = view(ws, record, 90, 110, width=100)
    assert np.isnan(near.values[0]).sum() == 1
    assert near.index[0].tolist() == list(range(90, 110))


def test_a_channel_without_any_value_is_empty(ws: Workspace) -> None:
    record = keep(ws, np.full((10, 1), np.nan))
    assert view(ws, record, 0, 10).index[0].tolist() == []


@pytest.mark.parametrize(("low", "high", "width"), [(5, 5, 100), (50, 60, 100), (0, 10, 2)])
def test_what_is_not_there_is_refused(ws: Workspace, low: int, high: int, width: int) -> None:
    record = keep(ws, np.ones((10, 1)))
    with pytest.raises(DataError, match="expected points"):
        view(ws, record, low, high, width=width)
