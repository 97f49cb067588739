"""Which roads beyond the default alarm rule were walked, and where did they lead? Learnt on plants, judged on others.

    python benchmarks/agent_roads.py --out FOLDER [--seeds 3]

Many simulated plants teach what one workspace cannot: their true faults, at every budget. On the beliefs of the
plants 100-119 after 0, 10, 20, 50 and 100 questions everything below is tuned or trained (PPO stops by 115-119);
then it acts on the beliefs of plants 0-39, of SKAB and of NAB, whose truth it never saw:

* ``default``, ``threshold``: the rule that acts by default, and anomaly above even odds;
* ``meta <kind>``: each kind of alarm rule, tuned on the plants' event utility;
* ``supervised``, ``supervised + threshold``: histogram gradient boosting on what the policy sees, plain and with a
  tuned threshold (its log odds come from the fold of worlds that it did not learn on);
* ``PPO .95``, ``PPO 0``: the policy that follows the rule, discounted and not.

Cells are utility per 1000 windows / composite F1 of events, means over worlds. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from agent import BUDGETS, ROUNDS, Analyst, Bench, Method, ask, learn_ours
from agent_cases import CHOICE, PLANTS, World, load_world
from sklearn.ensemble import HistGradientBoostingClassifier

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
from rl_tsad.types import Bool, Float32, Int64

COSTS = prices(CostConfig())
STOP = CHOICE[15:]
Actor = Callable[[WindowData], Bool]


@dataclass(frozen=True, eq=False)
class Streams:
    """Test windows of worlds after each budget, side by side.

    Attributes:
        data: what a policy sees, with truth as target.
        world: (N,) number of the world.
        budget: (N,) questions asked before.
    """

    data: WindowData
    world: Int64
    budget: Int64

    def course(self, belief: Float32 | None = None) -> Course:
        """Lay them out with their truth."""
        data = self.data
        known = (data.target, data.weight, data.episode)
        return lay_course(data.beliefs if belief is None else belief, *known, costs=COSTS)


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
        for one in world.judgements:
            rows = slice(low, low + len(one))
            test, low = world.test[rows], low + len(one)
            for budget in BUDGETS if test.any() else ():
                judgements.append(one.take(test))
                logits.append(found[str(budget)][rows][test])
                truth.append(world.truth[rows][test])
                places.append(np.tile([number, budget], (int(test.sum()), 1)))
        print(name, flush=True)
    belief, place = np.concatenate(logits).astype(np.float32), np.concatenate(places)
    episode = np.repeat(np.arange(len(judgements)), [len(one) for one in judgements])
    data = watch(judgements, belief, run_rule(default_rule(ControlConfig()), belief, episode))
    known = replace(data, target=np.concatenate(truth).astype(np.int8), weight=np.ones(len(belief), np.float32))
    return Streams(known, place[:, 0], place[:, 1])


def walk(agent: Agent, data: WindowData) -> Bool:
    """Let a policy act."""
    return np.asarray(act(agent, data, np.empty(data.rows, dtype="<U1")).verdict == 1)


def rules(learn: Streams) -> dict[str, Actor]:
    """Tune each kind of rule on all plants."""
    tuned = tune_rules(learn.course(), np.random.default_rng(0))
    return {f"meta {kind}": _ruled(tuned[kind].rule) for kind in KINDS}


def _ruled(rule: AlarmRule) -> Actor:
    return lambda data: run_rule(rule, data.beliefs, data.episode)


def supervised(learn: Streams) -> dict[str, Actor]:
    """Fit a classifier on what the policy sees."""
    seen, target = learn.data.observations, learn.data.target
    fold, apart = learn.world % 2 == 0, np.empty(len(target), np.float32)
    for part in (fold, ~fold):
        apart[~part] = _odds(_classifier().fit(seen[part], target[part]), seen[~part])
    whole = _classifier().fit(seen, target)
    rule = tune_rules(learn.course(apart), np.random.default_rng(0), kinds=["threshold"])["threshold"].rule
    plain = AlarmRule()
    return {
        "supervised": lambda data: run_rule(plain, _odds(whole, data.observations), data.episode),
        "supervised + threshold": lambda data: run_rule(rule, _odds(whole, data.observations), data.episode),
    }


def _classifier() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.06, max_leaf_nodes=8, l2_regularization=1.0, random_state=0
    )


def _odds(model: HistGradientBoostingClassifier, seen: Float32) -> Float32:
    return log_odds(model.predict_proba(seen)[:, 1], 1e-3).astype(np.float32)


def policies(learn: Streams, stop: Streams, seeds: int) -> dict[str, Actor]:
    """Train the policy on the plants, with and without a look ahead."""
    course, found = stop.course(), {}

    def held_out(agent: Agent) -> float:
        return float(earned_by(walk(agent, stop.data), course).sum())

    for name, gamma in (("PPO .95", 0.95), ("PPO 0", 0.0)):
        for seed in range(seeds):
            config = PolicyConfig(gamma=gamma, steps=524_288, patience=40)
            agent = train_agent(learn.data, config, seed=seed, costs=COSTS, held_out=held_out)
            found[f"{name}, seed {seed}"] = lambda data, agent=agent: walk(agent, data)
    return found


def measure(actor: Actor, streams: Streams) -> dict[int, tuple[float, float]]:
    """Give utility per 1000 windows and F1 by budget, means over worlds."""
    alarm, data, result = actor(streams.data), streams.data, {}
    for budget in BUDGETS:
        utility, found = [], []
        for world in np.unique(streams.world).tolist():
            rows = (streams.budget == budget) & (streams.world == world)
            told = (data.target[rows], data.weight[rows], data.episode[rows])
            course = lay_course(data.beliefs[rows], *told, costs=COSTS)
            utility.append(1000.0 * float(earned_by(alarm[rows], course).sum()) / int(rows.sum()))
            found.append(event_f1(data.target[rows], alarm[rows].astype(np.int8), data.episode[rows]))
        result[budget] = (round(float(np.mean(utility)), 2), round(float(np.mean(found)), 3))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/agent"), help="folder of worlds and beliefs")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    taught, stop = lay(CHOICE, options.out), lay(STOP, options.out)
    learn = lay([name for name in CHOICE if name not in STOP], options.out)
    actors: dict[str, Actor] = {"default": _ruled(default_rule(ControlConfig())), "threshold": _ruled(AlarmRule())}
    actors |= rules(taught) | supervised(taught) | policies(learn, stop, options.seeds)
    others = {"plants": lay(PLANTS, options.out), "skab": lay(["skab"], options.out), "nab": lay(["nab"], options.out)}
    table = {}
    print(f"{'':26}{'':8}" + "".join(f"{budget:>16}" for budget in BUDGETS))
    for name, actor in actors.items():
        for group, streams in others.items():
            cells = measure(actor, streams)
            table[f"{name}, {group}"] = cells
            print(f"{name:26}{group:8}" + "".join(f"{u:>9.1f} /{f:>5.2f}" for u, f in cells.values()), flush=True)
    print(json.dumps({"claim": "roads beyond the default alarm rule", "value": table}))


if __name__ == "__main__":
    main()
