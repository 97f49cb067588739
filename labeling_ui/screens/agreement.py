"""The page of agreement: do people who are asked the same agree, who decides where not, who is asked about what."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from db.desk_records import Role
from labeling_ui import entrance
from labeling_ui.components import arranging, grid, notes, teamwork, words
from labeling_ui.components.pace_chart import pace_chart
from labeling_ui.state import Notice
from rl_tsad.errors import RlTsadError
from rl_tsad.services import agreement_of_people, sharing
from rl_tsad.services.agreement_of_people import Disagreement, Teamwork
from rl_tsad.services.people import Visitor

LISTED = 25
"""Disagreements that are shown at most."""
_NOTICE = "agreement-notice"


def show() -> None:
    """Draw the page."""
    st.markdown("### Agreement")
    try:
        door = entrance.door()
        who = door.visitor()
        found = agreement_of_people.teamwork(door.ws, who)
        _figures(found, door.ws.settings.active.overlap)
        said: Notice | None = st.session_state.pop(_NOTICE, None)
        if said is not None:
            notes.notice(said)
        if not found.sees_all:
            _people(found)
            return
        people, differing, series, known = st.tabs(["People", "Disagreements", "Series", "Controls"], key="agreement")
        with people:
            _people(found)
        with differing:
            _disagreements(door, who, found.disagreements)
        with series:
            arranging.series_of_people(door.ws, who, [one.name for one in found.workers], done=done)
        with known:
            arranging.controls(door, who, found.disagreements, done=done)
    except RlTsadError as error:
        notes.problem("The agreement cannot be shown.", error)


def done(act: Callable[[Visitor], object], text: str) -> None:
    """Do something that a press asks for, and note what came of it for the page that is drawn next."""
    try:
        act(entrance.door().visitor())
        st.session_state[_NOTICE] = Notice("kept", text)
    except RlTsadError as error:
        st.session_state[_NOTICE] = Notice("problem", "Nothing was changed.", str(error))


def _figures(found: Teamwork, overlap: int) -> None:
    alpha, waiting = found.alpha, sum(one.waits for one in found.disagreements)
    if not alpha.questions and overlap == 1:
        st.markdown(
            "Each question is asked of one person. To see whether people agree, ask several the same: set "
            "`active.overlap` to 2 in the workspace's `rl-tsad.toml`; it holds from the next training on."
        )
        return
    figures = [
        ("Agreement (alpha)", words.NOTHING if alpha.value is None else teamwork.number(alpha.value), _ALPHA),
        ("Asked of several", f"{alpha.questions:,}", "Questions that at least two people answered for sure."),
        ("Same answer", words.share(alpha.same, alpha.questions) if alpha.questions else words.NOTHING, _SAME),
    ]
    if found.sees_all:
        figures.append(("Waiting for a reviewer", f"{waiting:,}", "Until then such a window teaches nothing."))
    for column, (name, value, explained) in zip(st.columns(len(figures)), figures, strict=True):
        column.metric(name, value, help=explained, border=True)
    st.markdown(teamwork.alpha_sentence(alpha))


_ALPHA = (
    "Krippendorff's alpha: 1 is full agreement, 0 what chance would bring. From 0.80 on answers are taken as reliable, "
    "from 0.667 on for tentative conclusions."
)
_SAME = "Chance alone makes many answers the same where most windows are normal: that is what alpha takes into account."


def _people(found: Teamwork) -> None:
    if not any(one.total for one in found.workers):
        st.markdown("Nobody has answered a question yet. Open **Queue** and judge the first window.")
        return
    st.table([teamwork.worker_row(one) for one in found.workers], border="horizontal", hide_index=True)
    left, right = st.columns([1, 1], gap="large")
    with left:
        _pairs(found)
    with right:
        _pace(found)


def _pairs(found: Teamwork) -> None:
    if found.pairs:
        st.markdown("#### Two by two")
        st.table(teamwork.pair_rows(found.pairs), border="horizontal", hide_index=True)
        st.caption("Alpha · questions that both answered for sure. An alpha of few questions says little.")


def _pace(found: Teamwork) -> None:
    timed = [one for one in found.workers if one.seconds]
    if not timed:
        return
    st.markdown("#### Time an answer takes")
    told = "; ".join(
        f"{one.name}: " + ", ".join(f"{kind.value} {seconds:.1f} s" for kind, seconds in one.seconds.items())
        for one in timed
    )
    st.plotly_chart(pace_chart(timed), key="pace", config={"displayModeBar": False}, alt=f"Median times. {told}")


def _disagreements(door: entrance.ServiceDoor, who: Visitor, every: Sequence[Disagreement]) -> None:
    if not every:
        st.markdown("Nobody has contradicted anybody.")
        return
    shown = sorted(every, key=lambda one: not one.waits)[:LISTED]
    shots = door.pictures([one.item.key for one in shown])
    rows = [teamwork.disagreement_row(one, grid.when(shots.get(one.item.key))) for one in shown]
    st.table(rows, border="horizontal", hide_index=True)
    if len(every) > LISTED:
        st.caption(f"{LISTED} of {len(every):,} are shown, those that wait first.")
    waiting = [one for one in shown if one.waits]
    if waiting and who.may(Role.REVIEWER):
        st.markdown(
            "Reviewers find them in **Queue**, ahead of all else, and are not told who said what. Nobody is given one "
            "in which they are one of those, unless it is given to them here."
        )
        _give(door, waiting)


def _give(door: entrance.ServiceDoor, waiting: Sequence[Disagreement]) -> None:
    numbers = {one.item.id: one for one in waiting}
    shots = door.pictures([one.item.key for one in waiting])
    with st.form("give-review", border=False):
        first, second, third = st.columns([3, 2, 1], vertical_alignment="bottom")
        first.selectbox(
            "Disagreement",
            list(numbers),
            key="give-which",
            format_func=lambda number: (
                f"{numbers[number].item.series} · {grid.when(shots.get(numbers[number].item.key))}"
            ),
        )
        second.text_input("Reviewer", key="give-whom", max_chars=200, placeholder="empty: any reviewer")
        third.form_submit_button("Give", icon=":material/person_check:", on_click=_given)


def _given() -> None:
    number, name = int(st.session_state["give-which"]), str(st.session_state["give-whom"]).strip() or None

    text = f"It waits for {name} now." if name else "It waits for any reviewer now."
    done(lambda who: sharing.give_review(entrance.door().ws, who, number, name), text)
