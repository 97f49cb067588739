"""Potentials: how good a state looks before its rewards come, as functions of arrays.

A state is (window in view, window last judged, alarm since). A potential of the window in view alone, as in the
published system (arXiv 2601.02511), is the same whatever the agent did: its shaping cancels between the actions.
A potential of the alarm is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from envs.window_data import Float32, Float64


class Potential(Protocol):
    """What shaping asks of a potential."""

    def __call__(self, row: ArrayLike, judged: ArrayLike, alarm: ArrayLike) -> Float64:
        """Give the potential of states.

        Args:
            row: (...) int, the window in view.
            judged: (...) int, the window judged last; -1 where none was.
            alarm: (...) int, what became of the alarm there; -1 where nothing was judged, 0 closed, 1 open.

        Returns:
            (...) float64.
        """


@dataclass(frozen=True, eq=False)
class VerdictPotential:
    """Agreement of the alarm, the verdict in force, with the severity of the window last judged.

    phi = scale * (2 * severity[judged] - 1) * (2 * alarm - 1), and 0 where nothing was judged yet.

    Attributes:
        severity: (N,) float32 in [0, 1].
        scale: weight of the potential.

    Example:
        >>> phi = VerdictPotential(np.array([0.0, 1.0], np.float32))
        >>> phi(row=[1, 1, 0], judged=[0, 0, -1], alarm=[0, 1, -1]).tolist()
        [1.0, -1.0, 0.0]
    """

    severity: Float32
    scale: float = 1.0

    def __call__(self, row: ArrayLike, judged: ArrayLike, alarm: ArrayLike) -> Float64:
        """Give the potential; see the class."""
        del row  # what comes next says nothing of the alarm
        rows = np.asarray(judged)
        leaning = self.scale * (2.0 * self.severity[rows].astype(np.float64) - 1.0)
        return np.asarray(np.where(rows < 0, 0.0, leaning * (2.0 * np.asarray(alarm) - 1.0)))


@dataclass(frozen=True, eq=False)
class StatePotential:
    """Severity of the window in view, as published; for the ablation only, since it decides nothing.

    Attributes:
        severity: (N,) float32 in [0, 1].
        scale: weight of the potential.

    Example:
        >>> phi = StatePotential(np.array([0.0, 1.0], np.float32))
        >>> phi(row=[1, 1], judged=[0, 0], alarm=[0, 1]).tolist()
        [1.0, 1.0]
    """

    severity: Float32
    scale: float = 1.0

    def __call__(self, row: ArrayLike, judged: ArrayLike, alarm: ArrayLike) -> Float64:
        """Give the potential; see the class."""
        del judged, alarm
        return np.asarray(self.scale * self.severity[np.asarray(row)].astype(np.float64))
