"""Workspaces written by hand for a browser: any series, any questions, no training."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from db import labels, queries, series, versions
from db.records import Answer, Label, ModelVersion, NewItem, NewSeries, NewVersion
from rl_tsad.active.graph import build_graph
from rl_tsad.active.graph_files import save_graph
from rl_tsad.config import Settings
from rl_tsad.services.workspace import Workspace, create_workspace, write_series
from rl_tsad.types import Series, Windows, slide


def lay_out(
    root: Path,
    recorded: Series,
    asked: Sequence[int],
    *,
    length: int = 64,
    stride: int = 8,
    exogenous: tuple[str, ...] = (),
) -> Workspace:
    """Make a workspace with one series, a model and a question about each of some windows, by their place in time."""
    ws = create_workspace(root, Settings())
    add_series(ws, recorded, exogenous)
    windows = slide(recorded, length=length, stride=stride)
    ask(ws, windows, asked, add_model(ws, windows))
    return ws


def add_series(ws: Workspace, recorded: Series, exogenous: tuple[str, ...] = ()) -> None:
    new = NewSeries(
        name=recorded.name,
        digest=sha256(recorded.name.encode()).hexdigest()[:12],
        rows=recorded.length,
        channels=recorded.channels,
        timezone=recorded.timezone,
        exogenous=exogenous,
    )
    with ws.store.begin() as session:
        record = series.add(session, new)
    write_series(ws.root / record.path, recorded)


def add_model(ws: Workspace, windows: Windows) -> ModelVersion:
    config = {"window": {"length": windows.length, "stride": windows.stride}}
    with ws.store.begin() as session:
        version = versions.add(session, NewVersion("d" * 64, config, {"questions": 0.0, "promoted": 1.0}))
        versions.set_current(session, version.id)
    folder = ws.model_folder(version)
    folder.mkdir(parents=True)
    probability = np.linspace(0.05, 0.95, len(windows), dtype=np.float32)
    arrays = {
        "keys": windows.keys,
        "probability": probability,
        "verdict": (probability > 0.5).astype(np.int8),
        "margin": np.abs(2 * probability - 1),
        "prior": probability,
        "embedding": np.random.default_rng(0).normal(size=(len(windows), 4)).astype(np.float32),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    save_graph(build_graph(arrays["embedding"], windows.keys, neighbours=3), folder / "graph")
    return version


def ask(ws: Workspace, windows: Windows, asked: Sequence[int], version: ModelVersion) -> None:
    """Ask about windows; each question proposes the points that its window decides."""
    items = [
        NewItem(
            key=str(windows.keys[row]),
            series=windows.series,
            start=int(windows.starts[row]),
            length=windows.length,
            span_low=(high := int(windows.starts[row]) + windows.length) - windows.stride,
            span_high=high,
            strategy="margin",
            reason="the agent is least sure here",
            priority=float(len(asked) - number),
            probability=0.52,
            margin=0.04,
            event_low=high - windows.stride,
            event_high=high,
        )
        for number, row in enumerate(asked)
    ]
    with ws.store.begin() as session:
        queries.replace(session, items, version.id)


def standing(ws: Workspace) -> list[Label]:
    """Give what stands about the windows that were asked, in the order of answering."""
    with ws.store.read() as session:
        return [row for row in labels.standing(session) if row.answer is not None and not row.part]


def answers(ws: Workspace) -> list[Answer | None]:
    """Give the standing answers in the order of answering."""
    return [row.answer for row in standing(ws)]
