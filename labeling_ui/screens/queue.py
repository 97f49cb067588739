"""The queue page: one window, why it is asked, three answers and a way back."""

from __future__ import annotations

import time

import streamlit as st

from db.records import Answer, ItemState
from labeling_ui import entrance, state
from labeling_ui.components import jobs, notes, plain, words
from labeling_ui.components.series_chart import HEIGHT, Picture, chart_height, series_chart
from labeling_ui.state import Desk
from rl_tsad.errors import RlTsadError
from rl_tsad.services.labeling import Card

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
    picture = as_picture(card, door.ws.settings.window.gap_factor, marked=_marked(desk, card))
    _heading(card, picture)
    left, right = st.columns([7, 2], gap="medium")
    with left:
        _chart(picture, card, desk)
        if card.asks_event:
            _ends(desk, card, picture)
    with right, st.container(key="facts", gap="small"):
        _why(card)
        jobs.offer(door, door.ws.settings.work.retrain_after)
    _answers(desk, card)


def as_picture(card: Card, gap_factor: float, *, marked: tuple[int, int] | None = None) -> Picture:
    """Take from a card what is drawn; ``marked`` are positions [low, high) where the analyst moved the ends."""
    asked = marked or (card.event if card.asks_event else (card.span_low, card.span_high))
    return Picture(
        card.values,
        card.times,
        card.channels,
        card.timezone,
        (card.window_low, card.window_high),
        asked,
        gap_factor,
        card.exogenous,
    )


def _heading(card: Card, picture: Picture) -> None:
    low, high = picture.asked
    title, left = st.columns([7, 2], gap="medium", vertical_alignment="bottom")
    asks = card.asks_event
    title.markdown(
        "### Is there an anomaly in the marked stretch?" if asks else "### Is the marked stretch an anomaly?"
    )
    when = words.stretch(picture.times[low:high], picture.timezone)
    title.markdown(plain.markdown(f"{card.item.series} · {when}"))
    explained = bool(picture.exogenous)
    if asks:
        title.caption(event_scope(high - low, explained=explained))
    else:
        title.caption(scope(high - low, alone=picture.window == picture.asked, explained=explained))
    with left, st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{card.left:,}** left to go", width="content")
        _zoom_button()


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


def event_scope(points: int, *, explained: bool = False) -> str:
    """Say what the answers to a proposed event are about.

    Example:
        >>> event_scope(24)
        'Anomaly labels the 24 marked points; move its ends below if they are elsewhere. Normal labels them all.'
    """
    roles = " Exogenous channels only explain the others." if explained else ""
    count = "the marked point" if points == 1 else f"the {points:,} marked points"
    return f"Anomaly labels {count}; move its ends below if they are elsewhere. Normal labels them all.{roles}"


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


def _ends_key(desk: Desk, card: Card) -> str:
    return f"ends-{desk.turn}-{card.item.id}"


def _marked(desk: Desk, card: Card) -> tuple[int, int] | None:
    """Positions [low, high) between the ends as the analyst left them; None before they were drawn."""
    ends = st.session_state.get(_ends_key(desk, card)) if card.asks_event else None
    return None if ends is None else (int(ends[0]), int(ends[1]) + 1)


def _ends(desk: Desk, card: Card, picture: Picture) -> None:
    """Let the analyst move where the event begins and ends; arrow keys move an end that has the focus."""
    first, last = card.markable
    st.select_slider(
        "Where it begins and ends",
        options=range(first, last),
        value=(card.event[0], card.event[1] - 1),
        format_func=lambda place: words.stretch(picture.times[place : place + 1], picture.timezone),
        key=_ends_key(desk, card),
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
            marked = (_ends_key(desk, card), card.origin) if card.asks_event else None
            st.button(
                label,
                key=f"{choice.value}-{desk.turn}",
                icon=icon,
                shortcut=key,
                width=170,
                on_click=_press,
                args=(click, marked),
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


def _press(click: tuple[int, int, Answer], marked: tuple[str, int] | None) -> None:
    ends = None if marked is None else st.session_state.get(marked[0])
    extent = None if ends is None or marked is None else (marked[1] + int(ends[0]), marked[1] + int(ends[1]) + 1)
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
    st.markdown("Bring data in and train once; then the windows worth asking about appear here.")
    st.code(f"{entrance.typed('ingest FILE')}\n{entrance.typed('train')}", language=None, wrap_lines=True)


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
