"""Answers about stretches that nobody asked about: which windows they label, and keeping them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from db import labels, queries, versions
from db.records import Answer, ItemState, Label, ModelVersion, NewLabel
from rl_tsad.active.extent import Extent, said_of_windows
from rl_tsad.active.graph_files import load_windows
from rl_tsad.errors import CheckpointError, LabelingError
from rl_tsad.services.exploring import record_of, spans_between
from rl_tsad.services.marking import Said, stride_of
from rl_tsad.services.refusals import in_words
from rl_tsad.services.spreading import respread_quietly
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import window_key


@dataclass(frozen=True)
class WouldLabel:
    """What an answer about a stretch labels.

    Attributes:
        touched: windows that the stretch touches; beside: windows that are normal because it ends there.
        low, high: the points [low, high) that the touched windows decide.
        open_questions: questions of the queue that it answers too.
    """

    touched: int
    beside: int
    low: int
    high: int
    open_questions: int


def would_label(ws: Workspace, name: str, extent: Extent, answer: Answer) -> WouldLabel:
    """Say what an answer about a stretch would label; nothing is kept.

    Raises:
        LabelingError: when it labels no window, or there is no model yet.
        DataError: when there is no such series.
        WorkspaceError: when the store or the pool cannot be read.
    """
    with in_words(), ws.store.read() as session:
        _, said, reach = _said(ws, session, name, extent, answer)
        waiting = {one.key for one in queries.in_state(session, ItemState.OPEN, ItemState.LEASED)}
    touched = sum(one[2] == answer for one in said)
    return WouldLabel(touched, len(said) - touched, *reach, sum(one[0] in waiting for one in said))


def mark(
    ws: Workspace, name: str, extent: Extent, answer: Answer, analyst: str, *, client: str, sequence: int
) -> tuple[list[Label], int]:
    """Keep an answer about a stretch, then spread it; a message sent twice is kept once.

    The pool's windows that the stretch touches are what is said; beside an anomaly one window at either end is normal,
    where nobody has answered about it.

    Returns:
        A row for each window, and how many look-alikes the answer settles.

    Raises:
        LabelingError: when it labels no window, there is no model yet, or the number was used for another message.
        DataError: when there is no such series.
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.begin() as session:
        version, said, _ = _said(ws, session, name, extent, answer)
        low, high = extent if answer == Answer.ANOMALY else (None, None)
        rows, _ = labels.append_once(
            session,
            [
                NewLabel(
                    key,
                    name,
                    start,
                    int(key.rsplit(":", 1)[1]),
                    one,
                    analyst,
                    version_id=version.id,
                    client=client,
                    sequence=sequence,
                    part=part,
                    mark_low=low,
                    mark_high=high,
                )
                for part, (key, start, one) in enumerate(said)
            ],
        )
    return rows, respread_quietly(ws, rows[0].id, [row.key for row in rows])


def _said(
    ws: Workspace, session: Session, name: str, extent: Extent, answer: Answer
) -> tuple[ModelVersion, list[Said], Extent]:
    record, version = record_of(ws, name), versions.current(session)
    low, high = extent
    if version is None:
        raise LabelingError("expected a model that says which windows may be labelled, got none; train once first")
    if not 0 <= low < high <= record.rows:
        raise LabelingError(
            f"expected a stretch [low, high) within the {record.rows} points of the series, got [{low}, {high}); "
            "mark at least one point"
        )
    try:
        windows = load_windows(ws.model_folder(version) / "graph")
    except CheckpointError as error:
        raise LabelingError(f"expected the pool of model {version.id}, got: {error}; train again") from error
    starts = windows.starts[windows.rows_of_series(name)]
    spans = spans_between(starts, windows.length, stride_of(ws, version), record.rows)
    touches = (spans[:, 0] < high) & (spans[:, 1] > low)
    if not touches.any():
        raise LabelingError(
            f"expected a stretch that touches a window of the pool, got the points {low} to {high - 1}, which are kept "
            "for the test or lie beside it; mark another one"
        )
    value, beside = said_of_windows(spans, extent, extent)
    keys = {int(row): window_key(name, int(starts[row]), windows.length) for row in np.flatnonzero(value >= 0)}
    known = labels.answered(session, [keys[int(row)] for row in np.flatnonzero(beside)])
    said = [(keys[int(row)], int(starts[row]), answer) for row in np.flatnonzero(touches)]
    if answer == Answer.ANOMALY:
        said += [(keys[row], int(starts[row]), Answer.NORMAL) for row in keys if beside[row] and keys[row] not in known]
    return version, said, (int(spans[touches][0, 0]), int(spans[touches][-1, 1]))
