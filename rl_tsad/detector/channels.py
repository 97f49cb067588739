"""What a channel's neighbours say of it: the part that they do not explain, and rare positions of switches."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from rl_tsad.types import Float32, Float64

FAST, SLOW = 10, 40  # memory of the two weighted means, in points
_SAMPLE = 20_000  # points from which the regression is learnt
_RIDGE = 0.02  # variance, in squared usual deviations, added to every predictor
_POSITIONS = 2  # a channel with more distinct values is a measurement, not a switch


def trailing_ewma(scaled: Float32, memory: int) -> Float32:
    """Give the exponentially weighted mean of the points *before* each point, started at the first one.

    Args:
        scaled: (T, C).
        memory: points after which a value counts 1/e.

    Example:
        >>> trailing_ewma(np.array([[0.0], [0.0], [2.0], [2.0]], np.float32), 2).ravel().tolist()
        [0.0, 0.0, 0.0, 1.0]
    """
    keep = np.float32(1 - 1 / memory)
    mean, _ = lfilter(np.array([1 - keep]), np.array([1, -keep]), scaled, axis=0, zi=scaled[:1] * keep)
    return np.concatenate([scaled[:1], np.asarray(mean[:-1], np.float32)])


def find_mixing(scaled: Float32) -> Float32:
    """Learn to predict each channel from its neighbours, now and in memory, by ridge regression.

    Rows are clipped, and the 5 % with the largest rest are left out of a second pass, so that faults do not teach what
    is usual. A single channel is predicted from its own memory.

    Args:
        scaled: (T, C) robustly scaled values.

    Returns:
        (3 C, C) float32; ``[scaled, fast memory, slow memory] @ mixing`` is the unexplained rest.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(500, 1)).astype(np.float32)
        >>> twins = np.concatenate([x, 2 * x], axis=1)
        >>> bool(np.abs(unexplained(twins, find_mixing(twins))).max() < 0.5)
        True
    """
    now = np.clip(scaled, -6, 6)
    rows = np.concatenate([now, trailing_ewma(now, FAST), trailing_ewma(now, SLOW)], axis=1)
    rows = rows[:: max(1, len(rows) // _SAMPLE)].astype(np.float64)
    mixing = _solve(rows, scaled.shape[1])
    size = np.square(rows @ mixing).sum(axis=1)
    return _solve(rows[size <= np.quantile(size, 0.95)], scaled.shape[1]).astype(np.float32)


def unexplained(scaled: Float32, mixing: Float32) -> Float32:
    """Give the (T, C) part of each channel that its neighbours do not explain (see :func:`find_mixing`).

    Example:
        >>> x = np.ones((3, 1), np.float32)
        >>> unexplained(x, np.array([[1.0], [-1.0], [0.0]], np.float32)).ravel().tolist()
        [0.0, 0.0, 0.0]
    """
    width = scaled.shape[1]
    now = np.clip(scaled, -30, 30)
    rest = now @ mixing[:width]
    rest += trailing_ewma(now, FAST) @ mixing[width : 2 * width]
    rest += trailing_ewma(now, SLOW) @ mixing[2 * width :]
    return np.asarray(rest, np.float32)


def find_switches(values: Float32) -> tuple[Float32, Float32]:
    """Find the channels that take at most two values: commands and states, not measurements.

    Returns:
        (C, 2) float32 positions, NaN for a measurement, and (C, 2) float32 shares of the points at each position.

    Example:
        >>> find_switches(np.array([[0, 0.1], [0, 0.2], [1, 0.3]], np.float32))[0].tolist()
        [[0.0, 1.0], [nan, nan]]
    """
    positions = np.full((values.shape[1], 2), np.nan, np.float32)
    shares = np.zeros((values.shape[1], 2), np.float32)
    for channel, column in enumerate(values.T):
        if len(np.unique(column[:1000])) > _POSITIONS:
            continue
        levels, counts = np.unique(column, return_counts=True)
        if len(levels) <= _POSITIONS:
            positions[channel] = levels[[0, -1]]
            shares[channel] = counts[[0, -1]] / len(column)
    return positions, shares


def switch_surprise(values: Float32, positions: Float32, shares: Float32) -> Float32:
    """Give -log of how often a switch stood where it stands; a position never seen counts as one in 10^4 points.

    Returns:
        (T, C) float32 in nats; 0 for measurements.

    Example:
        >>> positions, shares = np.array([[0, 1]], np.float32), np.array([[0.5, 0.5]], np.float32)
        >>> np.round(switch_surprise(np.array([[0], [7]], np.float32), positions, shares), 1).tolist()
        [[0.699999988079071], [9.199999809265137]]
    """
    result = np.zeros(values.shape, np.float32)
    for channel in np.flatnonzero(~np.isnan(positions[:, 0])):
        seen = values[:, channel, None] == positions[channel]
        share = np.where(seen, shares[channel], 0).max(axis=1)
        result[:, channel] = -np.log(np.maximum(share, 1e-4))
    return result


def _solve(rows: Float64, width: int) -> Float64:
    """Solve one ridge regression a channel from shared sums of squares; a channel never sees itself."""
    squares = rows.T @ rows / len(rows) + _RIDGE * np.eye(3 * width)
    mixing = np.zeros((3 * width, width))
    for channel in range(width):
        own = {channel, channel + width, channel + 2 * width}
        used = [i for i in range(3 * width) if i not in own] if width > 1 else [1, 2]
        mixing[used, channel] = -np.linalg.solve(squares[np.ix_(used, used)], squares[used, channel])
        mixing[channel, channel] = 1
    return mixing
