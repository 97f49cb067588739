"""How long work tells how far it is and what it measures, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)``; a stage is a path such as ``"detector/aster"``."""

Log = Callable[[str, float], None]
"""Called as ``log(path, value)`` by what learns; a path is such as ``"aster/validation"``."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Listen to nothing.

    Example:
        >>> no_progress("detector/aster", 1, 10)
    """
