"""How likely is a window anomalous? A committee that written events teach first, and answers as they come.

Two forests (Breiman, 2001; Geurts et al., "Extremely randomized trees", 2006) and a logistic regression look at all
that the detector says of a window. Before anybody has answered they know written events only, and real anomalies are
not the written ones: so their view is averaged with two that have less to learn, the members' weights (a logistic
regression on the twelve members alone) and the label-free score (nothing). With answers of both kinds the committee
counts more: of one kind alone it learns where not to look, or that everything is odd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from rl_tsad.agent.observe import join_targets
from rl_tsad.decision_config import BeliefConfig
from rl_tsad.detector.judge import Judgement
from rl_tsad.detector.rehearse import Rehearsal
from rl_tsad.errors import DataError
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import ANOMALY, NORMAL, Bool, Float32, Float64, Int8, Int64, Targets, said

LIMIT = 10.0
"""Logits lie in [-LIMIT, LIMIT]."""
_BATCH = 65_536
_FLOOR = 0.01  # probabilities of the committee never leave [floor, 1 - floor]
_DRAWN = 1000  # windows that each tree of the random forest sees; by their weight, so that answers are among them
_EXCUSED = 6.0  # logits that a note takes off: an alarm in an excused window needs more than anything else says
_SCALE = 4.0  # logits between the usual window and the least odd one that is taken for anomalous


@dataclass(frozen=True, eq=False)
class Committee:
    """Fitted classifiers; each gives P(anomaly).

    Attributes:
        forests: on all columns.
        linear: on all columns, standardised.
        members: on the members' columns alone.
    """

    forests: tuple[ExtraTreesClassifier, RandomForestClassifier]
    linear: Pipeline
    members: LogisticRegression

    def views(self, judgement: Judgement) -> Float64:
        """Give (N, 3) log odds: of the committee, of the members alone, of the label-free score."""
        table = columns(judgement)
        each = [*self.forests, self.linear]
        parts = [table[low : low + _BATCH] for low in range(0, len(table), _BATCH)]
        odds = [np.mean([one.predict_proba(part)[:, 1] for one in each], axis=0) for part in parts]
        members = log_odds(self.members.predict_proba(judgement.members)[:, 1], _FLOOR)
        score = log_odds(judgement.prior.astype(np.float64), 1e-3)
        return np.stack([log_odds(np.concatenate(odds), _FLOOR), members, score], axis=1)


@dataclass(frozen=True, eq=False)
class Belief:
    """What answers and written events say of any window.

    Attributes:
        committee: fitted.
        centers: (3,) of each view, the log odds of the least odd window that the cautious blend takes for anomalous.
        spreads: (3,) > 0, how far apart that window and the usual one are.
        trust: weight of the committee's own log odds in [0, 1); the rest is the cautious blend's.
    """

    committee: Committee
    centers: Float64
    spreads: Float64
    trust: float

    def logits(self, judgements: Sequence[Judgement]) -> Float32:
        """Give the log odds of windows, (N,) float32 in [-10, 10], in the order of the judgements."""
        return np.concatenate([self.blend(self.committee.views(one), one.excused) for one in judgements])

    def blend(self, views: Float64, excused: Float32) -> Float32:
        """Blend (N, 3) views into (N,) logits, lower where an operator's note excuses the window."""
        cautious = np.clip(_SCALE * (views - self.centers) / self.spreads, -LIMIT, LIMIT).mean(axis=1)
        blended = self.trust * views[:, 0] + (1.0 - self.trust) * cautious - _EXCUSED * excused
        return np.asarray(np.maximum(blended, -LIMIT), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Formed:
    """A belief, and what it says of the pool.

    Attributes:
        belief: fitted on everything.
        pool: (N,) float32 logits of the pool's windows; what an answered window says of itself comes from a committee
            that did not know its answer, nor those of the windows around it.
    """

    belief: Belief
    pool: Float32


def form_belief(
    judgements: Sequence[Judgement],
    targets: Targets,
    rehearsal: Rehearsal,
    config: BeliefConfig,
    *,
    seed: int,
    seen: Sequence[Judgement] = (),
    apart: bool = True,
) -> Formed:
    """Fit the committee on written events and answers.

    Args:
        judgements: of the pool's windows, one entry a series.
        targets: what is known of them; what was spread counts only with ``config.spread``.
        rehearsal: written events; those on which rules and policies will learn are not among them.
        config: see :class:`rl_tsad.decision_config.BeliefConfig`.
        seed: fixes trees and folds.
        seen: of the same windows, by the detector that learnt on them, where ``judgements`` are by who has not (see
            :mod:`rl_tsad.detector.apart`); an answered window then teaches by both views, with half its weight each.
        apart: whether what answered windows say of themselves is asked of committees without them; who only wants the
            belief saves the time.

    Raises:
        DataError: when there is nothing to learn from: neither written events nor answers of both kinds.
    """
    keys = np.concatenate([one.keys for one in judgements])
    value, weight = join_targets(keys, targets if config.spread else said(targets))
    rows = np.flatnonzero(value >= 0)
    table = np.concatenate([columns(one) for one in judgements])
    tables = (table, np.concatenate([columns(one) for one in seen])) if len(seen) else (table,)
    written = _written(rehearsal, table.shape[1], config.most, derive_rng(seed, "belief", "written"))
    data = _Data(tables, value, weight, *written, judgements[0].features.shape[1] + judgements[0].notes.shape[1])
    episode = np.repeat(np.arange(len(judgements)), [len(one) for one in judgements])
    score = np.concatenate([one.prior for one in judgements])
    teach = rows[is_telling(rows, value[rows], score[rows], episode[rows], most=config.oddest)]
    committee = data.fit(teach, config, derive_seed(seed, "belief"))
    views = np.concatenate([committee.views(one) for one in judgements])
    centers = np.quantile(views, 1.0 - config.expected_share, axis=0)
    spreads = np.maximum(centers - np.quantile(views, 0.5, axis=0), 1e-2)
    told = float(weight[teach].sum()) if {NORMAL, ANOMALY} <= set(value[rows].tolist()) else 0.0
    trust = told / (told + config.cautious_answers * len(judgements))
    belief = Belief(committee, centers, spreads, trust)
    excused = np.concatenate([one.excused for one in judgements])
    pool = belief.blend(views, excused)
    if apart and len(rows):
        for left_out in folds_of(rows, episode, config.folds, derive_rng(seed, "belief", "folds")):
            others = np.setdiff1d(teach, left_out)
            if not written[1].any() and not {NORMAL, ANOMALY} <= set(value[others].tolist()):
                continue
            other = data.fit(others, config, derive_seed(seed, "belief"))
            pool[left_out] = belief.blend(_tables_rows(other, judgements, left_out), excused[left_out])
    return Formed(belief, pool)


def columns(judgement: Judgement) -> Float32:
    """Give what the committee sees of windows: (N, F + K + M + 4) float32.

    Features, notes, members, the label-free score, its log odds, ASTER's probability and the VAE's error.
    """
    score = judgement.prior.astype(np.float64)
    rest = np.stack([score, log_odds(score, 1e-3), judgement.aster, judgement.vae_error], axis=1)
    return np.concatenate([judgement.features, judgement.notes, judgement.members, rest], axis=1).astype(np.float32)


def log_odds(probability: Float64, floor: float) -> Float64:
    """Give log(p / (1 - p)) of p clipped to [floor, 1 - floor].

    Example:
        >>> log_odds(np.array([0.0, 0.5]), 0.01).round(2).tolist()
        [-4.6, 0.0]
    """
    clipped = np.clip(probability, floor, 1.0 - floor)
    return np.asarray(np.log(clipped / (1.0 - clipped)))


def is_telling(rows: Int64, value: Int8, score: Float32, episode: Int64, *, most: int) -> Bool:
    """Say which answered windows teach: all normal ones, and of each marked event the oddest.

    Whoever marks an event says where it begins and ends, and most of a long one looks as usual: taught that all of it
    is anomalous, the committee finds the usual odd (Dietterich et al., "Solving the multiple instance problem", 1997,
    name the trouble).

    Args:
        rows: (K,) answered rows, rising.
        value: (K,) int8 in {0 normal, 1 anomaly}.
        score: (K,) label-free score.
        episode: (K,) series of each.
        most: windows of an event that teach.

    Returns:
        (K,) bool.

    Example:
        >>> rows, value = np.arange(5), np.array([0, 1, 1, 1, 0], np.int8)
        >>> score = np.array([0.1, 0.2, 0.9, 0.8, 0.1], np.float32)
        >>> is_telling(rows, value, score, np.zeros(5, np.int64), most=2).tolist()
        [True, False, True, True, True]
    """
    apart = (np.diff(rows) > 1) | (np.diff(episode) != 0) | (np.diff(value) != 0)
    event = np.cumsum(np.append(True, apart))[: len(rows)]
    order = np.lexsort((-score, event))
    first = np.flatnonzero(np.append(True, np.diff(event[order]) != 0))[: len(rows)]
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - np.repeat(first, np.diff(np.append(first, len(rows))))
    return np.asarray((value != ANOMALY) | (rank < most), dtype=np.bool_)


def folds_of(rows: Int64, episode: Int64, folds: int, rng: np.random.Generator) -> list[Int64]:
    """Cut answered rows into folds; rows that follow each other in a series stay together, as they tell of each other.

    Args:
        rows: (K,) answered rows, rising.
        episode: (N,) series of each row.
        folds: how many at most.
        rng: deals the stretches out.

    Example:
        >>> parts = folds_of(np.array([1, 2, 7, 9]), np.zeros(10, np.int64), 2, np.random.default_rng(0))
        >>> sorted(part.tolist() for part in parts)
        [[1, 2, 7], [9]]
    """
    apart = (np.diff(rows) > 1) | (np.diff(episode[rows]) != 0)
    stretch = np.cumsum(np.append(True, apart)) - 1
    dealt = rng.permutation(int(stretch[-1]) + 1) % folds
    parts = [rows[dealt[stretch] == fold] for fold in range(folds)]
    return [part for part in parts if 0 < len(part) < len(rows)]


@dataclass(frozen=True, eq=False)
class _Data:
    """Answered windows (by row), in one view or several, and written events; columns before the members'."""

    tables: tuple[Float32, ...]
    value: Int8
    weight: Float32
    written: Float32
    truth: Int8
    before: int

    def fit(self, rows: Int64, config: BeliefConfig, seed: int) -> Committee:
        """Fit the committee on some answered rows and on all written events."""
        views = len(self.tables)
        table = np.concatenate([self.written, *(each[rows] for each in self.tables)])
        value = np.concatenate([self.truth, np.tile(self.value[rows], views)])
        if not {NORMAL, ANOMALY} <= set(value.tolist()):
            raise DataError(
                "expected written events, or answers of both kinds, got neither; set detector.rehearsal.copies to 2 or "
                "more, or answer more questions"
            )
        told = self.weight[rows]
        left = config.written_weight * config.written_fade / (config.written_fade + float(told.sum()))
        weight = np.concatenate(
            [np.full(len(self.truth), left / max(len(self.truth), 1), np.float32), np.tile(told / views, views)]
        )
        leaf = 2
        forests = (
            ExtraTreesClassifier(config.trees, min_samples_leaf=leaf, random_state=seed),
            RandomForestClassifier(
                config.trees // 2 + 1, min_samples_leaf=leaf, max_samples=min(_DRAWN, len(table)), random_state=seed
            ),
        )
        for forest in forests:
            forest.fit(table, value, weight)
        linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
        linear.fit(table, value, logisticregression__sample_weight=weight)
        own = table[:, self.before : -4]  # the members' columns
        members = LogisticRegression(C=0.1, max_iter=300).fit(own, value, weight)
        return Committee(forests, linear, members)


def _written(rehearsal: Rehearsal, width: int, most: int, rng: np.random.Generator) -> tuple[Float32, Int8]:
    """Give the windows of written events, a random part where there are too many."""
    if not rehearsal.truth:
        return np.empty((0, width), np.float32), np.empty(0, np.int8)
    truth = np.concatenate(rehearsal.truth)
    table = np.concatenate([columns(one) for one in rehearsal.judgements])
    kept = np.sort(rng.permutation(len(truth))[:most])
    return table[kept], truth[kept]


def _tables_rows(committee: Committee, judgements: Sequence[Judgement], rows: Int64) -> Float64:
    """Give the views of some rows of all judgements together."""
    low, parts = 0, []
    for one in judgements:
        own = rows[(rows >= low) & (rows < low + len(one))] - low
        low += len(one)
        if len(own):
            parts.append(committee.views(one.take(own)))
    return np.concatenate(parts)
