"""Which windows are worth the price of a question?"""

from __future__ import annotations

import numpy as np

from rl_tsad.types import Float32, Float64, Int64

_FLOOR = 0.1
_ALIKE = 0.25
_MOST_CANDIDATES = 100_000


def worth_asking(points: Float32, severity: Float32, most: int) -> Int64:
    """Pick windows whose answers say most: uncertain ones, unlike what is picked already, no two alike.

    Farthest-first traversal (Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985), in which
    the distance to what is picked is multiplied by ``0.1 + 1 - |2 s - 1|`` with s the severity by rule: a window that
    the rule calls half severe is worth eleven times its distance, one that it is sure of its distance. The order does
    not depend on how many are picked, so a larger budget asks the same ones first. Of more than 100,000 windows those
    of the highest factor are looked at, and evenly spread ones as many.

    Args:
        points: (N, Z) float32, shapes of windows.
        severity: (N,) float32 in [0, 1] by rule.
        most: how many to pick at most.

    Returns:
        (M,) int64 rows, the most telling first; fewer than ``most`` where the rest look like those.

    Example:
        >>> p = np.array([[0.0], [0.0], [5.0], [5.1], [9.0]], np.float32)
        >>> worth_asking(p, np.array([0.5, 0.5, 0.5, 0.5, 0.0], np.float32), 9).tolist()
        [0, 3, 4]
    """
    factor = _FLOOR + 1.0 - np.abs(2.0 * severity.astype(np.float64) - 1.0)
    rows = _candidates(factor)
    points, factor = points[rows], factor[rows]
    picked: list[int] = []
    nearest = np.full(len(rows), np.inf)
    following = int(factor.argmax()) if len(rows) else -1
    while len(picked) < most and following >= 0:
        picked.append(following)
        nearest = np.minimum(nearest, np.sqrt(np.square(points - points[following]).sum(axis=1)))
        gain = np.where(nearest > _ALIKE, nearest * factor, 0.0)
        following = int(gain.argmax()) if gain.max() > 0 else -1
    return rows[np.array(picked, dtype=np.int64)]


def _candidates(factor: Float64) -> Int64:
    if len(factor) <= _MOST_CANDIDATES:
        return np.arange(len(factor), dtype=np.int64)
    half = _MOST_CANDIDATES // 2
    best = np.argpartition(-factor, half)[:half]
    spread = np.linspace(0, len(factor) - 1, half).astype(np.int64)
    return np.union1d(best, spread).astype(np.int64)
