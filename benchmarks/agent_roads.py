"""Road 1, meta-training: what do plants whose true faults are known teach about acting, and does a look ahead help?

    python benchmarks/agent_roads.py --out FOLDER [--seeds 3] [--more]

Many simulated plants teach what one workspace cannot: their true faults, at every budget. On the beliefs of the
plants 100-119 after 0, 10, 20, 50 and 100 questions everything below is tuned or trained (PPO stops by 115-119);
then it acts on the beliefs of plants 0-39, of SKAB, NAB and SMAP, whose truth it never saw. ``--wide`` adds teachers of
other kinds (domain randomisation), for twice the steps: 16 plants that differ in length, noise, number of faults and of
stops, and eleven fleets, of short recordings, drifting sensors, long faults, single sensors and wide labels; PPO then
stops by some of each kind:

* ``default``, ``threshold``, ``never``: the rule that acts by default, anomaly above even odds, silence;
* ``meta <kind>``: each kind of alarm rule, tuned on the plants' event utility;
* ``supervised``, ``... + threshold``, ``... + hysteresis``: histogram gradient boosting on what the policy sees, plain
  and with a tuned rule (its log odds come from the fold of worlds that it did not learn on);
* ``PPO .95``, ``PPO 0``: the policy that follows the rule, discounted and not. After 0 steps it is the default rule.

Cells are utility per 1000 windows / composite F1 of events, then the difference in utility to the default rule with
its 95 % bootstrap interval, for which series are drawn (of plants: one each). Policies are averaged over seeds first.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from agent import BUDGETS, ROUNDS, Method, ask, learn_ours
from agent_bench import Analyst, Bench
from agent_cases import CHOICE, PLANTS, REAL, VARIED, World, load_world
from sklearn.ensemble import HistGradientBoostingClassifier

from envs.costs import Costs
from envs.window_data import WindowData
from rl_tsad.agent.act import act
from rl_tsad.agent.alarms import KINDS, AlarmRule, run_rule
from rl_tsad.agent.belief import log_odds
from rl_tsad.agent.chain import ChainConfig, watch
from rl_tsad.agent.control import default_rule, prices
from rl_tsad.agent.train import Agent, train_agent
from rl_tsad.agent.tune import Course, earned_by, lay_course, tune_rules
from rl_tsad.config import ActiveConfig
from rl_tsad.decision_config import ControlConfig, CostConfig, PolicyConfig
from rl_tsad.evaluation.metrics import event_f1
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Bool, Float32, Int64

COSTS = prices(CostConfig())
STOP = CHOICE[15:]
WIDE_STOP = (*VARIED[-4:], "dense-701", "drifting-901", "lasting-801", "long-601", "unlike-401")
WIDE = (*VARIED[:-4], "dense-700", "drifting-900", "lasting-800", "long-600", "unlike-400", "wide-400")
Actor = Callable[[WindowData], Bool]


@dataclass(frozen=True, eq=False)
class Streams:
    """Test windows of worlds after each budget, side by side.

    Attributes:
        data: what a policy sees, with truth as target.
        world: (N,) number of the world.
        budget: (N,) questions asked before.
        series: (N,) number of the series in its world.
    """

    data: WindowData
    world: Int64
    budget: Int64
    series: Int64

    def course(self, belief: Float32 | None = None, costs: Costs = COSTS) -> Course:
        """Lay them out with their truth."""
        data = self.data
        known = (data.target, data.weight, data.episode)
        return lay_course(data.beliefs if belief is None else belief, *known, costs=costs)


def beliefs(world: World, out: Path) -> dict[str, Float32]:
    """Play the chain's questions on a world, and give what it believed of all windows after each budget."""
    file = out / "beliefs" / f"{world.name}.npz"
    if not file.exists():
        bench, method = Bench.of(world), Method(learn_ours(ChainConfig()), True, ActiveConfig())
        analyst, found = Analyst(world, bench.episode), {}
        for place, budget in enumerate(ROUNDS):
            score, _, _ = method.learn(bench, bench.targets(analyst), 0, False)
            found[str(budget)] = score
            if place + 1 < len(ROUNDS):
                ask(bench, analyst, method, score, ROUNDS[place + 1], 0)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, allow_pickle=False, **found)
    with np.load(file, allow_pickle=False) as kept:
        return {name: kept[name] for name in kept.files}


