"""How a recording is cut into patches, block by block, and how the patches' scores come back to its points."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rl_tsad.types import Float32, Float64, Int64

WIDEST = 1024  # numbers in a patch; longer ones are averaged over neighbouring points
_BLOCK = 4096  # patches held at once
_SHORTEST = 8
_FEWEST = 8  # a patch is at most this part of its recording
_STEPS = 8  # patches that start within one patch's length when scores are made, and points between two at most


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


def step_of(length: int) -> int:
    """Give how many points lie between two patches that are scored: an eighth of their length, at most eight.

    Example:
        >>> step_of(64), step_of(4)
        (8, 1)
    """
    return min(max(length // _STEPS, 1), _STEPS)


def blocks(view: Float32, length: int, fold: int = 1, step: int = 1) -> Iterator[Float32]:
    """Yield the patches of a recording in blocks.

    Args:
        view: (T, K); one shorter than a patch is continued to the left by its first point.
        length: L, points per patch.
        fold: neighbouring points that are averaged; divides L.
        step: points between two patches.

    Yields:
        (B, K * L / fold) float32, contiguous.

    Example:
        >>> [block.tolist() for block in blocks(np.arange(4, dtype=np.float32)[:, None], 2)]
        [[[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]]
    """
    view = _long_enough(view, length)
    every = sliding_window_view(view, length, axis=0)[::step]  # (N, K, L)
    for low in range(0, len(every), _BLOCK):
        yield _rows(every[low : low + _BLOCK], length, fold)


def pick_patches(view: Float32, length: int, fold: int, most: int) -> tuple[Float32, Int64]:
    """Pick patches, equally spaced: (M, K * L / fold) float32, and the (M,) points at which they start.

    Example:
        >>> patches, starts = pick_patches(np.zeros((9, 2), np.float32), 4, 1, 3)
        >>> patches.shape, starts.tolist()
        ((3, 8), [0, 2, 5])
    """
    every = sliding_window_view(_long_enough(view, length), length, axis=0)
    starts = np.linspace(0, len(every) - 1, min(most, len(every))).astype(np.int64)
    return _rows(every[starts], length, fold), starts


def sample_patches(view: Float32, length: int, fold: int, most: int, rng: np.random.Generator) -> Float32:
    """Draw patches without repetition: (min(N, most), K * L / fold) float32.

    Example:
        >>> sample_patches(np.zeros((9, 2), np.float32), 4, 1, 3, np.random.default_rng(0)).shape
        (3, 8)
    """
    every = sliding_window_view(_long_enough(view, length), length, axis=0)
    rows = rng.permutation(len(every))[:most]
    return _rows(every[np.sort(rows)], length, fold)


def score_points(view: Float32, length: int, fold: int, score: Callable[[Float32], Float32]) -> Float32:
    """Score patches and give each point the mean over those that cover it.

    Only some start within a patch's length (:func:`step_of`): all of them would say little more.

    Args:
        view: (T, K).
        length: L, points per patch; a point's score looks L - 1 points ahead.
        fold: neighbouring points that are averaged.
        score: (B, D) patches, in the order of their starts, to (B,) scores.

    Returns:
        (T,) float32.

    Example:
        >>> score_points(np.eye(4, dtype=np.float32)[:, :1], 2, 1, lambda patch: patch.sum(axis=1)).tolist()
        [1.0, 0.5, 0.0, 0.0]
    """
    step = step_of(length)
    scores = np.concatenate([score(block) for block in blocks(view, length, fold, step)])
    return over_points(scores, length, len(view), step=step)


def over_points(scores: Float32, length: int, points: int, *, step: int = 1, late: int = 0) -> Float32:
    """Average over the patches that cover a point; sums are kept in float64.

    Args:
        scores: (N,) of the patches that start at 0, ``step``, ``2 step`` and so on; of a recording shorter than a patch
            one, which ends with it.
        length: L, points per patch.
        points: T, of the recording.
        step: points between two patches.
        late: a patch that starts less than so many points before a point is left out, unless it is the only one.

    Returns:
        (T,) float32; a point that no patch covers has the score of the last patch.

    Example:
        >>> over_points(np.array([2, 4], np.float32), 2, 5, step=2).tolist()
        [2.0, 2.0, 4.0, 4.0, 4.0]
    """
    total: Float64 = np.concatenate([[0.0], np.cumsum(scores, dtype=np.float64)])
    at = np.arange(points) + max(length - points, 0)  # a short recording was continued to the left
    high = np.clip((at - late) // step, 0, len(scores) - 1) + 1
    low = np.minimum(np.maximum(-(-(at - length + 1) // step), 0), high - 1)
    return np.asarray((total[high] - total[low]) / (high - low), np.float32)


def _rows(patches: Float32, length: int, fold: int) -> Float32:
    """Lay patches (B, K, L) out as rows (B, K * L / fold)."""
    if fold > 1:
        patches = patches.reshape(*patches.shape[:2], length // fold, fold).mean(axis=3)
    return np.ascontiguousarray(patches.reshape(len(patches), -1), np.float32)


def _long_enough(view: Float32, length: int) -> Float32:
    missing = length - len(view)
    return np.concatenate([np.repeat(view[:1], missing, axis=0), view]) if missing > 0 else view
