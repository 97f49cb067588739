from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from rl_tsad.cli.app import app
from rl_tsad.config import Settings
from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.errors import ConfigError
from rl_tsad.services.foundation import prepare
from rl_tsad.services.ingest import keep_series
from rl_tsad.services.retraining import retrain
from rl_tsad.services.scoring import score_path
from rl_tsad.services.sounding import sound
from rl_tsad.services.workspace import create_workspace

NOTE = "maintenance stops are normal"
pytestmark = pytest.mark.slow


def plant_with_a_late_stop():
    """A plant whose last stop lies in the test."""
    plants = (
        simulate_plant(PlantConfig(points=1500, faults=6, stops=2), seed=seed, name="plant") for seed in range(50)
    )
    return next(plant for plant in plants if plant.stops[-1][0] > 1000)


def kept(root: Path, settings: Settings, *notes: str):
    language = replace(settings.language, notes=notes)
    workspace = create_workspace(root, settings.model_copy(update={"language": language}))
    plant = plant_with_a_late_stop()
    keep_series(workspace, plant.series, source="test")
    return workspace, plant


def test_a_note_excuses_stops_in_the_model_in_severities_and_in_later_files(
    tmp_path: Path, quick_settings: Settings
) -> None:
    workspace, plant = kept(tmp_path / "noted", quick_settings, NOTE)
    stop = np.zeros(plant.series.length, np.bool_)
    for low, high in plant.stops:
        stop[low + 8 : high] = True
    with workspace:
        retrain(workspace)
        foundation = prepare(workspace)
        excused = foundation.judgements[0].excused > 0
        stopped = np.array([stop[low:high].all() for low, high in foundation.spans])
        assert excused[stopped].mean() > 0.8
        assert excused[~stopped].mean() < 0.35
        assert not sound(workspace, foundation).severity[excused].any()
        assert foundation.said == (f"{NOTE!r} excuses: many channels move to another level",)
        file = tmp_path / "later.csv"
        frame = pd.DataFrame(plant.series.values, columns=list(plant.series.channels))
        frame.insert(0, "time", plant.series.times)
        frame.to_csv(file, index=False)
        score_path(workspace, file, tmp_path / "out.csv", as_series="plant")
    scored = pd.read_csv(tmp_path / "out.csv")
    assert scored.score[stop].max() < 0.1
    assert not scored.anomaly[stop].any()


def test_without_notes_nothing_is_excused_and_the_command_says_how_to_write_one(
    tmp_path: Path, quick_settings: Settings
) -> None:
    workspace, _ = kept(tmp_path / "plain", quick_settings)
    workspace.close()
    said = CliRunner().invoke(app, ["--workspace", str(tmp_path / "plain"), "notes"])
    assert said.exit_code == 0
    assert "There are no notes yet" in said.output
    tried = CliRunner().invoke(
        app, ["--workspace", str(tmp_path / "plain"), "notes", NOTE, "short dips in flow at 02:00"]
    )
    assert tried.exit_code == 0
    assert "many channels move" in tried.output
    assert "01:45 to" in tried.output


def test_a_note_that_is_not_understood_stops_the_training_before_it_begins(
    tmp_path: Path, quick_settings: Settings
) -> None:
    workspace, _ = kept(tmp_path / "odd", quick_settings, "qwertz")
    with workspace, pytest.raises(ConfigError, match="got 'qwertz'"):
        retrain(workspace)
    assert not list((tmp_path / "odd").glob("foundations/*/facts.json"))
