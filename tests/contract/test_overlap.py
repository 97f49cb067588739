"""Several people on one queue, over SQLite and over PostgreSQL."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from db import assignments, controls, labels, queries, reviews, schema
from db.errors import ConflictError, MissingRowError
from db.records import Answer, Audience, ItemState, Label, NewItem, QueryItem
from db.session import make_engine, read_url
from db.store import Store

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
LEASE = 60.0
ANYBODY = (Audience.ANALYST, Audience.REVIEWER)
A, N, U = Answer.ANOMALY, Answer.NORMAL, Answer.UNSURE
Found = TypeVar("Found")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url) as opened:
        yield opened


def new_item(number: int, copies: int = 1, series: str = "a") -> NewItem:
    start = number * 8
    key = f"{series}:{start}:64"
    return NewItem(key, series, start, 64, start + 56, start + 64, "top", "odd", -number, 0.7, 0.4, copies=copies)


def fill(store: Store, count: int, copies: int = 1) -> list[QueryItem]:
    with store.begin() as session:
        return queries.replace(session, [new_item(number, copies) for number in range(count)], None)


def claim(store: Store, analyst: str, audiences: tuple[Audience, ...] = (Audience.ANALYST,)) -> QueryItem | None:
    with store.begin() as session:
        return queries.claim(session, analyst, NOW, LEASE, audiences=audiences)


def tell(store: Store, item: QueryItem, answer: Answer, analyst: str, *more: tuple[int, Answer]) -> list[Label]:
    """Answer about the asked window, and about others by number."""
    said = [(item.key, item.start, answer), *((f"a:{8 * n}:64", 8 * n, one) for n, one in more)]
    with store.begin() as session:
        return queries.answer_parts(session, item, said, analyst, client=analyst, sequence=item.id)


def undo(store: Store, analyst: str) -> Label | None:
    with store.begin() as session:
        return labels.undo(session, analyst)


def standing(store: Store) -> dict[str, tuple[str, Answer | None]]:
    with store.read() as session:
        return {row.key: (row.analyst, row.answer) for row in labels.standing(session)}


def of_reviewers(store: Store) -> list[QueryItem]:
    with store.read() as session:
        return [item for item in queries.in_state(session, *ItemState) if item.audience == Audience.REVIEWER]


def contradict(store: Store) -> tuple[QueryItem, QueryItem, QueryItem]:
    """Two people differ on the first window: their copies, and the review."""
    first, second = fill(store, 1, copies=2)
    tell(store, first, A, "ann")
    tell(store, second, N, "bob")
    (review,) = of_reviewers(store)
    return first, second, review


def at_once(count: int, work: Callable[[int], Found]) -> list[Found]:
    gate = threading.Barrier(count)

    def run(number: int) -> Found:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


# --- copies -----------------------------------------------------------------------------------------------------------


def test_k_people_get_the_k_copies_of_a_question_and_nobody_beyond(store: Store) -> None:
    fill(store, 2, copies=2)
    got = {name: [claim(store, name) for _ in range(3)] for name in ("ann", "bob", "cleo")}
    asked = {name: [item.key for item in items if item is not None] for name, items in got.items()}
    assert asked == {"ann": ["a:0:64", "a:8:64"], "bob": ["a:0:64", "a:8:64"], "cleo": []}


def test_what_somebody_answered_is_not_asked_of_them_again_until_they_take_it_back(store: Store) -> None:
    first, second = fill(store, 1, copies=2)
    tell(store, first, N, "ann")
    assert claim(store, "ann") is None
    undo(store, "ann")
    again = claim(store, "ann")
    assert again is not None
    assert again.id in {first.id, second.id}


def test_many_tabs_of_many_people_never_show_a_window_twice_to_one_person(store: Store) -> None:
    fill(store, 6, copies=3)
    names = [name for name in ("ann", "bob", "cleo", "dan") for _ in range(2)]

    def work(number: int) -> list[tuple[str, str, int]]:
        seen = []
        while (item := claim(store, names[number])) is not None:
            seen.append((names[number], item.key, item.id))
            if item.id % 2:
                tell(store, item, N, names[number])
        return seen

    seen = [one for some in at_once(len(names), work) for one in some]
    assert len({item for _, _, item in seen}) == len(seen) == 18
    assert max(Counter((name, key) for name, key, _ in seen).values()) == 1
    assert set(Counter(key for _, key, _ in seen).values()) == {3}


def test_an_answer_leaves_the_other_copies_open_and_retires_its_own_of_another_round(store: Store) -> None:
    old, _ = fill(store, 1, copies=2)
    fresh = fill(store, 1, copies=2)
    tell(store, old, N, "late")
    with store.read() as session:
        states = [queries.get(session, item.id).state for item in (old, *fresh)]
    assert states == [ItemState.ANSWERED, ItemState.RETIRED, ItemState.OPEN]


def test_settling_and_opening_again_move_all_copies_of_a_question(store: Store) -> None:
    items = fill(store, 2, copies=2)
    with store.begin() as session:
        assert queries.settle(session, ["a:8:64"]) == 2
        assert [queries.get(session, item.id).state for item in items] == [ItemState.OPEN] * 2 + [ItemState.SETTLED] * 2
        assert queries.reopen(session, ["a:8:64"]) == 2


def test_what_is_left_is_counted_in_windows_for_each_person(store: Store) -> None:
    items = fill(store, 3, copies=2)
    tell(store, items[0], N, "ann")
    with store.read() as session:
        assert [queries.left(session, name) for name in ("ann", "bob")] == [2, 3]


def test_every_copy_that_was_answered_and_every_review_is_a_read_of_the_oracle(store: Store) -> None:
    _, second, review = contradict(store)
    tell(store, second, N, "late")  # the same copy once more
    tell(store, review, A, "rita")
    undo(store, "bob")
    with store.read() as session:
        assert labels.spent(session).questions == 3
        assert queries.further_reads(session) == {
            second.id: (second.key, Audience.ANALYST, 1),
            review.id: (second.key, Audience.REVIEWER, 0),
        }


# --- disagreement -----------------------------------------------------------------------------------------------------


def test_people_who_differ_open_one_review_and_teach_nothing_until_it_is_answered(store: Store) -> None:
    _, _, review = contradict(store)
    assert (review.state, review.key, review.strategy) == (ItemState.OPEN, "a:0:64", "disagreement")
    assert not {"ann", "bob"} & set(review.reason.split())
    assert standing(store) == {}
    assert claim(store, "cleo") is None
    assert claim(store, "ann", ANYBODY) is None
    taken = claim(store, "rita", ANYBODY)
    assert taken is not None
    assert taken.id == review.id
    tell(store, taken, A, "rita")
    assert standing(store) == {"a:0:64": ("rita", A)}


def test_what_a_review_says_stands_whatever_is_said_later_of_the_copies(store: Store) -> None:
    first, _, review = contradict(store)
    tell(store, review, N, "rita")
    tell(store, first, A, "late")
    assert standing(store) == {"a:0:64": ("rita", N)}
    assert len(of_reviewers(store)) == 1


def test_a_review_goes_to_one_who_differs_only_where_it_is_assigned_to_them(store: Store) -> None:
    _, _, review = contradict(store)
    with store.begin() as session:
        assert queries.give_to(session, review.id, "bob")
    assert claim(store, "rita", ANYBODY) is None
    taken = claim(store, "bob", ANYBODY)
    assert taken is not None
    assert taken.id == review.id


def test_being_unsure_contradicts_nobody(store: Store) -> None:
    first, second = fill(store, 1, copies=2)
    tell(store, first, A, "ann")
    tell(store, second, U, "bob")
    assert of_reviewers(store) == []
    assert standing(store) == {"a:0:64": ("bob", U)}


def test_an_anomaly_beside_the_asked_window_differs_from_none(store: Store) -> None:
    first, second = fill(store, 1, copies=2)
    tell(store, first, N, "ann", (1, A), (2, N))
    tell(store, second, N, "bob", (1, N))
    assert len(of_reviewers(store)) == 1
    assert standing(store) == {}
    undo(store, "bob")
    assert standing(store) == {"a:0:64": ("ann", N), "a:8:64": ("ann", A), "a:16:64": ("ann", N)}


def test_whoever_takes_their_answer_back_ends_the_review(store: Store) -> None:
    _, second, review = contradict(store)
    undo(store, "bob")
    with store.read() as session:
        assert queries.get(session, review.id).state == ItemState.RETIRED
        assert queries.get(session, second.id).state == ItemState.OPEN
    assert standing(store) == {"a:0:64": ("ann", A)}
    tell(store, second, N, "cleo")
    assert [item.state for item in of_reviewers(store)] == [ItemState.RETIRED, ItemState.OPEN]


def test_a_review_that_is_taken_back_is_open_again(store: Store) -> None:
    _, _, review = contradict(store)
    tell(store, review, N, "rita")
    undo(store, "rita")
    with store.read() as session:
        assert queries.get(session, review.id).state == ItemState.OPEN
    assert standing(store) == {}


def test_a_review_ends_the_copies_that_nobody_has_answered(store: Store) -> None:
    first, second, third = fill(store, 1, copies=3)
    tell(store, first, A, "ann")
    tell(store, second, N, "bob")
    tell(store, of_reviewers(store)[0], A, "rita")
    with store.read() as session:
        assert queries.get(session, third.id).state == ItemState.RETIRED


def test_reviews_outlive_a_round_and_their_windows_are_not_asked_anew(store: Store) -> None:
    _, _, review = contradict(store)
    fresh = fill(store, 2, copies=2)
    assert {item.key for item in fresh} == {"a:8:64"}
    with store.read() as session:
        assert queries.get(session, review.id).state == ItemState.OPEN


def test_answers_at_the_same_moment_open_exactly_one_review_each(store: Store) -> None:
    items = fill(store, 5, copies=4)

    def work(number: int) -> None:
        for item in items[number::4]:
            tell(store, item, A if number % 2 else N, f"person {number}", (100, N))

    at_once(4, work)
    found = Counter(item.key for item in of_reviewers(store))
    assert found == {f"a:{8 * number}:64": 1 for number in range(5)}


def test_opinions_are_each_persons_last_word(store: Store) -> None:
    first, second = fill(store, 1, copies=2)
    tell(store, first, A, "ann", (1, N))
    tell(store, second, N, "bob", (1, A))
    with store.read() as session:
        found = reviews.opinions(session)
    assert [(one.analyst, one.asked, one.answer) for one in found] == [("ann", A, A), ("bob", N, A)]
    undo(store, "ann")
    with store.read() as session:
        assert [one.analyst for one in reviews.opinions(session, ["a:0:64"])] == ["bob"]


# --- assignments ------------------------------------------------------------------------------------------------------


def test_a_series_of_somebody_comes_first_to_them_and_to_nobody_else(store: Store) -> None:
    with store.begin() as session:
        queries.replace(session, [new_item(0), new_item(1), new_item(5, series="b")], None)
        assert assignments.assign(session, "b", "ann", "rita")
    asked = [item.key for _ in range(3) if (item := claim(store, "ann")) is not None]
    assert asked == ["b:40:64", "a:0:64", "a:8:64"]
    assert claim(store, "bob") is None


def test_a_series_that_is_taken_from_everybody_is_anybodys(store: Store) -> None:
    fill(store, 1)
    with store.begin() as session:
        assignments.assign(session, "a", "ann", "rita")
    assert claim(store, "bob") is None
    with store.begin() as session:
        assert assignments.unassign(session, "a", "ann")
        assert not assignments.unassign(session, "a", "ann")
    assert claim(store, "bob") is not None


# --- controls ---------------------------------------------------------------------------------------------------------


def with_control(store: Store, *, questions: int = 4) -> QueryItem:
    """One window is answered and becomes a control; others are asked."""
    (old,) = fill(store, 1)
    tell(store, old, A, "rita")
    fill(store, questions + 1)
    with store.begin() as session:
        controls.add(session, old.key, A, "rita")
    return old


def deal(store: Store, analyst: str, rate: float = 0.2) -> int:
    with store.begin() as session:
        return controls.deal(session, analyst, rate, 0)


def test_a_control_is_asked_once_of_everybody_who_does_not_know_it_in_the_form_of_a_question(store: Store) -> None:
    old = with_control(store)
    assert [deal(store, name) for name in ("ann", "ann", "rita")] == [1, 0, 0]
    seen = [item for _ in range(6) if (item := claim(store, "ann")) is not None]
    (control,) = [item for item in seen if item.control_id is not None]
    assert len(seen) == 5
    form = ("key", "span_low", "span_high", "event_low", "event_high", "strategy", "reason", "probability", "margin")
    assert [getattr(control, name) for name in form] == [getattr(old, name) for name in form]
    assert claim(store, "bob") is None


def test_answers_about_controls_are_no_labels_cost_nothing_and_teach_nothing(store: Store) -> None:
    old = with_control(store)
    deal(store, "ann")
    with store.read() as session:
        before = labels.spent(session), labels.history(session), labels.standing(session)
    control = control_of(store, "ann")
    with store.begin() as session:
        said = controls.answer(session, control, N, "ann", client="tab", sequence=1, seconds=2.5)
        assert controls.answer(session, control, N, "ann", client="tab", sequence=1) == said
    with store.read() as session:
        assert (labels.spent(session), labels.history(session), labels.standing(session)) == before
        assert queries.get(session, control.id).state == ItemState.ANSWERED
        assert [(one.answer, expected) for one, expected in controls.standing(session)] == [(N, A)]
    with pytest.raises(ConflictError, match="got the control"):
        tell(store, control, N, "ann")
    assert deal(store, "ann") == 0
    assert old.key == control.key


def control_of(store: Store, analyst: str) -> QueryItem:
    with store.read() as session:
        every = queries.in_state(session, *ItemState)
        return next(item for item in every if item.control_id is not None and item.assignee == analyst)


def test_what_was_said_of_a_control_can_be_taken_back_once(store: Store) -> None:
    with_control(store)
    deal(store, "ann")
    control = control_of(store, "ann")
    with store.begin() as session:
        said = controls.answer(session, control, N, "ann", client="tab", sequence=1)
        undone = controls.undo(session, said.id, client="tab", sequence=2)
        assert undone is not None
        assert (undone.undoes, undone.answer) == (said.id, None)
        assert controls.undo(session, said.id) is None
        assert controls.last_of(session, "ann") is None
        assert queries.get(session, control.id).state == ItemState.OPEN
        with pytest.raises(ConflictError, match="number every message anew"):
            controls.answer(session, control, N, "ann", client="tab", sequence=2)


def test_controls_dealt_by_two_tabs_at_once_are_dealt_once(store: Store) -> None:
    with_control(store)
    assert sorted(at_once(4, lambda _: deal(store, "ann"))) == [0, 0, 0, 1]


def test_an_ended_control_is_asked_of_nobody(store: Store) -> None:
    old = with_control(store)
    deal(store, "ann")
    with store.begin() as session:
        assert controls.end(session, old.key)
        assert not controls.end(session, old.key)
    assert deal(store, "bob") == 0
    with store.read() as session:
        assert all(item.control_id is None for item in queries.in_state(session, ItemState.OPEN))


def test_only_a_window_that_was_asked_about_becomes_a_control(store: Store) -> None:
    with pytest.raises(MissingRowError, match="expected a window that somebody was asked about"), store.begin() as one:
        controls.add(one, "a:0:64", A, "rita")


# --- migration --------------------------------------------------------------------------------------------------------


def test_going_down_and_up_keeps_the_answers_and_asks_one_copy(store: Store, database_url: str) -> None:
    _, _, review = contradict(store)
    with_control_key = new_item(3, copies=2)
    with store.begin() as session:
        queries.replace(session, [with_control_key], None)
        controls.add(session, "a:0:64", A, "rita")
        assignments.assign(session, "a", "ann", "rita")
    assert deal(store, "cleo", rate=0.5) == 1
    engine = make_engine(read_url(database_url))
    try:
        schema.downgrade(engine, "0005")
        with engine.connect() as connection:
            open_ones = connection.execute(text("SELECT key FROM query_items WHERE state = 'open'")).scalars().all()
        assert open_ones == ["a:24:64"]
        schema.upgrade(engine)
    finally:
        engine.dispose()
    with store.read() as session:
        assert len(labels.history(session)) == 2
        assert queries.get(session, review.id).state == ItemState.RETIRED
        assert (controls.every(session), assignments.everybody(session)) == ([], {})


def test_questions_of_the_fifth_revision_are_the_only_copy_for_any_analyst(database_url: str) -> None:
    engine = make_engine(read_url(database_url))
    try:
        schema.upgrade(engine, "0005")
        with engine.begin() as connection:
            connection.execute(text(_OLD_ITEM), {"now": "2026-01-01 00:00:00.000000"})
    finally:
        engine.dispose()
    with Store.open(database_url) as store:
        item = claim(store, "ann")
    assert item is not None
    assert (item.copy, item.audience, item.assignee, item.control_id) == (0, Audience.ANALYST, None, None)


_OLD_ITEM = (
    "INSERT INTO query_items (id, key, series, start, length, span_low, span_high, strategy, reason, priority, "
    "probability, margin, state, created_at) VALUES (1, 'a:8:64', 'a', 8, 64, 64, 72, 'top', 'odd', 0.5, 0.7, 0.4, "
    "'open', :now)"
)


@pytest.mark.parametrize("change", ["UPDATE control_answers SET answer = 'anomaly'", "DELETE FROM control_answers"])
def test_what_was_said_of_controls_never_changes(store: Store, change: str) -> None:
    with_control(store)
    deal(store, "ann")
    control = control_of(store, "ann")
    with store.begin() as session:
        controls.answer(session, control, N, "ann", client=None, sequence=None)
    with pytest.raises(DatabaseError, match="rows of control_answers never change"), store.begin() as session:
        session.execute(text(change))


def test_a_lease_that_is_over_opens_a_copy_for_others(store: Store) -> None:
    fill(store, 1, copies=1)
    assert claim(store, "ann") is not None
    with store.begin() as session:
        queries.return_expired(session, NOW + timedelta(seconds=LEASE + 1))
    assert claim(store, "bob") is not None
