"""Ask or pass at each window as in a stream: budget-aware margin, spend rate, and quantile of late.

Each rule sees the margins one by one and never looks ahead; it knows what it may spend and how many windows will come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from rl_tsad.config import StreamConfig
from rl_tsad.setting_types import StreamRule
from rl_tsad.types import Bool, Float32


class Asker(Protocol):
    """A rule during one walk."""

    def asks(self, margin: float, left: int) -> bool:
        """Decide about a window.

        Args:
            margin: in [0, 1], 0 where the agent is undecided.
            left: windows to come, this one included.

        Returns:
            Whether to ask; the question counts as spent then.
        """
        ...


class Decay:
    """Budget-aware margin: the threshold falls where questions run out sooner than windows, and rises where later.

    A window is asked when its margin is at most ``threshold * (questions left / windows left)^pace``, both as shares of
    what the walk began with. A fixed threshold is what ``pace = 0`` gives. Uncertainty sampling in a stream (Lewis &
    Gale, "A sequential algorithm for training text classifiers", SIGIR 1994) with a schedule of our own.

    Args:
        budget: questions wanted.
        length: windows of the walk.
        threshold: margin that is asked while questions and windows run out alike.
        pace: how strongly the threshold follows the budget; at 0 not at all.

    Example:
        >>> rule = Decay(budget=1, length=4, threshold=0.5, pace=1.0)
        >>> [rule.asks(margin, left) for margin, left in ((0.9, 4), (0.6, 3), (0.1, 2), (0.0, 1))]
        [False, True, False, False]
    """

    def __init__(self, *, budget: int, length: int, threshold: float, pace: float) -> None:
        self.budget, self.length, self.threshold, self.pace = budget, length, threshold, pace
        self.spent = 0

    def asks(self, margin: float, left: int) -> bool:
        """Decide about a window (see :class:`Asker`)."""
        if self.spent >= self.budget:
            return False
        shares = (1.0 - self.spent / self.budget) / (left / self.length)
        asked = bool(margin <= self.threshold * shares**self.pace)
        self.spent += asked
        return asked


class Spend:
    """Variable uncertainty: the threshold falls with each question and rises with each pass, at a steady spend rate.

    Zliobaite, Bifet, Pfahringer & Holmes, "Active learning with drifting streaming data", IEEE TNNLS 25(1), 2014:
    the variable uncertainty strategy within a budget that is estimated over the last decisions. While the estimate
    ``u <- u * (memory - 1) / memory + asked`` is below ``memory * rate``, a window is asked whose likelier verdict is
    less probable than the threshold, which begins at 1; otherwise nothing is asked and the threshold rests. Three
    differences: the rate is what the walk wants, questions by windows, and it ends when they are spent; the estimate
    begins at the rate, as if there had been a walk before, since every round walks the same pool: from 0 the very first
    windows would be asked; and memory holds at least one question, since a shorter one forgets it before the next is
    due, and a walk of many windows would spend everything in the first of them.

    Args:
        budget: questions wanted.
        length: windows of the walk.
        step: share by which the threshold changes with each decision.
        memory: decisions over which spending is estimated; at least the windows that one question is for.

    Example:
        >>> rule = Spend(budget=2, length=8, step=0.01, memory=4)
        >>> [rule.asks(0.5, left) for left in range(8, 0, -1)]
        [False, True, False, False, True, False, False, False]
    """

    def __init__(self, *, budget: int, length: int, step: float, memory: int) -> None:
        self.budget, self.rate = budget, budget / max(length, 1)
        self.step, self.memory = step, max(memory, length / max(budget, 1))
        self.threshold, self.lately, self.spent = 1.0, self.rate * self.memory, 0

    def asks(self, margin: float, left: int) -> bool:
        """Decide about a window (see :class:`Asker`)."""
        del left
        asked = False
        if self.spent < self.budget and self.lately / self.memory < self.rate:
            certainty = (1.0 + margin) / 2.0  # of the likelier verdict
            asked = certainty < self.threshold
            self.threshold *= 1.0 - self.step if asked else 1.0 + self.step
        self.lately = self.lately * (self.memory - 1) / self.memory + asked
        self.spent += asked
        return asked


class Quantile:
    """Balanced incremental quantile filter: ask what is less sure than most windows of late, balanced by what is left.

    Kottke, Krempl & Spiliopoulou, "Probabilistic active learning in datastreams", IDA 2015 (BIQF): the threshold is
    the ``1 - rate`` quantile of the last windows' worth, lowered by ``range * (asked too few) / tolerance``. Two
    differences: worth is ``1 - margin`` instead of the probabilistic gain, which needs label counts around a window;
    and memory starts with the end of the walk before, since every round walks the same pool.

    Args:
        budget: questions wanted.
        length: windows of the walk.
        memory: windows that the quantile looks back on.
        tolerance: questions too few that lower the threshold by the whole range of worth.
        before: margins of windows passed before, in order.

    Example:
        >>> rule = Quantile(budget=1, length=4, memory=4, tolerance=4.0, before=[0.9, 0.8, 0.7, 0.6])
        >>> [rule.asks(margin, left) for margin, left in ((0.9, 4), (0.1, 3), (0.8, 2), (0.7, 1))]
        [False, True, False, False]
    """

    def __init__(
        self, *, budget: int, length: int, memory: int, tolerance: float, before: Iterable[float] = ()
    ) -> None:
        self.budget, self.rate, self.tolerance = budget, min(1.0, budget / max(length, 1)), tolerance
        self.worth = deque((1.0 - margin for margin in before), maxlen=memory)
        self.seen, self.spent = 0, 0

    def asks(self, margin: float, left: int) -> bool:
        """Decide about a window (see :class:`Asker`)."""
        del left
        self.seen += 1
        self.worth.append(1.0 - margin)
        values = np.array(self.worth)
        missing = self.rate * self.seen - self.spent
        threshold = np.quantile(values, 1.0 - self.rate) - np.ptp(values) * missing / self.tolerance
        asked = bool(self.spent < self.budget and 1.0 - margin >= threshold)
        self.spent += asked
        return asked


def make_asker(rule: StreamRule, config: StreamConfig, *, budget: int, margins: Float32) -> Asker:
    """Make a rule ready for a walk.

    Args:
        rule: which.
        config: its settings.
        budget: questions wanted.
        margins: (N,) float32 in [0, 1] of the windows in the order of the walk; only the last ones are used, as what
            was passed before.
    """
    length = len(margins)
    if rule == "decay":
        return Decay(budget=budget, length=length, threshold=config.margin, pace=config.pace)
    if rule == "spend":
        return Spend(budget=budget, length=length, step=config.step, memory=config.lately)
    before = margins[-config.memory :].tolist()
    return Quantile(budget=budget, length=length, memory=config.memory, tolerance=config.tolerance, before=before)


def walk(asker: Asker, order: Iterable[int], margin: Float32, free: Bool) -> Iterator[int]:
    """Walk over windows and give those that are asked.

    Args:
        asker: decides.
        order: rows in the order of the walk.
        margin: (N,) float32 in [0, 1], by row.
        free: (N,) bool, by row; read at each step, so that whoever takes a row may block others behind it. A blocked
            window passes without a decision, time goes on.

    Yields:
        Rows to ask.

    Example:
        >>> rule = Decay(budget=2, length=3, threshold=0.5, pace=0.0)
        >>> list(walk(rule, [2, 0, 1], np.array([0.9, 0.2, 0.3], np.float32), np.ones(3, bool)))
        [2, 1]
    """
    rows = list(order)
    for place, row in enumerate(rows):
        if free[row] and asker.asks(float(margin[row]), len(rows) - place):
            yield row
