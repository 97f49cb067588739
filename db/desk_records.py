"""The nouns of a desk that several people share: who they are, what they may, what they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.records import Facts


class Role(StrEnum):
    """What somebody may do; each role may all that those before it may."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    REVIEWER = "reviewer"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Place in the order of roles, from 0.

        Example:
            >>> Role.ADMIN.rank > Role.VIEWER.rank
            True
        """
        return list(Role).index(self)


@dataclass(frozen=True)
class Person:
    """Somebody who may come in.

    Attributes:
        name: unique; what an identity provider or a proxy calls them, and what their answers are kept under.
        role: what they may.
        active: whether they may come in at all.
    """

    id: int
    name: str
    role: Role
    active: bool
    created_at: datetime


@dataclass(frozen=True)
class Token:
    """A key to the API; the key itself is not kept.

    Attributes:
        person_id: in whose name.
        name: what it is for, in their words.
        role: the most that it may, however much its owner may.
        expires_at: None for never.
        revoked_at: when it was taken back; None while it counts.
        used_at: when it was last used, to the minute.
    """

    id: int
    person_id: int
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True)
class AuditEntry:
    """Something that somebody did; never changed.

    Attributes:
        who: name of the person, or of the program where none was there.
        action: what, such as ``person/role`` or ``token/revoke``.
        subject: to whom or what.
        details: further facts; never a secret.
    """

    id: int
    at: datetime
    who: str
    action: str
    subject: str
    details: Facts


@dataclass(frozen=True)
class AnswerDetail:
    """What came with an answer beside the answer itself; never changed.

    Attributes:
        label_id: first row of the answer.
        marks: stretches of points [low, high) marked as anomalous, in time order; the label's own marks span them all.
        fault: kind of fault, in the analyst's words.
        comment: whatever else was said.
        seconds: how long the question lay in front of the analyst.
    """

    label_id: int
    marks: Sequence[tuple[int, int]] = ()
    fault: str | None = None
    comment: str | None = None
    seconds: float | None = None
