"""A small trained-looking workspace without any training: series, version, graph and queue written by hand."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hand_made
import numpy as np
import pytest
import streamlit as st
from desk_process import Server, running_browser

from db import jobs, labels, versions
from db.records import Label, ModelVersion, NewVersion
from rl_tsad.config import Settings
from rl_tsad.services.workspace import Workspace, create_workspace
from rl_tsad.types import Series, Windows, slide

HOSTILE = "pump <b>x</b> ![p](http//evil/a.png) $x$"
CHANNELS = ("flow [l/s]", "T <img src=x> (°C)", "valve")
EXOGENOUS = ("valve",)
POINTS, QUESTIONS = 640, 6
EVENT_BEFORE, EVENT_AFTER = 1, 2
"""Windows of a proposal before and after the asked one."""


@dataclass(frozen=True)
class Scene:
    """A workspace on disk and what is known of it."""

    root: Path
    ws: Workspace
    windows: Windows

    def standing(self) -> list[Label]:
        with self.ws.store.read() as session:
            return labels.standing(session)

    def history(self) -> list[Label]:
        with self.ws.store.read() as session:
            return labels.history(session)

    def answers(self) -> list[str]:
        """What stands about the windows that were asked."""
        return [str(label.answer.value) for label in self.standing() if label.answer is not None and not label.part]

    def share(self) -> None:
        """Ask every question of two people."""
        version = self.version()
        assert version is not None
        fill_queue(self.ws, self.windows, version, copies=2)

    def version(self) -> ModelVersion | None:
        with self.ws.store.read() as session:
            return versions.current(session)

    def run_job(self, progress: float, message: str) -> None:
        now = datetime.now(UTC)
        with self.ws.store.begin() as session:
            job = jobs.claim(session, "w", now, 600.0)
            assert job is not None
            jobs.heartbeat(session, job.id, "w", now=now, lease_seconds=600.0, progress=progress, message=message)

    def finish_job(self) -> None:
        now = datetime.now(UTC)
        with self.ws.store.begin() as session:
            job = jobs.claim(session, "w", now, 600.0)
            assert job is not None
        version = add_version(self.ws, self.windows, metrics={"questions": 6.0})
        fill_queue(self.ws, self.windows, version, shift=2)
        with self.ws.store.begin() as session:
            assert jobs.finish(session, job.id, "w", now=now, result={"version": version.id})

    def fail_job(self, message: str) -> None:
        now = datetime.now(UTC)
        with self.ws.store.begin() as session:
            job = jobs.claim(session, "w", now, 600.0)
            assert job is not None
            jobs.fail(session, job.id, "w", now=now, message=message)


def plant() -> Series:
    rng = np.random.default_rng(0)
    steps = np.arange(POINTS)
    clock = np.datetime64("2026-03-03T08:00", "ns") + steps * np.timedelta64(60, "s")
    clock[300:] += np.timedelta64(3, "h")
    waves = np.stack([np.sin(steps / 12), 40 + np.cos(steps / 40), steps % 50 / 50], axis=1)
    values = (waves + rng.normal(0, 0.08, waves.shape)).astype(np.float32)
    values[400:408, 1] += 4
    return Series(HOSTILE, values, clock, CHANNELS, None, "Europe/Berlin")


def add_version(ws: Workspace, windows: Windows, *, metrics: dict[str, float]) -> ModelVersion:
    parent = Scene(ws.root, ws, windows).version()
    new = NewVersion("d" * 64, {}, metrics, parent_id=parent.id if parent else None, seconds=61.2)
    return hand_made.add_version(ws, windows, windows.values.mean(axis=1).astype(np.float32), neighbours=3, new=new)


def fill_queue(ws: Workspace, windows: Windows, version: ModelVersion, *, shift: int = 0, copies: int = 1) -> None:
    rows = np.linspace(3, len(windows) - 5, QUESTIONS).astype(int) + shift
    hand_made.ask(
        ws, windows, POINTS, rows, version, around=(EVENT_BEFORE, EVENT_AFTER), strategies=("margin", "top", "diverse"),
        reason="the agent is least sure here; *valve* deviates most", copies=copies,
    )  # fmt: skip


def build(root: Path, *, queue: bool = True) -> Scene:
    ws = create_workspace(root, Settings())
    recorded = plant()
    windows = slide(recorded, length=64, stride=8)
    hand_made.add_series(ws, recorded, exogenous=EXOGENOUS)
    version = add_version(
        ws, windows, metrics={"questions": 0.0, "answers/agreement": 0.75, "windows/flagged": 0.04, "promoted": 1.0}
    )
    if queue:
        fill_queue(ws, windows, version)
    return Scene(root, ws, windows)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "plant"
    build(root).ws.close()
    return root


@pytest.fixture
def scene(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    root = tmp_path / "plant"
    shutil.copytree(template, root)
    yield from _opened(root, monkeypatch)


@pytest.fixture
def server(scene: Scene) -> Iterator[Server]:
    server = Server(scene.root)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_browser() as started:
        yield started


@pytest.fixture
def untrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    create_workspace(tmp_path / "new").close()
    yield from _opened(tmp_path / "new", monkeypatch)


def _opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("RL_TSAD_WORKSPACE", str(root))
    monkeypatch.setattr("sys.argv", ["app.py"])
    with create_workspace(root) as ws:
        yield Scene(root, ws, slide(plant(), length=64, stride=8))
    st.cache_resource.clear()
