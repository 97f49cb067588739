"""What each point of a series looks like beside its own past, its season and its neighbours: robust residuals.

Every stream has the shape (T, K) for the K targets of a series, uses the point and its past only, and comes in units of
its own usual deviation, so that one table of numbers serves slow tanks and nervous network counters alike. Exogenous
channels have no stream: they only explain what the targets do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from rl_tsad.detector.channels import (
    FAST,
    SLOW,
    find_mixing,
    find_reach,
    find_switches,
    switch_surprise,
    trailing_ewma,
    unexplained,
)
from rl_tsad.detector.season import Clock, find_season, read_clock
from rl_tsad.types import Bool, Float32, Int64

ROLLING, LOCAL = 65, 16  # memory of the causal filters, in points
STREAMS = ("level", "step", "fast", "slow", "rolling", "season", "spread", "stuck", "cross", "rhythm", "switch")
_SAMPLE = 50_000  # points from which a usual deviation is read


@dataclass(frozen=True)
class Profile:
    """What is usual in one series, learnt from its pool points.

    Attributes:
        clock: how its times become sample numbers.
        targets: (C,) bool, the K channels that are scored; the others only explain them.
        center: (C,) median.
        spread: (C,) usual deviation from it, positive.
        mixing: (3 C, K) matrix that takes scaled values and their two memories to what a target's neighbours do not
            explain; for one channel, to what its own memory does not explain.
        explained: (K,) share of a target's deviation that its neighbours explain, 0 where they explain nothing.
        reach: (2, C) between which scaled values a channel explains others.
        season: (P, 2 K) usual scaled value and usual unexplained rest at each phase of the period; P = 1, zeros, where
            nothing repeats.
        switches: (K, 2) values of the targets that take at most two; NaN elsewhere.
        shares: (K, 2) how often each of them was taken; 0 elsewhere.
        middle: (S, K) median of each stream.
        usual: (S, K) usual deviation of each stream, positive.
    """

    clock: Clock
    targets: Bool
    center: Float32
    spread: Float32
    mixing: Float32
    explained: Float32
    reach: Float32
    season: Float32
    switches: Float32
    shares: Float32
    middle: Float32
    usual: Float32

    @property
    def width(self) -> int:
        """Number of channels C."""
        return len(self.center)

    @property
    def measured(self) -> Bool:
        """(K,) targets to aggregate over: the measurements, or all where there are only switches."""
        analog = np.isnan(self.switches[:, 0])
        return analog if analog.any() else ~analog

    @property
    def switching(self) -> Bool:
        """(K,) targets to aggregate switch positions over: the switches, or all where there is none."""
        switch = ~np.isnan(self.switches[:, 0])
        return switch if switch.any() else ~switch

    def of_targets(self, values: Float32) -> Float32:
        """Keep the targets' columns: (T, C) to (T, K)."""
        return values if self.targets.all() else values[:, self.targets]


def fit_profile(values: Float32, times: NDArray[Any], targets: Bool | None = None) -> Profile:
    """Learn what is usual in a series.

    Args:
        values: (T, C) pool points in time order, in the file's units.
        times: (T,) their times.
        targets: (C,) bool, the channels that are scored; all when omitted.

    Example:
        >>> profile = fit_profile(np.random.default_rng(0).normal(5, 2, (500, 1)).astype(np.float32), np.arange(500))
        >>> bool(abs(profile.center[0] - 5) < 0.3), bool(abs(profile.spread[0] - 2) < 0.3)
        (True, True)
    """
    targets = np.ones(values.shape[1], np.bool_) if targets is None else targets
    clock = read_clock(times)
    center = np.array([np.median(column) for column in values.T], np.float32)
    spread = usual_deviation(values - center)
    scaled = (values - center) / spread
    mixing, reach = find_mixing(scaled, targets), find_reach(scaled, targets)
    signals = np.concatenate([scaled[:, targets], unexplained(scaled, mixing.matrix, reach, targets)], axis=1)
    del scaled
    season = find_season(signals, clock.ticks(times), clock)
    del signals
    switches, shares = find_switches(values[:, targets])
    blank = np.zeros((len(STREAMS), len(switches)), np.float32)
    raw = Profile(
        clock=clock,
        targets=targets,
        center=center,
        spread=spread,
        mixing=mixing.matrix,
        explained=mixing.explained,
        reach=reach,
        season=season,
        switches=switches,
        shares=shares,
        middle=blank,
        usual=blank + 1,
    )
    middle, usual = blank.copy(), blank + 1
    for row, stream in enumerate(raw_streams(values, times, raw)):
        if STREAMS[row] != "switch":
            middle[row] = np.median(_thin(stream), axis=0)
            usual[row] = usual_deviation(stream - middle[row])
    return replace(raw, middle=middle, usual=usual)


