"""The simulated analyst: truth in, answers through the same two calls as on the page, a budget curve out.

A study plays every method on every seed in a workspace of its own below the output folder. All that it needs to go on
after an interruption is in those workspaces' stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np

from db import labels, versions
from db.records import Answer
from rl_tsad.active.extent import Extent
from rl_tsad.config import Protocol, Settings
from rl_tsad.data.channel_order import in_one_order
from rl_tsad.data.readers import read_path
from rl_tsad.data.role_agreement import agree_on_roles
from rl_tsad.errors import ConfigError, DataError
from rl_tsad.evaluation.budget import Measurement
from rl_tsad.evaluation.spans import events
from rl_tsad.progress import Progress, no_progress
from rl_tsad.services.drafts import share_folder
from rl_tsad.services.foundation import foundation_digest
from rl_tsad.services.ingest import keep_series
from rl_tsad.services.labeling import Card, ask, respread, tell
from rl_tsad.services.measuring import measure_versions
from rl_tsad.services.publishing import AGENT, FOREST, PUBLISHED
from rl_tsad.services.retraining import retrain
from rl_tsad.services.workspace import Workspace, create_workspace, list_series, load_series, open_workspace
from rl_tsad.settings import digest_facts
from rl_tsad.types import Int8, Series

ANALYST = "simulated"
_COLD = 20


@dataclass(frozen=True)
class Study:
    """What is played.

    Attributes:
        budgets: numbers of questions after which the methods are measured; 0 is the label-free start.
        seeds: how many seeds, from 0.
        methods: ``agent`` (the chain with the mixed queue, questions as ``active.events`` says), ``forest`` (random
            forest with margin queries about single windows: what the field ships) and ``published`` (PPO on windows).
        protocol: ``past_future`` or ``unseen`` (see :class:`rl_tsad.config.SplitConfig`).
        pool_fraction: share of each series (or of the series) that may be asked.
    """

    budgets: tuple[int, ...] = (0, 20, 50, 100)
    seeds: int = 3
    methods: tuple[str, ...] = (AGENT, FOREST)
    protocol: Protocol = "past_future"
    pool_fraction: float = 0.6

    def __post_init__(self) -> None:
        if not self.budgets or min(self.budgets) < 0 or len(set(self.budgets)) < len(self.budgets):
            raise ConfigError(f"expected distinct budgets >= 0, got {self.budgets}; for instance --budgets 0,20,50,100")
        unknown = set(self.methods) - {AGENT, FOREST, PUBLISHED}
        if unknown or not self.methods:
            raise ConfigError(
                f"expected methods among {AGENT}, {FOREST}, {PUBLISHED}, got {self.methods}; mend --methods"
            )
        if self.protocol not in get_args(Protocol):
            known = ", ".join(get_args(Protocol))
            raise ConfigError(f"expected a protocol among {known}, got {self.protocol!r}; mend --protocol")
        if not 0 < self.pool_fraction < 1:
            raise ConfigError(
                f"expected a share between 0 and 1, so that both pool and test get some, got {self.pool_fraction}; "
                "mend --pool-fraction"
            )
        if self.seeds < 1:
            raise ConfigError(f"expected at least one seed, got {self.seeds}; mend --seeds")


@dataclass
class SimulatedAnalyst:
    """Answers from truth, and counts what it reads.

    Attributes:
        truth: series name -> (T,) int8.
        reads: keys of the windows whose truth was read by this process.
    """

    truth: dict[str, Int8]
    reads: set[str] = field(default_factory=set)

    def answer(self, card: Card) -> tuple[Answer, Extent | None]:
        """Look at what may be labelled around the question, and say what is true there.

        Returns:
            Where the question is about an event: normal without an anomalous point in the proposed stretch, else
            anomaly and the points [low, high) of one event there, as far as it can be marked: the one that overlaps the
            asked window's span, else the first. Where it is about a window: anomaly when any point of its span is one,
            and None.
        """
        item, origin = card.item, card.origin
        if not card.asks_event:
            self.reads.add(item.key)
            span = self.truth[item.series][item.span_low : item.span_high]
            return (Answer.ANOMALY if bool(np.any(span == 1)) else Answer.NORMAL), None
        self.reads.update(card.keys)
        first, last = (origin + place for place in card.markable)
        true = events(self.truth[item.series][first:last]).tolist()
        found = [(first + low, first + high) for low, high in true]
        proposed = [one for one in found if _overlap(one, (item.event_low, item.event_high))]
        if not proposed:
            return Answer.NORMAL, None
        asked = (one for one in proposed if _overlap(one, (item.span_low, item.span_high)))
        return Answer.ANOMALY, next(asked, proposed[0])


def _overlap(one: Extent, other: Extent) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def analyst_of(workspace: Workspace) -> SimulatedAnalyst:
    """Let truth be read for a workspace.

    Raises:
        DataError: when a series came without a label column.
    """
    truth: dict[str, Int8] = {}
    for record in list_series(workspace):
        series = load_series(workspace, record, truth=True)
        if series.truth is None:
            raise DataError(
                f"series {series.name!r}: expected known anomalies to simulate an analyst, got none; "
                "ingest it again with --label COLUMN"
            )
        truth[series.name] = series.truth
    return SimulatedAnalyst(truth)


def play(
    workspace: Workspace,
    budgets: Sequence[int],
    *,
    learner: str = AGENT,
    progress: Progress = no_progress,
) -> None:
    """Ask, tell, spread, retrain until the largest budget is spent; goes on where an earlier call stopped.

    Args:
        workspace: with series whose truth is known.
        budgets: question counts at which a version must exist.
        learner: see :func:`rl_tsad.services.retraining.retrain`.
        progress: told of every answer and of the training.

    Raises:
        DataError: when truth is missing.
    """
    analyst = analyst_of(workspace)
    stops = _stops(budgets, workspace.settings.active.batch)
    for stop, following in zip(stops, [*stops[1:], 0], strict=True):
        if _spent(workspace) > stop:
            continue  # played before an interruption: going on must neither train nor ask anew
        while (spent := _spent(workspace)) < stop:
            if _answer_until(workspace, analyst, stop, progress=progress):
                continue
            if _is_trained(workspace, spent):
                break  # the whole pool is answered or settled
            _retrain(workspace, stop - spent, learner=learner, progress=progress)
        if not _is_trained(workspace, spent := _spent(workspace)):
            _retrain(workspace, following - spent, learner=learner, progress=progress)


def _stops(budgets: Iterable[int], batch: int) -> list[int]:
    budgets = sorted(budgets)
    return sorted({*budgets, *range(0, budgets[-1], batch)})


def _spent(workspace: Workspace) -> int:
    with workspace.store.read() as session:
        return labels.spent(session).questions


def _is_trained(workspace: Workspace, spent: int) -> bool:
    """Whether the newest version knows all answers."""
    with workspace.store.read() as session:
        stored = versions.all(session)
    return bool(stored) and int(max(stored, key=lambda version: version.id).metrics["questions"]) == spent


def _retrain(workspace: Workspace, count: int, *, learner: str, progress: Progress) -> None:
    active = workspace.settings.active
    selection = replace(active, batch=count if count > 0 else active.batch)
    if learner == FOREST:
        is_cold = _is_cold(workspace)
        warm, cold = float(not is_cold), float(is_cold)
        selection = replace(selection, rule="mixed", margin=warm, top=cold, diverse=cold)
    retrain(workspace, learner=learner, selection=selection, progress=progress)


def _is_cold(workspace: Workspace) -> bool:
    """Whether answers are too few for the forest's margin to mean anything: half top-scored, half diverse then."""
    with workspace.store.read() as session:
        answers = [label.answer for label in labels.standing(session)]
    return len(answers) < _COLD or not {Answer.ANOMALY, Answer.NORMAL} <= set(answers)


