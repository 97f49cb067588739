"""What is learnt of one series without labels, and how its windows' numbers become comparable with other series'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.data.habits import Habit, learn_habit
from rl_tsad.data.scaling import fit_scale
from rl_tsad.detector.bank import Bank
from rl_tsad.detector.calibrate import Tails, oddness
from rl_tsad.detector.features import window_features
from rl_tsad.detector.streams import Profile, fit_profile
from rl_tsad.types import Bool, Float32, Int64, Series, Windows


@dataclass(frozen=True)
class Known:
    """One series as the detector knows it.

    Attributes:
        profile: what its points usually look like.
        features: tails of its pool windows' features.
        bank: its usual patches.
        rules: tails of its pool points' scores, a row for each rule of the ensemble.
        weights: (M,) float32 of the ensemble's members, in the order of ``MEMBERS``; they sum to 1.
        habit: what its pool windows usually do.
    """

    profile: Profile
    features: Tails
    bank: Bank
    rules: Tails
    weights: Float32
    habit: Habit


@dataclass(frozen=True)
class Part:
    """The stretch of a series that pool windows cover: all that a fit may read.

    Attributes:
        values: (T, C) float32.
        times: (T,).
        windows: the pool windows, their starts counted from the stretch's beginning.
        targets: (C,) bool, the channels that are scored.
    """

    values: Float32
    times: NDArray[Any]
    windows: Windows
    targets: Bool


def covered_part(series: Series, windows: Windows) -> Part:
    """Cut the stretch that the windows cover; a hole between windows repeats the last covered value.

    Example:
        >>> from rl_tsad.types import slide
        >>> s = Series("a", np.arange(9, dtype=np.float32)[:, None], np.arange(9), ("x",))
        >>> part = covered_part(s, slide(s, length=4, stride=2).between(1, 3))
        >>> part.values.ravel().tolist(), part.windows.starts.tolist()
        ([2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [0, 2])
    """
    low, high = int(windows.starts[0]), int(windows.starts[-1]) + windows.length
    starts = windows.starts - low
    moved = Windows(windows.series, starts, windows.length, windows.stride, windows.values, windows.crosses_gap)
    values = series.values[low:high]
    if np.any(np.diff(starts) > windows.length):
        values = values[_last_covered(starts, windows.length, high - low)]
    targets = np.zeros(series.width, np.bool_)
    targets[series.targets] = True
    return Part(values, series.times[low:high], moved, targets)


def habit_of(part: Part) -> Habit:
    """Learn what the windows of a stretch usually do.

    Example:
        >>> from rl_tsad.types import slide
        >>> s = Series("a", np.random.default_rng(0).normal(size=(99, 1)).astype(np.float32), np.arange(99), ("x",))
        >>> habit_of(covered_part(s, slide(s, length=16, stride=8))).targets.tolist()
        [0]
    """
    return learn_habit(part.windows.values, fit_scale(part.values), np.flatnonzero(part.targets))


def learn_profile(part: Part) -> tuple[Profile, Float32, dict[str, Float32]]:
    """Learn what is usual in a stretch; give its windows' raw features (N, F) and its points' by stream (T,).

    Example:
        >>> from rl_tsad.types import slide
        >>> s = Series("a", np.random.default_rng(0).normal(size=(99, 1)).astype(np.float32), np.arange(99), ("x",))
        >>> learn_profile(covered_part(s, slide(s, length=16, stride=8)))[1].shape[0]
        11
    """
    profile = fit_profile(part.values, part.times, part.targets)
    return profile, *window_features(part.values, part.times, part.windows, profile)


def own_and_pooled(values: Float32, own: Tails, pooled: Tails) -> Float32:
    """Give the mean oddness of numbers beside their own series' pool and beside all series' pools together.

    The first alone would call the top windows of every series equally odd, the second would forget that series differ.

    Example:
        >>> x = np.arange(100, dtype=np.float32)[:, None]
        >>> from rl_tsad.detector.calibrate import fit_tails
        >>> own_and_pooled(x, fit_tails(x), fit_tails(2 * x)).shape
        (100, 1)
    """
    return np.asarray((oddness(values, own) + oddness(values, pooled)) / 2, np.float32)


def _last_covered(starts: Int64, length: int, size: int) -> Int64:
    change = np.bincount(starts, minlength=size + 1) - np.bincount(starts + length, minlength=size + 1)
    is_covered = np.cumsum(change)[:size] > 0
    return np.maximum.accumulate(np.where(is_covered, np.arange(size), 0)).astype(np.int64)
