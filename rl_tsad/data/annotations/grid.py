"""How do stretches meet the grid of windows: what do they say of each, and what do answers say of points?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rl_tsad.data.annotations.stretches import ANOMALY, WORDS, Stretch, merged, runs_of
from rl_tsad.types import Int8, Int64


@dataclass(frozen=True)
class Grid:
    """The windows of one series, which decide one span of points each; the spans tile the series.

    Attributes:
        points: T, length of the series.
        length: points of a window.
        stride: points from one window to the next.
    """

    points: int
    length: int
    stride: int

    @property
    def count(self) -> int:
        """Number of windows N; 0 where the series is shorter than one."""
        return max(0, (self.points - self.length) // self.stride + 1)

    @property
    def lows(self) -> Int64:
        """(N,) first points of the spans, increasing."""
        lows = np.arange(self.count, dtype=np.int64) * self.stride + self.length - self.stride
        lows[:1] = 0
        return lows

    @property
    def highs(self) -> Int64:
        """(N,) ends of the spans."""
        return np.append(self.lows[1:], self.points).astype(np.int64)[: self.count]

    def span(self, start: int) -> tuple[int, int]:
        """Points [low, high) that the window with a first point decides, also where it is not of this grid.

        Example:
            >>> [Grid(20, 8, 4).span(start) for start in (0, 4, 12)]
            [(0, 8), (8, 12), (16, 20)]
        """
        end = start + self.length
        return 0 if start == 0 else end - self.stride, self.points if end + self.stride > self.points else end


@dataclass(frozen=True)
class Remark:
    """What came with an answer beside the answer itself.

    Attributes:
        marks: exact stretches of points [low, high), in time order, where there are several.
        fault: kind of fault, in the analyst's words.
        comment: whatever else was said.
        seconds: how long it lay in front of the analyst.
        exceptions: windows that the answer must not settle; None among them for all.
    """

    marks: tuple[tuple[int, int], ...] = ()
    fault: str | None = None
    comment: str | None = None
    seconds: float | None = None
    exceptions: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Group:
    """Windows of one series that one stretch labels.

    Attributes:
        series: name.
        answer: one of :data:`rl_tsad.data.annotations.stretches.WORDS`.
        windows: (M,) numbers of the windows in the grid, increasing.
        analyst: who said it; empty where the file does not tell.
        mark: the points of the stretch, for anomalies; None for all else.
        row: where it stands in its file; -1 for what no row says.
        remark: what came with it; None for nothing.
    """

    series: str
    answer: str
    windows: Int64 = field(compare=False)
    analyst: str = ""
    mark: tuple[int, int] | None = None
    row: int = -1
    remark: Remark | None = None


def said_of_grid(stretches: Iterable[Stretch], grid: Grid) -> list[Group]:
    """Say what the stretches of one series mean for its windows.

    An anomaly labels the windows whose span it touches; normal and unsure label those whose span they cover whole. A
    window is labelled once: as anomaly before unsure before normal, then by whichever stretch begins first.

    Example:
        >>> parts = [Stretch("a", 9, 10, "anomaly"), Stretch("a", 10, 20, "normal")]
        >>> [(one.answer, one.windows.tolist()) for one in said_of_grid(parts, Grid(20, 8, 4))]
        [('anomaly', [1]), ('normal', [2, 3])]
    """
    lows, highs = grid.lows, grid.highs
    free = np.ones(grid.count, dtype=np.bool_)
    groups = []
    order = (ANOMALY, WORDS[2], WORDS[1])
    for one in sorted(merged(stretches), key=lambda one: (order.index(one.answer), one.low)):
        if one.answer == ANOMALY:
            first, last = np.searchsorted(lows, [one.low, one.high - 1], side="right") - np.array([1, 0])
        else:
            first, last = np.searchsorted(lows, one.low), np.searchsorted(highs, one.high, side="right")
        windows = np.arange(first, last, dtype=np.int64)
        windows = windows[free[windows]]
        free[windows] = False
        if len(windows):
            mark = (one.low, one.high) if one.answer == ANOMALY else None
            groups.append(Group(one.series, one.answer, windows, one.analyst, mark, one.row))
    return groups


def rest_of(
    series: str, answer: str, silent: Sequence[bool] | np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> list[Group]:
    """Say one thing of all windows (N,) of which nothing is said, a run of them a group.

    Example:
        >>> [one.windows.tolist() for one in rest_of("a", "normal", [True, True, False, True])]
        [[0, 1], [3]]
    """
    silence = np.asarray(silent, dtype=np.bool_)
    starts, stops = runs_of(silence)
    runs = zip(starts[silence[starts]].tolist(), stops[silence[starts]].tolist(), strict=True)
    return [Group(series, answer, np.arange(low, high, dtype=np.int64)) for low, high in runs]


def stretches_of(answer: str, span: tuple[int, int], marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give the points of which an answer about one window speaks: those marked in its span, else all of the span.

    Example:
        >>> stretches_of("anomaly", (8, 16), [(10, 12), (14, 30)]), stretches_of("normal", (8, 12), [(10, 30)])
        ([(10, 12), (14, 16)], [(8, 12)])
    """
    low, high = span
    touched = [(max(low, first), min(high, last)) for first, last in marks if max(low, first) < min(high, last)]
    return touched if answer == ANOMALY and touched else [span]


def codes_of(groups: Iterable[Group], count: int) -> Int8:
    """Write what groups of one series say into an array (N,): position in :data:`WORDS`, -1 where nothing is said."""
    codes = np.full(count, -1, dtype=np.int8)
    for one in groups:
        codes[one.windows] = WORDS.index(one.answer)
    return codes
