"""How odd is the oddest target? Each is looked at by itself: few faults touch all channels, most touch one or two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from rl_tsad.detector.calibrate import Tails, fit_tails, oddness
from rl_tsad.types import Float32

Part = TypeVar("Part")
Score = Callable[[Part, Float32], Float32]
"""Scores (T,) of one target's values (T, 1) by what is known of it."""


@dataclass(frozen=True)
class Solo(Generic[Part]):
    """What is usual of each target by itself.

    Attributes:
        parts: of K targets.
        tails: of their scores on the recording that they were learnt from.
    """

    parts: tuple[Part, ...]
    tails: Tails


def fit_solo(view: Float32, fit: Callable[[Float32], Part], score: Score[Part]) -> Solo[Part]:
    """Learn what is usual of each target, and how far its own points lie from that.

    Args:
        view: (T, K) values in units of their usual deviation.
        fit: learns from one target's values (T, 1).
        score: of the same values.

    Example:
        >>> solo = fit_solo(np.eye(9, 2, dtype=np.float32), np.mean, lambda mean, column: np.abs(column[:, 0] - mean))
        >>> len(solo.parts), solo.tails.excess.shape
        (2, (2,))
    """
    parts = tuple(fit(column) for column in _columns(view))
    return Solo(parts, fit_tails(_scores(parts, view, score)))


def solo_oddness(solo: Solo[Part], view: Float32, score: Score[Part]) -> Float32:
    """Give how odd the oddest target is at each point.

    Returns:
        (T,) float32 >= 0, the negative log of a tail probability.

    Example:
        >>> apart = lambda mean, column: np.abs(column[:, 0] - mean)
        >>> view = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
        >>> solo = fit_solo(view, np.mean, apart)
        >>> view[300, 1] += 6
        >>> int(solo_oddness(solo, view, apart).argmax())
        300
    """
    return np.asarray(oddness(_scores(solo.parts, view, score), solo.tails).max(axis=1), np.float32)


def _scores(parts: tuple[Part, ...], view: Float32, score: Score[Part]) -> Float32:
    return np.stack([score(part, column) for part, column in zip(parts, _columns(view), strict=True)], axis=1)  # (T, K)


def _columns(view: Float32) -> list[Float32]:
    return [np.ascontiguousarray(column)[:, None] for column in view.T]
