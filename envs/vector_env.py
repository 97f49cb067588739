"""The vector form of the environment: all cursors step at once, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.cursors import Cursors
from envs.errors import EnvError
from envs.track import ASK, observation_space
from envs.window_data import Bool, EnvConfig, Float32, Float64, Int64, WindowData
from envs.window_env import ACTIONS, read_start

AHEAD = 64
"""Uniform draws taken from a cursor's generator at once; the stream is the same as one by one."""

Infos = dict[str, Any]


class WindowVectorEnv(VectorEnv[Float32, Int64, NDArray[Any]]):
    """Many cursors over the same windows; see :class:`envs.window_env.WindowEnv` for spaces, rewards and ends.

    Gives exactly the trajectories of ``SyncVectorEnv`` over the single form in ``AutoresetMode.SAME_STEP``. Why
    SAME_STEP: Stable-Baselines3 expects it (with the final observation aside, to bootstrap a truncated episode), and
    NEXT_STEP would spend one step in each episode on an action without effect, which a learner would take for data.

    ``infos["final_obs"]`` is a (B, F + 9) array, not an array of objects; its rows count where ``_final_obs`` is true.
    No step loops over cursors in Python, but for one refill of random draws in 64 episodes.

    Args:
        num_envs: cursors B.
        data: the windows.
        config: the rules.

    Example:
        >>> from envs.window_data import blank_data
        >>> env = WindowVectorEnv(3, blank_data(5, 2))
        >>> obs, infos = env.reset(seed=0, options={"start": [0, 1, 4]})
        >>> obs, rewards, terminated, truncated, infos = env.step(np.array([0, 1, 1]))
        >>> terminated.tolist(), infos["judged"][:2].tolist(), infos["final_info"]["judged"][2].item()
        ([False, False, True], [0, 1], 4)
    """

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int, data: WindowData, config: EnvConfig | None = None) -> None:
        if num_envs < 1:
            raise EnvError(f"expected num_envs >= 1, got {num_envs}; it counts cursors")
        self.num_envs, self.data = num_envs, data
        self.config = config or EnvConfig()
        self.lam = self.config.vae_weight
        self.single_observation_space = observation_space(data.width)
        self.single_action_space = gym.spaces.Discrete(ASK + 1)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._cursors = Cursors(data, self.config, num_envs)
        self._everyone = np.arange(num_envs)
        self._everywhere = np.ones(num_envs, dtype=np.bool_)
        self._generators: list[np.random.Generator] = []
        self._draws: Float64 = np.empty((num_envs, AHEAD))
        self._drawn = np.full(num_envs, AHEAD)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, Infos]:
        """Begin an episode at every cursor.

        Args:
            seed: cursor i gets ``seed + i``, or ``seed[i]``; without a seed each stream goes on.
            options: ``{"start": rows}``, one row for all or one a cursor.

        Raises:
            EnvError: on an unknown option or a row that does not exist.
        """
        self._reseed(seed)
        given = read_start(options, self.data.rows)
        rows = self._draw_starts(self._everyone) if given is None else np.broadcast_to(given, (self.num_envs,))
        self._cursors.begin(self._everyone, rows)
        return self._cursors.observe(), {"row": self._cursors.rows, "_row": self._everywhere}

    def step(self, actions: NDArray[Any]) -> tuple[Float32, Float64, Bool, Bool, Infos]:
        """Act at every cursor; cursors whose episode ends begin another one in the same step.

        Args:
            actions: (B,) integers in {0, 1, 2}.

        Raises:
            EnvError: when the actions are out of range or of another shape.
        """
        rewards, terminated, truncated, report = self._cursors.step(self._check_actions(actions), self.lam)
        seen = self._cursors.observe()  # (B, F + 9)
        infos: Infos = {**report, **{f"_{name}": self._everywhere for name in report}}
        ended = terminated | truncated
        if ended.any():
            seen, infos = self._begin_again(ended, seen, infos)
        return seen, rewards, terminated, truncated, infos

    def _begin_again(self, ended: Bool, seen: Float32, infos: Infos) -> tuple[Float32, Infos]:
        where = np.flatnonzero(ended)
        self._cursors.begin(where, self._draw_starts(where))
        first = seen.copy()
        first[where] = self._cursors.observe(where)
        going = ~ended
        final: Infos = {**infos, **{name: ended for name in infos if name.startswith("_")}}
        infos = {**infos, **{name: going for name in infos if name.startswith("_")}}
        infos |= {"row": self._cursors.rows, "_row": self._everywhere}
        infos |= {"final_obs": seen, "_final_obs": ended, "final_info": final, "_final_info": ended}
        return first, infos

    def _draw_starts(self, where: Int64) -> Int64:
        if not self._generators:
            self._reseed([None] * self.num_envs)
        empty = where[self._drawn[where] == AHEAD]
        for cursor in empty.tolist():
            self._draws[cursor] = self._generators[cursor].random(AHEAD)
        self._drawn[empty] = 0
        uniform = self._draws[where, self._drawn[where]]
        self._drawn[where] += 1
        return self.data.starts(uniform)

    def _reseed(self, seed: int | Sequence[int | None] | None) -> None:
        if seed is None:
            return
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int | np.integer) else list(seed)
        if len(seeds) != self.num_envs:
            raise EnvError(f"expected {self.num_envs} seeds, got {len(seeds)}; give one a cursor or a single integer")
        anew = [i for i, s in enumerate(seeds) if s is not None or not self._generators]
        self._generators = self._generators or [np.random.default_rng(0)] * self.num_envs
        for i in anew:
            self._generators[i] = seeding.np_random(seeds[i])[0]
        self._drawn[anew] = AHEAD

    def _check_actions(self, actions: NDArray[Any]) -> Int64:
        chosen = np.asarray(actions)
        fits = chosen.shape == (self.num_envs,) and chosen.dtype.kind in "iu"
        if not fits or chosen.min() < 0 or chosen.max() > ASK:
            raise EnvError(
                f"expected ({self.num_envs},) integer actions in {{0, 1, 2}}, got {chosen.shape} {chosen.dtype} from "
                f"{chosen.min(initial=0)} to {chosen.max(initial=0)}; {ACTIONS}"
            )
        return chosen.astype(np.int64, copy=False)
