"""What an answer says of other windows: clamped label spreading, in doubt where answers are far or disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from rl_tsad.active.graph import Graph
from rl_tsad.errors import ConfigError, DataError
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN, Float32, Int8, Int64, Targets

EPSILON = 1e-4
HUMAN, PROPAGATED, NONE = "human", "propagated", "none"


@dataclass(frozen=True)
class Spread:
    """How far the answers reach, before anything is decided.

    Attributes:
        reach: (N, 2) float32 in [0, 1], chance that a walk from the window ends at a normal, at an anomalous answer;
            what is missing to 1 ends nowhere.
        confidence: (N,) float32 in [0, 1]; 1 where a person answered.
        answered: (A,) int64, rows of the human answers, increasing.
    """

    reach: Float32
    confidence: Float32
    answered: Int64

    @property
    def lean(self) -> Int64:
        """(N,) int64, the label that reaches further, 0 or 1."""
        return (self.reach[:, 1] > self.reach[:, 0]).astype(np.int64)


def spread(
    graph: Graph,
    answers: Mapping[str, int],
    *,
    alpha: float = 0.5,
    confidence: float = 0.4,
    anomaly_doubt: float = 4.0,
) -> Targets:
    """Let every answer settle its look-alikes, and leave the rest unknown.

    The label of an unanswered window is the harmonic solution of Zhu, Ghahramani & Lafferty ("Semi-supervised
    learning using Gaussian fields and harmonic functions", ICML 2003, section 2) with human answers clamped exactly,
    in which, as in Zhou et al. ("Learning with local and global consistency", NIPS 2003, section 2), only the share
    ``alpha`` of a label comes from the neighbours: ``f_i = alpha * sum_j w_ij f_j / max(d_i, median d)``. We differ
    in the floor under the degree (a lonely window keeps its doubt) and in what is made of f: with ``f0`` and ``f1``
    the reach of normal and anomalous answers, the

        confidence = |f1 - f0| / (f0 + f1 + u),  u = what one usual neighbour alone would bring,

    so a dummy label of mass u competes with the answers, as in modified adsorption (Talukdar & Crammer, ECML 2009).
    Contradicting neighbours lower the confidence and so does distance: twenty normal answers do not make far windows
    normal. Questions are picked where anomalies are likely, so that answers hold far more of them than the data. An
    anomalous label therefore competes with ``anomaly_doubt`` times the dummy. (Class mass normalisation, Zhu et al.,
    section 4, corrects the same; it was less precise, since it also lets a neighbourhood without normal answers pass.)

    Args:
        graph: who is whose look-alike.
        answers: 0 (normal) or 1 (anomaly) by window key. Keys that the graph does not hold have no effect.
        alpha: share of a label that comes from the neighbours, in (0, 1).
        confidence: what is below stays unknown, in [0, 1].
        anomaly_doubt: how much more the doubt weighs against an anomalous label than against a normal one, at least 1.

    Returns:
        Targets over all keys of the graph, in its order: human answers with weight 1, propagated ones with their
        confidence as weight, unknown ones with weight 0. The result depends on the graph and the set of answers only:
        taking an answer back and spreading again restores what was before, bit by bit.

    Raises:
        DataError: when an answer is neither 0 nor 1.
        ConfigError: when a number is out of range.

    Example:
        >>> from rl_tsad.active.graph import build_graph
        >>> points = np.array([[0.0], [0.1], [9.0], [9.1]], np.float32)
        >>> g = build_graph(points, np.array(["a:0:8", "b:0:8", "c:0:8", "d:0:8"]), neighbours=1)
        >>> t = spread(g, {"a:0:8": 0, "c:0:8": 1}, confidence=0.15)
        >>> t.value.tolist(), t.source.tolist()
        ([0, 0, 1, 1], ['human', 'propagated', 'human', 'propagated'])
    """
    if not 0.0 <= confidence <= 1.0:
        raise ConfigError(f"expected a confidence in [0, 1], got {confidence}; set active.confidence")
    return settle(graph, diffuse(graph, answers, alpha=alpha, anomaly_doubt=anomaly_doubt), confidence=confidence)


def diffuse(graph: Graph, answers: Mapping[str, int], *, alpha: float = 0.5, anomaly_doubt: float = 4.0) -> Spread:
    """Compute how far each answer reaches, without deciding anything (see :func:`spread`).

    The linear system is solved by pushing residuals outward from the answers until none is above 1e-4, so the work
    depends on what the answers reach and not on the size of the graph; the error of ``reach`` is at most 1e-4 / (1 -
    alpha).
    """
    if not 0.0 < alpha < 1.0:
        raise ConfigError(f"expected 0 < alpha < 1, got {alpha}; set active.alpha")
    if anomaly_doubt < 1.0:
        raise ConfigError(f"expected anomaly_doubt >= 1, got {anomaly_doubt}; set active.anomaly_doubt")
    answered, value = _known(graph, answers)
    reach = np.zeros((len(graph), 2), dtype=np.float32)
    reach[answered, value] = 1.0
    _push(graph, reach, answered, alpha)
    normal, anomaly = reach.T
    doubt = alpha * graph.usual_share * np.where(anomaly > normal, anomaly_doubt, 1.0)
    trust = (np.abs(anomaly - normal) / (normal + anomaly + doubt)).astype(np.float32)
    trust[answered] = 1.0
    return Spread(reach, trust, answered)


def settle(graph: Graph, known: Spread, *, confidence: float = 0.4) -> Targets:
    """Decide where the reach of the answers suffices, and abstain elsewhere (see :func:`spread`)."""
    touched = (known.confidence >= confidence) & (known.reach.any(axis=1))
    touched[known.answered] = True
    value: Int8 = np.where(touched, known.lean, UNKNOWN).astype(np.int8)
    source = np.where(touched, PROPAGATED, NONE)
    source[known.answered] = HUMAN
    return Targets(graph.keys, value, np.where(touched, known.confidence, 0).astype(np.float32), source)


def _known(graph: Graph, answers: Mapping[str, int]) -> tuple[Int64, Int64]:
    """Rows and values of the answers that the graph holds, by row, so that the order of answering leaves no trace."""
    wrong = {key: value for key, value in answers.items() if value not in (NORMAL, ANOMALY)}
    if wrong:
        key, value = next(iter(wrong.items()))
        raise DataError(f"expected answers 0 or 1, got {value!r} for {key!r}; leave unsure answers out")
    pairs = sorted((graph.row[key], int(value)) for key, value in answers.items() if key in graph.row)
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _push(graph: Graph, reach: Float32, answered: Int64, alpha: float) -> None:
    """Add to ``reach`` what flows out of the answers, until every residual is below epsilon."""
    share = (alpha / graph.pull).astype(np.float32)[:, None]
    share[answered] = 0.0
    active, amount = answered, reach[answered]
    residual = np.zeros_like(reach)
    while len(active):
        residual += share * _flow(graph, active, amount)
        active = np.flatnonzero(np.maximum(residual[:, 0], residual[:, 1]) > EPSILON)
        amount = residual[active]
        residual[active] = 0.0
        reach[active] += amount


def _flow(graph: Graph, active: Int64, amount: Float32) -> Float32:
    """(N, 2) what the active rows send to their neighbours, each edge weighing ``w_ij``."""
    if 4 * len(active) > len(graph):
        dense = np.zeros((len(graph), 2), dtype=np.float32)
        dense[active] = amount
        return np.asarray(graph.matrix @ dense)
    low, high = graph.indptr[active].astype(np.int64), graph.indptr[active + 1].astype(np.int64)
    counts = high - low
    ends = np.cumsum(counts)
    edges = np.arange(int(ends[-1])) + np.repeat(low - (ends - counts), counts)
    size = (len(active), len(graph))
    starts = np.concatenate([[0], ends])
    rows = sparse.csr_array((graph.weights[edges], graph.indices[edges], starts), shape=size)
    return np.asarray(rows.T @ amount)
