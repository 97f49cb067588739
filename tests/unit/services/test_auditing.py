import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.audit import AuditFilter
from db.desk_records import Role
from rl_tsad.errors import AccessError, DataError
from rl_tsad.services import auditing, team
from rl_tsad.services.people import Visitor, local_visitor, write_audit
from rl_tsad.services.workspace import Workspace, create_workspace

ROOT = local_visitor("root")


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with create_workspace(tmp_path / "w") as made:
        team.add_person(made, ROOT, "ann", Role.ADMIN)
        team.add_person(made, ROOT, "bob", Role.VIEWER)
        with made.store.begin() as session:
            write_audit(session, "=cmd()", "note/add", 'a "b",\nc', text="grüße", none=None)
        yield made


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_only_reviewers_and_admins_read_the_audit(ws: Workspace, role: Role, tmp_path: Path) -> None:
    who = Visitor("x", role)
    for act in (
        lambda: auditing.audit_entries(ws, who),
        lambda: auditing.audit_choices(ws, who),
        lambda: auditing.audit_count(ws, who),
        lambda: auditing.export_audit(ws, who, tmp_path / "a.csv"),
    ):
        with pytest.raises(AccessError, match="reviewer or above to read the audit"):
            act()
    assert not (tmp_path / "a.csv").exists()
    assert auditing.audit_count(ws, Visitor("x", Role.REVIEWER)) == 3


def test_an_export_holds_everything_oldest_first_and_no_formula(ws: Workspace, tmp_path: Path) -> None:
    assert auditing.export_audit(ws, ROOT, tmp_path / "new" / "a.csv") == 3
    rows = list(csv.DictReader(io.StringIO((tmp_path / "new" / "a.csv").read_text())))
    assert [row["subject"] for row in rows] == ["ann", "bob", 'a "b",\nc']
    assert rows[2]["who"] == "'=cmd()"
    assert json.loads(rows[2]["details"]) == {"text": "grüße", "none": None}


def test_a_json_export_is_read_back_as_it_was(ws: Workspace, tmp_path: Path) -> None:
    auditing.export_audit(ws, ROOT, tmp_path / "a.json", AuditFilter(action="note"))
    (only,) = json.loads((tmp_path / "a.json").read_text())
    assert (only["who"], only["subject"], only["details"]["text"]) == ("=cmd()", 'a "b",\nc', "grüße")
    assert only["at"].endswith("+00:00")


def test_another_ending_is_refused(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.csv or \.json, got 'a\.xls'"):
        auditing.export_audit(ws, ROOT, tmp_path / "a.xls")


def test_names_and_actions_are_offered_as_choices(ws: Workspace) -> None:
    assert auditing.audit_choices(ws, ROOT) == (["=cmd()", "root"], ["note/add", "person/add"])
