"""How good is a score when an alarm a little early or late still counts? The volume under the surface (VUS).

Paparrizos, Boniol, Palpanas, Tsay, Elmore & Franklin ("Volume Under the Surface: A New Accuracy Evaluation Measure for
Time-Series Anomaly Detection", PVLDB 15(11), 2022, sections 4 and 5), in the form that the TSB-AD benchmark ranks by
(Liu & Paparrizos, NeurIPS 2024; its ``generate_curve(version="opt", thre=250)``). For every window w = 0 .. W:

* Each event gets a slope of h = w // 2 points on both sides, with label sqrt(1 - d / w) at distance d; where slopes
  overlap their labels add up, to at most 1.
* At 250 thresholds, equally spaced in the rank of the scores, recall is the raised share of the labels times the share
  of events (those whose slopes touch are one) with a raised point; the two areas are taken as usual.

The volume is the mean of the areas over w. Where the reference goes through the series at each threshold of each
window, three facts make one pass enough:

* A point counts at a threshold or does not, so all thresholds together are a histogram of points over the first
  threshold that each one reaches (its *rank*), summed up from the top.
* A slope is never lower than sqrt(1 / 2), so two of them always reach 1: only the distances to the nearest and the
  second nearest event matter, and they do not depend on w.
* Slopes depend on w through one number per distance, so a window is one small product: slope (h) x histogram (h, J).

Time is O(T log J + W (E + W J)) and memory O(T + W J) for T points, E events and J = 250 thresholds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rl_tsad.evaluation.entrance import check_window, truth_and_score
from rl_tsad.types import Bool, Float64, Int64

THRESHOLDS = 250
"""As TSB-AD's leaderboard."""


class Volume(NamedTuple):
    """Areas under the two surfaces, each in [0, 1]; nan where undefined."""

    pr: float
    roc: float


class _Ranked(NamedTuple):
    """A series whose scores are replaced by ranks, which is all that the areas depend on."""

    rank: Int64  # (T,) the first threshold that a point reaches, 0 .. J - 1
    starts: Int64  # (E,) first point of each event
    ends: Int64  # (E,) last point of each event
    raised: Float64  # (J,) points that reach each threshold
    inside: Float64  # (J,) those of them inside events


class _Slopes:
    """The points beside events: counts by distance and rank, kept up to date while the slopes grow."""

    def __init__(self, ranked: _Ranked, reach: int) -> None:
        points, self._nearest, second = _distances(ranked, reach)
        self._rank = ranked.rank[points]
        cells = self._nearest * THRESHOLDS + self._rank
        counts = np.bincount(cells, minlength=(reach + 1) * THRESHOLDS).astype(np.float64)
        self._once = counts.reshape(reach + 1, THRESHOLDS)  # points on one slope, by distance and rank
        self._twice = np.zeros(THRESHOLDS)  # points on two slopes or more, by rank
        self._waiting = np.argsort(second, kind="stable")
        self._until = np.searchsorted(second, np.arange(reach + 2), sorter=self._waiting)

    def grow(self, half: int) -> None:
        """Let the slopes reach ``half`` points; to be called with 1, 2, 3 and so on."""
        met = self._waiting[self._until[half] : self._until[half + 1]]
        if len(met):
            np.subtract.at(self._once, (self._nearest[met], self._rank[met]), 1)
            self._twice += np.bincount(self._rank[met], minlength=THRESHOLDS)

    def labels(self, half: int, width: int) -> Float64:
        """Sum the labels of the points on slopes that reach each threshold, (J,)."""
        if not half:
            return np.zeros(THRESHOLDS)
        slope = np.sqrt(1 - np.arange(1, half + 1) / width)  # (h,)
        return np.cumsum(slope @ self._once[1 : half + 1] + self._twice)  # (h,) @ (h, J) -> (J,)


