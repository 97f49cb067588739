"""What was said of a few windows, and what all others inherit from them by their shape."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from rl_tsad.data.habits import Habit, Notes
from rl_tsad.data.scaling import Scale
from rl_tsad.errors import CheckpointError
from rl_tsad.types import Bool, Float32, Float64, Int64

_PARTS = 16
_CLIP = 20.0
_LEAST_REACH = 0.25
_NEIGHBOURS = 3
_BATCH = 4096


@dataclass(frozen=True)
class Heard:
    """Severities that were said of windows, to be inherited by windows of the same shape.

    Attributes:
        points: (M, Z) float32, shapes of the windows (:func:`shapes`).
        severity: (M,) float32 in [0, 1], what was said of them.
        reach: usual distance of a window to the nearest of them; that far an answer weighs as much as no answer.
    """

    points: Float32
    severity: Float32
    reach: float


def shapes(values: Float32, notes: Notes, habit: Habit) -> Float32:
    """Give the shape of windows as points: those of look-alikes lie close together.

    A shape is what the window's loudest channel does, as the mean of each of 16 stretches in usual spreads (beyond one
    spread by its logarithm), and how far and in which way it exceeds the usual. Which channel it is plays no part.

    Args:
        values: (N, L, C) float32 in the file's units.
        notes: of these windows.
        habit: of their series.

    Returns:
        (N, 16 + 5) float32.
    """
    rows = np.arange(len(values))
    loud = values[rows, :, notes.channel]  # (N, L)
    own = Scale(habit.scale.center[notes.channel][:, None], habit.scale.spread[notes.channel][:, None])
    scored = np.clip((loud - own.center) / own.spread, -_CLIP, _CLIP)  # (N, L)
    edges = np.linspace(0, scored.shape[1], min(_PARTS, scored.shape[1]) + 1).astype(np.int64)
    means = np.add.reduceat(scored, edges[:-1], axis=1) / np.diff(edges)
    means = np.sign(means) * np.log1p(np.abs(means))
    signs = np.where(notes.upward, 1.0, -1.0)
    kinds = np.zeros((len(values), 5))
    kinds[rows, notes.kind] = signs * np.log1p(notes.excess)
    return np.concatenate([means, kinds], axis=1).astype(np.float32)


def hear(points: Float32, severity: Float32, every: Float32) -> Heard:
    """Keep what was said.

    Args:
        points: (M, Z) float32, shapes of the windows that something was said of.
        severity: (M,) float32 in [0, 1].
        every: (N, Z) float32, shapes of all windows, from which the usual distance is learnt.

    Example:
        >>> every = np.array([[0.0], [1.0], [1.0], [9.0]], np.float32)
        >>> hear(every[:1], np.array([0.8], np.float32), every).reach
        1.0
    """
    nearest = _nearest(every, points, 1)[1][:, 0] if len(points) and len(every) else np.zeros(1)
    reach = max(float(np.sqrt(np.median(nearest))), _LEAST_REACH)
    return Heard(points.astype(np.float32), severity.astype(np.float32), reach)


def inherit(heard: Heard, points: Float32, prior: Float32, *, barred: Barred | None = None) -> Float32:
    """Give every window the severity that was said of those it looks like, and its prior where it is like none.

    Each window takes the mean over its three nearest, weighted by ``exp(-2 d^2 / reach^2)`` (as in the graph of
    look-alikes, Zelnik-Manor & Perona, "Self-tuning spectral clustering", NIPS 2004, section 2), and over its prior,
    which weighs nothing beside an answer for the very same shape and as much as an answer at the usual distance where
    none is near.

    Args:
        heard: what was said.
        points: (N, Z) float32, shapes of the windows.
        prior: (N,) float32 in [0, 1], their severity by rule.
        barred: which of what was said each window may not inherit; all may be inherited when omitted.

    Returns:
        (N,) float32 in [0, 1].

    Example:
        >>> p = np.array([[0.0], [0.1], [99.0]], np.float32)
        >>> said = hear(p[:1], np.array([0.8], np.float32), p)
        >>> inherit(said, p, np.zeros(3, np.float32)).astype(float).round(1).tolist()
        [0.8, 0.8, 0.0]
    """
    if not len(heard.points) or not len(points):
        return prior.astype(np.float32)
    near, squared = _nearest(points, heard.points, _NEIGHBOURS, barred)
    weights = np.exp(-2.0 * np.minimum(squared / heard.reach**2, 300.0))
    doubt = np.exp(-2.0) * (1.0 - weights.max(axis=1))
    known = (weights * heard.severity[near]).sum(axis=1)
    return np.asarray((known + doubt * prior) / (weights.sum(axis=1) + doubt), dtype=np.float32)


def save_heard(heard: Heard, file: Path) -> None:
    """Write what was said as an ``.npz`` file."""
    np.savez(file, allow_pickle=False, points=heard.points, severity=heard.severity, reach=np.float64(heard.reach))


def load_heard(file: Path) -> Heard:
    """Read it back.

    Raises:
        CheckpointError: when the file is missing or damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "heard.npz"
        ...     save_heard(Heard(np.ones((1, 2), np.float32), np.ones(1, np.float32), 0.5), file)
        ...     load_heard(file).reach
        0.5
    """
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            heard = Heard(kept["points"], kept["severity"], float(kept["reach"]))
        if heard.points.ndim != 2 or heard.severity.shape != heard.points.shape[:1]:
            raise ValueError(f"shapes {heard.points.shape} and {heard.severity.shape} do not fit")
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise CheckpointError(
            f"{file}: expected what a language model said of windows, got {error}; train again"
        ) from error
    return heard


@dataclass(frozen=True)
class Barred:
    """Bars windows from what was said of themselves and of windows around them.

    What a belief learns on must not know more than what it decides later: a window of the pool that was asked about
    would know the answer, a later one only what look-alikes say. With all of it a belief trusts what it hears far too
    much (``benchmarks/asked.py``).

    Attributes:
        at: (N,) int64 first points of the windows; those of another series are far away.
        said: (M,) int64 first points of the windows that something was said of.
        within: barred is what was said less than this many points away.
    """

    at: Int64
    said: Int64
    within: int

    def of(self, rows: slice) -> Bool:
        """(R, M) which of what was said is barred."""
        return np.asarray(np.abs(self.at[rows, None] - self.said[None]) < self.within, np.bool_)


def _nearest(points: Float32, among: Float32, count: int, barred: Barred | None = None) -> tuple[Int64, Float64]:
    """Positions and squared distances (N, count) of the nearest; what is barred is infinitely far."""
    few = min(count, len(among))
    near, squared = np.empty((len(points), few), dtype=np.int64), np.empty((len(points), few))
    others = among.astype(np.float64)
    for low in range(0, len(points), _BATCH):
        some = points[low : low + _BATCH].astype(np.float64)
        distance = np.maximum((some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * some @ others.T, 0.0)
        if barred is not None:
            distance[barred.of(slice(low, low + _BATCH))] = np.inf
        nearest = np.argpartition(distance, few - 1, axis=1)[:, :few]
        near[low : low + _BATCH] = nearest
        squared[low : low + _BATCH] = np.take_along_axis(distance, nearest, axis=1)
    return near, squared
