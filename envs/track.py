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

from envs.costs import MOST_TIRED
from envs.ledger import EventTable, lay_events
from envs.rewards import table_reward, vae_reward
from envs.window_data import LIMIT, Bool, EnvConfig, Float32, Float64, Int8, WindowData

NORMAL, ANOMALY, ASK = 0, 1, 2
"""Actions: close the alarm, open it, ask."""

NONE_YET = -1
"""Stands for a window or an alarm before the first step of an episode."""

LIVE = ("belief", "shift", "verdict", "open", "held", "recent", "budget", "horizon", "answer")
"""Names of what the agent sees besides a window's features, in the order of the last columns of an observation."""

_BOUNDS = {
    "belief": (-LIMIT, LIMIT),
    "shift": (-LIMIT, LIMIT),
    "verdict": (-1.0, 1.0),
    "open": (0.0, 1.0),
    "held": (0.0, LIMIT),
    "recent": (0.0, MOST_TIRED),
    "budget": (0.0, 1.0),
    "horizon": (0.0, 1.0),
    "answer": (-1.0, 1.0),
}


@dataclass(frozen=True, eq=False)
class Track:
    """Lookup tables over rows.

    Attributes:
        view: (N, F + 9) float32, observations as they are before the first step of an episode.
        table: (2N,) float64, the windows' table for alarm a in row i at 2i + a.
        unsupervised: (2N,) float64, unsupervised term before lambda, likewise.
        events: of the ledger.
        last: (N,) whether a row ends its run.
        belief: (N,) float32 logits before any question.
        place: (N, E) float32.
        answer: (N,) int8 in {-1, 0, 1}, what asking reveals.
        log_held: (held_limit + 1,) float32, how the windows since an alarm opened or closed are seen.
    """

    view: Float32
    table: Float64
    unsupervised: Float64
    events: EventTable
    last: Bool
    belief: Float32
    place: Float32
    answer: Int8
    log_held: Float32


_tracks: WeakKeyDictionary[WindowData, dict[EnvConfig, Track]] = WeakKeyDictionary()


def track_of(data: WindowData, config: EnvConfig) -> Track:
    """Lay out the tables of some data, or find them: many environments over the same data share one layout.

    Example:
        >>> from envs.window_data import blank_data
        >>> data = blank_data(3, 2)
        >>> track_of(data, EnvConfig()).view.shape, track_of(data, EnvConfig()) is track_of(data, EnvConfig())
        ((3, 11), True)
    """
    known = _tracks.setdefault(data, {})
    if config not in known:
        known[config] = _lay(data, config)
    return known[config]


def observation_space(width: int) -> spaces.Space[Float32]:
    """Give the box in which observations lie: F features, then what :data:`LIVE` names.

    Args:
        width: number of features F.

    Example:
        >>> observation_space(2).shape
        (11,)
    """
    low = np.append(np.full(width, -LIMIT), [_BOUNDS[name][0] for name in LIVE])
    high = np.append(np.full(width, LIMIT), [_BOUNDS[name][1] for name in LIVE])
    return cast("spaces.Space[Float32]", spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32))


def live_column(name: str) -> int:
    """Find a scalar that :data:`LIVE` names in an observation, counted from its end.

    Example:
        >>> live_column("answer"), live_column("belief")
        (-1, -9)
    """
    return LIVE.index(name) - len(LIVE)


def log_held(limit: int) -> Float32:
    """Lay out how the agent sees the windows since its alarm opened or closed: ``log1p``, up to a limit.

    Example:
        >>> log_held(2).round(2).tolist()
        [0.0, 0.6899999976158142, 1.100000023841858]
    """
    return np.log1p(np.arange(limit + 1)).astype(np.float32)


def _lay(data: WindowData, config: EnvConfig) -> Track:
    alarms = np.array([0, 1])
    weight = np.where(data.target >= 0, data.weight, 0.0)
    view = np.zeros((data.rows, data.width + len(LIVE)), dtype=np.float32)
    view[:, : data.width] = data.observations
    view[:, live_column("belief")] = data.beliefs
    view[:, live_column("budget")] = config.budget_left
    view[:, live_column("horizon")] = 1.0
    return Track(
        view=view,
        table=table_reward(alarms, data.target[:, None], weight[:, None], config.costs.window).reshape(-1),
        unsupervised=vae_reward(alarms, data.error[:, None], weight[:, None]).reshape(-1),
        events=lay_events(data.target, weight, data.episode, config.costs),
        last=data.last,
        belief=data.beliefs,
        place=data.places,
        answer=data.answers,
        log_held=log_held(config.held_limit),
    )
