"""Commands about who may come in: people, tokens, the audit. Whoever runs them owns the workspace's files: an admin."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_tsad.cli.console import print_table, say
from rl_tsad.errors import ConfigError

if TYPE_CHECKING:
    from db.desk_records import Role
    from rl_tsad.services.people import Visitor

team = typer.Typer(no_args_is_help=True, help="Who may come in, and what they may.")
token = typer.Typer(no_args_is_help=True, help="Keys to the API.")
_DRY = typer.Option("--dry-run", help="Only say what would happen.")
_ROLE = typer.Option(help="viewer, analyst, reviewer or admin; each may all that those before it may.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the root command."""
    app.add_typer(team, name="team")
    app.add_typer(token, name="token")
    app.command()(audit)


@team.command("list")
def list_team(context: typer.Context) -> None:
    """List who may come in.

    Example: rl-tsad team list
    """
    from rl_tsad.services.team import list_people

    with context.obj.open() as workspace:
        mode = workspace.settings.access.mode
        people = list_people(workspace, _me())
    rows = [
        (one.name, one.role.value, "may come in" if one.active else "kept out", _shown(one.created_at))
        for one in people
    ]
    print_table(f"Team (access.mode is {mode})", ("name", "role", "state", "since"), rows)


@team.command("add")
def add_to_team(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="As the identity provider or the proxy calls them.")],
    role: Annotated[str, _ROLE] = "analyst",
) -> None:
    """Let somebody in, or somebody who was kept out in again.

    Example: rl-tsad team add ann@example.org --role reviewer
    """
    from rl_tsad.services.team import add_person, list_people, reactivate, set_role

    me, wanted = _me(), _role(role)
    with context.obj.open() as workspace:
        known = {one.name: one for one in list_people(workspace, me)}
        if name in known and not known[name].active:
            reactivate(workspace, me, name)
            set_role(workspace, me, name, wanted)
        else:
            add_person(workspace, me, name, wanted)
    say(f"{name} may come in as {wanted.value}.")


@team.command("role")
def give_role(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="Whose.")],
    role: Annotated[str, typer.Argument(help="viewer, analyst, reviewer or admin.")],
) -> None:
    """Give somebody another role.

    Example: rl-tsad team role ann@example.org admin
    """
    from rl_tsad.services.team import set_role

    with context.obj.open() as workspace:
        person = set_role(workspace, _me(), name, _role(role))
    say(f"{person.name} is {person.role.value} now.")


@team.command("remove")
def remove_from_team(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="Who comes in no more; their answers stay.")],
    dry_run: Annotated[bool, _DRY] = False,
) -> None:
    """Keep somebody out and end all their tokens.

    Example: rl-tsad team remove ann@example.org --dry-run
    """
    from rl_tsad.services.team import deactivate

    with context.obj.open() as workspace:
        person = deactivate(workspace, _me(), name, dry_run=dry_run)
    say(f"{person.name} ({person.role.value}) {'would be' if dry_run else 'is'} kept out; all their tokens end.")


@token.command("make")
def make_token(
    context: typer.Context,
    *,
    owner: Annotated[str, typer.Argument(help="In whose name.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "script",
    role: Annotated[str, _ROLE] = "analyst",
    hours: Annotated[float | None, typer.Option(help="Hours until it ends; never when absent.")] = None,
) -> None:
    """Make a token and print its secret, once; it goes to standard output alone, so that it can be kept in a variable.

    Example: KEY=$(rl-tsad token make ann@example.org --name nightly --role viewer --hours 720)
    """
    from rl_tsad.cli.console import error_console
    from rl_tsad.services.people import mint

    with context.obj.open() as workspace:
        made, secret = mint(workspace, _me(), owner=owner, name=name, role=_role(role), hours=hours)
    ends = "never ends" if made.expires_at is None else f"ends {_shown(made.expires_at)}"
    text = f"Token {made.id} of {owner}, {made.role.value}, {ends}. Its secret is kept nowhere:"
    error_console.print(text, markup=False, highlight=False, soft_wrap=True)
    say(secret)


@token.command("list")
def list_all_tokens(
    context: typer.Context,
    *,
    owner: Annotated[str | None, typer.Option(help="Only this person's.")] = None,
) -> None:
    """List tokens, newest first; their secrets are kept nowhere.

    Example: rl-tsad token list --owner ann@example.org
    """
    from rl_tsad.services.people import list_tokens, token_state

    with context.obj.open() as workspace:
        found = list_tokens(workspace, _me(), owner)
    rows = [
        (one.id, person.name, one.name, one.role.value, token_state(one, person), _shown(one.used_at))
        for one, person in found
    ]
    print_table("Tokens", ("number", "of", "for", "role", "state", "last used"), rows)


@token.command("revoke")
def revoke_token(
    context: typer.Context,
    *,
    number: Annotated[int, typer.Argument(help="Its number, see `rl-tsad token list`.")],
    dry_run: Annotated[bool, _DRY] = False,
) -> None:
    """Take a token back: it stops counting at once.

    Example: rl-tsad token revoke 3 --dry-run
    """
    from rl_tsad.services.people import revoke

    with context.obj.open() as workspace:
        is_new = revoke(workspace, _me(), number, dry_run=dry_run)
    said = "would not count any more" if dry_run else "does not count any more"
    say(f"Token {number} {said}." if is_new else f"Token {number} was taken back before.")


def audit(
    context: typer.Context,
    *,
    who: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as person/role, or person for its kind.")] = None,
    since: Annotated[str | None, typer.Option(help="From when on, such as 2026-03-01 or 2026-03-01T08:00Z.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write: .csv or .json.")] = None,
    last: Annotated[int, typer.Option(help="Entries to show at most.")] = 50,
) -> None:
    """Show who changed what: people, tokens, retraining and more, newest first; with --out, write all of it to a file.

    Example: rl-tsad audit --action person --since 2026-03-01 --out audit.csv
    """
    from db.audit import AuditFilter
    from rl_tsad.services.auditing import audit_count, audit_entries, export_audit

    wanted = AuditFilter(who=who, action=action, since=None if since is None else _moment(since))
    with context.obj.open() as workspace:
        if out is not None:
            count = export_audit(workspace, _me(), out, wanted)
            say(f"{count} entries written to {out}")
            return
        entries = audit_entries(workspace, _me(), wanted, limit=max(1, last))
        count = audit_count(workspace, _me(), wanted)
    rows = [
        (_shown(one.at), one.who, one.action, one.subject, ", ".join(f"{k} {v}" for k, v in one.details.items()))
        for one in entries
    ]
    print_table(f"Audit: {len(rows)} of {count} entries", ("when (UTC)", "who", "what", "to", "more"), rows)


def _me() -> Visitor:
    """Whoever has this shell has the workspace's files: an admin under their login name."""
    import getpass

    from rl_tsad.services.people import local_visitor

    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):
        name = ""
    return local_visitor(name or "command line")


def _role(text: str) -> Role:
    from db.desk_records import Role

    try:
        return Role(text)
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise ConfigError(f"expected a role of {known}, got {text!r}; choose one of these") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"expected --since such as 2026-03-01 or 2026-03-01T08:00Z, got {text!r}; mend it") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shown(moment: datetime | None) -> str:
    return "-" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
