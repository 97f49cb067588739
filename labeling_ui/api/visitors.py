"""Who calls the API, may they, and not too often?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from fastapi import Depends, Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from db.desk_records import Role
from labeling_ui import state
from labeling_ui.api.problems import BusyError
from rl_tsad.access_config import is_loopback
from rl_tsad.errors import StrangerError
from rl_tsad.services.people import Visitor, local_visitor, recognise, require
from rl_tsad.services.workspace import Workspace

ANALYST_HEADER = "X-Analyst"
"""In local mode: under which name answers are kept, percent-encoded; the login name where it is missing."""

_STRANGERS = RateLimitItemPerMinute(120)


class Gate:
    """Recognises who calls; counts the calls of each visitor, and those of strangers by their address."""

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._most = RateLimitItemPerMinute(ws.settings.access.requests_per_minute)

    def visitor(self, request: Request) -> Visitor:
        """Tell who calls.

        Raises:
            StrangerError: when nobody who may come in.
            BusyError: when they call too often.
        """
        peer = request.client.host if request.client else ""
        if not self._limiter.test(_STRANGERS, "stranger", peer):
            raise self._busy(_STRANGERS, "stranger", peer)
        try:
            found = self._recognise(request, peer)
        except StrangerError:
            self._limiter.hit(_STRANGERS, "stranger", peer)
            raise
        if not self._limiter.hit(self._most, "visitor", found.name):
            raise self._busy(self._most, "visitor", found.name)
        return found

    def _recognise(self, request: Request, peer: str) -> Visitor:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() != "bearer" or not secret.strip():
                raise StrangerError("expected 'Authorization: Bearer TOKEN', got another form; send a token of yours")
            return recognise(self.ws, secret.strip())
        if self.ws.settings.access.mode != "local":
            raise StrangerError("expected a token, got none; send 'Authorization: Bearer TOKEN'")
        if not (is_loopback(peer) and _is_same_origin(request)):
            raise StrangerError("expected a call from this machine's own page or programs, got another; send a token")
        named = state.clean_name(unquote(request.headers.get(ANALYST_HEADER, "")))
        return local_visitor(named or state.login_name())

    def _busy(self, limit: RateLimitItemPerMinute, *who: str) -> BusyError:
        wait = max(1, math.ceil(self._limiter.get_window_stats(limit, *who).reset_time - time.time()))
        message = f"expected at most {limit.amount} calls a minute, got more; wait {wait} seconds"
        return BusyError(message, wait)


def as_role(least: Role, verb: str) -> Callable[[Request], Visitor]:
    """Make what a route depends on: a visitor with at least a role."""

    def admitted(request: Request) -> Visitor:
        gate: Gate = request.app.state.gate
        visitor = gate.visitor(request)
        require(visitor, least, verb)
        return visitor

    return admitted


VIEWER = Depends(as_role(Role.VIEWER, "look at the desk"))
ANALYST = Depends(as_role(Role.ANALYST, "answer"))


async def workspace(request: Request) -> Workspace:
    """Give the workspace that is served; as a coroutine, because FastAPI puts a function into a thread of its own."""
    gate: Gate = request.app.state.gate
    return gate.ws


WORKSPACE = Depends(workspace)


def _is_same_origin(request: Request) -> bool:
    """Refuse what another site's page sends: its origin, or a name of its own that leads to this machine."""
    host = request.headers.get("host", "")
    origin, fetch = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    named = urlsplit(f"//{host}").hostname or ""
    if not is_loopback(named) or fetch not in {"none", "same-origin"}:
        return False
    return origin is None or urlsplit(origin).netloc == host
