"""Windows that an answer is not to settle, said together with the answer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db import series, versions, vetoes
from db.records import Label, QueryItem
from rl_tsad.errors import DataError, LabelingError
from rl_tsad.services.marking import length_of, stride_of
from rl_tsad.services.turns import is_apart
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import parse_key


def keep_out(ws: Workspace, session: Session, item: QueryItem, rows: Sequence[Label], keys: Sequence[str]) -> None:
    """Keep an answer from settling some windows, in the unit of work that keeps the answer.

    What the answer would not settle anyway is taken out all the same; its own windows are not. Taking the answer back
    puts all of it back.

    Args:
        ws: the workspace.
        session: a unit of work.
        item: the question.
        rows: what keeps the answer, the asked window first; of a control nothing is kept.
        keys: windows of the current model, or of the one that asked.

    Raises:
        LabelingError: when one is no window.
    """
    _check(ws, session, item, keys)
    own = {row.key for row in rows}
    others = [key for key in keys if key not in own]
    if others and not is_apart(rows[0]):
        vetoes.add(session, rows[0].id, others, rows[0].analyst)


def _check(ws: Workspace, session: Session, item: QueryItem, keys: Sequence[str]) -> None:
    """Look whether keys name windows of a recorded series, as the current model or the asking one cuts it."""
    asking = None if item.version_id is None else versions.get(session, item.version_id)
    forms = {(length_of(ws, one), stride_of(ws, one)) for one in (versions.current(session), asking)}
    points: dict[str, int] = {}
    for key in keys:
        try:
            name, start, length = parse_key(key)
        except (DataError, ValueError):
            name, start, length = "", 0, 0
        if name not in points:
            record = series.get(session, name)
            points[name] = 0 if record is None else record.rows
        fits = any(length == own and start % stride == 0 for own, stride in forms)
        if not fits or start + length > points[name]:
            raise LabelingError(
                f"expected windows that the answer is not to settle, got {key[:80]!r}, which is none; take the keys as "
                "/preview gives them"
            )
