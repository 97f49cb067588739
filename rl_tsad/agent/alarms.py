"""Rules that open and close an alarm by a belief: what an agent has to be better than, and what a user can choose.

Every rule filters the belief and then latches: the alarm opens when the filtered number has stood above one level for
some windows and closes when it has stood below another. What differs is the filter:

* ``threshold``: none, and both levels are one;
* ``hysteresis``: an exponential mean;
* ``cusum``: a one-sided cumulative sum of what lies above a drift (Page, "Continuous inspection schemes", 1954);
* ``hmm``: the forward probability of a two-state hidden Markov model whose emission odds are the belief
  (Rabiner, "A tutorial on hidden Markov models", 1989, section III.A), as log odds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rl_tsad.errors import ConfigError
from rl_tsad.types import Bool, Float32, Float64, Int64

Kind = Literal["threshold", "hysteresis", "cusum", "hmm"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_CAP = 30.0


@dataclass(frozen=True)
class AlarmRule:
    """One rule, or P of one kind at once where the numbers are (P, 1) arrays.

    Attributes:
        kind: of the filter.
        on: level above which the alarm opens, in units of the filtered belief.
        off: how far below ``on`` the level lies under which it closes, >= 0.
        confirm: windows above ``on`` before it opens, >= 1.
        hold: windows that it stays open at least, >= 1.
        patience: windows below the lower level before it closes, >= 1.
        pause: windows after closing in which it does not open again, >= 0.
        memory: windows of the exponential mean (``hysteresis``), >= 1.
        drift: what the cumulative sum takes off in each window (``cusum``).
        enter: probability that an event begins in a window (``hmm``), in (0, 1).
        leave: probability that one ends in a window (``hmm``), in (0, 1).

    Raises:
        ConfigError: when the kind is unknown.
    """

    kind: Kind = "threshold"
    on: float | Float64 = 0.0
    off: float | Float64 = 0.0
    confirm: float | Float64 = 1.0
    hold: float | Float64 = 1.0
    patience: float | Float64 = 1.0
    pause: float | Float64 = 0.0
    memory: float | Float64 = 1.0
    drift: float | Float64 = 0.0
    enter: float | Float64 = 0.01
    leave: float | Float64 = 0.1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"expected a kind of alarm rule among {', '.join(KINDS)}, got {self.kind!r}; choose one")

    def facts(self) -> dict[str, float | str]:
        """Give the numbers of a single rule, for a file.

        Example:
            >>> AlarmRule(on=2.0).facts()["on"]
            2.0
        """
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}


def _plain(value: float | str | Float64) -> float | str:
    return value if isinstance(value, str) else float(value)


class Latch:
    """A rule at work: filter and latch of any number of streams, step by step.

    Args:
        rule: numbers that broadcast against ``shape``.
        shape: of the streams, such as (S,), or (P, S) for P rules on S streams.

    Attributes:
        open: whether the alarm is open.
        level: the filtered belief.

    Example:
        >>> latch = Latch(AlarmRule("threshold", on=1.0), (2,))
        >>> latch.step(np.array([0.0, 2.0])).tolist()
        [False, True]
    """

    def __init__(self, rule: AlarmRule, shape: tuple[int, ...]) -> None:
        self.rule = rule
        self.open: Bool = np.zeros(shape, np.bool_)
        self.level: Float64 = np.zeros(shape)
        self.above: Float64 = np.zeros(shape)
        self.below: Float64 = np.zeros(shape)
        self.held: Float64 = np.full(shape, np.inf)
        self._fresh = True

    def step(self, belief: NDArray[np.floating]) -> Bool:
        """Take the next belief of every stream, which broadcasts to the shape, and say where the alarm is open."""
        rule = self.rule
        self.level = self._filtered(np.asarray(belief, dtype=np.float64))
        high, low = self.level > rule.on, self.level < rule.on - rule.off
        self.above = np.where(high, self.above + 1.0, 0.0)
        self.below = np.where(low | ((rule.off == 0) & ~high), self.below + 1.0, 0.0)
        opens = ~self.open & (self.above >= rule.confirm) & (self.held >= rule.pause)
        closes = self.open & (self.below >= rule.patience) & (self.held >= rule.hold)
        self.held = np.where(opens | closes, 1.0, self.held + 1.0)
        self.open = (self.open | opens) & ~closes
        return self.open

    def keep(self, live: int) -> None:
        """Go on with the first streams only."""
        if live < self.open.shape[-1]:
            for name in ("open", "level", "above", "below", "held"):
                setattr(self, name, getattr(self, name)[..., :live])

    def _filtered(self, belief: Float64) -> Float64:
        rule, fresh = self.rule, self._fresh
        self._fresh = False
        if rule.kind == "hysteresis":
            return belief + self.level * 0.0 if fresh else self.level + (belief - self.level) / rule.memory
        if rule.kind == "cusum":
            return np.clip(self.level + belief - rule.drift, 0.0, _CAP)
        if rule.kind == "hmm":
            before = np.zeros_like(self.level) if fresh else 1.0 / (1.0 + np.exp(-np.clip(self.level, -_CAP, _CAP)))
            expected = before * (1.0 - rule.leave) + (1.0 - before) * rule.enter
            return np.asarray(np.log(expected / (1.0 - expected)) + belief)
        return np.broadcast_to(belief, self.level.shape)


def run_rule(rule: AlarmRule, belief: Float32, episode: Int64) -> Bool:
    """Say in which windows a rule's alarm is open; episodes are stepped side by side.

    Args:
        rule: a single one.
        belief: (N,) logits.
        episode: (N,) the run a window belongs to.

    Returns:
        (N,) bool.

    Example:
        >>> rule = AlarmRule("threshold", on=1.0, confirm=2)
        >>> run_rule(rule, np.array([2, 0, 2, 2, 0], np.float32), np.zeros(5, np.int64)).tolist()
        [False, False, False, True, False]
    """
    streams = lay_streams(episode)
    latch, result = Latch(rule, (len(streams.start),)), np.zeros(len(belief), np.bool_)
    for time in range(int(streams.length[0])):
        live = streams.live(time)
        rows = streams.start[:live] + time
        latch.keep(live)
        result[rows] = latch.step(belief[rows])
    return result


@dataclass(frozen=True, eq=False)
class Streams:
    """Episodes to be stepped side by side, the longest first.

    Attributes:
        start: (S,) first row of each.
        length: (S,) rows of each, falling.
    """

    start: Int64
    length: Int64

    def live(self, time: int) -> int:
        """Count the streams that have a row at a time."""
        return int(np.searchsorted(-self.length, -time, side="left"))


def lay_streams(episode: Int64) -> Streams:
    """Find the episodes.

    Example:
        >>> streams = lay_streams(np.array([0, 1, 1]))
        >>> streams.start.tolist(), [streams.live(time) for time in range(2)]
        ([1, 0], [2, 1])
    """
    start = np.flatnonzero(np.append(True, np.diff(episode) != 0))
    length = np.diff(np.append(start, len(episode)))
    order = np.argsort(-length, kind="stable")
    return Streams(start[order], length[order])
