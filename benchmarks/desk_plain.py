"""The same questions on a plain page: a chart and three ``st.button(shortcut=)``; started by ``benchmarks/desk.py``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import streamlit as st

from db.records import Answer
from rl_tsad.services import labeling
from rl_tsad.services.workspace import Workspace, open_workspace


@st.cache_resource
def opened() -> Workspace:
    return open_workspace(Path(sys.argv[1]))


def press(item: int, answer: Answer, turn: int) -> None:
    number = time.monotonic_ns() // 1000  # each press that gets through is an answer of its own
    labeling.tell(opened(), item, answer, "bench", client="plain-page", sequence=number)
    st.session_state["turn"] = turn + 1


card = labeling.ask(opened(), "bench")
turn = st.session_state.setdefault("turn", 1)
if card is not None:
    st.markdown(f"Question {card.item.id} asked")
    st.line_chart(card.values, height=300)
    for name, key in (("anomaly", "a"), ("normal", "n"), ("unsure", "u")):
        st.button(name, shortcut=key, key=f"{name}-{turn}", on_click=press, args=(card.item.id, Answer(name), turn))
