"""Who is asked about which series: where a series is somebody's, nobody else is asked about it."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.session import utc_now
from db.shared_tables import AssignmentRow


def assign(session: Session, series: str, person: str, who: str) -> bool:
    """Let a person be asked about a series, as others may be too; False when they are already.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     assign(session, "pump", "ann", "rita"), assign(session, "pump", "ann", "rita"), everybody(session)
        (True, False, {'pump': ['ann']})
    """
    try:
        with session.begin_nested():
            session.add(AssignmentRow(series=series, person=person, who=who, created_at=utc_now()))
    except IntegrityError:
        return False
    return True


def unassign(session: Session, series: str, person: str) -> bool:
    """Take a series from a person; where it was nobody else's, anybody is asked again. False when it was not theirs."""
    its = select(AssignmentRow.id).where(AssignmentRow.series == series, AssignmentRow.person == person)
    found = session.scalars(its).all()
    session.execute(delete(AssignmentRow).where(AssignmentRow.id.in_(found)))
    return bool(found)


def everybody(session: Session) -> dict[str, list[str]]:
    """List the people of each series that has any, by name."""
    found: dict[str, list[str]] = {}
    for row in session.scalars(select(AssignmentRow).order_by(AssignmentRow.series, AssignmentRow.person)):
        found.setdefault(row.series, []).append(row.person)
    return found


def has_any(session: Session, person: str) -> bool:
    """Tell whether any series is this person's."""
    return session.scalars(select(AssignmentRow.id).where(AssignmentRow.person == person).limit(1)).first() is not None
