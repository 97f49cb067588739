"""Routes that only look: labels, scores, series, models, health."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from db.records import Label, SeriesRecord
from labeling_ui.api import pictures, shapes
from labeling_ui.api.problems import MissingError
from labeling_ui.api.visitors import VIEWER, WORKSPACE
from rl_tsad import __version__
from rl_tsad.data.annotations.forms import Form
from rl_tsad.errors import DataError
from rl_tsad.services import history, overview, points, scores, showing
from rl_tsad.services.exchange import exported
from rl_tsad.services.people import Visitor
from rl_tsad.services.workspace import Workspace, list_series, load_series

MOST_POINTS, MOST_TIMES = 200_000, 1_000
_KINDS = {"csv": "text/csv", "json": "application/json", "zip": "application/zip"}
_FILE = {"type": "string", "format": "binary"}
router = APIRouter(tags=["reading"])
Name = Annotated[str, Path(max_length=1000)]
Low = Annotated[int, Query(ge=0, description="first point")]
High = Annotated[int, Query(gt=0, description="the point after the last one")]


@router.get("/health")
def health(ws: Workspace = WORKSPACE) -> shapes.Health:
    """Say whether the desk answers; needs no token."""
    overview.current_id(ws)
    return shapes.Health(status="ok", version=__version__, workspace=ws.root.name)


@router.get("/labels")
def labels(
    ws: Workspace = WORKSPACE,
    visitor: Visitor = VIEWER,
    series: Annotated[str | None, Query(max_length=1000)] = None,
    since: Annotated[int, Query(ge=0, description="rows after this one")] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> shapes.Labels:
    """Give rows of the history, undoings included, oldest first."""
    return shapes.Labels(labels=[_row(*one) for one in history.rows(ws, series, since=since, limit=limit)])


@router.get(
    "/labels/export",
    response_class=Response,
    responses={200: {"description": "the file", "content": {kind: {"schema": _FILE} for kind in _KINDS.values()}}},
)
def export(
    form: Annotated[Form, Query(description="the format, see docs/formats.md")],
    ws: Workspace = WORKSPACE,
    visitor: Visitor = VIEWER,
) -> Response:
    """Give the answers as a file, in one of the formats that the page Files offers."""
    name, content = exported(ws, form)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=_KINDS[name.rpartition(".")[2]], headers=headers)


@router.get("/scores")
def model_scores(
    series: Annotated[str, Query(max_length=1000)],
    low: Low,
    high: High,
    ws: Workspace = WORKSPACE,
    visitor: Visitor = VIEWER,
) -> shapes.Scores:
    """Give what the current model thinks of the windows of a stretch."""
    _find(ws, series)
    if high - low > MOST_POINTS:
        raise DataError(f"expected at most {MOST_POINTS} points at once, got {high - low}; ask in parts")
    found = scores.current_thought(ws, series, low, high)
    return shapes.Scores(
        version=found.version,
        stride=found.stride,
        index=found.ends.tolist(),
        probability=[round(float(one), 6) for one in found.probability],
        alarm=found.verdict.tolist(),
    )


@router.get("/series")
def every_series(ws: Workspace = WORKSPACE, visitor: Visitor = VIEWER) -> shapes.AllSeries:
    """List the series."""
    return shapes.AllSeries(
        series=[
            shapes.SeriesFacts(name=one.name, points=one.rows, channels=pictures.channels(one), timezone=one.timezone)
            for one in list_series(ws)
        ]
    )


@router.get("/series/{name:path}/points")
def series_points(
    name: Name,
    *,
    low: Low,
    high: High,
    width: Annotated[int, Query(ge=4, le=4000, description="points a channel")] = points.WIDTH,
    ws: Workspace = WORKSPACE,
    visitor: Visitor = VIEWER,
) -> shapes.Stretch:
    """Give the points that show what all points of a stretch would show; native ones where they are few."""
    record = _find(ws, name)
    seen = points.view(ws, record, low, high, width=width)
    when = pictures.times(showing.sparse_times(ws, record, seen.low, seen.high))
    return shapes.Stretch(**pictures.points(seen).model_dump(), times=when)


@router.get("/series/{name:path}/times")
def series_times(
    name: Name,
    at: Annotated[str, Query(pattern=r"^\d{1,15}(,\d{1,15})*$", description="numbers of points, with commas")],
    ws: Workspace = WORKSPACE,
    visitor: Visitor = VIEWER,
) -> shapes.Times:
    """Give the exact times of points."""
    record = _find(ws, name)
    places = [int(one) for one in at.split(",")]
    if len(places) > MOST_TIMES or max(places) >= record.rows:
        raise DataError(
            f"expected at most {MOST_TIMES} points below {record.rows}, got {len(places)} up to {max(places)}; "
            "ask for what is there"
        )
    times = load_series(ws, record).times
    return shapes.Times(times=[pictures.instant(times[place]) for place in places])


@router.get("/models")
def models(ws: Workspace = WORKSPACE, visitor: Visitor = VIEWER) -> shapes.Models:
    """List the model versions, newest first."""
    current = overview.current_id(ws)
    return shapes.Models(
        models=[
            shapes.ModelFacts(
                id=one.id,
                current=one.id == current,
                parent=one.parent_id,
                at=one.created_at.isoformat(),
                metrics={key: value for key, value in one.metrics.items() if isinstance(value, int | float | None)},
            )
            for one in overview.versions(ws)
        ]
    )


def _find(ws: Workspace, name: str) -> SeriesRecord:
    found = history.series_named(ws, name)
    if found is None:
        raise MissingError(f"expected a series of this workspace, got {name[:80]!r}; see /api/v1/series")
    return found


def _row(label: Label, detail: history.Detail) -> shapes.LabelRow:
    span = () if label.mark_low is None or label.mark_high is None else ((label.mark_low, label.mark_high),)
    marks = detail.marks if detail is not None and detail.marks else span
    return shapes.LabelRow(
        id=label.id,
        key=label.key,
        answer=label.answer,
        analyst=label.analyst,
        item=label.item_id,
        undoes=label.undoes,
        part=label.part,
        marks=list(marks),
        fault=None if detail is None else detail.fault,
        comment=None if detail is None else detail.comment,
        at=label.created_at.isoformat(),
    )
