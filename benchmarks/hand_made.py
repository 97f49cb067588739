"""A workspace that asks, made by hand in a moment: series, model version, graph and queue without any training.

Benchmarks and tests of the page need one; what its model thinks is made up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from db import queries, series, versions
from db.records import ModelVersion, NewItem, NewSeries, NewVersion, SeriesRecord
from rl_tsad.active.graph import build_graph
from rl_tsad.active.graph_files import save_graph
from rl_tsad.services.workspace import Workspace, write_series
from rl_tsad.types import Float32, Int64, Series, Windows, spans_of


def add_series(ws: Workspace, recorded: Series, *, exogenous: tuple[str, ...] = ()) -> SeriesRecord:
    """Keep a series, its file and its row."""
    new = NewSeries(
        recorded.name, "digest", recorded.length, recorded.channels, timezone=recorded.timezone, exogenous=exogenous
    )
    with ws.store.begin() as session:
        record = series.add(session, new)
    write_series(ws.root / record.path, recorded)
    return record


def add_version(
    ws: Workspace,
    windows: Windows,
    embedding: Float32,
    *,
    neighbours: int,
    new: NewVersion | None = None,
    probability: Float32 | None = None,
    cut: float = 0.5,
) -> ModelVersion:
    """Add the current model version: what it thinks of every window of one series, and the graph of its look-alikes.

    Args:
        ws: the workspace.
        windows: N windows.
        embedding: (N, Z) float32, where they lie for the graph.
        neighbours: of each in the graph.
        new: digest, config and metrics; those of a model with these windows when omitted.
        probability: (N,) float32, P(anomaly); rising from .05 to .95 when omitted.
        cut: from which probability on its verdict is anomaly.
    """
    window = {"length": windows.length, "stride": windows.stride}
    made = new or NewVersion("d" * 64, {"window": window}, {"questions": 0.0}, seconds=1.0)
    with ws.store.begin() as session:
        version = versions.add(session, made)
        versions.set_current(session, version.id)
    folder = ws.model_folder(version)
    folder.mkdir(parents=True, exist_ok=True)
    rising = np.linspace(0.05, 0.95, len(windows), dtype=np.float32)
    thought = rising if probability is None else probability
    arrays = {
        "keys": windows.keys,
        "probability": thought,
        "verdict": (thought > cut).astype(np.int8),
        "margin": np.abs(2 * thought - 1),
        "prior": thought,
        "embedding": embedding,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    save_graph(build_graph(embedding, windows.keys, neighbours=neighbours), folder / "graph")
    return version


def ask(
    ws: Workspace,
    windows: Windows,
    points: int,
    rows: Int64,
    version: ModelVersion,
    *,
    around: tuple[int, int] = (1, 1),
    strategies: Sequence[str] = ("margin",),
    reason: str = "the agent is least sure here",
    copies: int = 1,
) -> None:
    """Put windows into the queue, in this order; what was in it goes.

    Args:
        ws: the workspace.
        windows: all of one series.
        points: of the series.
        rows: (Q,) int64, which windows are asked about.
        version: who asks.
        around: windows of the proposed event before and after the asked one.
        strategies: given to the questions in turn.
        reason: said with each.
        copies: people who are asked each.
    """
    spans = spans_of(windows, points)
    items = [
        NewItem(
            key=str(windows.keys[row]),
            series=windows.series,
            start=int(windows.starts[row]),
            length=windows.length,
            span_low=int(spans[row, 0]),
            span_high=int(spans[row, 1]),
            strategy=strategies[number % len(strategies)],
            reason=reason,
            priority=float(len(rows) - number),
            probability=0.52,
            margin=0.04,
            event_low=int(spans[row - around[0], 0]),
            event_high=int(spans[row + around[1], 1]),
            copies=copies,
        )
        for number, row in enumerate(rows)
    ]
    with ws.store.begin() as session:
        queries.replace(session, items, version.id)
