import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rl_tsad.cli.app import app
from rl_tsad.errors import AccessError, ConfigError, DataError
from rl_tsad.services.people import recognise
from rl_tsad.services.workspace import create_workspace, open_workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    create_workspace(tmp_path / "w").close()
    return tmp_path / "w"


def call(root: Path, *words: str) -> str:
    result = CliRunner().invoke(app, ["--workspace", str(root), *words], catch_exceptions=True)
    if isinstance(result.exception, Exception):
        raise result.exception
    return result.output


def test_somebody_is_added_gets_another_role_and_is_kept_out(root: Path) -> None:
    assert "boss may come in as admin" in call(root, "team", "add", "boss", "--role", "admin")
    assert "ann may come in as analyst" in call(root, "team", "add", "ann")
    assert "ann is reviewer now" in call(root, "team", "role", "ann", "reviewer")
    assert "ann (reviewer) would be kept out" in call(root, "team", "remove", "ann", "--dry-run")
    assert "kept out" not in call(root, "team", "list")
    assert "ann (reviewer) is kept out" in call(root, "team", "remove", "ann")
    assert "kept out" in call(root, "team", "list")
    assert "ann may come in as viewer" in call(root, "team", "add", "ann", "--role", "viewer")
    listed = call(root, "team", "list")
    assert "kept out" not in listed
    assert "viewer" in listed


def test_the_last_admin_stays_also_in_a_dry_run(root: Path) -> None:
    call(root, "team", "add", "boss", "--role", "admin")
    for words in (("remove", "boss"), ("remove", "boss", "--dry-run"), ("role", "boss", "viewer")):
        with pytest.raises(AccessError, match="'boss' as the only one"):
            call(root, "team", *words)


def test_a_secret_goes_to_standard_output_alone_and_counts_until_revoked(root: Path) -> None:
    call(root, "team", "add", "ann")
    words = ["token", "make", "ann", "--name", "night", "--role", "viewer", "--hours", "2"]
    code = "from rl_tsad.cli.app import main; main()"
    made = subprocess.run(
        [sys.executable, "-c", code, "--workspace", str(root), *words], capture_output=True, text=True, check=True
    )
    secret = made.stdout.strip()
    assert "Token 1 of ann, viewer, ends 20" in made.stderr
    assert secret not in made.stderr
    with open_workspace(root) as ws:
        assert recognise(ws, secret).name == "ann"
    listed = call(root, "token", "list", "--owner", "ann")
    assert "night" in listed
    assert "counts until" in listed
    assert "would not count" in call(root, "token", "revoke", "1", "--dry-run")
    with open_workspace(root) as ws:
        assert recognise(ws, secret).role.value == "viewer"
    assert "does not count" in call(root, "token", "revoke", "1")
    assert "was taken back before" in call(root, "token", "revoke", "1")
    assert "was taken back before" in call(root, "token", "revoke", "1", "--dry-run")
    with open_workspace(root) as ws, pytest.raises(AccessError):
        recognise(ws, secret)
    assert secret not in call(root, "audit") + listed


def test_the_audit_is_shown_filtered_and_exported(root: Path, tmp_path: Path) -> None:
    call(root, "team", "add", "ann")
    call(root, "token", "make", "ann")
    shown = call(root, "audit", "--action", "person")
    assert "1 of 1 entries" in shown
    assert "token/make" not in shown
    assert "0 of 0 entries" in call(root, "audit", "--who", "nobody")
    assert "0 of 0 entries" in call(root, "audit", "--since", "2999-01-01")
    assert "1 of 2 entries" in call(root, "audit", "--last", "1")
    assert "2 entries written" in call(root, "audit", "--out", str(tmp_path / "a.json"))
    assert [one["action"] for one in json.loads((tmp_path / "a.json").read_text())] == ["person/add", "token/make"]


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (("team", "add", "ann", "--role", "king"), ConfigError, "viewer, analyst, reviewer, admin, got 'king'"),
        (("team", "role", "nobody", "viewer"), AccessError, "got 'nobody'"),
        (("token", "make", "nobody"), AccessError, "got 'nobody'"),
        (("token", "revoke", "9"), AccessError, "unknown number 9"),
        (("audit", "--since", "lately"), ConfigError, "got 'lately'"),
        (("audit", "--out", "a.xls"), DataError, "got 'a.xls'"),
    ],
)
def test_what_cannot_be_done_is_told_in_three_parts(
    root: Path, words: tuple[str, ...], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=r"^expected") as refused:
        call(root, *words)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "words",
    [
        ("team", "list"),
        ("team", "add"),
        ("team", "role"),
        ("team", "remove"),
        ("token", "make"),
        ("token", "list"),
        ("token", "revoke"),
        ("audit",),
    ],
)
def test_each_command_shows_an_example(words: tuple[str, ...]) -> None:
    assert "Example:" in CliRunner().invoke(app, [*words, "--help"]).output
