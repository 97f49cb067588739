"""What the standing answers say of the windows that nobody answered, and of the questions still open about them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from db import labels, queries, versions
from db.records import Answer, ItemState, Label, ModelVersion, QueryItem
from rl_tsad.active.graph import Graph, load_graph
from rl_tsad.active.propagate import PROPAGATED, spread
from rl_tsad.config import ActiveConfig
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import UNKNOWN, Int8, Targets

VALUES: Mapping[Answer | None, int] = {Answer.NORMAL: 0, Answer.ANOMALY: 1}
"""What an answer means in arrays; unsure means nothing."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """What was known at one moment.

    Attributes:
        version: the current model version.
        graph: its graph over windows; None where there is no version, or no graph yet.
        answers: window key -> 0 or 1, standing answers that are not unsure.
        seen: number of the newest row of the history.
        waiting: the questions that are open or settled.
    """

    version: ModelVersion | None
    graph: Graph | None
    answers: Mapping[str, int]
    seen: int
    waiting: tuple[QueryItem, ...]


def read_known(ws: Workspace) -> Known:
    """Read what spreading starts from.

    Raises:
        CheckpointError: when the version's graph is missing a file or damaged.
    """
    with ws.store.read() as session:
        seen = labels.last_id(session)
        answers = answers_by_key(labels.standing(session))
        waiting = queries.in_state(session, ItemState.OPEN, ItemState.SETTLED)
        version = versions.current(session)
    return Known(version, _graph_of(ws, version), answers, seen, tuple(waiting))


def answers_by_key(standing: list[Label]) -> dict[str, int]:
    """Turn standing answers into window key -> 0 or 1; unsure ones are left out."""
    return {label.key: VALUES[label.answer] for label in standing if label.answer in VALUES}


def spread_known(known: Known, config: ActiveConfig, *, without: Collection[str] = ()) -> Int8:
    """Spread the answers over the graph, all or all but some.

    Args:
        known: answers and graph.
        config: how far they spread.
        without: windows whose answers are left out.

    Returns:
        (N,) int8 in the order of the graph's keys: 0 or 1 where the answers decide, -1 where they do not and where a
        person answered. Empty without a graph.
    """
    if known.graph is None:
        return np.empty(0, dtype=np.int8)
    answers = {key: value for key, value in known.answers.items() if key not in without}
    targets = spread_answers(known.graph, answers, config)
    return np.where(targets.source == PROPAGATED, targets.value, UNKNOWN).astype(np.int8)


def spread_answers(graph: Graph, answers: Mapping[str, int], config: ActiveConfig) -> Targets:
    """Spread answers over a graph as the settings say (see :func:`rl_tsad.active.propagate.spread`)."""
    return spread(graph, answers, alpha=config.alpha, confidence=config.confidence, anomaly_doubt=config.anomaly_doubt)


def settle_queue(ws: Workspace, known: Known, decided: Int8) -> int:
    """Close the open questions whose window other answers label or decide, and open those where that has ended.

    Nothing happens when the history grew meanwhile: whoever wrote the newer row settles the queue after us.

    Returns:
        How many questions changed.
    """
    row = {} if known.graph is None else known.graph.row
    follows = {item.key for item in known.waiting if item.key in row and decided[row[item.key]] != UNKNOWN}
    follows |= known.answers.keys()
    close = [item.key for item in known.waiting if item.state == ItemState.OPEN and item.key in follows]
    back = [item.key for item in known.waiting if item.state == ItemState.SETTLED and item.key not in follows]
    if not (close or back):
        return 0
    with ws.store.begin() as session:
        if labels.last_id(session) != known.seen or versions.current(session) != known.version:
            return 0
        return queries.settle(session, close) + queries.reopen(session, back)


def respread_quietly(ws: Workspace, keys: Collection[str] = ()) -> int:
    """Spread and settle; a failure is logged and never reaches the analyst, whose answer is kept already.

    Args:
        ws: the workspace.
        keys: the windows just answered; their reach is what is counted.

    Returns:
        Windows that these answers alone decide; all windows decided by spreading when no key is given.
    """
    try:
        known, config = read_known(ws), ws.settings.active
        decided = spread_known(known, config)
        settle_queue(ws, known, decided)
        before = spread_known(known, config, without=set(keys)) if keys else np.int8(UNKNOWN)
        return int(np.sum((decided != UNKNOWN) & (decided != before)))
    except Exception:
        _LOG.exception("answers could not be spread; they are kept, and the next answer tries again")
        return 0


def count_decided(ws: Workspace) -> int:
    """Count the windows that spreading decides at present; 0, and a line in the log, when it fails."""
    try:
        return int(np.sum(spread_known(read_known(ws), ws.settings.active) != UNKNOWN))
    except Exception:
        _LOG.exception("answers could not be spread")
        return 0


def _graph_of(ws: Workspace, version: ModelVersion | None) -> Graph | None:
    if version is None:
        return None
    folder = ws.model_folder(version) / "graph"
    return _load(folder, version.digest) if folder.is_dir() else None


@lru_cache(maxsize=2)
def _load(folder: Path, digest: str) -> Graph:
    """Load a graph once a process: a version's files never change; the digest tells re-made workspaces apart."""
    return load_graph(folder)
