"""The page of agreement over a real workspace, driven by AppTest."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db import labels, queries
from db.desk_records import Role
from db.records import Answer
from db.tables import DetailRow
from labeling_ui import entrance
from rl_tsad.services import labeling, sharing
from rl_tsad.services.agreement_of_people import teamwork
from rl_tsad.services.people import Visitor

pytestmark = pytest.mark.slow
A, N = Answer.ANOMALY, Answer.NORMAL
RITA = Visitor("rita", Role.ADMIN)


@pytest.fixture
def shared(scene: Any) -> Any:
    """Each question asked of two people; ann and bob differ on the first and agree on the second."""
    scene.share()
    for name, answers in (("ann", (A, N)), ("bob", (N, N))):
        for answer in answers:
            say(scene, name, answer)
    with scene.ws.store.begin() as session:
        for row in labels.history(session):
            session.add(DetailRow(label_id=row.id, marks=[], fault=None, comment=None, seconds=2.5))
    return scene


def say(scene: Any, name: str, answer: Answer) -> str:
    """Answer what is no review: whoever sits at this machine may be asked those too."""
    with scene.ws.store.begin() as session:
        item = queries.claim(session, name, labeling.utc_now(), 600.0)
    assert item is not None
    labeling.tell(scene.ws, item.id, answer, name, client=name, sequence=item.id)
    return str(item.key)


def page() -> AppTest:
    def script() -> None:
        from labeling_ui.screens import agreement

        agreement.show()

    return AppTest.from_function(script, default_timeout=30).run()


def said(app: AppTest) -> str:
    parts = [element.value for kind in (app.markdown, app.caption, app.error) for element in kind]
    return "\n".join(str(part) for part in parts).replace("\\", "")


def tables(app: AppTest) -> list[list[list[str]]]:
    return [[[str(cell) for cell in row] for row in table.value.to_numpy().tolist()] for table in app.table]


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def test_a_reviewer_sees_people_pairs_and_what_they_differ_about(shared: Any) -> None:
    app = page()
    assert len(app.exception) == 0
    assert {one.label: one.value for one in app.metric} == {
        "Agreement (alpha)": "0.00",
        "Asked of several": "2",
        "Same answer": "50 %",
        "Waiting for a reviewer": "1",
    }
    assert "Agreement is **no better than chance**" in said(app)
    people, pairs, differing, series = tables(app)
    assert [row[:5] for row in people] == [["ann", "2", "1 / 1 / 0", "2", "1"], ["bob", "2", "0 / 2 / 0", "2", "1"]]
    assert pairs == [["ann", "0.00 · 2"]]
    assert [row[1:] for row in differing] == [
        ["ann: Anomaly · bob: Normal", ":material/schedule: Waits for a reviewer"]
    ]
    assert [row[1:] for row in series] == [["anybody", "9"]]


def test_a_disagreement_is_given_to_a_reviewer(shared: Any) -> None:
    app = page()
    app.text_input(key="give-whom").set_value("bob")
    app = press(app, "Give")
    assert len(app.exception) == 0
    assert "It waits for bob now." in said(app)
    assert "Waits for bob" in tables(app)[2][0][2]
    card = labeling.ask(shared.ws, "bob")
    assert card is not None
    assert card.item.strategy == "disagreement"


def test_a_series_is_assigned_and_taken_away(shared: Any) -> None:
    app = page()
    app.selectbox(key="share-person").set_value("ann")
    app = press(app, "Assign")
    assert tables(app)[3][0][1] == "ann"
    app.selectbox(key="share-person").set_value("ann")
    app = press(app, "Take away")
    assert tables(app)[3][0][1] == "anybody"
    app.selectbox(key="share-person").set_value(None)
    app = press(app, "Assign")
    assert "Nothing was changed" in said(app)


def test_what_a_reviewer_decided_is_asked_again_and_ended(shared: Any) -> None:
    assert "Decided by a reviewer: none" in said(page())
    card = labeling.ask(shared.ws, "rita")
    assert card is not None
    labeling.tell(shared.ws, card.item.id, A, "rita", client="r", sequence=1)
    app = press(page(), "Ask again")
    assert [(one.key, one.expected) for one in sharing.list_controls(shared.ws, RITA)] == [(card.item.key, A)]
    assert "Anomaly, by rita" in tables(app)[2][0][2]
    press(app, "End")
    assert sharing.list_controls(shared.ws, RITA) == []


def test_an_analyst_sees_only_themselves(shared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance.ServiceDoor, "visitor", lambda _: Visitor("ann", Role.ANALYST))
    app = page()
    assert len(app.exception) == 0
    ((own,),) = tables(app)
    assert own[0] == "ann"
    assert "bob" not in said(app)
    assert "Waiting for a reviewer" not in {one.label for one in app.metric}
    assert len(app.tabs) == 0


def test_a_viewer_is_told_what_they_need(shared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance.ServiceDoor, "visitor", lambda _: Visitor("vic", Role.VIEWER))
    assert "expected a role of analyst or above to see how people agree" in said(page())


def test_where_nobody_is_asked_the_same_the_page_says_how_to_ask(scene: Any) -> None:
    app = page()
    assert len(app.exception) == 0
    assert "Each question is asked of one person" in said(app)
    assert "Nobody has answered a question yet" in said(app)
    assert "Nobody has contradicted anybody" in said(app)


def test_the_reviewers_card_says_that_people_differ_and_names_nobody(shared: Any) -> None:
    card = labeling.ask(shared.ws, "rita")
    assert card is not None
    assert not any(name in card.reason for name in ("ann", "bob"))
    assert teamwork(shared.ws, RITA).disagreements[0].item.id == card.item.id
