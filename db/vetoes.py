"""What people took out of what an answer settles: an append-only history of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from db.errors import ConflictError, MissingRowError
from db.session import utc_now
from db.spread_records import Veto
from db.tables import LabelRow, VetoRow


def add(session: Session, label_id: int, keys: Sequence[str | None], analyst: str) -> list[Veto]:
    """Keep windows from being settled by an answer; those that are kept already stay as they are.

    Args:
        session: a unit of work.
        label_id: the answer's first row.
        keys: the windows; None for all of them.
        analyst: who says so.

    Raises:
        MissingRowError: when there is no such answer.

    Example:
        >>> from db.labels import append
        >>> from db.records import Answer, NewLabel
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     said = append(session, NewLabel("a:0:8", "a", 0, 8, Answer.NORMAL, "ann"))
        ...     made = [len(add(session, said.id, ["a:8:8", None], "ann")) for _ in range(2)]
        ...     made, [one.key for one in standing(session)], take_back(session, said.id), standing(session)
        ([2, 0], ['a:8:8', None], 2, [])
    """
    row = session.get(LabelRow, label_id)
    if row is None or row.answer is None or row.part:
        raise MissingRowError(f"expected the first row of an answer, got number {label_id}; see `rl-tsad spread list`")
    known = {one.key for one in standing(session) if one.label_id == label_id}
    fresh = [key for key in dict.fromkeys(keys) if key not in known]
    rows = [VetoRow(label_id=label_id, key=key, analyst=analyst, undoes=None, created_at=utc_now()) for key in fresh]
    session.add_all(rows)
    session.flush()
    return [_record(one) for one in rows]


def take_back(session: Session, label_id: int, keys: Sequence[str | None] | None = None, analyst: str = "") -> int:
    """Let an answer settle what was taken out again, all of it or some windows; returns how many rows it undid.

    Raises:
        ConflictError: when somebody else does the same right now.
    """
    ours = [one for one in standing(session) if one.label_id == label_id and (keys is None or one.key in keys)]
    now = utc_now()
    undoing = [
        VetoRow(label_id=label_id, key=one.key, analyst=analyst or one.analyst, undoes=one.id, created_at=now)
        for one in ours
    ]
    try:
        with session.begin_nested():
            session.add_all(undoing)
    except IntegrityError as error:
        raise ConflictError(f"what answer {label_id} settles was changed by somebody else; look again") from error
    return len(undoing)


def standing(session: Session) -> list[Veto]:
    """List what is taken out at present, of answers that stand, oldest first."""
    return [_record(row) for row in session.scalars(_standing().order_by(VetoRow.id))]


def since(session: Session, veto_id: int) -> set[int]:
    """Tell for which answers (first rows) something was taken out or put back after a row."""
    return set(session.scalars(select(VetoRow.label_id).where(VetoRow.id > veto_id)))


def keys_of(session: Session, label_ids: Collection[int]) -> set[str]:
    """Name the windows that were ever taken out of what some answers settle."""
    return {key for keys in by_answer(session, label_ids).values() for key in keys}


def by_answer(session: Session, label_ids: Collection[int]) -> dict[int, set[str]]:
    """Name, for each of some answers of which any were, the windows that were ever taken out of what it settles."""
    its = select(VetoRow.label_id, VetoRow.key).where(VetoRow.label_id.in_(label_ids), VetoRow.key.is_not(None))
    found: dict[int, set[str]] = {}
    for label_id, key in session.execute(its):
        found.setdefault(label_id, set()).add(str(key))
    return found


def looked_at(session: Session) -> int:
    """Count the windows that were ever taken out, put back or not, and never asked about: each was looked at."""
    asked = select(LabelRow.key).where(LabelRow.answer.is_not(None), LabelRow.part == 0)
    own = (VetoRow.key.is_not(None), VetoRow.undoes.is_(None), VetoRow.key.not_in(asked))
    return session.scalar(select(func.count(VetoRow.key.distinct())).where(*own)) or 0


def last_id(session: Session) -> int:
    """Number the newest row; 0 for an empty history."""
    return session.scalar(select(func.max(VetoRow.id))) or 0


@cache
def _standing() -> Select[Any]:
    undoing, label_undoing = aliased(VetoRow), aliased(LabelRow)
    taken_back = select(undoing.id).where(undoing.undoes == VetoRow.id).exists()
    answer_gone = select(label_undoing.id).where(label_undoing.undoes == VetoRow.label_id).exists()
    return select(VetoRow).where(VetoRow.undoes.is_(None), ~taken_back, ~answer_gone)


def _record(row: VetoRow) -> Veto:
    return Veto(id=row.id, label_id=row.label_id, key=row.key, analyst=row.analyst, created_at=row.created_at)