def surprise(values: Float32, times: NDArray[Any], profile: Profile, held: Int64 | None = None) -> Iterator[Float32]:
    """Give how unusual each point is, stream by stream in the order of ``STREAMS``.

    Args:
        values: (T, C) points in time order, from the series' beginning on.
        times: (T,) their times.
        profile: what is usual.
        held: (C,) points for which each channel had stood still at the first one; 0 when omitted.

    Yields:
        (T, K) float32 >= 0: log(1 + |deviation| / usual deviation); for "switch" the surprise of the position in nats.

    Example:
        >>> values = np.sin(np.arange(200, dtype=np.float32))[:, None]
        >>> values[150] = 9
        >>> level = next(surprise(values, np.arange(200), fit_profile(values, np.arange(200))))
        >>> int(level.argmax())
        150
    """
    for row, stream in enumerate(raw_streams(values, times, profile, held)):
        if STREAMS[row] == "switch":
            yield stream
            continue
        stream = (stream - profile.middle[row]) / profile.usual[row]
        # a long run of equal values is odd, a short one is not
        size = np.maximum(stream, 0) if STREAMS[row] == "stuck" else np.abs(stream)
        yield np.log1p(size, out=size)


def raw_streams(values: Float32, times: NDArray[Any], profile: Profile, held: Int64 | None = None) -> Iterator[Float32]:
    """Yield the (T, K) streams before they are put in units of their usual deviation, in the order of ``STREAMS``.

    The arguments are those of :func:`surprise`.

    Example:
        >>> values = np.arange(4, dtype=np.float32)[:, None]
        >>> profile = fit_profile(values, np.arange(4))
        >>> len(list(raw_streams(values, np.arange(4), profile))) == len(STREAMS)
        True
    """
    every = values - profile.center
    every /= profile.spread
    scaled = profile.of_targets(every)
    phase = profile.clock.ticks(times) % len(profile.season)
    held = np.zeros(profile.width, np.int64) if held is None else held
    yield scaled
    yield np.diff(scaled, axis=0, prepend=scaled[:1])
    yield scaled - trailing_ewma(scaled, FAST)
    yield scaled - trailing_ewma(scaled, SLOW)
    yield scaled - _trailing_median(scaled, ROLLING)
    yield scaled - profile.season[phase, : scaled.shape[1]]
    yield _local_spread(scaled)
    del scaled
    values = profile.of_targets(values)
    yield np.log1p(_run_length(values, held[profile.targets]))
    rest = unexplained(every, profile.mixing, profile.reach, profile.targets)
    del every
    yield rest
    yield rest - profile.season[phase, rest.shape[1] :]
    yield switch_surprise(values, profile.switches, profile.shares)


def usual_deviation(deviation: Float32) -> Float32:
    """Estimate how far points usually lie from the middle, deaf to a tenth of outliers.

    Args:
        deviation: (T, C) deviations from a middle.

    Returns:
        (C,) float32, positive: the larger of 1.4826 MAD and the 90 % quantile over 1.645 (both 1 for a standard
        normal); the root mean square where more than 90 % are zero; 1 where nothing ever moves.

    Example:
        >>> usual_deviation(np.zeros((5, 1), np.float32)).tolist()
        [1.0]
    """
    size = np.abs(_thin(deviation))
    half, most = np.quantile(size, [0.5, 0.9], axis=0)
    spread = np.maximum(1.4826 * half, most / 1.645)
    rare = spread == 0
    spread[rare] = np.sqrt(np.mean(np.square(deviation[:, rare], dtype=np.float64), axis=0))
    return np.where(spread > 1e-12, spread, 1.0).astype(np.float32)


def trailing_mean(values: Float32, size: int) -> Float32:
    """Give the mean of each point and the ``size - 1`` points before it, along the first axis.

    Example:
        >>> trailing_mean(np.array([2.0, 4, 6], np.float32), 2).tolist()
        [2.0, 3.0, 5.0]
    """
    result: Float32 = uniform_filter1d(values, size, axis=0, origin=(size - 1) // 2, mode="nearest")
    return result


def _thin(values: Float32) -> Float32:
    return values[:: max(1, len(values) // _SAMPLE)]


def _trailing_median(scaled: Float32, size: int) -> Float32:
    result = np.empty_like(scaled)
    for channel, column in enumerate(scaled.T):
        result[:, channel] = median_filter(column, size=size, origin=size // 2, mode="nearest")
    return result


def _local_spread(scaled: Float32) -> Float32:
    """Log of the standard deviation of the last points; 1 % of the usual deviation counts as none.

    Until so many points have passed it is that of the first ones.
    """
    result = np.empty_like(scaled)
    for channel, column in enumerate(np.clip(scaled, -50, 50).T):
        variance = trailing_mean(column * column, LOCAL) - trailing_mean(column, LOCAL) ** 2
        variance[: LOCAL - 1] = variance[LOCAL - 1] if len(variance) >= LOCAL else 1
        result[:, channel] = 0.5 * np.log(np.maximum(variance, 0) + np.float32(1e-4))
    return result


def _run_length(values: Float32, held: Int64) -> Float32:
    """Points (T, K) since the value last changed, ``held`` (K,) of them before the first."""
    position = np.arange(len(values), dtype=np.int32)[:, None]
    moved = np.zeros(values.shape, np.bool_)
    moved[1:] = values[1:] != values[:-1]
    last = np.maximum.accumulate(np.where(moved, position, -held.astype(np.int32)), axis=0)
    return (position - last).astype(np.float32)
