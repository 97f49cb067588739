import numpy as np
import pytest
import torch

from rl_tsad.config import VaeConfig
from rl_tsad.detector.track import Track, lay_track
from rl_tsad.detector.vae import Vae, _trimmed, span_errors, train_vae
from rl_tsad.errors import DataError

QUIET = lambda path, value: None  # noqa: E731


def wave(points=1200):
    return np.sin(2 * np.pi * np.arange(points) / 16).astype(np.float32)[:, None]


def test_the_worst_twentieth_is_left_out():
    errors = torch.cat([torch.ones(95), torch.full((5,), 100.0)])
    assert float(_trimmed(errors, trim=True)) == 1.0
    assert float(_trimmed(errors, trim=False)) > 5


@pytest.mark.slow
def test_what_was_never_seen_is_reproduced_worse_and_only_in_its_span():
    values = wave()
    values[1000:1008] += 4
    track = Track(values, np.arange(0, 1136, 8), 64)
    vae = train_vae(track.keep(track.starts < 900), VaeConfig(steps=200), seed=0, log=QUIET)
    errors = span_errors(vae, track, stride=8)
    assert track.starts[errors.argmax()] == 944  # its last 8 points are 1000 .. 1007


def test_training_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    train_vae(Track(wave(200), np.arange(0, 100, 8), 64), VaeConfig(steps=2), seed=0, log=QUIET)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    track = Track(wave(200), np.arange(0, 100, 8), 64)
    one, same, other = (train_vae(track, VaeConfig(steps=3), seed=seed, log=QUIET).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_the_loss_falls_and_progress_reaches_the_end():
    track, losses, steps = Track(wave(400), np.arange(0, 300, 4), 64), [], []
    config = VaeConfig(steps=60)
    train_vae(
        track,
        config,
        seed=0,
        log=lambda path, value: losses.append(value) if path == "vae/loss" else None,
        progress=lambda stage, done, total: steps.append((stage, done, total)),
    )
    assert losses[-1] < losses[0]
    assert steps[-1] == ("detector/vae", 60, 60)


def test_batch_size_does_not_change_the_errors():
    vae = Vae(64, 1, VaeConfig()).eval()
    track = Track(wave(400), np.arange(0, 300, 4), 64)
    np.testing.assert_allclose(span_errors(vae, track, stride=8), span_errors(vae, track, stride=8, batch=7), rtol=1e-4)


def test_no_window_has_no_error():
    assert span_errors(Vae(64, 1, VaeConfig()), Track(wave(64), np.empty(0, np.int64), 64), stride=8).shape == (0,)


def test_narrow_series_are_padded_and_windows_stay_inside_their_series():
    parts = [np.full((10, 1), 1, np.float32), np.full((12, 2), 2, np.float32)]
    track = lay_track(parts, [np.array([0, 6]), np.array([8])], length=4, width=2)
    windows = np.sinh(track.take(np.arange(3)).numpy())
    np.testing.assert_allclose(windows[:2, :, 0], 1, rtol=1e-5)
    assert not windows[:2, :, 1].any()
    np.testing.assert_allclose(windows[2], 2, rtol=1e-5)


def test_a_series_wider_than_the_tape_is_refused():
    with pytest.raises(DataError, match="at most 1 channels"):
        lay_track([np.zeros((5, 2), np.float32)], [np.array([0])], length=4, width=1)
