"""What spreads while people differ, after a review, and when answers are taken back: as if spread anew each time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from db import queries, series, versions
from db.records import Answer, ItemState, NewItem, NewSeries, NewVersion
from rl_tsad.active.graph import build_graph
from rl_tsad.active.graph_files import save_graph
from rl_tsad.active.window_table import WindowTable
from rl_tsad.config import ActiveConfig, Settings
from rl_tsad.services.labeling import ask, tell, undo
from rl_tsad.services.settling import settle_queue
from rl_tsad.services.spreading import Live, live_now, reading_live
from rl_tsad.services.workspace import Workspace, create_workspace, write_series
from rl_tsad.types import Series

COUNT = 30
KEYS = [f"pump:{8 * row}:8" for row in range(COUNT)]
A, N = Answer.ANOMALY, Answer.NORMAL
NUMBERS = count()


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """Every window may be asked of two people; a question is about four windows in a row."""
    active = ActiveConfig(confidence=0.1, overlap=2)
    with create_workspace(tmp_path / "w", Settings(active=active)) as workspace:
        recorded = Series("pump", np.zeros((8 * COUNT, 1), np.float32), np.arange(8 * COUNT), ("x",))
        with workspace.store.begin() as session:
            record = series.add(session, NewSeries("pump", "abc", 8 * COUNT, ("x",)))
            version = versions.add(session, NewVersion("abc", {"window": {"stride": 8}}))
            versions.set_current(session, version.id)
            queries.replace(session, [question(row) for row in range(1, COUNT, 6)], version.id)
        write_series(workspace.root / record.path, recorded)
        points = np.random.default_rng(0).normal(size=(COUNT, 2)).astype(np.float32)
        graph = build_graph(points, np.array([f"s{row}:0:8" for row in range(COUNT)]), neighbours=4)
        table = type(graph)(WindowTable.of(KEYS), graph.indptr, graph.indices, graph.weights)
        save_graph(table, workspace.model_folder(version) / "graph")
        yield workspace


def question(row: int) -> NewItem:
    low = 8 * row
    return NewItem(KEYS[row], "pump", low, 8, low, low + 8, "top", "odd", -row, 0.5, 0.0, low, low + 32, 2)


def say(ws: Workspace, who: str, answer: Answer, extent: tuple[int, int] | None = None) -> int:
    card = ask(ws, who)
    assert card is not None
    return tell(ws, card.item.id, answer, who, client=who, sequence=next(NUMBERS), extent=extent).label.id


def is_as_spread_anew(ws: Workspace) -> bool:
    with reading_live(ws) as (session, live):
        assert live is not None
        fresh = Live(live.version, ws.model_folder(live.version) / "graph", ws.settings.active)
        fresh.catch_up(session)
        return bool(np.array_equal(live.state.flow, fresh.state.flow) and np.array_equal(live.decided, fresh.decided))


def flows(ws: Workspace) -> list[int]:
    with ws.store.read() as session, live_now(ws, session) as found:
        assert found is not None
        return [int(flow) for flow in found[0].state.flow[:7]]


def test_answers_that_differ_spread_nothing_and_a_review_or_an_undoing_brings_them_back(ws: Workspace) -> None:
    free = flows(ws)
    say(ws, "ann", A, (8, 56))  # beyond the question on its far side
    alone = flows(ws)
    assert alone[1:7] == [1] * 6
    assert is_as_spread_anew(ws)
    say(ws, "bob", N)
    assert flows(ws) == free
    assert is_as_spread_anew(ws)
    undo(ws, "bob")
    assert flows(ws) == alone
    assert is_as_spread_anew(ws)
    say(ws, "bob", N)
    assert flows(ws) == free
    say(ws, "rita", A, (8, 24))
    assert flows(ws)[1:5] == [1, 1, 0, 0]
    assert flows(ws)[5:] == free[5:]
    assert is_as_spread_anew(ws)
    undo(ws, "rita")
    assert flows(ws) == free
    assert is_as_spread_anew(ws)


def test_a_review_and_copies_of_an_answered_question_are_not_settled_by_look_alikes(ws: Workspace) -> None:
    for name, answer in (("ann", A), ("bob", N), ("cleo", N), ("dan", N)):
        with ws.store.begin() as session:
            item = queries.claim(session, name, queries.utc_now(), 60.0)
        assert item is not None
        tell(ws, item.id, answer, name, client=name, sequence=1)
    with ws.store.read() as session:
        settled = queries.in_state(session, ItemState.SETTLED)
        reviews = [item for item in queries.in_state(session, ItemState.OPEN) if item.strategy == "disagreement"]
    assert len(reviews) == 1
    assert all(item.copy in {0, 1} and item.strategy == "top" for item in settled)
    counted = [item.key for item in settled]
    assert all(counted.count(key) == 2 for key in counted)


def test_the_queue_is_left_as_if_all_of_it_were_looked_at(ws: Workspace) -> None:
    rng = np.random.default_rng(3)
    moved = 0
    for _ in range(40):
        who = str(rng.choice(["ann", "bob", "cy"]))
        if rng.random() < 0.25:
            undo(ws, who, client=who, sequence=next(NUMBERS))
        elif ask(ws, who) is not None:
            say(ws, who, A if rng.random() < 0.4 else N)
        with ws.store.begin() as session, live_now(ws, session) as found:
            assert found is not None
            before = {state: len(queries.in_state(session, state)) for state in ItemState}
            settle_queue(session, found[0].graph.windows, found[0].decided)
            assert before == {state: len(queries.in_state(session, state)) for state in ItemState}
        moved += before[ItemState.SETTLED]
    assert moved
