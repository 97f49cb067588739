"""Road 3, one analyst and many series: which series gets the next question, and is that worth learning?

    python benchmarks/agent_road_fleet.py --out FOLDER [--seeds 2]

Ten plants share one budget of 25 questions, a question a slot; a plant takes ten at most. Plants do not know of each
other and each asks its own mixed queue, so a fleet is fully described by how many questions each was given: every
plant's belief, after each of its questions, is learnt once and looked up from then on. Rules of the slot:

* ``round robin``; ``five in a row`` and ``ten in a row`` (of a plant, before another one); ``random`` (five draws);
  ``margin`` and ``top`` (of the question that a plant would ask next),
  ``margin x spread`` (by the undecided windows that look like it), ``undecided`` (all of a plant's entropy);
* ``gain model``, ``gain of 5``: gradient boosting of what the next one or five questions gained elsewhere, greedy;
* ``PPO 0``, ``PPO .95``, ``PPO .99``: a permutation-equivariant scorer of plants, paid the gain in utility of a slot;
* ``hindsight``: the best counts for the test's own utility, by dynamic programming; no method, a ceiling.

Taught by fleets of the plants 100-119 and of six varied plants (there on their own test windows; nowhere else is
truth read but by the analyst). Reported on fleets of the plants 0-39, and of those and twelve univariate series: every
plant's mean over 25 partitions into fleets, utility per 1000 windows and F1 after 25 questions, and utility over all
slots; differences to round robin with 95 % intervals, for which plants are drawn. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from agent import Method, ask, learn_ours
from agent_bench import Analyst, Bench
from agent_cases import CHOICE, PLANTS, VARIED, WIRES, load_world
from agent_road_slates import turn
from agent_road_slot import learn_slots
from agent_tables import interval
from sklearn.ensemble import HistGradientBoostingRegressor

from rl_tsad.active.select import select
from rl_tsad.active.uncertainty import entropy, margin
from rl_tsad.agent.alarms import run_rule
from rl_tsad.agent.chain import ChainConfig
from rl_tsad.agent.control import default_rule
from rl_tsad.decision_config import ControlConfig
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float32, Float64, Int64

MOST, FLEET, BUDGET, PARTITIONS = 10, 10, 25, 25
SEEN = ("asked", "yes", "share of yes", "last", "next p", "next margin", "spread", "undecided", "expected", "highest",
        "flagged", "moved")  # fmt: skip
NEXT_P, NEXT_MARGIN, SPREAD, UNDECIDED = (SEEN.index(name) for name in ("next p", "next margin", "spread", "undecided"))
Slot = Callable[[Float32, Int64, np.random.Generator], Int64]
"""Gives the plant of each fleet that is asked next, of what is seen (E, S, F) and how many each was asked (E, S)."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Plants after each number of questions k.

    Attributes:
        seen: (P, K + 1, F) float32, what is known without truth; columns as :data:`SEEN`.
        utility: (P, K + 1) per 1000 test windows.
        f1: (P, K + 1) of events in test windows.
    """

    seen: Float32
    utility: Float64
    f1: Float64


def curves(names: Sequence[str], out: Path) -> Curves:
    """Ask each plant question by question, or read what an earlier run kept."""
    parts = []
    for name in names:
        file = out / "fleet" / f"{name}.npz"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, allow_pickle=False, **_curve(Bench.of(load_world(name, out / "worlds"))))
        with np.load(file, allow_pickle=False) as kept:
            parts.append((kept["seen"], kept["utility"], kept["f1"]))
    return Curves(*(np.stack(each) for each in zip(*parts, strict=True)))


def _curve(bench: Bench) -> dict[str, np.ndarray]:
    analyst, method = Analyst(bench.world, bench.episode), Method(learn_ours(ChainConfig()), True)
    rows, before = [], None
    paid: dict[str, list[float]] = {"utility": [], "event_f1": []}
    yes: list[int] = []
    for asked in range(MOST + 1):
        score, _, _ = method.learn(bench, bench.targets(analyst), 0, False)
        rows.append(_seen(bench, analyst, score, yes, before))
        told = bench.judge(run_rule(default_rule(ControlConfig()), score, bench.episode))
        for name, values in paid.items():
            values.append(told[name])
        events = sum(analyst.labels.values())
        if asked < MOST:
            ask(bench, analyst, turn(asked), score, asked + 1, 0)
            yes.append(int(sum(analyst.labels.values()) > events))
        before = score
    found = {"utility": np.array(paid["utility"]), "f1": np.array(paid["event_f1"])}
    return {"seen": np.array(rows, dtype=np.float32), **found}


def _seen(bench: Bench, analyst: Analyst, score: Float32, yes: list[int], before: Float32 | None) -> list[float]:
    pool = np.flatnonzero(bench.world.pool)
    free = np.array([row not in analyst.labels for row in pool.tolist()])
    p = (1.0 / (1.0 + np.exp(-score[pool]))).astype(np.float32)
    table = np.concatenate([one.features for one in bench.pool])
    prior = np.concatenate([one.prior for one in bench.pool])
    asked = [str(key) for key in bench.keys[pool][~free]]
    picks = select(
        bench.keys[pool],
        p,
        prior,
        table,
        asked=asked,
        config=turn(analyst.questions).selection,
        count=1,
        seed=analyst.questions,
    )
    place = picks[0].row if picks else 0
    apart = ((table - table[place]) ** 2).mean(axis=1)
    near = np.exp(-apart / (2 * max(float(np.quantile(apart, 0.1)), 1e-6)))
    doubt = entropy(p) * free
    moved = 0.0 if before is None else float(np.abs(score - before)[pool].mean())
    told = [len(yes) / MOST, sum(yes) / 5, sum(yes) / max(len(yes), 1), 2.0 * yes[-1] - 1 if yes else 0.0]
    asking = [float(p[place]), 1 - float(margin(p)[place]), float((near * doubt).mean())]
    rest = [float(doubt.mean()), float((p * free).mean()), float((p * free).max()), float((p > 0.5).mean()), moved]
    return [*told, *asking, *rest]


def play(slot: Slot, known: Curves, fleets: Int64, rng: np.random.Generator) -> Int64:
    """Give out the budget of fleets (E, S): how many questions each plant had after each slot, (B + 1, E, S)."""
    counts = np.zeros((BUDGET + 1, *fleets.shape), dtype=np.int64)
    for slots in range(BUDGET):
        now = counts[slots]
        chosen = slot(known.seen[fleets, now], now, rng)
        counts[slots + 1] = now
        counts[slots + 1, np.arange(len(fleets)), chosen] += 1
    return counts


def greedy(worth: Callable[[Float32, Int64, np.random.Generator], Float64]) -> Slot:
    """Ask where something is highest, of the plants that may still be asked."""

    def slot(seen: Float32, counts: Int64, rng: np.random.Generator) -> Int64:
        value = np.asarray(worth(seen, counts, rng), dtype=np.float64) + 1e-9 * rng.random(counts.shape)
        return np.asarray(np.where(counts < MOST, value, -np.inf).argmax(axis=1), dtype=np.int64)

    return slot


def in_depth(depth: int) -> Slot:
    """Ask a plant so many questions in a row before another one, and all plants before the next round."""
    return greedy(lambda seen, counts, rng: (counts % depth > 0) * 100.0 - counts // depth)


RULES: dict[str, Slot] = {
    "round robin": greedy(lambda seen, counts, rng: -counts.astype(np.float64)),
    "five in a row": in_depth(5),
    "ten in a row": in_depth(10),
    "random": greedy(lambda seen, counts, rng: rng.random(counts.shape)),
    "margin": greedy(lambda seen, counts, rng: seen[..., NEXT_MARGIN].astype(np.float64)),
    "top": greedy(lambda seen, counts, rng: seen[..., NEXT_P].astype(np.float64)),
    "margin x spread": greedy(
        lambda seen, counts, rng: (seen[..., NEXT_MARGIN] * seen[..., SPREAD]).astype(np.float64)
    ),
    "undecided": greedy(lambda seen, counts, rng: seen[..., UNDECIDED].astype(np.float64)),
}


def gain_model(known: Curves, ahead: int) -> Slot:
    """Learn what the next questions gain on the teachers, and ask greedily."""
    here, there = known.utility[:, :-1], known.utility[:, np.minimum(np.arange(MOST) + ahead, MOST)]
    steps = np.minimum(ahead, MOST - np.arange(MOST))
    model = HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.05, max_leaf_nodes=6, l2_regularization=1.0, random_state=0
    ).fit(known.seen[:, :-1].reshape(-1, len(SEEN)), ((there - here) / steps).reshape(-1))
    return greedy(lambda seen, counts, rng: model.predict(seen.reshape(-1, len(SEEN))).reshape(counts.shape))


def hindsight(known: Curves, fleets: Int64) -> Int64:
    """Give the counts (E, S) that earn most on the test itself."""
    best = np.zeros_like(fleets)
    for number, fleet in enumerate(fleets):
        value, chosen = np.full(BUDGET + 1, -np.inf), []
        value[0] = 0.0
        for plant in fleet:
            options = np.full((MOST + 1, BUDGET + 1), -np.inf)
            for k in range(MOST + 1):
                options[k, k:] = value[: BUDGET + 1 - k] + known.utility[plant, k]
            chosen.append(options.argmax(axis=0))
            value = options.max(axis=0)
        left = BUDGET
        for place in reversed(range(len(fleet))):
            best[number, place] = chosen[place][left]
            left -= best[number, place]
    return best


def partitions(count: int) -> Int64:
    """Cut plants into fleets, again and again; plants that are left over sit out that time."""
    rng = derive_rng(0, "fleets")
    whole = count // FLEET * FLEET
    return np.concatenate([rng.permutation(count)[:whole].reshape(-1, FLEET) for _ in range(PARTITIONS)])


def per_plant(value: Float64, fleets: Int64, plants: int) -> Float64:
    """Average what each plant (E, S) has over the fleets that it was in, (P,)."""
    counted = np.bincount(fleets.reshape(-1), minlength=plants)
    return np.bincount(fleets.reshape(-1), value.reshape(-1), minlength=plants) / np.maximum(counted, 1)


def measure(slots: Sequence[Slot], known: Curves) -> dict[str, Float64]:
    """Give each plant's utility and F1 in the end, and its utility over all slots; means over some slots."""
    plants = len(known.utility)
    fleets, found = partitions(plants), []
    for number, slot in enumerate(slots):
        counts = play(slot, known, fleets, derive_rng(number, "slot"))
        over = known.utility[fleets[None], counts].mean(axis=0)
        values = (known.utility[fleets, counts[-1]], known.f1[fleets, counts[-1]], over)
        found.append([per_plant(value, fleets, plants) for value in values])
    return dict(zip(("utility", "f1", "over slots"), np.mean(found, axis=0), strict=True))


