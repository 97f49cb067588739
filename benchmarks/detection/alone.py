"""How is ASTER, alone and without labels, trained on what a case may be fitted on, and what does it say of a series?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from protocol import Task
from scipy.ndimage import uniform_filter1d

from rl_tsad.config import AsterConfig, WindowConfig
from rl_tsad.data.scaling import Scale, apply_scale
from rl_tsad.data.windows import make_windows
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.score import judge_aster
from rl_tsad.detector.aster.train import train_aster
from rl_tsad.detector.streams import usual_deviation
from rl_tsad.detector.track import Track, lay_track
from rl_tsad.types import Float32, Float64, Series, Windows, spans_of

NEAR = 16  # points over which a score is averaged
CLIP = 10.0  # usual deviations
WINDOW = WindowConfig()
VAE = "vae-alone"  # the full model's reproduction error; no training of its own
AnyTask = TypeVar("AnyTask", bound=Task)


@dataclass(frozen=True)
class Laid:
    """A series on a track, its windows, and which channels are targets, (W,)."""

    track: Track
    windows: Windows
    roles: Float32


def lay(fit: Series, series: Series) -> Laid:
    """Scale a series by what is usual in the fit part."""
    center = np.median(fit.values, axis=0)
    scale = Scale(center.astype(np.float64), usual_deviation(fit.values - center).astype(np.float64))
    windows = make_windows(series, WINDOW)
    values = apply_scale(series.values, scale, CLIP)
    roles = np.zeros(series.width, np.float32)
    roles[series.targets] = 1
    return Laid(lay_track([values], [windows.starts], length=windows.length, width=series.width), windows, roles)


def lay_fit(fit: Series) -> Laid:
    """Lay the fit part itself, without the windows that cross a gap; these train."""
    laid = lay(fit, fit)
    return Laid(laid.track.keep(~laid.windows.crosses_gap), laid.windows, laid.roles)


def train(task: Task, config: AsterConfig, seed: int) -> Aster:
    """Train on the fit part."""
    laid = lay_fit(task.fit)
    return train_aster(
        laid.track, config, stride=WINDOW.stride, targets=laid.roles, seed=seed, log=lambda path, value: None
    )


def by_fit(tasks: Sequence[AnyTask]) -> list[list[AnyTask]]:
    """Group what has the same fit part, and so can share one training."""
    groups: dict[str, list[AnyTask]] = {}
    for task in tasks:
        groups.setdefault(hashlib.sha256(task.fit.values.tobytes()).hexdigest(), []).append(task)
    return list(groups.values())


def score(aster: Aster, task: Task) -> dict[str, Float64]:
    """Score every point (T,) by the classifier and by the VAE's error."""
    laid = lay(task.fit, task.series)
    scores = judge_aster(aster, laid.track, stride=WINDOW.stride, targets=laid.roles, hindsight=True)
    parts = {"aster": scores.points, VAE: scores.error}
    return {name: smooth(to_points(part, laid.windows, task.series.length)) for name, part in parts.items()}


def to_points(spans: Float32, windows: Windows, points: int) -> Float64:
    """Lay the spans' points (N, S) on the series (T,); what no span holds repeats the nearest."""
    ends = spans_of(windows, points)[:, 1]
    ends[-1] = windows.starts[-1] + windows.length
    places = ends[:, None] + np.arange(-spans.shape[1], 0)
    result = np.full(points, np.nan)
    result[places.ravel()] = spans.ravel()
    known = np.flatnonzero(~np.isnan(result))
    return np.asarray(np.interp(np.arange(points), known, result[known]))


def smooth(points: Float64) -> Float64:
    """Average over ``NEAR`` points around each."""
    return np.asarray(uniform_filter1d(points, NEAR, mode="nearest"))
