"""What an environment is made of: arrays about windows, and the few numbers that set its rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from envs.costs import PUBLISHED, Costs
from envs.errors import EnvError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int8 = NDArray[np.int8]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

LIMIT = 10.0
"""Observations lie in [-LIMIT, LIMIT]."""

FARTHEST = 1e6
"""Places lie in [-FARTHEST, FARTHEST]: their squared distances are far from overflowing."""

LONGEST = 22_025
"""``log1p`` of it is just below LIMIT."""


_RANGES: Mapping[str, tuple[float, float]] = {
    "observations": (-LIMIT, LIMIT),
    "target": (-1, 1),
    "weight": (0, 1),
    "error": (-1, 1),
    "severity": (0, 1),
    "belief": (-LIMIT, LIMIT),
    "place": (-FARTHEST, FARTHEST),
    "answer": (-1, 1),
}


@dataclass(frozen=True, eq=False)
class WindowData:
    """Windows in the order of time, one run of rows per series.

    Attributes:
        observations: (N, F) float32 in [-10, 10], what the agent sees of each window.
        target: (N,) int8 in {-1 unknown, 0 normal, 1 anomaly}.
        weight: (N,) float32 in [0, 1], trust in ``target``: 1 for a human answer; ignored where it is unknown.
        error: (N,) float32 in [-1, 1], centred unsupervised term e: positive where a window looks anomalous.
        severity: (N,) float32 in [0, 1], how bad a window reads (for the potential).
        episode: (N,) int64, the run a row belongs to; equal numbers stand together. A cursor never leaves its run.
        start_weight: (N,) float64 >= 0 with a positive sum, or None; how often an episode starts in each row.
        belief: (N,) float32 in [-10, 10], logit of P(anomaly) as known before any question, or None for 0 everywhere.
        place: (N, E) float32, where a window lies among the others: answers spread to what lies near; None for (N, 0),
            where an answer stays with its own window.
        answer: (N,) int8 in {-1 nobody knows, 0, 1}, what asking reveals, or None for the same as ``target``.

    Raises:
        EnvError: when shapes, types or ranges do not fit together.

    Example:
        >>> data = blank_data(4, 2)
        >>> data.rows, data.width
        (4, 2)
    """

    observations: Float32
    target: Int8
    weight: Float32
    error: Float32
    severity: Float32
    episode: Int64
    start_weight: Float64 | None = field(default=None)
    belief: Float32 | None = field(default=None)
    place: Float32 | None = field(default=None)
    answer: Int8 | None = field(default=None)

    def __post_init__(self) -> None:
        if self.observations.ndim != 2 or 0 in self.observations.shape:
            raise EnvError(
                f"expected observations (N, F) with N, F >= 1, got {self.observations.shape}; one row a window"
            )
        for name in ("target", "weight", "error", "severity", "episode", "start_weight", "belief", "answer"):
            self._check_length(name)
        if self.place is not None and (self.place.ndim != 2 or len(self.place) != self.rows):
            raise EnvError(f"expected place of shape ({self.rows}, E), got {self.place.shape}; one row a window")
        for name, (low, high) in _RANGES.items():
            _check_range(name, getattr(self, name), low, high)
        self._check_runs()
        self._check_starts()

    @property
    def rows(self) -> int:
        """Number of windows N."""
        return int(self.observations.shape[0])

    @property
    def width(self) -> int:
        """Number of features F."""
        return int(self.observations.shape[1])

    @cached_property
    def beliefs(self) -> Float32:
        """(N,) float32 belief, 0 where none was given."""
        return np.zeros(self.rows, np.float32) if self.belief is None else self.belief.astype(np.float32)

    @cached_property
    def places(self) -> Float32:
        """(N, E) float32 place, E = 0 where none was given."""
        return np.zeros((self.rows, 0), np.float32) if self.place is None else self.place.astype(np.float32)

    @property
    def answers(self) -> Int8:
        """(N,) int8 what asking reveals: the target where no answer was given."""
        return self.target if self.answer is None else self.answer

    @cached_property
    def last(self) -> Bool:
        """(N,) whether a row is the last of its run."""
        return np.append(self.episode[1:] != self.episode[:-1], True)

    @cached_property
    def cumulative(self) -> Float64:
        """(N,) running sum of the start weights, scaled so that the last one is 1."""
        weight = np.ones(self.rows) if self.start_weight is None else self.start_weight.astype(np.float64)
        total = np.cumsum(weight)
        return np.asarray(total / total[-1])

    def starts(self, uniform: NDArray[np.float64] | float) -> Int64:
        """Turn uniform draws in [0, 1) into first rows of episodes, row i with probability start_weight[i] / sum.

        Example:
            >>> blank_data(4, 1).starts(np.array([0.0, 0.3, 0.99])).tolist()
            [0, 1, 3]
        """
        return np.searchsorted(self.cumulative, uniform, side="right").astype(np.int64)

    def _check_length(self, name: str) -> None:
        value = getattr(self, name)
        if value is not None and value.shape != (self.rows,):
            raise EnvError(f"expected {name} of shape ({self.rows},), got {value.shape}; one number a window")

    def _check_runs(self) -> None:
        changes = int(np.count_nonzero(self.episode[1:] != self.episode[:-1])) + 1
        distinct = len(np.unique(self.episode))
        if changes != distinct:
            raise EnvError(
                f"expected the rows of a run to stand together, got {distinct} runs in {changes} pieces; sort"
            )

    def _check_starts(self) -> None:
        weight = self.start_weight
        if weight is not None and not (np.all(weight >= 0) and 0 < weight.sum() < np.inf):
            raise EnvError("expected finite start_weight >= 0 with a positive sum, got another; or leave it None")


@dataclass(frozen=True)
class EnvConfig:
    """The rules of an environment.

    Attributes:
        horizon: steps after which an episode is cut (truncated), unless its run ends first (terminated).
        costs: prices of events, alarms, questions and single windows; by default a table of windows only, as published.
        questions: how many may be asked in an episode.
        spread: how far an answer moves the belief of a window at the same place, in logits.
        vae_weight: lambda of the unsupervised term on unanswered windows; a controller may move it later.
        budget_left: share of the labelling budget that is left, in [0, 1]; shown to the agent.
        gamma: discount of the agent that learns here; shaping with another one is refused.
        held_limit: windows beyond which the agent does not see how much longer the alarm has been open or closed.

    Raises:
        EnvError: when a number is out of range.

    Example:
        >>> EnvConfig().horizon
        64
    """

    horizon: int = 64
    costs: Costs = PUBLISHED
    questions: int = 0
    spread: float = 2.0
    vae_weight: float = 1.0
    budget_left: float = 1.0
    gamma: float = 0.5
    held_limit: int = 512

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise EnvError(f"expected horizon >= 1, got {self.horizon}; it counts windows per episode")
        if not 0.0 <= self.budget_left <= 1.0:
            raise EnvError(f"expected budget_left in [0, 1], got {self.budget_left}; divide by the whole budget")
        if not 0.0 <= self.gamma < 1.0:
            raise EnvError(f"expected gamma in [0, 1), got {self.gamma}; use the agent's discount")
        if self.questions < 0 or not 0.0 <= self.spread <= 2 * LIMIT:
            raise EnvError(
                f"expected questions >= 0 and spread in [0, {2 * LIMIT:g}], got {self.questions} and {self.spread}; "
                "an episode asks a number of questions, and a belief is a logit within 10 of 0"
            )
        if not 1 <= self.held_limit <= LONGEST:
            raise EnvError(f"expected held_limit in [1, {LONGEST}], got {self.held_limit}; it counts windows")


def blank_data(rows: int, width: int) -> WindowData:
    """Make data in which nothing is known and nothing stands out: a start for tests and examples.

    Example:
        >>> set(blank_data(3, 1).target.tolist())
        {-1}
    """
    zeros = np.zeros(rows, dtype=np.float32)
    return WindowData(
        observations=np.zeros((rows, width), dtype=np.float32),
        target=np.full(rows, -1, dtype=np.int8),
        weight=zeros,
        error=zeros,
        severity=zeros,
        episode=np.zeros(rows, dtype=np.int64),
    )


def _check_range(name: str, values: NDArray[np.generic] | None, low: float, high: float) -> None:
    if values is None or not values.size:
        return
    # a NaN makes both comparisons false, and so is refused as well
    smallest, largest = float(np.min(values)), float(np.max(values))
    if not (low <= smallest and largest <= high):
        raise EnvError(f"expected {name} in [{low:g}, {high:g}], got [{smallest:g}, {largest:g}]; scale or clip them")
