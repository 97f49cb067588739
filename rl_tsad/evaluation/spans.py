"""What is compared: the events in labels, and the rates that come out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rl_tsad.errors import DataError
from rl_tsad.evaluation.entrance import as_numbers
from rl_tsad.types import Bool, Int64


class Rates(NamedTuple):
    """Precision, recall and their harmonic mean, each in [0, 1]."""

    precision: float
    recall: float
    f1: float


def events(truth: ArrayLike, runs: ArrayLike | None = None) -> Int64:
    """List the maximal runs of 1, cut where the series changes.

    Args:
        truth: (T,) labels, 1 inside an event, else 0 (or -1, unknown).
        runs: (T,) which series a point belongs to, in contiguous stretches; one series when omitted.

    Returns:
        (E, 2) int64 half-open spans [low, high), increasing.

    Raises:
        DataError: when the labels are no numbers in one dimension, or there is not one run number a label.

    Example:
        >>> events([1, 1, 0, 1], [0, 1, 1, 1]).tolist()
        [[0, 1], [1, 2], [3, 4]]
    """
    positive = as_numbers(truth, "truth") > 0
    border = np.ones(len(positive) + 1, dtype=np.bool_)
    border[1:-1] = positive[1:] != positive[:-1]
    if runs is not None:
        number = np.asarray(runs)
        if number.shape != positive.shape:
            raise DataError(f"expected {len(positive)} run numbers, got shape {number.shape}; give one a point")
        border[1:-1] |= number[1:] != number[:-1]
    if not len(positive):
        return np.empty((0, 2), dtype=np.int64)
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
