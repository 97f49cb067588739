"""Who is at the page? The login name of this machine, whoever logged in, or whom a proxy names; nobody else."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from db.desk_records import Role
from labeling_ui import guard, oidc
from labeling_ui.components import plain
from rl_tsad.errors import AccessError, ConfigError, StrangerError
from rl_tsad.services import people, team
from rl_tsad.services.people import Visitor
from rl_tsad.services.workspace import Workspace

_TOKEN = "page-token"
_RENEWED_BEFORE = 0.1
"""Share of a page token's life that must be left."""

ROLES = {
    Role.VIEWER: "look at everything",
    Role.ANALYST: "look and answer",
    Role.REVIEWER: "answer, review, retrain and read the audit",
    Role.ADMIN: "do everything, people included",
}
"""What each role may, in words."""


def recognise(ws: Workspace, local_name: str) -> Visitor:
    """Tell who is at the page.

    Args:
        ws: the workspace.
        local_name: under which name answers are kept in local mode.

    Raises:
        StrangerError: when it is nobody who may come in.
        WorkspaceError: when the store does not answer.
        ConfigError: when logging in is not set up.
    """
    access = ws.settings.access
    if access.mode == "local":
        return people.local_visitor(local_name)
    name = name_in_claims(_claims(), access.claim) if access.mode == "oidc" else _named_by_proxy(access.header)
    return team.arrive(ws, name)


def visitor(ws: Workspace, local_name: str) -> Visitor:
    """As :func:`recognise`; whoever may not come in sees why or is asked to log in, and the page ends there."""
    access = ws.settings.access
    if access.mode == "oidc":
        oidc.check_installed()
        if not _is_logged_in(access.session_hours):
            _login_screen(ws)
    try:
        return recognise(ws, local_name)
    except AccessError as error:
        _refused(error, can_log_out=access.mode == "oidc")
    st.stop()


def page_token(ws: Workspace, who: Visitor) -> str | None:
    """Give the page's own key to the API for its visitor; None in local mode, where none is needed.

    Raises:
        AccessError: when the visitor may no longer come in.
        WorkspaceError: when the store does not answer.
    """
    if ws.settings.access.mode == "local":
        return None
    hours = ws.settings.access.session_hours
    known: tuple[Visitor, datetime, str, int] | None = st.session_state.get(_TOKEN)
    if known is not None and known[0] == who and datetime.now(UTC) < known[1]:
        return known[2]
    token, secret = people.mint(ws, who, owner=who.name, name=people.PAGE, role=who.role, hours=hours)
    until = datetime.now(UTC) + timedelta(hours=hours * (1 - _RENEWED_BEFORE))
    st.session_state[_TOKEN] = (who, until, secret, token.id)
    return secret


def who_box(ws: Workspace, who: Visitor) -> None:
    """Show who is there and what they may, and the way out where there is one."""
    st.markdown(f"**{plain.markdown(who.name, 80)}** \n{who.role.value}: may {ROLES[who.role]}.")
    if ws.settings.access.mode == "oidc":
        st.button("Log out", icon=":material/logout:", key="log-out", on_click=_log_out, args=(ws, who))


def name_in_claims(claims: Mapping[str, Any], claim: str) -> str:
    """Take the name out of what an identity provider said.

    Raises:
        StrangerError: when it did not say this claim, or says that the e-mail address is unverified.

    Example:
        >>> name_in_claims({"email": "ann@example.org", "sub": "7"}, "email")
        'ann@example.org'
    """
    if claims.get("is_logged_in", True) is not True:
        raise StrangerError("expected somebody who logged in, got nobody; log in again")
    name = claims.get(claim)
    if not isinstance(name, str) or not name:
        raise StrangerError(
            f"expected the identity provider to say {claim!r}, got none; ask an admin to set access.claim to one that "
            "it says"
        )
    if claim == "email" and claims.get("email_verified", True) not in (True, "true"):
        raise StrangerError(
            f"expected a verified e-mail address, got {name!r}, which the identity provider has not verified; verify "
            "it there"
        )
    return name


def _claims() -> Mapping[str, Any]:
    return dict(st.user.to_dict())


def _is_logged_in(session_hours: float) -> bool:
    claims = _claims()
    issued = claims.get("iat")
    if claims.get("is_logged_in") is not True:
        return False
    return not isinstance(issued, int | float) or time.time() - issued <= session_hours * 3600


def _named_by_proxy(header: str) -> str:
    headers = st.context.headers
    sealed, name = headers.get(guard.SEAL_HEADER) or "", headers.get(header) or ""
    if not name or not hmac.compare_digest(sealed.encode(), guard.seal().encode()):
        raise StrangerError(
            f"expected the proxy to name you in {header}, got no such header from a listed proxy; open the page by the "
            "proxy's address, or ask an admin to check access.proxies"
        )
    return name.strip()


def _login_screen(ws: Workspace) -> None:
    _, middle, _ = st.columns([1, 2, 1])
    with middle, st.container(border=True, key="login"):
        st.markdown("### Labeling desk")
        st.markdown(f"Log in to work on {plain.markdown(ws.root.name)}.")
        if st.button("Log in", type="primary", icon=":material/login:", key="log-in", width="stretch"):
            _to_provider()
    st.stop()


def _to_provider() -> None:
    try:
        st.login()
    except Exception as error:  # Streamlit's own kinds say which key is missing, and no secret
        raise ConfigError(
            f"expected the identity provider's client in Streamlit's secrets or in {', '.join(oidc.VARIABLES)}, got: "
            f"{str(error).strip()} Set them and start the page again."
        ) from error


def _refused(error: AccessError, *, can_log_out: bool) -> None:
    _, middle, _ = st.columns([1, 2, 1])
    with middle, st.container(border=True, key="refused"):
        st.markdown("### You cannot come in")
        st.markdown(f":material/block: {plain.markdown(str(error), 600)}")
        if can_log_out:
            st.button("Log in as somebody else", icon=":material/logout:", key="log-out", on_click=st.logout)
        else:
            st.button("Try again", icon=":material/refresh:", key="try-again")


def _log_out(ws: Workspace, who: Visitor) -> None:
    known = st.session_state.pop(_TOKEN, None)
    if known is not None:
        people.revoke(ws, who, known[3])
    st.logout()
