"""How are anomalies written into some channels of a real recording, each of a size that suits the channel?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rl_tsad.data.bases import Base
from rl_tsad.data.disturb import VISIBLE, write_event
from rl_tsad.data.period import find_period
from rl_tsad.types import Bool, Float32, Float64

_NOTHING = 1e-6
"""Softened changes below this many standard deviations are rounding errors."""


@dataclass(frozen=True)
class Measured:
    """One channel in standard deviations.

    Attributes:
        base: mean 0, standard deviation 1.
        center: mean, in the channel's unit.
        spread: standard deviation; 1 where the channel is constant.
    """

    base: Base
    center: float
    spread: float


def measure(column: Float32) -> Measured:
    """Standardise a channel (T,), so that anomalies of the right size can be drawn.

    Example:
        >>> measured = measure(np.array([1, 1, 5, 5], np.float32))
        >>> measured.center, measured.spread, measured.base.values.tolist()
        (3.0, 2.0, [-1.0, -1.0, 1.0, 1.0])
    """
    center, spread = float(column.mean(dtype=np.float64)), float(column.std(dtype=np.float64)) or 1.0
    standard = (column.astype(np.float64) - center) / spread
    return Measured(Base("recorded", standard, find_period(standard)), center, spread)


def write_anomalies(
    values: Float32,
    targets: Bool,
    spans: Iterable[tuple[int, int]],
    rng: np.random.Generator,
    *,
    measured: Mapping[int, Measured] | None = None,
    soften: tuple[float, float] | None = None,
) -> tuple[Float32, Bool]:
    """Write an anomaly into each of some spans, in one to half of the targets.

    Args:
        values: (T, C), finite.
        targets: (C,) channels that may be changed.
        spans: half-open, apart from each other; one is taken when those before it are written.
        rng: source of kinds and channels.
        measured: each target by its column; each is measured anew before every event when omitted.
        soften: smallest and largest share of a change that is written, of which at least as much as can still be seen
            (:data:`rl_tsad.data.disturb.VISIBLE`); the whole change when omitted.

    Returns:
        (T, C) changed copy and (T,) whether a point was changed.

    Example:
        >>> wave = np.sin(np.arange(900, dtype=np.float32) / 5)[:, None]
        >>> changed, truth = write_anomalies(wave, np.array([True]), [(600, 640)], np.random.default_rng(0))
        >>> bool((changed != wave)[:600].any()), bool(truth[600:640].any()), bool(truth[640:].any())
        (False, True, False)
    """
    result, channels = values.copy(), np.flatnonzero(targets)
    for start, stop in spans:
        for channel in rng.choice(channels, int(rng.integers(1, max(len(channels) // 2, 1) + 1)), replace=False):
            column = result[:, channel]
            own = measure(column) if measured is None else measured[int(channel)]
            event, part = write_event(own.base, start, stop, rng)
            place = slice(event.start, event.stop)
            if soften is None:
                column[place] = own.center + own.spread * part
            else:
                column[place] += own.spread * _softened(part - own.base.values[place], soften, rng)
    return result, np.asarray((result != values).any(axis=1))


def _softened(change: Float64, soften: tuple[float, float], rng: np.random.Generator) -> Float64:
    size = float(np.sqrt(np.mean(np.square(change))))
    share = max(rng.uniform(*soften), VISIBLE / max(size, VISIBLE))
    return np.where(np.abs(change) < _NOTHING, 0.0, share * change)
