"""Where randomness comes from: one integer seed, split by name."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """Give a seed of its own to a named part of the work, the same on every machine and after every restart.

    Args:
        seed: the run's seed, any integer.
        names: what the seed is for, outermost first.

    Returns:
        An integer in [0, 2**31).

    Example:
        >>> derive_seed(0, "vae") == derive_seed(0, "vae")
        True
        >>> derive_seed(0, "vae") == derive_seed(0, "ppo")
        False
    """
    text = "/".join([str(int(seed)), *(str(name) for name in names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF


def derive_rng(seed: int, *names: str | int) -> np.random.Generator:
    """Give a NumPy generator of its own to a named part of the work (see :func:`derive_seed`).

    Example:
        >>> float(derive_rng(0, "queue").random()) == float(derive_rng(0, "queue").random())
        True
    """
    return np.random.default_rng(derive_seed(seed, *names))
