"""What every metric asks of its inputs: lists, pandas and NumPy come in, checked NumPy arrays go on."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_tsad.errors import DataError
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN, Bool, Float32, Float64

Score = Float32 | Float64
_NUMERIC = "biuf"  # kinds of dtype: bool, integer, unsigned, float


def as_numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    """Make an array (T,) of numbers; a pandas index is dropped, so position counts.

    Raises:
        DataError: when there is another number of dimensions than one, or something else than numbers.

    Example:
        >>> as_numbers([0, 1], "truth").tolist()
        [0, 1]
    """
    try:
        array = np.asarray(values)
        if array.dtype == object:
            array = np.asarray(array.tolist())
    except ValueError as error:
        raise DataError(f"expected {name} as numbers (T,), got {error}; give one number a point") from error
    if array.ndim != 1:
        raise DataError(f"expected {name} as numbers (T,), got shape {array.shape}; give one number a point")
    if len(array) and array.dtype.kind not in _NUMERIC:
        raise DataError(
            f"expected {name} as numbers (T,), got {array[:1].tolist()[0]!r} first of {array.dtype}; convert it"
        )
    return array


def two_labels(truth: ArrayLike, verdict: ArrayLike) -> tuple[Bool, Bool]:
    """Take truth and verdict (T,), 0 and 1 only, one of each a point.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, or hold other values.

    Example:
        >>> two_labels([0, 1], [1, 1])[0].tolist()
        [False, True]
    """
    marks, raised = as_numbers(truth, "truth"), as_numbers(verdict, "verdict")
    if marks.shape != raised.shape:
        raise DataError(f"expected truth and verdict of one length, got {len(marks)} and {len(raised)}; join by key")
    return _zeros_and_ones(marks, "truth"), _zeros_and_ones(raised, "verdict")


def truth_and_score(truth: ArrayLike, score: ArrayLike) -> tuple[Bool, Score]:
    """Take truth (T,), 0 and 1 only, and one finite score a point.

    Raises:
        DataError: when they are empty, of another shape than (T,) both, a score is no finite number, or truth holds
            other values.

    Example:
        >>> truth_and_score([0, 1], [0.2, 0.9])[1].tolist()
        [0.2, 0.9]
    """
    marks, values = as_numbers(truth, "truth"), _finite(score, "score")
    if marks.shape != values.shape:
        raise DataError(f"expected one score a label, got {len(values)} for {len(marks)} labels; join by key")
    return _zeros_and_ones(marks, "truth"), values


def answers_and_score(
    label: ArrayLike, score: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[Any], Score, Score]:
    """Take labels (N,), -1 for unknown, with a finite score and a finite weight each (1 when omitted); N may be 0.

    Raises:
        DataError: when shapes differ, a score or weight is no finite number, or other labels occur.

    Example:
        >>> answers_and_score([-1, 1], [0.2, 0.9], None)[2].tolist()
        [1.0, 1.0]
    """
    marks, values = as_numbers(label, "label"), _finite(score, "score")
    trust: Score = np.ones(len(marks)) if weight is None else _finite(weight, "weight")
    if not marks.shape == values.shape == trust.shape:
        raise DataError(
            f"expected one score and one weight a label, got {len(values)} and {len(trust)} for {len(marks)} labels; "
            "join by key"
        )
    if not np.isin(marks, (UNKNOWN, NORMAL, ANOMALY)).all():
        raise DataError(f"expected labels of -1, 0 and 1, got {np.unique(marks)[:5]}; mark unknown windows with -1")
    return marks, values, trust


def check_number(value: float, name: str, low: float = -np.inf, high: float = np.inf) -> None:
    """Check that a setting is one number in [low, high]; nan is not.

    Raises:
        DataError: when it is something else.

    Example:
        >>> check_number(0.2, "existence", 0, 1)
    """
    if np.ndim(value) or np.asarray(value).dtype.kind not in _NUMERIC or not low <= value <= high:
        where = f" in [{low:g}, {high:g}]" if np.isfinite(low) else ""
        raise DataError(f"expected {name} as one number{where}, got {value!r}; mend that argument")


def check_window(window: int) -> None:
    """Check that a window is a whole number of points, 0 or more.

    Raises:
        DataError: when it is something else.

    Example:
        >>> check_window(16)
    """
    if not isinstance(window, Integral) or isinstance(window, bool) or window < 0:
        raise DataError(
            f"expected a window of 0 points or more as a whole number, got {window!r}; take find_period of the series"
        )


def _finite(values: ArrayLike, name: str) -> Score:
    """Take finite numbers (T,), integers as float64."""
    array = as_numbers(values, name)
    array = array if array.dtype.kind == "f" else array.astype(np.float64)
    good = np.isfinite(array)
    if not good.all():
        raise DataError(
            f"expected one finite {name} a label, got {len(array) - int(good.sum())} of {len(array)} not finite; "
            "check the model"
        )
    return array


def _zeros_and_ones(values: NDArray[Any], name: str) -> Bool:
    """Tell which labels are 1, where there are some and all are 0 or 1."""
    if not len(values):
        raise DataError(f"expected {name} with at least one point, got none; check what was selected")
    is_one = np.asarray(values == ANOMALY)
    if not (is_one | (values == NORMAL)).all():
        raise DataError(f"expected {name} of 0 and 1, got {np.unique(values)[:5]}; leave unknown points out")
    return is_one
