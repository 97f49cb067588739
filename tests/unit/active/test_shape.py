from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_tsad.active.shape import Match, distances, nearest
from rl_tsad.errors import DataError


def brute_force(values: Any, query: Any, *, levels: bool) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(values.astype(np.float64), len(query), axis=0)  # (N, C, m)
    wanted = query.astype(np.float64).T
    if levels:
        spread = values.std(axis=0)[None, :, None]
        return np.sqrt((((windows - wanted) / spread) ** 2).mean(axis=(1, 2)))
    shape = (wanted - wanted.mean(axis=1, keepdims=True)) / wanted.std(axis=1, keepdims=True)
    others = (windows - windows.mean(axis=2, keepdims=True)) / windows.std(axis=2, keepdims=True)
    return np.sqrt(((others - shape) ** 2).mean(axis=(1, 2)))


def walk(seed: int, points: int, channels: int) -> Any:
    return np.random.default_rng(seed).normal(size=(points, channels)).cumsum(axis=0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    points=st.integers(30, 300),
    channels=st.integers(1, 4),
    length=st.integers(4, 25),
    level=st.floats(-1e4, 1e4),
    levels=st.booleans(),
    block=st.integers(8, 400),
)
def test_as_by_comparing_every_place_whatever_the_blocks(
    seed: int, points: int, channels: int, length: int, level: float, levels: bool, block: int
) -> None:
    values = walk(seed, points, channels) + level
    start = seed % (points - length + 1)
    query = values[start : start + length]
    found = distances(values, query, levels=levels, block=block)
    np.testing.assert_allclose(found, brute_force(values, query, levels=levels), atol=2e-3)
    assert found[start] < 2e-3


@given(seed=st.integers(0, 10_000), factor=st.floats(0.1, 50), shift=st.floats(-100, 100))
@settings(max_examples=20, deadline=None)
def test_shape_alone_does_not_depend_on_scale_and_level(seed: int, factor: float, shift: float) -> None:
    values = walk(seed, 200, 2)
    query = values[40:70]
    np.testing.assert_allclose(distances(values, factor * query + shift), distances(values, query), atol=2e-3)


def test_levels_tell_apart_what_shape_alone_does_not() -> None:
    values = np.tile(np.sin(np.arange(50) / 4.0), 6)[:, None]
    values[150:] += 20.0
    query = values[:40]
    assert distances(values, query)[200] < 1e-3
    assert distances(values, query, levels=True)[200] > 1.0
    assert distances(values, query, levels=True)[50] < 1e-3


def test_a_flat_stretch_is_like_flat_places_only() -> None:
    values = walk(0, 200, 1)
    values[50:90] = 3.0
    found = distances(values, values[60:80])
    assert found[60] == 0.0
    assert found[120] == 1.0
    assert distances(values, values[120:140])[60] == 1.0


def test_a_channel_that_never_moves_changes_no_order() -> None:
    wave = walk(1, 300, 1)
    both = np.concatenate([wave, np.full_like(wave, 7.0)], axis=1)
    np.testing.assert_allclose(distances(both, both[20:50]), distances(wave, wave[20:50]) / np.sqrt(2), atol=1e-4)


def test_places_that_miss_many_values_are_left_out_and_few_are_borne() -> None:
    values = walk(2, 400, 2)
    values[100:120, 0] = np.nan
    values[250, 1] = np.nan
    found = distances(values, values[300:340])
    assert np.isinf(found[90])
    assert np.isfinite(found[[40, 130, 240]]).all()
    assert np.isfinite(found[300])
    assert not np.isnan(found).any()


def test_nothing_recorded_at_all_is_like_nothing() -> None:
    values = np.full((100, 1), np.nan)
    assert np.isinf(distances(values, walk(3, 10, 1))).all()
    assert nearest([values], walk(3, 10, 1), 5) == []


def test_results_keep_their_distance_and_the_stretch_itself_is_none() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(0, 0.1, (2000, 1))
    bump = np.sin(np.linspace(0, 2 * np.pi, 40))[:, None] * 3
    for start in (100, 700, 1300, 1900):
        values[start : start + 40] += bump
    found = nearest([values], values[700:740], 10, leave_out=(0, 700))
    assert sorted(match.start for match in found[:3]) == pytest.approx([100, 1300, 1900], abs=1)
    starts = sorted(match.start for match in found)
    assert (np.diff(starts) >= 20).all()
    assert all(abs(start - 700) >= 20 for start in starts)
    assert [match.distance for match in found] == sorted(match.distance for match in found)


def test_several_series_are_searched_and_short_ones_passed_over() -> None:
    one, other = walk(5, 500, 2), walk(6, 500, 2)
    other[300:340] = one[100:140]
    found = nearest([one, one[:10], other], one[100:140], 2, leave_out=(0, 100))
    assert (found[0].series, found[0].start) == (2, 300)
    assert found[0] == Match(2, 300, pytest.approx(0.0, abs=2e-3))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (np.zeros((3, 1)), "4 to 50 points, got 3"),
        (np.zeros((51, 1)), "got 51"),
        (np.zeros((8, 2)), "the same channels"),
        (np.full((8, 1), np.nan), "a tenth of its values missing, got 100%"),
    ],
)
def test_a_stretch_that_cannot_be_searched_is_refused(query: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        distances(walk(7, 50, 1), query)
