"""How Stable-Baselines3 sees the vector environment: its own ``VecEnv`` over Gymnasium's arrays, without copying."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from envs.shaping import of_step
from rl_tsad.types import Bool, Float32, Int64

PARTS = ("table_reward", "vae_reward", "event_reward", "shaping")
COUNTS = ("alarm", "asked")


class CursorVecEnv(VecEnv):
    """A Gymnasium vector environment in SAME_STEP mode as a ``VecEnv``.

    Sums up what the parts of the reward paid since :meth:`take_totals`, so that a rollout can be judged by its unshaped
    return.

    Args:
        env: the vector environment, shaped or not.
        rule: (N,) whether the alarm rule's alarm is open in a window, or None.
        leave: price of a step after which the alarm is not as the rule's; no part of the totals.

    Example:
        >>> from envs.vector_env import WindowVectorEnv
        >>> from envs.window_data import blank_data
        >>> cursors = CursorVecEnv(WindowVectorEnv(2, blank_data(4, 1)))
        >>> cursors.reset().shape, cursors.step(np.array([0, 1]))[1].tolist()
        ((2, 10), [0.0, 0.0])
    """

    def __init__(
        self, env: VectorEnv[Float32, Int64, NDArray[Any]], *, rule: Bool | None = None, leave: float = 0.0
    ) -> None:
        self.env, self.rule, self.leave = env, rule, leave
        self._actions: Int64 = np.zeros(env.num_envs, dtype=np.int64)
        self._totals: dict[str, float] = {}
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> Float32:
        """Begin an episode at every cursor; seeds given by ``seed`` are used once."""
        seeds = None if all(seed is None for seed in self._seeds) else self._seeds
        seen, _ = self.env.reset(seed=seeds)  # type: ignore[arg-type]  # Gymnasium takes lists, its stub does not say
        self._reset_seeds()
        return seen

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step every cursor; see ``VecEnv.step_wait``."""
        seen, rewards, terminated, truncated, infos = self.env.step(self._actions)
        self._count(rewards, infos)
        if self.rule is not None and self.leave:
            alarm, judged = of_step(infos, "alarm"), of_step(infos, "judged")
            rewards = rewards - self.leave * (alarm != self.rule[judged])
        reports: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        ended: Bool = terminated | truncated
        for i in np.flatnonzero(ended).tolist():
            reports[i] = {"terminal_observation": infos["final_obs"][i], "TimeLimit.truncated": bool(truncated[i])}
        return seen, rewards.astype(np.float32), ended, reports

    def take_totals(self) -> dict[str, float]:
        """Give the mean per step of each part of the reward, the shares of alarms and questions, and start anew."""
        totals, self._totals = self._totals, {}
        steps = max(totals.pop("steps", 0.0), 1.0)
        return {name: value / steps for name, value in totals.items()}

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """Give an attribute of the vector environment, once a cursor."""
        return [getattr(self.env.unwrapped, attr_name)] * self._count_of(indices)

    def set_attr(self, attr_name: str, value: Any, indices: int | Iterable[int] | None = None) -> None:
        """Set an attribute of the vector environment, for all cursors at once."""
        del indices
        setattr(self.env.unwrapped, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: int | Iterable[int] | None = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the vector environment once, for all cursors."""
        answer = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [answer] * self._count_of(indices)

    def env_is_wrapped(self, wrapper_class: type[Any], indices: int | Iterable[int] | None = None) -> list[bool]:
        """Tell that no single-environment wrapper (such as ``Monitor``) is in place."""
        del wrapper_class
        return [False] * self._count_of(indices)

    def _count(self, rewards: NDArray[Any], infos: dict[str, Any]) -> None:
        found = [name for name in (*PARTS, *COUNTS) if name in infos or name in infos.get("final_info", {})]
        sums = {name: float(of_step(infos, name).sum()) for name in found}
        sums |= {"reward": float(rewards.sum()), "steps": float(self.num_envs)}
        for name, value in sums.items():
            self._totals[name] = self._totals.get(name, 0.0) + value

    def _count_of(self, indices: int | Iterable[int] | None) -> int:
        chosen: Sequence[int] = list(self._get_indices(indices))
        return len(chosen)
