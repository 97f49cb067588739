"""Many leases at once: held longer, given back, or put off, each by one UPDATE that waits for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from db.records import ItemState
from db.session import changed
from db.tables import LIVE, ItemRow

_FREE = {"leased_by": None, "lease_until": None}


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
