"""How far was a client's log kept?"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.shared_tables import ControlAnswerRow
from db.tables import LabelRow


def last_kept(session: Session, client: str) -> int:
    """Give the highest number of a client's messages that is kept; 0 where none is.

    Example:
        >>> from db import labels
        >>> from db.records import Answer, NewLabel
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     said = NewLabel("a:0:8", "a", 0, 8, Answer.NORMAL, "ann", client="tab", sequence=3)
        ...     last_kept(session, "tab"), labels.append(session, said).id, last_kept(session, "tab")
        (0, 1, 3)
    """
    label = session.scalar(select(func.max(LabelRow.sequence)).where(LabelRow.client == client))
    control = session.scalar(select(func.max(ControlAnswerRow.sequence)).where(ControlAnswerRow.client == client))
    return max(label or 0, control or 0)
