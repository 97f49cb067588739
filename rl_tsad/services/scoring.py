"""New files scored with the current model, point by point, batch by batch."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from numpy.typing import NDArray

from db import versions
from db.records import ModelVersion
from rl_tsad.agent.chain import Actor
from rl_tsad.agent.save_actor import load_actor
from rl_tsad.config import WindowConfig
from rl_tsad.data.channel_order import Orders, in_trained_order
from rl_tsad.data.heard import load_heard
from rl_tsad.data.readers import ReadOptions, read_path
from rl_tsad.data.role_agreement import exogenous_mask
from rl_tsad.data.timestamps import zone_of
from rl_tsad.data.windows import make_windows, to_points
from rl_tsad.detector.judge import Detector
from rl_tsad.errors import DataError, NotTrainedError, listed
from rl_tsad.progress import Progress, no_progress
from rl_tsad.services.foundation import Foundation, load_foundation, window_of
from rl_tsad.services.publishing import ACTOR, HEARD
from rl_tsad.services.workspace import Workspace, list_series
from rl_tsad.types import Bool, Float32, Int8, Series

_TEXTS = 65_536  # times written at once: as single texts they take thrice the room


@dataclass(frozen=True)
class Scored:
    """What was found in one series.

    Attributes:
        series: its name.
        points: how many were scored.
        anomalous: how many of them are called anomalous.
        alarms: runs of anomalous points.
        known: whether it was measured by what was learnt of it; a new series is measured by its own statistics.
        losses: gaps, interpolated cells and rows left out, in words; empty where nothing was missing.
    """

    series: str
    points: int
    anomalous: int
    alarms: int
    known: bool
    losses: str = ""


@dataclass(frozen=True)
class Model:
    """All parts of the current version that scoring needs.

    Attributes:
        detector: what was learnt without answers.
        actor: what was learnt from answers.
        window: of the training.
        channels: of the first trained series.
        exogenous: channels that only explained the others in training.
        series: channels of each trained series, by its name.
    """

    detector: Detector
    actor: Actor
    window: WindowConfig
    channels: tuple[str, ...]
    exogenous: tuple[str, ...]
    series: Orders


def score_path(
    workspace: Workspace,
    path: Path,
    out: Path,
    options: ReadOptions | None = None,
    *,
    alarms: Path | None = None,
    as_series: str | None = None,
    progress: Progress = no_progress,
) -> list[Scored]:
    """Score a file or a folder, and write series, time, score and verdict of every point.

    Args:
        workspace: whose current model to use.
        path: what to read.
        out: ``.csv`` or ``.parquet``; there whole or not at all.
        options: how to read it.
        alarms: file for a list of alarms with start, end and highest score, of the same two kinds.
        as_series: the trained series of which the file is a later recording; its own name decides when omitted.
        progress: told of each series.

    Returns:
        One summary per series.

    Raises:
        NotTrainedError: when there is no model yet.
        DataError: when the file is not understood, has other channels than the training, or would be overwritten; or
            when there is no trained series ``as_series``.
    """
    torch.set_num_threads(1)
    written = [out] if alarms is None else [out, alarms]
    _check_written(path, written)
    for file in written:
        file.parent.mkdir(parents=True, exist_ok=True)
    model = load_model(workspace)
    if as_series is not None:
        _check_later(path, as_series, model)
    frames, summaries = [], []
    for number, reading in enumerate(read_path(path, options or ReadOptions()), 1):
        pa.default_memory_pool().release_unused()  # of the file's text; what is scored needs the room
        series, understood = replace(reading.series, name=as_series or reading.series.name), reading.understanding
        frame = score_series(model, series, notes=understood.notes)
        frames.append(frame)
        known = series.name in model.detector.known
        summaries.append(_summary(series.name, frame["anomaly"].to_numpy(), known=known, losses=understood.losses()))
        progress("scoring series", number, number)
    if not frames:
        raise DataError(f"{path}: expected at least one series, got none; check the folder")
    table = pd.concat(frames, ignore_index=True)
    _write(table, out)
    if alarms is not None:
        _write(list_alarms(table), alarms)
    return summaries


def list_alarms(table: pd.DataFrame) -> pd.DataFrame:
    """List the runs of anomalous points of a score table, one row each.

    Example:
        >>> rows = pd.DataFrame({"series": "a", "time": [0, 1, 2], "score": [0.1, 0.8, 0.9], "anomaly": [0, 1, 1]})
        >>> list_alarms(rows).values.tolist()
        [['a', 1, 2, 2, 0.9]]
    """
    changes = (table["anomaly"] != table["anomaly"].shift()) | (table["series"] != table["series"].shift())
    runs = table.assign(run=changes.cumsum())[table["anomaly"] == 1].groupby("run", sort=True)
    return runs.agg(
        series=("series", "first"),
        start=("time", "first"),
        end=("time", "last"),
        points=("score", "size"),
        highest_score=("score", "max"),
    ).reset_index(drop=True)


def load_model(workspace: Workspace) -> Model:
    """Open the current version.

    Raises:
        NotTrainedError: when there is none.
    """
    version, foundation = current_version(workspace)
    folder = workspace.model_folder(version)
    actor = load_actor(folder / ACTOR)
    heard = load_heard(folder / HEARD) if (folder / HEARD).exists() else None
    return Model(
        replace(foundation.detector(), heard=heard),
        actor,
        window_of(version),
        foundation.channels,
        foundation.exogenous,
        {record.name: record.channels for record in list_series(workspace) if record.name in foundation.names},
    )


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


def score_series(model: Model, series: Series, *, notes: Sequence[str] = ()) -> pd.DataFrame:
    """Score one series; its channels may come in any order.

    Args:
        model: the current version.
        series: what to score.
        notes: what the reader said of its columns, for the error.

    Returns:
        Columns ``series``, ``time`` (as in the source, with its offset where it had one; or sample number), ``score``
        in [0, 1] and ``anomaly`` (0/1), a row per point.

    Raises:
        DataError: when the channels are not those of the training.
    """
    series = in_trained_order(series, model.series, notes)
    series = replace(series, exogenous=trained_roles(series, model))
    score, alarm = _score(model, series)
    return pd.DataFrame(
        {
            "series": series.name,
            "time": written_times(series),
            "score": score,
            "anomaly": alarm,
        }
    )


def trained_roles(series: Series, model: Model) -> Bool | None:
    """Give the roles that a series' channels had in training, by name; by position where the names are others."""
    known = set(series.channels) & set(model.channels)
    mask = exogenous_mask(series.channels if known else model.channels, model.exogenous)
    return None if mask is None or mask.all() else mask


