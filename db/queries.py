"""The queue of questions: who holds which, which are answered, settled by other answers, or retired.

::

    OPEN --claim--> LEASED --answer--> ANSWERED --undo--> OPEN
    LEASED --release, expiry--> OPEN <--reopen-- SETTLED <--settle-- OPEN
    OPEN, LEASED, SETTLED --replace--> RETIRED --late answer--> ANSWERED
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import labels, leases, reviews
from db.errors import ConflictError, MissingRowError
from db.item_rows import as_record
from db.records import Answer, Audience, ItemState, Label, NewItem, NewLabel, QueryItem
from db.session import changed, one_at_a_time, utc_now
from db.tables import LIVE, ItemRow
from db.turns import may_answer, of_everybody

_FREE = {"leased_by": None, "lease_until": None}
_BATCH = 500


def replace(session: Session, items: Sequence[NewItem], version_id: int | None) -> list[QueryItem]:
    """Put new questions in the place of all that are alive; what was answered meanwhile is left out.

    Reviews stay. Each question becomes as many copies as it says.

    Args:
        session: a unit of work.
        items: questions, each about another window.
        version_id: the model version that asks them.

    Returns:
        The questions that are in the queue now, in the order given, the copies of one after each other.

    Raises:
        ConflictError: when two of the questions are about the same window, or the version does not exist.
    """
    one_at_a_time(session)
    live = update(ItemRow).where(ItemRow.state.in_(LIVE), ItemRow.audience == Audience.ANALYST)
    session.execute(live.values(state=ItemState.RETIRED, **_FREE))
    answered, now = labels.answered(session), utc_now()
    rows = [
        ItemRow(**_proposed(item), copy=copy, version_id=version_id, state=ItemState.OPEN, created_at=now, **_FREE)
        for item in items
        if item.key not in answered
        for copy in range(item.copies)
    ]
    try:
        with session.begin_nested():
            session.add_all(rows)
    except IntegrityError as error:
        raise ConflictError(
            f"expected {len(items)} questions about different windows by a known model version, got a window twice or "
            f"the unknown version {version_id}; leave repeated windows out"
        ) from error
    return [as_record(row) for row in rows]


def return_expired(session: Session, now: datetime) -> int:
    """Open the questions whose lease is over, for anybody; call it before :func:`claim`.

    Returns:
        How many were opened.
    """
    over = select(ItemRow.id).where(ItemRow.state == ItemState.LEASED, ItemRow.lease_until < now)
    opened = update(ItemRow).where(ItemRow.id.in_(over.with_for_update(skip_locked=True)), _is(ItemState.LEASED))
    return changed(session, opened.values(state=ItemState.OPEN, **_FREE))


def claim(
    session: Session,
    analyst: str,
    now: datetime,
    lease_seconds: float,
    *,
    audiences: Collection[Audience] = (Audience.ANALYST,),
) -> QueryItem | None:
    """Take the open question of highest priority, the oldest among equals; nobody else gets it while the lease lasts.

    What is assigned to somebody, by name or by its series, comes first, and goes to nobody else. Nobody is asked about
    a window that they answered or hold a question about. One conditional UPDATE, so that two analysts never hold one
    question.

    Args:
        session: a unit of work.
        analyst: who asks.
        now: the present.
        lease_seconds: how long it is theirs.
        audiences: what they may be asked.

    Returns:
        The question, now leased, or None when none is open for them.

    Example:
        >>> from db.store import Store
        >>> item = NewItem("a:0:8", "a", 0, 8, 4, 8, "top", "high score", 1.0, 0.9, 0.8, copies=2)
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     _ = replace(session, [item], None)
        ...     [one and one.copy for name in ("ann", "ann", "bob") if [one := claim(session, name, utc_now(), 300)]]
        [0, None, 1]
    """
    found = leases.claim(session, analyst, now, lease_seconds, count=1, audiences=audiences)
    return found[0] if found else None


def lease(session: Session, item_id: int, analyst: str, now: datetime, lease_seconds: float) -> QueryItem | None:
    """Take one certain question if it is open; None otherwise."""
    this = select(ItemRow.id).where(ItemRow.id == item_id)
    try:
        with session.begin_nested():
            return _lease(session, this, analyst, until=now + timedelta(seconds=lease_seconds))
    except IntegrityError:  # they hold another copy of it
        return None


def give_to(session: Session, item_id: int, person: str | None) -> bool:
    """Let only a certain person be asked a question, or (None) whoever else might; False when it is not open."""
    open_one = update(ItemRow).where(ItemRow.id == item_id, _is(ItemState.OPEN), ItemRow.control_id.is_(None))
    return changed(session, open_one.values(assignee=person)) == 1


def held(session: Session, analyst: str, now: datetime) -> list[QueryItem]:
    """List the questions that an analyst holds, the one taken last first."""
    mine = select(ItemRow).where(_is(ItemState.LEASED), ItemRow.leased_by == analyst, ItemRow.lease_until >= now)
    rows = session.scalars(mine.order_by(ItemRow.lease_until.desc(), ItemRow.id.desc()))
    return [as_record(row) for row in rows]


def heartbeat(session: Session, item_id: int, analyst: str, now: datetime, lease_seconds: float) -> bool:
    """Hold a question longer; False when it is no longer this analyst's."""
    mine = update(ItemRow).where(ItemRow.id == item_id, _is(ItemState.LEASED), ItemRow.leased_by == analyst)
    return changed(session, mine.values(lease_until=now + timedelta(seconds=lease_seconds))) == 1


