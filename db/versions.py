"""Model versions: written once, never changed; which one is in use is a pointer."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.errors import ConflictError, MissingRowError
from db.records import ModelVersion, NewVersion
from db.session import utc_now
from db.tables import PointerRow, VersionRow

_CURRENT = "current"


def add(session: Session, new: NewVersion) -> ModelVersion:
    """Record a model version; it becomes current only by :func:`set_current`.

    Raises:
        ConflictError: when it names a parent or a job that does not exist.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     version = add(session, NewVersion(digest="abc", metrics={"auc_pr": 0.5}))
        ...     version.folder, current(session)
        ('models/1', None)
    """
    row = VersionRow(**vars(new), created_at=utc_now())
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise ConflictError(
            f"expected parent {new.parent_id} and job {new.job_id} to exist, got none of that number; add them first"
        ) from error
    session.refresh(row)  # as the database keeps it: numbers that are not finite became null
    return _record(row)


def get(session: Session, version_id: int) -> ModelVersion:
    """Read one model version.

    Raises:
        MissingRowError: when there is no such version.
    """
    return _record(_row(session, version_id))


def all(session: Session) -> list[ModelVersion]:
    """List every model version, oldest first."""
    return [_record(row) for row in session.scalars(select(VersionRow).order_by(VersionRow.id))]


def current(session: Session) -> ModelVersion | None:
    """Read the version in use; None before the first one."""
    pointed = select(VersionRow).join(PointerRow, PointerRow.version_id == VersionRow.id)
    row = session.scalars(pointed.where(PointerRow.name == _CURRENT)).one_or_none()
    return None if row is None else _record(row)


def set_current(session: Session, version_id: int) -> None:
    """Put a version to use.

    Raises:
        MissingRowError: when there is no such version.
    """
    _row(session, version_id)
    session.merge(PointerRow(name=_CURRENT, version_id=version_id))
    session.flush()


def of_job(session: Session, job_id: int) -> list[ModelVersion]:
    """List the versions that a job made, oldest first: what a job that is tried again finds done already."""
    made = select(VersionRow).where(VersionRow.job_id == job_id).order_by(VersionRow.id)
    return [_record(row) for row in session.scalars(made)]


def _row(session: Session, version_id: int) -> VersionRow:
    row = session.get(VersionRow, version_id)
    if row is None:
        raise MissingRowError(
            f"expected a model version, got the unknown number {version_id}; see `rl-tsad models list`"
        )
    return row


def _record(row: VersionRow) -> ModelVersion:
    return ModelVersion(
        id=row.id,
        folder=row.folder or f"models/{row.id}",
        digest=row.digest,
        config=row.config,
        metrics=row.metrics,
        parent_id=row.parent_id,
        job_id=row.job_id,
        seconds=row.seconds,
        created_at=row.created_at,
    )
