"""How far does each patch lie off the directions in which the patches of its series usually vary?

Sub-PCA (Shyu et al., 2003; on windows as in TSB-AD, Liu & Paparrizos, NeurIPS 2024): the distance from the mean in
principal coordinates, each in units of its own deviation, so that a small step off a direction that never varies counts
as much as a large one along a direction that does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_tsad.detector.patches import fold_of, patch_length, sample_patches, score_points
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float32

_SAMPLE = 10_000  # patches from which the directions are learnt
_FLOOR, _LEAST = 1e-4, 1e-6  # smallest variance, as a share of the largest, and in itself


@dataclass(frozen=True)
class Subspace:
    """Usual directions.

    Attributes:
        mean: (D,) float32.
        axes: (D, D) float32, principal directions over their deviations.
        length: L, points per patch.
        fold: neighbouring points that are averaged; D = K * L / fold.
    """

    mean: Float32
    axes: Float32
    length: int
    fold: int


def fit_subspace(view: Float32, *, length: int, seed: int) -> Subspace:
    """Learn the usual directions of a recording's patches.

    Args:
        view: (T, K) values in units of their usual deviation.
        length: L, points per patch, a power of two; less where the recording is short.
        seed: of the sample in a long recording.

    Example:
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> fit_subspace(wave, length=16, seed=0).axes.shape
        (16, 16)
    """
    length = patch_length(length, len(view))
    fold = fold_of(length, view.shape[1])
    drawn = sample_patches(view, length, fold, _SAMPLE, derive_rng(seed, "subspace", length))
    mean = drawn.mean(axis=0)
    drawn -= mean
    variance, axes = np.linalg.eigh(drawn.T @ drawn / np.float32(len(drawn)))
    floor = max(_FLOOR * float(variance[-1]), 0.0) + _LEAST
    return Subspace(mean, (axes / np.sqrt(np.maximum(variance, floor))).astype(np.float32), length, fold)


def subspace_distance(subspace: Subspace, view: Float32) -> Float32:
    """Give each point's distance from what is usual.

    Args:
        subspace: of the same series.
        view: (T, K).

    Returns:
        (T,) float32 >= 0: root mean square of the principal coordinates in units of their deviation, mean over the
        patches that cover the point.

    Example:
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> subspace = fit_subspace(wave, length=16, seed=0)
        >>> wave[300] += 1
        >>> 285 <= int(subspace_distance(subspace, wave).argmax()) < 316
        True
    """
    axes = subspace.axes.astype(np.float64)  # far from the mean, float32 would leave rounding only, CPU by CPU another

    def distance(patches: Float32) -> Float32:
        place = (patches - subspace.mean) @ axes  # (B, D)
        return np.asarray(np.sqrt(np.einsum("bd,bd->b", place, place) / place.shape[1]), np.float32)

    return score_points(view, subspace.length, subspace.fold, distance)
