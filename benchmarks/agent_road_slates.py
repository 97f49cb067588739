"""Road 6, slates: is a batch of questions better chosen jointly than from the mixed queue, and what could be gained?

    python benchmarks/agent_road_slates.py --out FOLDER [--choose]

Questions are about events and asked in batches of ten; after each batch the belief is learnt anew. On the plants 0-39:

* ``mixed``: the queue that ships: undecided, top-scored and unfamiliar windows take turns, apart in time;
* ``facility``: greedy facility location: the slate to which the pool's undecided and suspected windows are most
  similar (Wei, Iyer & Bilmes, "Submodularity in data subset selection and active learning", ICML 2015);
* ``determinant``: greedy maximum of a determinantal point process (Chen, Zhang & Zhou, NeurIPS 2018): worth and
  dissimilarity at once, given all that was asked before;
* ``one by one``: the mixed queue with a new belief after every question: what a perfect slate has to aim for.

The two joint ones score a window by p^a * entropy(p)^b; ``--choose`` compares (a, b) on the plants 100-119, where the
constants below come from. Figures are utility per 1000 windows and composite F1, and differences to ``mixed`` with 95 %
bootstrap intervals over plants. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from agent import Method, ask, learn_ours
from agent_bench import Analyst, Bench
from agent_cases import CHOICE, PLANTS, load_world
from agent_tables import interval

from rl_tsad.active.neighbours import standardise
from rl_tsad.active.uncertainty import entropy
from rl_tsad.agent.alarms import run_rule
from rl_tsad.agent.chain import ChainConfig
from rl_tsad.agent.control import default_rule
from rl_tsad.config import ActiveConfig
from rl_tsad.decision_config import ControlConfig
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float32, Float64, Int64

BATCH, ROUNDS = 10, (10, 20, 30)
WEIGHTS = {"facility": (0.0, 1.0), "determinant": (0.5, 0.5)}
TRIED = ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0), (1.0, 1.0))
CHAIN = Method(learn_ours(ChainConfig()), True, ActiveConfig())
CYCLE = ("margin", "top", "diverse", "margin", "top")
Slate = Callable[[Float64, Float64, Int64, int], list[int]]
"""Picks rows of the pool, of their worth (N,), kernel (N, N), those asked before and how many are wanted."""


def turn(number: int) -> Method:
    """Give the chain that asks the mixed queue's n-th question alone: a batch of one would always be undecided."""
    shares = dict.fromkeys(CYCLE, 0.0) | {CYCLE[number % len(CYCLE)]: 1.0}
    return replace(CHAIN, selection=ActiveConfig(**shares))


def facility(worth: Float64, kernel: Float64, asked: Int64, count: int) -> list[int]:
    """Pick the slate that stands for the most worth."""
    best = kernel[:, asked].max(axis=1) if len(asked) else np.zeros(len(worth))
    free, picks = np.ones(len(worth), np.bool_), []
    free[asked] = False
    for _ in range(min(count, int(free.sum()))):
        gain = worth @ np.maximum(kernel - best[:, None], 0.0)
        pick = int(np.where(free, gain, -np.inf).argmax())
        picks.append(pick)
        free[pick], best = False, np.maximum(best, kernel[:, pick])
    return picks


def determinant(worth: Float64, kernel: Float64, asked: Int64, count: int) -> list[int]:
    """Pick the slate of the greatest determinant, given what was asked: by Cholesky's steps, one row a pick."""
    left, rows = np.ones(len(worth)), np.zeros((0, len(worth)))
    free, picks = np.ones(len(worth), np.bool_), []
    for turn in range(len(asked) + min(count, len(worth) - len(asked))):
        given = turn < len(asked)
        pick = int(asked[turn]) if given else int(np.where(free, np.log(worth) + np.log(left), -np.inf).argmax())
        row = (kernel[pick] - rows[:, pick] @ rows) / np.sqrt(left[pick])
        left, rows = np.maximum(left - row**2, 1e-9), np.concatenate([rows, row[None]])
        free[pick] = False
        if not given:
            picks.append(pick)
    return picks


