"""What each answer settled in windows that nobody answered: append-only, a row an answer and model version."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from db.session import utc_now
from db.spread_records import NewSpread, Spread
from db.tables import LabelRow, SpreadRow


def add(session: Session, new: NewSpread) -> bool:
    """Record what an answer changed, once for each model version.

    Returns:
        Whether the row is new; another process may have spread the same answer before.
    """
    try:
        with session.begin_nested():
            session.add(SpreadRow(**vars(new), created_at=utc_now()))
    except IntegrityError:
        return False
    return True


def add_all(session: Session, new: Sequence[NewSpread]) -> None:
    """Record what several answers changed, as :func:`add`, with one savepoint where none of them is known."""
    try:
        with session.begin_nested():
            session.add_all([SpreadRow(**vars(one), created_at=utc_now()) for one in new])
    except IntegrityError:
        for one in new:
            add(session, one)


def of_labels(session: Session, label_ids: Sequence[int]) -> list[Spread]:
    """List what some answers changed, by their first rows, oldest first."""
    its = select(SpreadRow).where(SpreadRow.label_id.in_(label_ids)).order_by(SpreadRow.id)
    return [_record(row) for row in session.scalars(its)]


def all(session: Session) -> list[Spread]:
    """List every row, oldest first."""
    return [_record(row) for row in session.scalars(select(SpreadRow).order_by(SpreadRow.id))]


def checked(session: Session) -> tuple[int, int]:
    """Count the windows that people answered after they stood settled, and those of them that were settled right.

    Answers that were taken back do not count: the same is asked again.
    """
    undoing = aliased(LabelRow)
    taken_back = select(undoing.id).where(undoing.undoes == SpreadRow.label_id).exists()
    sums = select(func.coalesce(func.sum(SpreadRow.checked), 0), func.coalesce(func.sum(SpreadRow.agreed), 0))
    seen, right = session.execute(sums.where(~taken_back)).one()
    return int(seen), int(right)


def _record(row: SpreadRow) -> Spread:
    return Spread(
        id=row.id,
        label_id=row.label_id,
        version_id=row.version_id,
        graph=row.graph,
        epsilon=row.epsilon,
        floor_normal=row.floor_normal,
        floor_anomaly=row.floor_anomaly,
        touched=row.touched,
        normals=row.normals,
        anomalies=row.anomalies,
        released=row.released,
        checked=row.checked,
        agreed=row.agreed,
        created_at=row.created_at,
    )
