"""Commands around the people who answer: the page."""

from __future__ import annotations

from typing import Annotated

import typer

from rl_tsad.cli.console import say
from rl_tsad.errors import WorkspaceError


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.command()(ui)


def ui(
    context: typer.Context,
    *,
    port: Annotated[int, typer.Option(help="Port on this machine; the page is not reachable from others.")] = 8501,
) -> None:
    """Open the labeling page in the browser; it runs until interrupted.

    Example: rl-tsad --workspace pumps ui --port 8600
    """
    import os

    from labeling_ui.launch import address, command

    with context.obj.open() as workspace:
        root = workspace.root
    _check_port(port)
    say(f"Labeling page: {address(port)} (stop with Ctrl-C). Retraining needs a second terminal:")
    say(f"  {context.obj.hint('worker')}")
    words = command(root, port)
    os.execv(words[0], words)  # this process becomes the page: killing it leaves nothing behind


def _check_port(port: int) -> None:
    import socket

    from labeling_ui.launch import ADDRESS

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise WorkspaceError(
                f"expected the port {port} to be free, got: {error.strerror}; another page may be running there: "
                f"stop it, or choose another one with --port {port + 1}"
            ) from error
