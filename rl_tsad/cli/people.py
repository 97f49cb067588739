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
    port: Annotated[int, typer.Option(help="Port of the page; access.address says who reaches it.")] = 8501,
) -> None:
    """Open the labeling page in the browser; it runs until interrupted.

    Example: rl-tsad --workspace pumps ui --port 8600
    """
    import os

    from labeling_ui.launch import address, command

    with context.obj.open() as workspace:
        root, access = workspace.root, workspace.settings.access
    _check_port(access.address, port)
    say(f"Labeling page: {address(port, access)} (stop with Ctrl-C). Retraining needs a second terminal:")
    say(f"  {context.obj.hint('worker')}")
    for host in access.hosts:
        say(f"Others reach it under the name {host}, by the proxy or the forwarding that you set up.")
    words = command(root, port)
    os.execv(words[0], words)  # this process becomes the page: killing it leaves nothing behind


def _check_port(host: str, port: int) -> None:
    import socket

    try:
        kind, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise WorkspaceError(
            f"expected access.address to be an address of this machine, got {host!r}: {error.strerror}; correct it in "
            "the settings"
        ) from error
    with socket.socket(kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError as error:
            raise WorkspaceError(
                f"expected the port {port} of {host} to be free, got: {error.strerror}; another page may be running "
                f"there: stop it, or choose another one with --port {port + 1}"
            ) from error
