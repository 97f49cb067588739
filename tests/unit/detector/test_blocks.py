import tracemalloc
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_tsad.config import AsterConfig, DetectorConfig
from rl_tsad.detector import judge
from rl_tsad.detector.blocks import MEMORY, cut_blocks
from rl_tsad.detector.features import window_features
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.streams import fit_profile
from rl_tsad.types import Series, slide, spans_of

WHOLE = 10**9
QUICK = DetectorConfig(aster=AsterConfig(steps=4, batch=16, depth=1, width=16))


def record(name, points, channels, *, seed=0):
    """A recording with a gap, a season and spikes; with more channels: a command, a switch and a stuck reading."""
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * np.arange(points) / 144)[:, None] * np.linspace(1, 3, channels)
    values = (wave + 0.2 * rng.normal(size=(points, channels)) + 20).astype(np.float32)
    values[rng.integers(0, points, 9)] += 6
    times = np.datetime64("2024-01-01", "ns") + np.arange(points) * np.timedelta64(10, "m")
    times[points // 3 :] += np.timedelta64(50, "h")
    if channels == 1:
        return Series(name, values, times, ("x",))
    values[:, 0] = 10 * np.repeat(rng.integers(0, 5, points // 50 + 1), 50)[:points]
    values[:, 1] = rng.random(points) < 0.1
    values[200 : points - 300, 2] = values[200, 2]  # far longer than the filters remember
    exogenous = np.arange(channels) == 0
    return Series(name, values, times, tuple(f"c{i}" for i in range(channels)), exogenous=exogenous)


def cut(series):
    return slide(series, length=64, stride=8)


@pytest.fixture(scope="module")
def fitted():
    series = [record("one", 3500, 1), record("many", 4500, 5, seed=1)]
    return series, fit_detector(series, [cut(each).between(0, 250) for each in series], QUICK, seed=0)


def asked(monkeypatch, detector, series, windows, points):
    monkeypatch.setattr(judge, "cut_blocks", partial(cut_blocks, points=points))
    return detector.judge(series, windows), detector.score_points(series, windows)


@pytest.mark.slow
@pytest.mark.parametrize("points", [300, 1000, 2900])
@pytest.mark.parametrize("stranger", [False, True])
@pytest.mark.parametrize("place", [0, 1])
def test_blocks_give_what_the_whole_series_gives(fitted, monkeypatch, points, stranger, place):
    series, detector = fitted
    one = replace(series[place], name="stranger") if stranger else series[place]
    whole, every = asked(monkeypatch, detector, one, cut(one), WHOLE)
    parts, some = asked(monkeypatch, detector, one, cut(one), points)
    assert parts.keys.tolist() == whole.keys.tolist()
    assert len(some.blend) == one.length
    for field in fields(whole):
        if field.name not in {"keys", "feature_names"}:
            np.testing.assert_allclose(getattr(parts, field.name), getattr(whole, field.name), rtol=0, atol=1e-5)
    np.testing.assert_allclose(some.members, every.members, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(some.blend, every.blend, rtol=1e-5, atol=5e-5)


def test_a_late_run_of_windows_is_judged_as_in_the_whole(fitted):
    series, detector = fitted
    windows = cut(series[1])
    whole, late = detector.judge(series[1], windows), detector.judge(series[1], windows.between(400, 450))
    assert late.keys.tolist() == whole.keys[400:450].tolist()
    np.testing.assert_allclose(late.features, whole.features[400:450], atol=1e-5)
    np.testing.assert_allclose(late.prior, whole.prior[400:450], atol=1e-5)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    points=st.integers(1, 5000),
    stride=st.integers(1, 40),
    length=st.integers(1300, 4500),
    channels=st.sampled_from([1, 4]),
)
def test_block_size_changes_no_feature_and_blocks_tile_the_series(points, stride, length, channels):
    series = record("a", length, channels)
    windows = slide(series, length=40, stride=stride)
    rows = max(points // stride, len(windows) // 6)  # six blocks at most: many small ones only take time
    blocks = list(cut_blocks(series, windows, points=rows * stride))
    spans = spans_of(windows, series.length)
    decided = [(block.begin + block.decided[0], block.begin + block.decided[1]) for block in blocks]
    assert [low for low, _ in decided] == [0, *(high for _, high in decided[:-1])]
    assert decided[-1][1] == spans[-1, 1] == series.length
    assert all(block.begin == 0 or block.decided[0] >= MEMORY for block in blocks)
    profile = fit_profile(series.values, series.times, np.isin(np.arange(channels), series.targets))
    whole, _ = window_features(series.values, series.times, windows, profile)
    parts = [window_features(block.values, block.times, block.windows, profile, block.held)[0] for block in blocks]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5, atol=1e-5)


def test_every_so_many_points_are_the_same_ones_whatever_the_blocks():
    series = record("a", 3000, 1)
    number = np.arange(3000, dtype=np.float32)
    blocks = cut_blocks(series, cut(series), points=700)
    kept = [block.own(number[block.begin : block.begin + len(block.values)], 7) for block in blocks]
    assert np.concatenate(kept).tolist() == number[::7].tolist()


@pytest.mark.slow
def test_what_a_judgement_takes_beside_its_result_does_not_grow_with_the_series(fitted, monkeypatch):
    _, detector = fitted
    monkeypatch.setattr(judge, "cut_blocks", partial(cut_blocks, points=2000))
    peaks = []
    for points in (8000, 24_000):
        series = record("one", points, 1)
        windows = cut(series)
        tracemalloc.start()
        judgement = detector.judge(series, windows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        size = sum(
            getattr(judgement, field.name).nbytes for field in fields(judgement) if field.name != "feature_names"
        )
        peaks.append(peak - size)
    assert peaks[1] < 1.2 * peaks[0]
