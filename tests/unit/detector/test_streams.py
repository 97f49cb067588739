import numpy as np
import pytest

from rl_tsad.detector.streams import STREAMS, fit_profile, raw_streams, surprise

RNG = np.random.default_rng(0)


def plain(points=600, channels=3):
    load = np.cumsum(RNG.normal(size=points)) * 0.3
    return (load[:, None] * [1, 2, -1][:channels] + 0.2 * RNG.normal(size=(points, channels))).astype(np.float32)


def look(values, name, pool=400):
    times = np.arange(len(values))
    profile = fit_profile(values[:pool], times[:pool])
    return list(surprise(values, times, profile))[STREAMS.index(name)]


@pytest.mark.parametrize("name", ["level", "step", "fast", "slow", "rolling", "season"])
def test_a_spike_is_the_most_surprising_point(name):
    values = RNG.normal(size=(600, 1)).astype(np.float32)
    values[500] = 25
    assert abs(int(look(values, name).argmax()) - 500) <= 1


def test_a_stuck_sensor_grows_ever_more_surprising():
    values = RNG.normal(size=(600, 1)).astype(np.float32)
    values[500:560] = values[500]
    stuck = look(values, "stuck")[:, 0]
    assert stuck.argmax() == 559
    assert stuck[510] < stuck[559]
    assert look(values, "spread")[550:560].min() > look(values, "spread")[16:490].max()


def test_lost_correlation_shows_beside_the_neighbours_only():
    values = plain()
    values[500:530, 1] = values[500:530, 1][::-1] + 3
    cross = look(values, "cross")
    assert 500 <= int(cross.max(axis=1).argmax()) < 531
    assert cross[500:530].max() > 1.5 * look(values, "level")[500:530].max()


def test_an_event_at_the_wrong_hour_shows_in_the_rhythm():
    values = plain(960)
    for start in range(0, 960, 48):
        values[start + 5 : start + 8, 0] += 4
    values[700:703, 0] += 4
    rhythm = look(values, "rhythm", pool=600).max(axis=1)
    assert 700 <= int(rhythm[600:].argmax()) + 600 < 704


def test_a_switch_position_that_was_never_seen_is_most_surprising():
    values = np.concatenate([plain(channels=2), np.zeros((600, 1), np.float32)], axis=1)
    values[100:110, 2] = 1
    values[500, 2] = 7
    switch = look(values, "switch")
    assert switch[:, :2].max() == 0
    assert switch[:, 2].argmax() == 500
    assert switch[105, 2] > switch[200, 2]


def test_no_stream_looks_ahead():
    values = plain()
    times = np.arange(600)
    profile = fit_profile(values[:400], times[:400])
    whole = list(raw_streams(values, times, profile))
    start = list(raw_streams(values[:500], times[:500], profile))
    for name, long, short in zip(STREAMS, whole, start, strict=True):
        np.testing.assert_allclose(long[:500], short, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("values", [np.zeros((80, 1)), np.full((80, 4), 3.0), np.eye(2)[np.arange(80) % 2]])
def test_constant_and_two_valued_channels_stay_finite(values):
    values = values.astype(np.float32)
    times = np.arange(len(values))
    changed = np.concatenate([values, values[-5:] + 1e6]).astype(np.float32)
    for stream in surprise(changed, np.arange(len(changed)), fit_profile(values, times)):
        assert np.isfinite(stream).all()
        assert stream.dtype == np.float32
        assert (stream >= 0).all()


def test_measured_channels_leave_switches_out_unless_there_is_nothing_else():
    mixed = np.stack([RNG.normal(size=99), np.arange(99) % 2], axis=1).astype(np.float32)
    assert fit_profile(mixed, np.arange(99)).measured.tolist() == [True, False]
    assert fit_profile(mixed[:, 1:], np.arange(99)).measured.tolist() == [True]
