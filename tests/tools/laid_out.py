"""Workspaces with any series and any questions for a browser, and what was answered there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hand_made import add_series, add_version, ask

from db import labels
from db.records import Answer, Label
from rl_tsad.config import Settings
from rl_tsad.services.workspace import Workspace, create_workspace
from rl_tsad.types import Series, slide


def lay_out(root: Path, recorded: Series, asked: Sequence[int], *, length: int = 64, stride: int = 8) -> Workspace:
    """Make a workspace with one series, a model and a question about each of some windows, by their place in time."""
    ws = create_workspace(root, Settings())
    add_series(ws, recorded)
    windows = slide(recorded, length=length, stride=stride)
    embedding = np.random.default_rng(0).normal(size=(len(windows), 4)).astype(np.float32)
    version = add_version(ws, windows, embedding, neighbours=3)
    ask(ws, windows, recorded.length, np.array(asked), version, around=(0, 0))
    return ws


def standing(ws: Workspace) -> list[Label]:
    """Give what stands about the windows that were asked, in the order of answering."""
    with ws.store.read() as session:
        return [row for row in labels.standing(session) if row.answer is not None and not row.part]


def answers(ws: Workspace) -> list[Answer | None]:
    """Give the standing answers in the order of answering."""
    return [row.answer for row in standing(ws)]
