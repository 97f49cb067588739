import json
from pathlib import Path

import pytest

from db import labels
from db.records import Answer
from rl_tsad.errors import DataError
from rl_tsad.services.exchange import export_answers, import_answers
from rl_tsad.services.labeling import ask, tell, undo
from rl_tsad.services.workspace import Workspace

pytestmark = pytest.mark.slow


def answer(workspace: Workspace, *answers: Answer, first: int = 0) -> list[str]:
    keys = []
    for number, said in enumerate(answers, first):
        card = ask(workspace, "ann")
        assert card is not None
        tell(workspace, card.item.id, said, "ann", client="test", sequence=number)
        keys.append(card.item.key)
    return keys


def standing(workspace: Workspace) -> dict[str, Answer | None]:
    with workspace.store.read() as session:
        return {label.key: label.answer for label in labels.standing(session)}


@pytest.mark.parametrize("name", ["answers.csv", "answers.json"])
def test_a_round_trip_brings_the_standing_answers_back(trained: Workspace, tmp_path: Path, name: str) -> None:
    answer(trained, Answer.NORMAL)
    undo(trained, "ann")
    answer(trained, Answer.ANOMALY, Answer.UNSURE, first=1)  # more would be settled by spreading on so few windows
    before = standing(trained)
    assert set(before.values()) == {Answer.ANOMALY, Answer.UNSURE}
    export_answers(trained, tmp_path / name)
    for _ in range(2):
        undo(trained, "ann")
    assert standing(trained) == {}
    assert import_answers(trained, tmp_path / name, analyst="x", dry_run=True) == len(before)
    assert standing(trained) == {}
    assert import_answers(trained, tmp_path / name, analyst="x") == len(before)
    assert standing(trained) == before
    assert import_answers(trained, tmp_path / name, analyst="x") == 0


def test_json_keeps_the_whole_history(trained: Workspace, tmp_path: Path) -> None:
    answer(trained, Answer.ANOMALY)
    undo(trained, "ann")
    assert export_answers(trained, tmp_path / "all.json") > 0
    events = json.loads((tmp_path / "all.json").read_text())["events"]
    said = [event["answer"] for event in events]
    windows = len(said) // 2
    assert said == ["anomaly"] * windows + [None] * windows
    assert [event["part"] for event in events] == [*range(windows), *range(windows)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("plant-0:0:64,maybe", r"line 3, column 'answer': expected anomaly, normal, unsure, got 'maybe'"),
        ("nobody:0:64,normal", r"line 3: expected a series of this workspace, got 'nobody'"),
        ("plant-0:0:32,normal", r"line 3: expected a window of length 64"),
        ("plant-0:860:64,normal", r"line 3: expected a window of length 64 inside the 900 points"),
        ("plant-0:3:64,normal", r"line 3: expected a window that starts at a multiple of 8"),
        ("what,normal", r"line 3, column 'key': expected a window key"),
    ],
)
def test_a_wrong_line_keeps_all_out(trained: Workspace, tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "a.csv").write_text(f"key,answer\nplant-0:8:64,normal\n{line}\n")
    with pytest.raises(DataError, match=complaint):
        import_answers(trained, tmp_path / "a.csv", analyst="x")
    assert standing(trained) == {}


def test_other_files_are_refused(trained: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match=r"line 1: expected the columns key and answer, got x, y"):
        import_answers(trained, tmp_path / "a.csv", analyst="x")
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(DataError, match="expected JSON of"):
        import_answers(trained, tmp_path / "a.json", analyst="x")
    with pytest.raises(DataError, match=r"\.csv or \.json"):
        export_answers(trained, tmp_path / "a.xml")
