"""Did the model expect what people then answered?"""

from __future__ import annotations

from collections import deque

from sqlalchemy.orm import Session

from db import labels, queries
from db.records import ItemState
from rl_tsad.services.standing import VALUES

_TRAILING = 20


def agreement_curve(session: Session) -> list[tuple[int, float]]:
    """Follow how often the model's verdict at asking time agreed with the answer about the asked window.

    Returns:
        (questions, agreement) after each sure answer that stands: the share of the last 20 of them.

    Example:
        >>> from db.store import Store
        >>> with Store.open("sqlite://") as store, store.read() as session:
        ...     agreement_curve(session)
        []
    """
    said = {item.id: item.probability >= 0.5 for item in queries.in_state(session, ItemState.ANSWERED)}
    further = queries.further_reads(session)
    stands = {label.id for label in labels.standing(session)}
    asked: set[object] = set()
    trailing: deque[bool] = deque(maxlen=_TRAILING)
    curve: list[tuple[int, float]] = []
    for label in labels.history(session):
        if label.part:
            continue  # the probability at asking time was the asked window's
        if label.answer is not None:
            asked.add(further.get(label.item_id or 0, label.key))
        if label.id in stands and label.answer in VALUES and label.item_id in said:
            trailing.append(said[label.item_id] == bool(VALUES[label.answer]))
            curve.append((len(asked), sum(trailing) / len(trailing)))
    return curve
