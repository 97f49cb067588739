"""Who may come in, and what they may; names are unique and never change, since answers are kept under them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.desk_records import Person, Role
from db.errors import ConflictError, MissingRowError
from db.session import utc_now
from db.tables import PersonRow


def add(session: Session, name: str, role: Role) -> Person:
    """Record somebody who may come in.

    Raises:
        ConflictError: when somebody of this name is recorded.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     ann = add(session, "ann", Role.ANALYST)
        ...     set_role(session, "ann", Role.ADMIN).role.value, find(session, "bob"), admins(session)[0].name
        ('admin', None, 'ann')
    """
    row = PersonRow(name=name, role=role, active=True, created_at=utc_now())
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise ConflictError(
            f"expected a name that is not recorded yet, got {name!r}, who is; change their role instead"
        ) from error
    return record(row)


def find(session: Session, name: str) -> Person | None:
    """Look somebody up by name; None where nobody is called so."""
    row = session.scalars(select(PersonRow).where(PersonRow.name == name)).one_or_none()
    return None if row is None else record(row)


def get(session: Session, name: str) -> Person:
    """Read somebody by name.

    Raises:
        MissingRowError: when nobody is called so.
    """
    return record(_row(session, name))


def all(session: Session) -> list[Person]:
    """List everybody, by name."""
    return [record(row) for row in session.scalars(select(PersonRow).order_by(PersonRow.name, PersonRow.id))]


def admins(session: Session) -> list[Person]:
    """List the admins who may come in, and keep others from changing them until this unit of work is over."""
    query = select(PersonRow).where(PersonRow.role == Role.ADMIN, PersonRow.active.is_(True))
    locked = query.order_by(PersonRow.id).with_for_update().execution_options(populate_existing=True)
    return [record(row) for row in session.scalars(locked)]


def set_role(session: Session, name: str, role: Role) -> Person:
    """Give somebody another role.

    Raises:
        MissingRowError: when nobody is called so.
    """
    row = _row(session, name)
    row.role = role
    session.flush()
    return record(row)


def set_active(session: Session, name: str, active: bool) -> Person:
    """Let somebody in, or keep them out; what they did stays.

    Raises:
        MissingRowError: when nobody is called so.
    """
    row = _row(session, name)
    row.active = active
    session.flush()
    return record(row)


def record(row: PersonRow) -> Person:
    """Turn a row into what others see."""
    return Person(id=row.id, name=row.name, role=row.role, active=row.active, created_at=row.created_at)


def _row(session: Session, name: str) -> PersonRow:
    query = select(PersonRow).where(PersonRow.name == name)
    row = session.scalars(query, execution_options={"populate_existing": True}).one_or_none()
    if row is None:
        raise MissingRowError(f"expected somebody who is recorded, got {name!r}; see `rl-tsad team list`")
    return row
