"""What a user may be told went wrong.

Every message has three parts: what was expected, what came, what to do.

::

    RlTsadError
     ├── DataError            a file or an array does not hold what it should (file, line and column where known)
     ├── ConfigError          a setting is unknown, of the wrong type or out of range
     ├── WorkspaceError       the workspace folder is missing, damaged or of another version
     │    └── NotTrainedError something needs a model version and there is none yet
     ├── CheckpointError      a saved model is missing, truncated, tampered with or of another shape
     ├── LabelingError        an answer or a lease that cannot be accepted
     ├── AccessError          somebody who may not do this
     │    └── StrangerError   somebody who may not come in: unknown, no longer active, a key that does not count
     └── LanguageError        a language model did not do what it was asked
          ├── SilentModelError   it did not answer: not there, busy, too slow, or it refused the call
          └── ReplyError         it answered, but not in the form that was asked for
"""

from __future__ import annotations

from collections.abc import Sequence


class RlTsadError(Exception):
    """Base of every error that is meant for a user; the command line prints it without a traceback."""


class DataError(RlTsadError):
    """A file or an array does not hold what it should."""


class ConfigError(RlTsadError):
    """A setting is unknown, of the wrong type or out of range."""


class WorkspaceError(RlTsadError):
    """The workspace folder is missing, damaged or of another version."""


class NotTrainedError(WorkspaceError):
    """Something needs a model version and there is none yet."""


class CheckpointError(RlTsadError):
    """A saved model is missing, truncated, tampered with or of another shape."""


class LabelingError(RlTsadError):
    """An answer or a lease that cannot be accepted."""


class AccessError(RlTsadError):
    """Somebody may not do this."""


class StrangerError(AccessError):
    """Somebody may not come in: unknown, no longer active, or with a key that does not count."""


class LanguageError(RlTsadError):
    """A language model did not do what it was asked."""


class SilentModelError(LanguageError):
    """A language model did not answer: not there, busy, too slow, or it refused the call.

    Attributes:
        may_cost: whether it may have worked for an answer that did not arrive, and may want money for it.
    """

    def __init__(self, message: str, *, may_cost: bool = False) -> None:
        super().__init__(message)
        self.may_cost = may_cost


class ReplyError(LanguageError):
    """A language model answered, but not in the form that was asked for."""


def listed(names: Sequence[str], most: int = 5) -> str:
    """Name the first of many things, and say how many more there are.

    Example:
        >>> listed(["flow", "temp", "load"], most=2), listed([])
        ('flow, temp and 1 more', '')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
