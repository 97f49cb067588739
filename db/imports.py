"""Many answers at once, as from a file: fast, all or none, and the same file only once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import queries
from db.errors import ConflictError
from db.records import NewLabel
from db.session import utc_now
from db.tables import LabelRow

_BATCH = 5_000


def append_all(session: Session, answers: Sequence[Sequence[NewLabel]], client: str) -> list[int]:
    """Add answers, a message each that can be taken back as a whole; open questions about their windows are settled.

    Args:
        session: a unit of work.
        answers: the rows of each answer; client, sequence and part are filled in.
        client: in whose name the messages are numbered, from where it left off.

    Returns:
        The first row of each answer.

    Raises:
        ConflictError: when somebody else adds answers in the same name right now, or a row names a version or an item
            that does not exist; nothing is kept then.

    Example:
        >>> from db import labels
        >>> from db.records import Answer
        >>> from db.store import Store
        >>> rows = [NewLabel(f"a:{n}:8", "a", n, 8, Answer.NORMAL, "ann") for n in (0, 4)]
        >>> with Store.open("sqlite://") as store, store.begin() as session:
        ...     append_all(session, [rows], "file"), labels.undo(session, "ann").undoes, labels.standing(session)
        ([1], 1, [])
    """
    last = session.scalar(select(func.max(LabelRow.sequence)).where(LabelRow.client == client)) or 0
    same = {"client": client, "undoes": None, "created_at": utc_now()}
    rows = [
        {**vars(one), **same, "sequence": last + number, "part": part}
        for number, answer in enumerate(answers, 1)
        for part, one in enumerate(answer)
    ]
    try:
        with session.begin_nested():
            for low in range(0, len(rows), _BATCH):
                session.execute(insert(LabelRow.__table__), rows[low : low + _BATCH])  # type: ignore[arg-type]
    except IntegrityError as error:
        raise ConflictError(
            f"expected answers of {client!r} that nobody else adds at the same time, got another import of the same "
            "file, or an unknown version; wait and import it again"
        ) from error
    queries.settle(session, [str(one["key"]) for one in rows])
    firsts = select(LabelRow.id).where(LabelRow.client == client, LabelRow.sequence > last, LabelRow.part == 0)
    return list(session.scalars(firsts.order_by(LabelRow.sequence)))
