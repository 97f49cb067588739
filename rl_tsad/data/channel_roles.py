"""Which channels only explain the others (commands, set-points, the calendar), to judge by their values?

Wrongly calling a sensor exogenous hides its faults, wrongly calling a command a target costs false alarms only. Every
rule is therefore strict: what could be a coarse or slow sensor stays a target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rl_tsad.data.roles import plain
from rl_tsad.types import Bool, Float32, Float64, Int64

MEASUREMENT = "a measurement"
_LEAST = 100  # points below which nothing is inferred
_SHORT, _FEW_SHORT = 5, 0.1  # runs below five points, and how many of them a held channel may have
_LONG = 20  # mean run of a channel with steps, in points
_MOST_LEVELS = 20
_SKIPS = 0.1  # share of moves that pass over a level: a sensor goes to the next one
_JUMP = 0.2  # usual move of a set-point, as a share of its range: a sensor that is read rarely moves less
_CYCLES, _REGULAR = 3, 0.8  # equal cycles of a calendar, and the share of them that no recording gap cuts
_EVEN = 1e-3  # an even ramp leaves a straight line by less than this share of a step
_CALENDAR = frozenset(
    (
        *("second", "minute", "minuteofhour", "minuteofday", "hour", "hourofday", "hod", "weekday", "dayofweek", "dow"),
        *("day", "dayofmonth", "dayofyear", "doy", "week", "weekofyear", "month", "monthofyear", "quarter", "year"),
        *("weekend", "isweekend", "holiday", "isholiday", "workday", "isworkday", "workingday", "isworkingday"),
    )
)
_WAVES = ("sin", "cos")
_SWITCH = frozenset({(0.0, 1.0), (-1.0, 1.0), (-1.0, 0.0), (1.0, 2.0), (0.0, 100.0), (0.0, 255.0)})


@dataclass(frozen=True)
class _Held:
    """The runs of equal values of one channel over all recordings.

    Attributes:
        values: (R,) value of each run.
        lengths: (R,) its points.
        moves: (M,) positions of the runs that begin with a move, not with a recording.
        inner: (K,) lengths of the runs that begin and end with a move.
    """

    values: Float64
    lengths: Int64
    moves: Int64
    inner: Int64

    @property
    def levels(self) -> Float64:
        return np.unique(self.values)


def infer_exogenous(values: Float32 | Sequence[Float32], names: Sequence[str]) -> tuple[Bool, tuple[str, ...]]:
    """Tell which channels never raise an alarm by themselves, because no sensor looks like them.

    Such are: constants; two-valued channels (0 and 1 or the like, or two values that are held); set-points (at most 20
    levels, held for long, and jumping over levels where a coarse sensor goes from one to the next); the calendar (hour,
    weekday and the like by name, exactly repeating saw-teeth, even ramps). Nothing is inferred from fewer than 100
    points, of a single channel, or where no target would be left.

    Args:
        values: (T, C) one recording, or several of the same channels: what stands still in one may move in another.
        names: C names.

    Returns:
        (C,) bool, and C reasons in plain words.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = np.stack([rng.normal(size=200), np.arange(200) // 50 % 2, np.full(200, 7)], axis=1).astype(np.float32)
        >>> infer_exogenous(x, ("flow", "pump on", "unused"))
        (array([False,  True,  True]), ('a measurement', 'two values', 'constant'))
    """
    recordings = [values] if isinstance(values, np.ndarray) else list(values)
    if len(names) < 2:
        return np.zeros(len(names), np.bool_), ("the only channel",) * len(names)
    if sum(map(len, recordings)) < _LEAST:
        return np.zeros(len(names), np.bool_), (f"fewer than {_LEAST} points",) * len(names)
    told = [_told([part[:, place] for part in recordings], name) for place, name in enumerate(names)]
    exogenous = np.array([reason is not None for reason in told], np.bool_)
    if exogenous.all():
        return ~exogenous, tuple(f"{reason}, but no target would be left" for reason in told)
    return exogenous, tuple(reason or MEASUREMENT for reason in told)


def _told(columns: Sequence[Float32], name: str) -> str | None:
    """Give the reason why a channel is exogenous, None where it is a measurement."""
    columns = [np.ascontiguousarray(column) for column in columns if len(column)]
    low, high = min(column.min() for column in columns), max(column.max() for column in columns)
    if low == high:
        return "constant"
    if _is_calendar_name(name, columns):
        return "the calendar, by its name"
    if (float(low), float(high)) in _SWITCH and all(bool(((c == low) | (c == high)).all()) for c in columns):
        return "two values"
    held = _runs(columns)
    if held is not None and _is_held(held):
        if len(held.levels) == 2:
            return "two values, held"
        if _is_stepping(held):
            return f"{len(held.levels)} levels, held"
    moving = [column for column in columns if column.min() != column.max()]
    if all(_is_ramp(column) for column in moving):
        return "an even ramp"
    return "the calendar, it repeats exactly" if all(_is_saw(column) for column in moving) else None


def _is_calendar_name(name: str, columns: Sequence[Float32]) -> bool:
    word = plain(name)
    if word in _CALENDAR:
        return all(bool((column == np.rint(column)).all()) for column in columns)
    for wave in _WAVES:
        rest = word.removesuffix(wave) if word.endswith(wave) else word.removeprefix(wave)
        if rest != word and rest in _CALENDAR:
            return all(bool((np.abs(column) <= 1).all()) for column in columns)
    return False


def _runs(columns: Sequence[Float32]) -> _Held | None:
    """Cut channels into runs; None where the runs are too many to be held."""
    cut = [np.concatenate([[0], np.flatnonzero(column[1:] != column[:-1]) + 1]) for column in columns]
    if sum(map(len, cut)) > sum(map(len, columns)) / _SHORT:
        return None
    values = [column[starts] for column, starts in zip(columns, cut, strict=True)]
    lengths = [np.diff(starts, append=len(column)) for column, starts in zip(columns, cut, strict=True)]
    begins = np.concatenate([np.arange(len(starts)) > 0 for starts in cut])
    inner = np.concatenate([own[1:-1] for own in lengths])
    return _Held(np.concatenate(values).astype(np.float64), np.concatenate(lengths), np.flatnonzero(begins), inner)


def _is_held(held: _Held) -> bool:
    """Whether values stand for long, and move at any moment: a sensor that is read rarely moves at every n-th point."""
    is_read_rarely = len(held.inner) >= _CYCLES and int(np.gcd.reduce(held.inner)) > 1
    return not is_read_rarely and bool(np.mean(held.lengths < _SHORT) <= _FEW_SHORT)


def _is_stepping(held: _Held) -> bool:
    """Whether held levels are jumped between as by an operator, not climbed as by a coarse sensor."""
    levels = held.levels
    if len(levels) > _MOST_LEVELS or held.lengths.mean() < _LONG or not len(held.moves):
        return False
    rank = np.searchsorted(levels, held.values)
    skips = np.abs(rank[held.moves] - rank[held.moves - 1]) > 1
    jumps = np.abs(held.values[held.moves] - held.values[held.moves - 1])
    return bool(skips.sum() >= max(2, _SKIPS * len(skips)) and np.median(jumps) >= _JUMP * (levels[-1] - levels[0]))


def _is_ramp(column: Float32) -> bool:
    """Whether a channel rises evenly, as a time or a row's number does, up to float32's rounding."""
    step = float(column[-1] - column[0]) / max(len(column) - 1, 1)
    rounding = float(np.spacing(np.abs(column).max()))
    line = float(column[0]) + step * np.arange(len(column))
    is_even = np.abs(column.astype(np.float64) - line).max() <= _EVEN * abs(step) + rounding
    return bool(is_even and abs(step) * len(column) > _LEAST * rounding)


def _is_saw(column: Float32) -> bool:
    """Whether a channel climbs and falls back in cycles that are all equal."""
    drops = np.flatnonzero(column[1:] < column[:-1]) + 1
    lengths = np.diff(drops)
    if len(lengths) < _CYCLES or len(drops) > len(column) / _CYCLES:
        return False
    period = int(np.bincount(lengths).argmax())
    whole = [column[low:high] for low, high in pairwise(drops.tolist()) if high - low == period]
    if len(whole) < max(_CYCLES, _REGULAR * len(lengths)):
        return False
    cycles = np.stack(whole)
    return bool((cycles == cycles[0]).all())
