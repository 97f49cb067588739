"""Ask and tell: the one door for the page, the simulated analyst and tests.

No call here can reach torch: the page imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db import jobs, labels, queries, versions
from db.errors import StoreError
from db.records import Answer, ItemState, Job, Label, ModelVersion, QueryItem, SeriesRecord, Spent
from db.session import utc_now
from rl_tsad.active.extent import Extent
from rl_tsad.errors import LabelingError, WorkspaceError
from rl_tsad.services.agreement import agreement_curve
from rl_tsad.services.costs import price_of, share_left
from rl_tsad.services.marking import Around, Seen, find_around, said_of
from rl_tsad.services.people import write_audit
from rl_tsad.services.refusals import in_words
from rl_tsad.services.spreading import count_decided, respread_quietly
from rl_tsad.services.turns import is_apart, keep, left_for, next_question, take_back
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import Float32

RETRAIN = "retrain"
WINDOWS_BEFORE, WINDOWS_AFTER = 3, 1


@dataclass(frozen=True)
class Card:
    """A question with what an analyst needs to see.

    Attributes:
        item: the question; it is leased to the analyst.
        values: (M, C) float32, the window with its surroundings: three windows' lengths before, one after.
        times: (M,) datetime64[ns] in UTC, or int64 sample numbers.
        channels: C names.
        timezone: zone for display, None where the source had none.
        window_low, window_high: the window is ``values[window_low:window_high]``.
        span_low, span_high: the answer decides ``values[span_low:span_high]``.
        reason: why this is asked, in plain words.
        left: windows that this analyst may still be asked about, this one included.
        exogenous: names of the channels that only explain the others.
        origin: number of the first shown point in its series.
        event: positions [low, high) of the stretch that is proposed as one event.
        markable: positions [low, high) between which marked points label something.
        keys: the windows that an answer may label, in time order.
        asks_event: whether the analyst is to mark where an anomaly begins and ends.
    """

    item: QueryItem
    values: Float32
    times: NDArray[Any]
    channels: tuple[str, ...]
    timezone: str | None
    window_low: int
    window_high: int
    span_low: int
    span_high: int
    reason: str
    left: int
    exogenous: tuple[str, ...] = ()
    origin: int = 0
    event: Extent = (0, 0)
    markable: Extent = (0, 0)
    keys: tuple[str, ...] = ()
    asks_event: bool = False


@dataclass(frozen=True)
class Told:
    """What became of an answer.

    Attributes:
        rows: the rows that keep it, a window each, the asked one first; when the same message came before, the rows
            that it made then.
        spread: windows that this answer alone decides by spreading over the graph.
        left: windows that this analyst may still be asked about.
    """

    rows: tuple[Label, ...]
    spread: int
    left: int

    @property
    def label(self) -> Label:
        """The row about the asked window."""
        return self.rows[0]

    @property
    def answer(self) -> Answer:
        """The answer as it is kept: anomaly where it calls any window one."""
        is_anomaly = any(row.answer == Answer.ANOMALY for row in self.rows)
        return Answer.ANOMALY if is_anomaly else self.label.answer or Answer.UNSURE

    def windows(self, answer: Answer) -> int:
        """Count the windows that the answer calls so."""
        return sum(row.answer == answer for row in self.rows)


@dataclass(frozen=True)
class ProgressFacts:
    """How far the labeling is.

    Attributes:
        spent: what was asked and what it brought.
        seconds: what the answers cost at the settings' prices.
        left: share of the budget that is left, in [0, 1].
        counts: questions in each state, over all rounds.
        settled: windows decided by spreading at present.
        version: the current model version.
        answers_since_version: questions answered since it was trained.
        curve: (questions, agreement) after each answer: the share of the last 20 sure answers that the model's verdict
            at asking time agreed with (prequential evaluation over a sliding window; Gama, Sebastiao & Rodrigues,
            "On evaluating stream learning algorithms", 2013, section 3).
    """

    spent: Spent
    seconds: float
    left: float
    counts: Mapping[ItemState, int]
    settled: int
    version: ModelVersion | None
    answers_since_version: int
    curve: list[tuple[int, float]]


def ask(ws: Workspace, analyst: str) -> Card | None:
    """Give an analyst a question: the one already held, taken last, or else the next open one.

    Asking twice without telling gives the same question, so a page that reloads loses nothing. The lease is renewed.

    Returns:
        The question, or None when the queue has no open one.

    Raises:
        LabelingError: when the analyst has no name.
        WorkspaceError: when the store or the series' arrays cannot be read.
    """
    if not analyst.strip():
        raise LabelingError(f"expected the analyst's name, got {analyst!r}; give one, so that undo finds its answers")
    with in_words(), ws.store.begin() as session:
        item = _take(session, ws, analyst)
        if item is None:
            return None
        seen = Seen(session)
        record, around = seen.record(item.series), find_around(ws, seen, item)
        left = left_for(ws, session, analyst)
    if record is None:
        raise WorkspaceError(f"expected the series {item.series!r} in {ws.root}, got none; ingest it again")
    return _card(ws, item, record, around, left=left)


def tell(
    ws: Workspace,
    item_id: int,
    answer: Answer,
    analyst: str,
    *,
    client: str,
    sequence: int,
    extent: Extent | None = None,
) -> Told:
    """Keep an answer, a row for each window that it labels, then spread it.

    When this returns, the answer is on disk; a failure of the spreading does not change that. An answer is kept
    however late it comes. Where two analysts answered one question, both answers stay in the history, the later one
    stands, and it counts as one question; where they were both asked it, see :mod:`db.reviews`. What an answer says of
    which window: see :func:`rl_tsad.services.marking.said_of`.

    Args:
        ws: the workspace.
        item_id: the question.
        answer: what the analyst says.
        analyst: who says it.
        client: who sends it, such as one browser tab.
        sequence: number of the message; a message sent twice is kept once, with its first answer.
        extent: points [low, high) of the series that the analyst marked as anomalous; None with the answer anomaly
            takes the proposed event as it stands.

    Raises:
        LabelingError: when there is no such question, the number was used for another message, or the extent labels no
            window: nothing is kept then.
        WorkspaceError: when the store does not answer: the answer may or may not be kept, tell it again with the same
            number.
    """
    if answer not in list(Answer):
        raise LabelingError(f"expected one of {', '.join(Answer)}, got {answer!r}; pass a db.records.Answer")
    with in_words(), ws.store.begin() as session:
        item = queries.get(session, item_id)
        said = said_of(session, item, find_around(ws, Seen(session), item), Answer(answer), [extent] if extent else [])
        rows = keep(session, item, said, analyst, client=client, sequence=sequence, mark=extent)
        left = left_for(ws, session, analyst)
    reach = 0 if is_apart(rows[0]) else respread_quietly(ws, rows[0].id, [row.key for row in rows])
    return Told(tuple(rows), reach, _left_now(ws, analyst, left))


def undo(ws: Workspace, analyst: str, *, client: str | None = None, sequence: int | None = None) -> Label | None:
    """Take back an analyst's last standing answer; the next :func:`ask` gives the same question to this analyst again.

    Args:
        ws: the workspace.
        analyst: whose answer.
        client: who sends the message, if it is to be recognised when it comes twice.
        sequence: number of the message.

    Returns:
        The row that takes it back, or None when nothing of this analyst stands.

    Raises:
        LabelingError: when the number was used for another message.
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.begin() as session:
        label = take_back(session, analyst, client=client, sequence=sequence)
        if label is not None and label.item_id is not None:
            queries.lease(session, label.item_id, analyst, utc_now(), ws.settings.work.question_lease)
    if label is not None and not is_apart(label):
        respread_quietly(ws, label.id)
    return label


