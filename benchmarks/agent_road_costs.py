"""Road 4, prices in view: can one policy, or one rule, serve every operator when it is shown what alarms cost?

    python benchmarks/agent_road_costs.py --out FOLDER [--seeds 3]

An operator is a price of a false alarm in [.1, 2] and one of a missed event in [.5, 4], both drawn evenly in their
logarithm; all other prices are the default ones. Sixteen drawn operators on the beliefs of the plants 100-114 teach,
eight others on 115-119 say when to stop. Reported on the plants 0-39, SKAB, NAB and SMAP, for three operators:

* ``default, fixed`` and ``default``: the default rule as it is, and moved by break-even (what ships); and moved by
  .4 of that, the share that earns most on the plants 100-119 (of 0, .1, .2, .3, .5, .75 and 1, .3 and .5 were best);
* ``tuned``: the kind of rule, tuned for this very operator on the plants 100-119, that earned most on held-out blocks;
* ``meta rule``: one hysteresis rule for all operators, whose level is a + b * (break-even - the default operator's);
* ``supervised + meta rule``: the same on the log odds of gradient boosting that knows no prices;
* ``PPO .95``, ``PPO 0``: a policy that sees the two prices, and the moved default rule that it begins as.

An operator keeps its price over an episode; each PPO minibatch mixes all sixteen. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agent_cases import CHOICE
from agent_road_stack import Stack, learn_stack
from agent_roads import STOP, Actor, Streams, crossed, lay, real_and_plants, report, ruled, walk

from envs.costs import Costs
from envs.vector_env import WindowVectorEnv
from envs.window_data import WindowData
from rl_tsad.agent.alarms import AlarmRule, run_rule
from rl_tsad.agent.bridge import CursorVecEnv
from rl_tsad.agent.control import break_even, default_rule
from rl_tsad.agent.train import Agent, rules_of
from rl_tsad.agent.tune import Course, earned, earned_by, tune_rules
from rl_tsad.decision_config import ControlConfig, PolicyConfig
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Bool, Float32, Float64

OPERATORS = {
    "a miss is dear": Costs(opening=0.1, miss=4.0),
    "default": Costs(),
    "an alarm is dear": Costs(opening=2.0, miss=0.5),
}
CURSORS, STEPS = 16, 1_048_576
NUMBERS = ("level", "slope", "off", "confirm", "hold", "patience", "memory")
PART = 0.4
"""Share of break-even's move by which the default rule moves (``control.moved``), as earned most on the plants 100-119
over sixteen operators; ``default`` here is the rule as it was before, moved by all of it."""
PAIRS = (("PPO .95", "PPO 0"), ("PPO .95", "supervised + meta rule"), ("supervised + meta rule", "tuned"))
CONTROL = ControlConfig(moved=1.0)


def drawn(count: int, name: str) -> list[Costs]:
    """Draw operators."""
    rng = derive_rng(0, "operators", name)
    return [
        Costs(opening=float(np.exp(rng.uniform(np.log(0.1), np.log(2)))), miss=float(2 ** rng.uniform(-1, 2)))
        for _ in range(count)
    ]


def moved(costs: Costs) -> float:
    """Give how far an operator's break-even lies from the default one's, in log odds."""
    return break_even(costs) - break_even(Costs())


def shown(data: WindowData, costs: Costs) -> WindowData:
    """Show a policy the prices, and the default rule that they move."""
    alarm = run_rule(default_rule(CONTROL, costs), data.beliefs, data.episode)
    price = np.tile(np.log([costs.opening / Costs().opening, costs.miss]), (data.rows, 1))
    seen = [data.observations[:, :-1], price, np.where(alarm, 1.0, -1.0)[:, None]]
    return replace(data, observations=np.concatenate(seen, axis=1, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class MetaRule:
    """A rule for every operator.

    Attributes:
        numbers: by name, as :data:`NUMBERS`; (P,) arrays for P of them.
    """

    numbers: Mapping[str, Float64]

    def of(self, costs: Costs) -> AlarmRule:
        """Give the rules of an operator, with (P, 1) numbers."""
        rest = {name: self.numbers[name][:, None] for name in NUMBERS[2:]}
        on = self.numbers["level"] + self.numbers["slope"] * moved(costs)
        return AlarmRule("hysteresis", on=on[:, None], **rest)

    def best(self, paid: Float64, count: int) -> MetaRule:
        """Keep those that earn most."""
        order = np.argsort(-paid, kind="stable")[:count]
        return MetaRule({name: values[order] for name, values in self.numbers.items()})


def tune_meta(courses: Mapping[Costs, Course], candidates: int = 64, rounds: int = 4) -> MetaRule:
    """Search the meta rule that earns most over all operators: drawn first, then varied."""
    rng = derive_rng(0, "meta rule")
    table = {
        "level": rng.uniform(-2, 3, candidates),
        "slope": rng.uniform(0, 1.5, candidates),
        "off": rng.exponential(1.0, candidates),
        "confirm": rng.choice([1.0, 1.0, 2.0], candidates),
        "hold": rng.choice([1.0, 1.0, 3.0, 8.0], candidates),
        "patience": rng.choice([1.0, 1.0, 2.0, 5.0], candidates),
        "memory": np.exp(rng.uniform(0, np.log(8), candidates)),
    }
    best = MetaRule(table)
    paid = _paid(best, courses)
    for turn in range(rounds):
        parents = best.best(paid, 6)
        varied = _vary(parents, rng, candidates, 0.5**turn)
        best = MetaRule({name: np.concatenate([parents.numbers[name], varied[name]]) for name in NUMBERS})
        paid = _paid(best, courses)
    return best.best(paid, 1)


def _paid(rules: MetaRule, courses: Mapping[Costs, Course]) -> Float64:
    count = len(rules.numbers["level"])
    paid = [earned(rules.of(costs), one, rules=count).sum(axis=1) for costs, one in courses.items()]
    return np.asarray(np.sum(paid, axis=0))


def _vary(parents: MetaRule, rng: np.random.Generator, count: int, scale: float) -> dict[str, Float64]:
    chosen, result = rng.integers(len(parents.numbers["level"]), size=count), {}
    for name in NUMBERS:
        value = parents.numbers[name][chosen]
        change = rng.normal(0, scale, count) * (rng.random(count) < 0.5)
        if name in {"confirm", "hold", "patience"}:
            value = np.maximum(value + np.round(2 * change), 1.0)
        elif name == "memory":
            value = np.maximum(value * np.exp(change), 1.0)
        else:
            value = value + change if name == "level" else np.maximum(value + change, 0.0)
        result[name] = value
    return result


def policy(learn: Streams, stop: Streams, gamma: float, seed: int) -> Agent:
    """Train a policy for all operators."""
    config = PolicyConfig(gamma=gamma, steps=STEPS, patience=60, envs=CURSORS * 16)
    teachers, judges = drawn(16, "teach"), drawn(8, "stop")
    parts = [(shown(learn.data, costs), costs) for costs in teachers]
    asked = [(shown(stop.data, costs), stop.course(costs=costs)) for costs in judges]

    def held_out(agent: Agent) -> float:
        return float(sum(earned_by(walk(agent, data), course).sum() for data, course in asked))

    def environment(scaled: Callable[[Float32], Float32]) -> Stack:
        return Stack([_cursors(replace(d, observations=scaled(d.observations)), c, config) for d, c in parts])

    seen = np.concatenate([data.observations for data, _ in parts])
    return learn_stack(environment, seen, config, seed=seed, held_out=held_out)


def _cursors(data: WindowData, costs: Costs, config: PolicyConfig) -> CursorVecEnv:
    env: Any = WindowVectorEnv(CURSORS, data, rules_of(config, costs))
    return CursorVecEnv(env, rule=data.observations[:, -1] > 0, leave=config.leave)


def actors_for(costs: Costs, learnt: Mapping[str, Any], taught: Streams) -> dict[str, list[Actor]]:
    """Give everything that may act for an operator."""
    tuned = tune_rules(taught.course(costs=costs), np.random.default_rng(0))
    best = max(tuned.values(), key=lambda one: float(one.utility.sum()))
    single = {name: AlarmRule("hysteresis", **_single(learnt[name], costs)) for name in ("meta", "supervised meta")}
    found = {
        "default": [ruled(default_rule(CONTROL, costs))],
        "default, fixed": [ruled(default_rule(CONTROL))],
        "default, moved by .4": [ruled(default_rule(replace(CONTROL, moved=PART), costs))],
        "tuned": [ruled(best.rule)],
        "meta rule": [ruled(single["meta"])],
        "supervised + meta rule": [_on(learnt["odds"], single["supervised meta"])],
    }
    for name in ("PPO .95", "PPO 0"):
        found[name] = [_acts(agent, costs) for agent in learnt[name]]
    return found


def _single(rule: MetaRule, costs: Costs) -> dict[str, float]:
    one = rule.of(costs)
    names = ("on", "off", "confirm", "hold", "patience", "memory")
    return {name: float(np.ravel(getattr(one, name))[0]) for name in names}


def _on(odds: Callable[[Float32], Float32], rule: AlarmRule) -> Actor:
    return lambda data: run_rule(rule, odds(data.observations), data.episode)


def _acts(agent: Agent, costs: Costs) -> Actor:
    def actor(data: WindowData) -> Bool:
        return walk(agent, shown(data, costs))

    return actor


def learn_all(taught: Streams, learn: Streams, stop: Streams, seeds: Sequence[int]) -> dict[str, Any]:
    """Learn what needs no operator's own prices."""
    operators = drawn(16, "teach")
    odds, apart = crossed(taught)
    learnt: dict[str, Any] = {"odds": odds}
    learnt["meta"] = tune_meta({costs: taught.course(costs=costs) for costs in operators})
    learnt["supervised meta"] = tune_meta({costs: taught.course(apart, costs) for costs in operators})
    for name in ("meta", "supervised meta"):
        print(name, {key: round(float(value[0]), 2) for key, value in learnt[name].numbers.items()}, flush=True)
    for name, gamma in (("PPO .95", 0.95), ("PPO 0", 0.0)):
        learnt[name] = [policy(learn, stop, gamma, seed) for seed in seeds]
    return learnt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/agent"), help="folder of worlds and beliefs")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    taught, stop = lay(CHOICE, options.out), lay(STOP, options.out)
    learn = lay([name for name in CHOICE if name not in STOP], options.out)
    learnt, groups = learn_all(taught, learn, stop, range(options.seeds)), real_and_plants(options.out)
    facts = {}
    for name, costs in OPERATORS.items():
        print(f"\n== {name}: opening {costs.opening}, miss {costs.miss}")
        facts[name] = report(actors_for(costs, learnt, taught), groups, costs=costs, pairs=PAIRS)
    print(f"{time.process_time():.0f} CPU-s")
    print(json.dumps({"claim": "one policy or rule for every operator", "value": facts}))


if __name__ == "__main__":
    main()