def release(session: Session, item_id: int, analyst: str) -> bool:
    """Give a question back unanswered; False when it is no longer this analyst's."""
    mine = update(ItemRow).where(ItemRow.id == item_id, _is(ItemState.LEASED), ItemRow.leased_by == analyst)
    return changed(session, mine.values(state=ItemState.OPEN, **_FREE)) == 1


def answer(
    session: Session, item_id: int, answer: Answer, analyst: str, *, client: str | None, sequence: int | None
) -> Label:
    """Keep an answer about the asked window alone (see :func:`answer_parts`).

    Raises:
        MissingRowError: when there is no such question.
        ConflictError: when the message number was used for something else.
    """
    item = get(session, item_id)
    said = (item.key, item.start, answer)
    return answer_parts(session, item, [said], analyst, client=client, sequence=sequence)[0]


def answer_parts(
    session: Session,
    item: QueryItem,
    said: Sequence[tuple[str, int, Answer]],
    analyst: str,
    *,
    client: str | None,
    sequence: int | None,
    mark: tuple[int, int] | None = None,
) -> list[Label]:
    """Keep an answer: a row of history for each window and the question's new state, together or not at all.

    An answer is never turned away for being late: after the lease ran out, after somebody else answered the same
    question, or after the question was retired, it is one more row of the history, and the latest row stands.

    Args:
        session: a unit of work.
        item: the question.
        said: key, start and answer for each window of the question's series, the asked one first.
        analyst: who said it.
        client: who sends the message, such as a browser tab.
        sequence: number of the message; the same message is kept once, however often it arrives.
        mark: the points [low, high) that the analyst marked, where something was marked.

    Returns:
        The rows in the order of ``said``, or those that the same message made before.

    Raises:
        ConflictError: when the message number was used for something else.

    Example:
        >>> from db.store import Store
        >>> new = NewItem("a:0:8", "a", 0, 8, 4, 8, "top", "high score", 1.0, 0.9, 0.8)
        >>> said = [("a:0:8", 0, Answer.ANOMALY), ("a:4:8", 4, Answer.NORMAL)]
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     (item,) = replace(session, [new], None)
        ...     rows = answer_parts(session, item, said, "ann", client="tab", sequence=1, mark=(3, 8))
        ...     [(row.key, row.part) for row in rows], get(session, item.id).state.value
        ([('a:0:8', 0), ('a:4:8', 1)], 'answered')
    """
    if item.control_id is not None:
        raise ConflictError(f"expected a question, got the control {item.control_id}; keep what is said of it apart")
    if len(said) > 1 or reviews.is_shared(session, item.key):
        one_at_a_time(session)  # before any row is locked: it may change other questions
    low, high = mark or (None, None)
    shared: dict[str, Any] = {
        "series": item.series,
        "length": item.length,
        "version_id": item.version_id,
        "item_id": item.id,
    }
    shared |= {"analyst": analyst, "client": client, "sequence": sequence, "mark_low": low, "mark_high": high}
    new = [
        NewLabel(key=key, start=start, answer=one, part=part, **shared) for part, (key, start, one) in enumerate(said)
    ]
    rows, are_new = labels.append_once(session, new)
    if are_new:
        session.execute(update(ItemRow).where(ItemRow.id == item.id).values(state=ItemState.ANSWERED, **_FREE))
        _retire_beside(session, item)
        _move(session, [key for key, _, _ in said[1:]], ItemState.OPEN, ItemState.SETTLED)
        reviews.refresh(session, item.key)
    return rows


