"""The history of answers with what came with them, in pages; and a series by its name."""

from __future__ import annotations

from db import details, labels, series
from db.desk_records import AnswerDetail
from db.records import Label, SeriesRecord
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace

Detail = AnswerDetail | None
"""What came with the answer that a row begins; None for its other rows, and where nothing came."""


def rows(ws: Workspace, name: str | None, *, since: int, limit: int) -> list[tuple[Label, Detail]]:
    """List rows of the history after a row, oldest first, each with what came with its answer.

    Args:
        ws: the workspace.
        name: only those about this series.
        since: number of a row; 0 for the beginning.
        limit: rows at most.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.read() as session:
        found = labels.since(session, since, series=name, limit=limit)
        came = details.of_labels(session, [row.id for row in found])
        return [(row, came.get(row.id)) for row in found]


def series_named(ws: Workspace, name: str) -> SeriesRecord | None:
    """Find a series by its name; None where there is none.

    Raises:
        WorkspaceError: when the store does not answer.
    """
    with in_words(), ws.store.read() as session:
        return series.get(session, name)
