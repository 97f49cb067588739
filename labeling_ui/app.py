"""The labeling desk: asks, tells and enqueues; it never trains. Started by :mod:`labeling_ui.launch`."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from db.desk_records import Role
from labeling_ui import entrance, identity, looks, state
from labeling_ui.components import notes, plain
from labeling_ui.screens import agreement, audit, explore, files, look_alikes, models, people, progress, queue, tokens
from rl_tsad.errors import RlTsadError
from rl_tsad.services.people import Visitor


def main() -> None:
    """Draw the frame and the page that the address names."""
    st.set_page_config(
        page_title="rl-tsad labeling desk", page_icon=looks.ICON, layout="wide", initial_sidebar_state=230
    )
    looks.apply()
    try:
        door = entrance.door()
        who = identity.visitor(door.ws, entrance.desk().analyst)
        entrance.seat(who)
        chosen = st.navigation(pages_of(who))
        with st.sidebar:
            _who(door, who)
            st.caption(f"Workspace {plain.markdown(door.ws.root.name)}", help=plain.markdown(str(door.ws.root)))
        chosen.run()
    except RlTsadError as error:
        notes.problem("The workspace cannot be read.", error)


def pages_of(who: Visitor) -> dict[str, list[StreamlitPage]]:
    """List the pages that somebody may see, the one they start with first."""
    answering = who.may(Role.ANALYST)
    work = [
        st.Page(look_alikes.show, title="Look-alikes", icon=":material/hub:", url_path="look-alikes"),
        st.Page(explore.show, title="Explore", icon=":material/travel_explore:", url_path="explore"),
        st.Page(
            progress.show,
            title="Progress",
            icon=":material/trending_up:",
            url_path="progress",
            default=not answering,
        ),
        st.Page(models.show, title="Models", icon=":material/deployed_code:", url_path="models"),
        st.Page(files.show, title="Files", icon=":material/folder_open:", url_path="files"),
    ]
    if answering:
        work.insert(0, st.Page(queue.show, title="Queue", icon=":material/checklist:", url_path="queue", default=True))
    team = [st.Page(tokens.show, title="Tokens", icon=":material/key:", url_path="tokens")]
    if answering:
        team.insert(0, st.Page(agreement.show, title="Agreement", icon=":material/handshake:", url_path="agreement"))
    if who.may(Role.REVIEWER):
        team.append(st.Page(audit.show, title="Audit", icon=":material/history:", url_path="audit"))
    if who.may(Role.ADMIN):
        team.insert(0, st.Page(people.show, title="People", icon=":material/group:", url_path="people"))
    return {"Work": work, "Team": team}


def _who(door: entrance.ServiceDoor, who: Visitor) -> None:
    if door.ws.settings.access.mode != "local":
        identity.who_box(door.ws, who)
        return
    st.session_state.setdefault("analyst", entrance.desk().analyst)
    st.text_input("Answers are kept under", key="analyst", max_chars=state.NAME_LIMIT, on_change=_renamed)


def _renamed() -> None:
    wanted = str(st.session_state["analyst"])
    desk = state.rename(entrance.desk(), wanted)
    entrance.put(desk)
    st.session_state["analyst"] = desk.analyst


if __name__ == "__main__":
    main()
