"""A row of the queue as others see it, and what a further question about the same takes over from it."""

from __future__ import annotations

from typing import Any

from db.records import Audience, ItemState, QueryItem
from db.session import utc_now
from db.tables import ItemRow

_SAME = (
    *("key", "series", "start", "length", "span_low", "span_high", "event_low", "event_high"),
    *("version_id", "probability", "margin", "strategy", "reason", "priority"),
)


def another(row: ItemRow, **different: Any) -> ItemRow:
    """Make an open question about the same as another one, as it was asked then, but for what is given."""
    plain = {name: getattr(row, name) for name in _SAME}
    fresh = {"state": ItemState.OPEN, "copy": 0, "audience": Audience.ANALYST, "created_at": utc_now()}
    return ItemRow(**{**plain, **fresh, **different})


def as_record(row: ItemRow) -> QueryItem:
    """Give a row as a plain record."""
    return QueryItem(
        id=row.id,
        key=row.key,
        series=row.series,
        start=row.start,
        length=row.length,
        span_low=row.span_low,
        span_high=row.span_high,
        version_id=row.version_id,
        strategy=row.strategy,
        reason=row.reason,
        priority=row.priority,
        probability=row.probability,
        margin=row.margin,
        event_low=row.event_low,
        event_high=row.event_high,
        state=row.state,
        leased_by=row.leased_by,
        lease_until=row.lease_until,
        created_at=row.created_at,
        copy=row.copy,
        audience=row.audience,
        assignee=row.assignee,
        control_id=row.control_id,
    )
