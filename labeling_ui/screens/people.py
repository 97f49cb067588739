"""The page of people: who may come in, and what they may. For admins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from db.desk_records import Person, Role
from labeling_ui import entrance, identity
from labeling_ui.components import notes, plain, words
from labeling_ui.state import Notice
from rl_tsad.errors import RlTsadError
from rl_tsad.services import team
from rl_tsad.services.people import NAME_LIMIT, Visitor
from rl_tsad.services.workspace import Workspace

_NOTICE = "people-notice"
_ENTRIES = {
    "local": "Here, whoever sits at this machine may do everything. The people below come in by a token, or once "
    "`access.mode` is `oidc` or `proxy`.",
    "oidc": "People log in at the identity provider, under exactly the names below.",
    "proxy": "A proxy in front of this page says who comes, under exactly the names below.",
}


def show() -> None:
    """Draw the page."""
    st.markdown("### People")
    try:
        door = entrance.door()
        who = door.visitor()
        known = team.list_people(door.ws, who)
    except RlTsadError as error:
        notes.problem("The people cannot be shown.", error)
        return
    st.markdown(_ENTRIES[door.ws.settings.access.mode])
    said: Notice | None = st.session_state.pop(_NOTICE, None)
    if said is not None:
        notes.notice(said)
    if known:
        _table(known)
    else:
        st.markdown("Nobody has been added yet.")
    add, change = st.columns(2, gap="large")
    with add:
        _adding(door.ws)
    with change:
        _changing(door.ws, who, known)


def person_row(person: Person, zone: str | None) -> dict[str, str]:
    """Say one person in words for the table."""
    return {
        "Name": plain.markdown(person.name),
        "Role": f"{person.role.value}: may {identity.ROLES[person.role]}",
        "State": "may come in" if person.active else ":material/block: kept out",
        "Since": plain.markdown(words.local_time(person.created_at, zone)),
    }


def _table(known: Sequence[Person]) -> None:
    zone = entrance.viewer_zone()
    st.table([person_row(one, zone) for one in known], border="horizontal", hide_index=True)


def _adding(ws: Workspace) -> None:
    st.markdown("#### Add somebody")
    with st.form("add-person", clear_on_submit=True, border=False):
        st.text_input("Name, as they log in", key="new-name", max_chars=NAME_LIMIT, placeholder="ann@example.org")
        st.selectbox("Role", list(Role), index=1, key="new-role", format_func=lambda role: role.value)
        st.form_submit_button("Add", icon=":material/person_add:", on_click=_add, args=(ws,))


def _changing(ws: Workspace, who: Visitor, known: Sequence[Person]) -> None:
    if not known:
        return
    st.markdown("#### Change somebody")
    names = {one.name: one for one in known}
    chosen = names[str(st.selectbox("Who", list(names), key="who"))]
    st.selectbox(
        "Role from now on",
        list(Role),
        index=chosen.role.rank,
        key=f"role-of-{chosen.id}",
        format_func=lambda role: role.value,
    )
    with st.container(horizontal=True):
        st.button("Save role", icon=":material/save:", key="save-role", on_click=_save, args=(ws, chosen))
        if chosen.active:
            with st.popover("Keep out", icon=":material/block:"):
                itself = " This is you." if chosen.name == who.name else ""
                st.markdown(
                    f"{plain.markdown(chosen.name)} comes in no more, and all their tokens end. Answers stay.{itself}"
                )
                st.button("Yes, keep out", key="keep-out", type="primary", on_click=_keep_out, args=(ws, chosen.name))
        else:
            st.button("Let in again", icon=":material/login:", key="let-in", on_click=_let_in, args=(ws, chosen.name))


def _add(ws: Workspace) -> None:
    name, role = str(st.session_state["new-name"]).strip(), Role(st.session_state["new-role"])
    _done(lambda who: team.add_person(ws, who, name, role), f"{name} may now come in as {role.value}.")


def _save(ws: Workspace, person: Person) -> None:
    role = Role(st.session_state[f"role-of-{person.id}"])
    _done(lambda who: team.set_role(ws, who, person.name, role), f"{person.name} is {role.value} now.")


def _keep_out(ws: Workspace, name: str) -> None:
    _done(lambda who: team.deactivate(ws, who, name), f"{name} is kept out now; their tokens have ended.")


def _let_in(ws: Workspace, name: str) -> None:
    _done(lambda who: team.reactivate(ws, who, name), f"{name} may come in again.")


def _done(act: Callable[[Visitor], Person], text: str) -> None:
    try:
        act(entrance.door().visitor())
        st.session_state[_NOTICE] = Notice("kept", text)
    except RlTsadError as error:
        st.session_state[_NOTICE] = Notice("problem", "Nothing was changed.", str(error))
