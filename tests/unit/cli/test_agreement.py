"""The commands on several people, over a workspace where two of them differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from db import queries, series
from db.records import Answer, Audience, ItemState, NewItem, NewSeries
from rl_tsad.cli.app import app
from rl_tsad.config import Settings
from rl_tsad.errors import LabelingError
from rl_tsad.services.labeling import tell
from rl_tsad.services.workspace import create_workspace

KEY = "pump:0:64"


@pytest.fixture
def run(tmp_path: Path) -> Any:
    with create_workspace(tmp_path / "w", Settings()) as ws:
        with ws.store.begin() as session:
            series.add(session, NewSeries("pump", "abc", 240, ("x",)))
            new = NewItem(KEY, "pump", 0, 64, 0, 64, "top", "odd", 1.0, 0.5, 0.0, copies=2)
            first, second = queries.replace(session, [new], None)
        tell(ws, first.id, Answer.ANOMALY, "ann", client="ann", sequence=1)
        tell(ws, second.id, Answer.NORMAL, "bob", client="bob", sequence=1)

    def call(*words: str) -> str:
        result = CliRunner().invoke(app, ["--workspace", str(tmp_path / "w"), "agreement", *words])
        if result.exception is not None:
            raise result.exception
        return result.output

    call.root = tmp_path / "w"  # type: ignore[attr-defined]
    return call


def review_of(root: Path) -> int:
    with create_workspace(root, Settings()) as ws, ws.store.read() as session:
        (review,) = [one for one in queries.in_state(session, ItemState.OPEN) if one.audience == Audience.REVIEWER]
        return review.id


def test_show_tells_people_pairs_and_what_waits(run: Any) -> None:
    shown = run("show")
    assert "ann: anomaly, bob: normal" in shown
    assert "Alpha of everybody: 0.00, no better than chance (1 questions)" in shown


def test_a_series_is_assigned_and_taken_away(run: Any) -> None:
    assert "pump is ann's" in run("assign", "pump", "ann")
    assert "Nothing changed" in run("assign", "pump", "ann")
    assert "no longer" in run("assign", "pump", "ann", "--away")


def test_a_control_is_what_a_review_decided(run: Any) -> None:
    number = review_of(run.root)
    assert f"Review {number} waits for rita" in run("review", str(number), "rita")
    with pytest.raises(LabelingError, match="got none; answer it, or decide its review, first"):
        run("controls", "set", KEY, "anomaly")
    with create_workspace(run.root, Settings()) as ws:
        tell(ws, number, Answer.ANOMALY, "rita", client="rita", sequence=1)
    assert "is a control now: anomaly; none are asked until" in run("controls", "set", KEY, "anomaly")
    assert KEY in run("controls", "list")
    assert "is asked no more" in run("controls", "end", KEY)
    assert "was no control" in run("controls", "end", KEY)
