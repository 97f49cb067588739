"""Which alarm rule earns most? A search over rules on streams whose events are known, by the utility that users feel.

Random search, then a local one around the best (Bergstra & Bengio, "Random Search for Hyper-Parameter Optimization",
JMLR 2012, for the first half); all candidates of a kind step through all streams side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from envs.costs import Costs
from envs.ledger import EventTable, Ledger, lay_events
from rl_tsad.agent.alarms import KINDS, AlarmRule, Kind, Latch, Streams, lay_streams
from rl_tsad.types import Bool, Float32, Float64, Int8, Int64

_NUMBERS = ("on", "off", "confirm", "hold", "patience", "pause", "memory", "drift", "enter", "leave")
_USED: Mapping[Kind, tuple[str, ...]] = {
    "threshold": ("on",),
    "hysteresis": ("on", "off", "confirm", "hold", "patience", "pause", "memory"),
    "cusum": ("on", "off", "confirm", "hold", "patience", "pause", "drift"),
    "hmm": ("on", "off", "confirm", "hold", "patience", "pause", "enter", "leave"),
}
_COUNTS = ("confirm", "hold", "patience", "pause")
_PARENTS, _ROUNDS = 6, 3
BLOCK = 32
"""Windows whose utility is one number in a comparison: events and alarms are mostly shorter."""


@dataclass(frozen=True, eq=False)
class Course:
    """Streams on which rules are judged.

    Attributes:
        belief: (N,) float32 logits.
        episode: (N,) int64, the run a window belongs to.
        table: their events.
        costs: prices.
        streams: the runs, laid side by side.
    """

    belief: Float32
    episode: Int64
    table: EventTable
    costs: Costs
    streams: Streams

    @property
    def windows(self) -> int:
        """Number of windows N."""
        return len(self.belief)


def lay_course(belief: Float32, target: Int8, weight: Float32, episode: Int64, *, costs: Costs) -> Course:
    """Lay out streams whose events are known.

    Args:
        belief: (N,) logits.
        target: (N,) int8 in {-1 unknown, 0 normal, 1 anomaly}.
        weight: (N,) float32, trust in it.
        episode: (N,) the run a window belongs to.
        costs: prices.

    Example:
        >>> normal, trust = np.zeros(3, np.int8), np.ones(3, np.float32)
        >>> course = lay_course(np.ones(3, np.float32), normal, trust, np.zeros(3, np.int64), costs=Costs())
        >>> course.windows
        3
    """
    return Course(belief, episode, lay_events(target, weight, episode, costs), costs, lay_streams(episode))


def earned(rule: AlarmRule, course: Course, *, rules: int = 1, block: int = 0) -> Float64:
    """Give what P rules of one kind earn on each stream, or in each block of one.

    Args:
        rule: numbers are (P, 1) arrays, or a single rule's.
        course: streams.
        rules: P.
        block: windows of a stream that are summed up; all of them when 0.

    Returns:
        (P, S) float64 utility, streams in the order of ``course.streams``; with blocks, one column for each of them.

    Example:
        >>> belief = np.array([-2, 2, 2, -2], np.float32)
        >>> told = (np.array([0, 1, 1, 0], np.int8), np.ones(4, np.float32), np.zeros(4, np.int64))
        >>> course = lay_course(belief, *told, costs=Costs())
        >>> earned(AlarmRule("threshold", on=0.0), course).round(3).tolist()
        [[1.0]]
        >>> earned(AlarmRule("threshold", on=0.0), course, block=2).round(3).tolist()
        [[1.0, 0.0]]
    """
    shape = (rules, len(course.streams.start))
    latch = Latch(rule, shape)

    def alarm(rows: Int64) -> Bool:
        latch.keep(len(rows))
        return latch.step(course.belief[rows])

    return _account(alarm, course, shape, block)


def earned_by(alarm: Bool, course: Course, *, block: int = 0) -> Float64:
    """Give what alarms earn that were settled beforehand, (S,) or a number for each block; see :func:`earned`.

    Args:
        alarm: (N,) where it is open.
        course: streams.
        block: windows of a stream that are summed up; all of them when 0.

    Example:
        >>> told = (np.array([0, 1, 1, 0], np.int8), np.ones(4, np.float32), np.zeros(4, np.int64))
        >>> course = lay_course(np.zeros(4, np.float32), *told, costs=Costs())
        >>> earned_by(np.zeros(4, bool), course).tolist()
        [-1.0]
    """
    return np.asarray(_account(lambda rows: alarm[rows], course, (len(course.streams.start),), block))


def found_by(alarm: Bool, course: Course) -> int:
    """Count the events that alarms find, in them or within their grace.

    Args:
        alarm: (N,) where it is open.
        course: streams.

    Example:
        >>> told = (np.array([0, 1, 1, 0, 1], np.int8), np.ones(5, np.float32), np.zeros(5, np.int64))
        >>> course = lay_course(np.zeros(5, np.float32), *told, costs=Costs())
        >>> found_by(np.array([False, False, True, False, False]), course)
        1
    """
    number = np.cumsum(course.table.first)
    return len(np.unique(number[course.table.counts & alarm]))


def _account(alarm: Callable[[Int64], Bool], course: Course, shape: tuple[int, ...], block: int) -> Float64:
    streams, longest = course.streams, int(course.streams.length[0])
    size = block or longest
    ledger = Ledger(course.table, course.costs, shape)
    total = np.zeros((-(-longest // size), *shape))
    for time in range(longest):
        live = streams.live(time)
        rows = streams.start[:live] + time
        ledger.keep(live)
        total[time // size, ..., :live] += ledger.step(rows, alarm(rows))
    if not block:
        return np.asarray(total[0])
    used = np.arange(len(total))[:, None] * size < streams.length  # (blocks, S)
    return np.ascontiguousarray(np.moveaxis(total, 0, -1)[..., used.T])


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes:
        rule: the best of its kind over all streams.
        utility: (B,) what rules of its kind earn on each block that they were not tuned on.
        tried: how many rules were tried.
    """

    rule: AlarmRule
    utility: Float64
    tried: int