def vus(truth: ArrayLike, score: ArrayLike, window: int) -> Volume:
    """Measure a score by the volume under the precision-recall and the ROC surface, both in one pass.

    Equal to TSB-AD's reference to rounding. That one stops with an error where there is no event or nothing else; here
    both areas are nan without an event, and where every point is an anomaly the first is 1 (every alarm is right) and
    the second nan, as for :func:`~rl_tsad.evaluation.metrics.auc_pr` and ``auc_roc``.

    Args:
        truth: (T,) 1 inside a known anomaly, else 0; one series, as slopes would cross from one into the next.
        score: (T,) higher is more anomalous; only its order matters. Points that tie are raised together.
        window: the longest slope on both sides together in points, >= 0; 0 asks for points as they are. Take
            :func:`~rl_tsad.data.period.find_period` of the series, as TSB-AD does.

    Returns:
        VUS-PR and VUS-ROC in [0, 1]. Chance level is the share of anomalies and .5 at window 0 and for few long
        events only; many short events with a wide window raise it far (50 events of 10 in 10,000 points and window
        125: a random score gets .27 and .86), so compare scores on the same series, never series with each other.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, a score is no finite number, truth holds
            other values than 0 and 1, or the window is no whole number of 0 or more.

    Example:
        >>> truth = np.array([0, 0, 0, 1, 0, 0], np.int8)
        >>> early = np.array([0.1, 0.2, 0.9, 0.4, 0.3, 0.2])
        >>> [round(vus(truth, early, window).pr, 2) for window in (0, 4)]
        [0.5, 0.7]
    """
    is_true, values = truth_and_score(truth, score)
    check_window(window)
    if not is_true.any():
        return Volume(float("nan"), float("nan"))
    if is_true.all():
        return Volume(1.0, float("nan"))
    ranked = _rank(is_true, np.asarray(values, dtype=np.float64))
    slopes, first = _Slopes(ranked, window // 2), _first_inside(ranked)
    areas = np.zeros(2)
    for half in range(window // 2 + 1):
        if half:
            slopes.grow(half)
            first = _first_beside(ranked, first, half)
        found = _found(ranked, first, half)
        for width in range(2 * half, min(2 * half + 1, window) + 1):
            areas += _areas(ranked, slopes.labels(half, width), found)
    pr, roc = areas / (window + 1)
    return Volume(float(pr), float(roc))


def vus_pr(truth: ArrayLike, score: ArrayLike, window: int) -> float:
    """Give the volume under the precision-recall surface (see :func:`vus`), TSB-AD's first measure.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, a score is no finite number, truth holds
            other values than 0 and 1, or the window is no whole number of 0 or more.

    Example:
        >>> vus_pr(np.array([0, 1, 0], np.int8), np.array([0.2, 0.9, 0.1]), 0)
        1.0
    """
    return vus(truth, score, window).pr


def vus_roc(truth: ArrayLike, score: ArrayLike, window: int) -> float:
    """Give the volume under the ROC surface (see :func:`vus`).

    Raises:
        DataError: when they are empty, of another shape than (T,) both, a score is no finite number, truth holds
            other values than 0 and 1, or the window is no whole number of 0 or more.

    Example:
        >>> vus_roc(np.array([0, 1, 0], np.int8), np.array([0.2, 0.9, 0.1]), 0)
        1.0
    """
    return vus(truth, score, window).roc


def _rank(is_true: Bool, score: Float64) -> _Ranked:
    """Name the first threshold that each point reaches; the last one is the lowest score, which every point reaches."""
    falling = np.sort(-score)
    rank = np.searchsorted(falling[np.linspace(0, len(score) - 1, THRESHOLDS).astype(np.int64)], -score)
    step = np.diff(is_true, prepend=False, append=False)
    edges = np.flatnonzero(step)
    return _Ranked(rank, edges[::2], edges[1::2] - 1, _reaching(rank), _reaching(rank[is_true]))


def _reaching(rank: Int64) -> Float64:
    """Count the points that reach each threshold, (J,)."""
    return np.cumsum(np.bincount(rank, minlength=THRESHOLDS)).astype(np.float64)


def _distances(ranked: _Ranked, reach: int) -> tuple[Int64, Int64, Int64]:
    """Measure points outside events that have one within ``reach``: their places, nearest and second nearest event."""
    far = len(ranked.rank) + reach
    starts = np.concatenate([ranked.starts, [2 * far, 2 * far]])
    ends = np.concatenate([[-far, -far], ranked.ends])
    points = np.arange(len(ranked.rank))
    past = np.searchsorted(ranked.ends, points)  # events that ended before the point
    left, right = points - ends[past + 1], starts[past] - points
    near = np.flatnonzero((right > 0) & (np.minimum(left, right) <= reach))
    points, past, left, right = points[near], past[near], left[near], right[near]
    beyond = np.minimum(points - ends[past], starts[past + 1] - points)
    return points, np.minimum(left, right), np.minimum(np.maximum(left, right), beyond)


def _first_inside(ranked: _Ranked) -> Int64:
    """Give the first threshold that a point of each event reaches, (E,)."""
    spans = np.stack([ranked.starts, ranked.ends + 1], axis=1).ravel()
    return np.asarray(np.minimum.reduceat(np.append(ranked.rank, THRESHOLDS), spans)[::2])


def _first_beside(ranked: _Ranked, first: Int64, half: int) -> Int64:
    """Let each event reach one point further on both sides, to ``half`` points."""
    low = np.maximum(ranked.starts - half, 0)
    high = np.minimum(ranked.ends + half, len(ranked.rank) - 1)
    return np.minimum(first, np.minimum(ranked.rank[low], ranked.rank[high]))


def _found(ranked: _Ranked, first: Int64, half: int) -> Float64:
    """Give the share of events with a raised point at each threshold, (J,); events whose slopes touch are one."""
    apart = ranked.starts[1:] - ranked.ends[:-1] > 2 * half
    groups = np.concatenate([[0], 1 + np.flatnonzero(apart)])
    return _reaching(np.minimum.reduceat(first, groups)) / len(groups)


def _areas(ranked: _Ranked, slopes: Float64, found: Float64) -> tuple[float, float]:
    """Give the areas under both curves of one window, from the (J,) labels raised on slopes and events found."""
    hits = ranked.inside + slopes
    positive = ranked.inside[-1] + slopes / 2  # between the truth and the truth with the slopes that were raised
    recall = np.minimum(hits / positive, 1) * found
    false = (ranked.raised - hits) / (len(ranked.rank) - positive)
    across, up = np.diff(false, prepend=0, append=1), np.concatenate([[0], recall, [1]])
    pr = np.diff(recall, prepend=0) @ (hits / ranked.raised)
    return float(pr), float(across @ (up[1:] + up[:-1]) / 2)
