"""How a long series is judged piece by piece, so that memory does not grow with it and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.detector.spectral import STRIDE
from rl_tsad.types import Float32, Int64, Keys, Series, Windows, spans_of

POINTS = 32_768  # points whose windows are judged at once
MEMORY = 1024  # points after which the causal filters have forgotten: the slowest keeps (1 - 1/40)^1024 < 1e-11


@dataclass(frozen=True)
class Block:
    """Some windows of a series, and all of it that their scores depend on.

    Attributes:
        keys: (N,) the windows' keys in the series.
        windows: the N windows, their starts counted from the block's beginning.
        values: (T, C) float32: the points that the windows decide, at least :data:`MEMORY` before them (none before the
            series), and one window's length after them.
        times: (T,) their times.
        held: (C,) int64, points for which each channel had stood still at the block's first point.
        begin: where the block begins in the series.
        decided: [low, high) of the decided points in the block; those of all blocks tile what the windows decide.
    """

    keys: Keys
    windows: Windows
    values: Float32
    times: NDArray[Any]
    held: Int64
    begin: int
    decided: tuple[int, int]

    def own(self, points: Float32, step: int = 1) -> Float32:
        """Keep the decided ones of (T, ...) numbers, of them those at every ``step``-th point of the series."""
        low, high = self.decided
        return points[low + -(self.begin + low) % step : high : step]


def cut_blocks(series: Series, windows: Windows, *, points: int = POINTS) -> Iterator[Block]:
    """Cut a series into blocks of windows that can be judged one by one.

    A score looks back through filters that forget (streams, neighbours), at most over a window (context, patches), or
    to where a value last changed (``held``); it looks ahead one window's length at most. The spectral residual works on
    a grid of :data:`rl_tsad.detector.spectral.STRIDE` points, so a block begins on it.

    Scores are those of the whole series: to the last bits for all but the nearest centres of memory and texture, whose
    distances round otherwise in other company (2e-4 of a member's oddness at most in what we tried).

    Args:
        series: where the windows lie.
        windows: of this series, at least one, in order.
        points: decided in one block, about.

    Example:
        >>> from rl_tsad.types import slide
        >>> s = Series("a", np.arange(4000, dtype=np.float32)[:, None], np.arange(4000), ("x",))
        >>> blocks = list(cut_blocks(s, slide(s, length=64, stride=8), points=1500))
        >>> [(len(block.keys), block.begin, len(block.values), block.decided) for block in blocks]
        [(187, 0, 1616, (0, 1552)), (187, 472, 2640, (1080, 2576)), (119, 1968, 2032, (1080, 2032))]
    """
    spans, rows = spans_of(windows, series.length), max(points // windows.stride, 1)
    held, begin = np.zeros(series.width, np.int64), 0
    for low in range(0, len(windows), rows):
        own = windows.between(low, low + rows)
        first, last = int(spans[low - 1, 1] if low else spans[0, 0]), int(spans[low + len(own) - 1, 1])
        before, begin = begin, max(min(first, int(own.starts[0])) - MEMORY, 0) // STRIDE * STRIDE
        held = _held(series.values[before : begin + 1], held)
        end = min(series.length, int(own.starts[-1]) + 2 * windows.length)
        yield Block(
            keys=own.keys,
            windows=replace(own, starts=own.starts - begin),
            values=series.values[begin:end],
            times=series.times[begin:end],
            held=held,
            begin=begin,
            decided=(first - begin, last - begin),
        )


def _held(values: Float32, held: Int64) -> Int64:
    """Points (C,) for which the last of some values had stood still, given the same of the first."""
    differs = values != values[-1]
    back = differs[::-1].argmax(axis=0) - 1
    return np.where(differs.any(axis=0), back, len(values) - 1 + held).astype(np.int64)
