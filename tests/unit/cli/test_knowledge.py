from pathlib import Path

import pytest
from typer.testing import CliRunner

from rl_tsad.cli.app import app
from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.errors import SilentModelError
from rl_tsad.services.ingest import keep_series
from rl_tsad.services.workspace import create_workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path: Path, language_server):
    """Call the command line on a workspace with a plant and a language server."""
    root = tmp_path / "plants"
    with create_workspace(root) as workspace:
        plant = simulate_plant(PlantConfig(points=900, faults=5, stops=1), seed=0, name="plant")
        keep_series(workspace, plant.series, source="test")

    def call(*words: str, **language: object):
        options = {"backend": "server", "model": "tiny", "url": language_server.url, "asking.calls": 3, **language}
        flags = [word for name, value in options.items() for word in ("--set", f"language.{name}={value}")]
        return CliRunner().invoke(app, ["--workspace", str(root), *flags, "language", *words], catch_exceptions=False)

    return call


def test_check_shows_what_a_model_answers(run, language_server):
    language_server.plan('babble {"reason": "odd", "severity": 0.85}')
    shown = run("check")
    assert shown.exit_code == 0
    assert "tiny at http://127.0.0.1" in shown.output
    assert "severity 0.85 for an extreme spike" in shown.output


def test_check_says_what_is_wrong(run, language_server):
    language_server.plan("status 401")
    with pytest.raises(SilentModelError, match="got status 401"):
        run("check")


def test_plan_shows_questions_and_the_most_they_cost_and_asks_nothing(run, language_server):
    shown = run("plan", **{"asking.price_in": 1.0, "asking.price_out": 2.0})
    text = " ".join(shown.output.split())
    assert "Question 1 of 3" in text
    assert "What stands out:" in text
    assert "3 questions for 105 windows" in text
    assert "900 written, cost 0.00" in text
    assert "more than [language.asking] allows" in " ".join(run("plan", **{"asking.tokens": 100}).output.split())
    assert language_server.seen()["seen"] == []


@pytest.mark.parametrize("command", ["plan", "check"])
def test_without_a_model_that_writes_nothing_is_asked(run, command):
    assert "language.backend" in run(command, backend="statistics").output


def test_spent_says_when_nothing_was(run):
    text = " ".join(run("spent").output.split())
    assert "There is no model version yet." in text
    assert "In all, interrupted trainings included: 0 calls, 0 tokens read" in text
