from __future__ import annotations

import numpy as np
import pytest

from rl_tsad.data.scaling import apply_scale, fit_scale
from rl_tsad.errors import DataError


def test_a_normal_channel_keeps_its_standard_deviation() -> None:
    values = np.random.default_rng(0).normal(5.0, 3.0, (20_000, 1))
    scale = fit_scale(values)
    assert scale.center[0] == pytest.approx(5.0, abs=0.1)
    assert scale.spread[0] == pytest.approx(3.0, rel=0.03)


def test_anomalies_hardly_move_the_scale() -> None:
    values = np.random.default_rng(0).normal(size=(1000, 1))
    spoilt = values.copy()
    spoilt[:50] = 1e6
    assert fit_scale(spoilt).spread[0] == pytest.approx(fit_scale(values).spread[0], rel=0.15)


def test_a_constant_channel_does_not_explode() -> None:
    scaled = apply_scale(np.full((10, 1), 7.3, np.float32), fit_scale(np.full((10, 1), 7.3, np.float32)))
    assert scaled.dtype == np.float32
    assert np.abs(scaled).max() == 0


def test_rounding_noise_of_a_large_constant_is_no_signal() -> None:
    values = np.float32(1e7) + np.array([0, 1, 0, 0, 1, 1, 0, 1] * 8, np.float32)[:, None]
    assert np.abs(apply_scale(values, fit_scale(values))).max() <= 1


@pytest.mark.parametrize("share", [0.3, 0.1, 0.01])
def test_a_mostly_constant_channel_has_a_finite_positive_spread(share: float) -> None:
    values = np.zeros((1000, 1))
    values[: int(1000 * share)] = 4.0
    assert 0 < fit_scale(values).spread[0] <= 4.0


def test_z_scores_are_clipped_and_shapes_kept() -> None:
    values = np.random.default_rng(0).normal(size=(30, 4, 2))
    scaled = apply_scale(values * 1e9, fit_scale(values.reshape(-1, 2)), clip=5.0)
    assert scaled.shape == values.shape
    assert np.abs(scaled).max() == 5.0


def test_wrong_shapes_are_refused() -> None:
    scale = fit_scale(np.ones((3, 2)))
    with pytest.raises(DataError, match="expected 2 channels, as fitted, got 3"):
        apply_scale(np.ones((3, 3)), scale)
    with pytest.raises(DataError, match="at least one point"):
        fit_scale(np.empty((0, 2)))
