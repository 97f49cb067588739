"""What happens when somebody acts on the explore page: answers, takes back, searches, goes to a place.

What is shown and marked lies in the tab's session, by series; what was answered is numbered, so that undo takes back
the last action of this page and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from db.records import Answer, SeriesRecord
from labeling_ui import entrance
from labeling_ui.components import words
from labeling_ui.state import NOUNS, Desk, Notice
from rl_tsad.errors import RlTsadError
from rl_tsad.services import exploring
from rl_tsad.services.answering import Result

Extent = tuple[int, int]
_DONE, _LEAST = "explore-done", 8


def get(record: SeriesRecord, what: str) -> Any:
    """Look up what this tab keeps of a series; None where there is nothing."""
    return st.session_state.get(_name(record, what))


def put(record: SeriesRecord, what: str, value: Any) -> None:
    """Keep something of a series for this tab."""
    st.session_state[_name(record, what)] = value


def take_notice(record: SeriesRecord) -> Notice | None:
    """Give what the last action is to say, once."""
    found: Notice | None = st.session_state.pop(_name(record, "notice"), None)
    return found


def can_undo() -> bool:
    """Whether this page's last action can be taken back."""
    return bool(_done(entrance.desk()))


def answer(record: SeriesRecord, brush: Extent, said: Answer) -> None:
    """Keep an answer about a marked stretch."""
    results, why = _keep([(record.name, brush)], said)
    if not results:
        put(record, "notice", Notice("problem", "This answer was not kept.", why))
        return
    put(record, "notice", Notice("kept", f"{NOUNS[said]} kept.{settles(results)} Undo (Z) takes it back."))


def answer_found(found: list[exploring.Found], said: Answer) -> None:
    """Keep an answer about places that were found."""
    record = exploring.record_of(entrance.door().ws, str(st.session_state["explore-series"]))
    results, why = _keep([(one.series, (one.low, one.high)) for one in found], said)
    left = len(found) - len(results)
    more = f" {words.count(left, 'place')} not kept: {why}" if left else " Undo takes all of it back."
    text = f"{NOUNS[said]} kept for {words.count(len(results), 'place')}.{settles(results)}{more}"
    put(record, "notice", Notice("hint" if left else "kept", text))


def settles(results: Sequence[Result]) -> str:
    """Say to how many look-alikes answers are spread; nothing where that is not known or none is.

    Example:
        >>> settles([Result(1, True, spread=3), Result(2, True, spread=4)]), settles([Result(1, True)])
        (' Spread to 7 look-alikes.', '')
    """
    count = sum(result.spread or 0 for result in results)
    return f" Spread to {words.count(count, 'look-alike')}." if count else ""


def undo(record: SeriesRecord) -> None:
    """Take back this page's last action: the one answer, or all that were given together."""
    desk = entrance.desk()
    done = _done(desk)
    if not done:
        put(record, "notice", Notice("hint", "There is no answer of this page to take back."))
        return
    try:
        results = entrance.door().take_back(done[-1], desk.analyst, client=desk.client, sequence=desk.turn)
    except RlTsadError as error:
        put(record, "notice", Notice("problem", "Nothing was taken back.", str(error)))
        return
    entrance.number(len(results))
    st.session_state[_DONE] = (desk.client, done[:-1])
    taken, left = sum(result.kept for result in results), [result for result in results if not result.kept]
    more = f" {words.count(len(left), 'answer')} no longer stood." if left else ""
    text = f"Taken back: {words.count(taken, 'answer')}.{more}"
    put(record, "notice", Notice("hint" if left else "kept", text))


def search(record: SeriesRecord, brush: Extent, channels: Sequence[str]) -> None:
    """Search the shape of a marked stretch in the channels that are shown, as the page's two boxes say."""
    options = {name: bool(st.session_state.get(f"explore-{name}")) for name in ("everywhere", "levels")}
    try:
        with st.spinner("Searching ..."):
            found = exploring.search_shape(entrance.door().ws, record.name, brush, channels=channels, **options)
    except RlTsadError as error:
        put(record, "notice", Notice("problem", "The shape cannot be searched.", str(error)))
        return
    put(record, "found", found)
    put(record, "notice", Notice("kept", f"{words.count(len(found), 'place')} found; they are shown below."))


def jump(one: exploring.Found) -> None:
    """Show a place and mark it."""
    record = exploring.record_of(entrance.door().ws, one.series)
    st.session_state["explore-series"] = record.name
    put(record, "range", moved((one.low, one.high), 0.0, 5.0, record.rows))
    put(record, "brush", (one.low, one.high))


def moved(extent: Extent, step: float, scale: float, points_there: int) -> Extent:
    """Move a range by a share of its width, and scale it about its middle; it stays within the series.

    Example:
        >>> moved((40, 60), 0.5, 1.0, 100), moved((40, 60), 0.0, 0.5, 100), moved((90, 100), 1.0, 1.0, 100)
        ((50, 70), (45, 55), (90, 100))
    """
    low, high = extent
    width = min(points_there, max(_LEAST, round((high - low) * scale)))
    middle = (low + high) / 2 + step * (high - low)
    first = min(max(0, round(middle - width / 2)), points_there - width)
    return first, first + width


def _keep(places: Sequence[tuple[str, Extent]], said: Answer) -> tuple[list[Result], str]:
    """Keep an answer for each of some stretches; give what was kept, and the last refusal."""
    desk = entrance.number(0)
    try:
        results = entrance.door().mark(places, said, desk.analyst, client=desk.client, sequence=desk.turn)
    except RlTsadError as error:
        return [], str(error)
    entrance.number(len(places))
    kept = [result for result in results if result.kept]
    if kept:
        st.session_state[_DONE] = (desk.client, [*_done(desk), [result.sequence for result in kept]])
    return kept, next((result.message for result in results if not result.kept), "")


def _done(desk: Desk) -> list[list[int]]:
    """Give the message numbers of each action of this page that can be taken back, the last one last."""
    client, done = st.session_state.get(_DONE, ("", []))
    return list(done) if client == desk.client else []


def _name(record: SeriesRecord, what: str) -> str:
    return f"explore-{what}-{record.id}-now"
