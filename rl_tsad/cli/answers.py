"""Commands around answers in files: export and import, in our formats and other tools'."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rl_tsad.cli.console import print_table, say
from rl_tsad.errors import listed

if TYPE_CHECKING:
    from rl_tsad.services.importing import Imported

labels = typer.Typer(no_args_is_help=True, help="Answers, out and in.")
_FORMATS = "json, csv, points, intervals, intervals-json, nab, tsb-ad, trainset or label-studio"
_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.add_typer(labels, name="labels")


@labels.command("export")
def export_labels(
    context: typer.Context,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; without --format .json (history) or .csv (windows).")
    ],
    form: Annotated[str | None, typer.Option("--format", "-f", help=f"{_FORMATS}; see docs/formats.md.")] = None,
) -> None:
    """Write the answers to a file, for us or for another tool.

    Example: rl-tsad labels export --out answers.csv

    Example: rl-tsad labels export --format label-studio --out label-studio.zip

    Example: rl-tsad labels export --format intervals --out anomalies.csv
    """
    from rl_tsad.services.exchange import export_answers

    with context.obj.open() as workspace:
        count = export_answers(workspace, out, form)
    say(f"{count} answers written to {out}")


@labels.command("import")
def import_labels(
    context: typer.Context,
    *,
    path: Annotated[Path, typer.Argument(help="A file; for TSB-AD also a folder or a zip archive of files.")],
    analyst: Annotated[str, typer.Option(help="Who gave answers that name nobody.")] = "import",
    form: Annotated[
        str | None, typer.Option("--format", "-f", help=f"{_FORMATS}; told by the file's content when left out.")
    ] = None,
    rest: Annotated[
        Literal["unknown", "normal"],
        typer.Option(help="What windows are of which the file says nothing and nobody has answered."),
    ] = "unknown",
    conflicts: Annotated[
        Literal["replace", "keep", "refuse"],
        typer.Option(help="Where another answer stands: the file's replaces it, is left out, or is an error."),
    ] = "replace",
    timezone: Annotated[
        str | None, typer.Option(help="Zone of times that carry none; that of each series' own file when left out.")
    ] = None,
    series: Annotated[str | None, typer.Option(help="The series that is meant where the file names none.")] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out what is about series that are not here.")
    ] = False,
    anomaly_word: Annotated[
        list[str] | None, typer.Option(help="A label that means an anomaly, such as a kind of fault; repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be added.")] = False,
) -> None:
    """Add answers from a file: all of them, or none if a line is wrong. The same file twice is kept once.

    Example: rl-tsad labels import answers.csv

    Example: rl-tsad labels import combined_windows.json --skip-unknown --rest normal --dry-run

    Example: rl-tsad labels import project-1.json --anomaly-word spike --timezone Europe/Berlin
    """
    from rl_tsad.services.importing import ImportOptions, import_answers

    options = ImportOptions(
        analyst=analyst,
        form=form,
        rest=rest,
        conflicts=conflicts,
        timezone=timezone,
        series=series,
        skip_unknown=skip_unknown,
        anomaly_words=tuple(anomaly_word or ()),
    )
    with context.obj.open() as workspace:
        done = import_answers(workspace, path, options, dry_run=dry_run)
    _tell(done, path, dry_run=dry_run, conflicts=conflicts)


def _tell(done: Imported, path: Path, *, dry_run: bool, conflicts: str) -> None:
    verb = "would be added" if dry_run else "added"
    parts = [f"{count} {answer}" for answer, count in done.counts.items() if count]
    said = f" ({', '.join(parts)}, in {done.answers} answers)" if parts else ""
    say(f"{done.added} windows {verb} from {path}, read as {done.form}{said}; {done.known} stand so already")
    if done.conflicts:
        kept = (
            "what stands is kept"
            if conflicts == "keep"
            else "the file's answer " + ("would stand" if dry_run else "stands")
        )
        say(f"{len(done.conflicts)} windows are answered differently; {kept}:")
        rows = [(one.key, one.standing, one.analyst, one.said) for one in done.conflicts[:_SHOWN]]
        print_table("", ("window", "stands", "by", "file says"), rows)
    if done.strange:
        say(f"Left out, no series of this workspace: {listed(done.strange)}")
    if done.outside:
        say(
            f"{done.outside} windows are kept for the test, or lie between it and the pool, and were left out; the "
            f"first: {done.first_outside}"
        )
    if done.empty:
        say(f"{done.empty} stretches hold no point, as inside a recording gap; they say nothing")
    if done.unheard:
        say(f"{done.unheard} stretches label no window of their own: too short for normal or unsure, or said twice")
