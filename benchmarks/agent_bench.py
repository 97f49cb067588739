"""A simulated analyst and a world laid out for a loop of rounds, as the agent's benchmarks share them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from agent_cases import World

from rl_tsad.active.extent import propose_extent
from rl_tsad.agent.control import prices
from rl_tsad.agent.tune import Course, earned_by, lay_course
from rl_tsad.decision_config import CostConfig
from rl_tsad.detector.judge import Judgement
from rl_tsad.evaluation.metrics import event_f1
from rl_tsad.types import Bool, Float32, Int64, Targets

QUICK, LONG = 4.0, 10.0  # seconds


@dataclass
class Analyst:
    """Answers from truth; everything that was looked at is counted.

    Attributes:
        world: whose truth it reads.
        episode: (N,) number of the series.
        labels: row -> answer.
        reads: rows whose truth was looked at.
        questions: answered.
        seconds: that the answers took.
        answer_of: row -> number of the question whose answer labelled it last.
    """

    world: World
    episode: Int64
    labels: dict[int, int] = field(default_factory=dict)
    reads: set[int] = field(default_factory=set)
    questions: int = 0
    seconds: float = 0.0
    answer_of: dict[int, int] = field(default_factory=dict)

    def answer_window(self, row: int) -> None:
        """Say of one window whether it is anomalous."""
        self._look(row, row + 1)
        self.questions, self.seconds = self.questions + 1, self.seconds + QUICK
        self._label({row: int(self.world.truth[row])})

    def answer_event(self, row: int, score: Float32) -> None:
        """Say of a proposed stretch whether there is an event in it, and mark where that begins and ends."""
        low, high = propose_extent(score, row, episode=self.episode, allowed=self.world.pool)
        level = np.zeros_like(score)  # nothing stands out: as far as the analyst is shown
        first, last = propose_extent(level, row, episode=self.episode, allowed=self.world.pool)
        self._look(first, last)
        self.questions += 1
        found = np.flatnonzero(self.world.truth[low:high] == 1) + low
        self._label(dict.fromkeys(range(low, high), 0))
        self.seconds += LONG if len(found) else QUICK
        if not len(found):
            return
        begin = end = int(found[np.argmin(np.abs(found - row))])
        while begin > first and self.world.truth[begin - 1] == 1:
            begin -= 1
        while end + 1 < last and self.world.truth[end + 1] == 1:
            end += 1
        edges = [place for place in (begin - 1, end + 1) if first <= place < last]
        second = {place: int(self.world.truth[place]) for place in found.tolist()}  # a second event in the stretch
        self._label(second | dict.fromkeys(edges, 0) | dict.fromkeys(range(begin, end + 1), 1))

    def _label(self, said: dict[int, int]) -> None:
        self.labels |= said
        self.answer_of |= dict.fromkeys(said, self.questions)

    def _look(self, low: int, high: int) -> None:
        self.reads.update(range(low, high))


@dataclass(frozen=True, eq=False)
class Bench:
    """A world laid out for a loop of rounds."""

    world: World
    pool: tuple[Judgement, ...]
    seen: tuple[Judgement, ...]
    keys: np.ndarray
    episode: Int64
    course: Course
    analyst: Analyst | None = None
    """Who answered so far, for those who learn from which windows one answer labelled."""

    @staticmethod
    def of(world: World) -> Bench:
        """Lay out a world; the course holds its test windows with their truth."""
        bounds = np.cumsum([0, *(len(one) for one in world.judgements)])
        parts = [world.pool[low:high] for low, high in pairwise(bounds.tolist())]
        pool = tuple(one.take(mask) for one, mask in zip(world.judgements, parts, strict=True) if mask.any())
        test, blank = world.test, np.zeros(int(world.test.sum()), np.float32)
        told = (world.truth[test], np.ones(len(blank), np.float32), world.episode[test])
        keys = np.concatenate([one.keys for one in world.judgements])
        return Bench(world, pool, world.seen, keys, world.episode, lay_course(blank, *told, costs=prices(CostConfig())))

    def judge(self, alarm: Bool) -> dict[str, float]:
        """Measure alarms on the test windows."""
        seen, test = alarm[self.world.test], self.world.test
        utility = 1000.0 * float(earned_by(seen, self.course).sum()) / len(seen)
        opened = np.diff(alarm.astype(np.int8), prepend=0)[test] == 1
        return {
            "utility": utility,
            "event_f1": event_f1(self.world.truth[test], seen.astype(np.int8), self.episode[test]),
            "openings": 1000.0 * float(opened.mean()),
        }

    def targets(self, analyst: Analyst) -> Targets:
        """Give the answers so far."""
        rows = np.array(sorted(analyst.labels), dtype=np.int64)
        value = np.array([analyst.labels[row] for row in rows.tolist()], dtype=np.int8)
        return Targets(self.keys[rows], value, np.ones(len(rows), np.float32), np.full(len(rows), "human"))
