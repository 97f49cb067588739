"""The commands on what answers settle, over a workspace with a graph and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from typer.testing import CliRunner

from db import queries, series, versions
from db.records import Answer, NewItem, NewSeries, NewVersion
from rl_tsad.active.graph import Graph, build_graph
from rl_tsad.active.graph_files import save_graph
from rl_tsad.active.window_table import WindowTable
from rl_tsad.cli.app import app
from rl_tsad.config import ActiveConfig, Settings
from rl_tsad.services.labeling import tell
from rl_tsad.services.workspace import create_workspace

KEYS = [f"pump:{8 * row}:8" for row in range(30)]


@pytest.fixture
def run(tmp_path: Path) -> Any:
    with create_workspace(tmp_path / "w", Settings(active=ActiveConfig(events=False, confidence=0.1))) as ws:
        with ws.store.begin() as session:
            series.add(session, NewSeries("pump", "abc", 240, ("x",)))
            version = versions.add(session, NewVersion("abc"))
            versions.set_current(session, version.id)
            items = [
                NewItem(key, "pump", 8 * row, 8, 8 * row, 8 * row + 8, "top", "", -row, 0.5, 0.0)
                for row, key in enumerate(KEYS)
            ]
            item = queries.replace(session, items, version.id)[0]
        points = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
        graph = build_graph(points, np.array([f"s{row}:0:8" for row in range(30)]), neighbours=4)
        table = WindowTable.of(KEYS)
        save_graph(Graph(table, graph.indptr, graph.indices, graph.weights), ws.model_folder(version) / "graph")
        tell(ws, item.id, Answer.NORMAL, "ann", client="tab", sequence=1)

    def call(*words: str) -> Any:
        return CliRunner().invoke(app, ["-w", str(tmp_path / "w"), "spread", *words])

    return call


def test_what_answers_settled_is_listed_shown_withdrawn_and_restored(run: Any) -> None:
    listed = run("list")
    assert listed.exit_code == 0
    assert "of 30 windows are settled, 0 of them as anomalies" in listed.output
    assert "normal: settled from confidence 0.10 on" in listed.output
    shown = run("show", "1")
    assert f"labels 1 windows, {KEYS[0]} first" in shown.output
    many = int(shown.output.split("It settles ")[1].split()[0])
    assert many > 1
    assert f"{many} windows would be unknown again" in run("withdraw", "1", "--dry-run").output
    assert f"It settles {many} windows" in run("show", "1").output
    assert f"{many} windows are unknown again. Answer 1 itself stays." in run("withdraw", "1").output
    assert "withdrawn from spreading" in run("show", "1").output
    assert "1 withdrawal was taken back" in run("restore", "1").output
    some = next(key for key in KEYS[1:] if key in run("show", "1").output)
    assert "1 window is unknown again" in run("withdraw", "1", "--window", some).output
    assert "taken out" in run("show", "1").output


def test_why_writes_the_graph_around_a_window(run: Any, tmp_path: Path) -> None:
    settled = next(key for key in KEYS[1:] if key in run("show", "1").output)
    told = run("why", settled, "--graphml", str(tmp_path / "why.graphml"))
    assert told.exit_code == 0
    assert f"{settled}: normal, settled with confidence" in told.output
    assert f"of what reaches it: normal, {KEYS[0]} -> " in told.output
    assert nx.read_graphml(tmp_path / "why.graphml").nodes[KEYS[0]]["said"] == 0
    assert "a person said so" in run("why", KEYS[0]).output


def test_what_is_not_there_is_said(run: Any) -> None:
    assert "expected the number of an answer, got 9" in str(run("show", "9").exception)
    assert "expected a folder for the file" in str(run("why", KEYS[0], "--graphml", "/none/x.graphml").exception)
    assert "window of the current model's pool" in str(run("why", "pump:1:8").exception)
