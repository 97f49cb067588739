"""The report: curves, table and pictures of a project or of a study, as one page and two files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from db import labels, versions
from db.records import Answer, Label, ModelVersion, Spent
from rl_tsad.agent.chain import POLICY, RULE
from rl_tsad.agent.control import Choice
from rl_tsad.agent.save_actor import ACTOR_FACTS
from rl_tsad.data.windows import make_windows, to_points
from rl_tsad.errors import NotTrainedError
from rl_tsad.evaluation.budget import Measurement, budget_curves
from rl_tsad.evaluation.charts import SeriesPicture
from rl_tsad.evaluation.report import ReportData, render_report, write_curve_csv, write_curve_json
from rl_tsad.services.costs import price_of, share_left
from rl_tsad.services.exchange import export_answers
from rl_tsad.services.foundation import POOL, TEST, Foundation, window_of
from rl_tsad.services.labeling import progress as labeling_progress
from rl_tsad.services.measuring import METRICS, foundation_of, load_decision, measure_versions
from rl_tsad.services.publishing import ACTOR, AGENT
from rl_tsad.services.sounding import ledger_of, sentence_of
from rl_tsad.services.workspace import Workspace, write_text

AGREEMENT = "agreement"
_PICTURES = 6


def report_workspace(
    workspace: Workspace, out: Path, *, budgets: Sequence[int] | None = None
) -> tuple[list[Measurement], Path]:
    """Write a project's report: accuracy on test windows where truth is known, else agreement with the answers.

    Args:
        workspace: a trained project.
        out: folder for ``report.html``, ``curve.csv``, ``curve.json`` and ``answers.csv``, which lists every labelled
            window.
        budgets: question counts to show; every model version's own when omitted.

    Returns:
        The rows behind the curves, and the page's path.

    Raises:
        NotTrainedError: when there is no model yet.
    """
    with workspace.store.read() as session:
        current = versions.current(session)
        standing, spent = labels.standing(session), labels.spent(session)
    if current is None:
        raise NotTrainedError(
            f"expected a trained model in {workspace.root}, got none; run: rl-tsad --workspace {workspace.root} train"
        )
    foundation = foundation_of(workspace, current)
    measured = measure_versions(workspace, budgets, method=AGENT, seed=workspace.settings.seed)
    rows = measured or _agreement(workspace)
    notes = [_METHODS] if measured else [_NO_TRUTH] if rows else []
    pictures = draw_series(workspace, foundation, current, standing)
    facts = protocol_facts(workspace, foundation, current, spent)
    export_answers(workspace, out / "answers.csv")
    return rows, _write(out, rows, facts, pictures, notes)


_METHODS = (
    "Agent: asks a mixture of undecided, top-scored and unfamiliar windows; its alarm rule, or a policy where that "
    "earned more and found no fewer events, opens and closes the alarm. Random forest, margin: the control, asks "
    "where it is least decided. Label-free score: what is known without labels; only its threshold comes from the "
    "agent's answers. All thresholds are chosen on answers, never on the test."
)
_NO_TRUTH = (
    "No test window has known truth, so the curve shows how often the model's verdict, given before each question, "
    "agreed with the answer. Questions are picked where the model is unsure: on all windows it agrees more often."
)


def report_study(rows: Sequence[Measurement], out: Path, facts: Mapping[str, str]) -> Path:
    """Write a study's report: curves with intervals over seeds, table, protocol."""
    acts = Counter(row.acts for row in rows if row.acts)
    told = f"the {RULE} in {acts[RULE]} of {acts.total()} measured rounds, the {POLICY} in {acts[POLICY]}"
    return _write(out, rows, {**facts, **({"who acts": told} if acts else {})}, (), (_METHODS,))


