"""What goes wrong around the card: files lost, a store that fails, nothing left; and a hand that is too quick."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from desk_process import CHROMIUM, Server, tab_of
from desk_tab import all_kept, asked, moved_on, open_card, painted, press, ready_for_clicks, sit_down
from laid_out import answers, lay_out, standing

from db import details
from db.records import Answer
from labeling_ui import launch
from rl_tsad.services import answering
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Series

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
FAILED = {"status": 503, "body": json.dumps({"error": {"expected": "", "message": "the store failed"}})}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Server]]:
    values = np.random.default_rng(0).normal(size=(640, 2)).astype(np.float32)
    recorded = Series("pump", values, np.arange(640), ("flow", "heat"))
    with lay_out(tmp_path_factory.mktemp("trouble") / "plant", recorded, range(5, 65)) as ws:
        server = Server(ws.root)
        server.start()
        yield ws, server
        server.kill()


def fail(route: Any) -> None:
    """Answer as the server does while its store fails."""
    route.fulfill(content_type="application/json", **FAILED)


def state(page: Any, text: str) -> None:
    page.locator("section.card .state", has_text=text).wait_for()


def test_who_renames_themselves_answers_under_the_new_name(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (page, complaints):
        open_card(page, server)
        sit_down(page, "Ada  Lovelace")
        assert page.get_by_label("Answers are kept under").input_value() == "Ada Lovelace"
        painted(page)
        press(page, "n")
        assert [row.answer for row in standing(ws) if row.analyst == "Ada Lovelace"] == [Answer.NORMAL]
        assert complaints == []


def test_a_double_click_answers_once(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (page, _):
        open_card(page, server)
        first = asked(page)
        before = answers(ws)
        ready_for_clicks(page)
        page.get_by_role("button", name="Normal (N)").dblclick()
        moved_on(page, first)
        all_kept(page)
        assert answers(ws) == [*before, Answer.NORMAL]


def test_fault_and_comment_reach_the_store(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (page, _):
        open_card(page, server)
        asked(page)
        before = answers(ws)
        page.keyboard.press("3")
        page.keyboard.press("c")
        page.keyboard.type("an <b>unusual</b> valve, n")
        page.keyboard.press("Enter")
        assert answers(ws) == before
        press(page, "a")
        assert page.get_by_label("Comment").input_value() == ""
        page.get_by_label("Fault kind").select_option("Spike")
        press(page, "n")
        rows = standing(ws)[-2:]
        with ws.store.read() as session:
            kept = details.of_labels(session, [row.id for row in rows])
        said = [(kept[row.id].fault, kept[row.id].comment) for row in rows]
        assert said == [("Drift", "an <b>unusual</b> valve, n"), (None, None)]


def test_answers_stay_in_the_browser_while_the_store_fails(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (page, _):
        open_card(page, server)
        asked(page)
        before = answers(ws)
        page.route("**/api/v1/log", fail)
        for key in "nau":
            page.keyboard.press(key)
        state(page, "Offline: 3 answers kept in this browser")
        assert answers(ws) == before
        page.unroute("**/api/v1/log")
        all_kept(page)
        assert answers(ws) == [*before, Answer.NORMAL, Answer.ANOMALY, Answer.UNSURE]


def test_a_failing_preview_is_no_trouble(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (page, _):
        page.route("**/api/v1/preview", fail)
        with page.expect_response("**/api/v1/preview"):
            open_card(page, server)
        assert page.get_by_text("as Normal").count() == 0
        before = answers(ws)
        press(page, "n")
        assert answers(ws) == [*before, Answer.NORMAL]


def test_a_question_whose_points_are_lost_is_tried_again_or_skipped(
    desk: tuple[Workspace, Server], browser: Any
) -> None:
    ws, server = desk
    (values,) = ws.root.glob("series/*/values.npy")
    away = values.rename(values.with_suffix(".away"))
    with tab_of(browser) as (page, _):
        page.goto(launch.address(server.port))
        page.get_by_text("This question cannot be shown: expected the workspace's store and files").wait_for()
        page.get_by_role("button", name="Skip it").click()
        page.get_by_text("This question cannot be shown").wait_for()
        away.rename(values)
        page.get_by_role("button", name="Try again").click()
        painted(page)


def test_an_earlier_question_that_cannot_be_had_is_tried_again(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (page, _):
        open_card(page, server)
        press(page, "n")
        item = standing(ws)[-1].item_id
        page.reload()
        now = asked(page)
        its_picture = f"**/api/v1/questions/{item}"
        page.route(its_picture, fail)
        page.keyboard.press("ArrowLeft")
        page.get_by_text("This question cannot be shown: the store failed").wait_for()
        page.get_by_role("button", name="Go on").click()
        assert asked(page) == now
        page.keyboard.press("ArrowLeft")
        page.unroute(its_picture)
        page.get_by_role("button", name="Try again").click()
        page.get_by_text("You answered Normal").wait_for()
        assert asked(page) == item
        press(page, "u")
        assert answers(ws)[-1] == Answer.UNSURE


def test_while_others_hold_all_questions_the_card_says_so(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    held = [item.id for item in answering.hold(ws, "others", 100)[0]]
    with tab_of(browser) as (page, complaints):
        page.goto(launch.address(server.port))
        sit_down(page, "late")
        page.get_by_text("No question is open for you now. What others leave comes back within minutes.").wait_for()
        assert page.get_by_role("button", name="Anomaly (A)").count() == 0
        page.keyboard.press("n")
        state(page, "All kept")
        assert "late" not in {row.analyst for row in standing(ws)}
        assert complaints == []
    answering.release(ws, "others", held)
