"""How the database is spoken to: the engine for a URL, and small helpers that every table shares."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Engine, Update, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from db.errors import DriverMissingError, StoreError, UnavailableError

READ_ONLY = {"rl_tsad_read_only": True}
"""Execution option of a connection that only reads: SQLite then takes no write lock."""

_BUSY_SECONDS = 60
_BULK_LOCK = 7_236_172_302
_DRIVERS = {"postgresql": "psycopg", "postgres": "psycopg"}


def utc_now() -> datetime:
    """Tell the time as every row keeps it.

    Example:
        >>> utc_now().tzinfo is UTC
        True
    """
    return datetime.now(UTC)


def read_url(address: str) -> URL:
    """Parse a database URL; PostgreSQL without a driver means psycopg.

    Raises:
        StoreError: when the text is no URL. The text itself is not repeated: it may hold a password.

    Example:
        >>> read_url("postgresql://ann:secret@host/labels")
        postgresql+psycopg://ann:***@host/labels
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise StoreError(
            "expected a database URL such as 'sqlite:///store.db' or 'postgresql://user:password@host/name', got "
            "something else (not shown, it may hold a password); check the setting `database`"
        ) from None
    return url.set(drivername=f"postgresql+{_DRIVERS[url.drivername]}") if url.drivername in _DRIVERS else url


def make_engine(url: URL) -> Engine:
    """Make an engine that keeps what it acknowledged and says UTC.

    Raises:
        DriverMissingError: when the driver is not installed.
        StoreError: when the kind of database is unknown.
        UnavailableError: when the folder of an SQLite file is missing.
    """
    _check_folder(url)
    extra: dict[str, Any] = {"poolclass": StaticPool} if _in_memory(url) else {}
    if url.get_backend_name() == "sqlite":
        extra["connect_args"] = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
    else:
        extra["pool_pre_ping"] = True
    try:
        engine = create_engine(url, json_serializer=_to_json, hide_parameters=True, **extra)
    except NoSuchModuleError:
        raise StoreError(
            f"expected a database that SQLAlchemy knows, got {url.drivername!r}; use sqlite or postgresql"
        ) from None
    except ModuleNotFoundError as error:
        raise DriverMissingError(
            f"expected the driver {error.name!r} for {url.get_backend_name()}, which is not installed; "
            "run: pip install 'rl-tsad[postgres]'"
        ) from error
    if url.get_backend_name() == "sqlite":
        _tune_sqlite(engine)
    return engine


def changed(session: Session, statement: Update) -> int:
    """Run an UPDATE and count the rows it changed: what a conditional claim decides by."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def one_at_a_time(session: Session) -> None:
    """Let changes of many questions, or of one that several people answer, wait for each other until they are kept.

    On PostgreSQL by an advisory lock, so that they cannot deadlock; on SQLite there is one writer anyhow.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _BULK_LOCK})


def _in_memory(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def _check_folder(url: URL) -> None:
    if url.get_backend_name() != "sqlite" or _in_memory(url) or str(url.database).startswith("file:"):
        return
    folder = Path(str(url.database)).parent
    if not folder.is_dir():
        raise UnavailableError(f"expected the folder {folder} for the store, which is not there; make it first")


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins nothing itself: _on_begin does
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={_BUSY_SECONDS * 1000}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("rl_tsad_read_only", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _to_json(value: Any) -> str:
    return json.dumps(_finite(value), allow_nan=False, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
