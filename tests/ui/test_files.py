"""The page of files over a real workspace, driven by AppTest."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db import audit
from db.audit import AuditFilter
from db.desk_records import Role
from db.records import Answer
from labeling_ui.screens.files import FORMS, said_of_file
from rl_tsad.data.annotations.forms import Form
from rl_tsad.errors import AccessError, DataError
from rl_tsad.services import labeling
from rl_tsad.services.exchange import exported
from rl_tsad.services.importing import Imported, ImportOptions
from rl_tsad.services.people import Visitor
from rl_tsad.services.uploads import take_file

pytestmark = pytest.mark.slow
ANN = Visitor("ann", Role.ANALYST)


def page() -> AppTest:
    def script() -> None:
        from labeling_ui.screens import files

        files.show()

    return AppTest.from_function(script, default_timeout=30).run()


def said(app: AppTest) -> str:
    parts = [element.value for kind in (app.markdown, app.caption, app.error, app.success) for element in kind]
    return "\n".join(str(part) for part in parts).replace("\\", "")


def windows_file(scene: Any, answer: str = "anomaly") -> bytes:
    key = str(scene.windows.keys[5]).replace('"', '""')
    return f'key,answer,analyst\n"{key}",{answer},somebody else\n'.encode()


def test_a_file_is_shown_before_it_is_added_under_the_name_of_who_hands_it_in(scene: Any) -> None:
    app = page()
    app.file_uploader[0].upload("answers.csv", windows_file(scene), "text/csv").run()
    assert not app.exception
    assert "Windows (CSV): 1 anomaly in 1 answer." in said(app)
    assert scene.history() == []
    next(button for button in app.button if button.key == "files-add").click().run()
    assert "1 window added." in said(app)
    (label,) = scene.standing()
    assert (label.answer, label.analyst) == (Answer.ANOMALY, labeling_name())
    with scene.ws.store.read() as session:
        (entry,) = audit.entries(session, AuditFilter(action="answers/import"), limit=5)
    assert (entry.subject, entry.details["windows"]) == ("answers.csv", 1)


def labeling_name() -> str:
    from labeling_ui import state

    return state.login_name()


def test_a_file_that_is_none_adds_nothing_and_says_where_it_is_wrong(scene: Any) -> None:
    app = page()
    app.file_uploader[0].upload("answers.csv", windows_file(scene, "perhaps"), "text/csv").run()
    assert "answers.csv, line 2" in said(app)
    assert "/tmp" not in said(app)
    assert not [button for button in app.button if button.key == "files-add"]


def test_what_is_kept_for_the_test_is_said_to_be_left_out() -> None:
    found = Imported(Form.INTERVALS, {Answer.NORMAL: 2}, 1, 0, outside=3, first_outside="a.csv, line 3 (x)")
    assert "3 windows left out, since they are kept for the test; the first: a.csv, line 3 (x)." in said_of_file(found)


def test_every_format_can_be_chosen_and_is_written(scene: Any) -> None:
    card = labeling.ask(scene.ws, "ann")
    assert card is not None
    labeling.tell(scene.ws, card.item.id, Answer.ANOMALY, "ann", client="t", sequence=1)
    assert set(FORMS) == set(Form)
    assert all(exported(scene.ws, form)[1] for form in FORMS)


def test_viewers_hand_nothing_in_and_a_name_is_no_path(scene: Any) -> None:
    content = windows_file(scene)
    with pytest.raises(AccessError, match="analyst"):
        take_file(scene.ws, Visitor("vic", Role.VIEWER), "a.csv", content, options=ImportOptions())
    with pytest.raises(DataError, match="file with a name"):
        take_file(scene.ws, ANN, "../..", content, options=ImportOptions())
    assert take_file(scene.ws, ANN, "../../a.csv", content, options=ImportOptions()).added == 1
    assert [label.analyst for label in scene.standing()] == ["ann"]
