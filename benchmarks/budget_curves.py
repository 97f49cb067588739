"""Claim: what questions buy on NAB, SKAB and SMAP, the agent beside its controls in the same run.

Reads the labelled sets from the folder that RL_TSAD_DATA names. Usage:

    python benchmarks/budget_curves.py [--seeds 3] [--out FOLDER] [--sets nab,skab,smap]

Protocol: pool = the earlier 60 % of each series, test = the rest after a gap of one window, never asked. Means over
seeds with 95 % bootstrap intervals. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from rl_tsad.config import Settings
from rl_tsad.evaluation.budget import BudgetCurve, Measurement, budget_curves
from rl_tsad.services.measuring import METHODS
from rl_tsad.services.publishing import AGENT, FOREST
from rl_tsad.services.simulate import Study, read_material, run_study
from rl_tsad.settings import load_settings

METRICS = ("point_f1", "event_f1", "auc_pr")
AT = 50


def run(name: str, folder: Path, study: Study, settings: Settings) -> list[Measurement]:
    material = read_material(Path(os.environ["RL_TSAD_DATA"]) / name, folder)
    started = time.process_time()
    rows = run_study(material, folder / name, study, settings)
    print(f"\n{name}: {len(material)} series, {time.process_time() - started:.0f} CPU-s")
    return rows


def show(curves: list[BudgetCurve]) -> None:
    for curve in curves:
        cells = zip(curve.budgets, curve.mean, curve.low, curve.high, strict=True)
        print(
            f"  {curve.method:24}{curve.metric:10}",
            *(f"{budget:.0f}: {mean:.3f} [{low:.3f}, {high:.3f}]" for budget, mean, low, high in cells),
            sep="  ",
        )


def at_budget(rows: list[Measurement], method: str) -> float:
    own = [row.metrics["event_f1"] for row in rows if row.method == METHODS[method] and row.budget == AT]
    return sum(own) / len(own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="keeps the runs and goes on from them; a temporary folder when absent")
    parser.add_argument("--sets", default="nab,skab,smap")
    given = parser.parse_args()
    if "RL_TSAD_DATA" not in os.environ:
        print(json.dumps({"claim": "budget curves", "skipped": "RL_TSAD_DATA names no folder of labelled data"}))
        sys.exit(0)
    study, rows = Study(seeds=given.seeds), []
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.sets.split(","):
            found = run(name, given.out or Path(temporary), study, load_settings())
            show(budget_curves(found, METRICS))
            rows += found
    value, peer = at_budget(rows, AGENT), at_budget(rows, FOREST)
    claim = f"event F1 at {AT} questions, mean over sets and seeds: PPO agent beside random forest with margin queries"
    print(json.dumps({"claim": claim, "value": value, "peer": peer, "ratio": value / peer, "seeds": given.seeds}))


if __name__ == "__main__":
    main()
