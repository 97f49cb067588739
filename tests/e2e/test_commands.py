"""The real command in real processes: what a newcomer types, and kill -9 in the middle of it."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from db import jobs, labels, versions
from db.records import JobState
from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.services.labeling import enqueue_retrain
from rl_tsad.services.workspace import open_workspace

pytestmark = pytest.mark.slow
COMMAND = Path(sys.executable).parent / "rl-tsad"
QUICK = {
    "RL_TSAD_DETECTOR__ASTER__STEPS": "10",
    "RL_TSAD_POLICY__STEPS": "2048",
    "RL_TSAD_POLICY__ENVS": "32",
    "RL_TSAD_POLICY__BATCH": "256",
    "RL_TSAD_ACTIVE__BATCH": "4",
    "RL_TSAD_LANGUAGE__BACKEND": "statistics",
    "OMP_NUM_THREADS": "1",
}


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RL_TSAD_")}
    return {**kept, **QUICK}


def run(*arguments: str | Path, code: int = 0) -> str:
    done = subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, env=environment(), timeout=200, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for number in range(2):
        series = simulate_plant(PlantConfig(points=700, faults=4, stops=1), seed=number).series
        assert series.truth is not None
        with (folder / f"plant-{number}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["time", *series.channels, "label"])
            rows = zip(series.times.astype("datetime64[s]"), series.values, series.truth, strict=True)
            writer.writerows([f"{moment}Z", *values.tolist(), known] for moment, values, known in rows)
    return folder


@pytest.fixture(scope="module")
def project(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project") / "w"
    run("-w", root, "ingest", data)
    run("-w", root, "train")
    return root


def test_a_newcomers_first_steps(project: Path, data: Path, tmp_path: Path) -> None:
    assert "1 (current)" in run("-w", project, "models", "list")
    shown = run("-w", project, "models", "show")
    assert all(word in shown for word in ("rest_memory", "Separability", "shuffle"))
    assert "0 series kept, 2 already there" in run("-w", project, "ingest", data)
    run("-w", project, "score", data / "plant-0.csv", "--out", tmp_path / "scores.csv", "--label", "label", code=2)
    run("-w", project, "score", data / "plant-0.csv", "--out", tmp_path / "scores.csv")
    later = ("score", shutil.copy(data / "plant-0.csv", tmp_path / "today.csv"), "--out", tmp_path / "later.csv")
    assert "--as NAME measures" in run("-w", project, *later)
    said = run("-w", project, *later, "--alarms", tmp_path / "alarms.csv", "--as", "plant-0")
    assert "what was learnt of it" in said
    assert f"{tmp_path / 'later.csv'}, {tmp_path / 'alarms.csv'}" in said
    assert (tmp_path / "later.csv").read_text() == (tmp_path / "scores.csv").read_text()
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 700
    assert all(0 <= float(row["score"]) <= 1 and row["anomaly"] in {"0", "1"} for row in rows)
    assert "model" in run("-w", project, "doctor")
    assert "0 answers written" in run("-w", project, "labels", "export", "--out", tmp_path / "a.csv")
    run("-w", project, "report", "--out", tmp_path / "r")
    assert {path.name for path in (tmp_path / "r").iterdir()} == {
        "report.html",
        "curve.csv",
        "curve.json",
        "answers.csv",
    }


def test_channels_get_their_roles_and_change_them(data: Path, tmp_path: Path) -> None:
    root, path = tmp_path / "w", data / "plant-0.csv"
    said = run("-w", root, "ingest", path, "--dry-run", "--exogenous", "load")
    assert "exogenous, never an alarm by themselves: load (as you said)" in said
    assert "vibration, tank_level (a measurement)" in said
    assert "did you mean 'load'" in run("-w", root, "ingest", path, "--exogenous", "laod", code=2)
    both = ("--exogenous", "load", "--target", "load")
    assert "under --target and under --exogenous; keep one" in run("-w", root, "ingest", path, *both, code=2)
    assert "expected --roles infer" in run("-w", root, "ingest", path, "--roles", "guess", code=2)
    run("-w", root, "ingest", path, "--exogenous", "load")
    said = run("-w", root, "ingest", data / "plant-1.csv", "--roles", "all-targets", code=2)
    assert "expected the same exogenous channels as in the series already there ('load'), got none" in said
    assert "2 series kept" not in run("-w", root, "ingest", data)
    assert "load" in run("-w", root, "series", "list")
    assert "train" in run("-w", root, "series", "roles", "--target", "load", "--exogenous", "valve")
    assert "No channel has changed" in run("-w", root, "series", "roles", "--exogenous", "valve")
    assert "expected at least one target" in run("-w", root, "series", "roles", "--roles", "all-exogenous", code=2)


def test_errors_are_sentences_not_tracebacks(project: Path, tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("this is no database, whatever its name says")
    wrong = {
        ("-w", tmp_path / "none", "train"): "expected a workspace",
        ("-w", project, "ingest", tmp_path / "none.csv"): "expected a file or folder",
        ("-w", project, "score", tmp_path / "none.csv", "--out", tmp_path / "x.txt"): ".csv or .parquet",
        ("-w", project, "score", tmp_path / "x.csv", "--out", tmp_path / "x.csv"): "expected another file to write",
        ("-w", project, "simulate", "--budgets", "a,b", "--out", tmp_path / "s"): "expected whole numbers",
        ("-w", project, "--set", "database=nonsense", "models", "list"): "expected a database URL",
        ("-w", tmp_path / "j", "init", "--database", "nonsense"): "expected a database URL",
        ("-w", project, "--set", f"database=sqlite:///{tmp_path}/no.db", "models", "list"): "expected the database",
        ("-w", tmp_path / "i", "init", "--database", "postgresql://me:secret@h/d"): "without a password",
    }
    for arguments, sentence in wrong.items():
        said = run(*arguments, code=2)
        assert sentence in said
        assert "Traceback" not in said
        assert "secret" not in said


def test_unknown_settings_are_refused(project: Path) -> None:
    text = (project / "rl-tsad.toml").read_text()
    try:
        (project / "rl-tsad.toml").write_text(text + "\n[agnet]\ngamma = 0.5\n")
        assert "setting 'agnet': expected a known key" in run("-w", project, "models", "list", code=2)
    finally:
        (project / "rl-tsad.toml").write_text(text)


def measured(out: Path) -> list[dict[str, Any]]:
    return list(json.loads((out / "curve.json").read_text())["measurements"])


@pytest.mark.timeout(600)
def test_a_simulator_killed_again_and_again_ends_as_if_nothing_had_happened(data: Path, tmp_path: Path) -> None:
    study = ("simulate", "--data", data, "--budgets", "0,4,10", "--seeds", "1", "--out")
    run(*study, tmp_path / "calm")
    kills = 0
    for patience in (4.0, 5.0, 6.0, 7.0, 8.0):
        process = subprocess.Popen(
            [COMMAND, *map(str, study), tmp_path / "rough"],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    run(*study, tmp_path / "rough")
    assert kills > 0
    calm, rough = measured(tmp_path / "calm"), measured(tmp_path / "rough")
    values = [row.pop("metrics") for row in calm], [row.pop("metrics") for row in rough]
    assert rough == calm  # every question was asked once, and every answer counted
    for usual, found in zip(*values, strict=True):  # networks trained in two processes may round otherwise on some CPUs
        assert found == pytest.approx(usual, abs=0.02)
    assert not list((tmp_path / "rough").rglob(".draft-*"))


@pytest.mark.timeout(600)
def test_a_killed_worker_loses_no_answer_and_the_next_one_finishes_its_job(project: Path) -> None:
    root = project.parent / "killed"
    shutil.copytree(project, root)
    lease = {"RL_TSAD_WORK__JOB_LEASE": "2"}
    with open_workspace(root) as workspace:
        job = enqueue_retrain(workspace, "test")
    process = subprocess.Popen(
        [COMMAND, "-w", str(root), "worker", "--poll", "0.1"],
        env={**environment(), **lease, "RL_TSAD_POLICY__STEPS": "2000128", "RL_TSAD_POLICY__PATIENCE": "9999"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with open_workspace(root) as workspace:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with workspace.store.read() as session:
                if jobs.get(session, job.id).state == JobState.RUNNING:
                    break
            time.sleep(0.1)
        time.sleep(1.0)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with workspace.store.read() as session:
            assert jobs.get(session, job.id).state == JobState.RUNNING
            assert versions.of_job(session, job.id) == []
            answered = len(labels.standing(session))
        time.sleep(2.5)
        subprocess.run(
            [COMMAND, "-w", str(root), "worker", "--once"], env={**environment(), **lease}, check=True, timeout=200
        )
        with workspace.store.read() as session:
            assert jobs.get(session, job.id).state == JobState.DONE
            assert len(versions.of_job(session, job.id)) == 1
            assert len(labels.standing(session)) == answered
