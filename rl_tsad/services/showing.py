"""A question with all that is drawn and told beside it: the stretch around it, the same hours before, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db import queries, versions
from db.records import Answer, ModelVersion, QueryItem, SeriesRecord
from rl_tsad.active.extent import Extent
from rl_tsad.active.why import answers_behind
from rl_tsad.errors import CheckpointError, LabelingError
from rl_tsad.services.labeling import WINDOWS_AFTER, WINDOWS_BEFORE
from rl_tsad.services.marking import Seen, find_around
from rl_tsad.services.points import WIDTH, View, pauses_of, view
from rl_tsad.services.refusals import in_words
from rl_tsad.services.scores import Thought, thought_of
from rl_tsad.services.spreading import live_of
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import Float64

EARLIER = {"yesterday": np.timedelta64(1, "D"), "last week": np.timedelta64(7, "D")}
MOST_NAMED, MOST_NEIGHBOURS = 3, 5
_TICKS = 65
_NEAR = 60  # windows looked at for answered neighbours
_BUDGET, _DRAWN = 24_000, 900
_SAMPLE = 20_000
_SPREAD_OF_MAD = 1.4826


@dataclass(frozen=True)
class Asked:
    """A question, and which stretch of its series is shown.

    Attributes:
        item: the question.
        record: its series.
        markable: the points [low, high) in which a mark labels something.
        view: the points [low, high) that are shown.
    """

    item: QueryItem
    record: SeriesRecord
    markable: Extent
    view: Extent


@dataclass(frozen=True)
class Earlier:
    """The same hours before: ``points`` in the numbers of then, which begin ``shift`` points before what is shown.

    ``places``: for each channel (N,) float64, where those points lie among the points that are shown, by the clock.
    """

    name: str
    shift: int
    points: View
    places: tuple[Float64, ...]


@dataclass(frozen=True)
class Shown:
    """All that is drawn and told of a question.

    Attributes:
        asked: the question.
        points: what is drawn.
        times: pairs of point number and instant (datetime64 in UTC or int64), enough to interpolate between.
        thought: what the model thinks of what is shown.
        earlier: the same hours before, where the series has a clock and was recorded then.
        deviations: the channels that deviate most in the event, with how many robust standard deviations.
        neighbours: the answers that reach this window, the likeliest first: their windows, and what they say.
    """

    asked: Asked
    points: View
    times: list[tuple[int, Any]]
    thought: Thought
    earlier: tuple[Earlier, ...]
    deviations: tuple[tuple[str, float], ...]
    neighbours: tuple[tuple[str, Answer], ...]


def find_asked(ws: Workspace, items: Sequence[QueryItem]) -> list[Asked]:
    """Say what is shown of each question.

    Raises:
        LabelingError: when its series is gone.
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.read() as session:
        seen = Seen(session)
        return [_asked(ws, seen, item) for item in items]


