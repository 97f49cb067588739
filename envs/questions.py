"""What asking does: an answer settles the alarm, takes one of the episode's questions and moves beliefs nearby.

An answer y of a window at place p moves the belief of one at place q by ``spread * (2y - 1) * exp(-|p - q|^2 / 2)``: a
Gaussian kernel, as in label spreading (Zhou et al., NIPS 2003, section 2), one step of it. So questions are worth
asking ahead of time: what they reveal is seen wherever the series looks alike later in the episode.
"""

from __future__ import annotations

import numpy as np

from envs.track import ASK, Track
from envs.window_data import LIMIT, Bool, EnvConfig, Float32, Int64

MEMORY = 16
"""Answers that a cursor remembers; an older one is forgotten."""

BOX = (-LIMIT, LIMIT)
EVERYWHERE = slice(None)


class Questions:
    """Questions left and answers remembered, of B cursors.

    Args:
        track: windows.
        config: questions per episode, and how far answers spread.
        count: cursors B.

    Attributes:
        left: (B,) int64 questions left.
        answer: (B,) float32 last answer of the episode: -1 normal, 1 anomaly, 0 none yet.

    Example:
        >>> from envs.track import track_of
        >>> from envs.window_data import blank_data
        >>> config = EnvConfig(questions=3)
        >>> questions = Questions(track_of(blank_data(4, 1), config), config, 2)
        >>> alarm, asked = questions.ask(np.array([0, 3]), np.array([ASK, 1]), np.array([True, False]))
        >>> alarm.tolist(), asked.tolist(), questions.left.tolist()
        ([True, True], [True, False], [2, 3])
    """

    def __init__(self, track: Track, config: EnvConfig, count: int) -> None:
        self.track, self.each, self.strength = track, config.questions, np.float32(config.spread)
        self.spreads = bool(config.questions and track.place.shape[1] and config.spread)
        self.left: Int64 = np.full(count, config.questions, dtype=np.int64)
        self.answer: Float32 = np.zeros(count, dtype=np.float32)
        slots = min(MEMORY, config.questions) if self.spreads else 0
        self._everyone = np.arange(count)
        self._told: Int64 = np.zeros(count, dtype=np.int64)  # answers that spread, of the episode so far
        self._signs: Float32 = np.zeros((count, slots), dtype=np.float32)
        self._places: Float32 = np.zeros((track.place.shape[1], count, slots), dtype=np.float32)

    def forget(self, where: Int64) -> None:
        """Begin an episode at some cursors."""
        self.left[where] = self.each
        self.answer[where] = 0.0
        self._told[where] = 0
        self._signs[where] = 0.0

    def ask(self, rows: Int64, actions: Int64, is_open: Bool) -> tuple[Bool, Bool]:
        """Settle alarms by actions, and ask where they say so.

        Args:
            rows: (B,) the window in which each cursor stands.
            actions: (B,) in {0, 1, 2}.
            is_open: (B,) whether its alarm is open.

        Returns:
            (B,) whether the alarm is to be open: as said, as answered, or as it was where nobody knows or no question
            is left; and (B,) whether a question was spent.
        """
        asking = actions == ASK
        alarm = np.where(asking, is_open, actions == 1)
        if not self.each:
            return alarm, np.zeros(len(alarm), dtype=np.bool_)
        spent = asking & (self.left > 0)
        where = np.flatnonzero(spent)
        if len(where):
            self.left[where] -= 1
            said = self.track.answer.take(rows.take(where))
            known = where[said >= 0]
            alarm[known] = said[said >= 0] == 1
            self._remember(known, rows.take(known), alarm.take(known))
        return alarm, spent

    def believe(self, rows: Int64, where: Int64 | slice = EVERYWHERE) -> tuple[Float32, Float32]:
        """Give what is believed of windows now, and how far that is from what was believed before any question.

        Args:
            rows: (B,) the windows in view.
            where: the cursors that view them.

        Returns:
            (B,) float32 logits in [-10, 10], and their shift, clipped likewise.
        """
        before = self.track.belief.take(rows)
        moved = np.flatnonzero(self._told[where])
        if not len(moved):
            return before, np.zeros_like(before)
        now = before.copy()
        now[moved] = np.clip(before.take(moved) + self._pull(rows.take(moved), self._everyone[where].take(moved)), *BOX)
        return now, np.clip(now - before, *BOX)

    def _pull(self, rows: Int64, cursors: Int64) -> Float32:
        gap = self._places.take(cursors, axis=1) - self.track.place.take(rows, axis=0).T[:, :, None]  # (E, n, K)
        gap *= gap
        near = gap[0]  # (n, K) squared distance
        for square in gap[1:]:  # E - 1 of them: summed in one order, whatever n is
            near += square
        pulls = self._signs.take(cursors, axis=0) * np.exp(np.float32(-0.5) * near)  # (n, K)
        return np.asarray(self.strength * pulls.sum(axis=1), dtype=np.float32)

    def _remember(self, cursors: Int64, rows: Int64, alarm: Bool) -> None:
        self.answer[cursors] = 2.0 * alarm - 1.0
        if self.spreads:
            slot = self._told.take(cursors) % self._signs.shape[1]
            self._signs[cursors, slot] = 2.0 * alarm - 1.0
            self._places[:, cursors, slot] = self.track.place.take(rows, axis=0).T
            self._told[cursors] += 1
