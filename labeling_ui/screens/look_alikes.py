"""The look-alikes page: what an answer settles, what to take out of it, and why a window is taken for what it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st

from db.records import Answer
from labeling_ui import entrance
from labeling_ui.components import grid, notes, plain, reasons, thumbnail, words
from labeling_ui.components.grid import Tile
from labeling_ui.shelf import Given, Shot
from labeling_ui.state import NOUNS, Notice
from rl_tsad.errors import RlTsadError
from rl_tsad.services.look_alikes import Alike, Settled
from rl_tsad.services.reasons import Standing
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN, parse_key

PAGE, OWN = 24, 6
"""Windows on a page, and the answer's own windows, that are drawn at most."""
_CHOSEN, _NOTICE = "answer-chosen", "look-alikes-notice"
_VALUES = {Answer.ANOMALY: ANOMALY, Answer.NORMAL: NORMAL}


def show() -> None:
    """Draw the page."""
    st.markdown("### Look-alikes")
    door = entrance.door()
    try:
        spreading, given = door.spreading(), door.answers()
        if spreading is None:
            st.markdown("No model has looked at the data yet, so nothing is known to be alike.")
            notes.first_steps("this page shows what each answer settles")
            return
        _figures(spreading)
        if not given:
            st.markdown("Nothing has been answered yet. Open **Queue** and judge the first window.")
            return
        chosen = _choose(door, given)
        settled = door.settled_by(chosen.label_id)
    except RlTsadError as error:
        notes.problem("The look-alikes cannot be read.", error)
        return
    if settled is None:
        st.markdown("This answer does not stand any more. Choose another one.")
        return
    _answer(door, chosen, settled, spreading)


def _figures(spreading: Standing) -> None:
    normals = spreading.settled - spreading.anomalies
    st.markdown(
        f"**{spreading.settled:,}** of {words.count(spreading.pool, 'window')} are settled by look-alikes, without "
        f"asking: {words.would_settle(spreading.anomalies, normals)}."
    )
    trust = spreading.trust
    said = (
        words.floors(*trust.floors),
        words.running(spreading.checked, spreading.agreed),
        words.left_out(trust.precision, trust.checks),
    )
    st.caption(" ".join(part for part in said if part))


def _choose(door: entrance.ServiceDoor, given: Sequence[Given]) -> Given:
    known = {one.label_id: one for one in given}
    shots = door.pictures([one.key for one in given])
    if st.session_state.get(_CHOSEN) not in known:
        last = door.last_answer(entrance.desk().analyst)
        st.session_state[_CHOSEN] = last if last in known else given[0].label_id
    chosen = st.selectbox(
        "Answer",
        list(known),
        format_func=lambda label_id: named(known[label_id], shots.get(known[label_id].key)),
        key=_CHOSEN,
        help="The newest answer is first; at most 50 are listed.",
    )
    return known[chosen]


def named(one: Given, shot: Shot | None) -> str:
    """Name an answer in the list.

    Example:
        >>> shot = Shot("a:0:2", "a", np.zeros((2, 1), np.float32), np.arange(2), None)
        >>> named(Given(4, Answer.NORMAL, {"a:0:2": Answer.NORMAL}, 12), shot)
        'Normal · a · samples 0 to 1 · settled 12 when given'
    """
    series = plain.one_line(parse_key(one.key)[0], 40)
    then = "" if one.settled is None else f" · settled {one.settled:,} when given"
    return f"{NOUNS[one.answer]} · {series} · {grid.when(shot)}{then}"


def _answer(door: entrance.ServiceDoor, chosen: Given, settled: Settled, spreading: Standing) -> None:
    inside = [one for one in settled.alike if not one.taken_out]
    outside = [] if settled.withdrawn else [one for one in settled.alike if one.taken_out][:PAGE]
    page = _page(chosen.label_id, len(inside))
    shown = inside[page * PAGE : (page + 1) * PAGE]
    own = sorted(settled.keys, key=lambda key: parse_key(key)[1])[:OWN]
    try:
        shots = door.pictures(list(dict.fromkeys([*own, *(one.key for one in (*shown, *outside))])))
    except RlTsadError as error:
        notes.refusal("The windows cannot be drawn.", str(error))
        shots = {}
    series = parse_key(chosen.key)[0]
    more = f", {OWN} of {len(settled.keys)} shown" if len(settled.keys) > OWN else ""
    st.markdown(f"#### Answered by a person{more}")
    grid.draw(_own(chosen, own), shots, name="own", beside=series)
    st.markdown(f"#### Settled by it: {words.would_settle(settled.count(ANOMALY), settled.count(NORMAL))}")
    done = st.session_state.pop(_NOTICE, None)
    if done is not None:
        notes.notice(done)
    if settled.withdrawn:
        _withdrawn(chosen.label_id)
    elif inside:
        _inside(chosen.label_id, grid.of_alike(shown, page * PAGE + 1), shots, series)
        _pager(chosen.label_id, len(inside))
    else:
        st.markdown(nothing(settled, spreading))
    if outside:
        _outside(chosen.label_id, outside, shots, series)
    _why(door, chosen.label_id, [*shown, *outside], (shots, page * PAGE + 1))


def _own(chosen: Given, keys: Sequence[str]) -> list[Tile]:
    said = [(key, chosen.says.get(key, Answer.UNSURE)) for key in keys]
    return [Tile(key, _VALUES.get(answer, UNKNOWN), f"**{NOUNS[answer]}**") for key, answer in said]


