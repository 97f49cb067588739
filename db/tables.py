"""The rows, one class a table (more in ``shared_tables``). Only the modules beside this one know them.

``labels``, ``answer_details``, ``spreads``, ``vetoes`` and ``audit`` are append-only, ``model_versions`` never change:
triggers made by the migrations refuse anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from db.desk_records import Role
from db.records import Answer, Audience, ItemState, JobState

LIVE = ("open", "leased", "settled")
"""States of a question that may still be asked; at most one of each copy is alive."""

UNFINISHED = ("queued", "running")
"""States of a job that is not over."""

_LIVE_COPY_SQL = text("state IN ('open', 'leased', 'settled') AND control_id IS NULL")
_DEALT_SQL = text("control_id IS NOT NULL AND state <> 'retired'")
_HELD_SQL = text("state = 'leased'")
_REVIEW_SQL = text("audience = 'reviewer'")
_UNFINISHED_SQL = text("state IN ('queued', 'running')")


class UtcDateTime(TypeDecorator[datetime]):
    """Timezone-aware UTC datetimes on every database; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware datetime into what the database keeps."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected a timezone-aware datetime, got {value!r}; use datetime.now(UTC)")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn what the database kept into an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _choice(kind: type[Answer | Audience | ItemState | JobState | Role]) -> Enum:
    return Enum(
        kind, native_enum=False, length=16, values_callable=lambda members: [member.value for member in members]
    )


def _only(name: str, *columns: str, where: TextClause) -> Index:
    """A unique index over some rows."""
    return Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


_BIG = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Base of the tables: names of constraints are the same on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads this class attribute)
        int: _BIG,
        str: Text(),
        datetime: UtcDateTime(),
        Mapping[str, Any]: JSON(),
        list[str]: JSON(),
        list[list[int]]: JSON(),
        Answer: _choice(Answer),
        Audience: _choice(Audience),
        ItemState: _choice(ItemState),
        JobState: _choice(JobState),
        Role: _choice(Role),
    }


