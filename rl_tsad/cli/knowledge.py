"""Commands on what a language model knows and is told: notes, language."""

from __future__ import annotations

from typing import Annotated

import typer

from rl_tsad.cli.console import print_table, progress_bars, say

language = typer.Typer(
    no_args_is_help=True, help="The language model: whether it answers, what it would be asked, what was spent."
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.command()(notes)
    app.add_typer(language, name="language")


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


@language.command()
def check(context: typer.Context) -> None:
    """Ask the language model of the settings one small question, and show what came and what it cost.

    Example: rl-tsad --workspace pumps language check
    The key of a server that wants one is in the environment variable RL_TSAD_API_KEY.
    """
    from rl_tsad.services.sounding import try_language

    with context.obj.open() as workspace:
        config = workspace.settings.language
        if config.backend in ("statistics", "off"):
            say(f"No language model is asked: language.backend is {config.backend!r}.")
            return
        name, told, seconds = try_language(config)
    say(f"{name} answers in {seconds:.1f} s: {told}.")


@language.command()
def plan(
    context: typer.Context,
    *,
    show: Annotated[int, typer.Option(help="How many of the questions to show in full.", min=0)] = 1,
) -> None:
    """Show what the language model would be asked and the most that it would cost; nothing is asked.

    Example: rl-tsad --workspace pumps language plan --show 3
    """
    from rl_tsad.language.asking import is_within
    from rl_tsad.language.backend import writes
    from rl_tsad.services.sounding import plan as choose

    with context.obj.open() as workspace, progress_bars() as progress:
        config = workspace.settings.language
        if not writes(config):
            say(
                f"Nothing is asked with language.backend = {config.backend!r}; only 'local' and 'server' write replies."
            )
            return
        chosen = choose(workspace, progress=progress)
    for number, question in enumerate(chosen.questions[:show], 1):
        say(f"Question {number} of {len(chosen.questions)}")
        for message in question:
            say(f"[{message.role}]\n{message.text}\n")
    spent, money = chosen.expected(config)
    say(
        f"{len(chosen.questions)} questions for {len(chosen.prior)} windows; others inherit from their look-alikes: "
        f"at most about {spent.tokens_in} tokens read, {spent.tokens_out} written, cost {money:.4g}, "
        "and as much again for replies that cannot be read."
    )
    if not is_within(spent, config.asking):
        say("That is more than [language.asking] allows: the last questions may not be asked.")
    say("Limits are in rl-tsad.toml under [language.asking]; what is in the cache costs nothing.")


@language.command()
def spent(context: typer.Context) -> None:
    """Show what asking language models cost and brought: for the current model version, and in all.

    Example: rl-tsad --workspace pumps language spent
    """
    from rl_tsad.errors import NotTrainedError
    from rl_tsad.services.scoring import current_version
    from rl_tsad.services.sounding import ledger_of, sentence_of, spent_in_all

    with context.obj.open() as workspace:
        total = spent_in_all(workspace)
        try:
            version, _ = current_version(workspace)
            ledger = ledger_of(workspace, version)
            told = sentence_of(ledger) if ledger else "no language model that writes was asked"
            say(f"Model version {version.id}: {told}.")
        except NotTrainedError:
            say("There is no model version yet.")
    tokens = f"{total.tokens_in} tokens read, {total.tokens_out} written"
    say(f"In all, interrupted trainings included: {total.calls} calls, {tokens}, {total.unusable} replies unusable.")
