"""What models and jobs are there? For pages and the command line; torch is out of reach."""

from __future__ import annotations

from db import jobs as job_rows
from db import labels
from db import versions as version_rows
from db.records import Job, ModelVersion
from rl_tsad.active.graph_files import load_windows
from rl_tsad.services.workspace import Workspace


def versions(ws: Workspace) -> list[ModelVersion]:
    """List all model versions, newest first.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from rl_tsad.services.workspace import create_workspace
        >>> with tempfile.TemporaryDirectory() as folder, create_workspace(Path(folder) / "w") as ws:
        ...     versions(ws), jobs(ws)
        ([], [])
    """
    with ws.store.read() as session:
        return sorted(version_rows.all(session), key=lambda version: version.id, reverse=True)


def jobs(ws: Workspace) -> list[Job]:
    """List all jobs, newest first (example under :func:`versions`)."""
    with ws.store.read() as session:
        return sorted(job_rows.all(session), key=lambda job: job.id, reverse=True)


def current_id(ws: Workspace) -> int | None:
    """Say which version is current, if any (example under :func:`versions`)."""
    with ws.store.read() as session:
        current = version_rows.current(session)
    return current.id if current else None


def fresh_answers(ws: Workspace) -> int:
    """Count the questions answered since the current model was trained; all of them where there is none.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from rl_tsad.services.workspace import create_workspace
        >>> with tempfile.TemporaryDirectory() as folder, create_workspace(Path(folder) / "w") as ws:
        ...     fresh_answers(ws), pool_size(ws)
        (0, 0)
    """
    with ws.store.read() as session:
        spent, version = labels.spent(session), version_rows.current(session)
    known = 0 if version is None else int(version.metrics.get("questions") or 0)
    return max(0, spent.questions - known)


def pool_size(ws: Workspace) -> int:
    """Count the windows of the current model's graph, those that may be asked (example under :func:`fresh_answers`).

    Returns:
        0 where there is no model, or its graph is not there.
    """
    with ws.store.read() as session:
        version = version_rows.current(session)
    folder = None if version is None else ws.model_folder(version) / "graph"
    return 0 if folder is None or not folder.is_dir() else len(load_windows(folder))
