"""How far each client's log was dealt with, also where an entry left no row: a skip, or one that was refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clients",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("handled", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("client", name="pk_clients"),
    )


def downgrade() -> None:
    op.drop_table("clients")
