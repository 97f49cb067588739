"""What the store may refuse.

Every message has three parts: what was expected, what came, what to do. No message carries a password.

::

    StoreError
     ├── DriverMissingError   the URL names a database whose driver is not installed; names the extra
     ├── UnavailableError     the database cannot be opened or does not answer
     ├── SchemaError          the database is newer than this program, or belongs to another one
     ├── MissingRowError      an id or a name that is not there
     └── ConflictError        a row that contradicts what is already kept
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of every error of the store."""


class DriverMissingError(StoreError):
    """The URL names a database whose driver is not installed."""


class UnavailableError(StoreError):
    """The database cannot be opened or does not answer."""


class SchemaError(StoreError):
    """The database is newer than this program, or belongs to another one."""


class MissingRowError(StoreError):
    """An id or a name that is not there."""


class ConflictError(StoreError):
    """A row that contradicts what is already kept."""
