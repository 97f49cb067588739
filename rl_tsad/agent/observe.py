"""What the agent sees, is paid and starts from: judgements, answers, severities as one environment's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from envs.window_data import LIMIT, WindowData
from rl_tsad.detector.judge import Judgement
from rl_tsad.errors import DataError
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN, Float32, Float64, Int8, Targets, rows_of

NORMAL_SHARE = 0.95
"""Share of windows for which the unsupervised term says normal."""

ANSWERED_SHARE = 0.5
"""Share of episodes that start at an answered window, once there are answers."""


def observe(
    judgements: Sequence[Judgement], targets: Targets, severity: Float32, *, error: Literal["blend", "vae"] = "blend"
) -> WindowData:
    """Lay out an environment's arrays: one run of rows per judgement, in the order given.

    An observation holds a window's features, what each member of the ensemble says, their blend (as is and as
    log-odds), ASTER's probability and embedding.

    Args:
        judgements: one per series, windows in the order of time.
        targets: answers and what was spread from them; windows without a row are unknown.
        severity: (N,) float32 in [0, 1], all judgements' windows, in their order.
        error: what e of the unsupervised term is made of (see :class:`rl_tsad.decision_config.AgentConfig`).

    Raises:
        DataError: when there are no windows or the severities are not one a window.

    Example:
        >>> from types import SimpleNamespace
        >>> column = np.array([0.1, 0.9], np.float32)
        >>> table = column[:, None]
        >>> one = SimpleNamespace(keys=np.array(["a:0:4", "a:4:4"]), features=table, members=table, prior=column,
        ...                       vae_error=column, aster=column, embedding=table)
        >>> told = Targets(np.array(["x"]), np.array([1], np.int8), np.ones(1, np.float32), np.array(["human"]))
        >>> data = observe([one], told, np.zeros(2, np.float32))
        >>> data.observations.shape, data.target.tolist()
        ((2, 6), [-1, -1])
    """
    keys = np.concatenate([one.keys for one in judgements]) if judgements else np.array([], dtype=np.str_)
    if not len(keys) or severity.shape != keys.shape:
        raise DataError(
            f"expected at least one window and a severity for each, got {len(keys)} windows and {severity.shape} "
            "severities; judge the series first and keep the order of the judgements"
        )
    target, weight = join_targets(keys, targets)
    unusual = [one.vae_error if error == "vae" else one.prior for one in judgements]
    e = centred_error(np.concatenate(unusual))
    tables = [_columns(one) for one in judgements]
    return WindowData(
        observations=tables[0] if len(tables) == 1 else np.concatenate(tables),  # a long series' is not held twice
        target=target,
        weight=weight,
        error=e,
        severity=severity.astype(np.float32),
        episode=np.repeat(np.arange(len(judgements)), [len(one.keys) for one in judgements]),
        start_weight=start_weights(target, weight, e),
    )


def join_targets(keys: np.ndarray[tuple[int], np.dtype[np.str_]], targets: Targets) -> tuple[Int8, Float32]:
    """Find each window's answer by its key.

    Returns:
        (N,) int8 value, -1 where unknown, and (N,) float32 weight, 0 there.

    Example:
        >>> told = Targets(np.array(["b", "x"]), np.array([1, 0], np.int8), np.ones(2, np.float32), np.array(["human"]))
        >>> [part.tolist() for part in join_targets(np.array(["a", "b"]), told)]
        [[-1, 1], [0.0, 1.0]]
    """
    rows = rows_of(targets.keys, keys)
    value = np.full(len(keys), UNKNOWN, dtype=np.int8)
    value[rows >= 0] = targets.value[rows[rows >= 0]]
    weight = np.zeros(len(keys), dtype=np.float32)
    known = value != UNKNOWN
    weight[known] = targets.weight[rows[known]]
    return value, weight


def centred_error(score: Float32, normal_share: float = NORMAL_SHARE) -> Float32:
    """Turn a label-free score into the reward's e: negative on the usual windows, positive on the oddest few.

    e rises with the rank: from -1 at the lowest over 0 at the ``normal_share`` quantile to 1 at the highest. Ranks need
    no label and no scale. Without the centre an agent would be paid for calling everything an anomaly.

    Args:
        score: (N,) higher is more anomalous.
        normal_share: where e changes its sign.

    Returns:
        (N,) float32 in [-1, 1]; equal scores get equal e.

    Example:
        >>> e = centred_error(np.arange(100, dtype=np.float32))
        >>> int((e > 0).sum()), round(float(e[0]), 1), round(float(e[-1]), 1)
        (5, -1.0, 0.9)
    """
    order = np.sort(score)
    low, high = np.searchsorted(order, score, side="left"), np.searchsorted(order, score, side="right")
    rank = (low + high) / (2.0 * len(score))  # (N,) in (0, 1), ties share the middle
    usual, odd = (rank - normal_share) / normal_share, (rank - normal_share) / (1.0 - normal_share)
    return np.where(rank < normal_share, usual, odd).astype(np.float32)


def start_weights(target: Int8, weight: Float32, error: Float32, share: float = ANSWERED_SHARE) -> Float64:
    """Choose where episodes start: half on answered windows, both classes alike, the rest anywhere and on odd windows.

    Labels are few: uniform starts would meet one in thousands of steps.

    Returns:
        (N,) float64 > 0, sums to 1.

    Example:
        >>> weights = start_weights(np.array([-1, 1, -1, 0], np.int8), np.ones(4, np.float32), np.zeros(4, np.float32))
        >>> weights.round(3).tolist()
        [0.125, 0.375, 0.125, 0.375]
    """
    odd = np.maximum(error.astype(np.float64), 0.0)
    everywhere = np.full(len(target), 1.0 / len(target))
    parts = [everywhere, odd / odd.sum()] if odd.sum() > 0 else [everywhere]
    loose = np.mean(parts, axis=0)
    trusted = [np.where(target == value, weight.astype(np.float64), 0.0) for value in (NORMAL, ANOMALY)]
    fixed = [part / part.sum() for part in trusted if part.sum() > 0]
    return np.asarray((1.0 - share) * loose + share * np.mean(fixed, axis=0) if fixed else loose)


def _columns(one: Judgement) -> Float32:
    prior = one.prior.astype(np.float64)
    odds = np.log((prior + 1e-3) / (1.0 - prior + 1e-3))
    scores = np.stack([prior, odds, one.aster], axis=1).astype(np.float32)  # (N, 3)
    table = np.concatenate([one.features, one.members, scores, one.embedding], axis=1)  # (N, F)
    return np.clip(table, -LIMIT, LIMIT, out=table)
