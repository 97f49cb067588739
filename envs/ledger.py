"""What an alarm that opens and closes earns over time: the event utility, window by window, as arrays.

The same arithmetic serves one cursor, thousands of them, and a search over rules that runs many candidates over many
series at once: the account is an array of any shape, and a step tells it the row in which each of its entries stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.costs import MOST_TIRED, Costs

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]
Int8 = NDArray[np.int8]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EventTable:
    """Events and normal stretches, laid out in rows.

    Attributes:
        inside: (N,) whether a row lies in an event.
        counts: (N,) whether an alarm in the row finds an event: inside it, or in its grace.
        first: (N,) whether the row is the first of its event.
        final: (N,) whether the row is the last one in which its event can be found.
        gain: (N,) float64, what finding the event in this row earns.
        trust: (N,) float64 in [0, 1], how far a row outside every event is known to be normal: a false alarm costs so
            much of its price there.
    """

    inside: Bool
    counts: Bool
    first: Bool
    final: Bool
    gain: Float64
    trust: Float64


def lay_events(target: Int8, weight: ArrayLike, episode: Int64, costs: Costs) -> EventTable:
    """Lay out the events: each maximal run of anomalous rows within one episode is one.

    Args:
        target: (N,) int8 in {-1 unknown, 0 normal, 1 anomaly}.
        weight: (N,) trust in the target, in [0, 1].
        episode: (N,) int64, the run a row belongs to; an event never crosses from one to the next.
        costs: prices and grace.

    Example:
        >>> table = lay_events(np.array([0, 1, 1, 0, -1], np.int8), np.ones(5), np.zeros(5, np.int64), Costs(late=0.0))
        >>> table.first.nonzero()[0].tolist(), table.final.nonzero()[0].tolist(), table.trust.tolist()
        ([1], [3], [1.0, 1.0, 1.0, 1.0, 0.0])
    """
    rows, inside = np.arange(len(target)), target == 1
    fresh = np.append(True, episode[1:] != episode[:-1])  # first row of an episode
    first = inside & (fresh | ~np.append(False, inside[:-1]))
    start = np.maximum.accumulate(np.where(first, rows, -1))  # of the newest event, in whatever episode
    begin = np.maximum.accumulate(np.where(fresh, rows, 0))
    seen = np.maximum.accumulate(np.where(inside, rows, -1))  # newest row inside an event
    counts = inside | ((seen >= begin) & (rows - seen <= costs.grace))
    follows = np.append(counts[1:] & ~fresh[1:] & ~first[1:], False)
    delay = np.maximum(rows - start, 0)
    gain = costs.found * (1.0 - costs.late + costs.late * np.exp(-delay / costs.patience))
    trust = np.where(target >= 0, np.asarray(weight, dtype=np.float64), 0.0)
    return EventTable(inside, counts, first, counts & ~follows, np.where(counts, gain, 0.0), trust)


class Alarms:
    """Whether alarms are open, since when, and how often they opened lately.

    Args:
        costs: how long an opening is remembered.
        shape: of the account, such as (B,) for B cursors or (P, S) for P rules on S series.

    Attributes:
        open: whether the alarm is open.
        recent: how many openings are remembered.
        held: windows since the alarm last opened or closed.

    Example:
        >>> alarms = Alarms(Costs(), (2,))
        >>> alarms.move(np.array([True, False]))
        >>> alarms.open.tolist(), alarms.held.tolist(), alarms.recent.tolist()
        ([True, False], [0.0, 1.0], [1.0, 0.0])
    """

    _states: tuple[str, ...] = ("open", "recent", "held")

    def __init__(self, costs: Costs, shape: tuple[int, ...]) -> None:
        self.costs = costs
        self.open: Bool = np.zeros(shape, np.bool_)
        self.recent: Float64 = np.zeros(shape)
        self.held: Float64 = np.zeros(shape)
        self._fade = float(np.exp(-1.0 / costs.memory))

    def forget(self, where: Bool | Int64) -> None:
        """Begin anew in some entries: alarm closed, nothing found, nothing remembered."""
        for name in self._states:
            getattr(self, name)[where] = 0

    def keep(self, live: int) -> None:
        """Go on with the first entries of the last axis only: the streams that have rows left."""
        if live < self.open.shape[-1]:
            for name in self._states:
                setattr(self, name, getattr(self, name)[..., :live])

    def move(self, alarm: Bool) -> None:
        """Open and close alarms, without booking what that earns."""
        opening = alarm & ~self.open
        self.held = np.where(alarm == self.open, self.held + 1.0, 0.0)
        self.recent = self.recent * self._fade + opening
        self.open = alarm | np.zeros_like(self.open)


class Ledger(Alarms):
    """The account of alarms.

    Args:
        table: rows.
        costs: prices.
        shape: of the account, such as (B,) for B cursors or (P, S) for P rules on S series.

    Attributes:
        found: whether the event in which the entry stands was found.

    Example:
        >>> table = lay_events(np.array([0, 1, 1, 0], np.int8), np.ones(4), np.zeros(4, np.int64), Costs())
        >>> ledger = Ledger(table, Costs(), ())
        >>> [round(float(ledger.step(row, alarm)), 3) for row, alarm in enumerate([True, True, False, False])]
        [-0.55, 1.0, -0.005, 0.0]
    """

    _states = ("open", "found", "recent", "held")

    def __init__(self, table: EventTable, costs: Costs, shape: tuple[int, ...]) -> None:
        super().__init__(costs, shape)
        self.table = table
        self.found: Bool = np.zeros(shape, np.bool_)

    def step(self, rows: ArrayLike, alarm: ArrayLike) -> Float64:
        """Say where the alarm is open in the next rows, and book what that earns.

        Args:
            rows: row in which each entry stands; broadcasts to the account's shape.
            alarm: whether the alarm is to be open, likewise.

        Returns:
            Utility of this step, in the account's shape.
        """
        at, alarm = np.asarray(rows), np.asarray(alarm, dtype=np.bool_)
        paid = self._book(at, alarm)
        self.move(alarm)
        return np.asarray(paid, dtype=np.float64)

    def _book(self, at: NDArray[np.intp], alarm: Bool) -> Float64:
        table, costs = self.table, self.costs
        counts, trust = table.counts.take(at), table.trust.take(at)
        before = self.found & ~table.first.take(at)
        opening = alarm & ~self.open
        hit = alarm & counts & ~before
        self.found = before | hit
        tired = costs.fatigue * np.minimum(self.recent, MOST_TIRED)
        paid = hit * table.gain.take(at) - costs.miss * (table.final.take(at) & ~self.found)
        paid = paid - opening * np.where(counts, (costs.flicker + tired) * before, (costs.opening + tired) * trust)
        uncovered = table.inside.take(at) & ~alarm & before
        return np.asarray(paid - costs.holding * trust * (alarm & ~counts) - costs.uncovered * uncovered)
