"""What every database must hold of people, keys and the audit: one suite over SQLite and over PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from db import audit, people, tokens
from db.audit import AuditFilter
from db.desk_records import Role
from db.errors import ConflictError, MissingRowError
from db.store import Store
from rl_tsad.config import Settings
from rl_tsad.errors import AccessError
from rl_tsad.services import team
from rl_tsad.services.people import local_visitor, mint, recognise
from rl_tsad.services.workspace import Workspace

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url) as opened:
        yield opened


def test_a_name_is_recorded_once_and_keeps_its_number(store: Store) -> None:
    with store.begin() as session:
        ann = people.add(session, "ann", Role.ANALYST)
        with pytest.raises(ConflictError, match="'ann', who is"):
            people.add(session, "ann", Role.ADMIN)
    with store.begin() as session:
        changed = people.set_role(session, "ann", Role.REVIEWER)
        out = people.set_active(session, "ann", False)
        assert (changed.id, changed.role, out.active) == (ann.id, Role.REVIEWER, False)
        assert people.find(session, "bob") is None
        with pytest.raises(MissingRowError, match="got 'bob'; see"):
            people.set_role(session, "bob", Role.ADMIN)


def test_people_are_listed_by_name_and_only_active_admins_count_as_admins(store: Store) -> None:
    with store.begin() as session:
        for name, role in {"cyd": Role.ADMIN, "ann": Role.ADMIN, "bob": Role.VIEWER}.items():
            people.add(session, name, role)
        people.set_active(session, "cyd", False)
        assert [one.name for one in people.all(session)] == ["ann", "bob", "cyd"]
        assert [one.name for one in people.admins(session)] == ["ann"]


def test_a_key_is_found_by_its_digest_with_its_owner(store: Store) -> None:
    with store.begin() as session:
        ann = people.add(session, "ann", Role.ANALYST)
        until = NOW + timedelta(hours=1)
        key = tokens.add(session, ann.id, "d1", name="script", role=Role.VIEWER, expires_at=until)
        assert tokens.find(session, "d1") == (key, ann) == tokens.get(session, key.id)
        assert key.expires_at == until
        assert tokens.find(session, "d2") is None
        with pytest.raises(MissingRowError, match="unknown number 99"):
            tokens.get(session, 99)


def test_a_key_is_revoked_once_and_its_first_time_stays(store: Store) -> None:
    with store.begin() as session:
        ann = people.add(session, "ann", Role.ANALYST)
        one = tokens.add(session, ann.id, "d1", name="a", role=Role.VIEWER)
        tokens.add(session, ann.id, "d2", name="b", role=Role.VIEWER)
        assert tokens.revoke(session, one.id, NOW)
        assert not tokens.revoke(session, one.id, NOW + timedelta(hours=1))
        assert tokens.revoke_all(session, ann.id, NOW + timedelta(hours=2)) == 1
    with store.read() as session:
        assert [token.revoked_at for token, _ in tokens.all(session)] == [NOW + timedelta(hours=2), NOW]


def test_use_is_noted_at_most_once_a_minute(store: Store) -> None:
    with store.begin() as session:
        ann = people.add(session, "ann", Role.ANALYST)
        key = tokens.add(session, ann.id, "d1", name="a", role=Role.VIEWER)
        noted = [tokens.touch(session, key.id, NOW + timedelta(seconds=after)) for after in (0, 30, 59, 60, 61)]
    assert noted == [True, False, False, True, False]


def test_only_keys_that_ended_long_ago_are_swept(store: Store) -> None:
    with store.begin() as session:
        ann = people.add(session, "ann", Role.ANALYST)
        for name, ends in {"old": NOW - timedelta(days=1), "new": NOW + timedelta(days=1), "endless": None}.items():
            tokens.add(session, ann.id, name, name=name, role=Role.VIEWER, expires_at=ends)
        tokens.sweep(session, NOW)
        assert {token.name for token, _ in tokens.all(session, ann.id)} == {"new", "endless"}


def test_the_audit_is_filtered_and_paged_newest_first(store: Store) -> None:
    with store.begin() as session:
        for number in range(5):
            audit.append(session, "ann" if number % 2 else "bob", "person/add", f"p{number}", {"n": number})
        audit.append(session, "ann", "personal/x", "p", {})
        audit.append(session, "ann", "token/make_", "p", {})
    with store.read() as session:
        assert [one.subject for one in audit.entries(session, AuditFilter(action="person"))] == [
            "p4",
            "p3",
            "p2",
            "p1",
            "p0",
        ]
        ours = AuditFilter(who="ann", action="person/add")
        assert [one.details for one in audit.entries(session, ours)] == [{"n": 3}, {"n": 1}]
        assert audit.count(session, ours) == 2
        assert audit.count(session, AuditFilter(action="token/make%")) == 0
        first = audit.entries(session, limit=3)
        rest = audit.entries(session, limit=30, before=first[-1].id)
        assert [one.id for one in first + rest] == sorted((one.id for one in first + rest), reverse=True)
        assert len(first + rest) == audit.count(session) == 7
        times = sorted(one.at for one in rest)
        assert audit.count(session, AuditFilter(since=times[-1], until=times[-1])) == 0
        assert audit.count(session, AuditFilter(until=times[0])) == 0
        assert audit.count(session, AuditFilter(since=times[0])) == 7
        assert (audit.names(session), audit.actions(session)) == (
            ["ann", "bob"],
            ["person/add", "personal/x", "token/make_"],
        )


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'eve'", "DELETE FROM audit"])
def test_the_audit_refuses_changes(store: Store, statement: str) -> None:
    with store.begin() as session:
        audit.append(session, "ann", "person/add", "bob", {"role": "viewer"})
    with pytest.raises(DatabaseError, match="never change"), store._engine.begin() as connection:
        connection.execute(text(statement))
    with store.read() as session:
        assert [one.who for one in audit.entries(session)] == ["ann"]


# --- the services over both databases ---------------------------------------------------------------------------------


@pytest.fixture
def ws(store: Store, tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, Settings(), store)


def test_the_secret_of_a_token_appears_nowhere_in_the_database(ws: Workspace) -> None:
    root = local_visitor("root")
    team.add_person(ws, root, "ann", Role.ANALYST)
    _, secret = mint(ws, root, owner="ann", name="script", role=Role.ANALYST, hours=1)
    assert recognise(ws, secret).name == "ann"
    with ws.store._engine.connect() as connection:
        tables = connection.execute(text(_TABLES[connection.dialect.name])).scalars().all()
        kept = [str(row) for table in tables for row in connection.execute(text(f'SELECT * FROM "{table}"'))]
    assert {"people", "tokens", "audit"} <= set(tables)
    assert any(tokens.digest_of(secret) in row for row in kept)
    assert not [row for row in kept if secret in row or secret[4:] in row]


_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()",
}


def test_two_admins_who_keep_each_other_out_at_once_leave_one(ws: Workspace) -> None:
    root = local_visitor("root")
    for name in ("ann", "bob"):
        team.add_person(ws, root, name, Role.ADMIN)
    gate = threading.Barrier(2)

    def keep_out(name: str) -> str:
        gate.wait()
        try:
            team.deactivate(ws, root, name)
        except AccessError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(keep_out, ("ann", "bob")))
    assert said[0] == ""
    assert "expected an admin to be left" in said[1]
    assert [one.active for one in team.list_people(ws, root)].count(True) == 1


def test_somebody_who_arrives_in_many_tabs_at_once_is_recorded_once(ws: Workspace) -> None:
    settings = Settings(access={"mode": "oidc", "arrivals": "analyst"})  # type: ignore[arg-type]
    ours = Workspace(ws.root, settings, ws.store)
    gate = threading.Barrier(4)

    def come(_: int) -> str:
        gate.wait()
        return team.arrive(ours, "ann@example.org").role.value

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(come, range(4))) == {"analyst"}
    with ws.store.read() as session:
        assert [(one.action, one.subject) for one in audit.entries(session)] == [("person/arrive", "ann@example.org")]
