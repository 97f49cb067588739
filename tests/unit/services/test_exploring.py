from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hand_made import add_series, add_version

from db.desk_records import Role
from db.records import Answer, ItemState, NewItem, NewVersion
from rl_tsad.config import Settings, WindowConfig
from rl_tsad.errors import DataError, LabelingError
from rl_tsad.services import answering, exploring, volunteering
from rl_tsad.services.people import Visitor
from rl_tsad.services.workspace import Workspace, create_workspace
from rl_tsad.types import Series, slide

LENGTH, STRIDE, POINTS = 8, 4, 81
ANN = Visitor("ann", Role.ANALYST)


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """One series whose truth says the opposite of the model, which raises alarms in the windows 2 to 4 and 9."""
    with create_workspace(tmp_path / "w", Settings(window=WindowConfig(length=LENGTH, stride=STRIDE))) as opened:
        values = np.sin(np.arange(POINTS) * 2 * np.pi / 20)[:, None].astype(np.float32)
        one = Series("pump", values, np.arange(POINTS), ("flow",), np.ones(POINTS, np.int8))
        windows = slide(one, length=LENGTH, stride=STRIDE)
        add_series(opened, one)
        thought = np.zeros(len(windows), np.float32)
        thought[[2, 3, 4, 9]] = 0.5
        line = np.arange(len(windows), dtype=np.float32)[:, None] ** 2
        add_version(opened, windows, line, neighbours=3, new=NewVersion("abc"), probability=thought, cut=0.4)
        yield opened


def test_windows_that_meet_and_alarm_are_one_run(ws: Workspace) -> None:
    lying = exploring.lying_on(ws, "pump")
    assert list(zip(lying.alarms.low.tolist(), lying.alarms.high.tolist(), strict=True)) == [(12, 24), (40, 44)]
    assert lying.score[2:5].tolist() == [0.5] * 3
    assert lying.score_at[0] == LENGTH - 1
    assert lying.score_at[-1] == POINTS - 1


def test_an_answer_is_one_stretch_with_who_and_when_and_others_stay_apart(ws: Workspace) -> None:
    for number, extent in enumerate([(9, 18), (20, 22)], 1):
        answering.mark(ws, "pump", extent, Answer.NORMAL, ANN, client="c", sequence=number)
    first, second = exploring.lying_on(ws, "pump").answers
    assert (first.low, first.high, second.low, second.high) == (8, 20, 20, 24)
    assert (first.answer, first.analyst) == (Answer.NORMAL, "ann")
    assert first.when <= second.when
    assert exploring.lying_on(ws, "pump").said(19, 20) == [Answer.NORMAL]


def test_what_an_answer_settles_lies_on_the_series_and_goes_with_it(ws: Workspace) -> None:
    answering.mark(ws, "pump", (40, 44), Answer.NORMAL, ANN, client="c", sequence=1)
    settled = exploring.lying_on(ws, "pump").settled
    assert set(settled.value.tolist()) <= {0}
    undo = answering.Entry(2, "undo", undoes=1)
    answering.take_log(ws, ANN, "c", [undo])
    lying = exploring.lying_on(ws, "pump")
    assert lying.answers == ()
    assert len(lying.settled.low) == 0


def test_known_truth_is_never_read(ws: Workspace) -> None:
    before = exploring.lying_on(ws, "pump")
    for path in ws.root.rglob("truth.npy"):
        path.unlink()
    after = exploring.lying_on(ws, "pump")
    assert after.alarms.low.tolist() == before.alarms.low.tolist()
    assert after.answers == before.answers == ()


def test_a_shape_is_found_again_a_period_later(ws: Workspace) -> None:
    found = exploring.search_shape(ws, "pump", (10, 22), 2, channels=["flow"])
    assert [one.low for one in found] == [30, 50]
    assert found[0].distance < 0.01


def test_an_unknown_series_is_refused(ws: Workspace) -> None:
    with pytest.raises(DataError, match="expected a series of this workspace"):
        exploring.lying_on(ws, "fan")


def test_what_an_answer_would_label_is_said_with_the_questions_it_answers(ws: Workspace) -> None:
    from db import queries

    item = NewItem("pump:8:8", "pump", 8, LENGTH, 12, 16, "top", "odd", 1.0, 0.7, 0.4, event_low=12, event_high=16)
    with ws.store.begin() as session:
        queries.replace(session, [item], 1)
    assert volunteering.would_label(ws, "pump", (13, 18)) == volunteering.WouldLabel(2, 1)
    with ws.store.read() as session:
        assert len(queries.in_state(session, ItemState.OPEN)) == 1
    with pytest.raises(LabelingError, match="expected points"):
        volunteering.would_label(ws, "pump", (90, 95))
