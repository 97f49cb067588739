"""Beside a question: how many look-alikes would each answer settle, and what do the surest ones look like?"""

from __future__ import annotations

import streamlit as st

from db.records import Answer
from labeling_ui import entrance
from labeling_ui.components import grid, notes, words
from labeling_ui.state import NOUNS
from rl_tsad.errors import RlTsadError
from rl_tsad.services.look_alikes import Settled
from rl_tsad.types import ANOMALY, NORMAL, parse_key

SHOWN = 12
"""Windows that are shown for each answer."""
_ANSWERS = (Answer.ANOMALY, Answer.NORMAL)


def show(door: entrance.ServiceDoor, item_id: int, points: tuple[int, int] | None) -> None:
    """Say what Anomaly and Normal would settle; nothing where that is not known, so that labeling goes on.

    Args:
        door: to the workspace.
        item_id: the question.
        points: [low, high) of the series that Anomaly would mark; None for a question about a window.
    """
    would = [found for answer in _ANSWERS if (found := _preview(door, item_id, answer, points)) is not None]
    if not would:
        return
    st.markdown("  \n".join(["**What it would settle**", *(line(one) for one in would)]))
    if any(one.alike for one in would):
        pressed = st.button(
            "Show look-alikes",
            key="look-alikes",
            icon=":material/hub:",
            shortcut="l",
            type="tertiary",
            help="Shows the windows that nobody has answered and that each answer would settle too.",
        )
        if pressed:
            _look(door, would)


def line(one: Settled) -> str:
    """Say in a line what an answer would settle.

    Example:
        >>> line(Settled(None, Answer.NORMAL, ("a:0:8",), ()))
        'Normal: nothing'
        >>> from rl_tsad.services.look_alikes import Alike
        >>> line(Settled(None, Answer.ANOMALY, ("a:0:8",), (Alike("a:8:8", 0, 0.5),)))
        'Anomaly: 1 as Normal, by the normal points beside it'
    """
    anomalies, normals = one.count(ANOMALY), one.count(NORMAL)
    beside = ", by the normal points beside it" if one.answer is Answer.ANOMALY and normals and not anomalies else ""
    return f"{NOUNS[one.answer]}: {words.would_settle(anomalies, normals)}{beside}"


def _preview(
    door: entrance.ServiceDoor, item_id: int, answer: Answer, points: tuple[int, int] | None
) -> Settled | None:
    try:
        return door.preview(item_id, answer, extent=points if answer is Answer.ANOMALY else None)
    except RlTsadError:
        return None  # the answer itself says what is wrong


@st.dialog("What an answer would settle", width="large")
def _look(door: entrance.ServiceDoor, would: list[Settled]) -> None:
    st.markdown(
        "Windows that nobody has answered; the points on the band are what is judged. After the answer they can be "
        "taken out under **Look-alikes**. The keys A, N and U answer from here too, and Z takes back."
    )
    keys = [alike.key for one in would for alike in one.alike[:SHOWN]]
    try:
        shots = door.pictures(list(dict.fromkeys(keys)))
    except RlTsadError as error:
        notes.refusal("The look-alikes cannot be drawn.", str(error))
        return
    for one in would:
        surest = one.alike[:SHOWN]
        more = f" The {len(surest)} surest:" if len(one.alike) > len(surest) else ""
        st.markdown(f"#### If you answer {line(one)}.{more}")
        grid.draw(grid.of_alike(surest), shots, name=f"would-{one.answer.value}", beside=parse_key(one.keys[0])[0])
