"""What the store refuses, in words that are meant for a user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from db.errors import ConflictError, MissingRowError, StoreError
from rl_tsad.errors import LabelingError, WorkspaceError


@contextmanager
def in_words() -> Iterator[None]:
    """Turn the store's refusals into this package's errors.

    Raises:
        LabelingError: when a row is missing or in conflict.
        WorkspaceError: when the store does not answer.

    Example:
        >>> try:
        ...     with in_words():
        ...         raise MissingRowError("expected a question, got none")
        ... except LabelingError as error:
        ...     str(error)
        'expected a question, got none'
    """
    try:
        yield
    except (MissingRowError, ConflictError) as error:
        raise LabelingError(str(error)) from error
    except StoreError as error:
        raise WorkspaceError(str(error)) from error