def _score(model: Model, series: Series) -> tuple[Float32, Int8]:
    """Give probability and alarm (T,) each; what they were made from is gone before the table is built."""
    windows = make_windows(series, model.window)
    decisions = model.actor.decide([model.detector.judge(series, windows)])
    alarm = to_points(windows, decisions.verdict == 1, series.length)
    return to_points(windows, decisions.probability, series.length), alarm.astype(np.int8)


def written_times(series: Series) -> pd.Series[Any] | NDArray[np.int64]:
    """Give times as the source wrote them: in its zone with the offset, without one where it had none.

    Example:
        >>> times = np.array(["2023-12-31T23:00:00"], dtype="datetime64[ns]")
        >>> written_times(Series("a", np.zeros((1, 1), np.float32), times, ("x",), timezone="Europe/Paris")).tolist()
        ['2024-01-01T00:00:00+01:00']
    """
    if not series.has_clock:
        return np.asarray(series.times)
    moments = pd.DatetimeIndex(series.times)
    if series.timezone is not None:
        moments = moments.tz_localize("UTC").tz_convert(zone_of(series.timezone))
    blocks = (moments[low : low + _TEXTS] for low in range(0, len(moments), _TEXTS))
    texts = [pd.Series([moment.isoformat() for moment in block], dtype="str") for block in blocks]
    return pd.concat(texts, ignore_index=True)


def _summary(name: str, verdict: np.ndarray, *, known: bool, losses: str) -> Scored:
    starts = np.diff(verdict, prepend=0) == 1
    return Scored(name, len(verdict), int(verdict.sum()), int(starts.sum()), known, losses)


def _check_written(path: Path, written: Sequence[Path]) -> None:
    """Refuse files to write of another kind, or in the place of what is read or of each other."""
    for file in written:
        if file.suffix not in {".csv", ".parquet"}:
            raise DataError(f"expected a file ending in .csv or .parquet, got {file.name!r}; choose one of these")
        if file.resolve() == path.resolve() or (path.is_file() and file.is_file() and file.samefile(path)):
            raise DataError(f"{file}: expected another file to write than the one to score, got the same; choose one")
        if path.is_dir() and file.resolve().is_relative_to(path.resolve()):
            raise DataError(
                f"{file}: expected a file to write outside the folder to score, got one in {path}, where it would be "
                "read as a recording; choose another folder"
            )
    if len({file.resolve() for file in written}) < len(written):
        raise DataError(f"{written[0]}: expected two files for --out and --alarms, got the same; choose another one")


def _check_later(path: Path, name: str, model: Model) -> None:
    """Refuse to take a folder, or a file of a series that was not learnt, for a later recording."""
    if path.is_dir():
        raise DataError(f"expected one file for --as {name}, got the folder {path}; score its files one by one")
    known = sorted(model.detector.known)
    if name not in known:
        choice = listed([repr(one) for one in known], most=12)
        raise DataError(f"expected --as to name a trained series, got {name!r}; choose among {choice}")


def _write(frame: pd.DataFrame, out: Path) -> None:
    with tempfile.TemporaryDirectory(dir=out.resolve().parent, prefix=".draft-") as folder:
        draft = Path(folder) / out.name
        if out.suffix == ".csv":
            frame.to_csv(draft, index=False, float_format="%.6g")
        else:
            frame.to_parquet(draft, index=False)
        draft.replace(out)
