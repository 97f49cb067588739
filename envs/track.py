"""What both forms of the environment share: every reward and every observation, laid out once as arrays.

Because the single and the vector form read the same tables with the same arithmetic, their trajectories are equal to
the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from weakref import WeakKeyDictionary

import numpy as np
from gymnasium import spaces

from envs.rewards import table_reward, vae_reward
from envs.window_data import LIMIT, Bool, EnvConfig, Float32, Float64, WindowData

NO_VERDICT = -1


@dataclass(frozen=True, eq=False)
class Track:
    """Lookup tables over rows.

    Attributes:
        view: (N, F + 2) float32, the observations with room for the last verdict, and the budget left.
        table: (2N,) float64, classification reward of action a in row i at 2i + a.
        unsupervised: (2N,) float64, unsupervised term before lambda, likewise.
        last: (N,) whether a row ends its run.
    """

    view: Float32
    table: Float64
    unsupervised: Float64
    last: Bool


_tracks: WeakKeyDictionary[WindowData, dict[EnvConfig, Track]] = WeakKeyDictionary()


def track_of(data: WindowData, config: EnvConfig) -> Track:
    """Lay out the tables of some data, or find them: many environments over the same data share one layout.

    Example:
        >>> from envs.window_data import blank_data
        >>> data = blank_data(3, 2)
        >>> track_of(data, EnvConfig()).view.shape, track_of(data, EnvConfig()) is track_of(data, EnvConfig())
        ((3, 4), True)
    """
    known = _tracks.setdefault(data, {})
    if config not in known:
        known[config] = _lay(data, config)
    return known[config]


def observation_space(width: int) -> spaces.Space[Float32]:
    """Give the box in which observations lie: F features, last verdict, budget left.

    Args:
        width: number of features F.

    Example:
        >>> observation_space(2).shape
        (4,)
    """
    high = np.append(np.full(width, LIMIT), [1.0, 1.0]).astype(np.float32)
    low = np.append(np.full(width, -LIMIT), [-1.0, 0.0]).astype(np.float32)
    return cast("spaces.Space[Float32]", spaces.Box(low, high, dtype=np.float32))


def _lay(data: WindowData, config: EnvConfig) -> Track:
    actions = np.array([0, 1])
    weight = np.where(data.target >= 0, data.weight, 0.0)[:, None]
    blank = np.zeros((data.rows, 1), dtype=np.float32)
    budget = np.full((data.rows, 1), config.budget_left, dtype=np.float32)
    return Track(
        view=np.concatenate([data.observations, blank, budget], axis=1, dtype=np.float32),
        table=table_reward(actions, data.target[:, None], weight, config.rewards).reshape(-1),
        unsupervised=vae_reward(actions, data.error[:, None], weight).reshape(-1),
        last=data.last,
    )
