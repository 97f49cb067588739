"""A model version becomes visible whole or not at all: files, row, pointer and queue together."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from db import labels, queries, versions
from db.records import ModelVersion, NewItem, NewVersion
from rl_tsad.active.extent import Extent, propose_extent
from rl_tsad.active.overlap import copies_of
from rl_tsad.active.select import Pick, select
from rl_tsad.agent.act import Decisions
from rl_tsad.agent.chain import Actor
from rl_tsad.agent.save_actor import save_actor
from rl_tsad.config import ActiveConfig
from rl_tsad.data.heard import Heard, save_heard
from rl_tsad.seeding import derive_seed
from rl_tsad.services.drafts import copy_linked, draft_folder
from rl_tsad.services.foundation import Foundation
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Int64, Targets, parse_key, rows_of

AGENT, FOREST, PUBLISHED = "agent", "forest", "published"
"""Learners."""
ACTOR = "actor"
"""Folder of a version in which who acts is kept."""
HEARD = "heard.npz"
"""File of a version with what a language model said of windows; there is none where nobody was asked."""


@dataclass(frozen=True)
class Learnt:
    """What a learner made of the answers.

    Attributes:
        decisions: on all windows, in the foundation's order.
        targets: what was known of the pool's windows.
        metrics: logged by path.
        actor: who judges new windows, where the learner is the agent.
        heard: what a language model said of windows, which new ones inherit.
    """

    decisions: Decisions
    targets: Targets
    metrics: Mapping[str, float] = field(default_factory=dict)
    actor: Actor | None = None
    heard: Heard | None = None


def publish(
    workspace: Workspace,
    foundation: Foundation,
    learnt: Learnt,
    *,
    new: NewVersion,
    selection: ActiveConfig | None = None,
) -> ModelVersion:
    """Record a version, make it current when it is not worse than the current one, and ask anew.

    Whoever stays current decides what is asked, so that labeling goes on after a refused version too.

    Args:
        workspace: where.
        foundation: whose windows were decided.
        learnt: the decisions.
        new: the row to be; its digest is filled in here.
        selection: how the next questions are picked; as the settings say when omitted.

    Returns:
        The stored version; ``metrics["promoted"]`` is 1 when it became current.
    """
    with draft_folder(workspace.root / "models") as draft:
        _write_files(draft, foundation, learnt)
        new = replace(new, digest=_digest(draft))
        with workspace.store.begin() as session:
            current = versions.current(session)
            promoted = new.config.get("learner") in {FOREST, PUBLISHED} or is_acceptable(current, new)
            version = versions.add(session, replace(new, metrics={**new.metrics, "promoted": float(promoted)}))
            target = workspace.model_folder(version)
            shutil.rmtree(target, ignore_errors=True)  # of a process that was killed before its row was committed
            draft.replace(target)
            if promoted:
                versions.set_current(session, version.id)
            elif current is not None:
                learnt = replace(learnt, decisions=load_decisions(workspace, current, foundation))
            questions = _questions(session, workspace, foundation, learnt, selection=selection)
            queries.replace(session, questions, version.id if promoted or current is None else current.id)
        return version


def _write_files(draft: Path, foundation: Foundation, learnt: Learnt) -> None:
    for name in ("keys", "probability", "verdict", "margin"):
        np.save(draft / f"{name}.npy", getattr(learnt.decisions, name), allow_pickle=False)
    for name in ("keys", "value", "weight", "source"):  # what this version took for known, spread answers included
        np.save(draft / f"targets_{name}.npy", getattr(learnt.targets, name), allow_pickle=False)
    copy_linked(foundation.folder / "graph", draft / "graph")
    if learnt.actor is not None:
        save_actor(learnt.actor, draft / ACTOR)
    if learnt.heard is not None:
        save_heard(learnt.heard, draft / HEARD)


def load_decisions(workspace: Workspace, version: ModelVersion, foundation: Foundation) -> Decisions:
    """Read a stored version's decisions in the order of a foundation's keys; windows unknown to it are undecided."""
    folder = workspace.model_folder(version)
    keys = np.load(folder / "keys.npy", allow_pickle=False)
    rows = rows_of(keys, foundation.keys)
    known = {name: np.load(folder / f"{name}.npy", allow_pickle=False)[rows] for name in ("probability", "verdict")}
    probability = np.where(rows >= 0, known["probability"], 0.5).astype(np.float32)
    verdict = np.where(rows >= 0, known["verdict"], 0).astype(np.int8)
    return Decisions(foundation.keys, verdict, probability, np.abs(2 * probability - 1))


def is_acceptable(current: ModelVersion | None, new: NewVersion) -> bool:
    """Refuse a version that flags most windows, or forgot many answers that the current one agreed with."""
    if current is None:
        return True
    if new.metrics["windows/flagged"] > 0.5 >= float(current.metrics.get("windows/flagged") or 0.0):
        return False
    before, now = current.metrics.get("answers/agreement"), new.metrics.get("answers/agreement")
    return before is None or now is None or float(now) >= float(before) - 0.25


def _digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


def _questions(
    session: Session,
    workspace: Workspace,
    foundation: Foundation,
    learnt: Learnt,
    *,
    selection: ActiveConfig | None,
) -> list[NewItem]:
    decisions, config = learnt.decisions, selection or workspace.settings.active
    standing = labels.answered(session)
    asked = {label.key for label in labels.history(session) if not label.part} | standing
    settled = set(learnt.targets.keys[learnt.targets.source == "propagated"].tolist())
    pool = foundation.pool
    judgements = foundation.pool_judgements()
    proposals = Proposals(foundation, decisions, standing, reach=config.reach if config.events else 0)
    picks = select(
        decisions.keys[pool],
        decisions.probability[pool],
        prior=np.concatenate([one.prior for one in judgements]),
        embedding=np.concatenate([one.features for one in judgements]),
        asked=asked | settled,
        claim=proposals.claim,
        config=config,
        count=config.batch,
        before=labels.spent(session).questions,
        seed=derive_seed(workspace.settings.seed, "queue", len(asked), len(standing)),
    )
    rows = np.flatnonzero(pool)
    several = derive_seed(workspace.settings.seed, "overlap", len(asked), len(standing))
    copies = copies_of(len(picks), config.overlap, share=config.overlap_share, seed=several)
    items = [_item(foundation, decisions, int(rows[pick.row]), pick, proposals) for pick in picks]
    return [replace(item, copies=number) for item, number in zip(items, copies, strict=True)]


class Proposals:
    """The stretch that each question proposes as one event; no two share a window, and none holds an answered one."""

    def __init__(self, foundation: Foundation, decisions: Decisions, answered: Collection[str], *, reach: int) -> None:
        self.score, self.reach = decisions.probability, reach
        known = rows_of(foundation.keys, sorted(answered))
        self.free = foundation.pool.copy()
        self.free[known[known >= 0]] = False
        counts = [len(judgement.keys) for judgement in foundation.judgements]
        self.episode = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        self.pool_rows = np.flatnonzero(foundation.pool)
        self.stretches: dict[int, Extent] = {}

    def claim(self, pool_row: int) -> Int64:
        """Propose a stretch around a window of the pool, and give its windows' places in the pool."""
        row = int(self.pool_rows[pool_row])
        low, high = propose_extent(self.score, row, episode=self.episode, allowed=self.free, reach=self.reach)
        self.stretches[row] = low, high
        self.free[low:high] = False
        return np.arange(pool_row - (row - low), pool_row + (high - row), dtype=np.int64)


def _item(foundation: Foundation, decisions: Decisions, row: int, pick: Pick, proposals: Proposals) -> NewItem:
    key = str(decisions.keys[row])
    series, start, length = parse_key(key)
    low, high = foundation.spans[row].tolist()
    first, last = proposals.stretches[row]
    return NewItem(
        key=key,
        series=series,
        start=start,
        length=length,
        span_low=low,
        span_high=high,
        strategy=pick.strategy,
        reason=pick.reason,
        priority=float(pick.priority),
        probability=float(decisions.probability[row]),
        margin=float(decisions.margin[row]),
        event_low=int(foundation.spans[first, 0]),
        event_high=int(foundation.spans[last - 1, 1]),
    )
