"""Claim: 10^5 windows are described and embedded at 300 windows a CPU-second or more; no sentence is embedded twice.

    python benchmarks/language_speed.py [--windows 100000] [--seeds 3]

Simulated plants of eight channels on one core: windows of 64 points become sentences (channels unnamed, as severities
are judged) and their distinct sentences vectors of the embedded MiniLM, from an empty cache. Beside it the same model
on a sample of the windows' sentences without looking for equal ones. Then the same windows again, from the cache, and
what a language model that writes would need before it is asked: shapes, the choice of 200 questions, and inheriting.
CPU seconds; median and range over seeds. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rl_tsad.config import WindowConfig
from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.data.windows import make_windows
from rl_tsad.language.asked import Told, plan_questions, spread_severities
from rl_tsad.language.backend import embedder
from rl_tsad.language.describe import describe
from rl_tsad.language.severity import habit_of, severities
from rl_tsad.language_config import LanguageConfig
from rl_tsad.types import Series, Windows

SAMPLE, QUESTIONS, TARGET = 400, 200, 300.0


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Do it, and give CPU seconds."""
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def recording(windows: int, seed: int) -> tuple[Series, Windows]:
    """Simulate a plant that gives about as many windows."""
    points = 8 * windows + 64
    plant = PlantConfig(points=points, faults=points // 400, stops=points // 1500)
    series = simulate_plant(plant, seed=seed, name=f"plant-{seed}").series
    return series, make_windows(series, WindowConfig())


def measure(windows: int, seed: int) -> dict[str, float]:
    """Measure one plant; rates in windows a CPU-second."""
    series, its = recording(windows, seed)
    model = embedder(LanguageConfig())
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "language.db"
        _, first = timed(lambda: severities(series, its, LanguageConfig(), cache=cache))
        _, again = timed(lambda: severities(series, its, LanguageConfig(), cache=cache))
    habit = habit_of(series, its)
    texts, described = timed(
        lambda: [
            text
            for low in range(0, len(its), 2048)
            for text in describe(its.values[low : low + 2048], habit.scale, series.channels, habit=habit)
        ]
    )
    rows = np.random.default_rng(seed).choice(len(texts), SAMPLE, replace=False)
    _, plain = timed(lambda: model.embed([texts[row] for row in rows]))
    pool = np.ones(len(its), np.bool_)
    plan, planned = timed(lambda: plan_questions([Told(series, its, pool)], LanguageConfig(), values=True))
    answers = np.random.default_rng(seed).random(len(plan.asked)).astype(np.float32)
    every = np.ones(len(answers), np.bool_)
    _, inherited = timed(lambda: spread_severities(plan, every, answers))
    return {
        "windows": float(len(its)),
        "distinct sentences": float(len(set(texts))),
        "described and embedded": len(its) / first,
        "again, from the cache": len(its) / again,
        "described only": len(its) / described,
        "embedded one by one": SAMPLE / plain,
        "times faster": (len(its) / first) / (1 / (1 / (SAMPLE / plain) + described / len(its))),
        "questions chosen and written, CPU-s": planned,
        "inherited, CPU-s": inherited,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(options.windows, seed) for seed in range(options.seeds)]
    value = {}
    for name in rows[0]:
        every = [row[name] for row in rows]
        value[name] = [round(float(np.median(every)), 2), round(min(every), 2), round(max(every), 2)]
        print(f"{name:38s} {value[name][0]:12.2f}  [{value[name][1]:.2f}, {value[name][2]:.2f}]")
    met = value["described and embedded"][1] >= TARGET
    print(json.dumps({"claim": f"at least {TARGET:g} windows a CPU-second", "met": bool(met), "value": value}))


if __name__ == "__main__":
    main()
