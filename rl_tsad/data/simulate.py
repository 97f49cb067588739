"""What would a small process plant record, and where exactly is it faulty? A known truth for demo, tests and docs.

Seven correlated sensors follow a load: set-point changes, a daily cycle, a nightly backwash, noise. Maintenance stops
(the plant runs down to rest and up again) and set-point changes look drastic and are *normal*; the faults are written
in by :mod:`rl_tsad.data.faults` and are mostly quieter than they.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from rl_tsad.data.faults import FAULTS, Fault, Terrain, plan_faults, write_fault
from rl_tsad.errors import ConfigError
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float64, Series

__all__ = ["CHANNELS", "FAULTS", "Fault", "Plant", "PlantConfig", "simulate_plant"]

CHANNELS = ("load", "flow", "pressure", "valve", "motor_current", "temperature", "vibration", "tank_level")
_IS_COMMAND = np.array([channel == "load" for channel in CHANNELS])
"""The load is what operators ask for: it explains the sensors and never fails. Continuous, it could not be inferred."""
_BASE = np.array([10.0, 20.0, 1.0, 15.0, 5.0, 35.0, 0.6, 55.0])
_GAIN = np.array([60.0, 90.0, 4.5, 60.0, 32.0, 28.0, 1.8, -12.0])
_LAG = np.array([1.0, 2.0, 2.0, 1.5, 1.5, 12.0, 2.0, 30.0])
"""Steps with which a sensor follows the load (first-order lag)."""
_NOISE = np.array([0.6, 1.2, 0.06, 0.8, 0.45, 0.3, 0.07, 0.5])
_REST = np.array([0.0, 0.0, 0.3, 5.0, 0.2, 22.0, 0.05, 48.0])
_BACKWASH = np.array([0.0, 14.0, 0.9, -9.0, 3.0, 0.0, 0.25, -2.5])


@dataclass(frozen=True)
class PlantConfig:
    """The simulated plant.

    Attributes:
        points: T, at least 300.
        step_seconds: time from one point to the next.
        faults: number of faults; the kinds take turns.
        stops: maintenance stops, which are normal.
        noise: multiplies the sensors' noise; 0 makes a noiseless plant.
        start: first time, ISO, UTC.

    Raises:
        ConfigError: when a number is out of range, or the faults do not fit.
    """

    points: int = 4032
    step_seconds: int = 300
    faults: int = 14
    stops: int = 3
    noise: float = 1.0
    start: str = "2024-01-01T00:00:00"

    def __post_init__(self) -> None:
        if self.points < 300 or self.step_seconds < 1 or self.faults < 0 or self.stops < 0 or self.noise < 0:
            raise ConfigError(f"expected points >= 300, a step >= 1 s and nothing negative, got {self}; change it")
        room = self.points // 150
        if self.faults > room or self.stops > self.points // 300:
            raise ConfigError(
                f"expected at most {room} faults and {self.points // 300} stops in {self.points} points, "
                f"got {self.faults} and {self.stops}; simulate more points"
            )

    @property
    def day(self) -> float:
        """Points per day."""
        return 86_400 / self.step_seconds


@dataclass(frozen=True)
class Plant:
    """A simulated recording and everything that is true of it.

    Attributes:
        series: 8 channels with exact truth; the load is exogenous.
        faults: what is wrong, in order of time; the truth is 1 exactly inside them.
        stops: [start, stop) of the maintenance stops, which are normal.
    """

    series: Series
    faults: tuple[Fault, ...]
    stops: tuple[tuple[int, int], ...]


def simulate_plant(config: PlantConfig | None = None, *, seed: int, name: str = "plant") -> Plant:
    """Record a small process plant with known faults.

    Args:
        config: size and number of events; the defaults when omitted.
        seed: the same seed gives the same plant, bit by bit.
        name: of the series.

    Raises:
        ConfigError: when the events do not fit into the points.

    Example:
        >>> plant = simulate_plant(seed=0)
        >>> plant.series.values.shape, sorted({fault.kind for fault in plant.faults}) == sorted(FAULTS)
        ((4032, 8), True)
    """
    config = config or PlantConfig()
    stops = _plan_stops(config, derive_rng(seed, "plant", "stops"))
    load = _load(config, derive_rng(seed, "plant", "load"))
    wash = _backwash(config)
    values = _sensors(load, wash, stops) + config.noise * _noise(config.points, derive_rng(seed, "plant", "noise"))
    terrain = Terrain(values, _NOISE, _BACKWASH, wash, stops)
    faults = plan_faults(terrain, config.faults, derive_rng(seed, "plant", "faults"))
    truth = np.zeros(config.points, dtype=np.int8)
    for fault in faults:
        write_fault(terrain, fault, derive_rng(seed, "plant", "fault", fault.start))
        truth[fault.start : fault.stop] = 1
    series = Series(name, values.astype(np.float32), _clock(config), CHANNELS, truth, "UTC", _IS_COMMAND.copy())
    return Plant(series, faults, stops)


def _clock(config: PlantConfig) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    step = np.timedelta64(config.step_seconds, "s")
    return (np.datetime64(config.start, "s") + np.arange(config.points) * step).astype("datetime64[ns]")


def _plan_stops(config: PlantConfig, rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """Put one stop into each of equally long stretches."""
    stretch = config.points // max(config.stops, 1)
    lengths = rng.integers(stretch // 16 + 12, stretch // 16 + 36, config.stops)
    starts = [i * stretch + int(rng.integers(stretch // 4, stretch * 3 // 4)) for i in range(config.stops)]
    return tuple((start, start + int(length)) for start, length in zip(starts, lengths, strict=True))


def _load(config: PlantConfig, rng: np.random.Generator) -> Float64:
    """Give the load (T,) in about [0.2, 1]: set-points held for hours, a daily cycle, slow wandering."""
    time = np.arange(config.points)
    holds = rng.integers(40, 220, config.points // 40 + 1)
    levels = rng.choice([0.45, 0.55, 0.65, 0.75, 0.85], len(holds))
    setpoint = np.repeat(levels, holds)[: config.points]
    daily = 0.09 * np.sin(2 * np.pi * (time / config.day - 0.3))
    wander = 0.012 * config.noise * _ar(rng.normal(size=config.points), 0.97)
    return np.asarray(_lag(setpoint, 3.0) + daily + np.clip(wander, -0.1, 0.1))


def _backwash(config: PlantConfig) -> Float64:
    """Give the filter's backwash (T,) in [0, 1]: half an hour every night at two o'clock."""
    hour = (np.arange(config.points) / config.day % 1) * 24
    return np.asarray((hour >= 2.0) & (hour < 2.5), dtype=np.float64)


def _sensors(load: Float64, wash: Float64, stops: tuple[tuple[int, int], ...]) -> Float64:
    """Give the noiseless readings (T, C)."""
    running = np.ones(len(load))
    for start, stop in stops:
        running[start:stop] = 0.0
    drive = np.stack([_lag(load, lag) for lag in _LAG], axis=1)
    up = np.stack([_lag(running, min(lag, 8.0)) for lag in _LAG], axis=1)
    working = _BASE + _GAIN * drive + _BACKWASH * wash[:, None]
    return np.asarray(up * working + (1 - up) * _REST)


def _noise(points: int, rng: np.random.Generator) -> Float64:
    """Give sensor noise (T, C): partly white, partly slow, each channel's own size."""
    white, slow = rng.normal(size=(2, points, len(CHANNELS)))
    return np.asarray(_NOISE * (0.8 * white + 0.6 * np.sqrt(1 - 0.9**2) * _ar(slow, 0.9)))


def _ar(shocks: Float64, memory: float) -> Float64:
    return np.asarray(lfilter([1.0], [1.0, -memory], shocks, axis=0))


def _lag(signal: Float64, steps: float) -> Float64:
    """Follow a signal with a first-order lag, starting at rest on its first value."""
    keep = float(np.exp(-1.0 / steps))
    return np.asarray(lfilter([1 - keep], [1.0, -keep], signal - signal[0]) + signal[0])
