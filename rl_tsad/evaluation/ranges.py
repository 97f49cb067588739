"""How well do alarms cover events: by overlapping ranges (Tatbul et al.) and by closeness in time (Huet et al.)?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rl_tsad.evaluation.entrance import check_number, two_labels
from rl_tsad.evaluation.spans import Rates, combine, events, share
from rl_tsad.types import Bool, Float64, Int64

EXISTENCE = 0.2
"""Weight of having found an event at all in the range-based recall, as TSB-AD sets it."""

_QUARTERS = (np.arange(4) + 0.5) / 4


def range_rates(
    truth: ArrayLike, verdict: ArrayLike, runs: ArrayLike | None = None, *, existence: float = EXISTENCE
) -> Rates:
    """Compare events with alarms as ranges: found at all, how much of it, in how many pieces.

    Tatbul, Lee, Zdonik, Alam & Gottschlich ("Precision and Recall for Time Series", NeurIPS 2018, section 4). Of an
    event, recall is alpha * (1 if any of its points is raised) + (1 - alpha) * (share of its points that are raised)
    / (number of alarms that overlap it); the mean over events is taken. Precision is the same of each alarm against
    the events with alpha = 0. So: flat positional bias, reciprocal cardinality 1 / x, alpha = .2 for recall, as in the
    TSB-AD benchmark, whose reference this equals wherever both classes occur in truth and verdict.

    Args:
        truth: (T,) labels, 1 inside a known anomaly, else 0.
        verdict: (T,) labels, 1 where an alarm is raised, else 0.
        runs: (T,) which series a point belongs to, in contiguous stretches; one series when omitted.
        existence: alpha, in [0, 1].

    Returns:
        Rates in [0, 1]; all 1 where there is nothing to find and nothing was raised.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, hold other values than 0 and 1, or alpha is
            outside [0, 1].

    Example:
        >>> truth = np.array([0, 1, 1, 1, 1, 0, 0, 0], np.int8)
        >>> range_rates(truth, np.array([0, 1, 0, 1, 0, 0, 1, 0], np.int8), existence=0.5)
        Rates(precision=0.6666666666666666, recall=0.625, f1=0.6451612903225806)
    """
    is_true, is_raised = two_labels(truth, verdict)
    check_number(existence, "existence", 0, 1)
    known, raised = events(is_true, runs), events(is_raised, runs)
    recall = existence * _touched(known, raised).astype(bool) + (1 - existence) * _covered(known, raised, is_raised)
    precision = _covered(raised, known, is_true)
    return combine(
        share(float(precision.sum()), len(raised)), share(float(recall.sum()), len(known)), is_true, is_raised
    )


def _touched(spans: Int64, others: Int64) -> Int64:
    """Count the others (F, 2) that overlap each span (E, 2)."""
    begun = np.searchsorted(others[:, 0], spans[:, 1], side="left")
    return np.asarray(begun - np.searchsorted(others[:, 1], spans[:, 0], side="right"), dtype=np.int64)


def _covered(spans: Int64, others: Int64, inside: Bool) -> Float64:
    """Give the share (E,) of each span that is inside the others, over the number of pieces."""
    count = np.concatenate([[0], np.cumsum(inside)])
    part = (count[spans[:, 1]] - count[spans[:, 0]]) / (spans[:, 1] - spans[:, 0])
    return np.asarray(part / np.maximum(_touched(spans, others), 1))


def affiliation_rates(truth: ArrayLike, verdict: ArrayLike) -> Rates:
    """Compare alarms with the event next to them by how close they are, measured against chance.

    Huet, Navarro & Rossi ("Local Evaluation of Time Series Anomaly Detection Algorithms", KDD 2022, sections 3 and 4).
    Every event owns the zone of points that are nearest to it. Precision of a zone: how likely a point drawn at random
    from the zone lies further from the event than a raised one does, averaged over the raised points of the zone;
    recall: how likely such a point lies further from an event's point than the alarms of the zone do, averaged over
    the event. Precision is the mean over zones with an alarm, recall the mean over all. Equal to the authors' code
    where something is raised; nothing raised gives 0 here and nan there.

    A random verdict gets about .5 precision and, as soon as it raises 1 % of the points, .9 recall and more: an F1 of
    2 / 3 by chance. Never read this number alone. Points count as intervals of length 1 as in the paper; its integrals
    are exact here because they are linear between quarters of a sample.

    Args:
        truth: (T,) labels of one series, 1 inside a known anomaly, else 0.
        verdict: (T,) labels, 1 where an alarm is raised, else 0.

    Returns:
        Rates in [0, 1]; all 1 where there is nothing to find and nothing was raised.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, or hold other values than 0 and 1.

    Example:
        >>> truth = np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 0], np.int8)
        >>> near, far = (np.eye(10, dtype=np.int8)[place] for place in (6, 9))
        >>> [round(affiliation_rates(truth, verdict).f1, 2) for verdict in (near, far)]
        [0.75, 0.14]
    """
    is_true, is_raised = two_labels(truth, verdict)
    known, raised = events(is_true), events(is_raised)
    if not len(known) or not len(raised):
        return combine(0.0, 0.0, is_true, is_raised)
    edges = np.concatenate([[0], (known[1:, 0] + known[:-1, 1]) / 2, [len(is_true)]])  # (E + 1,) borders of the zones
    alarms = _moments(is_raised)
    zone = np.searchsorted(edges, alarms) - 1
    precision = _means(zone, _precision(alarms, known[zone], edges[zone], edges[zone + 1]), len(known))
    moments = _moments(is_true)
    zone = np.searchsorted(edges, moments) - 1
    recall = _means(zone, _recall(moments, raised, edges[zone], edges[zone + 1]), len(known))
    return combine(float(np.nanmean(precision)), float(recall.mean()), is_true, is_raised)


def _moments(inside: Bool) -> Float64:
    """Give the middle of each quarter of the marked samples, (4 P,); sample i covers [i, i + 1)."""
    return np.asarray((np.flatnonzero(inside)[:, None] + _QUARTERS).ravel())


def _means(zone: Int64, values: Float64, count: int) -> Float64:
    """Average values (M,) by zone, (E,); nan where a zone has none."""
    size = np.bincount(zone, minlength=count).astype(np.float64)
    size[size == 0] = np.nan
    return np.asarray(np.bincount(zone, weights=values, minlength=count) / size)


def _precision(alarms: Float64, event: Int64, low: Float64, high: Float64) -> Float64:
    """Give the chance (M,) that a random point of the zone [low, high] is further from its event than each alarm."""
    start, stop = event[:, 0], event[:, 1]
    distance = np.maximum(np.maximum(start - alarms, alarms - stop), 0)
    nearer_side = np.minimum(start - low, high - stop)
    closer = np.minimum(distance, nearer_side) + distance + (stop - start)
    return np.where(distance > 0, 1 - closer / (high - low), 1.0)


def _recall(moments: Float64, raised: Int64, low: Float64, high: Float64) -> Float64:
    """Give the chance (M,) that a random point of the zone is further from each moment than the zone's alarms are."""
    after = np.searchsorted(raised[:, 0], moments, side="right")  # alarms that began by then
    left_end = np.concatenate([[-np.inf], raised[:, 1]])[after]
    right_start = np.concatenate([raised[:, 0], [np.inf]])[after]
    left = np.where(left_end > low, np.maximum(moments - left_end, 0), np.inf)
    right = np.where(right_start < high, right_start - moments, np.inf)
    distance = np.minimum(left, right)
    nearer_side = np.minimum(moments - low, high - moments)
    closer = np.minimum(distance, nearer_side) + distance
    return np.where(np.isfinite(distance), 1 - closer / (high - low), 0.0)
