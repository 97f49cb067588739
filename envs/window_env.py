"""The single form of the environment: one cursor that walks over the windows of a series."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from envs.cursors import Cursors
from envs.errors import EnvError
from envs.track import ASK, observation_space
from envs.window_data import EnvConfig, Float32, Int64, WindowData

OPTIONS = frozenset({"start"})
_ONLY = np.zeros(1, dtype=np.int64)
ACTIONS = "0 says normal, 1 says anomaly, 2 asks"


class WindowEnv(gym.Env[Float32, np.int64]):
    """Walk over a series' windows, open and close the alarm, and ask where it is worth it.

    ## Description
    A cursor stands on a window. The agent says *normal*, which closes the alarm, or *anomaly*, which opens it, or asks
    what the window is; the cursor moves on to the next window of the same series. The alarm and what was answered are
    part of the next state: what an action costs depends on those before it.

    ## Action Space
    `Discrete(3)`

    | Num | Action                                                                                         |
    |-----|------------------------------------------------------------------------------------------------|
    | 0   | the window is normal: the alarm is closed                                                      |
    | 1   | it is an anomaly: the alarm is open                                                            |
    | 2   | ask: the alarm is as the answer says; as it was, where nobody knows or no question is left     |

    ## Observation Space
    `Box((F + 9,), float32)`; the last nine have names in `envs.track.LIVE`.

    | Num      | Observation                                                        | Min | Max |
    |----------|--------------------------------------------------------------------|-----|-----|
    | 0 … F-1  | features of the window                                             | -10 | 10  |
    | F        | belief: logit of P(anomaly) now                                    | -10 | 10  |
    | F + 1    | shift: how far the episode's answers moved it                      | -10 | 10  |
    | F + 2    | verdict last step: -1 normal, 1 anomaly, 0 asked or none yet       | -1  | 1   |
    | F + 3    | open: whether the alarm is                                         | 0   | 1   |
    | F + 4    | held: log1p of the windows since it opened or closed               | 0   | 10  |
    | F + 5    | recent openings, fading with `costs.memory`                        | 0   | 5   |
    | F + 6    | budget: share of the labelling budget left                         | 0   | 1   |
    | F + 7    | horizon: share of the episode's steps left                         | 0   | 1   |
    | F + 8    | answer, the last one: -1 normal, 1 anomaly, 0 none yet             | -1  | 1   |

    Of the budget left when an episode starts, `budget_left`, each of its questions takes an equal part.

    ## Rewards
    The sum of three parts. `event_reward`: what the alarm earns by the ledger (:mod:`envs.ledger`) less the price of a
    question. `table_reward` and `vae_reward`: what the alarm earns as a verdict on the window by itself,
    `w * table(a, y) + (1 - w) * lambda * e * (2a - 1)` (:mod:`envs.rewards`). By default only windows pay: TP +5,
    TN +1, FP -1, FN -5.

    ## Starting State
    A row drawn with probability proportional to `start_weight` (uniform by default); the alarm is closed, nothing was
    said or answered. An event in which an episode starts was not found yet.
    `reset(options={"start": row})` starts in a given row and draws nothing.

    ## Episode End
    1. Termination: the window was the last of its series. The final observation repeats it, with the new alarm.
    2. Truncation: `horizon` steps were taken; the final observation is the next window.

    ## Information
    `row`, the window in view; after a step also `judged`, the window just judged, the `alarm` (0/1) that resulted,
    whether a question was spent (`asked`, 0/1), and the parts of the reward.

    ## Arguments
    `data`: :class:`~envs.window_data.WindowData`; `config`: :class:`~envs.window_data.EnvConfig`. The attribute `lam`
    is lambda; a controller may set it between steps.

    Example:
        >>> from envs.track import LIVE
        >>> from envs.window_data import blank_data
        >>> env = WindowEnv(blank_data(3, 2))
        >>> obs, info = env.reset(seed=0, options={"start": 1})
        >>> obs.shape == (2 + len(LIVE),), info
        (True, {'row': 1})
        >>> obs, reward, terminated, truncated, info = env.step(np.int64(1))
        >>> dict(zip(LIVE, obs[2:].tolist()))["open"], terminated, info["judged"], info["alarm"]
        (1.0, False, 1, 1)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, data: WindowData, config: EnvConfig | None = None) -> None:
        self.data = data
        self.config = config or EnvConfig()
        self.lam = self.config.vae_weight
        self.observation_space = observation_space(data.width)
        self.action_space = gym.spaces.Discrete(ASK + 1)
        self._cursors = Cursors(data, self.config, 1)
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: starts a new random stream; without it the stream goes on.
            options: ``{"start": row}`` to begin in that row.

        Raises:
            EnvError: on an unknown option or a row that does not exist.
        """
        super().reset(seed=seed)
        given = read_start(options, self.data.rows)
        row = self.data.starts(self.np_random.random()) if given is None else given
        self._cursors.begin(_ONLY, np.asarray(row, dtype=np.int64))
        self._over = False
        return self._cursors.observe()[0], {"row": int(self._cursors.rows[0])}

    def step(self, action: np.int64 | int) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """Act on the window in view and move on.

        Raises:
            EnvError: when the action is none or the episode is over.
        """
        self._check_step(action)
        rewards, terminated, truncated, report = self._cursors.step(np.array([action], dtype=np.int64), self.lam)
        ended, cut = bool(terminated[0]), bool(truncated[0])
        self._over = ended or cut
        info = {name: values[0].item() for name, values in report.items()}
        return self._cursors.observe()[0], float(rewards[0]), ended, cut, info

    def _check_step(self, action: np.int64 | int) -> None:
        if self._over:
            raise EnvError("expected a running episode, got a step after its end; call reset() first")
        if action not in (0, 1, 2):
            raise EnvError(f"expected an action in {{0, 1, 2}}, got {action}; {ACTIONS}")


def read_start(options: dict[str, Any] | None, rows: int) -> Int64 | None:
    """Read the only option of ``reset``: the row or rows to start in.

    Raises:
        EnvError: on an unknown option or a row that does not exist.

    Example:
        >>> read_start({"start": 2}, rows=3)
        array(2)
    """
    unknown = set(options or {}) - OPTIONS
    if unknown:
        raise EnvError(f"expected no option but 'start', got {sorted(unknown)}; drop them")
    if not options or options.get("start") is None:
        return None
    start = np.asarray(options["start"], dtype=np.int64)
    if start.size and (start.min() < 0 or start.max() >= rows):
        raise EnvError(f"expected start rows in [0, {rows}), got {start.min()} to {start.max()}; count rows from 0")
    return start
