"""Road: does it pay to learn what one answer earns? Learnt on simulated plants, played on others.

    python benchmarks/agent_gain.py --out FOLDER [--worlds plant-115,...] [--methods mixed,gain f1,...]

Learning active learning (Konyushkova, Sznitman & Fua, "Learning active learning from data", NIPS 2017): on the plants
100-114, after 0 to 40 questions picked half by the mixed queue and half by chance, one more question is answered, the
belief is fitted anew, and a regression (gradient boosting) learns what that changed from scalars of the asked window
(``rl_tsad.active.gain.NAMES``). Its picks are greedy: the window of the highest expected gain, then the next with that
one counted as asked. What is expected: the change of the test's event F1 (``gain f1``), of the AP of all unanswered
windows (``gain ap``), or the sum of both (``gain both``). Plants 115-119 say which is worth judging on other worlds.
The one for AP is written to FOLDER/gain.safetensors; the package ships it for ``active.rule = "gain"``.

Loop, worlds and F1 as in ``agent.py``. The last line is one JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from agent import Method, ask, learn_ours, read_options, run_cells
from agent_bench import Analyst, Bench
from agent_cases import CHOICE, load_world
from agent_questions import pick_random
from agent_tables import show_means, show_pairs
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import average_precision_score

from rl_tsad.active.gain import NAMES, Facts, Trees
from rl_tsad.active.neighbours import standardise
from rl_tsad.active.select import Pick, select
from rl_tsad.agent.chain import ChainConfig
from rl_tsad.config import ActiveConfig
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Bool, Float32, Int64, Keys, parse_key, rows_of

LEARN = learn_ours(ChainConfig(), actors=False)
TAUGHT = CHOICE[:15]
BEFORE = (0, 5, 10, 20, 40)
"""Questions before the one that is measured."""
TIMES, CANDIDATES = 3, 8
RATE = 0.05


def facts_of(keys: Keys, probability: Float32, prior: Float32, embedding: Float32, asked: Int64) -> Facts:
    """Gather the facts of every window of a pool."""
    parts = [parse_key(key) for key in keys.tolist()]
    series = np.unique([name for name, _, _ in parts], return_inverse=True)[1].astype(np.int64)
    position = np.array([start // 8 for _, start, _ in parts], dtype=np.int64)
    every = np.arange(len(keys))
    return Facts(probability, prior, standardise(embedding), series, position, asked=asked, kept=every)


def collect(name: str, out: Path) -> pd.DataFrame:
    """Measure what single answers earned on a plant, or read what an earlier run kept."""
    file = out / "gains" / f"{name}.csv"
    if not file.exists():
        bench = Bench.of(load_world(name, out / "worlds"))
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = [row for seed in range(TIMES) for row in _measure(bench, seed)]
        pd.DataFrame(rows).to_csv(file, index=False, float_format="%.6g")
        print(file.stem, flush=True)
    return pd.read_csv(file)


def _measure(bench: Bench, seed: int) -> Iterator[dict[str, float]]:
    analyst, rng = Analyst(bench.world, bench.episode), derive_rng(seed, "gain", bench.world.name)
    pool = np.flatnonzero(bench.world.pool)
    for before in BEFORE:
        for some in range(analyst.questions + 5, before + 1, 5):
            score = LEARN(bench, bench.targets(analyst), seed, False)[0]
            picked = select if rng.random() < 0.5 else pick_random
            ask(bench, analyst, Method(LEARN, True, pick=picked), score, some, int(rng.integers(2**31)))
        score, alarms, _ = LEARN(bench, bench.targets(analyst), seed, False)
        probability = (1.0 / (1.0 + np.exp(-score[pool]))).astype(np.float32)
        given = (bench.keys[pool], probability, *_seen(bench))
        asked = {str(bench.keys[row]) for row in analyst.labels}
        facts = facts_of(*given, rows_of(bench.keys[pool], sorted(asked)))
        some = {"asked": asked, "config": ActiveConfig(), "count": CANDIDATES // 2}
        picks = [*select(*given, **some, seed=seed), *pick_random(*given, **some, seed=int(rng.integers(2**31)))]
        rows = {pick.row for pick in picks}
        table = facts.table()
        for row in sorted(rows):
            after = Analyst(bench.world, bench.episode, dict(analyst.labels))
            after.answer_event(int(pool[row]), score)
            then, thens, _ = LEARN(bench, bench.targets(after), seed, False)
            yield dict(zip(NAMES, table[row].tolist(), strict=True)) | {
                "f1": bench.judge(thens["agent"])["event_f1"] - bench.judge(alarms["agent"])["event_f1"],
                "ap": _ap(bench, then, after) - _ap(bench, score, after),
                "before": before,
            }


def _seen(bench: Bench) -> tuple[Float32, Float32]:
    return np.concatenate([one.prior for one in bench.pool]), np.concatenate([one.features for one in bench.pool])


def _ap(bench: Bench, score: Float32, analyst: Analyst) -> float:
    rest: Bool = bench.world.pool | bench.world.test
    rest[list(analyst.labels)] = False
    truth = bench.world.truth[rest]
    return float(average_precision_score(truth, score[rest])) if truth.any() else 0.0


def teach(table: pd.DataFrame, target: str) -> Trees:
    """Fit what an answer earns; single gains are clipped, since few of them carry most of the variance."""
    value = (table["f1"] + table["ap"] if target == "both" else table[target]).clip(-0.3, 0.3)
    model = GradientBoostingRegressor(
        n_estimators=60, learning_rate=RATE, max_leaf_nodes=6, min_samples_leaf=30, subsample=0.5, random_state=0
    )
    model.fit(table[list(NAMES)].to_numpy(), value.to_numpy())
    grown = [one.tree_ for one in model.estimators_[:, 0]]
    size = max(tree.node_count for tree in grown)

    def padded(parts: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([np.pad(part, (0, size - len(part))) for part in parts])

    def following(side: str) -> np.ndarray:
        parts = [getattr(tree, side) for tree in grown]
        return padded(np.where(part < 0, np.arange(len(part)), part) for part in parts)  # a leaf stays

    return Trees(
        feature=np.maximum(padded(tree.feature for tree in grown), 0).astype(np.int64),
        threshold=padded(tree.threshold for tree in grown),
        left=following("children_left"),
        right=following("children_right"),
        value=RATE * padded(tree.value[:, 0, 0] for tree in grown),
        start=np.ravel(model.init_.constant_).astype(np.float64),
    )


def picker(trees: Trees) -> Callable[..., list[Pick]]:
    """Pick greedily by expected gain, as ``active.rule = "gain"`` does, with a regression of one's own."""

    def pick(*given: object, config: ActiveConfig, **rest: object) -> list[Pick]:
        with patch("rl_tsad.active.select.load_trees", lambda: trees):
            return select(*given, config=replace(config, rule="gain"), **rest)

    return pick


def main() -> None:
    torch.set_num_threads(1)
    methods = {
        "mixed": Method(LEARN, True),
        **{f"gain {target}": Method(LEARN, True) for target in ("f1", "ap", "both")},
    }
    options = read_options(__doc__, methods)
    table = pd.concat([collect(name, options.out) for name in TAUGHT])
    print(table.groupby("before")[["f1", "ap"]].agg(["mean", "std"]).round(4).to_string())
    for target in ("f1", "ap", "both"):
        trees = teach(table, target)
        methods[f"gain {target}"] = Method(LEARN, True, pick=picker(trees))
        if target == "ap":
            trees.write(options.out / "gain.safetensors")
    played = run_cells(methods, options)
    show_means(played)
    pairs = {f"{name} - mixed": ((name, "agent"), ("mixed", "agent")) for name in methods if name != "mixed"}
    print(json.dumps({"claim": "what a learned one-ask gain adds", "value": show_pairs(played, pairs)}))


if __name__ == "__main__":
    main()
