"""How is a series drawn with its truth and what methods say of it? Plain SVG paths, whatever the series' length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from protocol import Case

from rl_tsad.evaluation.spans import events
from rl_tsad.types import Float32, Float64

WIDTH = 720
"""Units across; a series is drawn with at most as many steps."""
LANE, NARROW, STRIP = 92, 20, 18
"""Heights of a single channel, of one of several channels and of a score."""


@dataclass(frozen=True)
class Strip:
    """One method's score: its name, its VUS-PR on the series, and the path that fills the area below it."""

    title: str
    value: float
    path: str
    top: int
    is_ours: bool


@dataclass(frozen=True)
class Picture:
    """All that a template needs to draw one series.

    Attributes:
        title, words: above the picture.
        lanes: paths of the channels, from the top down, with their names and middles.
        shades: x and width of the anomalies.
        border: x where the part that may be fitted on ends, or None.
        strips: scores, from the top down.
        height: of everything.
    """

    title: str
    words: str
    lanes: tuple[tuple[str, str, float], ...]
    shades: tuple[tuple[float, float], ...]
    border: float | None
    strips: tuple[Strip, ...]
    height: int


def draw(case: Case, scores: Sequence[tuple[str, float, Float32, bool]]) -> Picture:
    """Draw a case: its targets, its truth, and scores given as (title, VUS-PR, score (T,), whether ours)."""
    targets = case.series.targets
    tall = LANE if len(targets) == 1 else NARROW
    names = [case.series.channels[i] for i in targets]
    lanes = tuple(
        (name, line(case.series.values[:, i], place * tall, tall), place * tall + tall / 2)
        for place, (i, name) in enumerate(zip(targets, names, strict=True))
    )
    top = tall * len(targets) + 6
    strips = tuple(
        Strip(title, value, area(score, top + place * STRIP, STRIP - 3), top + place * STRIP, is_ours)
        for place, (title, value, score, is_ours) in enumerate(scores)
    )
    unit = WIDTH / case.series.length
    shades = tuple((low * unit, max((high - low) * unit, 1.5)) for low, high in events(case.truth).tolist())
    border = None if case.apart or case.fit.length == case.series.length else case.fit.length * unit
    return Picture(case.name, _words(case), lanes, shades, border, strips, top + STRIP * len(scores))


def line(values: Float32, top: float, height: float) -> str:
    """Give the path of the lowest and highest value of each step, so that no spike is lost."""
    low, high = (_steps(values, extreme) for extreme in (np.minimum, np.maximum))
    bottom, reach = low.min(), max(float(high.max() - low.min()), 1e-12)
    both = np.stack([low, high], axis=1).ravel()
    across = np.repeat((np.arange(len(low)) + 0.5) * WIDTH / len(low), 2)
    down = top + height - 3 - (height - 6) * (both - bottom) / reach
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(across, down, strict=True))


def area(score: Float32, top: float, height: float) -> str:
    """Give the closed path of the highest score of each step, from the score's lowest to its highest."""
    high = _steps(score, np.maximum)
    share = (high - score.min()) / max(float(high.max() - score.min()), 1e-12)
    across = np.linspace(0, WIDTH, len(high) + 1)
    down = top + height - height * share
    steps = "".join(f"V{y:.1f}H{x:.1f}" for x, y in zip(across[1:], down, strict=True))
    return f"M0 {top + height:.1f}{steps}V{top + height:.1f}Z"


def _steps(values: Float32, extreme: np.ufunc) -> Float64:
    """Give the extreme of each of at most ``WIDTH`` steps."""
    bounds = np.linspace(0, len(values), min(len(values), WIDTH) + 1).astype(np.int64)
    return np.asarray(extreme.reduceat(values.astype(np.float64), bounds[:-1]))


def _words(case: Case) -> str:
    fitted = f"fitted on {case.fit.length:,} points apart" if case.apart else f"first {case.fit.length:,} to fit on"
    size = f"{case.series.length:,} points"
    width = f", {len(case.series.targets)} of {case.series.width} channels are targets" if case.series.width > 1 else ""
    kinds = f"; {', '.join(case.kinds)}" if case.kinds else ""
    return f"{size} ({fitted}){width}; {case.truth.mean():.1%} anomalous; VUS window {case.window}{kinds}"
