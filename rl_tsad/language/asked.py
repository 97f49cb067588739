"""Severity by a language model that writes: asked about some windows, inherited by their look-alikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rl_tsad.data.habits import Notes, severity_of, take_notes
from rl_tsad.data.heard import Barred, Heard, hear, inherit, shapes
from rl_tsad.language.asking import Conversation, Ledger, ask, cost_of, expected_cost
from rl_tsad.language.backend import LanguageModel
from rl_tsad.language.cache import Replies, Spent
from rl_tsad.language.prompt import Context, Verdict, conversations
from rl_tsad.language.severity import habit_of
from rl_tsad.language.worth import worth_asking
from rl_tsad.language_config import LanguageConfig
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Bool, Float32, Int64, Keys, Series, Targets, Windows

_BATCH = 2048
_FAR = 2**40
_APART = 2


@dataclass(frozen=True)
class Told:
    """Windows of one series, and which of them may be asked about.

    Attributes:
        series: where they lie.
        windows: all that are to be judged.
        pool: (N,) bool, those that show what is usual and may be asked about, without a hole; the others inherit. A
            series without any is its own usual.
    """

    series: Series
    windows: Windows
    pool: Bool

    @property
    def usual(self) -> Windows:
        """The windows that show what is usual."""
        rows = np.flatnonzero(self.pool)
        return self.windows.between(int(rows[0]), int(rows[-1]) + 1) if len(rows) else self.windows


@dataclass(frozen=True)
class Plan:
    """What would be asked, before anything is.

    Attributes:
        questions: the conversations, the most telling first.
        asked: (M,) int64, which windows they are about.
        shapes: (N, Z) float32, shapes of all windows, series after series.
        prior: (N,) float32, their severity by rule.
        at: (N,) int64, first points of the windows, those of two series far from each other.
        length: points per window.
    """

    questions: tuple[Conversation, ...]
    asked: Int64
    shapes: Float32
    prior: Float32
    at: Int64
    length: int

    def expected(self, config: LanguageConfig) -> tuple[Spent, float]:
        """Estimate generously what asking all of it costs: calls, tokens, and money at the prices of the settings."""
        total = Spent()
        for question in self.questions:
            total += expected_cost(question, config.asking)
        return total, cost_of(total, config.asking)


def plan_questions(
    parts: Sequence[Told], config: LanguageConfig, *, values: bool, progress: Progress = no_progress
) -> Plan:
    """Choose the windows of all series that are worth a question, and write the questions; nothing is asked.

    Args:
        parts: the series; only windows of a pool are chosen.
        config: how many at most (``asking.calls``), and what the model is told beside the windows.
        values: whether readings are shown.
        progress: told of ``"language/describe"``.
    """
    points, prior, habits = [], [], []
    for done, part in enumerate(parts, 1):
        habit = habit_of(part.series, part.usual)
        habits.append(habit)
        for low in range(0, len(part.windows), _BATCH):
            some = part.windows.values[low : low + _BATCH]
            notes: Notes = take_notes(some, habit)
            points.append(shapes(some, notes, habit))
            prior.append(severity_of(notes))
        progress("language/describe", done, len(parts))
    every, rule = np.concatenate(points), np.concatenate(prior)
    pool = np.flatnonzero(np.concatenate([part.pool for part in parts]))
    chosen = pool[worth_asking(every[pool], rule[pool], config.asking.calls)]
    bounds = np.cumsum([0, *(len(part.windows) for part in parts)])
    home = np.searchsorted(bounds, chosen, side="right") - 1
    written: dict[int, Conversation] = {}
    for place, (part, habit) in enumerate(zip(parts, habits, strict=True)):
        own: Int64 = chosen[home == place]
        context = Context(habit, config.about, config.notes, values)
        said = conversations(part.series, part.windows, own - bounds[place], context) if len(own) else []
        written |= dict(zip(own.tolist(), said, strict=True))
    questions = tuple(written[row] for row in chosen.tolist())
    at = np.concatenate([place * _FAR + part.windows.starts for place, part in enumerate(parts)]).astype(np.int64)
    return Plan(questions, chosen, every, rule, at, parts[0].windows.length)


def spread_severities(plan: Plan, answered: Bool, severity: Float32) -> tuple[Float32, Float32, Heard]:
    """Let all windows inherit what was said.

    Args:
        plan: the questions.
        answered: (M,) bool, which of them have an answer.
        severity: float32 in [0, 1], the answers.

    Returns:
        (N,) float32 by all that was said, as a potential may know it; (N,) float32 by what was said at least two
        windows' lengths away, as a belief may learn on it; what was said, for windows to come.
    """
    asked = plan.asked[answered]
    heard = hear(plan.shapes[asked], severity, plan.shapes)
    barred = Barred(plan.at, plan.at[asked], _APART * plan.length)
    return (
        inherit(heard, plan.shapes, plan.prior),
        inherit(heard, plan.shapes, plan.prior, barred=barred),
        heard,
    )


def as_targets(keys: Keys, severity: Float32, known: Targets, *, weight: float) -> Targets:
    """Add what was said of windows to what people answered, who have the last word.

    Args:
        keys: (M,) windows that were asked about.
        severity: (M,) float32 in [0, 1], what was said; an anomaly from .5 on.
        known: what people answered, and what was spread from there.
        weight: of a reply that is sure; one of severity s weighs ``weight * |2 s - 1|``.

    Example:
        >>> told = Targets(np.array(["a"]), np.array([0], np.int8), np.ones(1, np.float32), np.array(["human"]))
        >>> both = as_targets(np.array(["a", "b"]), np.array([0.9, 0.9], np.float32), told, weight=0.5)
        >>> both.keys.tolist(), both.value.tolist(), both.source.tolist()
        (['a', 'b'], [0, 1], ['human', 'language'])
    """
    strength = (weight * np.abs(2.0 * severity - 1.0)).astype(np.float32)
    people = known.keys[known.source == "human"]
    free = ~np.isin(keys, people) & (strength > 0)
    kept = ~np.isin(known.keys, keys[free])
    count = int(free.sum())
    return Targets(
        np.concatenate([known.keys[kept], keys[free]]),
        np.concatenate([known.value[kept], (severity[free] >= 0.5).astype(np.int8)]),
        np.concatenate([known.weight[kept], strength[free]]),
        np.concatenate([known.source[kept], np.full(count, "language")]),
    )


def asked_severities(
    plan: Plan,
    model: LanguageModel,
    config: LanguageConfig,
    *,
    purpose: str,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> tuple[tuple[Float32, Float32, Heard], Int64, Ledger]:
    """Ask what is planned, within the budget, and let all other windows inherit.

    Args:
        plan: the questions.
        model: who is asked.
        config: limits and manners.
        purpose: on whose account it goes.
        cache: SQLite file of replies; none is kept when omitted.
        progress: told of ``"language/ask"``.

    Returns:
        What :func:`spread_severities` gives, the (M,) rows that have an answer, and what it cost. Where nothing was
        answered severities are by rule; the ledger says so.
    """
    with Replies.opened(cache) as replies:
        answers = ask(
            plan.questions, Verdict, model, config.asking, replies=replies, purpose=purpose, progress=progress
        )
    known = np.array([reply is not None for reply in answers.replies], dtype=bool)
    said = np.array([reply.severity for reply in answers.replies if reply is not None], dtype=np.float32)
    return spread_severities(plan, known, said), plan.asked[known], answers.ledger