def find_question(ws: Workspace, item_id: int) -> Asked:
    """Read one question.

    Raises:
        LabelingError: when there is none of this number.
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.read() as session:
        return _asked(ws, Seen(session), queries.get(session, item_id))


def _asked(ws: Workspace, seen: Seen, item: QueryItem) -> Asked:
    record = seen.record(item.series)
    if record is None:
        raise LabelingError(f"expected the series {item.series!r}, got none; ingest it again")
    first, last = find_around(ws, seen, item).extent
    low = max(0, min(item.start - WINDOWS_BEFORE * item.length, first))
    high = min(record.rows, max(item.start + (1 + WINDOWS_AFTER) * item.length, last))
    return Asked(item, record, (max(first, 0), min(last, record.rows)), (low, high))


def show(ws: Workspace, asked: Asked) -> Shown:
    """Gather what is drawn and told of a question.

    Raises:
        WorkspaceError: when the store or the arrays cannot be read.
    """
    record, (low, high) = asked.record, asked.view
    with in_words(), ws.store.read() as session:
        version = versions.current(session)
        near = neighbours(ws, session, version, asked.item.key)
    return Shown(
        asked,
        view(ws, record, low, high, width=width_for(len(record.channels))),
        sparse_times(ws, record, low, high),
        thought_of(ws, version, record.name, low, high),
        tuple(_earlier(ws, record, low, high)),
        deviations(ws, record, (asked.item.event_low, asked.item.event_high)),
        near,
    )


def width_for(channels: int) -> int:
    """Give the points a channel, fewer where there are many: a reply stays below a megabyte.

    Example:
        >>> width_for(1), width_for(64)
        (900, 375)
    """
    return max(200, min(_DRAWN, _BUDGET // channels))


def sparse_times(ws: Workspace, record: SeriesRecord, low: int, high: int) -> list[tuple[int, Any]]:
    """Give the times of some points, both sides of each pause among them.

    Raises:
        WorkspaceError: when the arrays cannot be read.
    """
    times = load_series(ws, record).times
    pauses = pauses_of(ws, record)
    pauses = pauses[(pauses >= low) & (pauses < high - 1)][:WIDTH]
    even = np.linspace(low, high - 1, min(_TICKS, high - low)).astype(np.int64)
    places = np.unique(np.concatenate([even, pauses, pauses + 1]))
    return list(zip(places.tolist(), times[places], strict=True))


def deviations(ws: Workspace, record: SeriesRecord, extent: Extent) -> tuple[tuple[str, float], ...]:
    """Name the channels that deviate most in a stretch, in robust standard deviations from the series' median.

    Raises:
        WorkspaceError: when the arrays cannot be read.
    """
    low, high = max(0, extent[0]), min(record.rows, extent[1])
    if low >= high:
        return ()
    values = load_series(ws, record).values
    middle, spread = _usual(ws.root / record.path, record.digest)
    stretch = np.asarray(values[low : min(high, low + _SAMPLE)], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        far = np.nan_to_num(np.abs(stretch - middle) / spread, nan=0.0).max(axis=0)
    order = np.argsort(-far, kind="stable")[:MOST_NAMED]
    return tuple((record.channels[place], float(far[place])) for place in order.tolist())


def neighbours(
    ws: Workspace, session: Session, version: ModelVersion | None, key: str
) -> tuple[tuple[str, Answer], ...]:
    """Give the answered windows whose answers reach a window, the likeliest first; none without a graph."""
    try:
        with live_of(ws, session, version) as found:
            live = None if found is None else found[0]
            row = -1 if live is None else int(live.graph.windows.rows([key])[0])
            if live is None or row < 0:
                return ()
            paths = answers_behind(live.state, row, most=_NEAR, paths=MOST_NEIGHBOURS)
            says = (Answer.NORMAL, Answer.ANOMALY)
            return tuple((live.graph.windows.key(path.rows[0]), says[path.says]) for path in paths)
    except CheckpointError:
        return ()


def _earlier(ws: Workspace, record: SeriesRecord, low: int, high: int) -> list[Earlier]:
    """Find the same hours before: those that begin within one step of them and lie wholly before what is shown."""
    recorded = load_series(ws, record)
    if not recorded.has_clock or high - low < 2:
        return []
    found, times = [], recorded.times
    step = (times[high - 1] - times[low]) / (high - low - 1)
    for name, back in EARLIER.items():
        place = int(np.searchsorted(times, times[low] - back))
        end = min(low, int(np.searchsorted(times, times[high - 1] - back, side="right")))
        if end - place >= (high - low) // 2 and abs(times[place] - (times[low] - back)) <= step:
            points = view(ws, record, place, end, width=width_for(2 * len(record.channels)))
            places = tuple(low + _by_the_clock(times[low:high], times[then] + back) for then in points.index)
            found.append(Earlier(name, low - place, points, places))
    return found


def _by_the_clock(now: NDArray[Any], then: NDArray[Any]) -> Float64:
    """Give the places (N,) of some instants among (T,) rising ones, also between two of them."""
    since, at = ((one - now[0]).astype(np.float64) for one in (now, then))
    return np.asarray(np.interp(at, since, np.arange(len(now), dtype=np.float64)), dtype=np.float64)


@lru_cache(maxsize=64)
def _usual(folder: Path, digest: str) -> tuple[Float64, Float64]:
    """Median and robust standard deviation of each channel, (C,) each, from evenly spaced rows."""
    del digest  # tells apart what lay in this folder at different times
    values: NDArray[Any] = np.load(folder / "values.npy", mmap_mode="r", allow_pickle=False)
    some = np.asarray(values[:: max(1, len(values) // _SAMPLE)], dtype=np.float64)
    middle = np.nanmedian(some, axis=0)
    spread = _SPREAD_OF_MAD * np.nanmedian(np.abs(some - middle), axis=0)
    fallback = np.nanstd(some, axis=0)
    return middle, np.where(spread > 0, spread, np.where(fallback > 0, fallback, 1.0))
