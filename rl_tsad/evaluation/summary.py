"""What the curves say, in plain words and without hiding a loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rl_tsad.evaluation.budget import BudgetCurve, bootstrap_interval
from rl_tsad.types import Float64

ENOUGH_ANSWERS = 20
"""Answers below which a share of agreement is too coarse to be told as a change."""
METRIC_NAMES = {
    "point_f1": "point F1",
    "event_f1": "event F1",
    "auc_pr": "AUC-PR",
    "vus_pr": "VUS-PR",
    "auc_roc": "AUC-ROC",
    "best_f1": "best point F1 (oracle threshold)",
}
METRIC_WORDS = {
    "point_f1": "F1 over single points at a threshold chosen from pool answers; no point adjustment, no tolerance.",
    "event_f1": "Events found against the share of alarm time that was right (composite F1, Garg et al. 2021).",
    "auc_pr": "Average precision over all thresholds; chance level is the share of anomalous points.",
    "vus_pr": "AUC-PR where alarms up to half a period early or late count in part; mean over series (TSB-AD).",
    "auc_roc": "Chance that an anomalous point scores above a normal one; chance level is 0.5.",
    "best_f1": "Point F1 with the threshold chosen on the test's own truth: an upper bound, never a result.",
}


def metric_name(metric: str) -> str:
    """Name a metric for people.

    Example:
        >>> metric_name("auc_pr"), metric_name("my_metric")
        ('AUC-PR', 'my metric')
    """
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


NOTHING = (
    "Nothing was measured yet: no test window has known truth (ingest with --label COLUMN), and none of the answers "
    "was given to a question on which a model's verdict is known (imported ones are not)."
)


def summarise(curves: Sequence[BudgetCurve]) -> list[str]:
    """Say what labels bought and how the first method stands against the others, on the first metric.

    Example:
        >>> from rl_tsad.evaluation.budget import Measurement, budget_curves
        >>> rows = [Measurement("agent", s, b, b, b, {"point_f1": 0.4 + b / 100}) for b in (0, 20) for s in (0, 1)]
        >>> summarise(budget_curves(rows, ["point_f1"]))[0]
        'Without a label, agent reaches a point F1 of 0.40; with 20 questions, 0.60.'
    """
    if not curves:
        return [NOTHING]
    main = curves[0]
    if main.metric == "agreement" and main.questions[-1] < ENOUGH_ANSWERS:
        return [_too_early(main)]
    others = [curve for curve in curves[1:] if curve.metric == main.metric]
    ranking = [curve for curve in curves[1:] if curve.metric == "auc_pr" and curve.method == main.method]
    sentences = [_reached(main), *_gain(main), *(_moved(curve) for curve in ranking[:1])]
    return [*sentences, *(_against(main, other) for other in others), *_doubt(main)]


def _too_early(main: BudgetCurve) -> str:
    told = f"{main.questions[-1]:.0f} answer{'' if round(main.questions[-1]) == 1 else 's'}"
    return f"Too early to tell: {told} so far, and a change in agreement says little below {ENOUGH_ANSWERS}."


def _moved(curve: BudgetCurve) -> str:
    """Say what average precision did; it counts as a gain or loss only where the interval leaves zero out."""
    name, first, last = "Average precision (AUC-PR)", curve.mean[0], curve.mean[-1]
    if not np.isfinite([first, last]).all():
        return f"{name} has no value at the first or the last budget."
    if len(curve.budgets) < 2:
        return f"{name} is {_interval(curve, 0)}."
    low, mean, high = _difference(curve.per_seed[:, -1] - curve.per_seed[:, 0])
    verb = "stayed at" if f"{first:.2f}" == f"{last:.2f}" else "rose from" if last > first else "fell from"
    moved = f"{name} {verb} {first:.2f}" + ("" if verb == "stayed at" else f" to {last:.2f}")
    if not np.isfinite([low, high]).all():
        return f"{moved} in the only run that measured it."
    rest = "" if low > 0 or high < 0 else ", which cannot be told from chance in these runs"
    return f"{moved}: difference {mean:+.2f}{_range(low, high)}{rest}."


def _reached(main: BudgetCurve) -> str:
    name, last = metric_name(main.metric), len(main.budgets) - 1
    most = f"with {main.questions[last]:.0f} questions, {_interval(main, last)}"
    if last == 0 or main.questions[0] > 0:
        return f"{main.method}: {name} {most}."
    return f"Without a label, {main.method} reaches a {name} of {_interval(main, 0)}; {most}."


def _gain(main: BudgetCurve) -> list[str]:
    if len(main.budgets) < 2:
        return []
    low, mean, high = _difference(main.per_seed[:, -1] - main.per_seed[:, 0])
    asked = f"{main.questions[-1] - main.questions[0]:.0f} questions"
    if low > 0:
        return [f"Asking {asked} gained {mean:.2f}{_range(low, high)}."]
    verb = "cost" if high < 0 else "changed it by"
    rest = "" if high < 0 else ", which cannot be told from chance in these runs"
    return [f"Asking {asked} {verb} {abs(mean) if high < 0 else mean:.2f}{_range(low, high)}{rest}."]


def _against(main: BudgetCurve, other: BudgetCurve) -> str:
    shared = sorted(set(main.seeds) & set(other.seeds))
    budgets = sorted(set(main.budgets.tolist()) & set(other.budgets.tolist()))
    if not shared or not budgets:
        return f"{other.method} was not measured in the same runs and cannot be compared."
    low, mean, high = _difference(_values(main, shared, budgets[-1]) - _values(other, shared, budgets[-1]))
    place = f"at {budgets[-1]:.0f} questions"
    if not np.isfinite(mean):
        return f"{other.method} cannot be compared {place}: a value is missing."
    if low > 0 or high < 0:
        side = "ahead of" if low > 0 else "behind"
        return f"{main.method} is {side} {other.method} by {abs(mean):.2f}{_range(low, high)} {place}."
    return f"{main.method} and {other.method} cannot be told apart {place}: difference {mean:+.2f}{_range(low, high)}."


def _values(curve: BudgetCurve, seeds: Sequence[int], budget: float) -> Float64:
    rows = [curve.seeds.index(seed) for seed in seeds]
    return curve.per_seed[rows, curve.budgets.tolist().index(budget)]


def _difference(values: Float64) -> tuple[float, float, float]:
    """Lower end, mean and upper end of paired differences; one run alone leaves everything open."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return float("-inf"), float(known.mean()) if len(known) else float("nan"), float("inf")
    low, high = bootstrap_interval(known[:, None])
    return float(low[0]), float(known.mean()), float(high[0])


def _interval(curve: BudgetCurve, place: int) -> str:
    low, high = curve.low[place], curve.high[place]
    return f"{curve.mean[place]:.2f}" + (_range(low, high) if high - low > 0.005 else "")


def _range(low: float, high: float) -> str:
    return f" ({low:.2f} to {high:.2f})" if np.isfinite(low) and np.isfinite(high) else ""


def _doubt(main: BudgetCurve) -> list[str]:
    runs = len(main.seeds)
    if runs == 1:
        return ["Only one run was made, so how far chance carries these numbers is unknown."]
    return [f"Ranges in parentheses are 95 % bootstrap intervals over {runs} runs."]
