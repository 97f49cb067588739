"""How good a detection is: strict numbers; where a number flatters, its name or its docstring says so.

Each metric takes either the *score* of points, (T,) higher is more anomalous, or their *labels*, (T,) 0 or 1, beside
the truth (T,) 0 or 1, and states which, its range and its paper. Areas need no threshold; labels come from a threshold
that never saw the truth it is measured on. Arrays, lists and pandas columns are taken alike, by position.

================== ======= =====================================================================================
metric             takes   what it asks
================== ======= =====================================================================================
``vus_pr, _roc``   score   the two areas below, early and late alarms counting within a window; one series
``auc_pr, _roc``   score   order of points
``point_f1``       labels  points
``event_f1``       labels  events found, and points raised in vain
``range_rates``    labels  events covered, in one piece
``affiliation_``  labels  closeness in time; a random verdict gets F1 2 / 3; one series
``f1_at``          score   points at a given threshold
``best_f1``        score   oracle: points at the best threshold that truth can choose; an upper bound
``inflated_pa_f1`` labels  points after one hit has filled its event; for comparison with papers only
================== ======= =====================================================================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rl_tsad.evaluation.entrance import Score, answers_and_score, check_number, truth_and_score, two_labels
from rl_tsad.evaluation.ranges import affiliation_rates, range_rates
from rl_tsad.evaluation.spans import Rates, combine, events, share
from rl_tsad.evaluation.volume import Volume, vus, vus_pr, vus_roc
from rl_tsad.types import ANOMALY, UNKNOWN, Bool, Float64, Int64

__all__ = [
    "Rates",
    "Score",
    "Volume",
    "affiliation_rates",
    "auc_pr",
    "auc_roc",
    "best_f1",
    "choose_threshold",
    "event_f1",
    "event_rates",
    "events",
    "f1_at",
    "inflated_pa_f1",
    "point_f1",
    "point_rates",
    "range_rates",
    "vus",
    "vus_pr",
    "vus_roc",
]


def point_rates(truth: ArrayLike, verdict: ArrayLike) -> Rates:
    """Compare verdict and truth point by point (van Rijsbergen, "Information Retrieval", 1979, chapter 7).

    TP, FP and FN are counts of points. Where there is nothing to find and nothing was raised all three rates are 1; a
    rate whose denominator alone is 0 is 0.

    Args:
        truth: (T,) labels, 1 inside a known anomaly, else 0.
        verdict: (T,) labels, 1 where an alarm is raised, else 0.

    Returns:
        Rates in [0, 1].

    Raises:
        DataError: when they are empty, of another shape than (T,) both, or hold other values than 0 and 1.

    Example:
        >>> point_rates(np.array([0, 1, 1, 0], np.int8), np.array([0, 1, 0, 0], np.int8)).recall
        0.5
    """
    is_true, is_raised = two_labels(truth, verdict)
    hits = int((is_true & is_raised).sum())
    return combine(share(hits, int(is_raised.sum())), share(hits, int(is_true.sum())), is_true, is_raised)


def point_f1(truth: ArrayLike, verdict: ArrayLike) -> float:
    """Give the F1 of points, from labels, in [0, 1] (see :func:`point_rates`).

    Raises:
        DataError: when they are empty, of another shape than (T,) both, or hold other values than 0 and 1.

    Example:
        >>> point_f1(np.array([0, 1], np.int8), np.array([1, 1], np.int8))
        0.6666666666666666
    """
    return point_rates(truth, verdict).f1


def f1_at(truth: ArrayLike, score: ArrayLike, threshold: float) -> float:
    """Give the F1 of points, from a score, at a threshold that was given; in [0, 1] (see :func:`point_rates`).

    Args:
        truth: (T,) labels, 0 or 1.
        score: (T,) higher is more anomalous.
        threshold: raised is ``score >= threshold``; take it from the training part (:func:`choose_threshold`).

    Raises:
        DataError: when they are empty, of another shape than (T,) both, a score is no finite number, truth holds
            other values than 0 and 1, or the threshold is nan.

    Example:
        >>> f1_at(np.array([0, 1, 1], np.int8), np.array([0.5, 0.4, 0.9]), 0.8)
        0.6666666666666666
    """
    is_true, values = truth_and_score(truth, score)
    check_number(threshold, "the threshold")
    return point_f1(is_true, values >= threshold)


def event_rates(truth: ArrayLike, verdict: ArrayLike, runs: ArrayLike | None = None) -> Rates:
    """Count events found, against the share of alarm time that was right.

    An event is a maximal run of true points within one series. It is found (TP) when at least one of its points is
    raised and missed (FN) otherwise; recall = TP / (TP + FN) over events. Precision is that of points: raised points
    inside events (TP) over all raised points (TP + FP). This is the composite F-score of Garg, Zhang, Samaran,
    Savitha & Foo ("An evaluation of anomaly detection and diagnosis in multivariate time series", IEEE TNNLS 2021,
    section IV), TSB-AD's event-based F1: counting alarms instead of raised points would give one alarm over everything
    a perfect score.

    Args:
        truth: (T,) labels, 1 inside a known anomaly, else 0; several series one after the other.
        verdict: (T,) labels, 1 where an alarm is raised, else 0.
        runs: (T,) which series a point belongs to, in contiguous stretches; one series when omitted. Events never cross
            from one series into the next.

    Returns:
        Rates in [0, 1].

    Raises:
        DataError: when they are empty, of another shape than (T,) both, or hold other values than 0 and 1.

    Example:
        >>> event_rates(np.array([0, 1, 1, 0, 1], np.int8), np.array([0, 1, 0, 0, 0], np.int8))
        Rates(precision=1.0, recall=0.5, f1=0.6666666666666666)
    """
    is_true, is_raised = two_labels(truth, verdict)
    spans = events(is_true, runs)
    found = _found(spans, is_raised)
    precision = share(int((is_true & is_raised).sum()), int(is_raised.sum()))
    return combine(precision, share(int(found.sum()), len(spans)), is_true, is_raised)


def event_f1(truth: ArrayLike, verdict: ArrayLike, runs: ArrayLike | None = None) -> float:
    """Give the composite F1 of events, from labels, in [0, 1] (see :func:`event_rates`).

    Raises:
        DataError: when they are empty, of another shape than (T,) both, or hold other values than 0 and 1.

    Example:
        >>> event_f1(np.array([1, 1], np.int8), np.array([1, 0], np.int8))
        1.0
    """
    return event_rates(truth, verdict, runs).f1


def inflated_pa_f1(truth: ArrayLike, verdict: ArrayLike, runs: ArrayLike | None = None) -> float:
    """Give the point-adjusted F1, for comparison with papers that report nothing else; never a result.

    Every point of an event counts as raised once any of them is (Xu et al., "Unsupervised Anomaly Detection via
    Variational Auto-Encoder for Seasonal KPIs in Web Applications", WWW 2018, section 4.2). A random verdict gets .9
    and more where events are long (Kim et al., "Towards a Rigorous Evaluation of Time-Series Anomaly Detection",
    AAAI 2022, section 3.2).

    Args:
        truth: (T,) labels, 1 inside a known anomaly, else 0.
        verdict: (T,) labels, 1 where an alarm is raised, else 0.
        runs: (T,) which series a point belongs to, in contiguous stretches; one series when omitted.

    Returns:
        A number in [0, 1], inflated.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, or hold other values than 0 and 1.

    Example:
        >>> inflated_pa_f1(np.array([0, 1, 1, 1, 1], np.int8), np.array([0, 0, 0, 0, 1], np.int8))
        1.0
    """
    is_true, is_raised = two_labels(truth, verdict)
    spans = events(is_true, runs)
    filled = np.zeros(len(is_true) + 1, dtype=np.int64)
    found = spans[_found(spans, is_raised)]
    filled[found[:, 0]] += 1
    filled[found[:, 1]] -= 1
    return point_f1(is_true, is_raised | (np.cumsum(filled[:-1]) > 0))


def auc_pr(truth: ArrayLike, score: ArrayLike) -> float:
    """Give the area under the precision-recall curve as average precision (step-wise, not interpolated).

    Davis & Goadrich ("The Relationship Between Precision-Recall and ROC Curves", ICML 2006).

    Args:
        truth: (T,) labels, 0 or 1.
        score: (T,) higher is more anomalous.

    Returns:
        A number in [0, 1], chance level is the share of anomalies; nan where there is no anomaly.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, a score is no finite number, or truth holds
            other values than 0 and 1.

    Example:
        >>> auc_pr(np.array([0, 1], np.int8), np.array([0.2, 0.9]))
        1.0
    """
    from sklearn.metrics import average_precision_score

    is_true, values = truth_and_score(truth, score)
    return float(average_precision_score(is_true, values)) if is_true.any() else float("nan")


def auc_roc(truth: ArrayLike, score: ArrayLike) -> float:
    """Give the chance that a random anomalous point scores above a random normal one; ties count half.

    Fawcett ("An introduction to ROC analysis", Pattern Recognition Letters 27, 2006, section 7).

    Args:
        truth: (T,) labels, 0 or 1.
        score: (T,) higher is more anomalous.

    Returns:
        A number in [0, 1], chance level .5; nan where a class is missing.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, a score is no finite number, or truth holds
            other values than 0 and 1.

    Example:
        >>> auc_roc(np.array([0, 1, 0], np.int8), np.array([0.2, 0.9, 0.9]))
        0.75
    """
    from sklearn.metrics import roc_auc_score

    is_true, values = truth_and_score(truth, score)
    return float(roc_auc_score(is_true, values)) if is_true.any() and not is_true.all() else float("nan")


def best_f1(truth: ArrayLike, score: ArrayLike) -> float:
    """Give the oracle's point F1: the best over all thresholds, chosen with the truth in hand.

    An upper bound to stand beside an honest number, never a result; a score that raises everything already gets
    2 p / (1 + p) at a share p of anomalies (Lipton, Elkan & Naryanaswamy, "Optimal Thresholding of Classifiers to
    Maximize F1 Measure", ECML PKDD 2014).

    Args:
        truth: (T,) labels, 0 or 1.
        score: (T,) higher is more anomalous.

    Returns:
        A number in [0, 1]; nan where there is no anomaly.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, a score is no finite number, or truth holds
            other values than 0 and 1.

    Example:
        >>> best_f1(np.array([0, 1, 1], np.int8), np.array([0.5, 0.4, 0.9]))
        0.8
    """
    is_true, values = truth_and_score(truth, score)
    return float(_f1_by_cut(values, is_true, np.ones(len(is_true)))[1].max()) if is_true.any() else float("nan")


def choose_threshold(
    score: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None, *, fallback: float = 0.5
) -> float:
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
        DataError: when shapes differ, a score or a weight is no finite number, other labels occur, or the fallback is
            nan.

    Example:
        >>> choose_threshold(np.array([0.1, 0.6, 0.8, 0.9]), np.array([0, 0, 1, -1], np.int8))
        0.7
        >>> choose_threshold(np.array([0.1, 0.6]), np.array([-1, -1], np.int8))
        0.5
    """
    answer, values, trust = answers_and_score(label, score, weight)
    check_number(fallback, "the fallback")
    known = (answer != UNKNOWN) & (trust > 0)
    values, positive = np.asarray(values[known], dtype=np.float64), answer[known] == ANOMALY
    if positive.any() and not positive.all():
        cuts, f1 = _f1_by_cut(values, positive, np.asarray(trust[known], dtype=np.float64))
        return float(cuts[np.argmax(f1)])
    if positive.any():
        return min(fallback, float(values.min()))
    return max(fallback, float(np.nextafter(values.max(), np.inf))) if len(values) else fallback


def _f1_by_cut(score: Score, positive: Bool, weight: Float64) -> tuple[Float64, Float64]:
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


def _found(spans: Int64, is_raised: Bool) -> Bool:
    """Tell which half-open spans (E, 2) hold a raised point, (E,)."""
    count = np.concatenate([[0], np.cumsum(is_raised)])
    return np.asarray(count[spans[:, 1]] > count[spans[:, 0]])
