"""The progress page: what was asked, what was answered, how far it carries."""

from __future__ import annotations

import streamlit as st

from labeling_ui import entrance
from labeling_ui.components import notes, words
from labeling_ui.components.curve_chart import agreement_chart
from rl_tsad.errors import RlTsadError
from rl_tsad.services.labeling import ProgressFacts


def show() -> None:
    """Draw the page."""
    st.markdown("### Progress")
    try:
        facts = entrance.door().progress()
    except RlTsadError as error:
        notes.problem("The progress cannot be read.", error)
        return
    if not facts.spent.questions:
        st.markdown("Nothing has been answered yet. Open **Queue** and judge the first window; the figures appear here.")
        return
    _figures(facts)
    _curve(facts)


def _figures(facts: ProgressFacts) -> None:
    spent = facts.spent
    names = (
        ("Questions answered", spent.questions, "Every window that somebody judged, undone and unsure ones included."),
        ("Anomaly", spent.anomalies, "Standing answers."),
        ("Normal", spent.normals, "Standing answers."),
        ("Unsure", spent.unsure, "They cost a question but teach nothing."),
        ("Taken back", spent.undone, "Answers undone; the window was asked again."),
    )
    for column, (name, value, explained) in zip(st.columns(len(names)), names, strict=True):
        column.metric(name, f"{value:,}", help=explained, border=True)


def _curve(facts: ProgressFacts) -> None:
    st.markdown("#### Does the agent agree with you?")
    if not facts.curve:
        st.markdown("The curve begins with the first answer that is Anomaly or Normal.")
        return
    last = facts.curve[-1][1]
    st.markdown(
        f"Before each answer it is noted what the agent would have said. So far it was right in **{words.share_of_one(last)}** "
        "of the cases. The queue holds the hardest windows, so this is lower than on the data at large."
    )
    st.plotly_chart(
        agreement_chart(facts.curve),
        key="agreement",
        config={"displayModeBar": False},
        alt=f"Running agreement of agent and analyst over the questions; {words.share_of_one(last)} at the end",
    )
