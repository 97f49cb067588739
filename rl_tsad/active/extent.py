"""How far does what was asked about reach: which windows form one event, and what does a marked event say of each?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rl_tsad.types import UNKNOWN, Bool, Float32, Float64, Int8, Int64

Extent = tuple[int, int]


def propose_extent(
    score: Float32 | Float64, row: int, *, episode: NDArray[np.int64], allowed: Bool, reach: int = 12
) -> Extent:
    """Propose where the event around a window begins and ends.

    It is the contiguous stretch in which the score stays at least half-way between the window's own score and the
    median of its series. Around a window that scores below the median, what scores higher than half-way belongs to it
    too: nothing stands out there, and the question is whether all of it is normal.

    Args:
        score: (N,) anomaly score of windows in time order, series after series; probability or logit.
        row: the window that is asked about.
        episode: (N,) int64, number of each window's series; a stretch never leaves it.
        allowed: (N,) bool, windows that may be asked about; a stretch ends before any other.
        reach: windows to either side that the stretch may have at most.

    Returns:
        Rows [low, high) with low <= row < high.

    Example:
        >>> score = np.array([0.1, 0.1, 0.7, 0.9, 0.7, 0.1, 0.1, 0.1])
        >>> everywhere = np.ones(8, bool)
        >>> propose_extent(score, 3, episode=np.zeros(8, np.int64), allowed=everywhere)
        (2, 5)
        >>> propose_extent(score, 3, episode=np.zeros(8, np.int64), allowed=everywhere, reach=0)
        (3, 4)
    """
    ours = (episode == episode[row]) & allowed
    usual = float(np.median(score[ours])) if ours.any() else float(score[row])
    low, high = max(0, row - reach), min(len(score), row + reach + 1)
    inside = ours[low:high] & (score[low:high] >= (float(score[row]) + usual) / 2)
    before, after = ~inside[: row - low][::-1], ~inside[row - low + 1 :]
    left = int(np.argmax(before)) if before.any() else len(before)
    right = int(np.argmax(after)) if after.any() else len(after)
    return row - left, row + right + 1


def said_of_windows(spans: Int64, event: Extent, marks: Sequence[Extent]) -> tuple[Int8, Bool]:
    """Say what an answer about a proposed event means for each window around it.

    Args:
        spans: (N, 2) int64, the points [low, high) that each window decides, in time order.
        event: points [low, high) of the proposal.
        marks: stretches of points [low, high) that were marked as anomalous; none where all of the proposal is normal.

    Returns:
        (N,) int8: 1 for windows that the marked points touch, 0 for the other windows of the proposal and for the one
        window right before and after each marked stretch, -1 where nothing is said. And (N,) bool: the windows that
        are 0 only because the marked points end beside them.

    Example:
        >>> spans = np.array([[0, 4], [4, 8], [8, 12], [12, 16], [16, 20]])
        >>> [part.tolist() for part in said_of_windows(spans, (4, 12), [(9, 13)])]
        [[-1, 0, 1, 1, 0], [False, False, False, False, True]]
        >>> said_of_windows(spans, (4, 12), [])[0].tolist()
        [-1, 0, 0, -1, -1]
    """
    value = np.full(len(spans), UNKNOWN, dtype=np.int8)
    value[_touches(spans, event)] = 0
    beside = np.zeros(len(spans), dtype=np.bool_)
    marked = np.zeros(len(spans), dtype=np.bool_)
    for mark in marks:
        marked |= _touches(spans, mark)
    if marked.any():
        value[marked] = 1
        meets = spans[1:, 0] == spans[:-1, 1]  # whether window i + 1 goes on where window i ends
        beside[1:] |= marked[:-1] & meets
        beside[:-1] |= marked[1:] & meets
        beside &= value == UNKNOWN
        value[beside] = 0
    return value, beside


def _touches(spans: Int64, extent: Extent) -> Bool:
    return np.asarray((spans[:, 0] < extent[1]) & (spans[:, 1] > extent[0]), dtype=np.bool_)
