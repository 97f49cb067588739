"""Every page over a real workspace, driven by AppTest."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db import queries, vetoes
from db.records import Answer, ItemState
from labeling_ui import entrance, state
from labeling_ui.components import reasons
from rl_tsad.active.trust import Trust
from rl_tsad.errors import WorkspaceError
from rl_tsad.services import labeling, look_alikes, overview
from rl_tsad.services import reasons as reasons_of

pytestmark = pytest.mark.slow
APP = str(Path(entrance.__file__).with_name("app.py"))


def queue_page() -> AppTest:
    return AppTest.from_file(APP, default_timeout=20).run()


def other_page(name: str) -> AppTest:
    def script(name: str) -> None:
        from labeling_ui.screens import look_alikes, models, progress

        {"look-alikes": look_alikes, "models": models, "progress": progress}[name].show()

    return AppTest.from_function(script, default_timeout=20, kwargs={"name": name}).run()


def press(app: AppTest, name: str) -> AppTest:
    button = next(button for button in app.button if str(button.key).startswith(name))
    return button.click().run()


def tell(scene: Any, answer: Answer) -> bool:
    """Answer the next question as the card does; False where none is left."""
    who = state.login_name()
    card = labeling.ask(scene.ws, who)
    if card is not None:
        extent = (card.item.event_low, card.item.event_high) if answer is Answer.ANOMALY else None
        number = len(scene.history()) + 1
        labeling.tell(scene.ws, card.item.id, answer, who, client="card", sequence=number, extent=extent)
    return card is not None


def said(app: AppTest) -> str:
    parts = [element.value for kind in (app.markdown, app.caption, app.error, app.code) for element in kind]
    return "\n".join(str(part) for part in parts).replace("\\", "")


def healthy(app: AppTest) -> bool:
    return len(app.exception) == 0


def test_a_finished_queue_explains_itself_and_enqueues_a_retraining_once(scene: Any) -> None:
    while tell(scene, Answer.NORMAL):
        pass
    app = queue_page()
    assert "All windows of this round are answered" in said(app)
    app = press(app, "retrain")
    assert "A new model is on its way" in said(app)
    assert f"--workspace {scene.root} worker" in said(app)
    assert [job.kind for job in overview.jobs(scene.ws)] == ["retrain"]


def test_a_retraining_is_offered_after_enough_answers(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance.ServiceDoor, "fresh_answers", lambda self: 20)
    app = queue_page()
    assert "**20 new answers** since the model was trained" in said(app)
    app = press(app, "retrain")
    assert "**Retraining**" in said(app)


def test_without_a_model_the_first_steps_are_named(untrained: Any) -> None:
    app = queue_page()
    assert healthy(app)
    assert f"--workspace {untrained.root} train" in said(app)
    assert "Nothing has been answered yet" in said(other_page("progress"))
    assert "There is no model yet" in said(other_page("models"))
    page = other_page("look-alikes")
    assert healthy(page)
    assert "nothing is known to be alike" in said(page)
    assert f"--workspace {untrained.root} train" in said(page)


def test_a_folder_that_is_no_workspace_is_reported_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RL_TSAD_WORKSPACE", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["app.py"])
    app = queue_page()
    assert healthy(app)
    assert "expected a workspace" in said(app)
    assert "init" in said(app)


def test_progress_counts_and_draws_the_curve(scene: Any) -> None:
    for answer in Answer:
        tell(scene, answer)
    labeling.undo(scene.ws, state.login_name())
    page = other_page("progress")
    assert healthy(page)
    figures = {metric.label: metric.value for metric in page.metric}
    assert figures == {
        "Questions": "3",
        "Time": "18 s",
        "Budget left": "98 %",
        "Anomaly": "4",
        "Normal": "6",
        "Unsure": "0",
        "Taken back": "1",
    }
    assert "How far do the answers carry?" in said(page)
    assert "of your latest answers" in said(page)


def test_questions_settled_by_look_alikes_are_told(scene: Any) -> None:
    tell(scene, Answer.NORMAL)
    with scene.ws.store.begin() as session:
        open_keys = [item.key for item in queries.in_state(session, ItemState.OPEN)]
        queries.settle(session, open_keys[:3])
    assert "3 questions of this round were settled by other answers" in said(other_page("progress"))


def taken_out(scene: Any) -> list[str | None]:
    with scene.ws.store.read() as session:
        return [veto.key for veto in vetoes.standing(session)]


def answered_normal(scene: Any) -> Any:
    """Answer the first question; gives what that settles."""
    tell(scene, Answer.NORMAL)
    settled = look_alikes.settled_by(scene.ws, reasons_of.last_answer(scene.ws, state.login_name()))
    assert len(settled.alike) > 2
    return settled


def test_ticked_look_alikes_are_taken_out_and_put_back(scene: Any) -> None:
    settled = answered_normal(scene)
    page = other_page("look-alikes")
    assert healthy(page)
    assert f"Settled by it: {len(settled.alike)} as Normal" in said(page)
    page = page.button(key="take-out").click().run()
    assert "Nothing is ticked" in said(page)
    assert taken_out(scene) == []
    page.checkbox[1].check()
    page = page.button(key="take-out").click().run()
    assert healthy(page)
    assert "1 window taken out" in said(page)
    assert taken_out(scene) == [settled.alike[1].key]
    page = press(page, "put-back-")
    assert healthy(page)
    assert "1 window put back" in said(page)
    assert taken_out(scene) == []


def test_a_whole_spread_is_withdrawn_and_put_back(scene: Any) -> None:
    settled = answered_normal(scene)
    page = other_page("look-alikes").button(key="withdraw").click().run()
    assert healthy(page)
    assert "The whole spread is withdrawn" in said(page)
    assert taken_out(scene) == [None]
    assert "settles no others" in said(page)
    page = press(page, "put-back")
    assert "The whole spread is back" in said(page)
    assert taken_out(scene) == []
    assert f"Settled by it: {len(settled.alike)} as Normal" in said(page)
    assert scene.answers() == ["normal"]


def test_many_look_alikes_are_shown_page_by_page(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answered_normal(scene)
    monkeypatch.setattr("labeling_ui.screens.look_alikes.PAGE", 2)
    page = other_page("look-alikes")
    assert healthy(page)
    assert "2 · **Normal**" in said(page)
    assert "3 · **Normal**" not in said(page)
    assert "Take out what is ticked before turning the page" in said(page)


def test_the_way_from_an_answer_to_a_look_alike_is_drawn(scene: Any) -> None:
    settled = answered_normal(scene)
    page = other_page("look-alikes")
    (window,) = [box for box in page.selectbox if box.label == "Window"]
    page = window.set_value(settled.alike[0].key).run()
    assert healthy(page)
    assert "Settled as **Normal** with a confidence of" in said(page)
    assert "**Way 1:** an answer says **Normal**" in said(page)
    assert "**This window**" in said(page)
    steps = reasons.shares(reasons_of.why(scene.ws, settled.alike[0].key).graphml)
    assert steps
    assert all(0 < share <= 1 for share in steps.values())


def test_answers_that_settle_nothing_say_why(scene: Any) -> None:
    assert "Nothing has been answered yet" in said(other_page("look-alikes"))
    tell(scene, Answer.UNSURE)
    page = other_page("look-alikes")
    assert healthy(page)
    assert "Unsure says nothing of other windows" in said(page)


def test_nothing_settled_as_anomalous_is_said_in_words(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answered_normal(scene)
    trust = Trust((0.4, float("inf")), (0.93, float("nan")), (18.0, 3.0))
    known = reasons_of.standing(scene.ws)
    assert known is not None
    monkeypatch.setattr(reasons_of, "standing", lambda ws: replace(known, trust=trust, checked=4, agreed=3))
    text = said(other_page("look-alikes"))
    assert "Nothing is settled as Anomaly: the answers do not show that it would be right often enough." in text
    assert "Of 4 settled windows that people answered later, 3 were right." in text
    assert "about 93 % of those settled as Normal are right (18 checks)" in text
    assert "Of 4 settled windows that people answered later, 3 were right." in said(other_page("progress"))


def test_progress_is_silent_where_nothing_was_checked(scene: Any) -> None:
    tell(scene, Answer.NORMAL)
    assert "answered later" not in said(other_page("progress"))


def test_models_names_the_current_version_and_its_figures(scene: Any) -> None:
    page = other_page("models")
    assert healthy(page)
    row = page.table[0].value.iloc[0]
    assert row["Model"] == "1"
    assert "current" in row["State"]
    assert row["Agrees with answers"] == "75 %"


def test_a_running_job_is_followed_and_the_button_waits(scene: Any) -> None:
    page = press(other_page("models"), "retrain")
    assert "Waiting for a worker" in said(page)
    scene.run_job(0.42, "detector/vae")
    page = other_page("models")
    assert "Running" in said(page)
    assert next(button for button in page.button if button.key == "retrain").disabled


def test_a_failed_job_says_why_as_text(scene: Any) -> None:
    labeling.enqueue_retrain(scene.ws, "ann")
    scene.fail_job("expected **64** points, got <b>3</b>; ingest a longer series")
    page = other_page("models")
    cell = page.table[1].value.iloc[0]["Message"]
    assert cell.replace("\\", "") == "expected **64** points, got <b>3</b>; ingest a longer series"
    assert "**" not in cell


def test_a_finished_job_says_which_model_it_made(scene: Any) -> None:
    labeling.enqueue_retrain(scene.ws, "ann")
    scene.finish_job()
    page = other_page("models")
    assert healthy(page)
    assert page.table[1].value.iloc[0]["Message"] == "made model 2"


def test_commands_are_shown_as_they_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["app.py", "--workspace", "my `plant`; $x"])
    assert entrance.typed("worker").endswith("rl-tsad --workspace 'my `plant`; $x' worker")


def test_the_workspace_is_named_on_the_command_line_before_the_environment() -> None:
    surroundings = {"RL_TSAD_WORKSPACE": "b"}
    assert entrance.workspace_path(["--workspace", "a"], surroundings) == Path("a")
    assert entrance.workspace_path(["--workspace=a"], surroundings) == Path("a")
    assert entrance.workspace_path([], surroundings) == Path("b")
    with pytest.raises(WorkspaceError, match="rl-tsad ui"):
        entrance.workspace_path([], {})
