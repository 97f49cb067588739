"""Roles of channels: which of them only explain the others. Series that are there already keep all as targets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("series", sa.Column("exogenous", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("series", "exogenous")
