from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from db import tokens
from db.desk_records import Role
from db.session import utc_now
from rl_tsad.errors import AccessError, StrangerError
from rl_tsad.services import people, team
from rl_tsad.services.auditing import audit_entries
from rl_tsad.services.people import Visitor, local_visitor, mint, recognise, revoke
from rl_tsad.services.workspace import Workspace, create_workspace, open_workspace

ROOT = local_visitor("root")


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with create_workspace(tmp_path / "w") as made:
        for name, role in {"ann": Role.ADMIN, "rob": Role.REVIEWER, "ali": Role.ANALYST, "vic": Role.VIEWER}.items():
            team.add_person(made, ROOT, name, role)
        yield made


def opened(ws: Workspace, **access: Any) -> Workspace:
    return open_workspace(ws.root, access=access)


def done(ws: Workspace) -> list[tuple[str, str, str]]:
    return [(one.who, one.action, one.subject) for one in audit_entries(ws, ROOT)]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("least", Role)
def test_a_role_may_what_those_below_it_may(role: Role, least: Role) -> None:
    if role.rank >= least.rank:
        people.require(Visitor("x", role), least, "do this")
        assert Visitor("x", role).may(least)
    else:
        with pytest.raises(AccessError, match=f"expected a role of {least.value}.* to do this, got 'x'"):
            people.require(Visitor("x", role), least, "do this")


def test_a_token_brings_its_owner_with_the_smaller_of_both_roles(ws: Workspace) -> None:
    _, secret = mint(ws, ROOT, owner="ali", name="s", role=Role.ANALYST, hours=None)
    assert recognise(ws, secret) == Visitor("ali", Role.ANALYST)
    team.set_role(ws, ROOT, "ali", Role.VIEWER)
    assert recognise(ws, secret) == Visitor("ali", Role.VIEWER)
    team.set_role(ws, ROOT, "ali", Role.ADMIN)
    assert recognise(ws, secret) == Visitor("ali", Role.ANALYST)


def test_a_secret_is_long_and_new_each_time(ws: Workspace) -> None:
    made = {mint(ws, ROOT, owner="ali", name="s", role=Role.VIEWER, hours=1)[1] for _ in range(5)}
    assert len(made) == 5
    assert all(secret.startswith("rlt_") and len(secret) == 47 for secret in made)


def test_a_token_that_does_not_count_is_refused_in_the_same_words(ws: Workspace) -> None:
    def make(owner: str, hours: float | None = None) -> tuple[int, str]:
        token, secret = mint(ws, ROOT, owner=owner, name="s", role=Role.VIEWER, hours=hours)
        return token.id, secret

    (number, revoked), (_, ended), (_, kept_out) = make("ali"), make("ali", 1e-9), make("vic")
    revoke(ws, ROOT, number)
    team.deactivate(ws, ROOT, "vic")
    said = set()
    for secret in (revoked, ended, kept_out, "rlt_" + "x" * 43, "", "\udcff", revoked + "x", revoked[:-1], "x" * 10**6):
        with pytest.raises(StrangerError) as refused:
            recognise(ws, secret)
        said.add(str(refused.value))
    assert len(said) == 1
    team.reactivate(ws, ROOT, "vic")
    with pytest.raises(StrangerError):
        recognise(ws, kept_out)


