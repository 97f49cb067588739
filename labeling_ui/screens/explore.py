"""The explore page: a whole series with all that lies on it; brush to label unasked, or to search for its shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from db.records import Answer, SeriesRecord
from labeling_ui import entrance
from labeling_ui.components import explore_chart, explore_results, notes, plain, words
from labeling_ui.components.explore_chart import Axis, Extent, Scenery
from labeling_ui.state import NOUNS, Desk, Notice
from rl_tsad.errors import LabelingError, RlTsadError
from rl_tsad.services import exploring, points, volunteering
from rl_tsad.services.workspace import Workspace, list_series, load_series

MOST_CHANNELS, USUAL_CHANNELS, WIDTH, LEAST = 8, 4, 1000, 8
_STATE = ("range", "brush", "found", "turn", "notice")


def show() -> None:
    """Draw the page."""
    st.markdown("### Explore")
    door = entrance.door()
    try:
        records = {record.name: record for record in list_series(door.ws)}
        if not records:
            st.markdown("There is no series yet.")
            notes.first_steps("this page shows it whole")
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox("Series", list(records), format_func=plain.one_line, key="explore-series")
            record = records[name]
            whole = _view(door.ws, record, 0, record.rows)
            shown = _channels(record, whole)
        _draw(door, record, whole, shown)
    except RlTsadError as error:
        notes.problem("The series cannot be read.", error)


def _draw(door: entrance.ServiceDoor, record: SeriesRecord, whole: points.View, shown: tuple[int, ...]) -> None:
    low, high = _get(record, "range") or (0, record.rows)
    lying = exploring.lying_on(door.ws, record.name)
    axis = Axis(load_series(door.ws, record).times, record.timezone, low)
    turn = _get(record, "turn") or 0
    strip = explore_chart.overview_chart(whole, axis, shown[0], (low, high), lying)
    _brushable(strip, f"explore-strip-{record.id}-{turn}", record, axis, kind="range")
    _moves(record, (low, high))
    view = _view(door.ws, record, low, high)
    brush = _get(record, "brush")
    figure = explore_chart.explore_chart(Scenery(view, axis, record.channels, shown, lying, brush))
    _brushable(figure, f"explore-chart-{record.id}-{turn}", record, axis, kind="brush")
    notice = st.session_state.pop(_name(record, "notice"), None)
    if notice is not None:
        notes.notice(notice)
    if brush is None:
        st.caption(
            "Drag across the picture to mark a stretch: then say what it is, or search for its shape. Drag across the "
            "strip above to look at a part."
        )
    else:
        _brushed(door, record, axis, lying, brush)
    _typed(record, axis, (low, high), brush)
    found = _get(record, "found")
    if found:
        explore_results.show(door.ws, found, _jump, _answer_found)


def _view(ws: Workspace, record: SeriesRecord, low: int, high: int) -> points.View:
    return _cached_view(ws, record, (record.digest, low, high))


@st.cache_resource(show_spinner=False, max_entries=24)
def _cached_view(_ws: Workspace, _record: SeriesRecord, part: tuple[str, int, int]) -> points.View:
    return points.view(_ws, _record, part[1], part[2], width=WIDTH)


def most_deviating(view: points.View) -> list[int]:
    """Order channels by how far their farthest drawn point lies from the middle, in quartile ranges.

    Example:
        >>> calm, spike = np.arange(9, dtype=np.float32), np.array([0, 1, 0, 1, 0, 1, 0, 1, 99], np.float32)
        >>> most_deviating(points.View(0, 9, (np.arange(9),) * 2, (calm, spike)))
        [1, 0]
    """
    return sorted(range(len(view.values)), key=lambda place: -_deviation(view.values[place]))


def _deviation(column: Any) -> float:
    column = column[np.isfinite(column)]
    if not len(column):
        return 0.0
    low, middle, high = np.quantile(column, (0.25, 0.5, 0.75))
    return float(np.abs(column - middle).max() / (high - low)) if high > low else 0.0


def _channels(record: SeriesRecord, whole: points.View) -> tuple[int, ...]:
    order = most_deviating(whole)
    judged = [place for place in order if record.channels[place] not in record.exogenous]
    order = [*judged, *(place for place in order if place not in judged)]
    chosen = st.multiselect(
        "Channels", order, default=sorted(order[:USUAL_CHANNELS]), max_selections=MOST_CHANNELS,
        format_func=lambda place: plain.one_line(record.channels[place], 40), key=f"explore-channels-{record.id}",
        help=f"The most deviating are listed first; {MOST_CHANNELS} at most.",
    )  # fmt: skip
    return tuple(chosen) or (order[0],)


def _brushable(figure: Any, key: str, record: SeriesRecord, axis: Axis, *, kind: str) -> None:
    """Draw a picture; a box drawn across it becomes the range or the brush, under a key that is new afterwards."""
    event = st.plotly_chart(
        figure, key=key, on_select="rerun", selection_mode="box",
        config={"displayModeBar": False, "scrollZoom": False},
    )  # fmt: skip
    extent = brushed(event, axis)
    if extent is not None:
        _put(record, kind, extent)
        _put(record, "turn", (_get(record, "turn") or 0) + 1)
        st.rerun()


def brushed(event: Any, axis: Axis) -> Extent | None:
    """Read the points [low, high) that a box encloses; None where none is drawn or it encloses no point.

    Example:
        >>> brushed({"selection": {"box": [{"x": [2.5, 5.0]}]}}, Axis(np.arange(9), None))
        (3, 6)
    """
    boxes = event["selection"]["box"] if event else []
    if not boxes:
        return None
    sides = boxes[-1]["x"]
    first, last = sorted(sides) if not axis.has_clock else sorted(str(side) for side in sides)
    low, high = axis.point(first), axis.point(last)
    if high < len(axis.times) and not axis.has_clock and float(last) == float(axis.times[high]):
        high += 1
    return (low, high) if high > low else None


def moved(extent: Extent, step: float, scale: float, points_there: int) -> Extent:
    """Move a range by a share of its width, and scale it about its middle; it stays within the series.

    Example:
        >>> moved((40, 60), 0.5, 1.0, 100), moved((40, 60), 0.0, 0.5, 100), moved((90, 100), 1.0, 1.0, 100)
        ((50, 70), (45, 55), (90, 100))
    """
    low, high = extent
    width = min(points_there, max(LEAST, round((high - low) * scale)))
    middle = (low + high) / 2 + step * (high - low)
    first = min(max(0, round(middle - width / 2)), points_there - width)
    return first, first + width


_MOVES = (
    ("earlier", "Earlier", ":material/chevron_left:", "left", -0.5, 1.0),
    ("later", "Later", ":material/chevron_right:", "right", 0.5, 1.0),
    ("closer", "Closer", ":material/zoom_in:", "i", 0.0, 0.5),
    ("farther", "Farther", ":material/zoom_out:", "o", 0.0, 2.0),
)


def _moves(record: SeriesRecord, extent: Extent) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, label, icon, key, step, scale in _MOVES:
            there = moved(extent, step, scale, record.rows)
            st.button(
                label, key=f"explore-{name}", icon=icon, shortcut=key, disabled=there == extent,
                on_click=_put, args=(record, "range", there),
            )  # fmt: skip
        whole = (0, record.rows)
        st.button(
            "Whole", key="explore-whole", icon=":material/fit_width:", shortcut="w", disabled=extent == whole,
            on_click=_put, args=(record, "range", whole),
        )  # fmt: skip
        st.caption(f"{extent[1] - extent[0]:,} of {record.rows:,} points")


def _typed(record: SeriesRecord, axis: Axis, shown: Extent, brush: Extent | None) -> None:
    low, high = brush or shown
    form = st.form(f"explore-typed-{record.id}-{low}-{high}", border=False)
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.text_input("From", axis.text(low), max_chars=40)
        last = st.text_input("To", axis.text(high - 1), max_chars=40)
        look = st.form_submit_button("Look at it", icon=":material/search:")
        mark = st.form_submit_button("Mark it", icon=":material/highlight:")
    if not (look or mark):
        return
    try:
        extent = axis.point(first), min(axis.point(last) + 1, record.rows)
    except (ValueError, OverflowError):
        notes.refusal("These are no times.", f"Write them like {axis.text(low)}.")
        return
    if extent[0] >= extent[1]:
        notes.refusal("No point lies between them.", "Write an earlier and a later one.")
        return
    _put(record, "range" if look else "brush", extent)
    st.rerun()


def _brushed(
    door: entrance.ServiceDoor, record: SeriesRecord, axis: Axis, lying: exploring.Lying, brush: Extent
) -> None:
    low, high = brush
    when = words.stretch(axis.times[[low, high - 1]], record.timezone)
    st.markdown(f"**Marked: {plain.markdown(when)}** ({words.count(high - low, 'point')}){_said(lying, brush)}")
    refused = ""
    try:
        would = volunteering.would_label(door.ws, record.name, brush)
        st.caption(would_say(would))
    except LabelingError as error:
        refused = str(error)
        st.caption(f"It cannot be answered: {plain.markdown(refused)}")
    _actions(record, brush, refused=bool(refused))


def _actions(record: SeriesRecord, brush: Extent, *, refused: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="answers"):
        for name, answer, key in (("anomaly", Answer.ANOMALY, "a"), ("normal", Answer.NORMAL, "n")):
            st.button(
                f"{NOUNS[answer]} here", key=f"{name}-explore", shortcut=key, disabled=refused,
                on_click=_answer, args=(record, brush, answer),
            )  # fmt: skip
        st.button(
            "Search this shape", key="explore-search", icon=":material/troubleshoot:", shortcut="s",
            on_click=_search, args=(record, brush),
        )  # fmt: skip
        st.checkbox("In all series", key="explore-everywhere")
        st.checkbox("With levels", key="explore-levels")
        st.button("Undo", key="explore-undo", icon=":material/undo:", shortcut="z", on_click=_undo, args=(record,))
        st.button("Clear", key="explore-clear", icon=":material/close:", on_click=_put, args=(record, "brush", None))


def would_say(would: volunteering.WouldLabel) -> str:
    """Say what an answer labels.

    Example:
        >>> would_say(volunteering.WouldLabel(3, 1))
        'An answer labels the 3 windows that it touches, and 1 open question.'
    """
    asked = f", and {words.count(would.open_questions, 'open question')}" if would.open_questions else ""
    touched = "window" if would.windows == 1 else f"{would.windows:,} windows"
    return f"An answer labels the {touched} that it touches{asked}."


def _said(lying: exploring.Lying, brush: Extent) -> str:
    people = sorted(
        {f"{NOUNS[one.answer]} by {one.analyst}" for one in lying.answers if one.low < brush[1] and one.high > brush[0]}
    )
    settled = [words.VALUES[value] for value in sorted(lying.settled.at(*brush))]
    parts = [f"answered {plain.markdown(', '.join(people), 120)}"] if people else []
    parts += [f"settled as {' and '.join(settled)}"] if settled else []
    parts += ["alarm"] if lying.alarms.at(*brush) else []
    return f" · {' · '.join(parts)}" if parts else ""


def _answer(record: SeriesRecord, brush: Extent, answer: Answer) -> None:
    kept, why = _keep([(record.name, brush)], answer)
    if not kept:
        _put(record, "notice", Notice("problem", "This answer was not kept.", why))
        return
    _put(record, "notice", Notice("kept", f"{NOUNS[answer]} kept. Undo (Z) takes it back."))
    _put(record, "undoable", kept)


def _answer_found(found: list[exploring.Found], answer: Answer) -> None:
    record = _record_shown()
    kept, why = _keep([(one.series, (one.low, one.high)) for one in found], answer)
    left = len(found) - kept
    more = f" {words.count(left, 'place')} not kept: {why}" if left else " Undo takes all of it back."
    text = f"{NOUNS[answer]} kept for {words.count(kept, 'place')}.{more}"
    _put(record, "notice", Notice("hint" if left else "kept", text))
    _put(record, "undoable", kept)


def _keep(places: list[tuple[str, Extent]], answer: Answer) -> tuple[int, str]:
    """Keep an answer for each of some stretches; give how many were kept, and the last refusal."""
    door, desk = entrance.door(), _numbered()
    kept, why = 0, ""
    for name, extent in places:
        try:
            told = door.mark(name, extent, answer, desk.analyst, client=desk.client, sequence=desk.turn)
            kept, why = kept + told.kept, told.message or why
        except RlTsadError as error:
            why = str(error)
        desk = replace(desk, turn=desk.turn + 1, item=None, shown_at=None)
    entrance.put(desk)
    return kept, why


def _numbered() -> Desk:
    """Give the desk; messages about unasked stretches are numbered from 1 on."""
    desk = entrance.desk()
    return replace(desk, turn=max(1, desk.turn))


def _undo(record: SeriesRecord) -> None:
    """Take back the last answer, or all of those that were given together."""
    door, desk = entrance.door(), _numbered()
    taken = 0
    for _ in range(_get(record, "undoable") or 1):
        try:
            taken += door.undo(desk.analyst, client=desk.client, sequence=desk.turn) is not None
        except RlTsadError as error:
            _put(record, "notice", Notice("problem", "Nothing was taken back.", str(error)))
            return
        desk = replace(desk, turn=desk.turn + 1, item=None, shown_at=None)
    entrance.put(desk)
    _put(record, "undoable", None)
    said = f"Taken back: {words.count(taken, 'answer')}." if taken else "There is no answer of yours to take back."
    _put(record, "notice", Notice("kept" if taken else "hint", said))


def _search(record: SeriesRecord, brush: Extent) -> None:
    options = {name: bool(st.session_state.get(f"explore-{name}")) for name in ("everywhere", "levels")}
    try:
        found = exploring.search_shape(entrance.door().ws, record.name, brush, **options)
    except RlTsadError as error:
        _put(record, "notice", Notice("problem", "The shape cannot be searched.", str(error)))
        return
    _put(record, "found", found)
    _put(record, "notice", Notice("kept", f"{words.count(len(found), 'place')} found; they are shown below."))


def _jump(one: exploring.Found) -> None:
    record = exploring.record_of(entrance.door().ws, one.series)
    st.session_state["explore-series"] = record.name
    _put(record, "range", moved((one.low, one.high), 0.0, 5.0, record.rows))
    _put(record, "brush", (one.low, one.high))


def _record_shown() -> SeriesRecord:
    return exploring.record_of(entrance.door().ws, str(st.session_state["explore-series"]))


def _name(record: SeriesRecord, what: str) -> str:
    return f"explore-{what}-{record.id}-now"


def _get(record: SeriesRecord, what: str) -> Any:
    return st.session_state.get(_name(record, what))


def _put(record: SeriesRecord, what: str, value: Any) -> None:
    st.session_state[_name(record, what)] = value
