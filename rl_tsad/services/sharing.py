"""What reviewers arrange: who is asked about which series, who decides a disagreement, and which answers are known."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from db import assignments, controls, labels, people, queries, reviews, series
from db.control_records import Control
from db.desk_records import Role
from db.records import Answer, ItemState
from rl_tsad.errors import LabelingError
from rl_tsad.services.people import Visitor, require, write_audit
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace


@dataclass(frozen=True)
class Share:
    """A series and who is asked about it.

    Attributes:
        series: its name.
        people: who alone is asked, by name; anybody where empty.
        waiting: copies of questions about it that nobody has answered.
    """

    series: str
    people: tuple[str, ...]
    waiting: int


def shares(ws: Workspace, who: Visitor) -> list[Share]:
    """List all series with who is asked about them.

    Raises:
        AccessError: when the visitor is no reviewer.
        WorkspaceError: when the store does not answer.
    """
    require(who, Role.REVIEWER, "see who is asked what")
    with in_words(), ws.store.read() as session:
        theirs = assignments.everybody(session)
        waiting = [
            item.series
            for item in queries.in_state(session, ItemState.OPEN, ItemState.LEASED)
            if item.control_id is None
        ]
        return [
            Share(one.name, tuple(theirs.get(one.name, ())), waiting.count(one.name)) for one in series.all(session)
        ]


def assign(ws: Workspace, who: Visitor, name: str, person: str) -> bool:
    """Ask a person about a series, and others only where it is theirs too; False when it was that person's before.

    Raises:
        AccessError: when the visitor is no reviewer.
        LabelingError: when there is no such series or person.
        WorkspaceError: when the store does not answer.
    """
    require(who, Role.REVIEWER, "assign series")
    with in_words(), ws.store.begin() as session:
        _check_person(ws, session, person)
        if series.get(session, name) is None:
            raise LabelingError(f"expected a series of this workspace, got {name!r}; ingest it first")
        is_new = assignments.assign(session, name, person, who.name)
        if is_new:
            write_audit(session, who.name, "series/assign", name, person=person)
    return is_new


def unassign(ws: Workspace, who: Visitor, name: str, person: str) -> bool:
    """Take a series from a person; anybody is asked where nobody has it. False when it was not theirs.

    Raises:
        AccessError: when the visitor is no reviewer.
        WorkspaceError: when the store does not answer.
    """
    require(who, Role.REVIEWER, "assign series")
    with in_words(), ws.store.begin() as session:
        was_theirs = assignments.unassign(session, name, person)
        if was_theirs:
            write_audit(session, who.name, "series/unassign", name, person=person)
    return was_theirs


def give_review(ws: Workspace, who: Visitor, item_id: int, person: str | None) -> None:
    """Let a certain reviewer decide a disagreement, even one who is among those that differ; None for any other one.

    Raises:
        AccessError: when the visitor is no reviewer.
        LabelingError: when there is no such review or person, or somebody holds or has decided it.
        WorkspaceError: when the store does not answer.
    """
    require(who, Role.REVIEWER, "assign reviews")
    with in_words(), ws.store.begin() as session:
        if item_id not in {item.id for item in reviews.items(session)}:
            raise LabelingError(f"expected a review, got the number {item_id}; see `rl-tsad agreement show`")
        if person is not None:
            _check_person(ws, session, person, least=Role.REVIEWER)
        if not queries.give_to(session, item_id, person):
            raise LabelingError("expected a review that waits, got one that somebody holds or decided; look again")
        write_audit(session, who.name, "review/assign", str(item_id), person=person)


def set_control(ws: Workspace, who: Visitor, key: str, expected: Answer) -> Control:
    """Ask people again about a window whose answer is known, among their other questions, without telling them.

    Raises:
        AccessError: when the visitor is no reviewer.
        LabelingError: when nobody was asked about the window, nobody's answer to it stands, or the known answer is
            unsure or another one.
        WorkspaceError: when the store does not answer.
    """
    require(who, Role.REVIEWER, "set controls")
    if expected == Answer.UNSURE:
        raise LabelingError("expected a control to be anomaly or normal, got unsure; choose a window that is clear")
    with in_words(), ws.store.begin() as session:
        stands = labels.standing_of(session, [key])
        if not stands or stands[0].answer != expected:
            got = f"{stands[0].answer}" if stands else "none"
            raise LabelingError(
                f"expected {key!r} to stand as {expected}, got {got}; answer it, or decide its review, first"
            )
        control = controls.add(session, key, expected, who.name)
        write_audit(session, who.name, "control/set", key, expected=expected.value)
    return control


def end_control(ws: Workspace, who: Visitor, key: str) -> bool:
    """Ask nobody any more about a control; False when it is none.

    Raises:
        AccessError: when the visitor is no reviewer.
        WorkspaceError: when the store does not answer.
    """
    require(who, Role.REVIEWER, "end controls")
    with in_words(), ws.store.begin() as session:
        was_one = controls.end(session, key)
        if was_one:
            write_audit(session, who.name, "control/end", key)
    return was_one


def list_controls(ws: Workspace, who: Visitor) -> list[Control]:
    """List the controls that are asked, oldest first.

    Raises:
        AccessError: when the visitor is no reviewer.
        WorkspaceError: when the store does not answer.
    """
    require(who, Role.REVIEWER, "see controls")
    with in_words(), ws.store.read() as session:
        return [one for one in controls.every(session) if one.ended is None]


def _check_person(ws: Workspace, session: Session, name: str, *, least: Role = Role.ANALYST) -> None:
    """In local mode anybody may sit down under any name; elsewhere people are recorded."""
    person = people.find(session, name)
    if person is None and ws.settings.access.mode == "local" and name.strip() == name and name:
        return
    if person is None or not person.active or person.role.rank < least.rank:
        got = (
            "nobody of that name"
            if person is None
            else f"a {person.role} who may{'' if person.active else ' not'} come in"
        )
        raise LabelingError(
            f"expected {name!r} to be somebody with at least the role {least}, got {got}; add them first"
        )
