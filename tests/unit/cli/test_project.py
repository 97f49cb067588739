from pathlib import Path

import pytest
from typer.testing import CliRunner

from rl_tsad.cli.app import app
from rl_tsad.cli.project import parse_flags
from rl_tsad.errors import ConfigError
from rl_tsad.settings import load_settings

COMMANDS = (
    "init",
    "ingest",
    "series list",
    "series roles",
    "train",
    "score",
    "ui",
    "worker",
    "retrain",
    "simulate",
    "report",
    "labels export",
    "labels import",
    "models list",
    "models show",
    "datasets list",
    "datasets fetch",
    "demo",
    "doctor",
    "costs",
    "notes",
    "language check",
    "language plan",
    "language spent",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [*command.split(), "--help"])
    assert shown.exit_code == 0
    assert "Example: rl-tsad" in shown.output


def test_a_flag_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected --set"):
        parse_flags(["agent.gamma"])


def test_data_sets_are_listed_with_their_licence() -> None:
    shown = CliRunner().invoke(app, ["datasets", "list"])
    assert shown.exit_code == 0
    assert all(name in shown.output for name in ("nab", "skab", "smap", "adbench"))


def test_doctor_fails_where_settings_are_not_understood(tmp_path: Path) -> None:
    asked = CliRunner().invoke(app, ["-w", str(tmp_path), "doctor"])
    assert asked.exit_code == 0, asked.output  # no workspace yet is no failure
    nonsense = ["--set", 'detector.members=["nonsense"]']
    asked = CliRunner().invoke(app, ["-w", str(tmp_path), *nonsense, "doctor"])
    assert asked.exit_code == 1
    assert "detector.members.0" in asked.output
    assert "'nonsense'" in asked.output
    (tmp_path / "rl-tsad.toml").write_text("[[window\n")
    asked = CliRunner().invoke(app, ["-w", str(tmp_path), "doctor"])
    assert asked.exit_code == 1
    assert "not understood" in asked.output


def test_doctor_fails_where_the_store_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "rl-tsad.toml").write_text("")
    (tmp_path / "store.db").write_text("this is no database, whatever its name says")
    asked = CliRunner().invoke(app, ["-w", str(tmp_path), "doctor"])
    assert asked.exit_code == 1
    assert "damaged" in asked.output


def test_a_list_is_given_as_in_the_settings_file() -> None:
    given = parse_flags(["agent.hidden=[32, 16]", 'detector.members=["subspace"]', "database=[odd"])
    settings = load_settings(**given)
    assert (settings.agent.hidden, settings.detector.members) == ((32, 16), ("subspace",))
    assert settings.database == "[odd"
