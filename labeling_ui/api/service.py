"""The REST API as one application: its routes, its limits, and how it tells errors."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labeling_ui.api import asking, problems, reading, shapes
from labeling_ui.api.visitors import Gate
from rl_tsad import __version__
from rl_tsad.services.spread_soon import SoonSpreader
from rl_tsad.services.workspace import Workspace

PREFIX = "/v1"
MOST_BYTES = 1_000_000
"""A longer body is refused before it is read."""

_ABOUT = (
    "Questions, answers, labels, scores, series and models of one workspace. Send `Authorization: Bearer TOKEN`; "
    "on a desk in local mode a program on the same machine needs none. Every error has the same form."
)
_SAYS = {
    400: "something is not as described",
    401: "no token that counts",
    403: "a role that may not do this",
    404: "something named is not there",
    413: "the body is too long",
    429: "too many calls; Retry-After says when to go on",
    503: "the store does not answer; try again",
}


def make_api(ws: Workspace) -> FastAPI:
    """Make the API of an open workspace."""
    api = FastAPI(
        title="rl-tsad labeling desk",
        version=__version__,
        description=_ABOUT,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # the usual pages load scripts from other servers
        redoc_url=None,
        responses={status: {"model": shapes.Problems, "description": said} for status, said in _SAYS.items()},
    )
    api.state.gate, api.state.spreader = Gate(ws), SoonSpreader()
    for router in (asking.router, reading.router):
        api.include_router(router, prefix=PREFIX)
    problems.add_to(api)
    api.add_middleware(BodyLimit)
    # the page's server compresses at level 9 what is not compressed yet: thirty times the work for a tenth less
    api.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=1)
    return api


class BodyLimit:
    """Refuses a body that is too long, whatever its header says, and keeps replies out of caches."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > MOST_BYTES:
            await self._refuse(scope, receive, send)
            return
        read: list[Message] = []
        while True:  # short bodies only: they are held here once
            message = await receive()
            read.append(message)
            if sum(len(one.get("body", b"")) for one in read) > MOST_BYTES:
                await self._refuse(scope, receive, send)
                return
            if not message.get("more_body"):
                break

        async def replay() -> Message:
            return read.pop(0) if read else await receive()

        await self._app(scope, replay, _without_caching(send))

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"expected a body of at most {MOST_BYTES} bytes, got a longer one; send it in parts"
        await problems.problem(413, message)(scope, receive, send)


def _without_caching(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"cache-control", b"no-store")]
        await send(message)

    return sending
