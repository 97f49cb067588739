"""What the model in use thinks of each window of a series, read from its files; torch is out of reach."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from db import versions
from db.records import ModelVersion
from rl_tsad.active.window_table import WindowTable
from rl_tsad.errors import WorkspaceError
from rl_tsad.services.marking import length_of, stride_of
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Bool, Float32, Int64


@dataclass(frozen=True)
class Thought:
    """What a model thinks of the windows of a stretch, in time order.

    Attributes:
        version: number of the model version; None where there is none.
        ends: (N,) int64, the point after each window: its probability is that of the points up to here.
        probability: (N,) float32 in [0, 1], P(anomaly).
        verdict: (N,) bool, whether it raises an alarm.
        length: points per window.
        stride: points that each window decides, its last ones.
    """

    version: int | None
    ends: Int64
    probability: Float32
    verdict: Bool
    length: int
    stride: int


def current_thought(ws: Workspace, series: str, low: int, high: int) -> Thought:
    """Read what the current model thinks, as :func:`thought_of`.

    Raises:
        WorkspaceError: when the store or the model's files cannot be read.
    """
    with in_words(), ws.store.read() as session:
        version = versions.current(session)
    return thought_of(ws, version, series, low, high)


def thought_of(ws: Workspace, version: ModelVersion | None, series: str, low: int, high: int) -> Thought:
    """Read what a model thinks of the windows that decide any of the points [low, high) of a series.

    Raises:
        WorkspaceError: when the model's files cannot be read.
    """
    length, stride = length_of(ws, version), stride_of(ws, version)
    if version is None:
        nothing = np.zeros(0, np.int64)
        return Thought(None, nothing, np.zeros(0, np.float32), np.zeros(0, np.bool_), length, stride)
    try:
        table, probability, verdict = _decisions(ws.model_folder(version), version.digest)
    except (OSError, ValueError) as error:
        raise WorkspaceError(
            f"expected the decisions of model {version.id} in its folder, got: {error}; train again"
        ) from error
    rows = table.rows_of_series(series)
    ends = table.starts[rows] + table.length
    near = (ends > low) & (ends - stride < high)
    rows = rows[near]
    return Thought(version.id, ends[near], probability[rows], verdict[rows] == 1, table.length, stride)


@lru_cache(maxsize=2)
def _decisions(folder: Path, digest: str) -> tuple[WindowTable, Float32, Int64]:
    del digest  # tells re-made workspaces apart
    keys, probability, verdict = (
        np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("keys", "probability", "verdict")
    )
    return WindowTable.of(keys), probability.astype(np.float32), verdict
