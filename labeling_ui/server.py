"""The desk's one process: the page, the REST API and the card's own files, on one port.

A kill -9 of it leaves nothing behind: answers are in the store before they are acknowledged, and what is held comes
back when its lease is over.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from labeling_ui import launch, oidc
from labeling_ui.api.service import make_api
from labeling_ui.guard import Guard
from rl_tsad.services.workspace import Workspace, open_workspace

_HERE = Path(__file__).parent
DESK = _HERE / "desk"
"""Folder of the card's scripts and sheets."""


class DeskFiles(StaticFiles):
    """Files that a browser asks about again each time, so that an update is seen at once; unchanged ones cost a 304."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Give a file."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def make_routes(ws: Workspace) -> list[BaseRoute]:
    """Give what is served beside the page."""
    return [
        Mount("/api", app=make_api(ws), name="api"),
        Mount("/desk", app=DeskFiles(directory=DESK), name="desk"),
    ]


def main(arguments: Sequence[str]) -> None:
    """Serve a workspace until interrupted."""
    given = _parser().parse_args(arguments)
    with open_workspace(given.workspace) as ws:
        access = ws.settings.access
        os.environ["FORWARDED_ALLOW_IPS"] = ""  # the guard must see who really connects, whatever X-Forwarded-For says
        app = st.App(
            _HERE / "app.py",
            routes=make_routes(ws),
            middleware=[Middleware(Guard, access=access)],
            secrets=oidc.auth_secrets(os.environ) if access.mode == "oidc" else None,
        )
        app.run(config=launch.flags(given.port, access))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m labeling_ui.server", description=main.__doc__)
    parser.add_argument("--workspace", type=Path, required=True, help="folder of the workspace")
    parser.add_argument("--port", type=int, default=8501, help="port on this machine")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
