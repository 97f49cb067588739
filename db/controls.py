"""Questions whose answer is known, mixed among the others, and what people say of them: never a label, never a cost.

A control is dealt to one person as an item of the queue of their own, in the form in which its window was once asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from db.control_records import Control, ControlAnswer
from db.errors import ConflictError, MissingRowError
from db.given import given
from db.item_rows import another
from db.records import Answer, ItemState, QueryItem
from db.session import one_at_a_time, utc_now
from db.shared_tables import ControlAnswerRow, ControlRow
from db.tables import LIVE, ItemRow, LabelRow
from db.turns import of_everybody


def add(session: Session, key: str, expected: Answer, who: str) -> Control:
    """Let people be asked again about a window whose answer is known; the known answer may be set anew.

    Raises:
        MissingRowError: when nobody was ever asked about the window: there is no question to repeat.
    """
    last = select(ItemRow.id).where(ItemRow.key == key, *of_everybody(ItemRow)).order_by(ItemRow.id.desc()).limit(1)
    item_id = session.scalars(last).one_or_none()
    if item_id is None:
        raise MissingRowError(f"expected a window that somebody was asked about, got {key!r}; choose another one")
    one_at_a_time(session)
    end(session, key)
    row = ControlRow(key=key, expected=expected, item_id=item_id, who=who, created_at=utc_now(), ended_at=None)
    session.add(row)
    session.flush()
    return _control(row)


def end(session: Session, key: str) -> bool:
    """Ask nobody any more; False when the window is no control. What was answered stays."""
    row = session.scalars(select(ControlRow).where(ControlRow.key == key, ControlRow.ended_at.is_(None))).one_or_none()
    if row is None:
        return False
    row.ended_at = utc_now()
    session.flush()
    dealt = update(ItemRow).where(ItemRow.control_id == row.id, ItemRow.state.in_(LIVE))
    session.execute(dealt.values(state=ItemState.RETIRED, leased_by=None, lease_until=None))
    return True


def every(session: Session) -> list[Control]:
    """List all controls, ended ones too, oldest first."""
    return [_control(row) for row in session.scalars(select(ControlRow).order_by(ControlRow.id))]


def deal(session: Session, analyst: str, rate: float, seed: int) -> int:
    """Mix controls among the open questions for somebody, once in a round of questions.

    Args:
        session: a unit of work.
        analyst: who is to be asked.
        rate: share of controls among all that is asked, below 1.
        seed: of the draw.

    Returns:
        How many were mixed in; fewer where there are not enough that this person has not answered yet.
    """
    if _round_due(session, analyst) is None:
        return 0
    one_at_a_time(session)
    due = _round_due(session, analyst)
    open_ones = select(ItemRow.priority).where(ItemRow.state == ItemState.OPEN, *of_everybody(ItemRow))
    priorities = session.scalars(open_ones.order_by(ItemRow.id)).all()
    if not priorities or due is None:
        return 0
    draw = Random(f"{seed} {analyst} {due.isoformat()}")  # the same however often it is asked for
    count = math.floor(len(priorities) * rate / (1 - rate) + draw.random())
    free = _free_for(session, analyst)
    for control, form in draw.sample(free, min(count, len(free))):
        session.add(another(form, assignee=analyst, control_id=control.id, priority=draw.choice(priorities)))
    session.flush()
    return min(count, len(free))


def answer(
    session: Session,
    item: QueryItem,
    answer: Answer,
    analyst: str,
    *,
    client: str | None,
    sequence: int | None,
    seconds: float | None = None,
) -> ControlAnswer:
    """Keep what somebody says of a control; the same message is kept once.

    Raises:
        ConflictError: when the item is no control, or the message number was used for something else.
    """
    if item.control_id is None:
        raise ConflictError(f"expected a control, got the question {item.id}; keep its answer among the labels")
    known = sent(session, client, sequence)
    if known is None:
        row = ControlAnswerRow(
            control_id=item.control_id,
            item_id=item.id,
            answer=answer,
            undoes=None,
            analyst=analyst,
            client=client,
            sequence=sequence,
            seconds=seconds,
            created_at=utc_now(),
        )
        known = _insert(session, row)
        if known is not None:
            done = update(ItemRow).where(ItemRow.id == item.id)
            session.execute(done.values(state=ItemState.ANSWERED, leased_by=None, lease_until=None))
            return known
        known = sent(session, client, sequence)
    if known is None or known.answer is None or (known.item_id, known.analyst) != (item.id, analyst):
        raise ConflictError(
            f"expected message {sequence} of client {client!r} to be new, got the number of another one; number every "
            "message anew"
        )
    return known


def undo(
    session: Session, given_id: int, *, client: str | None = None, sequence: int | None = None
) -> ControlAnswer | None:
    """Take back what was said of a control; it is asked again. None when it was taken back already.

    Raises:
        MissingRowError: when there is no such answer.
    """
    row = session.get(ControlAnswerRow, given_id)
    if row is None or row.answer is None:
        raise MissingRowError(f"expected an answer about a control, got the unknown number {given_id}")
    undoing = ControlAnswerRow(
        control_id=row.control_id,
        item_id=row.item_id,
        answer=None,
        undoes=row.id,
        analyst=row.analyst,
        client=client,
        sequence=sequence,
        seconds=None,
        created_at=utc_now(),
    )
    taken_back = _insert(session, undoing)
    if taken_back is None:
        return None
    again = update(ItemRow).where(ItemRow.id == row.item_id, ItemRow.state == ItemState.ANSWERED)
    session.execute(again.values(state=ItemState.OPEN))
    return taken_back


def sent(session: Session, client: str | None, sequence: int | None) -> ControlAnswer | None:
    """Find the row that a message made; None when it made none."""
    if client is None:
        return None
    its = select(ControlAnswerRow).where(ControlAnswerRow.client == client, ControlAnswerRow.sequence == sequence)
    row = session.scalars(its).one_or_none()
    return None if row is None else _answer(row)


def last_of(session: Session, analyst: str) -> ControlAnswer | None:
    """Give what somebody said last of a control and did not take back."""
    rows = _standing().where(ControlAnswerRow.analyst == analyst).order_by(ControlAnswerRow.id.desc()).limit(1)
    row = session.scalars(rows).one_or_none()
    return None if row is None else _answer(row)


def standing(session: Session) -> list[tuple[ControlAnswer, Answer]]:
    """List what was said of controls and not taken back, with what was expected, oldest first."""
    rows = _standing().add_columns(ControlRow.expected).join(ControlRow, ControlRow.id == ControlAnswerRow.control_id)
    return [(_answer(row), expected) for row, expected in session.execute(rows.order_by(ControlAnswerRow.id))]


def _round_due(session: Session, analyst: str) -> datetime | None:
    """When the present round of questions began, where nothing has been dealt to somebody in it."""
    newest = select(func.max(ItemRow.created_at)).where(ItemRow.state.in_(LIVE), *of_everybody(ItemRow))
    begun: datetime | None = session.scalar(newest)
    if begun is None:
        return None
    dealt = select(ItemRow.id).where(ItemRow.control_id.is_not(None), ItemRow.assignee == analyst)
    return None if session.scalars(dealt.where(ItemRow.created_at >= begun).limit(1)).first() else begun


def _free_for(session: Session, analyst: str) -> Sequence[tuple[ControlRow, ItemRow]]:
    dealt, live = aliased(ItemRow), aliased(ItemRow)
    had = select(dealt.id).where(dealt.key == ControlRow.key, dealt.control_id.is_not(None))
    had = had.where(dealt.assignee == analyst, dealt.state != ItemState.RETIRED)
    known = given().where(LabelRow.key == ControlRow.key, LabelRow.analyst == analyst)
    asked = select(live.id).where(live.key == ControlRow.key, live.state.in_(LIVE), *of_everybody(live))
    rows = select(ControlRow, ItemRow).join(ItemRow, ItemRow.id == ControlRow.item_id)
    rows = rows.where(ControlRow.ended_at.is_(None), ~had.exists(), ~known.exists(), ~asked.exists())
    return [(control, form) for control, form in session.execute(rows.order_by(ControlRow.id))]


def _standing() -> Select[Any]:
    undoing = aliased(ControlAnswerRow)
    taken_back = select(undoing.id).where(undoing.undoes == ControlAnswerRow.id).exists()
    return select(ControlAnswerRow).where(ControlAnswerRow.answer.is_not(None), ~taken_back)


def _insert(session: Session, row: ControlAnswerRow) -> ControlAnswer | None:
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return None
    return _answer(row)


def _control(row: ControlRow) -> Control:
    return Control(
        row.id, row.key, row.expected, row.item_id, who=row.who, created_at=row.created_at, ended=row.ended_at
    )


def _answer(row: ControlAnswerRow) -> ControlAnswer:
    return ControlAnswer(
        id=row.id,
        control_id=row.control_id,
        item_id=row.item_id,
        answer=row.answer,
        undoes=row.undoes,
        analyst=row.analyst,
        client=row.client,
        sequence=row.sequence,
        seconds=row.seconds,
        created_at=row.created_at,
    )
