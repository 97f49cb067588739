"""Answers in, a new model version out: spread, train, decide, compare, publish, ask anew."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch

from db import labels, versions
from db.records import ModelVersion, NewVersion, Spent
from rl_tsad.agent.act import Decisions, act
from rl_tsad.agent.forest import forest_decisions
from rl_tsad.agent.observe import observe
from rl_tsad.agent.train import Agent, load_agent, train_agent
from rl_tsad.config import ActiveConfig
from rl_tsad.errors import CheckpointError
from rl_tsad.evaluation.metrics import choose_threshold
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_seed
from rl_tsad.services.foundation import Foundation, prepare
from rl_tsad.services.publishing import AGENT, FOREST, Learnt, publish
from rl_tsad.services.spreading import answers_by_key, spread_answers
from rl_tsad.services.workspace import Workspace
from rl_tsad.settings import digest_facts
from rl_tsad.types import Targets, no_targets, rows_of


def retrain(
    workspace: Workspace,
    *,
    learner: str = AGENT,
    selection: ActiveConfig | None = None,
    job_id: int | None = None,
    progress: Progress = no_progress,
) -> ModelVersion:
    """Train a new model version on all answers so far, and make it current if it is not worse.

    Args:
        workspace: whose series and answers.
        learner: ``"agent"`` (PPO) or ``"forest"`` (the random-forest control of studies).
        selection: how the next questions are picked and how many; as the settings say when omitted.
        job_id: the job on whose behalf this happens.
        progress: told of each stage.

    Returns:
        The stored version; ``version.metrics["promoted"]`` says whether it became current.

    Raises:
        WorkspaceError: when there is nothing to train on.
    """
    torch.set_num_threads(1)
    started = time.perf_counter()
    foundation = prepare(workspace, progress=progress)
    answers, parent, spent = _standing(workspace)
    targets = spread_answers(foundation.graph, answers, workspace.settings.active)
    left = max(0.0, 1.0 - spent.questions / workspace.settings.active.budget)
    learnt = _learn(workspace, foundation, targets, learner=learner, parent=parent, left=left, progress=progress)
    metrics = {
        "questions": spent.questions,
        "labels": spent.labels,
        **_agreement(foundation, learnt.decisions, answers),
        **learnt.metrics,
    }
    metrics |= {"spread/windows": float((targets.source == "propagated").sum())}
    config = {**digest_facts(workspace.settings), "learner": learner, "foundation": foundation.folder.name}
    new = NewVersion(
        digest="",
        config=config,
        metrics=metrics,
        parent_id=parent.id if parent else None,
        job_id=job_id,
        seconds=time.perf_counter() - started,
    )
    return publish(workspace, foundation, learnt, new=new, selection=selection)


def _standing(workspace: Workspace) -> tuple[dict[str, int], ModelVersion | None, Spent]:
    with workspace.store.read() as session:
        return answers_by_key(labels.standing(session)), versions.current(session), labels.spent(session)


def _learn(
    workspace: Workspace,
    foundation: Foundation,
    targets: Targets,
    *,
    learner: str,
    parent: ModelVersion | None,
    left: float,
    progress: Progress,
) -> Learnt:
    seed = derive_seed(workspace.settings.seed, learner, int((targets.source == "human").sum()))
    if learner == FOREST:
        return Learnt(forest_decisions(foundation.judgements, targets, seed=seed), targets)
    config, warm = workspace.settings.agent, _warm(workspace, foundation, parent)
    severity = foundation.severity[foundation.pool]
    data = observe(foundation.pool_judgements(), targets, severity, error=config.vae_source)
    agent = train_agent(data, config, seed=seed, warm=warm, budget_left=left, progress=progress)
    decisions = act(agent, observe(foundation.judgements, no_targets(), foundation.severity), foundation.keys)
    last = {name: values[-1] for name, values in agent.history.items() if len(values)}
    return Learnt(decisions, targets, last, agent)


def _warm(workspace: Workspace, foundation: Foundation, parent: ModelVersion | None) -> Agent | None:
    """Go on from the previous policy, unless what it saw or how it was paid has changed since."""
    now = {"learner": AGENT, "agent": digest_facts(workspace.settings)["agent"], "foundation": foundation.folder.name}
    if parent is None or any(parent.config.get(name) != value for name, value in now.items()):
        return None
    try:
        return load_agent(workspace.model_folder(parent) / "agent")
    except CheckpointError:
        return None


def _agreement(foundation: Foundation, decisions: Decisions, answers: Mapping[str, int]) -> dict[str, float]:
    rows = rows_of(decisions.keys, list(answers))
    in_pool = (rows >= 0) & foundation.pool[rows]  # an imported answer may lie in the test: no threshold sees it
    known, rows = np.array(list(answers.values()), dtype=np.int8)[in_pool], rows[in_pool]
    prior = np.concatenate([judgement.prior for judgement in foundation.judgements])
    usual = float(np.quantile(prior[foundation.pool], 0.95))
    agreeing = float((decisions.verdict[rows] == known).mean()) if len(rows) else float("nan")
    flagged = float((decisions.verdict == 1).mean())
    return {
        "answers/agreement": agreeing,
        "answers/threshold": choose_threshold(decisions.probability[rows], known),
        "answers/prior_threshold": choose_threshold(prior[rows], known, fallback=usual),
        "answers/unused": int((rows_of(decisions.keys, list(answers)) < 0).sum()),
        "windows/flagged": flagged,
    }
