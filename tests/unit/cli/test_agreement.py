"""The commands on several people, over a workspace where two of them differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from db import queries, series
from db.records import Answer, Audience, ItemState, NewItem, NewSeries
from rl_tsad.cli import console
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


@pytest.mark.parametrize("width", [80, 140])
def test_show_can_be_read_at_any_width(run: Any, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(console, "console", Console(width=width))
    lines = run("show").splitlines()
    assert max(map(len, lines)) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in "".join(lines)
    words = {word for line in lines for word in line.replace("\N{BOX DRAWINGS HEAVY VERTICAL}", " ").split()}
    headers = (
        "name answers asked with others alone an hour controls right first second alpha questions same window said"
    )
    assert set(headers.split()) <= words


def test_long_names_fold_and_numbers_stay_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "console", Console(width=80))
    name = "annemarie.schmidt-oberhausen.the.third@department.example.org"
    columns = ("name", "answers", "asked with others", "alone", "an hour", "controls", "right")
    console.print_table("People", columns, [(name, 12345, 1200, 31, 210, 12, 0.917), ("bob", 3, *(None,) * 5)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    inside = [line.split("\N{BOX DRAWINGS LIGHT VERTICAL}")[1:-1] for line in lines if line[:1] == lines[-2][:1]]
    assert [cell.strip() for cell in inside[0][1:]] == ["12345", "1200", "31", "210", "12", "0.917"]
    assert "".join(cells[0].strip() for cells in inside[:-1]) == name


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
