"""A closer look: zoomed by keys, finer points fetched, marks exact to the point."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from desk_process import CHROMIUM, Server, tab_of
from desk_tab import drag, open_card, press
from laid_out import lay_out, standing

from db import details
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Series

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
POINTS, LENGTH, STRIDE = 100_000, 4_000, 1_000
VIEW = (38_000, 66_000)
EVENT = (53_000, 54_000)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Server]]:
    root = tmp_path_factory.mktemp("zoom") / "plant"
    values = np.sin(np.arange(POINTS) / 300)[:, None].astype(np.float32)
    with lay_out(
        root, Series("pump", values, np.arange(POINTS), ("flow",)), [50, 51, 52], length=LENGTH, stride=STRIDE
    ) as ws:
        server = Server(root)
        server.start()
        yield ws, server
        server.kill()


def shown_after(page: Any, key: str) -> tuple[tuple[int, int], list[int]]:
    """Press a key that changes what is shown; gives the stretch and the points that were fetched for it."""
    with page.expect_response(lambda reply: "/points?" in reply.url) as got:
        page.keyboard.press(key)
    reply = got.value.json()
    return (reply["low"], reply["high"]), reply["index"][0]


def marks(page: Any) -> list[int]:
    return [int(one.get_attribute("aria-valuenow")) for one in page.get_by_role("slider").all()]


def test_keys_look_closer_and_fetch_the_points_that_are_there(desk: tuple[Workspace, Server], browser: Any) -> None:
    with tab_of(browser) as (page, complaints):
        open_card(page, desk[1])
        view, wide = VIEW, VIEW[1] - VIEW[0]
        while wide > 500:
            view, index = shown_after(page, "+")
            assert view[0] <= EVENT[0] + 500 < view[1]
            assert view[1] - view[0] == pytest.approx(wide / 2, abs=1)
            wide = view[1] - view[0]
        assert index == list(range(*view))
        moved, index = shown_after(page, ".")
        assert (moved[0] - view[0], moved[1] - view[1]) == (round(wide / 4), round(wide / 4))
        assert index == list(range(*moved))
        assert shown_after(page, ",")[0] == pytest.approx(view, abs=1)
        assert shown_after(page, "0")[0] == VIEW
        for key in "---":
            view, index = shown_after(page, key)
        assert view == (0, POINTS)
        assert len(index) <= 1200
        assert complaints == []


def test_a_mark_drawn_while_zoomed_in_is_exact_to_the_point(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (page, _):
        open_card(page, server)
        proposed = marks(page)
        for key in "++++++":
            view, _ = shown_after(page, key)
        drag(page, 53_417, 53_502, view)
        assert marks(page) == [53_417, 53_502]
        shown_after(page, "0")
        assert marks(page) == proposed
        for key in "++++++":
            view, _ = shown_after(page, key)
        drag(page, 53_417, 53_502, view)
        drag(page, 53_610, 53_615, view)
        press(page, "a")
        (row,) = standing(ws)
        with ws.store.read() as session:
            assert details.of_labels(session, [row.id])[row.id].marks == ((53_417, 53_503), (53_610, 53_616))
