"""How do detectors of rows see a series: cut into windows, scaled, and scored point by point again?"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from protocol import Task

from rl_tsad.types import Float64, Series


def cut(values: Float64, length: int) -> Float64:
    """Cut (T, C) into all windows (T - L + 1, C * L), one after the other."""
    rows = len(values) - length + 1
    return np.ascontiguousarray(sliding_window_view(values, length, axis=0).reshape(rows, -1))


def each_row(rows: Float64) -> Float64:
    """Give every row mean 0 and standard deviation 1; a constant row becomes 0. As TSB-AD: over all columns at once."""
    spread = rows.std(axis=1, ddof=1, keepdims=True)
    return np.asarray((rows - rows.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, np.inf))


def pad(scores: Float64, points: int, length: int) -> Float64:
    """Give each point the score of the window around it; at both ends the nearest window's (T,)."""
    before, after = math.ceil((length - 1) / 2), (length - 1) // 2
    padded = np.concatenate([np.full(before, scores[0]), scores, np.full(after, scores[-1])])
    if len(padded) != points:
        raise ValueError(f"expected {points - length + 1} windows of {length} in {points} points, got {len(scores)}")
    return np.asarray(padded)


def spread_out(scores: Float64, points: int, length: int) -> Float64:
    """Give each point the mean score of all windows that cover it (T,)."""
    total, place = np.concatenate([[0.0], np.cumsum(scores)]), np.arange(points)
    low, high = np.maximum(place - length + 1, 0), np.minimum(place, len(scores) - 1) + 1
    return np.asarray((total[high] - total[low]) / (high - low))


def material(task: Task, *, targets_only: bool = False) -> tuple[Float64, Float64]:
    """Give what is fitted on (F, C) and what is scored (T, C); the same array where TSB-AD fits on the whole series."""
    scored = columns(task.series, targets_only=targets_only)
    return (columns(task.fit, targets_only=targets_only) if task.apart else scored), scored


def columns(series: Series, *, targets_only: bool = False) -> Float64:
    """Give the values (T, C) as float64: all channels, or the targets."""
    values = series.values[:, series.targets] if targets_only else series.values
    return values.astype(np.float64)


def alike(fitted: Float64, scored: Float64) -> tuple[Float64, Float64]:
    """Scale columns by mean and standard deviation of what is fitted on; constant columns stay 0 there."""
    centre, spread = fitted.mean(axis=0), fitted.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return (fitted - centre) / spread, (scored - centre) / spread
