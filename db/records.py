"""The store's nouns as plain frozen dataclasses: what leaves the store and what goes in.

``NewX`` is a record that has no id yet. All times are timezone-aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Facts = Mapping[str, Any]
"""A JSON object; numbers that are not finite are kept as null, on every database."""


class Answer(StrEnum):
    """What an analyst may say of a window."""

    ANOMALY = "anomaly"
    NORMAL = "normal"
    UNSURE = "unsure"


class ItemState(StrEnum):
    """Where a question stands; open, leased and settled ones are alive."""

    OPEN = "open"
    LEASED = "leased"
    ANSWERED = "answered"
    SETTLED = "settled"
    RETIRED = "retired"


class Audience(StrEnum):
    """Who may be asked a question."""

    ANALYST = "analyst"
    REVIEWER = "reviewer"


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class NewSeries:
    """A series to be recorded.

    Attributes:
        name: unique in the store.
        digest: content hash; the same content is recorded once.
        rows: number of points T.
        channels: C names in the order of the columns.
        path: folder of the arrays, relative to the workspace; ``series/<id>`` when omitted.
        timezone: zone in which the source wrote its times, for display.
        has_truth: whether known anomalies came with it.
        source: where it was read from.
        exogenous: names of the channels that only explain the others and never raise an alarm by themselves.
    """

    name: str
    digest: str
    rows: int
    channels: tuple[str, ...]
    path: str | None = None
    timezone: str | None = None
    has_truth: bool = False
    source: str = ""
    exogenous: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeriesRecord:
    """A recorded series (fields as in :class:`NewSeries`)."""

    id: int
    name: str
    digest: str
    path: str
    rows: int
    channels: tuple[str, ...]
    timezone: str | None
    has_truth: bool
    source: str
    exogenous: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True)
class NewLabel:
    """An answer to be appended.

    Attributes:
        key: window key ``"{series}:{start}:{length}"``.
        series, start, length: the key's parts, for queries.
        answer: what was said.
        analyst: who said it.
        item_id: the question it answers; None for imported answers.
        version_id: the model version that asked.
        client, sequence: who sent it and as which message; the same message is kept once. Both None: always kept.
        part: place of the window among those that the message is about; 0 is the window that was asked about.
        mark_low, mark_high: the points [low, high) that the analyst marked; None where nothing was marked.
    """

    key: str
    series: str
    start: int
    length: int
    answer: Answer
    analyst: str
    item_id: int | None = None
    version_id: int | None = None
    client: str | None = None
    sequence: int | None = None
    part: int = 0
    mark_low: int | None = None
    mark_high: int | None = None


@dataclass(frozen=True)
class Label:
    """One row of the append-only history: an answer, or (answer None) the undoing of row ``undoes``.

    An answer about an event is one message and as many rows as windows (further fields as in :class:`NewLabel`).
    """

    id: int
    key: str
    series: str
    start: int
    length: int
    answer: Answer | None
    analyst: str
    item_id: int | None
    version_id: int | None
    undoes: int | None
    client: str | None
    sequence: int | None
    created_at: datetime
    part: int = 0
    mark_low: int | None = None
    mark_high: int | None = None


@dataclass(frozen=True)
class Spent:
    """What the answers cost and what they are worth.

    Attributes:
        questions: distinct windows ever asked about and answered, undone or unsure ones included: each was a read of
            the oracle, however many windows the answer labelled.
        labels: windows with a standing answer that is not unsure.
        anomalies, normals, unsure: windows with a standing answer of each kind.
        undone: answers taken back.
        glances: answers ever given without marking anything, unsure ones left out; taken-back ones cost time too.
        events: answers ever given that marked where an anomaly begins and ends.
        doubts: unsure answers ever given.
        looked_at: windows that nobody was asked about and that were taken out of what an answer settles: reads of the
            oracle too, though not questions.
    """

    questions: int
    labels: int
    anomalies: int
    normals: int
    unsure: int
    undone: int
    glances: int = 0
    events: int = 0
    doubts: int = 0
    looked_at: int = 0

    def seconds(self, *, glance: float, event: float, doubt: float) -> float:
        """Price the answers by what one of each kind costs.

        Example:
            >>> Spent(3, 9, 4, 5, 0, 0, glances=2, events=1).seconds(glance=4, event=10, doubt=4)
            18
        """
        return glance * self.glances + event * self.events + doubt * self.doubts


@dataclass(frozen=True)
class NewItem:
    """A question to be asked.

    Attributes:
        key, series, start, length: the window.
        span_low, span_high: the points [low, high) that the answer decides.
        strategy: which strategy picked it, such as ``"margin"``.
        reason: why it is asked, in plain words.
        priority: higher is asked earlier.
        probability: the model's P(anomaly) when it was picked.
        margin: distance between P(anomaly) and P(normal) then.
        event_low, event_high: the points [low, high) that are proposed as one event; the span where None.
        copies: how many different people are asked.
    """

    key: str
    series: str
    start: int
    length: int
    span_low: int
    span_high: int
    strategy: str
    reason: str
    priority: float
    probability: float
    margin: float
    event_low: int | None = None
    event_high: int | None = None
    copies: int = 1


@dataclass(frozen=True)
class QueryItem:
    """A question in the queue (fields as in :class:`NewItem`), and who holds it until when.

    Attributes:
        copy: number of this copy among those of one question, from 0.
        audience: who may be asked.
        assignee: who alone is asked; None for anybody of the audience.
        control_id: the control that it is, whose answer is known; None for a question. The person who is asked must
            not be told.
    """

    id: int
    key: str
    series: str
    start: int
    length: int
    span_low: int
    span_high: int
    version_id: int | None
    strategy: str
    reason: str
    priority: float
    probability: float
    margin: float
    event_low: int
    event_high: int
    state: ItemState
    leased_by: str | None
    lease_until: datetime | None
    created_at: datetime
    copy: int = 0
    audience: Audience = Audience.ANALYST
    assignee: str | None = None
    control_id: int | None = None


@dataclass(frozen=True)
class NewVersion:
    """A model version to be recorded.

    Attributes:
        digest: digest of its files.
        config: the settings that made it.
        metrics: what was measured of it.
        folder: where its files lie, relative to the workspace; ``models/<id>`` when omitted.
        parent_id: the version it was trained from.
        job_id: the job that made it.
        seconds: how long the training took.
    """

    digest: str
    config: Facts = field(default_factory=dict)
    metrics: Facts = field(default_factory=dict)
    folder: str | None = None
    parent_id: int | None = None
    job_id: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class ModelVersion:
    """A model version (fields as in :class:`NewVersion`); it never changes."""

    id: int
    folder: str
    digest: str
    config: Facts
    metrics: Facts
    parent_id: int | None
    job_id: int | None
    seconds: float | None
    created_at: datetime


@dataclass(frozen=True)
class Job:
    """Work for a worker process.

    Attributes:
        kind: what to do, such as ``"retrain"``.
        payload: with what.
        worker: who does it; lease_until: until when without a heartbeat.
        attempts: times it was claimed.
        progress: share done, in [0, 1]; message: the stage in words, or why it failed.
        result: what came out of it.
        idempotency_key: at most one job with the same key is queued or running.
    """

    id: int
    kind: str
    payload: Facts
    state: JobState
    worker: str | None
    lease_until: datetime | None
    attempts: int
    progress: float
    message: str
    result: Facts
    idempotency_key: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
