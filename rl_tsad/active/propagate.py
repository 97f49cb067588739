"""What an answer says of other windows: clamped label spreading, each answer at the cost of what it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rl_tsad.active.graph import Graph
from rl_tsad.errors import ConfigError, DataError
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN, Float32, Float64, Int8, Int64

EPSILON = 1e-4
FREE, SILENT = UNKNOWN, 2
"""Besides normal and anomaly: a window that nobody answered, and one from which nothing flows on."""
_FIXED = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


Part = tuple[int, Int64, Float64, Float64]
"""Side, and of windows on it what their reach and residual were."""


@dataclass(frozen=True)
class Change:
    """What one step did, so that it can be taken back to the last bit.

    Attributes:
        number: of the step; only the newest that stands can be taken back so.
        parts: what was before, by side.
        clamped: (K,) int64, the windows that were answered or freed.
        flow: (K,) int8, what flowed from those before.
    """

    number: int
    parts: tuple[Part, ...]
    clamped: Int64
    flow: Int8

    @property
    def rows(self) -> Int64:
        """The windows whose reach or residual changed, each once."""
        return np.unique(np.concatenate([self.clamped, *(rows for _, rows, _, _ in self.parts)])).astype(np.int64)


class Spreading:
    """How far the answers reach in a graph, kept up to date answer by answer.

    The label of an unanswered window is the harmonic solution of Zhu, Ghahramani & Lafferty ("Semi-supervised learning
    using Gaussian fields and harmonic functions", ICML 2003, section 2) with human answers clamped exactly, in which,
    as in Zhou et al. ("Learning with local and global consistency", NIPS 2003, section 2), only the share ``alpha`` of
    a label comes from the neighbours: ``f_i = alpha * sum_j w_ij f_j / max(d_i, median d)``, for normal and for
    anomalous answers apart. The floor under the degree is ours: a lonely window keeps its doubt.

    Each answer changes a right-hand side, and what is missing to the solution, the residual, is pushed outward until
    none is above ``epsilon * (1 - alpha)`` (Andersen, Chung & Lang, "Local graph partitioning using PageRank vectors",
    FOCS 2006, section 3, with signs). The work depends on what an answer reaches, not on N. Residuals are kept, so that
    errors do not add up: after any steps ``reach`` is within epsilon of the exact solution.

    Attributes:
        graph: who is whose look-alike, N windows.
        alpha: share of a label that comes from the neighbours.
        epsilon: largest error of ``reach``.
        reach: (2, N) float64 in [0, 1], chance that a walk from a window ends at a normal, at an anomalous answer; what
            is missing to 1 ends nowhere.
        flow: (N,) int8, what flows from a window: 0 or 1 where a person answered, -1 where nobody did, 2 for nothing.

    Raises:
        ConfigError: when a number is out of range.

    Example:
        >>> from rl_tsad.active.graph import build_graph
        >>> points = np.array([[0.0], [0.1], [9.0], [9.1]], np.float32)
        >>> state = Spreading(build_graph(points, np.array(["a:0:8", "b:0:8", "c:0:8", "d:0:8"]), neighbours=1))
        >>> change = state.clamp(np.array([0, 2]), np.array([0, 1]))
        >>> lean, confidence = state.lean()
        >>> lean.tolist(), (confidence > 0.15).tolist()
        ([0, 0, 1, 1], [True, True, True, True])
        >>> state.restore(change)
        >>> state.reach.any()
        np.False_
    """

    def __init__(self, graph: Graph, *, alpha: float = 0.5, epsilon: float = EPSILON) -> None:
        if not 0.0 < alpha < 1.0:
            raise ConfigError(f"expected 0 < alpha < 1, got {alpha}; set active.alpha")
        if not epsilon > 0.0:
            raise ConfigError(f"expected epsilon > 0, got {epsilon}")
        count = len(graph)
        self.graph, self.alpha, self.epsilon = graph, alpha, epsilon
        self.reach: Float64 = np.zeros((2, count))
        self.flow: Int8 = np.full(count, FREE, dtype=np.int8)
        self._residual: Float64 = np.zeros((2, count))
        self._share = (alpha / graph.pull).astype(np.float32)
        self._open = self._share.copy()  # 0 where a window is clamped
        self._number = 0
        self._steps: list[int] = []  # those that stand, oldest first
        self._slot = np.zeros(count, dtype=np.int32)  # scratch: where a row stands in a list
        self._seen = np.zeros((2, count), dtype=np.int32)  # the step that touched a row last, by side
        self._before: list[Part] = []

    @classmethod
    def of(cls, graph: Graph, answers: Mapping[str, int], *, alpha: float = 0.5, epsilon: float = EPSILON) -> Spreading:
        """Spread answers, all at once; what the order of answering was leaves no trace.

        Args:
            graph: who is whose look-alike.
            answers: 0 (normal), 1 (anomaly) or 2 (nothing flows on) by window key; keys that the graph does not hold
                have no effect.
            alpha: share of a label that comes from the neighbours.
            epsilon: largest error.

        Raises:
            DataError: when an answer is none of these.
        """
        state = cls(graph, alpha=alpha, epsilon=epsilon)
        rows = graph.windows.rows(list(answers))
        flow = np.array(list(answers.values()), dtype=np.int64)[rows >= 0]
        order = np.argsort(rows[rows >= 0])
        state.clamp(rows[rows >= 0][order], flow[order])
        return state

    def clamp(self, rows: Int64, flow: NDArray[np.integer]) -> Change:
        """Let answers count, or count as something else.

        Args:
            rows: (K,) distinct windows.
            flow: (K,) 0, 1 or 2 for each.

        Raises:
            DataError: when a flow is none of these.
        """
        wrong = ~np.isin(flow, (NORMAL, ANOMALY, SILENT))
        if wrong.any():
            first = int(np.argmax(wrong))
            raise DataError(
                f"expected answers 0 or 1, got {int(flow[first])} for {self.graph.windows.key(int(rows[first]))!r}; "
                "leave unsure answers out"
            )
        before = self._begin(rows)
        amount = _FIXED[:, flow] - self.reach[:, rows]
        self.reach[:, rows] = _FIXED[:, flow]
        self._residual[:, rows] = 0.0
        self.flow[rows], self._open[rows] = flow, 0.0
        for side in range(2):
            moved = amount[side] != 0.0
            self._push(side, self._bring(side, rows[moved], amount[side, moved]))
        return self._end(rows, before)

    def free(self, rows: Int64) -> Change:
        """Let answers no longer count: the negative push, whenever they were given."""
        before = self._begin(rows)
        self.flow[rows], self._open[rows] = FREE, self._share[rows]
        self._residual[:, rows] = self._pulled(rows) - self.reach[:, rows]
        for side in range(2):
            self._push(side, rows)
        return self._end(rows, before)

    def restore(self, change: Change) -> None:
        """Take the newest step that stands back: everything is as before it, bit by bit.

        Raises:
            DataError: when a later step stands.
        """
        if not self._steps or change.number != self._steps[-1]:
            raise DataError(f"expected the newest step, got number {change.number}; free its windows instead")
        for side, rows, reach, residual in change.parts:
            self.reach[side, rows], self._residual[side, rows] = reach, residual
        self.flow[change.clamped] = change.flow
        self._open[change.clamped] = np.where(change.flow == FREE, self._share[change.clamped], 0.0)
        self._steps.pop()

    def solve(self, *, tolerance: float = 1e-9) -> float:
        """Solve for all windows at once, from where the pushes stand.

        Power iteration, which contracts by alpha; its error is at most ``tolerance``.

        Returns:
            The largest difference to what had been pushed.
        """
        matrix = self.graph.matrix.astype(np.float64)
        fixed = np.flatnonzero(self.flow != FREE)
        reach = np.ascontiguousarray(self.reach.T)
        while True:
            after = matrix @ reach
            after *= self._share[:, None]
            after[fixed] = _FIXED[:, self.flow[fixed]].T
            moved = float(np.abs(after - reach).max(initial=0.0))
            reach = after
            if moved * self.alpha / (1.0 - self.alpha) <= tolerance:
                break
        drift = float(np.abs(reach - self.reach.T).max(initial=0.0))
        self.reach = np.ascontiguousarray(reach.T)
        missing = (matrix @ reach) * self._share[:, None] - reach
        missing[fixed] = 0.0
        self._residual = np.ascontiguousarray(missing.T)
        self._steps = []
        return drift

    def lean(self, rows: Int64 | None = None, *, anomaly_doubt: float = 4.0) -> tuple[Int8, Float32]:
        """Say what the answers make of windows, and how sure that is.

            confidence = |f1 - f0| / (f0 + f1 + u),  u = what one usual neighbour alone would bring,

        so a dummy label of mass u competes with the answers, as in modified adsorption (Talukdar & Crammer, ECML 2009).
        Contradicting neighbours lower the confidence and so does distance: twenty normal answers do not make far
        windows normal. Questions are picked where anomalies are likely, so that answers hold far more of them than the
        data. An anomalous label therefore competes with ``anomaly_doubt`` times the dummy. (Class mass normalisation,
        Zhu et al., section 4, corrects the same; it was less precise, since it also lets a neighbourhood without normal
        answers pass.)

        Args:
            rows: (M,) which windows; all when omitted.
            anomaly_doubt: how much more the doubt weighs against an anomalous label, at least 1.

        Returns:
            (M,) int8, 0 or 1, the label that reaches further, -1 where what reaches is within ten epsilon of nothing;
            and (M,) float32 confidence in [0, 1], 0 there. Answered windows are as answered, with confidence 1.
        """
        if anomaly_doubt < 1.0:
            raise ConfigError(f"expected anomaly_doubt >= 1, got {anomaly_doubt}; set active.anomaly_doubt")
        normal, anomaly = self.reach if rows is None else self.reach[:, rows]
        flow = self.flow if rows is None else self.flow[rows]
        doubt = self.alpha * self.graph.usual_share * np.where(anomaly > normal, anomaly_doubt, 1.0)
        total, apart = normal + anomaly, np.abs(anomaly - normal)
        confidence = (apart / (total + doubt)).astype(np.float32)
        lean = np.where(anomaly > normal, ANOMALY, NORMAL).astype(np.int8)
        nothing = (total < 10 * self.epsilon) | (flow == SILENT)
        lean[nothing], confidence[nothing] = UNKNOWN, 0.0
        said = (flow == NORMAL) | (flow == ANOMALY)
        lean[said], confidence[said] = flow[said], 1.0
        return lean, confidence

    def _begin(self, rows: Int64) -> Int8:
        """Begin a step; gives what flowed from its windows before."""
        self._number += 1
        self._before = []
        for side in range(2):
            self._note(side, rows)
        return np.asarray(self.flow[rows])

    def _end(self, clamped: Int64, flow: Int8) -> Change:
        self._steps.append(self._number)
        parts, self._before = tuple(self._before), []
        return Change(self._number, parts, clamped=np.array(clamped, dtype=np.int64), flow=flow)

    def _note(self, side: int, rows: Int64) -> None:
        """Remember what rows were before this step, each once."""
        seen = self._seen[side]
        fresh = rows[seen[rows] != self._number]
        seen[fresh] = self._number
        self._before.append((side, fresh, self.reach[side][fresh], self._residual[side][fresh]))

    def _push(self, side: int, rows: Int64) -> None:
        """Push residuals outward until none is above the limit; only those of ``rows`` may be above it."""
        limit = self.epsilon * (1.0 - self.alpha)
        reach, residual = self.reach[side], self._residual[side]
        while len(rows):
            amount = residual[rows]
            above = np.abs(amount) > limit
            rows, amount = rows[above], amount[above]
            residual[rows] = 0.0
            reach[rows] += amount
            rows = self._bring(side, rows, amount)

    def _bring(self, side: int, rows: Int64, amount: Float64) -> Int64:
        """Add what a change of reach in some rows means to their neighbours' residuals; give those, each once."""
        if not len(rows):
            return rows
        place, count = self._edges(rows)
        tails = self.graph.indices[place]
        flowing = self.graph.weights[place] * np.repeat(amount, count)
        order = np.arange(len(tails), dtype=np.int32)
        self._slot[tails] = order
        touched = tails[self._slot[tails] == order].astype(np.int64)  # each once, without sorting
        self._slot[touched] = order[: len(touched)]
        self._note(side, touched)
        arriving = np.bincount(self._slot[tails], flowing, len(touched))
        self._residual[side][touched] += arriving * self._open[touched]
        return np.asarray(touched)

    def _pulled(self, rows: Int64) -> Float64:
        """(2, M), what the neighbours of rows give them."""
        place, count = self._edges(rows)
        owner = np.repeat(np.arange(len(rows)), count)
        tails, weight = self.graph.indices[place], self.graph.weights[place].astype(np.float64)
        pulled = [np.bincount(owner, weight * self.reach[side][tails], len(rows)) for side in range(2)]
        return np.asarray(np.stack(pulled) * self._share[rows], dtype=np.float64)

    def _edges(self, rows: Int64) -> tuple[Int64, Int64]:
        """Places of all edges of some rows in the graph's arrays, row by row, and how many each has."""
        low = self.graph.indptr[rows].astype(np.int64)
        count = self.graph.indptr[rows + 1] - low
        return np.arange(int(count.sum())) + np.repeat(low - (np.cumsum(count) - count), count), count
