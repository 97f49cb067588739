"""Several people over a real workspace: copies, reviews, controls, series of certain people, and how they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from db import audit, controls, labels, people, queries, series
from db.desk_records import Role
from db.records import Answer, ItemState, NewItem, NewSeries
from db.tables import DetailRow
from rl_tsad.config import ActiveConfig, Settings
from rl_tsad.errors import AccessError, LabelingError
from rl_tsad.services.agreement import agreement_curve
from rl_tsad.services.agreement_of_people import teamwork
from rl_tsad.services.labeling import Told, ask, release, tell, undo
from rl_tsad.services.people import Visitor
from rl_tsad.services.sharing import (
    assign,
    end_control,
    give_review,
    list_controls,
    set_control,
    shares,
    unassign,
)
from rl_tsad.services.workspace import Workspace, create_workspace, write_series
from rl_tsad.types import Series, slide, spans_of

LENGTH, STRIDE, POINTS = 16, 4, 200
A, N, U = Answer.ANOMALY, Answer.NORMAL, Answer.UNSURE
RITA, ANN = Visitor("rita", Role.REVIEWER), Visitor("ann", Role.ANALYST)


def items_of(recorded: Series, copies: int) -> list[NewItem]:
    windows = slide(recorded, length=LENGTH, stride=STRIDE)
    spans = spans_of(windows, recorded.length)
    return [
        NewItem(
            str(key),
            recorded.name,
            int(start),
            LENGTH,
            int(low),
            int(high),
            "top",
            "odd",
            -row,
            0.9,
            0.5,
            copies=copies,
        )
        for row, (key, start, (low, high)) in enumerate(zip(windows.keys[:6], windows.starts, spans, strict=False))
    ]


def make(root: Path, active: ActiveConfig, copies: int) -> Workspace:
    ws = create_workspace(root, Settings(active=active))
    rng = np.random.default_rng(0)
    for name in ("pump", "fan"):
        recorded = Series(name, rng.normal(size=(POINTS, 1)).astype(np.float32), np.arange(POINTS), ("flow",))
        with ws.store.begin() as session:
            record = series.add(session, NewSeries(name, name, POINTS, ("flow",)))
        write_series(ws.root / record.path, recorded)
        if name == "pump":
            with ws.store.begin() as session:
                queries.replace(session, items_of(recorded, copies), None)
    return ws


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with make(tmp_path / "w", ActiveConfig(overlap=2, controls=0.2), 2) as workspace:
        with workspace.store.begin() as session:
            for name, role in (("rita", Role.REVIEWER), ("ann", Role.ANALYST), ("bob", Role.ANALYST)):
                people.add(session, name, role)
        yield replace_access(workspace)


def replace_access(ws: Workspace) -> Workspace:
    """As behind a proxy, so that roles count."""
    access = replace(ws.settings.access, mode="proxy")
    return Workspace(ws.root, ws.settings.model_copy(update={"access": access}), ws.store)


def say(ws: Workspace, who: str, answer: Answer) -> Told:
    card = ask(ws, who)
    assert card is not None
    return tell(ws, card.item.id, answer, who, client=who, sequence=card.item.id)


def differ(ws: Workspace) -> str:
    key = say(ws, "ann", A).label.key
    assert say(ws, "bob", N).label.key == key
    return key


def standing(ws: Workspace) -> dict[str, Answer | None]:
    with ws.store.read() as session:
        return {row.key: row.answer for row in labels.standing(session)}


def test_what_people_differ_about_is_put_to_a_reviewer_and_counts_as_they_say(ws: Workspace) -> None:
    key = differ(ws)
    assert standing(ws) == {}
    card = ask(ws, "rita")
    assert card is not None
    assert card.item.strategy == "disagreement"
    assert say(ws, "rita", N).label.key == key
    assert standing(ws) == {key: N}
    with ws.store.read() as session:
        assert labels.spent(session).questions == 3
        assert [asked for asked, _ in agreement_curve(session)] == [3]


def test_an_analyst_is_never_asked_a_review(ws: Workspace) -> None:
    differ(ws)
    for name in ("ann", "bob", "somebody whom nobody recorded"):
        card = ask(ws, name)
        assert card is not None
        assert card.item.strategy == "top"


def test_a_review_of_a_reviewers_own_answer_waits_for_another_one_or_for_being_given_to_them(ws: Workspace) -> None:
    say(ws, "ann", A)
    card = ask(ws, "rita")
    assert card is not None
    tell(ws, card.item.id, N, "rita", client="rita", sequence=1)
    waiting = teamwork(ws, RITA).disagreements
    assert [one.said for one in waiting] == [(("ann", A), ("rita", N))]
    card = ask(ws, "rita")
    assert card is not None
    assert card.item.id != waiting[0].item.id
    release(ws, card.item.id, "rita")
    give_review(ws, RITA, waiting[0].item.id, "rita")
    card = ask(ws, "rita")
    assert card is not None
    assert card.item.id == waiting[0].item.id
    with pytest.raises(LabelingError, match="got one that somebody holds or decided"):
        give_review(ws, RITA, waiting[0].item.id, None)


def with_control(ws: Workspace) -> str:
    key = differ(ws)
    say(ws, "rita", A)
    set_control(ws, RITA, key, A)
    return key


def answer_all(ws: Workspace, who: str, answer: Answer) -> list[int]:
    """Answer whatever is asked; what was left after each."""
    left = []
    while ask(ws, who) is not None:
        left.append(say(ws, who, answer).left)
    return left


def test_a_control_looks_like_a_question_and_its_answer_is_no_label(ws: Workspace) -> None:
    key = with_control(ws)
    with ws.store.begin() as session:
        people.add(session, "cleo", Role.ANALYST)
    asked = []
    while (card := ask(ws, "cleo")) is not None:
        asked.append(card)
        told = tell(ws, card.item.id, N, "cleo", client="tab", sequence=len(asked))
        assert (told.answer, told.label.analyst, told.label.key) == (N, "cleo", card.item.key)
    about = [card for card in asked if card.item.key == key]
    assert len(about) == 1
    assert {card.item.strategy for card in asked} == {"top"}
    assert {card.reason for card in asked} == {"odd"}
    assert [card.left for card in asked] == list(range(len(asked), 0, -1))
    with ws.store.read() as session:
        assert all(row.analyst != "cleo" for row in labels.history(session) if row.key == key)
    (cleo,) = [one for one in teamwork(ws, RITA).workers if one.name == "cleo"]
    assert cleo.controls is not None
    assert (cleo.controls.asked, cleo.controls.right) == (1, 0)
    assert cleo.total == len(asked) - 1


def test_a_control_comes_back_when_its_answer_is_taken_back(ws: Workspace) -> None:
    key = with_control(ws)
    card = ask(ws, "cleo")
    for number in range(20):
        assert card is not None
        tell(ws, card.item.id, N, "cleo", client="tab", sequence=number)
        if card.item.key == key:
            break
        card = ask(ws, "cleo")
    first = undo(ws, "cleo", client="tab", sequence=50)
    assert first is not None
    assert undo(ws, "cleo", client="tab", sequence=50) == first
    assert (first.key, first.answer) == (key, None)
    again = ask(ws, "cleo")
    assert again is not None
    assert card is not None
    assert again.item.id == card.item.id
    tell(ws, again.item.id, A, "cleo", client="tab", sequence=51)
    with ws.store.read() as session:
        assert [said.answer for said, _ in controls.standing(session)] == [A]
    with pytest.raises(LabelingError, match="number every message anew"):
        undo(ws, "cleo", client="tab", sequence=51)


def test_only_what_stands_becomes_a_control_and_it_ends(ws: Workspace) -> None:
    key = differ(ws)
    with pytest.raises(LabelingError, match="got none; answer it, or decide its review, first"):
        set_control(ws, RITA, key, A)
    say(ws, "rita", A)
    with pytest.raises(LabelingError, match="to stand as normal, got anomaly"):
        set_control(ws, RITA, key, N)
    with pytest.raises(LabelingError, match="got unsure"):
        set_control(ws, RITA, key, U)
    with pytest.raises(AccessError, match="to set controls"):
        set_control(ws, ANN, key, A)
    set_control(ws, RITA, key, A)
    assert [one.key for one in list_controls(ws, RITA)] == [key]
    assert end_control(ws, RITA, key)
    assert (list_controls(ws, RITA), end_control(ws, RITA, key)) == ([], False)


def test_a_series_of_somebody_is_asked_of_them_alone(ws: Workspace) -> None:
    assert assign(ws, RITA, "pump", "ann")
    assert not assign(ws, RITA, "pump", "ann")
    assert ask(ws, "bob") is None
    assert ask(ws, "ann") is not None
    assert [(one.series, one.people, one.waiting) for one in shares(ws, RITA)] == [
        ("pump", ("ann",), 12),
        ("fan", (), 0),
    ]
    assert unassign(ws, RITA, "pump", "ann")
    assert ask(ws, "bob") is not None
    with ws.store.read() as session:
        assert [entry.action for entry in audit.entries(session)][::-1] == ["series/assign", "series/unassign"]


def test_series_and_people_must_be_there_and_the_visitor_a_reviewer(ws: Workspace) -> None:
    with pytest.raises(LabelingError, match="expected a series of this workspace, got 'valve'"):
        assign(ws, RITA, "valve", "ann")
    with pytest.raises(LabelingError, match="got nobody of that name"):
        assign(ws, RITA, "pump", "nobody")
    with pytest.raises(AccessError, match="to assign series"):
        assign(ws, ANN, "pump", "ann")
    with pytest.raises(LabelingError, match="expected a review, got the number 1"):
        give_review(ws, RITA, 1, "rita")


def test_reviewers_see_everybody_and_analysts_themselves_without_controls(ws: Workspace) -> None:
    with_control(ws)
    for answer in (N, A, N):
        say(ws, "ann", answer)
        say(ws, "bob", answer)
    with ws.store.begin() as session:
        add_seconds(session)
    everybody = teamwork(ws, RITA)
    assert [one.name for one in everybody.workers] == ["ann", "bob", "rita"]
    (pair,) = everybody.pairs
    assert (pair.first, pair.second, pair.alpha.questions, pair.alpha.same) == ("ann", "bob", 4, 3)
    assert everybody.alpha.value == pytest.approx(8 / 15)
    (decided,) = everybody.disagreements
    assert (decided.waits, decided.decided) == (False, ("rita", A))
    ann = everybody.workers[0]
    assert (ann.answers, ann.shared, ann.alone) == ({A: 2, N: 2, U: 0}, 4, 1)
    assert ann.seconds == {A: 3.0, N: 3.0}
    own = teamwork(ws, ANN)
    assert [(one.name, one.controls) for one in own.workers] == [("ann", None)]
    assert (own.pairs, own.disagreements, own.sees_all) == ((), (), False)
    with pytest.raises(AccessError):
        teamwork(ws, Visitor("vic", Role.VIEWER))


def add_seconds(session: Session) -> None:
    for row in labels.history(session):
        session.add(DetailRow(label_id=row.id, marks=[], fault=None, comment=None, seconds=3.0))


def test_settled_questions_are_settled_for_all_and_open_for_those_after_the_first_answer(ws: Workspace) -> None:
    say(ws, "ann", N)
    with ws.store.read() as session:
        states = [item.state for item in queries.in_state(session, *ItemState)][:2]
    assert states == [ItemState.ANSWERED, ItemState.OPEN]
    assert len(answer_all(ws, "bob", N)) == 6
