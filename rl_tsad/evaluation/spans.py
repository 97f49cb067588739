"""What is compared: labels that belong together, the events in them, and the rates that come out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_tsad.errors import DataError
from rl_tsad.types import ANOMALY, NORMAL, Bool, Float32, Float64, Int8, Int64

Score = Float32 | Float64


class Rates(NamedTuple):
    """Precision, recall and their harmonic mean, each in [0, 1]."""

    precision: float
    recall: float
    f1: float


def events(truth: Int8, runs: NDArray[np.generic] | None = None) -> Int64:
    """List the maximal runs of 1, cut where the series changes.

    Args:
        truth: (T,) labels, 1 inside an event, else another number.
        runs: (T,) which series a point belongs to, in contiguous stretches; one series when omitted.

    Returns:
        (E, 2) int64 half-open spans [low, high), increasing.

    Raises:
        DataError: when there is not one run number a label.

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


def combine(precision: float, recall: float, is_true: Bool, is_raised: Bool) -> Rates:
    """Add the harmonic mean; where there is nothing to find and nothing was raised, all three are 1.

    Example:
        >>> combine(0.5, 1.0, np.array([True, False]), np.array([True, True])).f1
        0.6666666666666666
    """
    if not is_true.any() and not is_raised.any():
        return Rates(1.0, 1.0, 1.0)
    both = precision + recall
    return Rates(precision, recall, 2 * precision * recall / both if both else 0.0)


def share(part: float, whole: float) -> float:
    """Divide, and give 0 for a share of nothing.

    Example:
        >>> share(1, 4), share(0, 0)
        (0.25, 0.0)
    """
    return part / whole if whole else 0.0


def two_labels(truth: Int8, verdict: Int8) -> tuple[Bool, Bool]:
    """Check that truth and verdict (T,) hold 0 and 1 only, one of each a point.

    Raises:
        DataError: when lengths differ or other values occur.

    Example:
        >>> two_labels(np.array([0, 1], np.int8), np.array([1, 1], np.int8))[0].tolist()
        [False, True]
    """
    if truth.shape != verdict.shape or truth.ndim != 1:
        raise DataError(f"expected truth and verdict of one length, got {truth.shape} and {verdict.shape}; join by key")
    for name, values in (("truth", truth), ("verdict", verdict)):
        if not np.isin(values, (NORMAL, ANOMALY)).all():
            raise DataError(f"expected {name} of 0 and 1, got {np.unique(values)[:5]}; leave unknown points out")
    return truth == ANOMALY, verdict == ANOMALY


def check_score(truth: Int8, score: Score) -> None:
    """Check that there is one finite score a label.

    Raises:
        DataError: when lengths differ or a score is not finite.

    Example:
        >>> check_score(np.array([0, 1], np.int8), np.array([0.2, 0.9]))
    """
    if truth.shape != score.shape or not np.isfinite(score).all():
        raise DataError(
            f"expected one finite score a label, got {score.shape} scores for {truth.shape} labels, "
            f"{int((~np.isfinite(score)).sum())} of them not finite; join by key and check the model"
        )
