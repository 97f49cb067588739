"""How does each kind of fault show in the sensors of the simulated plant, and where may one happen?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rl_tsad.errors import ConfigError
from rl_tsad.types import Bool, Float64

FAULTS = ("spike", "level", "drift", "stuck", "oscillation", "decoupling", "contextual")

_LENGTHS = {
    "spike": (1, 3),
    "level": (6, 16),
    "drift": (12, 22),
    "stuck": (8, 18),
    "oscillation": (8, 14),
    "decoupling": (8, 18),
    "contextual": (6, 7),
}
"""Points that a fault lasts, [low, high)."""
_MARGIN = 24
"""Points between a fault and a stop's recovery, the nightly backwash or another fault."""
_LOAD = 0
"""The load is the plant's command; only sensors fail."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        kind: one of ``FAULTS``.
        start: first faulty point.
        stop: first point after it.
        channels: indices of the sensors that it touches.
    """

    kind: str
    start: int
    stop: int
    channels: tuple[int, ...]


@dataclass(frozen=True)
class Terrain:
    """The healthy plant into which faults are written.

    Attributes:
        values: (T, C) float64 readings; :func:`write_fault` changes them in place.
        noise: (C,) standard deviation of each sensor's noise.
        backwash: (C,) how the backwash moves each sensor.
        washing: (T,) 1 while the nightly backwash runs.
        stops: [start, stop) of the maintenance stops.
    """

    values: Float64
    noise: Float64
    backwash: Float64
    washing: Float64
    stops: tuple[tuple[int, int], ...]


def plan_faults(terrain: Terrain, count: int, rng: np.random.Generator) -> tuple[Fault, ...]:
    """Choose when which fault happens: one in each of equally long stretches where it fits, the kinds taking turns.

    Faults keep away from stops, the nightly backwash, each other and the first points.

    Raises:
        ConfigError: when there is no free place left.

    Example:
        >>> quiet = Terrain(np.zeros((600, 8)), np.ones(8), np.ones(8), np.zeros(600), ())
        >>> [fault.kind for fault in plan_faults(quiet, 2, np.random.default_rng(0))] != []
        True
    """
    points = len(terrain.values)
    rounds = [rng.permutation(FAULTS) for _ in range(-(-count // len(FAULTS)))]
    kinds = np.concatenate([*rounds, []])[:count].astype(str)
    free = _free(terrain)
    faults: list[Fault] = []
    for i, kind in enumerate(kinds.tolist()):
        stretch = (i * points // count, (i + 1) * points // count)
        fault = _place(kind, free, stretch, rng) or _place(kind, free, (0, points), rng)
        if fault is None:
            raise ConfigError(
                f"expected room for {count} faults in {points} points, got it for {len(faults)}; "
                "simulate more points or fewer faults and stops"
            )
        free[max(fault.start - _MARGIN, 0) : fault.stop + _MARGIN] = False
        faults.append(fault)
    return tuple(sorted(faults, key=lambda fault: fault.start))


def write_fault(terrain: Terrain, fault: Fault, rng: np.random.Generator) -> None:
    """Change the readings inside a fault, nowhere else.

    Example:
        >>> plant = Terrain(np.zeros((600, 8)), np.ones(8), np.ones(8), np.zeros(600), ())
        >>> write_fault(plant, Fault("level", 100, 110, (2,)), np.random.default_rng(0))
        >>> np.flatnonzero(plant.values.any(axis=1)).tolist() == list(range(100, 110))
        True
    """
    part = terrain.values[fault.start : fault.stop]
    for channel in fault.channels:
        noise = float(terrain.noise[channel])
        if fault.kind == "contextual":
            part[:, channel] += terrain.backwash[channel]
        else:
            part[:, channel] = _SHAPES[fault.kind](part[:, channel], noise, rng)


def _free(terrain: Terrain) -> Bool:
    free = np.ones(len(terrain.values), dtype=np.bool_)
    free[:_MARGIN] = False
    for start, stop in terrain.stops:
        free[max(start - _MARGIN, 0) : stop + 2 * _MARGIN] = False
    for washing in np.flatnonzero(terrain.washing):
        free[max(washing - _MARGIN, 0) : washing + _MARGIN] = False
    return free


def _place(kind: str, free: Bool, stretch: tuple[int, int], rng: np.random.Generator) -> Fault | None:
    length = int(rng.integers(*_LENGTHS[kind]))
    taken = np.concatenate([[0], np.cumsum(~free)])
    starts = np.arange(stretch[0], max(min(stretch[1], len(free) - length), stretch[0]))
    starts = starts[taken[starts + length] == taken[starts]]
    if len(starts) == 0:
        return None
    start = int(rng.choice(starts))
    return Fault(kind, start, start + length, _touched(kind, rng))


def _touched(kind: str, rng: np.random.Generator) -> tuple[int, ...]:
    """Choose the sensors: a wrong-hour backwash moves all that a backwash moves, other faults one or two."""
    if kind == "contextual":
        return (1, 2, 3, 4, 6, 7)
    if kind == "decoupling":
        return (int(rng.choice([1, 2, 3, 4])),)
    count = 2 if kind in ("level", "drift", "oscillation") and rng.random() < 0.4 else 1
    return tuple(sorted(int(c) for c in rng.choice(np.arange(_LOAD + 1, 8), count, replace=False)))


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _spike(part: Float64, noise: float, rng: np.random.Generator) -> Float64:
    return part + _sign(rng) * rng.uniform(12.0, 25.0) * noise


def _level(part: Float64, noise: float, rng: np.random.Generator) -> Float64:
    return part + _sign(rng) * rng.uniform(7.0, 13.0) * noise


def _drift(part: Float64, noise: float, rng: np.random.Generator) -> Float64:
    ramp = np.arange(1, len(part) + 1) / len(part)
    return part + _sign(rng) * rng.uniform(11.0, 19.0) * noise * ramp


def _stuck(part: Float64, noise: float, rng: np.random.Generator) -> Float64:
    return np.full_like(part, part[0] + 0.01 * noise)


def _oscillation(part: Float64, noise: float, rng: np.random.Generator) -> Float64:
    period = rng.uniform(2.5, 5.0)
    wave = np.sin(2 * np.pi * (np.arange(len(part)) / period + 0.1))
    return part + rng.uniform(6.5, 11.0) * noise * wave


def _decoupling(part: Float64, noise: float, rng: np.random.Generator) -> Float64:
    """Lose the plant's movement: a random walk of the sensor's own, tied to the true value at both ends."""
    walk = np.cumsum(rng.normal(size=len(part) + 1))
    bridge = walk[1:] - walk[-1] * np.arange(1, len(part) + 1) / (len(part) + 1)
    size = rng.uniform(9.0, 15.0) * noise / max(float(np.abs(bridge).max()), 1e-9)
    mirrored = 2 * float(part.mean()) - part
    return np.asarray(mirrored + size * bridge)


_SHAPES: dict[str, Callable[[Float64, float, np.random.Generator], Float64]] = {
    "spike": _spike,
    "level": _level,
    "drift": _drift,
    "stuck": _stuck,
    "oscillation": _oscillation,
    "decoupling": _decoupling,
}
