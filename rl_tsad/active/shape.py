"""Where else does a recording look like this stretch? The distance of a stretch to every place of a series, by FFT."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.errors import DataError
from rl_tsad.types import Float32, Float64

SHORTEST = 4
"""Points that a stretch needs for its shape to say anything."""
_BLOCK = 65_536
"""Points transformed together: a channel takes a few MB, however long the series."""
_FLAT = 1e-4
"""A stretch that varies less than this share of the channel's spread is a level without a shape."""
_MISSING = 0.1
"""Share of missing values above which a place is not compared."""
_SUBMAX = 4.0
"""A block shorter than this many stretches wastes most of its transform."""


@dataclass(frozen=True)
class Match:
    """A place that looks like the stretch.

    Attributes:
        series: place of its series among those searched.
        start: its first point.
        distance: 0 for the same shape; root mean square over points and channels, in standard deviations of the stretch
            (normalised) or of the channel (with levels).
    """

    series: int
    start: int
    distance: float


def distances(values: NDArray[Any], query: NDArray[Any], *, levels: bool = False, block: int = _BLOCK) -> Float32:
    """Compare a stretch with every place of a series.

    MASS (Mueen, Zhong, Zhu, Yeh, Kamgar, Viswanathan, Gupta & Keogh, "The fastest similarity search algorithm for time
    series subsequences under Euclidean distance", 2022): the products of the stretch with all places come from one
    convolution, and with means and deviations of the places they give the z-normalised distance
    ``d^2 = 2 m (1 - (q.x - m mean_q mean_x) / (m std_q std_x))``. Here it is done block by block so that memory stays
    bounded, averaged over channels (the mean of ``d^2 / m``), and defined where the paper divides by zero: a flat
    place is at distance 0 from a flat stretch and 1 from any other, as in stumpy. Windows normalised one by one lose
    the level: ``levels`` compares the values as they are, in standard deviations of each channel.

    Args:
        values: (T, C), the series; NaN where a value is missing.
        query: (m, C), the stretch, in the same units.
        levels: compare levels too instead of shapes alone.
        block: points transformed together.

    Returns:
        (T - m + 1,) float32, root mean square difference over points and channels; infinite where more than a tenth of
        the values of a channel is missing. Fewer missing values count as the mean of what is there around them.

    Raises:
        DataError: when the stretch is too short, too long, has other channels, or misses too many values.

    Example:
        >>> wave = np.sin(np.arange(60) / 3.0)[:, None]
        >>> int(np.argmin(distances(wave, wave[20:36])))
        20
    """
    _check(values, query)
    points, length = len(values), len(query)
    total = np.zeros(points - length + 1, dtype=np.float64)
    size = max(block, int(_SUBMAX * length))
    for channel in range(query.shape[1]):
        compare = _comparison(values[:, channel], query[:, channel].astype(np.float64), levels=levels)
        if compare is None:
            continue
        for low in range(0, len(total), size - length + 1):
            part = np.array(values[low : low + size, channel], dtype=np.float64)
            total[low : low + size - length + 1] += compare(part)
    return np.asarray(np.sqrt(np.maximum(total, 0.0) / query.shape[1]), dtype=np.float32)


def nearest(
    every: Sequence[NDArray[Any]],
    query: NDArray[Any],
    most: int,
    *,
    levels: bool = False,
    apart: float = 0.5,
    leave_out: tuple[int, int] | None = None,
) -> list[Match]:
    """Find the places most like a stretch, over one or several series.

    Args:
        every: the series, (T, C) each; one shorter than the stretch is passed over.
        query: (m, C), the stretch.
        most: how many places at most.
        levels: compare levels too.
        apart: share of the stretch's length by which two places of a series differ at least.
        leave_out: series and first point of the stretch itself, which is no answer.

    Returns:
        The places, the most alike first.

    Raises:
        DataError: as :func:`distances`.

    Example:
        >>> wave = np.sin(np.arange(200) * 2 * np.pi / 50)[:, None]
        >>> [match.start for match in nearest([wave], wave[10:30], 2, leave_out=(0, 10))]
        [60, 110]
    """
    zone = max(1, int(np.ceil(apart * len(query))))
    found: list[Match] = []
    for place, values in enumerate(every):
        if len(values) < len(query):
            continue
        profile = distances(values, query, levels=levels)
        if leave_out is not None and leave_out[0] == place:
            profile[max(0, leave_out[1] - zone + 1) : leave_out[1] + zone] = np.inf
        found += [Match(place, start, distance) for start, distance in _lowest(profile, most, zone)]
    return sorted(found, key=lambda match: match.distance)[:most]


