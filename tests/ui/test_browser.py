"""The page as an analyst meets it: a real server, a real Chromium, real keys, a real kill."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from desk_process import CHROMIUM, Server, browser_page

from db import queries
from db.records import Answer, ItemState
from labeling_ui import launch
from labeling_ui.screens.queue import EVENT_QUESTION
from rl_tsad.services import labeling

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture
def server(scene: Any) -> Iterator[Server]:
    server = Server(scene.root)
    server.start()
    yield server
    server.kill()


def open_queue(page: Any, server: Server) -> None:
    page.goto(launch.address(server.port))
    page.get_by_role("heading", name=EVENT_QUESTION).wait_for()
    drawn(page, 0)


def drawn(page: Any, turn: int) -> None:
    """Wait until the window of a turn is there, and as long as a person needs to see it."""
    page.locator(f".st-key-anomaly-{turn} button").wait_for()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    time.sleep(0.6)


def type_key(page: Any, key: str, *, said: str, turn: int) -> None:
    page.keyboard.press(key)
    page.get_by_text(said).wait_for()
    drawn(page, turn)


def test_keys_answer_and_undo_and_the_store_holds_what_the_page_said(scene: Any, server: Server) -> None:
    with browser_page(color_scheme="light") as (page, complaints):
        open_queue(page, server)
        type_key(page, "a", said="Anomaly kept", turn=1)
        assert scene.answers() == ["anomaly"]
        type_key(page, "n", said="Normal kept", turn=2)
        type_key(page, "u", said="Unsure kept", turn=3)
        assert scene.answers() == ["anomaly", "normal", "unsure"]
        type_key(page, "z", said="Taken back", turn=4)
        assert scene.answers() == ["anomaly", "normal"]
        page.get_by_role("button", name="Anomaly").click()
        page.get_by_text("Anomaly kept").wait_for()
        assert scene.answers() == ["anomaly", "normal", "anomaly"]
        assert page.locator("main img, [data-testid='stMain'] img").count() == 0
        assert complaints == []


def marks(scene: Any) -> list[tuple[int, int]]:
    """How far each kept mark lies from its proposal, begin and end, question by question."""
    with scene.ws.store.read() as session:
        items = {item.id: item for item in queries.in_state(session, *ItemState)}
    kept = [row for row in scene.standing() if not row.part and row.item_id and row.mark_low is not None]
    return [
        (row.mark_low - items[row.item_id].event_low, row.mark_high - items[row.item_id].event_high) for row in kept
    ]


def drag(page: Any, handle: int, pixels: int) -> None:
    box = page.get_by_role("slider").nth(handle).locator("xpath=../..").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels, y, steps=5)
    page.mouse.up()


def test_moved_ends_reach_the_store_however_fast_the_answer_follows(scene: Any, server: Server) -> None:
    with browser_page() as (page, complaints):
        open_queue(page, server)
        page.get_by_role("slider").nth(1).focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("a")  # at once, while the handle has the focus
        page.get_by_text("Anomaly kept for 5 windows").wait_for()
        drawn(page, 1)
        assert marks(scene) == [(0, 2)]
        drag(page, 1, 60)
        page.keyboard.press("a")
        drawn(page, 2)
        drag(page, 0, -40)
        page.get_by_role("button", name="Anomaly").click()
        drawn(page, 3)
        _, (begins, later), (earlier, ends) = marks(scene)
        assert begins == ends == 0
        assert later > 4
        assert earlier < -4
        page.get_by_role("slider").nth(0).focus()
        type_key(page, "z", said="Taken back", turn=4)
        assert len(marks(scene)) == 2
        assert complaints == []


def test_a_double_click_and_a_held_key_answer_one_window_each(scene: Any, server: Server) -> None:
    with browser_page() as (page, _):
        open_queue(page, server)
        page.locator(".st-key-anomaly-0 button").dblclick()
        page.get_by_text("Anomaly kept").wait_for()
        drawn(page, 1)
        assert scene.answers() == ["anomaly"]
        page.keyboard.press("n")
        page.keyboard.press("n")
        page.get_by_text("Normal kept").wait_for()
        drawn(page, 2)
        assert scene.answers() == ["anomaly", "normal"]


def test_the_queue_fits_a_laptop_without_scrolling(server: Server) -> None:
    with browser_page(color_scheme="dark") as (page, _):
        open_queue(page, server)
        main = page.locator("[data-testid='stMain']")
        assert main.evaluate("e => e.scrollHeight <= e.clientHeight")
        assert page.locator(".st-key-undo-0 button").bounding_box()["y"] < 760


def test_look_alikes_are_shown_by_a_key_and_answered_from_there(scene: Any, server: Server) -> None:
    with browser_page() as (page, complaints):
        open_queue(page, server)
        page.keyboard.press("l")
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("If you answer Normal").wait_for()
        dialog.locator(".js-plotly-plot .main-svg").first.wait_for()
        page.keyboard.press("n")
        page.get_by_text("Normal kept").wait_for()
        dialog.wait_for(state="detached")
        assert scene.answers() == ["normal"]
        assert complaints == []


def test_kill_of_the_page_loses_no_answer_and_the_next_start_goes_on(scene: Any, server: Server) -> None:
    with browser_page() as (page, _):
        open_queue(page, server)
        type_key(page, "a", said="Anomaly kept", turn=1)
        type_key(page, "n", said="Normal kept", turn=2)
        asked = page.get_by_text("left to go").inner_text()
        server.kill()
        assert scene.answers() == ["anomaly", "normal"]
        server.start()
        open_queue(page, server)
        assert page.get_by_text("left to go").inner_text() == asked
        type_key(page, "z", said="Taken back", turn=1)
        assert scene.answers() == ["anomaly"]


def test_a_finished_queue_fills_by_itself_when_the_retraining_is_done(scene: Any, server: Server) -> None:
    for number in range(6):
        card = labeling.ask(scene.ws, "somebody")
        assert card is not None
        labeling.tell(scene.ws, card.item.id, Answer.UNSURE, "somebody", client="test", sequence=number)
    with browser_page() as (page, _):
        page.goto(launch.address(server.port))
        page.get_by_role("heading", name="All windows of this round are answered").wait_for()
        page.get_by_role("button", name="Retrain").click()
        page.get_by_role("heading", name="A new model is on its way").wait_for()
        scene.finish_job()
        page.get_by_role("heading", name=EVENT_QUESTION).wait_for()


def test_every_page_opens_from_its_address_on_a_fresh_server(scene: Any, server: Server) -> None:
    with browser_page() as (page, _):
        pages = (("models", "Models"), ("look-alikes", "Look-alikes"), ("progress", "Progress"), ("", EVENT_QUESTION))
        for address, heading in pages:
            page.goto(f"{launch.address(server.port)}/{address}")
            page.get_by_role("heading", name=heading).first.wait_for()


def test_only_this_machine_is_served() -> None:
    flags = launch.flags(8501)
    assert flags["server.address"] == launch.ADDRESS
    assert flags["browser.gatherUsageStats"] is False
