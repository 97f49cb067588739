"""The page of tokens: keys to the API, made, shown once, taken back. Everybody's own; an admin's for all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from db.desk_records import Person, Role, Token
from labeling_ui import entrance
from labeling_ui.components import notes, plain, words
from labeling_ui.state import Notice
from rl_tsad.errors import RlTsadError
from rl_tsad.services import people, team
from rl_tsad.services.people import Visitor
from rl_tsad.services.workspace import Workspace

SHOWN = 50
_NOTICE, _SECRET = "tokens-notice", "tokens-secret"
ENDS = {"in a day": 24.0, "in a week": 168.0, "in 90 days": 2160.0, "never": None}


def show() -> None:
    """Draw the page."""
    st.markdown("### Tokens")
    try:
        door = entrance.door()
        who = door.visitor()
        is_admin = who.may(Role.ADMIN)
        found = people.list_tokens(door.ws, who, None if is_admin else who.name)
        owners = [one for one in team.list_people(door.ws, who) if one.active] if is_admin else []
    except RlTsadError as error:
        notes.problem("The tokens cannot be shown.", error)
        return
    st.markdown("A token lets a program use the API in somebody's name. It may at most what its owner may.")
    said: Notice | None = st.session_state.pop(_NOTICE, None)
    if said is not None:
        notes.notice(said)
    _new_secret()
    if is_admin and not owners:
        st.markdown("Nobody has been added yet, so that no token can be made. Add somebody on the page **People**.")
        return
    _making(door.ws, who, owners)
    counting = [(token, person) for token, person in found if _counts(token, person)]
    _table(counting)
    _revoking(door.ws, counting)


def token_row(token: Token, person: Person, zone: str | None) -> dict[str, str]:
    """Say one token in words for the table."""
    return {
        "Number": str(token.id),
        "For": plain.markdown(token.name),
        "Of": plain.markdown(person.name),
        "May": min(token.role, person.role, key=lambda role: role.rank).value,
        "Made": plain.markdown(words.local_time(token.created_at, zone)),
        "Ends": "never" if token.expires_at is None else plain.markdown(words.local_time(token.expires_at, zone)),
        "Last used": "not yet" if token.used_at is None else plain.markdown(words.local_time(token.used_at, zone)),
    }


def _counts(token: Token, person: Person) -> bool:
    over = token.expires_at is not None and token.expires_at <= datetime.now(UTC)
    return token.revoked_at is None and not over and person.active


def _new_secret() -> None:
    made: tuple[str, str] | None = st.session_state.get(_SECRET)
    if made is None:
        return
    with st.container(border=True, key="new-token"):
        st.markdown(
            f":material/key: **{plain.markdown(made[0])}**. Copy it now: it is kept nowhere and not shown again."
        )
        st.code(made[1], language=None, wrap_lines=True)
        st.button("I have copied it", key="copied", on_click=_forget)


def _forget() -> None:
    st.session_state.pop(_SECRET, None)


def _making(ws: Workspace, who: Visitor, owners: Sequence[Person]) -> None:
    names = [one.name for one in owners] or [who.name]
    roles = [role for role in Role if who.may(role)]
    with st.form("make-token", border=False):
        of, what, may, until, button = st.columns([3, 3, 2, 2, 1], vertical_alignment="bottom")
        of.selectbox("In the name of", names, key="token-owner", disabled=len(names) == 1)
        what.text_input("What for", key="token-name", max_chars=60, placeholder="nightly import")
        may.selectbox("May at most", roles, key="token-role", format_func=lambda role: role.value)
        until.selectbox("Ends", list(ENDS), index=1, key="token-ends")
        button.form_submit_button("Make", icon=":material/key:", on_click=_make, args=(ws,))


def _table(found: Sequence[tuple[Token, Person]]) -> None:
    if not found:
        st.markdown("No token counts at present.")
        return
    zone = entrance.viewer_zone()
    st.table([token_row(*one, zone) for one in found[:SHOWN]], border="horizontal", hide_index=True)
    if len(found) > SHOWN:
        st.caption(f"and {words.count(len(found) - SHOWN, 'older token')}; see `rl-tsad token list`")


def _revoking(ws: Workspace, found: Sequence[tuple[Token, Person]]) -> None:
    if not found:
        return
    titles = {token.id: f"{token.id}: {token.name}, of {person.name}" for token, person in found}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Take back", list(titles), key="token-id", format_func=titles.__getitem__, width=380)
        st.button("Take back", icon=":material/block:", key="revoke", on_click=_revoke, args=(ws,))


def _make(ws: Workspace) -> None:
    chosen = st.session_state
    name = str(chosen["token-name"]).strip()
    try:
        who = entrance.door().visitor()
        owner, role = str(chosen["token-owner"]), Role(chosen["token-role"])
        token, secret = people.mint(ws, who, owner=owner, name=name, role=role, hours=ENDS[chosen["token-ends"]])
        chosen[_SECRET] = (f"Token {token.id}, {name}, of {owner}", secret)
    except RlTsadError as error:
        chosen[_NOTICE] = Notice("problem", "No token was made.", str(error))


def _revoke(ws: Workspace) -> None:
    number = int(st.session_state["token-id"])
    try:
        people.revoke(ws, entrance.door().visitor(), number)
        st.session_state[_NOTICE] = Notice("kept", f"Token {number} does not count any more.")
    except RlTsadError as error:
        st.session_state[_NOTICE] = Notice("problem", "The token was not taken back.", str(error))
