"""What every database must hold: one suite over SQLite and over PostgreSQL."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from db import jobs, labels, queries, schema, series, spreads, versions, vetoes
from db.errors import ConflictError, MissingRowError, SchemaError
from db.records import (
    Answer,
    ItemState,
    JobState,
    Label,
    NewItem,
    NewLabel,
    NewSeries,
    NewVersion,
    QueryItem,
    Spent,
)
from db.session import make_engine, read_url
from db.spread_records import NewSpread
from db.store import Store
from db.tables import Base

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
LEASE = 60.0
LATER = NOW + timedelta(seconds=LEASE + 1)
Found = TypeVar("Found")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url) as opened:
        yield opened


def new_item(number: int, priority: float = 0.0) -> NewItem:
    start = number * 8
    return NewItem(f"a:{start}:64", "a", start, 64, start + 56, start + 64, "top", "odd", priority, 0.7, 0.4)


def new_label(number: int, answer: Answer = Answer.NORMAL, analyst: str = "ann", **more: object) -> NewLabel:
    return NewLabel(f"a:{number * 8}:64", "a", number * 8, 64, answer, analyst, **more)  # type: ignore[arg-type]


def fill(store: Store, count: int) -> list[QueryItem]:
    with store.begin() as session:
        return queries.replace(session, [new_item(number, priority=-number) for number in range(count)], None)


def states(store: Store) -> dict[str, ItemState]:
    with store.read() as session:
        return {item.key: item.state for item in queries.in_state(session, *ItemState)}


def at_once(count: int, work: Callable[[int], Found]) -> list[Found]:
    """Run work(0..count-1) in threads that start together."""
    gate = threading.Barrier(count)

    def run(number: int) -> Found:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


# --- schema -----------------------------------------------------------------------------------------------------------


def test_models_and_migrations_agree_after_up_down_up(store: Store, database_url: str) -> None:
    engine = make_engine(read_url(database_url))
    try:
        assert schema.current_revision(engine) == schema.head_revision()
        schema.downgrade(engine, "base")
        with engine.connect() as connection:
            tables = connection.execute(text(_TABLES[engine.dialect.name])).scalars().all()
        assert set(tables) <= {"alembic_version"}
        assert schema.current_revision(engine) is None
        schema.upgrade(engine)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
    finally:
        engine.dispose()
    fill(store, 1)


_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type IN ('table', 'trigger')",
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() "
    "UNION SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace",
}


def test_a_database_of_the_first_revision_is_upgraded_with_its_data(database_url: str) -> None:
    engine = make_engine(read_url(database_url))
    try:
        schema.upgrade(engine, "0001")
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO series (id, name, digest, path, rows, channels, has_truth, source, created_at) "
                    "VALUES (7, 'old', 'abc', 'series/abc', 10, :channels, :truth, 'a.csv', :now)"
                ),
                {"channels": '["flow", "valve"]', "truth": True, "now": "2026-01-01 00:00:00.000000"},
            )
    finally:
        engine.dispose()
    with Store.open(database_url) as store:
        with store.read() as session:
            (old,) = series.all(session)
        assert (old.id, old.name, old.channels, old.exogenous) == (7, "old", ("flow", "valve"), ())
        with store.begin() as session:
            assert series.set_exogenous(session, 7, ["valve"]).exogenous == ("valve",)


def test_going_back_to_the_first_revision_keeps_the_series(store: Store, database_url: str) -> None:
    with store.begin() as session:
        series.add(session, NewSeries("a", "abc", 10, ("flow", "valve"), exogenous=("valve",)))
    engine = make_engine(read_url(database_url))
    try:
        schema.downgrade(engine, "0001")
        schema.upgrade(engine)
    finally:
        engine.dispose()
    with store.read() as session:
        assert [(one.name, one.exogenous) for one in series.all(session)] == [("a", ())]


def test_questions_and_answers_of_the_second_revision_are_about_single_windows(database_url: str) -> None:
    engine = make_engine(read_url(database_url))
    now = {"now": "2026-01-01 00:00:00.000000"}
    try:
        schema.upgrade(engine, "0002")
        with engine.begin() as connection:
            connection.execute(text(_OLD_ITEM), now)
            connection.execute(text(_OLD_LABEL), now)
    finally:
        engine.dispose()
    with Store.open(database_url) as store, store.begin() as session:
        item = queries.get(session, 1)
        (old,) = labels.history(session)
        assert (item.event_low, item.event_high) == (item.span_low, item.span_high) == (64, 72)
        assert (old.part, old.mark_low, old.mark_high) == (0, None, None)
        assert queries.answer(session, 1, Answer.ANOMALY, "ann", client="tab", sequence=7) == old
        assert labels.undo(session, "ann") is not None
    with pytest.raises(DatabaseError, match="rows of labels never change"):
        _rewrite(database_url)


_OLD_ITEM = (
    "INSERT INTO query_items (id, key, series, start, length, span_low, span_high, strategy, reason, priority, "
    "probability, margin, state, created_at) VALUES (1, 'a:8:64', 'a', 8, 64, 64, 72, 'top', 'odd', 0.5, 0.7, 0.4, "
    "'answered', :now)"
)
_OLD_LABEL = (
    "INSERT INTO labels (key, series, start, length, answer, analyst, item_id, client, sequence, created_at) "
    "VALUES ('a:8:64', 'a', 8, 64, 'anomaly', 'ann', 1, 'tab', 7, :now)"
)


def _rewrite(database_url: str) -> None:
    with Store.open(database_url) as store, store.begin() as session:
        session.execute(text("UPDATE labels SET answer = 'normal'"))


def test_going_back_to_the_second_revision_keeps_every_label(store: Store, database_url: str) -> None:
    tell_event(store, fill(store, 4)[1])
    engine = make_engine(read_url(database_url))
    try:
        schema.downgrade(engine, "0002")
        schema.upgrade(engine)
    finally:
        engine.dispose()
    with store.read() as session:
        kept = [(label.key, label.answer, label.client) for label in labels.history(session)]
    assert kept == [
        ("a:8:64", Answer.ANOMALY, "tab"),
        ("a:0:64", Answer.NORMAL, "tab/1"),
        ("a:16:64", Answer.ANOMALY, "tab/2"),
    ]
    with pytest.raises(DatabaseError, match="rows of labels never change"):
        _rewrite(database_url)


def test_opening_again_keeps_what_is_there(database_url: str) -> None:
    with Store.open(database_url) as first:
        fill(first, 2)
    with Store.open(database_url) as second, second.read() as session:
        assert queries.counts(session)[ItemState.OPEN] == 2


def test_many_may_open_an_empty_database_at_once(database_url: str) -> None:
    def work(_: int) -> str | None:
        with Store.open(database_url), Store.open(database_url) as store, store.read() as session:
            return session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()

    assert at_once(4, work) == [schema.head_revision()] * 4


def test_a_newer_schema_is_refused(database_url: str) -> None:
    with Store.open(database_url) as store, store.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match=r"got 9999; upgrade rl-tsad"):
        Store.open(database_url)


def test_tables_of_another_program_are_refused(database_url: str) -> None:
    engine = make_engine(read_url(database_url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE jobs (id INTEGER)"))
    engine.dispose()
    with pytest.raises(SchemaError, match="tables jobs of another program"):
        Store.open(database_url)


def test_a_migration_that_fails_leaves_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*_: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", break_off)
        with pytest.raises(RuntimeError, match="power cut"):
            Store.open(database_url)
    with Store.open(database_url) as store:
        fill(store, 1)


# --- units of work ----------------------------------------------------------------------------------------------------


def test_an_exception_rolls_everything_back(store: Store) -> None:
    def write_and_fail() -> None:
        with store.begin() as session:
            labels.append(session, new_label(1))
            jobs.enqueue(session, "retrain", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with store.read() as session:
        assert (labels.history(session), jobs.all(session)) == ([], [])


def test_what_is_written_in_a_read_unit_is_gone(store: Store) -> None:
    with store.read() as session:
        labels.append(session, new_label(1))
    with store.read() as session:
        assert labels.history(session) == []


def test_a_reader_keeps_no_writer_waiting(store: Store) -> None:
    with store.read() as reading:
        assert labels.history(reading) == []
        with store.begin() as writing:
            labels.append(writing, new_label(1))
    with store.read() as session:
        assert len(labels.history(session)) == 1


def test_times_come_back_in_utc_to_the_microsecond(store: Store) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    fill(store, 1)
    with store.begin() as session:
        queries.claim(session, "ann", elsewhere, 0.0)
    with store.read() as session:
        (item,) = queries.held(session, "ann", elsewhere)
    assert item.lease_until == NOW
    assert item.lease_until.tzinfo is UTC
    assert item.created_at.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    fill(store, 1)
    with pytest.raises(Exception, match="expected a timezone-aware datetime"), store.begin() as session:
        queries.claim(session, "ann", NOW.replace(tzinfo=None), LEASE)


# --- series -----------------------------------------------------------------------------------------------------------


def test_series_are_found_by_name_and_recorded_once_by_content(store: Store) -> None:
    new = NewSeries(
        "Pumpe Süd 泵", "abc", 10, ("flow", "°C"), path="series/abc", timezone="Europe/Berlin", has_truth=True
    )
    with store.begin() as session:
        record = series.add(session, new)
        again = series.add(session, NewSeries("another name", "abc", 10, ("flow", "°C")))
        other = series.add(session, NewSeries("b", "def", 1, ("x",)))
    with store.read() as session:
        assert series.get(session, "Pumpe Süd 泵") == record == again
        assert series.all(session) == [record, other]
        assert series.get(session, "nobody") is None
    assert (record.path, record.channels, record.has_truth) == ("series/abc", ("flow", "°C"), True)
    assert other.path == f"series/{other.id}"


def test_other_content_under_a_taken_name_is_refused(store: Store) -> None:
    with store.begin() as session:
        series.add(session, NewSeries("a", "abc", 10, ("x",)))
    with pytest.raises(ConflictError, match="taken name 'a'; choose another name"), store.begin() as session:
        series.add(session, NewSeries("a", "def", 10, ("x",)))


def test_one_series_added_by_many_at_once_is_one(store: Store) -> None:
    def work(_: int) -> int:
        with store.begin() as session:
            return series.add(session, NewSeries("a", "abc", 10, ("x",))).id

    assert len(set(at_once(6, work))) == 1


def test_roles_of_channels_are_kept_and_can_change(store: Store) -> None:
    with store.begin() as session:
        record = series.add(session, NewSeries("a", "abc", 10, ("flow", "°C", "valve"), exogenous=("°C", "valve")))
    assert record.exogenous == ("°C", "valve")
    with store.begin() as session:
        grown = series.extend(session, record, NewSeries("a", "abcd", 11, record.channels))
        assert grown.exogenous == ("°C", "valve")
        series.set_exogenous(session, record.id, [])
    with store.read() as session:
        assert [one.exogenous for one in series.all(session)] == [()]
    with pytest.raises(MissingRowError, match="id 99, got none"), store.begin() as session:
        series.set_exogenous(session, 99, [])


# --- labels -----------------------------------------------------------------------------------------------------------


def test_the_same_message_is_kept_once_with_its_first_answer(store: Store) -> None:
    with store.begin() as session:
        first = labels.append(session, new_label(1, client="tab", sequence=7))
    with store.begin() as session:
        again = labels.append(session, new_label(1, Answer.ANOMALY, client="tab", sequence=7))
        assert labels.history(session) == [first]
    assert again == first
    assert again.answer == Answer.NORMAL


def test_a_message_number_used_for_another_window_is_refused(store: Store) -> None:
    with store.begin() as session:
        labels.append(session, new_label(1, client="tab", sequence=7))
    with pytest.raises(ConflictError, match=r"message 7 of client .* anew"), store.begin() as session:
        labels.append(session, new_label(2, client="tab", sequence=7))
    with pytest.raises(ConflictError, match="together or neither"), store.begin() as session:
        labels.append(session, new_label(2, client="tab"))


def test_one_message_sent_by_many_at_once_is_one_row(store: Store) -> None:
    (item,) = fill(store, 1)

    def work(_: int) -> int:
        with store.begin() as session:
            return queries.answer(session, item.id, Answer.ANOMALY, "ann", client="tab", sequence=1).id

    assert len(set(at_once(8, work))) == 1
    with store.read() as session:
        assert len(labels.history(session)) == 1


def test_the_latest_answer_to_a_window_stands(store: Store) -> None:
    with store.begin() as session:
        labels.append(session, new_label(1, Answer.NORMAL, "ann"))
        labels.append(session, new_label(2, Answer.UNSURE, "ann"))
        second = labels.append(session, new_label(1, Answer.ANOMALY, "bob"))
        assert [label.id for label in labels.standing(session)] == [second.id - 1, second.id]
        assert labels.spent(session) == Spent(2, 1, anomalies=1, normals=0, unsure=1, undone=0, glances=2, doubts=1)


def test_undo_is_a_new_row_and_brings_back_what_stood_before(store: Store) -> None:
    with store.begin() as session:
        first = labels.append(session, new_label(1, Answer.NORMAL))
        second = labels.append(session, new_label(1, Answer.ANOMALY))
        row = labels.undo(session, "ann")
        assert row is not None
        assert (row.undoes, row.answer, row.key) == (second.id, None, second.key)
        assert labels.standing(session) == [first]
        assert labels.undo(session, "bob") is None
        assert labels.undo(session, "ann") is not None
        assert labels.undo(session, "ann") is None
        assert labels.standing(session) == []
        assert len(labels.history(session)) == 4
        assert labels.spent(session) == Spent(1, 0, anomalies=0, normals=0, unsure=0, undone=2, glances=2)


def test_an_undo_sent_twice_takes_back_one_answer(store: Store) -> None:
    with store.begin() as session:
        labels.append(session, new_label(1, client="tab", sequence=1))
        labels.append(session, new_label(2, client="tab", sequence=2))
        first = labels.undo(session, "ann", client="tab", sequence=3)
        assert labels.undo(session, "ann", client="tab", sequence=3) == first
        assert len(labels.standing(session)) == 1
        with pytest.raises(ConflictError, match="to be an undo"):
            labels.undo(session, "ann", client="tab", sequence=1)
        with pytest.raises(ConflictError, match="message 3"):
            labels.append(session, new_label(2, client="tab", sequence=3))


def test_undos_at_once_take_back_one_answer_each(store: Store) -> None:
    with store.begin() as session:
        for number in range(4):
            labels.append(session, new_label(number))

    def work(_: int) -> int | None:
        with store.begin() as session:
            row = labels.undo(session, "ann")
            return None if row is None else row.undoes

    assert Counter(at_once(6, work)) == Counter([1, 2, 3, 4, None, None])


def tell_event(store: Store, item: QueryItem, sequence: int = 1) -> list[Label]:
    """Item 1 and its right neighbour are anomalous, the left one is normal."""
    with store.begin() as session:
        said = [("a:8:64", 8, Answer.ANOMALY), ("a:0:64", 0, Answer.NORMAL), ("a:16:64", 16, Answer.ANOMALY)]
        return queries.answer_parts(session, item, said, "ann", client="tab", sequence=sequence, mark=(66, 75))


def test_an_answer_about_an_event_is_one_question_and_a_row_for_each_window(store: Store) -> None:
    item = fill(store, 4)[1]
    rows = tell_event(store, item)
    assert [(row.part, row.key, row.answer) for row in rows] == [
        (0, "a:8:64", Answer.ANOMALY),
        (1, "a:0:64", Answer.NORMAL),
        (2, "a:16:64", Answer.ANOMALY),
    ]
    assert {(row.item_id, row.client, row.sequence, row.mark_low, row.mark_high, row.created_at) for row in rows} == {
        (item.id, "tab", 1, 66, 75, rows[0].created_at)
    }
    with store.read() as session:
        assert labels.history(session) == labels.standing(session) == rows
        assert labels.spent(session) == Spent(1, 3, anomalies=2, normals=1, unsure=0, undone=0, events=1)
    found = states(store)
    assert (found["a:8:64"], found["a:24:64"]) == (ItemState.ANSWERED, ItemState.OPEN)
    assert found["a:0:64"] == found["a:16:64"] == ItemState.SETTLED


def test_an_event_sent_twice_is_kept_once(store: Store) -> None:
    item = fill(store, 4)[1]
    first = tell_event(store, item)
    assert tell_event(store, item) == first
    with store.begin() as session:
        again = queries.answer(session, item.id, Answer.UNSURE, "ann", client="tab", sequence=1)
        assert again == first[0]
        assert len(labels.history(session)) == 3


def test_an_event_sent_by_many_at_once_is_kept_once(store: Store) -> None:
    item = fill(store, 4)[1]
    found = at_once(6, lambda _: tuple(row.id for row in tell_event(store, item)))
    assert len(set(found)) == 1
    with store.read() as session:
        assert len(labels.history(session)) == 3


def test_undo_takes_back_all_windows_of_an_answer_and_what_stood_before_stands_again(store: Store) -> None:
    item = fill(store, 4)[1]
    with store.begin() as session:
        before = labels.append(session, new_label(2, Answer.NORMAL))
    rows = tell_event(store, item)
    with store.begin() as session:
        undone = labels.undo(session, "ann", client="tab", sequence=2)
        assert labels.undo(session, "ann", client="tab", sequence=2) == undone
        assert undone is not None
        assert (undone.key, undone.undoes, undone.part) == (item.key, rows[0].id, 0)
        assert [label.undoes for label in labels.history(session)[4:]] == [row.id for row in rows]
        assert labels.standing(session) == [before]
        assert labels.spent(session) == Spent(2, 1, anomalies=0, normals=1, unsure=0, undone=1, glances=1, events=1)
        assert queries.get(session, item.id).state == ItemState.OPEN
    tell_event(store, item, sequence=3)
    with store.read() as session:
        assert labels.spent(session).anomalies == 2


def test_an_event_is_kept_whole_or_not_at_all(store: Store) -> None:
    item = fill(store, 4)[1]
    with store.begin() as session:
        labels.append_once(session, [new_label(9, client="tab", sequence=1, part=2)])
    with pytest.raises(ConflictError, match="to be about"):
        tell_event(store, item)
    with pytest.raises(ConflictError, match="answer about 2 windows"), store.begin() as session:
        labels.append_once(session, [new_label(1), new_label(2, part=1)])
    with store.read() as session:
        assert len(labels.history(session)) == 1
        assert queries.get(session, item.id).state == ItemState.OPEN


def test_undos_of_events_at_once_take_back_one_each(store: Store) -> None:
    items = fill(store, 4)
    tell_event(store, items[1], sequence=1)
    tell_event(store, items[1], sequence=2)

    def work(_: int) -> int | None:
        with store.begin() as session:
            row = labels.undo(session, "ann")
            return None if row is None else row.undoes

    assert Counter(at_once(4, work)) == Counter([1, 4, None, None])
    with store.read() as session:
        assert (labels.standing(session), labels.spent(session).undone) == ([], 2)


@pytest.mark.parametrize("statement", ["UPDATE labels SET answer = 'normal'", "DELETE FROM labels"])
def test_the_database_itself_refuses_to_change_the_history(store: Store, statement: str) -> None:
    with store.begin() as session:
        labels.append(session, new_label(1, Answer.ANOMALY))
    with pytest.raises(DatabaseError, match="rows of labels never change"), store.begin() as session:
        session.execute(text(statement))
    with store.read() as session:
        assert [label.answer for label in labels.history(session)] == [Answer.ANOMALY]


# --- queue ------------------------------------------------------------------------------------------------------------


def test_questions_are_claimed_by_priority_then_age_and_by_one_analyst(store: Store) -> None:
    with store.begin() as session:
        queries.replace(session, [new_item(1, 0.5), new_item(2, 0.9), new_item(3, 0.5)], None)
    with store.begin() as session:
        claimed = [queries.claim(session, analyst, NOW, LEASE) for analyst in ("ann", "bob", "ann", "bob")]
        assert [item and item.key for item in claimed] == ["a:16:64", "a:8:64", "a:24:64", None]
        assert [item.key for item in queries.held(session, "ann", NOW)] == ["a:24:64", "a:16:64"]
    assert claimed[0] is not None
    assert (claimed[0].state, claimed[0].leased_by) == (ItemState.LEASED, "ann")
    assert claimed[0].lease_until == NOW + timedelta(seconds=LEASE)


def test_a_question_goes_on_to_another_when_its_lease_is_over(store: Store) -> None:
    (item,) = fill(store, 1)
    with store.begin() as session:
        queries.claim(session, "ann", NOW, LEASE)
        assert queries.return_expired(session, NOW + timedelta(seconds=LEASE)) == 0
        assert queries.return_expired(session, LATER) == 1
        taken = queries.claim(session, "bob", LATER, LEASE)
        assert taken is not None
        assert (taken.id, taken.leased_by) == (item.id, "bob")
        assert queries.held(session, "ann", LATER) == []


def test_a_heartbeat_holds_and_a_release_returns_only_ones_own(store: Store) -> None:
    (item,) = fill(store, 1)
    with store.begin() as session:
        queries.claim(session, "ann", NOW, LEASE)
        assert not queries.heartbeat(session, item.id, "bob", LATER, LEASE)
        assert queries.heartbeat(session, item.id, "ann", LATER, LEASE)
        assert queries.return_expired(session, LATER) == 0
        assert not queries.release(session, item.id, "bob")
        assert queries.release(session, item.id, "ann")
        assert not queries.release(session, item.id, "ann")
        assert queries.lease(session, item.id, "bob", NOW, LEASE) is not None
        assert queries.lease(session, item.id, "ann", NOW, LEASE) is None


def test_an_answer_closes_the_question_and_carries_the_window(store: Store) -> None:
    with store.begin() as session:
        version = versions.add(session, NewVersion("abc"))
        (item,) = queries.replace(session, [new_item(1)], version.id)
        queries.claim(session, "ann", NOW, LEASE)
        label = queries.answer(session, item.id, Answer.UNSURE, "ann", client="tab", sequence=1)
        assert queries.get(session, item.id).state == ItemState.ANSWERED
    assert (label.key, label.series, label.start, label.length) == ("a:8:64", "a", 8, 64)
    assert (label.item_id, label.version_id, label.client, label.sequence) == (item.id, version.id, "tab", 1)
    with pytest.raises(MissingRowError, match="unknown number 99"), store.begin() as session:
        queries.answer(session, 99, Answer.NORMAL, "ann", client="tab", sequence=2)


def test_two_answers_after_an_expired_lease_are_history_but_one_question(store: Store) -> None:
    (item,) = fill(store, 1)
    with store.begin() as session:
        queries.claim(session, "ann", NOW, LEASE)
        queries.return_expired(session, LATER)
        queries.claim(session, "bob", LATER, LEASE)
        queries.answer(session, item.id, Answer.ANOMALY, "bob", client="b", sequence=1)
        late = queries.answer(session, item.id, Answer.NORMAL, "ann", client="a", sequence=1)
        assert queries.answer(session, item.id, Answer.NORMAL, "ann", client="a", sequence=1) == late
        assert len(labels.history(session)) == 2
        assert labels.standing(session) == [late]
        assert labels.spent(session) == Spent(
            questions=1, labels=1, anomalies=0, normals=1, unsure=0, undone=0, glances=2
        )
        labels.undo(session, "ann")
        assert [label.analyst for label in labels.standing(session)] == ["bob"]
        assert queries.get(session, item.id).state == ItemState.ANSWERED


def test_a_late_answer_does_not_take_the_question_from_its_new_holder_unseen(store: Store) -> None:
    (item,) = fill(store, 1)
    with store.begin() as session:
        queries.claim(session, "ann", NOW, LEASE)
        queries.return_expired(session, LATER)
        queries.claim(session, "bob", LATER, LEASE)
        queries.answer(session, item.id, Answer.ANOMALY, "ann", client="a", sequence=1)
        assert queries.held(session, "bob", LATER) == []
        assert not queries.release(session, item.id, "bob")
        assert queries.get(session, item.id).state == ItemState.ANSWERED


def test_undo_opens_the_question_again(store: Store) -> None:
    (item,) = fill(store, 1)
    with store.begin() as session:
        queries.answer(session, item.id, Answer.NORMAL, "ann", client="a", sequence=1)
        labels.undo(session, "ann")
        assert queries.get(session, item.id).state == ItemState.OPEN
        assert queries.claim(session, "bob", NOW, LEASE) is not None


def test_replace_retires_what_is_alive_and_leaves_out_what_was_answered(store: Store) -> None:
    first, second, third = fill(store, 3)
    with store.begin() as session:
        queries.answer(session, first.id, Answer.NORMAL, "ann", client="a", sequence=1)
        queries.claim(session, "ann", NOW, LEASE)
        queries.settle(session, [third.key])
        fresh = queries.replace(session, [new_item(number) for number in range(4)], None)
        assert [item.key for item in fresh] == ["a:8:64", "a:16:64", "a:24:64"]
        old = [queries.get(session, item.id).state for item in (first, second, third)]
    assert old == [ItemState.ANSWERED, ItemState.RETIRED, ItemState.RETIRED]
    with pytest.raises(ConflictError, match="a window twice"), store.begin() as session:
        queries.replace(session, [new_item(1), new_item(1)], None)
    with pytest.raises(ConflictError, match="unknown version 7"), store.begin() as session:
        queries.replace(session, [new_item(1)], 7)
    with store.read() as session:
        assert queries.counts(session)[ItemState.OPEN] == 3


def test_an_answer_to_a_retired_question_counts_and_closes_its_successor(store: Store) -> None:
    (old,) = fill(store, 1)
    (new,) = fill(store, 1)
    with store.begin() as session:
        queries.answer(session, old.id, Answer.NORMAL, "ann", client="a", sequence=1)
        assert queries.get(session, old.id).state == ItemState.ANSWERED
        assert queries.get(session, new.id).state == ItemState.RETIRED
        assert labels.spent(session).questions == 1
        assert queries.claim(session, "bob", NOW, LEASE) is None


def test_undo_does_not_open_a_second_question_about_a_window(store: Store) -> None:
    (old,) = fill(store, 1)
    with store.begin() as session:
        queries.answer(session, old.id, Answer.NORMAL, "ann", client="a", sequence=1)
        labels.append(session, new_label(0, Answer.NORMAL, "importer"))
        labels.undo(session, "importer")
        assert queries.get(session, old.id).state == ItemState.ANSWERED
        labels.undo(session, "ann")
        queries.replace(session, [new_item(0)], None)
        queries.answer(session, old.id, Answer.NORMAL, "ann", client="a", sequence=2)
        queries.replace(session, [new_item(0)], None)
        labels.undo(session, "ann")
        assert queries.get(session, old.id).state == ItemState.OPEN
        assert len(queries.in_state(session, ItemState.OPEN)) == 1


def test_settled_questions_are_not_asked_until_they_open_again(store: Store) -> None:
    first, second = fill(store, 2)
    with store.begin() as session:
        held = queries.claim(session, "ann", NOW, LEASE)
        assert held is not None
        assert queries.settle(session, [first.key, second.key, "nowhere:0:8"]) == 1
        assert queries.claim(session, "bob", NOW, LEASE) is None
        assert queries.settle(session, []) == 0
        assert queries.reopen(session, [first.key, second.key]) == 1
    assert states(store) == {first.key: ItemState.LEASED, second.key: ItemState.OPEN}


@pytest.mark.slow
def test_thousands_of_keys_settle_in_one_call(store: Store) -> None:
    items = fill(store, 1201)
    with store.begin() as session:
        assert queries.settle(session, [item.key for item in items]) == 1201
        counts = queries.counts(session)
    assert counts[ItemState.SETTLED] == 1201
    assert set(counts) == set(ItemState)


@pytest.mark.slow
def test_many_claimers_never_get_one_question_twice(store: Store, database_url: str) -> None:
    fill(store, 240)

    def work(number: int) -> list[int]:
        taken = []
        with Store.open(database_url) as own:
            while True:
                with own.begin() as session:
                    item = queries.claim(session, f"analyst {number}", NOW, LEASE)
                if item is None:
                    return taken
                with own.begin() as session:
                    queries.answer(session, item.id, Answer.NORMAL, "x", client=f"c{number}", sequence=item.id)
                taken.append(item.id)

    taken = [item for part in at_once(8, work) for item in part]
    assert len(taken) == len(set(taken)) == 240
    with store.read() as session:
        assert labels.spent(session).questions == 240


@pytest.mark.slow
def test_settling_and_replacing_at_once_does_not_deadlock(store: Store) -> None:
    keys = [item.key for item in fill(store, 300)]

    def work(number: int) -> int:
        for turn in range(5):
            with store.begin() as session:
                order = keys if number % 2 else keys[::-1]
                if number == 0 and turn % 2:
                    queries.replace(session, [new_item(place) for place in range(300)], None)
                elif turn % 2:
                    queries.settle(session, order)
                else:
                    queries.reopen(session, order)
                queries.return_expired(session, LATER)
        return number

    assert at_once(4, work) == [0, 1, 2, 3]


# --- model versions ---------------------------------------------------------------------------------------------------


def test_versions_are_kept_as_given_and_current_is_a_pointer(store: Store) -> None:
    with store.begin() as session:
        job = jobs.enqueue(session, "retrain", {})
        first = versions.add(session, NewVersion("abc", {"gamma": 0.5, "hidden": [64, 64]}, {"auc": math.nan}))
        assert versions.current(session) is None
        versions.set_current(session, first.id)
        second = versions.add(
            session, NewVersion("def", folder="elsewhere", parent_id=first.id, job_id=job.id, seconds=2.5)
        )
        assert versions.current(session) == first
        versions.set_current(session, second.id)
    with store.read() as session:
        assert versions.all(session) == [first, second]
        assert versions.current(session) == second == versions.get(session, second.id)
        assert versions.of_job(session, job.id) == [second]
    assert (first.folder, second.folder) == (f"models/{first.id}", "elsewhere")
    assert first.config == {"gamma": 0.5, "hidden": [64, 64]}
    assert first.metrics == {"auc": None}


def test_unknown_versions_are_refused(store: Store) -> None:
    for read in (versions.get, versions.set_current):
        with pytest.raises(MissingRowError, match="unknown number 5"), store.begin() as session:
            read(session, 5)
    with pytest.raises(ConflictError, match="parent 5"), store.begin() as session:
        versions.add(session, NewVersion("abc", parent_id=5))


def test_the_database_itself_refuses_to_change_a_version(store: Store) -> None:
    with store.begin() as session:
        versions.add(session, NewVersion("abc"))
    with pytest.raises(DatabaseError, match="rows of model_versions never change"), store.begin() as session:
        session.execute(text("UPDATE model_versions SET digest = 'def'"))


# --- jobs -------------------------------------------------------------------------------------------------------------


def test_a_job_from_queue_to_done(store: Store) -> None:
    with store.begin() as session:
        first = jobs.enqueue(session, "retrain", {"by": "ann"})
        second = jobs.enqueue(session, "retrain", {"by": "bob"})
        claimed = jobs.claim(session, "w1", NOW, LEASE)
        assert claimed is not None
        assert (claimed.id, claimed.state, claimed.attempts, claimed.started_at) == (first.id, JobState.RUNNING, 1, NOW)
        beat = {"now": NOW, "lease_seconds": LEASE, "progress": 0.5, "message": "detector/vae"}
        assert jobs.heartbeat(session, first.id, "w1", **beat)  # type: ignore[arg-type]
        assert not jobs.heartbeat(session, first.id, "w2", **beat)  # type: ignore[arg-type]
        assert jobs.get(session, first.id).progress == 0.5
        assert not jobs.finish(session, first.id, "w2", now=LATER, result={})
        assert jobs.finish(session, first.id, "w1", now=LATER, result={"version": 3, "loss": math.inf})
        assert not jobs.finish(session, first.id, "w1", now=LATER, result={})
        done = jobs.get(session, first.id)
        assert [job.id for job in jobs.all(session)] == [first.id, second.id]
    assert (done.state, done.progress, done.result, done.finished_at) == (
        JobState.DONE,
        1.0,
        {"version": 3, "loss": None},
        LATER,
    )
    assert done.message == "detector/vae"
    with pytest.raises(MissingRowError, match="unknown number 99"), store.read() as session:
        jobs.get(session, 99)


def test_a_silent_workers_job_is_claimed_again_and_then_given_up(store: Store) -> None:
    with store.begin() as session:
        job = jobs.enqueue(session, "retrain", {}, "retrain")
        assert jobs.claim(session, "w1", NOW, LEASE, 2) is not None
        assert jobs.claim(session, "w2", NOW + timedelta(seconds=LEASE), LEASE, 2) is None
        again = jobs.claim(session, "w2", LATER, LEASE, 2)
        assert again is not None
        assert (again.id, again.attempts, again.worker, again.started_at) == (job.id, 2, "w2", NOW)
        assert not jobs.finish(session, job.id, "w1", now=LATER, result={})
        assert jobs.claim(session, "w3", LATER + timedelta(seconds=LEASE + 1), LEASE, 2) is None
        lost = jobs.get(session, job.id)
    assert lost.state == JobState.FAILED
    assert "fell silent 2 times" in lost.message


def test_a_cancelled_job_is_told_by_the_next_heartbeat(store: Store) -> None:
    with store.begin() as session:
        running, waiting = (jobs.enqueue(session, "retrain", {}) for _ in range(2))
        jobs.claim(session, "w1", NOW, LEASE)
        assert jobs.cancel(session, running.id, now=NOW)
        assert jobs.cancel(session, waiting.id, now=NOW)
        assert not jobs.heartbeat(session, running.id, "w1", now=NOW, lease_seconds=LEASE)
        assert not jobs.fail(session, running.id, "w1", now=NOW, message="late")
        assert not jobs.cancel(session, running.id, now=NOW)
        assert jobs.claim(session, "w1", NOW, LEASE) is None


def test_one_unfinished_job_a_key(store: Store) -> None:
    with store.begin() as session:
        first = jobs.enqueue(session, "retrain", {"by": "ann"}, "retrain")
        assert jobs.enqueue(session, "retrain", {"by": "bob"}, "retrain") == first
        jobs.claim(session, "w1", NOW, LEASE)
        assert jobs.enqueue(session, "retrain", {}, "retrain").id == first.id
        jobs.fail(session, first.id, "w1", now=NOW, message="no series; ingest one")
        assert jobs.get(session, first.id).message == "no series; ingest one"
        assert jobs.enqueue(session, "retrain", {}, "retrain").id != first.id


def test_one_job_a_key_however_many_ask_at_once(store: Store) -> None:
    def work(_: int) -> int:
        with store.begin() as session:
            return jobs.enqueue(session, "retrain", {}, "retrain").id

    assert len(set(at_once(8, work))) == 1


def test_a_job_goes_to_one_of_many_workers(store: Store) -> None:
    with store.begin() as session:
        wanted = [jobs.enqueue(session, "retrain", {}).id for _ in range(5)]

    def work(number: int) -> int | None:
        with store.begin() as session:
            job = jobs.claim(session, f"w{number}", NOW, LEASE)
            return None if job is None else job.id

    assert sorted(job for job in at_once(8, work) if job is not None) == wanted


# --- spreads and vetoes -----------------------------------------------------------------------------------------------


def spread_row(label_id: int, version_id: int, **more: object) -> NewSpread:
    counts = {"touched": 9, "normals": 4, "anomalies": 1, "released": 0, "checked": 3, "agreed": 2} | more
    return NewSpread(label_id, version_id, "digest", 1e-4, 0.4, None, **counts)  # type: ignore[arg-type]


def test_what_an_answer_settled_is_recorded_once_a_version_and_never_changes(store: Store) -> None:
    with store.begin() as session:
        said = labels.append(session, new_label(0))
        version = versions.add(session, NewVersion("abc"))
        assert spreads.add(session, spread_row(said.id, version.id))
        assert not spreads.add(session, spread_row(said.id, version.id, touched=1))
        assert not spreads.add(session, spread_row(said.id + 7, version.id))  # no such answer
    with store.read() as session:
        (kept,) = spreads.all(session)
        assert (kept.label_id, kept.touched, kept.floor_normal, kept.floor_anomaly) == (said.id, 9, 0.4, None)
        assert kept.created_at.tzinfo is not None
        assert spreads.of_labels(session, [said.id]) == [kept]
        assert spreads.checked(session) == (3, 2)
    for table in ("spreads", "vetoes"):
        with store.begin() as session:
            vetoes.add(session, said.id, ["a:8:64"], "ann")
        with pytest.raises(DatabaseError, match="never change"), store.begin() as session:
            session.execute(text(f"UPDATE {table} SET label_id = label_id"))
        with pytest.raises(DatabaseError, match="never change"), store.begin() as session:
            session.execute(text(f"DELETE FROM {table}"))


def test_vetoes_stand_while_their_answer_stands(store: Store) -> None:
    with store.begin() as session:
        first, second = (labels.append(session, new_label(number)) for number in (0, 1))
        vetoes.add(session, first.id, ["a:80:64", "a:88:64"], "ann")
        vetoes.add(session, second.id, [None], "bob")
        seen = vetoes.last_id(session)
    with store.begin() as session:
        assert [(one.label_id, one.key) for one in vetoes.standing(session)] == [
            (first.id, "a:80:64"),
            (first.id, "a:88:64"),
            (second.id, None),
        ]
        assert vetoes.take_back(session, first.id, ["a:88:64"], "bob") == 1
        assert vetoes.take_back(session, first.id, ["a:88:64"], "bob") == 0
        assert vetoes.since(session, seen) == {first.id}
        assert vetoes.keys_of(session, {first.id, second.id}) == {"a:80:64", "a:88:64"}
    with store.begin() as session:
        labels.undo(session, "ann")  # the second answer goes first: it came last
        assert [(one.label_id, one.key) for one in vetoes.standing(session)] == [(first.id, "a:80:64")]
        labels.undo(session, "ann")
        assert vetoes.standing(session) == []
        with pytest.raises(MissingRowError, match="first row of an answer"):
            vetoes.add(session, 999, [None], "ann")


def test_windows_taken_out_count_as_looked_at_once_unless_they_are_asked(store: Store) -> None:
    items = fill(store, 2)
    with store.begin() as session:
        first = queries.answer(session, items[0].id, Answer.NORMAL, "ann", client="tab", sequence=1)
        vetoes.add(session, first.id, [items[1].key, "a:800:64", None], "ann")
        vetoes.take_back(session, first.id, ["a:800:64"], "bob")
        vetoes.add(session, first.id, ["a:800:64"], "ann")
        assert labels.spent(session) == Spent(1, 1, anomalies=0, normals=1, unsure=0, undone=0, glances=1, looked_at=2)
    with store.begin() as session:
        labels.undo(session, "ann")
        assert labels.spent(session).looked_at == 2
        queries.answer(session, items[1].id, Answer.NORMAL, "ann", client="tab", sequence=2)
        assert (labels.spent(session).questions, labels.spent(session).looked_at) == (2, 1)


def test_the_last_answer_and_its_rows_are_found(store: Store) -> None:
    (item,) = fill(store, 1)
    with store.begin() as session:
        assert labels.last_of(session, "ann") is None
        said = [(f"a:{8 * n}:64", 8 * n, Answer.NORMAL) for n in range(3)]
        rows = queries.answer_parts(session, item, said, "ann", client="tab", sequence=1)
        assert labels.last_of(session, "ann") == rows[0].id
        assert labels.answer_rows(session, rows[0].id) == rows
        assert [row.key for row in labels.standing_of(session, ["a:8:64", "b:0:64"])] == ["a:8:64"]
        assert [row.id for row in labels.since(session, rows[0].id)] == [row.id for row in rows[1:]]
        assert labels.answer_rows(session, 99) == []
