"""The queue page: one stretch, why it is asked, where an event in it begins and ends, three answers and a way back."""

from __future__ import annotations

import time

import streamlit as st

from db.records import Answer, ItemState
from labeling_ui import entrance, state
from labeling_ui.components import extent_slider, jobs, notes, plain, preview, words
from labeling_ui.components.series_chart import HEIGHT, Picture, chart_height, series_chart
from labeling_ui.state import Desk
from rl_tsad.errors import RlTsadError
from rl_tsad.services.labeling import Card

WINDOW_QUESTION = "Is the marked stretch an anomaly?"
EVENT_QUESTION = "Is there an anomaly in the marked stretch?"
_CLOSE = "close"
_BUTTONS = (
    (Answer.ANOMALY, "Anomaly", "a", ":material/warning:"),
    (Answer.NORMAL, "Normal", "n", ":material/check:"),
    (Answer.UNSURE, "Unsure", "u", ":material/question_mark:"),
)


def show() -> None:
    """Draw the page."""
    door = entrance.door()
    try:
        desk, card = state.take(entrance.desk(), door)
    except RlTsadError as error:
        notes.problem("The next window cannot be shown.", error)
        _way_back(entrance.desk())
        return
    entrance.put(desk)
    if card is None:
        _nothing_left(door, desk)
        return
    _window(card, desk, door)
    entrance.put(state.shown(desk, time.monotonic()))


def _window(card: Card, desk: Desk, door: entrance.ServiceDoor) -> None:
    picture = as_picture(card, door.ws.settings.window.gap_factor, _marked(card, desk))
    _heading(card, picture)
    left, right = st.columns([7, 2], gap="medium")
    with left:
        _chart(picture, card, desk)
        if card.asks_event:
            extent_slider.show(card, desk.turn)
    with right, st.container(key="facts", gap="small"):
        _why(card)
        preview.show(door, card.item.id, _points(card, desk))
        jobs.offer(door, door.ws.settings.work.retrain_after)
        if card.asks_event:
            extent_slider.listen()
    _answers(desk, card)


def _marked(card: Card, desk: Desk) -> tuple[int, int] | None:
    return extent_slider.marked(card, desk.turn) if card.asks_event else None


def _points(card: Card, desk: Desk) -> tuple[int, int] | None:
    """The marked points of the series, as an answer given now would carry them."""
    marked = _marked(card, desk)
    return None if marked is None else (card.origin + marked[0], card.origin + marked[1])


def as_picture(card: Card, gap_factor: float, marked: tuple[int, int] | None = None) -> Picture:
    """Take from a card what is drawn: the proposed and the marked stretch, or else the window and its span."""
    if marked is None:
        behind, front, names = (card.window_low, card.window_high), (card.span_low, card.span_high), ("window", "asked")
    else:
        behind, front, names = card.event, marked, ("proposed", "marked")
    return Picture(
        card.values,
        card.times,
        card.channels,
        card.timezone,
        behind,
        front,
        gap_factor,
        card.exogenous,
        names,
    )


def _heading(card: Card, picture: Picture) -> None:
    low, high = picture.asked
    title, left = st.columns([7, 2], gap="medium", vertical_alignment="bottom")
    title.markdown(f"### {EVENT_QUESTION if card.asks_event else WINDOW_QUESTION}")
    when = words.stretch(picture.times[low:high], picture.timezone)
    title.markdown(plain.markdown(f"{card.item.series} · {when}"))
    title.caption(_scope(card, picture))
    with left, st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{card.left:,}** left to go", width="content")
        _zoom_button()


def _scope(card: Card, picture: Picture) -> str:
    explained = bool(picture.exogenous)
    if card.asks_event:
        return event_scope(*(high - low for low, high in (picture.asked, card.event)), explained=explained)
    return scope(picture.asked[1] - picture.asked[0], alone=picture.window == picture.asked, explained=explained)


def event_scope(marked: int, proposed: int, *, explained: bool = False) -> str:
    """Say what each answer labels.

    Args:
        marked: points between the handles.
        proposed: points of the proposal.
        explained: whether some channels only explain the others.

    Example:
        >>> event_scope(12, 48)
        'Anomaly: the 12 marked points are one, those beside them are not. Normal: all 48 proposed points are normal.'
    """
    these = "the marked point is" if marked == 1 else f"the {marked:,} marked points are"
    those = "the proposed point is" if proposed == 1 else f"all {proposed:,} proposed points are"
    roles = " Exogenous channels only explain the others." if explained else ""
    return f"Anomaly: {these} one, those beside them are not. Normal: {those} normal.{roles}"


def scope(points: int, *, alone: bool, explained: bool = False) -> str:
    """Say what the answer is about.

    Example:
        >>> scope(8, alone=False)
        'Only the 8 marked points count; the grey window is what the agent looks at.'
        >>> scope(1, alone=True, explained=True)
        'Only the marked point counts. Exogenous channels only explain the others.'
    """
    count = "the marked point counts" if points == 1 else f"the {points:,} marked points count"
    roles = " Exogenous channels only explain the others." if explained else ""
    return f"Only {count}{'.' if alone else '; the grey window is what the agent looks at.'}{roles}"


