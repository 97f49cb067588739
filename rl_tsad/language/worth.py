"""Which windows are worth the price of a question, and what do the others inherit from them?"""

from __future__ import annotations

import numpy as np

from rl_tsad.data.habits import Notes
from rl_tsad.data.scaling import Scale
from rl_tsad.types import Float32, Int64

_PARTS = 16
_CLIP = 20.0
_FLOOR = 0.1
_ALIKE = 0.25
_NEIGHBOURS = 3
_MOST_CANDIDATES = 100_000
_BATCH = 4096


def shapes(values: Float32, notes: Notes, scale: Scale) -> Float32:
    """Give the shape of windows as points: those of look-alikes lie close together.

    A shape is what the window's loudest channel does, as the mean of each of 16 stretches in usual spreads (beyond one
    spread by its logarithm), and how far and in which way it exceeds the usual. Which channel it is plays no part.

    Args:
        values: (N, L, C) float32 in the file's units.
        notes: of these windows.
        scale: robust centre and spread of the channels.

    Returns:
        (N, 16 + 5) float32.
    """
    rows = np.arange(len(values))
    loud = values[rows, :, notes.channel]  # (N, L)
    own = Scale(scale.center[notes.channel][:, None], scale.spread[notes.channel][:, None])
    scored = np.clip((loud - own.center) / own.spread, -_CLIP, _CLIP)  # (N, L)
    edges = np.linspace(0, scored.shape[1], min(_PARTS, scored.shape[1]) + 1).astype(np.int64)
    means = np.add.reduceat(scored, edges[:-1], axis=1) / np.diff(edges)
    means = np.sign(means) * np.log1p(np.abs(means))
    signs = np.where(notes.upward, 1.0, -1.0)
    kinds = np.zeros((len(values), 5))
    kinds[rows, notes.kind] = signs * np.log1p(notes.excess)
    return np.concatenate([means, kinds], axis=1).astype(np.float32)


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


def inherit(points: Float32, asked: Float32, answers: Float32, prior: Float32) -> Float32:
    """Give every window the severity of the answered ones that it looks like, and the rule's where it is like none.

    Each window takes the mean over its three nearest answered ones, weighted by ``exp(-2 d^2 / s^2)`` with s the usual
    distance to the nearest one (local scaling as in the graph of look-alikes, Zelnik-Manor & Perona, 2004), and over
    the rule's severity, which weighs nothing beside an answer for the very same shape and as much as an answer at the
    usual distance where none is near.

    Args:
        points: (N, Z) float32, shapes of all windows.
        asked: (M, Z) float32, shapes of the answered ones.
        answers: (M,) float32 in [0, 1].
        prior: (N,) float32 in [0, 1], by rule.

    Returns:
        (N,) float32 in [0, 1].

    Example:
        >>> p = np.array([[0.0], [0.1], [99.0]], np.float32)
        >>> inherit(p, p[:1], np.array([0.8], np.float32), np.zeros(3, np.float32)).astype(float).round(1).tolist()
        [0.8, 0.8, 0.0]
    """
    if not len(asked):
        return prior.astype(np.float32)
    few = min(_NEIGHBOURS, len(asked))
    near = np.empty((len(points), few), dtype=np.int64)
    squared = np.empty((len(points), few))
    for low in range(0, len(points), _BATCH):
        some = points[low : low + _BATCH].astype(np.float64)
        distance = np.maximum(
            (some**2).sum(axis=1)[:, None] + (asked.astype(np.float64) ** 2).sum(axis=1) - 2 * some @ asked.T, 0.0
        )
        nearest = np.argpartition(distance, few - 1, axis=1)[:, :few]
        near[low : low + _BATCH] = nearest
        squared[low : low + _BATCH] = np.take_along_axis(distance, nearest, axis=1)
    scale = max(float(np.median(squared.min(axis=1))), _ALIKE**2)
    weights = np.exp(-2.0 * np.minimum(squared / scale, 300.0))
    doubt = np.exp(-2.0) * (1.0 - weights.max(axis=1))
    known = (weights * answers[near]).sum(axis=1)
    return np.asarray((known + doubt * prior) / (weights.sum(axis=1) + doubt), dtype=np.float32)


def _candidates(factor: np.ndarray) -> Int64:
    if len(factor) <= _MOST_CANDIDATES:
        return np.arange(len(factor), dtype=np.int64)
    half = _MOST_CANDIDATES // 2
    best = np.argpartition(-factor, half)[:half]
    spread = np.linspace(0, len(factor) - 1, half).astype(np.int64)
    return np.union1d(best, spread).astype(np.int64)
