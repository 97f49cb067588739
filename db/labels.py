"""The append-only history of answers, what of it stands, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from db import reviews, vetoes
from db.errors import ConflictError
from db.given import counting, given, of_items
from db.records import Answer, Audience, ItemState, Label, NewLabel, Spent
from db.session import one_at_a_time, utc_now
from db.tables import LIVE, ItemRow, LabelRow

_COLUMNS = [getattr(LabelRow, one.name) for one in fields(Label)]
"""Columns in the order of a :class:`Label`: many rows are read several times faster so than as objects."""


def append(session: Session, new: NewLabel) -> Label:
    """Add an answer about one window to the history; the same message (client, sequence) is kept once.

    Returns:
        The new row, or the one that the same message made before: its answer is the one that counts.

    Raises:
        ConflictError: when the message number was used for another window, or the row names an item or a version that
            does not exist.

    Example:
        >>> from db.store import Store
        >>> said = NewLabel("a:0:8", "a", 0, 8, Answer.NORMAL, "ann", client="tab", sequence=1)
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     append(session, said) == append(session, said), len(history(session))
        (True, 1)
    """
    return append_once(session, [new])[0][0]


def append_once(session: Session, new: Sequence[NewLabel]) -> tuple[list[Label], bool]:
    """Add an answer about several windows, all rows or none; the same message is kept once.

    Args:
        session: a unit of work.
        new: one answer's rows by part, from 0 on; with client and sequence where there are several.

    Returns:
        The rows by part, and whether they are new; else they are those that the same message made before.

    Raises:
        ConflictError: as :func:`append`, or when several rows have no message to hold them together.

    Example:
        >>> from db.store import Store
        >>> sent_as = {"client": "tab", "sequence": 1}
        >>> said = [NewLabel(f"a:{n}:8", "a", n, 8, Answer.NORMAL, "ann", part=n, **sent_as) for n in (0, 1)]
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     [append_once(session, said)[1] for _ in range(2)], len(history(session)), spent(session).questions
        ([True, False], 2, 1)
    """
    first = new[0]
    known = sent(session, first.client, first.sequence)
    if known:
        return _same_message(known, first), False
    if len(new) > 1 and first.client is None:
        raise ConflictError(
            f"expected a client and a number for an answer about {len(new)} windows, got none; pass both, so that it "
            "can be taken back as a whole"
        )
    now = utc_now()
    rows = _insert(session, [LabelRow(**vars(one), undoes=None, created_at=now) for one in new])
    if rows:
        return rows, True
    known = sent(session, first.client, first.sequence)  # another transaction brought the same message meanwhile
    if not known:
        raise ConflictError(
            f"expected item {first.item_id} and version {first.version_id} to exist, got none of that number; "
            "ask for a question before answering it"
        )
    return _same_message(known, first), False


def sent(session: Session, client: str | None, sequence: int | None) -> list[Label]:
    """Find the rows that a message made, by part; none when it never arrived.

    Raises:
        ConflictError: when only one of client and sequence is given.
    """
    if client is None and sequence is None:
        return []
    if client is None or sequence is None:
        raise ConflictError(
            f"expected client and sequence together or neither, got {client!r} and {sequence!r}; pass both, so that a "
            "message that is sent twice is kept once"
        )
    return [_record(row) for row in session.scalars(_of_message(client, sequence))]


def undo(
    session: Session,
    analyst: str,
    *,
    client: str | None = None,
    sequence: int | None = None,
    label_id: int | None = None,
) -> Label | None:
    """Take back an analyst's last answer that stands, by a new row for each window of it; its question opens again.

    The question stays answered where another analyst's answer to it, or one that labels its window, stands, and stays
    closed where a newer question about the same window is alive. Other copies of the question stay as they are.

    Args:
        session: a unit of work.
        analyst: whose answer.
        client: who sends the message.
        sequence: number of the message; the same message undoes once.
        label_id: first row of the answer to take back; the last one that stands where None.

    Returns:
        The new row (answer None) about the window that was asked, or None when nothing of this analyst stands.

    Raises:
        ConflictError: when the message number was used for an answer.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     _ = append(session, NewLabel("a:0:8", "a", 0, 8, Answer.NORMAL, "ann"))
        ...     undo(session, "ann").undoes, undo(session, "ann"), standing(session)
        (1, None, [])
    """
    while True:
        known = sent(session, client, sequence)
        if known:
            return _checked_undo(known[0])
        theirs = given().where(LabelRow.analyst == analyst)
        theirs = theirs if label_id is None else theirs.where(LabelRow.id == label_id)
        last = session.scalars(theirs.order_by(LabelRow.id.desc()).limit(1)).one_or_none()
        if last is None:
            return None
        rows = _whole_answer(session, last)
        if reviews.is_shared(session, rows[0].key):
            one_at_a_time(session)
        now = utc_now()
        taken_back = _insert(session, [_undoing(row, client, sequence, now) for row in rows])
        if taken_back:
            _open_again(session, rows[0])
            reviews.refresh(session, rows[0].key)
            return taken_back[0]


def history(session: Session) -> list[Label]:
    """List every row ever written, oldest first."""
    return [Label(*row) for row in session.execute(select(*_COLUMNS).order_by(LabelRow.id))]


def standing(session: Session) -> list[Label]:
    """List the answers that count, in the order they came: for each window the latest one not taken back.

    Of a question that several people answer differently only the answer to its review counts; windows that are left
    without one by that teach nothing until then.
    """
    last = counting().with_only_columns(func.max(LabelRow.id)).group_by(LabelRow.key)
    rows = session.execute(select(*_COLUMNS).where(LabelRow.id.in_(last)).order_by(LabelRow.id))
    return [Label(*row) for row in rows]


def since(session: Session, label_id: int, *, series: str | None = None, limit: int | None = None) -> list[Label]:
    """List the rows written after a row, oldest first: answers and undoings; of one series, so many at most."""
    rows = select(LabelRow).where(LabelRow.id > label_id).order_by(LabelRow.id).limit(limit)
    return [_record(row) for row in session.scalars(rows if series is None else rows.where(LabelRow.series == series))]


def numbers_since(session: Session, label_id: int) -> list[int]:
    """List the numbers of the rows written after a row."""
    return list(session.scalars(select(LabelRow.id).where(LabelRow.id > label_id)))


def standing_of(session: Session, keys: Sequence[str]) -> list[Label]:
    """List the answers that count about some windows, as :func:`standing`."""
    last = counting().with_only_columns(func.max(LabelRow.id)).where(LabelRow.key.in_(keys)).group_by(LabelRow.key)
    return [_record(row) for row in session.scalars(select(LabelRow).where(LabelRow.id.in_(last)))]


def answer_rows(session: Session, label_id: int) -> list[Label]:
    """List all rows of the answer whose first row has a number, by part; none where there is no such answer."""
    row = session.get(LabelRow, label_id)
    return [] if row is None else [_record(one) for one in _whole_answer(session, row)]


def answered(session: Session, keys: Sequence[str] | None = None) -> set[str]:
    """Tell which windows, of some or of all, have an answer that nobody took back, whether it counts or not."""
    rows = given().with_only_columns(LabelRow.key).distinct()
    return set(session.scalars(rows if keys is None else rows.where(LabelRow.key.in_(keys))))


def answered_when_asked(session: Session, keys: Sequence[str]) -> set[str]:
    """Tell about which of some windows a question was answered: not only one about others that labelled them too."""
    rows = given().with_only_columns(LabelRow.key).distinct()
    return set(session.scalars(rows.where(LabelRow.key.in_(keys), LabelRow.part == 0, LabelRow.item_id.is_not(None))))


def last_of(session: Session, analyst: str) -> int | None:
    """Number the first row of an analyst's last answer that stands; None where none does."""
    rows = given().where(LabelRow.analyst == analyst).order_by(LabelRow.id.desc()).limit(1)
    last = session.scalars(rows).one_or_none()
    return None if last is None else _whole_answer(session, last)[0].id