def lay(names: Sequence[str], out: Path) -> Streams:
    """Lay the test windows of some worlds side by side."""
    judgements, logits, truth, places = [], [], [], []
    for number, name in enumerate(names):
        world = load_world(name, out / "worlds")
        found, low = beliefs(world, out), 0
        for series, one in enumerate(world.judgements):
            rows = slice(low, low + len(one))
            test, low = world.test[rows], low + len(one)
            for budget in BUDGETS if test.any() else ():
                judgements.append(one.take(test))
                logits.append(found[str(budget)][rows][test])
                truth.append(world.truth[rows][test])
                places.append(np.tile([number, budget, series], (int(test.sum()), 1)))
    belief, place = np.concatenate(logits).astype(np.float32), np.concatenate(places)
    episode = np.repeat(np.arange(len(judgements)), [len(one) for one in judgements])
    data = watch(judgements, belief, run_rule(default_rule(ControlConfig()), belief, episode))
    known = replace(data, target=np.concatenate(truth).astype(np.int8), weight=np.ones(len(belief), np.float32))
    return Streams(known, *place.T)


def walk(agent: Agent, data: WindowData) -> Bool:
    """Let a policy act."""
    return np.asarray(act(agent, data, np.empty(data.rows, dtype="<U1")).verdict == 1)


def rules(learn: Streams) -> dict[str, Actor]:
    """Tune each kind of rule on all plants."""
    tuned = tune_rules(learn.course(), np.random.default_rng(0))
    return {f"meta {kind}": ruled(tuned[kind].rule) for kind in KINDS}


def ruled(rule: AlarmRule) -> Actor:
    """Let a rule act."""
    return lambda data: run_rule(rule, data.beliefs, data.episode)


def crossed(learn: Streams) -> tuple[Callable[[Float32], Float32], Float32]:
    """Fit a classifier on what the policy sees: its log odds, and those of who did not learn on a world's fold."""
    seen, target = learn.data.observations, learn.data.target
    fold, apart = learn.world % 2 == 0, np.empty(len(target), np.float32)
    for part in (fold, ~fold):
        apart[~part] = _odds(_classifier().fit(seen[part], target[part]), seen[~part])
    whole = _classifier().fit(seen, target)
    return lambda table: _odds(whole, table), apart


def supervised(learn: Streams) -> dict[str, Actor]:
    """Act on a classifier's log odds, as they are and with tuned rules."""
    odds, apart = crossed(learn)
    tuned = tune_rules(learn.course(apart), np.random.default_rng(0), kinds=["threshold", "hysteresis"])
    found = {"supervised": AlarmRule()} | {f"supervised + {kind}": one.rule for kind, one in tuned.items()}

    def actor(rule: AlarmRule) -> Actor:
        return lambda data: run_rule(rule, odds(data.observations), data.episode)

    return {name: actor(rule) for name, rule in found.items()}


def _classifier() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.06, max_leaf_nodes=8, l2_regularization=1.0, random_state=0
    )


def _odds(model: HistGradientBoostingClassifier, seen: Float32) -> Float32:
    return log_odds(model.predict_proba(seen)[:, 1], 1e-3).astype(np.float32)


