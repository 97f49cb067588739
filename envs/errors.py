"""What may go wrong with an environment; every message says what was expected, what came and what to do."""

from __future__ import annotations


class EnvError(ValueError):
    """Arrays, settings or calls that an environment cannot work with.

    Example:
        >>> raise EnvError("expected an action in {0, 1, 2}, got 3; 0 says normal, 1 says anomaly, 2 asks")
        Traceback (most recent call last):
            ...
        envs.errors.EnvError: expected an action in {0, 1, 2}, got 3; 0 says normal, 1 says anomaly, 2 asks
    """
