from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from desk_process import Server

from db import labels, queries, vetoes
from db.desk_records import Role
from db.records import Answer, ItemState
from rl_tsad.services import answering, labeling, people, sharing, spreading
from rl_tsad.services.answering import Entry, LogReply
from rl_tsad.services.look_alikes import preview, settled_by
from rl_tsad.services.people import Visitor
from rl_tsad.services.retraining import spread_standing
from rl_tsad.services.workspace import open_workspace
from rl_tsad.types import window_key

ANN = Visitor("ann", Role.ANALYST)
TAB = "tab-of-ann"


def said(number: int, item: int, *exceptions: str, answer: Answer = Answer.NORMAL) -> Entry:
    return Entry(number, "answer", item=item, answer=answer, exceptions=exceptions)


def tell(scene: Any, *entries: Entry) -> LogReply:
    return answering.take_log(scene.ws, ANN, TAB, entries)


def out(scene: Any) -> list[str | None]:
    with scene.ws.store.read() as session:
        return [one.key for one in vetoes.standing(session)]


def decided(scene: Any) -> dict[str, int]:
    with spreading.reading_live(scene.ws) as (_, live):
        assert live is not None
        return {live.graph.windows.key(int(row)): int(live.decided[row]) for row in np.flatnonzero(live.decided >= 0)}


def first_item(scene: Any) -> int:
    (item,), _ = answering.hold(scene.ws, "ann", 1)
    return int(item.id)


@pytest.fixture
def alike(scene: Any) -> list[str]:
    """What a normal answer to the first question would settle."""
    shown = preview(scene.ws, first_item(scene), Answer.NORMAL)
    assert shown is not None
    assert len(shown.alike) > 3
    return [one.key for one in shown.alike]


def test_exceptions_are_not_settled_and_the_rest_is(scene: Any, alike: list[str]) -> None:
    (result,) = tell(scene, said(1, first_item(scene), *alike[:2])).results
    assert result.kept
    assert out(scene) == alike[:2]
    now = decided(scene)
    assert not set(alike[:2]) & set(now)
    assert result.spread == len(now) > 0
    settled = settled_by(scene.ws, int(result.label or 0))
    assert settled is not None
    assert {one.key for one in settled.alike if one.taken_out} == set(alike[:2])


def test_they_stay_out_when_the_process_starts_anew_and_when_a_model_learns(scene: Any, alike: list[str]) -> None:
    tell(scene, said(1, first_item(scene), *alike[:2]))
    now = decided(scene)
    spreading._OPEN.clear()
    assert decided(scene) == now
    with spreading.reading_live(scene.ws) as (_, live):
        assert live is not None
        told = spread_standing(scene.ws, live.graph)
        assert (told.targets.value[live.graph.windows.rows(alike[:2])] == -1).all()


def test_undo_takes_them_back_to_the_last_bit(scene: Any, alike: list[str]) -> None:
    item = first_item(scene)
    with spreading.reading_live(scene.ws) as (_, live):
        assert live is not None
        before = live.state.reach.copy()
    tell(scene, said(1, item, *alike[:2]))
    reply = tell(scene, Entry(2, "undo"))
    assert reply.results[0].kept
    assert out(scene) == []
    assert decided(scene) == {}
    with spreading.reading_live(scene.ws) as (_, live):
        assert live is not None
        assert (live.state.reach == before).all()
        assert not (live.state.flow >= 0).any()
    tell(scene, said(3, item))
    assert set(alike) <= set(decided(scene))


def test_an_earlier_answer_goes_with_its_exceptions_and_the_later_one_keeps_its_own(
    scene: Any, alike: list[str]
) -> None:
    items, _ = answering.hold(scene.ws, "ann", 3)
    tell(scene, said(1, items[0].id, alike[0]), said(2, items[2].id, alike[1]))
    tell(scene, Entry(3, "undo", undoes=1))
    assert out(scene) == [alike[1]]
    assert alike[1] not in decided(scene)
    assert labeling.undo(scene.ws, "ann") is not None
    assert out(scene) == []
    with spreading.reading_live(scene.ws) as (_, live):
        assert live is not None
        assert not (live.state.flow >= 0).any()


def test_of_several_new_answers_each_has_its_own_exceptions(scene: Any, alike: list[str]) -> None:
    items, _ = answering.hold(scene.ws, "ann", 3)
    with spreading.reading_live(scene.ws) as (_, live):
        assert live is not None  # it has caught up: the answers come to it one by one
    log = [said(1, items[0].id, alike[0]), said(2, items[1].id, alike[0], alike[1]), Entry(3, "undo", undoes=1)]
    tell(scene, *log)
    assert out(scene) == alike[:2]
    now = decided(scene)
    assert not set(alike[:2]) & set(now)
    spreading._OPEN.clear()
    assert decided(scene) == now


def test_a_log_that_comes_again_takes_nothing_out_twice(scene: Any, alike: list[str]) -> None:
    log = [said(1, first_item(scene), alike[0], alike[0], alike[1])]
    first, again = tell(scene, *log), tell(scene, *log)
    assert [one.label for one in first.results] == [one.label for one in again.results]
    assert out(scene) == alike[:2]


