"""Commands that show what labels are worth: simulate, report, demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from rl_tsad.cli.console import print_table, progress_bars, say
from rl_tsad.errors import ConfigError

if TYPE_CHECKING:
    from rl_tsad.config import Protocol
    from rl_tsad.evaluation.budget import Measurement


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.command()(simulate)
    app.command()(report)
    app.command()(demo)


def simulate(
    context: typer.Context,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for runs, report.html, curve.csv, curve.json.")],
    data: Annotated[
        Path | None, typer.Option(help="Labelled files or folder; the workspace's series if absent.")
    ] = None,
    budgets: Annotated[str, typer.Option(help="Numbers of questions, with commas.")] = "0,20,50,100",
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 3,
    protocol: Annotated[str, typer.Option(help="past_future or unseen (whole series held out).")] = "past_future",
    pool_fraction: Annotated[float, typer.Option(help="Share that may be asked.")] = 0.6,
    methods: Annotated[str, typer.Option(help="With commas: agent, forest or published (controls).")] = "agent,forest",
) -> None:
    """Play the analyst from known truth over budgets and seeds; interrupted, the same command goes on.

    Example: rl-tsad simulate --data data/nab --budgets 0,20,50,100 --seeds 3 --out study
    """
    from rl_tsad.services.reporting import report_study
    from rl_tsad.services.simulate import Study, read_material, run_study
    from rl_tsad.settings import load_settings

    chosen = cast("Protocol", protocol.replace("-", "_"))
    study = Study(_numbers(budgets), seeds, tuple(methods.split(",")), chosen, pool_fraction)
    settings = load_settings(context.obj.settings_file if context.obj.exists else None, **context.obj.flags)
    with progress_bars() as progress:
        series = read_material(data, context.obj.root)
        rows = run_study(series, out, study, settings, progress=progress)
        path = report_study(rows, out, study_facts(study, len(series), data))
    show_measurements(rows)
    say(f"Report: {path}")


def study_facts(study: object, count: int, data: Path | None) -> dict[str, str]:
    """Say in words what a study played."""
    from dataclasses import asdict

    facts = {name: str(value) for name, value in asdict(study).items()}  # type: ignore[call-overload]
    return {"data": data.name if data else "workspace", "series": str(count), **facts}


def report(
    context: typer.Context,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; the workspace's reports/ when absent.")
    ] = None,
) -> None:
    """Write this project's report.html, curve.csv and curve.json (accuracy against questions), and answers.csv.

    Example: rl-tsad --workspace pumps report
    """
    from rl_tsad.services.reporting import report_workspace

    with context.obj.open() as workspace:
        rows, path = report_workspace(workspace, out or workspace.reports)
    show_measurements(rows)
    say(f"Report: {path}")


def demo(
    context: typer.Context,
    *,
    data: Annotated[Path | None, typer.Option(help="Your own labelled files instead of the simulated plant.")] = None,
    budgets: Annotated[str, typer.Option(help="Numbers of questions, with commas.")] = "0,10,20,40",
) -> None:
    """Simulate a plant, train, play an analyst for a few rounds, and write the report. A second run reuses it all.

    Example: rl-tsad --workspace demo-workspace demo
    """
    from rl_tsad.services.demo import run_demo

    with progress_bars() as progress:
        rows, path = run_demo(context.obj.root, _numbers(budgets), data=data, progress=progress)
    show_measurements(rows)
    say(f"Report:        {path}")
    say(f"Label it yourself: {context.obj.hint('ui')}")


def show_measurements(rows: Sequence[Measurement]) -> None:
    """Print the budget table: a row per method and budget, means over seeds with bootstrap intervals."""
    from rl_tsad.evaluation.budget import budget_curves, table_rows
    from rl_tsad.evaluation.summary import NOTHING

    if not rows:
        say(NOTHING)
        return
    metrics = ("point_f1", "event_f1", "auc_pr", "agreement")
    table = table_rows(budget_curves(rows, metrics), rows)
    shown = [metric for metric in metrics if table and metric in table[0]]
    lines = [
        [
            row["method"],
            row["budget"],
            f"{row['questions']:.0f}",
            f"{row['labels']:.0f}",
            f"{row['seconds']:.0f}",
            *(_cell(row, m) for m in shown),
        ]
        for row in table
    ]
    names = [metric.replace("_", " ") for metric in shown]
    seeds = max((row["seeds"] for row in table), default=1)
    how = f"mean and 95 % interval over {seeds} seeds" if seeds > 1 else "one seed"
    print_table(f"What questions bought ({how})", ("method", "budget", "asked", "labels", "seconds", *names), lines)


def _cell(row: Mapping[str, float], metric: str) -> str:
    mean, low, high = row[metric], row[f"{metric}_low"], row[f"{metric}_high"]
    return f"{mean:.3f}" + (f" [{low:.3f}, {high:.3f}]" if row["seeds"] > 1 else "")


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"expected whole numbers with commas, got {text!r}; for instance 0,20,50,100") from None
