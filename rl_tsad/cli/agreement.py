"""Commands around several people on one queue: how they agree, what is known, who is asked about what."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from db.records import Answer
from rl_tsad.cli.console import print_table, say

agreement = typer.Typer(no_args_is_help=True, help="Several people on one queue: do they agree, who is asked what.")
controls = typer.Typer(no_args_is_help=True, help="Questions whose answer is known, asked again to see how people do.")
agreement.add_typer(controls, name="controls")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.add_typer(agreement, name="agreement")


@agreement.command("show")
def show_agreement(context: typer.Context) -> None:
    """Show how people do, how much they agree (Krippendorff's alpha), and what waits for a reviewer.

    alone: questions on which all others who answered said the contrary.

    Example: rl-tsad --workspace pumps agreement show
    """
    from rl_tsad.evaluation.agreement import in_words
    from rl_tsad.services.agreement_of_people import teamwork
    from rl_tsad.services.people import local_visitor

    with context.obj.open() as workspace:
        found = teamwork(workspace, local_visitor(_me()))
    people = ("name", "answers", "asked with others", "alone", "an hour", "controls", "right")
    print_table(
        "People",
        people,
        [
            (
                one.name,
                one.total,
                one.shared,
                one.alone,
                None if one.per_hour is None else round(one.per_hour),
                *((one.controls.asked, one.controls.right) if one.controls else (None, None)),
            )
            for one in found.workers
        ],
    )
    pairs = [(one.first, one.second, one.alpha.value, one.alpha.questions, one.alpha.same) for one in found.pairs]
    print_table("Two by two", ("first", "second", "alpha", "questions", "same"), pairs)
    waiting = [one for one in found.disagreements if one.waits]
    rows = [(one.item.id, one.item.key, ", ".join(f"{name}: {answer}" for name, answer in one.said)) for one in waiting]
    print_table("Waiting for a reviewer", ("review", "window", "said"), rows)
    alpha = found.alpha
    value = "" if alpha.value is None else f"{alpha.value:.2f}, "
    interval = "" if alpha.interval is None else f", 95 % interval {alpha.interval[0]:.2f} to {alpha.interval[1]:.2f}"
    say(f"Alpha of everybody: {value}{in_words(alpha.value)} ({alpha.questions} questions{interval})")


@agreement.command("assign")
def assign_series(
    context: typer.Context,
    *,
    series: Annotated[str, typer.Argument(help="A series of the workspace.")],
    person: Annotated[str, typer.Argument(help="Who is asked about it; others only where it is theirs too.")],
    away: Annotated[bool, typer.Option("--away", help="Take it from them instead.")] = False,
) -> None:
    """Ask a certain person about a series; several may have it. Where nobody has it, anybody is asked.

    Example: rl-tsad agreement assign pump-3 ann
    """
    from rl_tsad.services.people import local_visitor
    from rl_tsad.services.sharing import assign, unassign

    with context.obj.open() as workspace:
        changed = (unassign if away else assign)(workspace, local_visitor(_me()), series, person)
    told = f"{series} is {person}'s no longer" if away else f"{series} is {person}'s"
    say(told if changed else f"Nothing changed: {series} was {'not ' if away else ''}{person}'s before")


@agreement.command("review")
def give_review(
    context: typer.Context,
    *,
    review: Annotated[int, typer.Argument(help="Number of a review, as `rl-tsad agreement show` lists it.")],
    person: Annotated[str | None, typer.Argument(help="Who decides it; left out: any reviewer.")] = None,
) -> None:
    """Let a certain reviewer decide a disagreement, even one who is among those that differ.

    Example: rl-tsad agreement review 17 rita
    """
    from rl_tsad.services import sharing
    from rl_tsad.services.people import local_visitor

    with context.obj.open() as workspace:
        sharing.give_review(workspace, local_visitor(_me()), review, person)
    say(f"Review {review} waits for {person or 'any reviewer'}")


@controls.command("set")
def set_control(
    context: typer.Context,
    *,
    key: Annotated[str, typer.Argument(help="A window that was asked about, such as pump-3:128:64.")],
    expected: Annotated[Answer, typer.Argument(help="What is known; it must be what stands.")],
) -> None:
    """Ask people again about a window whose answer is known, untold (see the setting active.controls).

    Example: rl-tsad agreement controls set pump-3:128:64 anomaly
    """
    from rl_tsad.services import sharing
    from rl_tsad.services.people import local_visitor

    with context.obj.open() as workspace:
        sharing.set_control(workspace, local_visitor(_me()), key, expected)
        rate = workspace.settings.active.controls
    say(f"{key} is a control now: {expected}" + ("" if rate else "; none are asked until active.controls is above 0"))


@controls.command("end")
def end_control(
    context: typer.Context, *, key: Annotated[str, typer.Argument(help="A control, by its window.")]
) -> None:
    """Ask nobody about a control any more; what was said of it stays.

    Example: rl-tsad agreement controls end pump-3:128:64
    """
    from rl_tsad.services import sharing
    from rl_tsad.services.people import local_visitor

    with context.obj.open() as workspace:
        was_one = sharing.end_control(workspace, local_visitor(_me()), key)
    say(f"{key} is asked no more" if was_one else f"Nothing changed: {key} was no control")


@controls.command("list")
def list_controls(context: typer.Context) -> None:
    """List the controls that are asked.

    Example: rl-tsad agreement controls list
    """
    from rl_tsad.services import sharing
    from rl_tsad.services.people import local_visitor

    with context.obj.open() as workspace:
        found = sharing.list_controls(workspace, local_visitor(_me()))
    rows = [(one.key, one.expected, one.who, one.created_at.date()) for one in found]
    print_table("Controls", ("window", "known", "set by", "since"), rows)


def _me() -> str:
    return getpass.getuser()
