"""Who may come in: people arrive, are added, get another role, are kept out; each change is in the audit."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db import people, tokens
from db.desk_records import Person, Role
from db.errors import ConflictError
from db.session import utc_now
from rl_tsad.errors import AccessError, StrangerError
from rl_tsad.services.people import Visitor, changing, check_name, require, write_audit
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace


def arrive(ws: Workspace, name: str) -> Visitor:
    """Let somebody in whom an identity provider or a proxy vouches for.

    Who is not recorded yet is recorded as the settings say: those of ``access.admins`` as admin, others with the role
    of ``access.arrivals``.

    Raises:
        StrangerError: when they are not recorded and the settings give them no role, or they are no longer active.
        WorkspaceError: when the store does not answer.
    """
    checked = check_name(name)
    with in_words(), ws.store.read() as session:
        person = people.find(session, checked)
    if person is None:
        person = _record_arrival(ws, checked)
    if not person.active:
        raise StrangerError(f"expected somebody who may come in, got {name!r}, who no longer may; ask an admin")
    return Visitor(person.name, person.role)


def _record_arrival(ws: Workspace, name: str) -> Person:
    access = ws.settings.access
    role = Role.ADMIN.value if name in access.admins else access.arrivals
    if role == "none":
        raise StrangerError(
            f"expected somebody whom an admin added, got {name!r}; ask an admin to add exactly this name on the page "
            "People or with `rl-tsad team add`"
        )
    with in_words(), ws.store.begin() as session:
        try:
            person = people.add(session, name, Role(role))
        except ConflictError:  # another tab was quicker
            return people.get(session, name)
        write_audit(session, name, "person/arrive", name, role=role)
        return person


def list_people(ws: Workspace, who: Visitor) -> list[Person]:
    """List everybody, by name; for admins.

    Raises:
        AccessError: when the visitor is no admin.
    """
    require(who, Role.ADMIN, "see who may come in")
    with in_words(), ws.store.read() as session:
        return people.all(session)


def add_person(ws: Workspace, who: Visitor, name: str, role: Role) -> Person:
    """Let somebody in.

    Raises:
        AccessError: when the visitor is no admin, or somebody is recorded under this name.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from rl_tsad.services.people import local_visitor, mint, recognise
        >>> from rl_tsad.services.workspace import create_workspace
        >>> ann = local_visitor("ann")
        >>> with tempfile.TemporaryDirectory() as folder, create_workspace(Path(folder) / "w") as ws:
        ...     _ = add_person(ws, ann, "bob", Role.ANALYST)
        ...     _, secret = mint(ws, ann, owner="bob", name="script", role=Role.VIEWER, hours=None)
        ...     recognise(ws, secret)
        Visitor(name='bob', role=<Role.VIEWER: 'viewer'>)
    """
    require(who, Role.ADMIN, "add somebody")
    with changing(ws) as session:
        person = people.add(session, check_name(name), role)
        write_audit(session, who.name, "person/add", name, role=role.value)
    return person


def set_role(ws: Workspace, who: Visitor, name: str, role: Role) -> Person:
    """Give somebody another role.

    Raises:
        AccessError: when the visitor is no admin, nobody is called so, or no admin would be left.
    """
    require(who, Role.ADMIN, "change a role")
    with changing(ws) as session:
        before = people.get(session, name)
        if role is not Role.ADMIN:
            _leave_an_admin(session, name)
        person = people.set_role(session, name, role)
        if before.role is not role:
            write_audit(session, who.name, "person/role", name, role=role.value, before=before.role.value)
    return person


def deactivate(ws: Workspace, who: Visitor, name: str, *, dry_run: bool = False) -> Person:
    """Keep somebody out from now on, and take all their tokens back; what they did stays.

    Raises:
        AccessError: when the visitor is no admin, nobody is called so, or no admin would be left.
    """
    require(who, Role.ADMIN, "keep somebody out")
    with changing(ws) as session:
        before = people.get(session, name)
        _leave_an_admin(session, name)
        if dry_run:
            return before
        revoked = tokens.revoke_all(session, before.id, utc_now())
        person = people.set_active(session, name, False)
        if before.active:
            write_audit(session, who.name, "person/deactivate", name, tokens_revoked=revoked)
    return person


def reactivate(ws: Workspace, who: Visitor, name: str) -> Person:
    """Let somebody in again, with the role they had; their old tokens stay revoked.

    Raises:
        AccessError: when the visitor is no admin, or nobody is called so.
    """
    require(who, Role.ADMIN, "let somebody in again")
    with changing(ws) as session:
        before = people.get(session, name)
        person = people.set_active(session, name, True)
        if not before.active:
            write_audit(session, who.name, "person/reactivate", name, role=person.role.value)
    return person


def _leave_an_admin(session: Session, name: str) -> None:
    left = people.admins(session)
    if [one.name for one in left] == [name]:
        raise AccessError(f"expected an admin to be left, got {name!r} as the only one; make somebody else admin first")
