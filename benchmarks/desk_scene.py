"""A workspace that asks, made without training: one long series, a model version, its graph and a queue."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from db import queries, series, versions
from db.records import ModelVersion, NewItem, NewSeries, NewVersion
from rl_tsad.active.graph import build_graph
from rl_tsad.active.graph_files import save_graph
from rl_tsad.config import Settings
from rl_tsad.services.workspace import Workspace, create_workspace, write_series
from rl_tsad.types import Series, Windows, slide, spans_of

LENGTH, STRIDE = 256, 64
CHANNELS = ("flow [l/s]", "T (°C)", "valve")


def make_scene(root: Path, points: int, questions: int) -> None:
    """Make the workspace.

    Args:
        root: its folder; made here.
        points: of the series, one a minute.
        questions: spread evenly over it.
    """
    recorded = _recorded(points)
    windows = slide(recorded, length=LENGTH, stride=STRIDE)
    with create_workspace(root, Settings()) as ws:
        new = NewSeries("plant", "digest", points, CHANNELS, timezone="Europe/Berlin", exogenous=("valve",))
        with ws.store.begin() as session:
            record = series.add(session, new)
        write_series(ws.root / record.path, recorded)
        _ask(ws, windows, points, _add_version(ws, windows), questions)


def _recorded(points: int) -> Series:
    rng, steps = np.random.default_rng(0), np.arange(points)
    clock = np.datetime64("2024-01-01T00:00", "ns") + steps * np.timedelta64(60, "s")
    waves = np.stack([np.sin(steps / 60), 40 + np.cos(steps / 229), steps % 50 / 50], axis=1)
    values = (waves + rng.normal(0, 0.08, waves.shape)).astype(np.float32)
    values[rng.integers(0, points, 200), 0] += 4
    return Series("plant", values, clock, CHANNELS, None, "Europe/Berlin")


def _add_version(ws: Workspace, windows: Windows) -> ModelVersion:
    new = NewVersion("d" * 64, {"window": {"stride": STRIDE, "length": LENGTH}}, {"questions": 0.0}, seconds=1.0)
    with ws.store.begin() as session:
        version = versions.add(session, new)
        versions.set_current(session, version.id)
    folder = ws.model_folder(version)
    folder.mkdir(parents=True, exist_ok=True)
    probability = np.linspace(0.05, 0.95, len(windows), dtype=np.float32)
    arrays = {
        "keys": windows.keys,
        "probability": probability,
        "verdict": (probability > 0.5).astype(np.int8),
        "margin": np.abs(2 * probability - 1),
        "prior": probability,
        "embedding": np.concatenate([windows.values.mean(axis=1), windows.values.std(axis=1)], axis=1),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    embedding = np.asarray(arrays["embedding"], dtype=np.float32)
    save_graph(build_graph(embedding, windows.keys, neighbours=10), folder / "graph")
    return version


def _ask(ws: Workspace, windows: Windows, points: int, version: ModelVersion, questions: int) -> None:
    spans = spans_of(windows, points)
    rows = np.linspace(8, len(windows) - 9, questions).astype(int)
    items = [
        NewItem(
            key=str(windows.keys[row]),
            series=windows.series,
            start=int(windows.starts[row]),
            length=windows.length,
            span_low=int(spans[row, 0]),
            span_high=int(spans[row, 1]),
            strategy="margin",
            reason="the agent is least sure here",
            priority=float(questions - number),
            probability=0.52,
            margin=0.04,
            event_low=int(spans[row - 1, 0]),
            event_high=int(spans[row + 1, 1]),
        )
        for number, row in enumerate(rows)
    ]
    with ws.store.begin() as session:
        queries.replace(session, items, version.id)
