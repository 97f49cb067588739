from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db.desk_records import Role
from db.records import Answer
from labeling_ui import entrance, exploration, identity
from rl_tsad.errors import AccessError
from rl_tsad.services import labeling
from rl_tsad.services.people import Visitor

pytestmark = pytest.mark.slow


def explore_page() -> AppTest:
    def script() -> None:
        from labeling_ui.screens import explore

        explore.show()

    return AppTest.from_function(script, default_timeout=30).run()


def said(app: AppTest) -> str:
    parts = [element.value for kind in (app.markdown, app.caption, app.error) for element in kind]
    return "\n".join(str(part) for part in parts).replace("\\", "")


def press(app: AppTest, key: str) -> AppTest:
    return next(button for button in app.button if str(button.key).startswith(key)).click().run()


def mark(app: AppTest, first: str, last: str) -> AppTest:
    app.text_input[0].set_value(first)
    app.text_input[1].set_value(last)
    return next(button for button in app.button if button.label == "Mark it").click().run()


def test_the_whole_series_is_shown_and_can_be_looked_at_closer(scene: Any) -> None:
    app = explore_page()
    assert not app.exception
    assert "640 of 640 points" in said(app)
    assert "320 of 640 points" in said(press(app, "explore-closer"))
    assert "640 of 640 points" in said(press(app, "explore-whole"))


def test_a_typed_stretch_is_answered_and_taken_back(scene: Any) -> None:
    app = mark(explore_page(), "2026-03-03 10:00", "2026-03-03 10:15")
    assert not app.exception
    assert "Marked: Tue 3 Mar 2026, 10:00:00 to 10:15:00" in said(app)
    assert "An answer labels the 2 windows" in said(app) or "An answer labels the 3 windows" in said(app)
    app = press(app, "anomaly-explore")
    assert not app.exception
    assert "Anomaly kept." in said(app)
    rows = scene.standing()
    assert Answer.ANOMALY in {row.answer for row in rows}
    assert {row.item_id for row in rows} == {None}
    app = press(app, "explore-undo")
    assert "Taken back: 1 answer" in said(app)
    assert scene.standing() == []


def test_a_shape_is_searched_and_its_places_are_answered_but_for_exceptions(scene: Any) -> None:
    app = press(mark(explore_page(), "2026-03-03 10:00", "2026-03-03 10:30"), "explore-search")
    assert not app.exception
    assert "of this shape, the most alike first" in said(app)
    ticks = [box for box in app.checkbox if str(box.key).startswith("leave-")]
    app = ticks[0].check().run()
    label = next(button.label for button in app.button if button.key == "normal-found")
    assert label == f"Normal: all {len(ticks) - 1} not left out"
    app = press(app, "normal-found")
    assert f"Normal kept for {len(ticks) - 1} places" in said(app)
    assert {row.answer for row in scene.standing()} == {Answer.NORMAL}
    assert "Taken back" in said(press(app, "explore-undo"))
    assert scene.standing() == []


def test_going_to_a_place_marks_it_and_shows_its_surroundings(scene: Any) -> None:
    app = press(mark(explore_page(), "2026-03-03 10:00", "2026-03-03 10:30"), "explore-search")
    app = press(app, "jump-")
    assert not app.exception
    assert "(31 points)" in said(app)
    assert "155 of 640 points" in said(app)


def test_nonsense_typed_as_a_time_is_refused_in_words(scene: Any) -> None:
    app = mark(explore_page(), "yesterday", "2026-03-03 10:30")
    assert not app.exception
    assert "These are no times." in said(app)


def test_without_a_series_the_page_says_what_to_do(untrained: Any) -> None:
    app = explore_page()
    assert not app.exception
    assert "There is no series yet." in said(app)


@pytest.mark.parametrize(("extent", "step", "scale"), [((0, 5), 0.0, 0.5), ((0, 4), 0.0, 0.5), ((90, 100), 0.5, 2.0)])
def test_a_range_stays_within_the_series(extent: tuple[int, int], step: float, scale: float) -> None:
    low, high = exploration.moved(extent, step, scale, 100)
    assert 0 <= low < high <= 100


def test_undo_leaves_what_the_same_person_answered_elsewhere_later(scene: Any) -> None:
    app = press(mark(explore_page(), "2026-03-03 10:00", "2026-03-03 10:15"), "anomaly-explore")
    analyst = scene.standing()[0].analyst
    card = labeling.ask(scene.ws, analyst)
    assert card is not None
    labeling.tell(scene.ws, card.item.id, Answer.UNSURE, analyst, client="elsewhere", sequence=1)
    assert "Taken back: 1 answer" in said(press(app, "explore-undo"))
    assert [row.answer for row in scene.standing()] == [Answer.UNSURE]


def test_a_viewer_sees_no_answers_to_give_and_the_door_refuses_them(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "recognise", lambda ws, name: Visitor("vic", Role.VIEWER))
    app = press(mark(explore_page(), "2026-03-03 10:00", "2026-03-03 10:30"), "explore-search")
    assert not app.exception
    assert "of this shape, the most alike first" in said(app)
    keys = " ".join(str(button.key) for button in app.button)
    assert not any(name in keys for name in ("anomaly-", "normal-", "unsure-", "undo"))
    place = (scene.windows.series, (100, 120))
    with pytest.raises(AccessError):
        entrance.ServiceDoor(scene.ws).mark([place], Answer.NORMAL, "vic", client="c", sequence=1)
    assert scene.standing() == []