def release(ws: Workspace, item_id: int, analyst: str) -> None:
    """Give a question back unanswered; nothing happens when it is no longer this analyst's.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.begin() as session:
        queries.release(session, item_id, analyst)


def respread(ws: Workspace) -> int:
    """Spread all standing answers anew, as after a crash between an answer and its spreading.

    Returns:
        Windows decided by spreading.
    """
    return respread_quietly(ws)


def progress(ws: Workspace) -> ProgressFacts:
    """Tell how far the labeling is.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    decided = count_decided(ws)
    with in_words(), ws.store.read() as session:
        spent, version = labels.spent(session), versions.current(session)
        trained_on = 0 if version is None else int(version.metrics.get("questions") or 0)
        return ProgressFacts(
            spent=spent,
            seconds=price_of(spent, ws.settings.active.seconds),
            left=share_left(spent, ws.settings.active),
            counts=queries.counts(session),
            settled=decided,
            version=version,
            answers_since_version=max(0, spent.questions - trained_on),
            curve=agreement_curve(session),
        )


def enqueue_retrain(ws: Workspace, requested_by: str) -> Job:
    """Queue a retraining for the worker; while one is queued or running, that one is returned.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.begin() as session:
        job = jobs.enqueue(session, RETRAIN, {"requested_by": requested_by}, idempotency_key=RETRAIN)
        write_audit(session, requested_by, "job/retrain", f"job {job.id}")
        return job


def _take(session: Session, ws: Workspace, analyst: str) -> QueryItem | None:
    now, seconds = utc_now(), ws.settings.work.question_lease
    held = queries.held(session, analyst, now)
    if held and queries.heartbeat(session, held[0].id, analyst, now, seconds):
        return queries.get(session, held[0].id)
    return next_question(ws, session, analyst, now)


def _left_now(ws: Workspace, analyst: str, before: int) -> int:
    """Count again after spreading; a failure must not take back the acknowledgement of an answer that is kept."""
    try:
        with ws.store.read() as session:
            return left_for(ws, session, analyst)
    except StoreError:
        return before


def _card(ws: Workspace, item: QueryItem, record: SeriesRecord, around: Around, *, left: int) -> Card:
    recorded = load_series(ws, record)
    asks_event, (first, last) = ws.settings.active.events, around.extent
    low = max(0, item.start - WINDOWS_BEFORE * item.length)
    high = min(recorded.length, item.start + (1 + WINDOWS_AFTER) * item.length)
    if asks_event:
        low, high = min(low, first), max(high, min(last, recorded.length))
    return Card(
        item=item,
        values=np.array(recorded.values[low:high]),
        times=np.array(recorded.times[low:high]),
        channels=recorded.channels,
        timezone=recorded.timezone,
        window_low=item.start - low,
        window_high=item.start + item.length - low,
        span_low=max(item.span_low, low) - low,
        span_high=min(item.span_high, high) - low,
        reason=item.reason,
        left=left,
        exogenous=record.exogenous,
        origin=low,
        event=(max(item.event_low, low) - low, min(item.event_high, high) - low),
        markable=(max(first, low) - low, min(last, high) - low),
        keys=around.keys,
        asks_event=asks_event,
    )
