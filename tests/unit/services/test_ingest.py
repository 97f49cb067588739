from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from db.records import NewSeries, SeriesRecord
from rl_tsad.errors import DataError, WorkspaceError
from rl_tsad.services import ingest as ingest_service
from rl_tsad.services.ingest import ingest, keep_series, preview
from rl_tsad.services.workspace import Workspace, create_workspace, list_series, load_series
from rl_tsad.types import Series

CSV = "time,flow,label\n2024-01-01T00:00:00Z,1.5,0\n2024-01-01T00:05:00Z,2.5,1\n2024-01-01T00:10:00Z,3.5,0\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "workspace")


def test_ingest_keeps_values_truth_and_times(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "pump.csv").write_text(CSV)
    (kept,) = ingest(workspace, [tmp_path / "pump.csv"])
    assert kept.is_new
    assert kept.record is not None
    series = load_series(workspace, kept.record, truth=True)
    np.testing.assert_array_equal(series.values, np.array([[1.5], [2.5], [3.5]], np.float32))
    assert series.truth is not None
    assert series.truth.tolist() == [0, 1, 0]
    assert isinstance(series.values.base, np.memmap)
    assert load_series(workspace, kept.record).truth is None
    workspace.close()


def test_the_same_content_is_kept_once(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "pump.csv").write_text(CSV)
    ingest(workspace, [tmp_path / "pump.csv"])
    (again,) = ingest(workspace, [tmp_path / "pump.csv"])
    assert not again.is_new
    assert len(list_series(workspace)) == 1
    workspace.close()


def test_a_taken_name_is_refused_before_anything_is_kept(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "new.csv").write_text(CSV)
    (tmp_path / "a" / "pump.csv").write_text(CSV)
    (tmp_path / "pump.csv").write_text(CSV.replace("2.5", "9.5"))
    ingest(workspace, [tmp_path / "pump.csv"])
    with pytest.raises(DataError, match=r"expected a series name that is not taken.*'pump'.*--name"):
        ingest(workspace, [tmp_path / "a"])
    assert [record.name for record in list_series(workspace)] == ["pump"]
    workspace.close()


def test_one_bad_file_keeps_all_out(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(CSV)
    (tmp_path / "bad.csv").write_text(CSV.replace("2.5", "n/a?"))
    with pytest.raises(DataError, match=r"bad\.csv, line 3"):
        ingest(workspace, [tmp_path / "good.csv", tmp_path / "bad.csv"])
    assert list_series(workspace) == []
    assert list((workspace.root / "series").iterdir()) == []
    workspace.close()


def test_preview_keeps_nothing(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "pump.csv").write_text(CSV)
    (understood,) = preview([tmp_path / "pump.csv"])
    assert (understood.rows, understood.anomalies) == (3, 1)
    assert list_series(workspace) == []
    workspace.close()


def test_series_in_memory_are_kept_too(workspace: Workspace) -> None:
    series = Series("a", np.zeros((4, 1), np.float32), np.arange(4), ("x",))
    record = keep_series(workspace, series, source="test")
    assert (record.rows, record.has_truth) == (4, False)
    with pytest.raises(DataError, match="expected"):
        keep_series(workspace, Series("a", np.ones((4, 1), np.float32), np.arange(4), ("x",)), source="test")
    workspace.close()


def test_a_file_that_goes_on_extends_its_series(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "pump.csv").write_text(CSV)
    ingest(workspace, [tmp_path / "pump.csv"])
    (tmp_path / "pump.csv").write_text(CSV + "2024-01-01T00:15:00Z,4.5,1\n")
    ingest(workspace, [tmp_path / "pump.csv"])
    (record,) = list_series(workspace)
    assert record.rows == 4
    assert load_series(workspace, record).values[-1, 0] == 4.5
    workspace.close()


def test_another_number_of_channels_is_refused_at_once(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "pump.csv").write_text(CSV)
    ingest(workspace, [tmp_path / "pump.csv"])
    (tmp_path / "two.csv").write_text(CSV.replace("flow", "flow,more").replace("Z,", "Z,1,"))
    with pytest.raises(DataError, match="expected 1 channels as in the other series"):
        ingest(workspace, [tmp_path / "two.csv"])
    assert len(list_series(workspace)) == 1
    workspace.close()


def test_channels_of_the_same_names_are_kept_in_one_order(workspace: Workspace, tmp_path: Path) -> None:
    rows = [f"{flow},{flow % 7 * 3 + 50}" for flow in range(40)]
    (tmp_path / "b.csv").write_text("\n".join(["flow,temp", *rows]))
    ingest(workspace, [tmp_path / "b.csv"])
    turned = ["temp,flow", *(",".join(reversed(row.split(","))) for row in rows)]
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("\n".join(turned))
    new, same = ingest(workspace, [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert (new.is_new, same.is_new) == (True, False)
    assert new.understanding.channels == ("flow", "temp")
    assert "channels put in the order of the other series" in new.understanding.notes
    first, second = (load_series(workspace, record) for record in list_series(workspace))
    assert first.channels == second.channels == ("flow", "temp")
    np.testing.assert_array_equal(first.values, second.values)
    workspace.close()


def test_a_folder_with_other_files_is_no_place_for_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(WorkspaceError, match="expected a new or empty folder"):
        create_workspace(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("step", range(5))
def test_a_workspace_whose_making_was_killed_at_any_step_is_made_whole_by_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    steps = iter(range(9))
    made, moved = Path.mkdir, Path.replace

    def killed(verb: Callable[..., Any]) -> Callable[..., Any]:
        def one_step(path: Path, *arguments: Any, **named: Any) -> Any:
            if next(steps) == step:
                raise KeyboardInterrupt
            return verb(path, *arguments, **named)

        return one_step

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", killed(made))
        patched.setattr(Path, "replace", killed(moved))
        with pytest.raises(KeyboardInterrupt):
            create_workspace(tmp_path / "new")
    with create_workspace(tmp_path / "new") as workspace:
        folders = sorted(path.name for path in workspace.root.iterdir() if path.is_dir())
        assert folders == ["models", "reports", "series"]
        assert not list(workspace.root.glob(".*"))


def test_series_become_visible_together_or_not_at_all(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(CSV)
    add = ingest_service.series_rows.add

    def fails_on_the_second(session: Session, new: NewSeries) -> SeriesRecord:
        if new.name == "b":
            raise KeyboardInterrupt
        return add(session, new)

    monkeypatch.setattr(ingest_service.series_rows, "add", fails_on_the_second)
    with pytest.raises(KeyboardInterrupt):
        ingest(workspace, [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert list_series(workspace) == []
    workspace.close()
