"""The nouns that every room shares: series, windows, scores, targets.

A window is named by a string key ``"{series}:{start}:{length}"``. Whatever is per-window carries ``keys``, and joins go
by key, never by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rl_tsad.errors import DataError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int8 = NDArray[np.int8]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Keys = NDArray[np.str_]

UNKNOWN, NORMAL, ANOMALY = -1, 0, 1


@dataclass(frozen=True)
class Series:
    """A recorded time series.

    Attributes:
        name: unique within a workspace; no colon (it separates the parts of a window key).
        values: (T, C) float32, finite, in the file's own units.
        times: (T,) datetime64[ns] in UTC, or int64 sample numbers where the source has no clock; strictly increasing.
        channels: C names, in the order of the columns.
        truth: (T,) int8, 1 inside a known anomaly, or None. Read by the simulated analyst and the evaluation only.
        timezone: IANA name or fixed offset in which the source wrote its times, for display; None where it had none.
        exogenous: (C,) bool, channels that only explain the others (commands, set-points, calendar) and never raise an
            alarm by themselves; None where every channel is a target.

    Raises:
        DataError: when shapes, order or types do not fit together.

    Example:
        >>> s = Series("pump", np.zeros((3, 1), np.float32), np.arange(3), ("flow",))
        >>> s.length, s.width
        (3, 1)
    """

    name: str
    values: Float32
    times: NDArray[Any]
    channels: tuple[str, ...]
    truth: Int8 | None = field(default=None, repr=False)
    timezone: str | None = None
    exogenous: Bool | None = None

    def __post_init__(self) -> None:
        if not self.name or ":" in self.name:
            raise DataError(f"expected a series name without ':', got {self.name!r}; rename it with --name")
        if self.values.ndim != 2 or self.values.dtype != np.float32:
            raise DataError(
                f"series {self.name!r}: expected values (T, C) float32, got {self.values.shape} {self.values.dtype}; "
                "convert with values.astype('float32').reshape(T, C)"
            )
        lengths = {"times": len(self.times), "truth": self.length if self.truth is None else len(self.truth)}
        for what, length in lengths.items():
            if length != self.length:
                raise DataError(f"series {self.name!r}: expected {self.length} {what}, got {length}; one a row")
        if len(self.channels) != self.width:
            raise DataError(f"series {self.name!r}: expected {self.width} channel names, got {len(self.channels)}")
        if self.exogenous is not None and (self.exogenous.shape != (self.width,) or self.exogenous.all()):
            raise DataError(
                f"series {self.name!r}: expected one role a channel and at least one target, got "
                f"{int(self.exogenous.sum())} exogenous ones of {self.exogenous.shape} for {self.width} channels; "
                "name a target"
            )

    @property
    def targets(self) -> Int64:
        """(K,) indices of the channels that are scored, all where none is exogenous.

        Example:
            >>> values = np.zeros((3, 2), np.float32)
            >>> Series("a", values, np.arange(3), ("flow", "valve"), exogenous=np.array([False, True])).targets.tolist()
            [0]
        """
        roles = np.zeros(self.width, np.bool_) if self.exogenous is None else self.exogenous
        return np.flatnonzero(~roles).astype(np.int64)

    @property
    def length(self) -> int:
        """Number of points T."""
        return int(self.values.shape[0])

    @property
    def width(self) -> int:
        """Number of channels C."""
        return int(self.values.shape[1])

    @property
    def has_clock(self) -> bool:
        """Whether times are instants rather than sample numbers."""
        return bool(np.issubdtype(self.times.dtype, np.datetime64))


@dataclass(frozen=True)
class Windows:
    """Equally long, equally spaced windows over one series: a view, no copy.

    A window is *decided* for its span, its last ``stride`` points: spans tile the series, so that each point has
    exactly one deciding window (the first span also covers what lies before it, the last one what lies after it).

    Attributes:
        series: name of the series.
        starts: (N,) int64, index of each window's first point, increasing.
        length: L, points per window.
        stride: points from one start to the next.
        values: (N, L, C) float32, a strided view into the series' values.
        crosses_gap: (N,) bool, whether a recording gap lies inside the window.
    """

    series: str
    starts: Int64
    length: int
    stride: int
    values: Float32
    crosses_gap: Bool

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def keys(self) -> Keys:
        """(N,) window keys ``"{series}:{start}:{length}"``."""
        return np.array([window_key(self.series, int(start), self.length) for start in self.starts], dtype=np.str_)

    def between(self, low: int, high: int) -> Windows:
        """Keep the windows with positions low <= i < high (not points), still as a view.

        Example:
            >>> s = Series("a", np.zeros((8, 1), np.float32), np.arange(8), ("x",))
            >>> len(slide(s, length=4, stride=2).between(1, 3))
            2
        """
        return Windows(
            self.series,
            self.starts[low:high],
            self.length,
            self.stride,
            self.values[low:high],
            self.crosses_gap[low:high],
        )


def window_key(series: str, start: int, length: int) -> str:
    """Name a window.

    Example:
        >>> window_key("pump", 40, 64)
        'pump:40:64'
    """
    return f"{series}:{start}:{length}"


def parse_key(key: str) -> tuple[str, int, int]:
    """Take a window key apart into series name, start and length.

    Raises:
        DataError: when the text is no window key.

    Example:
        >>> parse_key("pump:40:64")
        ('pump', 40, 64)
    """
    parts = key.rsplit(":", 2)
    if len(parts) != 3 or not parts[0] or not parts[1].isdigit() or not parts[2].isdigit():
        raise DataError(
            f"expected a window key 'series:start:length', got {key!r}; copy it from `rl-tsad labels export`"
        )
    return parts[0], int(parts[1]), int(parts[2])


def slide(series: Series, *, length: int, stride: int, gaps: Int64 | None = None) -> Windows:
    """Lay windows over a series without copying it.

    Args:
        series: what to cut.
        length: points per window, at least 2.
        stride: points from one start to the next, 1 <= stride <= length.
        gaps: indices i such that a recording gap lies between points i-1 and i; none when omitted.

    Raises:
        DataError: when the series is shorter than one window or the numbers are out of range.

    Example:
        >>> s = Series("a", np.arange(10, dtype=np.float32)[:, None], np.arange(10), ("x",))
        >>> w = slide(s, length=4, stride=3)
        >>> w.keys.tolist(), w.values.shape, np.shares_memory(w.values, s.values)
        (['a:0:4', 'a:3:4', 'a:6:4'], (3, 4, 1), True)
    """
    if length < 2 or not 1 <= stride <= length:
        raise DataError(f"expected 2 <= length and 1 <= stride <= length, got length {length}, stride {stride}")
    if series.length < length:
        raise DataError(
            f"series {series.name!r}: expected at least {length} points (one window), got {series.length}; "
            "choose a smaller window.length or a longer series"
        )
    view = sliding_window_view(series.values, length, axis=0)[::stride].transpose(0, 2, 1)
    starts = np.arange(len(view), dtype=np.int64) * stride
    crosses = np.zeros(len(view), dtype=np.bool_)
    if gaps is not None and len(gaps):
        # a gap before point g lies inside [s, s+L) when s < g < s+L
        crosses = np.searchsorted(gaps, starts + length) > np.searchsorted(gaps, starts, side="right")
    return Windows(series.name, starts, length, stride, view, crosses)


@dataclass(frozen=True)
class Scores:
    """What a model says of each window.

    Attributes:
        keys: (N,) window keys.
        anomaly: (N,) float32 in [0, 1], higher is more anomalous.
        proba: (N, 2) float32, P(normal), P(anomaly); rows sum to 1.
        latent: (N, Z) float32, embedding for graph and agent.
    """

    keys: Keys
    anomaly: Float32
    proba: Float32
    latent: Float32

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Targets:
    """What is known of windows, from people or spread from their answers.

    Attributes:
        keys: (N,) window keys.
        value: (N,) int8 in {-1 unknown, 0 normal, 1 anomaly}.
        weight: (N,) float32 in [0, 1], trust; 1 for a human answer.
        source: (N,) str, ``"human"``, ``"language"`` (what a language model said), ``"propagated"`` or ``"none"``.
    """

    keys: Keys
    value: Int8
    weight: Float32
    source: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.keys)


def no_targets() -> Targets:
    """Know nothing of any window.

    Example:
        >>> len(no_targets())
        0
    """
    empty = np.array([], dtype=np.str_)
    return Targets(empty, np.array([], dtype=np.int8), np.array([], dtype=np.float32), empty)


def said(targets: Targets) -> Targets:
    """Keep what people and language models said of windows; what was spread from there is left out.

    Example:
        >>> source = np.array(["human", "propagated", "language"])
        >>> told = Targets(np.array(["a", "b", "c"]), np.array([1, 1, 0], np.int8), np.ones(3, np.float32), source)
        >>> said(told).keys.tolist()
        ['a', 'c']
    """
    own = np.isin(targets.source, ("human", "language"))
    return Targets(targets.keys[own], targets.value[own], targets.weight[own], targets.source[own])


def human(targets: Targets) -> Targets:
    """Keep what people said.

    Example:
        >>> source = np.array(["human", "propagated"])
        >>> told = Targets(np.array(["a", "b"]), np.array([1, 0], np.int8), np.ones(2, np.float32), source)
        >>> human(told).keys.tolist()
        ['a']
    """
    own = targets.source == "human"
    return Targets(targets.keys[own], targets.value[own], targets.weight[own], targets.source[own])


def rows_of(keys: Keys, wanted: Sequence[str] | Keys) -> Int64:
    """Find where the wanted keys stand: the one join of the house.

    Args:
        keys: (N,) all keys, distinct, in any order.
        wanted: (M,) keys to find.

    Returns:
        (M,) int64 positions into ``keys``; -1 where a key is absent.

    Example:
        >>> rows_of(np.array(["b", "a"]), ["a", "x"]).tolist()
        [1, -1]
    """
    if len(keys) == 0 or len(wanted) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    order = np.argsort(keys)
    asked = np.asarray(wanted, dtype=np.str_)
    place = np.minimum(np.searchsorted(keys, asked, sorter=order), len(keys) - 1)
    found = order[place]
    return np.where(keys[found] == asked, found, -1).astype(np.int64)


def spans_of(windows: Windows, series_length: int) -> Int64:
    """Give the points that each window decides: half-open spans that tile the series.

    Args:
        windows: all windows of one series, or a contiguous run of them.
        series_length: T, number of points in the series.

    Returns:
        (N, 2) int64 [low, high). The series' very first window reaches back to point 0 and its very last window (the
        one after which no further window fits) on to point T, so that every point is decided once.

    Example:
        >>> s = Series("a", np.zeros((11, 1), np.float32), np.arange(11), ("x",))
        >>> spans_of(slide(s, length=4, stride=3), s.length).tolist()
        [[0, 4], [4, 7], [7, 11]]
    """
    ends = windows.starts + windows.length
    spans = np.stack([ends - windows.stride, ends], axis=1)
    if len(spans):
        spans[0, 0] = 0 if windows.starts[0] == 0 else spans[0, 0]
        is_last = windows.starts[-1] + windows.stride + windows.length > series_length
        spans[-1, 1] = series_length if is_last else spans[-1, 1]
    return spans.astype(np.int64)
