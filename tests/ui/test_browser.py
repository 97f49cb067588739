"""The page as an analyst meets it: a real server, a real Chromium, real keys, a real kill."""

from typing import Any

import pytest
from desk_process import CHROMIUM, Server, browser_page
from desk_tab import open_card

from db.records import Answer
from labeling_ui import launch
from rl_tsad.services import labeling

QUESTION = "Is there an anomaly in the marked stretch?"

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


def asked(page: Any) -> str:
    return str(page.locator("section.card").get_attribute("data-item"))


def all_kept(page: Any) -> None:
    page.get_by_text("All kept").wait_for()


def type_keys(page: Any, keys: str, *, pause: float = 100) -> None:
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(pause)


def extents(scene: Any) -> list[tuple[int, int]]:
    rows = [row for row in scene.standing() if not row.part and row.mark_low is not None]
    return [(row.mark_low, row.mark_high) for row in rows]


def test_keys_answer_and_undo_and_the_store_holds_them_in_order(scene: Any, server: Server) -> None:
    with browser_page(color_scheme="dark") as (page, complaints):
        open_card(page, server)
        type_keys(page, "anu")
        all_kept(page)
        assert scene.answers() == ["anomaly", "normal", "unsure"]
        type_keys(page, "z")
        all_kept(page)
        assert scene.answers() == ["anomaly", "normal"]
        page.wait_for_timeout(400)
        page.get_by_role("button", name="Anomaly (A)").click()
        all_kept(page)
        assert scene.answers() == ["anomaly", "normal", "anomaly"]
        assert complaints == []


def test_an_earlier_answer_is_looked_at_and_changed(scene: Any, server: Server) -> None:
    with browser_page() as (page, _):
        open_card(page, server)
        first = asked(page)
        type_keys(page, "nn")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        page.get_by_text("You answered Normal").wait_for()
        assert asked(page) == first
        page.keyboard.press("u")
        all_kept(page)
        assert sorted(scene.answers()) == ["normal", "unsure"]


def test_handles_are_moved_by_keys_and_a_drag_marks_a_stretch(scene: Any, server: Server) -> None:
    with browser_page() as (page, complaints):
        open_card(page, server)
        handle = page.get_by_role("slider").nth(1)
        before = int(handle.get_attribute("aria-valuenow"))
        handle.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("a")
        all_kept(page)
        assert extents(scene)[0][1] == before + 3
        box = page.locator(".layer").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.42, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.47, box["y"] + 60, steps=4)
        page.mouse.up()
        page.keyboard.press("a")
        all_kept(page)
        assert len(extents(scene)) == 2
        assert complaints == []


def test_answers_outlive_a_killed_server_and_a_reload(scene: Any, server: Server) -> None:
    with browser_page() as (page, _):
        open_card(page, server)
        type_keys(page, "a")
        all_kept(page)
        page.wait_for_timeout(1500)  # the next pictures come
        server.kill()
        type_keys(page, "nu")
        page.get_by_text("2 answers kept in this browser").wait_for()
        assert scene.answers() == ["anomaly"]
        server.start()
        page.reload()
        page.locator("section.card[data-item]").wait_for()
        all_kept(page)
        assert scene.answers() == ["anomaly", "normal", "unsure"]


def test_names_from_data_are_text_and_the_page_fits_a_laptop(scene: Any, server: Server) -> None:
    with browser_page() as (page, complaints):
        open_card(page, server)
        page.get_by_text("pump <b>x</b>").wait_for()
        assert page.locator("[data-testid='stMain'] img").count() == 0
        assert page.locator("[data-testid='stMain']").evaluate("e => e.scrollHeight <= e.clientHeight")
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keys").wait_for()
        assert complaints == []


def test_a_finger_answers(scene: Any, server: Server) -> None:
    with browser_page(has_touch=True) as (page, _):
        open_card(page, server)
        page.wait_for_timeout(400)
        page.get_by_role("button", name="Normal (N)").tap()
        all_kept(page)
        assert scene.answers() == ["normal"]


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
        page.locator("section.card[data-item]").wait_for()


def test_every_page_opens_from_its_address_on_a_fresh_server(scene: Any, server: Server) -> None:
    with browser_page() as (page, _):
        pages = (
            ("models", "Models"),
            ("look-alikes", "Look-alikes"),
            ("progress", "Progress"),
            ("", "Is there an anomaly in the marked stretch?"),
        )
        for address, heading in pages:
            page.goto(f"{launch.address(server.port)}/{address}")
            page.get_by_role("heading", name=heading).first.wait_for()


def test_only_this_machine_is_served() -> None:
    flags = launch.flags(8501)
    assert flags["server.address"] == launch.ADDRESS
    assert flags["browser.gatherUsageStats"] is False
