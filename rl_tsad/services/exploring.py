"""What lies on a series: answers, windows settled by spreading, alarms and scores, as stretches of points.

Everything is merged to stretches, so that a series of 10^6 points stays quick. Known truth is never read here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from db import labels, series, versions
from db.records import Answer, Label, SeriesRecord
from rl_tsad.active.shape import nearest
from rl_tsad.errors import DataError
from rl_tsad.services.marking import spans_between, stride_of
from rl_tsad.services.refusals import in_words
from rl_tsad.services.scores import current_thought
from rl_tsad.services.spreading import reading_live
from rl_tsad.services.workspace import Workspace, list_series, load_series
from rl_tsad.types import UNKNOWN, Float32, Float64, Int8, Int64

Extent = tuple[int, int]


@dataclass(frozen=True)
class Answered:
    """A stretch that one answer of a person says the same of.

    Attributes:
        low, high: points [low, high).
        answer: what stands.
        analyst: who said it.
        when: when.
        label_id: the row of the first window of the stretch.
    """

    low: int
    high: int
    answer: Answer
    analyst: str
    when: datetime
    label_id: int


@dataclass(frozen=True)
class Stretches:
    """Runs of points with one value, in time order and disjoint.

    Attributes:
        low, high: (N,) int64, points [low, high) of each.
        value: (N,) int8.
    """

    low: Int64
    high: Int64
    value: Int8

    def at(self, low: int, high: int) -> set[int]:
        """Give the values of the runs that touch the points [low, high).

        Example:
            >>> runs = Stretches(np.array([0, 8]), np.array([4, 12]), np.array([1, 0], np.int8))
            >>> runs.at(2, 6), runs.at(4, 8)
            ({1}, set())
        """
        first = int(np.searchsorted(self.high, low, side="right"))
        last = int(np.searchsorted(self.low, high, side="left"))
        return set(self.value[first:last].tolist())


@dataclass(frozen=True)
class Lying:
    """All that lies on one series.

    Attributes:
        answers: of people, in time order.
        settled: windows settled by spreading: 0 normal, 1 anomaly.
        alarms: of the current model; the value is always 1.
        score_at: (N,) int64, the last point that each window decides; score: (N,) float32, its P(anomaly).
        version: number of the current model; None where there is none.
    """

    answers: tuple[Answered, ...]
    settled: Stretches
    alarms: Stretches
    score_at: Int64
    score: Float32
    version: int | None

    def said(self, low: int, high: int) -> list[Answer]:
        """Give what people said of the points [low, high), each answer once."""
        return list(dict.fromkeys(one.answer for one in self.answers if one.low < high and one.high > low))


@dataclass(frozen=True)
class Found:
    """A place that looks like a stretch.

    Attributes:
        series: its series.
        low, high: points [low, high).
        distance: see :class:`rl_tsad.active.shape.Match`.
    """

    series: str
    low: int
    high: int
    distance: float


def lying_on(ws: Workspace, name: str) -> Lying:
    """Tell what lies on a series.

    Raises:
        DataError: when there is no such series.
        WorkspaceError: when the store or the model's files cannot be read.
    """
    record = record_of(ws, name)
    with reading_live(ws) as (session, live):
        version = versions.current(session)
        stride = stride_of(ws, version)
        answers = _answers(labels.standing(session), record, stride)
        if live is None:
            settled = runs_of(np.zeros((0, 2), np.int64), np.zeros(0, np.int8))
        else:
            rows = live.graph.windows.rows_of_series(name)
            spans = spans_between(live.graph.windows.starts[rows], live.graph.windows.length, stride, record.rows)
            settled = runs_of(spans, live.decided[rows])
    thought = current_thought(ws, name, 0, record.rows)
    spans = spans_between(thought.ends - thought.length, thought.length, thought.stride, record.rows)
    alarms = runs_of(spans, np.where(thought.verdict, 1, UNKNOWN).astype(np.int8))
    return Lying(answers, settled, alarms, spans[:, 1] - 1, thought.probability, thought.version)


def runs_of(spans: Int64, value: Int8) -> Stretches:
    """Merge windows that meet and have one value; those of unknown value (-1) are left out.

    Args:
        spans: (N, 2) int64, points [low, high) in time order.
        value: (N,) int8.

    Example:
        >>> runs = runs_of(np.array([[0, 4], [4, 6], [6, 8], [9, 11]]), np.array([1, 1, -1, 1], np.int8))
        >>> runs.low.tolist(), runs.high.tolist()
        ([0, 9], [6, 11])
    """
    known = value != UNKNOWN
    spans, value = spans[known], value[known]
    if not len(value):
        nothing = np.zeros(0, dtype=np.int64)
        return Stretches(nothing, nothing, np.zeros(0, dtype=np.int8))
    goes_on = (spans[1:, 0] <= spans[:-1, 1]) & (value[1:] == value[:-1])
    first = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    last = np.append(first[1:] - 1, len(value) - 1)
    return Stretches(spans[first, 0], spans[last, 1], value[first].astype(np.int8))


def most_deviating(values: Float32, most: int = 4096) -> list[int]:
    """Order channels by how far their farthest point lies from the middle, in quartile ranges, judged by some points.

    Args:
        values: (T, C); NaN where a value is missing.
        most: points that are looked at, at even distances.

    Example:
        >>> most_deviating(np.array([[0, 0], [1, 1], [2, 0], [3, 1], [4, 99]], np.float32))
        [1, 0]
    """
    some = np.array(values[:: max(1, len(values) // most)], dtype=np.float64)
    return sorted(range(some.shape[1]), key=lambda place: -_deviation(some[:, place]))


def _deviation(column: Float64) -> float:
    column = column[np.isfinite(column)]
    if not len(column):
        return 0.0
    low, middle, high = np.quantile(column, (0.25, 0.5, 0.75))
    return float(np.abs(column - middle).max() / (high - low)) if high > low else 0.0


def search_shape(
    ws: Workspace,
    name: str,
    extent: Extent,
    most: int = 24,
    *,
    channels: Sequence[str] | None = None,
    everywhere: bool = False,
    levels: bool = False,
) -> list[Found]:
    """Find the places most like a stretch, the most alike first; exogenous channels are not compared among others.

    Args:
        ws: the workspace.
        name: the stretch's series.
        extent: its points [low, high).
        most: how many places at most.
        channels: names of those that are compared; all where None.
        everywhere: search all series with the same channels, not this one alone.
        levels: compare levels too instead of shapes alone.

    Raises:
        DataError: when there is no such series, or the stretch is too short, too long or misses too many values.
        WorkspaceError: when an array file is missing or damaged.
    """
    own = record_of(ws, name)
    low, high = max(0, extent[0]), min(extent[1], own.rows)
    others = [
        one for one in list_series(ws) if everywhere and one.name != name and set(one.channels) == set(own.channels)
    ]
    compared = [channel for channel in own.channels if channels is None or channel in channels]
    judged = [channel for channel in compared if channel not in own.exogenous] or compared
    every = []
    for record in (own, *others):
        places = [record.channels.index(channel) for channel in judged]
        values = load_series(ws, record).values
        every.append(values if places == list(range(values.shape[1])) else values[:, places])
    matches = nearest(every, every[0][low:high], most, levels=levels, leave_out=(0, low))
    names = [own.name, *(one.name for one in others)]
    return [Found(names[one.series], one.start, one.start + high - low, one.distance) for one in matches]


def record_of(ws: Workspace, name: str) -> SeriesRecord:
    """Find a series by its name.

    Raises:
        DataError: when there is none.
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.read() as session:
        record = series.get(session, name)
    if record is None:
        raise DataError(f"expected a series of this workspace, got {name!r}; choose one that was ingested")
    return record


def _answers(standing: Iterable[Label], record: SeriesRecord, stride: int) -> tuple[Answered, ...]:
    """Join windows that meet and that one answer says the same of."""
    found: list[Answered] = []
    message: object = None
    for row in sorted((one for one in standing if one.series == record.name), key=lambda one: one.start):
        low, high = spans_between(np.array([row.start]), row.length, stride, record.rows)[0].tolist()
        its = row.id if row.client is None else (row.client, row.sequence)
        last = found[-1] if found else None
        if last is not None and its == message and last.high >= low and last.answer == row.answer:
            found[-1] = Answered(last.low, high, last.answer, last.analyst, last.when, last.label_id)
        elif row.answer is not None:
            found.append(Answered(low, high, row.answer, row.analyst, row.created_at, row.id))
        message = its
    return tuple(found)
