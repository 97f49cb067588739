"""Keys to the API. A key itself is never kept: only its SHA-256, which says nothing about a key of 256 random bits."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from db.desk_records import Person, Role, Token
from db.errors import MissingRowError
from db.people import record as person_record
from db.session import changed, utc_now
from db.tables import PersonRow, TokenRow

USE_EVERY = timedelta(minutes=1)
"""The time of use is written at most this often."""


def digest_of(secret: str) -> str:
    """Give what is kept of a secret.

    Example:
        >>> digest_of("rlt_x")[:8], len(digest_of("rlt_x"))
        ('8a09960b', 64)
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def add(
    session: Session, person_id: int, digest: str, *, name: str, role: Role, expires_at: datetime | None = None
) -> Token:
    """Keep a new key.

    Args:
        session: a unit of work.
        person_id: whose.
        digest: of its secret, see :func:`digest_of`.
        name: what it is for.
        role: the most that it may.
        expires_at: when it ends; None for never.

    Example:
        >>> from db import people
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     ann = people.add(session, "ann", Role.ANALYST)
        ...     key = add(session, ann.id, digest_of("rlt_x"), name="script", role=Role.VIEWER)
        ...     find(session, digest_of("rlt_x")) == (key, ann), find(session, digest_of("rlt_y"))
        (True, None)
    """
    row = TokenRow(
        person_id=person_id,
        name=name,
        digest=digest,
        role=role,
        created_at=utc_now(),
        expires_at=expires_at,
        revoked_at=None,
        used_at=None,
    )
    session.add(row)
    session.flush()
    return _record(row)


def find(session: Session, digest: str) -> tuple[Token, Person] | None:
    """Look a key up with its owner, whether it still counts or not; one indexed read."""
    both = select(TokenRow, PersonRow).join(PersonRow, PersonRow.id == TokenRow.person_id)
    found = session.execute(both.where(TokenRow.digest == digest)).one_or_none()
    return None if found is None else (_record(found[0]), person_record(found[1]))


def get(session: Session, token_id: int) -> tuple[Token, Person]:
    """Read a key by number, with its owner.

    Raises:
        MissingRowError: when there is no such key.
    """
    both = select(TokenRow, PersonRow).join(PersonRow, PersonRow.id == TokenRow.person_id)
    found = session.execute(both.where(TokenRow.id == token_id)).one_or_none()
    if found is None:
        raise MissingRowError(f"expected a token, got the unknown number {token_id}; see `rl-tsad token list`")
    return _record(found[0]), person_record(found[1])


def all(session: Session, person_id: int | None = None) -> list[tuple[Token, Person]]:
    """List keys with their owners, newest first: everybody's, or one person's."""
    both = select(TokenRow, PersonRow).join(PersonRow, PersonRow.id == TokenRow.person_id)
    wanted = both if person_id is None else both.where(TokenRow.person_id == person_id)
    return [
        (_record(token), person_record(person))
        for token, person in session.execute(wanted.order_by(TokenRow.id.desc()))
    ]


def revoke(session: Session, token_id: int, now: datetime) -> bool:
    """Take a key back; False when it was taken back before, whose time stays."""
    live = update(TokenRow).where(TokenRow.id == token_id, TokenRow.revoked_at.is_(None))
    return changed(session, live.values(revoked_at=now)) == 1


def revoke_all(session: Session, person_id: int, now: datetime) -> int:
    """Take all keys of a person back; how many counted until now."""
    live = update(TokenRow).where(TokenRow.person_id == person_id, TokenRow.revoked_at.is_(None))
    return changed(session, live.values(revoked_at=now))


def touch(session: Session, token_id: int, now: datetime) -> bool:
    """Note that a key was used; nothing is written where that was noted less than a minute ago."""
    stale = or_(TokenRow.used_at.is_(None), TokenRow.used_at <= now - USE_EVERY)
    return changed(session, update(TokenRow).where(TokenRow.id == token_id, stale).values(used_at=now)) == 1


def sweep(session: Session, before: datetime) -> None:
    """Drop keys that ended before a time; the audit still tells of them."""
    session.execute(delete(TokenRow).where(TokenRow.expires_at < before))


def _record(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        person_id=row.person_id,
        name=row.name,
        role=row.role,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )
