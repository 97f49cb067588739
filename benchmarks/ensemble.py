"""What does each member of the label-free ensemble find alone, and what does the ensemble lose without it?

One fit a series and a seed; all rows come from the same points' scores: the blend with the weights of the trial, the
blend with equal weights, each member alone, and the blend without each member. The protocol is that of ``protocol.py``;
``--validate`` takes the validation suite instead, on which settings are chosen.

    RL_TSAD_DATA=... python benchmarks/ensemble.py --sets nab smap skab --seeds 3

Writes ``ensemble.csv`` (one row a series, seed and variant; finished ones are read back) and prints the mean VUS-PR of
each variant with 95 % bootstrap intervals over series and seeds.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from detection.summary import interval
from peers.ours import CONFIG, WINDOWS, fitted
from peers.registry import PEERS
from protocol import SETS, TARGETS, Case
from rich.progress import track
from validation import load_validation

from rl_tsad.config import MEMBERS
from rl_tsad.data.windows import make_windows
from rl_tsad.evaluation.volume import vus_pr
from rl_tsad.types import Float32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=["nab", "smap", "skab"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--validate", action="store_true", help="the validation suite instead of the sets")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    if not options.validate and "RL_TSAD_DATA" not in os.environ:
        print(json.dumps({"claim": "ensemble", "skipped": "RL_TSAD_DATA names no folder of labelled data"}))
        return
    torch.set_num_threads(1)
    file = options.out / ("ensemble-validation.csv" if options.validate else "ensemble.csv")
    cases = load_validation() if options.validate else [case for name in options.sets for case in SETS[name]()]
    table = measure_all(cases, options.seeds, file)
    report(table)


def measure_all(cases: list[Case], seeds: int, file: Path) -> pd.DataFrame:
    """Measure what the file lacks, and keep it after each series."""
    version = PEERS["rl-tsad"].version
    table = pd.read_csv(file) if file.exists() else pd.DataFrame(columns=["set", "series", "seed", "version"])
    table = table[table.version == version]
    done = set(zip(table.set, table.series, table.seed, strict=True))
    wanted = sorted(((case, seed) for case in cases for seed in range(seeds)), key=lambda pair: (pair[0].set, pair[1]))
    todo = [(case, seed) for case, seed in wanted if (case.set, case.name, seed) not in done]
    file.parent.mkdir(parents=True, exist_ok=True)
    for case, seed in track(todo, description="ensemble"):
        rows = measure(case, seed)
        fresh = pd.DataFrame([{"set": case.set, "series": case.name, "seed": seed, "version": version, **rows}])
        table = pd.concat([table, fresh], ignore_index=True) if len(table) else fresh
        draft = file.with_suffix(".draft")
        table.to_csv(draft, index=False, float_format="%.5f")
        draft.replace(file)
    return table


def measure(case: Case, seed: int) -> dict[str, float]:
    """Give the VUS-PR of each variant."""
    task = case.task()
    detector = fitted(task, seed, CONFIG)
    scores = detector.score_points(task.series, make_windows(task.series, WINDOWS))
    weights = detector.known[task.series.name].weights
    return {name: vus_pr(case.truth, score, case.window) for name, score in variants(scores.members, weights).items()}


def variants(members: Float32, weights: Float32) -> dict[str, Float32]:
    """Give the score (T,) of each variant."""
    used = weights > 0
    result = {"blend": members @ weights, "equal weights": members[:, used].mean(axis=1)}
    result |= {f"only {name}": members[:, place] for place, name in enumerate(MEMBERS)}
    for place, name in enumerate(MEMBERS):
        without = np.where(np.arange(len(MEMBERS)) == place, 0, weights)
        result[f"without {name}"] = members @ (without / without.sum()).astype(np.float32)
    return result


def report(table: pd.DataFrame) -> None:
    names = [name for name in table.columns if name not in {"set", "series", "seed", "version"}]
    sets = list(dict.fromkeys(table.set))
    print(f"{'variant':26}" + "".join(f"{name:>24}" for name in sets))
    values = {}
    for name in names:
        cells = []
        for each in sets:
            by_series = table[table.set == each].groupby("series")[name].apply(list).tolist()
            mean, (low, high) = float(np.mean([np.mean(own) for own in by_series])), interval(by_series)
            values.setdefault(name, {})[each] = round(mean, 4)
            cells.append(f"{mean:.3f} [{low:.3f}, {high:.3f}]")
        print(f"{name:26}" + "".join(f"{cell:>24}" for cell in cells))
    print(json.dumps({"claim": "mean VUS-PR of the ensemble", "value": values["blend"], "targets": TARGETS}))


if __name__ == "__main__":
    main()
