"""What a window does, in numbers: five kinds of behaviour per channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_tsad.data.scaling import Scale, apply_scale
from rl_tsad.types import Bool, Float32, Int8, Int64

KINDS = ("spike", "shift", "drift", "oscillation", "stuck")
SPIKE, SHIFT, DRIFT, OSCILLATION, STUCK = range(len(KINDS))
_CLIP = 50.0
_FLOORS = np.array([0.5, 0.3, 0.3, 0.2, 0.1], dtype=np.float32)
_REPEATED = 4


@dataclass(frozen=True)
class Facts:
    """Behaviour of each channel in each window, in robust units of the series.

    Attributes:
        amount: (N, C, 5) float32, how much of each of :data:`KINDS` there is, 0 or more.
        upward: (N, C, 5) bool, whether it points up.
        third: (N, C, 5) int8, where it is strongest: 0 early, 1 middle, 2 late.
        repeated: (N, C) bool, whether more than one point stands out.
    """

    amount: Float32
    upward: Bool
    third: Int8
    repeated: Bool


@dataclass(frozen=True)
class Usual:
    """What windows of a series usually do.

    Attributes:
        center: (C, 5) float32, median amount of each kind.
        spread: (C, 5) float32, 1.4826 MAD of the amounts, never below a floor.
    """

    center: Float32
    spread: Float32


def measure(values: Float32, scale: Scale) -> Facts:
    """Measure what each channel does in each window.

    ``spike`` is the largest distance from the trend line, ``shift`` the distance of the window's median from the
    series' or the largest step between its thirds, ``drift`` the rise of the trend line times the share of variance
    it explains, ``oscillation`` the typical distance from the trend line, ``stuck`` the share of points equal to the
    one before.

    Args:
        values: (N, L, C) float32 in the file's units.
        scale: robust centre and spread of the C channels over the series.

    Example:
        >>> still = np.zeros((1, 9, 1), np.float32)
        >>> measure(still, Scale(np.zeros(1), np.ones(1))).amount[0, 0].tolist()
        [0.0, 0.0, 0.0, 0.0, 1.0]
    """
    scored = apply_scale(values, scale, clip=_CLIP)  # (N, L, C)
    length = scored.shape[1]
    time = np.arange(length, dtype=np.float32) - np.float32((length - 1) / 2)
    slope = np.tensordot(scored, time, axes=(1, 0)) / np.float32((time**2).sum())  # (N, C)
    middle = _median(scored)
    centred = scored - scored.mean(axis=1, keepdims=True)
    rest = centred - time[None, :, None] * slope[:, None, :]
    rest -= _median(rest)[:, None]
    away = np.abs(rest)
    peak = away.argmax(axis=1)
    typical = 1.4826 * _median(away)
    explained = 1.0 - rest.var(axis=1) / np.maximum(centred.var(axis=1), 1e-12)
    rise = slope * (length - 1)
    step, step_third = _steps(scored)
    shift = np.where(np.abs(middle) >= np.abs(step), middle, step)
    same = (np.abs(np.diff(values, axis=1)) <= 1e-6 * scale.spread).mean(axis=1)
    amounts = [np.take_along_axis(away, peak[:, None], axis=1)[:, 0], np.abs(shift)]
    amounts += [np.abs(rise) * np.clip(explained, 0, 1), typical, same]
    at_peak = np.take_along_axis(rest, peak[:, None], axis=1)[:, 0] > 0
    everywhere = np.ones_like(peak)
    return Facts(
        np.stack(amounts, axis=-1).astype(np.float32),
        np.stack([at_peak, shift > 0, rise > 0, at_peak, at_peak], axis=-1),
        np.stack([3 * peak // length, step_third, everywhere, everywhere, everywhere], axis=-1).astype(np.int8),
        (away > np.maximum(6.0 * typical, 3.0)[:, None, :]).sum(axis=1) >= _REPEATED,
    )


def _median(values: Float32) -> Float32:
    """Give the median of finite values over the second axis, as np.median does; sorting is three times as fast."""
    ordered, count = np.sort(values, axis=1), values.shape[1]
    return np.asarray((ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2, dtype=np.float32)


def _steps(scored: Float32) -> tuple[Float32, Int64]:
    """The larger of the two steps between medians of thirds, (N, C) signed, and the third that it leads into."""
    parts = np.array_split(scored, 3, axis=1) if scored.shape[1] >= 3 else [scored] * 3
    medians = np.stack([_median(part) for part in parts])
    steps = np.diff(medians, axis=0)
    larger = np.abs(steps).argmax(axis=0)
    return np.take_along_axis(steps, larger[None], axis=0)[0].astype(np.float32), larger + 1


def usual_of(facts: Facts) -> Usual:
    """Learn from windows what is usual; more than half of them should be ordinary.

    Example:
        >>> still = np.zeros((4, 9, 1), np.float32)
        >>> usual_of(measure(still, Scale(np.zeros(1), np.ones(1)))).center.shape
        (1, 5)
    """
    center = np.median(facts.amount, axis=0)
    spread = 1.4826 * np.median(np.abs(facts.amount - center), axis=0)
    return Usual(center.astype(np.float32), np.maximum(spread, _FLOORS).astype(np.float32))
