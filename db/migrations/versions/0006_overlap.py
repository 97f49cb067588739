"""Several people on one queue: copies of a question, reviews, series of certain people, controls.

Questions that are there already are the only copy of theirs, for any analyst.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from db.migrations.freezing import freeze, thaw

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ANSWER = sa.Enum("anomaly", "normal", "unsure", native_enum=False, length=16)
_AUDIENCE = sa.Enum("analyst", "reviewer", native_enum=False, length=16)
_LIVE = "state IN ('open', 'leased', 'settled')"


def _integer() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, _integer(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _index(name: str, columns: list[str], where: str, *, unique: bool = True) -> None:
    op.create_index(
        name, "query_items", columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )


def upgrade() -> None:
    op.add_column("query_items", sa.Column("copy", _integer(), nullable=False, server_default="0"))
    op.add_column("query_items", sa.Column("audience", _AUDIENCE, nullable=False, server_default="analyst"))
    op.add_column("query_items", _text("assignee", nullable=True))
    op.add_column("query_items", _number("control_id", nullable=True))
    op.drop_index("uq_query_items_live", "query_items")
    _index("uq_query_items_live", ["key", "audience", "copy"], f"{_LIVE} AND control_id IS NULL")
    _index("uq_query_items_held", ["key", "leased_by"], "state = 'leased'")
    _index("uq_query_items_dealt", ["control_id", "assignee"], "control_id IS NOT NULL AND state <> 'retired'")
    _index("ix_query_items_reviews", ["key"], "audience = 'reviewer'", unique=False)
    _add_assignments()
    _add_controls()
    _add_control_answers()
    freeze("control_answers")


def _add_assignments() -> None:
    op.create_table(
        "assignments",
        _number("id"),
        *(_text(name) for name in ("series", "person", "who")),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_assignments"),
        sa.UniqueConstraint("series", "person", name="uq_assignments_series_person"),
    )
    op.create_index("ix_assignments_person", "assignments", ["person"])


def _add_controls() -> None:
    op.create_table(
        "controls",
        _number("id"),
        _text("key"),
        sa.Column("expected", _ANSWER, nullable=False),
        _number("item_id"),
        _text("who"),
        _moment("created_at"),
        _moment("ended_at", nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["query_items.id"], name="fk_controls_item_id_query_items"),
        sa.PrimaryKeyConstraint("id", name="pk_controls"),
    )
    active = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_controls_active", "controls", ["key"], unique=True, sqlite_where=active, postgresql_where=active
    )


def _add_control_answers() -> None:
    table = "control_answers"
    op.create_table(
        table,
        *(_number(name) for name in ("id", "control_id", "item_id")),
        sa.Column("answer", _ANSWER, nullable=True),
        _number("undoes", nullable=True),
        _text("analyst"),
        _text("client", nullable=True),
        _number("sequence", nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        _moment("created_at"),
        sa.CheckConstraint("(answer IS NULL) = (undoes IS NOT NULL)", name=op.f(f"ck_{table}_undo_has_no_answer")),
        sa.CheckConstraint("(client IS NULL) = (sequence IS NULL)", name=op.f(f"ck_{table}_client_with_sequence")),
        sa.ForeignKeyConstraint(["control_id"], ["controls.id"], name=f"fk_{table}_control_id_controls"),
        sa.ForeignKeyConstraint(["item_id"], ["query_items.id"], name=f"fk_{table}_item_id_query_items"),
        sa.ForeignKeyConstraint(["undoes"], [f"{table}.id"], name=f"fk_{table}_undoes_{table}"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("undoes", name=f"uq_{table}_undoes"),
    )
    op.create_index(f"uq_{table}_client_sequence", table, ["client", "sequence"], unique=True)
    op.create_index(f"ix_{table}_analyst", table, ["analyst"])


def downgrade() -> None:
    """Keep every answer to a question; what an earlier program does not know of is retired."""
    op.execute(
        "UPDATE query_items SET state = 'retired', leased_by = NULL, lease_until = NULL WHERE state IN "
        "('open', 'leased', 'settled') AND (copy > 0 OR audience <> 'analyst' OR control_id IS NOT NULL)"
    )
    thaw("control_answers")
    for table in ("control_answers", "controls", "assignments"):
        op.drop_table(table)
    for index in ("ix_query_items_reviews", "uq_query_items_dealt", "uq_query_items_held", "uq_query_items_live"):
        op.drop_index(index, "query_items")
    for column in ("control_id", "assignee", "audience", "copy"):
        op.drop_column("query_items", column)
    live = sa.text(_LIVE)
    op.create_index(
        "uq_query_items_live", "query_items", ["key"], unique=True, sqlite_where=live, postgresql_where=live
    )
