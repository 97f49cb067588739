"""Whose turn is it, and where an answer goes: what asking and telling need where several people share a queue.

Some of what is asked are controls, whose answer is known. What is said of them is kept apart: it is no label, costs
nothing and teaches nothing. Whoever asks or answers is not told which they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from db import controls, labels, leases, people, queries
from db.control_records import ControlAnswer
from db.desk_records import Role
from db.errors import ConflictError
from db.records import Answer, Audience, Label, QueryItem
from rl_tsad.active.extent import Extent
from rl_tsad.seeding import derive_seed
from rl_tsad.services.marking import Said
from rl_tsad.services.workspace import Workspace

_APART = 0
"""Number of a row that stands for an answer about a control."""


def audiences_of(ws: Workspace, session: Session, analyst: str) -> tuple[Audience, ...]:
    """Say what somebody may be asked: reviews only from reviewers on. Whoever sits at this machine may all."""
    person = None if ws.settings.access.mode == "local" else people.find(session, analyst)
    role = person.role if person is not None else Role.ADMIN if ws.settings.access.mode == "local" else Role.ANALYST
    return tuple(Audience) if role.rank >= Role.REVIEWER.rank else (Audience.ANALYST,)


def next_question(ws: Workspace, session: Session, analyst: str, now: datetime) -> QueryItem | None:
    """Lease somebody the next question that is meant for them; None when there is none."""
    found = next_questions(ws, session, analyst, now, count=1)
    return found[0] if found else None


def next_questions(ws: Workspace, session: Session, analyst: str, now: datetime, *, count: int) -> list[QueryItem]:
    """Lease somebody up to so many questions that are meant for them, those to be asked first at the front."""
    queries.return_expired(session, now)
    if ws.settings.active.controls:
        controls.deal(session, analyst, ws.settings.active.controls, derive_seed(ws.settings.seed, "controls"))
    audiences, seconds = audiences_of(ws, session, analyst), ws.settings.work.question_lease
    return leases.claim(session, analyst, now, seconds, count=count, audiences=audiences)


def left_for(ws: Workspace, session: Session, analyst: str) -> int:
    """Count the windows that somebody may still be asked about."""
    return queries.left(session, analyst, audiences_of(ws, session, analyst))


def keep(
    session: Session,
    item: QueryItem,
    said: Sequence[Said],
    analyst: str,
    *,
    client: str | None,
    sequence: int | None,
    mark: Extent | None = None,
    seconds: float | None = None,
) -> list[Label]:
    """Keep an answer where it belongs, as :func:`db.queries.answer_parts`.

    Args:
        session: a unit of work.
        item: the question, or the control.
        said: key, start and answer for each window, the asked one first.
        analyst: who said it.
        client: who sends the message.
        sequence: number of the message.
        mark: the points [low, high) that were marked.
        seconds: how long it took; kept here for controls only, for others beside their row.

    Returns:
        A row for each window; those about a control are in no table (see :func:`is_apart`).

    Raises:
        ConflictError: when the message number was used for something else.
    """
    if item.control_id is None:
        return queries.answer_parts(session, item, said, analyst, client=client, sequence=sequence, mark=mark)
    answer = Answer.ANOMALY if any(one == Answer.ANOMALY for _, _, one in said) else said[0][2]
    kept = controls.answer(session, item, answer, analyst, client=client, sequence=sequence, seconds=seconds)
    if kept.answer != answer:  # the same message came before, with its first answer
        return [_as_label(item, kept)]
    rows = [_as_label(item, kept, key=key, start=start, answer=one) for key, start, one in said]
    return rows


def is_apart(row: Label) -> bool:
    """Tell whether a row only stands for an answer about a control: nothing may refer to its number."""
    return row.id == _APART


def take_back(
    session: Session, analyst: str, *, client: str | None = None, sequence: int | None = None
) -> Label | None:
    """Take back somebody's last answer that stands, about a control or not, as :func:`db.labels.undo`.

    Raises:
        ConflictError: when the message number was used for an answer.
    """
    known = controls.sent(session, client, sequence)
    if known is not None:
        if known.answer is not None:
            raise ConflictError(
                f"expected message {sequence} of client {client!r} to be an undo, got an answer; number every "
                "message anew"
            )
        return _as_label(queries.get(session, known.item_id), known)
    if labels.sent(session, client, sequence):
        return labels.undo(session, analyst, client=client, sequence=sequence)
    last, label_id = controls.last_of(session, analyst), labels.last_of(session, analyst)
    if last is None or (label_id and labels.answer_rows(session, label_id)[0].created_at > last.created_at):
        return labels.undo(session, analyst, client=client, sequence=sequence)
    return take_back_control(session, last, client=client, sequence=sequence)


def take_back_control(
    session: Session, said: ControlAnswer, *, client: str | None = None, sequence: int | None = None
) -> Label | None:
    """Take back what was said of a control; None when it was taken back already."""
    undone = controls.undo(session, said.id, client=client, sequence=sequence)
    return None if undone is None else _as_label(queries.get(session, undone.item_id), undone)


def _as_label(
    item: QueryItem,
    kept: ControlAnswer,
    *,
    key: str | None = None,
    start: int | None = None,
    answer: Answer | None = None,
) -> Label:
    return Label(
        id=_APART,
        key=key or item.key,
        series=item.series,
        start=item.start if start is None else start,
        length=item.length,
        answer=answer or kept.answer,
        analyst=kept.analyst,
        item_id=item.id,
        version_id=item.version_id,
        undoes=None if kept.undoes is None else _APART,
        client=kept.client,
        sequence=kept.sequence,
        created_at=kept.created_at,
    )
