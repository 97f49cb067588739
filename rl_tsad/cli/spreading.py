"""Commands on what answers settle by spreading: spread list, show, why, withdraw, restore."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_tsad.cli.console import print_table, say
from rl_tsad.errors import LabelingError, WorkspaceError

if TYPE_CHECKING:
    from rl_tsad.services.reasons import Reasons, Recorded

spread = typer.Typer(no_args_is_help=True, help="What each answer settles among its look-alikes, and why.")
_SAYS = {-1: "unknown", 0: "normal", 1: "anomaly"}


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.add_typer(spread, name="spread")


@spread.command("list")
def list_spreads(context: typer.Context) -> None:
    """Show what each answer settled when it was given, and how well spreading does.

    released: windows that were settled before and are not any more; checked: windows of the answer itself that had been
    settled before; right: those of them that had been settled right.

    Example: rl-tsad --workspace pumps spread list
    """
    from rl_tsad.services.reasons import record_of, standing

    with context.obj.open() as workspace:
        rows, facts = record_of(workspace), standing(workspace)
    columns = ("answer", "says", "window", "model", "normal", "anomaly", "released", "checked", "right", "now")
    print_table(
        "What answers settled when they were given",
        columns,
        [
            (
                *(one.label.id, one.label.answer, one.label.key, one.spread.version_id, one.spread.normals),
                *(one.spread.anomalies, one.spread.released, one.spread.checked, one.spread.agreed, _state(one)),
            )
            for one in rows
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
        raise LabelingError(
            f"expected an answer that stands, and a model; answer {answer} was taken back, or none is there"
        )
    say(f"Answer {answer} ({found.answer}) labels {len(found.keys)} windows, {found.keys[0]} first.")
    if found.withdrawn:
        say(f"It was withdrawn from spreading; bring it back with: {context.obj.hint(f'spread restore {answer}')}")
    listed = [
        (one.key, _SAYS[one.value], one.confidence, "taken out" if one.taken_out else "") for one in found.alike[:most]
    ]
    print_table(f"It settles {found.count(0) + found.count(1)} windows", ("window", "as", "confidence", "note"), listed)
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
    from rl_tsad.services.reasons import why as reasons_of
    from rl_tsad.services.workspace import write_bytes

    if graphml is not None and not graphml.parent.is_dir():
        raise WorkspaceError(f"expected a folder for the file, got {graphml.parent}, which is none; make it first")
    with context.obj.open() as workspace:
        found = reasons_of(workspace, key)
        if graphml is not None:
            write_bytes(graphml, found.graphml)
    say(f"{key}: {_verdict(found)}")
    for way, share, says in found.paths:
        say(f"  {share:.0%} of what reaches it: {_SAYS[says]}, {' -> '.join(way)}")
    if not found.paths and not found.answered and not found.taken_out:
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
    would = "would be" if dry_run else "is" if len(gone) == 1 else "are"
    say(f"{len(gone)} {'window' if len(gone) == 1 else 'windows'} {would} unknown again. Answer {answer} itself stays.")


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


def _state(one: Recorded) -> str:
    if not one.stands:
        return "taken back"
    if one.withdrawn:
        return "withdrawn"
    return f"{one.taken_out} taken out" if one.taken_out else ""


def _verdict(found: Reasons) -> str:
    """Say what a window is taken for, and why not where it is not."""
    if found.answered:
        return f"{_SAYS[found.value]}, a person said so"
    if found.taken_out:
        return "unknown: somebody took it out of what an answer settles"
    if found.value >= 0:
        return f"{_SAYS[found.value]}, settled with confidence {found.confidence:.2f}; {found.floor:.2f} is enough"
    if found.lean < 0:
        return "unknown"
    leaning = f"unknown: it leans to {_SAYS[found.lean]} with confidence {found.confidence:.2f}"
    if math.isinf(found.floor):
        return f"{leaning}, and nothing is settled as {_SAYS[found.lean]} at present"
    return f"{leaning}; {found.floor:.2f} would be enough"
