"""What stands out in a window, given what its series usually does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_tsad.data.facts import Facts, Usual, measure, usual_of
from rl_tsad.data.scaling import Scale, apply_scale, fit_scale
from rl_tsad.types import Bool, Float32, Float64, Int8, Int64

STRENGTHS = ("quiet", "slight", "clear", "strong", "extreme")
BOUNDS = (3.0, 5.0, 9.0, 16.0)
"""Excess from which a behaviour is slight, clear, strong, extreme: usual deviations above the usual."""

NOTED = ("excess", "severity")
"""Columns of :func:`note_table`."""

_RIDGE = 0.05
_CLIP = 10.0
_LEARN_FROM = 1024
_KIND_WEIGHT = np.array([0.8, 0.9, 0.7, 0.9, 0.7], dtype=np.float32)
_KNOTS = (0.0, *BOUNDS, 60.0)
_LEVELS = (0.0, 0.05, 0.35, 0.7, 0.95, 1.0)


@dataclass(frozen=True)
class Habit:
    """What is ordinary for a series.

    Attributes:
        scale: robust centre and spread of the C channels.
        others: (C, C) float64 that turns scaled readings into what the other channels do not explain; None below three
            channels.
        rest: centre and spread of that remainder; None where ``others`` is.
        whole: usual amounts over whole windows, one per view (readings, remainder).
        now: usual amounts in the last quarter of windows, one per view.
        targets: (K,) int64, the channels worth telling of; the others only serve to explain them.
    """

    scale: Scale
    others: Float64 | None
    rest: Scale | None
    whole: tuple[Usual, ...]
    now: tuple[Usual, ...]
    targets: Int64


@dataclass(frozen=True)
class Notes:
    """The one thing worth telling of each window.

    Attributes:
        kind: (N,) int64 position in ``facts.KINDS`` of what stands out most.
        strength: (N,) int64 position in :data:`STRENGTHS`; 0 where nothing stands out.
        excess: (N,) float32, usual deviations above the usual.
        upward: (N,) bool, whether it points up.
        third: (N,) int8, where it is strongest: 0 early, 1 middle, 2 late.
        repeated: (N,) bool, whether more than one point stands out.
        against: (N,) bool, whether it is the deviation from what the other channels lead one to expect.
        channel: (N,) int64 where it stands out most, always a target.
        second: (N,) int64 the next target that does something as clear, -1 where none does.
        many: (N,) bool, whether three targets or more do.
    """

    kind: Int64
    strength: Int64
    excess: Float32
    upward: Bool
    third: Int8
    repeated: Bool
    against: Bool
    channel: Int64
    second: Int64
    many: Bool


def learn_habit(values: Float32, scale: Scale, targets: Int64 | None = None) -> Habit:
    """Learn from a series' windows what is ordinary; more than half of them should be.

    With three channels or more, each is also predicted from the others by ridge regression (all at once from the
    inverse covariance: Whittaker, "Graphical models in applied multivariate statistics", 1990, section 5.7), because
    a movement that all channels share is often an operator's doing and one that a single channel makes is not.

    Args:
        values: (N, L, C) float32 in the file's units; of more than 1,024 windows, evenly spread ones are read.
        scale: robust centre and spread of the channels.
        targets: (K,) positions of the channels worth telling of; all when omitted.

    Example:
        >>> learn_habit(np.zeros((4, 9, 3), np.float32), Scale(np.zeros(3), np.ones(3))).others.shape
        (3, 3)
    """
    some = values[:: max(1, -(-len(values) // _LEARN_FROM))]
    targets = np.arange(values.shape[2], dtype=np.int64) if targets is None else targets
    others = _others(some, scale) if values.shape[2] >= 3 else None
    rest = None
    if others is not None:
        remainder = _remainder(some, scale, others[:, targets])
        rest = fit_scale(remainder.reshape(-1, remainder.shape[2]))
    bare = Habit(scale, others, rest, (), (), targets)
    whole = tuple(usual_of(measure(view, own)) for view, own in _views(some, bare))
    now = tuple(usual_of(measure(_recent(view), own)) for view, own in _views(some, bare))
    return Habit(scale, others, rest, whole, now, targets)


def take_notes(values: Float32, habit: Habit) -> Notes:
    """Choose for each window what exceeds the usual most.

    The excess of a kind of behaviour is the mean of its excess over the whole window and over the last quarter, as a
    window is decided for its last points: what is over already counts half.

    Args:
        values: (N, L, C) float32 in the file's units.
        habit: of the series that the windows come from.

    Example:
        >>> values = np.random.default_rng(0).normal(size=(50, 32, 2)).astype(np.float32)
        >>> values[7, 30, 1] += 40
        >>> notes = take_notes(values, learn_habit(values, Scale(np.zeros(2), np.ones(2))))
        >>> STRENGTHS[notes.strength[7]], int(notes.kind[7]), int(notes.channel[7]), int(notes.third[7])
        ('extreme', 0, 1, 2)
    """
    views = _views(values, habit)
    facts = [measure(view, own) for view, own in views]
    recent = [measure(_recent(view), own) for view, own in views]
    pairs = zip(facts, habit.whole, recent, habit.now, strict=True)
    excess = np.stack([(_excess(f, u) + _excess(r, n)) / 2 for f, u, r, n in pairs], axis=2)  # (N, K, V, 5)
    flat = excess.reshape(len(excess), excess.shape[1], -1)  # (N, K, V * 5)
    most = flat.max(axis=2)  # (N, K)
    order = np.argsort(-most, axis=1, kind="stable")
    rows, channel = np.arange(len(flat)), order[:, 0]
    view, kind = np.divmod(flat.argmax(axis=2)[rows, channel], excess.shape[3])
    top = most[rows, channel]
    alike = (most >= np.maximum(BOUNDS[1], 0.5 * top)[:, None]).sum(axis=1)
    second = order[:, 1] if order.shape[1] > 1 else channel
    place = (view, rows, channel, kind)
    return Notes(
        kind=kind,
        strength=np.searchsorted(BOUNDS, top, side="right"),
        excess=top.astype(np.float32),
        upward=np.stack([fact.upward for fact in facts])[place],
        third=np.stack([fact.third for fact in facts])[place],
        repeated=np.stack([fact.repeated for fact in facts])[place[:3]],
        against=view == 1,
        channel=habit.targets[channel],
        second=np.where(alike == 2, habit.targets[second], -1),
        many=alike > 2,
    )


def severity_of(notes: Notes) -> Float32:
    """Judge windows by a rule: severity grows with how far the loudest behaviour exceeds the usual.

    Returns:
        (N,) float32 in [0, 1]; at most .05 where nothing stands out, and less for kinds that are often harmless.

    Example:
        >>> still = np.zeros((3, 9, 1), np.float32)
        >>> severity_of(take_notes(still, learn_habit(still, Scale(np.zeros(1), np.ones(1))))).tolist()
        [0.0, 0.0, 0.0]
    """
    strength = np.interp(notes.excess, _KNOTS, _LEVELS)
    return np.asarray(strength * _KIND_WEIGHT[notes.kind], dtype=np.float32)


def note_table(notes: Notes) -> Float32:
    """Give what was noted of windows as numbers that keep their size, unlike shares of the pool.

    A share says that a window is odder than all of the pool; by how much, it does not say, and where sensors drift the
    usual is odder than all of the pool too.

    Args:
        notes: of N windows.

    Returns:
        (N, 2) float32 >= 0: log(1 + excess), and the severity by :func:`severity_of`. Names: :data:`NOTED`.

    Example:
        >>> still = np.zeros((3, 9, 1), np.float32)
        >>> note_table(take_notes(still, learn_habit(still, Scale(np.zeros(1), np.ones(1))))).shape == (3, len(NOTED))
        True
    """
    return np.stack([np.log1p(notes.excess), severity_of(notes)], axis=1).astype(np.float32)


def _excess(facts: Facts, usual: Usual) -> Float32:
    return np.asarray(np.maximum((facts.amount - usual.center) / usual.spread, 0), dtype=np.float32)


def _recent(values: Float32) -> Float32:
    """The last quarter of each window, eight points at least."""
    length = values.shape[1]
    return values[:, -min(length, max(8, length // 4)) :]


def _views(values: Float32, habit: Habit) -> list[tuple[Float32, Scale]]:
    """The targets' readings and, where there are others to compare with, what these do not explain of them."""
    chosen = habit.targets
    own = values if len(chosen) == values.shape[2] else values[:, :, chosen]
    readings = (own, Scale(habit.scale.center[chosen], habit.scale.spread[chosen]))
    if habit.others is None or habit.rest is None:
        return [readings]
    return [readings, (_remainder(values, habit.scale, habit.others[:, chosen]), habit.rest)]


def _others(values: Float32, scale: Scale) -> Float64:
    scored = apply_scale(values, scale, clip=_CLIP).reshape(-1, values.shape[2]).astype(np.float64)
    precision = np.linalg.inv(np.cov(scored.T) + _RIDGE * np.eye(scored.shape[1]))
    return np.asarray(precision / np.diag(precision), dtype=np.float64)


def _remainder(values: Float32, scale: Scale, others: Float64) -> Float32:
    return np.asarray(apply_scale(values, scale, clip=_CLIP) @ others.astype(np.float32), dtype=np.float32)
