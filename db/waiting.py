"""Questions that may follow from other answers, and which of them do: keys only, as there may be very many."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.given import counting, given
from db.records import Answer, ItemState
from db.tables import ItemRow, LabelRow
from db.turns import of_everybody

_WAITING = (ItemState.OPEN, ItemState.SETTLED)
Keys = Collection[str] | None
"""Windows that are asked for; all where None."""


def waiting(session: Session, keys: Keys = None) -> list[tuple[str, ItemState]]:
    """List the windows of the questions to everybody that are open or settled, oldest first; of some windows only."""
    rows = _of(keys).with_only_columns(ItemRow.key, ItemRow.state).order_by(ItemRow.id)
    return [(key, state) for key, state in session.execute(rows)]


def labelled(session: Session, answers: Collection[Answer], keys: Keys = None) -> set[str]:
    """Tell about which of these windows an answer of some kinds counts."""
    last = counting().with_only_columns(func.max(LabelRow.id)).where(LabelRow.key.in_(_of(keys)))
    last = last.group_by(LabelRow.key)
    return set(session.scalars(select(LabelRow.key).where(LabelRow.id.in_(last), LabelRow.answer.in_(answers))))


def answered_when_asked(session: Session, keys: Keys = None) -> set[str]:
    """Tell about which of these windows a question was answered: not only one about others that labelled them too."""
    rows = given().with_only_columns(LabelRow.key).where(LabelRow.key.in_(_of(keys)))
    return set(session.scalars(rows.where(LabelRow.part == 0, LabelRow.item_id.is_not(None))))


def _of(keys: Keys) -> Select[Any]:
    rows = select(ItemRow.key).where(ItemRow.state.in_(_WAITING), *of_everybody(ItemRow))
    return rows if keys is None else rows.where(ItemRow.key.in_(keys))
