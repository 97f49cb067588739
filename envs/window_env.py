"""The single form of the environment: one cursor that walks over the windows of a series."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from envs.errors import EnvError
from envs.track import NO_VERDICT, observation_space, track_of
from envs.window_data import EnvConfig, Float32, Int64, WindowData

OPTIONS = frozenset({"start"})


class WindowEnv(gym.Env[Float32, np.int64]):
    """Walk over a series' windows and give a verdict on each.

    ## Description
    A cursor stands on a window. The agent says *normal* or *anomaly*; the cursor moves on to the next window of the
    same series. The verdict becomes part of the next state, so a potential may look at it.

    ## Action Space
    `Discrete(2)`

    | Num | Action               |
    |-----|----------------------|
    | 0   | the window is normal |
    | 1   | it is an anomaly     |

    ## Observation Space
    `Box((F + 2,), float32)`

    | Num      | Observation                                                        | Min | Max |
    |----------|--------------------------------------------------------------------|-----|-----|
    | 0 … F-1  | features of the window: base features, VAE error, ASTER probability, embedding | -10 | 10 |
    | F        | last verdict: -1 normal, 0 none yet, 1 anomaly                     | -1  | 1   |
    | F + 1    | share of the labelling budget left                                 | 0   | 1   |

    ## Rewards
    `w * table(a, y) + (1 - w) * lambda * e * (2a - 1)` (see :mod:`envs.rewards`): by default TP +5, TN +1, FP -1, FN -5
    times the weight w of the window's answer y, and a signed unsupervised term where there is no answer.

    ## Starting State
    A row drawn with probability proportional to `start_weight` (uniform by default), no last verdict.
    `reset(options={"start": row})` starts in a given row and draws nothing.

    ## Episode End
    1. Termination: the window was the last of its series. The final observation repeats it, with the new verdict.
    2. Truncation: `horizon` verdicts were given; the final observation is the next window.

    ## Information
    `row`, the window in view; after a step also `judged`, the window just judged, and the two parts of its reward,
    `table_reward` and `vae_reward` (lambda included).

    ## Arguments
    `data`: :class:`~envs.window_data.WindowData`; `config`: :class:`~envs.window_data.EnvConfig`. The attribute `lam`
    is lambda; a controller may set it between steps.

    Example:
        >>> from envs.window_data import blank_data
        >>> env = WindowEnv(blank_data(3, 2))
        >>> obs, info = env.reset(seed=0, options={"start": 1})
        >>> obs.tolist(), info
        ([0.0, 0.0, 0.0, 1.0], {'row': 1})
        >>> obs, reward, terminated, truncated, info = env.step(np.int64(1))
        >>> obs.tolist(), terminated, info["judged"]
        ([0.0, 0.0, 1.0, 1.0], False, 1)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, data: WindowData, config: EnvConfig | None = None) -> None:
        self.data = data
        self.config = config or EnvConfig()
        self.lam = self.config.vae_weight
        self.observation_space = observation_space(data.width)
        self.action_space = gym.spaces.Discrete(2)
        self._track = track_of(data, self.config)
        self._row, self._steps, self._verdict, self._over = 0, 0, NO_VERDICT, True

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
        self._row, self._steps, self._verdict, self._over = int(row), 0, NO_VERDICT, False
        return self._observe(), {"row": self._row}

    def step(self, action: np.int64 | int) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """Give a verdict on the window in view and move on.

        Raises:
            EnvError: when the action is none or the episode is over.
        """
        self._check_step(action)
        judged, choice = self._row, int(action)
        paid = float(self._track.table[2 * judged + choice])
        guessed = float(self.lam * self._track.unsupervised[2 * judged + choice])
        self._steps, self._verdict = self._steps + 1, choice
        terminated = bool(self._track.last[judged])
        truncated = self._steps >= self.config.horizon and not terminated
        self._row, self._over = judged + (not terminated), terminated or truncated
        info = {"row": self._row, "judged": judged, "table_reward": paid, "vae_reward": guessed}
        return self._observe(), paid + guessed, terminated, truncated, info

    def _observe(self) -> Float32:
        seen: Float32 = self._track.view[self._row].copy()  # (F + 2,)
        seen[-2] = 0.0 if self._verdict == NO_VERDICT else 2.0 * self._verdict - 1.0
        return seen

    def _check_step(self, action: np.int64 | int) -> None:
        if self._over:
            raise EnvError("expected a running episode, got a step after its end; call reset() first")
        if action not in (0, 1):
            raise EnvError(f"expected an action in {{0, 1}}, got {action}; 0 says normal, 1 says anomaly")


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
