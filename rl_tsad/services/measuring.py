"""What model versions are worth: against truth, on the test windows, by questions asked.

Truth is read here and by the simulated analyst only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from db import labels, queries, versions
from db.records import ModelVersion
from rl_tsad.agent.chain import POLICY, POLICY_ACTS, RULE
from rl_tsad.config import WindowConfig
from rl_tsad.data.period import find_period
from rl_tsad.data.windows import make_windows, to_points
from rl_tsad.evaluation.budget import Measurement
from rl_tsad.evaluation.metrics import auc_pr, auc_roc, best_f1, event_f1, point_f1, vus_pr
from rl_tsad.services.costs import seconds_by_questions
from rl_tsad.services.foundation import TEST, Foundation, load_foundation, window_of
from rl_tsad.services.publishing import AGENT, FOREST, PUBLISHED
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Float32, Int8, Int64
from rl_tsad.work import AnswerSeconds

METHODS = {
    AGENT: "agent",
    FOREST: "random forest, margin",
    PUBLISHED: "PPO on windows, as published",
    "prior": "label-free score",
}
_ACTS = {0.0: RULE, 1.0: POLICY}
METRICS = ("point_f1", "event_f1", "auc_pr", "vus_pr", "auc_roc", "best_f1")


@dataclass(frozen=True)
class TestPoints:
    """The points that evaluation may look at, series after series.

    Attributes:
        truth: (P,) int8.
        window: (P,) int64, row of each point's deciding window in the foundation's order.
        runs: (P,) int64, number of the series; events never cross it.
        periods: of each series by its number, in points; the window of VUS.
    """

    __test__ = False

    truth: Int8
    window: Int64
    runs: Int64
    periods: dict[int, int] = field(default_factory=dict)


def foundation_of(workspace: Workspace, version: ModelVersion) -> Foundation:
    """Open the foundation on which a version stands."""
    return load_foundation(workspace.foundations / str(version.config["foundation"]))


def find_test_points(workspace: Workspace, foundation: Foundation, window: WindowConfig) -> TestPoints:
    """Collect truth and deciding window of every test point, over all series whose truth is known."""
    truths, rows, runs, periods = [], [], [], {}
    for number, (name, its) in enumerate(foundation.rows_by_series().items()):
        series = foundation.series_as_judged(workspace, name, truth=True)
        if series.truth is None:
            continue
        decider = to_points(make_windows(series, window), np.arange(its.start, its.stop, dtype=np.int64), series.length)
        mask = foundation.part[decider] == TEST
        truths.append(np.asarray(series.truth)[mask])
        rows.append(decider[mask])
        runs.append(np.full(int(mask.sum()), number, dtype=np.int64))
        periods[number] = find_period(series.values[:, series.targets[0]])
    if not truths or not sum(map(len, truths)):
        empty = np.zeros(0, dtype=np.int64)
        return TestPoints(empty.astype(np.int8), empty, empty)
    return TestPoints(np.concatenate(truths), np.concatenate(rows), np.concatenate(runs), periods)


def measure(points: TestPoints, probability: Float32, alarm: Int8) -> dict[str, float]:
    """Measure point-wise scores and alarms on the test points.

    Args:
        points: what evaluation may look at.
        probability: (N,) score of each window.
        alarm: (N,) int8, 1 where the alarm is open.

    Returns:
        Of the alarms ``point_f1`` and ``event_f1``; over all thresholds ``auc_pr`` and ``auc_roc``, and
        ``vus_pr``, the mean over series with an event; and ``best_f1``, the oracle whose threshold was chosen on the
        test.
    """
    score = probability[points.window]
    verdict = alarm[points.window]
    return {
        "point_f1": point_f1(points.truth, verdict),
        "event_f1": event_f1(points.truth, verdict, points.runs),
        "auc_pr": auc_pr(points.truth, score),
        "vus_pr": _mean_vus_pr(points, score),
        "auc_roc": auc_roc(points.truth, score),
        "best_f1": best_f1(points.truth, score),
    }


def _mean_vus_pr(points: TestPoints, score: Float32) -> float:
    """Average VUS-PR over the series, each with its own period; nan where no series has an event."""
    ours = {run: points.runs == run for run in np.unique(points.runs).tolist()}
    found = [vus_pr(points.truth[its], score[its], points.periods[run]) for run, its in ours.items()]
    return float(np.mean([value for value in found if not np.isnan(value)] or [np.nan]))


def measure_versions(
    workspace: Workspace, budgets: Sequence[int] | None = None, *, method: str, seed: int
) -> list[Measurement]:
    """Measure the versions of a workspace on its test windows, by questions asked before each was trained.

    Beside the agent stands the label-free score whose threshold comes from the same answers: what do labels add that
    a threshold does not (DQS, arXiv 2509.05663)?

    Args:
        workspace: with series whose truth is known.
        budgets: the numbers of questions to measure at; each version's own number when omitted. Where the pool ended
            earlier, the last version stands for the larger budgets.
        method: ``"agent"``, ``"forest"`` or ``"published"``.
        seed: of the run.

    Returns:
        Rows by budget; empty where no test point has known truth.
    """
    with workspace.store.read() as session:
        stored, further = versions.all(session), queries.further_reads(session)
        seconds = seconds_by_questions(labels.history(session), _prices(workspace), further)
    if not stored:
        return []
    last = max(stored, key=lambda version: version.id).config["foundation"]
    by_questions = {int(one.metrics["questions"]): one for one in stored if one.config["foundation"] == last}
    newest = by_questions[max(by_questions)]
    foundation = foundation_of(workspace, newest)
    points = find_test_points(workspace, foundation, window_of(newest))
    rows: list[Measurement] = []
    for budget in sorted(by_questions if budgets is None else budgets) if len(points.truth) else ():
        version = by_questions[max((asked for asked in by_questions if asked <= budget), default=min(by_questions))]
        spent = seconds[min(int(version.metrics["questions"]), len(seconds) - 1)]
        found = _rows(workspace, foundation, points, version, budget=budget, method=method, seed=seed)
        rows += [replace(row, seconds=spent) for row in found]
    return rows


def _prices(workspace: Workspace) -> AnswerSeconds:
    return workspace.settings.active.seconds


def _rows(
    workspace: Workspace,
    foundation: Foundation,
    points: TestPoints,
    version: ModelVersion,
    *,
    budget: int,
    method: str,
    seed: int,
) -> Iterator[Measurement]:
    questions, known = int(version.metrics["questions"]), int(version.metrics["labels"])
    scores = {METHODS[method]: tuple(load_decision(workspace, version, name) for name in ("probability", "verdict"))}
    if method == AGENT:
        prior = np.concatenate([one.prior for one in foundation.judgements])
        threshold = float(version.metrics["answers/prior_threshold"])
        scores[METHODS["prior"]] = (prior, (prior >= threshold).astype(np.int8))
    for name, (score, alarm) in scores.items():
        acts = _ACTS.get(version.metrics.get(POLICY_ACTS, -1.0), "") if name == METHODS[AGENT] else ""
        yield Measurement(name, seed, budget, questions, known, measure(points, score, alarm), acts=acts)


def load_decision(workspace: Workspace, version: ModelVersion, name: str) -> Any:
    """Open one of a version's arrays over all windows of its foundation, memory-mapped."""
    return np.load(workspace.model_folder(version) / f"{name}.npy", mmap_mode="r", allow_pickle=False)
