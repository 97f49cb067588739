"""What does the explore page's data cost at 10^6 points, 64 channels and 10^5 windows?

A store with one long series, a model whose pool has 10^5 windows, and a few answers. Each step of a first view is timed
in CPU-seconds, then a second view; the last line is one JSON object with the claim. ``--profile`` shows where it goes.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hand_made import add_series, add_version

from db.records import Answer, NewVersion, SeriesRecord
from labeling_ui.components.explore_chart import Axis, Scenery, explore_chart, overview_chart
from rl_tsad.config import Settings, WindowConfig
from rl_tsad.services import answering, exploring, people, points, volunteering
from rl_tsad.services.workspace import Workspace, create_workspace, load_series
from rl_tsad.types import Series, slide

LENGTH, SHOWN, WIDTH = 64, 4, 1000


def prepared(root: Path, size: tuple[int, int], windows: int) -> tuple[Workspace, SeriesRecord]:
    """Make a workspace with a series of (points, channels) and a model that has thought of so many windows of it."""
    count, channels = size
    stride = max(1, (count - LENGTH) // windows)
    ws = create_workspace(root, Settings(window=WindowConfig(length=LENGTH, stride=stride)))
    values = np.random.default_rng(0).normal(size=size).astype(np.float32).cumsum(axis=0)
    names = tuple(f"c{number}" for number in range(channels))
    record = add_series(ws, Series("long", values, np.arange(count), names))
    cut = slide(Series("long", values[:, :1], np.arange(count), names[:1]), length=LENGTH, stride=stride)
    thought = np.random.default_rng(1).random(len(cut)).astype(np.float32)
    scattered = np.random.default_rng(2).normal(size=(len(cut), 8)).astype(np.float32)
    add_version(ws, cut, scattered, neighbours=5, new=NewVersion("d" * 64), probability=thought, cut=0.98)
    return ws, record


def steps(ws: Workspace, record: SeriesRecord) -> dict[str, float]:
    """Do what a view of the page and an answer do; CPU-seconds of each."""
    spent: dict[str, float] = {}
    order = timed(spent, "ranking", lambda: exploring.most_deviating(load_series(ws, record).values))
    shown = tuple(sorted(order[:SHOWN]))
    lying = timed(spent, "lying on", lambda: exploring.lying_on(ws, record.name))
    view = timed(spent, "whole view", lambda: points.view(ws, record, 0, record.rows, width=WIDTH, channels=shown))
    axis, extent = Axis(load_series(ws, record).times, None), (record.rows // 2, record.rows // 2 + 200)
    timed(spent, "strip", lambda: overview_chart(view, axis, (0, record.rows), lying))
    timed(spent, "picture", lambda: explore_chart(Scenery(view, axis, record.channels, shown, lying)))
    timed(spent, "would label", lambda: volunteering.would_label(ws, record.name, extent))
    return spent


def answered(ws: Workspace, record: SeriesRecord, number: int) -> float:
    """CPU-seconds of an answer about a stretch."""
    low = record.rows // 2 + 1000 * number
    spent: dict[str, float] = {}
    who = people.local_visitor("ann")
    mark: dict[str, Any] = {"client": "benchmark", "sequence": number}
    timed(spent, "", lambda: answering.mark(ws, record.name, (low, low + 200), Answer.ANOMALY, who, **mark))
    return spent[""]


def timed(spent: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    """Do some work and note its CPU-seconds."""
    began = time.process_time()
    result = work()
    spent[name] = time.process_time() - began
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        ws, record = prepared(Path(folder) / "w", (given.points, given.channels), given.windows)
        with ws:
            if given.profile:
                profile.enable()
            first = steps(ws, record)
            marks = [answered(ws, record, number) for number in (1, 2)]
            again = steps(ws, record)
            profile.disable()
            shape = (record.rows // 3, record.rows // 3 + 200)
            shown = record.channels[:SHOWN]
            search: dict[str, float] = {}
            timed(search, "search", lambda: exploring.search_shape(ws, record.name, shape, channels=shown))
    for name, seconds in first.items():
        print(f"{name:>12}: first {seconds:6.3f} CPU-s, again {again[name]:6.3f}")
    print(f"{'answer':>12}: first {marks[0]:6.3f} CPU-s, again {marks[1]:6.3f}")
    print(f"{'search':>12}: {search['search']:6.3f} CPU-s over the shown channels")
    if given.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(30)
    size = f"{given.points} points x {given.channels} channels, {given.windows} windows"
    claim = {
        "claim": f"CPU-seconds of the explore page's data and pictures at {size}, a later view",
        "value": round(sum(again.values()), 3),
        "first_view": round(sum(first.values()), 3),
        "answer": round(marks[1], 3),
        "search": round(search["search"], 2),
        "seeds": 1,
    }
    print(json.dumps(claim))


if __name__ == "__main__":
    main()
