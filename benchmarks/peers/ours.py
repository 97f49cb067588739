"""rl-tsad's own label-free side, one configuration for every series."""

from __future__ import annotations

import numpy as np
from protocol import Scorer, Task

from rl_tsad.config import DetectorConfig, WindowConfig
from rl_tsad.data.windows import make_windows, to_points
from rl_tsad.detector.fit import fit_detector
from rl_tsad.types import Float64

CONFIG = DetectorConfig()
WINDOWS = WindowConfig()


def rl_tsad(task: Task, seed: int) -> Scorer:
    """Fit on the fit part only, judge the whole series."""
    detector = fit_detector([task.fit], [make_windows(task.fit, WINDOWS)], CONFIG, seed=seed)

    def score() -> Float64:
        windows = make_windows(task.series, WINDOWS)
        prior = detector.judge(task.series, windows).prior
        return to_points(windows, prior, task.series.length).astype(np.float64)

    return score
