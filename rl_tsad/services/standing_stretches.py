"""The standing answers as stretches of points: exact where the analyst marked, else what their windows decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from db import details, labels, versions
from db.records import Label, SeriesRecord
from rl_tsad.data.annotations.grid import Grid, stretches_of
from rl_tsad.data.annotations.stretches import Stretch, merged
from rl_tsad.services.marking import stride_of
from rl_tsad.services.workspace import Workspace

Marks = Sequence[tuple[int, int]]


def standing_stretches(ws: Workspace, session: Session, records: Mapping[str, SeriesRecord]) -> list[Stretch]:
    """Join what stands: stretches of one answer by one analyst, in order of series and place.

    Windows of an anomaly that an analyst marked count by the marked points in their span; all others by their span.
    """
    spans = _Spans(ws, session, records)
    standing = [one for one in labels.standing(session) if one.answer is not None and one.series in records]
    exact = details.marks_by_message(session)  # the labels' own marks span all marks of an answer
    found = []
    for label in standing:
        marks = exact.get((label.client, label.sequence)) or _own_mark(label)
        for low, high in stretches_of(str(label.answer), spans.of(label), marks):
            found.append(Stretch(label.series, low, high, str(label.answer), label.analyst))
    return merged(found)


def _own_mark(label: Label) -> Marks:
    if label.mark_low is None or label.mark_high is None:
        return ()
    return ((label.mark_low, label.mark_high),)


class _Spans:
    """The points that windows decide, by the grid of the model that asked about them."""

    def __init__(self, ws: Workspace, session: Session, records: Mapping[str, SeriesRecord]) -> None:
        self._ws, self._session, self._records = ws, session, records
        self._strides: dict[int | None, int] = {}

    def of(self, label: Label) -> tuple[int, int]:
        version = label.version_id
        if version not in self._strides:
            asked = None if version is None else versions.get(self._session, version)
            self._strides[version] = stride_of(self._ws, asked)
        grid = Grid(self._records[label.series].rows, label.length, self._strides[version])
        return grid.span(label.start)
