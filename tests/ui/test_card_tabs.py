"""Several tabs and several people at one queue: nothing is answered twice, nobody is in another's way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from desk_process import CHROMIUM, PATIENCE, Server, tab_of
from desk_tab import all_kept, asked, moved_on, open_card, painted, press, said, sit_down
from laid_out import answers, lay_out, standing

from db.records import Answer
from labeling_ui import launch
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Series

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
QUESTIONS = 160
"""A tab holds fifty under each name that it had."""
LEASE = 6.0


def plant(folder: Path, questions: int) -> Workspace:
    values = np.random.default_rng(0).normal(size=(8 * questions + 200, 1)).astype(np.float32)
    recorded = Series("pump", values, np.arange(len(values)), ("flow",))
    return lay_out(folder / "plant", recorded, range(questions), stride=8, length=64)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Server]]:
    with plant(tmp_path_factory.mktemp("tabs"), QUESTIONS) as ws:
        server = Server(ws.root)
        server.start()
        yield ws, server
        server.kill()


@pytest.fixture
def brief(tmp_path: Path) -> Iterator[tuple[Workspace, Server]]:
    """A desk whose questions come back after seconds."""
    with plant(tmp_path, 3) as ws:
        server = Server(ws.root, {"RL_TSAD_WORK__QUESTION_LEASE": str(LEASE)})
        server.start()
        yield ws, server
        server.kill()


def name_of(page: Any) -> str:
    """Tell under which name a tab keeps its log."""
    painted(page)
    return str(page.evaluate("Object.entries(sessionStorage).find(([key]) => key.endsWith('|client'))[1]"))


def copied(page: Any) -> Any:
    """Copy a tab as a browser does, with all that it keeps."""
    with page.expect_popup() as opened:
        page.evaluate("window.open(location.href)")
    opened.value.set_default_timeout(PATIENCE)
    return opened.value


def test_an_answer_in_one_tab_takes_the_question_from_the_other(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (page, complaints):
        open_card(page, server)
        other = copied(page)
        before, first = answers(ws), asked(other)
        assert first == asked(page)
        press(page, "n")
        said(other, "answered in another tab")
        second = moved_on(other, first)
        press(other, "u")
        moved_on(page, second)
        press(page, "a")
        assert answers(ws) == [*before, Answer.NORMAL, Answer.UNSURE, Answer.ANOMALY]
        assert complaints == []


def test_a_copied_tab_takes_a_name_of_its_own_and_undoes_its_own_answers(
    desk: tuple[Workspace, Server], browser: Any
) -> None:
    ws, server = desk
    with tab_of(browser) as (page, _):
        before = answers(ws)
        open_card(page, server)
        press(page, "nu")
        other = copied(page)
        names = name_of(page), name_of(other)
        assert names[0] != names[1]
        press(other, "a")
        assert {row.client for row in standing(ws)[-3:]} == set(names)
        press(other, "z")
        assert answers(ws) == [*before, Answer.NORMAL, Answer.UNSURE]
        press(page, "z")
        assert answers(ws) == [*before, Answer.NORMAL]
        page.reload()
        assert name_of(page) == names[0]
        press(page, "z")
        assert answers(ws) == before


def test_two_analysts_never_get_the_same_question(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (ann, _), tab_of(browser) as (bob, _):
        open_card(ann, server)
        sit_down(ann, "ann")
        open_card(bob, server)
        sit_down(bob, "bob")
        seen: dict[str, list[int]] = {"ann": [], "bob": []}
        for _ in range(6):
            for name, page in (("ann", ann), ("bob", bob)):
                seen[name].append(asked(page))
                page.keyboard.press("n")
                moved_on(page, seen[name][-1])
        all_kept(ann)
        all_kept(bob)
        assert len({*seen["ann"], *seen["bob"]}) == 12
        assert [(row.analyst, row.item_id) for row in standing(ws) if row.analyst == "bob"] == [
            ("bob", item) for item in seen["bob"]
        ]


def test_what_an_abandoned_tab_held_comes_back_by_itself(brief: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = brief
    with tab_of(browser) as (bob, complaints):
        with tab_of(browser) as (ann, _):
            open_card(ann, server)
            sit_down(ann, "ann")
            first = asked(ann)
            bob.goto(launch.address(server.port))
            sit_down(bob, "bob")
            bob.get_by_text("No question is open for you now").wait_for()
            beats = []
            while len(beats) < 4:  # longer than a lease: while a tab is open, what it holds stays its own
                with ann.expect_response("**/heartbeat") as beat:
                    pass
                beats.append(beat.value.json()["held"])
            assert {tuple(sorted(one)) for one in beats} == {tuple(sorted(beats[0]))}
            assert len(beats[0]) == 3
            assert bob.locator("section.card[data-item]").count() == 0
        assert asked(bob) == first
        press(bob, "n")
        assert [(row.analyst, row.answer) for row in standing(ws)] == [("bob", Answer.NORMAL)]
        assert complaints == []