def _zoom_button() -> None:
    close = bool(st.session_state.get(_CLOSE))
    st.button(
        "Zoom out" if close else "Zoom in",
        key="zoom",
        icon=":material/zoom_out:" if close else ":material/zoom_in:",
        shortcut="x",
        type="tertiary",
        help="Shows the window alone, or all its surroundings.",
        on_click=_zoom,
    )


def _zoom() -> None:
    st.session_state[_CLOSE] = not st.session_state.get(_CLOSE)


def _chart(picture: Picture, card: Card, desk: Desk) -> None:
    close = bool(st.session_state.get(_CLOSE))
    tall = chart_height(len(picture.channels)) > HEIGHT
    channels = words.count(len(picture.channels), "channel")
    with st.container(height=HEIGHT + 10 if tall else "content", border=False, key="picture"):
        st.plotly_chart(
            series_chart(picture, close=close),
            key=f"chart-{desk.turn}-{card.item.id}-{close}",
            config={"displayModeBar": False},
            alt=f"{channels} on one time axis around the asked stretch, which is marked",
        )


def _why(card: Card) -> None:
    item = card.item
    st.markdown("**Why this one?**")
    kind = words.STRATEGIES.get(item.strategy, item.strategy)
    st.markdown(plain.markdown(f"{kind}: {card.reason}" if card.reason else kind))
    st.markdown("**What the agent thinks**")
    st.markdown(plain.markdown(words.opinion(item.probability)))
    st.progress(min(max(item.probability, 0.0), 1.0), text=f"Anomaly {words.share_of_one(item.probability)}")


def _answers(desk: Desk, card: Card) -> None:
    with st.container(horizontal=True, key="answers", vertical_alignment="center"):
        for choice, label, key, icon in _BUTTONS:
            click = (desk.turn, card.item.id, choice)
            mark = (card.origin, card.event) if card.asks_event and choice is Answer.ANOMALY else None
            st.button(
                label,
                key=f"{choice.value}-{desk.turn}",
                icon=icon,
                shortcut=key,
                width=170,
                on_click=_press,
                args=(click, mark),
            )
        _undo_button(desk)
        with st.container():
            notes.notice(desk.notice)


def _undo_button(desk: Desk) -> None:
    st.button(
        "Undo",
        key=f"undo-{desk.turn}",
        icon=":material/undo:",
        shortcut="z",
        width=130,
        on_click=_take_back,
        args=(desk.turn,),
    )


def _way_back(desk: Desk) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        _undo_button(desk)
        with st.container():
            if desk.notice is not None:
                notes.notice(desk.notice)


def _press(click: tuple[int, int, Answer], mark: tuple[int, tuple[int, int]] | None) -> None:
    """Answer as the handles stand when the press arrives, not as they stood when the button was drawn."""
    turn, item, _ = click
    extent = None if mark is None else extent_slider.points(extent_slider.key_of(turn, item), *mark)
    entrance.put(state.answer(entrance.desk(), entrance.door(), click, time.monotonic(), extent=extent))


def _take_back(turn: int) -> None:
    entrance.put(state.undo(entrance.desk(), entrance.door(), turn))


def _nothing_left(door: entrance.ServiceDoor, desk: Desk) -> None:
    try:
        facts, under_way = door.progress(), jobs.active(door.jobs())
    except RlTsadError as error:
        notes.problem("The state of the work cannot be read.", error)
        return
    held = facts.counts.get(ItemState.LEASED, 0)
    if under_way:
        st.markdown("### :material/hourglass_top: A new model is on its way")
        st.markdown("The queue fills again by itself when the retraining is done.")
        jobs.live(whole_page_when_done=True)
    elif facts.version is None:
        _no_model()
    elif held:
        st.markdown("### :material/group: The last windows are with other analysts")
        st.markdown(f"{words.count(held, 'window')} wait for their answer. What they leave comes back within minutes.")
        st.button("Look again", icon=":material/refresh:", key="look-again")
    else:
        _done(facts.answers_since_version, facts.counts.get(ItemState.SETTLED, 0))
    if facts.spent.questions:
        _way_back(desk)


def _no_model() -> None:
    st.markdown("### No model has looked at the data yet")
    notes.first_steps("the windows worth asking about appear here")


def _done(fresh: int, settled: int) -> None:
    st.markdown("### :material/task_alt: All windows of this round are answered")
    if settled:
        st.markdown(words.settled(settled))
    if fresh:
        st.markdown(
            f"{words.count(fresh, 'new answer')} since the model was trained. Retrain: the agent learns from them and "
            "asks about the windows that it then finds hardest."
        )
    else:
        st.markdown("The model knows all answers. Retrain to have it ask about further windows.")
    jobs.retrain_button(busy=False)
    jobs.worker_hint("The page only puts the job in a list. A worker must run:")
