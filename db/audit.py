"""What people did that others may ask about: rows are only ever added, the database refuses anything else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from db.desk_records import AuditEntry
from db.records import Facts
from db.session import utc_now
from db.tables import AuditRow


@dataclass(frozen=True)
class AuditFilter:
    """Which entries are wanted; what is None does not matter.

    Attributes:
        who: name of who did it, exactly.
        action: what was done, such as ``person/role``, or the part before the slash for all of that kind.
        since, until: from when on, and up to when (without it).
    """

    who: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = AuditFilter()


def append(session: Session, who: str, action: str, subject: str, details: Facts) -> AuditEntry:
    """Write down that somebody did something, in the same unit of work as what they did.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     _ = append(session, "ann", "person/role", "bob", {"role": "viewer"})
        ...     entries(session, AuditFilter(action="person"))[0].subject, count(session, AuditFilter(who="eve"))
        ('bob', 0)
    """
    row = AuditRow(at=utc_now(), who=who, action=action, subject=subject, details=details)
    session.add(row)
    session.flush()
    return _record(row)


def entries(
    session: Session, wanted: AuditFilter = EVERYTHING, *, limit: int | None = None, before: int | None = None
) -> list[AuditEntry]:
    """List entries, newest first.

    Args:
        session: a unit of work.
        wanted: which ones.
        limit: at most so many; None for all.
        before: only entries with a smaller number: the number of the last one seen gives the next page.
    """
    query = select(AuditRow).where(*_conditions(wanted))
    paged = query if before is None else query.where(AuditRow.id < before)
    return [_record(row) for row in session.scalars(paged.order_by(AuditRow.id.desc()).limit(limit))]


def count(session: Session, wanted: AuditFilter = EVERYTHING) -> int:
    """Count entries."""
    return session.scalar(select(func.count(AuditRow.id)).where(*_conditions(wanted))) or 0


def actions(session: Session) -> list[str]:
    """Name the actions that occur, in order of the alphabet."""
    return sorted(session.scalars(select(AuditRow.action).distinct()))


def names(session: Session) -> list[str]:
    """Name who did something, in order of the alphabet."""
    return sorted(session.scalars(select(AuditRow.who).distinct()))


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found = []
    if wanted.who is not None:
        found.append(AuditRow.who == wanted.who)
    if wanted.action is not None:
        its_kind = AuditRow.action.startswith(f"{wanted.action}/", autoescape=True)
        found.append(or_(AuditRow.action == wanted.action, its_kind))
    if wanted.since is not None:
        found.append(AuditRow.at >= wanted.since)
    if wanted.until is not None:
        found.append(AuditRow.at < wanted.until)
    return found


def _record(row: AuditRow) -> AuditEntry:
    return AuditEntry(id=row.id, at=row.at, who=row.who, action=row.action, subject=row.subject, details=row.details)
