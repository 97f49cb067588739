"""Who acts here and what they may; keys to the API. Every change writes the audit in the same unit of work."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from db import audit, labels, people, tokens
from db.desk_records import Person, Role, Token
from db.errors import ConflictError, MissingRowError, StoreError
from db.session import utc_now
from rl_tsad.errors import AccessError, StrangerError, WorkspaceError
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace

PREFIX = "rlt_"
SECRET_LENGTH = len(PREFIX) + 43
NAME_LIMIT = 200
PAGE = "page"
"""Name of the keys that pages take for their visitors."""

_SWEPT_AFTER = timedelta(days=30)
_FOREVER_HOURS = 100 * 365 * 24


@dataclass(frozen=True)
class Visitor:
    """Who acts, and what they may.

    Attributes:
        name: answers are kept under it.
        role: what they may; behind a token the smaller of the token's and its owner's.
    """

    name: str
    role: Role

    def may(self, least: Role) -> bool:
        """Tell whether their role is at least this one.

        Example:
            >>> Visitor("ann", Role.REVIEWER).may(Role.ANALYST), Visitor("ann", Role.REVIEWER).may(Role.ADMIN)
            (True, False)
        """
        return self.role.rank >= least.rank


def local_visitor(name: str) -> Visitor:
    """Give whoever sits at this machine every power: its files are theirs anyway."""
    return Visitor(name, Role.ADMIN)


def require(visitor: Visitor, least: Role, verb: str) -> None:
    """Refuse what a role may not do.

    Raises:
        AccessError: when the visitor's role is a smaller one.

    Example:
        >>> require(Visitor("ann", Role.ADMIN), Role.REVIEWER, "read the audit")
        >>> try:
        ...     require(Visitor("bob", Role.VIEWER), Role.ANALYST, "answer")
        ... except AccessError as error:
        ...     str(error)
        "expected a role of analyst or above to answer, got 'bob' with the role viewer; ask an admin for another role"
    """
    if not visitor.may(least):
        above = "" if least is Role.ADMIN else " or above"
        raise AccessError(
            f"expected a role of {least.value}{above} to {verb}, got {visitor.name!r} with the role "
            f"{visitor.role.value}; ask an admin for another role"
        )


def require_over_answer(ws: Workspace, visitor: Visitor, label_id: int) -> None:
    """Refuse to change what an answer settles: one's own takes an analyst, somebody else's a reviewer.

    Raises:
        AccessError: when the visitor's role is a smaller one.
        LabelingError: when there is no such answer.
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.read() as session:
        rows = labels.answer_rows(session, label_id)
    theirs = any(row.analyst != visitor.name for row in rows)
    require(visitor, Role.REVIEWER if theirs else Role.ANALYST, "change what an answer settles" + " of others" * theirs)


def write_audit(session: Session, who: str, action: str, subject: str, **details: Any) -> None:
    """Write down what somebody did, in the unit of work that does it.

    Args:
        session: that unit of work.
        who: their name.
        action: what kind of thing, such as ``control/set``.
        subject: to whom or what.
        details: further facts as JSON values; never a secret.
    """
    audit.append(session, who, action, subject, details)


def recognise(ws: Workspace, secret: str) -> Visitor:
    """Tell who comes with a token.

    The secret is looked up by its digest, so how long that takes says nothing about any other secret.

    Raises:
        StrangerError: when the token is unknown, expired, revoked or its owner no longer active; all in the same words.
        WorkspaceError: when the store does not answer.
    """
    digest, now = tokens.digest_of(secret[: SECRET_LENGTH + 1]), utc_now()
    with in_words(), ws.store.read() as session:
        found = tokens.find(session, digest)
    if found is None or not _counts(*found, now):
        raise StrangerError(
            "expected a token that counts, got one that is unknown, expired, revoked or of somebody no longer active; "
            "make a new one on the page People or with `rl-tsad token make`"
        )
    token, person = found
    if token.used_at is None or token.used_at <= now - tokens.USE_EVERY:
        with in_words(), ws.store.begin() as session:
            tokens.touch(session, token.id, now)
    return Visitor(person.name, min(token.role, person.role, key=lambda role: role.rank))


