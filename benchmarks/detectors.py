"""Claim: without labels rl-tsad is first on NAB-6, SMAP-12 and SKAB valve 1, with one configuration for all series.

Published detectors beside it: same series, same protocol, same run (see ``benchmarks/protocol.py``), and TSB-AD's
published columns beside them. Needs the extra ``bench`` and the labelled sets that RL_TSAD_DATA names. Usage:

    python benchmarks/detectors.py [--sets nab smap skab] [--methods rl-tsad iforest ...] [--seeds 3] [--out FOLDER]
    python benchmarks/detectors.py --validate [--cases 24]     # plants and generated anomalies: to choose settings by

With --out a run goes on where it was left; what a change of code, settings or series made stale is measured anew. The
folder then holds detectors.csv, detectors.html and every score. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from detection.cells import Cell, Store, measure, write_cells
from detection.page import write_page
from detection.summary import OURS, Column, Entry, best_peer, columns_of, entries_of
from peers.registry import PEERS
from protocol import SETS, Case, run_main
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits
from validation import load_validation

from rl_tsad.errors import ConfigError

CONSOLE = Console(width=None if sys.stdout.isatty() else 160)


def run(cases: Sequence[Case], methods: Sequence[str], seeds: int, store: Store) -> list[Cell]:
    """Measure every cell that is not finished yet; methods whose package is absent are left out and named."""
    cells: list[Cell] = []
    counts = {method: len(cases) * (seeds if PEERS[method].seeded else 1) for method in methods}
    with _progress() as progress:
        bar = progress.add_task("", total=sum(counts.values()))
        for method in methods:
            try:
                for case in cases:
                    for seed in range(seeds if PEERS[method].seeded else 1):
                        progress.update(bar, description=f"{PEERS[method].title}: {case.name}")
                        cells.append(_cell(case, method, seed, store))
                        progress.advance(bar)
            except ConfigError as error:
                progress.console.print(f"{method} left out: {error}")
                cells = [cell for cell in cells if cell.method != method]
    return cells


def _cell(case: Case, method: str, seed: int, store: Store) -> Cell:
    peer = PEERS[method]
    found = store.find(case, method, peer, seed)
    if found is not None:
        return found
    peer.prepare()
    cell, score = measure(case, method, peer, seed)
    store.keep(cell, score)
    return cell


def _progress() -> Progress:
    parts = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description:50.50}"), *parts, console=CONSOLE)


def show(columns: Sequence[Column], entries: dict[tuple[str, str], Entry]) -> None:
    """Print the table: VUS-PR with its interval, what was published, and the cost."""
    for column in columns:
        best = column.best_published
        goal = "" if column.target is None else f"  target {column.target:.2f}"
        known = "" if best is None else f"  best published {best[1]:.3f} ({best[0]})"
        print(f"\n{column.title}: {len(column.names)} series{goal}{known}")
        print(f"  {'':26}{'VUS-PR':>7}  {'95 % interval':15}{'published':>10}{'largest gap':>12}{'fit':>9}{'score':>9}")
        own = {method: entry for (method, key), entry in entries.items() if key == column.key}
        for method, entry in sorted(own.items(), key=lambda each: -each[1].mean):
            published = "" if entry.published is None else f"{entry.published:.4f}"
            gap = "" if entry.gap is None else f"{entry.gap:.4f}"
            interval = f"[{entry.low:.3f}, {entry.high:.3f}]"
            costs = f"{entry.fit_cost:>9.2f}{entry.score_cost:>9.2f}"
            print(f"  {method:26}{entry.mean:>7.3f}  {interval:15}{published:>10}{gap:>12}{costs}")
    print("\nfit, score: CPU-seconds per 10^4 points; interval: bootstrap over series and seeds")


def claim(columns: Sequence[Column], entries: dict[tuple[str, str], Entry], seeds: int) -> dict[str, object]:
    """Say ours beside the best peer of each column; the ratio is the worst one."""
    ours = {column.key: entries[OURS, column.key].mean for column in columns if (OURS, column.key) in entries}
    peers = {column.key: best_peer(entries, column.key) for column in columns}
    ratios = [value / peer[1] for key, value in ours.items() if (peer := peers[key])]
    return {
        "claim": "mean VUS-PR without labels beside the best peer of each set; ratio: the lowest over the sets",
        "value": {key: round(value, 4) for key, value in ours.items()},
        "peer": {key: [peer[0], round(peer[1], 4)] for key, peer in peers.items() if peer},
        "ratio": round(min(ratios), 3) if ratios else None,
        "seeds": seeds,
    }


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["nab", "smap", "skab"], choices=SETS)
    parser.add_argument(
        "--methods", nargs="+", default=list(PEERS), choices=PEERS, metavar="METHOD", help=str([*PEERS])
    )
    parser.add_argument("--seeds", type=int, default=3, help="of methods that depend on chance; the others run once")
    parser.add_argument("--out", type=Path, help="goes on from this folder; a temporary one when absent")
    parser.add_argument("--validate", action="store_true", help="on validation cases instead of the sets")
    parser.add_argument("--cases", type=int, default=24, help="number of validation cases")
    return parser.parse_args()


def main() -> None:
    given = read_options()
    if not given.validate and "RL_TSAD_DATA" not in os.environ:
        print(json.dumps({"claim": "detectors", "skipped": "RL_TSAD_DATA names no folder of labelled data"}))
        sys.exit(0)
    cases = load_validation(0, given.cases) if given.validate else [case for key in given.sets for case in SETS[key]()]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary, threadpool_limits(1):
        folder = given.out or Path(temporary)
        store = Store(folder)
        cells = run(cases, given.methods, given.seeds, store)
        columns = columns_of(cases)
        entries = entries_of(cells, columns, cases)
        name = "validation" if given.validate else "detectors"
        write_cells(folder / f"{name}.csv", cells)
        write_page(folder / f"{name}.html", cases, cells, store, given.seeds)
    show(columns, entries)
    print(json.dumps(claim(columns, entries, given.seeds)))


if __name__ == "__main__":
    run_main(main)
