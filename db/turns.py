"""Whose turn is it: the conditions under which somebody may be asked a question."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Integer, Update, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import aliased

from db.given import given
from db.records import Audience, ItemState
from db.shared_tables import AssignmentRow
from db.tables import ItemRow, LabelRow

Item = type[ItemRow]
Name = str | BindParameter[str]
"""Somebody's name, or the place of one in a statement that is put together once."""


@cache
def claiming(audiences: tuple[Audience, ...], *, theirs: bool, several: bool = False) -> Update:
    """Lease somebody (``who``) the first ``count`` open questions that are meant for them, until ``until``.

    Made once, as putting it together takes longer than asking it.

    Args:
        audiences: what they may be asked.
        theirs: only what was assigned to them.
        several: more than one; then of the open copies of a question only the first, as nobody may hold two.
    """
    who: BindParameter[str] = bindparam("who")
    item = aliased(ItemRow)
    first = select(item.id).where(item.state == ItemState.OPEN, may_answer(item, who, audiences))
    first = first.where(holds_none_about_it(item, who), *([is_theirs(item, who)] if theirs else ()))
    first = first.where(*([_is_first_copy(item)] if several else ()))
    first = first.order_by(item.priority.desc(), item.id).limit(bindparam("count", type_=Integer))
    chosen = first.with_for_update(skip_locked=True).cte("chosen")  # PostgreSQL may run a subquery more than once
    taken = update(ItemRow).where(ItemRow.id.in_(select(chosen.c.id)), ItemRow.state == ItemState.OPEN)
    leased = taken.values(state=ItemState.LEASED, leased_by=who, lease_until=bindparam("until"))
    return leased.returning(ItemRow)


def may_answer(item: Item, analyst: Name, audiences: Collection[Audience]) -> ColumnElement[bool]:
    """Say that a question is meant for somebody who has not answered about its window yet.

    A review goes to a reviewer who is among those that differ only where it was assigned to them by name.
    """
    own, review = item.assignee == analyst, item.audience == Audience.REVIEWER
    answered = given().where(LabelRow.key == item.key, LabelRow.analyst == analyst).exists()
    others = exists().where(AssignmentRow.series == item.series)
    theirs = exists().where(AssignmentRow.series == item.series, AssignmentRow.person == analyst)
    return and_(
        item.audience.in_(audiences),
        or_(item.assignee.is_(None), own),
        or_(own, review, theirs, ~others),
        or_(and_(own, review), ~answered),
    )


def holds_none_about_it(item: Item, analyst: Name) -> ColumnElement[bool]:
    """Say that somebody holds no other question about the same window."""
    held = aliased(ItemRow)
    mine = (held.key == item.key, held.state == ItemState.LEASED, held.leased_by == analyst)
    return ~select(held.id).where(*mine).exists()


def _is_first_copy(item: Item) -> ColumnElement[bool]:
    """Say that no other open question about the same window came before."""
    other = aliased(ItemRow)
    before = (other.key == item.key, other.state == ItemState.OPEN, other.id < item.id)
    return ~select(other.id).where(*before).exists()


def is_theirs(item: Item, analyst: Name) -> ColumnElement[bool]:
    """Say that a question was assigned to somebody, by name or by its series."""
    mine = select(AssignmentRow.series).where(AssignmentRow.person == analyst)
    return or_(item.assignee == analyst, item.series.in_(mine))


def of_everybody(item: Any) -> tuple[ColumnElement[bool], ...]:
    """Say that a question is an analyst's, and none whose answer is known."""
    return item.audience == Audience.ANALYST, item.control_id.is_(None)
