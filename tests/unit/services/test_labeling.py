"""Ask and tell over a real store and a real graph, without any training."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from db import jobs, queries, series, versions
from db.errors import UnavailableError
from db.records import Answer, ItemState, JobState, NewItem, NewSeries, NewVersion
from db.session import utc_now
from rl_tsad.active.graph import build_graph
from rl_tsad.active.graph_files import save_graph
from rl_tsad.active.window_table import WindowTable
from rl_tsad.config import Settings
from rl_tsad.errors import LabelingError, WorkspaceError
from rl_tsad.services import labeling, spreading
from rl_tsad.services.labeling import ask, enqueue_retrain, progress, release, respread, tell, undo
from rl_tsad.services.workspace import Workspace, create_workspace
from rl_tsad.types import Series, slide, spans_of

LENGTH, STRIDE, POINTS = 16, 4, 200
NAME = "pump"


def plain_series() -> Series:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(POINTS, 2)).astype(np.float32)
    times = np.datetime64("2026-01-01T00:00", "ns") + np.arange(POINTS) * np.timedelta64(60, "s")
    return Series(NAME, values, times, ("flow", "heat"), timezone="Europe/Berlin")


def write_arrays(folder: Path, recorded: Series) -> None:
    folder.mkdir(parents=True)
    np.save(folder / "values.npy", recorded.values)
    np.save(folder / "times.npy", recorded.times)


def new_items(recorded: Series) -> list[NewItem]:
    windows = slide(recorded, length=LENGTH, stride=STRIDE)
    spans = spans_of(windows, recorded.length)
    return [
        NewItem(key, NAME, start, LENGTH, low, high, "margin", "the model is in doubt", -row, row % 2 * 0.8 + 0.1, 0.5)
        for row, (key, start, (low, high)) in enumerate(
            zip(windows.keys.tolist(), windows.starts.tolist(), spans.tolist(), strict=True)
        )
    ]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with one series and a queue over all of its windows, but no model."""
    recorded = plain_series()
    with create_workspace(tmp_path / "w", Settings()) as workspace:
        with workspace.store.begin() as session:
            record = series.add(session, NewSeries(NAME, "abc", POINTS, recorded.channels, timezone=recorded.timezone))
            queries.replace(session, new_items(recorded), None)
        write_arrays(workspace.root / record.path, recorded)
        yield workspace


def add_model(ws: Workspace, *, questions: int = 0) -> None:
    """Two groups of windows that look alike within and unlike between: the even and the odd rows."""
    keys = np.array([item.key for item in new_items(plain_series())])
    embedding = np.zeros((len(keys), 2), np.float32)
    embedding[1::2] = 50.0
    embedding += np.random.default_rng(1).normal(scale=0.1, size=embedding.shape).astype(np.float32)
    apart = np.array([f"s{row}:0:16" for row in range(len(keys))])  # no edges in time
    graph = build_graph(embedding, apart, neighbours=5)
    with ws.store.begin() as session:
        version = versions.add(session, NewVersion("abc", metrics={"questions": questions}))
        versions.set_current(session, version.id)
    save_graph(
        type(graph)(WindowTable.of(keys), graph.indptr, graph.indices, graph.weights),
        ws.model_folder(version) / "graph",
    )


def count(ws: Workspace, state: ItemState) -> int:
    return progress(ws).counts[state]


def asked(ws: Workspace, analyst: str = "ann") -> labeling.Card:
    card = ask(ws, analyst)
    assert card is not None
    return card


def test_a_card_shows_the_window_in_its_surroundings(ws: Workspace) -> None:
    recorded = plain_series()
    cards = {}
    for number in range(count(ws, ItemState.OPEN)):
        card = asked(ws, f"analyst {number}")
        cards[card.item.start] = card
    assert ask(ws, "one too many") is None
    for start, card in cards.items():
        assert np.array_equal(card.values[card.window_low : card.window_high], recorded.values[start : start + LENGTH])
        low, high = card.item.span_low, card.item.span_high
        assert np.array_equal(card.values[card.span_low : card.span_high], recorded.values[low:high])
        assert np.array_equal(card.times[card.span_low : card.span_high], recorded.times[low:high])
    middle = cards[100]
    assert (middle.window_low, len(middle.values) - middle.window_high) == (3 * LENGTH, LENGTH)
    assert (cards[0].window_low, cards[0].span_low) == (0, 0)
    assert cards[max(cards)].span_high == len(cards[max(cards)].values)
    assert (middle.channels, middle.timezone, middle.reason) == (
        ("flow", "heat"),
        "Europe/Berlin",
        "the model is in doubt",
    )
    assert middle.times.dtype == np.dtype("datetime64[ns]")
    assert middle.values.flags.owndata


