"""What does each member of the label-free ensemble find alone, and what does the ensemble lose without it?

One fit a series and a seed; all rows come from the same points' scores: the blend with the weights of the trial, the
blend with equal weights, each member alone, the blend without each of its members, and with each of those that are not
in it. The protocol is that of ``protocol.py``; ``--validate`` takes the validation suite instead, on which settings are
chosen, by family and by narrow and wide labels.

    RL_TSAD_DATA=... python benchmarks/ensemble.py --sets nab smap skab --seeds 3 --out FOLDER

With --out a run goes on where it was left: ``ensemble.csv`` there has a row for each series and seed, and those that a
change of code or settings made stale are dropped. Prints the mean VUS-PR of each variant with 95 % bootstrap intervals
over series and seeds. ``--unknown`` leaves ``detector.healthy`` off, as it is for users who say nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from detection.summary import family, interval
from peers.ours import WINDOWS, configured, fitted
from peers.registry import PEERS
from protocol import SETS, TARGETS, Case, run_main
from rich.progress import track
from validation import SET, load_suite, widened

from rl_tsad.config import MEMBERS
from rl_tsad.data.windows import make_windows
from rl_tsad.evaluation.volume import vus_pr
from rl_tsad.types import Float32, Int8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sets", nargs="+", choices=sorted(SETS), default=["nab", "smap", "skab"], help="labelled sets"
    )
    parser.add_argument("--seeds", type=int, default=3, help="of networks, samples and trials")
    parser.add_argument("--validate", action="store_true", help="the validation suite instead of the sets")
    parser.add_argument("--suite", type=int, default=0, help="seed of the validation suite: another one, other cases")
    parser.add_argument("--unknown", action="store_true", help="as if nothing were known of what is fitted on")
    parser.add_argument("--out", type=Path, help="goes on from this folder; a temporary one when absent")
    options = parser.parse_args()
    if not options.validate and "RL_TSAD_DATA" not in os.environ:
        print(json.dumps({"claim": "ensemble", "skipped": "RL_TSAD_DATA names no folder of labelled data"}))
        return
    torch.set_num_threads(1)
    name = f"ensemble-validation-{options.suite}.csv" if options.validate else "ensemble.csv"
    measured = (case for name in options.sets for case in SETS[name]())
    cases = load_suite(options.suite) if options.validate else list(measured)
    if options.unknown:
        name, cases = f"unknown-{name}", [replace(case, healthy=False) for case in cases]
    with tempfile.TemporaryDirectory() as temporary:
        table = measure_all(cases, options.seeds, (options.out or Path(temporary)) / name)
    asked = table.set.isin([column for case in cases for column, _ in columns_of(case)])
    report(table[asked & (table.seed < options.seeds)])


def measure_all(cases: list[Case], seeds: int, file: Path) -> pd.DataFrame:
    """Measure what the file lacks, and keep it after each series."""
    version = PEERS["rl-tsad"].version
    table = pd.read_csv(file) if file.exists() else pd.DataFrame(columns=["set", "series", "seed", "version"])
    table = table[table.version == version]
    done = set(zip(table.set, table.series, table.seed, strict=True))
    wanted = sorted(((case, seed) for case in cases for seed in range(seeds)), key=lambda pair: (pair[0].set, pair[1]))
    todo = [(case, seed) for case, seed in wanted if (columns_of(case)[0][0], case.name, seed) not in done]
    file.parent.mkdir(parents=True, exist_ok=True)
    for case, seed in track(todo, description="ensemble"):
        same = {"series": case.name, "seed": seed, "version": version}
        fresh = pd.DataFrame([{"set": column, **same, **row} for column, row in measure(case, seed).items()])
        table = pd.concat([table, fresh], ignore_index=True) if len(table) else fresh
        draft = file.with_suffix(".draft")
        table.to_csv(draft, index=False, float_format="%.5f")
        draft.replace(file)
    return table


def columns_of(case: Case) -> list[tuple[str, Int8]]:
    """Name the columns of the table that a case counts in, with its truth there: a validation case counts in two."""
    if case.set != SET:
        return [(case.set, case.truth)]
    return [(family(case.name), case.truth), (f"{family(case.name)} wide", widened(case.truth))]


def measure(case: Case, seed: int) -> dict[str, dict[str, float]]:
    """Give the VUS-PR of each variant, by column."""
    task = case.task()
    detector = fitted(task, seed, configured(task))
    scores = detector.score_points(task.series, make_windows(task.series, WINDOWS))
    found = variants(scores.members, detector.known[task.series.name].weights)
    return {
        column: {name: vus_pr(truth, score, case.window) for name, score in found.items()}
        for column, truth in columns_of(case)
    }


def variants(members: Float32, weights: Float32) -> dict[str, Float32]:
    """Give the score (T,) of each variant."""
    used = weights > 0
    result = {"blend": members @ weights, "equal weights": members[:, used].mean(axis=1)}
    result |= {f"only {name}": members[:, place] for place, name in enumerate(MEMBERS)}
    for place, name in enumerate(MEMBERS):
        other = weights.copy()
        other[place] = 0 if used[place] else weights[used].mean()
        result[f"{'without' if used[place] else 'with'} {name}"] = members @ (other / other.sum()).astype(np.float32)
    return result


def report(table: pd.DataFrame) -> None:
    names = [name for name in table.columns if name not in {"set", "series", "seed", "version"}]
    sets = list(dict.fromkeys(table.set))
    print(f"{'variant':26}" + "".join(f"{name:>24}" for name in [*sets, "mean"]))
    values = {}
    for name in names:
        cells = []
        for each in sets:
            by_series = table[table.set == each].groupby("series")[name].apply(list).tolist()
            mean, (low, high) = float(np.mean([np.mean(own) for own in by_series])), interval(by_series)
            values.setdefault(name, {})[each] = round(mean, 4)
            cells.append(f"{mean:.3f} [{low:.3f}, {high:.3f}]")
        cells.append(f"{np.mean(list(values[name].values())):.3f}")
        print(f"{name:26}" + "".join(f"{cell:>24}" for cell in cells))
    print(json.dumps({"claim": "mean VUS-PR of the ensemble", "value": values["blend"], "targets": TARGETS}))


if __name__ == "__main__":
    run_main(main)
