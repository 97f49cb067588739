"""The nouns of controls: questions whose answer is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.records import Answer


@dataclass(frozen=True)
class Control:
    """A window whose answer is known, asked again to see whether people give it.

    Attributes:
        key: the window.
        expected: the known answer.
        item_id: the question whose form it takes.
        who: who says that the answer is known.
        ended: when it was last asked; None while it is.
    """

    id: int
    key: str
    expected: Answer
    item_id: int
    who: str
    created_at: datetime
    ended: datetime | None


@dataclass(frozen=True)
class ControlAnswer:
    """What somebody said of a control, or (answer None) the undoing of row ``undoes``.

    Attributes:
        control_id: which control.
        item_id: the item of the queue in which it was asked.
        client, sequence: who sent it and as which message; the same message is kept once.
        seconds: how long it lay in front of them.
    """

    id: int
    control_id: int
    item_id: int
    answer: Answer | None
    undoes: int | None
    analyst: str
    client: str | None
    sequence: int | None
    seconds: float | None
    created_at: datetime
