"""Which series there are: one row each, found again by name or by content."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.errors import ConflictError, MissingRowError
from db.records import NewSeries, SeriesRecord
from db.session import changed, utc_now
from db.tables import SeriesRow


def add(session: Session, new: NewSeries) -> SeriesRecord:
    """Record a series; content that is already there gives the record that is there.

    Raises:
        ConflictError: when the name is taken by other content.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     record = add(session, NewSeries("pump", digest="abc", rows=3, channels=("flow",)))
        ...     record.path, add(session, NewSeries("pump", digest="abc", rows=3, channels=("flow",))) == record
        ('series/1', True)
    """
    found = _taken(session, new)
    if found is None:
        try:
            with session.begin_nested():
                row = SeriesRow(
                    name=new.name,
                    digest=new.digest,
                    path=new.path,
                    rows=new.rows,
                    channels=list(new.channels),
                    timezone=new.timezone,
                    has_truth=new.has_truth,
                    source=new.source,
                    exogenous=list(new.exogenous),
                    created_at=utc_now(),
                )
                session.add(row)
            return _record(row)
        except IntegrityError:  # another process was faster
            found = _taken(session, new)
    if found is None or found.digest != new.digest:
        raise ConflictError(
            f"expected a new name or the same content, got other content under the taken name {new.name!r}; "
            "choose another name"
        )
    return found


def extend(session: Session, old: SeriesRecord, new: NewSeries) -> SeriesRecord:
    """Let a series go on: the same name, more rows; its windows keep their keys.

    Raises:
        ConflictError: when the series has changed meanwhile.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     old = add(session, NewSeries("pump", digest="abc", rows=3, channels=("flow",)))
        ...     extend(session, old, NewSeries("pump", digest="abcd", rows=4, channels=("flow",), path="series/x")).rows
        4
    """
    same = (SeriesRow.id == old.id) & (SeriesRow.digest == old.digest)
    values = {"digest": new.digest, "path": new.path, "rows": new.rows, "source": new.source}
    if changed(session, update(SeriesRow).where(same).values(has_truth=new.has_truth, **values)) != 1:
        raise ConflictError(f"expected the series {new.name!r} as it was read, got a newer one; ingest the file again")
    return _record(session.get_one(SeriesRow, old.id, populate_existing=True))


def set_exogenous(session: Session, series_id: int, exogenous: Iterable[str]) -> SeriesRecord:
    """Change which channels of a series only explain the others.

    Raises:
        MissingRowError: when there is no such series.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     record = add(session, NewSeries("pump", digest="abc", rows=3, channels=("flow", "valve")))
        ...     set_exogenous(session, record.id, ["valve"]).exogenous
        ('valve',)
    """
    if changed(session, update(SeriesRow).where(SeriesRow.id == series_id).values(exogenous=list(exogenous))) != 1:
        raise MissingRowError(f"expected a series with id {series_id}, got none; list the series again")
    return _record(session.get_one(SeriesRow, series_id, populate_existing=True))


def all(session: Session) -> list[SeriesRecord]:
    """List every series, oldest first."""
    return [_record(row) for row in session.scalars(select(SeriesRow).order_by(SeriesRow.id))]


def get(session: Session, name: str) -> SeriesRecord | None:
    """Find a series by name; None when there is none."""
    row = session.scalars(select(SeriesRow).where(SeriesRow.name == name)).one_or_none()
    return None if row is None else _record(row)


def _taken(session: Session, new: NewSeries) -> SeriesRecord | None:
    same = or_(SeriesRow.digest == new.digest, SeriesRow.name == new.name)
    rows = [_record(row) for row in session.scalars(select(SeriesRow).where(same))]
    return next((row for row in rows if row.digest == new.digest), rows[0] if rows else None)


def _record(row: SeriesRow) -> SeriesRecord:
    return SeriesRecord(
        id=row.id,
        name=row.name,
        digest=row.digest,
        path=row.path or f"series/{row.id}",
        rows=row.rows,
        channels=tuple(row.channels),
        timezone=row.timezone,
        has_truth=row.has_truth,
        source=row.source,
        exogenous=tuple(row.exogenous),
        created_at=row.created_at,
    )
