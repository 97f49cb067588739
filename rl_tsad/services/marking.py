"""Which windows does an answer label? The pool around a question, and what an answer says of each of its windows.

Only windows of the pool are ever labelled: what is kept for the test stays unseen wherever the analyst marks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from db import labels, series, versions
from db.records import Answer, ModelVersion, QueryItem, SeriesRecord
from rl_tsad.active.extent import Extent, said_of_windows
from rl_tsad.active.graph_files import load_windows
from rl_tsad.active.window_table import WindowTable
from rl_tsad.errors import CheckpointError, LabelingError
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Int64, window_key

Said = tuple[str, int, Answer]
"""Key and start of a window, and what is said of it."""

MOST_MARKED = 2_000
"""Windows that one answer about a marked stretch may label."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Around:
    """The windows that an answer to one question may label, in time order.

    Attributes:
        keys: N window keys, the asked window's among them.
        starts: (N,) int64, their first points.
        spans: (N, 2) int64, the points [low, high) that each decides.
        points: T, length of the series.
    """

    keys: tuple[str, ...]
    starts: Int64
    spans: Int64
    points: int

    @property
    def extent(self) -> Extent:
        """The points [low, high) in which a mark labels something."""
        return int(self.spans[0, 0]), int(self.spans[-1, 1])


