"""When people answered, and how long it took them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.records import Answer
from db.tables import DetailRow, LabelRow


@dataclass(frozen=True)
class Timed:
    """An answer that was given, taken back or not.

    Attributes:
        answer: anomaly where a stretch was marked, else what it says of the asked window.
        at: when it arrived.
        seconds: how long the question lay there; None where that is not known.
    """

    analyst: str
    answer: Answer
    at: datetime
    seconds: float | None


def every(session: Session) -> list[Timed]:
    """List all answers to questions, oldest first; imported ones are left out."""
    rows = select(LabelRow.analyst, LabelRow.answer, LabelRow.mark_low, LabelRow.created_at, DetailRow.seconds)
    rows = rows.outerjoin(DetailRow, DetailRow.label_id == LabelRow.id)
    rows = rows.where(LabelRow.part == 0, LabelRow.answer.is_not(None), LabelRow.item_id.is_not(None))
    return [
        Timed(analyst, answer if answer and low is None else Answer.ANOMALY, at, seconds)
        for analyst, answer, low, at, seconds in session.execute(rows.order_by(LabelRow.id))
    ]
