"""The door to the store: open it by URL, then work in units that are kept whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from db.errors import UnavailableError
from db.schema import upgrade
from db.session import READ_ONLY, make_engine, read_url

_BROKEN = (OperationalError, InterfaceError, DatabaseError)
"""Not reachable, locked or damaged; their subclasses speak of the rows instead."""


class Store:
    """Labels, queue, jobs, model versions and series in one database.

    One object serves all threads of a process; every process opens its own.

    Example:
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     session.connection().dialect.name
        'sqlite'
    """

    def __init__(self, url: URL, engine: Engine) -> None:
        self._url = url
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Store:
        """Open a database; an empty one is filled with tables, an older one is migrated.

        Args:
            url: an SQLAlchemy URL such as ``sqlite:////folder/store.db`` or ``postgresql://user:password@host/name``.

        Raises:
            StoreError: when the text is no URL of a known database.
            DriverMissingError: when its driver is not installed.
            UnavailableError: when it cannot be reached.
            SchemaError: when it is newer than this program or belongs to another one.
        """
        parsed = read_url(url)
        store = cls(parsed, make_engine(parsed))
        try:
            with store._naming_the_database():
                upgrade(store._engine)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def url(self) -> URL:
        """Where the rows are; ``str`` and ``repr`` mask the password."""
        return self._url

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a unit of work: committed on leaving, rolled back on any exception.

        When the block has been left without an exception, what was written survives a crash of this process, of the
        database and (SQLite: ``synchronous=FULL``) of the machine.

        Raises:
            UnavailableError: when the database cannot be reached or stays locked.
        """
        with self._naming_the_database(), Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a unit that only reads and waits for no writer; whatever is written in it is rolled back.

        Raises:
            UnavailableError: when the database cannot be reached.
        """
        engine = self._engine.execution_options(**READ_ONLY)
        with self._naming_the_database(), Session(engine, autoflush=False) as session:
            yield session

    def close(self) -> None:
        """Give all connections back; the store opens new ones when it is used again."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self._url!r})"

    @contextmanager
    def _naming_the_database(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if type(error) not in _BROKEN:
                raise
            raise UnavailableError(
                f"expected the database {self._url!r} to answer, got: {str(error.orig).strip()}; check that it runs, "
                "that the user may write to it and that the disk is not full"
            ) from error
