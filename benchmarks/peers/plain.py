"""Detectors without a model of rows: chance, robust deviations, spectral residual, matrix profile."""

from __future__ import annotations

import importlib
import os
from functools import cache
from typing import Any

import numpy as np
from protocol import Scorer, Task

from peers.windows import columns, material
from rl_tsad.errors import ConfigError
from rl_tsad.types import Float64

_SMOOTHED = 100
"""Frequencies over which TSB-AD averages the log spectrum."""


def by_chance(task: Task, seed: int) -> Scorer:
    """Score by chance: what the anomalies' share alone gives."""
    return lambda: np.random.default_rng(seed).random(task.series.length)


def robust_z(task: Task, seed: int) -> Scorer:
    """Distance from the median in median absolute deviations, the largest over the channels."""
    fitted, scored = material(task)
    centre = np.median(fitted, axis=0)
    spread = 1.4826 * np.median(np.abs(fitted - centre), axis=0)
    usual = fitted.std(axis=0)
    spread = np.where(spread > 0, spread, np.where(usual > 0, usual, 1.0))
    return lambda: np.asarray((np.abs(scored - centre) / spread).max(axis=1))


def spectral_residual(task: Task, seed: int) -> Scorer:
    """Ren et al. ("Time-Series Anomaly Detection Service at Microsoft", KDD 2019), as TSB-AD's ``SR``.

    Univariate: of several targets the largest counts, each over its own mean. Nothing is fitted.
    """
    values = columns(task.series, targets_only=True)

    def score() -> Float64:
        each = [_saliency(column) for column in values.T]
        return np.asarray(np.max([one / max(one.mean(), 1e-12) for one in each], axis=0)) if len(each) > 1 else each[0]

    return score


def _saliency(column: Float64) -> Float64:
    if np.ptp(column) == 0:
        return np.zeros(len(column))
    series = (column - column.min()) / np.ptp(column)
    spectrum = np.fft.fft(series)
    log_amplitude = np.log(np.maximum(np.abs(spectrum), 1e-12))
    others = log_amplitude[1:]
    half = others[: (len(others) + 1) // 2]
    before = (_SMOOTHED - 1) // 2
    padded = np.concatenate([np.full(before, series[0]), half, np.full(_SMOOTHED - before - 1, series[-1])])
    smooth = np.convolve(padded, np.full(_SMOOTHED, 1 / _SMOOTHED), "valid")
    mirrored = (smooth[:-1] if len(others) % 2 else smooth)[::-1]
    residual = log_amplitude - np.concatenate([log_amplitude[:1], smooth, mirrored])
    return np.abs(np.fft.ifft(np.exp(residual + 1j * np.angle(spectrum))))


def matrix_profile(task: Task, seed: int) -> Scorer:
    """Distance of each window to its nearest other (STOMP), as TSB-AD's ``MatrixProfile``; windows of one period.

    Univariate: of several targets the mean counts. Where something apart is fitted on, neighbours are searched there.
    """
    stump = load_stumpy().stump
    fitted, scored = material(task, targets_only=True)
    length = task.window

    def profile(column: int) -> Float64:
        if task.apart:
            table = stump(scored[:, column], length, fitted[:, column], ignore_trivial=False)
        else:
            table = stump(scored[:, column], length)
        distance = np.asarray(table[:, 0], dtype=np.float64)
        return np.where(np.isfinite(distance), distance, np.sqrt(2 * length))

    def score() -> Float64:
        distance = np.mean([profile(column) for column in range(scored.shape[1])], axis=0)
        points = np.full(len(scored), distance.min())
        points[length // 2 : length // 2 + len(distance)] = distance
        return points

    return score


@cache
def load_stumpy() -> Any:
    """Import stumpy and let it compile, which takes 20 s and is nobody's cost.

    Raises:
        ConfigError: names the extra where the package is absent.
    """
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    try:
        stumpy: Any = importlib.import_module("stumpy")
    except ImportError as error:
        raise ConfigError(
            f"expected the package stumpy for the matrix profile, got {error}; install it: pip install -e '.[bench]'"
        ) from error
    few = np.random.default_rng(0).normal(size=200)
    stumpy.stump(few, 20)
    return stumpy
