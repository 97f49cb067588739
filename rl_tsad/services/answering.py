"""A desk's log of what somebody did, kept entry by entry, and questions held for them: the door of the REST API.

The log is cumulative: a client sends all that is not yet acknowledged, oldest first, as often as it likes. Each entry
is kept once. An entry that is refused takes no other with it, and is acknowledged like the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy.orm import Session

from db import controls, details, labels, leases, messages, queries
from db.desk_records import AnswerDetail, Role
from db.errors import ConflictError, MissingRowError
from db.records import Answer, Label, NewLabel, QueryItem
from db.session import one_at_a_time, utc_now
from rl_tsad.active.extent import Extent
from rl_tsad.errors import LabelingError
from rl_tsad.services.excepting import keep_out
from rl_tsad.services.marking import Seen, find_around, length_of, said_of, said_of_stretch, span_of
from rl_tsad.services.people import Visitor, require
from rl_tsad.services.refusals import in_words
from rl_tsad.services.spreading import respread_each
from rl_tsad.services.turns import is_apart, keep, left_for, next_questions, take_back, take_back_control
from rl_tsad.services.workspace import Workspace

T = TypeVar("T")
Kind = Literal["answer", "undo", "mark", "skip"]
Told = Mapping[int, Sequence[str]]
Spread = Callable[[Workspace, Told], Mapping[int, int]]
"""Spreads what is new; tells of the answers just given how many windows each settles, as far as it knows by then."""


@dataclass(frozen=True)
class Entry:
    """One line of a client's log.

    Attributes:
        sequence: its number: 1, 2, 3, ... for each client.
        kind: answer a question, undo an answer, mark a stretch that nobody asked about, or skip a question.
        item: the question (answer, skip).
        answer: what is said (answer, mark).
        extents: stretches of points [low, high) that are marked as anomalous, in time order (answer).
        fault: kind of fault, in the analyst's words.
        comment: whatever else is said.
        seconds: how long it lay in front of them.
        undoes: number of the entry of this client to take back; the visitor's last standing answer where None (undo).
        series: which series (mark).
        low: first point of the stretch (mark).
        high: the point after its last one (mark).
        exceptions: windows that the answer is not to settle, by key (answer).
    """

    sequence: int
    kind: Kind
    item: int | None = None
    answer: Answer | None = None
    extents: tuple[Extent, ...] = ()
    fault: str | None = None
    comment: str | None = None
    seconds: float | None = None
    undoes: int | None = None
    series: str | None = None
    low: int | None = None
    high: int | None = None
    exceptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of an entry.

    Attributes:
        sequence: its number.
        kept: whether it was.
        message: why not.
        label: first row of the answer that it made or took back; None for controls and what makes none.
        spread: windows that it settles; None where that is not known yet, or it came before.
    """

    sequence: int
    kept: bool
    message: str = ""
    label: int | None = None
    spread: int | None = None


@dataclass(frozen=True)
class LogReply:
    """What became of a log.

    Attributes:
        acknowledged: the highest number that was dealt with; it and all before it need not be sent again.
        results: one for each entry, in the order given.
        left: windows that the visitor may still be asked about.
    """

    acknowledged: int
    results: tuple[Result, ...]
    left: int


def spread_now(ws: Workspace, told: Told) -> Mapping[int, int]:
    """Spread what is new before going on."""
    return respread_each(ws, told)[0]


def hold(ws: Workspace, analyst: str, count: int) -> tuple[list[QueryItem], int]:
    """Lease somebody up to so many questions: those that they hold already first, for longer; then new ones.

    Returns:
        The questions, those asked first at the front, and how many windows the analyst may still be asked about.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.begin() as session:
        now, seconds = utc_now(), ws.settings.work.question_lease
        mine = {item.id: item for item in queries.held(session, analyst, now)}
        still = leases.heartbeat(session, list(mine), analyst, now, seconds)
        items = sorted((mine[number] for number in still), key=lambda item: (-item.priority, item.id))
        if len(items) < count:
            items += next_questions(ws, session, analyst, now, count=count - len(items))
        return items, left_for(ws, session, analyst)


def heartbeat(ws: Workspace, analyst: str, items: Sequence[int]) -> list[int]:
    """Hold questions longer; returns those that are still the analyst's.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.begin() as session:
        return leases.heartbeat(session, items, analyst, utc_now(), ws.settings.work.question_lease)


