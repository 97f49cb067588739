"""The progress page: what was asked, what was answered, how far it carries."""

from __future__ import annotations

import streamlit as st

from db.records import ItemState
from labeling_ui import entrance
from labeling_ui.components import notes, words
from labeling_ui.components.curve_chart import agreement_chart
from rl_tsad.errors import RlTsadError
from rl_tsad.services.labeling import ProgressFacts


def show() -> None:
    """Draw the page."""
    st.markdown("### Progress")
    try:
        door = entrance.door()
        facts = door.progress()
        pool = door.pool_size()
    except RlTsadError as error:
        notes.problem("The progress cannot be read.", error)
        return
    if not facts.spent.questions:
        st.markdown(
            "Nothing has been answered yet. Open **Queue** and judge the first window; the figures appear here."
        )
        return
    _figures(facts)
    _coverage(facts, pool, _running(door))
    _curve(facts)


def _figures(facts: ProgressFacts) -> None:
    spent = facts.spent
    names = (
        ("Questions", f"{spent.questions:,}", "Answered ones, undone and unsure ones included: each was asked."),
        ("Time", words.time_spent(facts.seconds), "Estimated: what answers of these kinds take, as the settings say."),
        (
            "Budget left",
            f"{100 * facts.left:.0f} %",
            "Of questions, or of people's time where the settings limit it too.",
        ),
        ("Anomaly", f"{spent.anomalies:,}", "Windows with a standing answer; one answer may label many."),
        ("Normal", f"{spent.normals:,}", "Windows with a standing answer; one answer may label many."),
        ("Unsure", f"{spent.unsure:,}", "They cost a question but teach nothing."),
        ("Taken back", f"{spent.undone:,}", "Answers undone; the same was asked again."),
    )
    for column, (name, value, explained) in zip(st.columns(len(names)), names, strict=True):
        column.metric(name, value, help=explained, border=True)


def _running(door: entrance.ServiceDoor) -> str:
    """How often settled windows were right; nothing where that is not known, so that the other figures are shown."""
    try:
        spreading = door.spreading()
    except RlTsadError:
        return ""
    return "" if spreading is None else words.running(spreading.checked, spreading.agreed)


def _coverage(facts: ProgressFacts, pool: int, right: str) -> None:
    st.markdown("#### How far do the answers carry?")
    answered, known = facts.spent.labels, facts.spent.labels + facts.settled
    st.markdown(
        f"{words.count(answered, 'window')} labelled, and {words.count(facts.settled, 'look-alike')} decided "
        f"by them: together {words.share(known, pool)} of {words.count(pool, 'window')}. Where look-alikes disagree or "
        f"are too far away, nothing is decided. {words.settled(facts.counts.get(ItemState.SETTLED, 0))} {right}"
    )
    st.progress(min(1.0, known / max(pool, 1)))


def _curve(facts: ProgressFacts) -> None:
    st.markdown("#### Does the agent agree with you?")
    if not facts.curve:
        st.markdown("The curve begins with the first answer that is Anomaly or Normal.")
        return
    last = facts.curve[-1][1]
    st.markdown(
        f"What the agent expected before each answer was right in **{words.share_of_one(last)}** of your latest "
        "answers (up to 20). The queue holds the hardest windows, so this is lower than on the data at large."
    )
    st.plotly_chart(
        agreement_chart(facts.curve),
        key="agreement",
        config={"displayModeBar": False},
        alt=f"Agreement of agent and analyst over the questions; {words.share_of_one(last)} at the end",
    )
