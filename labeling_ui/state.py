"""What happens when somebody answers, undoes or changes names: pure functions from one desk to the next.

The store owns the truth. A desk holds only who sits at it, the number of the next answer, which window lies on it
and what to tell; all of it may vanish with the browser tab, and the next desk goes on where the store stands.
"""

from __future__ import annotations

import getpass
import uuid
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from db.records import Answer, Label
from rl_tsad.errors import LabelingError, RlTsadError
from rl_tsad.services.labeling import Card, Told

SETTLE_SECONDS = 0.25
NAME_LIMIT = 64
NOUNS = {Answer.ANOMALY: "Anomaly", Answer.NORMAL: "Normal", Answer.UNSURE: "Unsure"}


class Door(Protocol):
    """The four verbs of :mod:`rl_tsad.services.labeling`, already bound to a workspace."""

    def ask(self, analyst: str) -> Card | None:
        """Give the window that this analyst should judge now."""

    def tell(
        self,
        item_id: int,
        answer: Answer,
        analyst: str,
        *,
        client: str,
        sequence: int,
        extent: tuple[int, int] | None = None,
    ) -> Told:
        """Keep an answer; idempotent by client and sequence."""

    def undo(self, analyst: str, *, client: str, sequence: int) -> Label | None:
        """Take back the analyst's last standing answer; idempotent by client and sequence."""

    def release(self, item_id: int, analyst: str) -> None:
        """Give a window back unanswered."""


@dataclass(frozen=True)
class Notice:
    """What the analyst is told about the last action."""

    kind: Literal["kept", "hint", "problem"]
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Desk:
    """One browser tab's place in the work.

    Attributes:
        analyst: who answers.
        client: random name of this tab; with ``turn`` it makes each answer recognisable when it is sent twice.
        turn: number of the next answer. A click that carries another turn is stale and changes nothing.
        item: id of the window that lies on the desk.
        shown_at: seconds on a monotonic clock when that window was drawn; None before.
        notice: what came of the last action.
    """

    analyst: str
    client: str
    turn: int = 0
    item: int | None = None
    shown_at: float | None = None
    notice: Notice | None = None


def open_desk(analyst: str | None = None) -> Desk:
    """Sit down: a fresh client id, and the operating system's user name unless another is given.

    Example:
        >>> open_desk("ada").analyst, open_desk("ada").client == open_desk("ada").client
        ('ada', False)
    """
    return Desk(analyst=analyst or login_name(), client=uuid.uuid4().hex)


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


def take(desk: Desk, door: Door) -> tuple[Desk, Card | None]:
    """Fetch the window that this analyst should see now; the same one again until it is answered.

    Raises:
        RlTsadError: when the store or a file cannot be read.
    """
    card = door.ask(desk.analyst)
    item = None if card is None else card.item.id
    return (desk if item == desk.item else replace(desk, item=item, shown_at=None)), card


def shown(desk: Desk, now: float) -> Desk:
    """Note when the window on the desk was first drawn."""
    return desk if desk.shown_at is not None or desk.item is None else replace(desk, shown_at=now)


def answer(
    desk: Desk, door: Door, click: tuple[int, int, Answer], now: float, *, extent: tuple[int, int] | None = None
) -> Desk:
    """Keep an answer, once.

    Args:
        desk: as it is.
        door: where answers go.
        click: turn and item id that the pressed button was drawn for, and the answer it stands for.
        now: seconds on the clock of ``shown``.
        extent: points [low, high) that are marked as anomalous, where the question is about an event.

    Returns:
        The desk after it: next turn and a notice; unchanged for a stale click, so that a double click counts once.
    """
    turn, item, choice = click
    if turn != desk.turn or item != desk.item:
        return desk
    if desk.shown_at is None or now - desk.shown_at < SETTLE_SECONDS:
        return replace(desk, notice=Notice("hint", "That was quicker than the window could be seen; not counted."))
    try:
        told = door.tell(item, choice, desk.analyst, client=desk.client, sequence=turn, extent=extent)
    except LabelingError as error:
        return _next(desk, Notice("problem", "This answer was not kept.", str(error)))
    except RlTsadError as error:
        return replace(desk, notice=Notice("problem", "The answer could not be kept. Press again.", str(error)))
    return _next(desk, _kept(told, choice))


def undo(desk: Desk, door: Door, turn: int) -> Desk:
    """Take back this analyst's last standing answer and bring its window back; once per click."""
    if turn != desk.turn:
        return desk
    try:
        label = door.undo(desk.analyst, client=desk.client, sequence=turn)
    except RlTsadError as error:
        return replace(desk, notice=Notice("problem", "Nothing was taken back.", str(error)))
    if label is None:
        return _next(desk, Notice("hint", "There is no answer of yours to take back."))
    return _next(desk, Notice("kept", "Taken back. Here is that window again."))


def rename(desk: Desk, door: Door, name: str) -> Desk:
    """Change who sits here; the window on the desk goes back first."""
    wanted = clean_name(name)
    if not wanted or wanted == desk.analyst:
        return desk
    try:
        if desk.item is not None:
            door.release(desk.item, desk.analyst)
    except RlTsadError:
        pass  # its lease runs out by itself
    return _next(replace(desk, analyst=wanted), Notice("hint", "Answers are now kept under the new name."))


def _next(desk: Desk, notice: Notice) -> Desk:
    return replace(desk, turn=desk.turn + 1, item=None, shown_at=None, notice=notice)


def _kept(told: Told, choice: Answer) -> Notice:
    if told.answer != choice:
        return Notice(
            "hint", f"Your earlier answer, {NOUNS[told.answer]}, had already been kept. Undo (Z) takes it back."
        )
    text = f"{NOUNS[choice]} kept{_windows(told)}"
    if told.spread:
        alike = "1 look-alike" if told.spread == 1 else f"{told.spread:,} look-alikes"
        return Notice("kept", f"{text}, spread to {alike}.")
    return Notice("kept", f"{text}.")


def _windows(told: Told) -> str:
    """Count the windows of an answer; nothing where it is about the asked one alone."""
    if len(told.rows) == 1:
        return ""
    named = told.windows(told.answer)
    others = len(told.rows) - named
    return f" for {named} window{'' if named == 1 else 's'}" + (f", normal for {others}" if others else "")
