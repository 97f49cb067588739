from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from db.records import Answer, ItemState, Label, QueryItem
from labeling_ui import state
from labeling_ui.state import Desk
from rl_tsad.errors import LabelingError, WorkspaceError
from rl_tsad.services.labeling import Told

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def label(answer: Answer | None) -> Label:
    return Label(1, "a:0:8", "a", 0, 8, answer, "ann", 7, 1, None, "tab", 0, NOW)


@dataclass
class FakeCard:
    item: QueryItem


@dataclass
class FakeDoor:
    """Remembers what it was told; fails as asked."""

    calls: list[tuple[object, ...]] = field(default_factory=list)
    failure: Exception | None = None
    spread: int = 12
    item: int = 7
    rows: tuple[Label, ...] = ()
    undone: Label | None = field(default_factory=lambda: label(None))

    def _note(self, *call: object) -> None:
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure

    def ask(self, analyst: str) -> FakeCard:
        self._note("ask", analyst)
        return FakeCard(
            QueryItem(
                self.item, "a:0:8", "a", 0, 8, 4, 8, 1, "top", "", 1, 0.5, 0, 4, 8, ItemState.LEASED, analyst, NOW, NOW
            )
        )

    def tell(
        self,
        item_id: int,
        answer: Answer,
        analyst: str,
        *,
        client: str,
        sequence: int,
        extent: tuple[int, int] | None = None,
    ) -> Told:
        self._note("tell", item_id, answer, analyst, client, sequence, extent)
        return Told(self.rows or (label(answer),), self.spread, 3)

    def undo(self, analyst: str, *, client: str, sequence: int) -> Label | None:
        self._note("undo", analyst, client, sequence)
        return self.undone

    def release(self, item_id: int, analyst: str) -> None:
        self._note("release", item_id, analyst)


def seated(**changes: object) -> Desk:
    return replace(Desk("ann", "tab", turn=4, item=7, shown_at=10.0), **changes)


def test_an_answer_is_told_once_under_its_turn_and_reported_in_words() -> None:
    door = FakeDoor()
    after = state.answer(seated(), door, (4, 7, Answer.ANOMALY), 12.0)
    assert door.calls == [("tell", 7, Answer.ANOMALY, "ann", "tab", 4, None)]
    assert (after.turn, after.item, after.shown_at) == (5, None, None)
    assert after.notice is not None
    assert after.notice.text == "Anomaly kept, spread to 12 look-alikes."


def test_a_marked_event_is_told_with_its_ends_and_its_windows_are_counted() -> None:
    said = [Answer.NORMAL, Answer.ANOMALY, Answer.ANOMALY, Answer.NORMAL]
    door = FakeDoor(spread=0, rows=tuple(label(answer) for answer in said))
    after = state.answer(seated(), door, (4, 7, Answer.ANOMALY), 12.0, extent=(3, 9))
    assert door.calls == [("tell", 7, Answer.ANOMALY, "ann", "tab", 4, (3, 9))]
    assert after.notice is not None
    assert after.notice.text == "Anomaly kept for 2 windows, normal for 2."
    door.rows = tuple(label(Answer.NORMAL) for _ in range(3))
    after = state.answer(seated(), door, (4, 7, Answer.NORMAL), 12.0)
    assert after.notice is not None
    assert after.notice.text == "Normal kept for 3 windows."
    again = state.answer(seated(), door, (4, 7, Answer.ANOMALY), 12.0)
    assert again.notice is not None
    assert "earlier answer, Normal" in again.notice.text


@pytest.mark.parametrize("click", [(3, 7, Answer.NORMAL), (4, 6, Answer.NORMAL)])
def test_a_click_meant_for_another_window_changes_nothing(click: tuple[int, int, Answer]) -> None:
    door = FakeDoor()
    assert state.answer(seated(), door, click, 12.0) == seated()
    assert door.calls == []


def test_the_second_click_of_a_double_click_answers_nothing() -> None:
    door = FakeDoor()
    click = (4, 7, Answer.ANOMALY)
    once = state.answer(seated(), door, click, 12.0)
    assert state.answer(once, door, click, 12.1) is once
    assert len(door.calls) == 1


@pytest.mark.parametrize("shown_at", [None, 11.9])
def test_a_window_that_nobody_can_have_seen_is_not_answered(shown_at: float | None) -> None:
    door = FakeDoor()
    after = state.answer(seated(shown_at=shown_at), door, (4, 7, Answer.NORMAL), 12.0)
    assert door.calls == []
    assert after.turn == 4
    assert after.notice is not None
    assert after.notice.kind == "hint"


def test_after_a_failure_the_same_press_is_sent_again_under_the_same_number() -> None:
    door = FakeDoor(failure=WorkspaceError("expected a disk, got none; plug it in"))
    after = state.answer(seated(), door, (4, 7, Answer.NORMAL), 12.0)
    assert (after.turn, after.item) == (4, 7)
    assert after.notice is not None
    assert after.notice.kind == "problem"
    assert "plug it in" in after.notice.detail
    door.failure = None
    state.answer(after, door, (4, 7, Answer.NORMAL), 13.0)
    assert door.calls[0] == door.calls[1]


def test_a_refused_answer_moves_on_to_the_next_window() -> None:
    door = FakeDoor(failure=LabelingError("expected an open question, got a retired one; go on"))
    after = state.answer(seated(), door, (4, 7, Answer.NORMAL), 12.0)
    assert after.turn == 5
    assert after.notice is not None
    assert after.notice.kind == "problem"


def test_undo_works_once_per_click_and_says_when_there_is_nothing() -> None:
    door = FakeDoor()
    after = state.undo(seated(), door, 4)
    assert door.calls == [("undo", "ann", "tab", 4)]
    assert state.undo(after, door, 4) is after
    door.undone = None
    nothing = state.undo(after, door, 5)
    assert nothing.notice is not None
    assert "no answer" in nothing.notice.text


def test_a_failed_undo_says_so_and_can_be_tried_again() -> None:
    after = state.undo(seated(), FakeDoor(failure=WorkspaceError("a, b; c")), 4)
    assert after.turn == 4
    assert after.notice is not None
    assert after.notice.kind == "problem"


def test_another_name_gives_the_window_back_first() -> None:
    door = FakeDoor()
    after = state.rename(seated(), door, "  Grace \n Hopper ")
    assert door.calls == [("release", 7, "ann")]
    assert (after.analyst, after.item) == ("Grace Hopper", None)
    assert after.client == "tab"


@pytest.mark.parametrize("name", ["", "  ", "ann", "\u0007"])
def test_an_empty_or_equal_name_changes_nothing(name: str) -> None:
    assert state.rename(seated(), FakeDoor(), name) == seated()


def test_a_window_keeps_the_time_of_its_first_drawing() -> None:
    desk, _ = state.take(seated(), FakeDoor())
    assert desk.shown_at == 10.0
    other, _ = state.take(desk, FakeDoor(item=8))
    assert (other.item, other.shown_at) == (8, None)
    assert state.shown(state.shown(other, 20.0), 30.0).shown_at == 20.0


def test_two_tabs_never_share_a_client() -> None:
    assert len({state.open_desk("ann").client for _ in range(50)}) == 50


def test_the_name_of_the_login_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert state.open_desk().analyst == "ada"

    def nobody() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert state.open_desk().analyst == "analyst"
