"""Claim: whether the anomalies that ASTER generates lie where real ones do (the swap test that its critics ask for).

Held-out real anomalies are replaced by generated ones; F1 of ASTER's classifier and of two reconstruction baselines
(ASTER's VAE alone, principal components) on both versions. Where generated anomalies lie where real ones do, F1 hardly
moves: the gap is F1 on real minus F1 on swapped ones. Usage:

    python benchmarks/swap_test.py [--sets validation nab smap skab] [--seeds 3] [--cases 24] [--out FOLDER]

Design, and why:

* Windows are swapped, not stretches of the series. A normal stretch set into an anomaly's place leaves two seams, which
  any detector finds; a generator that edits a window leaves the seams that it makes itself. Positives are held-out
  windows whose span (the last 8 of 64 points, of which a window's verdict speaks) holds an anomalous point, negatives
  those without one anywhere. The negatives are the same in all versions, and so are the numbers of both: at a
  threshold F1 differs only by what is found.
* For each real anomaly a generator writes into a normal held-out window, as in training; of 64 drafts the one stays
  that has as many anomalous points, in window and span, as the real one. Anomalies that fill a window cannot be
  matched: an edit is at most 48 points long at the usual hardness; the column ``points`` says by how much. A point
  counts as anomalous where it moved by more than its noise, so that long drafts are strong ones too; hence the
  mixture also without regard to length (``mixture-as-drawn``: the first draft that reaches the span).
* Each kind alone, the mixture that trained, the kind held out from training (it chooses the best step, and never gave
  a gradient), and a control, ``untouched``: normal windows posing as anomalies. F1 on it is what alarms at random
  reach. A small gap means something only where F1 on real anomalies is well above it.
* Threshold: the 95 % quantile of the detector's scores on the fit part's windows. Beside it the oracle's best F1,
  which truth chooses, and AUC-PR. No truth reaches training or thresholds; of the writing it says only which windows
  are normal, how many anomalies there are and how long.
* More directly: the share of real anomalies whose nearest neighbour, among equally many generated and clean windows,
  is a generated one. In the classifier's embedding, which was learnt from generated ones and so is partial to them,
  and in ASTER's robust statistics, which were not. Read it beside the control's, which is a half where nothing tells.

On the validation cases (``benchmarks/validation.py``) the "real" anomalies are written by other code than ASTER's.
Labelled sets need RL_TSAD_DATA, and are left out without it. Intervals: bootstrap over series and seeds, 95 %; runs of
SKAB share one training a seed. With --out a run goes on where it was left. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from detection.alone import by_fit, train
from detection.judges import DETECTORS, SPACES
from detection.summary import interval
from detection.swap_cells import KEY, REAL, Cell, measure, version_of
from detection.swapped import DRAWN, MIXTURE, UNTOUCHED
from detection.table import Table
from protocol import SETS, TITLES, Case, run_main
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from validation import load_validation

from rl_tsad.config import AsterConfig

CONFIG = AsterConfig()
LABELLED = ("nab", "smap", "skab")
Entry = tuple[float, float, float]  # mean and its 95 % interval


def load(keys: Sequence[str], count: int) -> tuple[list[Case], dict[str, str]]:
    """Load the cases of the sets, and say why a set is left out."""
    cases, skipped = [], {}
    for key in keys:
        if key in SETS and "RL_TSAD_DATA" not in os.environ:
            skipped[key] = "RL_TSAD_DATA names no folder of labelled data"
        else:
            cases += SETS[key]() if key in SETS else load_validation(0, count)
    return cases, skipped


def run(cases: Sequence[Case], seeds: int, table: Table[Cell]) -> list[Cell]:
    """Measure the cases that are not finished; those with the same fit part share one training."""
    versions = {(case.set, case.name): version_of(case, CONFIG) for case in cases}
    parts = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description:50.50}"), *parts) as progress:
        bar = progress.add_task("", total=seeds * len(cases))
        for seed in range(seeds):
            for group in by_fit(cases):
                progress.update(bar, description=f"{group[0].set} {group[0].name}, seed {seed}")
                _measure_group([case for case in group if not _is_done(case, seed, versions, table)], seed, table)
                progress.advance(bar, len(group))
    wanted = {(*key, version, seed) for key, version in versions.items() for seed in range(seeds)}
    return [cell for cell in table.rows.values() if (cell.set, cell.series, cell.version, cell.seed) in wanted]


def _is_done(case: Case, seed: int, versions: Mapping[tuple[str, str], str], table: Table[Cell]) -> bool:
    """Ask for the version that is written last."""
    return table.has(case.set, case.name, UNTOUCHED, seed, versions[case.set, case.name])


def _measure_group(cases: Sequence[Case], seed: int, table: Table[Cell]) -> None:
    if not cases:
        return
    started = time.process_time()
    aster = train(cases[0].task(), CONFIG, seed)
    cpu_s = time.process_time() - started
    for case in cases:
        for cell in measure(case, aster, seed, cpu_s):
            table.keep(cell)


class Result:
    """Means over the series and seeds of a set.

    Args:
        cells: of one set.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = {(cell.series, cell.kind, cell.seed): cell for cell in cells}
        self.series = list(dict.fromkeys(cell.series for cell in cells))
        self.kinds = list(dict.fromkeys(cell.kind for cell in cells))
        self._seeds = sorted({cell.seed for cell in cells})

    def mean(self, kind: str, field: str) -> Entry:
        """Give a field's mean."""
        return self._over(lambda cell, real: float(getattr(cell, field)), kind)

    def gap(self, kind: str, field: str) -> Entry:
        """Give the mean of a field on real anomalies minus that on swapped ones, pair by pair."""
        return self._over(lambda cell, real: float(getattr(real, field) - getattr(cell, field)), kind)

    def apart(self, kind: str, field: str) -> Entry:
        """Give the mean size of that gap, which does not cancel between series."""
        return self._over(lambda cell, real: abs(float(getattr(real, field) - getattr(cell, field))), kind)

    def _over(self, value: Callable[[Cell, Cell], float], kind: str) -> Entry:
        values = [
            [value(self.cells[name, kind, seed], self.cells[name, REAL, seed]) for seed in self._seeds]
            for name in self.series
        ]
        return float(np.mean(values)), *interval(values)


