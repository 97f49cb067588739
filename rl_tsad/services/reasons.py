"""Why is a window taken for what it is, what did each answer settle, and how well does spreading do?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from db import labels, spreads, vetoes
from db.records import Label
from db.spread_records import Spread
from rl_tsad.active.trust import Trust
from rl_tsad.active.why import Path, explain
from rl_tsad.errors import LabelingError
from rl_tsad.services.refusals import in_words
from rl_tsad.services.spreading import Live, reading_live
from rl_tsad.services.standing import VALUES
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import ANOMALY, UNKNOWN, parse_key


@dataclass(frozen=True)
class Reasons:
    """Why a window is taken for what it is.

    Attributes:
        key: the window.
        value: 0 or 1 where it is answered or settled, else -1.
        confidence: how sure the answers are of it.
        answered: whether a person said so.
        lean: 0 or 1, the label that reaches further, settled or not; -1 for neither.
        taken_out: whether somebody took it out of what an answer settles.
        floor: confidence from which on it would be settled as what it leans to; infinite where nothing is.
        paths: the likeliest ways from answers to it, as window keys, with the share of each and what the answer says.
        graphml: the part of the graph that was looked at.
    """

    key: str
    value: int
    confidence: float
    answered: bool
    floor: float
    paths: tuple[tuple[tuple[str, ...], float, int], ...]
    graphml: bytes
    lean: int = UNKNOWN
    taken_out: bool = False


@dataclass(frozen=True)
class Recorded:
    """What an answer settled when it was given, and what became of it.

    Attributes:
        spread: the record.
        label: the answer's first row.
        stands: whether it was not taken back.
        withdrawn: whether it was withdrawn from spreading.
        taken_out: windows taken out of what it settles.
    """

    spread: Spread
    label: Label
    stands: bool
    withdrawn: bool = False
    taken_out: int = 0


@dataclass(frozen=True)
class Standing:
    """How well spreading does.

    Attributes:
        settled: windows settled at present; of them anomalies.
        pool: windows of the graph; recall: share of their true nearest look-alikes that it holds.
        trust: from which confidence on labels count, with the precision that the answers, each predicted without
            itself, gave for it.
        checked: windows that people answered after they stood settled; agreed: those that were settled right.
    """

    settled: int
    anomalies: int
    pool: int
    recall: float
    trust: Trust
    checked: int
    agreed: int


def why(ws: Workspace, key: str) -> Reasons:
    """Say why a window is taken for what it is.

    Raises:
        DataError: when the key is none.
        LabelingError: when the window is not in the pool of the current model, or there is no model.
        WorkspaceError: when the store or the graph cannot be read.
    """
    parse_key(key)
    with reading_live(ws) as (session, live):
        if live is None:
            raise LabelingError("expected a model, got none; run: rl-tsad train")
        row = int(live.graph.windows.rows([key])[0])
        if row < 0:
            raise LabelingError(
                f"expected a window of the current model's pool, such as {live.graph.windows.key(0)!r}, got {key!r}"
            )
        found = explain(live.state, row)
        lean, confidence = live.state.lean(np.array([row]), anomaly_doubt=live.config.anomaly_doubt)
        own = [one for one in labels.standing_of(session, [key]) if one.answer in VALUES]
        out = any(one.key == key for one in vetoes.standing(session))
        return Reasons(
            key=key,
            value=VALUES[own[0].answer] if own else int(live.decided[row]),
            confidence=float(confidence[0]),
            answered=bool(own),
            floor=live.trust.floors[int(lean[0])] if lean[0] != UNKNOWN else float("inf"),
            paths=tuple(_named(live, path) for path in found.paths),
            graphml=found.graphml(),
            lean=int(lean[0]),
            taken_out=out and not own,
        )


def standing(ws: Workspace) -> Standing | None:
    """Say how well spreading does at present; None without a model.

    Raises:
        WorkspaceError: when the store or the graph cannot be read.
    """
    with reading_live(ws) as (session, live):
        if live is None:
            return None
        settled, anomalies = (int((live.decided != UNKNOWN).sum()), int((live.decided == ANOMALY).sum()))
        return Standing(settled, anomalies, len(live.graph), live.graph.recall, live.trust, *spreads.checked(session))


def record_of(ws: Workspace) -> list[Recorded]:
    """List what each answer settled when it was given, oldest first; what became of it beside.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.read() as session:
        history = {row.id: row for row in labels.history(session)}
        undone, out = {row.undoes for row in history.values()}, vetoes.standing(session)
        return [
            Recorded(
                row,
                history[row.label_id],
                row.label_id not in undone,
                any(one.label_id == row.label_id and one.key is None for one in out),
                sum(one.label_id == row.label_id and one.key is not None for one in out),
            )
            for row in spreads.all(session)
            if history[row.label_id].answer is not None
        ]


def last_answer(ws: Workspace, analyst: str) -> int | None:
    """Number the first row of an analyst's last standing answer.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.read() as session:
        return labels.last_of(session, analyst)


def _named(live: Live, path: Path) -> tuple[tuple[str, ...], float, int]:
    return tuple(live.graph.windows.key(row) for row in path.rows), path.share, path.says
