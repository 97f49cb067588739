"""The card beside the answers: keys, overlays, reasons, zoom; in a real Chromium."""

import re
from typing import Any

import pytest
from desk_process import CHROMIUM, Server, browser_page
from desk_tab import open_card

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
FOCUSED = "document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot.activeElement"
REBUILT = "**/api/v1/questions/*/reconstruction"


def picture(page: Any) -> str:
    return str(page.locator("canvas.back").evaluate("canvas => canvas.toDataURL()"))


def switch(page: Any, name: str) -> Any:
    return page.get_by_role("toolbar", name="Overlays").get_by_role("button", name=name, exact=True)


def is_on(page: Any, name: str) -> bool:
    return bool(switch(page, name).get_attribute("aria-pressed") == "true")


def test_the_keys_are_a_dialog_that_lies_on_the_screen_and_gives_the_focus_back(scene: Any, server: Server) -> None:
    with browser_page(color_scheme="dark") as (page, _):
        open_card(page, server)
        item = page.locator("section.card").get_attribute("data-item")
        page.locator("[data-act=help]").focus()
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keys")
        box = dialog.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 800
        assert dialog.evaluate("dialog => dialog.scrollHeight <= dialog.clientHeight")
        assert dialog.get_by_role("heading", level=4).all_inner_texts() == [
            "Answering", "Looking", "Marking", "Look-alikes", "Team",
        ]  # fmt: skip
        for key in ("Tab", "Tab", "n", "z", "ArrowLeft"):
            page.keyboard.press(key)
            assert page.evaluate(f"!{FOCUSED} || Boolean({FOCUSED}.closest('dialog'))")
        page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
        assert page.evaluate(f"{FOCUSED}.dataset.act") == "help"
        assert page.locator("section.card").get_attribute("data-item") == item
        assert scene.answers() == []
        page.keyboard.press("?")
        page.keyboard.press("?")
        dialog.wait_for(state="hidden")


def test_each_overlay_has_a_switch_and_the_choice_outlives_a_reload(server: Server) -> None:
    with browser_page() as (page, _):
        open_card(page, server)
        assert switch(page, "Yesterday").count() == 0  # ten hours were recorded
        assert is_on(page, "Score")
        before = picture(page)
        switch(page, "Score").click()
        assert not is_on(page, "Score")
        assert picture(page) != before
        page.reload()
        page.locator("section.card[data-item]").wait_for()
        assert not is_on(page, "Score")
        page.keyboard.press("o")
        assert is_on(page, "Score")
        assert not is_on(page, "Reconstruction")
        page.keyboard.press("o")
        assert not is_on(page, "Score")
        page.keyboard.press("o")
        assert is_on(page, "Score")


def with_days_before(route: Any) -> None:
    found = route.fetch().json()
    points = {name: found["points"][name] for name in ("index", "values")}
    low = [[None if one is None else one - 1 for one in channel] for channel in points["values"]]
    found["compare"] = [{"name": "yesterday", "shift": 1440, **points, "values": low}]
    route.fulfill(json=found)


def test_only_the_lines_that_a_question_has_can_be_switched_and_each_by_itself(server: Server) -> None:
    with browser_page() as (page, _):
        page.route(re.compile(r"/questions/\d+$"), with_days_before)
        open_card(page, server)
        assert switch(page, "Last week").count() == 0
        both = picture(page)
        switch(page, "Yesterday").click()
        without = picture(page)
        assert without != both
        switch(page, "Score").click()
        assert picture(page) != without
        switch(page, "Score").click()
        switch(page, "Yesterday").click()
        assert picture(page) == both


def test_a_reconstruction_is_asked_for_only_while_it_is_on_for_this_question_and_the_next(server: Server) -> None:
    asked: list[str] = []

    def rebuilt(route: Any) -> None:
        asked.append(route.request.url)
        index = list(range(640))
        route.fulfill(json={"index": [index, index, []], "values": [[0.5] * 640, [40.0] * 640, []]})

    with browser_page() as (page, complaints):
        page.route(REBUILT, rebuilt)
        open_card(page, server)
        page.keyboard.press("n")
        page.wait_for_timeout(700)
        assert asked == []
        before = picture(page)
        switch(page, "Reconstruction").click()
        page.wait_for_timeout(300)
        assert len(asked) == 1
        assert picture(page) != before
        page.keyboard.press("n")
        page.wait_for_timeout(1000)
        assert len(asked) == len(set(asked)) == 3  # the new question, and the one after it
        assert complaints == []


def test_where_a_model_keeps_no_reconstruction_its_switch_goes(server: Server) -> None:
    words = {"error": {"expected": "one", "message": "the current model keeps no reconstruction"}}
    with browser_page() as (page, _):
        page.route(REBUILT, lambda route: route.fulfill(status=404, json=words))
        open_card(page, server)
        switch(page, "Reconstruction").click()
        page.get_by_text("No reconstruction: the current model keeps no reconstruction").wait_for()
        assert switch(page, "Reconstruction").count() == 0
        page.keyboard.press("n")
        page.get_by_text("Normal kept").wait_for()
        assert switch(page, "Reconstruction").count() == 0


def test_what_deviates_most_is_said_once(server: Server) -> None:
    with browser_page() as (page, complaints):
        open_card(page, server)
        said = page.get_by_role("complementary", name="Why it is asked").inner_text()
        assert said.count("Deviates most: ") == said.count("times its usual spread") == 1
        assert said.count("% anomaly") == 0
        assert complaints == []


def test_zoom_stays_at_the_mark_and_ends_with_the_series(server: Server) -> None:
    def edges(page: Any) -> list[float]:
        return [one.bounding_box()["x"] for one in page.get_by_role("slider").all()]

    with browser_page() as (page, _):
        open_card(page, server)
        low, high = edges(page)
        page.keyboard.press("+")
        page.wait_for_timeout(500)
        closer = edges(page)
        assert closer[1] - closer[0] == pytest.approx(2 * (high - low), abs=3)
        for _ in range(8):
            page.keyboard.press("-")
        page.wait_for_timeout(500)
        assert 0 < edges(page)[1] - edges(page)[0] < high - low
        assert page.get_by_text("Finer points cannot be had").count() == 0
        page.keyboard.press("0")
        page.wait_for_timeout(300)
        assert edges(page) == pytest.approx([low, high], abs=1)
