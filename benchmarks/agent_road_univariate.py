"""Road 2, univariate series: does a regularised alarm policy that knows written events alone beat the best rule?

    python benchmarks/agent_road_univariate.py --out FOLDER [--seeds 1] [--again]

An early experiment suggested so on a univariate set, with no answers. Here are twelve fresh univariate series (one
sensor of a simulated plant each, ``WIRES`` in agent_cases.py; nothing was chosen on them) and NAB's thirty as one
workspace, after 0, 10, 30 and 100 questions about events. Nothing but the workspace teaches: written events into
copies that the belief does not know, and the pool with its answers, the rest of it presumed normal. On these streams

* ``default`` is not tuned; ``tuned`` is the rule, of the four kinds, that earned most on held-out blocks of them;
* ``led .95``, ``led 0``: the package's policy: begins as the default rule, pays for leaving it, stops in time;
* ``free .95``, ``free 0``: the same network, sight and stopping, without the rule to begin with or to return to;
* ``free, 0 steps``: what that network says before PPO. (The led one is the default rule then, by construction.)
* ``supervised``: gradient boosting on what the policy sees, with the threshold or hysteresis that earned most on its
  log odds for episodes that it did not learn on (with ``--again`` only);
* ``hindsight``: of the four kinds, the rule that earns most on the test itself; no method, a ceiling for rules.

``--again`` plays six other univariate series (``AGAIN``), before any answer only.
Every actor of a split judges the same belief; splits are worlds x seeds (of belief, deal and policy), averaged over
seeds before series are drawn for the 95 % intervals. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from agent import Method, ask, learn_ours
from agent_bench import Analyst, Bench
from agent_cases import AGAIN, WIRES, load_world
from agent_roads import COSTS, Streams, crossed, gains, means

from envs.window_data import WindowData
from rl_tsad.agent.act import act
from rl_tsad.agent.alarms import run_rule
from rl_tsad.agent.belief import form_belief
from rl_tsad.agent.chain import ChainConfig, halves, learn_chain, watch
from rl_tsad.agent.control import default_rule, presume
from rl_tsad.agent.observe import join_targets
from rl_tsad.agent.train import train_agent
from rl_tsad.agent.tune import Course, earned_by, lay_course, tune_rules
from rl_tsad.decision_config import BeliefConfig, ControlConfig, PolicyConfig
from rl_tsad.evaluation.metrics import event_f1
from rl_tsad.types import Bool, Float32, Targets

ROUNDS = (0, 10, 20, 30, 50, 75, 100)
SHOWN = (0, 10, 30, 100)
LED = PolicyConfig()
FREE = replace(LED, lead=0.0, leave=0.0)


def streams_of(bench: Bench, targets: Targets, seed: int) -> tuple[Float32, Course, WindowData]:
    """Give the belief about all windows, and the streams that teach those who act, as rules and as others see them."""
    mine, others = halves(bench.world.rehearsal)
    formed = form_belief(bench.pool, targets, mine, BeliefConfig(), seed=seed, seen=bench.seen)
    keys = np.concatenate([one.keys for one in bench.pool])
    value, weight = presume(*join_targets(keys, targets), ControlConfig().presumed)
    belief = np.concatenate([formed.pool, formed.belief.logits(others.judgements)])
    target = np.concatenate([value, *others.truth])
    trust = np.concatenate([weight, np.ones(len(target) - len(value), np.float32)])
    parts = [*bench.pool, *others.judgements]
    episode = np.repeat(np.arange(len(parts)), [len(one) for one in parts])
    course = lay_course(belief, target, trust, episode, costs=COSTS)
    shown = watch(parts, belief, run_rule(default_rule(ControlConfig()), belief, episode))
    return formed.belief.logits(bench.world.judgements), course, replace(shown, target=target, weight=trust)


def policy(bench: Bench, targets: Targets, config: PolicyConfig, seed: int) -> Bool:
    """Let the chain train a policy, and force it to act."""
    chain = ChainConfig(control=ControlConfig(actor="policy"), policy=config)
    actor, _ = learn_chain(bench.pool, targets, bench.world.rehearsal, chain, seed=seed, seen=bench.seen)
    assert actor.agent is not None
    return np.asarray(actor.decide(bench.world.judgements).verdict == 1)


def supervised(course: Course, data: WindowData, seen: WindowData, seed: int) -> Bool:
    """Learn to classify windows instead, and tune a rule on what that says."""
    odds, apart = crossed(Streams(data, data.episode, data.episode * 0, data.episode * 0))
    rng = np.random.default_rng(seed)
    tuned = tune_rules(replace(course, belief=apart), rng, kinds=["threshold", "hysteresis"])
    best = max(tuned.values(), key=lambda one: float(one.utility.sum()))
    return run_rule(best.rule, odds(seen.observations), seen.episode)


def alarms_of(bench: Bench, targets: Targets, seed: int, again: bool) -> Iterator[tuple[str, Bool]]:
    """Let everybody act on a belief."""
    logits, course, known = streams_of(bench, targets, seed)
    default = run_rule(default_rule(ControlConfig()), logits, bench.episode)
    yield "default", default
    yield "never", np.zeros_like(default)
    tuned = max(tune_rules(course, np.random.default_rng(seed)).values(), key=lambda one: float(one.utility.sum()))
    yield "tuned", run_rule(tuned.rule, logits, bench.episode)
    for name, config in (("led", LED),) if again else (("led", LED), ("free", FREE)):
        for gamma, shown in ((0.95, ".95"), (0.0, "0")):
            yield f"{name} {shown}", policy(bench, targets, replace(config, gamma=gamma), seed)
    data = watch(bench.world.judgements, logits, default)
    if again:
        yield "supervised", supervised(course, known, data, seed)
    yield "free, 0 steps", act(train_agent(data, replace(FREE, steps=0), seed=seed), data, bench.keys).verdict == 1
    test = bench.world.test
    best = tune_rules(replace(bench.course, belief=logits[test]), np.random.default_rng(0), candidates=48)
    alarms = [run_rule(one.rule, logits, bench.episode) for one in best.values()]
    yield "hindsight", max(alarms, key=lambda alarm: float(earned_by(alarm[test], bench.course).sum()))


def account(bench: Bench, alarm: Bool) -> pd.DataFrame:
    """Give what an actor earns in each series' test windows."""
    test, course = bench.world.test, bench.course
    episode = bench.episode[test]
    found = event_f1(bench.world.truth[test], alarm[test].astype(np.int8), episode)
    utility = earned_by(alarm[test], course)
    rows = {"series": episode[course.streams.start], "windows": course.streams.length, "utility": utility}
    return pd.DataFrame({**rows, "world": bench.world.name, "f1": found})