def ask_slate(bench: Bench, analyst: Analyst, score: Float32, until: int, slate: Slate, *, a: float, b: float) -> None:
    """Ask a slate; what another answer of it took in is filled up by the next slate."""
    pool = np.flatnonzero(bench.world.pool)
    points = standardise(np.concatenate([one.features for one in bench.pool])).astype(np.float64)
    apart = ((points[:, None] - points[None]) ** 2).mean(axis=2)
    kernel = np.exp(-apart / np.median(apart)) * (1 - 1e-6) + 1e-6 * np.eye(len(pool))
    p = (1.0 / (1.0 + np.exp(-score[pool]))).astype(np.float32)
    worth = np.maximum(p.astype(np.float64), 1e-6) ** a * np.maximum(entropy(p).astype(np.float64), 1e-6) ** b
    while analyst.questions < until:
        asked = np.flatnonzero([row in analyst.labels for row in pool.tolist()])
        picks = slate(worth, kernel, asked, until - analyst.questions)
        if not picks:
            return
        for row in pool[picks].tolist():
            if row not in analyst.labels and analyst.questions < until:
                analyst.answer_event(row, score)


def play(bench: Bench, name: str, weights: tuple[float, float] | None = None) -> Float64:
    """Ask batch by batch; give utility and F1 after each budget, (len(ROUNDS), 2)."""
    analyst, found = Analyst(bench.world, bench.episode), []
    step = 1 if name == "one by one" else BATCH
    for budget in range(0, ROUNDS[-1] + 1, step):
        score, _, _ = CHAIN.learn(bench, bench.targets(analyst), 0, False)
        if budget in ROUNDS:
            told = bench.judge(run_rule(default_rule(ControlConfig()), score, bench.episode))
            found.append((told["utility"], told["event_f1"]))
        if name in WEIGHTS:
            a, b = weights or WEIGHTS[name]
            slate = {"facility": facility, "determinant": determinant}[name]
            ask_slate(bench, analyst, score, budget + step, slate, a=a, b=b)
        else:
            ask(bench, analyst, turn(budget) if step == 1 else CHAIN, score, budget + step, 0)
    return np.array(found)


def measure(play_one: Callable[[Bench], Float64], names: Sequence[str], out: Path) -> Float64:
    """Play on worlds, (W, len(ROUNDS), 2)."""
    return np.stack([play_one(Bench.of(load_world(name, out / "worlds"))) for name in names])


def show(name: str, values: Float64, other: Float64) -> dict[str, object]:
    """Print means, and differences to the mixed queue."""
    facts: dict[str, object] = {}
    for place, what in enumerate(("utility", "f1")):
        cells = values[..., place].mean(axis=0).round(3).tolist()
        gain = [interval(one.tolist(), derive_rng(0, "bootstrap")) for one in (values - other)[..., place].T]
        more = [[round(x, 3) for x in each] for each in gain]
        mean = interval((values - other)[..., place].mean(axis=1).tolist(), derive_rng(0, "bootstrap"))
        facts[what] = {"cells": cells, "more than mixed": more, "over budgets": [round(x, 3) for x in mean]}
        print(f"{name:30}{what:8} {cells}  more {more}  mean {[round(x, 3) for x in mean]}", flush=True)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/agent"), help="folder of worlds")
    parser.add_argument("--choose", action="store_true", help="compare settings on the plants for choosing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names, facts = CHOICE if options.choose else PLANTS, {}
    mixed = measure(partial(play, name="mixed"), names, options.out)
    facts["mixed"] = show("mixed", mixed, mixed)
    for name in WEIGHTS:
        for weights in TRIED if options.choose else (WEIGHTS[name],):
            values = measure(partial(play, name=name, weights=weights), names, options.out)
            facts[f"{name} {weights}"] = show(f"{name} {weights}", values, mixed)
    if not options.choose:
        facts["one by one"] = show("one by one", measure(partial(play, name="one by one"), names, options.out), mixed)
    print(f"{time.process_time():.0f} CPU-s")
    print(json.dumps({"claim": "slates of questions", "value": facts}))


if __name__ == "__main__":
    main()
