"""What does a severity mean? The share of anomalies among windows that sound so, if half of all windows were some."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_tsad.types import Float32, Float64, Int8

_FEWEST = 8
_SURE = 0.98


@dataclass(frozen=True)
class Calibration:
    """A rising line through (severity as judged, severity as meant).

    Attributes:
        judged: (K,) float64 in [0, 1], increasing.
        meant: (K,) float64 in [0, 1], increasing.
    """

    judged: Float64
    meant: Float64


def fit_calibration(severity: Float32, truth: Int8) -> Calibration | None:
    """Learn what judged severities mean from windows whose truth is known because it was written into them.

    Isotonic regression (Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability
    estimates", KDD 2002, section 3.2) with both classes weighing the same, since how often anomalies are written says
    nothing of how often they happen. Each of its flat stretches becomes the point in its middle, with straight lines
    between them (centred isotonic regression: Oron & Flournoy, Statistics in Biopharmaceutical Research 9, 2017), so
    that what was told apart still is. What is meant is never nearer than .02 to certain.

    Args:
        severity: (M,) float32 in [0, 1] as judged.
        truth: (M,) int8, 1 where an anomaly was written.

    Returns:
        The line; None where fewer than eight windows of either class, or no rise, leave nothing to learn.

    Example:
        >>> judged = np.repeat(np.array([0.1, 0.6], np.float32), 50)
        >>> line = fit_calibration(judged, np.array([0, 1, 0, 0, 0] * 10 + [1, 1, 1, 1, 0] * 10, np.int8))
        >>> calibrate(np.array([0.1, 0.35, 0.6], np.float32), line).astype(float).round(2).tolist()
        [0.2, 0.5, 0.8]
    """
    from sklearn.isotonic import IsotonicRegression

    found = truth == 1
    if min(found.sum(), (~found).sum()) < _FEWEST:
        return None
    weights = np.where(found, 0.5 / found.mean(), 0.5 / (1 - found.mean()))
    exact = severity.astype(np.float64)
    rising = IsotonicRegression(y_min=1 - _SURE, y_max=_SURE, out_of_bounds="clip").fit(exact, found, weights)
    levels, place = np.unique(rising.predict(exact), return_inverse=True)
    if len(levels) < 2:
        return None
    weight = np.bincount(place, weights)
    centers = np.bincount(place, weights * exact) / weight
    ends = float(severity.min()) - 1e-6, float(severity.max()) + 1e-6
    judged = np.concatenate([[min(0.0, ends[0])], centers, [max(1.0, ends[1])]])
    meant = np.concatenate([[min(1 - _SURE, levels[0])], levels, [max(_SURE, levels[-1])]])
    return Calibration(judged.astype(np.float64), meant.astype(np.float64))


def calibrate(severity: Float32, calibration: Calibration | None) -> Float32:
    """Give (N,) float32 what severities mean; as they were where there is nothing that was learnt."""
    if calibration is None:
        return severity
    return np.interp(severity, calibration.judged, calibration.meant).astype(np.float32)
