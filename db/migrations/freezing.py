"""Triggers that refuse every change of what a table already holds: for migrations of append-only tables."""

from __future__ import annotations

from alembic import op


def freeze(table: str) -> None:
    """Refuse every change of what a table already holds."""
    message = f"rows of {table} never change: write a new one"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION refuse_change_of_{table}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{message}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER frozen_{table} BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION refuse_change_of_{table}()"
        )
    elif op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER frozen_{table}_{verb} BEFORE {verb.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )


def thaw(table: str) -> None:
    """Let a table's rows change again, as before it is dropped."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER frozen_{table} ON {table}")
        op.execute(f"DROP FUNCTION refuse_change_of_{table}()")
    elif op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER frozen_{table}_{verb}")
