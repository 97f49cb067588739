"""Which tables a database has, and how it gets those of this program: Alembic, run from inside the package."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from db.errors import SchemaError
from db.tables import Base

_LOCK = 7_236_172_301
"""Number of the PostgreSQL advisory lock under which one process migrates while others wait."""


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring a database to a revision; several processes may call this at once.

    Raises:
        SchemaError: when the database is newer than this program or belongs to another one.

    Example:
        >>> from db.session import make_engine, read_url
        >>> engine = make_engine(read_url("sqlite://"))
        >>> upgrade(engine)
        >>> current_revision(engine) == head_revision()
        True
        >>> engine.dispose()
    """
    if revision == "head" and current_revision(engine) == head_revision():
        return
    with engine.begin() as connection:
        _wait_for_turn(connection)
        _check(connection)
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take a database back to an older revision, ``"base"`` for none; data of dropped tables is lost.

    Raises:
        SchemaError: when the database is newer than this program or belongs to another one.
    """
    with engine.begin() as connection:
        _wait_for_turn(connection)
        _check(connection)
        command.downgrade(_config(connection), revision)


def current_revision(engine: Engine) -> str | None:
    """Name the revision a database is at; None for one without our tables."""
    with engine.connect().execution_options(rl_tsad_read_only=True) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """Name the newest revision this program knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _wait_for_turn(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _check(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise SchemaError(
            f"expected a database of revision {head_revision()} or older, got {current}; upgrade rl-tsad, or name a "
            "database of its own in the setting `database`"
        )
    strangers = set(inspect(connection).get_table_names()) & set(Base.metadata.tables)
    if current is None and strangers:
        raise SchemaError(
            f"expected an empty database or one of rl-tsad, got one with tables {', '.join(sorted(strangers))} of "
            "another program; name a database of its own in the setting `database`"
        )
