"""Claim: after calibration on written anomalies a severity is the share of anomalies among windows that sound so.

    python benchmarks/severity_meaning.py [--worlds plants,nab,skab] [--plants 20] [--seeds 3]

Severities by the embedded language model and by the rule (``statistics``), as judged and as calibrated on copies of
the pool into which anomalies are written. They are read on other copies (``written``, other places and kinds by another
seed) and, for the real thing, on windows of the test part with their truth (``true``). Error is the expected
calibration error in ten equally filled bins (Naeini et al., AAAI 2015) with both classes weighing the same, as a
severity means to say; Brier score beside it; average precision does not change but for ties. Means over worlds with 95
% intervals by bootstrap over plants or seeds. CPU only; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from agent_cases import POOL, read_world
from sklearn.metrics import average_precision_score

from rl_tsad.config import Settings
from rl_tsad.data.windows import make_windows, window_truth
from rl_tsad.detector.rehearse import fit_cost, write_copies
from rl_tsad.language.calibration import calibrate, fit_calibration
from rl_tsad.language.severity import habit_of, severities
from rl_tsad.language_config import LanguageConfig
from rl_tsad.seeding import derive_seed
from rl_tsad.services.pools import split_windows
from rl_tsad.services.sounding import copies_to_learn_from
from rl_tsad.types import Float32, Float64, Int8, Windows

BINS = 10
Judged = tuple[Float32, Int8]


def measures(severity: Float32, truth: Int8) -> dict[str, float]:
    """Give calibration error, Brier score (both classes weighing the same) and average precision."""
    found = truth == 1
    weights = np.where(found, 0.5 / found.mean(), 0.5 / (1 - found.mean()))
    order = np.argsort(severity, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    place = np.minimum((share * BINS).astype(int), BINS - 1)
    error = 0.0
    for number in range(BINS):
        own = order[place == number]
        if len(own):
            mean = np.average(severity[own], weights=weights[own]) - np.average(found[own], weights=weights[own])
            error += abs(mean) * weights[own].sum() / weights.sum()
    brier = float(np.average((severity - found) ** 2, weights=weights))
    return {"error": float(error), "brier": brier, "ap": float(average_precision_score(found, severity))}


def judge(name: str, seed: int, config: LanguageConfig, cache: Path) -> dict[str, Judged]:
    """Give severities and truth: of copies to learn from, of other copies, of the test."""
    series, settings = read_world(name), Settings(seed=seed)
    windows = [make_windows(one, settings.window) for one in series]
    settings = settings.model_copy(update={"split": replace(settings.split, pool_fraction=POOL)})
    split = split_windows(series, windows, settings)
    by_name = {one.name: one for one in series}
    habits = {its.series: habit_of(by_name[its.series], its) for its in split.pool}

    def of(its: Windows, recorded: object = None) -> Judged:
        one = recorded or by_name[its.series]
        return severities(one, its, config, habit=habits[its.series], cache=cache), window_truth(one, its)

    writing = copies_to_learn_from(settings.detector.rehearsal)
    count, kept = fit_cost(split.pool, writing)
    found: dict[str, list[Judged]] = {"learnt": [], "written": [], "true": [of(its) for its in split.test]}
    for part in ("learnt", "written"):
        for its in (one for one in kept if len(one)):
            seeded = derive_seed(seed, part)
            bare = by_name[its.series]
            copies = write_copies(bare, its, writing, copies=count, seed=seeded)
            found[part] += [of(laid, changed) for changed, laid in copies]
    joined = {}
    for part, pairs in found.items():
        joined[part] = (np.concatenate([one for one, _ in pairs]), np.concatenate([truth for _, truth in pairs]))
    return joined


def interval(values: Float64) -> tuple[float, float, float]:
    """Give the mean and its 95 % interval by bootstrap."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    return float(values.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def tabulate(group: str, runs: list[tuple[str, int]], backend: str, cache: Path) -> dict[str, list[float]]:
    """Measure one backend on one group of worlds, and print it."""
    config, rows, table = LanguageConfig(backend=backend), [], {}
    for name, seed in runs:
        found = judge(name, seed, config, cache)
        line = fit_calibration(*found["learnt"])
        for part in ("written", "true"):
            severity, truth = found[part]
            if 0 < truth.sum() < len(truth):
                rows.append((part, "as judged", measures(severity, truth)))
                rows.append((part, "calibrated", measures(calibrate(severity, line), truth)))
    for part, how in product(("written", "true"), ("as judged", "calibrated")):
        text = f"{group:7s}{backend:11s}{part:8s}{how:11s}"
        for what in ("error", "brier", "ap"):
            mean, low, high = interval(np.array([one[what] for own, way, one in rows if (own, way) == (part, how)]))
            table[f"{group} {backend} {part} {how} {what}"] = [round(mean, 3), round(low, 3), round(high, 3)]
            text += f"  {what} {mean:.3f} [{low:.3f}, {high:.3f}]"
        print(text, flush=True)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", default="plants,nab,skab")
    parser.add_argument("--plants", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3, help="of each real set")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for group, backend in product(options.worlds.split(","), ("embedded", "statistics")):
            plants = [(f"plant-{number}", 0) for number in range(options.plants)]
            runs = plants if group == "plants" else [(group, seed) for seed in range(options.seeds)]
            table |= tabulate(group, runs, backend, Path(folder) / "language.db")
    print(json.dumps({"claim": "a calibrated severity is a share of anomalies", "value": table}))


if __name__ == "__main__":
    main()