def _answer_until(workspace: Workspace, analyst: SimulatedAnalyst, stop: int, *, progress: Progress) -> bool:
    """Answer what the queue holds; False when it held nothing."""
    respread(workspace)
    answered = False
    while (spent := _spent(workspace)) < stop and (card := ask(workspace, ANALYST)) is not None:
        said, extent = analyst.answer(card)
        tell(workspace, card.item.id, said, ANALYST, client=ANALYST, sequence=card.item.id, extent=extent)
        progress("answers", spent + 1, stop)
        answered = True
    return answered


@dataclass(frozen=True)
class Run:
    """One method on one seed, in a workspace of its own."""

    method: str
    seed: int
    folder: Path


def run_study(
    series: Sequence[Series], out: Path, study: Study, settings: Settings, *, progress: Progress = no_progress
) -> list[Measurement]:
    """Play every method on every seed and measure it at every budget; a second call goes on or just measures.

    Args:
        series: with truth.
        out: folder below which each run keeps its workspace.
        study: what to play.
        settings: for all runs; seed and split are the study's.
        progress: told of everything, stages led by method and seed.

    Returns:
        A row per method, seed and budget.

    Raises:
        DataError: when truth is missing.
        ConfigError: when ``out`` holds another study.
    """
    rows = []
    for run in plan(out, study):
        prefix = f"{run.method}, seed {run.seed}"
        with _open_run(run, study, settings) as workspace:
            for one in series:
                keep_series(workspace, one, source="study")
            name = foundation_digest(list_series(workspace), workspace.settings)
            share_folder(out / "foundations" / name, workspace.foundations / name)
            play(workspace, study.budgets, learner=run.method, progress=_prefixed(progress, prefix))
            share_folder(workspace.foundations / name, out / "foundations" / name)
            rows += measure_versions(workspace, study.budgets, method=run.method, seed=run.seed)
    return rows


