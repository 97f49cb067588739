"""What the current model expected to see around a question: its VAE's copy of the windows there, as one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from db import versions
from db.records import ModelVersion
from rl_tsad.active.rebuild import LAYERS, PatchVae, rebuild
from rl_tsad.data.scaling import Scale
from rl_tsad.errors import CheckpointError, LabelingError
from rl_tsad.services.marking import stride_of
from rl_tsad.services.points import View, view
from rl_tsad.services.refusals import in_words
from rl_tsad.services.showing import Asked, width_for
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import Bool, Float32, Int64

_NAME = "detector"


@dataclass(frozen=True)
class _Kept:
    """What a detector's files hold: the network, and of each series that was learnt its number there."""

    vae: PatchVae
    rows: Mapping[str, int]


def reconstruct(ws: Workspace, asked: Asked) -> View:
    """Rebuild what is shown of a question, as the current model's VAE expects it, at the points that are drawn.

    At each point the mean over all windows that hold it is taken. The line breaks where the drawn one breaks, and where
    no window lies. Exogenous channels are not reproduced by the network: they have no points.

    Args:
        ws: the workspace.
        asked: the question and what is shown of it.

    Returns:
        The line of each channel, in the source's units.

    Raises:
        LabelingError: when the current model keeps none for this series.
        WorkspaceError: when the store or the arrays cannot be read.
        CheckpointError: when the model's files are damaged.
    """
    with in_words(), ws.store.read() as session:
        version = versions.current(session)
    if version is None:
        raise LabelingError("expected a model that can reconstruct, got none at all; run: rl-tsad train")
    folder, record = _folder(ws, version), asked.record
    kept = _open(folder, version.digest)
    if record.name not in kept.rows:
        raise LabelingError(
            f"expected a series that model {version.id} has learnt, got {record.name!r}, which it has not; train again"
        )
    scale, targets = _usual(folder, version.digest, kept.rows[record.name])
    low, high = asked.view
    seen = view(ws, record, low, high, width=width_for(len(record.channels)))
    values = load_series(ws, record).values
    if len(targets) != values.shape[1]:
        raise LabelingError(
            f"expected the {len(targets)} channels that model {version.id} has learnt of {record.name!r}, got "
            f"{values.shape[1]}; train again"
        )
    starts = _starts(low, high, record.rows, kept.vae.length, stride_of(ws, version))
    first = int(starts[0]) if len(starts) else low
    last = int(starts[-1]) + kept.vae.length if len(starts) else low
    line = rebuild(kept.vae, np.asarray(values[first:last]), starts - first, scale)
    return _at_drawn_points(seen, line, first, targets)


def _folder(ws: Workspace, version: ModelVersion) -> Path:
    """Find where the detector of a version lies.

    Raises:
        LabelingError: when its files are not there.
    """
    folder = ws.foundations / str(version.config.get("foundation") or "none") / _NAME
    if not (folder / f"{_NAME}.json").is_file():
        raise LabelingError(
            f"expected the networks of model {version.id}, got none in its folder: it cannot reconstruct; train again"
        )
    return folder


def _starts(low: int, high: int, points: int, length: int, stride: int) -> Int64:
    """First points of the windows that hold any of the points [low, high) of a series.

    Example:
        >>> _starts(10, 20, 64, 8, 4).tolist()
        [4, 8, 12, 16]
    """
    first = max(0, (low - length) // stride + 1)
    last = min(high - 1, points - length) // stride
    return np.arange(first, last + 1, dtype=np.int64) * stride


def _at_drawn_points(seen: View, line: Float32, first: int, targets: Bool) -> View:
    index, values = [], []
    for channel, (places, drawn) in enumerate(zip(seen.index, seen.values, strict=True)):
        own = places if targets[channel] else places[:0]
        inside = (own >= first) & (own < first + len(line)) & np.isfinite(drawn[: len(own)])
        its = np.full(len(own), np.nan, np.float32)
        its[inside] = line[own[inside] - first, channel]
        index.append(own)
        values.append(its)
    return View(seen.low, seen.high, tuple(index), tuple(values))


@lru_cache(maxsize=2)
def _open(folder: Path, digest: str) -> _Kept:
    """Read the network of a detector once a process; the digest tells re-made workspaces apart."""
    del digest
    try:
        facts = json.loads((folder / f"{_NAME}.json").read_text())["facts"]
        with safe_open(folder / f"{_NAME}.safetensors", framework="np") as file:
            layers = {
                name: (
                    file.get_tensor(f"aster/encoder.{name}.weight"),
                    file.get_tensor(f"aster/encoder.{name}.bias"),
                )
                for name in LAYERS
            }
        vae = PatchVae(int(facts["length"]), int(facts["width"]), int(facts["config"]["aster"]["patch"]), layers)
        return _Kept(vae, {one["name"]: row for row, one in enumerate(facts["series"])})
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _damaged(folder, error) from error


@lru_cache(maxsize=64)
def _usual(folder: Path, digest: str, row: int) -> tuple[Scale, Bool]:
    """Read the scale of a series' channels, and which of them are scored."""
    del digest
    try:
        with safe_open(folder / f"{_NAME}.safetensors", framework="np") as file:
            center, spread, targets = (
                file.get_tensor(f"series/{row}/{name}") for name in ("center", "spread", "targets")
            )
    except (OSError, SafetensorError) as error:
        raise _damaged(folder, error) from error
    return Scale(center.astype(np.float64), spread.astype(np.float64)), targets.astype(np.bool_)


def _damaged(folder: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{folder}: expected a detector of this version of rl-tsad, got {error}; train again")
