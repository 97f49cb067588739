"""The command that sets what alarms and missed events cost: costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rl_tsad.cli.console import print_table, say
from rl_tsad.errors import ConfigError


def add_to(app: typer.Typer) -> None:
    """Add this command to the root command."""
    app.command()(costs)


def costs(
    context: typer.Context,
    *,
    missed: Annotated[float | None, typer.Option(help="A missed event costs as much as so many false alarms.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write the price to rl-tsad.toml; else only show.")] = False,
    picture: Annotated[Path | None, typer.Option(help="HTML file for the curve of alarms against prices.")] = None,
) -> None:
    """Show what missed events and false alarms cost, and what that means in alarms per day; change it with --missed.

    Example: rl-tsad costs --missed 40 --picture costs.html
    Example: rl-tsad costs --missed 40 --keep
    """
    from rl_tsad.services.pricing import LADDER, at_price, draw_ladder, keep_prices, price_ladder

    if keep and missed is None:
        raise ConfigError("expected --missed N with --keep, got no price to keep; for instance --missed 40 --keep")
    with context.obj.open() as workspace:
        now = workspace.settings.costs
        chosen = now if missed is None else at_price(now, missed)
        ladder = price_ladder(workspace, LADDER if missed is None else (*LADDER, missed))
        if now.opening:
            say(f"A missed event costs as much as {ladder.current:g} false alarms.")
        else:
            say("A false alarm costs nothing.")
        if now.opening and now.holding:
            windows = f"{now.opening / now.holding:.3g}"
            say(f"One that stays open for {windows} windows costs as much as opening another one.")
        rows = [
            (
                f"{rung.missed:g}" + (" (now)" if abs(rung.missed - ladder.current) < 1e-6 else ""),
                f"{rung.probability:.2f}",
                f"{rung.alarms:.2f}",
                f"{rung.open:.1%}",
            )
            for rung in ladder.rungs
        ]
        columns = ("missed event = false alarms", "opens above P", f"alarms per {ladder.unit}", "time in alarm")
        print_table("What the default alarm rule does at other prices", columns, rows)
        if picture is not None:
            picture.parent.mkdir(parents=True, exist_ok=True)
            draw_ladder(ladder).write_html(picture, include_plotlyjs=True)
            say(f"Picture: {picture}")
        if keep and missed is not None:
            file = keep_prices(workspace, chosen)
            say(f"Kept in {file}; the next retraining uses it: {context.obj.hint('retrain')}")
        elif missed is not None:
            say("Nothing was changed; add --keep to use this price from the next retraining on.")
