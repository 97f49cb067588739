"""Commands around people's answers: the page, export and import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rl_tsad.cli.console import say

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
    import subprocess

    from labeling_ui.launch import command

    with context.obj.open() as workspace:
        root = workspace.root
    say(f"Labeling page: http://localhost:{port} (stop with Ctrl-C)")
    raise typer.Exit(subprocess.run(command(root, port), check=False).returncode)


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
