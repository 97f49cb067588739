"""Claim: a million windows take an analyst's answers in less than 2 GiB, and nothing is lost by kill -9.

    python benchmarks/propagation_million.py [--windows 1000000] [--answers 1000] [--undos 100]

A workspace with a graph over simulated windows (see ``propagation.py``), a real SQLite store and the services that the
page calls: ``tell`` and ``undo``. The process that works is killed three times by SIGKILL and started again: while it
searches for look-alikes, half-way through the answers right after one was committed and before it was spread, and in
the middle of an undo's spreading. Every tenth answer is taken back. At the end answers in the store are compared with
those that were given, the spread state with a full solve, and the state of a fresh process with that of the last one.
Peak memory is the resident set of the working process. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from propagation import windows

from db import labels, queries, series, versions
from db.records import Answer, NewItem, NewSeries, NewVersion
from rl_tsad.active.graph import build_graph
from rl_tsad.active.graph_files import save_graph
from rl_tsad.active.propagate import EPSILON
from rl_tsad.config import ActiveConfig, Settings
from rl_tsad.services import spreading
from rl_tsad.services.labeling import tell, undo
from rl_tsad.services.retraining import spread_standing
from rl_tsad.services.workspace import Workspace, create_workspace
from rl_tsad.types import window_key

LENGTH, STRIDE, PER_SERIES = 64, 8, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=1_000_000)
    parser.add_argument("--answers", type=int, default=1000)
    parser.add_argument("--undos", type=int, default=100)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--die", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        np.save(root / "points.npy", windows(options.windows, np.random.default_rng(0)))
        for die in ("search", "answer", "undo", ""):
            done = subprocess.run([*command(options), "--work", folder, "--die", die], check=False)
            killed = done.returncode == -signal.SIGKILL
            print(f"{'killed at: ' + die if killed else 'finished'} ({done.returncode})", flush=True)
            assert killed if die else done.returncode == 0
        found = json.loads((root / "found.json").read_text())
    print(json.dumps({"claim": "a million windows under 2 GiB, killed three times", "value": found}))


def command(options: argparse.Namespace) -> list[str]:
    words = [sys.executable, __file__]
    for name in ("windows", "answers", "undos"):
        words += [f"--{name}", str(getattr(options, name))]
    return words


def work(options: argparse.Namespace) -> None:
    """Do what is left to do, and die where told."""
    settings = Settings(active=ActiveConfig(events=False))
    with create_workspace(options.work / "w", settings) as workspace:
        started = time.process_time()
        if not (workspace.model_folder(1) / "graph" / "graph.json").exists():
            build(workspace, options)
        built = time.process_time() - started
        rows = np.random.default_rng(1).choice(options.windows, options.answers, replace=False)
        fill(workspace, rows)
        spent = answer(workspace, rows, options)
        found = check(workspace, rows, options)
        found |= {"build_cpu_s": round(built, 1)} if built > 1 else {}
        found |= {name: round(float(np.median(its)) * 1e3, 2) for name, its in spent.items() if its}
        found["peak_MiB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(found, flush=True)
        (options.work / "found.json").write_text(json.dumps(found))


def build(workspace: Workspace, options: argparse.Namespace) -> None:
    points = np.load(options.work / "points.npy", mmap_mode="r")
    keys = np.array([key_of(row) for row in range(options.windows)])

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "graph/neighbours" and options.die == "search" and 2 * done > total:
            die()
        if stage == "graph/neighbours" and done < 20_000:
            print("search begins", flush=True)

    graph = build_graph(points, keys, keep=options.work / "search", progress=progress)
    print(f"graph: recall {graph.recall:.3f} with {graph.probes} probes", flush=True)
    save_graph(graph, workspace.model_folder(1) / "graph")


def fill(workspace: Workspace, rows: Any) -> None:
    """Record series, model and questions, once."""
    with workspace.store.begin() as session:
        if versions.current(session) is not None:
            return
        for name in sorted({key_of(int(row)).split(":")[0] for row in rows}):
            series.add(session, NewSeries(name, name, PER_SERIES * STRIDE + LENGTH, ("x",)))
        version = versions.add(session, NewVersion("digest"))
        versions.set_current(session, version.id)
        items = []
        for place, row in enumerate(rows.tolist()):
            name, start, _ = key_of(row).split(":")
            span = (int(start) + LENGTH - STRIDE, int(start) + LENGTH)
            items.append(NewItem(key_of(row), name, int(start), LENGTH, *span, "margin", "", -place, 0.5, 0.0))
        queries.replace(session, items, version.id)


def answer(workspace: Workspace, rows: Any, options: argparse.Namespace) -> dict[str, list[float]]:
    """Answer what is not answered yet; every tenth answer is taken back and given again."""
    with workspace.store.read() as session:
        done = {row.sequence for row in labels.history(session)}
        items = {item.key: item.id for item in queries.in_state(session, *queries.ItemState)}
    every = options.answers // max(options.undos, 1)
    spent: dict[str, list[float]] = {"tell_cpu_ms": [], "undo_cpu_ms": []}
    for place, row in enumerate(rows.tolist()):
        says = Answer.ANOMALY if row % 3 == 0 else Answer.NORMAL
        half = place == options.answers // 2
        if 3 * place not in done:
            if half and options.die == "answer":
                spreading.respread_quietly = die  # the answer is committed by then
                sys.modules["rl_tsad.services.labeling"].respread_quietly = die  # type: ignore[attr-defined]
            started = time.process_time()
            tell(workspace, items[key_of(row)], says, "ann", client="tab", sequence=3 * place)
            spent["tell_cpu_ms"].append(time.process_time() - started)
        if place % every == every - 1 and 3 * place + 1 not in done:
            if place > 3 * options.answers // 4 and options.die == "undo":
                sys.modules["rl_tsad.services.labeling"].respread_quietly = die  # type: ignore[attr-defined]
            started = time.process_time()
            undo(workspace, "ann", client="tab", sequence=3 * place + 1)
            spent["undo_cpu_ms"].append(time.process_time() - started)
    return spent


def check(workspace: Workspace, rows: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Compare what is kept with what was said, and what is spread with a full solve."""
    every = options.answers // max(options.undos, 1)
    wanted = {key_of(row) for place, row in enumerate(rows.tolist()) if place % every != every - 1}
    with workspace.store.read() as session:
        standing = {row.key for row in labels.standing(session)}
        with spreading.live_now(workspace, session) as found:
            assert found is not None
            live = found[0]
            before, decided = live.state.reach.copy(), live.decided.copy()
            started = time.process_time()
            drift = live.state.solve()
            solved = time.process_time() - started
        spreading._OPEN.clear()
        with spreading.live_now(workspace, session) as found:
            assert found is not None
            fresh = float(np.abs(found[0].state.reach - before).max())
            other = int((found[0].decided != decided).sum())
    started = time.process_time()
    told = spread_standing(workspace, live.graph)
    assert standing == wanted, f"{len(standing)} of {len(wanted)} answers stand"
    assert drift <= EPSILON
    assert told.drift <= EPSILON
    return {
        "answers_kept": len(standing),
        "lost": len(wanted - standing),
        "drift": drift,
        "fresh_process_difference": fresh,
        "fresh_process_other_windows": other,
        "settled": int((decided >= 0).sum()),
        "solve_cpu_s": round(solved, 2),
        "retrain_spread_cpu_s": round(time.process_time() - started, 1),
    }


def key_of(row: int) -> str:
    return window_key(f"s{row // PER_SERIES}", STRIDE * (row % PER_SERIES), LENGTH)


def die(*_: object, **__: object) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


if __name__ == "__main__":
    main()
