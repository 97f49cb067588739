"""What a channel's neighbours say of it: the part that they do not explain, and rare positions of switches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from rl_tsad.types import Bool, Float32, Float64, Int64

FAST, SLOW = 10, 40  # memory of the two weighted means, in points
_SAMPLE = 20_000  # points from which the regression is learnt
_RIDGES = (0.005, 0.05, 0.5)  # variances, in squared usual deviations, that may be added to every predictor
_STRETCHES = 8  # every other one teaches what is tried on those between
_WORTH = 0.02  # share of a target's deviation below which its neighbours count as saying nothing
_SEEN, _FAR = 6, 30  # usual deviations at which values are clipped: when learning, and when explaining
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
    result = np.empty(scaled.shape, np.float32)
    result[:1] = scaled[:1]
    for channel, column in enumerate(scaled.T):  # one by one: the filter answers in float64
        mean, _ = lfilter(np.array([1 - keep]), np.array([1, -keep]), column, zi=column[:1] * keep)
        result[1:, channel] = mean[:-1]
    return result


@dataclass(frozen=True)
class Mixing:
    """How the K targets of a series follow from their neighbours.

    Attributes:
        matrix: (3 C, K) float32; ``[scaled, fast memory, slow memory] @ matrix`` is the unexplained rest.
        explained: (K,) float32 in [0, 1], share of a target's deviation that its neighbours explain on points that did
            not teach it; 0 where they explain nothing, and for a single channel.
    """

    matrix: Float32
    explained: Float32


def find_mixing(scaled: Float32, targets: Bool | None = None) -> Mixing:
    """Learn to predict each target from its neighbours, now and in memory, by ridge regression.

    Rows are clipped, and the 5 % with the largest rest are left out of a second pass, so that faults do not teach what
    is usual. How strong the ridge is, and whether the neighbours say anything at all, is settled target by target on
    held-out stretches: many commands and few points explain everything that they have seen and nothing else. A single
    channel is predicted from its own memory.

    Args:
        scaled: (T, C) robustly scaled values.
        targets: (C,) bool, the K channels to predict, from all others; all channels when omitted.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(500, 1)).astype(np.float32)
        >>> twins = find_mixing(np.concatenate([x, 2 * x], axis=1))
        >>> bool(np.abs(unexplained(np.concatenate([x, 2 * x], axis=1), twins.matrix)).max() < 0.5)
        True
        >>> bool((twins.explained > 0.9).all())
        True
    """
    now = np.clip(scaled, -_SEEN, _SEEN)
    step = max(1, len(now) // _SAMPLE)
    parts = [now[::step], trailing_ewma(now, FAST)[::step], trailing_ewma(now, SLOW)[::step]]
    rows = np.concatenate(parts, axis=1).astype(np.float64)
    chosen = np.arange(scaled.shape[1]) if targets is None else np.flatnonzero(targets)
    first = _solve(rows, chosen, _RIDGES[0])
    size = np.square(rows @ first).sum(axis=1)
    rows = rows[size <= np.quantile(size, 0.95)]
    if scaled.shape[1] == 1:
        return Mixing(_solve(rows, chosen, _RIDGES[0]).astype(np.float32), np.zeros(1, np.float32))
    left = np.stack([_held_out(rows, chosen, ridge) for ridge in _RIDGES])  # (R, K)
    alone = np.maximum(np.abs(rows[:, chosen]).mean(axis=0), 1e-12)
    explained = 1 - left.min(axis=0) / alone
    useful = explained >= _WORTH
    matrix = np.zeros((rows.shape[1], len(chosen)))
    matrix[chosen, np.arange(len(chosen))] = 1
    for place, ridge in enumerate(_RIDGES):
        its = useful & (left.argmin(axis=0) == place)
        matrix[:, its] = _solve(rows, chosen[its], ridge)
    return Mixing(matrix.astype(np.float32), np.where(useful, explained, 0).astype(np.float32))


def find_reach(scaled: Float32, targets: Bool) -> Float32:
    """Find between which values each channel explains its neighbours.

    An exogenous channel explains as far as it was seen to go: what it never did before says nothing about a target, or
    else a broken command would raise an alarm in the targets.

    Args:
        scaled: (T, C) robustly scaled values.
        targets: (C,) bool.

    Returns:
        (2, C) float32 lowest and highest value that counts.

    Example:
        >>> find_reach(np.array([[0, 0], [9, 1]], np.float32), np.array([True, False])).tolist()
        [[-30.0, 0.0], [30.0, 1.0]]
    """
    seen = np.clip(np.stack([scaled.min(axis=0), scaled.max(axis=0)]), -_SEEN, _SEEN)
    return np.where(targets, np.array([[-_FAR], [_FAR]]), seen).astype(np.float32)


def unexplained(scaled: Float32, mixing: Float32, reach: Float32 | None = None, targets: Bool | None = None) -> Float32:
    """Give the (T, K) part of each target that its neighbours do not explain (see :func:`find_mixing`).

    Neighbours speak within their reach only; a target's own value counts as far as it goes.

    Example:
        >>> x = np.ones((3, 1), np.float32)
        >>> unexplained(x, np.array([[1.0], [-1.0], [0.0]], np.float32)).ravel().tolist()
        [0.0, 0.0, 0.0]
    """
    width = scaled.shape[1]
    low, high = (-_FAR, _FAR) if reach is None else reach
    now = np.clip(scaled, low, high)
    rest = now @ mixing[:width]
    rest += trailing_ewma(now, FAST) @ mixing[width : 2 * width]
    rest += trailing_ewma(now, SLOW) @ mixing[2 * width :]
    np.subtract(scaled, now, out=now)
    rest += now if targets is None else now[:, targets]
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


def _held_out(rows: Float64, chosen: Int64, ridge: float) -> Float64:
    """Give the mean size (K,) of the rest on every other stretch, learnt from those between."""
    stretch = np.arange(len(rows)) * _STRETCHES // max(len(rows), 1) % 2
    left = [np.abs(rows[stretch == k] @ _solve(rows[stretch != k], chosen, ridge)).sum(axis=0) for k in (0, 1)]
    return np.asarray(sum(left) / max(len(rows), 1))


def _solve(rows: Float64, chosen: Int64, ridge: float) -> Float64:
    """Solve one ridge regression a target from shared sums of squares; a channel never sees itself."""
    width = rows.shape[1] // 3
    squares = rows.T @ rows / max(len(rows), 1) + ridge * np.eye(3 * width)
    mixing = np.zeros((3 * width, len(chosen)))
    for place, channel in enumerate(chosen):
        own = {channel, channel + width, channel + 2 * width}
        used = [i for i in range(3 * width) if i not in own] if width > 1 else [1, 2]
        mixing[used, place] = -np.linalg.solve(squares[np.ix_(used, used)], squares[used, channel])
        mixing[channel, place] = 1
    return mixing
