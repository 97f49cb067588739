"""Which channels of a workspace are targets, and how is that changed later? Models of other roles are not reused."""

from __future__ import annotations

from collections.abc import Sequence

from db import series as series_rows
from db.records import SeriesRecord
from rl_tsad.data.role_agreement import aligned, inferred_roles
from rl_tsad.data.role_choice import ChannelRole, RoleChoice, need_target
from rl_tsad.errors import WorkspaceError
from rl_tsad.services.workspace import Workspace, list_series, load_series


def stored_roles(workspace: Workspace) -> dict[frozenset[str], set[str]]:
    """Give the exogenous channels of the stored series, by the set of their channel names.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from rl_tsad.services.workspace import create_workspace
        >>> with tempfile.TemporaryDirectory() as folder, create_workspace(Path(folder) / "w") as ws:
        ...     stored_roles(ws)
        {}
    """
    return {frozenset(record.channels): set(record.exogenous) for record in list_series(workspace)}


def change_roles(workspace: Workspace, choice: RoleChoice) -> list[SeriesRecord]:
    """Change channels' roles in all series that have these channels; the next training learns everything anew.

    Args:
        workspace: whose series.
        choice: what changes; channels that it does not name keep their role unless ``choice.others`` says more.

    Returns:
        The series whose roles have changed.

    Raises:
        WorkspaceError: when there is no series.
        DataError: when no channel has a named name, or a series would be left without a target.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from rl_tsad.data.simulate import simulate_plant
        >>> from rl_tsad.services.ingest import keep_series
        >>> from rl_tsad.services.workspace import create_workspace
        >>> with tempfile.TemporaryDirectory() as folder, create_workspace(Path(folder) / "w") as ws:
        ...     _ = keep_series(ws, simulate_plant(seed=0).series, source="simulated")
        ...     [record.exogenous for record in change_roles(ws, RoleChoice(exogenous=("valve",)))]
        [('load', 'valve')]
    """
    records = list_series(workspace)
    if not records:
        raise WorkspaceError("expected at least one series in the workspace, got none; run: rl-tsad ingest PATH")
    choice.check_names(list(dict.fromkeys(name for record in records for name in record.channels)))
    groups: dict[frozenset[str], list[SeriesRecord]] = {}
    for record in records:
        groups.setdefault(frozenset(record.channels), []).append(record)
    changes = []
    for its in groups.values():
        roles = choice.over(_unnamed(workspace, its, choice))
        need_target(roles, f"series {its[0].name!r}")
        exogenous = {one.name for one in roles if one.is_exogenous}
        changes += [(record, exogenous) for record in its if set(record.exogenous) != exogenous]
    with workspace.store.begin() as session:
        return [series_rows.set_exogenous(session, record.id, _ordered(record, names)) for record, names in changes]


def _unnamed(workspace: Workspace, records: Sequence[SeriesRecord], choice: RoleChoice) -> tuple[ChannelRole, ...]:
    """What the channels are that the choice does not name."""
    channels, stored = records[0].channels, records[0].exogenous
    if choice.others == "infer":
        opened = [load_series(workspace, record) for record in records]
        return inferred_roles([aligned(one.values, one.channels, channels) for one in opened], channels)
    given = {"all-targets": (), "all-exogenous": channels}.get(choice.others or "", stored)
    return tuple(ChannelRole(name, name in given, "as it was") for name in channels)


def _ordered(record: SeriesRecord, names: set[str]) -> list[str]:
    return [name for name in record.channels if name in names]