def policies(learn: Streams, stop: Streams, seeds: int, steps: int = 524_288) -> dict[str, list[Actor]]:
    """Train the policy on the plants, with and without a look ahead, an actor a seed."""
    course, found = stop.course(), {}

    def held_out(agent: Agent) -> float:
        return float(earned_by(walk(agent, stop.data), course).sum())

    for name, gamma in (("PPO .95", 0.95), ("PPO 0", 0.0)):
        agents = []
        for seed in range(seeds):
            config = PolicyConfig(gamma=gamma, steps=steps, patience=max(40, steps // 16_384))
            agents.append(train_agent(learn.data, config, seed=seed, costs=COSTS, held_out=held_out))
        found[name] = [_walks(agent) for agent in agents]
    return found


def _walks(agent: Agent) -> Actor:
    return lambda data: walk(agent, data)


def account(actors: Sequence[Actor], streams: Streams, costs: Costs = COSTS) -> pd.DataFrame:
    """Give what actors earn in each series, and the F1 of its world, after each budget; the mean over actors."""
    course, data, tables = streams.course(costs=costs), streams.data, []
    at = course.streams.start
    place = {"world": streams.world[at], "budget": streams.budget[at], "series": streams.series[at]}
    for actor in actors:
        alarm = actor(data)
        paid = pd.DataFrame({**place, "windows": course.streams.length, "utility": earned_by(alarm, course)})
        for (world, budget), part in paid.groupby(["world", "budget"]):
            rows = (streams.budget == budget) & (streams.world == world)
            found = event_f1(data.target[rows], alarm[rows].astype(np.int8), data.episode[rows])
            paid.loc[part.index, "f1"] = found
        tables.append(paid)
    return pd.concat(tables).groupby(["world", "budget", "series"], as_index=False).mean()


def means(table: pd.DataFrame) -> dict[int, tuple[float, float]]:
    """Give utility per 1000 windows and F1 by budget."""
    result = {}
    for budget, part in table.groupby("budget"):
        f1 = part.groupby("world")["f1"].first().mean()
        result[int(str(budget))] = (1000 * part["utility"].sum() / part["windows"].sum(), float(f1))
    return result


def gains(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """Give by budget, and over all, how much more utility per 1000 windows one earns, with its 95 % interval."""
    both = one.merge(other, on=["world", "budget", "series"], suffixes=("", "_other"))
    both["gain"] = both["utility"] - both["utility_other"]
    parts = {str(budget): part for budget, part in both.groupby("budget")} | {"all": both}
    return {name: _interval(part) for name, part in parts.items()}


def _interval(part: pd.DataFrame) -> tuple[float, float, float]:
    series = part.groupby(["world", "series"])[["gain", "windows"]].sum().to_numpy()  # (S, 2)
    drawn = derive_rng(0, "bootstrap").integers(len(series), size=(4000, len(series)))
    sums = series[drawn].sum(axis=1)  # (4000, 2)
    share = 1000 * sums[:, 0] / sums[:, 1]
    whole = 1000 * series[:, 0].sum() / series[:, 1].sum()
    return tuple(round(float(x), 2) for x in (whole, np.quantile(share, 0.025), np.quantile(share, 0.975)))  # type: ignore[return-value]


def report(
    actors: Mapping[str, Sequence[Actor]],
    groups: Mapping[str, Streams],
    *,
    pairs: Sequence[tuple[str, str]] = (),
    costs: Costs = COSTS,
) -> dict[str, object]:
    """Print what actors earn on groups of worlds, and how much more than the default rule, and than each other.

    Args:
        actors: by name, one a seed; among them ``default``.
        groups: of worlds.
        pairs: names of others that are compared.
        costs: an operator's prices.

    Returns:
        The same as facts.
    """
    found: dict[str, object] = {}
    for group, streams in groups.items():
        tables = {name: account(each, streams, costs) for name, each in actors.items() if each}
        budgets = sorted(set(streams.budget.tolist()))
        print(f"\n{group:26}" + "".join(f"{budget:>14}" for budget in budgets) + f"{'more than default':>26}")
        for name, table in tables.items():
            cells, more = means(table), gains(table, tables["default"])
            found[f"{group}, {name}"] = {"cells": {b: [round(x, 3) for x in c] for b, c in cells.items()}, "more": more}
            shown = "".join(f"{cells[b][0]:>8.1f} /{cells[b][1]:4.2f} " for b in budgets)
            print(f"{name:26}{shown}{_shown(more['all']):>26}", flush=True)
        for one, other in ((one, other) for one, other in pairs if {one, other} <= set(tables)):
            more = gains(tables[one], tables[other])
            found[f"{group}, {one} - {other}"] = more
            print(f"{one} - {other}: " + ", ".join(f"{name} {_shown(cell)}" for name, cell in more.items()))
    return found


def _shown(cell: tuple[float, float, float]) -> str:
    return f"{cell[0]:.1f} [{cell[1]:.1f}, {cell[2]:.1f}]"


def real_and_plants(out: Path) -> dict[str, Streams]:
    """Lay out the worlds on which everything is reported."""
    return {"plants": lay(PLANTS, out)} | {name: lay([name], out) for name in REAL}


def silent(data: WindowData) -> Bool:
    """Never open the alarm."""
    return np.zeros(data.rows, np.bool_)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/agent"), help="folder of worlds and beliefs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--wide", action="store_true", help="varied plants and fleets are teachers too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    extra, held = (WIDE, WIDE_STOP) if options.wide else ((), ())
    taught, stop = lay([*CHOICE, *extra, *held], options.out), lay([*STOP, *held], options.out)
    learn = lay([*(name for name in CHOICE if name not in STOP), *extra], options.out)
    actors: dict[str, list[Actor]] = {"default": [ruled(default_rule(ControlConfig()))]}
    actors |= {"threshold": [ruled(AlarmRule())], "never": [silent]}
    actors |= {name: [actor] for name, actor in (rules(taught) | supervised(taught)).items()}
    actors |= policies(learn, stop, options.seeds, 1_048_576 if options.wide else 524_288)
    pairs = (("PPO .95", "PPO 0"), ("PPO .95", "supervised + threshold"), ("supervised + threshold", "meta threshold"))
    facts = report(actors, real_and_plants(options.out), pairs=pairs)
    print(f"{time.process_time():.0f} CPU-s")
    print(json.dumps({"claim": f"meta-training, {len(CHOICE) + len(extra) + len(held)} worlds", "value": facts}))


if __name__ == "__main__":
    main()
