"""What do ASTER's classifier and two reconstruction baselines say of windows, and which windows lie near which?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from rl_tsad.detector.aster.encoder import normalise
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.score import worst_error
from rl_tsad.types import Float64

DETECTORS = ("classifier", "vae", "pca")
SPACES = ("embedding", "statistics")
_VARIANCE = 0.9  # share that the principal components keep
_BATCH = 1024
_DRAWS = 20


@dataclass(frozen=True)
class Components:
    """Principal components of whole windows: middle (L * W,) and axes (K, L * W)."""

    middle: Tensor
    axes: Tensor

    def error(self, windows: Tensor) -> Tensor:
        """Give the absolute error (B, L, W) of windows made of the components."""
        rows = windows.flatten(1) - self.middle
        return (rows - rows @ self.axes.T @ self.axes).abs().reshape(windows.shape)


def fit_components(windows: Tensor) -> Components:
    """Find as many components of windows (N, L, W) as keep nine tenths of their variance."""
    rows = windows.flatten(1)
    middle = rows.mean(dim=0)
    _, sizes, axes = torch.linalg.svd(rows - middle, full_matrices=False)
    kept = sizes.square().cumsum(dim=0)
    return Components(middle, axes[: int((kept < _VARIANCE * kept[-1]).sum()) + 1])


@dataclass(frozen=True)
class Judged:
    """What is said of N windows.

    Attributes:
        scores: by detector, (N,): whether the span, the last points, holds an anomaly; higher is more anomalous.
        places: by space, (N, D): where the windows lie.
    """

    scores: Mapping[str, Float64]
    places: Mapping[str, Float64]


class Judges:
    """ASTER's classifier, its VAE's error, and the error of principal components.

    The classifier says the logit of its probability, which does not saturate; an error is that of the span's worst
    point, over the two worst targets. Places: the classifier's embedding, which was learnt from generated anomalies
    and so is partial to them; and ASTER's robust statistics at their largest in the span, which were not.

    Args:
        aster: trained.
        fit: (N, L, W) windows of the fit part, for the components.
        roles: (W,) 1 for a target channel, else 0.
    """

    def __init__(self, aster: Aster, fit: Tensor, roles: Tensor) -> None:
        self._aster, self._roles = aster, roles
        self._components = fit_components(fit * roles)

    @torch.no_grad()
    def __call__(self, windows: Tensor) -> Judged:
        """Judge windows (N, L, W)."""
        parts = [self._judge(part) for part in windows.split(_BATCH)]
        found = {name: torch.cat([part[name] for part in parts]).double().numpy() for name in parts[0]}
        return Judged({name: found[name] for name in DETECTORS}, {name: found[name] for name in SPACES})

    def _judge(self, windows: Tensor) -> dict[str, Tensor]:
        aster, roles, span = self._aster, self._roles.expand(len(windows), -1), int(self._aster.span)
        verdict, error = aster(windows, roles)
        statistics = aster.statistics(windows, error, normalise(windows).level, roles)
        plain = self._components.error(windows * self._roles)
        return {
            "classifier": verdict.windows,
            "vae": worst_error(error[:, -span:], roles).amax(dim=1),
            "pca": worst_error(plain[:, -span:], roles).amax(dim=1),
            "embedding": verdict.embedding,
            "statistics": statistics[:, -span:].amax(dim=1),
        }


def nearer(asked: Float64, made: Float64, clean: Float64, rng: np.random.Generator) -> float:
    """Give the share of windows whose nearest, of equally many generated and clean ones, is a generated one; ties half.

    Args:
        asked: (P, D) places of real anomalies.
        made: (M, D) of generated ones.
        clean: (N, D) of clean windows.
        rng: draws, many times, half as many of either as there are of the rarer.

    Returns:
        In [0, 1]; a half is expected where the generated windows lie as the clean ones do.
    """
    count, shares = (min(len(made), len(clean)) + 1) // 2, []
    to_made, to_clean = cdist(asked, made), cdist(asked, clean)
    for _ in range(_DRAWS):
        one, other = (
            gaps[:, rng.choice(gaps.shape[1], count, replace=False)].min(axis=1) for gaps in (to_made, to_clean)
        )
        shares.append((one < other).mean() + 0.5 * (one == other).mean())
    return float(np.mean(shares))
