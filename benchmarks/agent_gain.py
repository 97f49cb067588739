"""Road: does it pay to learn what one answer earns? Learnt on simulated plants, played on others.

    python benchmarks/agent_gain.py --out FOLDER [--worlds plant-115,...] [--methods mixed,gain f1,...]

Learning active learning (Konyushkova, Sznitman & Fua, "Learning active learning from data", NIPS 2017): on the plants
100-114, after 0 to 40 questions picked half by the mixed queue and half by chance, one more question is answered, the
belief is fitted anew, and a regression (histogram gradient boosting) learns what that changed from scalars of the asked
window (``NAMES``). Its picks are greedy: the window of the highest expected gain, then the next with that one counted
as asked. What is expected: the change of the test's event F1 (``gain f1``), of the AP of all unanswered windows
(``gain ap``), or the sum of both (``gain both``). Plants 115-119 say which, if any, is worth judging on other worlds.

Loop, worlds and F1 as in ``agent.py``. The last line is one JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from agent import Analyst, Bench, Method, ask, learn_ours, read_options, run_cells
from agent_cases import CHOICE, load_world
from agent_questions import pick_random
from agent_tables import show_means, show_pairs
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import average_precision_score

from rl_tsad.active.neighbours import standardise
from rl_tsad.active.select import Pick, select
from rl_tsad.agent.chain import ChainConfig
from rl_tsad.config import ActiveConfig
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Bool, Float32, Float64, Int64, Keys, parse_key, rows_of

LEARN = learn_ours(ChainConfig(), actors=False)
TAUGHT = CHOICE[:15]
BEFORE = (0, 5, 10, 20, 40)
"""Questions before the one that is measured."""
TIMES, CANDIDATES = 3, 8
FAR = 5.0
"""Distance, in usual ones, to answers that do not exist."""
NAMES = (
    "margin", "logit", "prior", "prior rank", "rank", "density", "around", "apart in time",
    "to asked", "to anomaly", "to normal", "anomalies", "normals", "called anomalous",
)  # fmt: skip


class Facts:
    """Scalars of the pool's windows, kept up as questions are added."""

    def __init__(
        self, keys: Keys, probability: Float32, prior: Float32, embedding: Float32, known: Int64, *, spacing: int
    ) -> None:
        parts = [parse_key(key) for key in keys.tolist()]
        self.series = np.unique([name for name, _, _ in parts], return_inverse=True)[1]
        self.start = np.array([start for _, start, _ in parts], dtype=np.float64)
        self.width = 8.0 * spacing
        self.free = np.ones(len(keys), np.bool_)
        self.points = standardise(embedding).astype(np.float64)
        some = self.points[derive_rng(0, "gain").permutation(len(keys))[:512]]
        near = np.sort(_apart(self.points, some), axis=1)[:, : min(10, len(some))].mean(axis=1)
        self.usual = float(np.median(near)) or 1.0
        self.probability = probability.astype(np.float64)
        logit = np.log((self.probability + 1e-3) / (1.0 - self.probability + 1e-3))
        same = np.convolve(logit, np.ones(7) / 7, mode="same")
        self.fixed = np.stack(
            [np.abs(2.0 * self.probability - 1.0), logit, prior, _rank(prior), _rank(logit), near / self.usual, same],
            axis=1,
        )
        self.called = float((self.probability > 0.5).mean())
        self.near = np.full((len(keys), 4), FAR)  # in time; to asked, anomaly, normal
        self.counts = [0, 0]
        for row in known.tolist():
            self.add(row)

    def add(self, row: int) -> None:
        """Count a window as asked; the belief says what for, as it agrees with the answers."""
        kind = int(self.probability[row] <= 0.5)
        self.counts[kind] += 1
        apart = np.abs(self.start - self.start[row])
        ours = self.series == self.series[row]
        self.free[ours & (apart <= self.width)] = False
        away = np.minimum(_apart(self.points, self.points[row : row + 1])[:, 0] / self.usual, FAR)
        in_time = np.where(ours, np.minimum(apart / 80.0, FAR), FAR)
        for column, values in ((0, in_time), (1, away), (2 + kind, away)):
            np.minimum(self.near[:, column], values, out=self.near[:, column])

    def table(self) -> Float64:
        """(N, F) facts by window, as in ``NAMES``."""
        shared = [*np.log1p(self.counts), self.called]
        return np.column_stack([self.fixed, self.near, np.tile(shared, (len(self.fixed), 1))])


def _apart(points: Float64, centres: Float64) -> Float64:
    square = np.square(points).sum(axis=1)[:, None] + np.square(centres).sum(axis=1) - 2.0 * points @ centres.T
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _rank(values: Float32 | Float64) -> Float64:
    return np.argsort(np.argsort(values)) / len(values)


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
        facts = Facts(*given, rows_of(bench.keys[pool], sorted(asked)), spacing=0)
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


def teach(table: pd.DataFrame, target: str) -> HistGradientBoostingRegressor:
    """Fit what an answer earns; single gains are clipped, since few of them carry most of the variance."""
    value = (table["f1"] + table["ap"] if target == "both" else table[target]).clip(-0.3, 0.3)
    model = HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.05, max_leaf_nodes=6, min_samples_leaf=30, l2_regularization=5.0, random_state=0
    )
    return model.fit(table[list(NAMES)].to_numpy(), value.to_numpy())


def picker(model: HistGradientBoostingRegressor) -> Callable[..., list[Pick]]:
    """Pick greedily by expected gain."""

    def pick(
        keys: Keys, probability: Float32, prior: Float32, embedding: Float32, *,
        config: ActiveConfig, asked: Collection[str], count: int, before: int, seed: int,
    ) -> list[Pick]:  # fmt: skip
        del before, seed
        known = rows_of(keys, sorted(asked))
        facts = Facts(keys, probability, prior, embedding, known[known >= 0], spacing=0)
        facts.width, picks = 8.0 * config.spacing, []
        for turn in range(count):
            if not facts.free.any():
                break
            row = int(np.argmax(np.where(facts.free, model.predict(facts.table()), -np.inf)))
            picks.append(Pick(row, "margin", "", 1.0 - turn / count))
            facts.add(row)
        return picks

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
        methods[f"gain {target}"] = Method(LEARN, True, pick=picker(teach(table, target)))
    played = run_cells(methods, options)
    show_means(played)
    pairs = {f"{name} - mixed": ((name, "agent"), ("mixed", "agent")) for name in methods if name != "mixed"}
    print(json.dumps({"claim": "what a learned one-ask gain adds", "value": show_pairs(played, pairs)}))


if __name__ == "__main__":
    main()
