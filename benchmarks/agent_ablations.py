"""Claim: which parts of the chain earn their place? Each is taken out, or put in where it is off, beside the whole.

    python benchmarks/agent_ablations.py --out FOLDER [--worlds plant-0,...] [--methods base,windows,...]

Loop, worlds, utility and F1 as in ``agent.py``. Three tables, each with paired differences and 95 % intervals:

* the rule acts (``base``); ``windows`` instead of events are asked; ``unwritten``: no self-supervised start, nothing is
  written into copies; ``forest``: a random forest instead of the belief, asked for the same kind of events;
  ``cautious``: the belief leans
  on the label-free score for longer (ten answers instead of one), and written events do not fade; ``whole``: all
  windows of a marked event teach, not only the oddest; ``unnoted``: nobody says by how much a window exceeds the usual;
  ``one view``: the pool is judged only by who has not seen it;
* the policy acts whatever it earned on held-out answers (``policies``): as configured, with gamma 0, from scratch
  (neither cloned nor led), without the belief's history, with a fixed VAE term, with the lambda controller too, with a
  potential, and after 0 steps, which is the rule;
* the published agent on windows (``published``), without its VAE term, controller or potential.

The label-free score stands in for the language model's severity. The last line is one JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import torch
from agent import MARGIN, PUBLISHED, Learned, Learner, Method, learn_ours, read_options, run_cells
from agent_bench import Bench
from agent_tables import Side, show_means, show_pairs

from rl_tsad.agent.act import act
from rl_tsad.agent.alarms import run_rule
from rl_tsad.agent.chain import ChainConfig, learn_chain
from rl_tsad.agent.control import default_rule
from rl_tsad.agent.forest import forest_decisions
from rl_tsad.agent.history import history
from rl_tsad.agent.observe import observe
from rl_tsad.agent.train import train_agent
from rl_tsad.decision_config import AgentConfig, BeliefConfig, ControlConfig, PolicyConfig
from rl_tsad.detector.judge import Judgement
from rl_tsad.types import Float32, Targets, no_targets

CAUTIOUS = BeliefConfig(cautious_answers=10.0, written_fade=1e9)
WHOLE = BeliefConfig(oddest=1_000_000)
RULES = ("windows", "unwritten", "forest", "cautious", "whole", "unnoted", "one view")
PAID = (0, 20, 50)
"""Questions after which policies are trained; the rule asks."""
POLICIES = {
    "policy": PolicyConfig(),
    "gamma 0": PolicyConfig(gamma=0.0),
    "from scratch": PolicyConfig(lead=0.0, leave=0.0),
    "no history": PolicyConfig(),
    "VAE term": PolicyConfig(vae_weight=1.0, vae_rate=0.0),
    "VAE term, controller": PolicyConfig(vae_weight=1.0),
    "potential": PolicyConfig(shaping_weight=0.5),
}
WINDOWS = {
    "published": PUBLISHED,
    "no VAE term": replace(PUBLISHED, vae_weight=0.0),
    "no controller": replace(PUBLISHED, vae_rate=0.0),
    "no potential": replace(PUBLISHED, shaping_weight=0.0),
}


def learn_forest(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
    """Put a random forest in the place of the belief; the same rule acts on its log odds."""
    del judged
    probability = forest_decisions(bench.world.judgements, targets, seed=seed).probability.astype(np.float64)
    logits = np.log((probability + 1e-3) / (1.0 - probability + 1e-3)).astype(np.float32)
    return logits, {"agent": run_rule(default_rule(ControlConfig()), logits, bench.episode)}, ""


def learn_unnoted(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
    """Take the notes away: the same number in every window."""
    world = bench.world
    rehearsal = replace(world.rehearsal, judgements=_unnoted(world.rehearsal.judgements))
    blank = replace(world, judgements=_unnoted(world.judgements), rehearsal=rehearsal)
    blind = replace(bench, world=blank, pool=_unnoted(bench.pool), seen=_unnoted(bench.seen))
    return learn_ours(ChainConfig(), actors=False)(blind, targets, seed, judged)


def learn_one_view(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
    """Leave out what the detector that learnt on the pool says of it."""
    return learn_ours(ChainConfig(), actors=False)(replace(bench, seen=()), targets, seed, judged)


def learn_policies(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
    """Train every policy on the same belief; the rule asks on."""
    base = ChainConfig(control=ControlConfig(actor="policy"))
    logits, alarms, _ = learn_ours(ChainConfig(), actors=False)(bench, targets, seed, False)
    if not judged:
        return logits, alarms, ""
    severity = np.concatenate([one.prior for one in bench.pool])
    found = {"0 steps": alarms["agent"]}
    for name, config in POLICIES.items():
        whole = replace(base, policy=config)
        seen = _now_only if name == "no history" else history
        with patch("rl_tsad.agent.chain.history", seen):
            actor, _ = learn_chain(
                bench.pool, targets, bench.world.rehearsal, whole, seed=seed, seen=bench.seen, severity=severity
            )
            found[name] = actor.decide(bench.world.judgements).verdict == 1
    return logits, found, ""


def learn_windows(config: AgentConfig) -> Learner:
    """Make a learner of the agent on windows."""

    def learn(bench: Bench, targets: Targets, seed: int, judged: bool) -> Learned:
        del judged
        severity = np.concatenate([one.prior for one in bench.pool])
        agent = train_agent(observe(bench.pool, targets, severity, error=config.vae_source), config, seed=seed)
        blank = np.zeros(len(bench.keys), np.float32)
        decisions = act(agent, observe(bench.world.judgements, no_targets(), blank), bench.keys)
        return decisions.probability, {"agent": decisions.verdict == 1}, ""

    return learn


def _unnoted(judgements: Sequence[Judgement]) -> tuple[Judgement, ...]:
    return tuple(replace(one, notes=np.zeros_like(one.notes)) for one in judgements)


def _now_only(belief: Float32, episode: object) -> Float32:
    del episode
    return belief[:, None]


METHODS = {
    "base": Method(learn_ours(ChainConfig(), actors=False), True),
    "windows": Method(learn_ours(ChainConfig(), actors=False), False),
    "unwritten": Method(learn_ours(ChainConfig(), written=False, actors=False), True),
    "forest": Method(learn_forest, True),
    "cautious": Method(learn_ours(ChainConfig(belief=CAUTIOUS), actors=False), True),
    "whole": Method(learn_ours(ChainConfig(belief=WHOLE), actors=False), True),
    "unnoted": Method(learn_unnoted, True),
    "one view": Method(learn_one_view, True),
    "policies": Method(learn_policies, True, budgets=PAID),
    **{name: Method(learn_windows(config), False, MARGIN, budgets=(20, 50)) for name, config in WINDOWS.items()},
}


def main() -> None:
    torch.set_num_threads(1)
    table = run_cells(METHODS, read_options(__doc__, METHODS))
    show_means(table)
    rule, policy, published = ("base", "agent"), ("policies", "policy"), ("published", "agent")
    pairs: dict[str, tuple[Side, Side]] = {f"base - {name}": (rule, (name, "agent")) for name in RULES}
    pairs |= {f"policy - {name}": (policy, ("policies", name)) for name in ["0 steps", *POLICIES] if name != "policy"}
    pairs |= {f"published - {name}": (published, (name, "agent")) for name in WINDOWS if name != "published"}
    claims = show_pairs(table, pairs, areas=["base - windows", "base - forest"])
    print(json.dumps({"claim": "what each part of the chain adds", "value": claims}))


if __name__ == "__main__":
    main()