def play(name: str, seed: int, out: Path, again: bool) -> pd.DataFrame:
    """Ask and answer; after some questions everybody acts. Kept in the folder."""
    file = out / "univariate" / f"{name}.{seed}.csv"
    if not file.exists():
        bench = Bench.of(load_world(name, out / "worlds"))
        analyst, method = Analyst(bench.world, bench.episode), Method(learn_ours(ChainConfig()), True)
        tables = []
        for place, budget in enumerate(ROUNDS[:1] if again else ROUNDS):
            targets = bench.targets(analyst)
            for actor, alarm in alarms_of(bench, targets, seed, again) if budget in SHOWN else ():
                tables.append(account(bench, alarm).assign(actor=actor, budget=budget, seed=seed))
            if place + 1 < len(ROUNDS) and not again:
                score, _, _ = method.learn(bench, targets, seed, False)
                ask(bench, analyst, method, score, ROUNDS[place + 1], seed)
        file.parent.mkdir(parents=True, exist_ok=True)
        pd.concat(tables).to_csv(file, index=False, float_format="%.6g")
    print(name, seed, f"{time.process_time():.0f} CPU-s", flush=True)
    return pd.read_csv(file)


def show(group: str, table: pd.DataFrame) -> dict[str, object]:
    """Print what actors earn, and how much more than the default rule and the tuned one."""
    whole = table.groupby(["actor", "world", "budget", "series"], as_index=False).mean(numeric_only=True)
    tables = {str(actor): part for actor, part in whole.groupby("actor", sort=False)}
    budgets = sorted(set(table["budget"].tolist()))
    facts: dict[str, object] = {}
    print(
        f"\n{group:16}"
        + "".join(f"{budget:>14}" for budget in budgets)
        + "   more than default at each, than tuned at 0"
    )
    for actor in table["actor"].unique():
        cells, more = means(tables[actor]), gains(tables[actor], tables["default"])
        tuned = gains(tables[actor], tables["tuned"])
        facts[f"{group}, {actor}"] = {"cells": cells, "more than default": more, "more than tuned": tuned}
        shown = "".join(f"{cells[b][0]:>8.1f} /{cells[b][1]:4.2f}" for b in budgets)
        beside = " ".join(f"{more[str(b)][0]:.1f} [{more[str(b)][1]:.1f}, {more[str(b)][2]:.1f}]" for b in budgets)
        print(f"{actor:16}{shown}   {beside} | {tuned['0'][0]:.1f} [{tuned['0'][1]:.1f}, {tuned['0'][2]:.1f}]")
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/agent"), help="folder of worlds and results")
    parser.add_argument("--seeds", type=int, default=1, help="of each univariate series; NAB gets twice as many")
    parser.add_argument("--again", action="store_true", help="other series, before any answer")
    options = parser.parse_args()
    torch.set_num_threads(1)
    facts: dict[str, object] = {}
    groups = [("wires", WIRES, options.seeds), ("nab", ("nab",), 2 * options.seeds)]
    for group, names, seeds in [("other wires", AGAIN, options.seeds)] if options.again else groups:
        played = [play(name, seed, options.out, options.again) for name in names for seed in range(seeds)]
        facts |= show(group, pd.concat(played))
    print(json.dumps({"claim": "univariate series, few or no answers", "value": facts}))


if __name__ == "__main__":
    main()
