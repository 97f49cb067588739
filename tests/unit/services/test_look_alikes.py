"""What an answer settles: previewed, recorded, taken out, put back, undone, explained; over a real store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from db import labels, queries, series, spreads, versions, vetoes
from db.records import Answer, ItemState, NewItem, NewSeries, NewVersion
from rl_tsad.active.graph import build_graph
from rl_tsad.active.graph_files import load_graph, save_graph
from rl_tsad.active.propagate import EPSILON, Spreading
from rl_tsad.config import ActiveConfig, Settings
from rl_tsad.errors import DataError, LabelingError
from rl_tsad.services import look_alikes, spreading
from rl_tsad.services.labeling import Told, ask, progress, respread, tell, undo
from rl_tsad.services.look_alikes import preview, put_back, settled_by, take_out
from rl_tsad.services.reasons import record_of, standing, why
from rl_tsad.services.retraining import spread_standing
from rl_tsad.services.standing import flows_of, trust_of
from rl_tsad.services.workspace import Workspace, create_workspace, open_workspace
from rl_tsad.types import window_key

GROUP, LENGTH = 20, 8
NAMES = ("calm", "wild")


def key(group: int, place: int) -> str:
    """A window of one of two groups that look alike within and unlike between."""
    return window_key(NAMES[group], place * 2 * LENGTH, LENGTH)


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with create_workspace(tmp_path / "w", Settings(active=ActiveConfig(events=False, confidence=0.15))) as workspace:
        fill(workspace)
        yield workspace


def fill(workspace: Workspace) -> None:
    rng = np.random.default_rng(0)
    keys = [key(group, place) for group in range(2) for place in range(GROUP)]
    points = np.repeat([0.0, 50.0], GROUP)[:, None] + rng.normal(scale=0.1, size=(2 * GROUP, 3))
    apart = np.array([f"s{row}:0:8" for row in range(2 * GROUP)])  # no edges in time
    graph = build_graph(points.astype(np.float32), apart, neighbours=4)
    with workspace.store.begin() as session:
        for name in NAMES:
            record = series.add(session, NewSeries(name, name, GROUP * 2 * LENGTH, ("x",)))
            folder = workspace.root / record.path
            folder.mkdir(parents=True)
            np.save(folder / "values.npy", rng.normal(size=(record.rows, 1)).astype(np.float32))
            np.save(folder / "times.npy", np.arange(record.rows))
        version = versions.add(session, NewVersion("abc"))
        versions.set_current(session, version.id)
        items = [
            NewItem(one, one.split(":")[0], start, LENGTH, start, start + LENGTH, "top", "odd", -start, 0.5, 0.0)
            for one, start in zip(keys, [2 * LENGTH * place for place in range(GROUP)] * 2, strict=True)
        ]
        queries.replace(session, items, version.id)
    table = type(graph.windows).of(keys)
    save_graph(type(graph)(table, graph.indptr, graph.indices, graph.weights), workspace.model_folder(1) / "graph")


def item_of(ws: Workspace, wanted: str) -> int:
    with ws.store.read() as session:
        return next(one.id for one in queries.in_state(session, *ItemState) if one.key == wanted)


def say(ws: Workspace, wanted: str, answer: Answer, sequence: int) -> Told:
    return tell(ws, item_of(ws, wanted), answer, "ann", client="tab", sequence=sequence)


def decided(ws: Workspace) -> dict[str, int]:
    with ws.store.read() as session, spreading.live_now(ws, session) as found:
        assert found is not None
        live = found[0]
        return {live.graph.windows.key(int(row)): int(live.decided[row]) for row in np.flatnonzero(live.decided >= 0)}


def states(ws: Workspace) -> dict[str, str]:
    with ws.store.read() as session:
        return {one.key: one.state.value for one in queries.in_state(session, *ItemState)}


def test_a_preview_says_what_the_answer_then_does_and_keeps_nothing(ws: Workspace) -> None:
    shown = preview(ws, item_of(ws, key(0, 0)), Answer.NORMAL)
    assert shown is not None
    assert decided(ws) == {}
    told = say(ws, key(0, 0), Answer.NORMAL, 1)
    assert told.spread == shown.count(0) > 0
    assert decided(ws) == {one.key: one.value for one in shown.alike}
    assert [one.confidence for one in shown.alike] == sorted((one.confidence for one in shown.alike), reverse=True)
    others = [preview(ws, item_of(ws, key(0, place)), Answer.ANOMALY) for place in range(1, GROUP)]
    assert any(one is not None and one.released > 0 for one in others)  # it would contradict
    assert decided(ws) == {one.key: one.value for one in shown.alike}


def test_what_an_answer_settled_is_recorded_and_later_answers_check_it(ws: Workspace) -> None:
    told = say(ws, key(1, 0), Answer.ANOMALY, 1)
    alike = [one.key for one in settled_by(ws, told.label.id).alike]  # type: ignore[union-attr]
    say(ws, alike[0], Answer.ANOMALY, 2)
    say(ws, alike[1], Answer.NORMAL, 3)
    first, second, third = (one.spread for one in record_of(ws))
    assert (first.anomalies, first.normals, first.checked) == (told.spread, 0, 0)
    assert first.epsilon == EPSILON
    assert (second.checked, second.agreed) == (1, 1)
    assert (third.checked, third.agreed) == (1, 0)
    facts = standing(ws)
    assert facts is not None
    assert (facts.checked, facts.agreed, facts.pool) == (2, 1, 2 * GROUP)
    assert facts.settled == progress(ws).settled == len(decided(ws))


def test_exceptions_are_unknown_again_asked_again_and_stay_so_until_they_are_put_back(ws: Workspace) -> None:
    told = say(ws, key(0, 0), Answer.NORMAL, 1)
    before = decided(ws)
    out = list(before)[:2]
    take_out(ws, told.label.id, "ann", out)
    assert not set(out) & set(decided(ws))
    assert all(states(ws)[one] == "open" for one in out)
    shown = settled_by(ws, told.label.id)
    assert shown is not None
    assert {one.key: one.value for one in shown.alike if one.taken_out} == {one: before[one] for one in out}
    assert why(ws, out[0]).taken_out
    assert shown.count(0) == len(decided(ws))
    assert put_back(ws, told.label.id, "bob", out[:1]) == 1
    assert out[0] in decided(ws)
    assert put_back(ws, told.label.id, "bob") == 1
    assert decided(ws) == before
    say(ws, out[0], Answer.ANOMALY, 2)  # a person may say what spreading may not
    assert why(ws, out[0]).answered


def test_a_spread_is_withdrawn_whole_also_later_and_comes_back(ws: Workspace) -> None:
    first, second = say(ws, key(0, 0), Answer.NORMAL, 1), say(ws, key(1, 0), Answer.ANOMALY, 2)
    both = decided(ws)
    take_out(ws, first.label.id, "ann")
    take_out(ws, first.label.id, "ann")
    assert decided(ws) == {one: value for one, value in both.items() if value == 1}
    shown = settled_by(ws, first.label.id)
    assert shown is not None
    assert shown.withdrawn
    assert progress(ws).spent.labels == 2  # the answer itself stands
    graph = load_graph(ws.model_folder(1) / "graph")
    trained = spread_standing(ws, graph).targets
    assert trained.value[graph.windows.rows([key(0, 0), key(1, 0)])].tolist() == [0, 1]
    assert not (trained.value[:GROUP] == 0)[1:].any()
    assert put_back(ws, first.label.id, "ann") == 1
    assert decided(ws) == both
    undo(ws, "ann")  # the second
    assert settled_by(ws, second.label.id) is None


def test_undo_restores_what_was_before_to_the_last_bit(ws: Workspace) -> None:
    say(ws, key(0, 3), Answer.NORMAL, 1)
    with ws.store.read() as session, spreading.live_now(ws, session) as found:
        assert found is not None
        state = found[0].state
    kept, settled = state.reach.copy(), decided(ws)
    say(ws, key(0, 9), Answer.ANOMALY, 2)
    say(ws, key(1, 9), Answer.ANOMALY, 3)
    undo(ws, "ann")
    undo(ws, "ann")
    respread(ws)
    assert np.abs(state.reach - kept).max() <= 1e-9
    assert decided(ws) == settled


def test_a_process_that_knows_nothing_yet_comes_to_the_same_state(ws: Workspace, tmp_path: Path) -> None:
    for number, (group, place) in enumerate([(0, 0), (1, 0), (0, 7), (1, 12)]):
        say(ws, key(group, place), Answer.ANOMALY if group else Answer.NORMAL, number)
    undo(ws, "ann")
    known = decided(ws)
    spreading._OPEN.clear()
    assert decided(ws) == known
    graph = load_graph(ws.model_folder(1) / "graph")
    with ws.store.read() as session:
        flows = flows_of(session, graph.windows)
    state = Spreading(graph)
    state.clamp(np.array(list(flows)), np.array(list(flows.values())))
    assert state.solve() <= EPSILON


def test_the_first_answer_of_a_process_is_counted_and_recorded_too(ws: Workspace) -> None:
    say(ws, key(0, 0), Answer.NORMAL, 1)
    spreading._OPEN.clear()
    told = say(ws, key(1, 0), Answer.ANOMALY, 2)
    assert told.spread > 0
    assert record_of(ws)[-1].spread.anomalies == told.spread


def test_why_names_the_answer_and_the_way_from_it(ws: Workspace) -> None:
    told = say(ws, key(1, 0), Answer.ANOMALY, 1)
    alike = settled_by(ws, told.label.id)
    assert alike is not None
    farthest = alike.alike[-1].key
    found = why(ws, farthest)
    assert (found.value, found.answered) == (1, False)
    assert found.paths[0][0][0] == key(1, 0)
    assert found.paths[0][0][-1] == farthest
    assert found.paths[0][2] == 1
    assert found.confidence >= found.floor
    read = nx.parse_graphml(found.graphml.decode())
    assert read.nodes[key(1, 0)]["said"] == 1
    assert sum(bool(on_path) for *_, on_path in read.edges(data="on_path")) == len(found.paths[0][0]) - 1
    assert why(ws, key(0, 0)).paths == ()
    with pytest.raises(LabelingError, match="window of the current model's pool"):
        why(ws, "other:0:8")
    with pytest.raises(DataError, match="window key"):
        why(ws, "nonsense")


def test_what_is_not_there_is_explained(ws: Workspace) -> None:
    for ask_for in (
        settled_by,
        lambda ws, label: take_out(ws, label, "ann"),
        lambda ws, label: put_back(ws, label, "ann"),
    ):
        with pytest.raises(LabelingError, match="expected the number of an answer, got 9"):
            ask_for(ws, 9)
    with ws.store.begin() as session:
        assert spreads.all(session) == []
    told = say(ws, key(0, 0), Answer.NORMAL, 1)
    with pytest.raises(LabelingError, match="windows of the current model's pool, got 'foo:0:8'"):
        take_out(ws, told.label.id, "ann", [key(0, 1), "foo:0:8"])
    undo(ws, "ann")
    with pytest.raises(LabelingError, match="expected an answer that stands"):
        take_out(ws, told.label.id, "ann")
    with ws.store.read() as session:
        assert vetoes.last_id(session) == 0
    assert [one.stands for one in record_of(ws)] == [False]


def test_checks_of_answers_that_were_taken_back_do_not_count(ws: Workspace) -> None:
    told = say(ws, key(1, 0), Answer.ANOMALY, 1)
    alike = settled_by(ws, told.label.id).alike[0].key  # type: ignore[union-attr]
    for number in (2, 4):
        say(ws, alike, Answer.NORMAL, number)
        undo(ws, "ann", client="tab", sequence=number + 1)
    say(ws, alike, Answer.NORMAL, 6)
    facts = standing(ws)
    assert facts is not None
    assert (facts.checked, facts.agreed) == (1, 0)


def test_pictures_are_the_windows_values(ws: Workspace) -> None:
    shown = look_alikes.pictures(ws, [key(0, 0), key(1, 2), "gone:0:8", window_key(NAMES[0], 10_000, LENGTH)])
    assert {one: values.shape for one, values in shown.items()} == {key(0, 0): (8, 1), key(1, 2): (8, 1)}


@pytest.mark.slow
def test_an_answer_that_was_not_spread_before_the_process_died_is_spread_by_the_next(ws: Workspace) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from rl_tsad.services import labeling, workspace\n"
        "from db.records import Answer\n"
        "labeling.respread_quietly = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "ws = workspace.open_workspace(Path(sys.argv[1]))\n"
        "labeling.tell(ws, int(sys.argv[2]), Answer.ANOMALY, 'ann', client='tab', sequence=1)"
    )
    item = item_of(ws, key(1, 0))
    done = subprocess.run([sys.executable, "-c", code, str(ws.root), str(item)], env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    with open_workspace(ws.root) as again:
        with again.store.read() as session:
            assert [one.answer for one in labels.standing(session)] == [Answer.ANOMALY]
        assert respread(again) > 0
        assert set(decided(again).values()) == {1}


def test_the_queue_follows_what_is_settled(ws: Workspace) -> None:
    card = ask(ws, "ann")
    assert card is not None
    told = tell(ws, card.item.id, Answer.NORMAL, "ann", client="tab", sequence=1)
    settled = {one for one, state in states(ws).items() if state == "settled"}
    assert settled == set(decided(ws))
    assert told.left == 2 * GROUP - 1 - len(settled)


def test_a_version_says_from_which_confidence_on_labels_count(ws: Workspace) -> None:
    learnt = {"spread/floor_normal": 0.3, "spread/precision_normal": 0.95, "spread/checks_normal": 12.0}
    never = {"spread/floor_anomaly": float("inf"), "spread/precision_anomaly": float("nan")}
    with ws.store.begin() as session:
        version = versions.add(session, NewVersion("def", metrics=learnt | never))
    trust = trust_of(version, ws.settings.active)
    assert trust.floors == (0.3, float("inf"))
    assert trust.checks == (12.0, 0.0)
    assert trust.counts(np.array([0, 1], np.int8), np.array([0.3, 1.0], np.float32)).tolist() == [0, -1]
    with ws.store.begin() as session:
        plain = versions.add(session, NewVersion("ghi"))
    assert trust_of(plain, ws.settings.active).floors == (0.15, 0.15)


def test_many_new_answers_are_spread_at_once(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    say(ws, key(0, 0), Answer.NORMAL, 1)
    monkeypatch.setattr(spreading, "_AT_ONCE", 1)
    with ws.store.begin() as session:
        for number, wanted in enumerate((key(0, 4), key(1, 4), key(1, 9))):
            name, start, _ = wanted.split(":")
            answer = Answer.ANOMALY if name == NAMES[1] else Answer.NORMAL
            new = labels.NewLabel(wanted, name, int(start), LENGTH, answer, "bob", client="import", sequence=number)
            labels.append(session, new)
    at_once = decided(ws)
    spreading._OPEN.clear()
    assert decided(ws) == at_once
    assert len(record_of(ws)) == 1
