"""How sure must a spread label be to count? Learnt from the answers themselves, each predicted without itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rl_tsad.active.graph import Graph
from rl_tsad.active.propagate import FREE, Spreading
from rl_tsad.errors import ConfigError
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN, Float32, Float64, Int8, Int64, Targets

HUMAN, PROPAGATED, NONE = "human", "propagated", "none"
MOST_CHECKS = 200
"""Answers that are left out in turn at most; of more, evenly many of old and new ones."""
_MOST_ANOMALIES = 0.3
"""Share of windows that may be anomalous at most, whatever the answers hold."""
_DOUBT = 4.0
"""Answers' worth of belief that spreading is as precise as wanted, until answers say otherwise."""


@dataclass(frozen=True)
class Checks:
    """What spreading says of answered windows without the answer that labelled them.

    Attributes:
        lean: (M,) int8, the label it leans to, or -1.
        confidence: (M,) float32.
        truth: (M,) int8, what people said.
        weight: (M,) float64, one over the windows of an answer for which spreading leans the same way: an answer is one
            witness for each label, however many windows it has.
    """

    lean: Int8
    confidence: Float32
    truth: Int8
    weight: Float64

    def __len__(self) -> int:
        return len(self.lean)


@dataclass(frozen=True)
class Trust:
    """From which confidence on a spread label counts, for normal and for anomalous ones apart.

    Attributes:
        floors: lowest confidence that counts; infinite where nothing does.
        precision: estimated share of right ones among what counts; not a number where nothing does.
        checks: answers' worth of checks behind it.
    """

    floors: tuple[float, float]
    precision: tuple[float, float]
    checks: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def plain(cls, confidence: float, precision: float = 1.0) -> Trust:
        """Trust from a fixed confidence on.

        Raises:
            ConfigError: when it is out of range.
        """
        if not 0.0 <= confidence <= 1.0:
            raise ConfigError(f"expected a confidence in [0, 1], got {confidence}; set active.confidence")
        return cls((confidence, confidence), (precision, precision))

    def counts(self, lean: Int8, confidence: Float32) -> Int8:
        """Keep the labels that count: (M,) int8, -1 for the others."""
        floor = np.array([*self.floors, np.inf])[lean]  # -1 takes the last
        return np.where(confidence >= floor, lean, UNKNOWN).astype(np.int8)

    def weight(self, value: Int8) -> Float32:
        """Say how much spread labels weigh beside a person's: 2 p - 1 at precision p; (M,) float32 in [0, 1]."""
        worth = np.nan_to_num(np.clip(2.0 * np.array([*self.precision, 0.5]) - 1.0, 0.0, 1.0))
        return worth[value].astype(np.float32)


