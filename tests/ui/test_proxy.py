"""A real server behind a proxy: whom its header names is who comes, from nowhere else; programs need a token."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_process import CHROMIUM, Server, running_browser, tab_of

from db.desk_records import Role
from labeling_ui import launch
from rl_tsad.services import people, team
from rl_tsad.services.workspace import open_workspace

pytestmark = pytest.mark.slow
ROOT = people.local_visitor("root")
LOG = {"client": "client-of-test", "entries": [{"sequence": 1, "kind": "answer", "item": 1, "answer": "normal"}]}


@pytest.fixture(scope="module")
def desk(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[Role, str]]]:
    root = tmp_path_factory.mktemp("proxy") / "plant"
    shutil.copytree(template, root)
    server = Server(root, {"RL_TSAD_ACCESS__MODE": "proxy", "RL_TSAD_ACCESS__PROXIES": '["127.0.0.1"]'})
    with open_workspace(root) as ws:
        tokens = {}
        for role in Role:
            team.add_person(ws, ROOT, role.value, role)
            _, tokens[role] = people.mint(ws, ROOT, owner=role.value, name="test", role=role, hours=None)
    server.start()
    yield server, tokens
    server.kill()


def test_the_api_takes_a_token_and_no_name_in_a_header(desk: tuple[Server, dict[Role, str]]) -> None:
    server, tokens = desk
    assert server.get("/health")[0] == 200
    for headers in ({}, {"X_Forwarded_User": "admin"}, {"X_Analyst": "admin"}):
        status, said, told = server.get("/series", None, **headers)
        assert status == 401
        assert "token" in said["error"]["message"]
        assert told["www-authenticate"] == "Bearer"
    assert server.get("/series", tokens[Role.VIEWER])[0] == 200


def test_each_role_is_refused_in_the_api_what_it_may_not(desk: tuple[Server, dict[Role, str]]) -> None:
    server, tokens = desk
    for path, body in (("/log", LOG), ("/next", {"client": "client-of-test"}), ("/heartbeat", {"items": []})):
        assert (path, server.post(path, body, tokens[Role.VIEWER])[0]) == (path, 403)
    status, said, _ = server.post("/log", LOG, tokens[Role.ANALYST])
    assert (status, said["results"][0]["status"]) == (200, "kept")
    (row,) = [one for one in server.get("/labels", tokens[Role.VIEWER])[1]["labels"] if not one["part"]]
    assert row["analyst"] == "analyst"


def test_a_page_of_another_origin_writes_nothing_even_with_a_token(desk: tuple[Server, dict[Role, str]]) -> None:
    server, tokens = desk
    assert server.post("/log", LOG, tokens[Role.ANALYST], Origin="http://evil.example")[0] == 403


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_header_counts_at_the_page_from_a_listed_proxy_only(desk: tuple[Server, dict[Role, str]]) -> None:
    server, _ = desk
    elsewhere = {"RL_TSAD_ACCESS__MODE": "proxy", "RL_TSAD_ACCESS__PROXIES": '["192.0.2.7"]'}
    other = Server(server.workspace, elsewhere)
    other.start()
    named = {"extra_http_headers": {"X-Forwarded-User": "viewer"}}
    try:
        with running_browser() as browser:
            with tab_of(browser, **named) as (page, _):
                page.goto(launch.address(server.port))
                page.get_by_text("viewer: may look at everything.").wait_for()
                links = page.get_by_test_id("stSidebarNav").get_by_role("link").all_inner_texts()
                assert not any(hidden in one for one in links for hidden in ("Queue", "Audit", "People"))
            for options, port in ((named, other.port), ({}, server.port)):
                with tab_of(browser, **options) as (page, _):
                    page.goto(launch.address(port))
                    page.get_by_role("heading", name="You cannot come in").wait_for()
                    assert page.get_by_test_id("stSidebarNavLink").count() == 0
    finally:
        other.kill()
