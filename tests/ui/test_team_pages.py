"""The pages of people, tokens and the audit over a real workspace, driven by AppTest."""

import csv
import io
import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db.audit import AuditFilter
from db.desk_records import AuditEntry, Role
from labeling_ui.screens import audit
from rl_tsad.errors import StrangerError
from rl_tsad.services import auditing, people, team
from rl_tsad.services.people import Visitor

pytestmark = pytest.mark.slow
SHOWN = str.maketrans("", "", "\\\u2060")
BOSS = people.local_visitor("boss")


def open_page(name: str, who: str | None = None) -> AppTest:
    def script(name: str, who: str | None) -> None:
        import importlib

        from labeling_ui import entrance, identity
        from rl_tsad.services import team

        real = identity.recognise
        if who is not None:
            identity.recognise = lambda ws, local_name: team.arrive(ws, who)
        try:
            entrance.door()
            importlib.import_module(f"labeling_ui.screens.{name}").show()
        finally:
            identity.recognise = real

    return AppTest.from_function(script, default_timeout=30, args=(name, who)).run()


def said(app: AppTest) -> str:
    parts = [one.value for kind in (app.markdown, app.caption, app.error, app.success) for one in kind]
    return "\n".join(str(part) for part in parts).translate(SHOWN)


def table(app: AppTest) -> list[dict[str, str]]:
    rows = app.table[0].value.to_dict("records")
    return [{key: str(one).translate(SHOWN) for key, one in row.items()} for row in rows]


def known(scene: Any) -> dict[str, tuple[Role, bool]]:
    return {one.name: (one.role, one.active) for one in team.list_people(scene.ws, BOSS)}


def audited(scene: Any) -> list[AuditEntry]:
    return auditing.audit_entries(scene.ws, BOSS, AuditFilter())


def press(app: AppTest, label: str) -> AppTest:
    button = next(one for one in app.button if one.label == label)
    return button.click().run()


def test_somebody_is_added_gets_another_role_is_kept_out_and_let_in(scene: Any) -> None:
    app = open_page("people")
    assert "Nobody has been added yet." in said(app)
    app.text_input(key="new-name").input("ann@example.org")
    app.selectbox(key="new-role").select(Role.ADMIN)
    press(app, "Add")
    assert "ann@example.org may now come in as admin." in said(app)
    app.text_input(key="new-name").input("bob")
    press(app, "Add")
    assert known(scene) == {"ann@example.org": (Role.ADMIN, True), "bob": (Role.ANALYST, True)}
    app.selectbox(key="who").select("bob").run()
    next(one for one in app.selectbox if one.label == "Role from now on").select(Role.REVIEWER).run()
    press(app, "Save role")
    assert known(scene)["bob"] == (Role.REVIEWER, True)
    press(app, "Yes, keep out")
    assert known(scene)["bob"] == (Role.REVIEWER, False)
    press(app, "Let in again")
    assert known(scene)["bob"] == (Role.REVIEWER, True)
    assert [row["Name"] for row in table(app)] == ["ann@example.org", "bob"]
    done = [(one.action, one.subject) for one in audited(scene)][::-1]
    assert [one for one in done if one[1] == "bob"] == [
        ("person/add", "bob"),
        ("person/role", "bob"),
        ("person/deactivate", "bob"),
        ("person/reactivate", "bob"),
    ]


def test_the_last_admin_stays_and_a_name_is_added_once(scene: Any) -> None:
    team.add_person(scene.ws, BOSS, "ann", Role.ADMIN)
    app = press(open_page("people"), "Yes, keep out")
    assert "Nothing was changed." in said(app)
    assert "expected an admin to be left" in said(app)
    app.text_input(key="new-name").input("ann")
    press(app, "Add")
    assert "Nothing was changed." in said(app)
    assert known(scene) == {"ann": (Role.ADMIN, True)}


def test_a_secret_is_shown_until_it_is_copied_and_lets_its_owner_in_until_it_is_taken_back(scene: Any) -> None:
    team.add_person(scene.ws, BOSS, "ann", Role.ANALYST)
    app = open_page("tokens")
    app.text_input(key="token-name").input("nightly")
    app.selectbox(key="token-role").select(Role.VIEWER)
    press(app, "Make")
    (secret,) = [one.value for one in app.code]
    assert people.recognise(scene.ws, secret) == Visitor("ann", Role.VIEWER)
    press(app, "I have copied it")
    assert not app.code
    assert [(row["For"], row["Of"], row["May"]) for row in table(app)] == [("nightly", "ann", "viewer")]
    assert secret not in repr(app.main)
    press(app, "Take back")
    assert "No token counts at present." in said(app)
    with pytest.raises(StrangerError):
        people.recognise(scene.ws, secret)


def test_analysts_make_and_see_tokens_of_their_own_only(scene: Any) -> None:
    for name in ("ann", "bob"):
        team.add_person(scene.ws, BOSS, name, Role.ANALYST)
        people.mint(scene.ws, BOSS, owner=name, name=f"of {name}", role=Role.VIEWER, hours=None)
    app = open_page("tokens", "ann")
    assert [row["Of"] for row in table(app)] == ["ann"]
    assert app.selectbox(key="token-owner").options == ["ann"]
    assert app.selectbox(key="token-role").options == ["viewer", "analyst"]


@pytest.mark.parametrize(("name", "most"), [("people", Role.REVIEWER), ("audit", Role.ANALYST)])
def test_pages_are_refused_below_their_role(scene: Any, name: str, most: Role) -> None:
    team.add_person(scene.ws, BOSS, "ann", most)
    app = open_page(name, "ann")
    assert "cannot be shown." in said(app)
    assert not app.table
    assert [one.label for one in app.button] == ["Try again"]


def test_the_audit_is_filtered_by_who_what_and_when_and_paged(scene: Any) -> None:
    for number in range(audit.SHOWN + 2):
        team.add_person(scene.ws, BOSS, f"p{number}", Role.VIEWER)
    team.set_role(scene.ws, people.local_visitor("ann"), "p0", Role.ANALYST)
    app = open_page("audit")
    assert len(table(app)) == audit.SHOWN
    assert f"{audit.SHOWN + 3} entries" in said(app)
    assert [row["To"] for row in table(press(app, "Older"))] == ["p2", "p1", "p0"][-3:]
    assert len(table(press(app, "Newer"))) == audit.SHOWN
    app.selectbox(key="audit-who").select("ann").run()
    assert [(row["Who"], row["What"], row["To"]) for row in table(app)] == [("ann", "person/role", "p0")]
    app.selectbox(key="audit-action").select("person/add").run()
    assert "Nothing of this kind was done." in said(app)


def test_the_audit_is_exported_as_filtered(scene: Any) -> None:
    for name in ("p0", "=cmd()"):
        team.add_person(scene.ws, BOSS, name, Role.VIEWER)
    rows = auditing.audit_entries(scene.ws, BOSS, AuditFilter(action="person/add"))[::-1]
    read = list(csv.DictReader(io.StringIO(auditing.audit_text(rows, "csv"))))
    assert [row["who"] for row in read] == ["boss", "boss"]
    assert not read[1]["subject"].startswith("=")
    assert [row["subject"] for row in json.loads(auditing.audit_text(rows, "json"))] == ["p0", "=cmd()"]
