"""What the agent says of each window: verdict, probability and margin, for millions of windows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.window_data import WindowData
from rl_tsad.agent.scan import greedy_lean, lay_lanes
from rl_tsad.agent.train import Agent
from rl_tsad.errors import DataError
from rl_tsad.types import Float32, Int8, Keys


@dataclass(frozen=True)
class Decisions:
    """What was decided of windows.

    Attributes:
        keys: (N,) window keys.
        verdict: (N,) int8, 1 for an anomaly: the alarm is open.
        probability: (N,) float32 in [0, 1], P(anomaly | not ask), where the verdicts before led to.
        margin: (N,) float32 in [0, 1], |P(anomaly) - P(normal)|; small means unsure.
    """

    keys: Keys
    verdict: Int8
    probability: Float32
    margin: Float32

    def __len__(self) -> int:
        return len(self.keys)


def act(agent: Agent, data: WindowData, keys: Keys | Sequence[str]) -> Decisions:
    """Judge every window as a greedy walk from the start of each run would, alarm closed, without asking.

    Runs of up to 4096 windows are walked exactly. A longer one is walked in blocks of that size side by side; each
    begins 512 windows early to settle in, so that only what an agent remembers for longer than that is lost.

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
        >>> from rl_tsad.decision_config import AgentConfig
        >>> data = sample_windows(50, 3).data
        >>> agent = train_agent(data, AgentConfig(envs=8, rollout=8, batch=64, steps=64, hidden=(4,)), seed=0)
        >>> len(act(agent, data, [f"a:{i}:64" for i in range(50)]))
        50
    """
    if len(keys) != data.rows:
        raise DataError(f"expected {data.rows} keys, one a window, got {len(keys)}; pass those of the judgements")
    agent.check_width(data.width)
    first = np.flatnonzero(np.append(True, data.last[:-1]))
    lean = greedy_lean(agent, data, lay_lanes(first, data.rows))
    with np.errstate(over="ignore"):  # exp of a huge lean is infinite, its probability 0
        probability = (1.0 / (1.0 + np.exp(-lean))).astype(np.float32)
    margin = np.abs(2.0 * probability - 1.0).astype(np.float32)
    return Decisions(np.asarray(keys, dtype=np.str_), (lean > 0).astype(np.int8), probability, margin)
