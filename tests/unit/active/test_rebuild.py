import numpy as np
import pytest
import torch

from rl_tsad.active.rebuild import LAYERS, PatchVae, rebuild
from rl_tsad.config import AsterConfig
from rl_tsad.data.scaling import Scale, apply_scale
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.judge import CLIP
from rl_tsad.errors import CheckpointError


def network(length: int, width: int, patch: int = 8) -> tuple[Aster, PatchVae]:
    torch.manual_seed(0)
    aster = Aster(length, width, AsterConfig(patch=patch))
    weights = {name: value.numpy() for name, value in aster.encoder.state_dict().items()}
    layers = {name: (weights[f"{name}.weight"], weights[f"{name}.bias"]) for name in LAYERS}
    return aster, PatchVae(length, width, patch, layers)


@pytest.mark.parametrize(("length", "width", "patch"), [(64, 3, 8), (61, 1, 8), (8, 2, 8), (5, 2, 8), (40, 64, 16)])
def test_a_copy_is_that_of_torch(length: int, width: int, patch: int) -> None:
    aster, vae = network(length, width, patch)
    windows = np.random.default_rng(0).normal(size=(7, length, width)).astype(np.float32)
    windows[0] = 0.5  # flat
    windows[1, 3] = 300.0
    expected = aster.code(torch.from_numpy(windows)).copy.numpy()
    assert vae.copy(windows) == pytest.approx(expected, abs=1e-4)


def test_a_line_is_the_mean_of_the_windows_that_hold_a_point_in_the_sources_units() -> None:
    aster, vae = network(16, 3)
    values = np.random.default_rng(1).normal(20, 3, size=(40, 2)).astype(np.float32)
    values[5, 0] = 1e6
    scale, starts = Scale(np.array([20.0, 21.0]), np.array([3.0, 2.0])), np.array([0, 4, 8, 20])
    line = rebuild(vae, values, starts, scale)
    tape = np.zeros((40, 3), np.float32)
    tape[:, :2] = np.arcsinh(apply_scale(values, scale, CLIP))
    seen = torch.from_numpy(np.stack([tape[start : start + 16] for start in starts]))
    copies = aster.code(seen).copy.numpy()
    for point in range(40):
        own = [copy[point - start] for start, copy in zip(starts, copies, strict=True) if start <= point < start + 16]
        if own:
            expected = np.sinh(np.mean(own, axis=0)[:2]) * scale.spread + scale.center
            assert line[point] == pytest.approx(expected, abs=1e-3)
        else:
            assert np.isnan(line[point]).all()
    assert np.isnan(line[36:]).all()


def test_windows_with_missing_values_say_nothing() -> None:
    _, vae = network(16, 1)
    values = np.random.default_rng(2).normal(size=(48, 1)).astype(np.float32)
    scale, starts = Scale(np.zeros(1), np.ones(1)), np.array([0, 8, 16, 32])
    whole = rebuild(vae, values, starts, scale)
    values[2] = np.nan
    line = rebuild(vae, values, starts, scale)
    assert np.isnan(line[:8]).all()
    assert line[24:] == pytest.approx(whole[24:])
    assert np.isnan(rebuild(vae, values, np.zeros(0, np.int64), scale)).all()


def test_what_does_not_fit_is_refused() -> None:
    _, vae = network(16, 1)
    with pytest.raises(CheckpointError, match="at most 1 channels"):
        rebuild(vae, np.zeros((20, 2), np.float32), np.array([0]), Scale(np.zeros(2), np.ones(2)))
    with pytest.raises(CheckpointError, match="patches of 4 points"):
        PatchVae(16, 1, 4, vae.layers)