def last_id(session: Session) -> int:
    """Number the newest row of the history; 0 for an empty one."""
    return session.scalar(select(func.max(LabelRow.id))) or 0


def spent(session: Session) -> Spent:
    """Count what was asked and what it brought.

    A question is a window that was ever asked about and answered: an answer that was taken back, or given by two
    analysts, was one read of the oracle all the same. Its other windows are labels, not questions. Each copy of a
    question that is asked of several people, and the review where they differ, is a read of its own; controls are none.
    """
    kinds = [label.answer for label in standing(session)]
    anomalies, normals, unsure = (kinds.count(kind) for kind in (Answer.ANOMALY, Answer.NORMAL, Answer.UNSURE))
    ever = (LabelRow.answer.is_not(None), LabelRow.part == 0)
    reads = select(LabelRow.key, _only_once(ItemRow.audience, Audience.ANALYST), _only_once(ItemRow.copy, 0))
    reads = reads.outerjoin(ItemRow, ItemRow.id == LabelRow.item_id).where(*ever).distinct()
    asked = select(func.count()).select_from(reads.subquery())
    undone = select(func.count()).where(LabelRow.undoes.is_not(None), LabelRow.part == 0)
    marked, unsure_ones = LabelRow.mark_low.is_not(None), LabelRow.answer == Answer.UNSURE
    answers = select(func.count(), _count_if(marked), _count_if(unsure_ones)).where(*ever)
    every, events, doubts = session.execute(answers).one()
    return Spent(
        questions=session.scalar(asked) or 0,
        labels=anomalies + normals,
        anomalies=anomalies,
        normals=normals,
        unsure=unsure,
        undone=session.scalar(undone) or 0,
        glances=every - events - doubts,
        events=events,
        doubts=doubts,
        looked_at=vetoes.looked_at(session),
    )


