"""The command that shows how an operator's notes are understood: notes."""

from __future__ import annotations

from typing import Annotated

import typer

from rl_tsad.cli.console import print_table, say


def add_to(app: typer.Typer) -> None:
    """Add this command to the root command."""
    app.command()(notes)


def notes(
    context: typer.Context,
    texts: Annotated[list[str] | None, typer.Argument(help="Notes to try; those of rl-tsad.toml if absent.")] = None,
) -> None:
    """Show what notes on normal events are understood to excuse; try one before it is kept.

    Example: rl-tsad notes "maintenance stops are normal" "short dips in pressure at night are normal"
    Keep them in rl-tsad.toml as notes in the section language, then train.
    """
    from rl_tsad.language.domain_notes import meant_by
    from rl_tsad.services.excusing import understand

    with context.obj.open() as workspace:
        found = understand(workspace, texts or ())
    if not found:
        say('There are no notes yet. In rl-tsad.toml, under [language]: notes = ["maintenance stops are normal"]')
        return
    print_table("What the notes excuse", ("note", "excused"), [(one.note, meant_by(one)) for one in found])
