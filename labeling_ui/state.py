"""Who sits at a browser tab, and what are they told? The card owns the questions, the store owns the truth."""

from __future__ import annotations

import getpass
import uuid
from dataclasses import dataclass, field
from typing import Literal

from db.records import Answer

NAME_LIMIT = 64
NOUNS = {Answer.ANOMALY: "Anomaly", Answer.NORMAL: "Normal", Answer.UNSURE: "Unsure"}


@dataclass(frozen=True)
class Notice:
    """What the analyst is told about the last action."""

    kind: Literal["kept", "hint", "problem"]
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Desk:
    """One browser tab's place.

    Attributes:
        analyst: under which name its answers are kept.
        client: as whom the page itself numbers its messages; the card numbers its own.
        turn: number of the page's next message.
    """

    analyst: str
    client: str = field(default_factory=lambda: uuid.uuid4().hex)
    turn: int = 1


def open_desk(analyst: str | None = None) -> Desk:
    """Sit down under a name; the operating system's user name unless another is given.

    Example:
        >>> open_desk("ada").analyst
        'ada'
    """
    return Desk(analyst or login_name())


def login_name() -> str:
    """Name the person at this machine; ``"analyst"`` where the system does not say."""
    try:
        return clean_name(getpass.getuser()) or "analyst"
    except (OSError, KeyError, ImportError):
        return "analyst"


def clean_name(text: str) -> str:
    r"""Make a name fit to be kept: one line, no control signs, at most 64 signs.

    Example:
        >>> clean_name("  Ada \n Lovelace ")
        'Ada Lovelace'
    """
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.split())[:NAME_LIMIT].strip()


def rename(desk: Desk, name: str) -> Desk:
    """Change who sits here; the same desk for an empty name.

    Example:
        >>> rename(Desk("ada"), "  Grace  ").analyst, rename(Desk("ada"), " ").analyst
        ('Grace', 'ada')
    """
    wanted = clean_name(name)
    return desk if wanted in {"", desk.analyst} else Desk(wanted)
