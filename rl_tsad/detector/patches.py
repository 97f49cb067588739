"""How a recording is cut into patches, block by block, and how the patches' scores come back to its points."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rl_tsad.types import Float32, Float64

WIDEST = 1024  # numbers in a patch; longer ones are averaged over neighbouring points
_BLOCK = 4096  # patches held at once
_SHORTEST = 8
_FEWEST = 8  # a patch is at most this part of its recording


def patch_length(wanted: int, points: int) -> int:
    """Shorten a patch until a recording holds enough of them.

    Args:
        wanted: points, a power of two.
        points: of the recording.

    Example:
        >>> patch_length(64, 4000), patch_length(64, 200), patch_length(64, 5)
        (64, 16, 4)
    """
    length = wanted
    while length > 1 and (length > points or (length > _SHORTEST and length > points // _FEWEST)):
        length //= 2
    return length


def fold_of(length: int, width: int) -> int:
    """Give how many neighbouring points are averaged so that a patch stays narrow.

    Example:
        >>> fold_of(64, 8), fold_of(64, 100)
        (1, 8)
    """
    fold = 1
    while fold < length and length * width > WIDEST * fold:
        fold *= 2
    return fold


def blocks(view: Float32, length: int, fold: int = 1) -> Iterator[Float32]:
    """Yield all patches of a recording in blocks.

    Args:
        view: (T, K); one shorter than a patch is continued to the left by its first point.
        length: L, points per patch.
        fold: neighbouring points that are averaged; divides L.

    Yields:
        (B, K * L / fold) float32, contiguous.

    Example:
        >>> [block.tolist() for block in blocks(np.arange(4, dtype=np.float32)[:, None], 2)]
        [[[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]]
    """
    view = _long_enough(view, length)
    every = sliding_window_view(view, length, axis=0)  # (N, K, L)
    for low in range(0, len(every), _BLOCK):
        part = every[low : low + _BLOCK]
        if fold > 1:
            part = part.reshape(*part.shape[:2], length // fold, fold).mean(axis=3)
        yield np.ascontiguousarray(part.reshape(len(part), -1), np.float32)


def sample_patches(view: Float32, length: int, fold: int, most: int, rng: np.random.Generator) -> Float32:
    """Draw patches without repetition: (min(N, most), K * L / fold) float32.

    Example:
        >>> sample_patches(np.zeros((9, 2), np.float32), 4, 1, 3, np.random.default_rng(0)).shape
        (3, 8)
    """
    every = sliding_window_view(_long_enough(view, length), length, axis=0)
    rows = rng.permutation(len(every))[:most]
    part = every[np.sort(rows)]
    part = part.reshape(*part.shape[:2], length // fold, fold).mean(axis=3)
    return np.ascontiguousarray(part.reshape(len(part), -1), np.float32)


def score_points(view: Float32, length: int, fold: int, score: Callable[[Float32], Float32]) -> Float32:
    """Score all patches and give each point the mean over the patches that cover it.

    Args:
        view: (T, K).
        length: L, points per patch; a point's score looks L - 1 points ahead.
        fold: neighbouring points that are averaged.
        score: (B, D) patches to (B,) scores.

    Returns:
        (T,) float32.

    Example:
        >>> score_points(np.eye(4, dtype=np.float32)[:, :1], 2, 1, lambda patch: patch.sum(axis=1)).tolist()
        [1.0, 0.5, 0.0, 0.0]
    """
    scores = np.concatenate([score(block) for block in blocks(view, length, fold)])
    return _over_points(scores, length, len(view))


def _over_points(scores: Float32, length: int, points: int) -> Float32:
    """Average over the patches that cover a point; sums are kept in float64."""
    lead = len(scores) + length - 1 - points  # points that a short recording was continued by
    total: Float64 = np.concatenate([[0.0], np.cumsum(scores, dtype=np.float64)])
    at = np.arange(points) + lead
    low, high = np.maximum(at - length + 1, 0), np.minimum(at, len(scores) - 1) + 1
    return np.asarray((total[high] - total[low]) / (high - low), np.float32)


def _long_enough(view: Float32, length: int) -> Float32:
    missing = length - len(view)
    return np.concatenate([np.repeat(view[:1], missing, axis=0), view]) if missing > 0 else view
