from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.signal import lfilter

from rl_tsad.data.channel_roles import infer_exogenous
from rl_tsad.data.readers import read_path
from rl_tsad.data.simulate import simulate_plant

POINTS = 3000
ROWS = np.arange(POINTS)


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=POINTS)


def slow(memory: float, seed: int = 0) -> np.ndarray:
    return np.asarray(lfilter([np.sqrt(1 - memory**2)], [1, -memory], noise(seed)))


def holds(seed: int = 0, low: int = 40, high: int = 220) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, POINTS // low + 1)


def held(values: np.ndarray) -> np.ndarray:
    lengths = holds(len(values))
    return np.repeat(np.resize(values, len(lengths)), lengths)[:POINTS]


def told(column: np.ndarray, name: str = "x") -> tuple[bool, str]:
    """Infer one column's role beside a real sensor."""
    exogenous, reasons = infer_exogenous(np.stack([noise(99), column], axis=1).astype(np.float32), ("sensor", name))
    assert not exogenous[0]
    return bool(exogenous[1]), reasons[1]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (np.full(POINTS, 3.2), "constant"),
        (noise() > 1.5, "two values"),
        (np.where(noise() > 0, 1, -1), "two values"),
        (held(np.array([20.5, 21.5])), "two values, held"),
        (held(np.random.default_rng(1).choice([45, 55, 65, 75, 85], 99)), "5 levels, held"),
        (held(np.arange(99) % 4), "4 levels, held"),
        (ROWS // 12 % 24, "the calendar, it repeats exactly"),
        (ROWS % 288 / 288, "the calendar, it repeats exactly"),
        (1.7e9 + 300.0 * ROWS, "an even ramp"),
    ],
)
def test_commands_set_points_and_clocks_are_exogenous(column: np.ndarray, reason: str) -> None:
    assert told(column) == (True, reason)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Hour", ROWS // 7 % 24),
        ("day_of_week", np.random.default_rng(0).integers(0, 7, POINTS)),
        ("is_holiday", np.full(POINTS, 0) + (ROWS == 9)),
        ("hour_sin", np.sin(ROWS / 7 + 0.01 * noise())),
        ("sin_hour", np.sin(ROWS / 7)),
    ],
)
def test_the_calendar_is_known_by_name(name: str, column: np.ndarray) -> None:
    assert told(column, name) == (True, "the calendar, by its name")


@pytest.mark.parametrize(
    "column",
    [
        noise(),
        np.rint(noise()),
        np.rint(slow(0.99) * 2) / 2,
        np.rint(slow(0.999, 3) * 2) + 20,
        np.rint(np.cumsum(noise()) / 20),
        20 + np.rint(np.sin(ROWS / 300) * 2) / 2,
        20 + (noise() > 0),
        20.5 + (noise() > 2),
        np.repeat(np.rint(slow(0.9) * 4) / 4, 60)[:POINTS],
        np.repeat(slow(0.9), 60)[:POINTS],
        np.cumsum(np.abs(noise())),
        np.sin(ROWS / 46) + 0.01 * noise(),
        np.where(ROWS > 1500, 0, slow(0.9)),
    ],
)
def test_a_sensor_with_coarse_slow_rare_or_stuck_readings_stays_a_target(column: np.ndarray) -> None:
    assert told(column) == (False, "a measurement")


def test_a_name_alone_makes_no_calendar_of_a_measurement() -> None:
    assert told(noise(), "hour")[0] is False
    assert told(noise(), "operating hours")[0] is False


def test_a_recording_gap_does_not_hide_the_calendar() -> None:
    hours = np.concatenate([ROWS[:1000] % 24, (ROWS[1000:] + 5) % 24])
    assert told(hours)[0]


def test_a_single_channel_is_always_the_target() -> None:
    assert infer_exogenous(np.zeros((500, 1), np.float32), ("hour",))[0].tolist() == [False]


def test_where_everything_would_be_exogenous_everything_is_a_target() -> None:
    exogenous, reasons = infer_exogenous(np.eye(3, dtype=np.float32)[np.arange(600) % 3], ("a", "b", "c"))
    assert not exogenous.any()
    assert reasons[0] == "two values, but no target would be left"


def test_few_points_prove_nothing() -> None:
    exogenous, reasons = infer_exogenous(np.zeros((99, 2), np.float32), ("a", "b"))
    assert not exogenous.any()
    assert reasons == ("fewer than 100 points",) * 2


def test_recordings_are_judged_together() -> None:
    still = np.stack([noise(), np.full(POINTS, 50.0)], axis=1).astype(np.float32)
    moving = np.stack([noise(1), 50 + slow(0.9)], axis=1).astype(np.float32)
    names = ("flow", "temperature")
    assert infer_exogenous(still, names)[0].tolist() == [False, True]
    assert infer_exogenous([still, moving], names)[0].tolist() == [False, False]
    other = still + np.float32([0, 5])
    assert infer_exogenous([still, other], names)[1][1] == "two values, held"


def test_the_plants_load_is_continuous_and_cannot_be_inferred() -> None:
    series = simulate_plant(seed=0).series
    assert not infer_exogenous(series.values, series.channels)[0].any()


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 300), st.integers(1, 3)), elements=st.floats(-2, 2, width=32)))
def test_any_values_leave_a_target(values: np.ndarray) -> None:
    exogenous, reasons = infer_exogenous(values, tuple("abc"[: values.shape[1]]))
    assert not exogenous.all()
    assert len(reasons) == values.shape[1]


@pytest.fixture
def published() -> Path:
    if "RL_TSAD_DATA" not in os.environ:
        pytest.skip("RL_TSAD_DATA does not name a folder with the published data sets")
    return Path(os.environ["RL_TSAD_DATA"])


@pytest.mark.data
@pytest.mark.slow
def test_inference_agrees_with_what_the_publishers_say(published: Path) -> None:
    smap = [reading.series for reading in read_path(published / "smap")]
    together, _ = infer_exogenous([one.values for one in smap], smap[0].channels)
    assert together.tolist() == [False] + [True] * 24
    alone = [infer_exogenous(one.values, one.channels)[0] for one in smap]
    assert sum(bool(np.array_equal(one, together)) for one in alone) >= 16
    assert not any(one[0] for one in alone)
    for reading in read_path(published / "skab"):
        assert not infer_exogenous(reading.series.values, reading.series.channels)[0].any()
