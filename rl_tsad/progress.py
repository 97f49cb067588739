"""How long work tells how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)``; a stage is a path such as ``"detector/vae"``."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Listen to nothing.

    Example:
        >>> no_progress("detector/vae", 1, 10)
    """
