"""Run by Alembic: migrate over the connection that :mod:`db.schema` passes in."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from db.tables import Base


def migrate(connection: Connection) -> None:
    """Run the chosen revisions; the caller owns the transaction, so tables and revision number land together."""
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


if hasattr(context, "config"):  # only inside Alembic: a plain import does nothing
    migrate(context.config.attributes["connection"])
