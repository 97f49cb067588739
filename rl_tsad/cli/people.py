"""Commands around people's answers: the page, export and import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rl_tsad.cli.console import say
from rl_tsad.errors import WorkspaceError

labels = typer.Typer(no_args_is_help=True, help="Answers, out and in.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.command()(ui)
    app.add_typer(labels, name="labels")


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


@labels.command("export")
def export_labels(
    context: typer.Context,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .json (with history) or .csv (standing).")],
) -> None:
    """Write the answers to a file.

    Example: rl-tsad labels export --out answers.csv
    """
    from rl_tsad.services.exchange import export_answers

    with context.obj.open() as workspace:
        count = export_answers(workspace, out)
    say(f"{count} answers written to {out}")


@labels.command("import")
def import_labels(
    context: typer.Context,
    *,
    path: Annotated[Path, typer.Argument(help="A file written by `rl-tsad labels export`.")],
    analyst: Annotated[str, typer.Option(help="Who gave answers that name nobody.")] = "import",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file.")] = False,
) -> None:
    """Add answers from a file: all of them, or none if a line is wrong. The same file twice is kept once.

    Example: rl-tsad labels import answers.csv
    """
    from rl_tsad.services.exchange import import_answers

    with context.obj.open() as workspace:
        count = import_answers(workspace, path, analyst=analyst, dry_run=dry_run)
    say(f"{count} answers {'would be added' if dry_run else 'added'} from {path}")