def test_recognising_again_at_once_writes_nothing(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    token, secret = mint(ws, ROOT, owner="ali", name="s", role=Role.VIEWER, hours=None)
    recognise(ws, secret)
    monkeypatch.setattr(type(ws.store), "begin", lambda _: pytest.fail("wrote"))
    assert recognise(ws, secret).name == "ali"
    monkeypatch.undo()
    with ws.store.begin() as session:
        used = tokens.get(session, token.id)[0].used_at
        assert used is not None
        tokens.touch(session, token.id, used + timedelta(minutes=1))
    assert recognise(ws, secret).name == "ali"


@pytest.mark.parametrize("name", ["rob", "ali", "vic"])
def test_only_an_admin_changes_people(ws: Workspace, name: str) -> None:
    who = Visitor(name, Role.REVIEWER)
    before = team.list_people(ws, ROOT)
    for act in (
        lambda: team.add_person(ws, who, "eve", Role.ADMIN),
        lambda: team.set_role(ws, who, name, Role.ADMIN),
        lambda: team.deactivate(ws, who, "ann"),
        lambda: team.reactivate(ws, who, "ann"),
        lambda: team.list_people(ws, who),
        lambda: people.list_tokens(ws, who),
        lambda: people.list_tokens(ws, who, "ann"),
        lambda: mint(ws, who, owner="ann", name="s", role=Role.VIEWER, hours=None),
    ):
        with pytest.raises(AccessError, match="expected a role of admin"):
            act()
    assert team.list_people(ws, ROOT) == before


def test_nobody_makes_a_token_that_may_more_than_they_or_its_owner(ws: Workspace) -> None:
    for who, owner, role in (
        (Visitor("ali", Role.ANALYST), "ali", Role.REVIEWER),
        (Visitor("ann", Role.VIEWER), "ann", Role.ADMIN),
        (ROOT, "vic", Role.ANALYST),
    ):
        with pytest.raises(AccessError, match="with a role up to"):
            mint(ws, who, owner=owner, name="s", role=role, hours=None)
    assert people.list_tokens(ws, ROOT) == []


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_a_token_lives_for_a_sensible_time(ws: Workspace, hours: float) -> None:
    with pytest.raises(AccessError, match="expected more than 0 hours"):
        mint(ws, ROOT, owner="ali", name="s", role=Role.VIEWER, hours=hours)


def test_nobody_unknown_or_kept_out_gets_a_token(ws: Workspace) -> None:
    with pytest.raises(AccessError, match="got 'eve'; see"):
        mint(ws, ROOT, owner="eve", name="s", role=Role.VIEWER, hours=None)
    team.deactivate(ws, ROOT, "vic")
    with pytest.raises(AccessError, match="'vic', who no longer may"):
        mint(ws, ROOT, owner="vic", name="s", role=Role.VIEWER, hours=None)


def test_ones_own_tokens_are_listed_and_taken_back_those_of_others_by_an_admin_only(ws: Workspace) -> None:
    ali, rob = Visitor("ali", Role.ANALYST), Visitor("rob", Role.REVIEWER)
    mine, _ = mint(ws, ali, owner="ali", name="mine", role=Role.VIEWER, hours=None)
    other, _ = mint(ws, ROOT, owner="rob", name="other", role=Role.VIEWER, hours=None)
    assert [token.id for token, _ in people.list_tokens(ws, ali, "ali")] == [mine.id]
    assert [person.name for _, person in people.list_tokens(ws, ROOT)] == ["rob", "ali"]
    assert people.list_tokens(ws, ROOT, "nobody") == []
    with pytest.raises(AccessError, match="take back a token of somebody else"):
        revoke(ws, rob, mine.id)
    assert (revoke(ws, ali, mine.id), revoke(ws, ROOT, mine.id), revoke(ws, ROOT, other.id)) == (True, False, True)
    with pytest.raises(AccessError, match="unknown number 99"):
        revoke(ws, ROOT, 99)


def test_the_last_admin_stays(ws: Workspace) -> None:
    with pytest.raises(AccessError, match="'ann' as the only one"):
        team.deactivate(ws, ROOT, "ann")
    with pytest.raises(AccessError, match="'ann' as the only one"):
        team.set_role(ws, ROOT, "ann", Role.VIEWER)
    team.set_role(ws, ROOT, "rob", Role.ADMIN)
    assert not team.deactivate(ws, ROOT, "ann").active
    with pytest.raises(AccessError, match="'rob' as the only one"):
        team.set_role(ws, ROOT, "rob", Role.REVIEWER)


def test_every_change_is_in_the_audit_and_what_changes_nothing_is_not(ws: Workspace) -> None:
    start = len(done(ws))
    ann = Visitor("ann", Role.ADMIN)
    team.set_role(ws, ann, "ali", Role.REVIEWER)
    team.set_role(ws, ann, "ali", Role.REVIEWER)
    token, secret = mint(ws, ann, owner="ali", name="s", role=Role.VIEWER, hours=2.0)
    recognise(ws, secret)
    team.deactivate(ws, ann, "ali")
    team.deactivate(ws, ann, "ali")
    team.reactivate(ws, ann, "ali")
    revoke(ws, ann, token.id)
    for refused in (lambda: team.add_person(ws, ann, "ali", Role.VIEWER), lambda: team.deactivate(ws, ann, "ann")):
        with pytest.raises(AccessError):
            refused()
    new = done(ws)[: len(done(ws)) - start][::-1]
    assert new == [
        ("ann", "person/role", "ali"),
        ("ann", "token/make", "ali"),
        ("ann", "person/deactivate", "ali"),
        ("ann", "person/reactivate", "ali"),
    ]
    details = {one.action: one.details for one in audit_entries(ws, ROOT)}
    assert details["person/role"] == {"role": "reviewer", "before": "analyst"}
    assert details["person/deactivate"] == {"tokens_revoked": 1}
    assert secret not in str(details)


def test_a_change_that_fails_after_its_row_leaves_no_trace(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = done(ws)
    monkeypatch.setattr(team, "write_audit", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        team.add_person(ws, ROOT, "eve", Role.ADMIN)
    assert "eve" not in [one.name for one in team.list_people(ws, ROOT)]
    assert done(ws) == before


@pytest.mark.parametrize("name", ["", " ann", "ann ", "a\nb", "a\u202eb", "x" * 201, "\x00"])
def test_names_are_taken_as_they_are_or_not_at_all(ws: Workspace, name: str) -> None:
    with pytest.raises(AccessError, match="expected a name of 1 to 200 visible signs"):
        team.add_person(ws, ROOT, name, Role.VIEWER)
    with pytest.raises(AccessError, match="expected a name of 1 to 200 visible signs"):
        team.arrive(ws, name)


def test_who_arrives_unknown_is_refused_unless_the_settings_give_a_role(ws: Workspace) -> None:
    with pytest.raises(StrangerError, match="an admin added, got 'eve'; ask an admin to add exactly this name"):
        team.arrive(ws, "eve")
    with opened(ws, mode="oidc", admins=["eve"], arrivals="viewer") as ours:
        assert team.arrive(ours, "eve") == Visitor("eve", Role.ADMIN)
        assert team.arrive(ours, "new") == Visitor("new", Role.VIEWER)
        assert done(ws)[:2] == [("new", "person/arrive", "new"), ("eve", "person/arrive", "eve")]
        team.set_role(ours, ROOT, "eve", Role.VIEWER)
        assert team.arrive(ours, "eve") == Visitor("eve", Role.VIEWER)
        team.deactivate(ours, ROOT, "eve")
        with pytest.raises(StrangerError, match="'eve', who no longer may"):
            team.arrive(ours, "eve")


def test_page_tokens_are_told_apart_and_old_ones_swept(ws: Workspace) -> None:
    ali = Visitor("ali", Role.ANALYST)
    token, _ = mint(ws, ali, owner="ali", name=people.PAGE, role=Role.ANALYST, hours=12)
    revoke(ws, ali, token.id)
    assert done(ws)[:2] == [("ali", "session/close", "ali"), ("ali", "session/open", "ali")]
    with ws.store.begin() as session:
        person = tokens.get(session, token.id)[1]
        long_ago = utc_now() - timedelta(days=31)
        tokens.add(session, person.id, "old", name="old", role=Role.VIEWER, expires_at=long_ago)
    mint(ws, ali, owner="ali", name=people.PAGE, role=Role.ANALYST, hours=12)
    assert {one.name for one, _ in people.list_tokens(ws, ali, "ali")} == {people.PAGE}
