import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from rl_tsad.config import TextureConfig
from rl_tsad.detector.texture import Texture, fit_texture, texture_distance
from rl_tsad.detector.triplet import _triplet, train_triplets
from rl_tsad.errors import CheckpointError

QUIET = lambda path, value: None  # noqa: E731
SMALL = TextureConfig(layers=(8, 16, 8, 8), size=32)


def wave(points=1000, channels=1, seed=0):
    phase = np.arange(channels)
    noise = np.random.default_rng(seed).normal(0, 0.05, (points, channels))
    return (np.sin(2 * np.pi * np.arange(points)[:, None] / 16 + phase) + noise).astype(np.float32)


def fitted(view, config=SMALL, seed=0):
    return fit_texture(view, np.arange(len(view)), config, length=32, seed=seed, log=QUIET)


def distance(texture, view, **options):
    return texture_distance(texture, view, np.arange(len(view)), **options)


@pytest.mark.parametrize("channels", [1, 8])
def test_another_texture_of_the_same_values_is_found(channels):
    texture, view = fitted(wave(channels=channels)), wave(600, channels, seed=1)
    view[300:340] = np.random.default_rng(2).permutation(view[300:340])  # same values, another order
    odd = distance(texture, view)
    assert odd.shape == (600,)
    assert odd.dtype == np.float32
    assert 290 <= odd.argmax() < 350
    assert odd[300:340].min() > np.delete(odd, np.arange(260, 380)).max()


def test_another_level_is_found_though_its_shape_is_usual():
    texture, view = fitted(wave()), wave(600, seed=1)
    view[300:400] += 1
    odd = distance(texture, view)
    assert odd[320:380].min() > odd[:250].max()


