"""Which rows of the history are answers that nobody took back, and which of them count: queries that others build on.

Where people's answers to copies of one question differ, a review of it is opened. From then on the answers to the
copies do not count; the answer to the review does, once there is one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased

from db.records import Audience, ItemState
from db.tables import LIVE, ItemRow, LabelRow


@cache
def given() -> Select[Any]:
    """All answers that nobody took back; made once, as putting it together takes longer than asking it."""
    undoing = aliased(LabelRow)
    taken_back = select(undoing.id).where(undoing.undoes == LabelRow.id).exists()
    return select(LabelRow).where(LabelRow.answer.is_not(None), ~taken_back)


@cache
def counting() -> Select[Any]:
    """Those of them that are not left to a review."""
    return given().where(~of_items(_reviewed()))


def of_items(items: Select[Any]) -> ColumnElement[bool]:
    """Say that an answer was given to one of some questions; never true of answers that nobody asked for."""
    return func.coalesce(LabelRow.item_id, 0).in_(items)


def _reviewed() -> Select[Any]:
    copy, review = aliased(ItemRow), aliased(ItemRow)
    is_review = (review.audience == Audience.REVIEWER, review.state.in_((*LIVE, ItemState.ANSWERED)))
    reviewed = select(review.key).where(*is_review)
    return select(copy.id).where(copy.audience == Audience.ANALYST, copy.key.in_(reviewed))
