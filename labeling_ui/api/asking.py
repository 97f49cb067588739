"""Routes of whoever answers: questions, leases, the log."""

from __future__ import annotations

from fastapi import APIRouter, Request

from db.records import Answer
from labeling_ui.api import pictures, shapes
from labeling_ui.api.problems import MissingError
from labeling_ui.api.visitors import ANALYST, VIEWER, WORKSPACE
from rl_tsad.errors import LabelingError
from rl_tsad.services import answering, look_alikes, reconstructing, showing, small_pictures
from rl_tsad.services.people import Visitor
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import ANOMALY

router = APIRouter(tags=["answering"])


@router.post("/next")
def next_questions(asked: shapes.Next, ws: Workspace = WORKSPACE, visitor: Visitor = ANALYST) -> shapes.Questions:
    """Hold up to `count` questions: those that the visitor holds already come first; the others are new."""
    items, left = answering.hold(ws, visitor.name, asked.count)
    found = [pictures.question(ws, one) for one in showing.find_asked(ws, items)]
    return shapes.Questions(
        questions=[shapes.Question(**one) for one in found], left=left, lease_seconds=ws.settings.work.question_lease
    )


@router.get("/questions/{item}")
def question(item: int, ws: Workspace = WORKSPACE, visitor: Visitor = VIEWER) -> shapes.Picture:
    """Give a question with all that is drawn and told beside it."""
    try:
        asked = showing.find_question(ws, item)
    except LabelingError as error:
        raise MissingError(str(error)) from error
    return pictures.picture(ws, showing.show(ws, asked))


@router.get("/questions/{item}/reconstruction")
def reconstruction(item: int, ws: Workspace = WORKSPACE, visitor: Visitor = VIEWER) -> shapes.Reconstruction:
    """Give what the current model's network makes of the windows in a question's view, as one line a channel.

    It stands at the points that the question draws, in the units of the source, and breaks where they break; channels
    that only explain the others have none. 404 where the current model keeps no reconstruction of this series.
    """
    try:
        found = reconstructing.reconstruct(ws, showing.find_question(ws, item))
    except LabelingError as error:
        raise MissingError(str(error)) from error
    return shapes.Reconstruction(
        index=[one.tolist() for one in found.index], values=[pictures.numbers(one) for one in found.values]
    )


@router.post("/windows")
def windows(asked: shapes.Windows, ws: Workspace = WORKSPACE, visitor: Visitor = VIEWER) -> shapes.SmallPictures:
    """Give small pictures of windows, such as those that an answer would settle.

    They come in the order of their keys; windows that are not there are left out. All of a window is drawn; `span` are
    the points that it decides, and `at` is the time of the first of them.
    """
    found = small_pictures.take_pictures(ws, asked.keys, width=asked.width)
    return shapes.SmallPictures(windows=[pictures.small(one) for one in found])


@router.post("/heartbeat")
def heartbeat(these: shapes.Held, ws: Workspace = WORKSPACE, visitor: Visitor = ANALYST) -> shapes.StillHeld:
    """Hold questions longer; gives back those that are still the visitor's."""
    return shapes.StillHeld(held=answering.heartbeat(ws, visitor.name, these.items))


@router.post("/release")
def release(these: shapes.Held, ws: Workspace = WORKSPACE, visitor: Visitor = ANALYST) -> shapes.Done:
    """Give questions back unanswered."""
    answering.release(ws, visitor.name, these.items)
    return shapes.Done()


@router.post("/log")
def log(sent: shapes.Log, request: Request, ws: Workspace = WORKSPACE, visitor: Visitor = ANALYST) -> shapes.LogResult:
    """Keep what a client did.

    The log is cumulative: send every entry that is not yet acknowledged, oldest first, numbered 1, 2, 3, ... An entry
    is kept once, however often it comes. A refused entry is acknowledged too, with a reason, and blocks no other. When
    this answers, everything in it is on disk.

    `answer` needs `item` and `answer`; `extents` mark where an anomaly is, and `exceptions` are windows that it is not
    to settle: they stay unknown and may be asked. `undo` takes back the entry `undoes`, or the visitor's last answer,
    with its exceptions. `mark` needs `series`, `low`, `high` and `answer`. `skip` needs `item`, which is asked last
    then.
    """
    entries = [_entry(one) for one in sent.entries]
    reply = answering.take_log(ws, visitor, sent.client, entries, spread=request.app.state.spreader)
    results = [
        shapes.EntryResult(
            sequence=one.sequence,
            status="kept" if one.kept else "refused",
            message=one.message,
            spread=None if ws.settings.active.controls else one.spread,  # a control settles nothing, and would show
        )
        for one in reply.results
    ]
    return shapes.LogResult(acknowledged=reply.acknowledged, results=results, left=reply.left)


@router.post("/preview")
def preview(asked: shapes.Preview, ws: Workspace = WORKSPACE, visitor: Visitor = ANALYST) -> shapes.Settles:
    """Say which other windows an answer would settle; nothing is kept. Where controls are asked, nothing is said."""
    if ws.settings.active.controls:
        return shapes.Settles(normals=0, anomalies=0, alike=[])  # an answered window settles nothing, and would show
    settled = look_alikes.preview(ws, asked.item, asked.answer, marks=[(low, high) for low, high in asked.extents])
    alike = () if settled is None else settled.alike
    given = [(one.key, Answer.ANOMALY if one.value == ANOMALY else Answer.NORMAL) for one in alike]
    return shapes.Settles(
        normals=sum(answer == Answer.NORMAL for _, answer in given),
        anomalies=sum(answer == Answer.ANOMALY for _, answer in given),
        alike=[shapes.AlikeWindow(key=key, answer=answer) for key, answer in given],
    )


def _entry(sent: shapes.Entry) -> answering.Entry:
    extents, exceptions = tuple(tuple(one) for one in sent.extents), tuple(sent.exceptions)
    return answering.Entry(**{**sent.model_dump(), "extents": extents, "exceptions": exceptions})
