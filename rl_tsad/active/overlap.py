"""Which questions are asked of several people?"""

from __future__ import annotations

import numpy as np


def copies_of(count: int, overlap: int, *, share: float, seed: int) -> list[int]:
    """Say how many people each question of a batch is asked of, drawn by chance.

    Args:
        count: questions.
        overlap: people who are asked the same one.
        share: of the questions that are asked of so many, in [0, 1]; one person is asked each other.
        seed: of the draw.

    Example:
        >>> copies_of(4, 3, share=1.0, seed=0), sorted(copies_of(4, 3, share=0.5, seed=0))
        ([3, 3, 3, 3], [1, 1, 3, 3])
    """
    copies = np.ones(count, dtype=np.int64)
    copies[np.random.default_rng(seed).permutation(count)[: round(count * share)]] = overlap
    return [int(number) for number in copies]
