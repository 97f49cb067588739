"""Which answers count, for whom, and what flows from the windows that they are about."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from sqlalchemy.orm import Session

from db import labels, vetoes
from db.records import Answer, Label, ModelVersion
from rl_tsad.active.propagate import SILENT
from rl_tsad.active.trust import Trust
from rl_tsad.active.window_table import WindowTable
from rl_tsad.config import ActiveConfig
from rl_tsad.types import Int64

VALUES: Mapping[Answer | None, int] = {Answer.NORMAL: 0, Answer.ANOMALY: 1}
"""What an answer means in arrays; unsure means nothing."""


def answers_by_key(standing: Collection[Label]) -> dict[str, int]:
    """Turn standing answers into window key -> 0 or 1; unsure ones are left out."""
    return {label.key: VALUES[label.answer] for label in standing if label.answer in VALUES}


def flows_of(session: Session, windows: WindowTable, keys: Collection[str] | None = None) -> dict[int, int]:
    """Say what flows from each window that an answer or a veto is about.

    Args:
        session: a unit of work.
        windows: those of a graph.
        keys: which windows are asked for; all when omitted.

    Returns:
        By row of the graph: 0 or 1 where a person answered; 2, nothing, where the answer was withdrawn from spreading
        and where a window was taken out of what an answer settles.
    """
    standing = labels.standing(session) if keys is None else labels.standing_of(session, sorted(keys))
    out = vetoes.standing(session)
    silent = {row.id for one in out if one.key is None for row in labels.answer_rows(session, one.label_id)}
    flows = {one.key: SILENT for one in out if one.key is not None and (keys is None or one.key in keys)}
    flows |= {
        label.key: SILENT if label.id in silent else VALUES[label.answer]
        for label in standing
        if label.answer in VALUES
    }
    rows = windows.rows(list(flows)).tolist()
    return {row: flow for row, flow in zip(rows, flows.values(), strict=True) if row >= 0}


def answers_of(standing: Collection[Label], windows: WindowTable) -> list[Int64]:
    """Give the rows of a graph that each answer labelled, oldest first; unsure ones are left out."""
    groups: dict[object, list[str]] = {}
    for label in sorted(standing, key=lambda one: one.id):
        if label.answer in VALUES:
            message = label.id if label.client is None else (label.client, label.sequence)
            groups.setdefault(message, []).append(label.key)
    rows = [windows.rows(keys) for keys in groups.values()]
    return [np.unique(its[its >= 0]) for its in rows]


def trust_of(version: ModelVersion, config: ActiveConfig) -> Trust:
    """Read from which confidence on spread labels count, as the version learnt it; as the settings say before that."""
    names = ("normal", "anomaly")
    if f"spread/floor_{names[0]}" not in version.metrics:
        return Trust.plain(config.confidence, config.precision)
    floors = [version.metrics.get(f"spread/floor_{name}") for name in names]
    reached = [version.metrics.get(f"spread/precision_{name}") for name in names]
    checks = [version.metrics.get(f"spread/checks_{name}") for name in names]
    return Trust(
        (_or(floors[0], np.inf), _or(floors[1], np.inf)),
        (_or(reached[0], np.nan), _or(reached[1], np.nan)),
        (_or(checks[0], 0.0), _or(checks[1], 0.0)),
    )


def _or(value: object, missing: float) -> float:
    return float(value) if isinstance(value, int | float) else missing
