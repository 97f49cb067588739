"""The explore page: a whole series with all that lies on it; brush to label unasked, or to search for its shape."""

from __future__ import annotations

from typing import Any

import streamlit as st

from db.desk_records import Role
from db.records import Answer, SeriesRecord
from labeling_ui import entrance, exploration
from labeling_ui.components import explore_chart, explore_results, notes, plain, words
from labeling_ui.components.explore_chart import Axis, Extent, Scenery
from labeling_ui.exploration import get, moved, put
from labeling_ui.state import NOUNS, Notice
from rl_tsad.errors import LabelingError, RlTsadError
from rl_tsad.services import exploring, points, volunteering
from rl_tsad.services.workspace import Workspace, list_series, load_series

MOST_CHANNELS, USUAL_CHANNELS, WIDTH = 8, 4, 1000


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
            shown = _channels(door.ws, record)
        _draw(door, record, shown)
    except RlTsadError as error:
        notes.problem("The series cannot be read.", error)


def _draw(door: entrance.ServiceDoor, record: SeriesRecord, shown: tuple[int, ...]) -> None:
    low, high = get(record, "range") or (0, record.rows)
    lying = exploring.lying_on(door.ws, record.name)
    axis = Axis(load_series(door.ws, record).times, record.timezone, low)
    turn = get(record, "turn") or 0
    whole = _view(door.ws, record, (0, record.rows), shown)
    strip = explore_chart.overview_chart(whole, axis, (low, high), lying)
    _brushable(strip, f"explore-strip-{record.id}-{turn}", record, axis, kind="range")
    brush = get(record, "brush")
    with st.container(horizontal=True, vertical_alignment="center"):
        _moves(record, (low, high))
        _typed(record, axis, (low, high), brush)
    view = _view(door.ws, record, (low, high), shown)
    scenery = Scenery(view, axis, record.channels, shown, lying, brush)
    figure = explore_chart.explore_chart(scenery)
    _brushable(figure, f"explore-chart-{record.id}-{turn}", record, axis, kind="brush")
    if brush is None:
        st.caption(
            "Drag across the picture to mark a stretch: then say what it is, or search for its shape. Drag across the "
            "strip above to look at a part."
        )
    else:
        _brushed(door, scenery, record)
    notice = exploration.take_notice(record)
    if notice is not None:
        notes.notice(notice)
    found = get(record, "found")
    if found:
        answer = exploration.answer_found if door.visitor().may(Role.ANALYST) else None
        explore_results.show(door.ws, found, exploration.jump, answer)


def _view(ws: Workspace, record: SeriesRecord, extent: Extent, shown: tuple[int, ...]) -> points.View:
    return _cached_view(ws, record, (record.digest, *extent, shown))


@st.cache_resource(show_spinner=False, max_entries=24)
def _cached_view(_ws: Workspace, _record: SeriesRecord, part: tuple[str, int, int, tuple[int, ...]]) -> points.View:
    _, low, high, shown = part
    return points.view(_ws, _record, low, high, width=WIDTH, channels=shown)


@st.cache_data(show_spinner=False, max_entries=64)
def _cached_order(_ws: Workspace, _record: SeriesRecord, digest: str) -> list[int]:
    del digest  # tells apart what lay in this folder at different times
    return exploring.most_deviating(load_series(_ws, _record).values)


def _channels(ws: Workspace, record: SeriesRecord) -> tuple[int, ...]:
    order = _cached_order(ws, record, record.digest)
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
        low, high = extent
        if low < high:
            put(record, kind, extent)
        else:
            put(record, "notice", Notice("hint", "No point lies there: the recording pauses."))
        put(record, "turn", (get(record, "turn") or 0) + 1)
        st.rerun()


def brushed(event: Any, axis: Axis) -> Extent | None:
    """Read the points [low, high) that a box encloses, which may be none; None where no box is drawn.

    Example:
        >>> import numpy as np
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
    return low, high


_MOVES = (
    ("earlier", "Earlier", ":material/chevron_left:", "left", -0.5, 1.0),
    ("later", "Later", ":material/chevron_right:", "right", 0.5, 1.0),
    ("closer", "Closer", ":material/zoom_in:", "i", 0.0, 0.5),
    ("farther", "Farther", ":material/zoom_out:", "o", 0.0, 2.0),
)


def _moves(record: SeriesRecord, extent: Extent) -> None:
    for name, label, icon, key, step, scale in _MOVES:
        there = moved(extent, step, scale, record.rows)
        st.button(
            label, key=f"explore-{name}", icon=icon, shortcut=key, disabled=there == extent,
            on_click=put, args=(record, "range", there),
        )  # fmt: skip
    whole = (0, record.rows)
    st.button(
        "Whole", key="explore-whole", icon=":material/fit_width:", shortcut="w", disabled=extent == whole,
        on_click=put, args=(record, "range", whole),
    )  # fmt: skip
    st.caption(f"{extent[1] - extent[0]:,} of {record.rows:,} points")


def _typed(record: SeriesRecord, axis: Axis, shown: Extent, brush: Extent | None) -> None:
    low, high = brush or shown
    box = st.popover("By time", icon=":material/schedule:")
    with box, st.form(f"explore-typed-{record.id}-{low}-{high}", border=False):
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
    put(record, "range" if look else "brush", extent)
    st.rerun()


def _brushed(door: entrance.ServiceDoor, scenery: Scenery, record: SeriesRecord) -> None:
    axis, lying, shown, brush = scenery.axis, scenery.lying, scenery.shown, scenery.brush or (0, 1)
    low, high = brush
    when = words.stretch(axis.times[[low, high - 1]], record.timezone)
    marked = f"**Marked: {plain.markdown(when)}** ({words.count(high - low, 'point')}){_said(lying, brush)}"
    can_answer, refused = door.visitor().may(Role.ANALYST), False
    if can_answer:
        try:
            marked += f" · {would_say(volunteering.would_label(door.ws, record.name, brush))}"
        except LabelingError as error:
            refused, marked = True, f"{marked} · It cannot be answered: {plain.markdown(str(error))}"
    st.markdown(marked)
    with st.container(horizontal=True, vertical_alignment="center", key="explore-actions"):
        if can_answer:
            _answers(record, brush, refused=refused)
        _searches(record, brush, shown)


_ANSWERS = (("anomaly", Answer.ANOMALY, "a"), ("normal", Answer.NORMAL, "n"), ("unsure", Answer.UNSURE, "u"))


def _answers(record: SeriesRecord, brush: Extent, *, refused: bool) -> None:
    for name, answer, key in _ANSWERS:
        st.button(
            NOUNS[answer], key=f"{name}-explore", shortcut=key, disabled=refused,
            on_click=exploration.answer, args=(record, brush, answer),
        )  # fmt: skip
    st.button(
        "Undo", key="explore-undo", icon=":material/undo:", shortcut="z", disabled=not exploration.can_undo(),
        on_click=exploration.undo, args=(record,),
    )  # fmt: skip


def _searches(record: SeriesRecord, brush: Extent, shown: tuple[int, ...]) -> None:
    names = [record.channels[place] for place in shown]
    st.button(
        "Search this shape", key="explore-search", icon=":material/troubleshoot:", shortcut="s",
        on_click=exploration.search, args=(record, brush, names),
    )  # fmt: skip
    st.checkbox("In all series", key="explore-everywhere")
    st.checkbox("With levels", key="explore-levels")
    st.button("Clear", key="explore-clear", icon=":material/close:", on_click=put, args=(record, "brush", None))


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
