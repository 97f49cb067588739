"""Claim: what is spreading worth? The belief with and without spread labels, and how right and how many those are.

    python benchmarks/agent_spreading.py --out FOLDER [--worlds plant-0,...] [--seeds 1] [--methods none,settled,...]

Loop, worlds, utility and F1 as in ``agent.py``: events are asked by the mixed queue, the rule acts.

* ``none``: people's answers teach the belief, and any window may be asked;
* ``settled``, what ships: windows that answers settle are not asked any more, where the answers, each predicted without
  itself, say that such labels are right (``active.precision``); only people's answers teach;
* ``trusted``: those labels teach the belief too, weighted by that; any window may be asked;
* ``fixed``: the same with all labels of a confidence of .4, right or not: what was there before trust was learnt.

The second table is of the spread labels in the pool: the share of right ones, and of unanswered windows that they
reach, at each budget. Settings were chosen on the plants 100-119 and on fleets. The last line is one JSON object.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd
import torch
from agent import BUDGETS, Learned, Learner, Method, learn_ours, read_options, run_cells
from agent_bench import Bench
from agent_tables import show_means, show_pairs

from rl_tsad.active.graph import Graph, build_graph
from rl_tsad.active.propagate import Spreading
from rl_tsad.active.select import Pick, select
from rl_tsad.active.trust import Spread, Trust, spread, targets_of
from rl_tsad.agent.chain import ChainConfig
from rl_tsad.config import ActiveConfig
from rl_tsad.decision_config import BeliefConfig
from rl_tsad.types import Targets

LABELS = ("normal", "anomaly")


_GRAPHS: dict[str, Graph] = {}


def graph_of(bench: Bench) -> Graph:
    """Link the windows of the pool as the package does; once for a world."""
    keys = np.concatenate([one.keys for one in bench.pool])
    embedding = np.concatenate([one.features for one in bench.pool])
    name = hashlib.sha256(embedding.tobytes()).hexdigest()
    if name not in _GRAPHS:
        _GRAPHS.clear()
        _GRAPHS[name] = build_graph(embedding, keys)
    return _GRAPHS[name]


def spread_answers(bench: Bench) -> Spread:
    """Spread what the analyst said so far."""
    assert bench.analyst is not None
    graph, said = graph_of(bench), bench.analyst.labels
    rows = graph.windows.rows(bench.keys[list(said)])
    number = np.array([bench.analyst.answer_of[row] for row in said], dtype=np.int64)
    groups = [rows[number == one] for one in np.unique(number)]
    return spread(graph, dict(zip(rows.tolist(), said.values(), strict=True)), groups)


def learn_spread(*, trusted: bool) -> Learner:
    """Make a learner whose belief learns from spread labels too."""
    config = ChainConfig(belief=BeliefConfig(spread=True))

    def learn(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
        if not len(targets):
            return learn_ours(config, actors=False)(bench, targets, seed, judged)
        told = spread_answers(bench).targets
        if not trusted:
            told = _fixed(bench)
        logits, alarms, _ = learn_ours(config, actors=False)(bench, told, seed, judged)
        return logits, alarms, _counts(bench, told)

    return learn


def settling() -> Method:
    """Make the method that does not ask what is settled; the belief learns what people said."""
    settled: set[str] = set()
    ours = learn_ours(ChainConfig(), actors=False)

    def learn(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
        logits, alarms, _ = ours(bench, targets, seed, judged)
        settled.clear()
        if not len(targets):
            return logits, alarms, ""
        told = spread_answers(bench).targets
        settled.update(told.keys[told.source == "propagated"].tolist())
        return logits, alarms, _counts(bench, told)

    def pick(*given: Any, asked: set[str], **rest: Any) -> list[Pick]:
        return select(*given, asked=asked | settled, **rest)

    return Method(learn, True, pick=pick)


def _fixed(bench: Bench) -> Targets:
    assert bench.analyst is not None
    graph, said = graph_of(bench), bench.analyst.labels
    keys = bench.keys[list(said)].tolist()
    state = Spreading.of(graph, dict(zip(keys, said.values(), strict=True)))
    return targets_of(state, Trust.plain(ActiveConfig().confidence))


def _counts(bench: Bench, told: Targets) -> str:
    """Count spread labels and right ones by label, and the windows that nobody answered: truth is read to measure."""
    truth = bench.world.truth[bench.world.pool]
    spread_ones = told.source == "propagated"
    parts = [str(int((told.source != "human").sum()))]
    for label in range(2):
        own = spread_ones & (told.value == label)
        parts += [str(int(own.sum())), str(int((truth[own] == label).sum()))]
    return " ".join(parts)


METHODS = {
    "none": Method(learn_ours(ChainConfig(), actors=False), True),
    "settled": settling(),
    "trusted": Method(learn_spread(trusted=True), True),
    "fixed": Method(learn_spread(trusted=False), True),
}


def show_labels(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Print precision and coverage of the spread labels, pooled over worlds and seeds."""
    found: dict[str, dict[str, float]] = {}
    told = table[table.method.isin(["settled", "trusted", "fixed"]) & (table.budget > 0)]
    for (group, method), its in told.groupby(["group", "method"]):
        for label, name in enumerate(LABELS):
            cells = []
            for budget in BUDGETS[1:]:
                counts = np.array([[int(x) for x in why.split()] for why in its[its.budget == budget].why])
                free, many, right = counts[:, 0].sum(), counts[:, 1 + 2 * label].sum(), counts[:, 2 + 2 * label].sum()
                precision = right / many if many else float("nan")
                found.setdefault(f"{group} {method} {name}", {})[str(budget)] = round(float(precision), 3)
                cells.append(f"{precision:.3f} of {many / max(free, 1):.3f}")
            print(f"{group:8} {method:8} {name:8}", " | ".join(cells), flush=True)
    return found


def main() -> None:
    torch.set_num_threads(1)
    table = run_cells(METHODS, read_options(__doc__, METHODS))
    show_means(table)
    pairs = {f"{name} - none": ((name, "agent"), ("none", "agent")) for name in ("settled", "trusted", "fixed")}
    claims = show_pairs(table, pairs, areas=list(pairs))
    print("\nspread labels: precision of share, after " + ", ".join(map(str, BUDGETS[1:])) + " questions")
    labels = show_labels(table)
    print(json.dumps({"claim": "what spread labels are worth", "value": claims, "labels": labels}))


if __name__ == "__main__":
    main()