def _lowest(profile: Float32, most: int, zone: int) -> Iterator[tuple[int, float]]:
    """Give the lowest places one after the other; each keeps its neighbourhood from being given again.

    The profile is cut into stretches of one zone whose minima are kept, so that a further place costs two of them.
    """
    left = profile.copy()
    cells = -(-len(left) // zone)
    padded = np.full(cells * zone, np.inf, dtype=np.float32)
    padded[: len(left)] = np.round(left, 5)  # ties by rounding go to the earlier place
    table = padded.reshape(cells, zone)
    lowest = table.min(axis=1)
    for _ in range(most):
        cell = int(lowest.argmin())
        if not np.isfinite(lowest[cell]):
            return
        start = cell * zone + int(table[cell].argmin())
        yield start, float(left[start])
        padded[max(0, start - zone + 1) : start + zone] = np.inf
        near = slice(max(0, cell - 1), cell + 2)
        lowest[near] = table[near].min(axis=1)


_Compare = Callable[[Float64], Float64]


def _comparison(column: NDArray[Any], query: Float64, *, levels: bool) -> _Compare | None:
    """Choose how a channel is compared: by mean squared difference (B - m + 1,) per block; None to pass it over."""
    centre, spread = _spread(column)
    there = np.isfinite(query)
    query = np.where(there, query, query[there].mean() if there.any() else 0.0) - centre
    if levels:
        return lambda part: _with_levels(part - centre, query) / (spread * spread)
    return lambda part: _by_shape(part - centre, query, _FLAT * spread)


def _spread(column: NDArray[Any]) -> tuple[float, float]:
    """Median and standard deviation of a channel over at most 10^5 of its values; 0 and 1 where it never moves."""
    some = np.asarray(column[:: max(1, len(column) // 100_000)], dtype=np.float64)
    some = some[np.isfinite(some)]
    if not len(some):
        return 0.0, 1.0
    return float(np.median(some)), float(some.std()) or 1.0


def _by_shape(part: Float64, query: Float64, flat: float) -> Float64:
    length = len(query)
    filled, absent = _filled(part)
    _, deviation = _moments(filled, length)
    level, own = float(query.mean()), float(query.std())
    still = deviation <= flat
    if own <= flat:
        result = np.where(still, 0.0, 1.0)
    else:
        products = _slide(filled, (query - level) / own) / length
        alike = products / np.where(still, 1.0, deviation)
        result = np.where(still, 1.0, 2.0 * (1.0 - np.clip(alike, -1.0, 1.0)))
    return _without_missing(result, absent, length)


def _with_levels(part: Float64, query: Float64) -> Float64:
    length = len(query)
    filled, absent = _filled(part)
    mean, deviation = _moments(filled, length)
    level = float(query.mean())
    products = _slide(filled, query - level) / length
    result = (mean - level) ** 2 + deviation**2 + float(query.var()) - 2.0 * products
    return _without_missing(np.maximum(result, 0.0), absent, length)


def _filled(part: Float64) -> tuple[Float64, NDArray[np.bool_] | None]:
    """Draw a line across what is missing; say where that was."""
    absent = ~np.isfinite(part)
    if not absent.any():
        return part, None
    there = np.flatnonzero(~absent)
    if not len(there):
        return np.zeros_like(part), absent
    return np.interp(np.arange(len(part)), there, part[there]), absent


def _without_missing(result: Float64, absent: NDArray[np.bool_] | None, length: int) -> Float64:
    if absent is None:
        return result
    gone = _running(absent.astype(np.float64), length)
    return np.where(gone > _MISSING * length + 0.5, np.inf, result)


def _moments(part: Float64, length: int) -> tuple[Float64, Float64]:
    """Mean and standard deviation of every place, about the block's own mean so that large levels cost no digits."""
    centre = part.mean()
    moved = part - centre
    mean = _running(moved, length) / length
    variance = _running(moved * moved, length) / length - mean * mean
    return mean + centre, np.sqrt(np.maximum(variance, 0.0))


def _running(part: Float64, length: int) -> Float64:
    sums = np.concatenate([[0.0], np.cumsum(part)])
    return np.asarray(sums[length:] - sums[:-length], dtype=np.float64)


def _slide(part: Float64, query: Float64) -> Float64:
    """Multiply the stretch with every place (B - m + 1,): one convolution; ``query`` sums to 0, so a level is free."""
    from scipy.signal import fftconvolve

    return np.asarray(fftconvolve(part - part.mean(), query[::-1], mode="valid"), dtype=np.float64)


def _check(values: NDArray[Any], query: NDArray[Any]) -> None:
    if query.ndim != 2 or values.ndim != 2 or query.shape[1] != values.shape[1]:
        raise DataError(
            f"expected a stretch (m, C) and a series (T, C) of the same channels, got {query.shape} and "
            f"{values.shape}; search among series with these channels"
        )
    if not SHORTEST <= len(query) <= len(values):
        raise DataError(
            f"expected a stretch of {SHORTEST} to {len(values)} points, got {len(query)}; mark a longer or shorter one"
        )
    gone = (~np.isfinite(query)).mean(axis=0)
    if (gone > _MISSING).any():
        raise DataError(
            f"expected a stretch with at most a tenth of its values missing, got {gone.max():.0%} in channel "
            f"{int(gone.argmax())}; mark another stretch"
        )
