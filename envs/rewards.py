"""What a verdict is worth: a table where the answer is known, a signed unsupervised term where it is not.

Golchin et al. (arXiv 2601.02511) pay ``R = R1 + lambda(t) R2`` with R1 the classification table and R2 the VAE's
reconstruction error. R2 there is the same for both actions, so it cancels in every decision. Here it carries the
action's sign, and it fades where an answer is trusted::

    r(s, a) = w(s) * table(a, y(s)) + (1 - w(s)) * lambda_t * e(s) * (2a - 1)

with w the weight of the answer y (0 where there is none) and e the centred error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.errors import EnvError

Float64 = NDArray[np.float64]
Rewards: TypeAlias = tuple[float, float, float, float]

PUBLISHED_REWARDS: Rewards = (5.0, 1.0, -1.0, -5.0)
"""TP, TN, FP, FN of arXiv 2601.02511."""


def table_reward(
    action: ArrayLike, target: ArrayLike, weight: ArrayLike, rewards: Rewards = PUBLISHED_REWARDS
) -> Float64:
    """Pay a verdict where the answer is known.

    Args:
        action: (...) 0 normal, 1 anomaly.
        target: (...) -1 unknown, 0 normal, 1 anomaly.
        weight: (...) trust in the target, in [0, 1].
        rewards: TP, TN, FP, FN.

    Returns:
        (...) float64; 0 where the target is unknown.

    Example:
        >>> table_reward([1, 0, 1, 0, 1], [1, 0, 0, 1, -1], 1.0).tolist()
        [5.0, 1.0, -1.0, -5.0, 0.0]
    """
    hit, quiet, false_alarm, miss = rewards
    paid = np.array([[quiet, false_alarm], [miss, hit], [0.0, 0.0]])  # (target, action); -1 is the last row
    trusted = np.asarray(weight, dtype=np.float64)
    return np.asarray(trusted * paid[np.asarray(target), np.asarray(action)])


def vae_reward(action: ArrayLike, error: ArrayLike, weight: ArrayLike = 0.0) -> Float64:
    """Pay a verdict where no answer is known: ``(1 - w) * e * (2a - 1)``, to be multiplied by lambda.

    Args:
        action: (...) 0 normal, 1 anomaly.
        error: (...) centred unsupervised term e in [-1, 1].
        weight: (...) trust in the window's answer, 0 where there is none.

    Example:
        >>> vae_reward([1, 0, 1], 0.5, [0.0, 0.0, 1.0]).tolist()
        [0.5, -0.5, 0.0]
    """
    sign = 2.0 * np.asarray(action, dtype=np.float64) - 1.0
    free = 1.0 - np.asarray(weight, dtype=np.float64)
    return np.asarray(free * np.asarray(error, dtype=np.float64) * sign)


def unsigned_vae_reward(action: ArrayLike, error: ArrayLike) -> Float64:
    """Pay both verdicts alike, as the published system does; for the ablation only, since it decides nothing.

    Example:
        >>> unsigned_vae_reward([0, 1], 0.5).tolist()
        [0.5, 0.5]
    """
    return np.asarray(np.asarray(error, dtype=np.float64) + 0.0 * np.asarray(action, dtype=np.float64))


@dataclass
class LambdaController:
    """Moves lambda toward a target return (DRTA, arXiv 2508.18474): lambda <- clip(lambda + rate * (target - return)).

    Below the target the agent leans more on the unsupervised term, above it more on answers. The papers move lambda
    once per episode; here it moves once per rollout of many episodes, by their mean return per step, which does not
    grow with the horizon.

    Attributes:
        value: lambda now.
        target: return per step to steer toward.
        rate: how far one unit of difference moves lambda.
        low: lower bound.
        high: upper bound.

    Raises:
        EnvError: when the bounds are out of order or negative.

    Example:
        >>> controller = LambdaController(value=1.0, target=0.5, rate=0.1, low=0.1, high=2.0)
        >>> round(controller.update(-0.5), 3), round(controller.update(1000.0), 3)
        (1.1, 0.1)
    """

    value: float
    target: float
    rate: float = 0.1
    low: float = 0.1
    high: float = 2.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.low <= self.high and self.rate >= 0.0):
            raise EnvError(f"expected 0 <= low <= high and rate >= 0, got {self}; swap or raise them")
        if self.value != 0.0:
            self.value = float(np.clip(self.value, self.low, self.high))

    def update(self, mean_return: float) -> float:
        """Move lambda after a rollout and give it back; a lambda of 0 was turned off and stays 0.

        Args:
            mean_return: unshaped reward per step over the rollout.
        """
        if self.value != 0.0:
            moved = self.value + self.rate * (self.target - mean_return)
            self.value = float(np.clip(moved, self.low, self.high))
        return self.value
