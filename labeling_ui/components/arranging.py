"""What a reviewer arranges: who is asked about which series, and which known answers are asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from db.records import Answer
from labeling_ui import entrance
from labeling_ui.components import grid, teamwork
from labeling_ui.shelf import Shot
from labeling_ui.state import NOUNS
from rl_tsad.services import sharing
from rl_tsad.services.agreement_of_people import Disagreement
from rl_tsad.services.people import Visitor
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import parse_key

Done = Callable[[Callable[[Visitor], object], str], None]
"""Does something in the name of who is here, and notes what came of it."""


def series_of_people(ws: Workspace, who: Visitor, names: Sequence[str], *, done: Done) -> None:
    """Draw who is asked about which series, with a form that changes it."""
    shares = sharing.shares(ws, who)
    if not shares:
        st.markdown("There is no series yet.")
        return
    st.markdown("A series that is somebody's is asked of them first, and of nobody else; reviews go to any reviewer.")
    st.table(
        [teamwork.share_row(one.series, one.people, one.waiting) for one in shares],
        border="horizontal",
        hide_index=True,
    )
    known = sorted({*names, *(name for one in shares for name in one.people)})

    def change(verb: Callable[[Workspace, Visitor, str, str], bool], text: str) -> None:
        series, person = str(st.session_state["share-series"]), str(st.session_state["share-person"] or "").strip()
        done(lambda visitor: verb(ws, visitor, series, person), text.format(person=person or "nobody"))

    with st.form("share", border=False):
        first, second, third = st.columns([3, 2, 2], vertical_alignment="bottom")
        first.selectbox("Series", [one.series for one in shares], key="share-series")
        second.selectbox("Person", known, key="share-person", accept_new_options=True, index=None, placeholder="a name")
        with third, st.container(horizontal=True):
            st.form_submit_button(
                "Assign", icon=":material/person_add:", on_click=change, args=(sharing.assign, "It is {person}'s now.")
            )
            st.form_submit_button(
                "Take away",
                icon=":material/person_remove:",
                on_click=change,
                args=(sharing.unassign, "It is {person}'s no longer."),
            )


def controls(door: entrance.ServiceDoor, who: Visitor, every: Sequence[Disagreement], *, done: Done) -> None:
    """Draw what is asked again though it is known, with a form for more."""
    rate = door.ws.settings.active.controls
    st.markdown(
        "A control is a question whose answer is known. It is mixed among the others and looks like them; what is said "
        "of it is no label and costs no budget. How each person does on them is under **People**. "
        + (
            f"{100 * rate:g} % of what each person is asked are controls (`active.controls`)."
            if rate
            else "None are asked at present: set `active.controls`, such as to 0.05, in the workspace's `rl-tsad.toml`."
        )
    )
    current = sharing.list_controls(door.ws, who)
    decided = [one for one in every if one.decided is not None and one.decided[1] != Answer.UNSURE]
    fresh = {one.item.key: one.decided[1] for one in decided if one.decided is not None}
    fresh = {key: answer for key, answer in fresh.items() if key not in {one.key for one in current}}
    shots = door.pictures([*fresh, *(one.key for one in current)])
    _form("Decided by a reviewer", fresh, shots, press=("Ask again", ":material/repeat:", _set(door.ws, fresh, done)))
    known = {one.key: one.expected for one in current}
    _form("Asked again", known, shots, press=("End", ":material/stop:", _end(door.ws, done)))


def _form(
    title: str,
    choice: dict[str, Answer],
    shots: dict[str, Shot],
    *,
    press: tuple[str, str, Callable[[], None]],
) -> None:
    verb, icon, act = press
    if not choice:
        st.caption(f"{title}: none.")
        return
    with st.form(f"controls-{verb}", border=False):
        first, second = st.columns([4, 1], vertical_alignment="bottom")
        first.selectbox(
            f"{title} ({len(choice)})",
            list(choice),
            key=f"control-{verb}",
            format_func=lambda key: f"{NOUNS[choice[key]]} · {parse_key(key)[0]} · {grid.when(shots.get(key))}",
        )
        second.form_submit_button(verb, icon=icon, on_click=act)


def _set(ws: Workspace, choice: dict[str, Answer], done: Done) -> Callable[[], None]:
    def act() -> None:
        key = str(st.session_state["control-Ask again"])
        done(lambda who: sharing.set_control(ws, who, key, choice[key]), "It will be asked again, untold.")

    return act


def _end(ws: Workspace, done: Done) -> Callable[[], None]:
    def act() -> None:
        key = str(st.session_state["control-End"])
        done(lambda who: sharing.end_control(ws, who, key), "It is asked no more; what was said of it stays.")

    return act
