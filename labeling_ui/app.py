"""The labeling desk: asks, tells and enqueues; it never trains. Started by :mod:`labeling_ui.launch`."""

from __future__ import annotations

import streamlit as st

from labeling_ui import entrance, looks, state
from labeling_ui.components import notes, plain
from labeling_ui.screens import look_alikes, models, progress, queue
from rl_tsad.errors import RlTsadError


def main() -> None:
    """Draw the frame and the page that the address names."""
    st.set_page_config(
        page_title="rl-tsad labeling desk", page_icon=looks.ICON, layout="wide", initial_sidebar_state=230
    )
    looks.apply()
    chosen = st.navigation(
        [
            st.Page(queue.show, title="Queue", icon=":material/checklist:", url_path="queue", default=True),
            st.Page(look_alikes.show, title="Look-alikes", icon=":material/hub:", url_path="look-alikes"),
            st.Page(progress.show, title="Progress", icon=":material/trending_up:", url_path="progress"),
            st.Page(models.show, title="Models", icon=":material/deployed_code:", url_path="models"),
        ]
    )
    try:
        door = entrance.door()
        with st.sidebar:
            _who()
            st.caption(f"Workspace {plain.markdown(door.ws.root.name)}", help=plain.markdown(str(door.ws.root)))
        chosen.run()
    except RlTsadError as error:
        notes.problem("The workspace cannot be read.", error)


def _who() -> None:
    st.text_input(
        "Answers are kept under",
        value=entrance.desk().analyst,
        key="analyst",
        max_chars=state.NAME_LIMIT,
        on_change=_renamed,
    )


def _renamed() -> None:
    wanted = str(st.session_state["analyst"])
    desk = state.rename(entrance.desk(), wanted)
    entrance.put(desk)
    st.session_state["analyst"] = desk.analyst


if __name__ == "__main__":
    main()