def plan(out: Path, study: Study) -> list[Run]:
    """List the runs of a study, seed by seed, so that methods share what a seed computed.

    Example:
        >>> [run.folder.as_posix() for run in plan(Path("out"), Study(seeds=1))]
        ['out/runs/seed-0/agent', 'out/runs/seed-0/forest']
    """
    return [
        Run(method, seed, out / "runs" / f"seed-{seed}" / method)
        for seed in range(study.seeds)
        for method in study.methods
    ]


def _open_run(run: Run, study: Study, settings: Settings) -> Workspace:
    split = replace(settings.split, protocol=study.protocol, pool_fraction=study.pool_fraction)
    chosen = settings.model_copy(update={"seed": run.seed, "split": split, "database": None})
    if run.method == FOREST:  # the control knows neither spreading nor events
        chosen = chosen.model_copy(update={"active": replace(settings.active, confidence=1.0, events=False)})
    workspace = create_workspace(run.folder, chosen)
    if digest_facts(workspace.settings) != digest_facts(chosen):
        workspace.close()
        raise ConfigError(
            f"{run.folder}: expected the settings of this study, got a run with other settings; "
            "choose another --out or delete that folder"
        )
    return workspace


def _prefixed(progress: Progress, prefix: str) -> Progress:
    def told(stage: str, done: int, total: int) -> None:
        progress(f"{prefix}: {stage}", done, total)

    return told


def read_material(data: Path | None, root: Path) -> list[Series]:
    """Read a study's series with their truth: from files, or from a workspace.

    Raises:
        DataError: when nothing is found or a series has no known anomalies.
        WorkspaceError: when there are neither files nor a workspace.
    """
    if data is not None:
        series = [reading.series for reading in agree_on_roles(in_one_order(list(read_path(data)), {}))]
    else:
        with open_workspace(root) as workspace:
            series = [load_series(workspace, record, truth=True) for record in list_series(workspace)]
    unknown = [one.name for one in series if one.truth is None]
    if unknown or not series:
        raise DataError(
            f"{data or root}: expected series with known anomalies, got {len(series)} series, of which "
            f"{len(unknown)} without ({', '.join(unknown[:3])}); give a labelled file or folder with --data"
        )
    return series
