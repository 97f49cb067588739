from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_tsad.config import SplitConfig, WindowConfig
from rl_tsad.data.splits import Split, group_duplicates, past_future, unseen
from rl_tsad.data.windows import make_windows
from rl_tsad.errors import DataError
from rl_tsad.types import Series, Windows


def noise(name: str, seed: int, points: int = 200, width: int = 2) -> Series:
    values = np.random.default_rng(seed).normal(size=(points, width)).astype(np.float32)
    return Series(name, values, np.arange(points), tuple("abcdef"[:width]))


def cut(series: Series, length: int = 10, stride: int = 5) -> Windows:
    return make_windows(series, WindowConfig(length=length, stride=stride))


@given(st.floats(0.2, 0.95), st.integers(0, 3), st.integers(2, 20), st.integers(1, 20), st.integers(100, 400))
def test_no_test_context_touches_the_pool_or_its_gap(
    fraction: float, gap: int, length: int, stride: int, points: int
) -> None:
    windows = cut(noise("s", 0, points), length, min(stride, length))
    split = past_future([windows], {"s": points}, SplitConfig(pool_fraction=fraction, gap_windows=gap))
    pool, test = split.pool[0], split.test[0]
    assert pool.starts[-1] + length <= fraction * points + 1e-6
    assert len(test) == 0 or test.starts[0] >= np.floor(fraction * points) + gap * length - 1e-6
    assert not set(pool.keys.tolist()) & set(test.keys.tolist())
    assert pool.starts[-1] + length + windows.stride > np.floor(fraction * points)


def test_all_of_it_is_pool_in_daily_use() -> None:
    windows = cut(noise("s", 0))
    split = past_future([windows], {"s": 200}, SplitConfig())
    assert len(split.pool[0]) == len(windows)
    assert len(split.test[0]) == 0


def test_series_too_short_for_a_pool_are_refused() -> None:
    with pytest.raises(DataError, match="expected at least one window in the first 10%"):
        past_future([cut(noise("s", 0, 50))], {"s": 50}, SplitConfig(pool_fraction=0.1))


def test_overlap_is_refused() -> None:
    windows = cut(noise("s", 0))
    with pytest.raises(DataError, match="without a common point"):
        Split((windows.between(0, 5),), (windows.between(4, 9),))
    Split((windows.between(0, 5),), (windows.between(7, 9),))


def test_near_duplicates_stay_together() -> None:
    one, other = noise("one", 1), noise("other", 2)
    shaken = one.values * 3 + 7 + np.random.default_rng(3).normal(size=one.values.shape).astype(np.float32) * 0.1
    twin = Series("twin", shaken, one.times, one.channels)
    shorter = Series("shorter", one.values[:190], one.times[:190], one.channels)
    assert group_duplicates([one, other, twin, shorter]).tolist() == [0, 1, 0, 0]


def test_constant_series_are_duplicates_only_when_equal() -> None:
    flat = [
        Series(n, np.full((50, 1), v, np.float32), np.arange(50), ("x",)) for n, v in (("a", 1), ("b", 2), ("c", 1))
    ]
    assert group_duplicates(flat).tolist() == [0, 1, 0]


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.8])
def test_series_are_split_by_the_seed_and_the_fraction(fraction: float) -> None:
    series = [noise(f"s{i}", i) for i in range(10)]
    windows = [cut(each) for each in series]
    chosen = [tuple(w.series for w in unseen(series, windows, fraction=fraction, seed=seed).pool) for seed in range(6)]
    assert {len(names) for names in chosen} == {round(10 * fraction)}
    assert len(set(chosen)) > 1
    again = unseen(series, windows, fraction=fraction, seed=0)
    assert tuple(w.series for w in again.pool) == chosen[0]
    assert {w.series for w in again.pool} | {w.series for w in again.test} == {s.name for s in series}


def test_a_single_group_cannot_be_split() -> None:
    series = [noise("a", 0), Series("b", noise("a", 0).values, np.arange(200), ("a", "b"))]
    with pytest.raises(DataError, match="at least two distinct series"):
        unseen(series, [cut(each) for each in series], fraction=0.5, seed=0)
    with pytest.raises(DataError, match="between 0 and 1"):
        unseen(series, [cut(each) for each in series], fraction=1.0, seed=0)
