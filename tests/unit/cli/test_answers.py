from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from rl_tsad.cli.app import app
from rl_tsad.errors import DataError
from rl_tsad.services.ingest import keep_series
from rl_tsad.services.workspace import create_workspace
from rl_tsad.settings import load_settings
from rl_tsad.types import Series

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    with create_workspace(tmp_path / "w", load_settings(window={"length": 8, "stride": 4})) as ws:
        keep_series(ws, Series("fan", np.zeros((40, 1), np.float32), np.arange(40), ("x",)), source="test")
    return tmp_path / "w"


def run(project: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["-w", str(project), "labels", *map(str, words)], catch_exceptions=False)


def test_a_file_is_tried_added_and_written_again(project: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "a.csv", tmp_path / "b.json"
    file.write_text("series,start,end,label\nfan,9,9,anomaly\nfan,12,13,normal\nsnail,0,1,anomaly\n")
    with pytest.raises(DataError, match="line 4: expected a series of this workspace"):
        run(project, "import", file)
    tried = run(project, "import", file, "--skip-unknown", "--dry-run").output
    assert "1 windows would be added" in tried
    assert "read as intervals (1 anomaly, in 1 answers); 0 stand so already" in tried
    assert "no series of this workspace: snail" in tried
    assert "1 stretches label no window of their own" in tried
    assert "1 windows added" in run(project, "import", file, "--skip-unknown").output
    again = run(project, "import", file, "--skip-unknown", "--rest", "normal").output
    assert "8 windows added" in again
    assert "1 stand so already" in again
    assert "answers written" in run(project, "export", "--format", "nab", "--out", out).output
    assert "9" in out.read_text()


def test_conflicts_are_shown(project: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("series,start,end,label,analyst\nfan,8,11,normal,ann\n")
    (tmp_path / "b.csv").write_text("series,start,end\nfan,9,9\n")
    run(project, "import", tmp_path / "a.csv")
    shown = run(project, "import", tmp_path / "b.csv", "--conflicts", "keep").output
    assert "0 windows added" in shown
    assert "1 windows are answered differently; what stands is kept" in shown
    assert "fan:4:8" in shown
    assert "ann" in shown


def test_what_is_kept_for_the_test_is_left_out_and_said(tmp_path: Path) -> None:
    chosen = load_settings(window={"length": 8, "stride": 4}, split={"pool_fraction": 0.5})
    with create_workspace(tmp_path / "w", chosen) as ws:
        keep_series(ws, Series("fan", np.zeros((40, 1), np.float32), np.arange(40), ("x",)), source="test")
    (tmp_path / "a.csv").write_text("series,start,end\nfan,9,9\nfan,30,39\n")
    shown = " ".join(run(tmp_path / "w", "import", tmp_path / "a.csv").output.split())
    assert "1 windows added" in shown
    assert "3 windows are kept for the test" in shown
    assert "left out; the first: a.csv, line 3" in shown


def test_help_shows_formats_and_examples() -> None:
    shown = CliRunner().invoke(app, ["labels", "export", "--help"]).output
    assert "label-studio" in shown
    assert shown.count("Example: rl-tsad labels export") == 3