def test_an_exception_may_still_be_asked(scene: Any) -> None:
    items, _ = answering.hold(scene.ws, "ann", 2)
    others = {item.id: item.key for item in items[1:]}
    tell(scene, said(1, items[0].id, *others.values()))
    with scene.ws.store.read() as session:
        states = {item.id: item.state for item in queries.in_state(session, *ItemState)}
    assert {states[number] for number in others} <= {ItemState.OPEN, ItemState.LEASED}


@pytest.mark.parametrize(
    "strange", ["nonsense", "other:0:64", "a:\u00b2:64", "{0}:3:64", "{0}:0:63", "{0}:99992:64", ""]
)
def test_what_is_no_window_is_refused_and_nothing_of_the_answer_is_kept(
    scene: Any, alike: list[str], strange: str
) -> None:
    items, _ = answering.hold(scene.ws, "ann", 2)
    key = strange.format(scene.windows.series)
    reply = tell(scene, said(1, items[0].id, alike[0], key), said(2, items[1].id))
    assert [one.kept for one in reply.results] == [False, True]
    assert "expected windows that the answer is not to settle" in reply.results[0].message
    assert out(scene) == []
    assert len(scene.answers()) == 1


def test_a_window_that_it_would_not_settle_and_its_own_do_no_harm(scene: Any, alike: list[str]) -> None:
    (item,), _ = answering.hold(scene.ws, "ann", 1)
    strangers = [key for key in scene.windows.keys.tolist() if key not in alike and key != item.key]
    far = next(key for key in reversed(strangers))
    expected = set(alike) - {far}
    (result,) = tell(scene, said(1, item.id, far, item.key)).results
    assert result.kept
    assert out(scene) == [far]
    assert expected <= set(decided(scene))
    assert scene.answers() == ["normal"]


def test_unsure_takes_exceptions_too_and_other_entries_none(scene: Any, alike: list[str]) -> None:
    items, _ = answering.hold(scene.ws, "ann", 2)
    skip = Entry(2, "skip", item=items[1].id, exceptions=(alike[0],))
    reply = tell(scene, said(1, items[0].id, alike[0], answer=Answer.UNSURE), skip)
    assert [one.kept for one in reply.results] == [True, False]
    assert "with an answer only" in reply.results[1].message


def test_exceptions_of_a_control_are_checked_alike_and_kept_nowhere(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RL_TSAD_ACTIVE__CONTROLS", "0.4")
    card = labeling.ask(scene.ws, "bob")
    assert card is not None
    labeling.tell(scene.ws, card.item.id, Answer.NORMAL, "bob", client="bob", sequence=1)
    sharing.set_control(scene.ws, people.local_visitor("boss"), card.item.key, Answer.NORMAL)
    with open_workspace(scene.root) as ws:
        controls = [one for one in answering.hold(ws, "ann", 6)[0] if one.control_id is not None]
        assert controls
        log = [said(1, controls[0].id, "nonsense"), said(2, controls[0].id, window_key(scene.windows.series, 0, 64))]
        reply = answering.take_log(ws, ANN, TAB, log)
    assert [one.kept for one in reply.results] == [False, True]
    assert out(scene) == []


@pytest.fixture
def desk(scene: Any) -> Iterator[Server]:
    opened = Server(scene.root)
    opened.start()
    yield opened
    opened.kill()


@pytest.mark.slow
def test_exceptions_survive_kill_9_and_a_log_sent_again_keeps_them_once(
    scene: Any, alike: list[str], desk: Server
) -> None:
    _, held, _ = desk.post("/next", {"client": TAB, "count": 2}, X_Analyst="ann")
    items = [one["item"] for one in held["questions"]]
    entry = {"kind": "answer", "answer": "normal"}
    log = [
        {**entry, "sequence": 1, "item": items[0], "exceptions": alike[:2]},
        {**entry, "sequence": 2, "item": items[1], "exceptions": ["nonsense"]},
    ]
    first = desk.post("/log", {"client": TAB, "entries": log})[1]
    desk.kill()
    desk.start()
    again = desk.post("/log", {"client": TAB, "entries": log})[1]
    for reply in (first, again):
        assert [one["status"] for one in reply["results"]] == ["kept", "refused"]
    assert out(scene) == alike[:2]
    undo = [*log, {"sequence": 3, "kind": "undo", "undoes": 1}]
    assert desk.post("/log", {"client": TAB, "entries": undo})[1]["results"][2]["status"] == "kept"
    desk.kill()
    desk.start()
    assert desk.post("/log", {"client": TAB, "entries": undo})[1]["acknowledged"] == 3
    assert out(scene) == []
    with scene.ws.store.read() as session:
        assert labels.standing(session) == []


@pytest.mark.slow
def test_too_many_exceptions_are_refused_by_the_api(desk: Server, alike: list[str]) -> None:
    entry = {"sequence": 1, "kind": "answer", "item": 1, "answer": "normal", "exceptions": alike[:1] * 101}
    assert desk.post("/log", {"client": TAB, "entries": [entry]})[0] == 400
