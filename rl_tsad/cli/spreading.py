"""Commands on what answers settle by spreading: spread list, show, why, withdraw, restore."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from rl_tsad.cli.console import print_table, say

spread = typer.Typer(no_args_is_help=True, help="What each answer settles among its look-alikes, and why.")
_SAYS = {-1: "unknown", 0: "normal", 1: "anomaly"}


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.add_typer(spread, name="spread")


@spread.command("list")
def list_spreads(context: typer.Context) -> None:
    """Show what each answer settled when it was given, and how well spreading does.

    Example: rl-tsad --workspace pumps spread list
    """
    from rl_tsad.services.look_alikes import record_of, standing

    with context.obj.open() as workspace:
        rows, facts = record_of(workspace), standing(workspace)
    columns = ("answer", "model", "normal", "anomaly", "released", "touched", "checked", "right", "when (UTC)")
    print_table(
        "What answers settled",
        columns,
        [
            (
                row.label_id,
                row.version_id,
                row.normals,
                row.anomalies,
                row.released,
                row.touched,
                row.checked,
                row.agreed,
                f"{row.created_at:%Y-%m-%d %H:%M:%S}",
            )
            for row in rows
        ],
    )
    if facts is None:
        say("There is no model yet. Run: rl-tsad train")
        return
    say(f"{facts.settled} of {facts.pool} windows are settled, {facts.anomalies} of them as anomalies.")
    say(f"  the graph holds {facts.recall:.1%} of the true nearest look-alikes")
    for label, floor in enumerate(facts.trust.floors):
        wanted = "none is settled" if math.isinf(floor) else f"settled from confidence {floor:.2f} on"
        checked, reached = facts.trust.checks[label], facts.trust.precision[label]
        found = f", right in {reached:.0%} by {checked:.0f} answers left out in turn" if checked else ""
        say(f"  {_SAYS[label]}: {wanted}{'' if math.isnan(reached) else found}")
    if facts.checked:
        say(f"  people answered {facts.checked} settled windows later; {facts.agreed} had been settled right")


@spread.command()
def show(
    context: typer.Context,
    answer: Annotated[int, typer.Argument(help="Number of the answer, from `rl-tsad spread list`.")],
    *,
    most: Annotated[int, typer.Option(help="Windows listed.", min=1)] = 50,
) -> None:
    """Show the windows that an answer settles at present, the surest first.

    Example: rl-tsad --workspace pumps spread show 12
    """
    from rl_tsad.services.look_alikes import settled_by

    with context.obj.open() as workspace:
        found = settled_by(workspace, answer)
    if found is None:
        say(f"Answer {answer} does not stand any more, or there is no model.")
        return
    say(f"Answer {answer} ({found.answer}) labels {len(found.keys)} windows, {found.keys[0]} first.")
    if found.withdrawn:
        say(f"It was withdrawn from spreading; bring it back with: {context.obj.hint(f'spread restore {answer}')}")
    listed = [
        (one.key, _SAYS[one.value], one.confidence, "taken out" if one.taken_out else "") for one in found.alike[:most]
    ]
    print_table(f"It settles {found.count(0) + found.count(1)} windows", ("window", "as", "confidence", ""), listed)
    if len(found.alike) > most:
        say(f"... and {len(found.alike) - most} more; see --most")


@spread.command()
def why(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="A window key, series:start:length.")],
    *,
    graphml: Annotated[Path | None, typer.Option(help="Write the graph around it to this file.")] = None,
) -> None:
    """Say why a window is taken for what it is: the ways from answers to it.

    Example: rl-tsad --workspace pumps spread why plant:640:64 --graphml why.graphml
    """
    from rl_tsad.services.look_alikes import why as reasons_of
    from rl_tsad.services.workspace import write_bytes

    with context.obj.open() as workspace:
        found = reasons_of(workspace, key)
        if graphml is not None:
            write_bytes(graphml, found.graphml)
    by = "a person said so" if found.answered else f"confidence {found.confidence:.2f}"
    say(f"{key}: {_SAYS[found.value]} ({by})")
    if not found.answered and found.value < 0 and found.paths:
        floor = "nothing is settled so" if math.isinf(found.floor) else f"settled from {found.floor:.2f} on"
        say(f"  it leans to no side surely enough: {floor}")
    for way, share, says in found.paths:
        say(f"  {share:.1%} {_SAYS[says]}: {' -> '.join(way)}")
    if not found.paths:
        say("  no answer is near it in the graph of look-alikes")
    if graphml is not None:
        say(f"The graph around it is in {graphml}")


@spread.command()
def withdraw(
    context: typer.Context,
    answer: Annotated[int, typer.Argument(help="Number of the answer, from `rl-tsad spread list`.")],
    *,
    window: Annotated[
        list[str] | None, typer.Option(help="Take only this window out (a key); repeatable. All of them if absent.")
    ] = None,
    analyst: Annotated[str, typer.Option(help="Who says so.")] = "operator",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be unknown again.")] = False,
) -> None:
    """Keep an answer from settling look-alikes, or some of them; the answer itself stays.

    Example: rl-tsad --workspace pumps spread withdraw 12 --window plant:640:64
    """
    from rl_tsad.services.look_alikes import settled_by, take_out

    with context.obj.open() as workspace:
        found = settled_by(workspace, answer)
        settled = {one.key for one in found.alike if not one.taken_out} if found else set()
        gone = settled if window is None else settled & set(window)
        if not dry_run:
            take_out(workspace, answer, analyst, window)
    say(f"{len(gone)} windows {'would be' if dry_run else 'are'} unknown again. Answer {answer} itself stays.")


@spread.command()
def restore(
    context: typer.Context,
    answer: Annotated[int, typer.Argument(help="Number of the answer, from `rl-tsad spread list`.")],
    *,
    window: Annotated[
        list[str] | None, typer.Option(help="Put only this window back (a key); repeatable. All if absent.")
    ] = None,
    analyst: Annotated[str, typer.Option(help="Who says so.")] = "operator",
) -> None:
    """Let an answer settle again what was taken out.

    Example: rl-tsad --workspace pumps spread restore 12
    """
    from rl_tsad.services.look_alikes import put_back

    with context.obj.open() as workspace:
        done = put_back(workspace, answer, analyst, window)
    say(f"{done} {'withdrawal was' if done == 1 else 'withdrawals were'} taken back.")
