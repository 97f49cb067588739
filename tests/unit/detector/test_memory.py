import numpy as np
import pytest

from rl_tsad.detector.bank import roughness
from rl_tsad.detector.memory import fit_memory, memory_distance
from rl_tsad.detector.patches import over_points, score_points
from rl_tsad.detector.solo import fit_solo, solo_oddness


def wave(points=1000, channels=1, seed=0):
    noise = np.random.default_rng(seed).normal(0, 0.05, (points, channels))
    return (np.sin(2 * np.pi * np.arange(points)[:, None] / 16 + np.arange(channels)) + noise).astype(np.float32)


def test_what_happened_once_is_odd_although_it_is_remembered():
    view, ticks = wave(), np.arange(1000)
    view[500:516] = 2
    odd = memory_distance(fit_memory(view, ticks, length=16, size=1000), view, ticks)
    assert 495 <= odd.argmax() < 520
    assert odd[500:516].min() > 5 * np.median(odd)


def test_what_happened_twice_is_usual():
    view, ticks = wave(), np.arange(1000)
    for start in range(100, 1000, 200):
        view[start : start + 16] = 2
    odd = memory_distance(fit_memory(view, ticks, length=16, size=1000), view, ticks)
    assert odd.max() < 10 * np.median(odd)


def test_the_same_values_at_another_time_may_be_neighbours():
    view, ticks = wave(), np.arange(1000)
    view[500:516] = 2
    memory = fit_memory(view, ticks, length=16, size=1000)
    assert memory_distance(memory, view, ticks + 5000)[508] < memory_distance(memory, view, ticks)[508] / 2


def test_all_that_a_healthy_recording_shows_is_usual():
    view, ticks = wave(), np.arange(1000)
    view[500:516] = 2
    memory = fit_memory(view, ticks, length=16, size=1000)
    odd, told = (memory_distance(each, view, ticks) for each in (memory, memory.healthy()))
    assert told[500:516].max() < odd[500:516].min() / 3


@pytest.mark.parametrize("points", [1, 2, 9, 31, 70])
def test_short_recordings_get_finite_scores(points):
    view, ticks = wave(points, 2), np.arange(points)
    odd = memory_distance(fit_memory(view, ticks, length=64, size=100), view, ticks)
    assert odd.shape == (points,)
    assert np.isfinite(odd).all()


def test_a_fault_of_one_target_among_many_stands_out_more_when_each_is_looked_at_alone():
    view, ticks = np.random.default_rng(0).normal(size=(2000, 16)).astype(np.float32), np.arange(2000)

    def fit(part):
        return fit_memory(part, ticks[:1000], length=16, size=1000)

    def distance(memory, part):
        return memory_distance(memory, part, ticks[: len(part)])

    solo, together = fit_solo(view[:1000], fit, distance), fit(view[:1000])
    view[1500:1516, 3] += 3
    alone, joint = solo_oddness(solo, view, distance), distance(together, view)
    outside = np.r_[1000:1400, 1600:2000]
    heights = [(odd[1500:1516].mean() - odd[outside].mean()) / odd[outside].std() for odd in (alone, joint)]
    assert heights[0] > heights[1]


@pytest.mark.parametrize("length", [4, 16, 64])
def test_a_score_looks_less_than_a_patch_ahead(length):
    view = np.zeros((400, 1), np.float32)
    view[200:] = 1
    odd = score_points(view, length, 1, lambda patches: patches.max(axis=1))
    assert np.flatnonzero(odd)[0] >= 200 - length + 1
    assert (odd[200:] > 0).all()


def test_each_point_has_the_mean_of_the_patches_that_cover_it():
    scores = np.random.default_rng(0).normal(size=93).astype(np.float32)
    found = over_points(scores, 8, 100)
    for point in (0, 3, 50, 92, 99):
        covering = scores[max(point - 7, 0) : min(point, 92) + 1]
        assert found[point] == pytest.approx(covering.mean(), rel=1e-5)


def test_a_nervous_stretch_is_rough_on_both_sides():
    view = wave(400)
    view[200:240] += np.random.default_rng(1).normal(0, 1, (40, 1)).astype(np.float32)
    rough = roughness(view)
    assert 200 <= rough.argmax() < 240
    assert rough[100] == pytest.approx(rough[350], rel=0.5)
