"""New files scored with the current model, point by point, batch by batch."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from db import versions
from db.records import ModelVersion
from rl_tsad.agent.act import act
from rl_tsad.agent.observe import observe
from rl_tsad.agent.train import Agent, load_agent
from rl_tsad.data.readers import ReadOptions, read_path
from rl_tsad.data.windows import make_windows, to_points
from rl_tsad.detector.judge import Detector
from rl_tsad.errors import DataError, NotTrainedError
from rl_tsad.language.severity import severities
from rl_tsad.progress import Progress, no_progress
from rl_tsad.services.foundation import Foundation, load_foundation
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Float32, Series, no_targets


@dataclass(frozen=True)
class Scored:
    """What was found in one series."""

    series: str
    points: int
    anomalous: int
    alarms: int


@dataclass(frozen=True)
class Model:
    """All parts of the current version that scoring needs."""

    detector: Detector
    agent: Agent
    threshold: float
    channels: tuple[str, ...]


def score_path(
    workspace: Workspace,
    path: Path,
    out: Path,
    options: ReadOptions | None = None,
    *,
    progress: Progress = no_progress,
) -> list[Scored]:
    """Score a file or a folder, and write series, time, score and verdict of every point.

    Args:
        workspace: whose current model to use.
        path: what to read.
        out: ``.csv`` or ``.parquet``; there whole or not at all.
        options: how to read it.
        progress: told of each series.

    Returns:
        One summary per series.

    Raises:
        NotTrainedError: when there is no model yet.
        DataError: when the file is not understood, or has another number of channels than the model.
    """
    torch.set_num_threads(1)
    if out.suffix not in {".csv", ".parquet"}:
        raise DataError(f"expected --out to end in .csv or .parquet, got {out.name!r}; choose one of these")
    model = load_model(workspace)
    frames, summaries = [], []
    for number, reading in enumerate(read_path(path, options or ReadOptions()), 1):
        frame = score_series(workspace, model, reading.series)
        frames.append(frame)
        summaries.append(_summary(reading.series.name, frame["anomaly"].to_numpy()))
        progress("scoring series", number, number)
    _write(pd.concat(frames, ignore_index=True), out)
    return summaries


def load_model(workspace: Workspace) -> Model:
    """Open the current version.

    Raises:
        NotTrainedError: when there is none.
    """
    version, foundation = current_version(workspace)
    agent = load_agent(workspace.model_folder(version) / "agent")
    threshold = version.metrics.get("answers/threshold")
    return Model(foundation.detector(), agent, 0.5 if threshold is None else float(threshold), foundation.channels)


def current_version(workspace: Workspace) -> tuple[ModelVersion, Foundation]:
    """Give the current version and the foundation on which it stands.

    Raises:
        NotTrainedError: when there is none.
    """
    with workspace.store.read() as session:
        version = versions.current(session)
    if version is None:
        raise NotTrainedError(
            f"expected a trained model in {workspace.root}, got none; run: rl-tsad --workspace {workspace.root} train"
        )
    return version, load_foundation(workspace.foundations / str(version.config["foundation"]))


def score_series(workspace: Workspace, model: Model, series: Series) -> pd.DataFrame:
    """Score one series.

    Returns:
        Columns ``series``, ``time`` (UTC, or sample number), ``score`` in [0, 1], ``anomaly`` (0/1), a row per point.
    """
    if series.width != len(model.channels):
        raise DataError(
            f"series {series.name!r}: expected {len(model.channels)} channels as in training "
            f"({', '.join(model.channels)}), got {series.width}; choose columns with --value"
        )
    windows = make_windows(series, workspace.settings.window)
    judgement = model.detector.judge(series, windows)
    severity = severities(series, windows, workspace.settings.language, cache=workspace.language_cache)
    data = observe([judgement], no_targets(), severity)
    decisions = act(model.agent, data, judgement.keys)
    score: Float32 = to_points(windows, decisions.probability, series.length)
    return pd.DataFrame(
        {
            "series": series.name,
            "time": series.times,
            "score": score,
            "anomaly": (score >= model.threshold).astype(np.int8),
        }
    )


def _summary(name: str, verdict: np.ndarray) -> Scored:
    starts = np.diff(verdict, prepend=0) == 1
    return Scored(name, len(verdict), int(verdict.sum()), int(starts.sum()))


def _write(frame: pd.DataFrame, out: Path) -> None:
    with tempfile.TemporaryDirectory(dir=out.resolve().parent, prefix=".draft-") as folder:
        draft = Path(folder) / out.name
        if out.suffix == ".csv":
            frame.to_csv(draft, index=False, float_format="%.6g")
        else:
            frame.to_parquet(draft, index=False)
        draft.replace(out)
