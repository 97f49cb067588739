"""The page of files: answers out to other tools, and in from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from db.desk_records import Role
from labeling_ui import entrance
from labeling_ui.components import notes, plain, words
from rl_tsad.data.annotations.forms import ENDINGS, Form
from rl_tsad.errors import RlTsadError
from rl_tsad.services.exchange import exported
from rl_tsad.services.importing import Imported, ImportOptions
from rl_tsad.services.people import Visitor
from rl_tsad.services.uploads import take_file

FORMS = {
    Form.INTERVALS: "Stretches (CSV)",
    Form.INTERVALS_JSON: "Stretches (JSON)",
    Form.POINTS: "Points (CSV, a row a point)",
    Form.WINDOWS: "Windows (CSV)",
    Form.HISTORY: "Whole history (JSON)",
    Form.NAB: "NAB (JSON)",
    Form.TSB_AD: "TSB-AD (ZIP of CSVs)",
    Form.TRAINSET: "TRAINSET (CSV)",
    Form.LABEL_STUDIO: "Label Studio (ZIP)",
}
_CONFLICTS: dict[Literal["keep", "replace", "refuse"], str] = {
    "keep": "Leave the answers that stand",
    "replace": "The file's answers stand from now on",
    "refuse": "Add nothing then",
}
_RESTS: dict[Literal["unknown", "normal"], str] = {
    "unknown": "Nothing is said of it",
    "normal": "It is normal, where nobody has answered",
}
_TURN = "files-turn"
_DONE = "files-done"


def show() -> None:
    """Draw the page."""
    st.markdown("### Files")
    try:
        door = entrance.door()
        who = door.visitor()
    except RlTsadError as error:
        notes.problem("The workspace cannot be read.", error)
        return
    out, into = st.columns(2, gap="large")
    with out:
        _out(door)
    with into:
        if who.may(Role.ANALYST):
            _into(door, who)
        else:
            st.markdown("#### Bring answers in")
            st.markdown("Viewers only look and take along.")


def _out(door: entrance.ServiceDoor) -> None:
    st.markdown("#### Take answers along")
    form = st.selectbox("Format", list(FORMS), format_func=FORMS.__getitem__, key="files-form")
    st.caption("What each format carries, and what it loses, stands in docs/formats.md.")
    st.download_button(
        "Download",
        data=_writer(door, form),
        file_name=f"answers-{form.value}{ENDINGS.get(form, '.csv')}",
        icon=":material/download:",
        key="files-download",
        on_click="ignore",
    )


def _writer(door: entrance.ServiceDoor, form: Form) -> Callable[[], bytes]:
    def written() -> bytes:  # runs when somebody presses the button
        return exported(door.ws, form)[1]

    return written


def _into(door: entrance.ServiceDoor, who: Visitor) -> None:
    st.markdown("#### Bring answers in")
    if (done := st.session_state.pop(_DONE, None)) is not None:
        st.success(done, icon=":material/check_circle:")
    turn = int(st.session_state.setdefault(_TURN, 0))
    given = st.file_uploader("File", type=["csv", "json", "zip"], key=f"files-upload-{turn}")
    rest = st.selectbox("The rest of its series", list(_RESTS), format_func=_RESTS.__getitem__, key="files-rest")
    clash = st.selectbox(
        "Where an answer stands already", list(_CONFLICTS), format_func=_CONFLICTS.__getitem__, key="files-conflicts"
    )
    if given is None:
        st.caption("Any format on the left is told by its content. Nothing is added before you have seen what it says.")
        return
    options = ImportOptions(rest=rest, conflicts=clash)
    try:
        found = take_file(door.ws, who, given.name, given.getvalue(), options=options, dry_run=True)
    except RlTsadError as error:
        notes.refusal("This file adds nothing.", str(error))
        return
    for line in said_of_file(found):
        st.markdown(plain.markdown(line))
    if found.added:
        content = given.getvalue()
        st.button(
            f"Add {words.count(found.added, 'window')}",
            key="files-add",
            type="primary",
            icon=":material/upload:",
            on_click=_add,
            args=(door, who, given.name, content, options),
        )


def said_of_file(found: Imported) -> list[str]:
    """Say what a file would add, what it would not, and why."""
    kinds = ", ".join(f"{count:,} {answer.value}" for answer, count in found.counts.items() if count)
    lines = [f"{FORMS[found.form]}: {kinds} in {words.count(found.answers, 'answer')}." if kinds else "Nothing new."]
    if found.known:
        lines.append(f"{words.count(found.known, 'window')} are answered like that already.")
    if found.conflicts:
        first = found.conflicts[0]
        lines.append(
            f"{words.count(len(found.conflicts), 'window')} are answered otherwise, such as {first.key}: "
            f"{first.standing.value} by {first.analyst}, {first.said.value} in the file."
        )
    if found.strange:
        lines.append(f"Left out, no series here: {', '.join(found.strange[:5])}.")
    if found.outside:
        lines.append(
            f"{words.count(found.outside, 'window')} left out, since they are kept for the test; the first: "
            f"{found.first_outside}."
        )
    if found.empty or found.unheard:
        lines.append(f"{words.count(found.empty + found.unheard, 'stretch', 'stretches')} label no window.")
    return lines


def _add(door: entrance.ServiceDoor, who: Visitor, name: str, content: bytes, options: ImportOptions) -> None:
    try:
        found = take_file(door.ws, who, name, content, options=options)
    except RlTsadError as error:
        st.session_state[_DONE] = None
        notes.refusal("Nothing was added.", str(error))
        return
    st.session_state[_DONE] = f"{words.count(found.added, 'window')} added."
    st.session_state[_TURN] = int(st.session_state[_TURN]) + 1  # an empty place for the next file
