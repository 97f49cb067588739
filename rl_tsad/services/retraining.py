"""Answers in, a new model version out: spread, train, decide, compare, publish, ask anew."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from db import labels, versions
from db.records import ModelVersion, NewVersion, Spent
from rl_tsad.active.graph import Graph
from rl_tsad.active.trust import HUMAN, PROPAGATED, Spread, spread
from rl_tsad.agent.act import act
from rl_tsad.agent.chain import ChainConfig, learn_chain
from rl_tsad.agent.forest import forest_decisions
from rl_tsad.agent.observe import observe
from rl_tsad.agent.train import train_agent
from rl_tsad.config import ActiveConfig
from rl_tsad.evaluation.metrics import choose_threshold
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_seed
from rl_tsad.services.costs import share_left
from rl_tsad.services.foundation import Foundation, prepare
from rl_tsad.services.publishing import AGENT, FOREST, PUBLISHED, Learnt, publish
from rl_tsad.services.sounding import check_language, metrics_of, sound, taught, with_severity
from rl_tsad.services.standing import answers_by_key, answers_of, flows_of
from rl_tsad.services.workspace import Workspace
from rl_tsad.settings import digest_facts
from rl_tsad.types import ANOMALY, NORMAL, Float32, Int8, Int64, Targets, human, no_targets, rows_of, said


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
        learner: ``"agent"`` (the chain: belief, alarm rule, policy), or a control of studies: ``"forest"`` (random
            forest) or ``"published"`` (PPO on windows, as published).
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
    check_language(workspace.settings.language)
    foundation = prepare(workspace, progress=progress)
    sounding = sound(workspace, foundation, progress=progress)
    foundation = with_severity(foundation, sounding)
    answers, parent, spent = _standing(workspace)
    told = spread_standing(workspace, foundation.graph)
    targets = taught(foundation, sounding, told.targets, workspace.settings.language.teach)
    left = share_left(spent, workspace.settings.active)
    learnt = _learn(workspace, foundation, targets, sounding.severity, learner=learner, left=left, progress=progress)
    learnt = replace(learnt, heard=sounding.heard)
    agreement = _agreement(foundation, learnt, answers)
    metrics = {
        "questions": spent.questions,
        "labels": spent.labels,
        **agreement,
        **learnt.metrics,
    }
    metrics |= _spread_metrics(told) | {"graph/recall": foundation.graph.recall} | metrics_of(sounding.ledger)
    metrics |= {"language/taught": float((targets.source == "language").sum())} if sounding.ledger else {}
    config = {**digest_facts(workspace.settings), "learner": learner, "foundation": foundation.folder.name}
    config["severities"] = sounding.name
    new = NewVersion(
        digest="",
        config=config,
        metrics=metrics,
        parent_id=parent.id if parent else None,
        job_id=job_id,
        seconds=time.perf_counter() - started,
    )
    return publish(workspace, foundation, learnt, new=new, selection=selection)


def spread_standing(workspace: Workspace, graph: Graph) -> Spread:
    """Spread all standing answers over a graph, and learn from them how far spreading is to be trusted."""
    config = workspace.settings.active
    with workspace.store.read() as session:
        standing = labels.standing(session)
        flows = flows_of(session, graph.windows)
    told = spread(
        graph,
        flows,
        answers_of(standing, graph.windows),
        alpha=config.alpha,
        confidence=config.confidence,
        precision=config.precision,
        anomaly_doubt=config.anomaly_doubt,
    )
    return replace(told, targets=_with_silent(told.targets, graph, answers_by_key(standing)))


def _with_silent(targets: Targets, graph: Graph, answers: Mapping[str, int]) -> Targets:
    """Put back the answers that were withdrawn from spreading: they label their own windows all the same."""
    rows = graph.windows.rows(list(answers))
    value, weight, source = targets.value.copy(), targets.weight.copy(), targets.source.copy()
    known = rows >= 0
    value[rows[known]] = np.array(list(answers.values()), dtype=np.int8)[known]
    weight[rows[known]], source[rows[known]] = 1.0, HUMAN
    return Targets(targets.keys, value, weight, source)


def _spread_metrics(told: Spread) -> dict[str, float]:
    """What of spreading a version keeps: the floors are null where nothing is spread."""
    metrics = {"spread/windows": float((told.targets.source == PROPAGATED).sum()), "spread/drift": told.drift}
    for label, name in ((NORMAL, "normal"), (ANOMALY, "anomaly")):
        metrics[f"spread/floor_{name}"] = told.trust.floors[label]
        metrics[f"spread/precision_{name}"] = told.trust.precision[label]
        metrics[f"spread/checks_{name}"] = told.trust.checks[label]
    return metrics


def _standing(workspace: Workspace) -> tuple[dict[str, int], ModelVersion | None, Spent]:
    with workspace.store.read() as session:
        return answers_by_key(labels.standing(session)), versions.current(session), labels.spent(session)


def _learn(
    workspace: Workspace,
    foundation: Foundation,
    targets: Targets,
    severity: Float32,
    *,
    learner: str,
    left: float,
    progress: Progress,
) -> Learnt:
    seed = derive_seed(workspace.settings.seed, learner, int((targets.source == "human").sum()))
    if learner == FOREST:
        return _cut(foundation, Learnt(forest_decisions(foundation.judgements, targets, seed=seed), targets))
    if learner == PUBLISHED:
        return _cut(
            foundation,
            _learn_published(workspace, foundation, targets, severity, seed=seed, left=left, progress=progress),
        )
    settings = workspace.settings
    config = ChainConfig(settings.belief, settings.costs, settings.control, settings.policy)
    pool, told = foundation.pool_judgements(), targets if settings.belief.spread else said(targets)
    actor, metrics = learn_chain(
        pool,
        told,
        foundation.rehearsal,
        config,
        seed=seed,
        seen=foundation.seen,
        severity=severity[foundation.pool],
        progress=progress,
    )
    return Learnt(actor.decide(foundation.judgements), targets, metrics, actor)


def _learn_published(
    workspace: Workspace,
    foundation: Foundation,
    targets: Targets,
    severity: Float32,
    *,
    seed: int,
    left: float,
    progress: Progress,
) -> Learnt:
    config = workspace.settings.agent
    data = observe(foundation.pool_judgements(), targets, severity[foundation.pool], error=config.vae_source)
    agent = train_agent(data, config, seed=seed, budget_left=left, progress=progress)
    decisions = act(agent, observe(foundation.judgements, no_targets(), severity), foundation.keys)
    last = {name: values[-1] for name, values in agent.history.items() if len(values)}
    return Learnt(decisions, targets, last)


def _cut(foundation: Foundation, learnt: Learnt) -> Learnt:
    """Let the controls say anomaly from the probability on that suits the answers best; .5 where there are too few."""
    known, rows = _answered(foundation, learnt.targets)
    threshold = choose_threshold(learnt.decisions.probability[rows], known)
    verdict = (learnt.decisions.probability >= threshold).astype(np.int8)
    return replace(learnt, decisions=replace(learnt.decisions, verdict=verdict))


def _answered(foundation: Foundation, targets: Targets) -> tuple[Int8, Int64]:
    """Give people's answers on the pool's windows, and their rows; others lie outside where the split was changed."""
    own = human(targets)
    rows = rows_of(foundation.keys, own.keys)
    in_pool = (rows >= 0) & foundation.pool[rows]
    return own.value[in_pool], rows[in_pool]


def _agreement(foundation: Foundation, learnt: Learnt, answers: Mapping[str, int]) -> dict[str, float]:
    decisions, (known, rows) = learnt.decisions, _answered(foundation, learnt.targets)
    prior = np.concatenate([judgement.prior for judgement in foundation.judgements])
    usual = float(np.quantile(prior[foundation.pool], 0.95))
    agreeing = float((decisions.verdict[rows] == known).mean()) if len(rows) else float("nan")
    return {
        "answers/agreement": agreeing,
        "answers/prior_threshold": choose_threshold(prior[rows], known, fallback=usual),
        "answers/unused": int((rows_of(decisions.keys, list(answers)) < 0).sum()),
        "windows/flagged": float((decisions.verdict == 1).mean()),
    }
