"""A desk for several people: who may come in, keys to the API, what was done, what came with an answer."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from db.migrations.freezing import freeze, thaw

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_FROZEN = ("answer_details", "audit")
_ROLE = sa.Enum("viewer", "analyst", "reviewer", "admin", native_enum=False, length=16)


def _integer() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, _integer(), nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "answer_details",
        _number("id"),
        _number("label_id"),
        sa.Column("marks", sa.JSON(), nullable=False),
        _text("fault", nullable=True),
        _text("comment", nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["label_id"], ["labels.id"], name="fk_answer_details_label_id_labels"),
        sa.PrimaryKeyConstraint("id", name="pk_answer_details"),
        sa.UniqueConstraint("label_id", name="uq_answer_details_label_id"),
    )
    op.create_table(
        "people",
        _number("id"),
        _text("name"),
        sa.Column("role", _ROLE, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("name", name="uq_people_name"),
    )
    op.create_table(
        "tokens",
        _number("id"),
        _number("person_id"),
        _text("name"),
        _text("digest"),
        sa.Column("role", _ROLE, nullable=False),
        _moment("created_at"),
        *(_moment(name, nullable=True) for name in ("expires_at", "revoked_at", "used_at")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_tokens_person_id_people"),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
    )
    op.create_index("ix_tokens_person_id", "tokens", ["person_id"])
    op.create_table(
        "audit",
        _number("id"),
        _moment("at"),
        *(_text(name) for name in ("who", "action", "subject")),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    for column in ("who", "action"):
        op.create_index(f"ix_audit_{column}", "audit", [column])
    for table in _FROZEN:
        freeze(table)


def downgrade() -> None:
    for table in _FROZEN:
        thaw(table)
    for table in ("audit", "tokens", "people", "answer_details"):
        op.drop_table(table)
