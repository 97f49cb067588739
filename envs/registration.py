"""Makes the environment known to Gymnasium, when asked to: importing this module does nothing."""

from __future__ import annotations

import gymnasium as gym

NAME = "rl_tsad/Window-v0"


def register() -> str:
    """Register both forms under one name, once; more calls do nothing.

    Returns:
        The name for ``gymnasium.make(name, data=..., config=...)`` and ``gymnasium.make_vec(name, num_envs=..., ...)``.

    Example:
        >>> from envs.window_data import blank_data
        >>> env = gym.make_vec(register(), num_envs=2, data=blank_data(4, 1))
        >>> env.num_envs, type(env.unwrapped).__name__
        (2, 'WindowVectorEnv')
    """
    if NAME not in gym.registry:
        gym.register(
            id=NAME,
            entry_point="envs.window_env:WindowEnv",
            vector_entry_point="envs.vector_env:WindowVectorEnv",
        )
    return NAME
