"""The queue page: the labeling card, and around it what is to be done when nothing is left to ask."""

from __future__ import annotations

import streamlit as st

from db.records import ItemState
from labeling_ui import entrance, identity
from labeling_ui.components import desk_card, jobs, notes, words
from rl_tsad.errors import RlTsadError
from rl_tsad.services.labeling import ProgressFacts


def show() -> None:
    """Draw the page."""
    door = entrance.door()
    try:
        facts = door.progress()
        under_way = jobs.active(door.jobs())
        token = identity.page_token(door.ws, door.visitor())
    except RlTsadError as error:
        notes.problem("The state of the work cannot be read.", error)
        return
    if facts.version is None and not facts.counts.get(ItemState.OPEN, 0):
        if under_way:
            _on_its_way()
        else:
            _no_model()
        return
    _above(facts, busy=bool(under_way))
    model = facts.version.id if facts.version else 0
    alike = not door.ws.settings.active.controls  # an answered window settles nothing, and would show as a control
    desk_card.show(door.ws.root, entrance.desk().analyst, model=model, token=token, alike=alike)
    if facts.counts.get(ItemState.OPEN, 0):
        jobs.offer(door, door.ws.settings.work.retrain_after)


def _above(facts: ProgressFacts, *, busy: bool) -> None:
    """Say above the card why it is empty, where it is."""
    held = facts.counts.get(ItemState.LEASED, 0)
    if facts.counts.get(ItemState.OPEN, 0) or (held and not busy):
        return
    if busy:
        _on_its_way()
    elif not held:
        _done(facts.answers_since_version, facts.counts.get(ItemState.SETTLED, 0))


def _on_its_way() -> None:
    st.markdown("### :material/hourglass_top: A new model is on its way")
    st.markdown("The queue fills again by itself when the retraining is done.")
    jobs.live(whole_page_when_done=True)


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
