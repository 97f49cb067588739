"""What the agent says of each window: verdict, probability and margin, for millions of windows at once.

The last verdict is part of the state, so verdicts depend on each other. The network judges every window for both last
verdicts in bulk; a scan then follows the one branch that really happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch.nn.functional import linear

from envs.window_data import Bool, WindowData
from rl_tsad.agent.train import Agent
from rl_tsad.errors import DataError
from rl_tsad.types import Float32, Int8, Keys

_CHUNK = 8192


@dataclass(frozen=True)
class Decisions:
    """What was decided of windows.

    Attributes:
        keys: (N,) window keys.
        verdict: (N,) int8, 1 for an anomaly.
        probability: (N,) float32 in [0, 1], P(anomaly), given the verdict before.
        margin: (N,) float32 in [0, 1], |P(anomaly) - P(normal)|; small means unsure.
    """

    keys: Keys
    verdict: Int8
    probability: Float32
    margin: Float32

    def __len__(self) -> int:
        return len(self.keys)


def act(agent: Agent, data: WindowData, keys: Keys | Sequence[str]) -> Decisions:
    """Judge every window as a greedy walk from the start of each run would.

    Args:
        agent: trained.
        data: windows as :func:`rl_tsad.agent.observe.observe` gives them; answers in it are not read.
        keys: (N,) their keys, in the same order.

    Raises:
        DataError: when keys and windows differ in number.
        ConfigError: when the agent knows another number of features.

    Example:
        >>> from envs.samples import sample_windows
        >>> from rl_tsad.agent.train import train_agent
        >>> from rl_tsad.config import AgentConfig
        >>> data = sample_windows(50, 3).data
        >>> agent = train_agent(data, AgentConfig(envs=8, rollout=8, batch=64, steps=64, hidden=(4,)), seed=0)
        >>> len(act(agent, data, [f"a:{i}:64" for i in range(50)]))
        50
    """
    if len(keys) != data.rows:
        raise DataError(f"expected {data.rows} keys, one a window, got {len(keys)}; pass those of the judgements")
    agent.check_width(data.width)
    first = np.append(True, data.last[:-1])
    branches = branch_probabilities(agent, data.observations, (-1.0, 1.0))  # (N, 2)
    opening = np.zeros(data.rows, dtype=np.float32)
    opening[first] = branch_probabilities(agent, data.observations[first], (0.0,))[:, 0]
    verdict = follow(branches[:, 0] > 0.5, branches[:, 1] > 0.5, opening > 0.5, first)
    before = np.append(0, verdict[:-1])
    probability = np.where(first, opening, np.where(before, branches[:, 1], branches[:, 0]))
    margin = np.abs(2.0 * probability - 1.0).astype(np.float32)
    return Decisions(np.asarray(keys, dtype=np.str_), verdict.astype(np.int8), probability, margin)


def follow(after_normal: Bool, after_anomaly: Bool, at_start: Bool, first: Bool) -> Bool:
    """Follow each run's verdicts from its first window, without a loop.

    A window whose verdict does not depend on the one before is an anchor. After an anchor each window either repeats
    the verdict before it or turns it round: a verdict is its last anchor's, turned as often as the windows since do.

    Args:
        after_normal: (N,) verdict if the one before was normal.
        after_anomaly: (N,) verdict if the one before was anomaly.
        at_start: (N,) verdict if there was none before.
        first: (N,) whether a window starts its run; the first one must.

    Returns:
        (N,) bool verdicts.

    Example:
        >>> after_normal, after_anomaly = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
        >>> at_start, first = np.array([1, 0, 0, 0], bool), np.array([1, 0, 0, 0], bool)
        >>> follow(after_normal, after_anomaly, at_start, first).tolist()
        [True, True, False, True]
    """
    anchor = first | (after_normal == after_anomaly)
    place = np.maximum.accumulate(np.where(anchor, np.arange(len(anchor)), 0))
    turns = np.cumsum(~anchor & after_normal)
    settled = np.where(first, at_start, after_normal)
    return np.asarray(settled[place] ^ ((turns - turns[place]) % 2 == 1))


def branch_probabilities(agent: Agent, observations: Float32, verdicts: Sequence[float]) -> Float32:
    """Give P(anomaly) of every window for some last verdicts; the first layer's work is shared among them.

    Args:
        agent: trained.
        observations: (N, F) float32, not normalised.
        verdicts: K last verdicts as observed: -1 normal, 0 none, 1 anomaly.

    Returns:
        (N, K) float32.

    Example:
        >>> from rl_tsad.agent.train import build_policy
        >>> from rl_tsad.config import AgentConfig
        >>> config, one = AgentConfig(), np.ones(3, np.float32)
        >>> branch_probabilities(Agent(build_policy(config, 3), config, one, one), one[None], (-1.0, 1.0)).shape
        (1, 2)
    """
    layers = [*agent.policy.mlp_extractor.policy_net, agent.policy.action_net]
    weight, bias = cast(torch.Tensor, layers[0].weight), cast(torch.Tensor, layers[0].bias)
    features, pull, usual = weight[:, :-2], weight[:, -2], bias + agent.budget_left * weight[:, -1]
    rest = torch.nn.Sequential(*layers[1:])
    result = np.empty((len(observations), len(verdicts)), dtype=np.float32)
    with torch.no_grad():
        for low in range(0, len(observations), _CHUNK):
            seen = torch.from_numpy(agent.scale(observations[low : low + _CHUNK]))  # (n, F)
            shared = linear(seen, features, usual)  # (n, H)
            for column, verdict in enumerate(verdicts):
                logits = rest(shared + verdict * pull)  # (n, 2)
                result[low : low + _CHUNK, column] = torch.sigmoid(logits[:, 1] - logits[:, 0]).numpy()
    return result
