"""How far does what is asked about reach? The stretch of windows around one that belong to the same event."""

from __future__ import annotations

import numpy as np

from rl_tsad.types import Bool, Float32, Int64

REACH = 12
"""Windows to either side that an analyst is shown, and that a proposal may take in."""


def propose_extent(score: Float32, row: int, *, episode: Int64, allowed: Bool, reach: int = REACH) -> tuple[int, int]:
    """Propose where the event around a window begins and ends.

    The stretch goes on while the score stays at least half-way between the window's and the usual one of its series.

    Args:
        score: (N,) belief or probability.
        row: the window asked about.
        episode: (N,) number of the series; the stretch stays within one.
        allowed: (N,) whether a window may be labelled: the pool.
        reach: windows to either side at most.

    Returns:
        Rows [low, high) that hold ``row``.

    Example:
        >>> score = np.array([0, 0, 4, 5, 4, 1, 0], np.float32)
        >>> propose_extent(score, 3, episode=np.zeros(7, np.int64), allowed=np.ones(7, bool))
        (2, 5)
    """
    low, high = bounds_of(row, episode=episode, allowed=allowed, reach=reach)
    usual = float(np.median(score[episode == episode[row]]))
    belongs = score[low:high] >= (float(score[row]) + usual) / 2.0
    belongs[row - low] = True
    outside = np.flatnonzero(~belongs) + low
    before, after = outside[outside < row], outside[outside > row]
    return int(before[-1]) + 1 if len(before) else low, int(after[0]) if len(after) else high


def bounds_of(row: int, *, episode: Int64, allowed: Bool, reach: int = REACH) -> tuple[int, int]:
    """Give the rows [low, high) around a window that an analyst is shown.

    Example:
        >>> bounds_of(1, episode=np.array([0, 0, 0, 1]), allowed=np.ones(4, bool), reach=2)
        (0, 3)
    """
    low, high = max(row - reach, 0), min(row + reach + 1, len(episode))
    near = (episode[low:high] == episode[row]) & allowed[low:high]
    near[row - low] = True
    outside = np.flatnonzero(~near) + low
    before, after = outside[outside < row], outside[outside > row]
    return int(before[-1]) + 1 if len(before) else low, int(after[0]) if len(after) else high
