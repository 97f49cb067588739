"""The audit page: what was done, by whom and when; to filter and to take along. For reviewers and admins."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args

import streamlit as st

from db.audit import AuditFilter
from db.desk_records import AuditEntry
from labeling_ui import entrance
from labeling_ui.components import notes, plain, words
from rl_tsad.errors import RlTsadError
from rl_tsad.services import auditing, team
from rl_tsad.services.auditing import AuditFormat

SHOWN = 25
_PAGES = "audit-pages"
EVERYBODY, EVERYTHING = "everybody", "everything"


def show() -> None:
    """Draw the page."""
    st.markdown("### Audit")
    try:
        door = entrance.door()
        who = door.visitor()
        names, actions = auditing.audit_choices(door.ws, who)
        wanted = _filters(names, actions)
        count = auditing.audit_count(door.ws, who, wanted)
        pages: list[int] = st.session_state.setdefault(_PAGES, [])
        before = pages[-1] if pages else None
        entries = auditing.audit_entries(door.ws, who, wanted, limit=SHOWN + 1, before=before)
    except RlTsadError as error:
        notes.problem("The audit cannot be shown.", error)
        return
    if not entries:
        st.markdown("Nothing of this kind was done. What people change about people, tokens and models appears here.")
        return
    zone = entrance.viewer_zone()
    st.table([entry_row(one, zone) for one in entries[:SHOWN]], border="horizontal", hide_index=True)
    _below(door, wanted, entries, count)


def entry_row(entry: AuditEntry, zone: str | None) -> dict[str, str]:
    """Say one entry in words for the table."""
    facts = ", ".join(
        f"{key.replace('_', ' ')} {_said(value)}" for key, value in entry.details.items() if value is not None
    )
    return {
        "When": plain.markdown(words.local_time(entry.at, zone)),
        "Who": plain.markdown(entry.who),
        "What": plain.markdown(entry.action),
        "To": plain.markdown(entry.subject),
        "More": plain.markdown(facts) or words.NOTHING,
    }


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _filters(names: Sequence[str], actions: Sequence[str]) -> AuditFilter:
    who, what, since, until = st.columns(4)
    name = who.selectbox("Who", [EVERYBODY, *names], key="audit-who", on_change=_first_page)
    action = what.selectbox("What", [EVERYTHING, *actions], key="audit-action", on_change=_first_page)
    first = since.date_input("From", value=None, key="audit-since", on_change=_first_page)
    last = until.date_input("To", value=None, key="audit-until", on_change=_first_page)
    return AuditFilter(
        who=None if name == EVERYBODY else str(name),
        action=None if action == EVERYTHING else str(action),
        since=_midnight(first),
        until=_midnight(last, days=1),
    )


def _midnight(day: object, days: int = 0) -> datetime | None:
    """Give when a day begins where the person is, or so many days later."""
    if not isinstance(day, date):
        return None
    zone = words.zone(entrance.viewer_zone()) or UTC
    return datetime.combine(day + timedelta(days=days), time(), tzinfo=zone)


def _below(door: entrance.ServiceDoor, wanted: AuditFilter, entries: Sequence[AuditEntry], count: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words.count(count, "entry", "entries"))
        pages: list[int] = st.session_state[_PAGES]
        st.button("Newer", icon=":material/chevron_left:", key="newer", disabled=not pages, on_click=_newer)
        oldest = entries[:SHOWN][-1].id
        is_last = len(entries) <= SHOWN
        older = ":material/chevron_right:"
        st.button("Older", icon=older, key="older", disabled=is_last, on_click=_older, args=(oldest,))
        for form in get_args(AuditFormat):
            st.download_button(
                f"Export {form.upper()}",
                data=_exporter(door, wanted, form),
                file_name=f"audit.{form}",
                mime="text/csv" if form == "csv" else "application/json",
                icon=":material/download:",
                key=f"export-{form}",
                on_click="ignore",
            )


def _exporter(door: entrance.ServiceDoor, wanted: AuditFilter, form: AuditFormat) -> Callable[[], str]:
    asking = door.visitor()

    def export() -> str:  # runs when somebody presses the button, outside of the page's run
        local = door.ws.settings.access.mode == "local"
        who = asking if local else team.arrive(door.ws, asking.name)
        return auditing.audit_text(auditing.audit_entries(door.ws, who, wanted)[::-1], form)

    return export


def _first_page() -> None:
    st.session_state[_PAGES] = []


def _older(oldest: int) -> None:
    st.session_state[_PAGES] = [*st.session_state[_PAGES], oldest]


def _newer() -> None:
    st.session_state[_PAGES] = st.session_state[_PAGES][:-1]
