import csv
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from rl_tsad.data.period import DEFAULT_PERIOD, find_period
from rl_tsad.errors import DataError


def reference(values):
    slow = pytest.importorskip(
        "TSB_AD.utils.slidingWindows",
        reason="needs the reference: pip install -e '.[dev]' && pip install --no-deps TSB-AD==1.5",
        exc_type=ImportError,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return int(slow.find_length_rank(values, rank=1))


def flat_ramp_or_impulse(kind, length, rng):
    """Series without a period, where rounding errors of the autocorrelation decide."""
    impulse = np.zeros(length)
    impulse[rng.integers(length)] = 1
    return [np.full(length, 0.1), np.arange(length, dtype=float), impulse, np.exp(-np.arange(length) / 30)][kind % 4]


def draw(seed):
    rng = np.random.default_rng(seed)
    length = int(rng.choice([2, 3, 5, 8, 12, 50, 200, 401, 402, 403, 404, 405, 800, 3000, 20_000, 20_001]))
    points = np.arange(length)
    noise = rng.normal(size=length)
    return [
        noise,
        noise.cumsum(),
        0.1 * noise + np.sin(points * 2 * np.pi / rng.integers(2, 400)),
        np.sin(points * 2 * np.pi / rng.integers(250, 320)),
        (points % int(rng.integers(2, 310))).astype(np.float32),
        (points // int(rng.integers(2, 60)) % 2).astype(float),
        rng.integers(0, 2, length).astype(float),
        flat_ramp_or_impulse(seed // 8, length, rng),
    ][seed % 8]


@pytest.mark.slow
def test_equal_to_the_reference_on_200_random_series():
    found = {seed: (find_period(draw(seed)), reference(draw(seed))) for seed in range(200)}
    assert {seed: pair for seed, pair in found.items() if pair[0] != pair[1]} == {}
    assert len({period for period, _ in found.values()}) > 10


def test_no_period_gives_the_reference_s_default():
    for values in (np.ones(1), np.zeros(600), np.arange(600.0), np.full(600, np.nan), np.full(600, np.inf)):
        assert find_period(values) == DEFAULT_PERIOD == 125
    assert find_period(np.sin(np.arange(4000) * 2 * np.pi / 390)) == DEFAULT_PERIOD


def test_the_shortest_and_the_longest_period():
    points = np.arange(6000)
    assert [find_period(np.sin(points * 2 * np.pi / period)) for period in (6, 303)] == [6, 303]


def test_only_the_first_20_000_points_are_read():
    rng = np.random.default_rng(0)
    start = np.sin(np.arange(20_000) * 2 * np.pi / 50)
    assert find_period(np.concatenate([start, rng.normal(size=50_000) * 100])) == 50


def test_several_channels_are_refused():
    with pytest.raises(DataError, match="first target channel"):
        find_period(np.zeros((600, 2)))
    with pytest.raises(DataError, match="one channel"):
        find_period(np.zeros(0))


@pytest.mark.data
@pytest.mark.slow
def test_equal_to_the_reference_on_real_series():
    folder = Path(os.environ.get("RL_TSAD_DATA", ""))
    if not (folder / "published").is_dir():
        pytest.skip("needs labelled data sets: set RL_TSAD_DATA to their folder")
    series = [np.load(path, allow_pickle=False)[:, 0] for path in sorted((folder / "smap/test").glob("*.npy"))]
    for name in json.loads((folder / "nab/labels/combined_windows.json").read_text()):
        if (folder / "nab/data" / name).exists():
            rows = list(csv.DictReader((folder / "nab/data" / name).read_text().splitlines()))
            series.append(np.array([float(row["value"]) for row in rows[1:]]))
    assert len(series) >= 50
    for values in series:
        assert find_period(values) == reference(values)