def ceiling(known: Curves) -> dict[str, Float64]:
    """Measure hindsight."""
    fleets, plants = partitions(len(known.utility)), len(known.utility)
    counts = hindsight(known, fleets)
    values = {"utility": known.utility[fleets, counts], "f1": known.f1[fleets, counts]}
    return {name: per_plant(value, fleets, plants) for name, value in values.items()}


def show(group: str, found: Mapping[str, Mapping[str, Float64]]) -> dict[str, object]:
    """Print means and differences to round robin, and PPO's to its contextual form."""
    facts: dict[str, object] = {}
    print(f"\n{group}")
    for name, values in found.items():
        line = {key: [round(float(value.mean()), 3)] for key, value in values.items()}
        others = [found["round robin"]] + [found["PPO 0"]] * name.startswith("PPO .9")
        for other in others:
            for key, value in values.items():
                line[key] += [round(x, 3) for x in interval((value - other[key]).tolist(), derive_rng(0, "bootstrap"))]
        facts[f"{group}, {name}"] = line
        print(f"{name:18}" + "   ".join(f"{key} {line[key]}" for key in line), flush=True)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/agent"), help="folder of worlds and curves")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    taught = curves([*CHOICE, *VARIED[:6]], options.out)
    slots: dict[str, list[Slot]] = {name: [slot] * (5 if name == "random" else 1) for name, slot in RULES.items()}
    slots |= {"gain model": [gain_model(taught, 1)], "gain of 5": [gain_model(taught, 5)]}
    for name, gamma in (("PPO 0", 0.0), ("PPO .95", 0.95), ("PPO .99", 0.99)):
        game = {"fleet": FLEET, "budget": BUDGET, "most": MOST, "gamma": gamma}
        slots[name] = [learn_slots(taught.seen, taught.utility, game, seed=seed) for seed in range(options.seeds)]
        print(name, f"{time.process_time():.0f} CPU-s", flush=True)
    facts: dict[str, object] = {}
    for group, names in (("plants", PLANTS), ("plants and univariate", (*PLANTS, *WIRES)), ("teachers", ())):
        known = curves(names, options.out) if names else taught
        found = {name: measure(each, known) for name, each in slots.items()} | {"hindsight": ceiling(known)}
        facts |= show(group, found)
    print(json.dumps({"claim": "which series of a fleet is asked", "value": facts}))


if __name__ == "__main__":
    main()
