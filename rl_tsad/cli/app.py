"""The command's root: which workspace, which subcommands, how errors are told."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from db.errors import StoreError
from rl_tsad import __version__
from rl_tsad.cli import knowledge, learning, people, prices, recordings, setting_up, spreading, studies, team
from rl_tsad.cli.console import complain, say
from rl_tsad.cli.project import Project, parse_flags
from rl_tsad.errors import RlTsadError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (setting_up, recordings, learning, people, spreading, studies, prices, knowledge, team):
    module.add_to(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"rl-tsad {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    *,
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", envvar="RL_TSAD_WORKSPACE", help="Folder of the project.")
    ] = Path("workspace"),
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting for this call, e.g. agent.gamma=0.3 (see rl-tsad.toml); repeatable."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Find anomalies in time series with almost no labels: an agent asks, you answer, it learns.

    Start: rl-tsad init, rl-tsad ingest FILE.csv, rl-tsad train, rl-tsad ui.  Or see it work: rl-tsad demo.
    """
    context.obj = Project(workspace, parse_flags(settings or ()))


def main() -> None:
    """Run the command; errors meant for users come without a traceback."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # its own pool keeps what a file took
    try:
        app(standalone_mode=True)
    except (RlTsadError, StoreError) as error:
        complain(f"Error: {error}")
        sys.exit(2)
