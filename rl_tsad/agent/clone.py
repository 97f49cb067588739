"""A head start for the policy: imitate, before PPO, the choice that the rewards themselves make window by window.

With few answers PPO's first rollouts are spent on finding out what the reward table already says. With a discount of 0
and an entropy bonus tau the best policy is known in closed form, the Boltzmann choice (Haarnoja et al., ICML 2017,
section 3, for one step)::

    pi(anomaly | s) = sigmoid((r(s, anomaly) - r(s, normal)) / tau)

The actor is fitted to it by cross-entropy over the windows at which episodes start; then PPO goes on from there with
the same rewards. It reads no more than the environment pays: answers, their weights and e.
"""

from __future__ import annotations

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch.nn.functional import binary_cross_entropy_with_logits

from envs.track import live_column, log_held, track_of
from envs.window_data import EnvConfig, WindowData
from rl_tsad.decision_config import AgentConfig
from rl_tsad.types import Float32

BATCH = 512
LEARNING_RATE = 3e-3


def soft_greedy(data: WindowData, rules: EnvConfig, temperature: float) -> Float32:
    """Give the Boltzmann choice of each window.

    Args:
        data: the windows.
        rules: rewards and lambda.
        temperature: tau, in units of reward.

    Returns:
        (N,) float32, probability of saying anomaly.

    Example:
        >>> from envs.window_data import blank_data
        >>> soft_greedy(blank_data(2, 1), EnvConfig(), 1.0).tolist()
        [0.5, 0.5]
    """
    track = track_of(data, rules)
    paid = (track.table + rules.vae_weight * track.unsupervised).reshape(-1, 2)  # (N, 2)
    return np.asarray(1.0 / (1.0 + np.exp(-(paid[:, 1] - paid[:, 0]) / temperature)), dtype=np.float32)


def clone(
    policy: ActorCriticPolicy, data: WindowData, rules: EnvConfig, config: AgentConfig, rng: np.random.Generator
) -> float:
    """Fit the actor to the soft-greedy choice, in place.

    What was done in the episode so far is drawn at random, so that the head start does not lean on it.

    Args:
        policy: whose actor is fitted; the critic stays.
        data: normalised windows.
        rules: of the environment that PPO will see.
        config: ``clone_steps``, ``clone_temperature`` and ``weight_decay``.
        rng: draws the batches.

    Returns:
        Mean cross-entropy over the last tenth of the updates.
    """
    view = track_of(data, rules).view  # (N, F + 9)
    wanted = torch.from_numpy(soft_greedy(data, rules, config.clone_temperature))  # (N,)
    actor = [*policy.mlp_extractor.policy_net.parameters(), *policy.action_net.parameters()]
    optimizer = torch.optim.AdamW(actor, lr=LEARNING_RATE, weight_decay=config.weight_decay)
    losses = []
    for _ in range(config.clone_steps):
        rows = data.starts(rng.random(BATCH))  # (512,)
        batch = torch.from_numpy(_with_some_past(view[rows], rules, rng))  # (512, F + 9)
        logits = policy.action_net(policy.mlp_extractor.forward_actor(batch))  # (512, 3)
        loss = binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], wanted[torch.from_numpy(rows)])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses[-max(len(losses) // 10, 1) :]))


def _with_some_past(seen: Float32, rules: EnvConfig, rng: np.random.Generator) -> Float32:
    """Fill in what was said in the steps before and what became of the alarm, at random, (n, F + 9)."""
    verdict = rng.integers(-1, 2, len(seen))
    steps = np.where(verdict == 0, 0, rng.integers(1, rules.horizon + 1, len(seen)))
    held = np.minimum(rng.integers(0, steps + 1), rules.held_limit)
    seen[:, live_column("verdict")], seen[:, live_column("open")] = verdict, verdict == 1
    seen[:, live_column("held")] = log_held(rules.held_limit)[held]
    seen[:, live_column("recent")] = np.where(verdict == 1, 1.0, rng.integers(0, 2, len(seen)) * (steps > 0))
    seen[:, live_column("horizon")] = 1.0 - steps / rules.horizon
    return seen
