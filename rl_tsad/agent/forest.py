"""The control that stands beside the agent in every table: a random forest on the same features and answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from rl_tsad.agent.act import Decisions
from rl_tsad.detector.judge import Judgement
from rl_tsad.types import ANOMALY, NORMAL, Float32, Targets, rows_of

_BATCH = 65_536


def forest_decisions(judgements: Sequence[Judgement], targets: Targets, *, seed: int, trees: int = 200) -> Decisions:
    """Fit a random forest (Breiman, 2001) on the human answers and judge every window.

    Until both classes were answered there is nothing to fit: the label-free prior is the probability then.

    Args:
        judgements: all windows, pool and test.
        targets: of these, only the rows with source ``"human"`` are used.
        seed: fixes the trees.
        trees: how many.

    Returns:
        Decisions in the order of the judgements; a verdict is anomaly above probability 0.5.
    """
    keys = np.concatenate([judgement.keys for judgement in judgements])
    table = np.concatenate([_columns(judgement) for judgement in judgements])  # (N, F + K + M + 2)
    human = targets.source == "human"
    value = targets.value[human]
    if {NORMAL, ANOMALY} <= set(value.tolist()):
        rows = rows_of(keys, targets.keys[human])
        forest = RandomForestClassifier(trees, min_samples_leaf=1, class_weight="balanced", random_state=seed, n_jobs=1)
        forest.fit(table[rows], value)
        parts = [forest.predict_proba(table[low : low + _BATCH])[:, 1] for low in range(0, len(table), _BATCH)]
        probability = np.concatenate(parts).astype(np.float32)
    else:
        probability = np.concatenate([judgement.prior for judgement in judgements]).astype(np.float32)
    margin = np.abs(2 * probability - 1).astype(np.float32)
    return Decisions(keys, (probability > 0.5).astype(np.int8), probability, margin)


def _columns(judgement: Judgement) -> Float32:
    extra = np.stack([judgement.prior, judgement.aster], axis=1)  # (N, 2)
    return np.concatenate([judgement.features, judgement.notes, judgement.members, extra], axis=1).astype(np.float32)
