"""Potential-based reward shaping as wrappers (Ng, Harada & Russell, ICML 1999): r' = r + gamma * phi(s') - phi(s).

phi is 0 in a terminal state and stays phi(s') where an episode was only cut (truncated), since the learner goes on from
there by its own estimate. So the discounted sum of the shaping over T steps is gamma^T * phi(s_T) - phi(s_0), whatever
was done in between: shaping may speed learning up, never change what is best. A potential is told the alarm that
resulted from an action, not the action: asking settles the alarm too.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from envs.errors import EnvError
from envs.potentials import Potential
from envs.track import NONE_YET
from envs.window_data import Bool, Float32, Float64

Infos = dict[str, Any]


def check_gamma(gamma: float, agents: float) -> float:
    """Refuse a discount that is out of range or not the agent's: the sum would no longer telescope.

    Raises:
        EnvError: when it differs.

    Example:
        >>> check_gamma(0.5, agents=0.5)
        0.5
    """
    if not 0.0 <= gamma < 1.0:
        raise EnvError(f"expected gamma in [0, 1), got {gamma}; use the agent's discount")
    if gamma != agents:
        raise EnvError(f"expected the agent's gamma {agents}, got {gamma}; shape and learn with the same discount")
    return gamma


class PotentialShaping(gym.Wrapper[Float32, np.int64, Float32, np.int64]):
    """Shape the rewards of the single form.

    ``info["base_reward"]`` keeps what the environment paid, ``info["shaping"]`` what was added.

    Args:
        env: a :class:`~envs.window_env.WindowEnv`, wrapped or not.
        potential: of states.
        gamma: the agent's discount.

    Raises:
        EnvError: when gamma is not the one in the environment's config.

    Example:
        >>> from envs.potentials import VerdictPotential
        >>> from envs.window_data import blank_data
        >>> from envs.window_env import WindowEnv
        >>> data = blank_data(3, 1)
        >>> env = PotentialShaping(WindowEnv(data), VerdictPotential(data.severity), gamma=0.5)
        >>> _ = env.reset(seed=0, options={"start": 0})
        >>> env.step(0)[1]
        0.5
    """

    def __init__(self, env: gym.Env[Float32, np.int64], potential: Potential, *, gamma: float) -> None:
        super().__init__(env)
        self.potential = potential
        self.gamma = check_gamma(gamma, _agents_gamma(env))
        self._phi = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Begin an episode; see the environment's own ``reset``."""
        seen, info = self.env.reset(seed=seed, options=options)
        self._phi = float(self.potential(info["row"], NONE_YET, NONE_YET))
        return seen, info

    def step(self, action: np.int64) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """Step and add gamma * phi(s') - phi(s) to the reward."""
        seen, reward, terminated, truncated, info = self.env.step(action)
        reached = 0.0 if terminated else float(self.potential(info["row"], info["judged"], info["alarm"]))
        added = self.gamma * reached - self._phi
        self._phi = reached
        info = {**info, "base_reward": float(reward), "shaping": added}
        return seen, float(reward) + added, terminated, truncated, info


class VectorPotentialShaping(VectorWrapper):
    """Shape the rewards of the vector form: the same numbers as :class:`PotentialShaping`, as arrays.

    Args:
        env: a :class:`~envs.vector_env.WindowVectorEnv`, or any vector form of the single one in SAME_STEP mode.
        potential: of states.
        gamma: the agent's discount.

    Raises:
        EnvError: when gamma is not the one in the environment's config.

    Example:
        >>> from envs.potentials import VerdictPotential
        >>> from envs.vector_env import WindowVectorEnv
        >>> from envs.window_data import blank_data
        >>> data = blank_data(3, 1)
        >>> env = VectorPotentialShaping(WindowVectorEnv(2, data), VerdictPotential(data.severity), gamma=0.5)
        >>> _ = env.reset(seed=0, options={"start": 0})
        >>> env.step(np.array([0, 1]))[1].tolist()
        [0.5, -0.5]
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], potential: Potential, *, gamma: float) -> None:
        super().__init__(env)
        self.potential = potential
        self.gamma = check_gamma(gamma, _agents_gamma(env))
        self._phi: Float64 = np.zeros(env.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Float32, Infos]:
        """Begin an episode at every cursor; see the environment's own ``reset``."""
        seen, infos = self.env.reset(seed=seed, options=options)
        self._phi = np.array(self.potential(infos["row"], NONE_YET, NONE_YET) + np.zeros(self.num_envs))
        return seen, infos

    def step(self, actions: NDArray[Any]) -> tuple[Float32, Float64, Bool, Bool, Infos]:
        """Step and add gamma * phi(s') - phi(s) to every reward."""
        seen, rewards, terminated, truncated, infos = self.env.step(actions)
        ended = infos.get("_final_info")
        state = [of_step(infos, name) for name in ("row", "judged", "alarm")]
        reached = np.where(terminated, 0.0, self.potential(*state))
        added = self.gamma * reached - self._phi
        self._phi = reached
        if ended is not None:
            fresh = self.potential(infos["row"], NONE_YET, NONE_YET)
            self._phi = np.where(ended, fresh, reached)
        infos = _with(_with(infos, "base_reward", rewards), "shaping", added)
        return seen, rewards + added, terminated, truncated, infos


def of_step(infos: Infos, name: str) -> NDArray[Any]:
    """Read what a step reported at every cursor, also where the episode ended and the report lies in ``final_info``.

    Example:
        >>> ended = np.array([False, True])
        >>> final = {"row": np.array([0, 7]), "_row": ended}
        >>> of_step({"row": np.array([3, 0]), "final_info": final, "_final_info": ended}, "row").tolist()
        [3, 7]
    """
    if "final_info" not in infos:
        return np.asarray(infos[name])
    final = infos["final_info"][name]
    return np.where(infos["_final_info"], final, infos[name]) if name in infos else np.asarray(final)


def _with(infos: Infos, name: str, values: Float64) -> Infos:
    ended = infos.get("_final_info")
    if ended is None:
        return {**infos, name: values, f"_{name}": np.ones(len(values), dtype=np.bool_)}
    final = {**infos["final_info"], name: values, f"_{name}": ended}
    return {**infos, name: values, f"_{name}": ~ended, "final_info": final}


def _agents_gamma(env: Any) -> float:
    inner = env.unwrapped
    config = getattr(inner, "config", None) or inner.envs[0].unwrapped.config
    return float(config.gamma)