def test_the_same_seed_gives_the_same_scores_and_another_seed_others():
    view = wave(400)
    one, same, other = (distance(fitted(view, seed=seed), view) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


def test_fitting_leaves_the_global_random_state_and_the_view_alone():
    view, before = wave(300), torch.get_rng_state()
    copy = view.copy()
    fitted(view)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(view, copy)


@pytest.mark.parametrize("points", [1, 2, 9, 31, 70, 200])
def test_short_recordings_get_finite_scores(points):
    texture = fitted(wave(points))
    assert int(texture.length) <= max(points, 2)
    assert np.isfinite(distance(texture, wave(points))).all()


@pytest.mark.parametrize("points", [1, 5, 40])
def test_a_recording_shorter_than_a_patch_is_scored(points):
    odd = distance(fitted(wave()), wave(points))
    assert odd.shape == (points,)
    assert np.isfinite(odd).all()


def test_a_recording_that_never_moves_is_usual_and_a_step_in_it_is_not():
    still = np.zeros((500, 2), np.float32)
    texture = fitted(still)
    assert not distance(texture, still).any()
    still[300:] = 5
    assert distance(texture, still)[320:].min() > 0.1


def test_what_is_seen_in_training_is_nearer_than_noise():
    texture = fitted(wave())
    noise = np.random.default_rng(0).normal(size=(500, 1)).astype(np.float32)
    assert distance(texture, wave(500, seed=3)).mean() < 0.2 * distance(texture, noise).mean()


def test_what_was_seen_only_once_does_not_vouch_for_itself_unless_all_is_healthy():
    view = wave()
    view[500:530] += 3
    texture = fitted(view)
    odd, told = distance(texture, view), distance(texture.healthy(), view)
    assert 460 <= odd.argmax() < 560
    assert odd[505:525].mean() > 1.2 * told[505:525].mean()
    np.testing.assert_array_equal(distance(texture, view), odd)  # healthy() changes a copy


def test_blocks_do_not_change_the_scores():
    texture, view = fitted(wave(channels=2)), wave(500, 2, seed=1)
    whole = distance(texture, view)
    np.testing.assert_allclose(distance(texture, view, batch=40), whole, atol=1e-5)


def test_a_points_score_looks_only_at_patches_around_it():
    texture, view = fitted(wave()), wave(500, seed=1)
    changed = view.copy()
    changed[400] += 9
    difference = np.abs(distance(texture, changed) - distance(texture, view))
    touched = np.flatnonzero(difference > 1e-5)
    assert touched.min() >= 400 - 31 - 7
    assert touched.max() <= 400 + 31 + 7


def test_a_score_looks_no_further_ahead_than_asked():
    view = wave(600)
    texture = fit_texture(view, np.arange(600), SMALL, length=32, seed=0, log=QUIET, ahead=32)
    changed = view.copy()
    changed[400:] += 5
    touched = np.flatnonzero(distance(texture, view) != distance(texture, changed))
    assert 400 - 31 <= touched.min() < 400 - 25  # with all patches it would be 7 points earlier
    again = Texture.from_tensors(texture.tensors(), SMALL)
    np.testing.assert_array_equal(distance(again, changed), distance(texture, changed))


def test_tensors_give_the_same_texture_back():
    view = wave(400, 3)
    texture = fitted(view)
    again = Texture.from_tensors({name: value.clone() for name, value in texture.tensors().items()}, SMALL)
    np.testing.assert_array_equal(distance(again, view), distance(texture, view))
    assert not again.training


def test_tensors_of_another_architecture_are_refused():
    tensors = fitted(wave(300)).tensors()
    with pytest.raises(CheckpointError, match="another architecture"):
        Texture.from_tensors(tensors, TextureConfig())
    del tensors["memory"]
    with pytest.raises(CheckpointError, match="'memory'"):
        Texture.from_tensors(tensors, SMALL)


def test_memory_holds_unit_vectors_and_at_most_as_many_as_asked():
    memory = fitted(wave(), replace(SMALL, size=5)).memory
    assert memory.shape == (5, 8)
    torch.testing.assert_close(memory.norm(dim=1), torch.ones(5))
    assert len(fitted(wave(143), replace(SMALL, size=500)).memory) == 12  # a tenth of 143 - 16 + 1 patches


def test_memory_use_does_not_grow_with_all_patches_of_a_long_recording():
    texture, view = fitted(wave(channels=8)), wave(60_000, 8)
    tracemalloc.start()
    distance(texture, view, batch=1024)
    peak = tracemalloc.get_traced_memory()[1]  # of NumPy's arrays; all patches would take 61 MB
    tracemalloc.stop()
    assert peak < 4e6


@pytest.mark.slow
def test_the_network_is_trained_when_asked_and_its_steps_are_told():
    view, losses, steps = wave(600), [], []
    config = replace(SMALL, steps=12, learning_rate=3e-3)
    trained = fit_texture(
        view,
        np.arange(600),
        config,
        length=32,
        seed=0,
        log=lambda path, value: losses.append(value) if path == "texture/loss" else None,
        progress=lambda stage, done, total: steps.append((stage, done, total)),
    )
    assert len(losses) == 12
    assert steps[-1] == ("detector/texture", 13, 13)
    assert not torch.equal(trained.stack[0].weight, fitted(view).stack[0].weight)
    assert not any(parameter.requires_grad for parameter in trained.parameters())


@pytest.mark.slow
def test_training_makes_the_loss_fall():
    view, losses = wave(600), []
    config = replace(SMALL, steps=60, learning_rate=3e-3)
    log = lambda path, value: losses.append(value) if path == "texture/loss" else None  # noqa: E731
    fit_texture(view, np.arange(600), config, length=32, seed=0, log=log)
    assert np.mean(losses[-10:]) < np.mean(losses[6:16])


def test_too_short_a_recording_teaches_nothing():
    rng = np.random.default_rng(0)
    losses = train_triplets(torch.nn.Linear(8, 4), None, TextureConfig(steps=5), points=31, length=8, rng=rng)
    assert list(losses) == []


def test_the_triplet_loss_is_zero_once_far_patches_are_a_margin_farther():
    anchor = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert float(_triplet(anchor, anchor, margin=0.5)) == 0.0
    assert float(_triplet(anchor, -anchor, margin=0.5)) == 0.5
