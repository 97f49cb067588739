"""The rows of a shared queue: whose series it is, what is known beforehand, what was said of it, who is heard so far.

``control_answers`` is append-only, as ``labels`` is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.records import Answer
from db.tables import Base

_ACTIVE_SQL = text("ended_at IS NULL")


class AssignmentRow(Base):
    """A person who is asked about a series; others are not, while there is any."""

    __tablename__ = "assignments"
    __table_args__ = (UniqueConstraint("series", "person"), Index("ix_assignments_person", "person"))

    id: Mapped[int] = mapped_column(primary_key=True)
    series: Mapped[str]
    person: Mapped[str]
    who: Mapped[str]
    created_at: Mapped[datetime]


class ControlRow(Base):
    """A window whose answer is known, asked again in the form of an earlier question about it."""

    __tablename__ = "controls"
    __table_args__ = (
        Index("uq_controls_active", "key", unique=True, sqlite_where=_ACTIVE_SQL, postgresql_where=_ACTIVE_SQL),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    expected: Mapped[Answer]
    item_id: Mapped[int] = mapped_column(ForeignKey("query_items.id"))
    who: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ControlAnswerRow(Base):
    """What somebody said of a control, or the undoing of that."""

    __tablename__ = "control_answers"
    __table_args__ = (
        Index("uq_control_answers_client_sequence", "client", "sequence", unique=True),
        Index("ix_control_answers_analyst", "analyst"),
        CheckConstraint("(answer IS NULL) = (undoes IS NOT NULL)", name="undo_has_no_answer"),
        CheckConstraint("(client IS NULL) = (sequence IS NULL)", name="client_with_sequence"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    control_id: Mapped[int] = mapped_column(ForeignKey("controls.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("query_items.id"))
    answer: Mapped[Answer | None]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("control_answers.id"), unique=True)
    analyst: Mapped[str]
    client: Mapped[str | None]
    sequence: Mapped[int | None]
    seconds: Mapped[float | None]
    created_at: Mapped[datetime]


class ClientRow(Base):
    """How far a client's log was dealt with."""

    __tablename__ = "clients"

    client: Mapped[str] = mapped_column(primary_key=True)
    handled: Mapped[int]
