"""What the layer in front of page and API lets through, and what it hides, adds and turns away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from labeling_ui.guard import SEAL_HEADER, Guard, seal
from rl_tsad.access_config import AccessConfig

LOCAL = AccessConfig()
PROXY = AccessConfig(mode="proxy", address="0.0.0.0", proxies=("10.0.0.5",), hosts=("desk.example",))
HERE = {"host": "127.0.0.1:8501"}


def ask(
    access: AccessConfig,
    headers: list[tuple[str, str]] | dict[str, str],
    *,
    peer: str | None = "127.0.0.1",
    method: str = "GET",
    path: str = "/",
    kind: str = "http",
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Send a request through a guard; what the application saw, and what was sent back."""
    seen: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"SAMEORIGIN")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def receive() -> dict[str, Any]:
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = headers.items() if isinstance(headers, dict) else headers
    scope = {
        "type": kind,
        "path": path,
        "method": method,
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        "client": None if peer is None else (peer, 40000),
    }
    asyncio.run(Guard(app, access)(scope, receive, send))
    return (seen[0] if seen else None), sent


def names(seen: dict[str, Any] | None, header: str) -> list[bytes]:
    assert seen is not None
    return [value for name, value in seen["headers"] if name == header.lower().encode()]


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost:8501", "[::1]:8501", "LOCALHOST", "127.0.0.1"])
def test_this_machines_names_pass_in_local_mode(host: str) -> None:
    assert ask(LOCAL, {"host": host})[0] is not None


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "127.0.0.1:x", "", "a/127.0.0.1"]
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_foreign_name_pointed_at_this_machine_is_refused(host: str, kind: str) -> None:
    seen, sent = ask(LOCAL, {"host": host}, kind=kind)
    assert seen is None
    assert sent[0] == {"type": "websocket.close", "code": 1008, "reason": "refused"} or sent[0]["status"] == 403


def test_two_host_headers_or_none_are_refused() -> None:
    assert ask(LOCAL, [("host", "127.0.0.1"), ("host", "evil.example")])[0] is None
    assert ask(LOCAL, {})[0] is None


def test_another_machine_is_refused_in_local_mode() -> None:
    assert ask(LOCAL, HERE, peer="192.168.1.9")[0] is None
    assert ask(LOCAL, HERE, peer="::1")[0] is not None


def test_listed_names_and_no_others_pass_for_a_team() -> None:
    assert ask(PROXY, {"host": "desk.example"}, peer="10.0.0.5")[0] is not None
    assert ask(PROXY, {"host": "evil.example"}, peer="10.0.0.5")[0] is None
    assert ask(AccessConfig(mode="oidc", address="0.0.0.0"), {"host": "any.example"}, peer="9.9.9.9")[0] is not None


@pytest.mark.parametrize("header", ["X-Forwarded-User", "x-forwarded-user"])
def test_the_identity_header_counts_from_a_listed_proxy_only(header: str) -> None:
    sent = {"host": "desk.example", header: "ann"}
    from_proxy, _ = ask(PROXY, sent, peer="10.0.0.5")
    assert names(from_proxy, "X-Forwarded-User") == [b"ann"]
    assert names(from_proxy, SEAL_HEADER) == [seal().encode()]
    for access, peer in ((PROXY, "10.0.0.6"), (PROXY, "127.0.0.1"), (PROXY, None), (LOCAL, "127.0.0.1")):
        seen, _ = ask(access, sent | ({} if access is PROXY else HERE), peer=peer)
        assert names(seen, "X-Forwarded-User") == names(seen, SEAL_HEADER) == []


def test_a_name_given_twice_or_a_seal_from_outside_counts_for_nothing() -> None:
    twice = [("host", "desk.example"), ("X-Forwarded-User", "ann"), ("X-Forwarded-User", "root")]
    seen, _ = ask(PROXY, twice, peer="10.0.0.5")
    assert names(seen, "X-Forwarded-User") == []
    forged, _ = ask(PROXY, {"host": "desk.example", SEAL_HEADER: seal()}, peer="10.0.0.5")
    assert names(forged, SEAL_HEADER) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "http://localhost:8501"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8501"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_page_of_another_origin_does_not_write(headers: dict[str, str], method: str) -> None:
    seen, sent = ask(LOCAL, HERE | headers, method=method, path="/api/v1/log")
    assert seen is None
    assert sent[0]["status"] == 403
    assert sent[1]["body"].startswith(b"expected a request from this page or from a program")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8501"},
        {"origin": "http://127.0.0.1:8501", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_this_page_and_programs_write(headers: dict[str, str]) -> None:
    assert ask(LOCAL, HERE | headers, method="POST", path="/api/v1/log")[0] is not None


def test_a_page_of_another_origin_opens_no_websocket_and_may_link_here() -> None:
    foreign = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    assert ask(LOCAL, HERE | foreign, kind="websocket", path="/_stcore/stream")[0] is None
    assert ask(LOCAL, HERE | {"origin": "http://127.0.0.1:8501"}, kind="websocket")[0] is not None
    assert ask(LOCAL, HERE | {"sec-fetch-site": "cross-site"})[0] is not None


def test_a_proxy_that_renames_the_host_is_known_by_the_listed_name() -> None:
    renamed = {"host": "127.0.0.1:8501", "origin": "https://desk.example"}
    assert ask(PROXY, renamed, peer="10.0.0.5", method="POST", path="/api/v1/log")[0] is not None
    assert ask(LOCAL, renamed, method="POST", path="/api/v1/log")[0] is None


def test_answers_carry_the_headers_that_browsers_heed() -> None:
    for path in ("/", "/api/v1/health"):
        _, sent = ask(LOCAL, HERE, path=path)
        told = dict(sent[0]["headers"])
        assert told[b"x-content-type-options"] == b"nosniff"
        assert b"frame-ancestors 'none'" in told[b"content-security-policy"]
        assert told[b"referrer-policy"] == b"same-origin"
        assert told[b"x-frame-options"] == b"SAMEORIGIN"
        assert (told.get(b"cache-control") == b"no-store") == path.startswith("/api")


def test_what_is_neither_http_nor_websocket_passes_untouched() -> None:
    seen, _ = ask(LOCAL, {}, peer="9.9.9.9", kind="lifespan")
    assert seen is not None
