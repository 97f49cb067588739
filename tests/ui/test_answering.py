from typing import Any

import pytest

from db import details, labels, queries
from db.desk_records import Role
from db.records import Answer, ItemState
from rl_tsad.errors import AccessError, LabelingError
from rl_tsad.services import answering, labeling
from rl_tsad.services.answering import Entry
from rl_tsad.services.people import Visitor

ANN, BOB = Visitor("ann", Role.ANALYST), Visitor("bob", Role.ANALYST)
TAB = "tab-of-ann"


def said(number: int, item: int, answer: Answer = Answer.NORMAL, **more: Any) -> Entry:
    return Entry(number, "answer", item=item, answer=answer, **more)


def states(scene: Any) -> dict[int, ItemState]:
    with scene.ws.store.read() as session:
        return {item.id: item.state for item in queries.in_state(session, *ItemState)}


def test_held_questions_come_first_and_in_the_same_order(scene: Any) -> None:
    first, left = answering.hold(scene.ws, "ann", 3)
    again, _ = answering.hold(scene.ws, "ann", 5)
    assert [item.id for item in again[:3]] == [item.id for item in first]
    assert (len(again), left) == (5, 6)
    theirs, _ = answering.hold(scene.ws, "bob", 5)
    assert not {item.id for item in theirs} & {item.id for item in again}


def test_heartbeat_and_release_are_for_ones_own_questions(scene: Any) -> None:
    (item,), _ = answering.hold(scene.ws, "ann", 1)
    assert answering.heartbeat(scene.ws, "bob", [item.id]) == []
    assert answering.heartbeat(scene.ws, "ann", [item.id, 999]) == [item.id]
    assert answering.release(scene.ws, "bob", [item.id]) == 0
    assert answering.release(scene.ws, "ann", [item.id]) == 1
    assert states(scene)[item.id] == ItemState.OPEN


def test_a_log_that_comes_twice_and_grows_is_kept_once(scene: Any) -> None:
    items, _ = answering.hold(scene.ws, "ann", 3)
    log = [said(1, items[0].id, seconds=1.5), said(2, items[1].id, Answer.UNSURE)]
    first = answering.take_log(scene.ws, ANN, TAB, log)
    again = answering.take_log(scene.ws, ANN, TAB, [*log, said(3, items[2].id)])
    assert [one.label for one in first.results] == [one.label for one in again.results[:2]]
    assert (first.acknowledged, again.acknowledged) == (2, 3)
    assert sorted(scene.answers()) == ["normal", "normal", "unsure"]


def test_a_refused_entry_takes_no_other_with_it_and_is_acknowledged(scene: Any) -> None:
    items, _ = answering.hold(scene.ws, "ann", 2)
    log = [said(1, items[0].id), said(2, 999), said(3, items[1].id, extents=((0, 2),)), said(4, items[1].id)]
    reply = answering.take_log(scene.ws, ANN, TAB, log)
    assert [one.kept for one in reply.results] == [True, False, False, True]
    assert "expected" in reply.results[1].message
    assert reply.acknowledged == 4


def test_an_undo_that_was_refused_takes_nothing_back_when_it_comes_again(scene: Any) -> None:
    items, _ = answering.hold(scene.ws, "ann", 1)
    log = [Entry(1, "undo"), said(2, items[0].id)]
    assert [one.kept for one in answering.take_log(scene.ws, ANN, TAB, log).results] == [False, True]
    assert [one.kept for one in answering.take_log(scene.ws, ANN, TAB, log).results] == [False, True]
    assert scene.answers() == ["normal"]


def test_an_earlier_answer_is_edited_and_the_later_one_stays(scene: Any) -> None:
    items, _ = answering.hold(scene.ws, "ann", 2)
    log = [said(1, items[0].id), said(2, items[1].id)]
    answering.take_log(scene.ws, ANN, TAB, log)
    edit = [Entry(3, "undo", undoes=1), said(4, items[0].id, Answer.UNSURE)]
    reply = answering.take_log(scene.ws, ANN, TAB, edit)
    assert [one.kept for one in reply.results] == [True, True]
    assert answering.take_log(scene.ws, ANN, TAB, edit).results[0].label == reply.results[0].label
    assert sorted(scene.answers()) == ["normal", "unsure"]
    assert not answering.take_log(scene.ws, ANN, TAB, [Entry(5, "undo", undoes=1)]).results[0].kept


def test_nobody_takes_back_what_somebody_else_said(scene: Any) -> None:
    items, _ = answering.hold(scene.ws, "ann", 1)
    answering.take_log(scene.ws, ANN, TAB, [said(1, items[0].id)])
    reply = answering.take_log(scene.ws, BOB, TAB, [Entry(2, "undo", undoes=1), Entry(3, "undo"), said(4, 999)])
    assert [one.kept for one in reply.results] == [False, False, False]
    assert scene.answers() == ["normal"]


