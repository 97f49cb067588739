"""What the API takes and gives: the shapes that its description names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from db.records import Answer

MOST_ENTRIES = 200
Span = Annotated[tuple[int, int], Field(description="points [low, high) of the series")]
Client = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="a random name of the client's own")]
Number = Annotated[int, Field(ge=0, lt=2**53)]
Key = Annotated[str, Field(max_length=1100, description="key of a window: series:start:length")]
WindowKey = Annotated[Key, Field(pattern=r"^(?s:.+):[0-9]{1,15}:[0-9]{1,15}$")]
Items = Annotated[list[Number], Field(max_length=200)]


class Shape(BaseModel):
    """Takes nothing that it does not know."""

    model_config = ConfigDict(extra="forbid")


class Next(Shape):
    """Who wants questions, and how many they want to hold."""

    client: Client
    count: Annotated[int, Field(ge=1, le=50)] = 25


class Held(Shape):
    """Some questions by number."""

    items: Items


class Entry(Shape):
    """One line of a client's log; see the description of /log."""

    sequence: Annotated[int, Field(ge=1, lt=2**53)]
    kind: Literal["answer", "undo", "mark", "skip"]
    item: Number | None = None
    answer: Answer | None = None
    extents: Annotated[list[tuple[Number, Number]], Field(max_length=100)] = []
    fault: Annotated[str | None, Field(max_length=200)] = None
    comment: Annotated[str | None, Field(max_length=4000)] = None
    seconds: Annotated[float | None, Field(ge=0, le=86_400, allow_inf_nan=False)] = None
    undoes: Annotated[int | None, Field(ge=1, lt=2**53)] = None
    series: Annotated[str | None, Field(max_length=1000)] = None
    low: Number | None = None
    high: Number | None = None
    exceptions: Annotated[list[Key], Field(max_length=100, description="windows that it is not to settle")] = []


class Log(Shape):
    """All that a client did and that is not yet acknowledged, oldest first."""

    client: Client
    entries: Annotated[list[Entry], Field(max_length=MOST_ENTRIES)]


class Preview(Shape):
    """An answer that may be given."""

    item: Number
    answer: Answer
    extents: Annotated[list[tuple[Number, Number]], Field(max_length=100)] = []


class Windows(Shape):
    """Windows that are to be drawn small."""

    keys: Annotated[list[WindowKey], Field(max_length=24)]
    width: Annotated[int, Field(ge=4, le=120, description="points a channel at most")] = 64


class Question(BaseModel):
    """A question; all points are numbers of the series."""

    item: int
    key: str
    series: str
    start: int
    length: int
    span: Span
    event: Span
    markable: Span
    strategy: str
    reason: str
    probability: float
    margin: float
    asks_event: bool
    view: Span


class Questions(BaseModel):
    """Questions that are held for the visitor."""

    questions: list[Question]
    left: int
    lease_seconds: float


class Channel(BaseModel):
    """A channel of a series."""

    name: str
    unit: str | None
    exogenous: bool


class Points(BaseModel):
    """What is drawn of a stretch, channel by channel; null where the line breaks."""

    low: int
    high: int
    index: list[list[int]]
    values: list[list[float | None]]


class Stretch(Points):
    """What is drawn of a stretch of a series, and when it was."""

    times: list[tuple[int, str | int]]


class Line(BaseModel):
    """One line over the series' points."""

    index: list[int]
    values: list[float | None]


class Earlier(BaseModel):
    """The same hours before: ``index`` tells between which points that are shown they lie, by the clock."""

    name: str
    shift: int
    index: list[list[int | float]]
    values: list[list[float | None]]


class Deviation(BaseModel):
    """A channel and how many robust standard deviations it is away from its usual level."""

    name: str
    deviation: float


class Neighbour(BaseModel):
    """A window that was answered, and what was said."""

    key: str
    answer: Answer


class Why(BaseModel):
    """Why a question is asked."""

    words: list[str]
    channels: list[Deviation]
    neighbours: list[Neighbour]


class Picture(Question):
    """A question with all that is drawn and told beside it; ``rows`` is the number of points of its series."""

    times: list[tuple[int, str | int]]
    timezone: str | None
    channels: list[Channel]
    origin: int
    rows: Annotated[int, Field(description="points of the whole series")]
    points: Points
    overlays: dict[str, Line]
    compare: list[Earlier]
    why: Why


class Reconstruction(BaseModel):
    """What the model expected, channel by channel; null where the line breaks, nothing for exogenous channels."""

    index: list[list[int]]
    values: list[list[float | None]]


class SmallPicture(BaseModel):
    """A window drawn small, channel by channel."""

    key: str
    series: str
    span: Span
    at: str | int
    index: list[list[int]]
    values: list[list[float | None]]


class SmallPictures(BaseModel):
    """Windows drawn small."""

    windows: list[SmallPicture]


class StillHeld(BaseModel):
    """The questions that are still the visitor's."""

    held: list[int]


class Done(BaseModel):
    """Nothing more to say."""


class EntryResult(BaseModel):
    """What became of an entry; the same of every answer, so that a control is not told from a question."""

    sequence: int
    status: Literal["kept", "refused"]
    message: str
    spread: int | None = Field(description="windows that the answer settles; null where not known, or never told here")


class LogResult(BaseModel):
    """What became of a log: all up to ``acknowledged`` need not be sent again."""

    acknowledged: int
    results: list[EntryResult]
    left: int


class AlikeWindow(BaseModel):
    """A window that an answer would settle."""

    key: str
    answer: Answer


class Settles(BaseModel):
    """What an answer would settle."""

    normals: int
    anomalies: int
    alike: list[AlikeWindow]


class LabelRow(BaseModel):
    """One row of the history: an answer about one window, or (answer null) the undoing of row ``undoes``."""

    id: int
    key: str
    answer: Answer | None
    analyst: str
    item: int | None
    undoes: int | None
    part: int
    marks: list[Span]
    fault: str | None
    comment: str | None
    at: str


class Labels(BaseModel):
    """Rows of the history, oldest first; ask again with ``since`` the last row's id."""

    labels: list[LabelRow]


class Scores(BaseModel):
    """What the current model thinks of windows; each value is that of the ``stride`` points before ``index``."""

    version: int | None
    stride: int
    index: list[int]
    probability: list[float]
    alarm: list[bool]


class SeriesFacts(BaseModel):
    """A series."""

    name: str
    points: int
    channels: list[Channel]
    timezone: str | None


class AllSeries(BaseModel):
    """All series, by name."""

    series: list[SeriesFacts]


class Times(BaseModel):
    """Times of points: ISO 8601 in UTC, or sample numbers where the source has no clock."""

    times: list[str | int]


class ModelFacts(BaseModel):
    """A model version."""

    id: int
    current: bool
    parent: int | None
    at: str
    metrics: dict[str, float | None]


class Models(BaseModel):
    """All model versions, newest first."""

    models: list[ModelFacts]


class Health(BaseModel):
    """Whether the desk answers."""

    status: Literal["ok"]
    version: str
    workspace: str


class Problem(BaseModel):
    """What went wrong."""

    expected: str
    message: str


class Problems(BaseModel):
    """The one form of every error."""

    error: Problem
