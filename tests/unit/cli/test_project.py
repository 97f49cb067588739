import pytest
from typer.testing import CliRunner

from rl_tsad.cli.app import app
from rl_tsad.cli.project import parse_flags
from rl_tsad.errors import ConfigError

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
