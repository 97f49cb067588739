"""How far was a client's log dealt with?"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.shared_tables import ClientRow, ControlAnswerRow
from db.tables import LabelRow


def last_handled(session: Session, client: str) -> int:
    """Give the highest number of a client's messages that was dealt with, kept or not; 0 where none was.

    Example:
        >>> from db import labels
        >>> from db.records import Answer, NewLabel
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     said = NewLabel("a:0:8", "a", 0, 8, Answer.NORMAL, "ann", client="tab", sequence=3)
        ...     last_handled(session, "tab"), labels.append(session, said).id, last_handled(session, "tab")
        (0, 1, 3)
    """
    label = session.scalar(select(func.max(LabelRow.sequence)).where(LabelRow.client == client))
    control = session.scalar(select(func.max(ControlAnswerRow.sequence)).where(ControlAnswerRow.client == client))
    row = session.get(ClientRow, client)
    return max(label or 0, control or 0, row.handled if row else 0)


def note_handled(session: Session, client: str, sequence: int) -> None:
    """Remember that a client's messages up to this number are dealt with; one unit of work at a time.

    A message that left no row, such as a skip, would be done again without that when it comes twice.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     note_handled(session, "tab", 2), note_handled(session, "tab", 5), last_handled(session, "tab")
        (None, None, 5)
    """
    row = session.get(ClientRow, client)
    if row is None:
        session.add(ClientRow(client=client, handled=sequence))
    else:
        row.handled = max(row.handled, sequence)
    session.flush()
