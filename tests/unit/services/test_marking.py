"""What an answer about a proposed event labels, undoes and costs, over a real store and a pool that ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from db import labels, queries, series, versions
from db.records import Answer, ItemState, Label, NewItem, NewSeries, NewVersion
from db.session import utc_now
from rl_tsad.active.graph import build_graph
from rl_tsad.active.graph_files import save_graph
from rl_tsad.config import ActiveConfig, Settings, WindowConfig
from rl_tsad.errors import LabelingError
from rl_tsad.services import labeling, marking
from rl_tsad.services.labeling import Card, Told, ask, progress, respread, tell, undo
from rl_tsad.services.workspace import Workspace, create_workspace
from rl_tsad.types import Series, Windows, slide, spans_of

LENGTH, STRIDE, POINTS, POOL, REACH = 16, 4, 402, 60, 2
NAME = "pump"
ACTIVE = ActiveConfig(events=True, reach=REACH, confidence=1.0)
SETTINGS = Settings(window=WindowConfig(length=LENGTH, stride=STRIDE), active=ACTIVE)


def recorded() -> Series:
    values = np.random.default_rng(0).normal(size=(POINTS, 1)).astype(np.float32)
    return Series(NAME, values, np.arange(POINTS), ("flow",))


WINDOWS: Windows = slide(recorded(), length=LENGTH, stride=STRIDE)
SPANS = spans_of(WINDOWS, POINTS)


def question(row: int, low: int, high: int) -> NewItem:
    """Ask about a window and propose the windows [low, high)."""
    span = SPANS[row].tolist()
    return NewItem(
        *(str(WINDOWS.keys[row]), NAME, int(WINDOWS.starts[row]), LENGTH, *span, "top", "odd", -float(row), 0.7, 0.4),
        event_low=int(SPANS[low, 0]),
        event_high=int(SPANS[high - 1, 1]),
    )


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """One series of 97 windows, the first 60 in the pool, and three questions: rows 0, 20 and 58."""
    with create_workspace(tmp_path / "w", SETTINGS) as workspace:
        yield filled(workspace)


def filled(workspace: Workspace) -> Workspace:
    one = recorded()
    with workspace.store.begin() as session:
        record = series.add(session, NewSeries(NAME, "abc", POINTS, one.channels))
        version = versions.add(session, NewVersion("abc", config={"window": {"length": LENGTH, "stride": STRIDE}}))
        versions.set_current(session, version.id)
        queries.replace(session, [question(0, 0, 2), question(20, 18, 24), question(58, 57, 60)], version.id)
    folder = workspace.root / record.path
    folder.mkdir(parents=True)
    np.save(folder / "values.npy", one.values)
    np.save(folder / "times.npy", one.times)
    scattered = np.random.default_rng(1).normal(size=(POOL, 4)).astype(np.float32)
    save_graph(build_graph(scattered, WINDOWS.keys[:POOL], neighbours=3), workspace.model_folder(version) / "graph")
    return workspace


def item_of(ws: Workspace, row: int) -> int:
    with ws.store.read() as session:
        return max(item.id for item in queries.in_state(session, *ItemState) if item.key == WINDOWS.keys[row])


def card_of(ws: Workspace, row: int) -> Card:
    with ws.store.begin() as session:
        queries.lease(session, item_of(ws, row), "somebody", utc_now(), 60)
    card = ask(ws, "somebody")
    assert card is not None
    assert card.item.key == WINDOWS.keys[row]
    return card


def said(ws: Workspace, row: int, answer: Answer, extent: tuple[int, int] | None = None, sequence: int = 1) -> Told:
    return tell(ws, item_of(ws, row), answer, "ann", client="tab", sequence=sequence, extent=extent)


def standing(ws: Workspace) -> dict[int, str]:
    """Row of the window -> what stands about it."""
    with ws.store.read() as session:
        return {row_of(label): str(label.answer) for label in labels.standing(session)}


def row_of(label: Label) -> int:
    return label.start // STRIDE


def rows(**answers: range) -> dict[int, str]:
    return {row: answer for answer, its in answers.items() for row in its}


def point(row: int) -> int:
    """First point that a window decides."""
    return int(SPANS[row, 0])


def test_normal_labels_the_whole_proposal_and_unsure_the_asked_window_only(ws: Workspace) -> None:
    told = said(ws, 20, Answer.NORMAL)
    assert standing(ws) == rows(normal=range(18, 24))
    assert (row_of(told.label), told.label.part, told.answer, told.windows(Answer.NORMAL)) == (20, 0, Answer.NORMAL, 6)
    told = said(ws, 58, Answer.UNSURE, sequence=2)
    assert standing(ws) == rows(normal=range(18, 24)) | {58: "unsure"}
    assert told.answer == Answer.UNSURE
    spent = progress(ws).spent
    assert (spent.questions, spent.labels, spent.unsure, spent.glances, spent.doubts) == (2, 6, 1, 1, 1)


def test_a_marked_event_labels_what_it_touches_the_rest_of_the_proposal_and_both_edges(ws: Workspace) -> None:
    told = said(ws, 20, Answer.ANOMALY, (point(21) + 1, point(25) + 1))
    assert standing(ws) == rows(normal=range(18, 21), anomaly=range(21, 26))  # the context ends with row 25
    assert told.answer == Answer.ANOMALY
    assert told.label.answer == Answer.NORMAL  # of the asked window itself
    assert (told.windows(Answer.ANOMALY), told.windows(Answer.NORMAL)) == (5, 3)
    undo(ws, "ann")
    said(ws, 20, Answer.ANOMALY, (point(17), point(24)), sequence=2)
    assert standing(ws) == rows(normal=range(16, 17), anomaly=range(17, 24)) | {24: "normal"}
    assert progress(ws).spent.events == 2


def test_an_event_taken_as_it_stands_says_nothing_of_what_lies_beyond(ws: Workspace) -> None:
    said(ws, 20, Answer.ANOMALY)
    assert standing(ws) == rows(anomaly=range(18, 24))
    spent = progress(ws).spent
    assert (spent.questions, spent.labels, spent.glances, spent.events) == (1, 6, 1, 0)


def test_an_edge_does_not_overrule_what_somebody_said(ws: Workspace) -> None:
    with ws.store.begin() as session:
        for row in (17, 24):
            key = str(WINDOWS.keys[row])
            labels.append(session, labels.NewLabel(key, NAME, row * STRIDE, LENGTH, Answer.ANOMALY, "bob"))
    said(ws, 20, Answer.ANOMALY, (point(18), point(24)))
    assert standing(ws) == rows(anomaly=range(17, 25))


def test_windows_outside_the_pool_are_never_labelled(ws: Workspace) -> None:
    card = card_of(ws, 58)
    assert card.keys == tuple(WINDOWS.keys[55:POOL].tolist())
    assert (card.origin + card.markable[0], card.origin + card.markable[1]) == (point(55), point(POOL))
    said(ws, 58, Answer.ANOMALY, (point(58), POINTS))
    assert standing(ws) == {57: "normal", 58: "anomaly", 59: "anomaly"}
    with pytest.raises(LabelingError, match="touch a window of the pool between the points 0 and"):
        said(ws, 0, Answer.ANOMALY, (point(POOL), point(POOL) + 4), sequence=2)


def test_the_first_windows_of_a_series_reach_back_to_its_first_point(ws: Workspace) -> None:
    said(ws, 0, Answer.ANOMALY, (0, 2))
    assert standing(ws) == {0: "anomaly", 1: "normal"}


@pytest.mark.parametrize("extent", [(50, 50), (60, 50), (-1, 90), (80, POINTS + 1)])
def test_an_empty_extent_or_one_beyond_the_series_keeps_nothing(ws: Workspace, extent: tuple[int, int]) -> None:
    item = card_of(ws, 20).item.id
    with pytest.raises(LabelingError, match=r"within the 402 points of the series, got .* at least one point"):
        tell(ws, item, Answer.ANOMALY, "ann", client="tab", sequence=1, extent=extent)
    with pytest.raises(LabelingError, match="with the answer anomaly only, got normal"):
        tell(ws, item, Answer.NORMAL, "ann", client="tab", sequence=1, extent=(80, 90))
    assert standing(ws) == {}
    assert progress(ws).counts[ItemState.ANSWERED] == 0


def test_the_same_message_is_kept_once_with_its_first_extent(ws: Workspace) -> None:
    item = card_of(ws, 20).item.id
    first = tell(ws, item, Answer.ANOMALY, "ann", client="tab", sequence=1, extent=(point(19), point(22)))
    again = tell(ws, item, Answer.ANOMALY, "ann", client="tab", sequence=1, extent=(point(18), point(25)))
    late = tell(ws, item, Answer.NORMAL, "ann", client="tab", sequence=1)
    assert first.rows == again.rows == late.rows
    assert {(row.mark_low, row.mark_high) for row in first.rows} == {(point(19), point(22))}
    assert progress(ws).spent.questions == 1


def test_undo_takes_the_whole_answer_back_and_asks_the_same_again(ws: Workspace) -> None:
    card = card_of(ws, 20)
    told = said(ws, 20, Answer.ANOMALY, (point(19), point(22)))
    assert len(told.rows) == 6
    label = undo(ws, "ann", client="tab", sequence=2)
    assert label is not None
    assert label.key == card.item.key
    assert standing(ws) == {}
    again = ask(ws, "ann")
    assert again is not None
    assert again.item.id == card.item.id
    spent = progress(ws).spent
    assert (spent.questions, spent.labels, spent.undone, spent.events) == (1, 0, 1, 1)


def test_a_question_about_a_window_that_an_event_labels_waits_until_the_event_is_taken_back(ws: Workspace) -> None:
    with ws.store.begin() as session:
        queries.replace(session, [question(20, 18, 24), question(22, 22, 23), question(40, 40, 41)], 1)
    said(ws, 20, Answer.NORMAL)
    respread(ws)
    assert open_rows(ws) == {40}
    undo(ws, "ann")
    assert open_rows(ws) == {22, 40}


def open_rows(ws: Workspace) -> set[int]:
    with ws.store.read() as session:
        return {item.start // STRIDE for item in queries.in_state(session, ItemState.OPEN)}


def test_agreement_compares_the_asked_window_only(ws: Workspace) -> None:
    said(ws, 20, Answer.ANOMALY, (point(19), point(22)))  # the model said anomaly
    said(ws, 58, Answer.NORMAL, sequence=2)
    assert progress(ws).curve == [(1, 1.0), (2, 0.5)]


def test_a_card_shows_the_proposal_and_as_much_beyond_it_as_can_be_labelled(ws: Workspace) -> None:
    card = card_of(ws, 20)
    assert card.asks_event
    assert card.keys == tuple(WINDOWS.keys[16:26].tolist())
    low, high = card.event
    assert np.array_equal(card.values[low:high], recorded().values[point(18) : point(24)])
    first, last = card.markable
    assert np.array_equal(card.times[first:last], recorded().times[point(16) : point(26)])
    assert 0 <= first <= low < high <= last <= len(card.values)


def test_without_events_a_question_shows_its_window_as_before(tmp_path: Path) -> None:
    plain = SETTINGS.model_copy(update={"active": ActiveConfig(events=False)})
    with create_workspace(tmp_path / "w", plain) as ws:
        card = card_of(filled(ws), 20)
    assert not card.asks_event
    assert len(card.values) == LENGTH * (labeling.WINDOWS_BEFORE + 1 + labeling.WINDOWS_AFTER)


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_without_the_models_files_only_the_asked_window_is_labelled(
    ws: Workspace, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    marking._windows.cache_clear()
    keys = ws.model_folder(1) / "graph" / "starts.npy"
    if damage == "gone":
        keys.unlink()
    else:
        keys.write_bytes(b"torn")
    said(ws, 20, Answer.NORMAL)
    assert standing(ws) == {20: "normal"}
    assert "labels the asked window only" in caplog.text
