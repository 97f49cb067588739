import numpy as np
import pytest

from rl_tsad.detector.season import Clock, find_season, phase_medians, read_clock

RNG = np.random.default_rng(0)


def days(count, step_minutes=60):
    return np.datetime64("2024-01-01T00:00") + np.arange(count * 24 * 60 // step_minutes) * np.timedelta64(
        step_minutes, "m"
    )


def test_a_daily_cycle_is_found_under_noise_by_the_clock():
    times = days(14).astype("datetime64[ns]")
    wave = np.sin(2 * np.pi * np.arange(len(times)) / 24) + RNG.normal(size=len(times))
    clock = read_clock(times)
    assert clock.day == 24
    assert len(find_season(wave[:, None].astype(np.float32), clock.ticks(times), clock)) == 24


def test_a_period_that_no_clock_knows_is_found_by_autocorrelation():
    wave = np.sin(2 * np.pi * np.arange(600) / 37) + 0.3 * RNG.normal(size=600)
    assert len(find_season(wave[:, None].astype(np.float32), np.arange(600), Clock(0, 1))) == 37


@pytest.mark.parametrize("length", [5, 30, 1000])
def test_noise_and_short_series_have_no_season(length):
    noise = np.random.default_rng(3).normal(size=(length, 2)).astype(np.float32)
    assert len(find_season(noise, np.arange(length), Clock(0, 1))) == 1


def test_a_constant_signal_has_no_season():
    assert find_season(np.zeros((500, 1), np.float32), np.arange(500), Clock(0, 1)).tolist() == [[0.0]]


def test_a_recording_gap_does_not_shift_the_phase():
    times = np.concatenate([np.arange(0, 100), np.arange(107, 200)])
    clock = read_clock(times)
    signal = (clock.ticks(times) % 10 == 3).astype(np.float32)[:, None]
    assert phase_medians(signal, clock.ticks(times), 10).ravel().tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]


def test_a_phase_that_was_never_seen_is_zero():
    assert phase_medians(np.ones((2, 1), np.float32), np.array([0, 1]), 3).ravel().tolist() == [1, 1, 0]
