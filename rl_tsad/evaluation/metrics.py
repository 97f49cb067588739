"""How good a detection is: strict numbers only, no tolerance and no point adjustment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_tsad.errors import DataError
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN, Float32, Float64, Int8, Int64

Score = Float32 | Float64


class Rates(NamedTuple):
    """Precision, recall and their harmonic mean, each in [0, 1]."""

    precision: float
    recall: float
    f1: float


def point_rates(truth: Int8, verdict: Int8) -> Rates:
    """Compare verdict and truth point by point.

    TP, FP and FN are counts of points. Where there is nothing to find and nothing was raised all three rates are 1; a
    rate whose denominator alone is 0 is 0.

    Args:
        truth: (T,) 1 inside a known anomaly, else 0.
        verdict: (T,) 1 where an alarm is raised, else 0.

    Raises:
        DataError: when lengths differ or other values than 0 and 1 occur.

    Example:
        >>> point_rates(np.array([0, 1, 1, 0], np.int8), np.array([0, 1, 0, 0], np.int8)).recall
        0.5
    """
    is_true, is_raised = _two_labels(truth, verdict)
    hits = int((is_true & is_raised).sum())
    return _rates(_ratio(hits, int(is_raised.sum())), _ratio(hits, int(is_true.sum())), is_true, is_raised)


def point_f1(truth: Int8, verdict: Int8) -> float:
    """Give the F1 of points (see :func:`point_rates`).

    Example:
        >>> point_f1(np.array([0, 1], np.int8), np.array([1, 1], np.int8))
        0.6666666666666666
    """
    return point_rates(truth, verdict).f1


def event_rates(truth: Int8, verdict: Int8, runs: NDArray[np.generic] | None = None) -> Rates:
    """Count events found, against the share of alarm time that was right.

    An event is a maximal run of true points within one series. It is found (TP) when at least one of its points is
    raised and missed (FN) otherwise; recall = TP / (TP + FN) over events. Precision is that of points: raised points
    inside events (TP) over all raised points (TP + FP). This is the composite F-score of Garg, Zhang, Samaran,
    Savitha & Foo ("An evaluation of anomaly detection and diagnosis in multivariate time series", IEEE TNNLS 2021,
    section IV): counting alarms instead of raised points would give one alarm over everything a perfect score.

    Args:
        truth: (T,) 1 inside a known anomaly, else 0; several series one after the other.
        verdict: (T,) 1 where an alarm is raised, else 0.
        runs: (T,) which series a point belongs to, in contiguous stretches; one series when omitted. Events never cross
            from one series into the next.

    Raises:
        DataError: when lengths differ or other values than 0 and 1 occur.

    Example:
        >>> event_rates(np.array([0, 1, 1, 0, 1], np.int8), np.array([0, 1, 0, 0, 0], np.int8))
        Rates(precision=1.0, recall=0.5, f1=0.6666666666666666)
    """
    is_true, is_raised = _two_labels(truth, verdict)
    spans = events(truth, runs)
    found = np.add.reduceat(np.append(is_raised, False), spans.ravel())[::2] > 0 if len(spans) else np.zeros(0)
    precision = _ratio(int((is_true & is_raised).sum()), int(is_raised.sum()))
    return _rates(precision, _ratio(int(found.sum()), len(spans)), is_true, is_raised)


def event_f1(truth: Int8, verdict: Int8, runs: NDArray[np.generic] | None = None) -> float:
    """Give the composite F1 of events (see :func:`event_rates`).

    Example:
        >>> event_f1(np.array([1, 1], np.int8), np.array([1, 0], np.int8))
        1.0
    """
    return event_rates(truth, verdict, runs).f1


def events(truth: Int8, runs: NDArray[np.generic] | None = None) -> Int64:
    """List the maximal runs of 1, cut where the series changes.

    Returns:
        (E, 2) int64 half-open spans [low, high), increasing.

    Example:
        >>> events(np.array([1, 1, 0, 1], np.int8), np.array([0, 1, 1, 1])).tolist()
        [[0, 1], [1, 2], [3, 4]]
    """
    if not len(truth):
        return np.empty((0, 2), dtype=np.int64)
    positive = truth > 0
    border = np.ones(len(truth) + 1, dtype=np.bool_)
    border[1:-1] = positive[1:] != positive[:-1]
    if runs is not None:
        if len(runs) != len(truth):
            raise DataError(f"expected {len(truth)} run numbers, got {len(runs)}; give one a point")
        border[1:-1] |= runs[1:] != runs[:-1]
    edges = np.flatnonzero(border)
    spans = np.stack([edges[:-1], edges[1:]], axis=1)
    return spans[positive[spans[:, 0]]].astype(np.int64)


def auc_pr(truth: Int8, score: Score) -> float:
    """Give the area under the precision-recall curve as average precision (step-wise, not interpolated).

    Args:
        truth: (T,) 0 or 1.
        score: (T,) higher is more anomalous.

    Returns:
        A number in [0, 1], chance level is the share of anomalies; nan where there is no anomaly.

    Example:
        >>> auc_pr(np.array([0, 1], np.int8), np.array([0.2, 0.9]))
        1.0
    """
    from sklearn.metrics import average_precision_score

    _score_fits(truth, score)
    return float(average_precision_score(truth, score)) if (truth == ANOMALY).any() else float("nan")


def auc_roc(truth: Int8, score: Score) -> float:
    """Give the chance that a random anomalous point scores above a random normal one.

    Returns:
        A number in [0, 1], chance level .5; nan where a class is missing.

    Example:
        >>> auc_roc(np.array([0, 1, 0], np.int8), np.array([0.2, 0.9, 0.9]))
        0.75
    """
    from sklearn.metrics import roc_auc_score

    _score_fits(truth, score)
    return float(roc_auc_score(truth, score)) if len(np.unique(truth)) == 2 else float("nan")


def best_f1(truth: Int8, score: Score) -> float:
    """Give the oracle's point F1: the best over all thresholds, chosen with the truth in hand.

    An upper bound to stand beside an honest number, never a result. Nan where there is no anomaly.

    Example:
        >>> best_f1(np.array([0, 1, 1], np.int8), np.array([0.5, 0.4, 0.9]))
        0.8
    """
    _score_fits(truth, score)
    if not (truth == ANOMALY).any():
        return float("nan")
    return float(_f1_by_cut(score, truth == ANOMALY, np.ones(len(truth)))[1].max())


def choose_threshold(score: Score, label: Int8, weight: Score | None = None, *, fallback: float = 0.5) -> float:
    """Choose the threshold from answers in the pool; the test is never looked at.

    The threshold maximises the weighted F1 over the answered windows and lies midway between two neighbouring scores.
    Where answers do not suffice it falls back:

    * no answers: ``fallback``;
    * only normal answers: ``fallback``, but above every window known to be normal;
    * only anomalous answers: ``fallback``, but not above any window known to be anomalous.

    Args:
        score: (N,) score of pool windows, higher is more anomalous.
        label: (N,) -1 unknown, 0 normal, 1 anomaly.
        weight: (N,) trust in each label; 1 each when omitted.
        fallback: threshold without answers; .5 suits a probability, a quantile of the scores suits anything.

    Returns:
        The threshold; an alarm is raised where ``score >= threshold``.

    Raises:
        DataError: when lengths differ or a score is not finite.

    Example:
        >>> choose_threshold(np.array([0.1, 0.6, 0.8, 0.9]), np.array([0, 0, 1, -1], np.int8))
        0.7
        >>> choose_threshold(np.array([0.1, 0.6]), np.array([-1, -1], np.int8))
        0.5
    """
    _score_fits(label, score)
    trust = np.ones(len(label)) if weight is None else np.asarray(weight, dtype=np.float64)
    known = (label != UNKNOWN) & (trust > 0)
    values, positive = np.asarray(score, dtype=np.float64)[known], label[known] == ANOMALY
    if positive.any() and not positive.all():
        cuts, f1 = _f1_by_cut(values, positive, trust[known])
        return float(cuts[np.argmax(f1)])
    if positive.any():
        return min(fallback, float(values.min()))
    return max(fallback, float(np.nextafter(values.max(), np.inf))) if len(values) else fallback


def _f1_by_cut(score: Score, positive: NDArray[np.bool_], weight: Float64) -> tuple[Float64, Float64]:
    """F1 of ``score >= cut`` for every distinct cut, highest first; cuts lie midway to the next lower score."""
    order = np.argsort(-score, kind="stable")
    values = np.asarray(score, dtype=np.float64)[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    hits = np.cumsum(weight[order] * positive[order])[last]
    raised = np.cumsum(weight[order])[last]
    below = np.append(values[last[1:]], values[-1])
    cuts = (values[last] + below) / 2
    total = float((weight * positive).sum())
    return np.where(cuts > below, cuts, values[last]), 2 * hits / (raised + total)


def _rates(precision: float, recall: float, is_true: NDArray[np.bool_], is_raised: NDArray[np.bool_]) -> Rates:
    if not is_true.any() and not is_raised.any():
        return Rates(1.0, 1.0, 1.0)
    both = precision + recall
    return Rates(precision, recall, 2 * precision * recall / both if both else 0.0)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _two_labels(truth: Int8, verdict: Int8) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if truth.shape != verdict.shape or truth.ndim != 1:
        raise DataError(f"expected truth and verdict of one length, got {truth.shape} and {verdict.shape}; join by key")
    for name, values in (("truth", truth), ("verdict", verdict)):
        if not np.isin(values, (NORMAL, ANOMALY)).all():
            raise DataError(f"expected {name} of 0 and 1, got {np.unique(values)[:5]}; leave unknown points out")
    return truth == ANOMALY, verdict == ANOMALY


def _score_fits(truth: Int8, score: Score) -> None:
    if truth.shape != score.shape or not np.isfinite(score).all():
        raise DataError(
            f"expected one finite score a label, got {score.shape} scores for {truth.shape} labels, "
            f"{int((~np.isfinite(score)).sum())} of them not finite; join by key and check the model"
        )
