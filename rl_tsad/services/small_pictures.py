"""Windows as they are drawn small, many beside each other: which points, when, and a few points a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from db import series, versions
from rl_tsad.active.extent import Extent
from rl_tsad.services.marking import spans_between, stride_of
from rl_tsad.services.points import pauses_of
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import Float32, Int64, parse_key

_BUDGET = 60_000
"""Points of all channels and windows together: a reply stays below a megabyte."""


@dataclass(frozen=True)
class SmallPicture:
    """A window as it is drawn small.

    Attributes:
        key: which.
        series: its name.
        span: the points [low, high) that it decides, its last ones.
        at: time of the first of these: datetime64 in UTC, or int64 sample number.
        index: for each channel (N,) int64, numbers of the drawn points of the whole window, not of its span alone; a
            break has the number of the point after a pause.
        values: for each channel (N,) float32 in the source's units; NaN where the line breaks.
    """

    key: str
    series: str
    span: Extent
    at: Any
    index: tuple[Int64, ...]
    values: tuple[Float32, ...]


def take_pictures(ws: Workspace, keys: Sequence[str], *, width: int) -> list[SmallPicture]:
    """Take pictures of windows, in the order of their keys; windows that are not there are left out.

    Args:
        ws: the workspace.
        keys: which windows, each once.
        width: points a channel at most; fewer where windows and channels are many.

    Raises:
        DataError: when a text is no window key.
        WorkspaceError: when the store or the arrays cannot be read.
    """
    wanted = {key: parse_key(key) for key in keys}
    with in_words(), ws.store.read() as session:
        stride = stride_of(ws, versions.current(session))
        records = {name: series.get(session, name) for name in {name for name, _, _ in wanted.values()}}
    found = []
    for key, (name, start, length) in wanted.items():
        record = records[name]
        if record is None or length < 1 or start + length > record.rows:
            continue
        most = max(4, min(width, _BUDGET // (len(wanted) * len(record.channels))))
        low, high = spans_between(np.array([start]), length, min(stride, length), record.rows)[0].tolist()
        recorded, pauses = load_series(ws, record), pauses_of(ws, record)
        pauses = pauses[(pauses >= start) & (pauses < start + length - 1)] - start
        index, values = _draw(np.asarray(recorded.values[start : start + length]), most, pauses)
        found.append(
            SmallPicture(key, name, (low, high), recorded.times[low], tuple(one + start for one in index), values)
        )
    return found


def _draw(values: Float32, most: int, pauses: Int64) -> tuple[tuple[Int64, ...], tuple[Float32, ...]]:
    """Give for each channel of values (L, C) the places that are drawn and what stands there, NaN after a pause."""
    columns = [(own, values[own, channel]) for channel, own in enumerate(_places(values, most))]
    if len(pauses):
        columns = [
            (np.insert(own, at, pauses + 1), np.insert(line, at, np.nan))
            for own, line in columns
            for at in [np.searchsorted(own, pauses + 1)]
        ]
    return tuple(own for own, _ in columns), tuple(line for _, line in columns)


def _places(values: Float32, most: int) -> list[Int64]:
    """Give for each channel of values (L, C) the lowest and highest place of each of ``most / 2`` stretches.

    All channels at once: 24 windows of 64 channels are 1,536 lines.

    Example:
        >>> values = np.array([[0, 1], [9, 1], [0, 1], [0, 1], [-5, 1], [0, 1]], np.float32)
        >>> [own.tolist() for own in _places(values, 4)]
        [[0, 1, 3, 4], [0, 3]]
    """
    length, channels = values.shape
    if length <= most:
        return [np.arange(length)] * channels
    filled, edges = np.nan_to_num(values), np.linspace(0, length, most // 2 + 1).astype(np.int64)
    lows = [low + filled[low:high].argmin(axis=0) for low, high in pairwise(edges.tolist())]
    highs = [low + filled[low:high].argmax(axis=0) for low, high in pairwise(edges.tolist())]
    both = np.sort(np.stack([*lows, *highs], axis=1), axis=1)  # (C, M)
    return [own[fresh] for own, fresh in zip(both, np.diff(both, prepend=-1) > 0, strict=True)]
