"""What a hand does at the labeling card in a tab, and what it finds there."""

from __future__ import annotations

import re
from typing import Any

from desk_process import Server

from labeling_ui import launch

LEFT, RIGHT, NARROW, LEFT_NARROW, RIGHT_NARROW = 118, 50, 560, 74, 36
"""Pixels beside the picture's plot, as labeling_ui/desk/draw.js has them."""


def open_card(page: Any, server: Server) -> None:
    page.goto(launch.address(server.port))
    painted(page)


def painted(page: Any) -> None:
    """Wait until a question is on the screen."""
    page.locator("section.card[data-item]").wait_for()


def asked(page: Any) -> int:
    """Number the question on the screen."""
    painted(page)
    return int(page.locator("section.card").get_attribute("data-item"))


def moved_on(page: Any, item: int) -> int:
    """Wait for another question than that one; gives its number."""
    page.locator(f"section.card[data-item]:not([data-item='{item}'])").wait_for()
    return asked(page)


def ready_for_clicks(page: Any) -> None:
    """Wait until a click counts: not at once, lest the second half of a double click is an answer."""
    page.get_by_text("What it would settle").wait_for()


def all_kept(page: Any) -> None:
    page.locator("section.card .state", has_text=re.compile("^All kept$")).wait_for()


def press(page: Any, keys: str) -> None:
    """Type keys, and wait until the store has what they said."""
    for key in keys:
        page.keyboard.press(key)
    all_kept(page)


def said(page: Any, text: str | re.Pattern[str]) -> None:
    """Wait for the card's line to say something."""
    page.locator("section.card .said", has_text=text).wait_for()


def pixel(page: Any, point: float, view: tuple[int, int]) -> float:
    """Tell where a point lies on the screen while the points [low, high) of an even clock are shown."""
    box = page.locator(".layer").bounding_box()
    left, right = (LEFT, RIGHT) if box["width"] >= NARROW else (LEFT_NARROW, RIGHT_NARROW)
    share = (point - view[0] + 0.5) / (view[1] - view[0])
    return float(box["x"] + left + share * (box["width"] - left - right))


def drag(page: Any, first: int, last: int, view: tuple[int, int]) -> None:
    """Mark from one point to another with the mouse."""
    y = page.locator(".scroller").bounding_box()["y"] + 60
    page.mouse.move(pixel(page, first, view), y)
    page.mouse.down()
    page.mouse.move(pixel(page, last, view), y, steps=5)
    page.mouse.up()


def count_colour(page: Any, colour: str, box: tuple[float, float, float, float] | None = None) -> int:
    """Count the pixels of a colour on the picture, or in a part of it: shares of its width and height."""
    return int(page.locator("canvas.back").evaluate(_COUNT, [colour, box or (0, 0, 1, 1)]))


_COUNT = """(canvas, [colour, [x0, y0, x1, y1]]) => {
  const wanted = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
  const [left, top] = [Math.floor(x0 * canvas.width), Math.floor(y0 * canvas.height)];
  const [wide, high] = [Math.ceil(x1 * canvas.width) - left, Math.ceil(y1 * canvas.height) - top];
  const { data } = canvas.getContext("2d").getImageData(left, top, wide, high);
  let found = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 200 && wanted.every((one, place) => Math.abs(one - data[at + place]) < 12)) found += 1;
  return found;
}"""


def sit_down(page: Any, name: str) -> None:
    """Answer under another name from now on."""
    field = page.get_by_label("Answers are kept under")
    field.fill(name)
    before = page.locator("section.card[data-state]").element_handle()
    field.press("Enter")
    page.wait_for_function("card => !card.isConnected", arg=before)
    page.locator("section.card").wait_for()
