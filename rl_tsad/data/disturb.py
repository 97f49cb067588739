"""How does each kind of anomaly change a healthy univariate recording, and where? Series with an exact truth.

The kinds follow GutenTAG's (Wenig, Schmidl & Papenbrock, "TimeEval", PVLDB 15(12), 2022, section 4) and what plants
do besides: values that stick, cycles that are missed. A pattern can only be wrong where there is one, so some kinds
need a base that repeats. A change that is small beside the series' own spread is drawn again: everything that the truth
calls an anomaly is there to be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.data.bases import BASES, Base, make_base
from rl_tsad.errors import ConfigError
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float64, Int8, Series

VISIBLE = 0.35
"""Root mean square of the smallest change, in standard deviations of the series."""
_TRIES = 30
_SHORT = ("spike",)
_FEWEST_POINTS = 8


@dataclass(frozen=True)
class Event:
    """One anomaly.

    Attributes:
        kind: one of ``KINDS``.
        start: first anomalous point.
        stop: first point after it.
    """

    kind: str
    start: int
    stop: int


@dataclass(frozen=True)
class GenerateConfig:
    """What is generated.

    Attributes:
        points: T, at least 300.
        clean: leading share without anomalies, for fitting.
        share: smallest and largest share of anomalous points (spikes excepted, which are short).
        events: largest number of anomalies; at least one.

    Raises:
        ConfigError: when a number is out of range.
    """

    points: int = 4000
    clean: float = 0.25
    share: tuple[float, float] = (0.01, 0.1)
    events: int = 3

    def __post_init__(self) -> None:
        low, high = self.share
        if self.points < 300 or not 0 <= self.clean <= 0.8 or not 0 < low <= high <= 0.2 or self.events < 1:
            raise ConfigError(
                f"expected points >= 300, clean in [0, .8], 0 < share <= .2, one event or more, got {self}; change it"
            )


@dataclass(frozen=True)
class Generated:
    """A generated series and everything that is true of it.

    Attributes:
        series: one channel, with truth.
        base: kind of the healthy recording, one of ``BASES``.
        healthy: (T,) float64, the recording without its anomalies, in the series' units.
        events: the anomalies, in order of time.
        clean: points before which there is none.
    """

    series: Series
    base: str
    healthy: Float64
    events: tuple[Event, ...]
    clean: int


def generate_series(
    config: GenerateConfig | None = None, *, seed: int, base: str | None = None, name: str = "generated"
) -> Generated:
    """Record something healthy and write anomalies into it, in units, offset and resolution of its own.

    Args:
        config: size, share and number of anomalies; the defaults when omitted.
        seed: the same seed gives the same series, bit by bit.
        base: kind of the healthy recording; drawn when omitted.
        name: of the series.

    Raises:
        ConfigError: when the base is unknown.

    Example:
        >>> made = generate_series(seed=0, base="seasonal")
        >>> made.series.values.shape, int(made.series.truth.sum()) == sum(e.stop - e.start for e in made.events)
        ((4000, 1), True)
        >>> bool(made.series.truth[: made.clean].any())
        False
    """
    config = config or GenerateConfig()
    rng = derive_rng(seed, "generated", name)
    healthy = make_base(base or str(rng.choice(BASES)), config.points, rng)
    values, truth, events = write_events(config, healthy, rng)
    scale, offset = 10 ** rng.uniform(-1, 3), rng.uniform(-3, 20)
    step = rng.choice([0.0, 0.0, 0.01, 0.05])
    values, usual = (scale * (_rounded(each, step) + offset) for each in (values, healthy.values))
    series = Series(name, values.astype(np.float32)[:, None], np.arange(config.points), ("value",), truth)
    return Generated(series, healthy.kind, usual, events, int(config.clean * config.points))


def write_events(
    config: GenerateConfig, base: Base, rng: np.random.Generator
) -> tuple[Float64, Int8, tuple[Event, ...]]:
    """Write anomalies into a copy of a base.

    Returns:
        Values (T,) in the base's units, truth (T,) and the anomalies in order of time.

    Example:
        >>> base = Base("sine", np.sin(np.arange(1000) / 5), 31)
        >>> values, truth, events = write_events(GenerateConfig(points=1000), base, np.random.default_rng(0))
        >>> bool((values == base.values)[truth == 0].all())
        True
    """
    values, truth, events = base.values.copy(), np.zeros(len(base.values), np.int8), []
    for start, stop in plan_events(config, base, rng):
        event, part = write_event(base, start, stop, rng)
        values[event.start : event.stop] = part
        truth[event.start : event.stop] = 1
        events.append(event)
    return values, truth, tuple(events)


def plan_events(config: GenerateConfig, base: Base, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Choose where anomalies may be: one in each of equally long stretches behind the clean part.

    Returns:
        Half-open spans, in order of time.

    Example:
        >>> base = Base("sine", np.sin(np.arange(1000) / 5), 31)
        >>> spans = plan_events(GenerateConfig(points=1000, events=1), base, np.random.default_rng(0))
        >>> len(spans), spans[0][0] >= 250
        (1, True)
    """
    first, count = int(config.clean * config.points), int(rng.integers(1, config.events + 1))
    shares = rng.uniform(*config.share) * rng.dirichlet(np.full(count, 4.0))
    bounds = np.linspace(first, config.points, count + 1).astype(np.int64)
    spans = []
    for low, high, share in zip(bounds[:-1], bounds[1:], shares, strict=True):
        length = int(np.clip(share * config.points, _FEWEST_POINTS, (high - low) // 2))
        margin = min(base.cycle + length // 2, (high - low - length) // 3)
        start = int(rng.integers(low + margin, high - length - margin + 1))
        spans.append((start, start + length))
    return spans


def possible_kinds(base: Base) -> tuple[str, ...]:
    """List the kinds of anomalies that can be seen in a base.

    Example:
        >>> "mirror" in possible_kinds(Base("walk", np.zeros(300), 0))
        False
    """
    return KINDS if base.cycle else tuple(kind for kind in KINDS if kind not in _PATTERNS)


def disturb(base: Base, kind: str, start: int, stop: int, rng: np.random.Generator) -> Float64:
    """Give the points [start, stop) of a base as they would be with an anomaly of this kind.

    Raises:
        ConfigError: when the kind is unknown or does not fit the base.

    Example:
        >>> base = Base("sine", np.sin(np.arange(1000) / 5), 31)
        >>> part = disturb(base, "stuck", 500, 540, np.random.default_rng(0))
        >>> part.shape, float(np.ptp(part)) < 0.05
        ((40,), True)
    """
    if kind not in possible_kinds(base):
        raise ConfigError(
            f"expected one of {', '.join(possible_kinds(base))} in {base.kind!r}, got {kind!r}; choose another"
        )
    return np.asarray(_CHANGES[kind](base, start, stop, rng), dtype=np.float64)


def write_event(base: Base, start: int, stop: int, rng: np.random.Generator) -> tuple[Event, Float64]:
    """Draw a kind and its change until it can be seen; a shifted level always can.

    Returns:
        The anomaly, shorter than [start, stop) where it is a spike, and its points.

    Example:
        >>> base = Base("sine", np.sin(np.arange(1000) / 5), 31)
        >>> event, part = write_event(base, 500, 540, np.random.default_rng(0))
        >>> event.kind in KINDS, len(part) == event.stop - event.start
        (True, True)
    """
    for _ in range(_TRIES):
        kind = str(rng.choice(possible_kinds(base)))
        end = min(start + int(rng.integers(1, 6)), stop) if kind in _SHORT else stop
        part = disturb(base, kind, start, end, rng)
        if np.sqrt(np.mean((part - base.values[start:end]) ** 2)) >= VISIBLE:
            return Event(kind, start, end), part
    return Event("level", start, stop), base.values[start:stop] + 2.0


def _rounded(values: Float64, step: float) -> Float64:
    return np.asarray(np.round(values / step) * step if step else values)


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _read(base: Base, places: NDArray[np.floating[Any]]) -> Float64:
    """Read a base between its points; beyond its end it is read backwards."""
    last = len(base.values) - 1
    inside = last - np.abs(last - np.abs(places))
    return np.asarray(np.interp(inside, np.arange(last + 1), base.values))


def _spike(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    return base.values[start:stop] + _sign(rng) * rng.uniform(2.5, 8.0) * rng.uniform(0.6, 1.0, stop - start)


def _level(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    return base.values[start:stop] + _sign(rng) * rng.uniform(0.7, 3.0)


def _trend(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    return base.values[start:stop] + _sign(rng) * rng.uniform(1.2, 4.0) * np.linspace(0, 1, stop - start)


def _variance(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    return base.values[start:stop] + rng.normal(0, rng.uniform(0.4, 1.5), stop - start)


def _smooth(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    """Lose what is quick: a filter, or averages instead of readings."""
    width = int(rng.integers(5, 40))
    padded = _read(base, np.arange(start - width, stop + width, dtype=np.float64))
    return np.asarray(np.convolve(padded, np.ones(2 * width + 1) / (2 * width + 1), "valid"))


def _amplitude(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    centre = base.values[start:stop].mean()
    factor = rng.uniform(0.0, 0.45) if rng.random() < 0.5 else rng.uniform(1.7, 3.0)
    return np.asarray(centre + factor * (base.values[start:stop] - centre))


def _stuck(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    return np.asarray(base.values[start] + rng.choice([0.0, 0.003]) * rng.normal(size=stop - start))


def _replaced(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    """Show another kind of recording, with the same mean and spread."""
    other = str(rng.choice([kind for kind in BASES if kind != base.kind]))
    part, own = make_base(other, max(stop - start, 300), rng).values[: stop - start], base.values[start:stop]
    return np.asarray(own.mean() + (part - part.mean()) / max(part.std(), 1e-9) * max(own.std(), 0.3))


def _frequency(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    speed = rng.uniform(0.3, 0.65) if rng.random() < 0.5 else rng.uniform(1.5, 3.0)
    return _read(base, start + speed * np.arange(stop - start, dtype=np.float64))


def _mirror(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    return np.asarray(2 * base.values[start:stop].mean() - base.values[start:stop])


def _reversed(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    return base.values[start:stop][::-1]


def _shifted(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    return _read(base, start + rng.uniform(0.25, 0.75) * base.cycle + np.arange(stop - start, dtype=np.float64))


def _missing(base: Base, start: int, stop: int, rng: np.random.Generator) -> Float64:
    """Rest where a cycle should be."""
    rest = np.quantile(base.values, rng.choice([0.05, 0.5]))
    return np.asarray(rest + rng.uniform(0.0, 0.1) * rng.normal(size=stop - start))


_CHANGES: dict[str, Callable[[Base, int, int, np.random.Generator], Float64]] = {
    "spike": _spike,
    "level": _level,
    "trend": _trend,
    "variance": _variance,
    "smooth": _smooth,
    "amplitude": _amplitude,
    "stuck": _stuck,
    "replaced": _replaced,
    "frequency": _frequency,
    "mirror": _mirror,
    "reversed": _reversed,
    "shifted": _shifted,
    "missing": _missing,
}
_PATTERNS = ("frequency", "mirror", "reversed", "shifted", "missing")
KINDS = tuple(_CHANGES)
"""The kinds of anomalies."""
