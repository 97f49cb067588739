"""What an answer settles: shown beforehand, and afterwards taken out window by window or whole; and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from db import labels, queries, series, vetoes
from db.records import Answer, Label
from rl_tsad.active.extent import Extent
from rl_tsad.active.propagate import FREE, SILENT
from rl_tsad.errors import LabelingError
from rl_tsad.services.marking import Seen, find_around, said_of
from rl_tsad.services.refusals import in_words
from rl_tsad.services.spreading import Live, Step, reading_live, respread_quietly
from rl_tsad.services.standing import VALUES
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import UNKNOWN, Float32, Int64, parse_key


@dataclass(frozen=True)
class Alike:
    """A window that an answer settles.

    Attributes:
        key: which.
        value: 0 or 1, as what; what it would be settled as where it was taken out, -1 for nothing.
        confidence: how sure that is, in [0, 1].
        taken_out: whether somebody took it out.
    """

    key: str
    value: int
    confidence: float
    taken_out: bool = False


@dataclass(frozen=True)
class Settled:
    """What an answer settles, or would.

    Attributes:
        label_id: its first row; None for one that was not given.
        answer: what it says; its own windows are ``keys``.
        keys: the windows that it labels.
        alike: the windows that it settles, the surest first, then those that were taken out.
        released: windows that would be settled no longer.
        withdrawn: whether it was withdrawn from spreading.
    """

    label_id: int | None
    answer: Answer
    keys: tuple[str, ...]
    alike: tuple[Alike, ...]
    released: int = 0
    withdrawn: bool = False

    def count(self, value: int) -> int:
        """Windows that it settles as normal (0) or anomalous (1)."""
        return sum(one.value == value and not one.taken_out for one in self.alike)


def preview(
    ws: Workspace, item_id: int, answer: Answer, *, extent: Extent | None = None, marks: Sequence[Extent] = ()
) -> Settled | None:
    """Say what an answer to a question would settle; nothing is kept.

    Args:
        ws: the workspace.
        item_id: the question.
        answer: what would be said.
        extent: the one stretch that would be marked.
        marks: the stretches that would be marked, where they are several.

    Returns:
        None while there is no model.

    Raises:
        LabelingError: when there is no such question, or the extent labels no window.
        WorkspaceError: when the store or the graph cannot be read.
    """
    with reading_live(ws) as (session, live):
        item = queries.get(session, item_id)
        said = said_of(
            session, item, find_around(ws, Seen(session), item), answer, marks or ([extent] if extent else [])
        )
        keys = tuple(key for key, _, _ in said)
        if live is None:
            return None
        rows = live.graph.windows.rows(keys)
        flow = np.array([VALUES.get(one, FREE) for _, _, one in said], dtype=np.int8)
        counts = (rows >= 0) & (flow != FREE)
        step, confidence = live.what_if(rows[counts], flow[counts])
        alike = _alike(live, step, confidence)
    return Settled(None, answer, keys, alike, int(((step.before != UNKNOWN) & (step.after == UNKNOWN)).sum()))


def settled_by(ws: Workspace, label_id: int) -> Settled | None:
    """Say what an answer settles at present: what would not be settled so without it.

    Args:
        ws: the workspace.
        label_id: the answer's first row.

    Returns:
        None when the answer does not stand, or there is no model.

    Raises:
        LabelingError: when there is no such answer.
        WorkspaceError: when the store or the graph cannot be read.
    """
    with reading_live(ws) as (session, live):
        rows = rows_of_answer(session, label_id)
        standing = {label.id for label in labels.standing_of(session, [row.key for row in rows])}
        own = [row for row in rows if row.id in standing]
        if not own or live is None:
            return None
        out = [one for one in vetoes.standing(session) if one.label_id == label_id]
        alike = _settled_alike(live, own, [one.key for one in out if one.key is not None])
        kinds = {row.answer for row in own}
        answer = Answer.ANOMALY if Answer.ANOMALY in kinds else own[0].answer or Answer.UNSURE
        keys = tuple(row.key for row in own)
        return Settled(label_id, answer, keys, alike, withdrawn=any(one.key is None for one in out))


def take_out(ws: Workspace, label_id: int, analyst: str, keys: Sequence[str] | None = None) -> None:
    """Keep an answer from settling some windows, or any: they are unknown again, and may be asked.

    What was taken out stays out while the answer stands, through retraining too; nothing flows on from such a window.

    Raises:
        LabelingError: when there is no such answer or no such window.
        WorkspaceError: when the store does not answer.
    """
    with reading_live(ws) as (session, live):
        rows = rows_of_answer(session, label_id)
        if rows[0].id not in {label.id for label in labels.standing_of(session, [rows[0].key])}:
            raise LabelingError(
                f"expected an answer that stands, got {label_id}, which does not; nothing spreads from it"
            )
        known = np.full(len(keys or ()), -1) if live is None else live.graph.windows.rows(list(keys or ()))
    strange = [key for key, row in zip(keys or (), known.tolist(), strict=True) if row < 0]
    if strange:
        raise LabelingError(
            f"expected windows of the current model's pool, got {strange[0]!r}; see `rl-tsad spread show {label_id}`"
        )
    with in_words(), ws.store.begin() as session:
        vetoes.add(session, label_id, [None] if keys is None else list(keys), analyst)
    respread_quietly(ws)


def put_back(ws: Workspace, label_id: int, analyst: str, keys: Sequence[str] | None = None) -> int:
    """Let an answer settle again what was taken out: some windows, or everything.

    Returns:
        How much was put back.

    Raises:
        LabelingError: when there is no such answer, or somebody else changes the same right now.
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.begin() as session:
        rows_of_answer(session, label_id)
        done = vetoes.take_back(session, label_id, keys, analyst)
    respread_quietly(ws)
    return done


