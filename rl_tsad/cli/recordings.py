"""Commands around the kept series: which there are, and what their channels are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rl_tsad.cli.console import print_table, say
from rl_tsad.cli.setting_up import role_choice
from rl_tsad.errors import listed

if TYPE_CHECKING:
    from db.records import SeriesRecord

series = typer.Typer(no_args_is_help=True, help="The series, and the roles of their channels.")
_SHOWN = 8


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.add_typer(series, name="series")


@series.command("list")
def list_recordings(context: typer.Context) -> None:
    """List the series: points, targets, and the channels that only explain them.

    Example: rl-tsad --workspace pumps series list
    """
    from rl_tsad.services.workspace import list_series

    with context.obj.open() as workspace:
        records = list_series(workspace)
    _show("Series", records)


@series.command("roles")
def change_roles(
    context: typer.Context,
    *,
    target: Annotated[list[str] | None, typer.Option(help="Channel that is scored; repeat for several.")] = None,
    exogenous: Annotated[
        list[str] | None,
        typer.Option(help="Channel that only explains the others (a command, a set-point); repeat for several."),
    ] = None,
    roles: Annotated[
        str | None,
        typer.Option(help="What channels not named become: infer, all-targets or all-exogenous; absent: as they are."),
    ] = None,
) -> None:
    """Change what channels are for, in all series that have them; train again afterwards. Answers are kept.

    Example: rl-tsad --workspace pumps series roles --exogenous setpoint --target valve
    """
    from rl_tsad.services.roles import change_roles as change

    choice = role_choice(target, exogenous, roles)
    with context.obj.open() as workspace:
        changed = change(workspace, choice)
    if not changed:
        say(f"No channel has changed its role. To see them: {context.obj.hint('series list')}")
        return
    _show("Changed", changed)
    say(f"Next: {context.obj.hint('train')}")


def _show(title: str, records: Sequence[SeriesRecord]) -> None:
    rows = [
        (
            record.name,
            record.rows,
            listed([name for name in record.channels if name not in record.exogenous], _SHOWN) or "none",
            listed(record.exogenous, _SHOWN) or "none",
        )
        for record in records
    ]
    print_table(title, ("series", "points", "targets", "exogenous"), rows)
