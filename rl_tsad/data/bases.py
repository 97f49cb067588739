"""What do healthy univariate recordings look like? Ten kinds of them, from clockwork to bursts, for tests and pictures.

In the spirit of GutenTAG's base oscillations (Wenig, Schmidl & Papenbrock, "TimeEval", PVLDB 15(12), 2022, section 4),
with the daily and weekly cycles, bursts and held levels of web services and telemetry besides. No two are alike: cycle,
shape, noise and irregularity are drawn anew. Nothing here is anomalous; :mod:`rl_tsad.data.disturb` writes that in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from rl_tsad.errors import ConfigError
from rl_tsad.types import Float64, Int64

_SHORTEST = 12
_LONGEST = 150
"""Points in a cycle, unless the series is short."""
_FEWEST_CYCLES = 16
_BEATS = ((-0.22, 0.030, 0.15), (-0.04, 0.010, -0.12), (0.0, 0.012, 1.0), (0.04, 0.012, -0.25), (0.28, 0.060, 0.30))
"""Place, width (in cycles) and height of the waves P, Q, R, S, T (after McSharry et al., IEEE TBME 50(3), 2003)."""


@dataclass(frozen=True)
class Base:
    """A healthy recording.

    Attributes:
        kind: one of ``BASES``.
        values: (T,) float64, median 0, standard deviation 1, noise included.
        cycle: points after which it repeats, roughly; 0 where nothing repeats.
    """

    kind: str
    values: Float64
    cycle: int


def make_base(kind: str, points: int, rng: np.random.Generator) -> Base:
    """Record something healthy.

    Args:
        kind: one of ``BASES``.
        points: T, at least 300.
        rng: source of its cycle, shape and noise.

    Raises:
        ConfigError: when the kind is unknown or the series too short.

    Example:
        >>> base = make_base("heartbeat", 1000, np.random.default_rng(0))
        >>> base.values.shape, round(float(base.values.std()), 6), base.cycle > 0
        ((1000,), 1.0, True)
    """
    if kind not in BASES or points < 300:
        raise ConfigError(
            f"expected one of {', '.join(BASES)} of at least 300 points, got {kind!r} of {points}; choose another"
        )
    cycle = int(np.exp(rng.uniform(np.log(_SHORTEST), np.log(min(_LONGEST, points // _FEWEST_CYCLES)))))
    values, cycle = _SHAPES[kind](points, cycle, rng)
    values = _standard(values)
    if kind not in _NOISY:
        values = _standard(values + _noise(points, rng))
    return Base(kind, values, cycle)


def _standard(values: Float64) -> Float64:
    return np.asarray((values - np.median(values)) / max(float(values.std()), 1e-9))


def _noise(points: int, rng: np.random.Generator) -> Float64:
    """Give sensor noise (T,): white or slow, its size 1 to 30 % of the signal's."""
    size, memory = np.exp(rng.uniform(np.log(0.01), np.log(0.3))), rng.choice([0.0, 0.0, 0.8])
    return np.asarray(size * np.sqrt(1 - memory**2) * _remember(rng.normal(size=points), memory))


def _remember(shocks: Float64, *memory: float) -> Float64:
    return np.asarray(lfilter([1.0], [1.0, *(-weight for weight in memory)], shocks))


def _phase(points: int, cycle: int, jitter: float, rng: np.random.Generator) -> Float64:
    """Count cycles (T,), each of them longer or shorter than ``cycle`` by about ``jitter`` of it."""
    count = int(points / cycle * 1.5) + 4
    lengths = cycle * np.clip(1 + jitter * rng.normal(size=count), 0.5, 2.0)
    ends = np.concatenate([[0.0], np.cumsum(lengths)])
    return np.asarray(np.interp(np.arange(points) + rng.uniform(0, cycle), ends, np.arange(count + 1)))


def _sine(points: int, cycle: int, rng: np.random.Generator) -> tuple[Float64, int]:
    turns = 2 * np.pi * _phase(points, cycle, 0.0, rng)
    heights = rng.uniform(0, 0.6, 3) ** np.arange(3) * (np.arange(3) < rng.integers(1, 4))
    waves = [height * np.sin((i + 1) * turns + rng.uniform(0, 2 * np.pi)) for i, height in enumerate(heights)]
    swell = 1 + rng.uniform(0, 0.3) * np.sin(turns / rng.uniform(8, 15))
    return np.asarray(swell * np.sum(waves, axis=0)), cycle


def _seasonal(points: int, _: int, rng: np.random.Generator) -> tuple[Float64, int]:
    """Two humps a day, quieter at weekends, a slow trend, noise that grows with the load."""
    day = int(rng.choice([d for d in (12, 24, 48, 96, 144) if d * 15 <= points]))
    clock = np.arange(points) / day + rng.uniform(0, 7)
    humps = zip(rng.uniform(0, 1, 2), rng.uniform(2, 8, 2), rng.uniform(0.4, 1, 2), strict=True)
    load = sum(height * np.exp(sharp * (np.cos(2 * np.pi * (clock - at)) - 1)) for at, sharp, height in humps)
    weekend = np.where(clock % 7 >= 5, rng.uniform(0.3, 0.9), 1.0)
    trend = rng.choice([0.0, rng.uniform(-0.4, 0.4)]) * np.linspace(0, 1, points)
    return np.asarray(load * weekend * (1 + 0.05 * rng.normal(size=points)) + trend), day


