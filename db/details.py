"""What came with answers beside the answers themselves: exact marks, kind of fault, comment, time taken."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.desk_records import AnswerDetail
from db.tables import DetailRow, LabelRow

_BATCH = 500


def add(session: Session, detail: AnswerDetail) -> None:
    """Keep what came with an answer, in the unit of work that keeps the answer.

    Example:
        >>> from db import labels
        >>> from db.records import Answer, NewLabel
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     row = labels.append(session, NewLabel("a:0:8", "a", 0, 8, Answer.ANOMALY, "ann"))
        ...     add(session, AnswerDetail(row.id, marks=((2, 4), (6, 7)), fault="leak"))
        ...     of_labels(session, [row.id])[row.id].marks
        ((2, 4), (6, 7))
    """
    add_all(session, [detail])


def add_all(session: Session, several: Iterable[AnswerDetail]) -> None:
    """Keep what came with many answers."""
    rows = [vars(one) | {"marks": [[int(low), int(high)] for low, high in one.marks]} for one in several]
    for low in range(0, len(rows), _BATCH):
        session.execute(insert(DetailRow), rows[low : low + _BATCH])


def every(session: Session) -> dict[int, AnswerDetail]:
    """Give what came with answers, by the number of their first row."""
    return {row.label_id: _record(row) for row in session.scalars(select(DetailRow))}


def of_labels(session: Session, label_ids: Iterable[int]) -> dict[int, AnswerDetail]:
    """Give what came with some answers, by the number of their first row; nothing for those that came alone."""
    wanted = list(label_ids)
    found: dict[int, AnswerDetail] = {}
    for low in range(0, len(wanted), _BATCH):
        some = select(DetailRow).where(DetailRow.label_id.in_(wanted[low : low + _BATCH]))
        found |= {row.label_id: _record(row) for row in session.scalars(some)}
    return found


def marks_by_message(session: Session) -> dict[tuple[str | None, int | None], tuple[tuple[int, int], ...]]:
    """Give the exact marks of all answers that have some, by client and number of the message that brought them."""
    rows = session.execute(
        select(LabelRow.client, LabelRow.sequence, DetailRow.marks).join(LabelRow, LabelRow.id == DetailRow.label_id)
    )
    return {(client, sequence): _pairs(marks) for client, sequence, marks in rows if client is not None and marks}


def _pairs(marks: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((low, high) for low, high in marks)


def _record(row: DetailRow) -> AnswerDetail:
    return AnswerDetail(row.label_id, _pairs(row.marks), row.fault, row.comment, row.seconds)