def left(session: Session, analyst: str, audiences: Collection[Audience] = (Audience.ANALYST,)) -> int:
    """Count the windows about which somebody holds a question or may yet be asked one, now or when others let go."""
    waiting = ItemRow.state.in_((ItemState.OPEN, ItemState.LEASED))
    mine = select(func.count(func.distinct(ItemRow.key))).where(waiting, may_answer(ItemRow, analyst, audiences))
    return session.scalar(mine) or 0


def further_reads(session: Session) -> dict[int, tuple[str, Audience, int]]:
    """Give the questions that are not the first copy of theirs: an answer to one is a read of the oracle of its own."""
    rows = select(ItemRow.id, ItemRow.key, ItemRow.audience, ItemRow.copy)
    rows = rows.where((ItemRow.copy > 0) | (ItemRow.audience == Audience.REVIEWER))
    return {number: (key, audience, copy) for number, key, audience, copy in session.execute(rows)}


def settle(session: Session, keys: Iterable[str]) -> int:
    """Close open questions whose answer follows from others; returns how many."""
    return _move(session, keys, ItemState.OPEN, ItemState.SETTLED)


def reopen(session: Session, keys: Iterable[str]) -> int:
    """Open settled questions whose answer no longer follows from others; returns how many."""
    return _move(session, keys, ItemState.SETTLED, ItemState.OPEN)


def in_state(session: Session, *states: ItemState) -> list[QueryItem]:
    """List the questions in some states, oldest first."""
    rows = session.scalars(select(ItemRow).where(ItemRow.state.in_(states)).order_by(ItemRow.id))
    return [as_record(row) for row in rows]


def get(session: Session, item_id: int) -> QueryItem:
    """Read one question.

    Raises:
        MissingRowError: when there is no such question.
    """
    return as_record(_row(session, item_id))


def counts(session: Session) -> dict[ItemState, int]:
    """Count the questions in each state, over all rounds."""
    rows = session.execute(select(ItemRow.state, func.count()).group_by(ItemRow.state))
    found = {state: count for state, count in rows}  # noqa: C416  (typed rows, not pairs)
    return {state: found.get(state, 0) for state in ItemState}


def _lease(session: Session, wanted: Select[Any], analyst: str, *, until: datetime) -> QueryItem | None:
    taken = update(ItemRow).where(ItemRow.id == wanted.scalar_subquery(), _is(ItemState.OPEN))
    leased = taken.values(state=ItemState.LEASED, leased_by=analyst, lease_until=until).returning(ItemRow)
    row = session.scalars(leased).one_or_none()
    return None if row is None else as_record(row)


def _retire_beside(session: Session, item: QueryItem) -> None:
    """Retire what an answer spares: the same copy of another round; after a review, every copy."""
    beside = update(ItemRow).where(ItemRow.key == item.key, ItemRow.id != item.id, ItemRow.state.in_(LIVE))
    beside = beside.where(ItemRow.control_id.is_(None))
    if item.audience == Audience.ANALYST:
        beside = beside.where(ItemRow.audience == Audience.ANALYST, ItemRow.copy == item.copy)
    session.execute(beside.values(state=ItemState.RETIRED, **_FREE))


def _move(session: Session, keys: Iterable[str], old: ItemState, new: ItemState) -> int:
    one_at_a_time(session)
    moved = 0
    for some in _batches(list(keys)):
        its = update(ItemRow).where(ItemRow.key.in_(some), _is(old), *of_everybody(ItemRow))
        moved += changed(session, its.values(state=new))
    return moved


def _batches(keys: list[str]) -> Iterator[list[str]]:
    for low in range(0, len(keys), _BATCH):
        yield keys[low : low + _BATCH]


def _proposed(item: NewItem) -> dict[str, Any]:
    low = item.span_low if item.event_low is None else item.event_low
    high = item.span_high if item.event_high is None else item.event_high
    plain = {name: value for name, value in vars(item).items() if name != "copies"}
    return {**plain, "event_low": low, "event_high": high}


def _row(session: Session, item_id: int) -> ItemRow:
    row = session.get(ItemRow, item_id, populate_existing=True)
    if row is None:
        raise MissingRowError(f"expected a question, got the unknown number {item_id}; ask for one first")
    return row


def _is(state: ItemState) -> ColumnElement[bool]:
    return ItemRow.state == state
