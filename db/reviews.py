"""Questions that several people are asked: what each says, where they differ, and the review that decides then."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.orm import Session, aliased

from db.given import given
from db.item_rows import another, as_record
from db.records import Answer, Audience, ItemState, QueryItem
from db.session import changed
from db.tables import LIVE, ItemRow, LabelRow

STRATEGY = "disagreement"
REASON = "people who were asked about this answered differently; what you say counts"
_FIRST = 1.0
"""Added to the priority of a question, at most 1, so that reviews come before questions."""


@dataclass(frozen=True)
class Opinion:
    """What somebody says of a question that others are asked as well: their last answer that was not taken back.

    Attributes:
        key: the window that was asked about.
        analyst: who says it.
        label_id: the answer's first row.
        asked: what it says of that window.
        answer: the answer as a whole: anomaly where it calls any window one.
        at: when it was given.
    """

    key: str
    analyst: str
    label_id: int
    asked: Answer
    answer: Answer
    at: datetime


def differ(opinions: Iterable[Opinion]) -> bool:
    """Tell whether people contradict each other; being unsure contradicts nobody.

    Example:
        >>> from datetime import UTC
        >>> def says(who, answer):
        ...     return Opinion("a:0:8", who, 1, answer, answer, datetime(2026, 1, 1, tzinfo=UTC))
        >>> ann, bob, cleo = says("ann", Answer.NORMAL), says("bob", Answer.ANOMALY), says("cleo", Answer.UNSURE)
        >>> differ([ann, bob]), differ([ann, cleo])
        (True, False)
    """
    sure = [one for one in opinions if one.answer != Answer.UNSURE]
    return len({one.answer for one in sure}) > 1 or len({one.asked for one in sure}) > 1


def opinions(
    session: Session, keys: Collection[str] | None = None, *, audience: Audience = Audience.ANALYST
) -> list[Opinion]:
    """List what people say of questions that several were asked, in the order it came.

    Args:
        session: a unit of work.
        keys: windows that were asked about; all when omitted.
        audience: of the questions; reviewers for what was said in reviews.
    """
    values = {"audience": audience} if keys is None else {"audience": audience, "keys": list(keys)}
    answers: dict[tuple[str, str, object], list[LabelRow]] = {}
    for row, key in session.execute(_answers(of_some=keys is not None), values):
        message = row.id if row.client is None else (row.client, row.sequence)
        answers.setdefault((key, row.analyst, message), []).append(row)
    last: dict[tuple[str, str], Opinion] = {}
    for (key, analyst, _), its in answers.items():
        last.pop((key, analyst), None)
        last[key, analyst] = _opinion(key, sorted(its, key=lambda row: row.part))
    return list(last.values())


def refresh(session: Session, key: str) -> None:
    """Open a review of a question where people's answers differ, close an open one where they no longer do.

    At most one review of a question is alive. Call it where nobody else answers the same question meanwhile.
    """
    if not is_shared(session, key):
        return
    review = (ItemRow.key == key, ItemRow.audience == Audience.REVIEWER)
    if not differ(opinions(session, [key])):
        over = update(ItemRow).where(*review, ItemRow.state.in_(LIVE))
        changed(session, over.values(state=ItemState.RETIRED, leased_by=None, lease_until=None))
    elif (
        session.scalars(select(ItemRow.id).where(*review, ItemRow.state != ItemState.RETIRED).limit(1)).first() is None
    ):
        session.add(_review_of(session, key))
        session.flush()


def items(session: Session) -> list[QueryItem]:
    """List the reviews that are alive or were answered, newest first."""
    rows = select(ItemRow).where(ItemRow.audience == Audience.REVIEWER, ItemRow.state != ItemState.RETIRED)
    return [as_record(row) for row in session.scalars(rows.order_by(ItemRow.id.desc()))]


def is_shared(session: Session, key: str) -> bool:
    """Tell whether several people are, or were, asked the question about a window."""
    return session.scalars(_further_copies(), {"asked": key}).first() is not None


def windows_beside(session: Session, item_ids: Collection[int]) -> dict[int, set[str]]:
    """List the windows of all answers to the questions of some items, by item, where several people are asked them.

    One person's answer changes what others' answers count for: whatever follows from those must be looked at again.
    """
    asked, further, copy, answered = aliased(ItemRow), aliased(ItemRow), aliased(ItemRow), LabelRow
    shared = select(further.id).where(further.key == asked.key, further.copy > 0, further.control_id.is_(None))
    rows = select(asked.id, answered.key).join(copy, copy.key == asked.key).join(answered, answered.item_id == copy.id)
    found: dict[int, set[str]] = {}
    for item, key in session.execute(rows.where(asked.id.in_(item_ids), shared.exists()).distinct()):
        found.setdefault(item, set()).add(key)
    return found


@cache
def _further_copies() -> Select[Any]:
    copies = select(ItemRow.id).where(ItemRow.key == bindparam("asked"), ItemRow.copy > 0)
    return copies.where(ItemRow.control_id.is_(None)).limit(1)


@cache
def _answers(*, of_some: bool) -> Select[Any]:
    """Answers to copies of questions, with the window that was asked about; made once, as :func:`db.given.given`."""
    copy = aliased(ItemRow)
    shared = select(copy.key).where(copy.copy > 0, copy.control_id.is_(None))
    rows = given().add_columns(ItemRow.key).join(ItemRow, ItemRow.id == LabelRow.item_id)
    rows = rows.where(ItemRow.audience == bindparam("audience", type_=ItemRow.audience.type))
    rows = rows.where(ItemRow.key.in_(bindparam("keys", expanding=True) if of_some else shared))
    return rows.order_by(LabelRow.id)


def _opinion(key: str, rows: list[LabelRow]) -> Opinion:
    first = rows[0]
    asked = first.answer or Answer.UNSURE
    answer = Answer.ANOMALY if any(row.answer == Answer.ANOMALY for row in rows) else asked
    return Opinion(key, first.analyst, first.id, asked, answer, first.created_at)


def _review_of(session: Session, key: str) -> ItemRow:
    asked = select(ItemRow).where(
        ItemRow.key == key, ItemRow.audience == Audience.ANALYST, ItemRow.control_id.is_(None)
    )
    last = session.scalars(asked.order_by(ItemRow.id.desc()).limit(1)).one()
    first = _FIRST + last.priority
    return another(last, audience=Audience.REVIEWER, strategy=STRATEGY, reason=REASON, priority=first)