def pictures(ws: Workspace, keys: Sequence[str]) -> dict[str, Float32]:
    """Give the values of windows, (L, C) each in the file's units; windows that are not there are left out.

    Raises:
        WorkspaceError: when the store or the arrays cannot be read.
    """
    shown: dict[str, Float32] = {}
    opened: dict[str, Any] = {}
    with in_words(), ws.store.read() as session:
        records = {one.name: one for one in series.all(session)}
    for key in keys:
        name, start, length = parse_key(key)
        if name in records and name not in opened:
            opened[name] = load_series(ws, records[name])
        if name in opened and start + length <= opened[name].length:
            shown[key] = np.array(opened[name].values[start : start + length])
    return shown


def rows_of_answer(session: Session, label_id: int) -> list[Label]:
    """List the rows of an answer.

    Raises:
        LabelingError: when there is none of this number.
    """
    rows = labels.answer_rows(session, label_id)
    if not rows or rows[0].answer is None:
        raise LabelingError(f"expected the number of an answer, got {label_id}; see `rl-tsad spread list`")
    return rows


def _settled_alike(live: Live, own: Sequence[Label], out: Sequence[str]) -> tuple[Alike, ...]:
    """Compare with the answer gone; where it is withdrawn, with it let in."""
    rows = np.unique(live.graph.windows.rows([row.key for row in own]))
    rows = rows[rows >= 0]
    rows = rows[live.state.flow[rows] != FREE]
    silent = live.state.flow[rows] == SILENT
    gone, _ = live.what_if(rows[~silent], np.full(int((~silent).sum()), FREE, dtype=np.int8))
    lost = (gone.before != UNKNOWN) & (gone.before != gone.after) & ~np.isin(gone.touched, rows)
    order = _surest(gone.touched[lost], live.confidence(gone.touched[lost]))
    found = [
        Alike(live.graph.windows.key(row), int(live.decided[row]), float(live.confidence(np.array([row]))[0]))
        for row in order.tolist()
    ]
    return (*found, *_taken_out(live, out))


def _taken_out(live: Live, keys: Sequence[str]) -> list[Alike]:
    """Say what windows would be settled as, had nobody taken them out."""
    rows = live.graph.windows.rows(keys)
    silent = rows[(rows >= 0) & (live.state.flow[rows] == SILENT)]
    back, confidence = live.what_if(np.unique(silent), np.full(len(np.unique(silent)), FREE, dtype=np.int8))
    would = {
        int(row): (int(value), float(sure))
        for row, value, sure in zip(back.touched, back.after, confidence, strict=True)
    }
    return [
        Alike(key, *would.get(int(row), (UNKNOWN, 0.0)), taken_out=True) for key, row in zip(keys, rows, strict=True)
    ]


def _alike(live: Live, step: Step, confidence: Float32) -> tuple[Alike, ...]:
    new = (step.after != UNKNOWN) & (step.after != step.before)
    rows, value, sure = step.touched[new], step.after[new], confidence[new]
    order = np.argsort(-sure, kind="stable")
    return tuple(
        Alike(live.graph.windows.key(int(rows[place])), int(value[place]), float(sure[place])) for place in order
    )


def _surest(rows: Int64, confidence: Float32) -> Int64:
    return np.asarray(rows[np.argsort(-confidence, kind="stable")], dtype=np.int64)
