"""What an operator gains and loses, event by event: the prices from which every reward is made.

All prices are in units of one missed event. A user does not feel windows: an event that is found early, a false alarm
that wakes somebody, an alarm that flickers, a question that takes an analyst's minute are what counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from envs.errors import EnvError
from envs.rewards import Rewards

NO_TABLE: Rewards = (0.0, 0.0, 0.0, 0.0)
MOST_TIRED = 5.0
"""Recent openings beyond which another one is no worse."""


@dataclass(frozen=True)
class Costs:
    """Prices; a gain or a price of 0 turns its part off.

    Attributes:
        found: gain of an event found at its first window.
        late: share of that gain that a late detection loses in the end; ``exp(-delay / patience)`` of it is left.
        patience: windows of delay after which 63 % of ``late`` is lost.
        miss: price of an event that no alarm met.
        opening: price of an alarm that opens outside every event.
        fatigue: what each recent opening adds to the next false or repeated one, up to five.
        memory: windows after which a recent opening counts for 37 %.
        flicker: price of opening again inside an event that was found.
        holding: price of each window of an open alarm outside every event.
        uncovered: price of each window of a found event over which no alarm is open.
        grace: windows after an event in which an alarm still finds it.
        question: price of a question.
        window: TP, TN, FP, FN paid for each answered window besides. With (5, 1, -1, -5) and all other prices 0
            (:data:`PUBLISHED`), the reward is that of arXiv 2601.02511.

    Raises:
        EnvError: when a number is out of range.

    Example:
        >>> Costs(opening=1 / 40).opening * 40 == Costs().miss
        True
    """

    found: float = 1.0
    late: float = 0.6
    patience: float = 5.0
    miss: float = 1.0
    opening: float = 0.5
    fatigue: float = 0.1
    memory: float = 50.0
    flicker: float = 0.2
    holding: float = 0.05
    uncovered: float = 0.005
    grace: int = 1
    question: float = 0.1
    window: Rewards = NO_TABLE

    def __post_init__(self) -> None:
        prices = (self.found, self.miss, self.opening, self.fatigue, self.flicker, self.holding, self.uncovered)
        if min(*prices, self.question, self.grace) < 0 or not 0 <= self.late <= 1:
            raise EnvError(f"expected prices >= 0 and late in [0, 1], got {self}; a price is what is lost, unsigned")
        if not (self.patience > 0 and self.memory > 0):
            raise EnvError(f"expected patience and memory > 0, got {self.patience}, {self.memory}; they count windows")

    @property
    def pays_events(self) -> bool:
        """Whether any gain or price hangs on events and alarms, rather than on questions and single windows."""
        prices = (self.found, self.miss, self.opening, self.fatigue, self.flicker, self.holding, self.uncovered)
        return any(prices)


PUBLISHED = Costs(
    found=0.0,
    miss=0.0,
    opening=0.0,
    fatigue=0.0,
    flicker=0.0,
    holding=0.0,
    uncovered=0.0,
    question=0.0,
    window=(5.0, 1.0, -1.0, -5.0),
)
"""The reward of arXiv 2601.02511: windows only."""
