"""Questions about events: a proposed stretch a question, several windows an answer, and what the analyst marked.

Questions that are there already propose their own window; answers that are there already are about one window.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MESSAGE = "uq_labels_client_sequence"
_THAW = {
    "sqlite": ("DROP TRIGGER frozen_labels_update",),
    "postgresql": ("ALTER TABLE labels DISABLE TRIGGER frozen_labels",),
}
_FREEZE = {
    "sqlite": (
        "CREATE TRIGGER frozen_labels_update BEFORE UPDATE ON labels "
        "BEGIN SELECT RAISE(ABORT, 'rows of labels never change: write a new one'); END",
    ),
    "postgresql": ("ALTER TABLE labels ENABLE TRIGGER frozen_labels",),
}


def _integer() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column in ("event_low", "event_high"):
        op.add_column("query_items", sa.Column(column, _integer(), nullable=False, server_default="0"))
    op.execute("UPDATE query_items SET event_low = span_low, event_high = span_high")
    op.add_column("labels", sa.Column("part", _integer(), nullable=False, server_default="0"))
    for column in ("mark_low", "mark_high"):
        op.add_column("labels", sa.Column(column, _integer(), nullable=True))
    op.drop_index(_MESSAGE, "labels")
    op.create_index(_MESSAGE, "labels", ["client", "sequence", "part"], unique=True)


def downgrade() -> None:
    """Keep every label: the further windows of an answer become answers of their own, sent by a client of their own."""
    dialect = op.get_bind().dialect.name
    for statement in _THAW.get(dialect, ()):
        op.execute(statement)
    op.execute("UPDATE labels SET client = client || '/' || part WHERE part > 0 AND client IS NOT NULL")
    for statement in _FREEZE.get(dialect, ()):
        op.execute(statement)
    op.drop_index(_MESSAGE, "labels")
    op.create_index(_MESSAGE, "labels", ["client", "sequence"], unique=True)
    for column in ("mark_high", "mark_low", "part"):
        op.drop_column("labels", column)
    for column in ("event_high", "event_low"):
        op.drop_column("query_items", column)
