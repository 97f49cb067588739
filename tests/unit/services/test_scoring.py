from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.errors import DataError, NotTrainedError
from rl_tsad.services.scoring import list_alarms, load_model, score_path, score_series, written_times
from rl_tsad.services.workspace import SETTINGS_FILE, Workspace, create_workspace, open_workspace
from rl_tsad.types import Series

pytestmark = pytest.mark.slow


def test_scores_and_alarms_of_a_file(trained: Workspace, tmp_path: Path, plants: list[Series]) -> None:
    frame = pd.DataFrame(plants[0].values, columns=list(plants[0].channels))
    frame.insert(0, "time", pd.DatetimeIndex(plants[0].times).tz_localize("UTC").tz_convert("Europe/Paris"))
    frame.to_csv(tmp_path / "new.csv", index=False)
    out, alarms = tmp_path / "deep" / "scores.csv", tmp_path / "alarms.csv"
    (found,) = score_path(trained, tmp_path / "new.csv", out, alarms=alarms)
    scores = pd.read_csv(out)
    assert scores["time"][0] == frame["time"][0].isoformat()
    assert len(scores) == found.points == plants[0].length
    listed = pd.read_csv(alarms)
    assert len(listed) == found.alarms
    assert listed["points"].sum() == found.anomalous == scores["anomaly"].sum()


def test_a_model_keeps_the_windows_it_was_trained_with(trained: Workspace, plants: list[Series]) -> None:
    before = score_series(load_model(trained), plants[0])
    with (trained.root / SETTINGS_FILE).open() as file:
        text = file.read()
    (trained.root / SETTINGS_FILE).write_text(text.replace("# stride = 8", "stride = 4"))
    with open_workspace(trained.root) as changed:
        assert changed.settings.window.stride == 4
        pd.testing.assert_frame_equal(score_series(load_model(changed), plants[0]), before)


def test_other_files_and_other_widths_are_refused(trained: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"ending in \.csv or \.parquet"):
        score_path(trained, tmp_path, tmp_path / "x.txt")
    narrow = Series("n", np.zeros((100, 1), np.float32), np.arange(100), ("x",))
    with pytest.raises(DataError, match="expected 8 channels as in training"):
        score_series(load_model(trained), narrow)
    with create_workspace(tmp_path / "empty") as empty, pytest.raises(NotTrainedError, match="train"):
        load_model(empty)


def test_alarms_never_run_from_one_series_into_the_next() -> None:
    table = pd.DataFrame({"series": ["a", "b"], "time": [0, 0], "score": [0.9, 0.8], "anomaly": [1, 1]})
    assert list_alarms(table)["series"].tolist() == ["a", "b"]


@pytest.mark.parametrize(("zone", "written"), [(None, "2024-01-01T00:00:00"), ("+05:30", "2024-01-01T05:30:00+05:30")])
def test_times_are_written_as_the_source_wrote_them(zone: str | None, written: str) -> None:
    plant = simulate_plant(PlantConfig(points=300, faults=0, stops=0), seed=0).series
    series = Series("a", plant.values, plant.times, plant.channels, timezone=zone)
    assert written_times(series)[0] == written
