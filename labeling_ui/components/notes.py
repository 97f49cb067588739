"""How is the analyst told what came of something: one line, its sign and its words, never colour alone."""

from __future__ import annotations

import streamlit as st

from labeling_ui import entrance
from labeling_ui.components import plain
from labeling_ui.state import Notice

REASON_LIMIT = 1200
_SIGNS = {"kept": ":material/check_circle:", "hint": ":material/info:", "problem": ":material/error:"}


def notice(what: Notice) -> None:
    """Show what came of the last action."""
    if what.kind == "problem":
        refusal(what.text, what.detail)
    else:
        st.markdown(f"{_SIGNS[what.kind]} {plain.markdown(what.text)}")


def refusal(what: str, why: str) -> None:
    """Show that something was not done, and why."""
    st.error(f"**{plain.markdown(what)}** {plain.markdown(why, REASON_LIMIT)}", icon=_SIGNS["problem"])


def problem(what: str, error: Exception) -> None:
    """Show that the page cannot go on, why, and a button that tries again."""
    refusal(what, str(error))
    st.button("Try again", icon=":material/refresh:", key="try-again")


def first_steps(outcome: str) -> None:
    """Say what to do where there is no model yet, and what appears here then."""
    st.markdown(f"Bring data in and train once; then {outcome}.")
    st.code(f"{entrance.typed('ingest FILE')}\n{entrance.typed('train')}", language=None, wrap_lines=True)
