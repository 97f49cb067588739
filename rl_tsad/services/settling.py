"""Which questions of the queue follow from other answers, and which no longer do?"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from db import queries, waiting
from db.records import ItemState
from rl_tsad.active.window_table import WindowTable
from rl_tsad.services.standing import VALUES
from rl_tsad.types import UNKNOWN, Int8

_FEW = 500
"""With more windows than that, the whole queue is looked at."""


def settle_queue(
    session: Session, windows: WindowTable | None, decided: Int8 | None, keys: Collection[str] | None = None
) -> None:
    """Close the open questions whose window other answers label or settle, and open those where that has ended.

    A question that somebody answered stays open for the others who are to be asked.

    Args:
        session: a unit of work.
        windows: N windows of a graph; None without one.
        decided: (N,) int8, what spreading settles each as; -1 for none.
        keys: the windows for which that may have changed; all where None.
    """
    some = None if keys is None or len(keys) > _FEW else keys
    asked = waiting.waiting(session, some)
    if not asked:
        return
    follows = waiting.labelled(session, [answer for answer in VALUES if answer is not None], some)
    if windows is not None and decided is not None:
        found = [key for key, _ in asked]
        rows = windows.rows(found)
        settled = (rows >= 0) & (decided[rows] != UNKNOWN)
        follows |= {key for key, known in zip(found, settled.tolist(), strict=True) if known}
    follows -= waiting.answered_when_asked(session, some)
    queries.settle(session, [key for key, state in asked if state == ItemState.OPEN and key in follows])
    queries.reopen(session, [key for key, state in asked if state == ItemState.SETTLED and key not in follows])