def test_asking_again_gives_the_same_question_until_it_is_told_or_given_back(ws: Workspace) -> None:
    first = asked(ws)
    assert asked(ws).item.id == first.item.id
    other = asked(ws, "bob")
    assert other.item.id != first.item.id
    told = tell(ws, first.item.id, Answer.NORMAL, "ann", client="tab", sequence=1)
    assert told.left == first.left - 1
    second = asked(ws)
    assert second.item.id not in (first.item.id, other.item.id)
    release(ws, second.item.id, "ann")
    release(ws, second.item.id, "ann")
    assert asked(ws, "cy").item.id == second.item.id


def test_a_question_goes_on_when_its_lease_is_over_and_a_late_answer_is_kept(ws: Workspace) -> None:
    card = asked(ws)
    with ws.store.begin() as session:
        queries.heartbeat(session, card.item.id, "ann", utc_now() - timedelta(hours=1), 1.0)
    assert asked(ws, "bob").item.id == card.item.id
    tell(ws, card.item.id, Answer.ANOMALY, "bob", client="b", sequence=1)
    late = tell(ws, card.item.id, Answer.NORMAL, "ann", client="a", sequence=1)
    assert late.label.analyst == "ann"
    spent = progress(ws).spent
    assert (spent.questions, spent.labels, spent.normals) == (1, 1, 1)


def test_a_message_sent_twice_is_kept_once(ws: Workspace) -> None:
    card = asked(ws)
    first = tell(ws, card.item.id, Answer.ANOMALY, "ann", client="tab", sequence=1)
    again = tell(ws, card.item.id, Answer.NORMAL, "ann", client="tab", sequence=1)
    assert again.label == first.label
    assert again.left == first.left
    other = asked(ws)
    with pytest.raises(LabelingError, match="number every message anew"):
        tell(ws, other.item.id, Answer.NORMAL, "ann", client="tab", sequence=1)
    assert progress(ws).spent.questions == 1


def test_undo_brings_the_same_question_back_to_the_same_analyst(ws: Workspace) -> None:
    card = asked(ws)
    tell(ws, card.item.id, Answer.ANOMALY, "ann", client="tab", sequence=1)
    meanwhile = asked(ws)
    assert undo(ws, "bob") is None
    label = undo(ws, "ann", client="tab", sequence=2)
    assert undo(ws, "ann", client="tab", sequence=2) == label
    assert label is not None
    assert label.key == card.item.key
    assert asked(ws, "bob").item.id not in (card.item.id, meanwhile.item.id)
    assert asked(ws).item.id == card.item.id
    tell(ws, card.item.id, Answer.NORMAL, "ann", client="tab", sequence=3)
    assert asked(ws).item.id == meanwhile.item.id
    spent = progress(ws).spent
    assert (spent.questions, spent.labels, spent.normals, spent.undone) == (1, 1, 1, 1)


def test_one_answer_settles_its_look_alikes_and_undo_opens_them_again(ws: Workspace) -> None:
    add_model(ws)
    total = count(ws, ItemState.OPEN)
    card = asked(ws)
    told = tell(ws, card.item.id, Answer.ANOMALY, "ann", client="tab", sequence=1)
    alike = (total + 1) // 2 - 1
    assert 0 < told.spread <= alike
    assert count(ws, ItemState.SETTLED) == told.spread == progress(ws).settled
    assert told.left == total - 1 - told.spread
    undo(ws, "ann")
    assert count(ws, ItemState.SETTLED) == 0
    assert count(ws, ItemState.OPEN) == total - 1  # and the one that is on the analyst's desk again


