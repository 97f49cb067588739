"""The append-only history of answers, what of it stands, and what it cost."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from db.errors import ConflictError
from db.records import Answer, ItemState, Label, NewLabel, Spent
from db.session import utc_now
from db.tables import LIVE, ItemRow, LabelRow


def append(session: Session, new: NewLabel) -> Label:
    """Add an answer to the history; the same message (client, sequence) is kept once.

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
    return append_once(session, new)[0]


def append_once(session: Session, new: NewLabel) -> tuple[Label, bool]:
    """Do as :func:`append`, and say whether the row is new."""
    known = sent(session, new.client, new.sequence)
    if known is not None:
        return _same_message(known, new), False
    label = _insert(session, LabelRow(**vars(new), undoes=None, created_at=utc_now()))
    if label is not None:
        return label, True
    known = sent(session, new.client, new.sequence)  # another transaction brought the same message at the same time
    if known is None:
        raise ConflictError(
            f"expected item {new.item_id} and version {new.version_id} to exist, got none of that number; "
            "ask for a question before answering it"
        )
    return _same_message(known, new), False


def sent(session: Session, client: str | None, sequence: int | None) -> Label | None:
    """Find the row that a message made; None when it never arrived.

    Raises:
        ConflictError: when only one of client and sequence is given.
    """
    if client is None and sequence is None:
        return None
    if client is None or sequence is None:
        raise ConflictError(
            f"expected client and sequence together or neither, got {client!r} and {sequence!r}; pass both, so that a "
            "message that is sent twice is kept once"
        )
    found = select(LabelRow).where(LabelRow.client == client, LabelRow.sequence == sequence)
    row = session.scalars(found).one_or_none()
    return None if row is None else _record(row)


def undo(session: Session, analyst: str, *, client: str | None = None, sequence: int | None = None) -> Label | None:
    """Take back an analyst's last answer that stands, by a new row; its question opens again.

    The question stays answered where another analyst's answer to the same window stands, and stays closed where a
    newer question about the same window is alive.

    Args:
        session: a unit of work.
        analyst: whose answer.
        client: who sends the message.
        sequence: number of the message; the same message undoes once.

    Returns:
        The new row (answer None), or None when nothing of this analyst stands.

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
        if known is not None:
            return _checked_undo(known)
        last = session.scalars(
            _answers().where(LabelRow.analyst == analyst).order_by(LabelRow.id.desc()).limit(1)
        ).one_or_none()
        if last is None:
            return None
        taken_back = _insert(session, _undoing(last, client, sequence))
        if taken_back is not None:
            _open_again(session, last)
            return taken_back


def history(session: Session) -> list[Label]:
    """List every row ever written, oldest first."""
    return [_record(row) for row in session.scalars(select(LabelRow).order_by(LabelRow.id))]


def standing(session: Session) -> list[Label]:
    """List the answers that count: for each window the latest one not taken back, in the order they came."""
    last = _answers().with_only_columns(func.max(LabelRow.id)).group_by(LabelRow.key)
    rows = session.scalars(select(LabelRow).where(LabelRow.id.in_(last)).order_by(LabelRow.id))
    return [_record(row) for row in rows]


def last_id(session: Session) -> int:
    """Number the newest row of the history; 0 for an empty one."""
    return session.scalar(select(func.max(LabelRow.id))) or 0


def spent(session: Session) -> Spent:
    """Count what was asked and what it brought.

    A question is a window that was ever answered: an answer that was taken back, or given by two analysts, was one
    read of the oracle all the same.
    """
    kinds = [label.answer for label in standing(session)]
    anomalies, normals, unsure = (kinds.count(kind) for kind in (Answer.ANOMALY, Answer.NORMAL, Answer.UNSURE))
    asked = select(func.count(func.distinct(LabelRow.key))).where(LabelRow.answer.is_not(None))
    undone = select(func.count()).where(LabelRow.undoes.is_not(None))
    return Spent(
        questions=session.scalar(asked) or 0,
        labels=anomalies + normals,
        anomalies=anomalies,
        normals=normals,
        unsure=unsure,
        undone=session.scalar(undone) or 0,
    )


def _answers() -> Select[Any]:
    """All answers that nobody took back."""
    undoing = aliased(LabelRow)
    taken_back = select(undoing.id).where(undoing.undoes == LabelRow.id).exists()
    return select(LabelRow).where(LabelRow.answer.is_not(None), ~taken_back)


def _insert(session: Session, row: LabelRow) -> Label | None:
    """Write a row; None when a unique key or a reference forbids it."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return None
    return _record(row)


def _undoing(last: LabelRow, client: str | None, sequence: int | None) -> LabelRow:
    window = {name: getattr(last, name) for name in ("key", "series", "start", "length", "analyst", "item_id")}
    return LabelRow(
        **window,
        version_id=last.version_id,
        answer=None,
        undoes=last.id,
        client=client,
        sequence=sequence,
        created_at=utc_now(),
    )


def _same_message(known: Label, new: NewLabel) -> Label:
    if known.answer is None or (known.key, known.analyst) != (new.key, new.analyst):
        raise ConflictError(
            f"expected message {new.sequence} of client {new.client!r} to be about {known.key} by {known.analyst!r} as "
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
    others = select(ItemRow.id).where(ItemRow.key == last.key, ItemRow.state.in_(LIVE))
    answered = _answers().where(LabelRow.key == last.key)
    if session.scalars(others.limit(1)).first() or session.scalars(answered.limit(1)).first():
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
    )
