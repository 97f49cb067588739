"""Many leases at once: taken, held longer, given back, or put off, each by one UPDATE that waits for nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Update, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import assignments
from db.item_rows import as_record
from db.records import Audience, ItemState, QueryItem
from db.session import changed
from db.tables import LIVE, ItemRow
from db.turns import claiming

_FREE = {"leased_by": None, "lease_until": None}
_TRIES = 5
"""Times that a claim goes on after the same person claimed another copy of the same question at the same moment."""


def claim(
    session: Session,
    analyst: str,
    now: datetime,
    lease_seconds: float,
    *,
    count: int,
    audiences: Collection[Audience] = (Audience.ANALYST,),
) -> list[QueryItem]:
    """Take up to so many open questions as :func:`db.queries.claim` does, in few statements however many they are."""
    values = {"who": analyst, "until": now + timedelta(seconds=lease_seconds)}
    found: list[QueryItem] = []
    for theirs in (True, False) if assignments.has_any(session, analyst) else (False,):
        several = count - len(found) > 1
        while len(found) < count:
            statement = claiming(tuple(audiences), theirs=theirs, several=several)
            rows = _claimed(session, statement, values | {"count": count - len(found) if several else 1})
            found += sorted((as_record(row) for row in rows), key=lambda item: (-item.priority, item.id))
            if not several and not rows:
                break
            several = False  # what is left, one by one: further copies, and what others were taking just then
    return found


def _claimed(session: Session, statement: Update, values: Mapping[str, Any]) -> Sequence[ItemRow]:
    for _ in range(_TRIES):
        try:
            with session.begin_nested():
                return session.scalars(statement, values).all()
        except IntegrityError:  # they took another copy of the same question at the same moment
            continue
    return []


def heartbeat(
    session: Session, item_ids: Sequence[int], analyst: str, now: datetime, lease_seconds: float
) -> list[int]:
    """Hold questions longer; returns those that are still this analyst's, in the order given."""
    until = now + timedelta(seconds=lease_seconds)
    longer = update(ItemRow).where(_theirs(item_ids, analyst)).values(lease_until=until)
    changed(session, longer)
    held = select(ItemRow.id).where(ItemRow.id.in_(item_ids), ItemRow.state == ItemState.LEASED)
    still = set(session.scalars(held.where(ItemRow.leased_by == analyst)))
    return [number for number in item_ids if number in still]


def release(session: Session, item_ids: Sequence[int], analyst: str) -> int:
    """Give questions back unanswered; returns how many were this analyst's.

    Example:
        >>> from db import queries
        >>> from db.records import NewItem
        >>> from db.session import utc_now
        >>> from db.store import Store
        >>> new = [NewItem(f"a:{n}:8", "a", n, 8, n, n + 8, "top", "high score", 1.0, 0.9, 0.8) for n in (0, 8)]
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     numbers = [item.id for item in queries.replace(session, new, None)]
        ...     taken = [queries.claim(session, "ann", utc_now(), 300).id for _ in numbers]
        ...     heartbeat(session, [*taken, 77], "ann", utc_now(), 300) == taken, release(session, taken, "ann")
        (True, 2)
    """
    free = update(ItemRow).where(_theirs(item_ids, analyst)).values(state=ItemState.OPEN, **_FREE)
    return changed(session, free)


def put_off(session: Session, item_id: int, analyst: str) -> bool:
    """Give a question back unanswered, to be asked after all others; False when it is no longer this analyst's."""
    last = select(func.min(ItemRow.priority)).where(ItemRow.state.in_(LIVE)).scalar_subquery()
    back = update(ItemRow).where(_theirs([item_id], analyst))
    return changed(session, back.values(state=ItemState.OPEN, priority=last - 1, **_FREE)) == 1


def _theirs(item_ids: Sequence[int], analyst: str) -> ColumnElement[bool]:
    """Say that a row is leased to somebody; rows that another unit of work is changing are passed over."""
    mine = select(ItemRow.id).where(ItemRow.id.in_(item_ids), ItemRow.leased_by == analyst)
    mine = mine.where(ItemRow.state == ItemState.LEASED).order_by(ItemRow.id)
    return ItemRow.id.in_(mine.with_for_update(skip_locked=True))
