"""Commands that set up a project: init, ingest, datasets, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_tsad.cli.console import print_table, progress_bars, say
from rl_tsad.errors import ConfigError, DataError

if TYPE_CHECKING:
    from rl_tsad.data.readers import ReadOptions
    from rl_tsad.data.role_choice import RoleChoice
    from rl_tsad.data.understanding import Understanding

datasets = typer.Typer(no_args_is_help=True, help="Named public data sets.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.command()(init)
    app.command()(ingest)
    app.add_typer(datasets, name="datasets")
    app.command()(doctor)


def init(
    context: typer.Context,
    *,
    length: Annotated[int, typer.Option(help="Points per window: the context of a decision.")] = 64,
    stride: Annotated[int, typer.Option(help="Points that one decision covers.")] = 8,
    pool_fraction: Annotated[
        float, typer.Option(help="Earlier share of each series that may be asked; below 1, the rest is for evaluation.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Fixes everything random.")] = 0,
    database: Annotated[
        str | None, typer.Option(help="SQLAlchemy URL without a password; SQLite in the workspace when absent.")
    ] = None,
) -> None:
    """Make a workspace: a folder with settings, store, arrays, models and reports.

    Example: rl-tsad --workspace pumps init --stride 4
    """
    from db.session import read_url
    from rl_tsad.services.workspace import create_workspace
    from rl_tsad.settings import load_settings

    if database is not None and read_url(database).password:
        raise ConfigError(
            "expected a database URL without a password (the settings file would keep it), got one with a password; "
            "set the environment variable RL_TSAD_DATABASE instead, or use a .pgpass file"
        )
    window = {"length": length, "stride": stride}
    given = {"seed": seed, "database": database, "window": window, "split": {"pool_fraction": pool_fraction}}
    chosen = load_settings(**{**given, **context.obj.flags})
    existed = context.obj.exists
    with create_workspace(context.obj.root, chosen) as workspace:
        word = f"exists; its settings stay (edit {context.obj.settings_file})" if existed else "is ready"
        say(f"Workspace {workspace.root} {word}. Next: {context.obj.hint('ingest PATH')}")


def ingest(
    context: typer.Context,
    *,
    paths: Annotated[list[Path], typer.Argument(help="CSV or Parquet files, or folders (NAB, SKAB, SMAP, TSB-AD).")],
    time: Annotated[str | None, typer.Option(help="Time column; found by itself when absent.")] = None,
    value: Annotated[list[str] | None, typer.Option(help="Value column; repeat for several. All when absent.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of known anomalies (0/1).")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Column separator; sniffed when absent.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of times written without one, e.g. Europe/Paris.")] = None,
    nan: Annotated[str, typer.Option(help="Missing values: interpolate, drop or refuse.")] = "interpolate",
    repeated: Annotated[str, typer.Option(help="A time that comes twice: refuse, first or shift.")] = "refuse",
    name: Annotated[str | None, typer.Option(help="Name of the series; the file's name when absent.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Channel that is scored; repeat for several.")] = None,
    exogenous: Annotated[
        list[str] | None,
        typer.Option(help="Channel that only explains the others (a command, a set-point); repeat for several."),
    ] = None,
    roles: Annotated[
        str | None, typer.Option(help="What channels not named are: infer, all-targets or all-exogenous.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be understood.")] = False,
) -> None:
    """Read series into the workspace; the same series twice is kept once.

    Example: rl-tsad ingest sensors.csv --time timestamp --value flow --value pressure --timezone Europe/Paris
    """
    from rl_tsad.services import ingest as service
    from rl_tsad.services.workspace import create_workspace

    options = reading_options(
        time=time,
        values=tuple(value or ()),
        label=label,
        delimiter=delimiter,
        timezone=timezone,
        nan=nan,
        repeated=repeated,
        name=name,
        roles=role_choice(target, exogenous, roles),
    )
    if dry_run:
        _show_understanding(_preview(context, paths, options))
        say("Dry run: nothing was kept.")
        return
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: expected a file or folder, got nothing there; check the path")
    if not context.obj.exists:
        say(f"Making workspace {context.obj.root} with default settings (rl-tsad init chooses others).")
    with create_workspace(context.obj.root) as workspace, progress_bars() as progress:
        kept = service.ingest(workspace, paths, options, progress=progress)
    _show_understanding([one.understanding for one in kept])
    new = sum(one.is_new for one in kept)
    say(f"{new} series kept, {len(kept) - new} already there. Next: {context.obj.hint('train')}")


def role_choice(target: list[str] | None, exogenous: list[str] | None, others: str | None) -> RoleChoice:
    """Read the flags that give channels their roles.

    Raises:
        ConfigError: when they contradict each other.
    """
    from rl_tsad.data.role_choice import RoleChoice

    return RoleChoice(tuple(target or ()), tuple(exogenous or ()), others)  # type: ignore[arg-type]


def _preview(context: typer.Context, paths: list[Path], options: ReadOptions) -> list[Understanding]:
    """Read only; where there is a workspace, the roles of its series hold."""
    from rl_tsad.services.ingest import preview

    if not context.obj.exists:
        return preview(paths, options)
    with context.obj.open() as workspace:
        return preview(paths, options, workspace=workspace)


def reading_options(**given: object) -> ReadOptions:
    """Check the flags that say how to read a file.

    Raises:
        ConfigError: on an unknown policy for missing values.
    """
    from rl_tsad.data.readers import ReadOptions

    for flag, known in {"nan": ("interpolate", "drop", "refuse"), "repeated": ("refuse", "first", "shift")}.items():
        if given.get(flag, known[0]) not in known:
            raise ConfigError(f"expected --{flag} {', '.join(known)}, got {given[flag]!r}; choose one of these")
    return ReadOptions(**given)  # type: ignore[arg-type]


_FEW = 4


def _show_understanding(understood: list[Understanding]) -> None:
    """Say what was understood: every fact of a few series, a table of many."""
    from rl_tsad.data.role_choice import describe_roles

    if len(understood) <= _FEW:
        for one in understood:
            say("\n  ".join(one.sentences()))
        return
    rows = [
        (
            one.name,
            one.format,
            one.rows,
            f"{sum(not role.is_exogenous for role in one.roles)} of {len(one.channels)}",
            f"{one.first} to {one.last}",
            *_sampling(one),
            one.anomalies,
        )
        for one in understood
    ]
    print_table("Understood", ("series", "format", "points", "targets", "span", "step", "gaps", "anomalous"), rows)
    said = [(one.name, note) for one in understood for note in (describe_roles(one.roles), *one.notes)]
    for note in dict.fromkeys(note for _, note in said):
        names = [name for name, own in said if own == note]
        say(f"  {names[0] if len(names) == 1 else f'{len(names)} series'}: {note}")


def _sampling(one: Understanding) -> tuple[str, int]:
    return f"{one.median_step:g} {'samples' if one.time_column is None else 's'}", one.gaps


@datasets.command("list")
def list_datasets() -> None:
    """List the data sets that can be fetched, with source and licence.

    Example: rl-tsad datasets list
    """
    from rl_tsad.data.catalog import DATASETS

    rows = [(one.name, one.title, len(one.files), one.licence, one.url) for one in DATASETS.values()]
    print_table("Data sets", ("name", "what", "files", "licence", "source"), rows)


@datasets.command("fetch")
def fetch_dataset(
    name: Annotated[str, typer.Argument(help="nab, skab, smap or adbench.")],
    to: Annotated[Path, typer.Option(help="Folder to put it in.")] = Path("data"),
    source: Annotated[Path | None, typer.Option("--from", help="Copy and check a local folder instead.")] = None,
) -> None:
    """Download a data set from its publisher and check every file.

    Example: rl-tsad datasets fetch nab --to data
    """
    from rl_tsad.data.catalog import fetch

    with progress_bars() as progress:
        folder = fetch(name, to, source=source, progress=progress)
    say(f"{folder} is complete. Next: rl-tsad ingest {folder}")


def doctor(context: typer.Context) -> None:
    """Say what is installed, what is missing and what that costs; exit with 1 where something cannot work.

    Example: rl-tsad doctor
    """
    from rl_tsad.services.doctor import examine

    findings = examine(context.obj.root, **context.obj.flags)
    rows = [(one.what, one.state, one.meaning) for one in findings]
    print_table("Health", ("what", "state", "what that means"), rows)
    if any(one.is_fatal for one in findings):
        raise typer.Exit(1)