def tune_rules(
    course: Course,
    rng: np.random.Generator,
    *,
    kinds: Sequence[Kind] = KINDS,
    candidates: int = 96,
    block: int = BLOCK,
) -> dict[Kind, Tuned]:
    """Find the best rule of each kind, and what such a search is worth on streams that it has not seen.

    Blocks of windows are dealt into two halves; a rule is tuned on each, and judged on the other one. What a rule earns
    where it was tuned says little: with ten events the best of four hundred rules is the luckiest.

    Args:
        course: streams.
        rng: draws the candidates and deals the blocks.
        kinds: of rules.
        candidates: in the random half of the search, and in each round of the local one.
        block: windows whose utility is one number.

    Returns:
        By kind.
    """
    return {kind: _tune_kind(kind, course, rng, candidates=candidates, block=block) for kind in kinds}


def _tune_kind(kind: Kind, course: Course, rng: np.random.Generator, *, candidates: int, block: int) -> Tuned:
    count = len(earned(AlarmRule(kind), course, block=block)[0])
    half = rng.permutation(count) < count // 2
    unseen = np.empty(count)
    tried = 0
    for part in (half, ~half):
        _, paid, number = _search(kind, course, part, rng, candidates=candidates, block=block)
        unseen[~part], tried = paid[~part], tried + number
    rule, _, number = _search(kind, course, np.ones(count, np.bool_), rng, candidates=candidates, block=block)
    return Tuned(rule, unseen, tried + number)