def release(ws: Workspace, analyst: str, items: Sequence[int]) -> int:
    """Give questions back unanswered; returns how many were the analyst's.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.begin() as session:
        return leases.release(session, items, analyst)


def take_log(
    ws: Workspace, visitor: Visitor, client: str, entries: Sequence[Entry], *, spread: Spread = spread_now
) -> LogReply:
    """Keep a client's log; when this returns, everything in it is on disk.

    All entries are kept in one unit of work with a savepoint each, so that fifty of them cost one sync of the disk;
    the spreading follows once for all of them, and its failure does not change what is kept.

    Args:
        ws: the workspace.
        visitor: who did what the log says.
        client: who sends it, such as one browser tab.
        entries: all that is not yet acknowledged, oldest first.
        spread: how to spread what is new.

    Raises:
        AccessError: when the visitor may not answer.
        LabelingError: when the numbers do not rise.
        WorkspaceError: when the store does not answer: send the same log again.
    """
    require(visitor, Role.ANALYST, "answer")
    numbers = [entry.sequence for entry in entries]
    if numbers != sorted(set(numbers)) or (numbers and numbers[0] < 1):
        raise LabelingError(f"expected entries numbered 1 or more, rising, got {numbers[:5]}; send the oldest first")
    told: dict[int, Sequence[str]] = {}
    with in_words(), ws.store.begin() as session:
        one_at_a_time(session)  # before any row is locked: an entry may change other questions
        known = messages.last_handled(session, client)
        log = _Log(ws, session, visitor.name, client, known, Seen(session))
        results = [log.take(entry, told) for entry in entries]
        if numbers and numbers[-1] > known:
            messages.note_handled(session, client, numbers[-1])
        left = left_for(ws, session, visitor.name)
    reach = spread(ws, told) if told else {}
    final = tuple(_with_reach(result, reach) for result in results)
    return LogReply(max([known, *numbers]), final, left)


def mark(
    ws: Workspace,
    series: str,
    extent: Extent,
    answer: Answer,
    visitor: Visitor,
    *,
    client: str,
    sequence: int,
) -> Result:
    """Keep an answer about a stretch that nobody asked about: one entry of a log (see :func:`take_log`).

    Raises:
        AccessError: when the visitor may not answer.
        WorkspaceError: when the store does not answer.
    """
    entry = Entry(sequence, "mark", answer=answer, series=series, low=extent[0], high=extent[1])
    return take_log(ws, visitor, client, [entry]).results[0]


@dataclass(frozen=True)
class _Log:
    ws: Workspace
    session: Session
    analyst: str
    client: str
    known: int
    seen: Seen

    def take(self, entry: Entry, told: dict[int, Sequence[str]]) -> Result:
        """Keep one entry, or say why not; what it changed until then is gone with it."""
        if entry.sequence <= self.known:
            return self._again(entry)
        try:
            with self.session.begin_nested():
                rows = self._keep(entry)
        except (LabelingError, ConflictError, MissingRowError) as error:
            return Result(entry.sequence, False, str(error))
        if not rows or is_apart(rows[0]):
            return Result(entry.sequence, True, label=None)
        told[rows[0].id] = [row.key for row in rows]
        return Result(entry.sequence, True, label=rows[0].id)

    def _again(self, entry: Entry) -> Result:
        rows = labels.sent(self.session, self.client, entry.sequence)
        if not rows and not controls.sent(self.session, self.client, entry.sequence):
            reason = "expected an entry that is new, got one that was dealt with before; it left nothing then"
            return Result(entry.sequence, entry.kind == "skip", "" if entry.kind == "skip" else reason)
        if rows and (rows[0].analyst != self.analyst or (rows[0].answer is None) != (entry.kind == "undo")):
            reason = f"expected the number {entry.sequence} to be new, got the one of another message; number anew"
            return Result(entry.sequence, False, reason)
        return Result(entry.sequence, True, label=rows[0].id if rows else None)

    def _keep(self, entry: Entry) -> list[Label]:
        if entry.exceptions and entry.kind != "answer":
            raise LabelingError(f"expected exceptions with an answer only, got some with {entry.kind!r}; drop them")
        if entry.kind == "undo":
            return self._undo(entry)
        if entry.kind == "skip":
            leases.put_off(self.session, _given(entry.item, "item"), self.analyst)
            return []
        rows = self._answer(entry) if entry.kind == "answer" else self._mark(entry)
        if not is_apart(rows[0]) and (entry.extents or entry.fault or entry.comment or entry.seconds is not None):
            detail = AnswerDetail(rows[0].id, entry.extents, entry.fault, entry.comment, entry.seconds)
            details.add(self.session, detail)
        return rows

    def _answer(self, entry: Entry) -> list[Label]:
        item = queries.get(self.session, _given(entry.item, "item"))
        around = find_around(self.ws, self.seen, item)
        said = said_of(self.session, item, around, _given(entry.answer, "answer"), entry.extents)
        sent = {"client": self.client, "sequence": entry.sequence}
        mark, seconds = span_of(entry.extents), entry.seconds
        rows = keep(self.session, item, said, self.analyst, mark=mark, seconds=seconds, **sent)  # type: ignore[arg-type]
        if entry.exceptions:
            keep_out(self.ws, self.session, item, rows, entry.exceptions)
        return rows

    def _mark(self, entry: Entry) -> list[Label]:
        name, answer = _given(entry.series, "series"), _given(entry.answer, "answer")
        extent = (_given(entry.low, "low"), _given(entry.high, "high"))
        version, said = said_of_stretch(self.ws, self.session, name, extent, answer)
        low, high = extent if answer == Answer.ANOMALY else (None, None)
        shared: dict[str, Any] = {"series": name, "length": length_of(self.ws, version), "version_id": version.id}
        shared |= {"analyst": self.analyst, "client": self.client, "sequence": entry.sequence}
        shared |= {"mark_low": low, "mark_high": high}
        rows, _ = labels.append_once(
            self.session,
            [NewLabel(key, start=at, answer=one, part=n, **shared) for n, (key, at, one) in enumerate(said)],
        )
        queries.settle(self.session, [row.key for row in rows])
        return rows

    def _undo(self, entry: Entry) -> list[Label]:
        row = self._undone(entry)
        if row is None:
            raise LabelingError("expected an answer of yours that stands, got none; there is nothing to take back")
        if row.item_id is not None:
            queries.lease(self.session, row.item_id, self.analyst, utc_now(), self.ws.settings.work.question_lease)
        return [row]

    def _undone(self, entry: Entry) -> Label | None:
        if entry.undoes is None:
            return take_back(self.session, self.analyst, client=self.client, sequence=entry.sequence)
        control = controls.sent(self.session, self.client, entry.undoes)
        if control is not None and control.answer is not None and control.analyst == self.analyst:
            return take_back_control(self.session, control, client=self.client, sequence=entry.sequence)
        rows = labels.sent(self.session, self.client, entry.undoes)
        if not rows or rows[0].answer is None:
            return None
        return labels.undo(self.session, self.analyst, client=self.client, sequence=entry.sequence, label_id=rows[0].id)


def _given(value: T | None, name: str) -> T:
    if value is None:
        raise LabelingError(f"expected {name!r} with an entry of this kind, got none; add it")
    return value


def _with_reach(result: Result, reach: Mapping[int, int]) -> Result:
    if result.label is None or result.label not in reach:
        return result
    return Result(result.sequence, result.kept, result.message, result.label, reach[result.label])