def _counts(token: Token, person: Person, now: datetime) -> bool:
    return person.active and token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def check_name(name: str) -> str:
    """Accept a name as it is; nothing is cut or mended, so that no two people become one.

    Raises:
        AccessError: when it is empty, too long, or has spaces around it or signs that cannot be seen.

    Example:
        >>> check_name("ann@example.org")
        'ann@example.org'
    """
    if not name or name != name.strip() or not name.isprintable() or len(name) > NAME_LIMIT:
        raise AccessError(
            f"expected a name of 1 to {NAME_LIMIT} visible signs without spaces around it, got {name[:60]!r}; "
            "write it as the identity provider or the proxy does"
        )
    return name


def mint(ws: Workspace, who: Visitor, *, owner: str, name: str, role: Role, hours: float | None) -> tuple[Token, str]:
    """Make a token: a key to the API in somebody's name.

    Args:
        ws: the workspace.
        who: who makes it; for somebody else only an admin.
        owner: in whose name.
        name: what it is for.
        role: the most that it may: at most what its owner and its maker may.
        hours: after how many it ends; None for never.

    Returns:
        The token, and its secret, which is kept nowhere and cannot be shown again.

    Raises:
        AccessError: when the visitor may not, or nobody active is called so.
    """
    if owner != who.name:
        require(who, Role.ADMIN, "make a token for somebody else")
    if hours is not None and not 0 < hours < _FOREVER_HOURS:
        raise AccessError(f"expected more than 0 hours and less than 100 years, got {hours}; leave it out for no end")
    secret = PREFIX + secrets.token_urlsafe(32)
    with changing(ws) as session:
        person = people.get(session, owner)
        _check_power(who, person, role)
        now = utc_now()
        ends = None if hours is None else now + timedelta(hours=hours)
        tokens.sweep(session, now - _SWEPT_AFTER)
        token = tokens.add(
            session, person.id, tokens.digest_of(secret), name=check_name(name), role=role, expires_at=ends
        )
        action = "session/open" if name == PAGE else "token/make"
        write_audit(session, who.name, action, owner, token=token.id, name=name, role=role.value, hours=hours)
    return token, secret


def _check_power(who: Visitor, owner: Person, role: Role) -> None:
    if not owner.active:
        raise AccessError(
            f"expected somebody who may come in, got {owner.name!r}, who no longer may; let them in first"
        )
    most = min(owner.role, who.role, key=lambda one: one.rank)
    if role.rank > most.rank:
        raise AccessError(
            f"expected a token for {owner.name!r} with a role up to {most.value}, got {role.value}; "
            "choose a smaller one"
        )


def list_tokens(ws: Workspace, who: Visitor, owner: str | None = None) -> list[tuple[Token, Person]]:
    """List tokens with their owners, newest first: one's own, or anybody's (None: everybody's) for an admin.

    Raises:
        AccessError: when the visitor asks for those of others and is no admin.
    """
    if owner != who.name:
        require(who, Role.ADMIN, "see the tokens of others")
    with in_words(), ws.store.read() as session:
        person = None if owner is None else people.find(session, owner)
        return [] if owner is not None and person is None else tokens.all(session, person.id if person else None)


def token_state(token: Token, owner: Person) -> str:
    """Say whether a token counts, and until when, or why it does not."""
    if token.revoked_at is not None:
        return "revoked"
    if not owner.active:
        return "owner kept out"
    if token.expires_at is None:
        return "counts"
    return f"{'counts until' if utc_now() < token.expires_at else 'ended'} {token.expires_at:%Y-%m-%d %H:%M} UTC"


def revoke(ws: Workspace, who: Visitor, token_id: int, *, dry_run: bool = False) -> bool:
    """Take a token back: one's own, or anybody's for an admin; False when it was taken back before.

    Raises:
        AccessError: when it is somebody else's and the visitor is no admin, or there is none of this number.
    """
    with changing(ws) as session:
        token, person = tokens.get(session, token_id)
        if person.name != who.name:
            require(who, Role.ADMIN, "take back a token of somebody else")
        if dry_run or not tokens.revoke(session, token_id, utc_now()):
            return dry_run and token.revoked_at is None
        action = "session/close" if token.name == PAGE else "token/revoke"
        write_audit(session, who.name, action, person.name, token=token_id, name=token.name)
    return True


@contextmanager
def changing(ws: Workspace) -> Iterator[Session]:
    """Open a unit of work about people; what is missing or contradicts is told as a refusal.

    Raises:
        AccessError: when somebody or something is not there, or is there already.
        WorkspaceError: when the store does not answer.
    """
    try:
        with ws.store.begin() as session:
            yield session
    except (MissingRowError, ConflictError) as error:
        raise AccessError(str(error)) from error
    except StoreError as error:
        raise WorkspaceError(str(error)) from error
