"""Claim: the agent's chain against its own controls and against what the field ships, by questions and analyst seconds.

    python benchmarks/agent.py --out FOLDER [--worlds plant-0,...] [--seeds 1] [--methods chain,field,published]
                               [--protocol past_future|blocks|unseen]

Every round asks, answers from truth, learns and is judged on test windows that were never asked. Protocols: past ->
future (pool = the first 60 % of each series, then a gap of one window), blocks (with windows purged between them), and
unseen series (near-duplicates on one side). Settings were chosen on the simulated plants 100-139 and on fleets of them
(``CHOICE``, ``LATER``, ``FLEETS`` in agent_cases.py), and are the defaults; reported are plants 0-39, SKAB, NAB, SMAP.

Methods:
* ``chain``: this package's: events are asked (mixed queue), belief, alarm rule, policy, the choice between them;
* ``field``: windows by margin, random forest (200 trees, balanced), anomaly above .5;
* ``published``: windows by margin, PPO on windows with +5/+1/-1/-5, VAE term and potential (arXiv 2601.02511).

Within a run of a chain several actors are judged on the same belief: who acted (``agent``), the ``rule``, the
``policy``, ``tuned`` rules (chosen on answers they were not tuned on), a plain ``threshold``, ``never``; and in
hindsight, marked so, the best rule for the test itself. Utility counts a missed event as 1 (``Costs``); F1 is the
composite of events found and windows rightly flagged. Analyst seconds: 4 for an answer that finds nothing or concerns
one window, 10 for an event with its boundaries. Every window whose truth was looked at is counted (``reads``). Each
cell is kept in the folder, so that a run can be interrupted. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from agent_bench import Analyst, Bench
from agent_cases import CHOICE, FLEETS, LATER, PLANTS, REAL, load_world
from agent_tables import grouped, show_means, show_pairs
from sklearn.metrics import average_precision_score

from rl_tsad.active.select import Pick, select
from rl_tsad.agent.act import act
from rl_tsad.agent.alarms import run_rule
from rl_tsad.agent.belief import Formed, form_belief
from rl_tsad.agent.chain import ChainConfig, learn_chain
from rl_tsad.agent.forest import forest_decisions
from rl_tsad.agent.observe import observe
from rl_tsad.agent.train import train_agent
from rl_tsad.agent.tune import tune_rules
from rl_tsad.config import ActiveConfig
from rl_tsad.decision_config import AgentConfig
from rl_tsad.detector.rehearse import Rehearsal
from rl_tsad.types import Bool, Float32, Targets, no_targets

BUDGETS = (0, 10, 20, 50, 100)
ROUNDS = (0, 10, 20, 30, 40, 50, 75, 100)
MARGIN = ActiveConfig(margin=1.0, top=0.0, diverse=0.0)
COLD = ActiveConfig(margin=0.0, top=0.5, diverse=0.5)
PUBLISHED = AgentConfig(rewards=(5.0, 1.0, -1.0, -5.0), vae_source="vae")


Learned = tuple[Float32, dict[str, Bool], str]
"""Score of all windows, alarms by actor, and who acted and why."""
Learner = Callable[[Bench, Targets, int, bool], Learned]


def learn_ours(config: ChainConfig, *, written: bool = True, actors: bool = True) -> Learner:
    """Make a learner of the chain, with or without all who might act on its belief."""

    def learn(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
        rehearsal = bench.world.rehearsal if written else Rehearsal((), ())
        if not written and len(set(targets.value.tolist())) < 2:
            prior = np.concatenate([one.prior for one in bench.world.judgements])
            return prior, {"agent": prior > 0.5}, "label-free score"
        everyone = judged and actors
        control = replace(config.control, actor="policy" if everyone else "rule")
        with patch("rl_tsad.agent.chain.form_belief", _formed_once()):
            actor, metrics = learn_chain(
                bench.pool, targets, rehearsal, replace(config, control=control), seed=seed, seen=bench.seen
            )
            tuned = _tuned(bench, targets, config, rehearsal, seed) if everyone else None
        logits = actor.belief.logits(bench.world.judgements)
        rule = run_rule(actor.rule, logits, bench.episode)
        if tuned is None:
            return logits, {"agent": rule}, ""
        policy = actor.decide(bench.world.judgements).verdict == 1
        found = actor.acts.found
        acts = metrics["actor/doubt"] <= config.control.doubt and found["policy"] >= found["rule"]  # forced above
        alarms = {"agent": policy if acts else rule, "rule": rule, "policy": policy, "threshold": logits > 0}
        alarms |= {"tuned": tuned, "never": np.zeros(len(rule), np.bool_)}
        alarms |= {"hindsight: best rule": _hindsight(bench, logits)}
        return logits, alarms, f"{'policy' if acts else 'rule'} acts, doubt {metrics['actor/doubt']:.2f}"

    return learn


def _formed_once() -> Callable[..., Formed]:
    """Make what forms a belief once and gives it again: whoever acts in a round acts on the same one."""
    kept: list[Formed] = []

    def form(*given: object, **rest: object) -> Formed:
        if not kept:
            kept.append(form_belief(*given, **rest))
        return kept[0]

    return form


def _tuned(bench: Bench, targets: Targets, config: ChainConfig, rehearsal: Rehearsal, seed: int) -> Bool:
    control = replace(config.control, rule="best", actor="rule")
    actor, _ = learn_chain(bench.pool, targets, rehearsal, replace(config, control=control), seed=seed, seen=bench.seen)
    return run_rule(actor.rule, actor.belief.logits(bench.world.judgements), bench.episode)


def _hindsight(bench: Bench, logits: Float32) -> Bool:
    test = bench.world.test
    course = replace(bench.course, belief=logits[test])
    tuned = tune_rules(course, np.random.default_rng(0), candidates=48)
    alarms = [run_rule(one.rule, logits, bench.episode) for one in tuned.values()]
    return max(alarms, key=lambda alarm: bench.judge(alarm)["utility"])


def learn_field(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
    """Learn what the field ships: a random forest, anomaly above .5."""
    del judged
    decisions = forest_decisions(bench.world.judgements, targets, seed=seed)
    return decisions.probability, {"agent": decisions.probability > 0.5}, ""


def learn_published(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
    """Learn the published recipe: PPO on windows with its rewards, VAE term and potential."""
    del judged
    torch.set_num_threads(1)
    severity = np.concatenate([one.prior for one in bench.pool])  # stands for the language model's, which is no better
    agent = train_agent(observe(bench.pool, targets, severity, error=PUBLISHED.vae_source), PUBLISHED, seed=seed)
    blank = np.zeros(len(bench.keys), np.float32)
    decisions = act(agent, observe(bench.world.judgements, no_targets(), blank), bench.keys)
    return decisions.probability, {"agent": decisions.verdict == 1}, ""


@dataclass(frozen=True)
class Method:
    """How a learner is asked for.

    Attributes:
        learn: makes scores and alarms of answers.
        events: whether events are asked, else windows.
        selection: how the next questions are picked.
        budgets: questions after which it is judged.
        pick: picks them; as the package does.
    """

    learn: Learner
    events: bool
    selection: ActiveConfig = field(default_factory=ActiveConfig)
    budgets: tuple[int, ...] = BUDGETS
    pick: Callable[..., list[Pick]] = select


METHODS = {
    "chain": Method(learn_ours(ChainConfig()), True),
    "field": Method(learn_field, False, MARGIN),
    "published": Method(learn_published, False, MARGIN),
}


def play(bench: Bench, method: Method, seed: int) -> Iterator[dict[str, object]]:
    """Ask, answer and learn round by round; yield a row for each budget and actor."""
    analyst = Analyst(bench.world, bench.episode)
    bench = replace(bench, analyst=analyst)
    truth, test = bench.world.truth, bench.world.test
    for place, budget in enumerate(ROUNDS):
        started = time.process_time()
        score, alarms, why = method.learn(bench, bench.targets(analyst), seed, budget in method.budgets)
        spent = time.process_time() - started
        if budget in method.budgets:
            ranked = average_precision_score(truth[test], score[test])
            cost = {"seconds": analyst.seconds, "labels": len(analyst.labels), "reads": len(analyst.reads)}
            for actor, alarm in alarms.items():
                yield {
                    "budget": budget,
                    "actor": actor,
                    "ap": ranked,
                    **bench.judge(alarm),
                    **cost,
                    "cpu": spent,
                    "why": why,
                }
        if place + 1 < len(ROUNDS):
            ask(bench, analyst, method, score, ROUNDS[place + 1], seed)


def ask(bench: Bench, analyst: Analyst, method: Method, score: Float32, until: int, seed: int) -> None:
    """Ask until a number of questions was answered, or nothing is left to ask."""
    pool = np.flatnonzero(bench.world.pool)
    both = len(set(analyst.labels.values())) == 2
    selection = method.selection if both or method.events else COLD
    probability = score if float(score.min()) >= 0 and float(score.max()) <= 1 else 1.0 / (1.0 + np.exp(-score))
    while analyst.questions < until:
        asked = {str(bench.keys[row]) for row in analyst.labels}
        picks = method.pick(
            bench.keys[pool],
            probability[pool].astype(np.float32),
            np.concatenate([one.prior for one in bench.pool]),
            np.concatenate([one.features for one in bench.pool]),
            asked=asked,
            config=selection,
            count=until - analyst.questions,
            before=analyst.questions,
            seed=seed + analyst.questions,
        )
        rows = [int(pool[pick.row]) for pick in picks if int(pool[pick.row]) not in analyst.labels]
        if not rows:
            return
        for row in rows:
            if row in analyst.labels:  # another answer of this batch took it in
                continue
            if method.events:
                analyst.answer_event(row, score)
            else:
                analyst.answer_window(row)


def run_cells(methods: Mapping[str, Method], options: argparse.Namespace) -> pd.DataFrame:
    """Play methods on worlds, or read what earlier runs kept; one table with its groups."""
    cells = []
    for seed in range(options.seeds):
        for world in options.worlds.split(","):
            for name in options.methods.split(","):
                file = options.out / "cells" / f"{world}.{options.protocol}.{name}.{seed}.csv"
                if not file.exists() and not options.shown:
                    _keep(file, world, methods[name], seed, options)
                    print(file.stem, flush=True)
                if file.exists():
                    cells.append(pd.read_csv(file).assign(world=world, method=name, seed=seed))
    table = grouped(pd.concat(cells))
    chosen = {*CHOICE, *LATER, *FLEETS}
    assert not set(table.world) & chosen or set(table.world) <= chosen, "choice and report are apart"
    return table


def _keep(file: Path, world: str, method: Method, seed: int, options: argparse.Namespace) -> None:
    cut = {"protocol": options.protocol, "seed": seed, "seen": options.seen}
    bench = Bench.of(load_world(world, options.out / "worlds", **cut))
    draft = file.with_suffix(f".{os.getpid()}.draft")
    file.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(list(play(bench, method, seed))).to_csv(draft, index=False, float_format="%.6g")
    draft.replace(file)


def read_options(text: str | None, methods: Mapping[str, Method]) -> argparse.Namespace:
    """Read what to run from the command line."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/agent"), help="folder of worlds and cells")
    parser.add_argument("--worlds", default=",".join([*PLANTS, *REAL]))
    parser.add_argument("--protocol", default="past_future", choices=["past_future", "blocks", "unseen"])
    parser.add_argument("--methods", default=",".join(methods))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--seen", action="store_true", help="judge the pool by what it taught itself; take another --out"
    )
    parser.add_argument("--shown", action="store_true", help="only show what earlier runs kept")
    return parser.parse_args()


PAIRS = {
    "agent - rule": (("chain", "agent"), ("chain", "rule")),
    "policy - rule": (("chain", "policy"), ("chain", "rule")),
    "rule - tuned": (("chain", "rule"), ("chain", "tuned")),
    "rule - threshold": (("chain", "rule"), ("chain", "threshold")),
    "rule - never": (("chain", "rule"), ("chain", "never")),
    "chain - field": (("chain", "agent"), ("field", "agent")),
    "chain - published": (("chain", "agent"), ("published", "agent")),
}


def main() -> None:
    options = read_options(__doc__, METHODS)
    torch.set_num_threads(1)
    table = run_cells(METHODS, options)
    show_means(table)
    claims = show_pairs(table, PAIRS, areas=["chain - field", "chain - published"])
    print(json.dumps({"claim": "the chain beside its controls and the field", "value": claims}))


if __name__ == "__main__":
    main()