def nothing(settled: Settled, spreading: Standing) -> str:
    """Say why an answer settles nothing.

    Example:
        >>> from rl_tsad.active.trust import Trust
        >>> standing = Standing(0, 0, 9, recall=1.0, trust=Trust.plain(0.4), checked=0, agreed=0)
        >>> nothing(Settled(1, Answer.UNSURE, ("a:0:8",), ()), standing)
        'Unsure says nothing of other windows, so nothing spreads from it.'
    """
    if settled.answer is Answer.UNSURE:
        return "Unsure says nothing of other windows, so nothing spreads from it."
    if all(not np.isfinite(floor) for floor in spreading.trust.floors):
        return f"At present no answer settles anything: {words.NOT_KNOWN_RIGHT}."
    if any(one.taken_out for one in settled.alike):
        return "All that it settled was taken out."
    return (
        "No window hangs on this answer alone: look-alikes are too far away, disagree, or are settled by other answers "
        "as well."
    )


def _inside(label_id: int, tiles: list[Tile], shots: dict[str, Shot], series: str) -> None:
    keys = [one.key for one in tiles]
    with st.form(f"alike-{label_id}", border=False):
        grid.draw(
            tiles, shots, name="alike", beside=series,
            below=lambda one: _discard(st.checkbox("Not alike", key=_tick(label_id, one.key))),
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center"):
            st.form_submit_button(
                "Take the ticked out", key="take-out", type="primary", icon=":material/remove_done:",
                on_click=_take_ticked, args=(label_id, keys),
                help="They are unknown again and may be asked. The answer stands.",
            )  # fmt: skip
            st.form_submit_button(
                "Withdraw the whole spread", key="withdraw", icon=":material/block:",
                on_click=_withdraw, args=(label_id,),
                help="The answer stands for its own windows, and settles no others. It can be put back.",
            )  # fmt: skip


def _discard(_: object) -> None:
    """Drop what a widget gives: it is read when the form is sent."""


def _tick(label_id: int, key: str) -> str:
    return f"not-alike-{label_id}-{thumbnail.short_name(key)}"


def pages(windows: int) -> int:
    """Count the pages of look-alikes; one at least.

    Example:
        >>> pages(0), pages(24), pages(25)
        (1, 1, 2)
    """
    return max(1, math.ceil(windows / PAGE))


def _page(label_id: int, windows: int) -> int:
    """Which page of the look-alikes is shown, from 0; the last one where there are fewer by now."""
    name = f"page-{label_id}"
    if st.session_state.get(name, 1) > pages(windows):
        st.session_state[name] = pages(windows)
    return int(st.session_state.get(name, 1)) - 1


def _pager(label_id: int, windows: int) -> None:
    if windows > PAGE:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.pagination(pages(windows), key=f"page-{label_id}", width=min(360, 90 + 40 * pages(windows)))
            st.caption("The surest are first. Take out what is ticked before turning the page.")


def _withdrawn(label_id: int) -> None:
    st.markdown("The whole spread of this answer was withdrawn: it stands for its own windows and settles no others.")
    st.button(
        "Put the whole spread back",
        key="put-back",
        type="primary",
        icon=":material/undo:",
        on_click=_put_back,
        args=(label_id, None),
        help="Lets it settle everything again, also windows that were taken out one by one.",
    )


def _outside(label_id: int, alike: list[Alike], shots: dict[str, Shot], series: str) -> None:
    st.markdown(f"#### Taken out of it: {words.count(len(alike), 'window')}")

    def button(one: Tile) -> None:
        name = f"put-back-{thumbnail.short_name(one.key)}"
        st.button("Put back", key=name, icon=":material/undo:", on_click=_put_back, args=(label_id, [one.key]))

    tiles = [Tile(one.key, UNKNOWN, "Taken out") for one in alike]
    grid.draw(tiles, shots, name="out", beside=series, below=button)


def _why(door: entrance.ServiceDoor, label_id: int, alike: Sequence[Alike], drawn: tuple[dict[str, Shot], int]) -> None:
    if not alike:
        return
    shots, first = drawn
    st.markdown("#### Why this one?")
    said = {
        one.key: f"{'taken out' if one.taken_out else f'{number} · {words.VALUES[one.value]}'} · "
        + grid.when(shots.get(one.key))
        for number, one in enumerate(alike, first)
    }
    name = f"why-{label_id}"
    if st.session_state.get(name) not in said:
        st.session_state.pop(name, None)
    key = st.selectbox(
        "Window", list(said), index=None, format_func=lambda one: said[one], key=name, placeholder="Choose one of them"
    )
    if key is not None:
        reasons.show(door, key)


def _take_ticked(label_id: int, keys: Sequence[str]) -> None:
    ticked = [key for key in keys if st.session_state.get(_tick(label_id, key))]
    if not ticked:
        st.session_state[_NOTICE] = Notice("hint", "Nothing is ticked; tick what is not alike first.")
        return
    done = f"{words.count(len(ticked), 'window')} taken out. They are unknown again and may be asked."
    _act(partial(entrance.door().take_out, label_id, entrance.desk().analyst, ticked), done)


def _withdraw(label_id: int) -> None:
    _act(partial(entrance.door().take_out, label_id, entrance.desk().analyst), "The whole spread is withdrawn.")


def _put_back(label_id: int, keys: Sequence[str] | None) -> None:
    done = "The whole spread is back." if keys is None else f"{words.count(len(keys), 'window')} put back."
    _act(partial(entrance.door().put_back, label_id, entrance.desk().analyst, keys), done)


def _act(action: Callable[[], object], done: str) -> None:
    """Do it and keep what came of it for the page that is drawn next."""
    try:
        action()
        st.session_state[_NOTICE] = Notice("kept", done)
    except RlTsadError as error:
        st.session_state[_NOTICE] = Notice("problem", "This was not done.", str(error))