def _only_once(column: InstrumentedAttribute[Any], otherwise: object) -> ColumnElement[Any]:
    """An answer that nobody asked for is read as one to the only copy of a question."""
    return func.coalesce(column, otherwise).label(column.key)


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _of_message(client: str, sequence: int) -> Select[Any]:
    its = select(LabelRow).where(LabelRow.client == client, LabelRow.sequence == sequence)
    return its.order_by(LabelRow.part)


def _whole_answer(session: Session, row: LabelRow) -> list[LabelRow]:
    if row.client is None or row.sequence is None:
        return [row]
    return list(session.scalars(_of_message(row.client, row.sequence)))


def _insert(session: Session, rows: list[LabelRow]) -> list[Label]:
    """Write rows, all of them; none when a unique key or a reference forbids one."""
    try:
        with session.begin_nested():
            session.add_all(rows)
    except IntegrityError:
        return []
    return [_record(row) for row in rows]


def _undoing(row: LabelRow, client: str | None, sequence: int | None, now: datetime) -> LabelRow:
    same = ("key", "series", "start", "length", "analyst", "item_id", "version_id", "part")
    return LabelRow(
        **{name: getattr(row, name) for name in same},
        answer=None,
        undoes=row.id,
        client=client,
        sequence=sequence,
        created_at=now,
    )


def _same_message(known: list[Label], new: NewLabel) -> list[Label]:
    first = known[0]
    if first.answer is None or (first.key, first.analyst) != (new.key, new.analyst):
        raise ConflictError(
            f"expected message {new.sequence} of client {new.client!r} to be about {first.key} by {first.analyst!r} as "
            f"before, got {new.key} by {new.analyst!r}; number every message anew"
        )
    return known


def _checked_undo(known: Label) -> Label:
    if known.undoes is None:
        raise ConflictError(
            f"expected message {known.sequence} of client {known.client!r} to be an undo, got one that answered "
            f"{known.key}; number every message anew"
        )
    return known


def _open_again(session: Session, last: LabelRow) -> None:
    item = None if last.item_id is None else session.get(ItemRow, last.item_id)
    if item is None:
        return
    same = (ItemRow.audience == item.audience, ItemRow.copy == item.copy, ItemRow.control_id.is_(None))
    alive = select(ItemRow.id).where(ItemRow.key == last.key, ItemRow.state.in_(LIVE), *same)
    copies = select(ItemRow.id).where(ItemRow.key == last.key, ~and_(*same))
    answered = given().where(LabelRow.key == last.key, ~of_items(copies))
    if session.scalars(alive.limit(1)).first() or session.scalars(answered.limit(1)).first():
        return
    opened = update(ItemRow).where(ItemRow.id == last.item_id, ItemRow.state == ItemState.ANSWERED)
    session.execute(opened.values(state=ItemState.OPEN))


def _record(row: LabelRow) -> Label:
    return Label(
        id=row.id,
        key=row.key,
        series=row.series,
        start=row.start,
        length=row.length,
        answer=row.answer,
        analyst=row.analyst,
        item_id=row.item_id,
        version_id=row.version_id,
        undoes=row.undoes,
        client=row.client,
        sequence=row.sequence,
        created_at=row.created_at,
        part=row.part,
        mark_low=row.mark_low,
        mark_high=row.mark_high,
    )