def test_several_marks_are_kept_exactly_and_what_lies_between_them_is_normal(scene: Any) -> None:
    items, _ = answering.hold(scene.ws, "ann", 1)
    low, high = items[0].event_low, items[0].event_high
    marks = ((low, low + 3), (high - 3, high))
    entry = said(1, items[0].id, Answer.ANOMALY, extents=marks, fault="leak", comment="twice")
    (result,) = answering.take_log(scene.ws, ANN, TAB, [entry]).results
    with scene.ws.store.read() as session:
        rows = labels.answer_rows(session, int(result.label or 0))
        detail = details.of_labels(session, [rows[0].id])[rows[0].id]
    assert (detail.marks, detail.fault, detail.comment) == (marks, "leak", "twice")
    assert {(row.mark_low, row.mark_high) for row in rows} == {(low, high)}
    by_start = [row.answer for row in sorted(rows, key=lambda row: row.start)]
    inside = [one for one in by_start if one == Answer.ANOMALY]
    assert len(inside) == 2
    assert by_start[2:-2] == [Answer.NORMAL] * (len(by_start) - 4)


@pytest.mark.parametrize("marks", [((80, 90), (85, 95)), ((90, 95), (80, 85)), ((90, 90),)])
def test_marks_that_overlap_or_are_empty_are_refused(scene: Any, marks: tuple[tuple[int, int], ...]) -> None:
    items, _ = answering.hold(scene.ws, "ann", 1)
    reply = answering.take_log(scene.ws, ANN, TAB, [said(1, items[0].id, Answer.ANOMALY, extents=marks)])
    assert not reply.results[0].kept
    assert scene.answers() == []


def test_a_marked_stretch_labels_the_windows_that_it_touches_and_closes_their_questions(scene: Any) -> None:
    with scene.ws.store.read() as session:
        item = queries.in_state(session, ItemState.OPEN)[0]
    low = item.span_low
    kept = answering.mark(scene.ws, item.series, (low, low + 9), Answer.ANOMALY, ANN, client=TAB, sequence=1)
    assert kept.kept
    rows = scene.standing()
    assert [row.start for row in rows] == [item.start, item.start + 8]
    assert {row.item_id for row in rows} == {None}
    assert states(scene)[item.id] == ItemState.SETTLED
    answering.take_log(scene.ws, ANN, TAB, [Entry(2, "undo")])
    assert scene.standing() == []
    assert states(scene)[item.id] == ItemState.OPEN


def test_a_mark_outside_of_what_is_there_is_refused(scene: Any) -> None:
    series = scene.windows.series
    entries = [
        Entry(1, "mark", series=series, low=5, high=5, answer=Answer.NORMAL),
        Entry(2, "mark", series=series, low=0, high=99_999, answer=Answer.NORMAL),
        Entry(3, "mark", series="nothing", low=0, high=9, answer=Answer.NORMAL),
        Entry(4, "mark", series=series, low=0, answer=Answer.NORMAL),
    ]
    assert not any(one.kept for one in answering.take_log(scene.ws, ANN, TAB, entries).results)


def test_a_skipped_question_is_asked_last(scene: Any) -> None:
    items, _ = answering.hold(scene.ws, "ann", 1)
    assert answering.take_log(scene.ws, ANN, TAB, [Entry(1, "skip", item=items[0].id)]).results[0].kept
    all_of_them, _ = answering.hold(scene.ws, "ann", 6)
    assert all_of_them[-1].id == items[0].id


def test_a_late_copy_of_a_skip_gives_nothing_back_that_is_held_anew(scene: Any) -> None:
    (item,), _ = answering.hold(scene.ws, "ann", 1)
    skip = Entry(1, "skip", item=item.id)
    answering.take_log(scene.ws, ANN, TAB, [skip])
    held = {one.id for one in answering.hold(scene.ws, "ann", 6)[0]}
    assert item.id in held
    again = answering.take_log(scene.ws, ANN, TAB, [skip])
    assert again.acknowledged == 1
    assert again.results[0].kept
    assert set(answering.heartbeat(scene.ws, "ann", sorted(held))) == held


def test_numbers_rise_and_viewers_do_not_answer(scene: Any) -> None:
    with pytest.raises(LabelingError, match="rising"):
        answering.take_log(scene.ws, ANN, TAB, [said(2, 1), said(1, 2)])
    with pytest.raises(AccessError, match="analyst"):
        answering.take_log(scene.ws, Visitor("eve", Role.VIEWER), TAB, [said(1, 1)])


def test_the_log_and_telling_do_the_same(scene: Any) -> None:
    card = labeling.ask(scene.ws, "ann")
    assert card is not None
    answering.take_log(scene.ws, ANN, TAB, [said(1, card.item.id)])
    told = labeling.tell(scene.ws, card.item.id, Answer.NORMAL, "ann", client=TAB, sequence=1)
    assert len(told.rows) == len(scene.history())
