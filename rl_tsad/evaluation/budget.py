"""What labels buy: accuracy against questions asked and seconds spent, with intervals over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rl_tsad.errors import DataError
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float64

_RESAMPLES = 2000


@dataclass(frozen=True)
class Measurement:
    """What one method reached in one run at one budget.

    Attributes:
        method: who was measured.
        seed: which run.
        budget: questions that were allowed.
        questions: questions that were asked, unsure ones included: every distinct read of the oracle.
        labels: windows that people labelled normal or anomalous.
        metrics: value by metric name; nan where a metric has no value.
        seconds: what the answers cost people at the settings' prices; 0 where nobody counted.
        acts: who opened the alarm, where there was a choice: ``"rule"`` or ``"policy"``.
    """

    method: str
    seed: int
    budget: int
    questions: int
    labels: int
    metrics: Mapping[str, float]
    seconds: float = 0.0
    acts: str = ""


@dataclass(frozen=True)
class BudgetCurve:
    """One metric of one method against what was asked.

    Attributes:
        method: who was measured.
        metric: what was measured.
        budgets: (B,) int64 questions allowed, increasing.
        questions: (B,) float64 questions asked, mean over seeds.
        labels: (B,) float64 windows labelled by the answers, mean over seeds.
        seconds: (B,) float64 what the answers cost people, mean over seeds.
        mean: (B,) float64.
        low: (B,) float64, lower end of the bootstrap interval of the mean.
        high: (B,) float64, upper end.
        per_seed: (S, B) float64, nan where a run has no value.
        seeds: S run numbers, increasing.
    """

    method: str
    metric: str
    budgets: Float64
    questions: Float64
    labels: Float64
    seconds: Float64
    mean: Float64
    low: Float64
    high: Float64
    per_seed: Float64
    seeds: tuple[int, ...]


def budget_curve(rows: Sequence[Measurement], metric: str, method: str, *, level: float = 0.95) -> BudgetCurve:
    """Draw one curve together.

    Args:
        rows: measurements of any methods and metrics.
        metric: key into ``Measurement.metrics``.
        method: whose rows count.
        level: coverage of the interval.

    Raises:
        DataError: when no row is of this method and metric, or a run measured one budget twice.

    Example:
        >>> rows = [Measurement("ppo", s, b, b, b, {"f1": 0.4 + b / 100 + s / 10}) for b in (0, 20) for s in (0, 1)]
        >>> c = budget_curve(rows, "f1", "ppo")
        >>> c.questions.tolist(), c.mean.round(2).tolist()
        ([0.0, 20.0], [0.45, 0.65])
    """
    own = [row for row in rows if row.method == method and metric in row.metrics]
    budgets, seeds = sorted({row.budget for row in own}), sorted({row.seed for row in own})
    if not own or len({(row.seed, row.budget) for row in own}) != len(own):
        raise DataError(
            f"expected each run of {method!r} to measure {metric!r} once a budget, got {len(own)} rows for "
            f"{len(seeds)} runs and {len(budgets)} budgets; remove repeated or misnamed rows"
        )
    cells = np.full((4, len(seeds), len(budgets)), np.nan)
    for row in own:
        told = row.metrics[metric], row.questions, row.labels, row.seconds
        cells[:, seeds.index(row.seed), budgets.index(row.budget)] = told
    values, questions, labels, seconds = cells
    low, high = bootstrap_interval(values, level=level)
    return BudgetCurve(
        method=method,
        metric=metric,
        budgets=np.array(budgets, dtype=np.float64),
        questions=_mean(questions),
        labels=_mean(labels),
        seconds=_mean(seconds),
        mean=_mean(values),
        low=low,
        high=high,
        per_seed=values,
        seeds=tuple(seeds),
    )


def budget_curves(rows: Sequence[Measurement], metrics: Sequence[str]) -> list[BudgetCurve]:
    """Draw every curve that the rows hold, methods in the order of their first appearance.

    Example:
        >>> rows = [Measurement("ppo", 0, 0, 0, 0, {"point_f1": 0.4, "auc_pr": 0.3})]
        >>> [c.metric for c in budget_curves(rows, ["point_f1", "auc_pr", "event_f1"])]
        ['point_f1', 'auc_pr']
    """
    held = dict.fromkeys((row.method, metric) for metric in metrics for row in rows if metric in row.metrics)
    return [budget_curve(rows, metric, method) for method, metric in held]


def bootstrap_interval(values: Float64, *, level: float = 0.95) -> tuple[Float64, Float64]:
    """Give the percentile bootstrap interval of the mean over seeds (Efron & Tibshirani, 1993, chapter 13).

    The resamples are fixed, so that the same numbers always give the same interval. One seed gives an interval without
    width, which means "unknown", not "certain".

    Args:
        values: (S, B), nan where a run has no value.
        level: coverage in (0, 1).

    Returns:
        Lower and upper ends, (B,) each; nan where no run has a value.

    Example:
        >>> low, high = bootstrap_interval(np.array([[0.0], [1.0], [0.5], [0.5]]))
        >>> bool(0 <= low[0] < 0.5 < high[0] <= 1)
        True
    """
    runs = len(values)
    drawn = values[derive_rng(0, "evaluation/bootstrap").integers(0, runs, (_RESAMPLES, runs))]
    known = np.isfinite(drawn)
    counts = known.sum(axis=1)
    means = np.where(counts > 0, np.where(known, drawn, 0.0).sum(axis=1) / np.maximum(counts, 1), np.nan)
    ends = [_quantile(means, 0.5 - level / 2), _quantile(means, 0.5 + level / 2)]
    return ends[0], ends[1]


def _quantile(means: Float64, share: float) -> Float64:
    """Quantile over resamples of each column, leaving out resamples that drew no value."""
    columns = [column[np.isfinite(column)] for column in means.T]
    return np.array([np.quantile(column, share) if len(column) else np.nan for column in columns])


def _mean(values: Float64) -> Float64:
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def table_rows(curves: Sequence[BudgetCurve], measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Give one row per method and budget: questions, labels, seconds and each metric with its interval.

    Returns:
        Rows with ``method``, ``budget``, ``questions``, ``labels``, ``seconds``, ``seeds`` and for each metric m:
        ``m``, ``m_low``, ``m_high``.

    Example:
        >>> rows = [Measurement("ppo", 0, 20, 20, 18, {"point_f1": 0.5})]
        >>> table_rows(budget_curves(rows, ["point_f1"]), rows)[0]["labels"]
        18.0
    """
    table: dict[tuple[str, int], dict[str, Any]] = {}
    for curve in curves:
        for place, budget in enumerate(curve.budgets.astype(int).tolist()):
            if (curve.method, budget) not in table:
                table[curve.method, budget] = _counts(curve.method, budget, measurements)
            for name, values in (("", curve.mean), ("_low", curve.low), ("_high", curve.high)):
                table[curve.method, budget][curve.metric + name] = float(values[place])
    return list(table.values())


def _counts(method: str, budget: int, measurements: Sequence[Measurement]) -> dict[str, Any]:
    own = [row for row in measurements if row.method == method and row.budget == budget]
    return {
        "method": method,
        "budget": budget,
        "questions": float(np.mean([row.questions for row in own])),
        "labels": float(np.mean([row.labels for row in own])),
        "seconds": float(np.mean([row.seconds for row in own])),
        "seeds": len({row.seed for row in own}),
    }
