"""How does one policy learn from environments that differ, such as in their prices? They are stacked into one.

Shared by the benchmarks of the roads; nothing to run here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from rl_tsad.agent.follow import Keeper
from rl_tsad.agent.policy import VerdictPolicy, policy_settings
from rl_tsad.agent.train import SMALLEST_SPREAD, Agent, HeldOut
from rl_tsad.decision_config import PolicyConfig
from rl_tsad.types import Float32


class Plain(VecEnv):
    """A ``VecEnv`` without attributes or methods of single environments, for those that have none."""

    _actions: NDArray[Any]

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions."""
        self._actions = actions

    def close(self) -> None:
        """Nothing is open."""

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """Give nothing."""
        return [None] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: int | Iterable[int] | None = None) -> None:
        """Set nothing."""

    def env_method(
        self, method_name: str, *method_args: Any, indices: int | Iterable[int] | None = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call nothing."""
        return [None] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: type[Any], indices: int | Iterable[int] | None = None) -> list[bool]:
        """Tell that nothing is wrapped."""
        return [False] * len(list(self._get_indices(indices)))


class Stack(Plain):
    """Environments side by side as one."""

    def __init__(self, parts: Sequence[VecEnv]) -> None:
        self.parts = parts
        self._cuts = np.cumsum([one.num_envs for one in parts])[:-1]
        super().__init__(sum(one.num_envs for one in parts), parts[0].observation_space, parts[0].action_space)

    def reset(self) -> Float32:
        """Begin everywhere."""
        found, low = [], 0
        for one in self.parts:
            one._seeds = self._seeds[low : low + one.num_envs]
            found.append(np.asarray(one.reset()))
            low += one.num_envs
        self._reset_seeds()
        return np.concatenate(found)

    def step_wait(self) -> VecEnvStepReturn:
        """Step everywhere."""
        pairs = zip(self.parts, np.split(self._actions, self._cuts), strict=True)
        seen, paid, ended, infos = zip(*(one.step(actions) for one, actions in pairs), strict=True)
        return (
            np.concatenate(seen),
            np.concatenate(paid),
            np.concatenate(ended),
            [info for part in infos for info in part],
        )


class Watching(BaseCallback):
    """Keeps the best policy by what it earns on held-out streams, and stops when that no longer rises."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self.keeper = keeper

    def _on_step(self) -> bool:
        return self.keeper.waited < self.keeper.patience

    def _on_rollout_start(self) -> None:
        self.keeper.look()


def learn_stack(
    environment: Callable[[Callable[[Float32], Float32]], VecEnv],
    seen: Float32,
    config: PolicyConfig,
    *,
    seed: int,
    held_out: HeldOut,
) -> Agent:
    """Train the policy that follows a rule on a stack.

    Args:
        environment: made from what brings observations to scale.
        seen: (N, F) observations by which they are scaled; the rule's alarm is the last one, and stays as it is.
        config: of PPO.
        seed: fixes everything.
        held_out: what an agent is worth.
    """
    center, spread = seen.mean(axis=0), seen.std(axis=0)
    spread = np.where(spread < SMALLEST_SPREAD, 1.0, spread).astype(np.float32)
    center[-1], spread[-1] = 0.0, 1.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        draft = Agent(None, config, center.astype(np.float32), spread)  # type: ignore[arg-type]
        model = PPO(
            VerdictPolicy,
            environment(lambda table: draft.scale(table.copy())),
            learning_rate=config.learning_rate,
            n_steps=config.rollout,
            batch_size=config.batch,
            n_epochs=config.epochs,
            gamma=config.gamma,
            gae_lambda=config.gae_lambda,
            clip_range=config.clip,
            ent_coef=config.entropy,
            policy_kwargs=policy_settings(config),
            seed=seed,
            device="cpu",
        )
        agent = Agent(model.policy, config, draft.center, spread)
        keeper = Keeper(agent, held_out, config.patience)
        if config.steps:
            model.learn(config.steps, callback=Watching(keeper), log_interval=None)  # type: ignore[arg-type]
        keeper.restore()
    return agent
