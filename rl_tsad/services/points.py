"""A stretch of a series with few enough points to be drawn: spikes are kept, and gaps stay gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.records import SeriesRecord
from rl_tsad.data.windows import find_gaps
from rl_tsad.errors import DataError
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import Float32, Int64

WIDTH = 1200
"""Points a channel that a screen can show."""

_BLOCK = 65_536
"""Rows looked at together: a block of 64 channels takes 16 MB, however long the series."""
_SPARE = 4
"""Points that the first step keeps for each point drawn."""


@dataclass(frozen=True)
class View:
    """What is drawn of the points [low, high) of a series.

    Attributes:
        low, high: the stretch.
        index: for each channel (N,) int64, numbers of the drawn points in the series, increasing; a break has the
            number of the point after it that is missing or follows the pause.
        values: for each channel (N,) float32 in the source's units; NaN where the line breaks.
        pauses: (P,) int64, points after which the clock pauses: the longest ones.
    """

    low: int
    high: int
    index: tuple[Int64, ...]
    values: tuple[Float32, ...]
    pauses: Int64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def view(
    ws: Workspace,
    record: SeriesRecord,
    low: int,
    high: int,
    *,
    width: int = WIDTH,
    channels: Sequence[int] | None = None,
) -> View:
    """Pick the points of a stretch that show what all of them would show.

    Minima and maxima first, then the largest triangles among them (MinMaxLTTB; Van Der Donckt, Van Der Donckt &
    Van Hoecke, 2023, section 3). Here breaks are added: where the clock pauses, and where values are missing for longer
    than one drawn point.

    Args:
        ws: the workspace.
        record: which series.
        low: first point; what lies outside the series is left out.
        high: the point after the last one.
        width: points a channel, at least 4; all points where there are no more than that.
        channels: places of those that are drawn, in this order; all where None.

    Raises:
        DataError: when none of the points is in the series.
        WorkspaceError: when an array file is missing or damaged.
    """
    low, high = max(0, low), min(high, record.rows)
    if low >= high or width < 4:
        raise DataError(
            f"expected points [low, high) within the {record.rows} of series {record.name!r} and a width of 4 or more, "
            f"got [{low}, {high}) and {width}; ask for what is there"
        )
    recorded = load_series(ws, record)
    drawn = list(range(recorded.values.shape[1]) if channels is None else channels)
    values = recorded.values[low:high]
    places, patchy = _reduce(values, width, drawn)
    pauses = pauses_of(ws, record)
    pauses = _longest(recorded.times, pauses[(pauses >= low) & (pauses < high - 1)], width // 4) - low
    columns = [
        _drawn(values[:, channel], some, _both_sides(pauses, values[:, channel], step))
        for channel, some, step in zip(
            drawn, places, np.where(patchy, max(1.0, (high - low) / width), 0.0).tolist(), strict=True
        )
    ]
    return View(low, high, tuple(at + low for at, _ in columns), tuple(line for _, line in columns), pauses + low)


def pauses_of(ws: Workspace, record: SeriesRecord) -> Int64:
    """Find the points after which the recording pauses: (G,) int64, increasing.

    Raises:
        WorkspaceError: when an array file is missing or damaged.
    """
    load_series(ws, record)
    return _pauses(ws.root / record.path, record.digest, ws.settings.window.gap_factor)


def _reduce(values: Float32, width: int, channels: list[int]) -> tuple[list[Int64], NDArray[np.bool_]]:
    """Give for each of some channels (N,) the places to draw, and whether any of its values is missing."""
    points, every = len(values), channels == list(range(values.shape[1]))
    kept: list[list[Int64]] = [[] for _ in channels]
    patchy = np.zeros(len(channels), dtype=np.bool_)
    for low in range(0, points, _BLOCK):
        part = values[low : low + _BLOCK]
        block = np.ascontiguousarray((part if every else part[:, channels]).T)  # (C, B)
        patchy |= ~np.isfinite(block).all(axis=1)
        share = 2 * max(1, round(_SPARE * width * block.shape[1] / points / 2))
        for channel, column in enumerate(block):
            kept[channel].append(_extremes(column, share if points > width else len(column)) + low)
    places = [np.concatenate(parts) for parts in kept]
    return [_triangles(some, values[:, at], width) for at, some in zip(channels, places, strict=True)], patchy


def _extremes(column: Float32, most: int) -> Int64:
    """Give the places of minima and maxima; missing values are passed over."""
    from tsdownsample import MinMaxDownsampler

    there = np.flatnonzero(np.isfinite(column)).astype(np.int64)
    if len(there) <= most:
        return there
    minima_and_maxima = MinMaxDownsampler()  # type: ignore[no-untyped-call]
    picked = minima_and_maxima.downsample(np.ascontiguousarray(column[there]), n_out=most)
    return np.asarray(there[_once(picked)], dtype=np.int64)


def _triangles(places: Int64, column: Float32, width: int) -> Int64:
    from tsdownsample import LTTBDownsampler

    if len(places) <= width:
        return places
    largest = LTTBDownsampler()  # type: ignore[no-untyped-call]
    picked = largest.downsample(places, np.ascontiguousarray(column[places]), n_out=width)
    return np.asarray(places[_once(picked)], dtype=np.int64)


def _once(places: NDArray[Any]) -> Int64:
    """Leave each of some increasing numbers once."""
    found = np.asarray(places, dtype=np.int64)
    return found[np.flatnonzero(np.diff(found, prepend=-1))]


def _both_sides(pauses: Int64, column: Float32, shortest: float) -> tuple[Int64, Int64]:
    """Give the places before and after each pause and each stretch of at least so many missing values (0: none is)."""
    if not shortest:
        return pauses, pauses + 1
    edges = np.flatnonzero(np.diff(~np.isfinite(column), prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    long = (ends - starts >= shortest) & (starts > 0) & (ends < len(column))
    return np.concatenate([pauses, starts[long] - 1]), np.concatenate([pauses + 1, ends[long]])


def _drawn(column: Float32, places: Int64, sides: tuple[Int64, Int64]) -> tuple[Int64, Float32]:
    """Read the places and both sides of each break, and put an empty point into it."""
    if not len(sides[0]):
        return places, np.asarray(column[places], dtype=np.float32)
    drawn = np.union1d(places, np.concatenate(sides)).astype(np.int64)
    drawn = drawn[np.isfinite(column[drawn])]
    breaks = np.unique(sides[0])
    where = np.searchsorted(drawn, breaks, side="right")
    values = np.asarray(column[drawn], dtype=np.float32)
    return np.insert(drawn, where, breaks + 1), np.insert(values, where, np.float32(np.nan))


def _longest(times: NDArray[Any], pauses: Int64, most: int) -> Int64:
    if len(pauses) <= most:
        return pauses
    lasting = (times[pauses + 1] - times[pauses]).astype(np.int64)
    return np.sort(pauses[np.argsort(-lasting, kind="stable")[:most]])


@lru_cache(maxsize=64)
def _pauses(folder: Path, digest: str, factor: float) -> Int64:
    del digest  # tells apart what lay in this folder at different times
    return find_gaps(np.load(folder / "times.npy", mmap_mode="r", allow_pickle=False), factor=factor) - 1
