"""How large is a deviation in a channel's own terms? Robust centre and spread, fitted on known points only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.errors import DataError
from rl_tsad.types import Float32, Float64

_MAD_TO_SIGMA = 1.4826
"""For a normal distribution the standard deviation is 1.4826 times the median absolute deviation (Hampel, 1974)."""
_IQR_TO_SIGMA = 0.7413
_RELATIVE_FLOOR = 1e-6
"""float32 resolves about 1e-7 of a value: a smaller spread is rounding noise."""


@dataclass(frozen=True)
class Scale:
    """Centre and spread of each channel.

    Attributes:
        center: (C,) float64, in the channel's unit.
        spread: (C,) float64, above 0, comparable to a standard deviation.
    """

    center: Float64
    spread: Float64


def fit_scale(values: NDArray[Any]) -> Scale:
    """Measure centre (median) and spread of each channel, hardly moved by anomalies.

    The spread is 1.4826 x MAD. Where more than half of the points are equal (a command, a counter, a stopped machine)
    the MAD is 0; then the interquartile range, then the standard deviation; a constant channel gets 1, so that its
    first movement reads as its own size.

    Args:
        values: (T, C) finite.

    Raises:
        DataError: when there is no point.

    Example:
        >>> scale = fit_scale(np.array([[1.0], [2.0], [3.0], [4.0], [500.0]]))
        >>> scale.center.tolist(), scale.spread.tolist()
        ([3.0], [1.4826])
    """
    if values.ndim != 2 or len(values) == 0:
        raise DataError(f"expected values (T, C) with at least one point, got shape {values.shape}; check the split")
    exact = np.asarray(values, dtype=np.float64)
    center = np.median(exact, axis=0)
    floor = _RELATIVE_FLOOR * np.abs(center) + np.finfo(np.float32).tiny
    low, high = np.quantile(exact, [0.25, 0.75], axis=0)
    spread = _MAD_TO_SIGMA * np.median(np.abs(exact - center), axis=0)
    for fallback in (_IQR_TO_SIGMA * (high - low), exact.std(axis=0), np.ones_like(center)):
        spread = np.where(spread > floor, spread, fallback)
    return Scale(center, spread)


def apply_scale(values: NDArray[Any], scale: Scale, clip: float = 10.0) -> Float32:
    """Express values as robust z-scores.

    Args:
        values: (..., C) in the channels' units.
        scale: of the same C channels.
        clip: largest magnitude that comes out, so that one broken reading cannot drown a model.

    Returns:
        (..., C) float32 in [-clip, clip].

    Raises:
        DataError: when the channel counts differ.

    Example:
        >>> apply_scale(np.array([[4.0], [900.0]]), Scale(np.array([2.0]), np.array([1.0]))).ravel().tolist()
        [2.0, 10.0]
    """
    if values.shape[-1] != len(scale.center):
        raise DataError(
            f"expected {len(scale.center)} channels, as fitted, got {values.shape[-1]}; fit the scale again"
        )
    scored = (np.asarray(values, dtype=np.float64) - scale.center) / scale.spread
    return np.clip(scored, -clip, clip).astype(np.float32)
