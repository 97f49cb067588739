"""Do people who are asked the same agree, do they know what is known, and how fast are they?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from statistics import median

from sqlalchemy.orm import Session

from db import controls, paces, reviews
from db.desk_records import Role
from db.records import Answer, Audience, ItemState, QueryItem
from db.reviews import Opinion
from rl_tsad.evaluation.agreement import Alpha, Interval, alpha_of, share_interval
from rl_tsad.seeding import derive_seed
from rl_tsad.services.people import Visitor, require
from rl_tsad.services.refusals import in_words
from rl_tsad.services.standing import VALUES
from rl_tsad.services.workspace import Workspace

_BREAK = timedelta(minutes=5)
"""Between two answers of one person: longer is no work."""


@dataclass(frozen=True)
class Known:
    """How somebody did on controls.

    Attributes:
        asked: controls that they answered; right: as expected.
        interval: Wilson's 95 % interval of the share of right ones; None without any.
    """

    asked: int
    right: int
    interval: Interval | None


@dataclass(frozen=True)
class Worker:
    """What somebody did.

    Attributes:
        name: who.
        answers: how often they gave each answer; ones that were taken back included.
        shared: questions that others answered too.
        alone: those of them on which everybody else who was sure said the contrary.
        seconds: median time of an answer of each kind; none for kinds whose time is not known.
        per_hour: answers in an hour of work, breaks of more than five minutes left out; None for fewer than two.
        controls: how they did on what is known; None where that is not for the reader.
    """

    name: str
    answers: Mapping[Answer, int]
    shared: int
    alone: int
    seconds: Mapping[Answer, float]
    per_hour: float | None
    controls: Known | None

    @property
    def total(self) -> int:
        """Answers of any kind."""
        return sum(self.answers.values())


@dataclass(frozen=True)
class Pair:
    """How much two people agree on what both answered."""

    first: str
    second: str
    alpha: Alpha


@dataclass(frozen=True)
class Disagreement:
    """A question that people answered differently.

    Attributes:
        item: its review: open, held by somebody, or answered.
        said: who says what, in the order it came.
        decided: who reviewed it and with which answer; None until then.
    """

    item: QueryItem
    said: tuple[tuple[str, Answer], ...]
    decided: tuple[str, Answer] | None

    @property
    def waits(self) -> bool:
        """Whether no reviewer has answered yet."""
        return self.item.state != ItemState.ANSWERED


@dataclass(frozen=True)
class Teamwork:
    """How people do together.

    Attributes:
        workers: those that the reader may see, by name.
        alpha: of everybody, on the questions that at least two sure people answered.
        pairs: of all two who answered some question both; none for analysts.
        disagreements: newest first; none for analysts.
        sees_all: whether the reader sees others.
    """

    workers: tuple[Worker, ...]
    alpha: Alpha
    pairs: tuple[Pair, ...]
    disagreements: tuple[Disagreement, ...]
    sees_all: bool


def teamwork(ws: Workspace, who: Visitor) -> Teamwork:
    """Say how people do together; an analyst sees only themselves, and not how they do on controls.

    Raises:
        AccessError: when the visitor is no analyst.
        WorkspaceError: when the store does not answer.
    """
    require(who, Role.ANALYST, "see how people agree")
    seed, sees_all = derive_seed(ws.settings.seed, "agreement"), who.may(Role.REVIEWER)
    with in_words(), ws.store.read() as session:
        found, timed = reviews.opinions(session), paces.every(session)
        known = _on_controls(session) if sees_all else None
        differing = _disagreements(session, found) if sees_all else ()
    names = {one.analyst for one in timed} | set(known or ()) if sees_all else {who.name}
    workers = tuple(_worker(name, found, timed, known) for name in sorted(names))
    pairs = tuple(_pairs(found, seed)) if sees_all else ()
    return Teamwork(workers, alpha_of(_counts(found), seed=seed), pairs, differing, sees_all)


def _worker(
    name: str, found: Sequence[Opinion], timed: Sequence[paces.Timed], known: Mapping[str, Known] | None
) -> Worker:
    own = [one for one in timed if one.analyst == name]
    shared, alone = _beside_others(name, found)
    seconds = {
        kind: median(times)
        for kind in Answer
        if (times := [one.seconds for one in own if one.answer == kind and one.seconds is not None])
    }
    return Worker(
        name=name,
        answers={kind: sum(one.answer == kind for one in own) for kind in Answer},
        shared=shared,
        alone=alone,
        seconds=seconds,
        per_hour=answers_per_hour([one.at for one in own]),
        controls=None if known is None else known.get(name, Known(0, 0, None)),
    )


def answers_per_hour(moments: Sequence[datetime]) -> float | None:
    """Say how many answers come in an hour of work; breaks of more than five minutes are left out.

    Example:
        >>> start = datetime(2026, 1, 1)
        >>> answers_per_hour([start, start + timedelta(seconds=10), start + timedelta(hours=2)])
        360.0
    """
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    work = [gap.total_seconds() for gap in gaps if gap <= _BREAK]
    return 3600 * len(work) / sum(work) if sum(work) > 0 else None


def _by_question(found: Iterable[Opinion]) -> dict[str, dict[str, int]]:
    """Say who called each question normal (0) or anomalous (1)."""
    said: dict[str, dict[str, int]] = {}
    for one in found:
        if one.answer in VALUES:
            said.setdefault(one.key, {})[one.analyst] = VALUES[one.answer]
    return said


def _counts(found: Iterable[Opinion]) -> list[list[int]]:
    return [[list(its.values()).count(value) for value in (0, 1)] for its in _by_question(found).values()]


def _beside_others(name: str, found: Sequence[Opinion]) -> tuple[int, int]:
    both = [its for its in _by_question(found).values() if name in its and len(its) > 1]
    alone = sum(all(value != its[name] for other, value in its.items() if other != name) for its in both)
    return len(both), alone


def _pairs(found: Sequence[Opinion], seed: int) -> Iterable[Pair]:
    names = sorted({one.analyst for one in found})
    for first, second in combinations(names, 2):
        counts = _counts(one for one in found if one.analyst in (first, second))
        alpha = alpha_of(counts, seed=seed)
        if alpha.questions:
            yield Pair(first, second, alpha)


def _on_controls(session: Session) -> dict[str, Known]:
    right: dict[str, list[bool]] = {}
    for said, expected in controls.standing(session):
        right.setdefault(said.analyst, []).append(said.answer == expected)
    return {
        name: Known(len(those), sum(those), share_interval(sum(those), len(those))) for name, those in right.items()
    }


def _disagreements(session: Session, found: Sequence[Opinion]) -> tuple[Disagreement, ...]:
    decided = {one.key: one for one in reviews.opinions(session, audience=Audience.REVIEWER)}
    said: dict[str, list[tuple[str, Answer]]] = {}
    for one in found:
        said.setdefault(one.key, []).append((one.analyst, one.answer))
    return tuple(
        Disagreement(
            item,
            tuple(said.get(item.key, ())),
            (decided[item.key].analyst, decided[item.key].answer) if item.state == ItemState.ANSWERED else None,
        )
        for item in reviews.items(session)
        if item.state != ItemState.ANSWERED or item.key in decided
    )
