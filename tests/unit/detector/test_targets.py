"""Only targets are scored; what only explains raises no alarm by itself, and makes a silent target one."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from rl_tsad.config import AsterConfig, DetectorConfig
from rl_tsad.data.simulate import simulate_plant
from rl_tsad.data.windows import window_truth
from rl_tsad.detector.calibrate import fit_tails
from rl_tsad.detector.channels import find_mixing, find_reach, unexplained
from rl_tsad.detector.features import FEATURES, columns_of, window_features
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.known import covered_part, learn_profile, own_and_pooled
from rl_tsad.detector.save import load_detector, save_detector
from rl_tsad.detector.streams import STREAMS, fit_profile, surprise
from rl_tsad.evaluation.metrics import auc_pr
from rl_tsad.types import Series, slide

QUICK = DetectorConfig(aster=AsterConfig(steps=4, batch=16, depth=1, width=16))
POINTS, POOL = 3000, 2000
TIMES = np.arange(POINTS)


def commanded(seed=0):
    """A valve's command in steps, and a flow that follows it within a few points."""
    rng = np.random.default_rng(seed)
    command = np.repeat(rng.choice([0.0, 20, 50, 80], POINTS // 50), 50)
    flow = lfilter([0.3], [1, -0.7], command) + rng.normal(size=POINTS)
    return np.stack([flow, command], axis=1).astype(np.float32)


def unrelated(seed=0):
    """A flow of its own, and commands that have nothing to do with it."""
    rng = np.random.default_rng(seed)
    flow = lfilter([1], [1, -0.9], rng.normal(size=POINTS))
    commands = [np.repeat(rng.random(POINTS // hold + 1) < 0.3, hold)[:POINTS] for hold in (7, 20, 45, 90)]
    return np.stack([flow, *commands], axis=1).astype(np.float32)


def recorded(values, targets=1):
    exogenous = np.arange(values.shape[1]) >= targets
    return Series("a", values, TIMES, tuple(f"c{i}" for i in range(values.shape[1])), exogenous=exogenous)


def features_of(values, profile):
    windows = slide(recorded(values), length=32, stride=8)
    return window_features(values, TIMES, windows, profile)[0]


def profile_of(values):
    series = recorded(values)
    return learn_profile(covered_part(series, slide(series, length=32, stride=8).between(0, (POOL - 32) // 8)))[0]


def spike(command):
    command[2500] = 1e6


def flicker(command):
    command[2500:2600] = np.arange(100) % 2


def die(command):
    command[2400:] = 0


def turn(command):
    command[2400:] = 1 - command[2400:]


@pytest.mark.parametrize("fault", [spike, flicker, die, turn])
@pytest.mark.parametrize("channel", [1, 4])
def test_where_only_an_exogenous_channel_misbehaves_no_feature_moves(fault, channel):
    values = unrelated()
    profile = profile_of(values)
    broken = values.copy()
    fault(broken[:, channel])
    np.testing.assert_array_equal(features_of(broken, profile), features_of(values, profile))


def test_a_command_beyond_all_that_was_seen_says_no_more_than_the_most_that_was():
    values = commanded()
    profile = profile_of(values)
    most, wild = values.copy(), values.copy()
    most[2500:2510, 1], wild[2500:2510, 1] = 80, 1e6
    np.testing.assert_array_equal(features_of(most, profile), features_of(wild, profile))


def test_a_target_that_does_not_do_what_its_command_says_is_found():
    values = commanded()
    profile = profile_of(values)
    values[2500:2550, 1] = np.where(values[2500:2550, 0] > 40, 0, 80)  # commanded elsewhere, the flow stays
    streams = dict(zip(STREAMS, surprise(values, TIMES, profile), strict=True))
    inside = slice(2505, 2550)
    assert streams["cross"][inside].min() > streams["cross"][POOL:2500].max()
    assert streams["level"][inside].max() < streams["level"][:2500].max()
    assert profile.explained[0] > 0.8


def test_a_target_that_follows_its_command_is_as_usual():
    values = commanded()
    streams = dict(zip(STREAMS, surprise(values, TIMES, profile_of(values)), strict=True))
    assert streams["cross"][POOL:].mean() < 1.1 * streams["cross"][:POOL].mean()


def test_streams_are_those_of_the_targets_only():
    values = unrelated()
    profile = fit_profile(values, TIMES, np.array([True, False, False, True, False]))
    assert [stream.shape for stream in surprise(values, TIMES, profile)] == [(POINTS, 2)] * len(STREAMS)
    assert profile.width == 5
    assert profile.measured.tolist() == [True, False]
    assert profile.switching.tolist() == [False, True]


def test_switches_count_only_where_they_are_targets():
    values = unrelated()
    columns = columns_of(("max", "pair", "middle", "mean", "context"), ("switch",))
    assert not features_of(values, profile_of(values))[:, columns].any()
    both = fit_profile(values, TIMES, np.array([True, True, False, False, False]))
    assert features_of(values, both)[:, columns].any()


def test_many_commands_and_few_points_explain_nothing_that_does_not_hold_elsewhere():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=(600, 1)), rng.random((600, 24)) < 0.1], axis=1).astype(np.float32)
    mixing = find_mixing(values, np.arange(25) == 0)
    assert mixing.explained[0] < 0.05
    assert mixing.matrix.shape == (75, 1)


def test_what_neighbours_explain_is_clipped_to_what_was_seen_of_exogenous_ones_only():
    scaled = np.array([[0, 0], [1, 2]], np.float32)
    reach = find_reach(scaled, np.array([True, False]))
    matrix = np.array([[1], [-1], [0], [0], [0], [0]], np.float32)
    assert unexplained(np.array([[9, 9]], np.float32), matrix, reach, np.array([True, False])).tolist() == [[7.0]]


def ranking(series):
    """AUC-PR over windows of what neighbours do not explain."""
    windows = slide(series, length=64, stride=8)
    _, raw, _ = learn_profile(covered_part(series, windows))
    tails = fit_tails(raw)
    odd = own_and_pooled(raw, tails, tails)[:, columns_of(("max", "pair"), ("cross", "rhythm"))]
    return auc_pr(window_truth(series, windows), odd.mean(axis=1))


@pytest.mark.slow
def test_knowing_the_command_finds_more_of_the_plants_faults():
    plants = [simulate_plant(seed=seed).series for seed in range(8)]
    assert all(plant.exogenous.tolist() == [True] + 7 * [False] for plant in plants)
    known = np.array([ranking(plant) for plant in plants])
    unknown = np.array([ranking(replace(plant, exogenous=None)) for plant in plants])
    assert known.mean() > unknown.mean() + 0.05


def test_roles_come_back_from_disk(tmp_path):
    series = recorded(unrelated())
    windows = slide(series, length=32, stride=8)
    detector = fit_detector([series], [windows.between(0, 100)], QUICK, seed=0)
    loaded = load_detector(tmp_path, save_detector(detector, tmp_path))
    assert loaded.known["a"].profile.targets.tolist() == [True, False, False, False, False]
    assert loaded.known["a"].profile.targets.dtype == np.bool_
    one, other = detector.judge(series, windows), loaded.judge(series, windows)
    assert np.array_equal(one.features, other.features)
    assert one.features.shape == (len(windows), len(FEATURES))
