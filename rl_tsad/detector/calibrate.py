"""How odd a number is beside its own series' pool, so that numbers of different series may be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_tsad.types import Float32, Float64

START = 0.95  # above this quantile the tail is extended as an exponential
LEVELS: Float64 = np.linspace(0, START, 39)


@dataclass(frozen=True)
class Tails:
    """The upper tails of F numbers over one series' pool windows.

    Attributes:
        grid: (F, Q) float32, quantiles at ``LEVELS``.
        excess: (F,) float32, mean excess over the last quantile, positive.
    """

    grid: Float32
    excess: Float32


def fit_tails(values: Float32) -> Tails:
    """Learn the tails of each column.

    The mean excess comes from the median excess (median / ln 2, exact for an exponential), so that the anomalies that
    an unlabelled pool holds do not hide themselves.

    Args:
        values: (N, F) float32, one row a pool window.

    Example:
        >>> tails = fit_tails(np.arange(100, dtype=np.float32)[:, None])
        >>> tails.grid[0, [0, -1]].round(1).astype(str).tolist()
        ['0.0', '94.0']
    """
    tails = [_tail(column) for column in values.T]  # one by one: copies of a long table would be as long
    grid, excess = zip(*tails, strict=True)
    return Tails(np.array(grid, np.float32), np.array(excess, np.float32))


def _tail(column: Float32) -> tuple[Float32, float]:
    """Quantiles (Q,) and mean excess of one column."""
    grid = np.quantile(column, LEVELS)
    above = column[column > grid[-1]] - grid[-1]
    excess = np.median(above) / np.log(2) if len(above) else 0.0
    return grid, float(max(excess, 0.1 * (grid[-1] - np.median(column)), 0.02))


def oddness(values: Float32, tails: Tails) -> Float32:
    """Give the negative log of the tail probability of each number.

    Below the last quantile p is the mid-rank share of pool windows above the number, so that -log p lies in [0, 3];
    above it the exponential tail goes on, so that a far outlier stays farther than a near one.

    Args:
        values: (N, F) float32.
        tails: of the same F columns.

    Returns:
        (N, F) float32 >= 0.

    Example:
        >>> tails = fit_tails(np.arange(100, dtype=np.float32)[:, None])
        >>> oddness(np.array([[0], [49.5], [94.05], [200]], np.float32), tails).ravel().round(1).astype(str).tolist()
        ['0.0', '0.7', '3.0', '26.8']
    """
    result = np.empty(values.shape, np.float32)
    for column, (grid, excess) in enumerate(zip(tails.grid, tails.excess, strict=True)):
        points, place = np.unique(grid, return_inverse=True)
        level = np.bincount(place, LEVELS) / np.bincount(place)  # equal quantiles share their mean level
        number = values[:, column]
        inside = -np.log1p(-np.interp(number, points, level))
        result[:, column] = np.where(number > grid[-1], -np.log1p(-START) + (number - grid[-1]) / excess, inside)
    return result


def squash(odd: Float32) -> Float32:
    """Map oddness to [0, 1): the most unusual 5 % of a pool lie above one half.

    Example:
        >>> squash(np.array([0, 3, 9], np.float32)).tolist()
        [0.0, 0.5, 0.75]
    """
    return np.asarray(odd / (odd + np.float32(3)), np.float32)
