"""What stands in front of page and API: an ASGI layer that turns away what only looks as if it came from our page.

It must see who really connects: start the server without rewriting the peer (uvicorn: ``proxy_headers=False``).
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from rl_tsad.access_config import AccessConfig, is_loopback

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

SEAL_HEADER = "X-Rl-Tsad-Seal"
"""Set here beside the name that a listed proxy gave; no request from outside can carry it."""

_API = "/api"
_READING = {"GET", "HEAD", "OPTIONS"}
_POLICY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'; base-uri 'self'; object-src 'none'"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]


@cache
def seal() -> str:
    """Give this process's seal, drawn when it is first asked for."""
    return secrets.token_urlsafe(32)


class Guard:
    """Wraps an application; see the module.

    * The identity header counts from listed proxies only and only once; from others it is dropped.
    * In local mode only this machine gets through, under a name of its own (a foreign page whose name was pointed here
      carries that name); elsewhere under the names that the settings list, if any.
    * A web page of another origin neither writes through the API nor opens a websocket.
    * Answers carry headers that forbid framing, sniffing and telling other sites where one came from.

    Example:
        >>> Guard(lambda scope, receive, send: None, AccessConfig()).refusal({"type": "http", "headers": []}) is None
        False
    """

    def __init__(self, app: Any, access: AccessConfig) -> None:
        self._app: App = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a connection through, or answer it here."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        why = self.refusal(scope)
        if why is not None:
            await _refuse(scope, send, why)
            return
        cleaned = {**scope, "headers": self._identified(scope)}
        await self._app(cleaned, receive, _with_policy(scope, send))

    def refusal(self, scope: Scope) -> str | None:
        """Say why a connection is turned away; None when it may pass."""
        peer = _peer(scope)
        if self._access.mode == "local" and peer is not None and not is_loopback(peer):
            return f"expected somebody at this machine, got the address {peer}; set access.mode to let others in"
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or not self._known_host(_host_of(hosts[0])):
            return f"expected a name of this page in Host, got {hosts[:2]}; list it in access.hosts if it is one"
        if self._is_foreign(scope, hosts[0]):
            return "expected a request from this page or from a program, got one from a web page of another origin"
        return None

    def _known_host(self, host: str | None) -> bool:
        if host is None:
            return False
        listed = {name.lower() for name in self._access.hosts}
        if self._access.mode != "local":
            return not listed or host in listed or is_loopback(host)
        return host in listed or is_loopback(host)

    def _is_foreign(self, scope: Scope, host: str) -> bool:
        is_socket = scope["type"] == "websocket"
        path = str(scope.get("path", ""))
        writes = scope.get("method") not in _READING and (path == _API or path.startswith(f"{_API}/"))
        if not is_socket and not writes:
            return False
        site = _values(scope, b"sec-fetch-site")
        if site and any(one not in {"same-origin", "none"} for one in site):
            return True
        return any(not self._same_origin(origin, host) for origin in _values(scope, b"origin"))

    def _same_origin(self, origin: str, host: str) -> bool:
        parts = urlsplit(origin)
        if parts.netloc.lower() == host.lower():
            return True
        return self._access.mode != "local" and (parts.hostname or "") in {name.lower() for name in self._access.hosts}

    def _identified(self, scope: Scope) -> Headers:
        header, sealed = self._access.header.lower().encode(), SEAL_HEADER.lower().encode()
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in {header, sealed}]
        names = [value for name, value in scope["headers"] if name.lower() == header]
        peer = _peer(scope)
        if peer is not None and self._access.trusts(peer) and len(names) == 1 and names[0].strip():
            kept += [(header, names[0]), (sealed, seal().encode())]
        return kept


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return None if not client else str(client[0])


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key.lower() == name]


def _host_of(text: str) -> str | None:
    """Take the name out of a Host header; None where it is more or less than name and port."""
    try:
        parts = urlsplit(f"//{text}")
        _ = parts.port
    except ValueError:
        return None
    plain = parts.netloc == text and "@" not in text
    return parts.hostname.rstrip(".") if plain and parts.hostname else None


def _with_policy(scope: Scope, send: Send) -> Send:
    is_api = str(scope.get("path", "")).startswith(_API)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": _completed(message.get("headers", ()), is_api)}
        await send(message)

    return sending


def _completed(headers: Iterable[tuple[bytes, bytes]], is_api: bool) -> Headers:
    found = list(headers)
    present = {name.lower() for name, _ in found}
    more = [*_POLICY, (b"cache-control", b"no-store")] if is_api else _POLICY
    return [*found, *(pair for pair in more if pair[0] not in present or pair[0] == b"content-security-policy")]


async def _refuse(scope: Scope, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        return
    body = why.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": _completed(headers, True)})
    await send({"type": "http.response.body", "body": body})
