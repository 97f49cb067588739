"""Work for worker processes: queued once, claimed under a lease, given to another worker when one dies.

::

    QUEUED --claim--> RUNNING --finish--> DONE
                      RUNNING --fail----> FAILED      (the work itself failed: trying again would fail again)
                      RUNNING --lease over--> QUEUED  (the worker died; FAILED after too many attempts)
    QUEUED, RUNNING --cancel--> CANCELLED             (a running worker learns it from its next heartbeat)
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Update, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.errors import MissingRowError
from db.records import Facts, Job, JobState
from db.session import changed, utc_now
from db.tables import UNFINISHED, JobRow

_FREE = {"worker": None, "lease_until": None}


def enqueue(session: Session, kind: str, payload: Facts, idempotency_key: str | None = None) -> Job:
    """Queue work; with a key, work that is already queued or running under that key is returned instead.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     first = enqueue(session, "retrain", {"by": "ann"}, "retrain")
        ...     enqueue(session, "retrain", {"by": "bob"}, "retrain") == first
        True
    """
    while True:
        waiting = _unfinished(session, idempotency_key)
        if waiting is not None:
            return waiting
        row = _new_row(kind, payload, idempotency_key)
        try:
            with session.begin_nested():
                session.add(row)
            return _record(row)
        except IntegrityError:  # another process queued it at the same time
            if idempotency_key is None:
                raise


def claim(session: Session, worker: str, now: datetime, lease_seconds: float, attempts: int = 3) -> Job | None:
    """Take the oldest queued job, after giving up the leases of workers that fell silent.

    Args:
        session: a unit of work.
        worker: a name no other process has, nor this one had in an earlier life.
        now: the time.
        lease_seconds: how long without a heartbeat the job stays with this worker.
        attempts: times that a job is claimed before a silent worker makes it count as failed.

    Returns:
        The job, now running, or None when none is queued.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     _ = enqueue(session, "retrain", {})
        ...     claim(session, "w1", utc_now(), 60).attempts, claim(session, "w2", utc_now(), 60)
        (1, None)
    """
    return_expired(session, now, attempts=attempts)
    first = select(JobRow.id).where(JobRow.state == JobState.QUEUED)
    first = first.order_by(JobRow.id).limit(1).with_for_update(skip_locked=True)
    taken = update(JobRow).where(JobRow.id == first.scalar_subquery(), JobRow.state == JobState.QUEUED)
    leased = taken.values(
        state=JobState.RUNNING,
        worker=worker,
        lease_until=now + timedelta(seconds=lease_seconds),
        attempts=JobRow.attempts + 1,
        started_at=func.coalesce(JobRow.started_at, now, type_=JobRow.started_at.type),
        progress=0.0,
    )
    row = session.scalars(leased.returning(JobRow)).one_or_none()
    return None if row is None else _record(row)


def return_expired(session: Session, now: datetime, *, attempts: int) -> int:
    """Queue the jobs of silent workers again, and give up those tried too often; returns how many were queued."""
    over = select(JobRow.id).where(JobRow.state == JobState.RUNNING, JobRow.lease_until < now)
    silent = update(JobRow).where(
        JobRow.id.in_(over.with_for_update(skip_locked=True)), JobRow.state == JobState.RUNNING
    )
    given_up = silent.where(JobRow.attempts >= attempts)
    message = f"the worker fell silent {attempts} times; see its log, then queue the job again"
    changed(session, given_up.values(state=JobState.FAILED, message=message, finished_at=now, lease_until=None))
    return changed(session, silent.values(state=JobState.QUEUED, **_FREE))


def heartbeat(
    session: Session,
    job_id: int,
    worker: str,
    *,
    now: datetime,
    lease_seconds: float,
    progress: float | None = None,
    message: str | None = None,
) -> bool:
    """Say that the work goes on, and how far it is.

    Returns:
        Whether the job is still this worker's; when not (cancelled, or given to another), stop and write nothing.
    """
    told = {"progress": progress, "message": message}
    values = {name: value for name, value in told.items() if value is not None}
    until = now + timedelta(seconds=lease_seconds)
    return changed(session, _mine(job_id, worker).values(lease_until=until, **values)) == 1


def finish(session: Session, job_id: int, worker: str, *, now: datetime, result: Facts) -> bool:
    """Close a job as done; False when it is no longer this worker's: then roll back what the work wrote."""
    done = _mine(job_id, worker).values(
        state=JobState.DONE, result=result, progress=1.0, finished_at=now, lease_until=None
    )
    return changed(session, done) == 1


def fail(session: Session, job_id: int, worker: str, *, now: datetime, message: str) -> bool:
    """Close a job whose work failed, with the reason; False when it is no longer this worker's."""
    failed = _mine(job_id, worker).values(state=JobState.FAILED, message=message, finished_at=now, lease_until=None)
    return changed(session, failed) == 1


def cancel(session: Session, job_id: int, *, now: datetime) -> bool:
    """Call off a job that is not over; False when it is."""
    open_job = update(JobRow).where(JobRow.id == job_id, JobRow.state.in_(UNFINISHED))
    return changed(session, open_job.values(state=JobState.CANCELLED, finished_at=now, lease_until=None)) == 1


def all(session: Session) -> list[Job]:
    """List every job, oldest first."""
    return [_record(row) for row in session.scalars(select(JobRow).order_by(JobRow.id))]


def get(session: Session, job_id: int) -> Job:
    """Read one job.

    Raises:
        MissingRowError: when there is no such job.
    """
    row = session.get(JobRow, job_id, populate_existing=True)
    if row is None:
        raise MissingRowError(f"expected a job, got the unknown number {job_id}; see the models page for all jobs")
    return _record(row)


def _unfinished(session: Session, idempotency_key: str | None) -> Job | None:
    if idempotency_key is None:
        return None
    same = select(JobRow).where(JobRow.idempotency_key == idempotency_key, JobRow.state.in_(UNFINISHED))
    row = session.scalars(same).one_or_none()
    return None if row is None else _record(row)


def _new_row(kind: str, payload: Facts, idempotency_key: str | None) -> JobRow:
    return JobRow(
        kind=kind,
        payload=payload,
        state=JobState.QUEUED,
        attempts=0,
        progress=0.0,
        message="",
        result={},
        idempotency_key=idempotency_key,
        created_at=utc_now(),
        **_FREE,
    )


def _mine(job_id: int, worker: str) -> Update:
    return update(JobRow).where(JobRow.id == job_id, JobRow.worker == worker, JobRow.state == JobState.RUNNING)


def _record(row: JobRow) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        payload=row.payload,
        state=row.state,
        worker=row.worker,
        lease_until=row.lease_until,
        attempts=row.attempts,
        progress=row.progress,
        message=row.message,
        result=row.result,
        idempotency_key=row.idempotency_key,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