def test_an_answer_counts_only_the_windows_that_it_decides_itself(ws: Workspace) -> None:
    add_model(ws)
    first = asked(ws)
    tell(ws, first.item.id, Answer.ANOMALY, "ann", client="tab", sequence=1)
    decided = progress(ws).settled
    other = asked(ws)
    assert (other.item.start // STRIDE) % 2 == 1  # the other group: its look-alikes know nothing of the first
    second = tell(ws, other.item.id, Answer.NORMAL, "ann", client="tab", sequence=2)
    assert second.spread == progress(ws).settled - decided
    third = tell(ws, asked(ws).item.id, Answer.UNSURE, "ann", client="tab", sequence=3) if ask(ws, "ann") else None
    assert third is None or third.spread == 0


@pytest.mark.parametrize("broken", ["live_now", "load_graph", "settle", "read"])
def test_a_failure_of_the_spreading_loses_no_answer(
    ws: Workspace, broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    def unavailable(*_: object) -> None:
        raise UnavailableError("gone")

    add_model(ws)
    card = asked(ws)
    with monkeypatch.context() as patch:
        if broken == "read":
            patch.setattr(type(ws.store), "read", unavailable)
        else:
            patch.setattr(queries if broken == "settle" else spreading, broken, fail)
        told = tell(ws, card.item.id, Answer.ANOMALY, "ann", client="tab", sequence=1)
    assert told.label.answer == Answer.ANOMALY
    assert told.spread == (1 if broken == "read" else 0)
    assert told.left == card.left - 1
    assert ("they are kept" in caplog.text) is (broken != "read")  # reading again only counts the queue
    assert progress(ws).spent.anomalies == 1
    assert respread(ws) > 0
    assert count(ws, ItemState.SETTLED) > 0


def test_a_damaged_graph_keeps_nobody_from_labeling(ws: Workspace) -> None:
    add_model(ws)
    (ws.model_folder(1) / "graph" / "weights.npy").write_bytes(b"torn")
    card = asked(ws)
    assert tell(ws, card.item.id, Answer.ANOMALY, "ann", client="tab", sequence=1).spread == 0
    assert progress(ws).settled == 0


def test_progress_compares_the_verdicts_at_asking_time_with_the_answers(ws: Workspace) -> None:
    facts = progress(ws)
    assert (facts.curve, facts.version, facts.answers_since_version, facts.settled) == ([], None, 0, 0)
    answers = [Answer.NORMAL, Answer.NORMAL, Answer.UNSURE, Answer.ANOMALY]  # said .1, .9, .1, .9
    for sequence, answer in enumerate(answers):
        tell(ws, asked(ws).item.id, answer, "ann", client="tab", sequence=sequence)
    assert progress(ws).curve == [(1, 1.0), (2, 0.5), (4, pytest.approx(2 / 3))]
    assert progress(ws).answers_since_version == 4
    add_model(ws, questions=3)
    assert progress(ws).answers_since_version == 1
    undo(ws, "ann")
    assert progress(ws).curve == [(1, 1.0), (2, 0.5)]


def test_one_retraining_at_a_time(ws: Workspace) -> None:
    first = enqueue_retrain(ws, "ann")
    assert (first.kind, first.payload) == ("retrain", {"requested_by": "ann"})
    assert enqueue_retrain(ws, "bob") == first
    with ws.store.begin() as session:
        jobs.claim(session, "w", utc_now(), 60)
    assert enqueue_retrain(ws, "bob").state == JobState.RUNNING
    with ws.store.begin() as session:
        jobs.finish(session, first.id, "w", now=utc_now(), result={})
    assert enqueue_retrain(ws, "bob").id != first.id


def test_what_cannot_be_accepted_says_so(ws: Workspace) -> None:
    with pytest.raises(LabelingError, match="unknown number 999"):
        tell(ws, 999, Answer.NORMAL, "ann", client="tab", sequence=1)
    with pytest.raises(LabelingError, match="expected one of anomaly, normal, unsure"):
        tell(ws, 1, "maybe", "ann", client="tab", sequence=1)  # type: ignore[arg-type]
    with pytest.raises(LabelingError, match="expected the analyst's name"):
        ask(ws, " ")
    assert progress(ws).spent.questions == 0


def test_missing_arrays_are_named(ws: Workspace) -> None:
    (ws.root / "series" / "1" / "values.npy").unlink()
    with pytest.raises(WorkspaceError, match="ingest the series again"):
        ask(ws, "ann")


@pytest.mark.slow
def test_the_page_can_import_this_without_torch() -> None:
    code = "import sys, rl_tsad.services.labeling; sys.exit('torch' in sys.modules or 'faiss' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
