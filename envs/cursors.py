"""The core of both forms of the environment: B cursors as arrays, their steps, what these pay and what is seen next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.costs import MOST_TIRED
from envs.ledger import Ledger
from envs.questions import EVERYWHERE, Questions
from envs.track import ASK, live_column, track_of
from envs.window_data import Bool, EnvConfig, Float32, Float64, Int64, WindowData

Report = dict[str, NDArray[np.float64] | NDArray[np.int64]]

_BELIEF, _SHIFT, _VERDICT, _OPEN = map(live_column, ("belief", "shift", "verdict", "open"))
_HELD, _RECENT, _BUDGET, _HORIZON = map(live_column, ("held", "recent", "budget", "horizon"))
_ANSWER = live_column("answer")


class Cursors:
    """Where B cursors stand and what they have done in their episodes.

    An episode that starts inside an event has found nothing of it yet: it may still find it, late, and pays for missing
    it, as somebody who comes on duty while it goes on.

    Args:
        data: the windows.
        config: the rules.
        count: B.

    Attributes:
        rows: (B,) int64, the window in view.
        steps: (B,) int64, steps of the episode so far.

    Example:
        >>> from envs.window_data import blank_data
        >>> cursors = Cursors(blank_data(5, 2), EnvConfig(horizon=2), 3)
        >>> cursors.begin(np.arange(3), np.array([0, 1, 4]))
        >>> rewards, terminated, truncated, report = cursors.step(np.array([0, 1, 2]), lam=1.0)
        >>> terminated.tolist(), report["row"].tolist(), report["alarm"].tolist(), cursors.observe().shape
        ([False, False, True], [1, 2, 4], [0, 1, 0], (3, 11))
    """

    def __init__(self, data: WindowData, config: EnvConfig, count: int) -> None:
        self.config = config
        self.rows: Int64 = np.zeros(count, dtype=np.int64)
        self.steps: Int64 = np.zeros(count, dtype=np.int64)
        self._track = track_of(data, config)
        self._verdict: Float32 = np.zeros(count, dtype=np.float32)
        self._ledger = Ledger(self._track.events, config.costs, (count,))
        self._questions = Questions(self._track, config, count)

    def begin(self, where: Int64, rows: Int64) -> None:
        """Begin an episode at some cursors, in rows; arrays that were given away stay as they are."""
        self.rows = self.rows.copy()
        self.rows[where] = rows
        self.steps[where] = 0
        self._verdict[where] = 0.0
        self._ledger.forget(where)
        if self.config.questions:
            self._questions.forget(where)

    def step(self, actions: Int64, lam: float) -> tuple[Float64, Bool, Bool, Report]:
        """Act at every cursor and move on to the next window; where the run ends, the cursor stays.

        Args:
            actions: (B,) in {0, 1, 2}.
            lam: lambda of the unsupervised term.

        Returns:
            (B,) float64 rewards, (B,) terminated, (B,) truncated, and a report of (B,) arrays: ``row`` in view,
            ``judged`` just now, ``alarm`` that resulted, whether a question was ``asked``, and the reward's parts.
        """
        track, judged = self._track, self.rows
        alarm, asked = self._questions.ask(judged, actions, self._ledger.open)
        state = alarm.astype(np.int64)
        place = 2 * judged + state
        paid, guessed, earned = track.table.take(place), lam * track.unsupervised.take(place), self._earn(alarm, asked)
        terminated: Bool = track.last.take(judged)
        self.steps += 1
        self._verdict = np.where(actions == ASK, 0, 2 * actions - 1).astype(np.float32)
        truncated = (self.steps >= self.config.horizon) & ~terminated
        self.rows = judged + ~terminated
        report: Report = {"row": self.rows, "judged": judged, "alarm": state, "asked": asked.astype(np.int64)}
        report |= {"table_reward": paid, "vae_reward": guessed, "event_reward": earned}
        return paid + guessed + earned, terminated, truncated, report

    def observe(self, where: Int64 | slice = EVERYWHERE) -> Float32:
        """Give what is seen at some cursors, or at all: a new (B, F + 9) float32 array."""
        ledger, rows = self._ledger, self.rows[where]
        seen = self._track.view.take(rows, axis=0)  # (B, F + 9)
        seen[:, _VERDICT], seen[:, _OPEN] = self._verdict[where], ledger.open[where]
        seen[:, _HELD] = self._track.log_held.take(ledger.held[where].astype(np.int64), mode="clip")
        seen[:, _RECENT] = np.minimum(ledger.recent[where], MOST_TIRED)
        seen[:, _HORIZON] = 1.0 - self.steps[where] / self.config.horizon
        if self.config.questions:
            self._show_questions(seen, rows, where)
        return seen

    def _show_questions(self, seen: Float32, rows: Int64, where: Int64 | slice) -> None:
        questions = self._questions
        seen[:, _BELIEF], seen[:, _SHIFT] = questions.believe(rows, where)
        seen[:, _BUDGET] = questions.left[where] / self.config.questions * self.config.budget_left
        seen[:, _ANSWER] = questions.answer[where]

    def _earn(self, alarm: Bool, asked: Bool) -> Float64:
        """Give the ledger's utility less the questions' price, (B,)."""
        costs = self.config.costs
        price = np.multiply(costs.question, asked, dtype=np.float64)
        if costs.pays_events:
            return self._ledger.step(self.rows, alarm) - price
        self._ledger.move(alarm)
        return 0.0 - price