def show(results: Mapping[str, Result]) -> None:
    """Print, for each set, F1 and AUC-PR with their gaps, then everything else."""
    for key, result in results.items():
        alarms = ", ".join(f"{name} {result.mean(REAL, f'raised_{name}')[0]:.0%}" for name in DETECTORS)
        print(f"\n{TITLES[key]}: {len(result.series)} series; false alarms at the threshold: {alarms}")
        for title, field in (("F1", "f1"), ("AUC-PR", "ap")):
            print(f"{title + ', real - swapped':24}" + "".join(f"{name:>10}{'':25}" for name in DETECTORS))
            for kind in result.kinds:
                print(f"{_title(kind):24}" + "".join(_pair(result, kind, f"{field}_{name}") for name in DETECTORS))
        _show_rest(result)
    print(
        "\nin brackets: 95 % interval; oracle: F1 at the threshold that truth chooses; nearest: share of real anomalies"
    )


def _show_rest(result: Result) -> None:
    oracle = "".join(f"{f'oracle {name}':>19}" for name in DETECTORS)
    nearest = "".join(f"{f'nearest in {name}':>24}" for name in SPACES)
    print(f"{'':24}{oracle}{'points':>8}{'written':>9}{nearest}")
    for kind in result.kinds:
        parts = "".join(f"{result.mean(kind, f'oracle_{name}')[0]:>19.3f}" for name in DETECTORS)
        parts += f"{result.mean(kind, 'points')[0]:>8.1f}{result.mean(kind, 'written')[0]:>9.2f}"
        near = [] if kind == REAL else [_words(result.mean(kind, f"near_{name}")) for name in SPACES]
        print(f"{_title(kind):24}{parts}" + "".join(f"{each:>24}" for each in near))


def _title(kind: str) -> str:
    if kind in (REAL, UNTOUCHED):
        return f"{kind} (control)" if kind == UNTOUCHED else kind
    return f"{kind} (held out)" if kind in CONFIG.held_out else f"{kind} (seen)"


def _pair(result: Result, kind: str, field: str) -> str:
    gap = "" if kind == REAL else "  {:+.3f} [{:+.3f} {:+.3f}]".format(*result.gap(kind, field))
    return f"{result.mean(kind, field)[0]:>10.3f}{gap:25}"


def _words(entry: Entry) -> str:
    return "{:.3f} [{:.3f} {:.3f}]".format(*entry)


def claim(results: Mapping[str, Result], skipped: Mapping[str, str], seeds: int) -> dict[str, object]:
    """Say F1 on real and on swapped anomalies (the mixture), on the held-out kinds and on the control."""
    return {
        "claim": "F1 on held-out real anomalies, on generated ones in their place, and the gap with its 95 % interval",
        "value": {key: {name: _f1_of(result, name) for name in DETECTORS} for key, result in results.items()},
        "nearest is generated": {
            key: {name: _near_of(result, f"near_{name}") for name in SPACES} for key, result in results.items()
        },
        "seeds": seeds,
        "skipped": dict(skipped),
    }


def _f1_of(result: Result, name: str) -> dict[str, object]:
    held_out: dict[str, str] = {kind: kind for kind in CONFIG.held_out}
    kinds = {"real": REAL, "swapped": MIXTURE, "as drawn": DRAWN, **held_out, "untouched": UNTOUCHED}
    means: dict[str, object] = {title: round(result.mean(kind, f"f1_{name}")[0], 4) for title, kind in kinds.items()}
    gaps = {"gap": (MIXTURE, "f1"), "gap as drawn": (DRAWN, "f1"), "gap of AUC-PR": (MIXTURE, "ap")}
    for title, (kind, field) in gaps.items():
        means[title] = [round(part, 4) for part in result.gap(kind, f"{field}_{name}")]
    return {**means, "mean size of gap": round(result.apart(MIXTURE, f"f1_{name}")[0], 4)}


def _near_of(result: Result, field: str) -> dict[str, float]:
    return {name: round(result.mean(name, field)[0], 4) for name in (MIXTURE, DRAWN, UNTOUCHED)}


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["validation", *LABELLED]
    parser.add_argument("--sets", nargs="+", default=names, choices=names)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=24, help="number of validation cases")
    parser.add_argument("--out", type=Path, help="keeps swap_test.csv and goes on from it; a temporary one when absent")
    return parser.parse_args()


def main() -> None:
    given = read_options()
    torch.set_num_threads(1)
    cases, skipped = load(given.sets, given.cases)
    with tempfile.TemporaryDirectory() as temporary:
        cells = run(cases, given.seeds, Table((given.out or Path(temporary)) / "swap_test.csv", Cell, KEY))
    results = {key: Result([cell for cell in cells if cell.set == key]) for key in dict.fromkeys(c.set for c in cells)}
    show(results)
    print(json.dumps(claim(results, skipped, given.seeds)))


if __name__ == "__main__":
    run_main(main)