def _search(
    kind: Kind, course: Course, part: Bool, rng: np.random.Generator, *, candidates: int, block: int
) -> tuple[AlarmRule, Float64, int]:
    """Find the rule that earns most on part of the blocks, and give what it earns on each block."""
    levels = np.quantile(course.belief.astype(np.float64), [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0])
    table = _draw(kind, levels, rng, candidates)
    paid = _judge(kind, table, course, block)
    for turn in range(_ROUNDS):
        order = np.argsort(-paid[:, part].sum(axis=1), kind="stable")[:_PARENTS]
        parents = {name: numbers[order] for name, numbers in table.items()}
        drawn = _vary(kind, parents, rng, candidates, scale=0.5**turn)
        table = {name: np.concatenate([table[name], drawn[name]]) for name in table}
        paid = np.concatenate([paid, _judge(kind, drawn, course, block)])
    best = int(np.argmax(paid[:, part].sum(axis=1)))
    rule = AlarmRule(kind, **{name: float(numbers[best]) for name, numbers in table.items()})
    return rule, paid[best], len(paid)


def _judge(kind: Kind, table: Mapping[str, Float64], course: Course, block: int) -> Float64:
    rule = AlarmRule(kind, **{name: numbers[:, None] for name, numbers in table.items()})
    return earned(rule, course, rules=len(table["on"]), block=block)


def _draw(kind: Kind, levels: Float64, rng: np.random.Generator, count: int) -> dict[str, Float64]:
    """Draw rules; the first one keeps silent."""
    place = rng.uniform(0, len(levels) - 1, count)
    on = np.interp(place, np.arange(len(levels)), levels)
    if kind == "cusum":
        on = np.exp(rng.uniform(np.log(0.5), np.log(25), count))
    elif kind == "hmm":
        on = rng.uniform(-4, 8, count)
    on[0] = 1e3
    numbers = {
        "on": on,
        "off": rng.choice([0.0, 1.0], count) * rng.exponential(1.5, count),
        "confirm": rng.choice([1.0, 1.0, 2.0, 3.0], count),
        "hold": rng.choice([1.0, 1.0, 3.0, 8.0, 20.0], count),
        "patience": rng.choice([1.0, 1.0, 2.0, 5.0, 12.0], count),
        "pause": rng.choice([0.0, 0.0, 5.0, 15.0, 40.0], count),
        "memory": np.exp(rng.uniform(0, np.log(30), count)),
        "drift": np.interp(rng.uniform(0, 7, count), np.arange(len(levels)), levels),
        "enter": np.exp(rng.uniform(np.log(1e-4), np.log(0.05), count)),
        "leave": np.exp(rng.uniform(np.log(0.01), np.log(0.5), count)),
    }
    return {name: numbers[name] for name in _USED[kind]}


def _vary(
    kind: Kind, parents: Mapping[str, Float64], rng: np.random.Generator, count: int, *, scale: float
) -> dict[str, Float64]:
    """Change half of the numbers of some parents a little."""
    chosen = rng.integers(len(parents["on"]), size=count)
    result = {}
    for name in _USED[kind]:
        value = parents[name][chosen].copy()
        moved = rng.random(count) < (0.5 if len(_USED[kind]) > 1 else 1.0)
        if name in _COUNTS:
            step = np.round(rng.normal(0, 1 + scale * value))
            value = np.where(moved, np.maximum(value + step, 0.0 if name == "pause" else 1.0), value)
        elif name in {"on", "drift"}:
            value = np.where(moved, value + rng.normal(0, scale, count), value)
        elif name == "off":
            value = np.where(moved, np.maximum(value + rng.normal(0, scale, count), 0.0), value)
        else:
            value = np.where(moved, value * np.exp(rng.normal(0, scale, count)), value)
        result[name] = _bounded(name, value)
    return result


def _bounded(name: str, value: Float64) -> Float64:
    bounds = {"memory": (1.0, 100.0), "enter": (1e-5, 0.5), "leave": (1e-3, 0.9)}
    return np.clip(value, *bounds[name]) if name in bounds else value
