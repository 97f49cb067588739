"""What has a belief been doing? Causal features of its past: one window's number says little, its course says more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d
from scipy.signal import lfilter

from rl_tsad.types import Float32, Int64

LAGS = (1, 2, 3, 5, 10, 20)
MEMORIES = (3, 10, 40, 150)
SPANS = (5, 20)
_COUNTED, _SPREAD, _DRIFT, _CAP = 10, 50, 0.5, 30.0

NAMES = (
    "belief",
    *(f"lag {lag}" for lag in LAGS),
    *(f"mean {memory}" for memory in MEMORIES),
    *(f"{kind} {span}" for span in SPANS for kind in ("highest", "lowest")),
    "share above 0",
    "deviation",
    "cusum",
)
"""What the columns of :func:`history` are; a number counts windows."""


def history(belief: Float32, episode: Int64) -> Float32:
    """Describe the past of a belief, window by window; nothing after a window is read, nor another episode.

    Args:
        belief: (N,) logits.
        episode: (N,) the run a window belongs to; equal numbers stand together.

    Returns:
        (N, H) float32, columns as in :data:`NAMES`: the belief itself, its lags, exponential means, highest and lowest
        over the last windows, the share above 0, the deviation, and a one-sided cumulative sum (Page, 1954). Before its
        first window an episode is taken to have stood where it begins.

    Example:
        >>> past = history(np.array([-2, -2, 3], np.float32), np.zeros(3, np.int64))
        >>> past.shape == (3, len(NAMES)), past[2, :2].tolist()
        (True, [3.0, -2.0])
    """
    result = np.empty((len(belief), len(NAMES)), dtype=np.float32)
    for low, high in runs_of(episode):
        result[low:high] = _of_run(belief[low:high].astype(np.float64))
    return result


def runs_of(episode: Int64) -> Iterator[tuple[int, int]]:
    """Yield the rows [low, high) of each episode.

    Example:
        >>> list(runs_of(np.array([4, 4, 7])))
        [(0, 2), (2, 3)]
    """
    bounds = np.flatnonzero(np.append(True, np.diff(episode) != 0))
    yield from zip(bounds.tolist(), [*bounds[1:].tolist(), len(episode)], strict=True)


def _of_run(belief: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Float32:
    rest = float(belief[0])
    before = np.full(max(*LAGS, _SPREAD), rest)
    whole, skip = np.concatenate([before, belief]), len(before)
    columns = [belief]
    columns += [whole[skip - lag : len(whole) - lag] for lag in LAGS]
    for memory in MEMORIES:
        keep = 1.0 - 1.0 / memory
        columns.append(lfilter([1.0 - keep], [1.0, -keep], belief - rest) + rest)
    for span in SPANS:
        late = (span - 1) // 2  # of an origin that makes the filter look back only
        columns.append(maximum_filter1d(whole, span, origin=late)[skip:])
        columns.append(minimum_filter1d(whole, span, origin=late)[skip:])
    columns.append(_trailing_mean((whole > 0).astype(np.float64), _COUNTED)[skip:])
    mean = _trailing_mean(whole, _SPREAD)
    columns.append(np.sqrt(np.maximum(_trailing_mean(whole**2, _SPREAD) - mean**2, 0.0))[skip:])
    columns.append(_cusum(belief))
    return np.stack(columns, axis=1).astype(np.float32)


def _trailing_mean(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], span: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(uniform_filter1d(values, span, origin=(span - 1) // 2, mode="nearest"))


def _cusum(
    belief: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Sum of what lies above the drift, never below 0: max over the past of the sum since, without a loop."""
    total = np.cumsum(np.clip(belief, -_CAP, _CAP) - _DRIFT)
    return np.minimum(total - np.minimum(np.minimum.accumulate(total), 0.0), _CAP)