class SeriesRow(Base):
    """A series whose arrays lie in files."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[str] = mapped_column(unique=True)
    path: Mapped[str | None]
    rows: Mapped[int]
    channels: Mapped[list[str]]
    timezone: Mapped[str | None]
    has_truth: Mapped[bool]
    source: Mapped[str]
    exogenous: Mapped[list[str]] = mapped_column(server_default="[]")
    created_at: Mapped[datetime]


class VersionRow(Base):
    """A model version whose tensors lie in files."""

    __tablename__ = "model_versions"

    id: Mapped[int] = mapped_column(primary_key=True)
    folder: Mapped[str | None]
    digest: Mapped[str]
    config: Mapped[Mapping[str, Any]]
    metrics: Mapped[Mapping[str, Any]]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"), index=True)
    seconds: Mapped[float | None]
    created_at: Mapped[datetime]


class PointerRow(Base):
    """A name for a model version; the one named ``current`` is in use."""

    __tablename__ = "pointers"

    name: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))


class ItemRow(Base):
    """A question in the queue."""

    __tablename__ = "query_items"
    __table_args__ = (
        Index("ix_query_items_next", "state", "priority"),
        Index("ix_query_items_lease", "state", "lease_until"),
        Index("ix_query_items_key", "key"),
        Index("ix_query_items_reviews", "key", sqlite_where=_REVIEW_SQL, postgresql_where=_REVIEW_SQL),
        _only("uq_query_items_live", "key", "audience", "copy", where=_LIVE_COPY_SQL),
        _only("uq_query_items_held", "key", "leased_by", where=_HELD_SQL),
        _only("uq_query_items_dealt", "control_id", "assignee", where=_DEALT_SQL),
        CheckConstraint("(state = 'leased') = (leased_by IS NOT NULL AND lease_until IS NOT NULL)", name="lease"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    series: Mapped[str]
    start: Mapped[int]
    length: Mapped[int]
    span_low: Mapped[int]
    span_high: Mapped[int]
    version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    strategy: Mapped[str]
    reason: Mapped[str]
    priority: Mapped[float]
    probability: Mapped[float]
    margin: Mapped[float]
    event_low: Mapped[int] = mapped_column(server_default="0")
    event_high: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[ItemState]
    leased_by: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    copy: Mapped[int] = mapped_column(server_default="0")
    audience: Mapped[Audience] = mapped_column(server_default=Audience.ANALYST)
    assignee: Mapped[str | None]
    control_id: Mapped[int | None]


class LabelRow(Base):
    """One row of the append-only history: what one answer, or one undoing of it, says of one window."""

    __tablename__ = "labels"
    __table_args__ = (
        Index("uq_labels_client_sequence", "client", "sequence", "part", unique=True),
        Index("ix_labels_key", "key"),
        Index("ix_labels_analyst", "analyst"),
        CheckConstraint("(answer IS NULL) = (undoes IS NOT NULL)", name="undo_has_no_answer"),
        CheckConstraint("(client IS NULL) = (sequence IS NULL)", name="client_with_sequence"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    series: Mapped[str]
    start: Mapped[int]
    length: Mapped[int]
    answer: Mapped[Answer | None]
    analyst: Mapped[str]
    item_id: Mapped[int | None] = mapped_column(ForeignKey("query_items.id"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    undoes: Mapped[int | None] = mapped_column(ForeignKey("labels.id"), unique=True)
    client: Mapped[str | None]
    sequence: Mapped[int | None]
    part: Mapped[int] = mapped_column(server_default="0")
    mark_low: Mapped[int | None]
    mark_high: Mapped[int | None]
    created_at: Mapped[datetime]


class DetailRow(Base):
    """What came with an answer beside the answer itself."""

    __tablename__ = "answer_details"

    id: Mapped[int] = mapped_column(primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("labels.id"), unique=True)
    marks: Mapped[list[list[int]]]
    fault: Mapped[str | None]
    comment: Mapped[str | None]
    seconds: Mapped[float | None]


class SpreadRow(Base):
    """What became of other windows when an answer was given or taken back."""

    __tablename__ = "spreads"
    __table_args__ = (UniqueConstraint("label_id", "version_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("labels.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    graph: Mapped[str]
    epsilon: Mapped[float]
    floor_normal: Mapped[float | None]
    floor_anomaly: Mapped[float | None]
    touched: Mapped[int]
    normals: Mapped[int]
    anomalies: Mapped[int]
    released: Mapped[int]
    checked: Mapped[int]
    agreed: Mapped[int]
    created_at: Mapped[datetime]


class VetoRow(Base):
    """A window that an answer must not settle, or (no key) that it must settle none; or the undoing of that."""

    __tablename__ = "vetoes"
    __table_args__ = (Index("ix_vetoes_label_id", "label_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("labels.id"))
    key: Mapped[str | None]
    analyst: Mapped[str]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("vetoes.id"), unique=True)
    created_at: Mapped[datetime]


class JobRow(Base):
    """Work for a worker process."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_next", "state", "id"),
        Index("ix_jobs_lease", "state", "lease_until"),
        _only("uq_jobs_unfinished", "idempotency_key", where=_UNFINISHED_SQL),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[Mapping[str, Any]]
    state: Mapped[JobState]
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int]
    progress: Mapped[float]
    message: Mapped[str]
    result: Mapped[Mapping[str, Any]]
    idempotency_key: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class PersonRow(Base):
    """Somebody who may come in."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role]
    active: Mapped[bool]
    created_at: Mapped[datetime]


class TokenRow(Base):
    """A key to the API, known by its digest only."""

    __tablename__ = "tokens"
    __table_args__ = (Index("ix_tokens_person_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class AuditRow(Base):
    """Something that somebody did."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_who", "who"), Index("ix_audit_action", "action"))

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[Mapping[str, Any]]
