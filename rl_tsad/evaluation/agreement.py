"""How much do people agree beyond chance, and how sure is that?

Krippendorff, "Content Analysis", 3rd edition (2013), chapter 12: alpha = 1 - D_observed / D_expected, here for nominal
answers; it takes any number of people, and questions that not all of them answered.
"""

from __future__ import annotations

from dataclasses import dataclass

import krippendorff
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

Interval = tuple[float, float]

RESAMPLED = 500
_TEACHES_MUCH, _TEACHES_SOME = 0.8, 0.667


@dataclass(frozen=True)
class Alpha:
    """Agreement of people.

    Attributes:
        value: Krippendorff's alpha: 1 always, 0 as by chance, below 0 less than that; None where it is not defined,
            as where everybody gave one and the same answer throughout.
        interval: 95 % bootstrap interval over the questions; None where there is none.
        questions: questions that at least two people answered.
        same: those of them on which all gave the same answer.
    """

    value: float | None
    interval: Interval | None
    questions: int
    same: int


def alpha_of(counts: ArrayLike, *, seed: int = 0) -> Alpha:
    """Measure how much people agree.

    Args:
        counts: (Q, 2) how many people called each question normal and anomalous.
        seed: of the bootstrap.

    Example:
        >>> alpha_of([[2, 0], [0, 2], [1, 1], [2, 0]]).value, alpha_of([[2, 0]]).value
        (0.5333333333333333, None)
    """
    table = np.asarray(counts, dtype=np.int64).reshape(-1, 2)
    table = table[table.sum(axis=1) > 1]
    same = int((table.min(axis=1) == 0).sum())
    value = _alpha(table)
    if value is None or len(table) < 2:
        return Alpha(value, None, len(table), same)
    draw = np.random.default_rng(seed)
    again = [_alpha(table[draw.integers(len(table), size=len(table))]) for _ in range(RESAMPLED)]
    found = [one for one in again if one is not None]
    interval = (float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))) if len(found) > 1 else None
    return Alpha(value, interval, len(table), same)


def in_words(alpha: float | None) -> str:
    """Say what an alpha means, by Krippendorff's own bounds (2013, section 12.6).

    Example:
        >>> in_words(0.7)
        'enough for tentative conclusions'
    """
    if alpha is None:
        return "not known yet: it takes both kinds of answer, from two people or more on the same questions"
    if alpha >= _TEACHES_MUCH:
        return "reliable"
    if alpha >= _TEACHES_SOME:
        return "enough for tentative conclusions"
    return "too little to rely on" if alpha > 0 else "no better than chance"


def share_interval(right: int, asked: int) -> Interval:
    """Give Wilson's 95 % interval of a share.

    Example:
        >>> [round(bound, 2) for bound in share_interval(9, 10)]
        [0.6, 0.98]
    """
    found = binomtest(right, asked).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _alpha(table: NDArray[np.int64]) -> float | None:
    """Alpha of questions that at least two people answered; None where all answers are of one kind."""
    if not len(table) or not table.sum(axis=0).all():
        return None
    return float(krippendorff.alpha(value_counts=table, level_of_measurement="nominal"))
