"""Which windows would an answer label about a stretch that nobody asked about? Said before it is given."""

from __future__ import annotations

from dataclasses import dataclass

from db import queries
from db.records import Answer, ItemState
from rl_tsad.active.extent import Extent
from rl_tsad.services.marking import said_of_stretch
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace


@dataclass(frozen=True)
class WouldLabel:
    """What an answer about a stretch labels.

    Attributes:
        windows: those that the stretch touches.
        open_questions: questions of the queue that it answers too.
    """

    windows: int
    open_questions: int


def would_label(ws: Workspace, name: str, extent: Extent) -> WouldLabel:
    """Say what an answer about a stretch would label, whatever it says; nothing is kept.

    Raises:
        LabelingError: when it labels no window or too many, or there is no model yet.
        WorkspaceError: when the store or the pool cannot be read.
    """
    with in_words(), ws.store.read() as session:
        _, said = said_of_stretch(ws, session, name, extent, Answer.ANOMALY)
        waiting = {one.key for one in queries.in_state(session, ItemState.OPEN, ItemState.LEASED)}
    return WouldLabel(len(said), sum(key in waiting for key, _, _ in said))