class Seen:
    """Versions and series of one unit of work, each read once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._versions: dict[int, ModelVersion] = {}
        self._records: dict[str, SeriesRecord | None] = {}

    def version(self, number: int | None) -> ModelVersion | None:
        """Give a model version; None where none is named."""
        if number is None:
            return None
        if number not in self._versions:
            self._versions[number] = versions.get(self._session, number)
        return self._versions[number]

    def record(self, name: str) -> SeriesRecord | None:
        """Give a series; None where there is none."""
        if name not in self._records:
            self._records[name] = series.get(self._session, name)
        return self._records[name]


def find_around(ws: Workspace, seen: Seen, item: QueryItem) -> Around:
    """Find the pool's windows in the proposed stretch and up to ``active.reach`` windows beyond both of its ends.

    Without a model, or where its files are lost, only the asked window is known to be in the pool.
    """
    version, record = seen.version(item.version_id), seen.record(item.series)
    points = item.span_high if record is None else record.rows
    stride = stride_of(ws, version)
    reach = ws.settings.active.reach * stride
    low, high = item.event_low - reach, item.event_high + reach
    pool = _pool(ws, version, item.series)  # in time order: only those that may be near are looked at
    first, last = np.searchsorted(pool, [low - item.length - stride, max(high - item.length + stride, 1)])
    starts = np.union1d(pool[first:last], [item.start]).astype(np.int64)
    spans = spans_between(starts, item.length, stride, points)
    spans[starts == item.start] = item.span_low, item.span_high
    near = (spans[:, 0] < item.event_high + reach) & (spans[:, 1] > item.event_low - reach)
    keys = tuple(window_key(item.series, start, item.length) for start in starts[near].tolist())
    return Around(keys, starts[near], spans[near], points)


def said_of(
    session: Session, item: QueryItem, around: Around, answer: Answer, marks: Sequence[Extent] = ()
) -> list[Said]:
    """Say what an answer means for each window, the asked one first.

    Unsure is about the asked window only. Normal is about all of the proposed stretch. Anomaly is about the windows
    that the marks touch; the rest of the proposed stretch is normal then, also between two marks, and so is one window
    beyond each end of a mark, where nobody has answered about it yet. Without marks the proposal is anomalous as it
    stands, and nothing is said of what lies beyond it.

    Raises:
        LabelingError: when a mark is empty, leaves the series, touches no window, overlaps the one before it, or comes
            with another answer.
    """
    _check(around, answer, marks)
    if answer == Answer.UNSURE:
        return [(item.key, item.start, answer)]
    event = (item.event_low, item.event_high)
    marked = (list(marks) or [event]) if answer == Answer.ANOMALY else []
    value, beside = said_of_windows(around.spans, event, marked)
    known = labels.answered(session, [key for key, is_edge in zip(around.keys, beside, strict=True) if is_edge])
    said = [
        (key, start, Answer.ANOMALY if found == 1 else Answer.NORMAL)
        for key, start, found, is_edge in zip(
            around.keys, around.starts.tolist(), value.tolist(), beside.tolist(), strict=True
        )
        if found >= 0 and not (is_edge and (not marks or key in known))
    ]
    return sorted(said, key=lambda one: one[0] != item.key)


def said_of_stretch(
    ws: Workspace, session: Session, name: str, extent: Extent, answer: Answer
) -> tuple[ModelVersion, list[Said]]:
    """Say what an answer about a stretch that nobody asked about means: for each window of the pool that it touches.

    Returns:
        The model version whose pool it is, and key, start and answer of each window in time order.

    Raises:
        LabelingError: when there is no such series, no model, the stretch is not in the series, touches no window of
            the pool, or more than can be meant.
    """
    record, version = series.get(session, name), versions.current(session)
    if record is None or version is None:
        what = "a known series" if record is None else "a model"
        raise LabelingError(f"expected {what}, got none for {name!r}; see `rl-tsad series list` and `rl-tsad train`")
    length, stride = length_of(ws, version), stride_of(ws, version)
    starts = _pool(ws, version, name)
    around = Around((), starts, spans_between(starts, length, stride, record.rows), record.rows)
    low, high = extent
    touched = starts[(around.spans[:, 0] < high) & (around.spans[:, 1] > low)].tolist() if low < high else []
    if not 0 <= low < high <= record.rows or not 0 < len(touched) <= MOST_MARKED:
        raise LabelingError(
            f"expected points [low, high) within the {record.rows} of {name!r} touching 1 to {MOST_MARKED} windows of "
            f"the pool, got [{low}, {high}), which touch {len(touched)}; mark what may be asked, and a shorter stretch"
        )
    return version, [(window_key(name, start, length), start, answer) for start in touched]


def spans_between(starts: Int64, length: int, stride: int, points: int) -> Int64:
    """Give the points that windows decide: (N, 2) int64, [low, high) each.

    Args:
        starts: (N,) int64, first points of windows, increasing.
        length: points per window.
        stride: points between windows: a window decides its last ones, the first window all of its own.
        points: T; the last window decides the rest of the series.

    Example:
        >>> spans_between(np.array([0, 2, 4]), 4, 2, 9).tolist()
        [[0, 4], [4, 6], [6, 9]]
    """
    ends = np.asarray(starts, dtype=np.int64) + length
    lows = np.where(ends == length, 0, ends - stride)
    return np.stack([lows, np.where(ends + stride > points, points, ends)], axis=1).astype(np.int64)


def span_of(marks: Sequence[Extent]) -> Extent | None:
    """Give the points [low, high) from the first mark to the last one; None where nothing is marked.

    Example:
        >>> span_of([(4, 6), (10, 12)]), span_of([])
        ((4, 12), None)
    """
    return (min(low for low, _ in marks), max(high for _, high in marks)) if marks else None


def _check(around: Around, answer: Answer, marks: Sequence[Extent]) -> None:
    if marks and answer != Answer.ANOMALY:
        raise LabelingError(f"expected marked points with the answer anomaly only, got {answer}; leave the extent out")
    for mark in marks:
        _check_one(around, mark)
    for before, after in pairwise(marks):
        if after[0] < before[1]:
            raise LabelingError(
                f"expected marks in time order that do not overlap, got {list(before)} before {list(after)}; join them"
            )


def _check_one(around: Around, mark: Extent) -> None:
    low, high = mark
    if not 0 <= low < high <= around.points:
        raise LabelingError(
            f"expected marked points [low, high) within the {around.points} points of the series, got [{low}, {high}); "
            "mark at least one point"
        )
    first, last = around.extent
    if not ((around.spans[:, 0] < high) & (around.spans[:, 1] > low)).any():
        raise LabelingError(
            f"expected marked points that touch a window of the pool between the points {first} and {last - 1}, "
            f"got [{low}, {high}); mark what is shown, or answer normal"
        )


def stride_of(ws: Workspace, version: ModelVersion | None) -> int:
    """Points per decision of the model that asked; the workspace's settings may have changed since."""
    window = {} if version is None else version.config.get("window") or {}
    return int(window.get("stride", ws.settings.window.stride))


def length_of(ws: Workspace, version: ModelVersion | None) -> int:
    """Points per window of the model that asked."""
    window = {} if version is None else version.config.get("window") or {}
    return int(window.get("length", ws.settings.window.length))


def _pool(ws: Workspace, version: ModelVersion | None, series: str) -> Int64:
    """First points of the pool's windows of a series, in time order."""
    if version is None:
        return np.zeros(0, dtype=np.int64)
    try:
        return _starts(ws.model_folder(version) / "graph", version.digest, series)
    except CheckpointError:
        _LOG.exception("the pool of model %s cannot be read: an answer labels the asked window only", version.id)
        return np.zeros(0, dtype=np.int64)


@lru_cache(maxsize=256)
def _starts(folder: Path, digest: str, series: str) -> Int64:
    """Sort a series' windows once a process; the digest tells re-made workspaces apart."""
    windows = _windows(folder, digest)
    starts = np.asarray(windows.starts[windows.rows_of_series(series)], dtype=np.int64)
    starts.setflags(write=False)
    return starts


@lru_cache(maxsize=2)
def _windows(folder: Path, digest: str) -> WindowTable:
    """Open a pool's windows once a process."""
    del digest
    return load_windows(folder)
