"""rl-tsad's own label-free side, one configuration for every series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from protocol import Scorer, Task

from rl_tsad.config import DetectorConfig, WindowConfig
from rl_tsad.data.windows import make_windows
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.judge import Detector
from rl_tsad.types import Float64

CONFIG = DetectorConfig()
WINDOWS = WindowConfig()
_fitted: dict[tuple[bytes, int, DetectorConfig], Detector] = {}
"""Fits on the last values: SKAB's sixteen runs share one."""


def rl_tsad(task: Task, seed: int) -> Scorer:
    """Fit on the fit part only, score every point of the whole series."""
    detector = fitted(task, seed, configured(task))

    def score() -> Float64:
        return detector.score_points(task.series, make_windows(task.series, WINDOWS)).blend.astype(np.float64)

    return score


def configured(task: Task) -> DetectorConfig:
    """Tell the detector what the protocol says of the fit part; all else is the same for every series."""
    return replace(CONFIG, healthy=task.healthy)


def fitted(task: Task, seed: int, config: DetectorConfig) -> Detector:
    """Fit, or take the last fit on the same values; what was learnt goes by the name of the series."""
    key = (task.fit.values.tobytes(), seed, config)
    if key not in _fitted:
        if next(iter(_fitted), key)[0] != key[0]:
            _fitted.clear()
        _fitted[key] = fit_detector([task.fit], [make_windows(task.fit, WINDOWS)], config, seed=seed)
    detector = _fitted[key]
    return replace(detector, known={task.series.name: next(iter(detector.known.values()))})