def protocol_facts(workspace: Workspace, foundation: Foundation, version: ModelVersion, spent: Spent) -> dict[str, str]:
    """Say in words on what the numbers rest."""
    settings = workspace.settings
    split, window = settings.split, window_of(version)
    pool, test = int(foundation.pool.sum()), int((foundation.part == TEST).sum())
    return {
        "series": ", ".join(foundation.names[:8]) + (" ..." if len(foundation.names) > 8 else ""),
        "windows": f"{len(foundation.keys)}, of which {pool} in the pool and {test} in the test, which is never asked",
        "protocol": f"{split.protocol}, pool fraction {split.pool_fraction:g}, gap of {split.gap_windows} window(s)",
        "window": f"{window.length} points, of which the last {window.stride} are decided",
        "answers": f"{spent.questions} questions, {price_of(spent, settings.active.seconds):.0f} seconds of a person's "
        f"time at the settings' prices; {100 * share_left(spent, settings.active):.0f} % of the budget is left; "
        f"{spent.labels} windows labelled, each listed in answers.csv",
        **who_acts(workspace, version),
        **({"notes": "; ".join(foundation.said)} if foundation.said else {}),
        **({"language model": sentence_of(ledger)} if (ledger := ledger_of(workspace, version)) else {}),
        "model version": f"{version.id}, digest {version.digest[:12]}",
        "seed": str(settings.seed),
    }


def who_acts(workspace: Workspace, version: ModelVersion) -> dict[str, str]:
    """Say who opens and closes the alarm, and why; nothing where the version was made by a control."""
    folder = workspace.model_folder(version) / ACTOR
    if not (folder / ACTOR_FACTS).exists():
        return {}
    facts = json.loads((folder / ACTOR_FACTS).read_text())
    rule = ", ".join(f"{name} {facts['rule'][name]:g}" for name in ("on", "off"))
    chosen = Choice(**facts["chosen"]).why().replace(" acts", " rule", 1)
    return {
        "who acts": Choice(**facts["acts"]).why(),
        "alarm rule": f"{facts['rule']['kind']}, {rule} (log odds); {chosen}",
    }


def draw_series(
    workspace: Workspace, foundation: Foundation, version: ModelVersion, standing: Sequence[Label]
) -> list[SeriesPicture]:
    """Draw the series with most answers: values, truth, score, alarms, questions."""
    counts = {name: sum(label.series == name for label in standing) for name in foundation.names}
    chosen = sorted(foundation.names, key=lambda name: -counts[name])[:_PICTURES]
    probability, rows = load_decision(workspace, version, "probability"), foundation.rows_by_series()
    alarm, window = load_decision(workspace, version, "verdict"), window_of(version)
    pictures = []
    for name in chosen:
        series = foundation.series_as_judged(workspace, name, truth=True)
        windows = make_windows(series, window)
        score = to_points(windows, np.asarray(probability[rows[name]]), series.length)
        asked = tuple(_asked(label, window.stride) for label in standing if label.series == name)
        pictures.append(
            SeriesPicture(
                name=name,
                times=series.times,
                values=series.values,
                channels=series.channels,
                truth=series.truth,
                score=score,
                verdict=to_points(windows, np.asarray(alarm[rows[name]]) == 1, series.length).astype(np.int8),
                asked=asked,
                boundary=_boundary(foundation, rows[name]),
                targets=tuple(series.targets.tolist()),
            )
        )
    return pictures


def _boundary(foundation: Foundation, rows: slice) -> int | None:
    """First point of the test part of a series that has both parts."""
    part, spans = foundation.part[rows], foundation.spans[rows]
    test = np.flatnonzero(part == TEST)
    return int(spans[test[0], 0]) if len(test) and (part == POOL).any() else None


def _asked(label: Label, stride: int) -> tuple[int, str]:
    return label.start + label.length - stride, str(label.answer or Answer.UNSURE)


def _agreement(workspace: Workspace) -> list[Measurement]:
    facts = labeling_progress(workspace)
    method = "model's verdict before the answer (last 20 answers)"
    return [Measurement(method, 0, asked, asked, asked, {AGREEMENT: share}) for asked, share in facts.curve]


def _write(
    out: Path,
    rows: Sequence[Measurement],
    facts: Mapping[str, str],
    pictures: Sequence[SeriesPicture],
    notes: Sequence[str],
) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    curves = budget_curves(rows, [*METRICS, AGREEMENT])
    write_curve_csv(out / "curve.csv", curves)
    write_curve_json(out / "curve.json", curves, rows, facts)
    data = ReportData("Accuracy against questions asked", facts, curves, rows, pictures, notes)
    write_text(out / "report.html", render_report(data))
    return out / "report.html"
