"""What the agent does of its own accord, window after window: a greedy walk through many runs in lock-step.

What it did is part of what it sees next, so its verdicts are a closed loop that no bulk computation follows. But runs
do not know of each other: they step side by side, one window of each at a time, as one small matrix product. A long run
is cut into blocks that step side by side as well; each begins some windows early, with the alarm closed, to settle in.
The first layer's work on what no action changes, nearly all of a step, is done for many windows at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from envs.costs import MOST_TIRED
from envs.ledger import Alarms
from envs.track import ASK, LIVE, live_column, log_held
from envs.window_data import WindowData
from rl_tsad.agent.alarms import Streams
from rl_tsad.agent.policy import Sight, VerdictPolicy
from rl_tsad.agent.train import Agent, rules_of
from rl_tsad.types import Bool, Float32, Int64

BLOCK = 4096
"""Windows of a run that one lane walks."""
BURN = 512
"""Windows before a block that its lane walks to settle in."""
_LANES, _CHUNK = 512, 16_384
_DONE = ("verdict", "open", "held", "recent")


@dataclass(frozen=True, eq=False)
class Lanes(Streams):
    """Stretches of rows that are walked side by side, the longest first; each begins with the alarm closed.

    Attributes:
        burn: (S,) how many of a lane's first rows only settle in; their verdicts count in another lane.
    """

    burn: Int64

    def groups(self, size: int) -> Iterator[Lanes]:
        """Yield up to ``size`` lanes at a time."""
        for low in range(0, len(self.start), size):
            part = slice(low, low + size)
            yield Lanes(self.start[part], self.length[part], self.burn[part])


def lay_lanes(first: Int64, rows: int, block: int = BLOCK, burn: int = BURN) -> Lanes:
    """Cut runs into lanes.

    Args:
        first: (R,) first row of each run, rising from 0.
        rows: of all runs.
        block: rows whose verdicts one lane gives.
        burn: rows that it begins early, where the run has them.

    Example:
        >>> lanes = lay_lanes(np.array([0, 10]), 14, block=4, burn=2)
        >>> lanes.start.tolist(), lanes.length.tolist(), lanes.burn.tolist()
        ([2, 0, 6, 10], [6, 4, 4, 4], [2, 0, 2, 0])
    """
    size = np.diff(np.append(first, rows))
    blocks = -(-size // block)
    run = np.repeat(np.arange(len(first)), blocks)
    number = np.arange(len(run)) - np.repeat(np.cumsum(blocks) - blocks, blocks)  # of a block in its run
    early = np.minimum(number * block, burn)
    length = np.minimum(block, size[run] - number * block) + early
    start = first[run] + number * block - early
    order = np.argsort(-length, kind="stable")
    return Lanes(start[order], length[order], early[order])


def greedy_lean(agent: Agent, data: WindowData, lanes: Lanes) -> Float32:
    """Give how far the agent leans toward an anomaly in each window of a greedy walk that never asks.

    The episode has no end in sight: the share of its horizon left stays 1.

    Args:
        agent: trained.
        data: windows, not normalised; answers in it are not read.
        lanes: that cover every row once.

    Returns:
        (N,) float32, logit of anomaly less logit of normal; the alarm is open where it is above 0.
    """
    network, lean = _Network(agent), np.empty(data.rows, dtype=np.float32)
    for group in lanes.groups(_LANES):
        for rows, counted, found in _walk(network, data, group):
            lean[rows[counted]] = found[counted]
    return lean


class _Network:
    """The actor in float32 NumPy, its first layer in two halves: what no action changes, and what it does change."""

    def __init__(self, agent: Agent) -> None:
        modules = [*agent.policy.mlp_extractor.policy_net, agent.policy.action_net]
        linear = [module for module in modules if isinstance(module, torch.nn.Linear)]  # tanh between them
        layers = [(np.ascontiguousarray(_array(one.weight).T), _array(one.bias)) for one in linear]
        last, bias = layers[-1]
        layers[-1] = (last[:, 1:ASK] - last[:, :1], bias[1:ASK] - bias[:1])  # (H, 1): anomaly less normal
        self.rule = np.float32(0.0)  # of the last layer, on what the alarm rule does
        if isinstance(agent.policy, VerdictPolicy) and agent.policy.lead:
            last, bias = layers[-1]
            layers[-1], self.rule = (last[:-1], bias), last[-1, 0]
        weight, bias = _through_sight(agent, *layers[0])  # (F + 9, H), (H,)
        self.agent, self.features, self.rest = agent, weight[: -len(LIVE)], layers[1:]
        self.belief = weight[live_column("belief")]
        self.done = weight[[live_column(name) for name in _DONE]]  # (4, H)
        self.usual = bias + agent.budget_left * weight[live_column("budget")] + weight[live_column("horizon")]

    def prepare(self, data: WindowData, rows: Int64) -> tuple[Float32, Float32]:
        """Give what no action changes: the first layer's sum over it (n, H), and the rule's part in the lean (n,)."""
        seen = self.agent.scale(data.observations.take(rows, axis=0))  # (n, F)
        prepared = seen @ self.features + data.beliefs.take(rows)[:, None] * self.belief + self.usual
        return np.asarray(prepared), np.asarray(seen[:, -1] * self.rule)

    def lean(self, prepared: Float32, done: Float32) -> Float32:
        """Give (n,) logit of anomaly less logit of normal, from (n, H) and (n, 4) of what was done so far."""
        hidden = prepared + done @ self.done  # (n, H)
        for weight, bias in self.rest:
            hidden = np.tanh(hidden, out=hidden) @ weight
            hidden += bias
        return np.asarray(hidden[:, 0])


def _walk(network: _Network, data: WindowData, lanes: Lanes) -> Iterator[tuple[Int64, Bool, Float32]]:
    """Yield rows, whether they count, and leans, (T, S) at a time; a lane that is through stands still for a while."""
    agent, longest = network.agent, int(lanes.length[0])
    rules = rules_of(agent.config, agent.costs)
    alarms, scale = Alarms(rules.costs, lanes.start.shape), log_held(rules.held_limit)
    done: Float32 = np.zeros((len(lanes.start), len(_DONE)), dtype=np.float32)
    low = 0
    while low < longest:
        live = lanes.live(low)
        alarms.keep(live)
        done, length = done[:live], lanes.length[:live]
        time = np.arange(low, min(low + max(_CHUNK // live, 1), longest))[:, None]  # (T, 1)
        rows = lanes.start[:live] + np.minimum(time, length - 1)  # (T, S)
        prepared, led = network.prepare(data, rows.reshape(-1))
        prepared, led = prepared.reshape(*rows.shape, -1), led.reshape(rows.shape)  # (T, S, H), (T, S)
        lean = np.empty(rows.shape, dtype=np.float32)
        for step in range(len(rows)):
            lean[step] = network.lean(prepared[step], done) + led[step]
            alarms.move(lean[step] > 0)
            done[:, 0], done[:, 1] = np.where(alarms.open, 1.0, -1.0), alarms.open
            done[:, 2] = scale.take(alarms.held.astype(np.int64), mode="clip")
            done[:, 3] = np.minimum(alarms.recent, MOST_TIRED)
        yield rows, (time >= lanes.burn[:live]) & (time < length), lean
        low += len(rows)


def _through_sight(agent: Agent, weight: Float32, bias: Float32) -> tuple[Float32, Float32]:
    """Fold what the agent's sight does to an observation into the layer behind it."""
    sight = agent.policy.features_extractor
    if not isinstance(sight, Sight):
        return weight, bias
    weight = weight * _array(sight.factor)[:, None]
    return weight, bias - _array(sight.center) @ weight


def _array(tensor: torch.Tensor) -> Float32:
    return np.asarray(tensor.detach().numpy(), dtype=np.float32)