def _autoregressive(points: int, cycle: int, rng: np.random.Generator) -> tuple[Float64, int]:
    """Noise with memory, some with a preferred frequency; nothing to predict beyond a few points."""
    radius, angle = rng.uniform(0.5, 0.95), rng.choice([0.0, 2 * np.pi / cycle])
    return _remember(rng.normal(size=points + 200), 2 * radius * np.cos(angle), -(radius**2))[200:], 0


def _walk(points: int, _: int, rng: np.random.Generator) -> tuple[Float64, int]:
    """Wander slowly around a level, as temperatures and queues do."""
    steps = rng.normal(size=points + 2000) if rng.random() < 0.7 else rng.laplace(size=points + 2000)
    return _remember(steps, rng.uniform(0.98, 0.996))[2000:], 0


def _bursts(points: int, cycle: int, rng: np.random.Generator) -> tuple[Float64, int]:
    """Rest, and every now and then a burst that dies away: requests, disk writes, network traffic."""
    arrivals = rng.random(points) < 1 / cycle
    sizes = np.where(arrivals, np.minimum(rng.lognormal(0, rng.uniform(0.2, 0.7), points), 4.0), 0.0)
    load = _remember(sizes, rng.uniform(0.2, 0.9))
    return np.asarray(load + rng.gamma(4, rng.uniform(0.005, 0.04), points)), 0


def _square(points: int, cycle: int, rng: np.random.Generator) -> tuple[Float64, int]:
    phase = _phase(points, cycle, rng.choice([0.0, 0.05]), rng)
    return (phase % 1 < rng.uniform(0.2, 0.8)).astype(np.float64), cycle


def _sawtooth(points: int, cycle: int, rng: np.random.Generator) -> tuple[Float64, int]:
    """Fill slowly and empty quickly: tanks, batteries, memory before garbage collection."""
    phase, turn = _phase(points, cycle, rng.choice([0.0, 0.08]), rng) % 1, rng.uniform(0.6, 0.98)
    return np.asarray(np.where(phase < turn, phase / turn, (1 - phase) / (1 - turn)) ** rng.uniform(0.7, 1.5)), cycle


def _modes(points: int, cycle: int, rng: np.random.Generator) -> tuple[Float64, int]:
    """Hold one of a few levels for a while, then another: set-points, states, numbers of workers."""
    levels, holds = rng.choice(np.arange(1, 8), int(rng.integers(2, 5)), replace=False), cycle // 2 + 5
    lengths = (holds * (0.5 + rng.exponential(1, points // holds * 2 + 4))).astype(np.int64) + 3
    held = np.repeat(rng.choice(levels, len(lengths)), lengths)[:points].astype(np.float64)
    keep = rng.uniform(0.0, 0.7)
    return np.asarray(lfilter([1 - keep], [1.0, -keep], held - held[0]) + held[0]), 0


def _heartbeat(points: int, cycle: int, rng: np.random.Generator) -> tuple[Float64, int]:
    cycle = max(cycle, 40)
    phase = _phase(points, cycle, rng.uniform(0.0, 0.05), rng)
    nearest = phase - np.round(phase)
    waves = [
        height * rng.uniform(0.7, 1.3) * np.exp(-0.5 * ((nearest - place) / width) ** 2)
        for place, width, height in _BEATS
    ]
    return np.asarray(np.sum(waves, axis=0) + 0.05 * np.sin(phase * rng.uniform(0.3, 1.5))), cycle


def _funnel(points: int, cycle: int, rng: np.random.Generator) -> tuple[Float64, int]:
    """Cylinder, bell or funnel in turn (Saito, 1994), one each cycle and rest between them."""
    cycle = max(cycle, 30)
    phase = _phase(points, cycle, rng.choice([0.0, 0.1]), rng)
    number: Int64 = phase.astype(np.int64)
    order = rng.integers(0, 3, number.max() + 1) if rng.random() < 0.5 else np.arange(number.max() + 1) % 3
    within = np.clip((phase % 1 - 0.2) / 0.6, 0, 1)
    shapes = np.stack([np.ones(points), within, 1 - within])  # (3, T)
    return np.asarray(shapes[order[number], np.arange(points)] * ((within > 0) & (within < 1))), cycle


_SHAPES: dict[str, Callable[[int, int, np.random.Generator], tuple[Float64, int]]] = {
    "sine": _sine,
    "seasonal": _seasonal,
    "autoregressive": _autoregressive,
    "walk": _walk,
    "bursts": _bursts,
    "square": _square,
    "sawtooth": _sawtooth,
    "modes": _modes,
    "heartbeat": _heartbeat,
    "funnel": _funnel,
}
_NOISY = ("autoregressive", "bursts")
BASES = tuple(_SHAPES)
"""The kinds of healthy recordings."""
