"""Whether a series repeats itself, how often, and what it usually shows at each point of the cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from rl_tsad.types import Float32, Float64, Int64

_SHORTEST, _LONGEST = 6, 20_000  # periods looked for, in points
_CYCLES = 3  # a period must have been seen this often
_DAY = 86_400_000_000_000  # nanoseconds
_PEAKS = 5  # autocorrelation peaks that are tried
_SHARE = 0.02  # share of a signal's variance that must repeat


@dataclass(frozen=True)
class Clock:
    """How times become sample numbers, so that a recording gap does not shift the season.

    Attributes:
        origin: first time, as an integer (nanoseconds for instants).
        step: median distance of two times, positive.
        day: steps per day; 0 where times are sample numbers.
    """

    origin: int
    step: int
    day: int = 0

    def ticks(self, times: NDArray[Any]) -> Int64:
        """Give each time's distance from the origin in steps, rounded.

        Example:
            >>> Clock(10, 5).ticks(np.array([10, 15, 31])).tolist()
            [0, 1, 4]
        """
        return np.rint((times.astype(np.int64) - self.origin) / self.step).astype(np.int64)


def read_clock(times: NDArray[Any]) -> Clock:
    """Learn the clock of a series from its (pool) times.

    Example:
        >>> read_clock(np.array([10, 15, 20, 60]))
        Clock(origin=10, step=5, day=0)
    """
    numbers = times.astype(np.int64)
    step = max(int(np.median(np.diff(numbers))), 1) if len(numbers) > 1 else 1
    has_clock = np.issubdtype(times.dtype, np.datetime64)
    return Clock(int(numbers[0]), step, round(_DAY / step) if has_clock else 0)


def phase_medians(signals: Float32, ticks: Int64, period: int) -> Float32:
    """Give what a repeating signal usually shows at each phase: the median over cycles, lightly smoothed.

    Args:
        signals: (T, K) in time order.
        ticks: (T,) sample numbers.
        period: points per cycle P; 1 means that nothing repeats.

    Returns:
        (P, K) float32; zeros where P is 1 and at phases that were never seen.

    Example:
        >>> phase_medians(np.array([[1.0], [2.0], [1.0], [2.0]], np.float32), np.arange(4), 2).ravel().tolist()
        [1.0, 2.0]
    """
    if period == 1:
        return np.zeros((1, signals.shape[1]), np.float32)
    phase = ticks % period
    counts = np.bincount(phase, minlength=period)
    middles = np.minimum(np.cumsum(counts) - counts + counts // 2, len(signals) - 1)
    level = np.stack([column[np.lexsort((column, phase))][middles] for column in signals.T], axis=1)
    level[counts == 0] = 0
    smooth: Float32 = uniform_filter1d(level, 1 + 2 * (period // 200), axis=0, mode="wrap")
    return smooth


def find_season(signals: Float32, ticks: Int64, clock: Clock) -> Float32:
    """Find the period that repeats best and give what each signal usually shows at each of its phases.

    Candidates are the day and the week of the series' clock and the peaks of the autocorrelation.

    Args:
        signals: (T, K) robustly scaled signals in time order.
        ticks: (T,) sample numbers.
        clock: of the series.

    Returns:
        (P, K) float32, zeros for signals that do not repeat; P = 1 where none does within a third of the series.

    Example:
        >>> wave = np.sin(2 * np.pi * np.arange(480) / 24).astype(np.float32)[:, None]
        >>> len(find_season(wave, np.arange(480), Clock(0, 1))), len(find_season(wave[:30], np.arange(30), Clock(0, 1)))
        (24, 1)
    """
    longest = min(len(signals) // _CYCLES, _LONGEST)
    bounded = signals / np.maximum(signals.std(axis=0), 1e-6)
    np.clip(bounded, -5, 5, out=bounded)
    tried = {clock.day, 7 * clock.day, *_peaks(bounded, longest)} if longest > _SHORTEST else set()
    shares = {period: _shares(bounded, ticks, period) for period in sorted(tried) if _SHORTEST <= period <= longest}
    best = max((float(share.max()) for share in shares.values()), default=0.0)
    # a period's multiples explain as much as itself: take the shortest that is nearly the best
    period = next((period for period, share in shares.items() if share.max() >= max(_SHARE, 0.9 * best)), 1)
    level = phase_medians(signals, ticks, period)
    return np.where(shares[period] >= _SHARE, level, np.float32(0)) if period > 1 else level


def _peaks(signals: Float32, longest: int) -> list[int]:
    correlation = np.mean([_autocorrelation(column, longest) for column in signals.T], axis=0)
    peaks, _ = find_peaks(correlation, height=0.1, prominence=0.1)
    peaks = peaks[peaks >= _SHORTEST]
    return [int(peak) for peak in peaks[np.argsort(-correlation[peaks], kind="stable")][:_PEAKS]]


def _autocorrelation(column: Float32, longest: int) -> Float64:
    """Autocorrelation for lags 0 .. longest through the power spectrum, each lag over its own terms."""
    centred = column.astype(np.float64) - column.mean()
    size = next_fast_len(len(column) + longest, real=True)
    products = np.fft.irfft(np.square(np.abs(np.fft.rfft(centred, size))), size)[: longest + 1]
    products /= len(column) - np.arange(longest + 1)
    return np.asarray(products / max(products[0], 1e-12))


def _shares(signals: Float32, ticks: Int64, period: int) -> Float64:
    """Share of each signal's variance that repeats: the covariance of the two halves' phase means; 0 below r = 1/2."""
    half = len(signals) // 2
    shares = np.zeros(signals.shape[1])
    for k, column in enumerate(signals.T):
        first = _phase_means(column[:half], ticks[:half] % period, period)
        second = _phase_means(column[half:], ticks[half:] % period, period)
        common = float(np.mean(first * second))
        if common > 0.5 * float(first.std() * second.std()):
            shares[k] = common / max(float(column.var()), 1e-12)
    return shares


def _phase_means(column: Float32, phase: Int64, period: int) -> Float64:
    counts = np.bincount(phase, minlength=period)
    means = np.bincount(phase, column, minlength=period) / np.maximum(counts, 1)
    means[counts == 0] = column.mean()
    return np.asarray(means - means.mean())