def check_answers(state: Spreading, answers: Sequence[Int64], *, anomaly_doubt: float = 4.0) -> Checks:
    """Leave each answer out in turn, with all the windows that it labelled, and see what the others say of those.

    Args:
        state: as all answers left it; it is as before afterwards.
        answers: the rows that each answer labelled, oldest first; rows that nobody answered are passed over.
        anomaly_doubt: see :meth:`Spreading.lean`.

    Example:
        >>> from rl_tsad.active.graph import build_graph
        >>> points = np.array([[0.0], [0.1], [9.0], [9.1]], np.float32)
        >>> graph = build_graph(points, np.array(["a:0:8", "b:0:8", "c:0:8", "d:0:8"]), neighbours=1)
        >>> state = Spreading.of(graph, {"a:0:8": 0, "b:0:8": 0, "c:0:8": 1})
        >>> seen = check_answers(state, [np.array([0]), np.array([1]), np.array([2])])
        >>> seen.lean.tolist(), seen.truth.tolist()
        ([0, 0, -1], [0, 0, 1])
    """
    chosen = np.unique(np.linspace(0, len(answers) - 1, min(len(answers), MOST_CHECKS)).astype(np.int64))
    parts = []
    for place in chosen.tolist():
        rows = answers[place]
        rows = rows[np.isin(state.flow[rows], (NORMAL, ANOMALY))]
        if not len(rows):
            continue
        truth = state.flow[rows]
        change = state.free(rows)
        lean, confidence = state.lean(rows, anomaly_doubt=anomaly_doubt)
        state.restore(change)
        alike = np.bincount(lean + 1, minlength=3)[lean + 1]
        parts.append((lean, confidence, truth, 1.0 / alike))
    if not parts:
        none = np.empty(0, np.int8)
        return Checks(none, np.empty(0, np.float32), none, np.empty(0))
    return Checks(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def learn_trust(checks: Checks, state: Spreading, *, precision: float, confidence: float, doubt: float = 4.0) -> Trust:
    """Find the lowest confidence from which on spread labels are as precise as wanted.

    The precision above a confidence is estimated in two ways.

    By the checks above it, and four answers' worth of belief in the precision of all checks, which is estimated from
    those and four answers' worth of belief that it is what is wanted: one lucky check at the top says little where most
    were wrong. Answers hold far more anomalies than the windows that nobody answered, so this says too much of
    anomalous labels and too little of normal ones.

    By the rate at which the other label leans so: ``1 - rate * M / n``, where n windows without an answer lean so and M
    of them at most have the other label: all of them for an anomalous label; for a normal one the share of anomalies
    among the answers, at most three in ten. The rate is that of the checks with the other label, a fifth of a window
    added, for none is never sure.

    An anomalous label must be precise enough both ways, a normal one in one of them. Where no confidence is precise
    enough, nothing of that label counts; with few normal answers, nothing anomalous.

    Args:
        checks: see :func:`check_answers`.
        state: the spread answers, whose other windows are to be settled.
        precision: wanted share of right ones, in [0, 1].
        confidence: what is below never counts, in [0, 1].
        doubt: see :meth:`Spreading.lean`, ``anomaly_doubt``.

    Raises:
        ConfigError: when a number is out of range.
    """
    if not 0.0 <= precision <= 1.0:
        raise ConfigError(f"expected a precision in [0, 1], got {precision}; set active.precision")
    lowest = Trust.plain(confidence).floors[0]
    found = []
    for label in (NORMAL, ANOMALY):
        above, estimate, seen, overall = _estimate(checks, label, precision, lowest)
        grid = np.append(above, np.round(np.arange(lowest, 1.0, 0.02), 2))
        steps = np.unique(grid.astype(np.float32))[::-1]
        ways = _at(above, estimate, steps, fallback=overall), _precision_by_rate(checks, state, steps, label, doubt)
        both = np.maximum(*ways) if label == NORMAL else np.minimum(*ways)
        weight = _at(above, seen, steps, fallback=0.0)
        found.append(_floor(steps, both, weight, precision=precision, lowest=lowest))
    floors, reached, weights = zip(*found, strict=True)
    return Trust(floors, reached, weights)


@dataclass(frozen=True)
class Spread:
    """What all answers together say.

    Attributes:
        targets: of every window of the graph, in its order.
        trust: what counted.
        checks: what that rests on.
        drift: largest difference between pushing all answers outward and solving for all windows.
    """

    targets: Targets
    trust: Trust
    checks: Checks
    drift: float


def spread(
    graph: Graph,
    flows: Mapping[int, int],
    answers: Sequence[Int64],
    *,
    alpha: float = 0.5,
    confidence: float = 0.4,
    precision: float = 0.9,
    anomaly_doubt: float = 4.0,
) -> Spread:
    """Let every answer settle its look-alikes, and leave the rest unknown.

    Args:
        graph: who is whose look-alike.
        flows: 0 (normal), 1 (anomaly) or 2 (nothing flows on) by row of the graph.
        answers: the rows that each answer labelled, oldest first.
        alpha: see :class:`Spreading`.
        confidence: see :func:`learn_trust`.
        precision: see :func:`learn_trust`.
        anomaly_doubt: see :meth:`Spreading.lean`.

    Returns:
        Human answers with weight 1, spread ones with what their trust is worth, unknown ones with 0. The result depends
        on the graph and the set of answers only.

    Raises:
        DataError: when a flow is none of these.
        ConfigError: when a number is out of range.

    Example:
        >>> from rl_tsad.active.graph import build_graph
        >>> points = np.array([[0.0], [0.1], [9.0], [9.1]], np.float32)
        >>> g = build_graph(points, np.array(["a:0:8", "b:0:8", "c:0:8", "d:0:8"]), neighbours=1)
        >>> told = spread(g, {0: 0, 2: 1}, [np.array([0]), np.array([2])], confidence=0.15).targets
        >>> told.value.tolist(), told.source.tolist()
        ([0, 0, 1, -1], ['human', 'propagated', 'human', 'none'])
    """
    state = Spreading(graph, alpha=alpha)
    rows = np.array(sorted(flows), dtype=np.int64)
    state.clamp(rows, np.array([flows[row] for row in rows.tolist()], dtype=np.int64))
    drift = state.solve()
    checks = check_answers(state, answers, anomaly_doubt=anomaly_doubt)
    trust = learn_trust(checks, state, precision=precision, confidence=confidence, doubt=anomaly_doubt)
    return Spread(targets_of(state, trust, anomaly_doubt=anomaly_doubt), trust, checks, drift)


def targets_of(state: Spreading, trust: Trust, *, anomaly_doubt: float = 4.0) -> Targets:
    """Say what is known of every window of the graph: answers, what spreads from them, and nothing.

    Human answers have weight 1, spread ones what their trust is worth, unknown ones 0. A window from which nothing
    flows on is unknown here, answered or not: whoever made it so knows.
    """
    lean, confidence = state.lean(anomaly_doubt=anomaly_doubt)
    said = (state.flow == NORMAL) | (state.flow == ANOMALY)
    spread = trust.counts(lean, confidence)
    spread[state.flow != FREE] = UNKNOWN
    value = np.where(said, state.flow, spread).astype(np.int8)
    weight = np.where(said, np.float32(1.0), trust.weight(spread)).astype(np.float32)
    source = np.where(said, HUMAN, np.where(spread == UNKNOWN, NONE, PROPAGATED))
    return Targets(state.graph.keys, value, weight, source)


def _estimate(checks: Checks, label: int, precision: float, lowest: float) -> tuple[Float32, Float64, Float64, float]:
    """Give the checks' confidences for a label, falling, with the precision from each on, their weight; that of all.

    The precision of all is what is known above the highest.
    """
    own = (checks.lean == label) & (checks.confidence >= lowest)
    order = np.argsort(-checks.confidence[own], kind="stable")
    confidence, weight = checks.confidence[own][order], checks.weight[own][order]
    seen = np.cumsum(weight)
    right = np.cumsum(weight * (checks.truth[own][order] == label))
    if not len(order):
        return confidence, seen, seen, precision
    overall = (right[-1] + _DOUBT * precision) / (seen[-1] + _DOUBT)
    last = np.append(np.diff(confidence) != 0, True)  # equal confidences stand or fall together
    return confidence[last], ((right + _DOUBT * overall) / (seen + _DOUBT))[last], seen[last], float(overall)


def _at(above: Float32, values: Float64, steps: Float32, *, fallback: float) -> Float64:
    """Read what holds from each step on; ``fallback`` above the first confidence."""
    place = np.searchsorted(-above, -steps, side="right") - 1
    return np.where(place >= 0, values[place] if len(values) else fallback, fallback).astype(np.float64)


def _precision_by_rate(checks: Checks, state: Spreading, steps: Float32, label: int, doubt: float) -> Float64:
    lean, confidence = state.lean(anomaly_doubt=doubt)
    rest = state.flow == FREE
    leaning = np.sort(confidence[rest & (lean == label)])
    others = checks.truth != label
    wrong = np.sort(checks.confidence[others & (checks.lean == label)])
    share = min(_MOST_ANOMALIES, (others.sum() + 1.0) / (len(checks) + 2.0)) if label == NORMAL else 1.0
    many = len(leaning) - np.searchsorted(leaning, steps)
    rate = (len(wrong) - np.searchsorted(wrong, steps) + 0.2) / (others.sum() + 1.0)
    return np.where(many > 0, 1.0 - rate * share * rest.sum() / np.maximum(many, 1), 0.0).astype(np.float64)


def _floor(
    steps: Float32, estimate: Float64, seen: Float64, *, precision: float, lowest: float
) -> tuple[float, float, float]:
    """Give the lowest step that is precise enough, the precision from there on, and the checks that it rests on."""
    if not len(steps):
        return lowest, precision, 0.0
    good = np.flatnonzero(estimate >= precision - 1e-9)
    if not len(good):
        return float("inf"), float("nan"), float(seen[-1])
    place = int(good[-1])
    floor = lowest if place == len(steps) - 1 else float(steps[place])
    return floor, float(estimate[place]), float(seen[place])
