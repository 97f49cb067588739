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


def write(path: Path, series: Series, names: dict[str, str] | None = None, order: int = 1) -> Path:
    """Write a series as CSV, its channels renamed or in the opposite order (-1)."""
    table = pd.DataFrame(series.values, columns=list(series.channels))[list(series.channels)[::order]]
    table.insert(0, "time", pd.DatetimeIndex(series.times).tz_localize("UTC"))
    table.rename(columns=names or {}).to_csv(path, index=False)
    return path


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


def test_channels_are_found_by_name_in_any_order(trained: Workspace, tmp_path: Path, plants: list[Series]) -> None:
    for name in ("plant-0", "new"):
        (tmp_path / name).mkdir()
        for order, out in ((1, "a.csv"), (-1, "b.csv")):
            score_path(trained, write(tmp_path / name / f"{name}.csv", plants[0], order=order), tmp_path / out)
        assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


def test_other_names_are_refused_and_listed(trained: Workspace, tmp_path: Path, plants: list[Series]) -> None:
    first = plants[0].channels[0]
    for name in ("plant-0", "new"):
        path = write(tmp_path / f"{name}.csv", plants[0], {first: "other"})
        with pytest.raises(DataError, match=rf"'{name}'.* lacks '{first}', unknown is 'other'; rename .* --value"):
            score_path(trained, path, tmp_path / "out.csv")
    path = write(tmp_path / "new.csv", plants[0])
    pd.read_csv(path).assign(**{first: np.nan}).to_csv(path, index=False)
    with pytest.raises(DataError, match=rf"got 7: lacks '{first}' \(column '{first}' left out: empty\)"):
        score_path(trained, path, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_later_recording_is_measured_by_what_was_learnt(
    trained: Workspace, tmp_path: Path, plants: list[Series]
) -> None:
    scores = {}
    for file, name in (("plant-0", None), ("today", "plant-0"), ("today", None)):
        path, out = write(tmp_path / f"{file}.csv", plants[0]), tmp_path / "scores.csv"
        (found,) = score_path(trained, path, out, as_series=name)
        scores[file, name] = out.read_text()
        assert (found.series, found.known) == (name or file, (file, name) != ("today", None))
    assert scores["today", "plant-0"] == scores["plant-0", None]
    assert scores["today", None].replace("today", "plant-0") != scores["plant-0", None]
    with pytest.raises(
        DataError, match="--as to name a trained series, got 'plant'; choose among 'plant-0', 'plant-1'"
    ):
        score_path(trained, tmp_path / "today.csv", tmp_path / "scores.csv", as_series="plant")
    with pytest.raises(DataError, match="expected one file for --as plant-0, got the folder"):
        score_path(trained, tmp_path / "workspace", tmp_path / "scores.csv", as_series="plant-0")


def test_what_was_missing_is_told(trained: Workspace, tmp_path: Path, plants: list[Series]) -> None:
    path = write(tmp_path / "today.csv", plants[0])
    lines = path.read_text().splitlines()
    lines[5] = lines[5].rsplit(",", 1)[0] + ","
    path.write_text("\n".join(lines))
    (found,) = score_path(trained, path, tmp_path / "scores.csv")
    assert "missing cells interpolated: 1;" in found.losses


def test_what_is_read_is_never_written_over(trained: Workspace, tmp_path: Path, plants: list[Series]) -> None:
    path, out = write(tmp_path / "today.csv", plants[0]), tmp_path / "scores.csv"
    before = path.read_bytes()
    (tmp_path / "link.csv").symlink_to(path)
    (tmp_path / "hard.csv").hardlink_to(path)
    for wrong in (path, tmp_path / "workspace" / ".." / "today.csv", tmp_path / "link.csv", tmp_path / "hard.csv"):
        with pytest.raises(DataError, match="expected another file to write than the one to score"):
            score_path(trained, path, wrong)
        with pytest.raises(DataError, match="expected another file to write than the one to score"):
            score_path(trained, path, out, alarms=wrong)
    with pytest.raises(DataError, match="expected two files for --out and --alarms"):
        score_path(trained, path, out, alarms=tmp_path / "workspace" / ".." / "scores.csv")
    with pytest.raises(DataError, match="outside the folder to score"):
        score_path(trained, tmp_path, out)
    assert path.read_bytes() == before
    assert not out.exists()


def test_alarms_never_run_from_one_series_into_the_next() -> None:
    table = pd.DataFrame({"series": ["a", "b"], "time": [0, 0], "score": [0.9, 0.8], "anomaly": [1, 1]})
    assert list_alarms(table)["series"].tolist() == ["a", "b"]


@pytest.mark.parametrize(("zone", "written"), [(None, "2024-01-01T00:00:00"), ("+05:30", "2024-01-01T05:30:00+05:30")])
def test_times_are_written_as_the_source_wrote_them(zone: str | None, written: str) -> None:
    plant = simulate_plant(PlantConfig(points=300, faults=0, stops=0), seed=0).series
    series = Series("a", plant.values, plant.times, plant.channels, timezone=zone)
    assert written_times(series)[0] == written
