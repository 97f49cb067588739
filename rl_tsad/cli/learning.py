"""Commands that learn and score: train, retrain, worker, score, models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_tsad.cli.console import print_table, progress_bars, say
from rl_tsad.cli.setting_up import reading_options

if TYPE_CHECKING:
    from rl_tsad.services.scoring import Scored

models = typer.Typer(no_args_is_help=True, help="Model versions.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.command()(train)
    app.command()(retrain)
    app.command()(worker)
    app.command()(score)
    app.add_typer(models, name="models")


def train(context: typer.Context) -> None:
    """Train on all series and answers now, in this process, and fill the queue.

    Example: rl-tsad --workspace pumps train
    """
    from rl_tsad.services.reporting import who_acts
    from rl_tsad.services.retraining import retrain as learn
    from rl_tsad.services.sounding import ledger_of, sentence_of

    with context.obj.open() as workspace, progress_bars() as progress:
        version = learn(workspace, progress=progress)
        ledger = ledger_of(workspace, version)
    unused = int(version.metrics["answers/unused"])
    if unused:
        say(f"{unused} answers are about windows that no longer exist (other window settings) and were not used.")
    say(f"Model version {version.id} is {'current' if version.metrics['promoted'] else 'kept, but not current'}.")
    if ledger:
        say(f"Language model: {sentence_of(ledger)}.")
    if acts := who_acts(workspace, version).get("who acts"):
        say(f"Alarms: {acts}.")
    say(f"Next: {context.obj.hint('ui')}")


def retrain(context: typer.Context) -> None:
    """Ask for a retraining; a worker does it. Asking twice is asking once.

    Example: rl-tsad --workspace pumps retrain
    """
    from rl_tsad.services.labeling import enqueue_retrain

    with context.obj.open() as workspace:
        job = enqueue_retrain(workspace, "command line")
    say(f"Job {job.id} is {job.state}. A worker does it: {context.obj.hint('worker')}")


def worker(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Do what is waiting, then stop.")] = False,
    poll: Annotated[float, typer.Option(help="Seconds between two looks for work.")] = 2.0,
) -> None:
    """Do the retraining jobs of this workspace, one after the other, until interrupted.

    Example: rl-tsad --workspace pumps worker --once
    """
    from rl_tsad.services.worker import work

    with context.obj.open() as workspace, progress_bars() as progress:
        done = work(workspace, once=once, poll=poll, progress=progress, tell=say)
    say(f"{done} jobs done.")


def score(
    context: typer.Context,
    *,
    path: Annotated[Path, typer.Argument(help="CSV or Parquet file, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .csv or .parquet.")],
    alarms: Annotated[Path | None, typer.Option(help="File for the list of alarms: start, end, highest score.")] = None,
    time: Annotated[str | None, typer.Option(help="Time column; found by itself when absent.")] = None,
    value: Annotated[list[str] | None, typer.Option(help="Value column; repeat for several.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Column separator; sniffed when absent.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of times written without one.")] = None,
    nan: Annotated[str, typer.Option(help="Missing values: interpolate, drop or refuse.")] = "interpolate",
    repeated: Annotated[str, typer.Option(help="A time that comes twice: refuse, first or shift.")] = "refuse",
    as_series: Annotated[
        str | None,
        typer.Option("--as", help="Trained series of which the file is a later recording; absent: the file's name."),
    ] = None,
) -> None:
    """Score every point of a file with the current model: series, time, score in [0, 1], verdict.

    Example: rl-tsad score today.csv --as sensors --out scores.csv --alarms alarms.csv
    """
    from rl_tsad.services.scoring import score_path

    options = reading_options(
        time=time, values=tuple(value or ()), delimiter=delimiter, timezone=timezone, nan=nan, repeated=repeated
    )
    with context.obj.open() as workspace, progress_bars() as progress:
        facts = score_path(workspace, path, out, options, alarms=alarms, as_series=as_series, progress=progress)
    _show_scored(facts)
    say(f"Written: {out}" + (f", {alarms}" if alarms else ""))


def _show_scored(facts: Sequence[Scored]) -> None:
    by = {True: "what was learnt of it", False: "its own statistics (new)"}
    rows = [(one.series, one.points, one.anomalous, one.alarms, by[one.known]) for one in facts]
    print_table("Scored", ("series", "points", "anomalous points", "alarms", "measured by"), rows)
    if not all(one.known for one in facts):
        say("A new series is measured by its own statistics; --as NAME measures a file by a trained series.")
    for one in facts:
        say(f"{one.series}: {one.losses}" if one.losses else "")


@models.command("list")
def list_models(context: typer.Context) -> None:
    """List the model versions, newest first.

    Example: rl-tsad models list
    """
    from rl_tsad.services.overview import current_id, versions

    with context.obj.open() as workspace:
        current = current_id(workspace)
        rows = [
            (
                f"{version.id}{' (current)' if version.id == current else ''}",
                version.created_at.astimezone().strftime("%Y-%m-%d %H:%M %Z"),
                version.config.get("learner"),
                int(version.metrics["questions"]),
                version.metrics.get("answers/agreement"),
                version.digest[:12],
            )
            for version in versions(workspace)
        ]
    columns = ("version", "made", "learner", "questions", "agrees with answers", "digest")
    print_table("Model versions", columns, rows)


@models.command("show")
def show_model(context: typer.Context) -> None:
    """Show what the current model learnt without labels.

    How much each member of the ensemble counts, and how well ASTER tells each kind of generated anomaly from what was
    recorded.

    Example: rl-tsad models show
    """
    from rl_tsad.services.learnt import read_learnt

    with context.obj.open() as workspace:
        learnt = read_learnt(workspace)
    names = [name for name in next(iter(learnt.weights.values())) if any(own[name] for own in learnt.weights.values())]
    rows = [(series, *(f"{own[name]:.0%}" for name in names)) for series, own in learnt.weights.items()]
    print_table(f"Version {learnt.version}: shares of the label-free score", ("series", *names), rows)
    kinds = [(kind, f"{first:.2f}", f"{last:.2f}") for kind, (first, last) in learnt.separability.items()]
    print_table("Separability (AUC-ROC; .5 is chance)", ("generator", "first tenth", "last tenth"), kinds)
